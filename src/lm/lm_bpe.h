/**
 * Byte-level BPE: a vocabulary that is trained here and cuts any bytes into tokens.
 *
 * Text is first cut into words as llama.cpp does it under the name "qwen2": letters with at most one
 * other character before them, single digits, runs of signs, runs of blanks. Inside a word
 * the 256 bytes are the alphabet, and pairs of neighbours become new tokens, the most
 * frequent first (Sennrich et al. 2016), in one order that encoding follows. Chinese needs
 * nothing of its own: a run of characters between signs is a word.
 *
 * Tokens: 0 is LM_BPE_END, which stands before every document and after it; 1 to 256 are the
 * bytes in the order of GPT-2's printable stand-ins for them; then the merges.
 *
 *     rc = lm_bpe_count_create(&count, &err);
 *     rc = lm_bpe_count_add(count, text, n_bytes, &err);      // as often as there is text
 *     rc = lm_bpe_train(count, 8000, 2, &progress, &bpe, &err);
 *     rc = lm_bpe_encode(bpe, text, n_bytes, &tokens, &err);  // appends
 *     rc = lm_bpe_to_gguf(bpe, gguf, &err);                   // for stock llama.cpp
 */
#ifndef LM_BPE_H
#define LM_BPE_H

#include <forkreel/status.h>

#include <stddef.h>

struct gguf_context;
struct lm_bpe;
struct lm_bpe_count;

enum {
    LM_BPE_END = 0,
    LM_BPE_N_LEAST = 257, /* tokens without any merge */
    LM_BPE_WORD_BYTES_MAX = 1024,
};

/* ---- training ---- */

/** Words and how often they occur. Memory is bounded: see lm_bpe_count_limit. */
enum reel_status lm_bpe_count_create(struct lm_bpe_count **out,
                                     struct reel_error *err) REEL_CHECKED;
void lm_bpe_count_free(struct lm_bpe_count *count);
/** Beyond so many different words (default 2 million) the rarest are forgotten. */
void lm_bpe_count_limit(struct lm_bpe_count *count, size_t n_words_max);
/** Words longer than LM_BPE_WORD_BYTES_MAX are left out: they are no words. */
enum reel_status lm_bpe_count_add(struct lm_bpe_count *count, const char *text,
                                  size_t n_bytes, struct reel_error *err) REEL_CHECKED;
size_t lm_bpe_count_n(const struct lm_bpe_count *count);

/**
 * Learn merges until there are n_tokens tokens or the best pair occurs less than min_count
 * times. Of pairs that occur equally often, the one with the smaller tokens comes first.
 *
 * Errors: REEL_EINVAL n_tokens < 257 or min_count < 1; REEL_ECANCELLED; REEL_ENOMEM.
 * Cost:   O(n log n) in the bytes of different words.
 */
enum reel_status lm_bpe_train(const struct lm_bpe_count *count, int32_t n_tokens,
                              int64_t min_count, const struct reel_progress *progress,
                              struct lm_bpe **out, struct reel_error *err) REEL_CHECKED;

/* ---- using ---- */

void lm_bpe_free(struct lm_bpe *bpe);
int32_t lm_bpe_n_tokens(const struct lm_bpe *bpe);
/** The bytes of a token, "" for LM_BPE_END; borrowed, no NUL behind them. */
const char *lm_bpe_bytes(const struct lm_bpe *bpe, int32_t token, size_t *n_bytes);

/** Tokens that grow. */
struct lm_bpe_tokens {
    int32_t *token;
    size_t n, room;
};
void lm_bpe_tokens_release(struct lm_bpe_tokens *tokens);
enum reel_status lm_bpe_tokens_add(struct lm_bpe_tokens *tokens, int32_t token,
                                   struct reel_error *err) REEL_CHECKED;
/**
 * Append the tokens of a text, no LM_BPE_END among them. The same as llama.cpp's if the text
 * is well-formed UTF-8. Threads: one at a time, words are remembered.
 */
enum reel_status lm_bpe_encode(struct lm_bpe *bpe, const char *text, size_t n_bytes,
                               struct lm_bpe_tokens *out,
                               struct reel_error *err) REEL_CHECKED;

/* ---- keeping ---- */

/** The merges, two tokens each: all that a vocabulary is made of. (n_merges, 2), borrowed. */
const int32_t *lm_bpe_merges(const struct lm_bpe *bpe, int32_t *n_merges);
/** Errors: REEL_EFORMAT a merge of tokens that are not there yet. */
enum reel_status lm_bpe_from_merges(const int32_t *merge, int32_t n_merges,
                                    struct lm_bpe **out,
                                    struct reel_error *err) REEL_CHECKED;
/** Sets tokenizer.ggml.*: model gpt2, pre qwen2, tokens, types, merges, BOS and EOS. */
enum reel_status lm_bpe_to_gguf(const struct lm_bpe *bpe, struct gguf_context *gguf,
                                struct reel_error *err) REEL_CHECKED;

#endif
