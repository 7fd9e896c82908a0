/** What is latent in words: the leading singular vectors of a sparse matrix. */
#ifndef FEAT_LSA_H
#define FEAT_LSA_H

#include "base_pool.h"

#include <forkreel/matrix.h>
#include <forkreel/status.h>

/**
 * The `k` largest singular values of `a` and their right singular vectors.
 *
 * Shapes:  vectors (n_cols, k) row-major, value (k) descending; both fully written.
 *          1 <= k <= min(rows, columns).
 * Sign:    each vector's entries add up to 0 or more.
 * Errors:  REEL_ENOMEM; REEL_ECANCELLED.
 * Threads: the pool's; any number of threads gives the same bits.
 * Cost:    2 * (N_PASSES + 1) products of `a` with k + 10 columns.
 * Source:  Halko, Martinsson, Tropp 2011, algorithms 4.4 and 5.1.
 */
enum reel_status feat_lsa_fit(const struct reel_csr *a, int32_t k, uint64_t seed,
                              struct base_pool *pool,
                              const struct reel_progress *progress, float *vectors,
                              float *value, struct reel_error *err) REEL_CHECKED;

/** row (k) = one sparse row times vectors, made length 1; all zero for an empty row. */
void feat_lsa_project(const struct reel_csr *a, int32_t i, const float *vectors,
                      int32_t k, float *row);

/** y (rows, k) = a x (columns, k); the naive twin is in the tests. */
void feat_lsa_multiply(const struct reel_csr *a, const float *x, int32_t k,
                       struct base_pool *pool, float *y);

#endif
