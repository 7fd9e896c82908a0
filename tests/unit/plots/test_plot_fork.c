#include "unit.h"
#include "write_sample.h"

#include "base_alloc.h"

#include <forkreel/story.h>

#include <math.h>
#include <stdio.h>

static struct reel_error err;

static struct reel_story *grown(const struct reel_fork_options *opt)
{
    struct reel_story *story = NULL;
    assert_ok(reel_fork_film(write_sample, opt, &story, &err), err);
    assert_ok(reel_story_check(story, &err), err);
    assert_true(story->n_nodes > 1);
    return story;
}

static struct reel_fork_options small(void)
{
    struct reel_fork_options opt = reel_fork_options_default();
    opt.depth = 2;
    opt.n_branches = 2;
    opt.seed = 11;
    return opt;
}

static void story_without_a_model_is_planned_sentences(void **state)
{
    (void)state;
    struct reel_fork_options opt = small();
    opt.depth = 3;
    opt.n_branches = 3;
    struct reel_story *story = grown(&opt);
    assert_null(story->model);
    assert_int_equal(story->node[0].provenance, REEL_BY_OPENING);
    int32_t n_children = 0, child[8];
    for (int32_t i = 1; i < story->n_nodes; i++) {
        const struct reel_story_node *node = &story->node[i];
        assert_int_equal(node->provenance, REEL_BY_TEMPLATE);
        assert_string_equal(node->text, node->plan);
        assert_true(node->depth >= 1 && node->depth <= 3);
        assert_true(node->p_plan > 0 && isnan(node->p_like) &&
                    isnan(node->gain_per_token));
        assert_true(fabs(node->score - log(node->p_plan)) < 1e-9);
    }
    n_children = reel_story_children(story, 0, child, 8);
    assert_int_equal(n_children, 3);
    for (int32_t i = 0; i < n_children; i++) {
        for (int32_t j = 0; j < i; j++) {
            assert_string_not_equal(story->node[child[i]].choice,
                                    story->node[child[j]].choice);
        }
    }
    reel_story_free(story);
}

static void same_seed_gives_the_same_story(void **state)
{
    (void)state;
    const struct reel_fork_options opt = small();
    struct reel_story *x = grown(&opt), *y = grown(&opt);
    assert_int_equal(x->n_nodes, y->n_nodes);
    for (int32_t i = 0; i < x->n_nodes; i++) {
        assert_string_equal(x->node[i].text, y->node[i].text);
        assert_true(!(x->node[i].score < y->node[i].score) &&
                    !(x->node[i].score > y->node[i].score));
    }
    reel_story_free(x);
    reel_story_free(y);
}

static void chinese_story_is_chinese(void **state)
{
    (void)state;
    struct reel_fork_options opt = small();
    opt.language = "zh";
    struct reel_story *story = grown(&opt);
    for (int32_t i = 0; i < story->n_nodes; i++) {
        for (const char *at = story->node[i].text; *at; at++) {
            assert_false((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z'));
        }
    }
    reel_story_free(story);
}

/* ---- with an engine that recites ---- */

static const char *recite(const char *prompt, int32_t i_sample, uint64_t seed,
                          void *payload)
{
    static const char *const scenes[] = {
        " The rain had stopped, and for once the room was quiet.",
        " Somewhere below a door opened and shut again.",
        " The lamp burned low, and the clock over the bar had stopped at nine.",
    };
    int *n_asked = payload;
    (void)prompt, (void)seed;
    ++*n_asked;
    return scenes[i_sample % 3];
}

static const char *ramble(const char *prompt, int32_t i_sample, uint64_t seed,
                          void *payload)
{
    (void)prompt, (void)i_sample, (void)seed, (void)payload;
    return " In this film the camera shows Theodore and";
}

static void model_tells_what_was_planned(void **state)
{
    (void)state;
    struct reel_fork_options opt = small();
    int n_asked = 0;
    assert_ok(reel_lm_open_scripted(recite, &n_asked, &opt.lm, &err), err);
    struct reel_story *story = grown(&opt);
    assert_string_equal(story->model, "scripted");
    assert_true(n_asked >= 8 * (story->n_nodes - 1));
    for (int32_t i = 1; i < story->n_nodes; i++) {
        const struct reel_story_node *node = &story->node[i];
        assert_int_equal(node->provenance, REEL_BY_MODEL);
        assert_true(strlen(node->text) > strlen(node->plan));
        assert_false(isnan(node->gain_per_token));
        assert_true(fabs(node->score - log(node->p_plan) - node->gain_per_token) < 1e-9);
        assert_true(node->n_checks > 0);
    }
    reel_story_free(story);
    reel_lm_close(opt.lm);
}

static void planned_sentences_stand_behind_a_model_that_rambles(void **state)
{
    (void)state;
    struct reel_fork_options opt = small();
    assert_ok(reel_lm_open_scripted(ramble, NULL, &opt.lm, &err), err);
    struct reel_story *story = grown(&opt);
    for (int32_t i = 1; i < story->n_nodes; i++) {
        int32_t n_failed = 0;
        assert_int_equal(story->node[i].provenance, REEL_BY_TEMPLATE);
        for (int32_t c = 0; c < story->node[i].n_checks; c++) {
            assert_true(story->node[i].check[c].is_passed);
            n_failed += story->node[i].check[c].n_failed_candidates;
        }
        assert_true(n_failed >= 8);
    }
    reel_story_free(story);
    reel_lm_close(opt.lm);
}

static void free_text_has_no_event_and_is_checked(void **state)
{
    (void)state;
    struct reel_fork_options opt = small();
    int n_asked = 0;
    opt.method = REEL_METHOD_TEXT;
    assert_ok(reel_lm_open_scripted(recite, &n_asked, &opt.lm, &err), err);
    struct reel_story *story = grown(&opt);
    assert_string_equal(story->method, "text");
    for (int32_t i = 1; i < story->n_nodes; i++) {
        assert_null(story->node[i].event);
        assert_null(story->node[i].plan);
        assert_true(isnan(story->node[i].p_plan));
        assert_true(*story->node[i].choice);
    }
    reel_story_free(story);
    reel_lm_close(opt.lm);
    assert_ok(reel_lm_open_scripted(ramble, NULL, &opt.lm, &err), err);
    assert_ok(reel_fork_film(write_sample, &opt, &story, &err), err);
    assert_int_equal(story->n_nodes, 1); // nothing passed, and nothing was planned
    reel_story_free(story);
    reel_lm_close(opt.lm);
}

static void plain_way_takes_what_comes(void **state)
{
    (void)state;
    struct reel_fork_options opt = small();
    opt.method = REEL_METHOD_PLAIN;
    assert_ok(reel_lm_open_scripted(ramble, NULL, &opt.lm, &err), err);
    struct reel_story *story = grown(&opt);
    assert_int_equal(story->n_nodes, 1 + 2 + 4);
    for (int32_t i = 1; i < story->n_nodes; i++) {
        assert_string_equal(story->node[i].text,
                            "In this film the camera shows Theodore and");
        assert_int_equal(story->node[i].n_checks, 0);
    }
    reel_story_free(story);
    reel_lm_close(opt.lm);
}

/* ---- callbacks and options ---- */

static enum reel_status like_all(const struct reel_branch *branch, int32_t n,
                                 struct reel_branch_score *out, void *payload,
                                 struct reel_error *e)
{
    (void)e;
    for (int32_t i = 0; i < n; i++) {
        assert_true(*branch[i].text && *branch[i].event && branch[i].event_genres);
        out[i] = (struct reel_branch_score){.p_like = .5, .n_parts = 2};
        snprintf(out[i].part[0].name, sizeof out[i].part[0].name, "words");
        snprintf(out[i].part[1].name, sizeof out[i].part[1].name, "genres");
        out[i].part[0].value = .375;
        out[i].part[1].value = .125;
        ++*(int *)payload;
    }
    return REEL_OK;
}

static void scores_have_their_parts(void **state)
{
    (void)state;
    struct reel_fork_options opt = small();
    int n_scored = 0;
    opt.scorer = (struct reel_branch_scorer){like_all, &n_scored};
    opt.weight_like = 2;
    struct reel_story *story = grown(&opt);
    assert_int_equal(n_scored, story->n_nodes - 1);
    for (int32_t i = 1; i < story->n_nodes; i++) {
        const struct reel_story_node *node = &story->node[i];
        assert_int_equal(node->n_parts, 2);
        assert_true(fabs(node->part[0].value + node->part[1].value - node->p_like) <
                    1e-9);
        assert_true(fabs(node->score - log(node->p_plan) - 2 * log(.5)) < 1e-9);
    }
    reel_story_free(story);
}

static void count_node(const struct reel_story_node *node, int32_t i_node, void *payload)
{
    int32_t *n = payload;
    assert_int_equal(i_node, *n);
    assert_true(*node->text);
    ++*n;
}

static void every_node_is_told_when_it_is_done(void **state)
{
    (void)state;
    struct reel_fork_options opt = small();
    int32_t n = 0;
    opt.on_node = count_node;
    opt.payload = &n;
    struct reel_story *story = grown(&opt);
    assert_int_equal(n, story->n_nodes);
    reel_story_free(story);
}

static bool stop_at_second(const char *stage, double done, double total, void *payload)
{
    assert_string_equal(stage, "nodes");
    assert_true(done >= 0 && total > 0);
    return ++*(int *)payload < 2;
}

static void growing_can_be_stopped(void **state)
{
    (void)state;
    struct reel_fork_options opt = small();
    struct reel_story *story = NULL;
    int n = 0;
    opt.progress = (struct reel_progress){stop_at_second, &n};
    assert_int_equal(reel_fork_film(write_sample, &opt, &story, &err), REEL_ECANCELLED);
    assert_null(story);
}

static void without_merging_every_node_has_one_parent(void **state)
{
    (void)state;
    struct reel_fork_options opt = small();
    opt.depth = 3;
    opt.n_branches = 4;
    struct reel_story *merged = grown(&opt);
    opt.is_merging = false;
    struct reel_story *apart = grown(&opt);
    assert_true(merged->n_nodes <= apart->n_nodes);
    for (int32_t i = 1; i < apart->n_nodes; i++) {
        assert_int_equal(apart->node[i].n_parents, 1);
    }
    reel_story_free(merged);
    reel_story_free(apart);
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    struct reel_story *story = NULL;
    struct reel_fork_options opt = small();
    opt.n_branches = 0;
    assert_int_equal(reel_fork_film(write_sample, &opt, &story, &err), REEL_EINVAL);
    opt = small();
    opt.depth = 30;
    opt.n_branches = 5;
    assert_int_equal(reel_fork_film(write_sample, &opt, &story, &err), REEL_EINVAL);
    opt = small();
    opt.method = REEL_METHOD_TEXT;
    assert_int_equal(reel_fork_film(write_sample, &opt, &story, &err), REEL_EINVAL);
    assert_string_equal(err.text, "method text needs a language model");
    opt = small();
    assert_int_equal(reel_fork_film("{", &opt, &story, &err), REEL_EFORMAT);
    assert_null(story);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct reel_fork_options opt = small();
    opt.depth = 1;
    for (long n = 0;; n += 1 + n / 8) {
        struct reel_story *story = NULL;
        base_alloc_fail_after(n);
        const enum reel_status rc = reel_fork_film(write_sample, &opt, &story, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            reel_story_free(story);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_null(story);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(story_without_a_model_is_planned_sentences),
        cmocka_unit_test(same_seed_gives_the_same_story),
        cmocka_unit_test(chinese_story_is_chinese),
        cmocka_unit_test(model_tells_what_was_planned),
        cmocka_unit_test(planned_sentences_stand_behind_a_model_that_rambles),
        cmocka_unit_test(free_text_has_no_event_and_is_checked),
        cmocka_unit_test(plain_way_takes_what_comes),
        cmocka_unit_test(scores_have_their_parts),
        cmocka_unit_test(every_node_is_told_when_it_is_done),
        cmocka_unit_test(growing_can_be_stopped),
        cmocka_unit_test(without_merging_every_node_has_one_parent),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
