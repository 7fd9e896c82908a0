/**
 * A language model of 60,000 parameters, made on the spot from a seed: it writes nonsense, but
 * it is a whole GGUF file, and everything that happens to a large one happens to it.
 */
#ifndef LM_TINY_H
#define LM_TINY_H

#include "unit.h"

#include "base_rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    TINY_N_EMBD = 32,
    TINY_N_HEADS = 2,
    TINY_N_FF = 64,
    TINY_N_LAYERS = 2,
    TINY_N_BYTES = 259, /* <unk> <s> </s> and the bytes */
    TINY_N_VOCABULARY = TINY_N_BYTES + 1 + 26 + 4,
    TINY_N_CONTEXT = 512,
    TINY_ALIGN = 32,
};

struct tiny {
    FILE *out;
    bool is_sliding;
    struct base_rng rng;
    uint64_t n_data_bytes; /* of the tensors described so far */
};

static void tiny_u32(struct tiny *t, uint32_t x)
{
    assert_int_equal(fwrite(&x, sizeof x, 1, t->out), 1);
}

static void tiny_u64(struct tiny *t, uint64_t x)
{
    assert_int_equal(fwrite(&x, sizeof x, 1, t->out), 1);
}

static void tiny_string(struct tiny *t, const char *text)
{
    tiny_u64(t, strlen(text));
    assert_int_equal(fwrite(text, 1, strlen(text), t->out), strlen(text));
}

static void tiny_pair_u32(struct tiny *t, const char *key, uint32_t x)
{
    tiny_string(t, key);
    tiny_u32(t, 4);
    tiny_u32(t, x);
}

static void tiny_pair_f32(struct tiny *t, const char *key, float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    tiny_string(t, key);
    tiny_u32(t, 6);
    tiny_u32(t, bits);
}

static void tiny_pair_text(struct tiny *t, const char *key, const char *text)
{
    tiny_string(t, key);
    tiny_u32(t, 8);
    tiny_string(t, text);
}

static void tiny_array(struct tiny *t, const char *key, uint32_t type)
{
    tiny_string(t, key);
    tiny_u32(t, 9);
    tiny_u32(t, type);
    tiny_u64(t, TINY_N_VOCABULARY);
}

static void tiny_piece(int32_t i, char piece[16])
{
    static const char *const special[] = {"<unk>", "<s>", "</s>"};
    static const char the[] = "\xe2\x96\x81the", fork[] = "\xe2\x96\x81"
                                                          "fork";
    const char *const words[] = {the, fork, "\xe5\x8f\x89", "\xe3\x80\x82"};
    if (i < 3) {
        snprintf(piece, 16, "%s", special[i]);
    } else if (i < TINY_N_BYTES) {
        snprintf(piece, 16, "<0x%02X>", (unsigned)(i - 3));
    } else if (i == TINY_N_BYTES) {
        snprintf(piece, 16, "\xe2\x96\x81");
    } else if (i < TINY_N_BYTES + 27) {
        snprintf(piece, 16, "%c", 'a' + i - TINY_N_BYTES - 1);
    } else {
        snprintf(piece, 16, "%s", words[i - TINY_N_BYTES - 27]);
    }
}

static void tiny_vocabulary(struct tiny *t)
{
    char piece[16];
    tiny_pair_text(t, "tokenizer.ggml.model", "llama");
    tiny_array(t, "tokenizer.ggml.tokens", 8);
    for (int32_t i = 0; i < TINY_N_VOCABULARY; i++) {
        tiny_piece(i, piece);
        tiny_string(t, piece);
    }
    tiny_array(t, "tokenizer.ggml.scores", 6);
    for (int32_t i = 0; i < TINY_N_VOCABULARY; i++) {
        const float score = i < TINY_N_BYTES ? 0 : (float)-i;
        uint32_t bits;
        memcpy(&bits, &score, sizeof bits);
        tiny_u32(t, bits);
    }
    tiny_array(t, "tokenizer.ggml.token_type", 5);
    for (int32_t i = 0; i < TINY_N_VOCABULARY; i++) {
        tiny_u32(t, i == 0 ? 2 : i < 3 ? 3 : i < TINY_N_BYTES ? 6 : 1);
    }
    tiny_pair_u32(t, "tokenizer.ggml.bos_token_id", 1);
    tiny_pair_u32(t, "tokenizer.ggml.eos_token_id", 2);
}

enum { TINY_N_VOCABULARY_PAIRS = 6, TINY_N_PAIRS = 11 };

struct tiny_tensor {
    const char *name; /* "%d" in it: one for each layer */
    uint32_t n_rows, n_cols;
    bool is_plain_only, is_sliding_only;
};

static const struct tiny_tensor tiny_tensors[] = {
    {"token_embd.weight", TINY_N_VOCABULARY, TINY_N_EMBD, 0, 0},
    {"output_norm.weight", 0, TINY_N_EMBD, 0, 0},
    {"output.weight", TINY_N_VOCABULARY, TINY_N_EMBD, true, false},
    {"blk.%d.attn_norm.weight", 0, TINY_N_EMBD, 0, 0},
    {"blk.%d.attn_q.weight", TINY_N_EMBD, TINY_N_EMBD, 0, 0},
    {"blk.%d.attn_k.weight", TINY_N_EMBD, TINY_N_EMBD, 0, 0},
    {"blk.%d.attn_v.weight", TINY_N_EMBD, TINY_N_EMBD, 0, 0},
    {"blk.%d.attn_output.weight", TINY_N_EMBD, TINY_N_EMBD, 0, 0},
    {"blk.%d.ffn_norm.weight", 0, TINY_N_EMBD, 0, 0},
    {"blk.%d.ffn_gate.weight", TINY_N_FF, TINY_N_EMBD, 0, 0},
    {"blk.%d.ffn_up.weight", TINY_N_FF, TINY_N_EMBD, 0, 0},
    {"blk.%d.ffn_down.weight", TINY_N_EMBD, TINY_N_FF, 0, 0},
    {"blk.%d.post_attention_norm.weight", 0, TINY_N_EMBD, false, true},
    {"blk.%d.post_ffw_norm.weight", 0, TINY_N_EMBD, false, true},
};

/** Calls `one` for every tensor of every layer, in the order of the file. */
static void tiny_each(struct tiny *t, void (*one)(struct tiny *t, const char *name,
                                                  const struct tiny_tensor *tensor))
{
    for (size_t i = 0; i < COUNT_OF(tiny_tensors); i++) {
        const struct tiny_tensor *tensor = &tiny_tensors[i];
        const char *layer = strstr(tensor->name, "%d");
        if (t->is_sliding ? tensor->is_plain_only : tensor->is_sliding_only) {
            continue;
        }
        for (int l = 0; l < (layer ? TINY_N_LAYERS : 1); l++) {
            char name[64];
            if (layer) {
                snprintf(name, sizeof name, "blk.%d%s", l, layer + 2);
            } else {
                snprintf(name, sizeof name, "%s", tensor->name);
            }
            one(t, name, tensor);
        }
    }
}

static uint64_t tiny_tensor_bytes(const struct tiny_tensor *tensor)
{
    const uint64_t n =
        (uint64_t)tensor->n_cols * (tensor->n_rows ? tensor->n_rows : 1) * 4;
    return (n + TINY_ALIGN - 1) / TINY_ALIGN * TINY_ALIGN;
}

static void tiny_describe(struct tiny *t, const char *name,
                          const struct tiny_tensor *tensor)
{
    tiny_string(t, name);
    tiny_u32(t, tensor->n_rows ? 2 : 1);
    tiny_u64(t, tensor->n_cols);
    if (tensor->n_rows) {
        tiny_u64(t, tensor->n_rows);
    }
    tiny_u32(t, 0);
    tiny_u64(t, t->n_data_bytes);
    t->n_data_bytes += tiny_tensor_bytes(tensor);
}

static void tiny_fill(struct tiny *t, const char *name, const struct tiny_tensor *tensor)
{
    (void)name;
    const uint64_t n = (uint64_t)tensor->n_cols * (tensor->n_rows ? tensor->n_rows : 1);
    for (uint64_t i = 0; i < tiny_tensor_bytes(tensor) / 4; i++) {
        const float x = i >= n           ? 0
                        : tensor->n_rows ? (float)(0.35 * base_rng_normal(&t->rng))
                                         : 1.0F;
        assert_int_equal(fwrite(&x, sizeof x, 1, t->out), 1);
    }
}

static void tiny_count(struct tiny *t, const char *name, const struct tiny_tensor *tensor)
{
    (void)name, (void)tensor;
    t->n_data_bytes++;
}

/** Write the model; `window` > 0: its attention slides, so its cells cannot be shared. */
static void tiny_write(const char *path, uint32_t window)
{
    struct tiny t = {.out = fopen(path, "wb"), .is_sliding = window > 0};
    const char *architecture = window > 0 ? "gemma2" : "llama";
    char key[64];
    assert_non_null(t.out);
    base_rng_init(&t.rng, 20, 26);
    tiny_each(&t, tiny_count);
    const uint64_t n_tensors = t.n_data_bytes;
    t.n_data_bytes = 0;
    assert_int_equal(fwrite("GGUF", 1, 4, t.out), 4);
    tiny_u32(&t, 3);
    tiny_u64(&t, n_tensors);
    tiny_u64(&t, TINY_N_PAIRS + TINY_N_VOCABULARY_PAIRS + (window > 0));
    tiny_pair_text(&t, "general.architecture", architecture);
    tiny_pair_text(&t, "general.name", "Tiny");
    tiny_pair_text(&t, "tokenizer.chat_template",
                   "{% for m in messages %}<|im_start|>{{ m }}<|im_end|>{% endfor %}");
    static const struct {
        const char *name;
        uint32_t value;
    } sizes[] = {{"context_length", TINY_N_CONTEXT},
                 {"embedding_length", TINY_N_EMBD},
                 {"block_count", TINY_N_LAYERS},
                 {"feed_forward_length", TINY_N_FF},
                 {"attention.head_count", TINY_N_HEADS},
                 {"attention.head_count_kv", TINY_N_HEADS},
                 {"rope.dimension_count", TINY_N_EMBD / TINY_N_HEADS}};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        snprintf(key, sizeof key, "%s.%s", architecture, sizes[i].name);
        tiny_pair_u32(&t, key, sizes[i].value);
    }
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", architecture);
    tiny_pair_f32(&t, key, 1e-5F);
    if (window > 0) {
        snprintf(key, sizeof key, "%s.attention.sliding_window", architecture);
        tiny_pair_u32(&t, key, window);
    }
    tiny_vocabulary(&t);
    tiny_each(&t, tiny_describe);
    while (ftell(t.out) % TINY_ALIGN != 0) {
        assert_int_equal(fputc(0, t.out), 0);
    }
    tiny_each(&t, tiny_fill);
    assert_int_equal(fclose(t.out), 0);
}

#endif
