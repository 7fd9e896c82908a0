/** Stories of films, and choices of viewers. */
#include "db_unit.h"

#include "base_alloc.h"

#include <string.h>

struct seen_stories {
    int32_t n;
    char text[8][64];
    enum reel_status answer;
};

static enum reel_status see_story(int64_t film_key, const char *story, void *payload,
                                  struct reel_error *err)
{
    struct seen_stories *seen = payload;
    (void)err;
    (void)snprintf(seen->text[seen->n++], sizeof seen->text[0], "%lld %s",
                   (long long)film_key, story);
    return seen->answer;
}

static void stories_come_by_key_and_a_failure_is_passed_on(void **state)
{
    struct db_unit *u = *state;
    struct reel_film film[3] = {db_unit_film("csv", "1", "Heat", 1995),
                                db_unit_film("csv", "2", "Fargo", 1996),
                                db_unit_film("csv", "3", "Hero", 2002)};
    film[0].story = "{\"a\":1}";
    film[2].story = "{\"a\":3}";
    (void)db_unit_put(u, film, 3, NULL, 0);
    struct seen_stories seen = {0};
    assert_ok(reel_store_stories_each(u->store, see_story, &seen, &u->err), u->err);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.text[0], "1 {\"a\":1}");
    assert_string_equal(seen.text[1], "3 {\"a\":3}");
    seen = (struct seen_stories){.answer = REEL_ECANCELLED};
    assert_int_equal(reel_store_stories_each(u->store, see_story, &seen, &u->err),
                     REEL_ECANCELLED);
    assert_int_equal(seen.n, 1);
    struct reel_film_card card;
    assert_ok(reel_store_film_load(u->store, 3, &card, &u->err), u->err);
    assert_string_equal(card.film.story, "{\"a\":3}");
    reel_film_card_release(&card);
}

static void story_joins_a_film_that_was_there(void **state)
{
    struct db_unit *u = *state;
    const struct reel_film known = db_unit_film("ml-100k", "42", "Heat", 1995);
    struct reel_film told = db_unit_film("ml-100k", "42", "Heat", 1995);
    told.story = "{}";
    (void)db_unit_put(u, &known, 1, NULL, 0);
    const struct reel_import_report report = db_unit_put(u, &told, 1, NULL, 0);
    assert_int_equal(report.n_films_new, 0);
    struct seen_stories seen = {0};
    assert_ok(reel_store_stories_each(u->store, see_story, &seen, &u->err), u->err);
    assert_int_equal(seen.n, 1);
    const struct reel_import_report again = db_unit_put(u, &told, 1, NULL, 0);
    assert_int_equal(again.n_accepted, 0);
}

static enum reel_status see_choice(const struct reel_choice *choice, void *payload,
                                   struct reel_error *err)
{
    struct seen_stories *seen = payload;
    char shown[32] = "";
    (void)err;
    for (int32_t i = 0; i < choice->n_shown; i++) {
        const size_t n = strlen(shown);
        (void)snprintf(shown + n, sizeof shown - n, "/%s", choice->shown[i]);
    }
    (void)snprintf(seen->text[seen->n++], sizeof seen->text[0], "%s %lld %s %d %s>%s %s",
                   choice->viewer, (long long)choice->film_key, choice->story,
                   choice->node, choice->from, choice->to, shown);
    return seen->answer;
}

static void choices_are_kept_with_what_was_shown(void **state)
{
    struct db_unit *u = *state;
    static const char *const shown[] = {"chase", "fight", "mercy"};
    struct reel_choice choice = {.viewer = "ann",
                                 .film_key = 7,
                                 .story = "heat-1",
                                 .node = 3,
                                 .from = "",
                                 .to = "mercy",
                                 .shown = shown,
                                 .n_shown = 3,
                                 .at_s = 1000};
    assert_ok(reel_store_choice_add(u->store, &choice, &u->err), u->err);
    choice.viewer = "bob";
    choice.film_key = 0;
    choice.from = "mercy";
    choice.to = "chase";
    assert_ok(reel_store_choice_add(u->store, &choice, &u->err), u->err);
    struct seen_stories seen = {0};
    assert_ok(reel_store_choices_each(u->store, NULL, see_choice, &seen, &u->err),
              u->err);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.text[0], "ann 7 heat-1 3 >mercy /chase/fight/mercy");
    seen = (struct seen_stories){0};
    assert_ok(reel_store_choices_each(u->store, "bob", see_choice, &seen, &u->err),
              u->err);
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.text[0], "bob 0 heat-1 3 mercy>chase /chase/fight/mercy");
}

static void choice_that_was_not_shown_is_refused(void **state)
{
    struct db_unit *u = *state;
    static const char *const shown[] = {"chase", "two words"};
    struct reel_choice choice = {.viewer = "ann",
                                 .story = "s",
                                 .from = "",
                                 .to = "mercy",
                                 .shown = shown,
                                 .n_shown = 1};
    assert_int_equal(reel_store_choice_add(u->store, &choice, &u->err), REEL_EINVAL);
    assert_string_equal(u->err.text, "choice: mercy was not shown");
    choice.n_shown = 0;
    assert_int_equal(reel_store_choice_add(u->store, &choice, &u->err), REEL_EINVAL);
    choice.n_shown = 2;
    choice.to = "chase";
    assert_int_equal(reel_store_choice_add(u->store, &choice, &u->err), REEL_EINVAL);
    choice.n_shown = 1;
    choice.viewer = "";
    assert_int_equal(reel_store_choice_add(u->store, &choice, &u->err), REEL_EINVAL);
    struct seen_stories seen = {0};
    assert_ok(reel_store_choices_each(u->store, NULL, see_choice, &seen, &u->err),
              u->err);
    assert_int_equal(seen.n, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, db_unit_begin, db_unit_end)
    const struct CMUnitTest tests[] = {
        TEST(stories_come_by_key_and_a_failure_is_passed_on),
        TEST(story_joins_a_film_that_was_there),
        TEST(choices_are_kept_with_what_was_shown),
        TEST(choice_that_was_not_shown_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
