/**
 * Content: films that are described like those the viewer chose, and nothing else.
 *
 *   score_f = mean over chosen i of v_i sum_b weight_b (x_i^b . x_f^b)
 *             + wrote h (sum over texts n of a_n sum_b weight_b (t_n^b . x_f^b)) / (sum |a_n| + 1)
 *
 * t_n what the viewer wrote, a_n whether it speaks of what is liked; h = 10 / (10 + n), because
 * words say least of those whose choices are known. `wrote` is the weight, of a few, that best
 * orders films viewers chose among all others, for viewers of whom two choices are known; film
 * and words about it left out.
 * x^b the row of block b brought to length 1 (model_blocks.h), so each term is a cosine. How
 * much a kind of features counts is not said by hand: it is the weight with which that kind
 * best predicts, for held-out films, the vectors that als learned (model_ridge.h).
 *
 * The rows are kept side by side, each times the root of its weight: one sparse matrix and
 * one dense, so that a score is two products with the viewer's sum.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_linalg.h"
#include "model_ridge.h"

#include <math.h>
#include <string.h>

enum { N_FACTORS = 16, N_SAMPLE = 500, N_LEARNED_MIN = 5 };

#define NOISE 0.5F

static const struct reel_setting settings[] = {
    {"sample", N_SAMPLE, N_LEARNED_MIN, 4000, REEL_SCALE_INTEGER,
     "films on which kinds of features are weighed", NULL, false},
};

/** Rows with events and features, their vectors as targets (N_FACTORS padded, n). */
struct lesson {
    int32_t *film;
    float *target, *noise, *care;
    int32_t n, n_targets;
};

static void lesson_release(struct lesson *lesson)
{
    base_free(lesson->film);
    base_free(lesson->target);
    base_free(lesson->noise);
}

static enum reel_status lesson_make(const struct reel_training *data,
                                    const struct model_rows *rows,
                                    const struct reel_model *als, struct lesson *out,
                                    struct reel_error *err)
{
    const size_t n_films = (size_t)data->chosen.n_cols;
    const size_t k = (size_t)als->header->n_factors;
    const float *y = model_floats(als, MODEL_FILM_VECTORS);
    *out = (struct lesson){.n_targets = (int32_t)k};
    out->film = base_alloc_array(n_films, sizeof *out->film);
    out->target = base_alloc_array(n_films * k, sizeof *out->target);
    out->noise = base_alloc_zeroed(2 * n_films, sizeof *out->noise);
    if (!out->film || !out->target || !out->noise) {
        return fail(err, REEL_ENOMEM, "content: %zu films", n_films);
    }
    out->care = out->noise + n_films;
    for (int64_t e = 0; e < data->chosen.start[data->chosen.n_rows]; e++) {
        out->care[data->chosen.col[e]] += 1;
    }
    for (size_t f = 0; f < n_films; f++) {
        if (out->care[f] > 0 && model_rows_known(rows, (int32_t)f)) {
            out->care[out->n] = out->care[f]; // never overtakes f
            out->film[out->n++] = (int32_t)f;
        }
    }
    double square = 0;
    for (size_t t = 0; t < k; t++) {
        float *row = out->target + t * (size_t)out->n;
        double sum = 0;
        for (int32_t i = 0; i < out->n; i++) {
            row[i] = y[(size_t)out->film[i] * k + t];
            sum += row[i];
        }
        for (int32_t i = 0; i < out->n; i++) {
            row[i] -= (float)(sum / out->n);
            square += (double)row[i] * row[i];
        }
    }
    const float size = (float)sqrt(square / ((double)out->n * (double)k));
    for (size_t i = 0; size > 0 && i < (size_t)out->n * k; i++) {
        out->target[i] /= size;
    }
    return REEL_OK;
}

/** weight (rows->n_blocks); all alike where there is too little to learn from. */
static enum reel_status weigh_blocks(const struct reel_training *data,
                                     const struct model_rows *rows,
                                     const struct reel_train_options *opt,
                                     struct base_pool *pool, float *weight,
                                     struct reel_error *err)
{
    struct reel_train_options als_opt = *opt;
    struct reel_model *als = NULL;
    struct lesson lesson = {0};
    for (int i = 0; i < model_als.info.n_settings; i++) {
        const struct reel_setting *spec = &model_als.info.setting[i];
        als_opt.setting[i] =
            strcmp(spec->name, "factors") == 0 ? N_FACTORS : spec->standard;
    }
    enum reel_status rc = model_als.train(&model_als, data, &als_opt, pool, &als, err);
    rc = rc ? rc : lesson_make(data, rows, als, &lesson, err);
    if (rc == REEL_OK && lesson.n >= N_LEARNED_MIN) {
        const struct model_ridge ridge = {.rows = rows,
                                          .film = lesson.film,
                                          .n = lesson.n,
                                          .n_targets = lesson.n_targets,
                                          .target = lesson.target,
                                          .noise = lesson.noise,
                                          .care = lesson.care,
                                          .noise_all = NOISE,
                                          .pool = pool};
        memset(lesson.noise, 0, (size_t)lesson.n * sizeof *lesson.noise);
        rc = model_ridge_choose(&ridge, (int32_t)opt->setting[0], opt->seed, weight, err);
    } else {
        for (int32_t b = 0; b < rows->n_blocks; b++) {
            weight[b] = 1;
        }
    }
    lesson_release(&lesson);
    reel_model_free(als);
    return rc;
}

/* ---- rows side by side ---- */

static int64_t count_entries(const struct model_rows *rows)
{
    int64_t n = 0;
    for (int32_t b = 0; b < rows->n_blocks; b++) {
        const struct reel_csr *sparse = rows->block[b].sparse;
        n += sparse ? sparse->start[sparse->n_rows] : 0;
    }
    return n;
}

static void write_sparse(const struct model_rows *rows, const struct model_block *spec,
                         const float *weight, struct reel_model *model)
{
    int64_t *start = model_longs(model, MODEL_START), n = 0;
    int32_t *col = model_ints(model, MODEL_COL);
    float *value = model_floats(model, MODEL_VALUE);
    for (int32_t f = 0; f < rows->n_rows; f++) {
        for (int32_t b = 0; b < rows->n_blocks; b++) {
            const struct reel_csr *sparse = rows->block[b].sparse;
            const float size = sparse ? sqrtf(weight[b]) * rows->block[b].size[f] : 0;
            for (int64_t e = sparse ? sparse->start[f] : 0;
                 sparse && e < sparse->start[f + 1]; e++) {
                col[n] = spec[b].first_col + sparse->col[e];
                value[n++] = size * (sparse->value ? sparse->value[e] : 1);
            }
        }
        start[f + 1] = n;
    }
}

static void write_dense(const struct model_rows *rows, const struct model_block *spec,
                        const float *weight, int32_t n_dense, struct reel_model *model)
{
    float *to = model_floats(model, MODEL_WEIGHTS);
    for (int32_t b = 0; b < rows->n_blocks; b++) {
        const size_t n = (size_t)rows->block[b].n_cols;
        for (size_t f = 0; rows->block[b].dense && f < (size_t)rows->n_rows; f++) {
            float *out = to + f * (size_t)n_dense + spec[b].first_centre;
            for (size_t c = 0; c < n; c++) {
                out[c] = sqrtf(weight[b]) * rows->block[b].dense[f * n + c];
            }
        }
    }
}

/* ---- use ---- */

static enum reel_status check(const struct reel_model *model, struct reel_error *err)
{
    enum reel_status rc =
        model_check_section(model, MODEL_CONTENT_COLS, sizeof(int32_t), 2, err);
    const int32_t *cols = model_ints(model, MODEL_CONTENT_COLS);
    if (rc == REEL_OK && (cols[0] < 1 || cols[1] < 0)) {
        rc = fail(err, REEL_EFORMAT, "content: %d and %d columns", cols[0], cols[1]);
    }
    rc = rc ? rc
            : model_check_section(model, MODEL_WEIGHTS, sizeof(float),
                                  (uint64_t)model->header->n_films * (uint64_t)cols[1],
                                  err);
    const uint64_t n_blocks = model->header->section[MODEL_TASTE_BLOCKS].n_items;
    rc = rc ? rc : model_check_section(model, MODEL_CONTENT_WROTE, sizeof(float), 1, err);
    rc = rc ? rc
            : model_check_section(model, MODEL_TASTE_CENTRE, sizeof(float),
                                  (uint64_t)cols[1], err);
    if (rc == REEL_OK && (n_blocks < 1 || n_blocks > MODEL_BLOCKS_MAX)) {
        rc = fail(err, REEL_EFORMAT, "content: %llu blocks of features",
                  (unsigned long long)n_blocks);
    }
    rc = rc ? rc
            : model_check_section(model, MODEL_TASTE_BLOCKS, sizeof(struct model_block),
                                  n_blocks, err);
    rc = rc ? rc
            : model_blocks_check((void *)model_floats(model, MODEL_TASTE_BLOCKS),
                                 (int32_t)n_blocks, cols[0], cols[1], err);
    return rc ? rc
              : model_check_csr(model, MODEL_START, model->header->n_films, cols[0], err);
}

static struct reel_csr sparse_rows(const struct reel_model *model)
{
    return model_csr(model, MODEL_START, model->header->n_films,
                     model_ints(model, MODEL_CONTENT_COLS)[0]);
}

static const float *dense_row(const struct reel_model *model, int32_t film)
{
    return model_floats(model, MODEL_WEIGHTS) +
           (size_t)film * (size_t)model_ints(model, MODEL_CONTENT_COLS)[1];
}

/** to += scale * the film's row, sparse columns first, dense ones behind. */
static void add_row(const struct reel_model *model, int32_t film, float scale, float *to)
{
    const struct reel_csr m = sparse_rows(model);
    const int32_t n_dense = model_ints(model, MODEL_CONTENT_COLS)[1];
    for (int64_t e = m.start[film]; e < m.start[film + 1]; e++) {
        to[m.col[e]] += scale * m.value[e];
    }
    for (int32_t c = 0; c < n_dense; c++) {
        to[m.n_cols + c] += scale * dense_row(model, film)[c];
    }
}

static float product(const struct reel_model *model, int32_t film, const float *with)
{
    const struct reel_csr m = sparse_rows(model);
    const int32_t n_dense = model_ints(model, MODEL_CONTENT_COLS)[1];
    float sum = base_dot(dense_row(model, film), with + m.n_cols, (size_t)n_dense);
    for (int64_t e = m.start[film]; e < m.start[film + 1]; e++) {
        sum += with[m.col[e]] * m.value[e];
    }
    return sum;
}

static float *row_room(const struct reel_model *model, struct reel_error *err)
{
    const int32_t *cols = model_ints(model, MODEL_CONTENT_COLS);
    float *room = base_alloc_zeroed((size_t)cols[0] + (size_t)cols[1], sizeof *room);
    if (!room) {
        (void)fail(err, REEL_ENOMEM, "content: %d columns", cols[0]);
    }
    return room;
}

/* ---- what viewers wrote ---- */

/** profile += what the texts [begin, end) say, those about `film` left out, damped. */
static void add_words(const struct reel_model *model, const struct model_rows *rows,
                      const struct reel_words *words, int32_t begin, int32_t end,
                      int32_t film, float scale, float *profile)
{
    const struct model_block *spec = (void *)model_floats(model, MODEL_TASTE_BLOCKS);
    const int32_t n_cols = model_ints(model, MODEL_CONTENT_COLS)[0];
    float total = 1;
    for (int32_t i = begin; i < end; i++) {
        const bool counts = film < 0 || !words->film || words->film[i] != film;
        total += counts ? fabsf(words->weight[i]) : 0;
    }
    for (int32_t i = begin; i < end; i++) {
        if (film >= 0 && words->film && words->film[i] == film) {
            continue;
        }
        for (int32_t b = 0; b < rows->n_blocks; b++) {
            const float w =
                scale * words->weight[i] / total * sqrtf(fmaxf(spec[b].weight[0], 0));
            model_rows_add(rows, b, i, w,
                           profile + (spec[b].is_dense ? n_cols + spec[b].first_centre
                                                       : spec[b].first_col));
        }
    }
}

static enum reel_status words_rows(const struct reel_model *model,
                                   const struct reel_words *words, struct model_rows *out,
                                   struct reel_error *err)
{
    return model_rows_make((void *)model_floats(model, MODEL_TASTE_BLOCKS),
                           (int32_t)model->header->section[MODEL_TASTE_BLOCKS].n_items,
                           model_floats(model, MODEL_TASTE_CENTRE), words->block,
                           words->n_blocks, words->n, out, err);
}

static float words_share(int32_t n_chosen)
{
    return 10.0F / (10.0F + (float)n_chosen);
}

/** The words of a query, weighed, into a profile. */
static enum reel_status add_query_words(const struct reel_model *model,
                                        const struct reel_query *query, float *profile,
                                        struct reel_error *err)
{
    const float wrote = *model_floats(model, MODEL_CONTENT_WROTE);
    struct model_rows rows;
    if (!query->words || query->words->n == 0 || !(wrote > 0)) {
        return REEL_OK;
    }
    const enum reel_status rc = words_rows(model, query->words, &rows, err);
    if (rc == REEL_OK) {
        add_words(model, &rows, query->words, 0, query->words->n, -1,
                  wrote * words_share(query->n), profile);
        model_rows_release(&rows);
    }
    return rc;
}

enum { N_WROTE = 6, TRIALS_MAX = 600, TRIALS_EACH = 3, N_CUT = 2 };
static const float wrote_tried[N_WROTE] = {0, 0.1F, 0.25F, 0.5F, 1, 2};

/** One film that a viewer chose, against all that they did not. */
struct trial {
    float *chosen,
        *words; /* (n_cols + n_dense) profiles without film and words about it */
    double right[N_WROTE];
    int32_t n;
};

static void try_film(const struct reel_model *model, const struct reel_csr *chosen,
                     int32_t viewer, int32_t film, struct trial *t)
{
    const float own = product(model, film, t->chosen);
    const float own_words = product(model, film, t->words);
    double right[N_WROTE] = {0}, n = 0;
    for (int32_t f = 0; f < model->header->n_films; f++) {
        if (base_csr_has(chosen, viewer, f)) {
            continue;
        }
        const float a = product(model, f, t->chosen), w = product(model, f, t->words);
        for (int i = 0; i < N_WROTE; i++) {
            const float gain = own - a + wrote_tried[i] * (own_words - w);
            right[i] += gain > 0 ? 1 : gain < 0 ? 0 : 0.5;
        }
        n++;
    }
    for (int i = 0; i < N_WROTE && n > 0; i++) {
        t->right[i] += right[i] / n;
    }
    t->n += n > 0;
}

static void try_viewer(const struct reel_model *model, const struct reel_training *data,
                       const struct model_rows *rows, int32_t begin, int32_t end,
                       struct trial *t)
{
    const struct reel_csr *chosen = &data->chosen;
    const size_t n_cols = (size_t)model_ints(model, MODEL_CONTENT_COLS)[0] +
                          (size_t)model_ints(model, MODEL_CONTENT_COLS)[1];
    const int32_t viewer = data->words->viewer[begin];
    const int64_t first = chosen->start[viewer], last = chosen->start[viewer + 1];
    const int64_t step = (last - first) / TRIALS_EACH + 1;
    for (int64_t held = first; held < last && t->n < TRIALS_MAX; held += step) {
        memset(t->chosen, 0, n_cols * sizeof *t->chosen);
        memset(t->words, 0, n_cols * sizeof *t->words);
        for (int64_t e = first, n = 0; e < last && n < N_CUT; e++) {
            if (e != held) {
                add_row(model, chosen->col[e],
                        (chosen->value ? chosen->value[e] : 1) / N_CUT, t->chosen);
                n++;
            }
        }
        add_words(model, rows, data->words, begin, end, chosen->col[held],
                  words_share(N_CUT), t->words);
        try_film(model, chosen, viewer, chosen->col[held], t);
    }
}

/** MODEL_CONTENT_WROTE: 0 where words order films worse. */
static enum reel_status learn_wrote(struct reel_model *model,
                                    const struct reel_training *data,
                                    struct reel_error *err)
{
    const struct reel_words *words = data->words;
    struct model_rows rows = {0};
    struct trial t = {0};
    if (!words || words->n == 0) {
        return REEL_OK;
    }
    t.chosen = row_room(model, err);
    t.words = row_room(model, err);
    enum reel_status rc =
        t.chosen && t.words ? words_rows(model, words, &rows, err) : REEL_ENOMEM;
    for (int32_t begin = 0, end; rc == REEL_OK && begin < words->n; begin = end) {
        end = begin;
        while (end < words->n && words->viewer[end] == words->viewer[begin]) {
            end++;
        }
        try_viewer(model, data, &rows, begin, end, &t);
    }
    double most = 0;
    for (int i = 0; i < N_WROTE; i++) {
        most = fmax(most, t.right[i]);
    }
    // Where it makes no difference words count: somebody may come of whom nothing else is known.
    int best = N_WROTE - 1;
    while (best > 0 && t.right[best] < most - 1e-3 * t.n) {
        best--;
    }
    best = t.n > 0 ? best : 0;
    *model_floats(model, MODEL_CONTENT_WROTE) = wrote_tried[best];
    model_rows_release(&rows);
    base_free(t.chosen);
    base_free(t.words);
    return rc;
}

static enum reel_status score(const struct reel_model *model,
                              const struct reel_query *query, float *out,
                              struct reel_error *err)
{
    float *profile = row_room(model, err);
    if (!profile) {
        return REEL_ENOMEM;
    }
    for (int32_t i = 0; i < query->n; i++) {
        add_row(model, query->film[i],
                (query->value ? query->value[i] : 1) / (float)query->n, profile);
    }
    const enum reel_status rc = add_query_words(model, query, profile, err);
    for (int32_t f = 0; rc == REEL_OK && f < model->header->n_films; f++) {
        out[f] = product(model, f, profile);
    }
    base_free(profile);
    return rc;
}

static enum reel_status explain(const struct reel_model *model,
                                const struct reel_query *query, int32_t film,
                                struct reel_part *part, float *rest,
                                struct reel_error *err)
{
    float *row = row_room(model, err);
    if (!row) {
        return REEL_ENOMEM;
    }
    add_row(model, film, 1, row);
    for (int32_t i = 0; i < query->n; i++) {
        part[i] = (struct reel_part){
            query->film[i], (query->value ? query->value[i] : 1) / (float)query->n *
                                product(model, query->film[i], row)};
    }
    float *words = row_room(model, err);
    const enum reel_status rc =
        words ? add_query_words(model, query, words, err) : REEL_ENOMEM;
    *rest = rc ? 0 : product(model, film, words);
    base_free(words);
    base_free(row);
    return rc;
}

/* ---- training ---- */

static enum reel_status train(const struct model_class *class_,
                              const struct reel_training *data,
                              const struct reel_train_options *opt,
                              struct base_pool *pool, struct reel_model **out,
                              struct reel_error *err)
{
    const int32_t n_films = data->chosen.n_cols;
    struct model_block spec[MODEL_BLOCKS_MAX];
    struct model_rows rows = {0};
    float weight[MODEL_BLOCKS_MAX], *centre = NULL;
    int32_t n_cols, n_dense;
    if (data->n_features < 1) {
        return fail(err, REEL_EINVAL,
                    "content learns from features of films: there are none");
    }
    enum reel_status rc = model_blocks_describe(data->feature, data->n_features, n_films,
                                                spec, &n_cols, &n_dense, err);
    if (rc) {
        return rc;
    }
    centre = base_alloc_zeroed((size_t)n_dense + 1, sizeof *centre);
    if (!centre) {
        return fail(err, REEL_ENOMEM, "content: %d columns", n_dense);
    }
    model_blocks_centre(data->feature, spec, data->n_features, centre);
    rc = model_rows_make(spec, data->n_features, centre, data->feature, data->n_features,
                         n_films, &rows, err);
    rc = rc ? rc : weigh_blocks(data, &rows, opt, pool, weight, err);
    if (rc == REEL_OK) {
        const uint64_t n_entries = (uint64_t)count_entries(&rows);
        const struct model_section section[] = {
            {MODEL_START, sizeof(int64_t), (uint64_t)n_films + 1},
            {MODEL_COL, sizeof(int32_t), n_entries},
            {MODEL_VALUE, sizeof(float), n_entries},
            {MODEL_WEIGHTS, sizeof(float), (uint64_t)n_films * (uint64_t)n_dense},
            {MODEL_CONTENT_COLS, sizeof(int32_t), 2},
            {MODEL_TASTE_BLOCKS, sizeof(struct model_block), (uint64_t)rows.n_blocks},
            {MODEL_TASTE_CENTRE, sizeof(float), (uint64_t)n_dense},
            {MODEL_CONTENT_WROTE, sizeof(float), 1},
        };
        rc = model_create(class_, data, opt, 0, section,
                          sizeof section / sizeof section[0], out, err);
    }
    if (rc == REEL_OK) {
        for (int32_t b = 0; b < rows.n_blocks; b++) {
            spec[b].weight[0] = weight[b];
        }
        memcpy(model_floats(*out, MODEL_TASTE_BLOCKS), spec,
               (size_t)rows.n_blocks * sizeof *spec);
        memcpy(model_floats(*out, MODEL_TASTE_CENTRE), centre,
               (size_t)n_dense * sizeof *centre);
        int32_t *cols = model_ints(*out, MODEL_CONTENT_COLS);
        cols[0] = n_cols;
        cols[1] = n_dense;
        write_sparse(&rows, spec, weight, *out);
        write_dense(&rows, spec, weight, n_dense, *out);
        rc = learn_wrote(*out, data, err);
    }
    model_rows_release(&rows);
    base_free(centre);
    return rc;
}

const struct model_class model_content = {
    .info = {"content", "films described like those chosen: words, people, genres, year",
             settings, 1},
    .train = train,
    .check = check,
    .score = score,
    .explain = explain,
};
