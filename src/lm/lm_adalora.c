/** See lm_adalora.h. */
#include "lm_adalora.h"
#include "base_alloc.h"
#include "base_error.h"
#include "base_linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double keep_mean = 0.85, keep_spread = 0.85; // beta 1 and 2 of the paper

/** Call `visit` for each matrix that has an addition. */
static void each_matrix(struct lm_adalora *a,
                        void (*visit)(struct lm_adalora *a, const struct lm_tensor *t,
                                      const struct lm_low_rank *low, int32_t i,
                                      void *payload),
                        void *payload)
{
    int32_t n = 0;
    for (int32_t i = 0; i < a->decoder->shape.n_layers; i++) {
        const struct lm_layer *layer = &a->decoder->layer[i];
        for (int m = 0; m < LM_N_MATRICES; m++) {
            if (layer->low_rank[m].a >= 0) {
                visit(a, &layer->matrix[m], &layer->low_rank[m], n++, payload);
            }
        }
    }
}

static void measure(struct lm_adalora *a, const struct lm_tensor *t,
                    const struct lm_low_rank *low, int32_t i, void *payload)
{
    (void)i;
    int64_t *longest = payload;
    const int64_t side = t->n_0 > t->n_1 ? t->n_0 : t->n_1;
    *longest = side > *longest ? side : *longest;
    a->rank = low->rank;
    a->n_matrices++;
}

enum reel_status lm_adalora_init(struct lm_adalora *a, const struct lm_decoder *decoder,
                                 const struct lm_adapter *adapter, int32_t rank_end,
                                 int32_t n_steps, double orthogonality,
                                 struct reel_error *err)
{
    int64_t longest = 0;
    *a = (struct lm_adalora){
        .decoder = decoder, .net = adapter->net, .orthogonality = orthogonality};
    each_matrix(a, measure, &longest);
    a->n_budget = a->n_matrices * rank_end;
    a->n_first = n_steps / 10;
    a->n_last = n_steps * 3 / 10;
    const size_t n = base_net_n_floats(adapter->net), r = (size_t)a->rank;
    for (int i = 0; i < LM_ADALORA_BANKS; i++) {
        a->bank[i] = base_alloc_zeroed(n, sizeof(float));
    }
    a->scratch = base_alloc_array(r * (size_t)longest + r * r, sizeof(float));
    a->score = base_alloc_array(2 * (size_t)a->n_matrices * r, sizeof *a->score);
    return a->bank[0] && a->bank[1] && a->scratch && a->score
               ? REEL_OK
               : fail(err, REEL_ENOMEM, "the importance of %zu numbers", n);
}

void lm_adalora_release(struct lm_adalora *a)
{
    base_free(a->bank[0]);
    base_free(a->bank[1]);
    base_free(a->scratch);
    base_free(a->score);
    *a = (struct lm_adalora){0};
}

/** d |QQ' - 1|^2 = 4 (QQ' - 1) Q; P (n_1, rank) likewise from the other side. */
static void penalise(struct lm_adalora *a, const struct lm_tensor *t,
                     const struct lm_low_rank *low, int32_t i, void *payload)
{
    (void)i;
    float *gradient = payload, *square = a->scratch;
    const size_t r = (size_t)low->rank, n_0 = (size_t)t->n_0, n_1 = (size_t)t->n_1;
    const float *q = base_net_values(a->net, low->a),
                *p = base_net_values(a->net, low->b);
    const float weight = (float)(4 * a->orthogonality / a->n_matrices);
    base_gemm_nt(square, q, q, r, r, n_0, r, n_0, n_0, 1, 0);
    for (size_t k = 0; k < r; k++) {
        square[k * r + k] -= 1;
    }
    base_gemm_nn(gradient + base_net_offset(a->net, low->a), square, q, r, n_0, r, n_0, r,
                 n_0, weight, 1);
    base_gemm_tn(square, p, p, r, r, n_1, r, r, r, 1, 0);
    for (size_t k = 0; k < r; k++) {
        square[k * r + k] -= 1;
    }
    base_gemm_nn(gradient + base_net_offset(a->net, low->b), p, square, n_1, r, r, r, r,
                 r, weight, 1);
}

void lm_adalora_look(struct lm_adalora *a, float *gradient)
{
    const size_t n = base_net_n_floats(a->net);
    const float *value = base_net_values(a->net, 0) - base_net_offset(a->net, 0);
    each_matrix(a, penalise, gradient);
    for (size_t i = 0; i < n; i++) {
        const double now = fabs((double)value[i] * (double)gradient[i]);
        const double mean = keep_mean * (double)a->bank[0][i] + (1 - keep_mean) * now;
        a->bank[0][i] = (float)mean;
        a->bank[1][i] = (float)(keep_spread * (double)a->bank[1][i] +
                                (1 - keep_spread) * fabs(now - mean));
    }
}

static double importance(const struct lm_adalora *a, int32_t i_param, int64_t i)
{
    const size_t at = base_net_offset(a->net, i_param) + (size_t)i;
    return (double)a->bank[0][at] * (double)a->bank[1][at];
}

static void score_matrix(struct lm_adalora *a, const struct lm_tensor *t,
                         const struct lm_low_rank *low, int32_t i, void *payload)
{
    (void)payload;
    for (int32_t r = 0; r < low->rank; r++) {
        double q = 0, p = 0;
        for (int64_t k = 0; k < t->n_0; k++) {
            q += importance(a, low->a, r * t->n_0 + k);
        }
        for (int64_t k = 0; k < t->n_1; k++) {
            p += importance(a, low->b, k * low->rank + r);
        }
        a->score[i * low->rank + r] =
            importance(a, low->value, r) + q / (double)t->n_0 + p / (double)t->n_1;
    }
}

int32_t lm_adalora_budget(const struct lm_adalora *a, int32_t i_step, int32_t n_steps)
{
    const int32_t n_all = a->n_matrices * a->rank,
                  n_falling = n_steps - a->n_first - a->n_last;
    if (i_step < a->n_first) {
        return n_all;
    }
    if (i_step >= n_steps - a->n_last || n_falling < 1) {
        return a->n_budget;
    }
    const double left = 1 - (double)(i_step - a->n_first) / n_falling;
    return a->n_budget + (int32_t)ceil((n_all - a->n_budget) * left * left * left);
}

static int by_falling_score(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/** Values whose score is below the bound become 0. */
struct bound {
    double score;
    struct base_net *net;
    int32_t n_room; /* of those that score just the bound */
};

static void prune_matrix(struct lm_adalora *a, const struct lm_tensor *t,
                         const struct lm_low_rank *low, int32_t i, void *payload)
{
    (void)t;
    struct bound *bound = payload;
    float *value = base_net_values(bound->net, low->value);
    for (int32_t r = 0; r < low->rank; r++) {
        const double score = a->score[i * low->rank + r];
        if (score < bound->score || (score == bound->score && bound->n_room-- <= 0)) {
            value[r] = 0;
        }
    }
}

void lm_adalora_prune(struct lm_adalora *a, struct base_net *net, int32_t i_step,
                      int32_t n_steps)
{
    const int32_t n_all = a->n_matrices * a->rank,
                  n_kept = lm_adalora_budget(a, i_step, n_steps);
    if (n_kept >= n_all) {
        return;
    }
    each_matrix(a, score_matrix, NULL);
    double *sorted = a->score + n_all;
    memcpy(sorted, a->score, (size_t)n_all * sizeof *sorted);
    qsort(sorted, (size_t)n_all, sizeof *sorted, by_falling_score);
    struct bound bound = {.score = n_kept > 0 ? sorted[n_kept - 1] : INFINITY,
                          .net = net};
    for (int32_t i = 0; i < n_kept; i++) {
        bound.n_room += sorted[i] == bound.score;
    }
    each_matrix(a, prune_matrix, &bound);
}
