/**
 * See lm_backend.h. The tables of functions are ggml's (ggml-backend-impl.h of the pinned
 * version); what fails here for want of memory is told to ggml, which ends llama_decode.
 */
#include "lm_backend.h"

#ifdef __x86_64__

#include "base_alloc.h"
#include "base_pool.h"
#include "lm_kernel.h"

#include <ggml-backend-impl.h>
#include <ggml-blas.h>
#include <ggml-cpu.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { N_ATTEND_TOKENS_MAX = 512, ATTEND_WIDTH_MAX = 256 };

struct packed {
    const void *rows; /* the weights as ggml has them: the key */
    void *tiles;
};

struct own {
    struct base_pool *pool; /* NULL: one thread */
    int32_t n_threads;
    struct packed *packed; /* (room) open addressing, rows NULL: empty */
    size_t n_packed, room;
    void *columns, *scratch; /* grown as needed */
    size_t n_columns_bytes, n_scratch_bytes;
};

static _Thread_local int32_t n_threads_next = 1;

void lm_backend_set_threads(int32_t n_threads)
{
    n_threads_next = n_threads;
}

// ---- memory ----

static bool grow(void **memory, size_t *n_bytes, size_t n_wanted)
{
    if (n_wanted <= *n_bytes) {
        return true;
    }
    base_free(*memory);
    *memory = base_alloc_aligned(n_wanted, 1);
    *n_bytes = *memory ? n_wanted : 0;
    return *memory != NULL;
}

static size_t place_of(const struct packed *packed, size_t room, const void *rows)
{
    size_t at = ((uintptr_t)rows >> 5) * 0x9e3779b97f4a7c15U >> 20 & (room - 1);
    while (packed[at].rows && packed[at].rows != rows) {
        at = (at + 1) & (room - 1);
    }
    return at;
}

static bool need_places(struct own *own)
{
    if (2 * own->n_packed < own->room) {
        return true;
    }
    const size_t room = own->room ? 2 * own->room : 512;
    struct packed *more = base_alloc_zeroed(room, sizeof *more);
    if (!more) {
        return false;
    }
    for (size_t i = 0; i < own->room; i++) {
        if (own->packed[i].rows) {
            more[place_of(more, room, own->packed[i].rows)] = own->packed[i];
        }
    }
    base_free(own->packed);
    own->packed = more;
    own->room = room;
    return true;
}

// ---- weights of other types ----

/** How ggml stores what lm_pack takes: a block of 32. */
struct block_4 {
    uint16_t scale, least;
    uint8_t q[16]; /* weight k and, above, weight 16 + k */
};

/** Q4_K: 256 weights, eight blocks of 32 whose scales and least values have 6 bits. */
struct super_block_4 {
    uint16_t scale, least;
    uint8_t six_bits[12];
    uint8_t q[128]; /* 32 bytes: one block in the low halves, the next one in the high */
};

bool lm_backend_takes(enum ggml_type type)
{
    return type == GGML_TYPE_Q4_0 || type == GGML_TYPE_Q4_1 || type == GGML_TYPE_Q4_K ||
           type == GGML_TYPE_Q5_0 || type == GGML_TYPE_Q5_1 || type == GGML_TYPE_Q5_K ||
           type == GGML_TYPE_Q6_K || type == GGML_TYPE_Q8_0;
}

/** What a type becomes: with 4 bits nothing is lost, 5 and 6 bits are rounded to 8. */
static enum lm_weight weight_of(enum ggml_type type)
{
    return type == GGML_TYPE_Q4_0 || type == GGML_TYPE_Q4_1 || type == GGML_TYPE_Q4_K
               ? LM_WEIGHT_Q4_1
               : LM_WEIGHT_Q8_0;
}

static void from_q4_0(const unsigned char *row, int64_t n_cols, struct block_4 *out)
{
    for (int64_t b = 0; b < n_cols / LM_BLOCK; b++, row += 18) {
        memcpy(&out[b].scale, row, 2);
        out[b].least = ggml_fp32_to_fp16(-8 * ggml_fp16_to_fp32(out[b].scale));
        memcpy(out[b].q, row + 2, 16);
    }
}

static void from_q4_k(const struct super_block_4 *row, int64_t n_cols,
                      struct block_4 *out)
{
    for (int64_t b = 0; b < n_cols / LM_BLOCK; b++, out++) {
        const struct super_block_4 *super = &row[b / 8];
        const uint8_t *six = super->six_bits;
        const int i = (int)(b % 8);
        const int scale = i < 4 ? six[i] & 63 : (six[i + 4] & 15) | six[i - 4] >> 6 << 4;
        const int least = i < 4 ? six[i + 4] & 63 : six[i + 4] >> 4 | six[i] >> 6 << 4;
        out->scale = ggml_fp32_to_fp16(ggml_fp16_to_fp32(super->scale) * (float)scale);
        out->least = ggml_fp32_to_fp16(-ggml_fp16_to_fp32(super->least) * (float)least);
        const uint8_t *q = super->q + i / 2 * 32;
        for (int k = 0; k < 16; k++) {
            const int low = q[k] >> (i % 2 * 4) & 15,
                      high = q[16 + k] >> (i % 2 * 4) & 15;
            out->q[k] = (uint8_t)(low | high << 4);
        }
    }
}

/** One tile of rows as lm_pack takes them; `floats` (n_cols) is scratch. */
static void convert_tile(enum ggml_type type, const unsigned char *rows, int64_t n_cols,
                         unsigned char *out, float *floats)
{
    const size_t n_row_bytes = ggml_row_size(type, n_cols);
    const size_t n_out_bytes = ggml_row_size(
        weight_of(type) == LM_WEIGHT_Q4_1 ? GGML_TYPE_Q4_1 : GGML_TYPE_Q8_0, n_cols);
    for (int r = 0; r < LM_TILE; r++, rows += n_row_bytes, out += n_out_bytes) {
        if (type == GGML_TYPE_Q4_0) {
            from_q4_0(rows, n_cols, (struct block_4 *)(void *)out);
        } else if (type == GGML_TYPE_Q4_K) {
            from_q4_k((const struct super_block_4 *)(const void *)rows, n_cols,
                      (struct block_4 *)(void *)out);
        } else {
            ggml_get_type_traits(type)->to_float(rows, floats, n_cols);
            ggml_get_type_traits_cpu(GGML_TYPE_Q8_0)->from_float(floats, out, n_cols);
        }
    }
}

void *lm_backend_pack(enum ggml_type type, const void *rows, int64_t n_rows,
                      int64_t n_cols)
{
    const enum lm_weight weight = weight_of(type);
    const size_t n_tile_bytes = lm_packed_bytes(weight, LM_TILE, n_cols);
    const size_t n_row_bytes = ggml_row_size(type, n_cols);
    unsigned char *tiles = base_alloc_aligned(lm_packed_bytes(weight, n_rows, n_cols), 1);
    if (tiles && (type == GGML_TYPE_Q4_1 || type == GGML_TYPE_Q8_0)) {
        lm_pack(weight, rows, n_rows, n_cols, tiles);
        return tiles;
    }
    unsigned char *same = base_alloc_array(2 * LM_TILE * (size_t)n_cols, 1);
    float *floats = base_alloc_array((size_t)n_cols, sizeof *floats);
    for (int64_t t = 0; tiles && same && floats && t < n_rows / LM_TILE; t++) {
        const unsigned char *from =
            (const unsigned char *)rows + (size_t)(t * LM_TILE) * n_row_bytes;
        convert_tile(type, from, n_cols, same, floats);
        lm_pack(weight, same, LM_TILE, n_cols, tiles + (size_t)t * n_tile_bytes);
    }
    if (!same || !floats) {
        base_free(tiles);
        tiles = NULL;
    }
    base_free(same);
    base_free(floats);
    return tiles;
}

// ---- weights in use ----

/**
 * The weights are not read again in this form, so a mapped file need not stay in memory twice.
 * Should somebody ask for them after all, they come from the file.
 */
static void let_go(const struct ggml_tensor *weights)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t from = ((uintptr_t)weights->data + page - 1) / page * page;
    const uintptr_t to = ((uintptr_t)weights->data + ggml_nbytes(weights)) / page * page;
    if (to > from &&
        strcmp(ggml_backend_buffer_name(weights->buffer), "CPU_Mapped") == 0) {
        (void)madvise((void *)from, to - from, MADV_DONTNEED);
    }
}

/** Tiles of these weights, packed when first asked for; NULL out of memory. */
static const void *tiles_of(struct own *own, const struct ggml_tensor *weights)
{
    if (!need_places(own)) {
        return NULL;
    }
    struct packed *place = &own->packed[place_of(own->packed, own->room, weights->data)];
    if (!place->rows) {
        void *tiles =
            lm_backend_pack(weights->type, weights->data, weights->ne[1], weights->ne[0]);
        if (!tiles) {
            return NULL;
        }
        let_go(weights);
        *place = (struct packed){weights->data, tiles};
        own->n_packed++;
    }
    return place->tiles;
}

// ---- computing ----

static void run(struct own *own, int64_t n_items, int64_t n_chunk, base_pool_job *job,
                void *payload)
{
    if (own->pool) {
        base_pool_run(own->pool, n_items, n_chunk, job, payload);
    } else {
        job(0, n_items, 0, payload);
    }
}

struct product {
    enum lm_weight type;
    const void *tiles;
    int64_t n_rows;
    const struct lm_columns *columns;
    float *out;
    unsigned char *scratch;
    size_t n_scratch_bytes; /* of one thread */
};

static void multiply_some(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    const struct product *p = payload;
    lm_multiply(p->type, p->tiles, p->n_rows, p->columns, begin, end, p->out,
                p->scratch + (size_t)worker * p->n_scratch_bytes);
}

static bool multiply(struct own *own, struct ggml_tensor *node)
{
    const struct ggml_tensor *weights = node->src[0], *x = node->src[1];
    const int64_t n_cols = weights->ne[0], n_columns = x->ne[1];
    struct product p = {.type = weight_of(weights->type), .n_rows = weights->ne[1]};
    struct lm_columns columns;
    p.n_scratch_bytes = lm_multiply_bytes(n_cols);
    p.tiles = tiles_of(own, weights);
    if (!p.tiles ||
        !grow(&own->columns, &own->n_columns_bytes,
              lm_columns_bytes(n_columns, n_cols)) ||
        !grow(&own->scratch, &own->n_scratch_bytes,
              p.n_scratch_bytes * (size_t)own->n_threads)) {
        return false;
    }
    lm_columns_lay(&columns, n_columns, n_cols, own->columns);
    lm_columns_round(&columns, x->data, (int64_t)(x->nb[1] / sizeof(float)), 0,
                     n_columns);
    p.columns = &columns;
    p.out = node->data;
    p.scratch = own->scratch;
    run(own, p.n_rows / LM_TILE, 8, multiply_some, &p);
    return true;
}

struct attending {
    struct lm_attention a;
    unsigned char *scratch;
    size_t n_scratch_bytes; /* of one thread */
};

static void attend_some(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    const struct attending *p = payload;
    lm_attend(&p->a, begin, end, p->scratch + (size_t)worker * p->n_scratch_bytes);
}

static bool attend(struct own *own, struct ggml_tensor *node)
{
    const struct ggml_tensor *q = node->src[0], *k = node->src[1], *v = node->src[2],
                             *mask = node->src[3];
    struct attending p = {
        .a = {.n_tokens = (int32_t)q->ne[1],
              .n_heads = (int32_t)q->ne[2],
              .n_groups = (int32_t)k->ne[2],
              .n_cells = (int32_t)k->ne[1],
              .width = (int32_t)q->ne[0],
              .query = q->data,
              .query_token_stride = (int64_t)(q->nb[1] / sizeof(float)),
              .query_head_stride = (int64_t)(q->nb[2] / sizeof(float)),
              .key = k->data,
              .key_cell_stride = (int64_t)(k->nb[1] / sizeof(uint16_t)),
              .key_group_stride = (int64_t)(k->nb[2] / sizeof(uint16_t)),
              .value = v->data,
              .value_cell_stride = (int64_t)(v->nb[1] / sizeof(uint16_t)),
              .value_group_stride = (int64_t)(v->nb[2] / sizeof(uint16_t)),
              .mask = mask->data,
              .mask_token_stride = (int64_t)(mask->nb[1] / sizeof(uint16_t)),
              .out = node->data}};
    memcpy(&p.a.scale, node->op_params, sizeof p.a.scale);
    p.n_scratch_bytes = (lm_attend_bytes(&p.a) + 63) / 64 * 64;
    if (!grow(&own->scratch, &own->n_scratch_bytes,
              p.n_scratch_bytes * (size_t)own->n_threads)) {
        return false;
    }
    p.scratch = own->scratch;
    run(own, p.a.n_groups, 1, attend_some, &p);
    return true;
}

static enum ggml_status graph_compute(ggml_backend_t backend, struct ggml_cgraph *graph)
{
    struct own *own = backend->context;
    for (int i = 0; i < ggml_graph_n_nodes(graph); i++) {
        struct ggml_tensor *node = ggml_graph_node(graph, i);
        if (!(node->flags & GGML_TENSOR_FLAG_COMPUTE)) {
            continue;
        }
        const bool is_done = node->op == GGML_OP_MUL_MAT          ? multiply(own, node)
                             : node->op == GGML_OP_FLASH_ATTN_EXT ? attend(own, node)
                                                                  : true; // views
        if (!is_done) {
            return GGML_STATUS_ALLOC_FAILED;
        }
    }
    return GGML_STATUS_SUCCESS;
}

// ---- what is taken ----

static bool takes_product(const struct ggml_tensor *op)
{
    const struct ggml_tensor *weights = op->src[0], *x = op->src[1];
    return lm_backend_takes(weights->type) && weights->buffer &&
           ggml_backend_buffer_get_usage(weights->buffer) ==
               GGML_BACKEND_BUFFER_USAGE_WEIGHTS &&
           ggml_is_contiguous(weights) && weights->ne[2] == 1 && weights->ne[3] == 1 &&
           weights->ne[0] % LM_BLOCK == 0 && weights->ne[1] % LM_TILE == 0 &&
           x->type == GGML_TYPE_F32 && x->nb[0] == sizeof(float) && x->ne[2] == 1 &&
           x->ne[3] == 1 && op->type == GGML_TYPE_F32 && ggml_is_contiguous(op);
}

static bool takes_attention(const struct ggml_tensor *op)
{
    const struct ggml_tensor *q = op->src[0], *k = op->src[1], *v = op->src[2],
                             *mask = op->src[3];
    float bias, cap;
    memcpy(&bias, (const float *)op->op_params + 1, sizeof bias);
    memcpy(&cap, (const float *)op->op_params + 2, sizeof cap);
    return !(bias > 0) && !(cap > 0) && !op->src[4] && mask && q->type == GGML_TYPE_F32 &&
           k->type == GGML_TYPE_F16 && v->type == GGML_TYPE_F16 &&
           mask->type == GGML_TYPE_F16 && q->ne[1] <= N_ATTEND_TOKENS_MAX &&
           q->ne[0] == v->ne[0] && q->ne[0] % 8 == 0 && q->ne[0] <= ATTEND_WIDTH_MAX &&
           q->ne[3] == 1 && k->ne[3] == 1 && mask->ne[2] == 1 && mask->ne[3] == 1 &&
           v->ne[2] == k->ne[2] && q->ne[2] % k->ne[2] == 0 && q->nb[0] == 4 &&
           k->nb[0] == 2 && v->nb[0] == 2;
}

static bool supports_op(ggml_backend_dev_t device, const struct ggml_tensor *op)
{
    (void)device;
    switch (op->op) {
    case GGML_OP_NONE:
    case GGML_OP_RESHAPE:
    case GGML_OP_VIEW:
    case GGML_OP_PERMUTE:
    case GGML_OP_TRANSPOSE:
        return true;
    case GGML_OP_MUL_MAT:
        return takes_product(op);
    case GGML_OP_FLASH_ATTN_EXT:
        return takes_attention(op);
    default:
        return false;
    }
}

static bool supports_buft(ggml_backend_dev_t device, ggml_backend_buffer_type_t buft)
{
    (void)device;
    return ggml_backend_buft_is_host(buft);
}

bool lm_backend_suits(const struct llama_model *model)
{
    switch (llama_model_ftype(model)) {
    case LLAMA_FTYPE_MOSTLY_Q4_0:
    case LLAMA_FTYPE_MOSTLY_Q4_1:
    case LLAMA_FTYPE_MOSTLY_Q5_0:
    case LLAMA_FTYPE_MOSTLY_Q5_1:
    case LLAMA_FTYPE_MOSTLY_Q8_0:
    case LLAMA_FTYPE_MOSTLY_Q4_K_S:
    case LLAMA_FTYPE_MOSTLY_Q4_K_M:
    case LLAMA_FTYPE_MOSTLY_Q5_K_S:
    case LLAMA_FTYPE_MOSTLY_Q5_K_M:
    case LLAMA_FTYPE_MOSTLY_Q6_K:
        return lm_kernel_is_here();
    default:
        return false;
    }
}

// ---- ggml's tables ----

static const char *get_name(ggml_backend_t backend)
{
    (void)backend;
    return "Forkreel";
}

static void free_backend(ggml_backend_t backend)
{
    struct own *own = backend->context;
    for (size_t i = 0; i < own->room; i++) {
        base_free(own->packed[i].tiles);
    }
    base_pool_free(own->pool);
    base_free(own->packed);
    base_free(own->columns);
    base_free(own->scratch);
    base_free(own);
    base_free(backend);
}

static ggml_guid_t guid(void)
{
    static ggml_guid own = {0x66, 0x6f, 0x72, 0x6b, 0x72, 0x65, 0x65, 0x6c,
                            0x2d, 0x6c, 0x6d, 0x2d, 0x63, 0x70, 0x75, 0x31};
    return &own;
}

static ggml_backend_t init_backend(ggml_backend_dev_t device, const char *params)
{
    (void)params;
    struct ggml_backend *backend = base_alloc_zeroed(1, sizeof *backend);
    struct own *own = base_alloc_zeroed(1, sizeof *own);
    if (!backend || !own) {
        base_free(backend);
        base_free(own);
        return NULL;
    }
    own->n_threads = 1;
    if (n_threads_next > 1 && base_pool_create(n_threads_next, &own->pool, NULL) == 0) {
        own->n_threads = n_threads_next;
    }
    backend->guid = guid();
    backend->iface = (struct ggml_backend_i){
        .get_name = get_name, .free = free_backend, .graph_compute = graph_compute};
    backend->device = device;
    backend->context = own;
    return backend;
}

static const char *device_name(ggml_backend_dev_t device)
{
    (void)device;
    return "Forkreel";
}

static void device_memory(ggml_backend_dev_t device, size_t *n_free, size_t *n_total)
{
    (void)device;
    *n_free = *n_total = 0; // none of its own
}

static enum ggml_backend_dev_type device_type(ggml_backend_dev_t device)
{
    (void)device;
    return GGML_BACKEND_DEVICE_TYPE_ACCEL;
}

static void device_props(ggml_backend_dev_t device, struct ggml_backend_dev_props *props)
{
    *props = (struct ggml_backend_dev_props){
        .name = device_name(device),
        .description = device_name(device),
        .type = device_type(device),
        .caps = {.buffer_from_host_ptr = true, .mmap_support = true}};
}

static ggml_backend_buffer_type_t device_buffer_type(ggml_backend_dev_t device)
{
    (void)device;
    return ggml_backend_cpu_buffer_type();
}

static ggml_backend_buffer_t buffer_from(ggml_backend_dev_t device, void *at,
                                         size_t n_bytes, size_t n_tensor_bytes_max)
{
    (void)device, (void)n_tensor_bytes_max;
    return ggml_backend_cpu_buffer_from_ptr(at, n_bytes);
}

static const char *reg_name(ggml_backend_reg_t reg)
{
    (void)reg;
    return "Forkreel";
}

static size_t n_devices(ggml_backend_reg_t reg)
{
    (void)reg;
    return 1;
}

static ggml_backend_dev_t device_at(ggml_backend_reg_t reg, size_t i)
{
    static struct ggml_backend_device device = {
        .iface = {.get_name = device_name,
                  .get_description = device_name,
                  .get_memory = device_memory,
                  .get_type = device_type,
                  .get_props = device_props,
                  .init_backend = init_backend,
                  .get_buffer_type = device_buffer_type,
                  .buffer_from_host_ptr = buffer_from,
                  .supports_op = supports_op,
                  .supports_buft = supports_buft}};
    (void)i;
    device.reg = reg;
    return &device;
}

/** llama.cpp gives BLAS as many threads as ggml; beside each other they fight for the cores. */
static void set_one_thread(ggml_backend_t blas, int n_threads)
{
    (void)n_threads;
    ggml_backend_blas_set_n_threads(blas, 1);
}

static void *blas_function(ggml_backend_reg_t reg, const char *name)
{
    (void)reg;
    return strcmp(name, "ggml_backend_set_n_threads") == 0 ? (void *)set_one_thread
                                                           : NULL;
}

static void register_once(void)
{
    ggml_backend_blas_reg()->iface.get_proc_address = blas_function;
    static struct ggml_backend_reg reg = {.api_version = GGML_BACKEND_API_VERSION,
                                          .iface = {.get_name = reg_name,
                                                    .get_device_count = n_devices,
                                                    .get_device = device_at}};
    if (lm_kernel_is_here()) {
        // The first that can do a product gets it, and BLAS takes all of 32 columns and more.
        ggml_backend_unload(ggml_backend_blas_reg());
        ggml_backend_register(&reg);
        ggml_backend_register(ggml_backend_blas_reg());
    }
}

void lm_backend_register(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_once);
}

#else

void lm_backend_set_threads(int32_t n_threads)
{
    (void)n_threads;
}

bool lm_backend_suits(const struct llama_model *model)
{
    (void)model;
    return false;
}

void lm_backend_register(void)
{
}

#endif
