/**
 * The objects of a JSON file one after another: the items of one array, the lines of a
 * JSON-lines file, or the one object that the file is. Which it is shows in its beginning.
 * A file of any length, in one line or many, takes the memory of one block and one item.
 *
 *     rc = catalog_items_open(&items, r, i_member, err);
 *     while (rc == REEL_OK && (rc = catalog_items_next(&items, &row, err)) == REEL_OK && row) {
 *         const char *title = catalog_json_text(row, row->root, "title");
 *         ...
 *         rc = row->problem[0] ? catalog_items_refuse(&items, row->problem, err) : ...;
 *     }
 *     catalog_items_close(&items);
 */
#ifndef CATALOG_ITEMS_H
#define CATALOG_ITEMS_H

#include "catalog_json.h"
#include "catalog_read.h"

#include "base_buffer.h"

struct catalog_items {
    struct catalog_reader *r; // its `where` is kept at the item at hand
    int32_t i_member;
    struct catalog_input *in;
    struct catalog_json row;
    bool has_begun, is_lines;
    int64_t n_items; // seen so far, the one at hand included
    char *data;      // what is left of the line or block at hand; NULL: more is needed
    size_t n_bytes;
    struct catalog_json_cutter cutter;
    struct base_buffer item; // an item that began in an earlier block
};

enum reel_status catalog_items_open(struct catalog_items *items, struct catalog_reader *r,
                                    int32_t i_member,
                                    struct reel_error *err) REEL_CHECKED;
void catalog_items_close(struct catalog_items *items);

/**
 * The next object, which lives until the next call; NULL after the last. An item that is
 * not a JSON object is refused and passed over.
 * Errors: REEL_EFORMAT when the file is not JSON or ends too early; those of the input.
 */
enum reel_status catalog_items_next(struct catalog_items *items,
                                    struct catalog_json **row,
                                    struct reel_error *err) REEL_CHECKED;

/** Refuse the item at hand; says which one it is where the line does not tell. */
enum reel_status catalog_items_refuse(struct catalog_items *items, const char *reason,
                                      struct reel_error *err) REEL_CHECKED;

#endif
