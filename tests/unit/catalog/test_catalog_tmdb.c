#include "catalog_told.h"

static void daily_list_gives_films_and_refuses_shows(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "tmdb", NULL, "tmdb/movie_ids_01_31_2024.json");
    told_expect(&told,
                "film tmdb:129 \"千と千尋の神隠し\" tmdb=129 original=千と千尋の神隠し "
                "popularity=98.2\n"
                "film tmdb:900001 \"Only for Grown-Ups\" tmdb=900001 original=Only for "
                "Grown-Ups age=18+ popularity=0.6\n"
                "refused " FORKREEL_TEST_DATA
                "/catalog/tmdb/movie_ids_01_31_2024.json:3 1396 "
                "is a television show, not a film\n");
}

static void packed_list_reads_the_same(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "tmdb", NULL, "tmdb/movie_ids_02_01_2024.json.gz");
    told_expect(&told,
                "film tmdb:129 \"千と千尋の神隠し\" tmdb=129 original=千と千尋の神隠し "
                "popularity=98.2\n");
}

static void whole_objects_keep_people_titles_and_ratings(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "tmdb", NULL, "tmdb/films.jsonl");
    told_expect(
        &told,
        "film tmdb:10997 \"Farewell My Concubine\" (1993) imdb=tt0106332 tmdb=10997 "
        "original=霸王别姬 language=zh overview=Two boys meet at an opera school and "
        "share the "
        "stage for fifty years. tagline=The passionate story of two lives. age=R "
        "runtime=171 "
        "popularity=20.5 mean=8.1 votes=600 [zh-CN 霸王别姬] [zh-TW 霸王別姬] [fr Adieu "
        "ma "
        "concubine] [zh-HK 霸王別姬] [? Farewell to My Concubine] genres=Drama "
        "keywords=opera,friendship countries=China,Hong Kong actor=Leslie Cheung(Cheng "
        "Dieyi) "
        "actor=Gong Li(Juxian) director=Chen Kaige writer=Lilian Lee other=Gu Changwei "
        "<wikidata Q645094>\n"
        "film tmdb:7 \"A Film\" tmdb=7 keywords=A Collection <homepage "
        "https://example.org/a>\n");
}

#define TABLES FORKREEL_TEST_DATA "/catalog/tmdb/tables/"

static void tables_read_lists_inside_cells(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "tmdb", NULL, "tmdb/tables");
    told_expect(
        &told,
        "film tmdb:11 \"Star Wars\" tmdb=11 actor=Mark Hamill(Luke Skywalker) "
        "actor=Harrison Ford director=George Lucas writer=George Lucas other=John "
        "Williams\n"
        "film tmdb:11 \"Star Wars\" (1977) tmdb=11 original=Star Wars language=en "
        "overview=A "
        "farm boy, a pilot and two machines\nagainst a very large \"moon\". tagline=A "
        "long "
        "time ago in a galaxy far, far away... runtime=121 popularity=126.394 mean=8.1 "
        "votes=6624 genres=Adventure,Science Fiction keywords=android,galaxy "
        "countries=United States of America <homepage https://example.org/sw>\n"
        "refused " TABLES "tmdb_5000_movies.csv:4 id: -5\n"
        "refused " TABLES
        "tmdb_5000_movies.csv:5 genres: not JSON at column 3: string or "
        "'}' expected near '''\n"
        "film tmdb:13 \"Quiet\" tmdb=13 original=Quiet language=en popularity=0.5\n");
}

static void wrong_values_refuse_the_film(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"title\":\"T\"}", "refused a.json:1 no id\n"},
        {"{\"id\":1}", "refused a.json:1 1 has no title\n"},
        {"{\"id\":1.5,\"title\":\"T\"}",
         "refused a.json:1 id: 1.5 is not a whole number\n"},
        {"{\"id\":1,\"title\":\"T\",\"runtime\":\"long\"}",
         "refused a.json:1 runtime: long is not a whole number\n"},
        {"{\"id\":1,\"title\":\"T\",\"release_date\":\"1601-01-01\"}",
         "refused a.json:1 release_date: no year in 1601-01-01\n"},
        {"{\"id\":1,\"title\":\"T\",\"genres\":\"drama\"}",
         "refused a.json:1 genres: drama is not an array\n"},
        {"{\"id\":1,\"title\":\"T\",\"vote_count\":3,\"vote_average\":11}",
         "refused a.json:1 vote_average out of range, 11\n"},
        {"{\"id\":1,\"title\":\"T\",\"popularity\":1e999}",
         "refused a.json:1 not JSON at column 38: real number overflow near '1e999'\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_told("tmdb", "a.json", cases[i][0], cases[i][1]);
    }
}

static void broken_files_end_with_one_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"id\":1,\"title\":\"T\"}\n{\"id\":2,\"ti",
         "film tmdb:1 \"T\" tmdb=1\nfailed: a.json:2: the file ends inside an object\n"},
        {"name,year\nT,2000\n",
         "failed: a.json:1: no columns id and title, so no table of TMDB films\n"},
        {"id,title\n1,\"T\n", "failed: a.json:2: a quote that is never closed\n"},
        {"{\"id\":1,\"title\":\"T\xff\"}\n",
         "failed: a.json:1: not UTF-8 (byte 0xFF); perhaps iconv -f ISO-8859-1 helps\n"},
        {"", "failed: a.json: empty\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_told("tmdb", "a.json", cases[i][0], cases[i][1]);
    }
}

static void broken_line_in_the_middle_is_refused_alone(void **state)
{
    (void)state;
    expect_told(
        "tmdb", "a.json",
        "{\"id\":1,\"title\":\"T\"}\n{\"id\":2,\"ti\n{\"id\":3,\"title\":\"U\"}\n",
        "film tmdb:1 \"T\" tmdb=1\n"
        "refused a.json:2 not JSON at column 11: premature end of input near '\"ti'\n"
        "film tmdb:3 \"U\" tmdb=3\n");
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static const char lines[] =
        "{\"id\":1,\"title\":\"T\",\"imdb_id\":\"tt0000001\",\"genres\":[{\"name\":\"a\"}"
        ",{"
        "\"name\":\"b\"},{\"name\":\"c\"},{\"name\":\"d\"},{\"name\":\"e\"}]}\n";
    static const char table[] =
        "movie_id,title,cast,crew\n1,T,\"[{\"\"name\"\":\"\"A\"\"}]\",[]\n";
    const struct catalog_memory member[] = {{"a.json", lines, sizeof lines - 1},
                                            {"b.csv", table, sizeof table - 1}};
    told_torture("tmdb", NULL, member, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(daily_list_gives_films_and_refuses_shows),
        cmocka_unit_test(packed_list_reads_the_same),
        cmocka_unit_test(whole_objects_keep_people_titles_and_ratings),
        cmocka_unit_test(tables_read_lists_inside_cells),
        cmocka_unit_test(wrong_values_refuse_the_film),
        cmocka_unit_test(broken_files_end_with_one_line),
        cmocka_unit_test(broken_line_in_the_middle_is_refused_alone),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
