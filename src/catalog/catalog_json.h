/**
 * JSON from outside, read strictly. catalog_json.c is the one file here that sees Jansson.
 *
 * Text must be UTF-8 without NUL (escaped or not); a key may appear once in an object;
 * nesting ends at CATALOG_JSON_MAX_DEPTH; numbers must fit int64_t or a double. The typed
 * readers below keep the first complaint in `problem`, so that a record is read to its end
 * and judged once:
 *
 *     struct catalog_json row;
 *     if (catalog_json_parse(&row, text, n_bytes)) {
 *         film.title = catalog_json_text(&row, row.root, "title");
 *         film.year = (int32_t)catalog_json_int(&row, row.root, "year", 1870, 2100, 0);
 *     }
 *     if (row.problem[0]) { refuse the row, row.problem says why }
 *     catalog_json_release(&row);
 */
#ifndef CATALOG_JSON_H
#define CATALOG_JSON_H

#include <forkreel/status.h>

#include <stddef.h>

#define CATALOG_JSON_MAX_DEPTH 64

struct json_t; // a value; borrowed from its row

struct catalog_json {
    struct json_t *root; // NULL after a failed parse
    char problem[200]; // "" while nothing is wrong; "year: \"abc\" is not a whole number"
    bool is_unfinished; // the text ended inside a value
    bool is_not_utf8;
    bool is_memory; // the problem is memory, not the text
};

/** Parse one value, an object or array; false with `problem` set when it is not one. */
bool catalog_json_parse(struct catalog_json *row, const char *text, size_t n_bytes);
void catalog_json_release(struct catalog_json *row);

bool catalog_json_is_object(const struct json_t *value);
bool catalog_json_is_array(const struct json_t *value);

/** Member of an object; NULL when absent, null, or `object` is NULL. */
const struct json_t *catalog_json_member(const struct json_t *object, const char *key);
/** Member that must be an object or array if it is there. */
const struct json_t *catalog_json_object(struct catalog_json *row,
                                         const struct json_t *object, const char *key);
const struct json_t *catalog_json_array(struct catalog_json *row,
                                        const struct json_t *object, const char *key);
/** Items of an array; 0 for NULL and for anything else. */
size_t catalog_json_n(const struct json_t *array);
const struct json_t *catalog_json_item(const struct json_t *array, size_t i);

/** Text of a member; NULL when absent, null or empty. */
const char *catalog_json_text(struct catalog_json *row, const struct json_t *object,
                              const char *key);
/** Whole number in [low, high]; `otherwise` when absent or null. */
int64_t catalog_json_int(struct catalog_json *row, const struct json_t *object,
                         const char *key, int64_t low, int64_t high, int64_t otherwise);
/** Any number; NAN when absent or null. */
double catalog_json_number(struct catalog_json *row, const struct json_t *object,
                           const char *key);
/** True or false; false when absent or null. */
bool catalog_json_bool(struct catalog_json *row, const struct json_t *object,
                       const char *key);
/** Text of an item, NULL when it is not text. */
const char *catalog_json_string(const struct json_t *value);
/**
 * A text, number or truth value written as text into `text` unless it is text already;
 * NULL for null, arrays and objects.
 */
const char *catalog_json_scalar(const struct json_t *value, char *text,
                                size_t n_text_bytes);

/** The whole value as compact JSON; NULL when out of memory; catalog_json_text_free it. */
char *catalog_json_write(const struct json_t *value);
void catalog_json_text_free(char *text);

/** Note a problem unless there is one already. */
void catalog_json_complain(struct catalog_json *row, const char *format, ...)
    REEL_PRINTF(2, 3);

/** Members of an object in no promised order; NULL begins, NULL ends. */
void *catalog_json_first(const struct json_t *object);
void *catalog_json_next(const struct json_t *object, void *at);
const char *catalog_json_key(void *at);
const struct json_t *catalog_json_value(void *at);

/**
 * Cuts a stream into the items of its outermost array, so that a file of any length is read
 * in the memory of one item; an outermost object is one item. Only nesting is looked at
 * here: each item is still to be parsed.
 */
struct catalog_json_cutter {
    int32_t depth,
        item_depth; // item_depth: 0 an outermost object, 1 an array; -1 unknown
    bool is_string, is_escaped, is_done, needs_item, had_item;
    int64_t line, line_item; // of the next byte, of the item at hand; from 1
};

enum catalog_json_cut {
    CATALOG_JSON_MORE,  // the whole chunk was taken, nothing ended
    CATALOG_JSON_ITEM,  // an item ends before data[*n_taken]
    CATALOG_JSON_WRONG, // data[*n_taken] cannot stand there
};

void catalog_json_cutter_init(struct catalog_json_cutter *cutter);
/**
 * Look at the next bytes. [*item_begin, *n_taken) is the part of them that belongs to the
 * item at hand; it is empty when *item_begin == *n_taken.
 */
enum catalog_json_cut catalog_json_cutter_feed(struct catalog_json_cutter *cutter,
                                               const char *data, size_t n_bytes,
                                               size_t *item_begin, size_t *n_taken);

#endif
