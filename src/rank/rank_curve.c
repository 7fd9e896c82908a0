/**
 * Accuracy along something else: see forkreel/curve.h.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "rank_measure.h"

#include <forkreel/curve.h>

#include <math.h>
#include <stdlib.h>

static const double z_95 = 1.959963984540054;

/* ---- what was said ---- */

static int64_t count_at(const struct reel_outcomes *said, int32_t step)
{
    return said->n_true[step] + said->n_false[step];
}

enum reel_status reel_roc(const struct reel_outcomes *said, double *x, double *y,
                          double *area, struct reel_error *err)
{
    int64_t n_true = 0, n_false = 0, sum_true = 0, sum_false = 0;
    for (int32_t i = 0; i < said->n; i++) {
        n_true += said->n_true[i];
        n_false += said->n_false[i];
        x[i] = y[i] = NAN;
    }
    x[said->n] = y[said->n] = *area = NAN;
    if (n_true == 0 || n_false == 0) {
        return fail(err, REEL_EINVAL, "%lld true and %lld false: nothing to tell apart",
                    (long long)n_true, (long long)n_false);
    }
    x[0] = y[0] = *area = 0;
    for (int32_t i = 1; i <= said->n; i++) { // from the surest down
        sum_true += said->n_true[said->n - i];
        sum_false += said->n_false[said->n - i];
        x[i] = (double)sum_false / (double)n_false;
        y[i] = (double)sum_true / (double)n_true;
        *area += (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2;
    }
    return REEL_OK;
}

/** Wilson's interval of a share y of n. */
static void set_wilson(struct reel_point *p)
{
    const double n = (double)p->n, z2 = z_95 * z_95;
    const double middle = (p->y + z2 / (2 * n)) / (1 + z2 / n);
    const double half =
        z_95 / (1 + z2 / n) * sqrt(p->y * (1 - p->y) / n + z2 / (4 * n * n));
    p->low = fmax(0, middle - half);
    p->high = fmin(1, middle + half);
}

int32_t reel_reliability_curve(const struct reel_outcomes *said, int32_t n_bins_max,
                               struct reel_point *out)
{
    int64_t n_left = 0, n_true = 0;
    int32_t n_bins = 0;
    double sum = 0;
    struct reel_point bin = {0};
    for (int32_t i = 0; i < said->n; i++) {
        n_left += count_at(said, i);
    }
    for (int32_t i = 0; i < said->n && n_left > 0; i++) {
        bin.n += count_at(said, i);
        n_true += said->n_true[i];
        sum += (double)count_at(said, i) * (i + 0.5) / said->n;
        // What is left, shared evenly by the bins that are left.
        if (bin.n == n_left || (bin.n > 0 && bin.n * (n_bins_max - n_bins) >= n_left)) {
            n_left -= bin.n;
            bin.x = sum / (double)bin.n;
            bin.y = (double)n_true / (double)bin.n;
            set_wilson(&bin);
            out[n_bins++] = bin;
            bin = (struct reel_point){0};
            n_true = 0;
            sum = 0;
        }
    }
    return n_bins;
}

void reel_outcome_shares(const struct reel_outcomes *said, int32_t n_bins,
                         struct reel_point *out)
{
    int64_t n = 0;
    for (int32_t b = 0; b < n_bins; b++) {
        out[b] = (struct reel_point){.x = (b + 0.5) / n_bins, .low = NAN, .high = NAN};
    }
    for (int32_t i = 0; i < said->n; i++) {
        out[(int64_t)i * n_bins / said->n].n += count_at(said, i);
        n += count_at(said, i);
    }
    for (int32_t b = 0; b < n_bins; b++) {
        out[b].y = n > 0 ? (double)out[b].n / (double)n : (double)NAN;
    }
}

/* ---- means of viewers ---- */

struct mean {
    double sum, square;
    int64_t n;
};

static void mean_add(struct mean *m, double value)
{
    if (!isnan(value)) {
        m->sum += value;
        m->square += value * value;
        m->n++;
    }
}

static double mean_of(const struct mean *m)
{
    return m->n > 0 ? m->sum / (double)m->n : (double)NAN;
}

/** The mean and its normal interval; what is measured is not negative. */
static struct reel_point point_of(const struct mean *m, double x)
{
    const double mean = mean_of(m), n = (double)m->n;
    const double variance = fmax(0, m->square - n * mean * mean) / (n - 1);
    const double half = m->n > 1 ? z_95 * sqrt(variance / n) : (double)NAN;
    return (struct reel_point){x, mean, m->n > 1 ? fmax(0, mean - half) : (double)NAN,
                               mean + half, m->n};
}

void reel_curve_by_length(const struct reel_csr *history, const float *value,
                          const int32_t *length_max, int32_t n_buckets,
                          struct reel_point *out)
{
    for (int32_t b = 0; b < n_buckets; b++) {
        const int64_t above = b > 0 ? length_max[b - 1] : -1;
        struct mean mean = {0};
        for (int32_t v = 0; v < history->n_rows; v++) {
            const int64_t n = history->start[v + 1] - history->start[v];
            if (n > above && n <= length_max[b]) {
                mean_add(&mean, (double)value[v]);
            }
        }
        out[b] = point_of(&mean, b);
    }
}

/* ---- lists ---- */

struct lists {
    const struct reel_model *model;
    const struct reel_film_table *films;
    const int32_t *film_row; /* (columns) */
    int32_t *column;         /* (films) -1: none of the split */
    const struct reel_split *split;
    int32_t *film, *seen; /* (columns) room for one viewer */
};

static int compare_rows(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/** A viewer's films as rows of the table, ascending; gives how many. */
static int32_t rows_of(const struct lists *l, const struct reel_csr *part, int32_t viewer,
                       int32_t *film)
{
    int32_t n = 0;
    for (int64_t e = part->start[viewer]; e < part->start[viewer + 1]; e++) {
        film[n++] = l->film_row[part->col[e]];
    }
    qsort(film, (size_t)n, sizeof *film, compare_rows);
    return n;
}

/** NDCG of a list (rows of the table) against a row of the test part. */
static double ndcg_of(const struct lists *l, const struct reel_list *list, int32_t viewer,
                      int32_t n_places)
{
    const struct reel_csr *test = &l->split->test;
    const int64_t n_test = test->start[viewer + 1] - test->start[viewer];
    double dcg = 0, ideal = 0;
    for (int32_t i = 0; i < list->n; i++) {
        const int32_t column = l->column[list->item[i].film];
        dcg += column >= 0 && base_csr_has(test, viewer, column) ? 1 / log2(i + 2) : 0;
    }
    for (int32_t i = 0; i < n_test && i < n_places; i++) {
        ideal += 1 / log2(i + 2);
    }
    return dcg / ideal;
}

static enum reel_status measure_list(const struct lists *l,
                                     const struct reel_list_options *opt, int32_t viewer,
                                     struct mean *ndcg, struct mean *diversity,
                                     struct reel_error *err)
{
    const struct reel_viewer_state state = {
        .chosen = {.film = l->film, .n = rows_of(l, &l->split->train, viewer, l->film)},
        .seen = l->seen,
        .n_seen = rows_of(l, &l->split->known, viewer, l->seen)};
    struct reel_list list;
    const enum reel_status rc =
        reel_list_make(l->model, l->films, &state, opt, &list, err);
    if (rc == REEL_OK) {
        for (int32_t i = 0; i < list.n; i++) {
            l->film[i] = list.item[i].film;
        }
        mean_add(ndcg, ndcg_of(l, &list, viewer, opt->n));
        mean_add(diversity, rank_row_diversity(&l->films->genres, l->film, list.n));
        reel_list_release(&list);
    }
    return rc;
}

/** For one setting of the knob. */
static enum reel_status measure_lists(const struct lists *l,
                                      const struct reel_list_options *opt, int32_t stride,
                                      struct reel_point *out, struct reel_error *err)
{
    struct mean ndcg = {0}, diversity = {0};
    enum reel_status rc = REEL_OK;
    for (int32_t v = 0; rc == REEL_OK && v < l->split->test.n_rows; v += stride) {
        if (l->split->test.start[v + 1] > l->split->test.start[v]) {
            rc = measure_list(l, opt, v, &ndcg, &diversity, err);
        }
    }
    *out = point_of(&ndcg, mean_of(&diversity));
    return rc;
}

static enum reel_status lists_init(struct lists *l, struct reel_error *err)
{
    const int32_t n_cols = l->split->test.n_cols, n_films = l->films->n_films;
    const size_t room = (size_t)(n_films > n_cols ? n_films : n_cols) + 1;
    l->film = base_alloc_array(room, sizeof *l->film);
    l->seen = base_alloc_array(room, sizeof *l->seen);
    l->column = base_alloc_array(room, sizeof *l->column);
    if (!l->film || !l->seen || !l->column) {
        return fail(err, REEL_ENOMEM, "lists of %d films", n_films);
    }
    for (int32_t f = 0; f < n_films; f++) {
        l->column[f] = -1;
    }
    for (int32_t c = 0; c < n_cols; c++) {
        if (l->film_row[c] < 0 || l->film_row[c] >= n_films) {
            return fail(err, REEL_EINVAL, "column %d is film %d of %d", c, l->film_row[c],
                        n_films);
        }
        l->column[l->film_row[c]] = c;
    }
    return REEL_OK;
}

enum reel_status reel_curve_by_diversity(
    const struct reel_model *model, const struct reel_film_table *films,
    const int32_t *film_row, const struct reel_split *split,
    const struct reel_list_options *opt, const double *knob, int32_t n_knobs,
    int32_t n_viewers_max, struct reel_point *out, struct reel_error *err)
{
    struct lists l = {
        .model = model, .films = films, .film_row = film_row, .split = split};
    const int32_t n = split->test.n_rows;
    const int32_t stride =
        n_viewers_max > 0 ? (n + n_viewers_max - 1) / n_viewers_max : 1;
    enum reel_status rc = lists_init(&l, err);
    for (int32_t k = 0; rc == REEL_OK && k < n_knobs; k++) {
        struct reel_list_options one = *opt;
        one.diversity = knob[k];
        rc = measure_lists(&l, &one, stride > 0 ? stride : 1, &out[k], err);
    }
    base_free(l.film);
    base_free(l.seen);
    base_free(l.column);
    return rc;
}
