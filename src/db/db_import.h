/**
 * What the files of one import share. db_import.c receives the records, db_join.c decides
 * which film is meant, db_film.c writes films, db_batch.c writes events.
 *
 * While an import runs, foreign keys are not checked by SQLite (two look-ups for each of
 * millions of events): every key comes from the maps here, which hold only rows that exist.
 */
#ifndef DB_IMPORT_H
#define DB_IMPORT_H

#include "base_arena.h"
#include "base_hash.h"
#include "db_event.h"
#include "db_sql.h"

struct db_film_state {
    struct db_tally tally;
    int32_t merged_into; /* key of the film that it turned out to be; 0 none */
    bool is_text_new;    /* to be indexed again at the end */
};

struct db_note_list {
    struct reel_import_note *note;
    int32_t n, n_room;
};

/** Keys by the number that a name is; most sources number their viewers and films. */
struct db_numbers {
    int32_t *key; /* (n) 0: not known yet */
    int32_t n;
};

struct reel_import {
    struct reel_store *store;
    char *label;
    bool is_dry_run, is_strict;
    bool is_open;             /* the transaction is */
    enum reel_status failure; /* of an earlier call: nothing can be committed */
    struct reel_import_report report;
    struct base_arena arena; /* texts of notes */
    struct db_note_list refused, doubtful;

    struct base_hash *viewer_key; /* name -> key */
    struct base_hash *film_key;   /* db_join's name of a reference -> key */
    struct base_hash *genre, *keyword, *country, *person; /* name -> key */
    struct db_numbers viewer_number;
    struct db_numbers film_number; /* of the source whose name is film_source */
    char film_source[32];
    int64_t viewer_key_max; /* at the beginning or after the last batch */
    int64_t film_key_max;   /* at the beginning */

    struct db_film_state *film; /* (n_films) by key */
    int32_t n_films;
    int32_t n_merged;

    struct db_event *event;
    int64_t n_events, n_room;
};

/** State of a film by key; grows the table. NULL when out of memory. */
struct db_film_state *db_import_film(struct reel_import *import, int64_t key);
/** Where the film went if it was merged; else the key itself. */
int64_t db_import_film_now(const struct reel_import *import, int64_t key);
/** Keep a line for the report: a film that may be another. */
enum reel_status db_import_doubt(struct reel_import *import,
                                 const struct reel_where *where, int64_t film,
                                 int64_t other, const char *text,
                                 struct reel_error *err) REEL_CHECKED;
/* ---- db_join.c ---- */

/** Which film is meant; made when it is new. `film` NULL: only a reference is known. */
enum reel_status db_join_film(struct reel_import *import, const struct reel_film_ref *ref,
                              const struct reel_film *film,
                              const struct reel_where *where, int64_t *key,
                              bool *is_changed, struct reel_error *err) REEL_CHECKED;
/** Move what hangs on films that were merged; at the end, events being in the table. */
enum reel_status db_join_finish(struct reel_import *import,
                                struct reel_error *err) REEL_CHECKED;

/* ---- db_film.c ---- */

/** Fill in what is known of a film; *is_changed true when anything was new. */
enum reel_status db_film_write(struct reel_import *import, int64_t key,
                               const struct reel_film *film, bool *is_changed,
                               struct reel_error *err) REEL_CHECKED;
/** Text of a title as comparisons see it, in store->scratch. */
enum reel_status db_film_title_key(struct reel_store *store, const char *title,
                                   const char **title_key,
                                   struct reel_error *err) REEL_CHECKED;
/** Index the words of every film whose text is new. */
enum reel_status db_film_index(struct reel_import *import,
                               struct reel_error *err) REEL_CHECKED;

/* ---- db_batch.c ---- */

enum reel_status db_batch_add(struct reel_import *import, const struct db_event *event,
                              struct reel_error *err) REEL_CHECKED;
/** Write what is buffered. */
enum reel_status db_batch_flush(struct reel_import *import,
                                struct reel_error *err) REEL_CHECKED;

#endif
