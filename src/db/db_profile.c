/** What viewers say about their own taste: edits, and films that tell nothing of it. */
#include "base_alloc.h"
#include "base_error.h"
#include "db_sql.h"

#include <forkreel/profile.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_name[] = {
    [REEL_EDIT_GENRE] = "genre",       [REEL_EDIT_PERSON] = "person",
    [REEL_EDIT_EVENT] = "event",       [REEL_EDIT_KEYWORD] = "keyword",
    [REEL_EDIT_LANGUAGE] = "language", [REEL_EDIT_DECADE] = "decade"};
enum { N_KINDS = sizeof kind_name / sizeof *kind_name };

const char *reel_edit_kind_name(enum reel_edit_kind kind)
{
    return kind >= REEL_EDIT_GENRE && (int)kind < N_KINDS ? kind_name[kind] : NULL;
}

/* ---- a word of the command line ---- */

/** Copy [begin, end) without blanks and one pair of quotes around it. */
static enum reel_status read_name(const char *begin, const char *end,
                                  struct reel_edit *out, struct reel_error *err)
{
    while (begin < end && *begin == ' ') {
        begin++;
    }
    while (begin < end && end[-1] == ' ') {
        end--;
    }
    if (end - begin >= 2 && *begin == '"' && end[-1] == '"') {
        begin++, end--;
    }
    const size_t n = (size_t)(end - begin);
    if (n == 0 || n >= sizeof out->name) {
        return fail(err, REEL_EINVAL, "a name of %zu bytes, not 1 to %zu", n,
                    sizeof out->name - 1);
    }
    memcpy(out->name, begin, n);
    out->name[n] = '\0';
    return REEL_OK;
}

/** "1990s" and "1995" are the decade "1990". */
static enum reel_status read_decade(struct reel_edit *out, struct reel_error *err)
{
    char *end;
    const long year = strtol(out->name, &end, 10);
    if (year < 1870 || year > 2100 || (*end && strcmp(end, "s") != 0)) {
        return fail(err, REEL_EINVAL, "\"%s\" is no decade, as 1990s is", out->name);
    }
    (void)snprintf(out->name, sizeof out->name, "%ld", year - year % 10);
    return REEL_OK;
}

enum reel_status reel_edit_parse(const char *text, struct reel_edit *out,
                                 struct reel_error *err)
{
    *out = (struct reel_edit){0};
    const size_t n_kind = strcspn(text, ".=");
    for (int k = REEL_EDIT_GENRE; k < N_KINDS && text[n_kind] == '.'; k++) {
        if (strlen(kind_name[k]) == n_kind && memcmp(kind_name[k], text, n_kind) == 0) {
            out->kind = (enum reel_edit_kind)k;
        }
    }
    if (!out->kind) {
        return fail(err, REEL_EINVAL,
                    "\"%.80s\": not genre., person., event., keyword., language. or"
                    " decade. and a name",
                    text);
    }
    const char *name = text + n_kind + 1, *equal = strrchr(name, '=');
    if (equal) {
        char *end;
        out->amount = strtod(equal + 1, &end);
        if (end == equal + 1 || *end || !(fabs(out->amount) <= REEL_EDIT_AMOUNT_MAX)) {
            return fail(err, REEL_EINVAL, "%.80s: a number from -%g to %g", text,
                        REEL_EDIT_AMOUNT_MAX, REEL_EDIT_AMOUNT_MAX);
        }
    }
    const enum reel_status rc =
        read_name(name, equal ? equal : name + strlen(name), out, err);
    return rc || out->kind != REEL_EDIT_DECADE ? rc : read_decade(out, err);
}

/* ---- changes ---- */

/** One change, durable when it returns; *n_changes rows were there to change. */
static enum reel_status change(struct reel_store *store, enum reel_status rc,
                               int64_t *n_changes, struct reel_error *err)
{
    *n_changes = sqlite3_changes64(store->sql);
    return db_sql_end(store, rc, err);
}

enum reel_status reel_store_edit_set(struct reel_store *store, int64_t viewer_key,
                                     const struct reel_edit *edit, struct reel_error *err)
{
    int64_t n_changes;
    if (!(fabs(edit->amount) <= REEL_EDIT_AMOUNT_MAX) || !(fabs(edit->amount) > 0) ||
        !*edit->name || !reel_edit_kind_name(edit->kind)) {
        return fail(err, REEL_EINVAL, "edit \"%s\" of %g", edit->name, edit->amount);
    }
    enum reel_status rc = db_sql_begin(store, err);
    if (rc) {
        return rc;
    }
    rc = db_sql_run(store,
                    "DELETE FROM profile_edit WHERE viewer = ? AND kind = ?"
                    " AND name = ? COLLATE NOCASE",
                    err, "int", viewer_key, (int)edit->kind, edit->name);
    rc = rc ? rc
            : db_sql_run(store, "INSERT INTO profile_edit VALUES (?, ?, ?, ?)", err,
                         "intd", viewer_key, (int)edit->kind, edit->name, edit->amount);
    return change(store, rc, &n_changes, err);
}

enum reel_status reel_store_edit_remove(struct reel_store *store, int64_t viewer_key,
                                        enum reel_edit_kind kind, const char *name,
                                        struct reel_error *err)
{
    int64_t n_changes = 0;
    enum reel_status rc = db_sql_begin(store, err);
    if (rc) {
        return rc;
    }
    rc = db_sql_run(store,
                    "DELETE FROM profile_edit WHERE viewer = ? AND kind = ?"
                    " AND name = ? COLLATE NOCASE",
                    err, "int", viewer_key, (int)kind, name);
    rc = change(store, rc, &n_changes, err);
    return rc || n_changes > 0 ? rc
                               : fail(err, REEL_ENOTFOUND, "there is no edit %s.%s",
                                      reel_edit_kind_name(kind), name);
}

enum reel_status reel_store_film_forget(struct reel_store *store, int64_t viewer_key,
                                        int64_t film_key, bool is_forgotten,
                                        struct reel_error *err)
{
    int64_t n_changes = 0;
    enum reel_status rc = db_sql_begin(store, err);
    if (rc) {
        return rc;
    }
    rc = is_forgotten
             ? db_sql_run(store, "INSERT OR IGNORE INTO profile_forgotten VALUES (?, ?)",
                          err, "ii", viewer_key, film_key)
             : db_sql_run(store,
                          "DELETE FROM profile_forgotten WHERE viewer = ? AND film = ?",
                          err, "ii", viewer_key, film_key);
    rc = change(store, rc, &n_changes, err);
    return rc || is_forgotten || n_changes > 0
               ? rc
               : fail(err, REEL_ENOTFOUND, "film %" PRId64 " was not forgotten",
                      film_key);
}

enum reel_status reel_store_profile_reset(struct reel_store *store, int64_t viewer_key,
                                          struct reel_error *err)
{
    const enum reel_status rc = db_sql_begin(store, err);
    if (rc) {
        return rc;
    }
    enum reel_status run = db_sql_run(store, "DELETE FROM profile_edit WHERE viewer = ?",
                                      err, "i", viewer_key);
    run = run ? run
              : db_sql_run(store, "DELETE FROM profile_forgotten WHERE viewer = ?", err,
                           "i", viewer_key);
    return db_sql_end(store, run, err);
}

/* ---- reading ---- */

struct edits_owned {
    struct reel_edit *edit;
    int64_t *forgotten;
    int32_t n_room, n_forgotten, n_forgotten_room;
};

static enum reel_status load_edits(struct reel_store *store, int64_t viewer_key,
                                   struct edits_owned *owned, int32_t *n,
                                   struct reel_error *err)
{
    sqlite3_stmt *stmt;
    bool is_row = true;
    enum reel_status rc = db_sql_query(store,
                                       "SELECT kind, name, amount FROM profile_edit"
                                       " WHERE viewer = ? ORDER BY kind, name",
                                       &stmt, err, "i", viewer_key);
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        if (*n == owned->n_room) {
            const int32_t room = owned->n_room ? 2 * owned->n_room : 16;
            struct reel_edit *edit =
                base_realloc_array(owned->edit, (size_t)room, sizeof *edit);
            if (!edit) {
                db_sql_leave(stmt);
                return fail(err, REEL_ENOMEM, "%d edits", room);
            }
            owned->edit = edit;
            owned->n_room = room;
        }
        struct reel_edit *edit = &owned->edit[(*n)++];
        *edit =
            (struct reel_edit){.kind = (enum reel_edit_kind)sqlite3_column_int(stmt, 0),
                               .amount = sqlite3_column_double(stmt, 2)};
        (void)snprintf(edit->name, sizeof edit->name, "%s", db_sql_text(stmt, 1));
    }
    return rc;
}

struct forgotten_list {
    struct edits_owned *owned;
    bool is_short; /* memory ran out */
};

static void add_forgotten(int64_t viewer_key, int64_t film_key, void *payload)
{
    struct forgotten_list *list = payload;
    struct edits_owned *owned = list->owned;
    (void)viewer_key;
    if (owned->n_forgotten == owned->n_forgotten_room) {
        const int32_t room = owned->n_forgotten ? 2 * owned->n_forgotten : 16;
        int64_t *key = base_realloc_array(owned->forgotten, (size_t)room, sizeof *key);
        if (!key) {
            list->is_short = true;
            return;
        }
        owned->forgotten = key;
        owned->n_forgotten_room = room;
    }
    owned->forgotten[owned->n_forgotten++] = film_key;
}

enum reel_status reel_store_edits_load(struct reel_store *store, int64_t viewer_key,
                                       struct reel_edits *out, struct reel_error *err)
{
    *out = (struct reel_edits){0};
    struct edits_owned *owned = base_alloc_zeroed(1, sizeof *owned);
    if (!owned) {
        return fail(err, REEL_ENOMEM, "edits");
    }
    struct forgotten_list list = {.owned = owned};
    out->owned = owned;
    enum reel_status rc = load_edits(store, viewer_key, owned, &out->n_edits, err);
    rc =
        rc ? rc : reel_store_forgotten_each(store, viewer_key, add_forgotten, &list, err);
    if (rc == REEL_OK && list.is_short) {
        rc = fail(err, REEL_ENOMEM, "forgotten films");
    }
    out->edit = owned->edit;
    out->forgotten = owned->forgotten;
    out->n_forgotten = owned->n_forgotten;
    if (rc) {
        reel_edits_release(out);
    }
    return rc;
}

void reel_edits_release(struct reel_edits *edits)
{
    struct edits_owned *owned = edits->owned;
    if (owned) {
        base_free(owned->edit);
        base_free(owned->forgotten);
        base_free(owned);
    }
    *edits = (struct reel_edits){0};
}

enum reel_status reel_store_forgotten_each(struct reel_store *store, int64_t viewer_key,
                                           void (*each)(int64_t viewer_key,
                                                        int64_t film_key, void *payload),
                                           void *payload, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    bool is_row = true;
    enum reel_status rc = db_sql_query(store,
                                       "SELECT viewer, film FROM profile_forgotten"
                                       " WHERE ?1 = 0 OR viewer = ?1"
                                       " ORDER BY viewer, film",
                                       &stmt, err, "i", viewer_key);
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        each(sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1), payload);
    }
    return rc;
}
