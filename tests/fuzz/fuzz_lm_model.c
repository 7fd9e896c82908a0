/** Any bytes as a GGUF file: told or refused, never more than that. */
#include "fuzz_file.h"

#include <forkreel/lm.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    const struct fuzz_file file = fuzz_file_open("", 0, data, n_bytes);
    struct reel_lm_info info;
    struct reel_error err;
    const enum reel_status rc = reel_lm_info_read(file.path, &info, &err);
    if (rc == REEL_OK ? !info.architecture[0] : rc != REEL_EFORMAT || !err.text[0]) {
        abort();
    }
    fuzz_file_close(&file);
    return 0;
}
