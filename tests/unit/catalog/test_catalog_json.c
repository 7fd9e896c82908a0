#include "catalog_json.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>

static void parse_takes_objects_and_arrays_only(void **state)
{
    (void)state;
    struct catalog_json row;
    assert_true(catalog_json_parse(&row, "{\"a\":1}", 7));
    assert_true(catalog_json_is_object(row.root));
    catalog_json_release(&row);
    assert_true(catalog_json_parse(&row, "[1]", 3));
    assert_true(catalog_json_is_array(row.root));
    catalog_json_release(&row);
    static const char *const bad[] = {
        "",       "1", "null", "{\"a\":1}x", "{a:1}", "{\"a\":01}", "{\"a\":Infinity}",
        "{'a':1}"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(catalog_json_parse(&row, bad[i], strlen(bad[i])));
        assert_null(row.root);
        assert_false(row.is_memory);
        assert_true(row.problem[0] != '\0');
    }
}

static void unfinished_text_is_told_from_wrong_text(void **state)
{
    (void)state;
    struct catalog_json row;
    static const char *const cut[] = {"{", "{\"a", "{\"a\":", "{\"a\":[1,", "{\"a\":tru"};
    for (size_t i = 0; i < COUNT_OF(cut) - 1; i++) {
        assert_false(catalog_json_parse(&row, cut[i], strlen(cut[i])));
        assert_true(row.is_unfinished);
    }
    assert_false(catalog_json_parse(&row, "{\"a\" 1}", 7));
    assert_false(row.is_unfinished);
}

static void readers_keep_the_first_complaint(void **state)
{
    (void)state;
    static const char text[] = "{\"t\":\"x\",\"n\":3,\"r\":3.0,\"h\":3.5,\"b\":true,"
                               "\"z\":null,\"e\":\"\",\"l\":[1,\"two\"]}";
    struct catalog_json row;
    assert_true(catalog_json_parse(&row, text, sizeof text - 1));
    assert_string_equal(catalog_json_text(&row, row.root, "t"), "x");
    assert_null(catalog_json_text(&row, row.root, "e"));
    assert_null(catalog_json_text(&row, row.root, "z"));
    assert_null(catalog_json_text(&row, row.root, "missing"));
    assert_null(catalog_json_text(&row, NULL, "t"));
    assert_int_equal(catalog_json_int(&row, row.root, "n", 0, 9, -1), 3);
    assert_int_equal(catalog_json_int(&row, row.root, "r", 0, 9, -1), 3);
    assert_int_equal(catalog_json_int(&row, row.root, "z", 0, 9, -1), -1);
    assert_true(catalog_json_number(&row, row.root, "h") == 3.5);
    assert_true(isnan(catalog_json_number(&row, row.root, "z")));
    assert_true(catalog_json_bool(&row, row.root, "b"));
    assert_int_equal(catalog_json_n(catalog_json_array(&row, row.root, "l")), 2);
    assert_string_equal(row.problem, "");
    assert_int_equal(catalog_json_int(&row, row.root, "n", 4, 9, -1), -1);
    assert_int_equal(catalog_json_int(&row, row.root, "h", 0, 9, -1), -1);
    assert_string_equal(row.problem, "n: 3 is not in 4 .. 9");
    catalog_json_release(&row);
}

static void scalars_become_text(void **state)
{
    (void)state;
    static const char text[] = "[\"a\",-7,4.5,true,false,null,[],9007199254740993,3.7]";
    static const char *const expected[] = {
        "a", "-7", "4.5", "true", "false", NULL, NULL, "9007199254740993", "3.7"};
    struct catalog_json row;
    assert_true(catalog_json_parse(&row, text, sizeof text - 1));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        char number[40];
        const char *scalar =
            catalog_json_scalar(catalog_json_item(row.root, i), number, sizeof number);
        if (expected[i]) {
            assert_string_equal(scalar, expected[i]);
        } else {
            assert_null(scalar);
        }
    }
    catalog_json_release(&row);
}

// Feed `text` in pieces of `n_step` bytes; items end with '|' in the result.
static void cut(const char *text, size_t n_step, char *result)
{
    struct catalog_json_cutter cutter;
    size_t n = 0, n_left = strlen(text);
    catalog_json_cutter_init(&cutter);
    while (n_left > 0) {
        const size_t n_here = n_left < n_step ? n_left : n_step;
        size_t begin = 0, taken = 0;
        const enum catalog_json_cut cut =
            catalog_json_cutter_feed(&cutter, text, n_here, &begin, &taken);
        if (taken > begin) {
            memcpy(result + n, text + begin, taken - begin);
            n += taken - begin;
        }
        if (cut == CATALOG_JSON_ITEM) {
            result[n++] = '|';
        } else if (cut == CATALOG_JSON_WRONG) {
            result[n++] = '!';
            break;
        }
        text += taken;
        n_left -= taken;
    }
    if (cutter.is_done) {
        result[n++] = '.';
    }
    result[n] = '\0';
}

static void cutter_gives_the_same_items_in_any_pieces(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {" [ {\"a\":\"}]\\\"{\"} , {\"b\":[[{}]]} ] ",
         "{\"a\":\"}]\\\"{\"}|{\"b\":[[{}]]}|."},
        {"{\"a\":{\"b\":[]}}\n", "{\"a\":{\"b\":[]}}|."},
        {"[]", "."},
        {"[{}", "{}|"},
        {"[{},{}", "{}|{}|"},
        {"[,{}]", "!"},
        {"[{}{}]", "{}|!"},
        {"[{},]", "{}|!"},
        {"{}{}", "{}|!."},
        {"[] []", "!."},
        {"[\"a\"]", "!"},
        {"{\"a\":\"\\\\\"}", "{\"a\":\"\\\\\"}|."},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t n_step = 1; n_step < 40; n_step++) {
            char result[256];
            cut(cases[i][0], n_step, result);
            assert_string_equal(result, cases[i][1]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_takes_objects_and_arrays_only),
        cmocka_unit_test(unfinished_text_is_told_from_wrong_text),
        cmocka_unit_test(readers_keep_the_first_complaint),
        cmocka_unit_test(scalars_become_text),
        cmocka_unit_test(cutter_gives_the_same_items_in_any_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
