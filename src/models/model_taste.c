/**
 * Taste: a map from features of a film to what the recommender learned for it.
 *
 *   1. als on what was chosen: a vector y for every film with events.
 *   2. Three groups of targets, each standardised: y; quality (stars beyond the viewers'
 *      own mean); popularity (log of choices). For each group the weights of the blocks are
 *      chosen by held-out error, then ridge regression gives map and held-out predictions
 *      (model_ridge.c). A film with few events is noisy, and counts less, as much as its
 *      group says.
 *   3. With map = lowrank, y is kept only along the directions that predict held-out films.
 *      With map = mlp small networks say where a film belongs (model_map_mlp.h), with map =
 *      blend both do, each group of targets in the shares with the least held-out error.
 *   4. The terms of a viewer and film pair are weighed by two logistic regressions on
 *      held-out terms: choosing and liking among all films, liking among the rated
 *      (model_taste_stack.c). The second is the calibration (Platt 1999); stars are read off
 *      a rising curve over its logit (isotonic).
 *
 * A text nobody has seen is placed by the map alone; of a film of training the place says,
 * too, what was learned beyond that (model_taste.h). Lists are ordered by both; the
 * probability of liking takes from it what everybody thinks, with weights of its own, because
 * learned vectors are longer than mapped ones.
 *
 * Gantner et al. 2010, "Learning attribute-to-feature mappings for cold-start
 * recommendations" is the idea of step 2; there k nearest neighbours and BPR do the mapping.
 */
#include "model_taste.h"
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_linalg.h"
#include "model_als.h"
#include "model_map_mlp.h"
#include "model_ridge.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/** Stars of a film are damped as if it had this many average ones besides. */
#define QUALITY_DAMP 3.0F
/** Events beyond which a film is no better known when errors are added up. */
#define CARE_MAX 20.0F
#define NOISE 0.5F

enum { N_SAMPLE = 500, N_LEARNED_MIN = 5 };

enum setting_place {
    S_FACTORS,
    S_ITERATIONS,
    S_ALPHA,
    S_REGULARIZATION,
    S_MAP,
    S_SMOOTH,
    S_RATED_PULL,
    S_DISLIKE,
    S_FILMS_MAX,
    S_HIDDEN,
    N_SETTINGS,
};

enum map_kind { MAP_RIDGE, MAP_LOWRANK, MAP_MLP, MAP_BLEND };

static const char *const maps[] = {"ridge", "lowrank", "mlp", "blend", NULL};

static const struct reel_setting settings[N_SETTINGS] = {
    {"factors", 48, 1, 256, REEL_SCALE_INTEGER, "length of a film's vector", NULL, false},
    {"iterations", 12, 1, 1000, REEL_SCALE_INTEGER, "sweeps over films and viewers", NULL,
     false},
    {"alpha", 11, 1e-6, 1e4, REEL_SCALE_LOG, "weight of a choice", NULL, true},
    {"regularization", 40, 1e-3, 1e5, REEL_SCALE_LOG, "pull of vectors to zero", NULL,
     true},
    {"map", MAP_RIDGE, 0, MAP_BLEND, REEL_SCALE_INTEGER, "from features to vectors", maps,
     false},
    {"smooth", 1, 1e-2, 1e2, REEL_SCALE_LOG, "pull of the map to zero", NULL, true},
    {"rated_pull", 2, 1e-2, 1e2, REEL_SCALE_LOG,
     "pull of what ratings say about a viewer to zero", NULL, true},
    {"dislike", 12, 1, 100, REEL_SCALE_LOG,
     "weight of a disliked film beside one that was not chosen", NULL, false},
    {"films_max", 4000, N_LEARNED_MIN, 20000, REEL_SCALE_INTEGER,
     "films that the map learns from, those with the most events", NULL, false},
    {"hidden", 96, 1, MODEL_MLP_HIDDEN_MAX, REEL_SCALE_INTEGER,
     "units of the nets that map=mlp and map=blend learn", NULL, false},
};

struct taste_params taste_params_read(const double *setting)
{
    return (struct taste_params){setting[S_ALPHA], setting[S_REGULARIZATION]};
}

/* ---- what is known of films ---- */

struct teaching {
    const struct reel_training *data; /* `rated` without what has no stars */
    struct reel_training clean;
    struct base_csr rated;
    struct model_block spec[MODEL_BLOCKS_MAX];
    struct model_rows rows;
    int32_t n_cols, n_centre;
    float *centre;     /* (n_centre) */
    float *n_events;   /* (n_films) ratings or choices, whichever are more */
    float *popularity; /* (n_films) log(1 + choices) */
    float *excess;     /* (n_films) mean of stars beyond the viewers' own */
    float *quality;    /* (n_films) the same, damped */
    float *n_rated;    /* (n_films) */
    float mean_stars;
    int32_t *film; /* (n) those the map learns from, ascending */
    int32_t n;
    float *target, *dual, *held_out; /* (k + 2, n) */
    float *noise, *care;             /* (n) */
    float size[MODEL_BLOCK_GROUPS];  /* what each group's targets were divided by */
};

static void teaching_release(struct teaching *t)
{
    base_csr_release(&t->rated);
    model_rows_release(&t->rows);
    base_free(t->centre);
    base_free(t->n_events);
    base_free(t->film);
    base_free(t->target);
    base_free(t->noise);
}

// Ratings that are numbers; NAN (watched, no stars) is left out.
static enum reel_status clean_ratings(struct teaching *t, const struct reel_csr *rated,
                                      struct reel_error *err)
{
    const struct reel_csr *chosen = &t->data->chosen;
    if (!rated || !rated->value || rated->start[rated->n_rows] == 0) {
        t->clean.rated = NULL;
        return REEL_OK;
    }
    if (rated->n_rows != chosen->n_rows || rated->n_cols != chosen->n_cols) {
        return fail(err, REEL_EINVAL, "taste: ratings are %d x %d, choices %d x %d",
                    rated->n_rows, rated->n_cols, chosen->n_rows, chosen->n_cols);
    }
    enum reel_status rc = base_csr_check(rated, err);
    rc = rc ? rc
            : base_csr_init(&t->rated, rated->n_rows, rated->n_cols,
                            rated->start[rated->n_rows], true, err);
    int64_t n = 0;
    for (int32_t v = 0; rc == REEL_OK && v < rated->n_rows; v++) {
        for (int64_t e = rated->start[v]; e < rated->start[v + 1]; e++) {
            if (rated->value[e] > 0 && rated->value[e] < 1e3F) {
                t->rated.col[n] = rated->col[e];
                t->rated.value[n++] = rated->value[e];
            }
        }
        t->rated.start[v + 1] = n;
    }
    t->clean.rated = n > 0 ? &t->rated.csr : NULL;
    return rc;
}

static void sum_ratings(struct teaching *t)
{
    const struct reel_csr *rated = t->data->rated;
    double sum = 0;
    const int64_t n = rated ? rated->start[rated->n_rows] : 0;
    for (int64_t e = 0; e < n; e++) {
        sum += rated->value[e];
    }
    t->mean_stars = n > 0 ? (float)(sum / (double)n) : 0;
    for (int32_t v = 0; rated && v < rated->n_rows; v++) {
        const int64_t begin = rated->start[v], end = rated->start[v + 1];
        double beyond = 0;
        for (int64_t e = begin; e < end; e++) {
            beyond += (double)rated->value[e] - t->mean_stars;
        }
        const double leniency = beyond / ((double)(end - begin) + 5);
        for (int64_t e = begin; e < end; e++) {
            t->excess[rated->col[e]] +=
                (float)((double)rated->value[e] - t->mean_stars - leniency);
            t->n_events[rated->col[e]] += 1;
        }
    }
}

static void count_events(struct teaching *t)
{
    const struct reel_csr *chosen = &t->data->chosen;
    sum_ratings(t);
    for (int64_t e = 0; e < chosen->start[chosen->n_rows]; e++) {
        t->popularity[chosen->col[e]] += 1;
    }
    for (int32_t f = 0; f < chosen->n_cols; f++) {
        const float n = t->n_events[f];
        t->quality[f] = t->excess[f] / (n + QUALITY_DAMP);
        t->excess[f] = n > 0 ? t->excess[f] / n : 0;
        t->n_rated[f] = n;
        t->n_events[f] = fmaxf(n, t->popularity[f]);
        t->popularity[f] = logf(1 + t->popularity[f]);
    }
}

/** Films with events and features; of too many those with the most events. */
static enum reel_status pick_films(struct teaching *t, int32_t n_max,
                                   struct reel_error *err)
{
    const int32_t n_films = t->data->chosen.n_cols;
    int32_t *n_with =
        base_alloc_zeroed((size_t)t->data->chosen.n_rows + 2, sizeof *n_with);
    if (!n_with) {
        return fail(err, REEL_ENOMEM, "taste: %d films", n_films);
    }
    int32_t most = 0;
    for (int32_t f = 0; f < n_films; f++) {
        if (t->n_events[f] > 0 && model_rows_known(&t->rows, f)) {
            n_with[(int32_t)t->n_events[f]]++;
            most = most > (int32_t)t->n_events[f] ? most : (int32_t)t->n_events[f];
        }
    }
    int32_t least = most,
            n = 0; // films with `least` events are taken while there is room
    while (least > 1 && n + n_with[least] < n_max) {
        n += n_with[least--];
    }
    int32_t room = n_max - n;
    base_free(n_with);
    for (int32_t f = 0; f < n_films; f++) {
        const int32_t events = (int32_t)t->n_events[f];
        if (events > 0 && events >= least && model_rows_known(&t->rows, f) &&
            (events > least || room-- > 0)) {
            t->film[t->n++] = f;
        }
    }
    return t->n >= N_LEARNED_MIN
               ? REEL_OK
               : fail(err, REEL_EINVAL,
                      "taste: %d films have both events and features; %d are needed",
                      t->n, N_LEARNED_MIN);
}

static enum reel_status teaching_init(struct teaching *t,
                                      const struct reel_training *data,
                                      int32_t n_films_max, struct reel_error *err)
{
    const int32_t n_films = data->chosen.n_cols;
    t->clean = *data;
    t->data = &t->clean;
    if (data->n_features < 1) {
        return fail(err, REEL_EINVAL,
                    "taste learns from features of films: there are none");
    }
    enum reel_status rc = model_blocks_describe(data->feature, data->n_features, n_films,
                                                t->spec, &t->n_cols, &t->n_centre, err);
    rc = rc ? rc : clean_ratings(t, data->rated, err);
    if (rc) {
        return rc;
    }
    t->centre = base_alloc_zeroed((size_t)t->n_centre + 1, sizeof *t->centre);
    t->n_events = base_alloc_zeroed(5 * (size_t)n_films, sizeof *t->n_events);
    t->film = base_alloc_array((size_t)n_films, sizeof *t->film);
    if (!t->centre || !t->n_events || !t->film) {
        return fail(err, REEL_ENOMEM, "taste: %d films", n_films);
    }
    t->popularity = t->n_events + n_films;
    t->excess = t->popularity + n_films;
    t->quality = t->excess + n_films;
    t->n_rated = t->quality + n_films;
    model_blocks_centre(data->feature, t->spec, data->n_features, t->centre);
    rc = model_rows_make(t->spec, data->n_features, t->centre, data->feature,
                         data->n_features, n_films, &t->rows, err);
    if (rc == REEL_OK) {
        count_events(t);
        rc = pick_films(t, n_films_max, err);
    }
    return rc;
}

/* ---- the map ---- */

/** Bring n_targets targets (n_targets, n) to mean 0 and one common size; returns the size. */
static float standardise(float *target, int32_t n_targets, int32_t n, float *mean)
{
    double square = 0;
    for (int32_t t = 0; t < n_targets; t++) {
        float *row = target + (size_t)t * (size_t)n;
        double sum = 0;
        for (int32_t i = 0; i < n; i++) {
            sum += row[i];
        }
        mean[t] = (float)(sum / n);
        for (int32_t i = 0; i < n; i++) {
            row[i] -= mean[t];
            square += (double)row[i] * row[i];
        }
    }
    const float size = (float)sqrt(square / ((double)n * n_targets));
    for (size_t i = 0; size > 0 && i < (size_t)n * (size_t)n_targets; i++) {
        target[i] /= size;
    }
    return size;
}

static void gather_targets(struct teaching *t, const struct reel_model *model)
{
    const size_t n = (size_t)t->n, k = (size_t)model->header->n_factors;
    const float *y = model_floats(model, MODEL_FILM_VECTORS);
    for (size_t i = 0; i < n; i++) {
        const size_t film = (size_t)t->film[i];
        for (size_t f = 0; f < k; f++) {
            t->target[f * n + i] = y[film * k + f];
        }
        t->target[k * n + i] = t->excess[film];
        t->target[(k + 1) * n + i] = t->popularity[film];
        t->care[i] = fminf(t->n_events[film], CARE_MAX);
    }
}

/**
 * Keep of the held-out predictions only the directions that lower the error: the best r of
 * the eigenvectors of their covariance, r chosen by held-out error (reduced-rank regression).
 * dual and held_out (k, n) are projected.
 */
static enum reel_status lower_rank(const struct teaching *t, const float *target,
                                   size_t k, float *dual, float *held_out,
                                   struct reel_error *err)
{
    const size_t n = (size_t)t->n;
    float *vector = base_alloc_array(k * k + 2 * k, sizeof *vector);
    if (!vector) {
        return fail(err, REEL_ENOMEM, "taste: %zu factors", k);
    }
    float *value = vector + k * k, *along = value + k;
    base_gemm_nt(vector, held_out, held_out, k, k, n, k, n, n, 1, 0);
    enum reel_status rc = base_eigen_symmetric(vector, k, value, err);
    size_t n_kept = 0;
    // A direction v stays if predicting along it is better than predicting nothing.
    for (size_t r = 0; rc == REEL_OK && r < k; r++) {
        const float *v = vector + r * k;
        double gain = 0;
        for (size_t i = 0; i < n; i++) {
            double truth = 0, guess = 0;
            for (size_t f = 0; f < k; f++) {
                truth += (double)v[f] * target[f * n + i];
                guess += (double)v[f] * held_out[f * n + i];
            }
            gain += t->care[i] * (truth * truth - (truth - guess) * (truth - guess));
        }
        if (gain > 0) {
            memmove(vector + n_kept++ * k, v, k * sizeof *v);
        }
    }
    for (int which = 0; rc == REEL_OK && which < 2; which++) {
        float *x = which == 0 ? dual : held_out;
        for (size_t i = 0; i < n; i++) {
            memset(along, 0, k * sizeof *along);
            for (size_t r = 0; r < n_kept; r++) {
                double sum = 0;
                for (size_t f = 0; f < k; f++) {
                    sum += (double)vector[r * k + f] * x[f * n + i];
                }
                for (size_t f = 0; f < k; f++) {
                    along[f] += (float)sum * vector[r * k + f];
                }
            }
            for (size_t f = 0; f < k; f++) {
                x[f * n + i] = along[f];
            }
        }
    }
    base_free(vector);
    return rc;
}

/** One group: how fast its noise falls with events, and which targets it has. */
struct group {
    int32_t first, n;
    float noise_one; /* variance of a film with one event, beside the common one */
};

bool taste_nets(const struct reel_model *model, struct model_mlp_shape *shape)
{
    const struct base_section *section = model->header->section;
    const uint64_t n_targets = (uint64_t)taste_n_targets(model);
    const uint64_t n_cols = section[MODEL_TASTE_MAP].n_items / n_targets - 1;
    const uint64_t n_coords = section[MODEL_TASTE_COORDS].n_items;
    *shape =
        (struct model_mlp_shape){.n_coords = (int32_t)(n_coords / n_cols),
                                 .n_hidden = (int32_t)model->header->setting[S_HIDDEN],
                                 .n_targets = (int32_t)n_targets};
    return model->header->setting[S_MAP] >= MAP_MLP;
}

static enum reel_status learn_group(struct teaching *t, struct reel_model *model,
                                    int32_t g, const struct group *group,
                                    struct base_pool *pool, struct reel_error *err)
{
    const size_t n = (size_t)t->n, at = (size_t)group->first * n;
    float *mean = model_floats(model, MODEL_TASTE_MAP) +
                  (size_t)t->n_cols * (size_t)taste_n_targets(model) + group->first;
    const float size = standardise(t->target + at, group->n, t->n, mean);
    t->size[g] = size;
    if (size == 0) {
        memset(t->held_out + at, 0, (size_t)group->n * n * sizeof *t->held_out);
        memset(t->dual + at, 0, (size_t)group->n * n * sizeof *t->dual);
        return REEL_OK;
    }
    for (size_t i = 0; i < n; i++) {
        t->noise[i] = group->noise_one / t->n_events[t->film[i]];
    }
    struct model_ridge ridge = {.rows = &t->rows,
                                .film = t->film,
                                .n = t->n,
                                .n_targets = group->n,
                                .target = t->target + at,
                                .noise = t->noise,
                                .care = t->care,
                                .noise_all = NOISE,
                                .pool = pool};
    const double *setting = model->header->setting;
    float weight[MODEL_BLOCKS_MAX];
    enum reel_status rc =
        model_ridge_choose(&ridge, N_SAMPLE, model->header->seed, weight, err);
    ridge.noise_all = NOISE * (float)setting[S_SMOOTH];
    rc = rc ? rc : model_ridge_fit(&ridge, weight, t->dual + at, t->held_out + at, err);
    if (rc == REEL_OK && setting[S_MAP] == MAP_LOWRANK && group->n > 1) {
        rc = lower_rank(t, ridge.target, (size_t)group->n, t->dual + at, t->held_out + at,
                        err);
    }
    struct model_block *spec = (void *)model_floats(model, MODEL_TASTE_BLOCKS);
    for (int32_t b = 0; rc == REEL_OK && b < t->rows.n_blocks; b++) {
        spec[b].weight[g] = weight[b];
    }
    for (size_t i = 0; rc == REEL_OK && i < (size_t)group->n * n; i++) {
        t->dual[at + i] *= size;
        t->held_out[at + i] =
            size * t->held_out[at + i] + mean[i / n]; // in the target's own unit again
    }
    return rc;
}

static int32_t group_of_target(int32_t target, int32_t k)
{
    return target < k ? 0 : target - k + 1;
}

/**
 * The share of the nets in a blend of two held-out predictions, in 0 .. 1, that has the least
 * squared error: sum of (t - a)(b - a) over sum of (b - a)^2, each film by its care.
 */
static float best_share(const struct teaching *t, const struct group *group, float size,
                        const float *mean, const float *by_nets)
{
    const size_t n = (size_t)t->n;
    double product = 0, square = 0;
    for (size_t f = (size_t)group->first; f < (size_t)group->first + (size_t)group->n;
         f++) {
        for (size_t i = 0; i < n; i++) {
            const double by_ridge = t->held_out[f * n + i];
            const double truth = (double)size * t->target[f * n + i] + mean[f];
            const double step = (double)size * by_nets[f * n + i] + mean[f] - by_ridge;
            product += t->care[i] * (truth - by_ridge) * step;
            square += t->care[i] * step * step;
        }
    }
    const double share = square > 0 ? product / square : 0;
    return (float)(share < 0 ? 0 : share > 1 ? 1 : share);
}

/** Weights of errors: less where a film has few events; each group counts the same. */
static void weigh_errors(const struct teaching *t, const struct group *group,
                         int32_t n_targets, float *care)
{
    const size_t n = (size_t)t->n;
    for (int32_t g = 0; g < MODEL_BLOCK_GROUPS; g++) {
        for (size_t i = 0; i < n; i++) {
            const float noise = group[g].noise_one / t->n_events[t->film[i]];
            for (int32_t f = group[g].first; f < group[g].first + group[g].n; f++) {
                care[(size_t)f * n + i] = NOISE / (NOISE + noise) * (float)n_targets /
                                          (float)(group[g].n * MODEL_BLOCK_GROUPS);
            }
        }
    }
}

/** What ridge and nets say is added up, so each is scaled by its share. */
static void blend(struct teaching *t, struct reel_model *model, const struct group *group,
                  const struct model_mlp_shape *shape, const float *by_nets, float *scale,
                  float *shift)
{
    const size_t n = (size_t)t->n;
    float *mean = model_floats(model, MODEL_TASTE_MAP) +
                  (size_t)t->n_cols * (size_t)shape->n_targets;
    for (int32_t g = 0; g < MODEL_BLOCK_GROUPS; g++) {
        const float share = model->header->setting[S_MAP] == MAP_MLP
                                ? 1
                                : best_share(t, &group[g], t->size[g], mean, by_nets);
        for (int32_t f = group[g].first; f < group[g].first + group[g].n; f++) {
            float *held_out = t->held_out + (size_t)f * n,
                  *dual = t->dual + (size_t)f * n;
            scale[f] = share * t->size[g];
            shift[f] = share * mean[f];
            for (size_t i = 0; i < n; i++) {
                dual[i] *= 1 - share;
                held_out[i] = (1 - share) * held_out[i] +
                              scale[f] * by_nets[(size_t)f * n + i] + shift[f];
            }
            mean[f] *= 1 - share;
        }
    }
    model_mlp_rescale(model_floats(model, MODEL_NET), shape, scale, shift);
}

static enum reel_status learn_nets(struct teaching *t, struct reel_model *model,
                                   const struct group *group,
                                   const struct reel_progress *progress,
                                   struct base_pool *pool, struct reel_error *err)
{
    const struct model_block *spec = (void *)model_floats(model, MODEL_TASTE_BLOCKS);
    struct model_mlp_shape shape;
    (void)taste_nets(model, &shape);
    const size_t n_targets = (size_t)shape.n_targets, n_all = n_targets * (size_t)t->n;
    float *coords = model_floats(model, MODEL_TASTE_COORDS);
    float *nets = model_floats(model, MODEL_NET), weight[MODEL_BLOCKS_MAX] = {0};
    float *care = base_alloc_array(2 * n_all + 2 * n_targets, sizeof *care);
    if (!care) {
        return fail(err, REEL_ENOMEM, "taste: %d films", t->n);
    }
    float *by_nets = care + n_all, *scale = by_nets + n_all, *shift = scale + n_targets;
    weigh_errors(t, group, shape.n_targets, care);
    for (int32_t b = 0; b < t->rows.n_blocks; b++) {
        for (int g = 0; g < MODEL_BLOCK_GROUPS; g++) {
            weight[b] += spec[b].weight[g];
        }
    }
    const struct model_mlp_lesson lesson = {.rows = &t->rows,
                                            .film = t->film,
                                            .n = t->n,
                                            .shape = shape,
                                            .target = t->target,
                                            .care = care,
                                            .seed = model->header->seed,
                                            .progress = *progress};
    enum reel_status rc = model_mlp_coords(&lesson, spec, weight, pool, coords, err);
    rc = rc ? rc : model_mlp_train(&lesson, spec, coords, nets, by_nets, err);
    if (rc == REEL_OK) {
        blend(t, model, group, &shape, by_nets, scale, shift);
    }
    base_free(care);
    return rc;
}

/** map (n_cols, n_targets) = sum over films of features times dual, by weight of block. */
static enum reel_status write_map(const struct teaching *t, struct reel_model *model,
                                  struct reel_error *err)
{
    const int32_t n_targets = taste_n_targets(model), k = model->header->n_factors;
    const struct model_block *spec = (void *)model_floats(model, MODEL_TASTE_BLOCKS);
    float *amount = base_alloc_array((size_t)n_targets, sizeof *amount);
    if (!amount) {
        return fail(err, REEL_ENOMEM, "taste: %d targets", n_targets);
    }
    for (int32_t b = 0; b < t->rows.n_blocks; b++) {
        float *map = model_floats(model, MODEL_TASTE_MAP) +
                     (size_t)spec[b].first_col * (size_t)n_targets;
        for (int32_t i = 0; i < t->n; i++) {
            for (int32_t target = 0; target < n_targets; target++) {
                amount[target] = spec[b].weight[group_of_target(target, k)] *
                                 t->dual[(size_t)target * (size_t)t->n + (size_t)i];
            }
            model_rows_spread(&t->rows, b, t->film[i], amount, n_targets, map);
        }
    }
    base_free(amount);
    return REEL_OK;
}

/** out (n_targets): where the map puts a row. */
static void map_row(const struct reel_model *model, const struct model_rows *rows,
                    int32_t row, float *out)
{
    const int32_t n_targets = taste_n_targets(model);
    const struct model_block *spec = (void *)model_floats(model, MODEL_TASTE_BLOCKS);
    const float *map = model_floats(model, MODEL_TASTE_MAP);
    const struct model_block *last = &spec[rows->n_blocks - 1];
    memcpy(out, map + (size_t)(last->first_col + last->n_cols) * (size_t)n_targets,
           (size_t)n_targets * sizeof *out);
    for (int32_t b = 0; b < rows->n_blocks; b++) {
        model_rows_project(rows, b, row,
                           map + (size_t)spec[b].first_col * (size_t)n_targets, n_targets,
                           out);
    }
    struct model_mlp_shape shape;
    if (taste_nets(model, &shape)) {
        float x[MODEL_MLP_COORDS_MAX];
        model_mlp_place(rows, spec, model_floats(model, MODEL_TASTE_COORDS),
                        shape.n_coords, row, x);
        model_mlp_add(model_floats(model, MODEL_NET), &shape, x, out);
    }
}

/**
 * Mapped places of all films, held out where the map learned from them. Films without
 * features: what was learned, because that is all there is.
 */
static void write_mapped(const struct teaching *t, struct reel_model *model)
{
    const size_t n_targets = (size_t)taste_n_targets(model);
    const size_t k = (size_t)model->header->n_factors, n = (size_t)t->n;
    float *mapped = model_floats(model, MODEL_TASTE_MAPPED);
    const float *learned = model_floats(model, MODEL_FILM_VECTORS);
    for (int32_t f = 0; f < model->header->n_films; f++) {
        float *out = mapped + (size_t)f * n_targets;
        if (model_rows_known(&t->rows, f) || t->n_events[f] == 0) {
            map_row(model, &t->rows, f, out);
        } else {
            memcpy(out, learned + (size_t)f * k, k * sizeof *out);
            out[k] = t->quality[f];
            out[k + 1] = t->popularity[f];
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t target = 0; target < n_targets; target++) {
            mapped[(size_t)t->film[i] * n_targets + target] = t->held_out[target * n + i];
        }
    }
}

/** targets (k + 2) as the map gives them, into a place of which nothing more is known. */
static void place_mapped(const float *target, size_t k, float *place)
{
    float *column = place + 2 * k;
    memcpy(place, target, k * sizeof *place);
    memset(place + k, 0, (k + TASTE_N_COLUMNS) * sizeof *place);
    column[TASTE_AT_QUALITY] = target[k];
    column[TASTE_AT_POPULARITY] = target[k + 1];
    column[TASTE_AT_ONE] = column[TASTE_AT_LENIENCY] = 1;
}

/** Where the map puts the films, and what was learned beyond it, as far as events carry. */
static void write_places(const struct teaching *t, struct reel_model *model)
{
    const size_t k = (size_t)model->header->n_factors;
    const float *learned = model_floats(model, MODEL_FILM_VECTORS);
    for (size_t f = 0; f < (size_t)model->header->n_films; f++) {
        const float *mapped = model_floats(model, MODEL_TASTE_MAPPED) + f * (k + 2);
        float *place =
            model_floats(model, MODEL_TASTE_PLACES) + f * (2 * k + TASTE_N_COLUMNS);
        float *more = place + 2 * k + TASTE_AT_MORE;
        const float share = t->n_events[f] / (t->n_events[f] + TASTE_TRUST);
        place_mapped(mapped, k, place);
        for (size_t i = 0; i < k; i++) {
            place[k + i] = share * (learned[f * k + i] - mapped[i]);
        }
        more[0] = t->n_rated[f] > 0 ? share * (t->excess[f] - mapped[k]) : 0;
        more[1] = share * (t->popularity[f] - mapped[k + 1]);
        more[2] = share;
    }
}

static float mean_square(const float *mapped, int32_t n_films, size_t k)
{
    double square = 0;
    for (size_t f = 0; f < (size_t)n_films; f++) {
        for (size_t i = 0; i < k; i++) {
            square += (double)mapped[f * (k + 2) + i] * mapped[f * (k + 2) + i];
        }
    }
    return (float)(square / ((double)n_films * (double)k));
}

/* ---- training ---- */

static enum reel_status train_als(const struct reel_training *data,
                                  const struct reel_train_options *opt,
                                  struct base_pool *pool, struct reel_model **out,
                                  struct reel_error *err)
{
    struct reel_train_options als = *opt;
    for (int i = 0; i < model_als.info.n_settings; i++) {
        als.setting[i] = model_als.info.setting[i].standard;
    }
    static const struct {
        const char *name;
        enum setting_place from;
    } shared[] = {{"factors", S_FACTORS},
                  {"iterations", S_ITERATIONS},
                  {"alpha", S_ALPHA},
                  {"regularization", S_REGULARIZATION}};
    for (size_t s = 0; s < sizeof shared / sizeof shared[0]; s++) {
        for (int i = 0; i < model_als.info.n_settings; i++) {
            if (strcmp(model_als.info.setting[i].name, shared[s].name) == 0) {
                als.setting[i] = opt->setting[shared[s].from];
            }
        }
    }
    return model_als.train(&model_als, data, &als, pool, out, err);
}

static enum reel_status create(const struct model_class *class_, const struct teaching *t,
                               const struct reel_train_options *opt,
                               const struct reel_model *als, struct reel_model **out,
                               struct reel_error *err)
{
    const int32_t k = als->header->n_factors;
    const uint64_t n_films = (uint64_t)t->data->chosen.n_cols, n_k = (uint64_t)k;
    const struct model_mlp_shape shape = {
        .n_coords = t->n < MODEL_MLP_COORDS_MAX ? t->n : (int32_t)MODEL_MLP_COORDS_MAX,
        .n_hidden = (int32_t)opt->setting[S_HIDDEN],
        .n_targets = k + 2};
    const struct model_section section[] = {
        {MODEL_FILM_VECTORS, sizeof(float), n_films * n_k},
        {MODEL_GRAM, sizeof(float), n_k * n_k},
        {MODEL_TASTE_BLOCKS, sizeof(struct model_block), (uint64_t)t->rows.n_blocks},
        {MODEL_TASTE_CENTRE, sizeof(float), (uint64_t)t->n_centre},
        {MODEL_TASTE_MAP, sizeof(float), ((uint64_t)t->n_cols + 1) * (n_k + 2)},
        {MODEL_TASTE_NUMBERS, sizeof(struct taste_numbers), 1},
        {MODEL_TASTE_MAPPED, sizeof(float), n_films * (n_k + 2)},
        {MODEL_TASTE_PLACES, sizeof(float), n_films * (2 * n_k + TASTE_N_COLUMNS)},
        {MODEL_TASTE_QUALITY, sizeof(float), n_films},
        // only where there are nets
        {MODEL_TASTE_COORDS, sizeof(float),
         (uint64_t)t->n_cols * (uint64_t)shape.n_coords},
        {MODEL_NET, sizeof(float), model_mlp_n_floats(&shape)},
    };
    const int32_t n_sections = sizeof section / sizeof section[0];
    const bool is_linear = opt->setting[S_MAP] < MAP_MLP;
    const enum reel_status rc = model_create(class_, t->data, opt, k, section,
                                             n_sections - 2 * is_linear, out, err);
    if (rc == REEL_OK) {
        memcpy(model_floats(*out, MODEL_FILM_VECTORS),
               model_floats(als, MODEL_FILM_VECTORS), n_films * n_k * sizeof(float));
        memcpy(model_floats(*out, MODEL_GRAM), model_floats(als, MODEL_GRAM),
               n_k * n_k * sizeof(float));
        memcpy(model_floats(*out, MODEL_TASTE_BLOCKS), t->spec,
               (size_t)t->rows.n_blocks * sizeof t->spec[0]);
        memcpy(model_floats(*out, MODEL_TASTE_CENTRE), t->centre,
               (size_t)t->n_centre * sizeof(float));
        memcpy(model_floats(*out, MODEL_TASTE_QUALITY), t->quality,
               n_films * sizeof(float));
    }
    return rc;
}

static enum reel_status learn_map(struct teaching *t, struct reel_model *model,
                                  const struct reel_train_options *opt,
                                  struct base_pool *pool, struct reel_error *err)
{
    const int32_t k = model->header->n_factors;
    const struct group group[MODEL_BLOCK_GROUPS] = {
        {0, k, 0.03F}, {k, 1, 5}, {k + 1, 1, 1}};
    const size_t n = (size_t)t->n, n_targets = (size_t)taste_n_targets(model);
    t->target = base_alloc_array(3 * n_targets * n, sizeof *t->target);
    t->noise = base_alloc_array(2 * n, sizeof *t->noise);
    if (!t->target || !t->noise) {
        return fail(err, REEL_ENOMEM, "taste: %zu films", n);
    }
    t->dual = t->target + n_targets * n;
    t->held_out = t->dual + n_targets * n;
    t->care = t->noise + n;
    gather_targets(t, model);
    enum reel_status rc = REEL_OK;
    for (int32_t g = 0; rc == REEL_OK && g < MODEL_BLOCK_GROUPS; g++) {
        rc = base_progress_report(&opt->progress, "taste", g, MODEL_BLOCK_GROUPS + 1)
                 ? learn_group(t, model, g, &group[g], pool, err)
                 : fail(err, REEL_ECANCELLED, "taste stopped in part %d of %d", g + 1,
                        MODEL_BLOCK_GROUPS + 1);
    }
    if (rc == REEL_OK && opt->setting[S_MAP] >= MAP_MLP) {
        rc = learn_nets(t, model, group, &opt->progress, pool, err);
    }
    return rc ? rc : write_map(t, model, err);
}

static enum reel_status train(const struct model_class *class_,
                              const struct reel_training *data,
                              const struct reel_train_options *opt,
                              struct base_pool *pool, struct reel_model **out,
                              struct reel_error *err)
{
    struct teaching t = {0};
    struct reel_model *als = NULL;
    enum reel_status rc =
        teaching_init(&t, data, (int32_t)opt->setting[S_FILMS_MAX], err);
    rc = rc ? rc : train_als(t.data, opt, pool, &als, err);
    rc = rc ? rc : create(class_, &t, opt, als, out, err);
    rc = rc ? rc : learn_map(&t, *out, opt, pool, err);
    if (rc == REEL_OK) {
        struct taste_numbers *numbers = (void *)model_floats(*out, MODEL_TASTE_NUMBERS);
        const size_t k = (size_t)(*out)->header->n_factors;
        write_mapped(&t, *out);
        write_places(&t, *out);
        numbers->mean_stars = t.mean_stars;
        numbers->pull =
            (float)(opt->setting[S_RATED_PULL] * (double)k) *
            mean_square(model_floats(*out, MODEL_TASTE_MAPPED), data->chosen.n_cols, k);
        numbers->pull = numbers->pull > 1e-6F ? numbers->pull : 1e-6F;
        const struct taste_films known = {t.n_events, t.n_rated, t.excess, t.popularity};
        rc = taste_stack_train(*out, t.data, &known, t.film, t.n, opt->setting[S_DISLIKE],
                               opt->seed, err);
        (void)base_progress_report(&opt->progress, "taste", 1, 1);
    }
    reel_model_free(als);
    teaching_release(&t);
    return rc;
}

/* ---- the model as a file ---- */

static enum reel_status check_blocks(const struct reel_model *model, uint64_t n_cols,
                                     uint64_t n_centre, struct reel_error *err)
{
    const uint64_t n_blocks = model->header->section[MODEL_TASTE_BLOCKS].n_items;
    if (n_blocks < 1 || n_blocks > MODEL_BLOCKS_MAX || n_cols > INT32_MAX ||
        n_centre > INT32_MAX) {
        return fail(err, REEL_EFORMAT, "taste: %llu blocks of features",
                    (unsigned long long)n_blocks);
    }
    const enum reel_status rc = model_check_section(
        model, MODEL_TASTE_BLOCKS, sizeof(struct model_block), n_blocks, err);
    return rc ? rc
              : model_blocks_check((void *)model_floats(model, MODEL_TASTE_BLOCKS),
                                   (int32_t)n_blocks, (int32_t)n_cols, (int32_t)n_centre,
                                   err);
}

static enum reel_status check_nets(const struct reel_model *model, uint64_t n_cols,
                                   struct reel_error *err)
{
    const uint64_t n = model->header->section[MODEL_TASTE_COORDS].n_items;
    if (n < n_cols || n / n_cols > MODEL_MLP_COORDS_MAX) {
        return fail(err, REEL_EFORMAT, "taste: %llu coordinates of %llu columns",
                    (unsigned long long)n, (unsigned long long)n_cols);
    }
    struct model_mlp_shape shape;
    (void)taste_nets(model, &shape);
    const enum reel_status rc = model_check_section(
        model, MODEL_TASTE_COORDS, sizeof(float), n_cols * (uint64_t)shape.n_coords, err);
    return rc ? rc
              : model_check_section(model, MODEL_NET, sizeof(float),
                                    model_mlp_n_floats(&shape), err);
}

static enum reel_status check(const struct reel_model *model, struct reel_error *err)
{
    const uint64_t n_films = (uint64_t)model->header->n_films;
    const uint64_t k = (uint64_t)model->header->n_factors;
    const uint64_t n_map = model->header->section[MODEL_TASTE_MAP].n_items;
    const uint64_t n_centre = model->header->section[MODEL_TASTE_CENTRE].n_items;
    if (k < 1 || n_map % (k + 2) != 0 || n_map < k + 2) {
        return fail(err, REEL_EFORMAT, "taste: a map of %llu numbers",
                    (unsigned long long)n_map);
    }
    const struct {
        enum model_role role;
        uint64_t n;
    } part[] = {{MODEL_FILM_VECTORS, n_films * k},
                {MODEL_GRAM, k * k},
                {MODEL_TASTE_MAP, n_map},
                {MODEL_TASTE_CENTRE, n_centre},
                {MODEL_TASTE_MAPPED, n_films * (k + 2)},
                {MODEL_TASTE_PLACES, n_films * (2 * k + TASTE_N_COLUMNS)},
                {MODEL_TASTE_QUALITY, n_films}};
    enum reel_status rc = REEL_OK;
    for (size_t i = 0; rc == REEL_OK && i < sizeof part / sizeof part[0]; i++) {
        rc = model_check_section(model, part[i].role, sizeof(float), part[i].n, err);
    }
    rc = rc ? rc
            : model_check_section(model, MODEL_TASTE_NUMBERS,
                                  sizeof(struct taste_numbers), 1, err);
    if (rc == REEL_OK && (taste_numbers(model)->stars.n < 0 ||
                          taste_numbers(model)->stars.n > MODEL_CURVE_KNOTS)) {
        rc = fail(err, REEL_EFORMAT, "taste: a curve of %d knots",
                  taste_numbers(model)->stars.n);
    }
    rc = rc ? rc : check_blocks(model, n_map / (k + 2) - 1, n_centre, err);
    return rc || model->header->setting[S_MAP] < MAP_MLP
               ? rc
               : check_nets(model, n_map / (k + 2) - 1, err);
}

/* ---- use ---- */

static int32_t n_place(const struct reel_model *model)
{
    return 2 * model->header->n_factors + TASTE_N_COLUMNS;
}

/** What a place is multiplied with for `score`. */
static void write_score_half(const struct reel_model *model,
                             const struct taste_side *side, float *half)
{
    const size_t k = (size_t)model->header->n_factors;
    const float *weight = taste_numbers(model)->score;
    float *column = half + 2 * k;
    for (size_t i = 0; i < k; i++) {
        half[k + i] = weight[TASTE_CHOSEN] * side->x[i]; // z was solved on mapped places
        half[i] = half[k + i] + weight[TASTE_RATED] * side->z[i] +
                  weight[TASTE_WROTE] * side->w[i];
    }
    column[TASTE_AT_QUALITY] = column[TASTE_AT_MORE] = weight[TASTE_QUALITY];
    column[TASTE_AT_POPULARITY] = column[TASTE_AT_MORE + 1] = weight[TASTE_POPULARITY];
    column[TASTE_AT_ONE] = weight[TASTE_ONE];
    column[TASTE_AT_LENIENCY] = weight[TASTE_LENIENCY] * side->leniency;
    column[TASTE_AT_MORE + 2] = 0;
}

/** And for the logit of p_like. */
static void write_like_half(const struct reel_model *model, const struct taste_side *side,
                            float *half)
{
    const size_t k = (size_t)model->header->n_factors;
    const float *weight = taste_numbers(model)->p_like;
    float *column = half + 2 * k;
    for (size_t i = 0; i < k; i++) {
        half[i] = weight[TASTE_CHOSEN] * side->x[i] + weight[TASTE_RATED] * side->z[i] +
                  weight[TASTE_WROTE] * side->w[i];
        half[k + i] = 0;
    }
    column[TASTE_AT_QUALITY] = weight[TASTE_QUALITY];
    column[TASTE_AT_POPULARITY] = weight[TASTE_POPULARITY];
    column[TASTE_AT_ONE] = weight[TASTE_ONE];
    column[TASTE_AT_LENIENCY] = weight[TASTE_LENIENCY] * side->leniency;
    memcpy(column + TASTE_AT_MORE, taste_numbers(model)->more,
           sizeof(float[TASTE_N_MORE]));
}

static float dot(const float *a, const float *b, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static enum reel_status score(const struct reel_model *model,
                              const struct reel_query *query, float *out,
                              struct reel_error *err)
{
    const size_t n = (size_t)n_place(model);
    struct taste_side side;
    float *half = base_alloc_array(n, sizeof *half);
    enum reel_status rc = taste_side_init(&side, (size_t)model->header->n_factors, err);
    if (rc == REEL_OK && !half) {
        rc = fail(err, REEL_ENOMEM, "taste: a viewer");
    }
    rc = rc ? rc : taste_side_solve(model, query, NULL, &side, err);
    if (rc == REEL_OK) {
        write_score_half(model, &side, half);
        base_gemv(out, model_floats(model, MODEL_TASTE_PLACES), half,
                  (size_t)model->header->n_films, n, n);
    }
    taste_side_release(&side);
    base_free(half);
    return rc;
}

// As in model_als.c: x = B^-1 sum t_i y_i, so film i adds t_i y_i . B^-1 m to x . m.
static enum reel_status explain(const struct reel_model *model,
                                const struct reel_query *query, int32_t film,
                                struct reel_part *part, float *rest,
                                struct reel_error *err)
{
    const size_t k = (size_t)model->header->n_factors;
    const struct taste_params p = taste_params_read(model->header->setting);
    const float *weight = taste_numbers(model)->score;
    const float *place =
        model_floats(model, MODEL_TASTE_PLACES) + (size_t)film * (size_t)n_place(model);
    struct taste_side side;
    enum reel_status rc = taste_side_init(&side, k, err);
    rc = rc ? rc : taste_side_solve(model, query, NULL, &side, err);
    if (rc == REEL_OK) {
        float *bm = side.z, *y_film = side.rated_sum; // unused without ratings
        for (size_t i = 0; i < k; i++) {
            y_film[i] = place[i] + place[k + i];
        }
        for (size_t i = 0; i < k; i++) {
            bm[i] = dot(side.x_inverse + i * k, y_film, k);
        }
        for (int32_t i = 0; i < query->n; i++) {
            const float *y =
                model_floats(model, MODEL_FILM_VECTORS) + (size_t)query->film[i] * k;
            const float t = taste_choice_target(&p, query->value ? query->value[i] : 1);
            part[i] = (struct reel_part){query->film[i],
                                         weight[TASTE_CHOSEN] * t * dot(y, bm, k)};
        }
        const float *column = place + 2 * k;
        *rest =
            weight[TASTE_QUALITY] * (column[TASTE_AT_QUALITY] + column[TASTE_AT_MORE]) +
            weight[TASTE_POPULARITY] *
                (column[TASTE_AT_POPULARITY] + column[TASTE_AT_MORE + 1]) +
            weight[TASTE_ONE] + weight[TASTE_WROTE] * dot(side.w, place, k);
    }
    taste_side_release(&side);
    return rc;
}

const struct model_class model_taste = {
    .info = {"taste",
             "a map from texts and traits to taste: scores films nobody has seen",
             settings, N_SETTINGS},
    .train = train,
    .check = check,
    .score = score,
    .explain = explain,
};

/* ---- what nobody has seen ---- */

static enum reel_status check_class(const struct reel_model *model,
                                    struct reel_error *err)
{
    return model->class_ == &model_taste
               ? REEL_OK
               : fail(err, REEL_EINVAL, "a taste model is needed, not %s",
                      model->class_->info.name);
}

int32_t reel_taste_n_place(const struct reel_model *taste)
{
    return taste->class_ == &model_taste ? n_place(taste) : 0;
}

int32_t reel_taste_n_viewer(const struct reel_model *taste)
{
    return 2 * reel_taste_n_place(taste);
}

const float *reel_taste_film_places(const struct reel_model *taste)
{
    return taste->class_ == &model_taste ? model_floats(taste, MODEL_TASTE_PLACES) : NULL;
}

enum reel_status reel_taste_place(const struct reel_model *taste,
                                  const struct reel_feature_block *block,
                                  int32_t n_blocks, int32_t n, float *place,
                                  struct reel_error *err)
{
    enum reel_status rc = check_class(taste, err);
    struct model_rows rows = {0};
    rc = rc ? rc
            : model_rows_make((void *)model_floats(taste, MODEL_TASTE_BLOCKS),
                              (int32_t)taste->header->section[MODEL_TASTE_BLOCKS].n_items,
                              model_floats(taste, MODEL_TASTE_CENTRE), block, n_blocks, n,
                              &rows, err);
    const size_t k = (size_t)taste->header->n_factors, width = 2 * k + TASTE_N_COLUMNS;
    float *target = rc ? NULL : base_alloc_array(k + 2, sizeof *target);
    if (rc == REEL_OK && !target) {
        rc = fail(err, REEL_ENOMEM, "taste: %zu factors", k);
    }
    for (int32_t r = 0; rc == REEL_OK && r < n; r++) {
        map_row(taste, &rows, r, target);
        place_mapped(target, k, place + (size_t)r * width);
    }
    base_free(target);
    model_rows_release(&rows);
    return rc;
}

enum reel_status reel_taste_viewer(const struct reel_model *taste,
                                   const struct reel_query *chosen,
                                   const struct reel_query *rated, float *viewer,
                                   struct reel_error *err)
{
    enum reel_status rc = check_class(taste, err);
    rc = rc ? rc : model_check_query(taste, chosen, err);
    rc = rc || !rated ? rc : model_check_query(taste, rated, err);
    if (rc == REEL_OK && rated && rated->n > 0 && !rated->value) {
        rc = fail(err, REEL_EINVAL, "taste: ratings without stars");
    }
    struct taste_side side = {0};
    rc = rc ? rc : taste_side_init(&side, (size_t)taste->header->n_factors, err);
    rc = rc ? rc : taste_side_solve(taste, chosen, rated, &side, err);
    if (rc == REEL_OK) {
        write_score_half(taste, &side, viewer);
        write_like_half(taste, &side, viewer + n_place(taste));
    }
    taste_side_release(&side);
    return rc;
}

enum reel_status reel_taste_score(const struct reel_model *taste, const float *viewer,
                                  const float *place, int32_t n, struct reel_opinion *out,
                                  struct reel_error *err)
{
    const enum reel_status rc = check_class(taste, err);
    if (rc) {
        return rc;
    }
    const size_t k = (size_t)taste->header->n_factors, width = 2 * k + TASTE_N_COLUMNS;
    const struct taste_numbers *numbers = taste_numbers(taste);
    const float *like = viewer + width;
    for (size_t i = 0; i < (size_t)n; i++) {
        const float *at = place + i * width;
        struct reel_opinion *opinion = &out[i];
        opinion->score = dot(viewer, at, width);
        const float *weight = like + 2 * k, *column = at + 2 * k;
        opinion->part_match = dot(like, at, 2 * k);
        opinion->part_everybody =
            dot(weight, column, TASTE_AT_LENIENCY) +
            dot(weight + TASTE_AT_MORE, column + TASTE_AT_MORE, TASTE_N_MORE);
        opinion->part_viewer = weight[TASTE_AT_LENIENCY] * column[TASTE_AT_LENIENCY];
        const float logit =
            opinion->part_match + opinion->part_everybody + opinion->part_viewer;
        opinion->p_like = 1 / (1 + expf(-logit));
        opinion->stars =
            numbers->mean_stars > 0 ? model_curve_at(&numbers->stars, logit) : NAN;
    }
    return REEL_OK;
}
