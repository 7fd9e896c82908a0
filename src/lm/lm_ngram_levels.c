/** Levels of grams: growing, linking, writing; see lm_ngram_levels.h. */
#include "lm_ngram_levels.h"

#include "base_error.h"

#include <stdlib.h>
#include <string.h>

enum { N_LISTED = 8 /* a context of so many grams is searched word by word */ };

void lm_levels_init(struct lm_levels *levels, int32_t order, enum reel_lm_cut cut,
                    const struct lm_words_view *words, struct lm_scratch *scratch,
                    const struct reel_progress *progress)
{
    *levels = (struct lm_levels){.order = order,
                                 .cut = cut,
                                 .words = words,
                                 .scratch = scratch,
                                 .progress = *progress};
}

void lm_levels_release(struct lm_levels *levels)
{
    for (int32_t i = 0; i < levels->order; i++) {
        struct lm_level *l = &levels->level[i];
        struct lm_array *arrays[] = {&l->word_array,  &l->value_array,
                                     &l->child_array, &l->context_array,
                                     &l->next_array,  &l->backoff_array};
        for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) {
            lm_array_release(levels->scratch, arrays[a]);
        }
        *l = (struct lm_level){0};
    }
}

enum reel_status lm_levels_words(struct lm_levels *levels, struct reel_error *err)
{
    struct lm_level *l = &levels->level[0];
    const size_t n = levels->words->n_words;
    enum reel_status rc =
        lm_array_zeroed(levels->scratch, &l->value_array, n * sizeof(uint32_t), err);
    if (rc == REEL_OK && levels->order > 1) {
        rc = lm_array_zeroed(levels->scratch, &l->child_array, (n + 1) * sizeof(uint32_t),
                             err);
    }
    l->n = (uint32_t)n;
    l->count = l->value_array.data;
    l->value = l->value_array.data;
    l->child = l->child_array.data;
    return rc;
}

enum reel_status lm_levels_close(struct lm_levels *levels, struct reel_error *err)
{
    for (int32_t i = 0; i < levels->order - 1; i++) {
        struct lm_level *l = &levels->level[i];
        const enum reel_status rc = lm_array_need(
            levels->scratch, &l->child_array, ((size_t)l->n + 1) * sizeof(uint32_t), err);
        if (rc) {
            return rc;
        }
        l->child = l->child_array.data;
        l->child[l->n] = levels->level[i + 1].n;
    }
    return REEL_OK;
}

enum reel_status lm_levels_append(struct lm_levels *levels, int32_t i_level,
                                  uint32_t word, uint32_t count, struct reel_error *err)
{
    struct lm_level *l = &levels->level[i_level];
    const bool is_last = i_level == levels->order - 1;
    const size_t n_bytes = ((size_t)l->n + 1) * sizeof(uint32_t);
    if (n_bytes > l->word_array.room_bytes) {
        struct lm_scratch *scratch = levels->scratch;
        enum reel_status rc = l->n >= UINT32_MAX - 1
                                  ? fail(err, REEL_EINVAL, "more than %u n-grams", l->n)
                                  : REEL_OK;
        rc = rc ? rc : lm_array_need(scratch, &l->word_array, n_bytes, err);
        // The others keep pace with the first; a child array has one item more.
        const size_t room = l->word_array.room_bytes;
        rc = rc ? rc : lm_array_need(scratch, &l->value_array, room, err);
        if (rc == REEL_OK && !is_last) {
            rc = lm_array_need(scratch, &l->child_array, room + sizeof(uint32_t), err);
        }
        if (rc) {
            return rc;
        }
        l->word = l->word_array.data;
        l->count = l->value_array.data;
        l->value = l->value_array.data;
        l->child = l->child_array.data;
    }
    l->word[l->n] = word;
    l->count[l->n] = count;
    if (!is_last) {
        l->child[l->n] = levels->level[i_level + 1].n;
    }
    l->n++;
    return REEL_OK;
}

// ---- linking ----

static enum reel_status need_links(struct lm_levels *levels, int32_t i,
                                   struct reel_error *err)
{
    struct lm_level *l = &levels->level[i];
    const size_t n_bytes = (size_t)l->n * sizeof(uint32_t);
    enum reel_status rc =
        i > 0 ? lm_array_need(levels->scratch, &l->context_array, n_bytes, err) : REEL_OK;
    if (rc == REEL_OK && i < levels->order - 1) {
        rc = lm_array_zeroed(levels->scratch, &l->next_array, n_bytes, err);
        rc = rc ? rc : lm_array_zeroed(levels->scratch, &l->backoff_array, n_bytes, err);
    }
    l->context = l->context_array.data;
    l->n_next = l->next_array.data;
    l->backoff = l->backoff_array.data;
    return rc;
}

/** First index in [low, high) whose word is not below; the step doubles, then halves. */
static uint32_t gallop(const uint32_t *word, uint32_t low, uint32_t high, uint32_t wanted)
{
    uint32_t step = 1;
    while (low + step < high && low + step > low && word[low + step] < wanted) {
        low += step;
        step *= 2;
    }
    high = high - low > step ? low + step + 1 : high;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        if (word[mid] < wanted) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

enum reel_status lm_levels_link(struct lm_levels *levels, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < levels->order; i++) {
        rc = need_links(levels, i, err);
    }
    for (int32_t i = 1; rc == REEL_OK && i < levels->order; i++) {
        struct lm_level *l = &levels->level[i], *below = &levels->level[i - 1];
        for (uint32_t p = 0; p < below->n; p++) {
            uint32_t at = 0, end = 0; // where contexts of p's children stand
            if (i > 1) {
                at = levels->level[i - 2].child[below->context[p]];
                end = levels->level[i - 2].child[below->context[p] + 1];
            }
            for (uint32_t e = below->child[p]; e < below->child[p + 1]; e++) {
                at = i > 1 ? gallop(below->word, at, end, l->word[e]) : l->word[e];
                if (i > 1 && (at == end || below->word[at] != l->word[e])) {
                    return fail(err, REEL_EFORMAT, "a gram of %d words has no context",
                                i + 1);
                }
                l->context[e] = at;
                below->n_next[at]++;
            }
        }
    }
    return rc;
}

// ---- the block ----

static uint32_t slots_for(uint32_t n)
{
    return n <= N_LISTED ? n : (n + n / 2) | LM_IS_TABLE;
}

/** n_next becomes the place in the block; gives the length of the block. */
static enum reel_status place_contexts(struct lm_levels *levels, uint64_t *n_block,
                                       struct reel_error *err)
{
    *n_block = 1; // place 0 is the empty context
    for (int32_t i = 0; i < levels->order - 1; i++) {
        const struct lm_level *l = &levels->level[i];
        for (uint32_t e = 0; e < l->n; e++) {
            const uint32_t n = l->n_next[e];
            const bool is_context = n > 0 || l->backoff[e] != 0;
            if (*n_block > UINT32_MAX) {
                return fail(err, REEL_EINVAL, "the model would be larger than 16 GiB");
            }
            l->n_next[e] = is_context ? (uint32_t)*n_block : 0;
            *n_block += is_context ? LM_CONTEXT_HEAD + (uint64_t)LM_SLOT_WORDS *
                                                           (slots_for(n) & ~LM_IS_TABLE)
                                   : 0;
        }
    }
    return *n_block <= UINT32_MAX
               ? REEL_OK
               : fail(err, REEL_EINVAL, "the model would be larger than 16 GiB");
}

struct packing {
    const struct lm_levels *levels;
    struct lm_unigram *unigram; /* (level[0].n) */
    uint32_t *block;            /* (n_block) */
};

/** All empty contexts, each with the room that its grams need. */
static void lay_out(const struct packing *p, uint64_t n_block)
{
    const struct lm_levels *levels = p->levels;
    uint32_t *last = NULL, at_last = 0;
    memset(p->block, 0xff, n_block * sizeof *p->block); // LM_NO_WORD
    for (int32_t i = 0; i < levels->order - 1; i++) {
        for (uint32_t e = 0; e < levels->level[i].n; e++) {
            const uint32_t at = levels->level[i].n_next[e];
            if (at && last) {
                *last = at - at_last;
            }
            last = at ? p->block + at : last;
            at_last = at ? at : at_last;
        }
    }
    if (last) {
        *last = (uint32_t)n_block - at_last;
    }
    // What a context takes tells how many slots it has.
    for (uint64_t at = 1; at < n_block;) {
        const uint32_t n_taken = p->block[at];
        const uint32_t n = (n_taken - LM_CONTEXT_HEAD) / LM_SLOT_WORDS;
        p->block[at] = n <= N_LISTED ? n : n | LM_IS_TABLE;
        at += n_taken;
    }
}

static void put_slot(const struct packing *p, uint32_t context, uint32_t word, float logp,
                     uint32_t next)
{
    uint32_t *c = p->block + context, *slot = c + LM_CONTEXT_HEAD;
    const uint32_t n = c[LM_CONTEXT_SLOTS] & ~LM_IS_TABLE;
    uint32_t at = (c[LM_CONTEXT_SLOTS] & LM_IS_TABLE) ? lm_ngram_place(word, n) : 0;
    while (slot[(size_t)at * LM_SLOT_WORDS] != LM_NO_WORD) {
        at = at + 1 == n ? 0 : at + 1;
    }
    slot += (size_t)at * LM_SLOT_WORDS;
    slot[LM_SLOT_WORD] = word;
    slot[LM_SLOT_LOGP] = lm_ngram_bits(logp);
    slot[LM_SLOT_NEXT] = next;
}

/** What the block says of gram e of level i; gives the context after it. */
static uint32_t put_gram(const struct packing *p, int32_t i, uint32_t e,
                         uint32_t last_word, uint32_t suffix)
{
    const struct lm_levels *levels = p->levels;
    const struct lm_level *l = &levels->level[i];
    const uint32_t own = i < levels->order - 1 ? l->n_next[e] : 0;
    const uint32_t next = own ? own : suffix;
    const uint32_t prefix = i > 0 ? levels->level[i - 1].n_next[l->context[e]] : 0;
    if (own) {
        uint32_t *c = p->block + own;
        c[LM_CONTEXT_BACKOFF] = lm_ngram_bits(l->backoff[e]);
        c[LM_CONTEXT_SUFFIX] = suffix;
        c[LM_CONTEXT_PREFIX] = prefix;
        c[LM_CONTEXT_LAST] = last_word;
    }
    if (i > 0) {
        put_slot(p, prefix, last_word, l->value[e], next);
    } else {
        p->unigram[e] = (struct lm_unigram){l->value[e], next};
    }
    return next;
}

/** A gram and all that end like it. */
static void put_all(const struct packing *p, int32_t i, uint32_t e, uint32_t last_word,
                    uint32_t suffix)
{
    const struct lm_level *l = &p->levels->level[i];
    const uint32_t next = put_gram(p, i, e, last_word, suffix);
    if (i < p->levels->order - 1) {
        for (uint32_t child = l->child[e]; child < l->child[e + 1]; child++) {
            put_all(p, i + 1, child, last_word, next);
        }
    }
}

// ---- the file ----

static void write_section(FILE *out, const struct base_section *section, const void *data)
{
    static const char zero[BASE_BLOCK_ALIGN];
    const size_t n_bytes = (size_t)(section->n_items * section->item_bytes);
    const size_t n_over = n_bytes % BASE_BLOCK_ALIGN;
    // Failures of fwrite are sticky and come out at closing.
    (void)fwrite(data, 1, n_bytes, out);
    (void)fwrite(zero, 1, n_over ? BASE_BLOCK_ALIGN - n_over : 0, out);
}

static bool place_sections(struct lm_ngram_header *h, const struct lm_words_view *words,
                           uint64_t n_block)
{
    struct base_section *s = h->section;
    h->n_bytes = BASE_BLOCK_HEADER_BYTES;
    return base_section_place(&s[LM_NGRAM_SECTION_BEGIN], sizeof(uint32_t),
                              words->n_words + (uint64_t)1, &h->n_bytes) &&
           base_section_place(&s[LM_NGRAM_SECTION_BYTES], 1, words->begin[words->n_words],
                              &h->n_bytes) &&
           base_section_place(&s[LM_NGRAM_SECTION_SLOTS], sizeof(struct lm_word_slot),
                              words->n_slots, &h->n_bytes) &&
           base_section_place(&s[LM_NGRAM_SECTION_UNIGRAMS], sizeof(struct lm_unigram),
                              words->n_words, &h->n_bytes) &&
           base_section_place(&s[LM_NGRAM_SECTION_BLOCK], sizeof(uint32_t), n_block,
                              &h->n_bytes);
}

static enum reel_status write_file(const struct packing *p, uint64_t n_block,
                                   const char *path, int64_t *file_bytes,
                                   struct reel_error *err)
{
    const struct lm_levels *levels = p->levels;
    const struct lm_words_view *words = levels->words;
    union {
        struct lm_ngram_header h;
        char page[BASE_BLOCK_HEADER_BYTES];
    } head = {.h = {.magic = LM_NGRAM_MAGIC,
                    .version = 1,
                    .oldest = 1,
                    .order = (uint32_t)levels->order,
                    .cut = levels->cut,
                    .n_words = words->n_words}};
    for (int32_t i = 0; i < levels->order; i++) {
        head.h.n_ngrams[i] = levels->level[i].n;
    }
    if (!place_sections(&head.h, words, n_block)) {
        return fail(err, REEL_EINVAL, "the model is too large for a file");
    }
    head.h.check =
        base_header_sum(&head.h, sizeof head.h, offsetof(struct lm_ngram_header, check));
    *file_bytes = (int64_t)head.h.n_bytes;
    struct base_file_writer writer;
    const enum reel_status rc = base_file_writer_open(&writer, path, err);
    if (rc) {
        return rc;
    }
    const void *const data[LM_NGRAM_N_SECTIONS] = {words->begin, words->bytes,
                                                   words->slot, p->unigram, p->block};
    (void)fwrite(&head, sizeof head, 1, writer.out);
    for (int32_t s = 0; s < LM_NGRAM_N_SECTIONS; s++) {
        write_section(writer.out, &head.h.section[s], data[s]);
    }
    return base_file_writer_close(&writer, err);
}

enum reel_status lm_levels_write(struct lm_levels *levels, const char *path,
                                 int64_t *file_bytes, struct reel_error *err)
{
    struct lm_array unigram = {0}, block = {0};
    uint64_t n_block;
    enum reel_status rc = place_contexts(levels, &n_block, err);
    rc = rc ? rc
            : lm_array_need(levels->scratch, &unigram,
                            (size_t)levels->level[0].n * sizeof(struct lm_unigram), err);
    rc =
        rc ? rc : lm_array_need(levels->scratch, &block, n_block * sizeof(uint32_t), err);
    if (rc == REEL_OK) {
        const struct packing p = {levels, unigram.data, block.data};
        lay_out(&p, n_block);
        for (uint32_t w = 0; w < levels->level[0].n; w++) {
            put_all(&p, 0, w, w, 0);
        }
        rc = write_file(&p, n_block, path, file_bytes, err);
    }
    lm_array_release(levels->scratch, &unigram);
    lm_array_release(levels->scratch, &block);
    return rc;
}
