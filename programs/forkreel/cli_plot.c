/** Curves in a terminal; see cli_plot.h. */
#include "cli_plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { N_ROWS = 14, WIDTH_MAX = 100, WIDTH_USUAL = 80, LABEL_WIDTH = 8, N_TICKS = 4 };
#define MARK 0x100 /* of a cell: a sign instead of dots */

// ---- one line ----

char *cli_spark(const double *y, int64_t n, int width)
{
    static const char *const block[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const int n_cells = n < width ? (int)n : width;
    double *mean = cli_need(calloc((size_t)n_cells + 1, sizeof *mean));
    double low = INFINITY, high = -INFINITY;
    for (int c = 0; c < n_cells; c++) {
        const int64_t first = n * c / n_cells, end = n * (c + 1) / n_cells;
        double sum = 0, n_finite = 0;
        for (int64_t i = first; i < end; i++) {
            sum += isfinite(y[i]) ? y[i] : 0;
            n_finite += isfinite(y[i]);
        }
        mean[c] = n_finite > 0 ? sum / n_finite : NAN;
        low = fmin(low, mean[c]); // fmin leaves NAN out
        high = fmax(high, mean[c]);
    }
    char *text = cli_need(calloc(4 * (size_t)n_cells + 1, 1)), *at = text;
    for (int c = 0; c < n_cells; c++) {
        const double share = high > low ? (mean[c] - low) / (high - low) : 0;
        const char *sign = isnan(mean[c]) ? " " : block[(int)fmin(7, share * 8)];
        at = stpcpy(at, sign);
    }
    free(mean);
    return text;
}

// ---- a plot ----

/** Dots are 2 a cell across and 4 a cell down. */
struct canvas {
    int n_columns; /* of cells */
    double x_low, x_high, y_low, y_high;
    uint16_t *dots; /* (N_ROWS, n_columns) Braille bits, or MARK */
};

static int terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) {
        return size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
    }
    return WIDTH_USUAL;
}

/** False when there is nothing to see. */
static bool set_borders(struct canvas *canvas, const struct cli_curve *curve,
                        int n_curves)
{
    canvas->x_low = canvas->y_low = INFINITY;
    canvas->x_high = canvas->y_high = -INFINITY;
    for (int k = 0; k < n_curves; k++) {
        for (int64_t i = 0; i < curve[k].n; i++) {
            const double x = curve[k].x[i], y = curve[k].y[i];
            if (isfinite(x) && isfinite(y)) {
                canvas->x_low = fmin(canvas->x_low, x);
                canvas->x_high = fmax(canvas->x_high, x);
                canvas->y_low = fmin(canvas->y_low, y);
                canvas->y_high = fmax(canvas->y_high, y);
            }
        }
    }
    if (canvas->y_high == canvas->y_low) { // a flat line runs through the middle
        canvas->y_low -= .5;
        canvas->y_high += .5;
    }
    return canvas->x_low <= canvas->x_high;
}

static double column_of(const struct canvas *canvas, double x)
{
    const double width = canvas->x_high - canvas->x_low;
    return width > 0 ? (x - canvas->x_low) / width * (2 * canvas->n_columns - 1) : 0;
}

static double row_of(const struct canvas *canvas, double y)
{
    return (canvas->y_high - y) / (canvas->y_high - canvas->y_low) * (4 * N_ROWS - 1);
}

static void set_dot(struct canvas *canvas, double column, double row, bool is_mark)
{
    // Bits of Braille, U+2800 and on: three rows of two columns, then a fourth row.
    static const unsigned char bit[4][2] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    const int c = (int)lround(column), r = (int)lround(row);
    uint16_t *cell = &canvas->dots[r / 4 * canvas->n_columns + c / 2];
    *cell = is_mark ? MARK : (uint16_t)(*cell | bit[r % 4][c % 2]);
}

/** The mean of the points that share a column of dots, joined to the one before. */
static void draw_line(struct canvas *canvas, const struct cli_curve *curve)
{
    double column_old = -1, row_old = 0;
    for (int64_t i = 0; i < curve->n;) {
        const double column = round(column_of(canvas, curve->x[i]));
        double sum = 0, n = 0;
        do {
            sum += isfinite(curve->y[i]) ? curve->y[i] : 0;
            n += isfinite(curve->y[i]);
            i++;
        } while (i < curve->n && round(column_of(canvas, curve->x[i])) == column);
        if (n == 0) {
            continue;
        }
        const double row = row_of(canvas, sum / n);
        const double n_steps =
            column_old < 0 ? 0 : fmax(column - column_old, fabs(row - row_old));
        for (double k = 0; k <= n_steps; k++) {
            const double share = n_steps > 0 ? k / n_steps : 1;
            set_dot(canvas,
                    column_old < 0 ? column : column_old + share * (column - column_old),
                    column_old < 0 ? row : row_old + share * (row - row_old), false);
        }
        column_old = column;
        row_old = row;
    }
}

static void draw_marks(struct canvas *canvas, const struct cli_curve *curve)
{
    for (int64_t i = 0; i < curve->n; i++) {
        if (isfinite(curve->x[i]) && isfinite(curve->y[i])) {
            set_dot(canvas, column_of(canvas, curve->x[i]), row_of(canvas, curve->y[i]),
                    true);
        }
    }
}

static void show_row(const struct canvas *canvas, int row)
{
    char *text = cli_need(calloc((size_t)canvas->n_columns + 1, 4)), *at = text;
    for (int c = 0; c < canvas->n_columns; c++) {
        const unsigned dots = canvas->dots[row * canvas->n_columns + c];
        if (dots == MARK) {
            *at++ = 'o';
        } else if (dots == 0) {
            *at++ = ' ';
        } else { // U+2800 + dots in UTF-8
            *at++ = (char)0xE2;
            *at++ = (char)(0xA0 | dots >> 6);
            *at++ = (char)(0x80 | (dots & 0x3F));
        }
    }
    while (at > text && at[-1] == ' ') {
        *--at = '\0';
    }
    const int n_between = N_ROWS / N_TICKS;
    if (row % n_between == 0) {
        const double y = canvas->y_high - (canvas->y_high - canvas->y_low) *
                                              (4 * row + 1.5) / (4 * N_ROWS - 1);
        cli_print("%*.4g ┤%s", LABEL_WIDTH, y, text);
    } else {
        cli_print("%*s │%s", LABEL_WIDTH, "", text);
    }
    free(text);
}

static void show_x_axis(const struct canvas *canvas, const char *x_name)
{
    char *line = cli_need(calloc((size_t)canvas->n_columns + 1, 3)), *at = line;
    for (int c = 0; c < canvas->n_columns; c++) {
        at = stpcpy(at, "─");
    }
    cli_print("%*s └%s", LABEL_WIDTH, "", line);
    free(line);
    char *low = cli_format("%.6g", canvas->x_low),
         *high = cli_format("%s %.6g", x_name, canvas->x_high);
    const int n_blank = canvas->n_columns - (int)strlen(low) - cli_width(high);
    cli_print("%*s %s%*s%s", LABEL_WIDTH + 1, "", low, n_blank > 1 ? n_blank : 1, "",
              high);
    free(low);
    free(high);
}

void cli_plot(const struct cli_curve *curve, int n_curves, const char *x_name)
{
    struct canvas canvas = {.n_columns = terminal_width() - LABEL_WIDTH - 3};
    if (!set_borders(&canvas, curve, n_curves)) {
        return;
    }
    canvas.dots =
        cli_need(calloc((size_t)N_ROWS * (size_t)canvas.n_columns, sizeof *canvas.dots));
    for (int k = 0; k < n_curves; k++) {
        if (!curve[k].is_marked) {
            draw_line(&canvas, &curve[k]);
        }
    }
    for (int k = 0; k < n_curves; k++) { // signs stand over lines
        if (curve[k].is_marked) {
            draw_marks(&canvas, &curve[k]);
        }
    }
    for (int row = 0; row < N_ROWS; row++) {
        show_row(&canvas, row);
    }
    show_x_axis(&canvas, x_name);
    for (int k = 0; k < n_curves; k++) {
        cli_print("%*s %s %s", LABEL_WIDTH + 1, "", curve[k].is_marked ? "o" : "⣀⠤⠒",
                  curve[k].name);
    }
    free(canvas.dots);
}
