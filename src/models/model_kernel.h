/**
 * The inner loops of factor models, on vectors padded with zeros to a multiple of
 * MODEL_PAD floats and aligned to 64 bytes. Written with GCC's vector types: the compiler
 * picks the instructions, nothing is tied to one processor.
 *
 * Every kernel has a naive twin, `..._naive`, that follows the formula; tests compare them.
 */
#ifndef MODEL_KERNEL_H
#define MODEL_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum { MODEL_PAD = 16 };

/** n rounded up to MODEL_PAD. */
size_t model_padded(size_t n);

/** Sum of a[i] * b[i], n a multiple of MODEL_PAD. */
float model_dot(const float *a, const float *b, size_t n);
float model_dot_naive(const float *a, const float *b, size_t n);

/**
 * Upper triangle of gram (k, k) += tile^T tile, tile (n, k) row-major; k a multiple of
 * MODEL_PAD. Blocks that touch the diagonal are computed whole, so a few floats below it
 * are written too: what is below the diagonal has no meaning.
 */
void model_syrk(float *gram, const float *tile, size_t n, size_t k);
void model_syrk_naive(float *gram, const float *tile, size_t n, size_t k);

/**
 * Solve a x = b for symmetric positive definite a (k, k), upper triangle given and finite
 * numbers below it; a is lost, b becomes x. False when a pivot is not positive; b is then
 * lost too.
 */
int model_cholesky_solve(float *a, float *b, size_t k);
int model_cholesky_solve_naive(float *a, float *b, size_t k);

/**
 * out (k) += sum over e of (t + w (y_e . x)) y_e, where y_e is row at[e] of `rows`:
 * n rows are read where they lie. Source: one application of A - gG - lI in model_als.c.
 */
void model_gram_apply_at(float *out, const float *rows, const int32_t *at, const float *x,
                         float w, float t, size_t n, size_t k);
void model_gram_apply_at_naive(float *out, const float *rows, const int32_t *at,
                               const float *x, float w, float t, size_t n, size_t k);

/** y (k) = a (k, k) x, a symmetric and full. */
void model_symv(float *y, const float *a, const float *x, size_t k);

#endif
