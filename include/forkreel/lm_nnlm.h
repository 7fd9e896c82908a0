/**
 * @file lm_nnlm.h
 * Neural language models over words: Bengio's feed-forward net and an LSTM.
 *
 * The most frequent words of a text have a vector each; the others are one, the unknown word.
 * What is made is one file that reel_lm_open opens like any other model.
 *
 *     const char *path[] = {"plots.txt"};
 *     struct reel_lm_texts texts = {path, 1};
 *     struct reel_lm_nnlm_options opt = reel_lm_nnlm_options_default(REEL_LM_NNLM_LSTM);
 *     struct reel_lm_nnlm_made made;
 *     rc = reel_lm_nnlm_train(&texts, "plots.nnlm", &opt, &made, &err);
 */
#ifndef FORKREEL_LM_NNLM_H
#define FORKREEL_LM_NNLM_H

#include <forkreel/lm_train.h>

#ifdef __cplusplus
extern "C" {
#endif

enum reel_lm_nnlm_kind { REEL_LM_NNLM_FEEDFORWARD = 1, REEL_LM_NNLM_LSTM = 2 };

struct reel_lm_nnlm_options {
    enum reel_lm_nnlm_kind kind;
    enum reel_lm_cut cut;
    int32_t n_words; /* at most, <unk>, <s> and </s> counted; default 10000 */
    int32_t n_embedding, n_hidden; /* default 64 and 128; LSTM 128 and 256 */
    int32_t n_context;             /* feed-forward: words looked back on; default 4 */
    bool is_direct;           /* feed-forward: words reach the output directly, too */
    int32_t n_steps;          /* LSTM: words that a gradient goes back; default 35 */
    double valid_share;       /* of the lines, to judge on; default .05 */
    int32_t n_epochs;         /* default 10 */
    int32_t n_batch;          /* words of a step; LSTM: lines; default 512, 16 */
    double rate, decay, clip; /* default .002, .01, 1 */
    double dropout;           /* default .2 */
    int32_t patience;         /* epochs without a better one; 0: never; default 2 */
    int64_t max_bytes;        /* of memory for the text; beyond it is on disk */
    int32_t n_threads;
    uint64_t seed;
    const char *runs; /* folder of runs (lm_runs.h); NULL: none is written */
    const char *name; /* of the run; NULL: made of the time */
    struct reel_progress progress;
    /** After each epoch: its loss, and that of the lines set aside (NAN: there are none), nats
     *  per word, and something that the model writes. May be NULL. */
    void (*on_epoch)(int32_t i_epoch, double loss, double loss_valid, const char *sample,
                     void *payload);
    void *payload;
};
struct reel_lm_nnlm_options reel_lm_nnlm_options_default(enum reel_lm_nnlm_kind kind);

struct reel_lm_nnlm_made {
    int64_t n_lines, n_lines_valid;
    int64_t n_tokens, n_unknown; /* of all lines, ends counted; those that are <unk> */
    int32_t n_words;
    int64_t n_parameters, file_bytes;
    int32_t n_epochs, best_epoch;  /* done; the one that was kept, from 1 */
    double loss, perplexity_valid; /* nats per word in the last epoch; NAN: not judged */
    char run[128];                 /* name of the run; "" */
    int32_t i_rank; /* of mpirun's processes: the first alone wrote anything; 0 alone */
};

/**
 * Learn, and keep the epoch that is best on the lines set aside. Lines that are equal are all
 * learnt from or all set aside.
 *
 * Errors:  REEL_EINVAL options; REEL_ENOTFOUND, REEL_EIO; REEL_EFORMAT no text at all, or a
 *          line that is not UTF-8 or holds <s>, </s> or <unk>, with file and line;
 *          REEL_EFAIL a loss that is no number any more; REEL_ENOMEM (asked before it
 *          starts); REEL_ECANCELLED: `out` then has the best epoch, if one was done
 *          (made->n_epochs > 0). After other failures `out` is as it was before.
 * Threads: same seed and n_threads, same bits. Processes started by mpirun learn one model
 *          together, where the library was built with MPI: n_batch is that of all.
 * Source:  Bengio et al. 2003; Hochreiter and Schmidhuber 1997; lm_nnlm_net.h.
 */
enum reel_status reel_lm_nnlm_train(const struct reel_lm_texts *texts, const char *out,
                                    const struct reel_lm_nnlm_options *opt,
                                    struct reel_lm_nnlm_made *made,
                                    struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
