/** From a finished story back to its steps and graphs. */
#ifndef PLOT_REPLAY_H
#define PLOT_REPLAY_H

#include "plot_plan.h"

/** The event of a node as a step; false: free text, or an event not in the schema. */
bool plot_step_of(const struct plot_schema *schema, const struct plot_world *world,
                  const struct reel_story_node *node, struct plot_step *step);

/** Texts on the way to a node by first parents, the opening first; `told` has room for
 *  n_nodes. Gives how many. */
int32_t plot_story_told(const struct reel_story *story, int32_t node, const char **told);

/** What holds after a node, by its first parents. The caller releases the graph. */
enum reel_status plot_replay(const struct plot_schema *schema,
                             const struct plot_world *world,
                             const struct reel_story *story, int32_t node,
                             struct plot_graph *graph,
                             struct reel_error *err) REEL_CHECKED;

#endif
