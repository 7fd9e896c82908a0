/** The bytes of an event file, made into curves (lm_runs.c): outside bytes. */
#ifndef LM_RUNS_LOG_H
#define LM_RUNS_LOG_H

#include <forkreel/lm_runs.h>

#include <stddef.h>

/**
 * Fill in curves, texts and spreads of an empty log. Whatever comes back, release it.
 * Errors: REEL_EFORMAT it does not begin as an event file does; REEL_ENOMEM.
 */
enum reel_status lm_runs_log_read(const void *data, size_t n_bytes,
                                  struct reel_lm_run_log *out,
                                  struct reel_error *err) REEL_CHECKED;

#endif
