/**
 * kill -9 against the store: crash_store [ROUNDS [SEED]].
 *
 * Each round a child works on the same database, telling over a pipe what was acknowledged,
 * and is killed after a random while. In even rounds it adds one event after the other; in
 * odd rounds it imports. Then the database is opened again and must be sound, hold every
 * acknowledged event and at most one more, and hold an import wholly or not at all.
 */
#include <forkreel/store.h>

#include "base_clock.h"
#include "base_rng.h"
#include "db_sql.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_FILMS = 200, N_VIEWERS = 400, N_PER_VIEWER = 40, BEFORE_KILL_MS = 60 };

static char folder[] = P_tmpdir "/forkreel-crash-XXXXXX";
static char path[64];

_Noreturn static void give_up(int round, const char *what, const char *detail)
{
    (void)fprintf(stderr, "round %d: %s: %s\n", round, what, detail);
    exit(1);
}

static struct reel_store *open_store(int round)
{
    struct reel_store *store;
    struct reel_error err;
    if (reel_store_open(path, REEL_STORE_CREATE, &store, &err) != REEL_OK) {
        give_up(round, "open", err.text);
    }
    return store;
}

// ---- what the children do ----

// One import of a round: its own viewers on the common films.
static enum reel_status import_run(struct reel_store *store, int round,
                                   struct reel_error *err)
{
    const struct reel_import_options opt = {.label = "crash"};
    const struct reel_where where = {"crash", 1};
    struct reel_import_report report;
    struct reel_import *import;
    enum reel_status rc = reel_store_import_begin(store, &opt, &import, err);
    if (rc) {
        return rc;
    }
    const struct reel_sink sink = reel_store_import_sink(import);
    for (int f = 0; rc == REEL_OK && f < N_FILMS; f++) {
        char id[16], title[32];
        (void)snprintf(id, sizeof id, "%d", f);
        (void)snprintf(title, sizeof title, "Film number %d", f);
        const struct reel_film film = {
            .ref = {.source = "crash", .id = id, .title = title, .year = 1900 + f % 100},
            .popularity = NAN,
            .vote_mean = NAN};
        rc = sink.film(&film, &where, sink.payload, err);
    }
    for (int i = 0; rc == REEL_OK && i < N_VIEWERS * N_PER_VIEWER; i++) {
        char viewer[32], id[16];
        (void)snprintf(viewer, sizeof viewer, "round %d viewer %d", round, i % N_VIEWERS);
        (void)snprintf(id, sizeof id, "%d", i / N_VIEWERS * 3);
        const struct reel_event event = {.kind = REEL_EVENT_RATE,
                                         .viewer = viewer,
                                         .film = {.source = "crash", .id = id},
                                         .value = 4,
                                         .at_s = i};
        rc = sink.event(&event, &where, sink.payload, err);
    }
    rc = rc ? rc : reel_store_import_commit(import, &report, err);
    reel_store_import_free(import);
    return rc;
}

static void tell(int out, const void *data, size_t n_bytes)
{
    if (write(out, data, n_bytes) != (ssize_t)n_bytes) {
        _exit(3);
    }
}

_Noreturn static void child_run(int round, int64_t first_event, int out)
{
    struct reel_error err = {0};
    struct reel_store *store = open_store(round);
    tell(out, "o", 1);
    if (round % 2) {
        if (import_run(store, round, &err) != REEL_OK) {
            give_up(round, "import", err.text);
        }
        tell(out, "i", 1);
        _exit(0);
    }
    for (int64_t n = first_event;; n++) {
        const struct reel_event event = {
            .kind = REEL_EVENT_WATCH, .viewer = "one by one", .value = NAN, .at_s = n};
        if (reel_store_event_add(store, 1 + n % N_FILMS, &event, &err) != REEL_OK) {
            give_up(round, "event", err.text);
        }
        tell(out, "e", 1);
    }
}

// ---- what is found afterwards ----

struct found {
    int64_t n_ratings, n_watches;
};

static struct found look(int round)
{
    struct reel_store *store = open_store(round);
    struct reel_error err = {0};
    struct reel_history history;
    struct found found = {0};
    sqlite3_stmt *stmt;
    bool is_row;
    if (db_sql_query(store, "PRAGMA integrity_check", &stmt, &err, "") != REEL_OK ||
        db_sql_next(store, stmt, &is_row, &err) != REEL_OK || !is_row) {
        give_up(round, "integrity check", err.text);
    }
    if (strcmp(db_sql_text(stmt, 0), "ok") != 0) {
        give_up(round, "integrity check", db_sql_text(stmt, 0));
    }
    db_sql_leave(stmt);
    if (reel_store_history_load(store, 0, &history, &err) != REEL_OK) {
        give_up(round, "history", err.text);
    }
    for (int64_t i = 0; i < history.seen.start[history.n_viewers]; i++) {
        found.n_ratings += history.mark[i] >> REEL_EVENT_RATE & 1;
    }
    reel_history_release(&history);
    int64_t n_counted = 0;
    if (db_sql_int(store, "SELECT coalesce(sum(n_ratings), 0) FROM film_count",
                   &n_counted, &err, "") != REEL_OK ||
        db_sql_int(store, "SELECT coalesce(sum(n_watches), 0) FROM film_count",
                   &found.n_watches, &err, "") != REEL_OK) {
        give_up(round, "counts", err.text);
    }
    if (n_counted != found.n_ratings) {
        give_up(round, "counts", "they differ from the histories");
    }
    reel_store_close(store);
    return found;
}

// Every watch up to `n_watches` is there: the latest on each film is the last of its turn.
static void look_at_watches(int round, int64_t n_watches)
{
    struct reel_store *store = open_store(round);
    struct reel_error err = {0};
    struct reel_history history;
    int64_t key;
    if (n_watches == 0 ||
        reel_store_viewer_find(store, "one by one", &key, &err) != REEL_OK ||
        reel_store_history_load(store, key, &history, &err) != REEL_OK) {
        reel_store_close(store);
        if (n_watches) {
            give_up(round, "history", err.text);
        }
        return;
    }
    for (int64_t i = 0; i < history.seen.start[1]; i++) {
        const int64_t place = history.seen.col[i];
        const int64_t last = (n_watches - 1 - place) / N_FILMS * N_FILMS + place;
        if (history.at_s[i] != last) {
            give_up(round, "watch", "one is missing in between");
        }
    }
    reel_history_release(&history);
    reel_store_close(store);
}

static void round_run(int round, struct base_rng *rng, struct found *before,
                      int64_t import_ms)
{
    int ends[2];
    if (pipe(ends) != 0) {
        give_up(round, "pipe", "cannot be made");
    }
    const pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        child_run(round, before->n_watches, ends[1]);
    }
    (void)close(ends[1]);
    char said[4096];
    if (child < 0 || read(ends[0], said, 1) != 1) {
        give_up(round, "child", "did not open the store");
    }
    const uint32_t most_ms = round % 2 ? (uint32_t)(import_ms * 5 / 4) : BEFORE_KILL_MS;
    (void)usleep(base_rng_below(rng, most_ms * 1000 + 1));
    (void)kill(child, SIGKILL);
    int64_t n_events = 0, n_imports = 0;
    for (ssize_t n; (n = read(ends[0], said, sizeof said)) > 0;) {
        for (ssize_t i = 0; i < n; i++) {
            n_events += said[i] == 'e';
            n_imports += said[i] == 'i';
        }
    }
    (void)close(ends[0]);
    int status;
    (void)waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        give_up(round, "child", "failed by itself");
    }
    const struct found now = look(round);
    const int64_t n_new = now.n_ratings - before->n_ratings;
    const int64_t n_added = now.n_watches - before->n_watches;
    if (n_new != N_VIEWERS * N_PER_VIEWER && (n_new != 0 || n_imports)) {
        give_up(round, "import", "neither whole nor undone");
    }
    if (n_added < n_events || n_added > n_events + (round % 2 == 0)) {
        give_up(round, "events", "not what was acknowledged");
    }
    look_at_watches(round, now.n_watches);
    (void)printf("round %2d: %3" PRId64 " events, import %s\n", round, n_added,
                 round % 2 == 0 ? "-"
                 : n_new        ? "whole"
                                : "undone");
    *before = now;
}

static void folder_remove(void)
{
    static const char *const suffix[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        char name[96];
        (void)snprintf(name, sizeof name, "%s%s", path, suffix[i]);
        (void)remove(name);
    }
    (void)rmdir(folder);
}

int main(int argc, char **argv)
{
    const int n_rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 50;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct base_rng rng;
    struct reel_error err = {0};
    base_rng_init(&rng, seed, 0);
    if (!mkdtemp(folder)) {
        give_up(0, "folder", folder);
    }
    (void)snprintf(path, sizeof path, "%s/crash.db", folder);
    (void)atexit(folder_remove);
    struct reel_store *store = open_store(0);
    const int64_t begin_ns = base_clock_ns();
    if (import_run(store, -1, &err) != REEL_OK) {
        give_up(0, "first import", err.text);
    }
    const int64_t import_ms = (base_clock_ns() - begin_ns) / 1000000 + 1;
    reel_store_close(store);
    struct found before = look(0);
    for (int round = 0; round < n_rounds; round++) {
        round_run(round, &rng, &before, import_ms);
    }
    return 0;
}
