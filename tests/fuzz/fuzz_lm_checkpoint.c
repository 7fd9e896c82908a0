/** Any bytes as a checkpoint, its checksum put right: its parts lie inside it, or it is refused. */
#include "fuzz_file.h"

#include "lm_checkpoint.h"
#include "lm_pretrain_core.h"

#include <sodium.h>

enum { SUM_BYTES = 32 };

static void read_parts(const struct lm_checkpoint *checkpoint)
{
    static const char *const name[] = {"net.state",  "net.value", "pretrain.settings",
                                       "bpe.merges", "a",         ""};
    struct base_net_state state;
    volatile unsigned char sum = 0;
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        size_t n_bytes = 0;
        const unsigned char *part = lm_checkpoint_get(checkpoint, name[i], &n_bytes);
        for (size_t at = 0; part && at < n_bytes; at++) {
            sum = (unsigned char)(sum ^ part[at]);
        }
        if (part && strcmp(name[i], "bpe.merges") == 0) {
            struct lm_bpe *bpe = NULL;
            if (lm_bpe_from_merges((const void *)part, (int32_t)(n_bytes / 8), &bpe,
                                   NULL) == REEL_OK) {
                lm_bpe_free(bpe);
            }
        }
    }
    if (lm_checkpoint_net_state(checkpoint, 16, &state, NULL) == REEL_OK) {
        for (int i = 0; i < 16; i++) {
            sum = (unsigned char)(sum ^ (state.value[i] > state.moment[0][i]));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    uint8_t *copy = malloc(n_bytes + 1);
    if (!copy || sodium_init() < 0) {
        abort();
    }
    memcpy(copy, data, n_bytes);
    if (n_bytes >= SUM_BYTES) {
        (void)crypto_generichash(copy + n_bytes - SUM_BYTES, SUM_BYTES, copy,
                                 n_bytes - SUM_BYTES, NULL, 0);
    }
    const struct fuzz_file file = fuzz_file_open("", 0, copy, n_bytes);
    struct lm_checkpoint *checkpoint;
    struct reel_error err;
    const enum reel_status rc = lm_checkpoint_open(file.path, &checkpoint, &err);
    if (rc == REEL_OK) {
        read_parts(checkpoint);
        lm_checkpoint_close(checkpoint);
    } else if ((rc != REEL_EFORMAT && rc != REEL_EVERSION) || !err.text[0]) {
        abort();
    }
    fuzz_file_close(&file);
    free(copy);
    return 0;
}
