/** The remote engine against servers that behave, stall, lie, refuse and die. */
#include "unit.h"

#include "http_server.h"

#include "base_clock.h"

#include <forkreel/lm.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MODELS "{\"data\":[{\"id\":\"toy\",\"max_model_len\":512}]}"
#define NO_ECHO "{\"error\":{\"message\":\"Only no echo is supported\"}}"
#define CHUNK(text)                                                                    \
    "data: {\"choices\":[{\"index\":0,\"text\":\"" text "\",\"finish_reason\":null}]}" \
    "\n\n"
#define LAST(why)                                                                     \
    "data: {\"choices\":[{\"index\":0,\"text\":\"\",\"finish_reason\":\"" why "\"}]}" \
    "\n\n"
#define DONE "data: [DONE]\n\n"

/** What every server here says when it is opened; true when that was asked. */
static bool greet(struct http_request *q)
{
    if (strcmp(q->path, "/v1/models") == 0) {
        http_answer(q, "200 OK", "application/json", "", MODELS);
        return true;
    }
    if (strstr(q->body, "\"echo\"")) {
        http_answer(q, "500 Error", "application/json", "", NO_ECHO);
        return true;
    }
    return false;
}

static enum reel_status open_at(const struct http_server *s, int32_t timeout_ms,
                                int32_t n_retries, struct reel_lm **lm,
                                struct reel_error *err)
{
    struct reel_lm_options opt = reel_lm_options_default();
    opt.timeout_ms = timeout_ms;
    opt.n_retries = n_retries;
    return reel_lm_open(s->url, &opt, lm, err);
}

/** Open the server, ask for n samples, and hand out what came of it. */
static enum reel_status ask(http_handler *handler, void *payload, int32_t n_samples,
                            int32_t n_retries, struct reel_lm_reply *reply,
                            struct reel_error *err)
{
    struct http_server s;
    struct reel_lm *lm;
    http_server_start(&s, handler, payload);
    enum reel_status rc = open_at(&s, 500, n_retries, &lm, err);
    *reply = (struct reel_lm_reply){0};
    if (rc == REEL_OK) {
        const struct reel_lm_prompt prompt = {.text = "It was night.",
                                              .n_samples = n_samples};
        static const char *const stop[] = {"\n\n"};
        struct reel_lm_request request = reel_lm_request_default();
        request.prompt = &prompt;
        request.n_prompts = 1;
        request.n_tokens_max = 16;
        request.stop = stop;
        request.n_stops = 1;
        rc = reel_lm_generate(lm, &request, reply, err);
        reel_lm_close(lm);
    }
    http_server_stop(&s);
    return rc;
}

static void check_failure(http_handler *handler, enum reel_status code, const char *words)
{
    struct reel_lm_reply reply;
    struct reel_error err = {0};
    const enum reel_status rc = ask(handler, NULL, 1, 0, &reply, &err);
    if (rc != code || !strstr(err.text, words)) {
        fail_msg("%d '%s' lacks '%s'", rc, err.text, words);
    }
    assert_null(reply.sample);
    assert_null(strchr(err.text, '\n'));
}

// ---- good servers ----

static void serve_two_words(struct http_request *q)
{
    if (greet(q)) {
        return;
    }
    http_begin_events(q);
    http_say(q, CHUNK(" A") CHUNK(" lamp") LAST("length") DONE);
}

static void samples_come_back_in_their_order(void **state)
{
    (void)state;
    struct reel_lm_reply reply;
    struct reel_error err;
    assert_ok(ask(serve_two_words, NULL, 5, 0, &reply, &err), err);
    assert_int_equal(reply.n_samples, 5);
    for (int32_t i = 0; i < 5; i++) {
        assert_string_equal(reply.sample[i].text, " A lamp");
        assert_int_equal(reply.sample[i].end, REEL_LM_END_LENGTH);
        assert_int_equal(reply.sample[i].n_tokens, 2);
        assert_true(isnan(reply.sample[i].logp));
    }
    reel_lm_reply_release(&reply);
}

/** Bytes in ones and twos, with pauses. */
static void serve_slowly(struct http_request *q)
{
    if (greet(q)) {
        return;
    }
    static const char stream[] =
        CHUNK(" \xE9\x9B\xA8") CHUNK(" fell.") CHUNK("\\n\\nNo") DONE;
    http_begin_events(q);
    for (size_t i = 0; i < sizeof stream - 1; i += 7) {
        http_write(q->fd, stream + i, strnlen(stream + i, 7));
        http_wait(q, 10);
    }
}

static void a_stop_text_ends_the_answer(void **state)
{
    (void)state;
    struct reel_lm_reply reply;
    struct reel_error err;
    assert_ok(ask(serve_slowly, NULL, 1, 0, &reply, &err), err);
    assert_string_equal(reply.sample[0].text, " \xE9\x9B\xA8 fell.");
    assert_int_equal(reply.sample[0].end, REEL_LM_END_STOP);
    reel_lm_reply_release(&reply);
}

static void serve_seed_as_text(struct http_request *q)
{
    if (greet(q)) {
        return;
    }
    char text[256];
    const char *seed = strstr(q->body, "\"seed\":");
    (void)snprintf(text, sizeof text, CHUNK("%d") LAST("stop") DONE,
                   (int)strtol(seed ? seed + 7 : "0", NULL, 10));
    http_begin_events(q);
    http_say(q, text);
}

static void every_sample_has_a_seed_of_its_own(void **state)
{
    (void)state;
    struct reel_lm_reply reply;
    struct reel_error err;
    assert_ok(ask(serve_seed_as_text, NULL, 3, 0, &reply, &err), err);
    assert_string_equal(reply.sample[0].text, "0");
    assert_string_equal(reply.sample[1].text, "1");
    assert_string_equal(reply.sample[2].text, "2");
    reel_lm_reply_release(&reply);
}

// ---- servers without something ----

/** Ollama's way when a model only chats: no plain completions. */
static void serve_chat_only(struct http_request *q)
{
    if (strcmp(q->path, "/v1/models") == 0) {
        http_answer(q, "200 OK", "application/json", "", MODELS);
    } else if (strcmp(q->path, "/v1/chat/completions") != 0 ||
               !strstr(q->body, "{\"role\":\"user\",\"content\":\"It was night.\"}")) {
        http_answer(q, "404 Not Found", "text/plain", "", "404 page not found");
    } else {
        http_begin_events(q);
        http_say(
            q, "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
               "\"content\":\"Then \"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":"
               "{\"content\":\"dawn.\"},\"finish_reason\":\"stop\"}]}\n\n" DONE);
    }
}

static void chat_stands_in_for_completions(void **state)
{
    (void)state;
    struct reel_lm_reply reply;
    struct reel_error err;
    assert_ok(ask(serve_chat_only, NULL, 2, 0, &reply, &err), err);
    assert_string_equal(reply.sample[1].text, "Then dawn.");
    reel_lm_reply_release(&reply);
}

static void serve_strictly(struct http_request *q)
{
    if (greet(q)) {
        return;
    }
    if (strstr(q->body, "\"top_k\"")) {
        http_answer(q, "400 Bad Request", "application/json", "",
                    "{\"error\":{\"message\":\"Unrecognized request argument: top_k\"}}");
    } else {
        http_begin_events(q);
        http_say(q, CHUNK("plain") LAST("stop") DONE);
    }
}

static void options_that_are_not_known_are_left_out(void **state)
{
    (void)state;
    struct reel_lm_reply reply;
    struct reel_error err;
    assert_ok(ask(serve_strictly, NULL, 2, 0, &reply, &err), err);
    assert_string_equal(reply.sample[0].text, "plain");
    reel_lm_reply_release(&reply);
}

static void serve_document(struct http_request *q)
{
    if (!greet(q)) {
        http_answer(
            q, "200 OK", "application/json", "",
            "{\"choices\":[{\"text\":\"all at once\",\"finish_reason\":\"stop\"}]}");
    }
}

static void a_server_that_does_not_stream_is_read(void **state)
{
    (void)state;
    struct reel_lm_reply reply;
    struct reel_error err;
    assert_ok(ask(serve_document, NULL, 1, 0, &reply, &err), err);
    assert_string_equal(reply.sample[0].text, "all at once");
    reel_lm_reply_release(&reply);
}

// ---- servers in trouble ----

/** Each sample is refused twice, in different ways, before it is answered. */
static void serve_after_refusing(struct http_request *q)
{
    if (greet(q)) {
        return;
    }
    atomic_int *n = q->server->payload;
    switch ((*n)++) {
    case 0:
        http_answer(q, "429 Too Many Requests", "application/json", "Retry-After: 1\r\n",
                    "{\"error\":\"slow down\"}");
        break;
    case 1:
        http_answer(q, "503 Unavailable", "text/plain", "", "Loading model");
        break;
    case 2: // dies before the first token
        http_begin_events(q);
        http_say(q, "data: {\"choices\":[{\"text\":\"\"");
        break;
    default:
        http_begin_events(q);
        http_say(q, CHUNK("at last") LAST("stop") DONE);
        break;
    }
}

static void a_refusal_is_asked_again(void **state)
{
    (void)state;
    atomic_int n = 0;
    struct reel_lm_reply reply;
    struct reel_error err;
    const int64_t begin_ns = base_clock_ns();
    assert_ok(ask(serve_after_refusing, &n, 1, 3, &reply, &err), err);
    assert_string_equal(reply.sample[0].text, "at last");
    assert_int_equal(n, 4);
    assert_true(base_clock_ns() - begin_ns > 1000000000); // Retry-After is kept
    reel_lm_reply_release(&reply);
}

static void serve_429(struct http_request *q)
{
    if (!greet(q)) {
        http_answer(q, "429 Too Many Requests", "application/json",
                    "Retry-After: 9999\r\n",
                    "{\"error\":{\"message\":\"quota used up\"}}");
    }
}

static void serve_stall(struct http_request *q)
{
    if (!greet(q)) {
        http_begin_events(q);
        http_say(q, CHUNK("a"));
        http_wait(q, 5000);
    }
}

static void serve_silence(struct http_request *q)
{
    if (!greet(q)) {
        http_wait(q, 5000);
    }
}

static void serve_half(struct http_request *q)
{
    if (!greet(q)) {
        http_begin_events(q);
        http_say(q, CHUNK("a") "data: {\"choices\":[{\"te");
    }
}

static void serve_short_length(struct http_request *q)
{
    if (!greet(q)) {
        http_say(q, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                    "Content-Length: 9000\r\n\r\n" CHUNK("a"));
    }
}

static void serve_page(struct http_request *q)
{
    if (!greet(q)) {
        http_answer(q, "200 OK", "text/html", "", "<html>Welcome</html>");
    }
}

static void serve_broken_json(struct http_request *q)
{
    if (!greet(q)) {
        http_begin_events(q);
        http_say(q, "data: {\"choices\":oops}\n\n");
    }
}

static void serve_flood(struct http_request *q)
{
    if (greet(q)) {
        return;
    }
    char block[1 << 14];
    memset(block, 'x', sizeof block);
    http_begin_events(q);
    http_say(q, "data: ");
    for (int i = 0; i < 4096 && !q->server->is_stopping; i++) {
        http_write(q->fd, block, sizeof block);
    }
}

static void serve_endless_head(struct http_request *q)
{
    if (greet(q)) {
        return;
    }
    http_say(q, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 20000 && !q->server->is_stopping; i++) {
        http_say(q, "X-More: and more and more and more\r\n");
    }
}

static void serve_401(struct http_request *q)
{
    if (!greet(q)) {
        http_answer(q, "401 Unauthorized", "application/json", "",
                    "{\"error\":{\"message\":\"Invalid API Key\"}}");
    }
}

static void serve_no_model(struct http_request *q)
{
    if (!greet(q)) {
        http_answer(
            q, "404 Not Found", "application/json", "",
            "{\"error\":{\"message\":\"model 'toy' not found, try pulling it\"}}");
    }
}

static void serve_too_long(struct http_request *q)
{
    if (!greet(q)) {
        http_answer(
            q, "400 Bad Request", "application/json", "",
            "{\"error\":{\"message\":\"request (900 tokens) exceeds the available "
            "context size (512 tokens)\"}}");
    }
}

static void serve_redirect(struct http_request *q)
{
    if (!greet(q)) {
        http_answer(q, "302 Found", "text/plain", "Location: http://127.0.0.1:1/\r\n",
                    "");
    }
}

static void serve_no_http(struct http_request *q)
{
    http_say(q, "SSH-2.0-OpenSSH_9.2\r\n");
    http_wait(q, 100);
}

static void trouble_is_one_clear_line(void **state)
{
    (void)state;
    check_failure(serve_429, REEL_EIO, "429: quota used up");
    check_failure(serve_stall, REEL_EIO, "not a byte for 0.5 s");
    check_failure(serve_silence, REEL_EIO, "not a byte for 0.5 s");
    check_failure(serve_half, REEL_EIO, "answer");
    check_failure(serve_short_length, REEL_EIO, "broke in the middle of the answer");
    check_failure(serve_page, REEL_EIO, "answers with text/html, not with events");
    check_failure(serve_broken_json, REEL_EIO, "is no JSON");
    check_failure(serve_flood, REEL_EIO, "has no end");
    check_failure(serve_endless_head, REEL_EIO, "head of the answer has no end");
    check_failure(serve_401, REEL_EINVAL, "wants a key (401: Invalid API Key)");
    check_failure(serve_no_model, REEL_ENOTFOUND, "model 'toy' not found");
    check_failure(serve_too_long, REEL_EINVAL,
                  "prompt is too long: request (900 tokens)");
    check_failure(serve_redirect, REEL_EIO, "leads elsewhere (302)");
    check_failure(serve_no_http, REEL_EIO, "127.0.0.1");
}

static void nobody_there_is_told(void **state)
{
    (void)state;
    struct http_server s;
    struct reel_lm *lm;
    struct reel_error err;
    http_server_start(&s, serve_page, NULL);
    http_server_stop(&s); // its port is free now
    assert_int_equal(open_at(&s, 500, 1, &lm, &err), REEL_EIO);
    assert_null(lm);
    assert_non_null(strstr(err.text, "no server answers there"));
}

static void an_address_is_checked(void **state)
{
    (void)state;
    struct reel_lm *lm;
    struct reel_error err;
    const struct reel_lm_options opt = reel_lm_options_default();
    assert_int_equal(reel_lm_open("http://", &opt, &lm, &err), REEL_EINVAL);
    assert_int_equal(reel_lm_open("http://me:secret@host/v1", &opt, &lm, &err),
                     REEL_EINVAL);
    assert_null(strstr(err.text, "secret"));
    assert_int_equal(reel_lm_open("http://a b/", &opt, &lm, &err), REEL_EINVAL);
}

// ---- keys ----

static void serve_behind_a_key(struct http_request *q)
{
    if (!strstr(q->text, "\r\nAuthorization: Bearer open-sesame\r\n")) {
        http_answer(q, "401 Unauthorized", "application/json", "",
                    "{\"error\":{\"message\":\"Invalid API Key\"}}");
    } else {
        serve_two_words(q);
    }
}

static void check_key(struct reel_lm_options *opt, enum reel_status code,
                      const char *words)
{
    struct http_server s;
    struct reel_lm *lm;
    struct reel_error err = {0};
    http_server_start(&s, serve_behind_a_key, NULL);
    opt->n_retries = 0;
    assert_int_equal(reel_lm_open(s.url, opt, &lm, &err), code);
    assert_non_null(strstr(err.text, words));
    assert_null(strstr(err.text, "sesame"));
    reel_lm_close(lm);
    http_server_stop(&s);
}

static void a_key_comes_from_three_places(void **state)
{
    (void)state;
    struct reel_lm_options opt = reel_lm_options_default();
    check_key(&opt, REEL_EINVAL, "wants a key");
    opt.key = "close-sesame";
    check_key(&opt, REEL_EINVAL, "refuses the key");
    opt.key = "open-sesame";
    check_key(&opt, REEL_OK, "");
    opt.key = "bad\r\nX-Injected: 1";
    check_key(&opt, REEL_EINVAL, "the key for the server is none");
    opt.key = NULL;
    assert_int_equal(setenv("FORKREEL_LM_KEY", "open-sesame", 1), 0);
    check_key(&opt, REEL_OK, "");
    assert_int_equal(unsetenv("FORKREEL_LM_KEY"), 0);
    char path[] = "/tmp/forkreel-key-XXXXXX";
    const int fd = mkstemp(path);
    assert_int_equal(write(fd, "open-sesame\nnot this\n", 21), 21);
    assert_int_equal(close(fd), 0);
    opt.key_file = path;
    check_key(&opt, REEL_OK, "");
    assert_int_equal(unlink(path), 0);
    check_key(&opt, REEL_ENOTFOUND, "the key cannot be read");
}

// ---- stopping ----

static bool stop_soon(const char *stage, double done, double total, void *payload)
{
    (void)stage, (void)done, (void)total;
    int *n = payload;
    return ++*n < 3;
}

static void progress_stops_a_silent_server(void **state)
{
    (void)state;
    struct http_server s;
    struct reel_lm *lm;
    struct reel_error err;
    int n = 0;
    http_server_start(&s, serve_silence, NULL);
    assert_ok(open_at(&s, 60000, 0, &lm, &err), err);
    const struct reel_lm_prompt prompt = {.text = "It", .n_samples = 2};
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_lm_reply reply;
    request.prompt = &prompt;
    request.n_prompts = 1;
    request.progress = (struct reel_progress){.report = stop_soon, .payload = &n};
    assert_int_equal(reel_lm_generate(lm, &request, &reply, &err), REEL_ECANCELLED);
    assert_null(reply.sample);
    reel_lm_close(lm);
    http_server_stop(&s);
}

struct watched {
    char text[64];
    int32_t n;
};

static bool watch(int32_t i_sample, const char *piece, double logp, void *payload)
{
    struct watched *w = payload;
    assert_int_equal(i_sample, 0);
    assert_true(isnan(logp));
    const size_t n = strlen(w->text);
    (void)snprintf(w->text + n, sizeof w->text - n, "[%s]", piece);
    return ++w->n < 2;
}

static void a_sample_is_given_up_on_demand(void **state)
{
    (void)state;
    struct http_server s;
    struct reel_lm *lm;
    struct reel_error err;
    struct watched watched = {0};
    http_server_start(&s, serve_slowly, NULL);
    assert_ok(open_at(&s, 1000, 0, &lm, &err), err);
    const struct reel_lm_prompt prompt = {.text = "It", .n_samples = 1};
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_lm_reply reply;
    request.prompt = &prompt;
    request.n_prompts = 1;
    request.on_token = watch;
    request.payload = &watched;
    assert_ok(reel_lm_generate(lm, &request, &reply, &err), err);
    assert_string_equal(watched.text, "[ \xE9\x9B\xA8][ fell.]");
    assert_int_equal(reply.sample[0].end, REEL_LM_END_GIVEN_UP);
    reel_lm_reply_release(&reply);
    reel_lm_close(lm);
    http_server_stop(&s);
}

// ---- judging ----

/** Every word is a token of log-probability -1; BOS stands first. vLLM's way. */
static void serve_echo(struct http_request *q)
{
    if (strcmp(q->path, "/v1/models") == 0) {
        http_answer(q, "200 OK", "application/json", "", MODELS);
        return;
    }
    const char *prompt = strstr(q->body, "\"prompt\":\"");
    int n = 1;
    for (const char *p = prompt ? prompt + 10 : "\""; *p && *p != '"'; p++) {
        n += *p == ' ';
    }
    char body[4096] =
        "{\"choices\":[{\"text\":\"...\",\"logprobs\":{\"token_logprobs\":[null";
    for (int i = 0; i < n + 1; i++) { // one more is written
        (void)snprintf(body + strlen(body), 16, ",-1.0");
    }
    (void)snprintf(body + strlen(body), 128,
                   "]}}],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":1}}",
                   n + 1);
    http_answer(q, "200 OK", "application/json", "", body);
}

static void texts_are_judged_through_an_echo(void **state)
{
    (void)state;
    struct http_server s;
    struct reel_lm *lm;
    struct reel_error err;
    http_server_start(&s, serve_echo, NULL);
    assert_ok(open_at(&s, 1000, 0, &lm, &err), err);
    assert_true(reel_lm_about(lm)->can_score);
    struct reel_lm_judged judged[] = {
        {.context = "it was", .text = " a dark night"},
        {.context = "it was", .text = " day"},
        {.context = "", .text = "it was night"},
        {.context = "it was", .text = ""},
    };
    assert_ok(reel_lm_score(lm, judged, COUNT_OF(judged), NULL, &err), err);
    assert_int_equal(judged[0].n_tokens, 3);
    assert_true(judged[0].logp == -3);
    assert_int_equal(judged[1].n_tokens, 1);
    assert_int_equal(judged[2].n_tokens, 3);
    assert_true(isnan(judged[3].logp));
    reel_lm_close(lm);
    http_server_stop(&s);
}

// ---- embedding ----

/** A text's vector is (words, 3); they come in reverse. */
static void serve_vectors(struct http_request *q)
{
    if (greet(q)) {
        return;
    }
    if (strcmp(q->path, "/v1/embeddings") != 0) {
        http_answer(q, "404 Not Found", "application/json", "", "{}");
        return;
    }
    char body[8192] = "";
    const char *at = strstr(q->body, "\"input\":[");
    at = at ? at + 9 : "]";
    for (int i = 0; *at != ']'; i++) {
        char item[128], rest[sizeof body];
        const char *end = strchr(at + 2, '"');
        int n = 1;
        for (const char *p = at + 2; p < end; p++) {
            n += *p == ' ';
        }
        (void)snprintf(rest, sizeof rest, "%s", body);
        (void)snprintf(item, sizeof item, "{\"index\":%d,\"embedding\":[%d,3]}", i, n);
        (void)snprintf(body, sizeof body, "%s%s%.8000s", item, *rest ? "," : "", rest);
        at = end + 1;
    }
    char whole[sizeof body + 16];
    (void)snprintf(whole, sizeof whole, "{\"data\":[%s]}", body);
    http_answer(q, "200 OK", "application/json", "", whole);
}

static void texts_are_embedded_many_at_a_time(void **state)
{
    (void)state;
    enum { N = 70 };
    struct http_server s;
    struct reel_lm *lm;
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_error err;
    const char *text[N];
    float row[N][2];
    for (int32_t i = 0; i < N; i++) {
        text[i] = i % 3 == 0 ? "one two three four" : i % 3 == 1 ? "" : "one";
    }
    struct reel_lm_embed_request request = {.text = text, .n_texts = N, .prefix = "go: "};
    opt.embeds = true;
    opt.n_retries = 0;
    http_server_start(&s, serve_vectors, NULL);
    assert_ok(reel_lm_open(s.url, &opt, &lm, &err), err);
    assert_int_equal(reel_lm_about(lm)->n_embedding, 2);
    assert_ok(reel_lm_embed(lm, &request, row[0], &err), err);
    for (int32_t i = 0; i < N; i++) {
        const double n = i % 3 == 0 ? 5 : 2, length = sqrt(n * n + 9);
        const double x = i % 3 == 1 ? 0 : n / length, y = i % 3 == 1 ? 0 : 3 / length;
        assert_true(fabs((double)row[i][0] - x) < 1e-6);
        assert_true(fabs((double)row[i][1] - y) < 1e-6);
    }
    reel_lm_close(lm);
    http_server_stop(&s);
    http_server_start(&s, serve_two_words, NULL); // it has no such route
    assert_int_equal(reel_lm_open(s.url, &opt, &lm, &err), REEL_EIO);
    http_server_stop(&s);
}

static void what_a_server_tells_is_known(void **state)
{
    (void)state;
    struct http_server s;
    struct reel_lm *lm;
    struct reel_error err;
    http_server_start(&s, serve_two_words, NULL);
    assert_ok(open_at(&s, 1000, 0, &lm, &err), err);
    const struct reel_lm_facts *facts = reel_lm_about(lm);
    assert_int_equal(facts->kind, REEL_LM_REMOTE);
    assert_string_equal(facts->name, "toy");
    assert_int_equal(facts->n_context, 512);
    assert_false(facts->can_score);
    struct reel_lm_judged judged = {.context = "", .text = "a"};
    assert_int_equal(reel_lm_score(lm, &judged, 1, NULL, &err), REEL_EINVAL);
    int32_t n = 0;
    assert_ok(reel_lm_count(lm, "four\xE9\x9B\xA8\xE5\xA4\x9C", &n, &err), err);
    assert_int_equal(n, 3);
    reel_lm_close(lm);
    http_server_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_come_back_in_their_order),
        cmocka_unit_test(a_stop_text_ends_the_answer),
        cmocka_unit_test(every_sample_has_a_seed_of_its_own),
        cmocka_unit_test(chat_stands_in_for_completions),
        cmocka_unit_test(options_that_are_not_known_are_left_out),
        cmocka_unit_test(a_server_that_does_not_stream_is_read),
        cmocka_unit_test(a_refusal_is_asked_again),
        cmocka_unit_test(trouble_is_one_clear_line),
        cmocka_unit_test(nobody_there_is_told),
        cmocka_unit_test(an_address_is_checked),
        cmocka_unit_test(a_key_comes_from_three_places),
        cmocka_unit_test(progress_stops_a_silent_server),
        cmocka_unit_test(a_sample_is_given_up_on_demand),
        cmocka_unit_test(texts_are_judged_through_an_echo),
        cmocka_unit_test(texts_are_embedded_many_at_a_time),
        cmocka_unit_test(what_a_server_tells_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
