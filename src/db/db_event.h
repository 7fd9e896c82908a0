/** What one event means to the tables: is it sound, and how it counts for its film. */
#ifndef DB_EVENT_H
#define DB_EVENT_H

#include "db_sql.h"

/** What is wrong with viewer, kind, value or text; NULL when nothing is. */
const char *db_event_fault(const struct reel_event *event);
/** The value as stored, single precision; NAN for kinds without one. */
float db_event_value(const struct reel_event *event);
bool db_event_has_text(enum reel_event_kind kind);

/** How the counts of a film change. */
struct db_tally {
    int64_t n_events, n_ratings, n_watches, n_likes;
    double sum_stars;
};
void db_tally_add(struct db_tally *tally, int kind, double value, int sign);
enum reel_status db_tally_write(struct reel_store *store, int64_t film,
                                const struct db_tally *tally,
                                struct reel_error *err) REEL_CHECKED;

#endif
