/**
 * Branches and verdicts: against NumPy (tests/parity/branch_cases.py), and what must hold.
 */
#include "rank_fixture.h"

#include <forkreel/branch.h>

#include "../parity/branch_cases.h"

static const struct reel_csr seen = {40, 12, verdict_start, verdict_col, verdict_stars};

static struct reel_film_table films_of_case(void)
{
    static const char *const name[] = {"p", "q", "r", "s", "t"};
    static const int32_t runtime_min[12] = {0};
    return (struct reel_film_table){
        .n_films = 12,
        .runtime_min = runtime_min,
        .genres = {12, 4, verdict_genre_start, verdict_genre_col, NULL},
        .people = {12, 5, verdict_person_start, verdict_person_col, NULL},
        .genre_name = name,
        .people_name = name,
    };
}

static void verdicts_equal_numpy(void **state)
{
    (void)state;
    const struct reel_film_table films = films_of_case();
    for (size_t i = 0; i < COUNT_OF(verdict_viewer); i++) {
        struct reel_verdict verdict;
        struct reel_error err;
        assert_ok(reel_verdict_make(&seen, &films, verdict_viewer[i], verdict_film[i],
                                    &verdict, &err),
                  err);
        if (fabs(verdict.stars - verdict_expected[i]) > 1e-6) {
            fail_msg("viewer %d film %d: %.9g is not %.9g", verdict_viewer[i],
                     verdict_film[i], verdict.stars, verdict_expected[i]);
        }
        assert_true(verdict.low <= verdict.stars && verdict.stars <= verdict.high);
        for (int32_t r = 1; r < verdict.n_reasons; r++) {
            assert_true(fabs(verdict.reason[r].effect) <=
                        fabs(verdict.reason[r - 1].effect));
        }
    }
}

static void verdict_refuses_strangers(void **state)
{
    (void)state;
    const struct reel_film_table films = films_of_case();
    struct reel_verdict verdict;
    struct reel_error err;
    assert_int_equal(reel_verdict_make(&seen, &films, 40, 0, &verdict, &err),
                     REEL_EINVAL);
    assert_int_equal(reel_verdict_make(&seen, &films, 0, -1, &verdict, &err),
                     REEL_EINVAL);
}

static void verdict_without_ratings_says_so(void **state)
{
    (void)state;
    const int64_t start[] = {0, 1};
    const int32_t col[] = {3};
    const float stars[] = {NAN};
    const struct reel_csr watched = {1, 12, start, col, stars};
    const struct reel_film_table films = films_of_case();
    struct reel_verdict verdict;
    struct reel_error err;
    assert_int_equal(reel_verdict_make(&watched, &films, 0, 0, &verdict, &err),
                     REEL_EFAIL);
    assert_string_equal(err.text, "nobody has rated any film");
}

static void verdict_names_a_film_longer_than_what_is_liked(void **state)
{
    (void)state;
    const int64_t start[] = {0, 6};
    const int32_t col[] = {0, 1, 2, 3, 4, 6};
    const float stars[] = {5, 5, 4, 4, 5, 1};
    const struct reel_csr rated = {1, 8, start, col, stars};
    struct reel_film_table films = *eight_films();
    const int32_t runtime_min[] = {100, 100, 98, 90, 110, 180, 300, 0};
    films.runtime_min = runtime_min;
    struct reel_verdict verdict;
    struct reel_error err;
    assert_ok(reel_verdict_make(&rated, &films, 0, 5, &verdict, &err), err);
    bool is_told = false;
    for (int32_t r = 0; r < verdict.n_reasons; r++) {
        is_told |= verdict.reason[r].kind == REEL_VERDICT_LENGTH;
    }
    assert_true(is_told);
}

static void verdict_survives_every_failing_allocation(void **state)
{
    (void)state;
    const struct reel_film_table films = films_of_case();
    struct reel_verdict verdict;
    struct reel_error err;
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc =
            reel_verdict_make(&seen, &films, 0, 1, &verdict, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

// ---- branches ----

static struct reel_branch_viewer viewer_of_case(struct reel_branch_document *document)
{
    for (size_t d = 0; d < COUNT_OF(taste_document); d++) {
        document[d] = (struct reel_branch_document){taste_document[d], taste_liked[d]};
    }
    return (struct reel_branch_viewer){.document = document,
                                       .n_documents = COUNT_OF(taste_document),
                                       .genre = taste_genre,
                                       .genre_lift = taste_lift,
                                       .n_genres = COUNT_OF(taste_genre)};
}

static void tastes_equal_numpy_and_their_parts_add_up(void **state)
{
    (void)state;
    struct reel_branch_document document[COUNT_OF(taste_document)];
    const struct reel_branch_viewer viewer = viewer_of_case(document);
    struct reel_branch branch[COUNT_OF(taste_branch)];
    struct reel_branch_score score[COUNT_OF(taste_branch)];
    struct reel_branch_taste *taste;
    struct reel_error err;
    for (size_t i = 0; i < COUNT_OF(branch); i++) {
        branch[i] = (struct reel_branch){.text = taste_branch[i],
                                         .event_genres = taste_branch_genres[i]};
    }
    assert_ok(reel_branch_taste_create(&viewer, "en", &taste, &err), err);
    const struct reel_branch_scorer scorer = reel_branch_taste_scorer(taste);
    assert_ok(scorer.score(branch, COUNT_OF(branch), score, scorer.payload, &err), err);
    for (size_t i = 0; i < COUNT_OF(branch); i++) {
        double sum = 0;
        for (int32_t p = 0; p < score[i].n_parts; p++) {
            sum += score[i].part[p].value;
        }
        assert_true(fabs(score[i].p_like - taste_expected[i]) < 1e-5);
        assert_true(fabs(score[i].p_like - sum) < 1e-12);
    }
    reel_branch_taste_free(taste);
}

static void taste_knows_chinese_words(void **state)
{
    (void)state;
    struct reel_branch_document document[12] = {{"侦探在码头找到了失窃的信。", 1},
                                                {"小偷归还了信件，侦探原谅了他。", 1}};
    static const char *const others[] = {"国王失去了王冠。",         "幽灵在城堡里游荡。",
                                         "飞行员降落在遥远的星球。", "机器人学会了撒谎。",
                                         "士兵守住了大桥。",         "歌手忘记了歌词。",
                                         "男孩骗过了父亲。",         "火车晚点离站。",
                                         "女王赦免了骑士。",         "大雨下了一周。"};
    for (size_t d = 0; d < COUNT_OF(others); d++) {
        document[d + 2].text = others[d];
    }
    const struct reel_branch_viewer viewer = {.document = document, .n_documents = 12};
    const struct reel_branch branch[] = {{.text = "侦探又偷走了那封信。"},
                                         {.text = "国王等待骑士。"}};
    struct reel_branch_score score[2];
    struct reel_branch_taste *taste;
    struct reel_error err;
    assert_ok(reel_branch_taste_create(&viewer, "zh", &taste, &err), err);
    assert_ok(reel_branch_taste_score(taste, branch, 2, score, &err), err);
    assert_true(score[0].p_like > score[1].p_like + 0.1);
    reel_branch_taste_free(taste);
}

static void viewer_without_texts_is_neutral(void **state)
{
    (void)state;
    const struct reel_branch_viewer nobody = {0};
    const struct reel_branch branch = {.text = "anything"};
    struct reel_branch_score score;
    struct reel_branch_taste *taste;
    struct reel_error err;
    assert_ok(reel_branch_taste_create(&nobody, "en", &taste, &err), err);
    assert_ok(reel_branch_taste_score(taste, &branch, 1, &score, &err), err);
    assert_true(fabs(score.p_like - 0.5) < 1e-12);
    reel_branch_taste_free(taste);
    assert_int_equal(reel_branch_taste_create(&nobody, "fr", &taste, &err), REEL_EINVAL);
    assert_null(taste);
}

static void taste_survives_every_failing_allocation(void **state)
{
    (void)state;
    struct reel_branch_document document[COUNT_OF(taste_document)];
    const struct reel_branch_viewer viewer = viewer_of_case(document);
    struct reel_branch_taste *taste;
    struct reel_error err;
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc = reel_branch_taste_create(&viewer, "en", &taste, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_null(taste);
    }
    reel_branch_taste_free(taste);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_equal_numpy),
        cmocka_unit_test(verdict_refuses_strangers),
        cmocka_unit_test(verdict_without_ratings_says_so),
        cmocka_unit_test(verdict_names_a_film_longer_than_what_is_liked),
        cmocka_unit_test(verdict_survives_every_failing_allocation),
        cmocka_unit_test(tastes_equal_numpy_and_their_parts_add_up),
        cmocka_unit_test(taste_knows_chinese_words),
        cmocka_unit_test(viewer_without_texts_is_neutral),
        cmocka_unit_test(taste_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
