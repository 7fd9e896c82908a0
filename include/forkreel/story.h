/**
 * @file story.h
 * A film's plot grown into branches: make it, keep it, walk it, show it.
 *
 * A story is a checked, immutable graph of nodes. Node 0 is the opening; every other node has
 * one or more parents of lower index (branches that agree meet again), so one pass from front
 * to back sees parents before children. A node without children is an ending or an open end.
 * Everything refers by index, nothing by pointer, so a story can be checked, saved and compared.
 *
 *     struct reel_fork_options opt = reel_fork_options_default();
 *     opt.lm = lm;
 *     opt.language = "en";
 *     struct reel_story *story;
 *     rc = reel_fork_film(premise_json, &opt, &story, &err);
 *     rc = rc ? rc : reel_story_save(story, "alien.story.json", &err);
 *     reel_story_free(story);
 */
#ifndef FORKREEL_STORY_H
#define FORKREEL_STORY_H

#include <forkreel/lm.h>
#include <forkreel/status.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REEL_STORY_VERSION 1
#define REEL_STORY_MAX_NODES 100000

/* ---- who and what ---- */

enum reel_entity_kind {
    REEL_ENTITY_PERSON = 1,
    REEL_ENTITY_PLACE = 2,
    REEL_ENTITY_OBJECT = 3,
    REEL_ENTITY_GROUP = 4,
};

/** Where a fact comes from. */
enum reel_source {
    REEL_SOURCE_CATALOGUE = 1, /* the film's record */
    REEL_SOURCE_RULE = 2,      /* read off a premise by rules */
    REEL_SOURCE_MODEL = 3,     /* read off a premise by the language model */
    REEL_SOURCE_EVENT = 4,     /* an event of the story brought it */
    REEL_SOURCE_PERSON = 5,    /* somebody wrote it */
};

struct reel_entity {
    const char *id; /* [a-z0-9_]+, unique in the story */
    enum reel_entity_kind kind;
    const char *name; /* in the story's language */
    const char *const
        *alias; /* (n_aliases) other ways to call it, in the same language */
    const char *const *trait; /* (n_traits) */
    const char *goal;         /* NULL none */
    char gender;              /* 'm', 'f', 'n' */
    int32_t n_aliases, n_traits;
    enum reel_source source;
};

/** "subject relation object": {rick, "at", cafe}; a state has no object: {ugarte, "dead", -1}. */
struct reel_fact {
    int32_t subject, object; /* entities; object -1 where the relation takes none */
    const char *relation;    /* a name of the relation table (docs/stories.md) */
    enum reel_source source;
};

/* ---- nodes ---- */

enum reel_provenance {
    REEL_BY_OPENING = 1,  /* the premise itself */
    REEL_BY_MODEL = 2,    /* the language model's words */
    REEL_BY_TEMPLATE = 3, /* the planned sentence itself */
    REEL_BY_PERSON = 4,   /* somebody wrote or rewrote it */
};

struct reel_check_result {
    const char *name; /* "unfinished", "copies-synopsis", ... */
    bool is_passed;
    int32_t n_failed_candidates; /* how many were dropped for it */
};

/** A part of a number that was shown; the parts add up to it. */
struct reel_score_part {
    const char *name; /* in the story's language */
    double value;
};

struct reel_role_filler {
    const char *role; /* "a", "b", "c", "place", "object", "group" */
    int32_t entity;
};

struct reel_story_node {
    const int32_t *parent; /* (n_parents) ascending, all < own index; none for node 0 */
    int32_t n_parents;
    int32_t depth;      /* 0 for the opening */
    const char *choice; /* what the player picks to come here; NULL for node 0 */
    const char *event;  /* schema name; NULL for the opening and for free text */
    const struct reel_role_filler *role; /* (n_roles) */
    int32_t n_roles;
    const char *plan;                      /* the planned sentence; NULL for free text */
    const char *text;                      /* what is read; never empty */
    const struct reel_fact *gained, *lost; /* what it changes */
    int32_t n_gained, n_lost;
    double logp_per_token; /* of its text given what came before; NAN unknown */
    double
        gain_per_token; /* logp given the story minus logp given nothing; NAN unknown */
    double p_plan; /* P(event given path) among the siblings planned; NAN free text */
    double p_like; /* P(R given U, S); NAN without a viewer */
    const struct reel_score_part *part; /* (n_parts) of p_like */
    int32_t n_parts;
    double score;     /* what siblings are ordered by */
    double diversity; /* 1 - largest similarity to a sibling; NAN alone */
    const struct reel_check_result *check; /* (n_checks) */
    int32_t n_checks;
    enum reel_provenance provenance;
    bool is_ending;
    const char
        *ending; /* "happy", "bittersweet", "tragic", "open"; NULL unless is_ending */
};

struct reel_story {
    const char *id;                     /* [a-z0-9-]+, from title and time */
    const char *title;                  /* of the film, in the story's language */
    int64_t film_key;                   /* 0 for a premise of one's own */
    const char *viewer;                 /* NULL none */
    const char *language;               /* "en" or "zh" */
    const char *genre, *tone, *method;  /* genre: "Drama, War"; tone may be NULL */
    const char *model, *model_checksum; /* NULL: written without a model */
    const char *prompt_version;
    uint64_t seed;
    int64_t created_s;
    const char *premise; /* what it grew from, as one JSON document (docs/catalogue.md) */
    const struct reel_entity *entity; /* (n_entities) */
    const struct reel_fact *fact;     /* (n_facts) at the opening */
    const struct reel_story_node *node;
    int32_t n_entities, n_facts, n_nodes;
    void *owned;
};

/**
 * Every promise of this header: order of parents, indices in range, node 0, texts, depths.
 * Errors: REEL_EFORMAT "node 4 parent 1: no node 17".
 */
enum reel_status reel_story_check(const struct reel_story *story,
                                  struct reel_error *err) REEL_CHECKED;
void reel_story_free(struct reel_story *story);

/** The whole file or nothing. Errors: REEL_EIO. */
enum reel_status reel_story_save(const struct reel_story *story, const char *path,
                                 struct reel_error *err) REEL_CHECKED;
/** Errors: REEL_ENOTFOUND; REEL_EFORMAT with file, line or node, and value; REEL_EVERSION. */
enum reel_status reel_story_load(const char *path, struct reel_story **out,
                                 struct reel_error *err) REEL_CHECKED;
/** The same from bytes in memory; `name` stands in errors. */
enum reel_status reel_story_parse(const char *json, size_t n_bytes, const char *name,
                                  struct reel_story **out,
                                  struct reel_error *err) REEL_CHECKED;

/** Children of a node, best score first; `child` (at most n_max) is filled; gives how many there are. */
int32_t reel_story_children(const struct reel_story *story, int32_t node, int32_t *child,
                            int32_t n_max);
/** Children of all nodes in one pass: those of node i are child[start[i]] .. child[start[i + 1] - 1],
 *  best score first. */
struct reel_story_links {
    const int32_t *start; /* (n_nodes + 1) */
    const int32_t *child; /* (start[n_nodes]) */
    void *owned;
};
enum reel_status reel_story_links_make(const struct reel_story *story,
                                       struct reel_story_links *out,
                                       struct reel_error *err) REEL_CHECKED;
void reel_story_links_release(struct reel_story_links *links);
/**
 * P(S given M) of every node: the product of P(s_i given s_1 .. s_(i-1), M) along the way,
 * summed over the ways where branches meet. Siblings that nobody planned are equally likely.
 * Shapes:  p (n_nodes), in [0, 1].
 */
void reel_story_probabilities(const struct reel_story *story,
                              const struct reel_story_links *links, double *p);
/** From the opening to the node of the best path (largest mean score); gives its length. */
int32_t reel_story_best_path(const struct reel_story *story, int32_t *path,
                             int32_t n_max);

/* ---- growing ---- */

/** What a scorer is shown of a branch. */
struct reel_branch {
    const char *text, *choice;
    const char *event;        /* NULL free text */
    const char *genre;        /* of the film, "Drama, War" */
    const char *event_genres; /* of the event, those that it suits */
    double intensity;         /* of the event, 0 .. 1 */
    const char *language;
};
#define REEL_BRANCH_PARTS_MAX 16
struct reel_branch_score {
    double p_like; /* 0 .. 1 */
    struct {
        char name[64]; /* in the language asked for */
        double value;
    } part[REEL_BRANCH_PARTS_MAX]; /* adding up to p_like */
    int32_t n_parts;
};
/** P(R given U, S): how much a viewer would like each branch; filled by the caller of fork. */
struct reel_branch_scorer {
    enum reel_status (*score)(const struct reel_branch *branch, int32_t n,
                              struct reel_branch_score *out, void *payload,
                              struct reel_error *err);
    void *payload;
};

enum reel_method {
    REEL_METHOD_MIX = 0,   /* data and graph together, written by the model */
    REEL_METHOD_DATA = 1,  /* event transitions learned from films and choices */
    REEL_METHOD_TEXT = 2,  /* the model goes on freely; checks still hold */
    REEL_METHOD_GRAPH = 3, /* planner over preconditions and effects */
    REEL_METHOD_PLAIN =
        4, /* one prompt, no plan, no checks: what the others are measured by */
};

/** A transition that viewers chose or that films show: event `from` ("" opening) to `to`. */
struct reel_transition {
    const char *from, *to;
    double weight; /* times seen */
};

struct reel_fork_options {
    struct reel_lm *lm;   /* NULL: planned sentences alone */
    const char *language; /* "en" or "zh" */
    int32_t n_branches;   /* children of a node; default 3 */
    int32_t depth;        /* default 3 */
    int32_t n_candidates; /* texts tried for each child; default 8 */
    int32_t n_words_max;  /* of one node; default 60 (Chinese: 100 characters) */
    enum reel_method method;
    const char *genre;  /* "Drama, War"; NULL the film's own */
    const char *tone;   /* "dark", "light", "tense", "tender", "wry"; NULL the genre's */
    const char *ending; /* "happy", "bittersweet", "tragic", "open"; NULL any */
    const char *const *must, *const *must_not; /* events by schema name */
    int32_t n_must, n_must_not;
    int32_t max_age; /* events above this age limit are left out; -1 no limit */
    double weight_plan, weight_like,
        weight_gain;  /* of the three probabilities; default 1 each */
    double diversity; /* 0 .. 1, of siblings; default .4 */
    bool is_merging;  /* branches that agree meet again; default true */
    uint64_t seed;
    const char *viewer; /* name, kept in the story; may be NULL */
    int64_t film_key;
    struct reel_branch_scorer scorer;         /* .score NULL: p_like is NAN */
    const struct reel_transition *transition; /* learned from choices and other films */
    int32_t n_transitions;
    /** A node is done, best of its candidates chosen; texts live until it returns. */
    void (*on_node)(const struct reel_story_node *node, int32_t i_node, void *payload);
    void *payload;
    struct reel_progress progress;
};
struct reel_fork_options reel_fork_options_default(void);

/**
 * Grow a tree from a premise: the JSON document of docs/catalogue.md (a film's `story` as
 * reel_store_film_load gives it), or a text of one's own (see reel_premise_from_text).
 *
 * Errors:  REEL_EFORMAT the premise, with place and value; REEL_EINVAL an option, as "there
 *          is no event 'betrayel'; did you mean betrayal?"; REEL_EFAIL what must happen cannot;
 *          REEL_ECANCELLED; those of reel_lm_generate.
 */
enum reel_status reel_fork_film(const char *premise_json,
                                const struct reel_fork_options *opt,
                                struct reel_story **out,
                                struct reel_error *err) REEL_CHECKED;

/**
 * A premise from a person's own opening: rules find persons, places and objects, the model
 * (NULL: none) fills what rules cannot tell; every fact is marked with its source.
 * `*json` is the caller's, freed with reel_text_free.
 */
enum reel_status reel_premise_from_text(const char *text, const char *language,
                                        struct reel_lm *lm, char **json,
                                        struct reel_error *err) REEL_CHECKED;
void reel_text_free(char *text);

/** The event schema, for help texts and choosers; static storage. */
struct reel_event_type {
    const char *name;
    const char *label_en, *label_zh;
    const char *genres; /* "Crime, Thriller" */
    double intensity;
};
const struct reel_event_type *reel_event_types(int32_t *n);

/** Transitions between the events of films' beats; `premise` (n) JSON documents. Free it. */
enum reel_status reel_transitions_learn(const char *const *premise, int32_t n,
                                        struct reel_transition **out, int32_t *n_out,
                                        struct reel_error *err) REEL_CHECKED;
void reel_transitions_free(struct reel_transition *transition, int32_t n);

/* ---- measuring ---- */

struct reel_story_measures {
    int32_t n_nodes;   /* without openings */
    double broken_off; /* shares of nodes, 0 .. 1 */
    double copied;     /* share an n-gram (8 words, 12 characters) with the synopsis */
    double unknown_names;
    double contradictions;
    double wrong_language;
    double repeated;       /* repeats itself or an ancestor */
    double planned_only;   /* text is only the planned sentence */
    double choices_differ; /* share of sibling sets whose choice texts all differ */
    double self_bleu4;     /* of siblings, mean */
    double distinct2;      /* distinct bigrams over bigrams, of siblings */
    double gain_per_token; /* mean */
    double sound;          /* share of nodes in which no check finds anything */
    /* Mean over the sound nodes alone: a text that says the story again is very likely
       given the story, so copies gain most. NAN without sound nodes. */
    double gain_sound;
};
/** `lm` judges the gain; NULL: as stored in the nodes. */
enum reel_status reel_story_measure(const struct reel_story *const *story, int32_t n,
                                    struct reel_lm *lm, struct reel_story_measures *out,
                                    struct reel_error *err) REEL_CHECKED;

/* ---- characters' lines ---- */

struct reel_line {
    int32_t entity; /* who speaks */
    const char *text;
    enum reel_provenance provenance;
};
struct reel_dialogue {
    struct reel_line *line;
    int32_t n_lines;
    void *owned;
};
/** `n_lines` lines for a node, by the persons in it, following traits, goals and relations. */
enum reel_status reel_dialogue_make(const struct reel_story *story, int32_t node,
                                    struct reel_lm *lm, int32_t n_lines, uint64_t seed,
                                    struct reel_dialogue *out,
                                    struct reel_error *err) REEL_CHECKED;
void reel_dialogue_release(struct reel_dialogue *dialogue);

/* ---- walking ---- */

/** Where a player stands; kept apart from the story. */
struct reel_walk;
enum reel_status reel_walk_create(const struct reel_story *story, struct reel_walk **out,
                                  struct reel_error *err) REEL_CHECKED;
void reel_walk_free(struct reel_walk *walk);
/** Who walks; kept with the walk. NULL as long as nobody said. */
enum reel_status reel_walk_set_viewer(struct reel_walk *walk, const char *viewer,
                                      struct reel_error *err) REEL_CHECKED;
const char *reel_walk_viewer(const struct reel_walk *walk);
int32_t reel_walk_node(const struct reel_walk *walk);
/** The way so far, the opening first; borrowed until the next step. */
const int32_t *reel_walk_path(const struct reel_walk *walk, int32_t *n);
/** Errors: REEL_EINVAL not a child of where the walk stands. */
enum reel_status reel_walk_choose(struct reel_walk *walk, int32_t child,
                                  struct reel_error *err) REEL_CHECKED;
/** One step back; false at the opening. */
bool reel_walk_back(struct reel_walk *walk);
enum reel_status reel_walk_save(const struct reel_walk *walk, const char *path,
                                struct reel_error *err) REEL_CHECKED;
/** Errors: REEL_EFORMAT also when the file belongs to another story. */
enum reel_status reel_walk_load(const struct reel_story *story, const char *path,
                                struct reel_walk **out,
                                struct reel_error *err) REEL_CHECKED;

/* ---- other formats ---- */

struct reel_story_format {
    const char *name;   /* "twee" */
    const char *suffix; /* ".twee" */
    const char *summary;
};
const struct reel_story_format *reel_story_formats(int32_t *n);
/** Errors: REEL_EINVAL no such format, with the names; REEL_EIO. The whole file or nothing. */
enum reel_status reel_story_export(const struct reel_story *story, const char *format,
                                   const char *path, struct reel_error *err) REEL_CHECKED;
/** The same to an open stream ("-" of the command line). */
enum reel_status reel_story_write(const struct reel_story *story, const char *format,
                                  FILE *out, struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
