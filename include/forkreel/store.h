/**
 * @file store.h
 * Keeps films, viewers and events; one file, SQLite behind it.
 *
 * Films are known by key (positive, never used again). Whatever a call acknowledged with
 * REEL_OK survives a crash of the program at any later moment.
 *
 *     struct reel_store *store;
 *     rc = reel_store_open("forkreel.db", REEL_STORE_CREATE, &store, &err);
 *     rc = reel_store_import_begin(store, &opt, &import, &err);
 *     struct reel_sink sink = reel_store_import_sink(import);
 *     rc = reel_catalog_read("recbole", "ml-100k", &read_opt, &sink, &err);
 *     rc = rc ? rc : reel_store_import_commit(import, &report, &err);
 *     reel_store_import_free(import);    // undoes everything unless committed
 */
#ifndef FORKREEL_STORE_H
#define FORKREEL_STORE_H

#include <forkreel/catalog.h>
#include <forkreel/matrix.h>
#include <forkreel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct reel_store;
struct reel_import;

enum reel_store_flags {
    REEL_STORE_CREATE = 1,    /* make the file and its folder when missing */
    REEL_STORE_READ_ONLY = 2, /* never writes, not even a migration */
};

/**
 * Open and, unless read-only, bring the schema up to date. A file that may not be written
 * is opened read-only.
 *
 * Errors:  REEL_ENOTFOUND no such file; REEL_EFORMAT not a forkreel database, or damaged;
 *          REEL_EVERSION of a newer forkreel (or, read-only, of an older one);
 *          REEL_EBUSY somebody else wrote for more than five seconds; REEL_EIO.
 * Threads: one thread per handle; any number of handles and processes on a file, of which
 *          one writes at a time while the others read.
 */
enum reel_status reel_store_open(const char *path, int flags, struct reel_store **out,
                                 struct reel_error *err) REEL_CHECKED;
void reel_store_close(struct reel_store *store);

/* ---- importing ----
 *
 * One transaction: nothing is there before reel_store_import_commit returns REEL_OK, and
 * everything is from then on. A call of the sink that fails leaves only one way,
 * reel_store_import_free.
 *
 * Which film a record means: the one that has its id, or its imdb, tmdb or douban id; else
 * the one that has one of its titles (any language, without articles, accents, and the
 * difference of traditional and simplified Chinese) and its year, or a year next to it.
 * Two ids of one source are two films. Several fit, or a year is missing: a new film is
 * made, and the pair is doubtful.
 *
 * What a record says fills what was unknown. A known value gives way to the source that
 * named the film first, and to no other. Of an event with the same viewer, film, kind and
 * time the last value stays.
 */

struct reel_import_options {
    const char *label; /* what is imported, for the records: "movielens ml-1m.zip" */
    bool is_dry_run;   /* commit undoes everything and still reports */
    bool is_strict;    /* the first refused row fails the import: REEL_EFORMAT */
};

/** A row that was refused, or a film that may be the same as another. */
struct reel_import_note {
    const char *file;
    int64_t line;
    const char *text;
};

struct reel_import_report {
    int64_t n_accepted;      /* records that were new, or changed something */
    int64_t n_already_there; /* records that changed nothing */
    int64_t n_refused;
    int64_t n_films_new, n_films_joined; /* joined: named otherwise before */
    int64_t n_viewers_new, n_events_new;
    int64_t n_doubtful;
    const struct reel_import_note *refused; /* the first n_refused_kept of them */
    const struct reel_import_note *doubtful;
    int32_t n_refused_kept, n_doubtful_kept; /* at most 1000 each */
};

/** Errors: REEL_EBUSY another import or program writes; REEL_EINVAL read-only store. */
enum reel_status reel_store_import_begin(struct reel_store *store,
                                         const struct reel_import_options *opt,
                                         struct reel_import **out,
                                         struct reel_error *err) REEL_CHECKED;
/** Where a reader delivers; valid until the import is freed. */
struct reel_sink reel_store_import_sink(struct reel_import *import);
/** Make it last. `report` borrows from `import`. */
enum reel_status reel_store_import_commit(struct reel_import *import,
                                          struct reel_import_report *report,
                                          struct reel_error *err) REEL_CHECKED;
void reel_store_import_free(struct reel_import *import);

/* ---- films that may be one ---- */

/** A pair that an import would not join by guessing. */
struct reel_doubt {
    int64_t film, other; /* keys; `film` came later */
    const char *film_title, *other_title;
    int32_t film_year, other_year; /* REEL_YEAR_UNKNOWN */
    const char *reason;
    const char *file; /* where it was met; NULL unknown */
    int64_t line;
};

/** Tell every pair that is still open, oldest film first; strings live until `each` returns. */
enum reel_status reel_store_doubts_each(
    struct reel_store *store, void (*each)(const struct reel_doubt *doubt, void *payload),
    void *payload, struct reel_error *err) REEL_CHECKED;

/**
 * A person's word that two films are one: within an import, so that it can be undone by
 * not committing. The lower key stays and takes over names, facts and events.
 * Errors: REEL_EINVAL when both are the same film; REEL_ENOTFOUND.
 */
enum reel_status reel_store_import_same(struct reel_import *import, int64_t film,
                                        int64_t other,
                                        struct reel_error *err) REEL_CHECKED;

/* ---- one event ---- */

/**
 * Keep one event of a viewer (made when new) on a known film; durable when it returns.
 * event->film is not looked at.
 *
 * Errors:  REEL_ENOTFOUND no such film; REEL_EINVAL a value outside its range, a read-only
 *          store; REEL_EBUSY; REEL_EIO. Nothing is kept then.
 * Cost:    one synced write of the viewer's history, 16 bytes for each event.
 */
enum reel_status reel_store_event_add(struct reel_store *store, int64_t film_key,
                                      const struct reel_event *event,
                                      struct reel_error *err) REEL_CHECKED;

/* ---- asking ---- */

struct reel_film_hit {
    int64_t key;
    const char *title, *title_zh; /* title_zh NULL when there is none */
    int32_t year, n_events;
    const char *genres; /* "Drama, War" */
    const char *people; /* directors first */
};

struct reel_film_hits {
    int32_t n;
    const struct reel_film_hit *hit; /* best first */
    void *owned;
};

/**
 * Full-text search of titles, people and genres, English and Chinese: every word must be
 * there, the last one may be unfinished. Exact titles first, then by fit and by how many
 * events a film has. "" lists all, most events first.
 */
enum reel_status reel_store_films_search(struct reel_store *store, const char *query,
                                         int32_t limit, struct reel_film_hits *out,
                                         struct reel_error *err) REEL_CHECKED;
void reel_film_hits_release(struct reel_film_hits *hits);

/**
 * The one film that `text` names: a key ("42"), an id ("imdb:tt0114709", "tmdb:862",
 * "ml-100k:1"), or a title with or without "(year)".
 * Errors: REEL_ENOTFOUND with the nearest titles; REEL_EAMBIGUOUS with the candidates.
 */
enum reel_status reel_store_film_find(struct reel_store *store, const char *text,
                                      int64_t *key, struct reel_error *err) REEL_CHECKED;

/** Everything known of one film; pointers live until reel_film_card_release. */
struct reel_film_card {
    struct reel_film film; /* ref.source and ref.id: the first source that named it */
    const struct reel_film_ref *refs; /* every name it has */
    int32_t n_refs;
    int64_t n_ratings, n_watches, n_likes, n_reviews;
    double mean_stars;          /* NAN without ratings */
    const char *const *tags;    /* viewers' tags, most frequent first */
    const char *const *reviews; /* "viewer: text", newest first, at most 10 */
    int32_t n_tags, n_reviews_shown;
    void *owned;
};
enum reel_status reel_store_film_load(struct reel_store *store, int64_t key,
                                      struct reel_film_card *out,
                                      struct reel_error *err) REEL_CHECKED;
void reel_film_card_release(struct reel_film_card *card);

/** Key of a viewer by name. Errors: REEL_ENOTFOUND. */
enum reel_status reel_store_viewer_find(struct reel_store *store, const char *name,
                                        int64_t *key,
                                        struct reel_error *err) REEL_CHECKED;

/* ---- arrays for models ---- */

/**
 * What everybody did, one entry per viewer and film, the latest rating counting.
 * Rows are viewers by ascending key, columns the films of the film table. Entries of every
 * kind are there, also those that were only wished for or tagged: `mark` tells.
 */
struct reel_history {
    int32_t n_viewers, n_films;
    const int64_t *viewer_key;      /* (n_viewers) ascending */
    const char *const *viewer_name; /* (n_viewers) */
    const int64_t *film_key;        /* (n_films) ascending; all films of the store */
    struct reel_csr seen;           /* value: stars; NAN when never rated */
    const int64_t *at_s;            /* (entries) latest event; REEL_TIME_UNKNOWN */
    const uint8_t *mark;            /* (entries) bits: 1 << enum reel_event_kind, those up
                                       to 7; a replay is a watch and a like there */
    const uint16_t *kinds;          /* (entries) bits: 1 << enum reel_event_kind, all */
    const float *share;             /* (entries) largest share watched; NAN unknown */
    int64_t version;                /* changes when events do */
    void *owned;
};

/** All viewers (`viewer_key` 0), or the row of one. */
enum reel_status reel_store_history_load(struct reel_store *store, int64_t viewer_key,
                                         struct reel_history *out,
                                         struct reel_error *err) REEL_CHECKED;
void reel_history_release(struct reel_history *history);

/** A number that changes whenever an event is added, changed or removed. */
enum reel_status reel_store_version(struct reel_store *store, int64_t *version,
                                    struct reel_error *err) REEL_CHECKED;

enum reel_status reel_store_film_table_load(struct reel_store *store,
                                            struct reel_film_table **out,
                                            struct reel_error *err) REEL_CHECKED;
void reel_film_table_free(struct reel_film_table *table);

/* ---- stories and choices ---- */

/**
 * The premise document (docs/catalogue.md) of every film that has one, by ascending key;
 * strings live until `each` returns. A status other than REEL_OK ends it and is passed on.
 */
enum reel_status reel_store_stories_each(
    struct reel_store *store,
    enum reel_status (*each)(int64_t film_key, const char *story, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err) REEL_CHECKED;

/** What is written about a film; NULL where nothing is. */
struct reel_film_text {
    int64_t film; /* key */
    const char *overview, *tagline, *story;
};
/** The same for every film that has any of them. */
enum reel_status reel_store_texts_each(
    struct reel_store *store,
    enum reel_status (*each)(const struct reel_film_text *text, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err) REEL_CHECKED;

/** What a viewer wrote about a film. */
struct reel_note {
    int64_t viewer, film;      /* keys */
    enum reel_event_kind kind; /* REEL_EVENT_TAG or REEL_EVENT_REVIEW */
    int64_t at_s;
    const char *text;
};
/** All notes by viewer, film, kind and time; of one viewer unless `viewer_key` is 0. */
enum reel_status reel_store_notes_each(
    struct reel_store *store, int64_t viewer_key,
    enum reel_status (*each)(const struct reel_note *note, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err) REEL_CHECKED;

/** Every line of the knowledge graphs that begins at a film, by film. */
enum reel_status reel_store_facts_each(
    struct reel_store *store,
    enum reel_status (*each)(int64_t film_key, const char *relation, const char *tail,
                             void *payload, struct reel_error *err),
    void *payload, struct reel_error *err) REEL_CHECKED;

/** A viewer picked one of the branches that were shown while playing. */
struct reel_choice {
    const char *viewer;
    int64_t film_key;      /* 0: a premise of one's own */
    const char *story;     /* id */
    int32_t node;          /* that was chosen, index in the story */
    const char *from, *to; /* events: of the node left ("" the opening) and chosen */
    const char *const
        *shown; /* (n_shown) events of all branches shown, `to` among them */
    int32_t n_shown;
    int64_t at_s;
};
/** Durable when it returns. Errors: REEL_EINVAL; REEL_EBUSY; REEL_EIO. */
enum reel_status reel_store_choice_add(struct reel_store *store,
                                       const struct reel_choice *choice,
                                       struct reel_error *err) REEL_CHECKED;
/** All choices, or those of one viewer (`viewer` NULL: all), oldest first. */
enum reel_status reel_store_choices_each(
    struct reel_store *store, const char *viewer,
    enum reel_status (*each)(const struct reel_choice *choice, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err) REEL_CHECKED;

/* ---- what was shown, and with which probability ---- */

enum reel_shown_kind {
    REEL_SHOWN_FILMS = 1,    /* a list; items are films by key */
    REEL_SHOWN_BRANCHES = 2, /* siblings of a story; items are nodes */
};
struct reel_shown_item {
    int64_t item;
    double
        propensity; /* with which it would stand where it stands; branches: come first */
    const char *about; /* whatever the policy knew of it, one line; NULL nothing */
};
/** A list or a set of siblings as it was shown to a viewer. */
struct reel_shown {
    int64_t key; /* 0 when it is added */
    const char *viewer;
    enum reel_shown_kind kind;
    const char *policy;  /* "als", "bandit thompson e=0.2" */
    const char *story;   /* id; NULL for films */
    int32_t node;        /* whose children they are; 0 for films */
    const char *context; /* NULL unknown */
    int64_t at_s;
    const struct reel_shown_item *item; /* (n_items) in the order shown */
    int32_t n_items;
    int64_t taken; /* the item; 0 not (yet). A node that can be taken is never 0. */
    double reward; /* 0 .. 1 of what was taken; NAN not (yet) */
};
/**
 * Keep what was shown; no part of the history, so the version of the store stays. Does not
 * wait for others who write. *key (may be NULL) is for the answer.
 * Errors: REEL_EINVAL a propensity outside 0 .. 1, read-only; REEL_EBUSY at once; REEL_EIO.
 */
enum reel_status reel_store_shown_add(struct reel_store *store,
                                      const struct reel_shown *shown, int64_t *key,
                                      struct reel_error *err) REEL_CHECKED;
/** What came of it. Errors: REEL_ENOTFOUND no such key, or the item was not among them. */
enum reel_status reel_store_shown_answer(struct reel_store *store, int64_t key,
                                         int64_t taken, double reward,
                                         struct reel_error *err) REEL_CHECKED;
/**
 * An event on a film answers the latest list of the viewer that showed it and has no better
 * answer, not older than `since_s`; nothing when there is none.
 */
enum reel_status reel_store_shown_film(struct reel_store *store, const char *viewer,
                                       int64_t film_key, int64_t since_s, double reward,
                                       struct reel_error *err) REEL_CHECKED;
/** All of one kind, of one viewer unless `viewer` is NULL, oldest first. */
enum reel_status reel_store_shown_each(
    struct reel_store *store, const char *viewer, enum reel_shown_kind kind,
    enum reel_status (*each)(const struct reel_shown *shown, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err) REEL_CHECKED;
/** Drop what was shown before a moment, answered or not; *n (may be NULL) tells how much. */
enum reel_status reel_store_shown_decay(struct reel_store *store, int64_t before_s,
                                        int64_t *n, struct reel_error *err) REEL_CHECKED;

/** An event whose situation is known. */
struct reel_situation {
    int64_t viewer, film; /* keys */
    enum reel_event_kind kind;
    int64_t at_s;
    double value; /* of the event */
    const char *context;
};
/** By viewer, film, kind and time; of one viewer unless `viewer_key` is 0. */
enum reel_status reel_store_situations_each(
    struct reel_store *store, int64_t viewer_key,
    enum reel_status (*each)(const struct reel_situation *situation, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err) REEL_CHECKED;

/* ---- states: what was learned of one viewer ---- */

/** Keep bytes under a name ("bandit"), in place of those there; makes the viewer when new. */
enum reel_status reel_store_state_put(struct reel_store *store, const char *viewer,
                                      const char *name, const unsigned char *bytes,
                                      size_t n_bytes,
                                      struct reel_error *err) REEL_CHECKED;
/** *bytes NULL when there are none. Free them with reel_store_bytes_free. */
enum reel_status reel_store_state_get(struct reel_store *store, const char *viewer,
                                      const char *name, unsigned char **bytes,
                                      size_t *n_bytes,
                                      struct reel_error *err) REEL_CHECKED;
void reel_store_bytes_free(unsigned char *bytes);

/* ---- what is kept of one viewer, as it is kept ---- */

struct reel_kept_event {
    int64_t film; /* key */
    enum reel_event_kind kind;
    double value; /* by kind; NAN where unused */
    int64_t at_s; /* REEL_TIME_UNKNOWN */
};
/** Every event, by film, kind and time. Words and situations: notes, situations. */
enum reel_status reel_store_events_each(
    struct reel_store *store, int64_t viewer_key,
    enum reel_status (*each)(const struct reel_kept_event *event, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err) REEL_CHECKED;
/** What sources said of the viewer: {"occupation", "writer"}, by name. */
enum reel_status reel_store_traits_each(
    struct reel_store *store, int64_t viewer_key,
    enum reel_status (*each)(const char *name, const char *value, void *payload,
                             struct reel_error *err),
    void *payload, struct reel_error *err) REEL_CHECKED;
/** All states, by name. */
enum reel_status reel_store_states_each(
    struct reel_store *store, int64_t viewer_key,
    enum reel_status (*each)(const char *name, const unsigned char *bytes, size_t n_bytes,
                             void *payload, struct reel_error *err),
    void *payload, struct reel_error *err) REEL_CHECKED;

/* ---- forgetting ---- */

/**
 * Everything of a viewer, states and name included; the version changes. What to leave out of
 * one's taste, and keep all the same, is in profile.h.
 * Errors: REEL_ENOTFOUND; REEL_EBUSY; REEL_EIO.
 */
enum reel_status reel_store_viewer_erase(struct reel_store *store, int64_t viewer_key,
                                         struct reel_error *err) REEL_CHECKED;
/**
 * Write the file anew, so that nothing of what was deleted is left in its free pages.
 * Errors: REEL_EBUSY somebody else reads or writes; REEL_EIO, as when the disk is full.
 *         Nothing is lost then.
 * Cost:   reads and writes all of it.
 */
enum reel_status reel_store_compact(struct reel_store *store,
                                    struct reel_error *err) REEL_CHECKED;

/* ---- trials: settings that were tried for a model ---- */

struct reel_trial {
    const char *model;    /* "als" */
    const char *settings; /* "factors=64 alpha=5": name=value, one space between */
    const char *measure;  /* "ndcg@10 validation" */
    double score;
    int64_t at_s, data_version;
};
enum reel_status reel_store_trial_add(struct reel_store *store,
                                      const struct reel_trial *trial,
                                      struct reel_error *err) REEL_CHECKED;
/** Best trial of `model` by score into `settings`; REEL_ENOTFOUND when there is none. */
enum reel_status reel_store_trial_best(struct reel_store *store, const char *model,
                                       char *settings, size_t n_settings_bytes,
                                       double *score,
                                       struct reel_error *err) REEL_CHECKED;
/**
 * The same among the trials of one measure on one state of the data, `n_trials` of them:
 * only there are scores comparable, and a test part untouched.
 */
enum reel_status reel_store_trial_best_on(struct reel_store *store, const char *model,
                                          const char *measure, int64_t data_version,
                                          char *settings, size_t n_settings_bytes,
                                          int32_t *n_trials,
                                          struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
