/** The best few of many scores. */
#ifndef RANK_SELECT_H
#define RANK_SELECT_H

#include <stdint.h>

/**
 * Best first, equal scores by index; scores that are not finite are never selected.
 *
 * Shapes:  score (n); allowed (n), 0 leaves one out, or NULL; index (n_top).
 * Returns: how many were selected, at most n_top; the rest of `index` is not written.
 * Cost:    O(n + n_top log n_top log n) on scores in random order, no allocation.
 */
int32_t rank_select(const float *score, const uint8_t *allowed, int32_t n, int32_t n_top,
                    int32_t *index);

/** The same by n_top passes over all scores. */
int32_t rank_select_naive(const float *score, const uint8_t *allowed, int32_t n,
                          int32_t n_top, int32_t *index);

#endif
