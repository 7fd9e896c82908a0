#include "rank_fixture.h"

#include "rank_measure.h"

/* Six films, scored 6 .. 1 for everybody; three viewers, the last without test films. */
static const float bias[] = {6, 5, 4, 3, 2, 1};
static const struct linear falling = {6, NULL, bias, -1};
static const int64_t train_start[] = {0, 1, 3, 4};
static const int32_t train_col[] = {0, 0, 2, 5};
static const struct reel_csr train = {3, 6, train_start, train_col, NULL};
static const int64_t also_start[] = {0, 1, 1, 1};
static const int32_t also_col[] = {1};
static const struct reel_csr also_seen = {3, 6, also_start, also_col, NULL};
static const int64_t test_start[] = {0, 2, 3, 3};
static const int32_t test_col[] = {3, 5, 4};
static const struct reel_csr test = {3, 6, test_start, test_col, NULL};
static const int64_t genre_start[] = {0, 1, 2, 4, 5, 5, 6};
static const int32_t genre_col[] = {0, 0, 0, 1, 1, 2};
static const struct reel_csr genres = {6, 3, genre_start, genre_col, NULL};
static const int32_t cuts[] = {2, 3};

static struct reel_measure_options options(void)
{
    struct reel_measure_options opt = reel_measure_options_default();
    opt.cut = cuts;
    return opt;
}

static void near(double a, double b)
{
    if (!(fabs(a - b) < 1e-12)) {
        fail_msg("%.15g is not %.15g", a, b);
    }
}

/*
 * Viewer 0 sees 2 3 4 | 5 with test films 3, 5: one hit at place 2 of 3.
 * Viewer 1 sees 1 3 4 | 5 with test film 4: one hit at place 3 of 3.
 * Of train: film 0 chosen by 2 of 3, films 2 and 5 by 1, the others count as 1.
 */
static void figures_equal_those_by_hand(void **state)
{
    (void)state;
    const struct rank_source source = linear_source(&falling);
    const struct reel_measure_options opt = options();
    struct reel_measures m;
    struct reel_error err;
    float ndcg[3];
    assert_ok(
        rank_measure(&source, &train, &also_seen, &test, &genres, &opt, &m, ndcg, &err),
        err);
    assert_int_equal(m.n_viewers, 2);
    assert_int_equal(m.cut[1], 3);
    near(m.recall[0].mean, 0.5 * (1.0 / 2 + 0));
    near(m.recall[1].mean, 0.5 * (1.0 / 2 + 1));
    const double dcg = 1 / log2(3), ideal = 1 + 1 / log2(3);
    near(m.ndcg[0].mean, 0.5 * (dcg / ideal));
    near(m.ndcg[1].mean, 0.5 * (dcg / ideal + 1 / log2(4)));
    near(m.coverage[0], 3.0 / 6); // 2 3, 1 3
    near(m.coverage[1], 4.0 / 6); // and 4
    near(m.novelty[0], log2(3));
    near(m.novelty[1], log2(3));
    // genres {0,1} {1} | none: 1/2; {0} {1} | none: 1
    near(m.diversity[0], 0.75);
    near(m.diversity[1], 0.75);
    // history {0}: list (1/2 + 0, 1/2 + 1) / 2 = (1/4, 3/4); history (1 + 1/2, 1/2) / 2
    const double kl_first = log(1 / (0.99 * 0.25 + 0.01));
    const double kl_second = 0.75 * log(0.75 / (0.99 * 0.5 + 0.01 * 0.75)) +
                             0.25 * log(0.25 / (0.99 * 0.5 + 0.01 * 0.25));
    near(m.calibration[0], (kl_first + kl_second) / 2);
    near(ndcg[0], (float)(dcg / ideal));
    near(ndcg[1], 0);
    assert_true(isnan(ndcg[2]));
}

static void a_perfect_ranking_measures_one(void **state)
{
    (void)state;
    const float best[] = {0, 0, 0, 2, 1, 2};
    const struct linear perfect = {6, NULL, best, -1};
    const struct rank_source source = linear_source(&perfect);
    const struct reel_measure_options opt = options();
    struct reel_measures m;
    struct reel_error err;
    assert_ok(rank_measure(&source, &train, NULL, &test, NULL, &opt, &m, NULL, &err),
              err);
    near(m.recall[1].mean, 1);
    near(m.ndcg[0].mean, 0.5 * (1 + 0)); // the second viewer's film is third
    assert_true(isnan(m.diversity[0]) && isnan(m.calibration[1]));
}

static void cuts_beyond_all_films_are_full_lists(void **state)
{
    (void)state;
    const int32_t long_cuts[] = {100, 6};
    const struct rank_source source = linear_source(&falling);
    struct reel_measure_options opt = options();
    struct reel_measures m;
    struct reel_error err;
    opt.cut = long_cuts;
    assert_ok(rank_measure(&source, &train, NULL, &test, &genres, &opt, &m, NULL, &err),
              err);
    near(m.recall[0].mean, 1);
    near(m.recall[0].mean, m.recall[1].mean);
    near(m.ndcg[0].mean, m.ndcg[1].mean);
    near(m.coverage[0], 5.0 / 6);
}

static void nobody_to_measure_gives_no_figures(void **state)
{
    (void)state;
    const int64_t none[] = {0, 0, 0, 0};
    const struct reel_csr empty = {3, 6, none, test_col, NULL};
    const struct rank_source source = linear_source(&falling);
    const struct reel_measure_options opt = options();
    struct reel_measures m;
    struct reel_error err;
    assert_ok(rank_measure(&source, &train, NULL, &empty, NULL, &opt, &m, NULL, &err),
              err);
    assert_int_equal(m.n_viewers, 0);
    assert_true(isnan(m.ndcg[0].mean) && isnan(m.ndcg[0].low) && isnan(m.novelty[0]));
    const struct linear nothing = {0, NULL, bias, -1};
    const struct rank_source no_films = linear_source(&nothing);
    const struct reel_csr no_rows = {0, 0, none, NULL, NULL};
    assert_ok(
        rank_measure(&no_films, &no_rows, NULL, &no_rows, NULL, &opt, &m, NULL, &err),
        err);
    assert_true(isnan(m.coverage[0]));
}

/* ---- larger ones ---- */

enum { N_VIEWERS = 211, N_FILMS = 97, N_GENRES = 7 };

struct random_case {
    float weights[N_FILMS * N_FILMS], bias[N_FILMS];
    int64_t start[4][N_VIEWERS + 1];
    int32_t col[4][N_VIEWERS * N_FILMS];
    struct linear linear;
    struct reel_csr train, also, test, genres;
};

static struct random_case *random_case(uint64_t seed)
{
    static struct random_case c;
    struct base_rng rng;
    base_rng_init(&rng, seed, 0);
    for (int32_t i = 0; i < N_FILMS * N_FILMS; i++) {
        c.weights[i] = (float)base_rng_below(&rng, 9) / 64;
    }
    for (int32_t i = 0; i < N_FILMS; i++) {
        c.bias[i] = (float)base_rng_below(&rng, 5) / 64;
    }
    c.linear = (struct linear){N_FILMS, c.weights, c.bias, -1};
    c.train = random_rows(&rng, N_VIEWERS, N_FILMS, 0.1, c.start[0], c.col[0]);
    c.also = random_rows(&rng, N_VIEWERS, N_FILMS, 0.05, c.start[1], c.col[1]);
    c.test = random_rows(&rng, N_VIEWERS, N_FILMS, 0.03, c.start[2], c.col[2]);
    c.genres = random_rows(&rng, N_FILMS, N_GENRES, 0.3, c.start[3], c.col[3]);
    return &c;
}

static void figures_do_not_depend_on_threads(void **state)
{
    (void)state;
    struct random_case *c = random_case(1);
    const struct rank_source source = linear_source(&c->linear);
    struct reel_measure_options opt = options();
    struct reel_measures one, four;
    struct reel_error err;
    memset(&one, 0, sizeof one);
    memset(&four, 0, sizeof four);
    assert_ok(rank_measure(&source, &c->train, &c->also, &c->test, &c->genres, &opt, &one,
                           NULL, &err),
              err);
    opt.n_threads = 4;
    assert_ok(rank_measure(&source, &c->train, &c->also, &c->test, &c->genres, &opt,
                           &four, NULL, &err),
              err);
    assert_memory_equal(one.recall, four.recall, 2 * sizeof one.recall[0]);
    assert_memory_equal(one.ndcg, four.ndcg, 2 * sizeof one.ndcg[0]);
    assert_memory_equal(one.coverage, four.coverage, 2 * sizeof(double));
    assert_memory_equal(one.novelty, four.novelty, 2 * sizeof(double));
    assert_memory_equal(one.diversity, four.diversity, 2 * sizeof(double));
    assert_memory_equal(one.calibration, four.calibration, 2 * sizeof(double));
}

/** The percentile interval of a mean is near mean +- 1.96 s / sqrt(n). */
static void bootstrap_interval_is_that_of_a_mean(void **state)
{
    (void)state;
    struct random_case *c = random_case(2);
    const struct rank_source source = linear_source(&c->linear);
    struct reel_measure_options opt = options();
    struct reel_measures m;
    struct reel_error err;
    float ndcg[N_VIEWERS];
    opt.n_bootstrap = 4000;
    assert_ok(
        rank_measure(&source, &c->train, NULL, &c->test, NULL, &opt, &m, ndcg, &err),
        err);
    double sum = 0, sum2 = 0;
    int n = 0;
    for (int32_t v = 0; v < N_VIEWERS; v++) {
        if (!isnan(ndcg[v])) {
            sum += ndcg[v];
            sum2 += (double)ndcg[v] * ndcg[v];
            n++;
        }
    }
    assert_int_equal(n, m.n_viewers);
    const double mean = sum / n, error = sqrt((sum2 / n - mean * mean) / n);
    assert_true(fabs(m.ndcg[0].mean - mean) < 1e-7);
    assert_true(fabs(m.ndcg[0].low - (mean - 1.96 * error)) < 0.25 * error);
    assert_true(fabs(m.ndcg[0].high - (mean + 1.96 * error)) < 0.25 * error);
}

static void another_seed_gives_another_interval_and_the_same_mean(void **state)
{
    (void)state;
    struct random_case *c = random_case(2);
    const struct rank_source source = linear_source(&c->linear);
    struct reel_measure_options opt = options();
    struct reel_measures m[3];
    struct reel_error err;
    opt.n_bootstrap = 21;
    for (uint64_t i = 0; i < 3; i++) {
        opt.seed = i / 2;
        assert_ok(rank_measure(&source, &c->train, NULL, &c->test, NULL, &opt, &m[i],
                               NULL, &err),
                  err);
        assert_true(m[i].ndcg[1].mean == m[0].ndcg[1].mean);
        assert_true(m[i].ndcg[1].low < m[i].ndcg[1].mean);
    }
    assert_true(m[0].ndcg[1].low == m[1].ndcg[1].low);
    assert_true(m[0].ndcg[1].low != m[2].ndcg[1].low);
}

static void the_first_failing_viewer_is_named(void **state)
{
    (void)state;
    struct random_case *c = random_case(3);
    const struct rank_source source = linear_source(&c->linear);
    struct reel_measure_options opt = options();
    struct reel_measures m;
    struct reel_error err;
    c->linear.failing = 5;
    int32_t first = 0;
    for (int32_t r = N_VIEWERS - 1; r >= 0; r--) {
        for (int64_t e = c->train.start[r]; e < c->train.start[r + 1]; e++) {
            if (c->train.col[e] == 5 && c->test.start[r + 1] > c->test.start[r]) {
                first = r;
            }
        }
    }
    char want[64];
    snprintf(want, sizeof want, "viewer %d: film 5 fails", first);
    opt.n_threads = 3;
    assert_int_equal(
        rank_measure(&source, &c->train, NULL, &c->test, NULL, &opt, &m, NULL, &err),
        REEL_EFAIL);
    assert_string_equal(err.text, want);
}

static void wrong_shapes_and_options_are_refused(void **state)
{
    (void)state;
    const struct rank_source source = linear_source(&falling);
    struct reel_measures m;
    struct reel_error err;
    const struct reel_csr narrow = {3, 5, train_start, also_col, NULL};
    const struct reel_csr fewer = {2, 6, train_start, train_col, NULL};
    struct reel_measure_options opt = options();
    assert_int_equal(
        rank_measure(&source, &narrow, NULL, &test, NULL, &opt, &m, NULL, &err),
        REEL_EINVAL);
    assert_string_equal(err.text, "train is 3 x 5 where 3 x 6 are expected");
    assert_int_equal(
        rank_measure(&source, &train, &fewer, &test, NULL, &opt, &m, NULL, &err),
        REEL_EINVAL);
    assert_int_equal(
        rank_measure(&source, &train, NULL, &test, &train, &opt, &m, NULL, &err),
        REEL_EINVAL);
    for (int wrong = 0; wrong < 4; wrong++) {
        const int32_t zero[] = {0};
        opt = options();
        opt.n_cuts = wrong == 0 ? 0 : wrong == 1 ? REEL_CUTS_MAX + 1 : 1;
        opt.cut = wrong == 2 ? zero : cuts;
        opt.n_bootstrap = wrong == 3 ? 0 : 10;
        assert_int_equal(
            rank_measure(&source, &train, NULL, &test, NULL, &opt, &m, NULL, &err),
            REEL_EINVAL);
    }
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    const struct rank_source source = linear_source(&falling);
    struct reel_measure_options opt = options();
    struct reel_measures m;
    opt.n_threads = 2;
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc =
            rank_measure(&source, &train, NULL, &test, &genres, &opt, &m, NULL, NULL);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            assert_true(n > 10);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_equal_those_by_hand),
        cmocka_unit_test(a_perfect_ranking_measures_one),
        cmocka_unit_test(cuts_beyond_all_films_are_full_lists),
        cmocka_unit_test(nobody_to_measure_gives_no_figures),
        cmocka_unit_test(figures_do_not_depend_on_threads),
        cmocka_unit_test(bootstrap_interval_is_that_of_a_mean),
        cmocka_unit_test(another_seed_gives_another_interval_and_the_same_mean),
        cmocka_unit_test(the_first_failing_viewer_is_named),
        cmocka_unit_test(wrong_shapes_and_options_are_refused),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
