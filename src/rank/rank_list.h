/** A list from any source of scores. */
#ifndef RANK_LIST_H
#define RANK_LIST_H

#include "rank_source.h"

#include <forkreel/rank.h>

/** As reel_list_make. */
enum reel_status rank_list_make(const struct rank_source *source,
                                const struct reel_film_table *films,
                                const struct reel_viewer_state *viewer,
                                const struct reel_list_options *opt,
                                struct reel_list *out,
                                struct reel_error *err) REEL_CHECKED;

/** As reel_scores_make. */
enum reel_status rank_scores_make(const struct rank_source *source,
                                  const struct reel_film_table *films,
                                  const struct reel_viewer_state *viewer,
                                  const struct reel_list_options *opt, float *score,
                                  double *unit, struct reel_error *err) REEL_CHECKED;

/** Marks of a history that tell a film was seen. */
#define RANK_SEEN_BITS                                                        \
    (1u << REEL_EVENT_RATE | 1u << REEL_EVENT_WATCH | 1u << REEL_EVENT_LIKE | \
     1u << REEL_EVENT_DISLIKE | 1u << REEL_EVENT_REVIEW)

#endif
