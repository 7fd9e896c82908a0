/**
 * @file status.h
 * What every fallible call returns, and how long work talks while it runs.
 *
 * A function that can fail returns enum reel_status: REEL_OK or a negative code. The one
 * line that explains the failure goes to a struct reel_error that the caller owns; NULL is
 * allowed. There is no hidden last-error variable, and reporting never allocates.
 *
 *     struct reel_error err;
 *     if (reel_store_open(path, REEL_STORE_CREATE, &store, &err) != REEL_OK) {
 *         fprintf(stderr, "forkreel: %s\n", err.text);
 *     }
 */
#ifndef FORKREEL_STATUS_H
#define FORKREEL_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REEL_CHECKED __attribute__((warn_unused_result))
#define REEL_PRINTF(at, first) __attribute__((format(printf, at, first)))

enum reel_status {
    REEL_OK = 0,
    REEL_EFAIL = -1,      /* none of the others */
    REEL_EINVAL = -2,     /* an argument outside its range */
    REEL_ENOMEM = -3,     /* out of memory, or over a limit of memory */
    REEL_EIO = -4,        /* the system refused to read or write */
    REEL_EFORMAT = -5,    /* outside bytes that are not what they should be */
    REEL_ENOTFOUND = -6,  /* no such film, viewer, model, file */
    REEL_EAMBIGUOUS = -7, /* several fit; the text lists them */
    REEL_ECANCELLED = -8, /* a progress callback asked to stop */
    REEL_EBUSY = -9,      /* somebody else holds what is needed */
    REEL_EVERSION = -10,  /* made by a version that cannot be read here */
};

struct reel_error {
    enum reel_status code;
    char text[512]; /* one line, lower case, with the values; never NULL-less */
};

/** Name of a status for people, as in "out of memory"; static storage. */
const char *reel_status_text(enum reel_status status);

/**
 * Long work reports here; `done` of `total` in the unit of `stage` ("ratings", "epoch"). What
 * stands after a tab in `stage` is a note that may change each time ("step\tloss 3.21").
 * Returns true to go on, false to stop (the work then returns REEL_ECANCELLED and leaves
 * nothing half-written). `total` is 0 where it is unknown. Called from one thread at a time.
 */
struct reel_progress {
    bool (*report)(const char *stage, double done, double total, void *payload);
    void *payload;
};

/** A progress bar on a terminal: draws only when `out` is one, at most ten times a second. */
struct reel_progress_bar {
    FILE *out;
    const volatile int *stop; /* borrowed; the work stops when it is not 0; may be NULL */
    bool is_terminal, is_drawn;
    int64_t begin_ns, last_ns;
    double first_done; /* when the stage began */
    char stage[64];
};

void reel_progress_bar_init(struct reel_progress_bar *bar, FILE *out,
                            const volatile int *stop);
/** The callback record that draws on `bar`; valid as long as `bar`. */
struct reel_progress reel_progress_bar_callback(struct reel_progress_bar *bar);
/** Wipe what is drawn; safe to call when nothing is. */
void reel_progress_bar_clear(struct reel_progress_bar *bar);

enum reel_log_level { REEL_LOG_ERROR, REEL_LOG_WARN, REEL_LOG_INFO, REEL_LOG_DEBUG };

/** The library is silent until a sink is set; set it before other threads start. */
void reel_log_set(void (*sink)(enum reel_log_level level, const char *line,
                               void *payload),
                  void *payload);

#ifdef __cplusplus
}
#endif
#endif
