/**
 * Writing what a training leaves behind; see lm_run.h. Reading it: lm_runs.c.
 *
 * The event file is held by a lock of its descriptor, which dies with the process: so readers
 * tell a run that goes on from one that broke off, and two writers cannot meet.
 */
#include "lm_run.h"
#include "lm_events.h"
#include "lm_run_files.h"

#include "base_alloc.h"
#include "base_clock.h"
#include "base_error.h"
#include "base_file.h"

#include <jansson.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES_MAX ((size_t)256 << 20)
#define TELL_S 10.0   /* between two writings of run.json */
#define SPEED_S 5.0   /* between two points of the curve of tokens/s */
#define MEMORY_S 20.0 /* the speed is a mean over about so long */
enum { N_NAMES_TRIED = 1000 };

struct lm_run {
    char name[LM_RUN_NAME_BYTES];
    char *folder, *path_events, *path_json; /* "" and NULL when nothing is written */
    json_t *json;
    int fd;
    struct base_buffer waiting;
    bool is_lost; /* something had no room in `waiting` */
    int64_t n_steps, step, n_tokens;
    double loss;
    double last_s, told_s, speed_s; /* clocks: the last step, run.json, the curve */
    double sum_tokens, sum_s;       /* fading */
    char stage[96];
};

static double clock_s(void)
{
    return (double)base_clock_ns() * 1e-9;
}

/** Now, as TensorBoard wants it. */
static double wall_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

// ---- run.json ----

static void set_number(json_t *json, const char *key, double value)
{
    const bool is_whole = value == floor(value) && fabs(value) < 9e15;
    (void)json_object_set_new(json, key,
                              !isfinite(value) ? json_null()
                              : is_whole       ? json_integer((json_int_t)value)
                                               : json_real(value));
}

static enum reel_status write_json(struct lm_run *run, const char *state, const char *why,
                                   struct reel_error *err)
{
    (void)json_object_set_new(run->json, "state", json_string(state));
    if (why) {
        json_t *text = json_string(why); // NULL when it is no UTF-8
        (void)json_object_set_new(run->json, "why", text ? text : json_string("?"));
    } else {
        (void)json_object_del(run->json, "why");
    }
    set_number(run->json, "step", (double)run->step);
    set_number(run->json, "n_steps", (double)run->n_steps);
    set_number(run->json, "n_tokens", (double)run->n_tokens);
    set_number(run->json, "loss", run->loss);
    set_number(run->json, "told_s", (double)base_clock_now_s());
    char *text = json_dumps(run->json, JSON_INDENT(2));
    enum reel_status rc =
        text ? base_file_write(run->path_json, NULL, 0, text, strlen(text), err)
             : fail(err, REEL_ENOMEM, "%s: out of memory", run->path_json);
    free(text);
    return rc;
}

static enum reel_status make_json(struct lm_run *run, const struct lm_run_options *opt,
                                  struct reel_error *err)
{
    json_t *settings = json_object();
    run->json = json_object();
    for (int32_t i = 0; settings && i < opt->n_settings; i++) {
        const struct lm_run_setting *setting = &opt->setting[i];
        if (setting->text) {
            (void)json_object_set_new(settings, setting->name,
                                      json_string(setting->text));
        } else {
            set_number(settings, setting->name, setting->number);
        }
    }
    if (!run->json || !settings) {
        json_decref(settings);
        return fail(err, REEL_ENOMEM, "run %s: out of memory", run->name);
    }
    set_number(run->json, "forkreel_run", 1);
    (void)json_object_set_new(run->json, "what", json_string(opt->what));
    if (opt->model) {
        (void)json_object_set_new(run->json, "model", json_string(opt->model));
    }
    (void)json_object_set_new(run->json, "settings", settings);
    set_number(run->json, "begun_s", (double)base_clock_now_s());
    return REEL_OK;
}

/** What an earlier part of the run said of itself stays: when it began, tokens so far. */
static void take_old_json(struct lm_run *run)
{
    json_t *old = json_load_file(run->path_json, JSON_REJECT_DUPLICATES, NULL);
    json_t *begun = json_object_get(old, "begun_s");
    if (json_is_integer(begun)) {
        (void)json_object_set(run->json, "begun_s", begun);
    }
    const json_int_t n_tokens = json_integer_value(json_object_get(old, "n_tokens"));
    run->n_tokens = n_tokens > 0 ? n_tokens : 0;
    json_decref(old);
}

// ---- beginning ----

static enum reel_status name_run(struct lm_run *run, const struct lm_run_options *opt,
                                 struct reel_error *err)
{
    if (opt->name && *opt->name) {
        const size_t n = strlen(opt->name);
        if (n >= sizeof run->name || strchr(opt->name, '/') || opt->name[0] == '.') {
            return fail(err, REEL_EINVAL,
                        "'%.100s' is no name of a run: it is a folder, so no '/', no '.' "
                        "at the beginning, at most %zu bytes",
                        opt->name, sizeof run->name - 1);
        }
        (void)snprintf(run->name, sizeof run->name, "%s", opt->name);
        return REEL_OK;
    }
    struct tm tm;
    const time_t now = (time_t)base_clock_now_s();
    if (!gmtime_r(&now, &tm)) {
        return fail(err, REEL_EFAIL, "the clock says no time");
    }
    (void)snprintf(run->name, sizeof run->name, "%.60s-%04d%02d%02d-%02d%02d%02d",
                   opt->what, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                   tm.tm_min, tm.tm_sec);
    for (char *at = run->name; *at; at++) {
        *at = *at == ' ' || *at == '/' ? '-' : *at;
    }
    return REEL_OK;
}

static bool set_paths(struct lm_run *run, const char *folder)
{
    base_free(run->folder);
    base_free(run->path_events);
    base_free(run->path_json);
    run->folder = lm_run_path(folder, run->name, NULL);
    run->path_events = lm_run_path(folder, run->name, LM_RUN_EVENTS);
    run->path_json = lm_run_path(folder, run->name, LM_RUN_JSON);
    return run->folder && run->path_events && run->path_json;
}

/** A folder that nobody has: a name made of the time gets a number where it must. */
static enum reel_status make_folder(struct lm_run *run, const struct lm_run_options *opt,
                                    struct reel_error *err)
{
    const bool is_named = opt->name && *opt->name, goes_on = opt->first_step > 0;
    const size_t n_name = strlen(run->name);
    enum reel_status rc = base_file_mkdirs(opt->folder, err);
    for (int i = 2; rc == REEL_OK; i++) {
        if (!set_paths(run, opt->folder)) {
            return fail(err, REEL_ENOMEM, "run %s: out of memory", run->name);
        }
        if (mkdir(run->folder, 0700) == 0 ||
            (errno == EEXIST && (goes_on || access(run->path_json, F_OK) != 0))) {
            return REEL_OK;
        }
        if (errno != EEXIST && errno != ENOENT) {
            rc = fail(err, REEL_EIO, "%s: cannot be made: %s", run->folder,
                      strerror(errno));
        } else if (is_named || i > N_NAMES_TRIED) {
            rc = fail(err, REEL_EINVAL, "there is a run named %s already", run->name);
        } else {
            (void)snprintf(run->name + n_name, sizeof run->name - n_name, "-%d", i);
        }
    }
    return rc;
}

static enum reel_status pass_event(const struct lm_event *event, void *payload)
{
    (void)event, (void)payload;
    return REEL_OK;
}

/** Behind the last whole record; the rest is cut off. Notes what readers must forget. */
static enum reel_status go_to_end(struct lm_run *run, int64_t first_step,
                                  struct reel_error *err)
{
    struct base_file_map map;
    enum reel_status rc = base_file_map_open(&map, run->path_events, err);
    if (rc) {
        return rc;
    }
    const size_t n_whole = lm_events_read(map.data, map.n_bytes, pass_event, NULL, &rc);
    const size_t n_bytes = map.n_bytes;
    base_file_map_close(&map);
    if (n_whole == 0 && n_bytes > 0) {
        return fail(err, REEL_EFORMAT, "%s: not an event file", run->path_events);
    }
    if (n_whole < n_bytes && ftruncate(run->fd, (off_t)n_whole) != 0) {
        return fail(err, REEL_EIO, "%s: %s", run->path_events, strerror(errno));
    }
    run->is_lost |= n_whole == 0
                        ? !lm_event_add_version(&run->waiting, wall_s())
                        : !lm_event_add_restart(&run->waiting, wall_s(), first_step);
    return REEL_OK;
}

static enum reel_status open_events(struct lm_run *run, int64_t first_step,
                                    struct reel_error *err)
{
    run->fd = open(run->path_events, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (run->fd < 0) {
        return fail(err, REEL_EIO, "%s: cannot be written: %s", run->path_events,
                    strerror(errno));
    }
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(run->fd, F_OFD_SETLK, &whole) != 0) {
        return fail(err, REEL_EBUSY, "run %s is written by another process", run->name);
    }
    return go_to_end(run, first_step, err);
}

static void free_run(struct lm_run *run)
{
    if (run->fd >= 0) {
        (void)close(run->fd);
    }
    json_decref(run->json);
    base_buffer_release(&run->waiting);
    base_free(run->folder);
    base_free(run->path_events);
    base_free(run->path_json);
    base_free(run);
}

enum reel_status lm_run_begin(const struct lm_run_options *opt, struct lm_run **out,
                              struct reel_error *err)
{
    *out = NULL;
    struct lm_run *run = base_alloc_zeroed(1, sizeof *run);
    if (!run) {
        return fail(err, REEL_ENOMEM, "a run");
    }
    run->fd = -1;
    run->loss = NAN;
    run->step = opt->first_step;
    run->n_steps = opt->n_steps;
    run->last_s = run->told_s = clock_s();
    run->speed_s = -SPEED_S; // the first step has a speed, too
    base_buffer_init(&run->waiting, BUFFER_BYTES_MAX);
    (void)snprintf(run->stage, sizeof run->stage, "step");
    enum reel_status rc = name_run(run, opt, err);
    if (rc == REEL_OK && opt->folder) {
        rc = make_folder(run, opt, err);
        rc = rc ? rc : open_events(run, opt->first_step, err);
        rc = rc ? rc : make_json(run, opt, err);
        if (rc == REEL_OK && opt->first_step > 0) {
            take_old_json(run);
        }
        rc = rc ? rc : lm_run_flush(run, err);
        rc = rc ? rc : write_json(run, "running", NULL, err);
    }
    if (rc) {
        free_run(run);
    } else {
        *out = run;
    }
    return rc;
}

const char *lm_run_name(const struct lm_run *run)
{
    return run->name;
}

const char *lm_run_folder(const struct lm_run *run)
{
    return run->folder ? run->folder : "";
}

const char *lm_run_stage(const struct lm_run *run)
{
    return run->stage;
}

// ---- adding ----

void lm_run_scalar(struct lm_run *run, int64_t step, const char *tag, double value)
{
    run->is_lost |=
        run->fd >= 0 && !lm_event_add_scalar(&run->waiting, wall_s(), step, tag, value);
}

void lm_run_text(struct lm_run *run, int64_t step, const char *tag, const char *text)
{
    run->is_lost |=
        run->fd >= 0 && !lm_event_add_text(&run->waiting, wall_s(), step, tag, text);
}

void lm_run_histogram(struct lm_run *run, int64_t step, const char *tag, const float *x,
                      size_t n)
{
    struct lm_histogram h;
    if (run->fd >= 0) {
        lm_histogram_init(&h, x, n);
        run->is_lost |= !lm_event_add_histogram(&run->waiting, wall_s(), step, tag, &h);
    }
}

/** All of it or, as far as the system lets us, nothing. */
static enum reel_status write_waiting(struct lm_run *run, struct reel_error *err)
{
    size_t n_done = 0;
    enum reel_status rc = REEL_OK;
    if (run->is_lost) {
        rc = fail(err, REEL_ENOMEM, "run %s: no memory for its curves", run->name);
    }
    while (rc == REEL_OK && n_done < run->waiting.n_bytes) {
        const ssize_t n =
            write(run->fd, run->waiting.data + n_done, run->waiting.n_bytes - n_done);
        if (n < 0 && errno != EINTR) {
            rc = fail(err, REEL_EIO, "%s: cannot be written: %s", run->path_events,
                      strerror(errno));
        }
        n_done += n > 0 ? (size_t)n : 0;
    }
    struct stat st;
    if (rc && n_done > 0 && fstat(run->fd, &st) == 0) {
        (void)ftruncate(run->fd, st.st_size - (off_t)n_done);
    }
    base_buffer_clear(&run->waiting);
    run->is_lost = false;
    return rc;
}

enum reel_status lm_run_flush(struct lm_run *run, struct reel_error *err)
{
    if (run->fd < 0) {
        return REEL_OK;
    }
    const enum reel_status rc = write_waiting(run, err);
    if (rc == REEL_OK && fdatasync(run->fd) != 0) {
        return fail(err, REEL_EIO, "%s: cannot be written: %s", run->path_events,
                    strerror(errno));
    }
    return rc;
}

static void take_speed(struct lm_run *run, int64_t n_tokens, double now_s)
{
    const double n_s = now_s - run->last_s, kept = exp(-n_s / MEMORY_S);
    run->last_s = now_s;
    run->n_tokens += n_tokens;
    run->sum_tokens = run->sum_tokens * kept + (double)n_tokens;
    run->sum_s = run->sum_s * kept + n_s;
}

enum reel_status lm_run_step(struct lm_run *run, int64_t step, double loss,
                             int64_t n_tokens, struct reel_error *err)
{
    const double now_s = clock_s();
    take_speed(run, n_tokens, now_s);
    run->step = step + 1;
    run->loss = loss;
    const double speed = run->sum_s > 0 ? run->sum_tokens / run->sum_s : 0;
    (void)snprintf(run->stage, sizeof run->stage, "step\tloss %.3f  %.0f tokens/s", loss,
                   speed);
    if (run->fd < 0) {
        return REEL_OK;
    }
    lm_run_scalar(run, step, "loss/train", loss);
    if (now_s - run->speed_s >= SPEED_S) {
        run->speed_s = now_s;
        lm_run_scalar(run, step, "speed/tokens_per_s", speed);
    }
    enum reel_status rc = write_waiting(run, err);
    if (rc == REEL_OK && now_s - run->told_s >= TELL_S) {
        run->told_s = now_s;
        rc = write_json(run, "running", NULL, err);
    }
    return rc;
}

enum reel_status lm_run_end(struct lm_run *run, enum reel_status rc,
                            const struct reel_error *why, struct reel_error *err)
{
    if (!run) {
        return rc;
    }
    if (run->fd >= 0) {
        const bool is_failed = rc && rc != REEL_ECANCELLED;
        const char *text = why ? why->text : reel_status_text(rc);
        struct reel_error own;
        enum reel_status rc_end = lm_run_flush(run, &own);
        const enum reel_status rc_json =
            write_json(run,
                       is_failed ? "failed"
                       : rc      ? "stopped"
                                 : "done",
                       is_failed ? text : NULL, rc_end ? NULL : &own);
        rc_end = rc_end ? rc_end : rc_json;
        if (rc == REEL_OK && rc_end) {
            rc = fail(err, rc_end, "%s", own.text);
        }
    }
    free_run(run);
    return rc;
}
