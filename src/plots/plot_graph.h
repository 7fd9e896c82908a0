/**
 * What holds at one point of a story: a sorted set of facts over the entities of a world.
 * Small, copied from parent to child; two graphs are equal when their sets are.
 */
#ifndef PLOT_GRAPH_H
#define PLOT_GRAPH_H

#include "plot_world.h"

/** subject 16 bits, relation 16, object 16 (0xffff none): sorts and compares as a number. */
typedef uint64_t plot_fact_key;

struct plot_graph {
    const struct plot_world *world; /* borrowed */
    plot_fact_key *fact;            /* (n_facts) ascending */
    int32_t n_facts, room;
};

enum reel_status plot_graph_init(struct plot_graph *graph, const struct plot_world *world,
                                 struct reel_error *err) REEL_CHECKED;
enum reel_status plot_graph_copy(struct plot_graph *to, const struct plot_graph *from,
                                 struct reel_error *err) REEL_CHECKED;
void plot_graph_release(struct plot_graph *graph);

/** Symmetric relations are asked in either order. */
bool plot_graph_holds(const struct plot_graph *graph, int32_t subject,
                      enum plot_relation relation, int32_t object);
/** The first object of `subject relation ?`, -1 none: plot_graph_object(g, rick, PLOT_AT). */
int32_t plot_graph_object(const struct plot_graph *graph, int32_t subject,
                          enum plot_relation relation);
enum reel_status plot_graph_set(struct plot_graph *graph, int32_t subject,
                                enum plot_relation relation, int32_t object, bool holds,
                                struct reel_error *err) REEL_CHECKED;
bool plot_graph_equal(const struct plot_graph *x, const struct plot_graph *y);
/** Equal graphs have equal numbers. */
uint64_t plot_graph_hash(const struct plot_graph *graph);

/** Do the preconditions of an event hold with these roles (entities; -1 not filled)? */
bool plot_graph_allows(const struct plot_graph *graph, const struct plot_event *event,
                       const int32_t *role);
/**
 * Make the event happen; what changed goes to gained and lost (PLOT_TERMS_MAX * 2 each).
 * A person is at one place, an object with one person; dying ends what only the living do.
 */
enum reel_status plot_graph_apply(struct plot_graph *graph,
                                  const struct plot_event *event, const int32_t *role,
                                  struct reel_fact *gained, int32_t *n_gained,
                                  struct reel_fact *lost, int32_t *n_lost,
                                  struct reel_error *err) REEL_CHECKED;

#endif
