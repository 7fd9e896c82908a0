/** The extractor: columns, weights, rows, files, and every allocation failing in turn. */
#include "base_alloc.h"
#include "base_csr.h"
#include "feat_core.h"
#include "unit.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const pacino[] = {"Al Pacino", "Sidney Lumet"};
static const char *const lumet[] = {"SIDNEY LUMET"};
static const char *const drama[] = {"Drama"}, *const crime[] = {"Crime", "Drama"};

static const struct reel_feature_text texts[] = {
    {.text = "Two men rob a bank. The robbery goes wrong.",
     .translation = "两个男人抢劫银行，抢劫出了差错。",
     .people = pacino,
     .n_people = 2,
     .genres = crime,
     .n_genres = 2,
     .year = 1975},
    {.text = "A jury of twelve men argues over a murder.",
     .people = lumet,
     .n_people = 1,
     .genres = drama,
     .n_genres = 1,
     .year = 1957},
    {.text = "A policeman looks into the robbery of a bank.", .year = 1990},
    {.translation = "警察调查银行抢劫案。"},
    {0},
};

static const struct reel_feature_text bridge[] = {
    {.text = "the police", .translation = "警察"},
    {.text = "a policeman and a robbery", .translation = "警察和抢劫案"},
    {.text = "the bank", .translation = "银行"},
    {.text = "The robbery of a bank", .translation = "银行抢劫案"},
    {.text = "an investigation of a robbery", .translation = "抢劫案的调查"},
    {.text = "they look into it", .translation = "他们调查"},
    {.text = "two men", .translation = "两个男人"},
    {.text = "men", .translation = "男人"},
};

static struct reel_features *fitted(int32_t n_lsa, int32_t n_vector)
{
    struct reel_features_options opt = reel_features_options_default();
    struct reel_error err;
    struct reel_features *features;
    opt.n_lsa = n_lsa;
    opt.n_vector = n_vector;
    opt.n_embedding = 2;
    opt.bridge = n_vector ? bridge : NULL;
    opt.n_bridge = n_vector ? COUNT_OF(bridge) : 0;
    assert_ok(reel_features_fit(texts, COUNT_OF(texts), &opt, &features, &err), err);
    return features;
}

static const struct reel_feature_block *block_of(const struct reel_feature_rows *rows,
                                                 const char *name)
{
    for (int32_t b = 0; b < rows->n_blocks; b++) {
        if (strcmp(rows->block[b].name, name) == 0) {
            return &rows->block[b];
        }
    }
    return NULL;
}

static int32_t column_of(const struct reel_features *features, const char *name,
                         const char *term)
{
    const char *found;
    for (int32_t col = 0; (found = reel_features_term(features, name, col)); col++) {
        if (strcmp(found, term) == 0) {
            return col;
        }
    }
    return -1;
}

static void terms_of_one_text_only_are_left_out(void **state)
{
    (void)state;
    struct reel_features *features = fitted(0, 0);
    assert_true(column_of(features, "text", "bank") >= 0);
    assert_true(column_of(features, "text", "银行") >= 0);
    assert_int_equal(column_of(features, "text", "jury"), -1);
    assert_int_equal(column_of(features, "people", "person:sidney lumet"), 0);
    assert_int_equal(column_of(features, "people", "person:al pacino"), -1);
    assert_int_equal(column_of(features, "genres", "genre:drama"), 0);
    assert_null(reel_features_term(features, "lsa", 0));
    reel_features_free(features);
}

/** Pairs are of the text as it stands; single words are without stop words. */
static void pairs_keep_the_words_between(void **state)
{
    (void)state;
    static const struct reel_feature_text two[] = {
        {.text = "The man of the house is back"}, {.text = "Every man of the house"}};
    struct reel_features_options opt = reel_features_options_default();
    struct reel_error err;
    struct reel_features *features;
    opt.n_lsa = 0;
    assert_ok(reel_features_fit(two, COUNT_OF(two), &opt, &features, &err), err);
    assert_true(column_of(features, "text", "man of") >= 0);
    assert_true(column_of(features, "text", "the hous") >= 0);
    assert_true(column_of(features, "text", "man") >= 0);
    assert_int_equal(column_of(features, "text", "man hous"), -1);
    assert_int_equal(column_of(features, "text", "the"), -1);
    reel_features_free(features);
}

static void every_row_has_length_one_or_zero(void **state)
{
    (void)state;
    struct reel_features *features = fitted(3, 4);
    struct reel_feature_rows rows;
    struct reel_error err;
    assert_ok(reel_features_rows(features, texts, COUNT_OF(texts), &rows, &err), err);
    for (int32_t b = 0; b < rows.n_blocks; b++) {
        const struct reel_feature_block *block = &rows.block[b];
        assert_int_equal(block->n_rows, COUNT_OF(texts));
        for (int32_t i = 0; i < block->n_rows && strcmp(block->name, "vector"); i++) {
            double square = 0;
            if (block->sparse) {
                assert_ok(base_csr_check(block->sparse, &err), err);
                for (int64_t e = block->sparse->start[i]; e < block->sparse->start[i + 1];
                     e++) {
                    square += block->sparse->value[e] * block->sparse->value[e];
                }
            } else {
                for (int32_t f = 0; f < block->n_cols; f++) {
                    const float x = block->dense[i * block->n_cols + f];
                    square += x * x;
                }
            }
            assert_true(square == 0 || fabs(square - 1) < 1e-5);
            assert_true(i < (int32_t)COUNT_OF(texts) - 1 || square == 0);
        }
    }
    reel_feature_rows_release(&rows);
    reel_features_free(features);
}

static void a_decade_fades_into_the_next(void **state)
{
    (void)state;
    struct reel_features *features = fitted(0, 0);
    struct reel_feature_rows rows;
    struct reel_error err;
    assert_ok(reel_features_rows(features, texts, COUNT_OF(texts), &rows, &err), err);
    const struct reel_csr *year = block_of(&rows, "year")->sparse;
    assert_int_equal(year->start[1] - year->start[0], 1); // 1975 is the middle
    assert_int_equal(year->start[3] - year->start[2], 2); // 1990 belongs to both alike
    assert_float_equal(year->value[year->start[2]], sqrt(0.5), 1e-6);
    assert_string_equal(reel_features_term(features, "year", year->col[year->start[0]]),
                        "decade:1970");
    reel_feature_rows_release(&rows);
    reel_features_free(features);
}

static void embeddings_are_passed_on(void **state)
{
    (void)state;
    struct reel_features *features = fitted(0, 0);
    const float known[] = {0.6F, 0.8F};
    const struct reel_feature_text two[] = {{.text = "x"}, {.embedding = known}};
    struct reel_feature_rows rows;
    struct reel_error err;
    assert_ok(reel_features_rows(features, two, 2, &rows, &err), err);
    const float *dense = block_of(&rows, "embedding")->dense;
    const float expected[] = {0, 0, 0.6F, 0.8F};
    assert_memory_equal(dense, expected, sizeof expected);
    reel_feature_rows_release(&rows);
    reel_features_free(features);
}

static void blocks_are_equal(const struct reel_feature_rows *a,
                             const struct reel_feature_rows *b)
{
    assert_int_equal(a->n_blocks, b->n_blocks);
    for (int32_t i = 0; i < a->n_blocks; i++) {
        const struct reel_feature_block *x = &a->block[i], *y = &b->block[i];
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->n_cols, y->n_cols);
        if (x->dense) {
            assert_memory_equal(x->dense, y->dense,
                                (size_t)x->n_rows * x->n_cols * sizeof *x->dense);
            continue;
        }
        const size_t n = (size_t)x->sparse->start[x->n_rows];
        assert_int_equal(n, y->sparse->start[y->n_rows]);
        if (n > 0) {
            assert_memory_equal(x->sparse->col, y->sparse->col, n * sizeof(int32_t));
            assert_memory_equal(x->sparse->value, y->sparse->value, n * sizeof(float));
        }
    }
}

static void a_saved_extractor_gives_the_same_rows(void **state)
{
    (void)state;
    char path[] = "/tmp/feat-XXXXXX";
    struct reel_features *features = fitted(3, 4), *opened;
    struct reel_feature_rows rows, again;
    struct reel_error err;
    (void)close(mkstemp(path));
    assert_ok(reel_features_save(features, path, &err), err);
    assert_ok(reel_features_open(path, &opened, &err), err);
    assert_ok(reel_features_rows(features, texts, COUNT_OF(texts), &rows, &err), err);
    assert_ok(reel_features_rows(opened, texts, COUNT_OF(texts), &again, &err), err);
    blocks_are_equal(&rows, &again);
    assert_int_equal(truncate(path, 5000), 0);
    reel_features_free(opened);
    assert_int_equal(reel_features_open(path, &opened, &err), REEL_EFORMAT);
    assert_null(opened);
    assert_int_equal(truncate(path, 3), 0);
    assert_int_equal(reel_features_open(path, &opened, &err), REEL_EFORMAT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(reel_features_open(path, &opened, &err), REEL_ENOTFOUND);
    reel_feature_rows_release(&rows);
    reel_feature_rows_release(&again);
    reel_features_free(features);
}

// Each lie is one about a file with every kind of section; its checksum is right.
static void a_signed_header_that_lies_is_refused(void **state)
{
    (void)state;
    static const int lacking[] = {FEAT_KEYS,        FEAT_SLOTS,   FEAT_IDF,
                                  FEAT_LSA,         FEAT_VECTORS, FEAT_BRIDGE_COL,
                                  FEAT_BRIDGE_VALUE};
    char path[] = "/tmp/forkreel-features-XXXXXX";
    const int fd = mkstemp(path);
    struct reel_error err;
    struct reel_features *features = fitted(2, 4), *opened;
    assert_ok(reel_features_save(features, path, &err), err);
    reel_features_free(features);
    (void)close(fd);
    const int file = open(path, O_RDWR); // saving put another file there
    struct feat_header honest;
    assert_int_equal(pread(file, &honest, sizeof honest, 0), (ssize_t)sizeof honest);
    assert_true(honest.check == feat_header_sum(&honest));
    for (size_t lie = 0; lie <= COUNT_OF(lacking) + 1; lie++) {
        struct feat_header header = honest;
        if (lie < COUNT_OF(lacking)) {
            assert_true(header.section[lacking[lie]].is_present);
            header.section[lacking[lie]].is_present = 0;
        } else if (lie == COUNT_OF(lacking)) {
            header.n_words = header.n_terms[FEAT_TEXT] + 1;
        } else {
            header.section[FEAT_KEYS].offset = 1u << 30;
        }
        header.check = feat_header_sum(&header);
        assert_int_equal(pwrite(file, &header, sizeof header, 0), (ssize_t)sizeof header);
        assert_int_equal(reel_features_open(path, &opened, &err), REEL_EFORMAT);
        assert_null(opened);
    }
    assert_int_equal(pwrite(file, &honest, sizeof honest, 0), (ssize_t)sizeof honest);
    assert_ok(reel_features_open(path, &opened, &err), err);
    reel_features_free(opened);
    (void)close(file);
    (void)unlink(path);
}

static void the_same_seed_gives_the_same_bits(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 2; n_threads++) {
        struct reel_feature_rows rows[2];
        struct reel_features *features[2];
        struct reel_error err;
        for (int i = 0; i < 2; i++) {
            struct reel_features_options opt = reel_features_options_default();
            opt.n_lsa = 3;
            opt.n_vector = 8;
            opt.n_threads = n_threads;
            assert_ok(reel_features_fit(texts, COUNT_OF(texts), &opt, &features[i], &err),
                      err);
            assert_ok(
                reel_features_rows(features[i], texts, COUNT_OF(texts), &rows[i], &err),
                err);
        }
        blocks_are_equal(&rows[0], &rows[1]);
        for (int i = 0; i < 2; i++) {
            reel_feature_rows_release(&rows[i]);
            reel_features_free(features[i]);
        }
    }
}

/** How alike two rows of a sparse block are: their cosine. */
static double cosine(const struct reel_csr *m, int32_t i, int32_t j)
{
    double sum = 0;
    for (int64_t a = m->start[i]; a < m->start[i + 1]; a++) {
        for (int64_t b = m->start[j]; b < m->start[j + 1]; b++) {
            sum += m->col[a] == m->col[b] ? m->value[a] * m->value[b] : 0;
        }
    }
    return sum;
}

static void a_bridge_joins_two_languages(void **state)
{
    (void)state;
    struct reel_features_options opt = reel_features_options_default();
    struct reel_features *features;
    struct reel_feature_rows rows;
    struct reel_error err;
    const struct reel_feature_text asked[] = {
        {.text = "警察调查银行抢劫案。"},
        {.text = "A policeman looks into the robbery of a bank."},
        {.text = "Two men rob a bank."},
        {.text = "Twelve men argue."},
    };
    opt.bridge = bridge;
    opt.n_bridge = COUNT_OF(bridge);
    assert_ok(reel_features_fit(texts, COUNT_OF(texts), &opt, &features, &err), err);
    assert_ok(reel_features_rows(features, asked, COUNT_OF(asked), &rows, &err), err);
    const struct reel_csr *text = block_of(&rows, "text")->sparse;
    assert_true(cosine(text, 0, 1) > 0.5);
    assert_true(cosine(text, 0, 1) > cosine(text, 0, 2));
    assert_float_equal(cosine(text, 0, 3), 0, 1e-6);
    assert_float_equal(cosine(text, 0, 0), 1, 1e-5);
    reel_feature_rows_release(&rows);
    reel_features_free(features);
}

static void impossible_options_are_refused(void **state)
{
    (void)state;
    struct reel_features_options opt = reel_features_options_default();
    struct reel_features *features;
    struct reel_error err;
    assert_int_equal(reel_features_fit(texts, 0, &opt, &features, &err), REEL_EINVAL);
    assert_int_equal(reel_features_fit(&texts[4], 1, &opt, &features, &err), REEL_EINVAL);
    opt.n_gram = 4;
    assert_int_equal(reel_features_fit(texts, 5, &opt, &features, &err), REEL_EINVAL);
    assert_null(features);
}

static bool stop_at_once(const char *stage, double done, double total, void *payload)
{
    (void)done;
    (void)total;
    return strcmp(stage, payload) != 0;
}

static void a_fit_can_be_stopped_at_each_stage(void **state)
{
    (void)state;
    static const char *const stage[] = {"texts", "lsa", "word vectors"};
    for (size_t i = 0; i < COUNT_OF(stage); i++) {
        struct reel_features_options opt = reel_features_options_default();
        struct reel_features *features;
        struct reel_error err;
        opt.n_vector = 4;
        opt.progress = (struct reel_progress){stop_at_once, (void *)(uintptr_t)stage[i]};
        assert_int_equal(reel_features_fit(texts, 5, &opt, &features, &err),
                         REEL_ECANCELLED);
        assert_null(features);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct reel_features_options opt = reel_features_options_default();
    struct reel_features *features;
    struct reel_feature_rows rows;
    struct reel_error err;
    opt.n_lsa = 2;
    opt.n_vector = 4;
    opt.bridge = bridge;
    opt.n_bridge = COUNT_OF(bridge);
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        enum reel_status rc = reel_features_fit(texts, 5, &opt, &features, &err);
        if (rc == REEL_OK) {
            rc = reel_features_rows(features, texts, 5, &rows, &err);
            reel_features_free(features);
        }
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            reel_feature_rows_release(&rows);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_of_one_text_only_are_left_out),
        cmocka_unit_test(pairs_keep_the_words_between),
        cmocka_unit_test(every_row_has_length_one_or_zero),
        cmocka_unit_test(a_decade_fades_into_the_next),
        cmocka_unit_test(embeddings_are_passed_on),
        cmocka_unit_test(a_saved_extractor_gives_the_same_rows),
        cmocka_unit_test(a_signed_header_that_lies_is_refused),
        cmocka_unit_test(the_same_seed_gives_the_same_bits),
        cmocka_unit_test(a_bridge_joins_two_languages),
        cmocka_unit_test(impossible_options_are_refused),
        cmocka_unit_test(a_fit_can_be_stopped_at_each_stage),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
