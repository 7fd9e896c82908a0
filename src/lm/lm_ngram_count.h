/**
 * All n-grams of a text in suffix order, each once, with its count.
 *
 * A gram is `order` words, the last first: {w_n, w_(n-1), ..., w_1}. Suffix order compares them in
 * that order, so all grams that end alike stand together. Before a line stands <s>, as often as
 * needed, after it </s>. Grams are gathered while memory lasts; then they are sorted and written
 * to disk as a run, and at the end all runs are merged.
 *
 *     lm_count_init(&count, order, &scratch, room_bytes);
 *     rc = lm_count_line(&count, word, n_words, &err);       // as often as there are lines
 *     rc = lm_count_finish(&count, &err);
 *     while ((rc = lm_count_next(&count, &gram, &n, &err)) == REEL_OK && gram) { ... }
 *     lm_count_release(&count);
 */
#ifndef LM_NGRAM_COUNT_H
#define LM_NGRAM_COUNT_H

#include "lm_scratch.h"

/** A place in the text and the words that end there, packed for comparing. */
struct lm_count_item {
    uint64_t key;
    uint32_t at;
};

struct lm_count_run; /* a sorted run on disk, being read */

struct lm_count {
    int32_t order;
    struct lm_scratch *scratch; /* borrowed; its folder is for the runs */
    size_t n_text_max;          /* words of text in one run */
    uint32_t *text;             /* (n_text) with <s> before every line */
    size_t n_text, room_text;
    struct lm_count_item *item, *spare; /* (n_items) places of words that are not <s> */
    size_t n_items, room_items, i_item;
    uint32_t n_words; /* numbers of words are below */
    int fd;           /* plus 1; all runs, one behind the other; 0: none */
    uint64_t n_fd_bytes;
    struct lm_count_run *run; /* (n_runs) */
    int32_t n_runs, room_runs;
    int32_t *heap; /* (n_heap) runs by their next gram */
    int32_t n_heap;
    uint32_t *gram; /* (order) given last */
};

/** `room_bytes` bounds the memory for text and places. */
void lm_count_init(struct lm_count *count, int32_t order, struct lm_scratch *scratch,
                   int64_t room_bytes);
void lm_count_release(struct lm_count *count);
/** Errors: REEL_ENOMEM; REEL_EIO the disk is full. */
enum reel_status lm_count_line(struct lm_count *count, const uint32_t *word,
                               size_t n_words, struct reel_error *err) REEL_CHECKED;
/** No more lines. */
enum reel_status lm_count_finish(struct lm_count *count,
                                 struct reel_error *err) REEL_CHECKED;
/** The next gram, borrowed until the next call; NULL after the last. */
enum reel_status lm_count_next(struct lm_count *count, const uint32_t **gram, uint64_t *n,
                               struct reel_error *err) REEL_CHECKED;

#endif
