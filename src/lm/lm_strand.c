/** See lm_strand.h. Source of the facts: llama.h (llama_decode, llama_memory_seq_*). */
#include "lm_strand.h"

#include "base_alloc.h"
#include "base_error.h"

#include <string.h>

enum reel_status lm_strands_init(struct lm_strands *s, struct llama_context *context,
                                 int32_t n_strands, int32_t n_batch,
                                 struct reel_error *err)
{
    *s = (struct lm_strands){
        .context = context, .n_strands = n_strands, .n_batch = n_batch};
    s->strand = base_alloc_zeroed((size_t)n_strands, sizeof *s->strand);
    s->batch = llama_batch_init(n_batch, 0, 1);
    return s->strand && s->batch.token
               ? REEL_OK
               : fail(err, REEL_ENOMEM, "%d sequences", n_strands);
}

void lm_strands_release(struct lm_strands *s)
{
    for (int32_t i = 0; s->strand && i < s->n_strands; i++) {
        base_free(s->strand[i].token);
    }
    base_free(s->strand);
    if (s->batch.token) {
        llama_batch_free(s->batch);
    }
    *s = (struct lm_strands){0};
}

void lm_strands_clear(struct lm_strands *s)
{
    llama_memory_clear(llama_get_memory(s->context), true);
    for (int32_t i = 0; i < s->n_strands; i++) {
        s->strand[i].n_tokens = 0;
        s->strand[i].is_used = s->strand[i].n_holders > 0;
    }
}

static void forget(struct lm_strands *s, int32_t i)
{
    (void)llama_memory_seq_rm(llama_get_memory(s->context), i, -1, -1);
    s->strand[i].n_tokens = 0;
    s->strand[i].n_holders = 0;
    s->strand[i].is_used = false;
}

bool lm_strands_evict(struct lm_strands *s)
{
    int32_t oldest = -1;
    for (int32_t i = 0; i < s->n_strands; i++) {
        const struct lm_strand *one = &s->strand[i];
        if (one->is_used && one->n_holders == 0 &&
            (oldest < 0 || one->last_use < s->strand[oldest].last_use)) {
            oldest = i;
        }
    }
    if (oldest >= 0) {
        forget(s, oldest);
    }
    return oldest >= 0;
}

enum reel_status lm_strands_append(struct lm_strands *s, int32_t i, const int32_t *token,
                                   int32_t n_tokens, struct reel_error *err)
{
    struct lm_strand *one = &s->strand[i];
    if (one->n_tokens + n_tokens > one->room) {
        const int32_t room = 2 * (one->n_tokens + n_tokens) + 64;
        int32_t *more = base_realloc_array(one->token, (size_t)room, sizeof *more);
        if (!more) {
            return fail(err, REEL_ENOMEM, "%d tokens", room);
        }
        one->token = more;
        one->room = room;
    }
    memcpy(one->token + one->n_tokens, token, (size_t)n_tokens * sizeof *token);
    one->n_tokens += n_tokens;
    one->last_use = ++s->clock;
    return REEL_OK;
}

enum reel_status lm_strands_fork(struct lm_strands *s, int32_t from, int32_t n_tokens,
                                 int32_t *out, struct reel_error *err)
{
    int32_t free_place = -1;
    for (int round = 0; round < 2 && free_place < 0; round++) {
        for (int32_t i = 0; i < s->n_strands && free_place < 0; i++) {
            free_place = s->strand[i].is_used ? -1 : i;
        }
        if (free_place < 0) {
            // What is forked from must stay, also when it is the longest unused.
            s->strand[from < 0 ? 0 : from].n_holders += from >= 0;
            const bool is_gone = lm_strands_evict(s);
            s->strand[from < 0 ? 0 : from].n_holders -= from >= 0;
            if (!is_gone) {
                break;
            }
        }
    }
    if (free_place < 0) {
        return fail(err, REEL_EFAIL, "all %d sequences are in use", s->n_strands);
    }
    struct lm_strand *one = &s->strand[free_place];
    one->n_tokens = 0;
    if (from >= 0 && n_tokens > 0) {
        const enum reel_status rc =
            lm_strands_append(s, free_place, s->strand[from].token, n_tokens, err);
        if (rc) {
            return rc;
        }
        llama_memory_seq_cp(llama_get_memory(s->context), from, free_place, 0, n_tokens);
        s->strand[from].last_use = ++s->clock;
    }
    one->is_used = true;
    one->n_holders = 1;
    one->last_use = ++s->clock;
    *out = free_place;
    return REEL_OK;
}

void lm_strands_drop(struct lm_strands *s, int32_t i, bool is_worth_keeping)
{
    struct lm_strand *one = &s->strand[i];
    one->n_holders--;
    if (one->n_holders <= 0 && (!is_worth_keeping || one->n_tokens == 0)) {
        forget(s, i);
    }
}

// ---- batches ----

void lm_strands_batch_begin(struct lm_strands *s)
{
    s->batch.n_tokens = 0;
}

void lm_strands_batch_add(struct lm_strands *s, int32_t i, int32_t token,
                          int32_t position, bool with_logits)
{
    struct llama_batch *b = &s->batch;
    b->token[b->n_tokens] = token;
    b->pos[b->n_tokens] = position;
    b->n_seq_id[b->n_tokens] = 1;
    b->seq_id[b->n_tokens][0] = i;
    b->logits[b->n_tokens] = with_logits;
    b->n_tokens++;
}

enum lm_decoded lm_strands_decode(struct lm_strands *s)
{
    for (;;) {
        const int32_t code = lm_guard_decode(s->context, s->batch, &s->guard);
        if (code == 0) {
            return LM_DECODED;
        }
        if (code != 1) {
            return code == 2 ? LM_ABORTED : LM_BROKEN;
        }
        if (!lm_strands_evict(s)) {
            return LM_NO_ROOM;
        }
    }
}

enum reel_status lm_strands_fail(struct lm_strands *s, enum lm_decoded why,
                                 struct reel_error *err)
{
    lm_strands_clear(s);
    switch (why) {
    case LM_ABORTED:
        return fail(err, REEL_ECANCELLED, "stopped while the model was reading");
    case LM_NO_ROOM:
        return fail(err, REEL_ENOMEM, "%u cells are not enough for this text",
                    llama_n_ctx(s->context));
    default:
        return fail(err, REEL_EFAIL, "the model could not be run%s%s",
                    s->guard.why[0] ? ": " : "", s->guard.why);
    }
}

// ---- reading ----

static int32_t n_common(const struct lm_strand *one, const int32_t *token, int32_t n)
{
    const int32_t n_max = one->n_tokens < n ? one->n_tokens : n;
    int32_t i = 0;
    while (i < n_max && one->token[i] == token[i]) {
        i++;
    }
    return i;
}

int32_t lm_strands_match(const struct lm_strands *s, const int32_t *token,
                         int32_t n_tokens, int32_t *n_matched)
{
    int32_t best = -1;
    *n_matched = 0;
    for (int32_t i = 0; i < s->n_strands; i++) {
        const int32_t n =
            s->strand[i].is_used ? n_common(&s->strand[i], token, n_tokens) : 0;
        if (n > *n_matched) {
            best = i;
            *n_matched = n;
        }
    }
    return best;
}

enum reel_status lm_strands_read(struct lm_strands *s, const int32_t *token,
                                 int32_t n_tokens, bool with_logits, int32_t *out,
                                 struct reel_error *err)
{
    int32_t n_best, i = -1;
    const int32_t best =
        lm_strands_match(s, token, with_logits ? n_tokens - 1 : n_tokens, &n_best);
    enum reel_status rc = lm_strands_fork(s, best, n_best, &i, err);
    s->n_shared += rc ? 0 : n_best;
    for (int32_t from = n_best; rc == REEL_OK && from < n_tokens;) {
        const int32_t n = n_tokens - from < s->n_batch ? n_tokens - from : s->n_batch;
        lm_strands_batch_begin(s);
        for (int32_t k = from; k < from + n; k++) {
            lm_strands_batch_add(s, i, token[k], k, with_logits && k == n_tokens - 1);
        }
        const enum lm_decoded decoded = lm_strands_decode(s);
        rc = decoded == LM_DECODED ? lm_strands_append(s, i, token + from, n, err)
             : decoded == LM_NO_ROOM
                 ? fail(err, REEL_ENOMEM, "%u cells are not enough for %d tokens",
                        llama_n_ctx(s->context), n_tokens)
                 : lm_strands_fail(s, decoded, err);
        s->n_read += n;
        from += n;
    }
    if (rc && i >= 0) {
        lm_strands_drop(s, i, false);
    }
    *out = rc ? -1 : i;
    return rc;
}
