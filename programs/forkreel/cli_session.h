/**
 * The joints between the rooms: store -> arrays -> model -> list.
 *
 * Arrays of a session stand in the rows of its film table, which are the columns of its
 * history. A model knows only the films that somebody liked; its columns are found by key.
 *
 *     rc = session_open(cli, &s, 0, &err);
 *     rc = rc ? rc : session_load(&s, 0, &err);
 *     ...
 *     session_close(&s);         // also after a failure
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "cli.h"

#include <forkreel/forkreel.h>

#define SESSION_MIN_STARS 4.0
#define SESSION_SEED 42

struct session {
    struct cli *cli;
    struct reel_store *store;
    struct reel_history history;
    struct reel_film_table *films;
    uint8_t *mark; /* (entries of history) with watches counted, see below */
    float *
        stars; /* (entries of history) what history.seen holds; NULL: nothing forgotten */
    struct reel_chosen chosen; /* what counts as liked, shaped as history.seen */
};

/** Open the database; unless `flags` has REEL_STORE_CREATE it must exist. */
enum reel_status session_open(struct cli *cli, struct session *s, int flags,
                              struct reel_error *err) REEL_CHECKED;
/**
 * History and likes of all (`viewer_key` 0) or of one, and the film table. What a viewer
 * liked: 4 stars and more, or a like; of one who never said what they liked (a watching
 * history alone), everything they watched. Forgotten films (profile.h) are seen and no more.
 */
enum reel_status session_load(struct session *s, int64_t viewer_key,
                              struct reel_error *err) REEL_CHECKED;
void session_close(struct session *s);

/** Key of a viewer; REEL_ENOTFOUND names those that look alike. */
enum reel_status session_viewer_find(struct session *s, const char *name, int64_t *key,
                                     struct reel_error *err) REEL_CHECKED;

/** Is there a viewer whose name looks like this one? */
bool session_viewer_is_alike(struct session *s, const char *name);

/** Index of a key in an ascending array, -1 when it is not there. */
int32_t session_index_of(const int64_t *key, int32_t n, int64_t wanted);

/** Did the viewer see the film of this entry (rate, watch, like, dislike, review)? */
bool session_is_seen(const struct session *s, int64_t entry);

/** The title in the language of the run; films without one are named by their id. */
const char *session_title(const struct session *s, int32_t row);

/** The same for one film with its card: the first Chinese title when Chinese is spoken. */
const char *session_card_title(const struct cli *cli, const struct reel_film *film);
/** "Star Wars (1977)"; free it. */
char *session_card_name(const struct cli *cli, const struct reel_film *film);

/* ---- training data ---- */

/** Likes over the films that somebody liked. */
struct dataset {
    struct reel_csr chosen;
    int64_t *film_key;      /* (n_cols) ascending */
    int32_t *film_row;      /* (n_cols) row of the film table */
    struct reel_csr genres; /* n_cols x genre names */
    int32_t n_viewers;      /* with at least one like */
    int32_t *col;
    int64_t *genre_start;
    int32_t *genre_col;
};
/** Errors: REEL_EFAIL nobody liked anything. */
enum reel_status dataset_make(const struct session *s, struct dataset *out,
                              struct reel_error *err) REEL_CHECKED;
void dataset_release(struct dataset *data);
/** As the library trains on it; `part` is data->chosen or a part of its split. */
struct reel_training dataset_training(const struct session *s, const struct dataset *data,
                                      const struct reel_csr *part, const int64_t *at_s);

/** reel_split_make; REEL_EFAIL when nobody liked enough for anything to be tested. */
enum reel_status dataset_split(const struct session *s, const struct dataset *data,
                               enum reel_split_kind kind, uint64_t seed,
                               struct reel_split *out,
                               struct reel_error *err) REEL_CHECKED;

/* ---- models in the home ---- */

/** HOME/models/NAME.reel, made new; free it. */
char *session_model_path(const struct cli *cli, const char *name);
enum reel_status session_model_save(const struct cli *cli, const struct reel_model *model,
                                    struct reel_error *err) REEL_CHECKED;
/** `name` NULL: the best of those that are there. REEL_EFAIL says how to train. */
enum reel_status session_model_open(const struct cli *cli, const char *name,
                                    struct reel_model **out,
                                    struct reel_error *err) REEL_CHECKED;

/** Names of models as given, or all of them; wrong usage (false) when one does not exist. */
bool session_models_check(struct cli *cli, struct cli_names *names);
/** Closes the help of commands that take models. */
char *session_models_help(const struct cli *cli);

/** Of `settings` those that are not standard, or the word for none; free it. */
char *session_settings_short(const char *model, const char *settings);

/** What a trial was judged on; `split` is "random" or "temporal". Free it. */
char *session_measure_name(const char *split, uint64_t seed);
/** Best settings of all trials so far; false when there are none. */
bool session_settings_best(struct session *s, const char *model, char *settings,
                           size_t n_bytes);
/** The same, of trials on this measure and today's data; gives how many. */
int32_t session_settings_best_on(struct session *s, const char *model,
                                 const char *measure, char *settings, size_t n_bytes);

struct taste_data; /* cli_taste.h */

/** Train with `opt` on `train` and give NDCG@10 on `validation`. */
struct trial_run {
    struct session *s;
    const char *model;
    const struct dataset *data;
    const struct reel_split *split;
    const char *measure;
    int32_t n_trials, i_trial;
    struct cli_table *table;           /* a line per trial; may be NULL */
    json_t *json;                      /* an object per trial; may be NULL */
    const struct taste_data *features; /* what session_search gives to models that ask */
};
/** Search settings, keep every trial in the store, give the best ones. */
enum reel_status session_search(struct trial_run *run, uint64_t seed,
                                struct reel_train_options *best, double *best_score,
                                struct reel_error *err) REEL_CHECKED;

#endif
