/** A file in memory that readers can open by its path. */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

struct fuzz_file {
    int fd;
    char path[32];
};

/**
 * A file of these bytes, whose first `n_header_bytes` are those of `header` when there are as
 * many. A checksum guards the header of our files, so plain mutation would stop there: it is
 * put right first, and what is tested is every check behind it.
 */
static inline struct fuzz_file fuzz_file_open(const void *header, size_t n_header_bytes,
                                              const uint8_t *data, size_t n_bytes)
{
    struct fuzz_file file = {.fd = memfd_create("fuzz", 0)};
    const size_t n_head = n_bytes >= n_header_bytes ? n_header_bytes : 0;
    if (file.fd < 0 || write(file.fd, header, n_head) != (ssize_t)n_head ||
        write(file.fd, data + n_head, n_bytes - n_head) != (ssize_t)(n_bytes - n_head)) {
        abort();
    }
    (void)snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
    return file;
}

static inline void fuzz_file_close(const struct fuzz_file *file)
{
    (void)close(file->fd);
}

#endif
