/** Netflix: whose rows, which dates, what is not a film. */
#include "catalog_told.h"

#define HISTORY "Title,Date\n"
#define ACTIVITY                                                                 \
    "Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type," \
    "Device Type,Bookmark,Latest Bookmark,Country\n"

static void history_is_watched_by_the_named_viewer(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "netflix", "ann", "netflix/NetflixViewingHistory.csv");
    told_expect(
        &told,
        "watch ann netflix:The Harbour: Part 2 \"The Harbour: Part 2\" @1674518400\n"
        "watch ann netflix:Paper Birds \"Paper Birds\" @1669852800\n"
        "refused " FORKREEL_TEST_DATA
        "/catalog/netflix/NetflixViewingHistory.csv:0 left out: 2 episodes of "
        "series, 0 plays under two minutes, 0 trailers\n");
}

static void history_needs_a_viewer(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read(&told, "netflix", NULL, "h.csv", HISTORY "Fog,1/2/23\n");
    assert_int_equal(told.rc, REEL_EINVAL);
    base_buffer_release(&told.text);
}

#define FOG(at) "watch ann netflix:Fog \"Fog\" @" at "\n"
#define FOG2(at) "watch ann netflix:Fog 2 \"Fog 2\" @" at "\n"

static void order_of_dates_is_decided_from_the_whole_file(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        // A 24 in the first place, 23 in the second: only one order has such dates.
        {"Fog,3/4/23\nFog 2,24/3/23\n", FOG("1680480000") FOG2("1679616000")},
        {"Fog,4/3/23\nFog 2,3/24/23\n", FOG("1680480000") FOG2("1679616000")},
        // Both exist, but newest first holds for day/month alone.
        {"Fog,2/3/23\nFog 2,3/2/23\n", FOG("1677715200") FOG2("1675382400")},
        {"Fog,2023/4/3\nFog 2,2023-3-2\n", FOG("1680480000") FOG2("1677715200")},
        {"Fog,\"23. 4. 3.\"\nFog 2,\"23. 3. 2.\"\n",
         FOG("1680480000") FOG2("1677715200")},
        {"Fog,3.4.23\nFog 2,2.4.23\n",
         "refused h.csv:0 dates fit several orders; they are read as "
         "day/month/year\n" FOG("1680480000") FOG2("1680393600")},
        {"Fog,4/3/23\n", "refused h.csv:0 dates fit several orders; they are read as "
                         "month/day/year\n" FOG("1680480000")},
        {"Fog,5/5/23\n", FOG("1683244800")},
        {"Fog,\n", "watch ann netflix:Fog \"Fog\"\n"},
        {"Fog,31.31.23\nFog 2,30.4.23\n",
         "refused h.csv:2 not a date, \"31.31.23\"\n" FOG2("1682812800")},
        {"Fog,1/1/1601\n", "refused h.csv:2 not a date, \"1/1/1601\"\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[200];
        (void)snprintf(text, sizeof text, HISTORY "%s", cases[i].text);
        expect_told("netflix", "h.csv", text, cases[i].expected);
    }
}

static void episodes_are_told_from_films(void **state)
{
    (void)state;
    static const char *const episode[] = {
        "Fogline: Season 1: The Pier",
        "Fogline: Staffel 2: Der Pier",
        "Fogline: Limited Series: Part 1",
        "雾港: 第 1 季: 码头",
        "雾港：第1季：码头",
        "雾港: 第一季: 码头",
        "Fogline: Part 1: The Pier",
        "Fogline: Volume 2: The Pier",
        "Fogline: Temporada 3: El muelle",
        "霧: シーズン1: 港",
    };
    static const char *const film[] = {
        "Fogline: Part 1",   "Fogline: Vol. 2", "Season of Fog", "Fog: The Season",
        "Fogline: Volume 2", "A: B: C",         "第 9 号渔场",   "Fogline: Seasons",
    };
    for (size_t i = 0; i < COUNT_OF(episode); i++) {
        char text[200];
        (void)snprintf(text, sizeof text, HISTORY "%s,\n", episode[i]);
        expect_told("netflix", "h.csv", text,
                    "refused h.csv:0 left out: 1 episodes of series, 0 plays under two "
                    "minutes, 0 trailers\n");
    }
    for (size_t i = 0; i < COUNT_OF(film); i++) {
        char text[200], expected[300];
        (void)snprintf(text, sizeof text, HISTORY "%s,\n", film[i]);
        (void)snprintf(expected, sizeof expected, "watch ann netflix:%s \"%s\"\n",
                       film[i], film[i]);
        expect_told("netflix", "h.csv", text, expected);
    }
}

#define ACTIVITY_PATH FORKREEL_TEST_DATA "/catalog/netflix/ViewingActivity.csv"

static void viewer_picks_a_profile(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "netflix", "ann", "netflix/ViewingActivity.csv");
    told_expect(
        &told,
        "watch ann netflix:The Harbour: Part 2 \"The Harbour: Part 2\" @1674586801\n"
        "refused " ACTIVITY_PATH ":0 left out: 0 episodes of series, 1 plays under "
        "two minutes, 0 trailers\n");
    told_read_path(&told, "netflix", NULL, "netflix/ViewingActivity.csv");
    told_expect(
        &told,
        "watch Ann netflix:The Harbour: Part 2 \"The Harbour: Part 2\" @1674586801\n"
        "watch Ben netflix:Paper Birds \"Paper Birds\" @1674410401\n"
        "refused " ACTIVITY_PATH ":0 left out: 1 episodes of series, 1 plays under "
        "two minutes, 1 trailers\n");
    told_read_path(&told, "netflix", "eve", "netflix/ViewingActivity.csv");
    told_expect(&told,
                "failed: " ACTIVITY_PATH ": no profile \"eve\"; name one of Ann, Ben, "
                "or no viewer for all\n");
}

static void one_profile_takes_the_name_of_the_viewer(void **state)
{
    (void)state;
    expect_told("netflix", "a.csv",
                ACTIVITY "Kid,2023-01-24 19:00:01,01:38:00,,Fog,,TV,,,DE\n"
                         "Kid,2023-01-24 19:00:01,1:99,,Fog,,TV,,,DE\n",
                "watch ann netflix:Fog \"Fog\" @1674586801\n"
                "refused a.csv:3 not a duration, \"1:99\"\n");
}

static void thumbs_and_stars_are_taken(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "netflix", NULL, "netflix/Ratings.csv");
    told_expect(
        &told,
        "like Ann netflix:The Harbour: Part 2 \"The Harbour: Part 2\" @1674640800\n"
        "dislike Ben netflix:Paper Birds \"Paper Birds\" @1674640800\n"
        "rate Ben netflix:Old Stars \"Old Stars\" 4 @1453716000\n");
}

static void other_tables_are_not_from_netflix(void **state)
{
    (void)state;
    expect_told("netflix", "x.csv", "a,b\n1,2\n",
                "failed: x.csv:1: columns are those of no known file of Netflix\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_is_watched_by_the_named_viewer),
        cmocka_unit_test(history_needs_a_viewer),
        cmocka_unit_test(order_of_dates_is_decided_from_the_whole_file),
        cmocka_unit_test(episodes_are_told_from_films),
        cmocka_unit_test(viewer_picks_a_profile),
        cmocka_unit_test(one_profile_takes_the_name_of_the_viewer),
        cmocka_unit_test(thumbs_and_stars_are_taken),
        cmocka_unit_test(other_tables_are_not_from_netflix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
