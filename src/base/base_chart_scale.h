/** Axes: where ticks stand, how they are written, and where a value lies. */
#ifndef BASE_CHART_SCALE_H
#define BASE_CHART_SCALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BASE_TICKS_MAX = 24 };

struct base_chart_scale {
    double low, high; /* of the axis, low < high; positive when is_log */
    bool is_log, is_percent;
    int32_t n_ticks;
    double tick[BASE_TICKS_MAX]; /* ascending, inside low .. high */
    double step;                 /* between ticks; 0 on a log axis */
};

/**
 * Steps of 1, 2 or 5 times a power of ten, as close as n_wanted ticks allow; on a log axis
 * powers of ten, with 2 and 5 between where few fit. With `is_fixed` the axis keeps low and
 * high, else both move out to ticks. A range without width is widened around its value.
 */
void base_chart_scale_init(struct base_chart_scale *scale, double low, double high,
                           int32_t n_wanted, bool is_log, bool is_percent, bool is_fixed);
/** 0 at low, 1 at high; outside values lie outside. */
double base_chart_scale_at(const struct base_chart_scale *scale, double value);
/** "0.25", "25 %", "10,000": as many decimals as tell neighbours apart. */
void base_chart_scale_label(const struct base_chart_scale *scale, double value,
                            char *text, size_t n_text_bytes);

#endif
