/**
 * Where the nodes of a story stand on paper: columns from left to right, one further than
 * the last parent; below each other so that nobody overlaps and children stand beside
 * their parent. Where branches meet, a node stands with one of its parents and the other
 * edges come from afar.
 */
#ifndef PLOT_FORMAT_LAYOUT_H
#define PLOT_FORMAT_LAYOUT_H

#include "plot_story.h"

struct plot_layout {
    int32_t *column; /* (n_nodes) from 0; every edge leads to a higher one */
    int32_t *beside; /* (n_nodes) the parent it stands beside, one column left; -1 */
    double *top;     /* (n_nodes) upper edge */
    int32_t n_columns;
    double height; /* of all */
};

/** `height` (n_nodes): of each node, with the gap below it. Errors: REEL_ENOMEM. */
enum reel_status plot_layout_init(struct plot_layout *layout,
                                  const struct reel_story *story,
                                  const struct plot_story_links *links,
                                  const double *height,
                                  struct reel_error *err) REEL_CHECKED;
void plot_layout_release(struct plot_layout *layout);

#endif
