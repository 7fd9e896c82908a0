/** Sections of blocks: placed, and checked when they come from a file. */
#include "base_block.h"
#include "base_error.h"

bool base_section_place(struct base_section *section, uint32_t item_bytes,
                        uint64_t n_items, uint64_t *n_block_bytes)
{
    const uint64_t n_bytes_max = (uint64_t)1 << 46;
    uint64_t n_bytes;
    if (__builtin_mul_overflow(n_items, item_bytes, &n_bytes) || n_bytes > n_bytes_max) {
        return false;
    }
    *section = (struct base_section){*n_block_bytes, n_items, item_bytes, 1};
    *n_block_bytes +=
        (n_bytes + BASE_BLOCK_ALIGN - 1) / BASE_BLOCK_ALIGN * BASE_BLOCK_ALIGN;
    return true;
}

enum reel_status base_sections_check(const struct base_section *section, int32_t n,
                                     uint64_t n_block_bytes, struct reel_error *err)
{
    for (int32_t i = 0; i < n; i++) {
        const struct base_section *s = &section[i];
        uint64_t n_bytes, end;
        if (s->is_present &&
            (__builtin_mul_overflow(s->n_items, s->item_bytes, &n_bytes) ||
             __builtin_add_overflow(s->offset, n_bytes, &end) ||
             s->offset < BASE_BLOCK_HEADER_BYTES || end > n_block_bytes ||
             s->offset % BASE_BLOCK_ALIGN != 0)) {
            return fail(err, REEL_EFORMAT, "section %d lies outside the file", i);
        }
    }
    return REEL_OK;
}

enum reel_status base_section_expect(const struct base_section *section, int32_t i,
                                     uint32_t item_bytes, uint64_t n_items,
                                     struct reel_error *err)
{
    const struct base_section *s = &section[i];
    if (!s->is_present || s->item_bytes != item_bytes || s->n_items != n_items) {
        return fail(err, REEL_EFORMAT, "section %d holds %llu items where %llu belong", i,
                    (unsigned long long)(s->is_present ? s->n_items : 0),
                    (unsigned long long)n_items);
    }
    return REEL_OK;
}

uint64_t base_header_sum(const void *header, size_t n_bytes, size_t at_check)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n_bytes; i++) {
        const bool is_check = i - at_check < sizeof h; // wraps before it: not inside
        h = (h ^ (is_check ? 0 : ((const unsigned char *)header)[i])) * 0x100000001b3u;
    }
    return h;
}
