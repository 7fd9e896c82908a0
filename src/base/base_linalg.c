/**
 * A thin layer over OpenBLAS and LAPACKE; see base_linalg.h.
 *
 * Row-major lower is column-major upper, so LAPACK is called column-major with 'U': the
 * row-major entry points of LAPACKE would copy the whole matrix to turn it.
 */
#include "base_linalg.h"
#include "base_alloc.h"
#include "base_error.h"

#include <cblas.h>
#include <lapacke.h>

void base_linalg_threads(int32_t n_threads)
{
    openblas_set_num_threads(n_threads);
}

void base_gemm_nt(float *c, const float *a, const float *b, size_t m, size_t n, size_t k,
                  size_t ldc, size_t lda, size_t ldb, float alpha, float beta)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, alpha, a,
                (int)lda, b, (int)ldb, beta, c, (int)ldc);
}

void base_gemm_nn(float *c, const float *a, const float *b, size_t m, size_t n, size_t k,
                  size_t ldc, size_t lda, size_t ldb, float alpha, float beta)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)k, alpha,
                a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}

void base_gemm_tn(float *c, const float *a, const float *b, size_t m, size_t n, size_t k,
                  size_t ldc, size_t lda, size_t ldb, float alpha, float beta)
{
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)m, (int)n, (int)k, alpha, a,
                (int)lda, b, (int)ldb, beta, c, (int)ldc);
}

void base_gemv(float *y, const float *a, const float *x, size_t m, size_t n, size_t lda)
{
    cblas_sgemv(CblasRowMajor, CblasNoTrans, (int)m, (int)n, 1, a, (int)lda, x, 1, 0, y,
                1);
}

enum reel_status base_invert_spd(float *a, size_t n, struct reel_error *err)
{
    if (n == 0) {
        return REEL_OK;
    }
    int info = LAPACKE_spotrf_work(LAPACK_COL_MAJOR, 'U', (int)n, a, (int)n);
    if (info == 0) {
        info = LAPACKE_spotri_work(LAPACK_COL_MAJOR, 'U', (int)n, a, (int)n);
    }
    if (info != 0) {
        return fail(err, REEL_EINVAL, "matrix of %zu: pivot %d is not positive", n, info);
    }
    return REEL_OK;
}

void base_gram(float *c, const float *a, size_t m, size_t n)
{
    cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, (int)n, (int)m, 1, a, (int)n, 0, c,
                (int)n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            c[i * n + j] = c[j * n + i];
        }
    }
}

// Row-major (m, n) is column-major (n, m): its rows are made orthonormal by L Q.
enum reel_status base_orthonormalize(float *a, size_t m, size_t n, struct reel_error *err)
{
    enum { BLOCK = 64 };
    if (n == 0) {
        return REEL_OK;
    }
    float *tau = base_alloc_array(n * (BLOCK + 1), sizeof *tau);
    if (!tau) {
        return fail(err, REEL_ENOMEM, "%zu columns", n);
    }
    int info = LAPACKE_sgelqf_work(LAPACK_COL_MAJOR, (int)n, (int)m, a, (int)n, tau,
                                   tau + n, (int)n * BLOCK);
    if (info == 0) {
        info = LAPACKE_sorglq_work(LAPACK_COL_MAJOR, (int)n, (int)m, (int)n, a, (int)n,
                                   tau, tau + n, (int)n * BLOCK);
    }
    base_free(tau);
    return info == 0
               ? REEL_OK
               : fail(err, REEL_EINVAL, "%zu columns of %zu: argument %d", n, m, -info);
}

enum reel_status base_eigen_symmetric(float *a, size_t n, float *value,
                                      struct reel_error *err)
{
    if (n == 0) {
        return REEL_OK;
    }
    float *work = base_alloc_array(n * 66, sizeof *work);
    if (!work) {
        return fail(err, REEL_ENOMEM, "%zu eigenvectors", n);
    }
    // Row-major lower is column-major upper; vectors come as columns, which are our rows.
    const int info = LAPACKE_ssyev_work(LAPACK_COL_MAJOR, 'V', 'U', (int)n, a, (int)n,
                                        value, work, (int)n * 66);
    base_free(work);
    return info == 0 ? REEL_OK
                     : fail(err, REEL_EFAIL, "eigenvectors of %zu: %d left", n, info);
}

float base_dot(const float *a, const float *b, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}
