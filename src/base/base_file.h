/** Files that are whole or not there, and files mapped into memory. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <forkreel/status.h>

#include <stddef.h>

/**
 * Write beside `path`, sync and rename: readers see the old file or the new one. Where the
 * path is a device or a pipe, what is written goes there.
 */
struct base_file_writer {
    FILE *out;
    char *path, *path_new;
};
enum reel_status base_file_writer_open(struct base_file_writer *writer, const char *path,
                                       struct reel_error *err) REEL_CHECKED;
/** Errors of any write since opening show here; the old file is then untouched. */
enum reel_status base_file_writer_close(struct base_file_writer *writer,
                                        struct reel_error *err) REEL_CHECKED;
/** Forget what was written; safe after close. */
void base_file_writer_abort(struct base_file_writer *writer);

/** All of it by a writer: `head` (NULL: none) and then `rest`. */
enum reel_status base_file_write(const char *path, const void *head, size_t n_head_bytes,
                                 const void *rest, size_t n_rest_bytes,
                                 struct reel_error *err) REEL_CHECKED;

struct base_file_map {
    const unsigned char *data; /* NULL when the file is empty */
    size_t n_bytes;
};
/** Read-only map of a whole regular file. Errors: REEL_ENOTFOUND, REEL_EIO. */
enum reel_status base_file_map_open(struct base_file_map *map, const char *path,
                                    struct reel_error *err) REEL_CHECKED;
void base_file_map_close(struct base_file_map *map);

/** mkdir -p. */
enum reel_status base_file_mkdirs(const char *path, struct reel_error *err) REEL_CHECKED;

#endif
