/**
 * Interpolated modified Kneser-Ney: probabilities and backoffs from adjusted counts.
 *
 * Source:  Chen and Goodman 1999, eq. 26 and section 4.1.6, as KenLM's lmplz applies it (Heafield
 *          et al. 2013). Letters as there:
 *
 *     a(w_1..w_n)   adjusted count: how often, for the longest grams and those that begin with
 *                   <s>; else how many different words stand before
 *     t_k           grams of this length with a = k
 *     Y             t_1 / (t_1 + 2 t_2)
 *     D(k)          k - (k + 1) Y t_(k+1) / t_k     for k = 1, 2, and 3 for all above
 *     p(w | h)      (a(hw) - D(a(hw))) / sum_x a(hx)  +  b(h) p(w | h')
 *     b(h)          sum_x D(a(hx)) / sum_x a(hx)      h' is h without its first word
 *
 * One word is interpolated with 1/V, where V counts all words but <s>; <unk> has a = 0. <s> has
 * probability 1, because it is given and never predicted.
 */
#include "lm_ngram_levels.h"

#include "base_error.h"

#include <math.h>

/** Grams of one context: sum of a, sum of D(a). */
struct mass {
    double all, discount;
};

static double discount_of(const double *d, uint32_t count)
{
    return count == 0 ? 0 : d[count < 3 ? count - 1 : 2];
}

/** False when there are too few counts; d is then the usual one. */
static bool estimate_discounts(const struct lm_level *level, double d[3])
{
    double t[5] = {0};
    bool is_sound = true;
    for (uint32_t e = 0; e < level->n; e++) {
        t[level->count[e] < 5 ? level->count[e] : 0]++;
    }
    for (int k = 1; k <= 3; k++) {
        d[k - 1] = k - (k + 1) * t[1] / (t[1] + 2 * t[2]) * t[k + 1] / t[k];
        is_sound = is_sound && t[k] > 0 && d[k - 1] >= 0 && d[k - 1] <= k;
    }
    for (int k = 1; !is_sound && k <= 3; k++) {
        d[k - 1] = .5 * k;
    }
    return is_sound;
}

static void estimate_words(const struct lm_level *level, const double *d)
{
    struct mass mass = {0};
    for (uint32_t w = 0; w < level->n; w++) {
        mass.all += level->count[w];
        mass.discount += discount_of(d, level->count[w]);
    }
    const double rest = mass.discount / mass.all / (level->n - 1.);
    for (uint32_t w = 0; w < level->n; w++) {
        const uint32_t a = level->count[w];
        level->value[w] =
            w == LM_BEGIN ? 1 : (float)((a - discount_of(d, a)) / mass.all + rest);
    }
}

/** Level i >= 1, from the values of the level below, which gets its backoffs. */
static enum reel_status estimate_level(struct lm_levels *levels, int32_t i,
                                       const double *d, struct reel_error *err)
{
    const struct lm_level *l = &levels->level[i], *below = &levels->level[i - 1];
    struct lm_array array = {0};
    const enum reel_status rc =
        lm_array_zeroed(levels->scratch, &array, below->n * sizeof(struct mass), err);
    if (rc) {
        return rc;
    }
    struct mass *mass = array.data;
    for (uint32_t e = 0; e < l->n; e++) {
        mass[l->context[e]].all += l->count[e];
        mass[l->context[e]].discount += discount_of(d, l->count[e]);
    }
    for (uint32_t h = 0; h < below->n; h++) {
        below->backoff[h] = mass[h].all > 0 ? (float)(mass[h].discount / mass[h].all) : 1;
    }
    for (uint32_t p = 0; p < below->n; p++) {
        for (uint32_t e = below->child[p]; e < below->child[p + 1]; e++) {
            const struct mass m = mass[l->context[e]];
            const uint32_t a = l->count[e];
            l->value[e] =
                (float)((a - discount_of(d, a) + m.discount * (double)below->value[p]) /
                        m.all);
        }
    }
    lm_array_release(levels->scratch, &array);
    return REEL_OK;
}

static void to_log10(float *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        x[i] = log10f(x[i]);
    }
}

enum reel_status lm_levels_estimate(struct lm_levels *levels,
                                    struct reel_lm_ngram_made *made,
                                    struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; i < levels->order; i++) {
        made->n_ngrams[i] = levels->level[i].n;
        made->is_discount_default[i] =
            !estimate_discounts(&levels->level[i], made->discount[i]);
    }
    estimate_words(&levels->level[0], made->discount[0]);
    for (int32_t i = 1; rc == REEL_OK && i < levels->order; i++) {
        if (!base_progress_report(&levels->progress, "estimating", i, levels->order)) {
            return fail(err, REEL_ECANCELLED, "stopped while estimating");
        }
        rc = estimate_level(levels, i, made->discount[i], err);
    }
    for (int32_t i = 0; rc == REEL_OK && i < levels->order; i++) {
        to_log10(levels->level[i].value, levels->level[i].n);
        if (i < levels->order - 1) {
            to_log10(levels->level[i].backoff, levels->level[i].n);
        }
    }
    return rc;
}
