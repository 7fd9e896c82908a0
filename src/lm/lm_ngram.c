/** A mapped n-gram model and walking through it; see lm_ngram.h. */
#include "lm_ngram.h"

#include "base_error.h"

#include <string.h>

enum { VERSION = 1, OLDEST = 1 };

// ---- the file ----

static enum reel_status check_header(const struct lm_ngram_header *h, size_t n_bytes,
                                     struct reel_error *err)
{
    if (memcmp(h->magic, LM_NGRAM_MAGIC, sizeof h->magic) != 0) {
        return fail(err, REEL_EFORMAT, "not an n-gram model");
    }
    if (h->oldest > VERSION || h->version < OLDEST) {
        return fail(err, REEL_EVERSION, "an n-gram model of version %u, not %d",
                    h->version, VERSION);
    }
    if (h->check !=
        base_header_sum(h, sizeof *h, offsetof(struct lm_ngram_header, check))) {
        return fail(err, REEL_EFORMAT, "the header is damaged");
    }
    if (h->n_bytes != n_bytes) {
        return fail(err, REEL_EFORMAT, "%zu bytes where the header says %llu", n_bytes,
                    (unsigned long long)h->n_bytes);
    }
    if (h->order < 1 || h->order > REEL_LM_NGRAM_ORDER_MAX ||
        (h->cut != REEL_LM_CUT_WORDS && h->cut != REEL_LM_CUT_BLANKS) || h->n_words < 3 ||
        h->n_words > INT32_MAX) {
        return fail(err, REEL_EFORMAT, "order %u, %u words, cut %u", h->order, h->n_words,
                    h->cut);
    }
    return REEL_OK;
}

static enum reel_status check_sections(const struct lm_ngram_header *h,
                                       struct reel_error *err)
{
    const struct base_section *s = h->section;
    const uint64_t n_bytes = s[LM_NGRAM_SECTION_BYTES].n_items,
                   n_slots = s[LM_NGRAM_SECTION_SLOTS].n_items,
                   n_block = s[LM_NGRAM_SECTION_BLOCK].n_items;
    const struct {
        size_t item_bytes;
        uint64_t n_items;
    } wanted[LM_NGRAM_N_SECTIONS] = {{sizeof(uint32_t), h->n_words + (uint64_t)1},
                                     {1, n_bytes},
                                     {sizeof(struct lm_word_slot), n_slots},
                                     {sizeof(struct lm_unigram), h->n_words},
                                     {sizeof(uint32_t), n_block}};
    enum reel_status rc = base_sections_check(s, LM_NGRAM_N_SECTIONS, h->n_bytes, err);
    for (int32_t i = 0; rc == REEL_OK && i < LM_NGRAM_N_SECTIONS; i++) {
        rc = base_section_expect(s, i, (uint32_t)wanted[i].item_bytes, wanted[i].n_items,
                                 err);
    }
    if (rc == REEL_OK && (n_slots == 0 || (n_slots & (n_slots - 1)) != 0 ||
                          n_block > UINT32_MAX || n_block < 1)) {
        rc = fail(err, REEL_EFORMAT, "tables of %llu and %llu places",
                  (unsigned long long)n_slots, (unsigned long long)n_block);
    }
    return rc;
}

enum reel_status lm_ngram_view(struct lm_ngram *model, const void *data, size_t n_bytes,
                               struct reel_error *err)
{
    *model = (struct lm_ngram){0};
    struct lm_ngram_header h;
    if (n_bytes < BASE_BLOCK_HEADER_BYTES) {
        return fail(err, REEL_EFORMAT, "not an n-gram model: too short");
    }
    memcpy(&h, data, sizeof h);
    enum reel_status rc = check_header(&h, n_bytes, err);
    rc = rc ? rc : check_sections(&h, err);
    if (rc) {
        return rc;
    }
    const char *base = data;
    const struct base_section *s = h.section;
    struct lm_ngram view = {.header = h};
    view.words = (struct lm_words_view){
        .n_words = h.n_words,
        .begin = (const void *)(base + s[LM_NGRAM_SECTION_BEGIN].offset),
        .bytes = base + s[LM_NGRAM_SECTION_BYTES].offset,
        .slot = (const void *)(base + s[LM_NGRAM_SECTION_SLOTS].offset),
        .n_slots = s[LM_NGRAM_SECTION_SLOTS].n_items};
    view.unigram = (const void *)(base + s[LM_NGRAM_SECTION_UNIGRAMS].offset);
    view.block = (const void *)(base + s[LM_NGRAM_SECTION_BLOCK].offset);
    view.n_block = (uint32_t)s[LM_NGRAM_SECTION_BLOCK].n_items;
    rc = lm_words_check(&view.words, s[LM_NGRAM_SECTION_BYTES].n_items, err);
    if (rc == REEL_OK) {
        *model = view;
    }
    return rc;
}

enum reel_status lm_ngram_map(struct lm_ngram *model, const char *path,
                              struct reel_error *err)
{
    struct base_file_map map;
    *model = (struct lm_ngram){0};
    enum reel_status rc = base_file_map_open(&map, path, err);
    if (rc) {
        return rc;
    }
    struct reel_error why;
    rc = lm_ngram_view(model, map.data, map.n_bytes, &why);
    if (rc) {
        base_file_map_close(&map);
        return fail(err, rc, "%s: %s", path, why.text);
    }
    model->map = map;
    return REEL_OK;
}

void lm_ngram_unmap(struct lm_ngram *model)
{
    base_file_map_close(&model->map);
    *model = (struct lm_ngram){0};
}

// ---- walking ----

float lm_ngram_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint32_t lm_ngram_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

bool lm_ngram_context(const struct lm_ngram *model, uint32_t at,
                      struct lm_context *context)
{
    if (!model->block || at == 0 || at >= model->n_block ||
        model->n_block - at < LM_CONTEXT_HEAD) {
        return false;
    }
    const uint32_t *c = model->block + at;
    const uint32_t n = c[LM_CONTEXT_SLOTS] & ~LM_IS_TABLE;
    if (n > (model->n_block - at - LM_CONTEXT_HEAD) / LM_SLOT_WORDS) {
        return false;
    }
    *context = (struct lm_context){.n_slots = n,
                                   .is_table = (c[LM_CONTEXT_SLOTS] & LM_IS_TABLE) != 0,
                                   .backoff = lm_ngram_float(c[LM_CONTEXT_BACKOFF]),
                                   .suffix = c[LM_CONTEXT_SUFFIX],
                                   .prefix = c[LM_CONTEXT_PREFIX],
                                   .last = c[LM_CONTEXT_LAST],
                                   .slot = c + LM_CONTEXT_HEAD};
    return true;
}

/** The slot of a word, or NULL. */
static const uint32_t *find_slot(const struct lm_context *c, uint32_t word)
{
    if (!c->is_table) {
        for (uint32_t i = 0; i < c->n_slots; i++) {
            if (c->slot[i * LM_SLOT_WORDS] == word) {
                return c->slot + i * LM_SLOT_WORDS;
            }
        }
        return NULL;
    }
    uint32_t at = lm_ngram_place(word, c->n_slots);
    for (uint32_t n = 0; n < c->n_slots; n++) {
        const uint32_t *slot = c->slot + (size_t)at * LM_SLOT_WORDS;
        if (slot[LM_SLOT_WORD] == word) {
            return slot;
        }
        if (slot[LM_SLOT_WORD] == LM_NO_WORD) {
            return NULL;
        }
        at = at + 1 == c->n_slots ? 0 : at + 1;
    }
    return NULL;
}

uint32_t lm_ngram_begin(const struct lm_ngram *model)
{
    return model->unigram[LM_BEGIN].next;
}

double lm_ngram_step(const struct lm_ngram *model, uint32_t *context, uint32_t word)
{
    struct lm_context c;
    uint32_t at = *context;
    double sum = 0;
    word = word < model->words.n_words ? word : LM_UNKNOWN;
    while (lm_ngram_context(model, at, &c)) {
        const uint32_t *slot = find_slot(&c, word);
        if (slot) {
            *context = slot[LM_SLOT_NEXT];
            return sum + (double)lm_ngram_float(slot[LM_SLOT_LOGP]);
        }
        sum += (double)c.backoff;
        at = c.suffix < at ? c.suffix : 0; // not below: a damaged file
    }
    *context = model->unigram[word].next;
    return sum + (double)model->unigram[word].logp;
}
