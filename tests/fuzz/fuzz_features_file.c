/**
 * Any bytes as a file of features: opened and asked, or refused; never read outside.
 */
#include "feat_core.h"
#include "fuzz_file.h"

// The header of the file, with sizes that fit and a checksum that is right.
static struct feat_header header_of(const uint8_t *data, size_t n_bytes)
{
    struct feat_header header = {0};
    memcpy(&header, data, n_bytes < sizeof header ? n_bytes : sizeof header);
    memcpy(header.magic, "REELFEAT", sizeof header.magic);
    header.version = header.oldest_reader = 1;
    header.n_block_bytes = n_bytes;
    header.check = feat_header_sum(&header);
    return header;
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
    const struct feat_header header = header_of(data, n_bytes);
    const struct fuzz_file file = fuzz_file_open(&header, sizeof header, data, n_bytes);
    struct reel_features *features;
    struct reel_error err;
    if (reel_features_open(file.path, &features, &err) == REEL_OK) {
        ask(features);
        reel_features_free(features);
    } else if (features || !err.text[0]) {
        abort();
    }
    fuzz_file_close(&file);
    return 0;
}
