/** Which films may stand in a list. */
#ifndef RANK_FILTER_H
#define RANK_FILTER_H

#include <forkreel/rank.h>

/**
 * Clear allowed[film] of every film that the filter leaves out; others stay as they are.
 *
 * A film of which the asked thing is not known (year, runtime, age, language) is left out.
 * Names are compared without regard to the case of ASCII letters.
 *
 * Shapes:  allowed (films->n_films).
 * Errors:  REEL_ENOTFOUND names a genre, language or person asked for that no film has;
 *          REEL_ENOMEM.
 */
enum reel_status rank_filter_apply(const struct reel_filter *filter,
                                   const struct reel_film_table *films, uint8_t *allowed,
                                   struct reel_error *err) REEL_CHECKED;

/** Row of a store key; -1 when the table does not have it. */
int32_t rank_film_find(const struct reel_film_table *films, int64_t key);

#endif
