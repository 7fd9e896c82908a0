/**
 * Choosing the next token of one sample among many that are written side by side.
 *
 * Order: penalties, top_k, top_p, min_p, temperature. Penalties take nats from a token's
 * logit: for its uses in the last tokens of its own text, for completing an n-gram that its
 * own text has already, and for what other samples of the group wrote, at the same place or
 * as part of a three-gram anywhere (group diversity: Vijayakumar et al. 2016, with sampling
 * instead of beams). Signs of punctuation, Chinese ones too, and blanks are free.
 *
 * Departure: penalties are laid on the best top_k + SPARE tokens before penalties, not on the
 * whole vocabulary; they only ever lower, so only a token that would rise from below the
 * spare ones is missed.
 *
 * Nothing here knows llama.cpp: logits come as floats, tokens as numbers.
 */
#ifndef LM_SAMPLER_H
#define LM_SAMPLER_H

#include "base_rng.h"

#include <forkreel/lm.h>

#include <stddef.h>

/** What a vocabulary looks like to the sampler; made once for each model. */
struct lm_vocabulary {
    int32_t n_tokens;
    const uint8_t *is_free; /* (n_tokens) punctuation, blanks, control: never penalised */
};

/** What the samples of one group wrote so far. */
struct lm_group;
enum reel_status lm_group_create(struct lm_group **out,
                                 struct reel_error *err) REEL_CHECKED;
void lm_group_free(struct lm_group *group);

/** Scratch for one engine: candidates of one choice. */
struct lm_candidate {
    int32_t token;
    float logit;
};
struct lm_sampler {
    struct lm_candidate *candidate;
    int32_t room;
};
void lm_sampler_release(struct lm_sampler *sampler);

struct lm_choice {
    int32_t token;
    double logp; /* log P(token), before penalties and temperature */
};

/**
 * Choose token number `n_own` of a sample.
 *
 * Shapes:  logits (vocabulary->n_tokens); own (n_own) tokens of this sample so far.
 * Errors:  REEL_ENOMEM; REEL_EFAIL no finite logit.
 * Cost:    two passes over the logits.
 */
enum reel_status lm_sampler_choose(struct lm_sampler *sampler,
                                   const struct lm_vocabulary *vocabulary,
                                   const struct reel_lm_request *request,
                                   const float *logits, const int32_t *own, int32_t n_own,
                                   struct lm_group *group, struct base_rng *rng,
                                   struct lm_choice *out,
                                   struct reel_error *err) REEL_CHECKED;
/** Tell the group what was chosen; `own` ends with it. */
enum reel_status lm_group_add(struct lm_group *group, const int32_t *own, int32_t n_own,
                              struct reel_error *err) REEL_CHECKED;

/** log of the sum of exp over n values; -INFINITY for none. */
double lm_log_sum_exp(const float *x, int32_t n);
double lm_log_sum_exp_naive(const float *x, int32_t n);
/** The k largest, unordered, into `out` (k); gives how many (fewer when n < k). */
int32_t lm_largest(const float *x, int32_t n, int32_t k, struct lm_candidate *out);
int32_t lm_largest_naive(const float *x, int32_t n, int32_t k, struct lm_candidate *out);
/** Nats that would be taken from `token`. */
double lm_penalty(const struct lm_vocabulary *vocabulary,
                  const struct reel_lm_request *request, const int32_t *own,
                  int32_t n_own, const struct lm_group *group, int32_t token);

#endif
