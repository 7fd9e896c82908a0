#include "rank_fixture.h"
#include "rank_select.h"

static void equal_scores_are_ordered_by_index(void **state)
{
    (void)state;
    const float score[] = {1, 3, 3, 2, 3, 2};
    int32_t index[6];
    assert_int_equal(rank_select(score, NULL, 6, 4, index), 4);
    const int32_t want[] = {1, 2, 4, 3};
    assert_memory_equal(index, want, sizeof want);
}

static void what_is_not_finite_is_never_selected(void **state)
{
    (void)state;
    const float score[] = {NAN, INFINITY, 1, -INFINITY, 2};
    int32_t index[5];
    assert_int_equal(rank_select(score, NULL, 5, 5, index), 2);
    assert_int_equal(index[0], 4);
    assert_int_equal(index[1], 2);
}

static void selection_equals_its_naive_twin(void **state)
{
    (void)state;
    struct base_rng rng;
    base_rng_init(&rng, 5, 0);
    for (int round = 0; round < 400; round++) {
        float score[90];
        uint8_t allowed[90];
        int32_t fast[95], naive[95];
        const int32_t n = (int32_t)base_rng_below(&rng, 91);
        const int32_t n_top = (int32_t)base_rng_below(&rng, 95);
        for (int32_t i = 0; i < n; i++) {
            const uint32_t kind = base_rng_below(&rng, 20); // few values: many ties
            score[i] = kind == 0 ? (float)NAN : kind == 1 ? -INFINITY : (float)kind;
            allowed[i] = base_rng_below(&rng, 5) != 0;
        }
        const uint8_t *mask = round % 3 ? allowed : NULL;
        const int32_t n_fast = rank_select(score, mask, n, n_top, fast);
        assert_int_equal(rank_select_naive(score, mask, n, n_top, naive), n_fast);
        assert_memory_equal(fast, naive, (size_t)n_fast * sizeof *fast);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_scores_are_ordered_by_index),
        cmocka_unit_test(what_is_not_finite_is_never_selected),
        cmocka_unit_test(selection_equals_its_naive_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
