/** Any bytes as a GGUF file: told or refused, never more than that. */
#include <forkreel/lm.h>

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    char path[64];
    const int fd = memfd_create("gguf", 0);
    if (fd < 0 || write(fd, data, n_bytes) != (ssize_t)n_bytes) {
        abort();
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct reel_lm_info info;
    struct reel_error err;
    const enum reel_status rc = reel_lm_info_read(path, &info, &err);
    if (rc == REEL_OK ? !info.architecture[0] : rc != REEL_EFORMAT || !err.text[0]) {
        abort();
    }
    close(fd);
    return 0;
}
