/** Why a film stands in a list, in one sentence. */
#ifndef RANK_REASON_H
#define RANK_REASON_H

#include "base_buffer.h"

#include <forkreel/rank.h>

struct rank_reason {
    const struct reel_film_table *films;
    const struct reel_part
        *part; /* (n_parts) rows of the table, largest amount first, none 0 */
    int32_t n_parts;
    float score, rest; /* score = rest + sum of the parts */
    int32_t n_named;   /* films of the history named at most */
    int32_t n_chosen;  /* viewers who chose the film; -1 unknown */
    int32_t n_viewers;
    const char *lang; /* "zh..." or anything else for English */
};

/**
 * Append the sentence. Its numbers are whole and add up: to 100 % where parts are shares of
 * a score that outweighs what speaks against it, else to the score in thousandths.
 * Errors: REEL_ENOMEM.
 */
enum reel_status rank_reason_write(const struct rank_reason *reason,
                                   struct base_buffer *out,
                                   struct reel_error *err) REEL_CHECKED;

#endif
