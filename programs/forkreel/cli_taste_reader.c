/** One viewer's taste by the trained model, and why; see cli_taste.h. */
#include "cli_embed.h"
#include "cli_taste.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct taste_reader {
    struct cli *cli;
    struct reel_model *model;
    struct reel_features *features;
    float *viewer; /* (n_viewer) */
    struct reel_lm *embedder;
    bool has_looked; /* for an embedder */
    char language[3];
};

void taste_reader_close(struct taste_reader *reader)
{
    if (reader) {
        reel_model_free(reader->model);
        reel_features_free(reader->features);
        reel_lm_close(reader->embedder);
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
    struct reel_query liked = query_of(s, chosen, row, reader->model, film, NULL);
    struct written written = {0};
    float *stars = cli_need(malloc((n + 1) * sizeof *stars));
    enum reel_status rc = texts_review_stars(s, stars, err);
    struct reel_csr told = *seen;
    told.value = stars;
    const struct reel_query rated =
        query_of(s, &told, row, reader->model, film + liked.n, value);
    reader->viewer = cli_need(
        calloc((size_t)reel_taste_n_viewer(reader->model) + 1, sizeof *reader->viewer));
    rc = rc ? rc : written_of(s, reader->features, row, &written, err);
    liked.words = written.words.n > 0 ? &written.words : NULL;
    rc = rc ? rc : reel_taste_viewer(reader->model, &liked, &rated, reader->viewer, err);
    written_release(&written);
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
    reader->cli = s->cli;
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

int32_t taste_reader_n_embedding(const struct taste_reader *reader)
{
    return reel_features_n_embedding(reader->features);
}

/** A copy of `text` with vectors as far as they can be had; both are the caller's to free. */
static enum reel_status embed(struct taste_reader *reader,
                              const struct reel_feature_text *text, int32_t n,
                              struct reel_feature_text **out, float **room,
                              struct reel_error *err)
{
    *room = NULL;
    *out = cli_need(malloc(((size_t)n + 1) * sizeof **out));
    memcpy(*out, text, (size_t)n * sizeof **out);
    enum reel_status rc = REEL_OK;
    if (!reader->has_looked) {
        reader->has_looked = true;
        rc = embedder_open(reader->cli, taste_reader_n_embedding(reader),
                           &reader->embedder, err);
    }
    return rc || !reader->embedder ? rc
                                   : embedder_texts(reader->embedder, *out, n, room, err);
}

void taste_reasons_release(struct taste_reasons *reasons)
{
    reel_feature_reasons_release(&reasons->list);
}

static enum reel_status explain(const struct taste_reader *reader,
                                const struct reel_feature_text *text,
                                const struct reel_feature_rows *rows, int32_t row,
                                enum reel_taste_answer answer, struct taste_reasons *out,
                                struct reel_error *err)
{
    int64_t n = reel_taste_n_parts(rows->block, rows->n_blocks, row);
    float rest;
    struct reel_feature_part *part = cli_need(malloc(((size_t)n + 1) * sizeof *part));
    enum reel_status rc =
        reel_taste_explain(reader->model, reader->viewer, answer, rows->block,
                           rows->n_blocks, row, part, &n, &rest, err);
    rc = rc ? rc
            : reel_features_reasons(reader->features, &text[row], rows, row, part, n,
                                    &out->list, err);
    out->rest = (double)rest;
    free(part);
    return rc;
}

enum reel_status taste_reader_reasons(struct taste_reader *reader,
                                      const struct reel_feature_text *text, int32_t n,
                                      enum reel_taste_answer answer,
                                      struct reel_opinion *out,
                                      struct taste_reasons *reasons,
                                      struct reel_error *err)
{
    struct reel_feature_rows rows = {0};
    struct reel_feature_text *known;
    float *room;
    float *place = cli_need(
        calloc((size_t)n * (size_t)reel_taste_n_place(reader->model) + 1, sizeof *place));
    enum reel_status rc = embed(reader, text, n, &known, &room, err);
    rc = rc ? rc : reel_features_rows(reader->features, known, n, &rows, err);
    rc = rc ? rc
            : reel_taste_place(reader->model, rows.block, rows.n_blocks, n, place, err);
    rc = rc ? rc : reel_taste_score(reader->model, reader->viewer, place, n, out, err);
    for (int32_t i = 0; reasons && i < n; i++) {
        reasons[i] = (struct taste_reasons){0};
        rc = rc ? rc : explain(reader, known, &rows, i, answer, &reasons[i], err);
    }
    for (int32_t i = 0; rc && reasons && i < n; i++) {
        taste_reasons_release(&reasons[i]);
    }
    reel_feature_rows_release(&rows);
    free(place);
    free(known);
    free(room);
    return rc;
}

enum reel_status taste_reader_texts(struct taste_reader *reader,
                                    const struct reel_feature_text *text, int32_t n,
                                    struct reel_opinion *out, struct reel_error *err)
{
    return taste_reader_reasons(reader, text, n, REEL_TASTE_LIKE, out, NULL, err);
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

/** What is told of one branch, step by step up a logit. */
struct steps {
    struct reel_branch_score *score;
    double logit;
};

static void add_step(struct steps *steps, const char *name, double amount)
{
    struct reel_branch_score *score = steps->score;
    const double before = steps->logit;
    steps->logit += amount;
    const double value = logistic(steps->logit) - logistic(before);
    snprintf(score->part[score->n_parts].name, sizeof score->part[0].name, "%s", name);
    score->part[score->n_parts++].value = value;
    score->p_like += value;
}

/** "“robbery”", "genre Crime", "Al Pacino"; NULL where it cannot be said shortly. */
static char *name_reason(const struct reel_feature_reason *reason, bool is_zh)
{
    char *name;
    if (!reason->name) {
        name = cli_format("%s", is_zh ? "整体内容" : "what it is about as a whole");
    } else if (strcmp(reason->kind, "genres") == 0) {
        name = cli_format(is_zh ? "类型：%s" : "genre %s", reason->name);
    } else if (strcmp(reason->kind, "text") == 0 ||
               strcmp(reason->kind, "keywords") == 0) {
        name = cli_format("“%s”", reason->name);
    } else {
        name = cli_format("%s", reason->name);
    }
    if (strlen(name) >= sizeof((struct reel_branch_score *)0)->part[0].name) {
        free(name);
        return NULL;
    }
    return name;
}

enum { N_NAMED = 4 };
#define NAMED_MIN 0.02 /* of a logit: half a percent of probability at most */

/** The parts of a logit as steps of a probability, one upon the other. */
static void branch_score(const struct reel_opinion *opinion,
                         const struct taste_reasons *why, bool is_zh,
                         struct reel_branch_score *out)
{
    struct steps steps = {out, 0};
    *out = (struct reel_branch_score){.p_like = logistic(0), .n_parts = 1};
    snprintf(out->part[0].name, sizeof out->part[0].name, "%s", is_zh ? "起点" : "start");
    out->part[0].value = logistic(0);
    add_step(&steps,
             is_zh ? "这样的故事大家如何评价" : "what everybody thinks of such stories",
             opinion->part_everybody);
    add_step(&steps, is_zh ? "您打分的习惯" : "how you rate", opinion->part_viewer);
    double left = opinion->part_match;
    int32_t n_named = 0;
    for (int32_t i = 0; i < why->list.n && n_named < N_NAMED; i++) {
        const struct reel_feature_reason *reason = &why->list.reason[i];
        char *name = fabs(reason->amount) < NAMED_MIN ? NULL : name_reason(reason, is_zh);
        if (name) {
            add_step(&steps, name, reason->amount);
            left -= reason->amount;
            n_named++;
        }
        free(name);
    }
    add_step(&steps,
             n_named ? (is_zh ? "其余与您口味相合之处" : "what else matches your taste")
                     : (is_zh ? "与您的口味相合" : "how it matches your taste"),
             left);
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
    struct taste_reasons *why = cli_need(calloc(n_all, sizeof *why));
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
    const enum reel_status rc =
        taste_reader_reasons(reader, text, n, REEL_TASTE_LIKE, opinion, why, err);
    for (int32_t i = 0; i < n; i++) {
        if (rc == REEL_OK) {
            branch_score(&opinion[i], &why[i], strcmp(reader->language, "zh") == 0,
                         &out[i]);
        }
        taste_reasons_release(&why[i]);
        free(names[i]);
    }
    free(names);
    free(genre);
    free(opinion);
    free(why);
    free(text);
    return rc;
}

void taste_reader_close_payload(void *payload)
{
    taste_reader_close(payload);
}

struct reel_branch_scorer taste_reader_scorer(struct taste_reader *reader,
                                              const char *language)
{
    snprintf(reader->language, sizeof reader->language, "%s", language);
    return (struct reel_branch_scorer){score_branches, reader};
}
