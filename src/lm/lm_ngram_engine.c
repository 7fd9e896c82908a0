/** An n-gram model as an engine: judges, counts and writes; see lm_wordwise.h. */
#include "lm_ngram.h"
#include "lm_ngram_arpa.h"
#include "lm_wordwise.h"

#include "base_alloc.h"
#include "base_error.h"

#include <math.h>
#include <string.h>

static bool begin(void *self, void *state)
{
    *(uint32_t *)state = lm_ngram_begin(self);
    return true;
}

static bool step(void *self, void *state, uint32_t word, double *logp)
{
    *logp = M_LN10 * lm_ngram_step(self, state, word);
    return true;
}

/** From one word up: a context has the better number for the words it knows. */
static bool predict(void *self, const void *state, float *logp)
{
    const struct lm_ngram *model = self;
    struct lm_context c[REEL_LM_NGRAM_ORDER_MAX];
    int32_t n = 0;
    uint32_t at = *(const uint32_t *)state;
    float backoff[REEL_LM_NGRAM_ORDER_MAX + 1] = {0}; // of the n longest contexts
    while (n < REEL_LM_NGRAM_ORDER_MAX && lm_ngram_context(model, at, &c[n])) {
        at = c[n].suffix < at ? c[n].suffix : 0;
        backoff[n + 1] = backoff[n] + c[n].backoff;
        n++;
    }
    for (uint32_t w = 0; w < model->words.n_words; w++) {
        logp[w] = (float)M_LN10 * (model->unigram[w].logp + backoff[n]);
    }
    while (n-- > 0) {
        for (uint32_t s = 0; s < c[n].n_slots; s++) {
            const uint32_t *slot = c[n].slot + (size_t)s * LM_SLOT_WORDS;
            if (slot[LM_SLOT_WORD] < model->words.n_words) {
                logp[slot[LM_SLOT_WORD]] =
                    (float)M_LN10 * (lm_ngram_float(slot[LM_SLOT_LOGP]) + backoff[n]);
            }
        }
    }
    return true;
}

static void close_model(void *self)
{
    lm_ngram_unmap(self);
    base_free(self);
}

static enum reel_status map_model(struct lm_ngram *model, const char *path,
                                  struct reel_error *err)
{
    return lm_is_arpa(path)
               ? fail(err, REEL_EFORMAT,
                      "%s: is an ARPA file; 'lm convert' makes a model of it", path)
               : lm_ngram_map(model, path, err);
}

enum reel_status lm_ngram_open(const char *path, const struct reel_lm_options *opt,
                               struct reel_lm **out, struct reel_error *err)
{
    static const struct lm_wordwise_calls calls = {begin, step, predict, close_model};
    (void)opt;
    *out = NULL;
    struct lm_ngram *model = base_alloc_zeroed(1, sizeof *model);
    if (!model) {
        return fail(err, REEL_ENOMEM, "%s: out of memory", path);
    }
    const enum reel_status rc = map_model(model, path, err);
    if (rc) {
        base_free(model);
        return rc;
    }
    const struct lm_wordwise wordwise = {.calls = &calls,
                                         .self = model,
                                         .cut = (enum reel_lm_cut)model->header.cut,
                                         .words = model->words,
                                         .state_bytes = sizeof(uint32_t)};
    char name[64];
    (void)snprintf(name, sizeof name, "%u-gram of %u words", model->header.order,
                   model->header.n_words);
    return lm_wordwise_open(&wordwise, path, name, (int64_t)model->header.n_bytes, out,
                            err);
}
