#include "rank_fixture.h"

enum { LIKE = 1 << REEL_EVENT_LIKE, DISLIKE = 1 << REEL_EVENT_DISLIKE };

static const int64_t start[] = {0, 4, 4, 7};
static const int32_t col[] = {0, 2, 3, 5, 1, 2, 4};
static const float stars[] = {4, 3.5F, NAN, 5, NAN, NAN, 2};
static const int64_t at_s[] = {10, 11, 12, 13, 14, 15, 16};
static const uint8_t mark[] = {
    1 << REEL_EVENT_RATE, LIKE | 1 << REEL_EVENT_RATE, LIKE, DISLIKE,
    LIKE | DISLIKE,       1 << REEL_EVENT_WATCH,       LIKE};
static const struct reel_csr seen = {3, 6, start, col, stars};

static void stars_decide_and_a_like_stands_in_for_them(void **state)
{
    (void)state;
    struct reel_chosen chosen;
    assert_int_equal(reel_chosen_make(&seen, at_s, mark, 4, &chosen, NULL), REEL_OK);
    const int64_t want_start[] = {0, 3, 3, 3};
    const int32_t want_col[] = {0, 3, 5};
    const int64_t want_at_s[] = {10, 12, 13};
    assert_int_equal(chosen.chosen.n_rows, 3);
    assert_int_equal(chosen.chosen.n_cols, 6);
    assert_memory_equal(chosen.chosen.start, want_start, sizeof want_start);
    assert_memory_equal(chosen.chosen.col, want_col, sizeof want_col);
    assert_memory_equal(chosen.at_s, want_at_s, sizeof want_at_s);
    assert_null(chosen.chosen.value);
    reel_chosen_release(&chosen);
    assert_null(chosen.owned);
}

static void times_marks_and_stars_may_be_missing(void **state)
{
    (void)state;
    struct reel_chosen chosen;
    assert_int_equal(reel_chosen_make(&seen, NULL, NULL, 3.5, &chosen, NULL), REEL_OK);
    assert_int_equal(chosen.chosen.start[3], 3);
    assert_null(chosen.at_s);
    reel_chosen_release(&chosen);

    const struct reel_csr no_stars = {3, 6, start, col, NULL};
    assert_int_equal(reel_chosen_make(&no_stars, NULL, mark, 4, &chosen, NULL), REEL_OK);
    assert_int_equal(chosen.chosen.start[3], 3); // films 2, 3 and 4 are marked as liked
    assert_int_equal(chosen.chosen.col[2], 4);
    reel_chosen_release(&chosen);
}

static void an_empty_matrix_gives_an_empty_one(void **state)
{
    (void)state;
    const int64_t none[] = {0};
    const struct reel_csr empty = {0, 0, none, NULL, NULL};
    struct reel_chosen chosen;
    assert_int_equal(reel_chosen_make(&empty, NULL, NULL, 4, &chosen, NULL), REEL_OK);
    assert_int_equal(chosen.chosen.start[0], 0);
    reel_chosen_release(&chosen);
}

static void a_malformed_matrix_is_refused(void **state)
{
    (void)state;
    const int32_t wrong[] = {0, 2, 3, 6, 1, 2, 4};
    const struct reel_csr broken = {3, 6, start, wrong, stars};
    struct reel_chosen chosen;
    struct reel_error err;
    assert_int_equal(reel_chosen_make(&broken, at_s, mark, 4, &chosen, &err),
                     REEL_EINVAL);
    assert_null(chosen.owned);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        struct reel_chosen chosen;
        base_alloc_fail_after(n);
        const enum reel_status rc = reel_chosen_make(&seen, at_s, mark, 4, &chosen, NULL);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            assert_true(n > 2);
            reel_chosen_release(&chosen);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_null(chosen.owned);
    }
}

static void what_else_was_done_weighs(void **state)
{
    (void)state;
    static const int64_t begin[] = {0, 6, 7};
    static const int32_t film[] = {0, 1, 2, 3, 4, 5, 0};
    static const float given[] = {4, NAN, NAN, 2, NAN, 5, 5};
    const uint8_t marks[] = {1u << REEL_EVENT_RATE, LIKE, LIKE,
                             1u << REEL_EVENT_RATE, LIKE, 1u << REEL_EVENT_RATE,
                             1u << REEL_EVENT_RATE};
    static const uint16_t kinds[] = {1u << REEL_EVENT_REPLAY,
                                     1u << REEL_EVENT_WATCH,
                                     1u << REEL_EVENT_SKIP | 1u << REEL_EVENT_CHOOSE,
                                     0,
                                     0,
                                     0,
                                     0};
    static const float share[] = {0.2F, 0.6F, NAN, NAN, 0.1F, NAN, NAN};
    const struct reel_csr entries = {2, 6, begin, film, given};
    struct reel_error err;
    struct reel_chosen chosen;
    assert_ok(reel_chosen_make(&entries, NULL, marks, 4, &chosen, &err), err);
    assert_ok(reel_chosen_weigh(&entries, kinds, share, &chosen, &err), err);
    static const float wanted[] = {1.5F, 0.6F, 0.6F, 0.3F, 1, 1};
    assert_int_equal(chosen.chosen.start[2], 6);
    for (int i = 0; i < 6; i++) {
        assert_float_equal(chosen.chosen.value[i], wanted[i], 1e-6);
    }
    reel_chosen_release(&chosen);

    static const uint16_t nothing[7] = {0};
    static const float unknown[] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    assert_ok(reel_chosen_make(&entries, NULL, marks, 4, &chosen, &err), err);
    assert_ok(reel_chosen_weigh(&entries, nothing, unknown, &chosen, &err), err);
    assert_null(chosen.chosen.value);
    reel_chosen_release(&chosen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_else_was_done_weighs),
        cmocka_unit_test(stars_decide_and_a_like_stands_in_for_them),
        cmocka_unit_test(times_marks_and_stars_may_be_missing),
        cmocka_unit_test(an_empty_matrix_gives_an_empty_one),
        cmocka_unit_test(a_malformed_matrix_is_refused),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
