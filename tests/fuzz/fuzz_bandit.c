/** Any bytes as a bandit out of the store: refused, or asked, taught and kept again. */
#include <forkreel/feedback.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

enum { N_ARMS = 3 };

static void ask(struct reel_bandit *bandit)
{
    struct reel_error err;
    int32_t order[N_ARMS];
    double propensity[N_ARMS];
    const size_t d = (size_t)reel_bandit_n_dims(bandit);
    float *x = calloc(N_ARMS * d, sizeof *x);
    for (size_t i = 0; x && i < N_ARMS * d; i++) {
        x[i] = (float)(i % 7) - 3;
    }
    if (x && reel_bandit_rank(bandit, x, NULL, N_ARMS, 1, order, propensity, &err) ==
                 REEL_OK) {
        int seen = 0;
        for (int a = 0; a < N_ARMS; a++) {
            if (order[a] < 0 || order[a] >= N_ARMS || !(propensity[a] >= 0)) {
                abort();
            }
            seen |= 1 << order[a];
        }
        if (seen != 7) {
            abort();
        }
    }
    if (x && reel_bandit_learn(bandit, x, 0.5, 1, NULL, &err) != REEL_OK) {
        abort();
    }
    free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    struct reel_error err;
    struct reel_bandit *bandit;
    if (reel_bandit_load(data, n_bytes, &bandit, &err) == REEL_OK) {
        unsigned char *bytes;
        size_t n_kept;
        ask(bandit);
        if (reel_bandit_save(bandit, &bytes, &n_kept, &err) == REEL_OK) {
            if (n_kept != n_bytes) {
                abort();
            }
            reel_bandit_bytes_free(bytes);
        }
        reel_bandit_free(bandit);
    }
    return 0;
}
