/**
 * Words of up to 16 bytes as two numbers, so that comparing is no call: with the length they say
 * all bytes of the word. Of a longer word they say its ends.
 */
#ifndef FEAT_KEY_H
#define FEAT_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { FEAT_KEY_BYTES = 16 };

struct feat_key {
    uint64_t first, last; /* up to eight bytes each, overlapping */
};

static inline struct feat_key feat_key_of(const char *word, size_t n)
{
    struct feat_key key = {0};
    if (n >= 8) {
        memcpy(&key.first, word, 8);
        memcpy(&key.last, word + n - 8, 8);
    } else if (n >= 4) {
        memcpy(&key.first, word, 4);
        memcpy(&key.last, word + n - 4, 4);
    } else if (n > 0) {
        key.first = (unsigned char)word[0] | (uint64_t)(unsigned char)word[n / 2] << 8;
        key.last = (unsigned char)word[n - 1];
    }
    return key;
}

static inline bool feat_key_equal(struct feat_key a, struct feat_key b)
{
    return a.first == b.first && a.last == b.last;
}

static inline uint32_t feat_key_hash(struct feat_key key, size_t n)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u; // 2^64 by the golden ratio
    uint64_t hash = (key.first + n) * odd;
    hash = (hash ^ hash >> 32 ^ key.last) * odd;
    return (uint32_t)(hash >> 32);
}

#endif
