/**
 * What a training leaves behind: one folder HOME/runs/NAME.
 *
 * - run.json says what was run, with which settings, how far it is and how it ended.
 * - events.out.tfevents.forkreel holds curves, sample texts and histograms, as TensorBoard
 *   and its readers expect them (lm_events.h).
 *
 * Records are only ever added, and in one write each time, so a death at any moment costs what
 * was not written yet and nothing else. A run that goes on cuts off what is no whole record,
 * and tells readers to forget the steps that will be done again.
 *
 *     struct lm_run_options opt = {.folder = runs, .what = "pretrain transformer",
 *                                  .setting = setting, .n_settings = n, .n_steps = 1000};
 *     rc = lm_run_begin(&opt, &run, &err);
 *     for (each step) {
 *         lm_run_scalar(run, step, "gradient/norm", norm);       // what one wants to see
 *         lm_run_text(run, step, "sample", text);
 *         rc = lm_run_step(run, step, loss, n_tokens, &err);     // writes all of it
 *         base_progress_report(progress, lm_run_stage(run), step, n_steps);
 *     }
 *     rc = lm_run_end(run, rc, rc ? &err : NULL, &err_end);      // says how it ended; frees
 *
 * Nothing is written where `folder` is NULL; the line is kept all the same.
 * Threads: one at a time. A second process that wants the same run gets REEL_EBUSY.
 */
#ifndef LM_RUN_H
#define LM_RUN_H

#include <forkreel/status.h>

#include <stddef.h>

struct lm_run;

/** One line of "settings" in run.json. */
struct lm_run_setting {
    const char *name;
    const char *text; /* NULL: `number` is meant */
    double number;
};

struct lm_run_options {
    const char *folder; /* HOME/runs, made if need be; NULL: nothing is written */
    const char *name;   /* of the run; NULL or "": made of `what` and the time (UTC) */
    const char *what;   /* "pretrain transformer", "finetune lora" */
    const char *model;  /* path of what it makes; may be NULL */
    const struct lm_run_setting *setting;
    int32_t n_settings;
    int64_t n_steps;    /* of the whole run; 0: unknown */
    int64_t first_step; /* > 0: it goes on from this step (the run's name is needed) */
};

/**
 * Errors: REEL_EINVAL a name with '/' or a leading '.', or a run of this name is there and
 *         first_step is 0; REEL_EBUSY another process writes it; REEL_EFORMAT its file is no
 *         event file; REEL_EIO; REEL_ENOMEM. `*out` is then NULL.
 */
enum reel_status lm_run_begin(const struct lm_run_options *opt, struct lm_run **out,
                              struct reel_error *err) REEL_CHECKED;

/** The run's own name, and its folder ("" when nothing is written). */
const char *lm_run_name(const struct lm_run *run);
const char *lm_run_folder(const struct lm_run *run);

/* What is added here waits for the next lm_run_step or lm_run_flush, which report failures. */

void lm_run_scalar(struct lm_run *run, int64_t step, const char *tag, double value);
void lm_run_text(struct lm_run *run, int64_t step, const char *tag, const char *text);
/** Of n numbers, in TensorBoard's buckets (about 1e-12 to 1e20, each 10 % wider). */
void lm_run_histogram(struct lm_run *run, int64_t step, const char *tag, const float *x,
                      size_t n);

/**
 * One step is done: adds "loss/train" and once in a while "speed/tokens_per_s", writes what waits, brings
 * run.json up to date at most every ten seconds.
 *
 * Errors: REEL_EIO, a full disk for one; what waited is then given up.
 */
enum reel_status lm_run_step(struct lm_run *run, int64_t step, double loss,
                             int64_t n_tokens, struct reel_error *err) REEL_CHECKED;
/** Write what waits, and have the disk hold it: before a checkpoint that refers to it. */
enum reel_status lm_run_flush(struct lm_run *run, struct reel_error *err) REEL_CHECKED;

/**
 * What to report as the stage of a progress: "step\tloss 3.214  1520 tokens/s"; the bar adds
 * the time left. Lives until the next lm_run_step.
 */
const char *lm_run_stage(const struct lm_run *run);

/**
 * The end: state "done" for REEL_OK, "stopped" for REEL_ECANCELLED, else "failed" with what
 * `why` says. Frees the run; NULL is allowed. `why` may be NULL and may be `err`, which is
 * touched only when this call itself fails and `rc` is REEL_OK.
 * Returns: `rc`, or REEL_EIO when all went well but the end could not be written.
 */
enum reel_status lm_run_end(struct lm_run *run, enum reel_status rc,
                            const struct reel_error *why, struct reel_error *err);

#endif
