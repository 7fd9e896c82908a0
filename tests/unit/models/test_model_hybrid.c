#include "model_core.h"
#include "model_fixture.h"

#include <math.h>

static struct reel_model *trained(const struct base_csr *m, const int64_t *at_s,
                                  const char *settings)
{
    struct reel_error err;
    struct reel_train_options opt = reel_train_options_default();
    const struct reel_training data = {.chosen = m->csr, .at_s = at_s};
    struct reel_model *model;
    assert_ok(reel_settings_parse("hybrid", settings, &opt, &err), err);
    assert_ok(reel_model_train("hybrid", &data, &opt, &model, &err), err);
    return model;
}

static bool has_member(const struct reel_model *model, const char *name)
{
    for (int32_t i = 0; i < model->n_members; i++) {
        if (strcmp(reel_model_name(model->member[i]), name) == 0) {
            return true;
        }
    }
    return false;
}

static void members_are_those_that_the_data_allow(void **state)
{
    (void)state;
    struct base_csr m = world(40, 24, 3, 8, 1);
    struct reel_model *plain = trained(&m, NULL, ""), *timed = trained(&m, times(), "");
    assert_true(has_member(plain, "als") && has_member(plain, "user-knn"));
    assert_false(has_member(plain, "sequence") || has_member(timed, "taste"));
    assert_int_equal(timed->n_members, plain->n_members + 1); // ease by nearness
    reel_model_free(plain);
    reel_model_free(timed);
    base_csr_release(&m);
}

// The formula of the head of model_hybrid.c, from what the members say.
static void a_score_is_the_weighted_sum_of_standard_scores(void **state)
{
    (void)state;
    struct base_csr m = world(40, 24, 3, 8, 2);
    struct reel_model *model = trained(&m, times(), "holdout=last");
    const float *weight = model_floats(model, MODEL_MEMBER_WEIGHTS);
    for (int32_t u = 0; u < 40; u += 9) {
        struct reel_error err;
        const struct reel_query q = query_of(&m.csr, u);
        double t = log(q.n / 40.0) / log(4), wanted[24] = {0};
        t = t < -1.5 ? -1.5 : t;
        float score[24], own[24];
        for (int32_t k = 0; k < model->n_members; k++) {
            double sum = 0, square = 0;
            assert_ok(reel_model_score(model->member[k], &q, own, &err), err);
            for (int32_t i = 0; i < 24; i++) {
                const bool is_known = base_csr_has(&m.csr, u, i);
                sum += is_known ? 0 : (double)own[i] / (24 - q.n);
                square += is_known ? 0 : (double)own[i] * (double)own[i] / (24 - q.n);
            }
            for (int32_t i = 0; i < 24; i++) {
                wanted[i] += ((double)weight[2 * k] + t * (double)weight[2 * k + 1]) *
                             ((double)own[i] - sum) / sqrt(square - sum * sum);
            }
        }
        assert_ok(reel_model_score(model, &q, score, &err), err);
        for (int32_t i = 0; i < 24; i++) {
            assert_true(fabs((double)score[i] - wanted[i]) <
                        1e-3 * (1 + fabs(wanted[i])));
        }
    }
    reel_model_free(model);
    base_csr_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_those_that_the_data_allow),
        cmocka_unit_test(a_score_is_the_weighted_sum_of_standard_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
