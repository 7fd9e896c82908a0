/** A neural language model as an engine: judges, counts and writes; see lm_wordwise.h. */
#include "lm_nnlm_file.h"
#include "lm_wordwise.h"

#include "base_alloc.h"
#include "base_error.h"

#include <string.h>

struct engine {
    struct lm_nnlm model;
    struct lm_nnlm_room room;
    size_t n_state;      /* floats */
    float *known, *logp; /* a state (n_state), and ln P of every word there */
    bool is_known;
};

/** What is dear is one softmax over all words, and it is asked for twice when writing. */
static bool know(struct engine *e, const float *state)
{
    const size_t n_bytes = e->n_state * sizeof *state;
    if (!e->is_known || memcmp(e->known, state, n_bytes) != 0) {
        e->is_known = lm_nnlm_predict(&e->model.shape, &e->model.weights, state, 1,
                                      &e->room, e->logp);
        memcpy(e->known, state, n_bytes);
    }
    return e->is_known;
}

static bool begin(void *self, void *state)
{
    struct engine *e = self;
    return lm_nnlm_begin(&e->model.shape, &e->model.weights, state, &e->room);
}

static bool step(void *self, void *state, uint32_t word, double *logp)
{
    struct engine *e = self;
    if (!know(e, state)) {
        return false;
    }
    *logp = (double)e->logp[word];
    return lm_nnlm_advance(&e->model.shape, &e->model.weights, word, state, &e->room);
}

static bool predict(void *self, const void *state, float *logp)
{
    struct engine *e = self;
    if (!know(e, state)) {
        return false;
    }
    memcpy(logp, e->logp, (size_t)e->model.shape.n_words * sizeof *logp);
    return true;
}

static void close_model(void *self)
{
    struct engine *e = self;
    lm_nnlm_unmap(&e->model);
    lm_nnlm_room_release(&e->room);
    base_free(e->known);
    base_free(e->logp);
    base_free(e);
}

static enum reel_status open_model(struct engine *e, const char *path,
                                   struct reel_error *err)
{
    const enum reel_status rc = lm_nnlm_map(&e->model, path, err);
    if (rc) {
        return rc;
    }
    e->n_state = lm_nnlm_state_size(&e->model.shape);
    e->known = base_alloc_array(e->n_state, sizeof *e->known);
    e->logp = base_alloc_array((size_t)e->model.shape.n_words, sizeof *e->logp);
    return e->known && e->logp ? REEL_OK : fail(err, REEL_ENOMEM, "%s", path);
}

enum reel_status lm_nnlm_open(const char *path, const struct reel_lm_options *opt,
                              struct reel_lm **out, struct reel_error *err)
{
    static const struct lm_wordwise_calls calls = {begin, step, predict, close_model};
    (void)opt;
    *out = NULL;
    struct engine *e = base_alloc_zeroed(1, sizeof *e);
    const enum reel_status rc =
        e ? open_model(e, path, err) : fail(err, REEL_ENOMEM, "%s: out of memory", path);
    if (rc) {
        if (e) {
            close_model(e);
        }
        return rc;
    }
    const struct lm_nnlm_shape *s = &e->model.shape;
    const struct lm_wordwise wordwise = {.calls = &calls,
                                         .self = e,
                                         .cut = (enum reel_lm_cut)e->model.header.cut,
                                         .words = e->model.words,
                                         .state_bytes = e->n_state * sizeof(float)};
    char name[64];
    (void)snprintf(name, sizeof name, "%s of %d words, %d x %d",
                   s->kind == LM_NNLM_LSTM ? "LSTM" : "feed-forward net", s->n_words,
                   s->n_embedding, s->n_hidden);
    return lm_wordwise_open(&wordwise, path, name, (int64_t)e->model.header.n_bytes, out,
                            err);
}
