/**
 * A window that moves over the bytes of a stream, and cuts it into lines and records.
 *
 * Text is changed in place (ends become NUL), so a row costs no allocation and no copy.
 * Encoding is checked per row, but rows of plain ASCII are found in blocks beforehand:
 * [begin, clean_end) has been looked at and holds neither NUL nor a byte above 0x7f.
 */
#include "catalog_input.h"
#include "catalog_stream.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_text.h"

#include <string.h>

enum {
    ROOM_FIRST_BYTES = 1 << 16,
    ROOM_USUAL_BYTES = 1 << 20,
};

struct catalog_input {
    struct catalog_source *source;
    int32_t i_member;
    struct catalog_stream *stream;
    char *data; /* (room), one byte spare for the last NUL */
    size_t begin, end, room, clean_end;
    bool is_begun; /* the byte order mark has been dealt with */
    bool is_end;   /* the stream has no more */
    bool is_latin1;
    int64_t line, line_next; /* of the row handed out last, of the next one; from 1 */
    char *wide;              /* a row turned from ISO-8859-1 to UTF-8 */
    size_t wide_room;
};

enum reel_status catalog_input_open(struct catalog_source *source, int32_t i,
                                    struct catalog_input **out, struct reel_error *err)
{
    struct catalog_input *in = base_alloc_zeroed(1, sizeof *in);
    if (!in) {
        return fail(err, REEL_ENOMEM, "%s", catalog_source_label(source, i));
    }
    in->source = source;
    in->i_member = i;
    in->line_next = 1;
    enum reel_status rc = catalog_stream_open(source, i, &in->stream, err);
    if (rc == REEL_OK) {
        in->room = ROOM_FIRST_BYTES;
        in->data = base_alloc(in->room);
        if (!in->data) {
            rc = fail(err, REEL_ENOMEM, "%s", catalog_source_label(source, i));
        }
    }
    if (rc != REEL_OK) {
        catalog_input_close(in);
        return rc;
    }
    *out = in;
    return REEL_OK;
}

void catalog_input_close(struct catalog_input *in)
{
    if (in) {
        catalog_stream_close(in->stream);
        base_free(in->data);
        base_free(in->wide);
        base_free(in);
    }
}

void catalog_input_set_latin1(struct catalog_input *in)
{
    in->is_latin1 = true;
}

struct reel_where catalog_input_where(const struct catalog_input *in)
{
    return (struct reel_where){
        .file = catalog_source_label(in->source, in->i_member),
        .line = in->line,
    };
}

// ---- the window ----

static enum reel_status report_progress(const struct catalog_input *in,
                                        struct reel_error *err)
{
    const char *name = catalog_source_member(in->source, in->i_member);
    const char *slash = strrchr(name, '/');
    double done, total;
    catalog_stream_progress(in->stream, &done, &total);
    const struct reel_read_options *opt = catalog_source_options(in->source);
    if (!base_progress_report(&opt->progress, slash ? slash + 1 : name, done, total)) {
        return fail(err, REEL_ECANCELLED, "%s: stopped", name);
    }
    return REEL_OK;
}

// Make room behind the window: what was handed out goes, and the buffer grows when it is
// more than half full, in steps, so that a small file costs little.
static enum reel_status make_room(struct catalog_input *in, struct reel_error *err)
{
    if (in->begin > 0) {
        in->end -= in->begin;
        in->clean_end = in->clean_end > in->begin ? in->clean_end - in->begin : 0;
        memmove(in->data, in->data + in->begin, in->end);
        in->begin = 0;
    }
    const bool is_tight = in->end > in->room / 2;
    if (is_tight || (in->is_begun && in->room < ROOM_USUAL_BYTES)) {
        char *data = base_realloc_array(in->data, in->room, 2);
        if (!data) {
            return fail(err, REEL_ENOMEM, "%s: %zu bytes at once",
                        catalog_source_label(in->source, in->i_member), 2 * in->room);
        }
        in->data = data;
        in->room *= 2;
    }
    return REEL_OK;
}

static enum reel_status fill(struct catalog_input *in, struct reel_error *err)
{
    enum reel_status rc = report_progress(in, err);
    rc = rc ? rc : make_room(in, err);
    size_t n = 0;
    rc = rc ? rc
            : catalog_stream_read(in->stream, in->data + in->end, in->room - in->end - 1,
                                  &n, err);
    if (rc == REEL_OK) {
        in->end += n;
        in->is_end = n == 0;
    }
    return rc;
}

// First bytes: a UTF-8 mark is dropped, UTF-16 is told.
static enum reel_status begin(struct catalog_input *in, struct reel_error *err)
{
    while (!in->is_end && in->end < 3) {
        const enum reel_status rc = fill(in, err);
        if (rc != REEL_OK) {
            return rc;
        }
    }
    in->is_begun = true;
    if (in->end >= 3 && memcmp(in->data, "\xef\xbb\xbf", 3) == 0) {
        in->begin = 3;
    }
    return REEL_OK;
}

static enum reel_status begin_text(struct catalog_input *in, struct reel_error *err)
{
    const enum reel_status rc = begin(in, err);
    if (rc == REEL_OK && in->end >= 2 &&
        (memcmp(in->data, "\xff\xfe", 2) == 0 || memcmp(in->data, "\xfe\xff", 2) == 0)) {
        return fail(err, REEL_EFORMAT,
                    "%s:1: UTF-16, not UTF-8; convert it with iconv first",
                    catalog_source_label(in->source, in->i_member));
    }
    return rc;
}

// ---- encoding ----

enum { STRIDE = 64 };

// How many bytes from the front are neither NUL nor above 0x7f.
static size_t count_clean(const char *text, size_t n)
{
    size_t i = 0;
    for (; i + STRIDE <= n; i += STRIDE) {
        unsigned char any = 0;
        for (size_t j = 0; j < STRIDE; j++) { // made into vector instructions
            const unsigned char c = (unsigned char)text[i + j];
            any |= (unsigned char)(c | (c - 1));
        }
        if (any & 0x80) {
            break;
        }
    }
    while (i < n && (signed char)text[i] > 0) {
        i++;
    }
    return i;
}

// A guess for the message; `text` is known not to be UTF-8.
static const char *guess_encoding(const unsigned char *text, size_t n)
{
    bool is_gbk = true, is_c1 = false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] >= 0x80) {
            is_c1 = is_c1 || text[i] < 0xa0;
            if (is_gbk && (text[i] < 0x81 || text[i] == 0xff || i + 1 == n ||
                           text[i + 1] < 0x40 || text[i + 1] == 0x7f)) {
                is_gbk = false;
            }
            i += is_gbk;
        }
    }
    return is_gbk ? "GB18030" : is_c1 ? "WINDOWS-1252" : "ISO-8859-1";
}

static enum reel_status fail_at(const struct catalog_input *in, struct reel_error *err,
                                const char *what)
{
    return fail(err, REEL_EFORMAT, "%s:%lld: %s",
                catalog_source_label(in->source, in->i_member), (long long)in->line,
                what);
}

static enum reel_status check_utf8(struct catalog_input *in, const char *text, size_t n,
                                   struct reel_error *err)
{
    size_t bad = 0;
    if (base_utf8_check(text, n, &bad)) {
        return REEL_OK;
    }
    for (size_t i = 0; i < bad; i++) { // the row may hold line ends
        in->line += text[i] == '\n';
    }
    if (text[bad] == '\0') {
        return fail_at(in, err, "a NUL byte: this is not text");
    }
    char what[128];
    const char *guess = guess_encoding((const unsigned char *)text, n);
    (void)snprintf(what, sizeof what,
                   "not UTF-8 (byte 0x%02X); perhaps iconv -f %s helps",
                   (unsigned char)text[bad], guess);
    return fail_at(in, err, what);
}

static enum reel_status widen(struct catalog_input *in, char **text, size_t *n,
                              struct reel_error *err)
{
    if (memchr(*text, '\0', *n)) {
        return fail_at(in, err, "a NUL byte: this is not text");
    }
    if (in->wide_room < 2 * *n + 1) {
        char *wide = base_realloc_array(in->wide, 2 * *n + 1, 1);
        if (!wide) {
            return fail(err, REEL_ENOMEM, "a line of %zu bytes", *n);
        }
        in->wide = wide;
        in->wide_room = 2 * *n + 1;
    }
    char *to = in->wide;
    for (size_t i = 0; i < *n; i++) {
        const unsigned char c = (unsigned char)(*text)[i];
        if (c < 0x80) {
            *to++ = (char)c;
        } else {
            *to++ = (char)(0xc0 | c >> 6);
            *to++ = (char)(0x80 | (c & 0x3f));
        }
    }
    *to = '\0';
    *text = in->wide;
    *n = (size_t)(to - in->wide);
    return REEL_OK;
}

// ---- lines and records ----

static enum reel_status fail_long(const struct catalog_input *in, bool is_quoted,
                                  struct reel_error *err)
{
    char what[96];
    const int64_t max = catalog_source_options(in->source)->max_line_bytes;
    const bool is_mib = max % (1 << 20) == 0;
    (void)snprintf(what, sizeof what, "line longer than %lld %s%s",
                   (long long)(is_mib ? max >> 20 : max), is_mib ? "MiB" : "bytes",
                   is_quoted ? ": a quote is never closed" : "");
    return fail_at(in, err, what);
}

static bool is_too_long(const struct catalog_input *in, size_t n)
{
    return n > (size_t)catalog_source_options(in->source)->max_line_bytes;
}

// Bytes before the next LF (or the end) into `n`; false in `is_line` when nothing is left.
static enum reel_status find_line(struct catalog_input *in, size_t *n, bool *is_line,
                                  struct reel_error *err)
{
    size_t n_searched = 0;
    for (;;) {
        const char *from = in->data + in->begin;
        const size_t n_here = in->end - in->begin;
        const char *end = memchr(from + n_searched, '\n', n_here - n_searched);
        *n = end ? (size_t)(end - from) : n_here;
        if (is_too_long(in, *n)) {
            return fail_long(in, false, err);
        }
        if (end || in->is_end) {
            *is_line = end || n_here > 0;
            return REEL_OK;
        }
        n_searched = n_here;
        const enum reel_status rc = fill(in, err);
        if (rc != REEL_OK) {
            return rc;
        }
    }
}

// The same for a record with quotes; `n_lines` receives the line ends inside.
static enum reel_status find_record(struct catalog_input *in, char delimiter, size_t *n,
                                    int64_t *n_lines, struct reel_error *err)
{
    bool at_start = true, in_quotes = false, just_closed = false;
    size_t i = 0;
    *n_lines = 0;
    for (;;) {
        for (; i < in->end - in->begin; i++) {
            const char c = in->data[in->begin + i];
            if (in_quotes) {
                in_quotes = c != '"';
                just_closed = !in_quotes;
                *n_lines += c == '\n';
                continue;
            }
            if (c == '"' && (at_start || just_closed)) {
                in_quotes = true;
            } else if (c == '\n') {
                *n = i;
                return is_too_long(in, i) ? fail_long(in, false, err) : REEL_OK;
            }
            just_closed = false;
            at_start = c == delimiter;
        }
        if (is_too_long(in, i)) {
            return fail_long(in, in_quotes, err);
        }
        if (in->is_end) {
            *n = i;
            return in_quotes ? fail_at(in, err, "a quote that is never closed") : REEL_OK;
        }
        const enum reel_status rc = fill(in, err);
        if (rc != REEL_OK) {
            return rc;
        }
    }
}

// Hand out the next `*n` bytes of the window, without their end, as checked text.
static enum reel_status take(struct catalog_input *in, char **text, size_t *n,
                             struct reel_error *err)
{
    *text = in->data + in->begin;
    if (in->clean_end < in->begin + *n) {
        in->clean_end = in->clean_end < in->begin ? in->begin : in->clean_end;
        in->clean_end += count_clean(in->data + in->clean_end, in->end - in->clean_end);
    }
    const bool is_clean = in->begin + *n <= in->clean_end;
    const bool is_last = in->begin + *n == in->end;
    in->begin += *n + !is_last;
    if (*n > 0 && (*text)[*n - 1] == '\r') {
        (*n)--;
    }
    (*text)[*n] = '\0';
    if (is_clean) {
        return REEL_OK;
    }
    if (in->clean_end < in->begin) { // go on looking behind this row
        in->clean_end = in->begin;
    }
    return in->is_latin1 ? widen(in, text, n, err) : check_utf8(in, *text, *n, err);
}

enum reel_status catalog_input_line(struct catalog_input *in, char **line,
                                    struct reel_error *err)
{
    enum reel_status rc = in->is_begun ? REEL_OK : begin_text(in, err);
    size_t n;
    bool is_line;
    in->line = in->line_next;
    rc = rc ? rc : find_line(in, &n, &is_line, err);
    if (rc != REEL_OK || !is_line) {
        *line = NULL;
        return rc;
    }
    in->line_next++;
    return take(in, line, &n, err);
}

enum reel_status catalog_input_record(struct catalog_input *in, char delimiter,
                                      char **record, size_t *n_bytes, bool *has_quotes,
                                      struct reel_error *err)
{
    enum reel_status rc = in->is_begun ? REEL_OK : begin_text(in, err);
    bool is_line;
    in->line = in->line_next;
    *has_quotes = false;
    rc = rc ? rc : find_line(in, n_bytes, &is_line, err);
    if (rc != REEL_OK || !is_line) {
        *record = NULL;
        return rc;
    }
    int64_t n_lines = 0;
    if (memchr(in->data + in->begin, '"', *n_bytes)) {
        *has_quotes = true;
        rc = find_record(in, delimiter, n_bytes, &n_lines, err);
    }
    in->line_next += 1 + n_lines;
    return rc ? rc : take(in, record, n_bytes, err);
}

enum reel_status catalog_input_rewind(struct catalog_input *in, struct reel_error *err)
{
    in->begin = in->end = in->clean_end = 0;
    in->is_begun = in->is_end = false;
    in->line = 0;
    in->line_next = 1;
    return catalog_stream_rewind(&in->stream, err);
}

enum reel_status catalog_input_all(struct catalog_input *in, size_t max_bytes,
                                   char **data, size_t *n_bytes, struct reel_error *err)
{
    enum reel_status rc = in->is_begun ? REEL_OK : begin(in, err);
    while (rc == REEL_OK && !in->is_end) {
        if (in->end - in->begin > max_bytes) {
            return fail(err, REEL_EFORMAT, "%s: longer than %zu bytes",
                        catalog_source_label(in->source, in->i_member), max_bytes);
        }
        rc = fill(in, err);
    }
    *n_bytes = in->end - in->begin;
    *data = in->data + in->begin;
    (*data)[*n_bytes] = '\0';
    in->begin = in->end;
    return rc;
}

enum reel_status catalog_input_chunk(struct catalog_input *in, char **data,
                                     size_t *n_bytes, struct reel_error *err)
{
    enum reel_status rc = in->is_begun ? REEL_OK : begin(in, err);
    if (rc == REEL_OK && in->begin == in->end && !in->is_end) {
        rc = fill(in, err);
    }
    *n_bytes = in->end - in->begin;
    *data = in->data + in->begin;
    in->begin = in->end;
    return rc;
}
