/**
 * Randomised SVD of a sparse matrix; see feat_lsa.h.
 *
 *     a (n, m)   the matrix, n texts and m terms
 *     q (n, l)   an orthonormal basis of where a takes random vectors, l = k + 10
 *     z (m, l)   a^T q; its Gram matrix q^T a a^T q gives values and vectors
 *
 * Between passes the basis is made orthonormal again, so that small singular values do not
 * drown in the rounding of large ones.
 */
#include "feat_lsa.h"
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_linalg.h"
#include "base_rng.h"

#include <math.h>
#include <string.h>

enum { N_MORE = 10, N_PASSES = 4, N_CHUNK = 64 };

struct product {
    const struct reel_csr *a;
    const float *x;
    float *y;
    size_t k;
};

static void multiply_rows(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    const struct product *p = payload;
    (void)worker;
    for (int64_t i = begin; i < end; i++) {
        float *y = p->y + (size_t)i * p->k;
        memset(y, 0, p->k * sizeof *y);
        for (int64_t e = p->a->start[i]; e < p->a->start[i + 1]; e++) {
            const float weight = p->a->value ? p->a->value[e] : 1;
            const float *x = p->x + (size_t)p->a->col[e] * p->k;
            for (size_t f = 0; f < p->k; f++) {
                y[f] += weight * x[f];
            }
        }
    }
}

void feat_lsa_multiply(const struct reel_csr *a, const float *x, int32_t k,
                       struct base_pool *pool, float *y)
{
    struct product p = {a, x, y, (size_t)k};
    base_pool_run(pool, a->n_rows, N_CHUNK, multiply_rows, &p);
}

struct svd {
    const struct reel_csr *a, *turned;
    struct base_pool *pool;
    const struct reel_progress *progress;
    int32_t l;
    float *q, *z; /* (n, l), (m, l) */
};

/** q spans the range of a, nearly: the range finder with N_PASSES power iterations. */
static enum reel_status find_range(struct svd *s, uint64_t seed, struct reel_error *err)
{
    const size_t n = (size_t)s->a->n_rows, m = (size_t)s->a->n_cols, l = (size_t)s->l;
    struct base_rng rng;
    base_rng_init(&rng, seed, 0x15a);
    for (size_t i = 0; i < m * l; i++) {
        s->z[i] = (float)base_rng_normal(&rng);
    }
    enum reel_status rc = REEL_OK;
    for (int pass = 0; rc == REEL_OK && pass <= N_PASSES; pass++) {
        if (!base_progress_report(s->progress, "lsa", pass, N_PASSES + 1)) {
            return fail(err, REEL_ECANCELLED, "stopped while looking for what is latent");
        }
        feat_lsa_multiply(s->a, s->z, s->l, s->pool, s->q);
        rc = base_orthonormalize(s->q, n, l, err);
        if (rc == REEL_OK) {
            feat_lsa_multiply(s->turned, s->q, s->l, s->pool, s->z);
        }
        if (rc == REEL_OK && pass < N_PASSES) {
            rc = base_orthonormalize(s->z, m, l, err);
        }
    }
    return rc;
}

// v = z e / sqrt(lambda) for the k largest eigenpairs of z^T z.
static enum reel_status turn_basis(const struct svd *s, int32_t k, float *vectors,
                                   float *value, struct reel_error *err)
{
    const size_t l = (size_t)s->l, m = (size_t)s->a->n_cols;
    float *e = base_alloc_array(l * (l + 1), sizeof *e);
    if (!e) {
        return fail(err, REEL_ENOMEM, "%zu latent columns", l);
    }
    float *lambda = e + l * l; // ascending
    base_gram(e, s->z, m, l);
    const enum reel_status rc = base_eigen_symmetric(e, l, lambda, err);
    for (size_t f = 0; rc == REEL_OK && f < (size_t)k; f++) {
        const size_t from = l - 1 - f;
        value[f] = lambda[from] > 0 ? sqrtf(lambda[from]) : 0;
        base_gemm_nt(vectors + f, s->z, e + from * l, m, 1, l, (size_t)k, l, l,
                     value[f] > 0 ? 1 / value[f] : 0, 0);
        double sum = 0;
        for (size_t i = 0; i < m; i++) {
            sum += vectors[i * (size_t)k + f];
        }
        for (size_t i = 0; sum < 0 && i < m; i++) {
            vectors[i * (size_t)k + f] *= -1;
        }
    }
    base_free(e);
    return rc;
}

enum reel_status feat_lsa_fit(const struct reel_csr *a, int32_t k, uint64_t seed,
                              struct base_pool *pool,
                              const struct reel_progress *progress, float *vectors,
                              float *value, struct reel_error *err)
{
    const int32_t smaller = a->n_rows < a->n_cols ? a->n_rows : a->n_cols;
    struct base_csr turned = {0};
    struct svd s = {.a = a,
                    .turned = &turned.csr,
                    .pool = pool,
                    .progress = progress,
                    .l = k + N_MORE < smaller ? k + N_MORE : smaller};
    if (k < 1 || k > smaller) {
        return fail(err, REEL_EINVAL, "%d latent columns of a matrix of %d x %d", k,
                    a->n_rows, a->n_cols);
    }
    enum reel_status rc = base_csr_transpose(a, &turned, err);
    s.q = base_alloc_array((size_t)a->n_rows * (size_t)s.l, sizeof *s.q);
    s.z = base_alloc_array((size_t)a->n_cols * (size_t)s.l, sizeof *s.z);
    if (rc == REEL_OK && (!s.q || !s.z)) {
        rc = fail(err, REEL_ENOMEM, "%d latent columns of %d x %d", k, a->n_rows,
                  a->n_cols);
    }
    rc = rc ? rc : find_range(&s, seed, err);
    rc = rc ? rc : turn_basis(&s, k, vectors, value, err);
    base_free(s.q);
    base_free(s.z);
    base_csr_release(&turned);
    return rc;
}

void feat_lsa_project(const struct reel_csr *a, int32_t i, const float *vectors,
                      int32_t k, float *row)
{
    memset(row, 0, (size_t)k * sizeof *row);
    for (int64_t e = a->start[i]; e < a->start[i + 1]; e++) {
        const float weight = a->value ? a->value[e] : 1;
        const float *v = vectors + (size_t)a->col[e] * (size_t)k;
        for (int32_t f = 0; f < k; f++) {
            row[f] += weight * v[f];
        }
    }
    double square = 0;
    for (int32_t f = 0; f < k; f++) {
        square += (double)row[f] * row[f];
    }
    for (int32_t f = 0; square > 0 && f < k; f++) {
        row[f] = (float)(row[f] / sqrt(square));
    }
}
