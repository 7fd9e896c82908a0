/** What servers send, in their own ways and in wrong ones. The samples are written by hand. */
#include "unit.h"

#include "lm_remote_reply.h"

#include "base_alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct heard {
    char text[512];
    double logp_sum;
    int32_t n_logp, n_pieces, n_wanted; /* n_wanted pieces are enough; 0: all */
};

static bool hear(const char *piece, size_t n_bytes, const double *logp, int32_t n_logp,
                 void *payload)
{
    struct heard *h = payload;
    const size_t n = strlen(h->text);
    (void)snprintf(h->text + n, sizeof h->text - n, "%.*s", (int)n_bytes, piece);
    for (int32_t i = 0; i < n_logp; i++) {
        h->logp_sum += logp[i];
    }
    h->n_logp += n_logp;
    h->n_pieces++;
    return h->n_wanted == 0 || h->n_pieces < h->n_wanted;
}

/** Read an answer cut into pieces of n_at_once bytes. */
static enum reel_status read_in(struct lm_remote_reader *reader, struct heard *heard,
                                const char *body, size_t n_at_once,
                                struct reel_error *err)
{
    const bool is_document = body[0] == '{';
    memset(heard->text, 0, sizeof heard->text);
    heard->logp_sum = heard->n_logp = heard->n_pieces = 0;
    lm_remote_reader_init(reader, 256, hear, heard);
    reader->is_document = is_document;
    enum reel_status rc = REEL_OK;
    for (size_t at = 0; rc == REEL_OK && body[at];) {
        const size_t n = strnlen(body + at, n_at_once);
        rc = lm_remote_reader_add(reader, body + at, n, err);
        at += n;
    }
    rc = rc ? rc : lm_remote_reader_end(reader, err);
    lm_remote_reader_release(reader);
    return rc;
}

static void check_read(const char *body, const char *text, int32_t n_logp,
                       double logp_sum, enum lm_remote_finish finish, int32_t n_read,
                       int32_t n_written)
{
    static const size_t sizes[] = {1, 2, 7, 4096};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct lm_remote_reader reader;
        struct heard heard = {0};
        struct reel_error err;
        assert_ok(read_in(&reader, &heard, body, sizes[i], &err), err);
        assert_string_equal(heard.text, text);
        assert_int_equal(heard.n_logp, n_logp);
        assert_true(fabs(heard.logp_sum - logp_sum) < 1e-9);
        assert_int_equal(reader.finish, finish);
        assert_int_equal(reader.n_read, n_read);
        assert_int_equal(reader.n_written, n_written);
    }
}

static void check_refused(const char *body, enum reel_status code, const char *words)
{
    struct lm_remote_reader reader;
    struct heard heard = {0};
    struct reel_error err = {0};
    assert_int_equal(read_in(&reader, &heard, body, 5, &err), code);
    if (!strstr(err.text, words)) {
        fail_msg("'%s' lacks '%s'", err.text, words);
    }
}

static void completions_of_llama_server_are_read(void **state)
{
    (void)state;
    check_read(
        "data: {\"choices\":[{\"text\":\" The\",\"index\":0,\"logprobs\":{\"content\":"
        "[{\"id\":378,\"token\":\" The\",\"bytes\":[32,84,104,101],\"logprob\":-0.5,"
        "\"top_logprobs\":[]}]},\"finish_reason\":null}],\"object\":"
        "\"text_completion\"}\n\n"
        "data: {\"choices\":[{\"text\":\" end\",\"index\":0,\"logprobs\":{\"content\":"
        "[{\"id\":9,\"token\":\" end\",\"logprob\":-1.25}]},\"finish_reason\":null}]}"
        "\n\n"
        "data: {\"choices\":[{\"text\":\"\",\"index\":0,\"logprobs\":null,"
        "\"finish_reason\":\"length\"}],\"usage\":{\"completion_tokens\":2,"
        "\"prompt_tokens\":5,\"total_tokens\":7,\"prompt_tokens_details\":"
        "{\"cached_tokens\":4}},\"timings\":{\"cache_n\":4}}\n\n"
        "data: [DONE]\n\n",
        " The end", 2, -1.75, LM_REMOTE_LENGTH, 5, 2);
}

static void chat_of_llama_server_is_read(void **state)
{
    (void)state;
    check_read(
        "data: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"role\":"
        "\"assistant\",\"content\":null}}],\"object\":\"chat.completion.chunk\"}\n\n"
        "data: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":"
        "\"\xE9\x9B\xA8\"},\"logprobs\":{\"content\":[{\"logprob\":-2,\"token\":"
        "\"\xE9\x9B\xA8\"}]}}]}\n\n"
        "data: {\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,\"delta\":{}}]}\n\n"
        "data: {\"choices\":[],\"usage\":{\"completion_tokens\":1,\"prompt_tokens\":30}}"
        "\n\ndata: [DONE]\n\n",
        "\xE9\x9B\xA8", 1, -2, LM_REMOTE_STOP, 30, 1);
}

static void completions_of_vllm_are_read(void **state)
{
    (void)state;
    check_read(
        "data: {\"id\":\"cmpl-1\",\"object\":\"text_completion\",\"choices\":[{\"index\":"
        "0,\"text\":\" A storm\",\"logprobs\":{\"text_offset\":[0,2],"
        "\"token_logprobs\":[-0.25,-1.0],\"tokens\":[\" A\",\" storm\"],"
        "\"top_logprobs\":[{\" A\":-0.25},{\" storm\":-1.0}]},\"finish_reason\":null,"
        "\"stop_reason\":null}],\"usage\":null}\n\n"
        "data: {\"choices\":[{\"index\":0,\"text\":\".\",\"logprobs\":{\"text_offset\":"
        "[8],\"token_logprobs\":[-0.5],\"tokens\":[\".\"]},\"finish_reason\":\"stop\","
        "\"stop_reason\":\"\\n\"}]}\n\n"
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"total_tokens\":15,"
        "\"completion_tokens\":3,\"prompt_tokens_details\":null}}\n\n"
        "data: [DONE]\n\n",
        " A storm.", 3, -1.75, LM_REMOTE_STOP, 12, 3);
}

static void chat_of_ollama_is_read(void **state)
{
    (void)state;
    check_read(
        "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"model\":"
        "\"qwen3\",\"system_fingerprint\":\"fp_ollama\",\"choices\":[{\"index\":0,"
        "\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"Hm.\"},"
        "\"finish_reason\":null}]}\n\n"
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"
        "\"She runs.\"},\"finish_reason\":null}]}\n\n"
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"
        "\"\"},\"finish_reason\":\"stop\"}]}\n\n"
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,"
        "\"total_tokens\":13}}\n\ndata: [DONE]\n\n",
        "She runs.", 0, 0, LM_REMOTE_STOP, 9, 4);
}

static void comments_returns_and_a_missing_end_are_read(void **state)
{
    (void)state;
    check_read(": keep-alive\r\n\r\nevent: message\r\nid: 1\r\nretry: 10\r\n"
               "data:{\"choices\":[{\"text\":\"a\",\"finish_reason\":null}]}\r\n\r\n"
               "data: {\"choices\":[{\"text\":\"b\",\"finish_reason\":\"length\"}]}",
               "ab", 0, 0, LM_REMOTE_LENGTH, -1, -1);
    check_read("data: {\"choices\":\rdata: [{\"text\":\"two "
               "lines\",\"finish_reason\":\"stop\"}]}"
               "\r\rdata: [DONE]\r\r",
               "two lines", 0, 0, LM_REMOTE_STOP, -1, -1);
}

static void a_document_instead_of_events_is_read(void **state)
{
    (void)state;
    check_read(
        "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
        "\"Whole.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,"
        "\"completion_tokens\":2}}",
        "Whole.", 0, 0, LM_REMOTE_STOP, 3, 2);
}

static void enough_is_enough(void **state)
{
    (void)state;
    struct lm_remote_reader reader;
    struct heard heard = {.n_wanted = 1};
    struct reel_error err;
    assert_ok(
        read_in(&reader, &heard,
                "data: {\"choices\":[{\"text\":\"one\",\"finish_reason\":null}]}\n\n"
                "data: not read any more\n\n",
                4096, &err),
        err);
    assert_true(reader.is_over);
    assert_string_equal(heard.text, "one");
}

static void lies_are_told(void **state)
{
    (void)state;
#define CHUNK(text) "data: {\"choices\":[" text "]}\n\n"
    check_refused("data: {\"choices\":[{\"text\":\n\n", REEL_EFORMAT, "no JSON");
    check_refused("<html><body>404</body></html>\n", REEL_EFORMAT,
                  "no events but '<html>");
    check_refused("data: []\n\n", REEL_EFORMAT, "no choices");
    check_refused("data: {}\n\n", REEL_EFORMAT, "no choices");
    check_refused(CHUNK("{\"text\":7}"), REEL_EFORMAT, "no text");
    check_refused(CHUNK("{\"text\":\"a\",\"index\":1}"), REEL_EFORMAT, "not asked");
    check_refused(CHUNK("{\"text\":\"a\"},{\"text\":\"b\"}"), REEL_EFORMAT, "not asked");
    check_refused(CHUNK("{\"text\":\"a\",\"finish_reason\":1}"), REEL_EFORMAT,
                  "finish_reason");
    check_refused(CHUNK("{\"text\":\"a\",\"finish_reason\":\"abort\"}"), REEL_EIO,
                  "gave up");
    check_refused("data: {\"choices\":[],\"usage\":{\"completion_tokens\":-4}}\n\n",
                  REEL_EFORMAT, "-4 completion_tokens");
    check_refused("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1e300}}\n\n",
                  REEL_EFORMAT, "prompt_tokens");
    check_refused("data: {\"error\":{\"message\":\"slot lost\",\"code\":500}}\n\n",
                  REEL_EIO, "slot lost");
    check_refused("error: {\"message\":\"out of slots\"}\n\n", REEL_EIO, "out of slots");
    check_refused(CHUNK("{\"text\":\"a\",\"finish_reason\":null}"), REEL_EFORMAT,
                  "ended in its middle");
    check_refused("", REEL_EFORMAT, "ended in its middle");
    char flood[1024] = "data: {\"choices\":[{\"text\":\"";
    memset(flood + strlen(flood), 'a', 300);
    (void)snprintf(flood + strlen(flood), 64, "\",\"finish_reason\":null}]}\n\n");
    check_refused(flood, REEL_EFORMAT, "more than it was asked for");
    check_refused("data: {\"choices\":[{\"text\":\"\\ud800\"}]}\n\n", REEL_EFORMAT,
                  "no JSON");
    check_refused("data: {\"choices\":[{\"text\":\"\xff\"}]}\n\n", REEL_EFORMAT,
                  "no JSON");
}

static void log_probabilities_that_are_none_are_left_out(void **state)
{
    (void)state;
    check_read(
        CHUNK("{\"text\":\"a\",\"logprobs\":{\"content\":[{\"logprob\":\"high\"}]},"
              "\"finish_reason\":\"stop\"}"),
        "a", 0, 0, LM_REMOTE_STOP, -1, -1);
    check_read(CHUNK("{\"text\":\"a\",\"logprobs\":{\"token_logprobs\":[3.5]},"
                     "\"finish_reason\":\"stop\"}"),
               "a", 0, 0, LM_REMOTE_STOP, -1, -1);
}

static void an_endless_line_is_cut(void **state)
{
    (void)state;
    struct lm_remote_reader reader;
    struct heard heard = {0};
    struct reel_error err;
    char block[4096];
    memset(block, 'x', sizeof block);
    lm_remote_reader_init(&reader, 256, hear, &heard);
    assert_ok(lm_remote_reader_add(&reader, "data: ", 6, &err), err);
    enum reel_status rc = REEL_OK;
    for (int i = 0; rc == REEL_OK && i < 1000; i++) {
        rc = lm_remote_reader_add(&reader, block, sizeof block, &err);
    }
    assert_int_equal(rc, REEL_EFORMAT);
    assert_non_null(strstr(err.text, "line of the server has no end"));
    lm_remote_reader_release(&reader);
}

static void complaints_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *body, *said;
    } cases[] = {
        {"{\"error\":{\"code\":401,\"message\":\"Invalid API Key\"}}", "Invalid API Key"},
        {"{\"error\":\"model 'x' not found\"}", "model 'x' not found"},
        {"{\"object\":\"error\",\"message\":\"too long\"}", "too long"},
        {"{\"detail\":\"Not Found\"}", "Not Found"},
        {"{\"detail\":[{\"loc\":[\"body\"]}]}", "an error without words"},
        {"upstream is away", "upstream is away"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char said[64];
        lm_remote_read_complaint(cases[i].body, strlen(cases[i].body), said, sizeof said);
        assert_string_equal(said, cases[i].said);
    }
}

static void models_are_chosen(void **state)
{
    (void)state;
    static const char list[] =
        "{\"object\":\"list\",\"data\":[{\"id\":\"small\",\"object\":\"model\",\"meta\":"
        "{\"n_vocab\":49152,\"n_ctx_train\":8192,\"n_ctx\":2048}},{\"id\":\"large\","
        "\"max_model_len\":32768}]}";
    struct lm_remote_model model;
    struct reel_error err;
    assert_ok(lm_remote_read_models(list, strlen(list), NULL, &model, &err), err);
    assert_string_equal(model.id, "small");
    assert_int_equal(model.n_context, 2048);
    assert_int_equal(model.n_vocabulary, 49152);
    assert_ok(lm_remote_read_models(list, strlen(list), "large", &model, &err), err);
    assert_int_equal(model.n_context, 32768);
    assert_int_equal(model.n_vocabulary, 0);
    assert_int_equal(lm_remote_read_models(list, strlen(list), "huge", &model, &err),
                     REEL_ENOTFOUND);
    assert_non_null(strstr(err.text, "no model 'huge', but small, large"));
    assert_int_equal(lm_remote_read_models("{\"data\":[]}", 11, NULL, &model, &err),
                     REEL_ENOTFOUND);
    assert_int_equal(lm_remote_read_models("{}", 2, NULL, &model, &err), REEL_EFORMAT);
    assert_int_equal(lm_remote_read_models("[", 1, NULL, &model, &err), REEL_EFORMAT);
}

static void echoes_are_read(void **state)
{
    (void)state;
    static const char body[] =
        "{\"choices\":[{\"text\":\"Once upon a\",\"logprobs\":{\"token_logprobs\":"
        "[null,-1.5,-0.25],\"tokens\":[\"Once\",\" upon\",\" a\"]}}],\"usage\":"
        "{\"prompt_tokens\":2,\"completion_tokens\":1}}";
    double *logp;
    int32_t n;
    struct reel_error err;
    assert_ok(lm_remote_read_echo(body, strlen(body), &logp, &n, &err), err);
    assert_int_equal(n, 2);
    assert_true(isnan(logp[0]));
    assert_true(logp[1] == -1.5);
    base_free(logp);
    static const char silent[] = "{\"choices\":[{\"text\":\" time\",\"logprobs\":null}],"
                                 "\"usage\":{\"prompt_tokens\":2}}";
    assert_int_equal(lm_remote_read_echo(silent, strlen(silent), &logp, &n, &err),
                     REEL_EFORMAT);
    assert_null(logp);
}

// ---- vectors ----

static void vectors_come_in_the_order_of_the_texts(void **state)
{
    (void)state;
    static const char body[] =
        "{\"object\":\"list\",\"data\":[{\"index\":1,\"embedding\":[0.5,-1]},"
        "{\"embedding\":[3,4.25],\"index\":0}]}";
    int32_t n_dims = 0;
    float row[4] = {0};
    struct reel_error err = {0};
    assert_ok(lm_remote_read_vectors(body, strlen(body), 2, &n_dims, NULL, &err), err);
    assert_int_equal(n_dims, 2);
    assert_ok(lm_remote_read_vectors(body, strlen(body), 2, &n_dims, row, &err), err);
    assert_true(row[0] == 3 && row[1] == 4.25F && row[2] == .5F && row[3] == -1);
}

static void wrong_vectors_are_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "[]",
        "{\"data\":[]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1,2]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":0,\"embedding\":[1,2]}]"
        "}",
        "{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":2,\"embedding\":[1,2]}]"
        "}",
        "{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[1]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[1,"
        "\"2\"]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[1,"
        "1e300]}]}",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        int32_t n_dims = 0;
        float row[4];
        struct reel_error err = {0};
        if (lm_remote_read_vectors(bodies[i], strlen(bodies[i]), 2, &n_dims, NULL,
                                   &err) != REEL_EFORMAT ||
            !err.text[0]) {
            fail_msg("%s was read", bodies[i]);
        }
        n_dims = 2;
        assert_int_equal(
            lm_remote_read_vectors(bodies[i], strlen(bodies[i]), 2, &n_dims, row, &err),
            REEL_EFORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completions_of_llama_server_are_read),
        cmocka_unit_test(chat_of_llama_server_is_read),
        cmocka_unit_test(completions_of_vllm_are_read),
        cmocka_unit_test(chat_of_ollama_is_read),
        cmocka_unit_test(comments_returns_and_a_missing_end_are_read),
        cmocka_unit_test(a_document_instead_of_events_is_read),
        cmocka_unit_test(enough_is_enough),
        cmocka_unit_test(lies_are_told),
        cmocka_unit_test(log_probabilities_that_are_none_are_left_out),
        cmocka_unit_test(an_endless_line_is_cut),
        cmocka_unit_test(complaints_are_found),
        cmocka_unit_test(models_are_chosen),
        cmocka_unit_test(echoes_are_read),
        cmocka_unit_test(vectors_come_in_the_order_of_the_texts),
        cmocka_unit_test(wrong_vectors_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
