/**
 * Inside view of implicit alternating least squares, for tests and benchmarks.
 */
#ifndef MODEL_ALS_H
#define MODEL_ALS_H

#include "base_pool.h"
#include "model_core.h"

enum als_weighting {
    ALS_FREQUENCY = 0,  /* Rendle et al. 2021: choices count 1, everything else alpha */
    ALS_CONFIDENCE = 1, /* Hu, Koren, Volinsky 2008: choices count alpha, all else 1 */
};

enum als_solver { ALS_CHOLESKY = 0, ALS_CG = 1, ALS_BLOCK = 2 };

/** Settings in the form of the equations at the head of model_als.c. */
struct als_params {
    enum als_weighting weighting;
    enum als_solver solver;
    size_t k; /* padded factors */
    double alpha, regularization, exponent;
    int32_t n_cg_steps, n_block;
};

struct als_params als_params_read(const double *setting);

/**
 * Solve every row of `solved` (rows->n_rows, k) against `fixed` (rows->n_cols, k).
 * The old rows of `solved` are where ALS_CG and ALS_BLOCK begin.
 */
enum reel_status als_half_step(const struct als_params *params,
                               const struct reel_csr *rows, const float *fixed,
                               float *solved, struct base_pool *pool,
                               struct reel_error *err) REEL_CHECKED;

/** gram (k, k), full = scale * fixed^T fixed; same bits for the same number of threads. */
enum reel_status als_gram(const float *fixed, int32_t n, size_t k, double scale,
                          struct base_pool *pool, float *gram,
                          struct reel_error *err) REEL_CHECKED;

/** The loss that training lowers (head of model_als.c), in double. */
double als_loss(const struct reel_model *model, const struct reel_csr *chosen);

#endif
