/** Any text as an ARPA file: refused with its line, or made a model. */
#include "fuzz_file.h"

#include <forkreel/lm_train.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    struct reel_error err;
    const struct fuzz_file file = fuzz_file_open(data, 0, data, n_bytes);
    const enum reel_status rc = reel_lm_ngram_convert(file.path, "/dev/null", NULL, &err);
    if (rc != REEL_OK && !err.text[0]) {
        abort();
    }
    fuzz_file_close(&file);
    return 0;
}
