/** Any table, and what its fields say. */
#include "catalog_told.h"

#include "catalog_fields.h"

static void columns_are_known_by_common_names(void **state)
{
    (void)state;
    static const char *const header[] = {
        "viewer,film,rating,timestamp",
        "userId,movieId,rating,timestamp",
        "user_id,item_id,rating,timestamp",
        "User ID,Item,Stars,Date",
        "uid;iid;score;ts",
        "user\tmovie\trating\ttime",
        "\xef\xbb\xbfUser,Item,Rating,TS\r",
    };
    for (size_t i = 0; i < COUNT_OF(header); i++) {
        char text[200];
        const char d = strchr(header[i], ';')    ? ';'
                       : strchr(header[i], '\t') ? '\t'
                                                 : ',';
        (void)snprintf(text, sizeof text, "%s\nu1%cf1%c4.5%c978300760\n", header[i], d, d,
                       d);
        expect_told("csv", "r.csv", text, "rate u1 csv:f1 4.5 @978300760\n");
    }
}

static void one_row_can_say_many_things(void **state)
{
    (void)state;
    expect_told(
        "csv", "r.csv",
        "viewer,title,year,rating,watched,liked,tag,review,text,imdb,tmdb,douban,"
        "timestamp\n"
        "bo,Fog,1980,4,80%,yes,\"sea|fog, dark\",\"Fine.\nVery.\",a post,0000123,862,"
        "1291546,2024-01-31\n",
        "rate bo \"Fog\" (1980) imdb=tt0000123 tmdb=862 douban=1291546 4 "
        "@1706659200\n"
        "like bo \"Fog\" (1980) imdb=tt0000123 tmdb=862 douban=1291546 "
        "@1706659200\n"
        "tag bo \"Fog\" (1980) imdb=tt0000123 tmdb=862 douban=1291546 @1706659200 "
        "text=sea\n"
        "tag bo \"Fog\" (1980) imdb=tt0000123 tmdb=862 douban=1291546 @1706659200 "
        "text=fog\n"
        "tag bo \"Fog\" (1980) imdb=tt0000123 tmdb=862 douban=1291546 @1706659200 "
        "text=dark\n"
        "review bo \"Fog\" (1980) imdb=tt0000123 tmdb=862 douban=1291546 "
        "@1706659200 text=Fine.\nVery.\n"
        "review bo \"Fog\" (1980) imdb=tt0000123 tmdb=862 douban=1291546 "
        "@1706659200 text=a post\n"
        "watch bo \"Fog\" (1980) imdb=tt0000123 tmdb=862 douban=1291546 0.8 "
        "@1706659200\n");
}

static void rows_that_say_nothing_else_are_watches(void **state)
{
    (void)state;
    expect_told("csv", "r.csv", "user,item\nbo,7\n", "watch bo csv:7\n");
    expect_told("csv", "r.csv", "item,rating\n7,\n8,3\n",
                "watch ann csv:7\nrate ann csv:8 3\n");
    expect_told("csv", "r.csv", "user,item,watched\nbo,7,no\nbo,8,2024-01-31\nbo,9,0.5\n",
                "watch bo csv:8 @1706659200\nwatch bo csv:9 0.5\n");
    expect_told("csv", "r.csv", "user,item,liked\nbo,7,false\nbo,8,1\nbo,9,dislike\n",
                "watch bo csv:7\nlike bo csv:8\ndislike bo csv:9\n");
}

static void titles_may_carry_their_year(void **state)
{
    (void)state;
    expect_told("csv", "r.csv",
                "title,rating10\n\"Fog, The (1980)\",9\nSteps (Long),1\n雾港 (2001),10\n",
                "rate ann \"The Fog\" (1980) 4.5\nrate ann \"Steps (Long)\" 0.5\n"
                "rate ann \"雾港\" (2001) 5\n");
}

static void films_alone_need_no_viewer(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read(&told, "csv", NULL, "f.csv",
              "item,title,year,text\n7,Fog,1980,It rolls in.\n");
    told_expect(&told, "film csv:7 \"Fog\" (1980) overview=It rolls in.\n");
    told_read(&told, "csv", NULL, "f.csv", "item,title,rating\n7,Fog,3\n");
    told_expect(&told,
                "failed: f.csv:1: no column says which viewer; map one to viewer or "
                "name the viewer; there are item, title, rating\n");
}

static void broken_rows_are_refused_with_the_value(void **state)
{
    (void)state;
    expect_told("csv", "r.csv",
                "user,item,rating,timestamp,year,imdb,tmdb,liked,watched\n"
                "u,1,5.5,,,,,,\n"
                "u,1,NaN,,,,,,\n"
                "u,1,inf,,,,,,\n"
                "u,1,4,1601-01-01,,,,,\n"
                "u,1,4,99999999999,,,,,\n"
                "u,1,4,,12,,,,\n"
                "u,1,4,,,x,,,\n"
                "u,1,4,,,,-3,,\n"
                "u,1,4,,,,,perhaps,\n"
                "u,1,4,,,,,,150%\n"
                "u,,4,,,,,,\n"
                ",1,4,,,,,,\n"
                "u,1,4\n"
                "u,🎬,4,,,,,,\n",
                "refused r.csv:2 rating out of range, \"5.5\"\n"
                "refused r.csv:3 rating is not a number, \"NaN\"\n"
                "refused r.csv:4 rating is not a number, \"inf\"\n"
                "refused r.csv:5 date before 1870, \"1601-01-01\"\n"
                "refused r.csv:6 date in the future, \"99999999999\"\n"
                "refused r.csv:7 not a year, \"12\"\n"
                "refused r.csv:8 not an imdb id, \"x\"\n"
                "refused r.csv:9 not a tmdb id, \"-3\"\n"
                "refused r.csv:10 neither yes nor no, \"perhaps\"\n"
                "refused r.csv:11 not a date, \"150%\"\n"
                "refused r.csv:12 no film\n"
                "rate ann csv:1 4\n"
                "refused r.csv:14 3 columns where the header has 9\n"
                "rate u csv:🎬 4\n");
}

static void read_mapped(struct told *told, const struct reel_column_map *map,
                        int32_t n_map, const char *source_name, const char *text)
{
    const struct catalog_memory member = {"r.csv", text, strlen(text)};
    struct reel_read_options opt = reel_read_options_default();
    opt.map = map;
    opt.n_map = n_map;
    opt.source = source_name;
    const struct reel_sink sink = told_sink(told);
    struct catalog_source *source;
    assert_ok(catalog_source_open_memory(&member, 1, &opt, &source, &told->err),
              told->err);
    told->rc = catalog_read_source("csv", source, &opt, &sink, &told->err);
    catalog_source_close(source);
}

static void mapped_columns_go_first(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    const struct reel_column_map map[] = {
        {"who", "viewer"}, {"what", "film"}, {"mark", "rating"}, {"rating", "-"}};
    read_mapped(&told, map, COUNT_OF(map), "mine", "who,what,mark,rating\nbo,7,3,9\n");
    told_expect(&told, "rate bo mine:7 3\n");
    const struct reel_column_map no_field[] = {{"who", "person"}};
    read_mapped(&told, no_field, 1, "csv", "who,what\nbo,7\n");
    assert_int_equal(told.rc, REEL_EINVAL);
    assert_string_equal(
        told.err.text,
        "no field \"person\"; there are viewer, film, title, year, rating, "
        "rating10, timestamp, watched, liked, tag, review, text, imdb, tmdb, "
        "douban, genres, cast, director, keywords");
    const struct reel_column_map no_column[] = {{"whom", "viewer"}};
    read_mapped(&told, no_column, 1, "csv", "who,what\nbo,7\n");
    assert_int_equal(told.rc, REEL_EINVAL);
    assert_string_equal(told.err.text, "r.csv: no column \"whom\"; there are who, what");
    read_mapped(&told, NULL, 0, "csv", "who,what\nbo,7\n");
    assert_int_equal(told.rc, REEL_EFORMAT);
    assert_string_equal(told.err.text,
                        "r.csv:1: no column says which film; map one to film "
                        "or title; there are who, what");
    base_buffer_release(&told.text);
}

static void field_names_are_all_listed(void **state)
{
    (void)state;
    char names[300] = "";
    for (int i = 0; i < CATALOG_N_FIELDS; i++) {
        const char *name = catalog_field_name((enum catalog_field)i);
        assert_int_equal(catalog_field_by_name(name), i);
        assert_int_equal(catalog_field_guess(name), i);
        (void)snprintf(names + strlen(names), 40, "%s%s", i ? ", " : "", name);
    }
    assert_string_equal(names, catalog_field_names());
    assert_int_equal(catalog_field_by_name("userId"), CATALOG_FIELD_NONE);
    assert_int_equal(catalog_field_guess("whatever"), CATALOG_FIELD_NONE);
}

static void tables_of_a_folder_are_all_read(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    const struct catalog_memory member[] = {
        {"b.tsv", "user\titem\nbo\t2\n", 15},
        {"a.csv", "user,item\nbo,1\n", 15},
        {"notes.md", "no table", 8},
    };
    told_read_members(&told, "csv", NULL, member, COUNT_OF(member));
    told_expect(&told, "watch bo csv:1\nwatch bo csv:2\n");
    told_read_members(&told, "csv", NULL, member + 2, 1);
    told_expect(&told,
                "failed: notes.md:1: no column says which film; map one to film or "
                "title; there are no table\n");
}

static void lost_memory_is_reported(void **state)
{
    (void)state;
    static const char text[] =
        "user,title,rating,tag\nbo,\"Fog, The (1980)\",3,\"a,b\"\n";
    const struct catalog_memory member = {"r.csv", text, sizeof text - 1};
    told_torture("csv", NULL, &member, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_known_by_common_names),
        cmocka_unit_test(one_row_can_say_many_things),
        cmocka_unit_test(rows_that_say_nothing_else_are_watches),
        cmocka_unit_test(titles_may_carry_their_year),
        cmocka_unit_test(films_alone_need_no_viewer),
        cmocka_unit_test(broken_rows_are_refused_with_the_value),
        cmocka_unit_test(mapped_columns_go_first),
        cmocka_unit_test(field_names_are_all_listed),
        cmocka_unit_test(tables_of_a_folder_are_all_read),
        cmocka_unit_test(lost_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
