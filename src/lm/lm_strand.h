/**
 * What llama.cpp has in its cells: strands of tokens, each a sequence of the context.
 *
 * All sequences lie in one pool (kv_unified), so a strand that begins as another one shares
 * its cells and costs nothing until they part. A strand is *held* while somebody writes on it
 * or forks from it, else *idle*: kept because the next prompt may begin alike, and the first
 * to go when cells or sequences run out, the longest unused first.
 *
 * The pool is a cache, never the truth: after any failure inside llama.cpp everything is
 * forgotten and read again.
 */
#ifndef LM_STRAND_H
#define LM_STRAND_H

#include "lm_guard.h"

#include <forkreel/status.h>

struct lm_strand {
    int32_t *token; /* (n_tokens) what its cells hold */
    int32_t n_tokens, room;
    int32_t n_holders;
    bool is_used;
    int64_t last_use;
};

/** Why the last call of lm_strands_decode came back without a result. */
enum lm_decoded { LM_DECODED = 0, LM_NO_ROOM, LM_ABORTED, LM_BROKEN };

struct lm_strands {
    struct llama_context *context;
    struct lm_strand *strand; /* (n_strands) index = sequence id */
    int32_t n_strands;
    struct llama_batch batch; /* room for n_batch tokens */
    int32_t n_batch;
    int64_t clock;
    struct lm_guard guard;
    int64_t n_read, n_shared; /* tokens decoded for prompts; found in cells */
};

enum reel_status lm_strands_init(struct lm_strands *s, struct llama_context *context,
                                 int32_t n_strands, int32_t n_batch,
                                 struct reel_error *err) REEL_CHECKED;
void lm_strands_release(struct lm_strands *s);
/** Forget everything; strands that are held become empty. */
void lm_strands_clear(struct lm_strands *s);

/** A new held strand that begins as the first `n_tokens` of another one (-1: empty). */
enum reel_status lm_strands_fork(struct lm_strands *s, int32_t from, int32_t n_tokens,
                                 int32_t *out, struct reel_error *err) REEL_CHECKED;
/** Let go; an idle strand stays for a while when `is_worth_keeping`. */
void lm_strands_drop(struct lm_strands *s, int32_t i, bool is_worth_keeping);
/** The longest unused idle strand goes; false when there is none. */
bool lm_strands_evict(struct lm_strands *s);

/** Where most of these tokens are in cells already, at most `n_tokens`: -1 nowhere. */
int32_t lm_strands_match(const struct lm_strands *s, const int32_t *token,
                         int32_t n_tokens, int32_t *n_matched);
/**
 * A held strand with exactly these tokens in its cells, of which as many as possible were
 * there already. With `with_logits` those of the last token stand in the context after it.
 *
 * Errors: REEL_ENOMEM the cells are not enough while others hold theirs (all strands then
 *         stay as they were); REEL_ECANCELLED, REEL_EFAIL (the pool is then cleared).
 */
enum reel_status lm_strands_read(struct lm_strands *s, const int32_t *token,
                                 int32_t n_tokens, bool with_logits, int32_t *out,
                                 struct reel_error *err) REEL_CHECKED;

/* ---- batches ---- */

void lm_strands_batch_begin(struct lm_strands *s);
/** The next token of a strand; it counts as held in cells once decoded. */
void lm_strands_batch_add(struct lm_strands *s, int32_t i, int32_t token,
                          int32_t position, bool with_logits);
/** Decode the batch, evicting idle strands while cells are short. */
enum lm_decoded lm_strands_decode(struct lm_strands *s);
/** What was decoded for strand `i` is in its cells from now on. */
enum reel_status lm_strands_append(struct lm_strands *s, int32_t i, const int32_t *token,
                                   int32_t n_tokens, struct reel_error *err) REEL_CHECKED;
/** An error for what lm_strands_decode gave; clears the pool. */
enum reel_status lm_strands_fail(struct lm_strands *s, enum lm_decoded why,
                                 struct reel_error *err);

#endif
