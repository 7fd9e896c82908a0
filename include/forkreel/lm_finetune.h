/**
 * @file lm_finetune.h
 * Adapting a language model to texts: all of it, or a few numbers beside it.
 *
 * The base is a GGUF file of the Llama, Qwen2 or Gemma family, quantised or not; except for
 * `full` it stays as it is, and what is learnt is a small file of its own that
 * reel_lm_options.adapter lays over it. A LoRA (AdaLoRA is exported as one) is what stock
 * llama.cpp loads with --lora.
 *
 * A run keeps its state in a folder, RUNS/NAME, with what it learns from: stopped or killed, it
 * goes on from its last checkpoint.
 *
 *     struct reel_lm_finetune_options opt = reel_lm_finetune_options_default();
 *     struct reel_lm_examples examples;
 *     struct reel_lm_finetuned made;
 *     rc = reel_lm_examples_read("pairs.jsonl", &examples, &err);
 *     opt.method = REEL_LM_METHOD_LORA;
 *     opt.base = "smollm2.gguf";
 *     opt.example = examples.example;
 *     opt.n_examples = examples.n_examples;
 *     rc = reel_lm_finetune("plots.lora.gguf", &opt, &made, &err);
 *     reel_lm_finetuned_release(&made);
 *     reel_lm_examples_release(&examples);
 */
#ifndef FORKREEL_LM_FINETUNE_H
#define FORKREEL_LM_FINETUNE_H

#include <forkreel/lm_files.h>

#ifdef __cplusplus
extern "C" {
#endif

enum reel_lm_method {
    REEL_LM_METHOD_FULL = 1, /* every number of the base */
    REEL_LM_METHOD_LORA,     /* low-rank additions to matrices (Hu et al. 2021) */
    REEL_LM_METHOD_ADALORA,  /* which shrink to where they matter (Zhang et al. 2023) */
    REEL_LM_METHOD_ADAPTER, /* bottlenecks after both halves of a layer (Houlsby et al. 2019) */
    REEL_LM_METHOD_PREFIX, /* keys and values before every text (Li, Liang 2021) */
};
/** "full", "lora", ...; NULL for none of them. */
const char *reel_lm_method_name(enum reel_lm_method method);
/** 0: no such name. */
enum reel_lm_method reel_lm_method_of(const char *name);

/** A text to learn, or an answer to be given to a prompt. */
struct reel_lm_example {
    const char *prompt; /* nothing is learnt of it, the answer is given it; may be NULL */
    const char *answer; /* the text */
};

struct reel_lm_examples {
    const struct reel_lm_example *example; /* (n_examples) */
    int32_t n_examples;
    void *owned;
};
/**
 * Of a file: JSON lines of {"prompt", "answer"} or {"text"} where it begins with '{', else
 * plain text, whose documents stand between blank lines.
 *
 * Errors:  REEL_ENOTFOUND, REEL_EIO; REEL_EFORMAT with the line; REEL_ENOMEM.
 */
enum reel_status reel_lm_examples_read(const char *path, struct reel_lm_examples *out,
                                       struct reel_error *err) REEL_CHECKED;
/** One more, copied; `examples` begins as all 0. Errors: REEL_ENOMEM. */
enum reel_status reel_lm_examples_add(struct reel_lm_examples *examples,
                                      const char *prompt, const char *answer,
                                      struct reel_error *err) REEL_CHECKED;
void reel_lm_examples_release(struct reel_lm_examples *examples);

/** How a training stands; told after every step and every validation. */
struct reel_lm_finetune_step {
    int32_t i_step, n_steps;
    double loss, rate,
        gradient;      /* mean over targets; step length; norm before clipping */
    double valid_loss; /* NAN unless it was just measured */
    double tokens_per_s;
};

/** What is 0 or NULL is chosen by the method. */
struct reel_lm_finetune_options {
    enum reel_lm_method method;
    const char *base;    /* GGUF */
    const char *adapter; /* LoRA to begin with (of `rank` and `targets`); NULL: none */
    const struct reel_lm_example *example; /* (n_examples) */
    int32_t n_examples;
    double
        valid_share; /* of examples, for validation; default .1; with 0 nothing is judged */
    int32_t rank;    /* of low-rank additions (8), width of adapters (32) */
    double alpha;    /* additions are scaled by alpha / rank; 2 rank */
    const char
        *targets; /* "q,v" of q k v o gate up down, or "all"; NULL: q,v; adalora: all */
    int32_t n_prefix;      /* positions; 16 */
    int32_t prefix_hidden; /* of the perceptron behind them; 0: 256; < 0: none */
    int32_t n_context;     /* tokens of a row; default 256 */
    int32_t n_batch;       /* rows of a step; default 8 */
    int32_t n_epochs;      /* default 3 */
    int32_t n_steps;       /* at most, and the length of the schedule */
    double rate;           /* 2e-4 lora; 1e-3 adalora, adapter; 5e-3 prefix; 2e-5 full */
    double warmup;         /* share of steps; default .03 */
    double decay, clip;    /* default 0, 1 */
    double orthogonality;  /* adalora: weight of |P'P - 1|^2 + |QQ' - 1|^2; default .1 */
    int32_t judge_steps;   /* steps between validations; 0: after each epoch */
    int32_t patience;    /* validations without a better one; default 3; 0: never stop */
    int32_t n_threads;   /* default 1 */
    uint64_t seed;       /* default 1 */
    const char *runs;    /* folder of runs; NULL: nothing is kept but `out` */
    const char *name;    /* of the run; NULL: made of the time */
    double checkpoint_s; /* seconds between checkpoints; default 60 */
    struct reel_progress progress;
    void (*told)(const struct reel_lm_finetune_step *step,
                 void *payload); /* may be NULL */
    void *payload;
};
struct reel_lm_finetune_options reel_lm_finetune_options_default(void);

/** A matrix that has a low-rank addition. */
struct reel_lm_rank {
    char matrix[48]; /* "blk.3.attn_q" */
    int32_t rank;    /* AdaLoRA may choose 0 */
};

struct reel_lm_finetuned {
    char run[128], out[REEL_LM_PATH_BYTES];
    enum reel_lm_method method;
    int64_t n_learnt; /* numbers that training moves */
    int64_t n_kept;   /* numbers in `out` */
    int64_t n_examples, n_valid, n_targets, n_valid_targets;
    int32_t n_rows, n_steps, n_steps_all; /* of training; done; of the whole run */
    int64_t memory_bytes;                 /* estimated */
    double loss;                          /* of the last epoch */
    double valid_before, valid_after;     /* nats a token; NAN: nothing to judge on */
    double tokens_per_s;
    struct reel_lm_rank *rank; /* (n_ranks) of low-rank methods */
    int32_t n_ranks;
};
void reel_lm_finetuned_release(struct reel_lm_finetuned *made);

/**
 * Train and write `out`, whole or not there.
 *
 * Errors:  REEL_EINVAL options; REEL_EFORMAT the base or the adapter is damaged, of another
 *          family or does not fit, fewer than two examples; REEL_ENOMEM, also when the
 *          estimate says so before it begins; REEL_EIO, a full disk for one; REEL_EFAIL a loss
 *          that is no number; REEL_ECANCELLED: made->run then names a run to go on with, if
 *          opt->runs was given.
 * Threads: same seed and n_threads, same bits.
 */
enum reel_status reel_lm_finetune(const char *out,
                                  const struct reel_lm_finetune_options *opt,
                                  struct reel_lm_finetuned *made,
                                  struct reel_error *err) REEL_CHECKED;

/**
 * Go on with run opt->name of opt->runs: settings and examples are those it began with; of
 * `opt` only these two, checkpoint_s, n_threads, progress and what is told are read.
 *
 * Errors:  REEL_ENOTFOUND no such run or no checkpoint; as reel_lm_finetune.
 */
enum reel_status reel_lm_finetune_resume(const struct reel_lm_finetune_options *opt,
                                         struct reel_lm_finetuned *made,
                                         struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
