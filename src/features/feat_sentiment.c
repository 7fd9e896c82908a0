/**
 * What a review feels: stars from words.
 *
 *     stars = 0.5 + 4.5 * sigmoid(b + x w)
 *
 *     x           terms of one and two words, (1 + log tf) * idf, length 1
 *     w, b        minimise cross entropy with the shares (stars - 0.5) / 4.5, a soft target,
 *                 plus pull / 2 * |w|^2: convex, found by Newton steps whose linear systems
 *                 are solved by conjugate gradients (Komarek and Moore 2005)
 *     pull        of PULLS the one with the least squared error on held-out pairs
 *
 * The words are those of every other text. They hold on to denials, and pairs of words bind
 * them to what is denied: "not" "good" "not good".
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_hash.h"
#include "base_rng.h"
#include "feat_tfidf.h"

#include <math.h>
#include <string.h>

enum {
    N_PAIRS_MIN = 20,
    N_PARTS = 5,
    N_GRAM = 2,
    N_TERMS_MAX = 100000,
    N_NEWTON = 12,
    N_CONJUGATE = 40
};

#define STARS_LOW 0.5
#define STARS_SPAN 4.5
#define STARS_MIDDLE 3.0F

static const double pulls[] = {0.1, 0.3, 1, 3, 10};
enum { N_PULLS = sizeof pulls / sizeof pulls[0] };

struct reel_sentiment {
    struct base_hash *term; /* key -> column */
    float *idf;             /* (n) */
    double *weight;         /* (n + 1), b last */
    int32_t n;
    double sd, sd_all; /* of held-out pairs; of a text without known words */
    double mean;       /* stars of all pairs */
};

void reel_sentiment_free(struct reel_sentiment *s)
{
    if (s) {
        base_hash_free(s->term);
        base_free(s->idf);
        base_free(s->weight);
        base_free(s);
    }
}

/* ---- words to numbers ---- */

static enum reel_status count_terms(const char *const *text, int32_t n,
                                    struct feat_words *words, struct feat_count *count,
                                    struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        rc = feat_words_cut(words, text[i], err);
        for (int32_t k = 1; rc == REEL_OK && k <= N_GRAM; k++) {
            for (int32_t w = 0; rc == REEL_OK && w < feat_words_n(words, k); w++) {
                size_t n_bytes;
                const char *key = feat_words_term(words, w, k, &n_bytes);
                rc = feat_count_add(count, key, n_bytes, k, i, false, err);
            }
        }
    }
    return rc;
}

static enum reel_status keep_terms(struct reel_sentiment *s,
                                   const struct feat_count *count, int32_t n_texts,
                                   struct reel_error *err)
{
    s->n = count->n;
    s->idf = base_alloc_array((size_t)s->n, sizeof *s->idf);
    s->weight = base_alloc_zeroed((size_t)s->n + 1, sizeof *s->weight);
    enum reel_status rc = base_hash_create(&s->term, err);
    if (rc == REEL_OK && (!s->idf || !s->weight)) {
        rc = fail(err, REEL_ENOMEM, "sentiment of %d terms", s->n);
    }
    for (int32_t i = 0; rc == REEL_OK && i < s->n; i++) {
        const char *key = count->keys.data + count->term[i].key;
        bool is_new;
        s->idf[i] = feat_idf(n_texts, count->term[i].n_texts);
        if (!base_hash_get_or_add(s->term, key, strlen(key), i, &is_new)) {
            rc = fail(err, REEL_ENOMEM, "sentiment of %d terms", s->n);
        }
    }
    return rc;
}

/** Terms of one text: columns with weights, length 1; merged by a walk over `tf`. */
struct row {
    float *tf;    /* (n) zero between rows */
    int32_t *col; /* (n) those that are not */
    int32_t n;
};

static enum reel_status row_init(struct row *row, int32_t n, struct reel_error *err)
{
    *row = (struct row){.tf = base_alloc_zeroed((size_t)n + 1, sizeof *row->tf),
                        .col = base_alloc_array((size_t)n + 1, sizeof *row->col)};
    return row->tf && row->col ? REEL_OK
                               : fail(err, REEL_ENOMEM, "sentiment of %d terms", n);
}

static void row_release(struct row *row)
{
    base_free(row->tf);
    base_free(row->col);
}

static void row_clear(struct row *row)
{
    for (int32_t i = 0; i < row->n; i++) {
        row->tf[row->col[i]] = 0;
    }
    row->n = 0;
}

static enum reel_status row_make(const struct reel_sentiment *s, const char *text,
                                 struct feat_words *words, struct row *row,
                                 struct reel_error *err)
{
    row_clear(row);
    const enum reel_status rc = feat_words_cut(words, text, err);
    for (int32_t k = 1; rc == REEL_OK && k <= N_GRAM; k++) {
        for (int32_t w = 0; w < feat_words_n(words, k); w++) {
            size_t n_bytes;
            int64_t col;
            const char *key = feat_words_term(words, w, k, &n_bytes);
            if (base_hash_get(s->term, key, n_bytes, &col)) {
                if (row->tf[col] == 0) {
                    row->col[row->n++] = (int32_t)col;
                }
                row->tf[col]++;
            }
        }
    }
    double square = 0;
    for (int32_t i = 0; i < row->n; i++) {
        float *x = &row->tf[row->col[i]];
        *x = (1 + logf(*x)) * s->idf[row->col[i]];
        square += (double)*x * *x;
    }
    for (int32_t i = 0; i < row->n; i++) {
        row->tf[row->col[i]] /= (float)sqrt(square);
    }
    return rc;
}

static enum reel_status rows_make(const struct reel_sentiment *s, const char *const *text,
                                  int32_t n, struct feat_words *words,
                                  struct base_csr *out, struct reel_error *err)
{
    struct row row;
    int64_t room = 0;
    *out = (struct base_csr){0};
    out->start = base_alloc_zeroed((size_t)n + 1, sizeof *out->start);
    enum reel_status rc = row_init(&row, s->n, err);
    if (rc == REEL_OK && !out->start) {
        rc = fail(err, REEL_ENOMEM, "%d reviews", n);
    }
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        rc = row_make(s, text[i], words, &row, err);
        if (out->start[i] + row.n > room) {
            room = 2 * (out->start[i] + row.n);
            void *col = base_realloc_array(out->col, (size_t)room, sizeof *out->col);
            out->col = col ? col : out->col;
            void *value =
                base_realloc_array(out->value, (size_t)room, sizeof *out->value);
            out->value = value ? value : out->value;
            rc = col && value ? rc : fail(err, REEL_ENOMEM, "%d reviews", n);
        }
        for (int32_t e = 0; rc == REEL_OK && e < row.n; e++) {
            out->col[out->start[i] + e] = row.col[e];
            out->value[out->start[i] + e] = row.tf[row.col[e]];
        }
        out->start[i + 1] = out->start[i] + row.n;
    }
    row_release(&row);
    out->csr = (struct reel_csr){n, s->n, out->start, out->col, out->value};
    return rc;
}

/* ---- logistic regression ---- */

struct regression {
    const struct reel_csr *x;
    const double *share; /* (pairs) target, 0 .. 1 */
    const int32_t *pick; /* (n) the pairs that teach */
    int32_t n;
    double pull;
    double *w;                            /* (m + 1) b last */
    double *gradient, *step, *r, *d, *hd; /* (m + 1) each, one allocation */
    double *p;                            /* (pairs) */
};

static double logit_of(const struct reel_csr *x, const double *w, int32_t row)
{
    double sum = w[x->n_cols];
    for (int64_t e = x->start[row]; e < x->start[row + 1]; e++) {
        sum += w[x->col[e]] * (double)x->value[e];
    }
    return sum;
}

static double sigmoid(double z)
{
    return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z));
}

static void add_row(const struct reel_csr *x, int32_t row, double amount, double *to)
{
    to[x->n_cols] += amount;
    for (int64_t e = x->start[row]; e < x->start[row + 1]; e++) {
        to[x->col[e]] += amount * (double)x->value[e];
    }
}

/** Cross entropy and pull at `w`; fills p. */
static double loss_at(struct regression *g, const double *w)
{
    double loss = 0;
    for (int32_t i = 0; i < g->n; i++) {
        const int32_t row = g->pick[i];
        const double z = logit_of(g->x, w, row);
        g->p[row] = sigmoid(z);
        loss += (z > 0 ? z + log1p(exp(-z)) : log1p(exp(z))) - g->share[row] * z;
    }
    for (int32_t f = 0; f < g->x->n_cols; f++) {
        loss += g->pull / 2 * w[f] * w[f];
    }
    return loss;
}

/** hd = (x^T diag(p (1 - p)) x + pull) d; a whisper of pull on b keeps it definite. */
static void times_hessian(const struct regression *g, const double *d, double *hd)
{
    const size_t m = (size_t)g->x->n_cols;
    for (size_t f = 0; f < m; f++) {
        hd[f] = g->pull * d[f];
    }
    hd[m] = 1e-6 * d[m];
    for (int32_t i = 0; i < g->n; i++) {
        const int32_t row = g->pick[i];
        const double curve = g->p[row] * (1 - g->p[row]);
        add_row(g->x, row, curve * logit_of(g->x, d, row), hd);
    }
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/** step: hessian * step = -gradient, as far as N_CONJUGATE directions go. */
static void newton_step(struct regression *g)
{
    const size_t m = (size_t)g->x->n_cols + 1;
    for (size_t f = 0; f < m; f++) {
        g->step[f] = 0;
        g->r[f] = g->d[f] = -g->gradient[f];
    }
    double rr = dot(g->r, g->r, m);
    const double enough = 1e-12 * rr;
    for (int k = 0; k < N_CONJUGATE && rr > enough; k++) {
        times_hessian(g, g->d, g->hd);
        const double along = rr / dot(g->d, g->hd, m);
        for (size_t f = 0; f < m; f++) {
            g->step[f] += along * g->d[f];
            g->r[f] -= along * g->hd[f];
        }
        const double rr_new = dot(g->r, g->r, m);
        for (size_t f = 0; f < m; f++) {
            g->d[f] = g->r[f] + rr_new / rr * g->d[f];
        }
        rr = rr_new;
    }
}

static void regress(struct regression *g)
{
    const size_t m = (size_t)g->x->n_cols + 1;
    memset(g->w, 0, m * sizeof *g->w);
    double loss = loss_at(g, g->w);
    for (int k = 0; k < N_NEWTON; k++) {
        for (size_t f = 0; f < m; f++) {
            g->gradient[f] = f + 1 < m ? g->pull * g->w[f] : 0;
        }
        for (int32_t i = 0; i < g->n; i++) {
            const int32_t row = g->pick[i];
            add_row(g->x, row, g->p[row] - g->share[row], g->gradient);
        }
        newton_step(g);
        double *tried = g->r, loss_new = INFINITY;
        for (double length = 1; length > 1e-4 && !(loss_new < loss); length /= 2) {
            for (size_t f = 0; f < m; f++) {
                tried[f] = g->w[f] + length * g->step[f];
            }
            loss_new = loss_at(g, tried);
        }
        if (!(loss_new < loss - 1e-9 * fabs(loss))) {
            break;
        }
        memcpy(g->w, tried, m * sizeof *g->w);
        loss = loss_new;
    }
}

static double stars_of(double share)
{
    return STARS_LOW + STARS_SPAN * share;
}

/* ---- fitting ---- */

/** Mean squared error, in stars, of pairs of one part learned from the others. */
static double held_out_error(struct regression *g, const int32_t *order, int32_t n,
                             int32_t *pick)
{
    double sum = 0;
    g->pick = pick;
    for (int32_t part = 0; part < N_PARTS; part++) {
        g->n = 0;
        for (int32_t i = 0; i < n; i++) {
            if (i % N_PARTS != part) {
                pick[g->n++] = order[i];
            }
        }
        regress(g);
        for (int32_t i = part; i < n; i += N_PARTS) {
            const double share = sigmoid(logit_of(g->x, g->w, order[i]));
            const double off = STARS_SPAN * (share - g->share[order[i]]);
            sum += off * off;
        }
    }
    return sum / n;
}

static void choose_and_fit(struct reel_sentiment *s, struct regression *g, int32_t *order,
                           int32_t *pick, int32_t n)
{
    struct base_rng rng;
    double best = INFINITY, best_pull = 1;
    base_rng_init(&rng, 1, 0x5e7);
    for (int32_t i = 0; i < n; i++) {
        order[i] = i;
    }
    base_rng_shuffle(&rng, order, n);
    for (int i = 0; i < N_PULLS; i++) {
        g->pull = pulls[i];
        const double error = held_out_error(g, order, n, pick);
        if (error < best) {
            best = error;
            best_pull = pulls[i];
        }
    }
    g->pull = best_pull;
    g->pick = order;
    g->n = n;
    regress(g);
    s->sd = sqrt(best);
    memcpy(s->weight, g->w, ((size_t)s->n + 1) * sizeof *s->weight);
}

static enum reel_status learn(struct reel_sentiment *s, const struct reel_csr *x,
                              const float *stars, int32_t n, struct reel_error *err)
{
    const size_t m = (size_t)s->n + 1;
    double *room = base_alloc_zeroed(6 * m + 2 * (size_t)n, sizeof *room);
    int32_t *order = base_alloc_array(2 * (size_t)n, sizeof *order);
    if (!room || !order) {
        base_free(room);
        base_free(order);
        return fail(err, REEL_ENOMEM, "sentiment of %d reviews", n);
    }
    double *share = room + 6 * m, square = 0;
    struct regression g = {.x = x,
                           .share = share,
                           .w = room,
                           .gradient = room + m,
                           .step = room + 2 * m,
                           .r = room + 3 * m,
                           .d = room + 4 * m,
                           .hd = room + 5 * m,
                           .p = share + n};
    for (int32_t i = 0; i < n; i++) {
        share[i] = ((double)stars[i] - STARS_LOW) / STARS_SPAN;
        s->mean += (double)stars[i] / n;
    }
    for (int32_t i = 0; i < n; i++) {
        square += ((double)stars[i] - s->mean) * ((double)stars[i] - s->mean);
    }
    s->sd_all = sqrt(square / n);
    choose_and_fit(s, &g, order, order + n, n);
    base_free(room);
    base_free(order);
    return REEL_OK;
}

static enum reel_status check_pairs(const char *const *text, const float *stars,
                                    int32_t n, struct reel_error *err)
{
    int32_t n_above = 0, n_below = 0;
    for (int32_t i = 0; i < n; i++) {
        if (!text[i] || !(stars[i] >= 0.5F && stars[i] <= 5)) {
            return fail(err, REEL_EINVAL, "review %d: %g stars are not in 0.5 .. 5", i,
                        (double)stars[i]);
        }
        n_above += stars[i] > STARS_MIDDLE;
        n_below += stars[i] < STARS_MIDDLE;
    }
    if (n < N_PAIRS_MIN || !n_above || !n_below) {
        return fail(err, REEL_EINVAL,
                    "sentiment: %d reviews with stars, %d above 3 and %d below; at least "
                    "%d of both kinds are needed",
                    n, n_above, n_below, N_PAIRS_MIN);
    }
    return REEL_OK;
}

enum reel_status reel_sentiment_fit(const char *const *text, const float *stars,
                                    int32_t n, struct reel_sentiment **out,
                                    struct reel_error *err)
{
    *out = NULL;
    enum reel_status rc = check_pairs(text, stars, n, err);
    if (rc) {
        return rc;
    }
    struct feat_words words;
    struct feat_count count = {0};
    struct base_csr rows = {0};
    struct reel_sentiment *s = base_alloc_zeroed(1, sizeof *s);
    feat_words_init(&words);
    rc = s ? feat_count_init(&count, err) : fail(err, REEL_ENOMEM, "sentiment");
    rc = rc ? rc : count_terms(text, n, &words, &count, err);
    if (rc == REEL_OK) {
        feat_count_select(&count, 2, N_TERMS_MAX);
        rc = keep_terms(s, &count, n, err);
    }
    rc = rc ? rc : rows_make(s, text, n, &words, &rows, err);
    rc = rc ? rc : learn(s, &rows.csr, stars, n, err);
    base_csr_release(&rows);
    feat_count_release(&count);
    feat_words_release(&words);
    if (rc) {
        reel_sentiment_free(s);
        return rc;
    }
    *out = s;
    return REEL_OK;
}

enum reel_status reel_sentiment_stars(const struct reel_sentiment *s, const char *text,
                                      double *stars, double *sd, struct reel_error *err)
{
    struct feat_words words;
    struct row row;
    feat_words_init(&words);
    enum reel_status rc = row_init(&row, s->n, err);
    rc = rc ? rc : row_make(s, text, &words, &row, err);
    if (rc == REEL_OK) {
        double z = s->weight[s->n];
        for (int32_t i = 0; i < row.n; i++) {
            z += s->weight[row.col[i]] * (double)row.tf[row.col[i]];
        }
        *stars = row.n > 0 ? stars_of(sigmoid(z)) : s->mean;
        *sd = row.n > 0 ? s->sd : s->sd_all;
    }
    row_release(&row);
    feat_words_release(&words);
    return rc;
}
