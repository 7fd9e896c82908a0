/** Finding films: words in both languages, and the one film that a text names. */
#include "db_unit.h"

static void put_films(struct db_unit *u)
{
    static const struct reel_title tiger_titles[] = {
        {"臥虎藏龍", "zh-TW"}, {"卧虎藏龙", "zh-CN"}, {"Tiger & Dragon", "de"}};
    static const struct reel_person tiger_people[] = {
        {"Chow Yun-fat", REEL_ROLE_ACTOR, "Li Mu Bai"},
        {"Michelle Yeoh", REEL_ROLE_ACTOR, NULL},
        {"李安", REEL_ROLE_DIRECTOR, NULL}};
    static const char *const tiger_genres[] = {"Drama", "Action"};
    static const char *const romance[] = {"Romance", "Comedy"};
    struct reel_film film[] = {
        db_unit_film("ml", "1", "Crouching Tiger, Hidden Dragon", 2000),
        db_unit_film("ml", "2", "Le Fabuleux Destin d'Am\xc3\xa9lie Poulain", 2001),
        db_unit_film("ml", "3", "Heat", 1995),
        db_unit_film("ml", "4", "Heat of the Night", 1967),
        db_unit_film("ml", "5", "Sabrina", 1954),
        db_unit_film("ml", "6", "Sabrina", 1995),
        db_unit_film("ml", "7", "Mission: Impossible", 1996),
        db_unit_film("ml", "8", "1917", 2019),
        db_unit_film("ml", "9", "2012 (The Year)", 2009),
    };
    const struct reel_link links[] = {{"freebase", "m.05zjh5"}};
    film[0].titles = tiger_titles;
    film[0].n_titles = COUNT_OF(tiger_titles);
    film[0].people = tiger_people;
    film[0].n_people = COUNT_OF(tiger_people);
    film[0].genres = tiger_genres;
    film[0].n_genres = COUNT_OF(tiger_genres);
    film[0].language = "zh";
    film[1].genres = romance;
    film[1].n_genres = COUNT_OF(romance);
    film[2].ref.imdb = "tt0113277";
    film[2].links = links;
    film[2].n_links = 1;
    const struct reel_event event[] = {db_unit_rating("ann", "ml", "4", 4, 1),
                                       db_unit_rating("ben", "ml", "4", 4, 1)};
    (void)db_unit_put(u, film, COUNT_OF(film), event, COUNT_OF(event));
}

static void finds_first(struct db_unit *u, const char *query, const char *name, int32_t n)
{
    struct reel_film_hits hits;
    assert_ok(reel_store_films_search(u->store, query, 50, &hits, &u->err), u->err);
    if (hits.n != n || (n > 0 && hits.hit[0].key != db_unit_key(u, name))) {
        fail_msg("'%s': %d films, first %s", query, (int)hits.n,
                 hits.n ? hits.hit[0].title : "none");
    }
    reel_film_hits_release(&hits);
}

static void search_knows_both_languages(void **state)
{
    struct db_unit *u = *state;
    put_films(u);
    finds_first(u, "卧虎", "ml:1", 1);
    finds_first(u, "臥虎", "ml:1", 1);
    finds_first(u, "藏龙", "ml:1", 1);
    finds_first(u, "龙", "ml:1", 1);
    finds_first(u, "李安", "ml:1", 1);
    finds_first(u, "卧虎 yeoh", "ml:1", 1);
    finds_first(u, "龙猫", "", 0);
    finds_first(u, "amelie", "ml:2", 1);
    finds_first(u, "AM\xc3\x89LIE", "ml:2", 1);
    finds_first(u, "hidden dra", "ml:1", 1); // the last word may be unfinished
    finds_first(u, "hid dragon", "", 0);
    finds_first(u, "romance", "ml:2", 1);
}

static void search_puts_the_exact_title_first(void **state)
{
    struct db_unit *u = *state;
    put_films(u);
    finds_first(u, "heat", "ml:3", 2);
    finds_first(u, "The Heat", "ml:3", 2);
    finds_first(u, "night", "ml:4", 1);
}

static void search_takes_any_text(void **state)
{
    struct db_unit *u = *state;
    static const char *const odd[] = {"\"",
                                      "heat\"",
                                      "NEAR(",
                                      "a AND",
                                      "*",
                                      "title:",
                                      "-heat",
                                      "^",
                                      "{heat}",
                                      "()",
                                      "'; DROP TABLE film; --"};
    put_films(u);
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        struct reel_film_hits hits;
        assert_ok(reel_store_films_search(u->store, odd[i], 5, &hits, &u->err), u->err);
        reel_film_hits_release(&hits);
    }
    db_unit_check(u);
}

static void empty_query_lists_the_most_seen_first(void **state)
{
    struct db_unit *u = *state;
    struct reel_film_hits hits;
    put_films(u);
    finds_first(u, "", "ml:4", 9);
    assert_ok(reel_store_films_search(u->store, "  ", 3, &hits, &u->err), u->err);
    assert_int_equal(hits.n, 3);
    assert_int_equal(hits.hit[0].n_events, 2);
    reel_film_hits_release(&hits);
}

static void hits_carry_what_a_list_shows(void **state)
{
    struct db_unit *u = *state;
    struct reel_film_hits hits;
    put_films(u);
    assert_ok(reel_store_films_search(u->store, "tiger", 5, &hits, &u->err), u->err);
    assert_int_equal(hits.n, 1);
    assert_string_equal(hits.hit[0].title, "Crouching Tiger, Hidden Dragon");
    assert_string_equal(hits.hit[0].title_zh, "卧虎藏龙");
    assert_int_equal(hits.hit[0].year, 2000);
    assert_string_equal(hits.hit[0].genres, "Drama, Action");
    assert_string_equal(hits.hit[0].people, "李安, Chow Yun-fat, Michelle Yeoh");
    reel_film_hits_release(&hits);
}

static void find_takes_key_id_and_title(void **state)
{
    struct db_unit *u = *state;
    static const struct {
        const char *text, *name;
    } same[] = {
        {"1", "ml:1"},
        {"tt0113277", "ml:3"},
        {"imdb:tt0113277", "ml:3"},
        {"freebase:m.05zjh5", "ml:3"},
        {"heat", "ml:3"},
        {"Heat (1995)", "ml:3"},
        {"Sabrina (1954)", "ml:5"},
        {"sabrina  (1995) ", "ml:6"},
        {"Mission: Impossible", "ml:7"},
        {"1917", "ml:8"},
        {"卧虎藏龙", "ml:1"},
        {"臥虎藏龍 (2000)", "ml:1"},
        {"Tiger & Dragon", "ml:1"},
        {"2012 (the year)", "ml:9"},
    };
    put_films(u);
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        assert_int_equal(db_unit_key(u, same[i].text), db_unit_key(u, same[i].name));
    }
}

static void find_lists_what_it_cannot_decide(void **state)
{
    struct db_unit *u = *state;
    int64_t key = -5;
    put_films(u);
    assert_int_equal(reel_store_film_find(u->store, "Sabrina", &key, &u->err),
                     REEL_EAMBIGUOUS);
    assert_non_null(strstr(u->err.text, "Sabrina (1954)"));
    assert_non_null(strstr(u->err.text, "Sabrina (1995)"));
    assert_int_equal(reel_store_film_find(u->store, "hea", &key, &u->err),
                     REEL_ENOTFOUND);
    assert_non_null(strstr(u->err.text, "Heat (1995)"));
    assert_int_equal(reel_store_film_find(u->store, "Heat (1950)", &key, &u->err),
                     REEL_ENOTFOUND);
    assert_int_equal(reel_store_film_find(u->store, "zzz", &key, &u->err),
                     REEL_ENOTFOUND);
    assert_string_equal(u->err.text, "no film 'zzz'");
    assert_int_equal(reel_store_film_find(u->store, "", &key, &u->err), REEL_ENOTFOUND);
    assert_int_equal(key, -5);
}

static void viewer_is_found_by_name(void **state)
{
    struct db_unit *u = *state;
    int64_t key = 0;
    put_films(u);
    assert_ok(reel_store_viewer_find(u->store, "ben", &key, &u->err), u->err);
    assert_int_equal(key, 2);
    assert_int_equal(reel_store_viewer_find(u->store, "Ben", &key, &u->err),
                     REEL_ENOTFOUND);
    assert_string_equal(u->err.text, "no viewer 'Ben'");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, db_unit_begin, db_unit_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(search_knows_both_languages),
        TEST(search_puts_the_exact_title_first),
        TEST(search_takes_any_text),
        TEST(empty_query_lists_the_most_seen_first),
        TEST(hits_carry_what_a_list_shows),
        TEST(find_takes_key_id_and_title),
        TEST(find_lists_what_it_cannot_decide),
        TEST(viewer_is_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
