/** Inside view of BPR, for tests. */
#ifndef MODEL_BPR_H
#define MODEL_BPR_H

#include <stddef.h>

/**
 * One step of the equations at the head of model_bpr.c: viewer u chose film i, not film j.
 * Vectors of k floats; place `n_factors` holds the bias of a film, against a 1 in u.
 */
void bpr_step(float *u, float *vi, float *vj, size_t k, size_t n_factors, float rate,
              float l2);

#endif
