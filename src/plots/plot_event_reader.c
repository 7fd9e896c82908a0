/** Strict reading of JSON: see the header. Limits of nesting are Jansson's own (2048). */
#include "plot_event_reader.h"

#include "base_error.h"

#include <stdarg.h>
#include <string.h>

void plot_reader_init(struct plot_reader *r, struct base_arena *arena,
                      const char *document, struct reel_error *err)
{
    *r = (struct plot_reader){.arena = arena, .err = err, .document = document};
}

json_t *plot_reader_parse(struct plot_reader *r, const char *json, size_t n_bytes)
{
    json_error_t error;
    json_t *root = json_loadb(json, n_bytes, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        if (json_error_code(&error) == json_error_out_of_memory) {
            plot_reader_no_memory(r);
        } else {
            plot_reader_complain(r, NULL, "line %d: %.200s", error.line, error.text);
        }
    }
    return root;
}

size_t plot_reader_enter(struct plot_reader *r, const char *format, ...)
{
    const size_t at = r->n_path_bytes;
    size_t n = at;
    if (n > 0 && n < sizeof r->path - 1) {
        r->path[n++] = '.';
    }
    va_list args;
    va_start(args, format);
    const int n_more = vsnprintf(r->path + n, sizeof r->path - n, format, args);
    va_end(args);
    n += n_more > 0 ? (size_t)n_more : 0;
    r->n_path_bytes = n < sizeof r->path ? n : sizeof r->path - 1;
    return at;
}

void plot_reader_leave(struct plot_reader *r, size_t at)
{
    r->n_path_bytes = at;
    r->path[at] = '\0';
}

void plot_reader_complain(struct plot_reader *r, const char *key, const char *format, ...)
{
    if (r->rc != REEL_OK) {
        return;
    }
    char text[320];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const bool has_document = r->document[0] != '\0';
    const bool has_path = r->n_path_bytes > 0 || key;
    r->rc = fail(r->err, REEL_EFORMAT, "%s%s%s%s%s%s%s", r->document,
                 has_document ? ": " : "", r->path, key && r->n_path_bytes > 0 ? "." : "",
                 key ? key : "", has_path ? ": " : "", text);
}

void plot_reader_no_memory(struct plot_reader *r)
{
    if (r->rc == REEL_OK) {
        r->rc = fail(r->err, REEL_ENOMEM, "%s%sout of memory", r->document,
                     r->document[0] ? ": " : "");
    }
}

bool plot_reader_object(struct plot_reader *r, const json_t *value,
                        const char *const *known)
{
    if (r->rc != REEL_OK) {
        return false;
    }
    if (!json_is_object(value)) {
        plot_reader_complain(r, NULL, "no object");
        return false;
    }
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        int32_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0) {
            i++;
        }
        if (!known[i]) {
            plot_reader_complain(r, NULL, "unknown member '%.60s'", key);
            return false;
        }
    }
    return true;
}

json_t *plot_reader_member(struct plot_reader *r, const json_t *object, const char *key,
                           json_type type, bool is_needed)
{
    static const char *const kinds[] = {"object", "array", "text", "number"};
    json_t *member = json_object_get(object, key);
    if (r->rc != REEL_OK) {
        return NULL;
    }
    if (!member || json_is_null(member)) {
        if (is_needed) {
            plot_reader_complain(r, key, "missing");
        }
        return NULL;
    }
    const bool is_right =
        type == JSON_INTEGER ? json_is_number(member) : json_typeof(member) == type;
    if (!is_right) {
        plot_reader_complain(r, key, "no %s", kinds[type <= JSON_INTEGER ? type : 3]);
        return NULL;
    }
    return member;
}

char *plot_reader_keep(struct plot_reader *r, const char *text)
{
    char *kept = r->rc == REEL_OK ? base_arena_strdup(r->arena, text) : NULL;
    if (!kept) {
        plot_reader_no_memory(r);
    }
    return kept;
}

void *plot_reader_alloc(struct plot_reader *r, size_t n, size_t item_bytes)
{
    void *block =
        r->rc == REEL_OK ? base_arena_alloc(r->arena, n ? n : 1, item_bytes) : NULL;
    if (!block) {
        plot_reader_no_memory(r);
        return NULL;
    }
    return memset(block, 0, (n ? n : 1) * item_bytes);
}

/** Not empty, on one line. */
static const char *text_keep(struct plot_reader *r, const char *key, const char *text)
{
    if (!text[strspn(text, " \t\r\n")]) {
        plot_reader_complain(r, key, "empty");
        return NULL;
    }
    return plot_reader_keep(r, text);
}

const char *plot_reader_text(struct plot_reader *r, const json_t *object, const char *key,
                             bool is_needed)
{
    const json_t *member = plot_reader_member(r, object, key, JSON_STRING, is_needed);
    return member ? text_keep(r, key, json_string_value(member)) : NULL;
}

double plot_reader_number(struct plot_reader *r, const json_t *object, const char *key,
                          double low, double high, double otherwise)
{
    const json_t *member = plot_reader_member(r, object, key, JSON_INTEGER, false);
    if (!member) {
        return otherwise;
    }
    const double value = json_number_value(member);
    if (!(value >= low && value <= high)) {
        plot_reader_complain(r, key, "%g is not in %g .. %g", value, low, high);
        return otherwise;
    }
    return value;
}

const char *const *plot_reader_texts(struct plot_reader *r, const json_t *object,
                                     const char *key, bool is_needed, int32_t *n)
{
    *n = 0;
    const json_t *list = plot_reader_member(r, object, key, JSON_ARRAY, is_needed);
    const size_t n_texts = json_array_size(list);
    const char **text = list ? plot_reader_alloc(r, n_texts, sizeof *text) : NULL;
    for (size_t i = 0; text && i < n_texts; i++) {
        const size_t at = plot_reader_enter(r, "%s[%zu]", key, i);
        const json_t *item = json_array_get(list, i);
        if (!json_is_string(item)) {
            plot_reader_complain(r, NULL, "no text");
        } else {
            text[i] = text_keep(r, NULL, json_string_value(item));
        }
        plot_reader_leave(r, at);
        if (r->rc != REEL_OK) {
            return NULL;
        }
    }
    *n = text ? (int32_t)n_texts : 0;
    return text;
}
