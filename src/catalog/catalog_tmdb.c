// TMDB in three shapes, told apart by what a file begins with:
// - JSON lines: the daily list of ids, or whole film objects of the API, one a line (an
//   array of them will do), with credits, keywords, release_dates, translations,
//   alternative_titles and external_ids where they were asked for;
// - tmdb_5000_movies.csv, a table whose lists are JSON inside cells;
// - tmdb_5000_credits.csv, cast and crew of the same films.
// Each gives what it knows under the film's TMDB id; the store puts it together.

#include "catalog_draft.h"
#include "catalog_items.h"

#include <fnmatch.h>
#include <string.h>

// ---- lists, the same in objects and in cells ----

typedef void add_text_call(struct catalog_draft *draft, const char *text);

static void add_names(struct catalog_draft *draft, struct catalog_json *row,
                      const struct json_t *array, add_text_call *add)
{
    for (size_t i = 0; i < catalog_json_n(array); i++) {
        add(draft, catalog_json_text(row, catalog_json_item(array, i), "name"));
    }
}

static void add_cast(struct catalog_draft *draft, struct catalog_json *row,
                     const struct json_t *cast)
{
    for (size_t i = 0; i < catalog_json_n(cast); i++) {
        const struct json_t *actor = catalog_json_item(cast, i);
        catalog_draft_person(draft, catalog_json_text(row, actor, "name"),
                             REEL_ROLE_ACTOR, catalog_json_text(row, actor, "character"));
    }
}

// Role of a job; 0 for the many that do not tell one film from another.
static int role_of_job(const char *job, const char *department)
{
    static const char *const others[] = {"Original Music Composer",
                                         "Director of Photography", "Editor", "Producer"};
    if (strcmp(job, "Director") == 0) {
        return REEL_ROLE_DIRECTOR;
    }
    if (strcmp(department, "Writing") == 0) {
        return REEL_ROLE_WRITER;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(job, others[i]) == 0) {
            return REEL_ROLE_OTHER;
        }
    }
    return 0;
}

static void add_crew(struct catalog_draft *draft, struct catalog_json *row,
                     const struct json_t *crew)
{
    for (size_t i = 0; i < catalog_json_n(crew); i++) {
        const struct json_t *person = catalog_json_item(crew, i);
        const char *job = catalog_json_text(row, person, "job");
        const char *department = catalog_json_text(row, person, "department");
        const int role = role_of_job(job ? job : "", department ? department : "");
        if (role) {
            catalog_draft_person(draft, catalog_json_text(row, person, "name"),
                                 (enum reel_role)role, NULL);
        }
    }
}

// ---- objects of the API ----

// Certification in the United States, else the first country that has one.
static const char *certification(struct catalog_json *row, const struct json_t *film)
{
    const struct json_t *results = catalog_json_array(
        row, catalog_json_object(row, film, "release_dates"), "results");
    const char *found = NULL;
    for (size_t i = 0; i < catalog_json_n(results); i++) {
        const struct json_t *country = catalog_json_item(results, i);
        const char *code = catalog_json_text(row, country, "iso_3166_1");
        const bool is_us = code && strcmp(code, "US") == 0;
        const struct json_t *dates = catalog_json_array(row, country, "release_dates");
        for (size_t j = 0; j < catalog_json_n(dates); j++) {
            const char *text =
                catalog_json_text(row, catalog_json_item(dates, j), "certification");
            if (text && is_us) {
                return text;
            }
            found = found ? found : text;
        }
    }
    return found;
}

// "zh" and "CN" to "zh-CN"; the region is left out where it adds nothing.
static const char *language_with_region(struct catalog_draft *draft, const char *language,
                                        const char *region)
{
    if (!language || !region || strcmp(language, "zh") != 0) {
        return language;
    }
    char text[16];
    snprintf(text, sizeof text, "zh-%.8s", region);
    return catalog_draft_keep(draft, text);
}

static void add_titles(struct catalog_draft *draft, struct catalog_json *row,
                       const struct json_t *film)
{
    const struct json_t *all = catalog_json_array(
        row, catalog_json_object(row, film, "translations"), "translations");
    for (size_t i = 0; i < catalog_json_n(all); i++) {
        const struct json_t *one = catalog_json_item(all, i);
        const char *title =
            catalog_json_text(row, catalog_json_object(row, one, "data"), "title");
        const char *language = catalog_json_text(row, one, "iso_639_1");
        const char *region = catalog_json_text(row, one, "iso_3166_1");
        if (title) {
            catalog_draft_title(draft, title,
                                language_with_region(draft, language, region));
        }
    }
    all = catalog_json_array(row, catalog_json_object(row, film, "alternative_titles"),
                             "titles");
    for (size_t i = 0; i < catalog_json_n(all); i++) {
        const struct json_t *one = catalog_json_item(all, i);
        const char *title = catalog_json_text(row, one, "title");
        const char *language = title ? catalog_title_language(title) : NULL;
        const char *region = catalog_json_text(row, one, "iso_3166_1");
        catalog_draft_title(draft, title, language_with_region(draft, language, region));
    }
}

static void read_ref(struct catalog_draft *draft, struct catalog_json *row,
                     const struct json_t *object)
{
    struct reel_film_ref *ref = &draft->film.ref;
    const struct json_t *ids = catalog_json_object(row, object, "external_ids");
    ref->source = "tmdb";
    ref->tmdb = catalog_json_int(row, object, "id", 1, INT64_MAX, 0);
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)ref->tmdb);
    ref->id = catalog_draft_keep(draft, text);
    ref->title = catalog_json_text(row, object, "title");
    draft->film.title_original = catalog_json_text(row, object, "original_title");
    ref->title = ref->title ? ref->title : draft->film.title_original;
    const char *imdb = catalog_json_text(row, object, "imdb_id");
    imdb = imdb ? imdb : catalog_json_text(row, ids, "imdb_id");
    char id[16];
    if (imdb && catalog_parse_imdb(imdb, id)) {
        ref->imdb = catalog_draft_keep(draft, id);
    } else if (imdb) {
        catalog_json_complain(row, "imdb_id: %.60s is not an IMDb id", imdb);
    }
    const char *date = catalog_json_text(row, object, "release_date");
    if (date && !catalog_parse_year(date, &ref->year)) {
        catalog_json_complain(row, "release_date: no year in %.60s", date);
    }
    catalog_draft_link(draft, "wikidata", catalog_json_text(row, ids, "wikidata_id"));
    if (!ref->tmdb) {
        catalog_json_complain(row, "no id");
    } else if (!ref->title) {
        const bool is_show = catalog_json_member(object, "original_name");
        catalog_json_complain(
            row, is_show ? "%lld is a television show, not a film" : "%lld has no title",
            (long long)ref->tmdb);
    }
}

static void read_object(struct catalog_draft *draft, struct catalog_json *row)
{
    const struct json_t *object = row->root;
    struct reel_film *film = &draft->film;
    read_ref(draft, row, object);
    film->language = catalog_json_text(row, object, "original_language");
    film->overview = catalog_json_text(row, object, "overview");
    film->tagline = catalog_json_text(row, object, "tagline");
    film->runtime_min = (int32_t)catalog_json_int(row, object, "runtime", 0, 100000, 0);
    film->popularity = catalog_json_number(row, object, "popularity");
    film->n_votes = catalog_json_int(row, object, "vote_count", 0, INT64_MAX, 0);
    film->vote_mean = catalog_json_number(row, object, "vote_average");
    if (film->n_votes == 0) {
        film->vote_mean = NAN; // written as 0
    } else if (film->vote_mean < 0 || film->vote_mean > 10) {
        catalog_json_complain(row, "vote_average out of range, %g", film->vote_mean);
    }
    film->age_rating = certification(row, object);
    if (!film->age_rating && catalog_json_bool(row, object, "adult")) {
        film->age_rating = "18+";
    }
    add_names(draft, row, catalog_json_array(row, object, "genres"), catalog_draft_genre);
    add_names(draft, row, catalog_json_array(row, object, "production_countries"),
              catalog_draft_country);
    const struct json_t *keywords = catalog_json_member(object, "keywords");
    if (catalog_json_is_object(keywords)) {
        keywords = catalog_json_array(row, keywords, "keywords");
    }
    add_names(draft, row, keywords, catalog_draft_keyword);
    catalog_draft_keyword(
        draft,
        catalog_json_text(row, catalog_json_object(row, object, "belongs_to_collection"),
                          "name"));
    const struct json_t *credits = catalog_json_object(row, object, "credits");
    credits = credits ? credits : object;
    add_cast(draft, row, catalog_json_array(row, credits, "cast"));
    add_crew(draft, row, catalog_json_array(row, credits, "crew"));
    add_titles(draft, row, object);
    catalog_draft_link(draft, "homepage", catalog_json_text(row, object, "homepage"));
}

static enum reel_status read_objects(struct catalog_reader *r, int32_t i_member,
                                     struct reel_error *err)
{
    struct catalog_items items;
    struct catalog_json *row = NULL;
    enum reel_status rc = catalog_items_open(&items, r, i_member, err);
    while (rc == REEL_OK && (rc = catalog_items_next(&items, &row, err)) == REEL_OK &&
           row) {
        struct catalog_draft draft;
        catalog_draft_begin(&draft, &r->row);
        read_object(&draft, row);
        rc = row->problem[0] ? catalog_items_refuse(&items, row->problem, err)
                             : catalog_draft_emit(&draft, r, err);
        base_arena_clear(&r->row);
    }
    catalog_items_close(&items);
    return rc;
}

// ---- tables ----

enum column {
    COL_ID,
    COL_MOVIE_ID,
    COL_TITLE,
    COL_ORIGINAL_TITLE,
    COL_LANGUAGE,
    COL_OVERVIEW,
    COL_TAGLINE,
    COL_HOMEPAGE,
    COL_RELEASE_DATE,
    COL_RUNTIME,
    COL_POPULARITY,
    COL_VOTE_AVERAGE,
    COL_VOTE_COUNT,
    COL_GENRES,
    COL_KEYWORDS,
    COL_COUNTRIES,
    COL_CAST,
    COL_CREW,
    N_COLUMNS,
};

static const char *const column_names[N_COLUMNS] = {
    "id",
    "movie_id",
    "title",
    "original_title",
    "original_language",
    "overview",
    "tagline",
    "homepage",
    "release_date",
    "runtime",
    "popularity",
    "vote_average",
    "vote_count",
    "genres",
    "keywords",
    "production_countries",
    "cast",
    "crew",
};

struct table {
    struct catalog_csv csv;
    int32_t column[N_COLUMNS];
    struct catalog_json cell[N_COLUMNS]; // lists of the row at hand
    char problem[256];                   // of the row at hand; "" none
};

static const char *field(const struct table *table, enum column c)
{
    return catalog_trim(catalog_csv_field(&table->csv, table->column[c]));
}

static void complain(struct table *table, enum column c, const char *what)
{
    if (!table->problem[0]) {
        snprintf(table->problem, sizeof table->problem, "%s: %.80s", column_names[c],
                 what);
    }
}

static double decimal(struct table *table, enum column c, double low, double high)
{
    const char *text = field(table, c);
    double value = NAN;
    if (text[0] &&
        (!catalog_parse_decimal(text, &value) || value < low || value > high)) {
        complain(table, c, text);
        return NAN;
    }
    return value;
}

// The list in a cell, parsed; NULL when the cell is empty or broken.
static const struct json_t *list(struct table *table, enum column c)
{
    const char *text = field(table, c);
    struct catalog_json *cell = &table->cell[c];
    if (!text[0]) {
        return NULL;
    }
    if (!catalog_json_parse(cell, text, strlen(text))) {
        complain(table, c, cell->problem);
        return NULL;
    }
    if (!catalog_json_is_array(cell->root)) {
        complain(table, c, "not a list");
    }
    return cell->root;
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static void read_row(struct table *table, struct catalog_draft *draft)
{
    struct reel_film *film = &draft->film;
    struct reel_film_ref *ref = &film->ref;
    const enum column c_id = table->column[COL_MOVIE_ID] >= 0 ? COL_MOVIE_ID : COL_ID;
    ref->source = "tmdb";
    ref->id = field(table, c_id);
    if (!catalog_parse_int(ref->id, &ref->tmdb) || ref->tmdb <= 0) {
        complain(table, c_id, ref->id[0] ? ref->id : "nothing");
    }
    ref->title = or_null(field(table, COL_TITLE));
    film->title_original = or_null(field(table, COL_ORIGINAL_TITLE));
    ref->title = ref->title ? ref->title : film->title_original;
    const char *date = field(table, COL_RELEASE_DATE);
    if (date[0] && !catalog_parse_year(date, &ref->year)) {
        complain(table, COL_RELEASE_DATE, date);
    }
    film->language = or_null(field(table, COL_LANGUAGE));
    film->overview = or_null(field(table, COL_OVERVIEW));
    film->tagline = or_null(field(table, COL_TAGLINE));
    const double runtime = decimal(table, COL_RUNTIME, 0, 100000);
    film->runtime_min = isnan(runtime) ? 0 : (int32_t)runtime;
    film->popularity = decimal(table, COL_POPULARITY, 0, 1e12);
    const double n_votes = decimal(table, COL_VOTE_COUNT, 0, 1e15);
    film->n_votes = isnan(n_votes) ? 0 : (int64_t)n_votes;
    film->vote_mean = decimal(table, COL_VOTE_AVERAGE, 0, 10);
    film->vote_mean = film->n_votes > 0 ? film->vote_mean : NAN;
    catalog_draft_link(draft, "homepage", field(table, COL_HOMEPAGE));

    const struct json_t *genres = list(table, COL_GENRES);
    add_names(draft, &table->cell[COL_GENRES], genres, catalog_draft_genre);
    const struct json_t *keywords = list(table, COL_KEYWORDS);
    add_names(draft, &table->cell[COL_KEYWORDS], keywords, catalog_draft_keyword);
    const struct json_t *countries = list(table, COL_COUNTRIES);
    add_names(draft, &table->cell[COL_COUNTRIES], countries, catalog_draft_country);
    const struct json_t *cast = list(table, COL_CAST);
    add_cast(draft, &table->cell[COL_CAST], cast);
    const struct json_t *crew = list(table, COL_CREW);
    add_crew(draft, &table->cell[COL_CREW], crew);
    for (enum column c = 0; c < N_COLUMNS; c++) {
        if (table->cell[c].problem[0]) {
            complain(table, c, table->cell[c].problem);
        }
    }
}

static enum reel_status read_table(struct catalog_reader *r, struct catalog_input *in,
                                   struct reel_error *err)
{
    struct table table = {0};
    enum reel_status rc = catalog_csv_init(&table.csv, in, 0, err);
    r->where = catalog_input_where(in);
    if (rc != REEL_OK) {
        goto done;
    }
    for (enum column c = 0; c < N_COLUMNS; c++) {
        table.column[c] = catalog_csv_column(&table.csv, column_names[c]);
    }
    if ((table.column[COL_ID] < 0 && table.column[COL_MOVIE_ID] < 0) ||
        (table.column[COL_TITLE] < 0 && table.column[COL_ORIGINAL_TITLE] < 0)) {
        rc = catalog_fail(r, err, "no columns id and title, so no table of TMDB films");
    }
    bool is_row = true;
    while (rc == REEL_OK &&
           (rc = catalog_csv_next(&table.csv, &is_row, err)) == REEL_OK && is_row) {
        struct catalog_draft draft;
        r->where = catalog_input_where(in);
        catalog_draft_begin(&draft, &r->row);
        read_row(&table, &draft);
        rc = table.problem[0] ? catalog_refuse(r, err, "%s", table.problem)
                              : catalog_draft_emit(&draft, r, err);
        for (enum column c = 0; c < N_COLUMNS; c++) {
            catalog_json_release(&table.cell[c]);
            table.cell[c].problem[0] = '\0';
        }
        table.problem[0] = '\0';
        base_arena_clear(&r->row);
    }
done:
    catalog_csv_release(&table.csv);
    return rc;
}

static enum reel_status read_member(struct catalog_reader *r, int32_t i_member,
                                    struct reel_error *err)
{
    struct catalog_input *in = NULL;
    char *line = NULL;
    enum reel_status rc = catalog_input_open(r->source, i_member, &in, err);
    rc = rc ? rc : catalog_input_line(in, &line, err);
    const char first = line ? line[strspn(line, " \t")] : '\0';
    if (rc == REEL_OK && first != '{' && first != '[') {
        rc = catalog_input_rewind(in, err);
        rc = rc ? rc : read_table(r, in, err);
    } else if (rc == REEL_OK) {
        catalog_input_close(in);
        in = NULL;
        rc = read_objects(r, i_member, err);
    }
    catalog_input_close(in);
    return rc;
}

static bool is_ours(const char *name)
{
    static const char *const patterns[] = {
        "*.json", "*.jsonl", "*.ndjson", "*.json.gz", "*.jsonl.gz", "*.csv", "*.csv.gz"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        if (fnmatch(patterns[i], name, FNM_CASEFOLD) == 0) {
            return true;
        }
    }
    return false;
}

enum reel_status catalog_tmdb_read(struct catalog_reader *r, struct reel_error *err)
{
    int32_t n_read = 0;
    for (int32_t i = 0; i < catalog_source_n(r->source); i++) {
        if (catalog_source_is_file(r->source) ||
            is_ours(catalog_source_member(r->source, i))) {
            const enum reel_status rc = read_member(r, i, err);
            if (rc != REEL_OK) {
                return rc;
            }
            n_read++;
        }
    }
    if (n_read == 0) {
        return fail(err, REEL_EFORMAT, "%s: no .json, .jsonl or .csv file in it",
                    catalog_source_path(r->source));
    }
    return REEL_OK;
}
