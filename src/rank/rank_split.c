/**
 * Splits for measuring: which entry of what viewers chose is for training, which for
 * choosing settings, which for the final figure.
 *
 * Random: of a viewer's n chosen films max(1, n / 10 rounded) go to the test, as many to
 * validation, the rest to training; viewers with fewer than three stay in training.
 * The order is a shuffle by the viewer's own stream, so one viewer's part does not depend
 * on who else is there.
 *
 * Temporal: the last film is the test, the one before it validation. A viewer with fewer
 * than three, or whose last two carry the same time or an unknown one (their order is then
 * not known), stays in training altogether.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_rng.h"

#include <forkreel/rank.h>

#include <string.h>

#define N_FILMS_MIN 3 /* one for each part */

/** KNOWN is what TRAIN and VALIDATION hold together. */
enum part { PART_TRAIN, PART_VALIDATION, PART_TEST, PART_KNOWN, N_PARTS };

struct split_owned {
    struct base_csr part[N_PARTS];
    int64_t *train_at_s, *known_at_s;
};

static void split_owned_free(struct split_owned *owned)
{
    if (owned) {
        for (int p = 0; p < N_PARTS; p++) {
            base_csr_release(&owned->part[p]);
        }
        base_free(owned->train_at_s);
        base_free(owned->known_at_s);
        base_free(owned);
    }
}

/** Mark the entries of one viewer; `order` has room for them. */
static void deal_random(int32_t viewer, int32_t n, uint64_t seed, int32_t *order,
                        uint8_t *part)
{
    struct base_rng rng;
    base_rng_init(&rng, seed, (uint64_t)viewer);
    for (int32_t i = 0; i < n; i++) {
        order[i] = i;
    }
    base_rng_shuffle(&rng, order, n);
    const int32_t n_test = n >= 5 ? (n + 5) / 10 : 1;
    for (int32_t i = 0; i < n_test; i++) {
        part[order[i]] = PART_TEST;
        part[order[n_test + i]] = PART_VALIDATION;
    }
}

static void deal_temporal(const int64_t *at_s, int32_t n, uint8_t *part)
{
    int32_t last = 0, before = -1; // of equal times the later column counts as later
    for (int32_t i = 1; i < n; i++) {
        if (at_s[i] >= at_s[last]) {
            before = last;
            last = i;
        } else if (before < 0 || at_s[i] >= at_s[before]) {
            before = i;
        }
    }
    if (at_s[before] != REEL_TIME_UNKNOWN && at_s[last] != at_s[before]) {
        part[last] = PART_TEST;
        part[before] = PART_VALIDATION;
    }
}

static void deal(const struct reel_csr *chosen, const int64_t *at_s,
                 enum reel_split_kind kind, uint64_t seed, int32_t *order, uint8_t *part)
{
    memset(part, PART_TRAIN, (size_t)chosen->start[chosen->n_rows]);
    for (int32_t r = 0; r < chosen->n_rows; r++) {
        const int64_t begin = chosen->start[r];
        const int32_t n = (int32_t)(chosen->start[r + 1] - begin);
        if (n < N_FILMS_MIN) {
            continue;
        }
        if (kind == REEL_SPLIT_RANDOM) {
            deal_random(r, n, seed, order, part + begin);
        } else {
            deal_temporal(at_s + begin, n, part + begin);
        }
    }
}

static void copy_entry(const struct reel_csr *chosen, int64_t from, struct base_csr *to,
                       int64_t at)
{
    to->col[at] = chosen->col[from];
    if (chosen->value) {
        to->value[at] = chosen->value[from];
    }
}

static void copy_parts(const struct reel_csr *chosen, const int64_t *at_s,
                       const uint8_t *part, struct split_owned *owned)
{
    int64_t n[N_PARTS] = {0};
    for (int32_t r = 0; r < chosen->n_rows; r++) {
        for (int64_t e = chosen->start[r]; e < chosen->start[r + 1]; e++) {
            const int64_t at = n[part[e]]++;
            copy_entry(chosen, e, &owned->part[part[e]], at);
            if (at_s && part[e] == PART_TRAIN) {
                owned->train_at_s[at] = at_s[e];
            }
            if (part[e] != PART_TEST) {
                const int64_t at_known = n[PART_KNOWN]++;
                copy_entry(chosen, e, &owned->part[PART_KNOWN], at_known);
                if (at_s) {
                    owned->known_at_s[at_known] = at_s[e];
                }
            }
        }
        for (int p = 0; p < N_PARTS; p++) {
            owned->part[p].start[r + 1] = n[p];
        }
    }
}

static enum reel_status split_fill(const struct reel_csr *chosen, const int64_t *at_s,
                                   const uint8_t *part, struct split_owned *owned,
                                   struct reel_error *err)
{
    int64_t n[N_PARTS] = {0};
    for (int64_t e = 0; e < chosen->start[chosen->n_rows]; e++) {
        n[part[e]]++;
        n[PART_KNOWN] += part[e] != PART_TEST;
    }
    for (int p = 0; p < N_PARTS; p++) {
        const enum reel_status rc = base_csr_init(
            &owned->part[p], chosen->n_rows, chosen->n_cols, n[p], chosen->value, err);
        if (rc) {
            return rc;
        }
    }
    if (at_s) {
        owned->train_at_s =
            base_alloc_array((size_t)n[PART_TRAIN], sizeof *owned->train_at_s);
        owned->known_at_s =
            base_alloc_array((size_t)n[PART_KNOWN], sizeof *owned->known_at_s);
        if (!owned->train_at_s || !owned->known_at_s) {
            return fail(err, REEL_ENOMEM, "out of memory for the times of a split");
        }
    }
    copy_parts(chosen, at_s, part, owned);
    return REEL_OK;
}

enum reel_status reel_split_make(const struct reel_csr *chosen, const int64_t *at_s,
                                 enum reel_split_kind kind, uint64_t seed,
                                 struct reel_split *out, struct reel_error *err)
{
    *out = (struct reel_split){0};
    enum reel_status rc = base_csr_check(chosen, err);
    if (rc) {
        return rc;
    }
    if (kind != REEL_SPLIT_RANDOM && kind != REEL_SPLIT_TEMPORAL) {
        return fail(err, REEL_EINVAL, "no split kind %d", (int)kind);
    }
    if (kind == REEL_SPLIT_TEMPORAL && !at_s) {
        return fail(err, REEL_EINVAL, "a temporal split needs times");
    }
    const size_t n_entries = (size_t)chosen->start[chosen->n_rows];
    struct split_owned *owned = base_alloc_zeroed(1, sizeof *owned);
    uint8_t *part = base_alloc_array(n_entries, sizeof *part);
    int32_t *order = base_alloc_array((size_t)chosen->n_cols, sizeof *order);
    if (!owned || !part || !order) {
        rc =
            fail(err, REEL_ENOMEM, "out of memory for a split of %zu entries", n_entries);
        goto done;
    }
    deal(chosen, at_s, kind, seed, order, part);
    rc = split_fill(chosen, at_s, part, owned, err);
    if (rc) {
        goto done;
    }
    *out = (struct reel_split){.train = owned->part[PART_TRAIN].csr,
                               .validation = owned->part[PART_VALIDATION].csr,
                               .test = owned->part[PART_TEST].csr,
                               .known = owned->part[PART_KNOWN].csr,
                               .train_at_s = owned->train_at_s,
                               .known_at_s = owned->known_at_s,
                               .owned = owned};
    owned = NULL; // ownership moves to the caller
done:
    split_owned_free(owned);
    base_free(part);
    base_free(order);
    return rc;
}

void reel_split_release(struct reel_split *split)
{
    split_owned_free(split->owned);
    *split = (struct reel_split){0};
}
