/**
 * Whole files and mapped files; see base_file.h.
 */
#include "base_file.h"
#include "base_alloc.h"
#include "base_error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/** A device or a pipe: renaming a file onto it would put an end to it. */
static bool is_written_in_place(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

enum reel_status base_file_writer_open(struct base_file_writer *writer, const char *path,
                                       struct reel_error *err)
{
    const size_t n_bytes = strlen(path) + 32;
    *writer = (struct base_file_writer){.path = base_strdup(path),
                                        .path_new = base_alloc(n_bytes)};
    if (!writer->path || !writer->path_new) {
        base_file_writer_abort(writer);
        return fail(err, REEL_ENOMEM, "%s: out of memory", path);
    }
    if (is_written_in_place(path)) {
        base_free(writer->path_new);
        writer->path_new = NULL;
    } else {
        (void)snprintf(writer->path_new, n_bytes, "%s.new-%ld", path, (long)getpid());
    }
    writer->out = fopen(writer->path_new ? writer->path_new : path, "wbe");
    if (!writer->out) {
        const int reason = errno;
        base_file_writer_abort(writer);
        return fail(err, REEL_EIO, "%s: cannot be written: %s", path, strerror(reason));
    }
    return REEL_OK;
}

// A rename is durable only when the folder that holds the name is synced too.
static void sync_folder_of(char *path)
{
    char *slash = strrchr(path, '/');
    const char kept = slash ? slash[1] : '\0';
    if (slash) {
        slash[1] = '\0';
    }
    const int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    if (slash) {
        slash[1] = kept;
    }
}

enum reel_status base_file_writer_close(struct base_file_writer *writer,
                                        struct reel_error *err)
{
    const bool is_file = writer->path_new != NULL; // devices cannot be synced
    bool is_written = !ferror(writer->out) && fflush(writer->out) == 0 &&
                      (!is_file || fsync(fileno(writer->out)) == 0);
    int reason = errno;
    if (fclose(writer->out) != 0 && is_written) {
        is_written = false;
        reason = errno;
    }
    writer->out = NULL;
    if (is_written && is_file && rename(writer->path_new, writer->path) != 0) {
        is_written = false;
        reason = errno;
    }
    if (!is_written) {
        const enum reel_status rc = fail(err, REEL_EIO, "%s: cannot be written: %s",
                                         writer->path, strerror(reason));
        base_file_writer_abort(writer);
        return rc;
    }
    sync_folder_of(writer->path);
    base_free(writer->path);
    base_free(writer->path_new);
    *writer = (struct base_file_writer){0};
    return REEL_OK;
}

void base_file_writer_abort(struct base_file_writer *writer)
{
    if (writer->out) {
        (void)fclose(writer->out);
    }
    if (writer->path_new) {
        (void)unlink(writer->path_new);
    }
    base_free(writer->path);
    base_free(writer->path_new);
    *writer = (struct base_file_writer){0};
}

enum reel_status base_file_write(const char *path, const void *head, size_t n_head_bytes,
                                 const void *rest, size_t n_rest_bytes,
                                 struct reel_error *err)
{
    struct base_file_writer writer;
    enum reel_status rc = base_file_writer_open(&writer, path, err);
    if (rc != REEL_OK) {
        return rc;
    }
    // Failures of fwrite are sticky and come out at closing.
    if (head) {
        (void)fwrite(head, 1, n_head_bytes, writer.out);
    }
    (void)fwrite(rest, 1, n_rest_bytes, writer.out);
    return base_file_writer_close(&writer, err);
}

enum reel_status base_file_map_open(struct base_file_map *map, const char *path,
                                    struct reel_error *err)
{
    *map = (struct base_file_map){0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return fail(err, errno == ENOENT ? REEL_ENOTFOUND : REEL_EIO, "%s: %s", path,
                    strerror(errno));
    }
    struct stat st;
    enum reel_status rc = REEL_OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        rc = fail(err, REEL_EIO, "%s: not a regular file", path);
    } else if (st.st_size > 0) {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            rc = fail(err, REEL_EIO, "%s: cannot be mapped: %s", path, strerror(errno));
        } else {
            map->data = data;
            map->n_bytes = (size_t)st.st_size;
        }
    }
    (void)close(fd);
    return rc;
}

void base_file_map_close(struct base_file_map *map)
{
    if (map->data) {
        (void)munmap((void *)(uintptr_t)map->data, map->n_bytes);
    }
    *map = (struct base_file_map){0};
}

enum reel_status base_file_mkdirs(const char *path, struct reel_error *err)
{
    char *copy = base_strdup(path);
    if (!copy) {
        return fail(err, REEL_ENOMEM, "%s: out of memory", path);
    }
    enum reel_status rc = REEL_OK;
    for (char *p = copy + 1; rc == REEL_OK; p++) {
        if (*p != '/' && *p != '\0') {
            continue;
        }
        const char kept = *p;
        *p = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST) {
            rc = fail(err, REEL_EIO, "%s: cannot be made: %s", copy, strerror(errno));
        }
        *p = kept;
        if (kept == '\0') {
            break;
        }
    }
    base_free(copy);
    return rc;
}
