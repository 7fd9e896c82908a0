/**
 * Any bytes as a model file: opened and asked, or refused; never read outside.
 *
 * A checksum guards the header, so plain mutation would stop there: it is put right first,
 * and what is tested is every check behind it.
 */
#include "model_core.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

// The header page of the file, with sizes that fit and a checksum that is right.
static void put_right(unsigned char *file, size_t n_bytes)
{
    struct model_header header;
    memcpy(&header, file, sizeof header);
    memcpy(header.magic, "REELMODL", sizeof header.magic);
    header.version = header.oldest_reader = 2;
    header.n_block_bytes = n_bytes;
    header.check = 0;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < sizeof header; i++) {
        h = (h ^ ((const unsigned char *)&header)[i]) * 0x100000001b3u;
    }
    header.check = h;
    memcpy(file, &header, sizeof header);
}

static void ask(const struct reel_model *model)
{
    const int32_t n_films = reel_model_n_films(model);
    float *score = malloc((size_t)n_films * sizeof *score);
    const int32_t film[] = {0, n_films - 1};
    const struct reel_query query = {film, NULL, n_films > 1 ? 2 : 1};
    struct reel_part part[2];
    struct reel_error err;
    int32_t n, top[3];
    float total, rest, top_score[3];
    const int64_t start[] = {0, query.n};
    const struct reel_csr queries = {1, n_films, start, film, NULL};
    if (score && reel_model_score(model, &query, score, &err) == REEL_OK &&
        reel_model_explain(model, &query, n_films / 2, part, &n, &total, &rest, &err) ==
            REEL_OK &&
        reel_model_top(model, &queries, NULL, 3, 1, top, top_score, &err) == REEL_OK) {
        for (int i = 0; i < 3; i++) {
            if (top[i] < -1 || top[i] >= n_films) {
                abort();
            }
        }
    }
    free(score);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    char path[64];
    unsigned char *file = malloc(n_bytes + 1);
    const int fd = memfd_create("model", 0);
    if (!file || fd < 0) {
        abort();
    }
    memcpy(file, data, n_bytes);
    if (n_bytes >= sizeof(struct model_header)) {
        put_right(file, n_bytes);
    }
    if (write(fd, file, n_bytes) != (ssize_t)n_bytes) {
        abort();
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct reel_model *model;
    struct reel_error err;
    if (reel_model_open(path, &model, &err) == REEL_OK) {
        ask(model);
        reel_model_free(model);
    } else if (model || !err.text[0]) {
        abort();
    }
    (void)close(fd);
    free(file);
    return 0;
}
