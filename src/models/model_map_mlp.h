/**
 * A small network from features to targets, for what a linear map cannot say.
 *
 *   x   = C f                        coordinates: kernel principal components of the films
 *   out = mean over the nets of  W2 relu(W1 x + b1) + b2
 *
 * f are the blocks' rows side by side, so C is one more map with a row for each column of
 * features. There are as many nets as folds: each learns from the films outside its fold and
 * stops when the films inside it are predicted no better. So a film's held-out prediction is
 * that of the one net that never saw it, and a text nobody has seen gets the mean of all.
 */
#ifndef MODEL_MAP_MLP_H
#define MODEL_MAP_MLP_H

#include "model_ridge.h"

enum {
    MODEL_MLP_COORDS_MAX = 64,  /* numbers of x; fewer where there are fewer films */
    MODEL_MLP_HIDDEN_MAX = 256, /* units of the layer between */
    MODEL_MLP_FOLDS = 5,        /* nets */
    MODEL_MLP_LEARNED = 1000    /* films whose components are taken, at most */
};

struct model_mlp_shape {
    int32_t n_coords, n_hidden,
        n_targets; /* at least 1, the first two not above the most */
};

struct model_mlp_lesson {
    const struct model_rows *rows;
    const int32_t *film; /* (n) rows that are learned from */
    int32_t n;
    struct model_mlp_shape shape;
    const float *target; /* (n_targets, n), mean 0 and size 1 or so */
    const float *care;   /* (n_targets, n) weight of each error */
    uint64_t seed;
    struct reel_progress progress;
};

/** Numbers of all nets, in this order for each: W1, b1, W2 (n_targets rows), b2. */
uint64_t model_mlp_n_floats(const struct model_mlp_shape *shape);

/**
 * coords (n_cols, n_coords), cleared: C turned, of length 1 on average per number.
 * weight (rows->n_blocks) of the kernel; first_col of each block as in `spec`.
 * Errors: REEL_ENOMEM; REEL_EFAIL no eigenvectors.
 */
enum reel_status model_mlp_coords(const struct model_mlp_lesson *lesson,
                                  const struct model_block *spec, const float *weight,
                                  struct base_pool *pool, float *coords,
                                  struct reel_error *err) REEL_CHECKED;
/** x (n_coords) of a row. */
void model_mlp_place(const struct model_rows *rows, const struct model_block *spec,
                     const float *coords, int32_t n_coords, int32_t row, float *x);

/** nets (model_mlp_n_floats), held_out (n_targets, n). Errors: as base_net_train. */
enum reel_status model_mlp_train(const struct model_mlp_lesson *lesson,
                                 const struct model_block *spec, const float *coords,
                                 float *nets, float *held_out,
                                 struct reel_error *err) REEL_CHECKED;
/** out (n_targets) += what the nets say of x. */
void model_mlp_add(const float *nets, const struct model_mlp_shape *shape, const float *x,
                   float *out);
/**
 * Around x the nets are linear: g (n_targets) . out = rest + slope (n_coords) . x.
 * Returns the rest.
 */
float model_mlp_slope(const float *nets, const struct model_mlp_shape *shape,
                      const float *x, const float *g, float *slope);
/** Bring targets to another unit: out_t becomes size[t] * out_t + mean[t]. */
void model_mlp_rescale(float *nets, const struct model_mlp_shape *shape,
                       const float *size, const float *mean);

/** Has this taste model nets beside its map? Their shape. (model_taste.c) */
bool taste_nets(const struct reel_model *model, struct model_mlp_shape *shape);

#endif
