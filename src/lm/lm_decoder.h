/**
 * A decoder of the Llama family that can be learnt: the forward pass and its gradient.
 *
 * A decoder is a table of tensors by their GGUF names. Each is either *fixed*, in any type
 * that ggml knows, read where a file is mapped, or *learnt*, single precision, a parameter of
 * a base_net. So one pass serves training from nothing, fine-tuning, and adapters on a
 * quantised base. Families: llama (RMSNorm, RoPE, SwiGLU, grouped-query attention), qwen2
 * (biases of q, k, v), gemma (GeGLU, scaled embedding; its norms hold the +1 already).
 *
 * Tokens come *packed*: documents of any lengths stand one after the other, and each token
 * sees those of its own document up to itself. The loss is taken where `wanted` >= 0 only.
 *
 *     rc = lm_decoder_open("base.gguf", &decoder, &err);          // all tensors fixed
 *     rc = lm_decoder_create(&shape, &decoder, &err);             // or: of this shape
 *     rc = lm_decoder_learn(decoder, seed, &net, &err);           // all tensors learnt
 *     rc = lm_pass_create(decoder, 512, true, &pass, &err);       // one for each worker
 *     // in base_net_task.direct, which has `gradient`, `rng`, `loss`, `weight`:
 *     is_done = lm_pass_loss(pass, net, &packed, gradient, rng, loss, weight);
 *
 * Why this is no ggml graph: ggml's differentiation keeps every activation and all logits (for
 * 49k words 50 MB for 256 tokens, three times), multiplies quantised weights row by row, and
 * has no attention of packed documents. Here a weight is unpacked once for a whole pass and
 * multiplied by BLAS, norms and gates are computed again in the backward pass, and logits
 * exist for `LM_LOSS_TOKENS` tokens at a time. What a number is in a file (types, GGUF) is
 * ggml's business still.
 *
 * Shapes: as in ggml, (n_0, n_1) is n_1 rows of n_0. Activations (n_tokens, n_width), row-major.
 * Threads: a pass belongs to one thread; a decoder is read by all.
 */
#ifndef LM_DECODER_H
#define LM_DECODER_H

#include "base_file.h"
#include "base_net.h"

#include <ggml.h>

enum { LM_LOSS_TOKENS = 128 };

enum lm_rope {
    LM_ROPE_NORMAL,
    LM_ROPE_NEOX
};                                           /* pairs (2 i, 2 i + 1) or (i, i + n / 2) */
enum lm_gate { LM_GATE_SILU, LM_GATE_GELU }; /* GELU by tanh, as gemma's */

/** Hyper-parameters, as GGUF says them under ARCHITECTURE.*. */
struct lm_decoder_shape {
    char architecture[16]; /* "llama", "qwen2", "gemma" */
    int32_t n_vocabulary;
    int32_t n_context; /* tokens it was trained to look back on */
    int32_t n_width;   /* embedding_length */
    int32_t n_layers;
    int32_t n_heads, n_groups;                  /* attention.head_count, .head_count_kv */
    int32_t n_head_width;                       /* of q, k and v alike */
    int32_t n_hidden;                           /* feed_forward_length */
    int32_t n_rotated;                          /* rope.dimension_count */
    double norm_epsilon, rope_base, rope_scale; /* angles times rope_scale */
    double embedding_scale;                     /* 1; gemma: sqrt(n_width) */
    enum lm_rope rope;
    enum lm_gate gate;
    bool has_bias; /* of q, k, v */
    bool is_tied;  /* the output matrix is the embedding */
};

/** One tensor: learnt when i_param >= 0, fixed when data is set, else there is none. */
struct lm_tensor {
    char name[48];    /* "blk.3.attn_q.weight" */
    int64_t n_0, n_1; /* n_1 is 1 for norms and biases */
    enum ggml_type type;
    const void *data; /* fixed: in the mapped file */
    int32_t i_param;  /* -1: not learnt */
};

enum lm_matrix {
    LM_MATRIX_Q,
    LM_MATRIX_K,
    LM_MATRIX_V,
    LM_MATRIX_O,
    LM_MATRIX_GATE,
    LM_MATRIX_UP,
    LM_MATRIX_DOWN,
    LM_N_MATRICES
};
/** "attn_q", ... as in GGUF names. */
extern const char *const lm_matrix_name[LM_N_MATRICES];

/**
 * Low-rank addition to a matrix: y += scale * b diag(value) a x, with a (n_0, rank), b (rank,
 * n_1). Indices into the net's parameters.
 */
struct lm_low_rank {
    int32_t a, b;  /* -1: none */
    int32_t value; /* (rank) singular values of AdaLoRA; -1: all are 1 */
    int32_t rank;
    float scale;
};

/**
 * Houlsby adapter: h += up relu(down h + down_bias) + up_bias, on what a half of a layer adds
 * to the stream. down (n_width, n), up (n, n_width).
 */
struct lm_bottleneck {
    int32_t down, down_bias, up, up_bias; /* down -1: none */
    int32_t n;
};

struct lm_layer {
    struct lm_tensor attention_norm, ffn_norm;
    struct lm_tensor matrix[LM_N_MATRICES];
    struct lm_tensor bias[3]; /* of q, k, v; may be none */
    /* what is learnt beside the tensors */
    struct lm_low_rank low_rank[LM_N_MATRICES];
    struct lm_bottleneck after_attention, after_ffn;
};

struct lm_decoder {
    struct lm_decoder_shape shape;
    struct lm_tensor embedding, output_norm, output; /* output: none when tied */
    struct lm_tensor rope_factor; /* (n_rotated / 2) divides angles; may be none */
    struct lm_layer *layer;       /* (n_layers) */
    /**
     * Keys and values that every token sees before its document (Li, Liang 2021): n_prefix rows
     * of (n_layers, 2, n_groups * n_head_width), key then value of each layer, keys rotated
     * already. Positions of tokens begin behind them. Given by the pass (lm_pass_prefix).
     */
    int32_t n_prefix; /* 0: none */
    double
        dropout; /* of what each half of a layer adds, and of embeddings; training only */
    struct base_file_map file; /* empty: from nothing */
};

/**
 * Map a GGUF model of the Llama family. All tensors are fixed.
 * Errors: REEL_ENOTFOUND, REEL_EIO; REEL_EFORMAT not such a file, or a family, a scaling of
 *         positions or a tensor that is not known here; REEL_ENOMEM. `*out` is then NULL.
 */
enum reel_status lm_decoder_open(const char *path, struct lm_decoder **out,
                                 struct reel_error *err) REEL_CHECKED;
/** A decoder without numbers: lm_decoder_learn gives them. Errors: REEL_EINVAL, REEL_ENOMEM. */
enum reel_status lm_decoder_create(const struct lm_decoder_shape *shape,
                                   struct lm_decoder **out,
                                   struct reel_error *err) REEL_CHECKED;
void lm_decoder_free(struct lm_decoder *decoder);

/** Call `visit` for each tensor there is, in the order of a file; stops at the first false. */
bool lm_decoder_visit(struct lm_decoder *decoder,
                      bool (*visit)(struct lm_tensor *tensor, void *payload),
                      void *payload);

/**
 * Make every tensor a parameter of a new net: with the numbers of the file, or else normal
 * with .02, and .02 / sqrt(2 n_layers) for what ends a half of a layer. Matrices are decayed.
 * The file may be let go by lm_decoder_free only after the net was made.
 */
enum reel_status lm_decoder_learn(struct lm_decoder *decoder, uint64_t seed,
                                  struct base_net **out,
                                  struct reel_error *err) REEL_CHECKED;

/** Numbers of a tensor in single precision, (n_1, n_0): `out` has room for them. */
void lm_tensor_read(const struct lm_tensor *tensor, const struct base_net *net,
                    int64_t first_row, int64_t n_rows, float *out);

/* ---- a pass over packed tokens ---- */

struct lm_packed {
    int32_t n_tokens;
    const int32_t *token;  /* (n_tokens) */
    const int32_t *begin;  /* (n_tokens) where the document of this token begins, <= t */
    const int32_t *wanted; /* (n_tokens) the token to come; -1: none asked */
};

/** One worker's memory. */
struct lm_pass;

/** Bytes of a pass over so many tokens: to be asked before it is made. */
size_t lm_pass_bytes(const struct lm_decoder *decoder, int32_t n_tokens_max, bool learns);
/** Errors: REEL_ENOMEM, with what it would take. */
enum reel_status lm_pass_create(const struct lm_decoder *decoder, int32_t n_tokens_max,
                                bool learns, struct lm_pass **out,
                                struct reel_error *err) REEL_CHECKED;
void lm_pass_free(struct lm_pass *pass);

/**
 * Sum over wanted tokens of -log P(wanted), and how many there are, both added to what is
 * there; the gradient of the sum is added to `gradient` (a bank of `net`, or NULL).
 *
 * `net` may be NULL when nothing is learnt. `rng`: for dropout; NULL: none.
 * Errors: false when memory ran out (BLAS excepted), or a token or document is out of range.
 */
bool lm_pass_loss(struct lm_pass *pass, const struct base_net *net,
                  const struct lm_packed *packed, float *gradient, struct base_rng *rng,
                  double *loss, double *n_wanted);
/** -log P of each wanted token of the last lm_pass_loss, 0 elsewhere; borrowed. */
const float *lm_pass_losses(const struct lm_pass *pass);

/**
 * Keys and values of the prefix for the next calls, and where their gradients are added (may
 * be NULL); both (n_layers, 2, n_prefix, n_groups * n_head_width), borrowed.
 */
void lm_pass_prefix(struct lm_pass *pass, const float *prefix, float *gradient);

/** Logits (n_vocabulary) of token `t` of the last call, which need not have been wanted. */
void lm_pass_logits(struct lm_pass *pass, const struct base_net *net, int32_t t,
                    float *logits);

#endif
