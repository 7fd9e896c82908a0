/** Any bytes as an n-gram model: refused, or walked through and written as ARPA. */
#include "fuzz_file.h"

#include "lm_ngram.h"
#include "lm_ngram_arpa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static const struct reel_progress none;
    struct lm_ngram_header header = {0};
    struct lm_ngram model;
    if (n_bytes >= sizeof header) {
        memcpy(&header, data, sizeof header);
        header.n_bytes = n_bytes;
        header.check = base_header_sum(&header, sizeof header,
                                       offsetof(struct lm_ngram_header, check));
    }
    const struct fuzz_file file = fuzz_file_open(&header, sizeof header, data, n_bytes);
    if (lm_ngram_map(&model, file.path, NULL) == REEL_OK) {
        uint32_t at = lm_ngram_begin(&model);
        for (uint32_t w = 0; w < 64; w++) {
            (void)lm_ngram_step(&model, &at, w % (model.words.n_words + 1));
            at = w % 8 == 7 ? w * 37 : at;
        }
        (void)lm_words_find(&model.words, "film", 4);
        (void)lm_arpa_write(&model, "/dev/null", &none, NULL);
        lm_ngram_unmap(&model);
    }
    fuzz_file_close(&file);
    return 0;
}
