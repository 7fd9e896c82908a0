/**
 * `forkreel evaluate --taste`: how well is the taste of films known of which only words are?
 *
 * Of the films with a text (an overview or a story) a fifth is cold: what anybody chose or
 * rated of them is not learned from. Every way below then scores the cold films for every
 * viewer (cold.h). This is done for several seeds; means are over seeds, with Student's 95 %
 * interval of the mean.
 */
#include "cli_taste.h"
#include "cmd_evaluate.h"

#include <forkreel/cold.h>
#include <forkreel/taste.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_MEASURES = 5, N_WAYS_MAX = 32, N_BINS = 10 };

/** Viewers with fewer liked (and disliked) cold films say little about an order. */
enum { N_FEW = 5 };

enum how { HOW_COSINE, HOW_TASTE, HOW_OPINION, HOW_POPULARITY };

/** One line of the table. */
struct way {
    char *name;
    enum how how;
    const char *settings; /* of the taste model */
    const char *block[8]; /* kinds of features; none: all but the facts */
    bool has_facts;
    double value[2][N_MEASURES]
                [EVALUATE_TASTE_SEEDS_MAX]; /* all viewers; those with few left out */
    double seconds;
};

static const char *const measures[N_MEASURES] = {"auc_all", "auc_disliked", "ndcg10",
                                                 "ece", "stars_rmse"};

struct taste_evaluation {
    struct session *s;
    const struct evaluate_taste_words *words;
    struct texts texts;
    struct reel_feature_rows rows;
    bool *has_text; /* (films) */
    struct way way[N_WAYS_MAX];
    int32_t n_ways, n_films_with_text, n_cold;
    int32_t n_viewers[2], n_viewers_disliked[2]; /* of the last seed */
    struct evaluate_taste_result *result;
};

/* ---- ways ---- */

static const struct reel_feature_block *find_block(const struct taste_evaluation *e,
                                                   const char *name)
{
    for (int32_t b = 0; b < e->rows.n_blocks; b++) {
        if (strcmp(e->rows.block[b].name, name) == 0) {
            return &e->rows.block[b];
        }
    }
    return NULL;
}

static struct way *add_way(struct taste_evaluation *e, const char *name, enum how how)
{
    struct way *way = &e->way[e->n_ways++];
    *way = (struct way){.name = cli_need(strdup(name)), .how = how, .settings = ""};
    return way;
}

static void choose_ways(struct taste_evaluation *e)
{
    add_way(e, tr("cosine of TF-IDF profiles"), HOW_COSINE);
    for (int32_t b = 0; b < e->rows.n_blocks; b++) {
        char *name = cli_format(tr("taste: %s alone"), e->rows.block[b].name);
        struct way *way = add_way(e, name, HOW_TASTE);
        way->block[0] = e->rows.block[b].name;
        way->has_facts = true;
        free(name);
    }
    struct way *words = add_way(e, tr("taste: the text alone"), HOW_TASTE);
    static const char *const of_text[] = {"text", "lsa", "embedding"};
    memcpy(words->block, of_text, sizeof of_text);
    add_way(e, tr("taste: all but facts"), HOW_TASTE);
    add_way(e, tr("taste: all but facts, low rank"), HOW_TASTE)->settings = "map=lowrank";
    add_way(e, tr("taste: all but facts, networks"), HOW_TASTE)->settings = "map=mlp";
    add_way(e, tr("taste: all but facts, both"), HOW_TASTE)->settings = "map=blend";
    add_way(e, tr("taste: the same, once watched"), HOW_OPINION);
    if (find_block(e, "facts")) {
        add_way(e, tr("taste: all"), HOW_TASTE)->has_facts = true;
    }
    add_way(e, tr("knowing the popularity"), HOW_POPULARITY);
}

/** The blocks of a way; returns how many. */
static int32_t blocks_of(const struct taste_evaluation *e, const struct way *way,
                         struct reel_feature_block *block)
{
    int32_t n = 0;
    for (int32_t b = 0; b < e->rows.n_blocks; b++) {
        const struct reel_feature_block *one = &e->rows.block[b];
        bool is_wanted = !way->block[0] && (way->has_facts || strcmp(one->name, "facts"));
        for (int32_t i = 0; way->block[i]; i++) {
            is_wanted |= strcmp(way->block[i], one->name) == 0;
        }
        if (is_wanted) {
            block[n++] = *one;
        }
    }
    return n;
}

static struct reel_query row_of(const struct reel_csr *m, int32_t row)
{
    return (struct reel_query){.film = m->col + m->start[row],
                               .value = m->value ? m->value + m->start[row] : NULL,
                               .n = (int32_t)(m->start[row + 1] - m->start[row])};
}

/** Cosine of each cold film's row with the sum of what the viewer chose (Rocchio 1971). */
static void score_cosine(const struct taste_evaluation *e, const struct reel_cold *cold,
                         float *score)
{
    const struct reel_csr *text = find_block(e, "text")->sparse;
    float *profile = cli_need(calloc((size_t)text->n_cols + 1, sizeof *profile));
    for (int32_t v = 0; v < cold->chosen.n_rows; v++) {
        const struct reel_query chosen = row_of(&cold->chosen, v);
        memset(profile, 0, (size_t)text->n_cols * sizeof *profile);
        for (int32_t i = 0; i < chosen.n; i++) {
            const struct reel_query row = row_of(text, chosen.film[i]);
            for (int32_t w = 0; e->has_text[chosen.film[i]] && w < row.n; w++) {
                profile[row.film[w]] += row.value[w];
            }
        }
        // Rows have length 1, and the profile's length is the same for all of its films.
        for (int32_t f = 0; f < cold->n; f++) {
            const struct reel_query row = row_of(text, cold->film[f]);
            float sum = 0;
            for (int32_t w = 0; w < row.n; w++) {
                sum += profile[row.film[w]] * row.value[w];
            }
            score[(size_t)v * (size_t)cold->n + (size_t)f] = sum;
        }
    }
    free(profile);
}

/** What nobody can know of a new film: how many will like it. */
static void score_popularity(const struct taste_evaluation *e,
                             const struct reel_cold *cold, float *score)
{
    const struct reel_csr *chosen = &e->s->chosen.chosen;
    float *count = cli_need(calloc((size_t)chosen->n_cols + 1, sizeof *count));
    for (int64_t i = 0; i < chosen->start[chosen->n_rows]; i++) {
        count[chosen->col[i]] += 1;
    }
    for (int32_t v = 0; v < chosen->n_rows; v++) {
        for (int32_t f = 0; f < cold->n; f++) {
            score[(size_t)v * (size_t)cold->n + (size_t)f] = count[cold->film[f]];
        }
    }
    free(count);
}

/* ---- one seed ---- */

/** Guesses of rated cold films, to be held against what came. */
struct guesses {
    float *p;
    bool *is_true;
    int64_t n;
    double square; /* of errors in stars */
};

static void add_guesses(const struct taste_evaluation *e, const struct reel_cold *cold,
                        int32_t viewer, const int32_t *place,
                        const struct reel_opinion *opinion, struct guesses *g)
{
    const struct reel_csr *rated = &e->s->history.seen;
    const struct reel_csr *chosen = &e->s->chosen.chosen;
    (void)cold;
    int64_t c = chosen->start[viewer];
    for (int64_t i = rated->start[viewer]; i < rated->start[viewer + 1]; i++) {
        const int32_t at = place[rated->col[i]];
        while (c < chosen->start[viewer + 1] && chosen->col[c] < rated->col[i]) {
            c++;
        }
        if (at < 0 || !(rated->value[i] > 0)) {
            continue;
        }
        const double error = (double)opinion[at].stars - rated->value[i];
        g->p[g->n] = opinion[at].p_like;
        g->is_true[g->n++] =
            c < chosen->start[viewer + 1] && chosen->col[c] == rated->col[i];
        g->square += error * error;
    }
}

/** Score the cold films with a trained model; guesses too. */
static enum reel_status score_taste(const struct taste_evaluation *e,
                                    const struct reel_model *taste,
                                    const struct reel_cold *cold, bool is_opinion,
                                    float *score, struct guesses *g,
                                    struct reel_error *err)
{
    const size_t n_place = (size_t)reel_taste_n_place(taste), n = (size_t)cold->n;
    const float *films = reel_taste_film_places(taste);
    float *place = cli_need(calloc(n * n_place + 1, sizeof *place));
    float *viewer = cli_need(calloc((size_t)reel_taste_n_viewer(taste), sizeof *viewer));
    struct reel_opinion *opinion = cli_need(calloc(n + 1, sizeof *opinion));
    int32_t *at = cli_need(malloc(((size_t)cold->chosen.n_cols + 1) * sizeof *at));
    memset(at, -1, (size_t)cold->chosen.n_cols * sizeof *at);
    for (size_t f = 0; f < n; f++) {
        memcpy(place + f * n_place, films + (size_t)cold->film[f] * n_place,
               n_place * sizeof *place);
        at[cold->film[f]] = (int32_t)f;
    }
    enum reel_status rc = REEL_OK;
    for (int32_t v = 0; rc == REEL_OK && v < cold->chosen.n_rows; v++) {
        const struct reel_query chosen = row_of(&cold->chosen, v);
        const struct reel_query rated = row_of(&cold->rated, v);
        rc = reel_taste_viewer(taste, &chosen, &rated, viewer, err);
        rc = rc ? rc : reel_taste_score(taste, viewer, place, cold->n, opinion, err);
        for (size_t f = 0; rc == REEL_OK && f < n; f++) {
            score[(size_t)v * n + f] = is_opinion ? opinion[f].p_like : opinion[f].score;
        }
        if (rc == REEL_OK) {
            add_guesses(e, cold, v, at, opinion, g);
        }
    }
    free(place);
    free(viewer);
    free(opinion);
    free(at);
    return rc;
}

static enum reel_status train_taste(const struct taste_evaluation *e,
                                    const struct way *way, const struct reel_cold *cold,
                                    uint64_t seed, struct reel_model **out,
                                    struct reel_error *err)
{
    struct reel_feature_block block[16];
    struct reel_train_options opt = reel_train_options_default();
    opt.seed = seed;
    opt.n_threads = e->s->cli->n_threads;
    enum reel_status rc = reel_settings_parse("taste", way->settings, &opt, err);
    const struct reel_training data = {.chosen = cold->chosen,
                                       .rated = &cold->rated,
                                       .feature = block,
                                       .n_features = blocks_of(e, way, block)};
    return rc ? rc : reel_model_train("taste", &data, &opt, out, err);
}

static enum reel_status calibrate(struct taste_evaluation *e, struct way *way,
                                  const struct guesses *g, int32_t i_seed,
                                  struct reel_error *err)
{
    double ece;
    const enum reel_status rc =
        reel_calibration_error(g->p, g->is_true, g->n, N_BINS, NULL, &ece, err);
    for (int few = 0; few < 2; few++) {
        way->value[few][3][i_seed] = ece;
        way->value[few][4][i_seed] = sqrt(g->square / (double)g->n);
    }
    if (rc == REEL_OK && way->how == HOW_OPINION && e->result) {
        for (int64_t i = 0; i < g->n; i++) {
            const int step = (int)(g->p[i] * EVALUATE_TASTE_STEPS);
            const int at = step < EVALUATE_TASTE_STEPS ? step : EVALUATE_TASTE_STEPS - 1;
            e->result->n_true[at] += g->is_true[i];
            e->result->n_false[at] += !g->is_true[i];
        }
    }
    return rc;
}

static enum reel_status run_way(struct taste_evaluation *e, struct way *way,
                                const struct reel_cold *cold, int32_t i_seed,
                                float *score, struct reel_error *err)
{
    const struct reel_csr *rated = &e->s->history.seen;
    const size_t n_rated = (size_t)rated->start[rated->n_rows] + 1;
    struct guesses g = {.p = cli_need(calloc(n_rated, sizeof *g.p)),
                        .is_true = cli_need(calloc(n_rated, sizeof *g.is_true))};
    struct reel_model *taste = NULL;
    enum reel_status rc = REEL_OK;
    const double begin_s = cli_clock_s();
    if (way->how == HOW_COSINE) {
        score_cosine(e, cold, score);
    } else if (way->how == HOW_POPULARITY) {
        score_popularity(e, cold, score);
    } else {
        rc = train_taste(e, way, cold, e->words->seed + (uint64_t)i_seed, &taste, err);
        rc = rc ? rc
                : score_taste(e, taste, cold, way->how == HOW_OPINION, score, &g, err);
    }
    way->seconds += (cli_clock_s() - begin_s) / e->words->n_seeds;
    if (rc == REEL_OK && g.n > 0) {
        rc = calibrate(e, way, &g, i_seed, err);
    } else {
        for (int few = 0; few < 2; few++) {
            way->value[few][3][i_seed] = way->value[few][4][i_seed] = NAN;
        }
    }
    for (int few = 0; rc == REEL_OK && few < 2; few++) {
        struct reel_cold_measures m;
        const int32_t n_min = few ? N_FEW : 1;
        rc = reel_cold_measure(&e->s->chosen.chosen, rated, cold, score, n_min, n_min, &m,
                               err);
        way->value[few][0][i_seed] = m.auc_all;
        way->value[few][1][i_seed] = m.auc_disliked;
        way->value[few][2][i_seed] = m.ndcg;
        e->n_viewers[few] = m.n_viewers;
        e->n_viewers_disliked[few] = m.n_viewers_disliked;
    }
    reel_model_free(taste);
    free(g.p);
    free(g.is_true);
    return rc;
}

static enum reel_status run_seed(struct taste_evaluation *e, int32_t i_seed,
                                 struct reel_error *err)
{
    struct cli *cli = e->s->cli;
    const struct reel_progress progress = cli_progress(cli);
    struct reel_cold cold;
    enum reel_status rc =
        reel_cold_make(&e->s->chosen.chosen, &e->s->history.seen, e->has_text, 0.2,
                       e->words->seed + (uint64_t)i_seed, &cold, err);
    if (rc) {
        return rc;
    }
    e->n_cold = cold.n;
    float *score =
        cli_need(calloc((size_t)cold.chosen.n_rows * (size_t)cold.n + 1, sizeof *score));
    for (int32_t w = 0; rc == REEL_OK && w < e->n_ways; w++) {
        const double done = i_seed + (double)w / e->n_ways;
        if (progress.report &&
            !progress.report("evaluate", done, e->words->n_seeds, progress.payload)) {
            rc = cli_error(err, REEL_ECANCELLED, "%s", tr("stopped"));
            break;
        }
        rc = run_way(e, &e->way[w], &cold, i_seed, score, err);
    }
    free(score);
    reel_cold_release(&cold);
    return rc;
}

/* ---- what is shown ---- */

/** Quantiles .975 of Student's distribution, by degrees of freedom 1 .. 19. */
static double student(int32_t degrees)
{
    static const double t[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365,
                               2.306,  2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
                               2.131,  2.120, 2.110, 2.101, 2.093};
    return degrees < 1 ? NAN : t[(degrees > 19 ? 19 : degrees) - 1];
}

static struct reel_interval interval(const double *value, int32_t n)
{
    double mean = 0, square = 0;
    for (int32_t i = 0; i < n; i++) {
        mean += value[i] / n;
    }
    for (int32_t i = 0; i < n; i++) {
        square += (value[i] - mean) * (value[i] - mean);
    }
    const double half = n > 1 ? student(n - 1) * sqrt(square / (n - 1) / n) : NAN;
    return (struct reel_interval){mean, mean - half, mean + half};
}

static void cell(struct cli_table *table, const double *value, int32_t n)
{
    const struct reel_interval x = interval(value, n);
    if (isnan(x.mean)) {
        cli_table_text(table, "-");
    } else if (isnan(x.low)) {
        cli_table_cell(table, "%.3f", x.mean);
    } else {
        cli_table_cell(table, "%.3f ± %.3f", x.mean, x.high - x.mean);
    }
}

static void print_table(const struct taste_evaluation *e, int few)
{
    static const struct cli_column column[] = {
        {"WAY", CLI_LEFT},      {"AUC ALL", CLI_RIGHT}, {"AUC DISLIKED", CLI_RIGHT},
        {"NDCG@10", CLI_RIGHT}, {"ECE", CLI_RIGHT},     {"STARS RMSE", CLI_RIGHT},
        {"SECONDS", CLI_RIGHT}};
    struct cli_table table;
    cli_table_init(&table, column, sizeof column / sizeof *column);
    for (int32_t w = 0; w < e->n_ways; w++) {
        const struct way *way = &e->way[w];
        cli_table_line(&table);
        cli_table_text(&table, way->name);
        for (int m = 0; m < N_MEASURES; m++) {
            cell(&table, way->value[few][m], e->words->n_seeds);
        }
        cli_table_cell(&table, "%.2f", way->seconds);
    }
    cli_table_show(&table);
    cli_table_release(&table);
}

static void print_evaluation(const struct taste_evaluation *e)
{
    cli_print(
        tr("Viewers with at least %d liked cold films (%d of them; %d with %d disliked "
           "ones):"),
        N_FEW, e->n_viewers[1], e->n_viewers_disliked[1], N_FEW);
    print_table(e, 1);
    putchar('\n');
    cli_print(tr("Every viewer with a liked cold film (%d; %d with a disliked one):"),
              e->n_viewers[0], e->n_viewers_disliked[0]);
    print_table(e, 0);
    putchar('\n');
    cli_print(
        tr("%d of %d films with a text are cold: nobody's choice or rating of them is "
           "learned from. %d seeds from %llu; ± is the 95 %% interval of the mean."),
        e->n_cold, e->n_films_with_text, e->words->n_seeds,
        (unsigned long long)e->words->seed);
    cli_print("%s",
              tr("AUC all: liked against all other cold films; disliked: against those "
                 "rated and not liked. ECE: of the probability of liking, 10 bins."));
}

static json_t *measures_json(const struct taste_evaluation *e, const struct way *way,
                             int few)
{
    json_t *all = cli_need(json_object());
    for (int m = 0; m < N_MEASURES; m++) {
        const struct reel_interval x = interval(way->value[few][m], e->words->n_seeds);
        json_t *seeds = cli_need(json_array());
        for (int32_t i = 0; i < e->words->n_seeds; i++) {
            json_array_append_new(seeds, cli_json_real(way->value[few][m][i]));
        }
        json_object_set_new(all, measures[m],
                            json_pack("{s:o, s:o, s:o, s:o}", "mean",
                                      cli_json_real(x.mean), "low", cli_json_real(x.low),
                                      "high", cli_json_real(x.high), "seeds", seeds));
    }
    return all;
}

static json_t *evaluation_json(const struct taste_evaluation *e)
{
    json_t *ways = cli_need(json_array());
    for (int32_t w = 0; w < e->n_ways; w++) {
        const struct way *way = &e->way[w];
        json_array_append_new(ways, json_pack("{s:o, s:o, s:o, s:o}", "way",
                                              cli_json_text(way->name), "at_least_5",
                                              measures_json(e, way, 1), "every_viewer",
                                              measures_json(e, way, 0), "seconds",
                                              cli_json_real(way->seconds)));
    }
    return json_pack("{s:i, s:i, s:i, s:I, s:o}", "cold_films", (int)e->n_cold,
                     "films_with_text", (int)e->n_films_with_text, "seeds",
                     (int)e->words->n_seeds, "seed", (json_int_t)e->words->seed, "ways",
                     ways);
}

/* ---- the whole ---- */

static enum reel_status mark_text(const struct reel_film_text *text, void *payload,
                                  struct reel_error *err)
{
    struct taste_evaluation *e = payload;
    const int32_t row =
        session_index_of(e->s->films->key, e->s->films->n_films, text->film);
    (void)err;
    if (row >= 0 && (text->overview || text->story)) {
        e->has_text[row] = true;
        e->n_films_with_text++;
    }
    return REEL_OK;
}

static enum reel_status prepare(struct taste_evaluation *e, struct reel_error *err)
{
    struct cli *cli = e->s->cli;
    struct reel_features *features = NULL;
    e->has_text = cli_need(calloc((size_t)e->s->films->n_films + 1, sizeof *e->has_text));
    enum reel_status rc = reel_store_texts_each(e->s->store, mark_text, e, err);
    if (rc == REEL_OK && e->n_films_with_text < 10) {
        rc = cli_error(err, REEL_EFAIL,
                       tr("%d films have a text; import some (forkreel import jsonl "
                          "FILE --map MEMBER=text)"),
                       e->n_films_with_text);
    }
    rc = rc ? rc : texts_of_films(e->s, &e->texts, err);
    rc = rc ? rc
            : taste_features_fit(cli, &e->texts, NULL, e->words->seed, &features, err);
    rc = rc ? rc : features_rows(features, &e->texts, NULL, e->texts.n, &e->rows, err);
    if (rc == REEL_OK && !find_block(e, "text")) {
        rc = cli_error(err, REEL_EFAIL, "%s", tr("no words in the texts of films"));
    }
    reel_features_free(features);
    return rc;
}

enum reel_status evaluate_taste_run(struct session *s,
                                    const struct evaluate_taste_words *words,
                                    struct evaluate_taste_result *result,
                                    enum cli_exit *status, struct reel_error *err)
{
    struct taste_evaluation e = {.s = s, .words = words, .result = result};
    *status = CLI_DONE;
    enum reel_status rc = prepare(&e, err);
    if (rc == REEL_OK) {
        choose_ways(&e);
    }
    for (int32_t i = 0; rc == REEL_OK && i < words->n_seeds; i++) {
        rc = run_seed(&e, i, err);
    }
    reel_progress_bar_clear(&s->cli->bar);
    struct evaluate_feedback feedback;
    rc = rc ? rc : evaluate_feedback_run(words->seed, &feedback, err);
    if (rc == REEL_OK && words->pictures) {
        rc = evaluate_pictures(s, result, &feedback, words->pictures, words->seed, err);
    }
    struct reel_welcome_measures welcome;
    rc = rc ? rc : evaluate_welcome_run(s, words->n_seeds, words->seed, &welcome, err);
    if (rc == REEL_OK && s->cli->is_json) {
        json_t *root = evaluation_json(&e);
        json_object_set_new(root, "feedback", evaluate_feedback_json(&feedback));
        json_object_set_new(root, "welcome", evaluate_welcome_json(&welcome));
        *status = cli_json_show(root);
    } else if (rc == REEL_OK) {
        print_evaluation(&e);
        evaluate_feedback_print(&feedback);
        evaluate_welcome_print(&welcome);
    }
    for (int32_t w = 0; w < e.n_ways; w++) {
        free(e.way[w].name);
    }
    free(e.has_text);
    reel_feature_rows_release(&e.rows);
    texts_release(&e.texts);
    return rc;
}

enum cli_exit evaluate_taste(struct cli *cli, const struct evaluate_taste_words *words)
{
    struct reel_error err;
    struct session s;
    enum cli_exit status = CLI_DONE;
    struct evaluate_taste_result result = {0};
    enum reel_status rc = session_open(cli, &s, 0, &err);
    rc = rc ? rc : session_load(&s, 0, &err);
    rc = rc ? rc : evaluate_taste_run(&s, words, &result, &status, &err);
    status = rc ? cli_fail(cli, &err) : status;
    session_close(&s);
    return status;
}
