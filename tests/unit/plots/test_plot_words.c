#include "unit.h"

#include "plot_words.h"

struct fixture {
    struct base_text *fold;
    struct reel_error err;
};

static int set_up(void **state)
{
    static struct fixture f;
    *state = &f;
    return base_text_create(&f.fold, &f.err);
}

static int tear_down(void **state)
{
    base_text_free(((struct fixture *)*state)->fold);
    return 0;
}

static struct plot_words cut(struct fixture *f, const char *text)
{
    struct plot_words words;
    assert_ok(plot_words_cut(f->fold, text, &words, &f->err), f->err);
    return words;
}

static void words_fold_case_and_cut_chinese_by_character(void **state)
{
    struct fixture *f = *state;
    struct plot_words en = cut(f, "The Café, the CAFE!"), zh = cut(f, "他走了，no？");
    assert_int_equal(en.n, 4);
    assert_true(en.unit[0] == en.unit[2] && en.unit[1] == en.unit[3]);
    assert_int_equal(zh.n, 4);
    plot_words_release(&en);
    plot_words_release(&zh);
}

static void words_find_the_longest_common_run(void **state)
{
    struct fixture *f = *state;
    struct plot_words x = cut(f, "one two three four five"),
                      y = cut(f, "zero two three four six"), none = cut(f, "");
    assert_int_equal(plot_words_common_run(&x, &y), 3);
    assert_int_equal(plot_words_common_run(&x, &none), 0);
    assert_int_equal(plot_words_new(&x, &y), 2);
    assert_int_equal(plot_words_new(&y, &none), 5);
    assert_int_equal(plot_words_new(&none, &y), 0);
    plot_words_release(&x);
    plot_words_release(&y);
    plot_words_release(&none);
}

static void words_repeat_when_a_run_comes_twice(void **state)
{
    struct fixture *f = *state;
    struct plot_words x = cut(f, "he ran home and he ran home"),
                      y = cut(f, "he ran home and she stayed");
    assert_true(plot_words_repeats(&x, 3));
    assert_false(plot_words_repeats(&x, 4));
    assert_false(plot_words_repeats(&y, 2));
    plot_words_release(&x);
    plot_words_release(&y);
}

static void words_alike_is_one_with_itself_and_none_with_strangers(void **state)
{
    struct fixture *f = *state;
    struct plot_words x = cut(f, "the rain fell"), y = cut(f, "nobody came home");
    assert_true(plot_words_alike(&x, &x) > .999);
    assert_true(plot_words_alike(&x, &y) < .001);
    plot_words_release(&x);
    plot_words_release(&y);
}

static void bleu_is_one_for_a_copy_and_small_for_a_stranger(void **state)
{
    struct fixture *f = *state;
    struct plot_words x = cut(f, "a b c d e f"), y = cut(f, "u v w x y z"),
                      z = cut(f, "a b c x y z");
    const struct plot_words *copy[] = {&x}, *stranger[] = {&y}, *half[] = {&z};
    assert_true(plot_words_bleu4(&x, copy, 1) > .999);
    assert_true(plot_words_bleu4(&x, stranger, 1) < .001);
    // precisions 3/6, 2/5, 1/4, .1/3
    const double expected = 0.2020; // (.5 * .4 * .25 * .0333) ^ (1/4)
    assert_true(plot_words_bleu4(&x, half, 1) > expected - .001);
    assert_true(plot_words_bleu4(&x, half, 1) < expected + .001);
    plot_words_release(&x);
    plot_words_release(&y);
    plot_words_release(&z);
}

static void sentences_end_at_their_signs_and_not_at_titles(void **state)
{
    (void)state;
    const char *en = "Mr. Kell left. \"Go,\" she said.";
    assert_string_equal(plot_sentence_end(en), " \"Go,\" she said.");
    assert_string_equal(plot_sentence_end("\"Go!\" he said."), "");
    assert_string_equal(plot_sentence_end("他走了。“好。”她说。"), "“好。”她说。");
    assert_string_equal(plot_sentence_end("no end"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_fold_case_and_cut_chinese_by_character),
        cmocka_unit_test(words_find_the_longest_common_run),
        cmocka_unit_test(words_repeat_when_a_run_comes_twice),
        cmocka_unit_test(words_alike_is_one_with_itself_and_none_with_strangers),
        cmocka_unit_test(bleu_is_one_for_a_copy_and_small_for_a_stranger),
        cmocka_unit_test(sentences_end_at_their_signs_and_not_at_titles),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
