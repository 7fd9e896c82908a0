/** Measuring any source of scores. */
#ifndef RANK_MEASURE_H
#define RANK_MEASURE_H

#include "rank_source.h"

#include <forkreel/rank.h>

/** As reel_measure. */
enum reel_status rank_measure(const struct rank_source *source,
                              const struct reel_csr *train,
                              const struct reel_csr *also_seen,
                              const struct reel_csr *test, const struct reel_csr *genres,
                              const struct reel_measure_options *opt,
                              struct reel_measures *out, float *ndcg_by_viewer,
                              struct reel_error *err) REEL_CHECKED;

/** Mean over pairs of rows of 1 - Jaccard; NAN when no pair has entries on both sides. */
double rank_row_diversity(const struct reel_csr *genres, const int32_t *list, int32_t n);

#endif
