/**
 * How good lists are, measured on films that were held back. For a viewer with the test
 * films T and the list l_1 .. l_k (all films ranked, seen ones left out):
 *
 *   Recall@k     |{l_i in T}| / |T|
 *   NDCG@k       sum over hits of 1 / log2(i + 1), divided by the same sum over the first
 *                min(k, |T|) places (Jarvelin and Kekalainen 2002, gains of 0 and 1)
 *   coverage     films listed for anybody / all films
 *   novelty      mean of -log2(viewers who chose l_i / viewers); a film that nobody chose
 *                counts as chosen by one
 *   diversity    mean over pairs of 1 - Jaccard(genres); pairs with a film without genres
 *                are left out (Ziegler et al. 2005)
 *   calibration  KL(p || (1 - a) q + a p), a = 0.01, natural logarithm, p and q the genre
 *                shares of the history and of the list, a film's genres sharing it evenly
 *                (Steck 2018, without rank weights)
 *
 * Where a viewer's list has no such value, the viewer is left out of that mean. Every
 * viewer is worked on alone and sums run in the order of viewers, so figures do not depend
 * on the number of threads.
 */
#include "rank_measure.h"

#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_pool.h"
#include "base_rng.h"
#include "rank_select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N_CHUNK 8
#define STECK_ALPHA 0.01

enum measure { RECALL, NDCG, NOVELTY, DIVERSITY, CALIBRATION, N_MEASURES };
#define N_BOOTSTRAPPED 2 /* the first of them */

struct bench {
    const struct rank_source *source;
    const struct reel_csr *train, *also_seen, *test, *genres;
    const struct reel_measure_options *opt;
    int32_t cut_max;
    int32_t n_viewers;
    int32_t *viewer;    /* (n_viewers) rows with test films */
    int32_t *n_chosen;  /* (n_films) viewers of train who chose it */
    int32_t n_choosers; /* viewers of train who chose anything */
    double *discount;   /* (cut_max) 1 / log2(place + 1) */
    double *value;      /* (N_MEASURES, n_cuts, n_viewers) */
    struct base_pool *pool;
    struct desk *desk; /* (threads) */
};

/** What one worker writes on. */
struct desk {
    float *score;   /* (n_films) */
    int32_t *list;  /* (cut_max) */
    uint8_t *cover; /* (n_films) bit c: listed within cut c */
    double *share;  /* (2, genres): history, list */
    enum reel_status rc;
    int32_t i_failed; /* position in bench.viewer */
    struct reel_error err;
};

struct reel_measure_options reel_measure_options_default(void)
{
    static const int32_t cut[] = {10, 20};
    return (struct reel_measure_options){
        .cut = cut, .n_cuts = 2, .n_bootstrap = 1000, .n_threads = 1, .seed = 1};
}

static double *value_of(const struct bench *b, enum measure m, int32_t cut)
{
    return b->value + (size_t)(m * b->opt->n_cuts + cut) * (size_t)b->n_viewers;
}

/* ---- one list ---- */

static void measure_hits(const struct bench *b, const struct desk *d, int32_t row,
                         int32_t n_list, int32_t k, double *recall, double *ndcg)
{
    const int64_t n_test = b->test->start[row + 1] - b->test->start[row];
    int32_t n_hits = 0;
    double dcg = 0, ideal = 0;
    for (int32_t i = 0; i < n_list && i < k; i++) {
        if (base_csr_has(b->test, row, d->list[i])) {
            n_hits++;
            dcg += b->discount[i];
        }
    }
    for (int32_t i = 0; i < n_test && i < k; i++) {
        ideal += b->discount[i];
    }
    *recall = (double)n_hits / (double)n_test;
    *ndcg = dcg / ideal;
}

static double measure_novelty(const struct bench *b, const int32_t *list, int32_t n)
{
    double bits = 0;
    for (int32_t i = 0; i < n; i++) {
        const int32_t n_chosen = b->n_chosen[list[i]];
        bits -= log2((double)(n_chosen > 0 ? n_chosen : 1) / b->n_choosers);
    }
    return n > 0 && b->n_choosers > 0 ? bits / n : (double)NAN;
}

/** 1 - Jaccard of two rows; NAN when one is empty. */
static double row_distance(const struct reel_csr *m, int32_t a, int32_t b)
{
    int64_t i = m->start[a], j = m->start[b], n_common = 0;
    const int64_t i_end = m->start[a + 1], j_end = m->start[b + 1];
    const int64_t n_both = i_end - i + j_end - j;
    if (i == i_end || j == j_end) {
        return (double)NAN;
    }
    while (i < i_end && j < j_end) {
        const int32_t left = m->col[i], right = m->col[j];
        n_common += left == right;
        i += left <= right;
        j += right <= left;
    }
    return 1 - (double)n_common / (double)(n_both - n_common);
}

double rank_row_diversity(const struct reel_csr *genres, const int32_t *list, int32_t n)
{
    double sum = 0;
    int64_t n_pairs = 0;
    for (int32_t i = 1; i < n; i++) {
        for (int32_t j = 0; j < i; j++) {
            const double distance = row_distance(genres, list[i], list[j]);
            if (!isnan(distance)) {
                sum += distance;
                n_pairs++;
            }
        }
    }
    return n_pairs > 0 ? sum / (double)n_pairs : (double)NAN;
}

/** Genre shares of some films; false when none of them has a genre. */
static bool genre_shares(const struct reel_csr *genres, const int32_t *film, int64_t n,
                         double *share)
{
    int64_t n_films = 0;
    memset(share, 0, (size_t)genres->n_cols * sizeof *share);
    for (int64_t i = 0; i < n; i++) {
        const int64_t begin = genres->start[film[i]], end = genres->start[film[i] + 1];
        for (int64_t e = begin; e < end; e++) {
            share[genres->col[e]] += 1.0 / (double)(end - begin);
        }
        n_films += end > begin;
    }
    for (int32_t g = 0; g < genres->n_cols && n_films > 0; g++) {
        share[g] /= (double)n_films;
    }
    return n_films > 0;
}

static double measure_calibration(const struct bench *b, struct desk *d, int32_t row,
                                  int32_t n)
{
    double *p = d->share, *q = d->share + b->genres->n_cols;
    const int64_t begin = b->train->start[row], end = b->train->start[row + 1];
    if (!genre_shares(b->genres, b->train->col + begin, end - begin, p) ||
        !genre_shares(b->genres, d->list, n, q)) {
        return (double)NAN;
    }
    double kl = 0;
    for (int32_t g = 0; g < b->genres->n_cols; g++) {
        if (p[g] > 0) {
            kl += p[g] * log(p[g] / ((1 - STECK_ALPHA) * q[g] + STECK_ALPHA * p[g]));
        }
    }
    return kl;
}

/* ---- one viewer ---- */

static void strike_out(float *score, const struct reel_csr *m, int32_t row)
{
    for (int64_t e = m->start[row]; e < m->start[row + 1]; e++) {
        score[m->col[e]] = -INFINITY;
    }
}

static enum reel_status measure_viewer(const struct bench *b, struct desk *d, int32_t v)
{
    const int32_t row = b->viewer[v];
    const int64_t begin = b->train->start[row];
    const struct reel_query query = {
        .film = b->train->col + begin,
        .value = b->train->value ? b->train->value + begin : NULL,
        .at_s = b->opt->train_at_s ? b->opt->train_at_s + begin : NULL,
        .n = (int32_t)(b->train->start[row + 1] - begin),
    };
    const enum reel_status rc =
        b->source->score(b->source->self, &query, d->score, &d->err);
    if (rc != REEL_OK) {
        return rc;
    }
    strike_out(d->score, b->train, row);
    if (b->also_seen) {
        strike_out(d->score, b->also_seen, row);
    }
    const int32_t n_list =
        rank_select(d->score, NULL, b->source->n_films, b->cut_max, d->list);
    for (int32_t c = 0; c < b->opt->n_cuts; c++) {
        const int32_t k = b->opt->cut[c];
        const int32_t n = n_list < k ? n_list : k;
        measure_hits(b, d, row, n, k, &value_of(b, RECALL, c)[v],
                     &value_of(b, NDCG, c)[v]);
        value_of(b, NOVELTY, c)[v] = measure_novelty(b, d->list, n);
        value_of(b, DIVERSITY, c)[v] =
            b->genres ? rank_row_diversity(b->genres, d->list, n) : (double)NAN;
        value_of(b, CALIBRATION, c)[v] =
            b->genres ? measure_calibration(b, d, row, n) : (double)NAN;
        for (int32_t i = 0; i < n; i++) {
            d->cover[d->list[i]] |= (uint8_t)(1u << c);
        }
    }
    return REEL_OK;
}

static void viewers_job(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    struct bench *b = payload;
    struct desk *d = &b->desk[worker];
    for (int64_t v = begin; v < end; v++) {
        if (d->rc == REEL_OK) {
            d->rc = measure_viewer(b, d, (int32_t)v);
            d->i_failed = (int32_t)v;
        }
    }
}

/* ---- all of them ---- */

struct bootstrap {
    const struct bench *bench;
    int32_t n_columns; /* measures times cuts */
    double *mean;      /* (n_columns, n_bootstrap) */
};

/** A resample takes the same viewers for all measures. */
static void bootstrap_job(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    (void)worker;
    const struct bootstrap *boot = payload;
    const struct bench *b = boot->bench;
    const int32_t n = b->n_viewers;
    for (int64_t i = begin; i < end; i++) {
        struct base_rng rng;
        double sum[N_BOOTSTRAPPED * REEL_CUTS_MAX] = {0};
        base_rng_init(&rng, b->opt->seed, (uint64_t)i);
        for (int32_t draw = 0; draw < n; draw++) {
            const uint32_t v = base_rng_below(&rng, (uint32_t)n);
            for (int32_t c = 0; c < boot->n_columns; c++) {
                sum[c] += b->value[(size_t)c * (size_t)n + v];
            }
        }
        for (int32_t c = 0; c < boot->n_columns; c++) {
            boot->mean[(int64_t)c * b->opt->n_bootstrap + i] = sum[c] / n;
        }
    }
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** Between neighbours in a straight line; `sorted` is not empty. */
static double quantile(const double *sorted, int32_t n, double q)
{
    const double at = q * (n - 1);
    const int32_t below = (int32_t)at;
    const int32_t above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

static double mean_of(const double *value, int32_t n)
{
    double sum = 0;
    int32_t n_values = 0;
    for (int32_t i = 0; i < n; i++) {
        if (!isnan(value[i])) {
            sum += value[i];
            n_values++;
        }
    }
    return n_values > 0 ? sum / n_values : (double)NAN;
}

static enum reel_status fill_intervals(const struct bench *b, struct reel_measures *out,
                                       struct reel_error *err)
{
    const int32_t n_boot = b->opt->n_bootstrap, n_cuts = b->opt->n_cuts;
    struct bootstrap boot = {.bench = b, .n_columns = N_BOOTSTRAPPED * n_cuts};
    boot.mean =
        base_alloc_array((size_t)boot.n_columns * (size_t)n_boot, sizeof *boot.mean);
    if (!boot.mean) {
        return fail(err, REEL_ENOMEM, "out of memory for %d resamples", n_boot);
    }
    if (b->n_viewers > 0) {
        base_pool_run(b->pool, n_boot, N_CHUNK, bootstrap_job, &boot);
    }
    for (int32_t c = 0; c < boot.n_columns; c++) {
        struct reel_interval *interval =
            c < n_cuts ? &out->recall[c] : &out->ndcg[c - n_cuts];
        double *mean = boot.mean + (size_t)c * (size_t)n_boot;
        *interval = (struct reel_interval){
            mean_of(b->value + (size_t)c * (size_t)b->n_viewers, b->n_viewers), NAN, NAN};
        if (b->n_viewers > 0) {
            qsort(mean, (size_t)n_boot, sizeof *mean, by_value);
            interval->low = quantile(mean, n_boot, 0.025);
            interval->high = quantile(mean, n_boot, 0.975);
        }
    }
    base_free(boot.mean);
    return REEL_OK;
}

static double covered_share(const struct bench *b, int32_t cut)
{
    int32_t n = 0;
    for (int32_t f = 0; f < b->source->n_films; f++) {
        unsigned bits = 0;
        for (int32_t t = 0; t < b->opt->n_threads; t++) {
            bits |= b->desk[t].cover[f];
        }
        n += (bits >> cut) & 1u;
    }
    return b->source->n_films > 0 ? (double)n / b->source->n_films : (double)NAN;
}

static enum reel_status fill_measures(const struct bench *b, struct reel_measures *out,
                                      float *ndcg_by_viewer, struct reel_error *err)
{
    const struct reel_measure_options *opt = b->opt;
    *out = (struct reel_measures){.n_viewers = b->n_viewers, .n_cuts = opt->n_cuts};
    for (int32_t c = 0; c < opt->n_cuts; c++) {
        out->cut[c] = opt->cut[c];
        out->coverage[c] = covered_share(b, c);
        out->novelty[c] = mean_of(value_of(b, NOVELTY, c), b->n_viewers);
        out->diversity[c] = mean_of(value_of(b, DIVERSITY, c), b->n_viewers);
        out->calibration[c] = mean_of(value_of(b, CALIBRATION, c), b->n_viewers);
    }
    const enum reel_status rc = fill_intervals(b, out, err);
    if (rc != REEL_OK || !ndcg_by_viewer) {
        return rc;
    }
    for (int32_t r = 0; r < b->test->n_rows; r++) {
        ndcg_by_viewer[r] = NAN;
    }
    for (int32_t v = 0; v < b->n_viewers; v++) {
        ndcg_by_viewer[b->viewer[v]] = (float)value_of(b, NDCG, 0)[v];
    }
    return REEL_OK;
}

static enum reel_status check_shape(const struct reel_csr *m, const char *name,
                                    int32_t n_rows, int32_t n_cols,
                                    struct reel_error *err)
{
    if (m->n_rows != n_rows || (n_cols >= 0 && m->n_cols != n_cols)) {
        return fail(err, REEL_EINVAL, "%s is %d x %d where %d x %d are expected", name,
                    m->n_rows, m->n_cols, n_rows, n_cols < 0 ? m->n_cols : n_cols);
    }
    return base_csr_check(m, err);
}

static enum reel_status check_inputs(const struct bench *b, struct reel_error *err)
{
    const struct reel_measure_options *opt = b->opt;
    const int32_t n_films = b->source->n_films, n_rows = b->test->n_rows;
    if (opt->n_cuts < 1 || opt->n_cuts > REEL_CUTS_MAX) {
        return fail(err, REEL_EINVAL, "%d cuts, 1 to %d can be measured", opt->n_cuts,
                    REEL_CUTS_MAX);
    }
    for (int32_t c = 0; c < opt->n_cuts; c++) {
        if (opt->cut[c] < 1) {
            return fail(err, REEL_EINVAL, "cut %d is below 1", opt->cut[c]);
        }
    }
    if (opt->n_bootstrap < 1) {
        return fail(err, REEL_EINVAL, "%d resamples, at least 1 is needed",
                    opt->n_bootstrap);
    }
    enum reel_status rc = check_shape(b->train, "train", n_rows, n_films, err);
    rc = rc ? rc : check_shape(b->test, "test", n_rows, n_films, err);
    if (rc == REEL_OK && b->also_seen) {
        rc = check_shape(b->also_seen, "also_seen", n_rows, n_films, err);
    }
    if (rc == REEL_OK && b->genres) {
        rc = check_shape(b->genres, "genres", n_films, -1, err);
    }
    return rc;
}

static enum reel_status bench_allocate(struct bench *b, struct reel_error *err)
{
    const size_t n_films = (size_t)b->source->n_films;
    const size_t n_genres = b->genres ? (size_t)b->genres->n_cols : 0;
    const size_t n_threads = (size_t)b->opt->n_threads;
    const size_t n_values = (size_t)(N_MEASURES * b->opt->n_cuts) * (size_t)b->n_viewers;
    bool is_whole =
        (b->viewer = base_alloc_array((size_t)b->n_viewers, sizeof *b->viewer)) &&
        (b->n_chosen = base_alloc_zeroed(n_films, sizeof *b->n_chosen)) &&
        (b->discount = base_alloc_array((size_t)b->cut_max, sizeof(double))) &&
        (b->value = base_alloc_array(n_values, sizeof *b->value)) &&
        (b->desk = base_alloc_zeroed(n_threads, sizeof *b->desk));
    for (size_t t = 0; t < n_threads && is_whole; t++) {
        struct desk *d = &b->desk[t];
        is_whole = (d->score = base_alloc_array(n_films, sizeof *d->score)) &&
                   (d->list = base_alloc_array((size_t)b->cut_max, sizeof *d->list)) &&
                   (d->cover = base_alloc_zeroed(n_films, 1)) &&
                   (d->share = base_alloc_array(2 * n_genres, sizeof *d->share));
    }
    return is_whole ? REEL_OK
                    : fail(err, REEL_ENOMEM, "out of memory to measure %d viewers",
                           b->n_viewers);
}

static void bench_release(struct bench *b)
{
    for (int32_t t = 0; b->desk && t < b->opt->n_threads; t++) {
        base_free(b->desk[t].score);
        base_free(b->desk[t].list);
        base_free(b->desk[t].cover);
        base_free(b->desk[t].share);
    }
    base_free(b->desk);
    base_free(b->viewer);
    base_free(b->n_chosen);
    base_free(b->discount);
    base_free(b->value);
    base_pool_free(b->pool);
}

static void bench_prepare(struct bench *b)
{
    int32_t n = 0;
    for (int32_t r = 0; r < b->test->n_rows; r++) {
        if (b->test->start[r + 1] > b->test->start[r]) {
            b->viewer[n++] = r;
        }
        b->n_choosers += b->train->start[r + 1] > b->train->start[r];
    }
    for (int64_t e = 0; e < b->train->start[b->train->n_rows]; e++) {
        b->n_chosen[b->train->col[e]]++;
    }
    for (int32_t i = 0; i < b->cut_max; i++) {
        b->discount[i] = 1 / log2(i + 2.0);
    }
}

/** The failure of the first viewer that failed, whichever worker met it. */
static enum reel_status first_failure(const struct bench *b, struct reel_error *err)
{
    const struct desk *first = NULL;
    for (int32_t t = 0; t < b->opt->n_threads; t++) {
        const struct desk *d = &b->desk[t];
        if (d->rc != REEL_OK && (!first || d->i_failed < first->i_failed)) {
            first = d;
        }
    }
    return first ? fail(err, first->rc, "viewer %d: %s", b->viewer[first->i_failed],
                        first->err.text)
                 : REEL_OK;
}

enum reel_status rank_measure(const struct rank_source *source,
                              const struct reel_csr *train,
                              const struct reel_csr *also_seen,
                              const struct reel_csr *test, const struct reel_csr *genres,
                              const struct reel_measure_options *opt,
                              struct reel_measures *out, float *ndcg_by_viewer,
                              struct reel_error *err)
{
    struct bench b = {.source = source,
                      .train = train,
                      .also_seen = also_seen,
                      .test = test,
                      .genres = genres,
                      .opt = opt};
    *out = (struct reel_measures){0};
    enum reel_status rc = check_inputs(&b, err);
    if (rc != REEL_OK) {
        return rc;
    }
    for (int32_t r = 0; r < test->n_rows; r++) {
        b.n_viewers += test->start[r + 1] > test->start[r];
    }
    for (int32_t c = 0; c < opt->n_cuts; c++) {
        const int32_t k = opt->cut[c] < source->n_films ? opt->cut[c] : source->n_films;
        b.cut_max = k > b.cut_max ? k : b.cut_max;
    }
    rc = base_pool_create(opt->n_threads, &b.pool, err);
    rc = rc ? rc : bench_allocate(&b, err);
    if (rc == REEL_OK) {
        bench_prepare(&b);
        base_pool_run(b.pool, b.n_viewers, N_CHUNK, viewers_job, &b);
        rc = first_failure(&b, err);
    }
    if (rc == REEL_OK) {
        rc = fill_measures(&b, out, ndcg_by_viewer, err);
    }
    bench_release(&b);
    return rc;
}

enum reel_status reel_measure(const struct reel_model *model,
                              const struct reel_csr *train,
                              const struct reel_csr *also_seen,
                              const struct reel_csr *test, const struct reel_csr *genres,
                              const struct reel_measure_options *opt,
                              struct reel_measures *out, float *ndcg_by_viewer,
                              struct reel_error *err)
{
    const struct rank_source source = rank_source_from_model(model);
    return rank_measure(&source, train, also_seen, test, genres, opt, out, ndcg_by_viewer,
                        err);
}
