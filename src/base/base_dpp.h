/**
 * Some of many, good and unlike each other: greedy selection for a determinantal point
 * process. Who calls knows how alike two items are; here is only the order.
 *
 *     rc = base_dpp_pick(&(struct base_dpp){.relevance = r, .n = n, .diversity = .3,
 *                                           .row = row, .payload = films},
 *                        10, picked, &n_picked, &err);
 */
#ifndef BASE_DPP_H
#define BASE_DPP_H

#include <forkreel/status.h>

/** How alike item i and every item are: row (n) in [-1, 1], 1 with itself; fully written. */
typedef void base_dpp_row(int32_t i, float *row, void *payload);

struct base_dpp {
    const double *relevance; /* (n), about [0, 1] */
    const int32_t *group;    /* (n) at most one of a group is picked; NULL: all may be */
    int32_t n;
    double diversity; /* 0: by relevance, ties by index; 1: only difference counts */
    base_dpp_row *row;
    void *payload;
};

/**
 * Shapes:  picked (n_pick); `*n_picked` of them written, fewer when items or groups run out.
 * Errors:  REEL_ENOMEM.
 * Cost:    n_pick rows; O(n_pick^2 n) time, O(n_pick n) memory.
 * Source:  Chen, Zhang, Zhou 2018; see base_dpp.c.
 */
enum reel_status base_dpp_pick(const struct base_dpp *dpp, int32_t n_pick,
                               int32_t *picked, int32_t *n_picked,
                               struct reel_error *err) REEL_CHECKED;

/** What stands in the kernel for two different items that are so alike. */
double base_dpp_entry(double similarity);

#endif
