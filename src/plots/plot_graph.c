/**
 * Facts as bits, and what a story's physics are: where things are, who can meet, what a
 * death ends. The events themselves are data (plot_event.h).
 */
#include "plot_graph.h"

#include "base_alloc.h"
#include "base_error.h"

#include <assert.h>
#include <string.h>

static size_t n_rows(const struct plot_graph *g)
{
    return (size_t)PLOT_N_RELATIONS * (size_t)g->world->n_entities;
}

static uint64_t *row_of(const struct plot_graph *g, int32_t subject, int relation)
{
    assert(subject >= 0 && subject < g->world->n_entities);
    return &g->row[(size_t)relation * (size_t)g->world->n_entities + (size_t)subject];
}

static uint64_t bit_of(int relation, int32_t object)
{
    const int32_t at = plot_relation_arity(relation) == 1 ? 0 : object;
    assert(at >= 0 && at < 64);
    return (uint64_t)1 << at;
}

static enum reel_status make_rows(struct plot_graph *g, const struct plot_world *world,
                                  struct reel_error *err)
{
    *g = (struct plot_graph){.world = world};
    g->row = base_alloc_zeroed(n_rows(g), sizeof *g->row);
    return g->row ? REEL_OK : fail(err, REEL_ENOMEM, "graph of %d", world->n_entities);
}

enum reel_status plot_graph_init(struct plot_graph *graph, const struct plot_world *world,
                                 struct reel_error *err)
{
    const enum reel_status rc = make_rows(graph, world, err);
    for (int32_t i = 0; rc == REEL_OK && i < world->n_facts; i++) {
        const struct reel_fact *fact = &world->fact[i];
        const int relation = world->relation[i];
        *row_of(graph, fact->subject, relation) |= bit_of(relation, fact->object);
        if (plot_relation_is_symmetric(relation)) {
            *row_of(graph, fact->object, relation) |= bit_of(relation, fact->subject);
        }
    }
    return rc;
}

enum reel_status plot_graph_copy(struct plot_graph *to, const struct plot_graph *from,
                                 struct reel_error *err)
{
    const enum reel_status rc = make_rows(to, from->world, err);
    if (rc == REEL_OK) {
        plot_graph_assign(to, from);
    }
    return rc;
}

void plot_graph_assign(struct plot_graph *to, const struct plot_graph *from)
{
    assert(to->world == from->world);
    memcpy(to->row, from->row, n_rows(from) * sizeof *to->row);
}

void plot_graph_release(struct plot_graph *graph)
{
    base_free(graph->row);
    *graph = (struct plot_graph){0};
}

/* ---- asking ---- */

bool plot_graph_holds(const struct plot_graph *graph, int32_t subject,
                      enum plot_relation relation, int32_t object)
{
    return (*row_of(graph, subject, relation) & bit_of(relation, object)) != 0;
}

int32_t plot_graph_object(const struct plot_graph *graph, int32_t subject,
                          enum plot_relation relation)
{
    const uint64_t row = *row_of(graph, subject, relation);
    return row ? __builtin_ctzll(row) : -1;
}

int32_t plot_graph_subject(const struct plot_graph *graph, enum plot_relation relation,
                           int32_t object)
{
    for (int32_t s = 0; s < graph->world->n_entities; s++) {
        if (plot_graph_holds(graph, s, relation, object)) {
            return s;
        }
    }
    return -1;
}

bool plot_graph_equal(const struct plot_graph *x, const struct plot_graph *y)
{
    return x->world == y->world && !memcmp(x->row, y->row, n_rows(x) * sizeof *x->row);
}

/** Facts of `a` that are not in `b` (NULL: all of a). */
static int32_t list_facts(const struct plot_graph *a, const uint64_t *b,
                          struct reel_fact *fact, int32_t n_max)
{
    const int32_t n_entities = a->world->n_entities;
    int32_t n = 0;
    for (int r = 0; r < PLOT_N_RELATIONS; r++) {
        const int arity = plot_relation_arity(r);
        for (int32_t s = 0; s < n_entities; s++) {
            const uint64_t *row = row_of(a, s, r);
            uint64_t bits = *row & ~(b ? b[row - a->row] : 0);
            for (; bits; bits &= bits - 1) {
                const int32_t o = arity == 1 ? -1 : __builtin_ctzll(bits);
                if (plot_relation_is_symmetric(r) && o < s) {
                    continue;
                }
                if (n < n_max) {
                    fact[n] = (struct reel_fact){.subject = s,
                                                 .object = o,
                                                 .relation = plot_relation_name(r),
                                                 .source = REEL_SOURCE_EVENT};
                }
                n++;
            }
        }
    }
    return n;
}

int32_t plot_graph_facts(const struct plot_graph *graph, struct reel_fact *fact,
                         int32_t n_max)
{
    return list_facts(graph, NULL, fact, n_max);
}

/* ---- what the facts amount to ---- */

static bool either(const struct plot_graph *g, int32_t a, int relation, int32_t b)
{
    return plot_graph_holds(g, a, relation, b) || plot_graph_holds(g, b, relation, a);
}

static bool is_kin(const struct plot_graph *g, int32_t a, int32_t b)
{
    return either(g, a, PLOT_PARENT, b) || plot_graph_holds(g, a, PLOT_SIBLING, b);
}

static bool is_hostile(const struct plot_graph *g, int32_t a, int32_t b)
{
    return plot_graph_holds(g, a, PLOT_ENEMY, b) ||
           plot_graph_holds(g, a, PLOT_RIVAL, b) || either(g, a, PLOT_HATES, b) ||
           either(g, a, PLOT_HUNTS, b) || either(g, a, PLOT_WRONGED, b);
}

static bool is_fond(const struct plot_graph *g, int32_t a, int32_t b)
{
    return plot_graph_holds(g, a, PLOT_FRIEND, b) ||
           plot_graph_holds(g, a, PLOT_ALLY, b) ||
           plot_graph_holds(g, a, PLOT_LOVERS, b) ||
           plot_graph_holds(g, a, PLOT_MARRIED, b) ||
           plot_graph_holds(g, a, PLOT_TRUSTS, b) ||
           plot_graph_holds(g, a, PLOT_LOVES, b) || is_kin(g, a, b);
}

static bool is_the_love(const struct plot_world *world, int32_t lead, int32_t other)
{
    return lead == world->lead && strcmp(world->role_in_story[other], "love") == 0;
}

static bool is_drawn(const struct plot_graph *g, int32_t a, int32_t b)
{
    return either(g, a, PLOT_LOVES, b) || either(g, a, PLOT_WANTS, b) ||
           plot_graph_holds(g, a, PLOT_LOVERS, b) || is_the_love(g->world, a, b) ||
           is_the_love(g->world, b, a);
}

static bool is_wed(const struct plot_graph *g, int32_t a)
{
    uint64_t spouses = *row_of(g, a, PLOT_MARRIED);
    for (; spouses; spouses &= spouses - 1) {
        if (!plot_graph_holds(g, __builtin_ctzll(spouses), PLOT_DEAD, -1)) {
            return true;
        }
    }
    return false;
}

static bool is_at_one_place(const struct plot_graph *g, int32_t a, int32_t b)
{
    const int32_t at = plot_graph_object(g, a, PLOT_AT);
    return at >= 0 && at == plot_graph_object(g, b, PLOT_AT);
}

/** Where the two would be together; -1: nowhere that is known. */
static int32_t meeting_place(const struct plot_graph *g, int32_t a, int32_t b,
                             int32_t place)
{
    const int32_t at_a = plot_graph_object(g, a, PLOT_AT);
    const int32_t at_b = b >= 0 ? plot_graph_object(g, b, PLOT_AT) : -1;
    if (plot_graph_holds(g, a, PLOT_CAPTIVE, -1) && at_a >= 0) {
        return at_a;
    }
    if (b >= 0 && plot_graph_holds(g, b, PLOT_CAPTIVE, -1) && at_b >= 0) {
        return at_b;
    }
    return place >= 0 ? place : at_b >= 0 ? at_b : at_a;
}

static bool can_be_at(const struct plot_graph *g, int32_t person, int32_t place)
{
    const int32_t at = plot_graph_object(g, person, PLOT_AT);
    return !plot_graph_holds(g, person, PLOT_CAPTIVE, -1) || at < 0 || at == place;
}

static bool can_be_together(const struct plot_graph *g, int32_t a, int32_t b,
                            int32_t place)
{
    const int32_t where = meeting_place(g, a, b, place);
    if (place >= 0 && where != place) {
        return false;
    }
    if (plot_graph_holds(g, a, PLOT_CAPTIVE, -1) &&
        plot_graph_holds(g, b, PLOT_CAPTIVE, -1)) {
        return is_at_one_place(g, a, b);
    }
    return where < 0 || (can_be_at(g, a, where) && can_be_at(g, b, where) &&
                         !plot_graph_holds(g, where, PLOT_DESTROYED, -1));
}

static bool term_holds(const struct plot_graph *g, const struct plot_term *term,
                       int32_t s, int32_t o, int32_t place)
{
    switch (term->relation) {
    case PLOT_SAME_PLACE:
        return is_at_one_place(g, s, o);
    case PLOT_TOGETHER:
        return can_be_together(g, s, o, place);
    case PLOT_KIN:
        return is_kin(g, s, o);
    case PLOT_HOSTILE:
        return is_hostile(g, s, o);
    case PLOT_FOND:
        return is_fond(g, s, o);
    case PLOT_DRAWN:
        return is_drawn(g, s, o);
    case PLOT_WED:
        return is_wed(g, s);
    case PLOT_OWNED:
        return plot_graph_subject(g, PLOT_HAS, s) >= 0;
    default:
        return plot_graph_holds(g, s, term->relation, o);
    }
}

bool plot_graph_term(const struct plot_graph *graph, const struct plot_term *term,
                     const int32_t *role)
{
    const int32_t s = role[term->subject];
    const int32_t o = term->object < 0 ? -1 : role[term->object];
    if (s < 0 || (term->object >= 0 && o < 0)) {
        return false;
    }
    return term_holds(graph, term, s, o, role[PLOT_PLACE]) != term->is_not;
}

/** Filled where needed, by the right kind, nobody twice, nobody dead, nothing destroyed. */
static bool roles_fit(const struct plot_graph *g, const struct plot_event *event,
                      const int32_t *role)
{
    uint64_t seen = 0;
    for (int r = 0; r < PLOT_ROLES; r++) {
        const int32_t e = role[r];
        if (e < 0) {
            if (event->needs_role & 1U << r) {
                return false;
            }
            continue;
        }
        const enum reel_entity_kind kind = r == PLOT_PLACE    ? REEL_ENTITY_PLACE
                                           : r == PLOT_OBJECT ? REEL_ENTITY_OBJECT
                                           : r == PLOT_GROUP  ? REEL_ENTITY_GROUP
                                                              : REEL_ENTITY_PERSON;
        const bool is_creature = e < g->world->n_entities &&
                                 strcmp(g->world->role_in_story[e], "creature") == 0;
        if (e >= g->world->n_entities || g->world->entity[e].kind != kind ||
            (is_creature && !(event->creature_roles & 1U << r)) ||
            (seen & (uint64_t)1 << e) || plot_graph_holds(g, e, PLOT_DEAD, -1) ||
            plot_graph_holds(g, e, PLOT_DESTROYED, -1)) {
            return false;
        }
        seen |= (uint64_t)1 << e;
    }
    return true;
}

bool plot_graph_allows(const struct plot_graph *graph, const struct plot_event *event,
                       const int32_t *role)
{
    if (!roles_fit(graph, event, role)) {
        return false;
    }
    for (int32_t i = 0; i < event->n_needs; i++) {
        if (!plot_graph_term(graph, &event->need[i], role)) {
            return false;
        }
    }
    return true;
}

int32_t plot_graph_scene(const struct plot_graph *graph, const int32_t *role)
{
    return role[PLOT_A] < 0
               ? role[PLOT_PLACE]
               : meeting_place(graph, role[PLOT_A], role[PLOT_B], role[PLOT_PLACE]);
}

/* ---- changing ---- */

static void put(struct plot_graph *g, int32_t s, int relation, int32_t o, bool holds)
{
    const bool both = plot_relation_is_symmetric(relation);
    if (holds) {
        *row_of(g, s, relation) |= bit_of(relation, o);
        if (both) {
            *row_of(g, o, relation) |= bit_of(relation, s);
        }
    } else {
        *row_of(g, s, relation) &= ~bit_of(relation, o);
        if (both) {
            *row_of(g, o, relation) &= ~bit_of(relation, s);
        }
    }
}

/** Nobody stands in `relation` to `object` any more. */
static void clear_column(struct plot_graph *g, int relation, int32_t object)
{
    for (int32_t s = 0; s < g->world->n_entities; s++) {
        put(g, s, relation, object, false);
    }
}

static void set_free(struct plot_graph *g, int32_t person)
{
    put(g, person, PLOT_CAPTIVE, -1, false);
    put(g, person, PLOT_FREE, -1, true);
    clear_column(g, PLOT_HOLDS, person);
}

static void die(struct plot_graph *g, int32_t who)
{
    static const uint8_t ended[] = {
        PLOT_ALIVE,    PLOT_INJURED,   PLOT_ILL,      PLOT_CAPTIVE,  PLOT_FREE,
        PLOT_ACCUSED,  PLOT_DISGUISED, PLOT_RESOLVED, PLOT_DOUBTING, PLOT_POWERFUL,
        PLOT_HIDDEN,   PLOT_IN_DANGER, PLOT_WANTS,    PLOT_KNOWS,    PLOT_TRUSTS,
        PLOT_LOVES,    PLOT_HATES,     PLOT_OWES,     PLOT_PROMISED, PLOT_HUNTS,
        PLOT_SUSPECTS, PLOT_FEARS,     PLOT_DECEIVES, PLOT_BOSS,     PLOT_MEMBER};
    static const uint8_t ended_both[] = {PLOT_ALLY, PLOT_ENEMY, PLOT_RIVAL, PLOT_LOVERS,
                                         PLOT_COLLEAGUE};
    static const uint8_t ended_towards[] = {PLOT_HUNTS,    PLOT_HOLDS,    PLOT_SUSPECTS,
                                            PLOT_FEARS,    PLOT_DECEIVES, PLOT_TRUSTS,
                                            PLOT_PROMISED, PLOT_BOSS,     PLOT_WANTS};
    for (uint64_t held = *row_of(g, who, PLOT_HOLDS); held; held &= held - 1) {
        const int32_t captive = __builtin_ctzll(held);
        put(g, who, PLOT_HOLDS, captive, false);
        if (plot_graph_subject(g, PLOT_HOLDS, captive) < 0) {
            set_free(g, captive);
        }
    }
    // What the dead person had lies where the person is.
    const int32_t place = plot_graph_object(g, who, PLOT_AT);
    for (uint64_t had = *row_of(g, who, PLOT_HAS); had; had &= had - 1) {
        const int32_t object = __builtin_ctzll(had);
        put(g, who, PLOT_HAS, object, false);
        if (place >= 0) {
            put(g, object, PLOT_AT, place, true);
        }
    }
    for (size_t i = 0; i < sizeof ended; i++) {
        *row_of(g, who, ended[i]) = 0;
    }
    for (size_t i = 0; i < sizeof ended_towards; i++) {
        clear_column(g, ended_towards[i], who);
    }
    for (size_t i = 0; i < sizeof ended_both; i++) {
        clear_column(g, ended_both[i], who);
    }
    put(g, who, PLOT_DEAD, -1, true);
}

/** Who is in this relation has met. One may hunt, suspect or fear a stranger. */
static bool implies_met(int relation)
{
    switch (relation) {
    case PLOT_TRUSTS:
    case PLOT_LOVES:
    case PLOT_HATES:
    case PLOT_OWES:
    case PLOT_PROMISED:
    case PLOT_HOLDS:
    case PLOT_MENTOR:
    case PLOT_PARENT:
    case PLOT_BOSS:
    case PLOT_FRIEND:
    case PLOT_ALLY:
    case PLOT_ENEMY:
    case PLOT_RIVAL:
    case PLOT_SIBLING:
    case PLOT_MARRIED:
    case PLOT_LOVERS:
    case PLOT_COLLEAGUE:
        return true;
    default:
        return false;
    }
}

/** What cannot be true beside `s relation o`. */
static void end_opposites(struct plot_graph *g, int32_t s, int relation, int32_t o)
{
    static const struct {
        uint8_t relation, ends;
    } opposites[] = {
        {PLOT_FREE, PLOT_CAPTIVE},       {PLOT_CAPTIVE, PLOT_FREE},
        {PLOT_CAPTIVE, PLOT_HIDDEN},     {PLOT_RESOLVED, PLOT_DOUBTING},
        {PLOT_DOUBTING, PLOT_RESOLVED},  {PLOT_GOAL_MET, PLOT_GOAL_LOST},
        {PLOT_GOAL_LOST, PLOT_GOAL_MET}, {PLOT_POWERFUL, PLOT_FALLEN},
        {PLOT_FALLEN, PLOT_POWERFUL},    {PLOT_FRIEND, PLOT_ENEMY},
        {PLOT_FRIEND, PLOT_RIVAL},       {PLOT_ENEMY, PLOT_FRIEND},
        {PLOT_ENEMY, PLOT_ALLY},         {PLOT_ALLY, PLOT_ENEMY},
        {PLOT_TRUSTS, PLOT_SUSPECTS},    {PLOT_TRUSTS, PLOT_HATES},
        {PLOT_SUSPECTS, PLOT_TRUSTS},    {PLOT_HATES, PLOT_TRUSTS},
        {PLOT_HATES, PLOT_LOVES},        {PLOT_HATES, PLOT_FRIEND},
        {PLOT_LOVES, PLOT_HATES},
    };
    for (size_t i = 0; i < sizeof opposites / sizeof *opposites; i++) {
        if (opposites[i].relation == relation) {
            put(g, s, opposites[i].ends, o, false);
        }
    }
}

static void follow(struct plot_graph *g, int32_t s, int relation, int32_t o)
{
    end_opposites(g, s, relation, o);
    switch (relation) {
    case PLOT_DEAD:
        die(g, s);
        break;
    case PLOT_ALIVE:
        put(g, s, PLOT_DEAD, -1, false);
        break;
    case PLOT_FREE:
        set_free(g, s);
        break;
    case PLOT_AT:
    case PLOT_HAS:
    case PLOT_LOST:
    case PLOT_DESTROYED: {
        const int32_t moved = relation == PLOT_HAS ? o : s;
        if (g->world->entity[moved].kind == REEL_ENTITY_OBJECT) {
            clear_column(g, PLOT_HAS, moved);
            put(g, moved, PLOT_LOST, -1, false);
        }
        *row_of(g, moved, PLOT_AT) = 0;
        put(g, s, relation, o, true);
        break;
    }
    case PLOT_HOLDS:
        put(g, o, PLOT_CAPTIVE, -1, true);
        end_opposites(g, o, PLOT_CAPTIVE, -1);
        break;
    default:
        if (implies_met(relation)) {
            put(g, s, PLOT_MET, o, true);
        }
    }
}

void plot_graph_set(struct plot_graph *graph, int32_t subject,
                    enum plot_relation relation, int32_t object, bool holds)
{
    const int32_t o = plot_relation_arity(relation) == 1 ? -1 : object;
    if (!holds) {
        put(graph, subject, relation, o, false);
        if (relation == PLOT_CAPTIVE) {
            clear_column(graph, PLOT_HOLDS, subject);
        }
        return;
    }
    // The dead keep what they were to others; nothing new happens to them.
    if (relation != PLOT_DEAD && plot_graph_holds(graph, subject, PLOT_DEAD, -1)) {
        return;
    }
    put(graph, subject, relation, o, true);
    follow(graph, subject, relation, o);
}

static void bring_together(struct plot_graph *g, int32_t a, int32_t b, int32_t place)
{
    const int32_t where = meeting_place(g, a, b, place);
    const int32_t who[] = {a, b};
    for (int i = 0; i < 2 && where >= 0; i++) {
        if (!plot_graph_holds(g, who[i], PLOT_DEAD, -1) && can_be_at(g, who[i], where)) {
            plot_graph_set(g, who[i], PLOT_AT, where, true);
        }
    }
}

void plot_graph_happen(struct plot_graph *graph, const struct plot_event *event,
                       const int32_t *role)
{
    for (int32_t i = 0; i < event->n_effects; i++) {
        const struct plot_term *term = &event->effect[i];
        const int32_t s = role[term->subject];
        const int32_t o = term->object < 0 ? -1 : role[term->object];
        if (s < 0 || (term->object >= 0 && o < 0)) {
            continue;
        }
        if (term->relation == PLOT_TOGETHER) {
            bring_together(graph, s, o, role[PLOT_PLACE]);
        } else {
            plot_graph_set(graph, s, term->relation, o, !term->is_not);
        }
    }
}

enum reel_status plot_graph_apply(struct plot_graph *graph,
                                  const struct plot_event *event, const int32_t *role,
                                  struct reel_fact *gained, int32_t *n_gained,
                                  struct reel_fact *lost, int32_t *n_lost,
                                  struct reel_error *err)
{
    *n_gained = *n_lost = 0;
    struct plot_graph before;
    const enum reel_status rc = plot_graph_copy(&before, graph, err);
    if (rc != REEL_OK) {
        return rc;
    }
    plot_graph_happen(graph, event, role);
    *n_gained = list_facts(graph, before.row, gained, PLOT_CHANGES_MAX);
    *n_lost = list_facts(&before, graph->row, lost, PLOT_CHANGES_MAX);
    const int32_t n = *n_gained > *n_lost ? *n_gained : *n_lost;
    plot_graph_release(&before);
    return n <= PLOT_CHANGES_MAX
               ? REEL_OK
               : fail(err, REEL_EFAIL, "%s changes %d facts, more than %d", event->name,
                      n, PLOT_CHANGES_MAX);
}
