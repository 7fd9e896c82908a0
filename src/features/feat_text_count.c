/**
 * Step count: how often each word came; "count TAB word" lines at the end, most frequent first,
 * words of one count in the order of their bytes.
 *
 * At most n_count_max words are kept. When one more comes, all counts lose as much as it takes for
 * half of the words to go, as in lossy counting (Manku, Motwani 2002, without its windows): a count
 * is then too low by at most the sum of what was taken, and frequent words stay.
 */
#include "feat_key.h"
#include "feat_line.h"
#include "feat_step.h"

#include "base_alloc.h"
#include "base_error.h"

#include <inttypes.h>
#include <stdlib.h>

struct entry {
    uint64_t n_seen;
    size_t at; /* in the pool */
    struct feat_key key;
    uint32_t n_bytes;
};

struct count {
    const struct feat_env *env;
    struct feat_line line;
    struct entry *entry; /* (n_entries) */
    uint32_t *slot;      /* (n_slots, a power of two) index of an entry + 1; 0: free */
    int32_t n_entries, room;
    uint32_t n_slots;
    struct base_buffer pool; /* the words, one behind the other */
};

enum { N_SLOTS_FIRST = 1 << 12 };

static enum reel_status count_open(const struct feat_env *env, void *state,
                                   struct reel_error *err)
{
    struct count *x = state;
    x->env = env;
    x->n_slots = N_SLOTS_FIRST;
    x->slot = base_alloc_zeroed(x->n_slots, sizeof *x->slot);
    base_buffer_init(&x->pool, SIZE_MAX / 4);
    return x->slot ? REEL_OK : fail(err, REEL_ENOMEM, "step count");
}

static void count_close(void *state)
{
    struct count *x = state;
    base_free(x->entry);
    base_free(x->slot);
    base_buffer_release(&x->pool);
}

static void count_reset(void *state)
{
    struct count *x = state;
    x->n_entries = 0;
    x->line = (struct feat_line){0};
    base_buffer_clear(&x->pool);
    memset(x->slot, 0, x->n_slots * sizeof *x->slot);
}

static uint32_t *find(struct count *x, const char *word, size_t n, struct feat_key key)
{
    for (uint32_t i = feat_key_hash(key, n);; i++) {
        uint32_t *slot = &x->slot[i & (x->n_slots - 1)];
        if (*slot == 0) {
            return slot;
        }
        const struct entry *e = &x->entry[*slot - 1];
        if (e->n_bytes == n && feat_key_equal(e->key, key) &&
            (n <= FEAT_KEY_BYTES || memcmp(x->pool.data + e->at, word, n) == 0)) {
            return slot;
        }
    }
}

static void fill_slots(struct count *x)
{
    memset(x->slot, 0, x->n_slots * sizeof *x->slot);
    for (int32_t i = 0; i < x->n_entries; i++) {
        const struct entry *e = &x->entry[i];
        *find(x, x->pool.data + e->at, e->n_bytes, e->key) = (uint32_t)i + 1;
    }
}

/** Room for one more in the arrays. */
static bool grow(struct count *x)
{
    if (x->n_entries == x->room) {
        const int32_t room = x->room ? 2 * x->room : 1024;
        struct entry *entry = base_realloc_array(x->entry, (size_t)room, sizeof *entry);
        if (!entry) {
            return false;
        }
        x->entry = entry;
        x->room = room;
    }
    if (2 * (uint32_t)x->n_entries >= x->n_slots) {
        uint32_t *slot = base_alloc_array(2 * (size_t)x->n_slots, sizeof *slot);
        if (!slot) {
            return false;
        }
        base_free(x->slot);
        x->slot = slot;
        x->n_slots *= 2;
        fill_slots(x);
    }
    return true;
}

static int by_count(const void *a, const void *b)
{
    const uint64_t m = *(const uint64_t *)a, n = *(const uint64_t *)b;
    return (m > n) - (m < n);
}

/** All counts lose the middle one; words without a rest go. */
static bool thin_out(struct count *x)
{
    uint64_t *sorted = base_alloc_array((size_t)x->n_entries, sizeof *sorted);
    if (!sorted) {
        return false;
    }
    for (int32_t i = 0; i < x->n_entries; i++) {
        sorted[i] = x->entry[i].n_seen;
    }
    qsort(sorted, (size_t)x->n_entries, sizeof *sorted, by_count);
    const uint64_t n_taken = sorted[x->n_entries / 2];
    base_free(sorted);
    int32_t n_left = 0;
    size_t n_bytes =
        0; // entries lie in the order of the pool: it can be closed up in place
    for (int32_t i = 0; i < x->n_entries; i++) {
        struct entry e = x->entry[i];
        if (e.n_seen > n_taken) {
            memmove(x->pool.data + n_bytes, x->pool.data + e.at, e.n_bytes);
            e.at = n_bytes;
            e.n_seen -= n_taken;
            n_bytes += e.n_bytes;
            x->entry[n_left++] = e;
        }
    }
    x->n_entries = n_left;
    x->pool.n_bytes = n_bytes;
    fill_slots(x);
    return true;
}

static bool add(struct count *x, const char *word, size_t n, size_t n_readable)
{
    const struct feat_key key = feat_key_of(word, n, n_readable);
    uint32_t *slot = find(x, word, n, key);
    if (*slot) {
        x->entry[*slot - 1].n_seen++;
        return true;
    }
    if (x->n_entries >= x->env->n_count_max && !thin_out(x)) {
        return false;
    }
    if (!grow(x)) {
        return false;
    }
    slot = find(x, word, n, key);
    const size_t at = x->pool.n_bytes;
    if (!base_buffer_add(&x->pool, word, n)) {
        return false;
    }
    x->entry[x->n_entries] =
        (struct entry){.n_seen = 1, .at = at, .key = key, .n_bytes = (uint32_t)n};
    *slot = (uint32_t)++x->n_entries;
    return true;
}

static bool count_run(void *state, const char *in, size_t n, struct base_buffer *out)
{
    (void)out;
    struct count *x = state;
    char tag[8];
    for (size_t i = 0; i < n;) {
        const char *word;
        char *ignored = tag;
        const size_t n_word =
            feat_line_next(&x->line, x->env, in, n, &i, &ignored, &word);
        if (n_word > 0 && !add(x, word, n_word, (size_t)(in + n - word))) {
            return false;
        }
    }
    return true;
}

/** A word for sorting. */
struct rank {
    uint64_t n_seen;
    const char *word;
    uint32_t n_bytes;
};

static int by_rank(const void *a, const void *b)
{
    const struct rank *m = a, *n = b;
    if (m->n_seen != n->n_seen) {
        return m->n_seen < n->n_seen ? 1 : -1;
    }
    const int order =
        memcmp(m->word, n->word, m->n_bytes < n->n_bytes ? m->n_bytes : n->n_bytes);
    return order ? order : (m->n_bytes > n->n_bytes) - (m->n_bytes < n->n_bytes);
}

static bool count_end(void *state, struct base_buffer *out)
{
    struct count *x = state;
    struct rank *rank = base_alloc_array((size_t)x->n_entries, sizeof *rank);
    if (!rank) {
        return false;
    }
    for (int32_t i = 0; i < x->n_entries; i++) {
        const struct entry *e = &x->entry[i];
        rank[i] = (struct rank){e->n_seen, x->pool.data + e->at, e->n_bytes};
    }
    qsort(rank, (size_t)x->n_entries, sizeof *rank, by_rank);
    bool is_done = true;
    for (int32_t i = 0; i < x->n_entries && is_done; i++) {
        is_done = base_buffer_print(out, "%" PRIu64 "\t%.*s\n", rank[i].n_seen,
                                    (int)rank[i].n_bytes, rank[i].word);
    }
    base_free(rank);
    return is_done;
}

const struct feat_step feat_step_count = {
    .n_state_bytes = sizeof(struct count),
    .open = count_open,
    .run = count_run,
    .end = count_end,
    .reset = count_reset,
    .close = count_close,
};
