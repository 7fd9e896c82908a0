#include "rank_fixture.h"

#include "rank_filter.h"

/** The rows that stay, as digits: "0 2 7". */
static const char *left_by(const struct reel_filter *filter)
{
    static char text[32];
    uint8_t allowed[8];
    struct reel_error err;
    size_t n = 0;
    memset(allowed, 1, sizeof allowed);
    assert_ok(rank_filter_apply(filter, eight_films(), allowed, &err), err);
    for (int32_t f = 0; f < 8; f++) {
        if (allowed[f]) {
            text[n++] = (char)('0' + f);
        }
    }
    text[n] = '\0';
    return text;
}

static void without_wishes_all_films_stay(void **state)
{
    (void)state;
    assert_string_equal(left_by(&(struct reel_filter){0}), "01234567");
}

static void years_are_bounds_and_unknown_ones_fail_them(void **state)
{
    (void)state;
    assert_string_equal(left_by(&(struct reel_filter){.year_min = 1995}), "1247");
    assert_string_equal(left_by(&(struct reel_filter){.year_max = 1995}), "0135");
    assert_string_equal(
        left_by(&(struct reel_filter){.year_min = 1994, .year_max = 1996}), "123");
}

static void runtime_and_age_must_be_known(void **state)
{
    (void)state;
    assert_string_equal(left_by(&(struct reel_filter){.runtime_max_min = 122}), "024");
    assert_string_equal(left_by(&(struct reel_filter){.age_max = 12}), "3467");
    assert_string_equal(left_by(&(struct reel_filter){.age_max = 18}), "0123467");
}

static void names_are_any_of_these_whatever_their_case(void **state)
{
    (void)state;
    const char *const two[] = {"CRIME", "horror"};
    const char *const chinese[] = {"ZH", "fr"};
    const char *const people[] = {"gong li", "Ridley Scott"};
    assert_string_equal(left_by(&(struct reel_filter){.genres = two, .n_genres = 2}),
                        "0126");
    assert_string_equal(
        left_by(&(struct reel_filter){.not_genres = two, .n_not_genres = 2}), "3457");
    assert_string_equal(
        left_by(&(struct reel_filter){.languages = chinese, .n_languages = 2}), "347");
    assert_string_equal(left_by(&(struct reel_filter){.people = people, .n_people = 2}),
                        "03");
}

static void filters_are_joined_by_and(void **state)
{
    (void)state;
    const char *const drama[] = {"Drama"}, *const crime[] = {"Crime"};
    const int64_t not_films[] = {21, 4, 999};
    assert_string_equal(left_by(&(struct reel_filter){.year_min = 1990,
                                                      .genres = drama,
                                                      .n_genres = 1,
                                                      .not_genres = crime,
                                                      .n_not_genres = 1,
                                                      .not_films = not_films,
                                                      .n_not_films = 3}),
                        "37");
}

static void what_no_film_has_is_named(void **state)
{
    (void)state;
    const char *const names[] = {"Drama", "Dramma"};
    const char *const drama[] = {"Drama"};
    const struct reel_filter wrong[] = {{.genres = names, .n_genres = 2},
                                        {.people = names, .n_people = 2},
                                        {.languages = names, .n_languages = 2}};
    const char *const want[] = {"no film with the genre \"Dramma\"",
                                "no film with the person \"Drama\"",
                                "no film in the language \"Drama\""};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        uint8_t allowed[8];
        struct reel_error err;
        assert_int_equal(rank_filter_apply(&wrong[i], eight_films(), allowed, &err),
                         REEL_ENOTFOUND);
        assert_string_equal(err.text, want[i]);
    }
    // Nothing is to be left out: no error, in whatever catalogue a profile is used.
    assert_string_equal(
        left_by(&(struct reel_filter){
            .not_genres = names + 1, .n_not_genres = 1, .genres = drama, .n_genres = 1}),
        "123457");
}

static void keys_are_found_and_others_are_not(void **state)
{
    (void)state;
    const struct reel_film_table *films = eight_films();
    for (int32_t f = 0; f < films->n_films; f++) {
        assert_int_equal(rank_film_find(films, films->key[f]), f);
        assert_int_equal(rank_film_find(films, films->key[f] + 1), -1);
    }
    assert_int_equal(rank_film_find(&(struct reel_film_table){0}, 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_wishes_all_films_stay),
        cmocka_unit_test(years_are_bounds_and_unknown_ones_fail_them),
        cmocka_unit_test(runtime_and_age_must_be_known),
        cmocka_unit_test(names_are_any_of_these_whatever_their_case),
        cmocka_unit_test(filters_are_joined_by_and),
        cmocka_unit_test(what_no_film_has_is_named),
        cmocka_unit_test(keys_are_found_and_others_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
