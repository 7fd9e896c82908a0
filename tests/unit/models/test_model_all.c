/** What every model promises, tried on every model that learns from choices and times. */
#include "base_alloc.h"
#include "model_core.h"
#include "model_fixture.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const names[] = {"popularity", "user-knn", "item-knn", "als",
                                    "ease",       "bpr",      "sequence"};

static struct reel_model *trained(const char *name, const struct base_csr *m,
                                  int32_t n_threads)
{
    struct reel_error err;
    const struct reel_training data = {.chosen = m->csr, .at_s = times()};
    const struct reel_train_options opt = quick_options(name, n_threads);
    struct reel_model *model;
    assert_ok(reel_model_train(name, &data, &opt, &model, &err), err);
    return model;
}

static void every_class_is_listed_and_found(void **state)
{
    (void)state;
    int32_t n;
    const struct reel_model_class_info *const *classes = reel_model_classes(&n);
    assert_true(n >= (int32_t)COUNT_OF(names));
    for (int32_t i = 0; i < n; i++) {
        assert_ptr_equal(reel_model_class_find(classes[i]->name), classes[i]);
        for (int32_t s = 0; s < classes[i]->n_settings; s++) {
            const struct reel_setting *setting = &classes[i]->setting[s];
            assert_true(setting->standard >= setting->low);
            assert_true(setting->standard <= setting->high);
        }
    }
    assert_null(reel_model_class_find("no such model"));
}

static void settings_are_read_and_printed_alike(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_train_options opt = reel_train_options_default(), again = opt;
    char text[512], text_again[512];
    assert_ok(reel_settings_parse("als", "factors=32, solver=cg alpha=2.5", &opt, &err),
              err);
    reel_settings_print("als", &opt, text, sizeof text);
    assert_non_null(strstr(text, "factors=32 "));
    assert_non_null(strstr(text, "solver=cg "));
    assert_ok(reel_settings_parse("als", text, &again, &err), err);
    reel_settings_print("als", &again, text_again, sizeof text_again);
    assert_string_equal(text, text_again);
    const char *const wrong[] = {"factors",     "factors=",  "factors=x",
                                 "factors=1.5", "factors=0", "factors=99999",
                                 "nothing=1",   "alpha=nan", "solver=magic"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(reel_settings_parse("als", wrong[i], &opt, &err), REEL_EINVAL);
    }
}

// Does the model put films of the viewer's own taste first?
static double share_of_own_taste(const struct reel_model *model, const struct reel_csr *m)
{
    enum { N_TOP = 5 };
    struct reel_error err;
    int32_t *film = test_malloc((size_t)m->n_rows * N_TOP * sizeof *film);
    float *score = test_malloc((size_t)m->n_rows * N_TOP * sizeof *score);
    assert_ok(reel_model_top(model, m, NULL, N_TOP, 2, film, score, &err), err);
    double n_own = 0;
    for (int32_t i = 0; i < m->n_rows * N_TOP; i++) {
        assert_in_range(film[i], 0, m->n_cols - 1);
        n_own += film[i] % 4 == (i / N_TOP) % 4;
    }
    test_free(film);
    test_free(score);
    return n_own / (m->n_rows * N_TOP);
}

static void every_model_but_popularity_learns_tastes(void **state)
{
    (void)state;
    struct base_csr m = world(200, 80, 4, 10, 1);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct reel_model *model = trained(names[i], &m, 2);
        const double share = share_of_own_taste(model, &m.csr);
        if (strcmp(names[i], "popularity") == 0) {
            assert_true(share < 0.4);
        } else if (!(share > (strcmp(names[i], "sequence") == 0 ? 0.5 : 0.7))) {
            // Order says nothing here, and orders are all that one of them has.
            fail_msg("%s: %.2f of its lists are of the viewer's taste", names[i], share);
        }
        reel_model_free(model);
    }
    base_csr_release(&m);
}

static void same_seed_and_threads_give_the_same_bits(void **state)
{
    (void)state;
    struct base_csr m = world(60, 40, 4, 8, 2);
    float a[40], b[40];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        for (int32_t n_threads = 1; n_threads <= 3; n_threads++) {
            struct reel_model *one = trained(names[i], &m, n_threads);
            struct reel_model *two = trained(names[i], &m, n_threads);
            struct reel_error err;
            for (int32_t u = 0; u < m.csr.n_rows; u++) {
                const struct reel_query q = query_of(&m.csr, u);
                assert_ok(reel_model_score(one, &q, a, &err), err);
                assert_ok(reel_model_score(two, &q, b, &err), err);
                assert_memory_equal(a, b, sizeof a);
            }
            reel_model_free(one);
            reel_model_free(two);
        }
    }
    base_csr_release(&m);
}

static void parts_and_rest_add_up_to_the_score(void **state)
{
    (void)state;
    struct base_csr m = world(60, 40, 4, 8, 3);
    float score[40];
    struct reel_part part[40];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct reel_model *model = trained(names[i], &m, 1);
        struct reel_error err;
        for (int32_t u = 0; u < m.csr.n_rows; u += 7) {
            const struct reel_query q = query_of(&m.csr, u);
            assert_ok(reel_model_score(model, &q, score, &err), err);
            for (int32_t film = 0; film < 40; film += 3) {
                // What is known is never listed, and neighbours of itself are no reason.
                if (base_csr_has(&m.csr, u, film)) {
                    continue;
                }
                int32_t n;
                float total, rest;
                assert_ok(
                    reel_model_explain(model, &q, film, part, &n, &total, &rest, &err),
                    err);
                double sum = rest;
                for (int32_t p = 0; p < n; p++) {
                    sum += part[p].amount;
                    assert_true(p == 0 ||
                                fabsf(part[p].amount) <= fabsf(part[p - 1].amount));
                }
                if (fabs(sum - score[film]) > 1e-3 * (1 + fabs(sum)) ||
                    fabs(total - score[film]) > 1e-3 * (1 + fabs(sum))) {
                    fail_msg("%s: viewer %d film %d: parts %g, score %g", names[i], u,
                             film, sum, score[film]);
                }
            }
        }
        reel_model_free(model);
    }
    base_csr_release(&m);
}

static void saved_and_opened_scores_alike(void **state)
{
    (void)state;
    char path[] = "/tmp/forkreel-model-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    struct base_csr m = world(50, 30, 3, 6, 4);
    const int64_t film_key[30] = {7, 9, 11};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct reel_error err;
        struct reel_training data = {
            .chosen = m.csr, .at_s = times(), .film_key = film_key, .version = 77};
        struct reel_train_options opt = quick_options(names[i], 1);
        opt.seed = 5;
        struct reel_model *model, *opened;
        assert_ok(reel_model_train(names[i], &data, &opt, &model, &err), err);
        assert_ok(reel_model_save(model, path, &err), err);
        assert_ok(reel_model_open(path, &opened, &err), err);
        assert_string_equal(reel_model_name(opened), names[i]);
        assert_string_equal(reel_model_settings(opened), reel_model_settings(model));
        assert_int_equal(reel_model_version(opened), 77);
        assert_int_equal(reel_model_seed(opened), 5);
        assert_int_equal(reel_model_n_films(opened), 30);
        assert_int_equal(reel_model_n_viewers(opened), 50);
        assert_memory_equal(reel_model_film_keys(opened), film_key, sizeof film_key);
        for (int32_t u = 0; u < 50; u++) {
            float a[30], b[30];
            const struct reel_query q = query_of(&m.csr, u);
            assert_ok(reel_model_score(model, &q, a, &err), err);
            assert_ok(reel_model_score(opened, &q, b, &err), err);
            assert_memory_equal(a, b, sizeof a);
        }
        reel_model_free(model);
        reel_model_free(opened);
    }
    base_csr_release(&m);
    (void)unlink(path);
}

static void a_damaged_file_is_refused_and_never_read_outside(void **state)
{
    (void)state;
    char path[] = "/tmp/forkreel-model-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct base_csr m = world(20, 15, 3, 4, 5);
    struct base_rng rng;
    base_rng_init(&rng, 6, 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct reel_error err;
        struct reel_model *model = trained(names[i], &m, 1), *opened;
        assert_ok(reel_model_save(model, path, &err), err);
        reel_model_free(model);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        static unsigned char whole[1 << 20];
        const size_t n = fread(whole, 1, sizeof whole, file);
        (void)fclose(file);
        for (int tries = 0; tries < 300; tries++) {
            static unsigned char damaged[1 << 20];
            memcpy(damaged, whole, n);
            const size_t n_kept = tries % 3 == 0 ? base_rng_below(&rng, (uint32_t)n) : n;
            const size_t place = base_rng_below(&rng, (uint32_t)n);
            damaged[place] ^= (unsigned char)(1 + base_rng_below(&rng, 255));
            file = fopen(path, "wb");
            assert_non_null(file);
            assert_int_equal(fwrite(damaged, 1, n_kept, file), n_kept);
            (void)fclose(file);
            // Damage to numbers cannot be seen; damage to sizes and indices must be.
            if (reel_model_open(path, &opened, &err) == REEL_OK) {
                float score[15];
                const struct reel_query q = query_of(&m.csr, 3);
                (void)(reel_model_score(opened, &q, score, &err) == REEL_OK);
                reel_model_free(opened);
            } else {
                assert_null(opened);
                assert_true(strlen(err.text) > 0);
            }
        }
    }
    (void)close(fd);
    (void)unlink(path);
    base_csr_release(&m);
    struct reel_error err;
    struct reel_model *opened;
    assert_int_equal(reel_model_open("/no/such/model", &opened, &err), REEL_ENOTFOUND);
}

// The sum over the header, so that a test can write a header that lies.
static void sign(struct model_header *header)
{
    header->check = 0;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < sizeof *header; i++) {
        h = (h ^ ((const unsigned char *)header)[i]) * 0x100000001b3u;
    }
    header->check = h;
}

static void a_signed_header_that_lies_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/forkreel-model-XXXXXX";
    (void)close(mkstemp(path));
    struct base_csr m = world(20, 15, 3, 4, 5);
    for (int lie = 0; lie < 3; lie++) {
        struct reel_error err;
        struct reel_model *model = trained(lie == 0 ? "als" : "item-knn", &m, 1), *opened;
        assert_ok(reel_model_save(model, path, &err), err);
        reel_model_free(model);
        const int fd = open(path, O_RDWR);
        assert_true(fd >= 0);
        struct model_header header;
        assert_int_equal(pread(fd, &header, sizeof header, 0), (ssize_t)sizeof header);
        sign(&header);
        assert_int_equal(pwrite(fd, &header, sizeof header, 0), (ssize_t)sizeof header);
        assert_ok(reel_model_open(path, &opened, &err), err);
        reel_model_free(opened);
        if (lie == 0) {
            header.setting[2] = NAN; // a weighting that is none
        } else if (lie == 1) {
            header.section[MODEL_VALUE].is_present = 0;
        } else {
            header.section[MODEL_COL].offset = 1u << 30;
        }
        sign(&header);
        assert_int_equal(pwrite(fd, &header, sizeof header, 0), (ssize_t)sizeof header);
        assert_int_equal(reel_model_open(path, &opened, &err), REEL_EFORMAT);
        assert_null(opened);
        (void)close(fd);
    }
    (void)unlink(path);
    base_csr_release(&m);
}

static void training_fails_cleanly_at_every_allocation(void **state)
{
    (void)state;
    struct base_csr m = world(12, 10, 2, 4, 6);
    const struct reel_training data = {.chosen = m.csr, .at_s = times()};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct reel_train_options opt = quick_options(names[i], 1);
        for (long n = 0;; n++) {
            struct reel_error err;
            struct reel_model *model = (struct reel_model *)&err;
            base_alloc_fail_after(n);
            const enum reel_status rc =
                reel_model_train(names[i], &data, &opt, &model, &err);
            base_alloc_fail_after(-1);
            if (rc == REEL_OK) {
                reel_model_free(model);
                assert_true(n > 2);
                break;
            }
            assert_int_equal(rc, REEL_ENOMEM);
            assert_null(model);
        }
    }
    base_csr_release(&m);
}

static bool stop_at_once(const char *stage, double done, double total, void *payload)
{
    (void)stage, (void)done, (void)total;
    ++*(int *)payload;
    return false;
}

static void a_wish_to_stop_is_heard(void **state)
{
    (void)state;
    struct base_csr m = world(30, 20, 2, 4, 7);
    const struct reel_training data = {.chosen = m.csr, .at_s = times()};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct reel_error err;
        struct reel_model *model;
        int n_asked = 0;
        struct reel_train_options opt = quick_options(names[i], 1);
        opt.progress = (struct reel_progress){stop_at_once, &n_asked};
        const enum reel_status rc = reel_model_train(names[i], &data, &opt, &model, &err);
        if (n_asked > 0) {
            assert_int_equal(rc, REEL_ECANCELLED);
            assert_null(model);
        } else {
            // Done before anybody could ask.
            assert_true(strcmp(names[i], "popularity") == 0 ||
                        strcmp(names[i], "user-knn") == 0);
            reel_model_free(model);
        }
    }
    base_csr_release(&m);
}

static void wrong_questions_are_refused(void **state)
{
    (void)state;
    struct base_csr m = world(30, 20, 2, 4, 8);
    struct reel_error err;
    float score[20];
    struct reel_model *model = trained("ease", &m, 1);
    const int32_t not_sorted[] = {3, 1}, outside[] = {20}, repeated[] = {1, 1};
    const float not_positive[] = {0};
    const struct reel_query wrong[] = {{.film = not_sorted, .n = 2},
                                       {.film = outside, .n = 1},
                                       {.film = repeated, .n = 2},
                                       {.film = repeated, .value = not_positive, .n = 1}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(reel_model_score(model, &wrong[i], score, &err), REEL_EINVAL);
    }
    reel_model_free(model);
    const int64_t nothing[31] = {0};
    struct reel_training data = {.chosen = m.csr, .at_s = times()};
    data.chosen.start = nothing;
    const struct reel_train_options opt = reel_train_options_default();
    assert_int_equal(reel_model_train("als", &data, &opt, &model, &err), REEL_EINVAL);
    data.chosen = m.csr;
    assert_int_equal(reel_model_train("magic", &data, &opt, &model, &err), REEL_EINVAL);
    base_csr_release(&m);
}

static void a_viewer_without_history_gets_scores(void **state)
{
    (void)state;
    struct base_csr m = world(30, 20, 2, 4, 9);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct reel_error err;
        struct reel_model *model = trained(names[i], &m, 1);
        float score[20];
        const struct reel_query nobody = {0};
        assert_ok(reel_model_score(model, &nobody, score, &err), err);
        for (int j = 0; j < 20; j++) {
            assert_true(isfinite(score[j]));
        }
        reel_model_free(model);
    }
    base_csr_release(&m);
}

static void lists_are_those_of_a_full_scan(void **state)
{
    (void)state;
    enum { N_TOP = 7 };
    struct base_csr m = world(150, 700, 4, 12, 10);
    struct base_csr seen = world(150, 700, 4, 30, 11);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct reel_error err;
        struct reel_model *model = trained(names[i], &m, 2);
        int32_t film[150 * N_TOP];
        float top[150 * N_TOP], score[700];
        assert_ok(reel_model_top(model, &m.csr, &seen.csr, N_TOP, 2, film, top, &err),
                  err);
        for (int32_t u = 0; u < 150; u++) {
            const struct reel_query q = query_of(&m.csr, u);
            assert_ok(reel_model_score(model, &q, score, &err), err);
            float worst = INFINITY;
            for (int32_t t = 0; t < N_TOP; t++) {
                const int32_t f = film[u * N_TOP + t];
                assert_false(base_csr_has(&seen.csr, u, f));
                assert_true(fabsf(score[f] - top[u * N_TOP + t]) <
                            1e-4F * (1 + fabsf(score[f])));
                assert_true(top[u * N_TOP + t] <= worst);
                worst = top[u * N_TOP + t];
                score[f] = -INFINITY;
            }
            for (int32_t f = 0; f < 700; f++) {
                if (!base_csr_has(&seen.csr, u, f)) {
                    assert_true(score[f] <= worst + 1e-4F * (1 + fabsf(worst)));
                }
            }
        }
        reel_model_free(model);
    }
    base_csr_release(&m);
    base_csr_release(&seen);
}

static void a_list_longer_than_the_films_ends_with_none(void **state)
{
    (void)state;
    struct base_csr m = world(10, 6, 2, 3, 12);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct reel_error err;
        struct reel_model *model = trained(names[i], &m, 1);
        int32_t film[10 * 8];
        float score[10 * 8];
        assert_ok(reel_model_top(model, &m.csr, NULL, 8, 1, film, score, &err), err);
        for (int32_t u = 0; u < 10; u++) {
            const int64_t n_left = 6 - (m.start[u + 1] - m.start[u]);
            for (int32_t t = 0; t < 8; t++) {
                assert_int_equal(film[u * 8 + t] >= 0, t < n_left);
            }
        }
        reel_model_free(model);
    }
    base_csr_release(&m);
}

static enum reel_status parabola(const struct reel_train_options *opt, double *score,
                                 void *payload, struct reel_error *err)
{
    (void)err;
    ++*(int *)payload;
    // ease's lambda is best at 1000.
    *score = -fabs(log(opt->setting[0] / 1000));
    return REEL_OK;
}

static void search_comes_near_the_best_setting(void **state)
{
    (void)state;
    int n_tried = 0;
    const struct reel_search search = {parabola, &n_tried};
    struct reel_train_options best = reel_train_options_default();
    struct reel_error err;
    double score;
    assert_ok(reel_settings_search("ease", 40, 1, &search, &best, &score, &err), err);
    assert_int_equal(n_tried, 40);
    assert_true(best.setting[0] > 800 && best.setting[0] < 1250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_is_listed_and_found),
        cmocka_unit_test(settings_are_read_and_printed_alike),
        cmocka_unit_test(every_model_but_popularity_learns_tastes),
        cmocka_unit_test(same_seed_and_threads_give_the_same_bits),
        cmocka_unit_test(parts_and_rest_add_up_to_the_score),
        cmocka_unit_test(saved_and_opened_scores_alike),
        cmocka_unit_test(a_damaged_file_is_refused_and_never_read_outside),
        cmocka_unit_test(a_signed_header_that_lies_is_refused),
        cmocka_unit_test(training_fails_cleanly_at_every_allocation),
        cmocka_unit_test(a_wish_to_stop_is_heard),
        cmocka_unit_test(wrong_questions_are_refused),
        cmocka_unit_test(a_viewer_without_history_gets_scores),
        cmocka_unit_test(lists_are_those_of_a_full_scan),
        cmocka_unit_test(a_list_longer_than_the_films_ends_with_none),
        cmocka_unit_test(search_comes_near_the_best_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
