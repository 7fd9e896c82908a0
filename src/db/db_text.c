/** Words about films, for features: what sources and viewers wrote, what a graph says. */
#include "db_sql.h"

enum reel_status reel_store_texts_each(
    struct reel_store *store,
    enum reel_status (*each)(const struct reel_film_text *text, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    enum reel_status rc = db_sql_query(
        store,
        "SELECT key, overview, tagline, story FROM film WHERE overview IS NOT NULL"
        " OR tagline IS NOT NULL OR story IS NOT NULL ORDER BY key",
        &stmt, err, "");
    bool is_row = true;
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        const struct reel_film_text text = {
            .film = sqlite3_column_int64(stmt, 0),
            .overview = db_sql_text(stmt, 1),
            .tagline = db_sql_text(stmt, 2),
            .story = db_sql_text(stmt, 3),
        };
        rc = each(&text, payload, err);
        if (rc) {
            db_sql_leave(stmt);
        }
    }
    return rc;
}

enum reel_status reel_store_notes_each(
    struct reel_store *store, int64_t viewer_key,
    enum reel_status (*each)(const struct reel_note *note, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    enum reel_status rc =
        db_sql_query(store,
                     "SELECT viewer, film, kind, at_s, text FROM note"
                     " WHERE ?1 = 0 OR viewer = ?1 ORDER BY viewer, film, kind, at_s",
                     &stmt, err, "i", viewer_key);
    bool is_row = true;
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        const struct reel_note note = {
            .viewer = sqlite3_column_int64(stmt, 0),
            .film = sqlite3_column_int64(stmt, 1),
            .kind = (enum reel_event_kind)sqlite3_column_int(stmt, 2),
            .at_s = sqlite3_column_int64(stmt, 3),
            .text = db_sql_text(stmt, 4),
        };
        rc = each(&note, payload, err);
        if (rc) {
            db_sql_leave(stmt);
        }
    }
    return rc;
}

enum reel_status reel_store_facts_each(
    struct reel_store *store,
    enum reel_status (*each)(int64_t film_key, const char *relation, const char *tail,
                             void *payload, struct reel_error *err),
    void *payload, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    enum reel_status rc = db_sql_query(
        store,
        "SELECT film, relation, tail FROM film_link JOIN triple ON head = value"
        " ORDER BY film, relation, tail",
        &stmt, err, "");
    bool is_row = true;
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        rc = each(sqlite3_column_int64(stmt, 0), db_sql_text(stmt, 1),
                  db_sql_text(stmt, 2), payload, err);
        if (rc) {
            db_sql_leave(stmt);
        }
    }
    return rc;
}
