/** Lists of films: what goes in beside a model, and how they look. */
#include "cli_list.h"

#include "cli_feedback.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/** From a viewer's first film to the hundredth a choice is a hundred times less likely. */
#define LOG_UNIT 4.605170185988092

/* ---- a viewer ---- */

static void add_answer(const struct session *s, int64_t entry, struct list_viewer *out)
{
    const struct reel_csr *seen = &s->history.seen;
    const struct reel_query *chosen = &out->state.chosen;
    enum reel_answer_kind kind = REEL_ANSWER_SEEN;
    for (int32_t i = 0; i < chosen->n; i++) {
        kind = chosen->film[i] == seen->col[entry] ? REEL_ANSWER_LIKED : kind;
    }
    out->answer[out->n_answers++] = (struct reel_answer){seen->col[entry], kind};
}

void list_viewer_make(const struct session *s, int32_t row, struct list_viewer *out)
{
    *out = (struct list_viewer){0};
    const struct reel_csr *seen = &s->history.seen, *chosen = &s->chosen.chosen;
    const int64_t begin = row < 0 ? 0 : seen->start[row];
    const int64_t end = row < 0 ? 0 : seen->start[row + 1];
    out->seen = cli_need(malloc((size_t)(end - begin + 1) * sizeof *out->seen));
    out->answer = cli_need(malloc((size_t)(end - begin + 1) * sizeof *out->answer));
    if (row >= 0) {
        const int64_t first = chosen->start[row];
        out->state.chosen =
            (struct reel_query){.film = chosen->col + first,
                                .value = chosen->value ? chosen->value + first : NULL,
                                .at_s = s->chosen.at_s ? s->chosen.at_s + first : NULL,
                                .n = (int32_t)(chosen->start[row + 1] - first)};
    }
    for (int64_t e = begin; e < end; e++) {
        if (session_is_seen(s, e)) {
            add_answer(s, e, out);
            out->seen[out->state.n_seen++] = seen->col[e];
        }
    }
    out->state.seen = out->seen;
}

enum reel_status list_viewer_add_unknown(const struct session *s, const char *name,
                                         struct list_viewer *viewer,
                                         struct reel_error *err)
{
    unsigned char *bytes = NULL;
    size_t n_bytes = 0;
    enum reel_status rc = name ? reel_store_state_get(s->store, name, LIST_UNKNOWN_STATE,
                                                      &bytes, &n_bytes, err)
                               : REEL_OK;
    if (rc || !bytes) {
        return rc;
    }
    const size_t n = n_bytes / sizeof(int64_t);
    viewer->answer = cli_need(realloc(
        viewer->answer, ((size_t)viewer->n_answers + n + 1) * sizeof *viewer->answer));
    for (size_t i = 0; i < n; i++) {
        int64_t key;
        memcpy(&key, bytes + i * sizeof key, sizeof key);
        const int32_t film = session_index_of(s->films->key, s->films->n_films, key);
        bool is_new = film >= 0;
        for (int32_t a = 0; a < viewer->n_answers; a++) { // seen since
            is_new = is_new && viewer->answer[a].film != film;
        }
        if (is_new) {
            viewer->answer[viewer->n_answers++] =
                (struct reel_answer){film, REEL_ANSWER_UNKNOWN};
        }
    }
    reel_store_bytes_free(bytes);
    return rc;
}

void list_viewer_release(struct list_viewer *viewer)
{
    free(viewer->seen);
    free(viewer->answer);
    *viewer = (struct list_viewer){0};
}

/* ---- beside the model ---- */

static float *amount_add(struct list_beside *beside, int32_t n_films,
                         enum reel_reason_kind kind, const char *name)
{
    float *amount = beside->amount;
    beside->amount += n_films;
    beside->adjustment[beside->n_adjustments++] =
        (struct reel_adjustment){.kind = kind, .name = name, .amount = amount};
    return amount;
}

/** Each word of the situation by itself: their parts add up. */
static enum reel_status add_situation(struct session *s,
                                      const struct reel_context *context,
                                      struct list_beside *beside, struct reel_error *err)
{
    struct reel_context_model *model;
    enum reel_status rc = feedback_context_fit(s, &model, err);
    for (int k = 0; rc == REEL_OK && model && k < REEL_N_CONTEXT_KINDS; k++) {
        if (context->value[k] < 0) {
            continue;
        }
        struct reel_context one = *context;
        memset(one.value, -1, sizeof one.value);
        one.value[k] = context->value[k];
        float *amount = amount_add(beside, s->films->n_films, REEL_REASON_CONTEXT,
                                   reel_context_value_name((enum reel_context_kind)k,
                                                           one.value[k], s->cli->lang));
        rc = reel_context_model_score(model, &one, &s->films->genres, amount, err);
        for (int32_t f = 0; f < s->films->n_films; f++) {
            amount[f] = (float)((double)amount[f] / LOG_UNIT);
        }
    }
    reel_context_model_free(model);
    return rc;
}

enum reel_status list_beside_make(struct session *s, int64_t viewer_key,
                                  const struct reel_context *context,
                                  struct list_beside *out, struct reel_error *err)
{
    *out = (struct list_beside){0};
    enum reel_status rc =
        viewer_key > 0 ? reel_store_edits_load(s->store, viewer_key, &out->edits, err)
                       : REEL_OK;
    rc = rc ? rc
            : reel_edits_adjust(out->edits.edit, out->edits.n_edits, s->films, &out->said,
                                err);
    if (rc) {
        list_beside_release(out);
        return rc;
    }
    const size_t n_more = REEL_N_CONTEXT_KINDS;
    out->adjustment = cli_need(
        malloc(((size_t)out->said.n_adjustments + n_more) * sizeof *out->adjustment));
    for (int32_t a = 0; a < out->said.n_adjustments; a++) {
        out->adjustment[out->n_adjustments++] = out->said.adjustment[a];
    }
    float *const amount =
        cli_need(calloc(n_more * (size_t)s->films->n_films + 1, sizeof *amount));
    out->amount = amount;
    rc = context ? add_situation(s, context, out, err) : REEL_OK;
    out->amount = amount;
    if (rc) {
        list_beside_release(out);
    }
    return rc;
}

void list_beside_release(struct list_beside *beside)
{
    reel_edits_release(&beside->edits);
    reel_said_release(&beside->said);
    free(beside->adjustment);
    free(beside->amount);
    *beside = (struct list_beside){0};
}

/* ---- what the viewer said of branches ---- */

/** Does "Crime, Drama" name the genre? */
static bool names_genre(const char *genres, const char *genre)
{
    for (const char *at = genres; at && *at;) {
        const size_t n = strcspn(at, ",");
        if (strlen(genre) == n && strncasecmp(at, genre, n) == 0) {
            return true;
        }
        at += n;
        at += strspn(at, ", ");
    }
    return false;
}

static double said_of_branch(const struct reel_edits *edits,
                             const struct reel_branch *branch)
{
    double sum = 0;
    for (int32_t e = 0; e < edits->n_edits; e++) {
        const struct reel_edit *edit = &edits->edit[e];
        const bool is_event = edit->kind == REEL_EDIT_EVENT && branch->event &&
                              !strcasecmp(branch->event, edit->name);
        const bool is_genre = edit->kind == REEL_EDIT_GENRE &&
                              names_genre(branch->event_genres, edit->name);
        sum += is_event || is_genre ? edit->amount : 0;
    }
    return sum;
}

static enum reel_status said_score(const struct reel_branch *branch, int32_t n,
                                   struct reel_branch_score *out, void *payload,
                                   struct reel_error *err)
{
    const struct said_scorer *scorer = payload;
    enum reel_status rc = scorer->inner.score(branch, n, out, scorer->inner.payload, err);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        const double said = said_of_branch(scorer->edits, &branch[i]);
        struct reel_branch_score *score = &out[i];
        if (!(fabs(said) > 0) || score->n_parts == REEL_BRANCH_PARTS_MAX) {
            continue;
        }
        const double p = fmin(1 - 1e-9, fmax(1e-9, score->p_like));
        const double raised = 1 / (1 + exp(-log(p / (1 - p)) - said));
        snprintf(score->part[score->n_parts].name, sizeof score->part[0].name, "%s",
                 tr("your word"));
        score->part[score->n_parts++].value = raised - score->p_like;
        score->p_like = raised;
    }
    return rc;
}

struct reel_branch_scorer said_branch_scorer(struct said_scorer *scorer)
{
    return (struct reel_branch_scorer){.score = said_score, .payload = scorer};
}

/* ---- films ---- */

static json_t *genres_json(const struct reel_film_table *films, int32_t row)
{
    json_t *list = json_array();
    for (int64_t e = films->genres.start[row]; e < films->genres.start[row + 1]; e++) {
        json_array_append_new(list,
                              cli_json_text(films->genre_name[films->genres.col[e]]));
    }
    return list;
}

json_t *list_film_json(const struct session *s, int32_t row)
{
    const struct reel_film_table *films = s->films;
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "key", (json_int_t)films->key[row],
                     "id", cli_json_text(films->source_id[row]), "title",
                     cli_json_text(films->title[row]), "title_zh",
                     cli_json_text(films->title_zh[row]), "year",
                     cli_json_year(films->year[row]));
}

char *list_genres(const struct reel_film_table *films, int32_t row)
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

/* ---- reasons ---- */

json_t *list_why_json(const struct session *s, const struct reel_reason *why,
                      int32_t n_why)
{
    json_t *parts = json_array();
    for (int32_t i = 0; i < n_why; i++) {
        json_t *part = json_pack(
            "{s:s, s:b, s:o, s:i, s:o}", "kind", reel_reason_kind_name(why[i].kind, "en"),
            "said", (int)why[i].is_said, "name", cli_json_text(why[i].name), "films",
            (int)why[i].n, "amount", cli_json_real(why[i].amount));
        if (why[i].kind == REEL_REASON_FILM && why[i].film >= 0) {
            json_object_set_new(part, "film", list_film_json(s, why[i].film));
        }
        json_array_append_new(parts, part);
    }
    return parts;
}

/** "your word: genre Horror", "Heat", "12 other films: genre Crime"; free it. */
static char *reason_text(const struct session *s, const struct reel_reason *why)
{
    const char *kind = reel_reason_kind_name(why->kind, s->cli->lang);
    if (why->kind == REEL_REASON_FILM && why->film >= 0) {
        return cli_format("%s", session_title(s, why->film));
    }
    if (why->kind == REEL_REASON_FILM) {
        return cli_format(why->n == 1 ? tr("%d other film") : tr("%d other films"),
                          why->n);
    }
    if (!why->name) {
        return cli_format("%s", kind);
    }
    if (!why->is_said && why->n > 0) {
        return cli_format(why->n == 1 ? tr("%d other film: %s %s")
                                      : tr("%d other films: %s %s"),
                          why->n, kind, why->name);
    }
    return cli_format(why->is_said ? tr("your word: %s %s") : "%s %s", kind, why->name);
}

void list_print_why(const struct session *s, const struct reel_reason *why, int32_t n_why,
                    double score, int32_t n_decimals)
{
    int width = cli_width(tr("score"));
    char **text = cli_need(malloc((size_t)(n_why + 1) * sizeof *text));
    for (int32_t i = 0; i < n_why; i++) {
        char *raw = reason_text(s, &why[i]);
        text[i] = cli_clean(raw);
        free(raw);
        width = cli_width(text[i]) > width ? cli_width(text[i]) : width;
    }
    for (int32_t i = 0; i < n_why; i++) {
        printf("      %s%*s  %+12.*f\n", text[i], width - cli_width(text[i]), "",
               n_decimals, why[i].amount);
        free(text[i]);
    }
    printf("      %s%*s  %12.*f\n", tr("score"), width - cli_width(tr("score")), "",
           n_decimals, score);
    free(text);
}

/* ---- lists ---- */

/** So many decimals that no amount needs more than the seven digits JSON prints. */
static int32_t json_decimals(const struct reel_list_item *item)
{
    double largest = fabs((double)item->score);
    for (int32_t i = 0; i < item->n_why; i++) {
        largest = fmax(largest, fabs(item->why[i].amount));
    }
    const int32_t n = largest > 0 ? 6 - (int32_t)floor(log10(largest)) : 6;
    return n < 0 ? 0 : n > 12 ? 12 : n;
}

json_t *list_json(const struct session *s, const struct reel_list *list,
                  const char *viewer, const char *model, bool with_reasons)
{
    json_t *items = json_array();
    for (int32_t i = 0; i < list->n; i++) {
        const struct reel_list_item *item = &list->item[i];
        json_t *object = list_film_json(s, item->film);
        double score = (double)item->score;
        json_object_set_new(object, "rank", json_integer(i + 1));
        json_object_set_new(object, "genres", genres_json(s->films, item->film));
        json_object_set_new(object, "similarity", cli_json_real(item->similarity));
        if (with_reasons) {
            json_t *parts = json_array();
            for (int32_t p = 0; p < item->n_parts; p++) {
                json_t *part = list_film_json(s, item->part[p].film);
                json_object_set_new(part, "amount", cli_json_real(item->part[p].amount));
                json_array_append_new(parts, part);
            }
            json_object_set_new(object, "reason", cli_json_text(item->reason));
            json_object_set_new(object, "parts", parts);
            json_object_set_new(object, "rest", cli_json_real(item->rest));
            score =
                reel_reasons_round(item->why, item->n_why, score, json_decimals(item));
            json_object_set_new(object, "why", list_why_json(s, item->why, item->n_why));
        }
        json_object_set_new(object, "score", cli_json_real(score));
        json_array_append_new(items, object);
    }
    return json_pack("{s:o, s:s, s:o}", "viewer", cli_json_text(viewer), "model", model,
                     "films", items);
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
        char *genres = list_genres(s->films, item->film);
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

/** With reasons: a heading, a sentence and the column of numbers for each film. */
static void print_reasons(const struct session *s, const struct reel_list *list)
{
    const int decimals = n_decimals(list);
    for (int32_t i = 0; i < list->n; i++) {
        const struct reel_list_item *item = &list->item[i];
        const int32_t year = s->films->year[item->film];
        char *genres = list_genres(s->films, item->film);
        char *rank = cli_format("%2d.", i + 1);
        char *of_year = year > 0 ? cli_format(" (%d)", year) : cli_format("%s", "");
        char *line = cli_format("%s%s%s%s · %.*f", session_title(s, item->film), of_year,
                                *genres ? " · " : "", genres, decimals, item->score);
        cli_card(2, rank, line);
        cli_card(2, "", item->reason);
        const double score =
            reel_reasons_round(item->why, item->n_why, (double)item->score, decimals);
        list_print_why(s, item->why, item->n_why, score, decimals);
        free(line);
        free(of_year);
        free(rank);
        free(genres);
    }
}

enum cli_exit list_show(const struct session *s, const struct reel_list *list,
                        const char *viewer, const char *model, bool with_reasons)
{
    struct cli *cli = s->cli;
    if (cli->is_json) {
        return cli_json_show(list_json(s, list, viewer, model, with_reasons));
    }
    if (list->n == 0) {
        cli_say(cli, "%s", tr("no film is left that fits"));
    } else if (with_reasons) {
        print_reasons(s, list);
    } else {
        print_list(s, list);
    }
    return CLI_DONE;
}
