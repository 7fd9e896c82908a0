#include "base_alloc.h"
#include "base_text.h"

#include "unit.h"

static int open_text(void **state)
{
    struct reel_error err;
    return base_text_create((struct base_text **)state, &err) == REEL_OK ? 0 : -1;
}

static int close_text(void **state)
{
    base_text_free(*state);
    return 0;
}

static void assert_folds(struct base_text *text, const char *in, const char *expected)
{
    struct reel_error err;
    struct base_buffer out;
    base_buffer_init(&out, 1000);
    assert_ok(base_text_fold(text, in, strlen(in), &out, &err), err);
    assert_string_equal(base_buffer_text(&out), expected);
    base_buffer_release(&out);
}

static void fold_makes_spellings_meet(void **state)
{
    assert_folds(*state, "", "");
    assert_folds(*state, "  WALL-E!  ", "wall e");
    assert_folds(*state, "WALL·E", "wall e");
    assert_folds(*state, "Schindler's List", "schindlers list");
    assert_folds(*state, "Schindler’s List", "schindlers list");
    assert_folds(*state, "Le Fabuleux Destin d'Amélie Poulain",
                 "le fabuleux destin damelie poulain");
    assert_folds(*state, "Ame\xcc\x81lie", "amelie");
    assert_folds(*state, "Łódź Øresund Straße", "lodz oresund strasse");
    assert_folds(*state, "臥虎藏龍", "卧虎藏龙");
    assert_folds(*state, "臥虎藏龍 (2000)", "卧虎藏龙 2000");
    assert_folds(*state, "ＡＢＣ１２３　全角", "abc123 全角");
    assert_folds(*state, "ガメラ", "ガメラ");
    assert_folds(*state, "Ирония судьбы", "ирония судьбы");
}

static void fold_gives_ascii_the_same_by_either_way(void **state)
{
    const char *const lines[] = {"It's a Wonderful Life (1946)", "2001: A Space Odyssey",
                                 "...", "a'b-c", " x  y "};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct reel_error err;
        struct base_buffer plain, wide;
        base_buffer_init(&plain, 1000);
        base_buffer_init(&wide, 1000);
        char line[100];
        // A trailing character that folds to nothing sends the line through ICU.
        (void)snprintf(line, sizeof line, "%s—", lines[i]);
        assert_ok(base_text_fold(*state, lines[i], strlen(lines[i]), &plain, &err), err);
        assert_ok(base_text_fold(*state, line, strlen(line), &wide, &err), err);
        assert_string_equal(base_buffer_text(&plain), base_buffer_text(&wide));
        base_buffer_release(&plain);
        base_buffer_release(&wide);
    }
}

static void fold_drops_broken_bytes(void **state)
{
    assert_folds(*state, "a\xff\xfe b\xe4\xb8", "a b");
}

static void words_are_cut_by_the_dictionary(void **state)
{
    struct reel_error err;
    struct base_buffer out;
    base_buffer_init(&out, 1000);
    const char *in = "我喜欢看电影 Film";
    assert_ok(base_text_words(*state, in, strlen(in), false, &out, &err), err);
    assert_string_equal(base_buffer_text(&out), "我 喜欢 看 电影 film");
    base_buffer_clear(&out);
    assert_ok(base_text_words(*state, in, strlen(in), true, &out, &err), err);
    assert_string_equal(base_buffer_text(&out), "我 喜欢 喜 欢 看 电影 电 影 film");
    base_buffer_release(&out);
}

static void assert_same_title(struct base_text *text, const char *a, const char *b,
                              bool is_same)
{
    struct reel_error err;
    struct base_buffer key_a, key_b;
    base_buffer_init(&key_a, 1000);
    base_buffer_init(&key_b, 1000);
    assert_ok(base_text_title_key(text, a, &key_a, &err), err);
    assert_ok(base_text_title_key(text, b, &key_b, &err), err);
    if ((strcmp(base_buffer_text(&key_a), base_buffer_text(&key_b)) == 0) != is_same) {
        fail_msg("'%s' and '%s' fold to '%s' and '%s'", a, b, base_buffer_text(&key_a),
                 base_buffer_text(&key_b));
    }
    base_buffer_release(&key_a);
    base_buffer_release(&key_b);
}

static void title_keys_forget_articles_and_signs(void **state)
{
    assert_same_title(*state, "The Matrix", "Matrix, The", true);
    assert_same_title(*state, "The Matrix", "matrix", true);
    assert_same_title(*state, "L'Avventura", "Avventura, L'",
                      false); // one word, two words
    assert_same_title(*state, "Les Misérables", "Miserables, Les", true);
    assert_same_title(*state, "Thelma & Louise", "Thelma and Louise", true);
    assert_same_title(*state, "霸王別姬", "霸王别姬", true);
    assert_same_title(*state, "The The", "The", true);
    assert_same_title(*state, "A", "The", false);
    assert_same_title(*state, "Them", "The M", false);
    assert_same_title(*state, "Alien", "Aliens", false);
}

static void utf8_check_finds_the_first_bad_byte(void **state)
{
    (void)state;
    const struct {
        const char *text;
        size_t n_bytes;
        long bad;
    } cases[] = {
        {"plain ascii that is long enough", 31, -1},
        {"臥虎藏龍 🎬 é", 20, -1},
        {"12345678\xff", 9, 8},
        {"ab\0cd", 5, 2},
        {"\xc0\x80", 2, 0},         // overlong NUL
        {"\xed\xa0\x80", 3, 0},     // surrogate
        {"\xf4\x90\x80\x80", 4, 0}, // beyond U+10FFFF
        {"\xf0\x8f\xbf\xbf", 4, 0}, // overlong
        {"x\xe4\xb8", 3, 1},        // cut off
        {"caf\xe9", 4, 3},          // Latin-1
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t bad = 999;
        const bool is_good = base_utf8_check(cases[i].text, cases[i].n_bytes, &bad);
        assert_int_equal(is_good, cases[i].bad < 0);
        if (!is_good) {
            assert_int_equal((long)bad, cases[i].bad);
        }
    }
}

static void fold_survives_every_failed_allocation(void **state)
{
    struct reel_error err;
    for (long n = 0;; n++) {
        struct base_buffer out;
        base_buffer_init(&out, 1000);
        base_alloc_fail_after(n);
        const enum reel_status rc =
            base_text_words(*state, "臥虎藏龍 é", 15, true, &out, &err);
        base_alloc_fail_after(-1);
        base_buffer_release(&out);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fold_makes_spellings_meet, open_text, close_text),
        cmocka_unit_test_setup_teardown(fold_gives_ascii_the_same_by_either_way,
                                        open_text, close_text),
        cmocka_unit_test_setup_teardown(fold_drops_broken_bytes, open_text, close_text),
        cmocka_unit_test_setup_teardown(words_are_cut_by_the_dictionary, open_text,
                                        close_text),
        cmocka_unit_test_setup_teardown(title_keys_forget_articles_and_signs, open_text,
                                        close_text),
        cmocka_unit_test_setup_teardown(fold_survives_every_failed_allocation, open_text,
                                        close_text),
        cmocka_unit_test(utf8_check_finds_the_first_bad_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
