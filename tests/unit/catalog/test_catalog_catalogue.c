#include "catalog_told.h"

#include <string.h>

#define LAMP                                                                            \
    "film catalogue:the-lamp-1999 \"The Lamp\" (1999) original=La lampe language=fr"    \
    " overview=Léa pulls Marin out of the surf and hides him in the boathouse. Marin"  \
    " unscrews the lens while Henri sleeps, and the tower goes dark. age=PG runtime=94" \
    " [en The Lamp] [zh 灯塔] genres=Drama,Mystery keywords=lighthouse,守灯人"     \
    " countries=FR director=Jeanne Moret director=让娜·莫雷 actor=Paul Brun(Henri" \
    " Calvet) actor=保罗·布伦(亨利·卡尔韦)\n"

static void film_has_names_in_both_languages(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "catalogue", NULL, "catalogue/the-lamp-1999.json");
    told_expect(&told, LAMP);
}

static void folder_is_read_file_by_file_and_bad_films_are_refused(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "catalogue", NULL, "catalogue");
    const char *file = FORKREEL_TEST_DATA "/catalog/catalogue/hostile.json";
    char expected[4096];
    (void)snprintf(
        expected, sizeof expected,
        "refused %s:2 item 1: forkreel_film is not 1: no document of a film\n"
        "refused %s:3 item 2: title: no languages is not an object\n"
        "refused %s:4 item 3: beats: there are none\n"
        "refused %s:5 item 4: year: 3000 is not in 1870 .. 2100\n"
        "film ml-100k:42 \"活下来的\" (2001) imdb=tt0114709 [zh 活下来的]\n" LAMP,
        file, file, file, file);
    told_expect(&told, expected);
}

static enum reel_status keep_story(const struct reel_film *film,
                                   const struct reel_where *where, void *payload,
                                   struct reel_error *err)
{
    struct base_buffer *story = payload;
    (void)where;
    return base_buffer_add_text(story, film->story) ? REEL_OK
                                                    : fail(err, REEL_ENOMEM, "story");
}

static enum reel_status refuse_nothing(const struct reel_where *where, const char *reason,
                                       void *payload, struct reel_error *err)
{
    (void)payload;
    return fail(err, REEL_EFORMAT, "%s:%lld: %s", where->file, (long long)where->line,
                reason);
}

static void story_is_the_whole_document(void **state)
{
    (void)state;
    struct base_buffer story;
    struct reel_error err;
    base_buffer_init(&story, 1 << 20);
    const struct reel_sink sink = {
        .film = keep_story, .refused = refuse_nothing, .payload = &story};
    const struct reel_read_options opt = reel_read_options_default();
    assert_ok(reel_catalog_read(
                  "catalogue", FORKREEL_TEST_DATA "/catalog/catalogue/the-lamp-1999.json",
                  &opt, &sink, &err),
              err);
    const char *text = base_buffer_text(&story);
    assert_non_null(strstr(text, "\"forkreel_film\":1"));
    assert_non_null(strstr(text, "\"goal\":{\"en\":\"to keep the lamp burning\""));
    assert_non_null(strstr(text, "\"event\":\"theft\""));
    base_buffer_release(&story);
}

static void folder_without_films_says_so(void **state)
{
    (void)state;
    struct told told;
    told_init(&told);
    told_read_path(&told, "catalogue", NULL, "recbole");
    told_expect(&told, "failed: " FORKREEL_TEST_DATA
                       "/catalog/recbole: no film of a catalogue (*.json) in it\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(film_has_names_in_both_languages),
        cmocka_unit_test(folder_is_read_file_by_file_and_bad_films_are_refused),
        cmocka_unit_test(story_is_the_whole_document),
        cmocka_unit_test(folder_without_films_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
