/**
 * The viewer's side of taste, and how its terms are weighed.
 *
 *   choices   x = B^-1 sum t_i y_i,   B = G + sum w_i y_i y_i^T + l I       (model_als.c)
 *   ratings   z = C^-1 sum r_i m_i,   C = sum m_i m_i^T + pull I
 *   words     w = 5 / (5 + n_chosen) sum a_n p_n / (sum |a_n| + 1)
 *
 * y_i learned vectors, m_i places as the map gives them with film i held out, r_i stars
 * beyond what viewer and film explain; p_n where the map puts text n beside a text of which
 * nothing is known, a_n whether it speaks of what is liked. For a pair that is known the terms are computed
 * without it, in closed form:
 *
 *   x without i:  B' = B - w y y^T    by Sherman and Morrison
 *   z without i:  m . z' = (m . z - h r) / (1 - h),   h = m^T C^-1 m
 *   w without i:  the texts about film i left out
 *
 * so that weights are learned on what a new film would show, without training twice.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_linalg.h"
#include "base_rng.h"
#include "model_taste.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/** Stars of an unknown viewer count as if they had given this many of the mean. */
#define LENIENCY_DAMP 5.0

enum reel_status taste_side_init(struct taste_side *side, size_t k,
                                 struct reel_error *err)
{
    *side = (struct taste_side){0};
    side->memory = base_alloc_zeroed(2 * k * k + 5 * k, sizeof *side->memory);
    if (!side->memory) {
        return fail(err, REEL_ENOMEM, "taste: a viewer of %zu factors", k);
    }
    side->x_inverse = side->memory;
    side->z_inverse = side->x_inverse + k * k;
    side->x = side->z_inverse + k * k;
    side->z = side->x + k;
    side->chosen_sum = side->z + k;
    side->rated_sum = side->chosen_sum + k;
    side->w = side->rated_sum + k;
    return REEL_OK;
}

void taste_side_release(struct taste_side *side)
{
    base_free(side->memory);
    *side = (struct taste_side){0};
}

static float dot(const float *a, const float *b, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

// out (k) = a (k, k) x
static void times(const float *a, const float *x, size_t k, float *out)
{
    for (size_t i = 0; i < k; i++) {
        out[i] = dot(a + i * k, x, k);
    }
}

static void add_outer(float *a, const float *x, float w, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j <= i; j++) {
            a[i * k + j] += w * x[i] * x[j];
        }
    }
}

static enum reel_status invert(float *a, size_t k, float pull, struct reel_error *err)
{
    for (size_t i = 0; i < k; i++) {
        a[i * k + i] += pull;
    }
    const enum reel_status rc = base_invert_spd(a, k, err);
    for (size_t i = 0; i < k; i++) {
        for (size_t j = i + 1; j < k; j++) {
            a[i * k + j] = a[j * k + i];
        }
    }
    return rc;
}

static const float *mapped_place(const struct reel_model *model, int32_t film)
{
    return model_floats(model, MODEL_TASTE_MAPPED) +
           (size_t)film * (size_t)taste_n_targets(model);
}

static const float *learned_place(const struct reel_model *model, int32_t film)
{
    return model_floats(model, MODEL_FILM_VECTORS) +
           (size_t)film * (size_t)model->header->n_factors;
}

/** Stars of one rating beyond what this viewer and this film explain. */
static float residual(const struct reel_model *model, float leniency, int32_t film,
                      float stars)
{
    return stars - taste_numbers(model)->mean_stars - leniency -
           model_floats(model, MODEL_TASTE_QUALITY)[film];
}

static enum reel_status solve_chosen(const struct reel_model *model,
                                     const struct reel_query *chosen,
                                     struct taste_side *side, struct reel_error *err)
{
    const size_t k = (size_t)model->header->n_factors;
    const struct taste_params p = taste_params_read(model->header->setting);
    memcpy(side->x_inverse, model_floats(model, MODEL_GRAM), k * k * sizeof(float));
    memset(side->chosen_sum, 0, k * sizeof(float));
    for (int32_t i = 0; i < chosen->n; i++) {
        const float v = chosen->value ? chosen->value[i] : 1;
        const float *y = learned_place(model, chosen->film[i]);
        const float t = taste_choice_target(&p, v);
        add_outer(side->x_inverse, y, taste_choice_weight(&p, v), k);
        for (size_t f = 0; f < k; f++) {
            side->chosen_sum[f] += t * y[f];
        }
    }
    const float pull = (float)(p.regularization > 1e-6 ? p.regularization : 1e-6);
    const enum reel_status rc = invert(side->x_inverse, k, pull, err);
    if (rc == REEL_OK) {
        times(side->x_inverse, side->chosen_sum, k, side->x);
    }
    return rc;
}

static enum reel_status solve_rated(const struct reel_model *model,
                                    const struct reel_query *rated,
                                    struct taste_side *side, struct reel_error *err)
{
    const size_t k = (size_t)model->header->n_factors;
    const struct taste_numbers *numbers = taste_numbers(model);
    side->stars_sum = 0;
    side->leniency = 0;
    memset(side->z, 0, k * sizeof *side->z);
    memset(side->z_inverse, 0, k * k * sizeof *side->z_inverse);
    if (!rated || rated->n == 0 || numbers->mean_stars == 0) {
        return REEL_OK;
    }
    assert(rated->value);
    for (int32_t i = 0; i < rated->n; i++) {
        side->stars_sum += (double)rated->value[i] - numbers->mean_stars;
    }
    side->leniency = (float)(side->stars_sum / (rated->n + LENIENCY_DAMP));
    float *sum = side->rated_sum;
    memset(sum, 0, k * sizeof *sum);
    for (int32_t i = 0; i < rated->n; i++) {
        const float *m = mapped_place(model, rated->film[i]);
        const float r = residual(model, side->leniency, rated->film[i], rated->value[i]);
        add_outer(side->z_inverse, m, 1, k);
        for (size_t f = 0; f < k; f++) {
            sum[f] += r * m[f];
        }
    }
    const enum reel_status rc = invert(side->z_inverse, k, numbers->pull, err);
    if (rc == REEL_OK) {
        times(side->z_inverse, sum, k, side->z);
    }
    return rc;
}

enum reel_status taste_words_place(const struct reel_model *model,
                                   const struct reel_words *words, float **place,
                                   struct reel_error *err)
{
    const size_t k = (size_t)model->header->n_factors,
                 n_targets = (size_t)taste_n_targets(model);
    const struct model_block *spec = (void *)model_floats(model, MODEL_TASTE_BLOCKS);
    const float *map = model_floats(model, MODEL_TASTE_MAP);
    struct model_rows rows = {0};
    *place = NULL;
    enum reel_status rc =
        model_rows_make(spec, (int32_t)model->header->section[MODEL_TASTE_BLOCKS].n_items,
                        model_floats(model, MODEL_TASTE_CENTRE), words->block,
                        words->n_blocks, words->n, &rows, err);
    float *target = base_alloc_array(n_targets, sizeof *target);
    float *out = base_alloc_array((size_t)words->n * k + 1, sizeof *out);
    if (rc == REEL_OK && (!target || !out)) {
        rc = fail(err, REEL_ENOMEM, "taste: %d texts of viewers", words->n);
    }
    for (int32_t i = 0; rc == REEL_OK && i < words->n; i++) {
        memset(target, 0, n_targets * sizeof *target);
        for (int32_t b = 0; b < rows.n_blocks; b++) {
            model_rows_project(&rows, b, i, map + (size_t)spec[b].first_col * n_targets,
                               (int32_t)n_targets, target);
        }
        memcpy(out + (size_t)i * k, target, k * sizeof *out);
    }
    model_rows_release(&rows);
    base_free(target);
    if (rc) {
        base_free(out);
    } else {
        *place = out;
    }
    return rc;
}

void taste_words_mean(const struct taste_wrote *wrote, size_t k, int32_t film, float *w)
{
    const struct reel_words *words = wrote->words;
    float total = TASTE_WORDS_DAMP;
    memset(w, 0, k * sizeof *w);
    for (int32_t i = wrote->begin; i < wrote->end; i++) {
        if (film >= 0 && words->film && words->film[i] == film) {
            continue;
        }
        total += fabsf(words->weight[i]);
        for (size_t f = 0; f < k; f++) {
            w[f] += words->weight[i] * wrote->place[(size_t)i * k + f];
        }
    }
    const float share =
        TASTE_WORDS_HISTORY / (TASTE_WORDS_HISTORY + (float)wrote->n_chosen);
    for (size_t f = 0; f < k; f++) {
        w[f] *= share / total;
    }
}

static enum reel_status solve_words(const struct reel_model *model,
                                    const struct reel_query *chosen,
                                    struct taste_side *side, struct reel_error *err)
{
    const struct reel_words *words = chosen->words;
    const size_t k = (size_t)model->header->n_factors;
    memset(side->w, 0, k * sizeof *side->w);
    if (!words || words->n == 0) {
        return REEL_OK;
    }
    float *place;
    const enum reel_status rc = taste_words_place(model, words, &place, err);
    if (rc == REEL_OK) {
        const struct taste_wrote wrote = {words, place, 0, words->n, chosen->n};
        taste_words_mean(&wrote, k, -1, side->w);
        base_free(place);
    }
    return rc;
}

enum reel_status taste_side_solve(const struct reel_model *model,
                                  const struct reel_query *chosen,
                                  const struct reel_query *rated, struct taste_side *side,
                                  struct reel_error *err)
{
    enum reel_status rc = solve_chosen(model, chosen, side, err);
    rc = rc ? rc : solve_rated(model, rated, side, err);
    return rc ? rc : solve_words(model, chosen, side, err);
}

/* ---- how terms weigh ---- */

/** Pairs of viewer and film, as a regression wants them. */
struct pairs {
    float *x;     /* (room, TASTE_N_TERMS) */
    float *y, *w; /* (room) */
    float *more;  /* (room, TASTE_N_MORE): of what is known beyond the map */
    float *stars; /* (room); rated pairs only */
    int64_t n, room;
};

static void pairs_release(struct pairs *pairs)
{
    base_free(pairs->x);
    base_free(pairs->y);
    base_free(pairs->w);
    base_free(pairs->more);
    base_free(pairs->stars);
}

static bool pairs_grow(struct pairs *pairs, int64_t n_more)
{
    if (pairs->n + n_more <= pairs->room) {
        return true;
    }
    const size_t room = (size_t)(2 * (pairs->n + n_more));
    float *x = base_realloc_array(pairs->x, room * TASTE_N_TERMS, sizeof *x);
    pairs->x = x ? x : pairs->x;
    float *y = base_realloc_array(pairs->y, room, sizeof *y);
    pairs->y = y ? y : pairs->y;
    float *w = base_realloc_array(pairs->w, room, sizeof *w);
    pairs->w = w ? w : pairs->w;
    float *more = base_realloc_array(pairs->more, room * TASTE_N_MORE, sizeof *more);
    pairs->more = more ? more : pairs->more;
    float *stars = base_realloc_array(pairs->stars, room, sizeof *stars);
    pairs->stars = stars ? stars : pairs->stars;
    if (!x || !y || !w || !more || !stars) {
        return false;
    }
    pairs->room = (int64_t)room;
    return true;
}

static void push(struct pairs *pairs, const float *term, const float *more, float y,
                 float w, float stars)
{
    memcpy(pairs->more + pairs->n * TASTE_N_MORE, more, TASTE_N_MORE * sizeof *more);
    memcpy(pairs->x + pairs->n * TASTE_N_TERMS, term, TASTE_N_TERMS * sizeof *term);
    pairs->y[pairs->n] = y;
    pairs->w[pairs->n] = w;
    pairs->stars[pairs->n++] = stars;
}

struct stack {
    const struct reel_model *model;
    const struct reel_training *data;
    const struct taste_films *known;
    const int32_t *film; /* (n) those films */
    int32_t n;
    struct taste_side side;
    struct pairs all, rated; /* both with TASTE_N_TERMS inputs */
    float *desk;             /* (2, k) */
    double dislike;
    float *words_place;       /* (words, k) or NULL */
    struct taste_wrote wrote; /* of this viewer */
};

float taste_chosen_without(const struct reel_model *model, const struct taste_side *side,
                           int32_t film, float v, const float *m, float *desk)
{
    const size_t k = (size_t)model->header->n_factors;
    const struct taste_params p = taste_params_read(model->header->setting);
    const float w = taste_choice_weight(&p, v), t = taste_choice_target(&p, v);
    const float *y = learned_place(model, film);
    float *by = desk, *bm = desk + k;
    times(side->x_inverse, y, k, by);
    times(side->x_inverse, m, k, bm);
    const float h = dot(y, by, k), cross = dot(y, bm, k);
    const float straight = dot(side->chosen_sum, bm, k) - t * cross;
    const float along = dot(side->chosen_sum, by, k) - t * h;
    return straight + w * along * cross / (1 - w * h);
}

/**
 * z . m and leniency for a film the viewer rated, as if they had not; the residuals of their
 * other ratings keep the leniency that this one is part of.
 */
static void rated_without(const struct stack *s, int32_t n_rated, int32_t film,
                          float stars, const float *m, float *term)
{
    const size_t k = (size_t)s->model->header->n_factors;
    const float r = residual(s->model, s->side.leniency, film, stars);
    times(s->side.z_inverse, m, k, s->desk);
    const float h = dot(m, s->desk, k);
    term[TASTE_RATED] = (dot(m, s->side.z, k) - h * r) / (1 - h);
    const double beyond = (double)stars - taste_numbers(s->model)->mean_stars;
    term[TASTE_LENIENCY] =
        (float)((s->side.stars_sum - beyond) / (n_rated - 1 + LENIENCY_DAMP));
}

/** w . m without what the viewer wrote about that very film. */
static float wrote_without(const struct stack *s, int32_t film, const float *m)
{
    const size_t k = (size_t)s->model->header->n_factors;
    for (int32_t i = s->wrote.begin; i < s->wrote.end; i++) {
        if (s->wrote.words->film[i] == film) {
            taste_words_mean(&s->wrote, k, film, s->desk);
            return dot(s->desk, m, k);
        }
    }
    return dot(s->side.w, m, k);
}

/** The texts of one viewer, and their mean into s->side.w. */
static void find_words(struct stack *s, int32_t viewer, int32_t n_chosen)
{
    const struct reel_words *words = s->data->words;
    struct taste_wrote *wrote = &s->wrote;
    if (!words || !s->words_place) {
        return;
    }
    *wrote = (struct taste_wrote){words, s->words_place, wrote->end, 0, n_chosen};
    while (wrote->begin < words->n && words->viewer[wrote->begin] < viewer) {
        wrote->begin++;
    }
    wrote->end = wrote->begin;
    while (wrote->end < words->n && words->viewer[wrote->end] == viewer) {
        wrote->end++;
    }
    taste_words_mean(wrote, (size_t)s->model->header->n_factors, -1, s->side.w);
}

static void terms(const struct stack *s, int32_t film, const struct reel_query *chosen,
                  int64_t at_chosen, const struct reel_query *rated, int64_t at_rated,
                  float *term)
{
    const size_t k = (size_t)s->model->header->n_factors;
    const float *m = mapped_place(s->model, film);
    term[TASTE_ONE] = 1;
    term[TASTE_LENIENCY] = s->side.leniency;
    term[TASTE_QUALITY] = m[k];
    term[TASTE_POPULARITY] = m[k + 1];
    term[TASTE_CHOSEN] =
        at_chosen < 0 ? dot(s->side.x, m, k)
                      : taste_chosen_without(s->model, &s->side, film,
                                             chosen->value ? chosen->value[at_chosen] : 1,
                                             m, s->desk);
    term[TASTE_RATED] = dot(s->side.z, m, k);
    term[TASTE_WROTE] = 0; // weighed apart: fit_words
    if (at_rated >= 0) {
        assert(rated->value);
        rated_without(s, rated->n, film, rated->value[at_rated], m, term);
    }
}

/** What is known of a film beyond the map, had this viewer not rated it. */
static void more_terms(const struct stack *s, int32_t film, float stars, bool is_liked,
                       float *more)
{
    const size_t k = (size_t)s->model->header->n_factors;
    const struct taste_films *known = s->known;
    const float *m = mapped_place(s->model, film);
    const float n = known->n_events[film] - 1, n_rated = known->n_rated[film];
    const float share = n / (n + TASTE_TRUST);
    const float beyond = stars - taste_numbers(s->model)->mean_stars - s->side.leniency;
    const float excess =
        n_rated > 1 ? (known->excess[film] * n_rated - beyond) / (n_rated - 1) : m[k];
    const float popularity =
        logf(fmaxf(expf(known->popularity[film]) - (float)is_liked, 1));
    more[0] = share * (excess - m[k]);
    more[1] = share * (popularity - m[k + 1]);
    more[2] = share;
}

static struct reel_query row_of(const struct reel_csr *m, int32_t row)
{
    if (!m) {
        return (struct reel_query){0};
    }
    return (struct reel_query){.film = m->col + m->start[row],
                               .value = m->value ? m->value + m->start[row] : NULL,
                               .n = (int32_t)(m->start[row + 1] - m->start[row])};
}

/** Where `film` is in an ascending history, walking on from *at; -1 when it is not. */
static int64_t walk_to(const struct reel_query *query, int32_t *at, int32_t film)
{
    while (*at < query->n && query->film[*at] < film) {
        (*at)++;
    }
    return *at < query->n && query->film[*at] == film ? *at : -1;
}

/** All pairs of one viewer; films that are neither chosen nor rated with chance `share`. */
static enum reel_status add_viewer(struct stack *s, int32_t viewer, double share,
                                   struct base_rng *rng, struct reel_error *err)
{
    const struct reel_query chosen = row_of(&s->data->chosen, viewer);
    const struct reel_query rated = row_of(s->data->rated, viewer);
    if (!pairs_grow(&s->all, s->n) || !pairs_grow(&s->rated, rated.n)) {
        return fail(err, REEL_ENOMEM, "taste: pairs of %d viewers", viewer + 1);
    }
    const enum reel_status rc = taste_side_solve(
        s->model, &chosen, s->data->rated ? &rated : NULL, &s->side, err);
    if (rc) {
        return rc;
    }
    int32_t in_chosen = 0, in_rated = 0;
    for (int32_t i = 0; i < s->n; i++) {
        const int64_t at_chosen = walk_to(&chosen, &in_chosen, s->film[i]);
        const int64_t at_rated = walk_to(&rated, &in_rated, s->film[i]);
        const bool is_other = at_chosen < 0 && at_rated < 0;
        if (is_other && base_rng_double(rng) >= share) {
            continue;
        }
        float term[TASTE_N_TERMS];
        terms(s, s->film[i], &chosen, at_chosen, &rated, at_rated, term);
        const float is_liked = at_chosen >= 0;
        float more[TASTE_N_MORE] = {0};
        push(&s->all, term, more, is_liked,
             (float)(is_other         ? 1 / share
                     : at_chosen >= 0 ? 1
                                      : s->dislike),
             0);
        if (at_rated >= 0) {
            more_terms(s, s->film[i], rated.value[at_rated], at_chosen >= 0, more);
            push(&s->rated, term, more, is_liked, 1, rated.value[at_rated]);
        }
    }
    return REEL_OK;
}

/** Viewers and pairs are sampled beyond these: weights of six terms need no more. */
enum { VIEWERS_MAX = 20000, OTHERS_MAX = 500000 };

static enum reel_status gather(struct stack *s, uint64_t seed, struct reel_error *err)
{
    const int32_t n_viewers = s->data->chosen.n_rows;
    const int32_t step = (n_viewers + VIEWERS_MAX - 1) / VIEWERS_MAX;
    const int32_t n_sampled = (n_viewers + step - 1) / step;
    const double n_pairs = (double)s->n * n_sampled;
    const double share = n_pairs > OTHERS_MAX ? OTHERS_MAX / n_pairs : 1;
    struct base_rng rng;
    base_rng_init(&rng, seed, 2);
    enum reel_status rc = REEL_OK;
    for (int32_t v = 0; rc == REEL_OK && v < n_viewers; v += step) {
        rc = add_viewer(s, v, share, &rng, err);
    }
    return rc;
}

/**
 * What words are worth shows where nothing else is known: pairs of a viewer who wrote, as if
 * they had neither chosen nor rated anything, with what the other terms say as their offset.
 */
enum { WRITERS_MAX = 2000 };

static enum reel_status add_writer(struct stack *s, const struct taste_numbers *numbers,
                                   int32_t viewer, struct reel_error *err)
{
    const struct reel_query chosen = row_of(&s->data->chosen, viewer);
    const struct reel_query rated = row_of(s->data->rated, viewer);
    const struct reel_query nothing = {0};
    const enum reel_status rc = taste_side_solve(s->model, &nothing, NULL, &s->side, err);
    find_words(s, viewer, 0);
    if (rc || s->wrote.begin == s->wrote.end) {
        return rc;
    }
    if (!pairs_grow(&s->all, s->n) || !pairs_grow(&s->rated, rated.n)) {
        return fail(err, REEL_ENOMEM, "taste: pairs of %d viewers", viewer + 1);
    }
    int32_t in_chosen = 0, in_rated = 0;
    for (int32_t i = 0; i < s->n; i++) {
        const int64_t at_chosen = walk_to(&chosen, &in_chosen, s->film[i]);
        const int64_t at_rated = walk_to(&rated, &in_rated, s->film[i]);
        float term[TASTE_N_TERMS];
        const float is_liked = at_chosen >= 0;
        const float more[TASTE_N_MORE] = {
            1, wrote_without(s, s->film[i], mapped_place(s->model, s->film[i]))};
        terms(s, s->film[i], &nothing, -1, &nothing, -1, term);
        push(&s->all, term, more, is_liked,
             at_rated >= 0 && at_chosen < 0 ? (float)s->dislike : 1,
             dot(term, numbers->score, TASTE_N_TERMS));
        if (at_rated >= 0) {
            push(&s->rated, term, more, is_liked, 1,
                 dot(term, numbers->p_like, TASTE_N_TERMS));
        }
    }
    return REEL_OK;
}

static enum reel_status weigh_words(const struct pairs *pairs, float *weight,
                                    struct reel_error *err)
{
    float found[TASTE_N_MORE] = {0};
    const enum reel_status rc =
        pairs->n > 0 ? model_logistic_fit(pairs->more, pairs->y, pairs->w, pairs->stars,
                                          pairs->n, TASTE_N_MORE, 1e-3, found, err)
                     : REEL_OK;
    weight[TASTE_WROTE] = found[1] > 0 ? found[1] : 0;
    return rc;
}

static enum reel_status fit_words(struct stack *s, struct taste_numbers *numbers,
                                  struct reel_error *err)
{
    const struct reel_words *words = s->data->words;
    numbers->score[TASTE_WROTE] = numbers->p_like[TASTE_WROTE] = 0;
    if (!words || words->n == 0) {
        return REEL_OK;
    }
    enum reel_status rc = taste_words_place(s->model, words, &s->words_place, err);
    int32_t n_writers = 0;
    s->all.n = s->rated.n = 0;
    for (int32_t i = 0; rc == REEL_OK && i < words->n && n_writers < WRITERS_MAX; i++) {
        if (i == 0 || words->viewer[i] != words->viewer[i - 1]) {
            rc = add_writer(s, numbers, words->viewer[i], err);
            n_writers++;
        }
    }
    rc = rc ? rc : weigh_words(&s->all, numbers->score, err);
    return rc ? rc : weigh_words(&s->rated, numbers->p_like, err);
}

/** Weights of liking: first as of new films, then what is known of a film beside them. */
static enum reel_status fit_liking(struct pairs *rated, struct taste_numbers *numbers,
                                   struct reel_error *err)
{
    enum reel_status rc = model_logistic_fit(rated->x, rated->y, rated->w, NULL, rated->n,
                                             TASTE_N_TERMS, 1e-3, numbers->p_like, err);
    for (int64_t i = 0; rc == REEL_OK && i < rated->n; i++) {
        rated->w[i] = dot(rated->x + i * TASTE_N_TERMS, numbers->p_like, TASTE_N_TERMS);
    }
    rc = rc ? rc
            : model_logistic_fit(rated->more, rated->y, NULL, rated->w, rated->n,
                                 TASTE_N_MORE, 1e-3, numbers->more, err);
    return rc ? rc
              : model_isotonic_fit(rated->w, rated->stars, rated->n, &numbers->stars,
                                   err);
}

enum reel_status taste_stack_train(struct reel_model *model,
                                   const struct reel_training *data,
                                   const struct taste_films *known, const int32_t *film,
                                   int32_t n, double dislike, uint64_t seed,
                                   struct reel_error *err)
{
    struct taste_numbers *numbers = (void *)model_floats(model, MODEL_TASTE_NUMBERS);
    const size_t k = (size_t)model->header->n_factors;
    struct stack s = {.model = model,
                      .data = data,
                      .known = known,
                      .film = film,
                      .n = n,
                      .dislike = dislike};
    enum reel_status rc = taste_side_init(&s.side, k, err);
    s.desk = base_alloc_array(2 * k, sizeof *s.desk);
    if (rc == REEL_OK && !s.desk) {
        rc = fail(err, REEL_ENOMEM, "taste: a viewer of %zu factors", k);
    }
    rc = rc ? rc : gather(&s, seed, err);
    rc = rc ? rc
            : model_logistic_fit(s.all.x, s.all.y, s.all.w, NULL, s.all.n, TASTE_N_TERMS,
                                 1e-3, numbers->score, err);
    if (rc == REEL_OK && s.rated.n == 0) {
        memcpy(numbers->p_like, numbers->score, sizeof numbers->p_like);
    } else if (rc == REEL_OK) {
        rc = fit_liking(&s.rated, numbers, err);
    }
    rc = rc ? rc : fit_words(&s, numbers, err);
    pairs_release(&s.all);
    pairs_release(&s.rated);
    taste_side_release(&s.side);
    base_free(s.desk);
    base_free(s.words_place);
    return rc;
}
