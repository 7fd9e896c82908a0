/** A BERT of 20,000 parameters, made on the spot: it knows letters, and reads both ways. */
#ifndef LM_BERT_H
#define LM_BERT_H

#include "lm_tiny.h"

enum {
    BERT_N_SPECIAL = 4,
    BERT_N_VOCABULARY = BERT_N_SPECIAL + 52,
    BERT_N_CONTEXT = 128
};

/** What is wrong with it; 0: as it should be. */
struct bert_changes {
    uint32_t pooling, n_heads, n_key, n_context, sep;
    bool doubles; /* two tokens are the same */
};

static const struct tiny_tensor bert_tensors[] = {
    {"token_embd.weight", BERT_N_VOCABULARY, TINY_N_EMBD, 0, 0},
    {"token_types.weight", 2, TINY_N_EMBD, 0, 0},
    {"token_embd_norm.weight", 0, TINY_N_EMBD, 0, 0},
    {"token_embd_norm.bias", 0, TINY_N_EMBD, 0, 0},
    {"blk.0.attn_q.weight", TINY_N_EMBD, TINY_N_EMBD, 0, 0},
    {"blk.0.attn_k.weight", TINY_N_EMBD, TINY_N_EMBD, 0, 0},
    {"blk.0.attn_v.weight", TINY_N_EMBD, TINY_N_EMBD, 0, 0},
    {"blk.0.attn_output.weight", TINY_N_EMBD, TINY_N_EMBD, 0, 0},
    {"blk.0.attn_output_norm.weight", 0, TINY_N_EMBD, 0, 0},
    {"blk.0.attn_output_norm.bias", 0, TINY_N_EMBD, 0, 0},
    {"blk.0.ffn_up.weight", TINY_N_FF, TINY_N_EMBD, 0, 0},
    {"blk.0.ffn_down.weight", TINY_N_EMBD, TINY_N_FF, 0, 0},
    {"blk.0.layer_output_norm.weight", 0, TINY_N_EMBD, 0, 0},
    {"blk.0.layer_output_norm.bias", 0, TINY_N_EMBD, 0, 0},
};

static void bert_piece(int32_t i, bool doubles, char piece[16])
{
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]"};
    if (i < BERT_N_SPECIAL) {
        (void)snprintf(piece, 16, "%s", special[i]);
    } else if (i < BERT_N_SPECIAL + 26) {
        (void)snprintf(piece, 16, "\xe2\x96\x81%c", 'a' + i - BERT_N_SPECIAL);
    } else {
        const int32_t letter = i - BERT_N_SPECIAL - 26;
        (void)snprintf(piece, 16, "%c", 'a' + (doubles && letter == 25 ? 0 : letter));
    }
}

static void bert_vocabulary(struct tiny *t, const struct bert_changes *changes)
{
    char piece[16];
    tiny_pair_text(t, "tokenizer.ggml.model", "bert");
    tiny_string(t, "tokenizer.ggml.tokens");
    tiny_u32(t, 9);
    tiny_u32(t, 8);
    tiny_u64(t, BERT_N_VOCABULARY);
    for (int32_t i = 0; i < BERT_N_VOCABULARY; i++) {
        bert_piece(i, changes->doubles, piece);
        tiny_string(t, piece);
    }
    tiny_pair_u32(t, "tokenizer.ggml.token_type_count", 2);
    tiny_pair_u32(t, "tokenizer.ggml.padding_token_id", 0);
    tiny_pair_u32(t, "tokenizer.ggml.unknown_token_id", 1);
    tiny_pair_u32(t, "tokenizer.ggml.bos_token_id", 2);
    tiny_pair_u32(t, "tokenizer.ggml.seperator_token_id",
                  changes->sep ? changes->sep : 3);
}

static void bert_pairs(struct tiny *t, const struct bert_changes *changes)
{
    const uint32_t n_heads = changes->n_heads ? changes->n_heads : TINY_N_HEADS;
    const struct {
        const char *name;
        uint32_t value;
    } sizes[] = {
        {"bert.context_length", changes->n_context ? changes->n_context : BERT_N_CONTEXT},
        {"bert.embedding_length", TINY_N_EMBD},
        {"bert.block_count", 1},
        {"bert.feed_forward_length", TINY_N_FF},
        {"bert.attention.head_count", n_heads},
        {"bert.attention.key_length",
         changes->n_key ? changes->n_key : TINY_N_EMBD / n_heads},
        {"bert.pooling_type", changes->pooling ? changes->pooling : 1},
    };
    tiny_u64(t, 4 + COUNT_OF(sizes) + 7);
    tiny_pair_text(t, "general.architecture", "bert");
    tiny_pair_text(t, "general.name", "Tiny BERT");
    tiny_pair_f32(t, "bert.attention.layer_norm_epsilon", 1e-12F);
    tiny_string(t, "bert.attention.causal");
    tiny_u32(t, 7);
    assert_int_equal(fputc(0, t->out), 0);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        tiny_pair_u32(t, sizes[i].name, sizes[i].value);
    }
    bert_vocabulary(t, changes);
}

static void bert_write(const char *path, const struct bert_changes *changes)
{
    struct tiny t = {.out = fopen(path, "wb")};
    const struct tiny_tensor positions = {
        "position_embd.weight", changes->n_context ? changes->n_context : BERT_N_CONTEXT,
        TINY_N_EMBD, 0, 0};
    assert_non_null(t.out);
    base_rng_init(&t.rng, 11, 24);
    assert_int_equal(fwrite("GGUF", 1, 4, t.out), 4);
    tiny_u32(&t, 3);
    tiny_u64(&t, COUNT_OF(bert_tensors) + 1);
    bert_pairs(&t, changes);
    tiny_describe(&t, positions.name, &positions);
    for (size_t i = 0; i < COUNT_OF(bert_tensors); i++) {
        tiny_describe(&t, bert_tensors[i].name, &bert_tensors[i]);
    }
    while (ftell(t.out) % TINY_ALIGN != 0) {
        assert_int_equal(fputc(0, t.out), 0);
    }
    tiny_fill(&t, positions.name, &positions);
    for (size_t i = 0; i < COUNT_OF(bert_tensors); i++) {
        tiny_fill(&t, bert_tensors[i].name, &bert_tensors[i]);
    }
    assert_int_equal(fclose(t.out), 0);
}

#endif
