/** See lm_adapter.h. */
#include "lm_adapter.h"
#include "base_alloc.h"
#include "base_error.h"
#include "base_linalg.h"
#include "lm_gguf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const method_names[] = {"full", "lora", "adalora", "adapter",
                                           "prefix"};

const char *reel_lm_method_name(enum reel_lm_method method)
{
    return method >= REEL_LM_METHOD_FULL && method <= REEL_LM_METHOD_PREFIX
               ? method_names[method - REEL_LM_METHOD_FULL]
               : NULL;
}

enum reel_lm_method reel_lm_method_of(const char *name)
{
    for (int m = REEL_LM_METHOD_FULL; m <= REEL_LM_METHOD_PREFIX; m++) {
        if (strcmp(name, method_names[m - REEL_LM_METHOD_FULL]) == 0) {
            return (enum reel_lm_method)m;
        }
    }
    return (enum reel_lm_method)0;
}

static const char *const target_names[LM_N_MATRICES] = {"q",    "k",  "v",   "o",
                                                        "gate", "up", "down"};

enum reel_status lm_adapter_targets(const char *targets, struct lm_adapter_plan *plan,
                                    struct reel_error *err)
{
    const bool is_all = strcmp(targets, "all") == 0;
    for (int m = 0; m < LM_N_MATRICES; m++) {
        plan->is_target[m] = is_all;
    }
    for (const char *at = targets; !is_all && *at;) {
        const size_t n = strcspn(at, ",");
        int m = 0;
        while (m < LM_N_MATRICES &&
               (strlen(target_names[m]) != n || memcmp(at, target_names[m], n) != 0)) {
            m++;
        }
        if (m == LM_N_MATRICES) {
            return fail(err, REEL_EINVAL,
                        "no matrix is called %.*s; there are q, k, v, o, gate, up, down",
                        (int)(n < 40 ? n : 40), at);
        }
        plan->is_target[m] = true;
        at += n + (at[n] == ',');
    }
    return REEL_OK;
}

/* ---- parameters ---- */

struct list {
    struct base_net_param *param; /* NULL: only counted */
    int32_t n;
};

static int32_t put(struct list *list, const char *name, int64_t n_0, int64_t n_1,
                   double sd, bool is_decayed)
{
    if (list->param) {
        list->param[list->n] = (struct base_net_param){
            .name = name, .n_0 = n_0, .n_1 = n_1, .sd = sd, .is_decayed = is_decayed};
    }
    return list->n++;
}

static bool is_low_rank(const struct lm_adapter_plan *plan)
{
    return plan->method == REEL_LM_METHOD_LORA || plan->method == REEL_LM_METHOD_ADALORA;
}

static void list_low_rank(struct list *list, const struct lm_adapter_plan *plan,
                          struct lm_layer *layer)
{
    const bool is_svd = plan->method == REEL_LM_METHOD_ADALORA;
    for (int m = 0; m < LM_N_MATRICES; m++) {
        if (!plan->is_target[m]) {
            continue;
        }
        const struct lm_tensor *t = &layer->matrix[m];
        const double sd = 1 / sqrt((is_svd ? 1.0 : 3.0) * (double)t->n_0);
        layer->low_rank[m] = (struct lm_low_rank){
            .a = put(list, "lora_a", t->n_0, plan->rank, sd, true),
            .b = put(list, "lora_b", plan->rank, t->n_1,
                     is_svd ? 1 / sqrt((double)t->n_1) : 0, true),
            .value = is_svd ? put(list, "value", plan->rank, 1, 0, true) : -1,
            .rank = plan->rank,
            .scale = (float)plan->scale,
        };
    }
}

static struct lm_bottleneck list_bottleneck(struct list *list, int32_t n, int64_t width)
{
    return (struct lm_bottleneck){
        .down = put(list, "down", width, n, 1 / sqrt((double)width), true),
        .down_bias = put(list, "down_bias", n, 1, 0, false),
        .up = put(list, "up", n, width, 0, true),
        .up_bias = put(list, "up_bias", width, 1, 0, false),
        .n = n,
    };
}

static struct lm_prefix list_prefix(struct list *list, const struct lm_adapter_plan *plan,
                                    const struct lm_decoder_shape *s)
{
    struct lm_prefix p = {.in = -1, .in_bias = -1, .out = -1, .out_bias = -1};
    p.n = plan->n_prefix;
    p.n_hidden = plan->n_hidden;
    p.n_out = s->n_layers * 2 * s->n_groups * s->n_head_width;
    p.n_place = plan->n_hidden > 0 ? s->n_width : p.n_out;
    p.place = put(list, "place", p.n_place, p.n, plan->n_hidden > 0 ? 1 : 0.1, false);
    if (plan->n_hidden > 0) {
        p.in = put(list, "in", p.n_place, p.n_hidden, 1 / sqrt((double)p.n_place), true);
        p.in_bias = put(list, "in_bias", p.n_hidden, 1, 0, false);
        p.out =
            put(list, "out", p.n_hidden, p.n_out, 0.1 / sqrt((double)p.n_hidden), true);
        p.out_bias = put(list, "out_bias", p.n_out, 1, 0, false);
    }
    return p;
}

static void list_all(struct list *list, struct lm_decoder *d, struct lm_adapter *adapter)
{
    const struct lm_adapter_plan *plan = &adapter->plan;
    list->n = 0;
    if (plan->method == REEL_LM_METHOD_PREFIX) {
        adapter->prefix = list_prefix(list, plan, &d->shape);
        d->n_prefix = plan->n_prefix;
        return;
    }
    for (int32_t i = 0; i < d->shape.n_layers; i++) {
        struct lm_layer *layer = &d->layer[i];
        if (is_low_rank(plan)) {
            list_low_rank(list, plan, layer);
        } else {
            layer->after_attention = list_bottleneck(list, plan->rank, d->shape.n_width);
            layer->after_ffn = list_bottleneck(list, plan->rank, d->shape.n_width);
        }
    }
}

enum reel_status lm_adapter_attach(struct lm_decoder *decoder,
                                   const struct lm_adapter_plan *plan, uint64_t seed,
                                   struct lm_adapter *adapter, struct reel_error *err)
{
    struct list list = {0};
    *adapter = (struct lm_adapter){.plan = *plan};
    list_all(&list, decoder, adapter);
    if (list.n == 0) {
        return fail(err, REEL_EINVAL, "there is no matrix to add to");
    }
    list.param = base_alloc_zeroed((size_t)list.n, sizeof *list.param);
    if (!list.param) {
        return fail(err, REEL_ENOMEM, "%d parameters", list.n);
    }
    list_all(&list, decoder, adapter);
    const enum reel_status rc =
        base_net_create(list.param, list.n, seed, &adapter->net, err);
    base_free(list.param);
    return rc;
}

void lm_adapter_release(struct lm_adapter *adapter)
{
    base_net_free(adapter->net);
    adapter->net = NULL;
}

static int64_t low_rank_numbers(const struct lm_adapter *adapter,
                                const struct lm_decoder *d)
{
    int64_t n = 0;
    for (int m = 0; m < LM_N_MATRICES; m++) {
        const struct lm_tensor *t = &d->layer[0].matrix[m];
        n += adapter->plan.is_target[m] ? t->n_0 + t->n_1 : 0;
    }
    return n * adapter->plan.rank * d->shape.n_layers;
}

int64_t lm_adapter_n_kept(const struct lm_adapter *adapter, const struct lm_decoder *d)
{
    const int64_t width = d->shape.n_width;
    switch (adapter->plan.method) {
    case REEL_LM_METHOD_ADAPTER:
        return 2 * d->shape.n_layers *
               (2 * width * adapter->plan.rank + adapter->plan.rank + width);
    case REEL_LM_METHOD_PREFIX:
        return (int64_t)adapter->prefix.n * adapter->prefix.n_out;
    default:
        return low_rank_numbers(adapter, d);
    }
}

int64_t lm_adapter_n_learnt(const struct lm_adapter *adapter, const struct lm_decoder *d)
{
    const struct lm_prefix *p = &adapter->prefix;
    if (adapter->plan.method == REEL_LM_METHOD_PREFIX && p->n_hidden > 0) {
        return (int64_t)p->n * p->n_place + (int64_t)(p->n_place + 1) * p->n_hidden +
               (int64_t)(p->n_hidden + 1) * p->n_out;
    }
    int64_t values = 0;
    for (int m = 0; m < LM_N_MATRICES; m++) {
        values += adapter->plan.is_target[m] ? adapter->plan.rank : 0;
    }
    return lm_adapter_n_kept(adapter, d) + (adapter->plan.method == REEL_LM_METHOD_ADALORA
                                                ? values * d->shape.n_layers
                                                : 0);
}

/* ---- prefix ---- */

size_t lm_prefix_floats(const struct lm_adapter *adapter)
{
    return (size_t)adapter->prefix.n * (size_t)adapter->prefix.n_out;
}

/**
 * Rows (n_prefix, n_layers, 2, key width) as the perceptron gives them, against what the pass
 * reads: (n_layers, 2, n_prefix, key width).
 */
static void turn(const struct lm_adapter *adapter, int32_t key_width, const float *from,
                 float *to, bool is_back)
{
    const int64_t n = adapter->prefix.n, n_parts = adapter->prefix.n_out / key_width;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t part = 0; part < n_parts; part++) {
            const int64_t rows = (i * n_parts + part) * key_width,
                          parts = (part * n + i) * key_width;
            memcpy(to + (is_back ? rows : parts), from + (is_back ? parts : rows),
                   (size_t)key_width * sizeof *to);
        }
    }
}

static float *prefix_value(const struct lm_adapter *adapter, int32_t i_param)
{
    return base_net_values(adapter->net, i_param);
}

void lm_prefix_forward(const struct lm_adapter *adapter, int32_t key_width,
                       float *scratch, float *out)
{
    const struct lm_prefix *p = &adapter->prefix;
    const size_t n = (size_t)p->n, hidden = (size_t)p->n_hidden,
                 place = (size_t)p->n_place, width = (size_t)p->n_out;
    if (p->n_hidden == 0) {
        turn(adapter, key_width, prefix_value(adapter, p->place), out, false);
        return;
    }
    float *h = scratch, *rows = scratch + n * hidden;
    base_gemm_nt(h, prefix_value(adapter, p->place), prefix_value(adapter, p->in), n,
                 hidden, place, hidden, place, place, 1, 0);
    for (size_t i = 0; i < n * hidden; i++) {
        h[i] = tanhf(h[i] + prefix_value(adapter, p->in_bias)[i % hidden]);
    }
    base_gemm_nt(rows, h, prefix_value(adapter, p->out), n, width, hidden, width, hidden,
                 hidden, 1, 0);
    for (size_t i = 0; i < n * width; i++) {
        rows[i] += prefix_value(adapter, p->out_bias)[i % width];
    }
    turn(adapter, key_width, rows, out, false);
}

void lm_prefix_backward(const struct lm_adapter *adapter, int32_t key_width,
                        const float *dout, float *scratch, float *gradient)
{
    const struct lm_prefix *p = &adapter->prefix;
    const size_t n = (size_t)p->n, hidden = (size_t)p->n_hidden,
                 place = (size_t)p->n_place, width = (size_t)p->n_out;
    float *const dplace = gradient + base_net_offset(adapter->net, p->place);
    if (p->n_hidden == 0) {
        turn(adapter, key_width, dout, scratch, true);
        for (size_t i = 0; i < n * width; i++) {
            dplace[i] += scratch[i];
        }
        return;
    }
    float *h = scratch, *rows = scratch + n * hidden, *dh = rows + n * width;
    float *const din = gradient + base_net_offset(adapter->net, p->in);
    float *const din_bias = gradient + base_net_offset(adapter->net, p->in_bias);
    float *const dw = gradient + base_net_offset(adapter->net, p->out);
    float *const dw_bias = gradient + base_net_offset(adapter->net, p->out_bias);
    turn(adapter, key_width, dout, rows, true);
    base_gemm_tn(dw, rows, h, width, hidden, n, hidden, width, hidden, 1, 1);
    for (size_t i = 0; i < n * width; i++) {
        dw_bias[i % width] += rows[i];
    }
    base_gemm_nn(dh, rows, prefix_value(adapter, p->out), n, hidden, width, hidden, width,
                 hidden, 1, 0);
    for (size_t i = 0; i < n * hidden; i++) {
        dh[i] *= 1 - h[i] * h[i];
        din_bias[i % hidden] += dh[i];
    }
    base_gemm_tn(din, dh, prefix_value(adapter, p->place), hidden, place, n, place,
                 hidden, place, 1, 1);
    base_gemm_nn(dplace, dh, prefix_value(adapter, p->in), n, place, hidden, place,
                 hidden, place, 1, 1);
}

size_t lm_prefix_scratch(const struct lm_adapter *adapter)
{
    const struct lm_prefix *p = &adapter->prefix;
    return (size_t)p->n * (2 * (size_t)p->n_hidden + (size_t)p->n_out);
}
