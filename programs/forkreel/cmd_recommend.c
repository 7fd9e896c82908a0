/** `forkreel recommend VIEWER`: an ordered list with reasons; `--all` for everybody. */
#include "cmd_recommend.h"
#include "cli_commands.h"
#include "cli_feedback.h"
#include "cli_stand_in.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct recommend_words {
    struct reel_list_options list;
    struct cli_names genres, not_genres, languages, people, not_films;
    const char *model, *tsv;
    bool is_all, is_narrowed; /* an option that --all does not know */
    bool is_unlogged;
    bool has_n, has_diversity, has_context;
    bool with_branches;
    struct reel_context context;
    struct reel_joint_weights weights;
};

/** Whom nothing is known of gets a list that is spread by so much. */
#define DIVERSITY_NOBODY 0.3

enum {
    KEY_WHY = 0x100,
    KEY_DIVERSITY,
    KEY_METHOD,
    KEY_CONTEXT,
    KEY_EXPLORE,
    KEY_SEED,
    KEY_BRANCHES,
    KEY_WEIGHTS,
    KEY_YEAR,
    KEY_GENRE,
    KEY_NOT_GENRE,
    KEY_LANGUAGE,
    KEY_RUNTIME,
    KEY_AGE,
    KEY_PERSON,
    KEY_NOT,
    KEY_NO_LOG,
    KEY_ALL,
    KEY_TSV
};

static const struct argp_option options[] = {
    {"number", 'n', "N", 0, "how many films; default 10", 0},
    {"model", 'm', "NAME", 0, "which model; default: the best that is trained", 0},
    {"why", KEY_WHY, NULL, 0, "give the reasons", 0},
    {"no-log", KEY_NO_LOG, NULL, 0, "do not remember that this list was shown", 0},
    {"diversity", KEY_DIVERSITY, "X", 0,
     "0: by score alone, to 1: as different as can be", 0},
    {"diversity-method", KEY_METHOD, "mmr|dpp", 0,
     "how films are kept apart; default mmr", 0},
    {"context", KEY_CONTEXT, "K=V,...", 0,
     "the situation: hour, day, season, device, company, mood, minutes, language, age",
     0},
    {"explore", KEY_EXPLORE, "X", 0,
     "0: the best films, to 1: also others, to learn from; default 0", 0},
    {"seed", KEY_SEED, "N", 0, "of --explore; default: the time", 0},
    {"with-branches", KEY_BRANCHES, NULL, 0,
     "films and first branches of stories in one list", 0},
    {"weights", KEY_WEIGHTS, "film=X,plot=Y,taste=Z", 0,
     "of --with-branches: how much each logarithm counts; default 1", 0},
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

/** "film=1,plot=0.5": those not named stay. */
static void set_weights(struct reel_joint_weights *weights, const char *arg,
                        struct argp_state *state)
{
    const struct {
        const char *name;
        double *weight;
    } known[] = {{"film=", &weights->film},
                 {"plot=", &weights->plot},
                 {"taste=", &weights->taste}};
    struct cli_names words = {0};
    cli_names_add(&words, arg);
    for (int32_t w = 0; w < words.n; w++) {
        bool is_known = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
            const size_t n = strlen(known[k].name);
            if (!strncmp(words.name[w], known[k].name, n)) {
                *known[k].weight =
                    cli_arg_real(state, "--weights", words.name[w] + n, 0, 10);
                is_known = true;
            }
        }
        if (!is_known) {
            argp_error(state, tr("--weights is film=X,plot=Y,taste=Z, not '%s'"), arg);
        }
    }
    cli_names_release(&words);
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
    case KEY_NO_LOG:
        words->is_unlogged = true;
        return 0;
    case KEY_DIVERSITY:
        words->list.diversity = cli_arg_real(state, "--diversity", arg, 0, 1);
        words->has_diversity = true;
        return 0;
    case KEY_METHOD:
        if (strcmp(arg, "mmr") && strcmp(arg, "dpp")) {
            argp_error(state, tr("--diversity-method is mmr or dpp, not '%s'"), arg);
        }
        words->list.method = arg[0] == 'm' ? REEL_DIVERSITY_MMR : REEL_DIVERSITY_DPP;
        return 0;
    case KEY_CONTEXT:
        feedback_context_arg(state, arg, &words->context);
        words->has_context = true;
        return 0;
    case KEY_EXPLORE:
        words->list.exploration = cli_arg_real(state, "--explore", arg, 0, 1);
        return 0;
    case KEY_BRANCHES:
        words->with_branches = true;
        return 0;
    case KEY_WEIGHTS:
        set_weights(&words->weights, arg, state);
        return 0;
    case KEY_SEED:
        words->list.seed = (uint64_t)cli_arg_int(state, "--seed", arg, 0, INT32_MAX);
        return 0;
    default:
        return filter_option(key, arg, state);
    }
}

/* ---- one viewer ---- */

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

/** Whom a list is for, and all that goes into it. */
struct desk {
    struct session *s;
    struct recommend_words *words;
    const char *name; /* NULL: nobody in particular */
    int64_t key;      /* 0: nobody that is known */
    struct list_viewer viewer;
    struct list_beside beside;
    struct reel_model *model;     /* or */
    struct reel_welcome *welcome; /* who is new is served from answers */
    int64_t *not_films;
    struct stand_ins *stand_ins;
    struct written written;  /* of the viewer, for models that read it */
    const char *language[1]; /* of the situation */
    struct reel_list list;
};

/** A name that nobody has is a newcomer's, unless it looks like a slip of the pen. */
static enum reel_status find_viewer(struct desk *d, struct reel_error *err)
{
    if (!d->name) {
        return REEL_OK;
    }
    const enum reel_status rc = session_viewer_find(d->s, d->name, &d->key, err);
    if (rc != REEL_ENOTFOUND || session_viewer_is_alike(d->s, d->name)) {
        return rc;
    }
    cli_say(d->s->cli, tr("there is no viewer '%s'; the list is what most people like"),
            d->name);
    return REEL_OK;
}

/** Everybody's history: what a newcomer's list is made from. */
static enum reel_status load_everybody(struct session *s, struct reel_error *err)
{
    struct cli *cli = s->cli;
    session_close(s);
    const enum reel_status rc = session_open(cli, s, 0, err);
    return rc ? rc : session_load(s, 0, err);
}

/** Who saw little, and asked for no model: answers say more than a model does. */
static enum reel_status welcome_newcomer(struct desk *d, struct reel_error *err)
{
    struct session *s = d->s;
    const bool is_new =
        d->viewer.state.n_seen <= LIST_NEWCOMER_SEEN_MAX && !d->words->model;
    if (!is_new && d->key > 0 && !d->words->with_branches) {
        return choose_model(s, d->words->model, d->viewer.state.chosen.n > 0, &d->model,
                            err);
    }
    list_viewer_release(&d->viewer);
    enum reel_status rc = load_everybody(s, err);
    if (rc) {
        return rc;
    }
    const int32_t row =
        session_index_of(s->history.viewer_key, s->history.n_viewers, d->key);
    struct reel_welcome_options opt = reel_welcome_options_default();
    opt.left_out = row;
    list_viewer_make(s, row, &d->viewer);
    if (!is_new) {
        return choose_model(s, d->words->model, d->viewer.state.chosen.n > 0, &d->model,
                            err);
    }
    rc = list_viewer_add_unknown(s, d->key > 0 ? d->name : NULL, &d->viewer, err);
    return rc ? rc
              : reel_welcome_create(&s->history.seen, &s->chosen.chosen, s->mark, &opt,
                                    &d->welcome, err);
}

/**
 * What the viewer wrote, for the models that read it. Where texts were learned anew since the
 * model, rows do not fit it; the list then does without.
 */
static enum reel_status read_words(struct desk *d, struct reel_error *err)
{
    const struct session *s = d->s;
    struct reel_features *features = NULL;
    struct reel_error none;
    const int32_t row =
        session_index_of(s->history.viewer_key, s->history.n_viewers, d->key);
    if (!d->model || row < 0 || !taste_data_wanted(reel_model_name(d->model)) ||
        features_open(s->cli, &features, &none) != REEL_OK) {
        return REEL_OK;
    }
    const enum reel_status rc = written_of(s, features, row, &d->written, err);
    reel_features_free(features);
    if (rc || d->written.words.n == 0) {
        return rc;
    }
    const struct reel_query query = {.words = &d->written.words};
    float *score =
        cli_need(malloc(((size_t)reel_model_n_films(d->model) + 1) * sizeof *score));
    if (reel_model_score(d->model, &query, score, &none) == REEL_OK) {
        d->viewer.state.chosen.words = &d->written.words;
    }
    free(score);
    return REEL_OK;
}

/** What goes beside the model into films as into branches. */
static enum reel_status prepare(struct desk *d, struct reel_error *err)
{
    struct reel_list_options *opt = &d->words->list;
    opt->lang = d->s->cli->lang;
    opt->filter.not_films = d->not_films;
    opt->filter.n_not_films = d->words->not_films.n;
    reel_context_limit(&d->words->context, d->language, &opt->filter);
    enum reel_status rc = d->model && d->key > 0 ? stand_ins_make(d->s, d->key, d->model,
                                                                  opt, &d->stand_ins, err)
                                                 : REEL_OK;
    rc = rc ? rc : read_words(d, err);
    rc = rc ? rc
            : list_beside_make(d->s, d->key,
                               d->words->has_context ? &d->words->context : NULL,
                               &d->beside, err);
    if (rc) {
        return rc;
    }
    opt->adjustment = d->beside.adjustment;
    opt->n_adjustments = d->beside.n_adjustments;
    if (d->key == 0 && !d->words->has_diversity) {
        opt->diversity = DIVERSITY_NOBODY; // who is not known may like anything
    }
    return REEL_OK;
}

static enum reel_status make_list(struct desk *d, struct reel_error *err)
{
    const struct reel_list_options *opt = &d->words->list;
    const struct list_viewer *viewer = &d->viewer;
    return d->welcome
               ? reel_list_make_newcomer(d->welcome, viewer->answer, viewer->n_answers,
                                         d->s->films, &viewer->state, opt, &d->list, err)
               : reel_list_make(d->model, d->s->films, &viewer->state, opt, &d->list,
                                err);
}

/**
 * What is shown is remembered, with the probability with which each film came where it is;
 * a list that cannot be remembered is shown all the same.
 */
static void log_list(struct desk *d, const char *model)
{
    struct reel_error err;
    const struct reel_list *list = &d->list;
    int64_t *key = cli_need(malloc(((size_t)list->n + 1) * sizeof *key));
    double *propensity = cli_need(malloc(((size_t)list->n + 1) * sizeof *propensity));
    for (int32_t i = 0; i < list->n; i++) {
        key[i] = d->s->films->key[list->item[i].film];
        propensity[i] = list->item[i].propensity;
    }
    const double exploration = d->words->list.exploration;
    char *policy = exploration > 0 ? cli_format("%s e=%.2f", model, exploration)
                                   : cli_format("%s", model);
    if (feedback_list_log(d->s, d->name, policy, key, propensity, list->n,
                          d->words->has_context ? &d->words->context : NULL, &err)) {
        cli_say(d->s->cli, "%s", err.text);
    }
    free(policy);
    free(propensity);
    free(key);
}

static enum cli_exit recommend_one(struct session *s, const char *name,
                                   struct recommend_words *words)
{
    struct cli *cli = s->cli;
    struct reel_error err;
    struct desk d = {.s = s, .words = words, .name = name};
    d.not_films = cli_need(malloc(((size_t)words->not_films.n + 1) * sizeof(int64_t)));
    enum reel_status rc = find_viewer(&d, &err);
    rc = rc ? rc : find_not_films(s, &words->not_films, d.not_films, &err);
    if (rc == REEL_OK && d.key > 0 && (rc = session_load(s, d.key, &err)) == REEL_OK) {
        list_viewer_make(s, 0, &d.viewer);
    }
    rc = rc ? rc : welcome_newcomer(&d, &err);
    rc = rc ? rc : prepare(&d, &err);
    rc = rc || words->with_branches ? rc : make_list(&d, &err);
    const char *model = d.model ? reel_model_name(d.model) : "newcomer";
    enum cli_exit status = CLI_FAILED;
    if (rc == REEL_OK && words->with_branches) {
        status = recommend_joint(&(struct joint_query){.s = s,
                                                       .name = name,
                                                       .key = d.key,
                                                       .viewer = &d.viewer,
                                                       .beside = &d.beside,
                                                       .model = d.model,
                                                       .welcome = d.welcome,
                                                       .list = &words->list,
                                                       .weights = words->weights});
    } else if (rc == REEL_OK) {
        if (d.key > 0 && d.viewer.state.chosen.n == 0) {
            cli_say(cli,
                    tr("%s liked nothing yet: the list is the same for every newcomer"),
                    name);
        }
        if (d.key > 0 && !words->is_unlogged) {
            log_list(&d, model);
        }
        status = list_show(s, &d.list, name, model, words->list.with_reasons);
    } else {
        status = cli_fail(cli, &err);
    }
    reel_list_release(&d.list);
    reel_welcome_free(d.welcome);
    reel_model_free(d.model);
    list_beside_release(&d.beside);
    list_viewer_release(&d.viewer);
    stand_ins_free(d.stand_ins);
    written_release(&d.written);
    free(d.not_films);
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

/** Rows of some viewers over the columns of a model. */
struct rows {
    struct reel_csr csr;
    int64_t *start;
    int32_t *col;
    float *value;  /* NULL: all weigh 1 */
    int64_t *at_s; /* NULL: unknown, or not asked for */
};

enum rows_of { ROWS_LIKED, ROWS_SEEN };

static struct rows rows_make(const struct session *s, const struct source *source,
                             const int32_t *viewer, int32_t n_viewers, enum rows_of what)
{
    const struct reel_csr *all =
        what == ROWS_LIKED ? &s->chosen.chosen : &s->history.seen;
    const float *value = what == ROWS_LIKED ? all->value : NULL;
    const int64_t *at_s = what == ROWS_LIKED ? s->chosen.at_s : NULL;
    size_t n = 0;
    for (int32_t i = 0; i < n_viewers; i++) {
        n += (size_t)(all->start[viewer[i] + 1] - all->start[viewer[i]]);
    }
    struct rows rows = {.start =
                            cli_need(calloc((size_t)n_viewers + 1, sizeof *rows.start)),
                        .col = cli_need(malloc((n + 1) * sizeof *rows.col))};
    rows.value = value ? cli_need(malloc((n + 1) * sizeof *rows.value)) : NULL;
    rows.at_s = at_s ? cli_need(malloc((n + 1) * sizeof *rows.at_s)) : NULL;
    int64_t n_entries = 0;
    for (int32_t i = 0; i < n_viewers; i++) {
        for (int64_t e = all->start[viewer[i]]; e < all->start[viewer[i] + 1]; e++) {
            const int32_t column = source->column[all->col[e]];
            if (column < 0 || (what == ROWS_SEEN && !session_is_seen(s, e))) {
                continue;
            }
            if (value) {
                rows.value[n_entries] = value[e];
            }
            if (at_s) {
                rows.at_s[n_entries] = at_s[e];
            }
            rows.col[n_entries++] = column;
        }
        rows.start[i + 1] = n_entries;
    }
    rows.csr = (struct reel_csr){.n_rows = n_viewers,
                                 .n_cols = reel_model_n_films(source->model),
                                 .start = rows.start,
                                 .col = rows.col,
                                 .value = rows.value};
    return rows;
}

static void rows_release(struct rows *rows)
{
    free(rows->start);
    free(rows->col);
    free(rows->value);
    free(rows->at_s);
}

/** Lists of some viewers, in rows of the film table, (n_viewers, n_top). */
static enum reel_status lists_make(const struct session *s, const struct source *source,
                                   const int32_t *viewer, int32_t n_viewers,
                                   int32_t n_top, int32_t *film, float *score,
                                   struct reel_error *err)
{
    struct rows liked = rows_make(s, source, viewer, n_viewers, ROWS_LIKED);
    struct rows seen = rows_make(s, source, viewer, n_viewers, ROWS_SEEN);
    const enum reel_status rc =
        reel_model_top_at(source->model, &liked.csr, liked.at_s, &seen.csr, n_top,
                          s->cli->n_threads, film, score, err);
    for (size_t i = 0; rc == REEL_OK && i < (size_t)n_viewers * (size_t)n_top; i++) {
        film[i] = film[i] < 0 ? -1 : source->film_row[film[i]];
    }
    rows_release(&liked);
    rows_release(&seen);
    return rc;
}

/** A field of a TSV file: tabs and line ends inside would break it. */
static void put_field(FILE *out, const char *text)
{
    for (; *text; text++) {
        fputc(*text == '\t' || *text == '\n' || *text == '\r' ? ' ' : *text, out);
    }
}

static void put_line(FILE *out, const struct session *s, int32_t viewer, int32_t rank,
                     int32_t film, float score)
{
    put_field(out, s->history.viewer_name[viewer]);
    fprintf(out, "\t%d\t", rank);
    if (s->films->source_id[film]) {
        put_field(out, s->films->source_id[film]);
    } else {
        fprintf(out, "%lld", (long long)s->films->key[film]);
    }
    fprintf(out, "\t%.7g\n", score);
}

static void put_list(FILE *out, const struct session *s, int32_t viewer, int32_t n_top,
                     const int32_t *film, const float *score)
{
    int32_t rank = 0;
    for (int32_t i = 0; i < n_top; i++) {
        if (film[i] >= 0) {
            put_line(out, s, viewer, ++rank, film[i], score[i]);
        }
    }
}

enum { N_CHUNK = 8192 }; /* viewers whose lists are in memory at once */

/** As `recommend VIEWER` serves them. */
enum served { BY_MODEL, BY_POPULARITY, BY_ANSWERS };

/** The lists of everybody, in the order of the store. */
struct batch {
    const struct session *s;
    struct source liked, popular; /* popular.model may be NULL: those get no list */
    bool knows_newcomers;         /* no model was asked for: answers say more than it */
    int32_t n_top;
    int32_t n_viewers, n_without; /* written; left out */
    FILE *out;
};

static enum served served_by(const struct batch *batch, int32_t viewer)
{
    const struct session *s = batch->s;
    const int64_t *start = s->history.seen.start, *liked = s->chosen.chosen.start;
    int32_t n_seen = 0;
    for (int64_t e = start[viewer]; batch->knows_newcomers && e < start[viewer + 1] &&
                                    n_seen <= LIST_NEWCOMER_SEEN_MAX;
         e++) {
        n_seen += session_is_seen(s, e);
    }
    if (batch->knows_newcomers && n_seen <= LIST_NEWCOMER_SEEN_MAX) {
        return BY_ANSWERS;
    }
    return liked[viewer + 1] > liked[viewer] ? BY_MODEL : BY_POPULARITY;
}

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

/** What a newcomer saw and liked, and was asked about, taken as answers. */
static enum reel_status write_newcomer(struct batch *batch, int32_t viewer,
                                       struct reel_error *err)
{
    const struct session *s = batch->s;
    struct reel_welcome_options welcome_opt = reel_welcome_options_default();
    struct reel_list_options opt = reel_list_options_default();
    struct reel_welcome *welcome = NULL;
    struct reel_list list = {0};
    struct list_viewer who;
    welcome_opt.left_out = viewer;
    opt.n = batch->n_top;
    list_viewer_make(s, viewer, &who);
    enum reel_status rc =
        list_viewer_add_unknown(s, s->history.viewer_name[viewer], &who, err);
    rc = rc ? rc
            : reel_welcome_create(&s->history.seen, &s->chosen.chosen, s->mark,
                                  &welcome_opt, &welcome, err);
    rc = rc ? rc
            : reel_list_make_newcomer(welcome, who.answer, who.n_answers, s->films,
                                      &who.state, &opt, &list, err);
    for (int32_t i = 0; rc == REEL_OK && i < list.n; i++) {
        put_line(batch->out, s, viewer, i + 1, list.item[i].film, list.item[i].score);
    }
    batch->n_viewers += rc == REEL_OK;
    reel_list_release(&list);
    reel_welcome_free(welcome);
    list_viewer_release(&who);
    return rc;
}

static enum reel_status write_served(struct batch *batch, enum served served,
                                     const int32_t *viewer, int32_t n,
                                     struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    if (served == BY_ANSWERS) {
        for (int32_t i = 0; i < n && rc == REEL_OK; i++) {
            rc = write_newcomer(batch, viewer[i], err);
        }
    } else if (served == BY_MODEL || batch->popular.model) {
        rc = write_group(batch, served == BY_MODEL ? &batch->liked : &batch->popular,
                         viewer, n, err);
    } else {
        batch->n_without += n;
    }
    return rc;
}

static enum reel_status write_all(struct batch *batch, struct reel_error *err)
{
    const struct session *s = batch->s;
    const struct reel_progress progress = cli_progress(s->cli);
    int32_t *group = cli_need(malloc(N_CHUNK * sizeof *group));
    enum reel_status rc = REEL_OK;
    for (int32_t v = 0; v < s->history.n_viewers && rc == REEL_OK;) {
        const enum served served = served_by(batch, v);
        // Neighbours that are served alike; newcomers are slow and stay few, for Ctrl-C.
        const int32_t n_most = served == BY_ANSWERS ? 64 : N_CHUNK;
        int32_t n = 0;
        while (v < s->history.n_viewers && n < n_most && served_by(batch, v) == served) {
            group[n++] = v++;
        }
        rc = write_served(batch, served, group, n, err);
        if (rc == REEL_OK &&
            !progress.report("viewers", v, s->history.n_viewers, progress.payload)) {
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
        if (session_model_open(cli, "popularity", &batch.popular.model, &other) ==
            REEL_OK) {
            source_init(&batch.popular, s);
        }
        const struct reel_csr *liked = &s->chosen.chosen;
        batch.knows_newcomers = !words->model && liked->start[liked->n_rows] > 0;
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
    source_release(&batch.popular);
    return status;
}

/** What argp cannot see: which words belong together. */
static const char *misuse(const struct cli *cli, const char *viewer,
                          const struct recommend_words *words)
{
    if (words->is_all && viewer) {
        return tr("--all is for everybody; leave out the viewer");
    }
    if (words->is_all != (words->tsv != NULL)) {
        return tr("--all and --tsv FILE belong together");
    }
    if (words->is_all && words->is_narrowed) {
        return tr("--all takes -n, --model and --tsv only");
    }
    if (words->with_branches && !viewer) {
        return tr("--with-branches needs a viewer");
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
    words.list.seed = (uint64_t)time(NULL);
    words.context = reel_context_unknown();
    words.weights = (struct reel_joint_weights){1, 1, 1};
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
    .usage = "forkreel recommend [OPTION...] [VIEWER]\n"
             "forkreel recommend [OPTION...] --all -n N --tsv FILE",
    .summary = "films for a viewer, best first",
    .run = recommend_run,
};
