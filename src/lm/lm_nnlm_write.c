/** A line that a neural language model writes; see lm_nnlm_write.h. */
#include "lm_nnlm_write.h"
#include "lm_ngram_cut.h"

#include "base_alloc.h"

#include <math.h>
#include <string.h>

/** A word by its probability; LM_END when rounding leaves none, LM_UNKNOWN for no numbers. */
static uint32_t draw(const float *logp, int32_t n_words, struct base_rng *rng)
{
    double left = base_rng_double(rng) * (1 - exp((double)logp[LM_UNKNOWN]));
    for (int32_t w = LM_UNKNOWN + 1; w < n_words; w++) {
        left -= exp((double)logp[w]);
        if (isnan(left)) {
            return LM_UNKNOWN;
        }
        if (left < 0) {
            return (uint32_t)w;
        }
    }
    return LM_END;
}

/** Behind what is there, with a blank where prose has one; false when it has no room. */
static bool add_word(const struct lm_nnlm *model, uint32_t before, uint32_t word,
                     bool *is_quoted, char *text, size_t n_text_bytes)
{
    size_t n_before, n_word;
    const size_t n = strlen(text);
    const char *last = lm_words_text(&model->words, before, &n_before),
               *next = lm_words_text(&model->words, word, &n_word);
    const bool has_blank =
        n > 0 && lm_ngram_needs_blank((enum reel_lm_cut)model->header.cut, last, n_before,
                                      next, n_word, *is_quoted);
    if (n + n_word + 2 > n_text_bytes) {
        return false;
    }
    *is_quoted ^= n_word == 1 && *next == '"';
    (void)snprintf(text + n, n_text_bytes - n, "%s%.*s", has_blank ? " " : "",
                   (int)n_word, next);
    return true;
}

void lm_nnlm_sample(const struct lm_nnlm *model, uint64_t seed, int32_t n_words,
                    char *text, size_t n_text_bytes)
{
    const struct lm_nnlm_shape *s = &model->shape;
    struct lm_nnlm_room room = {0};
    struct base_rng rng;
    float *state = base_alloc_array(lm_nnlm_state_size(s), sizeof *state);
    float *logp = base_alloc_array((size_t)s->n_words, sizeof *logp);
    uint32_t word = LM_BEGIN;
    bool is_quoted = false;
    text[0] = '\0';
    base_rng_init(&rng, seed, 0);
    bool is_going = state && logp && lm_nnlm_begin(s, &model->weights, state, &room);
    for (int32_t i = 0; is_going && i < n_words; i++) {
        const uint32_t before = word;
        is_going = lm_nnlm_predict(s, &model->weights, state, 1, &room, logp);
        word = is_going ? draw(logp, s->n_words, &rng) : LM_END;
        is_going = is_going && word > LM_END &&
                   add_word(model, before, word, &is_quoted, text, n_text_bytes) &&
                   lm_nnlm_advance(s, &model->weights, word, state, &room);
    }
    lm_nnlm_room_release(&room);
    base_free(state);
    base_free(logp);
}
