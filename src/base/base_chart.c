/**
 * Charts on cairo: one drawing for SVG and PNG. Fonts are found by fontconfig, because cairo
 * alone does not look for one that has Chinese.
 */
#include "base_alloc.h"
#include "base_buffer.h"
#include "base_chart_scale.h"
#include "base_error.h"
#include "base_file.h"

#include <forkreel/chart.h>

#include <cairo-svg.h>
#include <cairo.h>
#include <fontconfig/fontconfig.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 720, HEIGHT = 460, SERIES_MAX = 8, FAMILY_BYTES_MAX = 128, N_TICKS = 6 };

/** Colours that colour-blind eyes tell apart (Okabe and Ito 2008), black last. */
static const double palette[SERIES_MAX][3] = {
    {0, .447, .698}, {.835, .369, 0},    {0, .620, .451}, {.800, .475, .655},
    {.902, .624, 0}, {.337, .706, .914}, {.35, .35, .35}, {0, 0, 0}};
static const double dashes[SERIES_MAX][2] = {{0, 0}, {7, 4}, {2, 3}, {11, 4},
                                             {5, 2}, {3, 6}, {9, 3}, {1, 2}};

/** One chart being drawn, in points. */
struct drawing {
    const struct reel_chart *chart;
    cairo_t *cr;
    struct base_chart_scale x, y;
    double left, top, right, bottom; /* of the plot */
    char family[FAMILY_BYTES_MAX];
};

#ifdef __SANITIZE_ADDRESS__
/* fontconfig keeps its configuration, and cairo its fonts, until the process ends. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\n";
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
#endif

/* ---- fonts ---- */

/** A family for the language; false when the best one lacks it. */
static bool find_family(const char *language, char family[FAMILY_BYTES_MAX])
{
    snprintf(family, FAMILY_BYTES_MAX, "sans-serif");
    FcPattern *wanted = FcNameParse((const FcChar8 *)"sans-serif");
    if (!wanted) {
        return false;
    }
    FcPatternAddString(wanted, FC_LANG, (const FcChar8 *)language);
    FcConfigSubstitute(NULL, wanted, FcMatchPattern);
    FcDefaultSubstitute(wanted);
    FcResult result = FcResultNoMatch;
    FcPattern *found = FcFontMatch(NULL, wanted, &result);
    FcChar8 *name = NULL;
    FcLangSet *languages = NULL;
    bool has = false;
    if (found && FcPatternGetString(found, FC_FAMILY, 0, &name) == FcResultMatch) {
        snprintf(family, FAMILY_BYTES_MAX, "%s", (const char *)name);
        has =
            FcPatternGetLangSet(found, FC_LANG, 0, &languages) == FcResultMatch &&
            FcLangSetHasLang(languages, (const FcChar8 *)language) != FcLangDifferentLang;
    }
    if (found) {
        FcPatternDestroy(found);
    }
    FcPatternDestroy(wanted);
    return has;
}

bool reel_chart_writes_chinese(void)
{
    char family[FAMILY_BYTES_MAX];
    return find_family("zh-cn", family);
}

static bool has_chinese(const char *text)
{
    for (; text && *text; text++) {
        if ((unsigned char)*text >= 0xe3) {
            return true;
        }
    }
    return false;
}

static bool chart_has_chinese(const struct reel_chart *chart)
{
    bool has = has_chinese(chart->title) || has_chinese(chart->note) ||
               has_chinese(chart->x.name) || has_chinese(chart->y.name);
    for (int32_t s = 0; s < chart->n_series; s++) {
        has = has || has_chinese(chart->series[s].name);
    }
    for (int32_t i = 0; i < chart->x.n_categories; i++) {
        has = has || has_chinese(chart->x.category[i]);
    }
    return has;
}

/* ---- text ---- */

enum align { ALIGN_LEFT, ALIGN_MIDDLE, ALIGN_RIGHT };

/** Text as outlines, so that an SVG needs no font; returns its width. */
static double put_text(const struct drawing *d, const char *text, double x, double y,
                       double size, bool is_bold, enum align align)
{
    cairo_text_extents_t box;
    cairo_select_font_face(d->cr, d->family, CAIRO_FONT_SLANT_NORMAL,
                           is_bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(d->cr, size);
    cairo_text_extents(d->cr, text, &box);
    cairo_new_path(d->cr);
    cairo_move_to(d->cr, x - box.x_advance * (double)align / 2, y);
    cairo_text_path(d->cr, text);
    cairo_fill(d->cr);
    return box.x_advance;
}

static void set_grey(const struct drawing *d, double grey)
{
    cairo_set_source_rgb(d->cr, grey, grey, grey);
}

static void set_series(const struct drawing *d, int32_t s, double alpha)
{
    cairo_set_source_rgba(d->cr, palette[s][0], palette[s][1], palette[s][2], alpha);
}

/* ---- axes ---- */

/** From the smallest to the largest of all numbers of an axis. */
static void widen(double value, double *low, double *high)
{
    if (isfinite(value)) {
        *low = fmin(*low, value);
        *high = fmax(*high, value);
    }
}

static void set_scale(const struct reel_chart *chart, bool is_x,
                      struct base_chart_scale *scale)
{
    const struct reel_chart_axis *axis = is_x ? &chart->x : &chart->y;
    double low = INFINITY, high = -INFINITY;
    for (int32_t s = 0; s < chart->n_series; s++) {
        const struct reel_chart_series *series = &chart->series[s];
        for (int32_t i = 0; i < series->n; i++) {
            widen(is_x ? series->x[i] : series->y[i], &low, &high);
            if (!is_x && series->low) {
                widen(series->low[i], &low, &high);
                widen(series->high[i], &low, &high);
            }
        }
    }
    const bool is_fixed = axis->low < axis->high || axis->n_categories > 0;
    if (axis->low < axis->high) {
        low = axis->low;
        high = axis->high;
    } else if (axis->n_categories > 0) {
        low = -.5;
        high = axis->n_categories - .5;
    } else if (!(low <= high)) {
        low = 0;
        high = 1;
    }
    base_chart_scale_init(scale, low, high, N_TICKS, axis->is_log, axis->is_percent,
                          is_fixed);
}

static double x_of(const struct drawing *d, double value)
{
    return d->left + base_chart_scale_at(&d->x, value) * (d->right - d->left);
}

static double y_of(const struct drawing *d, double value)
{
    return d->bottom - base_chart_scale_at(&d->y, value) * (d->bottom - d->top);
}

static void put_line(const struct drawing *d, double x1, double y1, double x2, double y2)
{
    cairo_new_path(d->cr);
    cairo_move_to(d->cr, x1, y1);
    cairo_line_to(d->cr, x2, y2);
    cairo_stroke(d->cr);
}

static void put_x_axis(const struct drawing *d)
{
    const struct reel_chart_axis *axis = &d->chart->x;
    char text[64];
    for (int32_t i = 0; i < axis->n_categories; i++) {
        set_grey(d, .2);
        put_text(d, axis->category[i], x_of(d, i), d->bottom + 18, 11.5, false,
                 ALIGN_MIDDLE);
    }
    for (int32_t i = 0; axis->n_categories == 0 && i < d->x.n_ticks; i++) {
        base_chart_scale_label(&d->x, d->x.tick[i], text, sizeof text);
        set_grey(d, .2);
        put_text(d, text, x_of(d, d->x.tick[i]), d->bottom + 18, 11.5, false,
                 ALIGN_MIDDLE);
        put_line(d, x_of(d, d->x.tick[i]), d->bottom, x_of(d, d->x.tick[i]),
                 d->bottom + 4);
    }
    set_grey(d, .2);
    put_line(d, d->left, d->bottom, d->right, d->bottom);
    if (axis->name) {
        put_text(d, axis->name, (d->left + d->right) / 2, d->bottom + 38, 12.5, false,
                 ALIGN_MIDDLE);
    }
}

static void put_y_axis(const struct drawing *d)
{
    char text[64];
    for (int32_t i = 0; i < d->y.n_ticks; i++) {
        const double y = y_of(d, d->y.tick[i]);
        base_chart_scale_label(&d->y, d->y.tick[i], text, sizeof text);
        set_grey(d, .88);
        put_line(d, d->left, y, d->right, y);
        set_grey(d, .2);
        put_text(d, text, d->left - 8, y + 4, 11.5, false, ALIGN_RIGHT);
    }
    if (d->chart->y
            .name) { // above the axis and not along it: read without turning the head
        put_text(d, d->chart->y.name, 16, d->top - 12, 12.5, false, ALIGN_LEFT);
    }
}

/* ---- series ---- */

static void put_band(const struct drawing *d, const struct reel_chart_series *series,
                     int32_t s)
{
    cairo_new_path(d->cr);
    for (int32_t i = 0; i < series->n; i++) {
        if (isfinite(series->low[i]) && isfinite(series->high[i])) {
            cairo_line_to(d->cr, x_of(d, series->x[i]), y_of(d, series->high[i]));
        }
    }
    for (int32_t i = series->n - 1; i >= 0; i--) {
        if (isfinite(series->low[i]) && isfinite(series->high[i])) {
            cairo_line_to(d->cr, x_of(d, series->x[i]), y_of(d, series->low[i]));
        }
    }
    cairo_close_path(d->cr);
    set_series(d, s, .16);
    cairo_fill(d->cr);
}

/** Series of one category stand a little apart. */
static double x_at(const struct drawing *d, const struct reel_chart_series *series,
                   int32_t s, int32_t i)
{
    const bool is_apart = d->chart->x.n_categories > 0;
    return x_of(d, series->x[i]) +
           (is_apart ? 5 * (s - (d->chart->n_series - 1) / 2.0) : 0);
}

static void put_points(const struct drawing *d, const struct reel_chart_series *series,
                       int32_t s)
{
    cairo_set_dash(d->cr, NULL, 0, 0);
    for (int32_t i = 0; i < series->n; i++) {
        if (!isfinite(series->y[i])) {
            continue;
        }
        const double x = x_at(d, series, s, i);
        if (series->low && isfinite(series->low[i]) && isfinite(series->high[i])) {
            put_line(d, x, y_of(d, series->low[i]), x, y_of(d, series->high[i]));
        }
        cairo_new_path(d->cr);
        cairo_arc(d->cr, x, y_of(d, series->y[i]), 3.4, 0, 6.2832);
        cairo_fill(d->cr);
    }
}

static void put_bars(const struct drawing *d, const struct reel_chart_series *series,
                     int32_t s)
{
    const double apart = series->n > 1 ? series->x[1] - series->x[0] : 1;
    set_series(d, s, .35);
    for (int32_t i = 0; i < series->n; i++) {
        if (isfinite(series->y[i])) {
            const double left = x_of(d, series->x[i] - .45 * apart);
            const double right = x_of(d, series->x[i] + .45 * apart);
            const double top = y_of(d, series->y[i]);
            cairo_new_path(d->cr);
            cairo_rectangle(d->cr, left, top, right - left, d->bottom - top);
            cairo_fill(d->cr);
        }
    }
}

static void put_series(const struct drawing *d, int32_t s)
{
    const struct reel_chart_series *series = &d->chart->series[s];
    if (series->mark == REEL_MARK_BARS) {
        put_bars(d, series, s);
        return;
    }
    if (series->mark == REEL_MARK_LINE && series->low) {
        put_band(d, series, s);
    }
    set_series(d, s, 1);
    cairo_set_line_width(d->cr, 1.9);
    cairo_set_dash(d->cr, dashes[s], dashes[s][0] > 0 ? 2 : 0, 0);
    cairo_new_path(d->cr);
    bool is_gap = true;
    for (int32_t i = 0; i < series->n; i++) {
        if (!isfinite(series->y[i])) {
            is_gap = true;
        } else if (is_gap) {
            cairo_move_to(d->cr, x_at(d, series, s, i), y_of(d, series->y[i]));
            is_gap = false;
        } else {
            cairo_line_to(d->cr, x_at(d, series, s, i), y_of(d, series->y[i]));
        }
    }
    cairo_stroke(d->cr);
    cairo_set_line_width(d->cr, 1.2);
    if (series->mark == REEL_MARK_LINE_POINTS) {
        put_points(d, series, s);
    }
    cairo_set_dash(d->cr, NULL, 0, 0);
}

/** In a row below the title; a second row where the first is full. */
static double put_legend(const struct drawing *d, double y)
{
    double x = 16;
    for (int32_t s = 0; s < d->chart->n_series; s++) {
        const char *name = d->chart->series[s].name;
        cairo_text_extents_t box;
        if (!name) {
            continue;
        }
        cairo_set_font_size(d->cr, 12);
        cairo_text_extents(d->cr, name, &box);
        if (x > 16 && x + 34 + box.x_advance > d->right) {
            x = 16;
            y += 18;
        }
        const bool is_bars = d->chart->series[s].mark == REEL_MARK_BARS;
        set_series(d, s, is_bars ? .35 : 1);
        cairo_set_line_width(d->cr, is_bars ? 10 : 2.4);
        cairo_set_dash(d->cr, dashes[s], dashes[s][0] > 0 && !is_bars ? 2 : 0, 0);
        put_line(d, x, y - 4, x + 26, y - 4);
        cairo_set_dash(d->cr, NULL, 0, 0);
        set_grey(d, .1);
        x += 34 + put_text(d, name, x + 32, y, 12, false, ALIGN_LEFT) + 16;
    }
    cairo_set_line_width(d->cr, 1);
    return y;
}

static void draw(struct drawing *d, double width, double height)
{
    const struct reel_chart *chart = d->chart;
    cairo_set_source_rgb(d->cr, 1, 1, 1);
    cairo_paint(d->cr);
    cairo_set_line_width(d->cr, 1);
    set_scale(chart, true, &d->x);
    set_scale(chart, false, &d->y);
    d->left = 64;
    d->right = width - 24;
    d->bottom = height - 52;
    double y = 28;
    set_grey(d, .05);
    put_text(d, chart->title, 16, y, 16, true, ALIGN_LEFT);
    if (chart->note) {
        set_grey(d, .4);
        put_text(d, chart->note, 16, y += 20, 11.5, false, ALIGN_LEFT);
    }
    y = put_legend(d, y + 24);
    d->top = y + 36;
    put_y_axis(d);
    cairo_save(d->cr);
    cairo_rectangle(d->cr, d->left - 4, d->top - 4, d->right - d->left + 8,
                    d->bottom - d->top + 8);
    cairo_clip(d->cr);
    if (chart->with_diagonal) {
        const double dash[] = {3, 4};
        set_grey(d, .55);
        cairo_set_dash(d->cr, dash, 2, 0);
        put_line(d, x_of(d, d->x.low), y_of(d, d->x.low), x_of(d, d->x.high),
                 y_of(d, d->x.high));
        cairo_set_dash(d->cr, NULL, 0, 0);
    }
    for (int32_t s = 0; s < chart->n_series; s++) {
        put_series(d, s);
    }
    cairo_restore(d->cr);
    put_x_axis(d);
}

/* ---- files ---- */

static cairo_status_t keep_bytes(void *closure, const unsigned char *data, unsigned int n)
{
    return base_buffer_add(closure, (const char *)data, n) ? CAIRO_STATUS_SUCCESS
                                                           : CAIRO_STATUS_NO_MEMORY;
}

static bool add_xml(struct base_buffer *out, const char *text)
{
    bool is_ok = true;
    for (; is_ok && *text; text++) {
        is_ok = *text == '&'   ? base_buffer_add_text(out, "&amp;")
                : *text == '<' ? base_buffer_add_text(out, "&lt;")
                               : base_buffer_add_char(out, *text);
    }
    return is_ok;
}

/** The same document with <title> and <desc> behind its first tag. */
static bool describe(const struct reel_chart *chart, struct base_buffer *drawn,
                     struct base_buffer *out)
{
    const char *all = base_buffer_text(drawn), *svg = strstr(all, "<svg");
    const char *end = svg ? strchr(svg, '>') : NULL;
    const char *words = chart->description ? chart->description
                        : chart->note      ? chart->note
                                           : "";
    return end && base_buffer_add(out, all, (size_t)(svg - all)) &&
           base_buffer_add_text(out, "<svg role=\"img\"") &&
           base_buffer_add(out, svg + 4, (size_t)(end + 1 - (svg + 4))) &&
           base_buffer_add_text(out, "\n<title>") && add_xml(out, chart->title) &&
           base_buffer_add_text(out, "</title>\n<desc>") && add_xml(out, words) &&
           base_buffer_add_text(out, "</desc>") && base_buffer_add_text(out, end + 1);
}

enum reel_status reel_chart_write(const struct reel_chart *chart, const char *path,
                                  struct reel_error *err)
{
    enum { BYTES_MAX = 1 << 28, PNG_SCALE = 2 };
    const size_t n_path = strlen(path);
    const bool is_svg = n_path > 4 && !strcmp(path + n_path - 4, ".svg");
    if (!is_svg && !(n_path > 4 && !strcmp(path + n_path - 4, ".png"))) {
        return fail(err, REEL_EINVAL, "%s: a chart ends in .svg or .png", path);
    }
    if (chart->n_series > SERIES_MAX) {
        return fail(err, REEL_EINVAL, "%d series in one chart, at most %d",
                    chart->n_series, SERIES_MAX);
    }
    const int width = chart->width > 0 ? chart->width : WIDTH;
    const int height = chart->height > 0 ? chart->height : HEIGHT;
    struct base_buffer drawn, out;
    base_buffer_init(&drawn, BYTES_MAX);
    base_buffer_init(&out, BYTES_MAX);
    cairo_surface_t *surface =
        is_svg ? cairo_svg_surface_create_for_stream(keep_bytes, &drawn, width, height)
               : cairo_image_surface_create(CAIRO_FORMAT_RGB24, PNG_SCALE * width,
                                            PNG_SCALE * height);
    struct drawing d = {.chart = chart, .cr = cairo_create(surface)};
    if (!is_svg) {
        cairo_scale(d.cr, PNG_SCALE, PNG_SCALE);
    }
    find_family(chart_has_chinese(chart) ? "zh-cn" : "en", d.family);
    draw(&d, width, height);
    cairo_status_t status = cairo_status(d.cr);
    cairo_destroy(d.cr);
    if (is_svg) {
        cairo_surface_finish(surface);
    } else if (status == CAIRO_STATUS_SUCCESS) {
        status = cairo_surface_write_to_png_stream(surface, keep_bytes, &drawn);
    }
    status = status ? status : cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    const bool is_ok =
        status == CAIRO_STATUS_SUCCESS && (!is_svg || describe(chart, &drawn, &out));
    const struct base_buffer *whole = is_svg ? &out : &drawn;
    enum reel_status rc =
        is_ok ? base_file_write(path, NULL, 0, whole->data, whole->n_bytes, err)
              : fail(err, REEL_ENOMEM, "%s: %s", path, cairo_status_to_string(status));
    base_buffer_release(&drawn);
    base_buffer_release(&out);
    return rc;
}
