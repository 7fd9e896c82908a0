/**
 * Inside view of the taste model, for its parts and for tests.
 *
 *   place  = [ y (k) | dy (k) | quality | popularity | 1 | 1 | dquality | dpopularity | known ]
 *   viewer = [ what a place is multiplied with for `score` | the same for the logit of p_like ]
 */
#ifndef MODEL_TASTE_H
#define MODEL_TASTE_H

#include "model_blocks.h"
#include "model_calibrate.h"
#include "model_core.h"

#include <forkreel/taste.h>

/**
 * y, quality and popularity are where the map puts a film. What was learned of it beyond
 * that stands in the d...: known times (learned - mapped), known = n / (n + TASTE_TRUST), n
 * its events; all 0 for a text that nobody has seen.
 */
#define TASTE_TRUST 10.0F
enum taste_column { /* behind the 2 k factors */
                    TASTE_AT_QUALITY,
                    TASTE_AT_POPULARITY,
                    TASTE_AT_ONE,
                    TASTE_AT_LENIENCY,
                    TASTE_AT_MORE, /* dquality, dpopularity, known */
                    TASTE_N_MORE = 3,
                    TASTE_N_COLUMNS = TASTE_AT_MORE + TASTE_N_MORE,
};

/** What is known of films, (n_films) each. */
struct taste_films {
    const float *n_events, *n_rated;
    const float *excess;     /* mean of stars beyond the viewers' own */
    const float *popularity; /* log(1 + choices) */
};

/**
 * What is added up: x . y of choices, z . y of ratings, w . y of words written, and what does
 * not depend on taste.
 */
enum taste_term {
    TASTE_ONE,
    TASTE_LENIENCY, /* how far above the mean this viewer rates */
    TASTE_QUALITY,
    TASTE_POPULARITY,
    TASTE_CHOSEN,
    TASTE_RATED,
    TASTE_WROTE, /* w . y: what the viewer wrote, placed as a film of those words */
    TASTE_N_TERMS,
};

struct taste_numbers {
    float mean_stars;            /* 0: trained without stars */
    float pull;                  /* of z to zero */
    float score[TASTE_N_TERMS];  /* weights for choosing and liking */
    float more[TASTE_N_MORE];    /* and for what is known of a film beyond the map */
    float p_like[TASTE_N_TERMS]; /* weights for liking what is watched */
    struct model_curve stars;    /* over the logit of p_like */
};

/** A viewer's sides: the first two are solutions of linear equations with k unknowns. */
struct taste_side {
    float *x, *z;                  /* (k) from choices, from ratings */
    float *w;                      /* (k) from words; 0 where nothing was written */
    float *x_inverse;              /* (k, k) of the choices' equations */
    float *z_inverse;              /* (k, k) of the ratings' */
    float *chosen_sum, *rated_sum; /* (k) right hand sides */
    float leniency;                /* damped mean of stars beyond the mean */
    double stars_sum;              /* of stars beyond the mean */
    float *memory;
};
enum reel_status taste_side_init(struct taste_side *side, size_t k,
                                 struct reel_error *err) REEL_CHECKED;
void taste_side_release(struct taste_side *side);
/** Solve both. `rated` may be NULL. Uses films' vectors, Gram, mapped places, quality. */
enum reel_status taste_side_solve(const struct reel_model *model,
                                  const struct reel_query *chosen,
                                  const struct reel_query *rated, struct taste_side *side,
                                  struct reel_error *err) REEL_CHECKED;

/**
 * x . m (k) for a film the viewer chose with value v, as if they had not chosen it; exact.
 * desk (2 k) is written on.
 */
float taste_chosen_without(const struct reel_model *model, const struct taste_side *side,
                           int32_t film, float v, const float *m, float *desk);

/** Words count as if this many texts that say nothing had been written besides. */
#define TASTE_WORDS_DAMP 1.0F

/**
 * Where texts lie beside one of which nothing is known, (words->n, k), each to be freed with
 * base_free; by the linear part of the map. Errors: REEL_EINVAL columns; REEL_ENOMEM.
 */
enum reel_status taste_words_place(const struct reel_model *model,
                                   const struct reel_words *words, float **place,
                                   struct reel_error *err) REEL_CHECKED;
/**
 * Texts of one viewer: [begin, end) of `words`, placed; and how many films they chose, because
 * words say least of those whose choices are known.
 */
struct taste_wrote {
    const struct reel_words *words;
    const float *place; /* (words->n, k) */
    int32_t begin, end, n_chosen;
};
#define TASTE_WORDS_HISTORY 5.0F
/** w (k) without texts about `film` (-1: all); formula at the head of model_taste_stack.c. */
void taste_words_mean(const struct taste_wrote *wrote, size_t k, int32_t film, float *w);

/** Settings that the viewer's equations need. */
struct taste_params {
    double alpha, regularization;
};
struct taste_params taste_params_read(const double *setting);

/** Weight and right hand side of a choice of value v (confidence weighting, model_als.c). */
static inline float taste_choice_weight(const struct taste_params *p, float v)
{
    const float w = (float)p->alpha * v - 1;
    return w > 0 ? w : 0;
}
static inline float taste_choice_target(const struct taste_params *p, float v)
{
    return (float)p->alpha * v;
}

/**
 * Learn how the terms weigh, and the curve of stars (model_taste_stack.c): every number of a
 * viewer and film pair is computed as if that viewer had neither chosen nor rated the film.
 * `film` (n): the films whose mapped places are held out.
 */
enum reel_status taste_stack_train(struct reel_model *model,
                                   const struct reel_training *data,
                                   const struct taste_films *known, const int32_t *film,
                                   int32_t n, double dislike, uint64_t seed,
                                   struct reel_error *err) REEL_CHECKED;

static inline const struct taste_numbers *taste_numbers(const struct reel_model *model)
{
    return (const void *)model_floats(model, MODEL_TASTE_NUMBERS);
}

static inline int32_t taste_n_targets(const struct reel_model *model)
{
    return model->header->n_factors + 2;
}

#endif
