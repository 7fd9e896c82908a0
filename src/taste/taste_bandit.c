/**
 * A linear contextual bandit for one viewer.
 *
 *     A = ridge I + sum x x^T     b = sum (r - prior) x     mean(x) = prior + x . A^-1 b
 *     sd(x) = NOISE sqrt(x^T A^-1 x)
 *
 * A^-1 is kept and updated by Sherman and Morrison's formula, so learning costs n_dims^2 and
 * an arm n_dims^2. LinUCB: highest mean + sd (Li, Chu, Langford, Schapire 2010, algorithm 1
 * with shared weights). Thompson: weights drawn from N(A^-1 b, NOISE^2 A^-1) (Chapelle and Li
 * 2011; Agrawal and Goyal 2013). Where we depart: the policy has a part `exploration` of the
 * picks only (feedback.h), and propensities are exact by counting draws before picking.
 *
 * Drift: the test of Page and Hinkley on |reward - mean|, for a rise. Sums run over
 * error - (its mean so far) - SLACK; when the sum has risen by THRESHOLD / drift above its
 * lowest, taste is not what it was: everything is forgotten but what came since that lowest
 * point, at most N_KEPT rewards, from which the weights are learned anew.
 */
#include "taste_bandit.h"
#include "base_alloc.h"
#include "base_error.h"
#include "base_rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_DRAWS = 256 };
#define NOISE 0.5 /* the largest standard deviation of a reward within 0 .. 1 */
#define UNIFORM_SHARE 0.1
#define SLACK 0.05
#define THRESHOLD 5.0

struct reel_bandit_options reel_bandit_options_default(void)
{
    return (struct reel_bandit_options){
        .policy = REEL_BANDIT_THOMPSON, .exploration = 0.2, .ridge = 1, .drift = 1};
}

enum reel_status taste_bandit_check_options(const struct reel_bandit_options *opt,
                                            struct reel_error *err)
{
    if (opt->policy != REEL_BANDIT_LINUCB && opt->policy != REEL_BANDIT_THOMPSON) {
        return fail(err, REEL_EINVAL, "bandit: no policy %d", (int)opt->policy);
    }
    if (!(opt->exploration >= 0 && opt->exploration <= 1)) {
        return fail(err, REEL_EINVAL, "bandit: exploration %g outside 0 .. 1",
                    opt->exploration);
    }
    if (!(opt->ridge >= 1e-6 && opt->ridge <= 1e6) ||
        !(opt->drift >= 0 && opt->drift <= 1e6)) {
        return fail(err, REEL_EINVAL, "bandit: ridge %g, drift %g", opt->ridge,
                    opt->drift);
    }
    return REEL_OK;
}

static void forget(struct reel_bandit *bandit)
{
    const size_t d = (size_t)bandit->n_dims;
    memset(bandit->inverse, 0, d * d * sizeof *bandit->inverse);
    memset(bandit->b, 0, d * sizeof *bandit->b);
    memset(bandit->theta, 0, d * sizeof *bandit->theta);
    for (size_t i = 0; i < d; i++) {
        bandit->inverse[i * d + i] = 1 / bandit->opt.ridge;
    }
    bandit->n_learned = 0;
    bandit->test = (struct taste_drift){0};
}

enum reel_status reel_bandit_create(int32_t n_dims, const struct reel_bandit_options *opt,
                                    struct reel_bandit **out, struct reel_error *err)
{
    *out = NULL;
    const enum reel_status rc = taste_bandit_check_options(opt, err);
    if (rc) {
        return rc;
    }
    if (n_dims < 1 || n_dims > REEL_BANDIT_MAX_DIMS) {
        return fail(err, REEL_EINVAL, "bandit: %d dimensions, not 1 to %d", n_dims,
                    REEL_BANDIT_MAX_DIMS);
    }
    const size_t d = (size_t)n_dims;
    struct reel_bandit *bandit = base_alloc_zeroed(1, sizeof *bandit);
    double *number = base_alloc_array(d * d + 3 * d, sizeof *number);
    float *kept = base_alloc_zeroed(TASTE_BANDIT_N_KEPT * d, sizeof *kept);
    if (!bandit || !number || !kept) {
        base_free(bandit);
        base_free(number);
        base_free(kept);
        return fail(err, REEL_ENOMEM, "a bandit of %d dimensions", n_dims);
    }
    bandit->opt = *opt;
    bandit->n_dims = n_dims;
    bandit->inverse = number;
    bandit->b = number + d * d;
    bandit->theta = bandit->b + d;
    bandit->scratch = bandit->theta + d;
    bandit->kept = kept;
    forget(bandit);
    *out = bandit;
    return REEL_OK;
}

void reel_bandit_free(struct reel_bandit *bandit)
{
    if (bandit) {
        base_free(bandit->inverse);
        base_free(bandit->kept);
        base_free(bandit);
    }
}

struct reel_bandit_options reel_bandit_options(const struct reel_bandit *bandit)
{
    return bandit->opt;
}

int32_t reel_bandit_n_dims(const struct reel_bandit *bandit)
{
    return bandit->n_dims;
}

int64_t reel_bandit_n_learned(const struct reel_bandit *bandit)
{
    return bandit->n_learned;
}

enum reel_status reel_bandit_tune(struct reel_bandit *bandit,
                                  const struct reel_bandit_options *opt,
                                  struct reel_error *err)
{
    const enum reel_status rc = taste_bandit_check_options(opt, err);
    if (rc == REEL_OK) {
        const double ridge = bandit->opt.ridge; // is in the weights already
        bandit->opt = *opt;
        bandit->opt.ridge = ridge;
    }
    return rc;
}

// ---- learning ----

void taste_bandit_solve(struct reel_bandit *bandit)
{
    const size_t d = (size_t)bandit->n_dims;
    for (size_t i = 0; i < d; i++) {
        double sum = 0;
        for (size_t j = 0; j < d; j++) {
            sum += bandit->inverse[i * d + j] * bandit->b[j];
        }
        bandit->theta[i] = sum;
    }
}

static double dot(const double *theta, const float *x, size_t d)
{
    double sum = 0;
    for (size_t i = 0; i < d; i++) {
        sum += theta[i] * (double)x[i];
    }
    return sum;
}

/** A^-1 - (A^-1 x)(A^-1 x)^T / (1 + x^T A^-1 x) */
static void update(struct reel_bandit *bandit, const float *x, double surplus)
{
    const size_t d = (size_t)bandit->n_dims;
    double *ax = bandit->scratch;
    for (size_t i = 0; i < d; i++) {
        ax[i] = dot(bandit->inverse + i * d, x, d);
    }
    const double scale = 1 / (1 + dot(ax, x, d));
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j < d; j++) {
            bandit->inverse[i * d + j] -= scale * ax[i] * ax[j];
        }
        bandit->b[i] += surplus * (double)x[i];
    }
    taste_bandit_solve(bandit);
    bandit->n_learned++;
}

static double clip(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static void keep(struct reel_bandit *bandit, const float *x, double surplus)
{
    const size_t d = (size_t)bandit->n_dims;
    const size_t place = (size_t)(bandit->n_seen++ % TASTE_BANDIT_N_KEPT);
    memcpy(bandit->kept + place * d, x, d * sizeof *x);
    bandit->kept_surplus[place] = (float)surplus;
}

/** True when the errors have risen for good. */
static bool has_drifted(struct reel_bandit *bandit, double error)
{
    struct taste_drift *test = &bandit->test;
    test->n++;
    test->mean += (error - test->mean) / (double)test->n;
    test->sum += error - test->mean - SLACK;
    if (test->sum <= test->lowest) {
        test->lowest = test->sum;
        test->n_since_lowest = 0;
    } else {
        test->n_since_lowest++;
    }
    return bandit->opt.drift > 0 &&
           test->sum - test->lowest > THRESHOLD / bandit->opt.drift;
}

/** Begin again with what came since the errors began to rise. */
static void begin_again(struct reel_bandit *bandit)
{
    const size_t d = (size_t)bandit->n_dims;
    int64_t n = bandit->test.n_since_lowest;
    n = n > TASTE_BANDIT_N_KEPT ? TASTE_BANDIT_N_KEPT : n;
    n = n > bandit->n_seen ? bandit->n_seen : n;
    forget(bandit);
    for (int64_t i = bandit->n_seen - n; i < bandit->n_seen; i++) {
        const size_t place = (size_t)(i % TASTE_BANDIT_N_KEPT);
        update(bandit, bandit->kept + place * d, (double)bandit->kept_surplus[place]);
    }
}

static enum reel_status check_arms(const struct reel_bandit *bandit, const float *x,
                                   int32_t n, struct reel_error *err)
{
    const size_t n_numbers = (size_t)bandit->n_dims * (size_t)n;
    for (size_t i = 0; i < n_numbers; i++) {
        if (!(fabsf(x[i]) <= 1e6F)) {
            return fail(err, REEL_EINVAL, "bandit: feature %zu is %g", i, (double)x[i]);
        }
    }
    return REEL_OK;
}

enum reel_status reel_bandit_learn(struct reel_bandit *bandit, const float *x,
                                   double prior, double reward, bool *was_reset,
                                   struct reel_error *err)
{
    if (!(reward >= 0 && reward <= 1) || !(prior >= 0 && prior <= 1)) {
        return fail(err, REEL_EINVAL, "bandit: reward %g, prior %g outside 0 .. 1",
                    reward, prior);
    }
    const enum reel_status rc = check_arms(bandit, x, 1, err);
    if (rc) {
        return rc;
    }
    const double guess = clip(prior + dot(bandit->theta, x, (size_t)bandit->n_dims));
    keep(bandit, x, reward - prior);
    const bool drifted = has_drifted(bandit, fabs(reward - guess));
    if (drifted) {
        begin_again(bandit);
    } else {
        update(bandit, x, reward - prior);
    }
    if (was_reset) {
        *was_reset = drifted;
    }
    return REEL_OK;
}

// ---- asking ----

static double variance(const struct reel_bandit *bandit, const float *x)
{
    const size_t d = (size_t)bandit->n_dims;
    double sum = 0;
    for (size_t i = 0; i < d; i++) {
        if (x[i] != 0) { // features of branches are mostly 0
            sum += (double)x[i] * dot(bandit->inverse + i * d, x, d);
        }
    }
    return fmax(0, sum);
}

enum reel_status reel_bandit_value(const struct reel_bandit *bandit, const float *x,
                                   int32_t n, double *mean, double *sd,
                                   struct reel_error *err)
{
    const size_t d = (size_t)bandit->n_dims;
    const enum reel_status rc = check_arms(bandit, x, n, err);
    for (size_t i = 0; rc == REEL_OK && i < (size_t)n; i++) {
        mean[i] = dot(bandit->theta, x + i * d, d);
        if (sd) {
            sd[i] = NOISE * sqrt(variance(bandit, x + i * d));
        }
    }
    return rc;
}

static int32_t index_of_largest(const double *value, int32_t n)
{
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++) {
        best = value[i] > value[best] ? i : best;
    }
    return best;
}

/** A^-1 = l l^T, lower; a pivot that rounding made negative counts as 0. */
static void factor(const struct reel_bandit *bandit, double *l)
{
    const size_t d = (size_t)bandit->n_dims;
    memset(l, 0, d * d * sizeof *l);
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = bandit->inverse[i * d + j];
            for (size_t k = 0; k < j; k++) {
                sum -= l[i * d + k] * l[j * d + k];
            }
            if (i == j) {
                l[i * d + i] = sqrt(fmax(0, sum));
            } else {
                l[i * d + j] = l[j * d + j] > 0 ? sum / l[j * d + j] : 0;
            }
        }
    }
}

/**
 * How often each arm is best under weights drawn from what is believed. The values of the
 * arms are drawn, not the weights: mean + NOISE (l^T x) . z with z of n_dims normal numbers,
 * which is the same and costs n * n_dims for each draw.
 */
static enum reel_status thompson_shares(const struct reel_bandit *bandit, const float *x,
                                        int32_t n, const double *mean,
                                        struct base_rng *rng, double *share,
                                        struct reel_error *err)
{
    const size_t d = (size_t)bandit->n_dims, n_arms = (size_t)n;
    double *l = base_alloc_array(d * d + n_arms * d + d + n_arms, sizeof *l);
    if (!l) {
        return fail(err, REEL_ENOMEM, "draws of %d arms", n);
    }
    double *lx = l + d * d, *z = lx + n_arms * d, *value = z + d;
    factor(bandit, l);
    for (size_t a = 0; a < n_arms; a++) {
        for (size_t j = 0; j < d; j++) {
            double sum = 0;
            for (size_t i = j; i < d; i++) {
                sum += l[i * d + j] * (double)x[a * d + i];
            }
            lx[a * d + j] = sum;
        }
        share[a] = 0;
    }
    for (int32_t draw = 0; draw < N_DRAWS; draw++) {
        for (size_t j = 0; j < d; j++) {
            z[j] = base_rng_normal(rng);
        }
        for (size_t a = 0; a < n_arms; a++) {
            double sum = 0;
            for (size_t j = 0; j < d; j++) {
                sum += lx[a * d + j] * z[j];
            }
            value[a] = mean[a] + NOISE * sum;
        }
        share[index_of_largest(value, n)] += 1.0 / N_DRAWS;
    }
    base_free(l);
    return REEL_OK;
}

/** The propensity of each arm; `mean` and `work` have room for n. */
static enum reel_status propensities(const struct reel_bandit *bandit, const float *x,
                                     const double *prior, int32_t n, struct base_rng *rng,
                                     double *mean, double *work, double *propensity,
                                     struct reel_error *err)
{
    const double e = bandit->opt.exploration;
    enum reel_status rc = reel_bandit_value(bandit, x, n, mean, work, err);
    for (int32_t i = 0; rc == REEL_OK && prior && i < n; i++) {
        mean[i] += prior[i];
    }
    if (rc == REEL_OK && e > 0 && bandit->opt.policy == REEL_BANDIT_THOMPSON) {
        rc = thompson_shares(bandit, x, n, mean, rng, propensity, err);
    } else if (rc == REEL_OK) {
        for (int32_t i = 0; i < n; i++) {
            work[i] += mean[i];
            propensity[i] = 0;
        }
        propensity[index_of_largest(work, n)] = 1;
    }
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        propensity[i] = e * ((1 - UNIFORM_SHARE) * propensity[i] + UNIFORM_SHARE / n);
    }
    if (rc == REEL_OK) {
        propensity[index_of_largest(mean, n)] += 1 - e;
    }
    return rc;
}

/** One arm by its propensity. */
static int32_t draw_arm(const double *propensity, int32_t n, struct base_rng *rng)
{
    double u = base_rng_double(rng);
    for (int32_t i = 0; i < n; i++) {
        u -= propensity[i];
        if (u < 0) {
            return i;
        }
    }
    return index_of_largest(propensity, n); // rounding
}

enum reel_status reel_bandit_rank(const struct reel_bandit *bandit, const float *x,
                                  const double *prior, int32_t n, uint64_t seed,
                                  int32_t *order, double *propensity,
                                  struct reel_error *err)
{
    if (n < 1) {
        return n == 0 ? REEL_OK : fail(err, REEL_EINVAL, "bandit: %d arms", n);
    }
    double *mean = base_alloc_array((size_t)n, 2 * sizeof *mean);
    if (!mean) {
        return fail(err, REEL_ENOMEM, "%d arms", n);
    }
    struct base_rng rng;
    base_rng_init(&rng, seed, 0);
    const enum reel_status rc =
        propensities(bandit, x, prior, n, &rng, mean, mean + n, propensity, err);
    if (rc == REEL_OK) {
        const int32_t first = draw_arm(propensity, n, &rng);
        order[0] = first;
        int32_t n_placed = 1;
        for (int32_t i = 0; i < n; i++) { // insertion: arms are few
            int32_t at = n_placed;
            if (i == first) {
                continue;
            }
            for (; at > 1 && mean[order[at - 1]] < mean[i]; at--) {
                order[at] = order[at - 1];
            }
            order[at] = i;
            n_placed++;
        }
    }
    base_free(mean);
    return rc;
}
