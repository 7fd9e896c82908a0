/**
 * The one training loop: networks on ggml's automatic differentiation and AdamW.
 *
 * A net is a table of parameters. What it computes is said by a callback that builds the
 * graph of a few items; the loop deals items into batches, finds gradients, and steps.
 *
 *     static struct ggml_tensor *loss(struct base_net_graph *g, const int32_t *item,
 *                                     int32_t n, double *weight, void *payload)
 *     {
 *         struct ggml_tensor *x = base_net_floats(g, n_in, n, inputs of these items);
 *         struct ggml_tensor *y = base_net_product(g, base_net_param(g, 0), x);
 *         *weight = n;
 *         return base_net_square_error(g, y, targets of these items);
 *     }
 *     rc = base_net_create(param, n_params, seed, &net, &err);
 *     rc = base_net_train(net, &task, &opt, &result, &err);
 *     const float *w = base_net_values(net, 0);
 *     base_net_free(net);
 *
 * Tensors are ggml's: (n_0, n_1) has n_1 rows of n_0 numbers. Rooms that see ggml may build
 * on base_net_context with ggml's own functions; the others use those below. Every function
 * used must have a backward pass (layer norm has none; base_net_norm has).
 *
 * Threads: every worker builds and runs graphs of its own on one thread, BLAS too, because
 * ggml's threads and those of BLAS fight for the cores. Gradients are added in the order of
 * the workers: same seed and n_threads, same bits.
 */
#ifndef BASE_NET_H
#define BASE_NET_H

#include "base_rng.h"

#include <forkreel/status.h>

struct ggml_tensor;
struct ggml_context;
struct base_net;
struct base_net_graph;

/** One array that is learnt, filled with mean + sd * normal. */
struct base_net_param {
    const char *name; /* at most 31 bytes are kept */
    int64_t n_0, n_1; /* n_1 rows of n_0 */
    double mean, sd;
    bool is_decayed;    /* pulled to zero by options.decay */
    bool is_fixed;      /* not learnt: a table that graphs read */
    double rate_factor; /* of its group: times the rate of all; 0: 1 */
};

/** Errors: REEL_EINVAL a shape below 1; REEL_ENOMEM. */
enum reel_status base_net_create(const struct base_net_param *param, int32_t n_params,
                                 uint64_t seed, struct base_net **out,
                                 struct reel_error *err) REEL_CHECKED;
void base_net_free(struct base_net *net);
/** (n_1, n_0) of parameter i, row-major; may be written between trainings. */
float *base_net_values(const struct base_net *net, int32_t i);
/**
 * A bank is one array for all parameters: values, gradients and moments are each one, laid out
 * alike. Floats of a bank, and how many stand before parameter i.
 */
size_t base_net_n_floats(const struct base_net *net);
size_t base_net_offset(const struct base_net *net, int32_t i);

/* ---- graphs ---- */

struct ggml_context *base_net_context(const struct base_net_graph *g);
/** Where chance comes from in training; NULL when the net is judged or run. */
struct base_rng *base_net_rng(struct base_net_graph *g);

/** Memory that lives as long as the graph, for numbers of inputs; NULL when there is none. */
void *base_net_memory(struct base_net_graph *g, size_t n, size_t item_bytes);

struct ggml_tensor *base_net_param(const struct base_net_graph *g, int32_t i);
/** (n_0, n_1) given numbers, read when the graph runs: they outlive the callback. */
struct ggml_tensor *base_net_floats(struct base_net_graph *g, int64_t n_0, int64_t n_1,
                                    const float *number);
/** (n_0, n) rows of a parameter or of anything (n_0, n_1); `row` outlives the callback. */
struct ggml_tensor *base_net_rows(struct base_net_graph *g, struct ggml_tensor *table,
                                  const int32_t *row, int64_t n);
/** (n, m) = weights (k, n) times x (k, m). */
struct ggml_tensor *base_net_product(struct base_net_graph *g,
                                     struct ggml_tensor *weights, struct ggml_tensor *x);
/** `b` is repeated to the shape of `a`. */
struct ggml_tensor *base_net_add(struct base_net_graph *g, struct ggml_tensor *a,
                                 struct ggml_tensor *b);
struct ggml_tensor *base_net_times(struct base_net_graph *g, struct ggml_tensor *a,
                                   struct ggml_tensor *b);
struct ggml_tensor *base_net_silu(struct base_net_graph *g, struct ggml_tensor *x);
struct ggml_tensor *base_net_relu(struct base_net_graph *g, struct ggml_tensor *x);
/** Every row over its root mean square, times `gain` (n_0). */
struct ggml_tensor *base_net_norm(struct base_net_graph *g, struct ggml_tensor *x,
                                  struct ggml_tensor *gain);
/** In training each number is 0 with probability `share`, else divided by 1 - share. */
struct ggml_tensor *base_net_dropout(struct base_net_graph *g, struct ggml_tensor *x,
                                     double share);
/**
 * Causal attention of n_sequences sequences of equal length that stand one after the other:
 * q, k, v (n_0, n_tokens * n_sequences), n_0 divided among the heads. Same shape out.
 */
struct ggml_tensor *base_net_attention(struct base_net_graph *g, struct ggml_tensor *q,
                                       struct ggml_tensor *k, struct ggml_tensor *v,
                                       int32_t n_heads, int64_t n_sequences,
                                       double dropout);
/** Mean over columns m of -log softmax(logits[m])[wanted[m]]; logits (n, m). */
struct ggml_tensor *base_net_cross_entropy(struct base_net_graph *g,
                                           struct ggml_tensor *logits,
                                           const int32_t *wanted);
/** The same where a distribution is wanted: share (shape of logits), each column sums to 1. */
struct ggml_tensor *base_net_cross_entropy_shares(struct base_net_graph *g,
                                                  struct ggml_tensor *logits,
                                                  const float *share);
/** Mean of weight * (y - wanted)^2 over all numbers; weight (shape of y) or NULL: 1. */
struct ggml_tensor *base_net_square_error(struct base_net_graph *g, struct ggml_tensor *y,
                                          const float *wanted, const float *weight);

/* ---- training ---- */

struct base_net_task {
    /**
     * Build the mean loss of these items, and say how much it weighs beside others (number
     * of targets). NULL: something went wrong, and the training ends with REEL_ENOMEM.
     * Called by several threads at once.
     */
    struct ggml_tensor *(*loss)(struct base_net_graph *g, const int32_t *item, int32_t n,
                                double *weight, void *payload);
    /**
     * In place of `loss`, for a net that finds its gradient itself: put the loss of these items,
     * summed over targets, and the number of targets, and add the gradient of that sum to
     * `gradient` (a bank; NULL: only the loss is asked). `worker` in [0, n_threads) has this
     * call alone; `rng` NULL: the net is judged. False ends the training with REEL_ENOMEM.
     */
    bool (*direct)(const struct base_net *net, const int32_t *item, int32_t n,
                   int32_t worker, struct base_rng *rng, float *gradient, double *loss,
                   double *weight, void *payload);
    /** How good the net is now, higher is better; NULL: minus the loss of n_valid items. */
    enum reel_status (*measure)(const struct base_net *net, double *score, void *payload,
                                struct reel_error *err);
    void *payload;
    int32_t n_items; /* 0 .. n_items - 1 are learnt from */
    int32_t n_valid; /* and the next n_valid are judged on */
    int32_t n_batch; /* items of a step */
    int32_t n_part; /* items of one graph: memory against speed; gradients are added up */
    /** The mean gradient (a bank) before it is clipped; may add to it. May be NULL. */
    void (*before_step)(struct base_net *net, float *gradient, int32_t i_step,
                        int32_t n_steps, void *payload);
    /** Values were stepped; may change them. May be NULL. */
    void (*after_step)(struct base_net *net, int32_t i_step, int32_t n_steps,
                       void *payload);
};

/** What a step or a judgement came to. */
struct base_net_step {
    int32_t i_step, n_steps, i_epoch;
    double loss, rate, gradient; /* mean loss, step length, norm before clipping */
    double score;                /* NAN unless the net was just judged */
    double weight;               /* of the step: number of targets */
};

/**
 * Where a training stands between two steps: with it, it goes on as if it had never ended, to
 * the last bit for one thread. The banks (n_floats) are borrowed from the loop, or lent to it.
 */
struct base_net_state {
    int32_t i_step, i_epoch; /* done */
    int32_t i_item;          /* first item of this epoch that is not done */
    int32_t n_worse, best_epoch;
    uint64_t round; /* of random numbers */
    double sum_loss, sum_weight, loss, best_score;
    size_t n_floats;
    float *value, *moment[2];
    float *best;  /* NULL: nothing is judged */
    bool is_last; /* no step follows: finished or stopped; keep it now or never */
};

/**
 * Several processes that learn one net: each finds the gradient of its share of every batch, and
 * all take the same step. So n ranks do what one does with the same batch (base_ranks.h).
 */
struct base_net_ranks {
    int32_t i_rank, n_ranks;
    /** Every number becomes its sum over all ranks, of which all get the same bits. */
    enum reel_status (*sum_gradients)(float *gradient, size_t n, double *sums,
                                      int32_t n_sums, void *payload,
                                      struct reel_error *err);
    void *payload;
};

struct base_net_options {
    int32_t n_epochs;
    int32_t n_steps; /* at most, and the length of the schedule; 0: those of n_epochs */
    double rate;     /* after n_warmup steps; from there by a half cosine ... */
    double rate_end; /* ... to this share of it */
    int32_t n_warmup;
    double beta1, beta2, decay;
    double clip;          /* longest gradient; 0: any */
    int32_t judge_epochs; /* judge after so many; 0: never */
    int32_t judge_steps;  /* and after so many steps; 0: not */
    int32_t patience; /* stop after so many judgements without a better one; 0: never */
    int32_t n_threads;
    uint64_t seed;
    const char *stage; /* for the progress */
    struct reel_progress progress;
    void (*told)(const struct base_net_step *step, void *payload); /* may be NULL */
    void *told_payload;
    /** Where to go on; NULL: at the beginning. Its shape is checked, its banks are copied. */
    const struct base_net_state *resume;
    /** After every step; whoever keeps states writes one when it is time. May be NULL. */
    enum reel_status (*keep)(const struct base_net_state *state, void *payload,
                             struct reel_error *err);
    void *keep_payload;
    const struct base_net_ranks *ranks; /* NULL: alone */
};
/** Rate .001 to a tenth, .9, .98, decay .01, clip 1, one thread, nothing judged. */
struct base_net_options base_net_options_default(void);

struct base_net_result {
    int32_t n_epochs;   /* done */
    int32_t n_steps;    /* done */
    int32_t best_epoch; /* of the parameters that the net has now, from 1 */
    double loss;        /* of the last epoch */
    double best_score;  /* NAN when nothing was judged */
};

/**
 * Learn. When the net is judged, it ends with the best parameters, otherwise the last ones.
 *
 * Errors: REEL_EINVAL options; REEL_ENOMEM; REEL_ECANCELLED (`keep` was called before); REEL_EFAIL
 *         a loss that is no number; what `keep` returns. The parameters are then those of the
 *         last step that was done.
 */
enum reel_status base_net_train(struct base_net *net, const struct base_net_task *task,
                                const struct base_net_options *opt,
                                struct base_net_result *result,
                                struct reel_error *err) REEL_CHECKED;

/** Run a graph without learning: `out` (n_out) receives what `build` returns. */
enum reel_status base_net_run(const struct base_net *net,
                              struct ggml_tensor *(*build)(struct base_net_graph *g,
                                                           void *payload),
                              void *payload, float *out, size_t n_out,
                              struct reel_error *err) REEL_CHECKED;

#endif
