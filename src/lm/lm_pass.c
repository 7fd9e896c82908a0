/**
 * See lm_decoder.h: the forward pass of a decoder and its gradient by hand, a layer at a time.
 *
 * What a layer keeps between the two: the stream before each half, rotated q and k, v, what
 * attention gave, gate and up. Norms, the gated product, attention's weights and all low-rank
 * middles are computed again; weights that are not learnt are unpacked anew for each product.
 *
 * Letters: T tokens, d width of the stream, f hidden, V words. For y = W x with rows of tokens:
 * dx = dy W, dW = dy^T x. RMSNorm, y_i = g_i x_i r with r = (mean x^2 + e)^-1/2:
 * dx_i = r g_i dy_i - x_i r^3 / d sum_j g_j dy_j x_j. Softmax row p of scores s:
 * ds = p (dp - sum p dp). Cross entropy: dlogits = p - 1[wanted].
 */
#include "base_alloc.h"
#include "base_error.h"
#include "base_linalg.h"
#include "lm_decoder.h"

#include <math.h>
#include <string.h>

enum {
    N_ALIGN = 16,            /* floats: every array begins on 64 bytes */
    N_ROWS_ATTENDED = 64,    /* queries whose scores exist at once */
    N_TILE_FLOATS = 1 << 20, /* of unpacked output rows */
    N_LOGIT_FLOATS = 12 << 20,
};

/** What one layer leaves for its backward pass; when nothing is learnt all share one. */
struct saved {
    float *x, *q, *k, *v, *attended, *middle, *gate, *up;
    float *branch[2];       /* what each half adds, before its bottleneck; NULL: none */
    unsigned char *kept[2]; /* dropout of each half; NULL: none */
};

struct lm_pass {
    const struct lm_decoder *decoder;
    int32_t n_max;
    bool learns;
    /* of the call at hand */
    const struct base_net *net;
    const struct lm_packed *packed;
    float *gradient;
    struct base_rng *rng;
    int32_t n;

    void *memory;
    struct saved *saved;  /* (n_layers) */
    unsigned char *kept;  /* of embeddings */
    float *cosine, *sine; /* (n_prefix + n_max, n_rotated / 2) */
    float *weights;       /* the matrix or tile that is unpacked */
    float *x, *normed, *branch, *hidden, *dx, *dnormed, *dbranch;
    float *dq, *dk, *dv, *dattended;
    float *act, *dact, *dup;
    float *low[2]; /* (T, rank) or (T, bottleneck) */
    float *key, *value, *dkey, *dvalue, *score, *dscore;
    float *logits, *chosen, *dchosen, *losses; /* of LM_LOSS_TOKENS rows at most; (T) */
    int32_t n_logit_rows;
    const float *prefix;
    float *prefix_gradient;
};

/* ---- memory ---- */

struct lay {
    char *base; /* NULL: only counted */
    size_t n_bytes;
};

static void *take(struct lay *lay, size_t n_bytes)
{
    void *at = lay->base ? lay->base + lay->n_bytes : NULL;
    const size_t align = N_ALIGN * sizeof(float);
    lay->n_bytes += (n_bytes + align - 1) / align * align;
    return at;
}

static float *floats(struct lay *lay, int64_t n_rows, int64_t n)
{
    return take(lay, (size_t)n_rows * (size_t)n * sizeof(float));
}

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/** Widest low-rank middle or bottleneck of all layers. */
static int32_t widest_addition(const struct lm_decoder *d)
{
    int64_t most = 0;
    for (int32_t i = 0; i < d->shape.n_layers; i++) {
        const struct lm_layer *layer = &d->layer[i];
        for (int m = 0; m < LM_N_MATRICES; m++) {
            most =
                at_least(most, layer->low_rank[m].a >= 0 ? layer->low_rank[m].rank : 0);
        }
        most = at_least(most,
                        layer->after_attention.down >= 0 ? layer->after_attention.n : 0);
        most = at_least(most, layer->after_ffn.down >= 0 ? layer->after_ffn.n : 0);
    }
    return (int32_t)most;
}

static int64_t query_width(const struct lm_decoder *d)
{
    return (int64_t)d->shape.n_heads * d->shape.n_head_width;
}

static int64_t key_width(const struct lm_decoder *d)
{
    return (int64_t)d->shape.n_groups * d->shape.n_head_width;
}

static void lay_saved(struct lay *lay, const struct lm_pass *p, struct saved *s,
                      const struct lm_layer *layer)
{
    const struct lm_decoder *d = p->decoder;
    const int64_t n = p->n_max, width = d->shape.n_width;
    s->x = floats(lay, n, width);
    s->q = floats(lay, n, query_width(d));
    s->k = floats(lay, n, key_width(d));
    s->v = floats(lay, n, key_width(d));
    s->attended = floats(lay, n, query_width(d));
    s->middle = floats(lay, n, width);
    s->gate = floats(lay, n, d->shape.n_hidden);
    s->up = floats(lay, n, d->shape.n_hidden);
    const bool has[] = {layer->after_attention.down >= 0, layer->after_ffn.down >= 0};
    for (int half = 0; half < 2; half++) {
        s->branch[half] = has[half] && p->learns ? floats(lay, n, width) : NULL;
        s->kept[half] =
            d->dropout > 0 && p->learns ? take(lay, (size_t)(n * width)) : NULL;
    }
}

/** Lay all arrays from `lay->base` on, and count them. */
static void lay_pass(struct lay *lay, struct lm_pass *p)
{
    const struct lm_decoder *d = p->decoder;
    const struct lm_decoder_shape *s = &d->shape;
    const int64_t n = p->n_max, width = s->n_width, q = query_width(d), k = key_width(d);
    p->saved = take(lay, (size_t)s->n_layers * sizeof *p->saved);
    struct saved shared = {0};
    if (!p->learns) {
        lay_saved(lay, p, &shared, &d->layer[0]);
    }
    for (int32_t i = 0; i < s->n_layers; i++) {
        struct saved one = shared;
        if (p->learns) {
            lay_saved(lay, p, &one, &d->layer[i]);
        }
        if (lay->base) {
            p->saved[i] = one;
        }
    }
    p->kept = d->dropout > 0 && p->learns ? take(lay, (size_t)(n * width)) : NULL;
    p->cosine = floats(lay, d->n_prefix + n, s->n_rotated / 2);
    p->sine = floats(lay, d->n_prefix + n, s->n_rotated / 2);
    const int64_t largest = at_least(width * s->n_hidden, width * q);
    p->weights = floats(lay, 1, at_least(largest, N_TILE_FLOATS + width));
    p->x = floats(lay, n, width);
    p->normed = floats(lay, n, width);
    p->branch = floats(lay, n, width);
    p->hidden = floats(lay, n, width);
    p->act = floats(lay, n, s->n_hidden);
    const int32_t n_low = widest_addition(d);
    for (int i = 0; i < 2; i++) {
        p->low[i] = n_low > 0 ? floats(lay, n, n_low) : NULL;
    }
    const int64_t n_keys = d->n_prefix + n;
    p->key = floats(lay, n_keys, s->n_head_width);
    p->value = floats(lay, n_keys, s->n_head_width);
    p->score = floats(lay, N_ROWS_ATTENDED, n_keys);
    p->n_logit_rows = (int32_t)at_least(N_LOGIT_FLOATS / s->n_vocabulary, 8);
    p->n_logit_rows = p->n_logit_rows < LM_LOSS_TOKENS ? p->n_logit_rows : LM_LOSS_TOKENS;
    p->n_logit_rows = p->n_logit_rows < n ? p->n_logit_rows : (int32_t)n;
    p->logits = floats(lay, p->n_logit_rows, s->n_vocabulary);
    p->chosen = floats(lay, p->n_logit_rows, width);
    p->losses = floats(lay, 1, n);
    if (p->learns) {
        p->dx = floats(lay, n, width);
        p->dnormed = floats(lay, n, width);
        p->dbranch = floats(lay, n, width);
        p->dq = floats(lay, n, q);
        p->dk = floats(lay, n, k);
        p->dv = floats(lay, n, k);
        p->dattended = floats(lay, n, q);
        p->dact = floats(lay, n, s->n_hidden);
        p->dup = floats(lay, n, s->n_hidden);
        p->dkey = floats(lay, n_keys, s->n_head_width);
        p->dvalue = floats(lay, n_keys, s->n_head_width);
        p->dscore = floats(lay, N_ROWS_ATTENDED, n_keys);
        p->dchosen = floats(lay, p->n_logit_rows, width);
    }
}

size_t lm_pass_bytes(const struct lm_decoder *decoder, int32_t n_tokens_max, bool learns)
{
    struct lm_pass p = {.decoder = decoder, .n_max = n_tokens_max, .learns = learns};
    struct lay lay = {0};
    lay_pass(&lay, &p);
    return lay.n_bytes + sizeof p;
}

static void fill_angles(struct lm_pass *p)
{
    const struct lm_decoder *d = p->decoder;
    const int32_t n_pairs = d->shape.n_rotated / 2;
    for (int32_t i = 0; i < n_pairs; i++) {
        float factor = 1;
        if (d->rope_factor.data) {
            memcpy(&factor, (const float *)d->rope_factor.data + i, sizeof factor);
        }
        const double step = pow(d->shape.rope_base, -2.0 * i / d->shape.n_rotated) *
                            d->shape.rope_scale / (double)factor;
        for (int32_t at = 0; at < d->n_prefix + p->n_max; at++) {
            p->cosine[(int64_t)at * n_pairs + i] = (float)cos(at * step);
            p->sine[(int64_t)at * n_pairs + i] = (float)sin(at * step);
        }
    }
}

enum reel_status lm_pass_create(const struct lm_decoder *decoder, int32_t n_tokens_max,
                                bool learns, struct lm_pass **out, struct reel_error *err)
{
    const size_t n_bytes = lm_pass_bytes(decoder, n_tokens_max, learns);
    struct lm_pass *p = base_alloc_zeroed(1, sizeof *p);
    void *memory = base_alloc_aligned(n_bytes, 1);
    *out = NULL;
    if (!p || !memory) {
        base_free(p);
        base_free(memory);
        return fail(err, REEL_ENOMEM, "%zu MB for a pass over %d tokens", n_bytes >> 20,
                    n_tokens_max);
    }
    *p = (struct lm_pass){
        .decoder = decoder, .n_max = n_tokens_max, .learns = learns, .memory = memory};
    struct lay lay = {.base = memory};
    lay_pass(&lay, p);
    fill_angles(p);
    *out = p;
    return REEL_OK;
}

void lm_pass_free(struct lm_pass *pass)
{
    if (pass) {
        base_free(pass->memory);
        base_free(pass);
    }
}

void lm_pass_prefix(struct lm_pass *pass, const float *prefix, float *gradient)
{
    pass->prefix = prefix;
    pass->prefix_gradient = gradient;
}

const float *lm_pass_losses(const struct lm_pass *pass)
{
    return pass->losses;
}

/* ---- pieces ---- */

/**
 * exp for -87 <= x <= 88, clamped to that; relative error below 1e-6; the loop vectorises. What
 * is no finite number gives none, so that a loss that went wrong is seen.
 */
static inline float exp_of(float given)
{
    float x = given < -87 ? -87 : given;
    x = x > 88 ? 88 : x;
    const float y = x * 1.44269504F;
    const int32_t k = x == x ? (int32_t)(y + (y < 0 ? -0.5F : 0.5F)) : 0;
    const float r = x - (float)k * 0.693359375F + (float)k * 2.12194440e-4F;
    const float e =
        1 + r * (1 + r * (0.5F +
                          r * (1.0F / 6 + r * (1.0F / 24 + r * (1.0F / 120 + r / 720)))));
    const int32_t bits = (k + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return e * power + (given - given);
}

static float *gradient_of(const struct lm_pass *p, int32_t i_param)
{
    return p->gradient && i_param >= 0 ? p->gradient + base_net_offset(p->net, i_param)
                                       : NULL;
}

/** Rows of a tensor in single precision: where they lie, or unpacked into `room`. */
static const float *rows_of(const struct lm_pass *p, const struct lm_tensor *t,
                            int64_t first, int64_t n, float *room)
{
    if (t->i_param >= 0) {
        return base_net_values(p->net, t->i_param) + first * t->n_0;
    }
    if (t->type == GGML_TYPE_F32) {
        return (const float *)t->data + first * t->n_0;
    }
    lm_tensor_read(t, p->net, first, n, room);
    return room;
}

static void add(float *x, const float *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        x[i] += y[i];
    }
}

/** out = x over its root mean square, times gain. */
static void norm(const struct lm_pass *p, const struct lm_tensor *gain, const float *x,
                 float *out)
{
    const int64_t width = gain->n_0;
    const float *g = rows_of(p, gain, 0, 1, p->weights);
    for (int32_t t = 0; t < p->n; t++, x += width, out += width) {
        const float square = base_dot(x, x, (size_t)width);
        const float r =
            1 / sqrtf(square / (float)width + (float)p->decoder->shape.norm_epsilon);
        for (int64_t i = 0; i < width; i++) {
            out[i] = g[i] * (x[i] * r);
        }
    }
}

/** dx += the gradient through a norm of x; the gain's is added too. */
static void norm_back(const struct lm_pass *p, const struct lm_tensor *gain,
                      const float *x, const float *dy, float *dx)
{
    const int64_t width = gain->n_0;
    const float *g = rows_of(p, gain, 0, 1, p->weights);
    float *dg = gradient_of(p, gain->i_param);
    for (int32_t t = 0; t < p->n; t++, x += width, dy += width, dx += width) {
        const float square = base_dot(x, x, (size_t)width);
        const float r =
            1 / sqrtf(square / (float)width + (float)p->decoder->shape.norm_epsilon);
        float along = 0;
        for (int64_t i = 0; i < width; i++) {
            along += g[i] * dy[i] * x[i];
        }
        along *= r * r * r / (float)width;
        for (int64_t i = 0; i < width; i++) {
            dx[i] += r * g[i] * dy[i] - along * x[i];
        }
        for (int64_t i = 0; dg && i < width; i++) {
            dg[i] += dy[i] * x[i] * r;
        }
    }
}

/** y (T, n_1) = x W^T, what is learnt beside W included. */
static void multiply(const struct lm_pass *p, const struct lm_tensor *t,
                     const struct lm_tensor *bias, const struct lm_low_rank *low,
                     const float *x, float *y)
{
    const size_t n = (size_t)p->n, n_0 = (size_t)t->n_0, n_1 = (size_t)t->n_1;
    const float *w = rows_of(p, t, 0, t->n_1, p->weights);
    base_gemm_nt(y, x, w, n, n_1, n_0, n_1, n_0, n_0, 1, 0);
    if (bias && bias->n_0 > 0) {
        const float *b = rows_of(p, bias, 0, 1, p->weights);
        for (size_t i = 0; i < n; i++) {
            add(y + i * n_1, b, (int64_t)n_1);
        }
    }
    if (low && low->a >= 0) {
        const size_t r = (size_t)low->rank;
        const float *value = low->value >= 0 ? base_net_values(p->net, low->value) : NULL;
        base_gemm_nt(p->low[0], x, base_net_values(p->net, low->a), n, r, n_0, r, n_0,
                     n_0, 1, 0);
        for (size_t i = 0; value && i < n * r; i++) {
            p->low[0][i] *= value[i % r];
        }
        base_gemm_nt(y, p->low[0], base_net_values(p->net, low->b), n, n_1, r, n_1, r, r,
                     low->scale, 1);
    }
}

static void low_rank_back(const struct lm_pass *p, const struct lm_low_rank *low,
                          size_t n_0, size_t n_1, const float *x, const float *dy,
                          float *dx)
{
    const size_t n = (size_t)p->n, r = (size_t)low->rank;
    const float *a = base_net_values(p->net, low->a),
                *b = base_net_values(p->net, low->b);
    const float *value = low->value >= 0 ? base_net_values(p->net, low->value) : NULL;
    float *u = p->low[0], *du = p->low[1], *dvalue = gradient_of(p, low->value);
    float *da = gradient_of(p, low->a), *db = gradient_of(p, low->b);
    base_gemm_nt(u, x, a, n, r, n_0, r, n_0, n_0, 1, 0);
    base_gemm_nn(du, dy, b, n, r, n_1, r, n_1, r, low->scale, 0);
    for (size_t i = 0; value && i < n * r; i++) {
        if (dvalue) {
            dvalue[i % r] += du[i] * u[i];
        }
        u[i] *= value[i % r];
    }
    if (db) {
        base_gemm_tn(db, dy, u, n_1, r, n, r, n_1, r, low->scale, 1);
    }
    for (size_t i = 0; value && i < n * r; i++) {
        du[i] *= value[i % r];
    }
    if (da) {
        base_gemm_tn(da, du, x, r, n_0, n, n_0, r, n_0, 1, 1);
    }
    base_gemm_nn(dx, du, a, n, n_0, r, n_0, r, n_0, 1, 1);
}

/** dx (T, n_0) = `keep` dx + dy W, and the gradients of what is learnt. */
static void multiply_back(const struct lm_pass *p, const struct lm_tensor *t,
                          const struct lm_tensor *bias, const struct lm_low_rank *low,
                          const float *x, const float *dy, float *dx, float keep)
{
    const size_t n = (size_t)p->n, n_0 = (size_t)t->n_0, n_1 = (size_t)t->n_1;
    const float *w = rows_of(p, t, 0, t->n_1, p->weights);
    float *dw = gradient_of(p, t->i_param);
    float *db = bias && bias->n_0 > 0 ? gradient_of(p, bias->i_param) : NULL;
    base_gemm_nn(dx, dy, w, n, n_0, n_1, n_0, n_1, n_0, 1, keep);
    if (dw) {
        base_gemm_tn(dw, dy, x, n_1, n_0, n, n_0, n_1, n_0, 1, 1);
    }
    for (size_t i = 0; db && i < n; i++) {
        add(db, dy + i * n_1, (int64_t)n_1);
    }
    if (low && low->a >= 0) {
        low_rank_back(p, low, n_0, n_1, x, dy, dx);
    }
}

/** Turn every pair of each head by its position; `way` -1 turns back. */
static void rotate(const struct lm_pass *p, float *x, int32_t n_heads, float way)
{
    const struct lm_decoder_shape *s = &p->decoder->shape;
    const int32_t n_pairs = s->n_rotated / 2;
    const int32_t next = s->rope == LM_ROPE_NEOX ? n_pairs : 1;
    const int32_t step = s->rope == LM_ROPE_NEOX ? 1 : 2;
    for (int32_t t = 0; t < p->n; t++) {
        const int64_t at = p->decoder->n_prefix + t - p->packed->begin[t];
        const float *c = p->cosine + at * n_pairs, *sn = p->sine + at * n_pairs;
        for (int32_t h = 0; h < n_heads; h++, x += s->n_head_width) {
            for (int32_t i = 0; i < n_pairs; i++) {
                float *a = x + i * step, *b = a + next;
                const float old = *a;
                *a = old * c[i] - *b * sn[i] * way;
                *b = old * sn[i] * way + *b * c[i];
            }
        }
    }
}

/* ---- attention ---- */

/** Keys and values (or gradients) of one group and document, prefix first, side by side. */
static void gather(const struct lm_pass *p, const float *x, const float *prefix,
                   int32_t group, int32_t first, int32_t n, float *out)
{
    const size_t width = (size_t)p->decoder->shape.n_head_width;
    const int64_t stride = key_width(p->decoder);
    for (int32_t i = 0; i < p->decoder->n_prefix; i++, out += width) {
        memcpy(out, prefix + i * stride + group * (int64_t)width, width * sizeof *out);
    }
    for (int32_t i = 0; i < n; i++, out += width) {
        memcpy(out, x + (first + i) * stride + group * (int64_t)width,
               width * sizeof *out);
    }
}

static void scatter(const struct lm_pass *p, const float *from, float *prefix,
                    int32_t group, int32_t first, int32_t n, float *x)
{
    const size_t width = (size_t)p->decoder->shape.n_head_width;
    const int64_t stride = key_width(p->decoder);
    for (int32_t i = 0; i < p->decoder->n_prefix; i++, from += width) {
        if (prefix) {
            add(prefix + i * stride + group * (int64_t)width, from, (int64_t)width);
        }
    }
    for (int32_t i = 0; i < n; i++, from += width) {
        memcpy(x + (first + i) * stride + group * (int64_t)width, from,
               width * sizeof *x);
    }
}

/** The keys (`which` 0) or values (1) of the prefix in a layer. */
static float *prefix_part(const struct lm_pass *p, const float *all, int32_t i_layer,
                          int which)
{
    return all ? (float *)all + ((int64_t)i_layer * 2 + which) * p->decoder->n_prefix *
                                    key_width(p->decoder)
               : NULL;
}

/** Rows of attention's weights: softmax of scaled products, up to each row's own token. */
static void weigh(const struct lm_pass *p, const float *q, int64_t q_stride, int32_t row,
                  int32_t n_rows, int32_t n_keys)
{
    const size_t width = (size_t)p->decoder->shape.n_head_width;
    base_gemm_nt(p->score, q, p->key, (size_t)n_rows, (size_t)n_keys, width,
                 (size_t)n_keys, (size_t)q_stride, width, 1 / sqrtf((float)width), 0);
    for (int32_t i = 0; i < n_rows; i++) {
        float *s = p->score + (int64_t)i * n_keys;
        const int32_t n_seen = p->decoder->n_prefix + row + i + 1;
        float most = s[0], sum = 0;
        for (int32_t j = 1; j < n_seen; j++) {
            most = s[j] > most ? s[j] : most;
        }
        for (int32_t j = 0; j < n_seen; j++) {
            s[j] = exp_of(s[j] - most);
        }
        for (int32_t j = 0; j < n_seen; j++) {
            sum += s[j];
        }
        for (int32_t j = 0; j < n_seen; j++) {
            s[j] /= sum;
        }
        memset(s + n_seen, 0, (size_t)(n_keys - n_seen) * sizeof *s);
    }
}

struct document {
    int32_t first, n;
};

static bool next_document(const struct lm_packed *packed, struct document *doc)
{
    doc->first += doc->n;
    doc->n = 0;
    while (doc->first + doc->n < packed->n_tokens &&
           packed->begin[doc->first + doc->n] == doc->first) {
        doc->n++;
    }
    return doc->n > 0;
}

static void attend(const struct lm_pass *p, int32_t i_layer)
{
    const struct lm_decoder_shape *s = &p->decoder->shape;
    const struct saved *saved = &p->saved[i_layer];
    const int64_t width = s->n_head_width, stride = query_width(p->decoder);
    const int32_t n_together = s->n_heads / s->n_groups;
    for (struct document doc = {0}; next_document(p->packed, &doc);) {
        for (int32_t h = 0; h < s->n_heads; h++) {
            if (h % n_together == 0) {
                gather(p, saved->k, prefix_part(p, p->prefix, i_layer, 0), h / n_together,
                       doc.first, doc.n, p->key);
                gather(p, saved->v, prefix_part(p, p->prefix, i_layer, 1), h / n_together,
                       doc.first, doc.n, p->value);
            }
            for (int32_t row = 0; row < doc.n; row += N_ROWS_ATTENDED) {
                const int32_t n =
                    doc.n - row < N_ROWS_ATTENDED ? doc.n - row : N_ROWS_ATTENDED;
                const int32_t n_keys = p->decoder->n_prefix + row + n;
                const int64_t at = (doc.first + row) * stride + h * width;
                weigh(p, saved->q + at, stride, row, n, n_keys);
                base_gemm_nn(saved->attended + at, p->score, p->value, (size_t)n,
                             (size_t)width, (size_t)n_keys, (size_t)stride,
                             (size_t)n_keys, (size_t)width, 1, 0);
            }
        }
    }
}

/** Gradients of the rows [row, row + n) of one head, from dattended. */
static void attend_back_rows(const struct lm_pass *p, const struct saved *saved,
                             int64_t at, int32_t row, int32_t n)
{
    const size_t width = (size_t)p->decoder->shape.n_head_width,
                 stride = (size_t)query_width(p->decoder), m = (size_t)n;
    const int32_t n_keys = p->decoder->n_prefix + row + n;
    const size_t keys = (size_t)n_keys;
    const float *dy = p->dattended + at;
    weigh(p, saved->q + at, (int64_t)stride, row, n, n_keys);
    base_gemm_tn(p->dvalue, p->score, dy, keys, width, m, width, keys, stride, 1, 1);
    base_gemm_nt(p->dscore, dy, p->value, m, keys, width, keys, stride, width, 1, 0);
    const float scale = 1 / sqrtf((float)width);
    for (int32_t i = 0; i < n; i++) {
        const float *w = p->score + (size_t)i * keys;
        float *d = p->dscore + (size_t)i * keys;
        const float mean = base_dot(w, d, keys);
        for (size_t j = 0; j < keys; j++) {
            d[j] = w[j] * (d[j] - mean) * scale;
        }
    }
    base_gemm_nn(p->dq + at, p->dscore, p->key, m, width, keys, stride, keys, width, 1,
                 0);
    base_gemm_tn(p->dkey, p->dscore, saved->q + at, keys, width, m, width, keys, stride,
                 1, 1);
}

static void attend_back(const struct lm_pass *p, int32_t i_layer)
{
    const struct lm_decoder_shape *s = &p->decoder->shape;
    const struct saved *saved = &p->saved[i_layer];
    const int64_t width = s->n_head_width, stride = query_width(p->decoder);
    const int32_t n_together = s->n_heads / s->n_groups;
    for (struct document doc = {0}; next_document(p->packed, &doc);) {
        const size_t n_bytes =
            (size_t)(p->decoder->n_prefix + doc.n) * (size_t)width * sizeof(float);
        for (int32_t group = 0; group < s->n_groups; group++) {
            gather(p, saved->k, prefix_part(p, p->prefix, i_layer, 0), group, doc.first,
                   doc.n, p->key);
            gather(p, saved->v, prefix_part(p, p->prefix, i_layer, 1), group, doc.first,
                   doc.n, p->value);
            memset(p->dkey, 0, n_bytes);
            memset(p->dvalue, 0, n_bytes);
            for (int32_t h = group * n_together; h < (group + 1) * n_together; h++) {
                for (int32_t row = 0; row < doc.n; row += N_ROWS_ATTENDED) {
                    attend_back_rows(
                        p, saved, (doc.first + row) * stride + h * width, row,
                        doc.n - row < N_ROWS_ATTENDED ? doc.n - row : N_ROWS_ATTENDED);
                }
            }
            scatter(p, p->dkey, prefix_part(p, p->prefix_gradient, i_layer, 0), group,
                    doc.first, doc.n, p->dk);
            scatter(p, p->dvalue, prefix_part(p, p->prefix_gradient, i_layer, 1), group,
                    doc.first, doc.n, p->dv);
        }
    }
}

/* ---- halves of a layer ---- */

static void drop(struct lm_pass *p, float *x, unsigned char *kept, int64_t n)
{
    if (!kept || !p->rng) {
        return;
    }
    const uint64_t bound = (uint64_t)(p->decoder->dropout * 65536);
    const float scale = (float)(1 / (1 - p->decoder->dropout));
    for (int64_t i = 0; i < n;) {
        uint64_t bits = base_rng_u64(p->rng); // four numbers of 16 bits
        for (int part = 0; part < 4 && i < n; part++, i++, bits >>= 16) {
            kept[i] = (bits & 0xffff) >= bound;
            x[i] = kept[i] ? x[i] * scale : 0;
        }
    }
}

static void drop_back(const struct lm_pass *p, float *dx, const unsigned char *kept,
                      int64_t n)
{
    if (!kept || !p->rng) {
        return;
    }
    const float scale = (float)(1 / (1 - p->decoder->dropout));
    for (int64_t i = 0; i < n; i++) {
        dx[i] = kept[i] ? dx[i] * scale : 0;
    }
}

/** relu(down h + bias) into low[0]. */
static void narrow(const struct lm_pass *p, const struct lm_bottleneck *b, const float *h)
{
    const size_t n = (size_t)p->n, width = (size_t)p->decoder->shape.n_width,
                 m = (size_t)b->n;
    const float *bias = base_net_values(p->net, b->down_bias);
    base_gemm_nt(p->low[0], h, base_net_values(p->net, b->down), n, m, width, m, width,
                 width, 1, 0);
    for (size_t i = 0; i < n * m; i++) {
        const float x = p->low[0][i] + bias[i % m];
        p->low[0][i] = x > 0 ? x : 0;
    }
}

static void squeeze(const struct lm_pass *p, const struct lm_bottleneck *b, float *h)
{
    const size_t n = (size_t)p->n, width = (size_t)p->decoder->shape.n_width,
                 m = (size_t)b->n;
    narrow(p, b, h);
    base_gemm_nt(h, p->low[0], base_net_values(p->net, b->up), n, width, m, width, m, m,
                 1, 1);
    for (size_t i = 0; i < n; i++) {
        add(h + i * width, base_net_values(p->net, b->up_bias), (int64_t)width);
    }
}

static void squeeze_back(const struct lm_pass *p, const struct lm_bottleneck *b,
                         const float *h, float *dh)
{
    const size_t n = (size_t)p->n, width = (size_t)p->decoder->shape.n_width,
                 m = (size_t)b->n;
    float *dup = gradient_of(p, b->up), *dup_bias = gradient_of(p, b->up_bias);
    float *ddown = gradient_of(p, b->down), *ddown_bias = gradient_of(p, b->down_bias);
    narrow(p, b, h);
    base_gemm_tn(dup, dh, p->low[0], width, m, n, m, width, m, 1, 1);
    base_gemm_nn(p->low[1], dh, base_net_values(p->net, b->up), n, m, width, m, width, m,
                 1, 0);
    for (size_t i = 0; i < n * m; i++) {
        p->low[1][i] = p->low[0][i] > 0 ? p->low[1][i] : 0;
        ddown_bias[i % m] += p->low[1][i];
    }
    for (size_t i = 0; i < n; i++) {
        add(dup_bias, dh + i * width, (int64_t)width);
    }
    base_gemm_tn(ddown, p->low[1], h, m, width, n, width, m, width, 1, 1);
    base_gemm_nn(dh, p->low[1], base_net_values(p->net, b->down), n, width, m, width, m,
                 width, 1, 1);
}

/** What a half adds to the stream: through its bottleneck and dropout. */
static void finish_half(struct lm_pass *p, struct saved *s, int half,
                        const struct lm_bottleneck *b)
{
    const int64_t n = (int64_t)p->n * p->decoder->shape.n_width;
    if (b->down >= 0) {
        if (s->branch[half]) {
            memcpy(s->branch[half], p->branch, (size_t)n * sizeof(float));
        }
        squeeze(p, b, p->branch);
    }
    drop(p, p->branch, s->kept[half], n);
    add(p->x, p->branch, n);
}

/** dbranch: the gradient of what a half computed, from dx, that of the stream. */
static void finish_half_back(const struct lm_pass *p, const struct saved *s, int half,
                             const struct lm_bottleneck *b)
{
    const int64_t n = (int64_t)p->n * p->decoder->shape.n_width;
    memcpy(p->dbranch, p->dx, (size_t)n * sizeof(float));
    drop_back(p, p->dbranch, s->kept[half], n);
    if (b->down >= 0) {
        squeeze_back(p, b, s->branch[half], p->dbranch);
    }
}

static float sigmoid(float x)
{
    return 1 / (1 + exp_of(-x));
}

enum { N_GATED_TOGETHER = 256 };

/** act = gate(g) * up. */
static void gated(const struct lm_pass *p, const float *gate, const float *up, float *act,
                  int64_t n)
{
    if (p->decoder->shape.gate == LM_GATE_SILU) {
        for (int64_t i = 0; i < n; i++) {
            act[i] = gate[i] * sigmoid(gate[i]) * up[i];
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) { // .5 x (1 + tanh z) = x sigmoid(2 z)
        const float x = gate[i], z = 0.7978845608F * (x + 0.044715F * x * x * x);
        act[i] = x * sigmoid(2 * z) * up[i];
    }
}

/** dact becomes dgate; dup is written. */
static void gated_back(const struct lm_pass *p, const float *gate, const float *up,
                       float *dact, float *dup, int64_t n)
{
    if (p->decoder->shape.gate == LM_GATE_SILU) {
        for (int64_t i = 0; i < n; i++) {
            const float x = gate[i], s = sigmoid(x), d = dact[i];
            dup[i] = d * x * s;
            dact[i] = d * up[i] * (s + x * s * (1 - s));
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        const float x = gate[i], z = 0.7978845608F * (x + 0.044715F * x * x * x);
        const float s = sigmoid(2 * z), d = dact[i];
        const float dz = 0.7978845608F * (1 + 3 * 0.044715F * x * x);
        dup[i] = d * x * s;
        dact[i] = d * up[i] * (s + x * 2 * s * (1 - s) * dz);
    }
}

static void layer_forward(struct lm_pass *p, int32_t i)
{
    const struct lm_layer *layer = &p->decoder->layer[i];
    const struct lm_decoder_shape *shape = &p->decoder->shape;
    struct saved *s = &p->saved[i];
    const size_t n_bytes = (size_t)p->n * (size_t)shape->n_width * sizeof(float);
    float *const out[] = {s->q, s->k, s->v};
    memcpy(s->x, p->x, n_bytes);
    norm(p, &layer->attention_norm, p->x, p->normed);
    for (int m = 0; m < 3; m++) {
        multiply(p, &layer->matrix[m], &layer->bias[m], &layer->low_rank[m], p->normed,
                 out[m]);
    }
    rotate(p, s->q, shape->n_heads, 1);
    rotate(p, s->k, shape->n_groups, 1);
    attend(p, i);
    multiply(p, &layer->matrix[LM_MATRIX_O], NULL, &layer->low_rank[LM_MATRIX_O],
             s->attended, p->branch);
    finish_half(p, s, 0, &layer->after_attention);

    memcpy(s->middle, p->x, n_bytes);
    norm(p, &layer->ffn_norm, p->x, p->normed);
    multiply(p, &layer->matrix[LM_MATRIX_GATE], NULL, &layer->low_rank[LM_MATRIX_GATE],
             p->normed, s->gate);
    multiply(p, &layer->matrix[LM_MATRIX_UP], NULL, &layer->low_rank[LM_MATRIX_UP],
             p->normed, s->up);
    gated(p, s->gate, s->up, p->act, (int64_t)p->n * shape->n_hidden);
    multiply(p, &layer->matrix[LM_MATRIX_DOWN], NULL, &layer->low_rank[LM_MATRIX_DOWN],
             p->act, p->branch);
    finish_half(p, s, 1, &layer->after_ffn);
}

static void layer_backward(struct lm_pass *p, int32_t i)
{
    const struct lm_layer *layer = &p->decoder->layer[i];
    const struct lm_decoder_shape *shape = &p->decoder->shape;
    const struct saved *s = &p->saved[i];
    finish_half_back(p, s, 1, &layer->after_ffn);
    gated(p, s->gate, s->up, p->act, (int64_t)p->n * shape->n_hidden);
    multiply_back(p, &layer->matrix[LM_MATRIX_DOWN], NULL,
                  &layer->low_rank[LM_MATRIX_DOWN], p->act, p->dbranch, p->dact, 0);
    gated_back(p, s->gate, s->up, p->dact, p->dup, (int64_t)p->n * shape->n_hidden);
    norm(p, &layer->ffn_norm, s->middle, p->normed);
    multiply_back(p, &layer->matrix[LM_MATRIX_GATE], NULL,
                  &layer->low_rank[LM_MATRIX_GATE], p->normed, p->dact, p->dnormed, 0);
    multiply_back(p, &layer->matrix[LM_MATRIX_UP], NULL, &layer->low_rank[LM_MATRIX_UP],
                  p->normed, p->dup, p->dnormed, 1);
    norm_back(p, &layer->ffn_norm, s->middle, p->dnormed, p->dx);

    finish_half_back(p, s, 0, &layer->after_attention);
    multiply_back(p, &layer->matrix[LM_MATRIX_O], NULL, &layer->low_rank[LM_MATRIX_O],
                  s->attended, p->dbranch, p->dattended, 0);
    attend_back(p, i);
    rotate(p, p->dq, shape->n_heads, -1);
    rotate(p, p->dk, shape->n_groups, -1);
    norm(p, &layer->attention_norm, s->x, p->normed);
    const float *const dy[] = {p->dq, p->dk, p->dv};
    for (int m = 0; m < 3; m++) {
        multiply_back(p, &layer->matrix[m], &layer->bias[m], &layer->low_rank[m],
                      p->normed, dy[m], p->dnormed, m > 0);
    }
    norm_back(p, &layer->attention_norm, s->x, p->dnormed, p->dx);
}

/* ---- both ends ---- */

static void embed(struct lm_pass *p)
{
    const struct lm_decoder *d = p->decoder;
    const int64_t width = d->shape.n_width;
    const float scale = (float)d->shape.embedding_scale;
    for (int32_t t = 0; t < p->n; t++) {
        float *x = p->x + t * width;
        lm_tensor_read(&d->embedding, p->net, p->packed->token[t], 1, x);
        for (int64_t i = 0; scale != 1 && i < width; i++) {
            x[i] *= scale;
        }
    }
    drop(p, p->x, p->kept, p->n * width);
}

static void embed_back(const struct lm_pass *p)
{
    const struct lm_decoder *d = p->decoder;
    const int64_t width = d->shape.n_width;
    float *gradient = gradient_of(p, d->embedding.i_param);
    drop_back(p, p->dx, p->kept, p->n * width);
    for (int32_t t = 0; gradient && t < p->n; t++) {
        float *to = gradient + p->packed->token[t] * width;
        for (int64_t i = 0; i < width; i++) {
            to[i] += (float)d->shape.embedding_scale * p->dx[t * width + i];
        }
    }
}

static const struct lm_tensor *output_of(const struct lm_decoder *d)
{
    return d->shape.is_tied ? &d->embedding : &d->output;
}

/** A tile of the output matrix at a time: logits (n, V) of `n` rows of hidden states. */
static void words(const struct lm_pass *p, const float *hidden, int32_t n, float *logits)
{
    const struct lm_tensor *out = output_of(p->decoder);
    const size_t width = (size_t)out->n_0, n_words = (size_t)out->n_1;
    const int64_t n_tile = at_least(N_TILE_FLOATS / out->n_0, 1);
    for (int64_t first = 0; first < out->n_1; first += n_tile) {
        const int64_t n_rows = out->n_1 - first < n_tile ? out->n_1 - first : n_tile;
        const float *w = rows_of(p, out, first, n_rows, p->weights);
        base_gemm_nt(logits + first, hidden, w, (size_t)n, (size_t)n_rows, width, n_words,
                     width, width, 1, 0);
    }
}

/** dchosen from the gradient that stands in p->logits. */
static void words_back(const struct lm_pass *p, int32_t n)
{
    const struct lm_tensor *out = output_of(p->decoder);
    const size_t width = (size_t)out->n_0, n_words = (size_t)out->n_1;
    const int64_t n_tile = at_least(N_TILE_FLOATS / out->n_0, 1);
    float *gradient = gradient_of(p, out->i_param);
    for (int64_t first = 0; first < out->n_1; first += n_tile) {
        const int64_t n_rows = out->n_1 - first < n_tile ? out->n_1 - first : n_tile;
        const float *w = rows_of(p, out, first, n_rows, p->weights);
        base_gemm_nn(p->dchosen, p->logits + first, w, (size_t)n, width, (size_t)n_rows,
                     width, n_words, width, 1, first > 0);
        if (gradient) {
            base_gemm_tn(gradient + first * out->n_0, p->logits + first, p->chosen,
                         (size_t)n_rows, width, (size_t)n, width, n_words, width, 1, 1);
        }
    }
}

/** -log softmax(logits)[wanted]; logits become softmax - 1[wanted] when `learns`. */
static double entropy(float *logits, int64_t n, int32_t wanted, bool learns)
{
    float most = logits[0];
    for (int64_t i = 1; i < n; i++) {
        most = logits[i] > most ? logits[i] : most;
    }
    const double shifted = (double)logits[wanted] - (double)most;
    double sum = 0;
    for (int64_t first = 0; first < n; first += N_GATED_TOGETHER) {
        const int64_t last = first + N_GATED_TOGETHER < n ? first + N_GATED_TOGETHER : n;
        for (int64_t i = first; i < last; i++) {
            logits[i] = exp_of(logits[i] - most);
        }
        float part = 0;
        for (int64_t i = first; i < last; i++) {
            part += logits[i];
        }
        sum += (double)part;
    }
    const float share = (float)(1 / sum);
    for (int64_t i = 0; learns && i < n; i++) {
        logits[i] *= share;
    }
    logits[wanted] -= learns;
    return log(sum) - shifted;
}

/** Losses of the tokens that are wanted, and p->dnormed: the gradient of hidden states. */
static void judge(struct lm_pass *p, double *loss, double *n_wanted)
{
    const int64_t width = p->decoder->shape.n_width,
                  n_words = p->decoder->shape.n_vocabulary;
    const size_t row_bytes = (size_t)width * sizeof(float);
    const bool learns = p->gradient != NULL;
    memset(p->losses, 0, (size_t)p->n * sizeof *p->losses);
    if (learns) {
        memset(p->dnormed, 0, (size_t)p->n * row_bytes);
    }
    for (int32_t t = 0; t < p->n;) {
        int32_t at[LM_LOSS_TOKENS], n = 0;
        for (; t < p->n && n < p->n_logit_rows; t++) {
            if (p->packed->wanted[t] >= 0) {
                memcpy(p->chosen + n * width, p->hidden + t * width, row_bytes);
                at[n++] = t;
            }
        }
        if (n == 0) {
            break;
        }
        words(p, p->chosen, n, p->logits);
        for (int32_t i = 0; i < n; i++) {
            const double one = entropy(p->logits + i * n_words, n_words,
                                       p->packed->wanted[at[i]], learns);
            p->losses[at[i]] = (float)one;
            *loss += one;
            *n_wanted += 1;
        }
        if (learns) {
            words_back(p, n);
            for (int32_t i = 0; i < n; i++) {
                memcpy(p->dnormed + at[i] * width, p->dchosen + i * width, row_bytes);
            }
        }
    }
}

static bool is_sound(const struct lm_pass *p, const struct lm_packed *packed)
{
    const int32_t n_words = p->decoder->shape.n_vocabulary;
    for (int32_t t = 0; t < packed->n_tokens; t++) {
        const int32_t begin = packed->begin[t];
        if (packed->token[t] < 0 || packed->token[t] >= n_words ||
            packed->wanted[t] >= n_words ||
            (begin != t && (t == 0 || begin != packed->begin[t - 1]))) {
            return false;
        }
    }
    return packed->n_tokens > 0 && packed->n_tokens <= p->n_max &&
           (p->decoder->n_prefix == 0 || p->prefix);
}

bool lm_pass_loss(struct lm_pass *p, const struct base_net *net,
                  const struct lm_packed *packed, float *gradient, struct base_rng *rng,
                  double *loss, double *n_wanted)
{
    if (!is_sound(p, packed) || (gradient && !p->learns)) {
        return false;
    }
    p->net = net;
    p->packed = packed;
    p->gradient = gradient;
    p->rng = gradient ? rng : NULL;
    p->n = packed->n_tokens;
    embed(p);
    for (int32_t i = 0; i < p->decoder->shape.n_layers; i++) {
        layer_forward(p, i);
    }
    norm(p, &p->decoder->output_norm, p->x, p->hidden);
    judge(p, loss, n_wanted);
    if (gradient) {
        memset(p->dx, 0,
               (size_t)p->n * (size_t)p->decoder->shape.n_width * sizeof(float));
        norm_back(p, &p->decoder->output_norm, p->x, p->dnormed, p->dx);
        for (int32_t i = p->decoder->shape.n_layers - 1; i >= 0; i--) {
            layer_backward(p, i);
        }
        embed_back(p);
    }
    return true;
}

void lm_pass_logits(struct lm_pass *p, const struct base_net *net, int32_t t,
                    float *logits)
{
    p->net = net;
    words(p, p->hidden + (int64_t)t * p->decoder->shape.n_width, 1, logits);
}
