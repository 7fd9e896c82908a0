/**
 * `csv`: any table with a header, one record of catalog_fields.h a row.
 *
 * Source: a file, .gz, or every *.csv, *.tsv and *.txt of a folder or zip. The delimiter
 * , ; or tab is the one that the header has most. Columns are recognised by their names;
 * --map COLUMN=FIELD goes first, and FIELD "-" leaves a column out.
 */
#include "catalog_fields.h"

#include <string.h>
#include <strings.h>

struct columns {
    int32_t of[CATALOG_N_FIELDS]; /* -1: the table has no such field */
};

static void list_columns(const struct catalog_csv *csv, char *text, size_t n_text_bytes)
{
    text[0] = '\0';
    for (int32_t i = 0; i < csv->n_columns; i++) {
        const size_t n = strlen(text);
        (void)snprintf(text + n, n_text_bytes - n, "%s%s", i ? ", " : "", csv->column[i]);
    }
}

static enum reel_status map_columns(const struct catalog_reader *r,
                                    const struct catalog_csv *csv,
                                    struct columns *columns, bool *is_taken,
                                    struct reel_error *err)
{
    char known[300];
    for (int32_t i = 0; i < r->opt->n_map; i++) {
        const struct reel_column_map *map = &r->opt->map[i];
        const bool is_left_out = strcmp(map->field, "-") == 0;
        const enum catalog_field field = catalog_field_by_name(map->field);
        if (field == CATALOG_FIELD_NONE && !is_left_out) {
            return fail(err, REEL_EINVAL, "no field \"%s\"; there are %s", map->field,
                        catalog_field_names());
        }
        const int32_t column = catalog_csv_column(csv, map->column);
        if (column < 0) {
            list_columns(csv, known, sizeof known);
            return fail(err, REEL_EINVAL, "%s: no column \"%s\"; there are %s",
                        r->where.file, map->column, known);
        }
        is_taken[column] = true;
        if (!is_left_out) {
            columns->of[field] = column;
        }
    }
    return REEL_OK;
}

static enum reel_status find_columns(const struct catalog_reader *r,
                                     const struct catalog_csv *csv,
                                     struct columns *columns, struct reel_error *err)
{
    bool is_taken[CATALOG_COLUMNS_MAX] = {false};
    for (int i = 0; i < CATALOG_N_FIELDS; i++) {
        columns->of[i] = -1;
    }
    const enum reel_status rc = map_columns(r, csv, columns, is_taken, err);
    if (rc != REEL_OK) {
        return rc;
    }
    for (int32_t i = 0; i < csv->n_columns; i++) {
        const enum catalog_field field = catalog_field_guess(csv->column[i]);
        if (field != CATALOG_FIELD_NONE && !is_taken[i] && columns->of[field] < 0) {
            columns->of[field] = i;
        }
    }
    char known[300];
    const int32_t *of = columns->of;
    if (of[CATALOG_FIELD_FILM] < 0 && of[CATALOG_FIELD_TITLE] < 0 &&
        of[CATALOG_FIELD_IMDB] < 0 && of[CATALOG_FIELD_TMDB] < 0 &&
        of[CATALOG_FIELD_DOUBAN] < 0) {
        list_columns(csv, known, sizeof known);
        return catalog_fail(r, err,
                            "no column says which film; map one to film or title; "
                            "there are %s",
                            known);
    }
    bool has_event = false;
    for (int i = CATALOG_FIELD_RATING; i <= CATALOG_FIELD_REVIEW; i++) {
        has_event = has_event || of[i] >= 0;
    }
    if (has_event && of[CATALOG_FIELD_VIEWER] < 0 &&
        (!r->opt->viewer || !r->opt->viewer[0])) {
        list_columns(csv, known, sizeof known);
        return catalog_fail(r, err,
                            "no column says which viewer; map one to viewer or name "
                            "the viewer; there are %s",
                            known);
    }
    return REEL_OK;
}

static enum reel_status read_rows(struct catalog_reader *r, struct catalog_csv *csv,
                                  const struct columns *columns, struct reel_error *err)
{
    // Only what the table has is looked at in each row.
    enum catalog_field field[CATALOG_N_FIELDS];
    int32_t column[CATALOG_N_FIELDS], n = 0;
    for (int i = 0; i < CATALOG_N_FIELDS; i++) {
        if (columns->of[i] >= 0) {
            field[n] = (enum catalog_field)i;
            column[n++] = columns->of[i];
        }
    }
    struct catalog_fields fields = {0};
    for (;;) {
        bool is_row;
        enum reel_status rc = catalog_csv_next(csv, &is_row, err);
        if (rc != REEL_OK || !is_row) {
            return rc;
        }
        r->where = catalog_input_where(csv->in);
        if (csv->n_fields < csv->n_columns) {
            rc = catalog_refuse(r, err, "%d columns where the header has %d",
                                csv->n_fields, csv->n_columns);
        } else {
            for (int32_t i = 0; i < n; i++) {
                fields.text[field[i]] = csv->field[column[i]];
            }
            rc = catalog_fields_emit(r, &fields, err);
        }
        if (rc != REEL_OK) {
            return rc;
        }
    }
}

static enum reel_status read_table(struct catalog_reader *r, int32_t i_member,
                                   struct reel_error *err)
{
    struct catalog_input *in;
    struct catalog_csv csv = {0};
    struct columns columns;
    enum reel_status rc = catalog_input_open(r->source, i_member, &in, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = catalog_csv_init(&csv, in, '\0', err);
    r->where = catalog_input_where(in);
    rc = rc ? rc : find_columns(r, &csv, &columns, err);
    rc = rc ? rc : read_rows(r, &csv, &columns, err);
    catalog_csv_release(&csv);
    catalog_input_close(in);
    return rc;
}

enum reel_status catalog_table_read(struct catalog_reader *r, struct reel_error *err)
{
    if (catalog_source_is_file(r->source)) {
        return read_table(r, 0, err);
    }
    static const char *const pattern[] = {"*.csv", "*.tsv", "*.txt"};
    int32_t n_read = 0;
    for (size_t i = 0; i < sizeof pattern / sizeof pattern[0]; i++) {
        for (int32_t m = -1;
             (m = catalog_source_find(r->source, pattern[i], m + 1)) >= 0;) {
            const enum reel_status rc = read_table(r, m, err);
            if (rc != REEL_OK) {
                return rc;
            }
            n_read++;
        }
    }
    return n_read > 0 ? REEL_OK
                      : fail(err, REEL_EFORMAT, "%s: no .csv, .tsv or .txt in it",
                             catalog_source_path(r->source));
}
