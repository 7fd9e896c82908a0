/** The remote engine against llama.cpp's own server with the default model. */
#include "unit.h"

#include <forkreel/lm.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY "a-key-for-the-test"

struct server {
    pid_t pid;
    char url[64];
    struct reel_lm *lm;
};

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    assert_int_equal(close(fd), 0);
    return ntohs(address.sin_port);
}

/** The server ends with us, whatever happens. */
static void run_server(const char *tools, const char *model, const char *port,
                       const char *more)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/llama-server", tools);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = open("/dev/null", O_RDWR);
    (void)dup2(null, 0);
    (void)dup2(null, 1);
    (void)dup2(null, 2);
    (void)execl(path, path, "-m", model, "--host", "127.0.0.1", "--port", port, "-t", "1",
                "-np", "4", "-c", "4096", "--api-key", KEY, "--no-webui", more,
                (char *)NULL);
    _exit(127);
}

static enum reel_status open_server(struct server *s, const char *key, int32_t n_retries,
                                    struct reel_error *err)
{
    struct reel_lm_options opt = reel_lm_options_default();
    opt.key = key;
    opt.n_retries = n_retries;
    return reel_lm_open(s->url, &opt, &s->lm, err);
}

static int start_server(void **state)
{
    static struct server s;
    const char *tools = getenv("FORKREEL_LLAMA_TOOLS"), *cache = getenv("FORKREEL_CACHE");
    assert_non_null(tools);
    assert_non_null(cache);
    char model[4096], port[16];
    (void)snprintf(model, sizeof model, "%s/models/SmolLM2-135M-Instruct.Q4_1.gguf",
                   cache);
    (void)snprintf(port, sizeof port, "%d", free_port());
    (void)snprintf(s.url, sizeof s.url, "http://127.0.0.1:%s/v1", port);
    s.pid = fork();
    if (s.pid == 0) {
        run_server(tools, model, port, NULL);
    }
    struct reel_error err = {0};
    enum reel_status rc = REEL_EIO;
    // Until it listens it refuses, and until the model is loaded it answers 503.
    for (int i = 0; rc != REEL_OK && i < 300 && waitpid(s.pid, NULL, WNOHANG) == 0; i++) {
        rc = open_server(&s, KEY, 0, &err);
        (void)usleep(100000);
    }
    *state = &s;
    if (rc) {
        print_error("llama-server in %s (scripts/setup test builds it): %s\n", tools,
                    err.text);
    }
    return rc ? -1 : 0;
}

static int stop_server(void **state)
{
    struct server *s = *state;
    reel_lm_close(s->lm);
    (void)kill(s->pid, SIGTERM);
    (void)waitpid(s->pid, NULL, 0);
    return 0;
}

static void facts_come_from_the_server(void **state)
{
    const struct server *s = *state;
    const struct reel_lm_facts *facts = reel_lm_about(s->lm);
    assert_int_equal(facts->kind, REEL_LM_REMOTE);
    assert_non_null(strstr(facts->name, "SmolLM2"));
    assert_in_range(facts->n_context, 512, 8192);
    assert_int_equal(facts->n_vocabulary, 49152);
    assert_false(facts->can_score); // it has no echo
}

static void a_key_is_required(void **state)
{
    struct server other = *(struct server *)*state;
    struct reel_error err;
    assert_int_equal(open_server(&other, "wrong", 0, &err), REEL_EINVAL);
    assert_non_null(strstr(err.text, "refuses the key"));
    assert_int_equal(open_server(&other, NULL, 0, &err), REEL_EINVAL);
    assert_non_null(strstr(err.text, "wants a key"));
}

struct streamed {
    char text[8][1024];
    int32_t n_pieces;
};

static bool stream(int32_t i_sample, const char *piece, double logp, void *payload)
{
    struct streamed *s = payload;
    const size_t n = strlen(s->text[i_sample]);
    (void)snprintf(s->text[i_sample] + n, sizeof s->text[0] - n, "%s", piece);
    s->n_pieces++;
    assert_true(isnan(logp) || logp <= 0);
    return true;
}

static void check_eight(struct server *s, const struct reel_lm_prompt *prompt,
                        struct reel_lm_reply *reply)
{
    static const char *const stop[] = {"\n"};
    struct streamed *streamed = calloc(1, sizeof *streamed);
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_error err;
    request.prompt = prompt;
    request.n_prompts = 1;
    request.n_tokens_max = 24;
    request.stop = stop;
    request.n_stops = 1;
    request.seed = 7;
    request.on_token = stream;
    request.payload = streamed;
    assert_ok(reel_lm_generate(s->lm, &request, reply, &err), err);
    assert_int_equal(reply->n_samples, 8);
    int n_different = 0;
    for (int32_t i = 0; i < 8; i++) {
        const struct reel_lm_sample *sample = &reply->sample[i];
        assert_non_null(strstr(streamed->text[i], sample->text));
        assert_null(strchr(sample->text, '\n'));
        assert_in_range(sample->n_tokens, 1, 24);
        n_different += strcmp(sample->text, reply->sample[0].text) != 0;
    }
    assert_true(n_different >= 4);
    assert_true(streamed->n_pieces > 16);
    free(streamed);
}

static void eight_completions_stream_with_log_probabilities(void **state)
{
    const struct reel_lm_prompt prompt = {
        .text = "The old lighthouse keeper climbed the stairs, and", .n_samples = 8};
    struct reel_lm_reply reply;
    check_eight(*state, &prompt, &reply);
    for (int32_t i = 0; i < 8; i++) {
        const struct reel_lm_sample *sample = &reply.sample[i];
        assert_true(sample->logp < 0 && sample->logp > -200);
        assert_non_null(sample->token_logp);
        double sum = 0;
        for (int32_t t = 0; t < sample->n_tokens; t++) {
            sum += sample->token_logp[t];
        }
        assert_true(fabs(sum - sample->logp) < 1e-3);
    }
    assert_true(reply.n_tokens_read >= 8 * 8);
    reel_lm_reply_release(&reply);
}

static void eight_chats_stream(void **state)
{
    const struct reel_lm_prompt prompt = {.text = "not sent",
                                          .instruction =
                                              "Write one sentence about a storm at sea.",
                                          .n_samples = 8};
    struct reel_lm_reply reply;
    check_eight(*state, &prompt, &reply);
    reel_lm_reply_release(&reply);
}

static void greedy_completions_agree(void **state)
{
    struct server *s = *state;
    const struct reel_lm_prompt prompt = {.text = "One, two, three,", .n_samples = 2};
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_lm_reply reply;
    struct reel_error err;
    request.prompt = &prompt;
    request.n_prompts = 1;
    request.n_tokens_max = 8;
    request.temperature = 0;
    request.repeat_cost = 0;
    assert_ok(reel_lm_generate(s->lm, &request, &reply, &err), err);
    assert_string_equal(reply.sample[0].text, reply.sample[1].text);
    assert_non_null(strstr(reply.sample[0].text, "four"));
    assert_int_equal(reply.sample[0].end, REEL_LM_END_LENGTH);
    reel_lm_reply_release(&reply);
}

static void a_prompt_that_is_too_long_is_told(void **state)
{
    struct server *s = *state;
    char *text = calloc(1, 40001);
    for (int i = 0; i < 40000; i += 4) {
        memcpy(text + i, "sea ", 4);
    }
    const struct reel_lm_prompt prompt = {.text = text, .n_samples = 1};
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_lm_reply reply;
    struct reel_error err;
    request.prompt = &prompt;
    request.n_prompts = 1;
    assert_int_equal(reel_lm_generate(s->lm, &request, &reply, &err), REEL_EINVAL);
    assert_non_null(strstr(err.text, "too long"));
    free(text);
}

/** One long sample at a server that `on_token` may treat badly. */
static enum reel_status ask_long(struct reel_lm *lm, reel_lm_on_token *on_token,
                                 void *payload, struct reel_error *err)
{
    const struct reel_lm_prompt prompt = {.text = "It was", .n_samples = 1};
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_lm_reply reply;
    request.prompt = &prompt;
    request.n_prompts = 1;
    request.n_tokens_max = 500;
    request.on_token = on_token;
    request.payload = payload;
    const enum reel_status rc = reel_lm_generate(lm, &request, &reply, err);
    reel_lm_reply_release(&reply);
    return rc;
}

static void a_server_that_stalls_is_told(void **state)
{
    struct server *s = *state;
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_lm *lm;
    struct reel_error err;
    opt.key = KEY;
    opt.timeout_ms = 1000;
    opt.n_retries = 0;
    assert_ok(reel_lm_open(s->url, &opt, &lm, &err), err);
    assert_int_equal(kill(s->pid, SIGSTOP), 0);
    assert_int_equal(ask_long(lm, NULL, NULL, &err), REEL_EIO);
    assert_non_null(strstr(err.text, "not a byte for 1.0 s"));
    assert_int_equal(kill(s->pid, SIGCONT), 0);
    reel_lm_close(lm);
}

static bool kill_server(int32_t i_sample, const char *piece, double logp, void *payload)
{
    (void)i_sample, (void)piece, (void)logp;
    const struct server *s = payload;
    (void)kill(s->pid, SIGKILL);
    return true;
}

static void a_server_that_dies_is_told(void **state)
{
    struct server *s = *state;
    struct reel_error err;
    assert_int_equal(ask_long(s->lm, kill_server, s, &err), REEL_EIO);
    assert_non_null(strstr(err.text, "in the middle of the answer"));
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
    assert_int_equal(ask_long(s->lm, NULL, NULL, &err), REEL_EIO);
    assert_non_null(strstr(err.text, "no server answers there"));
}

/** The server pools as we do, so both give the same vectors. */
static void vectors_are_those_of_the_local_engine(void **state)
{
    (void)state;
    static const char *const text[] = {"A storm at sea.", "Two robbers and a suitcase."};
    const char *tools = getenv("FORKREEL_LLAMA_TOOLS"), *cache = getenv("FORKREEL_CACHE");
    struct server s;
    struct reel_lm *local;
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_lm_embed_request request = {.text = text, .n_texts = 2};
    struct reel_error err = {0};
    char model[4096], port[16];
    float here[2][384], there[2][384];
    (void)snprintf(model, sizeof model, "%s/models/all-MiniLM-L6-v2.Q8_0.gguf", cache);
    (void)snprintf(port, sizeof port, "%d", free_port());
    (void)snprintf(s.url, sizeof s.url, "http://127.0.0.1:%s/v1", port);
    s.pid = fork();
    if (s.pid == 0) {
        run_server(tools, model, port, "--embedding");
    }
    opt.embeds = true;
    opt.key = KEY;
    enum reel_status rc = REEL_EIO;
    for (int i = 0; rc != REEL_OK && i < 300 && waitpid(s.pid, NULL, WNOHANG) == 0; i++) {
        rc = reel_lm_open(s.url, &opt, &s.lm, &err);
        (void)usleep(100000);
    }
    assert_ok(rc, err);
    assert_int_equal(reel_lm_about(s.lm)->n_embedding, 384);
    assert_ok(reel_lm_embed(s.lm, &request, there[0], &err), err);
    assert_ok(reel_lm_open(model, &opt, &local, &err), err);
    assert_ok(reel_lm_embed(local, &request, here[0], &err), err);
    for (int32_t i = 0; i < 2; i++) {
        double cosine = 0;
        for (int32_t k = 0; k < 384; k++) {
            cosine += (double)here[i][k] * (double)there[i][k];
        }
        assert_true(cosine > .999);
    }
    reel_lm_close(local);
    void *ended = &s;
    assert_int_equal(stop_server(&ended), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_come_from_the_server),
        cmocka_unit_test(a_key_is_required),
        cmocka_unit_test(eight_completions_stream_with_log_probabilities),
        cmocka_unit_test(eight_chats_stream),
        cmocka_unit_test(greedy_completions_agree),
        cmocka_unit_test(a_prompt_that_is_too_long_is_told),
        cmocka_unit_test(a_server_that_stalls_is_told),
        cmocka_unit_test(a_server_that_dies_is_told), // the last: it is gone then
        cmocka_unit_test(vectors_are_those_of_the_local_engine),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
