/** Words and their numbers: one table with linear probing; see lm_ngram_words.h. */
#include "lm_ngram_words.h"

#include "base_alloc.h"
#include "base_error.h"

#include <string.h>

/** 64 bits of a word; part of the file format. After MurmurHash64A (Appleby). Never 0. */
static uint64_t hash_of(const char *word, size_t n_bytes)
{
    const uint64_t m = 0xc6a4a7935bd1e995u;
    uint64_t h = n_bytes * m;
    while (n_bytes > 0) {
        uint64_t k = 0;
        if (n_bytes >= 8) {
            memcpy(&k, word, 8);
        } else {
            memcpy(&k, word, n_bytes);
        }
        const size_t n = n_bytes < 8 ? n_bytes : 8;
        k *= m;
        h = (h ^ (k ^ (k >> 47)) * m) * m;
        word += n;
        n_bytes -= n;
    }
    h = (h ^ (h >> 47)) * m;
    h ^= h >> 47;
    return h ? h : 1;
}

/** The place of a hash, or the empty one where it would stand; n_slots when all are full. */
static uint64_t place_of(const struct lm_word_slot *slot, uint64_t n_slots, uint64_t hash)
{
    uint64_t at = hash & (n_slots - 1);
    for (uint64_t n = 0; n < n_slots; n++) {
        if (slot[at].hash == hash || slot[at].hash == 0) {
            return at;
        }
        at = (at + 1) & (n_slots - 1);
    }
    return n_slots; // a file may be like that
}

uint32_t lm_words_find(const struct lm_words_view *view, const char *word, size_t n_bytes)
{
    const uint64_t at = place_of(view->slot, view->n_slots, hash_of(word, n_bytes));
    return at < view->n_slots && view->slot[at].hash != 0 &&
                   view->slot[at].word < view->n_words
               ? view->slot[at].word
               : LM_UNKNOWN;
}

const char *lm_words_text(const struct lm_words_view *view, uint32_t word,
                          size_t *n_bytes)
{
    if (word >= view->n_words) {
        *n_bytes = 0;
        return "";
    }
    *n_bytes = view->begin[word + 1] - view->begin[word];
    return view->bytes + view->begin[word];
}

enum reel_status lm_words_init(struct lm_words *words, struct reel_error *err)
{
    static const char *const first[] = {"<unk>", "<s>", "</s>"};
    *words = (struct lm_words){0};
    enum reel_status rc = REEL_OK;
    for (uint32_t w = 0; rc == REEL_OK && w < 3; w++) {
        uint32_t number;
        rc = lm_words_add(words, first[w], strlen(first[w]), &number, err);
    }
    if (rc) {
        lm_words_release(words);
    }
    return rc;
}

void lm_words_release(struct lm_words *words)
{
    base_free(words->begin);
    base_free(words->bytes);
    base_free(words->slot);
    *words = (struct lm_words){0};
}

static bool grow_table(struct lm_words *words)
{
    const uint64_t n_old = words->view.n_slots, n_new = n_old ? 2 * n_old : 1024;
    struct lm_word_slot *slot = base_alloc_zeroed(n_new, sizeof *slot);
    if (!slot) {
        return false;
    }
    for (uint64_t i = 0; i < n_old; i++) {
        if (words->slot[i].hash) {
            slot[place_of(slot, n_new, words->slot[i].hash)] = words->slot[i];
        }
    }
    base_free(words->slot);
    words->slot = slot;
    words->view.slot = slot;
    words->view.n_slots = n_new;
    return true;
}

static bool grow_text(struct lm_words *words, size_t n_bytes)
{
    if (words->view.n_words + (size_t)2 > words->room_words) {
        const size_t room = 2 * words->room_words + 1024;
        uint32_t *begin = base_realloc_array(words->begin, room, sizeof *begin);
        if (!begin) {
            return false;
        }
        words->begin = begin;
        words->room_words = room;
    }
    if (words->n_bytes + n_bytes > words->room_bytes) {
        const size_t room = 2 * words->room_bytes + n_bytes + 8192;
        char *bytes = base_realloc_array(words->bytes, room, 1);
        if (!bytes) {
            return false;
        }
        words->bytes = bytes;
        words->room_bytes = room;
    }
    words->view.begin = words->begin;
    words->view.bytes = words->bytes;
    return true;
}

enum reel_status lm_words_add(struct lm_words *words, const char *word, size_t n_bytes,
                              uint32_t *number, struct reel_error *err)
{
    struct lm_words_view *view = &words->view;
    const uint64_t hash = hash_of(word, n_bytes);
    if (view->n_slots > 0) {
        const struct lm_word_slot *slot =
            &words->slot[place_of(words->slot, view->n_slots, hash)];
        if (slot->hash) {
            *number = slot->word;
            return REEL_OK;
        }
    }
    if ((3 * ((uint64_t)view->n_words + 1) > 2 * view->n_slots && !grow_table(words)) ||
        !grow_text(words, n_bytes) || view->n_words >= INT32_MAX ||
        words->n_bytes + n_bytes > UINT32_MAX) {
        return fail(err, REEL_ENOMEM, "a vocabulary of %u words", view->n_words + 1);
    }
    *number = view->n_words++;
    words->slot[place_of(words->slot, view->n_slots, hash)] =
        (struct lm_word_slot){.hash = hash, .word = *number};
    memcpy(words->bytes + words->n_bytes, word, n_bytes);
    words->begin[*number] = (uint32_t)words->n_bytes;
    words->n_bytes += n_bytes;
    words->begin[*number + 1] = (uint32_t)words->n_bytes;
    return REEL_OK;
}

enum reel_status lm_words_check(const struct lm_words_view *words, uint64_t n_bytes,
                                struct reel_error *err)
{
    for (uint32_t w = 0; w < words->n_words; w++) {
        if (words->begin[w] > words->begin[w + 1]) {
            return fail(err, REEL_EFORMAT, "word %u ends before it begins", w);
        }
    }
    return words->begin[words->n_words] <= n_bytes
               ? REEL_OK
               : fail(err, REEL_EFORMAT, "words reach beyond their text");
}
