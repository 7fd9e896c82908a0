/**
 * Tables (libsmartcols knows the widths of Chinese) and cards, with outside text escaped.
 */
#include "cli.h"

#include <libsmartcols.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

void cli_table_init(struct cli_table *table, const struct cli_column *columns,
                    int n_columns)
{
    static const int flags[] = {
        [CLI_LEFT] = 0, [CLI_RIGHT] = SCOLS_FL_RIGHT, [CLI_SHRINK] = SCOLS_FL_TRUNC};
    *table = (struct cli_table){.scols = cli_need(scols_new_table())};
    for (int c = 0; c < n_columns; c++) {
        cli_need(scols_table_new_column(table->scols, tr(columns[c].name), 0,
                                        flags[columns[c].align]));
    }
    scols_table_set_column_separator(table->scols, "  ");
    // Text is escaped before it gets here; escaping it twice would double the backslashes.
    scols_table_enable_noencoding(table->scols, 1);
}

void cli_table_line(struct cli_table *table)
{
    table->line = cli_need(scols_table_new_line(table->scols, NULL));
    table->i_column = 0;
}

void cli_table_text(struct cli_table *table, const char *text)
{
    char *clean = cli_clean(text ? text : "");
    if (scols_line_refer_data(table->line, table->i_column++, clean)) {
        cli_need(NULL);
    }
}

void cli_table_cell(struct cli_table *table, const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    const int n = vasprintf(&text, format, args);
    va_end(args);
    cli_need(n < 0 ? NULL : text);
    cli_table_text(table, text);
    free(text);
}

void cli_table_real(struct cli_table *table, double value)
{
    if (isfinite(value)) {
        cli_table_cell(table, "%.2f", value);
    } else {
        cli_table_text(table, "-");
    }
}

void cli_table_year(struct cli_table *table, int32_t year)
{
    if (year > 0) {
        cli_table_cell(table, "%d", year);
    } else {
        cli_table_text(table, NULL);
    }
}

static void hide_if_empty(struct libscols_table *scols, size_t c)
{
    for (size_t l = 0; l < scols_table_get_nlines(scols); l++) {
        struct libscols_cell *cell =
            scols_line_get_cell(scols_table_get_line(scols, l), c);
        const char *text = cell ? scols_cell_get_data(cell) : NULL;
        if (text && *text) {
            return;
        }
    }
    struct libscols_column *column = scols_table_get_column(scols, c);
    scols_column_set_flags(column, scols_column_get_flags(column) | SCOLS_FL_HIDDEN);
}

void cli_table_show(struct cli_table *table)
{
    for (size_t c = 0; c < scols_table_get_ncols(table->scols); c++) {
        hide_if_empty(table->scols, c);
    }
    scols_print_table(table->scols);
}

void cli_table_release(struct cli_table *table)
{
    scols_unref_table(table->scols);
    *table = (struct cli_table){0};
}

static int card_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) {
        return size.ws_col < 100 ? size.ws_col : 100;
    }
    return 80;
}

/** May a line be broken before `c`: after a blank, or between Chinese characters. */
static bool may_break(wchar_t before, wchar_t c)
{
    static const wchar_t never_first[] = L"，。、；：？！）》」』”’";
    return (before == L' ' && c != L'%') ||
           (wcwidth(c) == 2 && wcwidth(before) == 2 && !wcschr(never_first, c));
}

/** How many bytes of `text` make a line of at most `width` columns. */
static size_t line_bytes(const char *text, int width)
{
    size_t at = 0, last_break = 0;
    int column = 0;
    wchar_t before = 0, c;
    mbstate_t state = {0};
    while (text[at] && text[at] != '\n') {
        const size_t n = mbrtowc(&c, text + at, MB_CUR_MAX, &state);
        if (n == (size_t)-1 || n == (size_t)-2) {
            return at + 1; // cannot be: the text is clean
        }
        if (at && may_break(before, c)) {
            last_break = at;
        }
        column += wcwidth(c) > 0 ? wcwidth(c) : 0;
        if (column > width && c != L' ') {
            return last_break ? last_break : (at ? at : n);
        }
        before = c;
        at += n;
    }
    return at;
}

void cli_card(int label_width, const char *label, const char *text)
{
    if (!text || !*text) {
        return;
    }
    char *clean = cli_clean(text);
    const int width = card_width() - label_width - 2;
    printf("%s%*s", label, label_width + 2 - cli_width(label), "");
    for (const char *rest = clean; *rest;) {
        size_t n = line_bytes(rest, width);
        const char *next = rest + n;
        while (n && rest[n - 1] == ' ') {
            n--;
        }
        while (*next == ' ') {
            next++;
        }
        printf("%.*s\n%*s", (int)n, rest, *next ? label_width + 2 : 0, "");
        rest = next;
    }
    free(clean);
}
