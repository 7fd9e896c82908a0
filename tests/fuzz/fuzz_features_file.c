/**
 * Any bytes as a file of features: opened and asked, or refused; never read outside.
 *
 * A checksum guards the header, so plain mutation would stop there: it is put right first,
 * and what is tested is every check behind it.
 */
#include "feat_core.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

// The header page of the file, with sizes that fit and a checksum that is right.
static void put_right(unsigned char *file, size_t n_bytes)
{
    struct feat_header header;
    memcpy(&header, file, sizeof header);
    memcpy(header.magic, "REELFEAT", sizeof header.magic);
    header.version = header.oldest_reader = 1;
    header.n_block_bytes = n_bytes;
    header.check = 0;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < sizeof header; i++) {
        h = (h ^ ((const unsigned char *)&header)[i]) * 0x100000001b3u;
    }
    header.check = h;
    memcpy(file, &header, sizeof header);
}

static void ask(const struct reel_features *features)
{
    static const char *const name[] = {"Al Pacino"};
    const struct reel_feature_text text = {.text = "Two men rob a bank",
                                           .translation = "两个男人抢劫银行",
                                           .people = name,
                                           .n_people = 1,
                                           .genres = name,
                                           .n_genres = 1,
                                           .year = 1975};
    struct reel_feature_rows rows;
    struct reel_error err;
    if (features->header->n_lsa + features->header->n_vector +
                features->header->n_embedding >
            4096 ||
        reel_features_rows(features, &text, 1, &rows, &err) != REEL_OK) {
        return;
    }
    for (int32_t b = 0; b < rows.n_blocks; b++) {
        const struct reel_csr *sparse = rows.block[b].sparse;
        for (int64_t e = 0; sparse && e < sparse->start[1]; e++) {
            const char *term =
                reel_features_term(features, rows.block[b].name, sparse->col[e]);
            if (!term || strlen(term) > 1 << 20) {
                abort();
            }
        }
    }
    reel_feature_rows_release(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    char path[64];
    unsigned char *file = malloc(n_bytes + 1);
    const int fd = memfd_create("features", 0);
    if (!file || fd < 0) {
        abort();
    }
    memcpy(file, data, n_bytes);
    if (n_bytes >= sizeof(struct feat_header)) {
        put_right(file, n_bytes);
    }
    if (write(fd, file, n_bytes) != (ssize_t)n_bytes) {
        abort();
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct reel_features *features;
    struct reel_error err;
    if (reel_features_open(path, &features, &err) == REEL_OK) {
        ask(features);
        reel_features_free(features);
    } else if (features || !err.text[0]) {
        abort();
    }
    (void)close(fd);
    free(file);
    return 0;
}
