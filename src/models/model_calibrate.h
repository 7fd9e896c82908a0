/**
 * From numbers that order well to numbers that mean what they say.
 */
#ifndef MODEL_CALIBRATE_H
#define MODEL_CALIBRATE_H

#include <forkreel/status.h>

enum { MODEL_CURVE_KNOTS = 32 };

/** A rising curve through knots, flat beyond them. */
struct model_curve {
    int32_t n;                                        /* 0: no curve */
    float x[MODEL_CURVE_KNOTS], y[MODEL_CURVE_KNOTS]; /* ascending */
};

/**
 * The rising curve nearest to y (n) over x (n): means of equally filled bins, then pool
 * adjacent violators. Source: Barlow et al. 1972; Zadrozny and Elkan 2002.
 * Errors: REEL_EINVAL n < 1 or x not finite; REEL_ENOMEM.
 */
enum reel_status model_isotonic_fit(const float *x, const float *y, int64_t n,
                                    struct model_curve *out,
                                    struct reel_error *err) REEL_CHECKED;
float model_curve_at(const struct model_curve *curve, float x);

/**
 * Logistic regression by Newton's method: coefficient (n_inputs) such that
 * P(y = 1) = 1 / (1 + exp(-coefficient . x)); Platt's scaling when the inputs are a score
 * and 1. Shapes: x (n, n_inputs), is_true (n), weight (n) or NULL; offset (n) or NULL: added
 * to what is fitted. `pull` keeps coefficients
 * from running away when the classes are apart.
 * Errors: REEL_EINVAL more than MODEL_LOGISTIC_MAX inputs.
 */
enum { MODEL_LOGISTIC_MAX = 16 };
enum reel_status model_logistic_fit(const float *x, const float *is_true,
                                    const float *weight, const float *offset, int64_t n,
                                    int32_t n_inputs, double pull, float *coefficient,
                                    struct reel_error *err) REEL_CHECKED;

#endif
