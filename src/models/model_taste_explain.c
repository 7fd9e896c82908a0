/**
 * Taste taken apart by features.
 *
 *   match = g . y,   y = mean + sum over blocks b, columns c of x_bc M_bc
 *         = g . mean + sum x_bc (M_bc . g)
 *
 * Nets beside the map are linear around a text (model_map_mlp.h): M_bc . g is then M_bc . g +
 * C_bc . slope, and what the nets say apart from that goes into the rest.
 *
 * g is what the viewer's half multiplies the factors with, M the map. A sparse row is x times
 * its size, a dense one (x - centre) times its size: the centre goes into the rest.
 */
#include "base_alloc.h"
#include "base_error.h"
#include "model_map_mlp.h"
#include "model_taste.h"

#include <math.h>
#include <string.h>

int64_t reel_taste_n_parts(const struct reel_feature_block *block, int32_t n_blocks,
                           int32_t row)
{
    int64_t n = 0;
    for (int32_t b = 0; b < n_blocks; b++) {
        const struct reel_csr *sparse = block[b].sparse;
        n += sparse ? sparse->start[row + 1] - sparse->start[row] : block[b].n_cols;
    }
    return n;
}

struct explaining {
    const struct reel_model *model;
    const float *g; /* (k) */
    struct reel_feature_part *part;
    int64_t n;
    double rest;
    int32_t n_coords; /* 0: no nets */
    float slope[MODEL_MLP_COORDS_MAX];
};

/** M . g of a column of all blocks. */
static float slope_of(const struct explaining *e, int32_t col)
{
    const size_t k = (size_t)e->model->header->n_factors;
    const float *map = model_floats(e->model, MODEL_TASTE_MAP) +
                       (size_t)col * (size_t)taste_n_targets(e->model);
    float sum = 0;
    for (size_t i = 0; i < k; i++) {
        sum += map[i] * e->g[i];
    }
    return sum;
}

/** The same of what the map and the nets say. */
static float whole_slope_of(const struct explaining *e, int32_t col)
{
    const float *coords = model_floats(e->model, MODEL_TASTE_COORDS);
    float sum = slope_of(e, col);
    for (int32_t i = 0; i < e->n_coords; i++) {
        sum += coords[(size_t)col * (size_t)e->n_coords + (size_t)i] * e->slope[i];
    }
    return sum;
}

static enum reel_status explain_nets(struct explaining *e,
                                     const struct reel_feature_block *block,
                                     int32_t n_blocks, int32_t row,
                                     struct reel_error *err)
{
    const struct reel_model *model = e->model;
    const struct model_block *spec = (void *)model_floats(model, MODEL_TASTE_BLOCKS);
    const int32_t n_specs = (int32_t)model->header->section[MODEL_TASTE_BLOCKS].n_items;
    const int32_t n_rows = n_blocks > 0 ? block[0].n_rows : 1;
    const size_t n_targets = (size_t)taste_n_targets(model);
    struct model_mlp_shape shape;
    if (!taste_nets(model, &shape)) {
        return REEL_OK;
    }
    if (row < 0 || row >= n_rows) {
        return fail(err, REEL_EINVAL, "features: row %d of %d", row, n_rows);
    }
    struct model_rows rows = {0};
    float x[MODEL_MLP_COORDS_MAX];
    float *g = base_alloc_zeroed(n_targets, sizeof *g);
    enum reel_status rc =
        g ? model_rows_make(spec, n_specs, model_floats(model, MODEL_TASTE_CENTRE), block,
                            n_blocks, n_rows, &rows, err)
          : fail(err, REEL_ENOMEM, "taste: %zu targets", n_targets);
    if (rc == REEL_OK) {
        e->n_coords = shape.n_coords;
        memcpy(g, e->g,
               (n_targets - 2) * sizeof *g); // quality and popularity are no match
        model_mlp_place(&rows, spec, model_floats(model, MODEL_TASTE_COORDS),
                        shape.n_coords, row, x);
        e->rest += (double)model_mlp_slope(model_floats(model, MODEL_NET), &shape, x, g,
                                           e->slope);
    }
    model_rows_release(&rows);
    base_free(g);
    return rc;
}

static void explain_sparse(struct explaining *e, const struct model_block *spec,
                           const struct reel_feature_block *block, int32_t b, int32_t row)
{
    const struct reel_csr *sparse = block->sparse;
    double square = 0;
    for (int64_t i = sparse->start[row]; i < sparse->start[row + 1]; i++) {
        const double x = sparse->value ? sparse->value[i] : 1;
        square += x * x;
    }
    const float size = square > 0 ? (float)(1 / sqrt(square)) : 0;
    for (int64_t i = sparse->start[row]; i < sparse->start[row + 1]; i++) {
        const float value = sparse->value ? sparse->value[i] : 1;
        e->part[e->n++] = (struct reel_feature_part){
            b, sparse->col[i], value,
            size * whole_slope_of(e, spec->first_col + sparse->col[i])};
    }
}

static void explain_dense(struct explaining *e, const struct model_block *spec,
                          const struct reel_feature_block *block, int32_t b, int32_t row)
{
    const float *x = block->dense + (size_t)row * (size_t)block->n_cols;
    const float *centre = model_floats(e->model, MODEL_TASTE_CENTRE) + spec->first_centre;
    double square = 0, known = 0;
    for (int32_t c = 0; c < block->n_cols; c++) {
        square += ((double)x[c] - centre[c]) * ((double)x[c] - centre[c]);
        known += fabs((double)x[c]);
    }
    if (!(known > 0) || !(square > 0)) {
        return; // nothing is known in this way
    }
    const float size = (float)(1 / sqrt(square));
    for (int32_t c = 0; c < block->n_cols; c++) {
        const float slope = size * whole_slope_of(e, spec->first_col + c);
        e->part[e->n++] = (struct reel_feature_part){b, c, x[c], slope};
        e->rest -= (double)slope * centre[c];
    }
}

static const struct model_block *find(const struct reel_model *model, const char *name)
{
    const struct model_block *spec = (void *)model_floats(model, MODEL_TASTE_BLOCKS);
    const int32_t n = (int32_t)model->header->section[MODEL_TASTE_BLOCKS].n_items;
    for (int32_t b = 0; b < n; b++) {
        if (name && strcmp(spec[b].name, name) == 0) {
            return &spec[b];
        }
    }
    return NULL;
}

static enum reel_status explain_block(struct explaining *e,
                                      const struct reel_feature_block *block, int32_t b,
                                      int32_t row, struct reel_error *err)
{
    const struct model_block *spec = find(e->model, block->name);
    if (row < 0 || row >= block->n_rows) {
        return fail(err, REEL_EINVAL, "features: row %d of %d", row, block->n_rows);
    }
    if (!spec) {
        return REEL_OK;
    }
    if (block->n_cols != spec->n_cols ||
        (block->dense != NULL) != (spec->is_dense != 0)) {
        return fail(err, REEL_EINVAL, "features: %s has %d columns where training had %d",
                    block->name, block->n_cols, spec->n_cols);
    }
    if (block->dense) {
        explain_dense(e, spec, block, b, row);
    } else {
        explain_sparse(e, spec, block, b, row);
    }
    return REEL_OK;
}

enum reel_status reel_taste_explain(const struct reel_model *taste, const float *viewer,
                                    enum reel_taste_answer answer,
                                    const struct reel_feature_block *block,
                                    int32_t n_blocks, int32_t row,
                                    struct reel_feature_part *part, int64_t *n_parts,
                                    float *rest, struct reel_error *err)
{
    *n_parts = 0;
    *rest = 0;
    const int32_t n_place = reel_taste_n_place(taste);
    if (n_place == 0) {
        return fail(err, REEL_EINVAL, "a taste model is needed, not %s",
                    reel_model_name(taste));
    }
    struct explaining e = {.model = taste,
                           .g = viewer + (answer == REEL_TASTE_LIKE ? n_place : 0),
                           .part = part};
    const struct model_block *spec = (void *)model_floats(taste, MODEL_TASTE_BLOCKS);
    const uint64_t n_specs = taste->header->section[MODEL_TASTE_BLOCKS].n_items;
    const struct model_block *last = &spec[n_specs - 1];
    e.rest = slope_of(&e, last->first_col + last->n_cols); // the map's last row: the mean
    enum reel_status rc = explain_nets(&e, block, n_blocks, row, err);
    for (int32_t b = 0; rc == REEL_OK && b < n_blocks; b++) {
        rc = explain_block(&e, &block[b], b, row, err);
    }
    *n_parts = rc ? 0 : e.n;
    *rest = (float)e.rest;
    return rc;
}
