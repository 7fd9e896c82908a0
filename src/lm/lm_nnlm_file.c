/** Reading and writing the file of a neural language model; see lm_nnlm_file.h. */
#include "lm_nnlm_file.h"

#include "base_error.h"

#include <string.h>

enum {
    VERSION = 1,
    OLDEST = 1,
    N_WORDS_MAX = 1 << 24, /* a state keeps words as floats */
    N_WIDTH_MAX = 1 << 16,
    N_CONTEXT_MAX = 64,
};

// ---- reading ----

static enum reel_status check_header(const struct lm_nnlm_header *h, size_t n_bytes,
                                     struct reel_error *err)
{
    if (memcmp(h->magic, LM_NNLM_MAGIC, sizeof h->magic) != 0) {
        return fail(err, REEL_EFORMAT, "not a neural language model");
    }
    if (h->oldest > VERSION || h->version < OLDEST) {
        return fail(err, REEL_EVERSION, "a neural language model of version %u, not %d",
                    h->version, VERSION);
    }
    if (h->check !=
        base_header_sum(h, sizeof *h, offsetof(struct lm_nnlm_header, check))) {
        return fail(err, REEL_EFORMAT, "the header is damaged");
    }
    if (h->n_bytes != n_bytes) {
        return fail(err, REEL_EFORMAT, "%zu bytes where the header says %llu", n_bytes,
                    (unsigned long long)h->n_bytes);
    }
    const bool is_lstm = h->kind == LM_NNLM_LSTM;
    if ((!is_lstm && h->kind != LM_NNLM_FEEDFORWARD) || h->is_direct > 1 ||
        (is_lstm && (h->is_direct || h->n_context != 0)) ||
        (!is_lstm && (h->n_context < 1 || h->n_context > N_CONTEXT_MAX)) ||
        (h->cut != REEL_LM_CUT_WORDS && h->cut != REEL_LM_CUT_BLANKS) ||
        h->n_words <= LM_END || h->n_words >= N_WORDS_MAX || h->n_embedding < 1 ||
        h->n_embedding > N_WIDTH_MAX || h->n_hidden < 1 || h->n_hidden > N_WIDTH_MAX) {
        return fail(err, REEL_EFORMAT, "kind %u of %u words, %u x %u, %u back", h->kind,
                    h->n_words, h->n_embedding, h->n_hidden, h->n_context);
    }
    return REEL_OK;
}

static struct lm_nnlm_shape shape_of(const struct lm_nnlm_header *h)
{
    return (struct lm_nnlm_shape){.kind = (enum lm_nnlm_kind)h->kind,
                                  .is_direct = h->is_direct != 0,
                                  .n_words = (int32_t)h->n_words,
                                  .n_embedding = (int32_t)h->n_embedding,
                                  .n_hidden = (int32_t)h->n_hidden,
                                  .n_context = (int32_t)h->n_context};
}

static enum reel_status check_sections(const struct lm_nnlm_header *h,
                                       const struct lm_nnlm_shape *shape,
                                       struct reel_error *err)
{
    const struct base_section *s = h->section;
    const uint64_t n_slots = s[LM_NNLM_SECTION_SLOTS].n_items;
    enum reel_status rc = base_sections_check(s, LM_NNLM_N_SECTIONS, h->n_bytes, err);
    rc = rc ? rc
            : base_section_expect(s, LM_NNLM_SECTION_BEGIN, sizeof(uint32_t),
                                  h->n_words + (uint64_t)1, err);
    rc = rc ? rc
            : base_section_expect(s, LM_NNLM_SECTION_BYTES, 1,
                                  s[LM_NNLM_SECTION_BYTES].n_items, err);
    rc = rc ? rc
            : base_section_expect(s, LM_NNLM_SECTION_SLOTS, sizeof(struct lm_word_slot),
                                  n_slots, err);
    for (int i = 0; rc == REEL_OK && i < LM_NNLM_N_ARRAYS; i++) {
        int64_t n_rows, n_columns;
        lm_nnlm_array_shape(shape, (enum lm_nnlm_array)i, &n_rows, &n_columns);
        if (n_rows > 0) {
            rc = base_section_expect(s, LM_NNLM_SECTION_ARRAYS + i, sizeof(float),
                                     (uint64_t)n_rows * (uint64_t)n_columns, err);
        }
    }
    if (rc == REEL_OK && (n_slots == 0 || (n_slots & (n_slots - 1)) != 0)) {
        rc = fail(err, REEL_EFORMAT, "a table of %llu places",
                  (unsigned long long)n_slots);
    }
    return rc;
}

enum reel_status lm_nnlm_view(struct lm_nnlm *model, const void *data, size_t n_bytes,
                              struct reel_error *err)
{
    *model = (struct lm_nnlm){0};
    struct lm_nnlm view = {0};
    struct lm_nnlm_header *h = &view.header;
    if (n_bytes < BASE_BLOCK_HEADER_BYTES) {
        return fail(err, REEL_EFORMAT, "not a neural language model: too short");
    }
    memcpy(h, data, sizeof *h);
    enum reel_status rc = check_header(h, n_bytes, err);
    view.shape = shape_of(h);
    rc = rc ? rc : check_sections(h, &view.shape, err);
    if (rc) {
        return rc;
    }
    const char *base = data;
    const struct base_section *s = h->section;
    view.words = (struct lm_words_view){
        .n_words = h->n_words,
        .begin = (const void *)(base + s[LM_NNLM_SECTION_BEGIN].offset),
        .bytes = base + s[LM_NNLM_SECTION_BYTES].offset,
        .slot = (const void *)(base + s[LM_NNLM_SECTION_SLOTS].offset),
        .n_slots = s[LM_NNLM_SECTION_SLOTS].n_items};
    for (int i = 0; i < LM_NNLM_N_ARRAYS; i++) {
        int64_t n_rows, n_columns;
        lm_nnlm_array_shape(&view.shape, (enum lm_nnlm_array)i, &n_rows, &n_columns);
        if (n_rows > 0) {
            view.weights.array[i] =
                (const void *)(base + s[LM_NNLM_SECTION_ARRAYS + i].offset);
        }
    }
    rc = lm_words_check(&view.words, s[LM_NNLM_SECTION_BYTES].n_items, err);
    if (rc == REEL_OK) {
        *model = view;
    }
    return rc;
}

enum reel_status lm_nnlm_map(struct lm_nnlm *model, const char *path,
                             struct reel_error *err)
{
    struct base_file_map map;
    struct reel_error why;
    *model = (struct lm_nnlm){0};
    enum reel_status rc = base_file_map_open(&map, path, err);
    if (rc) {
        return rc;
    }
    rc = lm_nnlm_view(model, map.data, map.n_bytes, &why);
    if (rc) {
        base_file_map_close(&map);
        return fail(err, rc, "%s: %s", path, why.text);
    }
    model->map = map;
    return REEL_OK;
}

void lm_nnlm_unmap(struct lm_nnlm *model)
{
    base_file_map_close(&model->map);
    *model = (struct lm_nnlm){0};
}

// ---- writing ----

static bool place_sections(struct lm_nnlm_header *h, const struct lm_nnlm *model)
{
    const struct lm_words_view *words = &model->words;
    struct base_section *s = h->section;
    h->n_bytes = BASE_BLOCK_HEADER_BYTES;
    bool is_placed =
        base_section_place(&s[LM_NNLM_SECTION_BEGIN], sizeof(uint32_t),
                           words->n_words + (uint64_t)1, &h->n_bytes) &&
        base_section_place(&s[LM_NNLM_SECTION_BYTES], 1, words->begin[words->n_words],
                           &h->n_bytes) &&
        base_section_place(&s[LM_NNLM_SECTION_SLOTS], sizeof(struct lm_word_slot),
                           words->n_slots, &h->n_bytes);
    for (int i = 0; is_placed && i < LM_NNLM_N_ARRAYS; i++) {
        int64_t n_rows, n_columns;
        lm_nnlm_array_shape(&model->shape, (enum lm_nnlm_array)i, &n_rows, &n_columns);
        if (n_rows > 0) {
            is_placed =
                base_section_place(&s[LM_NNLM_SECTION_ARRAYS + i], sizeof(float),
                                   (uint64_t)n_rows * (uint64_t)n_columns, &h->n_bytes);
        }
    }
    return is_placed;
}

static void write_section(FILE *out, const struct base_section *section, const void *data)
{
    static const char zero[BASE_BLOCK_ALIGN];
    const size_t n_bytes = (size_t)(section->n_items * section->item_bytes);
    const size_t n_over = n_bytes % BASE_BLOCK_ALIGN;
    if (section->is_present) { // failures of fwrite are sticky and come out at closing
        (void)fwrite(data, 1, n_bytes, out);
        (void)fwrite(zero, 1, n_over ? BASE_BLOCK_ALIGN - n_over : 0, out);
    }
}

enum reel_status lm_nnlm_write(const struct lm_nnlm *model, const char *path,
                               int64_t *file_bytes, struct reel_error *err)
{
    union {
        struct lm_nnlm_header h;
        char page[BASE_BLOCK_HEADER_BYTES];
    } head = {.h = model->header};
    const struct lm_nnlm_shape *s = &model->shape;
    struct lm_nnlm_header *h = &head.h;
    memcpy(h->magic, LM_NNLM_MAGIC, sizeof h->magic);
    memset(h->section, 0, sizeof h->section);
    h->version = VERSION;
    h->oldest = OLDEST;
    h->kind = (uint32_t)s->kind;
    h->is_direct = s->is_direct;
    h->n_words = (uint32_t)s->n_words;
    h->n_embedding = (uint32_t)s->n_embedding;
    h->n_hidden = (uint32_t)s->n_hidden;
    h->n_context = (uint32_t)s->n_context;
    if (!place_sections(h, model)) {
        return fail(err, REEL_EINVAL, "the model is too large for a file");
    }
    h->check = base_header_sum(h, sizeof *h, offsetof(struct lm_nnlm_header, check));
    *file_bytes = (int64_t)h->n_bytes;
    struct base_file_writer writer;
    const enum reel_status rc = base_file_writer_open(&writer, path, err);
    if (rc) {
        return rc;
    }
    const struct lm_words_view *words = &model->words;
    (void)fwrite(&head, sizeof head, 1, writer.out);
    write_section(writer.out, &h->section[LM_NNLM_SECTION_BEGIN], words->begin);
    write_section(writer.out, &h->section[LM_NNLM_SECTION_BYTES], words->bytes);
    write_section(writer.out, &h->section[LM_NNLM_SECTION_SLOTS], words->slot);
    for (int i = 0; i < LM_NNLM_N_ARRAYS; i++) {
        write_section(writer.out, &h->section[LM_NNLM_SECTION_ARRAYS + i],
                      model->weights.array[i]);
    }
    return base_file_writer_close(&writer, err);
}
