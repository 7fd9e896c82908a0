/**
 * Any bytes as the event file of a training: nothing, or curves that can all be read. Checksums of
 * records are put right first, or plain mutation would stop at them.
 */
#include "lm_events.h"
#include "lm_runs_log.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

enum { HEAD = 12, TAIL = 4 };

static void put_sum(unsigned char *at, const void *data, size_t n_bytes)
{
    const uint32_t crc = lm_crc32c(data, n_bytes);
    const uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
    for (int i = 0; i < TAIL; i++) {
        at[i] = (unsigned char)(masked >> (8 * i));
    }
}

/** Of as many records as there are; a length has two bytes, so that one follows another. */
static void mend(unsigned char *at, size_t n_bytes)
{
    while (n_bytes >= HEAD + TAIL) {
        memset(at + 2, 0, 6);
        const size_t n = at[0] | (size_t)at[1] << 8;
        put_sum(at + 8, at, 8);
        if (n > n_bytes - HEAD - TAIL) {
            return;
        }
        put_sum(at + HEAD + n, at + HEAD, n);
        at += HEAD + n + TAIL;
        n_bytes -= HEAD + n + TAIL;
    }
}

static void read_all(const unsigned char *data, size_t n_bytes)
{
    struct reel_lm_run_log log = {0};
    const enum reel_status rc = lm_runs_log_read(data, n_bytes, &log, NULL);
    double sum = 0;
    for (int32_t i = 0; rc == REEL_OK && i < log.n_curves; i++) {
        for (int64_t k = 0; k < log.curve[i].n; k++) {
            sum += log.curve[i].value[k] + log.curve[i].step[k];
            if (k > 0 && log.curve[i].step[k] < log.curve[i].step[k - 1]) {
                abort();
            }
        }
        if (!reel_lm_run_curve(&log, log.curve[i].tag)) {
            abort();
        }
    }
    for (int32_t i = 0; rc == REEL_OK && i < log.n_texts; i++) {
        sum += (double)(strlen(log.text[i].text) + strlen(log.text[i].tag));
    }
    (void)sum;
    reel_lm_run_log_release(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    read_all(data, n_bytes);
    unsigned char *copy = malloc(n_bytes + 1);
    if (copy) {
        memcpy(copy, data, n_bytes);
        mend(copy, n_bytes);
        read_all(copy, n_bytes);
        free(copy);
    }
    return 0;
}
