#include "catalog_told.h"

#define IMDB FORKREEL_TEST_DATA "/catalog/imdb/"
#define MOOD "imdb:tt0118694"
#define JERRY "imdb:tt0000009"
#define MOOD_IDS MOOD " imdb=tt0118694"
#define JERRY_IDS JERRY " imdb=tt0000009"
#define TITLES                                                           \
    "film " MOOD_IDS " original=Faa yeung nin wah [zh-HK 花樣年華] " \
    "[zh-CN 花样年华] [en In the Mood for Love]\n"

static void tables_of_a_folder_are_cut_down_to_films(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "imdb", NULL, "imdb");
    told_expect(
        &told,
        "film " MOOD
        " \"In the Mood for Love\" (2000) imdb=tt0118694 original=Faa yeung nin "
        "wah runtime=98 genres=Drama,Romance\n"
        "film " JERRY
        " \"Miss Jerry\" (1894) imdb=tt0000009 original=Miss Jerry runtime=45 "
        "genres=Romance\n"
        "film imdb:tt0200000 \"A \"Quoted Film\" imdb=tt0200000 original=A \"Quoted Film "
        "age=18+\n"
        "refused " IMDB "title.basics.tsv:6 startYear: 1601\n"
        "refused " IMDB "title.basics.tsv:7 3 columns where the header has 9\n"
        "film " JERRY_IDS " mean=5.4 votes=210\n"
        "film " MOOD_IDS " mean=8.1 votes=170000\n"
        "refused " IMDB "title.ratings.tsv:5 averageRating: 11.5\n" TITLES
        "film " MOOD_IDS " director=Wong Kar-wai writer=Wong Kar-wai\n"
        "film " JERRY_IDS " director=Alexander Black\n"
        "film " JERRY_IDS " actor=Blanche Bayliss(Miss Geraldine Holbrook (Miss Jerry))\n"
        "film " MOOD_IDS " actor=Tony Leung Chiu-wai(Chow Mo-wan) actor=Maggie Cheung(Su "
        "\"Li-zhen\") other=Christopher Doyle\n");
}

static void table_on_its_own_is_taken_whole(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "imdb", NULL, "imdb/title.akas.tsv");
    told_expect(&told, TITLES "film imdb:tt0944947 imdb=tt0944947 [en A Series]\n");
}

static void table_is_known_by_its_header_not_its_name(void **state)
{
    (void)state;
    expect_told("imdb", "data.tsv",
                "tconst\taverageRating\tnumVotes\ntt0000009\t5.4\t210\n",
                "film " JERRY_IDS " mean=5.4 votes=210\n");
}

static void principals_alone_tell_of_directors(void **state)
{
    (void)state;
    static const char principals[] =
        "tconst\tordering\tnconst\tcategory\tjob\tcharacters\n"
        "tt0000009\t1\tnm1\tdirector\t\\N\t\\N\n"
        "tt0000009\t2\tnm2\tself\t\\N\t[\"Self\"\n" // broken list: no character
        "tt0000009\t3\tnm3\tactor\t\\N\t\\N\n"      // nobody of that number
        "tt0000009\t4\tnm2\tarchive_footage\t\\N\t\\N\n";
    static const char names[] = "nconst\tprimaryName\nnm1\tA\nnm2\tB\n";
    const struct catalog_memory member[] = {{"p.tsv", principals, sizeof principals - 1},
                                            {"n.tsv", names, sizeof names - 1}};
    struct told told;
    told_init(&told);
    told_read_members(&told, "imdb", NULL, member, 2);
    told_expect(&told, "film " JERRY_IDS " director=A actor=B\n");
}

static void other_tables_are_told(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "imdb", NULL, "imdb/title.crew.tsv");
    assert_int_equal(told.rc, REEL_EFORMAT);
    assert_non_null(strstr(told.err.text, "need name.basics beside them"));
    base_buffer_release(&told.text);
    told_init(&told);
    told_read(&told, "imdb", NULL, "data.tsv", "a\tb\n1\t2\n");
    assert_int_equal(told.rc, REEL_EFORMAT);
    base_buffer_release(&told.text);
}

static void wrong_values_are_refused_with_the_value(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"nm0000009\t5.4\t210\n", "refused r.tsv:2 tconst: nm0000009\n"},
        {"\\N\t5.4\t210\n", "refused r.tsv:2 tconst: \\N\n"},
        {"tt0000009\tNaN\t210\n", "refused r.tsv:2 averageRating: NaN\n"},
        {"tt0000009\t5.4\t-1\n", "refused r.tsv:2 numVotes: -1\n"},
        {"tt0000009\t5.4\t99999999999999999999\n",
         "refused r.tsv:2 numVotes: 99999999999999999999\n"},
        {"tt0000009\t5.4\n", "refused r.tsv:2 2 columns where the header has 3\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[256];
        snprintf(text, sizeof text, "tconst\taverageRating\tnumVotes\n%s", cases[i][0]);
        expect_told("imdb", "r.tsv", text, cases[i][1]);
    }
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static const char basics[] = "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult"
                                 "\tstartYear\truntimeMinutes\t"
                                 "genres\ntt0000009\tmovie\tT\tT\t0\t1999\t90\ta,b\n";
    static const char crew[] = "tconst\tdirectors\twriters\ntt0000009\tnm1\tnm1\n";
    static const char names[] = "nconst\tprimaryName\nnm1\tA\n";
    const struct catalog_memory member[] = {{"b.tsv", basics, sizeof basics - 1},
                                            {"c.tsv", crew, sizeof crew - 1},
                                            {"n.tsv", names, sizeof names - 1}};
    told_torture("imdb", NULL, member, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_a_folder_are_cut_down_to_films),
        cmocka_unit_test(table_on_its_own_is_taken_whole),
        cmocka_unit_test(table_is_known_by_its_header_not_its_name),
        cmocka_unit_test(principals_alone_tell_of_directors),
        cmocka_unit_test(other_tables_are_told),
        cmocka_unit_test(wrong_values_are_refused_with_the_value),
        cmocka_unit_test(every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
