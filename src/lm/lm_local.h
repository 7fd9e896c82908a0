/** The engine on this machine: a GGUF model, llama.cpp, and strands of tokens. */
#ifndef LM_LOCAL_H
#define LM_LOCAL_H

#include "lm_engine.h"
#include "lm_graft.h"
#include "lm_sampler.h"
#include "lm_strand.h"

#include <pthread.h>

/** What an engine that embeds has instead of strands and a sampler (lm_embed.c). */
struct lm_embedder {
    struct llama_batch batch; /* room for n_batch tokens */
    int32_t *i_text;          /* (n_windows_max) whose part a sequence of the batch is */
    int32_t *n_part;          /* (n_windows_max) its tokens */
    int32_t n_batch, n_window, n_windows_max;
    int32_t n_windows;       /* in the batch */
    llama_token first, last; /* around every window; LLAMA_TOKEN_NULL none */
    llama_token unknown; /* stands for words it does not know; LLAMA_TOKEN_NULL none */
    bool is_pooled;      /* by llama.cpp */
    int32_t n_texts, n_done; /* of the request at hand */
};

struct lm_local {
    struct reel_lm lm;
    char *path;
    struct llama_model *model;
    struct llama_context *context;
    const struct llama_vocab *vocab;
    struct lm_strands strands;
    struct lm_sampler sampler;
    struct lm_vocabulary vocabulary;
    struct lm_embedder embedder;
    struct lm_graft *graft; /* NULL: nothing is laid over the model */
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
 * becomes a special token; with `add_special` BOS stands before it where the model wants it,
 * and before that what stands for a prefix (lm_graft.h).
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

/** sha256 of a file in hex; "" and false when it cannot be read. */
enum { LM_CHECKSUM_BYTES = 72 };
bool lm_file_checksum(const char *path, char checksum[LM_CHECKSUM_BYTES]);

/** Make the context for embedding, and the rest of `local->embedder`. */
enum reel_status lm_embedder_init(struct lm_local *local,
                                  const struct reel_lm_options *opt,
                                  struct reel_error *err) REEL_CHECKED;
void lm_embedder_release(struct lm_embedder *embedder);
enum reel_status lm_local_embed(struct reel_lm *lm,
                                const struct reel_lm_embed_request *request, float *out,
                                struct reel_error *err) REEL_CHECKED;

enum reel_status lm_local_generate(struct reel_lm *lm,
                                   const struct reel_lm_request *request,
                                   struct reel_lm_reply *reply,
                                   struct reel_error *err) REEL_CHECKED;
enum reel_status lm_local_score(struct reel_lm *lm, struct reel_lm_judged *judged,
                                int32_t n, const struct reel_progress *progress,
                                struct reel_error *err) REEL_CHECKED;

#endif
