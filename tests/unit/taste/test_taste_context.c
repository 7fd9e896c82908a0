/** Situations: words, the clock, limits, and what they are worth. */
#include "base_alloc.h"
#include "base_csr.h"
#include "unit.h"

#include <forkreel/feedback.h>
#include <forkreel/rank.h>

#include <math.h>
#include <stdlib.h>
#include <time.h>

static struct reel_context read_context(const char *text)
{
    struct reel_error err;
    struct reel_context context = reel_context_unknown();
    assert_ok(reel_context_parse(text, &context, &err), err);
    return context;
}

static void situation_is_read_in_english_and_chinese(void **state)
{
    (void)state;
    const char *const texts[] = {
        "company=children,minutes=90,mood=calm,hour=evening,language=zh,age=8",
        "同伴=孩子，分钟=90，心情=平静，时间=晚上，语言=中文，年龄=8",
        " company : kids ; minutes = 90 ,mood=tired, hour=20,language=Chinese,age=8",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const struct reel_context context = read_context(texts[i]);
        char text[REEL_CONTEXT_TEXT_BYTES];
        reel_context_print(&context, text);
        assert_string_equal(text, "hour=evening,company=children,mood=calm,minutes=90,"
                                  "language=zh,age=8");
        const struct reel_context again = read_context(text);
        assert_memory_equal(&again, &context, sizeof context);
    }
    assert_string_equal(reel_context_value_name(REEL_CONTEXT_COMPANY, 2, "zh"), "孩子");
}

static void numbers_and_weekdays_are_grouped(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int kind, value;
    } cases[] = {
        {"hour=3", REEL_CONTEXT_HOUR, 0},      {"hour=23", REEL_CONTEXT_HOUR, 0},
        {"hour=6", REEL_CONTEXT_HOUR, 1},      {"hour=17", REEL_CONTEXT_HOUR, 2},
        {"day=Saturday", REEL_CONTEXT_DAY, 1}, {"day=周三", REEL_CONTEXT_DAY, 0},
        {"day=sun", REEL_CONTEXT_DAY, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_context(cases[i].text).value[cases[i].kind],
                         cases[i].value);
    }
}

static void what_is_not_known_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"mood=grumpy", "mood is one of calm 平静, cheerful 愉快, sad 难过, tense 紧张, "
                        "curious 好奇, not 'grumpy'"},
        {"moon=full",
         "a situation has hour, day, season, device, company, mood, minutes, "
         "language, age, not 'moon'"},
        {"minutes=soon", "minutes is a whole number from 1 to 10000, not 'soon'"},
        {"calm", "a situation is NAME=WORD,..., not 'calm'"},
        {"language=klingon", "language is a code as en or zh, not 'klingon'"},
        {"hour=24", NULL},
        {"age=-1", NULL},
        {"=", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reel_error err;
        struct reel_context context = read_context("mood=sad");
        char before[REEL_CONTEXT_TEXT_BYTES], after[REEL_CONTEXT_TEXT_BYTES];
        reel_context_print(&context, before);
        assert_int_equal(reel_context_parse(cases[i].text, &context, &err), REEL_EINVAL);
        if (cases[i].said) {
            assert_string_equal(err.text, cases[i].said);
        }
        reel_context_print(&context, after);
        assert_string_equal(after, before);
    }
}

static void clock_tells_hour_day_and_season(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    char text[REEL_CONTEXT_TEXT_BYTES];
    struct reel_context context =
        reel_context_at(1763985600); // 2025-11-24 12:00, a Monday
    reel_context_print(&context, text);
    assert_string_equal(text, "hour=afternoon,day=workday,season=autumn");
    context = reel_context_at(1736038800); // 2025-01-05 01:00, a Sunday
    reel_context_print(&context, text);
    assert_string_equal(text, "hour=night,day=weekend,season=winter");
    const struct reel_context said = read_context("day=workday,minutes=30");
    context = reel_context_or(&said, &context);
    reel_context_print(&context, text);
    assert_string_equal(text, "hour=night,day=workday,season=winter,minutes=30");
}

static void limits_are_laid_upon_a_filter(void **state)
{
    (void)state;
    const char *language[1];
    struct reel_filter filter = {.runtime_max_min = 60};
    struct reel_context context = read_context("company=children,minutes=90,language=zh");
    reel_context_limit(&context, language, &filter);
    assert_int_equal(filter.age_max, REEL_CONTEXT_CHILD_AGE);
    assert_int_equal(filter.runtime_max_min, 60);
    assert_int_equal(filter.n_languages, 1);
    assert_string_equal(filter.languages[0], "zh");
    context = read_context("company=children,age=12,minutes=45");
    filter = (struct reel_filter){.age_max = 16, .runtime_max_min = 60};
    reel_context_limit(&context, language, &filter);
    assert_int_equal(filter.age_max, 12);
    assert_int_equal(filter.runtime_max_min, 45);
    context = reel_context_unknown();
    filter = (struct reel_filter){0};
    reel_context_limit(&context, language, &filter);
    assert_int_equal(filter.age_max + filter.runtime_max_min + filter.n_languages, 0);
}

/** Comedies of one genre each are liked with children and not alone; the rest is as expected. */
static void model_finds_what_moves_a_genre(void **state)
{
    (void)state;
    enum { N = 400 };
    static const int64_t start[] = {0, 1, 2, 2};
    static const int32_t col[] = {0, 1};
    const struct reel_csr genres = {3, 2, start, col, NULL};
    static struct reel_context_event event[N];
    for (int32_t i = 0; i < N; i++) {
        const bool with_children = i / 2 % 2;
        event[i] = (struct reel_context_event){
            .context = read_context(with_children ? "company=children,hour=evening"
                                                  : "company=alone,hour=evening"),
            .film = i % 2,
            .expected = 0.5F,
            .liked = (float)(i % 2 == 0 ? with_children : i / 4 % 2)};
    }
    struct reel_error err;
    struct reel_context_model *model;
    float adds[3];
    assert_ok(reel_context_model_fit(event, N, &genres, &model, &err), err);
    const struct reel_context children = read_context("company=children");
    assert_ok(reel_context_model_score(model, &children, &genres, adds, &err), err);
    assert_true(adds[0] > 0.8F);
    assert_true(adds[0] > adds[1] + 0.8F);
    assert_true(fabsf(adds[2]) <= fabsf(adds[0])); // a film without genres
    const double part =
        reel_context_model_part(model, &children, REEL_CONTEXT_COMPANY, &genres, 0);
    assert_true(part > 0.5);
    // Evening was always there, so it tells nothing.
    const struct reel_context evening = read_context("hour=evening");
    assert_ok(reel_context_model_score(model, &evening, &genres, adds, &err), err);
    assert_true(fabsf(adds[0]) < 0.1F && fabsf(adds[1]) < 0.1F);
    assert_true(reel_context_model_width(model, REEL_CONTEXT_COMPANY) > 0.2);
    assert_true(reel_context_model_width(model, REEL_CONTEXT_MOOD) == 0);
    reel_context_model_free(model);
}

/** Eight viewers who all choose one branch with friends and another with children. */
static void few_events_that_agree_are_heard(void **state)
{
    (void)state;
    enum { N = 48 };
    static const int64_t start[] = {0, 1, 2, 3};
    static const int32_t col[] = {0, 1, 2};
    const struct reel_csr branches = {3, 3, start, col, NULL};
    struct reel_context_event event[N];
    const struct reel_context friends = read_context("company=friends,hour=evening");
    const struct reel_context children = read_context("company=children,hour=evening");
    for (int i = 0; i < N; i++) {
        const int taken = i / 3 % 2 ? 1 : 2;
        event[i] = (struct reel_context_event){.context = i / 3 % 2 ? children : friends,
                                               .film = i % 3,
                                               .expected = 1 / 3.0F,
                                               .liked = i % 3 == taken};
    }
    struct reel_error err;
    struct reel_context_model *model;
    float adds[2][3];
    assert_ok(reel_context_model_fit(event, N, &branches, &model, &err), err);
    assert_ok(reel_context_model_score(model, &friends, &branches, adds[0], &err), err);
    assert_ok(reel_context_model_score(model, &children, &branches, adds[1], &err), err);
    assert_true(adds[0][2] > adds[0][1] + 1 && adds[1][1] > adds[1][2] + 1);
    reel_context_model_free(model);
}

static void model_of_nothing_adds_nothing(void **state)
{
    (void)state;
    static const int64_t start[] = {0, 1};
    static const int32_t col[] = {0};
    const struct reel_csr genres = {1, 1, start, col, NULL};
    const struct reel_csr wider = {1, 2, start, col, NULL};
    struct reel_error err;
    struct reel_context_model *model;
    float adds = 1;
    const struct reel_context context = read_context("mood=sad,hour=night");
    assert_ok(reel_context_model_fit(NULL, 0, &genres, &model, &err), err);
    assert_ok(reel_context_model_score(model, &context, &genres, &adds, &err), err);
    assert_true(adds == 0);
    assert_int_equal(reel_context_model_score(model, &context, &wider, &adds, &err),
                     REEL_EINVAL);
    reel_context_model_free(model);
    struct reel_context_event event = {.context = context, .film = 1};
    assert_int_equal(reel_context_model_fit(&event, 1, &genres, &model, &err),
                     REEL_EINVAL);
    assert_null(model);
    event = (struct reel_context_event){.context = context, .liked = NAN};
    assert_int_equal(reel_context_model_fit(&event, 1, &genres, &model, &err),
                     REEL_EINVAL);
}

static void situation_pays_where_it_matters_and_does_no_harm_elsewhere(void **state)
{
    (void)state;
    double gain_loss = 0, gain_ndcg = 0, harm_loss = 0, harm_ndcg = 0;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct reel_error err;
        struct reel_context_gain gain;
        assert_ok(reel_context_simulate(0.8, seed, &gain, &err), err);
        print_message("matters: log-loss %.4f -> %.4f, NDCG@10 %.4f -> %.4f (%.4f)\n",
                      gain.log_loss_without, gain.log_loss_with, gain.ndcg_without,
                      gain.ndcg_with, gain.ndcg_best);
        assert_true(gain.ndcg_with <= gain.ndcg_best);
        gain_loss += (gain.log_loss_without - gain.log_loss_with) / 3;
        gain_ndcg += (gain.ndcg_with - gain.ndcg_without) / 3;
        assert_ok(reel_context_simulate(0, seed, &gain, &err), err);
        print_message("does not: log-loss %.4f -> %.4f, NDCG@10 %.4f -> %.4f\n",
                      gain.log_loss_without, gain.log_loss_with, gain.ndcg_without,
                      gain.ndcg_with);
        harm_loss += (gain.log_loss_with - gain.log_loss_without) / 3;
        harm_ndcg += (gain.ndcg_without - gain.ndcg_with) / 3;
    }
    assert_true(gain_loss > 0.05);
    assert_true(gain_ndcg > 0.08);
    assert_true(harm_loss < 0.002);
    assert_true(harm_ndcg < 0.005);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const int64_t start[] = {0, 1};
    static const int32_t col[] = {0};
    const struct reel_csr genres = {1, 1, start, col, NULL};
    const struct reel_context_event event = {.context = read_context("mood=sad"),
                                             .expected = 0.5F};
    for (long n = 0;; n++) {
        struct reel_error err;
        struct reel_context_model *model;
        base_alloc_fail_after(n);
        const enum reel_status rc =
            reel_context_model_fit(&event, 1, &genres, &model, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            reel_context_model_free(model);
            assert_true(n > 4);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_null(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(situation_is_read_in_english_and_chinese),
        cmocka_unit_test(numbers_and_weekdays_are_grouped),
        cmocka_unit_test(what_is_not_known_is_named),
        cmocka_unit_test(clock_tells_hour_day_and_season),
        cmocka_unit_test(limits_are_laid_upon_a_filter),
        cmocka_unit_test(model_finds_what_moves_a_genre),
        cmocka_unit_test(few_events_that_agree_are_heard),
        cmocka_unit_test(model_of_nothing_adds_nothing),
        cmocka_unit_test(situation_pays_where_it_matters_and_does_no_harm_elsewhere),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
