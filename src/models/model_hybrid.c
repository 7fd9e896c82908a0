/**
 * Hybrid: several models, weighted by how long the viewer's history is.
 *
 *   score_i = sum over members m of w_m(n) z_mi,   w_m(n) = a_m + b_m t(n)
 *   z_mi    = (s_mi - mean) / sd of member m's scores over the films not in the history
 *   t(n)    = log(n / 40) / log 4 within -1.5 .. 1.5, n the films of the history
 *
 * Learning: a part of every history is held out (`holdout`: a tenth at random, or the last
 * film), the members learn from the rest, and a and b are moved from a prior by LambdaRank
 * (Burges 2010): for a held-out film above or below another of the 100 best, the gradient of
 * the logistic loss of their difference, times what NDCG changes if they swap places. What is
 * learnt is kept half way from the prior, or not at all when NDCG@10 of the held-out films is
 * then lower; and where one member alone is clearly better, it alone gets all weight.
 * Then the members learn again, from everything.
 *
 * Which members: those below that the data allow (times, features, stars). `near` of ease
 * and a second als differ from their plain kin enough to be worth their time.
 *
 * explain: the parts of the members, each over its sd and times its weight; means go to rest.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_rng.h"
#include "model_core.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum setting_place { S_HOLDOUT, S_WORDS, S_SEQUENCE, S_ROUNDS, S_RATE, N_SETTINGS };
enum holdout { HOLDOUT_RANDOM, HOLDOUT_LAST };

static const char *const holdouts[] = {"random", "last", NULL};
static const char *const no_yes[] = {"no", "yes", NULL};

static const struct reel_setting settings[N_SETTINGS] = {
    {"holdout", HOLDOUT_RANDOM, 0, 1, REEL_SCALE_INTEGER, "what weights are learnt on",
     holdouts, false},
    {"words", 0, 0, 1, REEL_SCALE_INTEGER, "ask content and taste too", no_yes, false},
    {"sequence", 0, 0, 1, REEL_SCALE_INTEGER, "ask the sequence model too; takes minutes",
     no_yes, false},
    {"rounds", 20, 0, 10000, REEL_SCALE_INTEGER, "steps towards better weights", NULL,
     false},
    {"rate", 0.01, 1e-5, 1, REEL_SCALE_LOG, "length of a step", NULL, true},
};

enum need { NEED_NOTHING, NEED_TIMES, NEED_FEATURES, NEED_SEQUENCE };

/** Who may take part; `prior` is the weight before anything is learnt. */
static const struct candidate {
    const char *name, *settings;
    enum need need;
    double prior;
} candidates[] = {
    {"als", "", NEED_NOTHING, 0.3},
    {"als", "factors=128", NEED_NOTHING, 0.2},
    {"ease", "", NEED_NOTHING, 0.15},
    {"ease", "near=20 regularization=80", NEED_TIMES, 0.3},
    {"user-knn", "", NEED_NOTHING, 0.05},
    {"item-knn", "", NEED_NOTHING, 0.02},
    {"popularity", "", NEED_NOTHING, 0.0},
    {"content", "", NEED_FEATURES, 0.05},
    {"taste", "", NEED_FEATURES, 0.05},
    {"sequence", "", NEED_SEQUENCE, 0.2},
};

enum {
    N_CANDIDATES = sizeof candidates / sizeof *candidates,
    N_LIST = 100, /* films of a viewer that weights are learnt from */
    N_CUT = 10,
    N_VIEWERS_MAX = 5000, /* that weights are learnt from */
    N_HELD_MIN = 5,       /* films of a viewer of whom any is held out */
};

#define SURELY_BETTER 1.03 /* by less than this one member is ahead by luck */

static_assert((int)N_CANDIDATES <= MODEL_MEMBERS_MAX, "every candidate has a section");

/** The members that were trained. */
struct crew {
    struct reel_model *model[N_CANDIDATES];
    double prior[N_CANDIDATES];
    int32_t n;
};

static void crew_release(struct crew *crew)
{
    for (int32_t m = 0; m < crew->n; m++) {
        reel_model_free(crew->model[m]);
    }
    crew->n = 0;
}

static bool is_possible(const struct candidate *c, const struct reel_training *data,
                        const struct reel_train_options *opt)
{
    switch (c->need) {
    case NEED_TIMES:
        return data->at_s != NULL;
    case NEED_FEATURES:
        return data->n_features > 0 && opt->setting[S_WORDS] > 0 &&
               reel_model_class_find(c->name);
    case NEED_SEQUENCE:
        return data->at_s && opt->setting[S_SEQUENCE] > 0;
    default:
        return true;
    }
}

// What a member cannot learn from (REEL_EINVAL) it does without.
static enum reel_status crew_train(struct crew *crew, const struct reel_training *data,
                                   const struct reel_train_options *opt,
                                   struct reel_error *err)
{
    *crew = (struct crew){0};
    for (size_t i = 0; i < N_CANDIDATES; i++) {
        const struct candidate *c = &candidates[i];
        struct reel_train_options own = reel_train_options_default();
        if (!is_possible(c, data, opt)) {
            continue;
        }
        own.seed = opt->seed;
        own.n_threads = opt->n_threads;
        own.progress = opt->progress;
        enum reel_status rc = reel_settings_parse(c->name, c->settings, &own, err);
        rc = rc ? rc : reel_model_train(c->name, data, &own, &crew->model[crew->n], err);
        if (rc == REEL_OK) {
            crew->prior[crew->n++] = c->prior;
        } else if (rc != REEL_EINVAL || c->need == NEED_NOTHING) {
            crew_release(crew);
            return rc;
        }
    }
    return REEL_OK;
}

/* ---- standard scores ---- */

struct spread {
    double mean, sd; /* sd 0: all films alike, the member says nothing */
};

// Over the films not in the history, which are those that matter.
static struct spread spread_of(const float *score, int32_t n_films,
                               const struct reel_query *query)
{
    double sum = 0, square = 0;
    int32_t e = 0, n = 0;
    for (int32_t i = 0; i < n_films; i++) {
        if (e < query->n && query->film[e] == i) {
            e++;
            continue;
        }
        sum += (double)score[i];
        square += (double)score[i] * (double)score[i];
        n++;
    }
    const double mean = n > 0 ? sum / n : 0;
    const double variance = n > 0 ? square / n - mean * mean : 0;
    const double sd = variance > 1e-12 * mean * mean ? sqrt(variance) : 0;
    return (struct spread){mean, sd > 1e-30 && isfinite(sd) ? sd : 0};
}

static double length_of(int32_t n)
{
    return fmin(fmax(log((n > 0 ? n : 1) / 40.0) / log(4), -1.5), 1.5);
}

/* ---- what weights are learnt on ---- */

struct held {
    struct base_csr rest, held; /* viewers x films */
    int64_t *rest_at_s;
    struct base_csr rated; /* less what is held out */
};

static void held_release(struct held *h)
{
    base_csr_release(&h->rest);
    base_csr_release(&h->held);
    base_csr_release(&h->rated);
    base_free(h->rest_at_s);
}

// Mark what is held out of one history of n films.
static void mark_held(const struct reel_training *data, int64_t first, int32_t n,
                      enum holdout how, struct base_rng *rng, uint8_t *is_held)
{
    memset(is_held, 0, (size_t)n);
    if (n < N_HELD_MIN) {
        return;
    }
    if (how == HOLDOUT_LAST && data->at_s) {
        int32_t last = 0;
        for (int32_t i = 1; i < n; i++) {
            last = data->at_s[first + i] >= data->at_s[first + last] ? i : last;
        }
        is_held[last] = 1;
        return;
    }
    for (int32_t left = (n + N_CUT / 2) / N_CUT; left > 0;) {
        const int32_t i = (int32_t)base_rng_below(rng, (uint32_t)n);
        left -= !is_held[i];
        is_held[i] = 1;
    }
}

static enum reel_status hold_ratings(struct held *h, const struct reel_csr *rated,
                                     struct reel_error *err)
{
    enum reel_status rc = base_csr_init(&h->rated, rated->n_rows, rated->n_cols,
                                        rated->start[rated->n_rows], true, err);
    int64_t n = 0;
    for (int32_t v = 0; rc == REEL_OK && v < rated->n_rows; v++) {
        for (int64_t e = rated->start[v]; e < rated->start[v + 1]; e++) {
            if (!base_csr_has(&h->held.csr, v, rated->col[e])) {
                h->rated.col[n] = rated->col[e];
                h->rated.value[n++] = rated->value ? rated->value[e] : 1;
            }
        }
        h->rated.start[v + 1] = n;
    }
    return rc;
}

static enum reel_status hold_out(struct held *h, const struct reel_training *data,
                                 const struct reel_train_options *opt,
                                 struct reel_error *err)
{
    const struct reel_csr *c = &data->chosen;
    const int64_t n_entries = c->start[c->n_rows];
    uint8_t *is_held = base_alloc_array((size_t)n_entries, 1);
    h->rest_at_s = base_alloc_array((size_t)n_entries, sizeof *h->rest_at_s);
    enum reel_status rc =
        is_held && h->rest_at_s
            ? REEL_OK
            : fail(err, REEL_ENOMEM, "hybrid: %lld choices", (long long)n_entries);
    rc =
        rc ? rc : base_csr_init(&h->rest, c->n_rows, c->n_cols, n_entries, c->value, err);
    rc = rc ? rc : base_csr_init(&h->held, c->n_rows, c->n_cols, n_entries, false, err);
    int64_t n_rest = 0, n_held = 0;
    for (int32_t v = 0; rc == REEL_OK && v < c->n_rows; v++) {
        struct base_rng rng;
        base_rng_init(&rng, opt->seed, (uint64_t)v);
        mark_held(data, c->start[v], (int32_t)(c->start[v + 1] - c->start[v]),
                  (enum holdout)opt->setting[S_HOLDOUT], &rng, is_held + c->start[v]);
        for (int64_t e = c->start[v]; e < c->start[v + 1]; e++) {
            if (is_held[e]) {
                h->held.col[n_held++] = c->col[e];
                continue;
            }
            if (c->value) {
                h->rest.value[n_rest] = c->value[e];
            }
            h->rest_at_s[n_rest] = data->at_s ? data->at_s[e] : 0;
            h->rest.col[n_rest++] = c->col[e];
        }
        h->rest.start[v + 1] = n_rest;
        h->held.start[v + 1] = n_held;
    }
    base_free(is_held);
    return rc || !data->rated ? rc : hold_ratings(h, data->rated, err);
}

/* ---- lists to learn weights from ---- */

/** The best films of some viewers by the prior, with every member's z. */
struct lists {
    int32_t n_viewers, n_members;
    int32_t *viewer;  /* (n_viewers) */
    double *length;   /* (n_viewers) t(n) */
    double *ideal;    /* (n_viewers) best DCG there could be */
    float *z;         /* (n_viewers, N_LIST, n_members) */
    uint8_t *is_held; /* (n_viewers, N_LIST) */
    int32_t *n;       /* (n_viewers) films in the list */

    const struct crew *crew;
    const struct held *held;
    bool has_times;
    float *desk;            /* (n_threads, n_members + 1, n_films) */
    struct reel_error *err; /* (n_threads) */
};

static double discount(int32_t place)
{
    return place < N_CUT ? 1 / log2(place + 2) : 0;
}

static void lists_release(struct lists *l)
{
    base_free(l->viewer);
    base_free(l->length);
    base_free(l->ideal);
    base_free(l->z);
    base_free(l->is_held);
    base_free(l->n);
    base_free(l->desk);
    base_free(l->err);
}

static bool lists_reserve(struct lists *l, int32_t n_threads)
{
    const struct reel_csr *held = &l->held->held.csr;
    const size_t n_films = (size_t)held->n_cols, n_members = (size_t)l->n_members;
    const size_t room =
        held->n_rows < N_VIEWERS_MAX ? (size_t)held->n_rows : N_VIEWERS_MAX;
    l->viewer = base_alloc_array(room, sizeof *l->viewer);
    l->length = base_alloc_array(room, sizeof *l->length);
    l->ideal = base_alloc_array(room, sizeof *l->ideal);
    l->z = base_alloc_zeroed(room * N_LIST, n_members * sizeof *l->z);
    l->is_held = base_alloc_zeroed(room, N_LIST);
    l->n = base_alloc_zeroed(room, sizeof *l->n);
    l->desk = base_alloc_aligned((size_t)n_threads * (n_members + 1) * n_films,
                                 sizeof *l->desk);
    l->err = base_alloc_zeroed((size_t)n_threads, sizeof *l->err);
    if (!l->viewer || !l->length || !l->ideal || !l->z || !l->is_held || !l->n ||
        !l->desk || !l->err) {
        return false;
    }
    // Where there are more viewers than needed, evenly spread ones serve.
    const int32_t stride = held->n_rows / N_VIEWERS_MAX + 1;
    for (int32_t v = 0; v < held->n_rows && l->n_viewers < (int32_t)room; v += stride) {
        const int64_t n_held = held->start[v + 1] - held->start[v];
        if (n_held > 0) {
            double ideal = 0;
            for (int32_t i = 0; i < n_held; i++) {
                ideal += discount(i);
            }
            l->ideal[l->n_viewers] = ideal;
            l->viewer[l->n_viewers++] = v;
        }
    }
    return true;
}

// The N_LIST best of `score`, found by a threshold that falls: their order does not matter.
static int32_t best_films(const float *score, int32_t n_films, int32_t *film)
{
    int32_t n = 0;
    for (int32_t i = 0; i < n_films; i++) {
        int32_t at = n < N_LIST ? n++ : N_LIST;
        for (; at > 0 && score[film[at - 1]] < score[i]; at--) {
            if (at < N_LIST) {
                film[at] = film[at - 1];
            }
        }
        if (at < N_LIST) {
            film[at] = i;
        }
    }
    return n;
}

static void make_lists(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    struct lists *l = payload;
    const struct reel_csr *rest = &l->held->rest.csr;
    const size_t n_films = (size_t)rest->n_cols, n_members = (size_t)l->n_members;
    float *mix = l->desk + (size_t)worker * (n_members + 1) * n_films, *z = mix + n_films;
    for (int64_t i = begin; i < end && l->err[worker].code == REEL_OK; i++) {
        const int32_t v = l->viewer[i];
        const int64_t first = rest->start[v];
        const struct reel_query query = {
            .film = rest->col + first,
            .value = rest->value ? rest->value + first : NULL,
            .at_s = l->has_times ? l->held->rest_at_s + first : NULL,
            .n = (int32_t)(rest->start[v + 1] - first)};
        l->length[i] = length_of(query.n);
        memset(mix, 0, n_films * sizeof *mix);
        for (size_t m = 0; m < n_members; m++) {
            float *own = z + m * n_films;
            if (reel_model_score(l->crew->model[m], &query, own, &l->err[worker])) {
                return;
            }
            const struct spread s = spread_of(own, (int32_t)n_films, &query);
            for (size_t f = 0; f < n_films; f++) {
                own[f] = s.sd > 0 ? (float)(((double)own[f] - s.mean) / s.sd) : 0;
                mix[f] += (float)l->crew->prior[m] * own[f];
            }
        }
        for (int32_t e = 0; e < query.n; e++) {
            mix[query.film[e]] = -INFINITY;
        }
        int32_t film[N_LIST];
        l->n[i] = best_films(mix, (int32_t)n_films, film);
        for (int32_t p = 0; p < l->n[i]; p++) {
            l->is_held[i * N_LIST + p] = base_csr_has(&l->held->held.csr, v, film[p]);
            for (size_t m = 0; m < n_members; m++) {
                l->z[((size_t)i * N_LIST + (size_t)p) * n_members + m] =
                    z[m * n_films + (size_t)film[p]];
            }
        }
    }
}

/* ---- weights ---- */

struct scored {
    double score;
    int32_t i;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return x->score != y->score ? (x->score < y->score) - (x->score > y->score)
                                : (x->i > y->i) - (x->i < y->i);
}

static void order_list(const struct lists *l, int64_t v, const double *w,
                       struct scored *scored)
{
    for (int32_t p = 0; p < l->n[v]; p++) {
        const float *z = l->z + (size_t)(v * N_LIST + p) * (size_t)l->n_members;
        scored[p] = (struct scored){.i = p};
        for (int32_t m = 0; m < l->n_members; m++) {
            scored[p].score += (w[2 * m] + w[2 * m + 1] * l->length[v]) * (double)z[m];
        }
    }
    qsort(scored, (size_t)l->n[v], sizeof *scored, by_score);
}

static double ndcg_of(const struct lists *l, const double *w)
{
    double sum = 0;
    for (int64_t v = 0; v < l->n_viewers; v++) {
        struct scored scored[N_LIST];
        order_list(l, v, w, scored);
        for (int32_t p = 0; p < l->n[v] && p < N_CUT; p++) {
            sum += l->is_held[v * N_LIST + scored[p].i] ? discount(p) / l->ideal[v] : 0;
        }
    }
    return l->n_viewers > 0 ? sum / l->n_viewers : 0;
}

// The gradient of all pairs of a held-out film and another, of which one is in the list.
static void lambda_gradient(const struct lists *l, const double *w, double *gradient)
{
    memset(gradient, 0, 2 * (size_t)l->n_members * sizeof *gradient);
    for (int64_t v = 0; v < l->n_viewers; v++) {
        struct scored s[N_LIST];
        order_list(l, v, w, s);
        for (int32_t p = 0; p < l->n[v]; p++) {
            if (!l->is_held[v * N_LIST + s[p].i]) {
                continue;
            }
            for (int32_t q = 0; q < l->n[v]; q++) {
                const double change = fabs(discount(p) - discount(q)) / l->ideal[v];
                if (l->is_held[v * N_LIST + s[q].i] || change == 0) {
                    continue;
                }
                const double pull = change / (1 + exp(s[p].score - s[q].score));
                const float *zp =
                    l->z + (size_t)(v * N_LIST + s[p].i) * (size_t)l->n_members;
                const float *zq =
                    l->z + (size_t)(v * N_LIST + s[q].i) * (size_t)l->n_members;
                for (int32_t m = 0; m < l->n_members; m++) {
                    const double g = pull * ((double)zp[m] - (double)zq[m]);
                    gradient[2 * m] += g / l->n_viewers;
                    gradient[2 * m + 1] += g * l->length[v] / l->n_viewers;
                }
            }
        }
    }
}

static void climb(const struct lists *l, const struct reel_train_options *opt, double *w)
{
    double gradient[2 * N_CANDIDATES];
    for (int32_t round = 0; round < (int32_t)opt->setting[S_ROUNDS]; round++) {
        double length = 0;
        lambda_gradient(l, w, gradient);
        for (int32_t i = 0; i < 2 * l->n_members; i++) {
            length += gradient[i] * gradient[i];
        }
        for (int32_t i = 0; i < 2 * l->n_members && length > 0; i++) {
            w[i] += opt->setting[S_RATE] * gradient[i] / sqrt(length);
        }
    }
}

// Weights (n_members, 2) by the rule at the head of this file.
static void learn_weights(const struct lists *l, const struct reel_train_options *opt,
                          double *weight)
{
    double prior[2 * N_CANDIDATES] = {0}, moved[2 * N_CANDIDATES];
    for (int32_t m = 0; m < l->n_members; m++) {
        prior[2 * m] = l->crew->prior[m];
    }
    memcpy(moved, prior, sizeof moved);
    climb(l, opt, moved);
    for (int32_t i = 0; i < 2 * l->n_members; i++) {
        moved[i] = (moved[i] + prior[i]) / 2;
    }
    double best = ndcg_of(l, prior);
    memcpy(weight, prior, sizeof prior);
    if (ndcg_of(l, moved) > best) {
        best = ndcg_of(l, moved);
        memcpy(weight, moved, sizeof moved);
    }
    for (int32_t m = 0; m < l->n_members; m++) {
        double alone[2 * N_CANDIDATES] = {0};
        alone[2 * m] = 1;
        if (ndcg_of(l, alone) > SURELY_BETTER * best) {
            best = ndcg_of(l, alone);
            memcpy(weight, alone, sizeof alone);
        }
    }
}

static enum reel_status find_weights(const struct reel_training *data,
                                     const struct reel_train_options *opt,
                                     struct base_pool *pool, double *weight,
                                     struct reel_error *err)
{
    struct held held = {0};
    struct crew crew = {0};
    struct lists lists = {.held = &held, .crew = &crew, .has_times = data->at_s};
    struct reel_training part = *data;
    enum reel_status rc = hold_out(&held, data, opt, err);
    part.chosen = held.rest.csr;
    part.at_s = data->at_s ? held.rest_at_s : NULL;
    part.rated = data->rated ? &held.rated.csr : NULL;
    rc = rc ? rc : crew_train(&crew, &part, opt, err);
    lists.n_members = crew.n;
    if (rc == REEL_OK && !lists_reserve(&lists, base_pool_n_threads(pool))) {
        rc = fail(err, REEL_ENOMEM, "hybrid: lists of %d viewers", data->chosen.n_rows);
    }
    if (rc == REEL_OK) {
        base_pool_run(pool, lists.n_viewers, 8, make_lists, &lists);
        for (int32_t t = 0; t < base_pool_n_threads(pool) && rc == REEL_OK; t++) {
            rc = lists.err[t].code ? fail(err, lists.err[t].code, "%s", lists.err[t].text)
                                   : REEL_OK;
        }
    }
    if (rc == REEL_OK) {
        learn_weights(&lists, opt, weight);
    }
    lists_release(&lists);
    crew_release(&crew);
    held_release(&held);
    return rc;
}

static enum reel_status train(const struct model_class *class_,
                              const struct reel_training *data,
                              const struct reel_train_options *opt,
                              struct base_pool *pool, struct reel_model **out,
                              struct reel_error *err)
{
    double weight[2 * N_CANDIDATES] = {0};
    struct crew crew = {0};
    enum reel_status rc = find_weights(data, opt, pool, weight, err);
    rc = rc ? rc : crew_train(&crew, data, opt, err);
    struct model_section section[N_CANDIDATES + 1];
    for (int32_t m = 0; m < crew.n; m++) {
        section[m] = (struct model_section){(enum model_role)(MODEL_MEMBER + m), 1,
                                            model_block_bytes(crew.model[m])};
    }
    section[crew.n] =
        (struct model_section){MODEL_MEMBER_WEIGHTS, sizeof(float), 2 * (uint64_t)crew.n};
    rc = rc ? rc : model_create(class_, data, opt, 0, section, crew.n + 1, out, err);
    if (rc == REEL_OK) {
        for (int32_t m = 0; m < crew.n; m++) {
            model_embed(*out, m, crew.model[m]);
            model_floats(*out, MODEL_MEMBER_WEIGHTS)[2 * m] = (float)weight[2 * m];
            model_floats(*out, MODEL_MEMBER_WEIGHTS)[2 * m + 1] =
                (float)weight[2 * m + 1];
        }
        rc = model_attach_members(*out, err);
    }
    crew_release(&crew);
    return rc;
}

static enum reel_status check(const struct reel_model *model, struct reel_error *err)
{
    if (model->n_members == 0) {
        return fail(err, REEL_EFORMAT, "a hybrid of no models");
    }
    const enum reel_status rc = model_check_section(
        model, MODEL_MEMBER_WEIGHTS, sizeof(float), 2 * (uint64_t)model->n_members, err);
    for (int32_t i = 0; rc == REEL_OK && i < 2 * model->n_members; i++) {
        if (!isfinite(model_floats(model, MODEL_MEMBER_WEIGHTS)[i])) {
            return fail(err, REEL_EFORMAT, "weight %d is no number", i);
        }
    }
    return rc;
}

static double weight_of(const struct reel_model *model, int32_t m, int32_t n)
{
    const float *weight =
        model_floats(model, MODEL_MEMBER_WEIGHTS) + (size_t)2 * (size_t)m;
    return (double)weight[0] + (double)weight[1] * length_of(n);
}

static enum reel_status score(const struct reel_model *model,
                              const struct reel_query *query, float *out,
                              struct reel_error *err)
{
    const int32_t n_films = model->header->n_films;
    float *own = base_alloc_array((size_t)n_films, sizeof *own);
    enum reel_status rc =
        own ? REEL_OK : fail(err, REEL_ENOMEM, "hybrid: scores of %d films", n_films);
    memset(out, 0, (size_t)n_films * sizeof *out);
    for (int32_t m = 0; m < model->n_members && rc == REEL_OK; m++) {
        const double weight = weight_of(model, m, query->n);
        if (weight == 0) {
            continue;
        }
        rc = reel_model_score(model->member[m], query, own, err);
        const struct spread s = rc ? (struct spread){0} : spread_of(own, n_films, query);
        for (int32_t i = 0; s.sd > 0 && i < n_films; i++) {
            out[i] += (float)(weight * ((double)own[i] - s.mean) / s.sd);
        }
    }
    base_free(own);
    return rc;
}

static enum reel_status explain(const struct reel_model *model,
                                const struct reel_query *query, int32_t film,
                                struct reel_part *part, float *rest,
                                struct reel_error *err)
{
    const int32_t n_films = model->header->n_films;
    float *own = base_alloc_array((size_t)n_films, sizeof *own);
    struct reel_part *own_part = base_alloc_array((size_t)query->n, sizeof *own_part);
    enum reel_status rc =
        own && own_part ? REEL_OK : fail(err, REEL_ENOMEM, "hybrid: explaining a score");
    double left = 0;
    for (int32_t e = 0; e < query->n; e++) {
        part[e] = (struct reel_part){.film = query->film[e]};
    }
    for (int32_t m = 0; m < model->n_members && rc == REEL_OK; m++) {
        const struct reel_model *member = model->member[m];
        float own_rest = 0;
        rc = reel_model_score(member, query, own, err);
        rc = rc ? rc
                : member->class_->explain(member, query, film, own_part, &own_rest, err);
        const struct spread s = rc ? (struct spread){0} : spread_of(own, n_films, query);
        const double scale = s.sd > 0 ? weight_of(model, m, query->n) / s.sd : 0;
        for (int32_t e = 0; e < query->n && scale != 0; e++) {
            part[e].amount += (float)(scale * (double)own_part[e].amount);
        }
        left += scale * ((double)own_rest - s.mean);
    }
    *rest = (float)left;
    base_free(own);
    base_free(own_part);
    return rc;
}

const struct model_class model_hybrid = {
    .info = {"hybrid", "several models, weighted by the length of the history", settings,
             N_SETTINGS},
    .train = train,
    .check = check,
    .score = score,
    .explain = explain,
};
