/**
 * What counts as liked. Stars decide where there are any; else a like that no dislike
 * takes back. Everything else (a watch, a wish, a tag) was seen or noted, not liked.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"

#include <forkreel/rank.h>

#include <math.h>

#define WEIGHT_REPLAY 1.5F
#define WEIGHT_PLAYED 1.2F
#define WEIGHT_SKIPPED 0.5F
#define SHARE_WHOLE 0.9F /* credits need not be watched */
#define SHARE_LEAST 0.3F
#define WEIGHT_MIN 0.1F
#define WEIGHT_MAX 2.0F

struct chosen_owned {
    struct base_csr chosen;
    int64_t *at_s;
    float *weight;
};

static bool is_chosen(const struct reel_csr *seen, const uint8_t *mark, double min_stars,
                      int64_t e)
{
    if (seen->value && !isnan(seen->value[e])) {
        return seen->value[e] >= min_stars;
    }
    const unsigned bits = mark ? mark[e] : 0;
    return (bits & (1u << REEL_EVENT_LIKE)) && !(bits & (1u << REEL_EVENT_DISLIKE));
}

static void chosen_owned_free(struct chosen_owned *owned)
{
    if (owned) {
        base_csr_release(&owned->chosen);
        base_free(owned->at_s);
        base_free(owned->weight);
        base_free(owned);
    }
}

static void chosen_copy(const struct reel_csr *seen, const int64_t *at_s,
                        const uint8_t *mark, double min_stars, struct chosen_owned *owned)
{
    int64_t n = 0;
    for (int32_t r = 0; r < seen->n_rows; r++) {
        owned->chosen.start[r] = n;
        for (int64_t e = seen->start[r]; e < seen->start[r + 1]; e++) {
            if (is_chosen(seen, mark, min_stars, e)) {
                owned->chosen.col[n] = seen->col[e];
                if (at_s) {
                    owned->at_s[n] = at_s[e];
                }
                n++;
            }
        }
    }
    owned->chosen.start[seen->n_rows] = n;
}

enum reel_status reel_chosen_make(const struct reel_csr *seen, const int64_t *at_s,
                                  const uint8_t *mark, double min_stars,
                                  struct reel_chosen *out, struct reel_error *err)
{
    *out = (struct reel_chosen){0};
    enum reel_status rc = base_csr_check(seen, err);
    if (rc) {
        return rc;
    }
    int64_t n = 0;
    for (int64_t e = 0; e < seen->start[seen->n_rows]; e++) {
        n += is_chosen(seen, mark, min_stars, e);
    }
    struct chosen_owned *owned = base_alloc_zeroed(1, sizeof *owned);
    if (!owned) {
        return fail(err, REEL_ENOMEM, "out of memory for what was chosen");
    }
    rc = base_csr_init(&owned->chosen, seen->n_rows, seen->n_cols, n, false, err);
    if (rc) {
        goto done;
    }
    if (at_s && !(owned->at_s = base_alloc_array((size_t)n, sizeof *owned->at_s))) {
        rc = fail(err, REEL_ENOMEM, "out of memory for %lld chosen films", (long long)n);
        goto done;
    }
    chosen_copy(seen, at_s, mark, min_stars, owned);
    *out = (struct reel_chosen){
        .chosen = owned->chosen.csr, .at_s = owned->at_s, .owned = owned};
    owned = NULL; // ownership moves to the caller
done:
    chosen_owned_free(owned);
    return rc;
}

static float weight_of(float stars, unsigned kinds, float share)
{
    float weight = 1;
    weight *= kinds & 1u << REEL_EVENT_REPLAY ? WEIGHT_REPLAY : 1;
    weight *= kinds & 1u << REEL_EVENT_CHOOSE ? WEIGHT_PLAYED : 1;
    weight *= kinds & 1u << REEL_EVENT_SKIP ? WEIGHT_SKIPPED : 1;
    if (isnan(stars) && share < SHARE_WHOLE) { // false where it is not known
        weight *= fmaxf(share, SHARE_LEAST);
    }
    return fminf(fmaxf(weight, WEIGHT_MIN), WEIGHT_MAX);
}

enum reel_status reel_chosen_weigh(const struct reel_csr *seen, const uint16_t *kinds,
                                   const float *share, struct reel_chosen *chosen,
                                   struct reel_error *err)
{
    struct chosen_owned *owned = chosen->owned;
    const struct reel_csr *rows = &chosen->chosen;
    float *weight = base_alloc_array((size_t)rows->start[rows->n_rows], sizeof *weight);
    bool is_any = false;
    if (!weight) {
        return fail(err, REEL_ENOMEM, "weights of what was chosen");
    }
    for (int32_t r = 0; r < rows->n_rows; r++) {
        int64_t from = seen->start[r]; // both ascend
        for (int64_t e = rows->start[r]; e < rows->start[r + 1]; e++) {
            while (from < seen->start[r + 1] && seen->col[from] < rows->col[e]) {
                from++;
            }
            if (from == seen->start[r + 1] || seen->col[from] != rows->col[e]) {
                base_free(weight);
                return fail(err, REEL_EINVAL, "row %d chose %d, which was not seen", r,
                            rows->col[e]);
            }
            weight[e] = weight_of(seen->value ? seen->value[from] : NAN, kinds[from],
                                  share[from]);
            is_any |= weight[e] < 1 || weight[e] > 1;
        }
    }
    base_free(owned->weight);
    owned->weight = is_any ? weight : NULL;
    chosen->chosen.value = owned->weight;
    if (!is_any) {
        base_free(weight);
    }
    return REEL_OK;
}

void reel_chosen_release(struct reel_chosen *chosen)
{
    chosen_owned_free(chosen->owned);
    *chosen = (struct reel_chosen){0};
}
