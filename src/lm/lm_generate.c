/**
 * Many continuations of many prompts at once.
 *
 * Prompts are taken in the order of their tokens, so that one that begins as the last one
 * finds its beginning in the cells. Prompts are read when there are places for their samples,
 * as many in one batch as do not wait for each other; the first tokens are then chosen for
 * all samples of a prompt from the same logits. All live samples advance by one token in one
 * batch. A sample that ends gives its place to the next one. Its cells stay while nobody needs
 * them, because a deeper level of a tree begins with what it wrote; those of a sample that was
 * given up go at once.
 *
 * Models whose cells cannot be shared in parts (hybrid, recurrent, sliding window) go the slow
 * way: one sample at a time, its prompt read anew.
 */
#include "lm_local.h"

#include "base_alloc.h"
#include "base_error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sample;

struct prompt {
    int32_t *token;
    int32_t n_tokens, i_prompt, i_first; /* first of its samples in the reply */
    int32_t n_samples;
    int32_t strand;         /* -1 not read, or left */
    int32_t i_last;         /* its last token's place in the batch that reads it */
    struct sample *waiting; /* (n_waiting) first token chosen, no place yet */
    int32_t n_waiting, i_waiting;
    struct lm_group *group; /* borrowed */
};

struct sample {
    int32_t i_sample, strand, n_prompt; /* strand -1: no place yet */
    int32_t *own;                       /* (n_own) tokens written */
    float *logp;                        /* (n_own) */
    size_t *begin;                      /* (n_own) where in the text each began */
    int32_t n_own, room;
    double sum_logp;
    struct lm_text text;
    struct base_rng rng;
    struct lm_group *group;
};

struct named_group {
    int32_t name;
    struct lm_group *group;
};

struct writing {
    struct lm_local *local;
    const struct reel_lm_request *request;
    struct reel_lm_reply *reply;
    struct prompt *prompt; /* (n_prompts) in reading order */
    int32_t n_prompts;
    int32_t i_prompt, i_unread; /* first that has samples left; first not read */
    struct named_group *group;
    int32_t n_groups;
    struct sample *live; /* (n_live) */
    int32_t n_live, n_live_max;
    int32_t n_done;
};

// ---- samples ----

static void sample_release(struct sample *sample)
{
    base_free(sample->own);
    base_free(sample->logp);
    base_free(sample->begin);
    lm_text_release(&sample->text);
}

static bool need_room(struct sample *sample)
{
    if (sample->n_own < sample->room) {
        return true;
    }
    const int32_t room = 2 * sample->room + 32;
    int32_t *own = base_realloc_array(sample->own, (size_t)room, sizeof *own);
    sample->own = own ? own : sample->own;
    float *logp = base_realloc_array(sample->logp, (size_t)room, sizeof *logp);
    sample->logp = logp ? logp : sample->logp;
    size_t *begin = base_realloc_array(sample->begin, (size_t)room, sizeof *begin);
    sample->begin = begin ? begin : sample->begin;
    if (!own || !logp || !begin) {
        return false;
    }
    sample->room = room;
    return true;
}

/** Its words into the reply, its cells back to the pool. */
static enum reel_status finish(struct writing *w, struct sample *sample,
                               enum reel_lm_end end, struct reel_error *err)
{
    struct reel_lm_sample *out = &w->reply->sample[sample->i_sample];
    struct base_arena *arena = lm_reply_arena(w->reply);
    int32_t n = sample->n_own;
    while (n > 0 && sample->begin[n - 1] >= sample->text.n_bytes) {
        n--; // tokens of the stop text
    }
    const char *rest = lm_text_finish(&sample->text);
    if (*rest && w->request->on_token && end != REEL_LM_END_GIVEN_UP) {
        (void)w->request->on_token(sample->i_sample, rest, NAN, w->request->payload);
    }
    char *text = base_arena_strdup(arena, sample->text.data ? sample->text.data : "");
    float *logp = base_arena_alloc(arena, (size_t)n + 1, sizeof *logp);
    out->n_tokens = n;
    out->logp = 0;
    out->end = end;
    for (int32_t i = 0; logp && i < n; i++) {
        logp[i] = sample->logp[i];
        out->logp += (double)sample->logp[i];
    }
    w->reply->n_tokens_written += sample->n_own;
    w->n_done++;
    if (sample->strand >= 0) {
        const bool is_over = end == REEL_LM_END_STOP || end == REEL_LM_END_LENGTH;
        lm_strands_drop(&w->local->strands, sample->strand,
                        is_over && w->local->lm.facts.shares_cells);
    }
    sample_release(sample);
    if (!text || !logp) {
        return fail(err, REEL_ENOMEM, "the text of sample %d", sample->i_sample);
    }
    out->text = text;
    out->token_logp = logp;
    return REEL_OK;
}

/** Choose its next token from these logits; *end receives why it is over, 0 while it goes on. */
static enum reel_status advance(struct writing *w, struct sample *sample,
                                const float *logits, enum reel_lm_end *end,
                                struct reel_error *err)
{
    struct lm_local *local = w->local;
    const struct reel_lm_request *request = w->request;
    struct lm_choice choice;
    char piece[512];
    const char *told;
    *end = 0;
    if (!logits || !need_room(sample)) {
        return fail(err, logits ? REEL_ENOMEM : REEL_EFAIL, "sample %d: no %s",
                    sample->i_sample, logits ? "memory" : "logits");
    }
    enum reel_status rc = lm_sampler_choose(&local->sampler, &local->vocabulary, request,
                                            logits, sample->own, sample->n_own,
                                            sample->group, &sample->rng, &choice, err);
    if (rc) {
        return rc;
    }
    if (llama_vocab_is_eog(local->vocab, choice.token) ||
        llama_vocab_is_control(local->vocab, choice.token)) {
        *end = REEL_LM_END_STOP;
        return REEL_OK;
    }
    sample->begin[sample->n_own] = sample->text.n_bytes;
    sample->logp[sample->n_own] = (float)choice.logp;
    sample->own[sample->n_own++] = choice.token;
    sample->sum_logp += choice.logp;
    rc = lm_group_add(sample->group, sample->own, sample->n_own, err);
    const int32_t n_bytes =
        llama_token_to_piece(local->vocab, choice.token, piece, sizeof piece, 0, false);
    const bool is_open =
        lm_text_add(&sample->text, piece, n_bytes > 0 ? (size_t)n_bytes : 0, &told);
    if (rc || sample->text.is_out_of_memory) {
        return rc ? rc : fail(err, REEL_ENOMEM, "sample %d", sample->i_sample);
    }
    if (request->on_token &&
        !request->on_token(sample->i_sample, told, choice.logp, request->payload)) {
        *end = REEL_LM_END_GIVEN_UP;
    } else if (!is_open) {
        *end = REEL_LM_END_STOP;
    } else if (sample->n_own >= request->n_tokens_max ||
               sample->n_prompt + sample->n_own >= local->lm.facts.n_context) {
        *end = REEL_LM_END_LENGTH;
    }
    return REEL_OK;
}

// ---- prompts ----

static int by_tokens(const void *a, const void *b)
{
    const struct prompt *x = a, *y = b;
    const int32_t n = x->n_tokens < y->n_tokens ? x->n_tokens : y->n_tokens;
    for (int32_t i = 0; i < n; i++) {
        if (x->token[i] != y->token[i]) {
            return x->token[i] < y->token[i] ? -1 : 1;
        }
    }
    return x->n_tokens != y->n_tokens
               ? (x->n_tokens > y->n_tokens) * 2 - 1
               : (x->i_prompt > y->i_prompt) - (x->i_prompt < y->i_prompt);
}

static enum reel_status group_find(struct writing *w, int32_t name, struct lm_group **out,
                                   struct reel_error *err)
{
    for (int32_t g = 0; g < w->n_groups; g++) {
        if (w->group[g].name == name) {
            *out = w->group[g].group;
            return REEL_OK;
        }
    }
    const enum reel_status rc = lm_group_create(out, err);
    if (rc == REEL_OK) {
        w->group[w->n_groups++] = (struct named_group){name, *out};
    }
    return rc;
}

static enum reel_status prepare_prompts(struct writing *w, struct reel_error *err)
{
    const struct reel_lm_request *request = w->request;
    const size_t n = (size_t)request->n_prompts;
    int32_t n_samples = 0;
    w->prompt = base_alloc_zeroed(n + 1, sizeof *w->prompt);
    w->group = base_alloc_zeroed(n + 1, sizeof *w->group);
    w->live = base_alloc_zeroed((size_t)w->n_live_max, sizeof *w->live);
    if (!w->prompt || !w->group || !w->live) {
        return fail(err, REEL_ENOMEM, "%d prompts", request->n_prompts);
    }
    enum reel_status rc = REEL_OK;
    for (int32_t p = 0; rc == REEL_OK && p < request->n_prompts; p++) {
        const struct reel_lm_prompt *from = &request->prompt[p];
        struct prompt *prompt = &w->prompt[w->n_prompts++];
        prompt->i_prompt = p;
        prompt->i_first = n_samples;
        prompt->n_samples = from->n_samples;
        prompt->strand = -1;
        n_samples += from->n_samples;
        rc = from->text ? lm_local_tokens(w->local, from->text, true, &prompt->token,
                                          &prompt->n_tokens, err)
                        : lm_local_chat(w->local, from->instruction, &prompt->token,
                                        &prompt->n_tokens, err);
        rc = rc ? rc : group_find(w, from->group, &prompt->group, err);
        if (rc == REEL_OK &&
            (prompt->n_tokens < 1 || prompt->n_tokens >= w->local->lm.facts.n_context)) {
            rc = fail(err, REEL_EINVAL, "prompt %d has %d tokens, not 1 to %d", p,
                      prompt->n_tokens, w->local->lm.facts.n_context - 1);
        }
    }
    if (rc == REEL_OK) {
        qsort(w->prompt, (size_t)w->n_prompts, sizeof *w->prompt, by_tokens);
    }
    return rc;
}

static struct sample new_sample(const struct writing *w, const struct prompt *prompt,
                                int32_t i_of_prompt)
{
    struct sample sample = {
        .i_sample = prompt->i_first + i_of_prompt,
        .strand = -1,
        .n_prompt = prompt->n_tokens,
        .group = prompt->group,
    };
    lm_text_init(&sample.text, w->request->stop, w->request->n_stops);
    base_rng_init(&sample.rng, w->request->seed, (uint64_t)sample.i_sample);
    return sample;
}

static void prompt_leave(struct writing *w, struct prompt *prompt)
{
    for (; prompt->i_waiting < prompt->n_waiting;
         prompt->i_waiting++) { // after a failure
        sample_release(&prompt->waiting[prompt->i_waiting]);
    }
    base_free(prompt->waiting);
    prompt->waiting = NULL;
    prompt->n_waiting = prompt->i_waiting = 0;
    if (prompt->strand >= 0) {
        lm_strands_drop(&w->local->strands, prompt->strand,
                        w->local->lm.facts.shares_cells);
        prompt->strand = -1;
    }
}

/** Choose the first token of all samples of a prompt from the logits after it. */
static enum reel_status begin_samples(struct writing *w, struct prompt *prompt,
                                      const float *logits, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    prompt->waiting =
        base_alloc_zeroed((size_t)prompt->n_samples + 1, sizeof *prompt->waiting);
    if (!prompt->waiting) {
        return fail(err, REEL_ENOMEM, "%d samples", prompt->n_samples);
    }
    for (int32_t i = 0; rc == REEL_OK && i < prompt->n_samples; i++) {
        struct sample *sample = &prompt->waiting[prompt->n_waiting];
        enum reel_lm_end end;
        *sample = new_sample(w, prompt, i);
        rc = advance(w, sample, logits, &end, err);
        if (rc) {
            sample_release(sample);
        } else if (end) {
            rc = finish(w, sample, end, err);
        } else {
            prompt->n_waiting++;
        }
    }
    return rc;
}

/** Tokens at which two prompts are alike. */
static int32_t n_common(const struct prompt *a, const struct prompt *b)
{
    const int32_t n_max = a->n_tokens < b->n_tokens ? a->n_tokens : b->n_tokens;
    int32_t n = 0;
    while (n < n_max && a->token[n] == b->token[n]) {
        n++;
    }
    return n;
}

/** Add a prompt to the batch: false when it must wait, for room or for the one before it. */
static bool add_to_batch(struct writing *w, struct prompt *prompt, enum reel_status *rc,
                         struct reel_error *err)
{
    struct lm_strands *strands = &w->local->strands;
    int32_t n;
    const int32_t from =
        lm_strands_match(strands, prompt->token, prompt->n_tokens - 1, &n);
    const bool is_first = strands->batch.n_tokens == 0;
    if (strands->batch.n_tokens + prompt->n_tokens - n > strands->n_batch ||
        (!is_first && n_common(prompt - 1, prompt) > n)) {
        return false;
    }
    *rc = lm_strands_fork(strands, from, n, &prompt->strand, err);
    if (*rc) {
        return false;
    }
    strands->n_shared += n;
    for (int32_t i = n; i < prompt->n_tokens; i++) {
        lm_strands_batch_add(strands, prompt->strand, prompt->token[i], i,
                             i == prompt->n_tokens - 1);
    }
    prompt->i_last = strands->batch.n_tokens - 1;
    return true;
}

/** What was read is in the cells: note it, and begin the samples. */
static enum reel_status take_batch(struct writing *w, int32_t end, struct reel_error *err)
{
    struct lm_strands *strands = &w->local->strands;
    enum reel_status rc = REEL_OK;
    strands->n_read += strands->batch.n_tokens;
    for (; rc == REEL_OK && w->i_unread < end; w->i_unread++) {
        struct prompt *prompt = &w->prompt[w->i_unread];
        const int32_t n = strands->strand[prompt->strand].n_tokens;
        rc = lm_strands_append(strands, prompt->strand, prompt->token + n,
                               prompt->n_tokens - n, err);
        rc = rc ? rc
                : begin_samples(w, prompt,
                                llama_get_logits_ith(w->local->context, prompt->i_last),
                                err);
    }
    return rc;
}

/** A prompt that fits into no batch, or that is short of cells: alone, in pieces. */
static enum reel_status read_alone(struct writing *w, struct reel_error *err)
{
    struct prompt *prompt = &w->prompt[w->i_unread];
    enum reel_status rc = lm_strands_read(&w->local->strands, prompt->token,
                                          prompt->n_tokens, true, &prompt->strand, err);
    rc = rc ? rc
            : begin_samples(w, prompt, llama_get_logits_ith(w->local->context, -1), err);
    w->i_unread += rc == REEL_OK;
    return rc;
}

/** Read prompts for as many samples as there are places, at least one. */
static enum reel_status read_prompts(struct writing *w, struct reel_error *err)
{
    struct lm_strands *strands = &w->local->strands;
    int32_t n_places = w->n_live_max - w->n_live, end = w->i_unread;
    enum reel_status rc = REEL_OK;
    lm_strands_batch_begin(strands);
    while (end < w->n_prompts && n_places > 0 &&
           add_to_batch(w, &w->prompt[end], &rc, err)) {
        n_places -= w->prompt[end++].n_samples;
    }
    enum lm_decoded decoded = LM_NO_ROOM;
    if (rc == REEL_OK && end > w->i_unread) {
        decoded = lm_strands_decode(strands);
    }
    if (decoded == LM_DECODED) {
        return take_batch(w, end, err);
    }
    for (int32_t p = w->i_unread; p < end; p++) {
        lm_strands_drop(strands, w->prompt[p].strand, false);
        w->prompt[p].strand = -1;
    }
    return rc                      ? rc
           : decoded == LM_NO_ROOM ? read_alone(w, err)
                                   : lm_strands_fail(strands, decoded, err);
}

/** Give free places to samples that wait, reading prompts as they are needed. */
static enum reel_status fill_places(struct writing *w, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    while (rc == REEL_OK && w->n_live < w->n_live_max && w->i_prompt < w->n_prompts) {
        struct prompt *prompt = &w->prompt[w->i_prompt];
        if (w->i_prompt == w->i_unread) {
            rc = read_prompts(w, err);
            if (rc == REEL_ENOMEM && w->n_live > 0) {
                return REEL_OK; // there will be room when some of the live have ended
            }
        } else if (prompt->i_waiting < prompt->n_waiting) {
            struct sample *sample = &prompt->waiting[prompt->i_waiting];
            rc = lm_strands_fork(&w->local->strands, prompt->strand, prompt->n_tokens,
                                 &sample->strand, err);
            if (rc == REEL_OK) {
                w->live[w->n_live++] = *sample;
                prompt->i_waiting++;
            }
        } else {
            prompt_leave(w, prompt);
            w->i_prompt++;
        }
    }
    return rc;
}

// ---- steps ----

static enum reel_status end_live(struct writing *w, int32_t i, enum reel_lm_end end,
                                 struct reel_error *err)
{
    struct sample ended = w->live[i];
    w->live[i] = w->live[--w->n_live];
    return finish(w, &ended, end, err);
}

/** The least likely sample so far, per token. */
static int32_t worst_live(const struct writing *w)
{
    int32_t worst = 0;
    for (int32_t i = 1; i < w->n_live; i++) {
        if (w->live[i].sum_logp / w->live[i].n_own <
            w->live[worst].sum_logp / w->live[worst].n_own) {
            worst = i;
        }
    }
    return worst;
}

/** Decode one token of every live sample, giving up the worst while cells are short. */
static enum reel_status decode_live(struct writing *w, struct reel_error *err)
{
    struct lm_strands *strands = &w->local->strands;
    enum reel_status rc = REEL_OK;
    while (rc == REEL_OK && w->n_live > 0) {
        lm_strands_batch_begin(strands);
        for (int32_t i = 0; i < w->n_live; i++) {
            const struct sample *s = &w->live[i];
            lm_strands_batch_add(strands, s->strand, s->own[s->n_own - 1],
                                 s->n_prompt + s->n_own - 1, true);
        }
        const enum lm_decoded decoded = lm_strands_decode(strands);
        if (decoded == LM_DECODED) {
            break;
        }
        rc = decoded == LM_NO_ROOM ? end_live(w, worst_live(w), REEL_LM_END_NO_ROOM, err)
                                   : lm_strands_fail(strands, decoded, err);
    }
    w->reply->n_steps++;
    return rc;
}

static enum reel_status step(struct writing *w, struct reel_error *err)
{
    enum reel_status rc = decode_live(w, err);
    const int32_t n = w->n_live;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        const struct sample *s = &w->live[i];
        rc = lm_strands_append(&w->local->strands, s->strand, &s->own[s->n_own - 1], 1,
                               err);
    }
    // From the last to the first: one that ends is replaced by one that was looked at.
    for (int32_t i = n - 1; rc == REEL_OK && i >= 0; i--) {
        enum reel_lm_end end;
        rc = advance(w, &w->live[i], llama_get_logits_ith(w->local->context, i), &end,
                     err);
        if (rc == REEL_OK && end) {
            rc = end_live(w, i, end, err);
        }
    }
    return rc;
}

/** One sample at a time, each prompt read anew: for cells that cannot be shared in parts. */
static enum reel_status write_slowly(struct writing *w, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (; rc == REEL_OK && w->i_prompt < w->n_prompts; w->i_prompt++) {
        const struct prompt *prompt = &w->prompt[w->i_prompt];
        for (int32_t i = 0; rc == REEL_OK && i < prompt->n_samples; i++) {
            enum reel_lm_end end = 0;
            lm_strands_clear(&w->local->strands);
            w->live[0] = new_sample(w, prompt, i);
            w->n_live = 1;
            rc = lm_strands_read(&w->local->strands, prompt->token, prompt->n_tokens,
                                 true, &w->live[0].strand, err);
            rc = rc ? rc
                    : advance(w, &w->live[0], llama_get_logits_ith(w->local->context, -1),
                              &end, err);
            if (rc == REEL_OK && end) {
                rc = end_live(w, 0, end, err);
            }
            while (rc == REEL_OK && w->n_live > 0) {
                if (!lm_local_goes_on(w->local, w->n_done, w->reply->n_samples)) {
                    rc = fail(err, REEL_ECANCELLED, "stopped after %d of %d samples",
                              w->n_done, w->reply->n_samples);
                }
                rc = rc ? rc : step(w, err);
            }
        }
    }
    return rc;
}

static enum reel_status write_together(struct writing *w, struct reel_error *err)
{
    enum reel_status rc = fill_places(w, err);
    while (rc == REEL_OK && w->n_live > 0) {
        if (!lm_local_goes_on(w->local, w->n_done, w->reply->n_samples)) {
            return fail(err, REEL_ECANCELLED, "stopped after %d of %d samples", w->n_done,
                        w->reply->n_samples);
        }
        rc = step(w, err);
        rc = rc ? rc : fill_places(w, err);
    }
    return rc;
}

static void release(struct writing *w)
{
    for (int32_t i = 0; i < w->n_live; i++) { // only after a failure
        if (w->live[i].strand >= 0) {
            lm_strands_drop(&w->local->strands, w->live[i].strand, false);
        }
        sample_release(&w->live[i]);
    }
    for (int32_t p = 0; p < w->n_prompts; p++) {
        prompt_leave(w, &w->prompt[p]);
        base_free(w->prompt[p].token);
    }
    for (int32_t g = 0; g < w->n_groups; g++) {
        lm_group_free(w->group[g].group);
    }
    base_free(w->prompt);
    base_free(w->group);
    base_free(w->live);
}

enum reel_status lm_local_generate(struct reel_lm *lm,
                                   const struct reel_lm_request *request,
                                   struct reel_lm_reply *reply, struct reel_error *err)
{
    struct lm_local *local = (struct lm_local *)lm;
    struct lm_strands *strands = &local->strands;
    struct writing w = {.local = local,
                        .request = request,
                        .reply = reply,
                        .n_live_max = local->n_live_max};
    const int64_t n_read = strands->n_read, n_shared = strands->n_shared;
    local->progress = &request->progress;
    local->is_stopped = false;
    enum reel_status rc = prepare_prompts(&w, err);
    if (rc == REEL_OK) {
        rc = local->lm.facts.shares_cells ? write_together(&w, err)
                                          : write_slowly(&w, err);
    }
    release(&w);
    local->progress = NULL;
    reply->n_tokens_read = (int32_t)(strands->n_read - n_read);
    reply->n_tokens_shared = (int32_t)(strands->n_shared - n_shared);
    return rc;
}
