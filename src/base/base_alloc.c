/**
 * The one door to the heap; see base_alloc.h.
 */
#include "base_alloc.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local long allocations_left = -1;

static bool may_allocate(void)
{
    if (allocations_left < 0) {
        return true;
    }
    if (allocations_left == 0) {
        return false;
    }
    allocations_left--;
    return true;
}

void base_alloc_fail_after(long n)
{
    allocations_left = n;
}

void *base_alloc(size_t n_bytes)
{
    return may_allocate() ? malloc(n_bytes ? n_bytes : 1) : NULL;
}

void *base_alloc_array(size_t n, size_t item_bytes)
{
    size_t n_bytes;
    return __builtin_mul_overflow(n, item_bytes, &n_bytes) ? NULL : base_alloc(n_bytes);
}

void *base_alloc_zeroed(size_t n, size_t item_bytes)
{
    return may_allocate() ? calloc(n ? n : 1, item_bytes ? item_bytes : 1) : NULL;
}

void *base_realloc_array(void *p, size_t n, size_t item_bytes)
{
    size_t n_bytes;
    if (__builtin_mul_overflow(n, item_bytes, &n_bytes) || !may_allocate()) {
        return NULL;
    }
    return realloc(p, n_bytes ? n_bytes : 1);
}

void *base_alloc_aligned(size_t n, size_t item_bytes)
{
    size_t n_bytes;
    if (__builtin_mul_overflow(n, item_bytes, &n_bytes) || n_bytes > SIZE_MAX - 128 ||
        !may_allocate()) {
        return NULL;
    }
    return aligned_alloc(64, (n_bytes + 64) / 64 * 64);
}

char *base_strdup(const char *text)
{
    const size_t n_bytes = strlen(text) + 1;
    char *copy = base_alloc(n_bytes);
    if (copy) {
        memcpy(copy, text, n_bytes);
    }
    return copy;
}

void base_free(void *p)
{
    free(p);
}

int64_t base_memory_available(void)
{
    static const char name[] = "MemAvailable:";
    char line[128];
    int64_t kib = 0;
    FILE *in = fopen("/proc/meminfo", "re");
    while (in && kib == 0 && fgets(line, sizeof line, in)) {
        if (strncmp(line, name, sizeof name - 1) == 0) {
            kib = strtoll(line + sizeof name - 1, NULL, 10);
        }
    }
    if (in) {
        (void)fclose(in);
    }
    return kib * 1024;
}
