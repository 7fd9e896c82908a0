/** Stars from words: told apart, denied, in two languages, and refused where too little. */
#include "base_alloc.h"
#include "unit.h"

#include <forkreel/features.h>

#include <math.h>

enum { N_PAIRS = 48 };

static const char *const good[] = {
    "A superb film, moving and wonderful",
    "I loved every minute, wonderful acting",
    "Brilliant, moving, superb",
    "非常精彩，感人的杰作",
    "Great story, I loved it",
    "太好看了，精彩",
};
static const char *const bad[] = {
    "Dull and boring, a waste of time",    "I hated it, boring from start to end",
    "Terrible acting and a dull story",    "太无聊了，浪费时间",
    "A boring mess, not wonderful at all", "难看，无聊",
};

static void pairs_make(const char *text[N_PAIRS], float stars[N_PAIRS])
{
    for (int i = 0; i < N_PAIRS; i++) {
        text[i] = i % 2 ? good[i / 2 % 6] : bad[i / 2 % 6];
        stars[i] = i % 2 ? 4 + (float)(i % 3) / 2 : 1 + (float)(i % 4) / 2;
    }
}

static struct reel_sentiment *fitted(void)
{
    const char *text[N_PAIRS];
    float stars[N_PAIRS];
    struct reel_sentiment *s;
    struct reel_error err;
    pairs_make(text, stars);
    assert_ok(reel_sentiment_fit(text, stars, N_PAIRS, &s, &err), err);
    return s;
}

static double stars_of(const struct reel_sentiment *s, const char *text, double *sd)
{
    struct reel_error err;
    double stars;
    assert_ok(reel_sentiment_stars(s, text, &stars, sd, &err), err);
    return stars;
}

static void praise_has_more_stars_than_blame_in_both_languages(void **state)
{
    (void)state;
    struct reel_sentiment *s = fitted();
    double sd;
    assert_true(stars_of(s, "What a superb and moving story", &sd) > 3.7);
    assert_true(sd > 0 && sd < 1.2);
    assert_true(stars_of(s, "So boring. What a waste.", &sd) < 2.5);
    assert_true(stars_of(s, "精彩的电影", &sd) > 3.5);
    assert_true(stars_of(s, "无聊的电影", &sd) < 2.6);
    reel_sentiment_free(s);
}

static void unknown_words_give_the_mean_and_say_so(void **state)
{
    (void)state;
    struct reel_sentiment *s = fitted();
    double sd_known, sd_unknown;
    (void)stars_of(s, "superb", &sd_known);
    const double stars = stars_of(s, "qwerty", &sd_unknown);
    assert_float_equal(stars, stars_of(s, "", &sd_unknown), 1e-9);
    assert_true(stars > 2.5 && stars < 3.6);
    assert_true(sd_unknown > sd_known);
    reel_sentiment_free(s);
}

static void the_same_pairs_give_the_same_bits(void **state)
{
    (void)state;
    struct reel_sentiment *a = fitted(), *b = fitted();
    double sd_a, sd_b;
    const double x = stars_of(a, "a moving mess", &sd_a);
    const double y = stars_of(b, "a moving mess", &sd_b);
    assert_memory_equal(&x, &y, sizeof x);
    assert_memory_equal(&sd_a, &sd_b, sizeof sd_a);
    reel_sentiment_free(a);
    reel_sentiment_free(b);
}

static void too_few_or_one_sided_pairs_are_refused(void **state)
{
    (void)state;
    const char *text[N_PAIRS];
    float stars[N_PAIRS];
    struct reel_sentiment *s;
    struct reel_error err;
    pairs_make(text, stars);
    assert_int_equal(reel_sentiment_fit(text, stars, 19, &s, &err), REEL_EINVAL);
    stars[3] = 5.5F;
    assert_int_equal(reel_sentiment_fit(text, stars, N_PAIRS, &s, &err), REEL_EINVAL);
    for (int i = 0; i < N_PAIRS; i++) {
        stars[i] = 4;
    }
    assert_int_equal(reel_sentiment_fit(text, stars, N_PAIRS, &s, &err), REEL_EINVAL);
    assert_null(s);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    const char *text[N_PAIRS];
    float stars[N_PAIRS];
    struct reel_error err;
    pairs_make(text, stars);
    for (long n = 0;; n++) {
        struct reel_sentiment *s;
        double found, sd;
        base_alloc_fail_after(n);
        enum reel_status rc = reel_sentiment_fit(text, stars, N_PAIRS, &s, &err);
        if (rc == REEL_OK) {
            rc = reel_sentiment_stars(s, "superb", &found, &sd, &err);
        }
        base_alloc_fail_after(-1);
        reel_sentiment_free(s);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(praise_has_more_stars_than_blame_in_both_languages),
        cmocka_unit_test(unknown_words_give_the_mean_and_say_so),
        cmocka_unit_test(the_same_pairs_give_the_same_bits),
        cmocka_unit_test(too_few_or_one_sided_pairs_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
