/**
 * An engine that recites what it is told to, for tests of rooms that write. It reads nothing:
 * a token is a byte, and a byte surprises a tenth as much when it stands in the context already.
 */
#include "lm_engine.h"

#include "base_alloc.h"
#include "base_error.h"

#include <math.h>
#include <string.h>

#define LOGP_NEW (-1.0)
#define LOGP_KNOWN (-0.1)
enum { N_EMBEDDING = 64 };

struct scripted {
    struct reel_lm lm;
    reel_lm_reciter *reciter;
    void *payload;
};

static double logp_of(const char *context, const char *text, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += strchr(context, text[i]) ? LOGP_KNOWN : LOGP_NEW;
    }
    return sum;
}

static enum reel_status recite(const struct scripted *s,
                               const struct reel_lm_request *request, int32_t i_sample,
                               int32_t i_of_prompt, struct reel_lm_reply *reply,
                               struct reel_error *err)
{
    struct reel_lm_sample *sample = &reply->sample[i_sample];
    const struct reel_lm_prompt *prompt = &request->prompt[sample->i_prompt];
    const char *context = prompt->text ? prompt->text : prompt->instruction;
    const char *answer = s->reciter(context, i_of_prompt, request->seed, s->payload),
               *told;
    struct lm_text text;
    lm_text_init(&text, request->stop, request->n_stops);
    bool is_open = true, is_wanted = true;
    const size_t n = answer ? strlen(answer) : 0;
    size_t n_told = 0;
    for (size_t i = 0;
         is_open && is_wanted && i < n && n_told < (size_t)request->n_tokens_max * 16;
         i++, n_told++) {
        is_open = lm_text_add(&text, answer + i, 1, &told);
        if (request->on_token) {
            is_wanted = request->on_token(i_sample, told, LOGP_NEW, request->payload);
        }
    }
    const bool is_whole = !is_open || n_told == n;
    const char *rest = lm_text_finish(&text);
    if (*rest && request->on_token && is_wanted) {
        (void)request->on_token(i_sample, rest, NAN, request->payload);
    }
    sample->text = base_arena_strdup(lm_reply_arena(reply), text.data ? text.data : "");
    sample->n_tokens = (int32_t)text.n_bytes;
    sample->logp = logp_of(context, text.data ? text.data : "", text.n_bytes);
    sample->end = !is_wanted ? REEL_LM_END_GIVEN_UP
                  : is_whole ? REEL_LM_END_STOP
                             : REEL_LM_END_LENGTH;
    reply->n_tokens_written += sample->n_tokens;
    lm_text_release(&text);
    return sample->text ? REEL_OK : fail(err, REEL_ENOMEM, "sample %d", i_sample);
}

static enum reel_status scripted_generate(struct reel_lm *lm,
                                          const struct reel_lm_request *request,
                                          struct reel_lm_reply *reply,
                                          struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    int32_t i_of_prompt = 0;
    for (int32_t i = 0; rc == REEL_OK && i < reply->n_samples; i++) {
        const bool is_same =
            i > 0 && reply->sample[i].i_prompt == reply->sample[i - 1].i_prompt;
        i_of_prompt = is_same ? i_of_prompt + 1 : 0;
        if (!base_progress_report(&request->progress, "samples", i, reply->n_samples)) {
            return fail(err, REEL_ECANCELLED, "stopped after %d of %d samples", i,
                        reply->n_samples);
        }
        rc = recite((const struct scripted *)lm, request, i, i_of_prompt, reply, err);
    }
    return rc;
}

static enum reel_status scripted_score(struct reel_lm *lm, struct reel_lm_judged *judged,
                                       int32_t n, const struct reel_progress *progress,
                                       struct reel_error *err)
{
    (void)lm, (void)progress, (void)err;
    for (int32_t i = 0; i < n; i++) {
        judged[i].n_tokens = (int32_t)strlen(judged[i].text);
        judged[i].logp =
            logp_of(judged[i].context, judged[i].text, strlen(judged[i].text));
    }
    return REEL_OK;
}

/** Words are what stands between blanks; each is hashed (FNV-1a) to a column and a sign. */
static void embed_words(const char *text, float *row)
{
    for (const char *at = text; *at;) {
        uint64_t hash = 0xcbf29ce484222325u;
        at += strspn(at, " \t\n");
        const size_t n = strcspn(at, " \t\n");
        for (size_t i = 0; i < n; i++) {
            hash = (hash ^ (unsigned char)at[i]) * 0x100000001b3u;
        }
        if (n > 0) {
            row[(hash >> 32) % N_EMBEDDING] += hash >> 63 ? -1.F : 1.F;
        }
        at += n;
    }
    lm_unit_length(row, N_EMBEDDING);
}

static enum reel_status scripted_embed(struct reel_lm *lm,
                                       const struct reel_lm_embed_request *request,
                                       float *out, struct reel_error *err)
{
    (void)lm;
    for (int32_t i = 0; i < request->n_texts; i++) {
        if (!base_progress_report(&request->progress, "texts", i, request->n_texts)) {
            return fail(err, REEL_ECANCELLED, "stopped after %d of %d texts", i,
                        request->n_texts);
        }
        embed_words(request->text[i], out + (size_t)i * N_EMBEDDING);
    }
    return REEL_OK;
}

static enum reel_status scripted_count(struct reel_lm *lm, const char *text,
                                       int32_t *n_tokens, struct reel_error *err)
{
    (void)lm, (void)err;
    *n_tokens = (int32_t)strlen(text);
    return REEL_OK;
}

static void scripted_close(struct reel_lm *lm)
{
    base_free(lm);
}

enum reel_status reel_lm_open_scripted(reel_lm_reciter *reciter, void *payload,
                                       struct reel_lm **out, struct reel_error *err)
{
    static const struct lm_engine_calls calls = {
        .generate = scripted_generate,
        .score = scripted_score,
        .count = scripted_count,
        .embed = scripted_embed,
        .close = scripted_close,
    };
    struct scripted *s = base_alloc_zeroed(1, sizeof *s);
    *out = NULL;
    if (!s) {
        return fail(err, REEL_ENOMEM, "an engine that recites");
    }
    s->lm.calls = &calls;
    s->lm.facts = (struct reel_lm_facts){.kind = REEL_LM_SCRIPTED,
                                         .name = "scripted",
                                         .can_score = true,
                                         .n_embedding = N_EMBEDDING,
                                         .n_context = 1 << 20,
                                         .n_vocabulary = 256};
    s->reciter = reciter;
    s->payload = payload;
    *out = &s->lm;
    return REEL_OK;
}
