/**
 * Blocks of memory that are also files: a header on a page of its own, then sections.
 *
 *     [ header | section | section | ... ]
 *      4096 B    each begins at a multiple of 64 bytes
 *
 * Whoever has such a block owns its header; a table of sections, the block's length and a
 * checksum are in it, and what is said about these is the same for all and stands here.
 */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

#include <forkreel/status.h>

#include <stddef.h>
#include <stdint.h>

enum { BASE_BLOCK_HEADER_BYTES = 4096, BASE_BLOCK_ALIGN = 64 };

/** Where a section lies; part of files. */
struct base_section {
    uint64_t offset, n_items;
    uint32_t item_bytes, is_present;
};

/**
 * Put a section at the end of a block that is being laid out; `*n_block_bytes` grows by it and
 * stays a multiple of the alignment. False: no memory is that large.
 */
bool base_section_place(struct base_section *section, uint32_t item_bytes,
                        uint64_t n_items, uint64_t *n_block_bytes);

/** REEL_EFORMAT unless every section that is present lies behind the header and inside. */
enum reel_status base_sections_check(const struct base_section *section, int32_t n,
                                     uint64_t n_block_bytes,
                                     struct reel_error *err) REEL_CHECKED;

/** REEL_EFORMAT unless section[i] is present with this shape. */
enum reel_status base_section_expect(const struct base_section *section, int32_t i,
                                     uint32_t item_bytes, uint64_t n_items,
                                     struct reel_error *err) REEL_CHECKED;

/** FNV-1a of a header whose own checksum, the 8 bytes at `at_check`, counts as 0. */
uint64_t base_header_sum(const void *header, size_t n_bytes, size_t at_check);

#endif
