/**
 * One step of the text pipe, and what the steps share.
 *
 * A step gets blocks of well-formed UTF-8 without NUL. A block is whole lines, each with its line
 * feed, or one part of a line longer than FEAT_LINE_BYTES; only the last of a stream may lack
 * its line feed. What a step makes of a text may not depend on where blocks end: what must be
 * remembered from line to line is in its state.
 *
 * A line may begin with a tag, "en\t", that the step `language` wrote: it tells later steps the
 * language and passes through them.
 */
#ifndef FEAT_STEP_H
#define FEAT_STEP_H

#include "base_buffer.h"

#include <forkreel/text.h>

#include <stdint.h>

enum {
    FEAT_LINE_BYTES = 1 << 16, /* a longer line goes through in parts */
    FEAT_BLOCK_BYTES =
        1 << 14, /* shorter lines together; fits the cache with all steps */
};

struct feat_icu;

/** The same for all steps of a pipe. */
struct feat_env {
    int language; /* of all text without a tag; FEAT_NO_LANGUAGE: not known */
    int32_t n_count_max;
    struct feat_icu *icu;
};

struct feat_step {
    /** Of the state; the pipe makes it, cleared, and frees it. */
    size_t n_state_bytes;
    enum reel_status (*open)(const struct feat_env *env, void *state,
                             struct reel_error *err);
    /** Appends to `out`. False: out of memory. */
    bool (*run)(void *state, const char *in, size_t n, struct base_buffer *out);
    /** What is left at the end of the stream; may be NULL. */
    bool (*end)(void *state, struct base_buffer *out);
    /** As it was after open, for another text; may be NULL. */
    void (*reset)(void *state);
    /** What the state holds, after an open that failed too; may be NULL. */
    void (*close)(void *state);
};

extern const struct feat_step feat_step_extract, feat_step_clean, feat_step_language,
    feat_step_normalize, feat_step_simplify, feat_step_segment, feat_step_lower,
    feat_step_stop, feat_step_stem, feat_step_count;

/** Languages that a tag may name; the first N_LATIN are written in Latin letters. */
enum feat_language {
    FEAT_EN,
    FEAT_FR,
    FEAT_DE,
    FEAT_ES,
    FEAT_IT,
    FEAT_PT,
    FEAT_NL,
    FEAT_SV,
    FEAT_ZH,
    FEAT_JA,
    FEAT_KO,
    FEAT_RU,
    FEAT_EL,
    FEAT_AR,
    FEAT_HE,
    FEAT_TH,
    FEAT_N_LANGUAGES,
    FEAT_NO_LANGUAGE = FEAT_N_LANGUAGES,
    FEAT_N_LATIN = FEAT_ZH
};
/** Bytes of the tag at the start of a line, its tabulator included; 0: none. */
size_t feat_tag(const char *line, size_t n, int *language);
/** The index of a code, FEAT_NO_LANGUAGE where it is NULL or not known. */
int feat_language_index(const char *code);
const char *feat_language_code(int language); /* "" for FEAT_NO_LANGUAGE */

#endif
