/**
 * The store's handle, and SQLite with our errors on it: the only header that includes
 * sqlite3.h. A statement is written as a string literal and prepared once per store; its
 * parameters follow a string of letters, one for each `?`:
 *
 *     i  int64_t        n  int          d  double (NAN becomes NULL)
 *     z  int64_t, 0 becomes NULL        t  const char * (NULL becomes NULL), not copied
 *     b  const void *, size_t: a blob, not copied
 *
 *     rc = db_sql_run(store, "INSERT INTO genre(name) VALUES (?)", err, "t", name);
 */
#ifndef DB_SQL_H
#define DB_SQL_H

#include "base_text.h"

#include <forkreel/store.h>

#include <sqlite3.h>

#define DB_BUSY_MS 5000 /* waited for others who write */

struct db_statement {
    const char *text; /* the literal; NULL marks an empty place */
    sqlite3_stmt *stmt;
};

struct reel_store {
    sqlite3 *sql;
    char *path;
    struct base_text *text;
    struct base_buffer scratch; /* folded text; used inside one call only */
    bool is_read_only, is_importing;
    unsigned char *record; /* (n_record_room) a history while it is put together */
    size_t n_record_room;
    struct db_statement statement[256]; /* open addressing on the literal's address */
};

/** What SQLite last said, as one line with the path; returns the code for it. */
enum reel_status db_sql_fail(struct reel_store *store, int code, struct reel_error *err);

/** Statements that take no parameters and give no rows; several with `;` between. */
enum reel_status db_sql_exec(struct reel_store *store, const char *text,
                             struct reel_error *err) REEL_CHECKED;

/** Prepare or reuse, bind, and hand out before the first row. `text` must be a literal. */
enum reel_status db_sql_query(struct reel_store *store, const char *text,
                              sqlite3_stmt **out, struct reel_error *err,
                              const char *letters, ...) REEL_CHECKED;
/** Step: *is_row false at the end, and the statement is then reset. */
enum reel_status db_sql_next(struct reel_store *store, sqlite3_stmt *stmt, bool *is_row,
                             struct reel_error *err) REEL_CHECKED;
/** Leave a query before its end; accepts NULL. */
void db_sql_leave(sqlite3_stmt *stmt);

/** A statement without rows. sqlite3_changes64 tells what it did. */
enum reel_status db_sql_run(struct reel_store *store, const char *text,
                            struct reel_error *err, const char *letters,
                            ...) REEL_CHECKED;
/** First column of the first row; *value stays as it was when there is none. */
enum reel_status db_sql_int(struct reel_store *store, const char *text, int64_t *value,
                            struct reel_error *err, const char *letters,
                            ...) REEL_CHECKED;

/** BEGIN IMMEDIATE; fails at once in a read-only store or during an import. */
enum reel_status db_sql_begin(struct reel_store *store,
                              struct reel_error *err) REEL_CHECKED;
/** COMMIT when `rc` is REEL_OK, else ROLLBACK; returns what came of it. */
enum reel_status db_sql_end(struct reel_store *store, enum reel_status rc,
                            struct reel_error *err) REEL_CHECKED;

/** All queries until the end see one state; nothing to begin inside a transaction. */
enum reel_status db_sql_snapshot(struct reel_store *store, bool *is_begun,
                                 struct reel_error *err) REEL_CHECKED;
void db_sql_snapshot_end(struct reel_store *store, bool is_begun);

/** Text column, NULL for NULL; valid until the next step. */
const char *db_sql_text(sqlite3_stmt *stmt, int column);

/** " (1993)" behind a title in a message; "" when the year is not known. Returns `text`. */
const char *db_year_label(int32_t year, char text[16]);
/** Number column, NAN for NULL. */
double db_sql_double(sqlite3_stmt *stmt, int column);

#endif
