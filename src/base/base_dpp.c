/**
 * Greedy MAP by Chen, Zhang, Zhou 2018 (Fast Greedy MAP Inference for Determinantal Point
 * Process), with their kernel L_ij = q_i q_j (1 + s_ij) / 2, which keeps opposite items
 * from counting as alike. Their trade-off theta = 1 - d, q_i = exp(a r_i),
 * a = theta / (2 (1 - theta)), makes the step argmax of
 *     theta r_i + (1 - theta) log d2_i
 * with d2_i the pivot of the incremental Cholesky factor of (1 + s_ij) / 2; written so, both
 * ends of the knob are finite. Departures: entries off the diagonal are shrunk by SHRINKAGE.
 * They stop when no pivot is left; a list of n items must have n, also where items are
 * copies or vectors short. Shrunk, no pivot vanishes, and what is picked when all directions
 * are taken spreads over them evenly. And items may come in groups of which one is picked:
 * once it is, the others count as taken.
 */
#include "base_dpp.h"

#include "base_alloc.h"
#include "base_error.h"

#include <math.h>

#define SHRINKAGE 0.01

double base_dpp_entry(double similarity)
{
    return (1 - SHRINKAGE) * (1 + similarity) / 2;
}

struct greedy {
    const struct base_dpp *dpp;
    float *row;        /* (n) */
    double *value;     /* (n) what the next pick maximises */
    double *pivot;     /* (n) d2 */
    double *factor;    /* (n_pick, n) Cholesky rows so far */
    uint8_t *is_taken; /* (n) */
    int32_t n_rows;    /* of factor */
};

/** Index of the largest value that is not taken, ties to the smallest; -1 none. */
static int32_t best_free(const struct greedy *g)
{
    int32_t best = -1;
    for (int32_t i = 0; i < g->dpp->n; i++) {
        if (!g->is_taken[i] && (best < 0 || g->value[i] > g->value[best])) {
            best = i;
        }
    }
    return best;
}

static void take(struct greedy *g, int32_t pick)
{
    const int32_t *group = g->dpp->group;
    g->is_taken[pick] = 1;
    for (int32_t i = 0; group && i < g->dpp->n; i++) {
        g->is_taken[i] |= group[i] == group[pick];
    }
}

/** One more row of the factor, and with it the pivots of all that are left. */
static void update(struct greedy *g, int32_t pick)
{
    const struct base_dpp *dpp = g->dpp;
    const size_t n = (size_t)dpp->n;
    double *e = g->factor + (size_t)g->n_rows * n;
    dpp->row(pick, g->row, dpp->payload);
    for (size_t i = 0; i < n; i++) {
        e[i] = base_dpp_entry(g->row[i]);
    }
    for (int32_t r = 0; r < g->n_rows; r++) {
        const double *c = g->factor + (size_t)r * n;
        const double c_pick = c[pick];
        for (size_t i = 0; i < n; i++) {
            e[i] -= c_pick * c[i];
        }
    }
    const double root = sqrt(g->pivot[pick]);
    for (int32_t i = 0; i < dpp->n; i++) {
        if (!g->is_taken[i]) {
            e[i] /= root;
            g->pivot[i] -= e[i] * e[i];
            g->value[i] = (1 - dpp->diversity) * dpp->relevance[i] +
                          dpp->diversity * log(g->pivot[i]);
        }
    }
    g->n_rows++;
}

enum reel_status base_dpp_pick(const struct base_dpp *dpp, int32_t n_pick,
                               int32_t *picked, int32_t *n_picked, struct reel_error *err)
{
    const size_t n = (size_t)dpp->n;
    struct greedy g = {.dpp = dpp};
    enum reel_status rc = REEL_OK;
    *n_picked = 0;
    n_pick = dpp->n < n_pick ? dpp->n : n_pick;
    g.row = base_alloc_array(n, sizeof *g.row);
    g.value = base_alloc_array(n, sizeof *g.value);
    g.pivot = base_alloc_array(n, sizeof *g.pivot);
    g.factor = base_alloc_array((size_t)n_pick * n, sizeof *g.factor);
    g.is_taken = base_alloc_zeroed(n, 1);
    if (!g.row || !g.value || !g.pivot || !g.factor || !g.is_taken) {
        rc = fail(err, REEL_ENOMEM, "out of memory to order %d candidates", dpp->n);
        goto done;
    }
    for (int32_t i = 0; i < dpp->n; i++) {
        g.pivot[i] = 1; // nothing picked: all differ alike
        g.value[i] = (1 - dpp->diversity) * dpp->relevance[i];
    }
    for (int32_t best = 0; *n_picked < n_pick && (best = best_free(&g)) >= 0;) {
        picked[(*n_picked)++] = best;
        take(&g, best);
        update(&g, best);
    }
done:
    base_free(g.row);
    base_free(g.value);
    base_free(g.pivot);
    base_free(g.factor);
    base_free(g.is_taken);
    return rc;
}
