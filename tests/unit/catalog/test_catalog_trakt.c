#include "catalog_told.h"

#define SPIRITED "trakt:83 \"Spirited Away\" (2001) imdb=tt0245429 tmdb=129"
#define AMELIE "trakt:121 \"Amélie\" (2001)"
#define AMELIE_IDS AMELIE " imdb=tt0211915 tmdb=194"
#define STALKER "trakt:1091 \"Stalker\" (1979)"
#define STALKER_IDS STALKER " imdb=tt0079944 tmdb=1398"
#define HISTORY                            \
    "film " SPIRITED "\n"                  \
    "watch ann " SPIRITED " @1676149500\n" \
    "film " AMELIE_IDS "\n"                \
    "watch ann " AMELIE_IDS " @1676318400\n"
#define WISHES               \
    "film " STALKER_IDS "\n" \
    "wish ann " STALKER_IDS " @1704164645\n"
#define RATINGS                                                                    \
    "film " SPIRITED "\n"                                                          \
    "rate ann " SPIRITED " 4.5 @1676188800\n"                                      \
    "refused " FORKREEL_TEST_DATA "/catalog/trakt/%s:2 item 2: rating: 11 is not " \
    "in 1 .. 10\n"

static void flat_export_tells_watches_ratings_wishes_likes_and_comments(void **state)
{
    (void)state;
    struct told told;
    char expected[4096];
    snprintf(expected, sizeof expected,
             "film " STALKER "\n"
             "review ann " STALKER " @1706781600 text=Slow, and worth it. 🙂\n"
             "film " AMELIE "\n"
             "like ann " AMELIE " @1714953600\n" WISHES RATINGS HISTORY "film " SPIRITED
             "\n"
             "watch ann " SPIRITED " @1676149500\n"
             "film trakt:7001 \"霸王别姬\" (1993) tmdb=10997\n"
             "watch ann trakt:7001 \"霸王别姬\" (1993) tmdb=10997\n",
             "flat/ratings-movies.json");
    told_init(&told);
    told_read_path(&told, "trakt", "ann", "trakt/flat");
    told_expect(&told, expected);
}

static void export_in_folders_is_known_by_base_names(void **state)
{
    (void)state;
    struct told told;
    char expected[4096];
    snprintf(expected, sizeof expected,
             WISHES RATINGS HISTORY
             "film trakt:593 \"Solaris\" (1972) imdb=tt0069293 tmdb=593\n"
             "watch ann trakt:593 \"Solaris\" (1972) imdb=tt0069293 tmdb=593 0.405 "
             "@1709330400\n",
             "folders/ratings/ratings-movies.json");
    told_init(&told);
    told_read_path(&told, "trakt", "ann", "trakt/folders");
    told_expect(&told, expected);
}

static void export_needs_a_viewer(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read(&told, "trakt", NULL, "ratings.json", "[]");
    assert_int_equal(told.rc, REEL_EINVAL);
    base_buffer_release(&told.text);
}

static void folder_of_other_things_is_told(void **state)
{
    (void)state;
    const struct catalog_memory member[] = {{"a.txt", "x", 1},
                                            {"lists-list-x.json", "[]", 2}};
    struct told told;
    told_init(&told);
    told_read_members(&told, "trakt", "ann", member, 2);
    assert_int_equal(told.rc, REEL_EFORMAT);
    assert_non_null(strstr(told.err.text, "no file of a Trakt export"));
    base_buffer_release(&told.text);
}

static void all_details_of_a_movie_are_kept(void **state)
{
    (void)state;
    expect_told(
        "trakt", "history.json",
        "[{\"watched_at\":\"2020-01-01T00:00:00Z\",\"type\":\"movie\",\"movie\":{"
        "\"title\":\"T\",\"year\":2000,\"ids\":{\"trakt\":1},\"tagline\":\"G\","
        "\"overview\":\"O\",\"runtime\":99,\"certification\":\"R\",\"rating\":7.25,"
        "\"votes\":12,\"language\":\"en\",\"country\":\"us\",\"genres\":[\"drama\","
        "\"war\"],\"original_title\":\"Te\"}}]",
        "film trakt:1 \"T\" (2000) original=Te language=en overview=O tagline=G age=R "
        "runtime=99 mean=7.25 votes=12 genres=drama,war countries=us\n"
        "watch ann trakt:1 \"T\" (2000) @1577836800\n");
}

#define MOVIE "\"movie\":{\"title\":\"T\",\"ids\":{\"trakt\":1}}"

static void wrong_values_refuse_the_item_and_say_the_value(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"[{\"watched_at\":\"1601-01-01T00:00:00Z\"," MOVIE "}]",
         "refused h.json:1 item 1: watched_at: date before 1870, 1601-01-01T00:00:00Z\n"},
        {"[{\"watched_at\":\"soon\"," MOVIE "}]",
         "refused h.json:1 item 1: watched_at: not a date, soon\n"},
        {"[{\"watched_at\":12," MOVIE "}]",
         "refused h.json:1 item 1: watched_at: 12 is not text\n"},
        {"[{\"rating\":8.5," MOVIE "}]",
         "refused h.json:1 item 1: rating: 8.5 is not a whole number\n"},
        {"[{\"rating\":\"8\"," MOVIE "}]",
         "refused h.json:1 item 1: rating: 8 is not a whole number\n"},
        {"[{\"rating\":99999999999999999999," MOVIE "}]",
         "refused h.json:1 item 1: not JSON at column 30: too big integer near "
         "'99999999999999999999'\n"},
        {"[{\"rating\":NaN," MOVIE "}]",
         "refused h.json:1 item 1: not JSON at column 13: invalid token near 'NaN'\n"},
        {"[{\"rating\":8,\"rating\":9," MOVIE "}]",
         "refused h.json:1 item 1: not JSON at column 20: duplicate object key near "
         "'\"rating\"'\n"},
        {"[{\"rating\":8,\"movie\":[1]}]",
         "refused h.json:1 item 1: movie: an array is not an object\n"},
        {"[{\"rating\":8,\"type\":\"movie\"}]",
         "refused h.json:1 item 1: no movie in the item\n"},
        {"[{\"rating\":8,\"movie\":{\"ids\":{}}}]",
         "refused h.json:1 item 1: a movie without title and ids\n"},
        {"[{\"rating\":8,\"movie\":{\"title\":\"a\\u0000b\"}}]",
         "refused h.json:1 item 1: not JSON at column 39: a NUL in a text\n"},
        {"[{\"rating\":8,\"movie\":{\"title\":\"\\ud800\"}}]",
         "refused h.json:1 item 1: not JSON at column 37: invalid Unicode '\\uD800' near "
         "'\"\\ud800\"'\n"},
        {"[{\"rating\":8,\"movie\":{\"title\":\"T\",\"ids\":{\"imdb\":\"nm1\"}}}]",
         "refused h.json:1 item 1: imdb: nm1 is not an IMDb id\n"},
        {"[{\"paused_at\":\"2020-01-01\",\"progress\":140," MOVIE "}]",
         "refused h.json:1 item 1: progress out of range, 140\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_told("trakt", "h.json", cases[i][0], cases[i][1]);
    }
}

static void broken_files_end_with_one_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "failed: h.json:1: no JSON in the file\n"},
        {"\n\n", "failed: h.json:1: no JSON in the file\n"},
        {"hello", "failed: h.json:1: not JSON at \"hello\"\n"},
        {"[", "failed: h.json:1: the JSON ends too early\n"},
        {"[1]", "failed: h.json:1: not JSON at \"1]\"\n"},
        {"[{\"rating\":8,\n\"movie\":{\"ti",
         "failed: h.json:2: the JSON ends too early\n"},
        {"[\n{}{}]", "refused h.json:2 item 1: no movie in the item\n"
                     "failed: h.json:2: not JSON at \"{}]\"\n"},
        {"[{\"a\":\"\xff\"}]", "failed: h.json:1: not UTF-8 in item 1\n"},
        {"\xff\xfe[",
         "failed: h.json:1: UTF-16, not UTF-8; convert it with iconv first\n"},
        {"[]]", "failed: h.json:1: not JSON at \"]\"\n"},
        {"[{},]", "refused h.json:1 item 1: no movie in the item\n"
                  "failed: h.json:1: not JSON at \"]\"\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_told("trakt", "h.json", cases[i][0], cases[i][1]);
    }
}

static void item_nested_too_deep_is_refused(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    struct base_buffer text;
    base_buffer_init(&text, 1 << 20);
    assert_true(base_buffer_add_text(&text, "[{\"movie\":"));
    for (int i = 0; i < DEPTH; i++) {
        assert_true(base_buffer_add_char(&text, '['));
    }
    for (int i = 0; i < DEPTH; i++) {
        assert_true(base_buffer_add_char(&text, ']'));
    }
    assert_true(base_buffer_add_text(&text, "}]"));
    expect_told("trakt", "h.json", text.data,
                "refused h.json:1 item 1: JSON nested 100001 deep, at most 64\n");
    base_buffer_release(&text);
}

static void item_longer_than_the_limit_ends_the_reading(void **state)
{
    (void)state;
    const char *text = "[{\"rating\":8,\n\"a\":\"xxxxxxxxxxxxxxxxxxxx\",\n"
                       "\"b\":\"xxxxxxxxxxxxxxxxxxxxxxx\"}]";
    const struct catalog_memory member = {"h.json", text, strlen(text)};
    struct reel_read_options opt = reel_read_options_default();
    struct catalog_source *source;
    struct told told;
    told_init(&told);
    opt.viewer = "ann";
    opt.max_line_bytes = 48;
    const struct reel_sink sink = told_sink(&told);
    assert_ok(catalog_source_open_memory(&member, 1, &opt, &source, &told.err), told.err);
    assert_int_equal(catalog_read_source("trakt", source, &opt, &sink, &told.err),
                     REEL_EFORMAT);
    assert_string_equal(told.err.text, "h.json:1: an item of more than 48 bytes");
    catalog_source_close(source);
    base_buffer_release(&told.text);
}

static void array_on_one_line_may_be_longer_than_any_line(void **state)
{
    (void)state;
    enum { N_ITEMS = 30000 };
    struct base_buffer text;
    struct told told;
    base_buffer_init(&text, 64 << 20);
    assert_true(base_buffer_add_text(&text, "["));
    for (int i = 0; i < N_ITEMS; i++) {
        assert_true(base_buffer_print(&text,
                                      "%s{\"rating\":8,\"movie\":{\"title\":\"%*d\"}}",
                                      i ? "," : "", i % 900, i));
    }
    assert_true(base_buffer_add_text(&text, "]"));
    assert_true(text.n_bytes > 10 << 20);
    const struct catalog_memory member = {"h.json", text.data, text.n_bytes};
    struct reel_read_options opt = reel_read_options_default();
    struct catalog_source *source;
    told_init(&told);
    opt.viewer = "ann";
    opt.max_line_bytes = 2000;
    const struct reel_sink sink = told_sink(&told);
    assert_ok(catalog_source_open_memory(&member, 1, &opt, &source, &told.err), told.err);
    assert_ok(catalog_read_source("trakt", source, &opt, &sink, &told.err), told.err);
    int n_ratings = 0;
    // Not strstr: the sanitizer's measures the whole text at every call.
    for (const char *p = told.text.data; *p; p++) {
        n_ratings += *p == '\n' && strncmp(p, "\nrate ann ", 10) == 0;
    }
    assert_int_equal(n_ratings, N_ITEMS);
    catalog_source_close(source);
    base_buffer_release(&text);
    base_buffer_release(&told.text);
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static const char text[] = "[{\"watched_at\":\"2020-01-01T00:00:00Z\",\n" MOVIE "}]";
    const struct catalog_memory member = {"h.json", text, sizeof text - 1};
    told_torture("trakt", "ann", &member, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_export_tells_watches_ratings_wishes_likes_and_comments),
        cmocka_unit_test(export_in_folders_is_known_by_base_names),
        cmocka_unit_test(export_needs_a_viewer),
        cmocka_unit_test(folder_of_other_things_is_told),
        cmocka_unit_test(all_details_of_a_movie_are_kept),
        cmocka_unit_test(wrong_values_refuse_the_item_and_say_the_value),
        cmocka_unit_test(broken_files_end_with_one_line),
        cmocka_unit_test(item_nested_too_deep_is_refused),
        cmocka_unit_test(item_longer_than_the_limit_ends_the_reading),
        cmocka_unit_test(array_on_one_line_may_be_longer_than_any_line),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
