/** What `forkreel evaluate` hands to the file that measures stories. */
#ifndef CMD_EVALUATE_H
#define CMD_EVALUATE_H

#include "cli.h"

#include <forkreel/feedback.h>
#include <forkreel/rank.h>

struct evaluate_stories_words {
    const char *model; /* as cli_lm_open takes it; NULL the default */
    int32_t n_films;
    uint64_t seed;
};

/** `evaluate --stories`: method mix beside the plain way, same model, same sampling. */
enum cli_exit evaluate_stories(struct cli *cli,
                               const struct evaluate_stories_words *words);

/** `evaluate --policy`: what the store's own logs say of ways to order and to list. */
enum cli_exit evaluate_policy(struct cli *cli, uint64_t seed);

/** `evaluate --languages`: rank of a film's Chinese text beside that of its English one. */
enum cli_exit evaluate_languages(struct cli *cli, uint64_t seed);

enum {
    EVALUATE_FEEDBACK_SEEDS = 5,
    EVALUATE_FEEDBACK_STRENGTHS = 3,
    EVALUATE_FEEDBACK_POLICIES = 3,
    EVALUATE_FEEDBACK_ROUNDS = 600, /* taste turns around in the middle */
};
/** What is learned from what people do, on simulated sets; means over seeds. */
struct evaluate_feedback {
    struct reel_context_gain context[EVALUATE_FEEDBACK_STRENGTHS]; /* none, some, much */
    const char *const *policy; /* (EVALUATE_FEEDBACK_POLICIES) the first at random */
    double regret[EVALUATE_FEEDBACK_POLICIES][EVALUATE_FEEDBACK_ROUNDS]; /* cumulated */
};
/** Part of `evaluate --taste`; a second or two. */
enum reel_status evaluate_feedback_run(uint64_t seed, struct evaluate_feedback *out,
                                       struct reel_error *err);
void evaluate_feedback_print(const struct evaluate_feedback *said);
json_t *evaluate_feedback_json(const struct evaluate_feedback *said);

struct session;
/** Part of `evaluate --taste`: newcomers by their answers, means over seeds; n_viewers 0
 *  where there are too few to play it. */
enum reel_status evaluate_welcome_run(const struct session *s, int32_t n_seeds,
                                      uint64_t seed, struct reel_welcome_measures *out,
                                      struct reel_error *err);
void evaluate_welcome_print(const struct reel_welcome_measures *said);
json_t *evaluate_welcome_json(const struct reel_welcome_measures *said);

enum { EVALUATE_TASTE_SEEDS_MAX = 20, EVALUATE_TASTE_STEPS = 200 };
struct evaluate_taste_words {
    int32_t n_seeds;      /* 1 .. EVALUATE_TASTE_SEEDS_MAX */
    uint64_t seed;        /* the first */
    const char *pictures; /* a folder; NULL: none are drawn */
};
/** What pictures need of it: how many liked and other ratings there were at each step of
 *  p_like, all seeds together. */
struct evaluate_taste_result {
    int64_t n_true[EVALUATE_TASTE_STEPS], n_false[EVALUATE_TASTE_STEPS];
};
/** `evaluate --taste`: films taken away and guessed from their texts (cold.h). */
enum cli_exit evaluate_taste(struct cli *cli, const struct evaluate_taste_words *words);
/** The same on an open session: prints, and gives what pictures need. */
enum reel_status evaluate_taste_run(struct session *s,
                                    const struct evaluate_taste_words *words,
                                    struct evaluate_taste_result *result,
                                    enum cli_exit *status, struct reel_error *err);

/** Draw all pictures of taste into a folder, which is made. */
enum reel_status evaluate_pictures(struct session *s,
                                   const struct evaluate_taste_result *result,
                                   const struct evaluate_feedback *feedback,
                                   const char *folder, uint64_t seed,
                                   struct reel_error *err);

#endif
