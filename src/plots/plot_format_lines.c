/**
 * Text and colour for drawings. No font is asked: widths are those of a common sans serif,
 * near enough to break lines that fit.
 */
#include "plot_format.h"
#include "plot_words.h"

#include <math.h>
#include <string.h>

/** Chinese, Japanese, Korean, full width: as wide as high. */
static bool is_wide(uint32_t c)
{
    return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xd7a3) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) ||
           (c >= 0xff00 && c <= 0xff60) || c >= 0x1f000;
}

static double width_of(uint32_t c)
{
    if (is_wide(c) || c == 0x2014 || c == 0x2026) {
        return 1;
    }
    if (c < 0x80) {
        return strchr("ijl.,;:'|!I ", (int)c)  ? .3
               : strchr("ft()[]-\"r/", (int)c) ? .37
               : strchr("mwMW@%", (int)c)      ? .88
               : c >= 'A' && c <= 'Z'          ? .7
                                               : .57;
    }
    return c >= 0x300 && c <= 0x36f ? 0 : .58; // combining marks take no room
}

/** May a line begin with `c` that follows `before`? */
static bool may_break(uint32_t before, uint32_t c)
{
    if (c >= 0x80 && (c == 0x2019 || c == 0x201d || c == 0x2026 || c == 0x2014 ||
                      c == 0x3001 || c == 0x3002 || c == 0x300b || c == 0x300d ||
                      c == 0x300f || c == 0xff01 || c == 0xff09 || c == 0xff0c ||
                      c == 0xff1a || c == 0xff1b || c == 0xff1f || c == 0xb7)) {
        return false; // closes what stands before
    }
    if (before == 0x2018 || before == 0x201c || before == 0x300a || before == 0x300c ||
        before == 0x300e || before == 0xff08) {
        return false; // opens what follows
    }
    return before == ' ' || before == '-' || is_wide(c) || is_wide(before);
}

bool plot_format_line_next(struct plot_format_line *line, double width)
{
    const char *begin = line->rest;
    while (*begin == ' ' || *begin == '\n') {
        begin++;
    }
    const char *at = begin, *last_break = NULL;
    double used = 0;
    uint32_t before = 0;
    while (*at && *at != '\n') {
        const char *next = at;
        const uint32_t c = plot_next_char(&next);
        if (at > begin && may_break(before, c)) {
            last_break = at;
        }
        used += width_of(c);
        if (used > width && c != ' ' && at > begin) {
            at = last_break ? last_break : at;
            break;
        }
        before = c;
        at = next;
    }
    line->text = begin;
    line->rest = at;
    while (at > begin && at[-1] == ' ') {
        at--;
    }
    line->n_bytes = (size_t)(at - begin);
    return line->n_bytes > 0;
}

int32_t plot_format_lines(const char *text, double width, int32_t n_max)
{
    struct plot_format_line line = {.rest = text};
    int32_t n = 0;
    while (n < n_max && plot_format_line_next(&line, width)) {
        n++;
    }
    return n;
}

struct plot_format_colour plot_format_colour(double p_like)
{
    static const double low[] = {250, 211, 186}, middle[] = {252, 251, 245},
                        high[] = {169, 221, 200};
    struct plot_format_colour colour = {"#ffffff"};
    if (!isnan(p_like)) {
        const double x = fmin(1, fmax(-1, (p_like - .5) / .3)), share = fabs(x);
        const double *end = x < 0 ? low : high;
        int rgb[3];
        for (int i = 0; i < 3; i++) {
            rgb[i] = (int)lround(middle[i] + share * (end[i] - middle[i])) & 0xff;
        }
        snprintf(colour.fill, sizeof colour.fill, "#%02x%02x%02x", rgb[0] & 0xff,
                 rgb[1] & 0xff, rgb[2] & 0xff);
    }
    return colour;
}
