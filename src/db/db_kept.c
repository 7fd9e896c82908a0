/** What is kept of one viewer, as it is kept: for whoever asks for their own data. */
#include "base_alloc.h"
#include "base_error.h"
#include "db_event.h"

enum reel_status reel_store_events_each(
    struct reel_store *store, int64_t viewer_key,
    enum reel_status (*each)(const struct reel_kept_event *event, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err)
{
    struct db_event *event = NULL;
    int32_t n = 0, n_room = 0;
    int64_t found = viewer_key - 1;
    enum reel_status rc = db_event_next_history(store, &found, &event, &n, &n_room, err);
    n = found == viewer_key ? n : 0; // another's
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        const struct reel_kept_event kept = {
            .film = event[i].film,
            .kind = (enum reel_event_kind)db_event_kind(event[i].when),
            .value = (double)event[i].value,
            .at_s = db_event_at_s(event[i].when)};
        rc = each(&kept, payload, err);
    }
    base_free(event);
    return rc;
}

enum reel_status reel_store_traits_each(struct reel_store *store, int64_t viewer_key,
                                        enum reel_status (*each)(const char *name,
                                                                 const char *value,
                                                                 void *payload,
                                                                 struct reel_error *err),
                                        void *payload, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    bool is_row = true;
    enum reel_status rc = db_sql_query(
        store, "SELECT name, value FROM viewer_trait WHERE viewer = ? ORDER BY name",
        &stmt, err, "i", viewer_key);
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        rc = each(db_sql_text(stmt, 0), db_sql_text(stmt, 1), payload, err);
        if (rc) {
            db_sql_leave(stmt);
        }
    }
    return rc;
}

enum reel_status reel_store_states_each(
    struct reel_store *store, int64_t viewer_key,
    enum reel_status (*each)(const char *name, const unsigned char *bytes, size_t n_bytes,
                             void *payload, struct reel_error *err),
    void *payload, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    bool is_row = true;
    enum reel_status rc = db_sql_query(
        store, "SELECT name, bytes FROM viewer_state WHERE viewer = ? ORDER BY name",
        &stmt, err, "i", viewer_key);
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        rc = each(db_sql_text(stmt, 0), sqlite3_column_blob(stmt, 1),
                  (size_t)sqlite3_column_bytes(stmt, 1), payload, err);
        if (rc) {
            db_sql_leave(stmt);
        }
    }
    return rc;
}
