/**
 * See lm_checkpoint.h.
 */
#include "lm_checkpoint.h"
#include "base_alloc.h"
#include "base_error.h"
#include "base_file.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1, OLDEST = 1, ALIGN = 64, SUM_BYTES = 32 };

static const char ending[] = ".checkpoint";

struct head {
    uint64_t magic;
    uint32_t version, oldest;
    int64_t step;
    uint32_t n_parts, unused;
    uint64_t n_bytes; /* of the file */
    uint64_t room[3];
};
static const uint64_t magic = 0x74706b636c656572; /* "reelckpt" */

struct entry {
    char name[LM_CHECKPOINT_NAME_BYTES];
    uint64_t offset, n_bytes;
};

struct lm_checkpoint {
    char *path;
    struct base_file_map map;
    const struct head *head;
    const struct entry *entry; /* (head->n_parts) */
};

static uint64_t aligned(uint64_t n_bytes)
{
    return (n_bytes + ALIGN - 1) / ALIGN * ALIGN;
}

/* ---- files of a folder ---- */

// FOLDER/step-0000000120.checkpoint; NULL: no memory.
static char *path_of(const char *folder, int64_t step)
{
    const size_t room = strlen(folder) + 64;
    char *path = base_alloc(room);
    if (path) {
        (void)snprintf(path, room, "%s/step-%010lld%s", folder, (long long)step, ending);
    }
    return path;
}

// The step of such a name, -1 for others; `is_left`: of what a death left half-written.
static int64_t step_of(const char *name, bool *is_left)
{
    char *end;
    if (strncmp(name, "step-", 5) != 0 || name[5] < '0' || name[5] > '9') {
        return -1;
    }
    const long long step = strtoll(name + 5, &end, 10);
    const size_t n_ending = sizeof ending - 1;
    if (strncmp(end, ending, n_ending) != 0) {
        return -1;
    }
    *is_left = strncmp(end + n_ending, ".new-", 5) == 0;
    return end[n_ending] == 0 || *is_left ? step : -1;
}

/** Newest step of the folder that is older than `before`; -1: none. */
static int64_t newest_before(const char *folder, int64_t before)
{
    DIR *dir = opendir(folder);
    int64_t newest = -1;
    for (const struct dirent *file; dir && (file = readdir(dir));) {
        bool is_left = false;
        const int64_t step = step_of(file->d_name, &is_left);
        if (step > newest && step < before && !is_left) {
            newest = step;
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
    return newest;
}

// What is older than the newest ones, and what a death left.
static void sweep(const char *folder, int64_t oldest)
{
    DIR *dir = opendir(folder);
    for (const struct dirent *file; dir && (file = readdir(dir));) {
        bool is_left = false;
        const int64_t step = step_of(file->d_name, &is_left);
        if (is_left || (step >= 0 && step < oldest)) {
            (void)unlinkat(dirfd(dir), file->d_name, 0);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
}

void lm_checkpoint_remove(const char *folder)
{
    sweep(folder, INT64_MAX);
}

/* ---- writing ---- */

static void put(FILE *out, crypto_generichash_state *sum, const void *data,
                size_t n_bytes)
{
    if (n_bytes > 0) {
        (void)crypto_generichash_update(sum, data, n_bytes);
        (void)fwrite(data, 1, n_bytes, out); // failures come out at closing
    }
}

static void put_all(FILE *out, int64_t step, const struct lm_checkpoint_part *part,
                    int32_t n_parts)
{
    static const char zeros[ALIGN];
    struct entry entry[LM_CHECKPOINT_PARTS_MAX] = {0};
    uint64_t end = aligned(sizeof(struct head) + (size_t)n_parts * sizeof *entry);
    const uint64_t first = end;
    for (int32_t i = 0; i < n_parts; i++) {
        memcpy(entry[i].name, part[i].name, strlen(part[i].name));
        entry[i].offset = end;
        entry[i].n_bytes = part[i].n_bytes;
        end += aligned(part[i].n_bytes);
    }
    const struct head head = {.magic = magic,
                              .version = VERSION,
                              .oldest = OLDEST,
                              .step = step,
                              .n_parts = (uint32_t)n_parts,
                              .n_bytes = end + SUM_BYTES};
    const size_t n_table = (size_t)n_parts * sizeof *entry;
    unsigned char bytes[SUM_BYTES];
    crypto_generichash_state sum;
    (void)crypto_generichash_init(&sum, NULL, 0, SUM_BYTES);
    put(out, &sum, &head, sizeof head);
    put(out, &sum, entry, n_table);
    put(out, &sum, zeros, (size_t)(first - sizeof head - n_table));
    for (int32_t i = 0; i < n_parts; i++) {
        put(out, &sum, part[i].data, part[i].n_bytes);
        put(out, &sum, zeros, (size_t)(aligned(part[i].n_bytes) - part[i].n_bytes));
    }
    (void)crypto_generichash_final(&sum, bytes, SUM_BYTES);
    (void)fwrite(bytes, 1, SUM_BYTES, out);
}

enum reel_status lm_checkpoint_write(const char *folder, int64_t step,
                                     const struct lm_checkpoint_part *part,
                                     int32_t n_parts, struct reel_error *err)
{
    struct base_file_writer writer;
    for (int32_t i = 0; i < n_parts; i++) {
        if (strlen(part[i].name) >= LM_CHECKPOINT_NAME_BYTES) {
            return fail(err, REEL_EINVAL, "a checkpoint's part '%s'", part[i].name);
        }
    }
    if (step < 0 || n_parts < 0 || n_parts > LM_CHECKPOINT_PARTS_MAX ||
        sodium_init() < 0) {
        return fail(err, REEL_EINVAL, "a checkpoint of step %lld with %d parts",
                    (long long)step, n_parts);
    }
    char *path = path_of(folder, step);
    if (!path) {
        return fail(err, REEL_ENOMEM, "%s: a checkpoint", folder);
    }
    enum reel_status rc = base_file_mkdirs(folder, err);
    rc = rc ? rc : base_file_writer_open(&writer, path, err);
    if (rc == REEL_OK) {
        put_all(writer.out, step, part, n_parts);
        rc = base_file_writer_close(&writer, err);
    }
    if (rc == REEL_OK) {
        int64_t oldest = step;
        for (int kept = 1; kept < LM_CHECKPOINT_KEPT && oldest >= 0; kept++) {
            oldest = newest_before(folder, oldest);
        }
        sweep(folder, oldest);
    }
    base_free(path);
    return rc;
}

/* ---- reading ---- */

static enum reel_status check_table(const struct lm_checkpoint *c, struct reel_error *err)
{
    uint64_t end = aligned(sizeof *c->head + c->head->n_parts * sizeof *c->entry);
    const uint64_t n_bytes = c->map.n_bytes - SUM_BYTES;
    for (uint32_t i = 0; i < c->head->n_parts; i++) {
        const struct entry *entry = &c->entry[i];
        if (entry->name[LM_CHECKPOINT_NAME_BYTES - 1] != 0 || entry->offset != end ||
            end > n_bytes || entry->n_bytes > n_bytes - end) {
            return fail(err, REEL_EFORMAT, "%s: damaged: part %u of %u lies outside",
                        c->path, i + 1, c->head->n_parts);
        }
        end += aligned(entry->n_bytes);
    }
    return end == n_bytes
               ? REEL_OK
               : fail(err, REEL_EFORMAT, "%s: damaged: parts end at %llu of %llu",
                      c->path, (unsigned long long)end, (unsigned long long)n_bytes);
}

static enum reel_status check(struct lm_checkpoint *c, struct reel_error *err)
{
    const size_t n_least = sizeof(struct head) + SUM_BYTES;
    const struct head *head = (const void *)c->map.data;
    if (c->map.n_bytes < n_least || head->magic != magic) {
        return fail(err, REEL_EFORMAT, "%s: no checkpoint", c->path);
    }
    if (head->oldest > VERSION) {
        return fail(err, REEL_EVERSION, "%s: version %u, this program reads up to %d",
                    c->path, head->version, VERSION);
    }
    if (head->n_bytes != c->map.n_bytes || head->n_parts > LM_CHECKPOINT_PARTS_MAX ||
        head->step < 0 ||
        aligned(sizeof *head + head->n_parts * sizeof(struct entry)) + SUM_BYTES >
            c->map.n_bytes) {
        return fail(err, REEL_EFORMAT, "%s: damaged: %zu bytes where %llu are told",
                    c->path, c->map.n_bytes, (unsigned long long)head->n_bytes);
    }
    unsigned char sum[SUM_BYTES];
    const size_t n_summed = c->map.n_bytes - SUM_BYTES;
    if (sodium_init() < 0 ||
        crypto_generichash(sum, SUM_BYTES, c->map.data, n_summed, NULL, 0) != 0 ||
        memcmp(sum, c->map.data + n_summed, SUM_BYTES) != 0) {
        return fail(err, REEL_EFORMAT, "%s: damaged: its checksum is another", c->path);
    }
    c->head = head;
    c->entry = (const void *)(head + 1);
    return check_table(c, err);
}

static enum reel_status open_file(const char *path, struct lm_checkpoint **out,
                                  struct reel_error *err)
{
    struct lm_checkpoint *c = base_alloc_zeroed(1, sizeof *c);
    if (!c || !(c->path = base_strdup(path))) {
        lm_checkpoint_close(c);
        return fail(err, REEL_ENOMEM, "%s: out of memory", path);
    }
    enum reel_status rc = base_file_map_open(&c->map, path, err);
    rc = rc ? rc : check(c, err);
    if (rc != REEL_OK) {
        lm_checkpoint_close(c);
        return rc;
    }
    *out = c;
    return REEL_OK;
}

enum reel_status lm_checkpoint_open(const char *path, struct lm_checkpoint **out,
                                    struct reel_error *err)
{
    *out = NULL;
    DIR *dir = opendir(path);
    if (!dir) {
        return errno == ENOTDIR
                   ? open_file(path, out, err)
                   : fail(err, REEL_ENOTFOUND, "%s: %s", path, strerror(errno));
    }
    (void)closedir(dir);
    enum reel_status rc = REEL_ENOTFOUND;
    int64_t step = INT64_MAX;
    while ((step = newest_before(path, step)) >= 0) {
        struct reel_error older;
        char *file = path_of(path, step);
        const enum reel_status rc_file =
            !file ? fail(err, REEL_ENOMEM, "%s: out of memory", path)
                  : open_file(file, out, rc == REEL_ENOTFOUND ? err : &older);
        base_free(file);
        if (rc_file == REEL_OK || rc_file == REEL_ENOMEM) {
            return rc_file;
        }
        rc = rc == REEL_ENOTFOUND ? rc_file : rc; // what is wrong with the newest
    }
    return rc == REEL_ENOTFOUND ? fail(err, rc, "%s: no checkpoint in it", path) : rc;
}

void lm_checkpoint_close(struct lm_checkpoint *checkpoint)
{
    if (checkpoint) {
        base_file_map_close(&checkpoint->map);
        base_free(checkpoint->path);
        base_free(checkpoint);
    }
}

int64_t lm_checkpoint_step(const struct lm_checkpoint *checkpoint)
{
    return checkpoint->head->step;
}

const char *lm_checkpoint_path(const struct lm_checkpoint *checkpoint)
{
    return checkpoint->path;
}

const void *lm_checkpoint_get(const struct lm_checkpoint *checkpoint, const char *name,
                              size_t *n_bytes)
{
    for (uint32_t i = 0; i < checkpoint->head->n_parts; i++) {
        if (strcmp(checkpoint->entry[i].name, name) == 0) {
            *n_bytes = (size_t)checkpoint->entry[i].n_bytes;
            return checkpoint->map.data + checkpoint->entry[i].offset;
        }
    }
    return NULL;
}

enum reel_status lm_checkpoint_copy(const struct lm_checkpoint *checkpoint,
                                    const char *name, void *to, size_t n_bytes,
                                    struct reel_error *err)
{
    size_t n_there = 0;
    const void *part = lm_checkpoint_get(checkpoint, name, &n_there);
    if (!part || n_there != n_bytes) {
        return fail(err, REEL_EFORMAT, "%s: %s has %zu bytes where %zu are needed",
                    checkpoint->path, name, n_there, n_bytes);
    }
    memcpy(to, part, n_bytes);
    return REEL_OK;
}

/* ---- of the one training loop ---- */

static const char *const net_part[LM_CHECKPOINT_NET_PARTS] = {
    "net.state", "net.value", "net.mean", "net.square", "net.best"};

void lm_checkpoint_net_parts(const struct base_net_state *state,
                             struct lm_checkpoint_net *numbers,
                             struct lm_checkpoint_part *part)
{
    *numbers = (struct lm_checkpoint_net){.i_step = state->i_step,
                                          .i_epoch = state->i_epoch,
                                          .i_item = state->i_item,
                                          .n_worse = state->n_worse,
                                          .best_epoch = state->best_epoch,
                                          .round = state->round,
                                          .sum_loss = state->sum_loss,
                                          .sum_weight = state->sum_weight,
                                          .loss = state->loss,
                                          .best_score = state->best_score};
    const void *const data[] = {numbers, state->value, state->moment[0], state->moment[1],
                                state->best};
    for (int i = 0; i < LM_CHECKPOINT_NET_PARTS; i++) {
        const size_t n = data[i] ? state->n_floats * sizeof(float) : 0;
        part[i] = (struct lm_checkpoint_part){net_part[i], data[i],
                                              i == 0 ? sizeof *numbers : n};
    }
}

enum reel_status lm_checkpoint_net_state(const struct lm_checkpoint *checkpoint,
                                         size_t n_floats, struct base_net_state *state,
                                         struct reel_error *err)
{
    struct lm_checkpoint_net numbers;
    const void *bank[LM_CHECKPOINT_NET_PARTS] = {NULL};
    const enum reel_status rc =
        lm_checkpoint_copy(checkpoint, net_part[0], &numbers, sizeof numbers, err);
    if (rc != REEL_OK) {
        return rc;
    }
    for (int i = 1; i < LM_CHECKPOINT_NET_PARTS; i++) {
        size_t n_bytes = 0;
        bank[i] = lm_checkpoint_get(checkpoint, net_part[i], &n_bytes);
        const bool is_none = i == LM_CHECKPOINT_NET_PARTS - 1 && n_bytes == 0;
        if (!bank[i] || (!is_none && n_bytes != n_floats * sizeof(float))) {
            return fail(err, REEL_EFORMAT, "%s: %s has %zu numbers where %zu are needed",
                        checkpoint->path, net_part[i], n_bytes / sizeof(float), n_floats);
        }
        bank[i] = is_none ? NULL : bank[i];
    }
    // The loop copies from these and does not write to them.
    *state = (struct base_net_state){
        .i_step = numbers.i_step,
        .i_epoch = numbers.i_epoch,
        .i_item = numbers.i_item,
        .n_worse = numbers.n_worse,
        .best_epoch = numbers.best_epoch,
        .round = numbers.round,
        .sum_loss = numbers.sum_loss,
        .sum_weight = numbers.sum_weight,
        .loss = numbers.loss,
        .best_score = numbers.best_score,
        .n_floats = n_floats,
        .value = (float *)(uintptr_t)bank[1],
        .moment = {(float *)(uintptr_t)bank[2], (float *)(uintptr_t)bank[3]},
        .best = (float *)(uintptr_t)bank[4]};
    return REEL_OK;
}
