/**
 * EASE: an item-to-item model in closed form (Steck 2019, "Embarrassingly shallow
 * autoencoders for sparse data").
 *
 *   P = (X^T X + lambda I)^-1,   B_ij = -P_ij / P_jj for i != j,  B_jj = 0
 *   score_j = sum_{i in history} v_i B_ij
 *
 * With the setting `near`, films that a viewer chose soon after each other count more:
 * (X^T X)_ij sums 1 - share + share exp(-d_ij / near) over the viewers of both, where d_ij is
 * |place_i - place_j|, places counted in each viewer's own order of time, or the time
 * between both (`near_in`). That is ours; the matrix stays positive definite, because the
 * kernel is.
 *
 * The Gram matrix, its Cholesky factor and its inverse share one n x n buffer of single
 * precision, which is the model's own; only P is kept, and B is read off it. Films beyond
 * the `films` most chosen ones are left out and score 0: memory is 4 n^2 bytes.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_linalg.h"
#include "model_core.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum setting_place {
    S_REGULARIZATION,
    S_FILMS,
    S_NEAR,
    S_NEAR_IN,
    S_NEAR_SHARE,
    N_SETTINGS
};
enum near_in { NEAR_IN_PLACES, NEAR_IN_SECONDS };

static const char *const near_units[] = {"places", "seconds", NULL};

static const struct reel_setting settings[N_SETTINGS] = {
    {"regularization", 200, 1e-3, 1e6, REEL_SCALE_LOG, "lambda: pull of weights to zero",
     NULL, true},
    {"films", 20000, 1, 200000, REEL_SCALE_INTEGER,
     "most chosen films that take part; memory is 4 bytes times its square", NULL, false},
    {"near", 0, 0, 1e9, REEL_SCALE_LINEAR,
     "films chosen so far apart count a third; 0: all alike", NULL, false},
    {"near_in", NEAR_IN_PLACES, 0, 1, REEL_SCALE_INTEGER, "what near counts", near_units,
     false},
    {"near_share", 1, 0, 1, REEL_SCALE_LINEAR, "how much of the count nearness decides",
     NULL, false},
};

struct film_count {
    int64_t n;
    int32_t film;
};

static int by_count(const void *a, const void *b)
{
    const struct film_count *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n) - (x->n > y->n)
                        : (x->film > y->film) - (x->film < y->film);
}

// row_of_film (n_films): films that take part are numbered by film index, the rest are -1.
static enum reel_status choose_films(const struct reel_csr *chosen, int32_t n_most,
                                     int32_t *row_of_film, int32_t *n_rows,
                                     struct reel_error *err)
{
    struct film_count *count = base_alloc_array((size_t)chosen->n_cols, sizeof *count);
    if (!count) {
        return fail(err, REEL_ENOMEM, "ease: counting %d films", chosen->n_cols);
    }
    for (int32_t i = 0; i < chosen->n_cols; i++) {
        count[i] = (struct film_count){0, i};
        row_of_film[i] = -1;
    }
    for (int64_t e = 0; e < chosen->start[chosen->n_rows]; e++) {
        count[chosen->col[e]].n++;
    }
    qsort(count, (size_t)chosen->n_cols, sizeof *count, by_count);
    for (int32_t i = 0; i < chosen->n_cols && i < n_most && count[i].n > 0; i++) {
        row_of_film[count[i].film] = 0;
    }
    *n_rows = 0;
    for (int32_t i = 0; i < chosen->n_cols; i++) {
        if (row_of_film[i] == 0) {
            row_of_film[i] = (*n_rows)++;
        }
    }
    base_free(count);
    return REEL_OK;
}

struct gram_job {
    const struct reel_csr *chosen, *turned;
    const int32_t *row_of_film;
    const int64_t *place; /* (entries) place or time; NULL: all are alike */
    float near, share;
    float *gram;
    size_t n;
};

struct placed {
    int64_t at_s, entry;
};

static int by_time(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    return x->at_s != y->at_s ? (x->at_s > y->at_s) - (x->at_s < y->at_s)
                              : (x->entry > y->entry) - (x->entry < y->entry);
}

static enum reel_status find_places(const struct reel_csr *chosen, const int64_t *at_s,
                                    int64_t *place, struct reel_error *err)
{
    const int64_t n_entries = chosen->start[chosen->n_rows];
    struct placed *placed = base_alloc_array((size_t)n_entries, sizeof *placed);
    if (!placed) {
        return fail(err, REEL_ENOMEM, "ease: %lld places", (long long)n_entries);
    }
    for (int64_t e = 0; e < n_entries; e++) {
        placed[e] = (struct placed){at_s[e], e};
    }
    for (int32_t u = 0; u < chosen->n_rows; u++) {
        const int64_t first = chosen->start[u], n = chosen->start[u + 1] - first;
        qsort(placed + first, (size_t)n, sizeof *placed, by_time);
        for (int64_t i = 0; i < n; i++) {
            place[placed[first + i].entry] = i;
        }
    }
    base_free(placed);
    return REEL_OK;
}

// Row i of the lower triangle: the viewers of film i, their films up to i.
static void gram_rows(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    (void)worker;
    const struct gram_job *job = payload;
    for (int64_t film = begin; film < end; film++) {
        const int32_t i = job->row_of_film[film];
        if (i < 0) {
            continue;
        }
        float *row = job->gram + (size_t)i * job->n;
        for (int64_t e = job->turned->start[film]; e < job->turned->start[film + 1];
             e++) {
            const int32_t u = job->turned->col[e];
            const float v = job->turned->value ? job->turned->value[e] : 1;
            const int64_t place =
                job->place ? job->place[base_csr_find(job->chosen, u, (int32_t)film)] : 0;
            for (int64_t f = job->chosen->start[u];
                 f < job->chosen->start[u + 1] && job->chosen->col[f] <= film; f++) {
                const int32_t j = job->row_of_film[job->chosen->col[f]];
                const float w = job->chosen->value ? job->chosen->value[f] : 1;
                if (j >= 0 && job->place) {
                    // Doubles: an unknown time is the smallest integer.
                    const double apart = fabs((double)job->place[f] - (double)place);
                    row[j] +=
                        v * w *
                        (1 - job->share + job->share * expf(-(float)apart / job->near));
                } else if (j >= 0) {
                    row[j] += v * w;
                }
            }
        }
    }
}

// Upper triangle from the lower, in tiles, so that rows can be read whole.
static void mirror(float *a, size_t n)
{
    enum { TILE = 64 };
    for (size_t i0 = 0; i0 < n; i0 += TILE) {
        for (size_t j0 = 0; j0 <= i0; j0 += TILE) {
            for (size_t i = i0; i < n && i < i0 + TILE; i++) {
                for (size_t j = j0; j < i && j < j0 + TILE; j++) {
                    a[j * n + i] = a[i * n + j];
                }
            }
        }
    }
}

static enum reel_status fill(struct reel_model *model, const struct reel_csr *chosen,
                             const int64_t *place, const struct reel_train_options *opt,
                             struct base_pool *pool, size_t n, struct reel_error *err)
{
    struct base_csr turned;
    enum reel_status rc = base_csr_transpose(chosen, &turned, err);
    if (rc != REEL_OK) {
        return rc;
    }
    float *gram = model_floats(model, MODEL_WEIGHTS);
    struct gram_job job = {.chosen = chosen,
                           .turned = &turned.csr,
                           .row_of_film = model_ints(model, MODEL_ROW_OF_FILM),
                           .place = place,
                           .near = (float)opt->setting[S_NEAR],
                           .share = (float)opt->setting[S_NEAR_SHARE],
                           .gram = gram,
                           .n = n};
    base_pool_run(pool, chosen->n_cols, 16, gram_rows, &job);
    base_csr_release(&turned);
    if (!base_progress_report(&opt->progress, "ease", 1, 3)) {
        return fail(err, REEL_ECANCELLED, "ease stopped before the inverse");
    }
    for (size_t i = 0; i < n; i++) {
        gram[i * n + i] += (float)opt->setting[S_REGULARIZATION];
    }
    // The one place where BLAS may use all threads: no loop of ours runs beside it.
    base_linalg_threads(opt->n_threads);
    rc = base_invert_spd(gram, n, err);
    base_linalg_threads(1);
    if (rc == REEL_OK) {
        mirror(gram, n);
        (void)base_progress_report(&opt->progress, "ease", 3, 3);
    }
    return rc;
}

static enum reel_status train(const struct model_class *class_,
                              const struct reel_training *data,
                              const struct reel_train_options *opt,
                              struct base_pool *pool, struct reel_model **out,
                              struct reel_error *err)
{
    const int32_t n_films = data->chosen.n_cols;
    int32_t n_rows = 0;
    const bool is_near = data->at_s && opt->setting[S_NEAR] > 0;
    const bool is_timed = is_near && (int)opt->setting[S_NEAR_IN] == NEAR_IN_SECONDS;
    int32_t *row_of_film = base_alloc_array((size_t)n_films, sizeof *row_of_film);
    int64_t *place = base_alloc_array(
        is_near && !is_timed ? (size_t)data->chosen.start[data->chosen.n_rows] : 0,
        sizeof *place);
    if (!row_of_film || !place) {
        base_free(row_of_film);
        base_free(place);
        return fail(err, REEL_ENOMEM, "ease: %d films", n_films);
    }
    enum reel_status rc = choose_films(&data->chosen, (int32_t)opt->setting[S_FILMS],
                                       row_of_film, &n_rows, err);
    const struct model_section section[] = {
        {MODEL_ROW_OF_FILM, sizeof(int32_t), (uint64_t)n_films},
        {MODEL_WEIGHTS, sizeof(float), (uint64_t)n_rows * (uint64_t)n_rows},
    };
    rc = rc ? rc : model_create(class_, data, opt, 0, section, 2, out, err);
    if (rc == REEL_OK) {
        memcpy(model_ints(*out, MODEL_ROW_OF_FILM), row_of_film,
               (size_t)n_films * sizeof *row_of_film);
        rc = is_near && !is_timed ? find_places(&data->chosen, data->at_s, place, err)
                                  : REEL_OK;
        const int64_t *at = is_timed ? data->at_s : is_near ? place : NULL;
        rc = rc ? rc : fill(*out, &data->chosen, at, opt, pool, (size_t)n_rows, err);
    }
    base_free(place);
    base_free(row_of_film);
    return rc;
}

static size_t n_rows_of(const struct reel_model *model)
{
    size_t n = 0;
    for (int32_t i = 0; i < model->header->n_films; i++) {
        n += model_ints(model, MODEL_ROW_OF_FILM)[i] >= 0;
    }
    return n;
}

static enum reel_status check(const struct reel_model *model, struct reel_error *err)
{
    const int32_t n_films = model->header->n_films;
    enum reel_status rc = model_check_section(model, MODEL_ROW_OF_FILM, sizeof(int32_t),
                                              (uint64_t)n_films, err);
    int32_t next = 0;
    for (int32_t i = 0; rc == REEL_OK && i < n_films; i++) {
        const int32_t row = model_ints(model, MODEL_ROW_OF_FILM)[i];
        if (row >= 0 && row != next++) {
            rc = fail(err, REEL_EFORMAT, "film %d stands in row %d, not %d", i, row,
                      next - 1);
        }
    }
    return rc ? rc
              : model_check_section(model, MODEL_WEIGHTS, sizeof(float),
                                    (uint64_t)next * (uint64_t)next, err);
}

// Row i of P holds P_ij = P_ji for all j: the sum runs over whole rows.
static enum reel_status score(const struct reel_model *model,
                              const struct reel_query *query, float *out,
                              struct reel_error *err)
{
    const int32_t n_films = model->header->n_films;
    const int32_t *row_of_film = model_ints(model, MODEL_ROW_OF_FILM);
    const float *p = model_floats(model, MODEL_WEIGHTS);
    const size_t n = n_rows_of(model);
    float *sum = base_alloc_zeroed(n, sizeof *sum);
    if (!sum) {
        return fail(err, REEL_ENOMEM, "ease: %zu sums", n);
    }
    for (int32_t i = 0; i < query->n; i++) {
        const int32_t r = row_of_film[query->film[i]];
        if (r < 0) {
            continue;
        }
        const float v = query->value ? query->value[i] : 1;
        const float *row = p + (size_t)r * n;
        const float own = sum[r]; // B has zeros on its diagonal
        for (size_t j = 0; j < n; j++) {
            sum[j] -= v * row[j];
        }
        sum[r] = own;
    }
    for (int32_t i = 0; i < n_films; i++) {
        const int32_t r = row_of_film[i];
        out[i] = r < 0 ? 0 : sum[r] / p[(size_t)r * n + (size_t)r];
    }
    base_free(sum);
    return REEL_OK;
}

static enum reel_status explain(const struct reel_model *model,
                                const struct reel_query *query, int32_t film,
                                struct reel_part *part, float *rest,
                                struct reel_error *err)
{
    (void)err;
    const int32_t *row_of_film = model_ints(model, MODEL_ROW_OF_FILM);
    const float *p = model_floats(model, MODEL_WEIGHTS);
    const size_t n = n_rows_of(model);
    const int32_t r = row_of_film[film];
    for (int32_t i = 0; i < query->n; i++) {
        const int32_t s = row_of_film[query->film[i]];
        const float v = query->value ? query->value[i] : 1;
        part[i] = (struct reel_part){.film = query->film[i]};
        if (r >= 0 && s >= 0 && r != s) {
            part[i].amount =
                -v * p[(size_t)r * n + (size_t)s] / p[(size_t)r * n + (size_t)r];
        }
    }
    *rest = 0;
    return REEL_OK;
}

const struct model_class model_ease = {
    .info = {"ease", "weights between films in closed form", settings, N_SETTINGS},
    .train = train,
    .check = check,
    .score = score,
    .explain = explain,
};
