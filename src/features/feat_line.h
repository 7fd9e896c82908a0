/** Walking over lines of words with blanks between, as the steps behind `segment` get them. */
#ifndef FEAT_LINE_H
#define FEAT_LINE_H

#include "feat_step.h"

#include <assert.h>
#include <string.h>

enum { FEAT_SLACK = 16 };

/** Where a step is in its line; kept from block to block. */
struct feat_line {
    int language;   /* by its tag, else of the pipe */
    bool is_inside; /* the line has begun */
    bool has_word;  /* one was written */
};

/** Of a blank or line feed from `i` on, or `n`. A word takes one step, so no branch is in doubt. */
static inline size_t feat_word_end(const char *in, size_t i, size_t n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t ones = 0x0101010101010101u, highs = 0x80 * ones;
    for (uint64_t part; i + 8 <= n; i += 8) {
        memcpy(&part, in + i, 8);
        const uint64_t blank = part ^ ' ' * ones, feed = part ^ '\n' * ones;
        // A byte that became 0 borrows; the lowest bit that is left is that of the first one.
        const uint64_t hit =
            (((blank - ones) & ~blank) | ((feed - ones) & ~feed)) & highs;
        if (hit) {
            return i + (size_t)__builtin_ctzll(hit) / 8;
        }
    }
#endif
    while (i < n && in[i] != ' ' && in[i] != '\n') {
        i++;
    }
    return i;
}

/**
 * The next word at `*i`, or the end of the line: then `*word` points to the line feed and the
 * answer is 0. A tag is set in `line` and copied to `*to`. `*i` == n: nothing is left, and
 * `*word` is NULL.
 */
static inline size_t feat_line_next(struct feat_line *line, const struct feat_env *env,
                                    const char *in, size_t n, size_t *i, char **to,
                                    const char **word)
{
    if (!line->is_inside && *i < n) {
        line->language = env->language;
        const size_t n_tag = feat_tag(in + *i, n - *i, &line->language);
        memcpy(*to, in + *i, n_tag);
        *to += n_tag;
        *i += n_tag;
        line->is_inside = true;
        line->has_word = false;
    }
    while (*i < n && in[*i] == ' ') {
        (*i)++;
    }
    const size_t begin = *i;
    *word = begin < n ? in + begin : NULL;
    if (begin < n && in[begin] == '\n') {
        (*i)++;
        line->is_inside = false;
        return 0;
    }
    *i = feat_word_end(in, begin, n);
    return *i - begin;
}

/** Up to FEAT_SLACK bytes behind the word are written too, if as many may be read. */
static inline char *feat_line_put(struct feat_line *line, char *to, const char *word,
                                  size_t n, size_t n_readable)
{
    assert(word);
    if (line->has_word) {
        *to++ = ' ';
    }
    line->has_word = true;
    if (n <= FEAT_SLACK && n_readable >= FEAT_SLACK) {
        memcpy(to, word, FEAT_SLACK);
    } else {
        memcpy(to, word, n);
    }
    return to + n;
}

#endif
