/** Making and turning sparse matrices. */
#ifndef BASE_CSR_H
#define BASE_CSR_H

#include <forkreel/matrix.h>
#include <forkreel/status.h>

/** A matrix that owns its arrays; `csr` may be passed wherever one is read. */
struct base_csr {
    struct reel_csr csr;
    int64_t *start;
    int32_t *col;
    float *value; /* NULL when every entry is 1 */
};

/** Room for `n_entries`; start is all 0, the rest is not set; values when asked for. */
enum reel_status base_csr_init(struct base_csr *m, int32_t n_rows, int32_t n_cols,
                               int64_t n_entries, bool with_values,
                               struct reel_error *err) REEL_CHECKED;
void base_csr_release(struct base_csr *m);

/**
 * From triples in any order; of entries with the same place the last one stays.
 * value may be NULL. Errors: REEL_EINVAL names the first index out of range.
 */
enum reel_status base_csr_from_triples(int32_t n_rows, int32_t n_cols, int64_t n_entries,
                                       const int32_t *row, const int32_t *col,
                                       const float *value, struct base_csr *out,
                                       struct reel_error *err) REEL_CHECKED;
/** Rows become columns; counting sort, O(entries + rows + columns). */
enum reel_status base_csr_transpose(const struct reel_csr *m, struct base_csr *out,
                                    struct reel_error *err) REEL_CHECKED;
/**
 * Counts to places, the step of every counting sort here: start[r + 1] holds the number of
 * entries of row r and becomes where they begin; adding one to it for every entry that is
 * placed leaves start as a matrix wants it.
 */
void base_csr_counts_to_places(int64_t *start, int32_t n_rows);
/** Every promise of matrix.h. Errors: REEL_EINVAL says what and where. */
enum reel_status base_csr_check(const struct reel_csr *m,
                                struct reel_error *err) REEL_CHECKED;
/** The entry of `col` in the row, by binary search; -1 when it is not there. */
int64_t base_csr_find(const struct reel_csr *m, int32_t row, int32_t col);
/** Is `col` in the row? */
bool base_csr_has(const struct reel_csr *m, int32_t row, int32_t col);

#endif
