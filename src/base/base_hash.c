/**
 * Linear probing over (hash, key offset, value) slots; keys in one growing block.
 * Grows at three quarters full. Hash: FNV-1a over 8-byte words with a final mix, enough
 * for short ids; flooding by chosen keys costs time, not correctness.
 */
#include "base_hash.h"
#include "base_alloc.h"
#include "base_error.h"

#include <string.h>

struct slot {
    uint32_t hash; /* 0 marks an empty slot */
    uint32_t n_key_bytes;
    size_t key; /* offset into `keys` */
    int64_t value;
};

struct base_hash {
    struct slot *slot;
    size_t n_slots, n; /* n_slots is a power of two */
    char *keys;
    size_t n_keys_bytes, room_bytes;
};

static uint32_t hash_bytes(const char *key, size_t n_bytes)
{
    uint64_t h = 0xcbf29ce484222325u ^ n_bytes;
    for (; n_bytes >= 8; key += 8, n_bytes -= 8) {
        uint64_t word;
        memcpy(&word, key, 8);
        h = (h ^ word) * 0x9fb21c651e98df25u;
        h ^= h >> 32;
    }
    uint64_t word = 0;
    memcpy(&word, key, n_bytes);
    h = (h ^ word) * 0x9fb21c651e98df25u;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9u;
    h ^= h >> 32;
    return (uint32_t)h ? (uint32_t)h : 1;
}

enum reel_status base_hash_create(struct base_hash **out, struct reel_error *err)
{
    enum { FIRST_SLOTS = 64 };
    struct base_hash *hash = base_alloc_zeroed(1, sizeof *hash);
    if (hash) {
        hash->slot = base_alloc_zeroed(FIRST_SLOTS, sizeof *hash->slot);
        hash->n_slots = FIRST_SLOTS;
    }
    if (!hash || !hash->slot) {
        base_free(hash);
        *out = NULL;
        return fail(err, REEL_ENOMEM, "hash table");
    }
    *out = hash;
    return REEL_OK;
}

void base_hash_free(struct base_hash *hash)
{
    if (hash) {
        base_free(hash->slot);
        base_free(hash->keys);
        base_free(hash);
    }
}

size_t base_hash_n(const struct base_hash *hash)
{
    return hash->n;
}

// The slot that holds the key, or the empty one where it would go.
static struct slot *find(const struct base_hash *hash, uint32_t h, const char *key,
                         size_t n_key_bytes)
{
    for (size_t i = h & (hash->n_slots - 1);; i = (i + 1) & (hash->n_slots - 1)) {
        struct slot *slot = &hash->slot[i];
        if (slot->hash == 0 || (slot->hash == h && slot->n_key_bytes == n_key_bytes &&
                                memcmp(hash->keys + slot->key, key, n_key_bytes) == 0)) {
            return slot;
        }
    }
}

bool base_hash_get(const struct base_hash *hash, const char *key, size_t n_key_bytes,
                   int64_t *value)
{
    const struct slot *slot = find(hash, hash_bytes(key, n_key_bytes), key, n_key_bytes);
    if (slot->hash == 0) {
        return false;
    }
    *value = slot->value;
    return true;
}

static bool grow(struct base_hash *hash)
{
    const size_t n_old = hash->n_slots;
    struct slot *old = hash->slot;
    struct slot *bigger = base_alloc_zeroed(2 * n_old, sizeof *bigger);
    if (!bigger) {
        return false;
    }
    hash->slot = bigger;
    hash->n_slots = 2 * n_old;
    for (size_t i = 0; i < n_old; i++) {
        if (old[i].hash != 0) {
            size_t place = old[i].hash & (hash->n_slots - 1);
            while (bigger[place].hash != 0) {
                place = (place + 1) & (hash->n_slots - 1);
            }
            bigger[place] = old[i];
        }
    }
    base_free(old);
    return true;
}

static bool keep_key(struct base_hash *hash, const char *key, size_t n_key_bytes)
{
    if (hash->n_keys_bytes + n_key_bytes + 1 > hash->room_bytes) {
        const size_t room = 2 * (hash->room_bytes + n_key_bytes) + 1024;
        char *keys = base_realloc_array(hash->keys, room, 1);
        if (!keys) {
            return false;
        }
        hash->keys = keys;
        hash->room_bytes = room;
    }
    memcpy(hash->keys + hash->n_keys_bytes, key, n_key_bytes);
    hash->n_keys_bytes += n_key_bytes;
    return true;
}

int64_t *base_hash_get_or_add(struct base_hash *hash, const char *key, size_t n_key_bytes,
                              int64_t value, bool *is_new)
{
    const uint32_t h = hash_bytes(key, n_key_bytes);
    struct slot *slot = find(hash, h, key, n_key_bytes);
    *is_new = slot->hash == 0;
    if (!*is_new) {
        return &slot->value;
    }
    if (n_key_bytes > UINT32_MAX) {
        return NULL;
    }
    if (4 * (hash->n + 1) > 3 * hash->n_slots) {
        if (!grow(hash)) {
            return NULL;
        }
        slot = find(hash, h, key, n_key_bytes);
    }
    const size_t offset = hash->n_keys_bytes;
    if (!keep_key(hash, key, n_key_bytes)) {
        return NULL;
    }
    *slot = (struct slot){
        .hash = h, .n_key_bytes = (uint32_t)n_key_bytes, .key = offset, .value = value};
    hash->n++;
    return &slot->value;
}
