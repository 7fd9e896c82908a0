/**
 * A growing array of bytes with a limit; see base_buffer.h.
 */
#include "base_buffer.h"
#include "base_alloc.h"

#include <stdarg.h>
#include <string.h>

void base_buffer_init(struct base_buffer *buffer, size_t max_bytes)
{
    *buffer = (struct base_buffer){.max_bytes = max_bytes};
}

static bool reserve(struct base_buffer *buffer, size_t n_more_bytes)
{
    if (n_more_bytes > buffer->max_bytes - buffer->n_bytes) {
        return false;
    }
    const size_t needed = buffer->n_bytes + n_more_bytes + 1;
    if (needed <= buffer->room_bytes) {
        return true;
    }
    size_t room = buffer->room_bytes ? buffer->room_bytes : 64;
    while (room < needed) {
        room *= 2;
    }
    char *data = base_realloc_array(buffer->data, room, 1);
    if (!data) {
        return false;
    }
    buffer->data = data;
    buffer->room_bytes = room;
    return true;
}

bool base_buffer_add(struct base_buffer *buffer, const void *data, size_t n_bytes)
{
    if (!reserve(buffer, n_bytes)) {
        return false;
    }
    if (n_bytes > 0) {
        memcpy(buffer->data + buffer->n_bytes, data, n_bytes);
    }
    buffer->n_bytes += n_bytes;
    buffer->data[buffer->n_bytes] = '\0';
    return true;
}

char *base_buffer_reserve(struct base_buffer *buffer, size_t n_more_bytes)
{
    return reserve(buffer, n_more_bytes) ? buffer->data + buffer->n_bytes : NULL;
}

bool base_buffer_add_text(struct base_buffer *buffer, const char *text)
{
    return base_buffer_add(buffer, text, strlen(text));
}

bool base_buffer_add_char(struct base_buffer *buffer, char c)
{
    return base_buffer_add(buffer, &c, 1);
}

bool base_buffer_print(struct base_buffer *buffer, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    const bool is_done = n >= 0 && reserve(buffer, (size_t)n);
    if (is_done) {
        (void)vsnprintf(buffer->data + buffer->n_bytes, (size_t)n + 1, format, again);
        buffer->n_bytes += (size_t)n;
    }
    va_end(again);
    return is_done;
}

const char *base_buffer_text(const struct base_buffer *buffer)
{
    return buffer->data ? buffer->data : "";
}

void base_buffer_clear(struct base_buffer *buffer)
{
    buffer->n_bytes = 0;
    if (buffer->data) {
        buffer->data[0] = '\0';
    }
}

void base_buffer_release(struct base_buffer *buffer)
{
    base_free(buffer->data);
    base_buffer_init(buffer, buffer->max_bytes);
}
