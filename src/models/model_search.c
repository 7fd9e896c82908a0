/**
 * Search for settings: half of the trials anywhere in the ranges, the other half one or two
 * steps around the best so far (Bergstra and Bengio 2012 for the first half).
 *
 * The first trial is the standard setting, so a search never ends below it. A step moves
 * each number by a normal deviate of a tenth of its range (on its scale) and shrinks as
 * trials go by. Settings that only cost time, or choose an algorithm, are left alone.
 */
#include "base_error.h"
#include "base_rng.h"

#include <forkreel/model.h>

#include <math.h>
#include <string.h>

// A setting's place on its scale, 0 at `low` and 1 at `high`, and back.
static double to_unit(const struct reel_setting *s, double value)
{
    const double low = s->low > 0 ? s->low : 1e-6;
    return s->scale == REEL_SCALE_LOG ? log(fmax(value, low) / low) / log(s->high / low)
                                      : (value - s->low) / (s->high - s->low);
}

static double from_unit(const struct reel_setting *s, double unit)
{
    const double low = s->low > 0 ? s->low : 1e-6;
    unit = fmin(fmax(unit, 0), 1);
    const double value = s->scale == REEL_SCALE_LOG ? low * pow(s->high / low, unit)
                                                    : s->low + unit * (s->high - s->low);
    return s->scale == REEL_SCALE_INTEGER ? fmin(fmax(round(value), s->low), s->high)
                                          : fmin(fmax(value, s->low), s->high);
}

/**
 * Where to look: a window around the standard, four times down and up on a log scale or for
 * whole numbers, because the ranges are what is allowed and far wider than what is sensible.
 */
static double sensible(const struct reel_setting *s, struct base_rng *rng, double around,
                       double reach)
{
    if (s->choice) {
        return base_rng_double(rng) < 0.2 * reach ? from_unit(s, base_rng_double(rng))
                                                  : around;
    }
    const double turn = reach * base_rng_normal(rng);
    if (around > 0 && s->scale != REEL_SCALE_LINEAR) {
        return from_unit(s, to_unit(s, around * exp2(1.2 * turn)));
    }
    const double scale =
        fabs(s->standard) > 0 ? fabs(s->standard) : 0.01 * (s->high - s->low);
    return from_unit(s, to_unit(s, around + scale * turn));
}

enum reel_status reel_settings_search(const char *model, int32_t n_trials, uint64_t seed,
                                      const struct reel_search *search,
                                      struct reel_train_options *best, double *best_score,
                                      struct reel_error *err)
{
    const struct reel_model_class_info *info = reel_model_class_find(model);
    if (!info || n_trials < 1) {
        return fail(err, REEL_EINVAL, "%d trials of '%s'", n_trials, model);
    }
    struct base_rng rng;
    base_rng_init(&rng, seed, 17);
    struct reel_train_options standard = *best;
    for (int i = 0; i < info->n_settings; i++) {
        if (isnan(standard.setting[i])) {
            standard.setting[i] = info->setting[i].standard;
        }
    }
    *best_score = -INFINITY;
    for (int32_t trial = 0; trial < n_trials; trial++) {
        struct reel_train_options tried = standard;
        const bool is_local = trial > n_trials / 2;
        const double reach = is_local ? 0.5 * (1 - (double)trial / n_trials) + 0.05 : 1;
        for (int i = 0; trial > 0 && i < info->n_settings; i++) {
            if (!info->setting[i].is_searched) {
                continue;
            }
            tried.setting[i] = sensible(&info->setting[i], &rng,
                                        (is_local ? best : &standard)->setting[i], reach);
        }
        double score = -INFINITY;
        const enum reel_status rc = search->measure(&tried, &score, search->payload, err);
        if (rc != REEL_OK) {
            return rc;
        }
        if (score > *best_score) {
            *best_score = score;
            *best = tried;
        }
    }
    return REEL_OK;
}
