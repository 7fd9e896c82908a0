/**
 * ARPA files of n-gram models.
 *
 * The text is that of SRILM and KenLM: "\data\", "ngram N=COUNT" for each N, then for each N
 * "\N-grams:" and lines "log10-P TAB w_1 ... w_N [TAB log10-backoff]", then "\end\".
 */
#ifndef LM_NGRAM_ARPA_H
#define LM_NGRAM_ARPA_H

#include "lm_ngram.h"
#include "lm_ngram_levels.h"

/** Does the file begin as one? False when it cannot be read. */
bool lm_is_arpa(const char *path);

/**
 * The model as levels that are linked, with value and backoff as log10. Grams whose last words or
 * context are missing, as in pruned models, get them: with the probability that backing off
 * gives. <unk> is added with log10 P -100 where it is missing, <s> and </s> likewise.
 *
 * Errors: REEL_EFORMAT with file and line; REEL_EIO; REEL_ENOMEM; REEL_ECANCELLED. `levels` is
 *         the caller's to release in any case; `words` is filled and borrowed by it.
 */
enum reel_status lm_arpa_read(const char *path, struct lm_words *words,
                              struct lm_scratch *scratch,
                              const struct reel_progress *progress,
                              struct lm_levels *levels,
                              struct reel_error *err) REEL_CHECKED;

/** Errors: REEL_EIO; REEL_ECANCELLED; REEL_ENOMEM. The file is whole or not there. */
enum reel_status lm_arpa_write(const struct lm_ngram *model, const char *path,
                               const struct reel_progress *progress,
                               struct reel_error *err) REEL_CHECKED;

#endif
