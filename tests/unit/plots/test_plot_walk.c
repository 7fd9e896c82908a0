/** Walks: one step at a time, back again, kept and found again, never off the way. */
#include "unit.h"

#include "base_alloc.h"
#include "plot_sample.h"

#include <stdlib.h>
#include <unistd.h>

static struct reel_error err;
static char path[] = "/tmp/plot_walk_XXXXXX";

static int make_story(void **state)
{
    const int fd = mkstemp(path);
    close(fd);
    return sample_build((struct reel_story **)state, &err);
}

static int free_story(void **state)
{
    unlink(path);
    reel_story_free(*state);
    return 0;
}

static void walk_goes_to_children_only(void **state)
{
    struct reel_walk *walk;
    int32_t n;
    assert_ok(reel_walk_create(*state, &walk, &err), err);
    assert_int_equal(reel_walk_node(walk), 0);
    assert_int_equal(reel_walk_choose(walk, 3, &err), REEL_EINVAL);
    assert_string_equal(err.text, "node 3 does not follow node 0");
    assert_int_equal(reel_walk_choose(walk, -1, &err), REEL_EINVAL);
    assert_int_equal(reel_walk_choose(walk, 99, &err), REEL_EINVAL);
    assert_int_equal(reel_walk_node(walk), 0);
    assert_ok(reel_walk_choose(walk, 2, &err), err);
    assert_ok(reel_walk_choose(walk, 3, &err), err);
    const int32_t *way = reel_walk_path(walk, &n);
    assert_int_equal(n, 3);
    assert_int_equal(way[1], 2);
    assert_true(reel_walk_back(walk));
    assert_true(reel_walk_back(walk));
    assert_false(reel_walk_back(walk));
    assert_int_equal(reel_walk_node(walk), 0);
    reel_walk_free(walk);
    reel_walk_free(NULL);
}

static void walk_is_kept_and_found_again(void **state)
{
    struct reel_walk *walk, *again;
    int32_t n;
    assert_ok(reel_walk_create(*state, &walk, &err), err);
    assert_ok(reel_walk_choose(walk, 2, &err), err);
    assert_ok(reel_walk_choose(walk, 4, &err), err);
    assert_ok(reel_walk_save(walk, path, &err), err);
    assert_ok(reel_walk_load(*state, path, &again, &err), err);
    assert_null(reel_walk_viewer(again));
    reel_walk_free(again);
    assert_ok(reel_walk_set_viewer(walk, "Zoë \"Z\"", &err), err);
    assert_ok(reel_walk_save(walk, path, &err), err);
    assert_ok(reel_walk_load(*state, path, &again, &err), err);
    assert_string_equal(reel_walk_viewer(again), "Zoë \"Z\"");
    assert_int_equal(reel_walk_path(again, &n)[1], 2);
    assert_int_equal(n, 3);
    assert_int_equal(reel_walk_node(again), 4);
    reel_walk_free(walk);
    reel_walk_free(again);
}

// By the definition: over all ways to a node, the product of the shares along it.
static double p_by_ways(const struct reel_story *story, int32_t node)
{
    double p = node == 0;
    for (int32_t k = 0; k < story->node[node].n_parents; k++) {
        const int32_t parent = story->node[node].parent[k];
        int32_t child[64];
        const int32_t n = reel_story_children(story, parent, child, 64);
        double sum = 0;
        for (int32_t c = 0; c < n; c++) {
            sum += story->node[child[c]].p_plan > 0 ? story->node[child[c]].p_plan : 0;
        }
        const double own = story->node[node].p_plan;
        p += p_by_ways(story, parent) * (own > 0 ? own / (sum > 1 ? sum : 1) : 1.0 / n);
    }
    return p;
}

static void probabilities_are_products_along_the_ways(void **state)
{
    const struct reel_story *story = *state;
    struct reel_story_links links;
    double p[64];
    int32_t child[64], n_meeting = 0;
    assert_ok(reel_story_links_make(story, &links, &err), err);
    for (int32_t i = 0; i < story->n_nodes; i++) {
        const int32_t n = reel_story_children(story, i, child, 64);
        assert_int_equal(links.start[i + 1] - links.start[i], n);
        assert_memory_equal(links.child + links.start[i], child,
                            (size_t)n * sizeof *child);
        n_meeting += story->node[i].n_parents > 1;
    }
    assert_true(n_meeting > 0);
    reel_story_probabilities(story, &links, p);
    for (int32_t i = 0; i < story->n_nodes; i++) {
        assert_true(p[i] > 0 && p[i] - p_by_ways(story, i) < 1e-12 &&
                    p_by_ways(story, i) - p[i] < 1e-12);
    }
    reel_story_links_release(&links);
    reel_story_links_release(&links);
}

static void wrong_walks_are_refused(void **state)
{
    const struct reel_story *story = *state;
    static const struct {
        const char *format, *said; /* %s: the story's id */
        enum reel_status rc;
    } cases[] = {
        {"", ":1: ", REEL_EFORMAT},
        {"{}", "no walk through a story", REEL_EFORMAT},
        {"{\"forkreel_walk\":2,\"story\":\"%s\",\"path\":[0]}", "version 2",
         REEL_EVERSION},
        {"{\"forkreel_walk\":1,\"story\":\"x%s\",\"path\":[0]}", "a walk through 'x",
         REEL_EFORMAT},
        {"{\"forkreel_walk\":1,\"story\":\"%s\",\"path\":[]}", "no walk", REEL_EFORMAT},
        {"{\"forkreel_walk\":1,\"story\":\"%s\",\"path\":[1]}", "begin at 0",
         REEL_EFORMAT},
        {"{\"forkreel_walk\":1,\"story\":\"%s\",\"path\":[0,3]}",
         "step 1: node 3 does not follow node 0", REEL_EFORMAT},
        {"{\"forkreel_walk\":1,\"story\":\"%s\",\"path\":[0,4294967298]}", "step 1",
         REEL_EFORMAT},
        {"{\"forkreel_walk\":1,\"story\":\"%s\",\"path\":[0,\"2\"]}", "step 1",
         REEL_EFORMAT},
    };
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        const char *at = strstr(cases[c].format, "%s");
        FILE *out = fopen(path, "w");
        if (at) {
            fprintf(out, "%.*s%s%s", (int)(at - cases[c].format), cases[c].format,
                    story->id, at + 2);
        } else {
            fputs(cases[c].format, out);
        }
        fclose(out);
        struct reel_walk *walk = (struct reel_walk *)&walk;
        assert_int_equal(reel_walk_load(story, path, &walk, &err), cases[c].rc);
        assert_null(walk);
        assert_non_null(strstr(err.text, cases[c].said));
    }
    struct reel_walk *walk;
    assert_int_equal(reel_walk_load(story, "/tmp/no-such-walk", &walk, &err),
                     REEL_ENOTFOUND);
}

static void every_failed_allocation_is_told(void **state)
{
    struct reel_walk *walk = NULL;
    enum reel_status rc = REEL_ENOMEM;
    for (long n = 0; rc; n++) {
        base_alloc_fail_after(n);
        rc = reel_walk_create(*state, &walk, &err);
        base_alloc_fail_after(-1);
        assert_true((rc == REEL_OK) == (walk != NULL));
    }
    reel_walk_free(walk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk_goes_to_children_only),
        cmocka_unit_test(walk_is_kept_and_found_again),
        cmocka_unit_test(probabilities_are_products_along_the_ways),
        cmocka_unit_test(wrong_walks_are_refused),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, make_story, free_story);
}
