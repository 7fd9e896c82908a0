#include "catalog_told.h"

#define NFO FORKREEL_TEST_DATA "/catalog/nfo/"
#define PAPRIKA "nfo:imdb:tt0851578 \"Paprika\" (2006) imdb=tt0851578 tmdb=4977"
#define MOOD                                                                      \
    "nfo:imdb:tt0118694 \"In the Mood for Love\" (2000) imdb=tt0118694 tmdb=843 " \
    "douban=1291557"
#define PAPRIKA_FILM                                                             \
    "film " PAPRIKA " original=パプリカ overview=A machine lets therapists " \
    "into dreams & somebody steals it. age=R runtime=90 mean=7.7 "               \
    "genres=Animation,Science Fiction director=Satoshi Kon "                     \
    "writer=Seishi Minakami\n"
#define MOOD_FILM                                                                     \
    "film " MOOD " original=花樣年華 overview=Two neighbours suspect that their " \
    "spouses are having an affair & grow close. tagline=Feel the heat, keep "         \
    "the feeling burning. age=PG runtime=98 mean=8.7 votes=28 "                       \
    "genres=Drama,Romance keywords=Informal trilogy,neighbours,1960s "                \
    "countries=Hong Kong writer=Wong Kar-wai director=Wong Kar-wai "                  \
    "actor=Tony Leung Chiu-wai(Chow Mo-wan) actor=Maggie Cheung(Su Li-zhen) "         \
    "<trakt 650>\n"
#define REFUSED                                                                    \
    "refused " NFO "kodi/broken.nfo:4 not XML: Premature end of data in tag plot " \
    "line 3\n"                                                                     \
    "refused " NFO "kodi/readme.nfo:0 neither XML nor the address of a film\n"     \
    "film nfo:imdb:tt0079944 imdb=tt0079944\n"

static void tree_gives_films_and_what_the_viewer_did(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "nfo", "ann", "nfo");
    told_expect(&told, REFUSED PAPRIKA_FILM "watch ann " PAPRIKA " 0.25 @1709668800\n"
                                            "like ann " PAPRIKA "\n"
                                            "film \"Played, nobody knows when\" (1999)\n"
                                            "watch ann \"Played, nobody knows when\" "
                                            "(1999)\n" MOOD_FILM "watch ann " MOOD
                                            " @1707946200\n"
                                            "rate ann " MOOD " 4.5\n");
}

static void without_a_viewer_only_films_are_read(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "nfo", NULL, "nfo");
    told_expect(&told, REFUSED PAPRIKA_FILM
                "film \"Played, nobody knows when\" (1999)\n" MOOD_FILM);
}

static void one_file_alone_that_is_no_film_is_an_error(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"<tvshow><title>S</title></tvshow>", "failed: a.nfo: <tvshow>, not <movie>\n"},
        {"<movie><title>",
         "failed: a.nfo:1: not XML: Premature end of data in tag title line 1\n"},
        {"<movie><title>A & B</title></movie>",
         "failed: a.nfo:1: not XML: xmlParseEntityRef: no name\n"},
        {"", "failed: a.nfo: neither XML nor the address of a film\n"},
        {"<movie/>", "refused a.nfo:1 movie: neither title nor id\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_told("nfo", "a.nfo", cases[i][0], cases[i][1]);
    }
}

static void addresses_stand_for_the_film(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"https://www.themoviedb.org/movie/843-in-the-mood\n",
         "film nfo:tmdb:843 tmdb=843\n"},
        {"https://movie.douban.com/subject/1291557/\n",
         "film nfo:douban:1291557 douban=1291557\n"},
        {"<movie><title>T</title></movie>\nhttps://www.imdb.com/title/tt0118694/",
         "film nfo:imdb:tt0118694 \"T\" imdb=tt0118694\n"},
        // what the XML says counts more
        {"<movie><title>T</title><imdbid>tt0000001</imdbid></movie>"
         "https://www.imdb.com/title/tt0118694/",
         "film nfo:imdb:tt0000001 \"T\" imdb=tt0000001\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_told("nfo", "a.nfo", cases[i][0], cases[i][1]);
    }
}

static void no_entity_is_ever_declared(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "<!DOCTYPE movie [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b "
        "\"&a;&a;&a;&a;&a;&a;&a;&a;\">"
        "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]><movie><title>&c;</title></movie>",
        "<!DOCTYPE movie [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
        "<movie><title>&x;</title></movie>",
        "<!DOCTYPE movie SYSTEM "
        "\"http://127.0.0.1:9/x.dtd\"><movie><title>T</title></movie>",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_told("nfo", "a.nfo", cases[i],
                    "failed: a.nfo: a document type, which may hide anything\n");
    }
    expect_told("nfo", "a.nfo", "<movie><title>&x;</title></movie>",
                "failed: a.nfo:1: not XML: Entity 'x' not defined\n");
}

static void wrong_values_refuse_the_film_or_the_event(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"<movie><title>T</title><year>1601</year></movie>",
         "refused a.nfo:1 year: 1601\n"},
        {"<movie><title>T</title><runtime>long</runtime></movie>",
         "refused a.nfo:1 runtime: long\n"},
        {"<movie><title>T</title><uniqueid type=\"tmdb\">-4</uniqueid></movie>",
         "refused a.nfo:1 tmdb id: -4\n"},
        {"<movie><title>T</title><rating>nan</rating></movie>",
         "refused a.nfo:1 rating: nan\n"},
        {"<movie><title>T</title><playcount>99999999999999999999</playcount></movie>",
         "refused a.nfo:1 playcount: 99999999999999999999\n"},
        {"<movie><title>T</title><userrating>11</userrating></movie>",
         "film \"T\"\nrefused a.nfo:1 userrating: rating out of range, 11\n"},
        {"<movie><title>T</title><lastplayed>2024-13-01</lastplayed></movie>",
         "film \"T\"\nrefused a.nfo:1 lastplayed: not a date, 2024-13-01\n"},
        {"<movie><title>T</title><userrating>0</userrating></movie>", "film \"T\"\n"},
        {"<movie><title>T&#0;</title></movie>",
         "failed: a.nfo:1: not XML: xmlParseCharRef: invalid xmlChar value 0\n"},
        {"<movie><title>T&#xD800;</title></movie>",
         "failed: a.nfo:1: not XML: xmlParseCharRef: invalid xmlChar value 55296\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_told("nfo", "a.nfo", cases[i][0], cases[i][1]);
    }
}

static void nesting_ends_somewhere(void **state)
{
    (void)state;
    struct base_buffer text;
    struct told told;
    base_buffer_init(&text, 1 << 20);
    told_init(&told);
    for (int i = 0; i < 50000; i++) {
        assert_true(base_buffer_add_text(&text, "<movie>"));
    }
    told_read(&told, "nfo", NULL, "a.nfo", text.data);
    assert_int_equal(told.rc, REEL_EFORMAT);
    assert_non_null(strstr(told.err.text, "not XML: Excessive depth"));
    base_buffer_release(&text);
    base_buffer_release(&told.text);
}

static void file_of_another_encoding_is_read_as_it_says(void **state)
{
    (void)state;
    expect_told("nfo", "a.nfo",
                "<?xml version=\"1.0\" encoding=\"GBK\"?><movie><title>\xd3\xa2\xd0\xdb"
                "</title></movie>",
                "film \"英雄\"\n");
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static const char text[] =
        "<movie><title>T</title><imdbid>tt0000001</imdbid><genre>a / "
        "b</genre><tag>c</tag>"
        "<actor><name>N</name></actor><playcount>1</playcount></movie>";
    const struct catalog_memory member = {"a.nfo", text, sizeof text - 1};
    told_torture("nfo", "ann", &member, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree_gives_films_and_what_the_viewer_did),
        cmocka_unit_test(without_a_viewer_only_films_are_read),
        cmocka_unit_test(one_file_alone_that_is_no_film_is_an_error),
        cmocka_unit_test(addresses_stand_for_the_film),
        cmocka_unit_test(no_entity_is_ever_declared),
        cmocka_unit_test(wrong_values_refuse_the_film_or_the_event),
        cmocka_unit_test(nesting_ends_somewhere),
        cmocka_unit_test(file_of_another_encoding_is_read_as_it_says),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
