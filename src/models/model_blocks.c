/**
 * Blocks of features: described, centred, brought to length 1, multiplied.
 */
#include "model_blocks.h"
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_linalg.h"

#include <math.h>
#include <string.h>

/* ---- what is there ---- */

static enum reel_status check_block(const struct reel_feature_block *block,
                                    int32_t n_rows, struct reel_error *err)
{
    const struct reel_csr *sparse = block->sparse;
    if (!block->name || !*block->name || strlen(block->name) >= MODEL_BLOCK_NAME) {
        return fail(err, REEL_EINVAL, "features: a block has no name, or a long one");
    }
    if (block->n_rows != n_rows || block->n_cols < 1 || !sparse == !block->dense ||
        (sparse && (sparse->n_rows != n_rows || sparse->n_cols != block->n_cols))) {
        return fail(err, REEL_EINVAL, "features: %s has %d rows of %d, not %d rows",
                    block->name, block->n_rows, block->n_cols, n_rows);
    }
    return sparse ? base_csr_check(sparse, err) : REEL_OK;
}

enum reel_status model_blocks_describe(const struct reel_feature_block *block,
                                       int32_t n_blocks, int32_t n_rows,
                                       struct model_block *spec, int32_t *n_cols,
                                       int32_t *n_centre, struct reel_error *err)
{
    *n_cols = *n_centre = 0;
    if (n_blocks < 1 || n_blocks > MODEL_BLOCKS_MAX) {
        return fail(err, REEL_EINVAL, "features: %d blocks, not 1 .. %d", n_blocks,
                    MODEL_BLOCKS_MAX);
    }
    for (int32_t b = 0; b < n_blocks; b++) {
        const enum reel_status rc = check_block(&block[b], n_rows, err);
        if (rc) {
            return rc;
        }
        for (int32_t other = 0; other < b; other++) {
            if (strcmp(block[other].name, block[b].name) == 0) {
                return fail(err, REEL_EINVAL, "features: two blocks are called %s",
                            block[b].name);
            }
        }
        spec[b] = (struct model_block){
            .n_cols = block[b].n_cols,
            .is_dense = block[b].dense != NULL,
            .first_col = *n_cols,
            .first_centre = block[b].dense ? *n_centre : -1,
        };
        memcpy(spec[b].name, block[b].name, strlen(block[b].name));
        if (block[b].n_cols > INT32_MAX - *n_cols) {
            return fail(err, REEL_EINVAL, "features: too many columns");
        }
        *n_cols += block[b].n_cols;
        *n_centre += block[b].dense ? block[b].n_cols : 0;
    }
    return REEL_OK;
}

static bool is_zero(const float *row, int32_t n)
{
    for (int32_t c = 0; c < n; c++) {
        if (row[c] != 0) {
            return false;
        }
    }
    return true;
}

void model_blocks_centre(const struct reel_feature_block *block,
                         const struct model_block *spec, int32_t n_blocks, float *centre)
{
    for (int32_t b = 0; b < n_blocks; b++) {
        const int32_t n_cols = block[b].n_cols;
        float *mean = centre + spec[b].first_centre;
        int32_t n = 0;
        for (int32_t r = 0; block[b].dense && r < block[b].n_rows; r++) {
            const float *row = block[b].dense + (size_t)r * (size_t)n_cols;
            if (is_zero(row, n_cols)) {
                continue;
            }
            n++;
            for (int32_t c = 0; c < n_cols; c++) {
                mean[c] += (row[c] - mean[c]) / (float)n;
            }
        }
    }
}

enum reel_status model_blocks_check(const struct model_block *spec, int32_t n_blocks,
                                    int32_t n_cols, int32_t n_centre,
                                    struct reel_error *err)
{
    int64_t col = 0, centre = 0;
    bool is_sound = n_blocks >= 1 && n_blocks <= MODEL_BLOCKS_MAX;
    for (int32_t b = 0; is_sound && b < n_blocks; b++) {
        is_sound = memchr(spec[b].name, 0, sizeof spec[b].name) && spec[b].n_cols > 0 &&
                   spec[b].first_col == col &&
                   spec[b].first_centre == (spec[b].is_dense ? centre : -1);
        col += spec[b].n_cols;
        centre += spec[b].is_dense ? spec[b].n_cols : 0;
    }
    return is_sound && col == n_cols && centre == n_centre
               ? REEL_OK
               : fail(err, REEL_EFORMAT, "blocks of features do not fit together");
}

/* ---- rows ---- */

static bool size_rows(const struct reel_csr *sparse, float *size)
{
    for (int32_t r = 0; r < sparse->n_rows; r++) {
        double square = 0;
        for (int64_t e = sparse->start[r]; e < sparse->start[r + 1]; e++) {
            const double x = sparse->value ? sparse->value[e] : 1;
            square += x * x;
        }
        if (!isfinite(square)) {
            return false;
        }
        size[r] = square > 0 ? (float)(1 / sqrt(square)) : 0;
    }
    return true;
}

static bool centre_rows(const float *from, const float *centre, int32_t n_rows,
                        int32_t n_cols, float *to)
{
    for (size_t r = 0; r < (size_t)n_rows; r++) {
        const float *row = from + r * (size_t)n_cols;
        float *out = to + r * (size_t)n_cols;
        if (is_zero(row, n_cols)) {
            memset(out, 0, (size_t)n_cols * sizeof *out);
            continue;
        }
        double square = 0;
        for (int32_t c = 0; c < n_cols; c++) {
            out[c] = row[c] - centre[c];
            square += (double)out[c] * out[c];
        }
        if (!isfinite(square)) {
            return false;
        }
        const float size = square > 0 ? (float)(1 / sqrt(square)) : 0;
        for (int32_t c = 0; c < n_cols; c++) {
            out[c] *= size;
        }
    }
    return true;
}

static const struct reel_feature_block *find(const struct reel_feature_block *block,
                                             int32_t n_blocks, const char *name)
{
    for (int32_t b = 0; b < n_blocks; b++) {
        if (block[b].name && strcmp(block[b].name, name) == 0) {
            return &block[b];
        }
    }
    return NULL;
}

static enum reel_status make_block(const struct model_block *spec, const float *centre,
                                   const struct reel_feature_block *block,
                                   struct model_rows *out, int32_t b,
                                   struct reel_error *err)
{
    enum reel_status rc = check_block(block, out->n_rows, err);
    if (rc) {
        return rc;
    }
    if (block->n_cols != spec->n_cols ||
        (block->dense != NULL) != (spec->is_dense != 0)) {
        return fail(err, REEL_EINVAL, "features: %s has %d columns where training had %d",
                    block->name, block->n_cols, spec->n_cols);
    }
    const size_t n_rows = (size_t)out->n_rows;
    bool is_sound;
    if (block->dense) {
        float *dense = base_alloc_array(n_rows * (size_t)spec->n_cols, sizeof *dense);
        out->block[b].dense = dense;
        is_sound = dense && centre_rows(block->dense, centre + spec->first_centre,
                                        out->n_rows, spec->n_cols, dense);
    } else {
        out->block[b].size = base_alloc_array(n_rows, sizeof *out->block[b].size);
        is_sound = out->block[b].size && size_rows(block->sparse, out->block[b].size);
        out->block[b].sparse = block->sparse;
    }
    if (!out->block[b].dense && !out->block[b].size) {
        return fail(err, REEL_ENOMEM, "features: %zu rows", n_rows);
    }
    return is_sound ? REEL_OK
                    : fail(err, REEL_EINVAL, "features: %s is not finite", block->name);
}

enum reel_status model_rows_make(const struct model_block *spec, int32_t n_specs,
                                 const float *centre,
                                 const struct reel_feature_block *block, int32_t n_blocks,
                                 int32_t n_rows, struct model_rows *out,
                                 struct reel_error *err)
{
    *out = (struct model_rows){.n_rows = n_rows, .n_blocks = n_specs};
    for (int32_t b = 0; b < n_specs; b++) {
        out->block[b].n_cols = spec[b].n_cols;
        const struct reel_feature_block *found = find(block, n_blocks, spec[b].name);
        const enum reel_status rc =
            found ? make_block(&spec[b], centre, found, out, b, err) : REEL_OK;
        if (rc) {
            model_rows_release(out);
            return rc;
        }
    }
    return REEL_OK;
}

void model_rows_release(struct model_rows *rows)
{
    for (int32_t b = 0; b < rows->n_blocks; b++) {
        base_free(rows->block[b].size);
        base_free(rows->block[b].dense);
    }
    *rows = (struct model_rows){0};
}

static const float *dense_row(const struct model_rows *rows, int32_t block, int32_t row)
{
    return rows->block[block].dense + (size_t)row * (size_t)rows->block[block].n_cols;
}

bool model_rows_known(const struct model_rows *rows, int32_t row)
{
    for (int32_t b = 0; b < rows->n_blocks; b++) {
        if (rows->block[b].sparse ? rows->block[b].size[row] > 0
            : rows->block[b].dense
                ? !is_zero(dense_row(rows, b, row), rows->block[b].n_cols)
                : false) {
            return true;
        }
    }
    return false;
}

/* ---- products ---- */

double model_rows_product_naive(const struct model_rows *rows, int32_t block, int32_t a,
                                int32_t b)
{
    const struct reel_csr *sparse = rows->block[block].sparse;
    double sum = 0;
    if (!sparse) {
        for (int32_t c = 0; rows->block[block].dense && c < rows->block[block].n_cols;
             c++) {
            sum += (double)dense_row(rows, block, a)[c] * dense_row(rows, block, b)[c];
        }
        return sum;
    }
    for (int64_t e = sparse->start[a]; e < sparse->start[a + 1]; e++) {
        const int64_t other = base_csr_find(sparse, b, sparse->col[e]);
        if (other >= 0) {
            sum += (sparse->value ? sparse->value[e] : 1.0) *
                   (sparse->value ? sparse->value[other] : 1.0);
        }
    }
    return sum * rows->block[block].size[a] * rows->block[block].size[b];
}

struct kernel_job {
    const struct model_rows *rows;
    const int32_t *pick;
    float *kernel, *desk; /* desk (n_threads, n_cols), zero between rows */
    size_t n, n_cols;
    int32_t block;
    float weight;
};

// Row i of the kernel: scatter its words over a desk, then walk the words of the others.
static void kernel_rows(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    const struct kernel_job *job = payload;
    const struct reel_csr *sparse = job->rows->block[job->block].sparse;
    const float *size = job->rows->block[job->block].size;
    float *desk = job->desk + (size_t)worker * job->n_cols;
    for (int64_t i = begin; i < end; i++) {
        const int32_t a = job->pick[i];
        const float scale = job->weight * size[a];
        for (int64_t e = sparse->start[a]; e < sparse->start[a + 1]; e++) {
            desk[sparse->col[e]] = scale * (sparse->value ? sparse->value[e] : 1);
        }
        for (int64_t j = 0; j <= i; j++) {
            const int32_t b = job->pick[j];
            float sum = 0;
            for (int64_t e = sparse->start[b]; e < sparse->start[b + 1]; e++) {
                sum += desk[sparse->col[e]] * (sparse->value ? sparse->value[e] : 1);
            }
            job->kernel[(size_t)i * job->n + (size_t)j] += sum * size[b];
        }
        for (int64_t e = sparse->start[a]; e < sparse->start[a + 1]; e++) {
            desk[sparse->col[e]] = 0;
        }
    }
}

static enum reel_status dense_kernel(struct kernel_job *job, struct reel_error *err)
{
    float *x = base_alloc_array(job->n * job->n_cols, sizeof *x);
    if (!x) {
        return fail(err, REEL_ENOMEM, "features: %zu rows", job->n);
    }
    for (size_t i = 0; i < job->n; i++) {
        memcpy(x + i * job->n_cols, dense_row(job->rows, job->block, job->pick[i]),
               job->n_cols * sizeof *x);
    }
    base_gemm_nt(job->kernel, x, x, job->n, job->n, job->n_cols, job->n, job->n_cols,
                 job->n_cols, job->weight, 1);
    base_free(x);
    return REEL_OK;
}

enum reel_status model_rows_kernel(const struct model_rows *rows, int32_t block,
                                   const int32_t *pick, int32_t n, float weight,
                                   struct base_pool *pool, float *kernel,
                                   struct reel_error *err)
{
    enum { CHUNK = 8 };
    struct kernel_job job = {.rows = rows,
                             .pick = pick,
                             .kernel = kernel,
                             .n = (size_t)n,
                             .n_cols = (size_t)rows->block[block].n_cols,
                             .block = block,
                             .weight = weight};
    if (rows->block[block].dense) {
        return dense_kernel(&job, err);
    }
    if (rows->block[block].sparse) {
        job.desk = base_alloc_zeroed((size_t)base_pool_n_threads(pool) * job.n_cols,
                                     sizeof *job.desk);
        if (!job.desk) {
            return fail(err, REEL_ENOMEM, "features: %zu columns", job.n_cols);
        }
        base_pool_run(pool, n, CHUNK, kernel_rows, &job);
        base_free(job.desk);
    }
    return REEL_OK;
}

static void add_scaled(float *to, const float *from, float scale, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        to[i] += scale * from[i];
    }
}

void model_rows_project(const struct model_rows *rows, int32_t block, int32_t row,
                        const float *map, int32_t n_targets, float *out)
{
    const struct reel_csr *sparse = rows->block[block].sparse;
    const size_t n = (size_t)n_targets;
    if (sparse) {
        const float size = rows->block[block].size[row];
        for (int64_t e = sparse->start[row]; e < sparse->start[row + 1]; e++) {
            add_scaled(out, map + (size_t)sparse->col[e] * n,
                       size * (sparse->value ? sparse->value[e] : 1), n_targets);
        }
    } else if (rows->block[block].dense) {
        const float *x = dense_row(rows, block, row);
        for (int32_t c = 0; c < rows->block[block].n_cols; c++) {
            add_scaled(out, map + (size_t)c * n, x[c], n_targets);
        }
    }
}

void model_rows_add(const struct model_rows *rows, int32_t block, int32_t row,
                    float scale, float *to)
{
    model_rows_spread(rows, block, row, &scale, 1, to);
}

void model_rows_spread(const struct model_rows *rows, int32_t block, int32_t row,
                       const float *amount, int32_t n_targets, float *map)
{
    const struct reel_csr *sparse = rows->block[block].sparse;
    const size_t n = (size_t)n_targets;
    if (sparse) {
        const float size = rows->block[block].size[row];
        for (int64_t e = sparse->start[row]; e < sparse->start[row + 1]; e++) {
            add_scaled(map + (size_t)sparse->col[e] * n, amount,
                       size * (sparse->value ? sparse->value[e] : 1), n_targets);
        }
    } else if (rows->block[block].dense) {
        const float *x = dense_row(rows, block, row);
        for (int32_t c = 0; c < rows->block[block].n_cols; c++) {
            add_scaled(map + (size_t)c * n, amount, x[c], n_targets);
        }
    }
}
