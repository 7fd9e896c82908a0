/**
 * @file feedback.h
 * Learning from what people do: a bandit over what a viewer wants of branches, the situation
 * in which they watch, and what the logs say about a policy that was never run.
 *
 * Nothing here draws a random number of its own: the generator's state is an argument.
 */
#ifndef FORKREEL_FEEDBACK_H
#define FORKREEL_FEEDBACK_H

#include <forkreel/matrix.h>
#include <forkreel/status.h>

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- contextual bandit over features of branches ---- */

enum reel_bandit_policy { REEL_BANDIT_LINUCB, REEL_BANDIT_THOMPSON };

/**
 * The knob: with probability 1 - exploration the arm of the best mean comes first, else one
 * that the policy picks (LinUCB: the highest upper bound; Thompson: the best under weights
 * drawn from what is believed), and of these picks a tenth is uniform, so that every arm has
 * a propensity above 0 whenever exploration is.
 */
struct reel_bandit_options {
    enum reel_bandit_policy policy;
    double exploration; /* 0 .. 1; share of picks that may differ from the best */
    double ridge;       /* prior precision of a weight, 1e-6 .. 1e6 */
    double drift;       /* sensitivity of the test for drift; 1 usual, 0: never reset */
};
/** Thompson sampling, exploration .2, ridge 1, drift 1. */
struct reel_bandit_options reel_bandit_options_default(void);

#define REEL_BANDIT_MAX_DIMS 512

/** One viewer's weights: n_dims, A (n_dims x n_dims), b, and a test for drift. */
struct reel_bandit;
enum reel_status reel_bandit_create(int32_t n_dims, const struct reel_bandit_options *opt,
                                    struct reel_bandit **out,
                                    struct reel_error *err) REEL_CHECKED;
void reel_bandit_free(struct reel_bandit *bandit);
struct reel_bandit_options reel_bandit_options(const struct reel_bandit *bandit);
int32_t reel_bandit_n_dims(const struct reel_bandit *bandit);
/** Rewards learned from since the beginning, or since taste last drifted. */
int64_t reel_bandit_n_learned(const struct reel_bandit *bandit);
/** As bytes for the store, freed with reel_bandit_bytes_free, and back. Errors: REEL_EFORMAT;
 *  REEL_EVERSION. */
enum reel_status reel_bandit_save(const struct reel_bandit *bandit, unsigned char **out,
                                  size_t *n_bytes, struct reel_error *err) REEL_CHECKED;
enum reel_status reel_bandit_load(const unsigned char *bytes, size_t n_bytes,
                                  struct reel_bandit **out,
                                  struct reel_error *err) REEL_CHECKED;
void reel_bandit_bytes_free(unsigned char *bytes);
/** Move the knob of a bandit that was loaded. Errors: REEL_EINVAL. */
enum reel_status reel_bandit_tune(struct reel_bandit *bandit,
                                  const struct reel_bandit_options *opt,
                                  struct reel_error *err) REEL_CHECKED;
/**
 * Order n arms and say with which probability each would have come first; those behind the
 * first stand by mean, equal ones as given. Exact for what is drawn here: Thompson's shares
 * are counted over a fixed number of draws first, and the arm is then drawn from the shares.
 * Shapes: x (n, n_dims); prior (n) what is expected of each arm before the weights speak, or
 *         NULL: 0; order, propensity (n); propensities add up to 1.
 * Cost:   LinUCB n * n_dims^2; Thompson besides n_dims^3 / 6 and 256 draws.
 */
enum reel_status reel_bandit_rank(const struct reel_bandit *bandit, const float *x,
                                  const double *prior, int32_t n, uint64_t seed,
                                  int32_t *order, double *propensity,
                                  struct reel_error *err) REEL_CHECKED;
/** What an arm is worth beyond its prior: mean and standard deviation of the mean (may be
 *  NULL). */
enum reel_status reel_bandit_value(const struct reel_bandit *bandit, const float *x,
                                   int32_t n, double *mean, double *sd,
                                   struct reel_error *err) REEL_CHECKED;
/**
 * One arm's reward, 0 .. 1, of which `prior` (0 .. 1) was expected before the weights spoke;
 * *was_reset (may be NULL) tells that taste had drifted.
 */
enum reel_status reel_bandit_learn(struct reel_bandit *bandit, const float *x,
                                   double prior, double reward, bool *was_reset,
                                   struct reel_error *err) REEL_CHECKED;

/**
 * What a simulated viewer lost to not being known: at each round five arms of six features,
 * of which a hidden linear taste likes one most; `regret` (n_rounds) is what the best arm
 * would have brought beyond the one shown, cumulated. `opt` NULL shows at random. From round
 * `turn_at` on (0: never) taste is the opposite.
 */
enum reel_status reel_bandit_simulate(const struct reel_bandit_options *opt,
                                      int32_t n_rounds, int32_t turn_at, uint64_t seed,
                                      double *regret,
                                      struct reel_error *err) REEL_CHECKED;

/** A branch as an arm. */
struct reel_arm {
    const char *event;  /* schema name; NULL free text */
    const char *tone;   /* "dark", "light", "tense", "tender", "wry"; NULL none */
    const char *genres; /* that the event suits, "Crime, Thriller"; NULL none */
    double intensity;   /* 0 .. 1 */
    double novelty;     /* 0 seen often .. 1 never seen by this viewer */
};
#define REEL_ARM_DIMS 56
/**
 * Features: a constant, intensity, novelty, five tones, genres in 16 and events in 32 places
 * by hash; what belongs to no place is 0.
 */
void reel_arm_features(const struct reel_arm *arm, float x[REEL_ARM_DIMS]);

/* ---- what a logged policy says about another ---- */

/** One decision that was logged. */
struct reel_logged {
    double propensity;   /* of the shown arm under the policy that ran, > 0 */
    double target;       /* of the same arm under the policy in question */
    double reward;       /* 0 .. 1 */
    double model_shown;  /* a model's guess of the reward of the arm shown */
    double model_target; /* and its mean under the policy in question */
};
struct reel_estimate {
    double value;       /* not clipped; SNIPS: NAN when no arm shown has a weight */
    double low, high;   /* 95 %, within 0 .. 1 */
    double n_effective; /* (sum w)^2 / sum w^2 */
};
struct reel_off_policy {
    struct reel_estimate ips, snips, doubly_robust;
};
/**
 * Errors:  REEL_EINVAL nothing logged, or a number out of its range; REEL_ENOMEM.
 * Sources: Horvitz and Thompson 1952; Swaminathan and Joachims 2015; Dudik, Langford, Li
 *          2011; intervals bootstrap-t, from 20,000 decisions on normal.
 */
enum reel_status reel_off_policy_evaluate(const struct reel_logged *log, int32_t n,
                                          uint64_t seed, struct reel_off_policy *out,
                                          struct reel_error *err) REEL_CHECKED;

/* ---- the situation ---- */

enum reel_context_kind {
    REEL_CONTEXT_HOUR,    /* night, morning, afternoon, evening */
    REEL_CONTEXT_DAY,     /* workday, weekend */
    REEL_CONTEXT_SEASON,  /* spring, summer, autumn, winter */
    REEL_CONTEXT_DEVICE,  /* tv, computer, tablet, phone */
    REEL_CONTEXT_COMPANY, /* alone, partner, children, friends */
    REEL_CONTEXT_MOOD,    /* calm, cheerful, sad, tense, curious */
    REEL_N_CONTEXT_KINDS
};
#define REEL_CONTEXT_TEXT_BYTES 160 /* enough for every situation as a text */

struct reel_context {
    int8_t value[REEL_N_CONTEXT_KINDS]; /* index of the word; -1 not said */
    int32_t minutes;                    /* at hand; 0 not said */
    char language[8];                   /* "en", "zh", ...; "" not said */
    int32_t age;                        /* of the youngest; 0 not said */
};
/** A situation of which nothing is said. */
struct reel_context reel_context_unknown(void);
/**
 * Read "company=children,minutes=90,mood=calm,hour=evening", into what was said so far: a
 * later word for the same thing stays. Names and words of values in English or Chinese
 * (同伴=孩子，分钟=90), with commas of either; hour also as 0 to 23, day also as the name of
 * a weekday, age=8, language=zh.
 * Errors: REEL_EINVAL names what is not known and what would be; `*context` stays then.
 */
enum reel_status reel_context_parse(const char *text, struct reel_context *context,
                                    struct reel_error *err) REEL_CHECKED;
/** As reel_context_parse reads it, in English; "" when nothing is said. */
void reel_context_print(const struct reel_context *context,
                        char text[REEL_CONTEXT_TEXT_BYTES]);
/** The situation of a moment: hour, day and season (of the north) by local time. */
struct reel_context reel_context_at(int64_t at_s);
/** What `known` does not say is taken from `other`. */
struct reel_context reel_context_or(const struct reel_context *known,
                                    const struct reel_context *other);
const char *reel_context_kind_name(enum reel_context_kind kind, const char *lang);
int32_t reel_context_n_values(enum reel_context_kind kind);
const char *reel_context_value_name(enum reel_context_kind kind, int32_t value,
                                    const char *lang);

/** Children of whom no age is said are taken to be as old as this. */
#define REEL_CONTEXT_CHILD_AGE 7
struct reel_filter;
/**
 * The hard limits of a situation, laid upon a filter: films known to be fit for the youngest
 * age, known to be no longer than the minutes at hand, in the language. Where the filter is
 * stricter already it stays so; `language` (1) is where its list of languages then lies.
 */
void reel_context_limit(const struct reel_context *context, const char *language[1],
                        struct reel_filter *filter);

/**
 * Weights of (context value x genre) learned from events: what a situation adds to what is
 * expected without it, on the scale of logits.
 *
 * Each kind of context has its own prior, whose width is found from the data (empirical
 * Bayes): a kind that tells nothing is shrunk to next to nothing. What a genre is liked more or
 * less than expected in every situation is learned beside and left out of the scores.
 */
struct reel_context_model;
/** One event in its situation. */
struct reel_context_event {
    struct reel_context context;
    int32_t film;   /* row of `genres` */
    float expected; /* what is expected without the situation, 0 .. 1 */
    float liked;    /* what happened, 0 .. 1 */
};
/** `genres`: films x genres, or any other features of arms; n may be 0. */
enum reel_status reel_context_model_fit(const struct reel_context_event *event, int32_t n,
                                        const struct reel_csr *genres,
                                        struct reel_context_model **out,
                                        struct reel_error *err) REEL_CHECKED;
void reel_context_model_free(struct reel_context_model *model);
/**
 * What the situation adds to the logit of every film. Shapes: adds (n_films).
 * Errors: REEL_EINVAL other columns than those of training.
 */
enum reel_status reel_context_model_score(const struct reel_context_model *model,
                                          const struct reel_context *context,
                                          const struct reel_csr *genres, float *adds,
                                          struct reel_error *err) REEL_CHECKED;
/**
 * The same for one film and one kind of context; the kinds (without the constant of each
 * value, which moves no film against another) add up to the score.
 */
double reel_context_model_part(const struct reel_context_model *model,
                               const struct reel_context *context,
                               enum reel_context_kind kind, const struct reel_csr *genres,
                               int32_t film);
/** Standard deviation that the prior of a kind was given; 0: it tells nothing. */
double reel_context_model_width(const struct reel_context_model *model,
                                enum reel_context_kind kind);

/** What the situation was worth on a simulated set: `strength` 0 makes it matter not at all. */
struct reel_context_gain {
    int32_t n_events, n_lists;                 /* of training; held out */
    double log_loss_without, log_loss_with;    /* held out */
    double ndcg_without, ndcg_with, ndcg_best; /* at 10; best: the truth itself */
};
enum reel_status reel_context_simulate(double strength, uint64_t seed,
                                       struct reel_context_gain *out,
                                       struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
