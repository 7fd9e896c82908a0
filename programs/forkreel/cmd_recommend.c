/** `forkreel recommend VIEWER`: an ordered list with reasons; `--all` for everybody. */
#include "cli_commands.h"
#include "cli_session.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct recommend_words {
    struct reel_list_options list;
    struct cli_names genres, not_genres, languages, people, not_films;
    const char *model, *tsv;
    bool is_all, is_narrowed; /* an option that --all does not know */
    bool has_n;
};

enum {
    KEY_WHY = 0x100,
    KEY_DIVERSITY,
    KEY_METHOD,
    KEY_YEAR,
    KEY_GENRE,
    KEY_NOT_GENRE,
    KEY_LANGUAGE,
    KEY_RUNTIME,
    KEY_AGE,
    KEY_PERSON,
    KEY_NOT,
    KEY_ALL,
    KEY_TSV
};

static const struct argp_option options[] = {
    {"number", 'n', "N", 0, "how many films; default 10", 0},
    {"model", 'm', "NAME", 0, "which model; default: the best that is trained", 0},
    {"why", KEY_WHY, NULL, 0, "give the reasons", 0},
    {"diversity", KEY_DIVERSITY, "X", 0,
     "0: by score alone, to 1: as different as can be", 0},
    {"diversity-method", KEY_METHOD, "mmr|dpp", 0,
     "how films are kept apart; default mmr", 0},
    {NULL, 0, NULL, 0, "Only films that fit:", 1},
    {"year", KEY_YEAR, "A-B", 0, "first shown from A to B; one end may be left out", 1},
    {"genre", KEY_GENRE, "G,...", 0, "of any of these genres", 1},
    {"not-genre", KEY_NOT_GENRE, "G,...", 0, "of none of these genres", 1},
    {"language", KEY_LANGUAGE, "L,...", 0, "originally in any of these: en, zh, ...", 1},
    {"runtime-max", KEY_RUNTIME, "M", 0, "of at most M minutes", 1},
    {"age", KEY_AGE, "A", 0, "known to be fit for a viewer of A years", 1},
    {"person", KEY_PERSON, "P,...", 0, "with any of these people", 1},
    {"not", KEY_NOT, "FILM", 0, "not this film; repeatable", 1},
    {NULL, 0, NULL, 0, "For everybody:", 2},
    {"all", KEY_ALL, NULL, 0, "lists for all viewers", 2},
    {"tsv", KEY_TSV, "FILE", 0,
     "their file: viewer, rank, film, score; - is "
     "standard output",
     2},
    {0}};

/** "1990-1999", "1990-", "-1999" or "1990". */
static void set_years(struct reel_filter *filter, const char *arg,
                      struct argp_state *state)
{
    const char *dash = strchr(arg, '-');
    char *first = cli_need(strndup(arg, dash ? (size_t)(dash - arg) : strlen(arg)));
    const char *last = dash ? dash + 1 : first;
    filter->year_min = *first ? cli_arg_int(state, "--year", first, 1870, 2100) : 0;
    filter->year_max = *last ? cli_arg_int(state, "--year", last, 1870, 2100) : 0;
    free(first);
    if (filter->year_min && filter->year_max && filter->year_min > filter->year_max) {
        argp_error(state, tr("--year %s ends before it begins"), arg);
    }
}

static error_t filter_option(int key, char *arg, struct argp_state *state)
{
    struct recommend_words *words = state->input;
    struct reel_filter *filter = &words->list.filter;
    switch (key) {
    case KEY_YEAR:
        set_years(filter, arg, state);
        return 0;
    case KEY_GENRE:
        cli_names_add(&words->genres, arg);
        return 0;
    case KEY_NOT_GENRE:
        cli_names_add(&words->not_genres, arg);
        return 0;
    case KEY_LANGUAGE:
        cli_names_add(&words->languages, arg);
        return 0;
    case KEY_RUNTIME:
        filter->runtime_max_min = cli_arg_int(state, "--runtime-max", arg, 1, 100000);
        return 0;
    case KEY_AGE:
        filter->age_max = cli_arg_int(state, "--age", arg, 1, 150);
        return 0;
    case KEY_PERSON:
        cli_names_add(&words->people, arg);
        return 0;
    case KEY_NOT:
        words->not_films.name =
            cli_need(reallocarray(words->not_films.name, (size_t)words->not_films.n + 1,
                                  sizeof *words->not_films.name));
        words->not_films.name[words->not_films.n++] =
            cli_need(strdup(arg)); // may have commas
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct recommend_words *words = state->input;
    switch (key) {
    case 'n':
        words->list.n = cli_arg_int(state, "-n", arg, 1, 100000);
        return 0;
    case 'm':
        words->model = arg;
        return 0;
    case KEY_ALL:
        words->is_all = true;
        return 0;
    case KEY_TSV:
        words->tsv = arg;
        return 0;
    default:
        break;
    }
    words->is_narrowed = words->is_narrowed || (key >= KEY_WHY && key < KEY_ALL);
    switch (key) {
    case KEY_WHY:
        words->list.with_reasons = true;
        return 0;
    case KEY_DIVERSITY:
        words->list.diversity = cli_arg_real(state, "--diversity", arg, 0, 1);
        return 0;
    case KEY_METHOD:
        if (strcmp(arg, "mmr") && strcmp(arg, "dpp")) {
            argp_error(state, tr("--diversity-method is mmr or dpp, not '%s'"), arg);
        }
        words->list.method = arg[0] == 'm' ? REEL_DIVERSITY_MMR : REEL_DIVERSITY_DPP;
        return 0;
    default:
        return filter_option(key, arg, state);
    }
}

/* ---- one viewer ---- */

/** A viewer in rows of the film table; `seen` is owned. */
struct viewer {
    struct reel_viewer_state state;
    int32_t *seen;
};

static struct viewer viewer_make(const struct session *s, int32_t v)
{
    const struct reel_csr *seen = &s->history.seen, *chosen = &s->chosen.chosen;
    const int64_t n = seen->start[v + 1] - seen->start[v];
    struct viewer viewer = {.seen =
                                cli_need(malloc((size_t)(n + 1) * sizeof *viewer.seen))};
    for (int64_t e = seen->start[v]; e < seen->start[v + 1]; e++) {
        if (session_is_seen(s, e)) {
            viewer.seen[viewer.state.n_seen++] = seen->col[e];
        }
    }
    viewer.state.seen = viewer.seen;
    viewer.state.chosen =
        (struct reel_query){.film = chosen->col + chosen->start[v],
                            .n = (int32_t)(chosen->start[v + 1] - chosen->start[v])};
    return viewer;
}

static json_t *genres_json(const struct reel_film_table *films, int32_t row)
{
    json_t *list = json_array();
    for (int64_t e = films->genres.start[row]; e < films->genres.start[row + 1]; e++) {
        json_array_append_new(list,
                              cli_json_text(films->genre_name[films->genres.col[e]]));
    }
    return list;
}

static json_t *film_json(const struct session *s, int32_t row)
{
    const struct reel_film_table *films = s->films;
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "key", (json_int_t)films->key[row],
                     "id", cli_json_text(films->source_id[row]), "title",
                     cli_json_text(films->title[row]), "title_zh",
                     cli_json_text(films->title_zh[row]), "year",
                     cli_json_year(films->year[row]));
}

static json_t *list_json(const struct session *s, const struct reel_list *list,
                         const char *viewer, const char *model, bool with_reasons)
{
    json_t *items = json_array();
    for (int32_t i = 0; i < list->n; i++) {
        const struct reel_list_item *item = &list->item[i];
        json_t *object = film_json(s, item->film);
        json_object_set_new(object, "rank", json_integer(i + 1));
        json_object_set_new(object, "genres", genres_json(s->films, item->film));
        json_object_set_new(object, "score", cli_json_real(item->score));
        json_object_set_new(object, "similarity", cli_json_real(item->similarity));
        if (with_reasons) {
            json_t *parts = json_array();
            for (int32_t p = 0; p < item->n_parts; p++) {
                json_t *part = film_json(s, item->part[p].film);
                json_object_set_new(part, "amount", cli_json_real(item->part[p].amount));
                json_array_append_new(parts, part);
            }
            json_object_set_new(object, "reason", cli_json_text(item->reason));
            json_object_set_new(object, "parts", parts);
            json_object_set_new(object, "rest", cli_json_real(item->rest));
        }
        json_array_append_new(items, object);
    }
    return json_pack("{s:o, s:s, s:o}", "viewer", cli_json_text(viewer), "model", model,
                     "films", items);
}

static char *genres_text(const struct reel_film_table *films, int32_t row)
{
    char *text = cli_format("%s", "");
    for (int64_t e = films->genres.start[row]; e < films->genres.start[row + 1]; e++) {
        char *longer = cli_format("%s%s%s", text, *text ? ", " : "",
                                  films->genre_name[films->genres.col[e]]);
        free(text);
        text = longer;
    }
    return text;
}

/** Decimals that suit the scores of a model: none for counts, four for shares. */
static int n_decimals(const struct reel_list *list)
{
    bool is_whole = true;
    for (int32_t i = 0; i < list->n; i++) {
        is_whole = is_whole && list->item[i].score == roundf(list->item[i].score);
    }
    return is_whole ? 0 : list->n && fabsf(list->item[0].score) >= 100 ? 1 : 4;
}

static void print_list(const struct session *s, const struct reel_list *list)
{
    static const struct cli_column columns[] = {{"RANK", CLI_RIGHT},
                                                {"TITLE", CLI_SHRINK},
                                                {"YEAR", CLI_RIGHT},
                                                {"GENRES", CLI_SHRINK},
                                                {"SCORE", CLI_RIGHT}};
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < list->n; i++) {
        const struct reel_list_item *item = &list->item[i];
        char *genres = genres_text(s->films, item->film);
        cli_table_line(&table);
        cli_table_cell(&table, "%d", i + 1);
        cli_table_text(&table, session_title(s, item->film));
        cli_table_year(&table, s->films->year[item->film]);
        cli_table_text(&table, genres);
        cli_table_cell(&table, "%.*f", n_decimals(list), item->score);
        free(genres);
    }
    cli_table_show(&table);
    cli_table_release(&table);
}

/** With reasons: a heading and a sentence for each film. */
static void print_reasons(const struct session *s, const struct reel_list *list)
{
    for (int32_t i = 0; i < list->n; i++) {
        const struct reel_list_item *item = &list->item[i];
        const int32_t year = s->films->year[item->film];
        char *genres = genres_text(s->films, item->film);
        char *rank = cli_format("%2d.", i + 1);
        char *of_year = year > 0 ? cli_format(" (%d)", year) : cli_format("%s", "");
        char *line =
            cli_format("%s%s%s%s · %.*f", session_title(s, item->film), of_year,
                       *genres ? " · " : "", genres, n_decimals(list), item->score);
        cli_card(2, rank, line);
        cli_card(2, "", item->reason);
        free(line);
        free(of_year);
        free(rank);
        free(genres);
    }
}

static enum cli_exit show_list(const struct session *s, const struct reel_list *list,
                               const struct recommend_words *words, const char *viewer,
                               const char *model)
{
    struct cli *cli = s->cli;
    if (cli->is_json) {
        return cli_json_show(list_json(s, list, viewer, model, words->list.with_reasons));
    }
    if (list->n == 0) {
        cli_say(cli, "%s", tr("no film is left that fits"));
    } else if (words->list.with_reasons) {
        print_reasons(s, list);
    } else {
        print_list(s, list);
    }
    return CLI_DONE;
}

/** A viewer without likes is served by what most people like, when that is trained. */
static enum reel_status choose_model(const struct session *s, const char *name,
                                     bool has_likes, struct reel_model **model,
                                     struct reel_error *err)
{
    struct reel_error other;
    if (!name && !has_likes &&
        session_model_open(s->cli, "popularity", model, &other) == REEL_OK) {
        return REEL_OK;
    }
    return session_model_open(s->cli, name, model, err);
}

static enum reel_status find_not_films(struct session *s, const struct cli_names *names,
                                       int64_t *key, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; i < names->n && rc == REEL_OK; i++) {
        rc = reel_store_film_find(s->store, names->name[i], &key[i], err);
    }
    return rc;
}

static enum cli_exit recommend_one(struct session *s, const char *name,
                                   struct recommend_words *words)
{
    struct cli *cli = s->cli;
    struct reel_error err;
    struct reel_model *model = NULL;
    struct reel_list list = {0};
    struct viewer viewer = {0};
    int64_t key;
    int64_t *not_films =
        cli_need(malloc(((size_t)words->not_films.n + 1) * sizeof *not_films));
    enum reel_status rc = session_viewer_find(s, name, &key, &err);
    rc = rc ? rc : find_not_films(s, &words->not_films, not_films, &err);
    rc = rc ? rc : session_load(s, key, &err);
    if (rc == REEL_OK) {
        viewer = viewer_make(s, 0);
        rc = choose_model(s, words->model, viewer.state.chosen.n > 0, &model, &err);
    }
    if (rc == REEL_OK) {
        words->list.lang = cli->lang;
        words->list.filter.not_films = not_films;
        words->list.filter.n_not_films = words->not_films.n;
        rc = reel_list_make(model, s->films, &viewer.state, &words->list, &list, &err);
    }
    enum cli_exit status = CLI_FAILED;
    if (rc == REEL_OK) {
        if (viewer.state.chosen.n == 0) {
            cli_say(cli,
                    tr("%s liked nothing yet: the list is the same for every newcomer"),
                    name);
        }
        status = show_list(s, &list, words, name, reel_model_name(model));
    } else {
        status = cli_fail(cli, &err);
    }
    reel_list_release(&list);
    reel_model_free(model);
    free(viewer.seen);
    free(not_films);
    return status;
}

/* ---- everybody ---- */

/** A model and where each row of the film table stands in it. */
struct source {
    struct reel_model *model;
    int32_t *column;   /* (films) -1: the model does not know it */
    int32_t *film_row; /* (films of the model) -1: gone from the store */
};

static void source_init(struct source *source, const struct session *s)
{
    const int32_t n = s->films->n_films, n_model = reel_model_n_films(source->model);
    const int64_t *key = s->films->key, *model_key = reel_model_film_keys(source->model);
    source->column = cli_need(malloc(((size_t)n + 1) * sizeof *source->column));
    source->film_row = cli_need(malloc(((size_t)n_model + 1) * sizeof *source->film_row));
    int32_t row = 0, column = 0;
    while (row < n || column < n_model) { // both ascend by key
        if (column == n_model || (row < n && key[row] < model_key[column])) {
            source->column[row++] = -1;
        } else if (row == n || key[row] > model_key[column]) {
            source->film_row[column++] = -1;
        } else {
            source->film_row[column] = row;
            source->column[row++] = column++;
        }
    }
}

static void source_release(struct source *source)
{
    reel_model_free(source->model);
    free(source->column);
    free(source->film_row);
}

/** Rows of some viewers over the columns of a model; release with free. */
struct rows {
    struct reel_csr csr;
    int64_t *start;
    int32_t *col;
};

enum rows_of { ROWS_LIKED, ROWS_SEEN };

static struct rows rows_make(const struct session *s, const struct source *source,
                             const int32_t *viewer, int32_t n_viewers, enum rows_of what)
{
    const struct reel_csr *all =
        what == ROWS_LIKED ? &s->chosen.chosen : &s->history.seen;
    size_t n = 0;
    for (int32_t i = 0; i < n_viewers; i++) {
        n += (size_t)(all->start[viewer[i] + 1] - all->start[viewer[i]]);
    }
    struct rows rows = {.start =
                            cli_need(calloc((size_t)n_viewers + 1, sizeof *rows.start)),
                        .col = cli_need(malloc((n + 1) * sizeof *rows.col))};
    int64_t n_entries = 0;
    for (int32_t i = 0; i < n_viewers; i++) {
        for (int64_t e = all->start[viewer[i]]; e < all->start[viewer[i] + 1]; e++) {
            const int32_t column = source->column[all->col[e]];
            if (column >= 0 && (what == ROWS_LIKED || session_is_seen(s, e))) {
                rows.col[n_entries++] = column;
            }
        }
        rows.start[i + 1] = n_entries;
    }
    rows.csr = (struct reel_csr){.n_rows = n_viewers,
                                 .n_cols = reel_model_n_films(source->model),
                                 .start = rows.start,
                                 .col = rows.col};
    return rows;
}

/** Lists of some viewers, in rows of the film table, (n_viewers, n_top). */
static enum reel_status lists_make(const struct session *s, const struct source *source,
                                   const int32_t *viewer, int32_t n_viewers,
                                   int32_t n_top, int32_t *film, float *score,
                                   struct reel_error *err)
{
    struct rows liked = rows_make(s, source, viewer, n_viewers, ROWS_LIKED);
    struct rows seen = rows_make(s, source, viewer, n_viewers, ROWS_SEEN);
    const enum reel_status rc = reel_model_top(
        source->model, &liked.csr, &seen.csr, n_top, s->cli->n_threads, film, score, err);
    for (size_t i = 0; rc == REEL_OK && i < (size_t)n_viewers * (size_t)n_top; i++) {
        film[i] = film[i] < 0 ? -1 : source->film_row[film[i]];
    }
    free(liked.start);
    free(liked.col);
    free(seen.start);
    free(seen.col);
    return rc;
}

/** A field of a TSV file: tabs and line ends inside would break it. */
static void put_field(FILE *out, const char *text)
{
    for (; *text; text++) {
        fputc(*text == '\t' || *text == '\n' || *text == '\r' ? ' ' : *text, out);
    }
}

static void put_list(FILE *out, const struct session *s, int32_t viewer, int32_t n_top,
                     const int32_t *film, const float *score)
{
    int rank = 0;
    for (int32_t i = 0; i < n_top; i++) {
        if (film[i] < 0) {
            continue;
        }
        put_field(out, s->history.viewer_name[viewer]);
        fprintf(out, "\t%d\t", ++rank);
        if (s->films->source_id[film[i]]) {
            put_field(out, s->films->source_id[film[i]]);
        } else {
            fprintf(out, "%lld", (long long)s->films->key[film[i]]);
        }
        fprintf(out, "\t%.7g\n", score[i]);
    }
}

enum { N_CHUNK = 8192 }; /* viewers whose lists are in memory at once */

/** Viewers with likes by one model, newcomers by another; in the order of the store. */
struct batch {
    const struct session *s;
    struct source liked, newcomers; /* newcomers.model may be NULL: they get no list */
    int32_t n_top;
    int32_t n_viewers, n_without; /* written; left out */
    FILE *out;
};

static enum reel_status write_group(struct batch *batch, const struct source *source,
                                    const int32_t *viewer, int32_t n,
                                    struct reel_error *err)
{
    const size_t n_cells = (size_t)n * (size_t)batch->n_top;
    int32_t *film = cli_need(malloc((n_cells + 1) * sizeof *film));
    float *score = cli_need(malloc((n_cells + 1) * sizeof *score));
    const enum reel_status rc =
        lists_make(batch->s, source, viewer, n, batch->n_top, film, score, err);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        const size_t at = (size_t)i * (size_t)batch->n_top;
        put_list(batch->out, batch->s, viewer[i], batch->n_top, film + at, score + at);
    }
    batch->n_viewers += n;
    free(film);
    free(score);
    return rc;
}

static enum reel_status write_all(struct batch *batch, struct reel_error *err)
{
    const struct session *s = batch->s;
    const struct reel_progress progress = cli_progress(s->cli);
    const int64_t *start = s->chosen.chosen.start;
    int32_t *group = cli_need(malloc(N_CHUNK * sizeof *group));
    enum reel_status rc = REEL_OK;
    for (int32_t v = 0; v < s->history.n_viewers && rc == REEL_OK;) {
        const bool has_likes = start[v + 1] > start[v];
        int32_t n = 0; // neighbours that are served by the same model
        while (v < s->history.n_viewers && n < N_CHUNK &&
               (start[v + 1] > start[v]) == has_likes) {
            group[n++] = v++;
        }
        if (has_likes || batch->newcomers.model) {
            rc = write_group(batch, has_likes ? &batch->liked : &batch->newcomers, group,
                             n, err);
        } else {
            batch->n_without += n;
        }
        if (!progress.report("viewers", v, s->history.n_viewers, progress.payload)) {
            rc = cli_error(err, REEL_ECANCELLED, "%s",
                           tr("stopped; no lists were written"));
        }
    }
    reel_progress_bar_clear(&s->cli->bar);
    free(group);
    return rc;
}

/** Written beside and renamed: whoever reads FILE sees the old lists or the new ones. */
static enum reel_status write_file(struct batch *batch, const char *path,
                                   struct reel_error *err)
{
    if (!strcmp(path, "-")) {
        batch->out = stdout;
        return write_all(batch, err);
    }
    char *path_new = cli_format("%s.new", path);
    batch->out = fopen(path_new, "w");
    enum reel_status rc =
        batch->out ? write_all(batch, err)
                   : cli_error(err, REEL_EIO, "%s: %s", path_new, strerror(errno));
    if (batch->out) {
        const bool is_bad =
            fflush(batch->out) || ferror(batch->out) || fsync(fileno(batch->out));
        const bool is_open = fclose(batch->out) == 0;
        if (rc == REEL_OK && (is_bad || !is_open || rename(path_new, path))) {
            rc = cli_error(err, REEL_EIO, "%s: %s", path, strerror(errno));
        }
        if (rc) {
            unlink(path_new);
        }
    }
    free(path_new);
    return rc;
}

static enum cli_exit recommend_all(struct session *s, const struct recommend_words *words)
{
    struct cli *cli = s->cli;
    struct reel_error err, other;
    struct batch batch = {.s = s, .n_top = words->list.n};
    enum reel_status rc = session_load(s, 0, &err);
    rc = rc ? rc : session_model_open(cli, words->model, &batch.liked.model, &err);
    if (rc == REEL_OK) {
        source_init(&batch.liked, s);
        if (session_model_open(cli, "popularity", &batch.newcomers.model, &other) ==
            REEL_OK) {
            source_init(&batch.newcomers, s);
        }
        rc = write_file(&batch, words->tsv, &err);
    }
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status = cli_fail(cli, &err);
    } else {
        cli_say(cli, tr("%d viewers written to %s"), batch.n_viewers, words->tsv);
        if (batch.n_without) {
            cli_say(cli,
                    tr("%d viewers without likes left out; 'forkreel train --model "
                       "popularity' serves them"),
                    batch.n_without);
        }
    }
    source_release(&batch.liked);
    source_release(&batch.newcomers);
    return status;
}

/** What argp cannot see: which words belong together. */
static const char *misuse(const struct cli *cli, const char *viewer,
                          const struct recommend_words *words)
{
    if (words->is_all && viewer) {
        return tr("--all is for everybody; leave out the viewer");
    }
    if (!words->is_all && !viewer) {
        return tr("whom for? Give a viewer, or --all");
    }
    if (words->is_all != (words->tsv != NULL)) {
        return tr("--all and --tsv FILE belong together");
    }
    if (words->is_all && words->is_narrowed) {
        return tr("--all takes -n, --model and --tsv only");
    }
    if (words->is_all && cli->is_json) {
        return tr("--all writes TSV; leave out --json");
    }
    return NULL;
}

static enum cli_exit recommend_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 0, 1, NULL};
    struct recommend_words words = {.list = reel_list_options_default()};
    words.list.n = 10;
    const char *viewer;
    cli_args_parse(cli, &cmd_recommend, &args, argc, argv, &viewer, &words);
    words.list.filter.genres = (const char *const *)words.genres.name;
    words.list.filter.n_genres = words.genres.n;
    words.list.filter.not_genres = (const char *const *)words.not_genres.name;
    words.list.filter.n_not_genres = words.not_genres.n;
    words.list.filter.languages = (const char *const *)words.languages.name;
    words.list.filter.n_languages = words.languages.n;
    words.list.filter.people = (const char *const *)words.people.name;
    words.list.filter.n_people = words.people.n;

    const char *wrong = misuse(cli, viewer, &words);
    enum cli_exit status = CLI_USAGE;
    if (wrong) {
        cli_say(cli, "%s", wrong);
    } else if (words.model && !reel_model_class_find(words.model)) {
        cli_say(cli, tr("there is no model '%s'; 'forkreel help train' lists them"),
                words.model);
    } else {
        struct reel_error err;
        struct session s;
        if (session_open(cli, &s, 0, &err)) {
            status = cli_fail(cli, &err);
        } else {
            status = words.is_all ? recommend_all(&s, &words)
                                  : recommend_one(&s, viewer, &words);
        }
        session_close(&s);
    }
    cli_names_release(&words.genres);
    cli_names_release(&words.not_genres);
    cli_names_release(&words.languages);
    cli_names_release(&words.people);
    cli_names_release(&words.not_films);
    return status;
}

const struct cli_command cmd_recommend = {
    .name = "recommend",
    .usage = "forkreel recommend [OPTION...] VIEWER\n"
             "forkreel recommend [OPTION...] --all -n N --tsv FILE",
    .summary = "films for a viewer, best first",
    .run = recommend_run,
};
