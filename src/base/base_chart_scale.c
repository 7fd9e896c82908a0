#include "base_chart_scale.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/** The largest 1, 2 or 5 times a power of ten that gives at least n_wanted steps. */
static double nice_step(double range, int32_t n_wanted)
{
    const double raw = range / n_wanted;
    const double power = pow(10, floor(log10(raw)));
    const double digit = raw / power;
    // Geometric means between 1, 2, 5 and 10.
    return power * (digit < 1.4142 ? 1 : digit < 3.1623 ? 2 : digit < 7.0711 ? 5 : 10);
}

static void set_linear(struct base_chart_scale *s, int32_t n_wanted, bool is_fixed)
{
    s->step = nice_step(s->high - s->low, n_wanted);
    // A millionth of a step forgives that 0.3 / 0.1 is not 3.
    if (!is_fixed) {
        s->low = s->step * floor(s->low / s->step + 1e-6);
        s->high = s->step * ceil(s->high / s->step - 1e-6);
    }
    const double first = ceil(s->low / s->step - 1e-6);
    for (double i = first; s->n_ticks < BASE_TICKS_MAX; i++) {
        const double tick = i * s->step;
        if (tick > s->high + 1e-6 * s->step) {
            break;
        }
        s->tick[s->n_ticks++] = tick == 0 ? 0 : tick; // never -0
    }
}

static void set_log(struct base_chart_scale *s, int32_t n_wanted, bool is_fixed)
{
    static const double digit[] = {1, 2, 5};
    const double n_decades = log10(s->high / s->low);
    const int32_t n_digits = n_decades * 3 <= n_wanted + 2 ? 3 : 1;
    const int32_t skip = (int32_t)ceil(n_decades / n_wanted); // decades from tick to tick
    double low = floor(log10(s->low) + 1e-9), high = ceil(log10(s->high) - 1e-9);
    if (!is_fixed && n_digits == 1) {
        s->low = pow(10, low);
        s->high = pow(10, high);
    }
    for (double power = low; power <= high; power++) {
        for (int32_t d = 0; d < n_digits; d++) {
            const double tick = digit[d] * pow(10, power);
            const bool is_skipped = skip > 1 && fmod(power - low, skip) != 0;
            if (!is_skipped && tick >= s->low * (1 - 1e-9) &&
                tick <= s->high * (1 + 1e-9) && s->n_ticks < BASE_TICKS_MAX) {
                s->tick[s->n_ticks++] = tick;
            }
        }
    }
}

void base_chart_scale_init(struct base_chart_scale *scale, double low, double high,
                           int32_t n_wanted, bool is_log, bool is_percent, bool is_fixed)
{
    assert(isfinite(low) && isfinite(high) && low <= high && n_wanted > 0);
    assert(!is_log || low > 0);
    *scale = (struct base_chart_scale){
        .low = low, .high = high, .is_log = is_log, .is_percent = is_percent};
    // Closer than this, ticks could not be told apart in double precision.
    if (high - low <= 1e-9 * fmax(fabs(low), fabs(high))) {
        const double room = low == 0 ? 1 : fabs(low) / 2;
        scale->low = low - room;
        scale->high = high + room;
    }
    if (is_log) {
        set_log(scale, n_wanted, is_fixed);
    } else {
        set_linear(scale, n_wanted, is_fixed);
    }
}

double base_chart_scale_at(const struct base_chart_scale *scale, double value)
{
    return scale->is_log ? log(value / scale->low) / log(scale->high / scale->low)
                         : (value - scale->low) / (scale->high - scale->low);
}

/** Commas between thousands, in place. */
static void group_thousands(char *text, size_t n_text_bytes)
{
    const size_t begin = text[0] == '-';
    size_t n = strlen(text);
    for (size_t at = begin + strspn(text + begin, "0123456789");
         at > begin + 3 && n + 2 <= n_text_bytes; n++) {
        at -= 3;
        memmove(text + at + 1, text + at, n - at + 1);
        text[at] = ',';
    }
}

void base_chart_scale_label(const struct base_chart_scale *scale, double value,
                            char *text, size_t n_text_bytes)
{
    const double factor = scale->is_percent ? 100 : 1;
    const double step = factor * (scale->is_log ? fabs(value) : scale->step);
    const double decimals = step > 0 ? ceil(-log10(step) - 1e-6) : 0;
    if (fabs(factor * value) >= 1e9 || decimals > 6) {
        snprintf(text, n_text_bytes, "%g%s", factor * value,
                 scale->is_percent ? " %" : "");
        return;
    }
    snprintf(text, n_text_bytes, "%.*f", decimals > 0 ? (int)decimals : 0,
             factor * value);
    if (fabs(factor * value) >= 1e4) {
        group_thousands(text, n_text_bytes);
    }
    const size_t n = strlen(text);
    snprintf(text + n, n_text_bytes - n, "%s", scale->is_percent ? " %" : "");
}
