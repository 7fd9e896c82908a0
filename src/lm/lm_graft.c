/** See lm_graft.h. */
#include "lm_graft.h"
#include "base_alloc.h"
#include "base_error.h"
#include "base_linalg.h"
#include "lm_gguf.h"
#include "lm_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_LAYERS_MAX = 1024, N_WIDEST = 65536, N_HALVES = 2 };

enum kind { KIND_LORA = 1, KIND_BOTTLENECK, KIND_PREFIX };

/** Where the numbers of one half of a layer lie in the file. */
struct bottleneck {
    const float *down, *down_bias, *up, *up_bias;
};

struct layer {
    struct bottleneck half[N_HALVES]; /* after attention, after the feed-forward part */
    const float *key, *value;         /* (n_prefix, key_width) */
};

struct lm_graft {
    enum kind kind;
    struct lm_gguf file;
    char architecture[32], path[1024];
    struct layer *layer; /* (n_layers) */
    int32_t n_layers, width, n_narrow, n_prefix, key_width;
    const struct ggml_tensor *position; /* (n_tokens) of the batch at hand */
    float *scratch;                     /* (n_scratch) */
    size_t n_scratch;
    bool is_out_of_memory;
    struct llama_adapter_lora *lora; /* llama.cpp frees it with the model */
};

/* ---- opening ---- */

static enum reel_status find(struct lm_graft *g, int32_t i_layer, const char *name,
                             int64_t n_0, int64_t n_1, const float **out,
                             struct reel_error *err)
{
    char full[64];
    (void)snprintf(full, sizeof full, "blk.%d.%s", i_layer, name);
    const int64_t id = gguf_find_tensor(g->file.header, full);
    if (id < 0) {
        return fail(err, REEL_EFORMAT, "%s: has no tensor %s", g->path, full);
    }
    const int64_t *ne = gguf_get_tensor_ne(g->file.header, id);
    if (ne[0] != n_0 || ne[1] != n_1 || ne[2] != 1 || ne[3] != 1 ||
        gguf_get_tensor_type(g->file.header, id) != GGML_TYPE_F32) {
        return fail(err, REEL_EFORMAT,
                    "%s: tensor %s is %lld x %lld, not %lld x %lld of f32", g->path, full,
                    (long long)ne[1], (long long)ne[0], (long long)n_1, (long long)n_0);
    }
    *out = lm_gguf_data(&g->file, id);
    return (uintptr_t)*out % sizeof(float) == 0
               ? REEL_OK
               : fail(err, REEL_EFORMAT, "%s: tensor %s is not aligned", g->path, full);
}

/** Rows of a tensor of the first layer; 0 where there is none. */
static int32_t count_rows(const struct lm_graft *g, const char *name)
{
    const int64_t id = gguf_find_tensor(g->file.header, name);
    const int64_t n = id < 0 ? 0 : gguf_get_tensor_ne(g->file.header, id)[1];
    return n > 0 && n <= N_WIDEST ? (int32_t)n : 0;
}

static enum reel_status find_bottlenecks(struct lm_graft *g, struct reel_error *err)
{
    static const char *const part[N_HALVES] = {"after_attn", "after_ffn"};
    g->n_narrow = count_rows(g, "blk.0.after_attn.down");
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < g->n_layers * N_HALVES; i++) {
        struct bottleneck *b = &g->layer[i / 2].half[i % 2];
        const struct {
            const char *name;
            int64_t n_0, n_1;
            const float **out;
        } tensors[] = {{"down", g->width, g->n_narrow, &b->down},
                       {"down_bias", g->n_narrow, 1, &b->down_bias},
                       {"up", g->n_narrow, g->width, &b->up},
                       {"up_bias", g->width, 1, &b->up_bias}};
        for (size_t t = 0; rc == REEL_OK && t < sizeof tensors / sizeof *tensors; t++) {
            char name[32];
            (void)snprintf(name, sizeof name, "%s.%s", part[i % 2], tensors[t].name);
            rc =
                find(g, i / 2, name, tensors[t].n_0, tensors[t].n_1, tensors[t].out, err);
        }
    }
    return rc;
}

static enum reel_status find_prefix(struct lm_graft *g, const struct llama_model *model,
                                    struct reel_error *err)
{
    char key[96], text[32] = "";
    (void)snprintf(key, sizeof key, "%s.attention.key_length", g->architecture);
    const int32_t n_heads = llama_model_n_head(model),
                  n_groups = llama_model_n_head_kv(model);
    int32_t head_width = n_heads > 0 ? g->width / n_heads : 0;
    if (llama_model_meta_val_str(model, key, text, sizeof text) > 0) {
        head_width = (int32_t)strtol(text, NULL, 10);
    }
    g->key_width = head_width * n_groups;
    g->n_prefix = count_rows(g, "blk.0.prefix_k");
    enum reel_status rc =
        g->n_prefix > 0
            ? REEL_OK
            : fail(err, REEL_EFORMAT, "%s: has no tensor blk.0.prefix_k", g->path);
    for (int32_t i = 0; rc == REEL_OK && i < g->n_layers; i++) {
        rc = find(g, i, "prefix_k", g->key_width, g->n_prefix, &g->layer[i].key, err);
        rc = rc ? rc
                : find(g, i, "prefix_v", g->key_width, g->n_prefix, &g->layer[i].value,
                       err);
    }
    return rc;
}

/** What llama.cpp asserts instead of refusing: types and shapes of all that it will use. */
static enum reel_status check_lora(const struct lm_graft *g, struct reel_error *err)
{
    const struct gguf_context *header = g->file.header;
    const int64_t alpha = gguf_find_key(header, "adapter.lora.alpha");
    if ((alpha >= 0 && gguf_get_kv_type(header, alpha) != GGUF_TYPE_FLOAT32) ||
        gguf_find_key(header, "adapter.alora.invocation_tokens") >= 0) {
        return fail(err, REEL_EFORMAT, "%s: a LoRA of a kind that is not known here",
                    g->path);
    }
    for (int64_t i = 0; i < gguf_get_n_tensors(header); i++) {
        const char *name = gguf_get_tensor_name(header, i), *dot = strrchr(name, '.');
        const enum ggml_type type = gguf_get_tensor_type(header, i);
        const int64_t *ne = gguf_get_tensor_ne(header, i);
        if (!dot || (strcmp(dot, ".lora_a") != 0 && strcmp(dot, ".lora_b") != 0) ||
            strncmp(name, "blk.", 4) != 0 || ne[0] < 1 || ne[1] < 1 || ne[2] != 1 ||
            ne[3] != 1 ||
            (type != GGML_TYPE_F32 && type != GGML_TYPE_F16 && type != GGML_TYPE_BF16)) {
            return fail(err, REEL_EFORMAT,
                        "%s: tensor %s (%lld x %lld of %s) does not belong in a LoRA",
                        g->path, name, (long long)ne[1], (long long)ne[0],
                        ggml_type_name(type));
        }
    }
    return REEL_OK;
}

static enum reel_status open_lora(struct lm_graft *g, struct llama_model *model,
                                  struct reel_error *err)
{
    char reason[256];
    const enum reel_status rc = check_lora(g, err);
    if (rc != REEL_OK) {
        return rc;
    }
    lm_log_listen(reason, sizeof reason);
    g->lora = llama_adapter_lora_init(model, g->path);
    lm_log_listen_no_more();
    return g->lora
               ? REEL_OK
               : fail(err, REEL_EFORMAT, "%s: llama.cpp cannot lay it over the model%s%s",
                      g->path, reason[0] ? ": " : "", reason);
}

/** What the file says it is for, against the model. */
static enum reel_status check_model(struct lm_graft *g, const struct llama_model *model,
                                    struct reel_error *err)
{
    char type[32] = "", kind[32] = "", of_model[32] = "";
    lm_gguf_text(&g->file, "general.type", type, sizeof type);
    lm_gguf_text(&g->file, "adapter.type", kind, sizeof kind);
    lm_gguf_text(&g->file, "general.architecture", g->architecture,
                 sizeof g->architecture);
    (void)llama_model_meta_val_str(model, "general.architecture", of_model,
                                   sizeof of_model);
    if (strcmp(type, "adapter") != 0) {
        return fail(err, REEL_EFORMAT, "%s: is no adapter", g->path);
    }
    g->kind = strcmp(kind, "lora") == 0         ? KIND_LORA
              : strcmp(kind, "bottleneck") == 0 ? KIND_BOTTLENECK
              : strcmp(kind, "prefix") == 0     ? KIND_PREFIX
                                                : (enum kind)0;
    if (g->kind == 0) {
        return fail(err, REEL_EFORMAT, "%s: an adapter of an unknown kind", g->path);
    }
    g->n_layers = llama_model_n_layer(model);
    g->width = llama_model_n_embd(model);
    const int64_t n_layers = lm_gguf_number(&g->file, "adapter.base.block_count"),
                  width = lm_gguf_number(&g->file, "adapter.base.embedding_length");
    if (strcmp(g->architecture, of_model) != 0 ||
        (n_layers >= 0 && n_layers != g->n_layers) || (width >= 0 && width != g->width) ||
        g->n_layers < 1 || g->n_layers > N_LAYERS_MAX) {
        return fail(
            err, REEL_EFORMAT,
            "%s: made for a %s of %lld layers, width %lld; this is a %s of %d, %d",
            g->path, g->architecture, (long long)n_layers, (long long)width, of_model,
            g->n_layers, g->width);
    }
    return REEL_OK;
}

enum reel_status lm_graft_open(const char *path, struct llama_model *model,
                               struct lm_graft **out, struct reel_error *err)
{
    struct lm_graft *g = base_alloc_zeroed(1, sizeof *g);
    *out = NULL;
    if (!g) {
        return fail(err, REEL_ENOMEM, "%s: out of memory", path);
    }
    (void)snprintf(g->path, sizeof g->path, "%s", path);
    enum reel_status rc = strlen(path) < sizeof g->path
                              ? lm_gguf_open(&g->file, path, err)
                              : fail(err, REEL_EINVAL, "a path is too long");
    rc = rc ? rc : check_model(g, model, err);
    if (rc == REEL_OK) {
        g->layer = base_alloc_zeroed((size_t)g->n_layers, sizeof *g->layer);
        rc = !g->layer              ? fail(err, REEL_ENOMEM, "%s: out of memory", path)
             : g->kind == KIND_LORA ? open_lora(g, model, err)
             : g->kind == KIND_BOTTLENECK ? find_bottlenecks(g, err)
                                          : find_prefix(g, model, err);
    }
    if (rc != REEL_OK) {
        lm_graft_close(g);
        return rc;
    }
    *out = g;
    return REEL_OK;
}

void lm_graft_close(struct lm_graft *graft)
{
    if (graft) {
        lm_gguf_close(&graft->file);
        base_free(graft->layer);
        base_free(graft->scratch);
        base_free(graft);
    }
}

int32_t lm_graft_n_prefix(const struct lm_graft *graft)
{
    return graft ? graft->n_prefix : 0;
}

enum reel_status lm_graft_attach(struct lm_graft *graft, struct llama_context *context,
                                 struct reel_error *err)
{
    float scale = 1;
    return !graft->lora || llama_set_adapters_lora(context, &graft->lora, 1, &scale) == 0
               ? REEL_OK
               : fail(err, REEL_EFORMAT, "%s: llama.cpp refuses it", graft->path);
}

/* ---- while the model runs ---- */

/** Layer of "blk.N.NAME" when the rest is `name`; -1 otherwise. */
static int32_t layer_of(const struct ggml_tensor *t, const char *name)
{
    char *end;
    if (!t || strncmp(t->name, "blk.", 4) != 0) {
        return -1;
    }
    const long layer = strtol(t->name + 4, &end, 10);
    return *end == '.' && strcmp(end + 1, name) == 0 && layer >= 0 && layer < N_LAYERS_MAX
               ? (int32_t)layer
               : -1;
}

/** The layer whose half ends with this product; -1: none does. */
static int32_t half_of(const struct ggml_tensor *t, int *half)
{
    static const char *const name[N_HALVES] = {"attn_output.weight", "ffn_down.weight"};
    for (*half = 0; t->op == GGML_OP_MUL_MAT && *half < N_HALVES; ++*half) {
        const int32_t layer = layer_of(t->src[0], name[*half]);
        if (layer >= 0) {
            return layer;
        }
    }
    return -1;
}

static void squeeze(struct lm_graft *g, const struct bottleneck *b, struct ggml_tensor *t)
{
    const size_t n = (size_t)ggml_nrows(t), narrow = (size_t)g->n_narrow,
                 width = (size_t)g->width;
    float *h = t->data;
    if (n * narrow > g->n_scratch) {
        base_free(g->scratch);
        g->scratch = base_alloc_array(n * narrow, sizeof(float));
        g->n_scratch = g->scratch ? n * narrow : 0;
    }
    if (!g->scratch) {
        g->is_out_of_memory = true;
        return;
    }
    base_gemm_nt(g->scratch, h, b->down, n, narrow, width, narrow, width, width, 1, 0);
    for (size_t i = 0; i < n * narrow; i++) {
        const float x = g->scratch[i] + b->down_bias[i % narrow];
        g->scratch[i] = x > 0 ? x : 0;
    }
    base_gemm_nt(h, g->scratch, b->up, n, width, narrow, width, narrow, narrow, 1, 1);
    for (size_t i = 0; i < n * width; i++) {
        h[i] += b->up_bias[i % width];
    }
}

static bool on_bottleneck(struct ggml_tensor *t, bool is_asked, void *payload)
{
    struct lm_graft *g = payload;
    int half;
    const int32_t layer = half_of(t, &half);
    if (layer < 0 || layer >= g->n_layers || t->ne[0] != g->width ||
        t->type != GGML_TYPE_F32 || !ggml_is_contiguous(t)) {
        return !is_asked; // go on
    }
    if (!is_asked) {
        squeeze(g, &g->layer[layer].half[half], t);
    }
    return is_asked || !g->is_out_of_memory;
}

/** Keys are turned, values may have a bias: what stands in the cells is meant. */
static const float *prefix_of(const struct lm_graft *g, const struct ggml_tensor *t)
{
    int32_t layer = -1;
    bool is_key = false;
    if (t->op == GGML_OP_ROPE && strncmp(t->name, "Kcur-", 5) == 0) {
        layer = (int32_t)strtol(t->name + 5, NULL, 10);
        is_key = true;
    } else if (t->op == GGML_OP_ADD) {
        layer = layer_of(t->src[1], "attn_v.bias");
    } else if (t->op == GGML_OP_MUL_MAT) {
        layer = layer_of(t->src[0], "attn_v.weight"); // a bias comes after it, if at all
    }
    return layer < 0 || layer >= g->n_layers ? NULL
           : is_key                          ? g->layer[layer].key
                                             : g->layer[layer].value;
}

static bool on_prefix(struct ggml_tensor *t, bool is_asked, void *payload)
{
    struct lm_graft *g = payload;
    if (is_asked && t->op == GGML_OP_ROPE) {
        g->position = t->src[1]; // q's comes before the first value, and it is an input
    }
    const float *rows = prefix_of(g, t);
    const int64_t n = g->position ? g->position->ne[0] : 0;
    if (!rows || t->type != GGML_TYPE_F32 || !ggml_is_contiguous(t) ||
        ggml_nelements(t) != n * g->key_width) {
        return !is_asked;
    }
    for (int64_t i = 0; !is_asked && i < n; i++) {
        const int32_t at = ((const int32_t *)g->position->data)[i];
        if (at >= 0 && at < g->n_prefix) {
            memcpy((float *)t->data + i * g->key_width, rows + (int64_t)at * g->key_width,
                   (size_t)g->key_width * sizeof *rows);
        }
    }
    return true;
}

ggml_backend_sched_eval_callback lm_graft_callback(const struct lm_graft *graft)
{
    return graft->kind == KIND_BOTTLENECK ? on_bottleneck
           : graft->kind == KIND_PREFIX   ? on_prefix
                                          : NULL;
}
