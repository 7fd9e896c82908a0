/**
 * A source of scores that a test can see through: score_j = bias_j + sum over the history
 * of value_i w_ij. And small film tables.
 */
#ifndef RANK_FIXTURE_H
#define RANK_FIXTURE_H

#include "unit.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_rng.h"
#include "rank_source.h"

#include <forkreel/rank.h>

#include <math.h>
#include <string.h>

struct linear {
    int32_t n_films;
    const float
        *weights;      /* (n_films, n_films) row i: what i in the history adds; or NULL */
    const float *bias; /* (n_films) */
    int32_t failing;   /* a history with this film fails; -1 none */
};

static inline enum reel_status linear_score(const void *self,
                                            const struct reel_query *query, float *score,
                                            struct reel_error *err)
{
    const struct linear *l = self;
    memcpy(score, l->bias, (size_t)l->n_films * sizeof *score);
    for (int32_t q = 0; q < query->n; q++) {
        if (query->film[q] == l->failing) {
            return fail(err, REEL_EFAIL, "film %d fails", l->failing);
        }
        for (int32_t j = 0; j < l->n_films && l->weights; j++) {
            score[j] += (query->value ? query->value[q] : 1) *
                        l->weights[query->film[q] * l->n_films + j];
        }
    }
    return REEL_OK;
}

static inline enum reel_status linear_explain(const void *self,
                                              const struct reel_query *query,
                                              int32_t film, struct reel_part *part,
                                              int32_t *n, float *score, float *rest,
                                              struct reel_error *err)
{
    const struct linear *l = self;
    (void)err;
    *rest = l->bias[film];
    *score = *rest;
    *n = query->n;
    for (int32_t q = 0; q < query->n; q++) {
        const float weight =
            l->weights ? l->weights[query->film[q] * l->n_films + film] : 0;
        part[q] = (struct reel_part){query->film[q],
                                     (query->value ? query->value[q] : 1) * weight};
        *score += part[q].amount;
    }
    return REEL_OK;
}

static inline struct rank_source linear_source(const struct linear *linear)
{
    return (struct rank_source){.self = linear,
                                .n_films = linear->n_films,
                                .n_viewers = 100,
                                .score = linear_score,
                                .explain = linear_explain};
}

/** Random sparse rows; the caller's arrays: start (n_rows + 1), col (n_rows * n_cols). */
static inline struct reel_csr random_rows(struct base_rng *rng, int32_t n_rows,
                                          int32_t n_cols, double density, int64_t *start,
                                          int32_t *col)
{
    int64_t n = 0;
    for (int32_t r = 0; r < n_rows; r++) {
        start[r] = n;
        for (int32_t c = 0; c < n_cols; c++) {
            if (base_rng_double(rng) < density) {
                col[n++] = c;
            }
        }
    }
    start[n_rows] = n;
    return (struct reel_csr){
        .n_rows = n_rows, .n_cols = n_cols, .start = start, .col = col};
}

#endif
