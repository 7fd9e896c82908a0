/**
 * Ridge regression in its dual form, with leave-one-out errors for nothing.
 *
 * Rasmussen and Williams 2006, section 2.2 and eq. 5.12 (held-out predictions).
 */
#include "model_ridge.h"
#include "base_alloc.h"
#include "base_error.h"
#include "base_linalg.h"
#include "base_rng.h"

#include <math.h>
#include <string.h>

static void fill_upper(float *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            a[i * n + j] = a[j * n + i];
        }
    }
}

/** `a` holds K (lower) and becomes A (both); dual (n_targets, n). */
static enum reel_status solve(const struct model_ridge *ridge, const int32_t *pick,
                              size_t n, const float *target, float *a, float *dual,
                              struct reel_error *err)
{
    for (size_t i = 0; i < n; i++) {
        a[i * n + i] += ridge->noise_all + ridge->noise[pick ? (size_t)pick[i] : i];
    }
    const enum reel_status rc = base_invert_spd(a, n, err);
    if (rc == REEL_OK) {
        fill_upper(a, n);
        base_gemm_nt(dual, target, a, (size_t)ridge->n_targets, n, n, n, n, n, 1, 0);
    }
    return rc;
}

enum reel_status model_ridge_fit(const struct model_ridge *ridge, const float *weight,
                                 float *dual, float *held_out, struct reel_error *err)
{
    const size_t n = (size_t)ridge->n;
    float *a = base_alloc_zeroed(n * n, sizeof *a);
    if (!a) {
        return fail(err, REEL_ENOMEM, "taste: products of %zu films", n);
    }
    enum reel_status rc = REEL_OK;
    for (int32_t b = 0; rc == REEL_OK && b < ridge->rows->n_blocks; b++) {
        rc = model_rows_kernel(ridge->rows, b, ridge->film, ridge->n, weight[b],
                               ridge->pool, a, err);
    }
    rc = rc ? rc : solve(ridge, NULL, n, ridge->target, a, dual, err);
    for (size_t t = 0; rc == REEL_OK && t < (size_t)ridge->n_targets; t++) {
        for (size_t i = 0; i < n; i++) {
            held_out[t * n + i] =
                ridge->target[t * n + i] - dual[t * n + i] / a[i * n + i];
        }
    }
    base_free(a);
    return rc;
}

/* ---- what counts how much ---- */

/** A part of the films, small enough to try many weights on. */
struct sample {
    const struct model_ridge *ridge;
    int32_t *pick, *film; /* (n) index into the ridge's films; row */
    float *kernel;        /* (n_blocks, n, n) */
    float *target, *dual; /* (n_targets, n) */
    float *a;             /* (n, n) */
    size_t n;
};

static void sample_release(struct sample *s)
{
    base_free(s->pick);
    base_free(s->film);
    base_free(s->kernel);
    base_free(s->target);
    base_free(s->dual);
    base_free(s->a);
}

static enum reel_status sample_init(struct sample *s, const struct model_ridge *ridge,
                                    int32_t n_sample, uint64_t seed,
                                    struct reel_error *err)
{
    const size_t n = (size_t)(n_sample < ridge->n ? n_sample : ridge->n);
    const size_t n_targets = (size_t)ridge->n_targets;
    const size_t n_blocks = (size_t)ridge->rows->n_blocks;
    *s = (struct sample){.ridge = ridge, .n = n};
    s->pick = base_alloc_array((size_t)ridge->n, sizeof *s->pick);
    s->film = base_alloc_array(n, sizeof *s->film);
    s->kernel = base_alloc_zeroed(n_blocks * n * n, sizeof *s->kernel);
    s->target = base_alloc_array(n_targets * n, sizeof *s->target);
    s->dual = base_alloc_array(n_targets * n, sizeof *s->dual);
    s->a = base_alloc_array(n * n, sizeof *s->a);
    if (!s->pick || !s->film || !s->kernel || !s->target || !s->dual || !s->a) {
        return fail(err, REEL_ENOMEM, "taste: products of %zu films", n);
    }
    struct base_rng rng;
    base_rng_init(&rng, seed, 1);
    for (int32_t i = 0; i < ridge->n; i++) {
        s->pick[i] = i;
    }
    base_rng_shuffle(&rng, s->pick, ridge->n);
    for (size_t i = 0; i < n; i++) {
        s->film[i] = ridge->film[s->pick[i]];
        for (size_t t = 0; t < n_targets; t++) {
            s->target[t * n + i] =
                ridge->target[t * (size_t)ridge->n + (size_t)s->pick[i]];
        }
    }
    enum reel_status rc = REEL_OK;
    for (size_t b = 0; rc == REEL_OK && b < n_blocks; b++) {
        rc = model_rows_kernel(ridge->rows, (int32_t)b, s->film, (int32_t)n, 1,
                               ridge->pool, s->kernel + b * n * n, err);
    }
    return rc;
}

/** Mean squared held-out error with these weights; INFINITY when they cannot be solved. */
static double held_out_error(struct sample *s, const float *weight)
{
    const struct model_ridge *ridge = s->ridge;
    const size_t n = s->n;
    memset(s->a, 0, n * n * sizeof *s->a);
    for (size_t b = 0; b < (size_t)ridge->rows->n_blocks; b++) {
        const float *kernel = s->kernel + b * n * n;
        for (size_t i = 0; weight[b] > 0 && i < n * n; i++) {
            s->a[i] += weight[b] * kernel[i];
        }
    }
    if (solve(ridge, s->pick, n, s->target, s->a, s->dual, NULL) != REEL_OK) {
        return INFINITY;
    }
    double sum = 0, care = 0;
    for (size_t i = 0; i < n; i++) {
        double square = 0;
        for (size_t t = 0; t < (size_t)ridge->n_targets; t++) {
            const double error = s->dual[t * n + i] / s->a[i * n + i];
            square += error * error;
        }
        sum += ridge->care[s->pick[i]] * square;
        care += ridge->care[s->pick[i]];
    }
    return care > 0 ? sum / care : INFINITY;
}

static void choose(struct sample *s, int32_t n_blocks, float *weight)
{
    static const float step[] = {4, 4, 2, 2, 1.4F};
    double best = held_out_error(s, weight);
    for (size_t k = 0; k < sizeof step / sizeof step[0]; k++) {
        for (int32_t b = 0; b < n_blocks; b++) {
            const float old = weight[b];
            for (int up = 1; up >= 0; up--) {
                weight[b] = up ? old * step[k] : old / step[k];
                const double error = held_out_error(s, weight);
                if (error < best) {
                    best = error;
                    break;
                }
                weight[b] = old;
            }
        }
    }
}

enum reel_status model_ridge_choose(const struct model_ridge *ridge, int32_t n_sample,
                                    uint64_t seed, float *weight, struct reel_error *err)
{
    struct sample s;
    const enum reel_status rc = sample_init(&s, ridge, n_sample, seed, err);
    if (rc == REEL_OK) {
        for (int32_t b = 0; b < ridge->rows->n_blocks; b++) {
            weight[b] = 0.3F;
        }
        choose(&s, ridge->rows->n_blocks, weight);
    }
    sample_release(&s);
    return rc;
}

/* ---- by the book ---- */

// Solve a x = b by elimination without pivoting (a is positive definite); a is lost.
static void eliminate(double *a, double *b, size_t n)
{
    for (size_t p = 0; p < n; p++) {
        for (size_t i = p + 1; i < n; i++) {
            const double share = a[i * n + p] / a[p * n + p];
            for (size_t j = p; j < n; j++) {
                a[i * n + j] -= share * a[p * n + j];
            }
            b[i] -= share * b[p];
        }
    }
    for (size_t p = n; p-- > 0;) {
        for (size_t j = p + 1; j < n; j++) {
            b[p] -= a[p * n + j] * b[j];
        }
        b[p] /= a[p * n + p];
    }
}

static double kernel_at(const struct model_ridge *ridge, const float *weight, size_t i,
                        size_t j)
{
    double sum = 0;
    for (int32_t b = 0; b < ridge->rows->n_blocks; b++) {
        sum += weight[b] *
               model_rows_product_naive(ridge->rows, b, ridge->film[i], ridge->film[j]);
    }
    return sum;
}

// Dual of one target from all films but `without` (n: from all).
static void fit_one(const struct model_ridge *ridge, const float *weight,
                    const float *target, size_t without, double *a, double *b)
{
    const size_t n = (size_t)ridge->n, m = without < n ? n - 1 : n;
    for (size_t i = 0; i < m; i++) {
        const size_t from = i + (i >= without);
        for (size_t j = 0; j < m; j++) {
            a[i * m + j] = kernel_at(ridge, weight, from, j + (j >= without));
        }
        a[i * m + i] += (double)ridge->noise_all + ridge->noise[from];
        b[i] = target[from];
    }
    eliminate(a, b, m);
}

enum reel_status model_ridge_fit_naive(const struct model_ridge *ridge,
                                       const float *weight, float *dual, float *held_out,
                                       struct reel_error *err)
{
    const size_t n = (size_t)ridge->n;
    double *a = base_alloc_array(n * n, sizeof *a), *b = base_alloc_array(n, sizeof *b);
    if (!a || !b) {
        base_free(a);
        base_free(b);
        return fail(err, REEL_ENOMEM, "taste: products of %zu films", n);
    }
    for (size_t t = 0; t < (size_t)ridge->n_targets; t++) {
        const float *target = ridge->target + t * n;
        fit_one(ridge, weight, target, n, a, b);
        for (size_t i = 0; i < n; i++) {
            dual[t * n + i] = (float)b[i];
        }
        for (size_t out = 0; out < n; out++) {
            fit_one(ridge, weight, target, out, a, b);
            double sum = 0;
            for (size_t i = 0; i + 1 < n; i++) {
                sum += kernel_at(ridge, weight, out, i + (i >= out)) * b[i];
            }
            held_out[t * n + out] = (float)sum;
        }
    }
    base_free(a);
    base_free(b);
    return REEL_OK;
}
