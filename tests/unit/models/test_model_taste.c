/** Taste of films nobody has seen: what the model promises, on worlds where it is known. */
#include "base_alloc.h"
#include "model_fixture.h"
#include "model_taste.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_VIEWERS = 60, N_FILMS = 48, N_COLD = 8, N_KINDS = 4, N_WORDS = 12, N_DENSE = 3 };

/**
 * Film f is of kind f % 4; its words and its vector tell the kind, with some noise. Viewers
 * choose films of their own kind. The last films are new: words, and no events.
 */
struct world {
    struct base_csr chosen, rated, words;
    float dense[N_FILMS * N_DENSE];
    struct reel_feature_block block[2];
    struct reel_training data;
};

static void make_events(struct world *w, struct base_rng *rng)
{
    enum { N_EACH = 14, N = N_VIEWERS * N_EACH };
    static int32_t row[N], col[N], n_liked;
    static float stars[N];
    static int32_t liked_row[N], liked_col[N];
    n_liked = 0;
    for (int32_t e = 0; e < N; e++) {
        row[e] = e / N_EACH;
        col[e] = (int32_t)base_rng_below(rng, N_FILMS - N_COLD);
        const bool is_own = col[e] % N_KINDS == row[e] % N_KINDS;
        stars[e] = (is_own ? 4 : 2) + (float)base_rng_below(rng, 2);
    }
    struct reel_error err;
    assert_ok(
        base_csr_from_triples(N_VIEWERS, N_FILMS, N, row, col, stars, &w->rated, &err),
        err);
    const struct reel_csr *rated = &w->rated.csr;
    for (int32_t v = 0; v < N_VIEWERS; v++) {
        for (int64_t e = rated->start[v]; e < rated->start[v + 1]; e++) {
            if (rated->value[e] >= 4) {
                liked_row[n_liked] = v;
                liked_col[n_liked++] = rated->col[e];
            }
        }
    }
    assert_ok(base_csr_from_triples(N_VIEWERS, N_FILMS, n_liked, liked_row, liked_col,
                                    NULL, &w->chosen, &err),
              err);
}

static struct world *world_make(uint64_t seed)
{
    struct world *w = test_calloc(1, sizeof *w);
    struct base_rng rng;
    base_rng_init(&rng, seed, 0);
    make_events(w, &rng);
    int32_t row[N_FILMS * 3], col[N_FILMS * 3];
    float value[N_FILMS * 3];
    for (int32_t i = 0; i < N_FILMS * 3; i++) {
        row[i] = i / 3;
        col[i] = i % 3 == 2 ? (int32_t)base_rng_below(&rng, N_WORDS)
                            : row[i] % N_KINDS + N_KINDS * (i % 3);
        value[i] = 0.5F + (float)base_rng_double(&rng);
    }
    struct reel_error err;
    assert_ok(base_csr_from_triples(N_FILMS, N_WORDS, N_FILMS * 3, row, col, value,
                                    &w->words, &err),
              err);
    for (int32_t i = 0; i < N_FILMS * N_DENSE; i++) {
        const int32_t kind = i / N_DENSE % N_KINDS;
        w->dense[i] =
            5 + (float)(kind == i % N_DENSE) + 0.3F * (float)base_rng_normal(&rng);
    }
    w->block[0] = (struct reel_feature_block){
        .name = "text", .n_rows = N_FILMS, .n_cols = N_WORDS, .sparse = &w->words.csr};
    w->block[1] = (struct reel_feature_block){
        .name = "vector", .n_rows = N_FILMS, .n_cols = N_DENSE, .dense = w->dense};
    w->data = (struct reel_training){.chosen = w->chosen.csr,
                                     .rated = &w->rated.csr,
                                     .feature = w->block,
                                     .n_features = 2};
    return w;
}

static void world_free(struct world *w)
{
    base_csr_release(&w->chosen);
    base_csr_release(&w->rated);
    base_csr_release(&w->words);
    test_free(w);
}

static struct reel_train_options quick(const char *more)
{
    struct reel_error err;
    struct reel_train_options opt = reel_train_options_default();
    assert_ok(reel_settings_parse("taste", "factors=8 regularization=1", &opt, &err),
              err);
    assert_ok(reel_settings_parse("taste", more, &opt, &err), err);
    return opt;
}

static struct reel_model *train(const struct world *w, const char *more)
{
    struct reel_error err;
    struct reel_model *model;
    const struct reel_train_options opt = quick(more);
    assert_ok(reel_model_train("taste", &w->data, &opt, &model, &err), err);
    return model;
}

static void opinions(const struct reel_model *model, const struct world *w,
                     int32_t viewer, struct reel_opinion *out)
{
    struct reel_error err;
    const struct reel_query chosen = query_of(&w->chosen.csr, viewer);
    const struct reel_query rated = query_of(&w->rated.csr, viewer);
    float *numbers = test_calloc((size_t)reel_taste_n_viewer(model), sizeof *numbers);
    assert_ok(reel_taste_viewer(model, &chosen, &rated, numbers, &err), err);
    assert_ok(reel_taste_score(model, numbers, reel_taste_film_places(model), N_FILMS,
                               out, &err),
              err);
    test_free(numbers);
}

static void new_films_of_ones_kind_come_first(void **state)
{
    (void)state;
    static const char *const ways[] = {"map=ridge", "map=lowrank", "map=mlp hidden=16",
                                       "map=blend hidden=16"};
    struct world *w = world_make(1);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct reel_model *model = train(w, ways[i]);
        int32_t n_right = 0, n_liked = 0;
        for (int32_t v = 0; v < N_VIEWERS; v++) {
            struct reel_opinion opinion[N_FILMS];
            opinions(model, w, v, opinion);
            int32_t best = N_FILMS - N_COLD, surest = best;
            for (int32_t f = best + 1; f < N_FILMS; f++) {
                best = opinion[f].score > opinion[best].score ? f : best;
                surest = opinion[f].p_like > opinion[surest].p_like ? f : surest;
            }
            n_right += best % N_KINDS == v % N_KINDS;
            n_liked += surest % N_KINDS == v % N_KINDS;
        }
        if (n_right < N_VIEWERS * 9 / 10 || n_liked < N_VIEWERS * 9 / 10) {
            fail_msg("%s: %d and %d of %d viewers", ways[i], n_right, n_liked, N_VIEWERS);
        }
        reel_model_free(model);
    }
    world_free(w);
}

static void probabilities_mean_what_they_say(void **state)
{
    (void)state;
    struct world *w = world_make(2);
    struct reel_model *model = train(w, "");
    double own = 0, other = 0, stars_own = 0, stars_other = 0;
    for (int32_t v = 0; v < N_VIEWERS; v++) {
        struct reel_opinion opinion[N_FILMS];
        opinions(model, w, v, opinion);
        for (int32_t f = 0; f < N_FILMS; f++) {
            const double logit = (double)opinion[f].part_everybody +
                                 opinion[f].part_viewer + opinion[f].part_match;
            assert_true(fabs(1 / (1 + exp(-logit)) - opinion[f].p_like) < 1e-5);
            assert_true(opinion[f].stars >= 2 && opinion[f].stars <= 5);
        }
        for (int32_t f = N_FILMS - N_COLD; f < N_FILMS; f++) {
            const bool is_own = f % N_KINDS == v % N_KINDS;
            own += is_own ? opinion[f].p_like / (N_VIEWERS * 2.0) : 0;
            other += is_own ? 0 : opinion[f].p_like / (N_VIEWERS * 6.0);
            stars_own += is_own ? opinion[f].stars / (N_VIEWERS * 2.0) : 0;
            stars_other += is_own ? 0 : opinion[f].stars / (N_VIEWERS * 6.0);
        }
    }
    // Own films get 4 or 5 stars, others 2 or 3, always.
    assert_true(own > 0.9 && other < 0.1);
    assert_true(fabs(stars_own - 4.5) < 0.3 && fabs(stars_other - 2.5) < 0.3);
    reel_model_free(model);
    world_free(w);
}

static void a_branch_is_placed_as_a_film_of_its_words(void **state)
{
    (void)state;
    struct reel_error err;
    struct world *w = world_make(3);
    struct reel_model *model = train(w, "");
    const size_t n_place = (size_t)reel_taste_n_place(model);
    float *place = test_calloc(N_FILMS * n_place, sizeof *place);
    assert_ok(reel_taste_place(model, w->block, 2, N_FILMS, place, &err), err);
    const float *film = reel_taste_film_places(model);
    for (size_t i = (N_FILMS - N_COLD) * n_place; i < N_FILMS * n_place; i++) {
        assert_true(fabsf(place[i] - film[i]) < 1e-6F); // nothing was learned of them
    }
    // A kind of features that is not there says nothing; one of other columns is refused.
    assert_ok(reel_taste_place(model, w->block, 1, N_FILMS, place, &err), err);
    w->block[1].n_cols = N_DENSE - 1;
    assert_int_equal(reel_taste_place(model, w->block, 2, N_FILMS, place, &err),
                     REEL_EINVAL);
    test_free(place);
    reel_model_free(model);
    world_free(w);
}

static void leaving_a_choice_out_is_solving_without_it(void **state)
{
    (void)state;
    struct reel_error err;
    struct world *w = world_make(4);
    struct reel_model *model = train(w, "");
    const size_t k = (size_t)model->header->n_factors;
    float *desk = test_calloc(2 * k, sizeof *desk);
    struct taste_side all, less;
    assert_ok(taste_side_init(&all, k, &err), err);
    assert_ok(taste_side_init(&less, k, &err), err);
    for (int32_t v = 0; v < 5; v++) {
        const struct reel_query chosen = query_of(&w->chosen.csr, v);
        assert_ok(taste_side_solve(model, &chosen, NULL, &all, &err), err);
        for (int32_t out = 0; out < chosen.n; out++) {
            int32_t film[N_FILMS];
            for (int32_t i = 0, n = 0; i < chosen.n; i++) {
                film[n] = chosen.film[i];
                n += i != out;
            }
            const struct reel_query rest = {.film = film, .n = chosen.n - 1};
            assert_ok(taste_side_solve(model, &rest, NULL, &less, &err), err);
            const float *m = model_floats(model, MODEL_TASTE_MAPPED) +
                             (size_t)chosen.film[out] * (k + 2);
            double expected = 0;
            for (size_t i = 0; i < k; i++) {
                expected += (double)less.x[i] * m[i];
            }
            const float got =
                taste_chosen_without(model, &all, chosen.film[out], 1, m, desk);
            assert_true(fabs(got - expected) < 1e-4 * (1 + fabs(expected)));
        }
    }
    taste_side_release(&all);
    taste_side_release(&less);
    test_free(desk);
    reel_model_free(model);
    world_free(w);
}

static void score_is_the_sum_of_its_parts(void **state)
{
    (void)state;
    struct reel_error err;
    struct world *w = world_make(5);
    struct reel_model *model = train(w, "");
    for (int32_t v = 0; v < 4; v++) {
        const struct reel_query q = query_of(&w->chosen.csr, v);
        float score[N_FILMS];
        assert_ok(reel_model_score(model, &q, score, &err), err);
        for (int32_t f = 0; f < N_FILMS; f += 5) {
            struct reel_part part[N_FILMS];
            int32_t n;
            float whole, rest;
            assert_ok(reel_model_explain(model, &q, f, part, &n, &whole, &rest, &err),
                      err);
            assert_int_equal(n, q.n);
            double sum = rest;
            for (int32_t i = 0; i < n; i++) {
                sum += part[i].amount;
            }
            assert_true(fabs(sum - score[f]) < 1e-3 * (1 + fabs(sum)));
        }
    }
    reel_model_free(model);
    world_free(w);
}

static struct reel_model *saved_and_opened(const struct reel_model *model)
{
    struct reel_error err;
    struct reel_model *opened;
    char path[] = "/tmp/forkreel_taste_XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_ok(reel_model_save(model, path, &err), err);
    assert_ok(reel_model_open(path, &opened, &err), err);
    unlink(path);
    return opened;
}

static void saved_and_opened_is_the_same(void **state)
{
    (void)state;
    struct world *w = world_make(6);
    struct reel_model *model = train(w, ""), *opened = saved_and_opened(model);
    struct reel_opinion a[N_FILMS], b[N_FILMS];
    opinions(model, w, 7, a);
    opinions(opened, w, 7, b);
    assert_memory_equal(a, b, sizeof a);
    reel_model_free(opened);
    reel_model_free(model);
    world_free(w);
}

static void same_seed_gives_the_same_bits(void **state)
{
    (void)state;
    struct world *w = world_make(7);
    struct reel_model *a = train(w, ""), *b = train(w, "");
    assert_int_equal(a->header->n_block_bytes, b->header->n_block_bytes);
    assert_memory_equal(a->block, b->block, a->header->n_block_bytes);
    reel_model_free(a);
    reel_model_free(b);
    world_free(w);
}

static void without_stars_there_are_no_stars(void **state)
{
    (void)state;
    struct reel_error err;
    struct world *w = world_make(8);
    w->data.rated = NULL;
    struct reel_model *model = train(w, "");
    struct reel_opinion opinion[N_FILMS];
    opinions(model, w, 3, opinion);
    for (int32_t f = 0; f < N_FILMS; f++) {
        assert_true(isnan(opinion[f].stars));
    }
    for (int32_t f = N_FILMS - N_COLD; f < N_FILMS;
         f++) { // new: one question, one answer
        assert_true(fabsf(opinion[f].p_like - 1 / (1 + expf(-opinion[f].score))) < 1e-5F);
    }
    const struct reel_query nothing = {0};
    float score[N_FILMS];
    assert_ok(reel_model_score(model, &nothing, score, &err), err);
    reel_model_free(model);
    world_free(w);
}

static void wrong_data_is_refused(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_model *model;
    const struct reel_train_options opt = quick("");
    struct world *w = world_make(9);
    struct reel_training data = w->data;
    data.n_features = 0;
    assert_int_equal(reel_model_train("taste", &data, &opt, &model, &err), REEL_EINVAL);
    assert_null(model);
    data = w->data;
    struct reel_feature_block twice[2] = {w->block[0], w->block[0]};
    data.feature = twice;
    assert_int_equal(reel_model_train("taste", &data, &opt, &model, &err), REEL_EINVAL);
    struct reel_feature_block neither = w->block[0];
    neither.sparse = NULL;
    data.feature = &neither;
    data.n_features = 1;
    assert_int_equal(reel_model_train("taste", &data, &opt, &model, &err), REEL_EINVAL);
    float bad[N_FILMS * N_DENSE];
    memcpy(bad, w->dense, sizeof bad);
    bad[5] = NAN;
    struct reel_feature_block nan_block = w->block[1];
    nan_block.dense = bad;
    data.feature = &nan_block;
    assert_int_equal(reel_model_train("taste", &data, &opt, &model, &err), REEL_EINVAL);
    world_free(w);
}

static void another_model_has_no_taste(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_model *model;
    struct world *w = world_make(10);
    const struct reel_train_options opt = reel_train_options_default();
    assert_ok(reel_model_train("popularity", &w->data, &opt, &model, &err), err);
    float place[64];
    assert_int_equal(reel_taste_n_place(model), 0);
    assert_null(reel_taste_film_places(model));
    assert_int_equal(reel_taste_place(model, w->block, 2, 1, place, &err), REEL_EINVAL);
    const struct reel_query q = query_of(&w->chosen.csr, 0);
    assert_int_equal(reel_taste_viewer(model, &q, NULL, place, &err), REEL_EINVAL);
    reel_model_free(model);
    world_free(w);
}

static void training_fails_cleanly_at_every_allocation(void **state)
{
    (void)state;
    struct world *w = world_make(11);
    const struct reel_train_options opt = quick("map=lowrank iterations=2");
    for (long n = 0;; n++) {
        struct reel_error err;
        struct reel_model *model;
        base_alloc_fail_after(n);
        const enum reel_status rc =
            reel_model_train("taste", &w->data, &opt, &model, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            assert_true(n > 20);
            reel_model_free(model);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_null(model);
    }
    world_free(w);
}

static void content_likes_what_is_described_alike(void **state)
{
    (void)state;
    struct reel_error err;
    struct world *w = world_make(12);
    const struct reel_train_options opt = reel_train_options_default();
    struct reel_model *model, *trained;
    assert_ok(reel_model_train("content", &w->data, &opt, &trained, &err), err);
    model = saved_and_opened(trained);
    reel_model_free(trained);
    int32_t n_right = 0;
    for (int32_t v = 0; v < N_VIEWERS; v++) {
        const struct reel_query q = query_of(&w->chosen.csr, v);
        float score[N_FILMS], whole, rest;
        struct reel_part part[N_FILMS];
        int32_t n, best = N_FILMS - N_COLD;
        assert_ok(reel_model_score(model, &q, score, &err), err);
        for (int32_t f = best + 1; f < N_FILMS; f++) {
            best = score[f] > score[best] ? f : best;
        }
        n_right += best % N_KINDS == v % N_KINDS;
        assert_ok(reel_model_explain(model, &q, best, part, &n, &whole, &rest, &err),
                  err);
        double sum = rest;
        for (int32_t i = 0; i < n; i++) {
            sum += part[i].amount;
        }
        assert_true(fabs(sum - score[best]) < 1e-4);
    }
    assert_true(n_right > N_VIEWERS * 9 / 10);
    reel_model_free(model);
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc =
            reel_model_train("content", &w->data, &opt, &model, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
    reel_model_free(model);
    world_free(w);
}

/** The parts of each answer add up to it, and words of the viewer's kind speak for it. */
static void check_explained(const char *settings)
{
    struct reel_error err;
    struct world *w = world_make(1);
    struct reel_model *model = train(w, settings);
    const struct reel_query chosen = query_of(&w->chosen.csr, 0);
    const struct reel_query rated = query_of(&w->rated.csr, 0);
    const size_t n_place = (size_t)reel_taste_n_place(model);
    float *viewer = test_calloc(2 * n_place, sizeof *viewer);
    float *place = test_calloc(N_FILMS * n_place, sizeof *place);
    struct reel_opinion opinion[N_FILMS];
    assert_ok(reel_taste_viewer(model, &chosen, &rated, viewer, &err), err);
    assert_ok(reel_taste_place(model, w->block, 2, N_FILMS, place, &err), err);
    assert_ok(reel_taste_score(model, viewer, place, N_FILMS, opinion, &err), err);
    double own = 0, other = 0;
    for (int32_t f = N_FILMS - N_COLD; f < N_FILMS; f++) {
        struct reel_feature_part part[N_WORDS + N_DENSE];
        int64_t n;
        float rest;
        for (int a = REEL_TASTE_SCORE; a <= REEL_TASTE_LIKE; a++) {
            assert_ok(reel_taste_explain(model, viewer, (enum reel_taste_answer)a,
                                         w->block, 2, f, part, &n, &rest, &err),
                      err);
            assert_in_range(n, 1, reel_taste_n_parts(w->block, 2, f));
            double sum = rest, truth = 0;
            for (int64_t i = 0; i < n; i++) {
                sum += (double)part[i].value * part[i].slope;
            }
            for (size_t i = 0; i < (size_t)model->header->n_factors; i++) {
                truth += (double)viewer[(size_t)a * n_place + i] *
                         place[(size_t)f * n_place + i];
            }
            assert_true(fabs(sum - truth) < 1e-4 * (1 + fabs(truth)));
            if (a == REEL_TASTE_LIKE) {
                assert_true(fabs(truth - opinion[f].part_match) < 1e-4);
            }
        }
        for (int64_t i = 0; i < n; i++) {
            if (part[i].block == 0 && part[i].col < 2 * N_KINDS) {
                *(part[i].col % N_KINDS == 0 ? &own : &other) += part[i].slope;
            }
        }
    }
    assert_true(own > 0 && own > other);
    int64_t n;
    float rest;
    assert_int_equal(reel_taste_explain(model, viewer, REEL_TASTE_LIKE, w->block, 2,
                                        N_FILMS, NULL, &n, &rest, &err),
                     REEL_EINVAL);
    assert_int_equal(n, 0);
    test_free(viewer);
    test_free(place);
    reel_model_free(model);
    world_free(w);
}

static void what_matches_is_told_word_by_word(void **state)
{
    (void)state;
    check_explained("");
    check_explained("map=mlp hidden=16");
    check_explained("map=blend hidden=16");
}

enum {
    N_SILENT = 40
}; /* viewers from this one on chose nothing, but wrote of their kind */

/** Every viewer wrote two texts: words of their kind, of which one speaks of a film. */
struct writing {
    struct base_csr rows, few;
    struct reel_feature_block block;
    struct reel_words words;
    int32_t viewer[2 * N_VIEWERS], film[2 * N_VIEWERS];
    float weight[2 * N_VIEWERS];
};

static struct writing *writing_make(struct world *w)
{
    enum { N = 2 * N_VIEWERS };
    struct reel_error err;
    struct writing *out = test_calloc(1, sizeof *out);
    int32_t row[2 * N], col[2 * N], few_row[N_VIEWERS * N_FILMS],
        few_col[N_VIEWERS * N_FILMS], n_few = 0;
    for (int32_t i = 0; i < N; i++) {
        const int32_t kind = i / 2 % N_KINDS;
        out->viewer[i] = i / 2;
        out->film[i] = i % 2 ? -1 : kind;
        out->weight[i] = 1;
        row[2 * i] = row[2 * i + 1] = i;
        col[2 * i] = kind;
        col[2 * i + 1] = kind + N_KINDS;
    }
    assert_ok(base_csr_from_triples(N, N_WORDS, 2 * N, row, col, NULL, &out->rows, &err),
              err);
    for (int32_t v = 0; v < N_VIEWERS; v++) {
        const struct reel_csr *all = &w->chosen.csr;
        const int64_t n = v < N_SILENT ? all->start[v + 1] - all->start[v] : 0;
        for (int64_t e = all->start[v]; e < all->start[v] + n; e++) {
            few_row[n_few] = v;
            few_col[n_few++] = all->col[e];
        }
    }
    assert_ok(base_csr_from_triples(N_VIEWERS, N_FILMS, n_few, few_row, few_col, NULL,
                                    &out->few, &err),
              err);
    out->block = (struct reel_feature_block){
        .name = "text", .n_rows = N, .n_cols = N_WORDS, .sparse = &out->rows.csr};
    out->words = (struct reel_words){.block = &out->block,
                                     .n_blocks = 1,
                                     .n = N,
                                     .weight = out->weight,
                                     .viewer = out->viewer,
                                     .film = out->film};
    w->data.chosen = out->few.csr;
    w->data.rated = NULL;
    return out;
}

static void writing_free(struct writing *writing)
{
    base_csr_release(&writing->rows);
    base_csr_release(&writing->few);
    test_free(writing);
}

/** Share of the new films of viewers who chose nothing that are ordered as their kind says. */
static double share_right(const char *name, struct world *w, struct writing *writing,
                          bool has_words)
{
    struct reel_error err;
    struct reel_model *model;
    struct reel_train_options opt = reel_train_options_default();
    double right = 0, n = 0;
    if (strcmp(name, "taste") == 0) {
        opt = quick("");
    }
    w->data.words = has_words ? &writing->words : NULL;
    assert_ok(reel_model_train(name, &w->data, &opt, &model, &err), err);
    for (int32_t v = N_SILENT; v < N_VIEWERS; v++) {
        float score[N_FILMS];
        int64_t two[] = {0, 2, 4};
        int32_t col[] = {writing->rows.col[4 * v], writing->rows.col[4 * v + 1],
                         writing->rows.col[4 * v + 2], writing->rows.col[4 * v + 3]};
        const struct reel_csr rows = {2, N_WORDS, two, col, NULL};
        const struct reel_feature_block block = {
            .name = "text", .n_rows = 2, .n_cols = N_WORDS, .sparse = &rows};
        const struct reel_words words = {
            .block = &block, .n_blocks = 1, .n = 2, .weight = writing->weight};
        struct reel_query query = query_of(&writing->few.csr, v);
        query.words = has_words ? &words : NULL;
        assert_ok(reel_model_score(model, &query, score, &err), err);
        for (int32_t a = N_FILMS - N_COLD; a < N_FILMS; a++) {
            for (int32_t b = N_FILMS - N_COLD; b < N_FILMS; b++) {
                if (a % N_KINDS == v % N_KINDS && b % N_KINDS != v % N_KINDS) {
                    right += score[a] > score[b];
                    n++;
                }
            }
        }
    }
    reel_model_free(model);
    return right / n;
}

static void what_viewers_wrote_tells_their_taste(void **state)
{
    (void)state;
    static const char *const name[] = {"taste", "content"};
    for (size_t i = 0; i < COUNT_OF(name); i++) {
        struct world *w = world_make(1);
        struct writing *writing = writing_make(w);
        const double without = share_right(name[i], w, writing, false);
        const double with = share_right(name[i], w, writing, true);
        if (!(with > without + 0.05) || !(with > 0.9)) {
            print_message("%s: %.3f, with words %.3f\n", name[i], without, with);
        }
        assert_true(with > without + 0.05);
        assert_true(with > 0.9);
        writing_free(writing);
        world_free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_matches_is_told_word_by_word),
        cmocka_unit_test(what_viewers_wrote_tells_their_taste),
        cmocka_unit_test(new_films_of_ones_kind_come_first),
        cmocka_unit_test(probabilities_mean_what_they_say),
        cmocka_unit_test(a_branch_is_placed_as_a_film_of_its_words),
        cmocka_unit_test(leaving_a_choice_out_is_solving_without_it),
        cmocka_unit_test(score_is_the_sum_of_its_parts),
        cmocka_unit_test(saved_and_opened_is_the_same),
        cmocka_unit_test(same_seed_gives_the_same_bits),
        cmocka_unit_test(without_stars_there_are_no_stars),
        cmocka_unit_test(wrong_data_is_refused),
        cmocka_unit_test(another_model_has_no_taste),
        cmocka_unit_test(content_likes_what_is_described_alike),
        cmocka_unit_test(training_fails_cleanly_at_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
