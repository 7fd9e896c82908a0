/**
 * The extractor: fitted on texts, then rows of the same columns for any text.
 *
 * Not here: counting and weighing (feat_tfidf.c), what is latent (feat_lsa.c), word vectors
 * (feat_skipgram.c), the block and the file (feat_core.c).
 */
#include "base_alloc.h"
#include "base_error.h"
#include "base_linalg.h"
#include "feat_core.h"
#include "feat_lsa.h"
#include "feat_skipgram.h"
#include "feat_tfidf.h"

#include <string.h>

struct reel_features_options reel_features_options_default(void)
{
    return (struct reel_features_options){
        .n_gram = 2,
        .n_text_min = 2,
        .n_terms_max = 200000,
        .n_lsa = 200,
        .seed = 1,
        .n_threads = 1,
    };
}

/* ---- fitting ---- */

/** Everything that is known while an extractor is made. */
struct fitting {
    const struct reel_features_options *opt;
    const struct reel_feature_text *text; /* films, then the bridge */
    struct reel_feature_text *joined;     /* where both had to be laid side by side */
    int32_t n;
    struct feat_words words;
    struct feat_count count[FEAT_N_KINDS];
    struct base_pool *pool;
};

static enum reel_status check_options(const struct reel_features_options *opt, int32_t n,
                                      struct reel_error *err)
{
    if (opt->n_gram < 1 || opt->n_gram > 3 || opt->n_text_min < 1 ||
        opt->n_terms_max < 1 || opt->n_lsa < 0 || opt->n_lsa > 4096 ||
        opt->n_vector < 0 || opt->n_vector > 4096 || opt->n_embedding < 0 ||
        opt->n_embedding > 1 << 16) {
        return fail(err, REEL_EINVAL,
                    "features: %d words a term (1 .. 3), %d texts at least, %d terms at "
                    "most, %d + %d + %d columns",
                    opt->n_gram, opt->n_text_min, opt->n_terms_max, opt->n_lsa,
                    opt->n_vector, opt->n_embedding);
    }
    return n > 0 && opt->n_bridge >= 0 ? REEL_OK
                                       : fail(err, REEL_EINVAL, "features: %d texts", n);
}

// The texts to learn from as one array, the bridge behind the rest.
static enum reel_status join_texts(struct fitting *f,
                                   const struct reel_feature_text *text, int32_t n,
                                   struct reel_error *err)
{
    f->text = text;
    f->n = n;
    if (f->opt->n_bridge == 0) {
        return REEL_OK;
    }
    const size_t n_all = (size_t)n + (size_t)f->opt->n_bridge;
    f->joined = base_alloc_array(n_all, sizeof *f->joined);
    if (!f->joined || n_all > INT32_MAX) {
        return fail(err, REEL_ENOMEM, "%zu texts", n_all);
    }
    memcpy(f->joined, text, (size_t)n * sizeof *text);
    memcpy(f->joined + n, f->opt->bridge, (size_t)f->opt->n_bridge * sizeof *text);
    f->text = f->joined;
    f->n = (int32_t)n_all;
    return REEL_OK;
}

static enum reel_status count_all(struct fitting *f, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < f->n; i++) {
        if (i % 256 == 0 && !base_progress_report(&f->opt->progress, "texts", i, f->n)) {
            return fail(err, REEL_ECANCELLED, "stopped while counting words");
        }
        rc = feat_count_text(f->count, &f->words, &f->text[i], i, f->opt->n_gram, err);
    }
    int32_t n_terms = 0;
    for (int kind = 0; rc == REEL_OK && kind < FEAT_N_KINDS; kind++) {
        const bool is_year = kind == FEAT_YEAR;
        feat_count_select(&f->count[kind], is_year ? 1 : f->opt->n_text_min,
                          f->opt->n_terms_max);
        n_terms += f->count[kind].n;
    }
    return rc || n_terms > 0
               ? rc
               : fail(err, REEL_EINVAL, "features: no term is in %d of %d texts",
                      f->opt->n_text_min, f->n);
}

static struct feat_header plan_header(const struct fitting *f)
{
    const struct reel_features_options *opt = f->opt;
    struct feat_header header = {.n_gram = opt->n_gram,
                                 .n_text_min = opt->n_text_min,
                                 .n_terms_max = opt->n_terms_max,
                                 .n_lsa = opt->n_lsa,
                                 .n_vector = opt->n_vector,
                                 .n_embedding = opt->n_embedding,
                                 .n_threads = opt->n_threads,
                                 .n_texts = f->n,
                                 .seed = opt->seed};
    for (int kind = 0; kind < FEAT_N_KINDS; kind++) {
        header.n_terms[kind] = f->count[kind].n;
    }
    const struct feat_count *text = &f->count[FEAT_TEXT];
    while (header.n_words < text->n && text->term[header.n_words].n_words == 1) {
        header.n_words++;
    }
    const int32_t n_most = f->n < text->n ? f->n : text->n;
    header.n_lsa = header.n_lsa < n_most ? header.n_lsa : n_most;
    header.n_vector = header.n_words > 0 ? header.n_vector : 0;
    return header;
}

static enum reel_status make_block(const struct fitting *f, struct reel_features **out,
                                   struct reel_error *err)
{
    const struct feat_header header = plan_header(f);
    struct feat_section section[FEAT_N_ROLES];
    int32_t n = 0;
    for (int kind = 0; kind < FEAT_N_KINDS; kind++) {
        const struct feat_count *count = &f->count[kind];
        const uint64_t n_terms = (uint64_t)count->n;
        uint64_t n_key_bytes = 0;
        for (int32_t i = 0; i < count->n; i++) {
            n_key_bytes += strlen(count->keys.data + count->term[i].key) + 1;
        }
        const enum feat_kind k = (enum feat_kind)kind;
        section[n++] = (struct feat_section){feat_role_of(k, FEAT_KEYS), 1, n_key_bytes};
        section[n++] = (struct feat_section){feat_role_of(k, FEAT_KEY_START),
                                             sizeof(int64_t), n_terms + 1};
        section[n++] =
            (struct feat_section){feat_role_of(k, FEAT_IDF), sizeof(float), n_terms};
        section[n++] = (struct feat_section){feat_role_of(k, FEAT_SLOTS), sizeof(int32_t),
                                             feat_slots_n(count->n)};
    }
    if (header.n_lsa > 0) {
        const uint64_t n_lsa = (uint64_t)header.n_lsa;
        section[n++] = (struct feat_section){FEAT_LSA, sizeof(float),
                                             (uint64_t)header.n_terms[FEAT_TEXT] * n_lsa};
        section[n++] = (struct feat_section){FEAT_LSA_VALUES, sizeof(float), n_lsa};
    }
    if (header.n_vector > 0) {
        section[n++] =
            (struct feat_section){FEAT_VECTORS, sizeof(float),
                                  (uint64_t)header.n_words * (uint64_t)header.n_vector};
    }
    return feat_create(&header, section, n, out, err);
}

static void fill_terms(struct reel_features *features, enum feat_kind kind,
                       const struct feat_count *count)
{
    char *keys = feat_section_at(features, feat_role_of(kind, FEAT_KEYS));
    int64_t *start = feat_section_at(features, feat_role_of(kind, FEAT_KEY_START));
    float *idf = feat_section_at(features, feat_role_of(kind, FEAT_IDF));
    for (int32_t i = 0; i < count->n; i++) {
        const char *key = count->keys.data + count->term[i].key;
        const size_t n_bytes = strlen(key) + 1;
        memcpy(keys + start[i], key, n_bytes);
        start[i + 1] = start[i] + (int64_t)n_bytes;
        idf[i] = feat_idf(features->header->n_texts, count->term[i].n_texts);
    }
    feat_slots_fill(features, kind);
}

static enum reel_status learn_lsa(struct fitting *f, struct reel_features *features,
                                  struct reel_error *err)
{
    struct base_csr rows;
    enum reel_status rc =
        feat_tfidf_rows(features, FEAT_TEXT, f->text, f->n, &f->words, &rows, err);
    if (rc == REEL_OK) {
        rc = feat_lsa_fit(&rows.csr, features->header->n_lsa, f->opt->seed, f->pool,
                          &f->opt->progress, feat_section_at(features, FEAT_LSA),
                          feat_section_at(features, FEAT_LSA_VALUES), err);
        base_csr_release(&rows);
    }
    return rc;
}

static enum reel_status fit(struct fitting *f, struct reel_features **out,
                            struct reel_error *err)
{
    enum reel_status rc = count_all(f, err);
    rc = rc ? rc : make_block(f, out, err);
    for (int kind = 0; rc == REEL_OK && kind < FEAT_N_KINDS; kind++) {
        fill_terms(*out, (enum feat_kind)kind, &f->count[kind]);
    }
    if (rc == REEL_OK && (*out)->header->n_lsa > 0) {
        rc = learn_lsa(f, *out, err);
    }
    if (rc == REEL_OK && (*out)->header->n_vector > 0) {
        rc = feat_vectors_fit(*out, f->text, f->n, &f->words, f->pool, &f->opt->progress,
                              err);
    }
    return rc;
}

enum reel_status reel_features_fit(const struct reel_feature_text *text, int32_t n,
                                   const struct reel_features_options *opt,
                                   struct reel_features **out, struct reel_error *err)
{
    *out = NULL;
    struct fitting f = {.opt = opt};
    enum reel_status rc = check_options(opt, n, err);
    if (rc) {
        return rc;
    }
    base_linalg_threads(1);
    rc = feat_words_init(&f.words, err);
    for (int kind = 0; rc == REEL_OK && kind < FEAT_N_KINDS; kind++) {
        rc = feat_count_init(&f.count[kind], err);
    }
    rc = rc ? rc : join_texts(&f, text, n, err);
    rc = rc ? rc : base_pool_create(opt->n_threads, &f.pool, err);
    rc = rc ? rc : fit(&f, out, err);
    base_pool_free(f.pool);
    for (int kind = 0; kind < FEAT_N_KINDS; kind++) {
        feat_count_release(&f.count[kind]);
    }
    feat_words_release(&f.words);
    base_free(f.joined);
    if (rc) {
        reel_features_free(*out);
        *out = NULL;
    }
    return rc;
}

/* ---- rows ---- */

enum { N_BLOCKS_MAX = FEAT_N_KINDS + 3 };

struct owned_rows {
    struct reel_feature_block block[N_BLOCKS_MAX];
    struct base_csr sparse[FEAT_N_KINDS];
    float *dense[3];
};

static float *add_dense(struct owned_rows *rows, int which, const char *name, int32_t n,
                        int32_t n_cols, int32_t *n_blocks, struct reel_error *err)
{
    float *dense = base_alloc_zeroed((size_t)n * (size_t)n_cols, sizeof *dense);
    if (!dense) {
        fail(err, REEL_ENOMEM, "%d rows of %d %s columns", n, n_cols, name);
        return NULL;
    }
    rows->dense[which] = dense;
    rows->block[(*n_blocks)++] =
        (struct reel_feature_block){.name = name, n, n_cols, NULL, dense};
    return dense;
}

static enum reel_status make_sparse(const struct reel_features *features,
                                    const struct reel_feature_text *text, int32_t n,
                                    struct owned_rows *rows, int32_t *n_blocks,
                                    struct reel_error *err)
{
    struct feat_words words;
    enum reel_status rc = feat_words_init(&words, err);
    for (int kind = 0; rc == REEL_OK && kind < FEAT_N_KINDS; kind++) {
        const int32_t n_cols = features->header->n_terms[kind];
        if (n_cols == 0) {
            continue;
        }
        rc = feat_tfidf_rows(features, (enum feat_kind)kind, text, n, &words,
                             &rows->sparse[kind], err);
        rows->block[(*n_blocks)++] = (struct reel_feature_block){
            feat_kind_name[kind], n, n_cols, &rows->sparse[kind].csr, NULL};
    }
    feat_words_release(&words);
    return rc;
}

static enum reel_status make_dense(const struct reel_features *features,
                                   const struct reel_feature_text *text, int32_t n,
                                   struct owned_rows *rows, int32_t *n_blocks,
                                   struct reel_error *err)
{
    const struct feat_header *header = features->header;
    const struct reel_csr *words = &rows->sparse[FEAT_TEXT].csr;
    if (header->n_lsa > 0) {
        const size_t k = (size_t)header->n_lsa;
        float *lsa = add_dense(rows, 0, "lsa", n, header->n_lsa, n_blocks, err);
        for (int32_t i = 0; lsa && i < n; i++) {
            feat_lsa_project(words, i, feat_section_at(features, FEAT_LSA), header->n_lsa,
                             lsa + (size_t)i * k);
        }
        if (!lsa) {
            return REEL_ENOMEM;
        }
    }
    if (header->n_vector > 0) {
        float *mean = add_dense(rows, 1, "vector", n, header->n_vector, n_blocks, err);
        if (!mean) {
            return REEL_ENOMEM;
        }
        feat_vectors_mean(features, words, mean);
    }
    if (header->n_embedding > 0) {
        const size_t k = (size_t)header->n_embedding;
        float *to =
            add_dense(rows, 2, "embedding", n, header->n_embedding, n_blocks, err);
        for (int32_t i = 0; to && i < n; i++) {
            if (text[i].embedding) {
                memcpy(to + (size_t)i * k, text[i].embedding, k * sizeof *to);
            }
        }
        return to ? REEL_OK : REEL_ENOMEM;
    }
    return REEL_OK;
}

enum reel_status reel_features_rows(const struct reel_features *features,
                                    const struct reel_feature_text *text, int32_t n,
                                    struct reel_feature_rows *out, struct reel_error *err)
{
    *out = (struct reel_feature_rows){0};
    if (n < 0) {
        return fail(err, REEL_EINVAL, "features: %d texts", n);
    }
    struct owned_rows *rows = base_alloc_zeroed(1, sizeof *rows);
    if (!rows) {
        return fail(err, REEL_ENOMEM, "features of %d texts", n);
    }
    *out = (struct reel_feature_rows){.block = rows->block, .owned = rows};
    enum reel_status rc = make_sparse(features, text, n, rows, &out->n_blocks, err);
    rc = rc ? rc : make_dense(features, text, n, rows, &out->n_blocks, err);
    if (rc) {
        reel_feature_rows_release(out);
    }
    return rc;
}

void reel_feature_rows_release(struct reel_feature_rows *out)
{
    struct owned_rows *rows = out->owned;
    for (int kind = 0; rows && kind < FEAT_N_KINDS; kind++) {
        base_csr_release(&rows->sparse[kind]);
    }
    for (int i = 0; rows && i < 3; i++) {
        base_free(rows->dense[i]);
    }
    base_free(rows);
    *out = (struct reel_feature_rows){0};
}
