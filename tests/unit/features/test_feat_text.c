#include "unit.h"

#include <stdio.h>

#include <forkreel/text.h>

static enum reel_status gather(const char *word, size_t n, void *payload,
                               struct reel_error *err)
{
    (void)err;
    char *said = payload;
    const size_t at = strlen(said);
    snprintf(said + at, 1000 - at, "%s%.*s", at ? " " : "", (int)n, word);
    return REEL_OK;
}

static void check_words(const char *text, const char *wanted)
{
    struct reel_error err = {0};
    char said[1000] = "";
    assert_int_equal(reel_text_words(text, strlen(text), NULL, gather, said, &err),
                     REEL_OK);
    assert_string_equal(said, wanted);
}

static void words_are_folded_cut_and_stemmed(void **state)
{
    (void)state;
    check_words("The heists were planned by Dom Cobb.", "heist plan dom cobb");
    check_words("The ＨＥＩＳＴ", "heist");
    check_words("他们在臥虎藏龍里的武侠世界", "卧虎藏龙 武侠 世界");
    check_words("", "");
}

static void denial_is_kept(void **state)
{
    (void)state;
    check_words("not a good film", "not good film");
    check_words("没有 意思", "没有 意思");
}

static void check_language(const char *text, const char *wanted)
{
    assert_string_equal(reel_text_language(text, strlen(text)), wanted);
}

static void languages_are_told(void **state)
{
    (void)state;
    check_language("A thief who steals secrets is given the job of planting an idea",
                   "en");
    check_language("一个偷取秘密的小偷，得到了植入想法的任务", "zh");
    check_language("夢の中に入って秘密を盗む男の話", "ja");
    check_language("Un voleur qui vole les secrets est dans une histoire de rêves", "fr");
    check_language("Ein Dieb, der Geheimnisse stiehlt und nicht mehr zu sich findet",
                   "de");
    check_language("Вор, который крадёт секреты", "ru");
    check_language("1234 !!", "");
    check_language("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_folded_cut_and_stemmed),
        cmocka_unit_test(denial_is_kept),
        cmocka_unit_test(languages_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
