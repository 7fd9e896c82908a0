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
 * with d2_i the pivot of the incremental Cholesky factor of S; written so, both ends of
 * the knob are finite. Departure: they stop when no pivot is left above a threshold, a list
 * of n films must have n; from there on the pivot counts as the threshold and the relevance
 * decides. A film picked so adds no direction, and the factor stays as it is.
 */
#include "rank_diversity.h"

#include "base_alloc.h"
#include "base_error.h"

#include <math.h>

#define PIVOT_MIN 1e-6 /* similarities are single precision */

static double kernel_entry(double similarity)
{
    return (1 + similarity) / 2;
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

static double dpp_value(const struct greedy *g, int32_t i)
{
    const double pivot = g->pivot[i] > PIVOT_MIN ? g->pivot[i] : PIVOT_MIN;
    return (1 - g->diversity) * g->relevance[i] + g->diversity * log(pivot);
}

/** One more row of the factor, and with it the pivots of all that are left. */
static void dpp_update(struct greedy *g, int32_t pick)
{
    if (g->pivot[pick] <= PIVOT_MIN) {
        return;
    }
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
        e[i] /= root;
        g->pivot[i] -= e[i] * e[i];
        g->value[i] = dpp_value(g, i);
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
        g.pivot[i] = kernel_entry(1);
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

/** log det of the kernel among `film` (n) by elimination in `a` (n, n); -INFINITY when 0. */
static double log_determinant(const struct rank_similarity *similarity,
                              const int32_t *film, int32_t n, double *a)
{
    double log_det = 0;
    for (int32_t i = 0; i < n; i++) {
        for (int32_t j = 0; j < n; j++) {
            a[i * n + j] =
                kernel_entry(rank_similarity_naive(similarity, film[i], film[j]));
        }
    }
    for (int32_t p = 0; p < n; p++) {
        if (a[p * n + p] <= 0) {
            return -INFINITY;
        }
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

/** What the naive pick maximises; `basis` (n_basis + 1) has room for i at its end. */
static double naive_value(enum reel_diversity_method method, double relevance,
                          const struct rank_similarity *similarity, double diversity,
                          int32_t i, const int32_t *picked, int32_t n_picked,
                          int32_t *basis, int32_t n_basis, double *matrix,
                          double *log_gain)
{
    *log_gain = 0;
    if (n_picked == 0) {
        return (1 - diversity) * relevance;
    }
    if (method == REEL_DIVERSITY_MMR) {
        double nearest = -1;
        for (int32_t p = 0; p < n_picked; p++) {
            nearest = fmax(nearest, rank_similarity_naive(similarity, i, picked[p]));
        }
        return (1 - diversity) * relevance - diversity * nearest;
    }
    basis[n_basis] = i;
    *log_gain = log_determinant(similarity, basis, n_basis + 1, matrix) -
                log_determinant(similarity, basis, n_basis, matrix);
    return (1 - diversity) * relevance + diversity * fmax(*log_gain, log(PIVOT_MIN));
}

enum reel_status rank_diversify_naive(enum reel_diversity_method method,
                                      const double *relevance, int32_t n,
                                      struct rank_similarity *similarity,
                                      double diversity, int32_t n_pick, int32_t *picked,
                                      struct reel_error *err)
{
    const size_t n_most = (size_t)(n < n_pick ? n : n_pick);
    double *matrix = base_alloc_array((n_most + 1) * (n_most + 1), sizeof *matrix);
    int32_t *basis = base_alloc_array(n_most + 1, sizeof *basis);
    uint8_t *is_taken = base_alloc_zeroed((size_t)n, 1);
    enum reel_status rc = REEL_OK;
    if (!matrix || !basis || !is_taken) {
        rc = fail(err, REEL_ENOMEM, "out of memory to order %d candidates", n);
        goto done;
    }
    int32_t n_basis = 0;
    for (int32_t p = 0; p < (int32_t)n_most; p++) {
        int32_t best = -1;
        double best_value = 0, best_gain = 0;
        for (int32_t i = 0; i < n; i++) {
            double gain;
            const double value = naive_value(method, relevance[i], similarity, diversity,
                                             i, picked, p, basis, n_basis, matrix, &gain);
            if (!is_taken[i] && (best < 0 || value > best_value)) {
                best = i;
                best_value = value;
                best_gain = gain;
            }
        }
        picked[p] = best;
        is_taken[best] = 1;
        if (best_gain > log(PIVOT_MIN)) {
            basis[n_basis++] = best;
        }
    }
done:
    base_free(matrix);
    base_free(basis);
    base_free(is_taken);
    return rc;
}
