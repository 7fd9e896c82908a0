/**
 * Which language is a text written in?
 *
 * Scripts decide between most: Han without kana is Chinese. Languages of Latin letters are told
 * apart by their function words and by letters that few of them use. Hits on less than one
 * word in eight, or two languages alike: the text does not tell.
 */
#include "feat_key.h"
#include "feat_step.h"
#include "feat_utf8.h"

#include <pthread.h>
#include <string.h>

enum { TOLD_BYTES = 500 /* of a text; more seldom changes the answer */ };

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
    N_SCRIPTS
};

static const char *const codes[FEAT_N_LANGUAGES + 1] = {
    [FEAT_EN] = "en",        [FEAT_FR] = "fr", [FEAT_DE] = "de", [FEAT_ES] = "es",
    [FEAT_IT] = "it",        [FEAT_PT] = "pt", [FEAT_NL] = "nl", [FEAT_SV] = "sv",
    [FEAT_ZH] = "zh",        [FEAT_JA] = "ja", [FEAT_KO] = "ko", [FEAT_RU] = "ru",
    [FEAT_EL] = "el",        [FEAT_AR] = "ar", [FEAT_HE] = "he", [FEAT_TH] = "th",
    [FEAT_NO_LANGUAGE] = "",
};

int feat_language_index(const char *code)
{
    for (int i = 0; code && i < FEAT_N_LANGUAGES; i++) {
        if (strcmp(code, codes[i]) == 0) {
            return i;
        }
    }
    return FEAT_NO_LANGUAGE;
}

const char *feat_language_code(int language)
{
    return codes[language];
}

size_t feat_tag(const char *line, size_t n, int *language)
{
    if (n >= 4 && line[3] == '\t' && memcmp(line, "und", 3) == 0) {
        *language = FEAT_NO_LANGUAGE;
        return 4;
    }
    if (n >= 3 && line[2] == '\t') {
        const char code[] = {line[0], line[1], 0};
        const int i = feat_language_index(code);
        if (i != FEAT_NO_LANGUAGE) {
            *language = i;
            return 3;
        }
    }
    return 0;
}

static enum script script_of(uint32_t c)
{
    static const struct {
        uint32_t first, last;
        enum script script;
    } range[] = {
        {0x41, 0x5a, LATIN},     {0x61, 0x7a, LATIN},      {0xc0, 0x24f, LATIN},
        {0x370, 0x3ff, GREEK},   {0x400, 0x52f, CYRILLIC}, {0x590, 0x5ff, HEBREW},
        {0x600, 0x6ff, ARABIC},  {0xe00, 0xe7f, THAI},     {0x1100, 0x11ff, HANGUL},
        {0x3041, 0x3096, KANA},  {0x30a1, 0x30fa, KANA},   {0x3400, 0x4dbf, HAN},
        {0x4e00, 0x9fff, HAN},   {0xac00, 0xd7a3, HANGUL}, {0xf900, 0xfaff, HAN},
        {0x20000, 0x323af, HAN},
    };
    for (size_t i = 0; i < sizeof range / sizeof *range && c >= range[i].first; i++) {
        if (c <= range[i].last) {
            return range[i].script;
        }
    }
    return OTHER;
}

// ---------------------------------------------------------------- words of Latin letters

/** Frequent words that few other languages of the list share. */
static const char *const frequent[FEAT_N_LATIN] = {
    [FEAT_EN] = "the and of to is it that was for with this but you are his not have "
                "from be by they "
                "who an as on her film movie i'm it's don't i my we what which great "
                "good very so if "
                "at best ever just more than about",
    [FEAT_FR] =
        "le la les des et est une dans que qui pour sur pas avec il elle du au ce son "
        "sont "
        "cette mais nous très c'est un plus je ne se en par d'un d'une l'histoire tout",
    [FEAT_DE] =
        "der die das und ist nicht ein eine mit von zu den dem auf für sich auch es ich "
        "wird "
        "sie er im aber wie des war hat sehr oder dass noch einen einem einer zur als",
    [FEAT_ES] = "el los las y que en una por con para su es no se del como más pero este "
                "muy lo al "
                "la "
                "un de película todo sus sin hay ha",
    [FEAT_IT] = "il che di e è un una per non con del della gli sono ma anche nel suo "
                "questo più le "
                "da dei alla molto si come lo la al",
    [FEAT_PT] = "o os e que não uma um para com do da em é se por mais mas como seu "
                "muito na no dos "
                "ao à sua foi ele ela filme você",
    [FEAT_NL] = "de het een en van is dat niet op te zijn met voor maar hij aan ook er "
                "deze als ze "
                "naar wordt door heeft om uit nog film",
    [FEAT_SV] = "och att det som en är på av för den med till inte han ett om de jag var "
                "från men så "
                "hon mycket också",
};

enum { N_SLOTS = 1024 };
static struct slot {
    struct feat_key key;
    size_t n;       /* 0: free */
    uint64_t votes; /* a byte for each of FEAT_N_LATIN: 1 where it has the word */
} slots[N_SLOTS];   // filled once, then only read
static pthread_once_t slots_once = PTHREAD_ONCE_INIT;

/** A word without case: that bit is set in every byte, on both sides of a comparison. */
static struct feat_key small_key(const char *word, size_t n, size_t n_readable)
{
    const uint64_t small = 0x2020202020202020u;
    const struct feat_key key = feat_key_of(word, n, n_readable);
    return (struct feat_key){key.first | small, key.second | small};
}

static struct slot *find(struct feat_key key, size_t n)
{
    for (uint32_t i = feat_key_hash(key, n);; i++) {
        struct slot *s = &slots[i % N_SLOTS];
        if (s->n == 0 || (s->n == n && feat_key_equal(s->key, key))) {
            return s;
        }
    }
}

static void fill_slots(void)
{
    for (int l = 0; l < FEAT_N_LATIN; l++) {
        for (const char *p = frequent[l]; *p;) {
            const size_t n = strcspn(p, " ");
            const struct feat_key key = small_key(p, n, n);
            struct slot *s = find(key, n);
            s->key = key;
            s->n = n;
            s->votes |= (uint64_t)1 << 8 * l;
            p += n;
            p += *p == ' ';
        }
    }
}

/** Letters that speak for a language, by their two bytes. */
static int language_of_letter(unsigned char lead, unsigned char next)
{
    switch (lead << 8 | next) {
    case 0xc39f: // sharp s
    case 0xc3a4: // a umlaut
        return FEAT_DE;
    case 0xc3b1: // n tilde
    case 0xc2bf: // question mark upside down
    case 0xc2a1: // exclamation mark upside down
        return FEAT_ES;
    case 0xc3a3: // a tilde
    case 0xc3b5: // o tilde
        return FEAT_PT;
    case 0xc3aa: // e circumflex
    case 0xc593: // oe
        return FEAT_FR;
    case 0xc3a5: // a ring
        return FEAT_SV;
    default:
        return -1;
    }
}

static bool is_letter(unsigned char c)
{
    return c >= 0x80 || c == '\'' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

struct votes {
    uint64_t words; /* as of a slot; TOLD_BYTES hold less than 256 words */
    int letters[FEAT_N_LATIN];
    int n_words;
};

static void vote_by_letters(struct votes *votes, const char *word, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++) {
        const int l =
            language_of_letter((unsigned char)word[i], (unsigned char)word[i + 1]);
        if (l >= 0) {
            votes->letters[l]++;
        }
    }
}

/** The word that begins at `i` votes; gives what is behind it. */
static size_t vote(struct votes *votes, const char *text, size_t i, size_t n)
{
    const size_t begin = i;
    unsigned char bits = 0;
    for (; i < n && is_letter((unsigned char)text[i]); i++) {
        bits |= (unsigned char)text[i];
    }
    if (bits >= 0x80) {
        vote_by_letters(votes, text + begin, i - begin);
    }
    votes->n_words++;
    const size_t n_word = i - begin;
    if (n_word <= FEAT_KEY_BYTES) {
        votes->words += find(small_key(text + begin, n_word, n - begin), n_word)->votes;
    }
    return i;
}

static int tell_latin(const char *text, size_t n)
{
    struct votes votes = {0};
    pthread_once(&slots_once, fill_slots);
    for (size_t i = 0; i < n;) {
        i = is_letter((unsigned char)text[i]) ? vote(&votes, text, i, n) : i + 1;
    }
    int total[FEAT_N_LATIN];
    for (int l = 0; l < FEAT_N_LATIN; l++) {
        total[l] = votes.letters[l] + 2 * (int)(votes.words >> 8 * l & 0xff);
    }
    int best = 0, n_best = 0;
    for (int l = 1; l < FEAT_N_LATIN; l++) {
        best = total[l] > total[best] ? l : best;
    }
    for (int l = 0; l < FEAT_N_LATIN; l++) {
        n_best += total[l] == total[best];
    }
    return total[best] * 4 < votes.n_words || n_best > 1 ? FEAT_NO_LANGUAGE : best;
}

// ---------------------------------------------------------------- scripts

/** A character that is cut off at the end, or broken, is none. */
static size_t next(const char *text, size_t i, size_t n, uint32_t *c)
{
    const size_t length = feat_utf8_length((unsigned char)text[i]);
    *c = 0xfffd;
    if (length == 1 || i + length > n) {
        *c = (unsigned char)text[i] < 0x80 ? (unsigned char)text[i] : 0xfffd;
        return i + 1;
    }
    *c = feat_utf8_next(text, &i);
    return i;
}

static int tell(const char *text, size_t n)
{
    n = n < TOLD_BYTES ? n : TOLD_BYTES;
    int count[N_SCRIPTS] = {0};
    for (size_t i = 0; i < n;) {
        const unsigned char byte = (unsigned char)text[i];
        if (byte < 0x80) {
            count[LATIN] += (unsigned char)((byte | 0x20) - 'a') < 26;
            i++;
        } else if (byte >= 0xe4 && byte <= 0xe9 && i + 3 <= n) {
            count[HAN]++;
            i += 3;
        } else {
            uint32_t c;
            i = next(text, i, n, &c);
            count[script_of(c)]++;
        }
    }
    int best = LATIN;
    for (int s = HANGUL; s < N_SCRIPTS; s++) {
        best = count[s] > count[best] ? s : best;
    }
    // A Han character says as much as three letters.
    const int east = 3 * (count[HAN] + count[KANA]);
    if (east > 0 && east >= count[best]) {
        return count[KANA] * 10 > count[HAN] ? FEAT_JA : FEAT_ZH;
    }
    static const int language[N_SCRIPTS] = {
        [HANGUL] = FEAT_KO, [CYRILLIC] = FEAT_RU, [GREEK] = FEAT_EL,
        [ARABIC] = FEAT_AR, [HEBREW] = FEAT_HE,   [THAI] = FEAT_TH};
    if (count[best] == 0) {
        return FEAT_NO_LANGUAGE;
    }
    return best == LATIN ? tell_latin(text, n) : language[best];
}

const char *reel_text_language(const char *text, size_t n)
{
    return codes[tell(text, n)];
}

// ---------------------------------------------------------------- the step

struct language {
    const struct feat_env *env;
    bool is_inside_line;
};

static enum reel_status language_open(const struct feat_env *env, void *state,
                                      struct reel_error *err)
{
    (void)err;
    struct language *l = state;
    l->env = env;
    return REEL_OK;
}

static void language_reset(void *state)
{
    ((struct language *)state)->is_inside_line = false;
}

static bool language_run(void *state, const char *in, size_t n, struct base_buffer *out)
{
    struct language *l = state;
    while (n > 0) {
        const char *feed = memchr(in, '\n', n);
        const size_t n_line = feed ? (size_t)(feed - in) + 1 : n;
        int ignored;
        char *to = base_buffer_reserve(out, n_line + 4);
        if (!to) {
            return false;
        }
        const bool is_bare = n_line == 1 && feed;
        if (!l->is_inside_line && !is_bare && !feat_tag(in, n_line, &ignored)) {
            const int language = l->env->language == FEAT_NO_LANGUAGE ? tell(in, n_line)
                                                                      : l->env->language;
            const char *code = codes[language][0] ? codes[language] : "und";
            for (; *code; code++) {
                *to++ = *code;
            }
            *to++ = '\t';
        }
        memcpy(to, in, n_line);
        out->n_bytes = (size_t)(to + n_line - out->data);
        l->is_inside_line = !feed;
        in += n_line;
        n -= n_line;
    }
    return true;
}

const struct feat_step feat_step_language = {
    .n_state_bytes = sizeof(struct language),
    .open = language_open,
    .run = language_run,
    .reset = language_reset,
};
