#include "base_alloc.h"
#include "base_clock.h"
#include "base_csr.h"
#include "base_file.h"
#include "base_linalg.h"
#include "base_pool.h"
#include "base_rng.h"

#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static void rng_is_the_same_for_a_seed_and_differs_by_stream(void **state)
{
    (void)state;
    struct base_rng a, b, c;
    base_rng_init(&a, 1, 2);
    base_rng_init(&b, 1, 2);
    base_rng_init(&c, 1, 3);
    int n_same = 0;
    for (int i = 0; i < 100; i++) {
        const uint64_t x = base_rng_u64(&a);
        assert_true(x == base_rng_u64(&b));
        n_same += x == base_rng_u64(&c);
    }
    assert_int_equal(n_same, 0);
}

static void rng_below_is_even_and_normal_has_its_moments(void **state)
{
    (void)state;
    struct base_rng rng;
    base_rng_init(&rng, 7, 0);
    int count[7] = {0};
    double sum = 0, sum2 = 0;
    for (int i = 0; i < 70000; i++) {
        count[base_rng_below(&rng, 7)]++;
        const double x = base_rng_normal(&rng);
        sum += x;
        sum2 += x * x;
    }
    for (int i = 0; i < 7; i++) {
        assert_in_range(count[i], 9600, 10400);
    }
    assert_true(fabs(sum / 70000) < 0.02);
    assert_true(fabs(sum2 / 70000 - 1) < 0.03);
}

static void calendar_knows_leap_years_and_refuses_days_that_are_not(void **state)
{
    (void)state;
    int64_t days;
    assert_true(base_date_to_days(1970, 1, 1, &days));
    assert_int_equal(days, 0);
    assert_true(base_date_to_days(2000, 3, 1, &days));
    assert_int_equal(days, 11017);
    assert_true(base_date_to_days(1895, 12, 28, &days));
    assert_int_equal(days, -27032);
    assert_true(base_date_to_days(2024, 2, 29, &days));
    assert_false(base_date_to_days(2023, 2, 29, &days));
    assert_false(base_date_to_days(1900, 2, 29, &days));
    assert_false(base_date_to_days(2023, 13, 1, &days));
    assert_false(base_date_to_days(2023, 4, 31, &days));
    char text[32];
    base_time_print(951782400, text, sizeof text);
    assert_string_equal(text, "2000-02-29 00:00");
}

struct sums {
    int64_t by_worker[8];
    int seen[1000];
};

static void add_up(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    struct sums *sums = payload;
    for (int64_t i = begin; i < end; i++) {
        sums->by_worker[worker] += i;
        sums->seen[i]++;
    }
}

static void pool_does_every_item_once_in_many_rounds(void **state)
{
    (void)state;
    struct reel_error err;
    for (int32_t n_threads = 1; n_threads <= 4; n_threads++) {
        struct base_pool *pool;
        assert_ok(base_pool_create(n_threads, &pool, &err), err);
        assert_int_equal(base_pool_n_threads(pool), n_threads);
        for (int round = 0; round < 200; round++) {
            struct sums sums = {0};
            base_pool_run(pool, 1000, 1 + round % 50, add_up, &sums);
            int64_t total = 0;
            for (int i = 0; i < 8; i++) {
                total += sums.by_worker[i];
            }
            assert_int_equal(total, 499500);
            for (int i = 0; i < 1000; i++) {
                assert_int_equal(sums.seen[i], 1);
            }
        }
        base_pool_run(pool, 0, 1, add_up, NULL);
        base_pool_free(pool);
    }
    struct base_pool *pool;
    assert_int_equal(base_pool_create(0, &pool, &err), REEL_EINVAL);
    assert_null(pool);
}

static void csr_sorts_rows_and_keeps_the_last_of_equals(void **state)
{
    (void)state;
    struct reel_error err;
    const int32_t row[] = {2, 0, 2, 0, 2}, col[] = {3, 1, 0, 1, 3};
    const float value[] = {1, 2, 3, 4, 5};
    struct base_csr m, t;
    assert_ok(base_csr_from_triples(3, 4, 5, row, col, value, &m, &err), err);
    assert_ok(base_csr_check(&m.csr, &err), err);
    const int64_t start[] = {0, 1, 1, 3};
    const int32_t expected_col[] = {1, 0, 3};
    const float expected_value[] = {4, 3, 5};
    assert_memory_equal(m.start, start, sizeof start);
    assert_memory_equal(m.col, expected_col, sizeof expected_col);
    assert_memory_equal(m.value, expected_value, sizeof expected_value);
    assert_true(base_csr_has(&m.csr, 2, 3));
    assert_false(base_csr_has(&m.csr, 2, 1));
    assert_false(base_csr_has(&m.csr, 1, 1));
    assert_ok(base_csr_transpose(&m.csr, &t, &err), err);
    assert_ok(base_csr_check(&t.csr, &err), err);
    assert_int_equal(t.csr.n_rows, 4);
    assert_true(base_csr_has(&t.csr, 3, 2));
    base_csr_release(&m);
    base_csr_release(&t);
    const int32_t outside[] = {3};
    assert_int_equal(base_csr_from_triples(3, 4, 1, outside, col, NULL, &m, &err),
                     REEL_EINVAL);
    assert_string_equal(err.text, "entry 0: (3, 3) is outside 3 x 4");
}

static void inverse_times_matrix_is_one(void **state)
{
    (void)state;
    enum { N = 17 };
    struct base_rng rng;
    base_rng_init(&rng, 3, 0);
    float x[N * N], a[N * N], inverse[N * N];
    for (int i = 0; i < N * N; i++) {
        x[i] = (float)base_rng_normal(&rng);
    }
    base_gemm_nt(a, x, x, N, N, N, N, N, N, 1, 0);
    for (int i = 0; i < N; i++) {
        a[i * N + i] += 1;
    }
    memcpy(inverse, a, sizeof a);
    struct reel_error err;
    assert_ok(base_invert_spd(inverse, N, &err), err);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int k = 0; k < N; k++) {
                const float there = k > j ? inverse[k * N + j] : inverse[j * N + k];
                sum += (double)a[i * N + k] * there;
            }
            assert_true(fabs(sum - (i == j)) < 1e-3);
        }
    }
    float not_positive[] = {-1};
    assert_int_equal(base_invert_spd(not_positive, 1, &err), REEL_EINVAL);
}

static void file_is_the_old_one_until_the_new_one_is_whole(void **state)
{
    (void)state;
    struct reel_error err;
    char folder[] = "/tmp/forkreel-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[100];
    (void)snprintf(path, sizeof path, "%s/a/b/file", folder);
    char parent[100];
    (void)snprintf(parent, sizeof parent, "%s/a/b", folder);
    assert_ok(base_file_mkdirs(parent, &err), err);
    assert_ok(base_file_mkdirs(parent, &err), err);
    for (int version = 1; version <= 2; version++) {
        struct base_file_writer writer;
        assert_ok(base_file_writer_open(&writer, path, &err), err);
        (void)fprintf(writer.out, "version %d", version);
        if (version == 1) {
            assert_ok(base_file_writer_close(&writer, &err), err);
        } else {
            base_file_writer_abort(&writer);
        }
        struct base_file_map map;
        assert_ok(base_file_map_open(&map, path, &err), err);
        assert_int_equal(map.n_bytes, 9);
        assert_memory_equal(map.data, "version 1", 9);
        base_file_map_close(&map);
    }
    struct base_file_map map;
    assert_int_equal(base_file_map_open(&map, "/tmp/no/such/file", &err), REEL_ENOTFOUND);
    assert_int_equal(base_file_map_open(&map, folder, &err), REEL_EIO);
    (void)unlink(path);
    (void)rmdir(parent);
    *strrchr(parent, '/') = '\0';
    (void)rmdir(parent);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rng_is_the_same_for_a_seed_and_differs_by_stream),
        cmocka_unit_test(rng_below_is_even_and_normal_has_its_moments),
        cmocka_unit_test(calendar_knows_leap_years_and_refuses_days_that_are_not),
        cmocka_unit_test(pool_does_every_item_once_in_many_rounds),
        cmocka_unit_test(csr_sorts_rows_and_keeps_the_last_of_equals),
        cmocka_unit_test(inverse_times_matrix_is_one),
        cmocka_unit_test(file_is_the_old_one_until_the_new_one_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
