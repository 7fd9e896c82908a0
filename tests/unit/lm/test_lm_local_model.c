/** The engine with the default model: what only real words can show. Label `model`. */
#include "unit.h"

#include <forkreel/lm.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char story[] =
    "The ferry to the island left once a day, and on the morning of the storm Mara "
    "missed "
    "it. She stood on the pier with her father's violin under her coat and watched the "
    "lights of the boat go small.";

static struct reel_lm *lm;

/** Opens the model for all tests; none of them runs where it is not. */
static int open_model(void **state)
{
    (void)state;
    const char *cache = getenv("FORKREEL_CACHE");
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/models/SmolLM2-135M-Instruct.Q4_1.gguf",
                   cache ? cache : "");
    if (cache && access(path, R_OK) == 0) {
        struct reel_lm_options opt = reel_lm_options_default();
        struct reel_error err = {0};
        opt.n_cells = 1024;
        assert_ok(reel_lm_open(path, &opt, &lm, &err), err);
    }
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    reel_lm_close(lm);
    return 0;
}

static struct reel_lm_reply asked(const struct reel_lm_request *request)
{
    struct reel_lm_reply reply;
    struct reel_error err = {0};
    assert_ok(reel_lm_generate(lm, request, &reply, &err), err);
    return reply;
}

static struct reel_lm_request request_of(const struct reel_lm_prompt *prompt, int32_t n)
{
    struct reel_lm_request request = reel_lm_request_default();
    request.prompt = prompt;
    request.n_prompts = n;
    request.n_tokens_max = 24;
    return request;
}

static struct reel_lm_judged judged(const char *context, const char *text)
{
    struct reel_lm_judged one = {.context = context, .text = text};
    struct reel_error err = {0};
    assert_ok(reel_lm_score(lm, &one, 1, NULL, &err), err);
    return one;
}

static void siblings_share_the_trunk_and_differ(void **state)
{
    (void)state;
    if (!lm) {
        skip();
    }
    const struct reel_lm_prompt prompt = {.text = story, .n_samples = 6};
    const struct reel_lm_request request = request_of(&prompt, 1);
    int32_t n_trunk;
    struct reel_error err = {0};
    assert_ok(reel_lm_count(lm, story, &n_trunk, &err), err);
    struct reel_lm_reply reply = asked(&request);
    assert_int_equal(reply.n_tokens_read + reply.n_tokens_shared, n_trunk);
    assert_true(reply.n_steps <= 23); // the first token comes with the trunk
    for (int a = 0; a < 6; a++) {
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(reply.sample[a].text, reply.sample[b].text);
        }
    }
    reel_lm_reply_release(&reply);
}

static void a_deeper_level_forks_from_its_parent(void **state)
{
    (void)state;
    if (!lm) {
        skip();
    }
    const struct reel_lm_prompt prompt = {.text = story, .n_samples = 3};
    struct reel_lm_request request = request_of(&prompt, 1);
    struct reel_lm_reply parents = asked(&request);
    struct reel_lm_prompt deeper[3];
    char text[3][1000];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(text[i], sizeof text[i], "%s%s", story, parents.sample[i].text);
        deeper[i] = (struct reel_lm_prompt){.text = text[i], .n_samples = 2, .group = i};
    }
    request = request_of(deeper, 3);
    struct reel_lm_reply children = asked(&request);
    // The last token of each is read for its logits, and a word cut in two may be read again.
    assert_in_range(children.n_tokens_read, 1, 12);
    reel_lm_reply_release(&children);
    reel_lm_reply_release(&parents);
}

static void what_is_written_and_judged_agrees(void **state)
{
    (void)state;
    if (!lm) {
        skip();
    }
    const struct reel_lm_prompt prompt = {.text = story, .n_samples = 4};
    const struct reel_lm_request request = request_of(&prompt, 1);
    struct reel_lm_reply reply = asked(&request);
    int n_same = 0;
    for (int s = 0; s < 4; s++) {
        const struct reel_lm_sample *sample = &reply.sample[s];
        const struct reel_lm_judged same = judged(story, sample->text);
        if (same.n_tokens == sample->n_tokens) { // else its text is cut in another way
            assert_true(fabs(same.logp - sample->logp) < 0.02 * fabs(sample->logp));
            n_same++;
        }
    }
    assert_true(n_same > 0);
    reel_lm_reply_release(&reply);
}

static void judges_a_word_at_a_time_alike(void **state)
{
    (void)state;
    if (!lm) {
        skip();
    }
    static const char *const words[] = {" Then", " she", " ran", " back", " home", "."};
    char context[1000];
    double sum = 0;
    (void)snprintf(context, sizeof context, "%s", story);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        sum += judged(context, words[i]).logp;
        (void)snprintf(context + strlen(context), sizeof context - strlen(context), "%s",
                       words[i]);
    }
    const struct reel_lm_judged whole = judged(story, " Then she ran back home.");
    assert_int_equal(whole.n_tokens, 6);
    assert_true(fabs(whole.logp - sum) < 0.01 * fabs(sum));
}

static void a_story_makes_its_own_sentence_likelier(void **state)
{
    (void)state;
    if (!lm) {
        skip();
    }
    static const char fitting[] = " Mara held the violin and waited for another boat.";
    static const char foreign[] = " The stock market closed higher on Friday.";
    const double gain = judged(story, fitting).logp - judged("", fitting).logp;
    const double loss = judged(story, foreign).logp - judged("", foreign).logp;
    assert_true(gain > 5);
    assert_true(loss < gain - 10);
}

static void greedy_words_do_not_depend_on_company(void **state)
{
    (void)state;
    if (!lm) {
        skip();
    }
    // Half precision sums differ with the batch, so a near tie may turn: most must agree.
    const struct reel_lm_prompt alone = {.text = story, .n_samples = 1};
    const struct reel_lm_prompt crowd[] = {
        {.text = story, .n_samples = 5},
        {.text = "Once upon a time there was a wolf who", .n_samples = 3, .group = 1}};
    struct reel_lm_request request = request_of(&alone, 1);
    request.temperature = 0;
    request.sibling_cost = 0;
    struct reel_lm_reply one = asked(&request);
    request.prompt = crowd;
    request.n_prompts = 2;
    struct reel_lm_reply many = asked(&request);
    for (int s = 0; s < 5; s++) {
        assert_memory_equal(many.sample[s].text, one.sample[0].text,
                            strlen(one.sample[0].text) / 2);
        assert_true(fabs(many.sample[s].logp - one.sample[0].logp) <
                    0.2 * fabs(one.sample[0].logp));
    }
    reel_lm_reply_release(&many);
    reel_lm_reply_release(&one);
}

static void an_instruct_model_answers_a_question(void **state)
{
    (void)state;
    if (!lm) {
        skip();
    }
    const struct reel_lm_prompt prompt = {.instruction = "What is the capital of France?",
                                          .n_samples = 1};
    struct reel_lm_request request = request_of(&prompt, 1);
    request.temperature = 0;
    struct reel_lm_reply reply = asked(&request);
    assert_non_null(strstr(reply.sample[0].text, "Paris"));
    assert_int_equal(reply.sample[0].end, REEL_LM_END_STOP);
    assert_null(strstr(reply.sample[0].text, "<|"));
    reel_lm_reply_release(&reply);
}

static void a_full_pool_prunes_the_worst(void **state)
{
    (void)state;
    if (!lm) {
        skip();
    }
    const struct reel_lm_prompt prompt = {.text = story, .n_samples = 24};
    struct reel_lm_request request = request_of(&prompt, 1);
    request.n_tokens_max = 48; // 24 x 48 and the trunk are more than 1024 cells
    struct reel_lm_reply reply = asked(&request);
    int n_pruned = 0, n_whole = 0;
    double pruned = 0, whole = 0;
    for (int s = 0; s < 24; s++) {
        const struct reel_lm_sample *sample = &reply.sample[s];
        const bool is_pruned = sample->end == REEL_LM_END_NO_ROOM;
        n_pruned += is_pruned;
        n_whole += !is_pruned;
        *(is_pruned ? &pruned : &whole) += sample->logp / sample->n_tokens;
    }
    assert_true(n_pruned > 0 && n_whole > 0);
    assert_true(whole / n_whole > pruned / n_pruned);
    reel_lm_reply_release(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siblings_share_the_trunk_and_differ),
        cmocka_unit_test(a_deeper_level_forks_from_its_parent),
        cmocka_unit_test(what_is_written_and_judged_agrees),
        cmocka_unit_test(judges_a_word_at_a_time_alike),
        cmocka_unit_test(a_story_makes_its_own_sentence_likelier),
        cmocka_unit_test(greedy_words_do_not_depend_on_company),
        cmocka_unit_test(an_instruct_model_answers_a_question),
        cmocka_unit_test(a_full_pool_prunes_the_worst),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
