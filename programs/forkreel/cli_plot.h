/**
 * Curves in a terminal: a line of blocks in a cell, or a plot of Braille dots with axes.
 *
 *     char *spark = cli_spark(loss->value, loss->n, 24);     // "█▆▅▄▃▃▂▂▁▁"
 *     const struct cli_curve curve[] = {{"loss/train", 0, n, step, value}};
 *     cli_plot(curve, 1, "step");
 */
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include "cli.h"

/** What is not finite is left out. */
struct cli_curve {
    const char *name;
    bool is_marked; /* its points are signs, not a line of dots */
    int64_t n;
    const double *x, *y; /* (n) x rises */
};

/** At most `width` blocks, each the mean of its part; "" for none. Free it. */
char *cli_spark(const double *y, int64_t n, int width);

/** On standard output, as wide as the terminal (80 columns elsewhere). */
void cli_plot(const struct cli_curve *curve, int n_curves, const char *x_name);

#endif
