#include "rank_fixture.h"

#include "rank_list.h"

static bool lists_film(const struct reel_list *list, int32_t film)
{
    for (int32_t i = 0; i < list->n; i++) {
        if (list->item[i].film == film) {
            return true;
        }
    }
    return false;
}

/* A model of the six middle films of eight, its columns in another order than the rows. */
static const int64_t model_key[] = {34, 8, 99, 5, 55, 13, 21};
static const float model_bias[] = {1, 2, 9, 3, 4, 5, 6};
static float model_weights[49];

static struct linear small_linear(void)
{
    model_weights[1 * 7 + 0] = 4;      // who liked Fargo: Brazil
    model_weights[3 * 7 + 0] = 2;      // who liked Heat: Brazil
    model_weights[1 * 7 + 6] = -1.25F; // who liked Fargo: not Amelie
    return (struct linear){7, model_weights, model_bias, -1};
}

static void films_are_matched_by_key(void **state)
{
    (void)state;
    const struct linear linear = small_linear();
    struct rank_source source = linear_source(&linear);
    source.film_key = model_key;
    const int32_t liked[] = {1, 2, 7}, seen[] = {3, 7};
    const float value[] = {1, 0.5F, 100};
    const struct reel_viewer_state viewer = {
        {.film = liked, .value = value, .n = 3}, seen, 2};
    struct reel_list_options opt = reel_list_options_default();
    struct reel_list list;
    struct reel_error err;
    opt.with_reasons = true;
    assert_ok(rank_list_make(&source, eight_films(), &viewer, &opt, &list, &err), err);
    // Alien and Hero are not in the model; 99 is not in the table.
    const int32_t want[] = {4, 5, 6};
    const float want_score[] = {6 - 0.625F, 1 + 2 + 2, 4};
    assert_int_equal(list.n, 3);
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(list.item[i].film, want[i]);
        assert_true(list.item[i].score == want_score[i]);
    }
    assert_int_equal(list.item[0].n_parts, 1);
    assert_int_equal(list.item[0].part[0].film, 2);
    assert_true(list.item[0].rest == 6);
    assert_string_equal(list.item[0].reason,
                        "despite “Fargo” (-12 %); 112 % does not come from "
                        "films you liked");
    assert_int_equal(list.item[1].n_parts, 2);
    assert_string_equal(list.item[1].reason,
                        "because you liked “Heat” (40 %) and “Fargo” (40 %); "
                        "20 % does not come from films you liked");
    assert_string_equal(list.item[2].reason,
                        "no film you liked speaks for or against it");
    reel_list_release(&list);
    assert_null(list.owned);
}

static void counts_come_from_the_source_or_the_caller(void **state)
{
    (void)state;
    const float count[] = {1, 2, 3, 4, 5, 6, 7, 8};
    const struct linear linear = {8, NULL, count, -1};
    struct rank_source source = linear_source(&linear);
    const int64_t *key = eight_films()->key;
    source.film_key = key;
    source.is_count = true;
    const struct reel_viewer_state viewer = {{0}, NULL, 0};
    const int32_t n_chosen[] = {0, 0, 0, 0, 0, 0, 0, 41};
    struct reel_list_options opt = reel_list_options_default();
    struct reel_list list;
    struct reel_error err;
    opt.with_reasons = true;
    opt.n = 1;
    assert_ok(rank_list_make(&source, eight_films(), &viewer, &opt, &list, &err), err);
    assert_string_equal(list.item[0].reason, "chosen by 8 of 100 viewers");
    reel_list_release(&list);
    opt.n_chosen = n_chosen;
    opt.n_viewers = 50;
    opt.lang = "zh";
    assert_ok(rank_list_make(&source, eight_films(), &viewer, &opt, &list, &err), err);
    assert_string_equal(list.item[0].reason, "50位观众中有41位选择了它");
    reel_list_release(&list);
}

static void what_is_out_of_range_is_refused(void **state)
{
    (void)state;
    const struct linear linear = small_linear();
    struct rank_source source = linear_source(&linear);
    source.film_key = model_key;
    const int32_t good[] = {1, 2}, twice[] = {2, 2}, beyond[] = {1, 8};
    const struct reel_viewer_state viewers[] = {{{.film = twice, .n = 2}, good, 2},
                                                {{.film = good, .n = 2}, beyond, 2},
                                                {{.film = good, .n = -1}, good, 2}};
    struct reel_list list;
    struct reel_error err;
    struct reel_list_options opt = reel_list_options_default();
    for (size_t i = 0; i < COUNT_OF(viewers); i++) {
        assert_int_equal(
            rank_list_make(&source, eight_films(), &viewers[i], &opt, &list, &err),
            REEL_EINVAL);
        assert_null(list.owned);
    }
    for (int wrong = 0; wrong < 6; wrong++) {
        const struct reel_viewer_state viewer = {{.film = good, .n = 2}, good, 2};
        opt = reel_list_options_default();
        opt.n = wrong == 0 ? -1 : 3;
        opt.diversity = wrong == 1 ? 1.01 : wrong == 2 ? (double)NAN : 0;
        opt.n_reasons = wrong == 3 ? -1 : 3;
        opt.lang = wrong == 4 ? "de" : "en";
        opt.method = (enum reel_diversity_method)(wrong == 5 ? 9 : 0);
        assert_int_equal(
            rank_list_make(&source, eight_films(), &viewer, &opt, &list, &err),
            REEL_EINVAL);
    }
    opt = reel_list_options_default();
    const char *const genre[] = {"Western"};
    opt.filter.genres = genre;
    opt.filter.n_genres = 1;
    const struct reel_viewer_state viewer = {{.film = good, .n = 2}, good, 2};
    assert_int_equal(rank_list_make(&source, eight_films(), &viewer, &opt, &list, &err),
                     REEL_ENOTFOUND);
}

/* ---- properties on random catalogues ---- */

enum { N_MAX = 150, N_GENRES = 5 };

struct world {
    int32_t n; /* films of the table */
    float weights[N_MAX * N_MAX], bias[N_MAX], vector[N_MAX * 4];
    int64_t key[N_MAX], model_key[N_MAX], start[3][N_MAX + 1];
    int32_t col[3][N_MAX * N_GENRES], year[N_MAX], zero[N_MAX];
    int32_t liked[N_MAX], seen[N_MAX];
    const char *title[N_MAX], *language[N_MAX];
    struct reel_film_table films;
    struct linear linear;
    struct rank_source source;
    struct reel_viewer_state viewer;
};

static const char *const genre_name[] = {"a", "b", "c", "d", "e"};

static void world_fill(struct world *w, struct base_rng *rng, int32_t n, bool has_vectors)
{
    w->n = n;
    int32_t n_model = 0, n_liked = 0, n_seen = 0;
    for (int32_t i = 0; i < n; i++) {
        w->key[i] = 10 * i + base_rng_below(rng, 10);
        w->title[i] = "film";
        w->language[i] = NULL;
        w->year[i] = 1950 + (int32_t)base_rng_below(rng, 70);
        w->zero[i] = 0;
        if (base_rng_below(rng, 8) > 0) {
            w->model_key[n_model++] = w->key[i];
        }
        const uint32_t did = base_rng_below(rng, 6);
        if (did == 0) {
            w->liked[n_liked++] = i;
        }
        if (did <= 1) {
            w->seen[n_seen++] = i;
        }
    }
    for (int32_t c = n_model - 1; c > 0; c--) { // columns in any order
        const int32_t other = (int32_t)base_rng_below(rng, (uint32_t)c + 1);
        const int64_t key = w->model_key[c];
        w->model_key[c] = w->model_key[other];
        w->model_key[other] = key;
    }
    for (int32_t i = 0; i < N_MAX * N_MAX; i++) {
        w->weights[i] = (float)base_rng_normal(rng) / 4;
    }
    for (int32_t i = 0; i < N_MAX; i++) {
        w->bias[i] = (float)base_rng_double(rng);
    }
    for (int32_t i = 0; i < N_MAX * 4; i++) {
        w->vector[i] = (float)base_rng_normal(rng);
    }
    w->films = (struct reel_film_table){
        .n_films = n,
        .key = w->key,
        .title = w->title,
        .year = w->year,
        .runtime_min = w->zero,
        .min_age = w->zero,
        .language = w->language,
        .genres = random_rows(rng, n, N_GENRES, 0.4, w->start[0], w->col[0]),
        .keywords = random_rows(rng, n, N_GENRES, 0.2, w->start[1], w->col[1]),
        .people = random_rows(rng, n, N_GENRES, 0.2, w->start[2], w->col[2]),
        .genre_name = genre_name,
        .keyword_name = genre_name,
        .people_name = genre_name,
    };
    w->linear = (struct linear){n_model, w->weights, w->bias, -1};
    w->source = linear_source(&w->linear);
    w->source.film_key = w->model_key;
    w->source.vector = has_vectors ? w->vector : NULL;
    w->source.n_factors = has_vectors ? 4 : 0;
    w->viewer =
        (struct reel_viewer_state){{.film = w->liked, .n = n_liked}, w->seen, n_seen};
}

static bool has_film(const int32_t *film, int32_t n, int32_t wanted)
{
    for (int32_t i = 0; i < n; i++) {
        if (film[i] == wanted) {
            return true;
        }
    }
    return false;
}

static bool has_genre(const struct world *w, int32_t film, int32_t genre)
{
    for (int64_t e = w->films.genres.start[film]; e < w->films.genres.start[film + 1];
         e++) {
        if (w->films.genres.col[e] == genre) {
            return true;
        }
    }
    return false;
}

/** May the film be listed: by the plain words of the options. */
static bool is_allowed(const struct world *w, const struct reel_list_options *opt,
                       int32_t film)
{
    bool is_known = false;
    for (int32_t c = 0; c < w->linear.n_films; c++) {
        is_known |= w->model_key[c] == w->key[film];
    }
    const struct reel_filter *filter = &opt->filter;
    return is_known && !has_film(w->seen, w->viewer.n_seen, film) &&
           !has_film(w->liked, w->viewer.chosen.n, film) &&
           (filter->n_genres == 0 || has_genre(w, film, filter->genres[0][0] - 'a')) &&
           (filter->n_not_genres == 0 ||
            !has_genre(w, film, filter->not_genres[0][0] - 'a')) &&
           w->year[film] >= filter->year_min;
}

static void check_list(const struct world *w, const struct reel_list_options *opt,
                       const struct reel_list *list)
{
    int32_t n_allowed = 0;
    float best_unlisted = -INFINITY, worst_listed = INFINITY;
    for (int32_t f = 0; f < w->n; f++) {
        n_allowed += is_allowed(w, opt, f);
    }
    assert_int_equal(list->n, n_allowed < opt->n ? n_allowed : opt->n);
    for (int32_t i = 0; i < list->n; i++) {
        const struct reel_list_item *item = &list->item[i];
        double sum = item->rest;
        assert_true(is_allowed(w, opt, item->film));
        assert_true(i > 0 || item->similarity == 0);
        assert_true(item->similarity >= -1.001F && item->similarity <= 1.001F);
        for (int32_t j = 0; j < i; j++) {
            assert_int_not_equal(item->film, list->item[j].film);
        }
        for (int32_t p = 0; p < item->n_parts; p++) {
            sum += item->part[p].amount;
            assert_true(has_film(w->liked, w->viewer.chosen.n, item->part[p].film));
            assert_true(p == 0 || item->part[p].amount <= item->part[p - 1].amount);
        }
        if (opt->with_reasons) {
            assert_true(fabs(sum - item->score) < 1e-4);
            assert_true(strlen(item->reason) > 0);
        } else {
            assert_null(item->reason);
        }
        worst_listed = fminf(worst_listed, item->score);
        if (opt->diversity == 0 && i > 0) {
            assert_true(item->score <= list->item[i - 1].score);
        }
    }
    struct reel_list all;
    struct reel_list_options every = *opt;
    struct reel_error err;
    every.n = w->n;
    every.diversity = 0;
    assert_ok(rank_list_make(&w->source, &w->films, &w->viewer, &every, &all, &err), err);
    for (int32_t i = 0; i < all.n; i++) {
        if (!lists_film(list, all.item[i].film)) {
            best_unlisted = fmaxf(best_unlisted, all.item[i].score);
        }
    }
    if (opt->diversity == 0 && opt->n > 0) {
        assert_true(best_unlisted <= worst_listed);
    }
    reel_list_release(&all);
}

static void lists_keep_every_promise(void **state)
{
    (void)state;
    static struct world w;
    struct base_rng rng;
    base_rng_init(&rng, 1, 0);
    for (int round = 0; round < 300; round++) {
        const int32_t n = round < 3 ? round : (int32_t)base_rng_below(&rng, N_MAX + 1);
        world_fill(&w, &rng, n, round % 2);
        struct reel_list_options opt = reel_list_options_default();
        opt.n = (int32_t)base_rng_below(&rng, 30);
        opt.diversity = round % 3 ? base_rng_double(&rng) : 0;
        opt.method = round % 4 < 2 ? REEL_DIVERSITY_MMR : REEL_DIVERSITY_DPP;
        opt.with_reasons = base_rng_below(&rng, 2);
        opt.lang = base_rng_below(&rng, 2) ? "en" : "zh";
        opt.filter.year_min = base_rng_below(&rng, 2) ? 1990 : 0;
        opt.filter.genres = genre_name;
        opt.filter.n_genres = base_rng_below(&rng, 4) == 0;
        opt.filter.not_genres = genre_name + 1;
        opt.filter.n_not_genres = base_rng_below(&rng, 4) == 0;
        struct reel_list list;
        struct reel_error err;
        assert_ok(rank_list_make(&w.source, &w.films, &w.viewer, &opt, &list, &err), err);
        check_list(&w, &opt, &list);
        reel_list_release(&list);
    }
}

static void diverse_lists_are_less_alike(void **state)
{
    (void)state;
    static struct world w;
    struct base_rng rng;
    base_rng_init(&rng, 2, 0);
    for (int method = 0; method < 2; method++) {
        double mean[3] = {0};
        for (int round = 0; round < 40; round++) {
            world_fill(&w, &rng, N_MAX, round % 2);
            for (int d = 0; d < 3; d++) {
                struct reel_list_options opt = reel_list_options_default();
                struct reel_list list;
                struct reel_error err;
                opt.diversity = d / 2.0;
                opt.method = (enum reel_diversity_method)method;
                assert_ok(
                    rank_list_make(&w.source, &w.films, &w.viewer, &opt, &list, &err),
                    err);
                for (int32_t i = 0; i < list.n; i++) {
                    mean[d] += (double)list.item[i].similarity / list.n;
                }
                reel_list_release(&list);
            }
        }
        assert_true(mean[1] < mean[0] - 1);
        assert_true(mean[2] < mean[1] - 1);
    }
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    static struct world w;
    struct base_rng rng;
    base_rng_init(&rng, 3, 0);
    for (int round = 0; round < 4; round++) {
        world_fill(&w, &rng, 40, round % 2);
        struct reel_list_options opt = reel_list_options_default();
        opt.with_reasons = true;
        opt.diversity = 0.5;
        opt.method = round < 2 ? REEL_DIVERSITY_MMR : REEL_DIVERSITY_DPP;
        opt.filter.genres = genre_name;
        opt.filter.n_genres = 1;
        for (long n = 0;; n++) {
            struct reel_list list;
            base_alloc_fail_after(n);
            const enum reel_status rc =
                rank_list_make(&w.source, &w.films, &w.viewer, &opt, &list, NULL);
            base_alloc_fail_after(-1);
            if (rc == REEL_OK) {
                assert_true(n > 20);
                reel_list_release(&list);
                break;
            }
            assert_int_equal(rc, REEL_ENOMEM);
            assert_null(list.owned);
            assert_int_equal(list.n, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(films_are_matched_by_key),
        cmocka_unit_test(counts_come_from_the_source_or_the_caller),
        cmocka_unit_test(what_is_out_of_range_is_refused),
        cmocka_unit_test(lists_keep_every_promise),
        cmocka_unit_test(diverse_lists_are_less_alike),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
