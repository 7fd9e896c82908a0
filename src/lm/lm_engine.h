/**
 * What every engine is to its callers: six functions and some facts.
 *
 * reel_lm_open picks the engine by the words it is given; lm_local.c runs a GGUF file,
 * lm_remote.c asks a server, lm_scripted.c recites, lm_ngram_engine.c counted. Options and requests are checked here,
 * once, so an engine sees only what is in range.
 */
#ifndef LM_ENGINE_H
#define LM_ENGINE_H

#include "base_arena.h"

#include <forkreel/lm.h>

struct lm_engine_calls {
    enum reel_status (*generate)(
        struct reel_lm *lm, const struct reel_lm_request *request,
        struct reel_lm_reply *reply,
        struct reel_error *err); /* NULL: it was opened to embed */
    enum reel_status (*score)(
        struct reel_lm *lm, struct reel_lm_judged *judged, int32_t n,
        const struct reel_progress *progress,
        struct reel_error *err); /* NULL: facts.can_score is false */
    enum reel_status (*count)(struct reel_lm *lm, const char *text, int32_t *n_tokens,
                              struct reel_error *err);
    enum reel_status (*embed)(struct reel_lm *lm,
                              const struct reel_lm_embed_request *request, float *out,
                              struct reel_error *err); /* NULL: facts.n_embedding is 0 */
    void (*settle)(struct reel_lm *lm); /* facts that are still being made; may be NULL */
    void (*close)(struct reel_lm *lm);  /* frees `lm` as well */
};

/** First member of every engine's own struct. */
struct reel_lm {
    const struct lm_engine_calls *calls;
    struct reel_lm_facts facts;
};

enum reel_status lm_local_open(const char *path, const struct reel_lm_options *opt,
                               struct reel_lm **out, struct reel_error *err) REEL_CHECKED;
enum reel_status lm_remote_open(const char *url, const struct reel_lm_options *opt,
                                struct reel_lm **out,
                                struct reel_error *err) REEL_CHECKED;

/* Files that are no GGUF; each begins with its own magic, see lm_engine.c. */
enum reel_status lm_ngram_open(const char *path, const struct reel_lm_options *opt,
                               struct reel_lm **out, struct reel_error *err) REEL_CHECKED;
enum reel_status lm_nnlm_open(const char *path, const struct reel_lm_options *opt,
                              struct reel_lm **out, struct reel_error *err) REEL_CHECKED;

bool lm_is_address(const char *where);
/** What the family of a model was taught to find before a text whose subject is asked. */
const char *lm_embed_prefix(const char *name);
/** Scale to length 1; all 0 when that cannot be. */
void lm_unit_length(float *row, int32_t n);

/* ---- putting a reply together ---- */

/** All samples of a request, in one arena that the reply owns; texts are added at their end. */
enum reel_status lm_reply_init(struct reel_lm_reply *reply,
                               const struct reel_lm_request *request,
                               struct reel_error *err) REEL_CHECKED;
/** Where the texts and token_logp of the reply belong. */
struct base_arena *lm_reply_arena(struct reel_lm_reply *reply);

/**
 * A text that grows piece by piece, watched for stop texts. It holds whole characters only:
 * bytes that are no UTF-8 are left out, a character cut in two waits for its rest. What may
 * yet turn out to be a stop text is held back from those who are told.
 *
 *     lm_text_init(&text, request->stop, request->n_stops);
 *     is_open = lm_text_add(&text, piece, n_bytes, &told);    // false: a stop text was met
 *     rest = lm_text_finish(&text);
 *
 * All that was told, and the rest, put together are `data`.
 */
struct lm_text {
    const char *const *stop;
    int32_t n_stops;
    char *data; /* ends with NUL; NULL while nothing was added */
    char *told; /* copy of what was told last */
    size_t n_bytes, room, n_told;
    char cut[4]; /* (n_cut) bytes of a character that is not whole yet */
    int32_t n_cut;
    bool is_out_of_memory;
};
void lm_text_init(struct lm_text *text, const char *const *stop, int32_t n_stops);
void lm_text_release(struct lm_text *text);
/**
 * Add bytes. `*told` receives what is certain now and was not told before ("" nothing);
 * borrowed until the next call. False when a stop text ended it (it is cut off) or memory
 * ran out.
 */
bool lm_text_add(struct lm_text *text, const char *piece, size_t n_bytes,
                 const char **told);
/** No more will come: gives what was held back ("" nothing), borrowed like `*told`. */
const char *lm_text_finish(struct lm_text *text);

#endif
