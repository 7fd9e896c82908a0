/**
 * The extractor: fitted on texts, then rows of the same columns for any text.
 *
 * Not here: counting and weighing (feat_tfidf.c), translations (feat_bridge.c), what is latent
 * (feat_lsa.c), word vectors (feat_skipgram.c), the block and the file (feat_core.c).
 */
#include "base_alloc.h"
#include "base_error.h"
#include "base_linalg.h"
#include "feat_bridge.h"
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
    const struct reel_feature_text *text;
    int32_t n;
    struct feat_words words;
    struct feat_count count[FEAT_N_KINDS];
    struct base_csr bridge; /* learned translations, where there are any */
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

static enum reel_status count_all(struct fitting *f, struct reel_error *err)
{
    const int32_t n_all = f->n + f->opt->n_bridge;
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n_all; i++) {
        const bool is_bridge = i >= f->n;
        const struct reel_feature_text *text =
            is_bridge ? &f->opt->bridge[i - f->n] : &f->text[i];
        if (i % 256 == 0 && !base_progress_report(&f->opt->progress, "texts", i, n_all)) {
            return fail(err, REEL_ECANCELLED, "stopped while counting words");
        }
        rc =
            feat_count_text(f->count, &f->words, text, i, f->opt->n_gram, is_bridge, err);
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

/** A list of sections that grows. */
struct plan {
    struct feat_section section[FEAT_N_ROLES];
    int32_t n;
};

static void plan_add(struct plan *plan, int role, size_t item_bytes, uint64_t n_items)
{
    plan->section[plan->n++] = (struct feat_section){role, (uint32_t)item_bytes, n_items};
}

static void plan_kind(struct plan *plan, enum feat_kind kind,
                      const struct feat_count *count)
{
    const uint64_t n_terms = (uint64_t)count->n;
    uint64_t n_key_bytes = 0;
    for (int32_t i = 0; i < count->n; i++) {
        n_key_bytes += strlen(count->keys.data + count->term[i].key) + 1;
    }
    plan_add(plan, feat_role_of(kind, FEAT_KEYS), 1, n_key_bytes);
    plan_add(plan, feat_role_of(kind, FEAT_KEY_START), sizeof(int64_t), n_terms + 1);
    plan_add(plan, feat_role_of(kind, FEAT_IDF), sizeof(float), n_terms);
    plan_add(plan, feat_role_of(kind, FEAT_SLOTS), sizeof(int32_t),
             feat_slots_n(count->n));
}

static enum reel_status make_block(const struct fitting *f, struct reel_features **out,
                                   struct reel_error *err)
{
    const struct feat_header header = plan_header(f);
    const uint64_t n_lsa = (uint64_t)header.n_lsa, n_words = (uint64_t)header.n_words;
    struct plan plan = {.n = 0};
    for (int kind = 0; kind < FEAT_N_KINDS; kind++) {
        plan_kind(&plan, (enum feat_kind)kind, &f->count[kind]);
    }
    if (n_lsa > 0) {
        plan_add(&plan, FEAT_LSA, sizeof(float),
                 (uint64_t)header.n_terms[FEAT_TEXT] * n_lsa);
        plan_add(&plan, FEAT_LSA_VALUES, sizeof(float), n_lsa);
    }
    if (header.n_vector > 0) {
        plan_add(&plan, FEAT_VECTORS, sizeof(float), n_words * (uint64_t)header.n_vector);
    }
    if (f->bridge.start) {
        const uint64_t n_entries = (uint64_t)f->bridge.start[n_words];
        plan_add(&plan, FEAT_BRIDGE_START, sizeof(int64_t), n_words + 1);
        plan_add(&plan, FEAT_BRIDGE_COL, sizeof(int32_t), n_entries);
        plan_add(&plan, FEAT_BRIDGE_VALUE, sizeof(float), n_entries);
    }
    return feat_create(&header, plan.section, plan.n, out, err);
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

static enum reel_status make_terms(const struct fitting *f, struct reel_features **out,
                                   struct reel_error *err)
{
    const enum reel_status rc = make_block(f, out, err);
    for (int kind = 0; rc == REEL_OK && kind < FEAT_N_KINDS; kind++) {
        fill_terms(*out, (enum feat_kind)kind, &f->count[kind]);
    }
    return rc;
}

/** Phrases of words that are read as others answer to nothing: they count no more. */
static void silence_phrases(struct reel_features *features)
{
    const struct reel_csr bridge = feat_bridge(features);
    float *idf = feat_section_at(features, feat_role_of(FEAT_TEXT, FEAT_IDF));
    for (int32_t i = bridge.n_rows; i < features->header->n_terms[FEAT_TEXT]; i++) {
        const char *word = feat_key(features, FEAT_TEXT, i);
        while (word) {
            const size_t n_bytes = strcspn(word, " ");
            const int32_t col = feat_find(features, FEAT_TEXT, word, n_bytes);
            if (col >= 0 && col < bridge.n_rows &&
                bridge.start[col] < bridge.start[col + 1]) {
                idf[i] = 0;
            }
            word = word[n_bytes] ? word + n_bytes + 1 : NULL;
        }
    }
}

/** What words mean is learned before the block is laid out: it decides the sizes. */
static enum reel_status learn_bridge(struct fitting *f, struct reel_error *err)
{
    struct reel_features *draft = NULL;
    enum reel_status rc = make_terms(f, &draft, err);
    rc = rc ? rc
            : feat_bridge_learn(draft, f->opt->bridge, f->opt->n_bridge, &f->words,
                                &f->bridge, err);
    reel_features_free(draft);
    return rc;
}

static void keep_bridge(const struct fitting *f, struct reel_features *features)
{
    const size_t n_words = (size_t)features->header->n_words;
    const size_t n_entries = (size_t)f->bridge.start[n_words];
    memcpy(feat_section_at(features, FEAT_BRIDGE_START), f->bridge.start,
           (n_words + 1) * sizeof *f->bridge.start);
    memcpy(feat_section_at(features, FEAT_BRIDGE_COL), f->bridge.col,
           n_entries * sizeof *f->bridge.col);
    memcpy(feat_section_at(features, FEAT_BRIDGE_VALUE), f->bridge.value,
           n_entries * sizeof *f->bridge.value);
    silence_phrases(features);
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
    if (rc == REEL_OK && f->opt->n_bridge > 0) {
        rc = learn_bridge(f, err);
    }
    rc = rc ? rc : make_terms(f, out, err);
    if (rc == REEL_OK && f->bridge.start) {
        keep_bridge(f, *out);
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
    struct fitting f = {.opt = opt, .text = text, .n = n};
    enum reel_status rc = check_options(opt, n, err);
    if (rc) {
        return rc;
    }
    base_linalg_threads(1);
    feat_words_init(&f.words);
    for (int kind = 0; rc == REEL_OK && kind < FEAT_N_KINDS; kind++) {
        rc = feat_count_init(&f.count[kind], err);
    }
    rc = rc ? rc : base_pool_create(opt->n_threads, &f.pool, err);
    rc = rc ? rc : fit(&f, out, err);
    base_pool_free(f.pool);
    for (int kind = 0; kind < FEAT_N_KINDS; kind++) {
        feat_count_release(&f.count[kind]);
    }
    feat_words_release(&f.words);
    base_csr_release(&f.bridge);
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
    enum reel_status rc = REEL_OK;
    feat_words_init(&words);
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
