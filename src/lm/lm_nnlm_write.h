/** A line that a neural language model writes, for looking at while it is trained. */
#ifndef LM_NNLM_WRITE_H
#define LM_NNLM_WRITE_H

#include "lm_nnlm_file.h"

/**
 * Draw words as they come (never <unk>), to the end of a line or n_words of them, as prose
 * into `text`. "" when there is no memory or no number that is finite.
 */
void lm_nnlm_sample(const struct lm_nnlm *model, uint64_t seed, int32_t n_words,
                    char *text, size_t n_text_bytes);

#endif
