/** One film stays one film: by id, by title and year, and what is left to a person. */
#include "db_unit.h"

static struct reel_import_report put_one(struct db_unit *u, const struct reel_film *film)
{
    return db_unit_put(u, film, 1, NULL, 0);
}

static void join_by_imdb_id(void **state)
{
    struct db_unit *u = *state;
    struct reel_film a = db_unit_film("letterboxd", "x", "Heat", 1995);
    struct reel_film b = db_unit_film("csv", "7", "Some other words", 1980);
    a.ref.imdb = b.ref.imdb = "tt0113277";
    (void)put_one(u, &a);
    const struct reel_import_report report = put_one(u, &b);
    assert_int_equal(report.n_films_new, 0);
    assert_int_equal(report.n_films_joined, 1);
    assert_int_equal(db_unit_key(u, "csv:7"), db_unit_key(u, "letterboxd:x"));
    assert_int_equal(db_unit_key(u, "imdb:tt0113277"), db_unit_key(u, "tt0113277"));
}

static void join_by_tmdb_and_douban_id(void **state)
{
    struct db_unit *u = *state;
    struct reel_film a = db_unit_film("one", "1", NULL, 0);
    struct reel_film b = db_unit_film("two", "1", NULL, 0);
    struct reel_film c = db_unit_film("three", "1", NULL, 0);
    a.ref.tmdb = b.ref.tmdb = 949;
    b.ref.douban = c.ref.douban = "1292364";
    (void)put_one(u, &a);
    (void)put_one(u, &b);
    (void)put_one(u, &c);
    assert_int_equal(db_unit_key(u, "three:1"), db_unit_key(u, "tmdb:949"));
}

// The second title, of another source, meets the first, of 1995 unless said.
static void joins_titles(struct db_unit *u, const char *first, const char *second,
                         int32_t year, bool is_one)
{
    static int i_pair;
    char id[16];
    (void)snprintf(id, sizeof id, "%d", ++i_pair);
    const struct reel_film a = db_unit_film("one", id, first, 1995);
    const struct reel_film b = db_unit_film("two", id, second, year);
    (void)put_one(u, &a);
    const struct reel_import_report report = put_one(u, &b);
    if (report.n_films_joined != is_one) {
        fail_msg("'%s' and '%s' (%d)", first, second, (int)year);
    }
}

static void join_by_title_whatever_the_spelling(void **state)
{
    struct db_unit *u = *state;
    joins_titles(u, "The Usual Suspects", "Usual Suspects, The", 1995, true);
    joins_titles(u, "Am\xc3\xa9lie", "AMELIE", 1995, true);
    joins_titles(u, "臥虎藏龍", "卧虎藏龙", 1995, true);
    joins_titles(u, "Toy Story", "Toy Story!", 1996, true);
    joins_titles(u, "Heat", "Heat", 1994, true);
    joins_titles(u, "Sabrina", "Sabrina", 1954, false);
    joins_titles(u, "!!!", "!!!", 1995, true);
    joins_titles(u, "???", "...", 1995, false);
    db_unit_check(u);
}

static void join_by_a_title_in_another_language(void **state)
{
    struct db_unit *u = *state;
    const struct reel_title titles[] = {{"臥虎藏龍", "zh-TW"}};
    struct reel_film a =
        db_unit_film("tmdb", "146", "Crouching Tiger, Hidden Dragon", 2000);
    a.titles = titles;
    a.n_titles = 1;
    const struct reel_film b = db_unit_film("douban", "1300117", "卧虎藏龙", 2000);
    (void)put_one(u, &a);
    assert_int_equal(put_one(u, &b).n_films_joined, 1);
    assert_int_equal(db_unit_key(u, "douban:1300117"), db_unit_key(u, "tmdb:146"));
}

static void two_ids_of_one_source_stay_two_films(void **state)
{
    struct db_unit *u = *state;
    const struct reel_film film[] = {db_unit_film("ml", "1", "Hamlet", 1996),
                                     db_unit_film("ml", "2", "Hamlet", 1996)};
    const struct reel_import_report report = db_unit_put(u, film, 2, NULL, 0);
    assert_int_equal(report.n_films_new, 2);
    assert_int_equal(report.n_doubtful, 0);
}

static void title_with_two_films_is_doubtful(void **state)
{
    struct db_unit *u = *state;
    const struct reel_film film[] = {db_unit_film("ml", "1", "Hamlet", 1996),
                                     db_unit_film("ml", "2", "Hamlet", 1996)};
    (void)db_unit_put(u, film, 2, NULL, 0);
    const struct reel_film third = db_unit_film("other", "9", "Hamlet", 1996);
    struct reel_import *import = db_unit_import(u, false);
    db_unit_put_film(u, import, &third);
    struct reel_import_report report;
    assert_ok(reel_store_import_commit(import, &report, &u->err), u->err);
    assert_int_equal(report.n_films_new, 1);
    assert_int_equal(report.n_doubtful, 1);
    assert_int_equal(report.n_doubtful_kept, 1);
    assert_string_equal(report.doubtful[0].file, "films.csv");
    assert_int_equal(report.doubtful[0].line, 7);
    assert_non_null(strstr(report.doubtful[0].text, "Hamlet (1996)"));
    reel_store_import_free(import);
    assert_int_equal(put_one(u, &third).n_doubtful, 0); // decided, and listed already
}

static void exact_year_wins_over_a_neighbour(void **state)
{
    struct db_unit *u = *state;
    const struct reel_film film[] = {db_unit_film("ml", "1", "Emma", 1996),
                                     db_unit_film("ml", "2", "Emma", 1997)};
    (void)db_unit_put(u, film, 2, NULL, 0);
    const struct reel_film third = db_unit_film("other", "9", "Emma", 1997);
    assert_int_equal(put_one(u, &third).n_films_joined, 1);
    assert_int_equal(db_unit_key(u, "other:9"), db_unit_key(u, "ml:2"));
}

static void title_without_year_is_doubtful_and_remembered(void **state)
{
    struct db_unit *u = *state;
    const struct reel_film film = db_unit_film("ml", "1", "Heat", 1995);
    (void)put_one(u, &film);
    const struct reel_event watch = {.kind = REEL_EVENT_WATCH,
                                     .viewer = "ann",
                                     .film = {.source = "netflix", .title = "Heat"},
                                     .value = NAN,
                                     .at_s = 5};
    struct reel_import_report report = db_unit_put(u, NULL, 0, &watch, 1);
    assert_int_equal(report.n_films_new, 1);
    assert_int_equal(report.n_doubtful, 1);
    report = db_unit_put(u, NULL, 0, &watch, 1);
    assert_int_equal(report.n_films_new, 0);
    assert_int_equal(report.n_doubtful, 0);
    assert_int_equal(report.n_already_there, 1);
    assert_int_equal(report.n_accepted, 0);
}

struct doubts {
    struct reel_doubt last;
    int n;
};

static void keep_doubt(const struct reel_doubt *doubt, void *payload)
{
    struct doubts *doubts = payload;
    assert_string_equal(doubt->film_title, "Heat");
    assert_string_equal(doubt->other_title, "Heat");
    doubts->last = *doubt;
    doubts->n++;
}

static void person_says_that_doubtful_films_are_one(void **state)
{
    struct db_unit *u = *state;
    const struct reel_film film = db_unit_film("ml", "1", "Heat", 1995);
    const struct reel_event rating = db_unit_rating("ann", "ml", "1", 4, 1);
    const struct reel_event watch = {.kind = REEL_EVENT_WATCH,
                                     .viewer = "ann",
                                     .film = {.source = "netflix", .title = "Heat"},
                                     .value = NAN,
                                     .at_s = 5};
    (void)db_unit_put(u, &film, 1, &rating, 1);
    (void)db_unit_put(u, NULL, 0, &watch, 1);
    struct doubts doubts = {.n = 0};
    assert_ok(reel_store_doubts_each(u->store, keep_doubt, &doubts, &u->err), u->err);
    assert_int_equal(doubts.n, 1);
    assert_int_equal(doubts.last.other, db_unit_key(u, "ml:1"));
    assert_int_equal(doubts.last.other_year, 1995);
    assert_int_equal(doubts.last.film_year, REEL_YEAR_UNKNOWN);

    struct reel_import *import = db_unit_import(u, false);
    assert_int_equal(reel_store_import_same(import, 1, 1, &u->err), REEL_EINVAL);
    assert_int_equal(reel_store_import_same(import, 1, 99, &u->err), REEL_ENOTFOUND);
    assert_ok(
        reel_store_import_same(import, doubts.last.film, doubts.last.other, &u->err),
        u->err);
    struct reel_import_report report;
    assert_ok(reel_store_import_commit(import, &report, &u->err), u->err);
    reel_store_import_free(import);

    doubts.n = 0;
    assert_ok(reel_store_doubts_each(u->store, keep_doubt, &doubts, &u->err), u->err);
    assert_int_equal(doubts.n, 0);
    struct reel_film_hits hits;
    assert_ok(reel_store_films_search(u->store, "heat", 9, &hits, &u->err), u->err);
    assert_int_equal(hits.n, 1);
    assert_int_equal(hits.hit[0].n_events, 2);
    reel_film_hits_release(&hits);
    // The source's way of naming it is remembered: the same file changes nothing.
    report = db_unit_put(u, NULL, 0, &watch, 1);
    assert_int_equal(report.n_films_new, 0);
    assert_int_equal(report.n_already_there, 1);
}

static void event_with_title_and_year_finds_the_film(void **state)
{
    struct db_unit *u = *state;
    const struct reel_film film = db_unit_film("ml", "1", "Heat", 1995);
    (void)put_one(u, &film);
    const struct reel_event like = {
        .kind = REEL_EVENT_LIKE,
        .viewer = "ann",
        .film = {.source = "letterboxd", .title = "Heat", .year = 1995},
        .value = NAN,
        .at_s = REEL_TIME_UNKNOWN};
    const struct reel_import_report report = db_unit_put(u, NULL, 0, &like, 1);
    assert_int_equal(report.n_films_new, 0);
    assert_int_equal(report.n_films_joined, 1);
    assert_int_equal(db_unit_put(u, NULL, 0, &like, 1).n_already_there, 1);
}

static void film_named_by_title_gets_its_first_id(void **state)
{
    struct db_unit *u = *state;
    const struct reel_film by_title = db_unit_film("letterboxd", NULL, "Heat", 1995);
    const struct reel_film by_id = db_unit_film("ml", "6", "Heat", 1995);
    struct reel_film_card card;
    (void)put_one(u, &by_title);
    assert_int_equal(put_one(u, &by_id).n_films_joined, 1);
    assert_ok(reel_store_film_load(u->store, 1, &card, &u->err), u->err);
    assert_string_equal(card.film.ref.source, "ml");
    assert_string_equal(card.film.ref.id, "6");
    assert_int_equal(card.n_refs, 1);
    reel_film_card_release(&card);
}

static void film_known_by_id_alone_is_filled_in(void **state)
{
    struct db_unit *u = *state;
    const struct reel_event event = db_unit_rating("ann", "ml", "1", 4, 1);
    (void)db_unit_put(u, NULL, 0, &event, 1);
    const struct reel_film film = db_unit_film("ml", "1", "Heat", 1995);
    const struct reel_import_report report = put_one(u, &film);
    assert_int_equal(report.n_films_new, 0);
    assert_int_equal(report.n_accepted, 1);
    assert_int_equal(db_unit_key(u, "Heat (1995)"), db_unit_key(u, "ml:1"));
}

// Ratings first, titles later: the film turns out to be one that was there before.
static void late_title_merges_what_belongs_together(void **state)
{
    struct db_unit *u = *state;
    const struct reel_film first = db_unit_film("tmdb", "949", "Heat", 1995);
    (void)db_unit_put(u, &first, 1,
                      (struct reel_event[]){db_unit_rating("ann", "tmdb", "949", 3, 10)},
                      1);
    const struct reel_event event[] = {db_unit_rating("ann", "ml", "6", 5, 20),
                                       db_unit_rating("ben", "ml", "6", 4, 30),
                                       db_unit_rating("ann", "ml", "6", 3, 10)};
    (void)db_unit_put(u, NULL, 0, event, 3);
    const struct reel_film late = db_unit_film("ml", "6", "Heat", 1995);
    const struct reel_import_report report = put_one(u, &late);
    assert_int_equal(report.n_films_joined, 1);
    const int64_t key = db_unit_key(u, "ml:6");
    assert_int_equal(key, db_unit_key(u, "tmdb:949"));

    struct reel_history history;
    assert_ok(reel_store_history_load(u->store, 0, &history, &u->err), u->err);
    assert_int_equal(history.n_films, 1);
    assert_int_equal(history.seen.start[2], 2);
    assert_float_equal(history.seen.value[0], 5.0f, 0); // ann's latest word
    reel_history_release(&history);
    struct reel_film_card card;
    assert_ok(reel_store_film_load(u->store, key, &card, &u->err), u->err);
    assert_int_equal(card.n_ratings, 3); // the double at time 10 counts once
    assert_float_equal(card.mean_stars, 4.0, 1e-9);
    assert_int_equal(card.n_refs, 2);
    reel_film_card_release(&card);
    db_unit_check(u);
}

// links.csv of MovieLens: an id of another film.
static void link_merges_two_films_by_id(void **state)
{
    struct db_unit *u = *state;
    struct reel_film imdb = db_unit_film("imdb", "tt0113277", "Heat", 1995);
    struct reel_film ml = db_unit_film("ml", "6", "Fire of the night", 1995);
    const struct reel_event event = db_unit_rating("ann", "ml", "6", 4, 1);
    (void)put_one(u, &imdb);
    (void)db_unit_put(u, &ml, 1, &event, 1);
    struct reel_film link = db_unit_film("ml", "6", NULL, 0);
    link.ref.imdb = "tt0113277";
    const struct reel_import_report report = put_one(u, &link);
    assert_int_equal(report.n_films_joined, 1);
    assert_int_equal(db_unit_key(u, "ml:6"), db_unit_key(u, "imdb:tt0113277"));
    struct reel_film_hits hits;
    assert_ok(reel_store_films_search(u->store, "fire of the night", 9, &hits, &u->err),
              u->err);
    assert_int_equal(hits.n, 1);
    assert_string_equal(hits.hit[0].title, "Heat");
    assert_int_equal(hits.hit[0].n_events, 1);
    reel_film_hits_release(&hits);
    assert_int_equal(put_one(u, &link).n_already_there, 1);
    db_unit_check(u);
}

static void ids_that_contradict_are_doubtful(void **state)
{
    struct db_unit *u = *state;
    struct reel_film a = db_unit_film("ml", "1", "Heat", 1995);
    struct reel_film b = db_unit_film("ml", "2", "Ronin", 1998);
    a.ref.imdb = "tt0113277";
    (void)put_one(u, &a);
    (void)put_one(u, &b);
    b.ref.imdb = "tt0113277"; // the id of ml:1
    assert_int_equal(put_one(u, &b).n_doubtful, 1);
    assert_int_not_equal(db_unit_key(u, "ml:1"), db_unit_key(u, "ml:2"));
    a.ref.imdb = "tt9999999"; // another id than it has
    assert_int_equal(put_one(u, &a).n_doubtful, 1);
    struct reel_film c = db_unit_film("ml", "3", "Heat again", 1995);
    c.ref.imdb = "tt0113277";
    const struct reel_import_report report = put_one(u, &c);
    assert_int_equal(report.n_films_new, 1);
    assert_int_equal(report.n_doubtful, 1);
    db_unit_check(u);
}

static void known_values_stay_unless_their_source_speaks(void **state)
{
    struct db_unit *u = *state;
    struct reel_film film = db_unit_film("ml", "1", "Heat", 1995);
    film.runtime_min = 170;
    film.ref.imdb = "tt0113277";
    (void)put_one(u, &film);
    struct reel_film other = db_unit_film("tmdb", "949", "HEAT", 1996);
    other.ref.imdb = "tt0113277";
    other.runtime_min = 171;
    other.overview = "A thief and a policeman.";
    assert_int_equal(put_one(u, &other).n_accepted, 1);
    film.runtime_min = 0;
    film.ref.year = 1994;
    assert_int_equal(put_one(u, &film).n_accepted, 1);
    struct reel_film_card card;
    assert_ok(reel_store_film_load(u->store, 1, &card, &u->err), u->err);
    assert_string_equal(card.film.ref.title, "Heat");
    assert_int_equal(card.film.ref.year, 1994);
    assert_int_equal(card.film.runtime_min, 170);
    assert_string_equal(card.film.overview, "A thief and a policeman.");
    assert_string_equal(card.film.ref.source, "ml");
    assert_int_equal(card.film.ref.tmdb, 949);
    assert_int_equal(card.film.n_titles, 2);
    reel_film_card_release(&card);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, db_unit_begin, db_unit_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(join_by_imdb_id),
        TEST(join_by_tmdb_and_douban_id),
        TEST(join_by_title_whatever_the_spelling),
        TEST(join_by_a_title_in_another_language),
        TEST(two_ids_of_one_source_stay_two_films),
        TEST(title_with_two_films_is_doubtful),
        TEST(exact_year_wins_over_a_neighbour),
        TEST(title_without_year_is_doubtful_and_remembered),
        TEST(person_says_that_doubtful_films_are_one),
        TEST(event_with_title_and_year_finds_the_film),
        TEST(film_named_by_title_gets_its_first_id),
        TEST(film_known_by_id_alone_is_filled_in),
        TEST(late_title_merges_what_belongs_together),
        TEST(link_merges_two_films_by_id),
        TEST(ids_that_contradict_are_doubtful),
        TEST(known_values_stay_unless_their_source_speaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
