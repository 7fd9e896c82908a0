/**
 * See lm_decoder.h. Responsible for the table of tensors: which there are, where their numbers
 * come from, how they become parameters. lm_pass.c computes.
 */
#include "lm_decoder.h"
#include "base_alloc.h"
#include "base_error.h"
#include "lm_gguf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const lm_matrix_name[LM_N_MATRICES] = {
    "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"};

enum { N_LAYERS_MAX = 1024, N_SIDE_MAX = 1 << 24 };

/* ---- shape ---- */

struct family {
    const char *name;
    enum lm_rope rope;
    enum lm_gate gate;
    bool has_bias, is_scaled;
};

static const struct family families[] = {
    {"llama", LM_ROPE_NORMAL, LM_GATE_SILU, false, false},
    {"qwen2", LM_ROPE_NEOX, LM_GATE_SILU, true, false},
    {"gemma", LM_ROPE_NEOX, LM_GATE_GELU, false, true},
};

static const struct family *family_of(const char *name)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (strcmp(name, families[i].name) == 0) {
            return &families[i];
        }
    }
    return NULL;
}

static enum reel_status check_shape(const struct lm_decoder_shape *s, const char *where,
                                    struct reel_error *err)
{
    const int32_t size[] = {s->n_vocabulary, s->n_context, s->n_width,
                            s->n_layers,     s->n_heads,   s->n_groups,
                            s->n_head_width, s->n_hidden,  s->n_rotated};
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        if (size[i] < 1 || size[i] > N_SIDE_MAX) {
            return fail(
                err, REEL_EINVAL,
                "%s: %d words, context %d, width %d, %d layers, %d heads of %d in "
                "%d groups, %d hidden make no decoder",
                where, s->n_vocabulary, s->n_context, s->n_width, s->n_layers, s->n_heads,
                s->n_head_width, s->n_groups, s->n_hidden);
        }
    }
    if (s->n_layers > N_LAYERS_MAX || s->n_heads % s->n_groups != 0 ||
        s->n_rotated % 2 != 0 || s->n_rotated > s->n_head_width ||
        !(s->norm_epsilon > 0) || !(s->rope_base > 0) || !(s->rope_scale > 0) ||
        (int64_t)s->n_heads * s->n_head_width > N_SIDE_MAX) {
        return fail(
            err, REEL_EINVAL,
            "%s: %d layers, %d heads in %d groups, %d of %d rotated, base %g make "
            "no decoder",
            where, s->n_layers, s->n_heads, s->n_groups, s->n_rotated, s->n_head_width,
            s->rope_base);
    }
    return REEL_OK;
}

static int64_t number_of(const struct lm_gguf *file, const char *architecture,
                         const char *name, int64_t otherwise)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", architecture, name);
    const int64_t n = lm_gguf_number(file, key);
    return n < 0 ? otherwise : n;
}

static double real_of(const struct lm_gguf *file, const char *architecture,
                      const char *name, double otherwise)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", architecture, name);
    return lm_gguf_real(file, key, otherwise);
}

static int32_t size_of(int64_t n)
{
    return n > 0 && n <= N_SIDE_MAX ? (int32_t)n : 0;
}

static enum reel_status read_scaling(const struct lm_gguf *file, const char *path,
                                     struct lm_decoder_shape *s, struct reel_error *err)
{
    char key[96], kind[32] = "none";
    snprintf(key, sizeof key, "%s.rope.scaling.type", s->architecture);
    lm_gguf_text(file, key, kind, sizeof kind);
    const double factor = real_of(file, s->architecture, "rope.scaling.factor", 1);
    if (strcmp(kind, "none") != 0 && strcmp(kind, "linear") != 0) {
        return fail(err, REEL_EFORMAT, "%s: positions scaled by %s cannot be trained",
                    path, kind);
    }
    s->rope_scale = strcmp(kind, "linear") == 0 && factor > 0 ? 1 / factor : 1;
    return REEL_OK;
}

static enum reel_status read_shape(const struct lm_gguf *file, const char *path,
                                   struct lm_decoder_shape *s, struct reel_error *err)
{
    char architecture[64] = "";
    lm_gguf_text(file, "general.architecture", architecture, sizeof architecture);
    const struct family *family = family_of(architecture);
    if (!family) {
        return fail(err, REEL_EFORMAT,
                    "%s: %s models cannot be trained here; llama, qwen2 and gemma can",
                    path, architecture[0] ? architecture : "nameless");
    }
    const char *a = family->name;
    snprintf(s->architecture, sizeof s->architecture, "%s", a);
    s->n_context = size_of(number_of(file, a, "context_length", 0));
    s->n_width = size_of(number_of(file, a, "embedding_length", 0));
    s->n_layers = size_of(number_of(file, a, "block_count", 0));
    s->n_hidden = size_of(number_of(file, a, "feed_forward_length", 0));
    s->n_heads = size_of(number_of(file, a, "attention.head_count", 0));
    s->n_groups = size_of(number_of(file, a, "attention.head_count_kv", s->n_heads));
    const int64_t even = s->n_heads > 0 ? s->n_width / s->n_heads : 0;
    s->n_head_width = size_of(number_of(file, a, "attention.key_length", even));
    s->n_rotated = size_of(number_of(file, a, "rope.dimension_count", s->n_head_width));
    s->norm_epsilon = real_of(file, a, "attention.layer_norm_rms_epsilon", 1e-5);
    s->rope_base = real_of(file, a, "rope.freq_base", 10000);
    s->embedding_scale = family->is_scaled ? sqrt(s->n_width) : 1;
    s->rope = family->rope;
    s->gate = family->gate;
    s->has_bias =
        family->has_bias || gguf_find_tensor(file->header, "blk.0.attn_q.bias") >= 0;
    s->is_tied = gguf_find_tensor(file->header, "output.weight") < 0;
    const int64_t id = gguf_find_tensor(file->header, "token_embd.weight");
    s->n_vocabulary = id < 0 ? 0 : size_of(gguf_get_tensor_ne(file->header, id)[1]);
    if (number_of(file, a, "attention.value_length", s->n_head_width) !=
            s->n_head_width ||
        number_of(file, a, "expert_count", 0) > 0 ||
        gguf_find_tensor(file->header, "blk.0.attn_norm.weight") < 0) {
        return fail(err, REEL_EFORMAT, "%s: a %s of a kind that cannot be trained here",
                    path, a);
    }
    enum reel_status rc = read_scaling(file, path, s, err);
    rc = rc ? rc : check_shape(s, path, err);
    return rc == REEL_EINVAL ? REEL_EFORMAT : rc;
}

/* ---- the table ---- */

static void name_tensor(struct lm_tensor *t, const char *name, int64_t n_0, int64_t n_1)
{
    *t = (struct lm_tensor){.n_0 = n_0, .n_1 = n_1, .i_param = -1};
    snprintf(t->name, sizeof t->name, "%s", name);
}

static void name_layer(struct lm_layer *layer, const struct lm_decoder_shape *s,
                       int32_t i)
{
    const int64_t d = s->n_width, q = (int64_t)s->n_heads * s->n_head_width,
                  k = (int64_t)s->n_groups * s->n_head_width, f = s->n_hidden;
    const int64_t side[LM_N_MATRICES][2] = {{d, q}, {d, k}, {d, k}, {q, d},
                                            {d, f}, {d, f}, {f, d}};
    char name[48];
    snprintf(name, sizeof name, "blk.%d.attn_norm.weight", i);
    name_tensor(&layer->attention_norm, name, d, 1);
    snprintf(name, sizeof name, "blk.%d.ffn_norm.weight", i);
    name_tensor(&layer->ffn_norm, name, d, 1);
    for (int m = 0; m < LM_N_MATRICES; m++) {
        snprintf(name, sizeof name, "blk.%d.%s.weight", i, lm_matrix_name[m]);
        name_tensor(&layer->matrix[m], name, side[m][0], side[m][1]);
        layer->low_rank[m] = (struct lm_low_rank){.a = -1, .b = -1, .value = -1};
    }
    for (int m = 0; s->has_bias && m < 3; m++) {
        snprintf(name, sizeof name, "blk.%d.%s.bias", i, lm_matrix_name[m]);
        name_tensor(&layer->bias[m], name, side[m][1], 1);
    }
    layer->after_attention.down = layer->after_ffn.down = -1;
}

enum reel_status lm_decoder_create(const struct lm_decoder_shape *shape,
                                   struct lm_decoder **out, struct reel_error *err)
{
    *out = NULL;
    const enum reel_status rc = check_shape(shape, shape->architecture, err);
    if (rc != REEL_OK) {
        return rc;
    }
    struct lm_decoder *d = base_alloc_zeroed(1, sizeof *d);
    struct lm_layer *layer = base_alloc_zeroed((size_t)shape->n_layers, sizeof *layer);
    if (!d || !layer) {
        base_free(d);
        base_free(layer);
        return fail(err, REEL_ENOMEM, "a decoder of %d layers", shape->n_layers);
    }
    d->shape = *shape;
    d->layer = layer;
    name_tensor(&d->embedding, "token_embd.weight", shape->n_width, shape->n_vocabulary);
    name_tensor(&d->output_norm, "output_norm.weight", shape->n_width, 1);
    if (!shape->is_tied) {
        name_tensor(&d->output, "output.weight", shape->n_width, shape->n_vocabulary);
    }
    for (int32_t i = 0; i < shape->n_layers; i++) {
        name_layer(&layer[i], shape, i);
    }
    *out = d;
    return REEL_OK;
}

void lm_decoder_free(struct lm_decoder *decoder)
{
    if (decoder) {
        base_file_map_close(&decoder->file);
        base_free(decoder->layer);
        base_free(decoder);
    }
}

bool lm_decoder_visit(struct lm_decoder *d,
                      bool (*visit)(struct lm_tensor *tensor, void *payload),
                      void *payload)
{
    bool goes_on = visit(&d->embedding, payload);
    for (int32_t i = 0; goes_on && i < d->shape.n_layers; i++) {
        struct lm_layer *layer = &d->layer[i];
        goes_on = visit(&layer->attention_norm, payload);
        for (int m = 0; goes_on && m < LM_N_MATRICES; m++) {
            goes_on =
                visit(&layer->matrix[m], payload) &&
                (m > 2 || layer->bias[m].n_0 == 0 || visit(&layer->bias[m], payload));
        }
        goes_on = goes_on && visit(&layer->ffn_norm, payload);
    }
    return goes_on && visit(&d->output_norm, payload) &&
           (d->shape.is_tied || visit(&d->output, payload));
}

/* ---- numbers from a file ---- */

struct binding {
    const struct lm_gguf *file;
    const char *path;
    struct reel_error *err;
    int64_t n_bound;
};

static bool bind_tensor(struct lm_tensor *t, void *payload)
{
    struct binding *b = payload;
    const struct gguf_context *header = b->file->header;
    const int64_t id = gguf_find_tensor(header, t->name);
    if (id < 0) {
        (void)fail(b->err, REEL_EFORMAT, "%s: has no tensor %s", b->path, t->name);
        return false;
    }
    const int64_t *ne = gguf_get_tensor_ne(header, id);
    t->type = gguf_get_tensor_type(header, id);
    const bool is_readable =
        t->type == GGML_TYPE_F32 || ggml_get_type_traits(t->type)->to_float;
    if (ne[0] != t->n_0 || ne[1] != t->n_1 || ne[2] != 1 || ne[3] != 1 || !is_readable) {
        (void)fail(b->err, REEL_EFORMAT,
                   "%s: tensor %s is %lld x %lld of %s, not %lld x %lld", b->path,
                   t->name, (long long)ne[1], (long long)ne[0], ggml_type_name(t->type),
                   (long long)t->n_1, (long long)t->n_0);
        return false;
    }
    t->data = lm_gguf_data(b->file, id);
    b->n_bound++;
    if ((uintptr_t)t->data % sizeof(float) != 0) {
        (void)fail(b->err, REEL_EFORMAT, "%s: tensor %s is not aligned", b->path,
                   t->name);
        return false;
    }
    return true;
}

enum reel_status lm_decoder_open(const char *path, struct lm_decoder **out,
                                 struct reel_error *err)
{
    struct lm_gguf file;
    struct lm_decoder_shape shape = {0};
    struct lm_decoder *d = NULL;
    *out = NULL;
    enum reel_status rc = lm_gguf_open(&file, path, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = read_shape(&file, path, &shape, err);
    rc = rc ? rc : lm_decoder_create(&shape, &d, err);
    if (rc != REEL_OK) {
        goto done;
    }
    struct binding binding = {&file, path, err, 0};
    if (gguf_find_tensor(file.header, "rope_freqs.weight") >= 0) {
        name_tensor(&d->rope_factor, "rope_freqs.weight", shape.n_rotated / 2, 1);
        rc = bind_tensor(&d->rope_factor, &binding) ? REEL_OK : REEL_EFORMAT;
    }
    if (rc != REEL_OK || !lm_decoder_visit(d, bind_tensor, &binding)) {
        rc = REEL_EFORMAT;
        goto done;
    }
    if (binding.n_bound != gguf_get_n_tensors(file.header)) {
        rc = fail(
            err, REEL_EFORMAT,
            "%s: has %lld tensors, of which %lld are known here: a %s of a kind that "
            "cannot be trained",
            path, (long long)gguf_get_n_tensors(file.header), (long long)binding.n_bound,
            shape.architecture);
        goto done;
    }
    d->file = file.map; // moves
    file.map = (struct base_file_map){0};
    *out = d;
    d = NULL;
done:
    lm_decoder_free(d);
    lm_gguf_close(&file);
    return rc;
}

void lm_tensor_read(const struct lm_tensor *t, const struct base_net *net,
                    int64_t first_row, int64_t n_rows, float *out)
{
    const size_t n = (size_t)(n_rows * t->n_0);
    if (t->i_param >= 0) {
        memcpy(out, base_net_values(net, t->i_param) + first_row * t->n_0,
               n * sizeof *out);
        return;
    }
    const size_t row_bytes = ggml_row_size(t->type, t->n_0);
    const unsigned char *from =
        (const unsigned char *)t->data + (size_t)first_row * row_bytes;
    if (t->type == GGML_TYPE_F32) {
        memcpy(out, from, n * sizeof *out);
    } else {
        ggml_get_type_traits(t->type)->to_float(from, out, (int64_t)n);
    }
}

/* ---- numbers that are learnt ---- */

struct listing {
    struct base_net_param *param;
    struct base_net *net;
    int32_t n, n_layers;
};

static bool list_tensor(struct lm_tensor *t, void *payload)
{
    struct listing *l = payload;
    if (l->param) {
        const bool is_matrix = t->n_1 > 1;
        const bool ends_half =
            strstr(t->name, "attn_output") != NULL || strstr(t->name, "ffn_down") != NULL;
        l->param[l->n] = (struct base_net_param){
            .name = t->name,
            .n_0 = t->n_0,
            .n_1 = t->n_1,
            .mean = strstr(t->name, "norm") ? 1 : 0,
            .sd = !is_matrix || t->data ? 0
                  : ends_half           ? 0.02 / sqrt(2.0 * l->n_layers)
                                        : 0.02,
            .is_decayed = is_matrix,
        };
    }
    l->n++;
    return true;
}

static bool learn_tensor(struct lm_tensor *t, void *payload)
{
    struct listing *l = payload;
    if (t->data) {
        lm_tensor_read(t, NULL, 0, t->n_1, base_net_values(l->net, l->n));
        t->data = NULL;
    }
    t->type = GGML_TYPE_F32;
    t->i_param = l->n++;
    return true;
}

enum reel_status lm_decoder_learn(struct lm_decoder *decoder, uint64_t seed,
                                  struct base_net **out, struct reel_error *err)
{
    struct listing l = {.n_layers = decoder->shape.n_layers};
    *out = NULL;
    lm_decoder_visit(decoder, list_tensor, &l);
    l.param = base_alloc_array((size_t)l.n, sizeof *l.param);
    if (!l.param) {
        return fail(err, REEL_ENOMEM, "%d tensors", l.n);
    }
    l.n = 0;
    lm_decoder_visit(decoder, list_tensor, &l);
    const enum reel_status rc = base_net_create(l.param, l.n, seed, &l.net, err);
    base_free(l.param);
    if (rc != REEL_OK) {
        return rc;
    }
    l.n = 0;
    lm_decoder_visit(decoder, learn_tensor, &l);
    *out = l.net;
    return REEL_OK;
}
