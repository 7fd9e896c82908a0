/**
 * What counts as liked. Stars decide where there are any; else a like that no dislike
 * takes back. Everything else (a watch, a wish, a tag) was seen or noted, not liked.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"

#include <forkreel/rank.h>

#include <math.h>

struct chosen_owned {
    struct base_csr chosen;
    int64_t *at_s;
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

void reel_chosen_release(struct reel_chosen *chosen)
{
    chosen_owned_free(chosen->owned);
    *chosen = (struct reel_chosen){0};
}
