/** Word vectors trained on the texts at hand: skip-gram with negative sampling. */
#ifndef FEAT_SKIPGRAM_H
#define FEAT_SKIPGRAM_H

#include "base_pool.h"
#include "feat_core.h"
#include "feat_words.h"

struct feat_skipgram_options {
    int32_t n_vector;
    int32_t n_window;   /* words on each side at most; each time 1 .. n_window of them */
    int32_t n_negative; /* words drawn against each pair */
    int32_t n_epochs;
    double rate;      /* of learning at the beginning; falls to a hundredth */
    double subsample; /* words more frequent than this share are thinned out */
    uint64_t seed;
};
/** Passes over `n_tokens` are 5 to 20: 300,000 tokens in all where they are few. */
struct feat_skipgram_options feat_skipgram_options_default(int64_t n_tokens);

/**
 * Shapes:  token (n_tokens) in [0, n_words), -1 between texts; vectors (n_words, n_vector).
 * Errors:  REEL_ENOMEM; REEL_ECANCELLED.
 * Threads: the pool's; same seed and number of threads, same bits.
 * Source:  Mikolov, Sutskever, Chen, Corrado, Dean 2013.
 */
enum reel_status feat_skipgram_fit(const int32_t *token, int64_t n_tokens,
                                   int32_t n_words,
                                   const struct feat_skipgram_options *opt,
                                   struct base_pool *pool,
                                   const struct reel_progress *progress, float *vectors,
                                   struct reel_error *err) REEL_CHECKED;

/** Fill FEAT_VECTORS from the words of all texts. */
enum reel_status feat_vectors_fit(struct reel_features *features,
                                  const struct reel_feature_text *text, int32_t n,
                                  struct feat_words *words, struct base_pool *pool,
                                  const struct reel_progress *progress,
                                  struct reel_error *err) REEL_CHECKED;
/** mean (rows, n_vector): the mean of the words' vectors, weighted as in `rows`. */
void feat_vectors_mean(const struct reel_features *features, const struct reel_csr *rows,
                       float *mean);

#endif
