/**
 * One event at a time, durable when the call returns: a transaction of its own, synced.
 */
#include "db_event.h"
#include "base_error.h"

#include <inttypes.h>
#include <math.h>

const char *db_event_fault(const struct reel_event *event)
{
    if (!event->viewer || !*event->viewer) {
        return "an event without a viewer";
    }
    switch (event->kind) {
    case REEL_EVENT_RATE:
        return event->value >= 0.5 && event->value <= 5 ? NULL : "stars outside 0.5 .. 5";
    case REEL_EVENT_WATCH:
        return isnan(event->value) || (event->value >= 0 && event->value <= 1)
                   ? NULL
                   : "share watched outside 0 .. 1";
    case REEL_EVENT_LIKE:
    case REEL_EVENT_DISLIKE:
    case REEL_EVENT_WISH:
        return NULL;
    case REEL_EVENT_TAG:
    case REEL_EVENT_REVIEW:
        return event->text && *event->text ? NULL : "a tag or review without words";
    }
    return "an event of unknown kind";
}

bool db_event_has_text(enum reel_event_kind kind)
{
    return kind == REEL_EVENT_TAG || kind == REEL_EVENT_REVIEW;
}

float db_event_value(const struct reel_event *event)
{
    const bool has_value =
        event->kind == REEL_EVENT_RATE || event->kind == REEL_EVENT_WATCH;
    return has_value ? (float)event->value : NAN;
}

void db_tally_add(struct db_tally *tally, int kind, double value, int sign)
{
    tally->n_events += sign;
    tally->n_ratings += kind == REEL_EVENT_RATE ? sign : 0;
    tally->n_watches += kind == REEL_EVENT_WATCH ? sign : 0;
    tally->n_likes += kind == REEL_EVENT_LIKE ? sign : 0;
    tally->sum_stars += kind == REEL_EVENT_RATE && !isnan(value) ? sign * value : 0;
}

enum reel_status db_tally_write(struct reel_store *store, int64_t film,
                                const struct db_tally *tally, struct reel_error *err)
{
    return db_sql_run(
        store,
        "INSERT INTO film_count VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET n_events = n_events + excluded.n_events,"
        "  n_ratings = n_ratings + excluded.n_ratings,"
        "  n_watches = n_watches + excluded.n_watches,"
        "  n_likes = n_likes + excluded.n_likes,"
        "  sum_stars = sum_stars + excluded.sum_stars",
        err, "iiiiid", film, tally->n_events, tally->n_ratings, tally->n_watches,
        tally->n_likes, tally->sum_stars);
}

static enum reel_status viewer_make(struct reel_store *store, const char *name,
                                    int64_t *key, struct reel_error *err)
{
    *key = 0;
    enum reel_status rc =
        db_sql_int(store, "SELECT key FROM viewer WHERE name = ?", key, err, "t", name);
    if (rc == REEL_OK && *key == 0) {
        rc = db_sql_run(store, "INSERT INTO viewer(name) VALUES (?)", err, "t", name);
        *key = sqlite3_last_insert_rowid(store->sql);
    }
    return rc;
}

// The row of the event: new, of another value, or as it is already.
static enum reel_status row_write(struct reel_store *store, int64_t viewer, int64_t film,
                                  const struct reel_event *event, bool *is_changed,
                                  struct reel_error *err)
{
    const double value = (double)db_event_value(event);
    struct db_tally tally = {0};
    sqlite3_stmt *stmt;
    bool is_there = false;
    enum reel_status rc =
        db_sql_query(store,
                     "SELECT value FROM event"
                     " WHERE viewer = ? AND film = ? AND kind = ? AND at_s = ?",
                     &stmt, err, "iini", viewer, film, (int)event->kind, event->at_s);
    rc = rc ? rc : db_sql_next(store, stmt, &is_there, err);
    if (rc) {
        return rc;
    }
    if (is_there) {
        const double before = db_sql_double(stmt, 0);
        db_sql_leave(stmt);
        if (before == value || (isnan(before) && isnan(value))) {
            return REEL_OK;
        }
        db_tally_add(&tally, event->kind, before, -1);
    }
    db_tally_add(&tally, event->kind, value, 1);
    *is_changed = true;
    rc = db_sql_run(store, "INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?)", err,
                    "iinid", viewer, film, (int)event->kind, event->at_s, value);
    return rc ? rc : db_tally_write(store, film, &tally, err);
}

static enum reel_status event_write(struct reel_store *store, int64_t film,
                                    const struct reel_event *event,
                                    struct reel_error *err)
{
    int64_t is_known = 0, viewer;
    bool is_changed = false;
    enum reel_status rc = db_sql_int(store, "SELECT count(*) FROM film WHERE key = ?",
                                     &is_known, err, "i", film);
    if (rc == REEL_OK && !is_known) {
        rc = fail(err, REEL_ENOTFOUND, "no film %" PRId64, film);
    }
    rc = rc ? rc : viewer_make(store, event->viewer, &viewer, err);
    rc = rc ? rc : row_write(store, viewer, film, event, &is_changed, err);
    if (rc == REEL_OK && db_event_has_text(event->kind)) {
        rc =
            db_sql_run(store, "INSERT OR IGNORE INTO note VALUES (?, ?, ?, ?, ?)", err,
                       "iinit", viewer, film, (int)event->kind, event->at_s, event->text);
        is_changed |= rc == REEL_OK && sqlite3_changes64(store->sql) > 0;
    }
    if (rc || !is_changed) {
        return rc;
    }
    return db_sql_run(store, "UPDATE state SET value = value + 1 WHERE name = 'version'",
                      err, "");
}

enum reel_status reel_store_event_add(struct reel_store *store, int64_t film_key,
                                      const struct reel_event *event,
                                      struct reel_error *err)
{
    const char *fault = db_event_fault(event);
    if (fault) {
        return fail(err, REEL_EINVAL, "%s", fault);
    }
    const enum reel_status rc = db_sql_begin(store, err);
    return rc ? rc : db_sql_end(store, event_write(store, film_key, event, err), err);
}
