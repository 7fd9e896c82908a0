/** Imports: what is kept, counted, refused, repeated and undone. */
#include "db_unit.h"

#include "base_alloc.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(import_keeps_films_and_events, db_unit_begin,
                                        db_unit_end),
        cmocka_unit_test_setup_teardown(import_again_changes_nothing, db_unit_begin,
                                        db_unit_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
