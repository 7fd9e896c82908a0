/**
 * Newcomers played from data: what a few answers are worth beside a full history.
 *
 * A share of the viewers is held out. Of what each of them liked a fifth is the test; all
 * else they saw is what they answer from. A test film that is asked for counts as not seen,
 * so no answer tells what is to be guessed. Every question counts, also one about a film
 * that is not known. All lists leave out what the viewer is known to have seen.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_rng.h"
#include "rank_list.h"
#include "rank_select.h"
#include "rank_welcome.h"

#include <math.h>
#include <string.h>

enum { CUT = 10, N_LIKED_MIN = 5, TEST_SHARE = 5 /* a fifth */ };
enum { CHOSEN, POPULAR, RANDOM, N_WAYS };

struct newcomers {
    const struct reel_csr *seen, *chosen;
    const uint8_t *mark;
    const struct reel_welcome_measure_options *opt;
    bool *is_held;                         /* (viewers) */
    struct base_csr seen_left, liked_left; /* of viewers who are not held out */
    struct reel_welcome *welcome;
    struct reel_model *model;
    int32_t *popular;           /* (REEL_WELCOME_QUESTIONS_MAX) */
    int8_t *kind;               /* (films) what the viewer at hand would answer */
    uint8_t *is_test, *allowed; /* (films) */
    int32_t *liked; /* (films) what the viewer at hand is known to like, ascending */
    int32_t *order; /* (films) for drawing the test */
    float *score;   /* (films) */
    int32_t n_liked, n_test;
};

struct reel_welcome_measure_options reel_welcome_measure_options_default(void)
{
    return (struct reel_welcome_measure_options){.share_held = 0.2,
                                                 .model = "als",
                                                 .n_threads = 1,
                                                 .seed = 1,
                                                 .welcome =
                                                     reel_welcome_options_default()};
}

/* ---- who is held out ---- */

/** Rows of the viewers that stay; the others are left empty. */
static enum reel_status rows_keep(const struct reel_csr *all, const uint8_t *mark,
                                  const bool *is_held, struct base_csr *out,
                                  struct reel_error *err)
{
    enum reel_status rc =
        base_csr_init(out, all->n_rows, all->n_cols, all->start[all->n_rows], false, err);
    int64_t n = 0;
    for (int32_t v = 0; rc == REEL_OK && v < all->n_rows; v++) {
        for (int64_t e = all->start[v]; e < all->start[v + 1] && !is_held[v]; e++) {
            if (!mark || (mark[e] & RANK_SEEN_BITS)) {
                out->col[n++] = all->col[e];
            }
        }
        out->start[v + 1] = n;
    }
    return rc;
}

static enum reel_status hold_out(struct newcomers *n, struct reel_error *err)
{
    const int32_t n_viewers = n->seen->n_rows;
    int32_t *order = base_alloc_array((size_t)n_viewers + 1, sizeof *order);
    n->is_held = base_alloc_zeroed((size_t)n_viewers + 1, sizeof *n->is_held);
    if (!order || !n->is_held) {
        base_free(order);
        return fail(err, REEL_ENOMEM, "out of memory for %d viewers", n_viewers);
    }
    struct base_rng rng;
    base_rng_init(&rng, n->opt->seed, 0);
    for (int32_t v = 0; v < n_viewers; v++) {
        order[v] = v;
    }
    base_rng_shuffle(&rng, order, n_viewers);
    const int32_t n_held = (int32_t)(n->opt->share_held * n_viewers);
    for (int32_t i = 0; i < n_held; i++) {
        n->is_held[order[i]] = true;
    }
    base_free(order);
    enum reel_status rc = rows_keep(n->seen, n->mark, n->is_held, &n->seen_left, err);
    return rc ? rc : rows_keep(n->chosen, NULL, n->is_held, &n->liked_left, err);
}

static enum reel_status learn(struct newcomers *n, struct reel_error *err)
{
    struct reel_train_options train = reel_train_options_default();
    const struct reel_training data = {.chosen = n->liked_left.csr};
    train.n_threads = n->opt->n_threads;
    train.seed = n->opt->seed;
    enum reel_status rc = reel_welcome_create(&n->seen_left.csr, &n->liked_left.csr, NULL,
                                              &n->opt->welcome, &n->welcome, err);
    if (rc == REEL_OK && n->opt->settings) {
        rc = reel_settings_parse(n->opt->model, n->opt->settings, &train, err);
    }
    rc = rc ? rc : reel_model_train(n->opt->model, &data, &train, &n->model, err);
    if (rc) {
        return rc;
    }
    int32_t n_viewers;
    const int32_t *count = rank_welcome_counts(n->welcome, &n_viewers);
    for (int32_t f = 0; f < n->seen->n_cols; f++) {
        n->score[f] = (float)count[f];
    }
    (void)rank_select(n->score, NULL, n->seen->n_cols, REEL_WELCOME_QUESTIONS_MAX,
                      n->popular);
    return REEL_OK;
}

/* ---- one newcomer ---- */

/** Test films of a viewer, and what they would answer to every film; false: too few likes. */
static bool meet(struct newcomers *n, int32_t viewer)
{
    const int64_t begin = n->chosen->start[viewer], end = n->chosen->start[viewer + 1];
    const size_t n_films = (size_t)n->seen->n_cols;
    const int32_t n_all = (int32_t)(end - begin);
    if (n_all < N_LIKED_MIN) {
        return false;
    }
    struct base_rng rng;
    base_rng_init(&rng, n->opt->seed, 1 + (uint64_t)viewer);
    memcpy(n->order, n->chosen->col + begin, (size_t)n_all * sizeof *n->order);
    base_rng_shuffle(&rng, n->order, n_all);
    memset(n->is_test, 0, n_films);
    memset(n->kind, REEL_ANSWER_UNKNOWN, n_films);
    memset(n->allowed, 1, n_films);
    n->n_test = n_all / TEST_SHARE;
    for (int32_t i = 0; i < n->n_test; i++) {
        n->is_test[n->order[i]] = 1;
    }
    for (int64_t e = n->seen->start[viewer]; e < n->seen->start[viewer + 1]; e++) {
        const int32_t film = n->seen->col[e];
        if ((!n->mark || (n->mark[e] & RANK_SEEN_BITS)) && !n->is_test[film]) {
            n->kind[film] = REEL_ANSWER_SEEN;
            n->allowed[film] = 0;
        }
    }
    n->n_liked = 0;
    for (int64_t e = begin; e < end; e++) {
        if (!n->is_test[n->chosen->col[e]]) {
            n->kind[n->chosen->col[e]] = REEL_ANSWER_LIKED;
            n->liked[n->n_liked++] = n->chosen->col[e];
        }
    }
    return true;
}

/** NDCG@10 of n->score for the viewer at hand. */
static double ndcg(const struct newcomers *n)
{
    int32_t top[CUT];
    const int32_t n_top = rank_select(n->score, n->allowed, n->seen->n_cols, CUT, top);
    double gain = 0, best = 0;
    for (int32_t i = 0; i < n_top; i++) {
        gain += n->is_test[top[i]] ? 1 / log2(i + 2.0) : 0;
    }
    for (int32_t i = 0; i < CUT && i < n->n_test; i++) {
        best += 1 / log2(i + 2.0);
    }
    return gain / best;
}

/** Ask in one way and measure after every question. */
static enum reel_status interview(struct newcomers *n, int way, int32_t viewer,
                                  double *sum, double *n_known, struct reel_error *err)
{
    struct reel_answer answer[REEL_WELCOME_QUESTIONS_MAX];
    struct base_rng rng;
    enum reel_status rc = REEL_OK;
    base_rng_init(&rng, n->opt->seed, UINT64_MAX - (uint64_t)viewer);
    for (int32_t f = 0; f < n->seen->n_cols; f++) {
        n->order[f] = f;
    }
    base_rng_shuffle(&rng, n->order, n->seen->n_cols);
    for (int32_t q = 0; q <= REEL_WELCOME_QUESTIONS_MAX && rc == REEL_OK; q++) {
        rc = reel_welcome_score(n->welcome, answer, q, n->score, err);
        sum[q] += rc == REEL_OK ? ndcg(n) : 0;
        if (q == REEL_WELCOME_QUESTIONS_MAX || rc) {
            break;
        }
        int32_t film = way == POPULAR ? n->popular[q] : n->order[q];
        if (way == CHOSEN) {
            rc = reel_welcome_next(n->welcome, answer, q, &film, err);
        }
        if (rc == REEL_OK && film < 0) {
            rc = fail(err, REEL_EFAIL, "too few films to ask about");
        } else if (rc == REEL_OK) {
            answer[q] = (struct reel_answer){film, (enum reel_answer_kind)n->kind[film]};
            *n_known += n->kind[film] != REEL_ANSWER_UNKNOWN;
        }
    }
    return rc;
}

static enum reel_status measure_all(struct newcomers *n,
                                    struct reel_welcome_measures *out,
                                    struct reel_error *err)
{
    double *const sums[N_WAYS] = {out->chosen, out->popular, out->random};
    enum reel_status rc = REEL_OK;
    for (int32_t v = 0; v < n->seen->n_rows && rc == REEL_OK; v++) {
        if (!n->is_held[v] || !meet(n, v)) {
            continue;
        }
        const struct reel_query query = {.film = n->liked, .n = n->n_liked};
        rc = reel_model_score(n->model, &query, n->score, err);
        out->full += rc == REEL_OK ? ndcg(n) : 0;
        for (int way = 0; way < N_WAYS && rc == REEL_OK; way++) {
            rc = interview(n, way, v, sums[way], &out->known[way], err);
        }
        out->n_viewers++;
    }
    if (rc == REEL_OK && out->n_viewers == 0) {
        return fail(err, REEL_EFAIL, "no viewer held out liked %d films", N_LIKED_MIN);
    }
    out->full /= out->n_viewers;
    for (int way = 0; way < N_WAYS; way++) {
        out->known[way] /= (double)out->n_viewers * REEL_WELCOME_QUESTIONS_MAX;
        for (int32_t q = 0; q <= REEL_WELCOME_QUESTIONS_MAX; q++) {
            sums[way][q] /= out->n_viewers;
        }
    }
    return rc;
}

static void newcomers_release(struct newcomers *n)
{
    reel_welcome_free(n->welcome);
    reel_model_free(n->model);
    base_csr_release(&n->seen_left);
    base_csr_release(&n->liked_left);
    base_free(n->is_held);
    base_free(n->popular);
    base_free(n->kind);
    base_free(n->is_test);
    base_free(n->allowed);
    base_free(n->liked);
    base_free(n->order);
    base_free(n->score);
}

enum reel_status reel_welcome_measure(const struct reel_csr *seen,
                                      const struct reel_csr *chosen, const uint8_t *mark,
                                      const struct reel_welcome_measure_options *opt,
                                      struct reel_welcome_measures *out,
                                      struct reel_error *err)
{
    *out = (struct reel_welcome_measures){0};
    if (seen->n_rows != chosen->n_rows || seen->n_cols != chosen->n_cols ||
        seen->n_cols < REEL_WELCOME_QUESTIONS_MAX ||
        !(opt->share_held > 0 && opt->share_held < 1)) {
        return fail(err, REEL_EINVAL, "newcomers of %d x %d, %g held out", seen->n_rows,
                    seen->n_cols, opt->share_held);
    }
    const size_t n_films = (size_t)seen->n_cols;
    struct newcomers n = {.seen = seen, .chosen = chosen, .mark = mark, .opt = opt};
    const bool is_whole =
        (n.popular = base_alloc_array(REEL_WELCOME_QUESTIONS_MAX, sizeof *n.popular)) &&
        (n.kind = base_alloc_array(n_films, 1)) &&
        (n.is_test = base_alloc_array(n_films, 1)) &&
        (n.allowed = base_alloc_array(n_films, 1)) &&
        (n.liked = base_alloc_array(n_films, sizeof *n.liked)) &&
        (n.order = base_alloc_array(n_films, sizeof *n.order)) &&
        (n.score = base_alloc_array(n_films, sizeof *n.score));
    enum reel_status rc =
        is_whole ? REEL_OK : fail(err, REEL_ENOMEM, "out of memory for newcomers");
    rc = rc ? rc : hold_out(&n, err);
    rc = rc ? rc : learn(&n, err);
    rc = rc ? rc : measure_all(&n, out, err);
    newcomers_release(&n);
    return rc;
}
