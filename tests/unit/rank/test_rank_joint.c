#include "rank_fixture.h"

/** In double; cmocka's own compares floats. */
static void assert_near(double a, double b, double epsilon)
{
    assert_true(fabs(a - b) <= epsilon);
}

static const struct reel_joint_weights even = {1, 1, 1};

static void product_is_told_in_logs(void **state)
{
    (void)state;
    // One unit is worth a factor of 100: 100 : 10 : 1 over the three films at hand.
    const float score[] = {2, 1.5F, 1, -INFINITY};
    const struct reel_joint_candidate candidate[] = {
        {.film = 0, .branch = -1, .p_plot = 1, .p_like = 0.5},
        {.film = 1, .branch = 0, .p_plot = 0.25, .p_like = 0.9},
        {.film = 2, .branch = -1, .p_plot = 1, .p_like = 0.8},
        {.film = 0, .branch = 1, .p_plot = 0.5, .p_like = 0.9}};
    struct reel_joint_item item[4];
    struct reel_error err;
    int32_t n;
    assert_ok(reel_joint_rank(candidate, 4, score, 4, 1, &even, 4, item, &n, &err), err);
    assert_int_equal(n, 4);
    static const int32_t order[] = {0, 3, 1, 2};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(item[i].candidate, order[i]);
        assert_near(item[i].film + item[i].plot + item[i].taste, item[i].sum, 1e-12);
    }
    assert_near(item[0].film, log(100.0 / 111), 1e-6);
    assert_near(item[0].plot, 0, 0);
    assert_near(item[0].taste, log(0.5), 1e-12);
    assert_near(item[2].film, log(10.0 / 111), 1e-6);
    assert_near(item[2].plot, log(0.25), 1e-12);
}

static void weights_move_the_order(void **state)
{
    (void)state;
    const float score[] = {2, 1};
    const struct reel_joint_candidate candidate[] = {
        {.film = 0, .branch = -1, .p_plot = 1, .p_like = 0.4},
        {.film = 1, .branch = 0, .p_plot = 0.1, .p_like = 0.9}};
    const struct reel_joint_weights taste = {0, 0, 1}, no_plot = {0.1, 0, 1};
    struct reel_joint_item item[2];
    struct reel_error err;
    int32_t n;
    assert_ok(reel_joint_rank(candidate, 2, score, 2, 1, &even, 2, item, &n, &err), err);
    assert_int_equal(item[0].candidate, 0);
    assert_ok(reel_joint_rank(candidate, 2, score, 2, 1, &taste, 1, item, &n, &err), err);
    assert_int_equal(n, 1);
    assert_int_equal(item[0].candidate, 1);
    assert_near(item[0].sum, log(0.9), 1e-12);
    assert_ok(reel_joint_rank(candidate, 2, score, 2, 1, &no_plot, 2, item, &n, &err),
              err);
    assert_int_equal(item[0].candidate, 1);
}

static void films_without_a_score_count_as_the_last(void **state)
{
    (void)state;
    const float score[] = {2, 1, -INFINITY};
    const struct reel_joint_candidate candidate[] = {
        {.film = 0, .branch = -1, .p_plot = 1, .p_like = 0.5},
        {.film = 1, .branch = -1, .p_plot = 1, .p_like = 0.5},
        {.film = 2, .branch = 0, .p_plot = 1, .p_like = 0.5},
        {.film = -1, .branch = 1, .p_plot = 1, .p_like = 0.5}};
    struct reel_joint_item item[4];
    struct reel_error err;
    int32_t n;
    assert_ok(reel_joint_rank(candidate, 4, score, 3, 1, &even, 4, item, &n, &err), err);
    for (int i = 1; i < 4; i++) {
        assert_near(item[i].film, log(1.0 / 103), 1e-6);
    }
}

static void what_is_out_of_range_is_refused(void **state)
{
    (void)state;
    const float score[] = {1, 0};
    const struct reel_joint_candidate bad[] = {
        {.film = 2, .branch = -1, .p_plot = 1, .p_like = 0.5},
        {.film = 0, .branch = -1, .p_plot = 0, .p_like = 0.5},
        {.film = 0, .branch = -1, .p_plot = 1, .p_like = 1},
        {.film = 0, .branch = -1, .p_plot = NAN, .p_like = 0.5}};
    const struct reel_joint_weights negative = {1, -1, 1};
    struct reel_joint_item item[1];
    struct reel_error err;
    int32_t n = 7;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(
            reel_joint_rank(&bad[i], 1, score, 2, 1, &even, 1, item, &n, &err),
            REEL_EINVAL);
        assert_int_equal(n, 0);
    }
    assert_int_equal(reel_joint_rank(bad, 0, score, 2, 1, &negative, 1, item, &n, &err),
                     REEL_EINVAL);
}

static void shares_say_who_likes_what(void **state)
{
    (void)state;
    // Film 0 is liked by all who saw it, film 1 by none; viewer 0 likes all, viewer 1 little.
    const int64_t seen_start[] = {0, 3, 6, 8};
    const int32_t seen_col[] = {0, 2, 3, 0, 1, 2, 0, 1};
    const int64_t chosen_start[] = {0, 3, 4, 5};
    const int32_t chosen_col[] = {0, 2, 3, 0, 0};
    const struct reel_csr seen = {3, 4, seen_start, seen_col, NULL};
    const struct reel_csr chosen = {3, 4, chosen_start, chosen_col, NULL};
    float mine[4], other[4], nobody[4];
    struct reel_error err;
    assert_ok(reel_joint_like(&seen, &chosen, NULL, 0, mine, &err), err);
    assert_ok(reel_joint_like(&seen, &chosen, NULL, 1, other, &err), err);
    assert_ok(reel_joint_like(&seen, &chosen, NULL, -1, nobody, &err), err);
    for (int f = 0; f < 4; f++) {
        assert_true(mine[f] > nobody[f] && nobody[f] > other[f]);
        assert_true(other[f] > 0 && mine[f] < 1);
    }
    assert_true(nobody[0] > nobody[1]);
    assert_int_equal(reel_joint_like(&seen, &chosen, NULL, 3, mine, &err), REEL_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_is_told_in_logs),
        cmocka_unit_test(weights_move_the_order),
        cmocka_unit_test(films_without_a_score_count_as_the_last),
        cmocka_unit_test(what_is_out_of_range_is_refused),
        cmocka_unit_test(shares_say_who_likes_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
