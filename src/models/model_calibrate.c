/**
 * Calibration: isotonic regression and logistic regression (Platt 1999).
 */
#include "model_calibrate.h"
#include "base_alloc.h"
#include "base_error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- rising curves ---- */

struct point {
    float x, y;
};

static int by_x(const void *a, const void *b)
{
    const struct point *p = a, *q = b;
    return p->x != q->x ? (p->x > q->x) - (p->x < q->x) : (p->y > q->y) - (p->y < q->y);
}

/** Means of bins; equal x are never parted. Returns the number of bins. */
static int32_t bin_points(const struct point *point, int64_t n, double *x, double *y,
                          double *weight)
{
    int32_t n_bins = 0;
    for (int64_t i = 0; i < n;) {
        const int64_t want = n * (n_bins + 1) / MODEL_CURVE_KNOTS;
        double sum_x = 0, sum_y = 0;
        const int64_t begin = i;
        do {
            sum_x += point[i].x;
            sum_y += point[i].y;
            i++;
        } while (i < n && (i < want || point[i].x == point[i - 1].x));
        weight[n_bins] = (double)(i - begin);
        x[n_bins] = sum_x / weight[n_bins];
        y[n_bins] = sum_y / weight[n_bins];
        n_bins++;
    }
    return n_bins;
}

// Pool adjacent violators: neighbours that fall are replaced by their mean.
static int32_t pool_violators(double *x, double *y, double *weight, int32_t n)
{
    int32_t top = 0;
    for (int32_t i = 0; i < n; i++) {
        double px = x[i], py = y[i], w = weight[i];
        while (top > 0 && y[top - 1] >= py) {
            top--;
            px = (px * w + x[top] * weight[top]) / (w + weight[top]);
            py = (py * w + y[top] * weight[top]) / (w + weight[top]);
            w += weight[top];
        }
        x[top] = px;
        y[top] = py;
        weight[top++] = w;
    }
    return top;
}

enum reel_status model_isotonic_fit(const float *x, const float *y, int64_t n,
                                    struct model_curve *out, struct reel_error *err)
{
    *out = (struct model_curve){0};
    struct point *point = n > 0 ? base_alloc_array((size_t)n, sizeof *point) : NULL;
    if (!point) {
        return n > 0 ? fail(err, REEL_ENOMEM, "a curve of %lld points", (long long)n)
                     : fail(err, REEL_EINVAL, "a curve of no points");
    }
    for (int64_t i = 0; i < n; i++) {
        point[i] = (struct point){x[i], y[i]};
        if (!isfinite(x[i]) || !isfinite(y[i])) {
            base_free(point);
            return fail(err, REEL_EINVAL, "point %lld of a curve is not finite",
                        (long long)i);
        }
    }
    qsort(point, (size_t)n, sizeof *point, by_x);
    double bin_x[MODEL_CURVE_KNOTS], bin_y[MODEL_CURVE_KNOTS], weight[MODEL_CURVE_KNOTS];
    const int32_t n_bins = bin_points(point, n, bin_x, bin_y, weight);
    out->n = pool_violators(bin_x, bin_y, weight, n_bins);
    for (int32_t i = 0; i < out->n; i++) {
        out->x[i] = (float)bin_x[i];
        out->y[i] = (float)bin_y[i];
    }
    base_free(point);
    return REEL_OK;
}

float model_curve_at(const struct model_curve *curve, float x)
{
    const int32_t n = curve->n;
    if (n < 1 || isnan(x)) {
        return NAN;
    }
    if (x <= curve->x[0]) {
        return curve->y[0];
    }
    for (int32_t i = 1; i < n; i++) {
        if (x < curve->x[i]) {
            const float share = (x - curve->x[i - 1]) / (curve->x[i] - curve->x[i - 1]);
            return curve->y[i - 1] + share * (curve->y[i] - curve->y[i - 1]);
        }
    }
    return curve->y[n - 1];
}

/* ---- logistic regression ---- */

/** gradient and Hessian (lower) of the log likelihood at `beta`. */
static void slopes(const float *x, const float *is_true, const float *weight,
                   const float *offset, int64_t n, int32_t m, const double *beta,
                   double *gradient, double *hessian)
{
    memset(gradient, 0, (size_t)m * sizeof *gradient);
    memset(hessian, 0, (size_t)m * (size_t)m * sizeof *hessian);
    for (int64_t i = 0; i < n; i++) {
        const float *row = x + i * m;
        double logit = offset ? offset[i] : 0;
        for (int32_t a = 0; a < m; a++) {
            logit += beta[a] * row[a];
        }
        const double p = 1 / (1 + exp(-logit)), w = weight ? weight[i] : 1;
        const double miss = w * (is_true[i] - p), curve = w * p * (1 - p);
        for (int32_t a = 0; a < m; a++) {
            gradient[a] += miss * row[a];
            for (int32_t b = 0; b <= a; b++) {
                hessian[a * m + b] += curve * row[a] * row[b];
            }
        }
    }
}

// Solve h x = g by Cholesky in place (lower); pivots that vanish stand still.
static void solve_small(double *h, double *g, int32_t m)
{
    for (int32_t i = 0; i < m; i++) {
        for (int32_t j = 0; j <= i; j++) {
            double sum = h[i * m + j];
            for (int32_t k = 0; k < j; k++) {
                sum -= h[i * m + k] * h[j * m + k];
            }
            h[i * m + j] = i == j ? sqrt(sum > 1e-12 ? sum : 1e-12) : sum / h[j * m + j];
        }
    }
    for (int32_t i = 0; i < m; i++) {
        for (int32_t k = 0; k < i; k++) {
            g[i] -= h[i * m + k] * g[k];
        }
        g[i] /= h[i * m + i];
    }
    for (int32_t i = m; i-- > 0;) {
        for (int32_t k = i + 1; k < m; k++) {
            g[i] -= h[k * m + i] * g[k];
        }
        g[i] /= h[i * m + i];
    }
}

enum reel_status model_logistic_fit(const float *x, const float *is_true,
                                    const float *weight, const float *offset, int64_t n,
                                    int32_t n_inputs, double pull, float *coefficient,
                                    struct reel_error *err)
{
    enum { STEPS = 25, M = MODEL_LOGISTIC_MAX };
    const int32_t m = n_inputs;
    double beta[M] = {0}, step[M], hessian[M * M];
    if (m < 1 || m > M) {
        return fail(err, REEL_EINVAL, "logistic regression of %d inputs, not 1 .. %d", m,
                    M);
    }
    for (int k = 0; k < STEPS; k++) {
        slopes(x, is_true, weight, offset, n, m, beta, step, hessian);
        for (int32_t a = 0; a < m; a++) {
            step[a] -= pull * beta[a];
            hessian[a * m + a] += pull;
        }
        solve_small(hessian, step, m);
        double size = 0;
        for (int32_t a = 0; a < m; a++) {
            size = fmax(size, fabs(step[a]));
        }
        // A long step overshoots where the curve is flat; a halved one still arrives.
        const double share = size > 4 ? 4 / size : 1;
        for (int32_t a = 0; a < m; a++) {
            beta[a] += share * step[a];
        }
        if (size < 1e-7) {
            break;
        }
    }
    for (int32_t a = 0; a < m; a++) {
        coefficient[a] = (float)beta[a];
    }
    return REEL_OK;
}
