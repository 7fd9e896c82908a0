/**
 * A short verdict: how many stars one viewer would give to one film, and what speaks for it.
 *
 *   b_ui  = mu + b_u + b_i, damped means                    (Koren 2010, section 2.1)
 *   e_ui  = r_ui - b_ui
 *   s_ij  = n / (n + SHRINK) cos(e_i, e_j) over the n common raters
 *                                              (Sarwar et al. 2001; shrunk as Koren, eq. 2)
 *   r^_ui = b_ui + sum over the K nearest j rated by u of s_ij e_uj / (sum of s_ij + RIDGE)
 *               + WEIGHT (mean over genres and people of the film of the viewer's damped mean
 *                 e_uj among films that share them)
 *
 * Departures: neighbours with s_ij <= 0 say nothing; genres and people are ours.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"

#include <forkreel/branch.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAMP_FILM 5.0
#define DAMP_VIEWER 5.0
#define SHRINK 50.0
#define RIDGE 0.5
#define DAMP_TRAIT 4.0
#define WEIGHT_TRAITS 0.7
#define SPREAD_SHARE 0.8
#define SPREAD_EVERYBODY 1.15 /* stars; of viewers with few ratings */
#define N_SPREAD_MIN 20
#define LONGER 1.4
#define N_LENGTHS_MIN 5
enum { K_NEIGHBOURS = 30, N_NEIGHBOURS_TOLD = 3, N_TRAITS_MIN = 3 };

struct baselines {
    double mean;    /* mu */
    double *film;   /* (films) b_i */
    double *viewer; /* (viewers) b_u */
};

struct neighbour {
    int32_t film;
    double similarity, residual;
};

struct verdict {
    const struct reel_csr *seen;
    const struct reel_film_table *films;
    int32_t viewer, film;
    struct baselines base;
    double *dot, *square_film, *square_other; /* (entries of the viewer) */
    int32_t *n_common;                        /* (entries of the viewer) */
    struct neighbour *neighbour;              /* (entries of the viewer) */
    int32_t n_neighbours;
};

static double residual(const struct verdict *v, int32_t viewer, int64_t entry)
{
    return (double)v->seen->value[entry] - v->base.mean - v->base.viewer[viewer] -
           v->base.film[v->seen->col[entry]];
}

// ---- baselines ----

static enum reel_status learn_baselines(struct verdict *v, struct reel_error *err)
{
    const struct reel_csr *seen = v->seen;
    const int64_t n_entries = seen->start[seen->n_rows];
    struct baselines *b = &v->base;
    double sum = 0, n = 0;
    b->film = base_alloc_zeroed((size_t)seen->n_cols + 1, sizeof *b->film);
    b->viewer = base_alloc_zeroed((size_t)seen->n_rows + 1, sizeof *b->viewer);
    int32_t *count = base_alloc_zeroed((size_t)seen->n_cols + 1, sizeof *count);
    if (!b->film || !b->viewer || !count) {
        base_free(count);
        return fail(err, REEL_ENOMEM, "means of %d viewers", seen->n_rows);
    }
    for (int64_t e = 0; e < n_entries; e++) {
        if (!isnan(seen->value[e])) {
            sum += (double)seen->value[e];
            n += 1;
        }
    }
    b->mean = n > 0 ? sum / n : 0;
    for (int64_t e = 0; e < n_entries; e++) {
        if (!isnan(seen->value[e])) {
            b->film[seen->col[e]] += (double)seen->value[e] - b->mean;
            count[seen->col[e]]++;
        }
    }
    for (int32_t i = 0; i < seen->n_cols; i++) {
        b->film[i] /= DAMP_FILM + count[i];
    }
    for (int32_t u = 0; u < seen->n_rows; u++) {
        double n_rated = 0;
        sum = 0;
        for (int64_t e = seen->start[u]; e < seen->start[u + 1]; e++) {
            if (!isnan(seen->value[e])) {
                sum += (double)seen->value[e] - b->mean - b->film[seen->col[e]];
                n_rated += 1;
            }
        }
        b->viewer[u] = sum / (DAMP_VIEWER + n_rated);
    }
    base_free(count);
    return n > 0 ? REEL_OK : fail(err, REEL_EFAIL, "nobody has rated any film");
}

// ---- neighbours ----

static int by_similarity(const void *a, const void *b)
{
    const struct neighbour *x = a, *y = b;
    return x->similarity != y->similarity ? (x->similarity < y->similarity) * 2 - 1
                                          : (x->film > y->film) - (x->film < y->film);
}

/** Add what one rater of the film says of the films that the viewer rated: a merge of rows. */
static void add_rater(struct verdict *v, int32_t rater, double film_residual)
{
    const struct reel_csr *seen = v->seen;
    const int64_t begin = seen->start[v->viewer], end = seen->start[v->viewer + 1];
    int64_t mine = begin, other = seen->start[rater];
    while (mine < end && other < seen->start[rater + 1]) {
        const int32_t x = seen->col[mine], y = seen->col[other];
        if (x == y && x != v->film && !isnan(seen->value[other])) {
            const double e = residual(v, rater, other);
            const int64_t k = mine - begin;
            v->dot[k] += film_residual * e;
            v->square_film[k] += film_residual * film_residual;
            v->square_other[k] += e * e;
            v->n_common[k]++;
        }
        mine += x <= y;
        other += y <= x;
    }
}

static enum reel_status find_neighbours(struct verdict *v, struct reel_error *err)
{
    const struct reel_csr *seen = v->seen;
    const int64_t begin = seen->start[v->viewer];
    const size_t n = (size_t)(seen->start[v->viewer + 1] - begin);
    v->dot = base_alloc_zeroed(n + 1, sizeof *v->dot);
    v->square_film = base_alloc_zeroed(n + 1, sizeof *v->square_film);
    v->square_other = base_alloc_zeroed(n + 1, sizeof *v->square_other);
    v->n_common = base_alloc_zeroed(n + 1, sizeof *v->n_common);
    v->neighbour = base_alloc_zeroed(n + 1, sizeof *v->neighbour);
    if (!v->dot || !v->square_film || !v->square_other || !v->n_common || !v->neighbour) {
        return fail(err, REEL_ENOMEM, "neighbours among %zu films", n);
    }
    for (int32_t u = 0; u < seen->n_rows; u++) {
        const int64_t e = u == v->viewer ? -1 : base_csr_find(seen, u, v->film);
        if (e >= 0 && !isnan(seen->value[e])) {
            add_rater(v, u, residual(v, u, e));
        }
    }
    for (size_t k = 0; k < n; k++) {
        const double length = sqrt(v->square_film[k] * v->square_other[k]);
        const double s =
            length > 0 ? v->dot[k] / length * v->n_common[k] / (v->n_common[k] + SHRINK)
                       : 0;
        const int64_t e = begin + (int64_t)k;
        if (s > 0 && !isnan(seen->value[e])) {
            v->neighbour[v->n_neighbours++] =
                (struct neighbour){seen->col[e], s, residual(v, v->viewer, e)};
        }
    }
    qsort(v->neighbour, (size_t)v->n_neighbours, sizeof *v->neighbour, by_similarity);
    if (v->n_neighbours > K_NEIGHBOURS) {
        v->n_neighbours = K_NEIGHBOURS;
    }
    return REEL_OK;
}

// ---- reasons ----

static double stars_of(const struct verdict *v, int32_t film)
{
    const int64_t e = base_csr_find(v->seen, v->viewer, film);
    return e < 0 ? NAN : (double)v->seen->value[e];
}

/** Keep it among the largest by size of effect. */
static void tell(struct reel_verdict *out, struct reel_verdict_reason reason)
{
    int32_t at = out->n_reasons;
    while (at > 0 && fabs(out->reason[at - 1].effect) < fabs(reason.effect)) {
        at--;
    }
    if (at == REEL_VERDICT_REASONS_MAX) {
        return;
    }
    const int32_t n_moved = out->n_reasons < REEL_VERDICT_REASONS_MAX
                                ? out->n_reasons++ - at
                                : REEL_VERDICT_REASONS_MAX - 1 - at;
    memmove(&out->reason[at + 1], &out->reason[at],
            (size_t)n_moved * sizeof out->reason[0]);
    out->reason[at] = reason;
}

static double add_neighbours(const struct verdict *v, struct reel_verdict *out)
{
    double sum = 0, weight = RIDGE;
    for (int32_t k = 0; k < v->n_neighbours; k++) {
        sum += v->neighbour[k].similarity * v->neighbour[k].residual;
        weight += v->neighbour[k].similarity;
    }
    for (int32_t k = 0; k < v->n_neighbours && k < N_NEIGHBOURS_TOLD; k++) {
        const struct neighbour *one = &v->neighbour[k];
        tell(out, (struct reel_verdict_reason){
                      .kind = REEL_VERDICT_NEIGHBOUR,
                      .film = one->film,
                      .stars = stars_of(v, one->film),
                      .effect = one->similarity * one->residual / weight,
                      .n = 1,
                  });
    }
    return sum / weight;
}

/** The viewer's damped mean residual among other films with one genre or person. */
static double trait_effect(const struct verdict *v, const struct reel_csr *traits,
                           int32_t trait, int32_t *n, double *stars)
{
    const struct reel_csr *seen = v->seen;
    double sum = 0, sum_stars = 0;
    *n = 0;
    for (int64_t e = seen->start[v->viewer]; e < seen->start[v->viewer + 1]; e++) {
        if (seen->col[e] != v->film && !isnan(seen->value[e]) &&
            base_csr_has(traits, seen->col[e], trait)) {
            sum += residual(v, v->viewer, e);
            sum_stars += (double)seen->value[e];
            (*n)++;
        }
    }
    *stars = *n > 0 ? sum_stars / *n : NAN;
    return sum / (DAMP_TRAIT + *n);
}

static double add_traits(const struct verdict *v, struct reel_verdict *out)
{
    const struct {
        const struct reel_csr *traits;
        const char *const *name;
        enum reel_verdict_kind kind;
        int32_t n_min;
    } kinds[] = {
        {&v->films->genres, v->films->genre_name, REEL_VERDICT_GENRE, N_TRAITS_MIN},
        {&v->films->people, v->films->people_name, REEL_VERDICT_PERSON, 1},
    };
    double sum = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        const struct reel_csr *traits = kinds[k].traits;
        const int64_t begin = traits->start[v->film], end = traits->start[v->film + 1];
        for (int64_t t = begin; t < end; t++) {
            int32_t n;
            double stars;
            const double effect = WEIGHT_TRAITS / (double)(end - begin) *
                                  trait_effect(v, traits, traits->col[t], &n, &stars);
            sum += effect;
            if (n >= kinds[k].n_min) {
                tell(out, (struct reel_verdict_reason){
                              .kind = kinds[k].kind,
                              .film = -1,
                              .name = kinds[k].name[traits->col[t]],
                              .stars = stars,
                              .effect = effect,
                              .n = n,
                          });
            }
        }
    }
    return sum;
}

static void add_crowd(const struct verdict *v, struct reel_verdict *out)
{
    const struct reel_csr *seen = v->seen;
    double sum = 0;
    int32_t n = 0;
    for (int32_t u = 0; u < seen->n_rows; u++) {
        const int64_t e = u == v->viewer ? -1 : base_csr_find(seen, u, v->film);
        if (e >= 0 && !isnan(seen->value[e])) {
            sum += (double)seen->value[e];
            n++;
        }
    }
    if (n > 0) {
        tell(out, (struct reel_verdict_reason){.kind = REEL_VERDICT_CROWD,
                                               .film = -1,
                                               .stars = sum / n,
                                               .effect = v->base.film[v->film],
                                               .n = n});
    }
}

static int by_number(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** Longer than what the viewer likes: said, though it moves no star. */
static void add_length(const struct verdict *v, double *scratch, struct reel_verdict *out)
{
    const struct reel_csr *seen = v->seen;
    int32_t n = 0;
    for (int64_t e = seen->start[v->viewer]; e < seen->start[v->viewer + 1]; e++) {
        const int32_t runtime_min = v->films->runtime_min[seen->col[e]];
        if (!isnan(seen->value[e]) && seen->value[e] >= 4 && runtime_min > 0 &&
            seen->col[e] != v->film) {
            scratch[n++] = runtime_min;
        }
    }
    qsort(scratch, (size_t)n, sizeof *scratch, by_number);
    if (n >= N_LENGTHS_MIN && v->films->runtime_min[v->film] > LONGER * scratch[n / 2]) {
        tell(out, (struct reel_verdict_reason){.kind = REEL_VERDICT_LENGTH,
                                               .film = -1,
                                               .stars = scratch[n / 2],
                                               .n = n});
    }
}

/** Half the width in which SPREAD_SHARE of the viewer's ratings fell around b_ui. */
static double spread(const struct verdict *v, double *scratch)
{
    const struct reel_csr *seen = v->seen;
    int32_t n = 0;
    for (int64_t e = seen->start[v->viewer]; e < seen->start[v->viewer + 1]; e++) {
        if (!isnan(seen->value[e])) {
            scratch[n++] = fabs(residual(v, v->viewer, e));
        }
    }
    qsort(scratch, (size_t)n, sizeof *scratch, by_number);
    return n < N_SPREAD_MIN ? SPREAD_EVERYBODY
                            : scratch[(int32_t)(SPREAD_SHARE * (n - 1))];
}

static double clip_stars(double stars)
{
    return fmax(0.5, fmin(5, stars));
}

static void judge(struct verdict *v, struct reel_verdict *out)
{
    const struct reel_csr *seen = v->seen;
    double sum = 0, n = 0;
    for (int64_t e = seen->start[v->viewer]; e < seen->start[v->viewer + 1]; e++) {
        if (!isnan(seen->value[e])) {
            sum += (double)seen->value[e];
            n += 1;
        }
    }
    *out = (struct reel_verdict){.viewer_mean = n > 0 ? sum / n : NAN,
                                 .already = stars_of(v, v->film)};
    double stars = v->base.mean + v->base.viewer[v->viewer] + v->base.film[v->film];
    stars += add_neighbours(v, out);
    stars += add_traits(v, out);
    add_crowd(v, out);
    const double half = spread(v, v->dot); // no longer needed for dots
    add_length(v, v->dot, out);
    out->stars = clip_stars(stars);
    out->low = clip_stars(stars - half);
    out->high = clip_stars(stars + half);
}

enum reel_status reel_verdict_make(const struct reel_csr *seen,
                                   const struct reel_film_table *films, int32_t viewer,
                                   int32_t film, struct reel_verdict *out,
                                   struct reel_error *err)
{
    struct verdict v = {.seen = seen, .films = films, .viewer = viewer, .film = film};
    *out = (struct reel_verdict){0};
    if (viewer < 0 || viewer >= seen->n_rows || film < 0 || film >= seen->n_cols ||
        films->n_films != seen->n_cols || !seen->value) {
        return fail(err, REEL_EINVAL, "viewer %d of %d, film %d of %d", viewer,
                    seen->n_rows, film, seen->n_cols);
    }
    enum reel_status rc = learn_baselines(&v, err);
    rc = rc ? rc : find_neighbours(&v, err);
    if (rc == REEL_OK) {
        judge(&v, out);
    }
    base_free(v.base.film);
    base_free(v.base.viewer);
    base_free(v.dot);
    base_free(v.square_film);
    base_free(v.square_other);
    base_free(v.n_common);
    base_free(v.neighbour);
    return rc;
}
