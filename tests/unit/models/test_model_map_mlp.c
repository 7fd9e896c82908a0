/** The nets of the taste model: right where no line is, and taken apart without a rest. */
#include "base_alloc.h"
#include "base_rng.h"
#include "model_map_mlp.h"

#include "unit.h"

#include <math.h>

enum { N = 240, N_COLS = 2, N_TARGETS = 3, N_HIDDEN = 24 };

/**
 * A row is a direction. Targets: whether both numbers have the same sign, which no line
 * tells; the first number; nothing.
 */
struct lesson {
    float dense[N * N_COLS], centre[N_COLS], target[N_TARGETS * N], care[N_TARGETS * N];
    int32_t film[N];
    struct reel_feature_block block;
    struct model_block spec[1];
    struct model_rows rows;
    struct base_pool *pool;
    struct model_mlp_lesson mlp;
    float coords[N_COLS * N_COLS];
    float *nets, *held_out;
};

static struct lesson *lesson_make(void)
{
    struct lesson *l = test_calloc(1, sizeof *l);
    struct reel_error err;
    struct base_rng rng;
    base_rng_init(&rng, 5, 0);
    for (int32_t i = 0; i < N; i++) {
        const double angle = 2 * acos(-1) * base_rng_double(&rng);
        const double x = cos(angle), y = sin(angle);
        l->dense[i * N_COLS] = (float)x;
        l->dense[i * N_COLS + 1] = (float)y;
        l->target[i] = x * y > 0 ? 1 : -1;
        l->target[N + i] = (float)x;
        l->film[i] = i;
        for (int32_t t = 0; t < N_TARGETS; t++) {
            l->care[t * N + i] = 1;
        }
    }
    l->block = (struct reel_feature_block){
        .name = "v", .n_rows = N, .n_cols = N_COLS, .dense = l->dense};
    int32_t n_cols, n_centre;
    assert_ok(model_blocks_describe(&l->block, 1, N, l->spec, &n_cols, &n_centre, &err),
              err);
    assert_ok(model_rows_make(l->spec, 1, l->centre, &l->block, 1, N, &l->rows, &err),
              err);
    assert_ok(base_pool_create(1, &l->pool, &err), err);
    l->mlp = (struct model_mlp_lesson){.rows = &l->rows,
                                       .film = l->film,
                                       .n = N,
                                       .shape = {N_COLS, N_HIDDEN, N_TARGETS},
                                       .target = l->target,
                                       .care = l->care,
                                       .seed = 3};
    l->nets = test_calloc(model_mlp_n_floats(&l->mlp.shape), sizeof *l->nets);
    l->held_out = test_calloc(N_TARGETS * N, sizeof *l->held_out);
    return l;
}

static enum reel_status learn(struct lesson *l, struct reel_error *err)
{
    const float weight = 1;
    memset(l->coords, 0, sizeof l->coords);
    const enum reel_status rc =
        model_mlp_coords(&l->mlp, l->spec, &weight, l->pool, l->coords, err);
    return rc ? rc
              : model_mlp_train(&l->mlp, l->spec, l->coords, l->nets, l->held_out, err);
}

static void lesson_free(struct lesson *l)
{
    model_rows_release(&l->rows);
    base_pool_free(l->pool);
    test_free(l->nets);
    test_free(l->held_out);
    test_free(l);
}

static void place(const struct lesson *l, int32_t row, float *x)
{
    model_mlp_place(&l->rows, l->spec, l->coords, N_COLS, row, x);
}

// X X^T = U S U^T, so coordinates have the products of rows, all scaled alike.
static void coordinates_keep_products(void **state)
{
    (void)state;
    struct reel_error err;
    struct lesson *l = lesson_make();
    assert_ok(learn(l, &err), err);
    double square = 0;
    for (int32_t i = 0; i < N; i++) {
        float x[N_COLS], y[N_COLS];
        place(l, i, x);
        place(l, (i * 7 + 1) % N, y);
        const double got = (double)x[0] * y[0] + (double)x[1] * y[1];
        const double truth = model_rows_product_naive(&l->rows, 0, i, (i * 7 + 1) % N);
        assert_true(fabs(got - N_COLS * truth) < 1e-4);
        square += ((double)x[0] * x[0] + (double)x[1] * x[1]) / (N * N_COLS);
    }
    assert_true(fabs(square - 1) < 1e-4);
    lesson_free(l);
}

static void films_left_out_are_guessed_where_no_line_can(void **state)
{
    (void)state;
    struct reel_error err;
    struct lesson *l = lesson_make();
    assert_ok(learn(l, &err), err);
    double error[N_TARGETS] = {0};
    for (int32_t i = 0; i < N * N_TARGETS; i++) {
        error[i / N] += pow((double)l->held_out[i] - l->target[i], 2) / N;
    }
    // The best line for the first target is 0, with error 1.
    if (!(error[0] < 0.4 && error[1] < 0.1 && error[2] < 0.02)) {
        fail_msg("errors %g %g %g", error[0], error[1], error[2]);
    }
    lesson_free(l);
}

static void slope_is_the_gradient_and_nothing_is_left(void **state)
{
    (void)state;
    struct reel_error err;
    struct lesson *l = lesson_make();
    assert_ok(learn(l, &err), err);
    const struct model_mlp_shape *shape = &l->mlp.shape;
    const float g[N_TARGETS] = {0.7F, -1.3F, 2}, step = 1e-3F;
    int32_t n_bent = 0;
    for (int32_t i = 0; i < N; i++) {
        float x[N_COLS], slope[N_COLS];
        place(l, i, x);
        double said[3] = {0};
        const float rest = model_mlp_slope(l->nets, shape, x, g, slope);
        for (int32_t c = 0; c < N_COLS; c++) {
            for (int32_t d = 0; d < 3; d++) { // before, at, behind
                float out[N_TARGETS] = {0}, moved[N_COLS] = {x[0], x[1]};
                moved[c] += step * (float)(d - 1);
                model_mlp_add(l->nets, shape, moved, out);
                said[d] =
                    (double)g[0] * out[0] + (double)g[1] * out[1] + (double)g[2] * out[2];
            }
            const double by_steps = (said[2] - said[0]) / (2 * (double)step);
            n_bent += fabs(by_steps - slope[c]) > 2e-2 * (1 + fabs(by_steps));
        }
        const double sum = rest + (double)slope[0] * x[0] + (double)slope[1] * x[1];
        assert_true(fabs(sum - said[1]) < 1e-4 * (1 + fabs(said[1])));
    }
    assert_true(n_bent < N / 5); // a unit that bends within the step
    lesson_free(l);
}

static void another_unit_is_a_line_of_what_was_said(void **state)
{
    (void)state;
    struct reel_error err;
    struct lesson *l = lesson_make();
    assert_ok(learn(l, &err), err);
    const float size[N_TARGETS] = {2, 0, -1}, mean[N_TARGETS] = {1, 5, 0};
    float x[N_COLS], before[N_TARGETS] = {0}, after[N_TARGETS] = {0};
    place(l, 9, x);
    model_mlp_add(l->nets, &l->mlp.shape, x, before);
    model_mlp_rescale(l->nets, &l->mlp.shape, size, mean);
    model_mlp_add(l->nets, &l->mlp.shape, x, after);
    for (int32_t t = 0; t < N_TARGETS; t++) {
        assert_true(fabsf(after[t] - (size[t] * before[t] + mean[t])) < 1e-5F);
    }
    lesson_free(l);
}

static void the_same_seed_learns_the_same_and_no_memory_is_said(void **state)
{
    (void)state;
    struct reel_error err;
    struct lesson *l = lesson_make(), *again = lesson_make();
    assert_ok(learn(l, &err), err);
    assert_ok(learn(again, &err), err);
    assert_memory_equal(l->nets, again->nets,
                        model_mlp_n_floats(&l->mlp.shape) * sizeof *l->nets);
    for (long n = 0; n < 12; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc = learn(l, &err);
        base_alloc_fail_after(-1);
        assert_int_equal(rc, REEL_ENOMEM);
    }
    lesson_free(l);
    lesson_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coordinates_keep_products),
        cmocka_unit_test(films_left_out_are_guessed_where_no_line_can),
        cmocka_unit_test(slope_is_the_gradient_and_nothing_is_left),
        cmocka_unit_test(another_unit_is_a_line_of_what_was_said),
        cmocka_unit_test(the_same_seed_learns_the_same_and_no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
