/**
 * The grams of a model while it is made: one level for each number of words, a trie in suffix
 * order, and writing it as a file.
 *
 * Level 1 holds all words by their number. A gram of level n, w_1 ... w_n, is a child of w_2 ...
 * w_n, its last words; children stand together, by w_1. Its *context* is w_1 ... w_(n-1).
 * Every gram's last words and context are grams themselves.
 */
#ifndef LM_NGRAM_LEVELS_H
#define LM_NGRAM_LEVELS_H

#include "lm_ngram.h"
#include "lm_scratch.h"

struct lm_level {
    uint32_t n; /* grams */
    /* (n) each; the arrays may lie in files */
    struct lm_array word_array, value_array, child_array, context_array, next_array,
        backoff_array;
    uint32_t *word;    /* w_1; NULL in level 1, where it is the index */
    uint32_t *count;   /* adjusted; then `value` is in its place */
    float *value;      /* P(w_n | context), then its log10 */
    uint32_t *child;   /* (n + 1) first child in the next level; NULL in the last */
    uint32_t *context; /* index in the level below; NULL in level 1 */
    uint32_t *n_next;  /* grams whose context it is, then its place in the block (0: no
                          context); NULL in the last level */
    float *backoff;    /* likewise log10 in the end; NULL in the last level */
};

struct lm_levels {
    int32_t order;
    enum reel_lm_cut cut;
    const struct lm_words_view *words; /* borrowed */
    struct lm_scratch *scratch;        /* borrowed */
    struct reel_progress progress;
    struct lm_level level[REEL_LM_NGRAM_ORDER_MAX]; /* (order) */
};

void lm_levels_init(struct lm_levels *levels, int32_t order, enum reel_lm_cut cut,
                    const struct lm_words_view *words, struct lm_scratch *scratch,
                    const struct reel_progress *progress);
void lm_levels_release(struct lm_levels *levels);

/** Level 1: all words, count 0 and no children. Errors: as lm_array_need. */
enum reel_status lm_levels_words(struct lm_levels *levels,
                                 struct reel_error *err) REEL_CHECKED;
/** No more grams: the children of the last ones end. */
enum reel_status lm_levels_close(struct lm_levels *levels,
                                 struct reel_error *err) REEL_CHECKED;

/**
 * Append one gram to a level whose last words were appended last to the level below; word,
 * count and child are then set. Level 1 is filled otherwise. Errors: as lm_array_need;
 * REEL_EINVAL more than 2^32 - 2 grams.
 */
enum reel_status lm_levels_append(struct lm_levels *levels, int32_t i_level,
                                  uint32_t word, uint32_t count,
                                  struct reel_error *err) REEL_CHECKED;

/**
 * Find each gram's context, and count the grams of each context.
 * Errors: REEL_EFORMAT a gram without its context, which cannot happen to counts.
 */
enum reel_status lm_levels_link(struct lm_levels *levels,
                                struct reel_error *err) REEL_CHECKED;

/** Estimate value and backoff from counts (lm_ngram_kneser_ney.c), filling `made`. */
enum reel_status lm_levels_estimate(struct lm_levels *levels,
                                    struct reel_lm_ngram_made *made,
                                    struct reel_error *err) REEL_CHECKED;

/** Write the file; value and backoff are log10. Errors: REEL_EIO; REEL_EINVAL over 16 GiB. */
enum reel_status lm_levels_write(struct lm_levels *levels, const char *path,
                                 int64_t *file_bytes,
                                 struct reel_error *err) REEL_CHECKED;

#endif
