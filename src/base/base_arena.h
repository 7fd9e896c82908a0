/**
 * Many small things with one lifetime: allocate, never free, release once.
 * An arena has a maximum; beyond it base_arena_alloc returns NULL. One thread.
 *
 *     struct base_arena arena;
 *     base_arena_init(&arena, 64 << 20);
 *     char *title = base_arena_strdup(&arena, text);
 *     base_arena_release(&arena);
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct base_arena_block;

struct base_arena {
    struct base_arena_block *block;
    size_t n_bytes, max_bytes; /* handed out so far; the limit */
};

void base_arena_init(struct base_arena *arena, size_t max_bytes);
/** Aligned to 16 bytes, not cleared. */
void *base_arena_alloc(struct base_arena *arena, size_t n, size_t item_bytes);
char *base_arena_strdup(struct base_arena *arena, const char *text);
char *base_arena_strndup(struct base_arena *arena, const char *text, size_t n_bytes);
/** Everything handed out becomes invalid; the arena is ready for use again. */
void base_arena_clear(struct base_arena *arena);
void base_arena_release(struct base_arena *arena);

#endif
