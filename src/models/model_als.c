/**
 * Alternating least squares on implicit choices.
 *
 *   Hu, Koren, Volinsky 2008, "Collaborative filtering for implicit feedback datasets".
 *   Rendle, Krichene, Zhang, Koren 2021, "Revisiting the performance of iALS on item
 *     recommendation benchmarks" (frequency-scaled regularisation).
 *   Takacs, Pilaszy, Tikk 2011 (conjugate gradient); Rendle et al. 2021, "iALS++" (blocks).
 *
 * One form for both weightings. With u the row that is solved, y_i the fixed vectors, G the
 * sum of y y^T over all of them:
 *
 *   A_u = g G + sum_{i in u} w_i y_i y_i^T + l_u I,     b_u = sum_{i in u} t_i y_i
 *   x_u = A_u^-1 b_u
 *
 *                    g       w_i             t_i          l_u
 *   frequency        alpha   v_i             v_i          lambda (n_u + alpha N)^nu
 *   confidence       1       alpha v_i - 1   alpha v_i    lambda
 *
 * where v_i is the weight of a choice (1 unless given), n_u the length of u's history and N
 * the number of fixed vectors. The loss is
 *
 *   g tr(G_x G_y) + sum_{choices} (w (x.y)^2 - 2 t (x.y) + t) + sum_u l_u |x_u|^2
 *                                                             + sum_i l_i |y_i|^2
 *
 * Solvers for a row: Cholesky (exact), conjugate gradient from the old row (3 steps), and
 * one Newton sweep over blocks of dimensions. Rows are independent, so the result depends
 * on the number of threads only through the order in which G is summed.
 *
 * An iteration solves films and then viewers, so that folding a viewer in gives what
 * training gave. Folding in is always exact.
 */
#include "model_als.h"
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_rng.h"
#include "model_kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    TILE_ROWS = 128,  /* 32 KiB of 64 factors: half of the first-level cache and a bit */
    GRAM_ROWS = 2048, /* summed in single precision before they are added in double */
    CHUNK_ROWS = 32,  /* rows that a worker takes at a time */
    PREFETCH = 6,
};

enum setting_place {
    S_FACTORS,
    S_ITERATIONS,
    S_WEIGHTING,
    S_ALPHA,
    S_REGULARIZATION,
    S_EXPONENT,
    S_SOLVER,
    S_CG_STEPS,
    S_BLOCK,
    S_STDEV,
    N_SETTINGS,
};

static const char *const weightings[] = {"frequency", "confidence", NULL, false};
static const char *const solvers[] = {"cholesky", "cg", "block", NULL, false};

static const struct reel_setting settings[N_SETTINGS] = {
    {"factors", 64, 1, 1024, REEL_SCALE_INTEGER, "length of a vector", NULL, false},
    {"iterations", 15, 1, 1000, REEL_SCALE_INTEGER, "sweeps over films and viewers", NULL,
     false},
    {"weighting", ALS_CONFIDENCE, 0, 1, REEL_SCALE_INTEGER, "how choices weigh",
     weightings, false},
    {"alpha", 4, 1e-6, 1e4, REEL_SCALE_LOG,
     "confidence: weight of a choice, frequency: weight of all else", NULL, true},
    {"regularization", 30, 0, 1e5, REEL_SCALE_LOG, "pull of vectors to zero", NULL, true},
    {"exponent", 1, 0, 2, REEL_SCALE_LINEAR, "frequency: power of the history's length",
     NULL, true},
    {"solver", ALS_CHOLESKY, 0, 2, REEL_SCALE_INTEGER, "how a row is solved", solvers,
     false},
    {"cg_steps", 3, 1, 100, REEL_SCALE_INTEGER, "steps of the solver cg", NULL, false},
    {"block", 32, 16, 256, REEL_SCALE_INTEGER, "dimensions of the solver block", NULL,
     false},
    {"stdev", 0.1, 1e-4, 10, REEL_SCALE_LOG, "size of the first random vectors", NULL,
     false},
};

struct als_params als_params_read(const double *setting)
{
    return (struct als_params){
        .weighting = (enum als_weighting)setting[S_WEIGHTING],
        .solver = (enum als_solver)setting[S_SOLVER],
        .k = model_padded((size_t)setting[S_FACTORS]),
        .alpha = setting[S_ALPHA],
        .regularization = setting[S_REGULARIZATION],
        .exponent = setting[S_EXPONENT],
        .n_cg_steps = (int32_t)setting[S_CG_STEPS],
        .n_block = (int32_t)model_padded((size_t)setting[S_BLOCK]),
    };
}

static double all_weight(const struct als_params *p)
{
    return p->weighting == ALS_FREQUENCY ? p->alpha : 1;
}

// w_i and t_i of a choice of weight v.
static float choice_weight(const struct als_params *p, float v)
{
    if (p->weighting == ALS_FREQUENCY) {
        return v;
    }
    const float w = (float)p->alpha * v - 1;
    return w > 0 ? w : 0;
}

static float choice_target(const struct als_params *p, float v)
{
    return p->weighting == ALS_FREQUENCY ? v : (float)p->alpha * v;
}

static float row_pull(const struct als_params *p, int64_t n, int32_t n_fixed)
{
    double pull = p->regularization;
    if (p->weighting == ALS_FREQUENCY) {
        pull *= pow((double)n + p->alpha * n_fixed, p->exponent);
    }
    // Padded dimensions stay zero only if the matrix is regular there.
    return (float)(pull > 1e-6 ? pull : 1e-6);
}

/** One row of the problem: its entries and what is fixed. */
struct row {
    const int32_t *col;
    const float *value; /* NULL: all 1 */
    int64_t n;
    float pull; /* l_u */
};

static struct row row_of(const struct als_params *p, const struct reel_csr *rows,
                         int64_t r)
{
    const int64_t begin = rows->start[r];
    return (struct row){
        .col = rows->col + begin,
        .value = rows->value ? rows->value + begin : NULL,
        .n = rows->start[r + 1] - begin,
        .pull = row_pull(p, rows->start[r + 1] - begin, rows->n_cols),
    };
}

/** What one worker writes on. */
struct desk {
    float *a;    /* (k, k) */
    float *tile; /* (TILE_ROWS, k) */
    float *b;    /* (k) */
    float *x, *r, *q;
    float *score; /* (longest row), solver block only */
};

static void desk_release(struct desk *desk)
{
    base_free(desk->a);
    base_free(desk->tile);
    base_free(desk->b);
    base_free(desk->score);
    *desk = (struct desk){0};
}

static bool desk_init(struct desk *desk, size_t k, int64_t n_longest)
{
    desk->a = base_alloc_aligned(k * k, sizeof(float));
    desk->tile = base_alloc_aligned(TILE_ROWS * k, sizeof(float));
    desk->b = base_alloc_aligned(4 * k, sizeof(float));
    desk->score = base_alloc_aligned((size_t)n_longest, sizeof(float));
    if (!desk->a || !desk->tile || !desk->b || !desk->score) {
        desk_release(desk);
        return false;
    }
    desk->x = desk->b + k;
    desk->r = desk->b + 2 * k;
    desk->q = desk->b + 3 * k;
    return true;
}

/**
 * Rows begin .. end-1 of the history into the tile, each times sqrt(w), and b += t y.
 * So that a = sum w y y^T is a plain triangle update.
 */
static void gather(const struct als_params *p, const struct row *row, int64_t begin,
                   int64_t end, const float *fixed, struct desk *desk)
{
    const size_t k = p->k;
    float *to = desk->tile, *restrict b = desk->b;
    for (int64_t e = begin; e < end; e++) {
        if (e + PREFETCH < row->n) {
            const float *next = fixed + (size_t)row->col[e + PREFETCH] * k;
            for (size_t i = 0; i < k; i += 16) {
                __builtin_prefetch(next + i);
            }
        }
        const float v = row->value ? row->value[e] : 1;
        const float size = sqrtf(choice_weight(p, v));
        const float t = choice_target(p, v);
        const float *y = fixed + (size_t)row->col[e] * k;
        for (size_t i = 0; i < k; i++) {
            to[i] = size * y[i];
            b[i] += t * y[i];
        }
        to += k;
    }
}

// a = g G + sum w y y^T + l I (upper triangle), b = sum t y.
static void build_normal_equation(const struct als_params *p, const struct row *row,
                                  const float *fixed, const float *gram,
                                  struct desk *desk)
{
    const size_t k = p->k;
    memcpy(desk->a, gram, k * k * sizeof(float));
    memset(desk->b, 0, k * sizeof(float));
    for (int64_t begin = 0; begin < row->n; begin += TILE_ROWS) {
        const int64_t end = begin + TILE_ROWS < row->n ? begin + TILE_ROWS : row->n;
        gather(p, row, begin, end, fixed, desk);
        model_syrk(desk->a, desk->tile, (size_t)(end - begin), k);
    }
    for (size_t i = 0; i < k; i++) {
        desk->a[i * k + i] += row->pull;
    }
}

static bool solve_cholesky(const struct als_params *p, const struct row *row,
                           const float *fixed, const float *gram, struct desk *desk,
                           float *x)
{
    build_normal_equation(p, row, fixed, gram, desk);
    if (!model_cholesky_solve(desk->a, desk->b, p->k)) {
        return false;
    }
    memcpy(x, desk->b, p->k * sizeof(float));
    return true;
}

// out = (g G + l I) x * sign + sum over choices of (t + sign w (y . x)) y; t if with_target.
static void apply(const struct als_params *p, const struct row *row, const float *fixed,
                  const float *gram, const float *x, float sign, bool with_target,
                  float *out)
{
    const size_t k = p->k;
    model_symv(out, gram, x, k);
    for (size_t i = 0; i < k; i++) {
        out[i] = sign * (out[i] + row->pull * x[i]);
    }
    const float w_one = sign * choice_weight(p, 1);
    const float t_one = with_target ? choice_target(p, 1) : 0;
    if (!row->value) {
        model_gram_apply_at(out, fixed, row->col, x, w_one, t_one, (size_t)row->n, k);
        return;
    }
    for (int64_t e = 0; e < row->n; e++) {
        const float w = sign * choice_weight(p, row->value[e]);
        const float t = with_target ? choice_target(p, row->value[e]) : 0;
        model_gram_apply_at(out, fixed, row->col + e, x, w, t, 1, k);
    }
}

// Conjugate gradient from the old x; stops early when the residual is gone.
static void solve_cg(const struct als_params *p, const struct row *row,
                     const float *fixed, const float *gram, struct desk *desk, float *x)
{
    const size_t k = p->k;
    float *r = desk->r, *direction = desk->b, *q = desk->q;
    apply(p, row, fixed, gram, x, -1, true, r);
    memcpy(direction, r, k * sizeof(float));
    float r2 = model_dot(r, r, k);
    for (int32_t step = 0; step < p->n_cg_steps && r2 > 1e-20F; step++) {
        apply(p, row, fixed, gram, direction, 1, false, q);
        const float length = r2 / model_dot(direction, q, k);
        for (size_t i = 0; i < k; i++) {
            x[i] += length * direction[i];
            r[i] -= length * q[i];
        }
        const float r2_new = model_dot(r, r, k);
        const float turn = r2_new / r2;
        for (size_t i = 0; i < k; i++) {
            direction[i] = r[i] + turn * direction[i];
        }
        r2 = r2_new;
    }
}

// Dimensions first .. first+d-1 of rows begin .. end-1 into a tile of width d.
static void gather_block(const struct row *row, int64_t begin, int64_t end,
                         const float *fixed, size_t k, size_t first, size_t d,
                         float *tile)
{
    for (int64_t e = begin; e < end; e++) {
        memcpy(tile, fixed + (size_t)row->col[e] * k + first, d * sizeof(float));
        tile += d;
    }
}

/**
 * One Newton step on a block of dimensions (iALS++, eq. 10 to 12): the gradient from the
 * kept scores, the Hessian of the block, and the scores moved along.
 */
static bool solve_one_block(const struct als_params *p, const struct row *row,
                            const float *fixed, const float *gram, struct desk *desk,
                            float *x, size_t first, size_t d)
{
    const size_t k = p->k;
    float *gradient = desk->b;
    for (size_t i = 0; i < d; i++) {
        const float *gram_row = gram + (first + i) * k;
        gradient[i] = model_dot(gram_row, x, k) + row->pull * x[first + i];
        memcpy(desk->a + i * d, gram_row + first, d * sizeof(float));
        desk->a[i * d + i] += row->pull;
    }
    for (int64_t begin = 0; begin < row->n; begin += TILE_ROWS) {
        const int64_t end = begin + TILE_ROWS < row->n ? begin + TILE_ROWS : row->n;
        gather_block(row, begin, end, fixed, k, first, d, desk->tile);
        for (int64_t e = begin; e < end; e++) {
            const float v = row->value ? row->value[e] : 1;
            const float w = choice_weight(p, v), size = sqrtf(w);
            const float slope = w * desk->score[e] - choice_target(p, v);
            float *y = desk->tile + (size_t)(e - begin) * d;
            for (size_t i = 0; i < d; i++) {
                gradient[i] += slope * y[i];
                y[i] *= size;
            }
        }
        model_syrk(desk->a, desk->tile, (size_t)(end - begin), d);
    }
    if (!model_cholesky_solve(desk->a, gradient, d)) {
        return false;
    }
    for (size_t i = 0; i < d; i++) {
        x[first + i] -= gradient[i];
    }
    for (int64_t e = 0; e < row->n; e++) {
        desk->score[e] -= model_dot(fixed + (size_t)row->col[e] * k + first, gradient, d);
    }
    return true;
}

static bool solve_blocks(const struct als_params *p, const struct row *row,
                         const float *fixed, const float *gram, struct desk *desk,
                         float *x)
{
    for (int64_t e = 0; e < row->n; e++) {
        desk->score[e] = model_dot(fixed + (size_t)row->col[e] * p->k, x, p->k);
    }
    for (size_t first = 0; first < p->k; first += (size_t)p->n_block) {
        const size_t left = p->k - first;
        const size_t d = left < (size_t)p->n_block ? left : (size_t)p->n_block;
        if (!solve_one_block(p, row, fixed, gram, desk, x, first, d)) {
            return false;
        }
    }
    return true;
}

static bool solve_row(const struct als_params *p, const struct row *row,
                      const float *fixed, const float *gram, struct desk *desk, float *x)
{
    if (row->n == 0) {
        memset(x, 0, p->k * sizeof(float));
        return true;
    }
    switch (p->solver) {
    case ALS_CHOLESKY:
        return solve_cholesky(p, row, fixed, gram, desk, x);
    case ALS_CG:
        solve_cg(p, row, fixed, gram, desk, x);
        return true;
    case ALS_BLOCK:
        return solve_blocks(p, row, fixed, gram, desk, x);
    }
    return false;
}

/* ---- sums of y y^T ---- */

struct gram_job {
    const float *fixed;
    size_t k;
    int32_t n, n_parts;
    double *sum;  /* (n_parts, k, k) */
    float *block; /* (n_parts, k, k) */
};

static void gram_part(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    (void)worker;
    struct gram_job *job = payload;
    const size_t k = job->k;
    for (int64_t part = begin; part < end; part++) {
        double *sum = job->sum + (size_t)part * k * k;
        float *block = job->block + (size_t)part * k * k;
        const int64_t first = job->n * part / job->n_parts;
        const int64_t last = job->n * (part + 1) / job->n_parts;
        for (int64_t r = first; r < last; r += GRAM_ROWS) {
            const int64_t n = last - r < GRAM_ROWS ? last - r : GRAM_ROWS;
            memset(block, 0, k * k * sizeof *block);
            model_syrk(block, job->fixed + (size_t)r * k, (size_t)n, k);
            for (size_t i = 0; i < k * k; i++) {
                sum[i] += block[i];
            }
        }
    }
}

enum reel_status als_gram(const float *fixed, int32_t n, size_t k, double scale,
                          struct base_pool *pool, float *gram, struct reel_error *err)
{
    const int32_t n_parts = pool ? base_pool_n_threads(pool) : 1;
    struct gram_job job = {.fixed = fixed, .k = k, .n = n, .n_parts = n_parts};
    job.sum = base_alloc_zeroed((size_t)n_parts * k * k, sizeof *job.sum);
    job.block = base_alloc_aligned((size_t)n_parts * k * k, sizeof *job.block);
    if (!job.sum || !job.block) {
        base_free(job.sum);
        base_free(job.block);
        return fail(err, REEL_ENOMEM, "als: %d sums of %zu x %zu", n_parts, k, k);
    }
    if (pool) {
        base_pool_run(pool, n_parts, 1, gram_part, &job);
    } else {
        gram_part(0, 1, 0, &job);
    }
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (int32_t part = 0; part < n_parts; part++) {
                sum += job.sum[(size_t)part * k * k + j * k + i];
            }
            gram[i * k + j] = gram[j * k + i] = (float)(scale * sum);
        }
    }
    base_free(job.sum);
    base_free(job.block);
    return REEL_OK;
}

/* ---- half a step: all rows of one side ---- */

struct half_step {
    const struct als_params *params;
    const struct reel_csr *rows;
    const int32_t
        *order; /* rows, longest first: the tail of a parallel loop is short rows */
    const float *fixed, *gram;
    float *solved;
    struct desk *desk; /* (n_threads) */
    bool *is_broken;   /* (n_threads) a row was not positive definite */
};

static void solve_rows(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    struct half_step *step = payload;
    for (int64_t i = begin; i < end; i++) {
        const int64_t r = step->order[i];
        const struct row row = row_of(step->params, step->rows, r);
        if (!solve_row(step->params, &row, step->fixed, step->gram, &step->desk[worker],
                       step->solved + (size_t)r * step->params->k)) {
            step->is_broken[worker] = true;
        }
    }
}

// Counting sort by length, longest first, rows of one length in their order.
static int32_t *rows_by_length(const struct reel_csr *rows, int64_t *n_longest)
{
    *n_longest = 0;
    for (int32_t r = 0; r < rows->n_rows; r++) {
        const int64_t n = rows->start[r + 1] - rows->start[r];
        *n_longest = n > *n_longest ? n : *n_longest;
    }
    int32_t *order = base_alloc_array((size_t)rows->n_rows, sizeof *order);
    int32_t *place = base_alloc_zeroed((size_t)*n_longest + 2, sizeof *place);
    if (order && place) {
        for (int32_t r = 0; r < rows->n_rows; r++) {
            place[*n_longest - (rows->start[r + 1] - rows->start[r]) + 1]++;
        }
        for (int64_t n = 0; n <= *n_longest; n++) {
            place[n + 1] += place[n];
        }
        for (int32_t r = 0; r < rows->n_rows; r++) {
            order[place[*n_longest - (rows->start[r + 1] - rows->start[r])]++] = r;
        }
    } else {
        base_free(order);
        order = NULL;
    }
    base_free(place);
    return order;
}

enum reel_status als_half_step(const struct als_params *params,
                               const struct reel_csr *rows, const float *fixed,
                               float *solved, struct base_pool *pool,
                               struct reel_error *err)
{
    const int32_t n_threads = base_pool_n_threads(pool);
    int64_t n_longest = 0;
    struct half_step step = {
        .params = params, .rows = rows, .fixed = fixed, .solved = solved};
    float *gram = base_alloc_aligned(params->k * params->k, sizeof *gram);
    int32_t *order = rows_by_length(rows, &n_longest);
    step.desk = base_alloc_zeroed((size_t)n_threads, sizeof *step.desk);
    step.is_broken = base_alloc_zeroed((size_t)n_threads, sizeof *step.is_broken);
    bool is_ready = gram && order && step.desk && step.is_broken;
    for (int32_t i = 0; i < n_threads && is_ready; i++) {
        is_ready = desk_init(&step.desk[i], params->k,
                             params->solver == ALS_BLOCK ? n_longest : 0);
    }
    enum reel_status rc =
        is_ready ? als_gram(fixed, rows->n_cols, params->k, all_weight(params), pool,
                            gram, err)
                 : fail(err, REEL_ENOMEM, "als: half a step of %d rows", rows->n_rows);
    if (rc == REEL_OK) {
        step.order = order;
        step.gram = gram;
        base_pool_run(pool, rows->n_rows, CHUNK_ROWS, solve_rows, &step);
        for (int32_t i = 0; i < n_threads; i++) {
            if (step.is_broken[i]) {
                rc = fail(
                    err, REEL_EINVAL,
                    "als: the equations of a row have no solution; raise regularization");
            }
        }
    }
    for (int32_t i = 0; step.desk && i < n_threads; i++) {
        desk_release(&step.desk[i]);
    }
    base_free(step.desk);
    base_free(step.is_broken);
    base_free(order);
    base_free(gram);
    return rc;
}

/* ---- training ---- */

static void randomise(float *vectors, int32_t n, size_t n_factors, size_t k, double stdev,
                      uint64_t seed)
{
    struct base_rng rng;
    base_rng_init(&rng, seed, 0);
    const double size = stdev / sqrt((double)n_factors);
    for (int32_t i = 0; i < n; i++) {
        for (size_t f = 0; f < n_factors; f++) {
            vectors[(size_t)i * k + f] = (float)(size * base_rng_normal(&rng));
        }
    }
}

static enum reel_status iterate(struct reel_model *model, const struct als_params *params,
                                const struct reel_csr *chosen,
                                const struct reel_csr *turned,
                                const struct reel_train_options *opt,
                                struct base_pool *pool, struct reel_error *err)
{
    float *films = model_floats(model, MODEL_FILM_VECTORS);
    float *viewers = model_floats(model, MODEL_VIEWER_VECTORS);
    const int32_t n_iterations = (int32_t)opt->setting[S_ITERATIONS];
    for (int32_t i = 0; i < n_iterations; i++) {
        for (int half = 0; half < 2; half++) {
            if (!base_progress_report(&opt->progress, "als", i + half * 0.5,
                                      n_iterations)) {
                return fail(err, REEL_ECANCELLED, "als stopped in iteration %d of %d",
                            i + 1, n_iterations);
            }
            const enum reel_status rc =
                half == 0 ? als_half_step(params, turned, viewers, films, pool, err)
                          : als_half_step(params, chosen, films, viewers, pool, err);
            if (rc != REEL_OK) {
                return rc;
            }
        }
    }
    (void)base_progress_report(&opt->progress, "als", n_iterations, n_iterations);
    return als_gram(films, turned->n_rows, params->k, all_weight(params), pool,
                    model_floats(model, MODEL_GRAM), err);
}

static enum reel_status train(const struct model_class *class_,
                              const struct reel_training *data,
                              const struct reel_train_options *opt,
                              struct base_pool *pool, struct reel_model **out,
                              struct reel_error *err)
{
    const struct als_params params = als_params_read(opt->setting);
    const uint64_t n_films = (uint64_t)data->chosen.n_cols, k = params.k;
    const struct model_section section[] = {
        {MODEL_FILM_VECTORS, sizeof(float), n_films * k},
        {MODEL_VIEWER_VECTORS, sizeof(float), (uint64_t)data->chosen.n_rows * k},
        {MODEL_GRAM, sizeof(float), k * k},
        MODEL_SORTED_SECTIONS(n_films, k),
    };
    struct base_csr turned = {0};
    enum reel_status rc = base_csr_transpose(&data->chosen, &turned, err);
    rc = rc ? rc
            : model_create(class_, data, opt, (int32_t)k, section,
                           sizeof section / sizeof section[0], out, err);
    if (rc == REEL_OK) {
        randomise(model_floats(*out, MODEL_VIEWER_VECTORS), data->chosen.n_rows,
                  (size_t)opt->setting[S_FACTORS], k, opt->setting[S_STDEV], opt->seed);
        rc = iterate(*out, &params, &data->chosen, &turned.csr, opt, pool, err);
    }
    base_csr_release(&turned);
    return rc ? rc : model_sort_films(*out, err);
}

double als_loss(const struct reel_model *model, const struct reel_csr *chosen)
{
    const struct als_params params = als_params_read(model->header->setting);
    const struct als_params *p = &params;
    const size_t k = p->k;
    const int32_t n_viewers = model->header->n_viewers, n_films = model->header->n_films;
    const float *films = model_floats(model, MODEL_FILM_VECTORS);
    const float *viewers = model_floats(model, MODEL_VIEWER_VECTORS);
    double loss = 0;
    float *gram_x = base_alloc_array(k * k, sizeof *gram_x);
    int64_t *n_of_film = base_alloc_zeroed((size_t)n_films, sizeof *n_of_film);
    if (!gram_x || !n_of_film ||
        als_gram(viewers, n_viewers, k, 1, NULL, gram_x, NULL) != REEL_OK) {
        base_free(gram_x);
        base_free(n_of_film);
        return NAN;
    }
    const float *gram_y = model_floats(model, MODEL_GRAM); // times g already
    for (size_t i = 0; i < k * k; i++) {
        loss += (double)gram_x[i] * gram_y[i];
    }
    for (int32_t u = 0; u < n_viewers; u++) {
        const float *x = viewers + (size_t)u * k;
        for (int64_t e = chosen->start[u]; e < chosen->start[u + 1]; e++) {
            const double s = model_dot(x, films + (size_t)chosen->col[e] * k, k);
            const float v = chosen->value ? chosen->value[e] : 1;
            const double t = choice_target(p, v);
            loss += choice_weight(p, v) * s * s - 2 * t * s + t;
            n_of_film[chosen->col[e]]++;
        }
        loss += row_pull(p, chosen->start[u + 1] - chosen->start[u], n_films) *
                (double)model_dot(x, x, k);
    }
    for (int32_t i = 0; i < n_films; i++) {
        const float *y = films + (size_t)i * k;
        loss += row_pull(p, n_of_film[i], n_viewers) * (double)model_dot(y, y, k);
    }
    base_free(gram_x);
    base_free(n_of_film);
    return loss;
}

/* ---- use ---- */

static enum reel_status check(const struct reel_model *model, struct reel_error *err)
{
    const struct als_params params = als_params_read(model->header->setting);
    if ((size_t)model->header->n_factors != params.k) {
        return fail(err, REEL_EFORMAT, "%d factors where the settings say %zu",
                    model->header->n_factors, params.k);
    }
    const enum reel_status rc = model_check_factors(model, err);
    return rc ? rc
              : model_check_section(model, MODEL_GRAM, sizeof(float), params.k * params.k,
                                    err);
}

// The viewer's row, solved exactly.
static enum reel_status viewer_vector(const struct reel_model *model,
                                      const struct reel_query *query, float *vector,
                                      struct reel_error *err)
{
    const struct als_params params = als_params_read(model->header->setting);
    const struct row row = {
        .col = query->film,
        .value = query->value,
        .n = query->n,
        .pull = row_pull(&params, query->n, model->header->n_films),
    };
    struct desk desk = {0};
    if (!desk_init(&desk, params.k, 0)) {
        return fail(err, REEL_ENOMEM, "als: folding a viewer in");
    }
    enum reel_status rc = REEL_OK;
    if (query->n == 0) {
        memset(vector, 0, params.k * sizeof *vector);
    } else if (!solve_cholesky(&params, &row, model_floats(model, MODEL_FILM_VECTORS),
                               model_floats(model, MODEL_GRAM), &desk, vector)) {
        rc = fail(err, REEL_EINVAL, "als: the viewer's equations have no solution");
    }
    desk_release(&desk);
    return rc;
}

/**
 * Section 5 of Hu, Koren, Volinsky: x_u = A^-1 sum t_i y_i, so the score of film f is
 * sum_i t_i (y_f^T A^-1 y_i); z = A^-1 y_f is solved once.
 */
static enum reel_status explain(const struct reel_model *model,
                                const struct reel_query *query, int32_t film,
                                struct reel_part *part, float *rest,
                                struct reel_error *err)
{
    const struct als_params params = als_params_read(model->header->setting);
    const size_t k = params.k;
    const float *films = model_floats(model, MODEL_FILM_VECTORS);
    const struct row row = {
        .col = query->film,
        .value = query->value,
        .n = query->n,
        .pull = row_pull(&params, query->n, model->header->n_films),
    };
    struct desk desk = {0};
    if (!desk_init(&desk, k, 0)) {
        return fail(err, REEL_ENOMEM, "als: explaining a score");
    }
    build_normal_equation(&params, &row, films, model_floats(model, MODEL_GRAM), &desk);
    memcpy(desk.b, films + (size_t)film * k, k * sizeof(float));
    enum reel_status rc = REEL_OK;
    if (!model_cholesky_solve(desk.a, desk.b, k)) {
        rc = fail(err, REEL_EINVAL, "als: the viewer's equations have no solution");
    }
    for (int32_t i = 0; rc == REEL_OK && i < query->n; i++) {
        const float t = choice_target(&params, query->value ? query->value[i] : 1);
        part[i] = (struct reel_part){
            .film = query->film[i],
            .amount = t * model_dot(desk.b, films + (size_t)query->film[i] * k, k),
        };
    }
    *rest = 0;
    desk_release(&desk);
    return rc;
}

const struct model_class model_als = {
    .info = {"als", "factors of viewers and films by alternating least squares", settings,
             N_SETTINGS},
    .train = train,
    .check = check,
    .score = model_score_by_vector,
    .explain = explain,
    .viewer_vector = viewer_vector,
};
