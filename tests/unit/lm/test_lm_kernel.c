/** Products and attention against their naive twins, on random shapes. */
#include "unit.h"

#include "base_alloc.h"
#include "base_rng.h"
#include "lm_kernel.h"

#include <math.h>
#include <stdlib.h>

#ifdef __x86_64__

static void fill_bytes(struct base_rng *rng, unsigned char *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        at[i] = (unsigned char)base_rng_u64(rng);
    }
}

/** Half precision numbers of moderate size, either sign. */
static uint16_t half(struct base_rng *rng)
{
    return (uint16_t)((base_rng_u64(rng) & 0x83ff) | (8 + base_rng_below(rng, 6)) << 10);
}

static unsigned char *random_rows(struct base_rng *rng, enum lm_weight type,
                                  int64_t n_rows, int64_t n_cols)
{
    const size_t n_block_bytes = type == LM_WEIGHT_Q4_1 ? 20 : 34;
    const size_t n_blocks = (size_t)(n_rows * n_cols / LM_BLOCK);
    unsigned char *rows = base_alloc_array(n_blocks, n_block_bytes);
    assert_non_null(rows);
    fill_bytes(rng, rows, n_blocks * n_block_bytes);
    for (size_t b = 0; b < n_blocks; b++) {
        const uint16_t scale = half(rng), least = half(rng);
        memcpy(rows + b * n_block_bytes, &scale, 2);
        if (type == LM_WEIGHT_Q4_1) {
            memcpy(rows + b * n_block_bytes + 2, &least, 2);
        }
        for (size_t k = 2; type == LM_WEIGHT_Q8_0 && k < 34; k++) {
            unsigned char *weight = rows + b * n_block_bytes + k;
            *weight = *weight == 0x80 ? 0x81 : *weight; // ggml never writes -128
        }
    }
    return rows;
}

/** Floats that are whole eighths within +-15: rounding them to 8 bits loses nothing. */
static void fill_columns(struct base_rng *rng, float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const int32_t whole = (int32_t)base_rng_below(rng, 255) - 127;
        x[i] = (float)(i % LM_BLOCK == 0 ? 127 : whole) / 8;
    }
}

static void multiply_agrees_with_its_twin(void **state)
{
    (void)state;
    static const struct {
        int64_t n_rows, n_cols, n_columns;
    } shapes[] = {{8, 32, 1},   {8, 64, 4},  {24, 96, 5},
                  {64, 576, 8}, {8, 32, 33}, {40, 160, 3}};
    struct base_rng rng;
    base_rng_init(&rng, 1, 0);
    for (size_t s = 0; s < COUNT_OF(shapes); s++) {
        for (enum lm_weight type = LM_WEIGHT_Q4_1; type <= LM_WEIGHT_Q8_0; type++) {
            const int64_t n_rows = shapes[s].n_rows, n_cols = shapes[s].n_cols,
                          n = shapes[s].n_columns;
            unsigned char *rows = random_rows(&rng, type, n_rows, n_cols);
            void *packed = base_alloc_array(lm_packed_bytes(type, n_rows, n_cols), 1);
            void *memory = base_alloc_array(lm_columns_bytes(n, n_cols), 1);
            void *scratch = base_alloc_aligned(lm_multiply_bytes(n_cols), 1);
            float *x = base_alloc_array((size_t)(n * n_cols), sizeof *x);
            float *fast = base_alloc_array((size_t)(n * n_rows), sizeof *fast);
            float *naive = base_alloc_array((size_t)(n * n_rows), sizeof *naive);
            struct lm_columns columns;
            fill_columns(&rng, x, n * n_cols);
            lm_pack(type, rows, n_rows, n_cols, packed);
            lm_columns_lay(&columns, n, n_cols, memory);
            lm_columns_round(&columns, x, n_cols, 0, n);
            lm_multiply(type, packed, n_rows, &columns, 0, 1, fast, scratch);
            lm_multiply(type, packed, n_rows, &columns, 1, n_rows / LM_TILE, fast,
                        scratch);
            lm_multiply_naive(type, rows, n_rows, n_cols, x, n, naive);
            double largest = 0;
            for (int64_t i = 0; i < n * n_rows; i++) {
                largest = fmax(largest, fabs((double)naive[i]));
            }
            for (int64_t i = 0; i < n * n_rows; i++) {
                assert_true(fabs((double)(fast[i] - naive[i])) < 1e-4 * largest);
            }
            base_free(rows);
            base_free(packed);
            base_free(memory);
            base_free(scratch);
            base_free(x);
            base_free(fast);
            base_free(naive);
        }
    }
}

static void the_largest_sums_do_not_overflow(void **state)
{
    (void)state;
    // Every weight 15 and every activation 127 of the same sign: the sum the head speaks of.
    unsigned char rows[8 * 20], packed[160], memory[40];
    float x[32], fast[8], naive[8];
    struct lm_columns columns;
    void *scratch = base_alloc_aligned(lm_multiply_bytes(32), 1);
    memset(rows, 0xff, sizeof rows);
    for (int r = 0; r < 8; r++) {
        memcpy(rows + 20 * r, &(uint16_t){0x3c00}, 2); // scale 1, least 0
        memcpy(rows + 20 * r + 2, &(uint16_t){0}, 2);
    }
    for (int sign = -1; sign <= 1; sign += 2) {
        for (int i = 0; i < 32; i++) {
            x[i] = (float)(127 * sign);
        }
        lm_pack(LM_WEIGHT_Q4_1, rows, 8, 32, packed);
        lm_columns_lay(&columns, 1, 32, memory);
        lm_columns_round(&columns, x, 32, 0, 1);
        lm_multiply(LM_WEIGHT_Q4_1, packed, 8, &columns, 0, 1, fast, scratch);
        lm_multiply_naive(LM_WEIGHT_Q4_1, rows, 8, 32, x, 1, naive);
        for (int r = 0; r < 8; r++) {
            assert_true(naive[r] == (float)(sign * 127 * 15 * 32));
            assert_true(fast[r] == naive[r]);
        }
    }
    base_free(scratch);
}

static void rounding_keeps_scale_and_sum(void **state)
{
    (void)state;
    struct base_rng rng;
    float x[3 * 100], memory[400];
    struct lm_columns columns;
    base_rng_init(&rng, 2, 0);
    for (int i = 0; i < 300; i++) {
        x[i] = (float)(i % 100 < 32 ? 0 : base_rng_normal(&rng));
    }
    lm_columns_lay(&columns, 3, 96, memory);
    assert_true(lm_columns_bytes(3, 96) <= sizeof memory);
    lm_columns_round(&columns, x, 100, 0, 3);
    for (int c = 0; c < 3; c++) {
        for (int b = 0; b < 3; b++) {
            const float scale = columns.scale[c * 3 + b];
            double sum = 0;
            for (int k = 0; k < 32; k++) {
                const double back = (double)scale * columns.q[c * 96 + b * 32 + k];
                assert_true(fabs(back - (double)x[c * 100 + b * 32 + k]) <=
                            0.501 * (double)scale);
                sum += back;
            }
            assert_true(fabs(sum - (double)columns.sum[c * 3 + b]) < 1e-4);
        }
    }
}

static void attention_agrees_with_its_twin(void **state)
{
    (void)state;
    static const struct {
        int32_t n_tokens, n_heads, n_groups, n_cells, width;
    } shapes[] = {{1, 1, 1, 1, 8},     {8, 9, 3, 300, 64}, {3, 4, 4, 32, 16},
                  {5, 12, 2, 65, 128}, {2, 2, 1, 31, 40},  {2, 2, 1, 256, 256}};
    struct base_rng rng;
    base_rng_init(&rng, 3, 0);
    for (size_t s = 0; s < COUNT_OF(shapes); s++) {
        struct lm_attention a = {
            .n_tokens = shapes[s].n_tokens,
            .n_heads = shapes[s].n_heads,
            .n_groups = shapes[s].n_groups,
            .n_cells = shapes[s].n_cells,
            .width = shapes[s].width,
            .scale = 0.1F,
        };
        const size_t n_query = (size_t)(a.n_tokens * a.n_heads * a.width);
        const size_t n_key = (size_t)(a.n_cells * a.n_groups * a.width);
        const size_t n_mask = (size_t)(a.n_tokens * a.n_cells);
        float *query = base_alloc_array(n_query, sizeof *query);
        float *fast = base_alloc_array(n_query, sizeof *fast);
        float *naive = base_alloc_array(n_query, sizeof *naive);
        uint16_t *key = base_alloc_array(n_key, sizeof *key);
        uint16_t *value = base_alloc_array(n_key, sizeof *value);
        uint16_t *mask = base_alloc_array(n_mask, sizeof *mask);
        void *scratch = base_alloc_aligned(lm_attend_bytes(&a), 1);
        for (size_t i = 0; i < n_query; i++) {
            query[i] = (float)base_rng_normal(&rng);
        }
        for (size_t i = 0; i < n_key; i++) {
            key[i] = half(&rng);
            value[i] = half(&rng);
        }
        for (size_t i = 0; i < n_mask; i++) {
            // Half of the cells are seen, some with a penalty; the last token sees none.
            const bool is_blind =
                a.n_tokens > 1 && i / (size_t)a.n_cells == (size_t)a.n_tokens - 1;
            const uint32_t luck = base_rng_below(&rng, 4);
            mask[i] = is_blind || luck < 2 ? 0xfc00 : luck == 2 ? 0 : 0xbc00;
        }
        mask[0] = 0;
        a.query = query;
        a.query_token_stride = a.n_heads * a.width;
        a.query_head_stride = a.width;
        a.key = key;
        a.value = value;
        a.key_cell_stride = a.value_cell_stride = a.n_groups * a.width;
        a.key_group_stride = a.value_group_stride = a.width;
        a.mask = mask;
        a.mask_token_stride = a.n_cells;
        a.out = fast;
        lm_attend(&a, 0, a.n_groups, scratch);
        a.out = naive;
        lm_attend_naive(&a);
        for (size_t i = 0; i < n_query; i++) {
            assert_true(fabs((double)(fast[i] - naive[i])) <
                        1e-4 * (1 + fabs((double)naive[i])));
        }
        base_free(query);
        base_free(fast);
        base_free(naive);
        base_free(key);
        base_free(value);
        base_free(mask);
        base_free(scratch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(multiply_agrees_with_its_twin),
        cmocka_unit_test(the_largest_sums_do_not_overflow),
        cmocka_unit_test(rounding_keeps_scale_and_sum),
        cmocka_unit_test(attention_agrees_with_its_twin),
    };
    return lm_kernel_is_here() ? cmocka_run_group_tests(tests, NULL, NULL) : 0;
}

#else

int main(void)
{
    return lm_kernel_is_here();
}

#endif
