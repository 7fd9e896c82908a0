/** Weights of every type that is taken, packed and multiplied, against ggml's own floats. */
#include "unit.h"

#include "base_alloc.h"
#include "base_rng.h"
#include "lm_backend.h"
#include "lm_kernel.h"

#include <math.h>

#ifdef __x86_64__

enum { N_ROWS = 16, N_COLS = 512, N_COLUMNS = 5 };

static float weight[N_ROWS * N_COLS], given[N_ROWS * N_COLS], x[N_COLUMNS * N_COLS];

static void multiplies_weights_of_every_type(void **state)
{
    (void)state;
    static const enum ggml_type types[] = {GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q4_K,
                                           GGML_TYPE_Q5_0, GGML_TYPE_Q5_1, GGML_TYPE_Q5_K,
                                           GGML_TYPE_Q6_K, GGML_TYPE_Q8_0};
    struct base_rng rng;
    base_rng_init(&rng, 1, 0);
    for (int i = 0; i < N_ROWS * N_COLS; i++) {
        weight[i] = (float)(base_rng_normal(&rng) + 0.3);
    }
    for (int i = 0; i < N_COLUMNS * N_COLS; i++) {
        x[i] = (float)base_rng_normal(&rng);
    }
    for (size_t t = 0; t < COUNT_OF(types); t++) {
        assert_true(lm_backend_takes(types[t]));
        const size_t n_row_bytes = ggml_row_size(types[t], N_COLS);
        unsigned char *rows = base_alloc_array(N_ROWS, n_row_bytes);
        assert_int_equal(
            ggml_quantize_chunk(types[t], weight, rows, 0, N_ROWS, N_COLS, NULL),
            N_ROWS * n_row_bytes);
        for (int r = 0; r < N_ROWS; r++) {
            ggml_get_type_traits(types[t])->to_float(rows + (size_t)r * n_row_bytes,
                                                     given + r * N_COLS, N_COLS);
        }
        void *tiles = lm_backend_pack(types[t], rows, N_ROWS, N_COLS);
        void *memory = base_alloc_array(lm_columns_bytes(N_COLUMNS, N_COLS), 1);
        void *scratch = base_alloc_aligned(lm_multiply_bytes(N_COLS), 1);
        float out[N_COLUMNS * N_ROWS];
        struct lm_columns columns;
        lm_columns_lay(&columns, N_COLUMNS, N_COLS, memory);
        lm_columns_round(&columns, x, N_COLS, 0, N_COLUMNS);
        const bool has_4_bits = types[t] == GGML_TYPE_Q4_0 ||
                                types[t] == GGML_TYPE_Q4_1 || types[t] == GGML_TYPE_Q4_K;
        lm_multiply(has_4_bits ? LM_WEIGHT_Q4_1 : LM_WEIGHT_Q8_0, tiles, N_ROWS, &columns,
                    0, N_ROWS / LM_TILE, out, scratch);
        double error = 0, size = 0;
        for (int c = 0; c < N_COLUMNS; c++) {
            for (int r = 0; r < N_ROWS; r++) {
                double sum = 0;
                for (int k = 0; k < N_COLS; k++) {
                    sum += (double)given[r * N_COLS + k] * (double)x[c * N_COLS + k];
                }
                error += (sum - (double)out[c * N_ROWS + r]) *
                         (sum - (double)out[c * N_ROWS + r]);
                size += sum * sum;
            }
        }
        // Activations in 8 bits are off by about half a percent of themselves.
        assert_true(sqrt(error / size) < 0.01);
        base_free(rows);
        base_free(tiles);
        base_free(memory);
        base_free(scratch);
    }
    assert_false(lm_backend_takes(GGML_TYPE_F16));
    assert_false(lm_backend_takes(GGML_TYPE_Q2_K));
}

static void packing_needs_memory(void **state)
{
    (void)state;
    const size_t n_row_bytes = ggml_row_size(GGML_TYPE_Q6_K, N_COLS);
    unsigned char *rows = base_alloc_zeroed(N_ROWS, n_row_bytes);
    void *tiles = NULL;
    long n = 0;
    for (; !tiles; n++) {
        base_alloc_fail_after(n);
        tiles = lm_backend_pack(GGML_TYPE_Q6_K, rows, N_ROWS, N_COLS);
        base_alloc_fail_after(-1);
    }
    assert_true(n > 1);
    base_free(tiles);
    base_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiplies_weights_of_every_type),
        cmocka_unit_test(packing_needs_memory),
    };
    return lm_kernel_is_here() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}

#else

int main(void)
{
    return 0;
}

#endif
