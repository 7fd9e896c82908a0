/**
 * What the logs of one policy say about another.
 *
 * With w_i = target_i / propensity_i, reward r_i, q_i the model's guess for the arm shown and
 * m_i its mean under the policy in question:
 *
 *     IPS    mean of w_i r_i                               (Horvitz, Thompson 1952)
 *     SNIPS  sum w_i r_i / sum w_i                         (Swaminathan, Joachims 2015)
 *     DR     mean of m_i + w_i (r_i - q_i)                 (Dudik, Langford, Li 2011)
 *
 * Intervals are bootstrap-t (Efron and Tibshirani 1993, section 12.5): weights are skewed,
 * and a normal interval around a mean of skewed numbers leaves the truth out on one side.
 * Each resample is measured in its own standard errors (of SNIPS: by the delta method).
 * Rewards lie in 0 .. 1, so what an interval covers beyond that is cut off.
 */
#include "base_alloc.h"
#include "base_error.h"
#include "base_rng.h"

#include <forkreel/feedback.h>

#include <math.h>
#include <stdlib.h>

enum {
    N_RESAMPLES = 1000,
    N_NORMAL = 20000, /* from here on a normal interval does */
    N_LEAST = 3,      /* decisions that count, below which nothing is known */
};
#define NORMAL_975 1.959964

/** An estimate of numerator mean over denominator mean, and its standard error. */
struct ratio {
    double value, error;
};

/** Sums of (a, b) of which a / b is the estimate; b is 1 for IPS and DR. */
struct sums {
    double n, a, b, aa, ab, bb;
};

static void sums_add(struct sums *s, double a, double b)
{
    s->n += 1;
    s->a += a;
    s->b += b;
    s->aa += a * a;
    s->ab += a * b;
    s->bb += b * b;
}

static struct ratio sums_ratio(const struct sums *s)
{
    const double value = s->a / s->b;
    // Residuals a - value b: their mean is 0, their spread is that of the ratio.
    const double square = s->aa - 2 * value * s->ab + value * value * s->bb;
    return (struct ratio){value, sqrt(fmax(0, square)) / fabs(s->b)};
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** One estimator over pairs (a, b), its 95 % interval into `out`. */
static enum reel_status interval_make(const double *a, const double *b, int32_t n,
                                      struct base_rng *rng, struct reel_estimate *out,
                                      struct reel_error *err)
{
    struct sums all = {0};
    int32_t n_at_work = 0;
    for (int32_t i = 0; i < n; i++) {
        sums_add(&all, a[i], b ? b[i] : 1);
        n_at_work += b ? b[i] > 0 : a[i] != 0;
    }
    const struct ratio whole = sums_ratio(&all);
    out->value = whole.value;
    out->low = 0;
    out->high = 1;
    if (n < N_LEAST || n_at_work < N_LEAST || !(whole.error > 0)) {
        return REEL_OK; // nothing is known but that rewards lie in 0 .. 1
    }
    double below = NORMAL_975, above = NORMAL_975;
    if (n < N_NORMAL) {
        double *t = base_alloc_array(N_RESAMPLES, sizeof *t);
        if (!t) {
            return fail(err, REEL_ENOMEM, "resamples of %d decisions", n);
        }
        int32_t n_t = 0;
        for (int32_t r = 0; r < N_RESAMPLES; r++) {
            struct sums drawn = {0};
            for (int32_t i = 0; i < n; i++) {
                const uint32_t j = base_rng_below(rng, (uint32_t)n);
                sums_add(&drawn, a[j], b ? b[j] : 1);
            }
            const struct ratio resample = sums_ratio(&drawn);
            if (resample.error > 0 && isfinite(resample.value)) {
                t[n_t++] = (resample.value - whole.value) / resample.error;
            }
        }
        if (n_t > N_RESAMPLES / 2) {
            qsort(t, (size_t)n_t, sizeof *t, by_value);
            below = t[(int32_t)(0.975 * (n_t - 1))];
            above = -t[(int32_t)(0.025 * (n_t - 1))];
        }
        base_free(t);
    }
    out->low = fmin(1, fmax(0, whole.value - fmax(0, below) * whole.error));
    out->high = fmax(0, fmin(1, whole.value + fmax(0, above) * whole.error));
    return REEL_OK;
}

static enum reel_status check(const struct reel_logged *log, int32_t n,
                              struct reel_error *err)
{
    if (n < 1) {
        return fail(err, REEL_EINVAL, "no decision was logged");
    }
    for (int32_t i = 0; i < n; i++) {
        const struct reel_logged *d = &log[i];
        if (!(d->propensity > 0 && d->propensity <= 1 && d->target >= 0 &&
              d->target <= 1 && d->reward >= 0 && d->reward <= 1 &&
              isfinite(d->model_shown) && isfinite(d->model_target))) {
            return fail(err, REEL_EINVAL,
                        "decision %d: propensity %g, target %g, reward %g", i,
                        d->propensity, d->target, d->reward);
        }
    }
    return REEL_OK;
}

enum reel_status reel_off_policy_evaluate(const struct reel_logged *log, int32_t n,
                                          uint64_t seed, struct reel_off_policy *out,
                                          struct reel_error *err)
{
    *out = (struct reel_off_policy){0};
    enum reel_status rc = check(log, n, err);
    if (rc) {
        return rc;
    }
    double *number = base_alloc_array((size_t)n, 3 * sizeof *number);
    if (!number) {
        return fail(err, REEL_ENOMEM, "%d decisions", n);
    }
    double *weighted = number, *weight = number + n, *robust = number + 2 * (size_t)n;
    double sum = 0, square = 0;
    for (int32_t i = 0; i < n; i++) {
        const double w = log[i].target / log[i].propensity;
        weight[i] = w;
        weighted[i] = w * log[i].reward;
        robust[i] = log[i].model_target + w * (log[i].reward - log[i].model_shown);
        sum += w;
        square += w * w;
    }
    struct base_rng rng;
    base_rng_init(&rng, seed, 0);
    rc = interval_make(weighted, NULL, n, &rng, &out->ips, err);
    rc = rc ? rc : interval_make(weighted, weight, n, &rng, &out->snips, err);
    rc = rc ? rc : interval_make(robust, NULL, n, &rng, &out->doubly_robust, err);
    const double n_effective = square > 0 ? sum * sum / square : 0;
    out->ips.n_effective = n_effective;
    out->snips.n_effective = n_effective;
    out->doubly_robust.n_effective = n_effective;
    base_free(number);
    return rc;
}
