/**
 * Records of events, and putting them into a viewer's history; one event at a time as a
 * transaction of its own, synced when the call returns.
 */
#include "db_event.h"
#include "base_alloc.h"
#include "base_error.h"

#include <endian.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#define TIME_ZERO (INT64_C(1) << 59) /* 1970 in the lower 60 bits of `when` */
#define TIME_MASK ((UINT64_C(1) << 60) - 1)

uint64_t db_event_when(int kind, int64_t at_s)
{
    const uint64_t time = at_s == REEL_TIME_UNKNOWN ? 0 : (uint64_t)(at_s + TIME_ZERO);
    return (uint64_t)kind << 60 | time;
}

int db_event_kind(uint64_t when)
{
    return (int)(when >> 60);
}

int64_t db_event_at_s(uint64_t when)
{
    const uint64_t time = when & TIME_MASK;
    return time ? (int64_t)time - TIME_ZERO : REEL_TIME_UNKNOWN;
}

struct db_event db_event_get(const unsigned char record[DB_EVENT_BYTES])
{
    uint32_t film, bits;
    uint64_t when;
    memcpy(&film, record, 4);
    memcpy(&bits, record + 4, 4);
    memcpy(&when, record + 8, 8);
    bits = le32toh(bits);
    struct db_event event = {.film = (int32_t)le32toh(film), .when = le64toh(when)};
    memcpy(&event.value, &bits, 4);
    return event;
}

void db_event_put(unsigned char record[DB_EVENT_BYTES], const struct db_event *event)
{
    uint32_t bits;
    memcpy(&bits, &event->value, 4);
    bits = htole32(bits);
    const uint32_t film = htole32((uint32_t)event->film);
    const uint64_t when = htole64(event->when);
    memcpy(record, &film, 4);
    memcpy(record + 4, &bits, 4);
    memcpy(record + 8, &when, 8);
}

int db_event_compare(const struct db_event *a, const struct db_event *b)
{
    if (a->film != b->film) {
        return a->film < b->film ? -1 : 1;
    }
    return a->when < b->when ? -1 : a->when > b->when;
}

static bool is_same_value(float a, float b)
{
    return a == b || (isnan(a) && isnan(b));
}

static enum reel_status record_reserve(struct reel_store *store, size_t n_bytes,
                                       struct reel_error *err)
{
    if (n_bytes > store->n_record_room) {
        const size_t room = n_bytes + n_bytes / 2;
        unsigned char *more = base_realloc_array(store->record, room, 1);
        if (!more) {
            return fail(err, REEL_ENOMEM, "a history of %zu bytes", n_bytes);
        }
        store->record = more;
        store->n_record_room = room;
    }
    return REEL_OK;
}

// Both sides ascend. Returns the bytes written to `out`; *is_changed when it is not `there`.
static size_t merge_sorted(const unsigned char *there, size_t n_there_bytes,
                           const struct db_event *event, int32_t n, unsigned char *out,
                           db_event_told *told, void *payload, bool *is_changed)
{
    unsigned char *const begin = out;
    const unsigned char *const end = there + n_there_bytes;
    for (int32_t i = 0; i < n; i++) {
        enum db_fate fate = DB_EVENT_NEW;
        float before = NAN;
        for (; there < end; there += DB_EVENT_BYTES, out += DB_EVENT_BYTES) {
            const struct db_event old = db_event_get(there);
            const int order = db_event_compare(&old, &event[i]);
            if (order == 0) {
                before = old.value;
                fate = is_same_value(before, event[i].value) ? DB_EVENT_KNOWN
                                                             : DB_EVENT_CHANGED;
                there += DB_EVENT_BYTES;
            }
            if (order >= 0) {
                break;
            }
            memcpy(out, there, DB_EVENT_BYTES);
        }
        db_event_put(out, &event[i]);
        out += DB_EVENT_BYTES;
        told(&event[i], fate, before, payload);
        *is_changed |= fate != DB_EVENT_KNOWN;
    }
    if (there < end) {
        memcpy(out, there, (size_t)(end - there));
        out += end - there;
    }
    return (size_t)(out - begin);
}

enum reel_status db_event_merge(struct reel_store *store, int64_t viewer,
                                bool is_viewer_new, const struct db_event *event,
                                int32_t n, db_event_told *told, void *payload,
                                struct reel_error *err)
{
    sqlite3_stmt *stmt = NULL;
    const unsigned char *there = NULL;
    size_t n_there_bytes = 0, n_bytes = 0;
    bool is_row = false, is_changed = false;
    enum reel_status rc = REEL_OK;
    if (!is_viewer_new) {
        rc = db_sql_query(store, "SELECT events FROM history WHERE viewer = ?", &stmt,
                          err, "i", viewer);
        rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    }
    if (is_row) {
        there = sqlite3_column_blob(stmt, 0);
        n_there_bytes = (size_t)sqlite3_column_bytes(stmt, 0);
        if (n_there_bytes % DB_EVENT_BYTES) {
            rc = fail(err, REEL_EFORMAT,
                      "%s: the history of viewer %" PRId64 " is damaged", store->path,
                      viewer);
        }
    }
    rc = rc ? rc : record_reserve(store, n_there_bytes + (size_t)n * DB_EVENT_BYTES, err);
    if (rc == REEL_OK) {
        n_bytes = merge_sorted(there, n_there_bytes, event, n, store->record, told,
                               payload, &is_changed);
    }
    if (is_row) {
        db_sql_leave(stmt);
    }
    if (rc || !is_changed) {
        return rc;
    }
    return db_sql_run(store, "INSERT OR REPLACE INTO history VALUES (?, ?)", err, "ib",
                      viewer, store->record, n_bytes);
}

enum reel_status db_event_next_history(struct reel_store *store, int64_t *viewer,
                                       struct db_event **event, int32_t *n,
                                       int32_t *n_room, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    bool is_row = false;
    enum reel_status rc =
        db_sql_query(store,
                     "SELECT viewer, events FROM history WHERE viewer > ?"
                     " ORDER BY viewer LIMIT 1",
                     &stmt, err, "i", *viewer);
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    *viewer = 0;
    *n = 0;
    if (rc || !is_row) {
        return rc;
    }
    const unsigned char *record = sqlite3_column_blob(stmt, 1);
    const int32_t n_found = sqlite3_column_bytes(stmt, 1) / DB_EVENT_BYTES;
    if (n_found > *n_room) {
        struct db_event *more = base_realloc_array(*event, (size_t)n_found, sizeof *more);
        if (!more) {
            db_sql_leave(stmt);
            return fail(err, REEL_ENOMEM, "%d events of a viewer", n_found);
        }
        *event = more;
        *n_room = n_found;
    }
    for (; *n < n_found; ++*n, record += DB_EVENT_BYTES) {
        (*event)[*n] = db_event_get(record);
    }
    *viewer = sqlite3_column_int64(stmt, 0);
    db_sql_leave(stmt);
    return REEL_OK;
}

enum reel_status db_event_replace(struct reel_store *store, int64_t viewer,
                                  const struct db_event *event, int32_t n,
                                  struct reel_error *err)
{
    const size_t n_bytes = (size_t)n * DB_EVENT_BYTES;
    const enum reel_status rc = record_reserve(store, n_bytes, err);
    if (rc) {
        return rc;
    }
    for (int32_t i = 0; i < n; i++) {
        db_event_put(store->record + (size_t)i * DB_EVENT_BYTES, &event[i]);
    }
    return db_sql_run(store, "UPDATE history SET events = ?2 WHERE viewer = ?1", err,
                      "ib", viewer, store->record, n_bytes);
}

const char *db_event_fault(const struct reel_event *event)
{
    if (!event->viewer || !*event->viewer) {
        return "an event without a viewer";
    }
    if (event->at_s != REEL_TIME_UNKNOWN &&
        (event->at_s <= -TIME_ZERO || event->at_s >= TIME_ZERO)) {
        return "a time beyond the calendar";
    }
    switch (event->kind) {
    case REEL_EVENT_RATE:
        return event->value >= 0.5 && event->value <= 5 ? NULL : "stars outside 0.5 .. 5";
    case REEL_EVENT_WATCH:
    case REEL_EVENT_SKIP:
        return isnan(event->value) || (event->value >= 0 && event->value <= 1)
                   ? NULL
                   : "share watched outside 0 .. 1";
    case REEL_EVENT_LIKE:
    case REEL_EVENT_DISLIKE:
    case REEL_EVENT_WISH:
    case REEL_EVENT_REPLAY:
    case REEL_EVENT_CHOOSE:
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
    const bool has_value = event->kind == REEL_EVENT_RATE ||
                           event->kind == REEL_EVENT_WATCH ||
                           event->kind == REEL_EVENT_SKIP;
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
        err, "innnnd", film, tally->n_events, tally->n_ratings, tally->n_watches,
        tally->n_likes, tally->sum_stars);
}

enum reel_status db_event_viewer(struct reel_store *store, const char *name, int64_t *key,
                                 struct reel_error *err)
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

struct change {
    struct db_tally tally;
    bool is_there;
};

static void change_told(const struct db_event *event, enum db_fate fate, float before,
                        void *payload)
{
    struct change *change = payload;
    const int kind = db_event_kind(event->when);
    if (fate == DB_EVENT_KNOWN) {
        return;
    }
    if (fate == DB_EVENT_CHANGED) {
        db_tally_add(&change->tally, kind, (double)before, -1);
    }
    db_tally_add(&change->tally, kind, (double)event->value, 1);
    change->is_there = true;
}

static enum reel_status event_write(struct reel_store *store, int64_t film,
                                    const struct reel_event *event,
                                    struct reel_error *err)
{
    int64_t is_known = 0, viewer;
    enum reel_status rc = db_sql_int(store, "SELECT count(*) FROM film WHERE key = ?",
                                     &is_known, err, "i", film);
    if (rc == REEL_OK && !is_known) {
        rc = fail(err, REEL_ENOTFOUND, "no film %" PRId64, film);
    }
    rc = rc ? rc : db_event_viewer(store, event->viewer, &viewer, err);
    struct change change = {0};
    const struct db_event record = {.when = db_event_when(event->kind, event->at_s),
                                    .film = (int32_t)film,
                                    .value = db_event_value(event)};
    rc = rc ? rc
            : db_event_merge(store, viewer, false, &record, 1, change_told, &change, err);
    if (rc == REEL_OK && change.is_there) {
        rc = db_tally_write(store, film, &change.tally, err);
    }
    if (rc == REEL_OK && db_event_has_text(event->kind)) {
        rc =
            db_sql_run(store, "INSERT OR IGNORE INTO note VALUES (?, ?, ?, ?, ?)", err,
                       "iinit", viewer, film, (int)event->kind, event->at_s, event->text);
        change.is_there |= rc == REEL_OK && sqlite3_changes64(store->sql) > 0;
    }
    if (rc == REEL_OK && event->context && *event->context) {
        rc = db_sql_run(store,
                        "INSERT OR REPLACE INTO situation VALUES (?, ?, ?, ?, ?, ?)", err,
                        "iinidt", viewer, film, (int)event->kind, event->at_s,
                        (double)record.value, event->context);
    }
    if (rc || !change.is_there) {
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
