/** The passes over a vocabulary against their naive twins, and what makes siblings differ. */
#include "unit.h"

#include "base_alloc.h"
#include "lm_sampler.h"

#include <math.h>
#include <stdlib.h>

enum { N_MAX = 5000 };

static float noise[N_MAX];

static void fill(struct base_rng *rng, int32_t n, double spread)
{
    for (int32_t i = 0; i < n; i++) {
        noise[i] = (float)(spread * base_rng_normal(rng));
    }
}

static void log_sum_exp_agrees_with_its_twin(void **state)
{
    (void)state;
    static const int32_t sizes[] = {0, 1, 2, 15, 16, 17, 63, 1000, 1023, 1025, N_MAX};
    struct base_rng rng;
    base_rng_init(&rng, 1, 0);
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        for (int k = 0; k < 5; k++) {
            fill(&rng, sizes[s], k * 10);
            if (k == 4) {
                for (int32_t i = 0; i < sizes[s]; i += 3) {
                    noise[i] = -INFINITY;
                }
            }
            const double naive = lm_log_sum_exp_naive(noise, sizes[s]);
            const double fast = lm_log_sum_exp(noise, sizes[s]);
            if (isinf(naive)) {
                assert_true(fast == naive);
            } else {
                assert_true(fabs(fast - naive) < 1e-5 * (1 + fabs(naive)));
            }
        }
    }
}

static int by_candidate(const void *a, const void *b)
{
    const struct lm_candidate *x = a, *y = b;
    return x->logit != y->logit ? (x->logit < y->logit ? 1 : -1)
                                : (x->token > y->token) - (x->token < y->token);
}

static void largest_agrees_with_its_twin(void **state)
{
    (void)state;
    static const int32_t sizes[] = {0, 1, 7, 64, 65, 1000, N_MAX};
    static const int32_t wanted[] = {0, 1, 2, 40, 104, N_MAX, N_MAX + 5};
    static struct lm_candidate fast[N_MAX + 5], naive[N_MAX + 5];
    struct base_rng rng;
    base_rng_init(&rng, 2, 0);
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        for (size_t w = 0; w < COUNT_OF(wanted); w++) {
            fill(&rng, sizes[s], 3);
            const int32_t n = lm_largest(noise, sizes[s], wanted[w], fast);
            assert_int_equal(n, lm_largest_naive(noise, sizes[s], wanted[w], naive));
            qsort(fast, (size_t)n, sizeof *fast, by_candidate);
            for (int32_t i = 0; i < n; i++) {
                assert_int_equal(fast[i].token, naive[i].token);
            }
        }
    }
}

// ---- choosing ----

enum { N_VOCABULARY = 8 };
static const uint8_t comma_is_free[N_VOCABULARY] = {[7] = 1};
static const struct lm_vocabulary eight = {N_VOCABULARY, comma_is_free};

static struct reel_lm_request plain(void)
{
    struct reel_lm_request request = reel_lm_request_default();
    request.repeat_cost = request.ngram_cost = request.sibling_cost = 0;
    request.top_k = 0;
    request.top_p = 1;
    request.min_p = 0;
    request.temperature = 1;
    return request;
}

static int32_t choose(const struct reel_lm_request *request, const float *logits,
                      const int32_t *own, int32_t n_own, struct lm_group *group,
                      struct base_rng *rng)
{
    struct lm_sampler sampler = {0};
    struct lm_choice choice;
    struct reel_error err = {0};
    assert_ok(lm_sampler_choose(&sampler, &eight, request, logits, own, n_own, group, rng,
                                &choice, &err),
              err);
    const double logp =
        (double)logits[choice.token] - lm_log_sum_exp_naive(logits, N_VOCABULARY);
    assert_true(fabs(choice.logp - logp) < 1e-5);
    lm_sampler_release(&sampler);
    return choice.token;
}

static void draws_follow_the_probabilities(void **state)
{
    (void)state;
    static const float logits[N_VOCABULARY] = {0, 1, 2, -1, 0.5F, -3, 1.5F, -2};
    enum { N_DRAWS = 20000 };
    for (int t = 1; t <= 2; t++) {
        struct reel_lm_request request = plain();
        request.temperature = t;
        struct base_rng rng;
        base_rng_init(&rng, 3, 0);
        int32_t n[N_VOCABULARY] = {0};
        double sum = 0;
        for (int i = 0; i < N_DRAWS; i++) {
            n[choose(&request, logits, NULL, 0, NULL, &rng)]++;
        }
        for (int k = 0; k < N_VOCABULARY; k++) {
            sum += exp((double)logits[k] / t);
        }
        for (int k = 0; k < N_VOCABULARY; k++) {
            const double p = exp((double)logits[k] / t) / sum;
            const double spread = sqrt(p * (1 - p) * N_DRAWS);
            assert_true(fabs(n[k] - p * N_DRAWS) < 5 * spread);
        }
    }
}

static void cuts_leave_only_the_likely(void **state)
{
    (void)state;
    static const float logits[N_VOCABULARY] = {0, 1, 2, -1, 0.5F, -3, 1.9F, -2};
    struct reel_lm_request by_k = plain(), by_p = plain(), by_min = plain(),
                           greedy = plain();
    by_k.top_k = 2;
    by_p.top_p = 0.5; // token 2 alone has .32, with token 6 .61
    by_min.min_p = 0.9;
    greedy.temperature = 0;
    struct base_rng rng;
    base_rng_init(&rng, 4, 0);
    for (int i = 0; i < 200; i++) {
        int32_t t = choose(&by_k, logits, NULL, 0, NULL, &rng);
        assert_true(t == 2 || t == 6);
        t = choose(&by_p, logits, NULL, 0, NULL, &rng);
        assert_true(t == 2 || t == 6);
        t = choose(&by_min, logits, NULL, 0, NULL, &rng);
        assert_true(t == 2 || t == 6);
        assert_int_equal(choose(&greedy, logits, NULL, 0, NULL, &rng), 2);
    }
}

static void same_seed_draws_the_same(void **state)
{
    (void)state;
    static const float flat[N_VOCABULARY] = {0};
    const struct reel_lm_request request = plain();
    int n_same = 0;
    struct base_rng a, b, other;
    base_rng_init(&a, 5, 1);
    base_rng_init(&b, 5, 1);
    base_rng_init(&other, 5, 2);
    for (int i = 0; i < 100; i++) {
        const int32_t t = choose(&request, flat, NULL, 0, NULL, &a);
        assert_int_equal(t, choose(&request, flat, NULL, 0, NULL, &b));
        n_same += t == choose(&request, flat, NULL, 0, NULL, &other);
    }
    assert_in_range(n_same, 1, 40);
}

static void repeats_cost_but_not_of_signs(void **state)
{
    (void)state;
    struct reel_lm_request request = plain();
    request.repeat_cost = 0.3;
    static const int32_t own[] = {1, 2, 1, 7, 7, 7};
    assert_true(fabs(lm_penalty(&eight, &request, own, 6, NULL, 1) - 0.6) < 1e-9);
    assert_true(fabs(lm_penalty(&eight, &request, own, 6, NULL, 2) - 0.3) < 1e-9);
    assert_true(lm_penalty(&eight, &request, own, 6, NULL, 3) == 0);
    assert_true(lm_penalty(&eight, &request, own, 6, NULL, 7) == 0);
    request.repeat_window = 4; // the first two are forgotten
    assert_true(fabs(lm_penalty(&eight, &request, own, 6, NULL, 1) - 0.3) < 1e-9);
    assert_true(lm_penalty(&eight, &request, own, 6, NULL, 2) == 0);
}

static void longer_repeats_cost_more(void **state)
{
    (void)state;
    struct reel_lm_request request = plain();
    request.ngram_cost = 1;
    static const int32_t own[] = {1, 2, 3, 4, 5, 1, 2, 3, 4};
    assert_true(lm_penalty(&eight, &request, own, 7, NULL, 3) == 1); // 1 2 3 again
    assert_true(lm_penalty(&eight, &request, own, 8, NULL, 4) == 2);
    assert_true(lm_penalty(&eight, &request, own, 9, NULL, 5) == 3);
    assert_true(lm_penalty(&eight, &request, own, 6, NULL, 2) == 0); // only two alike
    assert_true(lm_penalty(&eight, &request, own, 9, NULL, 6) == 0);
}

static void siblings_shun_what_others_wrote(void **state)
{
    (void)state;
    struct reel_lm_request request = plain();
    request.sibling_cost = 0.5;
    struct lm_group *group;
    struct reel_error err = {0};
    assert_ok(lm_group_create(&group, &err), err);
    static const int32_t other[] = {1, 2, 3};
    for (int sibling = 0; sibling < 2; sibling++) {
        for (int32_t n = 1; n <= 3; n++) {
            assert_ok(lm_group_add(group, other, n, &err), err);
        }
    }
    // Two siblings began with 1; nobody began with 2.
    assert_true(lm_penalty(&eight, &request, NULL, 0, group, 1) == 1);
    assert_true(lm_penalty(&eight, &request, NULL, 0, group, 2) == 0);
    // 1 2 3 at the same place: the place and the three-gram; elsewhere the three-gram alone.
    static const int32_t later[] = {5, 1, 2};
    assert_true(lm_penalty(&eight, &request, other, 2, group, 3) == 3);
    assert_true(lm_penalty(&eight, &request, later, 3, group, 3) == 2);
    assert_true(lm_penalty(&eight, &request, other, 2, group, 7) == 0);
    // And so a greedy sibling begins with another word.
    static const float logits[N_VOCABULARY] = {0, 3, 2.5F, 0, 0, 0, 0, 0};
    request.temperature = 0;
    struct base_rng rng;
    base_rng_init(&rng, 6, 0);
    assert_int_equal(choose(&request, logits, NULL, 0, NULL, &rng), 1);
    assert_int_equal(choose(&request, logits, NULL, 0, group, &rng), 2);
    lm_group_free(group);
}

static void groups_remember_thousands(void **state)
{
    (void)state;
    struct reel_lm_request request = plain();
    request.sibling_cost = 1;
    struct lm_group *group;
    struct reel_error err = {0};
    static int32_t own[4000];
    assert_ok(lm_group_create(&group, &err), err);
    for (int32_t i = 0; i < 4000; i++) {
        own[i] = i % 7;
        assert_ok(lm_group_add(group, own, i + 1, &err), err);
    }
    for (int32_t i = 0; i < 2; i++) {
        assert_true(lm_penalty(&eight, &request, own, i, group, own[i]) == 1);
        assert_true(lm_penalty(&eight, &request, own, i, group, (own[i] + 1) % 7) == 0);
    }
    lm_group_free(group);
}

static void says_when_there_is_nothing_to_choose(void **state)
{
    (void)state;
    const float nothing[N_VOCABULARY] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    float none[N_VOCABULARY];
    for (int i = 0; i < N_VOCABULARY; i++) {
        none[i] = -INFINITY;
    }
    const float *const bad[] = {nothing, none};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        for (int32_t k = 0; k < 3; k++) {
            struct lm_sampler sampler = {0};
            struct lm_choice choice;
            struct reel_error err = {0};
            struct base_rng rng;
            struct reel_lm_request request = plain();
            request.top_k = k;
            base_rng_init(&rng, 1, 1);
            assert_int_equal(lm_sampler_choose(&sampler, &eight, &request, bad[i], NULL,
                                               0, NULL, &rng, &choice, &err),
                             REEL_EFAIL);
            lm_sampler_release(&sampler);
        }
    }
}

static void survives_every_refused_allocation(void **state)
{
    (void)state;
    static const float flat[N_VOCABULARY] = {0};
    static const int32_t own[2000];
    const struct reel_lm_request request = plain();
    for (long n = 0;; n++) {
        struct lm_group *group = NULL;
        struct lm_sampler sampler = {0};
        struct lm_choice choice;
        struct reel_error err = {0};
        struct base_rng rng;
        base_rng_init(&rng, 1, 1);
        base_alloc_fail_after(n);
        enum reel_status rc = lm_group_create(&group, &err);
        for (int32_t i = 0; rc == REEL_OK && i < 2000; i++) {
            rc = lm_group_add(group, own, i + 1, &err);
        }
        rc = rc ? rc
                : lm_sampler_choose(&sampler, &eight, &request, flat, NULL, 0, group,
                                    &rng, &choice, &err);
        base_alloc_fail_after(-1);
        lm_group_free(group);
        lm_sampler_release(&sampler);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_sum_exp_agrees_with_its_twin),
        cmocka_unit_test(largest_agrees_with_its_twin),
        cmocka_unit_test(draws_follow_the_probabilities),
        cmocka_unit_test(cuts_leave_only_the_likely),
        cmocka_unit_test(same_seed_draws_the_same),
        cmocka_unit_test(repeats_cost_but_not_of_signs),
        cmocka_unit_test(longer_repeats_cost_more),
        cmocka_unit_test(siblings_shun_what_others_wrote),
        cmocka_unit_test(groups_remember_thousands),
        cmocka_unit_test(says_when_there_is_nothing_to_choose),
        cmocka_unit_test(survives_every_refused_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
