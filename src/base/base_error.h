/**
 * Filling in a struct reel_error, and the words banned in this code.
 *
 *     return fail(err, REEL_EFORMAT, "beat %d choice %d: no beat %d", b, c, target);
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <forkreel/status.h>

/** Store code and text (cut to fit, line breaks blanked) and return the code. */
enum reel_status fail(struct reel_error *err, enum reel_status code, const char *format,
                      ...) REEL_PRINTF(3, 4);
#if defined __clang_analyzer__ && !defined BASE_ERROR_HERE
// The analyser sees one file at a time: tell it that the code comes back as it went in.
#define fail(err, code, ...) (fail(err, code, __VA_ARGS__), (code))
#endif

/** Call the progress callback if there is one; true to go on. */
bool base_progress_report(const struct reel_progress *progress, const char *stage,
                          double done, double total);

#endif
