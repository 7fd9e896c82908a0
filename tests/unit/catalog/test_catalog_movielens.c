/** Every layout of MovieLens, as a folder of tests/data/catalog/movielens. */
#include "catalog_told.h"

#define DATA FORKREEL_TEST_DATA "/catalog/movielens/"

static void expect_path(const char *path, const char *expected)
{
    struct told told;
    told_init(&told);
    told_read_path(&told, "movielens", NULL, path);
    told_expect(&told, expected);
}

static void layout_100k_is_latin1_with_genres_as_flags(void **state)
{
    (void)state;
    expect_path("movielens/100k",
                "film ml-100k:1 \"The Harbour Lights\" (1995) genres=Action,Drama\n"
                "film ml-100k:2 \"Le Café de la gare\" (1994) [? The Station Café] "
                "genres=Comedy\n"
                "film ml-100k:267\n"
                "trait 196 age=49\n"
                "trait 196 gender=M\n"
                "trait 196 occupation=writer\n"
                "trait 196 zip_code=55105\n"
                "trait 22 age=25\n"
                "trait 22 gender=F\n"
                "trait 22 occupation=librarian\n"
                "trait 22 zip_code=40206\n"
                "rate 196 ml-100k:1 3 @881250949\n"
                "rate 22 ml-100k:2 5 @878887116\n"
                "refused " DATA "100k/u.data:3 rating out of range, \"9\"\n"
                "refused " DATA "100k/u.data:4 not a rating, \"22\"\n");
}

static void layout_1m_has_double_colons_and_numbered_occupations(void **state)
{
    (void)state;
    expect_path("movielens/1m",
                "film ml-1m:1 \"The Harbour Lights\" (1995) genres=Action,Drama\n"
                "film ml-1m:2 \"Two::Doors\" (1999)\n"
                "film ml-1m:3 \"Café\" (1994) genres=Children's,Comedy\n"
                "trait 1 gender=F\n"
                "trait 1 age=1\n"
                "trait 1 occupation=school student\n"
                "trait 1 zip_code=48067\n"
                "trait 2 gender=M\n"
                "trait 2 age=56\n"
                "trait 2 occupation=self-employed\n"
                "trait 2 zip_code=70072\n"
                "rate 1 ml-1m:1 5 @978300760\n"
                "rate 2 ml-1m:3 3 @978302109\n"
                "refused " DATA "1m/ratings.dat:3 rating is not a number, \"nan\"\n");
}

static void layout_10m_is_utf8_with_tags(void **state)
{
    (void)state;
    expect_path("movielens/10m",
                "film movielens:1 \"The Harbour Lights\" (1995) genres=Action,Drama\n"
                "film movielens:2 \"Café\" (1994) genres=Comedy\n"
                "rate 1 movielens:1 4.5 @838985046\n"
                "rate 1 movielens:2 0.5 @838983525\n"
                "tag 15 movielens:2 @1215184630 text=slow burn!\n");
}

static void later_layouts_join_links_and_the_genome(void **state)
{
    (void)state;
    expect_path(
        "movielens/latest",
        "film movielens:1 \"The Harbour Lights\" (1995) imdb=tt0000123 tmdb=862 "
        "genres=Drama,Film-Noir\n"
        "film movielens:2 \"Birds of Paper\" (2001) imdb=tt7654321\n"
        "film movielens:3 \"Les Enfants perdus\" (1998) imdb=tt12345678 tmdb=9000 "
        "[? The Lost Kids] [? Lost Children] genres=Fantasy\n"
        "film movielens:4 \"Say \"When\"\" (2010) genres=Comedy\n"
        "film movielens:5 \"(500) Steps\" (2009) genres=Comedy\n"
        "film movielens:1 keywords=ships,atmospheric\n"
        "film movielens:3 keywords=slow\n"
        "rate 1 movielens:1 4 @964982703\n"
        "rate 1 movielens:3 0.5 @964981247\n"
        "refused " DATA "latest/ratings.csv:4 rating out of range, \"5.5\"\n"
        "refused " DATA "latest/ratings.csv:5 rating is not a number, \"NaN\"\n"
        "refused " DATA "latest/ratings.csv:6 date before 1870, \"-11644473600\"\n"
        "rate 2 movielens:2 3.5 @1141415820\n"
        "tag 2 movielens:1 @1445714994 text=fog, and ships\n"
        "refused " DATA "latest/tags.csv:3 no viewer, no film or no tag\n");
}

static void single_files_are_known_by_their_columns(void **state)
{
    (void)state;
    expect_told("movielens", "my ratings.txt",
                "userId,movieId,rating,timestamp\n7,8,4,978300760\n7,8\n",
                "rate 7 movielens:8 4 @978300760\n"
                "refused my ratings.txt:3 2 columns where the header has 4\n");
    expect_told("movielens", "links.csv", "movieId,imdbId,tmdbId\n8,0000123,\n8,x,1\n",
                "film movielens:8 imdb=tt0000123\n"
                "refused links.csv:3 not a link, \"x\", \"1\"\n");
    expect_told("movielens", "other.csv", "a,b\n1,2\n",
                "failed: other.csv:1: not a header of MovieLens\n");
}

static void genome_keeps_the_most_relevant_tags(void **state)
{
    (void)state;
    char tags[1000] = "tagId,tag\n", scores[1000] = "movieId,tagId,relevance\n";
    char expected[1000] = "film movielens:1 keywords=";
    for (int i = 10; i < 40; i++) { // tag 10 is the least relevant, 0.60
        (void)snprintf(tags + strlen(tags), 32, "%d,t%d\n", i, i);
        const int shuffled = 10 + (7 * i) % 30;
        (void)snprintf(scores + strlen(scores), 32, "1,%d,0.%d\n", shuffled,
                       50 + shuffled);
    }
    for (int i = 39; i > 19; i--) {
        (void)snprintf(expected + strlen(expected), 32, "%st%d", i < 39 ? "," : "", i);
    }
    const struct catalog_memory member[] = {
        {"genome-tags.csv", tags, strlen(tags)},
        {"genome-scores.csv", scores, strlen(scores)},
        {"movies.csv", "movieId,title,genres\n", 21},
    };
    struct told told;
    told_init(&told);
    told_read_members(&told, "movielens", NULL, member, COUNT_OF(member));
    (void)snprintf(expected + strlen(expected), 2, "\n");
    told_expect(&told, expected);
}

static void folder_without_movielens_says_so(void **state)
{
    (void)state;
    expect_path("letterboxd/likes",
                "failed: " FORKREEL_TEST_DATA
                "/catalog/letterboxd/likes: no u.data, ratings.dat or "
                "ratings.csv in it\n");
}

static void lost_memory_is_reported(void **state)
{
    (void)state;
    static const char movies[] =
        "movieId,title,genres\n1,\"Fog, The (Nebel) (1980)\",A|B\n";
    static const char links[] = "movieId,imdbId,tmdbId\n1,0000123,862\n";
    static const char ratings[] = "userId,movieId,rating,timestamp\n1,1,4,978300760\n";
    const struct catalog_memory member[] = {
        {"movies.csv", movies, sizeof movies - 1},
        {"links.csv", links, sizeof links - 1},
        {"ratings.csv", ratings, sizeof ratings - 1},
    };
    told_torture("movielens", NULL, member, COUNT_OF(member));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_100k_is_latin1_with_genres_as_flags),
        cmocka_unit_test(layout_1m_has_double_colons_and_numbered_occupations),
        cmocka_unit_test(layout_10m_is_utf8_with_tags),
        cmocka_unit_test(later_layouts_join_links_and_the_genome),
        cmocka_unit_test(single_files_are_known_by_their_columns),
        cmocka_unit_test(genome_keeps_the_most_relevant_tags),
        cmocka_unit_test(folder_without_movielens_says_so),
        cmocka_unit_test(lost_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
