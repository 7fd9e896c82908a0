/**
 * @file text.h
 * Words out of what people wrote: a chain of steps over a stream of any size.
 *
 * The steps, in their usual order: extract, clean, language, normalize, simplify, segment,
 * lower, stop, stem, count. Each is a filter of UTF-8 in constant memory, so that each can be
 * looked at alone (`forkreel text STEP < file`) and all of them together cost one pass. A chain
 * gives what its steps would give one after the other. docs/text.md says what each does.
 *
 *     const char *const step[] = {"extract", "clean", "normalize", "segment", "lower"};
 *     rc = reel_text_pipe_open(step, 5, &opt, sink, payload, &pipe, &err);
 *     while (...) { rc = reel_text_pipe_push(pipe, bytes, n, &err); }
 *     rc = reel_text_pipe_end(pipe, &err);
 *     reel_text_pipe_close(pipe);
 */
#ifndef FORKREEL_TEXT_H
#define FORKREEL_TEXT_H

#include <forkreel/status.h>

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct reel_text_step {
    const char *name, *summary, *summary_zh;
};
/** Every step in the order in which they make sense; static storage. */
const struct reel_text_step *reel_text_steps(int32_t *n);

struct reel_text_options {
    const char *language; /* "en", "zh", ...; NULL: by the tag of step language, if any */
    int32_t n_count_max;  /* step count: how many words are kept; default 1 million */
    bool keeps_stop_words; /* reel_text_words; default false */
};
struct reel_text_options reel_text_options_default(void);

struct reel_text_pipe;
/** Receives what comes out of the last step; bytes live until it returns. */
typedef enum reel_status reel_text_sink(const char *bytes, size_t n, void *payload,
                                        struct reel_error *err);

/**
 * A chain of steps, by name. `opt` NULL: the default.
 *
 * Owns:    strings in `step` and `opt` are read until it returns.
 * Errors:  REEL_EINVAL no such step or language, named; REEL_ENOMEM; REEL_EFAIL ICU lacks data.
 * Threads: one caller at a time; a pipe for each thread.
 * Cost:    about a millisecond, and 60 once Chinese is to be simplified.
 */
enum reel_status reel_text_pipe_open(const char *const *step, int32_t n_steps,
                                     const struct reel_text_options *opt,
                                     reel_text_sink *sink, void *payload,
                                     struct reel_text_pipe **out,
                                     struct reel_error *err) REEL_CHECKED;
/**
 * Any cut of the stream gives the same. Bytes that are not UTF-8, and NUL, become U+FFFD. A
 * line of more than 64 KiB goes through in parts. What the sink refuses with is passed on.
 */
enum reel_status reel_text_pipe_push(struct reel_text_pipe *pipe, const char *bytes,
                                     size_t n, struct reel_error *err) REEL_CHECKED;
/** What was held back comes out; the pipe is then ready for another text. */
enum reel_status reel_text_pipe_end(struct reel_text_pipe *pipe,
                                    struct reel_error *err) REEL_CHECKED;
void reel_text_pipe_close(struct reel_text_pipe *pipe);

/** "en", "zh", another ISO 639-1 code, or "" where the text does not tell; static storage. */
const char *reel_text_language(const char *text, size_t n);

/**
 * The words of one text after all steps but count: cleaned, folded, cut, lower-cased, without
 * stop words (unless `opt` keeps them), stemmed. What features count, and the same for a film, a review and a branch.
 * `each` gets them in order; a status other than REEL_OK ends it and is passed on.
 *
 * Language: of `opt`, else told from the text as a whole.
 * Threads:  any number; `each` may call this again.
 * Cost:     no opening: pipes are kept for the life of the process, one for each caller at
 *           a time.
 */
enum reel_status reel_text_words(const char *text, size_t n,
                                 const struct reel_text_options *opt,
                                 enum reel_status (*each)(const char *word, size_t n,
                                                          void *payload,
                                                          struct reel_error *err),
                                 void *payload, struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
