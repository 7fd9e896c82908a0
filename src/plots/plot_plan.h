/**
 * What could happen next: three planners behind one call.
 *
 * - data: P(event given the last two events), from transitions of beats and choices, smoothed
 *   (interpolated, Jelinek-Mercer) with the genre's strategy;
 * - graph: search over preconditions and effects towards an ending and what must happen;
 * - mix: the product of both, which is the default.
 *
 *     struct plot_step step[16];
 *     rc = plot_plan_next(planner, &graph, path, n_path, depth_left, 16, step, &n, &err);
 */
#ifndef PLOT_PLAN_H
#define PLOT_PLAN_H

#include "plot_graph.h"

struct base_rng;

struct plot_step {
    int32_t event;            /* of the schema */
    int32_t role[PLOT_ROLES]; /* entities; -1 not filled */
    double p;       /* P(step given path), the steps that were offered adding up to 1 */
    bool is_ending; /* ends the story here */
    const char
        *sentence;      /* the planned sentence, filled template; owned by the planner */
    const char *choice; /* short choice text, imperative; owned by the planner */
};

/** Facts, options and learned transitions; sentences it makes live as long as it does. */
struct plot_planner;
enum reel_status plot_planner_create(const struct plot_world *world,
                                     const struct reel_fork_options *opt,
                                     struct plot_planner **out,
                                     struct reel_error *err) REEL_CHECKED;
void plot_planner_free(struct plot_planner *planner);

/**
 * At most n_max possible steps after `path` (events so far, the opening not counted), best
 * first, no two with the same event and roles; every one allowed by the graph. At
 * depth_left 0 only steps that can end the story. REEL_EFAIL when what must happen cannot
 * any more; n 0 when nothing is possible.
 */
enum reel_status plot_plan_next(struct plot_planner *planner,
                                const struct plot_graph *graph,
                                const struct plot_step *path, int32_t n_path,
                                int32_t depth_left, int32_t n_max, struct plot_step *step,
                                int32_t *n, struct reel_error *err) REEL_CHECKED;

/** Facts of the path that a writer needs, as short sentences in the story's language:
 *  who is there, what they are to each other, what changed; appended to `out`. */
struct base_buffer;
enum reel_status plot_graph_tell(const struct plot_graph *graph, const int32_t *entity,
                                 int32_t n_entities, struct base_buffer *out,
                                 struct reel_error *err) REEL_CHECKED;

#endif
