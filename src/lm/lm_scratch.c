/** Arrays in memory or in mapped files; see lm_scratch.h. */
#include "lm_scratch.h"

#include "base_alloc.h"
#include "base_error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE_BYTES = 1 << 16 };

static enum reel_status fail_disk(const struct lm_scratch *scratch, int reason,
                                  struct reel_error *err)
{
    return fail(err, REEL_EIO, "%s: no room to work on disk: %s", scratch->folder,
                strerror(reason));
}

enum reel_status lm_scratch_folder(const char *wanted, const char *path, char **folder,
                                   struct reel_error *err)
{
    const char *slash = strrchr(path, '/');
    *folder = base_strdup(wanted ? wanted : slash ? path : ".");
    if (!*folder) {
        return fail(err, REEL_ENOMEM, "a folder to work in");
    }
    if (!wanted && slash) {
        (*folder)[slash > path ? slash - path : 1] = '\0';
    }
    return REEL_OK;
}

enum reel_status lm_scratch_file(const struct lm_scratch *scratch, int *fd,
                                 struct reel_error *err)
{
    *fd = open(scratch->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd >= 0) {
        return REEL_OK;
    }
    // Some file systems know no files without a name.
    const size_t n_bytes = strlen(scratch->folder) + 32;
    char *path = base_alloc(n_bytes);
    if (!path) {
        return fail(err, REEL_ENOMEM, "a file in %s", scratch->folder);
    }
    (void)snprintf(path, n_bytes, "%s/.forkreel-XXXXXX", scratch->folder);
    *fd = mkostemp(path, O_CLOEXEC);
    const int reason = errno;
    if (*fd >= 0) {
        (void)unlink(path);
    }
    base_free(path);
    return *fd >= 0 ? REEL_OK : fail_disk(scratch, reason, err);
}

static enum reel_status grow_file(const struct lm_scratch *scratch,
                                  struct lm_array *array, size_t room,
                                  struct reel_error *err)
{
    const int reason = posix_fallocate(array->fd - 1, 0, (off_t)room);
    if (reason) {
        return fail_disk(scratch, reason, err);
    }
    void *data =
        array->data
            ? mremap(array->data, array->room_bytes, room, MREMAP_MAYMOVE)
            : mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED, array->fd - 1, 0);
    if (data == MAP_FAILED) {
        return fail(err, REEL_ENOMEM, "%zu bytes of %s", room, scratch->folder);
    }
    array->data = data;
    array->room_bytes = room;
    return REEL_OK;
}

/** From memory into a file of its own. */
static enum reel_status move_to_file(struct lm_scratch *scratch, struct lm_array *array,
                                     size_t room, struct reel_error *err)
{
    struct lm_array moved = {0};
    int fd;
    enum reel_status rc = lm_scratch_file(scratch, &fd, err);
    if (rc) {
        return rc;
    }
    moved.fd = fd + 1;
    rc = grow_file(scratch, &moved, room, err);
    if (rc) {
        (void)close(fd);
        return rc;
    }
    if (array->data) {
        memcpy(moved.data, array->data, array->room_bytes);
    }
    lm_array_release(scratch, array);
    *array = moved;
    return REEL_OK;
}

enum reel_status lm_array_need(struct lm_scratch *scratch, struct lm_array *array,
                               size_t n_bytes, struct reel_error *err)
{
    if (n_bytes <= array->room_bytes && array->data) {
        return REEL_OK;
    }
    const size_t grown = array->room_bytes + array->room_bytes / 2;
    size_t room = n_bytes > grown ? n_bytes : grown;
    room = (room / PAGE_BYTES + 1) * PAGE_BYTES;
    const int64_t more = (int64_t)(room - array->room_bytes);
    if (array->fd > 0) {
        return grow_file(scratch, array, room, err);
    }
    if (scratch->n_bytes + more > scratch->max_bytes) {
        return move_to_file(scratch, array, room, err);
    }
    void *data = base_realloc_array(array->data, room, 1);
    if (!data) {
        return fail(err, REEL_ENOMEM, "%zu bytes", room);
    }
    array->data = data;
    array->room_bytes = room;
    scratch->n_bytes += more;
    return REEL_OK;
}

enum reel_status lm_array_zeroed(struct lm_scratch *scratch, struct lm_array *array,
                                 size_t n_bytes, struct reel_error *err)
{
    const enum reel_status rc = lm_array_need(scratch, array, n_bytes, err);
    if (rc == REEL_OK && n_bytes > 0) {
        memset(array->data, 0, n_bytes);
    }
    return rc;
}

void lm_array_release(struct lm_scratch *scratch, struct lm_array *array)
{
    if (array->fd > 0) {
        if (array->data) {
            (void)munmap(array->data, array->room_bytes);
        }
        (void)close(array->fd - 1);
    } else if (array->data) {
        scratch->n_bytes -= (int64_t)array->room_bytes;
        base_free(array->data);
    }
    *array = (struct lm_array){0};
}
