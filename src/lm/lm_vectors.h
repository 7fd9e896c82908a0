/** The file in which vectors of texts are kept (lm_vectors.c), as bytes from outside. */
#ifndef LM_VECTORS_H
#define LM_VECTORS_H

#include <forkreel/lm.h>

#include <stddef.h>

/** Points into the bytes it was made from. */
struct lm_vectors_view {
    const void *key; /* (n_rows) of 16 bytes, rising */
    const char *row; /* (n_rows, n_dims) float32, wherever they lie */
    const char *model;
    int32_t n_rows, n_dims;
};
/** False, and an empty view, unless all of it fits together. `data` on 8 bytes or NULL. */
bool lm_vectors_view(const void *data, size_t n_bytes, struct lm_vectors_view *view);
/** Copy row `i`; false when its length is neither 1 nor 0. */
bool lm_vectors_row(const struct lm_vectors_view *view, int32_t i, float *row);

#endif
