/**
 * Against NumPy: tests/parity/rank_cases.py wrote the cases and what must come out.
 */
#include "rank_fixture.h"

#include "rank_diversity.h"
#include "rank_measure.h"

#include "../parity/rank_cases.h"

struct measure_case {
    const float *weights, *bias;
    const struct reel_csr *train, *also, *test, *genres;
    const double *recall, *ndcg, *coverage, *novelty, *diversity, *calibration;
    const double *ndcg_by_viewer;
};

#define MEASURE_CASE(name)                                                               \
    {                                                                                    \
        name##_weights, name##_bias, &name##_train, &name##_also, &name##_test,          \
            &name##_genres, name##_recall, name##_ndcg, name##_coverage, name##_novelty, \
            name##_diversity, name##_calibration, name##_ndcg_by_viewer                  \
    }

static void near(double a, double b)
{
    if (!(fabs(a - b) < 1e-9)) {
        fail_msg("%.12g is not %.12g", a, b);
    }
}

static void measures_equal_numpy(void **state)
{
    (void)state;
    const struct measure_case cases[] = {MEASURE_CASE(first), MEASURE_CASE(second)};
    const int32_t cut[] = {3, 10};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct measure_case *c = &cases[i];
        const struct linear linear = {c->train->n_cols, c->weights, c->bias, -1};
        const struct rank_source source = linear_source(&linear);
        struct reel_measure_options opt = reel_measure_options_default();
        struct reel_measures m;
        struct reel_error err;
        float ndcg[32];
        opt.cut = cut;
        assert_ok(rank_measure(&source, c->train, c->also, c->test, c->genres, &opt, &m,
                               ndcg, &err),
                  err);
        for (int k = 0; k < 2; k++) {
            near(m.recall[k].mean, c->recall[k]);
            near(m.ndcg[k].mean, c->ndcg[k]);
            near(m.coverage[k], c->coverage[k]);
            near(m.novelty[k], c->novelty[k]);
            near(m.diversity[k], c->diversity[k]);
            near(m.calibration[k], c->calibration[k]);
        }
        for (int32_t r = 0, v = 0; r < c->test->n_rows; r++) {
            if (!isnan(ndcg[r])) {
                assert_true(fabs(ndcg[r] - c->ndcg_by_viewer[v++]) < 1e-6);
            }
        }
    }
}

static const struct reel_film_table *diverse_films(void)
{
    static struct reel_film_table films;
    films.n_films = DIVERSE_N;
    films.genres = diverse_genres;
    films.keywords = diverse_keywords;
    films.people = diverse_people;
    return &films;
}

static struct rank_similarity *similarity_of(bool has_vectors)
{
    static int32_t row[DIVERSE_N];
    struct rank_source source = {.n_films = DIVERSE_N};
    struct rank_similarity *similarity;
    struct reel_error err;
    for (int32_t i = 0; i < DIVERSE_N; i++) {
        row[i] = i;
    }
    if (has_vectors) {
        source.vector = diverse_vectors;
        source.n_factors = DIVERSE_K;
    }
    assert_ok(rank_similarity_create(&source, diverse_films(), row, row, DIVERSE_N,
                                     &similarity, &err),
              err);
    return similarity;
}

static void similarities_equal_numpy(void **state)
{
    (void)state;
    struct rank_similarity *similarity = similarity_of(false);
    for (int32_t i = 0; i < DIVERSE_N; i++) {
        float row[DIVERSE_N];
        rank_similarity_row(similarity, i, row);
        for (int32_t j = 0; j < DIVERSE_N; j++) {
            assert_true(fabs(row[j] - diverse_similarity[i * DIVERSE_N + j]) < 1e-6);
        }
    }
    rank_similarity_free(similarity);
}

static void orders_equal_numpy(void **state)
{
    (void)state;
    const int32_t *want[2][2] = {{diverse_block_mmr, diverse_block_dpp},
                                 {diverse_vector_mmr, diverse_vector_dpp}};
    for (int v = 0; v < 2; v++) {
        struct rank_similarity *similarity = similarity_of(v);
        for (int method = 0; method < 2; method++) {
            for (int d = 0; d < DIVERSE_KNOBS; d++) {
                int32_t picked[DIVERSE_PICK];
                struct reel_error err;
                assert_ok(rank_diversify((enum reel_diversity_method)method,
                                         diverse_relevance, DIVERSE_N, similarity,
                                         diverse_knob[d], DIVERSE_PICK, picked, &err),
                          err);
                assert_memory_equal(picked, want[v][method] + d * DIVERSE_PICK,
                                    sizeof picked);
            }
        }
        rank_similarity_free(similarity);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_equal_numpy),
        cmocka_unit_test(similarities_equal_numpy),
        cmocka_unit_test(orders_equal_numpy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
