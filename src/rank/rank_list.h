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

#endif
