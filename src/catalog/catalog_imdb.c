// IMDb's daily tables for non-commercial use: tabs, no quotes, \N for what is not known, a
// header by which a table is recognised whatever its file is called.
//
// Every table tells its part of a film under the same id, and the store puts the parts
// together; so tables are read one after another in constant memory, but for:
// - the ids of films, when title.basics is there: only movie and tvMovie are taken, and the
//   other tables, which know many more titles than films, are cut down to these. A table
//   read on its own is taken whole;
// - the names of people that those films need (title.crew and title.principals know people
//   only by number): about 40 bytes and the name for each, found in a first pass over both.
//
// Of the other titles those in Chinese and English are taken, and the original one.
//
// Source: the description of the data sets at developer.imdb.com.

#include "catalog_draft.h"
#include "catalog_json.h"

#include "base_buffer.h"
#include "base_hash.h"

#include <string.h>

enum { COLUMNS_MAX = 9, NAMES_MAX_BYTES = 1 << 30, NOT_NAMED = -1 };

enum kind { BASICS, RATINGS, AKAS, NAMES, CREW, PRINCIPALS, N_KINDS };

// The columns that are used; the one marked by `telling` is in no other table.
static const struct {
    const char *column[COLUMNS_MAX];
    int telling;
} tables[N_KINDS] = {
    [BASICS] = {{"tconst", "titleType", "primaryTitle", "originalTitle", "isAdult",
                 "startYear", "runtimeMinutes", "genres"},
                1},
    [RATINGS] = {{"tconst", "averageRating", "numVotes"}, 1},
    [AKAS] = {{"titleId", "title", "region", "language", "isOriginalTitle"}, 4},
    [NAMES] = {{"nconst", "primaryName"}, 1},
    [CREW] = {{"tconst", "directors", "writers"}, 1},
    [PRINCIPALS] = {{"tconst", "nconst", "category", "characters"}, 3},
};

struct imdb {
    struct catalog_reader *r;
    int32_t member[N_KINDS]; // -1: not there
    struct catalog_csv csv;  // the table at hand
    int32_t column[COLUMNS_MAX];
    struct base_hash *films; // ids in title.basics; NULL without it
    struct base_hash *names; // number of a person -> offset in name_text, or NOT_NAMED
    struct base_buffer name_text;
    struct catalog_draft draft; // of the film at hand
    char film[16];              // "": none at hand
    struct reel_where where;    // of its first row
};

// Column `i` of the row; NULL when it says nothing.
static char *said(const struct imdb *imdb, int i)
{
    char *text = catalog_csv_field(&imdb->csv, imdb->column[i]);
    return text[0] && strcmp(text, "\\N") != 0 ? text : NULL;
}

static enum reel_status refuse(struct imdb *imdb, enum kind kind, int i,
                               struct reel_error *err)
{
    return catalog_refuse(imdb->r, err, "%s: %.80s", tables[kind].column[i],
                          catalog_csv_field(&imdb->csv, imdb->column[i]));
}

static bool is_wanted(const struct imdb *imdb, const char *id)
{
    int64_t unused;
    return !imdb->films || base_hash_get(imdb->films, id, strlen(id), &unused);
}

// ---- the film at hand: one row, or all following rows of one id ----

static enum reel_status flush(struct imdb *imdb, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    const struct reel_film *film = &imdb->draft.film;
    if (imdb->film[0] &&
        (film->ref.title || film->title_original || film->n_titles || film->n_people ||
         !isnan(film->vote_mean) || imdb->draft.is_out_of_memory)) {
        const struct reel_where here = imdb->r->where;
        imdb->r->where = imdb->where;
        rc = catalog_draft_emit(&imdb->draft, imdb->r, err);
        imdb->r->where = here;
    }
    imdb->film[0] = '\0';
    base_arena_clear(&imdb->r->row);
    return rc;
}

// Go on with the film of this row, or begin it; `*is_film` false when it is not wanted.
static enum reel_status take_film(struct imdb *imdb, enum kind kind, bool *is_film,
                                  struct reel_error *err)
{
    char id[16];
    const char *text = said(imdb, 0);
    *is_film = false;
    if (!text || strncmp(text, "tt", 2) != 0 || !catalog_parse_imdb(text, id)) {
        return refuse(imdb, kind, 0, err);
    }
    if (strcmp(id, imdb->film) != 0) {
        const enum reel_status rc = flush(imdb, err);
        if (rc != REEL_OK || (kind != BASICS && !is_wanted(imdb, id))) {
            return rc;
        }
        imdb->where = imdb->r->where;
        memcpy(imdb->film, id, sizeof id);
        catalog_draft_begin(&imdb->draft, &imdb->r->row);
        imdb->draft.film.ref.source = "imdb";
        imdb->draft.film.ref.id = imdb->film;
        imdb->draft.film.ref.imdb = imdb->film;
    }
    *is_film = true;
    return REEL_OK;
}

// ---- rows ----

static bool read_basics_values(struct imdb *imdb, int *i_bad)
{
    struct reel_film *film = &imdb->draft.film;
    int64_t runtime = 0;
    film->ref.title = said(imdb, 2);
    film->title_original = said(imdb, 3);
    const char *adult = said(imdb, 4), *year = said(imdb, 5), *minutes = said(imdb, 6);
    *i_bad = 2;
    if (!film->ref.title) {
        return false;
    }
    *i_bad = 5;
    if (year && !catalog_parse_year(year, &film->ref.year)) {
        return false;
    }
    *i_bad = 6;
    if (minutes &&
        (!catalog_parse_int(minutes, &runtime) || runtime < 0 || runtime > 100000)) {
        return false;
    }
    film->runtime_min = (int32_t)runtime;
    film->age_rating = adult && strcmp(adult, "1") == 0 ? "18+" : NULL;
    return true;
}

static enum reel_status basics_row(struct imdb *imdb, struct reel_error *err)
{
    const char *type = said(imdb, 1);
    bool is_film;
    int i_bad;
    if (!type || (strcmp(type, "movie") != 0 && strcmp(type, "tvMovie") != 0)) {
        return REEL_OK;
    }
    enum reel_status rc = take_film(imdb, BASICS, &is_film, err);
    if (rc != REEL_OK || !is_film) {
        return rc;
    }
    if (!read_basics_values(imdb, &i_bad)) {
        imdb->film[0] = '\0';
        return refuse(imdb, BASICS, i_bad, err);
    }
    bool is_new;
    if (!base_hash_get_or_add(imdb->films, imdb->film, strlen(imdb->film), 0, &is_new)) {
        return fail(err, REEL_ENOMEM, "ids of %zu films", base_hash_n(imdb->films));
    }
    const char *genre[16];
    const int32_t n_genres = catalog_split(said(imdb, 7), ',', genre, 16);
    for (int32_t i = 0; i < n_genres; i++) {
        catalog_draft_genre(&imdb->draft, genre[i]);
    }
    return flush(imdb, err);
}

static enum reel_status ratings_row(struct imdb *imdb, struct reel_error *err)
{
    bool is_film;
    enum reel_status rc = take_film(imdb, RATINGS, &is_film, err);
    if (rc != REEL_OK || !is_film) {
        return rc;
    }
    struct reel_film *film = &imdb->draft.film;
    const char *mean = said(imdb, 1), *n_votes = said(imdb, 2);
    if (!mean || !catalog_parse_decimal(mean, &film->vote_mean) || film->vote_mean < 0 ||
        film->vote_mean > 10) {
        imdb->film[0] = '\0';
        return refuse(imdb, RATINGS, 1, err);
    }
    if (n_votes && (!catalog_parse_int(n_votes, &film->n_votes) || film->n_votes < 0)) {
        imdb->film[0] = '\0';
        return refuse(imdb, RATINGS, 2, err);
    }
    return flush(imdb, err);
}

// Language of a title by region, language and letters; NULL: not one of those taken.
static const char *language_of(const char *title, const char *region,
                               const char *language)
{
    static const char *const chinese[][2] = {
        {"CN", "zh-CN"}, {"HK", "zh-HK"}, {"TW", "zh-TW"}, {"SG", "zh-SG"}};
    const char *letters = catalog_title_language(title);
    const bool is_chinese = letters && strcmp(letters, "zh") == 0;
    for (size_t i = 0; is_chinese && region && i < 4; i++) {
        if (strcmp(region, chinese[i][0]) == 0) {
            return chinese[i][1];
        }
    }
    if (is_chinese && language &&
        (strcmp(language, "zh") == 0 || strcmp(language, "cmn") == 0 ||
         strcmp(language, "yue") == 0)) {
        return "zh";
    }
    const bool is_english =
        language ? strcmp(language, "en") == 0
                 : region && (strcmp(region, "US") == 0 || strcmp(region, "GB") == 0);
    return is_english && !letters ? "en" : NULL;
}

static enum reel_status akas_row(struct imdb *imdb, struct reel_error *err)
{
    bool is_film;
    enum reel_status rc = take_film(imdb, AKAS, &is_film, err);
    const char *title = said(imdb, 1);
    if (rc != REEL_OK || !is_film || !title) {
        return rc;
    }
    struct catalog_draft *draft = &imdb->draft;
    const char *original = said(imdb, 4);
    if (original && strcmp(original, "1") == 0) {
        draft->film.title_original = catalog_draft_keep(draft, title);
        return REEL_OK;
    }
    const char *language = language_of(title, said(imdb, 2), said(imdb, 3));
    for (int32_t i = 0; language && i < draft->film.n_titles; i++) {
        if (strcmp(draft->titles[i].text, title) == 0 &&
            strcmp(draft->titles[i].language, language) == 0) {
            return REEL_OK;
        }
    }
    if (language) {
        catalog_draft_title(draft, catalog_draft_keep(draft, title), language);
    }
    return REEL_OK;
}

// ---- people ----

static enum reel_status need_name(struct imdb *imdb, const char *number,
                                  struct reel_error *err)
{
    bool is_new;
    return base_hash_get_or_add(imdb->names, number, strlen(number), NOT_NAMED, &is_new)
               ? REEL_OK
               : fail(err, REEL_ENOMEM, "numbers of %zu people",
                      base_hash_n(imdb->names));
}

static enum reel_status name_row(struct imdb *imdb, struct reel_error *err)
{
    const char *number = said(imdb, 0), *name = said(imdb, 1);
    int64_t offset;
    bool is_new;
    if (!number || !name ||
        !base_hash_get(imdb->names, number, strlen(number), &offset)) {
        return REEL_OK;
    }
    offset = (int64_t)imdb->name_text.n_bytes;
    int64_t *slot =
        base_hash_get_or_add(imdb->names, number, strlen(number), offset, &is_new);
    if (!slot || !base_buffer_add(&imdb->name_text, name, strlen(name) + 1)) {
        return fail(err, REEL_ENOMEM, "names of %zu people", base_hash_n(imdb->names));
    }
    *slot = offset;
    return REEL_OK;
}

static const char *name_of(const struct imdb *imdb, const char *number)
{
    int64_t offset = NOT_NAMED;
    if (!base_hash_get(imdb->names, number, strlen(number), &offset) || offset < 0) {
        return NULL;
    }
    return imdb->name_text.data + offset;
}

enum { CREW_MAX = 256 }; // of one film and role; more is no longer telling

// Directors and writers of a row: `need` in the first pass, added to the film in the second.
static enum reel_status crew_row_pass(struct imdb *imdb, bool is_first,
                                      struct reel_error *err)
{
    static const enum reel_role role[] = {REEL_ROLE_DIRECTOR, REEL_ROLE_WRITER};
    bool is_film;
    enum reel_status rc = take_film(imdb, CREW, &is_film, err);
    for (int k = 0; rc == REEL_OK && is_film && k < 2; k++) {
        const char *number[CREW_MAX];
        const int32_t n = catalog_split(said(imdb, 1 + k), ',', number, CREW_MAX);
        for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
            if (is_first) {
                rc = need_name(imdb, number[i], err);
            } else {
                catalog_draft_person(&imdb->draft, name_of(imdb, number[i]), role[k],
                                     NULL);
            }
        }
    }
    return rc ? rc : flush(imdb, err);
}

static enum reel_status crew_row_first(struct imdb *imdb, struct reel_error *err)
{
    return crew_row_pass(imdb, true, err);
}

static enum reel_status crew_row(struct imdb *imdb, struct reel_error *err)
{
    return crew_row_pass(imdb, false, err);
}

// Role of a category; 0 for those that are left out. title.crew knows directors and writers
// better, where it is there.
static int role_of_category(const struct imdb *imdb, const char *category)
{
    static const struct {
        const char *category;
        int role;
    } roles[] = {
        {"actor", REEL_ROLE_ACTOR},    {"actress", REEL_ROLE_ACTOR},
        {"self", REEL_ROLE_ACTOR},     {"director", REEL_ROLE_DIRECTOR},
        {"writer", REEL_ROLE_WRITER},  {"composer", REEL_ROLE_OTHER},
        {"producer", REEL_ROLE_OTHER}, {"cinematographer", REEL_ROLE_OTHER},
        {"editor", REEL_ROLE_OTHER},
    };
    for (size_t i = 0; category && i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(category, roles[i].category) == 0) {
            const bool is_crew =
                roles[i].role == REEL_ROLE_DIRECTOR || roles[i].role == REEL_ROLE_WRITER;
            return is_crew && imdb->member[CREW] >= 0 ? 0 : roles[i].role;
        }
    }
    return 0;
}

static enum reel_status principals_row_first(struct imdb *imdb, struct reel_error *err)
{
    bool is_film;
    const enum reel_status rc = take_film(imdb, PRINCIPALS, &is_film, err);
    const char *number = said(imdb, 1);
    if (rc != REEL_OK || !is_film || !number || !role_of_category(imdb, said(imdb, 2))) {
        return rc;
    }
    return need_name(imdb, number, err);
}

// First of ["Neo","Thomas Anderson"], in the arena; NULL when there is none.
static const char *first_character(struct imdb *imdb, const char *text)
{
    struct catalog_json list;
    const char *kept = NULL;
    if (text && catalog_json_parse(&list, text, strlen(text))) {
        kept = catalog_draft_keep(&imdb->draft,
                                  catalog_json_string(catalog_json_item(list.root, 0)));
        catalog_json_release(&list);
    }
    return kept;
}

static enum reel_status principals_row(struct imdb *imdb, struct reel_error *err)
{
    bool is_film;
    const enum reel_status rc = take_film(imdb, PRINCIPALS, &is_film, err);
    const char *number = said(imdb, 1);
    const int role = role_of_category(imdb, said(imdb, 2));
    const char *name = number && role ? name_of(imdb, number) : NULL;
    if (rc == REEL_OK && is_film && name) {
        catalog_draft_person(&imdb->draft, name, (enum reel_role)role,
                             first_character(imdb, said(imdb, 3)));
    }
    return rc;
}

// ---- tables ----

typedef enum reel_status row_call(struct imdb *imdb, struct reel_error *err);

static enum reel_status read_rows(struct imdb *imdb, enum kind kind, row_call *call,
                                  struct reel_error *err)
{
    struct catalog_csv *csv = &imdb->csv;
    bool is_row = true;
    enum reel_status rc = REEL_OK;
    for (int i = 0; i < COLUMNS_MAX && tables[kind].column[i]; i++) {
        imdb->column[i] = catalog_csv_column(csv, tables[kind].column[i]);
    }
    imdb->r->where = catalog_input_where(csv->in);
    if (imdb->column[0] < 0) {
        return catalog_fail(imdb->r, err, "no column %s", tables[kind].column[0]);
    }
    while (rc == REEL_OK && (rc = catalog_csv_next(csv, &is_row, err)) == REEL_OK &&
           is_row) {
        imdb->r->where = catalog_input_where(csv->in);
        rc = csv->n_fields == csv->n_columns
                 ? call(imdb, err)
                 : catalog_refuse(imdb->r, err, "%d columns where the header has %d",
                                  csv->n_fields, csv->n_columns);
    }
    return rc ? rc : flush(imdb, err);
}

static enum reel_status read_table(struct imdb *imdb, enum kind kind, row_call *call,
                                   struct reel_error *err)
{
    struct catalog_input *in = NULL;
    if (imdb->member[kind] < 0) {
        return REEL_OK;
    }
    enum reel_status rc =
        catalog_input_open(imdb->r->source, imdb->member[kind], &in, err);
    if (rc == REEL_OK) {
        rc = catalog_csv_init_raw(&imdb->csv, in, err);
        rc = rc ? rc : read_rows(imdb, kind, call, err);
        catalog_csv_release(&imdb->csv);
    }
    catalog_input_close(in);
    return rc;
}

// Which table a member is, by its header.
static enum reel_status recognise(struct imdb *imdb, int32_t i_member,
                                  struct reel_error *err)
{
    struct catalog_input *in = NULL;
    enum reel_status rc = catalog_input_open(imdb->r->source, i_member, &in, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = catalog_csv_init_raw(&imdb->csv, in, err);
    for (int k = 0; rc == REEL_OK && k < N_KINDS; k++) {
        const char *telling = tables[k].column[tables[k].telling];
        if (catalog_csv_column(&imdb->csv, telling) >= 0 && imdb->member[k] < 0) {
            imdb->member[k] = i_member;
            break;
        }
    }
    catalog_csv_release(&imdb->csv);
    catalog_input_close(in);
    return rc;
}

static enum reel_status find_tables(struct imdb *imdb, struct reel_error *err)
{
    struct catalog_source *source = imdb->r->source;
    enum reel_status rc = REEL_OK;
    bool is_any = false;
    for (int k = 0; k < N_KINDS; k++) {
        imdb->member[k] = -1;
    }
    if (catalog_source_is_file(source)) {
        rc = recognise(imdb, 0, err);
    } else {
        int32_t i = -1;
        while (rc == REEL_OK && (i = catalog_source_find(source, "*.tsv", i + 1)) >= 0) {
            rc = recognise(imdb, i, err);
        }
    }
    const bool has_names = imdb->member[NAMES] >= 0;
    for (int k = 0; k < N_KINDS; k++) {
        is_any |= imdb->member[k] >= 0 && (k < NAMES || (k > NAMES && has_names));
    }
    if (rc == REEL_OK && !is_any) {
        return fail(err, REEL_EFORMAT,
                    "%s: no title.basics, title.ratings or title.akas; title.crew and "
                    "title.principals need name.basics beside them",
                    catalog_source_path(source));
    }
    return rc;
}

static enum reel_status read_people(struct imdb *imdb, struct reel_error *err)
{
    if (imdb->member[NAMES] < 0 ||
        (imdb->member[CREW] < 0 && imdb->member[PRINCIPALS] < 0)) {
        return REEL_OK;
    }
    enum reel_status rc = base_hash_create(&imdb->names, err);
    rc = rc ? rc : read_table(imdb, CREW, crew_row_first, err);
    rc = rc ? rc : read_table(imdb, PRINCIPALS, principals_row_first, err);
    rc = rc ? rc : read_table(imdb, NAMES, name_row, err);
    rc = rc ? rc : read_table(imdb, CREW, crew_row, err);
    return rc ? rc : read_table(imdb, PRINCIPALS, principals_row, err);
}

enum reel_status catalog_imdb_read(struct catalog_reader *r, struct reel_error *err)
{
    struct imdb imdb = {.r = r};
    base_buffer_init(&imdb.name_text, NAMES_MAX_BYTES);
    enum reel_status rc = find_tables(&imdb, err);
    if (rc == REEL_OK && imdb.member[BASICS] >= 0) {
        rc = base_hash_create(&imdb.films, err);
    }
    rc = rc ? rc : read_table(&imdb, BASICS, basics_row, err);
    rc = rc ? rc : read_table(&imdb, RATINGS, ratings_row, err);
    rc = rc ? rc : read_table(&imdb, AKAS, akas_row, err);
    rc = rc ? rc : read_people(&imdb, err);
    base_hash_free(imdb.films);
    base_hash_free(imdb.names);
    base_buffer_release(&imdb.name_text);
    return rc;
}
