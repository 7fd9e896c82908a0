/**
 * The event schema, data/events.json: what can happen, to whom, when, and what it changes.
 * Data, not code: roles, preconditions, effects, genres, templates. Loaded once per process
 * from the copy inside the program (plot_data.h), checked, immutable, shared by threads.
 */
#ifndef PLOT_EVENT_H
#define PLOT_EVENT_H

#include <forkreel/status.h>

/** Roles of an event, in this order everywhere. */
enum plot_role {
    PLOT_A,
    PLOT_B,
    PLOT_C,
    PLOT_PLACE,
    PLOT_OBJECT,
    PLOT_GROUP,
    PLOT_ROLES
};

/**
 * Relations of the knowledge graph: name, arity (1 state, 2 between two), is symmetric.
 * The names stand in story files and in data/events.json: never change one.
 */
// clang-format off
#define PLOT_RELATIONS(X) \
    X(ALIVE, "alive", 1, 0) \
    X(DEAD, "dead", 1, 0) \
    X(INJURED, "injured", 1, 0) \
    X(ILL, "ill", 1, 0) \
    X(CAPTIVE, "captive", 1, 0) \
    X(FREE, "free", 1, 0) \
    X(DISGUISED, "disguised", 1, 0) \
    X(ACCUSED, "accused", 1, 0) \
    X(GUILTY, "guilty", 1, 0) \
    X(RESOLVED, "resolved", 1, 0) \
    X(DOUBTING, "doubting", 1, 0) \
    X(CHANGED, "changed", 1, 0) \
    X(POWERFUL, "powerful", 1, 0) \
    X(FALLEN, "fallen", 1, 0) \
    X(HIDDEN, "hidden", 1, 0) \
    X(GOAL_MET, "goal_met", 1, 0) \
    X(GOAL_LOST, "goal_lost", 1, 0) \
    X(IN_DANGER, "in_danger", 1, 0) \
    X(DESTROYED, "destroyed", 1, 0) \
    X(LOST, "lost", 1, 0) \
    X(AT, "at", 2, 0) \
    X(HAS, "has", 2, 0) \
    X(WANTS, "wants", 2, 0) \
    X(MEMBER, "member", 2, 0) \
    X(KNOWS, "knows", 2, 0) /* knows the secret of a person or an object */ \
    X(TRUSTS, "trusts", 2, 0) \
    X(LOVES, "loves", 2, 0) \
    X(HATES, "hates", 2, 0) \
    X(OWES, "owes", 2, 0) \
    X(PROMISED, "promised", 2, 0) \
    X(HUNTS, "hunts", 2, 0) \
    X(HOLDS, "holds", 2, 0) /* holds captive */ \
    X(WRONGED, "wronged", 2, 0) \
    X(SUSPECTS, "suspects", 2, 0) \
    X(FEARS, "fears", 2, 0) \
    X(DECEIVES, "deceives", 2, 0) \
    X(MENTOR, "mentor", 2, 0) /* is mentor of */ \
    X(PARENT, "parent", 2, 0) /* is parent of */ \
    X(BOSS, "boss", 2, 0) /* is boss of */ \
    X(MET, "met", 2, 1) \
    X(FRIEND, "friend", 2, 1) \
    X(ALLY, "ally", 2, 1) \
    X(ENEMY, "enemy", 2, 1) \
    X(RIVAL, "rival", 2, 1) \
    X(SIBLING, "sibling", 2, 1) \
    X(MARRIED, "married", 2, 1) \
    X(LOVERS, "lovers", 2, 1) \
    X(COLLEAGUE, "colleague", 2, 1)
// clang-format on

enum plot_relation {
#define X(id, name, arity, symmetric) PLOT_##id,
    PLOT_RELATIONS(X)
#undef X
        PLOT_N_RELATIONS
};

const char *plot_relation_name(enum plot_relation relation);
int plot_relation_arity(enum plot_relation relation);
bool plot_relation_is_symmetric(enum plot_relation relation);
/** -1: there is none. */
int plot_relation_find(const char *name);

/**
 * What preconditions may ask beyond relations: worked out from the facts, never stored.
 * `together` may also be an effect: who is free comes to where the other one is, or all
 * come to the event's place.
 */
// clang-format off
#define PLOT_DERIVED(X) \
    X(SAME_PLACE, "same_place", 2) /* both are known to be at one place */ \
    X(TOGETHER, "together", 2) /* are, or can come, to one place: at most one is captive */ \
    X(KIN, "kin", 2) /* parent, child or sibling */ \
    X(HOSTILE, "hostile", 2) /* enemies or rivals, or one hates, hunts or was wronged */ \
    X(FOND, "fond", 2) /* friends, allies, a pair, kin, or the first trusts or loves */ \
    X(DRAWN, "drawn", 2) /* love, desire, or the lead and the story's love */ \
    X(WED, "wed", 1) /* married to anybody alive */ \
    X(OWNED, "owned", 1) /* somebody has the object */
// clang-format on

enum plot_derived {
    PLOT_DERIVED_BEFORE = PLOT_N_RELATIONS - 1,
#define X(id, name, arity) PLOT_##id,
    PLOT_DERIVED(X)
#undef X
        PLOT_N_PREDICATES
};

/** "trusts b a": roles, not entities. object -1 for a state. */
struct plot_term {
    uint8_t relation;       /* enum plot_relation or enum plot_derived */
    int8_t subject, object; /* enum plot_role */
    bool is_not;            /* as precondition: must not hold; as effect: ends */
};

enum plot_change { PLOT_OUTER = 1, PLOT_INNER = 2 };

#define PLOT_TERMS_MAX 32
#define PLOT_GENRES_MAX 32

struct plot_event {
    const char *name;     /* "betrayal" */
    const char *label[2]; /* en, zh */
    uint8_t needs_role;   /* bits 1 << enum plot_role that must be filled; a place may
                             always be filled besides */
    struct plot_term need[PLOT_TERMS_MAX], effect[PLOT_TERMS_MAX];
    struct plot_term
        prefer[PLOT_TERMS_MAX]; /* each that holds makes a filling likelier */
    int32_t n_needs, n_effects, n_prefers;
    float genre_weight[PLOT_GENRES_MAX]; /* by index of plot_schema.genre; 1 neutral */
    double intensity;                    /* 0 .. 1 */
    int32_t min_age;
    enum plot_change change;
    uint8_t tones;          /* bits by index of plot_schema.tone */
    const char *ending;     /* "happy", ...; NULL it cannot end a story */
    uint8_t ending_roles;   /* bits: what the lead may be in it at the end */
    uint8_t creature_roles; /* bits: which a creature may fill; others need a human */
    const char *const *sentence[2]; /* templates by language, at least 3 */
    const char *const *choice[2];   /* templates of choice texts, at least 2 */
    int32_t n_sentences[2], n_choices[2];
};

/** What a genre wants, as data: weights on inner and outer change, intensity, and events. */
struct plot_strategy {
    const char *genre;
    double inner, outer;                   /* weights of change */
    double intensity_begin, intensity_end; /* wanted along the path */
    uint8_t tones;                         /* bits: the genre's own tones */
    const float *event_weight;             /* (n_events); 1 neutral */
};

struct plot_schema {
    const struct plot_event *event;
    int32_t n_events;
    const char *const *genre; /* MovieLens' names */
    int32_t n_genres;
    const char *const *tone;
    int32_t n_tones;
    const struct plot_strategy *strategy; /* (n_genres) */
};

/** The schema inside the program. Errors: REEL_ENOMEM; a wrong schema is our own mistake. */
enum reel_status plot_schema_get(const struct plot_schema **out,
                                 struct reel_error *err) REEL_CHECKED;
/** From any document, for tests; free it. Errors: REEL_EFORMAT "events[3].needs[1]: ...". */
enum reel_status plot_schema_parse(const char *json, size_t n_bytes,
                                   struct plot_schema **out,
                                   struct reel_error *err) REEL_CHECKED;
void plot_schema_free(struct plot_schema *schema);
/** By name; -1: there is none. */
int32_t plot_schema_find(const struct plot_schema *schema, const char *name);

#endif
