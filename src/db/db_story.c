/** What films grow stories from, and what viewers chose while playing them. */
#include "base_alloc.h"
#include "base_error.h"
#include "db_sql.h"

#include <string.h>

enum { N_SHOWN_MAX = 64 };

enum reel_status reel_store_stories_each(struct reel_store *store,
                                         enum reel_status (*each)(int64_t film_key,
                                                                  const char *story,
                                                                  void *payload,
                                                                  struct reel_error *err),
                                         void *payload, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    enum reel_status rc = db_sql_query(
        store, "SELECT key, story FROM film WHERE story IS NOT NULL ORDER BY key", &stmt,
        err, "");
    bool is_row = true;
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        rc = each(sqlite3_column_int64(stmt, 0), db_sql_text(stmt, 1), payload, err);
        if (rc) {
            db_sql_leave(stmt);
        }
    }
    return rc;
}

static enum reel_status check_choice(const struct reel_choice *choice,
                                     struct base_buffer *shown, struct reel_error *err)
{
    if (!choice->viewer || !*choice->viewer || !choice->story || choice->node < 0) {
        return fail(err, REEL_EINVAL, "choice: a viewer, a story and a node are needed");
    }
    if (choice->n_shown < 1 || choice->n_shown > N_SHOWN_MAX) {
        return fail(err, REEL_EINVAL, "choice: %d branches shown, not 1 to %d",
                    choice->n_shown, N_SHOWN_MAX);
    }
    bool is_there = false;
    for (int32_t i = 0; i < choice->n_shown; i++) {
        is_there |= strcmp(choice->shown[i], choice->to) == 0;
        if (strchr(choice->shown[i], ' ') ||
            !base_buffer_print(shown, "%s%s", i ? " " : "", choice->shown[i])) {
            return fail(err, REEL_EINVAL, "choice: event \"%.60s\"", choice->shown[i]);
        }
    }
    return is_there ? REEL_OK
                    : fail(err, REEL_EINVAL, "choice: %.60s was not shown", choice->to);
}

enum reel_status reel_store_choice_add(struct reel_store *store,
                                       const struct reel_choice *choice,
                                       struct reel_error *err)
{
    struct base_buffer shown;
    base_buffer_init(&shown, 1 << 16);
    enum reel_status rc = check_choice(choice, &shown, err);
    rc = rc ? rc : db_sql_begin(store, err);
    if (rc == REEL_OK) {
        rc = db_sql_run(store, "INSERT OR IGNORE INTO viewer(name) VALUES (?)", err, "t",
                        choice->viewer);
        rc = rc ? rc
                : db_sql_run(store,
                             "INSERT INTO choice VALUES (NULL,"
                             " (SELECT key FROM viewer WHERE name = ?),"
                             " ?, ?, ?, ?, ?, ?, ?)",
                             err, "tztnttti", choice->viewer, choice->film_key,
                             choice->story, (int)choice->node, choice->from, choice->to,
                             base_buffer_text(&shown), choice->at_s);
        rc = db_sql_end(store, rc, err);
    }
    base_buffer_release(&shown);
    return rc;
}

/** Cut "a b c" in place. */
static int32_t cut_shown(char *text, const char *shown[N_SHOWN_MAX])
{
    int32_t n = 0;
    while (text && n < N_SHOWN_MAX) {
        shown[n++] = text;
        text = strchr(text, ' ');
        if (text) {
            *text++ = '\0';
        }
    }
    return n;
}

enum reel_status reel_store_choices_each(
    struct reel_store *store, const char *viewer,
    enum reel_status (*each)(const struct reel_choice *choice, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    enum reel_status rc =
        db_sql_query(store,
                     "SELECT viewer.name, coalesce(film, 0), story, node, from_event,"
                     " to_event, at_s, shown FROM choice JOIN viewer"
                     " ON viewer.key = choice.viewer WHERE ?1 IS NULL OR name = ?1"
                     " ORDER BY choice.key",
                     &stmt, err, "t", viewer);
    bool is_row = true;
    while (rc == REEL_OK && (rc = db_sql_next(store, stmt, &is_row, err)) == REEL_OK &&
           is_row) {
        const char *shown[N_SHOWN_MAX];
        char *text = base_strdup(db_sql_text(stmt, 7));
        const struct reel_choice choice = {
            .viewer = db_sql_text(stmt, 0),
            .film_key = sqlite3_column_int64(stmt, 1),
            .story = db_sql_text(stmt, 2),
            .node = sqlite3_column_int(stmt, 3),
            .from = db_sql_text(stmt, 4),
            .to = db_sql_text(stmt, 5),
            .at_s = sqlite3_column_int64(stmt, 6),
            .n_shown = cut_shown(text, shown),
            .shown = shown,
        };
        rc = text ? each(&choice, payload, err) : fail(err, REEL_ENOMEM, "choices");
        base_free(text);
        if (rc) {
            db_sql_leave(stmt);
        }
    }
    return rc;
}
