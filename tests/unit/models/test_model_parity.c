/** Models against NumPy (tests/parity/model_cases.py), and ALS against its own promises. */
#include "../../parity/model_cases.h"
#include "base_alloc.h"
#include "model_als.h"
#include "model_bpr.h"
#include "model_fixture.h"

#include <math.h>

static const struct reel_csr ones_csr = {N_VIEWERS, N_FILMS, ones_start, ones_col, NULL};
static const struct reel_csr valued_csr = {N_VIEWERS, N_FILMS, valued_start, valued_col,
                                           valued_value};

static void assert_floats(const char *what, const float *got, const float *expected,
                          size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)got[i] - expected[i]) <=
              2e-4 * (1 + fabs((double)expected[i])))) {
            fail_msg("%s: place %zu is %g, NumPy has %g", what, i, got[i], expected[i]);
        }
    }
}

static void assert_scores_at(const char *name, const char *settings,
                             const struct reel_csr *chosen, const int64_t *at_s,
                             const float *expected)
{
    for (int32_t n_threads = 1; n_threads <= 2; n_threads++) {
        struct reel_error err;
        const struct reel_training data = {.chosen = *chosen, .at_s = at_s};
        struct reel_train_options opt = reel_train_options_default();
        opt.n_threads = n_threads;
        assert_ok(reel_settings_parse(name, settings, &opt, &err), err);
        struct reel_model *model;
        assert_ok(reel_model_train(name, &data, &opt, &model, &err), err);
        for (int32_t u = 0; u < N_VIEWERS; u++) {
            float score[N_FILMS];
            const struct reel_query q = query_of(chosen, u);
            assert_ok(reel_model_score(model, &q, score, &err), err);
            assert_floats(name, score, expected + u * N_FILMS, N_FILMS);
        }
        reel_model_free(model);
    }
}

static void assert_scores(const char *name, const char *settings,
                          const struct reel_csr *chosen, const float *expected)
{
    assert_scores_at(name, settings, chosen, NULL, expected);
}

static void ease_scores_are_those_of_numpy(void **state)
{
    (void)state;
    assert_scores("ease", "regularization=2.5", &valued_csr, ease_scores);
}

static void ease_by_nearness_scores_like_numpy(void **state)
{
    (void)state;
    int64_t at_s[COUNT_OF(age_days)];
    for (size_t e = 0; e < COUNT_OF(age_days); e++) {
        at_s[e] = 1000000000 - 86400 * age_days[e];
    }
    assert_scores_at("ease",
                     "regularization=2.5 near=3456000 near_in=seconds near_share=0.6",
                     &valued_csr, at_s, ease_near_scores);
    assert_scores_at("ease", "regularization=2.5 near=3", &valued_csr, at_s,
                     ease_place_scores);
}

static void neighbours_score_like_numpy(void **state)
{
    (void)state;
    assert_scores("item-knn", "neighbours=4 shrink=0.5", &valued_csr, item_scores);
    assert_scores("item-knn", "neighbours=3 shrink=0", &ones_csr, item_scores_ones);
    assert_scores("user-knn", "neighbours=5 shrink=1.25", &valued_csr, user_scores);
    assert_scores("user-knn", "neighbours=100 shrink=0", &ones_csr, user_scores_ones);
}

static void bpr_steps_like_numpy(void **state)
{
    (void)state;
    float v[3 * K];
    memcpy(v, bpr_before, sizeof v);
    for (int i = 0; i < 3; i++) {
        bpr_step(v, v + K, v + 2 * K, K, K - 1, 0.05F, 0.1F);
    }
    assert_floats("three steps", v, bpr_after, 3 * K);
}

static void recent_popularity_is_that_of_numpy(void **state)
{
    (void)state;
    enum { N_ENTRIES = COUNT_OF(age_days), LATEST_S = 1000000000 };
    int64_t at_s[N_ENTRIES];
    for (int e = 0; e < N_ENTRIES; e++) {
        at_s[e] = LATEST_S - 86400 * age_days[e];
    }
    struct reel_error err;
    struct reel_train_options opt = reel_train_options_default();
    const struct reel_training data = {.chosen = ones_csr, .at_s = at_s};
    struct reel_model *model;
    assert_ok(reel_settings_parse("popularity", "half_life_days=90", &opt, &err), err);
    assert_ok(reel_model_train("popularity", &data, &opt, &model, &err), err);
    float score[N_FILMS];
    const struct reel_query nobody = {0};
    assert_ok(reel_model_score(model, &nobody, score, &err), err);
    assert_floats("popularity", score, popularity_scores, N_FILMS);
    reel_model_free(model);
}

static void assert_half_step(const struct als_params *params,
                             const struct reel_csr *chosen, const float *expected,
                             int n_repeats)
{
    struct reel_error err;
    struct base_pool *pool;
    float solved[N_VIEWERS * K] __attribute__((aligned(64))) = {0};
    assert_ok(base_pool_create(2, &pool, &err), err);
    for (int i = 0; i < n_repeats; i++) {
        assert_ok(als_half_step(params, chosen, fixed, solved, pool, &err), err);
    }
    assert_floats("half a step", solved, expected, N_VIEWERS * K);
    base_pool_free(pool);
}

static void als_solves_rows_like_numpy_by_every_solver(void **state)
{
    (void)state;
    struct als_params params = {.weighting = ALS_CONFIDENCE,
                                .k = K,
                                .alpha = 4,
                                .regularization = 0.7,
                                .n_cg_steps = 40,
                                .n_block = 16};
    // One block of all dimensions is exact; conjugate gradient is in enough steps.
    for (int solver = ALS_CHOLESKY; solver <= ALS_BLOCK; solver++) {
        params.solver = (enum als_solver)solver;
        assert_half_step(&params, &valued_csr, als_confidence, 1);
        assert_half_step(&params, &ones_csr, als_confidence_ones, 1);
    }
    params.weighting = ALS_FREQUENCY;
    params.alpha = 0.3;
    params.regularization = 0.05;
    params.exponent = 0.8;
    for (int solver = ALS_CHOLESKY; solver <= ALS_BLOCK; solver++) {
        params.solver = (enum als_solver)solver;
        assert_half_step(&params, &valued_csr, als_frequency, 1);
    }
}

static void als_loss_falls_with_every_iteration(void **state)
{
    (void)state;
    struct base_csr m = world(120, 60, 4, 10, 1);
    const char *const solvers[] = {"solver=cholesky", "solver=cg",
                                   "solver=block block=16"};
    const char *const weightings[] = {
        "weighting=confidence regularization=2",
        "weighting=frequency alpha=0.2 regularization=0.01"};
    for (size_t s = 0; s < COUNT_OF(solvers); s++) {
        for (size_t w = 0; w < COUNT_OF(weightings); w++) {
            double last = INFINITY;
            for (int n = 1; n <= 6; n++) {
                struct reel_error err;
                struct reel_train_options opt = reel_train_options_default();
                const struct reel_training data = {.chosen = m.csr};
                char settings[200];
                (void)snprintf(settings, sizeof settings,
                               "factors=20 iterations=%d %s %s", n, solvers[s],
                               weightings[w]);
                assert_ok(reel_settings_parse("als", settings, &opt, &err), err);
                struct reel_model *model;
                assert_ok(reel_model_train("als", &data, &opt, &model, &err), err);
                const double loss = als_loss(model, &m.csr);
                assert_true(loss < last * (1 + 1e-6));
                last = loss;
                reel_model_free(model);
            }
        }
    }
    base_csr_release(&m);
}

static void als_loss_is_the_sum_over_all_cells(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_train_options opt = reel_train_options_default();
    const struct reel_training data = {.chosen = valued_csr};
    struct reel_model *model;
    assert_ok(reel_settings_parse("als",
                                  "factors=16 iterations=3 alpha=4 regularization=0.7",
                                  &opt, &err),
              err);
    assert_ok(reel_model_train("als", &data, &opt, &model, &err), err);
    const float *x = model_floats(model, MODEL_VIEWER_VECTORS);
    const float *y = model_floats(model, MODEL_FILM_VECTORS);
    double expected = 0;
    for (int u = 0; u < N_VIEWERS; u++) {
        int64_t e = valued_start[u];
        for (int i = 0; i < N_FILMS; i++) {
            double s = 0;
            for (int f = 0; f < K; f++) {
                s += (double)x[u * K + f] * y[i * K + f];
            }
            const bool is_chosen = e < valued_start[u + 1] && valued_col[e] == i;
            const double c = is_chosen ? 4 * (double)valued_value[e++] : 1;
            expected += c * (is_chosen - s) * (is_chosen - s);
        }
    }
    for (int i = 0; i < N_VIEWERS * K; i++) {
        expected += 0.7 * x[i] * x[i];
    }
    for (int i = 0; i < N_FILMS * K; i++) {
        expected += 0.7 * y[i] * y[i];
    }
    assert_true(fabs(als_loss(model, &valued_csr) - expected) < 1e-4 * expected);
    reel_model_free(model);
}

static void als_folds_a_viewer_in_as_training_left_him(void **state)
{
    (void)state;
    struct base_csr m = world(80, 40, 4, 8, 3);
    struct reel_error err;
    struct reel_train_options opt = reel_train_options_default();
    const struct reel_training data = {.chosen = m.csr};
    struct reel_model *model;
    assert_ok(reel_settings_parse("als", "factors=16 iterations=3 regularization=2", &opt,
                                  &err),
              err);
    assert_ok(reel_model_train("als", &data, &opt, &model, &err), err);
    for (int32_t u = 0; u < 80; u++) {
        float vector[K];
        const struct reel_query q = query_of(&m.csr, u);
        assert_ok(model->class_->viewer_vector(model, &q, vector, &err), err);
        assert_floats("vector", vector, model_floats(model, MODEL_VIEWER_VECTORS) + u * K,
                      K);
    }
    reel_model_free(model);
    base_csr_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ease_scores_are_those_of_numpy),
        cmocka_unit_test(ease_by_nearness_scores_like_numpy),
        cmocka_unit_test(neighbours_score_like_numpy),
        cmocka_unit_test(bpr_steps_like_numpy),
        cmocka_unit_test(recent_popularity_is_that_of_numpy),
        cmocka_unit_test(als_solves_rows_like_numpy_by_every_solver),
        cmocka_unit_test(als_loss_falls_with_every_iteration),
        cmocka_unit_test(als_loss_is_the_sum_over_all_cells),
        cmocka_unit_test(als_folds_a_viewer_in_as_training_left_him),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
