/**
 * Popularity: how often a film was chosen, all choices alike or the recent ones more.
 *
 *   score_i = sum over choices e of film i of 2^(-(now - at_e) / half_life)
 *
 * With half_life_days = 0, or without times, every choice counts 1. The plain baseline that
 * every other model must beat; it knows nothing of the viewer.
 */
#include "base_alloc.h"
#include "base_error.h"
#include "model_core.h"

#include <math.h>
#include <string.h>

static int64_t latest(const int64_t *at_s, int64_t n)
{
    int64_t last = 0;
    for (int64_t e = 0; e < n; e++) {
        last = at_s[e] > last ? at_s[e] : last;
    }
    return last;
}

static enum reel_status train(const struct model_class *class_,
                              const struct reel_training *data,
                              const struct reel_train_options *opt,
                              struct base_pool *pool, struct reel_model **out,
                              struct reel_error *err)
{
    (void)pool;
    const int64_t n_entries = data->chosen.start[data->chosen.n_rows];
    const struct model_section section[] = {
        {MODEL_FILM_VALUES, sizeof(float), (uint64_t)data->chosen.n_cols}};
    double *sum = base_alloc_zeroed((size_t)data->chosen.n_cols, sizeof *sum);
    if (!sum) {
        return fail(err, REEL_ENOMEM, "popularity of %d films", data->chosen.n_cols);
    }
    const double half_life_s =
        86400 * model_setting(class_, opt->setting, "half_life_days");
    const int64_t now_s =
        data->now_s || !data->at_s ? data->now_s : latest(data->at_s, n_entries);
    for (int64_t e = 0; e < n_entries; e++) {
        double weight = 1;
        if (half_life_s > 0 && data->at_s) {
            // Times from before the epoch or unknown count as very old.
            const double age_s = (double)now_s - (double)data->at_s[e];
            weight = exp2(-(age_s > 0 ? age_s : 0) / half_life_s);
        }
        sum[data->chosen.col[e]] += weight;
    }
    const enum reel_status rc = model_create(class_, data, opt, 0, section, 1, out, err);
    if (rc == REEL_OK) {
        float *value = model_floats(*out, MODEL_FILM_VALUES);
        for (int32_t i = 0; i < data->chosen.n_cols; i++) {
            value[i] = (float)sum[i];
        }
    }
    base_free(sum);
    return rc;
}

static enum reel_status check(const struct reel_model *model, struct reel_error *err)
{
    return model_check_section(model, MODEL_FILM_VALUES, sizeof(float),
                               (uint64_t)model->header->n_films, err);
}

static enum reel_status score(const struct reel_model *model,
                              const struct reel_query *query, float *out,
                              struct reel_error *err)
{
    (void)query, (void)err;
    memcpy(out, model_floats(model, MODEL_FILM_VALUES),
           (size_t)model->header->n_films * sizeof *out);
    return REEL_OK;
}

static enum reel_status explain(const struct reel_model *model,
                                const struct reel_query *query, int32_t film,
                                struct reel_part *part, float *rest,
                                struct reel_error *err)
{
    (void)err;
    for (int32_t i = 0; i < query->n; i++) {
        part[i] = (struct reel_part){.film = query->film[i]};
    }
    *rest = model_floats(model, MODEL_FILM_VALUES)[film];
    return REEL_OK;
}

static const struct reel_setting settings[] = {
    {"half_life_days", 0, 0, 36500, REEL_SCALE_LINEAR,
     "a choice this old counts half; 0: all count alike", NULL, true},
};

const struct model_class model_popularity = {
    .info = {"popularity", "how often a film was chosen, recent choices more if wished",
             settings, 1},
    .train = train,
    .check = check,
    .score = score,
    .explain = explain,
};
