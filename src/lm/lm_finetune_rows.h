/**
 * Examples as rows of tokens: documents packed one behind the other, of which some tokens are
 * to be learnt.
 *
 * A document longer than a row goes on in the next. The rows of training come first.
 */
#ifndef LM_FINETUNE_ROWS_H
#define LM_FINETUNE_ROWS_H

#include "lm_decoder.h"

#include <forkreel/lm_finetune.h>

struct llama_vocab;

struct lm_rows {
    int32_t n_rows, n_valid_rows; /* of training; then those to judge on */
    int64_t n_tokens;
    int32_t n_row;                   /* longest row */
    int64_t *first;                  /* (n_rows + n_valid_rows + 1) into the rest */
    int32_t *token, *begin, *wanted; /* (n_tokens) as lm_packed */
    int64_t n_examples, n_valid, n_targets, n_valid_targets;
};

/**
 * The examples in `n_context` tokens a row; which are held out for validation is said by the
 * seed. BOS stands before every document where the vocabulary wants it, an end behind every
 * answer to a prompt.
 * Errors: REEL_EFORMAT fewer than two different examples, or nothing to learn; REEL_ENOMEM.
 */
enum reel_status lm_rows_make(const struct llama_vocab *vocab,
                              const struct reel_lm_example *example, int32_t n_examples,
                              double valid_share, int32_t n_context, uint64_t seed,
                              struct lm_rows *rows, struct reel_error *err) REEL_CHECKED;
void lm_rows_release(struct lm_rows *rows);
/** Row i as a pass takes it. */
struct lm_packed lm_rows_get(const struct lm_rows *rows, int32_t i);

#endif
