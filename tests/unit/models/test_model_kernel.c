#include "base_alloc.h"
#include "base_rng.h"
#include "model_kernel.h"

#include "unit.h"

#include <math.h>

static float *random_floats(struct base_rng *rng, size_t n)
{
    float *x = base_alloc_aligned(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)base_rng_normal(rng);
    }
    return x;
}

static void assert_close(const float *a, const float *b, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)a[i] - b[i]) <= tolerance * (1 + fabs((double)b[i])))) {
            fail_msg("place %zu: %g is not %g", i, a[i], b[i]);
        }
    }
}

static const size_t widths[] = {16, 32, 48, 64, 128, 272};
static const size_t heights[] = {0, 1, 3, 4, 5, 17, 128};

static void dot_follows_its_formula(void **state)
{
    (void)state;
    struct base_rng rng;
    base_rng_init(&rng, 1, 0);
    for (size_t w = 0; w < COUNT_OF(widths); w++) {
        float *a = random_floats(&rng, widths[w]), *b = random_floats(&rng, widths[w]);
        const float fast = model_dot(a, b, widths[w]);
        const float naive = model_dot_naive(a, b, widths[w]);
        assert_close(&fast, &naive, 1, 1e-5);
        base_free(a);
        base_free(b);
    }
}

static void syrk_adds_the_triangle_of_its_formula(void **state)
{
    (void)state;
    struct base_rng rng;
    base_rng_init(&rng, 2, 0);
    for (size_t w = 0; w < COUNT_OF(widths); w++) {
        const size_t k = widths[w];
        for (size_t h = 0; h < COUNT_OF(heights); h++) {
            float *tile = random_floats(&rng, heights[h] * k);
            float *fast = random_floats(&rng, k * k);
            float *naive = base_alloc_aligned(k * k, sizeof *naive);
            memcpy(naive, fast, k * k * sizeof *naive);
            model_syrk(fast, tile, heights[h], k);
            model_syrk_naive(naive, tile, heights[h], k);
            for (size_t i = 0; i < k; i++) {
                assert_close(fast + i * k + i, naive + i * k + i, k - i, 1e-4);
            }
            base_free(tile);
            base_free(fast);
            base_free(naive);
        }
    }
}

static void cholesky_solves_what_its_formula_solves(void **state)
{
    (void)state;
    struct base_rng rng;
    base_rng_init(&rng, 3, 0);
    for (size_t w = 0; w < COUNT_OF(widths); w++) {
        const size_t k = widths[w];
        float *tile = random_floats(&rng, 2 * k * k);
        float *a = base_alloc_zeroed(k * k, sizeof *a);
        float *a2 = base_alloc_zeroed(k * k, sizeof *a2);
        float *b = random_floats(&rng, k), *b2 = base_alloc_aligned(k, sizeof *b2);
        model_syrk_naive(a, tile, 2 * k, k);
        for (size_t i = 0; i < k; i++) {
            a[i * k + i] += 1;
        }
        memcpy(a2, a, k * k * sizeof *a);
        memcpy(b2, b, k * sizeof *b);
        assert_true(model_cholesky_solve(a, b, k));
        assert_true(model_cholesky_solve_naive(a2, b2, k));
        assert_close(b, b2, k, 1e-3);
        // A pivot below zero is noticed wherever it stands.
        for (size_t bad = 0; bad < k; bad += 13) {
            memset(a, 0, k * k * sizeof *a);
            for (size_t i = 0; i < k; i++) {
                a[i * k + i] = i == bad ? -1 : 1;
            }
            assert_false(model_cholesky_solve(a, b, k));
        }
        base_free(tile);
        base_free(a);
        base_free(a2);
        base_free(b);
        base_free(b2);
    }
}

static void gram_apply_follows_its_formula(void **state)
{
    (void)state;
    struct base_rng rng;
    base_rng_init(&rng, 4, 0);
    enum { N_ROWS = 50 };
    for (size_t w = 0; w < COUNT_OF(widths); w++) {
        const size_t k = widths[w];
        float *rows = random_floats(&rng, N_ROWS * k), *x = random_floats(&rng, k);
        for (size_t h = 0; h < COUNT_OF(heights); h++) {
            int32_t at[128];
            for (size_t e = 0; e < heights[h]; e++) {
                at[e] = (int32_t)base_rng_below(&rng, N_ROWS);
            }
            float *fast = random_floats(&rng, k),
                  *naive = base_alloc_aligned(k, sizeof *naive);
            memcpy(naive, fast, k * sizeof *fast);
            model_gram_apply_at(fast, rows, at, x, 0.7F, -0.3F, heights[h], k);
            model_gram_apply_at_naive(naive, rows, at, x, 0.7F, -0.3F, heights[h], k);
            assert_close(fast, naive, k, 1e-3);
            base_free(fast);
            base_free(naive);
        }
        base_free(rows);
        base_free(x);
    }
}

static void symv_is_rows_times_vector(void **state)
{
    (void)state;
    struct base_rng rng;
    base_rng_init(&rng, 5, 0);
    float *a = random_floats(&rng, 32 * 32), *x = random_floats(&rng, 32), y[32];
    model_symv(y, a, x, 32);
    for (size_t i = 0; i < 32; i++) {
        const float naive = model_dot_naive(a + i * 32, x, 32);
        assert_close(&y[i], &naive, 1, 1e-5);
    }
    base_free(a);
    base_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dot_follows_its_formula),
        cmocka_unit_test(syrk_adds_the_triangle_of_its_formula),
        cmocka_unit_test(cholesky_solves_what_its_formula_solves),
        cmocka_unit_test(gram_apply_follows_its_formula),
        cmocka_unit_test(symv_is_rows_times_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
