/**
 * The best films of many viewers.
 *
 * Factor models: films are sorted by the length of their vector, longest first. A block of
 * films is scored for a group of viewers by one matrix product; a viewer leaves the group
 * when the longest film that is left cannot reach their worst kept score, because
 * x.y <= |x| |y| (Teflioudi, Gemulla, Mykytiuk 2015, "LEMP"). Popular films have long
 * vectors, so most viewers leave early, and the result is the one of a full scan.
 *
 * Other models: every film is scored by the model and the best are selected.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_linalg.h"
#include "model_core.h"
#include "model_kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_FILMS = 256, GROUP = 32 };

struct sorted_film {
    float length;
    int32_t film;
};

static int by_length(const void *a, const void *b)
{
    const struct sorted_film *x = a, *y = b;
    return x->length != y->length ? (x->length < y->length) - (x->length > y->length)
                                  : (x->film > y->film) - (x->film < y->film);
}

enum reel_status model_sort_films(struct reel_model *model, struct reel_error *err)
{
    const int32_t n_films = model->header->n_films;
    const size_t k = (size_t)model->header->n_factors;
    const float *vectors = model_floats(model, MODEL_FILM_VECTORS);
    struct sorted_film *sorted = base_alloc_array((size_t)n_films, sizeof *sorted);
    if (!sorted) {
        return fail(err, REEL_ENOMEM, "sorting %d films", n_films);
    }
    for (int32_t i = 0; i < n_films; i++) {
        const float *y = vectors + (size_t)i * k;
        sorted[i] = (struct sorted_film){sqrtf(model_dot(y, y, k)), i};
    }
    qsort(sorted, (size_t)n_films, sizeof *sorted, by_length);
    for (int32_t i = 0; i < n_films; i++) {
        model_ints(model, MODEL_SORTED_FILMS)[i] = sorted[i].film;
        model_floats(model, MODEL_SORTED_LENGTHS)[i] = sorted[i].length;
        memcpy(model_floats(model, MODEL_SORTED_VECTORS) + (size_t)i * k,
               vectors + (size_t)sorted[i].film * k, k * sizeof(float));
    }
    base_free(sorted);
    return REEL_OK;
}

enum reel_status model_check_factors(const struct reel_model *model,
                                     struct reel_error *err)
{
    const uint64_t n_films = (uint64_t)model->header->n_films;
    const uint64_t n_viewers = (uint64_t)model->header->n_viewers;
    const uint64_t k = (uint64_t)model->header->n_factors;
    const struct model_section section[] = {
        {MODEL_FILM_VECTORS, sizeof(float), n_films * k},
        {MODEL_VIEWER_VECTORS, sizeof(float), n_viewers * k},
        MODEL_SORTED_SECTIONS(n_films, k),
    };
    if (k == 0 || k % MODEL_PAD != 0) {
        return fail(err, REEL_EFORMAT, "%llu factors are not a multiple of %d",
                    (unsigned long long)k, MODEL_PAD);
    }
    for (size_t i = 0; i < sizeof section / sizeof section[0]; i++) {
        const enum reel_status rc = model_check_section(
            model, section[i].role, section[i].item_bytes, section[i].n_items, err);
        if (rc != REEL_OK) {
            return rc;
        }
    }
    for (uint64_t i = 0; i < n_films; i++) {
        const int32_t film = model_ints(model, MODEL_SORTED_FILMS)[i];
        if (film < 0 || (uint64_t)film >= n_films) {
            return fail(err, REEL_EFORMAT, "sorted film %llu is %d of %llu",
                        (unsigned long long)i, film, (unsigned long long)n_films);
        }
    }
    return REEL_OK;
}

enum reel_status model_score_by_vector(const struct reel_model *model,
                                       const struct reel_query *query, float *out,
                                       struct reel_error *err)
{
    const size_t k = (size_t)model->header->n_factors;
    float *vector = base_alloc_aligned(k, sizeof *vector);
    enum reel_status rc = vector ? model->class_->viewer_vector(model, query, vector, err)
                                 : fail(err, REEL_ENOMEM, "vector of a viewer");
    if (rc == REEL_OK) {
        base_gemv(out, model_floats(model, MODEL_FILM_VECTORS), vector,
                  (size_t)model->header->n_films, k, k);
    }
    base_free(vector);
    return rc;
}

/* ---- a short sorted list that better films push into ---- */

struct top {
    int32_t *film; /* (n_top) best first */
    float *score;
    int32_t n_top;
};

static void top_clear(struct top *top)
{
    for (int32_t i = 0; i < top->n_top; i++) {
        top->film[i] = -1;
        top->score[i] = -INFINITY;
    }
}

static bool is_better(float score_a, int32_t film_a, float score_b, int32_t film_b)
{
    return score_a > score_b || (score_a == score_b && film_b >= 0 && film_a < film_b) ||
           (score_a == score_b && film_b < 0);
}

static void top_offer(struct top *top, int32_t film, float score)
{
    int32_t i = top->n_top - 1;
    if (!is_better(score, film, top->score[i], top->film[i])) {
        return;
    }
    for (; i > 0 && is_better(score, film, top->score[i - 1], top->film[i - 1]); i--) {
        top->score[i] = top->score[i - 1];
        top->film[i] = top->film[i - 1];
    }
    top->score[i] = score;
    top->film[i] = film;
}

/* ---- factor models ---- */

struct top_job {
    const struct reel_model *model;
    const float *vectors; /* (n, k) of the viewers; NULL: the model scores */
    const struct reel_csr *queries;
    const int64_t *at_s;         /* (entries of queries) may be NULL */
    const struct reel_csr *seen; /* may be NULL */
    int64_t n;
    int32_t n_top;
    int32_t *film;
    float *score;
    float *desk; /* (n_threads, n_desk) */
    size_t n_desk;
    struct reel_error *err; /* (n_threads) */
};

static struct top top_of(const struct top_job *job, int64_t row)
{
    return (struct top){job->film + row * job->n_top, job->score + row * job->n_top,
                        job->n_top};
}

// Offer the scores of one block to one viewer's list.
static void scan(const struct top_job *job, int64_t row, const int32_t *films,
                 const float *score, int32_t n)
{
    struct top top = top_of(job, row);
    const float *worst = &top.score[top.n_top - 1];
    for (int32_t begin = 0; begin < n; begin += 16) {
        // Sixteen at once: nearly always none reaches the list.
        const int32_t end = begin + 16 < n ? begin + 16 : n;
        bool is_any = false;
        for (int32_t i = begin; i < end; i++) {
            is_any |= score[i] >= *worst;
        }
        for (int32_t i = begin; is_any && i < end; i++) {
            if (score[i] >= *worst &&
                !(job->seen && base_csr_has(job->seen, (int32_t)row, films[i]))) {
                top_offer(&top, films[i], score[i]);
            }
        }
    }
}

/** The viewers of a group that still can gain: their vectors stand together. */
struct group {
    float *vector; /* (GROUP, k) */
    float *score;  /* (GROUP, BLOCK_FILMS) */
    float length[GROUP];
    int64_t row[GROUP];
    int32_t n;
};

// Viewers whose list cannot change any more go; the rest move together.
static void leave(const struct top_job *job, struct group *group, float longest, size_t k)
{
    int32_t n = 0;
    for (int32_t i = 0; i < group->n; i++) {
        const struct top top = top_of(job, group->row[i]);
        // A little slack, because lengths and products are rounded.
        const float best = group->length[i] * longest * 1.00001F + 1e-12F;
        if (best < top.score[top.n_top - 1]) {
            continue;
        }
        if (n != i) {
            memcpy(group->vector + (size_t)n * k, group->vector + (size_t)i * k,
                   k * sizeof(float));
            group->length[n] = group->length[i];
            group->row[n] = group->row[i];
        }
        n++;
    }
    group->n = n;
}

static void top_group(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    const struct top_job *job = payload;
    const struct reel_model *model = job->model;
    const size_t k = (size_t)model->header->n_factors;
    const int32_t n_films = model->header->n_films;
    const int32_t *sorted = model_ints(model, MODEL_SORTED_FILMS);
    const float *sorted_vectors = model_floats(model, MODEL_SORTED_VECTORS);
    const float *sorted_length = model_floats(model, MODEL_SORTED_LENGTHS);
    struct group group = {.vector = job->desk + (size_t)worker * job->n_desk,
                          .n = (int32_t)(end - begin)};
    group.score = group.vector + (size_t)GROUP * k;
    memcpy(group.vector, job->vectors + (size_t)begin * k,
           (size_t)(end - begin) * k * sizeof(float));
    for (int32_t i = 0; i < group.n; i++) {
        const float *x = group.vector + (size_t)i * k;
        struct top top = top_of(job, begin + i);
        top_clear(&top);
        group.row[i] = begin + i;
        group.length[i] = sqrtf(model_dot(x, x, k));
    }
    for (int32_t first = 0; first < n_films && group.n > 0; first += BLOCK_FILMS) {
        const int32_t n = first + BLOCK_FILMS < n_films ? BLOCK_FILMS : n_films - first;
        leave(job, &group, sorted_length[first], k);
        if (group.n == 0) {
            break;
        }
        base_gemm_nt(group.score, group.vector, sorted_vectors + (size_t)first * k,
                     (size_t)group.n, (size_t)n, k, BLOCK_FILMS, k, k, 1, 0);
        for (int32_t i = 0; i < group.n; i++) {
            scan(job, group.row[i], sorted + first, group.score + (size_t)i * BLOCK_FILMS,
                 n);
        }
    }
}

/* ---- any model ---- */

static void top_by_score(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    const struct top_job *job = payload;
    const struct reel_csr *queries = job->queries;
    float *score = job->desk + (size_t)worker * job->n_desk;
    struct reel_error *err = &job->err[worker];
    for (int64_t row = begin; row < end && err->code == REEL_OK; row++) {
        const int64_t first = queries->start[row];
        const struct reel_query query = {
            .film = queries->col + first,
            .value = queries->value ? queries->value + first : NULL,
            .at_s = job->at_s ? job->at_s + first : NULL,
            .n = (int32_t)(queries->start[row + 1] - first),
        };
        struct top top = top_of(job, row);
        top_clear(&top);
        if (reel_model_score(job->model, &query, score, err) != REEL_OK) {
            return;
        }
        for (int32_t i = 0; i < job->model->header->n_films; i++) {
            if (score[i] >= top.score[top.n_top - 1] &&
                !(job->seen && base_csr_has(job->seen, (int32_t)row, i))) {
                top_offer(&top, i, score[i]);
            }
        }
    }
}

static void find_vectors(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    const struct top_job *job = payload;
    const struct reel_csr *queries = job->queries;
    const size_t k = (size_t)job->model->header->n_factors;
    struct reel_error *err = &job->err[worker];
    for (int64_t row = begin; row < end && err->code == REEL_OK; row++) {
        const int64_t first = queries->start[row];
        const struct reel_query query = {
            .film = queries->col + first,
            .value = queries->value ? queries->value + first : NULL,
            .at_s = job->at_s ? job->at_s + first : NULL,
            .n = (int32_t)(queries->start[row + 1] - first),
        };
        float *vector = (float *)(uintptr_t)job->vectors + (size_t)row * k;
        (void)(job->model->class_->viewer_vector(job->model, &query, vector, err) ==
               REEL_OK);
    }
}

static enum reel_status first_error(const struct top_job *job, int32_t n_threads,
                                    struct reel_error *err)
{
    for (int32_t i = 0; i < n_threads; i++) {
        if (job->err[i].code != REEL_OK) {
            return fail(err, job->err[i].code, "%s", job->err[i].text);
        }
    }
    return REEL_OK;
}

static enum reel_status check_top(const struct reel_model *model,
                                  const struct reel_csr *seen, int64_t n, int32_t n_top,
                                  struct reel_error *err)
{
    if (n_top < 1) {
        return fail(err, REEL_EINVAL, "a list of %d films", n_top);
    }
    if (seen && (seen->n_rows != n || seen->n_cols != model->header->n_films)) {
        return fail(err, REEL_EINVAL, "seen films are %d x %d, not %lld x %d",
                    seen->n_rows, seen->n_cols, (long long)n, model->header->n_films);
    }
    return REEL_OK;
}

// Vectors from the queries if `find`, then the lists.
static enum reel_status run(struct top_job *job, bool find, int32_t n_threads,
                            struct reel_error *err)
{
    const size_t k = (size_t)job->model->header->n_factors;
    job->n_desk = model_padded(job->vectors ? GROUP * (k + BLOCK_FILMS)
                                            : (size_t)job->model->header->n_films);
    job->desk = base_alloc_aligned((size_t)n_threads * job->n_desk, sizeof *job->desk);
    job->err = base_alloc_zeroed((size_t)n_threads, sizeof *job->err);
    struct base_pool *pool = NULL;
    enum reel_status rc =
        job->desk && job->err
            ? base_pool_create(n_threads, &pool, err)
            : fail(err, REEL_ENOMEM, "lists of %lld viewers", (long long)job->n);
    if (rc == REEL_OK) {
        base_linalg_threads(1);
        if (find) {
            base_pool_run(pool, job->n, GROUP, find_vectors, job);
            rc = first_error(job, n_threads, err);
        }
        if (rc == REEL_OK) {
            base_pool_run(pool, job->n, GROUP, job->vectors ? top_group : top_by_score,
                          job);
            rc = first_error(job, n_threads, err);
        }
    }
    base_pool_free(pool);
    base_free(job->desk);
    base_free(job->err);
    return rc;
}

enum reel_status reel_model_top(const struct reel_model *model,
                                const struct reel_csr *queries,
                                const struct reel_csr *seen, int32_t n_top,
                                int32_t n_threads, int32_t *film, float *score,
                                struct reel_error *err)
{
    return reel_model_top_at(model, queries, NULL, seen, n_top, n_threads, film, score,
                             err);
}

enum reel_status reel_model_top_at(const struct reel_model *model,
                                   const struct reel_csr *queries, const int64_t *at_s,
                                   const struct reel_csr *seen, int32_t n_top,
                                   int32_t n_threads, int32_t *film, float *score,
                                   struct reel_error *err)
{
    enum reel_status rc = base_csr_check(queries, err);
    if (rc == REEL_OK && queries->n_cols != model->header->n_films) {
        rc = fail(err, REEL_EINVAL, "queries over %d films, the model has %d",
                  queries->n_cols, model->header->n_films);
    }
    seen = seen ? seen : queries;
    rc = rc ? rc : check_top(model, seen, queries->n_rows, n_top, err);
    if (rc != REEL_OK) {
        return rc;
    }
    float *vectors = NULL;
    if (model->class_->viewer_vector) {
        vectors = base_alloc_aligned(
            (size_t)queries->n_rows * (size_t)model->header->n_factors, sizeof *vectors);
        if (!vectors) {
            return fail(err, REEL_ENOMEM, "vectors of %d viewers", queries->n_rows);
        }
    }
    struct top_job job = {
        .model = model,
        .vectors = vectors,
        .queries = queries,
        .at_s = at_s,
        .seen = seen,
        .n = queries->n_rows,
        .n_top = n_top,
        .film = film,
        .score = score,
    };
    rc = run(&job, vectors != NULL, n_threads, err);
    base_free(vectors);
    return rc;
}

enum reel_status reel_model_top_trained(const struct reel_model *model,
                                        const int32_t *viewer, int32_t n_viewers,
                                        const struct reel_csr *seen, int32_t n_top,
                                        int32_t n_threads, int32_t *film, float *score,
                                        struct reel_error *err)
{
    const float *trained = model_floats(model, MODEL_VIEWER_VECTORS);
    const size_t k = (size_t)model->header->n_factors;
    enum reel_status rc = check_top(model, seen, n_viewers, n_top, err);
    if (rc == REEL_OK && (!trained || !model_ints(model, MODEL_SORTED_FILMS))) {
        rc = fail(err, REEL_EINVAL, "%s keeps no vectors of viewers",
                  reel_model_name(model));
    }
    float *vectors =
        rc ? NULL : base_alloc_aligned((size_t)n_viewers * k, sizeof *vectors);
    if (rc == REEL_OK && !vectors) {
        rc = fail(err, REEL_ENOMEM, "vectors of %d viewers", n_viewers);
    }
    for (int32_t i = 0; rc == REEL_OK && i < n_viewers; i++) {
        if (viewer[i] < 0 || viewer[i] >= model->header->n_viewers) {
            rc = fail(err, REEL_EINVAL, "viewer %d is not one of %d", viewer[i],
                      model->header->n_viewers);
        } else {
            memcpy(vectors + (size_t)i * k, trained + (size_t)viewer[i] * k,
                   k * sizeof(float));
        }
    }
    struct top_job job = {
        .model = model,
        .vectors = vectors,
        .seen = seen,
        .n = n_viewers,
        .n_top = n_top,
        .film = film,
        .score = score,
    };
    rc = rc ? rc : run(&job, false, n_threads, err);
    base_free(vectors);
    return rc;
}
