/**
 * @file chart.h
 * Charts of measures: the same picture as SVG and as PNG.
 *
 * A chart is a record of borrowed arrays and is drawn in one call. Colours stay apart for
 * colour-blind eyes (Okabe and Ito), and dashes repeat what colours say. An SVG carries <title> and
 * <desc> for those who listen to it, and its text is drawn as outlines, so it looks the same
 * where the font is missing.
 *
 *     const struct reel_chart_series line = {
 *         .name = "als", .mark = REEL_MARK_LINE, .n = 3, .x = x, .y = y};
 *     const struct reel_chart chart = {
 *         .title = "Regret", .x = {.name = "choices"}, .y = {.name = "lost likes"},
 *         .series = &line, .n_series = 1};
 *     rc = reel_chart_write(&chart, "regret.svg", &err);
 */
#ifndef FORKREEL_CHART_H
#define FORKREEL_CHART_H

#include <forkreel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum reel_chart_mark {
    REEL_MARK_LINE,        /* intervals are a band */
    REEL_MARK_LINE_POINTS, /* points joined; intervals are bars */
    REEL_MARK_BARS,        /* from the bottom up, as wide as x is apart; no intervals */
};

struct reel_chart_series {
    const char *name; /* in the legend; NULL: not there */
    enum reel_chart_mark mark;
    int32_t n;                /* 0: nothing is drawn */
    const double *x, *y;      /* (n); an entry that is not finite is a gap */
    const double *low, *high; /* (n) interval of y, or both NULL */
};

struct reel_chart_axis {
    const char *name;
    double low, high;            /* both 0: as the data wants it; else kept as it is */
    bool is_log;                 /* data must be positive */
    bool is_percent;             /* 0.25 is written 25 % */
    const char *const *category; /* (n_categories) words at 0, 1, ...; x only */
    int32_t n_categories;
};

struct reel_chart {
    const char *title;
    const char *note; /* below the title: data, seeds, what intervals are; or NULL */
    const char *description; /* in words, for <desc>; NULL: the note */
    struct reel_chart_axis x, y;
    bool with_diagonal;                     /* y = x, dashed */
    const struct reel_chart_series *series; /* (n_series) drawn in this order */
    int32_t n_series;
    int32_t width, height; /* 0: 720 x 460 */
};

/**
 * Write one chart; the ending of `path` says how: .svg or .png (twice as many dots).
 * Written beside and renamed.
 *
 * Errors:  REEL_EINVAL another ending, or more than 8 series; REEL_EIO; REEL_ENOMEM.
 * Threads: one at a time.
 */
enum reel_status reel_chart_write(const struct reel_chart *chart, const char *path,
                                  struct reel_error *err) REEL_CHECKED;

/** Is there a font on this machine for Chinese? */
bool reel_chart_writes_chinese(void);

#ifdef __cplusplus
}
#endif
#endif
