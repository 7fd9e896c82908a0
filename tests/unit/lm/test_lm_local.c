/** The engine on this machine, with a model made on the spot: see lm_tiny.h. */
#include "lm_tiny.h"

#include "base_alloc.h"
#include "lm_engine.h"

#include <math.h>

static char plain_path[] = "/tmp/lm_local_plain_XXXXXX";
static char sliding_path[] = "/tmp/lm_local_sliding_XXXXXX";

static int make_models(void **state)
{
    (void)state;
    close(mkstemp(plain_path));
    close(mkstemp(sliding_path));
    tiny_write(plain_path, 0);
    tiny_write(sliding_path, 8);
    return 0;
}

static int remove_models(void **state)
{
    (void)state;
    unlink(plain_path);
    unlink(sliding_path);
    return 0;
}

static struct reel_lm *opened(const char *path, int32_t n_cells, int32_t n_live_max)
{
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_lm *lm;
    struct reel_error err = {0};
    opt.n_cells = n_cells;
    opt.n_live_max = n_live_max;
    assert_ok(reel_lm_open(path, &opt, &lm, &err), err);
    return lm;
}

static struct reel_lm_request greedy(const struct reel_lm_prompt *prompt, int32_t n)
{
    struct reel_lm_request request = reel_lm_request_default();
    request.prompt = prompt;
    request.n_prompts = n;
    request.n_tokens_max = 12;
    request.temperature = 0;
    request.repeat_cost = request.ngram_cost = request.sibling_cost = 0;
    return request;
}

static struct reel_lm_reply asked(struct reel_lm *lm,
                                  const struct reel_lm_request *request)
{
    struct reel_lm_reply reply;
    struct reel_error err = {0};
    assert_ok(reel_lm_generate(lm, request, &reply, &err), err);
    return reply;
}

/** The same words; sums in half precision differ a little with the batch. */
static void assert_alike(const struct reel_lm_sample *a, const struct reel_lm_sample *b)
{
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->n_tokens, b->n_tokens);
    assert_int_equal(a->end, b->end);
    assert_true(fabs(a->logp - b->logp) < 0.02);
}

enum { N_PROMPTS = 7 };
static const char *const beginnings[N_PROMPTS] = {
    "the fork",
    "the fork in the road",
    "the fork in the river",
    "a",
    "the fork",
    "a road and a river and a road and a fork and the rest of it",
    "z"};

/** Each prompt alone, on an engine that has read nothing before. */
static void ask_alone(struct reel_lm_reply alone[N_PROMPTS])
{
    for (int i = 0; i < N_PROMPTS; i++) {
        struct reel_lm *lm = opened(plain_path, 0, 1);
        const struct reel_lm_prompt prompt = {.text = beginnings[i], .n_samples = 1};
        const struct reel_lm_request request = greedy(&prompt, 1);
        alone[i] = asked(lm, &request);
        reel_lm_close(lm);
    }
}

static void writes_the_same_alone_and_together(void **state)
{
    (void)state;
    static const int32_t n_live[] = {1, 2, 5, 32};
    struct reel_lm_reply alone[N_PROMPTS];
    struct reel_lm_prompt prompts[N_PROMPTS];
    ask_alone(alone);
    for (int i = 0; i < N_PROMPTS; i++) {
        prompts[i] =
            (struct reel_lm_prompt){.text = beginnings[i], .n_samples = 1 + i % 3};
    }
    for (size_t k = 0; k < COUNT_OF(n_live); k++) {
        struct reel_lm *lm = opened(plain_path, 0, n_live[k]);
        const struct reel_lm_request request = greedy(prompts, N_PROMPTS);
        for (int repeat = 0; repeat < 2; repeat++) { // the second time from what was kept
            struct reel_lm_reply reply = asked(lm, &request);
            for (int32_t s = 0; s < reply.n_samples; s++) {
                assert_alike(&reply.sample[s],
                             &alone[reply.sample[s].i_prompt].sample[0]);
            }
            reel_lm_reply_release(&reply);
        }
        reel_lm_close(lm);
    }
    for (int i = 0; i < N_PROMPTS; i++) {
        reel_lm_reply_release(&alone[i]);
    }
}

static int32_t count(struct reel_lm *lm, const char *text)
{
    int32_t n;
    struct reel_error err = {0};
    assert_ok(reel_lm_count(lm, text, &n, &err), err);
    return n;
}

static void reads_what_prompts_share_once(void **state)
{
    (void)state;
    struct reel_lm *lm = opened(plain_path, 0, 32);
    const struct reel_lm_prompt prompts[] = {
        {.text = "a long beginning 1", .n_samples = 4},
        {.text = "a long beginning 23", .n_samples = 4},
        {.text = "a long beginning", .n_samples = 1}};
    const struct reel_lm_request request = greedy(prompts, 3);
    const int32_t n_shared = count(lm, prompts[2].text) + 1; // with BOS
    struct reel_lm_reply reply = asked(lm, &request);
    assert_int_equal(reply.n_tokens_read, n_shared + 1 + 1 + 2); // a blank, the digits
    assert_int_equal(reply.n_tokens_shared, 2 * n_shared + 1);
    assert_int_equal(reply.n_steps, 11); // twelve tokens, all nine side by side
    reel_lm_reply_release(&reply);
    reply = asked(lm, &request);
    assert_int_equal(reply.n_tokens_read, 3); // the last token of each, for its logits
    reel_lm_reply_release(&reply);
    reel_lm_close(lm);
}

static void tells_the_likelihood_of_what_it_wrote(void **state)
{
    (void)state;
    struct reel_lm *lm = opened(plain_path, 0, 32);
    const struct reel_lm_prompt prompt = {.text = "the fork", .n_samples = 5};
    struct reel_lm_request request = reel_lm_request_default();
    request.prompt = &prompt;
    request.n_prompts = 1;
    struct reel_lm_reply reply = asked(lm, &request);
    for (int32_t s = 0; s < reply.n_samples; s++) {
        double sum = 0;
        for (int32_t i = 0; i < reply.sample[s].n_tokens; i++) {
            assert_true(reply.sample[s].token_logp[i] < 0);
            sum += (double)reply.sample[s].token_logp[i];
        }
        assert_true(fabs(sum - reply.sample[s].logp) < 1e-6);
    }
    reel_lm_reply_release(&reply);
    reel_lm_close(lm);
}

static void a_small_pool_prunes_and_goes_on(void **state)
{
    (void)state;
    static char longest[400], other[150];
    memset(longest, '1', 200); // a token each
    memset(other, '2', 140);
    struct reel_lm *lm = opened(plain_path, 256, 32);
    const struct reel_lm_prompt prompts[] = {{.text = longest, .n_samples = 16},
                                             {.text = other, .n_samples = 16},
                                             {.text = "a", .n_samples = 40}};
    struct reel_lm_request request = reel_lm_request_default();
    request.prompt = prompts;
    request.n_prompts = 3;
    for (int repeat = 0; repeat < 3; repeat++) {
        struct reel_lm_reply reply = asked(lm, &request);
        int32_t n_pruned = 0, n_whole = 0;
        assert_int_equal(reply.n_samples, 72);
        for (int32_t s = 0; s < reply.n_samples; s++) {
            n_pruned += reply.sample[s].end == REEL_LM_END_NO_ROOM;
            n_whole += reply.sample[s].end == REEL_LM_END_LENGTH ||
                       reply.sample[s].end == REEL_LM_END_STOP;
            assert_true(reply.sample[s].n_tokens > 0 || reply.sample[s].text[0] == '\0');
        }
        assert_true(n_pruned > 0);
        assert_int_equal(n_pruned + n_whole, 72);
        reel_lm_reply_release(&reply);
    }
    reel_lm_close(lm);
}

struct stopper {
    int32_t n_left, n_calls;
};

static bool stop_later(const char *stage, double done, double total, void *payload)
{
    (void)stage, (void)done, (void)total;
    struct stopper *stopper = payload;
    stopper->n_calls++;
    return --stopper->n_left > 0;
}

static bool stop_by_token(int32_t i_sample, const char *piece, double logp, void *payload)
{
    (void)piece, (void)logp;
    ((int32_t *)payload)[i_sample]++;
    return i_sample != 1 || ((int32_t *)payload)[1] < 3;
}

static void can_be_stopped_and_used_again(void **state)
{
    (void)state;
    struct reel_lm *lm = opened(plain_path, 0, 32);
    const struct reel_lm_prompt prompt = {.text = "the fork", .n_samples = 3};
    const struct reel_lm_request request = greedy(&prompt, 1);
    struct reel_lm_reply before = asked(lm, &request), stopped;
    for (int n = 1; n <= 2; n++) {
        struct stopper stopper = {.n_left = n};
        struct reel_lm_request impatient = request;
        struct reel_error err = {0};
        impatient.n_tokens_max = 400;
        impatient.progress = (struct reel_progress){stop_later, &stopper};
        const enum reel_status rc = reel_lm_generate(lm, &impatient, &stopped, &err);
        assert_true(rc == REEL_ECANCELLED || stopper.n_calls < n);
        reel_lm_reply_release(&stopped);
        struct reel_lm_reply after = asked(lm, &request);
        for (int s = 0; s < 3; s++) {
            assert_alike(&after.sample[s], &before.sample[s]);
        }
        reel_lm_reply_release(&after);
    }
    reel_lm_reply_release(&before);
    reel_lm_close(lm);
}

static void samples_given_up_leave_the_others_alone(void **state)
{
    (void)state;
    struct reel_lm *lm = opened(plain_path, 0, 32);
    const struct reel_lm_prompt prompt = {.text = "the fork", .n_samples = 3};
    struct reel_lm_request request = greedy(&prompt, 1);
    struct reel_lm_reply before = asked(lm, &request);
    int32_t n_told[3] = {0};
    request.on_token = stop_by_token;
    request.payload = n_told;
    struct reel_lm_reply reply = asked(lm, &request);
    assert_int_equal(reply.sample[1].end, REEL_LM_END_GIVEN_UP);
    assert_in_range(reply.sample[1].n_tokens, 0, 3);
    assert_alike(&reply.sample[0], &before.sample[0]);
    assert_alike(&reply.sample[2], &before.sample[2]);
    assert_true(n_told[0] >= 12 && n_told[1] == 3);
    reel_lm_reply_release(&reply);
    reel_lm_reply_release(&before);
    reel_lm_close(lm);
}

static void same_seed_writes_the_same(void **state)
{
    (void)state;
    struct reel_lm *lm = opened(plain_path, 0, 4);
    const struct reel_lm_prompt prompt = {.text = "the fork", .n_samples = 6};
    struct reel_lm_request request = reel_lm_request_default();
    request.prompt = &prompt;
    request.n_prompts = 1;
    request.seed = 3;
    request.sibling_cost = 0; // else a sample depends on who was live beside it
    struct reel_lm_reply first = asked(lm, &request);
    struct reel_lm *wide = opened(plain_path, 0, 32);
    struct reel_lm_reply second = asked(wide, &request);
    for (int s = 0; s < 6; s++) {
        assert_alike(&first.sample[s], &second.sample[s]);
    }
    assert_string_not_equal(first.sample[0].text, first.sample[1].text);
    reel_lm_reply_release(&first);
    reel_lm_reply_release(&second);
    reel_lm_close(lm);
    reel_lm_close(wide);
}

static void judge(struct reel_lm *lm, struct reel_lm_judged *judged, int32_t n)
{
    struct reel_error err = {0};
    assert_ok(reel_lm_score(lm, judged, n, NULL, &err), err);
}

static void judges_as_step_by_step(void **state)
{
    (void)state;
    // Digits and signs are a token each, so a text can be judged one character at a time.
    static const char text[] = "1,2;3.4!5:6?7-8+9*0/1=2<3>4#5$6%7&8(9)0123456789,.;:!?";
    const char *const paths[] = {plain_path, sliding_path};
    for (size_t p = 0; p < COUNT_OF(paths); p++) {
        struct reel_lm *lm = opened(paths[p], 0, 32);
        struct reel_lm_judged whole[] = {{.context = "the fork", .text = text},
                                         {.context = "", .text = text},
                                         {.context = "the fork", .text = ""},
                                         {.context = "the fork", .text = text}};
        judge(lm, whole, 4);
        assert_true(isnan(whole[2].logp) && whole[2].n_tokens == 0);
        assert_true(fabs(whole[0].logp - whole[3].logp) < 0.02);
        double sum = 0;
        int32_t n = 0;
        for (size_t i = 0; i < sizeof text - 1; i++) {
            char context[100], next[2] = {text[i], '\0'};
            (void)snprintf(context, sizeof context, "the fork%.*s", (int)i, text);
            struct reel_lm_judged one = {.context = context, .text = next};
            judge(lm, &one, 1);
            sum += one.logp;
            n += one.n_tokens;
        }
        assert_int_equal(whole[0].n_tokens, n);
        assert_true(fabs(sum - whole[0].logp) < 0.05);
        assert_true(whole[0].logp != whole[1].logp);
        reel_lm_close(lm);
    }
}

static void reads_anew_where_cells_cannot_be_shared(void **state)
{
    (void)state;
    struct reel_lm *lm = opened(sliding_path, 0, 32);
    assert_false(reel_lm_about(lm)->shares_cells);
    const struct reel_lm_prompt prompts[] = {{.text = "the fork", .n_samples = 2},
                                             {.text = "the fork in", .n_samples = 1}};
    const struct reel_lm_request request = greedy(prompts, 2);
    struct reel_lm_reply first = asked(lm, &request), second = asked(lm, &request);
    assert_int_equal(first.n_tokens_shared, 0);
    for (int s = 0; s < 3; s++) {
        assert_alike(&first.sample[s], &second.sample[s]);
    }
    assert_alike(&first.sample[0], &first.sample[1]);
    reel_lm_reply_release(&first);
    reel_lm_reply_release(&second);
    reel_lm_close(lm);
}

static void texts_cannot_speak_special_tokens(void **state)
{
    (void)state;
    struct reel_lm *lm = opened(plain_path, 0, 32);
    assert_true(count(lm, "</s>") > 3);
    assert_true(count(lm, "<s>") > 2);
    const struct reel_lm_prompt prompt = {.instruction = "who? </s>", .n_samples = 1};
    const struct reel_lm_request request = greedy(&prompt, 1);
    struct reel_lm_reply reply = asked(lm, &request);
    assert_true(reply.n_tokens_read >
                count(lm, "who? </s>") + 10); // the template's words
    reel_lm_reply_release(&reply);
    reel_lm_close(lm);
}

static void says_how_long_a_prompt_is(void **state)
{
    (void)state;
    static char text[4000];
    memset(text, '1', sizeof text - 1);
    struct reel_lm *lm = opened(plain_path, 0, 32);
    const struct reel_lm_prompt prompt = {.text = text, .n_samples = 1};
    const struct reel_lm_request request = greedy(&prompt, 1);
    struct reel_lm_judged judged = {.context = "", .text = text};
    struct reel_lm_reply reply;
    struct reel_error err = {0};
    assert_int_equal(reel_lm_generate(lm, &request, &reply, &err), REEL_EINVAL);
    assert_non_null(strstr(err.text, "4001 tokens"));
    assert_int_equal(reel_lm_score(lm, &judged, 1, NULL, &err), REEL_EINVAL);
    assert_non_null(strstr(err.text, "4001 tokens"));
    text[509] = '\0'; // with BOS and a blank one token is left
    reply = asked(lm, &request);
    assert_int_equal(reply.sample[0].end, REEL_LM_END_LENGTH);
    assert_int_equal(reply.n_tokens_written, 1);
    reel_lm_reply_release(&reply);
    reel_lm_close(lm);
}

static void survives_every_refused_allocation(void **state)
{
    (void)state;
    struct reel_lm *lm = opened(plain_path, 0, 2);
    const struct reel_lm_prompt prompts[] = {{.text = "the fork", .n_samples = 3},
                                             {.text = "a", .n_samples = 1}};
    struct reel_lm_request request = greedy(prompts, 2);
    request.n_tokens_max = 4;
    struct reel_lm_reply before = asked(lm, &request);
    for (long n = 0;; n++) {
        struct reel_lm_reply reply = {0};
        struct reel_lm_judged judged = {.context = "the", .text = "fork"};
        struct reel_error err = {0};
        base_alloc_fail_after(n);
        enum reel_status rc = reel_lm_generate(lm, &request, &reply, &err);
        rc = rc ? rc : reel_lm_score(lm, &judged, 1, NULL, &err);
        base_alloc_fail_after(-1);
        for (int s = 0; rc == REEL_OK && s < 4; s++) {
            assert_alike(&reply.sample[s], &before.sample[s]);
        }
        reel_lm_reply_release(&reply);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
    reel_lm_reply_release(&before);
    reel_lm_close(lm);
}

// ---- files ----

static void refuse(const char *path, const struct reel_lm_options *opt,
                   enum reel_status expected, const char *words)
{
    struct reel_lm *lm = (struct reel_lm *)&lm;
    struct reel_error err = {0};
    assert_int_equal(reel_lm_open(path, opt, &lm, &err), expected);
    assert_null(lm);
    assert_non_null(strstr(err.text, path));
    if (!strstr(err.text, words)) {
        fail_msg("'%s' does not say '%s'", err.text, words);
    }
    assert_null(strchr(err.text, '\n'));
}

static void bad_files_cost_one_line(void **state)
{
    (void)state;
    struct reel_lm_options opt = reel_lm_options_default();
    char path[] = "/tmp/lm_local_bad_XXXXXX";
    close(mkstemp(path));
    refuse("/nowhere/x.gguf", &opt, REEL_ENOTFOUND, "");
    refuse(path, &opt, REEL_EFORMAT, "not a GGUF file");
    for (long n_bytes = 1000; n_bytes < 160000; n_bytes = n_bytes * 3 / 2) {
        tiny_write(path, 0);
        assert_int_equal(truncate(path, n_bytes), 0);
        refuse(path, &opt, REEL_EFORMAT, "cut short");
    }
    tiny_write(path, 0); // an architecture that llama.cpp does not know
    FILE *out = fopen(path, "r+b");
    char head[200];
    assert_int_equal(fread(head, 1, sizeof head, out), sizeof head);
    for (size_t i = 0; i + 5 < sizeof head; i++) {
        if (memcmp(head + i, "llama", 5) == 0) {
            memcpy(head + i, "lamma", 5);
        }
    }
    rewind(out);
    assert_int_equal(fwrite(head, 1, sizeof head, out), sizeof head);
    fclose(out);
    refuse(path, &opt, REEL_EFORMAT, "lamma");
    unlink(path);
    opt.max_bytes = (int64_t)1 << 50;
    refuse(plain_path, &opt, REEL_ENOMEM, "MB are free");
}

static void knows_the_facts(void **state)
{
    (void)state;
    struct reel_lm *lm = opened(plain_path, 0, 32);
    const struct reel_lm_facts *facts = reel_lm_about(lm);
    assert_int_equal(facts->kind, REEL_LM_LOCAL);
    assert_string_equal(facts->name, "Tiny");
    assert_int_equal(strlen(facts->checksum), 64);
    assert_true(facts->is_instruct && facts->can_score && facts->shares_cells);
    assert_int_equal(facts->n_context, TINY_N_CONTEXT);
    assert_int_equal(facts->n_vocabulary, TINY_N_VOCABULARY);
    assert_int_equal(count(lm, "a"), 2); // the blank before it, and the letter
    reel_lm_close(lm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_same_alone_and_together),
        cmocka_unit_test(reads_what_prompts_share_once),
        cmocka_unit_test(tells_the_likelihood_of_what_it_wrote),
        cmocka_unit_test(a_small_pool_prunes_and_goes_on),
        cmocka_unit_test(can_be_stopped_and_used_again),
        cmocka_unit_test(samples_given_up_leave_the_others_alone),
        cmocka_unit_test(same_seed_writes_the_same),
        cmocka_unit_test(judges_as_step_by_step),
        cmocka_unit_test(reads_anew_where_cells_cannot_be_shared),
        cmocka_unit_test(texts_cannot_speak_special_tokens),
        cmocka_unit_test(says_how_long_a_prompt_is),
        cmocka_unit_test(survives_every_refused_allocation),
        cmocka_unit_test(bad_files_cost_one_line),
        cmocka_unit_test(knows_the_facts),
    };
    return cmocka_run_group_tests(tests, make_models, remove_models);
}
