/**
 * The fields that `csv` and `jsonl` have in common, and what one record of them says.
 *
 * With a viewer, a record gives one event for each of rating, watched, liked, tag, review
 * and text that it has, all at its timestamp; a record that has none of them is a watch.
 * Without any viewer it describes a film: `text` is its plot; genres, cast, director and
 * keywords are lists. Beside a viewer those say nothing.
 *
 *     struct catalog_fields fields = {0};
 *     fields.text[CATALOG_FIELD_VIEWER] = "ann";
 *     fields.text[CATALOG_FIELD_TITLE] = "Heat";
 *     fields.text[CATALOG_FIELD_RATING] = "4.5";
 *     rc = catalog_fields_emit(r, &fields, err);
 */
#ifndef CATALOG_FIELDS_H
#define CATALOG_FIELDS_H

#include "catalog_read.h"

enum catalog_field {
    CATALOG_FIELD_NONE = -1,
    CATALOG_FIELD_VIEWER, /* when empty: options.viewer */
    CATALOG_FIELD_FILM,   /* any id, in the id space options.source */
    CATALOG_FIELD_TITLE,  /* may end with "(year)" when there is no year */
    CATALOG_FIELD_YEAR,
    CATALOG_FIELD_RATING,    /* 0.5 .. 5 */
    CATALOG_FIELD_RATING10,  /* 1 .. 10, halved */
    CATALOG_FIELD_TIMESTAMP, /* see catalog_parse_time */
    CATALOG_FIELD_WATCHED,   /* yes or no; a share such as 0.8 or 80%; or the date */
    CATALOG_FIELD_LIKED,     /* yes or no; -1 or "dislike" is a dislike */
    CATALOG_FIELD_TAG,       /* several are cut at , and | */
    CATALOG_FIELD_REVIEW,
    CATALOG_FIELD_TEXT, /* another text of the viewer */
    CATALOG_FIELD_IMDB,
    CATALOG_FIELD_TMDB,
    CATALOG_FIELD_DOUBAN,
    CATALOG_FIELD_GENRES, /* these and what follows: several are cut at , and | */
    CATALOG_FIELD_CAST,
    CATALOG_FIELD_DIRECTOR,
    CATALOG_FIELD_KEYWORDS,
    CATALOG_N_FIELDS,
};

/** What a record says; NULL or "" where it says nothing. Texts may be written into. */
struct catalog_fields {
    char *text[CATALOG_N_FIELDS];
    bool is_list[CATALOG_N_FIELDS]; // cut at | only
};

/** Field by its own name ("viewer"); NONE when there is no such field. */
enum catalog_field catalog_field_by_name(const char *name);
/** Field that a column of this name usually holds ("userId": viewer); NONE when unknown. */
enum catalog_field catalog_field_guess(const char *column);
const char *catalog_field_name(enum catalog_field field);
/** Does the field take several values? */
bool catalog_field_is_list(enum catalog_field field);
/** "viewer, film, title, ..." for messages. */
const char *catalog_field_names(void);

/**
 * Hand on the events or the film of one record, or refuse it as a whole. Stars, dates and
 * ids are checked before anything is handed on. Uses and clears r->row.
 */
enum reel_status catalog_fields_emit(struct catalog_reader *r,
                                     struct catalog_fields *fields,
                                     struct reel_error *err) REEL_CHECKED;

#endif
