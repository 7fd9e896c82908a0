#include "cli_taste.h"
#include "cli_embed.h"
#include "cli_story.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Shares are damped as if this many films of average mix were liked besides. */
#define DAMP_GENRES 5.0
#define STARS_DISLIKED 2.0F

struct gathering {
    const struct session *s;
    const double *liked; /* (films) */
    const char *language;
    struct reel_branch_document *document;
    char **text;
    int32_t n, room;
};

static void add_document(struct gathering *g, const char *text, double liked)
{
    if (g->n == g->room) {
        g->room = g->room ? 2 * g->room : 256;
        g->document =
            cli_need(realloc(g->document, (size_t)g->room * sizeof *g->document));
        g->text = cli_need(realloc(g->text, (size_t)g->room * sizeof *g->text));
    }
    g->text[g->n] = cli_need(strdup(text));
    g->document[g->n] = (struct reel_branch_document){g->text[g->n], liked};
    g->n++;
}

/** Each beat of a film is a text: as long as the branches that are compared with it. */
static enum reel_status add_beats(int64_t film_key, const char *story, void *payload,
                                  struct reel_error *err)
{
    struct gathering *g = payload;
    json_error_t problem;
    json_t *root = json_loads(story, 0, &problem);
    if (!root) {
        return cli_error(err, REEL_EFORMAT, "film %lld: story: %s", (long long)film_key,
                         problem.text);
    }
    const int32_t row =
        session_index_of(g->s->films->key, g->s->films->n_films, film_key);
    const double liked = row < 0 ? 0 : g->liked[row];
    size_t i;
    json_t *beat;
    json_array_foreach(json_object_get(root, "beats"), i, beat)
    {
        const char *text = json_string_value(json_object_get(beat, g->language));
        if (text) {
            add_document(g, text, liked);
        }
    }
    json_decref(root);
    return REEL_OK;
}

/** 1 liked, -1 disliked (two stars and less, or said so), 0 otherwise, by film. */
static double *likes_make(const struct session *s)
{
    double *liked = cli_need(calloc((size_t)s->films->n_films + 1, sizeof *liked));
    const struct reel_csr *seen = &s->history.seen, *chosen = &s->chosen.chosen;
    for (int64_t e = 0; e < seen->start[seen->n_rows]; e++) {
        const bool is_disliked = isnan(seen->value[e])
                                     ? (s->mark[e] & 1u << REEL_EVENT_DISLIKE) != 0
                                     : seen->value[e] <= STARS_DISLIKED;
        if (is_disliked) {
            liked[seen->col[e]] = -1;
        }
    }
    for (int64_t e = 0; e < chosen->start[chosen->n_rows]; e++) {
        liked[chosen->col[e]] = 1;
    }
    return liked;
}

/** log of the share of each genre among the liked over its share among all films. */
static double *lifts_make(const struct reel_film_table *films, const double *liked)
{
    const struct reel_csr *genres = &films->genres;
    const size_t n = (size_t)genres->n_cols;
    double *all = cli_need(calloc(n + 1, sizeof *all));
    double *lift = cli_need(calloc(n + 1, sizeof *lift));
    double n_liked = 0;
    for (int32_t f = 0; f < films->n_films; f++) {
        n_liked += liked[f] > 0;
        for (int64_t e = genres->start[f]; e < genres->start[f + 1]; e++) {
            all[genres->col[e]] += 1;
            lift[genres->col[e]] += liked[f] > 0;
        }
    }
    for (size_t g = 0; g < n; g++) {
        const double share = all[g] / films->n_films;
        lift[g] =
            share > 0
                ? log((lift[g] + DAMP_GENRES * share) / (n_liked + DAMP_GENRES) / share)
                : 0;
    }
    free(all);
    return lift;
}

/* ---- the trained model ---- */

struct taste_reader {
    struct reel_model *model;
    struct reel_features *features;
    float *viewer; /* (n_viewer) */
    char language[3];
};

void taste_reader_close(struct taste_reader *reader)
{
    if (reader) {
        reel_model_free(reader->model);
        reel_features_free(reader->features);
        free(reader->viewer);
        free(reader);
    }
}

/** A row of the history in the model's films; those it does not know are left out. */
static struct reel_query query_of(const struct session *s, const struct reel_csr *m,
                                  int32_t row, const struct reel_model *model,
                                  int32_t *film, float *value)
{
    const int64_t *key = reel_model_film_keys(model);
    const int32_t n_films = reel_model_n_films(model);
    struct reel_query query = {.film = film, .value = value};
    for (int64_t e = m->start[row]; e < m->start[row + 1]; e++) {
        const int32_t at = session_index_of(key, n_films, s->history.film_key[m->col[e]]);
        if (at >= 0 && (!value || m->value[e] > 0)) {
            film[query.n] = at;
            if (value) {
                value[query.n] = m->value[e];
            }
            query.n++;
        }
    }
    return query;
}

static enum reel_status solve_viewer(const struct session *s, int32_t row,
                                     struct taste_reader *reader, struct reel_error *err)
{
    const struct reel_csr *chosen = &s->chosen.chosen, *seen = &s->history.seen;
    const size_t n = (size_t)(seen->start[seen->n_rows] + chosen->start[chosen->n_rows]);
    int32_t *film = cli_need(malloc((n + 1) * sizeof *film));
    float *value = cli_need(malloc((n + 1) * sizeof *value));
    const struct reel_query liked = query_of(s, chosen, row, reader->model, film, NULL);
    float *stars = cli_need(malloc((n + 1) * sizeof *stars));
    enum reel_status rc = texts_review_stars(s, stars, err);
    struct reel_csr told = *seen;
    told.value = stars;
    const struct reel_query rated =
        query_of(s, &told, row, reader->model, film + liked.n, value);
    reader->viewer = cli_need(
        calloc((size_t)reel_taste_n_viewer(reader->model) + 1, sizeof *reader->viewer));
    rc = rc ? rc : reel_taste_viewer(reader->model, &liked, &rated, reader->viewer, err);
    free(stars);
    free(film);
    free(value);
    return rc;
}

enum reel_status taste_reader_open(struct session *s, int64_t viewer_key,
                                   struct taste_reader **out, struct reel_error *err)
{
    *out = NULL;
    char *path = session_model_path(s->cli, "taste");
    const bool is_there = access(path, F_OK) == 0;
    free(path);
    const int32_t row =
        session_index_of(s->history.viewer_key, s->history.n_viewers, viewer_key);
    if (!is_there || row < 0) {
        return REEL_OK;
    }
    struct taste_reader *reader = cli_need(calloc(1, sizeof *reader));
    enum reel_status rc = session_model_open(s->cli, "taste", &reader->model, err);
    rc = rc ? rc : features_open(s->cli, &reader->features, err);
    rc = rc ? rc : solve_viewer(s, row, reader, err);
    if (rc) {
        taste_reader_close(reader);
    } else {
        *out = reader;
    }
    return rc;
}

enum reel_status taste_reader_texts(struct taste_reader *reader,
                                    const struct reel_feature_text *text, int32_t n,
                                    struct reel_opinion *out, struct reel_error *err)
{
    struct reel_feature_rows rows;
    float *place = cli_need(
        calloc((size_t)n * (size_t)reel_taste_n_place(reader->model) + 1, sizeof *place));
    enum reel_status rc = reel_features_rows(reader->features, text, n, &rows, err);
    if (rc == REEL_OK) {
        rc = reel_taste_place(reader->model, rows.block, rows.n_blocks, n, place, err);
        reel_feature_rows_release(&rows);
    }
    rc = rc ? rc : reel_taste_score(reader->model, reader->viewer, place, n, out, err);
    free(place);
    return rc;
}

enum reel_status taste_reader_film(struct taste_reader *reader, int64_t film_key,
                                   struct reel_opinion *out, struct reel_error *err)
{
    const int32_t at = session_index_of(reel_model_film_keys(reader->model),
                                        reel_model_n_films(reader->model), film_key);
    if (at < 0) {
        return cli_error(err, REEL_ENOTFOUND, "%s",
                         tr("the taste model does not know this film; train it again"));
    }
    const float *place = reel_taste_film_places(reader->model);
    return reel_taste_score(
        reader->model, reader->viewer,
        place + (size_t)at * (size_t)reel_taste_n_place(reader->model), 1, out, err);
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

static void add_part(struct reel_branch_score *score, const char *name, double value)
{
    snprintf(score->part[score->n_parts].name, sizeof score->part[0].name, "%s", name);
    score->part[score->n_parts++].value = value;
    score->p_like += value;
}

/** The parts of a logit as steps of a probability, one upon the other. */
static void branch_score(const struct reel_opinion *opinion, bool is_zh,
                         struct reel_branch_score *out)
{
    const double everybody = opinion->part_everybody;
    const double viewer = everybody + opinion->part_viewer;
    const double match = viewer + opinion->part_match;
    *out = (struct reel_branch_score){0};
    add_part(out, is_zh ? "起点" : "start", logistic(0));
    add_part(out,
             is_zh ? "这样的故事大家如何评价" : "what everybody thinks of such stories",
             logistic(everybody) - logistic(0));
    add_part(out, is_zh ? "您打分的习惯" : "how you rate",
             logistic(viewer) - logistic(everybody));
    add_part(out, is_zh ? "与您的口味相合" : "how it matches your taste",
             logistic(match) - logistic(viewer));
}

/** "Drama, War" cut at the commas, in place. */
static int32_t cut_names(char *text, const char **name, int32_t n_max)
{
    int32_t n = 0;
    for (char *at = text, *end; at && n < n_max; at = end) {
        at += strspn(at, ", ");
        end = strchr(at, ',');
        if (end) {
            *end++ = 0;
        }
        if (*at) {
            name[n++] = at;
        }
    }
    return n;
}

enum { N_GENRES_MAX = 16 };

/** A branch in words: its sentence, and what film and event are of. */
static enum reel_status score_branches(const struct reel_branch *branch, int32_t n,
                                       struct reel_branch_score *out, void *payload,
                                       struct reel_error *err)
{
    struct taste_reader *reader = payload;
    const size_t n_all = (size_t)n + 1;
    struct reel_feature_text *text = cli_need(calloc(n_all, sizeof *text));
    struct reel_opinion *opinion = cli_need(calloc(n_all, sizeof *opinion));
    const char **genre = cli_need(calloc(n_all * N_GENRES_MAX, sizeof *genre));
    char **names = cli_need(calloc(n_all, sizeof *names));
    for (int32_t i = 0; i < n; i++) {
        names[i] = cli_format("%s, %s", branch[i].genre ? branch[i].genre : "",
                              branch[i].event_genres ? branch[i].event_genres : "");
        text[i].text = branch[i].text;
        text[i].genres = genre + (size_t)i * N_GENRES_MAX;
        text[i].n_genres =
            cut_names(names[i], genre + (size_t)i * N_GENRES_MAX, N_GENRES_MAX);
    }
    const enum reel_status rc = taste_reader_texts(reader, text, n, opinion, err);
    for (int32_t i = 0; i < n; i++) {
        if (rc == REEL_OK) {
            branch_score(&opinion[i], strcmp(reader->language, "zh") == 0, &out[i]);
        }
        free(names[i]);
    }
    free(names);
    free(genre);
    free(opinion);
    free(text);
    return rc;
}

static void close_payload(void *payload)
{
    taste_reader_close(payload);
}

/** Where a taste model was trained it judges branches; else the words of what was liked. */
static enum reel_status hand_over(struct session *s, int64_t viewer_key,
                                  const char *language, struct reel_branch_taste *taste,
                                  struct reel_error *err)
{
    struct taste_reader *reader;
    const enum reel_status rc = taste_reader_open(s, viewer_key, &reader, err);
    if (rc == REEL_OK && reader) {
        snprintf(reader->language, sizeof reader->language, "%s", language);
        const struct reel_branch_scorer scorer = {score_branches, reader};
        reel_branch_taste_hand_over(taste, &scorer, close_payload);
    }
    return rc;
}

enum reel_status session_branch_taste(struct session *s, int64_t viewer_key,
                                      const char *language,
                                      struct reel_branch_taste **out,
                                      struct reel_error *err)
{
    *out = NULL;
    enum reel_status rc = session_load(s, viewer_key, err);
    if (rc) {
        return rc;
    }
    double *liked = likes_make(s), *lift = lifts_make(s->films, liked);
    struct gathering g = {.s = s, .liked = liked, .language = language};
    rc = reel_store_stories_each(s->store, add_beats, &g, err);
    if (rc == REEL_OK) {
        const struct reel_branch_viewer viewer = {
            .document = g.document,
            .n_documents = g.n,
            .genre = s->films->genre_name,
            .genre_lift = lift,
            .n_genres = s->films->genres.n_cols,
        };
        rc = reel_branch_taste_create(&viewer, language, out, err);
    }
    rc = rc ? rc : hand_over(s, viewer_key, language, *out, err);
    if (rc) {
        reel_branch_taste_free(*out);
        *out = NULL;
    }
    for (int32_t i = 0; i < g.n; i++) {
        free(g.text[i]);
    }
    free(g.text);
    free(g.document);
    free(lift);
    free(liked);
    return rc;
}

/* ---- data of models that learn from features ---- */

bool taste_data_wanted(const char *model)
{
    return strcmp(model, "taste") == 0 || strcmp(model, "content") == 0 ||
           strcmp(model, "hybrid") == 0;
}

void taste_data_release(struct taste_data *data)
{
    reel_feature_rows_release(&data->rows);
    reel_features_free(data->features);
    texts_release(&data->texts);
    texts_release(&data->bridge);
    free(data->start);
    free(data->col);
    free(data->value);
    *data = (struct taste_data){0};
}

static bool has_entry(const struct reel_csr *m, int32_t row, int32_t col)
{
    for (int64_t e = m->start[row]; e < m->start[row + 1] && m->col[e] <= col; e++) {
        if (m->col[e] == col) {
            return true;
        }
    }
    return false;
}

/** Stars over the columns of `data`, without those that `split` hides. */
static enum reel_status rated_make(const struct session *s, const struct dataset *data,
                                   const struct reel_split *split,
                                   const struct reel_csr *known, struct taste_data *out,
                                   struct reel_error *err)
{
    const struct reel_csr *seen = &s->history.seen;
    const size_t n_all = (size_t)seen->start[seen->n_rows] + 1;
    int32_t *column = cli_need(malloc(((size_t)seen->n_cols + 1) * sizeof *column));
    for (int32_t f = 0; f < seen->n_cols; f++) {
        column[f] = data ? -1 : f;
    }
    for (int32_t f = 0; data && f < data->chosen.n_cols; f++) {
        column[data->film_row[f]] = f;
    }
    out->start = cli_need(calloc((size_t)seen->n_rows + 1, sizeof *out->start));
    out->col = cli_need(malloc(n_all * sizeof *out->col));
    out->value = cli_need(malloc(n_all * sizeof *out->value));
    // What is measured has only stars that were given.
    float *with_reviews = cli_need(malloc(n_all * sizeof *with_reviews));
    const enum reel_status rc =
        split ? REEL_OK : texts_review_stars(s, with_reviews, err);
    int64_t n = 0;
    for (int32_t v = 0; rc == REEL_OK && v < seen->n_rows; v++) {
        for (int64_t e = seen->start[v]; e < seen->start[v + 1]; e++) {
            const float stars = split ? seen->value[e] : with_reviews[e];
            const int32_t col = column[seen->col[e]];
            const bool is_hidden = split && col >= 0 &&
                                   (has_entry(&split->test, v, col) ||
                                    has_entry(&split->validation, v, col)) &&
                                   !(known && has_entry(known, v, col));
            if (col >= 0 && stars > 0 && !is_hidden) {
                out->col[n] = col;
                out->value[n++] = stars;
            }
        }
        out->start[v + 1] = n;
    }
    free(column);
    free(with_reviews);
    out->rated =
        (struct reel_csr){seen->n_rows, data ? data->chosen.n_cols : seen->n_cols,
                          out->start, out->col, out->value};
    return rc;
}

enum reel_status taste_features_fit(struct cli *cli, struct texts *films,
                                    const struct texts *bridge, uint64_t seed,
                                    struct reel_features **out, struct reel_error *err)
{
    struct reel_features_options opt = features_options(cli, bridge, seed);
    char *path = session_model_path(cli, "features");
    *out = NULL;
    enum reel_status rc = story_folder_make(cli, "models", err);
    rc = rc ? rc : texts_embed(cli, NULL, 0, films, &opt.n_embedding, err);
    rc = rc ? rc : reel_features_fit(films->text, films->n, &opt, out, err);
    rc = rc ? rc : reel_features_save(*out, path, err);
    reel_progress_bar_clear(&cli->bar);
    if (rc) {
        reel_features_free(*out);
        *out = NULL;
    }
    free(path);
    return rc;
}

enum reel_status taste_data_make(struct session *s, const struct dataset *data,
                                 const struct reel_split *split,
                                 const struct reel_csr *known, uint64_t seed,
                                 struct taste_data *out, struct reel_error *err)
{
    *out = (struct taste_data){0};
    enum reel_status rc = rated_make(s, data, split, known, out, err);
    rc = rc ? rc : texts_of_films(s, &out->texts, err);
    rc = rc ? rc : texts_of_bridge(s, &out->bridge, err);
    rc = rc ? rc
            : taste_features_fit(s->cli, &out->texts, &out->bridge, seed, &out->features,
                                 err);
    rc = rc ? rc
            : features_rows(out->features, &out->texts, data ? data->film_row : NULL,
                            data ? data->chosen.n_cols : out->texts.n, &out->rows, err);
    if (rc) {
        taste_data_release(out);
    }
    return rc;
}

void taste_data_add(const struct taste_data *data, struct reel_training *training)
{
    training->rated = &data->rated;
    training->feature = data->rows.block;
    training->n_features = data->rows.n_blocks;
}

struct reel_training taste_training(const struct session *s)
{
    return (struct reel_training){.chosen = s->chosen.chosen,
                                  .at_s = s->chosen.at_s,
                                  .viewer_key = s->history.viewer_key,
                                  .film_key = s->history.film_key,
                                  .version = s->history.version};
}
