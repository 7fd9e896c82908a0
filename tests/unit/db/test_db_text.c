/** Texts of films, notes of viewers, facts of a graph. */
#include "db_unit.h"

struct seen_lines {
    int32_t n;
    char text[8][96];
    enum reel_status answer;
};

static void keep(struct seen_lines *seen, const char *a, const char *b, const char *c)
{
    assert_true(seen->n < 8);
    (void)snprintf(seen->text[seen->n++], sizeof seen->text[0], "%s|%s|%s", a ? a : "-",
                   b ? b : "-", c ? c : "-");
}

static enum reel_status see_text(const struct reel_film_text *text, void *payload,
                                 struct reel_error *err)
{
    struct seen_lines *seen = payload;
    (void)err;
    keep(seen, text->overview, text->tagline, text->story);
    return seen->answer;
}

static enum reel_status see_note(const struct reel_note *note, void *payload,
                                 struct reel_error *err)
{
    struct seen_lines *seen = payload;
    char who[32], kind[16];
    (void)err;
    (void)snprintf(who, sizeof who, "%lld %lld", (long long)note->viewer,
                   (long long)note->film);
    (void)snprintf(kind, sizeof kind, "%d %lld", (int)note->kind, (long long)note->at_s);
    keep(seen, who, kind, note->text);
    return seen->answer;
}

static enum reel_status see_fact(int64_t film_key, const char *relation, const char *tail,
                                 void *payload, struct reel_error *err)
{
    struct seen_lines *seen = payload;
    char film[24];
    (void)err;
    (void)snprintf(film, sizeof film, "%lld", (long long)film_key);
    keep(seen, film, relation, tail);
    return seen->answer;
}

static void films_with_words_are_told(void **state)
{
    struct db_unit *u = *state;
    struct reel_film film[3] = {db_unit_film("csv", "1", "Heat", 1995),
                                db_unit_film("csv", "2", "Fargo", 1996),
                                db_unit_film("csv", "3", "Hero", 2002)};
    film[0].overview = "Two men.";
    film[2].tagline = "One.";
    film[2].story = "{}";
    (void)db_unit_put(u, film, 3, NULL, 0);
    struct seen_lines seen = {0};
    assert_ok(reel_store_texts_each(u->store, see_text, &seen, &u->err), u->err);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.text[0], "Two men.|-|-");
    assert_string_equal(seen.text[1], "-|One.|{}");
    seen = (struct seen_lines){.answer = REEL_ECANCELLED};
    assert_int_equal(reel_store_texts_each(u->store, see_text, &seen, &u->err),
                     REEL_ECANCELLED);
    assert_int_equal(seen.n, 1);
}

static void notes_come_by_viewer_or_of_one(void **state)
{
    struct db_unit *u = *state;
    const struct reel_film film = db_unit_film("csv", "1", "Heat", 1995);
    struct reel_event event[3];
    for (int i = 0; i < 3; i++) {
        event[i] = db_unit_rating(i == 1 ? "bo" : "ann", "csv", "1", NAN, 10 + i);
        event[i].kind = i == 2 ? REEL_EVENT_TAG : REEL_EVENT_REVIEW;
        event[i].text = i == 2 ? "heist" : i == 1 ? "Cold." : "Superb!";
    }
    (void)db_unit_put(u, &film, 1, event, 3);
    struct seen_lines seen = {0};
    assert_ok(reel_store_notes_each(u->store, 0, see_note, &seen, &u->err), u->err);
    assert_int_equal(seen.n, 3);
    assert_string_equal(seen.text[0], "1 1|6 12|heist");
    assert_string_equal(seen.text[1], "1 1|7 10|Superb!");
    assert_string_equal(seen.text[2], "2 1|7 11|Cold.");
    seen.n = 0;
    assert_ok(reel_store_notes_each(u->store, 2, see_note, &seen, &u->err), u->err);
    assert_int_equal(seen.n, 1);
    seen = (struct seen_lines){.answer = REEL_ECANCELLED};
    assert_int_equal(reel_store_notes_each(u->store, 0, see_note, &seen, &u->err),
                     REEL_ECANCELLED);
    assert_int_equal(seen.n, 1);
}

static void facts_are_those_that_begin_at_a_film(void **state)
{
    struct db_unit *u = *state;
    const struct reel_link link = {"freebase", "m.1"};
    struct reel_film film = db_unit_film("ml-100k", "1", "Heat", 1995);
    film.links = &link;
    film.n_links = 1;
    struct reel_import *import = db_unit_import(u, false);
    const struct reel_sink sink = reel_store_import_sink(import);
    const struct reel_where where = {"a.kg", 2};
    const struct reel_triple triple[] = {{"m.1", "film.actor", "m.9"},
                                         {"m.9", "actor.film", "m.1"},
                                         {"m.1", "film.genre", "m.7"}};
    struct reel_import_report report;
    db_unit_put_film(u, import, &film);
    for (size_t i = 0; i < COUNT_OF(triple); i++) {
        assert_ok(sink.triple(&triple[i], &where, sink.payload, &u->err), u->err);
    }
    assert_ok(reel_store_import_commit(import, &report, &u->err), u->err);
    reel_store_import_free(import);
    struct seen_lines seen = {0};
    assert_ok(reel_store_facts_each(u->store, see_fact, &seen, &u->err), u->err);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.text[0], "1|film.actor|m.9");
    assert_string_equal(seen.text[1], "1|film.genre|m.7");
    seen = (struct seen_lines){.answer = REEL_ECANCELLED};
    assert_int_equal(reel_store_facts_each(u->store, see_fact, &seen, &u->err),
                     REEL_ECANCELLED);
    assert_int_equal(seen.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(films_with_words_are_told, db_unit_begin,
                                        db_unit_end),
        cmocka_unit_test_setup_teardown(notes_come_by_viewer_or_of_one, db_unit_begin,
                                        db_unit_end),
        cmocka_unit_test_setup_teardown(facts_are_those_that_begin_at_a_film,
                                        db_unit_begin, db_unit_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
