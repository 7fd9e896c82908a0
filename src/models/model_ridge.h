/**
 * Kernel ridge regression from blocks of features to several targets.
 *
 *   K = sum_b weight_b X_b X_b^T,   A = (K + diag(noise))^-1,   dual = A T
 *   held-out prediction of film f:  T_f - dual_f / A_ff          (exact leave-one-out)
 *
 * How much each block counts is chosen by the held-out error, by steps along one weight
 * after the other; so a kind of feature that says nothing ends near zero by itself.
 */
#ifndef MODEL_RIDGE_H
#define MODEL_RIDGE_H

#include "model_blocks.h"

struct model_ridge {
    const struct model_rows *rows;
    const int32_t *film; /* (n) rows that are learned from */
    int32_t n, n_targets;
    const float *target; /* (n_targets, n), mean 0 and size 1 or so */
    const float *noise;  /* (n) variance of a target beyond `noise_all` */
    const float *care;   /* (n) weight of a film when errors are added up */
    float noise_all;
    struct base_pool *pool;
};

/**
 * weight (rows->n_blocks): those with the least held-out error on at most n_sample films.
 * Errors: REEL_ENOMEM.
 */
enum reel_status model_ridge_choose(const struct model_ridge *ridge, int32_t n_sample,
                                    uint64_t seed, float *weight,
                                    struct reel_error *err) REEL_CHECKED;
/** dual, held_out (n_targets, n). Errors: REEL_ENOMEM; REEL_EINVAL not positive definite. */
enum reel_status model_ridge_fit(const struct model_ridge *ridge, const float *weight,
                                 float *dual, float *held_out,
                                 struct reel_error *err) REEL_CHECKED;
/** The same in double by elimination, a film left out for real each time. */
enum reel_status model_ridge_fit_naive(const struct model_ridge *ridge,
                                       const float *weight, float *dual, float *held_out,
                                       struct reel_error *err) REEL_CHECKED;

#endif
