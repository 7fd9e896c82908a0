/** What was learnt beside a decoder as a GGUF file; see lm_adapter.h. */
#include "base_alloc.h"
#include "base_error.h"
#include "lm_adapter.h"
#include "lm_gguf.h"

#include <stdio.h>
#include <string.h>

/* ---- writing ---- */

/** The tensors of a file, in memory. */
struct tensors {
    struct ggml_context *ctx;
    struct gguf_context *meta;
    void *memory;
};

static float *add_tensor(struct tensors *tensors, const char *name, int64_t n_0,
                         int64_t n_1)
{
    struct ggml_tensor *t =
        n_1 > 1 ? ggml_new_tensor_2d(tensors->ctx, GGML_TYPE_F32, n_0, n_1)
                : ggml_new_tensor_1d(tensors->ctx, GGML_TYPE_F32, n_0);
    ggml_set_name(t, name);
    gguf_add_tensor(tensors->meta, t);
    return t->data;
}

/** llama.cpp wants two dimensions even of one row. */
static float *add_matrix(struct tensors *tensors, const char *name, int64_t n_0,
                         int64_t n_1)
{
    struct ggml_tensor *t = ggml_new_tensor_2d(tensors->ctx, GGML_TYPE_F32, n_0, n_1);
    ggml_set_name(t, name);
    gguf_add_tensor(tensors->meta, t);
    return t->data;
}

/** Additions as llama.cpp reads them; of singular values only those that are not 0. */
static void add_low_rank(struct tensors *tensors, const struct base_net *net,
                         const struct lm_tensor *t, const struct lm_low_rank *low)
{
    const float *a = base_net_values(net, low->a), *b = base_net_values(net, low->b);
    const float *value = low->value >= 0 ? base_net_values(net, low->value) : NULL;
    int32_t n_kept = 0, i_kept = 0;
    for (int32_t r = 0; r < low->rank; r++) {
        n_kept += !value || value[r] != 0;
    }
    if (n_kept == 0) {
        return;
    }
    char name[64];
    snprintf(name, sizeof name, "%s.lora_a", t->name);
    float *a_out = add_matrix(tensors, name, t->n_0, n_kept);
    snprintf(name, sizeof name, "%s.lora_b", t->name);
    float *b_out = add_matrix(tensors, name, n_kept, t->n_1);
    for (int32_t r = 0; r < low->rank; r++) {
        if (value && value[r] == 0) {
            continue;
        }
        memcpy(a_out + i_kept * t->n_0, a + r * t->n_0, (size_t)t->n_0 * sizeof *a);
        for (int64_t row = 0; row < t->n_1; row++) {
            // With singular values the whole scale is in b, and alpha is 0.
            b_out[row * n_kept + i_kept] =
                b[row * low->rank + r] * (value ? value[r] * low->scale : 1);
        }
        i_kept++;
    }
}

static void add_copy(struct tensors *tensors, const struct base_net *net, int32_t i_layer,
                     const char *part, const char *name, int32_t i_param, int64_t n_0,
                     int64_t n_1)
{
    char full[64];
    snprintf(full, sizeof full, "blk.%d.%s.%s", i_layer, part, name);
    float *to =
        n_1 > 1 ? add_matrix(tensors, full, n_0, n_1) : add_tensor(tensors, full, n_0, 1);
    memcpy(to, base_net_values(net, i_param), (size_t)(n_0 * n_1) * sizeof *to);
}

static void add_bottleneck(struct tensors *tensors, const struct base_net *net,
                           int32_t i_layer, const char *part,
                           const struct lm_bottleneck *b, int64_t width)
{
    add_copy(tensors, net, i_layer, part, "down", b->down, width, b->n);
    add_copy(tensors, net, i_layer, part, "down_bias", b->down_bias, b->n, 1);
    add_copy(tensors, net, i_layer, part, "up", b->up, b->n, width);
    add_copy(tensors, net, i_layer, part, "up_bias", b->up_bias, width, 1);
}

static enum reel_status add_prefix(struct tensors *tensors,
                                   const struct lm_adapter *adapter,
                                   const struct lm_decoder_shape *s,
                                   struct reel_error *err)
{
    const int32_t key_width = s->n_groups * s->n_head_width, n = adapter->plan.n_prefix;
    const size_t n_part = (size_t)n * (size_t)key_width;
    float *all = base_alloc_array(lm_prefix_floats(adapter) + lm_prefix_scratch(adapter),
                                  sizeof *all);
    if (!all) {
        return fail(err, REEL_ENOMEM, "a prefix of %d", n);
    }
    lm_prefix_forward(adapter, key_width, all + lm_prefix_floats(adapter), all);
    for (int32_t i = 0; i < 2 * s->n_layers; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%d.prefix_%c", i / 2, i % 2 == 0 ? 'k' : 'v');
        memcpy(add_matrix(tensors, name, key_width, n), all + (size_t)i * n_part,
               n_part * sizeof *all);
    }
    base_free(all);
    return REEL_OK;
}

static enum reel_status add_all(struct tensors *tensors, const struct lm_adapter *adapter,
                                const struct lm_decoder *d, struct reel_error *err)
{
    const struct base_net *net = adapter->net;
    if (adapter->plan.method == REEL_LM_METHOD_PREFIX) {
        return add_prefix(tensors, adapter, &d->shape, err);
    }
    for (int32_t i = 0; i < d->shape.n_layers; i++) {
        const struct lm_layer *layer = &d->layer[i];
        for (int m = 0; m < LM_N_MATRICES; m++) {
            if (layer->low_rank[m].a >= 0) {
                add_low_rank(tensors, net, &layer->matrix[m], &layer->low_rank[m]);
            }
        }
        if (adapter->plan.method == REEL_LM_METHOD_ADAPTER) {
            add_bottleneck(tensors, net, i, "after_attn", &layer->after_attention,
                           d->shape.n_width);
            add_bottleneck(tensors, net, i, "after_ffn", &layer->after_ffn,
                           d->shape.n_width);
        }
    }
    return REEL_OK;
}

static void set_keys(struct gguf_context *meta, const struct lm_adapter *adapter,
                     const struct lm_decoder *d)
{
    const enum reel_lm_method method = adapter->plan.method;
    gguf_set_val_str(meta, "general.type", "adapter");
    gguf_set_val_str(meta, "general.architecture", d->shape.architecture);
    gguf_set_val_u32(meta, "general.file_type", 0);
    gguf_set_val_str(meta, "adapter.type",
                     method == REEL_LM_METHOD_ADAPTER  ? "bottleneck"
                     : method == REEL_LM_METHOD_PREFIX ? "prefix"
                                                       : "lora");
    if (method == REEL_LM_METHOD_LORA || method == REEL_LM_METHOD_ADALORA) {
        gguf_set_val_f32(meta, "adapter.lora.alpha",
                         method == REEL_LM_METHOD_LORA
                             ? (float)(adapter->plan.scale * adapter->plan.rank)
                             : 0);
    }
    gguf_set_val_u32(meta, "adapter.base.block_count", (uint32_t)d->shape.n_layers);
    gguf_set_val_u32(meta, "adapter.base.embedding_length", (uint32_t)d->shape.n_width);
    gguf_set_val_u32(meta, "adapter.base.vocab_size", (uint32_t)d->shape.n_vocabulary);
}

static enum reel_status write_tensors(const char *path, const struct tensors *tensors,
                                      struct reel_error *err)
{
    static const char zeros[64];
    struct base_file_writer file;
    const size_t n_meta = gguf_get_meta_size(tensors->meta);
    const size_t align = gguf_get_alignment(tensors->meta);
    char *head = base_alloc(n_meta);
    enum reel_status rc = head ? base_file_writer_open(&file, path, err)
                               : fail(err, REEL_ENOMEM, "%s: out of memory", path);
    if (rc == REEL_OK) {
        gguf_get_meta_data(tensors->meta, head);
        (void)fwrite(head, 1, n_meta, file.out);
        for (struct ggml_tensor *t = ggml_get_first_tensor(tensors->ctx); t;
             t = ggml_get_next_tensor(tensors->ctx, t)) {
            const size_t n = ggml_nbytes(t);
            (void)fwrite(t->data, 1, n, file.out);
            (void)fwrite(zeros, 1, (align - n % align) % align, file.out);
        }
        rc = base_file_writer_close(&file, err);
    }
    base_free(head);
    return rc;
}

enum reel_status lm_adapter_save(const char *path, const struct lm_adapter *adapter,
                                 struct lm_decoder *decoder, struct reel_error *err)
{
    const size_t n_tensors = (size_t)decoder->shape.n_layers * 2 * LM_N_MATRICES + 8;
    const size_t n_bytes = (size_t)lm_adapter_n_kept(adapter, decoder) * sizeof(float) +
                           n_tensors * (ggml_tensor_overhead() + 64);
    struct tensors tensors = {.memory = base_alloc_aligned(n_bytes, 1)};
    tensors.ctx =
        tensors.memory
            ? ggml_init((struct ggml_init_params){n_bytes, tensors.memory, false})
            : NULL;
    tensors.meta = gguf_init_empty();
    enum reel_status rc = tensors.ctx && tensors.meta
                              ? REEL_OK
                              : fail(err, REEL_ENOMEM, "%s: out of memory", path);
    if (rc == REEL_OK) {
        set_keys(tensors.meta, adapter, decoder);
        rc = add_all(&tensors, adapter, decoder, err);
    }
    rc = rc ? rc : write_tensors(path, &tensors, err);
    gguf_free(tensors.meta);
    ggml_free(tensors.ctx);
    base_free(tensors.memory);
    return rc;
}

/* ---- reading a LoRA to begin with ---- */

static enum reel_status read_tensor(const struct lm_gguf *file, const char *path,
                                    const char *name, int64_t n_0, int64_t n_1,
                                    float *out, struct reel_error *err)
{
    const int64_t id = gguf_find_tensor(file->header, name);
    if (id < 0) {
        return fail(err, REEL_EFORMAT, "%s: has no tensor %s", path, name);
    }
    const int64_t *ne = gguf_get_tensor_ne(file->header, id);
    if (ne[0] != n_0 || ne[1] != n_1 || ne[2] != 1 || ne[3] != 1 ||
        gguf_get_tensor_type(file->header, id) != GGML_TYPE_F32) {
        return fail(err, REEL_EFORMAT,
                    "%s: tensor %s is %lld x %lld of %s, not %lld x %lld of f32", path,
                    name, (long long)ne[1], (long long)ne[0],
                    ggml_type_name(gguf_get_tensor_type(file->header, id)),
                    (long long)n_1, (long long)n_0);
    }
    memcpy(out, lm_gguf_data(file, id), (size_t)(n_0 * n_1) * sizeof *out);
    return REEL_OK;
}

enum reel_status lm_adapter_load_lora(const char *path, const struct lm_adapter *adapter,
                                      const struct lm_decoder *d, struct reel_error *err)
{
    struct lm_gguf file;
    char type[32] = "", name[64];
    enum reel_status rc = lm_gguf_open(&file, path, err);
    if (rc != REEL_OK) {
        return rc;
    }
    lm_gguf_text(&file, "adapter.type", type, sizeof type);
    if (strcmp(type, "lora") != 0) {
        rc = fail(err, REEL_EFORMAT, "%s: is no LoRA", path);
    }
    for (int32_t i = 0; rc == REEL_OK && i < d->shape.n_layers; i++) {
        for (int m = 0; rc == REEL_OK && m < LM_N_MATRICES; m++) {
            const struct lm_tensor *t = &d->layer[i].matrix[m];
            const struct lm_low_rank *low = &d->layer[i].low_rank[m];
            if (low->a < 0) {
                continue;
            }
            snprintf(name, sizeof name, "%s.lora_a", t->name);
            rc = read_tensor(&file, path, name, t->n_0, low->rank,
                             base_net_values(adapter->net, low->a), err);
            snprintf(name, sizeof name, "%s.lora_b", t->name);
            rc = rc ? rc
                    : read_tensor(&file, path, name, low->rank, t->n_1,
                                  base_net_values(adapter->net, low->b), err);
        }
    }
    lm_gguf_close(&file);
    return rc;
}
