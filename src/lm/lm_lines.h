/**
 * Lines of several texts, one after the other; only a window of them is in memory.
 *
 *     rc = lm_lines_open(&texts, &lines, &err);
 *     while ((rc = lm_lines_next(lines, &line, &n_bytes, &err)) == REEL_OK && line) { ... }
 *     lm_lines_close(lines);
 */
#ifndef LM_LINES_H
#define LM_LINES_H

#include <forkreel/lm_train.h>

#include <stddef.h>

struct lm_lines;

/** Errors: REEL_ENOTFOUND, REEL_EIO a file that cannot be read; REEL_EINVAL no file. */
enum reel_status lm_lines_open(const struct reel_lm_texts *texts, struct lm_lines **out,
                               struct reel_error *err) REEL_CHECKED;
void lm_lines_close(struct lm_lines *lines);

/**
 * The next line without its end and without a byte order mark, well-formed UTF-8 without NUL;
 * borrowed until the next call, no NUL behind it. `*line` is NULL after the last.
 *
 * Errors: REEL_EFORMAT not UTF-8, or longer than 16 MiB; REEL_EIO; REEL_ENOMEM.
 */
enum reel_status lm_lines_next(struct lm_lines *lines, const char **line, size_t *n_bytes,
                               struct reel_error *err) REEL_CHECKED;

/** Fill in err for the line that was given last: "FILE:LINE: ...". */
enum reel_status lm_lines_fail(const struct lm_lines *lines, struct reel_error *err,
                               const char *format, ...) REEL_PRINTF(3, 4);

/** Which of the texts the line that was given last is from. */
int32_t lm_lines_i_path(const struct lm_lines *lines);

/** Bytes read, and in all; 0 where that is unknown. */
double lm_lines_done(const struct lm_lines *lines);
double lm_lines_total(const struct lm_lines *lines);

#endif
