/**
 * The verbs of `forkreel lm`: files of models (cmd_lm_files.c), making them from text
 * (cmd_lm_pretrain.c, cmd_lm_nnlm.c, cmd_lm_transformer.c), what they write (cmd_lm_sample.c), vectors of texts (cmd_lm_embed.c),
 * trainings (cmd_lm_runs.c), adapting them (cmd_lm_finetune.c).
 */
#ifndef CMD_LM_H
#define CMD_LM_H

#include "cli.h"

enum { LM_WORDS_MAX = 256, LM_OPTIONS_MAX = 32 };

/** Of `lm pretrain`; an option that is for one kind of model stands in that kind's table. */
struct lm_pretrain_words {
    const char *arch, *out;
    const char *text[LM_WORDS_MAX]; /* (n_texts) files; "-" standard input */
    int n_texts;
    /* ngram */
    int32_t order; /* 0: not given */
    bool cuts_at_blanks;
    double memory_mb; /* 0: not given */
};

/** Of `lm pretrain` for nets; what was not given is -1 (numbers) or NULL. */
struct lm_net_words {
    const char *kind, *run; /* feedforward or lstm; name of the run */
    int32_t n_words, n_embedding, n_hidden, n_context, n_epochs, n_batch, patience;
    double rate, dropout, valid;
    bool is_indirect;
};

/** Of `lm pretrain --arch transformer` alone; not given: 0, NULL, and -1 for real numbers. */
struct lm_transformer_words {
    const char *documents, *prompt, *resume;
    int32_t n_vocabulary, n_layers, n_width, n_heads, n_groups, n_part, n_steps,
        judge_steps;
    double warmup, decay, clip, checkpoint_s;
};

/** Of `lm sample`. */
struct lm_sample_words {
    int32_t n_samples, n_tokens, top_k; /* 0, 0, -1: not given */
    double temperature, top_p;          /* -1: not given */
};

/** Of `lm finetune`; the rest it shares with `lm pretrain`. Not given: NULL, 0. */
struct lm_finetune_words {
    const char *method, *base, *data, *from, *targets, *adapter;
    int32_t rank, n_prefix;
    double alpha;
};

struct lm_words {
    const char *word[LM_WORDS_MAX]; /* verb first */
    const char *model, *key_file, *sha256, *svg;
    struct cli_names types;
    double max_rise; /* a share */
    double max_gb;
    bool is_unchecked;
    uint64_t seed;
    struct lm_pretrain_words pretrain;
    struct lm_net_words net;
    struct lm_transformer_words transformer;
    struct lm_sample_words sample;
    struct lm_finetune_words finetune;
    const char *used[LM_OPTIONS_MAX]; /* long names of the options that were given */
    int n_used;
};

/**
 * Is every option that was given among `known` (long names, a blank after each)? Else says
 * which one is not for `what`.
 */
bool lm_check_options(struct cli *cli, const struct lm_words *words, const char *known,
                      const char *what);

enum cli_exit lm_pull(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_tune(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_quantize(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_embed(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_pretrain(struct cli *cli, const struct lm_words *words);
struct reel_lm_texts;
/** `lm pretrain --arch nnlm` (cmd_lm_nnlm.c). */
enum cli_exit lm_pretrain_nnlm(struct cli *cli, const struct lm_words *words,
                               const struct reel_lm_texts *texts);
/** `lm pretrain --arch transformer` and `--resume` (cmd_lm_transformer.c). */
enum cli_exit lm_pretrain_transformer(struct cli *cli, const struct lm_words *words,
                                      const struct reel_lm_texts *texts);
enum cli_exit lm_pretrain_resume(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_finetune(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_sample(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_convert(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_runs(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_perplexity(struct cli *cli, const struct lm_words *words);

#endif
