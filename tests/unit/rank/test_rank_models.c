/**
 * Trained models behind the public calls: viewers of four tastes choose among the films of
 * their taste, and of those the popular ones more often.
 */
#include "rank_fixture.h"

enum { N_VIEWERS = 240, N_FILMS = 120, N_TASTES = 4 };

static int64_t start[N_VIEWERS + 1], genre_start[N_FILMS + 1], key[N_FILMS];
static int32_t col[N_VIEWERS * N_FILMS], genre_col[N_FILMS], no_number[N_FILMS];
static char name[N_FILMS][24];
static const char *title[N_FILMS], *no_text[N_FILMS];
static const char *const genre_name[] = {"one", "two", "three", "four"};
static const int64_t no_start[N_FILMS + 1];

static struct reel_csr choices(void)
{
    struct base_rng rng;
    base_rng_init(&rng, 1, 0);
    int64_t n = 0;
    for (int32_t v = 0; v < N_VIEWERS; v++) {
        start[v] = n;
        for (int32_t f = 0; f < N_FILMS; f++) {
            const double fame = 1 - 0.8 * f / N_FILMS;
            const double p = v % N_TASTES == f % N_TASTES ? 0.6 * fame : 0.05 * fame;
            if (base_rng_double(&rng) < p) {
                col[n++] = f;
            }
        }
    }
    start[N_VIEWERS] = n;
    return (struct reel_csr){N_VIEWERS, N_FILMS, start, col, NULL};
}

static struct reel_film_table table(void)
{
    for (int32_t f = 0; f < N_FILMS; f++) {
        key[f] = 1000 + 3 * f;
        snprintf(name[f], sizeof name[f], "Film %d", (int)f);
        title[f] = name[f];
        genre_start[f] = f;
        genre_col[f] = f % N_TASTES;
    }
    genre_start[N_FILMS] = N_FILMS;
    return (struct reel_film_table){
        .n_films = N_FILMS,
        .key = key,
        .title = title,
        .title_zh = no_text,
        .year = no_number,
        .runtime_min = no_number,
        .min_age = no_number,
        .language = no_text,
        .genres = {N_FILMS, N_TASTES, genre_start, genre_col, NULL},
        .keywords = {N_FILMS, 0, no_start, NULL, NULL},
        .people = {N_FILMS, 0, no_start, NULL, NULL},
        .genre_name = genre_name,
    };
}

static struct reel_model *trained(const char *model_name, const struct reel_csr *chosen)
{
    const struct reel_training data = {.chosen = *chosen, .film_key = key};
    const struct reel_train_options opt = reel_train_options_default();
    struct reel_model *model;
    struct reel_error err;
    assert_ok(reel_model_train(model_name, &data, &opt, &model, &err), err);
    return model;
}

static struct reel_measures measured(const char *model_name,
                                     const struct reel_split *split,
                                     const struct reel_csr *genres)
{
    struct reel_model *model = trained(model_name, &split->train);
    const struct reel_measure_options opt = reel_measure_options_default();
    struct reel_measures m;
    struct reel_error err;
    assert_ok(reel_measure(model, &split->train, &split->validation, &split->test, genres,
                           &opt, &m, NULL, &err),
              err);
    reel_model_free(model);
    return m;
}

static void models_that_know_the_viewer_beat_popularity(void **state)
{
    (void)state;
    const struct reel_csr m = choices();
    const struct reel_film_table films = table();
    struct reel_split split;
    struct reel_error err;
    assert_ok(reel_split_make(&m, NULL, REEL_SPLIT_RANDOM, 1, &split, &err), err);
    const struct reel_measures popular = measured("popularity", &split, &films.genres);
    const char *const others[] = {"ease", "als"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        const struct reel_measures own = measured(others[i], &split, &films.genres);
        assert_true(own.ndcg[0].low > popular.ndcg[0].high + 0.1);
        assert_true(own.coverage[0] > popular.coverage[0]);
        assert_true(own.calibration[0] < popular.calibration[0]);
    }
    reel_split_release(&split);
}

static void lists_of_models_are_explained(void **state)
{
    (void)state;
    const struct reel_csr m = choices();
    const struct reel_film_table films = table();
    const struct {
        const char *model;
        bool has_parts;
        const char *reason;
    } cases[] = {{"popularity", false, "chosen by "},
                 {"ease", true, "because you liked “Film "},
                 {"als", true, "because you liked “Film "}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reel_model *model = trained(cases[i].model, &m);
        struct reel_list_options opt = reel_list_options_default();
        struct reel_error err;
        opt.with_reasons = true;
        for (int32_t v = 0; v < 20; v++) {
            const int32_t n = (int32_t)(start[v + 1] - start[v]);
            const struct reel_viewer_state viewer = {
                {.film = col + start[v], .n = n}, col + start[v], n};
            struct reel_list list;
            opt.diversity = v % 2 ? 0 : 0.3;
            opt.method = v % 4 ? REEL_DIVERSITY_MMR : REEL_DIVERSITY_DPP;
            assert_ok(reel_list_make(model, &films, &viewer, &opt, &list, &err), err);
            assert_int_equal(list.n, 10);
            for (int32_t j = 0; j < list.n; j++) {
                const struct reel_list_item *item = &list.item[j];
                double sum = item->rest;
                for (int32_t p = 0; p < item->n_parts; p++) {
                    sum += item->part[p].amount;
                }
                assert_true(fabs(sum - item->score) < 1e-4 * (1 + fabs(sum)));
                assert_int_equal(item->n_parts > 0, cases[i].has_parts);
                assert_int_equal(
                    strncmp(item->reason, cases[i].reason, strlen(cases[i].reason)), 0);
            }
            reel_list_release(&list);
        }
        reel_model_free(model);
    }
}

static void the_count_of_a_popular_film_is_that_of_its_choosers(void **state)
{
    (void)state;
    const struct reel_csr m = choices();
    const struct reel_film_table films = table();
    struct reel_model *model = trained("popularity", &m);
    struct reel_list_options opt = reel_list_options_default();
    const struct reel_viewer_state nobody = {{0}, NULL, 0};
    struct reel_list list;
    struct reel_error err;
    opt.with_reasons = true;
    opt.n = 1;
    assert_ok(reel_list_make(model, &films, &nobody, &opt, &list, &err), err);
    int32_t n_chosen = 0;
    for (int64_t e = 0; e < start[N_VIEWERS]; e++) {
        n_chosen += col[e] == list.item[0].film;
    }
    char want[64];
    snprintf(want, sizeof want, "chosen by %d of %d viewers", (int)n_chosen, N_VIEWERS);
    assert_string_equal(list.item[0].reason, want);
    reel_list_release(&list);
    reel_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_that_know_the_viewer_beat_popularity),
        cmocka_unit_test(lists_of_models_are_explained),
        cmocka_unit_test(the_count_of_a_popular_film_is_that_of_its_choosers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
