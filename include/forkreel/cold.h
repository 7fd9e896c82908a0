/**
 * @file cold.h
 * How well the taste of texts is known: films taken away from everybody, then guessed.
 *
 * A share of the films that have a text becomes cold: what anybody chose or rated of them is
 * taken out of the training data. A model then gives every viewer a score for each of them,
 * from the text alone, and is judged by what the viewer really did.
 *
 *     rc = reel_cold_make(&chosen, &rated, has_text, 0.2, seed, &cold, &err);
 *     ...train on cold.chosen and cold.rated, fill score (n_viewers, cold.n)...
 *     rc = reel_cold_measure(&chosen, &rated, &cold, score, 5, 5, &measures, &err);
 *     reel_cold_release(&cold);
 */
#ifndef FORKREEL_COLD_H
#define FORKREEL_COLD_H

#include <forkreel/matrix.h>
#include <forkreel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct reel_cold {
    const int32_t *film; /* (n) ascending */
    int32_t n;
    struct reel_csr chosen, rated; /* without those films, shaped as before */
    void *owned;
};

/**
 * Take a share of the films with `has_text` (n_films) away, chosen by seed.
 * Owns:   `out`, to be released; all zero after an error.
 * Errors: REEL_EINVAL malformed or unlike matrices, a share out of (0, 1), no film with text;
 *         REEL_ENOMEM.
 */
enum reel_status reel_cold_make(const struct reel_csr *chosen,
                                const struct reel_csr *rated, const bool *has_text,
                                double share, uint64_t seed, struct reel_cold *out,
                                struct reel_error *err) REEL_CHECKED;
void reel_cold_release(struct reel_cold *cold);

/** Means over viewers; ties count half. */
struct reel_cold_measures {
    int32_t n_viewers;          /* with at least n_liked_min liked cold films */
    int32_t n_viewers_disliked; /* and n_disliked_min disliked ones */
    double auc_all;             /* liked against all other cold films */
    double auc_disliked;        /* liked against rated and not liked */
    double ndcg;                /* at 10, all cold films ranked */
};

/**
 * Shapes: chosen, rated: all that is known, viewers x films; score (viewers, cold->n).
 *         A mean is NAN when there is no viewer for it.
 * Errors: REEL_EINVAL unlike shapes; REEL_ENOMEM.
 */
enum reel_status reel_cold_measure(const struct reel_csr *chosen,
                                   const struct reel_csr *rated,
                                   const struct reel_cold *cold, const float *score,
                                   int32_t n_liked_min, int32_t n_disliked_min,
                                   struct reel_cold_measures *out,
                                   struct reel_error *err) REEL_CHECKED;

/** One bin of a reliability diagram. */
struct reel_reliability {
    double p, share; /* means of what was said and of what came */
    int64_t n;
};
/**
 * Expected calibration error: sum of n_bin / n |p - share| over bins of equal filling.
 * Shapes: p (n) in [0, 1], is_true (n); bin (n_bins) or NULL.
 * Errors: REEL_EINVAL n < 1 or n_bins < 1; REEL_ENOMEM.
 */
enum reel_status reel_calibration_error(const float *p, const bool *is_true, int64_t n,
                                        int32_t n_bins, struct reel_reliability *bin,
                                        double *ece, struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
