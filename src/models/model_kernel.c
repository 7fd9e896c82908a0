/**
 * Inner loops of factor models; see model_kernel.h.
 *
 * The triangle update keeps a block of 4 x 16 sums in registers while it runs down the
 * tile: eight vectors of eight floats hide the latency of multiply-add on machines with
 * AVX2. The Cholesky factor is the upper one, because all its inner loops then run along
 * rows; panels of 16 rows, and the same register block for what is left. Measured against
 * ssyrk and sposv of OpenBLAS 0.3.21: ARCHITECTURE.md.
 */
#include "model_kernel.h"

#include <math.h>
#include <string.h>

typedef float v8 __attribute__((vector_size(32)));

static inline v8 load8(const float *p)
{
    v8 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store8(float *p, v8 v)
{
    memcpy(p, &v, sizeof v);
}

static inline v8 all8(float x)
{
    return (v8){x, x, x, x, x, x, x, x};
}

static inline float sum8(v8 v)
{
    typedef float v4 __attribute__((vector_size(16)));
    const v4 low = {v[0], v[1], v[2], v[3]}, high = {v[4], v[5], v[6], v[7]};
    const v4 s = low + high;
    return (s[0] + s[2]) + (s[1] + s[3]);
}

size_t model_padded(size_t n)
{
    return (n + MODEL_PAD - 1) / MODEL_PAD * MODEL_PAD;
}

float model_dot_naive(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)a[i] * b[i];
    }
    return (float)sum;
}

float model_dot(const float *a, const float *b, size_t n)
{
    v8 s0 = all8(0), s1 = all8(0);
    for (size_t i = 0; i < n; i += 16) {
        s0 += load8(a + i) * load8(b + i);
        s1 += load8(a + i + 8) * load8(b + i + 8);
    }
    return sum8(s0 + s1);
}

void model_syrk_naive(float *gram, const float *tile, size_t n, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        for (size_t j = i; j < k; j++) {
            double sum = 0;
            for (size_t r = 0; r < n; r++) {
                sum += (double)tile[r * k + i] * tile[r * k + j];
            }
            gram[i * k + j] += (float)sum;
        }
    }
}

// c (4, 16) += or -= sum over r of column(4) x row(16); strides in floats.
static inline void block_4x16(float *c, size_t ldc, const float *col, size_t col_step,
                              const float *row, size_t row_step, size_t n, float sign)
{
    v8 s00 = all8(0), s01 = s00, s10 = s00, s11 = s00;
    v8 s20 = s00, s21 = s00, s30 = s00, s31 = s00;
    for (size_t r = 0; r < n; r++) {
        const v8 b0 = load8(row), b1 = load8(row + 8);
        v8 a = all8(col[0]);
        s00 += a * b0;
        s01 += a * b1;
        a = all8(col[1]);
        s10 += a * b0;
        s11 += a * b1;
        a = all8(col[2]);
        s20 += a * b0;
        s21 += a * b1;
        a = all8(col[3]);
        s30 += a * b0;
        s31 += a * b1;
        col += col_step;
        row += row_step;
    }
    const v8 f = all8(sign);
    store8(c, load8(c) + f * s00);
    store8(c + 8, load8(c + 8) + f * s01);
    store8(c + ldc, load8(c + ldc) + f * s10);
    store8(c + ldc + 8, load8(c + ldc + 8) + f * s11);
    store8(c + 2 * ldc, load8(c + 2 * ldc) + f * s20);
    store8(c + 2 * ldc + 8, load8(c + 2 * ldc + 8) + f * s21);
    store8(c + 3 * ldc, load8(c + 3 * ldc) + f * s30);
    store8(c + 3 * ldc + 8, load8(c + 3 * ldc + 8) + f * s31);
}

void model_syrk(float *gram, const float *tile, size_t n, size_t k)
{
    for (size_t i = 0; i < k; i += 4) {
        for (size_t j = i / 16 * 16; j < k; j += 16) {
            block_4x16(gram + i * k + j, k, tile + i, k, tile + j, k, n, 1);
        }
    }
}

int model_cholesky_solve_naive(float *a, float *b, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        for (size_t j = i; j < k; j++) {
            double sum = a[i * k + j];
            for (size_t p = 0; p < i; p++) {
                sum -= (double)a[p * k + i] * a[p * k + j];
            }
            if (i == j && !(sum > 0)) {
                return 0;
            }
            a[i * k + j] = (float)(i == j ? sqrt(sum) : sum / a[i * k + i]);
        }
    }
    for (size_t i = 0; i < k; i++) {
        double sum = b[i];
        for (size_t p = 0; p < i; p++) {
            sum -= (double)a[p * k + i] * b[p];
        }
        b[i] = (float)(sum / a[i * k + i]);
    }
    for (size_t i = k; i-- > 0;) {
        double sum = b[i];
        for (size_t p = i + 1; p < k; p++) {
            sum -= (double)a[i * k + p] * b[p];
        }
        b[i] = (float)(sum / a[i * k + i]);
    }
    return 1;
}

enum { PANEL = 16, LARGEST_ON_STACK = 1024 };

/**
 * Rows first .. first+15 of the factor, from their own column block to the end: each row is
 * divided by its pivot and taken off the rows of the panel below it. What stands before the
 * diagonal inside the block is swept along and has no meaning.
 */
static int factor_panel(float *a, float *inverse, size_t first, size_t k)
{
    for (size_t p = first; p < first + PANEL; p++) {
        float *row_p = a + p * k;
        const float pivot = row_p[p];
        if (!(pivot > 0)) {
            return 0;
        }
        inverse[p] = 1 / sqrtf(pivot);
        const v8 scale = all8(inverse[p]);
        for (size_t i = first; i < k; i += 8) {
            store8(row_p + i, load8(row_p + i) * scale);
        }
        for (size_t q = p + 1; q < first + PANEL; q++) {
            float *row_q = a + q * k;
            const v8 f = all8(row_p[q]);
            for (size_t i = first; i < k; i += 8) {
                store8(row_q + i, load8(row_q + i) - f * load8(row_p + i));
            }
        }
    }
    return 1;
}

// a = U^T U in the upper triangle; inverse receives 1 / U_pp.
static int factor(float *a, float *inverse, size_t k)
{
    for (size_t first = 0; first < k; first += PANEL) {
        if (!factor_panel(a, inverse, first, k)) {
            return 0;
        }
        const float *panel = a + first * k;
        for (size_t i = first + PANEL; i < k; i += 4) {
            for (size_t j = i / 16 * 16; j < k; j += 16) {
                block_4x16(a + i * k + j, k, panel + i, k, panel + j, k, PANEL, -1);
            }
        }
    }
    return 1;
}

int model_cholesky_solve(float *a, float *b, size_t k)
{
    if (k > LARGEST_ON_STACK) {
        return model_cholesky_solve_naive(a, b, k);
    }
    float inverse[LARGEST_ON_STACK];
    if (!factor(a, inverse, k)) {
        return 0;
    }
    // U^T y = b: what is known is taken off the rest. One by one to the end of the column
    // block, then whole vectors.
    for (size_t p = 0; p < k; p++) {
        const float *row = a + p * k;
        const size_t whole = p / 16 * 16 + 16;
        b[p] *= inverse[p];
        for (size_t i = p + 1; i < whole; i++) {
            b[i] -= b[p] * row[i];
        }
        const v8 f = all8(b[p]);
        for (size_t i = whole; i < k; i += 8) {
            store8(b + i, load8(b + i) - f * load8(row + i));
        }
    }
    // U x = y.
    for (size_t p = k; p-- > 0;) {
        const float *row = a + p * k;
        const size_t whole = p / 16 * 16 + 16;
        float sum = b[p] - model_dot(row + whole, b + whole, k - whole);
        for (size_t i = p + 1; i < whole; i++) {
            sum -= row[i] * b[i];
        }
        b[p] = sum * inverse[p];
    }
    return 1;
}

void model_gram_apply_at_naive(float *out, const float *rows, const int32_t *at,
                               const float *x, float w, float t, size_t n, size_t k)
{
    for (size_t e = 0; e < n; e++) {
        const float *y = rows + (size_t)at[e] * k;
        const float f = t + w * model_dot_naive(y, x, k);
        for (size_t i = 0; i < k; i++) {
            out[i] += f * y[i];
        }
    }
}

// Four rows at a time: the sums of one hide the latency of the others.
static inline void apply_4(float *out, const float *const y[4], const float *x, float w,
                           float t, size_t k)
{
    v8 s0 = all8(0), s1 = s0, s2 = s0, s3 = s0;
    for (size_t i = 0; i < k; i += 8) {
        const v8 v = load8(x + i);
        s0 += load8(y[0] + i) * v;
        s1 += load8(y[1] + i) * v;
        s2 += load8(y[2] + i) * v;
        s3 += load8(y[3] + i) * v;
    }
    const v8 f0 = all8(t + w * sum8(s0)), f1 = all8(t + w * sum8(s1));
    const v8 f2 = all8(t + w * sum8(s2)), f3 = all8(t + w * sum8(s3));
    for (size_t i = 0; i < k; i += 8) {
        store8(out + i, load8(out + i) + f0 * load8(y[0] + i) + f1 * load8(y[1] + i) +
                            f2 * load8(y[2] + i) + f3 * load8(y[3] + i));
    }
}

void model_gram_apply_at(float *out, const float *rows, const int32_t *at, const float *x,
                         float w, float t, size_t n, size_t k)
{
    enum { AHEAD = 8 };
    size_t e = 0;
    for (; e + 4 <= n; e += 4) {
        const float *const y[4] = {rows + (size_t)at[e] * k, rows + (size_t)at[e + 1] * k,
                                   rows + (size_t)at[e + 2] * k,
                                   rows + (size_t)at[e + 3] * k};
        for (size_t next = e + AHEAD; next < e + AHEAD + 4 && next < n; next++) {
            for (size_t i = 0; i < k; i += 16) {
                __builtin_prefetch(rows + (size_t)at[next] * k + i);
            }
        }
        apply_4(out, y, x, w, t, k);
    }
    for (; e < n; e++) {
        const float *y = rows + (size_t)at[e] * k;
        const v8 f = all8(t + w * model_dot(y, x, k));
        for (size_t i = 0; i < k; i += 8) {
            store8(out + i, load8(out + i) + f * load8(y + i));
        }
    }
}

void model_symv(float *y, const float *a, const float *x, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        y[i] = model_dot(a + i * k, x, k);
    }
}
