/** Words of lines and lines of words; see lm_ngram_cut.h. */
#include "lm_ngram_cut.h"

#include "base_text.h"

#include <string.h>

enum reel_status lm_ngram_cutter_init(struct lm_ngram_cutter *cutter,
                                      enum reel_lm_cut cut, struct reel_error *err)
{
    *cutter = (struct lm_ngram_cutter){.cut = cut};
    base_buffer_init(&cutter->line, (size_t)1 << 28);
    return cut == REEL_LM_CUT_WORDS ? base_text_create(&cutter->text, err) : REEL_OK;
}

void lm_ngram_cutter_release(struct lm_ngram_cutter *cutter)
{
    base_text_free(cutter->text);
    base_buffer_release(&cutter->line);
    *cutter = (struct lm_ngram_cutter){0};
}

enum reel_status lm_ngram_cut(struct lm_ngram_cutter *cutter, const char *line,
                              size_t n_bytes, const char **words, size_t *n_words_bytes,
                              struct reel_error *err)
{
    *words = line;
    *n_words_bytes = n_bytes;
    if (cutter->cut == REEL_LM_CUT_BLANKS) {
        return REEL_OK;
    }
    base_buffer_clear(&cutter->line);
    const enum reel_status rc =
        base_text_tokens(cutter->text, line, n_bytes, &cutter->line, err);
    *words = base_buffer_text(&cutter->line);
    *n_words_bytes = cutter->line.n_bytes;
    return rc;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool lm_ngram_next_word(const char **at, const char *end, const char **word,
                        size_t *n_bytes)
{
    const char *from = *at;
    while (from < end && is_blank(*from)) {
        from++;
    }
    const char *to = from;
    while (to < end && !is_blank(*to)) {
        to++;
    }
    *word = from;
    *n_bytes = (size_t)(to - from);
    *at = to;
    return to > from;
}

// ---- putting together ----

static bool stands_in(const char *const *list, const char *word, size_t n_bytes)
{
    for (; *list; list++) {
        if (strlen(*list) == n_bytes && memcmp(*list, word, n_bytes) == 0) {
            return true;
        }
    }
    return false;
}

/**
 * Han, kana and the signs that go with them, which stand without blanks: U+3000 to U+9FFF, U+F900 to
 * U+FAFF, full width, and beyond U+20000. Told by the first bytes of UTF-8.
 */
static bool is_east_asian(const char *word)
{
    const unsigned char a = (unsigned char)word[0], b = (unsigned char)word[1];
    return (a >= 0xe3 && a <= 0xe9) || (a == 0xef && b >= 0xa4 && b <= 0xab) ||
           (a == 0xef && b >= 0xbc && b <= 0xbf) || (a == 0xf0 && b >= 0xa0);
}

static const char *last_character(const char *word, size_t n_bytes)
{
    const char *at = word + n_bytes - 1;
    while (at > word && ((unsigned char)*at & 0xc0) == 0x80) {
        at--;
    }
    return at;
}

bool lm_ngram_needs_blank(enum reel_lm_cut cut, const char *before, size_t n_before,
                          const char *after, size_t n_after, bool is_quote_open)
{
    static const char *const close[] = {".", ",", ";", ":", "!", "?", ")", "]",
                                        "}", "%", "'", "’", "”", "…", NULL};
    static const char *const open[] = {"(", "[", "{", "$", "#", "“", "‘", "@", NULL};
    static const char *const joins[] = {"-", "/", "–", "~", "\\", NULL};
    if (n_before == 0 || n_after == 0) {
        return false;
    }
    if (cut == REEL_LM_CUT_BLANKS) {
        return true;
    }
    if (is_east_asian(after) || is_east_asian(last_character(before, n_before))) {
        return false;
    }
    if (n_after == 1 && *after == '"') {
        return !is_quote_open;
    }
    if (n_before == 1 && *before == '"') {
        return !is_quote_open;
    }
    return !stands_in(close, after, n_after) && !stands_in(open, before, n_before) &&
           !stands_in(joins, after, n_after) && !stands_in(joins, before, n_before);
}
