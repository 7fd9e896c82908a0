/**
 * Reading JSON strictly, with the place of a mistake in the message: every value is asked
 * for by its kind, and where the reader stands is kept as a path.
 *
 *     const size_t at = plot_reader_enter(&r, "events[%d]", i);
 *     const char *name = plot_reader_text(&r, item, "name");   // "events[3].name: missing"
 *     plot_reader_leave(&r, at);
 *
 * The first mistake is kept in `rc` and `err`; after it every call gives nothing, so a
 * document may be read to its end and judged once.
 */
#ifndef PLOT_EVENT_READER_H
#define PLOT_EVENT_READER_H

#include "base_arena.h"

#include <forkreel/status.h>

#include <jansson.h>

struct plot_reader {
    struct base_arena *arena; /* where copies of texts go */
    struct reel_error *err;
    enum reel_status rc;
    const char *document; /* "premise": begins every message; may be "" */
    char path[200];       /* "events[3].needs[1]" */
    size_t n_path_bytes;
};

void plot_reader_init(struct plot_reader *r, struct base_arena *arena,
                      const char *document, struct reel_error *err);
/** Parse a document; NULL after a mistake. Keys stand once, text is UTF-8; json_decref it. */
json_t *plot_reader_parse(struct plot_reader *r, const char *json, size_t n_bytes);

size_t plot_reader_enter(struct plot_reader *r, const char *format, ...)
    REEL_PRINTF(2, 3);
void plot_reader_leave(struct plot_reader *r, size_t at);
/** Note what is wrong at the path, or at its member `key` (may be NULL). */
void plot_reader_complain(struct plot_reader *r, const char *key, const char *format, ...)
    REEL_PRINTF(3, 4);
void plot_reader_no_memory(struct plot_reader *r);

/** An object with no members but those of `known` (a NULL at the end). */
bool plot_reader_object(struct plot_reader *r, const json_t *value,
                        const char *const *known);
/** Member of a kind; NULL when absent (a complaint if needed) or of another kind. */
json_t *plot_reader_member(struct plot_reader *r, const json_t *object, const char *key,
                           json_type type, bool is_needed);
/** A text that is not empty, copied; NULL when absent. */
const char *plot_reader_text(struct plot_reader *r, const json_t *object, const char *key,
                             bool is_needed);
double plot_reader_number(struct plot_reader *r, const json_t *object, const char *key,
                          double low, double high, double otherwise);
char *plot_reader_keep(struct plot_reader *r, const char *text);
void *plot_reader_alloc(struct plot_reader *r, size_t n, size_t item_bytes);
/** Array of texts, each copied; `*n` of them. */
const char *const *plot_reader_texts(struct plot_reader *r, const json_t *object,
                                     const char *key, bool is_needed, int32_t *n);

#endif
