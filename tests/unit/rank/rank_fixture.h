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
        if (q > 0 && query->film[q] <= query->film[q - 1]) {
            return fail(err, REEL_EINVAL, "a history that does not ascend");
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

/** Eight films with everything a filter may ask for. */
static inline const struct reel_film_table *eight_films(void)
{
    static const int64_t key[] = {3, 5, 8, 13, 21, 34, 55, 89};
    static const char *const title[] = {"Alien",  "Heat",   "Fargo", "To Live",
                                        "Amelie", "Brazil", "Jaws",  "Hero"};
    static const char *const title_zh[] = {"异形", NULL, "冰血暴", "活着",
                                           NULL,   NULL, "大白鲨", "英雄"};
    static const int32_t year[] = {1979, 1995, 1996, 1994, 2001, 1985, 0, 2002};
    static const int32_t runtime_min[] = {117, 170, 98, 133, 122, 132, 124, 0};
    static const int32_t min_age[] = {16, 16, 16, 12, 12, -1, 12, 12};
    static const char *const language[] = {"en", "en", "en", "zh",
                                           "fr", "en", NULL, "zh"};
    static const char *const genre[] = {"Drama", "Horror", "Science Fiction", "Crime"};
    static const int64_t genre_start[] = {0, 2, 4, 6, 7, 8, 10, 11, 12};
    static const int32_t genre_col[] = {1, 2, 0, 3, 0, 3, 0, 0, 0, 2, 1, 0};
    static const char *const person[] = {"Ridley Scott", "Zhang Yimou", "Gong Li"};
    static const int64_t person_start[] = {0, 1, 1, 1, 3, 3, 3, 3, 4};
    static const int32_t person_col[] = {0, 1, 2, 1};
    static const int64_t none[9] = {0};
    static const struct reel_film_table films = {
        .n_films = 8,
        .key = key,
        .title = title,
        .title_zh = title_zh,
        .year = year,
        .runtime_min = runtime_min,
        .min_age = min_age,
        .language = language,
        .genres = {8, 4, genre_start, genre_col, NULL},
        .keywords = {8, 0, none, NULL, NULL},
        .people = {8, 3, person_start, person_col, NULL},
        .genre_name = genre,
        .people_name = person,
    };
    return &films;
}

#endif
