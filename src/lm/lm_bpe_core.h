/** What lm_bpe.c and lm_bpe_train.c share: cutting into words, pairs, and a heap. */
#ifndef LM_BPE_CORE_H
#define LM_BPE_CORE_H

#include "lm_bpe.h"

/** Bytes of the word that begins at text[0]; n_bytes > 0. Text is well-formed or not. */
size_t lm_bpe_cut(const char *text, size_t n_bytes);

/** Map from pairs of tokens to numbers >= 0. All 0: empty. */
struct lm_bpe_pairs {
    struct lm_bpe_pair_slot {
        int32_t left, right, value_1; /* value + 1; 0: empty */
    } * slot;
    size_t n, n_slots;
};
/** -1 when absent. */
int32_t lm_bpe_pairs_get(const struct lm_bpe_pairs *pairs, int32_t left, int32_t right);
/** The pair is not there yet. False: no memory. */
bool lm_bpe_pairs_add(struct lm_bpe_pairs *pairs, int32_t left, int32_t right,
                      int32_t value) REEL_CHECKED;
void lm_bpe_pairs_release(struct lm_bpe_pairs *pairs);

/** The least (first, second) comes out first. All 0: empty. */
struct lm_bpe_heap {
    struct lm_bpe_heap_item {
        int64_t first, second;
        int32_t what;
    } * item;
    size_t n, room;
};
bool lm_bpe_heap_push(struct lm_bpe_heap *heap,
                      struct lm_bpe_heap_item item) REEL_CHECKED;
/** heap->n > 0. */
struct lm_bpe_heap_item lm_bpe_heap_pop(struct lm_bpe_heap *heap);
void lm_bpe_heap_release(struct lm_bpe_heap *heap);

/** An empty vocabulary (LM_BPE_END and the bytes) to which merges are added; NULL. */
struct lm_bpe *lm_bpe_begin(void);
/** The token of both together, which may be one that is there. -1: no memory. */
int32_t lm_bpe_add(struct lm_bpe *bpe, int32_t left, int32_t right);
/** The token that a pair was merged into before. */
int32_t lm_bpe_product(const struct lm_bpe *bpe, int32_t left, int32_t right);
int32_t lm_bpe_byte(const struct lm_bpe *bpe, unsigned char byte);

#endif
