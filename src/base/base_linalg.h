/**
 * Dense linear algebra, single precision, row-major. The only file that sees BLAS/LAPACK.
 *
 * BLAS runs on one thread unless base_linalg_threads says otherwise: our own loops are
 * parallel already, and two pools of threads on the same cores fight.
 */
#ifndef BASE_LINALG_H
#define BASE_LINALG_H

#include <forkreel/status.h>

#include <stddef.h>

/** Threads that BLAS may use from now on, for the whole process. */
void base_linalg_threads(int32_t n_threads);

/** c (m, n) = alpha * a (m, k) b^T (n, k) + beta * c; leading dimensions in floats. */
void base_gemm_nt(float *c, const float *a, const float *b, size_t m, size_t n, size_t k,
                  size_t ldc, size_t lda, size_t ldb, float alpha, float beta);
/** The same with a (m, k) b (k, n), and with a^T (k, m) b (k, n). */
void base_gemm_nn(float *c, const float *a, const float *b, size_t m, size_t n, size_t k,
                  size_t ldc, size_t lda, size_t ldb, float alpha, float beta);
void base_gemm_tn(float *c, const float *a, const float *b, size_t m, size_t n, size_t k,
                  size_t ldc, size_t lda, size_t ldb, float alpha, float beta);
/** y (m) = a (m, n) x (n). */
void base_gemv(float *y, const float *a, const float *x, size_t m, size_t n, size_t lda);

/**
 * Inverse of a symmetric positive definite matrix in place: Cholesky, then inverse from the
 * factor; no second n x n buffer. Only the lower triangle is read and written.
 * Errors: REEL_EINVAL when it is not positive definite, with the pivot.
 */
enum reel_status base_invert_spd(float *a, size_t n, struct reel_error *err) REEL_CHECKED;

/** c (n, n) = a^T a of a (m, n); both triangles. */
void base_gram(float *c, const float *a, size_t m, size_t n);

/**
 * Columns of a (m, n), m >= n, become orthonormal and span what they spanned (Householder).
 * Errors: REEL_ENOMEM.
 */
enum reel_status base_orthonormalize(float *a, size_t m, size_t n,
                                     struct reel_error *err) REEL_CHECKED;

/**
 * Eigenvectors of a symmetric matrix in place: row i belongs to value[i], ascending. Only
 * the lower triangle is read. Errors: REEL_ENOMEM; REEL_EFAIL when it does not converge.
 */
enum reel_status base_eigen_symmetric(float *a, size_t n, float *value,
                                      struct reel_error *err) REEL_CHECKED;

float base_dot(const float *a, const float *b, size_t n);

#endif
