/**
 * The engine that asks an OpenAI-compatible server (llama-server, vLLM, Ollama, ...).
 *
 * Each sample is a request of its own, and all of one reel_lm_generate run together: servers
 * batch them and keep a shared prompt by themselves, and not all know "n" in a stream. The
 * server samples: temperature, top_k, top_p and min_p are passed on, repeat_cost as
 * frequency_penalty; ngram_cost and sibling_cost cannot be, so samples differ by seed alone.
 *
 * On opening, the list of models is read and one token is asked for with "echo", which
 * tells in one go whether the key is right, whether plain completion is served, and whether
 * the server can judge a text (vLLM can; llama-server and Ollama cannot).
 */
#include "lm_engine.h"
#include "lm_http.h"
#include "lm_remote_reply.h"

#include "base_alloc.h"
#include "base_error.h"

#include <jansson.h>

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_MS = 10000,
    BACKOFF_MS = 250,
    CONTEXT_UNKNOWN = 4096, /* what nearly every server has */
    KEY_BYTES_MAX = 1024,
    TOKEN_BYTES_MAX = 64, /* of a token's text; more is another answer than asked for */
    DOCUMENT_BYTES_MAX = 16 << 20,
    EMBED_TOGETHER = 32, /* texts in one call */
};

struct remote {
    struct reel_lm lm;
    struct lm_http *http;
    char *base; /* "http://host:port/v1" */
    char model[128];
    bool has_key;
    bool has_completions, has_chat;
    bool has_extras; /* options beyond those of OpenAI's own server are understood */
};

// ---- what a server answers when it will not ----

static bool says(const char *said, const char *word)
{
    return strcasestr(said, word) != NULL;
}

/** A status that is no success, in one line. */
static enum reel_status explain(const struct remote *r, const struct lm_http_call *call,
                                struct reel_error *err)
{
    char said[256];
    lm_remote_read_complaint(base_buffer_text(&call->said), call->said.n_bytes, said,
                             sizeof said);
    const int32_t status = call->status;
    if (status == 401 || status == 403) {
        return fail(err, REEL_EINVAL, "%s: the server %s (%d: %s)", call->url,
                    r->has_key ? "refuses the key" : "wants a key", status, said);
    }
    if (status == 404 && says(said, "model")) {
        return fail(err, REEL_ENOTFOUND, "%s: %s", call->url, said);
    }
    if ((status == 400 || status == 413 || status == 422) &&
        (says(said, "context") || says(said, "too long") || says(said, "too large"))) {
        return fail(err, REEL_EINVAL, "%s: the prompt is too long: %s", call->url, said);
    }
    if (status >= 300 && status < 400) {
        return fail(err, REEL_EIO, "%s: leads elsewhere (%d); give the other address",
                    call->url, status);
    }
    return fail(err, REEL_EIO, "%s: the server answers %d: %s", call->url, status, said);
}

/** The route is not served, as far as the status tells. */
static bool lacks_route(const struct lm_http_call *call)
{
    char said[256];
    lm_remote_read_complaint(base_buffer_text(&call->said), call->said.n_bytes, said,
                             sizeof said);
    return call->end == LM_HTTP_STATUS && (call->status == 405 || call->status == 501 ||
                                           (call->status == 404 && !says(said, "model")));
}

// ---- one document ----

struct document {
    struct base_buffer body;
    struct lm_http_call call;
    char *url, *question;
    char reason[200];
};

static enum lm_http_want keep_document(struct lm_http_call *call, const char *data,
                                       size_t n_bytes)
{
    struct document *d = call->payload;
    if (strcmp(call->content_type, "application/json") != 0) {
        (void)snprintf(
            d->reason, sizeof d->reason,
            "the server answers with %.60s, not JSON; is it the right address?",
            *call->content_type ? call->content_type : "bytes");
        return LM_HTTP_WRONG;
    }
    if (!base_buffer_add(&d->body, data, n_bytes)) {
        (void)snprintf(d->reason, sizeof d->reason, "the answer is too long");
        return LM_HTTP_WRONG;
    }
    return LM_HTTP_MORE;
}

static void forget_document(struct lm_http_call *call)
{
    struct document *d = call->payload;
    base_buffer_clear(&d->body);
}

static char *join_url(const struct remote *r, const char *route)
{
    struct base_buffer url;
    base_buffer_init(&url, 4096);
    if (!base_buffer_print(&url, "%s/%s", r->base, route)) {
        base_buffer_release(&url);
        return NULL;
    }
    return url.data; // ownership moves to the caller
}

/** `question` (from jansson, may be NULL: get) is given away. */
static bool document_init(struct document *d, const struct remote *r, const char *route,
                          char *question)
{
    *d = (struct document){.url = join_url(r, route), .question = question};
    base_buffer_init(&d->body, DOCUMENT_BYTES_MAX);
    d->call = (struct lm_http_call){.url = d->url,
                                    .body = question,
                                    .max_bytes = DOCUMENT_BYTES_MAX,
                                    .on_begin = forget_document,
                                    .on_bytes = keep_document,
                                    .payload = d};
    return d->url != NULL;
}

static void document_release(struct document *d)
{
    lm_http_call_release(&d->call);
    base_buffer_release(&d->body);
    base_free(d->url);
    free(d->question);
}

/** The line of a run that failed, told by the call that failed. */
static enum reel_status explain_run(const struct remote *r,
                                    const struct lm_http_call *call, const char *reason,
                                    enum reel_status rc, struct reel_error *err)
{
    if (rc == REEL_EIO && call && call->end == LM_HTTP_STATUS) {
        return explain(r, call, err);
    }
    if (rc == REEL_EIO && call && call->end == LM_HTTP_REJECTED) {
        return fail(err, REEL_EIO, "%s: %s", call->url, reason);
    }
    return rc;
}

// ---- asking for text ----

/** One sample: a question, and the answer as it grows. */
struct ask {
    struct remote *remote;
    const struct reel_lm_request *request;
    struct lm_http_call *call;
    char *body;
    struct lm_remote_reader reader;
    struct lm_text text;
    struct base_buffer logp; /* floats */
    double logp_sum;
    int32_t i_sample, n_pieces, n_logp;
    bool is_given_up, is_stopped, knows_logp, is_out_of_memory;
    struct reel_error wrong;
};

struct asking {
    struct remote *remote;
    const struct reel_lm_request *request;
    struct ask *ask;
    struct lm_http_call *call;
    int32_t n;
    char *url_completions, *url_chat;
};

static bool is_chat(const struct remote *r, const struct reel_lm_prompt *prompt)
{
    return r->has_chat && (!r->has_completions || prompt->instruction || !prompt->text);
}

/** Options that OpenAI's own server does not know, or not for every model. */
static bool add_extras(json_t *root, const struct reel_lm_request *q, bool chat)
{
    int bad = json_object_set_new(root, "top_k", json_integer(q->top_k ? q->top_k : -1));
    bad |= json_object_set_new(root, "min_p", json_real(q->min_p));
    bad |= json_object_set_new(root, "logprobs", chat ? json_true() : json_integer(1));
    bad |= json_object_set_new(root, "stream_options",
                               json_pack("{s:b}", "include_usage", 1));
    if (chat) {
        bad |= json_object_set_new(root, "top_logprobs", json_integer(1));
        // What a model thinks beforehand would use up the tokens of the answer.
        bad |= json_object_set_new(root, "chat_template_kwargs",
                                   json_pack("{s:b}", "enable_thinking", 0));
    }
    return bad == 0;
}

static json_t *pack_stops(const struct reel_lm_request *q)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < q->n_stops && i < 4;
         i++) { // more than four are refused by some
        if (json_array_append_new(list, json_string(q->stop[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/** The question as JSON; NULL when the text is no UTF-8 or memory is short. */
static char *make_body(const struct remote *r, const struct reel_lm_request *q,
                       int32_t i_sample, int32_t i_prompt)
{
    const struct reel_lm_prompt *prompt = &q->prompt[i_prompt];
    const bool chat = is_chat(r, prompt);
    const char *text = chat && prompt->instruction ? prompt->instruction
                       : prompt->text              ? prompt->text
                                                   : prompt->instruction;
    const double penalty = fmin(q->repeat_cost, 2); // a token's logit falls for each use
    json_t *root =
        json_pack("{s:s, s:i, s:f, s:f, s:f, s:I, s:b}", "model", r->model, "max_tokens",
                  q->n_tokens_max, "temperature", q->temperature, "top_p",
                  q->top_p > 0 ? q->top_p : 1.0, "frequency_penalty", penalty, "seed",
                  (json_int_t)((q->seed + (uint64_t)i_sample) & 0x7fffffff), "stream", 1);
    json_t *stops = pack_stops(q);
    int bad = !root || !stops;
    bad |= q->n_stops > 0 && json_object_set(root, "stop", stops) != 0;
    bad |= chat ? json_object_set_new(
                      root, "messages",
                      json_pack("[{s:s, s:s}]", "role", "user", "content", text)) != 0
                : json_object_set_new(root, "prompt", json_string(text)) != 0;
    bad |= r->has_extras && !add_extras(root, q, chat);
    char *body = bad ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(stops);
    json_decref(root);
    return body;
}

/** A piece of one answer has come; false: enough. */
static bool take_piece(const char *piece, size_t n_bytes, const double *logp,
                       int32_t n_logp, void *payload)
{
    struct ask *a = payload;
    const struct reel_lm_request *q = a->request;
    double sum = 0;
    a->call->is_committed = true;
    a->n_pieces++;
    for (int32_t i = 0; i < n_logp; i++) {
        const float value = (float)logp[i];
        sum += logp[i];
        a->is_out_of_memory |= !base_buffer_add(&a->logp, &value, sizeof value);
    }
    a->n_logp += n_logp;
    a->logp_sum += sum;
    // The last piece of some servers carries text that was held back, and no number.
    a->knows_logp = a->knows_logp && (n_logp > 0 || n_bytes == 0);
    const char *told;
    a->is_stopped = !lm_text_add(&a->text, piece, n_bytes, &told);
    a->is_out_of_memory |= a->text.is_out_of_memory;
    if (q->on_token && *told) {
        a->is_given_up =
            !q->on_token(a->i_sample, told, n_logp > 0 ? sum : NAN, q->payload);
    }
    return !a->is_stopped && !a->is_given_up && !a->is_out_of_memory;
}

static void begin_answer(struct lm_http_call *call)
{
    struct ask *a = call->payload;
    lm_remote_reader_clear(&a->reader);
}

static enum lm_http_want take_answer(struct lm_http_call *call, const char *data,
                                     size_t n_bytes)
{
    struct ask *a = call->payload;
    const char *type = call->content_type;
    a->reader.is_document = strcmp(type, "application/json") == 0;
    if (*type && !a->reader.is_document && strcmp(type, "text/event-stream") != 0 &&
        strcmp(type, "text/plain") != 0) {
        (void)fail(&a->wrong, REEL_EIO,
                   "the server answers with %.60s, not with events; is it the right "
                   "address?",
                   type);
        return LM_HTTP_WRONG;
    }
    if (lm_remote_reader_add(&a->reader, data, n_bytes, &a->wrong) != REEL_OK) {
        return LM_HTTP_WRONG;
    }
    return a->reader.is_over ? LM_HTTP_ENOUGH : LM_HTTP_MORE;
}

static bool end_answer(struct lm_http_call *call)
{
    struct ask *a = call->payload;
    const enum reel_status rc = lm_remote_reader_end(&a->reader, &a->wrong);
    if (rc) {
        (void)snprintf(call->reason, sizeof call->reason, "%.*s",
                       (int)sizeof call->reason - 1, a->wrong.text);
    }
    return rc == REEL_OK;
}

static bool tick(void *payload)
{
    const struct asking *all = payload;
    double n_done = 0;
    for (int32_t i = 0; i < all->n; i++) {
        n_done += all->ask[i].n_pieces;
    }
    return base_progress_report(&all->request->progress, "tokens", n_done,
                                (double)all->n * all->request->n_tokens_max);
}

static void asking_release(struct asking *all)
{
    for (int32_t i = 0; i < all->n; i++) {
        struct ask *a = &all->ask[i];
        lm_remote_reader_release(&a->reader);
        lm_text_release(&a->text);
        base_buffer_release(&a->logp);
        lm_http_call_release(&all->call[i]);
        free(a->body);
    }
    base_free(all->ask);
    base_free(all->call);
    base_free(all->url_completions);
    base_free(all->url_chat);
}

static enum reel_status asking_init(struct asking *all, struct remote *r,
                                    const struct reel_lm_request *q,
                                    const struct reel_lm_reply *reply,
                                    struct reel_error *err)
{
    const size_t n = (size_t)reply->n_samples;
    *all = (struct asking){.remote = r,
                           .request = q,
                           .ask = base_alloc_zeroed(n, sizeof *all->ask),
                           .call = base_alloc_zeroed(n, sizeof *all->call),
                           .url_completions = join_url(r, "completions"),
                           .url_chat = join_url(r, "chat/completions")};
    if (!all->ask || !all->call || !all->url_completions || !all->url_chat) {
        return fail(err, REEL_ENOMEM, "%zu samples", n);
    }
    const int64_t n_bytes_max = (int64_t)q->n_tokens_max * TOKEN_BYTES_MAX + 1024;
    for (int32_t i = 0; i < reply->n_samples; i++) {
        struct ask *a = &all->ask[i];
        const int32_t i_prompt = reply->sample[i].i_prompt;
        *a = (struct ask){.remote = r,
                          .request = q,
                          .call = &all->call[i],
                          .i_sample = i,
                          .knows_logp = true};
        lm_remote_reader_init(&a->reader, n_bytes_max, take_piece, a);
        lm_text_init(&a->text, q->stop, q->n_stops);
        base_buffer_init(&a->logp, (size_t)1 << 20);
        all->n = i + 1;
        a->body = make_body(r, q, i, i_prompt);
        if (!a->body) {
            return fail(err, REEL_EINVAL, "prompt %d is no UTF-8", i_prompt);
        }
        all->call[i] = (struct lm_http_call){
            .url =
                is_chat(r, &q->prompt[i_prompt]) ? all->url_chat : all->url_completions,
            .body = a->body,
            // A token is wrapped into a few hundred bytes of JSON.
            .max_bytes = (int64_t)q->n_tokens_max * 8192 + (1 << 20),
            .on_begin = begin_answer,
            .on_bytes = take_answer,
            .on_end = end_answer,
            .payload = a,
        };
    }
    return REEL_OK;
}

static enum reel_status keep_sample(struct ask *a, struct reel_lm_reply *reply,
                                    struct reel_error *err)
{
    struct reel_lm_sample *sample = &reply->sample[a->i_sample];
    struct lm_remote_reader *reader = &a->reader;
    lm_text_finish(&a->text);
    sample->text =
        base_arena_strdup(lm_reply_arena(reply), a->text.data ? a->text.data : "");
    a->is_out_of_memory |= !sample->text;
    const bool is_cut = a->is_stopped || a->is_given_up;
    sample->n_tokens = !is_cut && reader->n_written >= 0 ? reader->n_written
                       : a->n_logp > 0                   ? a->n_logp
                                                         : a->n_pieces;
    sample->end = a->is_given_up                                  ? REEL_LM_END_GIVEN_UP
                  : !is_cut && reader->finish == LM_REMOTE_LENGTH ? REEL_LM_END_LENGTH
                                                                  : REEL_LM_END_STOP;
    if (a->knows_logp && a->n_logp > 0) {
        sample->logp = a->logp_sum;
        sample->n_tokens = a->n_logp;
        float *list =
            base_arena_alloc(lm_reply_arena(reply), (size_t)a->n_logp, sizeof *list);
        a->is_out_of_memory |= !list;
        if (list) {
            memcpy(list, a->logp.data, (size_t)a->n_logp * sizeof *list);
            sample->token_logp = list;
        }
    }
    reply->n_tokens_read += reader->n_read > 0 ? reader->n_read : 0;
    reply->n_tokens_shared += reader->n_shared;
    reply->n_tokens_written += sample->n_tokens;
    return a->is_out_of_memory ? fail(err, REEL_ENOMEM, "sample %d", a->i_sample)
                               : REEL_OK;
}

static enum reel_status keep_all(struct asking *all, struct reel_lm_reply *reply,
                                 struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < all->n; i++) {
        rc = keep_sample(&all->ask[i], reply, err);
    }
    return rc;
}

/**
 * May the same be asked in plainer words? True when the server refused something that not
 * every server knows, and nothing was told to the caller yet; `r` then knows better.
 */
static bool can_simplify(struct asking *all, const struct lm_http_call *failed)
{
    struct remote *r = all->remote;
    for (int32_t i = 0; i < all->n; i++) {
        if (all->call[i].is_committed) {
            return false;
        }
    }
    if (lacks_route(failed) && r->has_chat && r->has_completions) {
        r->has_chat = failed->url != all->url_chat;
        r->has_completions = !r->has_chat;
        return true;
    }
    char said[256];
    lm_remote_read_complaint(base_buffer_text(&failed->said), failed->said.n_bytes, said,
                             sizeof said);
    if (r->has_extras && failed->end == LM_HTTP_STATUS &&
        (failed->status == 400 || failed->status == 422) && !says(said, "context")) {
        r->has_extras = false;
        return true;
    }
    return false;
}

static enum reel_status ask_all(struct remote *r, const struct reel_lm_request *q,
                                struct reel_lm_reply *reply, bool *is_again,
                                struct reel_error *err)
{
    struct asking all;
    int32_t i_failed = -1;
    *is_again = false;
    enum reel_status rc = asking_init(&all, r, q, reply, err);
    if (rc == REEL_OK) {
        rc = lm_http_run(r->http, all.call, all.n, tick, &all, &i_failed, err);
        if (rc && i_failed >= 0) {
            const struct lm_http_call *call = &all.call[i_failed];
            *is_again = can_simplify(&all, call);
            rc = explain_run(r, call, all.ask[i_failed].wrong.text, rc, err);
        }
        rc = rc ? rc : keep_all(&all, reply, err);
    }
    asking_release(&all);
    return rc;
}

static enum reel_status remote_generate(struct reel_lm *lm,
                                        const struct reel_lm_request *request,
                                        struct reel_lm_reply *reply,
                                        struct reel_error *err)
{
    struct remote *r = (struct remote *)lm;
    const bool had_extras = r->has_extras;
    bool is_again;
    enum reel_status rc;
    do { // at most three times: each round gives something up
        rc = ask_all(r, request, reply, &is_again, err);
    } while (is_again);
    if (rc) {
        r->has_extras = had_extras; // that was not it
    }
    return rc;
}

// ---- judging ----

static char *make_echo_body(const struct remote *r, const char *text)
{
    json_t *root =
        json_pack("{s:s, s:s, s:i, s:b, s:i, s:f}", "model", r->model, "prompt", text,
                  "max_tokens", 1, "echo", 1, "logprobs", 1, "temperature", 0.0);
    char *body = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return body;
}

/** Log-probabilities of a text's tokens, and how many belong to its context. */
struct echo {
    struct document document;
    double *logp;
    int32_t n_tokens;
};

struct judging {
    const struct reel_progress *progress;
};

static bool judging_tick(void *payload)
{
    const struct judging *j = payload;
    return base_progress_report(j->progress, "texts", 0, 0);
}

static char *join_texts(const char *context, const char *text)
{
    const size_t n_context = strlen(context), n_text = strlen(text);
    char *joined = base_alloc(n_context + n_text + 1);
    if (joined) {
        memcpy(joined, context, n_context);
        memcpy(joined + n_context, text, n_text + 1);
    }
    return joined;
}

static enum reel_status echo_init(struct echo *e, const struct remote *r,
                                  const char *context, const char *text,
                                  struct reel_error *err)
{
    char *joined = join_texts(context, text);
    char *body = joined ? make_echo_body(r, joined) : NULL;
    base_free(joined);
    if (!body) {
        return fail(err, REEL_EINVAL, "a text to be judged is no UTF-8");
    }
    return document_init(&e->document, r, "completions", body)
               ? REEL_OK
               : fail(err, REEL_ENOMEM, "a text to be judged");
}

/** Texts [0, n) at 2 i + 1, their contexts at 2 i; an empty one has no question. */
static enum reel_status run_echoes(struct remote *r, struct echo *echo, int32_t n,
                                   const struct reel_progress *progress,
                                   struct reel_error *err)
{
    struct judging judging = {progress};
    struct lm_http_call *call = base_alloc_zeroed((size_t)n, sizeof *call);
    int32_t n_calls = 0, i_failed = -1;
    if (!call) {
        return fail(err, REEL_ENOMEM, "%d texts to be judged", n);
    }
    for (int32_t i = 0; i < n; i++) {
        if (echo[i].document.question) {
            call[n_calls++] = echo[i].document.call;
        }
    }
    enum reel_status rc =
        lm_http_run(r->http, call, n_calls, judging_tick, &judging, &i_failed, err);
    if (rc && i_failed >= 0) {
        const struct document *d = call[i_failed].payload;
        rc = explain_run(r, &call[i_failed], d->reason, rc, err);
    }
    for (int32_t i = 0; i < n_calls; i++) {
        lm_http_call_release(&call[i]);
    }
    base_free(call);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        const struct base_buffer *body = &echo[i].document.body;
        if (echo[i].document.question &&
            lm_remote_read_echo(base_buffer_text(body), body->n_bytes, &echo[i].logp,
                                &echo[i].n_tokens, err) != REEL_OK) {
            rc =
                fail(err, REEL_EIO, "%s: %s", echo[i].document.url, err ? err->text : "");
        }
    }
    return rc;
}

/** What follows the tokens of the context belongs to the text. */
static void judge_one(struct reel_lm_judged *judged, const struct echo *context,
                      const struct echo *whole)
{
    double sum = 0;
    for (int32_t t = context->n_tokens; t < whole->n_tokens; t++) {
        if (!isnan(whole->logp[t])) { // the very first token has nothing before it
            sum += whole->logp[t];
            judged->n_tokens++;
        }
    }
    judged->logp = judged->n_tokens > 0 ? sum : NAN;
}

static enum reel_status remote_score(struct reel_lm *lm, struct reel_lm_judged *judged,
                                     int32_t n, const struct reel_progress *progress,
                                     struct reel_error *err)
{
    struct remote *r = (struct remote *)lm;
    struct echo *echo = base_alloc_zeroed(2 * (size_t)n, sizeof *echo);
    if (!echo) {
        return fail(err, REEL_ENOMEM, "%d texts to be judged", n);
    }
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        const char *context = judged[i].context;
        const bool is_known = i > 0 && strcmp(context, judged[i - 1].context) == 0;
        if (*context && !is_known) {
            rc = echo_init(&echo[2 * i], r, context, "", err);
        }
        if (rc == REEL_OK && *judged[i].text) {
            rc = echo_init(&echo[2 * i + 1], r, context, judged[i].text, err);
        }
    }
    rc = rc ? rc : run_echoes(r, echo, 2 * n, progress, err);
    int32_t i_context = 0;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        if (i == 0 || strcmp(judged[i].context, judged[i - 1].context) != 0) {
            i_context = 2 * i;
        }
        judge_one(&judged[i], &echo[i_context], &echo[2 * i + 1]);
    }
    for (int32_t i = 0; i < 2 * n; i++) {
        document_release(&echo[i].document);
        base_free(echo[i].logp);
    }
    base_free(echo);
    return rc;
}

// ---- embedding ----

static char *make_embed_body(const struct remote *r,
                             const struct reel_lm_embed_request *request, int32_t from,
                             int32_t n)
{
    json_t *texts = json_array();
    bool is_whole = texts != NULL;
    for (int32_t i = from; is_whole && i < from + n; i++) {
        char *joined = join_texts(request->prefix, request->text[i]);
        // Some servers refuse an empty text; its vector is not asked for in the end.
        json_t *text = joined ? json_string(*joined ? joined : ".") : NULL;
        is_whole = text && json_array_append_new(texts, text) == 0;
        base_free(joined);
    }
    json_t *root = is_whole ? json_pack("{s:s, s:O, s:s}", "model", r->model, "input",
                                        texts, "encoding_format", "float")
                            : NULL;
    char *body = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    json_decref(texts);
    return body;
}

struct embedding {
    const struct reel_lm_embed_request *request;
    int32_t n_done;
};

static bool embedding_tick(void *payload)
{
    const struct embedding *e = payload;
    return base_progress_report(&e->request->progress, "texts", e->n_done,
                                e->request->n_texts);
}

/** Texts [done, done + n) with one call; `row` NULL: only to learn how long a vector is. */
static enum reel_status embed_some(struct remote *r, struct embedding *e, int32_t n,
                                   float *row, struct reel_error *err)
{
    struct document d;
    int32_t i_failed = -1;
    char *body = make_embed_body(r, e->request, e->n_done, n);
    if (!body) {
        return fail(err, REEL_EINVAL, "a text to be embedded is no UTF-8");
    }
    if (!document_init(&d, r, "embeddings", body)) {
        document_release(&d);
        return fail(err, REEL_ENOMEM, "%s", r->base);
    }
    struct reel_error why = {.text = ""};
    enum reel_status rc =
        lm_http_run(r->http, &d.call, 1, embedding_tick, e, &i_failed, err);
    if (rc) {
        rc = explain_run(r, &d.call, d.reason, rc, err);
    } else if (lm_remote_read_vectors(base_buffer_text(&d.body), d.body.n_bytes, n,
                                      &r->lm.facts.n_embedding, row, &why) != REEL_OK) {
        rc = fail(err, REEL_EIO, "%s: %s", d.url, why.text);
    }
    document_release(&d);
    return rc;
}

static enum reel_status remote_embed(struct reel_lm *lm,
                                     const struct reel_lm_embed_request *request,
                                     float *out, struct reel_error *err)
{
    struct embedding e = {.request = request};
    const int32_t n_dims = lm->facts.n_embedding;
    enum reel_status rc = REEL_OK;
    while (rc == REEL_OK && e.n_done < request->n_texts) {
        const int32_t n_left = request->n_texts - e.n_done;
        const int32_t n = n_left < EMBED_TOGETHER ? n_left : EMBED_TOGETHER;
        float *row = out + (size_t)e.n_done * (size_t)n_dims;
        rc = embed_some((struct remote *)lm, &e, n, row, err);
        for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
            float *one = row + (size_t)i * (size_t)n_dims;
            if (!*request->text[e.n_done + i]) {
                memset(one, 0, (size_t)n_dims * sizeof *one);
            }
            lm_unit_length(one, n_dims);
        }
        e.n_done += n;
    }
    return rc;
}

/** How long a vector is shows in one. */
static enum reel_status try_embedding(struct remote *r, const struct reel_lm_options *opt,
                                      struct reel_error *err)
{
    static const char *const text[] = {"a"};
    const struct reel_lm_embed_request request = {
        .text = text, .n_texts = 1, .prefix = "", .progress = opt->progress};
    struct embedding e = {.request = &request};
    return embed_some(r, &e, 1, NULL, err);
}

/** Four letters of Latin script or one character of another make a token, roughly. */
static enum reel_status remote_count(struct reel_lm *lm, const char *text,
                                     int32_t *n_tokens, struct reel_error *err)
{
    (void)lm, (void)err;
    int64_t n_ascii = 0, n_other = 0;
    for (const char *p = text; *p; p++) {
        const unsigned char c = (unsigned char)*p;
        n_ascii += c < 0x80;
        n_other += c >= 0xC0;
    }
    *n_tokens = (int32_t)((n_ascii + 3) / 4 + n_other);
    return REEL_OK;
}

// ---- opening ----

static void remote_close(struct reel_lm *lm)
{
    struct remote *r = (struct remote *)lm;
    lm_http_close(r->http);
    base_free(r->base);
    base_free(r);
}

/** The first line of a file, or what is given, or the environment's; "" none. */
static enum reel_status find_key(const struct reel_lm_options *opt,
                                 char key[KEY_BYTES_MAX], struct reel_error *err)
{
    const char *given = opt->key        ? opt->key
                        : opt->key_file ? ""
                                        : getenv("FORKREEL_LM_KEY");
    size_t n = given ? strlen(given) : 0;
    key[0] = '\0';
    if (n < KEY_BYTES_MAX && n > 0) {
        memcpy(key, given, n + 1);
    } else if (!opt->key && opt->key_file) {
        FILE *file = fopen(opt->key_file, "re");
        if (!file) {
            return fail(err, REEL_ENOTFOUND, "%s: the key cannot be read", opt->key_file);
        }
        if (!fgets(key, KEY_BYTES_MAX, file)) {
            key[0] = '\0';
        }
        (void)fclose(file);
        n = strlen(key);
    }
    while (n > 0 && n < KEY_BYTES_MAX && isspace((unsigned char)key[n - 1])) {
        key[--n] = '\0';
    }
    for (size_t i = 0; key[i]; i++) {
        if (!isgraph((unsigned char)key[i])) {
            n = KEY_BYTES_MAX; // would let it write a header of its own
        }
    }
    return n + 1 < KEY_BYTES_MAX
               ? REEL_OK
               : fail(err, REEL_EINVAL, "the key for the server is none");
}

/** Without a path the usual one is meant. */
static char *make_base(const char *url)
{
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/') {
        n--;
    }
    const char *host = strstr(url, "://") + 3;
    const bool has_path = memchr(host, '/', n - (size_t)(host - url)) != NULL;
    char *base = base_alloc(n + 4);
    if (base) {
        (void)snprintf(base, n + 4, "%.*s%s", (int)n, url, has_path ? "" : "/v1");
    }
    return base;
}

static enum reel_status run_document(struct remote *r, struct document *d,
                                     const struct reel_progress *progress,
                                     struct reel_error *err)
{
    struct judging judging = {progress};
    int32_t i_failed;
    return lm_http_run(r->http, &d->call, 1, judging_tick, &judging, &i_failed, err);
}

/** Which model, and how much it looks back on. A server may have no list at all. */
static enum reel_status read_models(struct remote *r, const struct reel_lm_options *opt,
                                    struct reel_error *err)
{
    struct document d;
    struct lm_remote_model model = {0};
    if (!document_init(&d, r, "models", NULL)) {
        return fail(err, REEL_ENOMEM, "%s", r->base);
    }
    enum reel_status rc = run_document(r, &d, &opt->progress, err);
    if (rc && opt->model && lacks_route(&d.call)) {
        rc = REEL_OK;
        (void)snprintf(model.id, sizeof model.id, "%s", opt->model);
    } else if (rc) {
        rc = explain_run(r, &d.call, d.reason, rc, err);
    } else {
        struct reel_error why;
        rc = lm_remote_read_models(base_buffer_text(&d.body), d.body.n_bytes, opt->model,
                                   &model, &why);
        if (rc) {
            rc = fail(err, rc == REEL_EFORMAT ? REEL_EIO : rc, "%s: %s", d.url, why.text);
        }
    }
    document_release(&d);
    (void)snprintf(r->model, sizeof r->model, "%s", model.id);
    (void)snprintf(r->lm.facts.name, sizeof r->lm.facts.name, "%s", model.id);
    r->lm.facts.n_context = model.n_context > 0 ? model.n_context : CONTEXT_UNKNOWN;
    r->lm.facts.n_vocabulary = model.n_vocabulary;
    return rc;
}

/** One token with its echo shows what the server can do. */
static enum reel_status try_echo(struct remote *r, const struct reel_lm_options *opt,
                                 struct reel_error *err)
{
    struct document d;
    char *body = make_echo_body(r, "Once upon a time");
    if (!body || !document_init(&d, r, "completions", body)) {
        free(body);
        return fail(err, REEL_ENOMEM, "%s", r->base);
    }
    d.call.only_once = true; // "no" may come as a 500
    enum reel_status rc = run_document(r, &d, &opt->progress, err);
    double *logp = NULL;
    int32_t n_tokens = 0;
    r->has_completions = !lacks_route(&d.call);
    if (rc == REEL_OK) {
        r->lm.facts.can_score =
            lm_remote_read_echo(base_buffer_text(&d.body), d.body.n_bytes, &logp,
                                &n_tokens, NULL) == REEL_OK &&
            n_tokens > 1;
    } else if (d.call.end == LM_HTTP_STATUS && d.call.status != 401 &&
               d.call.status != 403 && !(d.call.status == 404 && r->has_completions)) {
        rc = REEL_OK; // it answers, though not to this
    } else {
        rc = explain_run(r, &d.call, d.reason, rc, err);
    }
    base_free(logp);
    document_release(&d);
    return rc;
}

enum reel_status lm_remote_open(const char *url, const struct reel_lm_options *opt,
                                struct reel_lm **out, struct reel_error *err)
{
    static const struct lm_engine_calls calls = {.generate = remote_generate,
                                                 .score = remote_score,
                                                 .count = remote_count,
                                                 .close = remote_close};
    static const struct lm_engine_calls calls_embedding = {
        .embed = remote_embed, .count = remote_count, .close = remote_close};
    char key[KEY_BYTES_MAX];
    *out = NULL;
    enum reel_status rc = lm_http_check_url(url, err);
    rc = rc ? rc : find_key(opt, key, err);
    if (rc) {
        return rc;
    }
    struct remote *r = base_alloc_zeroed(1, sizeof *r);
    if (!r) {
        return fail(err, REEL_ENOMEM, "%s", url);
    }
    r->lm.calls = opt->embeds ? &calls_embedding : &calls;
    r->lm.facts = (struct reel_lm_facts){.kind = REEL_LM_REMOTE, .is_instruct = true};
    r->has_key = key[0] != '\0';
    r->has_completions = r->has_chat = r->has_extras = true;
    r->base = make_base(url);
    const struct lm_http_options options = {
        .key = r->has_key ? key : NULL,
        .n_live_max = opt->n_live_max,
        .n_retries = opt->n_retries,
        .connect_ms = opt->timeout_ms < CONNECT_MS ? opt->timeout_ms : CONNECT_MS,
        .stall_ms = opt->timeout_ms,
        .backoff_ms = BACKOFF_MS};
    rc = r->base ? lm_http_open(&options, &r->http, err)
                 : fail(err, REEL_ENOMEM, "%s", url);
    rc = rc ? rc : read_models(r, opt, err);
    rc = rc ? rc : opt->embeds ? try_embedding(r, opt, err) : try_echo(r, opt, err);
    if (rc) {
        remote_close(&r->lm);
        return rc;
    }
    *out = &r->lm;
    return REEL_OK;
}
