/** What the files of the planner share: plot_plan.c, plot_plan_data.c, plot_plan_search.c. */
#ifndef PLOT_PLAN_PARTS_H
#define PLOT_PLAN_PARTS_H

#include "base_arena.h"
#include "base_rng.h"
#include "plot_plan.h"

enum {
    PLAN_MUST_MAX = 16,
    PLAN_PERSONS_MAX = 12, /* considered for roles; the lead and who is about first */
    PLAN_PLACES_MAX = 8,
    PLAN_OBJECTS_MAX = 8,
    PLAN_GROUPS_MAX = 4,
    PLAN_BINDINGS_MAX = 4096, /* of one event */
    PLAN_DEPTH_MAX = 12,      /* steps that the search looks ahead */
    PLAN_SEARCH_MAX = 400,    /* graphs that one search may make */
};

/** Who can fill which role now, in the order in which they are tried. */
struct plan_cast {
    int32_t item[PLOT_ROLES][PLAN_PERSONS_MAX];
    int32_t n[PLOT_ROLES];
};

/** P(event given the last two), counted once. */
struct plan_data {
    double *count1;    /* (n_events) */
    double *count2;    /* ((n_events + 1) * n_events): row 0 is the opening */
    double *sum2;      /* (n_events + 1) */
    int32_t *sequence; /* (n_sequence) the film's own beats, for three in a row */
    int32_t n_sequence, n_events;
    double sum1;
};

struct plot_planner {
    const struct plot_schema *schema;
    const struct plot_world *world;
    struct base_arena arena; /* options, data and the sentences handed out */
    struct plan_data data;
    double *weight; /* (n_events) of genre; 0: may not happen */
    double inner, outer, intensity_begin, intensity_end;
    uint8_t tones_wanted, tones_genre;
    const char *ending; /* NULL any */
    int32_t must[PLAN_MUST_MAX];
    int32_t n_must;
    enum reel_method method;
    uint64_t seed;
    struct plot_graph graph[PLAN_DEPTH_MAX + 2]; /* one for each level of search */
    int32_t (*binding)[PLOT_ROLES];              /* (PLAN_BINDINGS_MAX) scratch */
    struct plan_candidate *candidate;            /* (n_candidates_max) scratch */
    int32_t *n_told; /* (n_events) how often an event was put into words */
    int32_t n_candidates_max;
};

struct plan_candidate {
    int32_t event;
    int32_t role[PLOT_ROLES];
    double score;
    enum { PLAN_UNTRIED, PLAN_SOUND, PLAN_UNSOUND, PLAN_PICKED } state;
};

/* ---- plot_plan_data.c ---- */

enum reel_status plot_plan_data_init(struct plot_planner *p,
                                     const struct reel_fork_options *opt,
                                     struct reel_error *err) REEL_CHECKED;
/** `last` the latest event, `before` the one before; -1 the opening. */
double plot_plan_data_p(const struct plan_data *data, int32_t before, int32_t last,
                        int32_t event);

/* ---- plot_plan_search.c ---- */

/** The living lead: the protagonist, else the first who lives; -1 nobody does. */
int32_t plot_plan_lead(const struct plot_planner *p, const struct plot_graph *graph);
void plot_plan_cast(const struct plot_planner *p, const struct plot_graph *graph,
                    struct plan_cast *cast);
/**
 * Every filling of an event's roles that the graph allows, at most n_max; a role of `fixed`
 * that is not -1 stands. A place that the event does not ask for is where it happens.
 */
int32_t plot_plan_bindings(const struct plot_planner *p, const struct plot_graph *graph,
                           const struct plan_cast *cast, int32_t event,
                           const int32_t *fixed, int32_t (*out)[PLOT_ROLES],
                           int32_t n_max);
/** May this step be the last one: an ending of the kind wanted, about the lead? */
bool plot_plan_is_end(const struct plot_planner *p, const struct plot_graph *graph,
                      int32_t event, const int32_t *role);
/**
 * Can the events of `rest` (bits of p->must) and an ending still come to pass within n_left
 * steps? `first` (may be NULL) receives the first step of the way found; event -1 where
 * any will do.
 */
bool plot_plan_reaches(struct plot_planner *p, const struct plot_graph *graph,
                       uint32_t rest, int32_t n_left, struct plan_candidate *first);
/** REEL_EFAIL with what hinders. */
enum reel_status plot_plan_explain(struct plot_planner *p, const struct plot_graph *graph,
                                   uint32_t rest, int32_t n_left, struct reel_error *err);
/** How well the ending that is wanted would fit now: what its best filling weighs. */
double plot_plan_ending_value(const struct plot_planner *p,
                              const struct plot_graph *graph);
/** By how much an event's preferred facts make a filling likelier. */
double plot_plan_preference(const struct plot_graph *graph,
                            const struct plot_event *event, const int32_t *role);

#endif
