/**
 * What was learnt beside a model, laid over it where it runs.
 *
 * A LoRA is llama.cpp's own affair. For bottlenecks and prefixes llama.cpp is asked to stop
 * behind the nodes they follow (its evaluation callback), and their numbers are put into the
 * tensor that was just computed; so everything above (cells that are shared, batches, judging,
 * other threads' kernels) works as with any model. Of a prefix every text begins with
 * `n_prefix` tokens that stand for it: where they are read, their keys and values are replaced
 * in every layer, which is all that later tokens see of them.
 *
 *     rc = lm_graft_open(path, model, &graft, &err);
 *     params.cb_eval = lm_graft_callback(graft);          // NULL: a LoRA
 *     params.cb_eval_user_data = graft;
 *     rc = lm_graft_attach(graft, context, &err);
 *
 * Threads: one context at a time.
 */
#ifndef LM_GRAFT_H
#define LM_GRAFT_H

#include <forkreel/status.h>

#include <llama.h>

struct lm_graft;

/**
 * Errors: REEL_ENOTFOUND, REEL_EIO; REEL_EFORMAT no adapter, or one for another model;
 *         REEL_ENOMEM. `*out` is then NULL.
 */
enum reel_status lm_graft_open(const char *path, struct llama_model *model,
                               struct lm_graft **out,
                               struct reel_error *err) REEL_CHECKED;
/** After the context is freed, before the model is. */
void lm_graft_close(struct lm_graft *graft);

/** Tokens that stand for a prefix before every text; 0: none. */
int32_t lm_graft_n_prefix(const struct lm_graft *graft);
ggml_backend_sched_eval_callback lm_graft_callback(const struct lm_graft *graft);
/** Errors: REEL_EFORMAT a LoRA that does not fit. */
enum reel_status lm_graft_attach(struct lm_graft *graft, struct llama_context *context,
                                 struct reel_error *err) REEL_CHECKED;

#endif
