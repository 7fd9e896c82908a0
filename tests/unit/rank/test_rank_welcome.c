#include "rank_fixture.h"

#include "base_csr.h"
#include "rank_welcome.h"

enum { N_VIEWERS = 300, N_FILMS = 60, N_KNOWN = 20 };

/**
 * Two camps: half of the viewers like the even films, half the odd ones. Film f is seen with
 * a probability that falls with f; what is not of one's camp is seen as well, and not liked.
 */
struct camps {
    int64_t seen_start[N_VIEWERS + 1], chosen_start[N_VIEWERS + 1];
    int32_t seen_col[N_VIEWERS * N_FILMS], chosen_col[N_VIEWERS * N_FILMS];
    struct reel_csr seen, chosen;
};

static const struct camps *camps_make(void)
{
    static struct camps c;
    struct base_rng rng;
    base_rng_init(&rng, 5, 0);
    int64_t n_seen = 0, n_chosen = 0;
    for (int32_t v = 0; v < N_VIEWERS; v++) {
        for (int32_t f = 0; f < N_FILMS; f++) {
            const double p_seen = f < N_KNOWN ? 0.6 : 0.25;
            if (base_rng_double(&rng) < p_seen) {
                c.seen_col[n_seen++] = f;
                if (base_rng_double(&rng) < (f % 2 == v % 2 ? 0.9 : 0.1)) {
                    c.chosen_col[n_chosen++] = f;
                }
            }
        }
        c.seen_start[v + 1] = n_seen;
        c.chosen_start[v + 1] = n_chosen;
    }
    c.seen = (struct reel_csr){N_VIEWERS, N_FILMS, c.seen_start, c.seen_col, NULL};
    c.chosen = (struct reel_csr){N_VIEWERS, N_FILMS, c.chosen_start, c.chosen_col, NULL};
    return &c;
}

static struct reel_welcome *welcome_make(const struct camps *c)
{
    struct reel_welcome *welcome;
    struct reel_error err;
    const struct reel_welcome_options opt = reel_welcome_options_default();
    assert_ok(reel_welcome_create(&c->seen, &c->chosen, NULL, &opt, &welcome, &err), err);
    return welcome;
}

static void without_answers_everybody_speaks(void **state)
{
    (void)state;
    const struct camps *c = camps_make();
    struct reel_welcome *welcome = welcome_make(c);
    float score[N_FILMS];
    struct reel_error err;
    assert_ok(reel_welcome_score(welcome, NULL, 0, score, &err), err);
    for (int32_t f = 0; f < N_FILMS; f++) {
        int32_t n = 0;
        for (int64_t e = 0; e < c->chosen.start[N_VIEWERS]; e++) {
            n += c->chosen.col[e] == f;
        }
        assert_float_equal(score[f], (double)n / N_VIEWERS, 1e-6);
    }
    reel_welcome_free(welcome);
}

/** The regression by the definition: covariances from whole rows, solved by elimination. */
static void score_naive(const struct camps *c, const struct reel_answer *answer,
                        int32_t n_answers, double ridge, double *score)
{
    static double x[N_VIEWERS][8], y[N_VIEWERS][N_FILMS];
    const int n = 2 * n_answers;
    double mean[8] = {0}, mean_y[N_FILMS] = {0}, a[8][9] = {{0}}, w[8];
    for (int32_t v = 0; v < N_VIEWERS; v++) {
        for (int32_t f = 0; f < N_FILMS; f++) {
            y[v][f] = base_csr_has(&c->chosen, v, f);
            mean_y[f] += y[v][f] / N_VIEWERS;
        }
        for (int i = 0; i < n; i++) {
            x[v][i] = base_csr_has(i % 2 ? &c->chosen : &c->seen, v, answer[i / 2].film);
            mean[i] += x[v][i] / N_VIEWERS;
        }
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < n; k++) {
            for (int32_t v = 0; v < N_VIEWERS; v++) {
                a[i][k] += (x[v][i] - mean[i]) * (x[v][k] - mean[k]) / N_VIEWERS;
            }
        }
        a[i][i] += ridge;
        a[i][n] = (i % 2 ? answer[i / 2].kind == REEL_ANSWER_LIKED
                         : answer[i / 2].kind != REEL_ANSWER_UNKNOWN) -
                  mean[i];
    }
    for (int i = 0; i < n; i++) {
        for (int r = 0; r < n; r++) {
            const double factor = r == i ? 0 : a[r][i] / a[i][i];
            for (int k = 0; k <= n; k++) {
                a[r][k] -= factor * a[i][k];
            }
        }
    }
    for (int i = 0; i < n; i++) {
        w[i] = a[i][n] / a[i][i];
    }
    for (int32_t f = 0; f < N_FILMS; f++) {
        score[f] = mean_y[f];
        for (int i = 0; i < n; i++) {
            for (int32_t v = 0; v < N_VIEWERS; v++) {
                score[f] +=
                    w[i] * (x[v][i] - mean[i]) * (y[v][f] - mean_y[f]) / N_VIEWERS;
            }
        }
    }
}

static void scores_are_those_of_the_definition(void **state)
{
    (void)state;
    const struct camps *c = camps_make();
    struct reel_welcome *welcome = welcome_make(c);
    const struct reel_answer answer[] = {{3, REEL_ANSWER_LIKED},
                                         {10, REEL_ANSWER_SEEN},
                                         {44, REEL_ANSWER_UNKNOWN},
                                         {7, REEL_ANSWER_LIKED}};
    float score[N_FILMS];
    double expected[N_FILMS];
    struct reel_error err;
    for (int32_t n = 0; n <= (int32_t)COUNT_OF(answer); n++) {
        assert_ok(reel_welcome_score(welcome, answer, n, score, &err), err);
        score_naive(c, answer, n, reel_welcome_options_default().ridge, expected);
        for (int f = 0; f < N_FILMS; f++) {
            assert_float_equal(score[f], expected[f], 1e-4);
        }
    }
    reel_welcome_free(welcome);
}

static void questions_are_well_known_and_new(void **state)
{
    (void)state;
    struct reel_welcome *welcome = welcome_make(camps_make());
    struct reel_answer answer[N_FILMS];
    struct reel_error err;
    int32_t film, n = 0;
    bool is_asked[N_FILMS] = {false};
    for (; n < N_FILMS; n++) {
        assert_ok(reel_welcome_next(welcome, answer, n, &film, &err), err);
        assert_true(film >= 0 && film < N_FILMS && !is_asked[film]);
        assert_true(n > 4 || film < N_KNOWN);
        is_asked[film] = true;
        answer[n] =
            (struct reel_answer){film, film % 2 ? REEL_ANSWER_LIKED : REEL_ANSWER_SEEN};
    }
    assert_ok(reel_welcome_next(welcome, answer, n, &film, &err), err);
    assert_int_equal(film, -1);
    answer[0].film = N_FILMS;
    assert_int_equal(reel_welcome_next(welcome, answer, 1, &film, &err), REEL_EINVAL);
    reel_welcome_free(welcome);
}

static void answers_tell_the_camp(void **state)
{
    (void)state;
    struct reel_welcome *welcome = welcome_make(camps_make());
    const struct reel_answer answer[] = {{1, REEL_ANSWER_LIKED}, {2, REEL_ANSWER_SEEN}};
    float score[N_FILMS];
    struct reel_error err;
    assert_ok(reel_welcome_score(welcome, answer, 2, score, &err), err);
    double odd = 0, even = 0;
    for (int f = 3; f < N_KNOWN; f++) {
        *(f % 2 ? &odd : &even) += score[f];
    }
    assert_true(odd > 2 * even);
    reel_welcome_free(welcome);
}

static void measured_answers_beat_random_questions(void **state)
{
    (void)state;
    const struct camps *c = camps_make();
    struct reel_welcome_measure_options opt = reel_welcome_measure_options_default();
    struct reel_welcome_measures found;
    struct reel_error err;
    opt.settings = "factors=8";
    opt.share_held = 0.3;
    assert_ok(reel_welcome_measure(&c->seen, &c->chosen, NULL, &opt, &found, &err), err);
    assert_true(found.n_viewers > 80 && found.n_viewers <= 90);
    assert_float_equal(found.chosen[0], found.popular[0], 0);
    assert_float_equal(found.chosen[0], found.random[0], 0);
    assert_true(found.full > 1.2 * found.chosen[0]);
    assert_true(found.chosen[3] > 1.15 * found.chosen[0]);
    assert_true(found.chosen[3] > found.random[3]);
    assert_true(found.known[0] > found.known[2]);
    opt.share_held = 0;
    assert_int_equal(reel_welcome_measure(&c->seen, &c->chosen, NULL, &opt, &found, &err),
                     REEL_EINVAL);
}

static void list_of_a_newcomer_adds_up(void **state)
{
    (void)state;
    // Eight films, three viewers: what is liked with Alien is Fargo.
    const int64_t start[] = {0, 3, 6, 8}, chosen_start[] = {0, 2, 4, 5};
    const int32_t col[] = {0, 2, 3, 0, 2, 6, 1, 4}, chosen_col[] = {0, 2, 0, 2, 1};
    const struct reel_csr seen = {3, 8, start, col, NULL};
    const struct reel_csr chosen = {3, 8, chosen_start, chosen_col, NULL};
    const struct reel_welcome_options opt = reel_welcome_options_default();
    const struct reel_answer answer[] = {{0, REEL_ANSWER_LIKED},
                                         {1, REEL_ANSWER_UNKNOWN}};
    const int32_t liked[] = {0};
    const struct reel_viewer_state viewer = {{.film = liked, .n = 1}, liked, 1};
    struct reel_list_options list_opt = reel_list_options_default();
    struct reel_welcome *welcome;
    struct reel_error err;
    list_opt.with_reasons = true;
    assert_ok(reel_welcome_create(&seen, &chosen, NULL, &opt, &welcome, &err), err);
    for (long n = 0;; n++) {
        struct reel_list list;
        base_alloc_fail_after(n);
        const enum reel_status rc = reel_list_make_newcomer(
            welcome, answer, 2, eight_films(), &viewer, &list_opt, &list, NULL);
        base_alloc_fail_after(-1);
        if (rc != REEL_OK) {
            assert_int_equal(rc, REEL_ENOMEM);
            assert_null(list.owned);
            continue;
        }
        assert_true(n > 15);
        assert_int_equal(list.n, 7);
        assert_int_equal(list.item[0].film, 2);
        for (int32_t i = 0; i < list.n; i++) {
            double sum = 0;
            for (int32_t w = 0; w < list.item[i].n_why; w++) {
                sum += list.item[i].why[w].amount;
            }
            assert_float_equal(sum, list.item[i].score, 1e-6);
        }
        assert_int_equal(list.item[0].why[0].kind, REEL_REASON_FILM);
        assert_int_equal(list.item[0].why[1].kind, REEL_REASON_ANSWER);
        assert_int_equal(list.item[0].why[2].kind, REEL_REASON_POPULARITY);
        reel_list_release(&list);
        break;
    }
    reel_welcome_free(welcome);
}

static void failed_allocations_are_reported(void **state)
{
    (void)state;
    const struct camps *c = camps_make();
    const struct reel_welcome_options opt = reel_welcome_options_default();
    struct reel_welcome *welcome = NULL;
    for (long n = 0; !welcome; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc =
            reel_welcome_create(&c->seen, &c->chosen, NULL, &opt, &welcome, NULL);
        base_alloc_fail_after(-1);
        assert_int_equal(rc, welcome ? REEL_OK : REEL_ENOMEM);
    }
    const struct reel_answer answer = {3, REEL_ANSWER_LIKED};
    int32_t film = -1;
    for (long n = 0; film < 0; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc = reel_welcome_next(welcome, &answer, 1, &film, NULL);
        base_alloc_fail_after(-1);
        assert_int_equal(rc, film < 0 ? REEL_ENOMEM : REEL_OK);
    }
    reel_welcome_free(welcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_answers_everybody_speaks),
        cmocka_unit_test(scores_are_those_of_the_definition),
        cmocka_unit_test(questions_are_well_known_and_new),
        cmocka_unit_test(answers_tell_the_camp),
        cmocka_unit_test(measured_answers_beat_random_questions),
        cmocka_unit_test(list_of_a_newcomer_adds_up),
        cmocka_unit_test(failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
