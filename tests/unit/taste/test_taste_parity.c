/** LinUCB and off-policy estimates against NumPy's (tests/parity/taste_cases.py). */
#include "../../parity/taste_cases.h"
#include "unit.h"

#include <forkreel/feedback.h>

#include <math.h>

static void linucb_agrees_with_numpy(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_bandit *bandit;
    const struct reel_bandit_options opt = {.policy = REEL_BANDIT_LINUCB,
                                            .exploration = CASE_EXPLORATION,
                                            .ridge = CASE_RIDGE};
    assert_ok(reel_bandit_create(CASE_N_DIMS, &opt, &bandit, &err), err);
    for (int t = 0; t < CASE_N_LEARNED; t++) {
        assert_ok(reel_bandit_learn(bandit, case_x + t * CASE_N_DIMS, case_prior[t],
                                    case_reward[t], NULL, &err),
                  err);
    }
    double mean[CASE_N_ARMS], sd[CASE_N_ARMS], propensity[CASE_N_ARMS];
    int32_t order[CASE_N_ARMS];
    assert_ok(reel_bandit_value(bandit, case_arms, CASE_N_ARMS, mean, sd, &err), err);
    assert_ok(reel_bandit_rank(bandit, case_arms, case_arm_prior, CASE_N_ARMS, 1, order,
                               propensity, &err),
              err);
    for (int a = 0; a < CASE_N_ARMS; a++) {
        assert_true(fabs(mean[a] - case_mean[a]) < 1e-9);
        assert_true(fabs(sd[a] - case_sd[a]) < 1e-9);
        assert_true(fabs(propensity[a] - case_propensity[a]) < 1e-12);
    }
    reel_bandit_free(bandit);
}

static void estimates_agree_with_numpy(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_off_policy said;
    struct reel_logged log[CASE_N_LOG];
    for (int i = 0; i < CASE_N_LOG; i++) {
        log[i] = (struct reel_logged){.propensity = case_logged[i],
                                      .target = case_target[i],
                                      .reward = case_got[i],
                                      .model_shown = case_model_shown[i],
                                      .model_target = case_model_target[i]};
    }
    assert_ok(reel_off_policy_evaluate(log, CASE_N_LOG, 1, &said, &err), err);
    assert_true(fabs(said.ips.value - case_estimates[0]) < 1e-12);
    assert_true(fabs(said.snips.value - case_estimates[1]) < 1e-12);
    assert_true(fabs(said.doubly_robust.value - case_estimates[2]) < 1e-12);
    assert_true(fabs(said.doubly_robust.n_effective - case_estimates[3]) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linucb_agrees_with_numpy),
        cmocka_unit_test(estimates_agree_with_numpy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
