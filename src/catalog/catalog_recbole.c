/**
 * `recbole`: the atomic files of one data set, from a folder, a zip, or one of them alone.
 * Tabs, no quoting; each column is headed name:type, and lists are separated by blanks.
 *
 *   .item   item_id, a title, a year, genres; a description becomes the plot
 *   .link   item_id, entity_id: the film's name in Freebase
 *   .user   user_id; every other column is a trait
 *   .inter  user_id, item_id, rating, timestamp; without a rating a row is a watch
 *   .kg     head_id, relation_id, tail_id
 *
 * The id space is the name of the data set, as in "ml-100k.inter". Columns that are not
 * named here are passed over.
 */
#include "catalog_draft.h"
#include "catalog_read.h"

#include "base_text.h"

#include <string.h>
#include <strings.h>

struct recbole {
    struct catalog_reader *r;
    char space[128];
    struct catalog_csv csv;
};

// First of the names that is a column, "name" or "name:type"; -1 when none is.
static int32_t find_column(const struct catalog_csv *csv, const char *const *name,
                           size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const size_t m = strlen(name[k]);
        for (int32_t i = 0; i < csv->n_columns; i++) {
            const char *column = csv->column[i];
            if (strncmp(column, name[k], m) == 0 && (column[m] == ':' || !column[m])) {
                return i;
            }
        }
    }
    return -1;
}
#define FIND_COLUMN(csv, ...)                            \
    find_column(csv, (const char *const[]){__VA_ARGS__}, \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static enum reel_status need_columns(const struct recbole *b, int32_t one, int32_t other,
                                     const char *names, struct reel_error *err)
{
    return one >= 0 && other >= 0 ? REEL_OK
                                  : catalog_fail(b->r, err, "no columns %s", names);
}

// The next row, or a row that was refused; `*is_row` is false at the end.
static enum reel_status next(struct recbole *b, bool *is_row, struct reel_error *err)
{
    for (;;) {
        enum reel_status rc = catalog_csv_next(&b->csv, is_row, err);
        b->r->where = catalog_input_where(b->csv.in);
        if (rc != REEL_OK || !*is_row || b->csv.n_fields == b->csv.n_columns) {
            return rc;
        }
        rc = catalog_refuse(b->r, err, "%d columns where the header has %d",
                            b->csv.n_fields, b->csv.n_columns);
        if (rc != REEL_OK) {
            return rc;
        }
    }
}

static enum reel_status emit_item(struct recbole *b, const char *id, const char *title,
                                  const char *year, char *genres, const char *overview,
                                  struct reel_error *err)
{
    enum { GENRES_MAX = 64 };
    struct catalog_draft draft;
    struct catalog_title names;
    const char *genre[GENRES_MAX];
    if (!*id) {
        return catalog_refuse(b->r, err, "no film");
    }
    catalog_draft_begin(&draft, &b->r->row);
    if (!catalog_title_names(&b->r->row, title, &names)) {
        return fail(err, REEL_ENOMEM, "a title of %zu bytes", strlen(title));
    }
    struct reel_film_ref *ref = &draft.film.ref;
    ref->source = b->space;
    ref->id = id;
    ref->title = names.title && strcmp(names.title, "unknown") != 0 ? names.title : NULL;
    if (!catalog_parse_year(year, &ref->year)) {
        ref->year = names.year;
    }
    for (int32_t i = 0; i < names.n_others; i++) {
        catalog_draft_title(&draft, names.other[i], NULL);
    }
    const int32_t n = catalog_split(genres, ' ', genre, GENRES_MAX);
    for (int32_t i = 0; i < n; i++) {
        catalog_draft_genre(&draft, strcmp(genre[i], "unknown") != 0 ? genre[i] : NULL);
    }
    draft.film.overview = *overview ? overview : NULL;
    return catalog_draft_emit(&draft, b->r, err);
}

static enum reel_status read_items(struct recbole *b, struct reel_error *err)
{
    const int32_t item = FIND_COLUMN(&b->csv, "item_id", "movie_id");
    const int32_t title =
        FIND_COLUMN(&b->csv, "movie_title", "title", "name", "item_name");
    const int32_t year = FIND_COLUMN(&b->csv, "release_year", "year");
    const int32_t genres = FIND_COLUMN(&b->csv, "class", "genre", "genres", "categories");
    const int32_t overview = FIND_COLUMN(&b->csv, "description", "overview", "plot");
    enum reel_status rc = need_columns(b, item, item, "item_id", err);
    for (bool is_row;
         rc == REEL_OK && (rc = next(b, &is_row, err)) == REEL_OK && is_row;) {
        const struct catalog_csv *csv = &b->csv;
        rc = emit_item(b, catalog_csv_field(csv, item), catalog_csv_field(csv, title),
                       catalog_csv_field(csv, year), catalog_csv_field(csv, genres),
                       catalog_csv_field(csv, overview), err);
        base_arena_clear(&b->r->row);
    }
    return rc;
}

static enum reel_status read_links(struct recbole *b, struct reel_error *err)
{
    const int32_t item = FIND_COLUMN(&b->csv, "item_id");
    const int32_t entity = FIND_COLUMN(&b->csv, "entity_id");
    enum reel_status rc = need_columns(b, item, entity, "item_id and entity_id", err);
    for (bool is_row;
         rc == REEL_OK && (rc = next(b, &is_row, err)) == REEL_OK && is_row;) {
        const struct reel_link link = {"freebase", b->csv.field[entity]};
        struct reel_film film = catalog_film_blank();
        film.ref.source = b->space;
        film.ref.id = b->csv.field[item];
        film.links = &link;
        film.n_links = 1;
        rc = *film.ref.id && *link.value
                 ? catalog_film(b->r, &film, err)
                 : catalog_refuse(b->r, err, "no film or no entity");
    }
    return rc;
}

static enum reel_status emit_traits(struct recbole *b, int32_t user,
                                    struct reel_error *err)
{
    const char *viewer = b->csv.field[user];
    if (!*viewer) {
        return catalog_refuse(b->r, err, "no viewer");
    }
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < b->csv.n_columns; i++) {
        char name[64];
        const char *column = b->csv.column[i];
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(column, ":"), column);
        if (i != user && name[0] && *b->csv.field[i]) {
            rc = catalog_trait(b->r, viewer, name, b->csv.field[i], err);
        }
    }
    return rc;
}

static enum reel_status read_users(struct recbole *b, struct reel_error *err)
{
    const int32_t user = FIND_COLUMN(&b->csv, "user_id");
    enum reel_status rc = need_columns(b, user, user, "user_id", err);
    for (bool is_row;
         rc == REEL_OK && (rc = next(b, &is_row, err)) == REEL_OK && is_row;) {
        rc = emit_traits(b, user, err);
    }
    return rc;
}

static enum reel_status emit_interaction(struct recbole *b, const char *viewer,
                                         const char *item, const char *rating,
                                         const char *at, struct reel_error *err)
{
    struct reel_event event = catalog_event_blank();
    const char *value = rating, *reason = NULL;
    event.kind = REEL_EVENT_WATCH;
    if (rating) {
        event.kind = REEL_EVENT_RATE;
        reason = catalog_read_stars(rating, 5, &event.value);
    }
    if (!reason) {
        value = at;
        reason = catalog_read_time(b->r, at, &event.at_s);
    }
    if (reason) {
        return catalog_refuse(b->r, err, "%s, \"%s\"", reason, value);
    }
    if (!*viewer || !*item) {
        return catalog_refuse(b->r, err, "no viewer or no film");
    }
    event.viewer = viewer;
    event.film.source = b->space;
    event.film.id = item;
    return catalog_event(b->r, &event, err);
}

static enum reel_status read_interactions(struct recbole *b, struct reel_error *err)
{
    const int32_t user = FIND_COLUMN(&b->csv, "user_id");
    const int32_t item = FIND_COLUMN(&b->csv, "item_id");
    const int32_t rating = FIND_COLUMN(&b->csv, "rating", "stars");
    const int32_t at = FIND_COLUMN(&b->csv, "timestamp", "time");
    enum reel_status rc = need_columns(b, user, item, "user_id and item_id", err);
    for (bool is_row;
         rc == REEL_OK && (rc = next(b, &is_row, err)) == REEL_OK && is_row;) {
        rc = emit_interaction(b, b->csv.field[user], b->csv.field[item],
                              rating >= 0 ? b->csv.field[rating] : NULL,
                              catalog_csv_field(&b->csv, at), err);
    }
    return rc;
}

static enum reel_status read_triples(struct recbole *b, struct reel_error *err)
{
    const int32_t head = FIND_COLUMN(&b->csv, "head_id");
    const int32_t relation = FIND_COLUMN(&b->csv, "relation_id");
    const int32_t tail = FIND_COLUMN(&b->csv, "tail_id");
    enum reel_status rc = need_columns(b, head, relation < 0 ? relation : tail,
                                       "head_id, relation_id and tail_id", err);
    for (bool is_row;
         rc == REEL_OK && (rc = next(b, &is_row, err)) == REEL_OK && is_row;) {
        const char *const *f = (const char *const *)b->csv.field;
        rc = *f[head] && *f[relation] && *f[tail]
                 ? catalog_triple(b->r, f[head], f[relation], f[tail], err)
                 : catalog_refuse(b->r, err, "half a fact");
    }
    return rc;
}

typedef enum reel_status read_call(struct recbole *b, struct reel_error *err);

static const struct {
    const char *pattern;
    read_call *read;
} part[] = {
    {"*.item", read_items},         {"*.link", read_links}, {"*.user", read_users},
    {"*.inter", read_interactions}, {"*.kg", read_triples},
};

static enum reel_status read_member(struct recbole *b, int32_t i_member, read_call *read,
                                    struct reel_error *err)
{
    struct catalog_input *in;
    enum reel_status rc = catalog_input_open(b->r->source, i_member, &in, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = catalog_csv_init_raw(&b->csv, in, err);
    b->r->where = catalog_input_where(in);
    rc = rc ? rc : read(b, err);
    catalog_csv_release(&b->csv);
    catalog_input_close(in);
    return rc;
}

// "folder/ml-100k.inter" to "ml-100k"; "recbole" when the name cannot serve.
static void name_space(struct recbole *b, const char *member)
{
    const char *slash = strrchr(member, '/');
    const char *base = slash ? slash + 1 : member;
    size_t n = strlen(base), bad;
    if (n > 3 && strcasecmp(base + n - 3, ".gz") == 0) {
        n -= 3;
    }
    while (n > 0 && base[n - 1] != '.') {
        n--;
    }
    n -= n > 0;
    const bool serves = n > 0 && n < sizeof b->space && base_utf8_check(base, n, &bad);
    (void)snprintf(b->space, sizeof b->space, "%.*s", serves ? (int)n : 64,
                   serves ? base : "recbole");
}

enum reel_status catalog_recbole_read(struct catalog_reader *r, struct reel_error *err)
{
    struct recbole b = {.r = r};
    enum reel_status rc = REEL_OK;
    int n_read = 0;
    for (size_t i = 0; rc == REEL_OK && i < sizeof part / sizeof part[0]; i++) {
        for (int32_t m = -1;
             rc == REEL_OK &&
             (m = catalog_source_find(r->source, part[i].pattern, m + 1)) >= 0;) {
            name_space(&b, catalog_source_member(r->source, m));
            rc = read_member(&b, m, part[i].read, err);
            n_read++;
        }
    }
    if (rc == REEL_OK && n_read == 0) {
        return fail(err, REEL_EFORMAT, "%s: no .inter, .item, .user, .link or .kg in it",
                    catalog_source_path(r->source));
    }
    return rc;
}
