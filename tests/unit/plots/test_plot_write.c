#include "unit.h"
#include "write_sample.h"

#include "lm_engine.h"
#include "plot_write.h"

#include <math.h>

static char *tidied(struct base_arena *arena, const char *text, bool is_zh)
{
    char *tidy = plot_tidy(text, is_zh, arena);
    assert_non_null(tidy);
    return tidy;
}

static void tidying_takes_labels_and_further_paragraphs_off(void **state)
{
    (void)state;
    struct base_arena arena;
    base_arena_init(&arena, 1 << 20);
    assert_string_equal(tidied(&arena, "  Scene: Ada left. \n\nNote: x", false),
                        "Ada left.");
    assert_string_equal(tidied(&arena, "- Scene: Scene: Ada left.", false), "Ada left.");
    assert_string_equal(tidied(&arena, "", false), "");
    base_arena_release(&arena);
}

static void tidying_gives_chinese_its_own_punctuation(void **state)
{
    (void)state;
    struct base_arena arena;
    base_arena_init(&arena, 1 << 20);
    assert_string_equal(tidied(&arena, "场景：艾达说:\"走吧.\"他 走了.", true),
                        "艾达说：“走吧。”他走了。");
    base_arena_release(&arena);
}

static void sentences_are_counted_and_cut(void **state)
{
    (void)state;
    struct base_arena arena;
    base_arena_init(&arena, 1 << 20);
    const char *text = "Ada left. \"Why?\" he asked. Nobody";
    assert_int_equal(plot_sentences_count(text), 3);
    assert_string_equal(plot_sentences(text, 1, &arena), "Ada left.");
    assert_string_equal(plot_sentences(text, 2, &arena), "Ada left. \"Why?\" he asked.");
    assert_string_equal(plot_sentences(text, 9, &arena), text);
    assert_int_equal(plot_sentences_count("艾达走了。“为什么？”他问。"), 3);
    assert_int_equal(plot_sentences_count(""), 0);
    base_arena_release(&arena);
}

/* ---- a level with an engine that recites ---- */

struct fixture {
    struct plot_world *world;
    struct plot_graph graph;
    const struct plot_schema *schema;
    struct reel_fork_options opt;
    struct base_arena arena;
    struct reel_error err;
    const char *const *answer; /* by sample; NULL ends them */
};

static const char *recite(const char *prompt, int32_t i_sample, uint64_t seed,
                          void *payload)
{
    (void)prompt, (void)seed;
    const struct fixture *f = payload;
    int32_t n = 0;
    while (f->answer[n]) {
        n++;
    }
    return f->answer[i_sample % n];
}

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.opt = reel_fork_options_default()};
    base_arena_init(&f.arena, 1 << 24);
    if (plot_world_create(write_sample, "en", &f.world, &f.err) ||
        plot_graph_init(&f.graph, f.world, &f.err) ||
        plot_schema_get(&f.schema, &f.err) ||
        reel_lm_open_scripted(recite, &f, &f.opt.lm, &f.err)) {
        print_error("%s\n", f.err.text);
        return 1;
    }
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    reel_lm_close(f->opt.lm);
    plot_graph_release(&f->graph);
    plot_world_free(f->world);
    base_arena_release(&f->arena);
    return 0;
}

static int32_t entity(const struct fixture *f, const char *id)
{
    int32_t e = 0;
    while (strcmp(f->world->entity[e].id, id) != 0) {
        e++;
    }
    return e;
}

/** What is written for "Ada begs Bruno ..." when the engine gives these answers. */
static struct plot_slot written(struct fixture *f, const char *const *answer)
{
    static struct plot_step step;
    static const char *told[1];
    struct plot_writer *writer;
    told[0] = f->world->opening;
    step = (struct plot_step){
        .event = plot_schema_find(f->schema, "quarrel"),
        .role = {entity(f, "ada"), entity(f, "bruno"), -1, -1, -1, -1},
        .p = 1,
        .sentence = "Ada and Bruno quarrel over the missing pages.",
        .choice = "Quarrel",
    };
    struct plot_slot slot = {.scene = {.before = &f->graph,
                                       .after = &f->graph,
                                       .step = &step,
                                       .told = told,
                                       .n_told = 1},
                             .n_wanted = 1};
    const struct reel_progress silent = {0};
    f->answer = answer;
    assert_ok(plot_writer_create(f->world, &f->opt, &writer, &f->err), f->err);
    assert_ok(plot_write_level(writer, &slot, 1, &f->arena, &silent, &f->err), f->err);
    plot_writer_free(writer);
    assert_int_equal(slot.n_written, 1);
    return slot;
}

static void scene_begins_with_the_planned_sentence(void **state)
{
    static const char *const answer[] = {
        " The lamp over the bar went out and nobody moved.\n\nBeginning: more", NULL};
    const struct plot_slot slot = written(*state, answer);
    assert_string_equal(
        slot.written[0].text,
        "Ada and Bruno quarrel over the missing pages. The lamp over the bar "
        "went out and nobody moved.");
    assert_int_equal(slot.written[0].provenance, REEL_BY_MODEL);
    assert_false(isnan(slot.written[0].gain_per_token));
}

static void text_that_says_the_plan_again_is_dropped(void **state)
{
    static const char *const answer[] = {
        " So Ada and Bruno quarrel over the missing pages of it.", "", NULL};
    const struct plot_slot slot = written(*state, answer);
    assert_int_equal(slot.written[0].provenance, REEL_BY_TEMPLATE);
    assert_int_equal(slot.n_failed[PLOT_CHECK_COPIES_PROMPT], 4);
    assert_int_equal(slot.n_failed[PLOT_CHECK_EMPTY], 4);
}

static void text_that_turns_the_words_of_the_plan_is_dropped(void **state)
{
    static const char *const answer[] = {
        " Over the missing pages Bruno and Ada quarrel again.", "", NULL};
    const struct plot_slot slot = written(*state, answer);
    assert_int_equal(slot.written[0].provenance, REEL_BY_TEMPLATE);
    assert_int_equal(slot.n_failed[PLOT_CHECK_COPIES_PROMPT], 4);
}

/** A judge to whom no story makes any text likelier. */
static enum reel_status judge_unmoved(struct reel_lm *lm, struct reel_lm_judged *judged,
                                      int32_t n, const struct reel_progress *progress,
                                      struct reel_error *err)
{
    (void)lm, (void)progress, (void)err;
    for (int32_t i = 0; i < n; i++) {
        judged[i].n_tokens = 1;
        judged[i].logp = -1;
    }
    return REEL_OK;
}

static void what_the_story_makes_no_likelier_is_dropped(void **state)
{
    struct fixture *f = *state;
    static const char *const answer[] = {
        " The lamp over the bar went out and nobody moved.", NULL};
    const struct lm_engine_calls *calls = f->opt.lm->calls;
    struct lm_engine_calls unmoved = *calls;
    unmoved.score = judge_unmoved;
    f->opt.lm->calls = &unmoved;
    const struct plot_slot slot = written(f, answer);
    f->opt.lm->calls = calls;
    assert_int_equal(slot.written[0].provenance, REEL_BY_TEMPLATE);
}

static void last_sentence_that_breaks_off_is_given_up(void **state)
{
    static const char *const answer[] = {
        " The lamp over the bar went out and nobody moved. Then the door", NULL};
    const struct plot_slot slot = written(*state, answer);
    assert_string_equal(
        slot.written[0].text,
        "Ada and Bruno quarrel over the missing pages. The lamp over the bar "
        "went out and nobody moved.");
}

static void planned_sentence_stands_when_nothing_passes(void **state)
{
    static const char *const answer[] = {" As a language model, I cannot write that.",
                                         " Then Theodore came in and shot at the lamp.",
                                         NULL};
    const struct plot_slot slot = written(*state, answer);
    assert_string_equal(slot.written[0].text,
                        "Ada and Bruno quarrel over the missing pages.");
    assert_int_equal(slot.written[0].provenance, REEL_BY_TEMPLATE);
    assert_int_equal(slot.n_failed[PLOT_CHECK_AS_ASSISTANT], 4);
    assert_int_equal(slot.n_failed[PLOT_CHECK_UNKNOWN_NAME], 4);
}

static void one_good_candidate_of_eight_is_enough(void **state)
{
    static const char *const answer[] = {
        " Then",
        " Then",
        " Then",
        " Then",
        " Then",
        " Then",
        " Then",
        " Cora's gloves lay on the bar, and neither of them had seen her come in.",
        NULL};
    const struct plot_slot slot = written(*state, answer);
    assert_int_equal(slot.written[0].provenance, REEL_BY_MODEL);
    assert_non_null(strstr(slot.written[0].text, "gloves"));
}

static void chinese_is_asked_only_of_a_model_that_knows_it(void **state)
{
    struct fixture *f = *state;
    static const char *const answer[] = {"x", NULL};
    bool knows = false;
    f->answer = answer;
    // it finds a byte at most 1 nat surprising: 3 for a character
    assert_ok(plot_knows_language(f->opt.lm, "zh", &knows, &f->err), f->err);
    assert_true(knows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tidying_takes_labels_and_further_paragraphs_off),
        cmocka_unit_test(tidying_gives_chinese_its_own_punctuation),
        cmocka_unit_test(sentences_are_counted_and_cut),
        cmocka_unit_test(scene_begins_with_the_planned_sentence),
        cmocka_unit_test(text_that_says_the_plan_again_is_dropped),
        cmocka_unit_test(text_that_turns_the_words_of_the_plan_is_dropped),
        cmocka_unit_test(what_the_story_makes_no_likelier_is_dropped),
        cmocka_unit_test(last_sentence_that_breaks_off_is_given_up),
        cmocka_unit_test(planned_sentence_stands_when_nothing_passes),
        cmocka_unit_test(one_good_candidate_of_eight_is_enough),
        cmocka_unit_test(chinese_is_asked_only_of_a_model_that_knows_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
