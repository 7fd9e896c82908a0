/** The door before all engines, texts that grow, and the engine that recites. No weights. */
#include "unit.h"

#include "base_alloc.h"
#include "lm_engine.h"

#include <math.h>
#include <stdlib.h>

// ---- texts that grow ----

static const char *grown(struct lm_text *text, const char *const *pieces)
{
    const char *told;
    for (; *pieces && lm_text_add(text, *pieces, strlen(*pieces), &told); pieces++) {
    }
    (void)lm_text_finish(text);
    return text->data ? text->data : "";
}

static void stop_texts_are_found_across_pieces(void **state)
{
    (void)state;
    static const char *const stops[] = {"\n\n", "END"};
    static const struct {
        const char *pieces[6], *text;
    } cases[] = {
        {{"one\n", "\ntwo", NULL}, "one"},
        {{"one", "\n", "two", "\n", NULL}, "one\ntwo\n"},
        {{"E", "N", "D", NULL}, ""},
        {{"x E", "E", "N", "Dx", NULL}, "x E"},
        {{"both END\n\n", NULL}, "both "},
        {{"\n\nEND", NULL}, ""},
        {{NULL}, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct lm_text text;
        lm_text_init(&text, stops, 2);
        assert_string_equal(grown(&text, cases[i].pieces), cases[i].text);
        lm_text_release(&text);
    }
}

static void characters_are_told_whole(void **state)
{
    (void)state;
    static const char cha[] = "\xe5\x8f\x89"; // 叉 in three pieces
    struct lm_text text;
    const char *told;
    lm_text_init(&text, NULL, 0);
    assert_true(lm_text_add(&text, cha, 1, &told));
    assert_string_equal(told, "");
    assert_true(lm_text_add(&text, cha + 1, 1, &told));
    assert_string_equal(told, "");
    assert_true(lm_text_add(&text, cha + 2, 1, &told));
    assert_string_equal(told, cha);
    assert_true(lm_text_add(&text, "a", 1, &told));
    assert_string_equal(told, "a");
    assert_true(lm_text_add(&text, cha, 2, &told));
    assert_string_equal(told, "");
    assert_string_equal(lm_text_finish(&text), ""); // the half character goes
    assert_string_equal(text.data, "\xe5\x8f\x89"
                                   "a");
    lm_text_release(&text);
}

static void what_was_told_is_the_text(void **state)
{
    (void)state;
    // Told pieces put together are the text, whatever the pieces and the stop texts are.
    static const char *const wholes[] = {"\xe5\x8f\x89 a fork.\n \n\xe8\xb7\xaf\n\nrest",
                                         "\xe5\x8f\x89 a fork.\n \n\xe8\xb7\xaf\n"};
    static const char *const stops[] = {"\n\n", "forks"};
    for (size_t w = 0; w < COUNT_OF(wholes); w++) {
        const char *whole = wholes[w];
        for (size_t n = 1; n <= strlen(whole); n++) {
            struct lm_text text;
            char all[64] = "";
            bool is_open = true;
            lm_text_init(&text, stops, 2);
            for (size_t at = 0; is_open && at < strlen(whole); at += n) {
                const size_t n_left = strlen(whole) - at;
                const char *told;
                is_open = lm_text_add(&text, whole + at, n_left < n ? n_left : n, &told);
                memcpy(all + strlen(all), told, strlen(told) + 1);
            }
            const char *rest = lm_text_finish(&text);
            memcpy(all + strlen(all), rest, strlen(rest) + 1);
            assert_int_equal(is_open, w == 1);
            assert_string_equal(text.data,
                                w == 0 ? "\xe5\x8f\x89 a fork.\n \n\xe8\xb7\xaf" : whole);
            assert_string_equal(all, text.data);
            lm_text_release(&text);
        }
    }
}

static void stray_bytes_are_left_out(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a\xff", "b\xe5\x8f", "c\x80", NULL};
    struct lm_text text;
    lm_text_init(&text, NULL, 0);
    assert_string_equal(grown(&text, pieces), "abc");
    lm_text_release(&text);
}

// ---- the engine that recites ----

static const char *recite(const char *prompt, int32_t i_sample, uint64_t seed,
                          void *payload)
{
    static char answer[64];
    (void)snprintf(answer, sizeof answer, "%s/%d/%d|rest", prompt, (int)i_sample,
                   (int)seed);
    *(int *)payload += 1;
    return i_sample == 9 ? NULL : answer;
}

static struct reel_lm *scripted(int *n_calls)
{
    struct reel_lm *lm;
    struct reel_error err = {0};
    assert_ok(reel_lm_open_scripted(recite, n_calls, &lm, &err), err);
    return lm;
}

static void recites_for_every_sample(void **state)
{
    (void)state;
    int n_calls = 0;
    struct reel_lm *lm = scripted(&n_calls);
    const struct reel_lm_prompt prompts[] = {{.text = "A", .n_samples = 2},
                                             {.text = "B", .n_samples = 0},
                                             {.text = "C", .n_samples = 10}};
    static const char *const stops[] = {"|"};
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_lm_reply reply;
    struct reel_error err = {0};
    request.prompt = prompts;
    request.n_prompts = 3;
    request.stop = stops;
    request.n_stops = 1;
    request.seed = 7;
    assert_ok(reel_lm_generate(lm, &request, &reply, &err), err);
    assert_int_equal(reply.n_samples, 12);
    assert_int_equal(n_calls, 12);
    assert_string_equal(reply.sample[0].text, "A/0/7");
    assert_string_equal(reply.sample[1].text, "A/1/7");
    assert_string_equal(reply.sample[2].text, "C/0/7");
    assert_string_equal(reply.sample[11].text, "");
    assert_int_equal(reply.sample[2].i_prompt, 2);
    assert_int_equal(reply.sample[2].end, REEL_LM_END_STOP);
    assert_int_equal(reply.sample[2].n_tokens, 5);
    reel_lm_reply_release(&reply);
    reel_lm_reply_release(&reply); // a second time does no harm
    assert_null(reply.sample);
    reel_lm_close(lm);
}

static bool give_up_second(int32_t i_sample, const char *piece, double logp,
                           void *payload)
{
    (void)piece, (void)logp;
    *(int *)payload += 1;
    return i_sample != 1;
}

static void samples_can_be_given_up(void **state)
{
    (void)state;
    int n_calls = 0, n_told = 0;
    struct reel_lm *lm = scripted(&n_calls);
    const struct reel_lm_prompt prompt = {.text = "A", .n_samples = 2};
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_lm_reply reply;
    struct reel_error err = {0};
    request.prompt = &prompt;
    request.n_prompts = 1;
    request.on_token = give_up_second;
    request.payload = &n_told;
    assert_ok(reel_lm_generate(lm, &request, &reply, &err), err);
    assert_int_equal(reply.sample[1].end, REEL_LM_END_GIVEN_UP);
    assert_string_equal(reply.sample[1].text, "A");
    assert_int_equal(n_told, (int)strlen("A/0/0|rest") + 1);
    reel_lm_reply_release(&reply);
    reel_lm_close(lm);
}

static bool stop_at_second(const char *stage, double done, double total, void *payload)
{
    (void)stage, (void)total, (void)payload;
    return done < 1;
}

static void work_can_be_stopped(void **state)
{
    (void)state;
    int n_calls = 0;
    struct reel_lm *lm = scripted(&n_calls);
    const struct reel_lm_prompt prompt = {.text = "A", .n_samples = 5};
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_lm_reply reply;
    struct reel_error err = {0};
    request.prompt = &prompt;
    request.n_prompts = 1;
    request.progress.report = stop_at_second;
    assert_int_equal(reel_lm_generate(lm, &request, &reply, &err), REEL_ECANCELLED);
    assert_null(reply.sample);
    assert_null(reply.owned);
    assert_int_equal(n_calls, 1);
    reel_lm_close(lm);
}

static void judges_known_bytes_as_likelier(void **state)
{
    (void)state;
    int n_calls = 0;
    struct reel_lm *lm = scripted(&n_calls);
    struct reel_lm_judged judged[] = {{.context = "abc", .text = "cab"},
                                      {.context = "", .text = "cab"}};
    struct reel_error err = {0};
    int32_t n_tokens;
    assert_ok(reel_lm_score(lm, judged, 2, NULL, &err), err);
    assert_true(fabs(judged[0].logp + 0.3) < 1e-12 && judged[1].logp == -3);
    assert_int_equal(judged[0].n_tokens, 3);
    assert_ok(reel_lm_count(lm, "four", &n_tokens, &err), err);
    assert_int_equal(n_tokens, 4);
    assert_int_equal(reel_lm_about(lm)->kind, REEL_LM_SCRIPTED);
    reel_lm_close(lm);
    reel_lm_close(NULL);
}

static void wrong_requests_are_refused(void **state)
{
    (void)state;
    int n_calls = 0;
    struct reel_lm *lm = scripted(&n_calls);
    const struct reel_lm_prompt good = {.text = "A", .n_samples = 1}, no_text = {0},
                                negative = {.text = "A", .n_samples = -1},
                                many = {.text = "A", .n_samples = 1 << 30};
    static const char *const empty_stop[] = {""};
    struct reel_lm_request wrong[13];
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        wrong[i] = reel_lm_request_default();
        wrong[i].prompt = &good;
        wrong[i].n_prompts = 1;
    }
    wrong[0].prompt = &no_text;
    wrong[1].prompt = &negative;
    wrong[2].prompt = &many;
    wrong[3].n_tokens_max = 0;
    wrong[4].temperature = -1;
    wrong[5].temperature = NAN;
    wrong[6].top_k = -1;
    wrong[7].top_p = 1.5;
    wrong[8].min_p = NAN;
    wrong[9].repeat_cost = -1;
    wrong[10].sibling_cost = NAN;
    wrong[11].repeat_window = -1;
    wrong[12].stop = empty_stop;
    wrong[12].n_stops = 1;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct reel_lm_reply reply;
        struct reel_error err = {0};
        assert_int_equal(reel_lm_generate(lm, &wrong[i], &reply, &err), REEL_EINVAL);
        assert_true(err.text[0] != '\0');
        assert_null(reply.owned);
    }
    assert_int_equal(n_calls, 0);
    reel_lm_close(lm);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    struct reel_lm_options wrong[5];
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        wrong[i] = reel_lm_options_default();
    }
    wrong[0].n_threads = 0;
    wrong[1].n_live_max = 0;
    wrong[2].n_live_max = 100000;
    wrong[3].n_cells = -1;
    wrong[4].timeout_ms = 0;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct reel_lm *lm = (struct reel_lm *)&lm;
        struct reel_error err = {0};
        assert_int_equal(reel_lm_open("/nowhere.gguf", &wrong[i], &lm, &err),
                         REEL_EINVAL);
        assert_null(lm);
    }
    struct reel_lm *lm = (struct reel_lm *)&lm;
    struct reel_error err = {0};
    const struct reel_lm_options opt = reel_lm_options_default();
    assert_int_equal(reel_lm_open("/nowhere.gguf", &opt, &lm, &err), REEL_ENOTFOUND);
    assert_null(lm);
    assert_non_null(strstr(err.text, "/nowhere.gguf"));
}

static void survives_every_refused_allocation(void **state)
{
    (void)state;
    const struct reel_lm_prompt prompt = {.text = "A", .n_samples = 3};
    struct reel_lm_request request = reel_lm_request_default();
    request.prompt = &prompt;
    request.n_prompts = 1;
    for (long n = 0;; n++) {
        int n_calls = 0;
        struct reel_lm *lm = NULL;
        struct reel_lm_reply reply = {0};
        struct reel_error err = {0};
        base_alloc_fail_after(n);
        enum reel_status rc = reel_lm_open_scripted(recite, &n_calls, &lm, &err);
        rc = rc ? rc : reel_lm_generate(lm, &request, &reply, &err);
        base_alloc_fail_after(-1);
        if (rc) {
            assert_int_equal(rc, REEL_ENOMEM);
            assert_null(reply.owned);
        }
        reel_lm_reply_release(&reply);
        reel_lm_close(lm);
        if (rc == REEL_OK) {
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop_texts_are_found_across_pieces),
        cmocka_unit_test(characters_are_told_whole),
        cmocka_unit_test(what_was_told_is_the_text),
        cmocka_unit_test(stray_bytes_are_left_out),
        cmocka_unit_test(recites_for_every_sample),
        cmocka_unit_test(samples_can_be_given_up),
        cmocka_unit_test(work_can_be_stopped),
        cmocka_unit_test(judges_known_bytes_as_likelier),
        cmocka_unit_test(wrong_requests_are_refused),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(survives_every_refused_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
