/**
 * @file lm_pretrain.h
 * A transformer from nothing but text.
 *
 * A decoder of the Llama family (RMSNorm, RoPE, SwiGLU, grouped-query attention, tied
 * embeddings) and its own byte-level vocabulary are trained on documents and written as one
 * GGUF file, which reel_lm_open and stock llama.cpp open alike. A run keeps its state in a
 * folder, HOME/runs/NAME: killed or stopped at any moment it goes on from its last checkpoint,
 * on one thread to the last bit as if nothing had happened.
 *
 *     const char *path[] = {"plots.txt"};
 *     struct reel_lm_pretrain_options opt = reel_lm_pretrain_options_default();
 *     struct reel_lm_pretrained made;
 *     opt.texts = (struct reel_lm_texts){path, 1};
 *     opt.runs = "runs";
 *     rc = reel_lm_pretrain("plots.gguf", &opt, &made, &err);
 *     if (rc == REEL_ECANCELLED) {
 *         opt.name = made.run;
 *         rc = reel_lm_pretrain_resume(&opt, &made, &err);
 *     }
 */
#ifndef FORKREEL_LM_PRETRAIN_H
#define FORKREEL_LM_PRETRAIN_H

#include <forkreel/lm_files.h>
#include <forkreel/lm_train.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is one document of a text. */
enum reel_lm_documents {
    REEL_LM_DOCUMENTS_AUTO = 0, /* JSON where a file begins with '{', else BLANK */
    REEL_LM_DOCUMENTS_BLANK,    /* what stands between blank lines */
    REEL_LM_DOCUMENTS_LINE,     /* each line */
    REEL_LM_DOCUMENTS_JSON,     /* "text" of the object on each line */
    REEL_LM_DOCUMENTS_FILE,     /* each file */
};

/** What was made, or is being made. */
struct reel_lm_pretrained {
    char run[128], out[REEL_LM_PATH_BYTES];
    int64_t n_documents, n_duplicates, n_valid_documents; /* different ones; left out */
    int64_t n_bytes;                                      /* of the different ones */
    int64_t n_tokens, n_valid_tokens;
    int32_t n_vocabulary, n_layers, n_width, n_heads, n_groups, n_hidden, n_context;
    int64_t n_parameters;
    int64_t memory_bytes;                       /* estimated */
    int32_t n_steps, n_epochs, n_batch, i_step; /* i_step: done */
    double loss;                                /* of the last epoch, nats a token */
    double valid_loss;                          /* of the net that is kept */
    bool can_go_on;                             /* there is a checkpoint */
};

/** What is 0 or NULL is chosen by the size of the text. */
struct reel_lm_pretrain_options {
    struct reel_lm_texts texts;
    enum reel_lm_documents documents;
    double valid_share;   /* of documents, for validation; default .05, one at least */
    int32_t n_vocabulary; /* tokens, 257 at least */
    int32_t n_layers, n_width;
    int32_t n_heads, n_groups; /* of queries; of keys and values, a divisor of n_heads */
    int32_t n_hidden;          /* of the feed-forward half of a layer */
    int32_t n_context;         /* tokens */
    int32_t n_epochs;
    int32_t n_steps;     /* at most, and the length of the schedule */
    int32_t n_batch;     /* rows of n_context tokens a step */
    int32_t n_part;      /* rows at once, the rest is added up: memory against speed */
    double rate;         /* largest step */
    double warmup;       /* share of all steps; default .03 */
    double decay, clip;  /* default .1, 1 */
    double dropout;      /* < 0: chosen; default chosen */
    int32_t judge_steps; /* steps between validations */
    int32_t patience;    /* validations without a better one; default 5; 0: never stop */
    double checkpoint_s; /* seconds between checkpoints; default 60 */
    const char *prompt;  /* of samples during training; NULL: the first words are free */
    uint64_t seed;       /* default 1 */
    int32_t n_threads;   /* default 1 */
    const char *runs;    /* folder of runs; must be there */
    const char *name;    /* of the run; NULL: made of the time */
    struct reel_progress progress;
    /* told as it happens; may be NULL */
    void (*on_begin)(const struct reel_lm_pretrained *made, void *payload);
    void (*on_judged)(int32_t i_step, double loss, const char *sample, void *payload);
    void *payload;
};
struct reel_lm_pretrain_options reel_lm_pretrain_options_default(void);

/**
 * Train and write `out`, whole or not there. The net that was best on validation is kept.
 *
 * Errors:  REEL_EINVAL options; REEL_EFORMAT fewer than two documents, or a text that is no
 *          UTF-8, with its place; REEL_ENOMEM, also when the estimate says so before it
 *          begins; REEL_EIO, a full disk for one; REEL_EFAIL a loss that is no number;
 *          REEL_ECANCELLED. After these three a run that had begun has a checkpoint to go on
 *          from, and `made->run` names it.
 * Threads: same seed and n_threads, same bits.
 * Source:  Touvron et al. 2023; Loshchilov, Hutter 2019.
 */
enum reel_status reel_lm_pretrain(const char *out,
                                  const struct reel_lm_pretrain_options *opt,
                                  struct reel_lm_pretrained *made,
                                  struct reel_error *err) REEL_CHECKED;

/**
 * Go on with the run opt->name of opt->runs as if it had not stopped: all settings, and where
 * it writes, are those it began with; of `opt` only these, checkpoint_s, progress and what is
 * told are read.
 *
 * Errors:  REEL_ENOTFOUND no such run, or no checkpoint (any more); REEL_EFORMAT a damaged one;
 *          REEL_EBUSY another process trains it; as reel_lm_pretrain.
 */
enum reel_status reel_lm_pretrain_resume(const struct reel_lm_pretrain_options *opt,
                                         struct reel_lm_pretrained *made,
                                         struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
