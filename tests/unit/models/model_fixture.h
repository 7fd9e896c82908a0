/** Small worlds of choices for tests of models. */
#ifndef MODEL_FIXTURE_H
#define MODEL_FIXTURE_H

#include "base_csr.h"
#include "base_rng.h"

#include <forkreel/model.h>

#include "unit.h"

/** Viewers and films fall into `n_tastes` kinds; a choice is of one's own kind mostly. */
static inline struct base_csr world(int32_t n_viewers, int32_t n_films, int32_t n_tastes,
                                    int32_t n_each, uint64_t seed)
{
    struct base_rng rng;
    base_rng_init(&rng, seed, 0);
    const int64_t n = (int64_t)n_viewers * n_each;
    int32_t *row = test_malloc((size_t)n * sizeof *row);
    int32_t *col = test_malloc((size_t)n * sizeof *col);
    for (int64_t e = 0; e < n; e++) {
        row[e] = (int32_t)(e / n_each);
        do {
            col[e] = (int32_t)base_rng_below(&rng, (uint32_t)n_films);
        } while (col[e] % n_tastes != row[e] % n_tastes && base_rng_double(&rng) < 0.95);
    }
    struct reel_error err;
    struct base_csr m;
    assert_ok(base_csr_from_triples(n_viewers, n_films, n, row, col, NULL, &m, &err),
              err);
    test_free(row);
    test_free(col);
    return m;
}

/** When entry e was chosen: every entry of a matrix of at most 4096 has its own time. */
static inline const int64_t *times(void)
{
    static int64_t at_s[4096];
    for (int64_t e = 0; e < 4096; e++) {
        at_s[e] = 1000000000 + e * 7919 % 4096 * 3600;
    }
    return at_s;
}

static inline struct reel_query query_of(const struct reel_csr *m, int32_t row)
{
    return (struct reel_query){
        .film = m->col + m->start[row],
        .value = m->value ? m->value + m->start[row] : NULL,
        .n = (int32_t)(m->start[row + 1] - m->start[row]),
    };
}

/** Quick settings by class: tests are about being right, not about being good. */
static inline struct reel_train_options quick_options(const char *name, int32_t n_threads)
{
    struct reel_error err;
    struct reel_train_options opt = reel_train_options_default();
    opt.n_threads = n_threads;
    const char *settings =
        strcmp(name, "als") == 0   ? "factors=8 iterations=4"
        : strcmp(name, "bpr") == 0 ? "factors=8 epochs=40"
        : strcmp(name, "sequence") == 0
            ? "factors=8 layers=1 window=8 epochs=6 batch=8 rate=.03 dropout=0"
            : "";
    assert_ok(reel_settings_parse(name, settings, &opt, &err), err);
    return opt;
}

#endif
