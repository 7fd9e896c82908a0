/**
 * A thin layer over OpenBLAS and LAPACKE; see base_linalg.h.
 *
 * Row-major lower is column-major upper, so LAPACK is called column-major with 'U': the
 * row-major entry points of LAPACKE would copy the whole matrix to turn it.
 */
#include "base_linalg.h"
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

float base_dot(const float *a, const float *b, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}
