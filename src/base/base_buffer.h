/**
 * Text or bytes that grow, with a limit; `data` always ends with NUL once something was
 * added. An addition that fails leaves the buffer as it was and returns false.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <forkreel/status.h>

#include <stddef.h>

struct base_buffer {
    char *data; /* NULL while empty */
    size_t n_bytes, room_bytes, max_bytes;
};

void base_buffer_init(struct base_buffer *buffer, size_t max_bytes);
bool base_buffer_add(struct base_buffer *buffer, const void *data,
                     size_t n_bytes) REEL_CHECKED;
bool base_buffer_add_text(struct base_buffer *buffer, const char *text) REEL_CHECKED;
bool base_buffer_add_char(struct base_buffer *buffer, char c) REEL_CHECKED;
bool base_buffer_print(struct base_buffer *buffer, const char *format, ...)
    REEL_PRINTF(2, 3) REEL_CHECKED;
/** Room for `n_more_bytes` behind what is there, for the caller to write and count; or NULL. */
char *base_buffer_reserve(struct base_buffer *buffer, size_t n_more_bytes) REEL_CHECKED;
/** The text so far; "" while empty. */
const char *base_buffer_text(const struct base_buffer *buffer);
void base_buffer_clear(struct base_buffer *buffer);
void base_buffer_release(struct base_buffer *buffer);

#endif
