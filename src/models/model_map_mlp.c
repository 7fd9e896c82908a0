/**
 * See model_map_mlp.h.
 *
 * Schoelkopf, Smola, Mueller 1998 (kernel principal components): with K = U S U^T over the
 * films, film l lies at U_l sqrt(S), and any row f at f X^T U / sqrt(S).
 */
#include "model_map_mlp.h"
#include "base_alloc.h"
#include "base_error.h"
#include "base_linalg.h"
#include "base_net.h"

#include <math.h>
#include <string.h>

enum { FOLDS = MODEL_MLP_FOLDS, N_BATCH = 64 };
enum param { P_W1, P_B1, P_W2, P_B2, N_PARAMS };

#define DROPOUT_IN 0.1
#define DROPOUT_HIDDEN 0.4

static void list_params(const struct model_mlp_shape *s, struct base_net_param *param)
{
    param[P_W1] = (struct base_net_param){.name = "in",
                                          .n_0 = s->n_coords,
                                          .n_1 = s->n_hidden,
                                          .sd = sqrt(1.0 / s->n_coords),
                                          .is_decayed = true};
    param[P_B1] = (struct base_net_param){.name = "bias", .n_0 = s->n_hidden, .n_1 = 1};
    param[P_W2] = (struct base_net_param){.name = "out",
                                          .n_0 = s->n_hidden,
                                          .n_1 = s->n_targets,
                                          .sd = 0.3 * sqrt(1.0 / s->n_hidden),
                                          .is_decayed = true};
    param[P_B2] = (struct base_net_param){.name = "bias", .n_0 = s->n_targets, .n_1 = 1};
}

static size_t n_one(const struct model_mlp_shape *s)
{
    return (size_t)s->n_hidden * ((size_t)s->n_coords + 1) +
           (size_t)s->n_targets * ((size_t)s->n_hidden + 1);
}

uint64_t model_mlp_n_floats(const struct model_mlp_shape *shape)
{
    return FOLDS * n_one(shape);
}

/** One net as it lies among the numbers of all. */
struct net {
    const float *w1, *b1, *w2, *b2;
};

static struct net net_at(const float *nets, const struct model_mlp_shape *s, int32_t fold)
{
    const size_t h = (size_t)s->n_hidden;
    const float *w1 = nets + (size_t)fold * n_one(s), *b1 = w1 + h * (size_t)s->n_coords;
    const float *w2 = b1 + h;
    return (struct net){w1, b1, w2, w2 + (size_t)s->n_targets * h};
}

/* ---- coordinates ---- */

// Kernel of some films, then its eigenvectors (rows) and values, ascending.
static enum reel_status components(const struct model_mlp_lesson *lesson,
                                   const float *weight, struct base_pool *pool,
                                   const int32_t *film, int32_t n, float *vector,
                                   float *value, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t b = 0; rc == REEL_OK && b < lesson->rows->n_blocks; b++) {
        rc = model_rows_kernel(lesson->rows, b, film, n, weight[b], pool, vector, err);
    }
    return rc ? rc : base_eigen_symmetric(vector, (size_t)n, value, err);
}

enum reel_status model_mlp_coords(const struct model_mlp_lesson *lesson,
                                  const struct model_block *spec, const float *weight,
                                  struct base_pool *pool, float *coords,
                                  struct reel_error *err)
{
    const int32_t n = lesson->n < MODEL_MLP_LEARNED ? lesson->n : MODEL_MLP_LEARNED;
    const int32_t n_coords = lesson->shape.n_coords;
    const size_t size = (size_t)n;
    float *vector = base_alloc_zeroed(size * size + size, sizeof *vector);
    int32_t *film = base_alloc_array(size, sizeof *film);
    enum reel_status rc =
        vector && film ? REEL_OK : fail(err, REEL_ENOMEM, "components of %d films", n);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        film[i] = lesson->film[(int64_t)i * lesson->n / n];
    }
    float *value = rc ? NULL : vector + size * size;
    rc = rc ? rc : components(lesson, weight, pool, film, n, vector, value, err);
    double spread = 0; // mean square of a coordinate
    for (int32_t j = 0; rc == REEL_OK && j < n_coords; j++) {
        spread += fmax(0, (double)value[n - 1 - j]) / ((double)n * n_coords);
    }
    for (int32_t b = 0; rc == REEL_OK && b < lesson->rows->n_blocks; b++) {
        float *map = coords + (size_t)spec[b].first_col * (size_t)n_coords;
        for (int32_t i = 0; i < n; i++) {
            float amount[MODEL_MLP_COORDS_MAX] = {0};
            for (int32_t j = 0; j < n_coords; j++) { // the largest come first
                const float s = value[n - 1 - j];
                const float u = vector[(size_t)(n - 1 - j) * size + (size_t)i];
                amount[j] = s > 1e-6F * value[n - 1]
                                ? weight[b] * u / sqrtf(s * (float)spread)
                                : 0;
            }
            model_rows_spread(lesson->rows, b, film[i], amount, n_coords, map);
        }
    }
    base_free(vector);
    base_free(film);
    return rc;
}

void model_mlp_place(const struct model_rows *rows, const struct model_block *spec,
                     const float *coords, int32_t n_coords, int32_t row, float *x)
{
    memset(x, 0, (size_t)n_coords * sizeof *x);
    for (int32_t b = 0; b < rows->n_blocks; b++) {
        model_rows_project(rows, b, row,
                           coords + (size_t)spec[b].first_col * (size_t)n_coords,
                           n_coords, x);
    }
}

/* ---- use ---- */

static void hide(const struct net *net, const struct model_mlp_shape *s, const float *x,
                 float *hidden)
{
    const size_t h = (size_t)s->n_hidden, m = (size_t)s->n_coords;
    base_gemv(hidden, net->w1, x, h, m, m);
    for (size_t i = 0; i < h; i++) {
        hidden[i] = fmaxf(0, hidden[i] + net->b1[i]);
    }
}

// out_t, out_stride apart, += share of what one net says.
static void add_net(const struct net *net, const struct model_mlp_shape *s,
                    const float *x, float share, float *out, size_t out_stride)
{
    const size_t h = (size_t)s->n_hidden;
    float hidden[MODEL_MLP_HIDDEN_MAX];
    hide(net, s, x, hidden);
    for (size_t t = 0; t < (size_t)s->n_targets; t++) {
        out[t * out_stride] +=
            share * (base_dot(net->w2 + t * h, hidden, h) + net->b2[t]);
    }
}

void model_mlp_add(const float *nets, const struct model_mlp_shape *shape, const float *x,
                   float *out)
{
    for (int32_t fold = 0; fold < FOLDS; fold++) {
        const struct net net = net_at(nets, shape, fold);
        add_net(&net, shape, x, 1.0F / FOLDS, out, 1);
    }
}

float model_mlp_slope(const float *nets, const struct model_mlp_shape *shape,
                      const float *x, const float *g, float *slope)
{
    const size_t h = (size_t)shape->n_hidden, m = (size_t)shape->n_coords;
    double rest = 0;
    memset(slope, 0, m * sizeof *slope);
    for (int32_t fold = 0; fold < FOLDS; fold++) {
        const struct net net = net_at(nets, shape, fold);
        float hidden[MODEL_MLP_HIDDEN_MAX], back[MODEL_MLP_HIDDEN_MAX] = {0};
        hide(&net, shape, x, hidden);
        for (size_t t = 0; t < (size_t)shape->n_targets; t++) {
            rest += (double)g[t] * net.b2[t] / FOLDS;
            for (size_t i = 0; i < h; i++) {
                back[i] += g[t] * net.w2[t * h + i] / FOLDS;
            }
        }
        for (size_t i = 0; i < h; i++) {
            if (hidden[i] > 0) {
                rest += (double)back[i] * net.b1[i];
                for (size_t j = 0; j < m; j++) {
                    slope[j] += back[i] * net.w1[i * m + j];
                }
            }
        }
    }
    return (float)rest;
}

void model_mlp_rescale(float *nets, const struct model_mlp_shape *shape,
                       const float *size, const float *mean)
{
    const size_t h = (size_t)shape->n_hidden, n_targets = (size_t)shape->n_targets;
    for (size_t fold = 0; fold < FOLDS; fold++) {
        float *b2 = nets + (fold + 1) * n_one(shape) - n_targets;
        float *w2 = b2 - n_targets * h;
        for (size_t t = 0; t < n_targets; t++) {
            for (size_t i = 0; i < h; i++) {
                w2[t * h + i] *= size[t];
            }
            b2[t] = size[t] * b2[t] + mean[t];
        }
    }
}

/* ---- training ---- */

struct lesson_room {
    const struct model_mlp_lesson *lesson;
    float *x;       /* (n, n_coords) */
    int32_t *order; /* (n) films by fold */
    int32_t *index; /* (n) those a net learns from, then those it is judged on */
};

static struct ggml_tensor *build(struct base_net_graph *g, struct ggml_tensor *x)
{
    x = base_net_dropout(g, x, DROPOUT_IN);
    x = base_net_product(g, base_net_param(g, P_W1), x);
    x = base_net_relu(g, base_net_add(g, x, base_net_param(g, P_B1)));
    x = base_net_dropout(g, x, DROPOUT_HIDDEN);
    x = base_net_product(g, base_net_param(g, P_W2), x);
    return base_net_add(g, x, base_net_param(g, P_B2));
}

static struct ggml_tensor *loss(struct base_net_graph *g, const int32_t *item, int32_t n,
                                double *weight, void *payload)
{
    const struct lesson_room *room = payload;
    const struct model_mlp_lesson *lesson = room->lesson;
    const size_t n_targets = (size_t)lesson->shape.n_targets, n_all = (size_t)lesson->n;
    const size_t m = (size_t)lesson->shape.n_coords;
    float *x = base_net_memory(g, (size_t)n * (m + 2 * n_targets), sizeof *x);
    if (!x) {
        return NULL;
    }
    float *wanted = x + (size_t)n * m, *care = wanted + (size_t)n * n_targets;
    for (size_t r = 0; r < (size_t)n; r++) {
        const size_t i = (size_t)room->index[item[r]];
        memcpy(x + r * m, room->x + i * m, m * sizeof *x);
        for (size_t t = 0; t < n_targets; t++) {
            wanted[r * n_targets + t] = lesson->target[t * n_all + i];
            care[r * n_targets + t] = lesson->care[t * n_all + i];
        }
    }
    *weight = n;
    return base_net_square_error(g, build(g, base_net_floats(g, (int64_t)m, n, x)),
                                 wanted, care);
}

static enum reel_status learn_net(struct lesson_room *room, int32_t n_inside,
                                  uint64_t seed, float *to, struct reel_error *err)
{
    const struct model_mlp_lesson *lesson = room->lesson;
    const struct base_net_task task = {.loss = loss,
                                       .payload = room,
                                       .n_items = lesson->n - n_inside,
                                       .n_valid = n_inside,
                                       .n_batch = N_BATCH,
                                       .n_part = N_BATCH};
    struct base_net_options opt = base_net_options_default();
    opt.n_epochs = 120;
    opt.rate = 2e-3;
    opt.rate_end = 0.02;
    opt.n_warmup = 20;
    opt.decay = 0.1;
    opt.judge_epochs = 4;
    opt.patience = 8;
    opt.seed = seed;
    opt.stage = "taste";
    opt.progress = lesson->progress;
    struct base_net_param param[N_PARAMS];
    struct base_net *net = NULL;
    struct base_net_result result;
    list_params(&lesson->shape, param);
    enum reel_status rc = base_net_create(param, N_PARAMS, seed, &net, err);
    rc = rc ? rc : base_net_train(net, &task, &opt, &result, err);
    for (int32_t p = 0; rc == REEL_OK && p < N_PARAMS; p++) {
        const size_t size = (size_t)(param[p].n_0 * param[p].n_1);
        memcpy(to, base_net_values(net, p), size * sizeof *to);
        to += size;
    }
    base_net_free(net);
    return rc;
}

// Net `fold` learns from the films outside its fold, and guesses those inside.
static enum reel_status learn_fold(struct lesson_room *room, int32_t fold, float *nets,
                                   float *held_out, struct reel_error *err)
{
    const struct model_mlp_lesson *lesson = room->lesson;
    const struct model_mlp_shape *s = &lesson->shape;
    const size_t n = (size_t)lesson->n, m = (size_t)s->n_coords;
    const size_t begin = n * (size_t)fold / FOLDS, end = n * ((size_t)fold + 1) / FOLDS;
    memcpy(room->index, room->order, begin * sizeof *room->index);
    memcpy(room->index + begin, room->order + end, (n - end) * sizeof *room->index);
    memcpy(room->index + n - (end - begin), room->order + begin,
           (end - begin) * sizeof *room->index);
    const enum reel_status rc =
        learn_net(room, (int32_t)(end - begin), lesson->seed + (uint64_t)fold,
                  nets + (size_t)fold * n_one(s), err);
    const struct net net = net_at(nets, s, fold);
    for (size_t r = begin; rc == REEL_OK && r < end; r++) {
        const size_t i = (size_t)room->order[r];
        for (size_t t = 0; t < (size_t)s->n_targets; t++) {
            held_out[t * n + i] = 0;
        }
        add_net(&net, s, room->x + i * m, 1, held_out + i, n);
    }
    return rc;
}

enum reel_status model_mlp_train(const struct model_mlp_lesson *lesson,
                                 const struct model_block *spec, const float *coords,
                                 float *nets, float *held_out, struct reel_error *err)
{
    const size_t n = (size_t)lesson->n, m = (size_t)lesson->shape.n_coords;
    struct lesson_room room = {.lesson = lesson,
                               .x = base_alloc_array(n * m, sizeof *room.x),
                               .order = base_alloc_array(n, sizeof *room.order),
                               .index = base_alloc_array(n, sizeof *room.index)};
    enum reel_status rc = room.x && room.order && room.index
                              ? REEL_OK
                              : fail(err, REEL_ENOMEM, "nets over %zu films", n);
    for (size_t i = 0; rc == REEL_OK && i < n; i++) {
        room.order[i] = (int32_t)i;
        model_mlp_place(lesson->rows, spec, coords, (int32_t)m, lesson->film[i],
                        room.x + i * m);
    }
    if (rc == REEL_OK) {
        struct base_rng rng;
        base_rng_init(&rng, lesson->seed, 2);
        base_rng_shuffle(&rng, room.order, lesson->n);
    }
    for (int32_t fold = 0; rc == REEL_OK && fold < FOLDS; fold++) {
        rc = learn_fold(&room, fold, nets, held_out, err);
    }
    base_free(room.x);
    base_free(room.order);
    base_free(room.index);
    return rc;
}
