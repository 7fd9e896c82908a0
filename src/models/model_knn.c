/**
 * Neighbours: films like those a viewer chose, and what viewers like this one chose.
 *
 *   s(a, b) = (a . b) / (|a| |b| + shrink), over rows of choices; the k nearest are kept.
 *   item-knn: score_j = sum_{i in history} v_i s(i, j), i among the neighbours of j
 *   user-knn: score_j = sum_{w in neighbours of the viewer} s(u, w) v_wj
 *
 * Sarwar, Karypis, Konstan, Riedl 2001 (items); Herlocker, Konstan, Borchers, Riedl 1999
 * (users, with shrinkage as significance weighting). Taking the nearest
 * of the film that is scored, not of the film that was chosen, is Sarwar's way and measured
 * better: NDCG@10 .215 against .190 on MovieLens-100K. item-knn stores its neighbours;
 * user-knn stores the choices of everybody and finds neighbours when asked, so a new viewer
 * has neighbours at once. A viewer of the training data is his own nearest neighbour; that
 * adds to films he knows only.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "model_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum setting_place { S_NEIGHBOURS, S_SHRINK, N_SETTINGS };

static const struct reel_setting item_settings[N_SETTINGS] = {
    {"neighbours", 200, 1, 100000, REEL_SCALE_INTEGER, "films kept for a film", NULL,
     true},
    {"shrink", 0, 0, 1e5, REEL_SCALE_LINEAR, "doubt about short histories", NULL, true},
};
static const struct reel_setting user_settings[N_SETTINGS] = {
    {"neighbours", 100, 1, 100000, REEL_SCALE_INTEGER, "viewers asked for a viewer", NULL,
     true},
    {"shrink", 0, 0, 1e5, REEL_SCALE_LINEAR, "doubt about short histories", NULL, true},
};

struct neighbour {
    float similarity;
    int32_t index;
};

static int by_similarity(const void *a, const void *b)
{
    const struct neighbour *x = a, *y = b;
    return x->similarity != y->similarity
               ? (x->similarity < y->similarity) - (x->similarity > y->similarity)
               : (x->index > y->index) - (x->index < y->index);
}

static int by_index(const void *a, const void *b)
{
    const struct neighbour *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

static float *row_lengths(const struct reel_csr *m)
{
    float *length = base_alloc_array((size_t)m->n_rows, sizeof *length);
    for (int32_t r = 0; length && r < m->n_rows; r++) {
        double sum = 0;
        for (int64_t e = m->start[r]; e < m->start[r + 1]; e++) {
            sum += m->value ? (double)m->value[e] * m->value[e] : 1;
        }
        length[r] = (float)sqrt(sum);
    }
    return length;
}

/** Scratch to find the rows nearest to one: sums by row, and which rows were touched. */
struct finder {
    float *dot;                  /* (n_rows) all 0 between uses */
    int32_t *touched;            /* (n_rows) */
    struct neighbour *neighbour; /* (n_rows) */
};

static void finder_release(struct finder *finder)
{
    base_free(finder->dot);
    base_free(finder->touched);
    base_free(finder->neighbour);
}

static bool finder_init(struct finder *finder, int32_t n_rows)
{
    finder->dot = base_alloc_zeroed((size_t)n_rows, sizeof *finder->dot);
    finder->touched = base_alloc_array((size_t)n_rows, sizeof *finder->touched);
    finder->neighbour = base_alloc_array((size_t)n_rows, sizeof *finder->neighbour);
    if (!finder->dot || !finder->touched || !finder->neighbour) {
        finder_release(finder);
        *finder = (struct finder){0};
        return false;
    }
    return true;
}

/**
 * The `k` rows of `rows` most similar to a vector given by entries (col, value, n), best
 * first into finder->neighbour; `turned` is `rows` turned. `skip` is left out (-1: none).
 */
static int32_t find_nearest(struct finder *finder, const struct reel_csr *turned,
                            const float *length, const int32_t *col, const float *value,
                            int64_t n, double shrink, int32_t k, int32_t skip)
{
    int32_t n_touched = 0;
    double own = 0;
    for (int64_t e = 0; e < n; e++) {
        const float v = value ? value[e] : 1;
        own += (double)v * v;
        for (int64_t f = turned->start[col[e]]; f < turned->start[col[e] + 1]; f++) {
            const int32_t r = turned->col[f];
            if (finder->dot[r] == 0) {
                finder->touched[n_touched++] = r;
            }
            finder->dot[r] += v * (turned->value ? turned->value[f] : 1);
        }
    }
    const float own_length = (float)sqrt(own);
    int32_t n_found = 0;
    for (int32_t i = 0; i < n_touched; i++) {
        const int32_t r = finder->touched[i];
        if (r != skip) {
            finder->neighbour[n_found++] = (struct neighbour){
                finder->dot[r] / (own_length * length[r] + (float)shrink), r};
        }
        finder->dot[r] = 0;
    }
    qsort(finder->neighbour, (size_t)n_found, sizeof *finder->neighbour, by_similarity);
    return n_found < k ? n_found : k;
}

/* ---- item-knn ---- */

struct item_job {
    const struct reel_csr *chosen, *turned; /* viewers x films, films x viewers */
    const float *length;                    /* (n_films) */
    double shrink;
    int32_t k;
    struct finder *finder;  /* (n_threads) */
    struct neighbour **row; /* (n_films) each its neighbours by index */
    int32_t *n;             /* (n_films) */
    int64_t first;          /* film of item 0 of the loop */
    bool *is_out_of_memory; /* (n_threads) */
};

static void find_items(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    struct item_job *job = payload;
    struct finder *finder = &job->finder[worker];
    for (int64_t i = begin + job->first; i < end + job->first; i++) {
        const int64_t first = job->turned->start[i],
                      n = job->turned->start[i + 1] - first;
        const int32_t n_kept =
            find_nearest(finder, job->chosen, job->length, job->turned->col + first,
                         job->turned->value ? job->turned->value + first : NULL, n,
                         job->shrink, job->k, (int32_t)i);
        job->row[i] = base_alloc_array((size_t)n_kept, sizeof **job->row);
        if (!job->row[i]) {
            job->is_out_of_memory[worker] = true;
            continue;
        }
        qsort(finder->neighbour, (size_t)n_kept, sizeof *finder->neighbour, by_index);
        memcpy(job->row[i], finder->neighbour, (size_t)n_kept * sizeof **job->row);
        job->n[i] = n_kept;
    }
}

static enum reel_status store_items(const struct model_class *class_,
                                    const struct reel_training *data,
                                    const struct reel_train_options *opt,
                                    const struct item_job *job, struct reel_model **out,
                                    struct reel_error *err)
{
    const int32_t n_films = data->chosen.n_cols;
    uint64_t n_entries = 0;
    for (int32_t i = 0; i < n_films; i++) {
        n_entries += (uint64_t)job->n[i];
    }
    const struct model_section section[] = {
        {MODEL_START, sizeof(int64_t), (uint64_t)n_films + 1},
        {MODEL_COL, sizeof(int32_t), n_entries},
        {MODEL_VALUE, sizeof(float), n_entries},
    };
    const enum reel_status rc = model_create(class_, data, opt, 0, section, 3, out, err);
    if (rc != REEL_OK) {
        return rc;
    }
    // Turned: the row of a chosen film lists the films that count it among their nearest.
    int64_t *start = model_longs(*out, MODEL_START);
    for (int32_t i = 0; i < n_films; i++) {
        for (int32_t j = 0; j < job->n[i]; j++) {
            start[job->row[i][j].index + 1]++;
        }
    }
    base_csr_counts_to_places(start, n_films);
    for (int32_t i = 0; i < n_films; i++) {
        for (int32_t j = 0; j < job->n[i]; j++) {
            const int64_t place = start[job->row[i][j].index + 1]++;
            model_ints(*out, MODEL_COL)[place] = i;
            model_floats(*out, MODEL_VALUE)[place] = job->row[i][j].similarity;
        }
    }
    return REEL_OK;
}

static enum reel_status train_items(const struct model_class *class_,
                                    const struct reel_training *data,
                                    const struct reel_train_options *opt,
                                    struct base_pool *pool, struct reel_model **out,
                                    struct reel_error *err)
{
    const int32_t n_threads = base_pool_n_threads(pool), n_films = data->chosen.n_cols;
    struct base_csr turned = {0};
    enum reel_status rc = base_csr_transpose(&data->chosen, &turned, err);
    if (rc != REEL_OK) {
        return rc;
    }
    float *length = row_lengths(&turned.csr);
    struct item_job job = {
        .chosen = &data->chosen,
        .turned = &turned.csr,
        .length = length,
        .shrink = opt->setting[S_SHRINK],
        .k = (int32_t)opt->setting[S_NEIGHBOURS],
        .finder = base_alloc_zeroed((size_t)n_threads, sizeof *job.finder),
        .row = base_alloc_zeroed((size_t)n_films, sizeof *job.row),
        .n = base_alloc_zeroed((size_t)n_films, sizeof *job.n),
        .is_out_of_memory = base_alloc_zeroed((size_t)n_threads, sizeof(bool)),
    };
    bool is_ready = length && job.finder && job.row && job.n && job.is_out_of_memory;
    for (int32_t i = 0; is_ready && i < n_threads; i++) {
        is_ready = finder_init(&job.finder[i], n_films);
    }
    // In stretches, so that a wish to stop is heard.
    enum { STRETCH = 1024 };
    for (; is_ready && rc == REEL_OK && job.first < n_films; job.first += STRETCH) {
        const int64_t left = n_films - job.first;
        base_pool_run(pool, left < STRETCH ? left : STRETCH, 16, find_items, &job);
        if (!base_progress_report(&opt->progress, "item-knn", (double)job.first,
                                  n_films)) {
            rc = fail(err, REEL_ECANCELLED, "item-knn stopped at film %lld of %d",
                      (long long)job.first, n_films);
        }
        for (int32_t i = 0; i < n_threads; i++) {
            is_ready = is_ready && !job.is_out_of_memory[i];
        }
    }
    if (rc == REEL_OK) {
        rc = is_ready
                 ? store_items(class_, data, opt, &job, out, err)
                 : fail(err, REEL_ENOMEM, "item-knn: neighbours of %d films", n_films);
    }
    for (int32_t i = 0; job.finder && i < n_threads; i++) {
        finder_release(&job.finder[i]);
    }
    for (int32_t i = 0; job.row && i < n_films; i++) {
        base_free(job.row[i]);
    }
    base_free(job.finder);
    base_free(job.row);
    base_free(job.n);
    base_free(job.is_out_of_memory);
    base_free(length);
    base_csr_release(&turned);
    return rc;
}

static enum reel_status check_items(const struct reel_model *model,
                                    struct reel_error *err)
{
    const int32_t n_films = model->header->n_films;
    const enum reel_status rc =
        model_check_csr(model, MODEL_START, n_films, n_films, err);
    return rc ? rc
              : model_check_section(model, MODEL_VALUE, sizeof(float),
                                    model->header->section[MODEL_COL].n_items, err);
}

static enum reel_status score_items(const struct reel_model *model,
                                    const struct reel_query *query, float *out,
                                    struct reel_error *err)
{
    (void)err;
    const int32_t n_films = model->header->n_films;
    const struct reel_csr near = model_csr(model, MODEL_START, n_films, n_films);
    memset(out, 0, (size_t)n_films * sizeof *out);
    for (int32_t i = 0; i < query->n; i++) {
        const float v = query->value ? query->value[i] : 1;
        for (int64_t e = near.start[query->film[i]]; e < near.start[query->film[i] + 1];
             e++) {
            out[near.col[e]] += v * near.value[e];
        }
    }
    return REEL_OK;
}

static enum reel_status explain_items(const struct reel_model *model,
                                      const struct reel_query *query, int32_t film,
                                      struct reel_part *part, float *rest,
                                      struct reel_error *err)
{
    (void)err;
    const int32_t n_films = model->header->n_films;
    const struct reel_csr near = model_csr(model, MODEL_START, n_films, n_films);
    for (int32_t i = 0; i < query->n; i++) {
        part[i] = (struct reel_part){.film = query->film[i]};
        for (int64_t e = near.start[query->film[i]]; e < near.start[query->film[i] + 1];
             e++) {
            if (near.col[e] == film) {
                part[i].amount = (query->value ? query->value[i] : 1) * near.value[e];
            }
        }
    }
    *rest = 0;
    return REEL_OK;
}

const struct model_class model_item_knn = {
    .info = {"item-knn", "films near those that the viewer chose", item_settings,
             N_SETTINGS},
    .train = train_items,
    .check = check_items,
    .score = score_items,
    .explain = explain_items,
};

/* ---- user-knn ---- */

static enum reel_status train_users(const struct model_class *class_,
                                    const struct reel_training *data,
                                    const struct reel_train_options *opt,
                                    struct base_pool *pool, struct reel_model **out,
                                    struct reel_error *err)
{
    (void)pool;
    const struct reel_csr *chosen = &data->chosen;
    const uint64_t n_entries = (uint64_t)chosen->start[chosen->n_rows];
    const struct model_section section[] = {
        {MODEL_START, sizeof(int64_t), (uint64_t)chosen->n_rows + 1},
        {MODEL_COL, sizeof(int32_t), n_entries},
        {MODEL_TURNED_START, sizeof(int64_t), (uint64_t)chosen->n_cols + 1},
        {MODEL_TURNED_COL, sizeof(int32_t), n_entries},
        {MODEL_VALUE, sizeof(float), n_entries},
        {MODEL_TURNED_VALUE, sizeof(float), n_entries},
    };
    struct base_csr turned;
    enum reel_status rc = base_csr_transpose(chosen, &turned, err);
    if (rc != REEL_OK) {
        return rc;
    }
    // Values take room only where they are not all 1.
    rc = model_create(class_, data, opt, 0, section, chosen->value ? 6 : 4, out, err);
    if (rc == REEL_OK) {
        memcpy(model_longs(*out, MODEL_START), chosen->start,
               ((size_t)chosen->n_rows + 1) * sizeof(int64_t));
        memcpy(model_ints(*out, MODEL_COL), chosen->col, n_entries * sizeof(int32_t));
        memcpy(model_longs(*out, MODEL_TURNED_START), turned.start,
               ((size_t)chosen->n_cols + 1) * sizeof(int64_t));
        memcpy(model_ints(*out, MODEL_TURNED_COL), turned.col,
               n_entries * sizeof(int32_t));
        if (chosen->value) {
            memcpy(model_floats(*out, MODEL_VALUE), chosen->value,
                   n_entries * sizeof(float));
            memcpy(model_floats(*out, MODEL_TURNED_VALUE), turned.value,
                   n_entries * sizeof(float));
        }
    }
    base_csr_release(&turned);
    return rc;
}

static enum reel_status check_users(const struct reel_model *model,
                                    struct reel_error *err)
{
    const int32_t n_viewers = model->header->n_viewers, n_films = model->header->n_films;
    const enum reel_status rc =
        model_check_csr(model, MODEL_START, n_viewers, n_films, err);
    return rc ? rc : model_check_csr(model, MODEL_TURNED_START, n_films, n_viewers, err);
}

/** The neighbours of a query: what score and explain both need. */
struct asked {
    struct finder finder;
    float *length;
    struct reel_csr chosen, turned;
    int32_t n;
};

static void asked_release(struct asked *asked)
{
    finder_release(&asked->finder);
    base_free(asked->length);
}

static enum reel_status ask(const struct reel_model *model,
                            const struct reel_query *query, struct asked *asked,
                            struct reel_error *err)
{
    const int32_t n_viewers = model->header->n_viewers, n_films = model->header->n_films;
    *asked = (struct asked){
        .chosen = model_csr(model, MODEL_START, n_viewers, n_films),
        .turned = model_csr(model, MODEL_TURNED_START, n_films, n_viewers),
    };
    asked->length = row_lengths(&asked->chosen);
    if (!asked->length || !finder_init(&asked->finder, n_viewers)) {
        asked_release(asked);
        return fail(err, REEL_ENOMEM, "user-knn: neighbours among %d viewers", n_viewers);
    }
    asked->n = find_nearest(&asked->finder, &asked->turned, asked->length, query->film,
                            query->value, query->n, model->header->setting[S_SHRINK],
                            (int32_t)model->header->setting[S_NEIGHBOURS], -1);
    return REEL_OK;
}

static enum reel_status score_users(const struct reel_model *model,
                                    const struct reel_query *query, float *out,
                                    struct reel_error *err)
{
    struct asked asked;
    const enum reel_status rc = ask(model, query, &asked, err);
    if (rc != REEL_OK) {
        return rc;
    }
    memset(out, 0, (size_t)model->header->n_films * sizeof *out);
    for (int32_t i = 0; i < asked.n; i++) {
        const struct neighbour *w = &asked.finder.neighbour[i];
        for (int64_t e = asked.chosen.start[w->index];
             e < asked.chosen.start[w->index + 1]; e++) {
            out[asked.chosen.col[e]] +=
                w->similarity * (asked.chosen.value ? asked.chosen.value[e] : 1);
        }
    }
    asked_release(&asked);
    return REEL_OK;
}

static float choice_of(const struct reel_csr *m, int32_t row, int32_t col)
{
    const int64_t e = base_csr_find(m, row, col);
    return e < 0 ? 0 : m->value ? m->value[e] : 1;
}

/**
 * A neighbour's similarity is a sum over the films shared with the viewer, so the score is
 * one over the history: film i adds sum_w v_i v_wi / (|u| |w| + shrink) v_wj.
 */
static enum reel_status explain_users(const struct reel_model *model,
                                      const struct reel_query *query, int32_t film,
                                      struct reel_part *part, float *rest,
                                      struct reel_error *err)
{
    struct asked asked;
    const enum reel_status rc = ask(model, query, &asked, err);
    if (rc != REEL_OK) {
        return rc;
    }
    double own = 0;
    for (int32_t i = 0; i < query->n; i++) {
        const double v = query->value ? query->value[i] : 1;
        own += v * v;
        part[i] = (struct reel_part){.film = query->film[i]};
    }
    for (int32_t n = 0; n < asked.n; n++) {
        const int32_t w = asked.finder.neighbour[n].index;
        const float theirs = choice_of(&asked.chosen, w, film);
        if (theirs == 0) {
            continue;
        }
        const float scale = theirs / ((float)sqrt(own) * asked.length[w] +
                                      (float)model->header->setting[S_SHRINK]);
        for (int32_t i = 0; i < query->n; i++) {
            part[i].amount += scale * (query->value ? query->value[i] : 1) *
                              choice_of(&asked.chosen, w, query->film[i]);
        }
    }
    *rest = 0;
    asked_release(&asked);
    return REEL_OK;
}

const struct model_class model_user_knn = {
    .info = {"user-knn", "what viewers with like choices chose", user_settings,
             N_SETTINGS},
    .train = train_users,
    .check = check_users,
    .score = score_users,
    .explain = explain_users,
};
