/** Words of a line, as a model cuts them, and a line put together from words. */
#ifndef LM_NGRAM_CUT_H
#define LM_NGRAM_CUT_H

#include "base_buffer.h"

#include <forkreel/lm_train.h>

#include <stddef.h>

struct base_text;

struct lm_ngram_cutter {
    enum reel_lm_cut cut;
    struct base_text *text;
    struct base_buffer line;
};
enum reel_status lm_ngram_cutter_init(struct lm_ngram_cutter *cutter,
                                      enum reel_lm_cut cut,
                                      struct reel_error *err) REEL_CHECKED;
void lm_ngram_cutter_release(struct lm_ngram_cutter *cutter);

/** Words with blanks between; borrowed from `line` or the cutter until the next call. */
enum reel_status lm_ngram_cut(struct lm_ngram_cutter *cutter, const char *line,
                              size_t n_bytes, const char **words, size_t *n_words_bytes,
                              struct reel_error *err) REEL_CHECKED;
/** The next word in [*at, end); false when there is none. Blanks are those of ASCII. */
bool lm_ngram_next_word(const char **at, const char *end, const char **word,
                        size_t *n_bytes);

/**
 * Does a blank belong between two words of prose, as English and Chinese are written? `is_open`:
 * an odd number of straight quotes stands before.
 */
bool lm_ngram_needs_blank(enum reel_lm_cut cut, const char *before, size_t n_before,
                          const char *after, size_t n_after, bool is_quote_open);

#endif
