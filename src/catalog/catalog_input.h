/**
 * Bytes of a source, wherever they lie: a file, a .gz, a folder, a zip, or memory.
 *
 * A source is a list of members, shallow ones first, then by name, or by their place in a
 * zip; a plain file is a source of one. A member is read through an input: by line, by
 * quoted record, or as a whole. What comes out of lines and records is UTF-8 without NUL.
 * Limits (length of a line, unpacked size, unpacked to packed ratio, unsafe names) end the
 * reading with one line of text.
 *
 *     struct catalog_source *source;
 *     rc = catalog_source_open("export.zip", &opt, &source, &err);
 *     int32_t i = catalog_source_find(source, "ratings.csv", 0);        // -1: not there
 *     rc = catalog_input_open(source, i, &in, &err);
 *     while ((rc = catalog_input_line(in, &line, &err)) == REEL_OK && line) { ... }
 *     catalog_input_close(in);
 *     catalog_source_close(source);
 */
#ifndef CATALOG_INPUT_H
#define CATALOG_INPUT_H

#include <forkreel/catalog.h>

struct catalog_source;
struct catalog_input;

/** `opt` is borrowed for the life of the source. Errors: REEL_ENOTFOUND, REEL_EIO, REEL_EFORMAT. */
enum reel_status catalog_source_open(const char *path,
                                     const struct reel_read_options *opt,
                                     struct catalog_source **out,
                                     struct reel_error *err) REEL_CHECKED;

/** A member that is not on disk; packed (.gz, zip) bytes are recognised all the same. */
struct catalog_memory {
    const char *name;
    const void *data;
    size_t n_bytes;
};
/** As a folder of `n` members, or one file when n is 1; everything is borrowed. */
enum reel_status catalog_source_open_memory(const struct catalog_memory *member,
                                            int32_t n,
                                            const struct reel_read_options *opt,
                                            struct catalog_source **out,
                                            struct reel_error *err) REEL_CHECKED;
void catalog_source_close(struct catalog_source *source);

/** The path as given. */
const char *catalog_source_path(const struct catalog_source *source);
/** One plain or .gz file, not a folder or an archive. */
bool catalog_source_is_file(const struct catalog_source *source);
int32_t catalog_source_n(const struct catalog_source *source);
/** Name of member `i` inside the folder or archive, with '/'; base name of a plain file. */
const char *catalog_source_member(const struct catalog_source *source, int32_t i);
/**
 * First member from `i_from` on whose name fits a shell pattern, or -1. "ratings.csv" is
 * compared with the base name; "likes/films.csv" with as many last parts of the name as it
 * has. Case does not matter; ".gz" at the end of a name is not looked at.
 */
int32_t catalog_source_find(const struct catalog_source *source, const char *pattern,
                            int32_t i_from);

/** Several inputs of one source may be open together. */
enum reel_status catalog_input_open(struct catalog_source *source, int32_t i,
                                    struct catalog_input **out,
                                    struct reel_error *err) REEL_CHECKED;
void catalog_input_close(struct catalog_input *in);

/** Lines and records are ISO-8859-1 from here on, not UTF-8; before the first of them. */
void catalog_input_set_latin1(struct catalog_input *in);

/**
 * Next line without its end (LF or CRLF), ending with NUL; NULL after the last. The caller
 * may write into it (no longer than it is); it lives until the next call.
 * Errors: REEL_EFORMAT "FILE:LINE: ..." for NUL, not UTF-8, too long, truncated, a bomb;
 *         REEL_EIO; REEL_ECANCELLED from the progress callback.
 */
enum reel_status catalog_input_line(struct catalog_input *in, char **line,
                                    struct reel_error *err) REEL_CHECKED;
/**
 * The same for a record of RFC 4180: a field that begins with '"' may hold line ends.
 * The quotes are still there. `has_quotes` is false when there is none in the record.
 */
enum reel_status catalog_input_record(struct catalog_input *in, char delimiter,
                                      char **record, size_t *n_bytes, bool *has_quotes,
                                      struct reel_error *err) REEL_CHECKED;
/** Read lines and records again from the first one; for readers that need two passes. */
enum reel_status catalog_input_rewind(struct catalog_input *in,
                                      struct reel_error *err) REEL_CHECKED;
/**
 * What is left, at most `max_bytes`, ending with NUL; raw except that a UTF-8 byte order
 * mark is left out. It lives until the input is closed.
 */
enum reel_status catalog_input_all(struct catalog_input *in, size_t max_bytes,
                                   char **data, size_t *n_bytes,
                                   struct reel_error *err) REEL_CHECKED;

/**
 * The next bytes, as many as are at hand, raw as above; `*n_bytes` is 0 at the end. They may
 * be written into, and live until the next call.
 */
enum reel_status catalog_input_chunk(struct catalog_input *in, char **data,
                                     size_t *n_bytes,
                                     struct reel_error *err) REEL_CHECKED;

/** Where the line or record handed out last begins; `file` lives as long as the source. */
struct reel_where catalog_input_where(const struct catalog_input *in);

#endif
