/** IMDb's own lists, with old and new headings. */
#include "catalog_told.h"

#define DATA FORKREEL_TEST_DATA "/catalog/imdb-ratings/"

static void expect_path(const char *path, const char *expected)
{
    struct told told;
    told_init(&told);
    told_read_path(&told, "imdb-ratings", "ann", path);
    told_expect(&told, expected);
}

static void old_headings_are_read(void **state)
{
    (void)state;
    expect_path("imdb-ratings/old.csv",
                "film imdb:tt0000123 \"The Harbour\" (1995) imdb=tt0000123 runtime=101 "
                "mean=7.4 votes=1234 genres=Drama,Mystery director=Ada Pilot "
                "director=Bo Quay\n"
                "rate ann imdb:tt0000123 \"The Harbour\" (1995) imdb=tt0000123 4.5 "
                "@1556928000\n"
                "refused " DATA "old.csv:0 1 rows are series, episodes or games, not "
                "films\n");
}

static void new_headings_are_read(void **state)
{
    (void)state;
    expect_path("imdb-ratings/new.csv",
                "refused " DATA "new.csv:2 rating out of range, \"11\"\n"
                "film imdb:tt12345678 \"Lost Kids\" (1998) imdb=tt12345678 original=Les "
                "enfants perdus runtime=88 genres=Fantasy\n"
                "rate ann imdb:tt12345678 \"Lost Kids\" (1998) imdb=tt12345678 3.5 "
                "@1704067200\n");
}

static void rows_of_a_list_without_rating_are_wishes(void **state)
{
    (void)state;
    expect_path(
        "imdb-ratings/watchlist.csv",
        "film imdb:tt0000123 \"The Harbour\" (1995) imdb=tt0000123 original=The "
        "Harbour runtime=101 mean=7.4 votes=1234 genres=Drama director=Ada Pilot\n"
        "wish ann imdb:tt0000123 \"The Harbour\" (1995) imdb=tt0000123 "
        "@1706918400\n");
}

static void broken_rows_are_refused(void **state)
{
    (void)state;
    expect_told("imdb-ratings", "r.csv",
                "Const,Your Rating,Date Rated,Title,Year\n"
                "nm0000001,7,2020-01-01,Fog,1980\n"
                "tt0000001,,2020-01-01,Fog,1980\n"
                "tt0000001,7,1601-01-01,Fog,1980\n"
                "tt0000001,7,2020-01-01,Fog,80\n",
                "refused r.csv:2 not an imdb id, \"nm0000001\"\n"
                "refused r.csv:3 rating is not a number, \"\"\n"
                "refused r.csv:4 date before 1870, \"1601-01-01\"\n"
                "refused r.csv:5 not a year, \"80\"\n");
    expect_told(
        "imdb-ratings", "r.csv", "a,b\n1,2\n",
        "failed: r.csv:1: no columns Const and Your Rating: not a list of IMDb\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_headings_are_read),
        cmocka_unit_test(new_headings_are_read),
        cmocka_unit_test(rows_of_a_list_without_rating_are_wishes),
        cmocka_unit_test(broken_rows_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
