/**
 * Re-ranking for difference with one knob d in [0, 1].
 *
 * MMR: Carbonell and Goldstein 1998, lambda = 1 - d.
 * DPP: base_dpp.c.
 */
#include "rank_diversity.h"

#include "base_alloc.h"
#include "base_dpp.h"
#include "base_error.h"

#include <math.h>

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

static void similarity_row(int32_t i, float *row, void *payload)
{
    rank_similarity_row(payload, i, row);
}

struct mmr {
    float *row;        /* (n) */
    double *value;     /* (n) what the next pick maximises */
    double *nearest;   /* (n) largest similarity to a picked film */
    uint8_t *is_taken; /* (n) */
};

static enum reel_status mmr_pick(const double *relevance, int32_t n,
                                 struct rank_similarity *similarity, double diversity,
                                 int32_t n_pick, int32_t *picked, struct reel_error *err)
{
    struct mmr m = {base_alloc_array((size_t)n, sizeof *m.row),
                    base_alloc_array((size_t)n, sizeof *m.value),
                    base_alloc_array((size_t)n, sizeof *m.nearest),
                    base_alloc_zeroed((size_t)n, 1)};
    enum reel_status rc = REEL_OK;
    if (!m.row || !m.value || !m.nearest || !m.is_taken) {
        rc = fail(err, REEL_ENOMEM, "out of memory to order %d candidates", n);
        goto done;
    }
    for (int32_t i = 0; i < n; i++) {
        m.nearest[i] = -1;
        m.value[i] = (1 - diversity) * relevance[i]; // nothing picked: all differ alike
    }
    for (int32_t p = 0; p < n_pick; p++) {
        picked[p] = best_free(m.value, m.is_taken, n);
        m.is_taken[picked[p]] = 1;
        rank_similarity_row(similarity, picked[p], m.row);
        for (int32_t i = 0; i < n; i++) {
            m.nearest[i] = m.row[i] > m.nearest[i] ? m.row[i] : m.nearest[i];
            m.value[i] = (1 - diversity) * relevance[i] - diversity * m.nearest[i];
        }
    }
done:
    base_free(m.row);
    base_free(m.value);
    base_free(m.nearest);
    base_free(m.is_taken);
    return rc;
}

enum reel_status rank_diversify(enum reel_diversity_method method,
                                const double *relevance, int32_t n,
                                struct rank_similarity *similarity, double diversity,
                                int32_t n_pick, int32_t *picked, struct reel_error *err)
{
    n_pick = n < n_pick ? n : n_pick;
    if (method == REEL_DIVERSITY_MMR) {
        return mmr_pick(relevance, n, similarity, diversity, n_pick, picked, err);
    }
    const struct base_dpp dpp = {.relevance = relevance,
                                 .n = n,
                                 .diversity = diversity,
                                 .row = similarity_row,
                                 .payload = similarity};
    int32_t n_picked = 0;
    return base_dpp_pick(&dpp, n_pick, picked, &n_picked, err);
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
            a[i * n + j] = i == j ? 1 : base_dpp_entry(s);
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
