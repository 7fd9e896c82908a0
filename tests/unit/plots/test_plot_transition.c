/** Transitions are counted over the beats of premises. */
#include "base_alloc.h"
#include "plot_worlds.h"
#include "unit.h"

#include <forkreel/story.h>

static double weight_of(const struct reel_transition *t, int32_t n, const char *from,
                        const char *to)
{
    for (int32_t i = 0; i < n; i++) {
        if (!strcmp(t[i].from, from) && !strcmp(t[i].to, to)) {
            return t[i].weight;
        }
    }
    return 0;
}

static void transitions_are_counted_over_premises_in_either_language(void **state)
{
    (void)state;
    const char *const premise[] = {world_harbour, world_two, world_alone, world_harbour};
    struct reel_transition *t;
    int32_t n;
    struct reel_error err;
    assert_ok(reel_transitions_learn(premise, 4, &t, &n, &err), err);
    assert_true(weight_of(t, n, "threat", "promise") == 2);
    assert_true(weight_of(t, n, "", "threat") == 2);
    assert_true(weight_of(t, n, "", "survival") == 1);
    assert_true(weight_of(t, n, "promise", "threat") == 0);
    double sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += t[i].weight;
    }
    assert_true(sum == 7 + 1 + 1 + 7);
    reel_transitions_free(t, n);
    assert_ok(reel_transitions_learn(premise, 0, &t, &n, &err), err);
    assert_int_equal(n, 0);
    reel_transitions_free(t, n);
}

static void a_bad_premise_is_refused(void **state)
{
    (void)state;
    const char *const premise[] = {world_two, "{}"};
    struct reel_transition *t;
    int32_t n;
    struct reel_error err;
    assert_int_equal(reel_transitions_learn(premise, 2, &t, &n, &err), REEL_EFORMAT);
    assert_null(t);
    for (long i = 0;; i++) {
        base_alloc_fail_after(i);
        const enum reel_status rc = reel_transitions_learn(premise, 1, &t, &n, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
    reel_transitions_free(t, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transitions_are_counted_over_premises_in_either_language),
        cmocka_unit_test(a_bad_premise_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
