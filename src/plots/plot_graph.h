/**
 * What holds at one point of a story: a set of facts over the entities of a world. One bit
 * for each possible fact, so that asking costs nothing and a copy is one memcpy of a few
 * kilobytes; two graphs are equal when their bits are.
 */
#ifndef PLOT_GRAPH_H
#define PLOT_GRAPH_H

#include "plot_world.h"

struct plot_graph {
    const struct plot_world *world; /* borrowed */
    uint64_t *row; /* (PLOT_N_RELATIONS * n_entities): bit o of row[r * n_entities + s]
                      says "s r o"; a state is bit 0; symmetric facts stand both ways */
};

/** The facts at the opening. Errors: REEL_ENOMEM; `graph` may then be released. */
enum reel_status plot_graph_init(struct plot_graph *graph, const struct plot_world *world,
                                 struct reel_error *err) REEL_CHECKED;
enum reel_status plot_graph_copy(struct plot_graph *to, const struct plot_graph *from,
                                 struct reel_error *err) REEL_CHECKED;
/** The same into a graph of the same world that has its memory already. */
void plot_graph_assign(struct plot_graph *to, const struct plot_graph *from);
void plot_graph_release(struct plot_graph *graph);

/** Symmetric relations are asked in either order. `object` is not looked at for a state. */
bool plot_graph_holds(const struct plot_graph *graph, int32_t subject,
                      enum plot_relation relation, int32_t object);
/** The first object of `subject relation ?`, -1 none: plot_graph_object(g, rick, PLOT_AT). */
int32_t plot_graph_object(const struct plot_graph *graph, int32_t subject,
                          enum plot_relation relation);
/** The first subject of `? relation object`, -1 none: who has the letters. */
int32_t plot_graph_subject(const struct plot_graph *graph, enum plot_relation relation,
                           int32_t object);
/** Put or take one fact, and what follows from it (see plot_graph_apply). */
void plot_graph_set(struct plot_graph *graph, int32_t subject,
                    enum plot_relation relation, int32_t object, bool holds);
bool plot_graph_equal(const struct plot_graph *x, const struct plot_graph *y);
/**
 * All facts, by relation, subject, object; a symmetric one once, lower entity first. At most
 * n_max are written; gives how many there are. Their source is REEL_SOURCE_EVENT.
 */
int32_t plot_graph_facts(const struct plot_graph *graph, struct reel_fact *fact,
                         int32_t n_max);

/** Does a term hold with these roles? A term of a role that is not filled does not. */
bool plot_graph_term(const struct plot_graph *graph, const struct plot_term *term,
                     const int32_t *role);
/**
 * May the event happen with these roles (entities; -1 not filled)? Its preconditions hold,
 * every role it needs is filled by an entity of the right kind, no entity stands twice,
 * no person in it is dead, and what it happens at and with is not destroyed.
 */
bool plot_graph_allows(const struct plot_graph *graph, const struct plot_event *event,
                       const int32_t *role);
/** Most facts that one event may gain, or lose: what its terms say and what follows. */
#define PLOT_CHANGES_MAX (PLOT_TERMS_MAX * 2)
/**
 * Make the event happen, allowed or not; what changed goes to gained and lost
 * (PLOT_CHANGES_MAX each). Terms of roles that are not filled are passed over. A person is
 * at one place, an object with one person or at one place; who is together comes to the
 * event's place; dying ends what only the living do.
 *
 * Errors: REEL_ENOMEM; REEL_EFAIL more than PLOT_CHANGES_MAX facts changed.
 */
enum reel_status plot_graph_apply(struct plot_graph *graph,
                                  const struct plot_event *event, const int32_t *role,
                                  struct reel_fact *gained, int32_t *n_gained,
                                  struct reel_fact *lost, int32_t *n_lost,
                                  struct reel_error *err) REEL_CHECKED;
/** The same without the account of it, for search. */
void plot_graph_happen(struct plot_graph *graph, const struct plot_event *event,
                       const int32_t *role);
/** Where an event with these roles happens: its place, else where b or a is; -1 unknown. */
int32_t plot_graph_scene(const struct plot_graph *graph, const int32_t *role);

#endif
