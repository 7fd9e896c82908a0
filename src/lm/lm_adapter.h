/**
 * What is learnt beside a fixed decoder: parameters, their places in its layers, their file.
 *
 * A file is GGUF with general.type "adapter". Low-rank additions are llama.cpp's own form
 * (adapter.type "lora", adapter.lora.alpha, tensors NAME.lora_a and NAME.lora_b). Bottlenecks
 * and prefixes are ours:
 *
 *     adapter.type "bottleneck"   blk.I.after_attn.down, .down_bias, .up, .up_bias; after_ffn
 *     adapter.type "prefix"       blk.I.prefix_k, .prefix_v (n_groups * n_head_width, n_prefix)
 *
 * in single precision. A file fits a base of the same architecture and shape.
 */
#ifndef LM_ADAPTER_H
#define LM_ADAPTER_H

#include "lm_decoder.h"

#include <forkreel/lm_finetune.h>

/** What to learn: checked options of the methods that leave the base as it is. */
struct lm_adapter_plan {
    enum reel_lm_method method;
    int32_t rank; /* of additions when training begins; width of bottlenecks */
    double scale; /* of additions: alpha / rank */
    bool is_target[LM_N_MATRICES];
    int32_t n_prefix, n_hidden; /* n_hidden 0: the prefix itself is learnt */
};

/** The parameters of a prefix; -1 where there is none. */
struct lm_prefix {
    int32_t place; /* (n_prefix) rows of width, or of the keys themselves */
    int32_t in, in_bias, out, out_bias;  /* out(tanh(in place + bias)) + bias */
    int32_t n, n_place, n_hidden, n_out; /* n_out: n_layers * 2 * key width */
};

struct lm_adapter {
    struct lm_adapter_plan plan;
    struct base_net *net;
    struct lm_prefix prefix;
};

/** "q,v" or "all" into plan->is_target. Errors: REEL_EINVAL an unknown name. */
enum reel_status lm_adapter_targets(const char *targets, struct lm_adapter_plan *plan,
                                    struct reel_error *err) REEL_CHECKED;

/**
 * Make the parameters and put their places into the decoder's layers. They begin so that the
 * base computes what it computed (a prefix excepted).
 * Owns:    adapter->net is the caller's (lm_adapter_release).
 */
enum reel_status lm_adapter_attach(struct lm_decoder *decoder,
                                   const struct lm_adapter_plan *plan, uint64_t seed,
                                   struct lm_adapter *adapter,
                                   struct reel_error *err) REEL_CHECKED;
void lm_adapter_release(struct lm_adapter *adapter);

/** Numbers that are learnt, and that a file of them holds. */
int64_t lm_adapter_n_learnt(const struct lm_adapter *adapter,
                            const struct lm_decoder *decoder);
int64_t lm_adapter_n_kept(const struct lm_adapter *adapter,
                          const struct lm_decoder *decoder);

/** Floats of a prefix as lm_pass_prefix takes it; 0 for other methods. */
size_t lm_prefix_floats(const struct lm_adapter *adapter);
/** Floats of the scratch that forward leaves to backward. */
size_t lm_prefix_scratch(const struct lm_adapter *adapter);
/** The prefix, as lm_pass_prefix takes it, from its parameters. */
void lm_prefix_forward(const struct lm_adapter *adapter, int32_t key_width,
                       float *scratch, float *out);
/** Gradients of its parameters, added, from `dout` (as `out`). */
void lm_prefix_backward(const struct lm_adapter *adapter, int32_t key_width,
                        const float *dout, float *scratch, float *gradient);

/**
 * Write what was learnt. Low-rank additions of rank 0 and values of 0 are left out.
 * Errors: REEL_EIO; REEL_ENOMEM.
 */
enum reel_status lm_adapter_save(const char *path, const struct lm_adapter *adapter,
                                 struct lm_decoder *decoder,
                                 struct reel_error *err) REEL_CHECKED;

/**
 * Numbers of a LoRA file into the parameters of a plan of the same rank and targets.
 * Errors: REEL_EFORMAT no such file, or it does not fit; REEL_ENOTFOUND, REEL_EIO.
 */
enum reel_status lm_adapter_load_lora(const char *path, const struct lm_adapter *adapter,
                                      const struct lm_decoder *decoder,
                                      struct reel_error *err) REEL_CHECKED;

#endif
