/**
 * From scores to a list: match films by key, score, leave out what was seen and what the
 * filter forbids, select, diversify, explain.
 *
 * Two ways of counting films meet here: rows of the film table, and columns of the model.
 * Everything outside speaks in rows.
 */
#include "rank_list.h"

#include "base_alloc.h"
#include "base_arena.h"
#include "base_buffer.h"
#include "base_error.h"
#include "base_rng.h"
#include "rank_diversity.h"
#include "rank_filter.h"
#include "rank_reason.h"
#include "rank_select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CANDIDATES_PER_ITEM 10
#define CANDIDATES_MIN 100
enum { UNIT_RANK = 100, STAND_IN_MIN = 10 };
#define LOG_UNIT_RANK 4.605170185988092 /* over a unit a choice is so much less likely */
#define REASON_MAX_BYTES (1 << 20)

struct entry {
    int32_t column;
    float value;
    int64_t at_s;
};

struct work {
    const struct rank_source *source;
    const struct reel_film_table *films;
    const struct reel_viewer_state *viewer;
    const struct reel_list_options *opt;
    int32_t *row_of;    /* (source films) -1: not in the table */
    int32_t *column_of; /* (table films) -1: not in the source */
    struct entry *history;
    struct reel_query query; /* the history in columns */
    int32_t *query_film;
    float *query_value;
    int64_t *query_at_s;
    float *column_score;                /* (source films) */
    float *score;                       /* (table films) -INFINITY where there is none */
    double unit;                        /* what 1 of an adjustment is worth */
    double stand_in_slope;              /* what 1 of a stand-in is worth */
    uint8_t *allowed;                   /* (table films) */
    float *noise;                       /* (table films) in units, of exploration */
    struct reel_adjustment *adjustment; /* (n_adjustments) those of opt, and noise */
    int32_t n_adjustments;
    int32_t *candidate; /* (n_candidates) rows, best first */
    int32_t *column;    /* (n_candidates) */
    double *relevance;  /* (n_candidates) scores brought to 0 .. 1 */
    int32_t *picked;    /* (n_picked) positions in candidate */
    float *similarity;  /* (n_candidates) one row */
    float *nearest;     /* (n_candidates) largest similarity to a film above */
    int32_t n_candidates, n_picked;
};

struct reel_list_options reel_list_options_default(void)
{
    return (struct reel_list_options){.n = 10, .n_reasons = 3, .lang = "en"};
}

/* ---- what comes in ---- */

static enum reel_status check_rows(const char *what, const int32_t *film, int32_t n,
                                   int32_t n_films, struct reel_error *err)
{
    for (int32_t i = 0; i < n; i++) {
        if (film[i] < 0 || film[i] >= n_films || (i > 0 && film[i] <= film[i - 1])) {
            return fail(err, REEL_EINVAL, "%s film %d: row %d of %d, or not ascending",
                        what, i, film[i], n_films);
        }
    }
    return n < 0 ? fail(err, REEL_EINVAL, "%d films %s", n, what) : REEL_OK;
}

static enum reel_status check_input(const struct work *w, struct reel_error *err)
{
    const struct reel_list_options *opt = w->opt;
    const struct reel_viewer_state *viewer = w->viewer;
    if (opt->n < 0 || opt->n_reasons < 0) {
        return fail(err, REEL_EINVAL, "a list of %d with %d reasons", opt->n,
                    opt->n_reasons);
    }
    if (!(opt->diversity >= 0 && opt->diversity <= 1)) {
        return fail(err, REEL_EINVAL, "diversity %g is not in 0 .. 1", opt->diversity);
    }
    if (!(opt->exploration >= 0 && opt->exploration <= 1) || opt->n_adjustments < 0) {
        return fail(err, REEL_EINVAL,
                    "exploration %g is not in 0 .. 1, or %d adjustments",
                    opt->exploration, opt->n_adjustments);
    }
    if (opt->method != REEL_DIVERSITY_MMR && opt->method != REEL_DIVERSITY_DPP) {
        return fail(err, REEL_EINVAL, "no diversity method %d", (int)opt->method);
    }
    if (!opt->lang || (strcmp(opt->lang, "en") != 0 && strcmp(opt->lang, "zh") != 0)) {
        return fail(err, REEL_EINVAL, "no language \"%s\", only en and zh",
                    opt->lang ? opt->lang : "");
    }
    const enum reel_status rc =
        check_rows("seen", viewer->seen, viewer->n_seen, w->films->n_films, err);
    return rc ? rc
              : check_rows("chosen", viewer->chosen.film, viewer->chosen.n,
                           w->films->n_films, err);
}

static int32_t n_candidates_max(const struct work *w)
{
    int64_t n = w->opt->n;
    if (w->opt->diversity > 0 && n > 0) {
        n = n * CANDIDATES_PER_ITEM > CANDIDATES_MIN ? n * CANDIDATES_PER_ITEM
                                                     : CANDIDATES_MIN;
    }
    return (int32_t)(n < w->films->n_films ? n : w->films->n_films);
}

static enum reel_status work_allocate(struct work *w, struct reel_error *err)
{
    const size_t n_columns = (size_t)w->source->n_films;
    const size_t n_rows = (size_t)w->films->n_films;
    const size_t n_history = (size_t)w->viewer->chosen.n;
    const size_t n_candidates = (size_t)n_candidates_max(w);
    const bool is_whole =
        (w->row_of = base_alloc_array(n_columns, sizeof *w->row_of)) &&
        (w->column_of = base_alloc_array(n_rows, sizeof *w->column_of)) &&
        (w->history = base_alloc_array(n_history, sizeof *w->history)) &&
        (w->query_film = base_alloc_array(n_history, sizeof *w->query_film)) &&
        (w->query_value = base_alloc_array(n_history, sizeof *w->query_value)) &&
        (w->query_at_s = base_alloc_array(n_history, sizeof *w->query_at_s)) &&
        (w->column_score = base_alloc_array(n_columns, sizeof *w->column_score)) &&
        (w->score = base_alloc_array(n_rows, sizeof *w->score)) &&
        (w->allowed = base_alloc_array(n_rows, 1)) &&
        (w->noise = base_alloc_zeroed(n_rows + 1, sizeof *w->noise)) &&
        (w->adjustment = base_alloc_array((size_t)w->opt->n_adjustments + 1,
                                          sizeof *w->adjustment)) &&
        (w->candidate = base_alloc_array(n_candidates, sizeof *w->candidate)) &&
        (w->column = base_alloc_array(n_candidates, sizeof *w->column)) &&
        (w->relevance = base_alloc_array(n_candidates, sizeof *w->relevance)) &&
        (w->picked = base_alloc_array(n_candidates, sizeof *w->picked)) &&
        (w->similarity = base_alloc_array(n_candidates, sizeof *w->similarity)) &&
        (w->nearest = base_alloc_array(n_candidates, sizeof *w->nearest));
    return is_whole ? REEL_OK
                    : fail(err, REEL_ENOMEM, "out of memory to rank %d films",
                           w->films->n_films);
}

static void work_release(struct work *w)
{
    base_free(w->row_of);
    base_free(w->column_of);
    base_free(w->history);
    base_free(w->query_film);
    base_free(w->query_value);
    base_free(w->query_at_s);
    base_free(w->column_score);
    base_free(w->score);
    base_free(w->allowed);
    base_free(w->noise);
    base_free(w->adjustment);
    base_free(w->candidate);
    base_free(w->column);
    base_free(w->relevance);
    base_free(w->picked);
    base_free(w->similarity);
    base_free(w->nearest);
}

static void match_films(struct work *w)
{
    const int64_t *key = w->source->film_key;
    int32_t next = 0; // keys mostly ascend on both sides: look there first
    for (int32_t r = 0; r < w->films->n_films; r++) {
        w->column_of[r] = -1;
    }
    for (int32_t c = 0; c < w->source->n_films; c++) {
        const int64_t wanted = key ? key[c] : c;
        const bool is_next = next < w->films->n_films && w->films->key[next] == wanted;
        const int32_t row = is_next ? next : rank_film_find(w->films, wanted);
        w->row_of[c] = row;
        if (row >= 0) {
            w->column_of[row] = c;
            next = row + 1;
        }
    }
}

static int by_column(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return (x->column > y->column) - (x->column < y->column);
}

static void make_query(struct work *w)
{
    const struct reel_query *chosen = &w->viewer->chosen;
    int32_t n = 0;
    for (int32_t i = 0; i < chosen->n; i++) {
        const int32_t column = w->column_of[chosen->film[i]];
        if (column >= 0) {
            w->history[n++] = (struct entry){column, chosen->value ? chosen->value[i] : 1,
                                             chosen->at_s ? chosen->at_s[i] : 0};
        }
    }
    qsort(w->history, (size_t)n, sizeof *w->history, by_column);
    for (int32_t i = 0; i < n; i++) {
        w->query_film[i] = w->history[i].column;
        w->query_value[i] = w->history[i].value;
        w->query_at_s[i] = w->history[i].at_s;
    }
    w->query = (struct reel_query){.film = w->query_film,
                                   .value = chosen->value ? w->query_value : NULL,
                                   .at_s = chosen->at_s ? w->query_at_s : NULL,
                                   .n = n,
                                   .words = chosen->words};
}

/* ---- which films, in which order ---- */

/** From the best to the UNIT_RANK-th of the films that are not seen. */
static double unit_of_scores(const struct work *w)
{
    int32_t best[UNIT_RANK];
    const int32_t n =
        rank_select(w->score, w->allowed, w->films->n_films, UNIT_RANK, best);
    const double way =
        n > 0 ? (double)w->score[best[0]] - (double)w->score[best[n - 1]] : 0;
    return way > 0 ? way : 1;
}

/**
 * Gumbel noise: ordering by score + noise draws films one after the other from the softmax
 * of the scores, so the probability of every list is known.
 */
static void make_noise(struct work *w)
{
    for (int32_t r = 0; r < w->films->n_films; r++) {
        struct base_rng
            rng; // by key, so that a film's luck does not depend on the others
        base_rng_init(&rng, w->opt->seed, (uint64_t)w->films->key[r]);
        const double u = fmax(base_rng_double(&rng), 0x1p-54);
        w->noise[r] = (float)(-w->opt->exploration * log(-log(u)) / LOG_UNIT_RANK);
    }
    w->adjustment[w->n_adjustments++] =
        (struct reel_adjustment){.kind = REEL_REASON_EXPLORATION, .amount = w->noise};
}

static void adjust_scores(struct work *w)
{
    for (int32_t a = 0; a < w->opt->n_adjustments; a++) {
        w->adjustment[w->n_adjustments++] = w->opt->adjustment[a];
    }
    if (w->opt->exploration > 0) {
        make_noise(w);
    }
    w->unit = w->n_adjustments > 0 ? unit_of_scores(w) : 1;
    for (int32_t r = 0; r < w->films->n_films; r++) {
        double sum = 0;
        for (int32_t a = 0; a < w->n_adjustments; a++) {
            sum += (double)w->adjustment[a].amount[r];
        }
        w->score[r] = (float)((double)w->score[r] + w->unit * sum);
    }
}

/** Least squares of the model's scores on the stand-ins, where both are known. */
static void stand_in(struct work *w)
{
    const float *other = w->opt->stand_in;
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (int32_t r = 0; r < w->films->n_films; r++) {
        if (w->column_of[r] >= 0 && isfinite(other[r]) && isfinite(w->score[r])) {
            const double a = (double)other[r], b = (double)w->score[r];
            n += 1, x += a, y += b, xx += a * a, xy += a * b;
        }
    }
    const double spread = xx - x * x / n;
    if (n < STAND_IN_MIN || !(spread > 0)) {
        return; // nothing to learn the scale from
    }
    const double slope = fmax(0, (xy - x * y / n) / spread);
    w->stand_in_slope = slope;
    for (int32_t r = 0; r < w->films->n_films; r++) {
        if (w->column_of[r] < 0 && isfinite(other[r])) {
            w->score[r] = (float)(y / n + slope * ((double)other[r] - x / n));
        }
    }
}

/** Scores in rows of the table, adjusted; seen films are not allowed from here on. */
static enum reel_status score_films(struct work *w, struct reel_error *err)
{
    const enum reel_status rc =
        w->source->score(w->source->self, &w->query, w->column_score, err);
    if (rc != REEL_OK) {
        return rc;
    }
    for (int32_t r = 0; r < w->films->n_films; r++) {
        const int32_t column = w->column_of[r];
        w->score[r] = column >= 0 ? w->column_score[column] : -INFINITY;
        w->allowed[r] = 1;
    }
    if (w->opt->stand_in) {
        stand_in(w);
    }
    for (int32_t i = 0; i < w->viewer->n_seen; i++) {
        w->allowed[w->viewer->seen[i]] = 0;
    }
    for (int32_t i = 0; i < w->viewer->chosen.n; i++) {
        w->allowed[w->viewer->chosen.film[i]] = 0;
    }
    adjust_scores(w);
    return REEL_OK;
}

static enum reel_status select_candidates(struct work *w, struct reel_error *err)
{
    const int32_t n_rows = w->films->n_films;
    enum reel_status rc = score_films(w, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = rank_filter_apply(&w->opt->filter, w->films, w->allowed, err);
    if (rc != REEL_OK) {
        return rc;
    }
    w->n_candidates =
        rank_select(w->score, w->allowed, n_rows, n_candidates_max(w), w->candidate);
    w->n_picked = w->opt->n < w->n_candidates ? w->opt->n : w->n_candidates;
    return REEL_OK;
}

/** Positions of the list among the candidates, and how near each is to those above. */
static enum reel_status order_candidates(struct work *w, struct reel_error *err)
{
    const int32_t n = w->n_candidates;
    const double best = n > 0 ? w->score[w->candidate[0]] : 0;
    const double worst = n > 0 ? w->score[w->candidate[n - 1]] : 0;
    for (int32_t i = 0; i < n; i++) {
        w->column[i] = w->column_of[w->candidate[i]];
        w->relevance[i] =
            best > worst ? (w->score[w->candidate[i]] - worst) / (best - worst) : 0;
        w->picked[i] = i;
        w->nearest[i] = -1;
    }
    struct rank_similarity *similarity;
    enum reel_status rc = rank_similarity_create(w->source, w->films, w->candidate,
                                                 w->column, n, &similarity, err);
    if (rc == REEL_OK && w->opt->diversity > 0) {
        rc = rank_diversify(w->opt->method, w->relevance, n, similarity,
                            w->opt->diversity, w->n_picked, w->picked, err);
    }
    for (int32_t p = 0; p < w->n_picked && rc == REEL_OK; p++) {
        rank_similarity_row(similarity, w->picked[p], w->similarity);
        for (int32_t q = p + 1; q < w->n_picked; q++) {
            const int32_t i = w->picked[q];
            w->nearest[i] = fmaxf(w->nearest[i], w->similarity[i]);
        }
    }
    rank_similarity_free(similarity);
    return rc;
}

/* ---- what goes out ---- */

static int by_amount(const void *a, const void *b)
{
    const struct reel_part *x = a, *y = b;
    return x->amount != y->amount ? (x->amount < y->amount) - (x->amount > y->amount)
                                  : (x->film > y->film) - (x->film < y->film);
}

/** Parts that are something, with rows for columns, what helped most first; how many. */
static int32_t keep_parts(const struct work *w, struct reel_part *part, int32_t n)
{
    int32_t n_kept = 0;
    for (int32_t p = 0; p < n; p++) {
        if (fabsf(part[p].amount) > 0) {
            part[n_kept++] = (struct reel_part){w->row_of[part[p].film], part[p].amount};
        }
    }
    qsort(part, (size_t)n_kept, sizeof *part, by_amount);
    return n_kept;
}

/** How many viewers chose the film: told by the caller, or the score itself; -1 unknown. */
static int32_t count_of(const struct work *w, const struct reel_list_item *item)
{
    if (w->opt->n_chosen) {
        return w->opt->n_chosen[item->film];
    }
    const int32_t column = w->column_of[item->film];
    return w->source->is_count && column >= 0 ? (int32_t)w->column_score[column] : -1;
}

/** What adjustments of some kinds add to a film: the viewer's word, or one kind of others. */
static double adjusted(const struct work *w, int32_t film, bool is_said,
                       enum reel_reason_kind kind)
{
    double sum = 0;
    for (int32_t a = 0; a < w->n_adjustments; a++) {
        const struct reel_adjustment *adjustment = &w->adjustment[a];
        const bool is_meant = is_said ? adjustment->is_said
                                      : !adjustment->is_said && adjustment->kind == kind;
        sum += is_meant ? (double)adjustment->amount[film] : 0;
    }
    return w->unit * sum;
}

/** A film judged by its words: what speaks in them, in the unit of the list's scores. */
static enum reel_status explain_words(const struct work *w, struct reel_list_item *item,
                                      struct base_arena *arena, struct reel_reason *more,
                                      int32_t *n_more, struct reel_error *err)
{
    double rest = (double)item->score; // all that is not an adjustment
    for (int32_t a = 0; a < w->n_adjustments; a++) {
        rest -= w->unit * (double)w->adjustment[a].amount[item->film];
    }
    item->rest = (float)rest;
    if (!w->opt->explain_stand_in) {
        return REEL_OK;
    }
    enum reel_status rc = w->opt->explain_stand_in(item->film, more, RANK_REST_MAX - 1,
                                                   n_more, w->opt->stand_in_payload, err);
    for (int32_t i = 0; rc == REEL_OK && i < *n_more; i++) {
        more[i].amount *= w->stand_in_slope;
        rest -= more[i].amount;
        if (more[i].name && !(more[i].name = base_arena_strdup(arena, more[i].name))) {
            rc = fail(err, REEL_ENOMEM, "out of memory for reasons");
        }
    }
    if (rc == REEL_OK) {
        more[(*n_more)++] =
            (struct reel_reason){.kind = REEL_REASON_OTHER, .film = -1, .amount = rest};
    }
    return rc;
}

/** What the model says of a film: parts of the history, and what the rest is made of. */
static enum reel_status explain_model(const struct work *w, struct reel_list_item *item,
                                      struct base_arena *arena, struct reel_part *part,
                                      struct reel_reason *more, int32_t *n_more,
                                      struct reel_error *err)
{
    const int32_t column = w->column_of[item->film];
    float score;
    *n_more = 0;
    if (column < 0) {
        return explain_words(w, item, arena, more, n_more, err);
    }
    const enum reel_status rc =
        w->source->explain(w->source->self, &w->query, column, part, &item->n_parts,
                           &score, &item->rest, err);
    if (rc == REEL_OK && w->source->explain_rest) {
        *n_more = w->source->explain_rest(w->source->self, column, more);
    }
    return rc;
}

static enum reel_status tell_item(const struct rank_reason *reason,
                                  const struct rank_reason_rest *rest,
                                  struct base_arena *arena, struct base_buffer *text,
                                  struct reel_list_item *item, struct reel_error *err)
{
    item->why = base_arena_alloc(arena, (size_t)rank_reason_n_max(reason, rest),
                                 sizeof *item->why);
    if (!item->why) {
        return fail(err, REEL_ENOMEM, "out of memory for reasons");
    }
    item->n_why = rank_reason_fold(reason, rest, item->why);
    base_buffer_clear(text);
    const enum reel_status rc =
        reason->is_by_text
            ? rank_reason_write_words(reason, item->why, item->n_why, text, err)
            : rank_reason_write(reason, text, err);
    if (rc == REEL_OK &&
        !(item->reason = base_arena_strdup(arena, base_buffer_text(text)))) {
        return fail(err, REEL_ENOMEM, "out of memory for a reason");
    }
    return rc;
}

static enum reel_status explain_item(const struct work *w, struct base_arena *arena,
                                     struct base_buffer *text,
                                     struct reel_list_item *item, struct reel_error *err)
{
    struct reel_reason more[RANK_REST_MAX];
    int32_t n_more = 0;
    struct reel_part *part = base_arena_alloc(arena, (size_t)w->query.n, sizeof *part);
    enum reel_status rc =
        part ? explain_model(w, item, arena, part, more, &n_more, err)
             : fail(err, REEL_ENOMEM, "out of memory for %d parts", w->query.n);
    if (rc != REEL_OK) {
        return rc;
    }
    const bool is_by_text = w->column_of[item->film] < 0;
    item->part = part;
    item->n_parts = keep_parts(w, part, item->n_parts);
    const struct rank_reason_rest rest = {.kind = is_by_text ? REEL_REASON_TEXT
                                                             : w->source->rest_kind,
                                          .reason = more,
                                          .n_reasons = n_more,
                                          .adjustment = w->adjustment,
                                          .n_adjustments = w->n_adjustments,
                                          .unit = w->unit,
                                          .film = item->film};
    const struct rank_reason reason = {
        .films = w->films,
        .part = part,
        .n_parts = item->n_parts,
        .score = item->score,
        .rest = item->rest,
        .said = adjusted(w, item->film, true, REEL_REASON_OTHER),
        .situation = adjusted(w, item->film, false, REEL_REASON_CONTEXT),
        .explored = adjusted(w, item->film, false, REEL_REASON_EXPLORATION),
        .n_named = w->opt->n_reasons,
        .n_chosen = count_of(w, item),
        .n_viewers = w->opt->n_chosen ? w->opt->n_viewers : w->source->n_viewers,
        .is_by_text = is_by_text,
        .lang = w->opt->lang,
    };
    return tell_item(&reason, &rest, arena, text, item, err);
}

/** Score without noise, in logs of the odds with which films are drawn. */
static double log_odds(const struct work *w, int32_t film)
{
    return ((double)w->score[film] / w->unit - (double)w->noise[film]) * LOG_UNIT_RANK /
           w->opt->exploration;
}

/** Each film was drawn from those that were left: softmax without the ones above it. */
static void tell_propensities(const struct work *w, struct reel_list_item *item)
{
    const int32_t n_films = w->films->n_films;
    double most = -INFINITY, left = 0;
    for (int32_t p = 0; p < w->n_picked; p++) {
        item[p].propensity = 1;
    }
    if (!(w->opt->exploration > 0)) {
        return;
    }
    for (int32_t f = 0; f < n_films; f++) {
        if (w->allowed[f] && isfinite(w->score[f])) {
            most = fmax(most, log_odds(w, f));
        }
    }
    for (int32_t f = 0; f < n_films; f++) {
        if (w->allowed[f] && isfinite(w->score[f])) {
            left += exp(log_odds(w, f) - most);
        }
    }
    for (int32_t p = 0; p < w->n_picked; p++) {
        const double odds = exp(log_odds(w, item[p].film) - most);
        item[p].propensity = fmin(1, odds / fmax(left, odds));
        left -= odds;
    }
}

static enum reel_status fill_list(const struct work *w, struct base_arena *arena,
                                  struct reel_list *out, struct reel_error *err)
{
    struct reel_list_item *item =
        base_arena_alloc(arena, (size_t)w->n_picked, sizeof *item);
    if (!item) {
        return fail(err, REEL_ENOMEM, "out of memory for a list of %d", w->n_picked);
    }
    struct base_buffer text;
    base_buffer_init(&text, REASON_MAX_BYTES);
    enum reel_status rc = REEL_OK;
    for (int32_t p = 0; p < w->n_picked && rc == REEL_OK; p++) {
        const int32_t i = w->picked[p], film = w->candidate[i];
        item[p] = (struct reel_list_item){.film = film,
                                          .score = w->score[film],
                                          .similarity = p > 0 ? w->nearest[i] : 0};
        if (w->opt->with_reasons) {
            rc = explain_item(w, arena, &text, &item[p], err);
        }
    }
    base_buffer_release(&text);
    tell_propensities(w, item);
    *out = (struct reel_list){.n = w->n_picked, .item = item, .owned = arena};
    return rc;
}

enum reel_status rank_list_make(const struct rank_source *source,
                                const struct reel_film_table *films,
                                const struct reel_viewer_state *viewer,
                                const struct reel_list_options *opt,
                                struct reel_list *out, struct reel_error *err)
{
    struct work w = {.source = source, .films = films, .viewer = viewer, .opt = opt};
    *out = (struct reel_list){0};
    enum reel_status rc = check_input(&w, err);
    if (rc != REEL_OK) {
        return rc;
    }
    struct base_arena *arena = base_alloc(sizeof *arena);
    if (!arena) {
        return fail(err, REEL_ENOMEM, "out of memory for a list");
    }
    base_arena_init(arena, SIZE_MAX / 4);
    rc = work_allocate(&w, err);
    if (rc == REEL_OK) {
        match_films(&w);
        make_query(&w);
        rc = select_candidates(&w, err);
    }
    rc = rc ? rc : order_candidates(&w, err);
    rc = rc ? rc : fill_list(&w, arena, out, err);
    work_release(&w);
    if (rc != REEL_OK) {
        *out = (struct reel_list){0};
        base_arena_release(arena);
        base_free(arena);
    }
    return rc;
}

enum reel_status rank_scores_make(const struct rank_source *source,
                                  const struct reel_film_table *films,
                                  const struct reel_viewer_state *viewer,
                                  const struct reel_list_options *opt, float *score,
                                  double *unit, struct reel_error *err)
{
    struct work w = {.source = source, .films = films, .viewer = viewer, .opt = opt};
    enum reel_status rc = check_input(&w, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = work_allocate(&w, err);
    if (rc == REEL_OK) {
        match_films(&w);
        make_query(&w);
        rc = score_films(&w, err);
    }
    if (rc == REEL_OK) {
        memcpy(score, w.score, (size_t)films->n_films * sizeof *score);
        *unit = w.n_adjustments > 0 ? w.unit : unit_of_scores(&w);
    }
    work_release(&w);
    return rc;
}

enum reel_status reel_list_make(const struct reel_model *model,
                                const struct reel_film_table *films,
                                const struct reel_viewer_state *viewer,
                                const struct reel_list_options *opt,
                                struct reel_list *out, struct reel_error *err)
{
    const struct rank_source source = rank_source_from_model(model);
    return rank_list_make(&source, films, viewer, opt, out, err);
}

void reel_list_release(struct reel_list *list)
{
    if (list->owned) {
        base_arena_release(list->owned);
        base_free(list->owned);
    }
    *list = (struct reel_list){0};
}
