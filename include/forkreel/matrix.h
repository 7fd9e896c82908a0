/**
 * @file matrix.h
 * Sparse rows: who did something with which film, and how much it counts.
 *
 * Row r owns the entries start[r] .. start[r+1]-1; columns ascend inside a row and appear
 * once. Row 0 is the first viewer; what the indices stand for (database keys, names) is the
 * caller's to know.
 *
 *     const int64_t start[] = {0, 2, 3};
 *     const int32_t col[] = {0, 4, 1};
 *     struct reel_csr m = {.n_rows = 2, .n_cols = 5, .start = start, .col = col};
 */
#ifndef FORKREEL_MATRIX_H
#define FORKREEL_MATRIX_H

#include <stdint.h>

struct reel_csr {
    int32_t n_rows, n_cols;
    const int64_t *start; /* (n_rows + 1) ascending from 0 */
    const int32_t *col;   /* (start[n_rows]) in [0, n_cols), ascending inside a row */
    const float *value;   /* (start[n_rows]) or NULL: every entry is 1 */
};

/**
 * One kind of numbers about things, a row for each: words of films, vectors of texts.
 * Either sparse or dense; an empty or all-zero row: nothing is known of that thing.
 */
struct reel_feature_block {
    const char *name; /* "tfidf", "lsa", "embedding" */
    int32_t n_rows, n_cols;
    const struct reel_csr *sparse; /* n_rows x n_cols, or NULL */
    const float *dense;            /* (n_rows, n_cols) row-major, or NULL */
};

/** What one number of a row adds to a sum over all of them: value * slope. */
struct reel_feature_part {
    int32_t block, col; /* of the blocks asked about */
    float value;        /* what the block holds there */
    float slope;
};

#endif
