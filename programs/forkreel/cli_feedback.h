/**
 * What people do, on its way into the store and out again: situations, what was shown, and
 * what a viewer wants of branches.
 */
#ifndef CLI_FEEDBACK_H
#define CLI_FEEDBACK_H

#include "cli_session.h"

#include <forkreel/feedback.h>
#include <forkreel/story.h>

/** Event after which a list shown before counts as taken: at most this long before. */
#define FEEDBACK_LIST_S (30 * 86400)

/** How much an event says that a film was liked, 0 .. 1; NAN: nothing. */
double feedback_liked(enum reel_event_kind kind, double value);

/** Lay the words of --context over what was said; what is not known is wrong usage. */
void feedback_context_arg(struct argp_state *state, const char *arg,
                          struct reel_context *context);

/**
 * What situations add to films, from all events whose situation is known; *model NULL when
 * there are none. The session must be loaded; its film table is what rows mean.
 */
enum reel_status feedback_context_fit(struct session *s,
                                      struct reel_context_model **model,
                                      struct reel_error *err);

/**
 * Log a list of films that was shown. `propensity` NULL: each was certain; `context` may be
 * NULL. A store that may not be written, or is being written, is no error.
 */
enum reel_status feedback_list_log(struct session *s, const char *viewer,
                                   const char *policy, const int64_t *film_key,
                                   const double *propensity, int32_t n,
                                   const struct reel_context *context,
                                   struct reel_error *err);

/* ---- branches ---- */

/** What is known of a viewer who plays. */
struct player {
    struct cli *cli;
    struct reel_store *store;
    const char *viewer;
    struct reel_bandit *bandit;
    const struct reel_event_type *type; /* (n_types) static storage */
    int32_t *n_chosen;                  /* (n_types) times this viewer chose each */
    float *situation; /* (n_types) what the situation adds to each; NULL nothing */
    int32_t n_types;
};

/** `opt` NULL: the standard. A state that cannot be read is told and begun anew. */
enum reel_status player_open(struct cli *cli, struct reel_store *store,
                             const char *viewer, const struct reel_bandit_options *opt,
                             struct player *out, struct reel_error *err);
void player_close(struct player *player);
/**
 * What was chosen in situations like this one, by everybody: the context model over the
 * events of branches and their genres. Hour, day and season are those of now unless said.
 */
enum reel_status player_situation(struct player *player,
                                  const struct reel_context *context,
                                  struct reel_error *err);
/** "bandit thompson e=0.20"; free it. */
char *player_policy(const struct player *player);

/** What the situation adds to the logit of a branch being taken; 0 when nothing is known. */
double player_situation_of(const struct player *player, const char *event);

/** Siblings as arms: x (n, REEL_ARM_DIMS), prior (n) adding up to 1. */
struct siblings {
    int32_t n;
    int32_t *node;      /* (n) in the order shown */
    double *propensity; /* (n) with which each came first */
    double *share;      /* (n) share of p_like among them */
    double *prior;      /* (n) the same with what the situation adds */
    float *x;           /* (n, REEL_ARM_DIMS) */
    double *novelty;    /* (n) */
    int64_t shown;      /* key of the log; 0 none */
};
/**
 * Children of a node as they are to be shown; by the bandit when `by_bandit`, else best
 * score first, which is then certain. Logged unless the viewer's store cannot be written.
 */
void siblings_make(struct player *player, const struct reel_story *story, int32_t node,
                   bool by_bandit, const char *context, struct siblings *out);
void siblings_release(struct siblings *siblings);

/**
 * One was chosen: kept as a choice with what was shown, answered in the log, learned from,
 * and told of the film the story grew from.
 */
enum reel_status player_choose(struct player *player, const struct reel_story *story,
                               int32_t from, const struct siblings *siblings,
                               int32_t i_chosen, const char *context,
                               struct reel_error *err);

/** Features of a branch whose event is of a known type or not; the types of story.h. */
void branch_arm(const char *event, const char *tone, double novelty,
                float x[REEL_ARM_DIMS]);
/** The same, with what is new to the player. */
void player_arm(const struct player *player, const char *event, const char *tone,
                float x[REEL_ARM_DIMS], double *novelty);

/** Adds what was chosen while playing to what another scorer says. */
struct player_scorer {
    struct player *player;
    struct reel_branch_scorer inner;
    const char *tone, *lang;
};
struct reel_branch_scorer player_branch_scorer(struct player_scorer *scorer);

/** The line of a sibling in the log, and back: false when it is not one. */
struct sibling_line {
    char event[64], tone[16];
    double prior, novelty;
};
char *sibling_line_make(const char *event, const char *tone, double prior,
                        double novelty); /* free it */
bool sibling_line_read(const char *text, struct sibling_line *out);

#endif
