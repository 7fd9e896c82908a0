/**
 * @file model.h
 * Arrays in, arrays out: what viewers chose becomes a model, a model scores films.
 *
 * A model never sees a database or a title; rows and columns are indices, and the keys
 * given at training time are kept so that a caller can find its way back. A trained model
 * is immutable and may be shared by any number of threads. A viewer is described by a
 * query: what they chose so far. So new viewers and new events need no retraining.
 *
 *     struct reel_train_options opt = reel_train_options_default();
 *     rc = reel_model_train("als", &data, &opt, &model, &err);
 *     struct reel_query q = {.film = history, .n = n_history};
 *     rc = reel_model_score(model, &q, score, &err);     // score: (n_films)
 *     reel_model_free(model);
 */
#ifndef FORKREEL_MODEL_H
#define FORKREEL_MODEL_H

#include <forkreel/matrix.h>
#include <forkreel/status.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct reel_model;

#define REEL_SETTINGS_MAX 16

enum reel_setting_scale { REEL_SCALE_LINEAR, REEL_SCALE_LOG, REEL_SCALE_INTEGER };

/** One knob of a model: its default, and where a search looks. */
struct reel_setting {
    const char *name; /* "factors" */
    double standard, low, high;
    enum reel_setting_scale scale;
    const char *summary;       /* one line for help */
    const char *const *choice; /* names of the values 0, 1, ...; NULL: a number */
    bool is_searched; /* reel_settings_search moves it; the others cost or are exact */
};

struct reel_model_class_info {
    const char *name, *summary;
    const struct reel_setting *setting;
    int32_t n_settings;
};

/** Every model that can be trained; static storage. */
const struct reel_model_class_info *const *reel_model_classes(int32_t *n);
/** By name; NULL when there is none. */
const struct reel_model_class_info *reel_model_class_find(const char *name);

/** What viewers wrote, a row of features for each text; blocks as those of films. */
struct reel_words {
    const struct reel_feature_block *block; /* (n_blocks) of n rows */
    int32_t n_blocks, n;
    const float *weight;   /* (n) 1 tells what is liked, below 0 what is not */
    const int32_t *viewer; /* (n) ascending; NULL in a query: all are that viewer's */
    const int32_t *film;   /* (n) that a text is about, -1 none; NULL in a query */
};

struct reel_training {
    struct reel_csr chosen; /* viewers x films: what counts as liked; value NULL or > 0 */
    const int64_t *at_s;    /* (entries) when; NULL unknown */
    const int64_t *viewer_key; /* (n_rows) kept in the model; NULL: the index */
    const int64_t *film_key;   /* (n_cols) kept in the model; NULL: the index */
    /* For the models that ask for them (taste, content, sequence, hybrid); NULL or 0 where
       unknown. Blocks have a row for each film; two blocks never share a name. */
    const struct reel_csr *rated;             /* viewers x films, value: stars */
    const struct reel_feature_block *feature; /* (n_features) */
    int32_t n_features;
    const struct reel_words *words; /* taste and content; NULL: nobody wrote anything */
    int64_t now_s;   /* "recent" is counted back from here; 0: the latest event */
    int64_t version; /* of the data; kept in the model */
};

struct reel_train_options {
    uint64_t seed;
    int32_t n_threads;
    double setting[REEL_SETTINGS_MAX]; /* by position in the class; NAN: its standard */
    struct reel_progress progress;
    /* What to do at Ctrl-C is the caller's: a cancelled training gives no model. */
};

struct reel_train_options reel_train_options_default(void);

/**
 * Read "factors=64 alpha=5" (spaces or commas between) into opt->setting.
 * Errors: REEL_EINVAL names the setting that does not exist or the value out of range.
 */
enum reel_status reel_settings_parse(const char *model, const char *text,
                                     struct reel_train_options *opt,
                                     struct reel_error *err) REEL_CHECKED;
/** The settings in use, standards included, as reel_settings_parse reads them. */
void reel_settings_print(const char *model, const struct reel_train_options *opt,
                         char *text, size_t n_text_bytes);

/**
 * Train one model.
 *
 * Errors:  REEL_EINVAL no such class, a setting out of range, an empty or malformed matrix;
 *          REEL_ENOMEM; REEL_ECANCELLED. `*out` is then NULL.
 * Threads: uses opt->n_threads; same seed and n_threads, same bits.
 */
enum reel_status reel_model_train(const char *name, const struct reel_training *data,
                                  const struct reel_train_options *opt,
                                  struct reel_model **out,
                                  struct reel_error *err) REEL_CHECKED;
void reel_model_free(struct reel_model *model);

/** Written beside and renamed: the old file stays whole until the new one is. */
enum reel_status reel_model_save(const struct reel_model *model, const char *path,
                                 struct reel_error *err) REEL_CHECKED;
/** Map a saved model. Errors: REEL_EFORMAT, REEL_EVERSION, REEL_EIO, REEL_ENOTFOUND. */
enum reel_status reel_model_open(const char *path, struct reel_model **out,
                                 struct reel_error *err) REEL_CHECKED;

const char *reel_model_name(const struct reel_model *model);
int32_t reel_model_n_films(const struct reel_model *model);
int32_t reel_model_n_viewers(const struct reel_model *model);
const int64_t *reel_model_film_keys(const struct reel_model *model);   /* (n_films) */
const int64_t *reel_model_viewer_keys(const struct reel_model *model); /* (n_viewers) */
int64_t reel_model_version(const struct reel_model *model); /* of its training data */
uint64_t reel_model_seed(const struct reel_model *model);
/** Settings it was trained with, as reel_settings_parse reads them. */
const char *reel_model_settings(const struct reel_model *model);

/** A viewer as models see one: the films chosen so far, ascending, each once. */
struct reel_query {
    const int32_t *film; /* (n) in [0, n_films) */
    const float *value;  /* (n) or NULL: 1 */
    const int64_t *at_s; /* (n) when, or NULL: unknown; only `sequence` looks at it */
    int32_t n;
    const struct reel_words *words; /* what they wrote; NULL: nothing */
};

/**
 * Score every film for one viewer; higher is better, the unit is the model's own.
 *
 * Shapes:  score (n_films), fully written.
 * Errors:  REEL_EINVAL when the query is malformed; REEL_ENOMEM.
 * Threads: any number on one model.
 */
enum reel_status reel_model_score(const struct reel_model *model,
                                  const struct reel_query *query, float *score,
                                  struct reel_error *err) REEL_CHECKED;

/** What one film of the history added to a score. */
struct reel_part {
    int32_t film;
    float amount;
};

/**
 * Take the score of `film` apart over the viewer's own history, largest part first.
 *
 * als: exact (Hu, Koren, Volinsky 2008, section 5); item-knn, ease, user-knn: exact sums;
 * bpr: over the history by the same linear system as fold-in; popularity: no parts;
 * sequence: what the score loses without that film, the model asked anew.
 * `part` holds query->n entries; `n` of them are written. `rest` is what history does not
 * explain: score = rest + sum of all parts, up to rounding.
 */
enum reel_status reel_model_explain(const struct reel_model *model,
                                    const struct reel_query *query, int32_t film,
                                    struct reel_part *part, int32_t *n, float *score,
                                    float *rest, struct reel_error *err) REEL_CHECKED;

/** Film vectors (n_films, n_factors) row-major, for als and bpr; NULL for the others. */
const float *reel_model_film_vectors(const struct reel_model *model, int32_t *n_factors);

/**
 * The best films of many viewers at once, seen ones left out.
 *
 * Shapes:  film, score (n_queries, n_top); where fewer fit, film is -1 and score -INFINITY.
 *          seen: n_queries x n_films, the films never to list; NULL: those of the queries.
 * Ties:    by film index, so the list is the same on every machine.
 * Source:  for factor models, norm-ordered blocks with the Cauchy-Schwarz bound
 *          (Teflioudi, Gemulla, Mykytiuk 2015, LEMP): exact, most films never touched.
 */
enum reel_status reel_model_top(const struct reel_model *model,
                                const struct reel_csr *queries,
                                const struct reel_csr *seen, int32_t n_top,
                                int32_t n_threads, int32_t *film, float *score,
                                struct reel_error *err) REEL_CHECKED;

/** The same with the times of the queries: `at_s` (entries of queries) or NULL. */
enum reel_status reel_model_top_at(const struct reel_model *model,
                                   const struct reel_csr *queries, const int64_t *at_s,
                                   const struct reel_csr *seen, int32_t n_top,
                                   int32_t n_threads, int32_t *film, float *score,
                                   struct reel_error *err) REEL_CHECKED;

/**
 * The same for viewers of the training data by row, with the vectors that training left
 * (factor models; the others return REEL_EINVAL). `viewer` (n_viewers) rows of the model;
 * row v of `seen` belongs to viewer[v]; NULL: nothing is left out.
 */
enum reel_status reel_model_top_trained(const struct reel_model *model,
                                        const int32_t *viewer, int32_t n_viewers,
                                        const struct reel_csr *seen, int32_t n_top,
                                        int32_t n_threads, int32_t *film, float *score,
                                        struct reel_error *err) REEL_CHECKED;

/**
 * Search settings: half of the trials at random, then steps around the best.
 * `measure` trains and judges one setting on validation data, higher is better.
 */
struct reel_search {
    enum reel_status (*measure)(const struct reel_train_options *opt, double *score,
                                void *payload, struct reel_error *err);
    void *payload;
};
enum reel_status reel_settings_search(const char *model, int32_t n_trials, uint64_t seed,
                                      const struct reel_search *search,
                                      struct reel_train_options *best, double *best_score,
                                      struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
