/** The cold-film protocol on cases that can be counted by hand. */
#include "base_alloc.h"
#include "base_csr.h"

#include <forkreel/cold.h>

#include "unit.h"

#include <math.h>

enum { N_VIEWERS = 2, N_FILMS = 6 };

// Viewer 0 liked 0 2 4 and gave 2 stars to 1; viewer 1 liked 3, disliked 5, watched 0.
static const int64_t chosen_start[] = {0, 3, 4};
static const int32_t chosen_col[] = {0, 2, 4, 3};
static const int64_t rated_start[] = {0, 4, 7};
static const int32_t rated_col[] = {0, 1, 2, 4, 0, 3, 5};
static const float rated_value[] = {5, 2, 4, 4, NAN, 5, 1};
static const struct reel_csr chosen = {N_VIEWERS, N_FILMS, chosen_start, chosen_col,
                                       NULL};
static const struct reel_csr rated = {N_VIEWERS, N_FILMS, rated_start, rated_col,
                                      rated_value};

static void cold_films_are_known_to_nobody(void **state)
{
    (void)state;
    struct reel_error err;
    const bool has_text[N_FILMS] = {true, true, true, true, false, false};
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct reel_cold cold;
        assert_ok(reel_cold_make(&chosen, &rated, has_text, 0.5, seed, &cold, &err), err);
        assert_int_equal(cold.n, 2);
        assert_true(cold.film[0] < cold.film[1] && cold.film[1] < 4);
        assert_ok(base_csr_check(&cold.chosen, &err), err);
        for (int i = 0; i < 2; i++) {
            for (int32_t v = 0; v < N_VIEWERS; v++) {
                assert_false(base_csr_has(&cold.chosen, v, cold.film[i]));
                assert_false(base_csr_has(&cold.rated, v, cold.film[i]));
            }
        }
        assert_true(base_csr_has(&cold.chosen, 0, 4)); // without a text it stays
        reel_cold_release(&cold);
    }
}

/** All films cold, without drawing them. */
static struct reel_cold all_cold(void)
{
    static const int32_t film[] = {0, 1, 2, 3, 4, 5};
    return (struct reel_cold){
        .film = film, .n = N_FILMS, .chosen = chosen, .rated = rated};
}

static void orders_are_judged_by_pairs(void **state)
{
    (void)state;
    struct reel_error err;
    const struct reel_cold cold = all_cold();
    const float score[] = {6, 5, 4, 3, 2, 1, /* liked at places 1 3 5 */
                           0, 0, 0, 1, 0, 1 /* liked 3 in a tie with the disliked 5 */};
    struct reel_cold_measures m;
    assert_ok(reel_cold_measure(&chosen, &rated, &cold, score, 1, 1, &m, &err), err);
    assert_int_equal(m.n_viewers, 2);
    assert_int_equal(m.n_viewers_disliked, 2);
    // Viewer 0: 3 + 2 + 1 of 9 pairs; viewer 1: 4 and a half of 5.
    assert_true(fabs(m.auc_all - (6 / 9.0 + 4.5 / 5) / 2) < 1e-12);
    // Against film 1 alone: 1 of 3; against film 5 alone: a half.
    assert_true(fabs(m.auc_disliked - (1 / 3.0 + 0.5) / 2) < 1e-12);
    const double ideal = 1 + 1 / log2(3) + 1 / log2(4);
    assert_true(fabs(m.ndcg - ((1 + 1 / log2(4) + 1 / log2(6)) / ideal + 1) / 2) < 1e-12);
}

static void viewers_of_few_films_can_be_left_out(void **state)
{
    (void)state;
    struct reel_error err;
    const struct reel_cold cold = all_cold();
    const float score[N_VIEWERS * N_FILMS] = {0};
    struct reel_cold_measures m;
    assert_ok(reel_cold_measure(&chosen, &rated, &cold, score, 2, 2, &m, &err), err);
    assert_int_equal(m.n_viewers, 1);
    assert_int_equal(m.n_viewers_disliked, 0);
    assert_true(m.auc_all == 0.5 && isnan(m.auc_disliked));
}

static void calibration_is_the_distance_of_what_was_said(void **state)
{
    (void)state;
    struct reel_error err;
    const float p[] = {0.9F, 0.1F, 0.9F, 0.1F};
    const bool is_true[] = {true, false, false, false};
    struct reel_reliability bin[2];
    double ece;
    assert_ok(reel_calibration_error(p, is_true, 4, 2, bin, &ece, &err), err);
    assert_true(fabs(ece - (0.5 * 0.1 + 0.5 * 0.4)) < 1e-6);
    assert_true(bin[0].n == 2 && fabs(bin[0].p - 0.1) < 1e-6 && bin[1].share == 0.5);
    assert_ok(reel_calibration_error(p, is_true, 4, 9, NULL, &ece, &err), err);
    assert_false(isnan(ece)); // more bins than guesses: some are empty
    assert_int_equal(reel_calibration_error(p, is_true, 0, 2, NULL, &ece, &err),
                     REEL_EINVAL);
}

static void wrong_questions_are_refused(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_cold cold;
    const bool nothing[N_FILMS] = {false}, all[N_FILMS] = {true, true, true};
    assert_int_equal(reel_cold_make(&chosen, &rated, nothing, 0.5, 1, &cold, &err),
                     REEL_EINVAL);
    assert_int_equal(reel_cold_make(&chosen, &rated, all, 1, 1, &cold, &err),
                     REEL_EINVAL);
    struct reel_csr other = rated;
    other.n_rows = 1;
    assert_int_equal(reel_cold_make(&chosen, &other, all, 0.5, 1, &cold, &err),
                     REEL_EINVAL);
    assert_null(cold.owned);
}

static void failing_allocations_are_reported(void **state)
{
    (void)state;
    const bool all[N_FILMS] = {true, true, true, true, true, true};
    const float score[N_VIEWERS * N_FILMS] = {0};
    for (long n = 0;; n++) {
        struct reel_error err;
        struct reel_cold cold;
        struct reel_cold_measures m;
        base_alloc_fail_after(n);
        enum reel_status rc = reel_cold_make(&chosen, &rated, all, 0.5, 1, &cold, &err);
        rc = rc ? rc : reel_cold_measure(&chosen, &rated, &cold, score, 1, 1, &m, &err);
        base_alloc_fail_after(-1);
        reel_cold_release(&cold);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cold_films_are_known_to_nobody),
        cmocka_unit_test(orders_are_judged_by_pairs),
        cmocka_unit_test(viewers_of_few_films_can_be_left_out),
        cmocka_unit_test(calibration_is_the_distance_of_what_was_said),
        cmocka_unit_test(wrong_questions_are_refused),
        cmocka_unit_test(failing_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
