/**
 * `imdb-ratings`: the lists that IMDb lets its members export.
 *
 * Old and new headings both: "Original Title" is there or not, Title Type is "movie" or
 * "Movie". A row with "Your Rating" (1..10) is a rating; in a list (it has "Position") a row
 * without one is a wish. Series, episodes and games are left out and counted in one line.
 */
#include "catalog_draft.h"
#include "catalog_read.h"

#include <string.h>
#include <strings.h>

struct columns {
    int32_t id, rating, date_rated, created, position, title, title_original, type,
        vote_mean, runtime, year, genres, n_votes, directors; /* -1: none */
};

static bool is_film(const char *type)
{
    static const char *const other[] = {
        "tvSeries",       "TV Series",      "tvMiniSeries",    "TV Mini Series",
        "TV Mini-Series", "tvEpisode",      "TV Episode",      "tvPilot",
        "TV Pilot",       "videoGame",      "Video Game",      "podcastSeries",
        "Podcast Series", "podcastEpisode", "Podcast Episode", "musicVideo",
        "Music Video",
    };
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        if (strcasecmp(type, other[i]) == 0) {
            return false;
        }
    }
    return true;
}

static enum reel_status emit_film(struct catalog_reader *r, const struct catalog_csv *csv,
                                  const struct columns *col,
                                  const struct reel_film_ref *ref, struct reel_error *err)
{
    enum { NAMES_MAX = 64 };
    struct catalog_draft draft;
    const char *name[NAMES_MAX];
    int64_t number;
    catalog_draft_begin(&draft, &r->row);
    draft.film.ref = *ref;
    const char *original = catalog_csv_field(csv, col->title_original);
    draft.film.title_original = *original ? original : NULL;
    int32_t n = catalog_split(catalog_csv_field(csv, col->genres), ',', name, NAMES_MAX);
    for (int32_t i = 0; i < n; i++) {
        catalog_draft_genre(&draft, name[i]);
    }
    n = catalog_split(catalog_csv_field(csv, col->directors), ',', name, NAMES_MAX);
    for (int32_t i = 0; i < n; i++) {
        catalog_draft_person(&draft, name[i], REEL_ROLE_DIRECTOR, NULL);
    }
    if (catalog_parse_int(catalog_csv_field(csv, col->runtime), &number) && number > 0 &&
        number < 10000) {
        draft.film.runtime_min = (int32_t)number;
    }
    if (catalog_parse_int(catalog_csv_field(csv, col->n_votes), &number) && number > 0) {
        draft.film.n_votes = number;
    }
    double mean;
    if (catalog_parse_decimal(catalog_csv_field(csv, col->vote_mean), &mean) &&
        mean >= 0 && mean <= 10) {
        draft.film.vote_mean = mean;
    }
    return catalog_draft_emit(&draft, r, err);
}

static enum reel_status emit_row(struct catalog_reader *r, const struct catalog_csv *csv,
                                 const struct columns *col, struct reel_error *err)
{
    char imdb[16];
    struct reel_event event = catalog_event_blank();
    const char *id = catalog_csv_field(csv, col->id);
    const char *rating = catalog_csv_field(csv, col->rating);
    const char *year = catalog_csv_field(csv, col->year);
    const bool is_wish = !*rating && col->position >= 0;
    const char *at = catalog_csv_field(csv, is_wish ? col->created : col->date_rated);
    if (!catalog_parse_imdb(id, imdb)) {
        return catalog_refuse(r, err, "not an imdb id, \"%s\"", id);
    }
    event.viewer = r->opt->viewer;
    event.kind = is_wish ? REEL_EVENT_WISH : REEL_EVENT_RATE;
    event.film = (struct reel_film_ref){.source = "imdb", .id = imdb, .imdb = imdb};
    event.film.title = catalog_trim(catalog_csv_field(csv, col->title));
    event.film.title = *event.film.title ? event.film.title : NULL;
    if (*year && !catalog_parse_year(year, &event.film.year)) {
        return catalog_refuse(r, err, "not a year, \"%s\"", year);
    }
    const char *reason = is_wish ? NULL : catalog_read_stars(rating, 10, &event.value);
    if (reason) {
        return catalog_refuse(r, err, "%s, \"%s\"", reason, rating);
    }
    reason = catalog_read_time(r, at, &event.at_s);
    if (reason) {
        return catalog_refuse(r, err, "%s, \"%s\"", reason, at);
    }
    const enum reel_status rc = emit_film(r, csv, col, &event.film, err);
    base_arena_clear(&r->row);
    return rc ? rc : catalog_event(r, &event, err);
}

static enum reel_status find_columns(struct catalog_reader *r,
                                     const struct catalog_csv *csv, struct columns *col,
                                     struct reel_error *err)
{
    *col = (struct columns){
        .id = catalog_csv_column(csv, "Const"),
        .rating = catalog_csv_column(csv, "Your Rating"),
        .date_rated = catalog_csv_column(csv, "Date Rated"),
        .created = catalog_csv_column(csv, "Created"),
        .position = catalog_csv_column(csv, "Position"),
        .title = catalog_csv_column(csv, "Title"),
        .title_original = catalog_csv_column(csv, "Original Title"),
        .type = catalog_csv_column(csv, "Title Type"),
        .vote_mean = catalog_csv_column(csv, "IMDb Rating"),
        .runtime = catalog_csv_column(csv, "Runtime (mins)"),
        .year = catalog_csv_column(csv, "Year"),
        .genres = catalog_csv_column(csv, "Genres"),
        .n_votes = catalog_csv_column(csv, "Num Votes"),
        .directors = catalog_csv_column(csv, "Directors"),
    };
    return col->id >= 0 && (col->rating >= 0 || col->position >= 0)
               ? REEL_OK
               : catalog_fail(r, err,
                              "no columns Const and Your Rating: not a list of IMDb");
}

static enum reel_status read_rows(struct catalog_reader *r, struct catalog_csv *csv,
                                  struct reel_error *err)
{
    struct columns col;
    int64_t n_series = 0;
    bool is_row;
    enum reel_status rc = find_columns(r, csv, &col, err);
    while (rc == REEL_OK && (rc = catalog_csv_next(csv, &is_row, err)) == REEL_OK &&
           is_row) {
        r->where = catalog_input_where(csv->in);
        if (!is_film(catalog_csv_field(csv, col.type))) {
            n_series++;
        } else {
            rc = emit_row(r, csv, &col, err);
        }
    }
    if (rc == REEL_OK && n_series > 0) {
        r->where.line = 0;
        rc = catalog_refuse(r, err, "%lld rows are series, episodes or games, not films",
                            (long long)n_series);
    }
    return rc;
}

enum reel_status catalog_imdb_ratings_read(struct catalog_reader *r,
                                           struct reel_error *err)
{
    const int32_t i_member = catalog_source_is_file(r->source)
                                 ? 0
                                 : catalog_source_find(r->source, "ratings*.csv", 0);
    struct catalog_input *in;
    struct catalog_csv csv = {0};
    if (i_member < 0) {
        return fail(err, REEL_EFORMAT, "%s: no ratings.csv in it",
                    catalog_source_path(r->source));
    }
    enum reel_status rc = catalog_input_open(r->source, i_member, &in, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = catalog_csv_init(&csv, in, ',', err);
    r->where = catalog_input_where(in);
    rc = rc ? rc : read_rows(r, &csv, err);
    catalog_csv_release(&csv);
    catalog_input_close(in);
    return rc;
}
