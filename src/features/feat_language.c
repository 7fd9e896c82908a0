/**
 * Which language is a text written in? Scripts decide between most; among languages of Latin
 * letters the function words do, and Han without kana is Chinese.
 */
#include <forkreel/text.h>

#include <stdint.h>
#include <string.h>

enum { TOLD_BYTES = 2048 /* of a text; more does not change the answer */ };

enum script {
    OTHER,
    LATIN,
    HAN,
    KANA,
    HANGUL,
    CYRILLIC,
    GREEK,
    ARABIC,
    HEBREW,
    THAI,
    DEVANAGARI,
    N_SCRIPTS
};

static enum script script_of(uint32_t c)
{
    if (c < 0x250) {
        const uint32_t lower = c | 0x20;
        return (lower >= 'a' && lower <= 'z' && c < 0x80) || (c >= 0xc0 && c != 0xd7)
                   ? LATIN
                   : OTHER;
    }
    static const struct {
        uint32_t first, last;
        enum script script;
    } range[] = {
        {0x370, 0x3ff, GREEK},    {0x400, 0x52f, CYRILLIC},   {0x590, 0x5ff, HEBREW},
        {0x600, 0x6ff, ARABIC},   {0x900, 0x97f, DEVANAGARI}, {0xe00, 0xe7f, THAI},
        {0x1100, 0x11ff, HANGUL}, {0x3041, 0x30ff, KANA},     {0x3400, 0x4dbf, HAN},
        {0x4e00, 0x9fff, HAN},    {0xac00, 0xd7a3, HANGUL},   {0xf900, 0xfaff, HAN},
        {0x20000, 0x323af, HAN},
    };
    for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
        if (c < range[i].first) {
            return OTHER;
        }
        if (c <= range[i].last) {
            return range[i].script;
        }
    }
    return OTHER;
}

/** Function words that hardly any other language of the list shares. */
static const struct {
    const char *code, *words;
} latin[] = {
    {"en", " the and of to is in that it was for with this but you are his not have from "
           "be by they who an as on her film movie i'm it's don't "},
    {"fr",
     " le la les des et est une dans que qui pour sur pas avec il elle du au ce son "
     "sont cette mais nous très c'est "},
    {"de", " der die das und ist nicht ein eine mit von zu den dem auf für sich auch es "
           "ich wird sie er im aber wie "},
    {"es", " el los las y que en una por con para su es no se del como más pero este muy "
           "lo al "},
    {"it", " il che di e è un una per non con del della gli sono ma anche nel suo questo "
           "più le "},
    {"pt", " o os e que não uma um para com do da em é se por mais mas como seu muito na "
           "no "},
    {"nl", " de het een en van is dat niet op te zijn met voor maar hij aan ook er deze "
           "als "},
};
enum { N_LATIN = sizeof latin / sizeof *latin };

static bool has_word(const char *words, const char *word, size_t n)
{
    for (const char *p = words; (p = strstr(p, " ")) && p[1]; p++) {
        if (strncmp(p + 1, word, n) == 0 && p[1 + n] == ' ') {
            return true;
        }
    }
    return false;
}

static bool is_letter(unsigned char c)
{
    return c >= 0x80 || c == '\'' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static const char *tell_latin(const char *text, size_t n)
{
    int n_hits[N_LATIN] = {0}, n_words = 0;
    for (size_t i = 0; i < n;) {
        char word[16];
        size_t n_word = 0, from = i;
        for (; i < n && is_letter((unsigned char)text[i]); i++) {
            if (n_word < sizeof word) {
                const char c = text[i];
                word[n_word++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
            }
        }
        if (i == from) {
            i++;
            continue;
        }
        n_words++;
        for (int l = 0; l < N_LATIN && i - from < sizeof word; l++) {
            n_hits[l] += has_word(latin[l].words, word, n_word);
        }
    }
    int best = 0, n_best = 0;
    for (int l = 1; l < N_LATIN; l++) {
        best = n_hits[l] > n_hits[best] ? l : best;
    }
    for (int l = 0; l < N_LATIN; l++) {
        n_best += n_hits[l] == n_hits[best];
    }
    return n_hits[best] * 12 < n_words || n_best > 1 ? "" : latin[best].code;
}

static size_t decode(const char *text, size_t n, uint32_t *c)
{
    const unsigned char *s = (const unsigned char *)text;
    const size_t length = s[0] < 0xc0 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (length == 1 || length > n) {
        *c = s[0] < 0x80 ? s[0] : 0xfffd;
        return 1;
    }
    *c = s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        *c = *c << 6 | (s[i] & 0x3fu);
    }
    return length;
}

const char *reel_text_language(const char *text, size_t n)
{
    n = n < TOLD_BYTES ? n : TOLD_BYTES;
    int count[N_SCRIPTS] = {0};
    for (size_t i = 0; i < n;) {
        uint32_t c;
        i += decode(text + i, n - i, &c);
        count[script_of(c)]++;
    }
    // A Han character says as much as three or four letters.
    const int east = 3 * (count[HAN] + count[KANA]);
    int n_letters = 0, best = LATIN;
    for (int s = LATIN; s < N_SCRIPTS; s++) {
        n_letters += count[s];
        best = count[s] > count[best] ? s : best;
    }
    if (n_letters == 0) {
        return "";
    }
    if (east >= count[best]) {
        return count[KANA] * 10 > count[HAN] ? "ja" : "zh";
    }
    static const char *const code[N_SCRIPTS] = {
        [HANGUL] = "ko", [CYRILLIC] = "ru", [GREEK] = "el",     [ARABIC] = "ar",
        [HEBREW] = "he", [THAI] = "th",     [DEVANAGARI] = "hi"};
    return best == LATIN ? tell_latin(text, n) : code[best];
}
