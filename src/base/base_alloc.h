/**
 * Memory from the heap: every request is checked for overflow, and a test can make any of
 * them fail. Nothing here reports; the caller does, with fail(err, REEL_ENOMEM, ...).
 *
 *     float *x = base_alloc_array(n, sizeof *x);     // not cleared; free with base_free
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

void *base_alloc(size_t n_bytes);
/** `n` * `item_bytes`, or NULL when that overflows; n = 0 gives a pointer to free. */
void *base_alloc_array(size_t n, size_t item_bytes);
void *base_alloc_zeroed(size_t n, size_t item_bytes);
/** `p` stays valid when NULL is returned. */
void *base_realloc_array(void *p, size_t n, size_t item_bytes);
/** Aligned to 64 bytes, for kernels; free with base_free. */
void *base_alloc_aligned(size_t n, size_t item_bytes);
char *base_strdup(const char *text);
void base_free(void *p);

/** What the system could still give, in bytes; 0 where it does not say. */
int64_t base_memory_available(void);

/** Let the next `n` requests of this thread succeed, then fail all; negative: never fail. */
void base_alloc_fail_after(long n);

#endif
