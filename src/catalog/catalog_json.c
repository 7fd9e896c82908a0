// Strict JSON on Jansson. Depth is measured before Jansson recurses; duplicate keys, NUL,
// lone surrogates and numbers out of range are refused by Jansson itself.

#include "catalog_json.h"

#include <jansson.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void catalog_json_complain(struct catalog_json *row, const char *format, ...)
{
    if (row->problem[0]) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(row->problem, sizeof row->problem, format, args);
    va_end(args);
}

// Deepest nesting of a text; brackets inside strings do not count.
static int32_t depth_of(const char *text, size_t n_bytes)
{
    int32_t depth = 0, deepest = 0;
    bool is_string = false;
    for (size_t i = 0; i < n_bytes; i++) {
        const char c = text[i];
        if (is_string) {
            i += c == '\\';
            is_string = c != '"';
        } else if (c == '"') {
            is_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return deepest;
}

bool catalog_json_parse(struct catalog_json *row, const char *text, size_t n_bytes)
{
    *row = (struct catalog_json){0};
    const int32_t depth = depth_of(text, n_bytes);
    if (depth > CATALOG_JSON_MAX_DEPTH) {
        catalog_json_complain(row, "JSON nested %d deep, at most %d", depth,
                              CATALOG_JSON_MAX_DEPTH);
        return false;
    }
    json_error_t why;
    row->root = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, &why);
    if (row->root) {
        return true;
    }
    const enum json_error_code code = json_error_code(&why);
    row->is_unfinished = code == json_error_premature_end_of_input;
    row->is_not_utf8 = code == json_error_invalid_utf8;
    row->is_memory = code == json_error_out_of_memory || !why.text[0];
    const bool is_nul =
        code == json_error_null_character || code == json_error_null_byte_in_key;
    if (row->is_memory) {
        catalog_json_complain(row, "out of memory");
    } else {
        catalog_json_complain(row, "not JSON at column %d: %s", why.column,
                              is_nul ? "a NUL in a text" : why.text);
    }
    return false;
}

void catalog_json_release(struct catalog_json *row)
{
    json_decref(row->root);
    row->root = NULL;
}

bool catalog_json_is_object(const struct json_t *value)
{
    return json_is_object(value);
}

bool catalog_json_is_array(const struct json_t *value)
{
    return json_is_array(value);
}

const struct json_t *catalog_json_member(const struct json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static void complain_of_value(struct catalog_json *row, const char *key,
                              const json_t *value, const char *wanted)
{
    char shown[96];
    const char *text = catalog_json_scalar(value, shown, sizeof shown);
    if (text) {
        catalog_json_complain(row, "%s: %.60s is not %s", key, text, wanted);
    } else {
        catalog_json_complain(row, "%s: an %s is not %s", key,
                              json_is_array(value) ? "array" : "object", wanted);
    }
}

const struct json_t *catalog_json_object(struct catalog_json *row,
                                         const struct json_t *object, const char *key)
{
    const json_t *value = catalog_json_member(object, key);
    if (value && !json_is_object(value)) {
        complain_of_value(row, key, value, "an object");
        return NULL;
    }
    return value;
}

const struct json_t *catalog_json_array(struct catalog_json *row,
                                        const struct json_t *object, const char *key)
{
    const json_t *value = catalog_json_member(object, key);
    if (value && !json_is_array(value)) {
        complain_of_value(row, key, value, "an array");
        return NULL;
    }
    return value;
}

size_t catalog_json_n(const struct json_t *array)
{
    return json_array_size(array);
}

const struct json_t *catalog_json_item(const struct json_t *array, size_t i)
{
    return json_array_get(array, i);
}

const char *catalog_json_text(struct catalog_json *row, const struct json_t *object,
                              const char *key)
{
    const json_t *value = catalog_json_member(object, key);
    if (value && !json_is_string(value)) {
        complain_of_value(row, key, value, "text");
        return NULL;
    }
    return catalog_json_string(value);
}

const char *catalog_json_string(const struct json_t *value)
{
    const char *text = json_string_value(value);
    return text && text[0] ? text : NULL;
}

int64_t catalog_json_int(struct catalog_json *row, const struct json_t *object,
                         const char *key, int64_t low, int64_t high, int64_t otherwise)
{
    const json_t *value = catalog_json_member(object, key);
    if (!value) {
        return otherwise;
    }
    int64_t number = json_integer_value(value);
    if (json_is_real(value)) { // 120.0 is a whole number for many writers
        const double real = json_real_value(value);
        if (fabs(real) > 1e15 || real != floor(real)) {
            complain_of_value(row, key, value, "a whole number");
            return otherwise;
        }
        number = (int64_t)real;
    } else if (!json_is_integer(value)) {
        complain_of_value(row, key, value, "a whole number");
        return otherwise;
    }
    if (number < low || number > high) {
        catalog_json_complain(row, "%s: %lld is not in %lld .. %lld", key,
                              (long long)number, (long long)low, (long long)high);
        return otherwise;
    }
    return number;
}

double catalog_json_number(struct catalog_json *row, const struct json_t *object,
                           const char *key)
{
    const json_t *value = catalog_json_member(object, key);
    if (value && !json_is_number(value)) {
        complain_of_value(row, key, value, "a number");
        return NAN;
    }
    return value ? json_number_value(value) : NAN;
}

bool catalog_json_bool(struct catalog_json *row, const struct json_t *object,
                       const char *key)
{
    const json_t *value = catalog_json_member(object, key);
    if (value && !json_is_boolean(value)) {
        complain_of_value(row, key, value, "true or false");
        return false;
    }
    return json_is_true(value);
}

const char *catalog_json_scalar(const struct json_t *value, char *text,
                                size_t n_text_bytes)
{
    if (json_is_string(value)) {
        return json_string_value(value);
    }
    if (json_is_number(value)) { // Jansson's writer knows no locale
        const size_t n = json_dumpb(value, text, n_text_bytes - 1,
                                    JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        text[n < n_text_bytes ? n : 0] = '\0';
        return text;
    }
    if (json_is_boolean(value)) {
        return json_is_true(value) ? "true" : "false";
    }
    return NULL;
}

// Jansson's iterators take a pointer that is not const, and change nothing through it.
static json_t *unconst(const struct json_t *value)
{
    return (json_t *)(uintptr_t)value;
}

void *catalog_json_first(const struct json_t *object)
{
    return json_object_iter(unconst(object));
}

void *catalog_json_next(const struct json_t *object, void *at)
{
    return json_object_iter_next(unconst(object), at);
}

const char *catalog_json_key(void *at)
{
    return json_object_iter_key(at);
}

const struct json_t *catalog_json_value(void *at)
{
    return json_object_iter_value(at);
}

void catalog_json_cutter_init(struct catalog_json_cutter *cutter)
{
    *cutter = (struct catalog_json_cutter){.item_depth = -1, .line = 1};
}

// A byte outside every item: blank, the array's brackets and commas, or an item's brace.
static bool take_between(struct catalog_json_cutter *cutter, char c)
{
    const bool is_array = cutter->item_depth == 1 && !cutter->is_done;
    switch (c) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return true;
    case '[':
        if (cutter->item_depth >= 0) {
            return false;
        }
        cutter->item_depth = cutter->depth = 1;
        return true;
    case '{':
        if (cutter->is_done || (cutter->had_item && !cutter->needs_item)) {
            return false;
        }
        cutter->item_depth = cutter->item_depth < 0 ? 0 : cutter->item_depth;
        cutter->depth++;
        return true;
    case ',':
        if (!is_array || !cutter->had_item || cutter->needs_item) {
            return false;
        }
        cutter->needs_item = true;
        return true;
    case ']':
        if (!is_array || cutter->needs_item) {
            return false;
        }
        cutter->is_done = true;
        cutter->depth = 0;
        return true;
    default:
        return false;
    }
}

// A byte inside an item; true when it ends the item.
static bool take_inside(struct catalog_json_cutter *cutter, char c)
{
    if (cutter->is_escaped) {
        cutter->is_escaped = false;
    } else if (cutter->is_string) {
        cutter->is_escaped = c == '\\';
        cutter->is_string = c != '"';
    } else if (c == '"') {
        cutter->is_string = true;
    } else if (c == '{' || c == '[') {
        cutter->depth++;
    } else if (c == '}' || c == ']') {
        cutter->depth--;
        return cutter->depth == cutter->item_depth;
    }
    return false;
}

enum catalog_json_cut catalog_json_cutter_feed(struct catalog_json_cutter *cutter,
                                               const char *data, size_t n_bytes,
                                               size_t *item_begin, size_t *n_taken)
{
    bool is_inside = cutter->item_depth >= 0 && cutter->depth > cutter->item_depth;
    *item_begin = is_inside ? 0 : n_bytes;
    for (size_t i = 0; i < n_bytes; i++) {
        const char c = data[i];
        *n_taken = i + 1;
        cutter->line += c == '\n';
        if (is_inside) {
            if (take_inside(cutter, c)) {
                cutter->had_item = true;
                cutter->needs_item = false;
                cutter->is_done = cutter->item_depth == 0;
                return CATALOG_JSON_ITEM;
            }
        } else if (!take_between(cutter, c)) {
            *n_taken = i;
            return CATALOG_JSON_WRONG;
        } else if (cutter->item_depth >= 0 && cutter->depth > cutter->item_depth) {
            *item_begin = i;
            cutter->line_item = cutter->line;
            is_inside = true;
        }
    }
    *n_taken = n_bytes;
    return CATALOG_JSON_MORE;
}

char *catalog_json_write(const struct json_t *value)
{
    return json_dumps(value, JSON_COMPACT);
}

void catalog_json_text_free(char *text)
{
    free(text); // json_dumps takes it from malloc
}
