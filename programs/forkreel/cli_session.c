/**
 * The joints between the rooms. Nothing is computed here that a room computes; this file
 * opens, maps indices, and remembers what to release.
 */
#include "cli_session.h"

#include "cli_taste.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum reel_status session_open(struct cli *cli, struct session *s, int flags,
                              struct reel_error *err)
{
    *s = (struct session){.cli = cli};
    if (!cli->db) {
        cli->db = cli_home_path(cli, "forkreel.db");
    }
    if (!(flags & REEL_STORE_CREATE) && access(cli->db, F_OK)) {
        return cli_error(err, REEL_EFAIL,
                         tr("there is no database %s; 'forkreel import' makes it"),
                         cli->db);
    }
    return reel_store_open(cli->db, flags, &s->store, err);
}

/** Who stopped before this did not like it, whatever else they say. */
#define SHARE_LIKED 0.3F

/** Marks in which the watches of those who never said what they liked count as likes. */
static uint8_t *marks_make(const struct reel_history *history)
{
    const unsigned like = 1u << REEL_EVENT_LIKE, said = like | 1u << REEL_EVENT_DISLIKE;
    const struct reel_csr *seen = &history->seen;
    const size_t n = (size_t)seen->start[seen->n_rows];
    uint8_t *mark = cli_need(malloc(n + 1));
    memcpy(mark, history->mark, n);
    for (int32_t v = 0; v < seen->n_rows; v++) {
        const int64_t begin = seen->start[v], end = seen->start[v + 1];
        bool has_said = false;
        for (int64_t e = begin; e < end && !has_said; e++) {
            has_said = (history->kinds[e] & said) || !isnan(seen->value[e]);
        }
        for (int64_t e = begin; e < end && !has_said; e++) {
            if (mark[e] & 1u << REEL_EVENT_WATCH && !(history->share[e] < SHARE_LIKED)) {
                mark[e] = (uint8_t)(mark[e] | like);
            }
        }
    }
    return mark;
}

/** A forgotten film was seen, and nothing was said of it. */
static void forget_film(int64_t viewer_key, int64_t film_key, void *payload)
{
    struct session *s = payload;
    struct reel_csr *seen = &s->history.seen;
    const int64_t n = seen->start[seen->n_rows];
    const int32_t row =
        session_index_of(s->history.viewer_key, s->history.n_viewers, viewer_key);
    const int32_t film =
        session_index_of(s->history.film_key, s->history.n_films, film_key);
    if (row < 0 || film < 0) {
        return;
    }
    if (!s->stars) {
        s->stars = cli_need(malloc((size_t)(n + 1) * sizeof *s->stars));
        memcpy(s->stars, seen->value, (size_t)n * sizeof *s->stars);
        seen->value = s->stars;
    }
    for (int64_t e = seen->start[row]; e < seen->start[row + 1]; e++) {
        if (seen->col[e] == film && session_is_seen(s, e)) {
            s->stars[e] = NAN;
            s->mark[e] = 1u << REEL_EVENT_REVIEW;
        }
    }
}

enum reel_status session_load(struct session *s, int64_t viewer_key,
                              struct reel_error *err)
{
    enum reel_status rc = reel_store_history_load(s->store, viewer_key, &s->history, err);
    rc = rc ? rc : reel_store_film_table_load(s->store, &s->films, err);
    if (rc) {
        return rc;
    }
    s->mark = marks_make(&s->history);
    rc = reel_store_forgotten_each(s->store, viewer_key, forget_film, s, err);
    rc = rc ? rc
            : reel_chosen_make(&s->history.seen, s->history.at_s, s->mark,
                               SESSION_MIN_STARS, &s->chosen, err);
    return rc ? rc
              : reel_chosen_weigh(&s->history.seen, s->history.kinds, s->history.share,
                                  &s->chosen, err);
}

void session_close(struct session *s)
{
    reel_chosen_release(&s->chosen);
    free(s->mark);
    free(s->stars);
    reel_film_table_free(s->films);
    reel_history_release(&s->history);
    reel_store_close(s->store);
    *s = (struct session){0};
}

int32_t session_index_of(const int64_t *key, int32_t n, int64_t wanted)
{
    int32_t low = 0, high = n;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        if (key[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n && key[low] == wanted ? low : -1;
}

/* ---- viewers ---- */

/** Edits that turn a into b, up to a limit (Levenshtein, bytes, one row). */
static int n_edits(const char *a, const char *b)
{
    enum { LIMIT = 48 };
    const size_t n_a = strlen(a), n_b = strlen(b);
    int row[LIMIT + 1];
    if (n_a > LIMIT || n_b > LIMIT) {
        return LIMIT;
    }
    for (size_t j = 0; j <= n_b; j++) {
        row[j] = (int)j;
    }
    for (size_t i = 1; i <= n_a; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= n_b; j++) {
            const int replaced = diagonal + (a[i - 1] != b[j - 1]);
            const int other = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = replaced < other ? replaced : other;
        }
    }
    return row[n_b];
}

/** "ann, anna": up to three names within two edits, nearest first; free it. */
static char *names_like(const struct reel_history *history, const char *name)
{
    char *text = cli_format("%s", "");
    int n = 0;
    for (int near = 0; near <= 2; near++) {
        for (int32_t v = 0; v < history->n_viewers && n < 3; v++) {
            const char *other = history->viewer_name[v];
            // At a distance of two, short names are all alike.
            const bool is_like = strcasecmp(other, name) == 0
                                     ? near == 0
                                     : near > 0 && n_edits(other, name) == near &&
                                           strlen(name) > 2 * (size_t)near;
            if (is_like) {
                char *longer = cli_format("%s%s%s", text, n ? ", " : "", other);
                free(text);
                text = longer;
                n++;
            }
        }
    }
    return text;
}

enum reel_status session_viewer_find(struct session *s, const char *name, int64_t *key,
                                     struct reel_error *err)
{
    struct reel_history all;
    struct reel_error other;
    const enum reel_status rc = reel_store_viewer_find(s->store, name, key, err);
    if (rc != REEL_ENOTFOUND || reel_store_history_load(s->store, 0, &all, &other)) {
        return rc;
    }
    char *near = names_like(&all, name);
    if (*near) {
        cli_error(err, REEL_ENOTFOUND, tr("there is no viewer '%s'; did you mean %s?"),
                  name, near);
    } else {
        cli_error(err, REEL_ENOTFOUND,
                  tr("there is no viewer '%s'; 'forkreel viewers' lists them"), name);
    }
    free(near);
    reel_history_release(&all);
    return REEL_ENOTFOUND;
}

bool session_viewer_is_alike(struct session *s, const char *name)
{
    struct reel_history all;
    struct reel_error err;
    if (reel_store_history_load(s->store, 0, &all, &err)) {
        return false;
    }
    char *near = names_like(&all, name);
    const bool is_alike = *near != 0;
    free(near);
    reel_history_release(&all);
    return is_alike;
}

bool session_is_seen(const struct session *s, int64_t entry)
{
    const unsigned seen = 1u << REEL_EVENT_RATE | 1u << REEL_EVENT_WATCH |
                          1u << REEL_EVENT_LIKE | 1u << REEL_EVENT_DISLIKE |
                          1u << REEL_EVENT_REVIEW;
    return s->mark[entry] & seen;
}

const char *session_title(const struct session *s, int32_t row)
{
    const struct reel_film_table *films = s->films;
    if (s->cli->lang[0] == 'z' && films->title_zh[row]) {
        return films->title_zh[row];
    }
    if (films->title[row] && *films->title[row]) {
        return films->title[row];
    }
    return films->source_id[row] ? films->source_id[row] : "?";
}

const char *session_card_title(const struct cli *cli, const struct reel_film *film)
{
    for (int32_t i = 0; cli->lang[0] == 'z' && i < film->n_titles; i++) {
        const char *language = film->titles[i].language;
        if (language && !strncmp(language, "zh", 2)) {
            return film->titles[i].text;
        }
    }
    if (film->ref.title && *film->ref.title) {
        return film->ref.title;
    }
    return film->ref.id ? film->ref.id : "?";
}

char *session_card_name(const struct cli *cli, const struct reel_film *film)
{
    const char *title = session_card_title(cli, film);
    return film->ref.year > 0 ? cli_format("%s (%d)", title, film->ref.year)
                              : cli_format("%s", title);
}

/* ---- training data ---- */

/** Rows of the film table that anybody liked, and where each stands among them. */
static int32_t *columns_make(const struct session *s, struct dataset *data)
{
    const struct reel_csr *chosen = &s->chosen.chosen;
    const size_t n_all = (size_t)chosen->n_cols;
    int32_t *column = cli_need(malloc((n_all + 1) * sizeof *column)), n = 0;
    for (size_t f = 0; f < n_all; f++) {
        column[f] = -1;
    }
    for (int64_t e = 0; e < chosen->start[chosen->n_rows]; e++) {
        column[chosen->col[e]] = 0;
    }
    data->film_key = cli_need(malloc((n_all + 1) * sizeof *data->film_key));
    data->film_row = cli_need(malloc((n_all + 1) * sizeof *data->film_row));
    for (int32_t f = 0; f < chosen->n_cols; f++) {
        if (column[f] == 0) {
            data->film_key[n] = s->history.film_key[f];
            data->film_row[n] = f;
            column[f] = n++;
        }
    }
    data->chosen.n_cols = n;
    return column;
}

static void genres_make(const struct session *s, struct dataset *data)
{
    const struct reel_csr *all = &s->films->genres;
    const int32_t n = data->chosen.n_cols;
    data->genre_start = cli_need(calloc((size_t)n + 1, sizeof *data->genre_start));
    data->genre_col =
        cli_need(malloc((size_t)(all->start[all->n_rows] + 1) * sizeof *data->genre_col));
    int64_t n_entries = 0;
    for (int32_t f = 0; f < n; f++) {
        const int32_t row = data->film_row[f];
        for (int64_t e = all->start[row]; e < all->start[row + 1]; e++) {
            data->genre_col[n_entries++] = all->col[e];
        }
        data->genre_start[f + 1] = n_entries;
    }
    data->genres = (struct reel_csr){.n_rows = n,
                                     .n_cols = all->n_cols,
                                     .start = data->genre_start,
                                     .col = data->genre_col};
}

enum reel_status dataset_make(const struct session *s, struct dataset *out,
                              struct reel_error *err)
{
    const struct reel_csr *chosen = &s->chosen.chosen;
    const int64_t n = chosen->start[chosen->n_rows];
    *out = (struct dataset){0};
    if (n == 0) {
        return cli_error(err, REEL_EFAIL, "%s",
                         tr("nobody liked any film yet (4 stars and more, or a like)"));
    }
    int32_t *column = columns_make(s, out);
    out->col = cli_need(malloc((size_t)n * sizeof *out->col));
    for (int64_t e = 0; e < n; e++) {
        out->col[e] = column[chosen->col[e]];
    }
    free(column);
    out->chosen.n_rows = chosen->n_rows;
    out->chosen.start = chosen->start;
    out->chosen.col = out->col;
    out->chosen.value = chosen->value;
    for (int32_t v = 0; v < chosen->n_rows; v++) {
        out->n_viewers += chosen->start[v + 1] > chosen->start[v];
    }
    genres_make(s, out);
    return REEL_OK;
}

void dataset_release(struct dataset *data)
{
    free(data->film_key);
    free(data->film_row);
    free(data->col);
    free(data->genre_start);
    free(data->genre_col);
    *data = (struct dataset){0};
}

struct reel_training dataset_training(const struct session *s, const struct dataset *data,
                                      const struct reel_csr *part, const int64_t *at_s)
{
    return (struct reel_training){.chosen = *part,
                                  .at_s = at_s,
                                  .viewer_key = s->history.viewer_key,
                                  .film_key = data->film_key,
                                  .version = s->history.version};
}

enum reel_status dataset_split(const struct session *s, const struct dataset *data,
                               enum reel_split_kind kind, uint64_t seed,
                               struct reel_split *out, struct reel_error *err)
{
    const enum reel_status rc =
        reel_split_make(&data->chosen, s->chosen.at_s, kind, seed, out, err);
    if (rc == REEL_OK && out->test.start[out->test.n_rows] == 0) {
        return cli_error(
            err, REEL_EFAIL, "%s",
            tr("nothing can be tested: no viewer liked enough films that can be "
               "told apart in time"));
    }
    return rc;
}

/* ---- models in the home ---- */

char *session_model_path(const struct cli *cli, const char *name)
{
    return cli_format("%s/models/%s.reel", cli->home, name);
}

/** mkdir -p. */
static bool make_folder(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at == '/') {
            *at = 0;
            mkdir(path, 0777); // the last one tells whether it worked
            *at = '/';
        }
    }
    return mkdir(path, 0777) == 0 || errno == EEXIST;
}

enum reel_status session_model_save(const struct cli *cli, const struct reel_model *model,
                                    struct reel_error *err)
{
    char *folder = cli_home_path(cli, "models");
    char *path = session_model_path(cli, reel_model_name(model));
    const enum reel_status rc =
        make_folder(folder) ? reel_model_save(model, path, err)
                            : cli_error(err, REEL_EIO, "%s: %s", folder, strerror(errno));
    free(folder);
    free(path);
    return rc;
}

enum reel_status session_model_open(const struct cli *cli, const char *name,
                                    struct reel_model **out, struct reel_error *err)
{
    static const char *const by_quality[] = {"hybrid",   "als", "ease",      "item-knn",
                                             "user-knn", "bpr", "popularity"};
    const size_t n = sizeof by_quality / sizeof *by_quality;
    for (size_t i = 0; i < (name ? 1 : n); i++) {
        char *path = session_model_path(cli, name ? name : by_quality[i]);
        const enum reel_status rc =
            access(path, F_OK) ? REEL_ENOTFOUND : reel_model_open(path, out, err);
        free(path);
        if (rc != REEL_ENOTFOUND) {
            return rc;
        }
    }
    return name ? cli_error(err, REEL_EFAIL,
                            tr("%s is not trained yet; run 'forkreel train --model %s'"),
                            name, name)
                : cli_error(err, REEL_EFAIL, "%s",
                            tr("no model is trained yet; run 'forkreel train'"));
}

bool session_models_check(struct cli *cli, struct cli_names *names)
{
    if (names->n == 0) {
        cli_names_add(names, "als,ease,item-knn,user-knn,bpr,popularity");
    }
    for (int32_t m = 0; m < names->n; m++) {
        if (!reel_model_class_find(names->name[m])) {
            cli_say(cli, tr("there is no model '%s'; 'forkreel help train' lists them"),
                    names->name[m]);
            return false;
        }
    }
    return true;
}

/** "    factors    64; 1..1024    length of a vector". */
static void print_setting(FILE *out, const struct reel_setting *setting)
{
    char range[128];
    if (setting->choice) {
        int n =
            snprintf(range, sizeof range, "%s;", setting->choice[(int)setting->standard]);
        for (int i = 0; i <= (int)setting->high && n < (int)sizeof range; i++) {
            n += snprintf(range + n, sizeof range - (size_t)n, " %s", setting->choice[i]);
        }
    } else {
        snprintf(range, sizeof range, "%g; %g..%g", setting->standard, setting->low,
                 setting->high);
    }
    fprintf(out, "    %-15s %-31s %s\n", setting->name, range, tr(setting->summary));
}

char *session_models_help(const struct cli *cli)
{
    char *text = NULL;
    size_t n_bytes;
    int32_t n;
    (void)cli;
    const struct reel_model_class_info *const *info = reel_model_classes(&n);
    FILE *out = cli_need(open_memstream(&text, &n_bytes));
    fprintf(out, "%s\n",
            tr("Models and their settings (standard; range of the search):"));
    for (int32_t m = 0; m < n; m++) {
        fprintf(out, "  %-11s %s\n", info[m]->name, tr(info[m]->summary));
        for (int32_t i = 0; i < info[m]->n_settings; i++) {
            print_setting(out, &info[m]->setting[i]);
        }
    }
    fclose(out);
    return cli_need(text);
}

/* ---- trials ---- */

char *session_settings_short(const char *model, const char *settings)
{
    const struct reel_train_options standard = reel_train_options_default();
    char all[512], *text = cli_format("%s", "");
    reel_settings_print(model, &standard, all, sizeof all);
    for (const char *at = settings; *at; at += strspn(at, " ")) {
        const int n = (int)strcspn(at, " ");
        char *padded = cli_format(" %s ", all), *word = cli_format(" %.*s ", n, at);
        if (!strstr(padded, word)) {
            char *longer = cli_format("%s%s%.*s", text, *text ? " " : "", n, at);
            free(text);
            text = longer;
        }
        free(padded);
        free(word);
        at += n;
    }
    if (!*text) {
        free(text);
        text = cli_format("%s", tr("standard"));
    }
    return text;
}

char *session_measure_name(const char *split, uint64_t seed)
{
    return cli_format("ndcg@10 validation of %s split, seed %llu", split,
                      (unsigned long long)seed);
}

bool session_settings_best(struct session *s, const char *model, char *settings,
                           size_t n_bytes)
{
    double score;
    struct reel_error err;
    return reel_store_trial_best(s->store, model, settings, n_bytes, &score, &err) ==
           REEL_OK;
}

int32_t session_settings_best_on(struct session *s, const char *model,
                                 const char *measure, char *settings, size_t n_bytes)
{
    int32_t n_trials = 0;
    struct reel_error err;
    return reel_store_trial_best_on(s->store, model, measure, s->history.version,
                                    settings, n_bytes, &n_trials, &err)
               ? 0
               : n_trials;
}

static enum reel_status trial_keep(struct trial_run *run,
                                   const struct reel_train_options *opt, double score,
                                   double seconds, struct reel_error *err)
{
    char settings[512];
    reel_settings_print(run->model, opt, settings, sizeof settings);
    const struct reel_trial trial = {.model = run->model,
                                     .settings = settings,
                                     .measure = run->measure,
                                     .score = score,
                                     .at_s = (int64_t)time(NULL),
                                     .data_version = run->s->history.version};
    run->i_trial++;
    if (run->table) {
        cli_table_line(run->table);
        cli_table_text(run->table, run->model);
        cli_table_cell(run->table, "%d", run->i_trial);
        char *text = session_settings_short(run->model, settings);
        cli_table_cell(run->table, "%.4f", score);
        cli_table_cell(run->table, "%.2f", seconds);
        cli_table_text(run->table, text);
        free(text);
    }
    if (run->json) {
        json_array_append_new(run->json,
                              json_pack("{s:s, s:o, s:o, s:o}", "model", run->model,
                                        "settings", cli_json_text(settings),
                                        "ndcg@10 validation", cli_json_real(score),
                                        "seconds", cli_json_real(seconds)));
    }
    return reel_store_trial_add(run->s->store, &trial, err);
}

/** One setting: a struct reel_search callback. */
static enum reel_status trial_measure(const struct reel_train_options *opt, double *score,
                                      void *payload, struct reel_error *err)
{
    struct trial_run *run = payload;
    struct cli *cli = run->s->cli;
    const int32_t cut = 10;
    const double begin_s = cli_clock_s();
    struct reel_train_options own = *opt;
    own.n_threads = cli->n_threads;
    // The bar counts trials; the epochs of each would make it jump.
    own.progress = cli_progress_silent();
    const struct reel_progress progress = cli_progress(cli);
    if (!progress.report(run->model, run->i_trial, run->n_trials, progress.payload)) {
        return cli_error(err, REEL_ECANCELLED, tr("stopped after %d of %d trials of %s"),
                         run->i_trial, run->n_trials, run->model);
    }
    struct reel_training training =
        dataset_training(run->s, run->data, &run->split->train, run->split->train_at_s);
    if (run->features) {
        taste_data_add(run->features, &training);
    }
    const struct reel_measure_options measure = {.cut = &cut,
                                                 .n_cuts = 1,
                                                 .n_bootstrap = 1,
                                                 .n_threads = cli->n_threads,
                                                 .seed = SESSION_SEED,
                                                 .train_at_s = run->split->train_at_s};
    struct reel_model *model = NULL;
    struct reel_measures found;
    enum reel_status rc = reel_model_train(run->model, &training, &own, &model, err);
    rc = rc ? rc
            : reel_measure(model, &run->split->train, NULL, &run->split->validation, NULL,
                           &measure, &found, NULL, err);
    reel_model_free(model);
    if (rc) {
        return rc;
    }
    *score = found.ndcg[0].mean;
    return trial_keep(run, &own, *score, cli_clock_s() - begin_s, err);
}

enum reel_status session_search(struct trial_run *run, uint64_t seed,
                                struct reel_train_options *best, double *best_score,
                                struct reel_error *err)
{
    const struct reel_search search = {.measure = trial_measure, .payload = run};
    run->i_trial = 0;
    struct taste_data features = {0};
    enum reel_status rc = REEL_OK;
    if (taste_data_wanted(run->model)) {
        rc = taste_data_make(run->s, run->data, run->split, &run->split->train, seed,
                             &features, err);
        run->features = rc ? NULL : &features;
    }
    rc = rc ? rc
            : reel_settings_search(run->model, run->n_trials, seed, &search, best,
                                   best_score, err);
    run->features = NULL;
    taste_data_release(&features);
    reel_progress_bar_clear(&run->s->cli->bar);
    return rc;
}
