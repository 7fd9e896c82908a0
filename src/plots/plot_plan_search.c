/**
 * The graph's side of planning: who can fill which role, and whether what must happen can
 * still happen. The search is depth-first over goals (events that must happen, then an
 * ending): a goal that is possible now is taken; otherwise steps are tried that bring about
 * one fact that a nearly possible goal lacks. It is bounded, so it may miss a way that is
 * longer than two such steps for one goal; it never calls a way possible that is not.
 */
#include "plot_plan_parts.h"

#include "base_error.h"

#include <math.h>
#include <string.h>

enum { GOAL_TRIES = 5, MISSES_MAX = 2, FIXES_MAX = 6 };

int32_t plot_plan_lead(const struct plot_planner *p, const struct plot_graph *graph)
{
    const struct plot_world *world = p->world;
    if (!plot_graph_holds(graph, world->lead, PLOT_DEAD, -1)) {
        return world->lead;
    }
    for (int32_t i = 0; i < world->n_entities; i++) {
        if (world->entity[i].kind == REEL_ENTITY_PERSON &&
            !plot_graph_holds(graph, i, PLOT_DEAD, -1)) {
            return i;
        }
    }
    return -1;
}

static void cast_add(struct plan_cast *cast, int role, int32_t max, int32_t entity)
{
    for (int32_t i = 0; i < cast->n[role]; i++) {
        if (cast->item[role][i] == entity) {
            return;
        }
    }
    if (cast->n[role] < max) {
        cast->item[role][cast->n[role]++] = entity;
    }
}

void plot_plan_cast(const struct plot_planner *p, const struct plot_graph *graph,
                    struct plan_cast *cast)
{
    static const int32_t max[] = {0, PLAN_PERSONS_MAX, PLAN_PLACES_MAX, PLAN_OBJECTS_MAX,
                                  PLAN_GROUPS_MAX};
    static const int role_of[] = {0, PLOT_A, PLOT_PLACE, PLOT_OBJECT, PLOT_GROUP};
    memset(cast, 0, sizeof *cast);
    const int32_t lead = plot_plan_lead(p, graph);
    if (lead >= 0) {
        cast_add(cast, PLOT_A, PLAN_PERSONS_MAX, lead);
    }
    for (int32_t i = 0; i < p->world->n_entities; i++) {
        const enum reel_entity_kind kind = p->world->entity[i].kind;
        if (!plot_graph_holds(graph, i, PLOT_DEAD, -1) &&
            !plot_graph_holds(graph, i, PLOT_DESTROYED, -1)) {
            cast_add(cast, role_of[kind], max[kind], i);
        }
    }
    for (int r = PLOT_B; r <= PLOT_C; r++) {
        memcpy(cast->item[r], cast->item[PLOT_A], sizeof cast->item[r]);
        cast->n[r] = cast->n[PLOT_A];
    }
}

/* ---- fillings ---- */

struct binder {
    const struct plot_planner *p;
    const struct plot_graph *graph;
    const struct plan_cast *cast;
    const struct plot_event *event;
    const int32_t *fixed;
    int32_t (*out)[PLOT_ROLES];
    int32_t n, n_max;
    int32_t role[PLOT_ROLES];
    int n_misses_max; /* preconditions that may fail */
};

static int n_misses(const struct plot_graph *graph, const struct plot_event *event,
                    const int32_t *role, int n_max)
{
    int n = 0;
    for (int32_t i = 0; i < event->n_needs && n <= n_max; i++) {
        n += !plot_graph_term(graph, &event->need[i], role);
    }
    return n;
}

static void bind_done(struct binder *b)
{
    int32_t *role = b->role;
    const bool needs_place = b->event->needs_role & 1U << PLOT_PLACE;
    if (!needs_place) {
        role[PLOT_PLACE] = -1;
        role[PLOT_PLACE] = plot_graph_scene(b->graph, role);
    }
    const bool fits = b->n_misses_max == 0 ? plot_graph_allows(b->graph, b->event, role)
                                           : n_misses(b->graph, b->event, role,
                                                      b->n_misses_max) <= b->n_misses_max;
    if (fits && b->n < b->n_max) {
        memcpy(b->out[b->n++], role, sizeof b->role);
    }
}

static bool is_taken(const int32_t *role, int r, int32_t entity)
{
    for (int i = 0; i < r; i++) {
        if (role[i] == entity) {
            return true;
        }
    }
    return false;
}

static void bind_role(struct binder *b, int r)
{
    if (r == PLOT_ROLES) {
        bind_done(b);
        return;
    }
    b->role[r] = -1;
    if (!(b->event->needs_role & 1U << r)) {
        bind_role(b, r + 1);
        return;
    }
    const int32_t fixed = b->fixed ? b->fixed[r] : -1;
    for (int32_t i = 0; i < b->cast->n[r] && b->n < b->n_max; i++) {
        const int32_t entity = b->cast->item[r][i];
        if ((fixed < 0 || fixed == entity) && !is_taken(b->role, r, entity)) {
            b->role[r] = entity;
            bind_role(b, r + 1);
        }
    }
    b->role[r] = -1;
}

static int32_t bind(const struct plot_planner *p, const struct plot_graph *graph,
                    const struct plan_cast *cast, int32_t event, const int32_t *fixed,
                    int n_misses_max, int32_t (*out)[PLOT_ROLES], int32_t n_max)
{
    struct binder b = {.p = p,
                       .graph = graph,
                       .cast = cast,
                       .event = &p->schema->event[event],
                       .fixed = fixed,
                       .out = out,
                       .n_max = n_max,
                       .n_misses_max = n_misses_max};
    bind_role(&b, 0);
    return b.n;
}

int32_t plot_plan_bindings(const struct plot_planner *p, const struct plot_graph *graph,
                           const struct plan_cast *cast, int32_t event,
                           const int32_t *fixed, int32_t (*out)[PLOT_ROLES],
                           int32_t n_max)
{
    return bind(p, graph, cast, event, fixed, 0, out, n_max);
}

double plot_plan_preference(const struct plot_graph *graph,
                            const struct plot_event *event, const int32_t *role)
{
    int32_t n_held = 0;
    for (int32_t i = 0; i < event->n_prefers; i++) {
        n_held += plot_graph_term(graph, &event->prefer[i], role);
    }
    return event->n_prefers == 0 ? 1 : n_held == 0 ? .15 : .5 * pow(2.2, n_held);
}

/* ---- endings ---- */

static bool is_ending_event(const struct plot_planner *p, int32_t event)
{
    const char *ending = p->schema->event[event].ending;
    return ending && p->weight[event] > 0 &&
           (!p->ending || strcmp(ending, p->ending) == 0);
}

bool plot_plan_is_end(const struct plot_planner *p, const struct plot_graph *graph,
                      int32_t event, const int32_t *role)
{
    const int32_t lead = plot_plan_lead(p, graph);
    const uint8_t roles = p->schema->event[event].ending_roles;
    return is_ending_event(p, event) && ((role[PLOT_A] == lead && roles & 1U << PLOT_A) ||
                                         (role[PLOT_B] == lead && roles & 1U << PLOT_B));
}

/** Fillings of an ending event with the lead in it. */
static int32_t bind_ending(const struct plot_planner *p, const struct plot_graph *graph,
                           const struct plan_cast *cast, int32_t event,
                           int32_t (*out)[PLOT_ROLES], int32_t n_max)
{
    const int32_t lead = plot_plan_lead(p, graph);
    const int32_t as_a[PLOT_ROLES] = {lead, -1, -1, -1, -1, -1};
    const int32_t as_b[PLOT_ROLES] = {-1, lead, -1, -1, -1, -1};
    if (lead < 0 || !is_ending_event(p, event)) {
        return 0;
    }
    const struct plot_event *e = &p->schema->event[event];
    int32_t n = e->ending_roles & 1U << PLOT_A
                    ? bind(p, graph, cast, event, as_a, 0, out, n_max)
                    : 0;
    if (e->needs_role & e->ending_roles & 1U << PLOT_B && n < n_max) {
        n += bind(p, graph, cast, event, as_b, 0, out + n, n_max - n);
    }
    return n;
}

double plot_plan_ending_value(const struct plot_planner *p,
                              const struct plot_graph *graph)
{
    struct plan_cast cast;
    plot_plan_cast(p, graph, &cast);
    double best = 0;
    for (int32_t e = 0; e < p->schema->n_events; e++) {
        int32_t role[24][PLOT_ROLES];
        const int32_t n = bind_ending(p, graph, &cast, e, role, 24);
        for (int32_t i = 0; i < n; i++) {
            const double value =
                p->weight[e] * plot_plan_preference(graph, &p->schema->event[e], role[i]);
            best = value > best ? value : best;
        }
    }
    return best;
}

/* ---- search ---- */

struct search {
    struct plot_planner *p;
    int n_graphs; /* made so far */
};

static bool solve(struct search *s, const struct plot_graph *graph, uint32_t rest,
                  int32_t n_left, int depth, struct plan_candidate *first);

/** Take a step and go on; the graph after it is the one of the next depth. */
static bool solve_after(struct search *s, const struct plot_graph *graph, int32_t event,
                        const int32_t *role, uint32_t rest, int32_t n_left, int depth,
                        struct plan_candidate *first)
{
    if (depth >= PLAN_DEPTH_MAX || s->n_graphs >= PLAN_SEARCH_MAX) {
        return false;
    }
    s->n_graphs++;
    struct plot_graph *after = &s->p->graph[depth];
    plot_graph_assign(after, graph);
    plot_graph_happen(after, &s->p->schema->event[event], role);
    const bool is_lead_gone = plot_plan_lead(s->p, after) != plot_plan_lead(s->p, graph);
    if (is_lead_gone || !solve(s, after, rest, n_left - 1, depth + 1, NULL)) {
        return false;
    }
    if (first) {
        *first = (struct plan_candidate){.event = event};
        memcpy(first->role, role, sizeof first->role);
    }
    return true;
}

static bool can_end_now(const struct plot_planner *p, const struct plot_graph *graph)
{
    struct plan_cast cast;
    plot_plan_cast(p, graph, &cast);
    for (int32_t e = 0; e < p->schema->n_events; e++) {
        int32_t role[1][PLOT_ROLES];
        if (bind_ending(p, graph, &cast, e, role, 1) > 0) {
            return true;
        }
    }
    return false;
}

/** The goal itself, now; as the last step it must be an ending about the lead. */
static bool solve_goal(struct search *s, const struct plot_graph *graph,
                       const struct plan_cast *cast, int32_t goal, uint32_t rest,
                       int32_t n_left, int depth, struct plan_candidate *first)
{
    int32_t role[32][PLOT_ROLES];
    const int32_t n = bind(s->p, graph, cast, goal, NULL, 0, role, 32);
    int n_tried = 0;
    for (int32_t i = 0; i < n && n_tried < GOAL_TRIES; i++) {
        if (n_left > 1) {
            n_tried++;
            if (solve_after(s, graph, goal, role[i], rest, n_left, depth, first)) {
                return true;
            }
        } else if (rest == 0 && plot_plan_is_end(s->p, graph, goal, role[i])) {
            if (first) {
                *first = (struct plan_candidate){.event = goal};
                memcpy(first->role, role[i], sizeof first->role);
            }
            return true;
        }
    }
    return false;
}

/** May an effect bring about what a precondition asks? Derived ones by what they are of. */
static bool would_help(const struct plot_term *effect, const struct plot_term *need)
{
    static const uint8_t fond[] = {PLOT_FRIEND, PLOT_ALLY,  PLOT_LOVERS,
                                   PLOT_TRUSTS, PLOT_LOVES, PLOT_MARRIED};
    static const uint8_t hostile[] = {PLOT_ENEMY, PLOT_RIVAL, PLOT_HATES, PLOT_HUNTS,
                                      PLOT_WRONGED};
    const bool is_fond = memchr(fond, effect->relation, sizeof fond) != NULL;
    const bool is_hostile = memchr(hostile, effect->relation, sizeof hostile) != NULL;
    switch (need->relation) {
    case PLOT_FOND:
        return is_fond && effect->is_not == need->is_not;
    case PLOT_HOSTILE:
        return is_hostile && effect->is_not == need->is_not;
    case PLOT_WED:
        return effect->relation == PLOT_MARRIED && effect->is_not == need->is_not;
    case PLOT_OWNED:
        return (effect->relation == PLOT_HAS || effect->relation == PLOT_LOST);
    case PLOT_TOGETHER:
    case PLOT_SAME_PLACE:
        return effect->relation == PLOT_TOGETHER || effect->relation == PLOT_AT ||
               effect->relation == PLOT_FREE ||
               (effect->relation == PLOT_CAPTIVE && effect->is_not);
    case PLOT_CAPTIVE:
        return (effect->relation == PLOT_CAPTIVE && effect->is_not == need->is_not) ||
               (effect->relation == PLOT_FREE && need->is_not) ||
               (effect->relation == PLOT_HOLDS && !need->is_not);
    case PLOT_MET:
        return !need->is_not && (effect->relation == PLOT_MET || is_fond);
    case PLOT_AT:
        return effect->relation == PLOT_AT || effect->relation == PLOT_TOGETHER;
    default:
        return effect->relation == need->relation && effect->is_not == need->is_not;
    }
}

/** A step that makes one failing precondition hold, then the rest. */
static bool solve_need(struct search *s, const struct plot_graph *graph,
                       const struct plan_cast *cast, const struct plot_term *need,
                       const int32_t *role, uint32_t rest, int32_t n_left, int depth,
                       struct plan_candidate *first)
{
    const int32_t who[2] = {role[need->subject],
                            need->object < 0 ? -1 : role[need->object]};
    int n_tried = 0;
    for (int32_t e = 0; e < s->p->schema->n_events; e++) {
        const struct plot_event *event = &s->p->schema->event[e];
        bool helps = false;
        for (int32_t i = 0; i < event->n_effects; i++) {
            helps |= would_help(&event->effect[i], need);
        }
        int32_t filling[64][PLOT_ROLES];
        const int32_t n = helps && s->p->weight[e] > 0
                              ? bind(s->p, graph, cast, e, NULL, 0, filling, 64)
                              : 0;
        for (int32_t i = 0; i < n; i++) {
            if (!is_taken(filling[i], PLOT_ROLES, who[0]) || depth >= PLAN_DEPTH_MAX) {
                continue;
            }
            struct plot_graph *after = &s->p->graph[depth];
            plot_graph_assign(after, graph);
            plot_graph_happen(after, event, filling[i]);
            if (!plot_graph_term(after, need, role)) {
                continue;
            }
            if (n_tried++ >= FIXES_MAX) {
                return false;
            }
            if (solve_after(s, graph, e, filling[i], rest, n_left, depth, first)) {
                return true;
            }
        }
    }
    return false;
}

/** Fillings of a goal that miss little, and the steps that would mend them. */
static bool solve_enabling(struct search *s, const struct plot_graph *graph,
                           const struct plan_cast *cast, int32_t goal, uint32_t rest,
                           int32_t n_left, int depth, struct plan_candidate *first)
{
    const struct plot_event *event = &s->p->schema->event[goal];
    for (int misses = 1; misses <= MISSES_MAX; misses++) {
        int32_t role[8][PLOT_ROLES];
        const int32_t n = bind(s->p, graph, cast, goal, NULL, misses, role, 8);
        for (int32_t i = 0; i < n; i++) {
            for (int32_t t = 0; t < event->n_needs; t++) {
                if (!plot_graph_term(graph, &event->need[t], role[i]) &&
                    solve_need(s, graph, cast, &event->need[t], role[i], rest, n_left,
                               depth, first)) {
                    return true;
                }
            }
        }
    }
    return false;
}

/** One of the goals has to be an ending, else the ending takes a step of its own. */
static int32_t n_steps_least(const struct plot_planner *p, uint32_t rest)
{
    int32_t n = 0;
    bool has_ending = false;
    for (int32_t i = 0; i < p->n_must; i++) {
        if (rest & 1U << i) {
            n++;
            has_ending |= is_ending_event(p, p->must[i]);
        }
    }
    return n + !has_ending;
}

static bool solve(struct search *s, const struct plot_graph *graph, uint32_t rest,
                  int32_t n_left, int depth, struct plan_candidate *first)
{
    const struct plot_planner *p = s->p;
    const int32_t least = n_steps_least(p, rest);
    if (first) {
        first->event = -1;
    }
    if (n_left < least || plot_plan_lead(p, graph) < 0) {
        return false;
    }
    if (rest == 0 && can_end_now(p, graph)) {
        return true;
    }
    struct plan_cast cast;
    plot_plan_cast(p, graph, &cast);
    for (int32_t i = 0; i < p->n_must; i++) {
        if (rest & 1U << i && solve_goal(s, graph, &cast, p->must[i], rest & ~(1U << i),
                                         n_left, depth, first)) {
            return true;
        }
    }
    for (int32_t i = 0; n_left > least && i < p->n_must; i++) {
        if (rest & 1U << i &&
            solve_enabling(s, graph, &cast, p->must[i], rest, n_left, depth, first)) {
            return true;
        }
    }
    for (int32_t e = 0; rest == 0 && n_left > 1 && e < p->schema->n_events; e++) {
        if (is_ending_event(p, e) &&
            solve_enabling(s, graph, &cast, e, rest, n_left, depth, first)) {
            return true;
        }
    }
    return false;
}

bool plot_plan_reaches(struct plot_planner *p, const struct plot_graph *graph,
                       uint32_t rest, int32_t n_left, struct plan_candidate *first)
{
    struct search s = {.p = p};
    return solve(&s, graph, rest, n_left, 0, first);
}

/* ---- why not ---- */

static void term_print(const struct plot_world *world, const struct plot_term *term,
                       const int32_t *role, char *text, size_t n_text_bytes)
{
    const char *relation = plot_relation_name((enum plot_relation)term->relation);
    const char *subject = world->entity[role[term->subject]].name;
    snprintf(text, n_text_bytes, "%s%s %s%s%s", subject, term->is_not ? ": not" : ":",
             relation, term->object < 0 ? "" : " ",
             term->object < 0 ? "" : world->entity[role[term->object]].name);
}

/** What the best filling of an event lacks. */
static enum reel_status explain_goal(const struct plot_planner *p,
                                     const struct plot_graph *graph, int32_t goal,
                                     struct reel_error *err)
{
    static const char *const kinds[] = {"person", "person", "person",
                                        "place",  "object", "group"};
    const struct plot_event *event = &p->schema->event[goal];
    struct plan_cast cast;
    plot_plan_cast(p, graph, &cast);
    for (int r = 0, n_persons = 0; r < PLOT_ROLES; r++) {
        n_persons += r <= PLOT_C && event->needs_role & 1U << r;
        if (event->needs_role & 1U << r && cast.n[r] < (r <= PLOT_C ? n_persons : 1)) {
            return fail(err, REEL_EFAIL,
                        "'%s' must happen but cannot: there is no %s for it", event->name,
                        kinds[r]);
        }
    }
    for (int misses = 1; misses <= event->n_needs; misses++) {
        int32_t role[1][PLOT_ROLES];
        if (bind(p, graph, &cast, goal, NULL, misses, role, 1) > 0) {
            for (int32_t i = 0; i < event->n_needs; i++) {
                if (!plot_graph_term(graph, &event->need[i], role[0])) {
                    char text[200];
                    term_print(p->world, &event->need[i], role[0], text, sizeof text);
                    return fail(err, REEL_EFAIL,
                                "'%s' must happen but cannot any more: nearest is what "
                                "lacks \"%s\"",
                                event->name, text);
                }
            }
        }
    }
    return fail(err, REEL_EFAIL, "'%s' must happen but cannot any more in time",
                event->name);
}

enum reel_status plot_plan_explain(struct plot_planner *p, const struct plot_graph *graph,
                                   uint32_t rest, int32_t n_left, struct reel_error *err)
{
    const int32_t least = n_steps_least(p, rest);
    if (plot_plan_lead(p, graph) < 0) {
        return fail(err, REEL_EFAIL, "nobody is alive to go on");
    }
    if (rest && n_left < least) {
        return fail(err, REEL_EFAIL,
                    "what must happen takes %d steps with an ending, but %d %s left",
                    least, n_left, n_left == 1 ? "is" : "are");
    }
    for (int32_t i = 0; i < p->n_must; i++) {
        if (rest & 1U << i && !plot_plan_reaches(p, graph, 1U << i, n_left, NULL)) {
            return explain_goal(p, graph, p->must[i], err);
        }
    }
    if (rest) {
        return fail(err, REEL_EFAIL,
                    "what must happen cannot all happen in the %d steps left", n_left);
    }
    return fail(err, REEL_EFAIL, "no %s%sending is possible any more",
                p->ending ? p->ending : "", p->ending ? " " : "");
}
