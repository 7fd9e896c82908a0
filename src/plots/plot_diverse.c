/** How alike branches are, and which to keep. */
#include "plot_diverse.h"

#include "base_alloc.h"
#include "base_dpp.h"
#include "base_error.h"

/** Same event: mostly alike, wholly so with the same roles. Else a role in common counts. */
static double step_alike(const struct plot_step *x, const struct plot_step *y)
{
    int32_t n_same = 0, n_filled = 0;
    for (int r = 0; r < PLOT_ROLES; r++) {
        n_filled += x->role[r] >= 0 || y->role[r] >= 0;
        n_same += x->role[r] >= 0 && x->role[r] == y->role[r];
    }
    const double roles = n_filled ? (double)n_same / n_filled : 1;
    return x->event == y->event ? .7 + .3 * roles : .3 * roles;
}

double plot_branch_alike(const struct plot_branch *x, const struct plot_branch *y)
{
    const double words = plot_words_alike(&x->words, &y->words);
    return x->step && y->step ? (step_alike(x->step, y->step) + words) / 2 : words;
}

struct choice {
    const struct plot_branch *branch;
    int32_t n;
};

static void alike_row(int32_t i, float *row, void *payload)
{
    const struct choice *choice = payload;
    for (int32_t j = 0; j < choice->n; j++) {
        row[j] =
            j == i ? 1 : (float)plot_branch_alike(&choice->branch[i], &choice->branch[j]);
    }
}

enum reel_status plot_branches_pick(const struct plot_branch *branch, int32_t n,
                                    double diversity, int32_t n_pick, int32_t *picked,
                                    int32_t *n_picked, struct reel_error *err)
{
    struct choice choice = {branch, n};
    double *relevance = base_alloc_array((size_t)n, sizeof *relevance);
    int32_t *group = base_alloc_array((size_t)n, sizeof *group);
    enum reel_status rc = REEL_OK;
    *n_picked = 0;
    if (!relevance || !group) {
        rc = fail(err, REEL_ENOMEM, "choosing among %d branches", n);
        goto done;
    }
    for (int32_t i = 0; i < n; i++) {
        relevance[i] = branch[i].relevance;
        group[i] = branch[i].group;
    }
    const struct base_dpp dpp = {.relevance = relevance,
                                 .group = group,
                                 .n = n,
                                 .diversity = diversity,
                                 .row = alike_row,
                                 .payload = &choice};
    rc = base_dpp_pick(&dpp, n_pick, picked, n_picked, err);
done:
    base_free(relevance);
    base_free(group);
    return rc;
}
