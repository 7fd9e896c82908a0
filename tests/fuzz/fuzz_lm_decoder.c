/** Any bytes as a model to be trained: passed over, or refused. */
#include "fuzz_file.h"
#include "lm_decoder.h"
#include "lm_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static const int32_t token[] = {1, 2, 3}, begin[] = {0, 0, 2}, wanted[] = {2, -1, 0};
    const struct lm_packed packed = {3, token, begin, wanted};
    struct reel_error err;
    struct lm_decoder *decoder;
    struct lm_pass *pass;
    double loss = 0, n = 0;
    lm_log_take_over();
    const struct fuzz_file file = fuzz_file_open(NULL, 0, data, n_bytes);
    const enum reel_status rc = lm_decoder_open(file.path, &decoder, &err);
    fuzz_file_close(&file);
    if (rc != REEL_OK) {
        return 0;
    }
    if (lm_pass_bytes(decoder, 3, false) < (size_t)1 << 26 &&
        lm_pass_create(decoder, 3, false, &pass, &err) == REEL_OK) {
        (void)lm_pass_loss(pass, NULL, &packed, NULL, NULL, &loss, &n);
        lm_pass_free(pass);
    }
    lm_decoder_free(decoder);
    return 0;
}
