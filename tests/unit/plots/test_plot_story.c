/** Stories: built, checked, saved and read back, or refused with the place that is wrong. */
#include "unit.h"

#include "base_alloc.h"
#include "base_buffer.h"
#include "plot_sample.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static struct reel_error err;

static struct reel_story *sample(void)
{
    struct reel_story *story;
    assert_ok(sample_build(&story, &err), err);
    return story;
}

/** The story as its file's text; free it. */
static char *text_of(const struct reel_story *story)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    assert_ok(reel_story_write(story, "json", out, &err), err);
    fclose(out);
    return text;
}

static void sample_is_whole(void **state)
{
    (void)state;
    struct reel_story *story = sample();
    assert_int_equal(story->n_nodes, 5);
    assert_int_equal(story->node[3].n_parents, 2);
    assert_int_equal(story->node[3].depth, 2);
    assert_int_equal(strncmp(story->id, "the-last-ferry-2026", 19), 0);
    reel_story_free(story);
    reel_story_free(NULL);
}

static void ids_differ_by_seed_viewer_and_text(void **state)
{
    (void)state;
    struct plot_story_builder *builder[4];
    struct reel_story *story[4];
    struct reel_story head = sample_head();
    struct reel_story_node opening = sample_node(0);
    for (int i = 0; i < 4; i++) {
        opening.text = i == 3 ? "Another beginning." : "A beginning.";
        head.seed = i == 1 ? 5 : 4;
        head.viewer = i == 2 ? "bob" : NULL;
        assert_ok(plot_story_builder_create(&head, &builder[i], &err), err);
        assert_ok(plot_story_builder_add(builder[i], &opening, NULL, &err), err);
        assert_ok(plot_story_builder_finish(&builder[i], &story[i], &err), err);
    }
    assert_string_not_equal(story[0]->id, story[1]->id);
    assert_string_not_equal(story[0]->id, story[2]->id);
    assert_string_not_equal(story[0]->id, story[3]->id);
    for (int i = 0; i < 4; i++) {
        reel_story_free(story[i]);
    }
}

static void copies_outlive_their_originals(void **state)
{
    (void)state;
    struct plot_story_builder *builder;
    struct reel_story head = sample_head(), *story;
    char title[] = "Title", choice[] = "Choose";
    head.title = title;
    head.id = "own-id";
    assert_ok(plot_story_builder_create(&head, &builder, &err), err);
    struct reel_story_node node = sample_node(0);
    assert_ok(plot_story_builder_add(builder, &node, NULL, &err), err);
    node = sample_node(1);
    node.choice = choice;
    int32_t i_node;
    assert_ok(plot_story_builder_add(builder, &node, &i_node, &err), err);
    title[0] = choice[0] = 'X';
    plot_story_builder_node(builder, i_node)->score = .125;
    assert_ok(plot_story_builder_finish(&builder, &story, &err), err);
    assert_null(builder);
    assert_string_equal(story->title, "Title");
    assert_string_equal(story->node[1].choice, "Choose");
    assert_string_equal(story->id, "own-id");
    assert_true(story->node[1].score == .125);
    reel_story_free(story);
}

static void branches_meet_and_depth_follows(void **state)
{
    (void)state;
    struct plot_story_builder *builder;
    const struct reel_story head = sample_head();
    struct reel_story *story;
    assert_ok(plot_story_builder_create(&head, &builder, &err), err);
    for (int32_t i = 0; i < 5; i++) {
        const struct reel_story_node node = sample_node(i);
        assert_ok(plot_story_builder_add(builder, &node, NULL, &err), err);
    }
    assert_ok(plot_story_builder_meet(builder, 4, 0, &err), err);
    assert_ok(plot_story_builder_meet(builder, 4, 0, &err), err); // twice is once
    assert_int_equal(plot_story_builder_meet(builder, 1, 4, &err), REEL_EINVAL);
    assert_ok(plot_story_builder_finish(&builder, &story, &err), err);
    assert_int_equal(story->node[4].n_parents, 2);
    assert_int_equal(story->node[4].parent[0], 0);
    assert_int_equal(story->node[4].depth, 1);
    reel_story_free(story);
}

static void same_number(double x, double y)
{
    assert_true(isnan(x) ? isnan(y) : x == y);
}

static void reading_gives_what_was_written(void **state)
{
    (void)state;
    struct reel_story *story = sample(), *again;
    char *text = text_of(story);
    assert_ok(reel_story_parse(text, strlen(text), "text", &again, &err), err);
    assert_int_equal(again->seed == story->seed, 1);
    assert_int_equal(again->created_s, story->created_s);
    assert_int_equal(again->film_key, 7);
    assert_string_equal(again->premise, sample_premise);
    assert_string_equal(again->entity[0].trait[1], sample_trait[1]);
    assert_int_equal(again->entity[0].gender, 'f');
    assert_int_equal(again->fact[0].object, 2);
    assert_null(again->tone);
    for (int32_t i = 0; i < story->n_nodes; i++) {
        const struct reel_story_node *x = &story->node[i], *y = &again->node[i];
        assert_string_equal(x->text, y->text);
        same_number(x->logp_per_token, y->logp_per_token);
        same_number(x->p_plan, y->p_plan);
        same_number(x->score, y->score);
        same_number(x->diversity, y->diversity);
        assert_int_equal(x->provenance, y->provenance);
        assert_int_equal(x->is_ending, y->is_ending);
    }
    assert_int_equal(again->node[1].check[0].n_failed_candidates, 2);
    assert_string_equal(again->node[1].role[2].role, "place");
    char *text_again = text_of(again);
    assert_string_equal(text, text_again);
    free(text);
    free(text_again);
    reel_story_free(story);
    reel_story_free(again);
}

/** Replace the first `from` by `to`; free it. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    char *out = malloc(strlen(text) + strlen(to) + 1);
    const size_t n = (size_t)(at - text);
    memcpy(out, text, n);
    snprintf(out + n, strlen(text) + strlen(to) + 1 - n, "%s%s", to, at + strlen(from));
    return out;
}

static void wrong_files_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *said;
        enum reel_status rc;
    } cases[] = {
        {"\"parents\": [1, 2]", "\"parents\": [1, 17]", "f: node 3 parent 1: no node 17",
         REEL_EFORMAT},
        {"\"parents\": [1, 2]", "\"parents\": [2, 1]",
         "f: node 3 parent 1: 1 is out of order", REEL_EFORMAT},
        {"\"parents\": [1, 2]", "\"parents\": [1, 1]",
         "f: node 3 parent 1: 1 is out of order", REEL_EFORMAT},
        {"\"parents\": [1, 2]", "\"parents\": [1, 3]", "out of order", REEL_EFORMAT},
        {"\"parents\": [1, 2]", "\"parents\": []", "f: node 3: no parent", REEL_EFORMAT},
        {"\"parents\": [1, 2]", "\"parents\": [1.5]",
         "f: node 3: parent 0 is not a whole", REEL_EFORMAT},
        {"\"parents\": []", "\"parents\": [0]", "f: node 0 parent 0: 0 is out of order",
         REEL_EFORMAT},
        {"\"index\": 2", "\"index\": 3", "f: node 2: its index is not 2", REEL_EFORMAT},
        {"\"depth\": 2", "\"depth\": 1", "f: node 3: depth is 1, not 2", REEL_EFORMAT},
        {"\"forkreel_story\": 1", "\"forkreel_story\": 2", "version 2", REEL_EVERSION},
        {"\"forkreel_story\": 1", "\"forkreel_story\": \"1\"", "no forkreel_story",
         REEL_EFORMAT},
        {"\"language\": \"en\"", "\"language\": \"fr\"", "neither en nor zh",
         REEL_EFORMAT},
        {"\"title\": \"The Last Ferry\"", "\"title\": 5", "title is not a text",
         REEL_EFORMAT},
        {"\"title\": \"The Last Ferry\"", "\"title\": null", "no title", REEL_EFORMAT},
        {"\"tone\": null", "\"mood\": null", "unknown member 'mood'", REEL_EFORMAT},
        {"\"tone\": null", "\"id\": \"x\"", "duplicate object key", REEL_EFORMAT},
        {"\"text\": \"She stays.\"", "\"text\": \"\"", "f: node 4: no text",
         REEL_EFORMAT},
        {"\"text\": \"She stays.\"", "\"txt\": \"\"", "f: node 4: unknown member 'txt'",
         REEL_EFORMAT},
        {"\"choice\": \"Stay\"", "\"choice\": null", "f: node 4: no choice",
         REEL_EFORMAT},
        {"\"ending\": \"tragic\"", "\"ending\": \"sad\"",
         "f: node 4: there is no such ending", REEL_EFORMAT},
        {"\"ending\": null", "\"ending\": \"open\"", "node 0 is an ending", REEL_EFORMAT},
        {"\"p_like\": 0.6", "\"p_like\": 1.6", "p_like is 1.6", REEL_EFORMAT},
        {"\"p_like\": 0.6", "\"p_like\": 0.7", "parts add up to 0.6, p_like is 0.7",
         REEL_EFORMAT},
        {"\"p_like\": 0.6", "\"p_like\": \"0.6\"", "p_like is not a number",
         REEL_EFORMAT},
        {"\"score\": 0.25", "\"score\": 1e999", "", REEL_EFORMAT},
        {"\"a\": \"mara\"", "\"a\": \"nobody\"", "there is no entity 'nobody'",
         REEL_EFORMAT},
        {"\"a\": \"mara\"", "\"hero\": \"mara\"", "there is no role 'hero'",
         REEL_EFORMAT},
        {"\"is\": \"trusts\"", "\"is\": \"likes\"",
         "f: node 1 gained 0: there is no relation 'likes'", REEL_EFORMAT},
        {"\"is\": \"alive\"", "\"is\": \"loves\"", "f: fact 1: 'loves' with object -1",
         REEL_EFORMAT},
        {"\"id\": \"otto\"", "\"id\": \"mara\"", "another entity 'mara'", REEL_EFORMAT},
        {"\"id\": \"otto\"", "\"id\": \"Otto\"", "there is no entity 'otto'",
         REEL_EFORMAT},
        {"\"id\": \"the-last", "\"id\": \"../the-last", "not of [a-z0-9-]", REEL_EFORMAT},
        {"\"kind\": \"place\"", "\"kind\": \"town\"", "there is no kind 'town'",
         REEL_EFORMAT},
        {"\"gender\": \"f\"", "\"gender\": \"x\"", "gender", REEL_EFORMAT},
        {"\"passed\": true", "\"passed\": 1", "neither true nor false", REEL_EFORMAT},
        {"\"dropped\": 2", "\"dropped\": -2", "dropped is -2", REEL_EFORMAT},
        {"2026-", "2026-1", "created is", REEL_EFORMAT},
        {"\"18446744073709551615\"", "\"18446744073709551616\"", "seed is", REEL_EFORMAT},
        {"\"premise\": {", "\"premise\": [{", "", REEL_EFORMAT},
        {"\"provenance\": \"template\"", "\"provenance\": \"magic\"",
         "no such provenance", REEL_EFORMAT},
        {"\"nodes\": [", "\"nodes\": [ ,", "f:", REEL_EFORMAT},
    };
    struct reel_story *story = sample(), *none;
    char *text = text_of(story);
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        char *wrong = replaced(text, cases[c].from, cases[c].to);
        none = story;
        assert_int_equal(reel_story_parse(wrong, strlen(wrong), "f", &none, &err),
                         cases[c].rc);
        assert_null(none);
        if (!strstr(err.text, cases[c].said)) {
            fail_msg("%s -> %s: %s", cases[c].from, cases[c].to, err.text);
        }
        free(wrong);
    }
    for (size_t n = 0; n < strlen(text) - 2; n += 7) { // cut short anywhere
        assert_int_equal(reel_story_parse(text, n, "f", &none, &err), REEL_EFORMAT);
    }
    free(text);
    reel_story_free(story);
}

static void what_is_left_out_is_unknown(void **state)
{
    (void)state;
    static const char json[] =
        "{\"forkreel_story\":1,\"id\":\"s\",\"title\":\"T\",\"language\":\"zh\","
        "\"premise\":{},\"nodes\":[{\"text\":\"\xe5\xbc\x80\xe5\xa4\xb4\"},"
        "{\"parents\":[0],\"choice\":\"c\",\"text\":\"t\"}]}";
    struct reel_story *story;
    assert_ok(reel_story_parse(json, strlen(json), "f", &story, &err), err);
    assert_true(isnan(story->node[1].p_like));
    assert_int_equal(story->node[1].provenance, REEL_BY_PERSON);
    assert_int_equal(story->node[1].depth, 1);
    reel_story_free(story);
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    struct base_buffer buffer;
    struct reel_story *none;
    base_buffer_init(&buffer, 1 << 20);
    for (int i = 0; i < 100000; i++) {
        assert_true(base_buffer_add_char(&buffer, '['));
    }
    assert_int_equal(reel_story_parse(buffer.data, buffer.n_bytes, "f", &none, &err),
                     REEL_EFORMAT);
    base_buffer_release(&buffer);
}

static void check_sees_what_a_file_cannot_hold(void **state)
{
    (void)state;
    struct reel_story *story = sample();
    struct reel_story_node *node = (struct reel_story_node *)&story->node[3];
    node->text = "\xff";
    assert_int_equal(reel_story_check(story, &err), REEL_EFORMAT);
    assert_string_equal(err.text, "node 3: text is not UTF-8 at byte 0");
    node->text = "fine";
    node->score = INFINITY;
    assert_int_equal(reel_story_check(story, &err), REEL_EFORMAT);
    assert_string_equal(err.text, "node 3: score is inf");
    node->score = 0;
    node->is_ending = false;
    assert_int_equal(reel_story_check(story, &err), REEL_EFORMAT);
    node->is_ending = true;
    assert_ok(reel_story_check(story, &err), err);
    ((struct reel_entity *)story->entity)[1].id = "Otto";
    assert_int_equal(reel_story_check(story, &err), REEL_EFORMAT);
    assert_string_equal(err.text, "entity 1: the id is not of [a-z0-9_]");
    reel_story_free(story);
}

static void children_come_best_first(void **state)
{
    (void)state;
    struct reel_story *story = sample();
    int32_t child[4];
    assert_int_equal(reel_story_children(story, 0, child, 4), 2);
    assert_int_equal(child[0], 2);
    assert_int_equal(child[1], 1);
    assert_int_equal(reel_story_children(story, 0, child, 1), 2);
    assert_int_equal(child[0], 2);
    assert_int_equal(reel_story_children(story, 2, child, 4), 2);
    assert_int_equal(child[0], 4);
    assert_int_equal(reel_story_children(story, 4, NULL, 0), 0);
    struct plot_story_links links;
    assert_ok(plot_story_links_init(&links, story, &err), err);
    assert_int_equal(links.start[5], 5);
    assert_int_equal(links.child[links.start[0]], 2);
    assert_int_equal(links.child[links.start[2]], 4);
    assert_int_equal(links.child[links.start[2] + 1], 3);
    plot_story_links_release(&links);
    reel_story_free(story);
}

static void best_path_has_the_largest_mean(void **state)
{
    (void)state;
    struct reel_story *story = sample();
    int32_t path[8];
    assert_int_equal(reel_story_best_path(story, path, 8), 3);
    assert_int_equal(path[1], 2);
    assert_int_equal(path[2], 4); // (.75 + .333) / 2
    // a long way of smaller scores has the larger sum but not the larger mean
    struct reel_story_node *node = (struct reel_story_node *)story->node;
    node[2].score = .5;
    node[4].score = -10;
    node[3].score = .4;
    assert_int_equal(reel_story_best_path(story, path, 8), 3);
    assert_int_equal(path[1], 2);
    assert_int_equal(path[2], 3);
    assert_int_equal(reel_story_best_path(story, path, 1),
                     3); // no more than there is room
    reel_story_free(story);
}

/** Every path of a small random graph against the one that is given. */
static void best_mean(const struct reel_story *story, int32_t at, double sum, int32_t n,
                      double *best)
{
    int32_t child[16];
    const int32_t n_children = reel_story_children(story, at, child, 16);
    for (int32_t c = 0; c < n_children; c++) {
        best_mean(story, child[c], sum + story->node[child[c]].score, n + 1, best);
    }
    if (n_children == 0 && n > 0 && sum / n > *best) {
        *best = sum / n;
    }
}

static void best_path_agrees_with_trying_all(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int round = 0; round < 200; round++) {
        struct plot_story_builder *builder;
        const struct reel_story head = sample_head();
        struct reel_story *story;
        assert_ok(plot_story_builder_create(&head, &builder, &err), err);
        for (int32_t i = 0; i < 12; i++) {
            struct reel_story_node node = sample_node(i ? 1 : 0);
            int32_t parent[2] = {i ? rand_r(&seed) % i : 0, i - 1};
            node.score = (double)(rand_r(&seed) % 1000) / 100 - 5;
            node.parent = parent;
            node.n_parents = i == 0 ? 0 : 1 + (parent[0] < parent[1] && i % 3 == 0);
            assert_ok(plot_story_builder_add(builder, &node, NULL, &err), err);
        }
        assert_ok(plot_story_builder_finish(&builder, &story, &err), err);
        int32_t path[12];
        const int32_t n = reel_story_best_path(story, path, 12);
        double sum = 0, best = -INFINITY;
        for (int32_t i = 1; i < n; i++) {
            sum += story->node[path[i]].score;
        }
        best_mean(story, 0, 0, 0, &best);
        assert_true(fabs(sum / (n - 1) - best) < 1e-12);
        reel_story_free(story);
    }
}

static void saved_stories_load(void **state)
{
    (void)state;
    char folder[] = "/tmp/plot_story_XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s.json", folder);
    struct reel_story *story = sample(), *again;
    assert_int_equal(reel_story_load(path, &again, &err), REEL_ENOTFOUND);
    assert_ok(reel_story_save(story, path, &err), err);
    assert_ok(reel_story_load(path, &again, &err), err);
    assert_string_equal(again->id, story->id);
    reel_story_free(again);
    FILE *empty = fopen(path, "w");
    fclose(empty);
    assert_int_equal(reel_story_load(path, &again, &err), REEL_EFORMAT);
    unlink(path);
    rmdir(folder);
    reel_story_free(story);
}

static void a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/plot_story_XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s.json", folder);
    struct reel_story *story = sample(), *again;
    assert_ok(reel_story_save(story, path, &err), err);
    struct rlimit before, small = {1000, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const enum reel_status rc = reel_story_save(story, path, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(rc, REEL_EIO);
    assert_non_null(strstr(err.text, "cannot be written"));
    assert_ok(reel_story_load(path, &again, &err), err);
    assert_int_equal(again->n_nodes, 5);
    reel_story_free(again);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); // nothing half-written is left
    reel_story_free(story);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    struct reel_story *story = NULL, *again = NULL;
    enum reel_status rc = REEL_ENOMEM;
    for (long n = 0; rc; n++) {
        base_alloc_fail_after(n);
        rc = sample_build(&story, &err);
        base_alloc_fail_after(-1);
        assert_true(rc == REEL_OK || rc == REEL_ENOMEM);
        assert_true((rc == REEL_OK) == (story != NULL));
    }
    char *text = text_of(story);
    rc = REEL_ENOMEM;
    for (long n = 0; rc; n++) {
        base_alloc_fail_after(n);
        rc = reel_story_parse(text, strlen(text), "f", &again, &err);
        base_alloc_fail_after(-1);
        assert_true(rc == REEL_OK || rc == REEL_ENOMEM);
        assert_true((rc == REEL_OK) == (again != NULL));
    }
    free(text);
    reel_story_free(story);
    reel_story_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_is_whole),
        cmocka_unit_test(ids_differ_by_seed_viewer_and_text),
        cmocka_unit_test(copies_outlive_their_originals),
        cmocka_unit_test(branches_meet_and_depth_follows),
        cmocka_unit_test(reading_gives_what_was_written),
        cmocka_unit_test(wrong_files_are_refused_with_their_place),
        cmocka_unit_test(what_is_left_out_is_unknown),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(check_sees_what_a_file_cannot_hold),
        cmocka_unit_test(children_come_best_first),
        cmocka_unit_test(best_path_has_the_largest_mean),
        cmocka_unit_test(best_path_agrees_with_trying_all),
        cmocka_unit_test(saved_stories_load),
        cmocka_unit_test(a_full_disk_leaves_the_old_file),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
