/** A trained model as a source of scores. */
#include "rank_source.h"

#include <string.h>

static enum reel_status model_score(const void *self, const struct reel_query *query,
                                    float *score, struct reel_error *err)
{
    return reel_model_score(self, query, score, err);
}

static enum reel_status model_explain(const void *self, const struct reel_query *query,
                                      int32_t film, struct reel_part *part, int32_t *n,
                                      float *score, float *rest, struct reel_error *err)
{
    return reel_model_explain(self, query, film, part, n, score, rest, err);
}

/** Popularity without a half-life counts viewers. */
static bool counts_viewers(const struct reel_model *model)
{
    struct reel_train_options opt = reel_train_options_default();
    return strcmp(reel_model_name(model), "popularity") == 0 &&
           reel_settings_parse("popularity", reel_model_settings(model), &opt, NULL) ==
               REEL_OK &&
           !(opt.setting[0] > 0);
}

/** Popularity is nothing else; the bias of bpr is what everybody likes. */
static enum reel_reason_kind rest_kind(const struct reel_model *model)
{
    const char *name = reel_model_name(model);
    return strcmp(name, "popularity") == 0 || strcmp(name, "bpr") == 0
               ? REEL_REASON_POPULARITY
               : REEL_REASON_OTHER;
}

struct rank_source rank_source_from_model(const struct reel_model *model)
{
    struct rank_source source = {
        .self = model,
        .n_films = reel_model_n_films(model),
        .n_viewers = reel_model_n_viewers(model),
        .rest_kind = rest_kind(model),
        .is_count = counts_viewers(model),
        .film_key = reel_model_film_keys(model),
        .score = model_score,
        .explain = model_explain,
    };
    source.vector = reel_model_film_vectors(model, &source.n_factors);
    return source;
}
