/** Any bytes as a file of kept vectors: nothing, or rows that can all be read. */
#include "lm_vectors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    struct lm_vectors_view view;
    if (!lm_vectors_view(data, n_bytes, &view)) {
        if (view.n_rows != 0 || view.key) {
            abort();
        }
        return 0;
    }
    float *row = malloc((size_t)view.n_dims * sizeof *row);
    for (int32_t i = 0; row && i < view.n_rows; i++) {
        (void)lm_vectors_row(&view, i, row);
    }
    if (strlen(view.model) > 127 || view.n_dims < 1) {
        abort();
    }
    free(row);
    return 0;
}
