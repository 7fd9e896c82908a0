/**
 * Sparse matrices by counting sort; see base_csr.h.
 */
#include "base_csr.h"
#include "base_alloc.h"
#include "base_error.h"

#include <string.h>

enum reel_status base_csr_init(struct base_csr *m, int32_t n_rows, int32_t n_cols,
                               int64_t n_entries, bool with_values,
                               struct reel_error *err)
{
    *m = (struct base_csr){0};
    if (n_rows < 0 || n_cols < 0 || n_entries < 0) {
        return fail(err, REEL_EINVAL, "matrix of %d x %d with %lld entries", n_rows,
                    n_cols, (long long)n_entries);
    }
    m->start = base_alloc_zeroed((size_t)n_rows + 1, sizeof *m->start);
    m->col = base_alloc_array((size_t)n_entries, sizeof *m->col);
    m->value = with_values ? base_alloc_array((size_t)n_entries, sizeof *m->value) : NULL;
    if (!m->start || !m->col || (with_values && !m->value)) {
        base_csr_release(m);
        return fail(err, REEL_ENOMEM, "matrix of %d x %d with %lld entries", n_rows,
                    n_cols, (long long)n_entries);
    }
    m->csr = (struct reel_csr){.n_rows = n_rows,
                               .n_cols = n_cols,
                               .start = m->start,
                               .col = m->col,
                               .value = m->value};
    return REEL_OK;
}

void base_csr_release(struct base_csr *m)
{
    base_free(m->start);
    base_free(m->col);
    base_free(m->value);
    *m = (struct base_csr){0};
}

void base_csr_counts_to_places(int64_t *start, int32_t n_rows)
{
    int64_t sum = 0;
    for (int32_t r = 0; r < n_rows; r++) {
        const int64_t n = start[r + 1];
        start[r + 1] = sum;
        sum += n;
    }
}

enum reel_status base_csr_transpose(const struct reel_csr *m, struct base_csr *out,
                                    struct reel_error *err)
{
    const int64_t n_entries = m->start[m->n_rows];
    enum reel_status rc =
        base_csr_init(out, m->n_cols, m->n_rows, n_entries, m->value != NULL, err);
    if (rc != REEL_OK) {
        return rc;
    }
    for (int64_t e = 0; e < n_entries; e++) {
        out->start[m->col[e] + 1]++;
    }
    base_csr_counts_to_places(out->start, m->n_cols);
    for (int32_t r = 0; r < m->n_rows; r++) {
        for (int64_t e = m->start[r]; e < m->start[r + 1]; e++) {
            const int64_t place = out->start[m->col[e] + 1]++;
            out->col[place] = r;
            if (m->value) {
                out->value[place] = m->value[e];
            }
        }
    }
    return REEL_OK;
}

// Rows are sorted, but entries that were given twice still stand side by side.
static void drop_repeated(struct base_csr *m)
{
    int64_t n = 0, begin = 0;
    for (int32_t r = 0; r < m->csr.n_rows; r++) {
        const int64_t end = m->start[r + 1];
        m->start[r] = n;
        for (int64_t e = begin; e < end; e++) {
            if (e + 1 < end && m->col[e + 1] == m->col[e]) {
                continue;
            }
            m->col[n] = m->col[e];
            if (m->value) {
                m->value[n] = m->value[e];
            }
            n++;
        }
        begin = end;
    }
    m->start[m->csr.n_rows] = n;
}

enum reel_status base_csr_from_triples(int32_t n_rows, int32_t n_cols, int64_t n_entries,
                                       const int32_t *row, const int32_t *col,
                                       const float *value, struct base_csr *out,
                                       struct reel_error *err)
{
    *out = (struct base_csr){0};
    for (int64_t e = 0; e < n_entries; e++) {
        if (row[e] < 0 || row[e] >= n_rows || col[e] < 0 || col[e] >= n_cols) {
            return fail(err, REEL_EINVAL, "entry %lld: (%d, %d) is outside %d x %d",
                        (long long)e, row[e], col[e], n_rows, n_cols);
        }
    }
    // By column first, then a stable turn: rows come out sorted by column.
    struct base_csr by_col = {0};
    enum reel_status rc =
        base_csr_init(&by_col, n_cols, n_rows, n_entries, value != NULL, err);
    if (rc != REEL_OK) {
        return rc;
    }
    for (int64_t e = 0; e < n_entries; e++) {
        by_col.start[col[e] + 1]++;
    }
    base_csr_counts_to_places(by_col.start, n_cols);
    for (int64_t e = 0; e < n_entries; e++) {
        const int64_t place = by_col.start[col[e] + 1]++;
        by_col.col[place] = row[e];
        if (value) {
            by_col.value[place] = value[e];
        }
    }
    rc = base_csr_transpose(&by_col.csr, out, err);
    base_csr_release(&by_col);
    if (rc == REEL_OK) {
        drop_repeated(out);
    }
    return rc;
}

enum reel_status base_csr_check(const struct reel_csr *m, struct reel_error *err)
{
    if (m->n_rows < 0 || m->n_cols < 0 || !m->start || m->start[0] != 0) {
        return fail(err, REEL_EINVAL, "matrix of %d x %d: no rows that start at 0",
                    m->n_rows, m->n_cols);
    }
    for (int32_t r = 0; r < m->n_rows; r++) {
        if (m->start[r + 1] < m->start[r]) {
            return fail(err, REEL_EINVAL, "row %d ends at %lld, before it starts", r,
                        (long long)m->start[r + 1]);
        }
        int32_t last = -1;
        for (int64_t e = m->start[r]; e < m->start[r + 1]; e++) {
            if (m->col[e] <= last || m->col[e] >= m->n_cols) {
                return fail(err, REEL_EINVAL, "row %d: column %d after %d of %d", r,
                            m->col[e], last, m->n_cols);
            }
            last = m->col[e];
        }
    }
    return REEL_OK;
}

int64_t base_csr_find(const struct reel_csr *m, int32_t row, int32_t col)
{
    int64_t low = m->start[row], high = m->start[row + 1];
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (m->col[middle] < col) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < m->start[row + 1] && m->col[low] == col ? low : -1;
}

bool base_csr_has(const struct reel_csr *m, int32_t row, int32_t col)
{
    return base_csr_find(m, row, col) >= 0;
}
