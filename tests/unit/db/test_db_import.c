/** Imports: what is kept, counted, refused, repeated and undone. */
#include "db_unit.h"

#include "base_alloc.h"
#include "base_csr.h"
#include "base_rng.h"

#define RATED(who, film_id, stars, time)                                        \
    {                                                                           \
        .kind = REEL_EVENT_RATE, .viewer = who,                                 \
        .film = {.source = "csv", .id = film_id}, .value = stars, .at_s = time, \
    }

static const struct reel_event three_ratings[] = {
    RATED("ann", "1", 4.0, 1000),
    RATED("ben", "1", 3.5, 1001),
    RATED("ann", "2", 2.0, 1002),
};

static void import_keeps_films_and_events(void **state)
{
    struct db_unit *u = *state;
    const struct reel_film film = db_unit_film("csv", "1", "Heat", 1995);
    const struct reel_import_report report =
        db_unit_put(u, &film, 1, three_ratings, COUNT_OF(three_ratings));
    assert_int_equal(report.n_accepted, 4);
    assert_int_equal(report.n_already_there, 0);
    assert_int_equal(report.n_films_new, 2);
    assert_int_equal(report.n_viewers_new, 2);
    assert_int_equal(report.n_events_new, 3);

    struct reel_history history;
    assert_ok(reel_store_history_load(u->store, 0, &history, &u->err), u->err);
    assert_int_equal(history.n_viewers, 2);
    assert_int_equal(history.n_films, 2);
    assert_int_equal(history.seen.start[2], 3);
    assert_string_equal(history.viewer_name[1], "ben");
    assert_float_equal(history.seen.value[1], 2.0f, 0);
    assert_int_equal(history.at_s[2], 1001);
    assert_int_equal(history.mark[0], 1 << REEL_EVENT_RATE);
    reel_history_release(&history);
    db_unit_check(u);
}

static void import_again_changes_nothing(void **state)
{
    struct db_unit *u = *state;
    const struct reel_film film = db_unit_film("csv", "1", "Heat", 1995);
    int64_t before, after;
    (void)db_unit_put(u, &film, 1, three_ratings, COUNT_OF(three_ratings));
    assert_ok(reel_store_version(u->store, &before, &u->err), u->err);
    const struct reel_import_report report =
        db_unit_put(u, &film, 1, three_ratings, COUNT_OF(three_ratings));
    assert_int_equal(report.n_accepted, 0);
    assert_int_equal(report.n_already_there, 4);
    assert_int_equal(report.n_films_new, 0);
    assert_ok(reel_store_version(u->store, &after, &u->err), u->err);
    assert_int_equal(before, after);
}

static void dry_run_reports_and_keeps_nothing(void **state)
{
    struct db_unit *u = *state;
    struct reel_import *import = db_unit_import(u, true);
    struct reel_import_report report;
    int64_t n_rows = -1;
    for (size_t i = 0; i < COUNT_OF(three_ratings); i++) {
        db_unit_put_event(u, import, &three_ratings[i]);
    }
    assert_ok(reel_store_import_commit(import, &report, &u->err), u->err);
    assert_int_equal(report.n_accepted, 3);
    assert_int_equal(report.n_films_new, 2);
    reel_store_import_free(import);
    assert_ok(
        db_sql_int(u->store,
                   "SELECT (SELECT count(*) FROM film) + (SELECT count(*) FROM viewer)"
                   " + (SELECT count(*) FROM history)"
                   " + (SELECT count(*) FROM import_log)",
                   &n_rows, &u->err, ""),
        u->err);
    assert_int_equal(n_rows, 0);
    assert_int_equal(
        db_unit_put(u, NULL, 0, three_ratings, COUNT_OF(three_ratings)).n_accepted, 3);
}

static void import_not_committed_is_undone(void **state)
{
    struct db_unit *u = *state;
    struct reel_import *import = db_unit_import(u, false);
    db_unit_put_event(u, import, &three_ratings[0]);
    reel_store_import_free(import);
    int64_t key;
    assert_int_equal(reel_store_viewer_find(u->store, "ann", &key, &u->err),
                     REEL_ENOTFOUND);
}

static void import_is_over_after_commit(void **state)
{
    struct db_unit *u = *state;
    struct reel_import *import = db_unit_import(u, false);
    struct reel_import_report report;
    assert_ok(reel_store_import_commit(import, &report, &u->err), u->err);
    assert_int_equal(reel_store_import_commit(import, &report, &u->err), REEL_EINVAL);
    struct reel_import *second = db_unit_import(u, false);
    reel_store_import_free(import); // must not end the second
    db_unit_put_event(u, second, &three_ratings[0]);
    assert_ok(reel_store_import_commit(second, &report, &u->err), u->err);
    assert_int_equal(report.n_events_new, 1);
    reel_store_import_free(second);
}

static void refused_rows_are_counted_and_the_first_kept(void **state)
{
    struct db_unit *u = *state;
    struct reel_import *import = db_unit_import(u, false);
    struct reel_event event = three_ratings[0];
    const struct reel_sink sink = reel_store_import_sink(import);
    event.value = 5.5;
    for (int i = 0; i < 1500; i++) {
        db_unit_put_event(u, import, &event);
    }
    const struct reel_where where = {"ratings.csv", 12};
    assert_ok(sink.refused(&where, "no such day, 2020-02-31", sink.payload, &u->err),
              u->err);
    struct reel_import_report report;
    assert_ok(reel_store_import_commit(import, &report, &u->err), u->err);
    assert_int_equal(report.n_refused, 1501);
    assert_int_equal(report.n_refused_kept, 1000);
    assert_int_equal(report.refused[999].line, 9);
    assert_string_equal(report.refused[0].text, "stars outside 0.5 .. 5");
    reel_store_import_free(import);
}

static void strict_import_ends_at_the_first_refused_row(void **state)
{
    struct db_unit *u = *state;
    const struct reel_import_options opt = {.label = "strict", .is_strict = true};
    const struct reel_where where = {"ratings.csv", 12};
    struct reel_import *import;
    struct reel_import_report report;
    assert_ok(reel_store_import_begin(u->store, &opt, &import, &u->err), u->err);
    const struct reel_sink sink = reel_store_import_sink(import);
    assert_int_equal(sink.refused(&where, "no such day", sink.payload, &u->err),
                     REEL_EFORMAT);
    assert_string_equal(u->err.text, "ratings.csv:12: no such day");
    assert_int_equal(reel_store_import_commit(import, &report, &u->err), REEL_EFORMAT);
    reel_store_import_free(import);
}

static void unsound_events_are_refused(void **state)
{
    struct db_unit *u = *state;
    const struct reel_event good = three_ratings[0];
    struct reel_event bad[8];
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        bad[i] = good;
    }
    bad[0].value = NAN;
    bad[1].value = 0.4;
    bad[2].viewer = "";
    bad[3].film = (struct reel_film_ref){.source = "csv"};
    bad[4].kind = (enum reel_event_kind)8;
    bad[5].kind = REEL_EVENT_TAG;
    bad[6].kind = REEL_EVENT_WATCH;
    bad[6].value = 1.5;
    bad[7].at_s = INT64_MAX;
    const struct reel_import_report report = db_unit_put(u, NULL, 0, bad, COUNT_OF(bad));
    assert_int_equal(report.n_refused, COUNT_OF(bad));
    assert_int_equal(report.n_accepted, 0);
    assert_int_equal(report.n_viewers_new, 0);
}

static void latest_rating_counts_and_unknown_time_is_oldest(void **state)
{
    struct db_unit *u = *state;
    const struct reel_event event[] = {
        RATED("ann", "1", 5.0, 3000), RATED("ann", "1", 1.0, 2000),
        RATED("ann", "1", 2.0, REEL_TIME_UNKNOWN),
        RATED("ann", "2", 2.5, REEL_TIME_UNKNOWN), RATED("ann", "3", 4.5, -86400)};
    assert_int_equal(db_unit_put(u, NULL, 0, event, COUNT_OF(event)).n_events_new, 5);
    struct reel_history history;
    assert_ok(reel_store_history_load(u->store, 1, &history, &u->err), u->err);
    assert_int_equal(history.n_viewers, 1);
    assert_int_equal(history.seen.start[1], 3);
    assert_float_equal(history.seen.value[0], 5.0f, 0);
    assert_int_equal(history.at_s[0], 3000);
    assert_float_equal(history.seen.value[1], 2.5f, 0);
    assert_true(history.at_s[1] == REEL_TIME_UNKNOWN);
    assert_int_equal(history.at_s[2], -86400);
    reel_history_release(&history);
    assert_int_equal(db_unit_put(u, NULL, 0, event, COUNT_OF(event)).n_already_there, 5);
}

static void another_value_at_the_same_time_replaces(void **state)
{
    struct db_unit *u = *state;
    const struct reel_event first = RATED("ann", "1", 2.0, 1000);
    const struct reel_event twice[] = {RATED("ann", "1", 3.0, 1000),
                                       RATED("ann", "1", 4.0, 1000)};
    (void)db_unit_put(u, NULL, 0, &first, 1);
    struct reel_import_report report = db_unit_put(u, NULL, 0, twice, 2);
    assert_int_equal(report.n_accepted, 1);
    assert_int_equal(report.n_already_there, 1);
    assert_int_equal(report.n_events_new, 0);
    report = db_unit_put(u, NULL, 0, twice, 2);
    assert_int_equal(report.n_accepted, 0);
    struct reel_film_card card;
    assert_ok(reel_store_film_load(u->store, 1, &card, &u->err), u->err);
    assert_int_equal(card.n_ratings, 1);
    assert_float_equal(card.mean_stars, 4.0, 1e-9);
    reel_film_card_release(&card);
}

static void words_of_viewers_are_kept(void **state)
{
    struct db_unit *u = *state;
    struct reel_event event[4] = {three_ratings[0], three_ratings[0], three_ratings[0],
                                  three_ratings[0]};
    event[0].kind = event[1].kind = event[3].kind = REEL_EVENT_TAG;
    event[2].kind = REEL_EVENT_REVIEW;
    event[0].text = "slow burn";
    event[1].text = "heist"; // at the same second
    event[2].text = "好看";
    event[3].text = "heist";
    event[3].viewer = "ben";
    struct reel_import_report report = db_unit_put(u, NULL, 0, event, 4);
    assert_int_equal(report.n_accepted, 4);
    report = db_unit_put(u, NULL, 0, event, 4);
    assert_int_equal(report.n_accepted, 0);
    assert_int_equal(report.n_already_there, 4);
    struct reel_film_card card;
    assert_ok(reel_store_film_load(u->store, 1, &card, &u->err), u->err);
    assert_int_equal(card.n_tags, 2);
    assert_string_equal(card.tags[0], "heist");
    assert_int_equal(card.n_reviews, 1);
    assert_string_equal(card.reviews[0], "ann: 好看");
    reel_film_card_release(&card);
    struct reel_history history;
    assert_ok(reel_store_history_load(u->store, 0, &history, &u->err), u->err);
    assert_int_equal(history.mark[0], 1 << REEL_EVENT_TAG | 1 << REEL_EVENT_REVIEW);
    assert_true(isnan(history.seen.value[0]));
    reel_history_release(&history);
}

static void traits_and_triples_are_kept_once(void **state)
{
    struct db_unit *u = *state;
    const struct reel_trait trait = {"196", "occupation", "writer"};
    const struct reel_triple triple = {"m.05zjh5", "film.film.genre", "m.0hcr"};
    const struct reel_where where = {"ml.user", 2};
    for (int i = 0; i < 2; i++) {
        struct reel_import *import = db_unit_import(u, false);
        const struct reel_sink sink = reel_store_import_sink(import);
        struct reel_import_report report;
        assert_ok(sink.trait(&trait, &where, sink.payload, &u->err), u->err);
        assert_ok(sink.triple(&triple, &where, sink.payload, &u->err), u->err);
        assert_ok(reel_store_import_commit(import, &report, &u->err), u->err);
        assert_int_equal(report.n_accepted, i ? 0 : 2);
        assert_int_equal(report.n_already_there, i ? 2 : 0);
        reel_store_import_free(import);
    }
}

// ---- many events beside a plain table ----

enum { MANY = 6000, MANY_VIEWERS = 40, MANY_FILMS = 50, MANY_TIMES = 4 };

struct plain {
    float stars[MANY_VIEWERS][MANY_FILMS][MANY_TIMES]; /* 0: none */
};

static void many_put(struct db_unit *u, struct plain *plain, struct base_rng *rng)
{
    struct reel_import *import = db_unit_import(u, false);
    int64_t n_new = 0;
    for (int i = 0; i < MANY; i++) {
        const uint32_t v = base_rng_below(rng, MANY_VIEWERS);
        const uint32_t f = base_rng_below(rng, MANY_FILMS);
        const uint32_t t = base_rng_below(rng, MANY_TIMES);
        const float stars = (float)(base_rng_below(rng, 10) + 1) / 2;
        char viewer[16], film[16];
        (void)snprintf(viewer, sizeof viewer, v % 2 ? "%u" : "viewer %u", v);
        (void)snprintf(film, sizeof film, f % 3 ? "%u" : "tt%u", f);
        const struct reel_event event =
            db_unit_rating(viewer, "csv", film, (double)stars, (int64_t)t * 1000 + 5);
        db_unit_put_event(u, import, &event);
        n_new += plain->stars[v][f][t] == 0;
        plain->stars[v][f][t] = stars;
    }
    struct reel_import_report report;
    assert_ok(reel_store_import_commit(import, &report, &u->err), u->err);
    assert_int_equal(report.n_events_new, n_new);
    assert_int_equal(report.n_accepted + report.n_already_there, MANY);
    reel_store_import_free(import);
}

static int64_t viewer_key_of(struct db_unit *u, uint32_t v)
{
    char name[24];
    int64_t key = 0;
    (void)snprintf(name, sizeof name, v % 2 ? "%u" : "viewer %u", v);
    assert_ok(reel_store_viewer_find(u->store, name, &key, &u->err), u->err);
    return key;
}

static void many_check(struct db_unit *u, const struct plain *plain)
{
    struct reel_history h;
    int64_t n_entries = 0, n_events = 0, n_counted = 0;
    assert_ok(reel_store_history_load(u->store, 0, &h, &u->err), u->err);
    assert_ok(base_csr_check(&h.seen, &u->err), u->err);
    for (uint32_t v = 0; v < MANY_VIEWERS; v++) {
        const int64_t key = viewer_key_of(u, v);
        int32_t row = 0;
        while (h.viewer_key[row] != key) {
            row++;
        }
        for (uint32_t f = 0; f < MANY_FILMS; f++) {
            char film[24];
            (void)snprintf(film, sizeof film, f % 3 ? "csv:%u" : "csv:tt%u", f);
            int32_t col = 0;
            for (const int64_t film_key = db_unit_key(u, film);
                 h.film_key[col] != film_key;) {
                col++;
            }
            float last = 0;
            for (int t = 0; t < MANY_TIMES; t++) {
                const float stars = plain->stars[v][f][t];
                last = stars > 0 ? stars : last;
                n_events += stars > 0;
            }
            n_entries += last > 0;
            float found = 0;
            for (int64_t i = h.seen.start[row]; i < h.seen.start[row + 1]; i++) {
                found = h.seen.col[i] == col ? h.seen.value[i] : found;
            }
            assert_float_equal(found, last, 0);
        }
    }
    assert_int_equal(h.seen.start[h.n_viewers], n_entries);
    reel_history_release(&h);
    assert_ok(db_sql_int(u->store, "SELECT sum(n_ratings) FROM film_count", &n_counted,
                         &u->err, ""),
              u->err);
    assert_int_equal(n_counted, n_events);
}

static void many_events_end_up_as_in_a_plain_table(void **state)
{
    struct db_unit *u = *state;
    static struct plain plain;
    struct base_rng rng;
    base_rng_init(&rng, 11, 0);
    memset(&plain, 0, sizeof plain);
    for (int i = 0; i < 3; i++) {
        many_put(u, &plain, &rng);
        many_check(u, &plain);
    }
    db_unit_check(u);
}

// ---- memory ----

static enum reel_status small_import(struct db_unit *u)
{
    const struct reel_import_options opt = {.label = "small"};
    const char *const genres[] = {"Crime", "Drama"};
    const struct reel_person people[] = {{"Al Pacino", REEL_ROLE_ACTOR, "Hanna"}};
    struct reel_film film = db_unit_film("csv", "1", "Heat", 1995);
    film.genres = genres;
    film.n_genres = 2;
    film.people = people;
    film.n_people = 1;
    struct reel_event event[] = {three_ratings[0], three_ratings[2], three_ratings[1]};
    event[2].kind = REEL_EVENT_TAG;
    event[2].text = "slow burn";
    event[2].viewer = "a name that is longer than the short ones are";
    const struct reel_where where = {"small.csv", 1};
    struct reel_import *import;
    struct reel_import_report report;
    enum reel_status rc = reel_store_import_begin(u->store, &opt, &import, &u->err);
    if (rc) {
        assert_null(import);
        return rc;
    }
    const struct reel_sink sink = reel_store_import_sink(import);
    rc = sink.film(&film, &where, sink.payload, &u->err);
    for (size_t i = 0; rc == REEL_OK && i < COUNT_OF(event); i++) {
        rc = sink.event(&event[i], &where, sink.payload, &u->err);
    }
    rc = rc ? rc : sink.refused(&where, "a bad row", sink.payload, &u->err);
    rc = rc ? rc : reel_store_import_commit(import, &report, &u->err);
    reel_store_import_free(import);
    return rc;
}

static void import_survives_every_failing_allocation(void **state)
{
    struct db_unit *u = *state;
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc = small_import(u);
        base_alloc_fail_after(-1);
        int64_t n_films = -1, foreign_keys = 0;
        assert_ok(
            db_sql_int(u->store, "SELECT count(*) FROM film", &n_films, &u->err, ""),
            u->err);
        assert_ok(db_sql_int(u->store, "PRAGMA foreign_keys", &foreign_keys, &u->err, ""),
                  u->err);
        assert_int_equal(foreign_keys, 1);
        if (rc == REEL_OK) {
            assert_int_equal(n_films, 2);
            assert_true(n > 10);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_int_equal(n_films, 0);
    }
    db_unit_check(u);
}

static void loading_survives_every_failing_allocation(void **state)
{
    struct db_unit *u = *state;
    assert_ok(small_import(u), u->err);
    enum reel_status rc = REEL_ENOMEM;
    for (long n = 0; rc; n++) {
        struct reel_history history;
        struct reel_film_table *table = NULL;
        struct reel_film_card card;
        struct reel_film_hits hits;
        base_alloc_fail_after(n);
        rc = reel_store_history_load(u->store, 0, &history, &u->err);
        reel_history_release(&history);
        rc = rc ? rc : reel_store_film_table_load(u->store, &table, &u->err);
        reel_film_table_free(table);
        if (rc == REEL_OK) {
            rc = reel_store_film_load(u->store, 1, &card, &u->err);
            reel_film_card_release(&card);
        }
        if (rc == REEL_OK) {
            rc = reel_store_films_search(u->store, "heat", 5, &hits, &u->err);
            reel_film_hits_release(&hits);
        }
        base_alloc_fail_after(-1);
        assert_true(rc == REEL_OK || rc == REEL_ENOMEM);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, db_unit_begin, db_unit_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(import_keeps_films_and_events),
        TEST(import_again_changes_nothing),
        TEST(dry_run_reports_and_keeps_nothing),
        TEST(import_not_committed_is_undone),
        TEST(import_is_over_after_commit),
        TEST(refused_rows_are_counted_and_the_first_kept),
        TEST(strict_import_ends_at_the_first_refused_row),
        TEST(unsound_events_are_refused),
        TEST(latest_rating_counts_and_unknown_time_is_oldest),
        TEST(another_value_at_the_same_time_replaces),
        TEST(words_of_viewers_are_kept),
        TEST(traits_and_triples_are_kept_once),
        TEST(many_events_end_up_as_in_a_plain_table),
        TEST(import_survives_every_failing_allocation),
        TEST(loading_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
