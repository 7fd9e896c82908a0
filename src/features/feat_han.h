/**
 * Chinese words as ICU's dictionary cuts them, only fast: the same trie, the same costs and the
 * same cheapest path, without ICU's wrapping of every character.
 */
#ifndef FEAT_HAN_H
#define FEAT_HAN_H

#include "feat_icu.h"

struct feat_han;
enum reel_status feat_han_create(struct feat_icu *icu, struct feat_han **out,
                                 struct reel_error *err) REEL_CHECKED;
void feat_han_free(struct feat_han *han);
/**
 * Cut a run of Han characters; as feat_icu_cut. Where ICU's dictionary has an unknown form, it is
 * feat_icu_cut that cuts.
 */
bool feat_han_cut(struct feat_han *han, const char *in, size_t n, const int32_t **cut,
                  int32_t *n_cuts) REEL_CHECKED;
/** Is the dictionary read here, not through ICU? */
bool feat_han_is_fast(const struct feat_han *han);

#endif
