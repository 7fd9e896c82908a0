/**
 * Matrix products and attention for a few rows at a time: what writing side by side needs.
 *
 * llama.cpp multiplies quantised weights by one row after the other. Here eight rows of weights
 * are laid side by side ("a tile"), each unpacked once for all columns, and a column is one
 * token of one sample. Products of 4-bit weights and 8-bit activations are summed in 16 bits
 * over a whole block of 32 (at most 8 * 2 * 15 * 127 = 30480, which fits), so that most
 * instructions do 32 multiplications.
 *
 * Shapes:  weights (n_rows, n_cols), result (n_columns, n_rows); n_rows a multiple of 8, n_cols
 *          of 32. Activations are rounded to 8 bits per block of 32, as llama.cpp does.
 * Threads: tiles are independent.
 */
#ifndef LM_KERNEL_H
#define LM_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LM_TILE = 8, LM_BLOCK = 32 };

/** As ggml stores them: a block of 32 weights has one scale; Q4_1 has a least value too. */
enum lm_weight { LM_WEIGHT_Q4_1, LM_WEIGHT_Q8_0 };

/**
 * Does this processor have what the fast ones need (AVX2, FMA, F16C)? On others than x86 it
 * does not, and nothing else of this header is there.
 */
bool lm_kernel_is_here(void);

size_t lm_packed_bytes(enum lm_weight type, int64_t n_rows, int64_t n_cols);
/** Rows as ggml stores them into tiles. */
void lm_pack(enum lm_weight type, const void *rows, int64_t n_rows, int64_t n_cols,
             void *packed);

/** Activations in 8 bits: x = scale * q; `sum` is the sum of a block's x. */
struct lm_columns {
    int64_t n_columns, n_cols;
    int8_t *q;          /* (n_columns, n_cols) */
    float *scale, *sum; /* (n_columns, n_cols / 32) */
};
size_t lm_columns_bytes(int64_t n_columns, int64_t n_cols);
/** Lay the three arrays into `memory`. */
void lm_columns_lay(struct lm_columns *columns, int64_t n_columns, int64_t n_cols,
                    void *memory);
/** Columns [begin, end) from floats that lie `stride` floats apart. */
void lm_columns_round(struct lm_columns *columns, const float *x, int64_t stride,
                      int64_t begin, int64_t end);

/** Scratch of one thread for lm_multiply. */
size_t lm_multiply_bytes(int64_t n_cols);
/** Tiles [begin, end) of the result; `out` (n_columns, n_rows). */
void lm_multiply(enum lm_weight type, const void *packed, int64_t n_rows,
                 const struct lm_columns *columns, int64_t begin, int64_t end, float *out,
                 void *scratch);
/** The same from unpacked rows and exact activations, in double. */
void lm_multiply_naive(enum lm_weight type, const void *rows, int64_t n_rows,
                       int64_t n_cols, const float *x, int64_t n_columns, float *out);

/**
 * Attention of a few tokens over cells of which each may see its own.
 *
 * Heads of a group share keys and values. `*_stride` are distances in elements. `mask`
 * (n_tokens, n_cells) is half precision, -infinity where a token does not see a cell.
 */
struct lm_attention {
    int32_t n_tokens, n_heads, n_groups, n_cells,
        width; /* width a multiple of 8, at most 256 */
    const float *query;
    int64_t query_token_stride, query_head_stride;
    const uint16_t *key, *value, *mask;
    int64_t key_cell_stride, key_group_stride, value_cell_stride, value_group_stride;
    int64_t mask_token_stride;
    float scale;
    float *out; /* (n_tokens, n_heads, width) */
};
size_t lm_attend_bytes(const struct lm_attention *a);
/** Groups [begin, end). */
void lm_attend(const struct lm_attention *a, int64_t begin, int64_t end, void *scratch);
void lm_attend_naive(const struct lm_attention *a);

#endif
