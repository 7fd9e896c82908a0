/**
 * @file lm_train.h
 * Language models made here, from text.
 *
 * Text is UTF-8, one sentence or paragraph a line, from files or from standard input; it may be
 * larger than memory. What is made is one file, whole or not there, that reel_lm_open opens
 * like any other model.
 *
 *     const char *path[] = {"plots.txt"};
 *     struct reel_lm_texts texts = {path, 1};
 *     struct reel_lm_ngram_options opt = reel_lm_ngram_options_default();
 *     struct reel_lm_ngram_made made;
 *     rc = reel_lm_ngram_train(&texts, "plots.ngram", &opt, &made, &err);
 */
#ifndef FORKREEL_LM_TRAIN_H
#define FORKREEL_LM_TRAIN_H

#include <forkreel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where text comes from; "-" is standard input. */
struct reel_lm_texts {
    const char *const *path; /* (n_paths) read in this order */
    int32_t n_paths;
};

/* ---- n-grams ---- */

enum { REEL_LM_NGRAM_ORDER_MAX = 16 };

/** How a line becomes words. The model keeps it, and cuts what it is asked likewise. */
enum reel_lm_cut {
    REEL_LM_CUT_WORDS = 1,  /* words and signs of English and Chinese, by ICU */
    REEL_LM_CUT_BLANKS = 2, /* what stands between blanks, as KenLM and SRILM do */
};

struct reel_lm_ngram_options {
    int32_t order; /* 1..REEL_LM_NGRAM_ORDER_MAX words; default 5 */
    enum reel_lm_cut cut;
    int64_t max_bytes; /* of memory; beyond it counts are sorted on disk; default 1 GiB */
    const char *scratch; /* folder for these; NULL: that of the model */
    struct reel_progress progress;
};
struct reel_lm_ngram_options reel_lm_ngram_options_default(void);

/** What was made of a text. */
struct reel_lm_ngram_made {
    int64_t n_lines, n_tokens;                   /* ends of lines not counted */
    int32_t n_words;                             /* <unk>, <s> and </s> counted */
    int64_t n_ngrams[REEL_LM_NGRAM_ORDER_MAX];   /* of 1, 2, ... words */
    double discount[REEL_LM_NGRAM_ORDER_MAX][3]; /* of counts 1, 2, 3 and more */
    bool is_discount_default
        [REEL_LM_NGRAM_ORDER_MAX]; /* too few counts to estimate them */
    int64_t file_bytes;
    int32_t n_runs; /* sorted on disk and merged; 0: all in memory */
};

/**
 * Interpolated modified Kneser-Ney, of which every probability equals that of KenLM's
 * lmplz: <s> is context only, <unk> has the mass of a word never seen, nothing is pruned.
 * Where discounts cannot be estimated they are .5, 1 and 1.5 (lmplz --discount_fallback).
 *
 * Errors:  REEL_EINVAL options; REEL_ENOTFOUND, REEL_EIO; REEL_EFORMAT no text at all, or a
 *          line that is not UTF-8 or holds <s>, </s> or <unk>, with file and line;
 *          REEL_ENOMEM; REEL_ECANCELLED. `out` is then as it was before.
 * Source:  Chen and Goodman 1999, section 4.1.6; Heafield et al. 2013.
 */
enum reel_status reel_lm_ngram_train(const struct reel_lm_texts *texts, const char *out,
                                     const struct reel_lm_ngram_options *opt,
                                     struct reel_lm_ngram_made *made,
                                     struct reel_error *err) REEL_CHECKED;

/**
 * Write an ARPA file as a model, or a model as an ARPA file; `from` tells which. The ARPA file
 * may be of any toolkit; its words are cut by blanks.
 *
 * Errors:  REEL_EFORMAT `from` is neither, with its line; else as reel_lm_ngram_train.
 */
enum reel_status reel_lm_ngram_convert(const char *from, const char *to,
                                       const struct reel_progress *progress,
                                       struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
