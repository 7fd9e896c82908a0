/**
 * See base_net.h. A graph is built anew for every part of a batch, so parts may have any
 * shape; its memory is kept. Products run on ggml's BLAS backend, everything else on the CPU
 * backend, both in the thread that asks.
 *
 * AdamW (Loshchilov, Hutter 2019) is ggml's, one node for each piece of a parameter; every
 * number is computed alone, so it does not matter to it how many workers share the pieces.
 */
#include "base_net.h"
#include "base_alloc.h"
#include "base_error.h"
#include "base_linalg.h"
#include "base_pool.h"

#include <ggml-backend.h>
#include <ggml-blas.h>
#include <ggml-cpu.h>
#include <ggml.h>
#include <math.h>
#include <string.h>

enum {
    N_NODES_MAX = 8192,  /* of one graph, backward pass included */
    N_INPUTS_MAX = 256,  /* of one graph */
    N_MEMORIES_MAX = 64, /* of one graph */
    N_ALIGN_FLOATS = 16, /* parameters begin on 64 bytes */
    N_SETTINGS_ADAMW = 7,
    N_PIECE_FLOATS = 1 << 15, /* what a worker steps at a time */
};

enum input_kind { INPUT_BYTES, INPUT_CLASSES, INPUT_DROPOUT };

/** A tensor to fill once it has memory. */
struct input {
    enum input_kind kind;
    struct ggml_tensor *tensor;
    const void *data; /* bytes, or classes (rows) */
    double share;     /* of zeros */
};

struct slot {
    char name[32];
    int64_t n_0, n_1;
    size_t offset; /* floats into every bank */
    bool is_decayed, is_fixed;
    double rate_factor;
};

struct base_net {
    int32_t n_params;
    size_t n_floats; /* of a bank: all parameters, each aligned */
    float *value;    /* a bank */
    struct slot slot[];
};

struct base_net_graph {
    const struct base_net *net;
    struct ggml_context *fixed, *ctx; /* parameters and gradients; one graph */
    void *fixed_memory, *memory;
    ggml_backend_t cpu, blas;
    ggml_backend_sched_t sched;
    ggml_backend_buffer_t value_buffer, gradient_buffer;
    struct ggml_tensor **param, **gradient; /* (n_params) */
    float *gradient_value;                  /* a bank; NULL: only runs */
    struct input input[N_INPUTS_MAX];
    int32_t n_inputs;
    void *scratch[N_MEMORIES_MAX]; /* what base_net_memory gave */
    int32_t n_scratches;
    struct base_rng rng;
    bool is_learning, is_full; /* full: more inputs than have room */
    double sum_loss, sum_weight;
};

/* ---- parameters ---- */

static size_t aligned(size_t n_floats)
{
    return (n_floats + N_ALIGN_FLOATS - 1) / N_ALIGN_FLOATS * N_ALIGN_FLOATS;
}

static void fill_normal(float *x, size_t n, const struct base_net_param *param,
                        struct base_rng *rng)
{
    for (size_t i = 0; i < n; i++) {
        x[i] =
            (float)(param->mean + (param->sd > 0 ? param->sd * base_rng_normal(rng) : 0));
    }
}

enum reel_status base_net_create(const struct base_net_param *param, int32_t n_params,
                                 uint64_t seed, struct base_net **out,
                                 struct reel_error *err)
{
    *out = NULL;
    struct base_net *net =
        base_alloc_zeroed(1, sizeof *net + (size_t)n_params * sizeof *net->slot);
    if (!net) {
        return fail(err, REEL_ENOMEM, "a net of %d parameters", n_params);
    }
    net->n_params = n_params;
    for (int32_t i = 0; i < n_params; i++) {
        struct slot *slot = &net->slot[i];
        size_t n, end;
        slot->n_0 = param[i].n_0;
        slot->n_1 = param[i].n_1;
        if (slot->n_0 < 1 || slot->n_1 < 1 ||
            __builtin_mul_overflow((size_t)slot->n_0, (size_t)slot->n_1, &n) ||
            __builtin_add_overflow(net->n_floats, aligned(n), &end)) {
            base_free(net);
            return fail(err, REEL_EINVAL, "parameter %s is %lld x %lld", param[i].name,
                        (long long)param[i].n_1, (long long)param[i].n_0);
        }
        const size_t n_name = strnlen(param[i].name, sizeof slot->name - 1);
        memcpy(slot->name, param[i].name, n_name);
        slot->offset = net->n_floats;
        slot->is_decayed = param[i].is_decayed;
        slot->is_fixed = param[i].is_fixed;
        slot->rate_factor = param[i].rate_factor > 0 ? param[i].rate_factor : 1;
        net->n_floats = end;
    }
    net->value = base_alloc_aligned(net->n_floats + N_ALIGN_FLOATS, sizeof(float));
    if (!net->value) {
        const size_t n_floats = net->n_floats;
        base_net_free(net);
        return fail(err, REEL_ENOMEM, "a net of %zu numbers", n_floats);
    }
    memset(net->value, 0, net->n_floats * sizeof(float));
    for (int32_t i = 0; i < n_params; i++) {
        struct base_rng rng;
        base_rng_init(&rng, seed, (uint64_t)i);
        fill_normal(base_net_values(net, i), (size_t)(param[i].n_0 * param[i].n_1),
                    &param[i], &rng);
    }
    *out = net;
    return REEL_OK;
}

void base_net_free(struct base_net *net)
{
    if (net) {
        base_free(net->value);
        base_free(net);
    }
}

float *base_net_values(const struct base_net *net, int32_t i)
{
    return net->value + net->slot[i].offset;
}

size_t base_net_n_floats(const struct base_net *net)
{
    return net->n_floats;
}

size_t base_net_offset(const struct base_net *net, int32_t i)
{
    return net->slot[i].offset;
}

/* ---- a worker's graph ---- */

// Tensors over the floats of a bank.
static bool lay_tensors(struct base_net_graph *g, ggml_backend_buffer_t buffer,
                        float *bank, struct ggml_tensor **tensor)
{
    for (int32_t i = 0; i < g->net->n_params; i++) {
        const struct slot *slot = &g->net->slot[i];
        tensor[i] = ggml_new_tensor_2d(g->fixed, GGML_TYPE_F32, slot->n_0, slot->n_1);
        ggml_set_name(tensor[i], slot->name);
        if (ggml_backend_tensor_alloc(buffer, tensor[i], bank + slot->offset) !=
            GGML_STATUS_SUCCESS) {
            return false;
        }
    }
    return true;
}

static void forget_scratches(struct base_net_graph *g)
{
    for (int32_t i = 0; i < g->n_scratches; i++) {
        base_free(g->scratch[i]);
    }
    g->n_scratches = 0;
}

static void graph_release(struct base_net_graph *g)
{
    forget_scratches(g);
    ggml_backend_sched_free(g->sched);
    ggml_backend_free(g->cpu);
    ggml_backend_free(g->blas);
    ggml_backend_buffer_free(g->value_buffer);
    ggml_backend_buffer_free(g->gradient_buffer);
    ggml_free(g->fixed);
    ggml_free(g->ctx);
    base_free(g->fixed_memory);
    base_free(g->memory);
    base_free(g->param);
    base_free(g->gradient);
    base_free(g->gradient_value);
    *g = (struct base_net_graph){0};
}

static struct ggml_context *make_context(void **memory, size_t n_tensors, size_t n_extra)
{
    const size_t n_bytes = n_tensors * ggml_tensor_overhead() + n_extra;
    *memory = base_alloc_aligned(n_bytes, 1);
    return *memory ? ggml_init((struct ggml_init_params){n_bytes, *memory, true}) : NULL;
}

static bool gradient_make(struct base_net_graph *g)
{
    g->gradient_value =
        base_alloc_aligned(g->net->n_floats + N_ALIGN_FLOATS, sizeof(float));
    if (g->gradient_value) {
        memset(g->gradient_value, 0, g->net->n_floats * sizeof(float));
    }
    return g->gradient_value != NULL;
}

static bool processor_make(struct base_net_graph *g)
{
    g->cpu = ggml_backend_cpu_init();
    if (g->cpu) {
        ggml_backend_cpu_set_n_threads(g->cpu, 1);
    }
    return g->cpu != NULL;
}

/** What a net without graphs has of one: a gradient, and what steps. */
static bool direct_make(struct base_net_graph *g, const struct base_net *net)
{
    *g = (struct base_net_graph){.net = net};
    return gradient_make(g) && processor_make(g);
}

static bool graph_make(struct base_net_graph *g, const struct base_net *net,
                       bool with_gradients)
{
    const size_t n = (size_t)net->n_params, n_bytes = net->n_floats * sizeof(float);
    *g = (struct base_net_graph){.net = net};
    g->fixed = make_context(&g->fixed_memory, 2 * n, 0);
    g->ctx = make_context(&g->memory, N_NODES_MAX,
                          ggml_graph_overhead_custom(N_NODES_MAX, true));
    g->param = base_alloc_zeroed(n, sizeof(void *));
    g->gradient = base_alloc_zeroed(n, sizeof(void *));
    if (!g->fixed || !g->ctx || !g->param || !g->gradient) {
        return false;
    }
    g->value_buffer = ggml_backend_cpu_buffer_from_ptr(net->value, n_bytes);
    if (!g->value_buffer || !lay_tensors(g, g->value_buffer, net->value, g->param)) {
        return false;
    }
    if (with_gradients) {
        if (!gradient_make(g)) {
            return false;
        }
        g->gradient_buffer = ggml_backend_cpu_buffer_from_ptr(g->gradient_value, n_bytes);
        if (!g->gradient_buffer ||
            !lay_tensors(g, g->gradient_buffer, g->gradient_value, g->gradient)) {
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            if (!net->slot[i].is_fixed) {
                ggml_set_param(g->param[i]);
            }
        }
    }
    g->blas = ggml_backend_blas_init();
    if (!processor_make(g) || !g->blas) {
        return false;
    }
    ggml_backend_blas_set_n_threads(g->blas, 1);
    ggml_backend_t order[] = {g->blas, g->cpu};
    g->sched = ggml_backend_sched_new(order, NULL, 2, N_NODES_MAX, false, false);
    return g->sched != NULL;
}

static void graph_begin(struct base_net_graph *g)
{
    ggml_backend_sched_reset(g->sched);
    ggml_reset(g->ctx);
    forget_scratches(g);
    g->n_inputs = 0;
    g->is_full = false;
}

static void fill_dropout(struct base_net_graph *g, const struct input *input)
{
    float *mask = input->tensor->data;
    const int64_t n = ggml_nelements(input->tensor);
    const float kept = (float)(1 / (1 - input->share));
    const uint64_t bound = (uint64_t)(input->share * 65536);
    for (int64_t i = 0; i < n;) {
        uint64_t bits = base_rng_u64(&g->rng); // four numbers of 16 bits
        for (int part = 0; part < 4 && i < n; part++, bits >>= 16) {
            mask[i++] = (bits & 0xffff) < bound ? 0 : kept;
        }
    }
}

static void fill_inputs(struct base_net_graph *g)
{
    for (int32_t i = 0; i < g->n_inputs; i++) {
        const struct input *input = &g->input[i];
        struct ggml_tensor *t = input->tensor;
        if (input->kind == INPUT_BYTES) {
            memcpy(t->data, input->data, ggml_nbytes(t));
        } else if (input->kind == INPUT_DROPOUT) {
            fill_dropout(g, input);
        } else {
            const int32_t *wanted = input->data;
            memset(t->data, 0, ggml_nbytes(t));
            for (int64_t row = 0; row < t->ne[1]; row++) {
                ((float *)t->data)[row * t->ne[0] + wanted[row]] = 1;
            }
        }
    }
}

static bool graph_compute(struct base_net_graph *g, struct ggml_cgraph *graph,
                          struct ggml_tensor *root_gradient, double weight)
{
    if (g->is_full || !ggml_backend_sched_alloc_graph(g->sched, graph)) {
        return false;
    }
    fill_inputs(g);
    if (root_gradient) {
        *(float *)root_gradient->data = (float)weight;
    }
    return ggml_backend_sched_graph_compute(g->sched, graph) == GGML_STATUS_SUCCESS;
}

/** Loss of these items into the sums of the graph; when learning, their gradients too. */
static bool graph_loss(struct base_net_graph *g, const struct base_net_task *task,
                       const int32_t *item, int32_t n)
{
    double weight = 0;
    graph_begin(g);
    struct ggml_tensor *loss = task->loss(g, item, n, &weight, task->payload);
    if (!loss || g->is_full) {
        return false;
    }
    if (weight <= 0) {
        return true; // nothing to learn from these
    }
    ggml_set_output(loss);
    struct ggml_cgraph *graph =
        ggml_new_graph_custom(g->ctx, N_NODES_MAX, g->is_learning);
    ggml_build_forward_expand(graph, loss);
    struct ggml_tensor *root = NULL;
    if (g->is_learning) {
        ggml_set_loss(loss);
        const int n_nodes = ggml_graph_n_nodes(graph);
        struct ggml_tensor **sum = base_alloc_zeroed((size_t)n_nodes, sizeof(void *));
        if (!sum) {
            return false;
        }
        for (int i = 0; i < n_nodes; i++) {
            for (int32_t p = 0; p < g->net->n_params; p++) {
                sum[i] =
                    ggml_graph_node(graph, i) == g->param[p] ? g->gradient[p] : sum[i];
            }
        }
        ggml_build_backward_expand(g->ctx, graph, sum);
        base_free(sum);
        // The gradient of the sum of losses, not of their mean: parts differ in weight.
        root = ggml_graph_get_grad_acc(graph, loss);
        ggml_set_input(root);
    }
    if (!graph_compute(g, graph, root, weight)) {
        return false;
    }
    g->sum_loss += weight * (double)*(float *)loss->data;
    g->sum_weight += weight;
    return true;
}

/* ---- what graphs are built of ---- */

struct ggml_context *base_net_context(const struct base_net_graph *g)
{
    return g->ctx;
}

struct base_rng *base_net_rng(struct base_net_graph *g)
{
    return g->is_learning ? &g->rng : NULL;
}

void *base_net_memory(struct base_net_graph *g, size_t n, size_t item_bytes)
{
    void *memory =
        g->n_scratches < N_MEMORIES_MAX ? base_alloc_array(n, item_bytes) : NULL;
    if (memory) {
        g->scratch[g->n_scratches++] = memory;
    }
    return memory;
}

struct ggml_tensor *base_net_param(const struct base_net_graph *g, int32_t i)
{
    return g->param[i];
}

static struct ggml_tensor *add_input(struct base_net_graph *g, struct input input)
{
    ggml_set_input(input.tensor);
    g->is_full |= g->n_inputs == N_INPUTS_MAX;
    if (!g->is_full) {
        g->input[g->n_inputs++] = input;
    }
    return input.tensor;
}

struct ggml_tensor *base_net_floats(struct base_net_graph *g, int64_t n_0, int64_t n_1,
                                    const float *number)
{
    return add_input(
        g, (struct input){.kind = INPUT_BYTES,
                          .tensor = ggml_new_tensor_2d(g->ctx, GGML_TYPE_F32, n_0, n_1),
                          .data = number});
}

struct ggml_tensor *base_net_rows(struct base_net_graph *g, struct ggml_tensor *table,
                                  const int32_t *row, int64_t n)
{
    struct ggml_tensor *index = add_input(
        g, (struct input){.kind = INPUT_BYTES,
                          .tensor = ggml_new_tensor_1d(g->ctx, GGML_TYPE_I32, n),
                          .data = row});
    return ggml_get_rows(g->ctx, table, index);
}

struct ggml_tensor *base_net_product(struct base_net_graph *g,
                                     struct ggml_tensor *weights, struct ggml_tensor *x)
{
    return ggml_mul_mat(g->ctx, weights, x);
}

struct ggml_tensor *base_net_add(struct base_net_graph *g, struct ggml_tensor *a,
                                 struct ggml_tensor *b)
{
    return ggml_add(g->ctx, a, b);
}

struct ggml_tensor *base_net_times(struct base_net_graph *g, struct ggml_tensor *a,
                                   struct ggml_tensor *b)
{
    return ggml_mul(g->ctx, a, b);
}

struct ggml_tensor *base_net_silu(struct base_net_graph *g, struct ggml_tensor *x)
{
    return ggml_silu(g->ctx, x);
}

struct ggml_tensor *base_net_relu(struct base_net_graph *g, struct ggml_tensor *x)
{
    return ggml_relu(g->ctx, x);
}

struct ggml_tensor *base_net_norm(struct base_net_graph *g, struct ggml_tensor *x,
                                  struct ggml_tensor *gain)
{
    return ggml_mul(g->ctx, ggml_rms_norm(g->ctx, x, 1e-5F), gain);
}

struct ggml_tensor *base_net_dropout(struct base_net_graph *g, struct ggml_tensor *x,
                                     double share)
{
    if (!g->is_learning || share <= 0) {
        return x;
    }
    return ggml_mul(g->ctx, x,
                    add_input(g, (struct input){.kind = INPUT_DROPOUT,
                                                .tensor = ggml_dup_tensor(g->ctx, x),
                                                .share = share}));
}

struct ggml_tensor *base_net_attention(struct base_net_graph *g, struct ggml_tensor *q,
                                       struct ggml_tensor *k, struct ggml_tensor *v,
                                       int32_t n_heads, int64_t n_sequences,
                                       double dropout)
{
    struct ggml_context *c = g->ctx;
    const int64_t n_0 = q->ne[0], width = n_0 / n_heads;
    const int64_t n_tokens = q->ne[1] / n_sequences;
    struct ggml_tensor *part[] = {q, k, v};
    for (int i = 0; i < 3; i++) {
        part[i] = ggml_reshape_4d(c, part[i], width, n_heads, n_tokens, n_sequences);
    }
    // (width, tokens, heads, sequences), and v turned: (tokens, width, heads, sequences)
    q = ggml_cont(c, ggml_permute(c, part[0], 0, 2, 1, 3));
    k = ggml_cont(c, ggml_permute(c, part[1], 0, 2, 1, 3));
    v = ggml_cont(c, ggml_permute(c, part[2], 1, 2, 0, 3));
    struct ggml_tensor *share = ggml_diag_mask_inf(c, ggml_mul_mat(c, k, q), 0);
    share = ggml_soft_max_ext(c, share, NULL, 1 / sqrtf((float)width), 0);
    share = base_net_dropout(g, share, dropout);
    struct ggml_tensor *sum = ggml_mul_mat(c, v, share);
    sum = ggml_cont(c, ggml_permute(c, sum, 0, 2, 1, 3));
    return ggml_reshape_2d(c, sum, n_0, n_tokens * n_sequences);
}

struct ggml_tensor *base_net_cross_entropy(struct base_net_graph *g,
                                           struct ggml_tensor *logits,
                                           const int32_t *wanted)
{
    struct ggml_tensor *label = add_input(
        g, (struct input){.kind = INPUT_CLASSES,
                          .tensor = ggml_new_tensor_2d(g->ctx, GGML_TYPE_F32,
                                                       logits->ne[0], logits->ne[1]),
                          .data = wanted});
    return ggml_cross_entropy_loss(g->ctx, logits, label);
}

struct ggml_tensor *base_net_cross_entropy_shares(struct base_net_graph *g,
                                                  struct ggml_tensor *logits,
                                                  const float *share)
{
    return ggml_cross_entropy_loss(
        g->ctx, logits, base_net_floats(g, logits->ne[0], logits->ne[1], share));
}

struct ggml_tensor *base_net_square_error(struct base_net_graph *g, struct ggml_tensor *y,
                                          const float *wanted, const float *weight)
{
    const int64_t n_0 = y->ne[0], n_1 = y->ne[1];
    struct ggml_tensor *miss = ggml_sub(g->ctx, y, base_net_floats(g, n_0, n_1, wanted));
    miss = ggml_sqr(g->ctx, miss);
    if (weight) {
        miss = ggml_mul(g->ctx, miss, base_net_floats(g, n_0, n_1, weight));
    }
    return ggml_scale(g->ctx, ggml_sum(g->ctx, miss), 1 / (float)(n_0 * n_1));
}

/* ---- the loop ---- */

struct base_net_options base_net_options_default(void)
{
    return (struct base_net_options){.n_epochs = 10,
                                     .rate = 1e-3,
                                     .rate_end = 0.1,
                                     .beta1 = 0.9,
                                     .beta2 = 0.98,
                                     .decay = 0.01,
                                     .clip = 1,
                                     .n_threads = 1,
                                     .seed = 1,
                                     .stage = "net"};
}

struct loop {
    struct base_net *net;
    const struct base_net_task *task;
    const struct base_net_options *opt;
    struct base_pool *pool;
    struct base_net_graph *graph; /* (n_threads) */
    bool *is_failed;              /* (n_threads) */
    float *moment[2];             /* banks: mean and square of gradients */
    float *best;                  /* a bank; NULL: never judged */
    int32_t *item;                /* (n_items + n_valid) */
    const int32_t *batch;         /* items of this round */
    int32_t n_in_batch, n_before; /* n_before: items of the batch for earlier ranks */
    int32_t i_step, n_steps;
    uint64_t round; /* streams of random numbers: one for each part of each round */
    int32_t i_epoch, first;      /* where it stands: the next item of this epoch */
    double sum_loss, sum_weight; /* of this epoch */
    int32_t n_worse;             /* judgements without a better one */
    bool is_cancelled;

    void *step_memory;
    struct ggml_context *step_ctx;
    struct ggml_cgraph **step_graph;    /* (n_threads) */
    float (*setting)[N_SETTINGS_ADAMW]; /* (n_params) */
};

/** Loss, and gradient when learning, of some items, by a graph or without one. */
static bool part_loss(struct loop *loop, int32_t worker, const int32_t *item, int32_t n)
{
    struct base_net_graph *g = &loop->graph[worker];
    const struct base_net_task *task = loop->task;
    if (!task->direct) {
        return graph_loss(g, task, item, n);
    }
    double loss = 0, weight = 0;
    const bool is_done = task->direct(
        g->net, item, n, worker, g->is_learning ? &g->rng : NULL,
        g->is_learning ? g->gradient_value : NULL, &loss, &weight, task->payload);
    g->sum_loss += loss;
    g->sum_weight += weight;
    return is_done;
}

static void run_parts(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    (void)worker;
    struct loop *loop = payload;
    const int32_t n_part = loop->task->n_part;
    for (int64_t t = begin; t < end; t++) {
        struct base_net_graph *g = &loop->graph[t];
        g->sum_loss = g->sum_weight = 0;
        for (int64_t first = t * n_part; first < loop->n_in_batch;
             first += (int64_t)loop->opt->n_threads * n_part) {
            const int64_t n_left = loop->n_in_batch - first;
            base_rng_init(&g->rng, loop->opt->seed,
                          (loop->round << 20) +
                              (uint64_t)((loop->n_before + first) / n_part) + 1);
            if (!loop->is_failed[t] &&
                !part_loss(loop, (int32_t)t, loop->batch + first,
                           (int32_t)(n_left < n_part ? n_left : n_part))) {
                loop->is_failed[t] = true;
            }
        }
    }
}

/** Sums over all ranks; `gradient` NULL: only numbers. */
static enum reel_status sum_ranks(const struct loop *loop, float *gradient, double *sums,
                                  int32_t n_sums, struct reel_error *err)
{
    const struct base_net_ranks *ranks = loop->opt->ranks;
    return ranks ? ranks->sum_gradients(gradient, gradient ? loop->net->n_floats : 0,
                                        sums, n_sums, ranks->payload, err)
                 : REEL_OK;
}

/** Of `n` items those that this rank takes. */
static void take_share(struct loop *loop, const int32_t *item, int32_t n)
{
    const struct base_net_ranks *ranks = loop->opt->ranks;
    const int64_t i_rank = ranks ? ranks->i_rank : 0,
                  n_ranks = ranks ? ranks->n_ranks : 1;
    loop->n_before = (int32_t)(n * i_rank / n_ranks);
    loop->batch = item + loop->n_before;
    loop->n_in_batch = (int32_t)(n * (i_rank + 1) / n_ranks) - loop->n_before;
}

/**
 * Losses of `n` items, and their gradients when learning, summed into worker 0, and over all
 * ranks.
 */
static enum reel_status run_batch(struct loop *loop, const int32_t *item, int32_t n,
                                  bool is_learning, double *loss, double *weight,
                                  struct reel_error *err)
{
    take_share(loop, item, n);
    loop->round++;
    for (int32_t t = 0; t < loop->opt->n_threads; t++) {
        loop->graph[t].is_learning = is_learning;
        if (is_learning) {
            memset(loop->graph[t].gradient_value, 0, loop->net->n_floats * sizeof(float));
        }
    }
    base_pool_run(loop->pool, loop->opt->n_threads, 1, run_parts, loop);
    *loss = *weight = 0;
    for (int32_t t = 0; t < loop->opt->n_threads; t++) {
        const struct base_net_graph *g = &loop->graph[t];
        if (loop->is_failed[t]) {
            return fail(err, REEL_ENOMEM, "%s: no memory for a graph of %d items",
                        loop->opt->stage, loop->task->n_part);
        }
        *loss += g->sum_loss;
        *weight += g->sum_weight;
        for (size_t i = 0; is_learning && t > 0 && i < loop->net->n_floats; i++) {
            loop->graph[0].gradient_value[i] += g->gradient_value[i];
        }
    }
    double sums[] = {*loss, *weight};
    const enum reel_status rc =
        sum_ranks(loop, is_learning ? loop->graph[0].gradient_value : NULL, sums, 2, err);
    if (rc != REEL_OK) {
        return rc;
    }
    *loss = sums[0];
    *weight = sums[1];
    if (!isfinite(*loss)) {
        return fail(err, REEL_EFAIL,
                    "%s: the loss is no number any more; a smaller rate "
                    "may help",
                    loop->opt->stage);
    }
    return REEL_OK;
}

static double length_of(const float *x, size_t n)
{
    double square = 0;
    for (size_t i = 0; i < n; i++) {
        square += (double)x[i] * (double)x[i];
    }
    return sqrt(square);
}

static void scale(float *x, size_t n, double factor)
{
    for (size_t i = 0; factor != 1 && i < n; i++) {
        x[i] *= (float)factor;
    }
}

/** Mean instead of sum, and not longer than `clip`; gives the length before. */
static double scale_gradient(struct loop *loop, double weight)
{
    const struct base_net_task *task = loop->task;
    const size_t n = loop->net->n_floats;
    const double clip = loop->opt->clip;
    float *x = loop->graph[0].gradient_value;
    if (task->before_step) {
        scale(x, n, 1 / weight);
        weight = 1;
        task->before_step(loop->net, x, loop->i_step, loop->n_steps, task->payload);
    }
    const double length = length_of(x, n) / weight;
    scale(x, n, (clip > 0 && length > clip ? clip / length : 1) / weight);
    return length;
}

static double rate_at(const struct base_net_options *opt, int32_t i_step, int32_t n_steps)
{
    if (i_step < opt->n_warmup) {
        return opt->rate * (i_step + 1) / opt->n_warmup;
    }
    const double done = (double)(i_step - opt->n_warmup) / (n_steps - opt->n_warmup);
    const double wave = (1 + cos(acos(-1) * done)) / 2;
    return opt->rate * (opt->rate_end + (1 - opt->rate_end) * wave);
}

static void run_step(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    (void)worker;
    struct loop *loop = payload;
    for (int64_t t = begin; t < end; t++) {
        loop->is_failed[t] =
            ggml_backend_graph_compute(loop->graph[t].cpu, loop->step_graph[t]) !=
            GGML_STATUS_SUCCESS;
    }
}

static enum reel_status step(struct loop *loop, double rate, struct reel_error *err)
{
    const struct base_net_options *opt = loop->opt;
    const int n = loop->i_step + 1;
    for (int32_t p = 0; p < loop->net->n_params; p++) {
        const struct slot *slot = &loop->net->slot[p];
        const float setting[N_SETTINGS_ADAMW] = {
            (float)(rate * slot->rate_factor),
            (float)opt->beta1,
            (float)opt->beta2,
            1e-8F,
            slot->is_decayed ? (float)opt->decay : 0,
            (float)(1 / (1 - pow(opt->beta1, n))),
            (float)(1 / (1 - pow(opt->beta2, n))),
        };
        memcpy(loop->setting[p], setting, sizeof setting);
    }
    base_pool_run(loop->pool, opt->n_threads, 1, run_step, loop);
    for (int32_t t = 0; t < opt->n_threads; t++) {
        if (loop->is_failed[t]) {
            return fail(err, REEL_ENOMEM, "%s: no memory for a step", opt->stage);
        }
    }
    return REEL_OK;
}

// A tensor over `n` floats of a bank.
static struct ggml_tensor *piece(struct ggml_context *c, float *bank, size_t n)
{
    struct ggml_tensor *t = ggml_new_tensor_1d(c, GGML_TYPE_F32, (int64_t)n);
    t->data = bank;
    return t;
}

static size_t count_pieces(const struct base_net *net)
{
    size_t n = 0;
    for (int32_t p = 0; p < net->n_params; p++) {
        n += ((size_t)(net->slot[p].n_0 * net->slot[p].n_1) - 1) / N_PIECE_FLOATS + 1;
    }
    return n;
}

// A node for each piece of a parameter, dealt to the workers in turn: no node waits.
static bool step_graphs_make(struct loop *loop)
{
    const struct base_net *net = loop->net;
    const size_t n_threads = (size_t)loop->opt->n_threads, n = count_pieces(net);
    const size_t n_nodes =
        6 * (n / n_threads + 1) + (size_t)net->n_params; // leaves are counted with them
    loop->step_graph = base_alloc_zeroed(n_threads, sizeof(void *));
    loop->setting = base_alloc_array((size_t)net->n_params, sizeof *loop->setting);
    loop->step_ctx =
        make_context(&loop->step_memory, 5 * n + (size_t)net->n_params,
                     n_threads * (ggml_graph_overhead_custom(n_nodes, false) + 64));
    if (!loop->step_ctx || !loop->step_graph || !loop->setting) {
        return false;
    }
    for (size_t t = 0; t < n_threads; t++) {
        loop->step_graph[t] = ggml_new_graph_custom(loop->step_ctx, n_nodes, false);
    }
    float *const bank[] = {net->value, loop->graph[0].gradient_value, loop->moment[0],
                           loop->moment[1]};
    size_t i_piece = 0;
    for (int32_t p = 0; p < net->n_params; p++) {
        const struct slot *slot = &net->slot[p];
        const size_t n_floats = slot->is_fixed ? 0 : (size_t)(slot->n_0 * slot->n_1);
        struct ggml_tensor *setting =
            piece(loop->step_ctx, loop->setting[p], N_SETTINGS_ADAMW);
        for (size_t first = 0; first < n_floats; first += N_PIECE_FLOATS) {
            const size_t n_left = n_floats - first;
            struct ggml_tensor *x[4];
            for (int i = 0; i < 4; i++) {
                x[i] = piece(loop->step_ctx, bank[i] + slot->offset + first,
                             n_left < N_PIECE_FLOATS ? n_left : N_PIECE_FLOATS);
            }
            ggml_set_param(x[0]);
            ggml_build_forward_expand(
                loop->step_graph[i_piece++ % n_threads],
                ggml_opt_step_adamw(loop->step_ctx, x[0], x[1], x[2], x[3], setting));
        }
    }
    return true;
}

static enum reel_status judge(struct loop *loop, double *score, struct reel_error *err)
{
    const struct base_net_task *task = loop->task;
    if (task->measure) {
        return task->measure(loop->net, score, task->payload, err);
    }
    double loss = 0, weight = 0;
    const enum reel_status rc = run_batch(loop, loop->item + task->n_items, task->n_valid,
                                          false, &loss, &weight, err);
    *score = -loss / weight;
    return rc;
}

static void tell(const struct loop *loop, struct base_net_step step)
{
    if (loop->opt->told) {
        step.i_step = loop->i_step;
        step.n_steps = loop->n_steps;
        step.i_epoch = loop->i_epoch;
        loop->opt->told(&step, loop->opt->told_payload);
    }
}

static enum reel_status keep(struct loop *loop, const struct base_net_result *result,
                             bool is_last, struct reel_error *err)
{
    const struct base_net_state state = {
        .i_step = loop->i_step,
        .i_epoch = loop->i_epoch,
        .i_item = loop->first,
        .n_worse = loop->n_worse,
        .best_epoch = result->best_epoch,
        .round = loop->round,
        .sum_loss = loop->sum_loss,
        .sum_weight = loop->sum_weight,
        .loss = result->loss,
        .best_score = result->best_score,
        .n_floats = loop->net->n_floats,
        .value = loop->net->value,
        .moment = {loop->moment[0], loop->moment[1]},
        .best = loop->best,
        .is_last = is_last,
    };
    return loop->opt->keep ? loop->opt->keep(&state, loop->opt->keep_payload, err)
                           : REEL_OK;
}

static enum reel_status resume(struct loop *loop, struct base_net_result *result,
                               struct reel_error *err)
{
    const struct base_net_state *state = loop->opt->resume;
    const size_t n_bytes = loop->net->n_floats * sizeof(float);
    if (!state) {
        return REEL_OK;
    }
    if (state->n_floats != loop->net->n_floats || !state->value || !state->moment[0] ||
        !state->moment[1] || state->i_step < 0 || state->i_step > loop->n_steps ||
        state->i_epoch < 0 || state->i_epoch > loop->opt->n_epochs || state->i_item < 0 ||
        state->i_item > loop->task->n_items) {
        return fail(err, REEL_EINVAL,
                    "%s: cannot go on from step %d of epoch %d with %zu numbers: this "
                    "training has %d steps and %zu numbers",
                    loop->opt->stage, state->i_step, state->i_epoch, state->n_floats,
                    loop->n_steps, loop->net->n_floats);
    }
    memcpy(loop->net->value, state->value, n_bytes);
    memcpy(loop->moment[0], state->moment[0], n_bytes);
    memcpy(loop->moment[1], state->moment[1], n_bytes);
    if (loop->best && state->best) {
        memcpy(loop->best, state->best, n_bytes);
        result->best_score = state->best_score;
    }
    loop->i_step = state->i_step;
    loop->i_epoch = state->i_epoch;
    loop->first = state->i_item;
    loop->n_worse = state->n_worse;
    loop->round = state->round;
    loop->sum_loss = state->sum_loss;
    loop->sum_weight = state->sum_weight;
    result->loss = state->loss;
    result->best_epoch = state->best_epoch;
    return REEL_OK;
}

/** Judge now; `n_worse` counts judgements without a better one. */
static enum reel_status judge_now(struct loop *loop, struct base_net_result *result,
                                  struct reel_error *err)
{
    double score;
    const enum reel_status rc = judge(loop, &score, err);
    if (rc != REEL_OK) {
        return rc;
    }
    if (isnan(result->best_score) || score > result->best_score) {
        result->best_score = score;
        result->best_epoch = loop->i_epoch + 1;
        memcpy(loop->best, loop->net->value, loop->net->n_floats * sizeof(float));
        loop->n_worse = 0;
    } else {
        loop->n_worse++;
    }
    tell(loop, (struct base_net_step){.loss = result->loss, .score = score});
    return REEL_OK;
}

static bool is_patient(const struct loop *loop)
{
    return loop->opt->patience == 0 || loop->n_worse < loop->opt->patience;
}

/** Items of one batch, one step, and what is due after it. */
static enum reel_status run_round(struct loop *loop, struct base_net_result *result,
                                  struct reel_error *err)
{
    const struct base_net_task *task = loop->task;
    const struct base_net_options *opt = loop->opt;
    const int32_t n_left = task->n_items - loop->first;
    const int32_t n = n_left < task->n_batch ? n_left : task->n_batch;
    double loss, weight;
    enum reel_status rc =
        run_batch(loop, loop->item + loop->first, n, true, &loss, &weight, err);
    if (rc != REEL_OK) {
        return rc;
    }
    const double rate = rate_at(opt, loop->i_step, loop->n_steps);
    const double length = weight > 0 ? scale_gradient(loop, weight) : 0;
    if (!isfinite(length)) {
        return fail(err, REEL_EFAIL,
                    "%s: the gradient is no number any more; a smaller rate may help",
                    opt->stage);
    }
    rc = weight > 0 ? step(loop, rate, err) : REEL_OK;
    if (rc != REEL_OK) {
        return rc;
    }
    if (task->after_step) {
        task->after_step(loop->net, loop->i_step, loop->n_steps, task->payload);
    }
    loop->sum_loss += loss;
    loop->sum_weight += weight;
    loop->i_step++;
    loop->first += n;
    tell(loop, (struct base_net_step){.loss = loss / weight,
                                      .rate = rate,
                                      .gradient = length,
                                      .score = (double)NAN,
                                      .weight = weight});
    result->n_steps = loop->i_step;
    if (loop->best && opt->judge_steps > 0 && loop->i_step % opt->judge_steps == 0) {
        result->loss = loop->sum_loss / loop->sum_weight;
        rc = judge_now(loop, result, err);
    }
    return rc ? rc : keep(loop, result, false, err);
}

/** The rest of an epoch: from loop->first on. */
/** Does anybody want to stop? All ranks stop at the same step, or one would wait for ever. */
static enum reel_status ask_to_stop(const struct loop *loop, bool *is_stopped,
                                    struct reel_error *err)
{
    double n_stops = base_progress_report(&loop->opt->progress, loop->opt->stage,
                                          loop->i_step, loop->n_steps)
                         ? 0
                         : 1;
    const enum reel_status rc = sum_ranks(loop, NULL, &n_stops, 1, err);
    *is_stopped = n_stops > 0;
    return rc;
}

static enum reel_status run_epoch(struct loop *loop, struct base_net_result *result,
                                  struct reel_error *err)
{
    const struct base_net_options *opt = loop->opt;
    while (loop->first < loop->task->n_items && loop->i_step < loop->n_steps &&
           is_patient(loop)) {
        bool is_stopped;
        enum reel_status rc = ask_to_stop(loop, &is_stopped, err);
        if (rc != REEL_OK) {
            return rc;
        }
        if (is_stopped) {
            loop->is_cancelled = true;
            return fail(err, REEL_ECANCELLED, "%s stopped at step %d of %d", opt->stage,
                        loop->i_step, loop->n_steps);
        }
        rc = run_round(loop, result, err);
        if (rc != REEL_OK) {
            return rc;
        }
    }
    result->loss = loop->sum_loss / loop->sum_weight;
    result->n_epochs = loop->i_epoch + 1;
    result->best_epoch = loop->best ? result->best_epoch : loop->i_epoch + 1;
    const bool is_end =
        loop->i_epoch + 1 == opt->n_epochs || loop->i_step == loop->n_steps;
    const bool is_due =
        opt->judge_epochs > 0 && (loop->i_epoch + 1) % opt->judge_epochs == 0;
    const bool is_judged =
        opt->judge_steps > 0 && loop->i_step % opt->judge_steps == 0; // by the last step
    return loop->best && is_patient(loop) && !is_judged && (is_due || is_end)
               ? judge_now(loop, result, err)
               : REEL_OK;
}

// The order of an epoch follows from the orders before it.
static void shuffle(struct loop *loop, int32_t i_epoch)
{
    struct base_rng rng;
    base_rng_init(&rng, loop->opt->seed, (uint64_t)i_epoch << 40);
    base_rng_shuffle(&rng, loop->item, loop->task->n_items);
}

static enum reel_status run_epochs(struct loop *loop, struct base_net_result *result,
                                   struct reel_error *err)
{
    enum reel_status rc = resume(loop, result, err);
    for (int32_t e = 0; rc == REEL_OK && e < loop->i_epoch; e++) {
        shuffle(loop, e);
    }
    while (rc == REEL_OK && loop->i_epoch < loop->opt->n_epochs &&
           loop->i_step < loop->n_steps && is_patient(loop)) {
        shuffle(loop, loop->i_epoch);
        rc = run_epoch(loop, result, err);
        if (rc == REEL_OK) {
            loop->i_epoch++;
            loop->first = 0;
            loop->sum_loss = loop->sum_weight = 0;
        }
    }
    if (rc == REEL_OK || loop->is_cancelled) {
        const enum reel_status kept = keep(loop, result, true, err);
        rc = kept ? kept : rc;
    }
    return rc;
}

static bool is_judging(const struct base_net_options *opt)
{
    return opt->judge_epochs > 0 || opt->judge_steps > 0;
}

static enum reel_status check_task(const struct base_net_task *task,
                                   const struct base_net_options *opt,
                                   struct reel_error *err)
{
    if (task->n_items < 1 || task->n_valid < 0 || task->n_batch < 1 || task->n_part < 1) {
        return fail(err, REEL_EINVAL, "%s: %d items and %d to judge on, %d a batch of %d",
                    opt->stage, task->n_items, task->n_valid, task->n_batch,
                    task->n_part);
    }
    if (opt->n_epochs < 0 || opt->n_threads < 1 || !(opt->rate >= 0) ||
        opt->n_steps < 0 || opt->judge_epochs < 0 || opt->judge_steps < 0 ||
        (is_judging(opt) && !task->measure && task->n_valid == 0)) {
        return fail(err, REEL_EINVAL,
                    "%s: %d epochs, %d threads, rate %g, judged after %d epochs",
                    opt->stage, opt->n_epochs, opt->n_threads, opt->rate,
                    opt->judge_epochs);
    }
    return REEL_OK;
}

static bool loop_make(struct loop *loop)
{
    const struct base_net_task *task = loop->task;
    const size_t n_threads = (size_t)loop->opt->n_threads, n = loop->net->n_floats;
    const int32_t n_items = task->n_items + task->n_valid;
    loop->item = base_alloc_array((size_t)n_items, sizeof *loop->item);
    loop->is_failed = base_alloc_zeroed(n_threads, sizeof *loop->is_failed);
    loop->graph = base_alloc_zeroed(n_threads, sizeof *loop->graph);
    for (int i = 0; i < 2; i++) {
        loop->moment[i] = base_alloc_aligned(n + N_ALIGN_FLOATS, sizeof(float));
        if (loop->moment[i]) {
            memset(loop->moment[i], 0, n * sizeof(float));
        }
    }
    if (is_judging(loop->opt)) {
        loop->best = base_alloc_array(n, sizeof(float));
    }
    if (!loop->item || !loop->is_failed || !loop->graph || !loop->moment[0] ||
        !loop->moment[1] || (is_judging(loop->opt) && !loop->best)) {
        return false;
    }
    for (int32_t i = 0; i < n_items; i++) {
        loop->item[i] = i;
    }
    for (size_t t = 0; t < n_threads; t++) {
        if (!(task->direct ? direct_make(&loop->graph[t], loop->net)
                           : graph_make(&loop->graph[t], loop->net, true))) {
            return false;
        }
    }
    return step_graphs_make(loop);
}

static void loop_release(struct loop *loop)
{
    for (int32_t t = 0; loop->graph && t < loop->opt->n_threads; t++) {
        graph_release(&loop->graph[t]);
    }
    for (int i = 0; i < 2; i++) {
        base_free(loop->moment[i]);
    }
    ggml_free(loop->step_ctx);
    base_free(loop->step_memory);
    base_free(loop->step_graph);
    base_free(loop->setting);
    base_free(loop->graph);
    base_free(loop->is_failed);
    base_free(loop->item);
    base_free(loop->best);
    base_pool_free(loop->pool);
}

enum reel_status base_net_train(struct base_net *net, const struct base_net_task *task,
                                const struct base_net_options *opt,
                                struct base_net_result *result, struct reel_error *err)
{
    *result = (struct base_net_result){.loss = (double)NAN, .best_score = (double)NAN};
    enum reel_status rc = check_task(task, opt, err);
    if (rc != REEL_OK) {
        return rc;
    }
    struct loop loop = {.net = net, .task = task, .opt = opt};
    loop.n_steps = opt->n_epochs * ((task->n_items + task->n_batch - 1) / task->n_batch);
    if (opt->n_steps > 0 && opt->n_steps < loop.n_steps) {
        loop.n_steps = opt->n_steps;
    }
    base_linalg_threads(1);
    rc = base_pool_create(opt->n_threads, &loop.pool, err);
    if (rc == REEL_OK && !loop_make(&loop)) {
        rc = fail(err, REEL_ENOMEM, "%s: training %zu numbers in %d threads", opt->stage,
                  net->n_floats, opt->n_threads);
    }
    rc = rc ? rc : run_epochs(&loop, result, err);
    if (rc == REEL_OK && loop.best && !isnan(result->best_score)) {
        memcpy(net->value, loop.best, net->n_floats * sizeof(float));
    }
    loop_release(&loop);
    return rc;
}

enum reel_status base_net_run(const struct base_net *net,
                              struct ggml_tensor *(*build)(struct base_net_graph *g,
                                                           void *payload),
                              void *payload, float *out, size_t n_out,
                              struct reel_error *err)
{
    struct base_net_graph *g = base_alloc_zeroed(1, sizeof *g);
    enum reel_status rc = REEL_OK;
    if (!g || !graph_make(g, net, false)) {
        rc = fail(err, REEL_ENOMEM, "running a net of %zu numbers", net->n_floats);
        goto done;
    }
    graph_begin(g);
    struct ggml_tensor *y = build(g, payload);
    if (!y || (size_t)ggml_nelements(y) != n_out) {
        rc = fail(err, REEL_EINVAL, "the net gives %zu numbers, not %zu",
                  y ? (size_t)ggml_nelements(y) : 0, n_out);
        goto done;
    }
    ggml_set_output(y);
    struct ggml_cgraph *graph = ggml_new_graph_custom(g->ctx, N_NODES_MAX, false);
    ggml_build_forward_expand(graph, y);
    if (!graph_compute(g, graph, NULL, 0)) {
        rc = fail(err, REEL_ENOMEM, "no memory to run a net of %zu numbers",
                  net->n_floats);
        goto done;
    }
    memcpy(out, y->data, n_out * sizeof *out);
done:
    if (g) {
        graph_release(g);
    }
    base_free(g);
    return rc;
}
