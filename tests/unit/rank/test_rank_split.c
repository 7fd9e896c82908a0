#include "rank_fixture.h"

#include "base_csr.h"

enum { N_VIEWERS = 300, N_FILMS = 60 };

static int64_t start[N_VIEWERS + 1];
static int32_t col[N_VIEWERS * N_FILMS];
static float value[N_VIEWERS * N_FILMS];
static int64_t at_s[N_VIEWERS * N_FILMS];

/** Viewers with 0 .. N_FILMS films; every value and time names its entry. */
static struct reel_csr some_choices(uint64_t seed)
{
    struct base_rng rng;
    base_rng_init(&rng, seed, 0);
    int64_t n = 0;
    for (int32_t r = 0; r < N_VIEWERS; r++) {
        start[r] = n;
        const double density = r % 10 == 0 ? 0 : base_rng_double(&rng);
        for (int32_t c = 0; c < N_FILMS; c++) {
            if (base_rng_double(&rng) < density) {
                col[n] = c;
                value[n] = (float)(1 + (n % 7));
                at_s[n++] = base_rng_below(&rng, 50);
            }
        }
    }
    start[N_VIEWERS] = n;
    return (struct reel_csr){N_VIEWERS, N_FILMS, start, col, value};
}

static int64_t row_length(const struct reel_csr *m, int32_t row)
{
    return m->start[row + 1] - m->start[row];
}

/** Known is everything but the test, with values and times. */
static void check_known(const struct reel_csr *m, const struct reel_split *split)
{
    const struct reel_csr *known = &split->known;
    int64_t n = 0;
    assert_int_equal(base_csr_check(known, NULL), REEL_OK);
    for (int32_t r = 0; r < m->n_rows; r++) {
        for (int64_t e = m->start[r]; e < m->start[r + 1]; e++) {
            if (base_csr_has(&split->test, r, m->col[e])) {
                continue;
            }
            assert_int_equal(known->col[n], m->col[e]);
            assert_true(known->value[n] == m->value[e]);
            if (split->known_at_s) {
                assert_int_equal(split->known_at_s[n], at_s[e]);
            }
            n++;
        }
        assert_int_equal(known->start[r + 1], n);
    }
}

/** Each entry is in exactly one part, with its value; parts are matrices. */
static void check_partition(const struct reel_csr *m, const struct reel_split *split)
{
    const struct reel_csr *part[] = {&split->train, &split->validation, &split->test};
    int64_t n_all = 0;
    for (int p = 0; p < 3; p++) {
        assert_int_equal(base_csr_check(part[p], NULL), REEL_OK);
        assert_int_equal(part[p]->n_rows, m->n_rows);
        assert_int_equal(part[p]->n_cols, m->n_cols);
        n_all += part[p]->start[m->n_rows];
    }
    assert_int_equal(n_all, m->start[m->n_rows]);
    for (int32_t r = 0; r < m->n_rows; r++) {
        for (int64_t e = m->start[r]; e < m->start[r + 1]; e++) {
            int n_found = 0;
            for (int p = 0; p < 3; p++) {
                for (int64_t i = part[p]->start[r]; i < part[p]->start[r + 1]; i++) {
                    if (part[p]->col[i] == m->col[e]) {
                        n_found++;
                        assert_true(part[p]->value[i] == m->value[e]);
                        if (p == 0 && split->train_at_s) {
                            assert_int_equal(split->train_at_s[i], at_s[e]);
                        }
                    }
                }
            }
            assert_int_equal(n_found, 1);
        }
    }
    check_known(m, split);
}

static void random_split_holds_back_a_tenth_twice_of_every_viewer(void **state)
{
    (void)state;
    const struct reel_csr m = some_choices(1);
    struct reel_split split;
    assert_int_equal(reel_split_make(&m, at_s, REEL_SPLIT_RANDOM, 7, &split, NULL),
                     REEL_OK);
    check_partition(&m, &split);
    for (int32_t r = 0; r < N_VIEWERS; r++) {
        const int64_t n = row_length(&m, r);
        const int64_t n_test = n < 3 ? 0 : n < 5 ? 1 : (n + 5) / 10;
        assert_int_equal(row_length(&split.test, r), n_test);
        assert_int_equal(row_length(&split.validation, r), n_test);
    }
    reel_split_release(&split);
}

static void random_split_depends_on_seed_and_viewer_alone(void **state)
{
    (void)state;
    const struct reel_csr m = some_choices(2);
    struct reel_csr fewer = m;
    fewer.n_rows = 50;
    struct reel_split a, b, c, d;
    assert_int_equal(reel_split_make(&m, NULL, REEL_SPLIT_RANDOM, 7, &a, NULL), REEL_OK);
    assert_int_equal(reel_split_make(&m, NULL, REEL_SPLIT_RANDOM, 7, &b, NULL), REEL_OK);
    assert_int_equal(reel_split_make(&m, NULL, REEL_SPLIT_RANDOM, 8, &c, NULL), REEL_OK);
    assert_int_equal(reel_split_make(&fewer, NULL, REEL_SPLIT_RANDOM, 7, &d, NULL),
                     REEL_OK);
    const size_t n_bytes = (size_t)a.test.start[N_VIEWERS] * sizeof *a.test.col;
    assert_memory_equal(a.test.col, b.test.col, n_bytes);
    assert_memory_not_equal(a.test.col, c.test.col, n_bytes);
    assert_memory_equal(a.test.col, d.test.col,
                        (size_t)d.test.start[50] * sizeof(int32_t));
    assert_null(a.train_at_s);
    reel_split_release(&a);
    reel_split_release(&b);
    reel_split_release(&c);
    reel_split_release(&d);
}

static void random_split_deals_every_film_alike(void **state)
{
    (void)state;
    enum { N = 4000, N_EACH = 10 };
    int64_t *many_start = base_alloc_array(N + 1, sizeof *many_start);
    int32_t *many_col = base_alloc_array(N * N_EACH, sizeof *many_col);
    for (int64_t e = 0; e < N * N_EACH; e++) {
        many_col[e] = (int32_t)(e % N_EACH);
        many_start[e / N_EACH] = e / N_EACH * N_EACH;
    }
    many_start[N] = N * N_EACH;
    const struct reel_csr m = {N, N_EACH, many_start, many_col, NULL};
    struct reel_split split;
    assert_int_equal(reel_split_make(&m, NULL, REEL_SPLIT_RANDOM, 3, &split, NULL),
                     REEL_OK);
    int32_t n_test[N_EACH] = {0};
    for (int64_t e = 0; e < split.test.start[N]; e++) {
        n_test[split.test.col[e]]++;
    }
    for (int i = 0; i < N_EACH; i++) {
        assert_in_range(n_test[i], 310, 490); // 400 expected, deviation 19
    }
    reel_split_release(&split);
    base_free(many_start);
    base_free(many_col);
}

static void temporal_split_takes_the_last_two(void **state)
{
    (void)state;
    const struct reel_csr m = some_choices(3);
    struct reel_split split;
    int32_t n_with_test = 0;
    assert_int_equal(reel_split_make(&m, at_s, REEL_SPLIT_TEMPORAL, 0, &split, NULL),
                     REEL_OK);
    check_partition(&m, &split);
    for (int32_t r = 0; r < N_VIEWERS; r++) {
        int64_t last = -1, before = -1; // the two latest times
        for (int64_t e = start[r]; e < start[r + 1]; e++) {
            if (at_s[e] >= last) {
                before = last;
                last = at_s[e];
            } else if (at_s[e] > before) {
                before = at_s[e];
            }
        }
        const bool is_measured = row_length(&m, r) >= 3 && last != before;
        assert_int_equal(row_length(&split.test, r), is_measured);
        assert_int_equal(row_length(&split.validation, r), is_measured);
        n_with_test += is_measured;
        for (int64_t e = start[r]; e < start[r + 1] && is_measured; e++) {
            if (col[e] == split.test.col[split.test.start[r]]) {
                assert_int_equal(at_s[e], last);
            }
            if (col[e] == split.validation.col[split.validation.start[r]]) {
                assert_int_equal(at_s[e], before);
            }
        }
    }
    assert_in_range(n_with_test, N_VIEWERS / 4, N_VIEWERS * 9 / 10);
    reel_split_release(&split);
}

static void temporal_split_leaves_out_unknown_order(void **state)
{
    (void)state;
    const int64_t four[] = {0, 3, 6, 9, 11};
    const int32_t films[] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1};
    const int64_t u = REEL_TIME_UNKNOWN;
    const int64_t times[] = {5, 9, 9, u, u, 9, u, 7, 9, 1, 2};
    const struct reel_csr m = {4, 3, four, films, NULL};
    struct reel_split split;
    assert_int_equal(reel_split_make(&m, times, REEL_SPLIT_TEMPORAL, 0, &split, NULL),
                     REEL_OK);
    const int64_t want[] = {0, 0, 0, 1, 1}; // tie; one known; two known; too few
    assert_memory_equal(split.test.start, want, sizeof want);
    assert_int_equal(split.test.col[0], 2);
    assert_int_equal(split.validation.col[0], 1);
    reel_split_release(&split);
}

static void split_refuses_what_it_cannot_do(void **state)
{
    (void)state;
    const struct reel_csr m = some_choices(1);
    struct reel_split split;
    struct reel_error err;
    assert_int_equal(reel_split_make(&m, NULL, REEL_SPLIT_TEMPORAL, 0, &split, &err),
                     REEL_EINVAL);
    assert_string_equal(err.text, "a temporal split needs times");
    assert_int_equal(reel_split_make(&m, at_s, (enum reel_split_kind)7, 0, &split, &err),
                     REEL_EINVAL);
    assert_null(split.owned);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    const struct reel_csr m = some_choices(1);
    for (long n = 0;; n++) {
        struct reel_split split;
        base_alloc_fail_after(n);
        const enum reel_status rc =
            reel_split_make(&m, at_s, REEL_SPLIT_RANDOM, 0, &split, NULL);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            assert_true(n > 6);
            reel_split_release(&split);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_null(split.owned);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_split_holds_back_a_tenth_twice_of_every_viewer),
        cmocka_unit_test(random_split_depends_on_seed_and_viewer_alone),
        cmocka_unit_test(random_split_deals_every_film_alike),
        cmocka_unit_test(temporal_split_takes_the_last_two),
        cmocka_unit_test(temporal_split_leaves_out_unknown_order),
        cmocka_unit_test(split_refuses_what_it_cannot_do),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
