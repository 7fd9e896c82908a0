/** Settings that were tried for a model, and how they did. */
#include "base_error.h"
#include "db_sql.h"

#include <math.h>
#include <string.h>

enum reel_status reel_store_trial_add(struct reel_store *store,
                                      const struct reel_trial *trial,
                                      struct reel_error *err)
{
    if (isnan(trial->score)) {
        return fail(err, REEL_EINVAL, "trial of %s: the score is not a number",
                    trial->model);
    }
    const enum reel_status rc = db_sql_begin(store, err);
    return rc ? rc
              : db_sql_end(store,
                           db_sql_run(store,
                                      "INSERT INTO trial VALUES (NULL, ?, ?, ?, ?, ?, ?)",
                                      err, "tttdii", trial->model, trial->settings,
                                      trial->measure, trial->score, trial->at_s,
                                      trial->data_version),
                           err);
}

/** One row of (settings, score, number of trials), or REEL_ENOTFOUND; ends `stmt`. */
static enum reel_status take_best(struct reel_store *store, sqlite3_stmt *stmt,
                                  const char *model, char *settings,
                                  size_t n_settings_bytes, double *score,
                                  int32_t *n_trials, struct reel_error *err)
{
    bool is_row = false;
    enum reel_status rc = db_sql_next(store, stmt, &is_row, err);
    if (rc) {
        return rc;
    }
    if (!is_row) {
        return fail(err, REEL_ENOTFOUND, "no trial of %s", model);
    }
    const char *found = db_sql_text(stmt, 0);
    if (strlen(found) >= n_settings_bytes) {
        rc = fail(err, REEL_EINVAL, "settings of %zu bytes do not fit into %zu",
                  strlen(found), n_settings_bytes);
    } else {
        memcpy(settings, found, strlen(found) + 1);
        *score = sqlite3_column_double(stmt, 1);
        *n_trials = sqlite3_column_int(stmt, 2);
    }
    db_sql_leave(stmt);
    return rc;
}

enum reel_status reel_store_trial_best(struct reel_store *store, const char *model,
                                       char *settings, size_t n_settings_bytes,
                                       double *score, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    int32_t n_trials;
    const enum reel_status rc =
        db_sql_query(store,
                     "SELECT settings, score, count(*) OVER () FROM trial WHERE model = ?"
                     " ORDER BY score DESC, key LIMIT 1",
                     &stmt, err, "t", model);
    return rc ? rc
              : take_best(store, stmt, model, settings, n_settings_bytes, score,
                          &n_trials, err);
}

enum reel_status reel_store_trial_best_on(struct reel_store *store, const char *model,
                                          const char *measure, int64_t data_version,
                                          char *settings, size_t n_settings_bytes,
                                          int32_t *n_trials, struct reel_error *err)
{
    sqlite3_stmt *stmt;
    double score;
    const enum reel_status rc =
        db_sql_query(store,
                     "SELECT settings, score, count(*) OVER () FROM trial"
                     " WHERE model = ? AND measure = ? AND data_version = ?"
                     " ORDER BY score DESC, key LIMIT 1",
                     &stmt, err, "tti", model, measure, data_version);
    return rc ? rc
              : take_best(store, stmt, model, settings, n_settings_bytes, &score,
                          n_trials, err);
}
