#include "cli_taste.h"
#include "cli_embed.h"
#include "cli_story.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- branches ---- */

/** Where a taste model was trained it judges branches; else the words of what was liked. */
static enum reel_status hand_over(struct session *s, int64_t viewer_key,
                                  const char *language, struct reel_branch_taste *taste,
                                  struct reel_error *err)
{
    struct taste_reader *reader;
    const enum reel_status rc = taste_reader_open(s, viewer_key, &reader, err);
    if (rc == REEL_OK && reader) {
        const struct reel_branch_scorer scorer = taste_reader_scorer(reader, language);
        reel_branch_taste_hand_over(taste, &scorer, taste_reader_close_payload);
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
    written_release(&data->written);
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

static enum reel_status make_words(const struct session *s, const struct dataset *data,
                                   const struct reel_split *split,
                                   const struct reel_csr *known, struct taste_data *out,
                                   struct reel_error *err)
{
    const int32_t n_films = s->films->n_films;
    const struct reel_csr *const hidden[] = {split ? &split->test : NULL,
                                             split ? &split->validation : NULL};
    int32_t *column = cli_need(malloc(((size_t)n_films + 1) * sizeof *column));
    for (int32_t f = 0; f < n_films; f++) {
        column[f] = data ? -1 : f;
    }
    for (int32_t f = 0; data && f < data->chosen.n_cols; f++) {
        column[data->film_row[f]] = f;
    }
    const struct words_scope scope = {.column = column,
                                      .hidden = hidden,
                                      .n_hidden = split ? 2 : 0,
                                      .only = -1,
                                      .shown = known};
    const enum reel_status rc =
        written_make(s, out->features, &scope, &out->written, err);
    free(column);
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
    rc = rc ? rc : make_words(s, data, split, known, out, err);
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
    training->words = data->written.words.n > 0 ? &data->written.words : NULL;
}

struct reel_training taste_training(const struct session *s)
{
    return (struct reel_training){.chosen = s->chosen.chosen,
                                  .at_s = s->chosen.at_s,
                                  .viewer_key = s->history.viewer_key,
                                  .film_key = s->history.film_key,
                                  .version = s->history.version};
}
