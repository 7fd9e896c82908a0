/** The engine on this machine: a GGUF model, llama.cpp, and strands of tokens. */
#ifndef LM_LOCAL_H
#define LM_LOCAL_H

#include "lm_engine.h"
#include "lm_sampler.h"
#include "lm_strand.h"

#include <pthread.h>

struct lm_local {
    struct reel_lm lm;
    char *path;
    struct llama_model *model;
    struct llama_context *context;
    const struct llama_vocab *vocab;
    struct lm_strands strands;
    struct lm_sampler sampler;
    struct lm_vocabulary vocabulary;
    uint8_t *is_free;
    int32_t n_live_max, n_outputs_max;
    const struct reel_progress
        *progress; /* of the request at hand; for the abort callback */
    int64_t asked_ns;
    bool is_stopped;
    pthread_t checksum_thread;
    bool is_checksum_running;
};

/**
 * Tokens of a text; `*token` is the caller's, with room for one more. No part of the text
 * becomes a special token; with `add_special` BOS stands before it where the model wants it.
 */
enum reel_status lm_local_tokens(struct lm_local *local, const char *text,
                                 bool add_special, int32_t **token, int32_t *n,
                                 struct reel_error *err) REEL_CHECKED;
/** Tokens of a question put into the model's chat template, the answer to follow. */
enum reel_status lm_local_chat(struct lm_local *local, const char *question,
                               int32_t **token, int32_t *n,
                               struct reel_error *err) REEL_CHECKED;
/** Ask the progress callback, at most every 50 ms; true to go on. */
bool lm_local_goes_on(struct lm_local *local, double done, double total);

enum reel_status lm_local_generate(struct reel_lm *lm,
                                   const struct reel_lm_request *request,
                                   struct reel_lm_reply *reply,
                                   struct reel_error *err) REEL_CHECKED;
enum reel_status lm_local_score(struct reel_lm *lm, struct reel_lm_judged *judged,
                                int32_t n, const struct reel_progress *progress,
                                struct reel_error *err) REEL_CHECKED;

#endif
