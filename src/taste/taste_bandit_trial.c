/** A simulated viewer of hidden taste, for the curve of what not knowing them costs. */
#include "base_error.h"
#include "base_rng.h"

#include <forkreel/feedback.h>

#include <math.h>

enum { N_DIMS = 6, N_ARMS = 5 };

/** Chance of liking an arm: a linear taste around one half, kept within 0 .. 1. */
static double chance_of(const double *taste, const float *x)
{
    double sum = 0.5;
    for (int i = 1; i < N_DIMS; i++) {
        sum += taste[i] * (double)x[i];
    }
    return fmin(1, fmax(0, sum));
}

static void draw_arms(struct base_rng *rng, float *x)
{
    for (int a = 0; a < N_ARMS; a++) {
        x[a * N_DIMS] = 1;
        for (int i = 1; i < N_DIMS; i++) {
            x[a * N_DIMS + i] = (float)(2 * base_rng_double(rng) - 1);
        }
    }
}

/** One round; gives what was lost. */
static enum reel_status play_round(struct reel_bandit *bandit, const double *taste,
                                   struct base_rng *rng, double *lost,
                                   struct reel_error *err)
{
    float x[N_ARMS * N_DIMS];
    int32_t order[N_ARMS] = {0};
    double propensity[N_ARMS], best = 0;
    draw_arms(rng, x);
    const uint64_t seed = base_rng_u64(rng);
    enum reel_status rc = REEL_OK;
    if (bandit) {
        rc = reel_bandit_rank(bandit, x, NULL, N_ARMS, seed, order, propensity, err);
    } else {
        order[0] = (int32_t)(seed % N_ARMS);
    }
    for (int a = 0; a < N_ARMS; a++) {
        best = fmax(best, chance_of(taste, x + a * N_DIMS));
    }
    const float *shown = x + order[0] * N_DIMS;
    const double chance = chance_of(taste, shown);
    const bool is_liked = base_rng_double(rng) < chance;
    *lost = best - chance;
    return rc || !bandit ? rc : reel_bandit_learn(bandit, shown, 0, is_liked, NULL, err);
}

enum reel_status reel_bandit_simulate(const struct reel_bandit_options *opt,
                                      int32_t n_rounds, int32_t turn_at, uint64_t seed,
                                      double *regret, struct reel_error *err)
{
    if (n_rounds < 0) {
        return fail(err, REEL_EINVAL, "bandit: %d rounds", n_rounds);
    }
    struct base_rng rng;
    struct reel_bandit *bandit = NULL;
    double taste[N_DIMS], lost = 0, sum = 0;
    base_rng_init(&rng, seed, 0);
    for (int i = 0; i < N_DIMS; i++) {
        taste[i] = 0.5 * (2 * base_rng_double(&rng) - 1);
    }
    enum reel_status rc = opt ? reel_bandit_create(N_DIMS, opt, &bandit, err) : REEL_OK;
    for (int32_t t = 0; rc == REEL_OK && t < n_rounds; t++) {
        for (int i = 0; t > 0 && t == turn_at && i < N_DIMS; i++) {
            taste[i] = -taste[i];
        }
        rc = play_round(bandit, taste, &rng, &lost, err);
        sum += lost;
        regret[t] = sum;
    }
    reel_bandit_free(bandit);
    return rc;
}
