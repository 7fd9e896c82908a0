/**
 * Reading runs; see forkreel/lm_runs.h. Both files are outside bytes: they may be from another
 * version, damaged, or still be written.
 */
#include "lm_events.h"
#include "lm_run_files.h"
#include "lm_runs_log.h"

#include "base_alloc.h"
#include "base_arena.h"
#include "base_error.h"
#include "base_file.h"
#include "base_hash.h"
#include "base_text.h"

#include <forkreel/lm_runs.h>

#include <jansson.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA_BYTES_MAX ((size_t)4 << 30)
#define JSON_BYTES_MAX ((size_t)4 << 20)

char *lm_run_path(const char *folder, const char *name, const char *file)
{
    const size_t n = strlen(folder) + strlen(name) + (file ? strlen(file) : 0) + 3;
    char *path = base_alloc(n);
    if (path) {
        (void)snprintf(path, n, "%s/%s%s%s", folder, name, file ? "/" : "",
                       file ? file : "");
    }
    return path;
}

// ---- run.json ----

/** Does a process hold the event file for writing? */
static bool is_written(const char *folder, const char *name)
{
    char *path = lm_run_path(folder, name, LM_RUN_EVENTS);
    const int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    const bool is_held =
        fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_WRLCK;
    if (fd >= 0) {
        (void)close(fd);
    }
    base_free(path);
    return is_held;
}

static void take_text(const json_t *json, const char *key, char *text, size_t n_bytes)
{
    const char *value = json_string_value(json_object_get(json, key));
    size_t n = value ? strlen(value) : 0;
    if (n >= n_bytes) {
        for (n = n_bytes - 1; n > 0 && ((unsigned char)value[n] & 0xC0) == 0x80;) {
            n--; // not inside a character
        }
    }
    (void)snprintf(text, n_bytes, "%.*s", (int)n, value ? value : "");
}

static int64_t take_count(const json_t *json, const char *key)
{
    const json_int_t n = json_integer_value(json_object_get(json, key));
    return n > 0 ? n : 0;
}

static enum reel_lm_run_state state_named(const char *word)
{
    static const char *const words[] = {[REEL_LM_RUN_RUNNING] = "running",
                                        [REEL_LM_RUN_DONE] = "done",
                                        [REEL_LM_RUN_STOPPED] = "stopped",
                                        [REEL_LM_RUN_FAILED] = "failed"};
    for (int i = REEL_LM_RUN_RUNNING; i <= REEL_LM_RUN_FAILED; i++) {
        if (word && strcmp(word, words[i]) == 0) {
            return (enum reel_lm_run_state)i;
        }
    }
    return REEL_LM_RUN_BROKEN;
}

static bool take_run(const json_t *json, const char *name, struct reel_lm_run *run)
{
    const json_t *loss = json_object_get(json, "loss");
    *run = (struct reel_lm_run){
        .state = state_named(json_string_value(json_object_get(json, "state"))),
        .begun_s = take_count(json, "begun_s"),
        .told_s = take_count(json, "told_s"),
        .step = take_count(json, "step"),
        .n_steps = take_count(json, "n_steps"),
        .n_tokens = take_count(json, "n_tokens"),
        .loss = json_is_number(loss) ? json_number_value(loss) : (double)NAN,
    };
    (void)snprintf(run->name, sizeof run->name, "%s", name);
    take_text(json, "what", run->what, sizeof run->what);
    take_text(json, "model", run->model, sizeof run->model);
    take_text(json, "why", run->why, sizeof run->why);
    return json_integer_value(json_object_get(json, "forkreel_run")) == 1;
}

/** The document of a run, or NULL; give it back. */
static enum reel_status load_json(const char *folder, const char *name, json_t **json,
                                  struct reel_lm_run *run, struct reel_error *err)
{
    char *path = lm_run_path(folder, name, LM_RUN_JSON);
    struct base_file_map map = {0};
    enum reel_status rc = path ? base_file_map_open(&map, path, err)
                               : fail(err, REEL_ENOMEM, "run %.100s", name);
    *json = NULL;
    if (rc == REEL_OK && map.n_bytes <= JSON_BYTES_MAX) {
        *json =
            json_loadb((const char *)map.data, map.n_bytes, JSON_REJECT_DUPLICATES, NULL);
    }
    if (rc == REEL_OK && !(*json && take_run(*json, name, run))) {
        rc = fail(err, REEL_EFORMAT, "%s: not what a training says of itself", path);
        json_decref(*json);
        *json = NULL;
    }
    if (rc == REEL_OK && run->state == REEL_LM_RUN_RUNNING && !is_written(folder, name)) {
        run->state = REEL_LM_RUN_BROKEN;
    }
    base_file_map_close(&map);
    base_free(path);
    return rc;
}

// ---- the list ----

static int compare_runs(const void *a, const void *b)
{
    const struct reel_lm_run *x = a, *y = b;
    return x->begun_s != y->begun_s ? (x->begun_s < y->begun_s ? 1 : -1)
                                    : -strcmp(x->name, y->name);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strlen(entry->d_name) < LM_RUN_NAME_BYTES;
}

enum reel_status reel_lm_runs_list(const char *folder, struct reel_lm_run_list *out,
                                   struct reel_error *err)
{
    *out = (struct reel_lm_run_list){0};
    struct dirent **entry = NULL;
    const int n = scandir(folder, &entry, is_visible, NULL);
    if (n < 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? REEL_OK
                   : fail(err, REEL_EIO, "%s: %s", folder, strerror(errno));
    }
    out->run = base_alloc_array((size_t)n + 1, sizeof *out->run);
    enum reel_status rc = out->run ? REEL_OK : fail(err, REEL_ENOMEM, "%d runs", n);
    for (int i = 0; i < n; i++) {
        json_t *json = NULL;
        const enum reel_status rc_run =
            rc ? rc
               : load_json(folder, entry[i]->d_name, &json, &out->run[out->n_runs], NULL);
        out->n_runs += rc_run == REEL_OK;
        out->n_broken += rc_run == REEL_EFORMAT;
        json_decref(json);
        free(entry[i]);
    }
    free(entry);
    if (out->n_runs > 1) {
        qsort(out->run, (size_t)out->n_runs, sizeof *out->run, compare_runs);
    }
    return rc;
}

void reel_lm_runs_release(struct reel_lm_run_list *list)
{
    base_free(list->run);
    *list = (struct reel_lm_run_list){0};
}

// ---- gathering events ----

/** One value, text or spread, as it stands in the file. */
struct point {
    int32_t i_tag;
    enum lm_event_kind kind;
    int64_t step;
    size_t i_point; /* the later of two with the same step comes later */
    double at_s, value, low, high;
    const char *text; /* in the arena */
};

struct log {
    struct base_arena arena;
    struct base_hash *tags;
    const char **tag; /* (n_tags) in the arena */
    size_t n_tags, room_tags;
    struct point *point;
    size_t n_points, room_points;
    bool is_events; /* the first record says that it is such a file */
};

static bool grow(void **items, size_t n, size_t *room, size_t item_bytes)
{
    if (n < *room) {
        return true;
    }
    const size_t wanted = *room ? 2 * *room : 256;
    void *more = base_realloc_array(*items, wanted, item_bytes);
    if (more) {
        *items = more;
        *room = wanted;
    }
    return more != NULL;
}

/** A copy that is UTF-8 without NUL; what is not becomes '?'. */
static const char *keep_text(struct base_arena *arena, const char *text, size_t n_bytes)
{
    char *copy = base_arena_strndup(arena, text, n_bytes);
    size_t bad = 0;
    for (size_t at = 0; copy && at < n_bytes; at += bad + 1) {
        if (base_utf8_check(copy + at, n_bytes - at, &bad)) {
            break;
        }
        copy[at + bad] = '?';
    }
    return copy;
}

static bool find_tag(struct log *log, const struct lm_event *event, int32_t *i_tag)
{
    bool is_new;
    const int64_t *value = base_hash_get_or_add(log->tags, event->tag, event->n_tag_bytes,
                                                (int64_t)log->n_tags, &is_new);
    if (!value ||
        !grow((void **)&log->tag, log->n_tags, &log->room_tags, sizeof *log->tag)) {
        return false;
    }
    *i_tag = (int32_t)*value;
    if (is_new) {
        log->tag[log->n_tags] = keep_text(&log->arena, event->tag, event->n_tag_bytes);
        return log->tag[log->n_tags++] != NULL;
    }
    return true;
}

static void forget_from(struct log *log, int64_t step)
{
    size_t n = 0;
    for (size_t i = 0; i < log->n_points; i++) {
        if (log->point[i].step < step) {
            log->point[n++] = log->point[i];
        }
    }
    log->n_points = n;
}

static enum reel_status gather(const struct lm_event *event, void *payload)
{
    struct log *log = payload;
    if (event->kind == LM_EVENT_VERSION) {
        log->is_events = true;
        return REEL_OK;
    }
    if (!log->is_events) {
        return REEL_EFORMAT;
    }
    if (event->kind == LM_EVENT_RESTART) {
        forget_from(log, event->step);
        return REEL_OK;
    }
    struct point point = {.kind = event->kind,
                          .step = event->step,
                          .i_point = log->n_points,
                          .at_s = event->at_s,
                          .value = event->value};
    if (event->kind == LM_EVENT_TEXT) {
        point.text = keep_text(&log->arena, event->text, event->n_text_bytes);
    } else if (event->kind == LM_EVENT_HISTOGRAM) {
        point.low = lm_event_quantile(event, .05);
        point.value = lm_event_quantile(event, .5);
        point.high = lm_event_quantile(event, .95);
    }
    if ((event->kind == LM_EVENT_TEXT && !point.text) ||
        !find_tag(log, event, &point.i_tag) ||
        !grow((void **)&log->point, log->n_points, &log->room_points,
              sizeof *log->point)) {
        return REEL_ENOMEM;
    }
    log->point[log->n_points++] = point;
    return REEL_OK;
}

// ---- from points to curves ----

static int compare_points(const void *a, const void *b, void *payload)
{
    const struct point *x = a, *y = b;
    const char *const *tag = payload;
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    const int by_tag = x->i_tag == y->i_tag ? 0 : strcmp(tag[x->i_tag], tag[y->i_tag]);
    const int by_index = (x->i_tag > y->i_tag) - (x->i_tag < y->i_tag);
    const int by_step = (x->step > y->step) - (x->step < y->step);
    const int by_place = (x->i_point > y->i_point) - (x->i_point < y->i_point);
    if (x->kind == LM_EVENT_TEXT && by_step != 0) {
        return by_step;
    }
    return by_tag ? by_tag : by_index ? by_index : by_step ? by_step : by_place;
}

/** Scalars of one tag, n of them from `point`. */
static bool make_curve(struct log *log, const struct point *point, size_t n,
                       struct reel_lm_curve *curve)
{
    double *numbers = base_arena_alloc(&log->arena, 3 * n, sizeof *numbers);
    if (!numbers) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        numbers[i] = (double)point[i].step;
        numbers[n + i] = point[i].value;
        numbers[2 * n + i] = point[i].at_s;
    }
    *curve = (struct reel_lm_curve){.tag = log->tag[point->i_tag],
                                    .n = (int64_t)n,
                                    .step = numbers,
                                    .value = numbers + n,
                                    .at_s = numbers + 2 * n};
    return true;
}

static size_t n_of_tag(const struct point *point, const struct point *end)
{
    size_t n = 0;
    while (point + n < end && point[n].kind == point->kind &&
           point[n].i_tag == point->i_tag) {
        n++;
    }
    return n;
}

static bool make_log(struct log *log, struct reel_lm_run_log *out)
{
    const size_t n = log->n_points;
    struct reel_lm_curve *curve =
        base_arena_alloc(&log->arena, log->n_tags + 1, sizeof *curve);
    struct reel_lm_run_text *text = base_arena_alloc(&log->arena, n + 1, sizeof *text);
    struct reel_lm_run_spread *spread =
        base_arena_alloc(&log->arena, n + 1, sizeof *spread);
    if (!curve || !text || !spread) {
        return false;
    }
    if (n > 1) {
        qsort_r(log->point, n, sizeof *log->point, compare_points, log->tag);
    }
    for (size_t i = 0, n_here; i < n; i += n_here) {
        const struct point *p = &log->point[i];
        n_here = 1;
        if (p->kind == LM_EVENT_SCALAR) {
            n_here = n_of_tag(p, log->point + n);
            if (!make_curve(log, p, n_here, &curve[out->n_curves++])) {
                return false;
            }
        } else if (p->kind == LM_EVENT_TEXT) {
            text[out->n_texts++] = (struct reel_lm_run_text){
                .tag = log->tag[p->i_tag], .text = p->text, .step = p->step};
        } else {
            spread[out->n_spreads++] =
                (struct reel_lm_run_spread){.tag = log->tag[p->i_tag],
                                            .step = p->step,
                                            .low = p->low,
                                            .median = p->value,
                                            .high = p->high};
        }
    }
    out->curve = curve;
    out->text = text;
    out->spread = spread;
    return true;
}

enum reel_status lm_runs_log_read(const void *data, size_t n_bytes,
                                  struct reel_lm_run_log *out, struct reel_error *err)
{
    struct log *log = base_alloc_zeroed(1, sizeof *log);
    if (!log) {
        return fail(err, REEL_ENOMEM, "a log of %zu bytes", n_bytes);
    }
    base_arena_init(&log->arena, ARENA_BYTES_MAX);
    out->owned = log;
    enum reel_status rc = base_hash_create(&log->tags, err);
    if (rc == REEL_OK) {
        const size_t n_whole = lm_events_read(data, n_bytes, gather, log, &rc);
        out->n_bytes_lost = (int64_t)(n_bytes - n_whole);
        if (rc == REEL_EFORMAT || (rc == REEL_OK && n_whole == 0 && n_bytes > 0)) {
            rc = fail(err, REEL_EFORMAT, "not an event file");
        } else if (rc || !make_log(log, out)) {
            rc = fail(err, REEL_ENOMEM, "a log of %zu bytes", n_bytes);
        }
    }
    base_hash_free(log->tags);
    base_free(log->point);
    base_free(log->tag);
    log->tags = NULL;
    log->point = NULL;
    log->tag = NULL;
    return rc;
}

// ---- one run ----

/** The whole name that `name` begins, into `whole`. */
static enum reel_status find_run(const char *folder, const char *name,
                                 char whole[LM_RUN_NAME_BYTES], struct reel_error *err)
{
    struct reel_lm_run_list list;
    enum reel_status rc = reel_lm_runs_list(folder, &list, err);
    int32_t n_found = 0;
    const size_t n_name = strlen(name);
    for (int32_t i = 0; rc == REEL_OK && i < list.n_runs; i++) {
        const bool is_whole = strcmp(list.run[i].name, name) == 0;
        if (is_whole || strncmp(list.run[i].name, name, n_name) == 0) {
            (void)snprintf(whole, LM_RUN_NAME_BYTES, "%s", list.run[i].name);
            n_found = is_whole ? 1 : n_found + 1;
        }
        if (is_whole) {
            break;
        }
    }
    reel_lm_runs_release(&list);
    if (rc == REEL_OK && n_found == 0) {
        rc = fail(err, REEL_ENOTFOUND, "there is no run '%.100s' in %s", name, folder);
    } else if (rc == REEL_OK && n_found > 1) {
        rc = fail(err, REEL_EAMBIGUOUS, "%d runs begin with '%.100s'", n_found, name);
    }
    return rc;
}

static bool take_settings(const json_t *json, struct log *log,
                          struct reel_lm_run_log *out)
{
    json_t *settings = json_object_get(json, "settings"), *value;
    struct reel_lm_run_setting *setting =
        base_arena_alloc(&log->arena, json_object_size(settings) + 1, sizeof *setting);
    const char *key;
    if (!setting) {
        return false;
    }
    json_object_foreach(settings, key, value)
    {
        char number[32];
        (void)snprintf(number, sizeof number, "%.9g", json_number_value(value));
        const char *text = json_is_string(value)   ? json_string_value(value)
                           : json_is_number(value) ? number
                                                   : "";
        struct reel_lm_run_setting *s = &setting[out->n_settings++];
        s->name = base_arena_strdup(&log->arena, key);
        s->text = base_arena_strdup(&log->arena, text);
        if (!s->name || !s->text) {
            return false;
        }
    }
    out->setting = setting;
    return true;
}

static enum reel_status read_events(const char *folder, const char *name,
                                    struct reel_lm_run_log *out, struct reel_error *err)
{
    char *path = lm_run_path(folder, name, LM_RUN_EVENTS);
    struct base_file_map map = {0};
    struct reel_error own;
    enum reel_status rc = path ? base_file_map_open(&map, path, err)
                               : fail(err, REEL_ENOMEM, "run %.100s", name);
    if (rc == REEL_OK) {
        rc = lm_runs_log_read(map.data, map.n_bytes, out, &own);
        rc = rc ? fail(err, rc, "%s: %s", path, own.text) : REEL_OK;
    }
    base_file_map_close(&map);
    base_free(path);
    return rc;
}

enum reel_status reel_lm_run_read(const char *folder, const char *name,
                                  struct reel_lm_run_log *out, struct reel_error *err)
{
    char whole[LM_RUN_NAME_BYTES];
    json_t *json = NULL;
    *out = (struct reel_lm_run_log){0};
    enum reel_status rc = find_run(folder, name, whole, err);
    rc = rc ? rc : load_json(folder, whole, &json, &out->run, err);
    rc = rc ? rc : read_events(folder, whole, out, err);
    if (rc == REEL_OK && !take_settings(json, out->owned, out)) {
        rc = fail(err, REEL_ENOMEM, "run %s", whole);
    }
    json_decref(json);
    if (rc) {
        reel_lm_run_log_release(out);
    }
    return rc;
}

void reel_lm_run_log_release(struct reel_lm_run_log *log)
{
    struct log *owned = log->owned;
    if (owned) {
        base_arena_release(&owned->arena);
        base_free(owned);
    }
    *log = (struct reel_lm_run_log){0};
}

const struct reel_lm_curve *reel_lm_run_curve(const struct reel_lm_run_log *log,
                                              const char *tag)
{
    for (int32_t i = 0; i < log->n_curves; i++) {
        if (strcmp(log->curve[i].tag, tag) == 0) {
            return &log->curve[i];
        }
    }
    return NULL;
}
