/** Word vectors: words of like surroundings come to lie together, and always alike. */
#include "base_linalg.h"
#include "base_rng.h"
#include "feat_skipgram.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>

enum { N_WORDS = 12, N_TEXTS = 150, N_TOKENS = N_TEXTS * 7, K = 8 };

/** Texts of words of one half or of the other: 0 .. 5 or 6 .. 11. */
static void corpus_make(int32_t token[N_TOKENS])
{
    struct base_rng rng;
    base_rng_init(&rng, 3, 0);
    for (int i = 0; i < N_TOKENS; i++) {
        token[i] = i % 7 == 6 ? -1 : (int32_t)base_rng_below(&rng, 6) + i / 7 % 2 * 6;
    }
}

static void learn(int32_t n_threads, uint64_t seed, float vectors[N_WORDS * K])
{
    static int32_t token[N_TOKENS];
    const struct reel_progress silent = {0};
    struct feat_skipgram_options opt = feat_skipgram_options_default(N_TOKENS);
    struct base_pool *pool;
    struct reel_error err;
    corpus_make(token);
    opt.n_vector = K;
    opt.seed = seed;
    opt.subsample = 0;
    assert_int_equal(opt.n_epochs, 20);
    assert_ok(base_pool_create(n_threads, &pool, &err), err);
    assert_ok(
        feat_skipgram_fit(token, N_TOKENS, N_WORDS, &opt, pool, &silent, vectors, &err),
        err);
    base_pool_free(pool);
}

static double cosine(const float *v, int a, int b)
{
    const float *x = v + a * K, *y = v + b * K;
    return base_dot(x, y, K) / sqrt((double)base_dot(x, x, K) * base_dot(y, y, K));
}

static void words_of_like_surroundings_lie_together(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 2; n_threads++) {
        float v[N_WORDS * K];
        learn(n_threads, 1, v);
        double near = 0, far = 0;
        for (int a = 0; a < N_WORDS; a++) {
            for (int b = 0; b < a; b++) {
                *(a / 6 == b / 6 ? &near : &far) += cosine(v, a, b);
            }
        }
        assert_true(near / 30 > 0.6);
        assert_true(far / 36 < near / 30 - 0.5);
    }
}

static void same_seed_and_threads_same_bits(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 3; n_threads++) {
        float a[N_WORDS * K], b[N_WORDS * K], other[N_WORDS * K];
        learn(n_threads, 5, a);
        learn(n_threads, 5, b);
        learn(n_threads, 6, other);
        assert_memory_equal(a, b, sizeof a);
        assert_memory_not_equal(a, other, sizeof a);
    }
}

static void no_tokens_leave_vectors_as_they_began(void **state)
{
    (void)state;
    const struct reel_progress silent = {0};
    struct feat_skipgram_options opt = feat_skipgram_options_default(0);
    struct base_pool *pool;
    struct reel_error err;
    float v[2 * K];
    opt.n_vector = K;
    assert_ok(base_pool_create(2, &pool, &err), err);
    assert_ok(feat_skipgram_fit(NULL, 0, 2, &opt, pool, &silent, v, &err), err);
    base_pool_free(pool);
    for (int i = 0; i < 2 * K; i++) {
        assert_true(fabsf(v[i]) <= 0.5F / K);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_like_surroundings_lie_together),
        cmocka_unit_test(same_seed_and_threads_same_bits),
        cmocka_unit_test(no_tokens_leave_vectors_as_they_began),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
