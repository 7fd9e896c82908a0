/**
 * Cuts records into fields, in place. Where a record begins and ends is catalog_input.c's.
 *
 * Departures from RFC 4180, all on the side of taking more: text after a closing quote is
 * kept, a quote inside an unquoted field is a character, blanks around an unquoted field are
 * dropped, rows may have any number of fields.
 */
#include "catalog_csv.h"
#include "catalog_read.h"

#include "base_error.h"

#include <string.h>
#include <strings.h>

enum { NAMES_MAX_BYTES = 64 << 20 };

// Doubled quotes become one; the field ends with NUL. Returns what stands behind it.
static char *cut_quoted(char *field, char *end, char delimiter)
{
    char *to = field, *from = field + 1;
    while (from < end) {
        if (*from != '"') {
            *to++ = *from++;
        } else if (from + 1 < end && from[1] == '"') {
            *to++ = '"';
            from += 2;
        } else {
            from++; // the closing one; a later one would be text
            break;
        }
    }
    while (from < end && *from != delimiter) {
        *to++ = *from++;
    }
    *to = '\0'; // at most where `from` is, and what was there has been seen
    return from;
}

// Blanks around an unquoted field are not part of it; returns its end.
static char *cut_plain(char **field, char *end, char delimiter)
{
    char *p = *field;
    while (p < end && *p != delimiter) {
        p++;
    }
    while (*field < p && **field == ' ') {
        (*field)++;
    }
    for (char *q = p; q > *field && q[-1] == ' '; q--) {
        q[-1] = '\0';
    }
    return p;
}

// False when there are more than CATALOG_COLUMNS_MAX fields.
static bool cut_record(struct catalog_csv *csv, char *record, size_t n_bytes,
                       bool has_quotes)
{
    char *p = record, *end = record + n_bytes;
    int32_t n = 0;
    for (;;) {
        if (n == CATALOG_COLUMNS_MAX) {
            return false;
        }
        csv->field[n++] = p;
        if (has_quotes && p < end && *p == '"') {
            p = cut_quoted(p, end, csv->delimiter);
        } else if (csv->is_quoted) {
            p = cut_plain(&csv->field[n - 1], end, csv->delimiter);
        } else {
            p = memchr(p, csv->delimiter, (size_t)(end - p));
            p = p ? p : end;
        }
        if (p >= end) {
            break;
        }
        *p++ = '\0';
    }
    csv->n_fields = n;
    return true;
}

static enum reel_status next_row(struct catalog_csv *csv, bool *is_row,
                                 struct reel_error *err)
{
    char *record;
    size_t n_bytes = 0;
    bool has_quotes = false;
    do {
        enum reel_status rc;
        if (csv->is_quoted) {
            rc = catalog_input_record(csv->in, csv->delimiter, &record, &n_bytes,
                                      &has_quotes, err);
        } else {
            rc = catalog_input_line(csv->in, &record, err);
            n_bytes = rc == REEL_OK && record ? strlen(record) : 0;
        }
        if (rc != REEL_OK) {
            return rc;
        }
        *is_row = record != NULL;
    } while (record && n_bytes == 0);
    csv->n_fields = 0;
    if (record && csv->delimiter == '\0') {
        csv->delimiter = catalog_csv_guess_delimiter(record);
    }
    if (record && !cut_record(csv, record, n_bytes, has_quotes)) {
        const struct reel_where where = catalog_input_where(csv->in);
        return fail(err, REEL_EFORMAT, "%s:%lld: more than %d columns", where.file,
                    (long long)where.line, CATALOG_COLUMNS_MAX);
    }
    return REEL_OK;
}

char catalog_csv_guess_delimiter(const char *header)
{
    static const char candidate[] = {',', ';', '\t'};
    int32_t n_best = 0;
    char best = ',';
    for (size_t i = 0; i < sizeof candidate; i++) {
        int32_t n = 0;
        bool in_quotes = false;
        for (const char *p = header; *p; p++) {
            in_quotes = in_quotes != (*p == '"');
            n += !in_quotes && *p == candidate[i];
        }
        if (n > n_best) {
            n_best = n;
            best = candidate[i];
        }
    }
    return best;
}

static enum reel_status start(struct catalog_csv *csv, struct catalog_input *in,
                              char delimiter, bool is_quoted, struct reel_error *err)
{
    *csv = (struct catalog_csv){.in = in, .delimiter = delimiter, .is_quoted = is_quoted};
    base_arena_init(&csv->names, NAMES_MAX_BYTES);
    csv->field = base_arena_alloc(&csv->names, CATALOG_COLUMNS_MAX, sizeof *csv->field);
    return csv->field ? REEL_OK : fail(err, REEL_ENOMEM, "columns of a table");
}

static enum reel_status read_header(struct catalog_csv *csv, struct reel_error *err)
{
    bool is_row = false;
    enum reel_status rc = next_row(csv, &is_row, err);
    if (rc != REEL_OK) {
        return rc;
    }
    if (!is_row) {
        return fail(err, REEL_EFORMAT, "%s: empty", catalog_input_where(csv->in).file);
    }
    csv->n_columns = csv->n_fields;
    csv->column =
        base_arena_alloc(&csv->names, (size_t)csv->n_columns, sizeof *csv->column);
    for (int32_t i = 0; csv->column && i < csv->n_columns; i++) {
        csv->column[i] = base_arena_strdup(&csv->names, catalog_trim(csv->field[i]));
        if (!csv->column[i]) {
            csv->column = NULL;
        }
    }
    return csv->column ? REEL_OK
                       : fail(err, REEL_ENOMEM, "names of %d columns", csv->n_columns);
}

enum reel_status catalog_csv_init(struct catalog_csv *csv, struct catalog_input *in,
                                  char delimiter, struct reel_error *err)
{
    const enum reel_status rc = start(csv, in, delimiter, true, err);
    return rc ? rc : read_header(csv, err);
}

enum reel_status catalog_csv_init_bare(struct catalog_csv *csv, struct catalog_input *in,
                                       char delimiter, struct reel_error *err)
{
    return start(csv, in, delimiter, false, err);
}

enum reel_status catalog_csv_init_raw(struct catalog_csv *csv, struct catalog_input *in,
                                      struct reel_error *err)
{
    const enum reel_status rc = start(csv, in, '\t', false, err);
    return rc ? rc : read_header(csv, err);
}

void catalog_csv_release(struct catalog_csv *csv)
{
    base_arena_release(&csv->names);
    *csv = (struct catalog_csv){0};
}

int32_t catalog_csv_column(const struct catalog_csv *csv, const char *name)
{
    for (int32_t i = 0; i < csv->n_columns; i++) {
        if (strcasecmp(csv->column[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

enum reel_status catalog_csv_next(struct catalog_csv *csv, bool *is_row,
                                  struct reel_error *err)
{
    return next_row(csv, is_row, err);
}
