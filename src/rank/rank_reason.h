/** Why a film stands in a list, in one sentence. */
#ifndef RANK_REASON_H
#define RANK_REASON_H

#include "base_buffer.h"

#include <forkreel/rank.h>

/** A score, its parts, and the words for them. */
struct rank_reason {
    const struct reel_film_table *films;
    const struct reel_part
        *part; /* (n_parts) rows of the table, largest amount first, none 0 */
    int32_t n_parts;
    float score, rest; /* score = rest + sum of the parts + said + situation + explored */
    double said;       /* what the viewer's own word adds */
    double situation, explored; /* what these add */
    int32_t n_named;            /* films of the history named at most */
    int32_t n_chosen;           /* viewers who chose the film; -1 unknown */
    int32_t n_viewers;
    bool is_by_text;  /* the model does not know the film: rank_reason_write_words */
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

/**
 * The sentence of a film that is judged by its words: those that speak for it, those against,
 * and all else, adding up to the score in thousandths. `why` (n) as rank_reason_fold gives it.
 */
enum reel_status rank_reason_write_words(const struct rank_reason *reason,
                                         const struct reel_reason *why, int32_t n,
                                         struct base_buffer *out,
                                         struct reel_error *err) REEL_CHECKED;

/** What of a score does not come from the history. */
struct rank_reason_rest {
    enum reel_reason_kind kind;       /* of `rest`, where there are no */
    const struct reel_reason *reason; /* (n_reasons) */
    int32_t n_reasons;
    const struct reel_adjustment *adjustment;
    int32_t n_adjustments;
    double unit; /* of the adjustments */
    int32_t film;
};

/** Room that rank_reason_fold may need. */
int32_t rank_reason_n_max(const struct rank_reason *reason,
                          const struct rank_reason_rest *rest);
/**
 * The parts of a score as they are shown; `out` has room for rank_reason_n_max.
 * Returns: how many were written. They add up to reason->score.
 */
int32_t rank_reason_fold(const struct rank_reason *reason,
                         const struct rank_reason_rest *rest, struct reel_reason *out);

/**
 * Is this name of a film (column `col` of its people or keywords) there twice, and written in
 * the other language? The catalogue names everybody in English and in Chinese.
 */
bool rank_name_is_double(const struct reel_csr *rows, const char *const *name,
                         int32_t film, int32_t col, const char *lang);

#endif
