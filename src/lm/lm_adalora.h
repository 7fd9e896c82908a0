/**
 * AdaLoRA: which singular values of low-rank additions are worth keeping.
 *
 * Zhang et al. 2023 (arXiv 2303.10512). An addition is P diag(value) Q. How much the loss leans
 * on a number w is |w dL/dw|, smoothed over steps (eq. 9), times how much that varies (eq. 10);
 * of a triplet it is that of its value plus the means over its column of P and its row of Q
 * (eq. 8). From `n_first` steps on the number of values that are kept falls by a cubic (eq. 12)
 * from all to the budget; `n_last` steps before the end it stands.
 *
 * Departures: the penalty for P'P and QQ' that are not 1 is the mean over matrices, so that it
 * does not grow with the model; P and Q begin with rows of about length 1.
 */
#ifndef LM_ADALORA_H
#define LM_ADALORA_H

#include "lm_adapter.h"

enum { LM_ADALORA_BANKS = 2 };

struct lm_adalora {
    const struct lm_decoder *decoder;
    const struct base_net *net;
    int32_t n_matrices, rank, n_budget; /* rank to begin with; values kept at the end */
    int32_t n_first, n_last;
    double orthogonality;
    float *bank[LM_ADALORA_BANKS]; /* smoothed sensitivity, and how it varies */
    float *scratch;                /* (rank, longest side), then (rank, rank) */
    double *score;                 /* (n_matrices * rank), twice */
};

/** Errors: REEL_ENOMEM. */
enum reel_status lm_adalora_init(struct lm_adalora *a, const struct lm_decoder *decoder,
                                 const struct lm_adapter *adapter, int32_t rank_end,
                                 int32_t n_steps, double orthogonality,
                                 struct reel_error *err) REEL_CHECKED;
void lm_adalora_release(struct lm_adalora *a);
/** Add the penalty's gradient, and look at how the loss leans on each number. */
void lm_adalora_look(struct lm_adalora *a, float *gradient);
/** After step i of n: values beyond the budget become 0. */
void lm_adalora_prune(struct lm_adalora *a, struct base_net *net, int32_t i_step,
                      int32_t n_steps);
/** Values to be kept after step i of n. */
int32_t lm_adalora_budget(const struct lm_adalora *a, int32_t i_step, int32_t n_steps);

#endif
