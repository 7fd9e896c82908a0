/**
 * What to ask a new viewer, and what the answers say.
 *
 * Of film a, x_a = (s_a, l_a): was it seen, was it liked. Over the viewers v with weights w_v
 * (all 1 for the list) with means m and covariances C:
 *
 *   score_j = m_lj + C_j,A (C_AA + R I)^-1 (x_A - m_A)          A: the films answered
 *   gain_a  = sum over j of C_j,a (C_aa + R I)^-1 C_a,j         the fall of the variance
 *
 * The question is the film with the largest gain, where viewers who would have answered
 * otherwise count less: w_v = product over the answers of 1 (the same), sqrt(MATCH) (seen,
 * but not liked alike), MATCH (the one saw it, the other did not). So what is asked follows
 * the answers as in a decision tree, without the tree's way of losing viewers at each branch.
 *
 * Sources: Golbandi, Koren, Lempel 2011 (adaptive bootstrapping by decision trees); the
 * soft weights in their place are ours. Ridge regression of all likes on a few answers.
 */
#include "rank_welcome.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_linalg.h"
#include "rank_list.h"
#include "rank_select.h"

#include <math.h>
#include <string.h>

enum { N_TARGETS = 2000 /* most liked films whose variance counts */ };

struct reel_welcome {
    const struct reel_csr *seen, *chosen;
    const uint8_t *mark;
    struct reel_welcome_options opt;
    int32_t step;              /* every so-many-th viewer is looked at */
    int32_t n_viewers;         /* looked at */
    int32_t *n_liked, *n_seen; /* (n_films) */
    int32_t *pool;             /* (n_pool) best known first */
    int32_t *target;           /* (n_targets) */
    int32_t n_pool, n_targets;
};

struct reel_welcome_options reel_welcome_options_default(void)
{
    return (struct reel_welcome_options){.n_pool = 100,
                                         .n_viewers_max = 20000,
                                         .left_out = -1,
                                         .ridge = 0.05,
                                         .match = 0.3};
}

const int32_t *rank_welcome_counts(const struct reel_welcome *welcome, int32_t *n_viewers)
{
    *n_viewers = welcome->n_viewers;
    return welcome->n_liked;
}

static bool is_looked_at(const struct reel_welcome *w, int32_t viewer)
{
    return viewer % w->step == 0 && viewer != w->opt.left_out &&
           w->seen->start[viewer + 1] > w->seen->start[viewer];
}

static bool is_seen(const struct reel_welcome *w, int64_t entry)
{
    return !w->mark || (w->mark[entry] & RANK_SEEN_BITS) != 0;
}

/* ---- making ---- */

static void count_films(struct reel_welcome *w)
{
    for (int32_t v = 0; v < w->seen->n_rows; v++) {
        if (!is_looked_at(w, v)) {
            continue;
        }
        w->n_viewers++;
        for (int64_t e = w->seen->start[v]; e < w->seen->start[v + 1]; e++) {
            w->n_seen[w->seen->col[e]] += is_seen(w, e);
        }
        for (int64_t e = w->chosen->start[v]; e < w->chosen->start[v + 1]; e++) {
            w->n_liked[w->chosen->col[e]]++;
        }
    }
}

/** The films with the largest counts above 0; how many. */
static enum reel_status select_films(const int32_t *count, int32_t n_films, int32_t n_top,
                                     int32_t **out, int32_t *n_out,
                                     struct reel_error *err)
{
    float *score = base_alloc_array((size_t)n_films + 1, sizeof *score);
    *out = base_alloc_array((size_t)n_top + 1, sizeof **out);
    if (!score || !*out) {
        base_free(score);
        return fail(err, REEL_ENOMEM, "out of memory for %d films", n_films);
    }
    for (int32_t f = 0; f < n_films; f++) {
        score[f] = count[f] > 0 ? (float)count[f] : -INFINITY;
    }
    *n_out = rank_select(score, NULL, n_films, n_top < n_films ? n_top : n_films, *out);
    base_free(score);
    return REEL_OK;
}

enum reel_status reel_welcome_create(const struct reel_csr *seen,
                                     const struct reel_csr *chosen, const uint8_t *mark,
                                     const struct reel_welcome_options *opt,
                                     struct reel_welcome **out, struct reel_error *err)
{
    *out = NULL;
    if (seen->n_rows != chosen->n_rows || seen->n_cols != chosen->n_cols ||
        opt->n_pool < 1 || opt->n_viewers_max < 1 || !(opt->ridge > 0) ||
        !(opt->match > 0 && opt->match <= 1)) {
        return fail(err, REEL_EINVAL, "a welcome of %d x %d and %d x %d, %d films",
                    seen->n_rows, seen->n_cols, chosen->n_rows, chosen->n_cols,
                    opt->n_pool);
    }
    if (chosen->start[chosen->n_rows] == 0) {
        return fail(err, REEL_EINVAL, "nobody liked any film yet");
    }
    const size_t n_films = (size_t)seen->n_cols;
    struct reel_welcome *w = base_alloc_zeroed(1, sizeof *w);
    if (!w) {
        return fail(err, REEL_ENOMEM, "out of memory for a welcome");
    }
    *w = (struct reel_welcome){.seen = seen,
                               .chosen = chosen,
                               .mark = mark,
                               .opt = *opt,
                               .step = (seen->n_rows - 1) / opt->n_viewers_max + 1,
                               .n_liked = base_alloc_zeroed(n_films + 1, sizeof(int32_t)),
                               .n_seen = base_alloc_zeroed(n_films + 1, sizeof(int32_t))};
    enum reel_status rc = w->n_liked && w->n_seen
                              ? REEL_OK
                              : fail(err, REEL_ENOMEM, "out of memory for a welcome");
    if (rc == REEL_OK) {
        count_films(w);
        rc =
            select_films(w->n_seen, seen->n_cols, opt->n_pool, &w->pool, &w->n_pool, err);
    }
    rc = rc ? rc
            : select_films(w->n_liked, seen->n_cols, N_TARGETS, &w->target, &w->n_targets,
                           err);
    if (rc) {
        reel_welcome_free(w);
        return rc;
    }
    *out = w;
    return REEL_OK;
}

void reel_welcome_free(struct reel_welcome *welcome)
{
    if (welcome) {
        base_free(welcome->n_liked);
        base_free(welcome->n_seen);
        base_free(welcome->pool);
        base_free(welcome->target);
        base_free(welcome);
    }
}

/* ---- moments ---- */

/**
 * Sums over viewers, weighted: of the answers to `film` and of their products with likes.
 * Row 2 a is "seen" of film a, row 2 a + 1 "liked".
 */
struct moments {
    int32_t n_films, n_columns;
    const int32_t *place;  /* (all films) index among films asked about, -1 */
    const int32_t *column; /* (all films) column of a like, -1: left out; NULL: itself */
    double weight;
    double *mean;        /* (2 n_films) sums, then means */
    double *column_mean; /* (n_columns) */
    float *cross;        /* (2 n_films, n_columns) sums, then covariances */
    double *square;      /* (2 n_films, 2 n_films) likewise, or NULL: not wanted */
    int32_t *row;        /* (2 n_films) rows that are 1 for the viewer at hand */
};

static enum reel_status moments_init(struct moments *m, int32_t n_films,
                                     int32_t n_columns, bool with_square,
                                     struct reel_error *err)
{
    const size_t n = 2 * (size_t)n_films, n_cross = n * (size_t)n_columns;
    m->n_films = n_films;
    m->n_columns = n_columns;
    m->mean = base_alloc_zeroed(n + 1, sizeof *m->mean);
    m->column_mean = base_alloc_zeroed((size_t)n_columns + 1, sizeof *m->column_mean);
    m->cross = base_alloc_zeroed(n_cross + 1, sizeof *m->cross);
    m->square = with_square ? base_alloc_zeroed(n * n + 1, sizeof *m->square) : NULL;
    m->row = base_alloc_array(n + 1, sizeof *m->row);
    return m->mean && m->column_mean && m->cross && m->row && (m->square || !with_square)
               ? REEL_OK
               : fail(err, REEL_ENOMEM, "out of memory for %d questions", n_films);
}

static void moments_release(struct moments *m)
{
    base_free(m->mean);
    base_free(m->column_mean);
    base_free(m->cross);
    base_free(m->square);
    base_free(m->row);
}

/** Rows of the films asked about that are 1 for a viewer. */
static int32_t rows_of(const struct moments *m, const struct reel_welcome *w,
                       int32_t viewer)
{
    int32_t n = 0;
    for (int64_t e = w->seen->start[viewer]; e < w->seen->start[viewer + 1]; e++) {
        if (m->place[w->seen->col[e]] >= 0 && is_seen(w, e)) {
            m->row[n++] = 2 * m->place[w->seen->col[e]];
        }
    }
    for (int64_t e = w->chosen->start[viewer]; e < w->chosen->start[viewer + 1]; e++) {
        if (m->place[w->chosen->col[e]] >= 0) {
            m->row[n++] = 2 * m->place[w->chosen->col[e]] + 1;
        }
    }
    return n;
}

static void moments_add(struct moments *m, const struct reel_welcome *w, int32_t viewer,
                        double weight)
{
    const size_t n_all = 2 * (size_t)m->n_films;
    const int32_t n = rows_of(m, w, viewer);
    m->weight += weight;
    for (int32_t i = 0; i < n; i++) {
        m->mean[m->row[i]] += weight;
        for (int32_t k = 0; m->square && k < n; k++) {
            m->square[(size_t)m->row[i] * n_all + (size_t)m->row[k]] += weight;
        }
    }
    for (int64_t e = w->chosen->start[viewer]; e < w->chosen->start[viewer + 1]; e++) {
        const int32_t film = w->chosen->col[e];
        const int32_t column = m->column ? m->column[film] : film;
        if (column < 0) {
            continue;
        }
        m->column_mean[column] += weight;
        for (int32_t i = 0; i < n; i++) {
            m->cross[(size_t)m->row[i] * (size_t)m->n_columns + (size_t)column] +=
                (float)weight;
        }
    }
}

/** Sums become means and covariances. */
static void moments_finish(struct moments *m)
{
    const size_t n = 2 * (size_t)m->n_films, n_columns = (size_t)m->n_columns;
    const double share = m->weight > 0 ? 1 / m->weight : 0;
    for (size_t c = 0; c < n_columns; c++) {
        m->column_mean[c] *= share;
    }
    for (size_t r = 0; r < n; r++) {
        m->mean[r] *= share;
        for (size_t c = 0; c < n_columns; c++) {
            float *cell = &m->cross[r * n_columns + c];
            *cell = (float)(*cell * share - m->mean[r] * m->column_mean[c]);
        }
    }
    for (size_t i = 0; m->square && i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            double *cell = &m->square[i * n + k];
            *cell = *cell * share - m->mean[i] * m->mean[k];
        }
    }
}

/** Place of every film of `list`, -1 for all others. */
static int32_t *places_make(int32_t n_all, const int32_t *list, int32_t n)
{
    int32_t *place = base_alloc_array((size_t)n_all + 1, sizeof *place);
    for (int32_t f = 0; place && f < n_all; f++) {
        place[f] = -1;
    }
    for (int32_t i = 0; place && i < n; i++) {
        place[list[i]] = i;
    }
    return place;
}

static enum reel_status check_answers(const struct reel_welcome *w,
                                      const struct reel_answer *answer, int32_t n,
                                      struct reel_error *err)
{
    for (int32_t a = 0; a < n; a++) {
        if (answer[a].film < 0 || answer[a].film >= w->seen->n_cols) {
            return fail(err, REEL_EINVAL, "answer %d: film %d of %d", a, answer[a].film,
                        w->seen->n_cols);
        }
    }
    return n < 0 ? fail(err, REEL_EINVAL, "%d answers", n) : REEL_OK;
}

/* ---- what to ask ---- */

/** Answer each viewer would have given to every film answered: kind (n_answers). */
static double weight_of(const struct reel_welcome *w, const struct reel_answer *answer,
                        int32_t n, const int32_t *place, int8_t *kind, int32_t viewer)
{
    double weight = 1;
    memset(kind, REEL_ANSWER_UNKNOWN, (size_t)n);
    for (int64_t e = w->seen->start[viewer]; e < w->seen->start[viewer + 1]; e++) {
        const int32_t a = place[w->seen->col[e]];
        if (a >= 0 && is_seen(w, e)) {
            kind[a] = REEL_ANSWER_SEEN;
        }
    }
    for (int64_t e = w->chosen->start[viewer]; e < w->chosen->start[viewer + 1]; e++) {
        if (place[w->chosen->col[e]] >= 0) {
            kind[place[w->chosen->col[e]]] = REEL_ANSWER_LIKED;
        }
    }
    for (int32_t a = 0; a < n; a++) {
        const bool both_saw =
            kind[a] != REEL_ANSWER_UNKNOWN && answer[a].kind != REEL_ANSWER_UNKNOWN;
        weight *= kind[a] == (int8_t)answer[a].kind ? 1
                  : both_saw                        ? sqrt(w->opt.match)
                                                    : w->opt.match;
    }
    return weight;
}

/** What asking film `a` of the pool would tell. */
static double gain_of(const struct moments *m, int32_t a, double ridge)
{
    const float *seen = m->cross + 2 * (size_t)a * (size_t)m->n_columns;
    const float *liked = seen + m->n_columns;
    const double p_seen = m->mean[2 * a], p_liked = m->mean[2 * a + 1];
    // Who liked it saw it: the covariance of both is known from the means.
    const double ss = p_seen * (1 - p_seen) + ridge;
    const double ll = p_liked * (1 - p_liked) + ridge;
    const double sl = p_liked * (1 - p_seen);
    double c_ss = 0, c_ll = 0, c_sl = 0;
    for (int32_t j = 0; j < m->n_columns; j++) {
        c_ss += (double)seen[j] * (double)seen[j];
        c_ll += (double)liked[j] * (double)liked[j];
        c_sl += (double)seen[j] * (double)liked[j];
    }
    return (ll * c_ss - 2 * sl * c_sl + ss * c_ll) / (ss * ll - sl * sl);
}

enum reel_status reel_welcome_next(const struct reel_welcome *w,
                                   const struct reel_answer *answer, int32_t n_answers,
                                   int32_t *film, struct reel_error *err)
{
    *film = -1;
    enum reel_status rc = check_answers(w, answer, n_answers, err);
    if (rc) {
        return rc;
    }
    const int32_t n_films = w->seen->n_cols;
    int32_t *answered = base_alloc_array((size_t)n_answers + 1, sizeof *answered);
    int8_t *kind = base_alloc_array((size_t)n_answers + 1, 1);
    for (int32_t a = 0; answered && a < n_answers; a++) {
        answered[a] = answer[a].film;
    }
    int32_t *place = answered ? places_make(n_films, answered, n_answers) : NULL;
    int32_t *pool = places_make(n_films, w->pool, w->n_pool);
    int32_t *target = places_make(n_films, w->target, w->n_targets);
    struct moments m = {.place = pool, .column = target};
    rc = kind && place && pool && target
             ? moments_init(&m, w->n_pool, w->n_targets, false, err)
             : fail(err, REEL_ENOMEM, "out of memory for a question");
    if (rc == REEL_OK) {
        for (int32_t v = 0; v < w->seen->n_rows; v++) {
            if (is_looked_at(w, v)) {
                moments_add(&m, w, v, weight_of(w, answer, n_answers, place, kind, v));
            }
        }
        moments_finish(&m);
        double most = -INFINITY;
        for (int32_t a = 0; a < w->n_pool; a++) {
            const double gain =
                place[w->pool[a]] < 0 ? gain_of(&m, a, w->opt.ridge) : -INFINITY;
            if (gain > most) {
                most = gain;
                *film = w->pool[a];
            }
        }
    }
    moments_release(&m);
    base_free(answered);
    base_free(kind);
    base_free(place);
    base_free(pool);
    base_free(target);
    return rc;
}

/* ---- what the answers say ---- */

/** weight (2 n) = (C + R I)^-1 (x - mean), from the lower triangle of the inverse. */
static enum reel_status solve_answers(const struct rank_newcomer *newcomer,
                                      const struct moments *m, double *weight,
                                      struct reel_error *err)
{
    const size_t n = 2 * (size_t)newcomer->n_answers;
    float *a = base_alloc_array(n * n + 1, sizeof *a);
    double *x = base_alloc_array(n + 1, sizeof *x);
    enum reel_status rc =
        a && x ? REEL_OK : fail(err, REEL_ENOMEM, "out of memory for answers");
    if (rc == REEL_OK) {
        for (size_t i = 0; i < n; i++) {
            const enum reel_answer_kind kind = newcomer->answer[i / 2].kind;
            x[i] =
                (i % 2 == 0 ? kind != REEL_ANSWER_UNKNOWN : kind == REEL_ANSWER_LIKED) -
                m->mean[i];
            for (size_t k = 0; k < n; k++) {
                a[i * n + k] = (float)(m->square[i * n + k] +
                                       (i == k ? newcomer->welcome->opt.ridge : 0));
            }
        }
        rc = n > 0 ? base_invert_spd(a, n, err) : REEL_OK;
    }
    for (size_t i = 0; rc == REEL_OK && i < n; i++) {
        weight[i] = 0;
        for (size_t k = 0; k < n; k++) {
            weight[i] += (double)(k <= i ? a[i * n + k] : a[k * n + i]) * x[k];
        }
    }
    base_free(a);
    base_free(x);
    return rc;
}

static void fill_parts(struct rank_newcomer *newcomer, const struct moments *m,
                       const double *weight)
{
    const size_t n_films = (size_t)m->n_columns;
    for (int32_t a = 0; a < newcomer->n_answers; a++) {
        const float *seen = m->cross + 2 * (size_t)a * n_films, *liked = seen + n_films;
        for (size_t f = 0; f < n_films; f++) {
            newcomer->part[(size_t)a * n_films + f] =
                (float)(weight[2 * a] * (double)seen[f] +
                        weight[2 * a + 1] * (double)liked[f]);
        }
    }
}

enum reel_status rank_newcomer_init(struct rank_newcomer *newcomer,
                                    const struct reel_welcome *w,
                                    const struct reel_answer *answer, int32_t n_answers,
                                    struct reel_error *err)
{
    *newcomer =
        (struct rank_newcomer){.welcome = w, .answer = answer, .n_answers = n_answers};
    enum reel_status rc = check_answers(w, answer, n_answers, err);
    if (rc) {
        return rc;
    }
    const size_t n_films = (size_t)w->seen->n_cols, n = (size_t)n_answers;
    int32_t *answered = base_alloc_array(n + 1, sizeof *answered);
    double *weight = base_alloc_zeroed(2 * n + 1, sizeof *weight);
    newcomer->part = base_alloc_zeroed(n * n_films + 1, sizeof *newcomer->part);
    for (int32_t a = 0; answered && a < n_answers; a++) {
        answered[a] = answer[a].film;
    }
    int32_t *place = answered ? places_make(w->seen->n_cols, answered, n_answers) : NULL;
    struct moments m = {.place = place};
    rc = place && weight && newcomer->part
             ? moments_init(&m, n_answers, w->seen->n_cols, true, err)
             : fail(err, REEL_ENOMEM, "out of memory for %d answers", n_answers);
    if (rc == REEL_OK && n_answers > 0) {
        for (int32_t v = 0; v < w->seen->n_rows; v++) {
            if (is_looked_at(w, v)) {
                moments_add(&m, w, v, 1);
            }
        }
        moments_finish(&m);
        rc = solve_answers(newcomer, &m, weight, err);
    }
    if (rc == REEL_OK) {
        fill_parts(newcomer, &m, weight);
    } else {
        rank_newcomer_release(newcomer);
    }
    moments_release(&m);
    base_free(answered);
    base_free(weight);
    base_free(place);
    return rc;
}

void rank_newcomer_release(struct rank_newcomer *newcomer)
{
    base_free(newcomer->part);
    *newcomer = (struct rank_newcomer){0};
}

static float mean_liked(const struct reel_welcome *w, int32_t film)
{
    return w->n_viewers > 0 ? (float)w->n_liked[film] / (float)w->n_viewers : 0;
}

static enum reel_status newcomer_score(const void *self, const struct reel_query *query,
                                       float *score, struct reel_error *err)
{
    const struct rank_newcomer *n = self;
    const size_t n_films = (size_t)n->welcome->seen->n_cols;
    (void)query, (void)err;
    for (size_t f = 0; f < n_films; f++) {
        score[f] = mean_liked(n->welcome, (int32_t)f);
        for (int32_t a = 0; a < n->n_answers; a++) {
            score[f] += n->part[(size_t)a * n_films + f];
        }
    }
    return REEL_OK;
}

/** Liked films are parts; the rest is told by explain_rest. */
static enum reel_status newcomer_explain(const void *self, const struct reel_query *query,
                                         int32_t film, struct reel_part *part,
                                         int32_t *n_parts, float *score, float *rest,
                                         struct reel_error *err)
{
    const struct rank_newcomer *n = self;
    const size_t n_films = (size_t)n->welcome->seen->n_cols;
    (void)err;
    *n_parts = 0;
    *rest = *score = mean_liked(n->welcome, film);
    for (int32_t a = 0; a < n->n_answers; a++) {
        const float amount = n->part[(size_t)a * n_films + (size_t)film];
        *score += amount;
        if (n->answer[a].kind == REEL_ANSWER_LIKED && *n_parts < query->n) {
            part[(*n_parts)++] = (struct reel_part){n->answer[a].film, amount};
        } else {
            *rest += amount;
        }
    }
    return REEL_OK;
}

static int32_t newcomer_explain_rest(const void *self, int32_t film,
                                     struct reel_reason *out)
{
    const struct rank_newcomer *n = self;
    const size_t n_films = (size_t)n->welcome->seen->n_cols;
    double others = 0;
    int32_t n_others = 0;
    for (int32_t a = 0; a < n->n_answers; a++) {
        if (n->answer[a].kind != REEL_ANSWER_LIKED) {
            others += (double)n->part[(size_t)a * n_films + (size_t)film];
            n_others++;
        }
    }
    if (n_others > 0) {
        out[0] = (struct reel_reason){
            .kind = REEL_REASON_ANSWER, .film = -1, .n = n_others, .amount = others};
    }
    out[n_others > 0] =
        (struct reel_reason){.kind = REEL_REASON_POPULARITY,
                             .film = -1,
                             .amount = (double)mean_liked(n->welcome, film)};
    return 1 + (n_others > 0);
}

struct rank_source rank_newcomer_source(const struct rank_newcomer *newcomer,
                                        const int64_t *film_key)
{
    return (struct rank_source){.self = newcomer,
                                .n_films = newcomer->welcome->seen->n_cols,
                                .n_viewers = newcomer->welcome->n_viewers,
                                .rest_kind = REEL_REASON_POPULARITY,
                                .film_key = film_key,
                                .score = newcomer_score,
                                .explain = newcomer_explain,
                                .explain_rest = newcomer_explain_rest};
}

enum reel_status reel_welcome_score(const struct reel_welcome *welcome,
                                    const struct reel_answer *answer, int32_t n_answers,
                                    float *score, struct reel_error *err)
{
    struct rank_newcomer newcomer;
    enum reel_status rc = rank_newcomer_init(&newcomer, welcome, answer, n_answers, err);
    if (rc == REEL_OK) {
        rc = newcomer_score(&newcomer, NULL, score, err);
        rank_newcomer_release(&newcomer);
    }
    return rc;
}

enum reel_status reel_list_make_newcomer(const struct reel_welcome *welcome,
                                         const struct reel_answer *answer,
                                         int32_t n_answers,
                                         const struct reel_film_table *films,
                                         const struct reel_viewer_state *viewer,
                                         const struct reel_list_options *opt,
                                         struct reel_list *out, struct reel_error *err)
{
    struct rank_newcomer newcomer;
    struct reel_list_options own = *opt;
    *out = (struct reel_list){0};
    if (films->n_films != welcome->seen->n_cols) {
        return fail(err, REEL_EINVAL, "%d films in the table, %d in the welcome",
                    films->n_films, welcome->seen->n_cols);
    }
    enum reel_status rc = rank_newcomer_init(&newcomer, welcome, answer, n_answers, err);
    if (rc == REEL_OK) {
        const struct rank_source source = rank_newcomer_source(&newcomer, films->key);
        own.n_chosen = rank_welcome_counts(welcome, &own.n_viewers);
        rc = rank_list_make(&source, films, viewer, &own, out, err);
        rank_newcomer_release(&newcomer);
    }
    return rc;
}
