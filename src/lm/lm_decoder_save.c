/** See lm_decoder_save.h. */
#include "lm_decoder_save.h"
#include "base_alloc.h"
#include "base_error.h"

#include <gguf.h>
#include <string.h>

static void set_u32(struct gguf_context *meta, const char *architecture, const char *key,
                    int32_t value)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s.%s", architecture, key);
    gguf_set_val_u32(meta, name, (uint32_t)value);
}

static void set_f32(struct gguf_context *meta, const char *architecture, const char *key,
                    double value)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s.%s", architecture, key);
    gguf_set_val_f32(meta, name, (float)value);
}

void lm_decoder_save_shape(struct gguf_context *meta,
                           const struct lm_decoder_shape *shape, const char *name)
{
    const char *a = shape->architecture;
    gguf_set_val_str(meta, "general.architecture", a);
    gguf_set_val_str(meta, "general.name", name);
    gguf_set_val_u32(meta, "general.file_type", 0); // all in single precision
    set_u32(meta, a, "vocab_size", shape->n_vocabulary);
    set_u32(meta, a, "context_length", shape->n_context);
    set_u32(meta, a, "embedding_length", shape->n_width);
    set_u32(meta, a, "block_count", shape->n_layers);
    set_u32(meta, a, "feed_forward_length", shape->n_hidden);
    set_u32(meta, a, "attention.head_count", shape->n_heads);
    set_u32(meta, a, "attention.head_count_kv", shape->n_groups);
    set_u32(meta, a, "attention.key_length", shape->n_head_width);
    set_u32(meta, a, "attention.value_length", shape->n_head_width);
    set_u32(meta, a, "rope.dimension_count", shape->n_rotated);
    set_f32(meta, a, "rope.freq_base", shape->rope_base);
    set_f32(meta, a, "attention.layer_norm_rms_epsilon", shape->norm_epsilon);
}

/* ---- writing ---- */

struct writing {
    struct gguf_context *meta;
    struct ggml_context *ctx;
    const struct base_net *net;
    FILE *out;
    float *row; /* (n_row) */
    int64_t n_row;
    int n_tensors;
};

static bool count_one(struct lm_tensor *tensor, void *payload)
{
    struct writing *w = payload;
    w->n_tensors++;
    w->n_row = tensor->n_0 > w->n_row ? tensor->n_0 : w->n_row;
    return true;
}

static bool describe_one(struct lm_tensor *tensor, void *payload)
{
    struct writing *w = payload;
    struct ggml_tensor *t =
        tensor->n_1 > 1
            ? ggml_new_tensor_2d(w->ctx, GGML_TYPE_F32, tensor->n_0, tensor->n_1)
            : ggml_new_tensor_1d(w->ctx, GGML_TYPE_F32, tensor->n_0);
    ggml_set_name(t, tensor->name);
    gguf_add_tensor(w->meta, t);
    return true;
}

static bool write_one(struct lm_tensor *tensor, void *payload)
{
    static const char zeros[64];
    struct writing *w = payload;
    const size_t row_bytes = (size_t)tensor->n_0 * sizeof(float);
    for (int64_t i = 0; i < tensor->n_1; i++) {
        lm_tensor_read(tensor, w->net, i, 1, w->row);
        (void)fwrite(w->row, 1, row_bytes, w->out);
    }
    const size_t n = row_bytes * (size_t)tensor->n_1, align = gguf_get_alignment(w->meta);
    (void)fwrite(zeros, 1, (align - n % align) % align, w->out);
    return !ferror(w->out);
}

static enum reel_status write_file(const char *path, struct writing *w,
                                   struct lm_decoder *decoder, struct reel_error *err)
{
    struct base_file_writer file;
    const size_t n_meta = gguf_get_meta_size(w->meta);
    char *head = base_alloc(n_meta);
    w->row = base_alloc_array((size_t)w->n_row, sizeof *w->row);
    enum reel_status rc = head && w->row
                              ? base_file_writer_open(&file, path, err)
                              : fail(err, REEL_ENOMEM, "%s: out of memory", path);
    if (rc == REEL_OK) {
        w->out = file.out;
        gguf_get_meta_data(w->meta, head);
        (void)fwrite(head, 1, n_meta, file.out);
        (void)lm_decoder_visit(decoder, write_one, w);
        rc = base_file_writer_close(&file, err);
    }
    base_free(head);
    base_free(w->row);
    return rc;
}

enum reel_status lm_decoder_save(const char *path, struct gguf_context *meta,
                                 struct lm_decoder *decoder, const struct base_net *net,
                                 struct reel_error *err)
{
    struct writing w = {.meta = meta, .net = net};
    (void)lm_decoder_visit(decoder, count_one, &w);
    const size_t n_bytes = (size_t)w.n_tensors * ggml_tensor_overhead();
    void *memory = base_alloc_aligned(n_bytes, 1);
    w.ctx = memory ? ggml_init((struct ggml_init_params){n_bytes, memory, true}) : NULL;
    enum reel_status rc = REEL_OK;
    if (!w.ctx) {
        rc = fail(err, REEL_ENOMEM, "%s: out of memory", path);
    } else {
        (void)lm_decoder_visit(decoder, describe_one, &w);
        rc = write_file(path, &w, decoder, err);
    }
    ggml_free(w.ctx);
    base_free(memory);
    return rc;
}
