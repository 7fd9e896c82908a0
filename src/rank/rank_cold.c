/**
 * The cold-film protocol: what is taken away, and how guesses about it are judged.
 *
 *   AUC       mean over pairs of [liked scored higher] + 1/2 [equal], by ranks
 *             (Mann and Whitney 1947), per viewer, then mean over viewers
 *   NDCG@10   as in rank_measure.c, among the cold films
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_rng.h"

#include <forkreel/cold.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_LIST = 10 };

struct cold_owned {
    int32_t *film;
    struct base_csr chosen, rated;
};

static void owned_free(struct cold_owned *owned)
{
    if (owned) {
        base_free(owned->film);
        base_csr_release(&owned->chosen);
        base_csr_release(&owned->rated);
        base_free(owned);
    }
}

void reel_cold_release(struct reel_cold *cold)
{
    owned_free(cold->owned);
    *cold = (struct reel_cold){0};
}

static int ascending(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/** `film` (n_films) gets the cold ones first, ascending; returns how many, or -1. */
static int32_t pick(const bool *has_text, int32_t n_films, double share, uint64_t seed,
                    int32_t *film)
{
    int32_t n = 0;
    for (int32_t f = 0; f < n_films; f++) {
        if (has_text[f]) {
            film[n++] = f;
        }
    }
    struct base_rng rng;
    base_rng_init(&rng, seed, 0);
    base_rng_shuffle(&rng, film, n);
    const int32_t n_cold = (int32_t)(share * n);
    if (n_cold > 0) {
        qsort(film, (size_t)n_cold, sizeof *film, ascending);
    }
    return n_cold;
}

static enum reel_status without(const struct reel_csr *from, const bool *is_cold,
                                struct base_csr *out, struct reel_error *err)
{
    const enum reel_status rc =
        base_csr_init(out, from->n_rows, from->n_cols, from->start[from->n_rows],
                      from->value != NULL, err);
    int64_t n = 0;
    for (int32_t r = 0; rc == REEL_OK && r < from->n_rows; r++) {
        for (int64_t e = from->start[r]; e < from->start[r + 1]; e++) {
            if (is_cold[from->col[e]] || (from->value && isnan(from->value[e]))) {
                continue; // seen and never rated is not rated
            }
            out->col[n] = from->col[e];
            if (from->value) {
                out->value[n] = from->value[e];
            }
            n++;
        }
        out->start[r + 1] = n;
    }
    return rc;
}

enum reel_status reel_cold_make(const struct reel_csr *chosen,
                                const struct reel_csr *rated, const bool *has_text,
                                double share, uint64_t seed, struct reel_cold *out,
                                struct reel_error *err)
{
    *out = (struct reel_cold){0};
    enum reel_status rc = base_csr_check(chosen, err);
    rc = rc ? rc : base_csr_check(rated, err);
    if (rc == REEL_OK && (chosen->n_rows != rated->n_rows ||
                          chosen->n_cols != rated->n_cols || !(share > 0 && share < 1))) {
        rc = fail(err, REEL_EINVAL, "cold films: %d x %d and %d x %d, share %g",
                  chosen->n_rows, chosen->n_cols, rated->n_rows, rated->n_cols, share);
    }
    if (rc) {
        return rc;
    }
    struct cold_owned *owned = base_alloc_zeroed(1, sizeof *owned);
    bool *is_cold = base_alloc_zeroed((size_t)chosen->n_cols + 1, sizeof *is_cold);
    if (owned) {
        owned->film = base_alloc_array((size_t)chosen->n_cols + 1, sizeof *owned->film);
    }
    if (!owned || !is_cold || !owned->film) {
        rc = fail(err, REEL_ENOMEM, "cold films of %d", chosen->n_cols);
        goto done;
    }
    const int32_t n = pick(has_text, chosen->n_cols, share, seed, owned->film);
    for (int32_t i = 0; i < n; i++) {
        is_cold[owned->film[i]] = true;
    }
    rc = n > 0 ? REEL_OK : fail(err, REEL_EINVAL, "cold films: too few have a text");
    rc = rc ? rc : without(chosen, is_cold, &owned->chosen, err);
    rc = rc ? rc : without(rated, is_cold, &owned->rated, err);
    if (rc == REEL_OK) {
        *out = (struct reel_cold){.film = owned->film,
                                  .n = n,
                                  .chosen = owned->chosen.csr,
                                  .rated = owned->rated.csr,
                                  .owned = owned};
        owned = NULL; // ownership moves to the caller
    }
done:
    owned_free(owned);
    base_free(is_cold);
    return rc;
}

/* ---- measures ---- */

enum kind { OTHER, DISLIKED, LIKED };

struct judged {
    float score;
    int32_t place; /* among the cold films */
    enum kind kind;
};

// Best first; equal scores by place, so that lists are the same everywhere.
static int best_first(const void *a, const void *b)
{
    const struct judged *x = a, *y = b;
    return x->score != y->score ? (x->score < y->score) - (x->score > y->score)
                                : (x->place > y->place) - (x->place < y->place);
}

/** Share of pairs (liked, other) in the right order; `film` (n) is sorted, best first. */
static double auc(const struct judged *film, int32_t n, bool against_disliked)
{
    double n_liked = 0, n_other = 0, right = 0;
    for (int32_t begin = 0, end; begin < n; begin = end) {
        double liked = 0, other = 0;
        for (end = begin; end < n && film[end].score == film[begin].score; end++) {
            liked += film[end].kind == LIKED;
            other += film[end].kind == DISLIKED ||
                     (!against_disliked && film[end].kind == OTHER);
        }
        right += other * (n_liked + liked / 2);
        n_liked += liked;
        n_other += other;
    }
    return right / (n_liked * n_other);
}

static double ndcg(const struct judged *film, int32_t n, int32_t n_liked)
{
    double sum = 0, ideal = 0;
    for (int32_t i = 0; i < N_LIST && i < n; i++) {
        const double gain = 1 / log2(i + 2.0);
        sum += film[i].kind == LIKED ? gain : 0;
        ideal += i < n_liked ? gain : 0;
    }
    return sum / ideal;
}

static int32_t mark(const struct reel_csr *m, int32_t row, const int32_t *place,
                    enum kind kind, struct judged *film)
{
    int32_t n = 0;
    for (int64_t e = m->start[row]; e < m->start[row + 1]; e++) {
        const int32_t at = place[m->col[e]];
        const bool counts = !m->value || !isnan(m->value[e]);
        if (at >= 0 && counts && film[at].kind == OTHER) {
            film[at].kind = kind;
            n++;
        }
    }
    return n;
}

enum reel_status reel_cold_measure(const struct reel_csr *chosen,
                                   const struct reel_csr *rated,
                                   const struct reel_cold *cold, const float *score,
                                   int32_t n_liked_min, int32_t n_disliked_min,
                                   struct reel_cold_measures *out, struct reel_error *err)
{
    *out = (struct reel_cold_measures){0};
    if (chosen->n_rows != cold->chosen.n_rows || chosen->n_cols != cold->chosen.n_cols ||
        rated->n_rows != chosen->n_rows || rated->n_cols != chosen->n_cols) {
        return fail(err, REEL_EINVAL, "cold films: matrices of other shapes");
    }
    int32_t *place = base_alloc_array((size_t)chosen->n_cols + 1, sizeof *place);
    struct judged *film = base_alloc_array((size_t)cold->n + 1, sizeof *film);
    if (!place || !film) {
        base_free(place);
        base_free(film);
        return fail(err, REEL_ENOMEM, "cold films of %d", chosen->n_cols);
    }
    memset(place, -1, (size_t)chosen->n_cols * sizeof *place);
    for (int32_t i = 0; i < cold->n; i++) {
        place[cold->film[i]] = i;
    }
    for (int32_t v = 0; v < chosen->n_rows; v++) {
        for (int32_t i = 0; i < cold->n; i++) {
            film[i] =
                (struct judged){score[(size_t)v * (size_t)cold->n + (size_t)i], i, OTHER};
        }
        const int32_t n_liked = mark(chosen, v, place, LIKED, film);
        const int32_t n_disliked = mark(rated, v, place, DISLIKED, film);
        if (n_liked < 1 || n_liked < n_liked_min || n_liked == cold->n) {
            continue;
        }
        qsort(film, (size_t)cold->n, sizeof *film, best_first);
        out->n_viewers++;
        out->auc_all += auc(film, cold->n, false);
        out->ndcg += ndcg(film, cold->n, n_liked);
        if (n_disliked > 0 && n_disliked >= n_disliked_min) {
            out->n_viewers_disliked++;
            out->auc_disliked += auc(film, cold->n, true);
        }
    }
    out->auc_all = out->n_viewers ? out->auc_all / out->n_viewers : NAN;
    out->ndcg = out->n_viewers ? out->ndcg / out->n_viewers : NAN;
    out->auc_disliked =
        out->n_viewers_disliked ? out->auc_disliked / out->n_viewers_disliked : NAN;
    base_free(place);
    base_free(film);
    return REEL_OK;
}

/* ---- calibration ---- */

struct said {
    float p;
    bool is_true;
};

static int by_p(const void *a, const void *b)
{
    const struct said *x = a, *y = b;
    return x->p != y->p ? (x->p > y->p) - (x->p < y->p) : x->is_true - y->is_true;
}

enum reel_status reel_calibration_error(const float *p, const bool *is_true, int64_t n,
                                        int32_t n_bins, struct reel_reliability *bin,
                                        double *ece, struct reel_error *err)
{
    *ece = NAN;
    if (n < 1 || n_bins < 1) {
        return fail(err, REEL_EINVAL, "calibration of %lld guesses in %d bins",
                    (long long)n, n_bins);
    }
    struct said *said = base_alloc_array((size_t)n, sizeof *said);
    if (!said) {
        return fail(err, REEL_ENOMEM, "calibration of %lld guesses", (long long)n);
    }
    for (int64_t i = 0; i < n; i++) {
        said[i] = (struct said){p[i], is_true[i]};
    }
    qsort(said, (size_t)n, sizeof *said, by_p);
    *ece = 0;
    for (int32_t b = 0; b < n_bins; b++) {
        const int64_t begin = n * b / n_bins, end = n * (b + 1) / n_bins;
        struct reel_reliability one = {.n = end - begin};
        for (int64_t i = begin; i < end; i++) {
            one.p += said[i].p / (double)one.n;
            one.share += said[i].is_true / (double)one.n;
        }
        *ece += (double)one.n / (double)n * fabs(one.p - one.share);
        if (bin) {
            bin[b] = one;
        }
    }
    base_free(said);
    return REEL_OK;
}
