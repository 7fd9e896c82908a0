/** The regression behind a newcomer's list. */
#ifndef RANK_WELCOME_H
#define RANK_WELCOME_H

#include "rank_source.h"

#include <forkreel/rank.h>

/** score_j = mean_j + sum over answers a of weight_a part_aj, one row of parts each. */
struct rank_newcomer {
    const struct reel_welcome *welcome;
    const struct reel_answer *answer;
    int32_t n_answers;
    float *part; /* (n_answers, n_films) what each answer adds */
};
enum reel_status rank_newcomer_init(struct rank_newcomer *newcomer,
                                    const struct reel_welcome *welcome,
                                    const struct reel_answer *answer, int32_t n_answers,
                                    struct reel_error *err) REEL_CHECKED;
void rank_newcomer_release(struct rank_newcomer *newcomer);
/** Borrows all. `film_key` (n_films). */
struct rank_source rank_newcomer_source(const struct rank_newcomer *newcomer,
                                        const int64_t *film_key);

/** Viewers who liked each film, (n_films), and how many were looked at. */
const int32_t *rank_welcome_counts(const struct reel_welcome *welcome,
                                   int32_t *n_viewers);

#endif
