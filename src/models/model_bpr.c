/**
 * BPR: factors that put what a viewer chose above what the viewer did not (Rendle,
 * Freudenthaler, Gantner, Schmidt-Thieme 2009, "Bayesian personalized ranking").
 *
 *   x_uij = (v_i + b_i) . u - (v_j + b_j) . u,   g = 1 / (1 + exp(x_uij))
 *   u   += rate (g (v_i - v_j) - l2 u)
 *   v_i += rate (g u - l2 v_i),   v_j += rate (-g u - l2 v_j)
 *   b_i += rate (g - l2 b_i),     b_j += rate (-g - l2 b_j)
 *
 * The bias of a film is one more factor, against which every viewer has a 1.
 *
 * Threads: viewers and films are dealt into as many parts as there are threads; in round r
 * thread t works on viewers of part t with films of part t + r, chosen and not, so no two
 * threads touch one vector (Gemulla, Nijkamp, Haas, Sismanis 2011). Films are dealt anew in
 * every epoch. Same seed and number of threads, same bits.
 *
 * Folding in: the same steps on the viewer's vector alone. The vector is kept as one piece
 * per film of the history, so a score falls apart into what each film brought and what the
 * bias of the film brings (the rest).
 */
#include "model_bpr.h"
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_rng.h"
#include "model_core.h"
#include "model_kernel.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum setting_place { S_FACTORS, S_EPOCHS, S_RATE, S_L2, N_SETTINGS };

static const struct reel_setting settings[N_SETTINGS] = {
    {"factors", 63, 1, 1023, REEL_SCALE_INTEGER, "length of a vector", NULL, false},
    {"epochs", 60, 1, 10000, REEL_SCALE_INTEGER, "passes over all choices", NULL, true},
    {"rate", 0.05, 1e-5, 10, REEL_SCALE_LOG, "length of a step", NULL, true},
    {"l2", 0.01, 0, 10, REEL_SCALE_LOG, "pull of vectors to zero", NULL, true},
};

enum { FOLD_EPOCHS = 20, NEGATIVE_TRIES = 16 };

void bpr_step(float *u, float *vi, float *vj, size_t k, size_t n_factors, float rate,
              float l2)
{
    float x = 0;
    for (size_t f = 0; f < k; f++) {
        x += u[f] * (vi[f] - vj[f]);
    }
    const float g = 1 / (1 + expf(x));
    for (size_t f = 0; f < k; f++) {
        const float u_old = u[f];
        u[f] += rate * (g * (vi[f] - vj[f]) - l2 * u_old);
        vi[f] += rate * (g * u_old - l2 * vi[f]);
        vj[f] += rate * (-g * u_old - l2 * vj[f]);
    }
    u[n_factors] = 1;
}

struct bpr_job {
    const struct reel_csr *chosen;
    float *viewers, *films;
    size_t k, n_factors;
    float rate, l2;
    int32_t n_parts, round;
    const int32_t *part_of_film; /* (n_films) */
    const int32_t *dealt;        /* (n_films) films by part */
    const int32_t *part_start;   /* (n_parts + 1) into dealt */
    struct base_rng *rng;        /* (n_parts) */
};

// A film of the part that the viewer did not choose; -1 when luck fails.
static int32_t not_chosen(const struct bpr_job *job, struct base_rng *rng, int32_t u,
                          int32_t part)
{
    const int32_t first = job->part_start[part], n = job->part_start[part + 1] - first;
    for (int tries = 0; tries < NEGATIVE_TRIES && n > 0; tries++) {
        const int32_t j = job->dealt[first + (int32_t)base_rng_below(rng, (uint32_t)n)];
        if (!base_csr_has(job->chosen, u, j)) {
            return j;
        }
    }
    return -1;
}

static void run_parts(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    (void)worker;
    const struct bpr_job *job = payload;
    for (int64_t t = begin; t < end; t++) {
        struct base_rng *rng = &job->rng[t];
        const int32_t part = (int32_t)((t + job->round) % job->n_parts);
        const int32_t first = (int32_t)(job->chosen->n_rows * t / job->n_parts);
        const int32_t last = (int32_t)(job->chosen->n_rows * (t + 1) / job->n_parts);
        const int64_t e_first = job->chosen->start[first];
        const int64_t n = job->chosen->start[last] - e_first;
        // As many draws as there are choices; those of other parts are skipped.
        for (int64_t draw = 0; draw < n; draw++) {
            const int64_t e = e_first + (int64_t)(base_rng_double(rng) * (double)n);
            const int32_t i = job->chosen->col[e];
            if (job->part_of_film[i] != part) {
                continue;
            }
            int32_t low = first, high = last;
            while (high - low > 1) {
                const int32_t middle = low + (high - low) / 2;
                *(job->chosen->start[middle] <= e ? &low : &high) = middle;
            }
            const int32_t j = not_chosen(job, rng, low, part);
            if (j >= 0) {
                bpr_step(job->viewers + (size_t)low * job->k,
                         job->films + (size_t)i * job->k, job->films + (size_t)j * job->k,
                         job->k, job->n_factors, job->rate, job->l2);
            }
        }
    }
}

static void deal_films(int32_t *dealt, int32_t *part_of_film, int32_t *part_start,
                       int32_t n_films, int32_t n_parts, struct base_rng *rng)
{
    assert(n_parts > 0);
    base_rng_shuffle(rng, dealt, n_films);
    for (int32_t p = 0; p <= n_parts; p++) {
        part_start[p] = (int32_t)((int64_t)n_films * p / n_parts);
    }
    for (int32_t p = 0; p < n_parts; p++) {
        for (int32_t i = part_start[p]; i < part_start[p + 1]; i++) {
            part_of_film[dealt[i]] = p;
        }
    }
}

static void randomise(float *vectors, int32_t n, const struct bpr_job *job, float bias,
                      struct base_rng *rng)
{
    for (int32_t i = 0; i < n; i++) {
        float *v = vectors + (size_t)i * job->k;
        for (size_t f = 0; f < job->n_factors; f++) {
            v[f] = (float)(0.1 / sqrt((double)job->n_factors) * base_rng_normal(rng));
        }
        v[job->n_factors] = bias;
    }
}

static enum reel_status run_epochs(struct bpr_job *job,
                                   const struct reel_train_options *opt,
                                   struct base_pool *pool, int32_t *dealt,
                                   int32_t *part_of_film, int32_t *part_start,
                                   struct reel_error *err)
{
    const int32_t n_epochs = (int32_t)opt->setting[S_EPOCHS];
    struct base_rng rng;
    base_rng_init(&rng, opt->seed, 1);
    randomise(job->viewers, job->chosen->n_rows, job, 1, &rng);
    randomise(job->films, job->chosen->n_cols, job, 0, &rng);
    for (int32_t p = 0; p < job->n_parts; p++) {
        base_rng_init(&job->rng[p], opt->seed, (uint64_t)p + 2);
    }
    for (int32_t i = 0; i < job->chosen->n_cols; i++) {
        dealt[i] = i;
    }
    for (int32_t epoch = 0; epoch < n_epochs; epoch++) {
        if (!base_progress_report(&opt->progress, "bpr", epoch, n_epochs)) {
            return fail(err, REEL_ECANCELLED, "bpr stopped in epoch %d of %d", epoch + 1,
                        n_epochs);
        }
        deal_films(dealt, part_of_film, part_start, job->chosen->n_cols, job->n_parts,
                   &rng);
        for (job->round = 0; job->round < job->n_parts; job->round++) {
            base_pool_run(pool, job->n_parts, 1, run_parts, job);
        }
    }
    return REEL_OK;
}

static enum reel_status train(const struct model_class *class_,
                              const struct reel_training *data,
                              const struct reel_train_options *opt,
                              struct base_pool *pool, struct reel_model **out,
                              struct reel_error *err)
{
    const size_t n_factors = (size_t)opt->setting[S_FACTORS],
                 k = model_padded(n_factors + 1);
    const uint64_t n_films = (uint64_t)data->chosen.n_cols;
    const int32_t n_parts = base_pool_n_threads(pool);
    const struct model_section section[] = {
        {MODEL_FILM_VECTORS, sizeof(float), n_films * k},
        {MODEL_VIEWER_VECTORS, sizeof(float), (uint64_t)data->chosen.n_rows * k},
        MODEL_SORTED_SECTIONS(n_films, k),
    };
    enum reel_status rc = model_create(class_, data, opt, (int32_t)k, section,
                                       sizeof section / sizeof section[0], out, err);
    if (rc != REEL_OK) {
        return rc;
    }
    int32_t *dealt = base_alloc_array(n_films, sizeof *dealt);
    int32_t *part_of_film = base_alloc_array(n_films, sizeof *part_of_film);
    int32_t *part_start = base_alloc_array((size_t)n_parts + 1, sizeof *part_start);
    struct base_rng *rng = base_alloc_array((size_t)n_parts, sizeof *rng);
    if (dealt && part_of_film && part_start && rng) {
        struct bpr_job job = {
            .chosen = &data->chosen,
            .viewers = model_floats(*out, MODEL_VIEWER_VECTORS),
            .films = model_floats(*out, MODEL_FILM_VECTORS),
            .k = k,
            .n_factors = n_factors,
            .rate = (float)opt->setting[S_RATE],
            .l2 = (float)opt->setting[S_L2],
            .n_parts = n_parts,
            .part_of_film = part_of_film,
            .dealt = dealt,
            .part_start = part_start,
            .rng = rng,
        };
        rc = run_epochs(&job, opt, pool, dealt, part_of_film, part_start, err);
    } else {
        rc = fail(err, REEL_ENOMEM, "bpr: dealing %llu films",
                  (unsigned long long)n_films);
    }
    base_free(dealt);
    base_free(part_of_film);
    base_free(part_start);
    base_free(rng);
    return rc ? rc : model_sort_films(*out, err);
}

static enum reel_status check(const struct reel_model *model, struct reel_error *err)
{
    const size_t k = model_padded((size_t)model->header->setting[S_FACTORS] + 1);
    if ((size_t)model->header->n_factors != k) {
        return fail(err, REEL_EFORMAT, "%d factors where the settings say %zu",
                    model->header->n_factors, k);
    }
    return model_check_factors(model, err);
}

/**
 * The viewer's vector as pieces (query->n, k), one per film of the history; their sum and a
 * 1 for the bias is the vector. Negatives are drawn with the model's seed: same history,
 * same vector.
 */
static void fold_in(const struct reel_model *model, const struct reel_query *query,
                    float *vector, float *piece)
{
    const size_t k = (size_t)model->header->n_factors;
    const size_t n_factors = (size_t)model->header->setting[S_FACTORS];
    const float rate = (float)model->header->setting[S_RATE];
    const float keep = 1 - rate * (float)model->header->setting[S_L2];
    const float *films = model_floats(model, MODEL_FILM_VECTORS);
    const int64_t start[] = {0, query->n};
    const struct reel_csr history = {1, model->header->n_films, start, query->film, NULL};
    struct base_rng rng;
    base_rng_init(&rng, model->header->seed, 0);
    memset(vector, 0, k * sizeof *vector);
    memset(piece, 0, (size_t)query->n * k * sizeof *piece);
    vector[n_factors] = 1;
    for (int epoch = 0; epoch < FOLD_EPOCHS; epoch++) {
        for (int32_t e = 0; e < query->n; e++) {
            const int32_t j = (int32_t)base_rng_below(&rng, (uint32_t)history.n_cols);
            if (base_csr_has(&history, 0, j)) {
                continue;
            }
            const float *vi = films + (size_t)query->film[e] * k,
                        *vj = films + (size_t)j * k;
            const float x = model_dot(vector, vi, k) - model_dot(vector, vj, k);
            const float g = rate / (1 + expf(x));
            float *own = piece + (size_t)e * k;
            // The pull acts on the whole vector; each piece takes its share of it below.
            for (size_t f = 0; f < n_factors; f++) {
                const float move = g * (vi[f] - vj[f]);
                own[f] += move;
                vector[f] += move;
            }
        }
        // One pull an epoch for all pieces alike, as strong as the steps' pulls together.
        const float shrink = powf(keep, (float)query->n);
        for (size_t f = 0; f < (size_t)query->n * k; f++) {
            piece[f] *= shrink;
        }
        for (size_t f = 0; f < n_factors; f++) {
            vector[f] *= shrink;
        }
    }
}

static enum reel_status viewer_vector(const struct reel_model *model,
                                      const struct reel_query *query, float *vector,
                                      struct reel_error *err)
{
    const size_t k = (size_t)model->header->n_factors;
    float *piece = base_alloc_aligned((size_t)query->n * k, sizeof *piece);
    if (!piece) {
        return fail(err, REEL_ENOMEM, "bpr: folding in %d films", query->n);
    }
    fold_in(model, query, vector, piece);
    base_free(piece);
    return REEL_OK;
}

static enum reel_status explain(const struct reel_model *model,
                                const struct reel_query *query, int32_t film,
                                struct reel_part *part, float *rest,
                                struct reel_error *err)
{
    const size_t k = (size_t)model->header->n_factors;
    const float *y = model_floats(model, MODEL_FILM_VECTORS) + (size_t)film * k;
    float *vector = base_alloc_aligned(k, sizeof *vector);
    float *piece = base_alloc_aligned((size_t)query->n * k, sizeof *piece);
    enum reel_status rc = REEL_OK;
    if (vector && piece) {
        fold_in(model, query, vector, piece);
        for (int32_t e = 0; e < query->n; e++) {
            part[e] = (struct reel_part){
                .film = query->film[e], .amount = model_dot(piece + (size_t)e * k, y, k)};
        }
        *rest = y[(size_t)model->header->setting[S_FACTORS]];
    } else {
        rc = fail(err, REEL_ENOMEM, "bpr: explaining a score");
    }
    base_free(vector);
    base_free(piece);
    return rc;
}

const struct model_class model_bpr = {
    .info = {"bpr", "factors that rank choices above the rest", settings, N_SETTINGS},
    .train = train,
    .check = check,
    .score = model_score_by_vector,
    .explain = explain,
    .viewer_vector = viewer_vector,
};
