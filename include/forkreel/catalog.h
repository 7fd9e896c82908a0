/**
 * @file catalog.h
 * Outside sources in, one kind of record out.
 *
 * A reader walks one source (a file, a folder or a zip) and hands every film, event, viewer
 * trait and triple to a sink. Strings in a record are UTF-8, end with NUL, and live until
 * the sink returns. A reader never writes anything; whether the records are kept is the
 * sink's business, so a broken file can leave a store as it was.
 *
 * What is wrong with one row (a rating out of range, an impossible date) is told to
 * sink->refused with its line, and reading goes on. What is wrong with the file itself
 * (truncated, not UTF-8, a line without end, an unsafe archive) ends the call with one line
 * of text that names file and line.
 *
 *     struct reel_read_options opt = reel_read_options_default();
 *     opt.viewer = "ann";
 *     rc = reel_catalog_read("letterboxd", "export.zip", &opt, &sink, &err);
 */
#ifndef FORKREEL_CATALOG_H
#define FORKREEL_CATALOG_H

#include <forkreel/matrix.h>
#include <forkreel/status.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Stored in the database: never renumber. */
enum reel_event_kind {
    REEL_EVENT_RATE = 1,    /* value: stars, 0.5 .. 5 */
    REEL_EVENT_WATCH = 2,   /* value: share watched, 0 .. 1; NAN unknown */
    REEL_EVENT_LIKE = 3,    /* value unused */
    REEL_EVENT_DISLIKE = 4, /* value unused */
    REEL_EVENT_WISH = 5,    /* on a watch list; value unused */
    REEL_EVENT_TAG = 6,     /* text: the tag */
    REEL_EVENT_REVIEW = 7,  /* text: the review, comment or post */
    REEL_EVENT_SKIP = 8,    /* passed over or given up; value: share watched or NAN */
    REEL_EVENT_REPLAY = 9,  /* watched again; value unused */
    REEL_EVENT_CHOOSE = 10, /* played a story grown from the film; value unused */
};

#define REEL_TIME_UNKNOWN INT64_MIN
#define REEL_YEAR_UNKNOWN 0

/** How a source names a film; NULL or 0 where the source does not say. */
struct reel_film_ref {
    const char *source; /* whose `id` it is: "ml-100k", "letterboxd", "csv", ... */
    const char *id;     /* id inside `source` */
    const char *imdb;   /* "tt" and at least seven digits */
    int64_t tmdb;       /* > 0 */
    const char *douban; /* digits */
    const char *title;
    int32_t year; /* first release, 1870 .. 2100; REEL_YEAR_UNKNOWN */
};

struct reel_title {
    const char *text;
    const char
        *language; /* ISO 639-1 ("zh"), or region-qualified ("zh-TW"); NULL unknown */
};

/** Stored in the database: never renumber. */
enum reel_role {
    REEL_ROLE_DIRECTOR = 1,
    REEL_ROLE_WRITER = 2,
    REEL_ROLE_ACTOR = 3,
    REEL_ROLE_OTHER = 4,
};

struct reel_person {
    const char *name;
    enum reel_role role;
    const char *character; /* NULL unknown */
};

/** A further name of the film elsewhere: {"freebase", "m.05zjh5"}. */
struct reel_link {
    const char *site, *value;
};

struct reel_film {
    struct reel_film_ref ref;
    const char *title_original; /* NULL as ref.title */
    const char *language;       /* original language, ISO 639-1; NULL unknown */
    const char *overview;       /* plot text; NULL none */
    const char *tagline;        /* NULL none */
    const char *story;          /* the premise document of docs/catalogue.md; NULL none */
    const char *age_rating;     /* as the source writes it: "PG-13", "12"; NULL unknown */
    int32_t runtime_min;        /* 0 unknown */
    double popularity;          /* the source's own; NAN unknown */
    double vote_mean;           /* 0 .. 10; NAN unknown */
    int64_t n_votes;            /* 0 unknown */
    const struct reel_title *titles;
    const char *const *genres, *const *keywords, *const *countries;
    const struct reel_person *people; /* in billing order */
    const struct reel_link *links;
    int32_t n_titles, n_genres, n_keywords, n_countries, n_people, n_links;
};

struct reel_event {
    enum reel_event_kind kind;
    const char *viewer; /* name as imported; never empty */
    struct reel_film_ref film;
    double value;        /* by kind; NAN where unused */
    int64_t at_s;        /* seconds since 1970 UTC, or REEL_TIME_UNKNOWN */
    const char *text;    /* tag or review; NULL otherwise */
    const char *context; /* the situation, as feedback.h prints it; NULL unknown */
};

/** A fact about a viewer that the source gave: {"196", "occupation", "writer"}. */
struct reel_trait {
    const char *viewer, *name, *value;
};

/** A line of a knowledge graph: {"m.05zjh5", "film.director.film", "m.0bxtg"}. */
struct reel_triple {
    const char *head, *relation, *tail;
};

/** Where a record stood. */
struct reel_where {
    const char *file; /* path, or member of an archive */
    int64_t line;     /* from 1; 0 unknown */
};

/** Receives records; a failing call ends the reading with its status. No member is NULL. */
struct reel_sink {
    enum reel_status (*film)(const struct reel_film *film, const struct reel_where *where,
                             void *payload, struct reel_error *err);
    enum reel_status (*event)(const struct reel_event *event,
                              const struct reel_where *where, void *payload,
                              struct reel_error *err);
    enum reel_status (*trait)(const struct reel_trait *trait,
                              const struct reel_where *where, void *payload,
                              struct reel_error *err);
    enum reel_status (*triple)(const struct reel_triple *triple,
                               const struct reel_where *where, void *payload,
                               struct reel_error *err);
    /** One row that cannot be taken, with the reason and the value. */
    enum reel_status (*refused)(const struct reel_where *where, const char *reason,
                                void *payload, struct reel_error *err);
    void *payload;
};

/** COLUMN of the file holds FIELD (forkreel help import lists the fields). */
struct reel_column_map {
    const char *column, *field;
};

struct reel_read_options {
    const char
        *viewer; /* whose export it is, where the source does not say; may be NULL */
    const char *source; /* id space of csv and jsonl films; default "csv" */
    const struct reel_column_map *map;
    int32_t n_map;
    int64_t max_line_bytes;   /* default 16 MiB */
    int64_t max_member_bytes; /* unpacked size of one archive member; default 64 GiB */
    double max_ratio;         /* unpacked to packed size beyond which it is a bomb: 200 */
    struct reel_progress progress;
};

struct reel_read_options reel_read_options_default(void);

struct reel_format {
    const char *name;    /* "movielens" */
    const char *summary; /* one line for help */
    bool needs_viewer;   /* a personal export: options.viewer must be given */
};

/** The formats that can be read, by name; `n` receives how many. Static storage. */
const struct reel_format *reel_catalog_formats(int32_t *n);

/**
 * Read one source to its end.
 *
 * Errors:  REEL_EINVAL no such format, or no viewer where one is needed; REEL_EFORMAT with
 *          "FILE:LINE: what, value"; REEL_EIO; REEL_ECANCELLED; whatever the sink returns.
 * Threads: any number, on different sinks.
 */
enum reel_status reel_catalog_read(const char *format, const char *path,
                                   const struct reel_read_options *opt,
                                   const struct reel_sink *sink,
                                   struct reel_error *err) REEL_CHECKED;

/**
 * What ranking needs to know of all films, as arrays; a film is its row.
 * Filled by reel_store_film_table_load; borrowed pointers live as long as the table.
 */
struct reel_film_table {
    int32_t n_films;
    const int64_t *key;           /* (n_films) store key, ascending */
    const char *const *title;     /* (n_films) as the source writes it */
    const char *const *title_zh;  /* (n_films) NULL where there is none */
    const char *const *source_id; /* (n_films) id as imported; NULL where there is none */
    const int32_t *year;          /* (n_films) REEL_YEAR_UNKNOWN */
    const int32_t *runtime_min;   /* (n_films) 0 unknown */
    const int32_t *min_age;       /* (n_films) years from the age rating; -1 unknown */
    const char *const *language;  /* (n_films) NULL unknown */
    struct reel_csr genres;       /* n_films x n_genre_names */
    struct reel_csr keywords;     /* n_films x n_keyword_names */
    struct reel_csr people;       /* n_films x n_people_names */
    const char *const *genre_name, *const *keyword_name, *const *people_name;
};

#ifdef __cplusplus
}
#endif
#endif
