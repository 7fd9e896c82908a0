#include "rank_fixture.h"

#include "rank_list.h"
#include "rank_reason.h"

#include <stdio.h>
#include <stdlib.h>

/** In double; cmocka's own compares floats. */
static void assert_near(double a, double b, double epsilon)
{
    assert_true(fabs(a - b) <= epsilon);
}

static double printed(double amount, int decimals)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%.*f", decimals, amount);
    return strtod(text, NULL);
}

static void rounded_amounts_add_up_as_printed(void **state)
{
    (void)state;
    struct base_rng rng;
    base_rng_init(&rng, 11, 0);
    for (int round = 0; round < 500; round++) {
        struct reel_reason reason[12];
        const int32_t n = 1 + (int32_t)base_rng_below(&rng, 12);
        const int decimals = (int)base_rng_below(&rng, 7);
        double sum = 0, before[12];
        for (int32_t i = 0; i < n; i++) {
            reason[i] = (struct reel_reason){.amount = 3 * base_rng_normal(&rng)};
            before[i] = reason[i].amount;
            sum += reason[i].amount;
        }
        const double total = reel_reasons_round(reason, n, sum, decimals);
        double shown = 0;
        for (int32_t i = 0; i < n; i++) {
            shown += printed(reason[i].amount, decimals);
            assert_true(fabs(reason[i].amount - before[i]) < pow(10, -decimals) * 1.001);
        }
        assert_near(shown, printed(total, decimals), 1e-9);
        assert_near(total, sum, 0.51 * pow(10, -decimals));
    }
}

static void kinds_have_names_in_both_languages(void **state)
{
    (void)state;
    for (int k = 0; k < REEL_N_REASON_KINDS; k++) {
        const char *en = reel_reason_kind_name((enum reel_reason_kind)k, "en");
        const char *zh = reel_reason_kind_name((enum reel_reason_kind)k, "zh");
        assert_true(*en && *zh && strcmp(en, zh) != 0);
    }
}

static void whole_score_is_told(void **state)
{
    (void)state;
    const float weights[64] = {[0 * 8 + 3] = 0.5F,
                               [1 * 8 + 3] = 0.2F,
                               [2 * 8 + 3] = -0.1F,
                               [0 * 8 + 4] = 0.3F,
                               [1 * 8 + 5] = 0.1F};
    const float bias[8] = {0.1F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F, 0.1F, 0};
    const struct linear linear = {
        .n_films = 8, .weights = weights, .bias = bias, .failing = -1};
    struct rank_source source = linear_source(&linear);
    source.film_key = eight_films()->key;
    source.rest_kind = REEL_REASON_POPULARITY;
    const int32_t liked[] = {0, 1, 2};
    const struct reel_viewer_state viewer = {{.film = liked, .n = 3}, NULL, 0};
    float horror[8] = {0}, evening[8] = {0};
    horror[3] = -0.5F;
    horror[6] = -0.5F;
    evening[3] = 0.25F;
    const struct reel_adjustment adjustment[] = {
        {.kind = REEL_REASON_GENRE, .is_said = true, .name = "Horror", .amount = horror},
        {.kind = REEL_REASON_CONTEXT, .name = "evening", .amount = evening}};
    struct reel_list_options opt = reel_list_options_default();
    opt.with_reasons = true;
    opt.n_reasons = 1;
    opt.adjustment = adjustment;
    opt.n_adjustments = 2;
    struct reel_list list;
    struct reel_error err;
    assert_ok(rank_list_make(&source, eight_films(), &viewer, &opt, &list, &err), err);
    // Unit: from the best (0.7) to the last (0) of the films that are not seen.
    assert_int_equal(list.n, 5);
    const struct reel_list_item *item = NULL;
    for (int32_t i = 0; i < list.n; i++) {
        item = list.item[i].film == 3 ? &list.item[i] : item;
        double sum = 0;
        for (int32_t w = 0; w < list.item[i].n_why; w++) {
            sum += list.item[i].why[w].amount;
        }
        assert_near(sum, (double)list.item[i].score, 1e-6);
        assert_near(list.item[i].propensity, 1, 0);
    }
    assert_non_null(item);
    assert_near(item->score, 0.7 - 0.25 * 0.7, 1e-6);
    assert_int_equal(item->n_why, 6);
    assert_int_equal(item->why[0].film, 0);       // the film that helped most
    assert_near(item->why[1].amount, -0.1, 1e-6); // what speaks against it
    // Heat and To Live are both dramas.
    assert_int_equal(item->why[2].kind, REEL_REASON_GENRE);
    assert_string_equal(item->why[2].name, "Drama");
    assert_int_equal(item->why[2].n, 1);
    assert_true(item->why[3].is_said);
    assert_near(item->why[3].amount, -0.35, 1e-6);
    assert_string_equal(item->why[4].name, "evening");
    assert_int_equal(item->why[5].kind, source.rest_kind);
    assert_non_null(strstr(item->reason, "what you said adds"));
    assert_non_null(strstr(item->reason, "the situation adds"));
    reel_list_release(&list);
}

/** People before genres; equal parts where several are shared; nothing shared stays apart. */
static void other_films_are_told_by_what_they_share(void **state)
{
    (void)state;
    // To Live against Hero (Zhang Yimou, Drama), Fargo (Drama), Jaws (Horror).
    const struct reel_part part[] = {{7, 0.4F}, {2, 0.3F}, {6, 0.2F}};
    const struct rank_reason reason = {.films = eight_films(),
                                       .part = part,
                                       .n_parts = 3,
                                       .score = 1,
                                       .rest = 0.1F,
                                       .n_chosen = -1,
                                       .lang = "en"};
    const struct rank_reason_rest rest = {.kind = REEL_REASON_POPULARITY, .film = 3};
    struct reel_reason out[16];
    assert_true(rank_reason_n_max(&reason, &rest) <= 16);
    const int32_t n = rank_reason_fold(&reason, &rest, out);
    assert_int_equal(n, 4);
    assert_int_equal(out[0].kind, REEL_REASON_PERSON);
    assert_string_equal(out[0].name, "Zhang Yimou");
    assert_near(out[0].amount, 0.4, 1e-6);
    assert_int_equal(out[1].kind, REEL_REASON_GENRE);
    assert_near(out[1].amount, 0.3, 1e-6);
    assert_int_equal(out[2].kind, REEL_REASON_FILM);
    assert_int_equal(out[2].film, -1);
    assert_near(out[2].amount, 0.2, 1e-6);
    assert_int_equal(out[3].kind, REEL_REASON_POPULARITY);
    assert_near(out[3].amount, 0.1, 1e-6);
}

/** In the stand-in's unit, 2.0 for film 12: two things for it, one against. */
static enum reel_status tell_words(int32_t film, struct reel_reason *out, int32_t n_max,
                                   int32_t *n, void *payload, struct reel_error *err)
{
    static char name[] = "heist";
    (void)payload;
    (void)err;
    assert_int_equal(film, 12);
    assert_true(n_max >= 3);
    out[0] = (struct reel_reason){
        .kind = REEL_REASON_TEXT, .film = -1, .name = name, .amount = 1.1};
    out[1] = (struct reel_reason){
        .kind = REEL_REASON_PERSON, .film = -1, .name = "Al Pacino", .amount = 0.5};
    out[2] = (struct reel_reason){
        .kind = REEL_REASON_GENRE, .film = -1, .name = "Musical", .amount = -0.25};
    *n = 3;
    return REEL_OK;
}

/** Films beyond the model get the score of the line through the films that both know. */
static void films_the_model_does_not_know_get_stand_ins(void **state)
{
    (void)state;
    enum { N = 14, N_MODEL = 12 };
    int64_t key[N], none[N + 1] = {0};
    const char *title[N];
    int32_t number[N] = {0};
    float bias[N_MODEL], stand_in[N];
    for (int f = 0; f < N; f++) {
        key[f] = f + 1;
        title[f] = "film";
        stand_in[f] = (float)(f % 5);
        if (f < N_MODEL) {
            bias[f] = 2 * stand_in[f] + 1;
        }
    }
    stand_in[13] = NAN;
    const struct reel_csr empty = {N, 0, none, NULL, NULL};
    const struct reel_film_table films = {.n_films = N,
                                          .key = key,
                                          .title = title,
                                          .title_zh = title,
                                          .year = number,
                                          .runtime_min = number,
                                          .min_age = number,
                                          .language = title,
                                          .genres = empty,
                                          .keywords = empty,
                                          .people = empty};
    const struct linear linear = {.n_films = N_MODEL, .bias = bias, .failing = -1};
    struct rank_source source = linear_source(&linear);
    source.film_key = key;
    const struct reel_viewer_state viewer = {{0}, NULL, 0};
    struct reel_list_options opt = reel_list_options_default();
    struct reel_list list;
    struct reel_error err;
    opt.n = N;
    opt.with_reasons = true;
    assert_ok(rank_list_make(&source, &films, &viewer, &opt, &list, &err), err);
    assert_int_equal(list.n, N_MODEL);
    reel_list_release(&list);
    opt.stand_in = stand_in;
    assert_ok(rank_list_make(&source, &films, &viewer, &opt, &list, &err), err);
    assert_int_equal(list.n, N_MODEL + 1);
    for (int32_t i = 0; i < list.n; i++) {
        const struct reel_list_item *item = &list.item[i];
        assert_near(item->score, 2 * stand_in[item->film] + 1, 1e-5);
        if (item->film == 12) {
            assert_int_equal(item->why[0].kind, REEL_REASON_TEXT);
            assert_near(item->why[0].amount, item->score, 1e-6);
            assert_string_equal(item->reason,
                                "new here: judged by what is written about it");
        }
    }
    reel_list_release(&list);
    static const char *const sentence[][2] = {
        {"en", "new here: judged by what is written about it: “heist” (+2.200) and “Al "
               "Pacino” (+1.000), despite “Musical” (-0.500); all else adds +2.300; "
               "together +5.000"},
        {"zh", "新片：根据它的文字判断：“heist”（+2.200）和“Al "
               "Pacino”（+1.000），尽管有“Musical”（-0.500）；其余占+2.300；合计+5.000"}};
    opt.explain_stand_in = tell_words;
    for (size_t l = 0; l < COUNT_OF(sentence); l++) {
        opt.lang = sentence[l][0];
        assert_ok(rank_list_make(&source, &films, &viewer, &opt, &list, &err), err);
        for (int32_t i = 0; i < list.n; i++) {
            const struct reel_list_item *item = &list.item[i];
            if (item->film == 12) {
                double sum = 0;
                for (int32_t w = 0; w < item->n_why; w++) {
                    sum += item->why[w].amount;
                }
                assert_near(sum, item->score, 1e-6);
                assert_string_equal(item->why[0].name, "heist");
                assert_string_equal(item->reason, sentence[l][1]);
            }
        }
        reel_list_release(&list);
    }
}

/** Over many seeds films come first as often as their propensity says. */
static void propensities_are_frequencies(void **state)
{
    (void)state;
    const float bias[8] = {1, 0.9F, 0.8F, 0.5F, 0.4F, 0.3F, 0.1F, 0};
    const struct linear linear = {.n_films = 8, .bias = bias, .failing = -1};
    struct rank_source source = linear_source(&linear);
    source.film_key = eight_films()->key;
    const struct reel_viewer_state viewer = {{0}, NULL, 0};
    struct reel_list_options opt = reel_list_options_default();
    enum { N_DRAWS = 4000 };
    double n_first[8] = {0}, expected[8] = {0};
    opt.n = 3;
    opt.exploration = 0.8;
    for (int draw = 0; draw < N_DRAWS; draw++) {
        struct reel_list list;
        struct reel_error err;
        opt.seed = (uint64_t)draw;
        assert_ok(rank_list_make(&source, eight_films(), &viewer, &opt, &list, &err),
                  err);
        n_first[list.item[0].film]++;
        expected[list.item[0].film] = list.item[0].propensity;
        assert_true(list.item[1].propensity > 0 && list.item[1].propensity <= 1);
        reel_list_release(&list);
    }
    double sum = 0;
    for (int f = 0; f < 8; f++) {
        const double sd = sqrt(expected[f] * (1 - expected[f]) / N_DRAWS);
        assert_near(n_first[f] / N_DRAWS, expected[f], 4 * sd + 1e-3);
        sum += expected[f];
    }
    assert_true(sum > 0.98 && sum < 1.0001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounded_amounts_add_up_as_printed),
        cmocka_unit_test(kinds_have_names_in_both_languages),
        cmocka_unit_test(whole_score_is_told),
        cmocka_unit_test(other_films_are_told_by_what_they_share),
        cmocka_unit_test(films_the_model_does_not_know_get_stand_ins),
        cmocka_unit_test(propensities_are_frequencies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
