/**
 * Seeds of fuzz_model_file: one small model of each class, learnt from a world of six films.
 *
 *     make_models tests/fuzz/corpus/model_file
 *
 * To be run again when the layout of model files changes.
 */
#include "base_csr.h"
#include "model_core.h"

#include <stdlib.h>

enum { N_VIEWERS = 8, N_FILMS = 6, N_WORDS = 4, N_DENSE = 2 };

/** What is learnt from; most of it stays the standard where it does not cost bytes. */
static const struct seed {
    const char *file, *class_, *settings;
} seeds[] = {
    {"popularity", "popularity", ""},
    {"item-knn", "item-knn", ""},
    {"user-knn", "user-knn", ""},
    {"ease", "ease", ""},
    {"als", "als", "factors=3 iterations=2"},
    {"bpr", "bpr", "factors=3 epochs=2"},
    {"sequence", "sequence", "factors=4 layers=1 window=3 epochs=1 batch=4"},
    {"taste", "taste", "factors=2 iterations=2"},
    {"taste-lowrank", "taste", "factors=2 iterations=2 map=lowrank"},
    {"taste-mlp", "taste", "factors=2 iterations=2 map=mlp hidden=2"},
    {"content", "content", ""},
};

static enum reel_status train(const struct seed *seed, const struct reel_training *data,
                              struct reel_model **out, struct reel_error *err)
{
    struct reel_train_options opt = reel_train_options_default();
    const enum reel_status rc =
        reel_settings_parse(seed->class_, seed->settings, &opt, err);
    return rc ? rc : reel_model_train(seed->class_, data, &opt, out, err);
}

static enum reel_status save(const struct reel_model *model, const char *folder,
                             const char *name, struct reel_error *err)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s.reel", folder, name);
    return reel_model_save(model, path, err);
}

// Of the two smallest models: what training makes is larger than a seed should be.
static enum reel_status make_hybrid(const struct reel_training *data, const char *folder,
                                    struct reel_error *err)
{
    struct reel_model *member[2] = {NULL}, *hybrid = NULL;
    struct reel_train_options opt = reel_train_options_default();
    for (int i = 0; i < model_hybrid.info.n_settings; i++) {
        opt.setting[i] = model_hybrid.info.setting[i].standard;
    }
    enum reel_status rc = train(&seeds[0], data, &member[0], err);
    rc = rc ? rc : train(&seeds[1], data, &member[1], err);
    if (rc == REEL_OK) {
        const struct model_section section[] = {
            {MODEL_MEMBER, 1, model_block_bytes(member[0])},
            {MODEL_MEMBER + 1, 1, model_block_bytes(member[1])},
            {MODEL_MEMBER_WEIGHTS, sizeof(float), 4}};
        rc = model_create(&model_hybrid, data, &opt, 0, section, 3, &hybrid, err);
    }
    for (int32_t i = 0; rc == REEL_OK && i < 2; i++) {
        model_embed(hybrid, i, member[i]);
        model_floats(hybrid, MODEL_MEMBER_WEIGHTS)[2 * i] = 0.5F;
    }
    rc = rc ? rc : save(hybrid, folder, "hybrid", err);
    reel_model_free(member[0]);
    reel_model_free(member[1]);
    reel_model_free(hybrid);
    return rc;
}

// Viewer v chooses every film but v mod 6, one a day; odd ones rate it 5, even ones 4.
static enum reel_status make(const char *folder, struct reel_error *err)
{
    int32_t row[N_VIEWERS * N_FILMS], col[N_VIEWERS * N_FILMS], n = 0, n_words = 0;
    int32_t word_row[2 * N_FILMS], word_col[2 * N_FILMS];
    int64_t at_s[N_VIEWERS * N_FILMS];
    float stars[N_VIEWERS * N_FILMS], dense[N_FILMS * N_DENSE], weight[2 * N_FILMS];
    for (int32_t v = 0; v < N_VIEWERS; v++) {
        for (int32_t f = 0; f < N_FILMS; f++) {
            if (f != v % N_FILMS) {
                row[n] = v;
                col[n] = f;
                stars[n] = 4 + (float)(f % 2);
                at_s[n] = 1000000000 + 86400 * (int64_t)((f * 5 + v) % N_FILMS);
                n++;
            }
        }
    }
    for (int32_t f = 0; f < N_FILMS; f++) {
        for (int32_t i = 0; i < 2; i++) {
            word_row[n_words] = f;
            word_col[n_words] = (f + 2 * i) % N_WORDS;
            weight[n_words++] = 1 + (float)i;
            dense[f * N_DENSE + i] = (float)((f + i) % 3);
        }
    }
    struct base_csr chosen = {0}, rated = {0}, words = {0};
    enum reel_status rc =
        base_csr_from_triples(N_VIEWERS, N_FILMS, n, row, col, NULL, &chosen, err);
    rc = rc ? rc
            : base_csr_from_triples(N_VIEWERS, N_FILMS, n, row, col, stars, &rated, err);
    rc = rc ? rc
            : base_csr_from_triples(N_FILMS, N_WORDS, n_words, word_row, word_col, weight,
                                    &words, err);
    const struct reel_feature_block block[] = {
        {.name = "text", .n_rows = N_FILMS, .n_cols = N_WORDS, .sparse = &words.csr},
        {.name = "vector", .n_rows = N_FILMS, .n_cols = N_DENSE, .dense = dense}};
    const struct reel_training data = {.chosen = chosen.csr,
                                       .rated = &rated.csr,
                                       .at_s = at_s,
                                       .feature = block,
                                       .n_features = 2};
    for (size_t i = 0; rc == REEL_OK && i < sizeof seeds / sizeof seeds[0]; i++) {
        struct reel_model *model = NULL;
        rc = train(&seeds[i], &data, &model, err);
        rc = rc ? rc : save(model, folder, seeds[i].file, err);
        reel_model_free(model);
    }
    rc = rc ? rc : make_hybrid(&data, folder, err);
    base_csr_release(&chosen);
    base_csr_release(&rated);
    base_csr_release(&words);
    return rc;
}

int main(int argc, char **argv)
{
    struct reel_error err = {0};
    if (argc != 2) {
        (void)fprintf(stderr, "usage: make_models FOLDER\n");
        return 2;
    }
    if (make(argv[1], &err) != REEL_OK) {
        (void)fprintf(stderr, "make_models: %s\n", err.text);
        return 1;
    }
    return EXIT_SUCCESS;
}
