#include "rank_fixture.h"

#include "rank_diversity.h"

enum { N_MAX = 60, K_MAX = 9, N_NAMES = 12 };

/** Candidates with random vectors, or with random genres, keywords and people. */
struct set {
    int32_t n;
    float vector[N_MAX * K_MAX];
    double relevance[N_MAX];
    int64_t start[3][N_MAX + 1];
    int32_t col[3][N_MAX * N_NAMES], row[N_MAX];
    struct reel_film_table films;
    struct rank_source source;
    struct rank_similarity *similarity;
};

static void set_fill(struct set *s, struct base_rng *rng, int32_t n, bool has_vectors)
{
    struct reel_error err;
    s->n = n;
    s->source = (struct rank_source){.n_films = n};
    for (int32_t i = 0; i < N_MAX; i++) {
        s->relevance[i] = base_rng_double(rng);
        s->row[i] = n - 1 - i; // a table in another order than the candidates
    }
    if (has_vectors) {
        s->source.n_factors = 1 + (int32_t)base_rng_below(rng, K_MAX);
        s->source.vector = s->vector;
        for (int32_t i = 0; i < N_MAX * K_MAX; i++) {
            s->vector[i] = (float)base_rng_normal(rng);
        }
        memset(s->vector, 0, (size_t)s->source.n_factors * sizeof *s->vector);
    }
    s->films.genres = random_rows(rng, n, 5, 0.4, s->start[0], s->col[0]);
    s->films.keywords = random_rows(rng, n, N_NAMES, 0.1, s->start[1], s->col[1]);
    s->films.people = random_rows(rng, n, N_NAMES, 0.2, s->start[2], s->col[2]);
    assert_ok(rank_similarity_create(&s->source, &s->films, s->row, s->row, n,
                                     &s->similarity, &err),
              err);
}

static void similarity_rows_equal_their_naive_twin(void **state)
{
    (void)state;
    static struct set s;
    struct base_rng rng;
    base_rng_init(&rng, 1, 0);
    for (int round = 0; round < 40; round++) {
        set_fill(&s, &rng, (int32_t)base_rng_below(&rng, N_MAX + 1), round % 2);
        for (int32_t i = 0; i < s.n; i++) {
            float row[N_MAX];
            rank_similarity_row(s.similarity, i, row);
            for (int32_t j = 0; j < s.n; j++) {
                const double naive = rank_similarity_naive(s.similarity, i, j);
                assert_true(fabs((double)row[j] - naive) < 1e-5);
                assert_true(naive >= -1 - 1e-5 && naive <= 1 + 1e-5);
            }
            assert_true(row[i] == 1);
        }
        rank_similarity_free(s.similarity);
    }
}

static void fast_orders_equal_their_naive_twins(void **state)
{
    (void)state;
    static struct set s;
    struct base_rng rng;
    base_rng_init(&rng, 2, 0);
    for (int round = 0; round < 120; round++) {
        const int32_t n = round < 4 ? round : (int32_t)base_rng_below(&rng, N_MAX + 1);
        set_fill(&s, &rng, n, round % 2);
        const enum reel_diversity_method method =
            round % 4 < 2 ? REEL_DIVERSITY_MMR : REEL_DIVERSITY_DPP;
        const int32_t n_pick = (int32_t)base_rng_below(&rng, 20);
        const double knob = base_rng_below(&rng, 10) / 10.0; // at 1 indicators often tie
        int32_t fast[20], naive[20];
        struct reel_error err;
        assert_ok(rank_diversify(method, s.relevance, n, s.similarity, knob, n_pick, fast,
                                 &err),
                  err);
        assert_ok(rank_diversify_naive(method, s.relevance, n, s.similarity, knob, n_pick,
                                       naive, &err),
                  err);
        for (int32_t p = 0; p < n_pick && p < n; p++) {
            if (fast[p] != naive[p]) {
                fail_msg("round %d method %d knob %g of %d: pick %d is %d and %d", round,
                         (int)method, knob, (int)n, (int)p, (int)fast[p], (int)naive[p]);
            }
        }
        rank_similarity_free(s.similarity);
    }
}

static void knob_zero_is_the_order_by_relevance(void **state)
{
    (void)state;
    static struct set s;
    struct base_rng rng;
    base_rng_init(&rng, 3, 0);
    set_fill(&s, &rng, N_MAX, true);
    s.relevance[7] = s.relevance[3];
    for (int method = 0; method < 2; method++) {
        int32_t picked[N_MAX];
        struct reel_error err;
        assert_ok(rank_diversify((enum reel_diversity_method)method, s.relevance, s.n,
                                 s.similarity, 0, s.n, picked, &err),
                  err);
        for (int32_t p = 1; p < s.n; p++) {
            const double before = s.relevance[picked[p - 1]],
                         now = s.relevance[picked[p]];
            assert_true(before > now || (before == now && picked[p - 1] < picked[p]));
        }
    }
    rank_similarity_free(s.similarity);
}

/** Mean similarity of all pairs of a list. */
static double likeness(struct rank_similarity *similarity, const int32_t *picked,
                       int32_t n)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++) {
        for (int32_t j = 0; j < i; j++) {
            sum += rank_similarity_naive(similarity, picked[i], picked[j]);
        }
    }
    return sum / (n * (n - 1) / 2);
}

static void turning_the_knob_makes_lists_less_alike(void **state)
{
    (void)state;
    static struct set s;
    enum { N_PICK = 10, N_ROUNDS = 60, N_KNOBS = 5 };
    const double knob[N_KNOBS] = {0, 0.25, 0.5, 0.75, 1};
    for (int method = 0; method < 2; method++) {
        for (int has_vectors = 0; has_vectors < 2; has_vectors++) {
            double mean[N_KNOBS] = {0};
            struct base_rng rng;
            base_rng_init(&rng, 4, 0);
            for (int round = 0; round < N_ROUNDS; round++) {
                set_fill(&s, &rng, N_MAX, has_vectors);
                for (int d = 0; d < N_KNOBS; d++) {
                    int32_t picked[N_PICK];
                    struct reel_error err;
                    assert_ok(rank_diversify((enum reel_diversity_method)method,
                                             s.relevance, s.n, s.similarity, knob[d],
                                             N_PICK, picked, &err),
                              err);
                    mean[d] += likeness(s.similarity, picked, N_PICK) / N_ROUNDS;
                }
                rank_similarity_free(s.similarity);
            }
            for (int d = 1; d < N_KNOBS; d++) {
                assert_true(mean[d] < mean[d - 1] + 1e-3);
            }
            assert_true(mean[N_KNOBS - 1] < mean[0] - 0.05);
        }
    }
}

static void twins_of_a_film_come_last_at_the_end_of_the_knob(void **state)
{
    (void)state;
    const float vector[] = {1, 0, 2, 0, 1, 0, 0, 1, -1, 0};
    const double relevance[] = {1, 0.9, 0.8, 0.1, 0};
    const int32_t row[] = {0, 1, 2, 3, 4};
    const struct rank_source source = {.n_films = 5, .vector = vector, .n_factors = 2};
    const struct reel_film_table films = {.n_films = 5};
    for (int method = 0; method < 2; method++) {
        struct rank_similarity *similarity;
        struct reel_error err;
        int32_t picked[5];
        assert_ok(rank_similarity_create(&source, &films, row, row, 5, &similarity, &err),
                  err);
        assert_ok(rank_diversify((enum reel_diversity_method)method, relevance, 5,
                                 similarity, 1, 5, picked, &err),
                  err);
        const int32_t want[] = {0, 4, 3, 1, 2}; // the first, its opposite, between, twins
        assert_memory_equal(picked, want, sizeof want);
        rank_similarity_free(similarity);
    }
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    static struct set s;
    struct base_rng rng;
    base_rng_init(&rng, 5, 0);
    for (int round = 0; round < 4; round++) {
        set_fill(&s, &rng, 20, round % 2);
        for (long n = 0;; n++) {
            struct rank_similarity *similarity;
            int32_t picked[5];
            base_alloc_fail_after(n);
            enum reel_status rc = rank_similarity_create(&s.source, &s.films, s.row,
                                                         s.row, s.n, &similarity, NULL);
            if (rc == REEL_OK) {
                rc = rank_diversify(round < 2 ? REEL_DIVERSITY_MMR : REEL_DIVERSITY_DPP,
                                    s.relevance, s.n, similarity, 0.5, 5, picked, NULL);
            } else {
                assert_null(similarity);
            }
            base_alloc_fail_after(-1);
            rank_similarity_free(similarity);
            if (rc == REEL_OK) {
                assert_true(n > 5);
                break;
            }
            assert_int_equal(rc, REEL_ENOMEM);
        }
        rank_similarity_free(s.similarity);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(similarity_rows_equal_their_naive_twin),
        cmocka_unit_test(fast_orders_equal_their_naive_twins),
        cmocka_unit_test(knob_zero_is_the_order_by_relevance),
        cmocka_unit_test(turning_the_knob_makes_lists_less_alike),
        cmocka_unit_test(twins_of_a_film_come_last_at_the_end_of_the_knob),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
