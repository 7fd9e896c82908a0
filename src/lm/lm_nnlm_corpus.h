/**
 * A text as numbers of words: the most frequent ones, lines to learn from first and lines set
 * aside behind them.
 *
 *     rc = lm_nnlm_corpus_read(&texts, opt, folder, &corpus, &err);
 *     ... corpus.word[corpus.line[i]] is the first word of line i ...
 *     lm_nnlm_corpus_release(&corpus);
 */
#ifndef LM_NNLM_CORPUS_H
#define LM_NNLM_CORPUS_H

#include "lm_ngram_words.h"
#include "lm_scratch.h"

#include <forkreel/lm_nnlm.h>

struct lm_nnlm_corpus {
    struct lm_scratch scratch;
    struct lm_array word_array, line_array;
    const uint32_t *word; /* (n_tokens) every line ends with LM_END */
    const int64_t *line;  /* (n_lines + 1) where each begins */
    int64_t n_tokens, n_tokens_valid, n_unknown;
    int64_t n_lines, n_lines_valid; /* those set aside are the last of both */
    struct lm_words words;          /* by frequency after the first three */
    double *share; /* (n_words) of the words that are learnt from, smoothed by one */
    uint64_t sum;  /* of all words in order: another text has another one */
};

/** Errors: as reel_lm_nnlm_train. `folder` is where what has no room in memory is kept. */
enum reel_status lm_nnlm_corpus_read(const struct reel_lm_texts *texts,
                                     const struct reel_lm_nnlm_options *opt,
                                     const char *folder, struct lm_nnlm_corpus *out,
                                     struct reel_error *err) REEL_CHECKED;
void lm_nnlm_corpus_release(struct lm_nnlm_corpus *corpus);

#endif
