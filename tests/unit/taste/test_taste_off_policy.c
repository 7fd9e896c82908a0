/** Off-policy estimates against simulated logs whose truth is known. */
#include "base_alloc.h"
#include "base_rng.h"
#include "unit.h"

#include <forkreel/feedback.h>

#include <math.h>

enum { N_ARMS = 4, N_KINDS = 5, N_LOG = 600 };

/** Situations of a few kinds; a reward depends on kind and arm; two policies. */
struct world {
    double reward[N_KINDS][N_ARMS], guess[N_KINDS][N_ARMS];
    double logging[N_KINDS][N_ARMS], target[N_KINDS][N_ARMS];
};

static void policy_make(double policy[N_ARMS], double floor, struct base_rng *rng)
{
    double sum = 0;
    for (int a = 0; a < N_ARMS; a++) {
        policy[a] = floor + base_rng_double(rng);
        sum += policy[a];
    }
    for (int a = 0; a < N_ARMS; a++) {
        policy[a] /= sum;
    }
}

static struct world world_make(struct base_rng *rng)
{
    struct world world;
    for (int k = 0; k < N_KINDS; k++) {
        for (int a = 0; a < N_ARMS; a++) {
            world.reward[k][a] = 0.1 + 0.8 * base_rng_double(rng);
            // A model that is right about the order of things and wrong by a fifth.
            world.guess[k][a] = world.reward[k][a] + 0.2 * (base_rng_double(rng) - 0.5);
        }
        policy_make(world.logging[k], 0.1, rng);
        policy_make(world.target[k], 0.0, rng);
    }
    return world;
}

static double truth_of(const struct world *world)
{
    double sum = 0;
    for (int k = 0; k < N_KINDS; k++) {
        for (int a = 0; a < N_ARMS; a++) {
            sum += world->target[k][a] * world->reward[k][a] / N_KINDS;
        }
    }
    return sum;
}

static void log_make(const struct world *world, int32_t n, struct base_rng *rng,
                     struct reel_logged *log)
{
    for (int32_t i = 0; i < n; i++) {
        const uint32_t k = base_rng_below(rng, N_KINDS);
        double u = base_rng_double(rng), mean = 0;
        int a = 0;
        while (a < N_ARMS - 1 && (u -= world->logging[k][a]) >= 0) {
            a++;
        }
        for (int b = 0; b < N_ARMS; b++) {
            mean += world->target[k][b] * world->guess[k][b];
        }
        log[i] = (struct reel_logged){
            .propensity = world->logging[k][a],
            .target = world->target[k][a],
            .reward = base_rng_double(rng) < world->reward[k][a],
            .model_shown = world->guess[k][a],
            .model_target = mean,
        };
    }
}

static bool holds(const struct reel_estimate *estimate, double truth)
{
    return estimate->low <= truth && truth <= estimate->high;
}

static double width(const struct reel_estimate *estimate)
{
    return estimate->high - estimate->low;
}

static void truth_lies_within_the_intervals(void **state)
{
    (void)state;
    enum { N_RUNS = 100 };
    static struct reel_logged log[N_LOG];
    int n_ips = 0, n_snips = 0, n_robust = 0;
    double off_ips = 0, off_robust = 0, width_ips = 0, width_robust = 0;
    for (uint64_t run = 0; run < N_RUNS; run++) {
        struct base_rng rng;
        struct reel_error err;
        struct reel_off_policy said;
        base_rng_init(&rng, 7, run);
        const struct world world = world_make(&rng);
        const double truth = truth_of(&world);
        log_make(&world, N_LOG, &rng, log);
        assert_ok(reel_off_policy_evaluate(log, N_LOG, run, &said, &err), err);
        n_ips += holds(&said.ips, truth);
        n_snips += holds(&said.snips, truth);
        n_robust += holds(&said.doubly_robust, truth);
        off_ips += fabs(said.ips.value - truth);
        off_robust += fabs(said.doubly_robust.value - truth);
        width_ips += width(&said.ips) / N_RUNS;
        width_robust += width(&said.doubly_robust) / N_RUNS;
        assert_true(said.ips.n_effective > 0 && said.ips.n_effective <= N_LOG);
    }
    print_message(
        "truth within: IPS %d, SNIPS %d, DR %d of %d; width IPS %.3f, DR %.3f\n", n_ips,
        n_snips, n_robust, N_RUNS, width_ips, width_robust);
    assert_true(n_ips >= 90 && n_snips >= 90 && n_robust >= 90);
    // Not by intervals that hold everything, and a model that is nearly right pays.
    assert_true(n_ips < N_RUNS || n_snips < N_RUNS || n_robust < N_RUNS);
    assert_true(width_ips < 0.2);
    assert_true(width_robust < width_ips && off_robust < off_ips);
}

static void policy_that_ran_is_judged_by_what_it_got(void **state)
{
    (void)state;
    struct reel_logged log[50];
    double mean = 0;
    for (int i = 0; i < 50; i++) {
        log[i] = (struct reel_logged){.propensity = 0.3,
                                      .target = 0.3,
                                      .reward = i % 5 / 4.0,
                                      .model_shown = 0.4,
                                      .model_target = 0.4};
        mean += log[i].reward / 50;
    }
    struct reel_error err;
    struct reel_off_policy said;
    assert_ok(reel_off_policy_evaluate(log, 50, 1, &said, &err), err);
    assert_true(fabs(said.ips.value - mean) < 1e-12);
    assert_true(fabs(said.snips.value - mean) < 1e-12);
    assert_true(fabs(said.doubly_robust.value - mean) < 1e-12);
    assert_true(fabs(said.ips.n_effective - 50) < 1e-9);
    assert_true(said.ips.low < mean && said.ips.high > mean && width(&said.ips) < 0.3);
}

static void log_that_tells_nothing_leaves_everything_open(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_off_policy said;
    // What the policy in question would show was never shown.
    struct reel_logged log[20];
    for (int i = 0; i < 20; i++) {
        log[i] = (struct reel_logged){.propensity = 0.5, .target = 0, .reward = 1};
    }
    assert_ok(reel_off_policy_evaluate(log, 20, 1, &said, &err), err);
    assert_true(isnan(said.snips.value));
    assert_true(said.snips.low == 0 && said.snips.high == 1);
    assert_true(said.snips.n_effective == 0);
    // One decision is no sample.
    log[0].target = 0.5;
    assert_ok(reel_off_policy_evaluate(log, 1, 1, &said, &err), err);
    assert_true(said.ips.value == 1 && said.ips.low == 0 && said.ips.high == 1);
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    const struct reel_logged good = {.propensity = 0.5, .target = 0.5, .reward = 1};
    struct reel_logged bad[6] = {good, good, good, good, good, good};
    bad[0].propensity = 0;
    bad[1].propensity = 1.5;
    bad[2].target = -0.1;
    bad[3].reward = 2;
    bad[4].model_shown = NAN;
    bad[5].model_target = INFINITY;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct reel_error err;
        struct reel_off_policy said;
        const struct reel_logged log[2] = {good, bad[i]};
        assert_int_equal(reel_off_policy_evaluate(log, 2, 1, &said, &err), REEL_EINVAL);
        assert_non_null(strstr(err.text, "decision 1"));
    }
    struct reel_error err;
    struct reel_off_policy said;
    assert_int_equal(reel_off_policy_evaluate(&good, 0, 1, &said, &err), REEL_EINVAL);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct reel_logged log[8];
    for (int i = 0; i < 8; i++) {
        log[i] = (struct reel_logged){.propensity = 0.5, .target = 0.5, .reward = i % 2};
    }
    for (long n = 0;; n++) {
        struct reel_error err;
        struct reel_off_policy said;
        base_alloc_fail_after(n);
        const enum reel_status rc = reel_off_policy_evaluate(log, 8, 1, &said, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            assert_true(n > 2);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth_lies_within_the_intervals),
        cmocka_unit_test(policy_that_ran_is_judged_by_what_it_got),
        cmocka_unit_test(log_that_tells_nothing_leaves_everything_open),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
