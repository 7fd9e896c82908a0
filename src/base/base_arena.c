/**
 * Blocks in a list, each twice the last up to a megabyte; see base_arena.h.
 */
#include "base_arena.h"
#include "base_alloc.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

enum { ALIGNMENT = 16, FIRST_BYTES = 4096, LARGEST_BYTES = 1 << 20 };

struct base_arena_block {
    struct base_arena_block *next; /* the one filled before */
    size_t n_bytes, room_bytes;
    alignas(ALIGNMENT) unsigned char data[];
};

void base_arena_init(struct base_arena *arena, size_t max_bytes)
{
    *arena = (struct base_arena){.max_bytes = max_bytes};
}

static struct base_arena_block *add_block(struct base_arena *arena, size_t n_bytes)
{
    size_t room = arena->block ? 2 * arena->block->room_bytes : FIRST_BYTES;
    room = room > LARGEST_BYTES ? LARGEST_BYTES : room;
    room = room < n_bytes ? n_bytes : room;
    struct base_arena_block *block = base_alloc(sizeof *block + room);
    if (block) {
        *block = (struct base_arena_block){.next = arena->block, .room_bytes = room};
        arena->block = block;
    }
    return block;
}

void *base_arena_alloc(struct base_arena *arena, size_t n, size_t item_bytes)
{
    size_t n_bytes;
    if (__builtin_mul_overflow(n, item_bytes, &n_bytes) ||
        n_bytes > SIZE_MAX / 2 - ALIGNMENT) {
        return NULL;
    }
    n_bytes = (n_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (n_bytes > arena->max_bytes - arena->n_bytes) {
        return NULL;
    }
    struct base_arena_block *block = arena->block;
    if (!block || n_bytes > block->room_bytes - block->n_bytes) {
        block = add_block(arena, n_bytes);
        if (!block) {
            return NULL;
        }
    }
    void *p = block->data + block->n_bytes;
    block->n_bytes += n_bytes;
    arena->n_bytes += n_bytes;
    return p;
}

char *base_arena_strndup(struct base_arena *arena, const char *text, size_t n_bytes)
{
    if (n_bytes == SIZE_MAX) {
        return NULL;
    }
    char *copy = base_arena_alloc(arena, n_bytes + 1, 1);
    if (copy) {
        memcpy(copy, text, n_bytes);
        copy[n_bytes] = '\0';
    }
    return copy;
}

char *base_arena_strdup(struct base_arena *arena, const char *text)
{
    return base_arena_strndup(arena, text, strlen(text));
}

void base_arena_release(struct base_arena *arena)
{
    while (arena->block) {
        struct base_arena_block *next = arena->block->next;
        base_free(arena->block);
        arena->block = next;
    }
    arena->n_bytes = 0;
}

void base_arena_clear(struct base_arena *arena)
{
    base_arena_release(arena);
}
