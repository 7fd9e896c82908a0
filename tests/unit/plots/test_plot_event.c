/** The event schema: the one inside the program is whole; others are refused with a place. */
#include "plot_event.h"

#include "base_alloc.h"
#include "unit.h"

#include <forkreel/story.h>

#include <stdio.h>
#include <stdlib.h>

static const struct plot_schema *schema(void)
{
    struct reel_error err;
    const struct plot_schema *s;
    assert_ok(plot_schema_get(&s, &err), err);
    return s;
}

static void schema_has_every_event_of_the_docs_and_all_its_words(void **state)
{
    (void)state;
    const struct plot_schema *s = schema();
    assert_int_equal(s->n_events, 86);
    assert_int_equal(s->n_genres, 18);
    for (int32_t i = 0; i < s->n_events; i++) {
        for (int l = 0; l < 2; l++) {
            assert_true(s->event[i].n_sentences[l] >= 4);
            assert_true(s->event[i].n_choices[l] >= 3);
        }
        assert_int_equal(plot_schema_find(s, s->event[i].name), i);
    }
    assert_int_equal(plot_schema_find(s, "betrayel"), -1);
}

static void every_kind_of_ending_has_one_that_needs_nobody_else(void **state)
{
    (void)state;
    static const char *const kinds[] = {"happy", "bittersweet", "tragic", "open"};
    const struct plot_schema *s = schema();
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        int n = 0, n_alone = 0;
        for (int32_t i = 0; i < s->n_events; i++) {
            const struct plot_event *e = &s->event[i];
            if (e->ending && !strcmp(e->ending, kinds[k])) {
                n++;
                n_alone += e->needs_role == 1U << PLOT_A && e->min_age == 0;
            }
        }
        assert_true(n >= 5);
        assert_true(n_alone >= 1);
    }
}

/** A schema of one event that is right; `from` in it replaced by `to`. */
static char *changed(const char *from, const char *to)
{
    static const char right[] =
        "{\"forkreel_events\": 1, \"genres\": [\"Drama\"], \"tones\": [\"dark\"], "
        "\"events\": [{\"name\": \"gift\", \"label\": {\"en\": \"a gift\", \"zh\": "
        "\"礼\"}, "
        "\"roles\": [\"a\", \"b\"], \"needs\": [\"met a b\"], \"does\": [\"trusts b "
        "a\"], "
        "\"genres\": {\"Drama\": 2}, \"intensity\": 0.5, \"change\": \"inner\", "
        "\"tones\": "
        "[\"dark\"], \"sentences\": {\"en\": [\"{a} 1\", \"2\", \"3\"], \"zh\": "
        "[\"{a}一\", "
        "\"二\", \"三\"]}, \"choices\": {\"en\": [\"x\", \"y\"], \"zh\": [\"甲\", "
        "\"乙\"]}}], "
        "\"strategies\": [{\"genre\": \"Drama\", \"inner\": 1, \"outer\": 1, "
        "\"intensity\": "
        "[0.1, 0.9]}]}";
    const char *at = strstr(right, from);
    assert_non_null(at);
    char *text = malloc(sizeof right + strlen(to));
    sprintf(text, "%.*s%s%s", (int)(at - right), right, to, at + strlen(from));
    return text;
}

static void schema_refuses_what_is_wrong_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"met a b", "knew a b", "events[0].needs[0]: no relation 'knew'"},
        {"met a b", "met a c", "events[0].needs[0]: no role 'c'"},
        {"met a b", "met a b x", "events[0].needs[0]: ' x' is too much"},
        {"trusts b a", "hostile b a",
         "events[0].does[0]: 'hostile' cannot be brought about"},
        {"\"name\": \"gift\"", "\"nam\": \"gift\"", "events[0]: unknown member 'nam'"},
        {"\"zh\": [\"甲\", \"乙\"]", "\"zh\": [\"甲\"]",
         "events[0].choices.zh: fewer than 2 templates"},
        {", \"zh\": [\"{a}一\", \"二\", \"三\"]", "", "events[0].sentences.zh: missing"},
        {"{a}一", "{a}one", "events[0].sentences.zh[0]: 'one' cannot stand here"},
        {"{a} 1", "{c} 1", "events[0].sentences.en[0]: no slot at '{c} 1'"},
        {"{a} 1", "{a.hers} 1", "events[0].sentences.en[0]: no slot at '{a.hers} 1'"},
        {"\"intensity\": 0.5", "\"intensity\": 5",
         "events[0].intensity: 5 is not in 0 .. 1"},
        {"\"Drama\": 2", "\"Dramma\": 2", "events[0].genres: no 'Dramma'"},
        {"\"inner\", \"tones\"", "\"deep\", \"tones\"",
         "events[0].change: 'deep' is not outer, inner or both"},
        {"\"tones\": [\"dark\"], \"sent", "\"tones\": [\"grey\"], \"sent",
         "events[0].tones: 'grey' is none of them"},
        {"[0.1, 0.9]", "[0.1]", "strategies[0].intensity: not two numbers in 0 .. 1"},
        {"\"genre\": \"Drama\", ", "\"genre\": \"Horror\", ",
         "strategies[0].genre: no 'Horror'"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *text = changed(cases[i].from, cases[i].to);
        struct plot_schema *s;
        struct reel_error err;
        assert_int_equal(plot_schema_parse(text, strlen(text), &s, &err), REEL_EFORMAT);
        assert_null(s);
        assert_string_equal(err.text, cases[i].says);
        free(text);
    }
    char *text = changed("gift", "gift");
    struct plot_schema *s;
    struct reel_error err;
    assert_ok(plot_schema_parse(text, strlen(text), &s, &err), err);
    assert_int_equal(s->n_events, 1);
    plot_schema_free(s);
    free(text);
}

static void schema_is_read_or_memory_is_short(void **state)
{
    (void)state;
    struct plot_schema *s = NULL;
    struct reel_error err;
    char *text = changed("gift", "gift");
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc = plot_schema_parse(text, strlen(text), &s, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_null(s);
    }
    plot_schema_free(s);
    free(text);
}

static void event_types_are_told_to_outsiders(void **state)
{
    (void)state;
    int32_t n = 0;
    const struct reel_event_type *type = reel_event_types(&n);
    assert_int_equal(n, 86);
    assert_string_equal(type[0].name, "first_meeting");
    assert_string_equal(type[0].label_zh, "初次相遇");
    assert_non_null(strstr(type[0].genres, "Romance"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_has_every_event_of_the_docs_and_all_its_words),
        cmocka_unit_test(every_kind_of_ending_has_one_that_needs_nobody_else),
        cmocka_unit_test(schema_refuses_what_is_wrong_with_its_place),
        cmocka_unit_test(schema_is_read_or_memory_is_short),
        cmocka_unit_test(event_types_are_told_to_outsiders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
