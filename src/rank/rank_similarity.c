/**
 * Similarity among candidates, a row at a time: lists ask for a few rows of a matrix that
 * would be large.
 *
 * Without film vectors a film is the concatenation of unit indicator vectors, weighted:
 *   s_ij = sum over blocks b of w_b c_b(i, j) / (norm_i norm_j),  norm_i^2 = sum of w_b
 * over the blocks where i has entries, c_b the cosine within a block. That is a cosine, so
 * the matrix is positive semidefinite, which the determinants of DPP need.
 */
#include "rank_diversity.h"

#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_linalg.h"

#include <math.h>
#include <string.h>

enum { N_BLOCKS = 3 };
static const float block_weight[N_BLOCKS] = {0.5F, 0.25F, 0.25F};

struct rank_similarity {
    int32_t n;
    /* by vectors */
    int32_t n_factors;
    float *vector; /* (n, n_factors) of length 1 or 0; NULL: by indicators */
    /* by indicators */
    struct reel_csr block[N_BLOCKS]; /* borrowed; films x names */
    const int32_t *film;             /* (n) borrowed */
    float *norm;                     /* (n) 0: nothing known */
    uint8_t *mark;                   /* (widest block) all 0 between calls */
};

static void copy_vectors(const struct rank_source *source, const int32_t *column,
                         struct rank_similarity *s)
{
    const size_t k = (size_t)s->n_factors;
    for (int32_t i = 0; i < s->n; i++) {
        // A film that the source does not know is like no other.
        const float *from = source->vector + (size_t)(column[i] < 0 ? 0 : column[i]) * k;
        float *to = s->vector + (size_t)i * k;
        const double length = column[i] < 0 ? 0 : sqrt((double)base_dot(from, from, k));
        for (size_t f = 0; f < k; f++) {
            to[f] = length > 0 ? (float)(from[f] / length) : 0;
        }
    }
}

static int64_t n_entries(const struct reel_csr *m, int32_t row)
{
    return m->n_cols > 0 ? m->start[row + 1] - m->start[row] : 0;
}

static enum reel_status prepare_indicators(const struct reel_film_table *films,
                                           struct rank_similarity *s,
                                           struct reel_error *err)
{
    s->block[0] = films->genres;
    s->block[1] = films->keywords;
    s->block[2] = films->people;
    int32_t n_widest = 0;
    for (int b = 0; b < N_BLOCKS; b++) {
        n_widest = s->block[b].n_cols > n_widest ? s->block[b].n_cols : n_widest;
    }
    s->norm = base_alloc_array((size_t)s->n, sizeof *s->norm);
    s->mark = base_alloc_zeroed((size_t)n_widest, 1);
    if (!s->norm || !s->mark) {
        return fail(err, REEL_ENOMEM, "out of memory to compare %d films", s->n);
    }
    for (int32_t i = 0; i < s->n; i++) {
        float sum = 0;
        for (int b = 0; b < N_BLOCKS; b++) {
            sum += n_entries(&s->block[b], s->film[i]) > 0 ? block_weight[b] : 0;
        }
        s->norm[i] = sqrtf(sum);
    }
    return REEL_OK;
}

enum reel_status rank_similarity_create(const struct rank_source *source,
                                        const struct reel_film_table *films,
                                        const int32_t *film, const int32_t *column,
                                        int32_t n, struct rank_similarity **out,
                                        struct reel_error *err)
{
    *out = NULL;
    struct rank_similarity *s = base_alloc_zeroed(1, sizeof *s);
    if (!s) {
        return fail(err, REEL_ENOMEM, "out of memory to compare %d films", n);
    }
    s->n = n;
    s->film = film;
    enum reel_status rc = REEL_OK;
    if (source->vector) {
        s->n_factors = source->n_factors;
        s->vector = base_alloc_array((size_t)n * (size_t)s->n_factors, sizeof *s->vector);
        if (s->vector) {
            copy_vectors(source, column, s);
        } else {
            rc = fail(err, REEL_ENOMEM, "out of memory to compare %d films", n);
        }
    } else {
        rc = prepare_indicators(films, s, err);
    }
    if (rc != REEL_OK) {
        rank_similarity_free(s);
        return rc;
    }
    *out = s;
    return REEL_OK;
}

void rank_similarity_free(struct rank_similarity *similarity)
{
    if (similarity) {
        base_free(similarity->vector);
        base_free(similarity->norm);
        base_free(similarity->mark);
        base_free(similarity);
    }
}

/** Add one block's part of row i. */
static void add_block(struct rank_similarity *s, int b, int32_t i, float *row)
{
    const struct reel_csr *m = &s->block[b];
    const int32_t film = s->film[i];
    const int64_t n_own = n_entries(m, film);
    if (n_own == 0) {
        return;
    }
    for (int64_t e = m->start[film]; e < m->start[film + 1]; e++) {
        s->mark[m->col[e]] = 1;
    }
    for (int32_t j = 0; j < s->n; j++) {
        const int64_t begin = m->start[s->film[j]], end = m->start[s->film[j] + 1];
        int32_t n_common = 0;
        for (int64_t e = begin; e < end; e++) {
            n_common += s->mark[m->col[e]];
        }
        if (n_common > 0) {
            row[j] += block_weight[b] * (float)n_common / (s->norm[i] * s->norm[j]) /
                      sqrtf((float)n_own * (float)(end - begin));
        }
    }
    for (int64_t e = m->start[film]; e < m->start[film + 1]; e++) {
        s->mark[m->col[e]] = 0;
    }
}

void rank_similarity_row(struct rank_similarity *similarity, int32_t i, float *row)
{
    struct rank_similarity *s = similarity;
    if (s->vector) {
        const size_t k = (size_t)s->n_factors;
        base_gemv(row, s->vector, s->vector + (size_t)i * k, (size_t)s->n, k, k);
    } else {
        memset(row, 0, (size_t)s->n * sizeof *row);
        for (int b = 0; b < N_BLOCKS; b++) {
            add_block(s, b, i, row);
        }
    }
    row[i] = 1;
}

double rank_similarity_naive(const struct rank_similarity *similarity, int32_t i,
                             int32_t j)
{
    const struct rank_similarity *s = similarity;
    double sum = 0;
    if (i == j) {
        return 1;
    }
    if (s->vector) {
        for (int32_t f = 0; f < s->n_factors; f++) {
            sum +=
                (double)s->vector[i * s->n_factors + f] * s->vector[j * s->n_factors + f];
        }
        return sum;
    }
    double norm_i = 0, norm_j = 0;
    for (int b = 0; b < N_BLOCKS; b++) {
        const struct reel_csr *m = &s->block[b];
        const int64_t n_i = n_entries(m, s->film[i]), n_j = n_entries(m, s->film[j]);
        int32_t n_common = 0;
        for (int32_t c = 0; c < m->n_cols; c++) {
            n_common += base_csr_has(m, s->film[i], c) && base_csr_has(m, s->film[j], c);
        }
        norm_i += n_i > 0 ? block_weight[b] : 0;
        norm_j += n_j > 0 ? block_weight[b] : 0;
        if (n_common > 0) {
            sum += (double)block_weight[b] * n_common / sqrt((double)n_i * (double)n_j);
        }
    }
    return sum > 0 ? sum / sqrt(norm_i * norm_j) : 0;
}
