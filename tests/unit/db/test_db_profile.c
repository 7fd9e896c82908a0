#include "db_unit.h"

#include <forkreel/profile.h>

static int64_t viewer_with_films(struct db_unit *u)
{
    int64_t viewer = 0;
    assert_ok(db_sql_exec(u->store,
                          "INSERT INTO viewer(key, name) VALUES (7, 'ann'), (8, 'bo');"
                          "INSERT INTO film(key, title) VALUES (1, 'Heat'), (2, 'Jaws'),"
                          " (3, 'Alien')",
                          &u->err),
              u->err);
    assert_ok(reel_store_viewer_find(u->store, "ann", &viewer, &u->err), u->err);
    return viewer;
}

static void words_of_edits_are_read(void **state)
{
    struct db_unit *u = *state;
    static const struct {
        const char *text;
        enum reel_edit_kind kind;
        const char *name;
        double amount;
    } good[] = {
        {"genre.horror=-1", REEL_EDIT_GENRE, "horror", -1},
        {"person.\"Al Pacino\"=1.5", REEL_EDIT_PERSON, "Al Pacino", 1.5},
        {"person. A=B =2", REEL_EDIT_PERSON, "A=B", 2},
        {"decade.1990s=.5", REEL_EDIT_DECADE, "1990", .5},
        {"decade.1987=1", REEL_EDIT_DECADE, "1980", 1},
        {"event.betrayal", REEL_EDIT_EVENT, "betrayal", 0},
        {"keyword.太空=3", REEL_EDIT_KEYWORD, "太空", 3},
        {"language.zh=-3", REEL_EDIT_LANGUAGE, "zh", -3},
    };
    struct reel_edit edit;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_ok(reel_edit_parse(good[i].text, &edit, &u->err), u->err);
        assert_int_equal(edit.kind, good[i].kind);
        assert_string_equal(edit.name, good[i].name);
        assert_float_equal(edit.amount, good[i].amount, 0);
    }
    static const char *const bad[] = {"",
                                      "horror=1",
                                      "genre=1",
                                      "gener.x=1",
                                      "genre.=1",
                                      "genre.x=4",
                                      "genre.x=",
                                      "genre.x=1e",
                                      "genre.x=nan",
                                      "decade.90=1",
                                      "decade.1990x=1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (reel_edit_parse(bad[i], &edit, &u->err) != REEL_EINVAL) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
    char longer[REEL_EDIT_NAME_BYTES + 16] = "genre.";
    memset(longer + 6, 'x', REEL_EDIT_NAME_BYTES);
    assert_int_equal(reel_edit_parse(longer, &edit, &u->err), REEL_EINVAL);
}

static void edits_are_kept_replaced_and_removed(void **state)
{
    struct db_unit *u = *state;
    const int64_t ann = viewer_with_films(u);
    const struct reel_edit horror = {REEL_EDIT_GENRE, "horror", -1},
                           again = {REEL_EDIT_GENRE, "Horror", 2},
                           pacino = {REEL_EDIT_PERSON, "Al Pacino", 1},
                           nothing = {REEL_EDIT_PERSON, "Al Pacino", 0};
    struct reel_edits edits;
    assert_ok(reel_store_edit_set(u->store, ann, &horror, &u->err), u->err);
    assert_ok(reel_store_edit_set(u->store, ann, &pacino, &u->err), u->err);
    assert_ok(reel_store_edit_set(u->store, ann, &again, &u->err), u->err);
    assert_ok(reel_store_edit_set(u->store, 8, &horror, &u->err), u->err);
    assert_int_equal(reel_store_edit_set(u->store, ann, &nothing, &u->err), REEL_EINVAL);
    assert_ok(reel_store_edits_load(u->store, ann, &edits, &u->err), u->err);
    assert_int_equal(edits.n_edits, 2);
    assert_string_equal(edits.edit[0].name, "Horror");
    assert_float_equal(edits.edit[0].amount, 2, 0);
    assert_string_equal(edits.edit[1].name, "Al Pacino");
    reel_edits_release(&edits);
    assert_ok(reel_store_edit_remove(u->store, ann, REEL_EDIT_GENRE, "HORROR", &u->err),
              u->err);
    assert_int_equal(
        reel_store_edit_remove(u->store, ann, REEL_EDIT_GENRE, "horror", &u->err),
        REEL_ENOTFOUND);
    assert_ok(reel_store_edits_load(u->store, ann, &edits, &u->err), u->err);
    assert_int_equal(edits.n_edits, 1);
    reel_edits_release(&edits);
    assert_ok(reel_store_edits_load(u->store, 8, &edits, &u->err), u->err);
    assert_int_equal(edits.n_edits, 1);
    reel_edits_release(&edits);
}

static void count(int64_t viewer_key, int64_t film_key, void *payload)
{
    int64_t *sum = payload;
    *sum += 100 * viewer_key + film_key;
}

static void films_are_forgotten_and_remembered(void **state)
{
    struct db_unit *u = *state;
    const int64_t ann = viewer_with_films(u);
    struct reel_edits edits;
    int64_t all = 0, own = 0;
    assert_ok(reel_store_film_forget(u->store, ann, 3, true, &u->err), u->err);
    assert_ok(reel_store_film_forget(u->store, ann, 1, true, &u->err), u->err);
    assert_ok(reel_store_film_forget(u->store, ann, 1, true, &u->err), u->err);
    assert_ok(reel_store_film_forget(u->store, 8, 2, true, &u->err), u->err);
    assert_ok(reel_store_edits_load(u->store, ann, &edits, &u->err), u->err);
    assert_int_equal(edits.n_forgotten, 2);
    assert_int_equal(edits.forgotten[0], 1);
    assert_int_equal(edits.forgotten[1], 3);
    reel_edits_release(&edits);
    assert_ok(reel_store_forgotten_each(u->store, 0, count, &all, &u->err), u->err);
    assert_ok(reel_store_forgotten_each(u->store, ann, count, &own, &u->err), u->err);
    assert_int_equal(all, 701 + 703 + 802);
    assert_int_equal(own, 701 + 703);
    assert_ok(reel_store_film_forget(u->store, ann, 3, false, &u->err), u->err);
    assert_int_equal(reel_store_film_forget(u->store, ann, 3, false, &u->err),
                     REEL_ENOTFOUND);
    assert_ok(reel_store_profile_reset(u->store, ann, &u->err), u->err);
    all = 0;
    assert_ok(reel_store_forgotten_each(u->store, 0, count, &all, &u->err), u->err);
    assert_int_equal(all, 802);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_of_edits_are_read, db_unit_begin,
                                        db_unit_end),
        cmocka_unit_test_setup_teardown(edits_are_kept_replaced_and_removed,
                                        db_unit_begin, db_unit_end),
        cmocka_unit_test_setup_teardown(films_are_forgotten_and_remembered, db_unit_begin,
                                        db_unit_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
