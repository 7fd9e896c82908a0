/** Forgetting a viewer: every table that names one, and the bytes that deleting leaves. */
#include "base_alloc.h"
#include "base_error.h"
#include "db_event.h"

#include <inttypes.h>

/** Take all events of a viewer off the counts of their films. */
static enum reel_status counts_take_off(struct reel_store *store, int64_t viewer,
                                        struct reel_error *err)
{
    struct db_event *event = NULL;
    int32_t n = 0, n_room = 0;
    int64_t found = viewer - 1;
    enum reel_status rc = db_event_next_history(store, &found, &event, &n, &n_room, err);
    n = found == viewer ? n : 0; // another's: nothing was ever told of this one
    for (int32_t i = 0; rc == REEL_OK && i < n;) {
        struct db_tally tally = {0};
        const int32_t film = event[i].film;
        for (; i < n && event[i].film == film; i++) {
            db_tally_add(&tally, db_event_kind(event[i].when), (double)event[i].value,
                         -1);
        }
        rc = db_tally_write(store, film, &tally, err);
    }
    base_free(event);
    return rc;
}

/** Rows in all tables; each a literal of its own, by which its statement is known. */
static enum reel_status rows_erase(struct reel_store *store, int64_t viewer,
                                   struct reel_error *err)
{
    static const char *const deletes[] = {
        "DELETE FROM history WHERE viewer = ?",
        "DELETE FROM note WHERE viewer = ?",
        "DELETE FROM situation WHERE viewer = ?",
        "DELETE FROM shown WHERE viewer = ?", // its items go with it
        "DELETE FROM choice WHERE viewer = ?",
        "DELETE FROM viewer_state WHERE viewer = ?",
        "DELETE FROM profile_edit WHERE viewer = ?",
        "DELETE FROM profile_forgotten WHERE viewer = ?",
        "DELETE FROM viewer_trait WHERE viewer = ?",
        "DELETE FROM viewer WHERE key = ?",
    };
    enum reel_status rc = REEL_OK;
    for (size_t i = 0; rc == REEL_OK && i < sizeof deletes / sizeof *deletes; i++) {
        rc = db_sql_run(store, deletes[i], err, "i", viewer);
    }
    return rc;
}

static enum reel_status viewer_erase(struct reel_store *store, int64_t viewer,
                                     struct reel_error *err)
{
    int64_t is_there = 0;
    enum reel_status rc = db_sql_int(store, "SELECT count(*) FROM viewer WHERE key = ?",
                                     &is_there, err, "i", viewer);
    if (rc == REEL_OK && !is_there) {
        return fail(err, REEL_ENOTFOUND, "no viewer %" PRId64, viewer);
    }
    rc = rc ? rc : counts_take_off(store, viewer, err);
    rc = rc ? rc : rows_erase(store, viewer, err);
    return rc ? rc
              : db_sql_run(store,
                           "UPDATE state SET value = value + 1 WHERE name = 'version'",
                           err, "");
}

enum reel_status reel_store_viewer_erase(struct reel_store *store, int64_t viewer_key,
                                         struct reel_error *err)
{
    const enum reel_status rc = db_sql_begin(store, err);
    return rc ? rc : db_sql_end(store, viewer_erase(store, viewer_key, err), err);
}

enum reel_status reel_store_compact(struct reel_store *store, struct reel_error *err)
{
    if (store->is_read_only || store->is_importing) {
        return fail(err, REEL_EINVAL, "%s: read-only, or being imported into",
                    store->path);
    }
    int64_t is_busy = 0;
    enum reel_status rc = db_sql_exec(store, "VACUUM", err);
    rc =
        rc ? rc : db_sql_int(store, "PRAGMA wal_checkpoint(TRUNCATE)", &is_busy, err, "");
    return rc == REEL_OK && is_busy
               ? fail(err, REEL_EBUSY, "another forkreel reads %s", store->path)
               : rc;
}
