/** Reading a text for a neural language model; see lm_nnlm_corpus.h. */
#include "lm_nnlm_corpus.h"
#include "lm_lines.h"
#include "lm_ngram_cut.h"

#include "base_alloc.h"
#include "base_error.h"

#include <stdlib.h>
#include <string.h>

#define FNV_BEGIN 0xcbf29ce484222325u
#define FNV_STEP 0x100000001b3u
enum { N_FIRST = 3 }; /* <unk>, <s>, </s> */

/** All words as they were met, with their counts, before the rare ones are given up. */
struct reading {
    const struct reel_lm_nnlm_options *opt;
    struct lm_lines *lines;
    struct lm_ngram_cutter cutter;
    struct lm_nnlm_corpus *corpus;
    struct lm_words words;
    struct lm_array word_array, line_array; /* in the order of the text */
    uint64_t *count;                        /* (room_counts) */
    size_t room_counts;
};

static bool count_word(struct reading *r, uint32_t number)
{
    if (number >= r->room_counts) {
        const size_t room = 2 * r->room_counts + 1024;
        uint64_t *count = base_realloc_array(r->count, room, sizeof *count);
        if (!count) {
            return false;
        }
        memset(count + r->room_counts, 0, (room - r->room_counts) * sizeof *count);
        r->count = count;
        r->room_counts = room;
    }
    r->count[number]++;
    return true;
}

static enum reel_status add_word(struct reading *r, uint32_t number,
                                 struct reel_error *err)
{
    struct lm_nnlm_corpus *c = r->corpus;
    const size_t n_bytes = ((size_t)c->n_tokens + 1) * sizeof(uint32_t);
    const enum reel_status rc =
        n_bytes <= r->word_array.room_bytes
            ? REEL_OK
            : lm_array_need(&c->scratch, &r->word_array, 2 * n_bytes + 4096, err);
    if (rc == REEL_OK) {
        ((uint32_t *)r->word_array.data)[c->n_tokens++] = number;
    }
    return rc == REEL_OK && !count_word(r, number)
               ? fail(err, REEL_ENOMEM, "counts of %u words", number)
               : rc;
}

/** The beginning of the next line is where the text ends now. */
static enum reel_status add_line(struct reading *r, struct reel_error *err)
{
    struct lm_nnlm_corpus *c = r->corpus;
    const size_t n_bytes = ((size_t)c->n_lines + 2) * sizeof(int64_t);
    const enum reel_status rc =
        n_bytes <= r->line_array.room_bytes
            ? REEL_OK
            : lm_array_need(&c->scratch, &r->line_array, 2 * n_bytes + 4096, err);
    if (rc == REEL_OK) {
        int64_t *line = r->line_array.data;
        line[0] = 0;
        line[++c->n_lines] = c->n_tokens;
    }
    return rc;
}

static enum reel_status take_line(struct reading *r, const char *line, size_t n_bytes,
                                  struct reel_error *err)
{
    const char *at, *word;
    size_t n_word;
    int64_t n_words = 0;
    enum reel_status rc = lm_ngram_cut(&r->cutter, line, n_bytes, &at, &n_bytes, err);
    const char *end = at + n_bytes;
    while (rc == REEL_OK && lm_ngram_next_word(&at, end, &word, &n_word)) {
        uint32_t number;
        rc = lm_words_add(&r->words, word, n_word, &number, err);
        if (rc == REEL_OK && number < N_FIRST) {
            rc = lm_lines_fail(r->lines, err, "the word %.*s is not for texts",
                               (int)n_word, word);
        }
        rc = rc ? rc : add_word(r, number, err);
        n_words++;
    }
    if (rc == REEL_OK && (n_words > 0 || r->opt->cut == REEL_LM_CUT_BLANKS)) {
        rc = add_word(r, LM_END, err);
        rc = rc ? rc : add_line(r, err);
    }
    return rc;
}

static enum reel_status read_lines(struct reading *r, struct reel_error *err)
{
    struct lm_nnlm_corpus *c = r->corpus;
    const char *line;
    size_t n_bytes;
    enum reel_status rc;
    while ((rc = lm_lines_next(r->lines, &line, &n_bytes, err)) == REEL_OK && line) {
        rc = take_line(r, line, n_bytes, err);
        if (rc == REEL_OK && c->n_lines % 256 == 0 &&
            !base_progress_report(&r->opt->progress, "reading", lm_lines_done(r->lines),
                                  lm_lines_total(r->lines))) {
            rc = fail(err, REEL_ECANCELLED, "stopped after %lld lines",
                      (long long)c->n_lines);
        }
        if (rc) {
            return rc;
        }
    }
    if (rc == REEL_OK && c->n_tokens == c->n_lines) {
        rc = lm_lines_fail(r->lines, err, "there is no text to learn from");
    }
    if (rc == REEL_OK && c->n_tokens >= INT32_MAX) {
        rc = fail(err, REEL_EINVAL, "%lld words are more than a net can be shown",
                  (long long)c->n_tokens);
    }
    return rc;
}

// ---- which words, which lines ----

static int compare_words(const void *a, const void *b, void *payload)
{
    const uint64_t *count = payload;
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return count[x] != count[y] ? (count[x] < count[y] ? 1 : -1) : (x > y) - (x < y);
}

/** The vocabulary of the model, and its number for each word that was met. */
static enum reel_status choose_words(struct reading *r, uint32_t *number_new,
                                     struct reel_error *err)
{
    const uint32_t n = r->words.view.n_words;
    const uint32_t n_kept = r->opt->n_words < (int64_t)n ? (uint32_t)r->opt->n_words : n;
    uint32_t *order = base_alloc_array(n, sizeof *order);
    enum reel_status rc = order ? lm_words_init(&r->corpus->words, err)
                                : fail(err, REEL_ENOMEM, "%u words", n);
    for (uint32_t w = 0; rc == REEL_OK && w < n; w++) {
        order[w] = w;
        number_new[w] = w < N_FIRST ? w : LM_UNKNOWN;
    }
    if (rc == REEL_OK) {
        qsort_r(order + N_FIRST, n - N_FIRST, sizeof *order, compare_words, r->count);
    }
    for (uint32_t i = N_FIRST; rc == REEL_OK && i < n_kept; i++) {
        size_t n_bytes;
        const char *word = lm_words_text(&r->words.view, order[i], &n_bytes);
        rc = lm_words_add(&r->corpus->words, word, n_bytes, &number_new[order[i]], err);
    }
    base_free(order);
    return rc;
}

/** Equal lines fall on the same side. */
static bool is_set_aside(const struct reading *r, int64_t i_line)
{
    const int64_t *line = r->line_array.data;
    const uint32_t *word = r->word_array.data;
    uint64_t sum = FNV_BEGIN ^ r->opt->seed;
    for (int64_t i = line[i_line]; i < line[i_line + 1]; i++) {
        sum = (sum ^ word[i]) * FNV_STEP;
    }
    return (double)(sum >> 40) < r->opt->valid_share * (double)(1 << 24);
}

/** Lines of one side go behind what is there, with their new numbers. */
static void move_lines(struct reading *r, const uint32_t *number_new,
                       const uint8_t *is_aside, bool wanted, int64_t *n_lines)
{
    struct lm_nnlm_corpus *c = r->corpus;
    const int64_t *from = r->line_array.data;
    const uint32_t *word = r->word_array.data;
    int64_t *to = c->line_array.data, n_all = to[*n_lines];
    for (int64_t l = 0; l < c->n_lines; l++) {
        if ((is_aside[l] != 0) != wanted) {
            continue;
        }
        for (int64_t i = from[l]; i < from[l + 1]; i++) {
            const uint32_t number = number_new[word[i]];
            ((uint32_t *)c->word_array.data)[n_all++] = number;
            c->sum = (c->sum ^ number) * FNV_STEP;
            c->n_unknown += number == LM_UNKNOWN;
        }
        to[++*n_lines] = n_all;
    }
}

static enum reel_status arrange(struct reading *r, const uint32_t *number_new,
                                struct reel_error *err)
{
    struct lm_nnlm_corpus *c = r->corpus;
    uint8_t *is_aside = base_alloc_zeroed((size_t)c->n_lines, 1);
    enum reel_status rc =
        is_aside ? lm_array_need(&c->scratch, &c->word_array,
                                 (size_t)c->n_tokens * sizeof(uint32_t), err)
                 : fail(err, REEL_ENOMEM, "%lld lines", (long long)c->n_lines);
    rc = rc ? rc
            : lm_array_zeroed(&c->scratch, &c->line_array,
                              ((size_t)c->n_lines + 1) * sizeof(int64_t), err);
    if (rc == REEL_OK) {
        for (int64_t l = 0; l < c->n_lines; l++) {
            is_aside[l] = is_set_aside(r, l);
            c->n_lines_valid += is_aside[l];
        }
        if (c->n_lines_valid == c->n_lines) { // something has to be learnt from
            memset(is_aside, 0, (size_t)c->n_lines);
            c->n_lines_valid = 0;
        }
        int64_t n_lines = 0;
        c->sum = FNV_BEGIN;
        move_lines(r, number_new, is_aside, false, &n_lines);
        move_lines(r, number_new, is_aside, true, &n_lines);
        c->word = c->word_array.data;
        c->line = c->line_array.data;
        c->n_tokens_valid = c->n_tokens - c->line[c->n_lines - c->n_lines_valid];
    }
    base_free(is_aside);
    return rc;
}

static enum reel_status count_shares(struct lm_nnlm_corpus *c, struct reel_error *err)
{
    const size_t n = c->words.view.n_words;
    const int64_t n_learnt = c->n_tokens - c->n_tokens_valid;
    c->share = base_alloc_array(n, sizeof *c->share);
    if (!c->share) {
        return fail(err, REEL_ENOMEM, "shares of %zu words", n);
    }
    const double unit = 1 / ((double)n_learnt + (double)n);
    for (size_t w = 0; w < n; w++) {
        c->share[w] = unit;
    }
    for (int64_t i = 0; i < n_learnt; i++) {
        c->share[c->word[i]] += unit;
    }
    return REEL_OK;
}

enum reel_status lm_nnlm_corpus_read(const struct reel_lm_texts *texts,
                                     const struct reel_lm_nnlm_options *opt,
                                     const char *folder, struct lm_nnlm_corpus *out,
                                     struct reel_error *err)
{
    *out = (struct lm_nnlm_corpus){
        .scratch = {.max_bytes = opt->max_bytes, .folder = folder}};
    struct reading r = {.opt = opt, .corpus = out};
    uint32_t *number_new = NULL;
    enum reel_status rc = lm_lines_open(texts, &r.lines, err);
    rc = rc ? rc : lm_ngram_cutter_init(&r.cutter, opt->cut, err);
    rc = rc ? rc : lm_words_init(&r.words, err);
    rc = rc ? rc : read_lines(&r, err);
    if (rc == REEL_OK) {
        number_new = base_alloc_array(r.words.view.n_words, sizeof *number_new);
        rc = number_new ? choose_words(&r, number_new, err)
                        : fail(err, REEL_ENOMEM, "%u words", r.words.view.n_words);
        rc = rc ? rc : arrange(&r, number_new, err);
        rc = rc ? rc : count_shares(out, err);
    }
    lm_lines_close(r.lines);
    lm_ngram_cutter_release(&r.cutter);
    lm_words_release(&r.words);
    lm_array_release(&out->scratch, &r.word_array);
    lm_array_release(&out->scratch, &r.line_array);
    base_free(r.count);
    base_free(number_new);
    if (rc) {
        lm_nnlm_corpus_release(out);
    }
    return rc;
}

void lm_nnlm_corpus_release(struct lm_nnlm_corpus *corpus)
{
    lm_array_release(&corpus->scratch, &corpus->word_array);
    lm_array_release(&corpus->scratch, &corpus->line_array);
    lm_words_release(&corpus->words);
    base_free(corpus->share);
    *corpus = (struct lm_nnlm_corpus){0};
}
