/** Any bytes as a neural language model: refused, or walked without a step outside. */
#include "lm_nnlm_file.h"
#include "lm_nnlm_write.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

/** A large net says no more than a small one, and takes long. */
static bool is_small(const struct lm_nnlm_shape *s)
{
    return (int64_t)s->n_words * (s->n_hidden + s->n_embedding * (s->n_context + 1)) <
           1 << 20;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    struct lm_nnlm model;
    struct lm_nnlm_header header;
    const size_t room =
        (n_bytes + BASE_BLOCK_ALIGN) / BASE_BLOCK_ALIGN * BASE_BLOCK_ALIGN;
    unsigned char *copy = aligned_alloc(BASE_BLOCK_ALIGN, room);
    if (!copy) {
        return 0;
    }
    memcpy(copy, data, n_bytes);
    if (n_bytes >= sizeof header) { // a checksum would stop plain mutation
        memcpy(&header, copy, sizeof header);
        header.n_bytes = n_bytes;
        header.check = base_header_sum(&header, sizeof header,
                                       offsetof(struct lm_nnlm_header, check));
        memcpy(copy, &header, sizeof header);
    }
    if (lm_nnlm_view(&model, copy, n_bytes, NULL) == REEL_OK) {
        char text[256];
        size_t n;
        (void)lm_words_text(&model.words, lm_words_find(&model.words, "the", 3), &n);
        if (is_small(&model.shape)) {
            lm_nnlm_sample(&model, 1, 4, text, sizeof text);
        }
    }
    free(copy);
    return 0;
}
