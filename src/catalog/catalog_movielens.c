/**
 * `movielens`: the layouts that GroupLens has published, from a folder, a zip or one file.
 *
 *   100K               u.item u.user u.data, ISO-8859-1           id space "ml-100k"
 *   1M                 movies users ratings .dat, ISO-8859-1      id space "ml-1m"
 *   10M                movies ratings tags .dat, UTF-8            id space "movielens"
 *   20M and later      movies links genome ratings tags .csv      id space "movielens"
 *
 * Films come before ratings, so that a store knows their titles first. Of the tag genome a
 * film keeps its GENOME_TAGS most relevant tags of at least GENOME_RELEVANCE as keywords.
 */
#include "catalog_draft.h"
#include "catalog_read.h"

#include "base_alloc.h"
#include "base_hash.h"

#include <string.h>

enum { GENOME_TAGS = 20, GENRES_MAX = 64 };
static const double GENOME_RELEVANCE = 0.5;

static const char *const SPACE_100K = "ml-100k", *const SPACE_1M = "ml-1m",
                         *const SPACE_LATER = "movielens";

struct movielens {
    struct catalog_reader *r;
    const char *space;
    bool is_latin1;
    bool has_films;          /* a movies.csv will come, so links wait for it */
    struct base_arena names; /* what outlives a row: genres of 100K, tags of the genome */
    struct base_hash *link_of, *tag_of; /* movie id to links row; tag id to tag */
    struct link *link;
    int64_t n_links, room_links;
    const char **tag;
    int64_t n_tags, room_tags;
    const char *genre[GENRES_MAX]; /* of 100K, by number */
};

struct link {
    char imdb[16]; /* "" unknown */
    int64_t tmdb;  /* 0 unknown */
};

// ---- records ----

static enum reel_status emit_rating(struct movielens *m, const char *viewer,
                                    const char *film, const char *stars, const char *at,
                                    struct reel_error *err)
{
    struct reel_event event = catalog_event_blank();
    const char *value = stars;
    const char *reason = catalog_read_stars(stars, 5, &event.value);
    if (!reason) {
        value = at;
        reason = catalog_read_time(m->r, at, &event.at_s);
    }
    if (reason) {
        return catalog_refuse(m->r, err, "%s, \"%s\"", reason, value);
    }
    if (!*viewer || !*film) {
        return catalog_refuse(m->r, err, "no viewer or no film");
    }
    event.kind = REEL_EVENT_RATE;
    event.viewer = viewer;
    event.film.source = m->space;
    event.film.id = film;
    return catalog_event(m->r, &event, err);
}

static enum reel_status emit_tag(struct movielens *m, const char *viewer,
                                 const char *film, char *tag, const char *at,
                                 struct reel_error *err)
{
    struct reel_event event = catalog_event_blank();
    const char *reason = catalog_read_time(m->r, at, &event.at_s);
    if (reason) {
        return catalog_refuse(m->r, err, "%s, \"%s\"", reason, at);
    }
    event.kind = REEL_EVENT_TAG;
    event.viewer = viewer;
    event.film.source = m->space;
    event.film.id = film;
    event.text = catalog_trim(tag);
    if (!*viewer || !*film || !*event.text) {
        return catalog_refuse(m->r, err, "no viewer, no film or no tag");
    }
    return catalog_event(m->r, &event, err);
}

// `draft` has the genres; the rest is set here.
static enum reel_status emit_film(struct movielens *m, struct catalog_draft *draft,
                                  const char *id, const char *title,
                                  struct reel_error *err)
{
    struct catalog_title names;
    if (!*id) {
        return catalog_refuse(m->r, err, "no film");
    }
    if (!catalog_title_names(&m->r->row, title, &names)) {
        return fail(err, REEL_ENOMEM, "a title of %zu bytes", strlen(title));
    }
    struct reel_film_ref *ref = &draft->film.ref;
    ref->source = m->space;
    ref->id = id;
    if (names.title && strcmp(names.title, "unknown") != 0) {
        ref->title = names.title;
        ref->year = names.year;
    }
    for (int32_t i = 0; i < names.n_others; i++) {
        catalog_draft_title(draft, names.other[i], NULL);
    }
    int64_t i_link;
    if (m->link_of && base_hash_get(m->link_of, id, strlen(id), &i_link)) {
        const struct link *link = &m->link[i_link];
        ref->imdb = link->imdb[0] ? link->imdb : NULL;
        ref->tmdb = link->tmdb;
    }
    return catalog_draft_emit(draft, m->r, err);
}

static enum reel_status emit_film_text(struct movielens *m, const char *id,
                                       const char *title, char *genres,
                                       struct reel_error *err)
{
    struct catalog_draft draft;
    const char *genre[GENRES_MAX];
    catalog_draft_begin(&draft, &m->r->row);
    const int32_t n = catalog_split(genres, '|', genre, GENRES_MAX);
    for (int32_t i = 0; i < n; i++) {
        if (strcmp(genre[i], "(no genres listed)") != 0) {
            catalog_draft_genre(&draft, genre[i]);
        }
    }
    const enum reel_status rc = emit_film(m, &draft, id, title, err);
    base_arena_clear(&m->r->row);
    return rc;
}

// ---- comma separated: 20M and later ----

static enum reel_status add_link(struct movielens *m, const char *id, const char *imdb,
                                 const char *tmdb, struct reel_error *err)
{
    struct link link = {.tmdb = 0};
    if ((*imdb && !catalog_parse_imdb(imdb, link.imdb)) ||
        (*tmdb && (!catalog_parse_int(tmdb, &link.tmdb) || link.tmdb < 0))) {
        return catalog_refuse(m->r, err, "not a link, \"%s\", \"%s\"", imdb, tmdb);
    }
    if (!m->has_films) {
        struct reel_film film = catalog_film_blank();
        film.ref =
            (struct reel_film_ref){.source = m->space, .id = id, .tmdb = link.tmdb};
        film.ref.imdb = link.imdb[0] ? link.imdb : NULL;
        return *id ? catalog_film(m->r, &film, err)
                   : catalog_refuse(m->r, err, "no film");
    }
    if (m->n_links == m->room_links) {
        const int64_t room = m->room_links ? 2 * m->room_links : 1024;
        void *p = base_realloc_array(m->link, (size_t)room, sizeof *m->link);
        if (!p) {
            return fail(err, REEL_ENOMEM, "links of %lld films", (long long)room);
        }
        m->link = p;
        m->room_links = room;
    }
    bool is_new;
    const int64_t *i =
        base_hash_get_or_add(m->link_of, id, strlen(id), m->n_links, &is_new);
    if (!i) {
        return fail(err, REEL_ENOMEM, "links of %lld films", (long long)m->n_links);
    }
    m->link[*i] = link;
    m->n_links += is_new;
    return REEL_OK;
}

typedef enum reel_status row_call(struct movielens *m, const struct catalog_csv *csv,
                                  const int32_t *column, struct reel_error *err);

static enum reel_status take_rating(struct movielens *m, const struct catalog_csv *csv,
                                    const int32_t *column, struct reel_error *err)
{
    return emit_rating(m, csv->field[column[0]], csv->field[column[1]],
                       csv->field[column[2]], csv->field[column[3]], err);
}

static enum reel_status take_tag(struct movielens *m, const struct catalog_csv *csv,
                                 const int32_t *column, struct reel_error *err)
{
    return emit_tag(m, csv->field[column[0]], csv->field[column[1]],
                    csv->field[column[2]], csv->field[column[3]], err);
}

static enum reel_status take_film(struct movielens *m, const struct catalog_csv *csv,
                                  const int32_t *column, struct reel_error *err)
{
    return emit_film_text(m, csv->field[column[0]], csv->field[column[1]],
                          csv->field[column[2]], err);
}

static enum reel_status take_link(struct movielens *m, const struct catalog_csv *csv,
                                  const int32_t *column, struct reel_error *err)
{
    return add_link(m, csv->field[column[0]], csv->field[column[1]],
                    csv->field[column[2]], err);
}

static enum reel_status take_genome_tag(struct movielens *m,
                                        const struct catalog_csv *csv,
                                        const int32_t *column, struct reel_error *err)
{
    const char *id = csv->field[column[0]];
    if (m->n_tags == m->room_tags) {
        const int64_t room = m->room_tags ? 2 * m->room_tags : 1024;
        void *p = base_realloc_array(m->tag, (size_t)room, sizeof *m->tag);
        if (!p) {
            return fail(err, REEL_ENOMEM, "%lld tags", (long long)room);
        }
        m->tag = p;
        m->room_tags = room;
    }
    bool is_new;
    const int64_t *i =
        base_hash_get_or_add(m->tag_of, id, strlen(id), m->n_tags, &is_new);
    const char *tag = base_arena_strdup(&m->names, csv->field[column[1]]);
    if (!i || !tag) {
        return fail(err, REEL_ENOMEM, "%lld tags", (long long)m->n_tags);
    }
    m->tag[*i] = tag;
    m->n_tags += is_new;
    return REEL_OK;
}

// The columns that make a file what it is; of the first kind that fits.
static const struct kind {
    const char *column[4];
    row_call *take;
} kinds[] = {
    {{"userId", "movieId", "rating", "timestamp"}, take_rating},
    {{"userId", "movieId", "tag", "timestamp"}, take_tag},
    {{"movieId", "title", "genres", NULL}, take_film},
    {{"movieId", "imdbId", "tmdbId", NULL}, take_link},
    {{"tagId", "tag", NULL, NULL}, take_genome_tag},
};

static const struct kind *find_kind(const struct catalog_csv *csv, int32_t *column)
{
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        bool fits = true;
        for (int i = 0; i < 4 && kinds[k].column[i]; i++) {
            column[i] = catalog_csv_column(csv, kinds[k].column[i]);
            fits = fits && column[i] >= 0;
        }
        if (fits) {
            return &kinds[k];
        }
    }
    return NULL;
}

static enum reel_status read_csv_rows(struct movielens *m, struct catalog_csv *csv,
                                      struct reel_error *err)
{
    int32_t column[4];
    const struct kind *kind = find_kind(csv, column);
    if (!kind) {
        return catalog_fail(m->r, err, "not a header of MovieLens");
    }
    for (;;) {
        bool is_row;
        enum reel_status rc = catalog_csv_next(csv, &is_row, err);
        if (rc != REEL_OK || !is_row) {
            return rc;
        }
        m->r->where = catalog_input_where(csv->in);
        rc = csv->n_fields == csv->n_columns
                 ? kind->take(m, csv, column, err)
                 : catalog_refuse(m->r, err, "%d columns where the header has %d",
                                  csv->n_fields, csv->n_columns);
        if (rc != REEL_OK) {
            return rc;
        }
    }
}

static enum reel_status read_csv(struct movielens *m, int32_t i_member,
                                 struct reel_error *err)
{
    struct catalog_input *in;
    struct catalog_csv csv = {0};
    enum reel_status rc = catalog_input_open(m->r->source, i_member, &in, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = catalog_csv_init(&csv, in, ',', err);
    m->r->where = catalog_input_where(in);
    rc = rc ? rc : read_csv_rows(m, &csv, err);
    catalog_csv_release(&csv);
    catalog_input_close(in);
    return rc;
}

// ---- the tag genome: rows of one film stand together, tags in any order ----

struct genome {
    char film[32];
    const char *tag[GENOME_TAGS]; /* most relevant first */
    double relevance[GENOME_TAGS];
    int32_t n;
};

static void add_relevance(struct genome *g, const char *tag, double relevance)
{
    if (g->n == GENOME_TAGS && relevance <= g->relevance[GENOME_TAGS - 1]) {
        return;
    }
    int32_t i = g->n < GENOME_TAGS ? g->n++ : GENOME_TAGS - 1;
    for (; i > 0 && g->relevance[i - 1] < relevance; i--) {
        g->tag[i] = g->tag[i - 1];
        g->relevance[i] = g->relevance[i - 1];
    }
    g->tag[i] = tag;
    g->relevance[i] = relevance;
}

static enum reel_status emit_genome(struct movielens *m, struct genome *g,
                                    struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    if (g->n > 0) {
        struct reel_film film = catalog_film_blank();
        film.ref.source = m->space;
        film.ref.id = g->film;
        film.keywords = g->tag;
        film.n_keywords = g->n;
        rc = catalog_film(m->r, &film, err);
    }
    *g = (struct genome){.n = 0};
    return rc;
}

static enum reel_status take_score(struct movielens *m, struct genome *g,
                                   const char *film, const char *tag, const char *score,
                                   struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    if (strcmp(film, g->film) != 0) {
        rc = emit_genome(m, g, err);
        (void)snprintf(g->film, sizeof g->film, "%s", film);
    }
    double relevance;
    int64_t i_tag;
    if (rc != REEL_OK || !*film || strlen(film) >= sizeof g->film ||
        !catalog_parse_decimal(score, &relevance) || relevance < 0 || relevance > 1) {
        return rc ? rc : catalog_refuse(m->r, err, "not a relevance, \"%s\"", score);
    }
    if (relevance >= GENOME_RELEVANCE &&
        base_hash_get(m->tag_of, tag, strlen(tag), &i_tag)) {
        add_relevance(g, m->tag[i_tag], relevance);
    }
    return REEL_OK;
}

static enum reel_status read_scores(struct movielens *m, int32_t i_member,
                                    struct reel_error *err)
{
    struct catalog_input *in;
    struct catalog_csv csv = {0};
    struct genome genome = {.n = 0};
    bool is_row = true;
    enum reel_status rc = catalog_input_open(m->r->source, i_member, &in, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = catalog_csv_init(&csv, in, ',', err);
    while (rc == REEL_OK && (rc = catalog_csv_next(&csv, &is_row, err)) == REEL_OK &&
           is_row) {
        m->r->where = catalog_input_where(in);
        rc = csv.n_fields == 3
                 ? take_score(m, &genome, csv.field[0], csv.field[1], csv.field[2], err)
                 : catalog_refuse(m->r, err, "%d columns, not 3", csv.n_fields);
    }
    rc = rc ? rc : emit_genome(m, &genome, err);
    catalog_csv_release(&csv);
    catalog_input_close(in);
    return rc;
}

static enum reel_status read_later(struct movielens *m, struct reel_error *err)
{
    static const char *const order[] = {"links.csv",       "movies.csv",
                                        "genome-tags.csv", "genome-scores.csv",
                                        "ratings.csv",     "tags.csv"};
    enum reel_status rc = REEL_OK;
    m->has_films = catalog_source_find(m->r->source, "movies.csv", 0) >= 0;
    for (size_t i = 0; rc == REEL_OK && i < sizeof order / sizeof order[0]; i++) {
        const int32_t i_member = catalog_source_find(m->r->source, order[i], 0);
        if (i_member >= 0 && strcmp(order[i], "genome-scores.csv") == 0) {
            rc = read_scores(m, i_member, err);
        } else if (i_member >= 0) {
            rc = read_csv(m, i_member, err);
        }
    }
    return rc;
}

// ---- "::" and '|' and tabs: 100K, 1M, 10M ----

enum { TRAITS = 5 }; // of a viewer, the id included

// The README of 1M gives a number for each occupation; 100K has the words themselves.
static const char *occupation_name(const char *text)
{
    static const char *const name[] = {
        "other",
        "academic/educator",
        "artist",
        "clerical/admin",
        "student",
        "customer service",
        "doctor/health care",
        "executive/managerial",
        "farmer",
        "homemaker",
        "school student",
        "lawyer",
        "programmer",
        "retired",
        "sales/marketing",
        "scientist",
        "self-employed",
        "technician/engineer",
        "tradesman/craftsman",
        "unemployed",
        "writer",
    };
    int64_t number;
    const bool is_number = catalog_parse_int(text, &number) && number >= 0 &&
                           number < (int64_t)(sizeof name / sizeof name[0]);
    return is_number ? name[number] : text;
}

// Cut at `mark` in place; the last field takes the rest. How many there are.
static int32_t cut(char *line, const char *mark, char **field, int32_t n_max)
{
    int32_t n = 0;
    field[n++] = line;
    while (n < n_max && (line = strstr(line, mark))) {
        *line = '\0';
        line += strlen(mark);
        field[n++] = line;
    }
    return n;
}

static enum reel_status take_traits(struct movielens *m, const char *line, char **field,
                                    const char *const *name, int32_t n,
                                    struct reel_error *err)
{
    if (n != TRAITS || !*field[0]) {
        return catalog_refuse(m->r, err, "not a viewer, \"%s\"", line);
    }
    enum reel_status rc = REEL_OK;
    for (int32_t i = 1; rc == REEL_OK && i < n; i++) {
        const char *value = field[i];
        if (strcmp(name[i], "occupation") == 0) {
            value = occupation_name(value);
        }
        if (*value) {
            rc = catalog_trait(m->r, field[0], name[i], value, err);
        }
    }
    return rc;
}

static enum reel_status take_user_100k(struct movielens *m, char *line,
                                       struct reel_error *err)
{
    static const char *const name[TRAITS] = {"", "age", "gender", "occupation",
                                             "zip_code"};
    char *field[TRAITS];
    const int32_t n = cut(line, "|", field, TRAITS);
    return take_traits(m, line, field, name, n, err);
}

static enum reel_status take_user_dat(struct movielens *m, char *line,
                                      struct reel_error *err)
{
    static const char *const name[TRAITS] = {"", "gender", "age", "occupation",
                                             "zip_code"};
    char *field[TRAITS];
    const int32_t n = cut(line, "::", field, TRAITS);
    return take_traits(m, line, field, name, n, err);
}

static enum reel_status take_rating_100k(struct movielens *m, char *line,
                                         struct reel_error *err)
{
    char *field[4];
    return cut(line, "\t", field, 4) == 4
               ? emit_rating(m, field[0], field[1], field[2], field[3], err)
               : catalog_refuse(m->r, err, "not a rating, \"%s\"", line);
}

static enum reel_status take_rating_dat(struct movielens *m, char *line,
                                        struct reel_error *err)
{
    char *field[4];
    return cut(line, "::", field, 4) == 4
               ? emit_rating(m, field[0], field[1], field[2], field[3], err)
               : catalog_refuse(m->r, err, "not a rating, \"%s\"", line);
}

static enum reel_status take_tag_dat(struct movielens *m, char *line,
                                     struct reel_error *err)
{
    char *field[4];
    return cut(line, "::", field, 4) == 4
               ? emit_tag(m, field[0], field[1], field[2], field[3], err)
               : catalog_refuse(m->r, err, "not a tag, \"%s\"", line);
}

// A title may hold "::", so the last one is the border.
static enum reel_status take_film_dat(struct movielens *m, char *line,
                                      struct reel_error *err)
{
    char *field[2], *genres = NULL;
    if (cut(line, "::", field, 2) == 2) {
        for (char *p = field[1]; (p = strstr(p, "::")); p++) {
            genres = p;
        }
    }
    if (!genres) {
        return catalog_refuse(m->r, err, "not a film, \"%s\"", line);
    }
    *genres = '\0';
    return emit_film_text(m, field[0], field[1], genres + 2, err);
}

static enum reel_status take_genre_100k(struct movielens *m, char *line,
                                        struct reel_error *err)
{
    char *field[2];
    int64_t number;
    if (cut(line, "|", field, 2) != 2 || !catalog_parse_int(field[1], &number) ||
        number < 0 || number >= GENRES_MAX) {
        return catalog_refuse(m->r, err, "not a genre, \"%s\"", line);
    }
    m->genre[number] = base_arena_strdup(&m->names, field[0]);
    return m->genre[number] ? REEL_OK : fail(err, REEL_ENOMEM, "genre %s", field[0]);
}

// Five fields of the film, then a flag for each genre.
static enum reel_status take_film_100k(struct movielens *m, char *line,
                                       struct reel_error *err)
{
    enum { FIELDS = 5 };
    char *field[FIELDS + GENRES_MAX];
    const int32_t n = cut(line, "|", field, FIELDS + GENRES_MAX);
    if (n <= FIELDS) {
        return catalog_refuse(m->r, err, "not a film, \"%s\"", line);
    }
    struct catalog_draft draft;
    catalog_draft_begin(&draft, &m->r->row);
    for (int32_t i = 0; i < n - FIELDS; i++) {
        const char *genre = m->genre[i];
        if (strcmp(field[FIELDS + i], "1") == 0 && genre &&
            strcmp(genre, "unknown") != 0) {
            catalog_draft_genre(&draft, genre);
        }
    }
    const enum reel_status rc = emit_film(m, &draft, field[0], field[1], err);
    base_arena_clear(&m->r->row);
    return rc;
}

typedef enum reel_status line_call(struct movielens *m, char *line,
                                   struct reel_error *err);

static enum reel_status read_lines(struct movielens *m, const char *name, line_call *take,
                                   struct reel_error *err)
{
    const int32_t i_member = catalog_source_find(m->r->source, name, 0);
    struct catalog_input *in;
    if (i_member < 0) {
        return REEL_OK;
    }
    enum reel_status rc = catalog_input_open(m->r->source, i_member, &in, err);
    if (rc != REEL_OK) {
        return rc;
    }
    if (m->is_latin1) {
        catalog_input_set_latin1(in);
    }
    char *line = NULL;
    while ((rc = catalog_input_line(in, &line, err)) == REEL_OK && line) {
        m->r->where = catalog_input_where(in);
        if (*line && (rc = take(m, line, err)) != REEL_OK) {
            break;
        }
    }
    catalog_input_close(in);
    return rc;
}

static enum reel_status read_100k(struct movielens *m, struct reel_error *err)
{
    static const char *const usual[] = {
        "unknown",   "Action",   "Adventure",   "Animation", "Children's",
        "Comedy",    "Crime",    "Documentary", "Drama",     "Fantasy",
        "Film-Noir", "Horror",   "Musical",     "Mystery",   "Romance",
        "Sci-Fi",    "Thriller", "War",         "Western"};
    memcpy(m->genre, usual, sizeof usual); // u.genre may be missing
    m->space = SPACE_100K;
    m->is_latin1 = true;
    enum reel_status rc = read_lines(m, "u.genre", take_genre_100k, err);
    rc = rc ? rc : read_lines(m, "u.item", take_film_100k, err);
    rc = rc ? rc : read_lines(m, "u.user", take_user_100k, err);
    return rc ? rc : read_lines(m, "u.data", take_rating_100k, err);
}

// Only 1M has users, and only 10M has tags.
static enum reel_status read_dat(struct movielens *m, struct reel_error *err)
{
    const bool is_10m = catalog_source_find(m->r->source, "tags.dat", 0) >= 0;
    m->space = is_10m ? SPACE_LATER : SPACE_1M;
    m->is_latin1 = !is_10m;
    enum reel_status rc = read_lines(m, "movies.dat", take_film_dat, err);
    rc = rc ? rc : read_lines(m, "users.dat", take_user_dat, err);
    rc = rc ? rc : read_lines(m, "ratings.dat", take_rating_dat, err);
    return rc ? rc : read_lines(m, "tags.dat", take_tag_dat, err);
}

static enum reel_status read_any(struct movielens *m, struct reel_error *err)
{
    const struct catalog_source *source = m->r->source;
    const bool has_csv = catalog_source_find(source, "ratings.csv", 0) >= 0 ||
                         catalog_source_find(source, "movies.csv", 0) >= 0;
    m->space = SPACE_LATER;
    if (catalog_source_find(source, "u.data", 0) >= 0 ||
        catalog_source_find(source, "u.item", 0) >= 0 ||
        catalog_source_find(source, "u.user", 0) >= 0) {
        return read_100k(m, err);
    }
    if (catalog_source_find(source, "*.dat", 0) >= 0) {
        return read_dat(m, err);
    }
    if (has_csv) {
        return read_later(m, err);
    }
    if (catalog_source_is_file(source)) {
        return read_csv(m, 0, err);
    }
    return fail(err, REEL_EFORMAT, "%s: no u.data, ratings.dat or ratings.csv in it",
                catalog_source_path(source));
}

enum reel_status catalog_movielens_read(struct catalog_reader *r, struct reel_error *err)
{
    struct movielens m = {.r = r};
    base_arena_init(&m.names, 64 << 20);
    enum reel_status rc = base_hash_create(&m.link_of, err);
    rc = rc ? rc : base_hash_create(&m.tag_of, err);
    rc = rc ? rc : read_any(&m, err);
    base_hash_free(m.link_of);
    base_hash_free(m.tag_of);
    base_free(m.link);
    base_free(m.tag);
    base_arena_release(&m.names);
    return rc;
}
