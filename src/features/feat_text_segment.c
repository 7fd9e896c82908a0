/**
 * Step segment: words with one blank between; signs go.
 *
 * - Letters, digits and their accents are a word, with an apostrophe between letters, a dot or
 *   comma between digits and a dot between single letters ("don't", "3.5", "1,000", "E.T"); a
 *   hyphen parts ("sci-fi" -> "sci fi").
 * - Han characters are cut by ICU's dictionary (feat_han.h); kana, Thai and others that put no
 *   blanks by ICU itself, together with the Han characters among them.
 * - An emoji is a word; "@url" and "@someone" stay whole.
 */
#include "feat_han.h"
#include "feat_icu.h"
#include "feat_step.h"
#include "feat_utf8.h"

#include <string.h>

struct segment {
    struct feat_icu *icu;
    struct feat_han *han;
    bool is_inside; /* this part continues a line */
    bool has_word;  /* in this line */
    enum feat_class ascii[128];
    bool is_ascii_word[256]; /* letters and digits of ASCII */
};

static enum reel_status segment_open(const struct feat_env *env, void *state,
                                     struct reel_error *err)
{
    struct segment *x = state;
    x->icu = env->icu;
    for (uint32_t c = 0; c < 128; c++) {
        x->ascii[c] = feat_class_of(env->icu, c);
        x->is_ascii_word[c] = x->ascii[c] == FEAT_LETTER || x->ascii[c] == FEAT_DIGIT;
    }
    return feat_han_create(env->icu, &x->han, err);
}

static void segment_close(void *state)
{
    feat_han_free(((struct segment *)state)->han);
}

static void segment_reset(void *state)
{
    struct segment *x = state;
    x->is_inside = x->has_word = false;
}

static char *put_word(struct segment *x, char *to, const char *word, size_t n)
{
    if (x->has_word) {
        *to++ = ' ';
    }
    x->has_word = true;
    memcpy(to, word, n);
    return to + n;
}

static enum feat_class class_at(struct segment *x, const char *in, size_t i, size_t *next)
{
    const unsigned char lead = (unsigned char)in[i];
    *next = i;
    if (lead < 0x80) {
        (*next)++;
        return x->ascii[lead];
    }
    if (lead >= 0xe5 && lead <= 0xe9) {
        *next += 3;
        return FEAT_HAN;
    }
    return feat_class_of(x->icu, feat_utf8_next(in, next));
}

static bool is_letter(enum feat_class class)
{
    return class == FEAT_LETTER || class == FEAT_MARK;
}

/** Does the sign at `i`, behind a piece of a word that began at `begin`, join what follows? */
static bool joins(struct segment *x, const char *in, size_t begin, size_t i, size_t n,
                  enum feat_class before)
{
    size_t next, ignored;
    if (i + 1 >= n || (in[i] != '\'' && in[i] != '.' && in[i] != ',')) {
        return false;
    }
    const enum feat_class follows = class_at(x, in, i + 1, &next);
    if (is_letter(before) && is_letter(follows)) {
        const bool is_single =
            i - begin == 1 && (next == n || !is_letter(class_at(x, in, next, &ignored)));
        return in[i] == '\'' || (in[i] == '.' && is_single);
    }
    return in[i] != '\'' && before == FEAT_DIGIT && follows == FEAT_DIGIT;
}

/** Behind the word of letters and digits that begins at `i`. */
static size_t word_end(struct segment *x, const char *in, size_t i, size_t n)
{
    enum feat_class before = FEAT_LETTER;
    size_t begin = i; // of the piece behind the last sign
    while (i < n) {
        const size_t from = i;
        while (i < n && x->is_ascii_word[(unsigned char)in[i]]) {
            i++;
        }
        if (i == n) {
            return i;
        }
        if (i > from) {
            before = x->ascii[(unsigned char)in[i - 1]];
        }
        size_t next;
        const enum feat_class class = class_at(x, in, i, &next);
        if (is_letter(class) || class == FEAT_DIGIT) {
            before = class;
        } else if (joins(x, in, begin, i, n, before)) {
            begin = next;
        } else {
            return i;
        }
        i = next;
    }
    return i;
}

/** A run without blanks: cut by the dictionary, or by ICU where there is more than Han. */
static char *put_dense(struct segment *x, const char *in, size_t n, bool is_han, char *to)
{
    const int32_t *cut;
    int32_t n_cuts;
    if (!(is_han ? feat_han_cut(x->han, in, n, &cut, &n_cuts)
                 : feat_icu_cut(x->icu, in, n, &cut, &n_cuts))) {
        return NULL;
    }
    for (int32_t i = 1; i < n_cuts; i++) {
        to = put_word(x, to, in + cut[i - 1], (size_t)(cut[i] - cut[i - 1]));
    }
    return to;
}

static size_t dense_end(struct segment *x, const char *in, size_t i, size_t n,
                        bool *is_han)
{
    size_t next;
    while (i < n) {
        const enum feat_class class = class_at(x, in, i, &next);
        if (class != FEAT_HAN && class != FEAT_DENSE) {
            break;
        }
        *is_han &= class == FEAT_HAN;
        i = next;
    }
    return i;
}

static size_t ascii_letters(const char *in, size_t i, size_t n)
{
    while (i < n && (in[i] | 0x20) >= 'a' && (in[i] | 0x20) <= 'z') {
        i++;
    }
    return i;
}

static char *segment_line(struct segment *x, const char *in, size_t n, char *to)
{
    int ignored;
    size_t i = x->is_inside ? 0 : feat_tag(in, n, &ignored), end;
    memcpy(to, in, i);
    to += i;
    while (i < n && to) {
        size_t next;
        const enum feat_class class = class_at(x, in, i, &next);
        bool is_han = true;
        switch (class) {
        case FEAT_LETTER:
        case FEAT_DIGIT:
            end = word_end(x, in, i, n);
            to = put_word(x, to, in + i, end - i);
            break;
        case FEAT_HAN:
        case FEAT_DENSE:
            end = dense_end(x, in, i, n, &is_han);
            to = put_dense(x, in + i, end - i, is_han, to);
            break;
        case FEAT_EMOJI:
            end = next;
            to = put_word(x, to, in + i, end - i);
            break;
        default:
            end = in[i] == '@' ? ascii_letters(in, next, n) : next;
            if (end > next) {
                to = put_word(x, to, in + i, end - i);
            }
            break;
        }
        i = end;
    }
    return to;
}

static bool segment_run(void *state, const char *in, size_t n, struct base_buffer *out)
{
    struct segment *x = state;
    char *const begin = base_buffer_reserve(out, 2 * n + 1), *to = begin;
    if (!to) {
        return false;
    }
    while (n > 0) {
        const char *feed = memchr(in, '\n', n);
        const size_t n_line = feed ? (size_t)(feed - in) : n;
        to = segment_line(x, in, n_line, to);
        if (!to) {
            return false;
        }
        x->is_inside = !feed;
        if (feed) {
            *to++ = '\n';
            x->has_word = false;
        }
        in += n_line + (feed != NULL);
        n -= n_line + (feed != NULL);
    }
    out->n_bytes += (size_t)(to - begin);
    return true;
}

const struct feat_step feat_step_segment = {
    .n_state_bytes = sizeof(struct segment),
    .open = segment_open,
    .run = segment_run,
    .reset = segment_reset,
    .close = segment_close,
};
