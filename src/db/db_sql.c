/**
 * SQLite's return codes become ours here, and its statements are kept for reuse.
 * Nothing in this file knows a table.
 */
#include "db_sql.h"
#include "base_error.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

enum reel_status db_sql_fail(struct reel_store *store, int code, struct reel_error *err)
{
    const char *path = store->path;
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fail(err, REEL_EBUSY, "another forkreel writes to %s", path);
    case SQLITE_FULL:
        return fail(err, REEL_EIO, "%s: the disk is full", path);
    case SQLITE_READONLY:
        return fail(err, REEL_EIO, "%s: cannot be written", path);
    case SQLITE_CANTOPEN:
        return fail(err, REEL_EIO, "%s: cannot be opened", path);
    case SQLITE_IOERR:
        return fail(err, REEL_EIO, "%s: %s", path, sqlite3_errmsg(store->sql));
    case SQLITE_NOTADB:
        return fail(err, REEL_EFORMAT, "%s: not a forkreel database", path);
    case SQLITE_CORRUPT:
        return fail(err, REEL_EFORMAT, "%s: the database is damaged", path);
    case SQLITE_NOMEM:
        return fail(err, REEL_ENOMEM, "%s: out of memory", path);
    case SQLITE_INTERRUPT:
        return fail(err, REEL_ECANCELLED, "%s: stopped", path);
    default:
        return fail(err, REEL_EFAIL, "%s: %s", path, sqlite3_errmsg(store->sql));
    }
}

enum reel_status db_sql_exec(struct reel_store *store, const char *text,
                             struct reel_error *err)
{
    const int code = sqlite3_exec(store->sql, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? REEL_OK : db_sql_fail(store, code, err);
}

// The place of a literal in the store's table of statements, or the empty one for it.
static struct db_statement *statement_place(struct reel_store *store, const char *text)
{
    const size_t n = sizeof store->statement / sizeof store->statement[0];
    size_t i = ((uintptr_t)text >> 3) * 0x9e3779b97f4a7c15u >> 40;
    for (size_t n_tried = 0; n_tried < n; n_tried++, i++) {
        struct db_statement *place = &store->statement[i % n];
        if (!place->text || place->text == text) {
            return place;
        }
    }
    return NULL;
}

static int bind_all(sqlite3_stmt *stmt, const char *letters, va_list args)
{
    int code = SQLITE_OK;
    for (int i = 1; *letters && code == SQLITE_OK; letters++, i++) {
        switch (*letters) {
        case 'i':
            code = sqlite3_bind_int64(stmt, i, va_arg(args, int64_t));
            break;
        case 'n':
            code = sqlite3_bind_int(stmt, i, va_arg(args, int));
            break;
        case 'z': {
            const int64_t value = va_arg(args, int64_t);
            code =
                value ? sqlite3_bind_int64(stmt, i, value) : sqlite3_bind_null(stmt, i);
            break;
        }
        case 'd': // SQLite stores NAN as NULL by itself
            code = sqlite3_bind_double(stmt, i, va_arg(args, double));
            break;
        case 't':
            code =
                sqlite3_bind_text(stmt, i, va_arg(args, const char *), -1, SQLITE_STATIC);
            break;
        case 'b': {
            const void *data = va_arg(args, const void *);
            code =
                sqlite3_bind_blob64(stmt, i, data, va_arg(args, size_t), SQLITE_STATIC);
            break;
        }
        default:
            code = SQLITE_MISUSE;
        }
    }
    return code;
}

static enum reel_status query(struct reel_store *store, const char *text,
                              sqlite3_stmt **out, struct reel_error *err,
                              const char *letters, va_list args)
{
    *out = NULL;
    struct db_statement *place = statement_place(store, text);
    if (!place) {
        return fail(err, REEL_EFAIL, "%s: too many statements", store->path);
    }
    if (!place->text) {
        const int code = sqlite3_prepare_v3(
            store->sql, text, -1, SQLITE_PREPARE_PERSISTENT, &place->stmt, NULL);
        if (code != SQLITE_OK) {
            return db_sql_fail(store, code, err);
        }
        place->text = text;
    }
    const int code = bind_all(place->stmt, letters, args);
    if (code != SQLITE_OK) {
        return db_sql_fail(store, code, err);
    }
    *out = place->stmt;
    return REEL_OK;
}

enum reel_status db_sql_query(struct reel_store *store, const char *text,
                              sqlite3_stmt **out, struct reel_error *err,
                              const char *letters, ...)
{
    va_list args;
    va_start(args, letters);
    const enum reel_status rc = query(store, text, out, err, letters, args);
    va_end(args);
    return rc;
}

enum reel_status db_sql_next(struct reel_store *store, sqlite3_stmt *stmt, bool *is_row,
                             struct reel_error *err)
{
    const int code = sqlite3_step(stmt);
    *is_row = code == SQLITE_ROW;
    if (*is_row) {
        return REEL_OK;
    }
    enum reel_status rc = code == SQLITE_DONE ? REEL_OK : db_sql_fail(store, code, err);
    db_sql_leave(stmt);
    return rc;
}

void db_sql_leave(sqlite3_stmt *stmt)
{
    (void)sqlite3_reset(stmt);
}

enum reel_status db_sql_run(struct reel_store *store, const char *text,
                            struct reel_error *err, const char *letters, ...)
{
    sqlite3_stmt *stmt;
    va_list args;
    va_start(args, letters);
    enum reel_status rc = query(store, text, &stmt, err, letters, args);
    va_end(args);
    bool is_row;
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    db_sql_leave(stmt);
    return rc;
}

enum reel_status db_sql_int(struct reel_store *store, const char *text, int64_t *value,
                            struct reel_error *err, const char *letters, ...)
{
    sqlite3_stmt *stmt;
    va_list args;
    va_start(args, letters);
    enum reel_status rc = query(store, text, &stmt, err, letters, args);
    va_end(args);
    bool is_row = false;
    rc = rc ? rc : db_sql_next(store, stmt, &is_row, err);
    if (is_row) {
        *value = sqlite3_column_int64(stmt, 0);
        db_sql_leave(stmt);
    }
    return rc;
}

enum reel_status db_sql_begin(struct reel_store *store, struct reel_error *err)
{
    if (store->is_read_only) {
        return fail(err, REEL_EINVAL, "%s: opened for reading only", store->path);
    }
    if (store->is_importing) {
        return fail(err, REEL_EBUSY, "%s: an import is under way", store->path);
    }
    return db_sql_exec(store, "BEGIN IMMEDIATE", err);
}

enum reel_status db_sql_end(struct reel_store *store, enum reel_status rc,
                            struct reel_error *err)
{
    rc = rc ? rc : db_sql_exec(store, "COMMIT", err);
    if (rc && !sqlite3_get_autocommit(store->sql)) {
        (void)sqlite3_exec(store->sql, "ROLLBACK", NULL, NULL, NULL);
    }
    return rc;
}

enum reel_status db_sql_snapshot(struct reel_store *store, bool *is_begun,
                                 struct reel_error *err)
{
    *is_begun = false;
    if (!sqlite3_get_autocommit(store->sql)) {
        return REEL_OK;
    }
    const enum reel_status rc = db_sql_exec(store, "BEGIN", err);
    *is_begun = rc == REEL_OK;
    return rc;
}

void db_sql_snapshot_end(struct reel_store *store, bool is_begun)
{
    if (is_begun) {
        (void)sqlite3_exec(store->sql, "ROLLBACK", NULL, NULL, NULL); // it only read
    }
}

const char *db_sql_text(sqlite3_stmt *stmt, int column)
{
    return (const char *)sqlite3_column_text(stmt, column);
}

double db_sql_double(sqlite3_stmt *stmt, int column)
{
    return sqlite3_column_type(stmt, column) == SQLITE_NULL
               ? (double)NAN
               : sqlite3_column_double(stmt, column);
}

const char *db_year_label(int32_t year, char text[16])
{
    text[0] = '\0';
    if (year != REEL_YEAR_UNKNOWN) {
        (void)snprintf(text, 16, " (%d)", year);
    }
    return text;
}
