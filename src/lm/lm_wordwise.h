/**
 * An engine over words, whatever predicts them: n-grams, or a net.
 *
 * A text is lines; a line is words as the model cuts them, and its end is a word as well. What
 * stands before a line tells nothing of it. Prompts go on where their last line ends. What is
 * written has blanks where prose has them, and is over when its line is.
 *
 *     static const struct lm_wordwise_calls calls = {my_begin, my_step, my_predict, my_close};
 *     struct lm_wordwise model = {.calls = &calls, .self = my, .cut = cut, .words = words,
 *                                 .state_bytes = sizeof(uint32_t)};
 *     rc = lm_wordwise_open(&model, path, "my model", file_bytes, &lm, &err);
 */
#ifndef LM_WORDWISE_H
#define LM_WORDWISE_H

#include "lm_engine.h"
#include "lm_ngram_words.h"

#include <forkreel/lm_train.h>

/** `state` is plain bytes that may be copied. Those that can fail run out of memory. */
struct lm_wordwise_calls {
    bool (*begin)(void *self, void *state); /* before the first word of a line */
    /** *logp receives ln P(word | state); the state moves on. */
    bool (*step)(void *self, void *state, uint32_t word, double *logp);
    /** logp (n_words) receives ln P of every word. */
    bool (*predict)(void *self, const void *state, float *logp);
    void (*close)(void *self);
};

struct lm_wordwise {
    const struct lm_wordwise_calls *calls;
    void *self;
    enum reel_lm_cut cut;
    struct lm_words_view words; /* lives as long as self */
    size_t state_bytes;
};

/**
 * `path` is the file, for its checksum. `self` is the engine's from here on: after a failure
 * it is closed already.
 */
enum reel_status lm_wordwise_open(const struct lm_wordwise *model, const char *path,
                                  const char *name, int64_t file_bytes,
                                  struct reel_lm **out,
                                  struct reel_error *err) REEL_CHECKED;

#endif
