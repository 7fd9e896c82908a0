/**
 * The words of an n-gram model and their numbers.
 *
 * 0 is <unk>, 1 is <s>, 2 is </s>; then in the order in which they were met. Two words whose
 * 64 bits of hash agree would be one; among a billion words that happens with p = .03.
 */
#ifndef LM_NGRAM_WORDS_H
#define LM_NGRAM_WORDS_H

#include <forkreel/status.h>

#include <stddef.h>

enum { LM_UNKNOWN = 0, LM_BEGIN = 1, LM_END = 2 };

/** Part of files; hash 0 is an empty place. */
struct lm_word_slot {
    uint64_t hash;
    uint32_t word, reserved;
};

/** Words that are looked up only, as they lie in a file. */
struct lm_words_view {
    uint32_t n_words;
    const uint32_t *begin; /* (n_words + 1) of each word's bytes */
    const char *bytes;
    const struct lm_word_slot *slot; /* (n_slots) a power of two */
    uint64_t n_slots;
};

/** LM_UNKNOWN when the model has no such word. */
uint32_t lm_words_find(const struct lm_words_view *view, const char *word,
                       size_t n_bytes);
/** The bytes of a word, no NUL behind them; "" of one out of range. */
const char *lm_words_text(const struct lm_words_view *view, uint32_t word,
                          size_t *n_bytes);

/** Words that grow. */
struct lm_words {
    struct lm_words_view view; /* valid until the next addition */
    uint32_t *begin;
    char *bytes;
    struct lm_word_slot *slot;
    size_t n_bytes, room_bytes, room_words;
};
/** With <unk>, <s> and </s>. Errors: REEL_ENOMEM. */
enum reel_status lm_words_init(struct lm_words *words,
                               struct reel_error *err) REEL_CHECKED;
void lm_words_release(struct lm_words *words);
/** The number of a word, which is added when it is new. Errors: REEL_ENOMEM, over 2^31. */
enum reel_status lm_words_add(struct lm_words *words, const char *word, size_t n_bytes,
                              uint32_t *number, struct reel_error *err) REEL_CHECKED;

/** Words of a file: each begins where the one before ends, and all lie in `n_bytes` of text. */
enum reel_status lm_words_check(const struct lm_words_view *words, uint64_t n_bytes,
                                struct reel_error *err) REEL_CHECKED;

#endif
