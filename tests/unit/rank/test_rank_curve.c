/** Curves of accuracy: every figure against one worked out by hand. */
#include "rank_fixture.h"

#include <forkreel/curve.h>

static void near(double a, double b)
{
    if (!(fabs(a - b) < 1e-9)) {
        fail_msg("%.15g is not %.15g", a, b);
    }
}

// Surest first: 3 of 4, 1 of 2, none of none, 1 of 4 came true.
static const int64_t n_true[] = {1, 0, 1, 3}, n_false[] = {3, 0, 1, 1};
static const struct reel_outcomes said = {n_true, n_false, 4};

static void roc_equals_one_by_hand(void **state)
{
    (void)state;
    static const double want_x[] = {0, .2, .4, .4, 1}, want_y[] = {0, .6, .8, .8, 1};
    double x[5], y[5], area;
    struct reel_error err;
    assert_ok(reel_roc(&said, x, y, &area, &err), err);
    for (int i = 0; i < 5; i++) {
        near(x[i], want_x[i]);
        near(y[i], want_y[i]);
    }
    near(area, .2 * .6 / 2 + .2 * .7 + .6 * .9);
    const struct reel_outcomes one_kind = {n_true, (const int64_t[4]){0}, 4};
    assert_int_equal(reel_roc(&one_kind, x, y, &area, &err), REEL_EINVAL);
    assert_true(isnan(area) && isnan(x[0]) && isnan(y[4]));
}

// The area is the share of pairs that are ordered right: Mann and Whitney's U, ties half.
static void the_area_is_that_of_all_pairs(void **state)
{
    (void)state;
    enum { N = 50 };
    struct base_rng rng;
    base_rng_init(&rng, 3, 0);
    int64_t t[N], f[N];
    double x[N + 1], y[N + 1], area, right = 0, all = 0;
    struct reel_error err;
    for (int i = 0; i < N; i++) {
        t[i] = (int64_t)(base_rng_double(&rng) * i);
        f[i] = (int64_t)(base_rng_double(&rng) * (N - i));
    }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            all += (double)(t[i] * f[j]);
            right += (double)(t[i] * f[j]) * (i > j ? 1 : i == j ? .5 : 0);
        }
    }
    const struct reel_outcomes random = {t, f, N};
    assert_ok(reel_roc(&random, x, y, &area, &err), err);
    near(area, right / all);
    near(x[N], 1);
    near(y[N], 1);
}

static void bins_of_reliability_are_filled_evenly(void **state)
{
    (void)state;
    struct reel_point bin[4];
    assert_int_equal(reel_reliability_curve(&said, 2, bin), 2);
    assert_int_equal(bin[0].n,
                     6); // 4 are less than half of 10, and an empty step adds none
    near(bin[0].x, (4 * .125 + 2 * .625) / 6);
    near(bin[0].y, 2.0 / 6);
    assert_int_equal(bin[1].n, 4);
    near(bin[1].x, .875);
    near(bin[1].y, .75);
    // Wilson's interval for 3 of 4, from his formula by another program.
    assert_true(fabs(bin[1].low - .3006) < 1e-4 && fabs(bin[1].high - .9544) < 1e-4);
    assert_int_equal(reel_reliability_curve(&said, 4, bin), 3); // an empty step is no bin
    const struct reel_outcomes nothing = {(const int64_t[2]){0}, (const int64_t[2]){0},
                                          2};
    assert_int_equal(reel_reliability_curve(&nothing, 2, bin), 0);
}

static void shares_of_what_was_said_add_up(void **state)
{
    (void)state;
    struct reel_point part[2];
    reel_outcome_shares(&said, 2, part);
    near(part[0].x, .25);
    near(part[1].x, .75);
    assert_int_equal(part[0].n, 4);
    near(part[0].y, .4);
    near(part[1].y, .6);
}

static void means_go_to_the_bucket_of_the_history(void **state)
{
    (void)state;
    static const int64_t start[] = {0, 1, 3, 5, 9};
    static const int32_t col[] = {0, 0, 1, 1, 2, 0, 1, 2, 3};
    static const struct reel_csr history = {4, 4, start, col, NULL};
    static const float value[] = {.5F, .25F, .75F, NAN};
    static const int32_t length_max[] = {1, 3, INT32_MAX};
    struct reel_point point[3];
    reel_curve_by_length(&history, value, length_max, 3, point);
    assert_int_equal(point[0].n, 1);
    near(point[0].y, .5);
    assert_true(isnan(point[0].low) && isnan(point[0].high));
    assert_int_equal(point[1].n, 2);
    near(point[1].x, 1);
    near(point[1].y, .5);
    // Variance .125, so a standard error of .25.
    near(point[1].low, .5 - 1.959963984540054 * .25);
    near(point[1].high, .5 + 1.959963984540054 * .25);
    assert_int_equal(point[2].n, 0); // its only viewer has no value
    assert_true(isnan(point[2].y));
}

/*
 * Five of the eight films, their rows 0 2 3 5 7; popularity 3 2 1 1 0. Lists of two:
 *   viewer 0 has 0, test 2: list 1 2, a hit at place 2; genres {0,3} and {0}: 1/2 apart
 *   viewer 1 has 0 1, test 3: list 2 3, a hit at place 2; {0} and {0,2}: 1/2
 *   viewer 2 has no test film
 *   viewer 3 has 3, test 0 4: list 0 1, a hit at place 1 of two; {1,2} and {0,3}: 1
 */
static const int64_t train_start[] = {0, 1, 3, 6, 7}, test_start[] = {0, 1, 2, 2, 4};
static const int32_t train_col[] = {0, 0, 1, 0, 1, 2, 3}, test_col[] = {2, 3, 0, 4};
static const int32_t film_row[] = {0, 2, 3, 5, 7};
#define TRAIN                              \
    {                                      \
        4, 5, train_start, train_col, NULL \
    }
static const struct reel_csr train = TRAIN;
static const struct reel_split held_back = {
    .train = TRAIN, .known = TRAIN, .test = {4, 5, test_start, test_col, NULL}};

static struct reel_model *popularity(void)
{
    static const int64_t key[] = {3, 8, 13, 34, 89};
    const struct reel_train_options opt = reel_train_options_default();
    const struct reel_training data = {.chosen = train, .film_key = key};
    struct reel_error err;
    struct reel_model *model;
    assert_ok(reel_model_train("popularity", &data, &opt, &model, &err), err);
    return model;
}

static void lists_are_measured_as_by_hand(void **state)
{
    (void)state;
    static const double knob[] = {0, 1};
    struct reel_model *model = popularity();
    struct reel_list_options opt = reel_list_options_default();
    struct reel_point point[2];
    struct reel_error err;
    opt.n = 2;
    assert_ok(reel_curve_by_diversity(model, eight_films(), film_row, &held_back, &opt,
                                      knob, 2, 100, point, &err),
              err);
    const double second = 1 / log2(3), first_of_two = 1 / (1 + second);
    assert_int_equal(point[0].n, 3);
    near(point[0].y, (2 * second + first_of_two) / 3);
    near(point[0].x, (.5 + .5 + 1) / 3);
    assert_true(point[0].low < point[0].y && point[0].y < point[0].high);
    assert_true(point[1].x >= point[0].x); // the knob does what it says
    // Of at most two viewers the first and the third are asked; the third has no test film.
    assert_ok(reel_curve_by_diversity(model, eight_films(), film_row, &held_back, &opt,
                                      knob, 1, 2, point, &err),
              err);
    assert_int_equal(point[0].n, 1);
    near(point[0].y, second);
    assert_true(isnan(point[0].low));
    reel_model_free(model);
}

static void rows_outside_the_table_are_refused(void **state)
{
    (void)state;
    static const int32_t wrong[] = {0, 2, 3, 5, 8};
    static const double knob[] = {0};
    struct reel_model *model = popularity();
    const struct reel_list_options opt = reel_list_options_default();
    struct reel_point point;
    struct reel_error err;
    assert_int_equal(reel_curve_by_diversity(model, eight_films(), wrong, &held_back,
                                             &opt, knob, 1, 100, &point, &err),
                     REEL_EINVAL);
    assert_string_equal(err.text, "column 4 is film 8 of 8");
    reel_model_free(model);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const double knob[] = {.5};
    struct reel_model *model = popularity();
    const struct reel_list_options opt = reel_list_options_default();
    struct reel_point point;
    struct reel_error err;
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc = reel_curve_by_diversity(
            model, eight_films(), film_row, &held_back, &opt, knob, 1, 100, &point, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            assert_true(n > 3);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
    reel_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roc_equals_one_by_hand),
        cmocka_unit_test(the_area_is_that_of_all_pairs),
        cmocka_unit_test(bins_of_reliability_are_filled_evenly),
        cmocka_unit_test(shares_of_what_was_said_add_up),
        cmocka_unit_test(means_go_to_the_bucket_of_the_history),
        cmocka_unit_test(lists_are_measured_as_by_hand),
        cmocka_unit_test(rows_outside_the_table_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
