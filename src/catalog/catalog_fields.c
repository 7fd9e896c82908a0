/**
 * Names of fields, and records of fields made into events; see catalog_fields.h.
 */
#include "catalog_fields.h"

#include <string.h>
#include <strings.h>

// Per field its own name, then names that columns have elsewhere; compared in lower case
// without blanks, '_', '-' and '.'.
static const char *const synonym[CATALOG_N_FIELDS][12] = {
    [CATALOG_FIELD_VIEWER] = {"viewer", "user", "userid", "username", "uid", "viewerid",
                              "customerid", "profile", "profilename", "reviewer", "用户"},
    [CATALOG_FIELD_FILM] = {"film", "filmid", "movieid", "movie", "item", "itemid", "iid",
                            "mid", "letterboxduri"},
    [CATALOG_FIELD_TITLE] = {"title", "name", "movietitle", "filmtitle", "moviename",
                             "primarytitle", "标题", "片名", "电影"},
    [CATALOG_FIELD_YEAR] = {"year", "releaseyear", "startyear", "年份"},
    [CATALOG_FIELD_RATING] = {"rating", "stars", "score", "yourrating", "myrating",
                              "userrating", "评分", "个人评分", "我的评分"},
    [CATALOG_FIELD_RATING10] = {"rating10"},
    [CATALOG_FIELD_TIMESTAMP] = {"timestamp", "time", "date", "ts", "datetime", "ratedat",
                                 "watchedat", "createdat", "daterated", "unixtime",
                                 "日期"},
    [CATALOG_FIELD_WATCHED] = {"watched", "watchedshare", "watcheddate", "seen"},
    [CATALOG_FIELD_LIKED] = {"liked", "like", "favorite", "favourite"},
    [CATALOG_FIELD_TAG] = {"tag", "tags", "标签"},
    [CATALOG_FIELD_REVIEW] = {"review", "comment", "comments", "短评", "评论"},
    [CATALOG_FIELD_TEXT] = {"text", "note", "notes", "post"},
    [CATALOG_FIELD_IMDB] = {"imdb", "imdbid", "const", "tconst"},
    [CATALOG_FIELD_TMDB] = {"tmdb", "tmdbid"},
    [CATALOG_FIELD_DOUBAN] = {"douban", "doubanid", "subjectid"},
    [CATALOG_FIELD_GENRES] = {"genres", "genre", "类型"},
    [CATALOG_FIELD_CAST] = {"cast", "actors", "actor", "starring", "演员", "主演"},
    [CATALOG_FIELD_DIRECTOR] = {"director", "directors", "导演"},
    [CATALOG_FIELD_KEYWORDS] = {"keywords", "keyword", "关键词"},
};

enum catalog_field catalog_field_by_name(const char *name)
{
    for (int i = 0; i < CATALOG_N_FIELDS; i++) {
        if (strcasecmp(synonym[i][0], name) == 0) {
            return (enum catalog_field)i;
        }
    }
    return CATALOG_FIELD_NONE;
}

enum catalog_field catalog_field_guess(const char *column)
{
    char plain[64];
    size_t n = 0;
    for (const char *p = column; *p && n + 1 < sizeof plain; p++) {
        if (!strchr(" _-.", *p)) {
            plain[n++] = *p;
        }
    }
    plain[n] = '\0';
    for (int i = 0; i < CATALOG_N_FIELDS; i++) {
        for (int j = 0; j < 12 && synonym[i][j]; j++) {
            if (strcasecmp(synonym[i][j], plain) == 0) {
                return (enum catalog_field)i;
            }
        }
    }
    return CATALOG_FIELD_NONE;
}

const char *catalog_field_name(enum catalog_field field)
{
    return synonym[field][0];
}

const char *catalog_field_names(void)
{
    return "viewer, film, title, year, rating, rating10, timestamp, watched, liked, tag, "
           "review, text, imdb, tmdb, douban, genres, cast, director, keywords";
}

// ---- records ----

bool catalog_field_is_list(enum catalog_field field)
{
    return field == CATALOG_FIELD_TAG || field >= CATALOG_FIELD_GENRES;
}

static bool has(const struct catalog_fields *fields, enum catalog_field field)
{
    return fields->text[field] && fields->text[field][0];
}

static enum reel_status refuse(struct catalog_reader *r,
                               const struct catalog_fields *fields,
                               enum catalog_field field, const char *reason,
                               struct reel_error *err)
{
    return catalog_refuse(r, err, "%s, \"%s\"", reason, fields->text[field]);
}

struct record {
    struct reel_event event; /* viewer, film, time: what all events of the record share */
    char imdb[16];
    double stars, share; /* NAN: none */
    bool is_watched, is_liked, is_disliked;
    int64_t watched_at_s;
};

// Each step reads one kind of value; it returns NULL, or the reason with its field.
static const char *read_ids(const char *source, struct catalog_fields *fields,
                            struct record *record, enum catalog_field *field)
{
    struct reel_film_ref *film = &record->event.film;
    if (has(fields, *field = CATALOG_FIELD_IMDB)) {
        if (!catalog_parse_imdb(fields->text[*field], record->imdb)) {
            return "not an imdb id";
        }
        film->imdb = record->imdb;
    }
    if (has(fields, *field = CATALOG_FIELD_TMDB) &&
        (!catalog_parse_int(fields->text[*field], &film->tmdb) || film->tmdb <= 0)) {
        return "not a tmdb id";
    }
    if (has(fields, *field = CATALOG_FIELD_DOUBAN)) {
        film->douban = fields->text[*field];
        if (film->douban[strspn(film->douban, "0123456789")] != '\0') {
            return "not a douban id";
        }
    }
    if (has(fields, *field = CATALOG_FIELD_FILM)) {
        film->id = fields->text[*field];
        film->source = source;
    }
    return NULL;
}

static const char *read_title(struct catalog_reader *r, struct catalog_fields *fields,
                              struct record *record, enum catalog_field *field)
{
    struct reel_film_ref *film = &record->event.film;
    if (has(fields, *field = CATALOG_FIELD_YEAR) &&
        strcmp(fields->text[*field], "0") != 0 &&
        !catalog_parse_year(fields->text[*field], &film->year)) {
        return "not a year";
    }
    if (has(fields, *field = CATALOG_FIELD_TITLE)) {
        const char *title = catalog_trim(fields->text[*field]);
        const size_t n = strlen(title);
        if (film->year == REEL_YEAR_UNKNOWN && n > 0 && title[n - 1] == ')') {
            title = catalog_title_split(&r->row, title, &film->year);
        }
        film->title = title && *title ? title : NULL;
    }
    return NULL;
}

static const char *read_watched(const struct catalog_reader *r, const char *text,
                                struct record *record)
{
    static const char *const yes[] = {"true", "yes", "y", "x", "1", "是"};
    static const char *const no[] = {"false", "no", "n", "0", "否"};
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        if (strcasecmp(text, no[i]) == 0) {
            return NULL;
        }
    }
    record->is_watched = true;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcasecmp(text, yes[i]) == 0) {
            return NULL;
        }
    }
    char plain[32];
    const size_t n = strlen(text);
    const bool is_percent = n > 1 && text[n - 1] == '%';
    (void)snprintf(plain, sizeof plain, "%.*s", (int)(n - is_percent), text);
    if (catalog_parse_decimal(plain, &record->share)) {
        record->share /= is_percent ? 100 : 1;
        if (record->share >= 0 && record->share <= 1) {
            return NULL;
        }
        record->share = NAN;
    }
    return catalog_read_time(r, text, &record->watched_at_s);
}

static const char *read_liked(const char *text, struct record *record)
{
    static const char *const word[] = {"",     "false", "no", "n",       "0",       "否",
                                       "true", "yes",   "y",  "x",       "1",       "是",
                                       "like", "liked", "-1", "dislike", "disliked"};
    for (int i = 0; i < (int)(sizeof word / sizeof word[0]); i++) {
        if (strcasecmp(text, word[i]) == 0) {
            record->is_liked = i >= 6 && i < 14;
            record->is_disliked = i >= 14;
            return NULL;
        }
    }
    return "neither yes nor no";
}

static const char *read_values(struct catalog_reader *r, struct catalog_fields *fields,
                               struct record *record, enum catalog_field *field)
{
    const char *reason = NULL;
    if (has(fields, *field = CATALOG_FIELD_RATING)) {
        reason = catalog_read_stars(fields->text[*field], 5, &record->stars);
    } else if (has(fields, *field = CATALOG_FIELD_RATING10)) {
        reason = catalog_read_stars(fields->text[*field], 10, &record->stars);
    }
    if (!reason && has(fields, *field = CATALOG_FIELD_TIMESTAMP)) {
        reason = catalog_read_time(r, fields->text[*field], &record->event.at_s);
    }
    if (!reason && has(fields, *field = CATALOG_FIELD_WATCHED)) {
        reason = read_watched(r, fields->text[*field], record);
    }
    if (!reason && has(fields, *field = CATALOG_FIELD_LIKED)) {
        reason = read_liked(fields->text[*field], record);
    }
    return reason;
}

enum { LIST_MAX = 256 };

/** The items of a list, at most LIST_MAX. */
static int32_t split(struct catalog_fields *fields, enum catalog_field field,
                     const char **item)
{
    char *list = fields->text[field];
    for (char *p = list; p && !fields->is_list[field] && (p = strchr(p, ','));) {
        *p = '|';
    }
    return list ? catalog_split(list, '|', item, LIST_MAX) : 0;
}

static enum reel_status emit_texts(struct catalog_reader *r,
                                   struct catalog_fields *fields,
                                   struct reel_event *event, int *n_events,
                                   struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    if (has(fields, CATALOG_FIELD_TAG)) {
        const char *tag[LIST_MAX];
        const int32_t n = split(fields, CATALOG_FIELD_TAG, tag);
        event->kind = REEL_EVENT_TAG;
        for (int32_t i = 0; rc == REEL_OK && i < n; i++, (*n_events)++) {
            event->text = tag[i];
            rc = catalog_event(r, event, err);
        }
    }
    event->kind = REEL_EVENT_REVIEW;
    static const enum catalog_field prose[] = {CATALOG_FIELD_REVIEW, CATALOG_FIELD_TEXT};
    for (int i = 0; rc == REEL_OK && i < 2; i++) {
        event->text = has(fields, prose[i]) ? catalog_trim(fields->text[prose[i]]) : "";
        if (event->text[0]) {
            (*n_events)++;
            rc = catalog_event(r, event, err);
        }
    }
    event->text = NULL;
    return rc;
}

static enum reel_status emit_events(struct catalog_reader *r,
                                    struct catalog_fields *fields, struct record *record,
                                    struct reel_error *err)
{
    struct reel_event *event = &record->event;
    enum reel_status rc = REEL_OK;
    int n_events = 0;
    if (!isnan(record->stars)) {
        event->kind = REEL_EVENT_RATE;
        event->value = record->stars;
        rc = catalog_event(r, event, err);
        n_events++;
    }
    event->value = NAN;
    if (rc == REEL_OK && (record->is_liked || record->is_disliked)) {
        event->kind = record->is_liked ? REEL_EVENT_LIKE : REEL_EVENT_DISLIKE;
        rc = catalog_event(r, event, err);
        n_events++;
    }
    rc = rc ? rc : emit_texts(r, fields, event, &n_events, err);
    const bool is_denied = has(fields, CATALOG_FIELD_WATCHED) && !record->is_watched;
    if (rc == REEL_OK && (record->is_watched || (n_events == 0 && !is_denied))) {
        event->kind = REEL_EVENT_WATCH;
        event->value = record->share;
        event->at_s = record->watched_at_s != REEL_TIME_UNKNOWN ? record->watched_at_s
                                                                : event->at_s;
        rc = catalog_event(r, event, err);
    }
    return rc;
}

static enum reel_status emit_film(struct catalog_reader *r, struct catalog_fields *fields,
                                  const struct record *record, struct reel_error *err)
{
    struct reel_film film = catalog_film_blank();
    film.ref = record->event.film;
    if (has(fields, CATALOG_FIELD_TEXT)) {
        film.overview = fields->text[CATALOG_FIELD_TEXT];
    }
    const char *genre[LIST_MAX], *keyword[LIST_MAX], *name[2][LIST_MAX];
    struct reel_person person[2 * LIST_MAX];
    film.genres = genre;
    film.n_genres = split(fields, CATALOG_FIELD_GENRES, genre);
    film.keywords = keyword;
    film.n_keywords = split(fields, CATALOG_FIELD_KEYWORDS, keyword);
    film.people = person;
    for (int i = 0; i < 2; i++) {
        const int32_t n =
            split(fields, i == 0 ? CATALOG_FIELD_DIRECTOR : CATALOG_FIELD_CAST, name[i]);
        for (int32_t k = 0; k < n; k++) {
            person[film.n_people++] = (struct reel_person){
                .name = name[i][k],
                .role = i == 0 ? REEL_ROLE_DIRECTOR : REEL_ROLE_ACTOR};
        }
    }
    return catalog_film(r, &film, err);
}

static bool says_event(const struct catalog_fields *fields)
{
    for (int i = CATALOG_FIELD_RATING; i <= CATALOG_FIELD_REVIEW; i++) {
        if (has(fields, (enum catalog_field)i)) {
            return true;
        }
    }
    return false;
}

enum reel_status catalog_fields_emit(struct catalog_reader *r,
                                     struct catalog_fields *fields,
                                     struct reel_error *err)
{
    struct record record = {
        .event = {.at_s = REEL_TIME_UNKNOWN, .value = NAN},
        .stars = NAN,
        .share = NAN,
        .watched_at_s = REEL_TIME_UNKNOWN,
    };
    enum catalog_field field = CATALOG_FIELD_NONE;
    const char *reason = read_ids(r->opt->source, fields, &record, &field);
    reason = reason ? reason : read_title(r, fields, &record, &field);
    reason = reason ? reason : read_values(r, fields, &record, &field);
    const struct reel_film_ref *film = &record.event.film;
    enum reel_status rc;
    record.event.viewer = has(fields, CATALOG_FIELD_VIEWER)
                              ? fields->text[CATALOG_FIELD_VIEWER]
                              : r->opt->viewer;
    if (reason) {
        rc = refuse(r, fields, field, reason, err);
    } else if (!film->id && !film->title && !film->imdb && !film->tmdb && !film->douban) {
        rc = catalog_refuse(r, err, "no film");
    } else if (record.event.viewer && record.event.viewer[0]) {
        rc = emit_events(r, fields, &record, err);
    } else if (fields->text[CATALOG_FIELD_VIEWER] || says_event(fields)) {
        rc = catalog_refuse(r, err, "no viewer");
    } else {
        rc = emit_film(r, fields, &record, err);
    }
    if (r->row.block) {
        base_arena_clear(&r->row);
    }
    return rc;
}
