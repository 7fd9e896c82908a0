/**
 * Branches that differ: how alike two of them are, in what happens and in how it is told,
 * and which of many to keep (base_dpp.h).
 */
#ifndef PLOT_DIVERSE_H
#define PLOT_DIVERSE_H

#include "plot_plan.h"
#include "plot_words.h"

/** One of the things to choose from. */
struct plot_branch {
    const struct plot_step *step; /* NULL free text */
    struct plot_words words;      /* of its text */
    double relevance;             /* 0 .. 1 */
    int32_t group;                /* at most one of a group is kept */
};

/** 0 nothing in common .. 1 the same; half by event and roles, half by words. */
double plot_branch_alike(const struct plot_branch *x, const struct plot_branch *y);

/** At most n_pick of n, in the order they were picked. */
enum reel_status plot_branches_pick(const struct plot_branch *branch, int32_t n,
                                    double diversity, int32_t n_pick, int32_t *picked,
                                    int32_t *n_picked,
                                    struct reel_error *err) REEL_CHECKED;

#endif
