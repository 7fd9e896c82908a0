/** Films that were seen and never rated are not rated, cold or not. */
#include "unit.h"

#include <forkreel/cold.h>

#include <math.h>

static void what_was_only_seen_is_not_rated(void **state)
{
    (void)state;
    static const int64_t start[] = {0, 3};
    static const int32_t col[] = {0, 1, 2};
    static const float stars[] = {4, NAN, 2};
    static const bool has_text[] = {true, true, true, true};
    static const int64_t start_chosen[] = {0, 1};
    static const int32_t col_chosen[] = {0};
    const struct reel_csr seen = {1, 4, start, col, stars};
    const struct reel_csr chosen = {1, 4, start_chosen, col_chosen, NULL};
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct reel_error err;
        struct reel_cold cold;
        assert_ok(reel_cold_make(&chosen, &seen, has_text, 0.3, seed, &cold, &err), err);
        assert_int_equal(cold.n, 1);
        assert_true(cold.rated.start[1] >= 1);
        for (int64_t e = 0; e < cold.rated.start[1]; e++) {
            assert_true(cold.rated.value[e] > 0);
            assert_int_not_equal(cold.rated.col[e], cold.film[0]);
        }
        reel_cold_release(&cold);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_only_seen_is_not_rated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
