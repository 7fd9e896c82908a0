/** What the files of pretraining share: settings, one training, samples. */
#ifndef LM_PRETRAIN_CORE_H
#define LM_PRETRAIN_CORE_H

#include "lm_checkpoint.h"
#include "lm_corpus.h"
#include "lm_decoder.h"
#include "lm_run.h"

#include <forkreel/lm_pretrain.h>

enum { LM_PRETRAIN_PROMPT_BYTES = 512 };

/** All that was chosen; kept in each checkpoint as it is. */
struct lm_pretrain_settings {
    int32_t n_vocabulary, n_context, n_layers, n_width, n_heads, n_groups, n_hidden;
    int32_t n_epochs, n_steps, n_warmup, n_batch, n_part, judge_steps, patience;
    int32_t n_items, n_valid; /* rows learnt from, and judged on */
    int32_t n_threads, unused;
    double rate, decay, clip, dropout;
    uint64_t seed, corpus; /* lm_corpus_sum */
    char out[REEL_LM_PATH_BYTES], prompt[LM_PRETRAIN_PROMPT_BYTES];
};

/** Fill in what the options leave open, by the corpus. */
enum reel_status lm_pretrain_choose(const struct reel_lm_pretrain_options *opt,
                                    const char *out, const struct lm_corpus *corpus,
                                    struct lm_pretrain_settings *settings,
                                    struct reel_error *err) REEL_CHECKED;
/** Errors: REEL_EFORMAT settings of a checkpoint that cannot be. */
enum reel_status lm_pretrain_check(const struct lm_pretrain_settings *settings,
                                   const struct lm_corpus *corpus, const char *where,
                                   struct reel_error *err) REEL_CHECKED;
struct lm_decoder_shape lm_pretrain_shape(const struct lm_pretrain_settings *settings);

struct lm_pretrain_worker {
    struct lm_pass *pass;
    int32_t *token, *begin, *wanted; /* (n_part * n_context) */
};

struct lm_pretrain {
    const struct reel_lm_pretrain_options *opt;
    struct reel_lm_pretrained *made;
    struct lm_pretrain_settings settings;
    char folder[REEL_LM_PATH_BYTES];
    struct lm_corpus *corpus;
    struct lm_bpe *bpe;
    struct lm_decoder *decoder;
    struct base_net *net;
    struct lm_pretrain_worker *worker; /* (settings.n_threads) */
    struct lm_run *run;
    struct lm_checkpoint *checkpoint; /* that it goes on from; NULL */
    double best_loss;                 /* of validation; INFINITY: none yet */
    int64_t kept_ns;                  /* when the last checkpoint was written; 0: never */
    enum reel_status rc_run;          /* what writing the log came to, and why */
    struct reel_error why_run;
};

/**
 * Continue the prompt of the settings with what the net writes now; "" when memory is short.
 * Free it with base_free. Temperature .8, the best 40; the same for the same step.
 */
char *lm_pretrain_sample(struct lm_pretrain *t, int32_t i_step);

#endif
