/** Charts: ticks that people read, and files that are whole pictures. */
#include "base_chart_scale.h"
#include "unit.h"

#include <forkreel/chart.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void ticks_are_round_numbers(void **state)
{
    (void)state;
    struct base_chart_scale s;
    base_chart_scale_init(&s, .031, .287, 6, false, false, false);
    assert_true(s.low <= .031 && s.high >= .287);
    assert_true(fabs(s.step - .05) < 1e-12);
    assert_true(fabs(s.tick[0]) < 1e-12 && s.n_ticks == 7);
    char text[32];
    base_chart_scale_label(&s, s.tick[1], text, sizeof text);
    assert_string_equal(text, "0.05");
    base_chart_scale_init(&s, 0, 1, 5, false, true, true);
    base_chart_scale_label(&s, .2, text, sizeof text);
    assert_string_equal(text, "20 %");
    base_chart_scale_init(&s, 0, 40000, 4, false, false, false);
    base_chart_scale_label(&s, 20000, text, sizeof text);
    assert_string_equal(text, "20,000");
}

static void a_range_without_width_is_widened(void **state)
{
    (void)state;
    struct base_chart_scale s;
    base_chart_scale_init(&s, 3, 3, 6, false, false, false);
    assert_true(s.low < 3 && s.high > 3);
    assert_true(fabs(base_chart_scale_at(&s, s.low)) < 1e-12);
    assert_true(fabs(base_chart_scale_at(&s, s.high) - 1) < 1e-12);
}

static void log_axes_tick_at_decades(void **state)
{
    (void)state;
    struct base_chart_scale s;
    base_chart_scale_init(&s, 1, 10000, 5, true, false, false);
    assert_int_equal(s.n_ticks, 5);
    assert_true(fabs(base_chart_scale_at(&s, 100) - .5) < 1e-9);
}

static char *read_all(const char *path, size_t *n)
{
    static char data[1 << 20];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    *n = fread(data, 1, sizeof data - 1, file);
    data[*n] = 0;
    fclose(file);
    return data;
}

/** The next pale area; versions of cairo write styles or attributes. */
static const char *next_bar(const char *text)
{
    const char *style = strstr(text, "fill-opacity:0.35");
    return style ? style : strstr(text, "fill-opacity=\"0.35");
}

// Each bar is a rectangle of its own, pale, that stands on the axis.
static void bars_stand_on_the_axis(void **state)
{
    (void)state;
    static const double x[] = {.25, .75}, y[] = {.5, NAN};
    const struct reel_chart_series series = {
        .name = "share", .mark = REEL_MARK_BARS, .n = 2, .x = x, .y = y};
    const struct reel_chart chart = {.title = "bars",
                                     .x = {.low = 0, .high = 1},
                                     .y = {.low = 0, .high = 1},
                                     .series = &series,
                                     .n_series = 1};
    struct reel_error err;
    char path[] = "/tmp/forkreel-bars-XXXXXX.svg";
    const int fd = mkstemps(path, 4);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_ok(reel_chart_write(&chart, path, &err), err);
    size_t n = 0;
    const char *text = read_all(path, &n), *bar = next_bar(text);
    assert_non_null(bar);
    const char *d = strstr(bar, " d=\"M ");
    assert_non_null(d);
    double corner[2];
    char *end;
    corner[0] = strtod(d + 6, &end);
    corner[1] = strtod(end, NULL);
    // The plot is 64 .. 696 wide and ends 52 above the bottom; a bar has 9/10 of its place.
    assert_true(fabs(corner[0] - (64 + 632 * (.25 - .225))) < .01);
    assert_true(corner[1] > 100 && corner[1] < 460 - 52);
    assert_null(next_bar(bar + 1)); // what is no number has none
    (void)unlink(path);
}

static void a_chart_is_a_whole_svg_or_png(void **state)
{
    (void)state;
    static const double x[] = {0, 1, 2}, y[] = {.1, NAN, .3}, low[] = {.05, NAN, .2},
                        high[] = {.2, NAN, .4};
    const struct reel_chart_series series[] = {
        {.name = "als",
         .mark = REEL_MARK_LINE,
         .n = 3,
         .x = x,
         .y = y,
         .low = low,
         .high = high},
        {.name = "ease",
         .mark = REEL_MARK_LINE_POINTS,
         .n = 3,
         .x = x,
         .y = y,
         .low = low,
         .high = high},
        {.name = NULL, .mark = REEL_MARK_LINE, .n = 0}};
    const char *const bucket[] = {"1-5", "6-20", "21+"};
    const struct reel_chart chart = {
        .title = "a < b & c",
        .note = "three points",
        .x = {.name = "films", .category = bucket, .n_categories = 3},
        .y = {.name = "NDCG@10"},
        .with_diagonal = true,
        .series = series,
        .n_series = 3};
    struct reel_error err;
    char folder[] = "/tmp/forkreel-chart-XXXXXX", svg[64], png[64];
    assert_non_null(mkdtemp(folder));
    snprintf(svg, sizeof svg, "%s/a.svg", folder);
    snprintf(png, sizeof png, "%s/a.png", folder);
    assert_ok(reel_chart_write(&chart, svg, &err), err);
    assert_ok(reel_chart_write(&chart, png, &err), err);
    size_t n = 0;
    const char *text = read_all(svg, &n);
    assert_non_null(strstr(text, "<title>a &lt; b &amp; c</title>"));
    assert_non_null(strstr(text, "<desc>three points</desc>"));
    assert_non_null(strstr(text, "</svg>"));
    text = read_all(png, &n);
    assert_memory_equal(text, "\x89PNG\r\n", 6);
    assert_non_null(memmem(text, n, "IEND", 4));
    assert_int_equal(reel_chart_write(&chart, "a.jpg", &err), REEL_EINVAL);
    assert_string_equal(err.text, "a.jpg: a chart ends in .svg or .png");
    snprintf(svg, sizeof svg, "%s/none/a.svg", folder);
    assert_int_equal(reel_chart_write(&chart, svg, &err), REEL_EIO);
    snprintf(svg, sizeof svg, "%s/a.svg", folder);
    unlink(svg);
    unlink(png);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_round_numbers),
        cmocka_unit_test(a_range_without_width_is_widened),
        cmocka_unit_test(log_axes_tick_at_decades),
        cmocka_unit_test(bars_stand_on_the_axis),
        cmocka_unit_test(a_chart_is_a_whole_svg_or_png),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
