/** Numbers, moments, ids and titles in text. */
#include "unit.h"

#include "catalog_read.h"

static void whole_numbers_are_strict(void **state)
{
    (void)state;
    int64_t v = 7;
    assert_true(catalog_parse_int("0", &v) && v == 0);
    assert_true(catalog_parse_int("-42", &v) && v == -42);
    assert_true(catalog_parse_int("999999999999999999", &v) && v == 999999999999999999);
    static const char *const bad[] = {
        "", "-", "+1", "1.0", " 1", "1 ", "0x1", "1e3", "99999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(catalog_parse_int(bad[i], &v));
    }
}

static void decimals_are_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {{"4", 4},        {"4.5", 4.5},
                {".5", .5},      {"5.", 5},
                {"-0.25", -.25}, {"+3", 3},
                {"007.50", 7.5}, {"0.1234567890123456789", 0.123456789012345679}};
    double v;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(catalog_parse_decimal(good[i].text, &v));
        assert_true(fabs(v - good[i].value) <= 1e-15 * fabs(good[i].value));
    }
    static const char *const bad[] = {"",
                                      ".",
                                      "nan",
                                      "NaN",
                                      "inf",
                                      "-inf",
                                      "1e3",
                                      "4,5",
                                      "4 5",
                                      "--1",
                                      "1.2.3",
                                      "4x",
                                      "9999999999999999999"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(catalog_parse_decimal(bad[i], &v));
    }
}

static void stars_are_mapped_from_their_scale(void **state)
{
    (void)state;
    double stars;
    assert_null(catalog_read_stars("0.5", 5, &stars));
    assert_true(stars == 0.5);
    assert_null(catalog_read_stars("9", 10, &stars));
    assert_true(stars == 4.5);
    assert_null(catalog_read_stars("1", 10, &stars));
    assert_true(stars == 0.5);
    assert_string_equal(catalog_read_stars("0", 5, &stars), "rating out of range");
    assert_string_equal(catalog_read_stars("5.01", 5, &stars), "rating out of range");
    assert_string_equal(catalog_read_stars("nan", 5, &stars), "rating is not a number");
}

static void moments_are_read_in_many_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t at_s;
    } good[] = {
        {"2024-01-31", 1706659200},
        {"2024/1/31", 1706659200},
        {"2024.01.31", 1706659200},
        {"20240131", 1706659200},
        {"2024-01-31T12:30:05Z", 1706704205},
        {"2024-01-31 12:30:05 UTC", 1706704205},
        {"2024-01-31 12:30", 1706704200},
        {"2024-01-31T12:30:05.123456+08:00", 1706675405},
        {"2024-01-31T12:30:05-0530", 1706724005},
        {"881250949", 881250949},
        {"881250949.7", 881250949},
        {"1706704205123", 1706704205},
        {"1706704205123456", 1706704205},
        {"0", 0},
        {"-86400", -86400},
    };
    int64_t at;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(catalog_parse_time(good[i].text, &at));
        assert_int_equal(at, good[i].at_s);
    }
    static const char *const bad[] = {
        "",
        "yesterday",
        "2024-13-01",
        "2023-02-29",
        "2024-1",
        "2024-01/31",
        "24-01-31",
        "2024-01-31T25:00",
        "2024-01-31T12",
        "2024-01-31T12:00+99",
        "2024-01-31 12:00 CET",
        "nan",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (catalog_parse_time(bad[i], &at)) {
            fail_msg("%s is taken for a date", bad[i]);
        }
    }
}

static void impossible_moments_are_refused(void **state)
{
    (void)state;
    const struct catalog_reader r = {.now_s = 1700000000};
    int64_t at = 5;
    assert_string_equal(catalog_read_time(&r, "1601-01-01", &at), "date before 1870");
    assert_string_equal(catalog_read_time(&r, "-11644473600", &at), "date before 1870");
    assert_string_equal(catalog_read_time(&r, "2099-01-01", &at), "date in the future");
    assert_string_equal(catalog_read_time(&r, "soon", &at), "not a date");
    assert_int_equal(at, 5);
    assert_null(catalog_read_time(&r, "1700086400", &at)); // a clock may be a day ahead
    assert_null(catalog_read_time(&r, "1895-12-28", &at));
    assert_null(catalog_read_time(&r, "", &at));
    assert_true(at == REEL_TIME_UNKNOWN);
}

static void years_are_read_from_dates_too(void **state)
{
    (void)state;
    int32_t year = 0;
    assert_true(catalog_parse_year("1995", &year) && year == 1995);
    assert_true(catalog_parse_year("2001-04-05", &year) && year == 2001);
    assert_true(catalog_parse_year("2003.0", &year) && year == 2003);
    static const char *const bad[] = {"", "95", "1869", "2101", "19955", "year", "V"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(catalog_parse_year(bad[i], &year));
    }
}

static void imdb_ids_are_padded_and_found_in_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *imdb;
    } good[] = {
        {"tt0114709", "tt0114709"},
        {"114709", "tt0114709"},
        {"0114709", "tt0114709"},
        {"tt12345678", "tt12345678"},
        {"000114709", "tt0114709"},
        {"https://www.imdb.com/title/tt0114709/?ref_=x", "tt0114709"},
    };
    char imdb[16];
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(catalog_parse_imdb(good[i].text, imdb));
        assert_string_equal(imdb, good[i].imdb);
    }
    static const char *const bad[] = {
        "",  "tt",        "nm0000123", "12a",
        "0", "tt0000000", "batt123",   "12345678901234567890"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (catalog_parse_imdb(bad[i], imdb)) {
            fail_msg("%s is taken for %s", bad[i], imdb);
        }
    }
}

static void titles_are_turned_round_and_lose_their_year(void **state)
{
    (void)state;
    static const struct {
        const char *text, *title;
        int32_t year;
        const char *other;
    } cases[] = {
        {"Harbour, The (1995)", "The Harbour", 1995, NULL},
        {"Étoile, L' (1990)", "L'Étoile", 1990, NULL},
        {"Good, The Bad and The Odd, The (1966)", "The Good, The Bad and The Odd", 1966,
         NULL},
        {"City of Fog, The (Cité du brouillard, La) (1995)", "The City of Fog", 1995,
         "La Cité du brouillard"},
        {"Seven Rooms (a.k.a. 7 Rooms) (1995)", "Seven Rooms", 1995, "7 Rooms"},
        {"Bird Or (The Virtue of Silence) (2014)", "Bird Or (The Virtue of Silence)",
         2014, NULL},
        {"(500) Steps (2009)", "(500) Steps", 2009, NULL},
        {"Tide (V) (1999)", "Tide", 1999, NULL},
        {"Long Run: The Series (2006–2007)", "Long Run: The Series", 2006, NULL},
        {"  1984  ", "1984", 0, NULL},
        {"Paris, Texas", "Paris, Texas", 0, NULL},
        {"(1999)", NULL, 1999, NULL},
        {"", NULL, 0, NULL},
    };
    struct base_arena row;
    base_arena_init(&row, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[100];
        (void)snprintf(text, sizeof text, "%s", cases[i].text);
        struct catalog_title names;
        assert_true(catalog_title_names(&row, catalog_trim(text), &names));
        assert_int_equal(names.year, cases[i].year);
        assert_int_equal(names.n_others, cases[i].other != NULL);
        if (cases[i].other) {
            assert_string_equal(names.other[0], cases[i].other);
        }
        if (cases[i].title) {
            assert_string_equal(names.title, cases[i].title);
        } else {
            assert_null(names.title);
        }
    }
    int32_t year;
    assert_string_equal(catalog_title_split(&row, " Fog, A (Nebel) (1980) ", &year),
                        "Fog, A (Nebel)");
    assert_int_equal(year, 1980);
    assert_string_equal(catalog_title_unsort(&row, "Fog, A"), "A Fog");
    base_arena_release(&row);
}

static void lists_are_cut_and_trimmed(void **state)
{
    (void)state;
    char text[] = " a , b,, c d ,";
    const char *item[8];
    assert_int_equal(catalog_split(text, ',', item, 8), 3);
    assert_string_equal(item[0], "a");
    assert_string_equal(item[1], "b");
    assert_string_equal(item[2], "c d");
    char more[] = "a,b,c";
    assert_int_equal(catalog_split(more, ',', item, 2), 2);
    char none[] = "  ";
    assert_int_equal(catalog_split(none, ',', item, 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_strict),
        cmocka_unit_test(decimals_are_strict),
        cmocka_unit_test(stars_are_mapped_from_their_scale),
        cmocka_unit_test(moments_are_read_in_many_shapes),
        cmocka_unit_test(impossible_moments_are_refused),
        cmocka_unit_test(years_are_read_from_dates_too),
        cmocka_unit_test(imdb_ids_are_padded_and_found_in_addresses),
        cmocka_unit_test(titles_are_turned_round_and_lose_their_year),
        cmocka_unit_test(lists_are_cut_and_trimmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
