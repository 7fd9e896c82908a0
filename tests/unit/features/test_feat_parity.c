/** Features against NumPy: tests/parity/feature_cases.py. */
#include "../../parity/feature_cases.h"
#include "base_alloc.h"
#include "base_csr.h"
#include "feat_bridge.h"
#include "feat_lsa.h"
#include "unit.h"

#include <stdlib.h>

static void tfidf_is_that_of_numpy(void **state)
{
    (void)state;
    struct reel_features_options opt = reel_features_options_default();
    struct reel_feature_text text[TFIDF_N_TEXTS] = {{0}};
    struct reel_features *features;
    struct reel_feature_rows rows;
    struct reel_error err;
    opt.n_lsa = 0;
    for (int i = 0; i < TFIDF_N_TEXTS; i++) {
        text[i].text = tfidf_text[i];
    }
    assert_ok(reel_features_fit(text, TFIDF_N_TEXTS, &opt, &features, &err), err);
    assert_ok(reel_features_rows(features, text, TFIDF_N_TEXTS, &rows, &err), err);
    assert_int_equal(rows.n_blocks, 1);
    assert_int_equal(rows.block[0].n_cols, TFIDF_N_TERMS);
    const struct reel_csr *m = rows.block[0].sparse;
    for (int32_t t = 0; t < TFIDF_N_TERMS; t++) {
        const int32_t col =
            feat_find(features, FEAT_TEXT, tfidf_term[t], strlen(tfidf_term[t]));
        assert_true(col >= 0);
        assert_string_equal(reel_features_term(features, "text", col), tfidf_term[t]);
        for (int32_t i = 0; i < TFIDF_N_TEXTS; i++) {
            const int64_t e = base_csr_find(m, i, col);
            assert_float_equal(e < 0 ? 0 : m->value[e],
                               tfidf_value[i * TFIDF_N_TERMS + t], 2e-6);
        }
    }
    reel_feature_rows_release(&rows);
    reel_features_free(features);
}

static const struct reel_csr lsa_matrix = {LSA_N, LSA_M, lsa_start, lsa_col, lsa_value};

static void singular_values_and_vectors_are_those_of_lapack(void **state)
{
    (void)state;
    const struct reel_progress silent = {0};
    float vectors[LSA_M * LSA_K], value[LSA_K], again[LSA_M * LSA_K];
    struct reel_error err;
    for (int32_t n_threads = 1; n_threads <= 3; n_threads++) {
        struct base_pool *pool;
        assert_ok(base_pool_create(n_threads, &pool, &err), err);
        assert_ok(
            feat_lsa_fit(&lsa_matrix, LSA_K, 7, pool, &silent, vectors, value, &err),
            err);
        base_pool_free(pool);
        for (int32_t f = 0; f < LSA_K; f++) {
            assert_float_equal(value[f], lsa_singular[f], 1e-4 * lsa_singular[0]);
        }
        for (int32_t i = 0; i < LSA_M * LSA_K; i++) {
            assert_float_equal(vectors[i], lsa_vector[i], 2e-4);
        }
        if (n_threads > 1) {
            assert_memory_equal(vectors, again, sizeof vectors);
        }
        memcpy(again, vectors, sizeof again);
    }
    struct base_pool *pool;
    assert_ok(base_pool_create(1, &pool, &err), err);
    assert_int_equal(
        feat_lsa_fit(&lsa_matrix, LSA_M + 1, 7, pool, &silent, vectors, value, &err),
        REEL_EINVAL);
    base_pool_free(pool);
}

// The naive twin: dense, entry by entry.
static void multiply_naively(const struct reel_csr *a, const float *x, int32_t k,
                             float *y)
{
    for (int32_t i = 0; i < a->n_rows; i++) {
        for (int32_t f = 0; f < k; f++) {
            double sum = 0;
            for (int32_t j = 0; j < a->n_cols; j++) {
                const int64_t e = base_csr_find(a, i, j);
                sum += e < 0 ? 0 : (a->value ? a->value[e] : 1) * x[j * k + f];
            }
            y[i * k + f] = (float)sum;
        }
    }
}

static void a_sparse_product_is_the_dense_one(void **state)
{
    (void)state;
    struct base_pool *pool;
    struct reel_error err;
    assert_ok(base_pool_create(2, &pool, &err), err);
    for (int32_t k = 1; k <= 9; k += 4) {
        float x[LSA_M * 9], fast[LSA_N * 9], slow[LSA_N * 9];
        for (int32_t i = 0; i < LSA_M * k; i++) {
            x[i] = (float)((i * 37) % 11 - 5) / 4;
        }
        struct reel_csr ones = lsa_matrix;
        ones.value = NULL;
        const struct reel_csr *const both[] = {&lsa_matrix, &ones};
        for (int m = 0; m < 2; m++) {
            feat_lsa_multiply(both[m], x, k, pool, fast);
            multiply_naively(both[m], x, k, slow);
            for (int32_t i = 0; i < LSA_N * k; i++) {
                assert_float_equal(fast[i], slow[i], 1e-4);
            }
        }
    }
    base_pool_free(pool);
}

static void translations_are_those_of_model_1(void **state)
{
    (void)state;
    struct reel_features_options opt = reel_features_options_default();
    struct reel_feature_text pair[BRIDGE_N_PAIRS] = {{0}};
    struct reel_features *features;
    struct feat_words words;
    struct base_csr found;
    struct reel_error err;
    for (int i = 0; i < BRIDGE_N_PAIRS; i++) {
        pair[i].text = bridge_text[i];
        pair[i].translation = bridge_translation[i];
    }
    opt.n_lsa = 0;
    opt.n_text_min = 1;
    assert_ok(reel_features_fit(pair, BRIDGE_N_PAIRS, &opt, &features, &err), err);
    feat_words_init(&words);
    assert_ok(feat_bridge_learn(features, pair, BRIDGE_N_PAIRS, &words, &found, &err),
              err);
    feat_words_release(&words);
    assert_int_equal(found.start[found.csr.n_rows], BRIDGE_N_LIKELY);
    for (int i = 0; i < BRIDGE_N_LIKELY; i++) {
        const int32_t z =
            feat_find(features, FEAT_TEXT, bridge_from[i], strlen(bridge_from[i]));
        const int32_t e =
            feat_find(features, FEAT_TEXT, bridge_to[i], strlen(bridge_to[i]));
        const int64_t at = base_csr_find(&found.csr, z, e);
        assert_true(at >= 0);
        assert_float_equal(found.value[at], bridge_p[i], 1e-5);
    }
    base_csr_release(&found);
    reel_features_free(features);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tfidf_is_that_of_numpy),
        cmocka_unit_test(singular_values_and_vectors_are_those_of_lapack),
        cmocka_unit_test(a_sparse_product_is_the_dense_one),
        cmocka_unit_test(translations_are_those_of_model_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
