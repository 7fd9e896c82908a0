#include "unit.h"
#include "write_sample.h"

#include "plot_story.h"
#include "plot_world.h"

#include <math.h>

static struct reel_error err;

static struct plot_story_builder *begun(struct plot_world **world, const char *language)
{
    struct plot_story_builder *builder;
    assert_ok(plot_world_create(write_sample, language, world, &err), err);
    const struct reel_story head = {.title = (*world)->title,
                                    .language = language,
                                    .method = "mix",
                                    .premise = (*world)->premise,
                                    .entity = (*world)->entity,
                                    .fact = (*world)->fact,
                                    .n_entities = (*world)->n_entities,
                                    .n_facts = (*world)->n_facts};
    assert_ok(plot_story_builder_create(&head, &builder, &err), err);
    const struct reel_story_node opening = {.text = (*world)->opening,
                                            .logp_per_token = NAN,
                                            .gain_per_token = NAN,
                                            .p_plan = NAN,
                                            .p_like = NAN,
                                            .diversity = NAN,
                                            .provenance = REEL_BY_OPENING};
    assert_ok(plot_story_builder_add(builder, &opening, NULL, &err), err);
    return builder;
}

static void add(struct plot_story_builder *builder, int32_t parent, const char *choice,
                const char *text, double gain)
{
    const struct reel_story_node node = {.parent = &parent,
                                         .n_parents = 1,
                                         .choice = choice,
                                         .text = text,
                                         .logp_per_token = NAN,
                                         .gain_per_token = gain,
                                         .p_plan = NAN,
                                         .p_like = NAN,
                                         .diversity = NAN,
                                         .provenance = REEL_BY_MODEL};
    assert_ok(plot_story_builder_add(builder, &node, NULL, &err), err);
}

static struct reel_story_measures measured(struct plot_story_builder *builder,
                                           struct plot_world *world)
{
    struct reel_story *story;
    struct reel_story_measures measures;
    assert_ok(plot_story_builder_finish(&builder, &story, &err), err);
    const struct reel_story *const one[] = {story};
    assert_ok(reel_story_measure(one, 1, NULL, &measures, &err), err);
    reel_story_free(story);
    plot_world_free(world);
    return measures;
}

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) < 1e-6)) {
        fail_msg("%g is not %g", value, expected);
    }
}

static void faults_are_counted_anew(void **state)
{
    (void)state;
    struct plot_world *world;
    struct plot_story_builder *b = begun(&world, "en");
    add(b, 0, "one", "Ada pushed the drawer shut and said nothing to him.", .5);
    add(b, 0, "two", "Ada pushed the drawer shut and", 1);
    add(b, 0, "three", "Then Theodore came in with a wet umbrella.", NAN);
    add(b, 0, "four", "Now Ada opens the ledger and finds a year of missing ink.", NAN);
    add(b, 0, "five", "艾达走出了门。", NAN);
    add(b, 1, "six", "So Ada pushed the drawer shut and said nothing to her.", NAN);
    add(b, 1, "seven", "Ada waits at the station for the rain to end.", NAN);
    const struct reel_story_measures m = measured(b, world);
    assert_int_equal(m.n_nodes, 7);
    assert_near(m.broken_off, 1 / 7.0);
    assert_near(m.unknown_names, 1 / 7.0);
    assert_near(m.copied, 1 / 7.0);
    assert_near(m.wrong_language, 1 / 7.0);
    assert_near(m.repeated, 1 / 7.0);
    assert_near(m.contradictions, 1 / 7.0); // Ada is at the bar
    assert_near(m.planned_only, 0);
    assert_near(m.choices_differ, 1);
    assert_near(m.gain_per_token, .75);
    assert_near(m.sound, 1 / 7.0);
    assert_near(m.gain_sound, .5);
}

static void siblings_alike_raise_self_bleu(void **state)
{
    (void)state;
    struct plot_world *world;
    struct plot_story_builder *b = begun(&world, "en");
    add(b, 0, "same", "Ada pushed the drawer shut and said nothing.", NAN);
    add(b, 0, "same", "Ada pushed the drawer shut and said nothing.", NAN);
    const struct reel_story_measures alike = measured(b, world);
    assert_near(alike.self_bleu4, 1);
    assert_near(alike.distinct2, .5);
    assert_near(alike.choices_differ, 0);
    assert_true(isnan(alike.gain_per_token));
    b = begun(&world, "en");
    add(b, 0, "one", "Ada pushed the drawer shut and said nothing.", NAN);
    add(b, 0, "two", "Rain fell on every roof of the little harbour town.", NAN);
    const struct reel_story_measures apart = measured(b, world);
    assert_true(apart.self_bleu4 < .1);
    assert_near(apart.distinct2, 1);
}

static void grown_story_has_no_faults(void **state)
{
    (void)state;
    static const char *const languages[] = {"en", "zh"};
    for (int i = 0; i < 2; i++) {
        struct reel_fork_options opt = reel_fork_options_default();
        struct reel_story *story;
        struct reel_story_measures m;
        opt.language = languages[i];
        assert_ok(reel_fork_film(write_sample, &opt, &story, &err), err);
        const struct reel_story *const one[] = {story};
        assert_ok(reel_story_measure(one, 1, NULL, &m, &err), err);
        assert_int_equal(m.n_nodes, story->n_nodes - 1);
        assert_near(m.planned_only, 1);
        assert_near(m.contradictions, 0);
        assert_near(m.wrong_language, 0);
        assert_near(m.choices_differ, 1);
        reel_story_free(story);
    }
}

static void nothing_measures_nothing(void **state)
{
    (void)state;
    struct reel_story_measures m;
    assert_ok(reel_story_measure(NULL, 0, NULL, &m, &err), err);
    assert_int_equal(m.n_nodes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_counted_anew),
        cmocka_unit_test(siblings_alike_raise_self_bleu),
        cmocka_unit_test(grown_story_has_no_faults),
        cmocka_unit_test(nothing_measures_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
