/**
 * A simulated set on which the truth is known: what a situation is worth, by log-loss and
 * NDCG@10 held out, when it matters and when it does not.
 *
 * Films have one to three of twelve genres. A viewer's liking of a film has a logit of its
 * own, of which the expectation without the situation knows all but a noise. Company, mood
 * and hour each move the genres, by normal numbers times `strength`; day, season and device
 * never do. Lists are the same films for everyone, ordered by expectation with and without
 * the model; what is liked on a list is drawn.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_rng.h"

#include <forkreel/feedback.h>

#include <math.h>
#include <stdlib.h>

enum {
    N_FILMS = 240,
    N_GENRES = 12,
    N_EVENTS = 6000,
    N_LISTS = 400,
    N_LISTED = 60, /* candidates of a list */
    N_CUT = 10,
    N_VALUES = 5, /* at most, of a kind of context */
};
#define NOISE_EXPECTED 0.5
#define LOGIT_MEAN (-0.8)

struct world {
    struct base_csr genres;
    double effect[REEL_N_CONTEXT_KINDS][N_VALUES][N_GENRES];
    struct base_rng rng;
};

static double logistic(double z)
{
    return 1 / (1 + exp(-z));
}

static enum reel_status world_make(struct world *world, double strength, uint64_t seed,
                                   struct reel_error *err)
{
    base_rng_init(&world->rng, seed, 0);
    for (int k = 0; k < REEL_N_CONTEXT_KINDS; k++) {
        const bool matters =
            k == REEL_CONTEXT_COMPANY || k == REEL_CONTEXT_MOOD || k == REEL_CONTEXT_HOUR;
        for (int v = 0; v < N_VALUES; v++) {
            for (int g = 0; g < N_GENRES; g++) {
                world->effect[k][v][g] =
                    matters ? strength * base_rng_normal(&world->rng) : 0;
            }
        }
    }
    const enum reel_status rc = base_csr_init(&world->genres, N_FILMS, N_GENRES,
                                              (int64_t)N_FILMS * 3, false, err);
    int64_t n = 0;
    for (int32_t f = 0; rc == REEL_OK && f < N_FILMS; f++) {
        const int32_t first = (int32_t)base_rng_below(&world->rng, N_GENRES - 4);
        const int32_t n_own = 1 + (int32_t)base_rng_below(&world->rng, 3);
        for (int32_t g = 0; g < n_own; g++) {
            world->genres.col[n++] = first + 2 * g;
        }
        world->genres.start[f + 1] = n;
    }
    return rc;
}

static struct reel_context draw_context(struct base_rng *rng)
{
    struct reel_context context = reel_context_unknown();
    for (int k = 0; k < REEL_N_CONTEXT_KINDS; k++) {
        const int32_t n = reel_context_n_values((enum reel_context_kind)k);
        if (base_rng_double(rng) < 0.8) { // people do not say everything
            context.value[k] = (int8_t)base_rng_below(rng, (uint32_t)n);
        }
    }
    return context;
}

/** One film in a situation: the event as it is seen, and its true probability. */
static double draw_event(struct world *world, const struct reel_context *context,
                         int32_t film, struct reel_context_event *event)
{
    const double own = LOGIT_MEAN + base_rng_normal(&world->rng);
    const int64_t begin = world->genres.start[film], end = world->genres.start[film + 1];
    double moved = 0;
    for (int k = 0; k < REEL_N_CONTEXT_KINDS; k++) {
        for (int64_t e = begin; context->value[k] >= 0 && e < end; e++) {
            moved += world->effect[k][context->value[k]][world->genres.col[e]];
        }
    }
    const double p = logistic(own + moved / sqrt((double)(end - begin)));
    *event = (struct reel_context_event){
        .context = *context,
        .film = film,
        .expected = (float)logistic(own + NOISE_EXPECTED * base_rng_normal(&world->rng)),
        .liked = base_rng_double(&world->rng) < p,
    };
    return p;
}

struct candidate {
    double score;
    bool is_liked;
};

static int by_score(const void *a, const void *b)
{
    const double x = ((const struct candidate *)a)->score;
    const double y = ((const struct candidate *)b)->score;
    return (x < y) - (x > y);
}

/** NDCG@10 of the candidates ordered by score. */
static double ndcg(struct candidate *candidate, int32_t n)
{
    double gain = 0, best = 0;
    int32_t n_liked = 0;
    qsort(candidate, (size_t)n, sizeof *candidate, by_score);
    for (int32_t i = 0; i < n; i++) {
        n_liked += candidate[i].is_liked;
    }
    for (int32_t i = 0; i < N_CUT; i++) {
        gain += candidate[i].is_liked / log2(i + 2);
        best += (i < n_liked) / log2(i + 2);
    }
    return best > 0 ? gain / best : NAN;
}

static double log_loss(double p, bool is_liked)
{
    return -log(fmax(1e-9, is_liked ? p : 1 - p));
}

static enum reel_status lists_measure(struct world *world,
                                      const struct reel_context_model *model,
                                      struct reel_context_gain *out,
                                      struct reel_error *err)
{
    static const int n_sets = 3; // without, with, the truth
    float adds[N_FILMS];
    double loss[2] = {0}, gain[3] = {0}, n_pairs = 0;
    for (int32_t l = 0; l < N_LISTS; l++) {
        struct candidate listed[3][N_LISTED];
        const struct reel_context context = draw_context(&world->rng);
        const enum reel_status rc =
            reel_context_model_score(model, &context, &world->genres.csr, adds, err);
        if (rc) {
            return rc;
        }
        bool is_any_liked = false;
        for (int32_t i = 0; i < N_LISTED; i++) {
            struct reel_context_event event;
            const int32_t film = (int32_t)base_rng_below(&world->rng, N_FILMS);
            const double truth = draw_event(world, &context, film, &event);
            const double q = fmin(fmax((double)event.expected, 0.01), 0.99);
            const double p = logistic(log(q / (1 - q)) + (double)adds[film]);
            const bool is_liked = event.liked > 0;
            is_any_liked |= is_liked;
            loss[0] += log_loss(q, is_liked);
            loss[1] += log_loss(p, is_liked);
            n_pairs += 1;
            listed[0][i] = (struct candidate){q, is_liked};
            listed[1][i] = (struct candidate){p, is_liked};
            listed[2][i] = (struct candidate){truth, is_liked};
        }
        for (int s = 0; is_any_liked && s < n_sets; s++) {
            gain[s] += ndcg(listed[s], N_LISTED);
        }
        out->n_lists += is_any_liked;
    }
    out->log_loss_without = loss[0] / n_pairs;
    out->log_loss_with = loss[1] / n_pairs;
    out->ndcg_without = gain[0] / out->n_lists;
    out->ndcg_with = gain[1] / out->n_lists;
    out->ndcg_best = gain[2] / out->n_lists;
    return REEL_OK;
}

enum reel_status reel_context_simulate(double strength, uint64_t seed,
                                       struct reel_context_gain *out,
                                       struct reel_error *err)
{
    *out = (struct reel_context_gain){.n_events = N_EVENTS};
    struct world world = {0};
    struct reel_context_model *model = NULL;
    struct reel_context_event *event = base_alloc_array(N_EVENTS, sizeof *event);
    enum reel_status rc = event ? REEL_OK : fail(err, REEL_ENOMEM, "simulated events");
    rc = rc ? rc : world_make(&world, strength, seed, err);
    for (int32_t i = 0; rc == REEL_OK && i < N_EVENTS; i++) {
        const struct reel_context context = draw_context(&world.rng);
        (void)draw_event(&world, &context, (int32_t)base_rng_below(&world.rng, N_FILMS),
                         &event[i]);
    }
    rc =
        rc ? rc : reel_context_model_fit(event, N_EVENTS, &world.genres.csr, &model, err);
    rc = rc ? rc : lists_measure(&world, model, out, err);
    reel_context_model_free(model);
    base_csr_release(&world.genres);
    base_free(event);
    return rc;
}
