/** What was shown with which probability and what came of it; situations; states. */
#include "base_alloc.h"
#include "base_error.h"
#include "db_event.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { N_ITEMS_MAX = 100000 };

static enum reel_status shown_check(const struct reel_shown *shown,
                                    struct reel_error *err)
{
    if (!shown->viewer || !*shown->viewer || !shown->policy ||
        (shown->kind != REEL_SHOWN_FILMS && shown->kind != REEL_SHOWN_BRANCHES) ||
        (shown->kind == REEL_SHOWN_BRANCHES && !shown->story)) {
        return fail(err, REEL_EINVAL, "shown: a viewer, a policy and a kind are needed");
    }
    if (shown->n_items < 1 || shown->n_items > N_ITEMS_MAX) {
        return fail(err, REEL_EINVAL, "shown: %d items, not 1 to %d", shown->n_items,
                    N_ITEMS_MAX);
    }
    for (int32_t i = 0; i < shown->n_items; i++) {
        const double p = shown->item[i].propensity;
        if (!(p >= 0 && p <= 1)) {
            return fail(err, REEL_EINVAL, "shown: item %d has propensity %g", i, p);
        }
    }
    return REEL_OK;
}

static enum reel_status shown_write(struct reel_store *store,
                                    const struct reel_shown *shown, int64_t *key,
                                    struct reel_error *err)
{
    int64_t viewer;
    enum reel_status rc = db_event_viewer(store, shown->viewer, &viewer, err);
    rc = rc ? rc
            : db_sql_run(
                  store,
                  "INSERT INTO shown VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)", err,
                  "inttnti", viewer, (int)shown->kind, shown->policy, shown->story,
                  (int)shown->node, shown->context, shown->at_s);
    const int64_t made = sqlite3_last_insert_rowid(store->sql);
    for (int32_t i = 0; rc == REEL_OK && i < shown->n_items; i++) {
        const struct reel_shown_item *item = &shown->item[i];
        rc = db_sql_run(store, "INSERT INTO shown_item VALUES (?, ?, ?, ?, ?)", err,
                        "inidt", made, (int)i, item->item, item->propensity, item->about);
    }
    if (key) {
        *key = made;
    }
    return rc;
}

enum reel_status reel_store_shown_add(struct reel_store *store,
                                      const struct reel_shown *shown, int64_t *key,
                                      struct reel_error *err)
{
    enum reel_status rc = shown_check(shown, err);
    if (rc) {
        return rc;
    }
    (void)sqlite3_busy_timeout(store->sql, 0); // a list is not kept waiting for its log
    rc = db_sql_begin(store, err);
    (void)sqlite3_busy_timeout(store->sql, DB_BUSY_MS);
    return rc ? rc : db_sql_end(store, shown_write(store, shown, key, err), err);
}

static enum reel_status answer_write(struct reel_store *store, int64_t key, int64_t taken,
                                     double reward, struct reel_error *err)
{
    int64_t n = 0;
    enum reel_status rc =
        db_sql_int(store, "SELECT count(*) FROM shown_item WHERE shown = ? AND item = ?",
                   &n, err, "ii", key, taken);
    if (rc == REEL_OK && n == 0) {
        return fail(err, REEL_ENOTFOUND, "item %" PRId64 " was not shown in %" PRId64,
                    taken, key);
    }
    return rc ? rc
              : db_sql_run(store, "UPDATE shown SET taken = ?, reward = ? WHERE key = ?",
                           err, "idi", taken, reward, key);
}

enum reel_status reel_store_shown_answer(struct reel_store *store, int64_t key,
                                         int64_t taken, double reward,
                                         struct reel_error *err)
{
    if (!(reward >= 0 && reward <= 1)) {
        return fail(err, REEL_EINVAL, "shown: reward %g outside 0 .. 1", reward);
    }
    const enum reel_status rc = db_sql_begin(store, err);
    return rc ? rc : db_sql_end(store, answer_write(store, key, taken, reward, err), err);
}

enum reel_status reel_store_shown_film(struct reel_store *store, const char *viewer,
                                       int64_t film_key, int64_t since_s, double reward,
                                       struct reel_error *err)
{
    int64_t key = 0;
    const enum reel_status rc = db_sql_int(
        store,
        "SELECT shown.key FROM shown JOIN viewer ON viewer.key = shown.viewer"
        " WHERE name = ?1 AND kind = 1 AND at_s >= ?3"
        " AND (reward IS NULL OR reward < ?4 OR taken = ?2)"
        " AND EXISTS (SELECT 1 FROM shown_item WHERE shown = shown.key AND item = ?2)"
        " ORDER BY at_s DESC, shown.key DESC LIMIT 1",
        &key, err, "tiid", viewer, film_key, since_s, reward);
    return rc || key == 0 ? rc
                          : reel_store_shown_answer(store, key, film_key, reward, err);
}

// ---- reading ----

/** Items of one list, with their words behind them; *item is grown. */
struct items {
    struct reel_shown_item *item;
    struct base_buffer words;
    int32_t n, n_room;
};

static enum reel_status items_add(struct items *items, sqlite3_stmt *stmt,
                                  struct reel_error *err)
{
    if (items->n == items->n_room) {
        const int32_t n_room = items->n_room ? 2 * items->n_room : 32;
        struct reel_shown_item *more =
            base_realloc_array(items->item, (size_t)n_room, sizeof *more);
        if (!more) {
            return fail(err, REEL_ENOMEM, "%d items shown", n_room);
        }
        items->item = more;
        items->n_room = n_room;
    }
    const char *about = db_sql_text(stmt, 2);
    // Where the words begin, until the buffer has stopped moving.
    const uintptr_t place = about ? items->words.n_bytes + 1 : 0;
    if (about && !base_buffer_add(&items->words, about, strlen(about) + 1)) {
        return fail(err, REEL_ENOMEM, "%d items shown", items->n);
    }
    items->item[items->n++] =
        (struct reel_shown_item){.item = sqlite3_column_int64(stmt, 0),
                                 .propensity = sqlite3_column_double(stmt, 1),
                                 .about = (const char *)place};
    return REEL_OK;
}

static enum reel_status items_load(struct reel_store *store, int64_t key,
                                   struct items *items, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    bool is_row = true;
    items->n = 0;
    base_buffer_clear(&items->words);
    enum reel_status rc =
        db_sql_query(store,
                     "SELECT item, propensity, about FROM shown_item WHERE shown = ?"
                     " ORDER BY place",
                     &stmt, err, "i", key);
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        rc = items_add(items, stmt, err);
        if (rc) {
            db_sql_leave(stmt);
        }
    }
    for (int32_t i = 0; rc == REEL_OK && i < items->n; i++) {
        const uintptr_t place = (uintptr_t)items->item[i].about;
        items->item[i].about = place ? items->words.data + (place - 1) : NULL;
    }
    return rc;
}

enum reel_status reel_store_shown_each(
    struct reel_store *store, const char *viewer, enum reel_shown_kind kind,
    enum reel_status (*each)(const struct reel_shown *shown, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err)
{
    struct items items = {0};
    base_buffer_init(&items.words, (size_t)64 << 20);
    sqlite3_stmt *stmt;
    enum reel_status rc = db_sql_query(
        store,
        "SELECT shown.key, name, policy, story, node, context, at_s, coalesce(taken, 0),"
        " reward FROM shown JOIN viewer ON viewer.key = shown.viewer"
        " WHERE kind = ?2 AND (?1 IS NULL OR name = ?1) ORDER BY shown.key",
        &stmt, err, "tn", viewer, (int)kind);
    bool is_row = true;
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        struct reel_shown shown = {
            .key = sqlite3_column_int64(stmt, 0),
            .viewer = db_sql_text(stmt, 1),
            .kind = kind,
            .policy = db_sql_text(stmt, 2),
            .story = db_sql_text(stmt, 3),
            .node = sqlite3_column_int(stmt, 4),
            .context = db_sql_text(stmt, 5),
            .at_s = sqlite3_column_int64(stmt, 6),
            .taken = sqlite3_column_int64(stmt, 7),
            .reward = db_sql_double(stmt, 8),
        };
        rc = items_load(store, shown.key, &items, err);
        shown.item = items.item;
        shown.n_items = items.n;
        rc = rc ? rc : each(&shown, payload, err);
        if (rc) {
            db_sql_leave(stmt);
        }
    }
    base_buffer_release(&items.words);
    base_free(items.item);
    return rc;
}

enum reel_status reel_store_shown_decay(struct reel_store *store, int64_t before_s,
                                        int64_t *n, struct reel_error *err)
{
    enum reel_status rc = db_sql_begin(store, err);
    if (rc) {
        return rc;
    }
    rc = db_sql_run(store, "DELETE FROM shown WHERE at_s < ?", err, "i", before_s);
    if (n) {
        *n = rc ? 0 : sqlite3_changes64(store->sql);
    }
    return db_sql_end(store, rc, err);
}

enum reel_status reel_store_situations_each(
    struct reel_store *store, int64_t viewer_key,
    enum reel_status (*each)(const struct reel_situation *situation, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    enum reel_status rc =
        db_sql_query(store,
                     "SELECT viewer, film, kind, at_s, value, context FROM situation"
                     " WHERE ?1 = 0 OR viewer = ?1 ORDER BY viewer, film, kind, at_s",
                     &stmt, err, "i", viewer_key);
    bool is_row = true;
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        const struct reel_situation situation = {
            .viewer = sqlite3_column_int64(stmt, 0),
            .film = sqlite3_column_int64(stmt, 1),
            .kind = (enum reel_event_kind)sqlite3_column_int(stmt, 2),
            .at_s = sqlite3_column_int64(stmt, 3),
            .value = db_sql_double(stmt, 4),
            .context = db_sql_text(stmt, 5),
        };
        rc = each(&situation, payload, err);
        if (rc) {
            db_sql_leave(stmt);
        }
    }
    return rc;
}

// ---- states ----

enum reel_status reel_store_state_put(struct reel_store *store, const char *viewer,
                                      const char *name, const unsigned char *bytes,
                                      size_t n_bytes, struct reel_error *err)
{
    int64_t key;
    enum reel_status rc = db_sql_begin(store, err);
    if (rc) {
        return rc;
    }
    rc = db_event_viewer(store, viewer, &key, err);
    rc = rc ? rc
            : db_sql_run(store, "INSERT OR REPLACE INTO viewer_state VALUES (?, ?, ?)",
                         err, "itb", key, name, bytes, n_bytes);
    return db_sql_end(store, rc, err);
}

enum reel_status reel_store_state_get(struct reel_store *store, const char *viewer,
                                      const char *name, unsigned char **bytes,
                                      size_t *n_bytes, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    bool is_row = false;
    *bytes = NULL;
    *n_bytes = 0;
    enum reel_status rc =
        db_sql_query(store,
                     "SELECT bytes FROM viewer_state JOIN viewer ON key = viewer"
                     " WHERE viewer.name = ? AND viewer_state.name = ?",
                     &stmt, err, "tt", viewer, name);
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    if (rc || !is_row) {
        return rc;
    }
    const size_t n = (size_t)sqlite3_column_bytes(stmt, 0);
    *bytes = base_alloc(n + 1);
    if (*bytes) {
        if (n > 0) {
            memcpy(*bytes, sqlite3_column_blob(stmt, 0), n);
        }
        *n_bytes = n;
    } else {
        rc = fail(err, REEL_ENOMEM, "a state of %zu bytes", n);
    }
    db_sql_leave(stmt);
    return rc;
}

void reel_store_bytes_free(unsigned char *bytes)
{
    base_free(bytes);
}
