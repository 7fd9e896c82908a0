/**
 * Text for a transformer: documents, each once, cut into training and validation, as rows of
 * tokens in mapped files. Only a set of hashes and some buffers are in memory.
 *
 * A *document* is what stands between blank lines (the usual way), or one line, or the "text"
 * of a JSON object on a line, or a whole file. Documents that differ in blanks alone are one. Which are for
 * validation is said by their hashes, so it depends neither on order nor on chance.
 *
 * A *row* has n_context + 1 tokens, of which all but the last are read and all but the first
 * are asked for. Documents begin with LM_BPE_END and are packed best fit into rows, so that
 * those which are shorter than a row are never cut. What is left of a longer one begins its row
 * without LM_BPE_END. Free places at the end hold LM_BPE_END, and nothing is asked there.
 *
 *     rc = lm_corpus_make(folder, &opt, &bpe, &made, &err);    // train.rows, valid.rows
 *     rc = lm_corpus_open(folder, &corpus, &err);
 *     is_sound = lm_corpus_row(corpus, LM_CORPUS_TRAIN, i, 0, token, begin, wanted);
 *
 * File: 64 bytes of head, then rows of 16-bit or, for more than 65536 tokens, 32-bit numbers.
 */
#ifndef LM_CORPUS_H
#define LM_CORPUS_H

#include "lm_bpe.h"

#include <forkreel/lm_pretrain.h>

enum lm_corpus_part { LM_CORPUS_TRAIN, LM_CORPUS_VALID, LM_CORPUS_N_PARTS };

struct lm_corpus_options {
    struct reel_lm_texts texts;
    enum reel_lm_documents documents;
    int32_t n_context;
    int32_t n_vocabulary; /* 0: by the size of the text */
    double valid_share;   /* of the documents; one at least */
    struct reel_progress progress;
};
struct lm_corpus_options lm_corpus_options_default(void);

struct lm_corpus_made {
    int64_t n_documents, n_duplicates; /* different ones; left out */
    int64_t n_bytes;                   /* of the different ones */
    int64_t n_bytes_of[LM_CORPUS_N_PARTS];
    int64_t n_documents_of[LM_CORPUS_N_PARTS];
    int64_t n_tokens[LM_CORPUS_N_PARTS]; /* asked for */
    int64_t n_rows[LM_CORPUS_N_PARTS];
};

/**
 * Read texts once, train a vocabulary on the training part, write both parts into `folder`.
 *
 * Errors:  REEL_EINVAL options; REEL_EFORMAT fewer than two documents, or no UTF-8, or no
 *          JSON, with the place; REEL_EIO, a full disk for one; REEL_ECANCELLED; REEL_ENOMEM. `*bpe` is then
 *          NULL.
 * Needs:   on the disk of `folder` the text once and its tokens; the text goes at the end.
 */
enum reel_status lm_corpus_make(const char *folder, const struct lm_corpus_options *opt,
                                struct lm_bpe **bpe, struct lm_corpus_made *made,
                                struct reel_error *err) REEL_CHECKED;

struct lm_corpus;
/** Errors: REEL_ENOTFOUND, REEL_EIO; REEL_EFORMAT, REEL_EVERSION; REEL_ENOMEM. */
enum reel_status lm_corpus_open(const char *folder, struct lm_corpus **out,
                                struct reel_error *err) REEL_CHECKED;
void lm_corpus_close(struct lm_corpus *corpus);
int32_t lm_corpus_n_context(const struct lm_corpus *corpus);
int32_t lm_corpus_n_vocabulary(const struct lm_corpus *corpus);
int64_t lm_corpus_n_rows(const struct lm_corpus *corpus, enum lm_corpus_part part);
int64_t lm_corpus_n_tokens(const struct lm_corpus *corpus, enum lm_corpus_part part);
/** Of the heads: the same for the same corpus, to tell whether a checkpoint belongs to it. */
uint64_t lm_corpus_sum(const struct lm_corpus *corpus);

/** Go through both files. Errors: REEL_EFORMAT they are not what was written. */
enum reel_status lm_corpus_verify(const struct lm_corpus *corpus, const char *folder,
                                  struct reel_error *err) REEL_CHECKED;

/**
 * Row i into token, begin and wanted (n_context), as lm_packed wants them; `first` is added to
 * begin, for a row that stands behind others. False: a token outside the vocabulary.
 */
bool lm_corpus_row(const struct lm_corpus *corpus, enum lm_corpus_part part, int64_t i,
                   int32_t first, int32_t *token, int32_t *begin,
                   int32_t *wanted) REEL_CHECKED;

#endif
