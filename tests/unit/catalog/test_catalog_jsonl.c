#include "catalog_told.h"

#define EVENTS "refused " FORKREEL_TEST_DATA "/catalog/jsonl/events.jsonl:"

static void lines_give_events_and_films(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "jsonl", NULL, "jsonl/events.jsonl");
    told_expect(&told,
                "rate ann csv:42 \"Heat\" (1995) imdb=tt0113277 4.5 @1577836800\n"
                "like bob csv:42 @1577905445\n"
                "tag bob csv:42 @1577905445 text=heist\n"
                "tag bob csv:42 @1577905445 text=1990s, L.A.\n"
                "review bob csv:42 @1577905445 text=Two men, one table. ☕\n"
                "watch bob csv:42 @1577905445\n" EVENTS
                "4 rating out of range, \"6\"\n" EVENTS
                "5 rating: an array where a value should be\n" EVENTS
                "6 not JSON at column 37: duplicate object key near '\"title\"'\n" EVENTS
                "7 not JSON at column 31: premature end of input near '\"Broken'\n"
                "film \"A film alone\" tmdb=7 overview=Nobody comes.\n");
}

static void array_of_objects_will_do(void **state)
{
    (void)state;
    expect_told("jsonl", "a.json",
                "[{\"film\":1,\"rating\":3},\n{\"film\":2,\"tags\":[{}]}]",
                "rate ann csv:1 3\n"
                "refused a.json:2 item 2: tags: item 1 is neither text nor number\n");
}

static void films_are_described_by_lists(void **state)
{
    (void)state;
    static const char text[] =
        "{\"title\":\"Dust\",\"genres\":[\"War\",\"Drama\"],\"cast\":\"Ann Bo, Cy Dee\","
        "\"director\":[\"Eve, Jr.\"],\"keywords\":\"sand|wind\",\"text\":\"Sand.\"}\n"
        "{\"title\":\"Rust\",\"genres\":[{\"id\":1}],\"cast\":{}}\n";
    const struct catalog_memory member = {"f.jsonl", text, sizeof text - 1};
    struct told told;
    told_init(&told);
    told_read_members(&told, "jsonl", NULL, &member, 1);
    told_expect(&told, "film \"Dust\" overview=Sand. genres=War,Drama keywords=sand,wind "
                       "director=Eve, Jr. actor=Ann Bo actor=Cy Dee\nfilm \"Rust\"\n");
}

static void map_goes_before_names(void **state)
{
    (void)state;
    static const char text[] = "{\"who\":\"bob\",\"film\":\"f\",\"rating\":1,\"mark\":4,"
                               "\"score\":2,\"note\":\"n\"}\n";
    const struct reel_column_map map[] = {
        {"who", "viewer"}, {"mark", "rating"}, {"note", "-"}};
    const struct catalog_memory member = {"a.jsonl", text, sizeof text - 1};
    struct reel_read_options opt = reel_read_options_default();
    struct catalog_source *source;
    struct told told;
    told_init(&told);
    const struct reel_sink sink = told_sink(&told);
    opt.source = "mine";
    opt.map = map;
    opt.n_map = 3;
    assert_ok(catalog_source_open_memory(&member, 1, &opt, &source, &told.err), told.err);
    assert_ok(catalog_read_source("jsonl", source, &opt, &sink, &told.err), told.err);
    told_expect(&told, "rate bob mine:f 4\n");
    opt.map = &(struct reel_column_map){"who", "nobody"};
    opt.n_map = 1;
    assert_int_equal(catalog_read_source("jsonl", source, &opt, &sink, &told.err),
                     REEL_EINVAL);
    assert_non_null(strstr(told.err.text, "no field \"nobody\""));
    catalog_source_close(source);
    base_buffer_release(&told.text);
}

static void broken_files_end_with_one_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"film\":1,\"rating\":3}\n{\"film\":2",
         "rate ann csv:1 3\nfailed: a.jsonl:2: the file ends inside an object\n"},
        {"film,rating\n", "failed: a.jsonl:1: not JSON at \"film,rating\"\n"},
        {"{\"film\":1,\"rating\":3}\n[1]\n",
         "rate ann csv:1 3\nrefused a.jsonl:2 not a JSON object\n"},
        {"{\"rating\":3}\n", "refused a.jsonl:1 no film\n"},
        {"{\"film\":1,\"timestamp\":\"1601-01-01\"}\n",
         "refused a.jsonl:1 date before 1870, \"1601-01-01\"\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_told("jsonl", "a.jsonl", cases[i][0], cases[i][1]);
    }
}

static void event_without_viewer_is_refused(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read(&told, "jsonl", NULL, "a.jsonl", "{\"film\":1,\"rating\":3}\n");
    told_expect(&told, "refused a.jsonl:1 no viewer\n");
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static const char text[] =
        "{\"title\":\"T (1999)\",\"tags\":[\"a\",\"b\"],\"rating\":3}\n";
    const struct catalog_memory member = {"a.jsonl", text, sizeof text - 1};
    told_torture("jsonl", "ann", &member, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_give_events_and_films),
        cmocka_unit_test(array_of_objects_will_do),
        cmocka_unit_test(films_are_described_by_lists),
        cmocka_unit_test(map_goes_before_names),
        cmocka_unit_test(broken_files_end_with_one_line),
        cmocka_unit_test(event_without_viewer_is_refused),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
