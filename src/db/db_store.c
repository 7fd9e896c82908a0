/**
 * Opening and closing the file. One connection, write-ahead log, every commit synced.
 */
#include "base_alloc.h"
#include "base_error.h"
#include "base_file.h"
#include "db_schema.h"

#include <string.h>
#include <unistd.h>

static enum reel_status make_folder(const char *path, struct reel_error *err)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path) {
        return REEL_OK;
    }
    char *folder = base_strdup(path);
    if (!folder) {
        return fail(err, REEL_ENOMEM, "%s", path);
    }
    folder[slash - path] = '\0';
    const enum reel_status rc = base_file_mkdirs(folder, err);
    base_free(folder);
    return rc;
}

static enum reel_status connect(struct reel_store *store, int flags,
                                struct reel_error *err)
{
    int how = SQLITE_OPEN_NOMUTEX;
    how |= flags & REEL_STORE_READ_ONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    how |= flags & REEL_STORE_CREATE ? SQLITE_OPEN_CREATE : 0;
    const int code = sqlite3_open_v2(store->path, &store->sql, how, NULL);
    if (code != SQLITE_OK) {
        return db_sql_fail(store, code, err);
    }
    // SQLite opens a file that may not be written for reading, without a word.
    store->is_read_only |= sqlite3_db_readonly(store->sql, "main") == 1;
    (void)sqlite3_busy_timeout(store->sql, DB_BUSY_MS);
    return db_sql_exec(store,
                       "PRAGMA foreign_keys = ON;"
                       "PRAGMA trusted_schema = OFF;"
                       "PRAGMA synchronous = FULL;"
                       "PRAGMA cache_size = -65536;"
                       "PRAGMA page_size = 8192", // counts only while the file is empty
                       err);
}

// A file that is not ours is not touched, so the check comes before anything that writes.
static enum reel_status make_current(struct reel_store *store,
                                     const struct db_schema *schema,
                                     struct reel_error *err)
{
    int64_t version;
    enum reel_status rc = db_schema_check(store, schema, &version, err);
    if (rc || store->is_read_only) {
        return rc;
    }
    // Turning the log on does not wait for others who do the same to a new file.
    rc = db_sql_exec(store, "PRAGMA journal_mode = WAL", err);
    for (int n_waits = 0; rc == REEL_EBUSY && n_waits < 250; n_waits++) {
        (void)sqlite3_sleep(20);
        rc = db_sql_exec(store, "PRAGMA journal_mode = WAL", err);
    }
    return rc || version == schema->n_steps ? rc : db_schema_migrate(store, schema, err);
}

enum reel_status db_store_open(const char *path, int flags,
                               const struct db_schema *schema, struct reel_store **out,
                               struct reel_error *err)
{
    *out = NULL;
    if (flags & REEL_STORE_READ_ONLY) {
        flags &= ~REEL_STORE_CREATE;
    }
    if (!(flags & REEL_STORE_CREATE) && access(path, F_OK) != 0) {
        return fail(err, REEL_ENOTFOUND, "no database %s", path);
    }
    struct reel_store *store = base_alloc_zeroed(1, sizeof *store);
    if (!store) {
        return fail(err, REEL_ENOMEM, "%s", path);
    }
    base_buffer_init(&store->scratch, (size_t)64 << 20);
    store->is_read_only = flags & REEL_STORE_READ_ONLY;
    store->path = base_strdup(path);
    enum reel_status rc = store->path ? REEL_OK : fail(err, REEL_ENOMEM, "%s", path);
    rc = rc ? rc : base_text_create(&store->text, err);
    rc = rc || !(flags & REEL_STORE_CREATE) ? rc : make_folder(path, err);
    rc = rc ? rc : connect(store, flags, err);
    rc = rc ? rc : make_current(store, schema, err);
    if (rc == REEL_OK) {
        *out = store;
        store = NULL;
    }
    reel_store_close(store);
    return rc;
}

enum reel_status reel_store_open(const char *path, int flags, struct reel_store **out,
                                 struct reel_error *err)
{
    return db_store_open(path, flags, &db_schema_current, out, err);
}

void reel_store_close(struct reel_store *store)
{
    if (!store) {
        return;
    }
    const size_t n = sizeof store->statement / sizeof store->statement[0];
    for (size_t i = 0; i < n; i++) {
        (void)sqlite3_finalize(store->statement[i].stmt);
    }
    (void)sqlite3_close(store->sql);
    base_text_free(store->text);
    base_buffer_release(&store->scratch);
    base_free(store->record);
    base_free(store->path);
    base_free(store);
}

enum reel_status reel_store_version(struct reel_store *store, int64_t *version,
                                    struct reel_error *err)
{
    return db_sql_int(store, "SELECT value FROM state WHERE name = 'version'", version,
                      err, "");
}
