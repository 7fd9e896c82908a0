/**
 * Any bytes as a model file: opened and asked, or refused; never read outside.
 */
#include "fuzz_file.h"
#include "model_core.h"

// The header of the file, with sizes that fit and a checksum that is right.
static struct model_header header_of(const uint8_t *data, size_t n_bytes)
{
    struct model_header header = {0};
    memcpy(&header, data, n_bytes < sizeof header ? n_bytes : sizeof header);
    memcpy(header.magic, "REELMODL", sizeof header.magic);
    header.version = header.oldest_reader = 2;
    header.n_block_bytes = n_bytes;
    header.check = model_header_sum(&header);
    return header;
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
    const struct model_header header = header_of(data, n_bytes);
    const struct fuzz_file file = fuzz_file_open(&header, sizeof header, data, n_bytes);
    struct reel_model *model;
    struct reel_error err;
    if (reel_model_open(file.path, &model, &err) == REEL_OK) {
        ask(model);
        reel_model_free(model);
    } else if (model || !err.text[0]) {
        abort();
    }
    fuzz_file_close(&file);
    return 0;
}
