// Trakt: the export of one viewer, a zip, a folder or single files. Two layouts exist
// (watched-history-1.json, watched/history-1.json), so files are known by base name, and an
// item says itself what it is: watched_at, rated_at, listed_at ... beside "movie". Shows,
// seasons, episodes and people are passed over. A collection says nothing of taste.
//
// Source of the fields: exports and API objects as other programs read them.

#include "catalog_draft.h"
#include "catalog_items.h"

#include <fnmatch.h>
#include <string.h>

enum list_kind { LIST_PASSED_OVER, LIST_NONE, LIST_WISHES, LIST_FAVORITES };

// Files of an export by base name; the first pattern that fits counts. What was hidden from
// recommendations is not a favourite.
static const struct {
    const char *pattern;
    enum list_kind list;
} known[] = {
    {"hidden*", LIST_PASSED_OVER},        {"*watchlist*.json", LIST_WISHES},
    {"*favorites*.json", LIST_FAVORITES}, {"*recommendations*.json", LIST_FAVORITES},
    {"*history*.json", LIST_NONE},        {"*watched*.json", LIST_NONE},
    {"*ratings*.json", LIST_NONE},        {"*comments*.json", LIST_NONE},
    {"*likes*.json", LIST_NONE},          {"*playback*.json", LIST_NONE},
    {"*progress*.json", LIST_NONE},
};

enum { N_KNOWN = sizeof known / sizeof known[0] };

static void read_film(struct catalog_json *row, const struct json_t *movie,
                      struct catalog_draft *draft)
{
    struct reel_film *film = &draft->film;
    const struct json_t *ids = catalog_json_object(row, movie, "ids");
    const int64_t trakt = catalog_json_int(row, ids, "trakt", 1, INT64_MAX, 0);
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)trakt);
    film->ref = (struct reel_film_ref){
        .source = "trakt",
        .id = trakt ? catalog_draft_keep(draft, text) : NULL,
        .tmdb = catalog_json_int(row, ids, "tmdb", 1, INT64_MAX, 0),
        .title = catalog_json_text(row, movie, "title"),
        .year =
            (int32_t)catalog_json_int(row, movie, "year", 1870, 2100, REEL_YEAR_UNKNOWN),
    };
    const char *imdb = catalog_json_text(row, ids, "imdb");
    char id[16];
    if (imdb && catalog_parse_imdb(imdb, id)) {
        film->ref.imdb = catalog_draft_keep(draft, id);
    } else if (imdb) {
        catalog_json_complain(row, "imdb: %.60s is not an IMDb id", imdb);
    }
    // The rest is there in exports that were made with all details.
    film->title_original = catalog_json_text(row, movie, "original_title");
    film->language = catalog_json_text(row, movie, "language");
    film->overview = catalog_json_text(row, movie, "overview");
    film->tagline = catalog_json_text(row, movie, "tagline");
    film->age_rating = catalog_json_text(row, movie, "certification");
    film->runtime_min = (int32_t)catalog_json_int(row, movie, "runtime", 0, 100000, 0);
    film->vote_mean = catalog_json_number(row, movie, "rating");
    film->n_votes = catalog_json_int(row, movie, "votes", 0, INT64_MAX, 0);
    catalog_draft_country(draft, catalog_json_text(row, movie, "country"));
    const struct json_t *genres = catalog_json_array(row, movie, "genres");
    for (size_t i = 0; i < catalog_json_n(genres); i++) {
        catalog_draft_genre(draft, catalog_json_string(catalog_json_item(genres, i)));
    }
}

// What one item says about its film: at most one event of each kind.
struct saying {
    struct reel_event event[4];
    int32_t n;
};

static struct reel_event *say(struct saying *said, struct catalog_reader *r,
                              struct catalog_json *row, enum reel_event_kind kind,
                              const struct json_t *object, const char *key_time)
{
    struct reel_event *event = &said->event[said->n++];
    *event = catalog_event_blank();
    event->kind = kind;
    event->viewer = r->opt->viewer;
    const char *at = catalog_json_text(row, object, key_time);
    const char *reason = catalog_read_time(r, at ? at : "", &event->at_s);
    if (reason) {
        catalog_json_complain(row, "%s: %s, %.60s", key_time, reason, at);
    }
    return event;
}

static void read_events(struct catalog_reader *r, struct catalog_json *row,
                        enum list_kind list, struct saying *said)
{
    const struct json_t *item = row->root;
    if (catalog_json_member(item, "watched_at")) {
        say(said, r, row, REEL_EVENT_WATCH, item, "watched_at");
    } else if (catalog_json_int(row, item, "plays", 0, INT32_MAX, 0) > 0 ||
               catalog_json_member(item, "last_watched_at")) {
        say(said, r, row, REEL_EVENT_WATCH, item, "last_watched_at");
    } else if (catalog_json_member(item, "paused_at")) {
        struct reel_event *watch = say(said, r, row, REEL_EVENT_WATCH, item, "paused_at");
        watch->value = catalog_json_number(row, item, "progress") / 100;
        if (watch->value < 0 || watch->value > 1) {
            catalog_json_complain(row, "progress out of range, %g", 100 * watch->value);
        }
    }
    const int64_t rating = catalog_json_int(row, item, "rating", 1, 10, 0);
    if (rating > 0) {
        say(said, r, row, REEL_EVENT_RATE, item, "rated_at")->value = (double)rating / 2;
    }
    const bool is_listed = catalog_json_member(item, "listed_at");
    if (list == LIST_WISHES || (list == LIST_NONE && is_listed)) {
        say(said, r, row, REEL_EVENT_WISH, item, "listed_at");
    } else if (list == LIST_FAVORITES) {
        say(said, r, row, REEL_EVENT_LIKE, item, "listed_at");
    } else if (catalog_json_member(item, "liked_at")) {
        say(said, r, row, REEL_EVENT_LIKE, item, "liked_at");
    }
    const struct json_t *comment = catalog_json_object(row, item, "comment");
    const char *text = catalog_json_text(row, comment, "comment");
    if (text) {
        say(said, r, row, REEL_EVENT_REVIEW, comment, "created_at")->text = text;
    }
}

static bool is_about_film(struct catalog_json *row)
{
    const char *type = catalog_json_text(row, row->root, "type");
    return type ? strcmp(type, "movie") == 0 : !catalog_json_member(row->root, "show");
}

static enum reel_status read_item(struct catalog_items *items, struct catalog_json *row,
                                  enum list_kind list, struct reel_error *err)
{
    struct catalog_reader *r = items->r;
    if (!is_about_film(row) && !row->problem[0]) {
        return REEL_OK;
    }
    const struct json_t *movie = catalog_json_object(row, row->root, "movie");
    struct catalog_draft draft;
    struct saying said = {.n = 0};
    catalog_draft_begin(&draft, &r->row);
    read_film(row, movie, &draft);
    read_events(r, row, list, &said);
    const struct reel_film_ref *ref = &draft.film.ref;
    if (!movie) {
        catalog_json_complain(row, "no movie in the item");
    } else if (!ref->id && !ref->imdb && !ref->tmdb && !ref->title) {
        catalog_json_complain(row, "a movie without title and ids");
    }
    if (row->problem[0]) {
        return catalog_items_refuse(items, row->problem, err);
    }
    enum reel_status rc = catalog_draft_emit(&draft, r, err);
    for (int32_t i = 0; rc == REEL_OK && i < said.n; i++) {
        said.event[i].film = *ref;
        rc = catalog_event(r, &said.event[i], err);
    }
    return rc;
}

static enum reel_status read_member(struct catalog_reader *r, int32_t i_member,
                                    enum list_kind list, struct reel_error *err)
{
    struct catalog_items items;
    struct catalog_json *row = NULL;
    enum reel_status rc = catalog_items_open(&items, r, i_member, err);
    while (rc == REEL_OK && (rc = catalog_items_next(&items, &row, err)) == REEL_OK &&
           row) {
        rc = read_item(&items, row, list, err);
        base_arena_clear(&r->row);
    }
    catalog_items_close(&items);
    return rc;
}

static enum list_kind list_of(const char *member, bool is_file)
{
    const char *slash = strrchr(member, '/');
    const char *base = slash ? slash + 1 : member;
    for (int32_t k = 0; k < N_KNOWN; k++) {
        if (fnmatch(known[k].pattern, base, FNM_CASEFOLD) == 0) {
            return known[k].list;
        }
    }
    return is_file ? LIST_NONE : LIST_PASSED_OVER;
}

enum reel_status catalog_trakt_read(struct catalog_reader *r, struct reel_error *err)
{
    const int32_t n_members = catalog_source_n(r->source);
    const bool is_file = catalog_source_is_file(r->source);
    int32_t n_read = 0;
    for (int32_t i = 0; i < n_members; i++) {
        const enum list_kind list = list_of(catalog_source_member(r->source, i), is_file);
        if (list != LIST_PASSED_OVER) {
            const enum reel_status rc = read_member(r, i, list, err);
            if (rc != REEL_OK) {
                return rc;
            }
            n_read++;
        }
    }
    if (n_read == 0) {
        return fail(err, REEL_EFORMAT,
                    "%s: no file of a Trakt export (watched-history-1.json, "
                    "ratings-movies.json, ...)",
                    catalog_source_path(r->source));
    }
    return REEL_OK;
}
