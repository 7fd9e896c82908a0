/** The bandit: what it learns, what it shows and how likely that was, and its bytes. */
#include "base_alloc.h"
#include "base_rng.h"
#include "taste_bandit.h"
#include "unit.h"

#include <math.h>

enum { N_DIMS = 6, N_ARMS = 5 };

static struct reel_bandit *bandit_make(enum reel_bandit_policy policy, double exploration,
                                       int32_t n_dims)
{
    struct reel_error err;
    struct reel_bandit *bandit;
    struct reel_bandit_options opt = reel_bandit_options_default();
    opt.policy = policy;
    opt.exploration = exploration;
    assert_ok(reel_bandit_create(n_dims, &opt, &bandit, &err), err);
    return bandit;
}

static void arms_draw(struct base_rng *rng, float *x, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        x[i * N_DIMS] = 1;
        for (int32_t j = 1; j < N_DIMS; j++) {
            x[i * N_DIMS + j] = (float)(2 * base_rng_double(rng) - 1);
        }
    }
}

static double dot(const double *w, const float *x)
{
    double sum = 0;
    for (int j = 0; j < N_DIMS; j++) {
        sum += w[j] * (double)x[j];
    }
    return sum;
}

/** Solve (ridge I + X^T X) theta = X^T r by elimination: the naive twin. */
static void ridge_naive(const float *x, const double *reward, int32_t n, double ridge,
                        double theta[N_DIMS])
{
    double a[N_DIMS][N_DIMS + 1] = {0};
    for (int i = 0; i < N_DIMS; i++) {
        a[i][i] = ridge;
        for (int32_t t = 0; t < n; t++) {
            for (int j = 0; j < N_DIMS; j++) {
                a[i][j] += (double)x[t * N_DIMS + i] * (double)x[t * N_DIMS + j];
            }
            a[i][N_DIMS] += reward[t] * (double)x[t * N_DIMS + i];
        }
    }
    for (int i = 0; i < N_DIMS; i++) {
        for (int k = i + 1; k < N_DIMS; k++) {
            const double factor = a[k][i] / a[i][i];
            for (int j = i; j <= N_DIMS; j++) {
                a[k][j] -= factor * a[i][j];
            }
        }
    }
    for (int i = N_DIMS - 1; i >= 0; i--) {
        theta[i] = a[i][N_DIMS];
        for (int j = i + 1; j < N_DIMS; j++) {
            theta[i] -= a[i][j] * theta[j];
        }
        theta[i] /= a[i][i];
    }
}

static void weights_are_those_of_ridge_regression(void **state)
{
    (void)state;
    enum { N = 40 };
    float x[N * N_DIMS];
    double reward[N], theta[N_DIMS];
    struct base_rng rng;
    struct reel_error err;
    base_rng_init(&rng, 3, 0);
    arms_draw(&rng, x, N);
    struct reel_bandit *bandit = bandit_make(REEL_BANDIT_LINUCB, 0.5, N_DIMS);
    for (int32_t t = 0; t < N; t++) {
        reward[t] = base_rng_double(&rng);
        assert_ok(reel_bandit_learn(bandit, x + t * N_DIMS, 0, reward[t], NULL, &err),
                  err);
    }
    ridge_naive(x, reward, N, 1, theta);
    for (int j = 0; j < N_DIMS; j++) {
        assert_true(fabs(theta[j] - bandit->theta[j]) < 1e-9);
    }
    assert_int_equal(reel_bandit_n_learned(bandit), N);
    reel_bandit_free(bandit);
}

static void propensities_are_bounded_and_what_is_drawn(void **state)
{
    (void)state;
    enum { N_PICKS = 4000 };
    for (int policy = REEL_BANDIT_LINUCB; policy <= REEL_BANDIT_THOMPSON; policy++) {
        float x[N_ARMS * N_DIMS];
        struct base_rng rng;
        struct reel_error err;
        base_rng_init(&rng, 5, 0);
        arms_draw(&rng, x, N_ARMS);
        struct reel_bandit *bandit =
            bandit_make((enum reel_bandit_policy)policy, 0.4, N_DIMS);
        for (int t = 0; t < 10; t++) {
            assert_ok(reel_bandit_learn(bandit, x + t % N_ARMS * N_DIMS, 0,
                                        t % N_ARMS == 2, NULL, &err),
                      err);
        }
        double mean[N_ARMS], seen[N_ARMS] = {0}, expected[N_ARMS] = {0};
        assert_ok(reel_bandit_value(bandit, x, N_ARMS, mean, NULL, &err), err);
        for (int t = 0; t < N_PICKS; t++) {
            int32_t order[N_ARMS];
            double propensity[N_ARMS], sum = 0, best = 0;
            assert_ok(reel_bandit_rank(bandit, x, NULL, N_ARMS, (uint64_t)t, order,
                                       propensity, &err),
                      err);
            for (int a = 0; a < N_ARMS; a++) {
                assert_true(propensity[a] >= 0.4 * 0.1 / N_ARMS - 1e-12);
                sum += propensity[a];
                expected[a] += propensity[a] / N_PICKS;
                best = mean[a] >= mean[2] ? fmax(best, propensity[a]) : best;
            }
            assert_true(fabs(sum - 1) < 1e-9);
            assert_true(propensity[2] >= 0.6); // the best of mean keeps its share
            seen[order[0]] += 1.0 / N_PICKS;
            for (int i = 2; i < N_ARMS; i++) {
                assert_true(mean[order[i - 1]] >= mean[order[i]]);
            }
        }
        for (int a = 0; a < N_ARMS; a++) {
            assert_true(fabs(seen[a] - expected[a]) < 0.03);
        }
        reel_bandit_free(bandit);
    }
}

static void same_seed_gives_the_same_order(void **state)
{
    (void)state;
    float x[N_ARMS * N_DIMS];
    struct base_rng rng;
    struct reel_error err;
    base_rng_init(&rng, 9, 0);
    arms_draw(&rng, x, N_ARMS);
    struct reel_bandit *bandit = bandit_make(REEL_BANDIT_THOMPSON, 1, N_DIMS);
    int32_t order[2][N_ARMS];
    double propensity[2][N_ARMS];
    for (int i = 0; i < 2; i++) {
        assert_ok(
            reel_bandit_rank(bandit, x, NULL, N_ARMS, 77, order[i], propensity[i], &err),
            err);
    }
    assert_memory_equal(order[0], order[1], sizeof order[0]);
    assert_memory_equal(propensity[0], propensity[1], sizeof propensity[0]);
    reel_bandit_free(bandit);
}

/** What is expected before the weights speak decides until they know better. */
static void prior_leads_until_choices_speak(void **state)
{
    (void)state;
    const float x[4] = {1, 0, 0, 1};
    const double prior[2] = {0.3, 0.6};
    int32_t order[2];
    double propensity[2], mean[2];
    struct reel_error err;
    struct reel_bandit *bandit = bandit_make(REEL_BANDIT_LINUCB, 0, 2);
    assert_ok(reel_bandit_rank(bandit, x, prior, 2, 1, order, propensity, &err), err);
    assert_int_equal(order[0], 1);
    for (int t = 0; t < 20; t++) {
        assert_ok(reel_bandit_learn(bandit, x, 0.3, 1, NULL, &err), err);
        assert_ok(reel_bandit_learn(bandit, x + 2, 0.6, 0.6, NULL, &err), err);
    }
    assert_ok(reel_bandit_rank(bandit, x, prior, 2, 1, order, propensity, &err), err);
    assert_int_equal(order[0], 0);
    assert_ok(reel_bandit_value(bandit, x, 2, mean, NULL, &err), err);
    assert_true(fabs(mean[0] - 0.7 * 20 / 21) < 1e-9); // ridge 1
    assert_true(fabs(mean[1]) < 1e-9);
    reel_bandit_free(bandit);
}

static void without_exploration_the_best_is_certain(void **state)
{
    (void)state;
    const float x[2] = {1, -1};
    int32_t order[2];
    double propensity[2];
    struct reel_error err;
    struct reel_bandit *bandit = bandit_make(REEL_BANDIT_THOMPSON, 0, 1);
    assert_ok(reel_bandit_learn(bandit, x, 0, 1, NULL, &err), err);
    assert_ok(reel_bandit_rank(bandit, x, NULL, 2, 1, order, propensity, &err), err);
    assert_int_equal(order[0], 0);
    assert_true(propensity[0] == 1 && propensity[1] == 0);
    reel_bandit_free(bandit);
}

/** Mean regret of the last half of `n_rounds`; policy -1 shows at random. */
static double regret_of(int policy, double exploration, int n_rounds, uint64_t seed)
{
    static const double truth[N_DIMS] = {0.5, 0.2, -0.2, 0.1, 0, -0.1};
    struct base_rng rng;
    struct reel_error err;
    double regret = 0;
    base_rng_init(&rng, seed, 0);
    struct reel_bandit *bandit =
        bandit_make(policy < 0 ? REEL_BANDIT_LINUCB : (enum reel_bandit_policy)policy,
                    exploration, N_DIMS);
    for (int t = 0; t < n_rounds; t++) {
        float x[N_ARMS * N_DIMS];
        int32_t order[N_ARMS];
        double propensity[N_ARMS], best = 0;
        arms_draw(&rng, x, N_ARMS);
        assert_ok(reel_bandit_rank(bandit, x, NULL, N_ARMS, seed + (uint64_t)t, order,
                                   propensity, &err),
                  err);
        const int32_t shown =
            policy < 0 ? (int32_t)base_rng_below(&rng, N_ARMS) : order[0];
        for (int a = 0; a < N_ARMS; a++) {
            best = fmax(best, dot(truth, x + a * N_DIMS));
        }
        const double p = dot(truth, x + shown * N_DIMS);
        assert_ok(reel_bandit_learn(bandit, x + shown * N_DIMS, 0,
                                    base_rng_double(&rng) < p, NULL, &err),
                  err);
        regret += t >= n_rounds / 2 ? (best - p) / (n_rounds - n_rounds / 2) : 0;
    }
    reel_bandit_free(bandit);
    return regret;
}

static void regret_falls_far_below_chance(void **state)
{
    (void)state;
    double chance = 0, ucb = 0, thompson = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        chance += regret_of(-1, 0, 400, seed) / 5;
        ucb += regret_of(REEL_BANDIT_LINUCB, 0.3, 400, seed) / 5;
        thompson += regret_of(REEL_BANDIT_THOMPSON, 0.3, 400, seed) / 5;
    }
    print_message("regret: chance %.4f, LinUCB %.4f, Thompson %.4f\n", chance, ucb,
                  thompson);
    assert_true(ucb < chance / 4);
    assert_true(thompson < chance / 4);
}

/** Taste turns around after 300 rounds. Gives regret after the turn, and resets. */
static double turn(double drift, uint64_t seed, int *n_resets, int *n_false)
{
    struct base_rng rng;
    struct reel_error err;
    struct reel_bandit *bandit;
    struct reel_bandit_options opt = reel_bandit_options_default();
    opt.drift = drift;
    base_rng_init(&rng, seed, 0);
    assert_ok(reel_bandit_create(N_DIMS, &opt, &bandit, &err), err);
    double regret = 0;
    for (int t = 0; t < 450; t++) {
        float x[N_ARMS * N_DIMS];
        int32_t order[N_ARMS];
        double propensity[N_ARMS], best = 0;
        bool was_reset;
        const double side = t < 300 ? 0.45 : -0.45;
        arms_draw(&rng, x, N_ARMS);
        assert_ok(reel_bandit_rank(bandit, x, NULL, N_ARMS, (uint64_t)t, order,
                                   propensity, &err),
                  err);
        for (int a = 0; a < N_ARMS; a++) {
            best = fmax(best, 0.5 + side * (double)x[a * N_DIMS + 1]);
        }
        const double p = 0.5 + side * (double)x[order[0] * N_DIMS + 1];
        assert_ok(reel_bandit_learn(bandit, x + order[0] * N_DIMS, 0,
                                    base_rng_double(&rng) < p, &was_reset, &err),
                  err);
        *n_resets += was_reset && t >= 300;
        *n_false += was_reset && t < 300;
        regret += t >= 300 ? (best - p) / 150 : 0;
    }
    reel_bandit_free(bandit);
    return regret;
}

static void drift_resets_and_pays(void **state)
{
    (void)state;
    enum { N_RUNS = 10 };
    int n_resets = 0, n_false = 0, none = 0;
    double with = 0, without = 0;
    for (uint64_t seed = 1; seed <= N_RUNS; seed++) {
        with += turn(1, seed, &n_resets, &n_false) / N_RUNS;
        without += turn(0, seed, &none, &none) / N_RUNS;
    }
    print_message("after the turn: regret %.3f with resets, %.3f without; %d resets, "
                  "%d false\n",
                  with, without, n_resets, n_false);
    assert_int_equal(none, 0);
    assert_true(n_resets >= N_RUNS && n_false <= 1);
    assert_true(with < 0.6 * without);
}

static void simulated_regret_flattens_and_a_turn_is_survived(void **state)
{
    (void)state;
    enum { N = 600, TURN = 300 };
    double chance[N], best[N];
    struct reel_error err;
    const struct reel_bandit_options opt = reel_bandit_options_default();
    assert_ok(reel_bandit_simulate(NULL, N, TURN, 4, chance, &err), err);
    assert_ok(reel_bandit_simulate(&opt, N, TURN, 4, best, &err), err);
    for (int t = 1; t < N; t++) {
        assert_true(chance[t] >= chance[t - 1] && best[t] >= best[t - 1]);
    }
    assert_true(best[TURN - 1] < 0.4 * chance[TURN - 1]);
    const double after = best[N - 1] - best[TURN + 99];
    assert_true(after < 0.4 * (chance[N - 1] - chance[TURN + 99]));
    assert_int_equal(reel_bandit_simulate(&opt, -1, 0, 4, best, &err), REEL_EINVAL);
}

static void bytes_come_back_the_same(void **state)
{
    (void)state;
    float x[N_ARMS * N_DIMS];
    struct base_rng rng;
    struct reel_error err;
    base_rng_init(&rng, 11, 0);
    struct reel_bandit *bandit = bandit_make(REEL_BANDIT_THOMPSON, 0.3, N_DIMS), *again;
    for (int t = 0; t < 50; t++) {
        arms_draw(&rng, x, 1);
        assert_ok(reel_bandit_learn(bandit, x, 0, t % 3 == 0, NULL, &err), err);
    }
    unsigned char *bytes, *bytes_again;
    size_t n, n_again;
    assert_ok(reel_bandit_save(bandit, &bytes, &n, &err), err);
    assert_ok(reel_bandit_load(bytes, n, &again, &err), err);
    assert_ok(reel_bandit_save(again, &bytes_again, &n_again, &err), err);
    assert_int_equal(n, n_again);
    assert_memory_equal(bytes, bytes_again, n);
    arms_draw(&rng, x, N_ARMS);
    int32_t order[2][N_ARMS];
    double propensity[2][N_ARMS];
    assert_ok(reel_bandit_rank(bandit, x, NULL, N_ARMS, 4, order[0], propensity[0], &err),
              err);
    assert_ok(reel_bandit_rank(again, x, NULL, N_ARMS, 4, order[1], propensity[1], &err),
              err);
    assert_memory_equal(order[0], order[1], sizeof order[0]);

    // Shortened anywhere, or with any byte of the head turned, it is refused or harmless.
    struct reel_bandit *broken;
    for (size_t cut = 0; cut < n; cut += 37) {
        assert_int_equal(reel_bandit_load(bytes, cut, &broken, &err), REEL_EFORMAT);
        assert_null(broken);
    }
    for (size_t i = 0; i < n; i++) {
        bytes[i] ^= 0x41;
        if (reel_bandit_load(bytes, n, &broken, &err) == REEL_OK) {
            assert_ok(reel_bandit_rank(broken, x, NULL, N_ARMS, 4, order[1],
                                       propensity[1], &err),
                      err);
            reel_bandit_free(broken);
        } else {
            assert_null(broken);
        }
        bytes[i] ^= 0x41;
    }
    reel_bandit_bytes_free(bytes);
    reel_bandit_bytes_free(bytes_again);
    reel_bandit_free(bandit);
    reel_bandit_free(again);
}

static void what_is_out_of_range_is_refused(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_bandit *bandit;
    struct reel_bandit_options opt = reel_bandit_options_default();
    assert_int_equal(reel_bandit_create(0, &opt, &bandit, &err), REEL_EINVAL);
    opt.exploration = 1.5;
    assert_int_equal(reel_bandit_create(2, &opt, &bandit, &err), REEL_EINVAL);
    opt = reel_bandit_options_default();
    opt.ridge = 0;
    assert_int_equal(reel_bandit_create(2, &opt, &bandit, &err), REEL_EINVAL);
    bandit = bandit_make(REEL_BANDIT_LINUCB, 0.1, 2);
    const float good[2] = {1, 0}, bad[2] = {1, NAN};
    assert_int_equal(reel_bandit_learn(bandit, good, 0, 1.1, NULL, &err), REEL_EINVAL);
    assert_int_equal(reel_bandit_learn(bandit, good, NAN, 1, NULL, &err), REEL_EINVAL);
    assert_int_equal(reel_bandit_learn(bandit, bad, 0, 1, NULL, &err), REEL_EINVAL);
    assert_int_equal(reel_bandit_n_learned(bandit), 0);
    reel_bandit_free(bandit);
}

static void arms_have_features_by_what_they_are(void **state)
{
    (void)state;
    float a[REEL_ARM_DIMS], b[REEL_ARM_DIMS];
    struct reel_arm arm = {.event = "betrayal",
                           .tone = "dark",
                           .genres = "Crime, Thriller",
                           .intensity = 0.75,
                           .novelty = 1};
    reel_arm_features(&arm, a);
    assert_true(a[0] == 1 && a[1] == 0.5F && a[2] == 1 && a[3] == 1);
    double n_other = 0, square = 0;
    for (int i = 3; i < REEL_ARM_DIMS; i++) {
        n_other += a[i] != 0;
        square += (double)(a[i] * a[i]);
    }
    assert_true(n_other >= 3 && fabs(square - 3) < 0.6); // tone, genres, event
    arm.genres = "thriller,crime";                       // order and case are no matter
    reel_arm_features(&arm, b);
    assert_memory_equal(a, b, sizeof a);
    arm.event = "rescue";
    reel_arm_features(&arm, b);
    assert_memory_not_equal(a, b, sizeof a);
    reel_arm_features(&(struct reel_arm){.intensity = 0.5}, a);
    for (int i = 1; i < REEL_ARM_DIMS; i++) {
        assert_true(a[i] == 0);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    const float x[2] = {1, 0.5F};
    for (long n = 0;; n++) {
        struct reel_error err;
        struct reel_bandit *bandit = NULL, *again = NULL;
        unsigned char *bytes = NULL;
        size_t n_bytes;
        int32_t order[2];
        double propensity[2];
        const struct reel_bandit_options opt = reel_bandit_options_default();
        base_alloc_fail_after(n);
        enum reel_status rc = reel_bandit_create(1, &opt, &bandit, &err);
        rc = rc ? rc : reel_bandit_rank(bandit, x, NULL, 2, 1, order, propensity, &err);
        rc = rc ? rc : reel_bandit_save(bandit, &bytes, &n_bytes, &err);
        rc = rc ? rc : reel_bandit_load(bytes, n_bytes, &again, &err);
        base_alloc_fail_after(-1);
        reel_bandit_free(bandit);
        reel_bandit_free(again);
        reel_bandit_bytes_free(bytes);
        if (rc == REEL_OK) {
            assert_true(n >= 8);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_those_of_ridge_regression),
        cmocka_unit_test(propensities_are_bounded_and_what_is_drawn),
        cmocka_unit_test(same_seed_gives_the_same_order),
        cmocka_unit_test(prior_leads_until_choices_speak),
        cmocka_unit_test(without_exploration_the_best_is_certain),
        cmocka_unit_test(regret_falls_far_below_chance),
        cmocka_unit_test(drift_resets_and_pays),
        cmocka_unit_test(simulated_regret_flattens_and_a_turn_is_survived),
        cmocka_unit_test(bytes_come_back_the_same),
        cmocka_unit_test(what_is_out_of_range_is_refused),
        cmocka_unit_test(arms_have_features_by_what_they_are),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
