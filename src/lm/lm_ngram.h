/**
 * An n-gram model: a mapped file and walking through it, word by word.
 *
 * Where one stands is a *context*: the longest sequence of words just read, shorter than the
 * order, after which the model has seen anything. It is a place in `block`; 0 is the empty one.
 *
 *     context = 4-byte words: n_slots | backoff | suffix | prefix | last | slot slot ...
 *     slot    = word | logp | next
 *
 *     n_slots  the slots that follow; the highest bit says that they are a table with linear
 *              probing and not in the order of their words
 *     backoff  log10 of what is left for words that have no slot
 *     suffix   the longest context that this one ends with; always before it in the block
 *     prefix   this one without its last word, which is `last`
 *     word     LM_NO_WORD: an empty place
 *     logp     log10 P(word | context)
 *     next     the context after that word
 *
 * So a word costs one look into a context when the model has seen it there, and one more for
 * each word that has to be forgotten (KenLM looks at every order from one word up). Every
 * number from the block is checked where it is used; a damaged file gives wrong answers
 * and nothing worse.
 *
 *     uint32_t at = lm_ngram_begin(&model);
 *     double logp10 = lm_ngram_step(&model, &at, lm_words_find(&model.words, "film", 4));
 */
#ifndef LM_NGRAM_H
#define LM_NGRAM_H

#include "base_block.h"
#include "base_file.h"
#include "lm_ngram_words.h"

#include <forkreel/lm_train.h>

#define LM_NGRAM_MAGIC "REELNGRM"
#define LM_NO_WORD UINT32_MAX
#define LM_IS_TABLE 0x80000000u
enum {
    LM_CONTEXT_SLOTS,
    LM_CONTEXT_BACKOFF,
    LM_CONTEXT_SUFFIX,
    LM_CONTEXT_PREFIX,
    LM_CONTEXT_LAST,
    LM_CONTEXT_HEAD, /* words before the slots */
    LM_SLOT_WORD = 0,
    LM_SLOT_LOGP,
    LM_SLOT_NEXT,
    LM_SLOT_WORDS
};

/** Part of files. */
struct lm_unigram {
    float logp; /* log10 */
    uint32_t next;
};

enum {
    LM_NGRAM_SECTION_BEGIN,
    LM_NGRAM_SECTION_BYTES,
    LM_NGRAM_SECTION_SLOTS,
    LM_NGRAM_SECTION_UNIGRAMS,
    LM_NGRAM_SECTION_BLOCK,
    LM_NGRAM_N_SECTIONS
};

/** On a page of its own at the beginning of the file; native byte order. */
struct lm_ngram_header {
    char magic[8];
    uint32_t version, oldest;
    uint64_t n_bytes, check; /* of the file; FNV-1a of this header with check 0 */
    uint32_t order, cut, n_words, reserved;
    uint64_t n_ngrams[REEL_LM_NGRAM_ORDER_MAX];
    struct base_section section[LM_NGRAM_N_SECTIONS];
};

struct lm_ngram {
    struct base_file_map map; /* empty: the bytes are not ours */
    struct lm_ngram_header header;
    struct lm_words_view words;
    const struct lm_unigram *unigram; /* (words.n_words) */
    const uint32_t *block;            /* (n_block) */
    uint32_t n_block;
};

/** Errors: REEL_EFORMAT not a whole model of a version that is known; `*model` is then empty. */
enum reel_status lm_ngram_view(struct lm_ngram *model, const void *data, size_t n_bytes,
                               struct reel_error *err) REEL_CHECKED;
enum reel_status lm_ngram_map(struct lm_ngram *model, const char *path,
                              struct reel_error *err) REEL_CHECKED;
void lm_ngram_unmap(struct lm_ngram *model);

/** Where a line begins: after <s>. */
uint32_t lm_ngram_begin(const struct lm_ngram *model);
/** log10 P(word | context); the context moves on. A word out of range counts as <unk>. */
double lm_ngram_step(const struct lm_ngram *model, uint32_t *context, uint32_t word);

/** A context that is inside the block with all its slots. */
struct lm_context {
    uint32_t n_slots;
    bool is_table;
    float backoff;
    uint32_t suffix, prefix, last;
    const uint32_t *slot; /* (n_slots, LM_SLOT_WORDS) */
};
/** False for the empty context, and for what is none in a damaged file. */
bool lm_ngram_context(const struct lm_ngram *model, uint32_t at,
                      struct lm_context *context);
/** The float whose bits a word of the block holds. */
float lm_ngram_float(uint32_t bits);
uint32_t lm_ngram_bits(float value);
/** Where a word stands, or would stand first, in a table of n slots. */
static inline uint32_t lm_ngram_place(uint32_t word, uint32_t n_slots)
{
    return (uint32_t)(((uint64_t)(word * 0x9E3779B1u) * n_slots) >> 32);
}

#endif
