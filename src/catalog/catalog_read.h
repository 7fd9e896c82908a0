/**
 * What every reader shares: the registry, emitting records, and values in text.
 *
 * A reader is one function in catalog_<format>.c. It finds its members in `source`, and for
 * every row sets `where` and calls catalog_film, catalog_event, ... or catalog_refuse. A
 * status other than REEL_OK from any of them is passed on at once.
 *
 * A new source: its function and one line in CATALOG_FORMATS.
 */
#ifndef CATALOG_READ_H
#define CATALOG_READ_H

#include "catalog_csv.h"
#include "catalog_input.h"

#include "base_arena.h"
#include "base_error.h"

#include <math.h>

struct catalog_reader {
    struct catalog_source *source;
    const struct reel_read_options *opt;
    const struct reel_sink *sink;
    struct reel_where where; /* of the row at hand */
    int64_t now_s;
    struct base_arena row; /* scratch of the reader, which clears it after each row */
};

typedef enum reel_status catalog_read_call(struct catalog_reader *r,
                                           struct reel_error *err);

// X(format as in C, "format", "summary", needs a viewer) in the order of help.
#define CATALOG_FORMATS(X)                                                               \
    X(catalogue, "catalogue", "films with their plots, as data/catalogue has them",      \
      false)                                                                             \
    X(movielens, "movielens", "MovieLens 100K, 1M, 10M, 20M and later", false)           \
    X(recbole, "recbole", "RecBole: .inter .item .user .kg .link", false)                \
    X(letterboxd, "letterboxd", "Letterboxd export of one account", true)                \
    X(imdb_ratings, "imdb-ratings", "IMDb: your ratings or a list", true)                \
    X(netflix, "netflix", "Netflix: viewing history, activity, ratings", false)          \
    X(trakt, "trakt", "Trakt export of one account", true)                               \
    X(tmdb, "tmdb", "TMDB: daily ids, film objects, 5000 films", false)                  \
    X(nfo, "nfo", "Kodi and Jellyfin: .nfo beside the films", false)                     \
    X(imdb, "imdb", "IMDb non-commercial tables: folder, or one .tsv or .tsv.gz", false) \
    X(douban, "douban", "Douban marks as CSV, by browser script or 豆伴", true)          \
    X(jsonl, "jsonl", "one JSON object a line with the fields of csv; --map too", false) \
    X(table, "csv", "any table with a header", false)

#define CATALOG_DECLARE(id, name, summary, needs) catalog_read_call catalog_##id##_read;
CATALOG_FORMATS(CATALOG_DECLARE)
#undef CATALOG_DECLARE

/** reel_catalog_read on a source that is open already (tests, fuzzers). */
enum reel_status catalog_read_source(const char *format, struct catalog_source *source,
                                     const struct reel_read_options *opt,
                                     const struct reel_sink *sink,
                                     struct reel_error *err) REEL_CHECKED;

/* ---- handing on ---- */

/** Nothing known: unknown numbers are NAN or 0, the rest NULL. */
struct reel_film catalog_film_blank(void);
struct reel_event catalog_event_blank(void);

static inline enum reel_status catalog_film(struct catalog_reader *r,
                                            const struct reel_film *film,
                                            struct reel_error *err)
{
    return r->sink->film(film, &r->where, r->sink->payload, err);
}

static inline enum reel_status catalog_event(struct catalog_reader *r,
                                             const struct reel_event *event,
                                             struct reel_error *err)
{
    return r->sink->event(event, &r->where, r->sink->payload, err);
}

enum reel_status catalog_trait(struct catalog_reader *r, const char *viewer,
                               const char *name, const char *value,
                               struct reel_error *err) REEL_CHECKED;
enum reel_status catalog_triple(struct catalog_reader *r, const char *head,
                                const char *relation, const char *tail,
                                struct reel_error *err) REEL_CHECKED;
/** The row at hand cannot be taken: "rating out of range, 7.5". */
enum reel_status catalog_refuse(struct catalog_reader *r, struct reel_error *err,
                                const char *format, ...) REEL_PRINTF(3, 4) REEL_CHECKED;
/** fail() with "FILE:LINE: " of the row at hand in front; for the end of the whole reading. */
enum reel_status catalog_fail(const struct catalog_reader *r, struct reel_error *err,
                              const char *format, ...) REEL_PRINTF(3, 4) REEL_CHECKED;

/* ---- values in text: true when the whole text is one ---- */

bool catalog_parse_int(const char *text, int64_t *value);
/** Digits with at most one point and a sign; no exponent, no "nan", no "inf". */
bool catalog_parse_decimal(const char *text, double *value);
/** 1870 .. 2100, alone or at the front of a date ("1995", "1995-03-01", "1995.0"). */
bool catalog_parse_year(const char *text, int32_t *year);
/**
 * A moment: "20240131"; or "2024-01-31" or "2024/1/31", with "T" or a blank and a time
 * behind, a fraction, "Z" or an offset; or seconds since 1970, milliseconds beyond 1e11.
 */
bool catalog_parse_time(const char *text, int64_t *at_s);
/**
 * catalog_parse_time, and refuse what cannot be: before 1870, or more than two days ahead.
 * NULL when fine, else the reason. Empty text gives REEL_TIME_UNKNOWN and is fine.
 */
const char *catalog_read_time(const struct catalog_reader *r, const char *text,
                              int64_t *at_s);
/** `text` on a scale that ends with `best` (5, 10, 100) to stars in 0.5 .. 5; NULL or the reason. */
const char *catalog_read_stars(const char *text, double best, double *stars);

/** "tt0114709" from itself, its digits, or an address that holds it. */
bool catalog_parse_imdb(const char *text, char imdb[16]);

/**
 * Title and year out of "Matrix, The (1999)": "The Matrix", 1999, in `row`; what stands in
 * further brackets stays. REEL_YEAR_UNKNOWN when there is none. NULL when out of memory.
 */
const char *catalog_title_split(struct base_arena *row, const char *text, int32_t *year);
/**
 * All names in a title such as MovieLens writes it: "City of Lost Children, The (Cité des
 * enfants perdus, La) (1995)" has the title "The City of Lost Children", one other name and
 * a year. Brackets that belong to the title ("Birdman Or (...)", "(500) Days ...") stay.
 */
struct catalog_title {
    const char *title; /* NULL: none */
    int32_t year;
    const char *other[4];
    int32_t n_others;
};
/** In `row`; false when out of memory. */
bool catalog_title_names(struct base_arena *row, const char *text,
                         struct catalog_title *names) REEL_CHECKED;
/** "Matrix, The" to "The Matrix", in `row`; articles of the usual languages. */
const char *catalog_title_unsort(struct base_arena *row, const char *text);

/** Cut at `separator` in place, blanks trimmed, empty ones left out; how many were stored. */
int32_t catalog_split(char *text, char separator, const char **item, int32_t n_max);
/** Take blanks off both ends in place. */
char *catalog_trim(char *text);

#endif
