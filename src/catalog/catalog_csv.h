/**
 * Rows of a table in text: RFC 4180 with any delimiter, or tabs without quoting.
 *
 *     struct catalog_csv csv;
 *     rc = catalog_csv_init(&csv, in, ',', &err);          // reads the header row
 *     const int32_t col_name = catalog_csv_column(&csv, "Name");         // -1: not there
 *     while ((rc = catalog_csv_next(&csv, &is_row, &err)) == REEL_OK && is_row) {
 *         const char *name = catalog_csv_field(&csv, col_name);    // "" when not there
 *     }
 *     catalog_csv_release(&csv);
 */
#ifndef CATALOG_CSV_H
#define CATALOG_CSV_H

#include "catalog_input.h"

#include "base_arena.h"

#define CATALOG_COLUMNS_MAX 1024

struct catalog_csv {
    struct catalog_input *in; /* borrowed */
    char delimiter;
    bool is_quoted;      /* '"' means something */
    int32_t n_columns;   /* of the header */
    int32_t n_fields;    /* of the row */
    const char **column; /* (n_columns) names in the header, blanks trimmed */
    char **field;        /* (n_fields) of the row, end with NUL; may be written into */
    struct base_arena names;
};

/** Take the first row as header; `delimiter` 0: whichever of , ; tab the header has most. */
enum reel_status catalog_csv_init(struct catalog_csv *csv, struct catalog_input *in,
                                  char delimiter, struct reel_error *err) REEL_CHECKED;
/** Which of , ; tab a header has most outside quotes; ',' when it has none. */
char catalog_csv_guess_delimiter(const char *header);
/** Without a header or quoting: columns are known by position only. */
enum reel_status catalog_csv_init_bare(struct catalog_csv *csv, struct catalog_input *in,
                                       char delimiter,
                                       struct reel_error *err) REEL_CHECKED;
/** Tabs, a header, and '"' is a character like any other (IMDb, RecBole). */
enum reel_status catalog_csv_init_raw(struct catalog_csv *csv, struct catalog_input *in,
                                      struct reel_error *err) REEL_CHECKED;
/** Safe after a failed init, and on a struct of zeros. */
void catalog_csv_release(struct catalog_csv *csv);

/** Column by name, case ignored; -1 when there is none. */
int32_t catalog_csv_column(const struct catalog_csv *csv, const char *name);
/** Next row that is not blank; its fields live until the next call. */
enum reel_status catalog_csv_next(struct catalog_csv *csv, bool *is_row,
                                  struct reel_error *err) REEL_CHECKED;

/** Field of the row; "" when the column is -1 or the row is shorter. */
static inline char *catalog_csv_field(const struct catalog_csv *csv, int32_t column)
{
    static char nothing[1];
    return column >= 0 && column < csv->n_fields ? csv->field[column] : nothing;
}

#endif
