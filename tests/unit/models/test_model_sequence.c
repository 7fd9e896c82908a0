#include "base_alloc.h"
#include "model_core.h"
#include "model_fixture.h"
#include "model_sequence.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_VIEWERS = 60, N_FILMS = 24, N_EACH = 9 };

/** Everybody walks round the films from a place of their own: next is always film + 1. */
struct circle {
    struct base_csr m;
    int64_t at_s[N_VIEWERS * N_EACH];
};

static void circle_make(struct circle *c)
{
    int32_t row[N_VIEWERS * N_EACH], col[N_VIEWERS * N_EACH];
    struct reel_error err;
    for (int32_t v = 0; v < N_VIEWERS; v++) {
        for (int32_t t = 0; t < N_EACH; t++) {
            row[v * N_EACH + t] = v;
            col[v * N_EACH + t] = (v * 7 + t) % N_FILMS;
        }
    }
    assert_ok(base_csr_from_triples(N_VIEWERS, N_FILMS, N_VIEWERS * N_EACH, row, col,
                                    NULL, &c->m, &err),
              err);
    for (int32_t v = 0; v < N_VIEWERS; v++) {
        for (int64_t e = c->m.start[v]; e < c->m.start[v + 1]; e++) {
            const int32_t t = (c->m.col[e] - v * 7 % N_FILMS + N_FILMS) % N_FILMS;
            c->at_s[e] = 1000000000 + (v * 10 + t) * (int64_t)50000;
        }
    }
}

static struct reel_model *trained(const struct circle *c, const char *settings)
{
    struct reel_error err;
    struct reel_train_options opt = reel_train_options_default();
    const struct reel_training data = {.chosen = c->m.csr, .at_s = c->at_s};
    struct reel_model *model;
    assert_ok(reel_settings_parse("sequence", settings, &opt, &err), err);
    assert_ok(reel_model_train("sequence", &data, &opt, &model, &err), err);
    return model;
}

static int32_t best_of(const float *score)
{
    int32_t best = 0;
    for (int32_t i = 1; i < N_FILMS; i++) {
        best = score[i] > score[best] ? i : best;
    }
    return best;
}

static const char quick[] =
    "factors=16 layers=1 window=6 epochs=30 batch=10 rate=.01 dropout=.1 ahead=1";

static void it_learns_what_comes_next_not_what_was_liked(void **state)
{
    (void)state;
    struct circle c;
    circle_make(&c);
    struct reel_model *model = trained(&c, quick);
    int n_right = 0;
    for (int32_t first = 0; first < N_FILMS - 5; first++) {
        struct reel_error err;
        float score[N_FILMS];
        const int32_t film[] = {first, first + 4};
        const int64_t forward[] = {1000, 2000}, backward[] = {2000, 1000};
        struct reel_query q = {.film = film, .at_s = forward, .n = 2};
        assert_ok(reel_model_score(model, &q, score, &err), err);
        n_right += best_of(score) == first + 5;
        // The same films in another order end elsewhere.
        q.at_s = backward;
        assert_ok(reel_model_score(model, &q, score, &err), err);
        n_right += best_of(score) == first + 1;
    }
    if (n_right < 2 * (N_FILMS - 5) * 8 / 10) {
        fail_msg("%d of %d right", n_right, 2 * (N_FILMS - 5));
    }
    reel_model_free(model);
    base_csr_release(&c.m);
}

static void the_plain_pass_is_the_trained_graph(void **state)
{
    (void)state;
    struct circle c;
    circle_make(&c);
    struct reel_model *model =
        trained(&c, "factors=12 layers=3 heads=3 window=5 epochs=2 batch=10 rate=.02");
    for (int32_t v = 0; v < N_VIEWERS; v += 7) {
        for (int32_t n = 1; n <= N_EACH; n += 2) { // shorter and longer than the window
            struct reel_error err;
            float score[N_FILMS], twin[N_FILMS];
            const struct reel_query q = {
                .film = c.m.col + c.m.start[v], .at_s = c.at_s + c.m.start[v], .n = n};
            assert_ok(reel_model_score(model, &q, score, &err), err);
            assert_ok(sequence_score_by_graph(model, &q, twin, &err), err);
            for (int32_t i = 0; i < N_FILMS; i++) {
                assert_true(fabsf(score[i] - twin[i]) < 1e-3F * (1 + fabsf(twin[i])));
            }
        }
    }
    reel_model_free(model);
    base_csr_release(&c.m);
}

static void a_part_is_what_the_score_loses_without_the_film(void **state)
{
    (void)state;
    struct circle c;
    circle_make(&c);
    struct reel_model *model = trained(&c, quick);
    struct reel_error err;
    float score[N_FILMS], less[N_FILMS], all, rest;
    const int32_t film[] = {2, 3, 4}, left[] = {2, 4};
    const int64_t at_s[] = {1000, 2000, 3000}, left_s[] = {1000, 3000};
    struct reel_query q = {.film = film, .at_s = at_s, .n = 3};
    struct reel_part part[3];
    int32_t n;
    assert_ok(reel_model_score(model, &q, score, &err), err);
    assert_ok(reel_model_explain(model, &q, 5, part, &n, &all, &rest, &err), err);
    q = (struct reel_query){.film = left, .at_s = left_s, .n = 2};
    assert_ok(reel_model_score(model, &q, less, &err), err);
    assert_true(fabsf(all - score[5]) < 1e-4F);
    for (int32_t i = 0; i < n; i++) {
        if (part[i].film == 3) {
            assert_true(fabsf(part[i].amount - (score[5] - less[5])) < 1e-4F);
        }
    }
    reel_model_free(model);
    base_csr_release(&c.m);
}

static void what_it_cannot_learn_from_is_said(void **state)
{
    (void)state;
    struct circle c;
    circle_make(&c);
    struct reel_error err;
    struct reel_train_options opt = reel_train_options_default();
    struct reel_training data = {.chosen = c.m.csr};
    struct reel_model *model;
    assert_int_equal(reel_model_train("sequence", &data, &opt, &model, &err),
                     REEL_EINVAL);
    assert_non_null(strstr(err.text, "time"));
    data.at_s = c.at_s;
    assert_ok(reel_settings_parse("sequence", "factors=10 heads=3", &opt, &err), err);
    assert_int_equal(reel_model_train("sequence", &data, &opt, &model, &err),
                     REEL_EINVAL);
    assert_null(model);
    base_csr_release(&c.m);
}

static void a_file_without_one_of_its_parts_is_refused(void **state)
{
    (void)state;
    struct circle c;
    circle_make(&c);
    char path[] = "/tmp/forkreel-sequence-XXXXXX";
    (void)close(mkstemp(path));
    static const enum model_role role[] = {MODEL_NET, MODEL_START, MODEL_TIMES,
                                           MODEL_RECENT};
    struct reel_model *model = trained(&c, "factors=4 layers=1 window=3 epochs=1"),
                      *opened;
    for (size_t i = 0; i < COUNT_OF(role); i++) {
        struct reel_error err;
        struct base_section *section = &model->header->section[role[i]];
        const struct base_section whole = *section;
        for (int damage = 0; damage < 2; damage++) { // not there; shorter
            section->is_present = damage == 1;
            section->n_items = whole.n_items - 1;
            assert_ok(reel_model_save(model, path, &err), err);
            assert_int_equal(reel_model_open(path, &opened, &err), REEL_EFORMAT);
            *section = whole;
        }
        assert_ok(reel_model_save(model, path, &err), err);
        assert_ok(reel_model_open(path, &opened, &err), err);
        reel_model_free(opened);
    }
    (void)unlink(path);
    reel_model_free(model);
    base_csr_release(&c.m);
}

// Ties at the ends of windows, histories of one and two films, more ahead than there are.
static void short_histories_and_ties_are_learnt_from(void **state)
{
    (void)state;
    static const int64_t at_s[] = {5, 5, 5, 5, 7, 9, 9, 9, 9, 9, 9, 11, 11, 11, 11};
    const int32_t row[] = {0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3};
    const int32_t col[] = {4, 1, 3, 0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    struct base_csr m;
    struct reel_error err;
    assert_ok(base_csr_from_triples(4, 9, COUNT_OF(row), row, col, NULL, &m, &err), err);
    for (int ahead = 1; ahead <= 20; ahead += 19) {
        struct reel_train_options opt = reel_train_options_default();
        const struct reel_training data = {.chosen = m.csr, .at_s = at_s};
        struct reel_model *model;
        char text[80];
        (void)snprintf(text, sizeof text,
                       "factors=4 layers=1 window=2 epochs=20 batch=2 ahead=%d", ahead);
        assert_ok(reel_settings_parse("sequence", text, &opt, &err), err);
        assert_ok(reel_model_train("sequence", &data, &opt, &model, &err), err);
        float score[9];
        const struct reel_query q = query_of(&m.csr, 3);
        assert_ok(reel_model_score(model, &q, score, &err), err);
        for (int i = 0; i < 9; i++) {
            assert_true(isfinite(score[i]));
        }
        reel_model_free(model);
    }
    base_csr_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns_what_comes_next_not_what_was_liked),
        cmocka_unit_test(the_plain_pass_is_the_trained_graph),
        cmocka_unit_test(a_part_is_what_the_score_loses_without_the_film),
        cmocka_unit_test(what_it_cannot_learn_from_is_said),
        cmocka_unit_test(a_file_without_one_of_its_parts_is_refused),
        cmocka_unit_test(short_histories_and_ties_are_learnt_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
