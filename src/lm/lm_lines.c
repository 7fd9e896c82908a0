/** Lines of several texts; see lm_lines.h. */
#include "lm_lines.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_text.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_BYTES = 1 << 20, LINE_BYTES_MAX = 16 << 20 };

struct lm_lines {
    const char *const *path; /* (n_paths) borrowed */
    int32_t n_paths, i_path; /* i_path: the next to open */
    int fd;                  /* -1: none is open */
    char *window;            /* [from, to) is not given yet; room bytes */
    size_t from, to, room;
    bool is_ended; /* of the file that is open */
    int64_t i_line;
    double done, total;
};

static bool is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

static const char *name_of(const struct lm_lines *lines)
{
    const char *path = lines->path[lines->i_path > 0 ? lines->i_path - 1 : 0];
    return is_stdin(path) ? "standard input" : path;
}

/** Is every file there? So a wrong name is told before an hour's work, not after. */
static enum reel_status look(struct lm_lines *lines, struct reel_error *err)
{
    for (int32_t i = 0; i < lines->n_paths; i++) {
        struct stat st;
        const char *path = lines->path[i];
        if (is_stdin(path)) {
            lines->total = NAN;
            continue;
        }
        if (stat(path, &st) != 0 || access(path, R_OK) != 0) {
            return fail(err, errno == ENOENT ? REEL_ENOTFOUND : REEL_EIO, "%s: %s", path,
                        strerror(errno));
        }
        if (S_ISDIR(st.st_mode)) {
            return fail(err, REEL_EIO, "%s: is a folder", path);
        }
        lines->total += S_ISREG(st.st_mode) ? (double)st.st_size : NAN;
    }
    return REEL_OK;
}

enum reel_status lm_lines_open(const struct reel_lm_texts *texts, struct lm_lines **out,
                               struct reel_error *err)
{
    *out = NULL;
    if (texts->n_paths < 1) {
        return fail(err, REEL_EINVAL, "no text is named");
    }
    struct lm_lines *lines = base_alloc_zeroed(1, sizeof *lines);
    if (!lines) {
        return fail(err, REEL_ENOMEM, "reading texts");
    }
    *lines = (struct lm_lines){
        .path = texts->path, .n_paths = texts->n_paths, .fd = -1, .is_ended = true};
    const enum reel_status rc = look(lines, err);
    if (rc) {
        lm_lines_close(lines);
        return rc;
    }
    *out = lines;
    return REEL_OK;
}

void lm_lines_close(struct lm_lines *lines)
{
    if (lines) {
        if (lines->fd > STDIN_FILENO) {
            (void)close(lines->fd);
        }
        base_free(lines->window);
        base_free(lines);
    }
}

static enum reel_status open_next(struct lm_lines *lines, struct reel_error *err)
{
    if (lines->fd > STDIN_FILENO) {
        (void)close(lines->fd);
    }
    const char *path = lines->path[lines->i_path++];
    lines->fd = is_stdin(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    lines->is_ended = false;
    lines->i_line = 0;
    return lines->fd >= 0 ? REEL_OK
                          : fail(err, errno == ENOENT ? REEL_ENOTFOUND : REEL_EIO,
                                 "%s: %s", path, strerror(errno));
}

/** More bytes behind what is left of the window, which moves to its begin. */
static enum reel_status read_more(struct lm_lines *lines, struct reel_error *err)
{
    const size_t n_left = lines->to - lines->from;
    if (n_left > LINE_BYTES_MAX) {
        lines->i_line++;
        return lm_lines_fail(lines, err, "longer than %d MiB", LINE_BYTES_MAX >> 20);
    }
    if (n_left > 0) {
        memmove(lines->window, lines->window + lines->from, n_left);
    }
    lines->from = 0;
    lines->to = n_left;
    if (n_left + WINDOW_BYTES > lines->room) {
        const size_t room = 2 * n_left + WINDOW_BYTES;
        char *window = base_realloc_array(lines->window, room, 1);
        if (!window) {
            return fail(err, REEL_ENOMEM, "a line of %s", name_of(lines));
        }
        lines->window = window;
        lines->room = room;
    }
    const ssize_t n = read(lines->fd, lines->window + n_left, WINDOW_BYTES);
    if (n < 0 && errno != EINTR) {
        return fail(err, REEL_EIO, "%s: %s", name_of(lines), strerror(errno));
    }
    lines->is_ended = n == 0;
    lines->to += n > 0 ? (size_t)n : 0;
    lines->done += n > 0 ? (double)n : 0;
    return REEL_OK;
}

/** Check and trim what was found. */
static enum reel_status give(struct lm_lines *lines, size_t n, const char **line,
                             size_t *n_bytes, struct reel_error *err)
{
    const char *at = lines->window + lines->from;
    size_t bad;
    lines->i_line++;
    if (n > 0 && at[n - 1] == '\r') {
        n--;
    }
    if (lines->i_line == 1 && n >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) {
        at += 3;
        n -= 3;
    }
    if (!base_utf8_check(at, n, &bad)) {
        return lm_lines_fail(lines, err, "not UTF-8 text at byte %zu", bad + 1);
    }
    *line = at;
    *n_bytes = n;
    return REEL_OK;
}

enum reel_status lm_lines_next(struct lm_lines *lines, const char **line, size_t *n_bytes,
                               struct reel_error *err)
{
    size_t n_looked = 0;
    *line = NULL;
    *n_bytes = 0;
    for (;;) {
        const size_t n = lines->to - lines->from;
        const char *at = n > 0 ? lines->window + lines->from : NULL;
        const char *end = n > n_looked ? memchr(at + n_looked, '\n', n - n_looked) : NULL;
        enum reel_status rc = REEL_OK;
        if (end || (n > 0 && lines->is_ended)) {
            const size_t n_line = end ? (size_t)(end - at) : n;
            rc = give(lines, n_line, line, n_bytes, err);
            lines->from += n_line + (end != NULL);
            return rc;
        }
        n_looked = n;
        if (!lines->is_ended) {
            rc = read_more(lines, err);
        } else if (lines->i_path < lines->n_paths) {
            rc = open_next(lines, err);
        } else {
            return REEL_OK;
        }
        if (rc) {
            return rc;
        }
    }
}

enum reel_status lm_lines_fail(const struct lm_lines *lines, struct reel_error *err,
                               const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return fail(err, REEL_EFORMAT, "%s:%lld: %s", name_of(lines),
                (long long)lines->i_line, text);
}

double lm_lines_done(const struct lm_lines *lines)
{
    return lines->done;
}

double lm_lines_total(const struct lm_lines *lines)
{
    return isfinite(lines->total) ? lines->total : 0;
}

int32_t lm_lines_i_path(const struct lm_lines *lines)
{
    return lines->i_path - 1;
}
