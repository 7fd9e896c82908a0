/** The parts of the map against NumPy (tests/parity/map_cases.py) and their naive twins. */
#include "../../parity/map_cases.h"
#include "base_alloc.h"
#include "base_rng.h"
#include "model_calibrate.h"
#include "model_ridge.h"

#include "unit.h"

#include <math.h>

static const struct reel_csr words = {N, N_WORDS, words_start, words_col, words_value};
static const struct reel_feature_block block[] = {
    {.name = "words", .n_rows = N, .n_cols = N_WORDS, .sparse = &words},
    {.name = "dense", .n_rows = N, .n_cols = N_DENSE, .dense = dense}};

static void assert_floats(const char *what, const float *got, const float *expected,
                          size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)got[i] - expected[i]) <=
              tolerance * (1 + fabs((double)expected[i])))) {
            fail_msg("%s: place %zu is %g, not %g", what, i, got[i], expected[i]);
        }
    }
}

struct map {
    struct model_block spec[2];
    float centre[N_DENSE];
    struct model_rows rows;
    int32_t film[N];
    struct base_pool *pool;
    struct model_ridge ridge;
};

static void map_init(struct map *m, int32_t n_threads)
{
    struct reel_error err;
    int32_t n_cols, n_centre;
    *m = (struct map){0};
    assert_ok(model_blocks_describe(block, 2, N, m->spec, &n_cols, &n_centre, &err), err);
    assert_int_equal(n_cols, N_WORDS + N_DENSE);
    assert_int_equal(n_centre, N_DENSE);
    assert_ok(model_blocks_check(m->spec, 2, n_cols, n_centre, &err), err);
    model_blocks_centre(block, m->spec, 2, m->centre);
    assert_ok(model_rows_make(m->spec, 2, m->centre, block, 2, N, &m->rows, &err), err);
    assert_ok(base_pool_create(n_threads, &m->pool, &err), err);
    for (int32_t i = 0; i < N; i++) {
        m->film[i] = i;
    }
    static const float care[N] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    m->ridge = (struct model_ridge){.rows = &m->rows,
                                    .film = m->film,
                                    .n = N,
                                    .n_targets = N_TARGETS,
                                    .target = target,
                                    .noise = noise,
                                    .care = care,
                                    .noise_all = NOISE_ALL,
                                    .pool = m->pool};
}

static void map_release(struct map *m)
{
    base_pool_free(m->pool);
    model_rows_release(&m->rows);
}

static void ridge_is_that_of_numpy(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 2; n_threads++) {
        struct reel_error err;
        struct map m;
        float dual[N_TARGETS * N], held_out[N_TARGETS * N];
        map_init(&m, n_threads);
        assert_ok(model_ridge_fit(&m.ridge, block_weight, dual, held_out, &err), err);
        assert_floats("dual", dual, dual_expected, N_TARGETS * N, 2e-4);
        assert_floats("held out", held_out, held_out_expected, N_TARGETS * N, 2e-4);
        assert_ok(model_ridge_fit_naive(&m.ridge, block_weight, dual, held_out, &err),
                  err);
        assert_floats("naive dual", dual, dual_expected, N_TARGETS * N, 1e-5);
        assert_floats("naive held out", held_out, held_out_expected, N_TARGETS * N, 1e-5);
        map_release(&m);
    }
}

static void map_of_columns_predicts_as_kernel_does(void **state)
{
    (void)state;
    struct map m;
    map_init(&m, 1);
    for (int32_t b = 0; b < 2; b++) {
        float map[N_WORDS * N_TARGETS] = {0};
        for (int32_t i = 0; i < N; i++) {
            float amount[N_TARGETS];
            for (int t = 0; t < N_TARGETS; t++) {
                amount[t] = dual_expected[t * N + i];
            }
            model_rows_spread(&m.rows, b, i, amount, N_TARGETS, map);
        }
        for (int32_t f = 0; f < N; f++) {
            float got[N_TARGETS] = {0}, expected[N_TARGETS] = {0};
            model_rows_project(&m.rows, b, f, map, N_TARGETS, got);
            for (int32_t i = 0; i < N; i++) {
                const double product = model_rows_product_naive(&m.rows, b, f, i);
                for (int t = 0; t < N_TARGETS; t++) {
                    expected[t] += (float)product * dual_expected[t * N + i];
                }
            }
            assert_floats("projection", got, expected, N_TARGETS, 1e-5);
        }
    }
    map_release(&m);
}

static void kinds_that_say_nothing_lose_their_weight(void **state)
{
    (void)state;
    enum { N_FILMS = 80, N_COLS = 4 };
    static float good[N_FILMS * N_COLS], bad[N_FILMS * N_COLS], wanted[N_FILMS];
    static float none[N_FILMS], care[N_FILMS];
    static int32_t film[N_FILMS];
    struct base_rng rng;
    base_rng_init(&rng, 3, 0);
    for (int32_t f = 0; f < N_FILMS; f++) {
        film[f] = f;
        care[f] = 1;
        for (int32_t c = 0; c < N_COLS; c++) {
            good[f * N_COLS + c] = (float)base_rng_normal(&rng);
            bad[f * N_COLS + c] = (float)base_rng_normal(&rng);
        }
        wanted[f] = good[f * N_COLS] > 0 ? 1 : -1;
    }
    const struct reel_feature_block two[] = {
        {.name = "bad", .n_rows = N_FILMS, .n_cols = N_COLS, .dense = bad},
        {.name = "good", .n_rows = N_FILMS, .n_cols = N_COLS, .dense = good}};
    struct reel_error err;
    struct map m;
    struct model_rows rows;
    struct model_block spec[2];
    float centre[2 * N_COLS] = {0}, weight[2], again[2];
    int32_t n_cols, n_centre;
    map_init(&m, 1);
    assert_ok(model_blocks_describe(two, 2, N_FILMS, spec, &n_cols, &n_centre, &err),
              err);
    model_blocks_centre(two, spec, 2, centre);
    assert_ok(model_rows_make(spec, 2, centre, two, 2, N_FILMS, &rows, &err), err);
    struct model_ridge ridge = m.ridge;
    ridge.rows = &rows;
    ridge.film = film;
    ridge.n = N_FILMS;
    ridge.n_targets = 1;
    ridge.target = wanted;
    ridge.noise = none;
    ridge.care = care;
    assert_ok(model_ridge_choose(&ridge, 60, 1, weight, &err), err);
    assert_true(weight[1] > 10 * weight[0]);
    assert_ok(model_ridge_choose(&ridge, 60, 1, again, &err), err);
    assert_memory_equal(weight, again, sizeof weight);
    model_rows_release(&rows);
    map_release(&m);
}

static void logistic_regression_is_that_of_numpy(void **state)
{
    (void)state;
    struct reel_error err;
    float beta[N_INPUTS];
    assert_ok(model_logistic_fit(pair_x, pair_y, pair_weight, NULL, N_PAIRS, N_INPUTS,
                                 PULL, beta, &err),
              err);
    assert_floats("coefficients", beta, beta_expected, N_INPUTS, 1e-4);
    assert_int_equal(model_logistic_fit(pair_x, pair_y, NULL, NULL, 2,
                                        MODEL_LOGISTIC_MAX + 1, PULL, beta, &err),
                     REEL_EINVAL);
}

static void rising_curve_is_that_of_numpy(void **state)
{
    (void)state;
    struct reel_error err;
    struct model_curve curve;
    assert_ok(model_isotonic_fit(point_x, point_y, N_POINTS, &curve, &err), err);
    for (int32_t i = 1; i < curve.n; i++) {
        assert_true(curve.x[i] > curve.x[i - 1] && curve.y[i] > curve.y[i - 1]);
    }
    // A level is a knot at the mean of its points; every point's level is one of the knots.
    for (int i = 0; i < N_POINTS; i++) {
        float nearest = INFINITY;
        for (int32_t k = 0; k < curve.n; k++) {
            nearest = fminf(nearest, fabsf(curve.y[k] - level_expected[i]));
        }
        assert_true(nearest < 1e-5F);
    }
    assert_true(model_curve_at(&curve, -100) == curve.y[0]);
    assert_true(model_curve_at(&curve, 100) == curve.y[curve.n - 1]);
    assert_true(isnan(model_curve_at(&curve, NAN)));
    const float bad[] = {INFINITY, 0};
    assert_int_equal(model_isotonic_fit(bad, bad, 2, &curve, &err), REEL_EINVAL);
    assert_int_equal(model_isotonic_fit(bad, bad, 0, &curve, &err), REEL_EINVAL);
}

static void many_points_become_few_knots(void **state)
{
    (void)state;
    enum { N_MANY = 5000 };
    static float x[N_MANY], y[N_MANY];
    struct base_rng rng;
    base_rng_init(&rng, 8, 0);
    for (int i = 0; i < N_MANY; i++) {
        x[i] = (float)(base_rng_double(&rng) * 4 - 2);
        y[i] = (float)(3 + x[i] + 0.5 * base_rng_normal(&rng));
    }
    struct reel_error err;
    struct model_curve curve;
    assert_ok(model_isotonic_fit(x, y, N_MANY, &curve, &err), err);
    assert_true(curve.n > 10 && curve.n <= MODEL_CURVE_KNOTS);
    for (float at = -1.8F; at < 1.8F; at += 0.3F) {
        assert_true(fabsf(model_curve_at(&curve, at) - 3 - at) < 0.15F);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ridge_is_that_of_numpy),
        cmocka_unit_test(map_of_columns_predicts_as_kernel_does),
        cmocka_unit_test(kinds_that_say_nothing_lose_their_weight),
        cmocka_unit_test(logistic_regression_is_that_of_numpy),
        cmocka_unit_test(rising_curve_is_that_of_numpy),
        cmocka_unit_test(many_points_become_few_knots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
