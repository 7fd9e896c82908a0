/**
 * Re-ranking for difference with one knob d in [0, 1].
 *
 * MMR: Carbonell and Goldstein 1998, lambda = 1 - d.
 *
 * DPP: greedy MAP by Chen, Zhang, Zhou 2018 (Fast Greedy MAP Inference for Determinantal
 * Point Process), with their kernel L_ij = q_i q_j (1 + s_ij) / 2, which keeps opposite
 * films from counting as alike. Their trade-off theta = 1 - d, q_i = exp(a r_i),
 * a = theta / (2 (1 - theta)), makes the step argmax of
 *     theta r_i + (1 - theta) log d2_i
 * with d2_i the pivot of the incremental Cholesky factor of (1 + s_ij) / 2; written so, both
 * ends of the knob are finite. Departure: entries off the diagonal are shrunk by SHRINKAGE.
 * They stop when no pivot is left; a list of n films must have n, also where films are
 * copies or vectors short. Shrunk, no pivot vanishes, and what is picked when all directions
 * are taken spreads over them evenly.
 */
#include "rank_diversity.h"

#include "base_alloc.h"
#include "base_error.h"

#include <math.h>

#define SHRINKAGE 0.01

/** Off the diagonal; on it, 1. */
static double kernel_entry(double similarity)
{
    return (1 - SHRINKAGE) * (1 + similarity) / 2;
}

/** Index of the largest value that is not taken; ties to the smallest index. */
static int32_t best_free(const double *value, const uint8_t *is_taken, int32_t n)
{
    int32_t best = -1;
    for (int32_t i = 0; i < n; i++) {
        if (!is_taken[i] && (best < 0 || value[i] > value[best])) {
            best = i;
        }
    }
    return best;
}

/* ---- fast ---- */

struct greedy {
    const double *relevance;
    int32_t n, n_pick;
    double diversity;
    struct rank_similarity *similarity;
    float *row;        /* (n) */
    double *value;     /* (n) what the next pick maximises */
    uint8_t *is_taken; /* (n) */
    double *nearest;   /* (n) MMR: largest similarity to a picked film */
    double *pivot;     /* (n) DPP: d2 */
    double *factor;    /* (n_pick, n) DPP: Cholesky rows so far */
    int32_t n_rows;    /* DPP: of factor */
};

static void mmr_update(struct greedy *g, int32_t pick)
{
    rank_similarity_row(g->similarity, pick, g->row);
    for (int32_t i = 0; i < g->n; i++) {
        g->nearest[i] = g->row[i] > g->nearest[i] ? g->row[i] : g->nearest[i];
        g->value[i] = (1 - g->diversity) * g->relevance[i] - g->diversity * g->nearest[i];
    }
}

/** One more row of the factor, and with it the pivots of all that are left. */
static void dpp_update(struct greedy *g, int32_t pick)
{
    const size_t n = (size_t)g->n;
    double *e = g->factor + (size_t)g->n_rows * n;
    rank_similarity_row(g->similarity, pick, g->row);
    for (size_t i = 0; i < n; i++) {
        e[i] = kernel_entry(g->row[i]);
    }
    for (int32_t r = 0; r < g->n_rows; r++) {
        const double *c = g->factor + (size_t)r * n;
        const double c_pick = c[pick];
        for (size_t i = 0; i < n; i++) {
            e[i] -= c_pick * c[i];
        }
    }
    const double root = sqrt(g->pivot[pick]);
    for (int32_t i = 0; i < g->n; i++) {
        if (!g->is_taken[i]) {
            e[i] /= root;
            g->pivot[i] -= e[i] * e[i];
            g->value[i] =
                (1 - g->diversity) * g->relevance[i] + g->diversity * log(g->pivot[i]);
        }
    }
    g->n_rows++;
}

static bool greedy_allocate(struct greedy *g, enum reel_diversity_method method)
{
    const size_t n = (size_t)g->n;
    const bool is_dpp = method == REEL_DIVERSITY_DPP;
    g->row = base_alloc_array(n, sizeof *g->row);
    g->value = base_alloc_array(n, sizeof *g->value);
    g->is_taken = base_alloc_zeroed(n, 1);
    g->nearest = base_alloc_array(n, sizeof *g->nearest);
    g->pivot = base_alloc_array(n, sizeof *g->pivot);
    g->factor =
        is_dpp ? base_alloc_array((size_t)g->n_pick * n, sizeof *g->factor) : NULL;
    return g->row && g->value && g->is_taken && g->nearest && g->pivot &&
           (g->factor || !is_dpp);
}

static void greedy_release(struct greedy *g)
{
    base_free(g->row);
    base_free(g->value);
    base_free(g->is_taken);
    base_free(g->nearest);
    base_free(g->pivot);
    base_free(g->factor);
}

enum reel_status rank_diversify(enum reel_diversity_method method,
                                const double *relevance, int32_t n,
                                struct rank_similarity *similarity, double diversity,
                                int32_t n_pick, int32_t *picked, struct reel_error *err)
{
    struct greedy g = {.relevance = relevance,
                       .n = n,
                       .n_pick = n < n_pick ? n : n_pick,
                       .diversity = diversity,
                       .similarity = similarity};
    if (!greedy_allocate(&g, method)) {
        greedy_release(&g);
        return fail(err, REEL_ENOMEM, "out of memory to order %d candidates", n);
    }
    for (int32_t i = 0; i < n; i++) {
        g.nearest[i] = -1;
        g.pivot[i] = 1;
        g.value[i] = (1 - diversity) * relevance[i]; // nothing picked: all differ alike
    }
    for (int32_t p = 0; p < g.n_pick; p++) {
        picked[p] = best_free(g.value, g.is_taken, n);
        g.is_taken[picked[p]] = 1;
        if (method == REEL_DIVERSITY_DPP) {
            dpp_update(&g, picked[p]);
        } else {
            mmr_update(&g, picked[p]);
        }
    }
    greedy_release(&g);
    return REEL_OK;
}

/* ---- naive ---- */

/** log det of the kernel among `film` (n) by elimination in `a` (n, n). */
static double log_determinant(const struct rank_similarity *similarity,
                              const int32_t *film, int32_t n, double *a)
{
    double log_det = 0;
    for (int32_t i = 0; i < n; i++) {
        for (int32_t j = 0; j < n; j++) {
            const double s = rank_similarity_naive(similarity, film[i], film[j]);
            a[i * n + j] = i == j ? 1 : kernel_entry(s);
        }
    }
    for (int32_t p = 0; p < n; p++) {
        log_det += log(a[p * n + p]);
        for (int32_t i = p + 1; i < n; i++) {
            const double ratio = a[i * n + p] / a[p * n + p];
            for (int32_t j = p; j < n; j++) {
                a[i * n + j] -= ratio * a[p * n + j];
            }
        }
    }
    return log_det;
}

/** What picking i next is worth; picked (n_picked + 1) has room for i at its end. */
static double naive_value(enum reel_diversity_method method, double relevance,
                          const struct rank_similarity *similarity, double diversity,
                          int32_t i, int32_t *picked, int32_t n_picked, double *matrix)
{
    double difference = 0;
    if (method == REEL_DIVERSITY_MMR) {
        double nearest = -1;
        for (int32_t p = 0; p < n_picked; p++) {
            nearest = fmax(nearest, rank_similarity_naive(similarity, i, picked[p]));
        }
        difference = -nearest;
    } else {
        picked[n_picked] = i;
        difference = log_determinant(similarity, picked, n_picked + 1, matrix) -
                     log_determinant(similarity, picked, n_picked, matrix);
    }
    return (1 - diversity) * relevance + diversity * difference;
}

enum reel_status rank_diversify_naive(enum reel_diversity_method method,
                                      const double *relevance, int32_t n,
                                      struct rank_similarity *similarity,
                                      double diversity, int32_t n_pick, int32_t *picked,
                                      struct reel_error *err)
{
    const int32_t n_most = n < n_pick ? n : n_pick;
    double *matrix = base_alloc_array((size_t)n_most * (size_t)n_most, sizeof *matrix);
    double *value = base_alloc_array((size_t)n, sizeof *value);
    uint8_t *is_taken = base_alloc_zeroed((size_t)n, 1);
    enum reel_status rc = REEL_OK;
    if (!matrix || !value || !is_taken) {
        rc = fail(err, REEL_ENOMEM, "out of memory to order %d candidates", n);
    }
    for (int32_t p = 0; p < n_most && rc == REEL_OK; p++) {
        for (int32_t i = 0; i < n; i++) {
            value[i] = is_taken[i] ? 0
                                   : naive_value(method, relevance[i], similarity,
                                                 diversity, i, picked, p, matrix);
        }
        picked[p] = best_free(value, is_taken, n);
        is_taken[picked[p]] = 1;
    }
    base_free(matrix);
    base_free(value);
    base_free(is_taken);
    return rc;
}
