/**
 * Responsible for reading what a GGUF file says of itself. Not for loading weights.
 *
 * llama.cpp's reader is written for well-meant files: a huge length makes it allocate or
 * loop for minutes, an exception would end the process, and asking for a value by the wrong
 * type aborts. So the whole header is walked here first, every length against the bytes
 * that are there; only then does gguf_init_from_buffer see it, and only the header.
 *
 * Layout (little-endian): "GGUF", version u32, n_tensors u64, n_pairs u64, pairs, tensor
 * descriptions, padding, tensor data. A string is its length as u64, then its bytes.
 */
#include "base_error.h"
#include "base_hash.h"
#include "base_text.h"
#include "lm_gguf.h"
#include "lm_log.h"

#include <forkreel/lm.h>

#include <gguf.h>
#include <llama.h>
#include <string.h>

/* Vocabularies of 260,000 tokens with merges take about 15 MB; the rest is small. */
#define HEADER_BYTES_MAX ((size_t)64 << 20)
#define N_PAIRS_MAX 65536
#define N_TENSORS_MAX 1048576
/* The least that can describe one: name length, type and one byte; name length, dimension
   count, type, offset. */
#define PAIR_BYTES_MIN 14
#define TENSOR_BYTES_MIN 24

/** The bytes not yet walked. */
struct cursor {
    const unsigned char *at, *end;
};

static bool skip(struct cursor *c, uint64_t n_bytes)
{
    if (n_bytes > (uint64_t)(c->end - c->at)) {
        return false;
    }
    c->at += n_bytes;
    return true;
}

static bool take(struct cursor *c, void *value, size_t n_bytes)
{
    const unsigned char *from = c->at;
    if (!skip(c, n_bytes)) {
        return false;
    }
    memcpy(value, from, n_bytes);
    return true;
}

static bool skip_string(struct cursor *c)
{
    uint64_t n_bytes;
    return take(c, &n_bytes, sizeof n_bytes) && skip(c, n_bytes);
}

static size_t type_bytes(uint32_t type)
{
    static const unsigned char bytes[] = {
        [GGUF_TYPE_UINT8] = 1,   [GGUF_TYPE_INT8] = 1,    [GGUF_TYPE_UINT16] = 2,
        [GGUF_TYPE_INT16] = 2,   [GGUF_TYPE_UINT32] = 4,  [GGUF_TYPE_INT32] = 4,
        [GGUF_TYPE_FLOAT32] = 4, [GGUF_TYPE_BOOL] = 1,    [GGUF_TYPE_UINT64] = 8,
        [GGUF_TYPE_INT64] = 8,   [GGUF_TYPE_FLOAT64] = 8,
    };
    return type < sizeof bytes ? bytes[type] : 0;
}

/** `n` values of one type; false when they do not fit or the type does not exist. */
static bool skip_values(struct cursor *c, uint32_t type, uint64_t n)
{
    const uint64_t n_left = (uint64_t)(c->end - c->at);
    if (type == GGUF_TYPE_STRING) {
        if (n > n_left / sizeof(uint64_t)) {
            return false;
        }
        while (n-- > 0) {
            if (!skip_string(c)) {
                return false;
            }
        }
        return true;
    }
    const size_t bytes = type_bytes(type);
    return bytes > 0 && n <= n_left / bytes && skip(c, n * bytes);
}

static bool skip_pair(struct cursor *c)
{
    uint32_t type;
    uint64_t n = 1;
    if (!skip_string(c) || !take(c, &type, sizeof type)) {
        return false;
    }
    if (type == GGUF_TYPE_ARRAY &&
        (!take(c, &type, sizeof type) || !take(c, &n, sizeof n))) {
        return false;
    }
    return skip_values(c, type, n);
}

static bool skip_tensor(struct cursor *c)
{
    uint32_t n_dims;
    return skip_string(c) && take(c, &n_dims, sizeof n_dims) && n_dims <= GGML_MAX_DIMS &&
           skip(c, n_dims * sizeof(int64_t) + sizeof(uint32_t) + sizeof(uint64_t));
}

/** Walk the header; *n_header_bytes is where the tensor descriptions end. */
static enum reel_status check_header(const struct base_file_map *map, const char *path,
                                     size_t *n_header_bytes, struct reel_error *err)
{
    const size_t n_magic = strlen(GGUF_MAGIC);
    if (map->n_bytes < n_magic || memcmp(map->data, GGUF_MAGIC, n_magic) != 0) {
        return fail(err, REEL_EFORMAT, "%s: not a GGUF file", path);
    }
    struct cursor c = {map->data + n_magic, map->data + map->n_bytes};
    uint32_t version;
    uint64_t n_tensors, n_pairs;
    if (!take(&c, &version, sizeof version) || !take(&c, &n_tensors, sizeof n_tensors) ||
        !take(&c, &n_pairs, sizeof n_pairs)) {
        return fail(err, REEL_EFORMAT, "%s: cut short in the first 24 bytes", path);
    }
    if (version < 2 || version > GGUF_VERSION) {
        return fail(err, REEL_EFORMAT, "%s: GGUF version %u; 2 and 3 can be read", path,
                    (unsigned)version);
    }
    if (n_pairs > N_PAIRS_MAX || n_pairs > map->n_bytes / PAIR_BYTES_MIN ||
        n_tensors > N_TENSORS_MAX || n_tensors > map->n_bytes / TENSOR_BYTES_MIN) {
        return fail(err, REEL_EFORMAT,
                    "%s: %llu values and %llu tensors cannot be in %zu bytes", path,
                    (unsigned long long)n_pairs, (unsigned long long)n_tensors,
                    map->n_bytes);
    }
    if (c.end - c.at > (ptrdiff_t)HEADER_BYTES_MAX) {
        c.end = c.at + HEADER_BYTES_MAX;
    }
    for (uint64_t i = 0; i < n_pairs; i++) {
        if (!skip_pair(&c)) {
            return fail(err, REEL_EFORMAT,
                        "%s: value %llu of %llu is damaged or cut short", path,
                        (unsigned long long)i + 1, (unsigned long long)n_pairs);
        }
    }
    for (uint64_t i = 0; i < n_tensors; i++) {
        if (!skip_tensor(&c)) {
            return fail(err, REEL_EFORMAT,
                        "%s: tensor %llu of %llu is damaged or cut short", path,
                        (unsigned long long)i + 1, (unsigned long long)n_tensors);
        }
    }
    *n_header_bytes = (size_t)(c.at - map->data);
    return REEL_OK;
}

static struct gguf_context *parse_header(const void *data, size_t n_bytes, char *reason,
                                         size_t n_bytes_reason)
{
    lm_log_take_over();
    lm_log_listen(reason, n_bytes_reason);
    struct gguf_context *gguf = gguf_init_from_buffer(
        data, n_bytes, (struct gguf_init_params){.no_alloc = true, .ctx = NULL});
    lm_log_listen_no_more();
    return gguf;
}

/** A name ends on a terminal: no control characters, and nothing that is not UTF-8. */
static void make_printable(char *text)
{
    size_t bad;
    while (!base_utf8_check(text, strlen(text), &bad)) {
        text[bad] = '?';
    }
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            *c = '?';
        }
    }
}

/** Text under `key` into `text`; left alone where there is none. */
static void get_text(const struct gguf_context *gguf, const char *key, char *text,
                     size_t n_text_bytes)
{
    const int64_t id = gguf_find_key(gguf, key);
    if (id >= 0 && gguf_get_kv_type(gguf, id) == GGUF_TYPE_STRING) {
        snprintf(text, n_text_bytes, "%s", gguf_get_val_str(gguf, id));
        make_printable(text);
    }
}

/** Whole number under `key`, whatever width it is stored in; -1 where there is none. */
static int64_t get_number(const struct gguf_context *gguf, const char *key)
{
    const int64_t id = gguf_find_key(gguf, key);
    switch (id < 0 ? GGUF_TYPE_COUNT : gguf_get_kv_type(gguf, id)) {
    case GGUF_TYPE_UINT32:
        return gguf_get_val_u32(gguf, id);
    case GGUF_TYPE_INT32:
        return gguf_get_val_i32(gguf, id);
    case GGUF_TYPE_UINT64:
        return (int64_t)(gguf_get_val_u64(gguf, id) & INT64_MAX);
    case GGUF_TYPE_INT64:
        return gguf_get_val_i64(gguf, id);
    default:
        return -1;
    }
}

/** A number of the architecture, "llama.context_length"; 0 where it is missing or absurd. */
static int32_t get_size(const struct gguf_context *gguf, const char *architecture,
                        const char *name)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", architecture, name);
    const int64_t n = get_number(gguf, key);
    return n > 0 && n <= INT32_MAX ? (int32_t)n : 0;
}

/** A truth value of the architecture, "bert.attention.causal". */
static bool get_truth(const struct gguf_context *gguf, const char *architecture,
                      const char *name, bool otherwise)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", architecture, name);
    const int64_t id = gguf_find_key(gguf, key);
    return id >= 0 && gguf_get_kv_type(gguf, id) == GGUF_TYPE_BOOL
               ? gguf_get_val_bool(gguf, id)
               : otherwise;
}

/**
 * What llama.cpp asserts instead of refusing: an unknown way of pooling; for encoders, heads
 * that do not share the width evenly, or that are wider for keys than for the rest.
 */
static enum reel_status check_embedder(const struct gguf_context *gguf, const char *path,
                                       struct reel_lm_info *info, struct reel_error *err)
{
    const char *architecture = info->architecture;
    const bool is_causal = get_truth(gguf, architecture, "attention.causal", true);
    char key[96];
    snprintf(key, sizeof key, "%s.pooling_type", architecture);
    const int64_t pooling = get_number(gguf, key);
    if (pooling > 4) {
        return fail(err, REEL_EFORMAT, "%s: pools in way %lld, which is unknown", path,
                    (long long)pooling);
    }
    const int32_t n_heads = get_size(gguf, architecture, "attention.head_count");
    const int32_t n_key = get_size(gguf, architecture, "attention.key_length");
    if (!is_causal && strstr(architecture, "bert") &&
        (n_heads < 1 || info->n_embedding % n_heads != 0 ||
         (n_key > 0 && n_key != info->n_embedding / n_heads))) {
        return fail(err, REEL_EFORMAT, "%s: %d heads of %d do not make a width of %d",
                    path, n_heads, n_key, info->n_embedding);
    }
    info->is_embedder = !is_causal || pooling > 0 || strstr(architecture, "t5encoder");
    return REEL_OK;
}

static int32_t count_tokens(const struct gguf_context *gguf, const char *architecture)
{
    const int64_t id = gguf_find_key(gguf, "tokenizer.ggml.tokens");
    if (id >= 0 && gguf_get_kv_type(gguf, id) == GGUF_TYPE_ARRAY) {
        return (int32_t)gguf_get_arr_n(gguf, id); // at most HEADER_BYTES_MAX / 8
    }
    return get_size(gguf, architecture, "vocab_size");
}

/** llama.cpp ends the process when a token is in the vocabulary twice. */
static enum reel_status check_tokens(const struct gguf_context *gguf, const char *path,
                                     const struct reel_lm_info *info,
                                     struct reel_error *err)
{
    const int64_t id = gguf_find_key(gguf, "tokenizer.ggml.tokens");
    if (id < 0 || gguf_get_kv_type(gguf, id) != GGUF_TYPE_ARRAY ||
        gguf_get_arr_type(gguf, id) != GGUF_TYPE_STRING) {
        return REEL_OK;
    }
    struct base_hash *hash;
    enum reel_status rc = base_hash_create(&hash, err);
    for (int32_t t = 0; rc == REEL_OK && t < info->n_vocabulary; t++) {
        const char *token = gguf_get_arr_str(gguf, id, (size_t)t);
        bool is_new = true;
        if (token[0] && // one without a name is given one
            !base_hash_get_or_add(hash, token, strlen(token), t, &is_new)) {
            rc = fail(err, REEL_ENOMEM, "%s: a vocabulary of %d tokens", path,
                      info->n_vocabulary);
        } else if (!is_new) {
            rc = fail(err, REEL_EFORMAT, "%s: token %d is in the vocabulary twice", path,
                      t);
        }
    }
    base_hash_free(hash);
    return rc;
}

/** Parameters of all tensors, and whether their bytes are in the file. */
static enum reel_status check_tensors(const struct gguf_context *gguf, const char *path,
                                      size_t n_file_bytes, int64_t *n_parameters,
                                      struct reel_error *err)
{
    const size_t n_data_bytes = n_file_bytes - gguf_get_data_offset(gguf);
    *n_parameters = 0;
    for (int64_t i = 0; i < gguf_get_n_tensors(gguf); i++) {
        const size_t offset = gguf_get_tensor_offset(gguf, i);
        const size_t n_bytes = gguf_get_tensor_size(gguf, i);
        if (offset > n_data_bytes || n_bytes > n_data_bytes - offset) {
            return fail(err, REEL_EFORMAT,
                        "%s: cut short, tensor %s is not whole in %zu bytes", path,
                        gguf_get_tensor_name(gguf, i), n_file_bytes);
        }
        const int64_t *ne = gguf_get_tensor_ne(gguf, i);
        int64_t n = 1;
        for (int d = 0; d < GGML_MAX_DIMS; d++) {
            n *= ne[d]; // gguf refused shapes that overflow
        }
        *n_parameters += n;
    }
    return REEL_OK;
}

static enum reel_status fill_info(const struct gguf_context *gguf, const char *path,
                                  struct reel_lm_info *info, struct reel_error *err)
{
    get_text(gguf, "general.architecture", info->architecture, sizeof info->architecture);
    if (info->architecture[0] == '\0') {
        return fail(err, REEL_EFORMAT, "%s: names no architecture, so it is no model",
                    path);
    }
    get_text(gguf, "general.name", info->name, sizeof info->name);
    const int64_t file_type = get_number(gguf, "general.file_type");
    if (file_type >= 0 && file_type < LLAMA_FTYPE_GUESSED) {
        snprintf(info->file_type, sizeof info->file_type, "%s",
                 llama_ftype_name((enum llama_ftype)file_type));
    }
    info->n_context = get_size(gguf, info->architecture, "context_length");
    info->n_embedding = get_size(gguf, info->architecture, "embedding_length");
    info->n_layers = get_size(gguf, info->architecture, "block_count");
    info->n_vocabulary = count_tokens(gguf, info->architecture);
    info->has_chat_template = gguf_find_key(gguf, "tokenizer.chat_template") >= 0;
    const enum reel_status rc = check_tokens(gguf, path, info, err);
    return rc ? rc : check_embedder(gguf, path, info, err);
}

enum reel_status lm_gguf_open(struct lm_gguf *file, const char *path,
                              struct reel_error *err)
{
    size_t n_header_bytes = 0;
    int64_t n_parameters;
    char reason[256];
    *file = (struct lm_gguf){0};
    enum reel_status rc = base_file_map_open(&file->map, path, err);
    rc = rc ? rc : check_header(&file->map, path, &n_header_bytes, err);
    if (rc == REEL_OK) {
        file->header =
            parse_header(file->map.data, file->map.n_bytes, reason, sizeof reason);
        rc = file->header ? check_tensors(file->header, path, file->map.n_bytes,
                                          &n_parameters, err)
                          : fail(err, REEL_EFORMAT, "%s: %s", path,
                                 reason[0] ? reason : "damaged header");
    }
    if (rc != REEL_OK) {
        lm_gguf_close(file);
    }
    return rc;
}

void lm_gguf_close(struct lm_gguf *file)
{
    gguf_free(file->header);
    base_file_map_close(&file->map);
    *file = (struct lm_gguf){0};
}

void lm_gguf_text(const struct lm_gguf *file, const char *key, char *text,
                  size_t n_text_bytes)
{
    get_text(file->header, key, text, n_text_bytes);
}

int64_t lm_gguf_number(const struct lm_gguf *file, const char *key)
{
    return get_number(file->header, key);
}

double lm_gguf_real(const struct lm_gguf *file, const char *key, double otherwise)
{
    const int64_t id = gguf_find_key(file->header, key);
    switch (id < 0 ? GGUF_TYPE_COUNT : gguf_get_kv_type(file->header, id)) {
    case GGUF_TYPE_FLOAT32:
        return (double)gguf_get_val_f32(file->header, id);
    case GGUF_TYPE_FLOAT64:
        return gguf_get_val_f64(file->header, id);
    default:
        return otherwise;
    }
}

const void *lm_gguf_data(const struct lm_gguf *file, int64_t id)
{
    return file->map.data + gguf_get_data_offset(file->header) +
           gguf_get_tensor_offset(file->header, id);
}

enum reel_status reel_lm_info_read(const char *path, struct reel_lm_info *info,
                                   struct reel_error *err)
{
    struct lm_gguf file;
    memset(info, 0, sizeof *info);
    enum reel_status rc = lm_gguf_open(&file, path, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = check_tensors(file.header, path, file.map.n_bytes, &info->n_parameters, err);
    rc = rc ? rc : fill_info(file.header, path, info, err);
    info->file_bytes = (int64_t)file.map.n_bytes;
    if (rc != REEL_OK) {
        memset(info, 0, sizeof *info);
    }
    lm_gguf_close(&file);
    return rc;
}
