#include "unit.h"
#include "write_sample.h"

#include <forkreel/story.h>

#include <string.h>

static struct reel_error err;

static struct reel_story *grown(const char *language)
{
    struct reel_fork_options opt = reel_fork_options_default();
    struct reel_story *story;
    opt.language = language;
    opt.depth = 2;
    assert_ok(reel_fork_film(write_sample, &opt, &story, &err), err);
    return story;
}

static void persons_take_turns_in_both_languages(void **state)
{
    (void)state;
    static const char *const languages[] = {"en", "zh"};
    for (int l = 0; l < 2; l++) {
        struct reel_story *story = grown(languages[l]);
        for (int32_t node = 0; node < story->n_nodes; node++) {
            struct reel_dialogue d;
            const enum reel_status rc =
                reel_dialogue_make(story, node, NULL, 5, 3, &d, &err);
            if (rc == REEL_EFAIL) {
                continue; // all but one are dead
            }
            assert_ok(rc, err);
            assert_int_equal(d.n_lines, 5);
            for (int32_t i = 0; i < 5; i++) {
                const struct reel_entity *who = &story->entity[d.line[i].entity];
                assert_int_equal(who->kind, REEL_ENTITY_PERSON);
                assert_int_equal(d.line[i].provenance, REEL_BY_TEMPLATE);
                assert_true(*d.line[i].text && !strchr(d.line[i].text, '{'));
            }
            reel_dialogue_release(&d);
        }
        reel_story_free(story);
    }
}

static void same_seed_gives_the_same_lines(void **state)
{
    (void)state;
    struct reel_story *story = grown("en");
    struct reel_dialogue x, y;
    assert_ok(reel_dialogue_make(story, 1, NULL, 4, 9, &x, &err), err);
    assert_ok(reel_dialogue_make(story, 1, NULL, 4, 9, &y, &err), err);
    for (int32_t i = 0; i < 4; i++) {
        assert_string_equal(x.line[i].text, y.line[i].text);
    }
    reel_dialogue_release(&x);
    reel_dialogue_release(&y);
    reel_story_free(story);
}

static const char *speak(const char *prompt, int32_t i_sample, uint64_t seed,
                         void *payload)
{
    static const char *const lines[] = {
        "I never had the money, and you knew it.\" he said",
        "You can keep the bar and the rain that comes in.\"",
        "He said nothing and walked out.\"", "Ask Theodore.\""};
    (void)prompt, (void)seed;
    return lines[*(const int *)payload ? 2 + i_sample % 2 : i_sample % 2];
}

static void model_speaks_where_its_lines_are_fit(void **state)
{
    (void)state;
    int is_bad = 0;
    struct reel_story *story = grown("en");
    struct reel_lm *lm;
    struct reel_dialogue d;
    assert_ok(reel_lm_open_scripted(speak, &is_bad, &lm, &err), err);
    assert_ok(reel_dialogue_make(story, 1, lm, 3, 1, &d, &err), err);
    assert_int_equal(d.line[0].provenance, REEL_BY_MODEL);
    assert_int_equal(d.line[1].provenance, REEL_BY_MODEL);
    assert_string_not_equal(d.line[0].text, d.line[1].text);
    // both lines are said by then
    assert_int_equal(d.line[2].provenance, REEL_BY_TEMPLATE);
    reel_dialogue_release(&d);
    is_bad = 1; // narration, and a name that nobody knows
    assert_ok(reel_dialogue_make(story, 1, lm, 3, 1, &d, &err), err);
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(d.line[i].provenance, REEL_BY_TEMPLATE);
    }
    reel_dialogue_release(&d);
    reel_lm_close(lm);
    reel_story_free(story);
}

static void wrong_nodes_and_numbers_are_refused(void **state)
{
    (void)state;
    struct reel_story *story = grown("en");
    struct reel_dialogue d;
    assert_int_equal(reel_dialogue_make(story, 999, NULL, 4, 1, &d, &err), REEL_EINVAL);
    assert_int_equal(reel_dialogue_make(story, 1, NULL, 0, 1, &d, &err), REEL_EINVAL);
    assert_null(d.line);
    reel_dialogue_release(&d);
    reel_story_free(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(persons_take_turns_in_both_languages),
        cmocka_unit_test(same_seed_gives_the_same_lines),
        cmocka_unit_test(model_speaks_where_its_lines_are_fit),
        cmocka_unit_test(wrong_nodes_and_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
