#include "rank_fixture.h"

#include <forkreel/profile.h>

static const struct reel_belief *find(const struct reel_profile *profile,
                                      enum reel_edit_kind kind, const char *name)
{
    for (int32_t b = 0; b < profile->n_beliefs; b++) {
        if (profile->belief[b].kind == kind && !strcmp(profile->belief[b].name, name)) {
            return &profile->belief[b];
        }
    }
    return NULL;
}

static void edits_reach_the_films_they_mean(void **state)
{
    (void)state;
    const struct reel_edit edit[] = {
        {REEL_EDIT_GENRE, "horror", -1},  {REEL_EDIT_PERSON, "zhang yimou", 2},
        {REEL_EDIT_DECADE, "1990", 0.5},  {REEL_EDIT_LANGUAGE, "FR", 1},
        {REEL_EDIT_EVENT, "betrayal", 1}, {REEL_EDIT_GENRE, "Western", 1}};
    struct reel_said said;
    struct reel_error err;
    assert_ok(reel_edits_adjust(edit, COUNT_OF(edit), eight_films(), &said, &err), err);
    assert_int_equal(said.n_adjustments, 4);
    assert_string_equal(said.adjustment[0].name, "Horror");
    static const float expected[4][8] = {{-1, 0, 0, 0, 0, 0, -1, 0},
                                         {0, 0, 0, 2, 0, 0, 0, 2},
                                         {0, 0.5F, 0.5F, 0.5F, 0, 0, 0, 0},
                                         {0, 0, 0, 0, 1, 0, 0, 0}};
    for (int a = 0; a < 4; a++) {
        assert_true(said.adjustment[a].is_said);
        for (int f = 0; f < 8; f++) {
            assert_float_equal(said.adjustment[a].amount[f], expected[a][f], 0);
        }
    }
    assert_true(reel_edit_fits(&edit[0], eight_films()));
    assert_false(reel_edit_fits(&edit[5], eight_films()));
    reel_said_release(&said);
}

// Viewer 0: Alien 5, Fargo 4, To Live 2, Hero 5 without stars; viewer 1: Amelie, Brazil.
static const int64_t seen_start[] = {0, 4, 6};
static const int32_t seen_col[] = {0, 2, 3, 7, 4, 5};
static const float seen_stars[] = {5, 4, 2, NAN, 5, 5};
static const int64_t seen_at_s[] = {100, 300, 200, REEL_TIME_UNKNOWN, 1, 1};
static const int64_t chosen_start[] = {0, 3, 5};
static const int32_t chosen_col[] = {0, 2, 7, 4, 5};
static const struct reel_csr seen = {2, 8, seen_start, seen_col, seen_stars};
static const struct reel_csr chosen = {2, 8, chosen_start, chosen_col, NULL};

static void history_is_counted(void **state)
{
    (void)state;
    const struct reel_edit edit[] = {{REEL_EDIT_GENRE, "drama", 0.5},
                                     {REEL_EDIT_PERSON, "Gong Li", 1}};
    const struct reel_edits edits = {.n_edits = 2, .edit = edit};
    struct reel_profile profile;
    struct reel_error err;
    assert_ok(reel_profile_make(&seen, seen_at_s, &chosen, 0, eight_films(), &edits, "en",
                                &profile, &err),
              err);
    assert_int_equal(profile.n_seen, 4);
    assert_int_equal(profile.n_rated, 3);
    assert_int_equal(profile.n_liked, 3);
    assert_float_equal(profile.mean_stars, 11.0 / 3, 1e-12);
    assert_int_equal(profile.first_s, 100);
    assert_int_equal(profile.last_s, 300);

    const struct reel_belief *drama = find(&profile, REEL_EDIT_GENRE, "Drama");
    assert_non_null(
        drama); // Fargo, To Live, Hero; liked by all: Fargo, Hero, Amelie, Brazil
    assert_int_equal(drama->n_seen, 3);
    assert_int_equal(drama->n_liked, 2);
    assert_float_equal(drama->stars, 3, 1e-12);
    assert_float_equal(drama->lift, log((2 + 5 * 0.8) / (3 + 5) / 0.8), 1e-12);
    assert_float_equal(drama->said, 0.5, 0);

    // A person of one film is left out, unless spoken of; of two is told.
    assert_null(find(&profile, REEL_EDIT_PERSON, "Ridley Scott"));
    assert_non_null(find(&profile, REEL_EDIT_PERSON, "Zhang Yimou"));
    assert_non_null(find(&profile, REEL_EDIT_PERSON, "Gong Li"));
    assert_int_equal(find(&profile, REEL_EDIT_DECADE, "1990")->n_seen, 2);
    assert_int_equal(find(&profile, REEL_EDIT_LANGUAGE, "zh")->n_seen, 2);
    for (int32_t b = 1; b < profile.n_beliefs; b++) {
        const struct reel_belief *x = &profile.belief[b - 1], *y = &profile.belief[b];
        assert_true(x->kind < y->kind || (x->kind == y->kind && x->lift >= y->lift));
    }
    reel_profile_release(&profile);
}

static void viewers_out_of_range_are_refused(void **state)
{
    (void)state;
    const struct reel_edits none = {0};
    struct reel_profile profile;
    struct reel_error err;
    for (int32_t viewer = -1; viewer <= 2; viewer += 3) {
        assert_int_equal(reel_profile_make(&seen, NULL, &chosen, viewer, eight_films(),
                                           &none, "en", &profile, &err),
                         REEL_EINVAL);
        assert_null(profile.owned);
    }
}

static void a_name_in_two_languages_counts_in_one(void **state)
{
    (void)state;
    static const char *const person[] = {"Ridley Scott", "雷德利·斯科特", "巩俐"};
    static const int64_t start[] = {0, 2, 4, 5, 6, 6, 6, 6, 6};
    static const int32_t col[] = {0, 1, 0, 1, 2, 2};
    struct reel_film_table films = *eight_films();
    films.people =
        (struct reel_csr){.n_rows = 8, .n_cols = 3, .start = start, .col = col};
    films.people_name = person;
    static const int64_t all_start[] = {0, 4};
    static const int32_t all_col[] = {0, 1, 2, 3};
    const struct reel_csr all = {
        .n_rows = 1, .n_cols = 8, .start = all_start, .col = all_col};
    const struct reel_edits none = {0};
    struct reel_profile profile;
    struct reel_error err;
    for (int zh = 0; zh < 2; zh++) {
        int n_scott = 0, n_gong = 0;
        assert_ok(reel_profile_make(&all, NULL, &all, 0, &films, &none, zh ? "zh" : "en",
                                    &profile, &err),
                  err);
        for (int32_t b = 0; b < profile.n_beliefs; b++) {
            n_scott += strcmp(profile.belief[b].name, person[zh]) == 0;
            n_scott -= strcmp(profile.belief[b].name, person[!zh]) == 0;
            n_gong += strcmp(profile.belief[b].name, person[2]) == 0;
        }
        assert_int_equal(n_scott, 1);
        assert_int_equal(n_gong, 1); // she has no other name here
        reel_profile_release(&profile);
    }
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    const struct reel_edit edit = {REEL_EDIT_GENRE, "Drama", 1};
    const struct reel_edits edits = {.n_edits = 1, .edit = &edit};
    for (long n = 0;; n++) {
        struct reel_profile profile;
        base_alloc_fail_after(n);
        const enum reel_status rc = reel_profile_make(
            &seen, NULL, &chosen, 0, eight_films(), &edits, "en", &profile, NULL);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            assert_true(n > 5);
            reel_profile_release(&profile);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_null(profile.owned);
    }
    for (long n = 0;; n++) {
        struct reel_said said;
        base_alloc_fail_after(n);
        const enum reel_status rc =
            reel_edits_adjust(&edit, 1, eight_films(), &said, NULL);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            assert_int_equal(n, 2);
            reel_said_release(&said);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_null(said.adjustment);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_reach_the_films_they_mean),
        cmocka_unit_test(history_is_counted),
        cmocka_unit_test(viewers_out_of_range_are_refused),
        cmocka_unit_test(a_name_in_two_languages_counts_in_one),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
