/**
 * Words of up to 16 bytes as two numbers, so that comparing is no call: with the length they say
 * all bytes of the word. Of a longer word they say its beginning.
 */
#ifndef FEAT_KEY_H
#define FEAT_KEY_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { FEAT_KEY_BYTES = 16 };

struct feat_key {
    uint64_t first, second; /* eight bytes each, 0 behind the word */
};

/** `n_readable` bytes from the word on may be looked at: with 16 of them nothing branches. */
static inline struct feat_key feat_key_of(const char *word, size_t n, size_t n_readable)
{
    static const unsigned char mask[2 * FEAT_KEY_BYTES] = {
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    struct feat_key key = {0}, keep;
    assert(word);
    n = n < FEAT_KEY_BYTES ? n : FEAT_KEY_BYTES;
    if (n_readable < FEAT_KEY_BYTES) {
        memcpy(&key, word, n);
        return key;
    }
    memcpy(&key, word, FEAT_KEY_BYTES);
    memcpy(&keep, mask + FEAT_KEY_BYTES - n, FEAT_KEY_BYTES);
    return (struct feat_key){key.first & keep.first, key.second & keep.second};
}

static inline bool feat_key_equal(struct feat_key a, struct feat_key b)
{
    return a.first == b.first && a.second == b.second;
}

static inline uint32_t feat_key_hash(struct feat_key key, size_t n)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u; // 2^64 by the golden ratio
    uint64_t hash = (key.first + n) * odd;
    hash = (hash ^ hash >> 32 ^ key.second) * odd;
    return (uint32_t)(hash >> 32);
}

#endif
