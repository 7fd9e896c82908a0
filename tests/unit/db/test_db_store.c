/** Opening: what is made, what is brought up to date, and what is refused untouched. */
#include "db_unit.h"

#include "db_schema.h"

#include <sys/stat.h>
#include <sys/wait.h>

static void file_write(const char *path, const void *data, size_t n_bytes)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, n_bytes, out), n_bytes);
    assert_int_equal(fclose(out), 0);
}

static void raw_exec(const char *path, const char *text)
{
    sqlite3 *sql;
    assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
    assert_int_equal(sqlite3_exec(sql, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(sql), SQLITE_OK);
}

static void reopen_fails(struct db_unit *u, int flags, enum reel_status expected,
                         const char *words)
{
    struct reel_store *store;
    assert_int_equal(reel_store_open(u->path, flags, &store, &u->err), expected);
    assert_null(store);
    if (!strstr(u->err.text, words)) {
        fail_msg("'%s' lacks '%s'", u->err.text, words);
    }
    assert_null(strchr(u->err.text, '\n'));
}

static void close_store(struct db_unit *u)
{
    reel_store_close(u->store);
    u->store = NULL;
}

static void open_makes_file_with_log_and_keys(void **state)
{
    struct db_unit *u = *state;
    int64_t foreign_keys = 0, version = 0, synchronous = 0;
    sqlite3_stmt *stmt;
    bool is_row;
    assert_ok(db_sql_int(u->store, "PRAGMA foreign_keys", &foreign_keys, &u->err, ""),
              u->err);
    assert_ok(db_sql_int(u->store, "PRAGMA synchronous", &synchronous, &u->err, ""),
              u->err);
    assert_ok(db_sql_int(u->store, "PRAGMA user_version", &version, &u->err, ""), u->err);
    assert_ok(db_sql_query(u->store, "PRAGMA journal_mode", &stmt, &u->err, ""), u->err);
    assert_ok(db_sql_next(u->store, stmt, &is_row, &u->err), u->err);
    assert_string_equal(db_sql_text(stmt, 0), "wal");
    db_sql_leave(stmt);
    assert_int_equal(foreign_keys, 1);
    assert_int_equal(synchronous, 2);
    assert_int_equal(version, db_schema_current.n_steps);
    db_unit_check(u);
}

static void open_without_create_finds_no_file(void **state)
{
    struct db_unit *u = *state;
    close_store(u);
    assert_int_equal(remove(u->path), 0);
    reopen_fails(u, 0, REEL_ENOTFOUND, "no database");
    reopen_fails(u, REEL_STORE_READ_ONLY | REEL_STORE_CREATE, REEL_ENOTFOUND,
                 "no database");
}

static void open_brings_an_empty_file_up_to_date(void **state)
{
    struct db_unit *u = *state;
    close_store(u);
    assert_int_equal(remove(u->path), 0);
    file_write(u->path, "", 0);
    assert_ok(reel_store_open(u->path, 0, &u->store, &u->err), u->err);
    int64_t version = 0;
    assert_ok(db_sql_int(u->store, "PRAGMA user_version", &version, &u->err, ""), u->err);
    assert_int_equal(version, db_schema_current.n_steps);
}

static void open_takes_the_steps_that_are_missing(void **state)
{
    struct db_unit *u = *state;
    close_store(u);
    assert_int_equal(remove(u->path), 0);
    const struct db_schema old = {db_schema_current.step, 1};
    assert_ok(db_store_open(u->path, REEL_STORE_CREATE, &old, &u->store, &u->err),
              u->err);
    assert_ok(db_sql_exec(u->store, "INSERT INTO film(title) VALUES ('Heat')", &u->err),
              u->err);
    close_store(u);
    reopen_fails(u, REEL_STORE_READ_ONLY, REEL_EVERSION, "open it once for writing");
    assert_ok(reel_store_open(u->path, 0, &u->store, &u->err), u->err);
    int64_t n_films = 0, n_tables = 0;
    assert_ok(db_sql_int(u->store, "SELECT count(*) FROM film", &n_films, &u->err, ""),
              u->err);
    assert_ok(db_sql_int(u->store,
                         "SELECT count(*) FROM sqlite_schema WHERE name = 'film_words'",
                         &n_tables, &u->err, ""),
              u->err);
    assert_int_equal(n_films, 1);
    assert_int_equal(n_tables, 1);
}

static void step_that_fails_leaves_the_file_as_it_was(void **state)
{
    struct db_unit *u = *state;
    enum { N_ROOM = 32 };
    const char *steps[N_ROOM];
    int32_t n = db_schema_current.n_steps;
    assert_true(n + 2 <= N_ROOM);
    memcpy(steps, db_schema_current.step, (size_t)n * sizeof *steps);
    steps[n++] = "CREATE TABLE more (a) STRICT";
    steps[n++] = "CREATE TABLE more2 (a INT) STRICT; SELECT nonsense";
    const struct db_schema broken = {steps, n};
    struct reel_store *store;
    close_store(u);
    assert_int_equal(db_store_open(u->path, 0, &broken, &store, &u->err), REEL_EFAIL);
    assert_ok(reel_store_open(u->path, 0, &u->store, &u->err), u->err);
    db_unit_check(u);
}

static void open_refuses_a_newer_version(void **state)
{
    struct db_unit *u = *state;
    close_store(u);
    raw_exec(u->path, "PRAGMA user_version = 99");
    reopen_fails(u, 0, REEL_EVERSION, "99");
}

static void open_refuses_a_foreign_database_untouched(void **state)
{
    struct db_unit *u = *state;
    close_store(u);
    assert_int_equal(remove(u->path), 0);
    raw_exec(u->path, "CREATE TABLE bills(a); INSERT INTO bills VALUES (1)");
    struct stat before, after;
    assert_int_equal(stat(u->path, &before), 0);
    reopen_fails(u, REEL_STORE_CREATE, REEL_EFORMAT, "not forkreel's");
    assert_int_equal(stat(u->path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void open_refuses_bytes_that_are_no_database(void **state)
{
    struct db_unit *u = *state;
    char text[4096];
    close_store(u);
    memset(text, 'x', sizeof text);
    file_write(u->path, text, sizeof text);
    reopen_fails(u, REEL_STORE_CREATE, REEL_EFORMAT, "not a forkreel database");
}

// Every page but the first is overwritten: some call must say so, and none may crash.
static void damaged_pages_are_told(void **state)
{
    struct db_unit *u = *state;
    struct reel_film film[40];
    char title[40][24];
    for (int i = 0; i < 40; i++) {
        (void)snprintf(title[i], sizeof title[i], "film %d", i);
        film[i] = db_unit_film("csv", title[i], title[i], 1990 + i);
    }
    (void)db_unit_put(u, film, 40, NULL, 0);
    close_store(u);
    struct stat size;
    assert_int_equal(stat(u->path, &size), 0);
    char *bytes = malloc((size_t)size.st_size);
    FILE *in = fopen(u->path, "rb");
    assert_int_equal(fread(bytes, 1, (size_t)size.st_size, in), size.st_size);
    assert_int_equal(fclose(in), 0);
    memset(bytes + 8192, 0xa5, (size_t)size.st_size - 8192);
    file_write(u->path, bytes, (size_t)size.st_size);
    free(bytes);
    enum reel_status rc = reel_store_open(u->path, 0, &u->store, &u->err);
    if (rc == REEL_OK) {
        struct reel_film_hits hits;
        rc = reel_store_films_search(u->store, "", 10, &hits, &u->err);
    }
    assert_int_equal(rc, REEL_EFORMAT);
    assert_non_null(strstr(u->err.text, "damaged"));
}

static void second_writer_is_told_who_holds_it(void **state)
{
    struct db_unit *u = *state;
    struct reel_store *other;
    (void)db_unit_put(u, (struct reel_film[]){db_unit_film("csv", "1", "Heat", 1995)}, 1,
                      NULL, 0);
    struct reel_import *import = db_unit_import(u, false);
    assert_ok(reel_store_open(u->path, 0, &other, &u->err), u->err);
    (void)sqlite3_busy_timeout(other->sql, 20);
    const struct reel_event event = db_unit_rating("ann", "csv", "1", 4, 1);
    assert_int_equal(reel_store_event_add(other, 1, &event, &u->err), REEL_EBUSY);
    assert_non_null(strstr(u->err.text, "another forkreel writes to"));
    // and reading goes on beside a writer
    struct reel_film_hits hits;
    assert_ok(reel_store_films_search(other, "heat", 5, &hits, &u->err), u->err);
    assert_int_equal(hits.n, 1);
    reel_film_hits_release(&hits);
    reel_store_import_free(import);
    assert_ok(reel_store_event_add(other, 1, &event, &u->err), u->err);
    reel_store_close(other);
}

/** The file and the logs that processes leave which end without closing: a log without its
 *  file is not a new file but a broken one, and SQLite says so to some of those who open it. */
static void remove_store(const struct db_unit *u)
{
    static const char *const suffix[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < COUNT_OF(suffix); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s%s", u->path, suffix[i]);
        assert_true(remove(path) == 0 || i > 0);
    }
}

static void many_may_open_a_new_file_at_once(void **state)
{
    enum { N_PROCESSES = 6, N_ROUNDS = 5 };
    struct db_unit *u = *state;
    close_store(u);
    for (int round = 0; round < N_ROUNDS; round++) {
        remove_store(u);
        for (int i = 0; i < N_PROCESSES; i++) {
            const pid_t child = fork();
            if (child == 0) {
                struct reel_store *store;
                _exit(reel_store_open(u->path, REEL_STORE_CREATE, &store, NULL) !=
                      REEL_OK);
            }
            assert_true(child > 0);
        }
        for (int i = 0; i < N_PROCESSES; i++) {
            int status;
            assert_true(wait(&status) > 0);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
    }
}

static void one_handle_does_one_thing(void **state)
{
    struct db_unit *u = *state;
    const struct reel_event event = db_unit_rating("ann", "csv", "1", 4, 1);
    const struct reel_import_options opt = {.label = "second"};
    struct reel_import *import = db_unit_import(u, false), *second;
    assert_int_equal(reel_store_event_add(u->store, 1, &event, &u->err), REEL_EBUSY);
    assert_int_equal(reel_store_import_begin(u->store, &opt, &second, &u->err),
                     REEL_EBUSY);
    assert_null(second);
    reel_store_import_free(import);
}

static void read_only_store_refuses_to_write(void **state)
{
    struct db_unit *u = *state;
    const struct reel_event event = db_unit_rating("ann", "csv", "1", 4, 1);
    const struct reel_import_options opt = {.label = "never"};
    const struct reel_trial trial = {"als", "factors=8", "ndcg@10", 0.1, 0, 1};
    struct reel_import *import;
    close_store(u);
    assert_ok(reel_store_open(u->path, REEL_STORE_READ_ONLY, &u->store, &u->err), u->err);
    assert_int_equal(reel_store_event_add(u->store, 1, &event, &u->err), REEL_EINVAL);
    assert_int_equal(reel_store_import_begin(u->store, &opt, &import, &u->err),
                     REEL_EINVAL);
    assert_int_equal(reel_store_trial_add(u->store, &trial, &u->err), REEL_EINVAL);
}

// A database that may not grow stands in for a disk without room.
static void full_disk_undoes_the_import(void **state)
{
    struct db_unit *u = *state;
    assert_ok(db_sql_exec(u->store, "PRAGMA max_page_count = 60", &u->err), u->err);
    struct reel_import *import = db_unit_import(u, false);
    const struct reel_sink sink = reel_store_import_sink(import);
    const struct reel_where where = {"films.csv", 1};
    enum reel_status rc = REEL_OK;
    char text[5000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; rc == REEL_OK && i < 200; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", i);
        struct reel_film film = db_unit_film("csv", id, "Heat", 1995);
        film.overview = text;
        rc = sink.film(&film, &where, sink.payload, &u->err);
    }
    assert_int_equal(rc, REEL_EIO);
    assert_non_null(strstr(u->err.text, "the disk is full"));
    struct reel_import_report report;
    assert_int_equal(reel_store_import_commit(import, &report, &u->err), REEL_EIO);
    reel_store_import_free(import);
    int64_t n_films = -1;
    assert_ok(db_sql_int(u->store, "SELECT count(*) FROM film", &n_films, &u->err, ""),
              u->err);
    assert_int_equal(n_films, 0);
    db_unit_check(u);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, db_unit_begin, db_unit_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open_makes_file_with_log_and_keys),
        TEST(open_without_create_finds_no_file),
        TEST(open_brings_an_empty_file_up_to_date),
        TEST(open_takes_the_steps_that_are_missing),
        TEST(step_that_fails_leaves_the_file_as_it_was),
        TEST(open_refuses_a_newer_version),
        TEST(open_refuses_a_foreign_database_untouched),
        TEST(open_refuses_bytes_that_are_no_database),
        TEST(damaged_pages_are_told),
        TEST(second_writer_is_told_who_holds_it),
        TEST(many_may_open_a_new_file_at_once),
        TEST(one_handle_does_one_thing),
        TEST(read_only_store_refuses_to_write),
        TEST(full_disk_undoes_the_import),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
