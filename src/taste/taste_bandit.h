/** The inside of a bandit, for learning (taste_bandit.c) and keeping (taste_bandit_file.c). */
#ifndef TASTE_BANDIT_H
#define TASTE_BANDIT_H

#include <forkreel/feedback.h>

#define TASTE_BANDIT_N_KEPT 32

/** Page and Hinkley's sums. */
struct taste_drift {
    int64_t n, n_since_lowest;
    double mean, sum, lowest;
};

struct reel_bandit {
    struct reel_bandit_options opt;
    int32_t n_dims;
    int64_t n_learned; /* in A and b */
    int64_t n_seen;    /* ever */
    struct taste_drift test;
    double *inverse; /* (n_dims, n_dims) A^-1; begins the one block of the next three */
    double *b;       /* (n_dims) */
    double *theta;   /* (n_dims) A^-1 b */
    double *scratch; /* (n_dims) */
    float *kept;     /* (N_KEPT, n_dims) the last arms, a ring by n_seen */
    float kept_surplus[TASTE_BANDIT_N_KEPT]; /* reward - prior of each */
};

enum reel_status taste_bandit_check_options(const struct reel_bandit_options *opt,
                                            struct reel_error *err) REEL_CHECKED;
/** theta from A^-1 and b. */
void taste_bandit_solve(struct reel_bandit *bandit);

#endif
