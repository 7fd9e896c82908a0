/** A store in a folder of its own, and short words for putting things into it. */
#ifndef DB_UNIT_H
#define DB_UNIT_H

#include "unit.h"

#include "db_sql.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct db_unit {
    char folder[64], path[96];
    struct reel_store *store;
    struct reel_error err;
};

static inline int db_unit_begin(void **state)
{
    struct db_unit *u = calloc(1, sizeof *u);
    (void)snprintf(u->folder, sizeof u->folder, "%s/forkreel-unit-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(u->folder));
    (void)snprintf(u->path, sizeof u->path, "%s/new/test.db", u->folder);
    assert_ok(reel_store_open(u->path, REEL_STORE_CREATE, &u->store, &u->err), u->err);
    *state = u;
    return 0;
}

static inline int db_unit_end(void **state)
{
    struct db_unit *u = *state;
    static const char *const name[] = {"new/test.db", "new/test.db-wal",
                                       "new/test.db-shm", "new", ""};
    reel_store_close(u->store);
    for (size_t i = 0; i < COUNT_OF(name); i++) {
        char path[160];
        (void)snprintf(path, sizeof path, "%s/%s", u->folder, name[i]);
        (void)remove(path);
    }
    free(u);
    return 0;
}

static inline struct reel_film db_unit_film(const char *source, const char *id,
                                            const char *title, int32_t year)
{
    return (struct reel_film){
        .ref = {.source = source, .id = id, .title = title, .year = year},
        .popularity = NAN,
        .vote_mean = NAN};
}

static inline struct reel_event db_unit_rating(const char *viewer, const char *source,
                                               const char *id, double stars, int64_t at_s)
{
    return (struct reel_event){.kind = REEL_EVENT_RATE,
                               .viewer = viewer,
                               .film = {.source = source, .id = id},
                               .value = stars,
                               .at_s = at_s};
}

static inline struct reel_import *db_unit_import(struct db_unit *u, bool is_dry_run)
{
    const struct reel_import_options opt = {.label = "unit", .is_dry_run = is_dry_run};
    struct reel_import *import;
    assert_ok(reel_store_import_begin(u->store, &opt, &import, &u->err), u->err);
    return import;
}

static inline void db_unit_put_film(struct db_unit *u, struct reel_import *import,
                                    const struct reel_film *film)
{
    const struct reel_sink sink = reel_store_import_sink(import);
    const struct reel_where where = {"films.csv", 7};
    assert_ok(sink.film(film, &where, sink.payload, &u->err), u->err);
}

static inline void db_unit_put_event(struct db_unit *u, struct reel_import *import,
                                     const struct reel_event *event)
{
    const struct reel_sink sink = reel_store_import_sink(import);
    const struct reel_where where = {"events.csv", 9};
    assert_ok(sink.event(event, &where, sink.payload, &u->err), u->err);
}

/** An import of these films and events, done. */
static inline struct reel_import_report db_unit_put(struct db_unit *u,
                                                    const struct reel_film *film,
                                                    size_t n_films,
                                                    const struct reel_event *event,
                                                    size_t n_events)
{
    struct reel_import *import = db_unit_import(u, false);
    for (size_t i = 0; i < n_films; i++) {
        db_unit_put_film(u, import, &film[i]);
    }
    for (size_t i = 0; i < n_events; i++) {
        db_unit_put_event(u, import, &event[i]);
    }
    struct reel_import_report report;
    assert_ok(reel_store_import_commit(import, &report, &u->err), u->err);
    reel_store_import_free(import);
    report.refused = report.doubtful = NULL; // they went with the import
    return report;
}

static inline int64_t db_unit_key(struct db_unit *u, const char *name)
{
    int64_t key = 0;
    assert_ok(reel_store_film_find(u->store, name, &key, &u->err), u->err);
    return key;
}

/** SQLite agrees that the file is sound. */
static inline void db_unit_check(struct db_unit *u)
{
    sqlite3_stmt *stmt;
    bool is_row;
    assert_ok(db_sql_query(u->store, "PRAGMA integrity_check", &stmt, &u->err, ""),
              u->err);
    assert_ok(db_sql_next(u->store, stmt, &is_row, &u->err), u->err);
    assert_string_equal(db_sql_text(stmt, 0), "ok");
    db_sql_leave(stmt);
    assert_ok(db_sql_query(u->store, "PRAGMA foreign_key_check", &stmt, &u->err, ""),
              u->err);
    assert_ok(db_sql_next(u->store, stmt, &is_row, &u->err), u->err);
    assert_false(is_row);
}

#endif
