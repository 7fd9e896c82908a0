/**
 * Training a byte-level vocabulary; see lm_bpe.h. Sennrich, Haddow, Birch 2016, on counted
 * words. Each pair knows how often it occurs and in which words, so a merge touches those
 * words alone; the heap holds what was true when it was written, and an entry whose number
 * has changed goes back with the new one when it comes up.
 *
 * Equal to PyPI `tokenizers` on the same words but for one thing: two pairs may spell the
 * same token ("aa" + "a", "a" + "aa"); there such a token's neighbours can be counted in
 * parts, here they are always counted together.
 */
#include "base_alloc.h"
#include "base_error.h"
#include "base_hash.h"
#include "lm_bpe_core.h"

#include <string.h>

/* ---- counting words ---- */

struct word {
    size_t first; /* into bytes */
    int32_t n_bytes;
    int64_t n;
};

struct lm_bpe_count {
    struct base_hash *place; /* bytes to index of the word */
    struct word *word;
    size_t n_words, room_words, n_words_max;
    char *bytes;
    size_t n_bytes, room_bytes;
};

enum reel_status lm_bpe_count_create(struct lm_bpe_count **out, struct reel_error *err)
{
    *out = NULL;
    struct lm_bpe_count *count = base_alloc_zeroed(1, sizeof *count);
    if (!count || base_hash_create(&count->place, NULL) != REEL_OK) {
        base_free(count);
        return fail(err, REEL_ENOMEM, "counting words");
    }
    count->n_words_max = 2000000;
    *out = count;
    return REEL_OK;
}

void lm_bpe_count_free(struct lm_bpe_count *count)
{
    if (count) {
        base_hash_free(count->place);
        base_free(count->word);
        base_free(count->bytes);
        base_free(count);
    }
}

void lm_bpe_count_limit(struct lm_bpe_count *count, size_t n_words_max)
{
    count->n_words_max = n_words_max;
}

size_t lm_bpe_count_n(const struct lm_bpe_count *count)
{
    return count->n_words;
}

static bool reserve(struct lm_bpe_count *count, size_t n_bytes)
{
    if (count->n_words == count->room_words) {
        const size_t room = count->room_words ? 2 * count->room_words : 1024;
        void *more = base_realloc_array(count->word, room, sizeof *count->word);
        if (!more) {
            return false;
        }
        count->word = more;
        count->room_words = room;
    }
    if (count->n_bytes + n_bytes > count->room_bytes) {
        const size_t room = 2 * (count->n_bytes + n_bytes);
        void *more = base_realloc_array(count->bytes, room, 1);
        if (!more) {
            return false;
        }
        count->bytes = more;
        count->room_bytes = room;
    }
    return true;
}

static bool add_word(struct lm_bpe_count *count, const char *bytes, size_t n_bytes)
{
    bool is_new;
    if (!reserve(count, n_bytes)) {
        return false;
    }
    const int64_t *place = base_hash_get_or_add(count->place, bytes, n_bytes,
                                                (int64_t)count->n_words, &is_new);
    if (!place) {
        return false;
    }
    if (is_new) {
        memcpy(count->bytes + count->n_bytes, bytes, n_bytes);
        count->word[count->n_words++] =
            (struct word){count->n_bytes, (int32_t)n_bytes, 0};
        count->n_bytes += n_bytes;
    }
    count->word[*place].n++;
    return true;
}

// Leave at most half of the words: raise the bar until enough are below it.
static bool forget_rare(struct lm_bpe_count *count)
{
    int64_t bar = 1;
    for (size_t n_left = count->n_words; n_left > count->n_words_max / 2; bar *= 2) {
        n_left = 0;
        for (size_t i = 0; i < count->n_words; i++) {
            n_left += count->word[i].n > 2 * bar;
        }
    }
    struct base_hash *place;
    if (base_hash_create(&place, NULL) != REEL_OK) {
        return false;
    }
    size_t n_words = 0, n_bytes = 0;
    bool is_whole = true, is_new;
    for (size_t i = 0; i < count->n_words && is_whole; i++) {
        struct word word = count->word[i];
        if (word.n > bar) {
            memmove(count->bytes + n_bytes, count->bytes + word.first,
                    (size_t)word.n_bytes);
            word.first = n_bytes;
            n_bytes += (size_t)word.n_bytes;
            is_whole = base_hash_get_or_add(place, count->bytes + word.first,
                                            (size_t)word.n_bytes, (int64_t)n_words,
                                            &is_new) != NULL;
            count->word[n_words++] = word;
        }
    }
    base_hash_free(count->place);
    count->place = place;
    count->n_words = n_words;
    count->n_bytes = n_bytes;
    return is_whole;
}

enum reel_status lm_bpe_count_add(struct lm_bpe_count *count, const char *text,
                                  size_t n_bytes, struct reel_error *err)
{
    for (size_t at = 0; at < n_bytes;) {
        const size_t n = lm_bpe_cut(text + at, n_bytes - at);
        if (n <= LM_BPE_WORD_BYTES_MAX && !add_word(count, text + at, n)) {
            return fail(err, REEL_ENOMEM, "counting %zu different words", count->n_words);
        }
        if (count->n_words > count->n_words_max && !forget_rare(count)) {
            return fail(err, REEL_ENOMEM, "counting %zu different words", count->n_words);
        }
        at += n;
    }
    return REEL_OK;
}

/* ---- merging ---- */

struct pair {
    int32_t left, right;
    int64_t n;     /* how often it stands in the text now */
    int32_t *word; /* where it stands or stood; one may come twice */
    int32_t n_words, room_words;
    bool is_touched, is_merged;
};

struct trainer {
    const struct lm_bpe_count *count;
    struct lm_bpe *bpe;
    int32_t *symbol;           /* of all words, each where its bytes are */
    int32_t *n_symbols;        /* (n_words) */
    struct lm_bpe_pairs place; /* to index of the pair */
    struct pair *pair;
    int32_t n_pairs, room_pairs;
    int32_t *touched;
    int32_t n_touched, room_touched;
    struct lm_bpe_heap heap;
};

static bool grow(void *array, int32_t n, int32_t *room, size_t item_bytes)
{
    void **at = array;
    if (n < *room) {
        return true;
    }
    const int32_t new_room = *room ? 2 * *room : 4;
    void *more = base_realloc_array(*at, (size_t)new_room, item_bytes);
    if (more) {
        *at = more;
        *room = new_room;
    }
    return more != NULL;
}

// Count a pair up or down by the times that its word occurs.
static bool change(struct trainer *t, int32_t left, int32_t right, int32_t i_word,
                   int64_t by)
{
    int32_t i = lm_bpe_pairs_get(&t->place, left, right);
    if (i < 0) {
        i = t->n_pairs;
        if (!grow(&t->pair, t->n_pairs, &t->room_pairs, sizeof *t->pair) ||
            !lm_bpe_pairs_add(&t->place, left, right, i)) {
            return false;
        }
        t->pair[t->n_pairs++] = (struct pair){.left = left, .right = right};
    }
    if (!t->pair) {
        return false; // not when there is a pair to find
    }
    struct pair *pair = &t->pair[i];
    pair->n += by;
    if (by > 0 && (pair->n_words == 0 || pair->word[pair->n_words - 1] != i_word)) {
        if (!grow(&pair->word, pair->n_words, &pair->room_words, sizeof *pair->word)) {
            return false;
        }
        pair->word[pair->n_words++] = i_word;
    }
    if (by > 0 && !pair->is_touched) {
        if (!grow(&t->touched, t->n_touched, &t->room_touched, sizeof *t->touched)) {
            return false;
        }
        pair->is_touched = true;
        t->touched[t->n_touched++] = i;
    }
    return true;
}

static bool push_pair(struct trainer *t, int32_t i)
{
    const struct pair *pair = &t->pair[i];
    return lm_bpe_heap_push(
        &t->heap,
        (struct lm_bpe_heap_item){.first = -pair->n,
                                  .second = (int64_t)pair->left << 32 | pair->right,
                                  .what = i});
}

static bool push_touched(struct trainer *t)
{
    for (int32_t i = 0; i < t->n_touched; i++) {
        t->pair[t->touched[i]].is_touched = false;
        if (t->pair[t->touched[i]].n > 0 && !push_pair(t, t->touched[i])) {
            return false;
        }
    }
    t->n_touched = 0;
    return true;
}

static bool spell_words(struct trainer *t)
{
    for (size_t w = 0; w < t->count->n_words; w++) {
        const struct word *word = &t->count->word[w];
        int32_t *symbol = t->symbol + word->first;
        t->n_symbols[w] = word->n_bytes;
        for (int32_t i = 0; i < word->n_bytes; i++) {
            symbol[i] = lm_bpe_byte(
                t->bpe, (unsigned char)t->count->bytes[word->first + (size_t)i]);
        }
        for (int32_t i = 0; i + 1 < word->n_bytes; i++) {
            if (!change(t, symbol[i], symbol[i + 1], (int32_t)w, word->n)) {
                return false;
            }
        }
    }
    return push_touched(t);
}

// Put `token` wherever left and right stand in one word, from left to right.
static bool merge_in_word(struct trainer *t, int32_t w, int32_t left, int32_t right,
                          int32_t token)
{
    int32_t *symbol = t->symbol + t->count->word[w].first, n = 0;
    const int32_t n_before = t->n_symbols[w];
    const int64_t by = t->count->word[w].n;
    for (int32_t i = 0; i < n_before; i++) {
        if (i + 1 == n_before || symbol[i] != left || symbol[i + 1] != right) {
            symbol[n++] = symbol[i];
            continue;
        }
        if (n > 0 && (!change(t, symbol[n - 1], left, w, -by) ||
                      !change(t, symbol[n - 1], token, w, by))) {
            return false;
        }
        if (i + 2 < n_before && (!change(t, right, symbol[i + 2], w, -by) ||
                                 !change(t, token, symbol[i + 2], w, by))) {
            return false;
        }
        symbol[n++] = token;
        i++;
    }
    t->n_symbols[w] = n;
    return true;
}

static bool merge(struct trainer *t, int32_t i)
{
    const int32_t left = t->pair[i].left, right = t->pair[i].right;
    int32_t *word = t->pair[i].word;
    const int32_t n_words = t->pair[i].n_words;
    // A pair may come up again when another merge spells one of its tokens.
    const int32_t token = t->pair[i].is_merged ? lm_bpe_product(t->bpe, left, right)
                                               : lm_bpe_add(t->bpe, left, right);
    bool is_whole = token >= 0;
    t->pair[i].is_merged = true;
    t->pair[i].n = t->pair[i].n_words = t->pair[i].room_words = 0;
    t->pair[i].word = NULL;
    for (int32_t w = 0; w < n_words && is_whole; w++) {
        is_whole = merge_in_word(t, word[w], left, right, token);
    }
    t->pair[i].n = 0; // "aaa": the pair was taken from itself
    base_free(word);
    return is_whole && push_touched(t);
}

static enum reel_status merge_all(struct trainer *t, int32_t n_tokens, int64_t min_count,
                                  const struct reel_progress *progress,
                                  struct reel_error *err)
{
    while (lm_bpe_n_tokens(t->bpe) < n_tokens && t->heap.n > 0) {
        const struct lm_bpe_heap_item top = lm_bpe_heap_pop(&t->heap);
        const struct pair *pair = &t->pair[top.what];
        if (pair->n != -top.first) {
            if (pair->n > 0 && !push_pair(t, top.what)) {
                return fail(err, REEL_ENOMEM, "training a vocabulary");
            }
            continue;
        }
        if (pair->n < min_count) {
            break;
        }
        if (!merge(t, top.what)) {
            return fail(err, REEL_ENOMEM, "training a vocabulary");
        }
        if (lm_bpe_n_tokens(t->bpe) % 64 == 0 &&
            !base_progress_report(progress, "vocabulary", lm_bpe_n_tokens(t->bpe),
                                  n_tokens)) {
            return fail(err, REEL_ECANCELLED, "vocabulary stopped at %d of %d tokens",
                        lm_bpe_n_tokens(t->bpe), n_tokens);
        }
    }
    return REEL_OK;
}

static void trainer_release(struct trainer *t)
{
    for (int32_t i = 0; i < t->n_pairs; i++) {
        base_free(t->pair[i].word);
    }
    base_free(t->pair);
    base_free(t->symbol);
    base_free(t->n_symbols);
    base_free(t->touched);
    lm_bpe_pairs_release(&t->place);
    lm_bpe_heap_release(&t->heap);
    lm_bpe_free(t->bpe);
}

enum reel_status lm_bpe_train(const struct lm_bpe_count *count, int32_t n_tokens,
                              int64_t min_count, const struct reel_progress *progress,
                              struct lm_bpe **out, struct reel_error *err)
{
    *out = NULL;
    if (n_tokens < LM_BPE_N_LEAST || min_count < 1) {
        return fail(err, REEL_EINVAL, "a vocabulary of %d tokens (at least %d)", n_tokens,
                    LM_BPE_N_LEAST);
    }
    struct trainer t = {.count = count, .bpe = lm_bpe_begin()};
    t.symbol = base_alloc_array(count->n_bytes, sizeof *t.symbol);
    t.n_symbols = base_alloc_array(count->n_words, sizeof *t.n_symbols);
    enum reel_status rc = REEL_OK;
    if (!t.bpe || !t.symbol || !t.n_symbols || !spell_words(&t)) {
        rc = fail(err, REEL_ENOMEM, "a vocabulary of %zu words", count->n_words);
    }
    rc = rc ? rc : merge_all(&t, n_tokens, min_count, progress, err);
    if (rc == REEL_OK) {
        *out = t.bpe;
        t.bpe = NULL;
    }
    trainer_release(&t);
    return rc;
}
