/**
 * An event as the store keeps it, and the one way by which events get into a history.
 *
 * A viewer's history is a blob of records of 16 bytes, little-endian, ascending by film and
 * then by `when`, without doubles:
 *
 *     bytes 0-3 film key | 4-7 value, float, NAN none | 8-15 when
 *
 * `when` is the kind in the upper 4 bits and the time in the lower 60, shifted so that an
 * unknown time is 0 and earlier is smaller.
 */
#ifndef DB_EVENT_H
#define DB_EVENT_H

#include "db_sql.h"

#define DB_EVENT_BYTES 16

struct db_event {
    uint64_t when;
    int32_t viewer, film; /* keys */
    float value;          /* NAN: none */
    bool is_counted;      /* already in an import's report: the record of a note */
};

/** -2^59 < at_s < 2^59, or REEL_TIME_UNKNOWN. */
uint64_t db_event_when(int kind, int64_t at_s);
int db_event_kind(uint64_t when);
int64_t db_event_at_s(uint64_t when);
struct db_event db_event_get(const unsigned char record[DB_EVENT_BYTES]);
void db_event_put(unsigned char record[DB_EVENT_BYTES], const struct db_event *event);
/** By film, then `when`. */
int db_event_compare(const struct db_event *a, const struct db_event *b);

enum db_fate { DB_EVENT_NEW, DB_EVENT_CHANGED, DB_EVENT_KNOWN };
/** Told of every event; `before` is the value it had, for DB_EVENT_CHANGED. */
typedef void db_event_told(const struct db_event *event, enum db_fate fate, float before,
                           void *payload);

/**
 * Put events into a viewer's history; of the same film, kind and time the new value stays.
 * `event` (n) ascends without doubles. Nothing is written when all are known.
 * `is_viewer_new`: there is no history yet, so none is looked for.
 */
enum reel_status db_event_merge(struct reel_store *store, int64_t viewer,
                                bool is_viewer_new, const struct db_event *event,
                                int32_t n, db_event_told *told, void *payload,
                                struct reel_error *err) REEL_CHECKED;

/**
 * The next history after *viewer (0: the first): copied to *event (*n), which grows.
 * *viewer is 0 when there are no more. Free *event with base_free.
 */
enum reel_status db_event_next_history(struct reel_store *store, int64_t *viewer,
                                       struct db_event **event, int32_t *n,
                                       int32_t *n_room,
                                       struct reel_error *err) REEL_CHECKED;
/** Key of a viewer by name, made when new; within a transaction. */
enum reel_status db_event_viewer(struct reel_store *store, const char *name, int64_t *key,
                                 struct reel_error *err) REEL_CHECKED;
/** Write a whole history, ascending and without doubles. */
enum reel_status db_event_replace(struct reel_store *store, int64_t viewer,
                                  const struct db_event *event, int32_t n,
                                  struct reel_error *err) REEL_CHECKED;

/** What is wrong with viewer, kind, value or text; NULL when nothing is. */
const char *db_event_fault(const struct reel_event *event);
/** The value as stored, single precision; NAN for kinds without one. */
float db_event_value(const struct reel_event *event);
bool db_event_has_text(enum reel_event_kind kind);

/** How the counts of a film change. */
struct db_tally {
    int32_t n_events, n_ratings, n_watches, n_likes;
    double sum_stars;
};
void db_tally_add(struct db_tally *tally, int kind, double value, int sign);
enum reel_status db_tally_write(struct reel_store *store, int64_t film,
                                const struct db_tally *tally,
                                struct reel_error *err) REEL_CHECKED;

#endif
