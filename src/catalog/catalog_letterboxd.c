/**
 * `letterboxd`: the export of one account, as zip, folder or one of its files.
 *
 *   watched.csv      a watch         ratings.csv       stars
 *   watchlist.csv    a wish          likes/films.csv   a like
 *   diary.csv        a watch on its day, with stars and tags
 *   reviews.csv      the text, with stars and tags
 *
 * The address in watched, ratings, watchlist and likes names the film and is its id; in the
 * diary and the reviews it names the entry, so there a film is known by title and year.
 * Lists, comments and deleted/ are passed over.
 */
#include "catalog_read.h"

#include <string.h>

struct letterboxd {
    int32_t date, name, year, uri, rating, tags, watched, review; /* columns; -1 none */
};

// What a file is: by name, or by its columns when it has another name.
enum part {
    PART_WATCHED,
    PART_RATINGS,
    PART_WATCHLIST,
    PART_LIKES,
    PART_DIARY,
    PART_REVIEWS
};

static const struct {
    const char *member;
    enum part part;
} parts[] = {
    {"watched.csv", PART_WATCHED},   {"watchlist.csv", PART_WATCHLIST},
    {"likes/films.csv", PART_LIKES}, {"ratings.csv", PART_RATINGS},
    {"diary.csv", PART_DIARY},       {"reviews.csv", PART_REVIEWS},
};

// What all events of a row share; `reason` receives why it cannot be taken.
static bool read_row(struct catalog_reader *r, const struct catalog_csv *csv,
                     const struct letterboxd *col, bool is_entry,
                     struct reel_event *event, double *stars, const char **reason)
{
    const char *year = catalog_csv_field(csv, col->year);
    const char *uri = catalog_csv_field(csv, col->uri);
    const char *rating = catalog_csv_field(csv, col->rating);
    const char *at = catalog_csv_field(csv, col->watched);
    *event = catalog_event_blank();
    event->viewer = r->opt->viewer;
    event->film.title = catalog_trim(catalog_csv_field(csv, col->name));
    *stars = NAN;
    *reason = *event->film.title ? NULL : "no name";
    if (!*reason && *year && !catalog_parse_year(year, &event->film.year)) {
        *reason = "not a year";
    }
    if (!*reason && *rating) {
        *reason = catalog_read_stars(rating, 5, stars);
    }
    if (!*reason) {
        at = *at ? at : catalog_csv_field(csv, col->date);
        *reason = catalog_read_time(r, at, &event->at_s);
    }
    if (!is_entry && *uri) {
        event->film.source = "letterboxd";
        event->film.id = uri;
    }
    return !*reason;
}

static enum reel_status emit_tags(struct catalog_reader *r, struct reel_event event,
                                  char *tags, struct reel_error *err)
{
    enum { TAGS_MAX = 256 };
    const char *tag[TAGS_MAX];
    const int32_t n = catalog_split(tags, ',', tag, TAGS_MAX);
    enum reel_status rc = REEL_OK;
    event.kind = REEL_EVENT_TAG;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        event.text = tag[i];
        rc = catalog_event(r, &event, err);
    }
    return rc;
}

static enum reel_status emit_row(struct catalog_reader *r, const struct catalog_csv *csv,
                                 const struct letterboxd *col, enum part part,
                                 struct reel_error *err)
{
    static const enum reel_event_kind kind_of[] = {
        [PART_WATCHED] = REEL_EVENT_WATCH,  [PART_RATINGS] = REEL_EVENT_RATE,
        [PART_WATCHLIST] = REEL_EVENT_WISH, [PART_LIKES] = REEL_EVENT_LIKE,
        [PART_DIARY] = REEL_EVENT_WATCH,    [PART_REVIEWS] = REEL_EVENT_REVIEW,
    };
    const bool is_entry = part == PART_DIARY || part == PART_REVIEWS;
    struct reel_event event;
    double stars;
    const char *reason;
    if (!read_row(r, csv, col, is_entry, &event, &stars, &reason)) {
        return catalog_refuse(r, err, "%s: %s", reason, event.film.title);
    }
    event.kind = kind_of[part];
    enum reel_status rc = REEL_OK;
    if (part == PART_REVIEWS) {
        event.text = catalog_trim(catalog_csv_field(csv, col->review));
    }
    if (part != PART_RATINGS && (part != PART_REVIEWS || *event.text)) {
        rc = catalog_event(r, &event, err);
    }
    event.text = NULL;
    if (rc == REEL_OK && !isnan(stars)) {
        event.kind = REEL_EVENT_RATE;
        event.value = stars;
        rc = catalog_event(r, &event, err);
        event.value = NAN;
    } else if (rc == REEL_OK && part == PART_RATINGS) {
        rc = catalog_refuse(r, err, "no rating: %s", event.film.title);
    }
    return rc || !is_entry ? rc
                           : emit_tags(r, event, catalog_csv_field(csv, col->tags), err);
}

static enum reel_status find_columns(struct catalog_reader *r,
                                     const struct catalog_csv *csv,
                                     struct letterboxd *col, struct reel_error *err)
{
    *col = (struct letterboxd){
        .date = catalog_csv_column(csv, "Date"),
        .name = catalog_csv_column(csv, "Name"),
        .year = catalog_csv_column(csv, "Year"),
        .uri = catalog_csv_column(csv, "Letterboxd URI"),
        .rating = catalog_csv_column(csv, "Rating"),
        .tags = catalog_csv_column(csv, "Tags"),
        .watched = catalog_csv_column(csv, "Watched Date"),
        .review = catalog_csv_column(csv, "Review"),
    };
    return col->name >= 0 && col->year >= 0
               ? REEL_OK
               : catalog_fail(r, err, "no columns Name and Year: not from Letterboxd");
}

static enum part part_by_columns(const struct letterboxd *col)
{
    return col->review >= 0    ? PART_REVIEWS
           : col->watched >= 0 ? PART_DIARY
           : col->rating >= 0  ? PART_RATINGS
                               : PART_WATCHED;
}

// `part` NULL: told by the columns.
static enum reel_status read_rows(struct catalog_reader *r, struct catalog_csv *csv,
                                  const enum part *part, struct reel_error *err)
{
    struct letterboxd col = {0};
    bool is_row;
    enum reel_status rc = find_columns(r, csv, &col, err);
    const enum part known = part ? *part : part_by_columns(&col);
    while (rc == REEL_OK && (rc = catalog_csv_next(csv, &is_row, err)) == REEL_OK &&
           is_row) {
        r->where = catalog_input_where(csv->in);
        rc = emit_row(r, csv, &col, known, err);
    }
    return rc;
}

static enum reel_status read_part(struct catalog_reader *r, int32_t i_member,
                                  const enum part *part, struct reel_error *err)
{
    struct catalog_input *in;
    struct catalog_csv csv = {0};
    enum reel_status rc = catalog_input_open(r->source, i_member, &in, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = catalog_csv_init(&csv, in, ',', err);
    r->where = catalog_input_where(in);
    rc = rc ? rc : read_rows(r, &csv, part, err);
    catalog_csv_release(&csv);
    catalog_input_close(in);
    return rc;
}

enum reel_status catalog_letterboxd_read(struct catalog_reader *r, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    int n_read = 0;
    for (size_t i = 0; rc == REEL_OK && i < sizeof parts / sizeof parts[0]; i++) {
        const int32_t m = catalog_source_find(r->source, parts[i].member, 0);
        // Files of the same name lie in deleted/; the shallow ones come first.
        if (m >= 0 && !strstr(catalog_source_member(r->source, m), "deleted/")) {
            rc = read_part(r, m, &parts[i].part, err);
            n_read++;
        }
    }
    if (rc != REEL_OK || n_read > 0) {
        return rc;
    }
    if (!catalog_source_is_file(r->source)) {
        return fail(err, REEL_EFORMAT, "%s: no watched.csv, ratings.csv or diary.csv",
                    catalog_source_path(r->source));
    }
    static const enum part likes = PART_LIKES; // likes/films.csv alone
    const bool is_likes = catalog_source_find(r->source, "films.csv", 0) == 0;
    return read_part(r, 0, is_likes ? &likes : NULL, err);
}
