/**
 * Unpacked bytes of one member of a source, in order, with the limits of the read options.
 * catalog_source.c makes them and is the one file here that sees libarchive; catalog_input.c
 * is their one user.
 */
#ifndef CATALOG_STREAM_H
#define CATALOG_STREAM_H

#include "catalog_input.h"

struct catalog_stream;

enum reel_status catalog_stream_open(struct catalog_source *source, int32_t i,
                                     struct catalog_stream **out,
                                     struct reel_error *err) REEL_CHECKED;
void catalog_stream_close(struct catalog_stream *stream);
/** Up to `room` bytes (> 0); `*n` is 0 at the end. Errors name the file, without a line. */
enum reel_status catalog_stream_read(struct catalog_stream *stream, void *data,
                                     size_t room, size_t *n,
                                     struct reel_error *err) REEL_CHECKED;
/** Back to the first byte. Errors: REEL_EIO for a pipe, which cannot be read twice. */
enum reel_status catalog_stream_rewind(struct catalog_stream **stream,
                                       struct reel_error *err) REEL_CHECKED;
/** How far: bytes done and bytes in all, packed or unpacked; total 0 when unknown. */
void catalog_stream_progress(const struct catalog_stream *stream, double *done,
                             double *total);

/** For messages: the path of a file, or the name of a member of an archive. */
const char *catalog_source_label(const struct catalog_source *source, int32_t i);
const struct reel_read_options *catalog_source_options(
    const struct catalog_source *source);

#endif
