/**
 * Where scores come from. Ranking asks a model these few things; a test can answer them
 * from small arrays of its own.
 */
#ifndef RANK_SOURCE_H
#define RANK_SOURCE_H

#include <forkreel/rank.h>

struct rank_source {
    const void *self;
    int32_t n_films, n_viewers;
    enum reel_reason_kind rest_kind; /* what is not explained by the history */
    bool is_count;           /* a score is the number of viewers who chose the film */
    const int64_t *film_key; /* (n_films); NULL: the index */
    const float *vector;     /* (n_films, n_factors) or NULL */
    int32_t n_factors;
    /** As reel_model_score and reel_model_explain. */
    enum reel_status (*score)(const void *self, const struct reel_query *query,
                              float *score, struct reel_error *err);
    enum reel_status (*explain)(const void *self, const struct reel_query *query,
                                int32_t film, struct reel_part *part, int32_t *n,
                                float *score, float *rest, struct reel_error *err);
    /** What `rest` is made of, at most RANK_REST_MAX; gives how many. NULL: rest_kind. */
    int32_t (*explain_rest)(const void *self, int32_t film, struct reel_reason *out);
};
enum { RANK_REST_MAX = 8 };

/** Borrows `model`. */
struct rank_source rank_source_from_model(const struct reel_model *model);

#endif
