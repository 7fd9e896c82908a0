/**
 * @file lm_runs.h
 * Trainings of language models that were made on this machine: HOME/runs/NAME each, with
 * run.json and an event file that TensorBoard reads too.
 *
 *     struct reel_lm_run_list list;
 *     rc = reel_lm_runs_list("HOME/runs", &list, &err);
 *     struct reel_lm_run_log log;
 *     rc = reel_lm_run_read("HOME/runs", list.run[0].name, &log, &err);
 *     const struct reel_lm_curve *loss = reel_lm_run_curve(&log, "loss/train");
 */
#ifndef FORKREEL_LM_RUNS_H
#define FORKREEL_LM_RUNS_H

#include <forkreel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum reel_lm_run_state {
    REEL_LM_RUN_RUNNING = 1, /* a process writes it now */
    REEL_LM_RUN_DONE,
    REEL_LM_RUN_STOPPED, /* asked to, as by Ctrl-C */
    REEL_LM_RUN_FAILED,  /* `why` says what was wrong */
    REEL_LM_RUN_BROKEN,  /* its process died */
};

struct reel_lm_run_setting {
    const char *name, *text; /* numbers as text, too */
};

/** What run.json says. Texts end with NUL and are cut to fit. */
struct reel_lm_run {
    char name[128];
    char what[64];   /* "pretrain transformer" */
    char model[512]; /* path of what it makes; "" */
    char why[256];   /* it failed; "" */
    enum reel_lm_run_state state;
    int64_t begun_s, told_s; /* since 1970 UTC; when run.json was written last */
    int64_t step, n_steps;   /* done, of; n_steps 0: unknown */
    int64_t n_tokens;        /* learnt from so far */
    double loss;             /* the latest; NAN none yet */
};

struct reel_lm_run_list {
    struct reel_lm_run *run; /* (n_runs) the latest first */
    int32_t n_runs;
    int32_t n_broken; /* folders whose run.json cannot be read; left out */
};

/**
 * Errors:  REEL_EIO, REEL_ENOMEM; a folder that is not there is an empty list. `*out` is
 *          empty after a failure.
 * Owns:    the caller: reel_lm_runs_release.
 */
enum reel_status reel_lm_runs_list(const char *folder, struct reel_lm_run_list *out,
                                   struct reel_error *err) REEL_CHECKED;
void reel_lm_runs_release(struct reel_lm_run_list *list);

/** One curve: values of a tag in the order of their steps. */
struct reel_lm_curve {
    const char *tag; /* "loss/train" */
    int64_t n;
    const double *step, *value, *at_s; /* (n) at_s: since 1970 UTC */
};

/** A text that was written during the training. */
struct reel_lm_run_text {
    const char *tag, *text;
    int64_t step;
};

/** Quantiles of a histogram that was recorded. */
struct reel_lm_run_spread {
    const char *tag;
    int64_t step;
    double low, median, high; /* 5 %, 50 %, 95 %, between the borders of its buckets */
};

struct reel_lm_run_log {
    struct reel_lm_run run;
    const struct reel_lm_run_setting *setting; /* (n_settings) */
    int32_t n_settings;
    const struct reel_lm_curve *curve; /* (n_curves) by tag */
    int32_t n_curves;
    const struct reel_lm_run_text *text; /* (n_texts) by step */
    int32_t n_texts;
    const struct reel_lm_run_spread *spread; /* (n_spreads) by tag and step */
    int32_t n_spreads;
    int64_t n_bytes_lost; /* at the end of the event file: no whole record */
    void *owned;
};

/**
 * Everything about one run. The event file counts up to its first damaged record; steps that
 * were done again count once. The run's name may be cut short as long as one fits.
 *
 * Errors:  REEL_ENOTFOUND no such run; REEL_EAMBIGUOUS; REEL_EFORMAT run.json or the event
 *          file is none; REEL_EIO; REEL_ENOMEM. `*out` is then empty.
 */
enum reel_status reel_lm_run_read(const char *folder, const char *name,
                                  struct reel_lm_run_log *out,
                                  struct reel_error *err) REEL_CHECKED;
void reel_lm_run_log_release(struct reel_lm_run_log *log);
/** NULL: no such tag. */
const struct reel_lm_curve *reel_lm_run_curve(const struct reel_lm_run_log *log,
                                              const char *tag);

#ifdef __cplusplus
}
#endif
#endif
