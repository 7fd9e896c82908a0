/** Formats: what goes out is whole, well-formed, and never markup of the text's own. */
#include "unit.h"

#include "base_alloc.h"
#include "plot_format.h"
#include "plot_format_layout.h"
#include "plot_sample.h"

#include <stdlib.h>
#include <unistd.h>

static struct reel_error err;

static int make_story(void **state)
{
    return sample_build((struct reel_story **)state, &err);
}

static int free_story(void **state)
{
    reel_story_free(*state);
    return 0;
}

/** The story in a format; free it. */
static char *text_of(const struct reel_story *story, const char *format)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    assert_ok(reel_story_write(story, format, out, &err), err);
    fclose(out);
    return text;
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("lacks %s in\n%s", part, text);
    }
}

static int n_of(const char *text, const char *part)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, part)); at++) {
        n++;
    }
    return n;
}

static void an_unknown_format_is_told_with_the_others(void **state)
{
    assert_int_equal(reel_story_export(*state, "docx", "/tmp/x", &err), REEL_EINVAL);
    has(err.text, "there is no format 'docx'; there are json, twee, dot, svg, html");
    int32_t n;
    const struct reel_story_format *formats = reel_story_formats(&n);
    assert_int_equal(n, 5);
    assert_string_equal(formats[1].suffix, ".twee");
}

static void twee_links_lead_to_passages(void **state)
{
    const struct reel_story *story = *state;
    char *twee = text_of(story, "twee");
    assert_int_equal(n_of(twee, "\n:: "), story->n_nodes + 1); // and StoryData
    assert_int_equal(n_of(twee, "[["), 5);
    for (const char *at = twee; (at = strstr(at, "->")); at++) {
        const char *end = strstr(at, "]]");
        char name[128];
        snprintf(name, sizeof name, "\n:: %.*s", (int)(end - at - 2), at + 2);
        has(twee, name);
    }
    has(twee, "\n:: 4 Stay [ending] {\"position\":\"");
    has(twee, ":: 1 Trust Otto [planned]");
    has(twee, "[[Go (alone)->2 Go (alone)]]");
    has(twee, "leaves at &#60;eight&#62; &#38; not later.");
    has(twee, "behind -&#62; and &#93;&#93; ::");
    has(twee, "\"start\": \"0 The Last Ferry\"");
    free(twee);
}

static void twee_has_a_lasting_uuid(void **state)
{
    char *twee = text_of(*state, "twee"), *again = text_of(*state, "twee");
    assert_string_equal(twee, again);
    const char *ifid = strstr(twee, "\"ifid\": \"") + 9;
    for (int i = 0; i < 36; i++) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        assert_true(is_dash ? ifid[i] == '-'
                            : strchr("0123456789ABCDEF", ifid[i]) != NULL);
    }
    assert_int_equal(ifid[14], '4');
    assert_non_null(strchr("89AB", ifid[19]));
    assert_int_equal(ifid[36], '"');
    free(twee);
    free(again);
}

static void dot_quotes_what_must_be_quoted(void **state)
{
    char *dot = text_of(*state, "dot");
    has(dot, "leaves \\\"him\\\" behind");
    has(dot, "n2 -> n4 [label=\"Stay\\n\"]");
    has(dot, "style=\"filled,dashed\"");
    assert_int_equal(n_of(dot, "peripheries=2"), 2);
    assert_int_equal(n_of(dot, " -> n"), 5);
    free(dot);
}

static void svg_shows_every_node_and_edge(void **state)
{
    char *svg = text_of(*state, "svg");
    assert_int_equal(n_of(svg, "<g><title>"), 5);
    assert_int_equal(n_of(svg, " marker-end="), 5);
    assert_int_equal(n_of(svg, "url(#strong)"), 2); // the best way: 0 2 4
    has(svg, "leaves at &lt;eight&gt; &amp; not later.");
    has(svg, "xml:lang=\"en\"");
    free(svg);
}

static void html_has_text_and_never_markup(void **state)
{
    char *html = text_of(*state, "html");
    has(html, "default-src 'none'; style-src 'nonce-");
    has(html, "leaves at &lt;eight&gt; &amp; not later.");
    has(html, "<p class=\"text\">They run.</p>");
    has(html, "<a href=\"#n3\"><span class=\"words\">Jump aboard</span>");
    has(html, "data-parents=\"1 2\" data-ending=\"happy\"");
    has(html, "<td>+12.5 %</td>");
    assert_int_equal(n_of(html, "class=\"scene\" id=\"n"), 5);
    assert_int_equal(n_of(html, "http://") + n_of(html, "https://"), 0); // no network
    assert_int_equal(n_of(html, "<script"), 1);
    free(html);
}

static void lines_fit_and_lose_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Mara leaves the pier behind, and nobody asks why she does.",
        "\xe7\x8e\x9b\xe6\x8b\x89\xe7\xa6\xbb\xe5\xbc\x80\xe4\xba\x86\xe7\xa0\x81\xe5\xa4"
        "\xb4"
        "\xef\xbc\x8c\xe6\xb2\xa1\xe6\x9c\x89\xe4\xba\xba\xe9\x97\xae\xe3\x80\x82",
        "anunbreakablewordthatislongerthanaline",
    };
    for (size_t t = 0; t < COUNT_OF(texts); t++) {
        for (double width = 2; width < 30; width += 1.5) {
            struct plot_format_line line = {.rest = texts[t]};
            size_t n_bytes = 0, n_blanks = 0;
            while (plot_format_line_next(&line, width)) {
                n_bytes += line.n_bytes;
                n_blanks += *line.rest == ' ' || line.text[line.n_bytes] == ' ';
                // no line begins with a full stop or comma of Chinese
                assert_int_not_equal(strncmp(line.text, "\xef\xbc\x8c", 3), 0);
            }
            assert_int_equal(n_bytes + n_blanks, strlen(texts[t]));
        }
    }
    assert_int_equal(plot_format_lines(texts[0], 5, 3), 3);
    assert_int_equal(plot_format_lines("", 5, 3), 0);
}

static void colours_are_pale_and_ordered(void **state)
{
    (void)state;
    assert_string_equal(plot_format_colour(NAN).fill, "#ffffff");
    assert_string_equal(plot_format_colour(0).fill, plot_format_colour(.2).fill);
    assert_string_equal(plot_format_colour(1).fill, plot_format_colour(.8).fill);
    assert_string_not_equal(plot_format_colour(.4).fill, plot_format_colour(.6).fill);
}

static void numbers_read_back(void **state)
{
    (void)state;
    static const double values[] = {0,  -0.0, 1. / 3, 1e-300, 12345678901234567.,
                                    .1, -2.5};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        char *text = NULL;
        size_t n;
        FILE *out = open_memstream(&text, &n);
        plot_format_put_number(out, values[i]);
        fclose(out);
        const double back = strtod(text, NULL);
        assert_memory_equal(&back, &values[i], sizeof back);
        free(text);
    }
}

/** Random graphs: nobody overlaps, edges lead to the right. */
static void layouts_overlap_nowhere(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (int round = 0; round < 50; round++) {
        struct plot_story_builder *builder;
        const struct reel_story head = sample_head();
        struct reel_story *story;
        double height[40];
        assert_ok(plot_story_builder_create(&head, &builder, &err), err);
        for (int32_t i = 0; i < 40; i++) {
            struct reel_story_node node = sample_node(i ? 1 : 0);
            int32_t parent[2] = {i > 1 ? rand_r(&seed) % (i - 1) : 0, i - 1};
            node.parent = parent;
            node.n_parents = i == 0 ? 0 : 1 + (i > 1 && i % 4 == 0);
            height[i] = 20 + rand_r(&seed) % 100;
            assert_ok(plot_story_builder_add(builder, &node, NULL, &err), err);
        }
        assert_ok(plot_story_builder_finish(&builder, &story, &err), err);
        struct plot_story_links links;
        struct plot_layout layout;
        assert_ok(plot_story_links_init(&links, story, &err), err);
        assert_ok(plot_layout_init(&layout, story, &links, height, &err), err);
        for (int32_t i = 0; i < 40; i++) {
            assert_true(layout.top[i] >= -1e-9 &&
                        layout.top[i] + height[i] <= layout.height + 1e-9);
            for (int32_t p = 0; p < story->node[i].n_parents; p++) {
                assert_true(layout.column[story->node[i].parent[p]] < layout.column[i]);
            }
            for (int32_t j = 0; j < i; j++) {
                assert_true(layout.column[i] != layout.column[j] ||
                            layout.top[i] + height[i] <= layout.top[j] + 1e-9 ||
                            layout.top[j] + height[j] <= layout.top[i] + 1e-9);
            }
        }
        plot_layout_release(&layout);
        plot_story_links_release(&links);
        reel_story_free(story);
    }
}

static void every_failed_allocation_is_told(void **state)
{
    int32_t n_formats;
    const struct reel_story_format *formats = reel_story_formats(&n_formats);
    for (int32_t f = 0; f < n_formats; f++) {
        enum reel_status rc = REEL_ENOMEM;
        for (long n = 0; rc; n++) {
            char path[] = "/tmp/plot_format_XXXXXX";
            close(mkstemp(path));
            base_alloc_fail_after(n);
            rc = reel_story_export(*state, formats[f].name, path, &err);
            base_alloc_fail_after(-1);
            assert_true(rc == REEL_OK || rc == REEL_ENOMEM);
            FILE *file = fopen(path, "r");
            assert_true((fgetc(file) == EOF) == (rc != REEL_OK)); // whole or not at all
            fclose(file);
            unlink(path);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_format_is_told_with_the_others),
        cmocka_unit_test(twee_links_lead_to_passages),
        cmocka_unit_test(twee_has_a_lasting_uuid),
        cmocka_unit_test(dot_quotes_what_must_be_quoted),
        cmocka_unit_test(svg_shows_every_node_and_edge),
        cmocka_unit_test(html_has_text_and_never_markup),
        cmocka_unit_test(lines_fit_and_lose_nothing),
        cmocka_unit_test(colours_are_pale_and_ordered),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(layouts_overlap_nowhere),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, make_story, free_story);
}
