/**
 * The history as arrays: one pass over the viewers' records, which lie sorted.
 */
#include "base_alloc.h"
#include "base_arena.h"
#include "base_error.h"
#include "db_event.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct history {
    struct base_arena arena; /* names */
    int64_t *viewer_key, *film_key, *start, *at_s;
    const char **viewer_name;
    int32_t *col, *col_of_film; /* film key -> column */
    float *value, *share;
    uint8_t *mark;
    uint16_t *kinds;
    int32_t n_viewers, n_viewers_room, n_films, film_key_max;
    int64_t n, n_room; /* entries */
};

static void history_free(struct history *h)
{
    if (h) {
        base_arena_release(&h->arena);
        base_free(h->viewer_key);
        base_free(h->film_key);
        base_free(h->start);
        base_free(h->at_s);
        base_free(h->viewer_name);
        base_free(h->col);
        base_free(h->col_of_film);
        base_free(h->value);
        base_free(h->mark);
        base_free(h->kinds);
        base_free(h->share);
        base_free(h);
    }
}

static enum reel_status films_load(struct reel_store *store, struct history *h,
                                   struct reel_error *err)
{
    int64_t n = 0, key_max = 0;
    enum reel_status rc = db_sql_int(store, "SELECT count(*) FROM film", &n, err, "");
    rc = rc ? rc
            : db_sql_int(store, "SELECT coalesce(max(key), 0) FROM film", &key_max, err,
                         "");
    if (rc) {
        return rc;
    }
    h->film_key = base_alloc_array((size_t)n, sizeof *h->film_key);
    h->col_of_film = base_alloc_array((size_t)key_max + 1, sizeof *h->col_of_film);
    if (!h->film_key || !h->col_of_film) {
        return fail(err, REEL_ENOMEM, "%" PRId64 " films", n);
    }
    memset(h->col_of_film, -1, ((size_t)key_max + 1) * sizeof *h->col_of_film);
    h->film_key_max = (int32_t)key_max;
    sqlite3_stmt *stmt;
    bool is_row = false;
    rc = db_sql_query(store, "SELECT key FROM film ORDER BY key", &stmt, err, "");
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    while (rc == REEL_OK && is_row && h->n_films < n) {
        const int64_t key = sqlite3_column_int64(stmt, 0);
        h->col_of_film[key] = h->n_films;
        h->film_key[h->n_films++] = key;
        rc = db_sql_next(store, stmt, &is_row, err);
    }
    return rc;
}

static enum reel_status viewers_load(struct reel_store *store, struct history *h,
                                     int64_t only, struct reel_error *err)
{
    int64_t n = 0;
    enum reel_status rc =
        db_sql_int(store, "SELECT count(*) FROM viewer WHERE ?1 = 0 OR key = ?1", &n, err,
                   "i", only);
    if (rc) {
        return rc;
    }
    if (only && n == 0) {
        return fail(err, REEL_ENOTFOUND, "no viewer %" PRId64, only);
    }
    h->viewer_key = base_alloc_array((size_t)n, sizeof *h->viewer_key);
    h->viewer_name = base_alloc_array((size_t)n, sizeof *h->viewer_name);
    h->start = base_alloc_zeroed((size_t)n + 1, sizeof *h->start);
    if (!h->viewer_key || !h->viewer_name || !h->start) {
        return fail(err, REEL_ENOMEM, "%" PRId64 " viewers", n);
    }
    sqlite3_stmt *stmt;
    bool is_row = false;
    rc = db_sql_query(
        store, "SELECT key, name FROM viewer WHERE ?1 = 0 OR key = ?1 ORDER BY key",
        &stmt, err, "i", only);
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    while (rc == REEL_OK && is_row && h->n_viewers < n) {
        const char *name = base_arena_strdup(&h->arena, db_sql_text(stmt, 1));
        if (!name) {
            rc = fail(err, REEL_ENOMEM, "%" PRId64 " viewers", n);
            break;
        }
        h->viewer_key[h->n_viewers] = sqlite3_column_int64(stmt, 0);
        h->viewer_name[h->n_viewers++] = name;
        rc = db_sql_next(store, stmt, &is_row, err);
    }
    db_sql_leave(stmt);
    return rc;
}

static enum reel_status entries_reserve(struct history *h, int64_t n,
                                        struct reel_error *err)
{
    const size_t n_room = (size_t)(n > 16 ? n : 16);
    void *col = base_realloc_array(h->col, n_room, sizeof *h->col);
    h->col = col ? col : h->col;
    void *value = base_realloc_array(h->value, n_room, sizeof *h->value);
    h->value = value ? value : h->value;
    void *at_s = base_realloc_array(h->at_s, n_room, sizeof *h->at_s);
    h->at_s = at_s ? at_s : h->at_s;
    void *mark = base_realloc_array(h->mark, n_room, sizeof *h->mark);
    h->mark = mark ? mark : h->mark;
    void *kinds = base_realloc_array(h->kinds, n_room, sizeof *h->kinds);
    h->kinds = kinds ? kinds : h->kinds;
    void *share = base_realloc_array(h->share, n_room, sizeof *h->share);
    h->share = share ? share : h->share;
    if (!col || !value || !at_s || !mark || !kinds || !share) {
        return fail(err, REEL_ENOMEM, "%zu events", n_room);
    }
    h->n_room = (int64_t)n_room;
    return REEL_OK;
}

/** Older readers know kinds up to 7: a replay says that it was watched and liked. */
static unsigned mark_of(int kind)
{
    return kind == REEL_EVENT_REPLAY ? 1u << REEL_EVENT_WATCH | 1u << REEL_EVENT_LIKE
                                     : 1u << kind & 0xffu;
}

// One blob: records by film, then kind, then time; what is about one film is one entry.
static enum reel_status entries_add(struct history *h, int64_t viewer,
                                    const unsigned char *record, int64_t n,
                                    struct reel_error *err)
{
    int64_t rated_at_s = REEL_TIME_UNKNOWN, i = h->n - 1;
    int32_t film_before = 0;
    for (; n > 0; n--, record += DB_EVENT_BYTES) {
        const struct db_event event = db_event_get(record);
        const int kind = db_event_kind(event.when);
        const int64_t at_s = db_event_at_s(event.when);
        if (event.film < film_before || event.film > h->film_key_max ||
            h->col_of_film[event.film] < 0 || kind < 1 || kind > REEL_EVENT_CHOOSE) {
            return fail(err, REEL_EFORMAT, "the history of viewer %" PRId64 " is damaged",
                        viewer);
        }
        if (event.film != film_before) {
            i++;
            h->col[i] = h->col_of_film[event.film];
            h->value[i] = NAN;
            h->at_s[i] = REEL_TIME_UNKNOWN;
            h->mark[i] = 0;
            h->kinds[i] = 0;
            h->share[i] = NAN;
            rated_at_s = REEL_TIME_UNKNOWN;
            film_before = event.film;
        }
        h->kinds[i] |= (uint16_t)(1u << kind);
        h->mark[i] |= (uint8_t)mark_of(kind);
        if (kind == REEL_EVENT_WATCH || kind == REEL_EVENT_SKIP) {
            h->share[i] = fmaxf(h->share[i], event.value);
        }
        h->at_s[i] = at_s > h->at_s[i] ? at_s : h->at_s[i];
        if (kind == REEL_EVENT_RATE && at_s >= rated_at_s) {
            h->value[i] = event.value;
            rated_at_s = at_s;
        }
    }
    h->n = i + 1;
    return REEL_OK;
}

// The blob that `stmt` stands on, to the row of its viewer.
static enum reel_status row_add(struct history *h, sqlite3_stmt *stmt, int32_t *row,
                                struct reel_error *err)
{
    const int64_t viewer = sqlite3_column_int64(stmt, 0);
    const unsigned char *record = sqlite3_column_blob(stmt, 1);
    const int32_t n_bytes = sqlite3_column_bytes(stmt, 1), n = n_bytes / DB_EVENT_BYTES;
    while (*row < h->n_viewers && h->viewer_key[*row] < viewer) {
        h->start[++*row] = h->n;
    }
    if (*row == h->n_viewers || h->viewer_key[*row] != viewer) {
        return fail(err, REEL_EFORMAT, "a history of no viewer %" PRId64, viewer);
    }
    if (n_bytes % DB_EVENT_BYTES) {
        return fail(err, REEL_EFORMAT, "the history of viewer %" PRId64 " is damaged",
                    viewer);
    }
    enum reel_status rc = REEL_OK;
    if (h->n + n > h->n_room) {
        rc = entries_reserve(h, 2 * h->n + n, err);
    }
    return rc ? rc : entries_add(h, viewer, record, n, err);
}

static enum reel_status entries_load(struct reel_store *store, struct history *h,
                                     int64_t only, struct reel_error *err)
{
    int64_t n = 0;
    enum reel_status rc =
        only ? REEL_OK
             : db_sql_int(store, "SELECT coalesce(sum(n_events), 0) FROM film_count", &n,
                          err, "");
    rc = rc ? rc : entries_reserve(h, n, err);
    sqlite3_stmt *stmt = NULL;
    bool is_row = false;
    rc = rc ? rc
            : db_sql_query(store,
                           "SELECT viewer, events FROM history WHERE viewer >= ?1"
                           " AND (?1 = 0 OR viewer <= ?1) ORDER BY viewer",
                           &stmt, err, "i", only);
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    int32_t row = 0;
    while (rc == REEL_OK && is_row) {
        rc = row_add(h, stmt, &row, err);
        rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    }
    while (row < h->n_viewers) {
        h->start[++row] = h->n;
    }
    if (stmt) {
        db_sql_leave(stmt);
    }
    return rc;
}

enum reel_status reel_store_history_load(struct reel_store *store, int64_t viewer_key,
                                         struct reel_history *out, struct reel_error *err)
{
    *out = (struct reel_history){0};
    struct history *h = base_alloc_zeroed(1, sizeof *h);
    if (!h) {
        return fail(err, REEL_ENOMEM, "a history");
    }
    base_arena_init(&h->arena, SIZE_MAX / 2);
    int64_t version = 0;
    // One transaction: all queries see the same state.
    bool is_begun = false;
    enum reel_status rc = db_sql_snapshot(store, &is_begun, err);
    rc = rc ? rc : reel_store_version(store, &version, err);
    rc = rc ? rc : films_load(store, h, err);
    rc = rc ? rc : viewers_load(store, h, viewer_key, err);
    rc = rc ? rc : entries_load(store, h, viewer_key, err);
    db_sql_snapshot_end(store, is_begun);
    if (rc) {
        history_free(h);
        return rc;
    }
    *out = (struct reel_history){
        .n_viewers = h->n_viewers,
        .n_films = h->n_films,
        .viewer_key = h->viewer_key,
        .viewer_name = h->viewer_name,
        .film_key = h->film_key,
        .seen = {h->n_viewers, h->n_films, h->start, h->col, h->value},
        .at_s = h->at_s,
        .mark = h->mark,
        .kinds = h->kinds,
        .share = h->share,
        .version = version,
        .owned = h,
    };
    return REEL_OK;
}

void reel_history_release(struct reel_history *history)
{
    history_free(history->owned);
    *history = (struct reel_history){0};
}
