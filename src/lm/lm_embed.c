/**
 * Texts to vectors with a model on this machine. Opening the file is lm_local.c.
 *
 * Texts are cut into windows of tokens; windows of several texts are read at once, each as a
 * sequence of its own. Models that know how to pool have it done by llama.cpp, because some
 * have layers behind the pooling; of the others every token's last hidden state comes back.
 * A causal model spends its first token on holding what attention has no use for (Xiao et al.
 * 2024, "attention sinks"), so its state says nothing of the text and is left out.
 */
#include "lm_local.h"

#include "base_alloc.h"
#include "base_clock.h"
#include "base_error.h"
#include "lm_backend.h"
#include "lm_log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Every token of a batch looks at every other, masked or not, so larger batches are slower; and
   llama.cpp keeps logits for all of them, though nobody reads them. */
enum { N_BATCH = 256, N_WINDOW = 256, N_WINDOWS_MAX = 64, N_EDGE = 2 };
#define ASK_EVERY_NS 50000000

// ---- opening ----

static bool goes_on(struct lm_local *local)
{
    const int64_t now = base_clock_ns();
    if (!local->is_stopped && now - local->asked_ns >= ASK_EVERY_NS) {
        local->asked_ns = now;
        local->is_stopped = !base_progress_report(
            local->progress, "texts", local->embedder.n_done, local->embedder.n_texts);
    }
    return !local->is_stopped;
}

/** llama.cpp asks between the nodes of its graph; true stops it. */
static bool is_aborted(void *payload)
{
    struct lm_local *local = payload;
    return local->progress && !goes_on(local);
}

static enum reel_status open_context(struct lm_local *local,
                                     const struct reel_lm_options *opt,
                                     struct reel_error *err)
{
    struct lm_embedder *e = &local->embedder;
    struct llama_context_params params = llama_context_default_params();
    struct lm_guard guard;
    char reason[256];
    params.n_ctx = params.n_batch = params.n_ubatch = (uint32_t)e->n_batch;
    params.n_seq_max = (uint32_t)e->n_windows_max;
    const int32_t n_threads = lm_backend_suits(local->model) ? 1 : opt->n_threads;
    lm_backend_set_threads(opt->n_threads);
    params.n_threads = params.n_threads_batch = n_threads;
    params.embeddings = true;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
    params.kv_unified = true;
    params.no_perf = true;
    params.abort_callback = is_aborted;
    params.abort_callback_data = local;
    lm_log_listen(reason, sizeof reason);
    local->context = lm_guard_context(local->model, params, &guard);
    lm_log_listen_no_more();
    if (!local->context) {
        const char *why = guard.why[0] ? guard.why : reason;
        return fail(err, REEL_ENOMEM, "%s: llama.cpp gives no context to embed with%s%s",
                    local->path, why[0] ? ": " : "", why);
    }
    const enum llama_pooling_type pooling = llama_pooling_type(local->context);
    e->is_pooled = pooling != LLAMA_POOLING_TYPE_NONE;
    return pooling == LLAMA_POOLING_TYPE_RANK
               ? fail(err, REEL_EFORMAT, "%s: ranks texts, it does not embed them",
                      local->path)
               : REEL_OK;
}

/** A token of the vocabulary, or LLAMA_TOKEN_NULL. */
static llama_token known(const struct lm_local *local, bool is_wanted, llama_token token)
{
    return is_wanted && token >= 0 && token < llama_vocab_n_tokens(local->vocab)
               ? token
               : LLAMA_TOKEN_NULL;
}

/** What stands for words that the model does not know; there is no call that asks for it. */
static llama_token find_unknown(const struct lm_local *local)
{
    char text[24];
    const int32_t n = llama_model_meta_val_str(
        local->model, "tokenizer.ggml.unknown_token_id", text, sizeof text);
    const bool is_told = n > 0 && n < (int32_t)sizeof text;
    const bool is_bert = llama_vocab_type(local->vocab) == LLAMA_VOCAB_TYPE_WPM;
    const long token = is_told ? strtol(text, NULL, 10) : 100; // as llama.cpp assumes
    return known(local, (is_told || is_bert) && token >= 0 && token < INT32_MAX,
                 (llama_token)token);
}

enum reel_status lm_embedder_init(struct lm_local *local,
                                  const struct reel_lm_options *opt,
                                  struct reel_error *err)
{
    struct lm_embedder *e = &local->embedder;
    const struct llama_vocab *vocab = local->vocab;
    const int32_t n_train = llama_model_n_ctx_train(local->model);
    e->n_batch = N_BATCH;
    e->n_windows_max = N_WINDOWS_MAX;
    e->n_window = n_train > 0 && n_train < N_WINDOW ? n_train : N_WINDOW;
    if (e->n_window <= N_EDGE) {
        return fail(err, REEL_EFORMAT, "%s: a context of %d tokens", local->path,
                    n_train);
    }
    const bool has_sep = llama_vocab_get_add_sep(vocab);
    e->first = known(local, llama_vocab_get_add_bos(vocab), llama_vocab_bos(vocab));
    e->last = known(local, has_sep || llama_vocab_get_add_eos(vocab),
                    has_sep ? llama_vocab_sep(vocab) : llama_vocab_eos(vocab));
    e->unknown = find_unknown(local);
    e->batch = llama_batch_init(e->n_batch, 0, 1);
    e->i_text = base_alloc_array((size_t)e->n_windows_max, sizeof *e->i_text);
    e->n_part = base_alloc_array((size_t)e->n_windows_max, sizeof *e->n_part);
    if (!e->i_text || !e->n_part || !e->batch.token || !e->batch.seq_id) {
        return fail(err, REEL_ENOMEM, "batches of %d tokens", e->n_batch);
    }
    return open_context(local, opt, err);
}

void lm_embedder_release(struct lm_embedder *embedder)
{
    if (embedder->batch.token) {
        llama_batch_free(embedder->batch);
    }
    base_free(embedder->i_text);
    base_free(embedder->n_part);
    *embedder = (struct lm_embedder){0};
}

// ---- one batch ----

static void add_token(struct lm_embedder *e, llama_token token, int32_t position)
{
    struct llama_batch *b = &e->batch;
    b->token[b->n_tokens] = token;
    b->pos[b->n_tokens] = position;
    b->n_seq_id[b->n_tokens] = 1;
    b->seq_id[b->n_tokens][0] = e->n_windows;
    b->logits[b->n_tokens] = true;
    b->n_tokens++;
}

static void add_window(struct lm_embedder *e, int32_t i_text, const int32_t *token,
                       int32_t n)
{
    int32_t at = 0;
    if (e->first != LLAMA_TOKEN_NULL) {
        add_token(e, e->first, at++);
    }
    for (int32_t i = 0; i < n; i++) {
        add_token(e, token[i], at++);
    }
    if (e->last != LLAMA_TOKEN_NULL) {
        add_token(e, e->last, at++);
    }
    e->i_text[e->n_windows] = i_text;
    e->n_part[e->n_windows++] = n;
}

static enum reel_status run(struct lm_local *local, struct reel_error *err)
{
    struct lm_embedder *e = &local->embedder;
    struct lm_guard guard;
    const llama_memory_t memory = llama_get_memory(local->context);
    if (memory) {
        llama_memory_clear(memory, false);
    }
    const int32_t code = memory ? lm_guard_decode(local->context, e->batch, &guard)
                                : lm_guard_encode(local->context, e->batch, &guard);
    if (code == 2 || local->is_stopped) {
        return fail(err, REEL_ECANCELLED, "stopped after %d of %d texts", e->n_done,
                    e->n_texts);
    }
    if (code == -2) {
        return fail(err, REEL_ENOMEM, "a batch of %d tokens", e->batch.n_tokens);
    }
    return code == 0 ? REEL_OK
                     : fail(err, REEL_EFAIL, "the model could not be run%s%s",
                            guard.why[0] ? ": " : "", guard.why);
}

/** Add what was found out about window `w`, whose tokens begin at `*i_token`. */
static bool add_vector(const struct lm_local *local, int32_t w, int32_t *i_token,
                       float *row)
{
    const struct lm_embedder *e = &local->embedder;
    const int32_t n_dims = local->lm.facts.n_embedding;
    const int32_t begin = *i_token;
    while (*i_token < e->batch.n_tokens && e->batch.seq_id[*i_token][0] == w) {
        ++*i_token;
    }
    const int32_t n = *i_token - begin;
    const bool skips_first = n > 1 && llama_get_causal_attn(local->context);
    const int32_t n_rows = e->is_pooled ? 1 : n;
    for (int32_t i = e->is_pooled || !skips_first ? 0 : 1; i < n_rows; i++) {
        const float *vector = e->is_pooled
                                  ? llama_get_embeddings_seq(local->context, w)
                                  : llama_get_embeddings_ith(local->context, begin + i);
        const float weight = e->is_pooled ? (float)e->n_part[w] : 1;
        for (int32_t k = 0; vector && k < n_dims; k++) {
            row[k] += weight * vector[k];
        }
        if (!vector) {
            return false;
        }
    }
    return true;
}

static enum reel_status flush(struct lm_local *local, float *out, struct reel_error *err)
{
    struct lm_embedder *e = &local->embedder;
    if (e->n_windows == 0) {
        return REEL_OK;
    }
    enum reel_status rc = goes_on(local)
                              ? run(local, err)
                              : fail(err, REEL_ECANCELLED, "stopped after %d of %d texts",
                                     e->n_done, e->n_texts);
    int32_t i_token = 0;
    for (int32_t w = 0; rc == REEL_OK && w < e->n_windows; w++) {
        float *row = out + (size_t)e->i_text[w] * (size_t)local->lm.facts.n_embedding;
        if (!add_vector(local, w, &i_token, row)) {
            rc = fail(err, REEL_EFAIL, "the model gave no vector for text %d",
                      e->i_text[w]);
        }
    }
    e->n_done = e->i_text[e->n_windows - 1];
    e->n_windows = e->batch.n_tokens = 0;
    return rc;
}

// ---- one text ----

/** Mostly words that the model does not know, as Chinese is to an English model. */
static bool is_foreign(const struct lm_embedder *e, const int32_t *token, int32_t n)
{
    int32_t n_unknown = 0;
    for (int32_t i = 0; i < n; i++) {
        n_unknown += token[i] == e->unknown;
    }
    return e->unknown != LLAMA_TOKEN_NULL && 2 * n_unknown > n;
}

static enum reel_status add_text(struct lm_local *local,
                                 const struct reel_lm_embed_request *request, int32_t i,
                                 float *out, struct reel_error *err)
{
    struct lm_embedder *e = &local->embedder;
    const int32_t n_room = e->n_window - N_EDGE;
    const size_t n_prefix = strlen(request->prefix), n_text = strlen(request->text[i]);
    int32_t *token = NULL, n = 0;
    char *whole = base_alloc_array(n_prefix + n_text + 1, 1);
    if (!whole) {
        return fail(err, REEL_ENOMEM, "a text of %zu bytes", n_text);
    }
    memcpy(whole, request->prefix, n_prefix);
    memcpy(whole + n_prefix, request->text[i], n_text + 1);
    enum reel_status rc = lm_local_tokens(local, whole, false, &token, &n, err);
    base_free(whole);
    const bool is_empty = rc || n_text == 0 || is_foreign(e, token, n);
    const int32_t n_windows = is_empty ? 0 : (n + n_room - 1) / n_room;
    for (int32_t k = 0; rc == REEL_OK && k < n_windows; k++) {
        const int32_t begin = (int32_t)((int64_t)n * k / n_windows);
        const int32_t end = (int32_t)((int64_t)n * (k + 1) / n_windows);
        if (e->n_windows == e->n_windows_max ||
            e->batch.n_tokens + end - begin + N_EDGE > e->n_batch) {
            rc = flush(local, out, err);
        }
        if (rc == REEL_OK) {
            add_window(e, i, token + begin, end - begin);
        }
    }
    base_free(token);
    return rc;
}

enum reel_status lm_local_embed(struct reel_lm *lm,
                                const struct reel_lm_embed_request *request, float *out,
                                struct reel_error *err)
{
    struct lm_local *local = (struct lm_local *)lm;
    struct lm_embedder *e = &local->embedder;
    enum reel_status rc = REEL_OK;
    local->progress = request->progress.report ? &request->progress : NULL;
    local->is_stopped = false;
    local->asked_ns = 0;
    e->n_windows = e->batch.n_tokens = 0;
    e->n_done = 0;
    e->n_texts = request->n_texts;
    for (int32_t i = 0; rc == REEL_OK && i < request->n_texts; i++) {
        rc = add_text(local, request, i, out, err);
    }
    rc = rc ? rc : flush(local, out, err);
    local->progress = NULL;
    for (int32_t i = 0; rc == REEL_OK && i < request->n_texts; i++) {
        lm_unit_length(out + (size_t)i * (size_t)lm->facts.n_embedding,
                       lm->facts.n_embedding);
    }
    return rc;
}
