/** Which words of one language mean which of another, learned from translated sentences. */
#ifndef FEAT_BRIDGE_H
#define FEAT_BRIDGE_H

#include "base_csr.h"
#include "feat_core.h"
#include "feat_words.h"

/**
 * For every word of the translations: words of the texts, and how likely each is meant.
 *
 * Shapes:  out (n_words, n_words), values in (0, 1]; a row without entries: no translation
 *          is known, or the word belongs to both languages. Free with base_csr_release.
 * Not used: pairs of which one side is empty or has more than 100 words.
 * Errors:  REEL_ENOMEM.
 * Source:  Brown, Della Pietra, Della Pietra, Mercer 1993, model 1.
 */
enum reel_status feat_bridge_learn(const struct reel_features *features,
                                   const struct reel_feature_text *pair, int32_t n,
                                   struct feat_words *words, struct base_csr *out,
                                   struct reel_error *err) REEL_CHECKED;

#endif
