/**
 * Map from byte strings to numbers, open addressing; keys are copied into the map.
 * Built for millions of short keys: base_hash_get_or_add is the one hot call.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <forkreel/status.h>

#include <stddef.h>

struct base_hash;
enum reel_status base_hash_create(struct base_hash **out,
                                  struct reel_error *err) REEL_CHECKED;
void base_hash_free(struct base_hash *hash);
/** False when absent; *value then untouched. */
bool base_hash_get(const struct base_hash *hash, const char *key, size_t n_key_bytes,
                   int64_t *value);
/** Value slot of a key, made with `value` when new (*is_new); NULL when out of memory.
 *  The slot is valid until the next addition. */
int64_t *base_hash_get_or_add(struct base_hash *hash, const char *key, size_t n_key_bytes,
                              int64_t value, bool *is_new);
size_t base_hash_n(const struct base_hash *hash);

#endif
