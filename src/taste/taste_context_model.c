/**
 * What a situation adds: logistic regression on (context value x genre), each kind of
 * context with a normal prior of its own width, found from the data.
 *
 * For an event on film f in a situation c, with the logit z of what was expected without it:
 *
 *     logit p = z + a_0 + mean_g b_0g  +  sum over kinds k said: a_kv + mean_g w_kvg
 *
 * a_0, b_0g take up what is wrong with the expectation in every situation, so that it is not
 * blamed on, say, evenings; they are left out of scores. Means over genres are divided by
 * the root of their number, so that films of many genres do not weigh more.
 *
 * Weights: one step of Newton for each in turn (coordinate descent on the penalised
 * likelihood). Widths: MacKay 1992's fixed point, width^2 = sum m^2 / sum (1 - s^2/width^2),
 * with the diagonal of the posterior for s^2, which is too small where weights go together
 * and so errs on the side of shrinking; and as if N_PRIOR weights of WIDTH_PRIOR had been
 * seen besides. Without width in that prior, 0 swallows a kind that a dozen events tell of.
 *
 * Sources: MacKay 1992, "Bayesian interpolation"; Adomavicius and Tuzhilin 2011 on context in
 * recommenders; Baltrunas, Ludwig, Ricci 2011 (CAMF-CC: bias of context value by genre).
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"

#include <forkreel/feedback.h>

#include <math.h>
#include <string.h>

enum {
    N_GROUPS = REEL_N_CONTEXT_KINDS + 1, /* the last: in every situation */
    N_SWEEPS = 60,
};
#define N_PRIOR 2.0
#define WIDTH_PRIOR 0.05
#define WIDTH_FIRST 0.3
#define WIDTH_MAX 2.0
#define EXPECTED_MIN 0.01F
#define STEP_MAX 1.0
#define CHANGE_MIN 1e-5

struct reel_context_model {
    int32_t n_genres;
    int32_t first[N_GROUPS + 1]; /* value of the first of each group, counted through */
    double width[N_GROUPS];
    double *weight; /* (values, n_genres + 1) the last column: every film */
};

static int32_t count_values(struct reel_context_model *model)
{
    int32_t n = 0;
    for (int k = 0; k < REEL_N_CONTEXT_KINDS; k++) {
        model->first[k] = n;
        n += reel_context_n_values((enum reel_context_kind)k);
    }
    model->first[REEL_N_CONTEXT_KINDS] = n;
    model->first[N_GROUPS] = n + 1;
    return n + 1;
}

void reel_context_model_free(struct reel_context_model *model)
{
    if (model) {
        base_free(model->weight);
        base_free(model);
    }
}

/** The value of a group that the event is under, counted through; -1 not said. */
static int32_t value_of(const struct reel_context_model *model,
                        const struct reel_context *context, int group)
{
    if (group == REEL_N_CONTEXT_KINDS) {
        return model->first[group];
    }
    const int8_t v = context->value[group];
    return v < 0 || v >= model->first[group + 1] - model->first[group]
               ? -1
               : model->first[group] + v;
}

// ---- fitting ----

/** For each weight the events that it speaks on. */
struct fit {
    struct reel_context_model *model;
    const struct reel_context_event *event;
    int32_t n, n_weights;
    int64_t *start;    /* (n_weights + 1) */
    int32_t *entry;    /* events */
    float *x;          /* beside `entry` */
    double *logit, *p; /* (n) */
};

static double logistic(double z)
{
    return 1 / (1 + exp(-z));
}

/** Tell each (weight, event, x); counts when `entry` is not there yet, else places. */
static void entries_walk(struct fit *fit, const struct reel_csr *genres, bool is_placing)
{
    const int32_t n_cols = fit->model->n_genres + 1;
    for (int32_t i = 0; i < fit->n; i++) {
        const struct reel_context_event *event = &fit->event[i];
        const int64_t begin = genres->start[event->film];
        const int64_t end = genres->start[event->film + 1];
        const float share = end > begin ? 1 / sqrtf((float)(end - begin)) : 0;
        for (int g = 0; g < N_GROUPS; g++) {
            const int32_t v = value_of(fit->model, &event->context, g);
            for (int64_t e = begin; v >= 0 && e <= end; e++) {
                const int32_t col = e < end ? genres->col[e] : n_cols - 1;
                const int32_t w = v * n_cols + col;
                if (is_placing) {
                    const int64_t place = fit->start[w + 1]++;
                    fit->x[place] = e < end ? share : 1;
                    fit->entry[place] = i;
                } else {
                    fit->start[w + 1]++;
                }
            }
        }
    }
}

static enum reel_status fit_prepare(struct fit *fit, const struct reel_csr *genres,
                                    struct reel_error *err)
{
    const size_t n_weights = (size_t)fit->n_weights;
    fit->start = base_alloc_zeroed(n_weights + 1, sizeof *fit->start);
    fit->logit = base_alloc_array((size_t)fit->n, sizeof *fit->logit);
    fit->p = base_alloc_array((size_t)fit->n, sizeof *fit->p);
    if (!fit->start || !fit->logit || !fit->p) {
        return fail(err, REEL_ENOMEM, "%d events in context", fit->n);
    }
    entries_walk(fit, genres, false);
    int64_t n_entries = 0;
    for (size_t w = 0; w < n_weights; w++) {
        n_entries += fit->start[w + 1];
    }
    fit->entry = base_alloc_array((size_t)n_entries, sizeof *fit->entry);
    fit->x = base_alloc_array((size_t)n_entries, sizeof *fit->x);
    if (!fit->entry || !fit->x) {
        return fail(err, REEL_ENOMEM, "%d events in context", fit->n);
    }
    base_csr_counts_to_places(fit->start, fit->n_weights);
    entries_walk(fit, genres, true);
    for (int32_t i = 0; i < fit->n; i++) {
        const float expected = fit->event[i].expected;
        const float q = fminf(fmaxf(expected, EXPECTED_MIN), 1 - EXPECTED_MIN);
        fit->logit[i] = log((double)q / (1 - (double)q));
        fit->p[i] = (double)q;
    }
    return REEL_OK;
}

/** One step of Newton for weight w; gives its posterior variance. */
static double step(struct fit *fit, int32_t w, double precision, double *largest)
{
    double *weight = &fit->model->weight[w];
    double gradient = -precision * *weight, curve = precision;
    const int64_t begin = fit->start[w], end = fit->start[w + 1];
    for (int64_t e = begin; e < end; e++) {
        const int32_t i = fit->entry[e];
        const double x = (double)fit->x[e], p = fit->p[i];
        gradient += x * ((double)fit->event[i].liked - p);
        curve += x * x * p * (1 - p);
    }
    const double change = fmax(-STEP_MAX, fmin(STEP_MAX, gradient / curve));
    *weight += change;
    *largest = fmax(*largest, fabs(change));
    for (int64_t e = begin; e < end && change != 0; e++) {
        const int32_t i = fit->entry[e];
        fit->logit[i] += change * (double)fit->x[e];
        fit->p[i] = logistic(fit->logit[i]);
    }
    return 1 / curve;
}

/** All weights of a group once, then its width; gives the largest change. */
static double sweep(struct fit *fit, int group)
{
    struct reel_context_model *model = fit->model;
    const int32_t n_cols = model->n_genres + 1;
    const double square = model->width[group] * model->width[group];
    double largest = 0, sum_square = 0, n_known = 0;
    for (int32_t w = model->first[group] * n_cols; w < model->first[group + 1] * n_cols;
         w++) {
        if (fit->start[w] < fit->start[w + 1]) {
            const double variance = step(fit, w, 1 / square, &largest);
            sum_square += model->weight[w] * model->weight[w];
            n_known += 1 - variance / square;
        }
    }
    const double prior = N_PRIOR * WIDTH_PRIOR * WIDTH_PRIOR;
    const double width = sqrt((sum_square + prior) / (n_known + N_PRIOR));
    model->width[group] = fmin(WIDTH_MAX, width);
    return largest;
}

static enum reel_status check_events(const struct reel_context_event *event, int32_t n,
                                     const struct reel_csr *genres,
                                     struct reel_error *err)
{
    const enum reel_status rc = base_csr_check(genres, err);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        const bool is_sound = event[i].film >= 0 && event[i].film < genres->n_rows &&
                              event[i].liked >= 0 && event[i].liked <= 1 &&
                              event[i].expected >= 0 && event[i].expected <= 1;
        if (!is_sound) {
            return fail(err, REEL_EINVAL,
                        "event %d: film %d, expected %g, liked %g out of range", i,
                        event[i].film, (double)event[i].expected, (double)event[i].liked);
        }
    }
    return rc;
}

enum reel_status reel_context_model_fit(const struct reel_context_event *event, int32_t n,
                                        const struct reel_csr *genres,
                                        struct reel_context_model **out,
                                        struct reel_error *err)
{
    *out = NULL;
    struct fit fit = {.event = event, .n = n};
    enum reel_status rc = check_events(event, n, genres, err);
    if (rc) {
        return rc;
    }
    struct reel_context_model *model = base_alloc_zeroed(1, sizeof *model);
    fit.model = model;
    if (model) {
        model->n_genres = genres->n_cols;
        fit.n_weights = count_values(model) * (genres->n_cols + 1);
        model->weight = base_alloc_zeroed((size_t)fit.n_weights, sizeof *model->weight);
    }
    rc = model && model->weight ? fit_prepare(&fit, genres, err)
                                : fail(err, REEL_ENOMEM, "a model of context");
    for (int g = 0; rc == REEL_OK && g < N_GROUPS; g++) {
        model->width[g] = WIDTH_FIRST;
    }
    double largest = 1;
    for (int s = 0; rc == REEL_OK && s < N_SWEEPS && largest > CHANGE_MIN; s++) {
        largest = 0;
        for (int g = N_GROUPS - 1; g >= 0; g--) { // what holds in every situation first
            largest = fmax(largest, sweep(&fit, g));
        }
    }
    if (rc == REEL_OK) {
        *out = model;
        model = NULL;
    }
    base_free(fit.start);
    base_free(fit.entry);
    base_free(fit.x);
    base_free(fit.logit);
    base_free(fit.p);
    reel_context_model_free(model);
    return rc;
}

// ---- scoring ----

double reel_context_model_part(const struct reel_context_model *model,
                               const struct reel_context *context,
                               enum reel_context_kind kind, const struct reel_csr *genres,
                               int32_t film)
{
    const int32_t v = value_of(model, context, (int)kind);
    const int64_t begin = genres->start[film], end = genres->start[film + 1];
    if (v < 0 || begin == end) {
        return 0;
    }
    const double *row = model->weight + (size_t)v * (size_t)(model->n_genres + 1);
    double sum = 0;
    for (int64_t e = begin; e < end; e++) {
        sum += row[genres->col[e]];
    }
    return sum / sqrt((double)(end - begin));
}

enum reel_status reel_context_model_score(const struct reel_context_model *model,
                                          const struct reel_context *context,
                                          const struct reel_csr *genres, float *adds,
                                          struct reel_error *err)
{
    if (genres->n_cols != model->n_genres) {
        return fail(err, REEL_EINVAL, "context: %d genres, not %d", genres->n_cols,
                    model->n_genres);
    }
    double constant = 0;
    for (int k = 0; k < REEL_N_CONTEXT_KINDS; k++) {
        const int32_t v = value_of(model, context, k);
        constant +=
            v < 0 ? 0
                  : model->weight[(size_t)(v + 1) * (size_t)(model->n_genres + 1) - 1];
    }
    for (int32_t f = 0; f < genres->n_rows; f++) {
        double sum = constant;
        for (int k = 0; k < REEL_N_CONTEXT_KINDS; k++) {
            sum += reel_context_model_part(model, context, (enum reel_context_kind)k,
                                           genres, f);
        }
        adds[f] = (float)sum;
    }
    return REEL_OK;
}

double reel_context_model_width(const struct reel_context_model *model,
                                enum reel_context_kind kind)
{
    return model->width[kind] > WIDTH_PRIOR ? model->width[kind] : 0;
}
