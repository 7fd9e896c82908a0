/**
 * Names that nobody has introduced. English: words with a capital that neither the premise
 * nor a list knows; at the beginning of a sentence also words that may be ordinary. Chinese
 * has no capitals: a surname before a given name where a clause begins and somebody acts,
 * the forms of address, and runs of the characters that foreign names are written in.
 */
#include "plot_check_text.h"

#include <string.h>

/* ---- English ---- */

static bool ends_in(const char *word, const char *ending)
{
    const size_t n = strlen(word), n_ending = strlen(ending);
    return n > n_ending + 2 && !strcmp(word + n - n_ending, ending);
}

/** What may begin a sentence besides the words listed. */
static bool is_common_form(const char *word)
{
    return ends_in(word, "ing") || ends_in(word, "ly") || ends_in(word, "ness") ||
           ends_in(word, "ted") || ends_in(word, "ded") || ends_in(word, "ized");
}

/** One word as it stands, without what an apostrophe adds; folded as the lists are. */
struct word {
    const char *begin, *end;
    char small[64];
    char contracted[64]; /* with what follows an apostrophe: "dont" */
};

static bool is_apostrophe(const char *at)
{
    return *at == '\'' || !strncmp(at, "\u2019", 3);
}

/** "O'Brien" is one word, "Ada's" is Ada and what follows. */
static const char *word_end(const char *at)
{
    const char *end = at;
    for (uint32_t c; plot_is_latin(c = plot_next_char(&at)) || (c >= '0' && c <= '9');) {
        end = at;
        const char *behind = at + (*at == '\'' ? 1 : 3);
        if (is_apostrophe(at) && *behind >= 'A' && *behind <= 'Z') {
            at = behind;
        }
    }
    return end;
}

static void fold_to(const struct plot_checker *c, const char *begin, const char *end,
                    char *out, size_t n_out)
{
    struct base_buffer folded;
    base_buffer_init(&folded, 4096);
    if (base_text_fold(c->fold, begin, (size_t)(end - begin), &folded, NULL)) {
        base_buffer_clear(&folded); // then it is known to nobody
    }
    snprintf(out, n_out, "%s", base_buffer_text(&folded));
    base_buffer_release(&folded);
}

static void fold_word(const struct plot_checker *c, struct word *word)
{
    const char *tail = word->end;
    if (is_apostrophe(tail)) {
        tail = word_end(tail + (*tail == '\'' ? 1 : 3));
    }
    fold_to(c, word->begin, word->end, word->small, sizeof word->small);
    fold_to(c, word->begin, tail, word->contracted, sizeof word->contracted);
}

static bool next_word(const struct plot_checker *checker, const char *text,
                      struct word *word)
{
    const char *at = text, *begin = text;
    uint32_t c = 0;
    while ((c = plot_next_char(&at)) != 0 && !plot_is_latin(c)) {
        begin = at;
    }
    if (!c) {
        return false;
    }
    word->begin = begin;
    word->end = word_end(begin);
    *word->small = *word->contracted = 0;
    if (*begin >= 'A' && *begin <= 'Z') {
        fold_word(checker, word);
    }
    return true;
}

/** Does a sentence, or speech, begin here? Looks back over blanks and opening marks. */
static bool begins_sentence(const char *text, const char *at)
{
    bool is_quoted = false;
    while (at > text && (at[-1] == ' ' || at[-1] == '"' || at[-1] == '\'' ||
                         at[-1] == '(' || (unsigned char)at[-1] >= 0x80)) {
        is_quoted = is_quoted || at[-1] != ' ';
        at--;
    }
    return at == text || is_quoted || strchr(".!?:;-\n", at[-1]) != NULL;
}

static bool is_after_apostrophe(const char *text, const char *at)
{
    return at > text &&
           (at[-1] == '\'' || (at - text >= 3 && !memcmp(at - 3, "\u2019", 3)));
}

static bool has_unknown_english(const struct plot_checker *c, const struct plot_text *t)
{
    struct word word;
    for (const char *at = t->own; next_word(c, at, &word); at = word.end) {
        const bool is_capital = *word.begin >= 'A' && *word.begin <= 'Z';
        if (!is_capital || plot_list_has(&c->capital, word.small)) {
            continue;
        }
        if (is_after_apostrophe(t->raw, word.begin) && word.end - word.begin < 3) {
            continue; // "I'M"
        }
        if (!begins_sentence(t->raw, word.begin) ||
            !(plot_list_has(&c->word, word.small) ||
              plot_list_has(&c->word, word.contracted) || is_common_form(word.small))) {
            return true;
        }
    }
    return false;
}

/* ---- Chinese ---- */

static bool is_of(const char *set, const char *character, size_t n)
{
    char one[8] = "";
    memcpy(one, character, n < sizeof one ? n : 0);
    return *one && strstr(set, one) != NULL;
}

/** The text with every known name and ordinary word blanked out, so what is left counts. */
static void blank_known(const struct plot_checker *c, char *text)
{
    for (int32_t i = 0; i < c->n_names + c->ordinary.n; i++) {
        const char *word =
            i < c->n_names ? c->name[i].raw : c->ordinary.item[i - c->n_names];
        for (char *at = text; *word && (at = strstr(at, word)) != NULL;) {
            memset(at, i < c->n_names ? '#' : '=', strlen(word));
        }
    }
}

/** Han characters from `at` on that are in `set`; `*end` behind them. */
static int32_t run_of(const char *set, const char *at, const char **end)
{
    int32_t n = 0;
    for (*end = at; *at; n++, *end = at) {
        const char *begin = at;
        if (!plot_is_han(plot_next_char(&at)) ||
            !is_of(set, begin, (size_t)(at - begin))) {
            break;
        }
    }
    return n;
}

static bool is_known_run(const struct plot_checker *c, const char *begin, const char *end)
{
    char run[64];
    snprintf(run, sizeof run, "%.*s", (int)(end - begin), begin);
    return strstr(c->known, run) != NULL;
}

/** Three characters or more that foreign names are written in, and no known word. */
static bool has_foreign_name(const struct plot_checker *c, const char *text)
{
    for (const char *at = text; *at;) {
        const char *end = at;
        if (run_of(c->transliteration, at, &end) >= 3 && !is_known_run(c, at, end)) {
            return true;
        }
        if (end > at) {
            at = end;
        } else {
            plot_next_char(&at);
        }
    }
    return false;
}

/** Surname, one or two characters, and then what somebody does. */
static bool is_chinese_name(const struct plot_checker *c, const char *at)
{
    const char *surname = at;
    const uint32_t first = plot_next_char(&at);
    if (!plot_is_han(first) || !is_of(c->surnames, surname, (size_t)(at - surname))) {
        return false;
    }
    for (int n_given = 0; n_given < 2; n_given++) {
        const char *given = at;
        const uint32_t g = plot_next_char(&at);
        if (!plot_is_han(g) || is_of(c->after_name, given, (size_t)(at - given))) {
            return false;
        }
        const char *verb = at, *behind = at;
        if (plot_is_han(plot_next_char(&behind)) &&
            is_of(c->after_name, verb, (size_t)(behind - verb)) &&
            !is_known_run(c, surname, verb)) {
            return true;
        }
    }
    return false;
}

/** "老王", "小李": an address and a surname. */
static bool is_address(const struct plot_checker *c, const char *at)
{
    static const char *const address = "老小";
    const char *begin = at;
    const uint32_t first = plot_next_char(&at);
    const char *surname = at;
    return plot_is_han(first) && is_of(address, begin, (size_t)(at - begin)) &&
           plot_is_han(plot_next_char(&at)) &&
           is_of(c->surnames_plain, surname, (size_t)(at - surname)) &&
           !is_known_run(c, begin, at);
}

/** A middle dot joins parts of a foreign name; what is known was blanked out. */
static bool has_unknown_dot(const char *text)
{
    for (const char *at = strstr(text, "·"); at; at = strstr(at + 2, "·")) {
        if (at == text || at[-1] != '#' || at[2] != '#') {
            return true;
        }
    }
    return false;
}

static bool has_unknown_chinese(const struct plot_checker *c, const struct plot_text *t)
{
    char text[4096];
    snprintf(text, sizeof text, "%s", t->own);
    blank_known(c, text);
    bool is_clause_begin = true;
    for (const char *at = text; *at;) {
        if ((is_clause_begin && is_chinese_name(c, at)) || is_address(c, at)) {
            return true;
        }
        is_clause_begin =
            !plot_is_han(plot_next_char(&at)) && at[-1] != '#' && at[-1] != '=';
    }
    return has_unknown_dot(text) || has_foreign_name(c, text);
}

/** Who is in the worked pairs and not in this film. */
static bool has_prompt_name(const struct plot_checker *c, const struct plot_text *t)
{
    for (int32_t i = 0; i < c->prompt_name.n; i++) {
        if (strstr(t->folded, c->prompt_name.item[i]) &&
            !strstr(c->known_folded, c->prompt_name.item[i])) {
            return true;
        }
    }
    return false;
}

bool plot_text_has_unknown_name(const struct plot_checker *checker,
                                const struct plot_text *text)
{
    return has_prompt_name(checker, text) ||
           (checker->is_zh ? has_unknown_chinese(checker, text)
                           : has_unknown_english(checker, text));
}
