#include "rank_fixture.h"

#include "rank_reason.h"

#include <ctype.h>
#include <stdlib.h>

static const char *reason_text(const struct rank_reason *reason)
{
    static char text[4096];
    struct base_buffer buffer;
    struct reel_error err;
    base_buffer_init(&buffer, sizeof text);
    assert_ok(rank_reason_write(reason, &buffer, &err), err);
    snprintf(text, sizeof text, "%s", base_buffer_text(&buffer));
    base_buffer_release(&buffer);
    return text;
}

static struct rank_reason reason_of(const struct reel_part *part, int32_t n, float rest,
                                    const char *lang)
{
    struct rank_reason reason = {.films = eight_films(),
                                 .part = part,
                                 .n_parts = n,
                                 .score = rest,
                                 .rest = rest,
                                 .n_named = 3,
                                 .n_chosen = -1,
                                 .lang = lang};
    for (int32_t p = 0; p < n; p++) {
        reason.score += part[p].amount;
    }
    return reason;
}

static void shares_are_named_and_add_up_to_a_hundred(void **state)
{
    (void)state;
    const struct reel_part part[] = {{0, 0.4F}, {1, 0.2F}, {2, 0.1F}, {3, 0.25F}};
    struct rank_reason reason = reason_of(part, 3, 0, "en");
    reason.score = 0.7F;
    assert_string_equal(
        reason_text(&reason),
        "because you liked “Alien” (57 %), “Heat” (29 %) and “Fargo” (14 %)");
    reason = reason_of(part, 1, 0, "en");
    assert_string_equal(reason_text(&reason), "because you liked “Alien” (100 %)");
    reason = reason_of(part, 2, 0.6F, "en");
    assert_string_equal(
        reason_text(&reason),
        "because you liked “Alien” (33 %) and “Heat” (17 %); 50 % does not come "
        "from films you liked");
}

static void what_speaks_against_is_said(void **state)
{
    (void)state;
    const struct reel_part part[] = {{0, 0.5F},  {2, 0.3F},   {3, 0.2F},  {4, 0.15F},
                                     {5, 0.05F}, {7, -0.05F}, {6, -0.15F}};
    struct rank_reason reason = reason_of(part, 7, 0, "en");
    assert_string_equal(
        reason_text(&reason),
        "because you liked “Alien” (50 %), “Fargo” (30 %) and “To Live” (20 %), "
        "despite “Jaws” (-15 %); 3 other films add 15 %");
}

static void chinese_uses_chinese_titles_where_there_are_any(void **state)
{
    (void)state;
    const struct reel_part part[] = {
        {0, 0.5F}, {1, 0.3F}, {3, 0.2F}, {4, 0.05F}, {6, -0.15F}};
    const struct rank_reason reason = reason_of(part, 5, 0.1F, "zh");
    assert_string_equal(
        reason_text(&reason),
        "因为您喜欢《异形》（50%）、《Heat》（30%）和《活着》（20%），"
        "尽管有《大白鲨》（-15%）；另外1部影片占5%；有10%并非来自您喜欢的影片");
}

static void a_popular_film_is_told_by_its_count(void **state)
{
    (void)state;
    struct rank_reason reason = reason_of(NULL, 0, 312, "en");
    assert_string_equal(reason_text(&reason),
                        "no film you liked speaks for or against it");
    reason.n_chosen = 312;
    reason.n_viewers = 943;
    assert_string_equal(reason_text(&reason), "chosen by 312 of 943 viewers");
    reason.lang = "zh";
    assert_string_equal(reason_text(&reason), "943位观众中有312位选择了它");
}

static void a_score_without_shares_is_told_in_amounts(void **state)
{
    (void)state;
    const struct reel_part part[] = {{0, 0.25F}, {1, -1.5F}};
    struct rank_reason reason = reason_of(part, 2, 0, "en");
    assert_string_equal(
        reason_text(&reason),
        "because you liked “Alien” (+0.250), despite “Heat” (-1.500); together "
        "-1.250");
    reason = reason_of(part + 1, 1, 1.5F, "zh"); // cancels out: no shares of nothing
    assert_string_equal(
        reason_text(&reason),
        "尽管有《Heat》（-1.500）；有+1.500并非来自您喜欢的影片；合计+0.000");
    const struct reel_part large[] = {{0, 2}};
    reason = reason_of(large, 1, -1, "en");
    assert_string_equal(
        reason_text(&reason),
        "because you liked “Alien” (200 %); -100 % does not come from films "
        "you liked");
    reason = reason_of(large, 1, -1.5F, "en");
    assert_string_equal(
        reason_text(&reason),
        "because you liked “Alien” (+2.000); -1.500 does not come from films "
        "you liked; together +0.500");
    const struct reel_part wild[] = {{0, INFINITY}};
    reason = reason_of(wild, 1, 0, "en");
    assert_string_equal(reason_text(&reason),
                        "no film you liked speaks for or against it");
    reason.score = NAN;
    assert_string_equal(reason_text(&reason),
                        "no film you liked speaks for or against it");
}

static void titles_cannot_break_the_line(void **state)
{
    (void)state;
    const char *const title[] = {"%s\n\x1b[2J%n"};
    const struct reel_film_table films = {.n_films = 1, .title = title};
    const struct reel_part part[] = {{0, 1}};
    struct rank_reason reason = reason_of(part, 1, 0, "zh");
    reason.films = &films;
    assert_string_equal(reason_text(&reason), "因为您喜欢《%s  [2J%n》（100%）");
}

/** The sum of the numbers before " %". */
static long sum_of_percents(const char *text)
{
    long sum = 0;
    for (const char *c = text; (c = strstr(c, " %")); c++) {
        const char *digit = c;
        while (digit > text && isdigit((unsigned char)digit[-1])) {
            digit--;
        }
        sum += (digit > text && digit[-1] == '-' ? -1 : 1) * strtol(digit, NULL, 10);
    }
    return sum;
}

static void printed_shares_always_add_up(void **state)
{
    (void)state;
    struct base_rng rng;
    base_rng_init(&rng, 1, 0);
    int n_shares = 0;
    for (int round = 0; round < 500; round++) {
        struct reel_part part[8];
        const int32_t n = (int32_t)base_rng_below(&rng, 9);
        float amount = 3 * (float)base_rng_double(&rng);
        for (int32_t p = 0; p < n; p++) {
            part[p] = (struct reel_part){p, amount};
            amount -= (float)base_rng_double(&rng);
        }
        const float rest = base_rng_below(&rng, 2) ? (float)base_rng_double(&rng) : 0;
        struct rank_reason reason = reason_of(part, n, rest, "en");
        reason.n_named = (int32_t)base_rng_below(&rng, 6);
        const char *text = reason_text(&reason);
        if (strstr(text, " %")) {
            n_shares++;
            if (sum_of_percents(text) != 100) {
                fail_msg("%s", text);
            }
        }
    }
    assert_true(n_shares > 200);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    const struct reel_part part[] = {{0, 0.5F}, {1, 0.3F}, {3, 0.2F}};
    const struct rank_reason reason = reason_of(part, 3, 0.1F, "en");
    for (long n = 0;; n++) {
        struct base_buffer buffer;
        base_buffer_init(&buffer, 4096);
        base_alloc_fail_after(n);
        const enum reel_status rc = rank_reason_write(&reason, &buffer, NULL);
        base_alloc_fail_after(-1);
        base_buffer_release(&buffer);
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
        cmocka_unit_test(shares_are_named_and_add_up_to_a_hundred),
        cmocka_unit_test(what_speaks_against_is_said),
        cmocka_unit_test(chinese_uses_chinese_titles_where_there_are_any),
        cmocka_unit_test(a_popular_film_is_told_by_its_count),
        cmocka_unit_test(a_score_without_shares_is_told_in_amounts),
        cmocka_unit_test(titles_cannot_break_the_line),
        cmocka_unit_test(printed_shares_always_add_up),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
