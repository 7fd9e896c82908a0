/** Walking over lines of words with blanks between, as the steps behind `segment` get them. */
#ifndef FEAT_LINE_H
#define FEAT_LINE_H

#include "feat_step.h"

#include <string.h>

/** Where a step is in its line; kept from block to block. */
struct feat_line {
    int language;   /* by its tag, else of the pipe */
    bool is_inside; /* the line has begun */
    bool has_word;  /* one was written */
};

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
    size_t end = begin;
    while (end < n && in[end] != ' ' && in[end] != '\n') {
        end++;
    }
    *i = end;
    return end - begin;
}

static inline char *feat_line_put(struct feat_line *line, char *to, const char *word,
                                  size_t n)
{
    if (line->has_word) {
        *to++ = ' ';
    }
    line->has_word = true;
    memcpy(to, word, n);
    return to + n;
}

#endif
