/**
 * Arrays that grow, in memory while a budget lasts and in mapped files beyond it.
 *
 * A file has no name, so nothing is left behind; its blocks are reserved before it is
 * mapped, so a full disk is an error and not a signal.
 *
 *     struct lm_scratch scratch = {.max_bytes = budget, .folder = "/var/tmp"};
 *     struct lm_array words = {0};
 *     rc = lm_array_need(&scratch, &words, n * sizeof(uint32_t), &err);
 *     lm_array_release(&scratch, &words);
 */
#ifndef LM_SCRATCH_H
#define LM_SCRATCH_H

#include <forkreel/status.h>

#include <stddef.h>

struct lm_scratch {
    int64_t max_bytes;  /* in memory */
    int64_t n_bytes;    /* in memory now */
    const char *folder; /* for the files */
};

struct lm_array {
    void *data;
    size_t room_bytes;
    int fd; /* its file plus 1; 0: it is in memory */
};

/** Room for n_bytes at least; `data` may move, its bytes stay. Errors: REEL_ENOMEM, REEL_EIO. */
enum reel_status lm_array_need(struct lm_scratch *scratch, struct lm_array *array,
                               size_t n_bytes, struct reel_error *err) REEL_CHECKED;
/** The same, and all of it 0. */
enum reel_status lm_array_zeroed(struct lm_scratch *scratch, struct lm_array *array,
                                 size_t n_bytes, struct reel_error *err) REEL_CHECKED;
void lm_array_release(struct lm_scratch *scratch, struct lm_array *array);

/** `wanted`, or else the folder of a file; free it. Errors: REEL_ENOMEM. */
enum reel_status lm_scratch_folder(const char *wanted, const char *path, char **folder,
                                   struct reel_error *err) REEL_CHECKED;

/** A file without a name in the folder, to read and write; *fd is the caller's to close. */
enum reel_status lm_scratch_file(const struct lm_scratch *scratch, int *fd,
                                 struct reel_error *err) REEL_CHECKED;

#endif
