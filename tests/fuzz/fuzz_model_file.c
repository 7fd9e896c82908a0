/**
 * Any bytes as a model file: opened and asked, or refused; never read outside.
 */
#include "fuzz_file.h"
#include "model_core.h"

#include <forkreel/taste.h>

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

// A hybrid keeps whole files inside: their checksums are put right, too.
static void mend_members(uint8_t *file, size_t n_bytes)
{
    struct model_header header, member;
    for (int i = 0; n_bytes >= sizeof header && i < MODEL_MEMBERS_MAX; i++) {
        memcpy(&header, file, sizeof header);
        const struct base_section *section = &header.section[MODEL_MEMBER + i];
        if (section->is_present && section->offset >= sizeof header &&
            section->offset <= n_bytes && n_bytes - section->offset >= sizeof member) {
            memcpy(&member, file + section->offset, sizeof member);
            member.check = model_header_sum(&member);
            memcpy(file + section->offset, &member, sizeof member);
        }
    }
}

// What a taste model says of a text without features and of its first film.
static void ask_taste(const struct reel_model *model, const struct reel_query *query)
{
    static const float stars[] = {4, 2};
    const size_t n_place = (size_t)reel_taste_n_place(model);
    struct reel_query rated = *query;
    struct reel_opinion opinion[2];
    struct reel_error err;
    rated.value = stars;
    float *viewer = malloc((size_t)reel_taste_n_viewer(model) * sizeof *viewer);
    float *place = malloc(2 * n_place * sizeof *place);
    if (n_place > 0 && viewer && place &&
        reel_taste_place(model, NULL, 0, 1, place, &err) == REEL_OK &&
        reel_taste_viewer(model, query, &rated, viewer, &err) == REEL_OK) {
        memcpy(place + n_place, reel_taste_film_places(model), n_place * sizeof *place);
        (void)!reel_taste_score(model, viewer, place, 2, opinion, &err);
    }
    free(viewer);
    free(place);
}

static void ask(const struct reel_model *model)
{
    const int32_t n_films = reel_model_n_films(model);
    float *score = malloc((size_t)n_films * sizeof *score);
    const int32_t film[] = {0, n_films - 1};
    static const int64_t at_s[] = {1000200000, 1000100000};
    const struct reel_query query = {
        .film = film, .at_s = at_s, .n = n_films > 1 ? 2 : 1};
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
    ask_taste(model, &query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    const struct model_header header = header_of(data, n_bytes);
    uint8_t *copy = malloc(n_bytes + 1);
    if (!copy) {
        abort();
    }
    memcpy(copy, data, n_bytes);
    mend_members(copy, n_bytes);
    const struct fuzz_file file = fuzz_file_open(&header, sizeof header, copy, n_bytes);
    free(copy);
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
