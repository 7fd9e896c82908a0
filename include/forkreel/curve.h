/**
 * @file curve.h
 * How good something is along something else: a threshold, what was said, the length of a
 * history, the knob of diversity. What charts of measures draw.
 */
#ifndef FORKREEL_CURVE_H
#define FORKREEL_CURVE_H

#include <forkreel/rank.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A mean, or a share, at one place. */
struct reel_point {
    double x, y;      /* NAN where n is 0 */
    double low, high; /* 95 % interval of y; NAN for a mean of fewer than two */
    int64_t n;        /* what y is a mean of */
};

/**
 * How often what was said came true, counted in n steps of what was said: step i is for
 * probabilities in [i / n, (i + 1) / n).
 */
struct reel_outcomes {
    const int64_t *n_true, *n_false; /* (n) */
    int32_t n;
};

/**
 * ROC: the share of the false (x) and of the true (y) that are taken for true when the surest
 * 0, 1, ... steps are. `*area` is that of the trapezoids below.
 *
 * Shapes:  x, y (said->n + 1), from (0, 0) to (1, 1).
 * Errors:  REEL_EINVAL nothing is true, or nothing is false; NAN in all then.
 */
enum reel_status reel_roc(const struct reel_outcomes *said, double *x, double *y,
                          double *area, struct reel_error *err) REEL_CHECKED;

/**
 * Reliability: what was said (x, at the middles of steps) against the share that came true
 * (y), in bins of neighbouring steps as equally filled as steps allow. Intervals: Wilson
 * 1927, as if all were independent.
 *
 * Shapes:  out (n_bins_max). Returns: how many bins; 0 when nothing was said.
 */
int32_t reel_reliability_curve(const struct reel_outcomes *said, int32_t n_bins_max,
                               struct reel_point *out);

/**
 * Share of all (y) that fell into each of n_bins equal parts of [0, 1], x their middles; n
 * counts, low and high are NAN. n_bins divides said->n.
 */
void reel_outcome_shares(const struct reel_outcomes *said, int32_t n_bins,
                         struct reel_point *out);

/**
 * Means of a value of viewers, by the length of their histories: bucket b is for rows of
 * more than length_max[b - 1] and at most length_max[b] entries; x is b. Normal intervals.
 *
 * Shapes:  value (history->n_rows), NAN left out; length_max ascends and ends in INT32_MAX;
 *          out (n_buckets).
 */
void reel_curve_by_length(const struct reel_csr *history, const float *value,
                          const int32_t *length_max, int32_t n_buckets,
                          struct reel_point *out);

/**
 * Lists as viewers get them, for each setting of the diversity knob: NDCG at opt->n of the
 * films held back (y, with a normal interval) against the mean of 1 - Jaccard of genres over
 * pairs (x). A list is asked with split->train as the history and split->known as seen.
 *
 * Shapes:  film_row (columns of split): their rows in the table; knob, out (n_knobs).
 *          Of more than n_viewers_max viewers evenly many are asked.
 * Errors:  REEL_EINVAL a row that is not in the table; those of reel_list_make; REEL_ENOMEM.
 */
enum reel_status reel_curve_by_diversity(
    const struct reel_model *model, const struct reel_film_table *films,
    const int32_t *film_row, const struct reel_split *split,
    const struct reel_list_options *opt, const double *knob, int32_t n_knobs,
    int32_t n_viewers_max, struct reel_point *out, struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
