/** What viewers wrote; see cli_words.h. */
#include "cli_words.h"

#include <forkreel/profile.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT_UNKNOWN 0.5F
#define WEIGHT_DISLIKED (-0.5F)

struct gathering {
    const struct session *s;
    const struct words_scope *scope;
    const float *stars; /* (entries of the history) told by words where not given */
    struct written *out;
    int64_t *forgotten; /* (n_forgotten) pairs of viewer and film */
    int32_t n_forgotten, room;
};

static bool has(const struct reel_csr *m, int32_t row, int32_t col)
{
    for (int64_t e = m->start[row]; e < m->start[row + 1] && m->col[e] <= col; e++) {
        if (m->col[e] == col) {
            return true;
        }
    }
    return false;
}

static void forget(int64_t viewer, int64_t film, void *payload)
{
    struct gathering *g = payload;
    g->forgotten = cli_need(
        realloc(g->forgotten, 2 * ((size_t)g->n_forgotten + 1) * sizeof *g->forgotten));
    g->forgotten[2 * g->n_forgotten] = viewer;
    g->forgotten[2 * g->n_forgotten++ + 1] = film;
}

static bool is_told(const struct gathering *g, const struct reel_note *note, int32_t row,
                    int32_t column)
{
    const struct words_scope *scope = g->scope;
    for (int32_t i = 0; i < g->n_forgotten; i++) {
        if (g->forgotten[2 * i] == note->viewer &&
            g->forgotten[2 * i + 1] == note->film) {
            return false;
        }
    }
    if (scope->n_hidden > 0 && column < 0) {
        return false; // nobody knows whether it is about a hidden film
    }
    for (int32_t i = 0; i < scope->n_hidden; i++) {
        if (has(scope->hidden[i], row, column) &&
            !(scope->shown && has(scope->shown, row, column))) {
            return false;
        }
    }
    return true;
}

static float weight_of(const struct gathering *g, int32_t row, int32_t film)
{
    const struct reel_csr *seen = &g->s->history.seen;
    if (film >= 0 && has(&g->s->chosen.chosen, row, film)) {
        return 1;
    }
    for (int64_t e = seen->start[row]; film >= 0 && e < seen->start[row + 1]; e++) {
        if (seen->col[e] == film && isnan(seen->value[e]) && g->stars[e] >= 4) {
            return 1;
        }
        if (seen->col[e] == film && g->stars[e] < 4) { // not NAN
            return WEIGHT_DISLIKED;
        }
    }
    return WEIGHT_UNKNOWN;
}

static enum reel_status add_note(const struct reel_note *note, void *payload,
                                 struct reel_error *err)
{
    struct gathering *g = payload;
    const struct reel_history *history = &g->s->history;
    const int32_t row =
        session_index_of(history->viewer_key, history->n_viewers, note->viewer);
    const int32_t film =
        session_index_of(history->film_key, history->n_films, note->film);
    const int32_t column = film >= 0 && g->scope->column ? g->scope->column[film] : film;
    (void)err;
    if (row < 0 || (g->scope->only >= 0 && row != g->scope->only) ||
        !is_told(g, note, row, column)) {
        return REEL_OK;
    }
    struct written *out = g->out;
    const int32_t n = out->texts.n;
    if (n == g->room) {
        g->room = g->room ? 2 * g->room : 256;
        const size_t room = (size_t)g->room;
        out->weight = cli_need(realloc(out->weight, room * sizeof *out->weight));
        out->viewer = cli_need(realloc(out->viewer, room * sizeof *out->viewer));
        out->film = cli_need(realloc(out->film, room * sizeof *out->film));
    }
    out->weight[n] = weight_of(g, row, film);
    out->viewer[n] = row;
    out->film[n] = column;
    texts_add(&out->texts, film, note->text, NULL);
    return REEL_OK;
}

void written_release(struct written *written)
{
    reel_feature_rows_release(&written->rows);
    texts_release(&written->texts);
    free(written->weight);
    free(written->viewer);
    free(written->film);
    *written = (struct written){0};
}

enum reel_status written_make(const struct session *s,
                              const struct reel_features *features,
                              const struct words_scope *scope, struct written *out,
                              struct reel_error *err)
{
    const struct reel_history *history = &s->history;
    const int64_t only = scope->only >= 0          ? history->viewer_key[scope->only]
                         : history->n_viewers == 1 ? history->viewer_key[0]
                                                   : 0;
    const size_t n_entries = (size_t)history->seen.start[history->seen.n_rows] + 1;
    float *stars = cli_need(malloc(n_entries * sizeof *stars));
    struct gathering g = {.s = s, .scope = scope, .stars = stars, .out = out};
    *out = (struct written){0};
    enum reel_status rc = reel_store_forgotten_each(s->store, only, forget, &g, err);
    rc = rc ? rc : texts_review_stars(s, stars, err);
    rc = rc ? rc : reel_store_notes_each(s->store, only, add_note, &g, err);
    if (rc == REEL_OK && out->texts.n > 0) {
        rc = features_rows(features, &out->texts, NULL, out->texts.n, &out->rows, err);
    }
    free(stars);
    free(g.forgotten);
    if (rc) {
        written_release(out);
        return rc;
    }
    out->words = (struct reel_words){.block = out->rows.block,
                                     .n_blocks = out->rows.n_blocks,
                                     .n = out->texts.n,
                                     .weight = out->weight,
                                     .viewer = out->viewer,
                                     .film = out->film};
    return REEL_OK;
}

enum reel_status written_of(const struct session *s, const struct reel_features *features,
                            int32_t row, struct written *out, struct reel_error *err)
{
    const struct words_scope scope = {.only = row};
    return written_make(s, features, &scope, out, err);
}

/* ---- words that are told ---- */

struct told {
    struct written_word *word;
    int32_t n, room;
};

static void add_word(struct told *told, const char *name, double amount)
{
    for (int32_t i = 0; i < told->n; i++) {
        if (strcmp(told->word[i].name, name) == 0) {
            told->word[i].amount += amount;
            return;
        }
    }
    if (told->n == told->room) {
        told->room = told->room ? 2 * told->room : 64;
        told->word =
            cli_need(realloc(told->word, (size_t)told->room * sizeof *told->word));
    }
    told->word[told->n++] = (struct written_word){cli_need(strdup(name)), amount};
}

/** The words of one text, each as large a part of it as features have it. */
static enum reel_status add_text(const struct written *written,
                                 const struct reel_features *features, int32_t i,
                                 struct told *told, struct reel_error *err)
{
    const struct reel_feature_block *block = written->rows.block;
    const struct reel_csr *rows = block[0].sparse;
    struct reel_feature_reasons reasons;
    if (!rows || strcmp(block[0].name, "text") != 0) {
        return REEL_OK;
    }
    const int64_t begin = rows->start[i], n = rows->start[i + 1] - begin;
    struct reel_feature_part *part = cli_need(malloc(((size_t)n + 1) * sizeof *part));
    for (int64_t e = 0; e < n; e++) {
        part[e] = (struct reel_feature_part){0, rows->col[begin + e],
                                             rows->value[begin + e], written->weight[i]};
    }
    const enum reel_status rc = reel_features_reasons(
        features, &written->texts.text[i], &written->rows, i, part, n, &reasons, err);
    for (int32_t r = 0; rc == REEL_OK && r < reasons.n; r++) {
        if (reasons.reason[r].name) {
            add_word(told, reasons.reason[r].name, reasons.reason[r].amount);
        }
    }
    reel_feature_reasons_release(&reasons);
    free(part);
    return rc;
}

static int by_amount(const void *a, const void *b)
{
    const struct written_word *x = a, *y = b;
    const double p = fabs(x->amount), q = fabs(y->amount);
    return p < q ? 1 : p > q ? -1 : strcmp(x->name, y->name);
}

void written_words_free(struct written_word *word, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        free(word[i].name);
    }
    free(word);
}

enum { N_TEXTS_TOLD = 200 }; /* the first by film are enough to see what is believed */

enum reel_status written_tell(const struct written *written,
                              const struct reel_features *features, int32_t n_max,
                              struct written_word **out, int32_t *n,
                              struct reel_error *err)
{
    struct told told = {0};
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < written->words.n && i < N_TEXTS_TOLD; i++) {
        rc = add_text(written, features, i, &told, err);
    }
    if (told.n > 1) {
        qsort(told.word, (size_t)told.n, sizeof *told.word, by_amount);
    }
    *out = told.word;
    *n = rc ? 0 : told.n < n_max ? told.n : n_max;
    for (int32_t i = *n; told.word && i < told.n; i++) {
        free(told.word[i].name);
    }
    return rc;
}
