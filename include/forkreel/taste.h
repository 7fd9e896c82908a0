/**
 * @file taste.h
 * P(R given U, S): how much one viewer would like a text that nobody has rated.
 *
 * Model "taste" (model.h) learns a map from features of a film to the factors that the
 * recommender learned for it. A text, a new film or a branch, is placed in that space by the
 * map and scored by products with the viewer's numbers. Two questions, two answers: `p_like`,
 * will they like it once they watch it (calibrated on held-out ratings, with expected stars),
 * and `score`, will they choose it and like it, which is what lists are ordered by.
 *
 *     const int32_t n_place = reel_taste_n_place(model);
 *     float *place = malloc(n * n_place * sizeof *place), viewer[...n_viewer...];
 *     rc = reel_taste_place(model, rows.block, rows.n_blocks, n, place, &err);
 *     rc = reel_taste_viewer(model, &chosen, &rated, viewer, &err);
 *     rc = reel_taste_score(model, viewer, place, n, opinion, &err);
 */
#ifndef FORKREEL_TASTE_H
#define FORKREEL_TASTE_H

#include <forkreel/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Numbers of a place: where the map puts it, what was learned beyond that (0 for a text that
 * nobody has seen), what everybody thinks of it.
 */
int32_t reel_taste_n_place(const struct reel_model *taste);
/** Numbers of a viewer: what a place is multiplied with for either answer. */
int32_t reel_taste_n_viewer(const struct reel_model *taste);

/**
 * Map texts into the space of the films.
 * Shapes: block: n rows each, matched by name with those of training; a block that is not
 *         there counts as unknown. place (n, n_place), fully written.
 * Errors: REEL_EINVAL not a taste model, columns that do not fit; REEL_ENOMEM.
 */
enum reel_status reel_taste_place(const struct reel_model *taste,
                                  const struct reel_feature_block *block,
                                  int32_t n_blocks, int32_t n, float *place,
                                  struct reel_error *err) REEL_CHECKED;
/**
 * Places of the films of training, (n_films, n_place): mapped, and moved towards what was
 * learned as choices accumulate.
 */
const float *reel_taste_film_places(const struct reel_model *taste);

/**
 * The viewer's side, (n_viewer): solved from what they chose (films they liked) and rated
 * (value: stars; may be NULL).
 * Errors: REEL_EINVAL not a taste model, a malformed query; REEL_ENOMEM.
 */
enum reel_status reel_taste_viewer(const struct reel_model *taste,
                                   const struct reel_query *chosen,
                                   const struct reel_query *rated, float *viewer,
                                   struct reel_error *err) REEL_CHECKED;

/** One text for one viewer; parts add up to the logit of p_like. */
struct reel_opinion {
    float score;  /* log odds of choosing and liking it */
    float p_like; /* once they watch it; calibrated */
    float stars;  /* expected, 0.5 .. 5; NAN when the model was trained without stars */
    float part_everybody, part_viewer, part_match; /* crowd; viewer's leniency; taste */
};
/** Which of the two answers. */
enum reel_taste_answer { REEL_TASTE_SCORE, REEL_TASTE_LIKE };

/** Room that reel_taste_explain needs for row `row` of the blocks. */
int64_t reel_taste_n_parts(const struct reel_feature_block *block, int32_t n_blocks,
                           int32_t row);
/**
 * What matches: the part of an answer (part_match of p_like's logit, or its like of `score`)
 * that comes from the map and the viewer, number by number of the text's row. The map is
 * linear, so match = rest + sum of value * slope, up to rounding; `rest` is what a text
 * without any features would get.
 *
 * Errors: REEL_EINVAL not a taste model, a row or columns that do not fit; REEL_ENOMEM.
 */
enum reel_status reel_taste_explain(const struct reel_model *taste, const float *viewer,
                                    enum reel_taste_answer answer,
                                    const struct reel_feature_block *block,
                                    int32_t n_blocks, int32_t row,
                                    struct reel_feature_part *part, int64_t *n_parts,
                                    float *rest, struct reel_error *err) REEL_CHECKED;
/** Shapes: place (n, n_place), out (n). Cost: n * n_place; 1,000 texts under 1 ms. */
enum reel_status reel_taste_score(const struct reel_model *taste, const float *viewer,
                                  const float *place, int32_t n, struct reel_opinion *out,
                                  struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
