/**
 * Features of films as models use them: blocks of rows, each row brought to length 1.
 *
 * Dense rows are centred first, because vectors of language models share a large common
 * part that says nothing. A zero row stays zero: nothing is known of that thing.
 */
#ifndef MODEL_BLOCKS_H
#define MODEL_BLOCKS_H

#include "base_pool.h"
#include "model_core.h"

enum { MODEL_BLOCKS_MAX = 16, MODEL_BLOCK_NAME = 32, MODEL_BLOCK_GROUPS = 3 };

/** What a model remembers of a block; kept in files. */
struct model_block {
    char name[MODEL_BLOCK_NAME];
    int32_t n_cols, is_dense;
    int32_t first_col;                /* among the columns of all blocks */
    int32_t first_centre;             /* among the columns of dense blocks; -1 sparse */
    float weight[MODEL_BLOCK_GROUPS]; /* of the block's kernel, by group of targets */
    float unused;
};

/** Errors: REEL_EINVAL too many blocks, wrong shapes, a name twice. */
enum reel_status model_blocks_describe(const struct reel_feature_block *block,
                                       int32_t n_blocks, int32_t n_rows,
                                       struct model_block *spec, int32_t *n_cols,
                                       int32_t *n_centre,
                                       struct reel_error *err) REEL_CHECKED;
/** centre (n_centre): mean of the rows that are not zero. */
void model_blocks_centre(const struct reel_feature_block *block,
                         const struct model_block *spec, int32_t n_blocks, float *centre);
/** REEL_EFORMAT unless blocks of a file fit together. */
enum reel_status model_blocks_check(const struct model_block *spec, int32_t n_blocks,
                                    int32_t n_cols, int32_t n_centre,
                                    struct reel_error *err) REEL_CHECKED;

/** Rows of `spec`'s blocks, found by name; a block that is not there has zero rows. */
struct model_rows {
    int32_t n_rows, n_blocks;
    struct {
        const struct reel_csr *sparse;
        float *size;  /* (n_rows) sparse: what brings a row to length 1 */
        float *dense; /* (n_rows, n_cols) centred, length 1 */
        int32_t n_cols;
    } block[MODEL_BLOCKS_MAX];
};
enum reel_status model_rows_make(const struct model_block *spec, int32_t n_specs,
                                 const float *centre,
                                 const struct reel_feature_block *block, int32_t n_blocks,
                                 int32_t n_rows, struct model_rows *out,
                                 struct reel_error *err) REEL_CHECKED;
void model_rows_release(struct model_rows *rows);
/** Is anything known of this row? */
bool model_rows_known(const struct model_rows *rows, int32_t row);

/**
 * Lower triangle of kernel (n, n) += weight * products of rows `pick` (n) of one block.
 * Errors: REEL_ENOMEM.
 */
enum reel_status model_rows_kernel(const struct model_rows *rows, int32_t block,
                                   const int32_t *pick, int32_t n, float weight,
                                   struct base_pool *pool, float *kernel,
                                   struct reel_error *err) REEL_CHECKED;
/** The product of two rows of one block, as the definition says it. */
double model_rows_product_naive(const struct model_rows *rows, int32_t block, int32_t a,
                                int32_t b);

/** out (n_targets) += scale * row of block times map (n_cols, n_targets). */
void model_rows_project(const struct model_rows *rows, int32_t block, int32_t row,
                        const float *map, int32_t n_targets, float *out);
/** to (n_cols of the block) += scale * row of block. */
void model_rows_add(const struct model_rows *rows, int32_t block, int32_t row,
                    float scale, float *to);
/** map (n_cols, n_targets) += row of block, turned, times amount (n_targets). */
void model_rows_spread(const struct model_rows *rows, int32_t block, int32_t row,
                       const float *amount, int32_t n_targets, float *map);

#endif
