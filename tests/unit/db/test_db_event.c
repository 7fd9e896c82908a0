/** Single events, and the records they become. */
#include "db_unit.h"

#include "base_alloc.h"
#include "db_event.h"

static void put_heat(struct db_unit *u)
{
    const struct reel_film film = db_unit_film("csv", "1", "Heat", 1995);
    (void)db_unit_put(u, &film, 1, NULL, 0);
}

static void add_event(struct db_unit *u, const struct reel_event *event)
{
    assert_ok(reel_store_event_add(u->store, 1, event, &u->err), u->err);
}

static void record_keeps_time_kind_and_value(void **state)
{
    static const int64_t times[] = {REEL_TIME_UNKNOWN, -11644473600, -1, 0, 1,
                                    4102444800};
    (void)state;
    uint64_t before = 0;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        const uint64_t when = db_event_when(REEL_EVENT_REVIEW, times[i]);
        assert_true(db_event_at_s(when) == times[i]);
        assert_int_equal(db_event_kind(when), REEL_EVENT_REVIEW);
        assert_true(when > before);
        before = when;
    }
    const struct db_event event = {.when = before, .film = 0x01020304, .value = 4.5f};
    unsigned char record[DB_EVENT_BYTES];
    db_event_put(record, &event);
    assert_int_equal(record[0], 4); // little-endian on every machine
    const struct db_event back = db_event_get(record);
    assert_int_equal(db_event_compare(&event, &back), 0);
    assert_float_equal(back.value, 4.5f, 0);
}

static void event_is_there_at_once_and_after_reopening(void **state)
{
    struct db_unit *u = *state;
    int64_t before, after;
    put_heat(u);
    const struct reel_event rate = db_unit_rating("ann", NULL, NULL, 4.5, 100);
    assert_ok(reel_store_version(u->store, &before, &u->err), u->err);
    add_event(u, &rate);
    assert_ok(reel_store_version(u->store, &after, &u->err), u->err);
    assert_int_not_equal(before, after);
    reel_store_close(u->store);
    assert_ok(reel_store_open(u->path, 0, &u->store, &u->err), u->err);
    struct reel_history history;
    assert_ok(reel_store_history_load(u->store, 1, &history, &u->err), u->err);
    assert_float_equal(history.seen.value[0], 4.5f, 0);
    assert_int_equal(history.version, after);
    reel_history_release(&history);
}

static void event_said_twice_counts_once(void **state)
{
    struct db_unit *u = *state;
    int64_t before, after;
    put_heat(u);
    struct reel_event rate = db_unit_rating("ann", NULL, NULL, 4.5, 100);
    add_event(u, &rate);
    assert_ok(reel_store_version(u->store, &before, &u->err), u->err);
    add_event(u, &rate);
    assert_ok(reel_store_version(u->store, &after, &u->err), u->err);
    assert_int_equal(before, after);
    rate.value = 3;
    add_event(u, &rate); // same moment, another value: a correction
    struct reel_film_card card;
    assert_ok(reel_store_film_load(u->store, 1, &card, &u->err), u->err);
    assert_int_equal(card.n_ratings, 1);
    assert_float_equal(card.mean_stars, 3, 1e-9);
    reel_film_card_release(&card);
}

static void all_kinds_are_marked_and_counted(void **state)
{
    struct db_unit *u = *state;
    put_heat(u);
    uint8_t mark = 0;
    for (int kind = REEL_EVENT_RATE; kind <= REEL_EVENT_REVIEW; kind++) {
        const struct reel_event event = {.kind = (enum reel_event_kind)kind,
                                         .viewer = "ann",
                                         .value = kind == REEL_EVENT_WATCH ? NAN : 1,
                                         .at_s = 100 * kind,
                                         .text = kind >= REEL_EVENT_TAG ? "words" : NULL};
        add_event(u, &event);
        mark |= (uint8_t)(1u << kind);
    }
    struct reel_history history;
    assert_ok(reel_store_history_load(u->store, 0, &history, &u->err), u->err);
    assert_int_equal(history.seen.start[1], 1);
    assert_int_equal(history.mark[0], mark);
    assert_int_equal(history.at_s[0], 700);
    reel_history_release(&history);
    struct reel_film_card card;
    assert_ok(reel_store_film_load(u->store, 1, &card, &u->err), u->err);
    assert_int_equal(card.n_ratings, 1);
    assert_int_equal(card.n_watches, 1);
    assert_int_equal(card.n_likes, 1);
    assert_int_equal(card.n_reviews, 1);
    assert_int_equal(card.n_tags, 1);
    reel_film_card_release(&card);
    db_unit_check(u);
}

static void unsound_event_writes_nothing(void **state)
{
    struct db_unit *u = *state;
    put_heat(u);
    struct reel_event event = db_unit_rating("ann", NULL, NULL, 6, 100);
    assert_int_equal(reel_store_event_add(u->store, 1, &event, &u->err), REEL_EINVAL);
    event.value = 4;
    assert_int_equal(reel_store_event_add(u->store, 99, &event, &u->err), REEL_ENOTFOUND);
    assert_string_equal(u->err.text, "no film 99");
    int64_t key;
    assert_int_equal(reel_store_viewer_find(u->store, "ann", &key, &u->err),
                     REEL_ENOTFOUND);
}

static void event_survives_every_failing_allocation(void **state)
{
    struct db_unit *u = *state;
    put_heat(u);
    struct reel_event event = db_unit_rating("ann", NULL, NULL, 4, 100);
    event.kind = REEL_EVENT_REVIEW;
    event.text = "good";
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc = reel_store_event_add(u->store, 1, &event, &u->err);
        base_alloc_fail_after(-1);
        struct reel_history history;
        assert_ok(reel_store_history_load(u->store, 0, &history, &u->err), u->err);
        const int32_t n_viewers = history.n_viewers;
        reel_history_release(&history);
        if (rc == REEL_OK) {
            assert_int_equal(n_viewers, 1);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_int_equal(n_viewers, 0);
    }
}

static void damaged_history_is_told(void **state)
{
    struct db_unit *u = *state;
    static const char *const damage[] = {
        "UPDATE history SET events = x'00'",
        "UPDATE history SET events = x'630000000000803f0000000000000018'", // film 99
        "UPDATE history SET events = x'010000000000803f00000000000000f8'", // kind 15
    };
    put_heat(u);
    const struct reel_event event = db_unit_rating("ann", NULL, NULL, 4, 100);
    add_event(u, &event);
    for (size_t i = 0; i < COUNT_OF(damage); i++) {
        struct reel_history history;
        assert_ok(db_sql_exec(u->store, damage[i], &u->err), u->err);
        assert_int_equal(reel_store_history_load(u->store, 0, &history, &u->err),
                         REEL_EFORMAT);
        assert_non_null(strstr(u->err.text, "damaged"));
        assert_null(history.owned);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, db_unit_begin, db_unit_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_keeps_time_kind_and_value),
        TEST(event_is_there_at_once_and_after_reopening),
        TEST(event_said_twice_counts_once),
        TEST(all_kinds_are_marked_and_counted),
        TEST(unsound_event_writes_nothing),
        TEST(event_survives_every_failing_allocation),
        TEST(damaged_history_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
