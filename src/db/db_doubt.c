/** Pairs of films that may be one: telling them; joining them is in db_join.c. */
#include "db_sql.h"

enum reel_status reel_store_doubts_each(struct reel_store *store,
                                        void (*each)(const struct reel_doubt *doubt,
                                                     void *payload),
                                        void *payload, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    enum reel_status rc =
        db_sql_query(store,
                     "SELECT d.film, d.other, f.title, o.title, f.year, o.year, d.reason,"
                     " d.file, d.line FROM doubtful_join d JOIN film f ON f.key = d.film"
                     " JOIN film o ON o.key = d.other ORDER BY d.other, d.film",
                     &stmt, err, "");
    bool is_row = true;
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        const struct reel_doubt doubt = {
            .film = sqlite3_column_int64(stmt, 0),
            .other = sqlite3_column_int64(stmt, 1),
            .film_title = db_sql_text(stmt, 2),
            .other_title = db_sql_text(stmt, 3),
            .film_year = sqlite3_column_int(stmt, 4),
            .other_year = sqlite3_column_int(stmt, 5),
            .reason = db_sql_text(stmt, 6),
            .file = db_sql_text(stmt, 7),
            .line = sqlite3_column_int64(stmt, 8),
        };
        each(&doubt, payload);
    }
    return rc;
}
