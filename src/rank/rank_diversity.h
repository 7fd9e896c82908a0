/**
 * From candidates in the order of their scores to a list whose films differ.
 *
 *     rc = rank_similarity_create(source, films, row, column, n, &similarity, &err);
 *     rc = rank_diversify(REEL_DIVERSITY_MMR, relevance, n, similarity, 0.3, 10,
 *                         picked, &err);
 */
#ifndef RANK_DIVERSITY_H
#define RANK_DIVERSITY_H

#include "rank_source.h"

#include <forkreel/rank.h>

/** How alike candidates are: a cosine in [-1, 1], 1 with itself. One thread per object. */
struct rank_similarity;

/**
 * From the model's film vectors where it has any; else from what the table knows: the unit
 * indicator vectors of genres, keywords and people side by side with the weights 1/2, 1/4,
 * 1/4. A film of which nothing is known is like no other.
 *
 * Shapes:  film, column (n): row of the table and of the source; column -1: not known there.
 */
enum reel_status rank_similarity_create(const struct rank_source *source,
                                        const struct reel_film_table *films,
                                        const int32_t *film, const int32_t *column,
                                        int32_t n, struct rank_similarity **out,
                                        struct reel_error *err) REEL_CHECKED;
void rank_similarity_free(struct rank_similarity *similarity);

/** Shapes: row (n), fully written. Cost: O(n * factors), or the entries of all candidates. */
void rank_similarity_row(struct rank_similarity *similarity, int32_t i, float *row);
/** One number by the formula. */
double rank_similarity_naive(const struct rank_similarity *similarity, int32_t i,
                             int32_t j);

/**
 * Pick n_pick of n candidates, in order. `diversity` 0 keeps the order by relevance (ties by
 * index), 1 asks only for difference and begins with the first candidate.
 *
 * MMR picks the largest (1 - d) relevance_i - d max over picked j of s_ij.
 * DPP picks the largest (1 - d) relevance_i + d log(what i adds to the determinant).
 *
 * Shapes:  relevance (n) in [0, 1]; picked (n_pick), min(n, n_pick) written.
 * Cost:    n_pick rows of similarity; DPP O(n_pick^2 n) time and O(n_pick n) memory.
 */
enum reel_status rank_diversify(enum reel_diversity_method method,
                                const double *relevance, int32_t n,
                                struct rank_similarity *similarity, double diversity,
                                int32_t n_pick, int32_t *picked,
                                struct reel_error *err) REEL_CHECKED;
/** The same with every maximum and determinant computed anew. */
enum reel_status rank_diversify_naive(enum reel_diversity_method method,
                                      const double *relevance, int32_t n,
                                      struct rank_similarity *similarity,
                                      double diversity, int32_t n_pick, int32_t *picked,
                                      struct reel_error *err) REEL_CHECKED;

#endif
