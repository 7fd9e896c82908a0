/**
 * Films and branches in one list, by the product of three probabilities (in logs):
 *
 *   P(M given U)     softmax over the films at hand of score x ln 100 / unit: as if viewers
 *                    chose the film of rank r in proportion to 1 / r at ranks 1 and 100
 *   P(S given M)     of the branch, told by its planner; 1 for the film as it is
 *   P(R given U, S)  told by whoever judges films and branches
 */
#include "base_alloc.h"
#include "base_error.h"
#include "rank_list.h"
#include "rank_welcome.h"

#include <math.h>
#include <stdlib.h>

#define LOG_UNIT 4.605170185988092
#define DAMP_SHARE 5.0 /* films or viewers of average liking, as if there besides */

/* ---- scores ---- */

enum reel_status reel_scores_make(const struct reel_model *model,
                                  const struct reel_welcome *welcome,
                                  const struct reel_answer *answer, int32_t n_answers,
                                  const struct reel_film_table *films,
                                  const struct reel_viewer_state *viewer,
                                  const struct reel_list_options *opt, float *score,
                                  double *unit, struct reel_error *err)
{
    if (!model == !welcome) {
        return fail(err, REEL_EINVAL, "scores come from a model or from a welcome");
    }
    if (model) {
        const struct rank_source source = rank_source_from_model(model);
        return rank_scores_make(&source, films, viewer, opt, score, unit, err);
    }
    struct rank_newcomer newcomer;
    enum reel_status rc = rank_newcomer_init(&newcomer, welcome, answer, n_answers, err);
    if (rc == REEL_OK) {
        const struct rank_source source = rank_newcomer_source(&newcomer, films->key);
        rc = source.n_films == films->n_films
                 ? rank_scores_make(&source, films, viewer, opt, score, unit, err)
                 : fail(err, REEL_EINVAL, "%d films in the table, %d in the welcome",
                        films->n_films, source.n_films);
        rank_newcomer_release(&newcomer);
    }
    return rc;
}

/* ---- the list ---- */

static enum reel_status check(const struct reel_joint_candidate *candidate, int32_t n,
                              int32_t n_films, double unit,
                              const struct reel_joint_weights *weights,
                              struct reel_error *err)
{
    if (!(weights->film >= 0 && weights->plot >= 0 && weights->taste >= 0) ||
        !(unit > 0)) {
        return fail(err, REEL_EINVAL, "weights %g, %g, %g, unit %g", weights->film,
                    weights->plot, weights->taste, unit);
    }
    for (int32_t i = 0; i < n; i++) {
        const struct reel_joint_candidate *c = &candidate[i];
        if (c->film < -1 || c->film >= n_films || !(c->p_plot > 0 && c->p_plot <= 1) ||
            !(c->p_like > 0 && c->p_like < 1)) {
            return fail(err, REEL_EINVAL, "candidate %d: film %d, %g, %g", i, c->film,
                        c->p_plot, c->p_like);
        }
    }
    return n < 0 ? fail(err, REEL_EINVAL, "%d candidates", n) : REEL_OK;
}

static int by_sum(const void *a, const void *b)
{
    const struct reel_joint_item *x = a, *y = b;
    return x->sum != y->sum
               ? (x->sum < y->sum) - (x->sum > y->sum)
               : (x->candidate > y->candidate) - (x->candidate < y->candidate);
}

/** log of the sum over films at hand, each once, of exp(log odds). */
static double log_sum(const uint8_t *is_at_hand, const float *score, int32_t n_films,
                      double scale, double best, double worst, bool has_none)
{
    double sum = has_none ? exp((worst - best) * scale) : 0;
    for (int32_t f = 0; f < n_films; f++) {
        if (is_at_hand[f]) {
            const double own = isfinite(score[f]) ? (double)score[f] : worst;
            sum += exp((own - best) * scale);
        }
    }
    return best * scale + log(sum);
}

enum reel_status reel_joint_rank(const struct reel_joint_candidate *candidate, int32_t n,
                                 const float *score, int32_t n_films, double unit,
                                 const struct reel_joint_weights *weights, int32_t n_top,
                                 struct reel_joint_item *out, int32_t *n_out,
                                 struct reel_error *err)
{
    *n_out = 0;
    enum reel_status rc = check(candidate, n, n_films, unit, weights, err);
    if (rc) {
        return rc;
    }
    uint8_t *is_at_hand = base_alloc_zeroed((size_t)n_films + 1, 1);
    struct reel_joint_item *item = base_alloc_array((size_t)n + 1, sizeof *item);
    if (!is_at_hand || !item) {
        base_free(is_at_hand);
        base_free(item);
        return fail(err, REEL_ENOMEM, "out of memory for %d candidates", n);
    }
    double best = -INFINITY, worst = INFINITY;
    bool has_none = false;
    for (int32_t i = 0; i < n; i++) {
        const int32_t film = candidate[i].film;
        has_none = has_none || film < 0;
        if (film >= 0) {
            is_at_hand[film] = 1;
        }
        if (film >= 0 && isfinite(score[film])) {
            best = fmax(best, (double)score[film]);
            worst = fmin(worst, (double)score[film]);
        }
    }
    best = isfinite(best) ? best : 0;
    worst = isfinite(worst) ? worst : 0;
    const double scale = LOG_UNIT / unit;
    const double all = log_sum(is_at_hand, score, n_films, scale, best, worst, has_none);
    for (int32_t i = 0; i < n; i++) {
        const int32_t film = candidate[i].film;
        const double own =
            film >= 0 && isfinite(score[film]) ? (double)score[film] : worst;
        item[i] =
            (struct reel_joint_item){.candidate = i,
                                     .film = weights->film * (own * scale - all),
                                     .plot = weights->plot * log(candidate[i].p_plot),
                                     .taste = weights->taste * log(candidate[i].p_like)};
        item[i].sum = item[i].film + item[i].plot + item[i].taste;
    }
    if (n > 0) {
        qsort(item, (size_t)n, sizeof *item, by_sum);
    }
    for (; *n_out < n_top && *n_out < n; (*n_out)++) {
        out[*n_out] = item[*n_out];
    }
    base_free(is_at_hand);
    base_free(item);
    return REEL_OK;
}

/* ---- liking, by shares ---- */

/** No share is certain. */
static double clip(double p)
{
    return fmin(0.99, fmax(0.01, p));
}

static double logit(double p)
{
    return log(p / (1 - p));
}

enum reel_status reel_joint_like(const struct reel_csr *seen,
                                 const struct reel_csr *chosen, const uint8_t *mark,
                                 int32_t viewer, float *p_like, struct reel_error *err)
{
    const size_t n_films = (size_t)seen->n_cols;
    if (viewer < -1 || viewer >= seen->n_rows || seen->n_rows != chosen->n_rows ||
        seen->n_cols != chosen->n_cols) {
        return fail(err, REEL_EINVAL, "viewer %d of %d", viewer, seen->n_rows);
    }
    int32_t *n_seen = base_alloc_zeroed(2 * n_films + 1, sizeof *n_seen);
    if (!n_seen) {
        return fail(err, REEL_ENOMEM, "out of memory for %d films", seen->n_cols);
    }
    int32_t *n_liked = n_seen + n_films;
    int64_t n_all = 0, n_mine = 0;
    const int64_t n_chosen = chosen->start[chosen->n_rows];
    for (int32_t v = 0; v < seen->n_rows; v++) {
        for (int64_t e = seen->start[v]; e < seen->start[v + 1]; e++) {
            const bool is_seen = !mark || (mark[e] & RANK_SEEN_BITS) != 0;
            n_seen[seen->col[e]] += is_seen;
            n_all += is_seen;
            n_mine += is_seen && v == viewer;
        }
    }
    for (int64_t e = 0; e < n_chosen; e++) {
        n_liked[chosen->col[e]]++;
    }
    const double liked_mine =
        viewer < 0 ? 0 : (double)(chosen->start[viewer + 1] - chosen->start[viewer]);
    const double share = ((double)n_chosen + 1) / ((double)n_all + 2);
    const double mine = (liked_mine + DAMP_SHARE * share) / ((double)n_mine + DAMP_SHARE);
    for (size_t f = 0; f < n_films; f++) {
        const double film = (n_liked[f] + DAMP_SHARE * share) / (n_seen[f] + DAMP_SHARE);
        const double x = logit(clip(mine)) + logit(clip(film)) - logit(clip(share));
        p_like[f] = (float)(1 / (1 + exp(-x)));
    }
    base_free(n_seen);
    return REEL_OK;
}
