/**
 * What numbers of a row add, told by the words that made them.
 *
 *   text    w_t s_t
 *   lsa     sum_f (sum_t w_t L_tf) s_f / |w L|         = sum_t w_t (L_t . s) / |w L|
 *   vector  sum_f (sum_t w_t V_tf) s_f / sum_t w_t     = sum_t w_t (V_t . s) / sum_t w_t
 *
 * so the amount of term t is w_t times the sum of the three; w_t is made by everything in the
 * text that is read as t, and is divided in proportion.
 */
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"
#include "base_hash.h"
#include "feat_tfidf.h"

#include <forkreel/text.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX_BYTES = 1 << 28 };

struct found {
    size_t name; /* offset in `names`; SIZE_MAX: none */
    const char *kind;
    double amount;
};

struct telling {
    const struct reel_features *features;
    const struct reel_feature_text *text;
    const struct reel_feature_rows *rows;
    int32_t row;
    const struct reel_feature_part *part;
    int64_t n_parts;
    struct feat_words words, spelt;
    struct base_hash *seen;   /* kind and name to its place in `found` */
    struct base_buffer names; /* each ended by NUL */
    struct base_buffer desk;
    struct found *found;
    int32_t n, room;
    float *raw, *amount; /* (entries of the text's row) */
};

static enum reel_status add(struct telling *t, const char *kind, const char *name,
                            double amount, struct reel_error *err)
{
    base_buffer_clear(&t->desk);
    if (t->n == t->room) {
        const int32_t room = t->room ? 2 * t->room : 64;
        void *found = base_realloc_array(t->found, (size_t)room, sizeof *t->found);
        if (!found) {
            return fail(err, REEL_ENOMEM, "reasons of a text");
        }
        t->found = found;
        t->room = room;
    }
    bool is_new = false;
    const bool is_keyed = base_buffer_add_text(&t->desk, kind) &&
                          base_buffer_add_char(&t->desk, ':') &&
                          base_buffer_add_text(&t->desk, name ? name : "");
    const int64_t *at = is_keyed
                            ? base_hash_get_or_add(t->seen, base_buffer_text(&t->desk),
                                                   t->desk.n_bytes, t->n, &is_new)
                            : NULL;
    if (!at) {
        return fail(err, REEL_ENOMEM, "reasons of a text");
    }
    if (is_new) {
        t->found[t->n++] = (struct found){name ? t->names.n_bytes : SIZE_MAX, kind, 0};
        if (name && !(base_buffer_add_text(&t->names, name) &&
                      base_buffer_add_char(&t->names, '\0'))) {
            return fail(err, REEL_ENOMEM, "reasons of a text");
        }
    }
    t->found[*at].amount += amount;
    return REEL_OK;
}

static const struct reel_feature_block *block_of(const struct telling *t,
                                                 const char *name)
{
    for (int32_t b = 0; b < t->rows->n_blocks; b++) {
        if (strcmp(t->rows->block[b].name, name) == 0) {
            return &t->rows->block[b];
        }
    }
    return NULL;
}

// ---- words of the text ----

/** Slopes of a dense block (n), 0 where no part speaks of it. */
static void slopes_of(const struct telling *t, const char *name, float *slope, size_t n)
{
    const struct reel_feature_block *block = block_of(t, name);
    memset(slope, 0, n * sizeof *slope);
    for (int64_t p = 0; block && p < t->n_parts; p++) {
        if (&t->rows->block[t->part[p].block] == block) {
            slope[t->part[p].col] = t->part[p].slope;
        }
    }
}

/** The length of sum w_t x_t, or the sum of the weights. */
static double divisor_of(const struct telling *t, const struct reel_csr *words,
                         const float *x, size_t n_cols, int32_t n_terms, bool is_mean)
{
    const int64_t begin = words->start[t->row], end = words->start[t->row + 1];
    double total = 0, square = 0;
    for (int64_t e = begin; e < end && words->col[e] < n_terms; e++) {
        total += (double)words->value[e];
    }
    for (size_t f = 0; f < n_cols && !is_mean; f++) {
        double sum = 0;
        for (int64_t e = begin; e < end && words->col[e] < n_terms; e++) {
            sum += (double)words->value[e] * x[(size_t)words->col[e] * n_cols + f];
        }
        square += sum * sum;
    }
    return is_mean ? total : sqrt(square);
}

/** amount (entries) += w_t (x_t . slope) / divisor for the first n_terms terms. */
static enum reel_status add_latent(struct telling *t, const struct reel_csr *words,
                                   const char *name, enum feat_role role, size_t n_cols,
                                   int32_t n_terms, bool is_mean, struct reel_error *err)
{
    if (n_cols == 0) {
        return REEL_OK;
    }
    float *slope = base_alloc_array(n_cols, sizeof *slope);
    if (!slope) {
        return fail(err, REEL_ENOMEM, "reasons of a text");
    }
    slopes_of(t, name, slope, n_cols);
    const float *x = feat_section_at(t->features, role);
    const int64_t begin = words->start[t->row], end = words->start[t->row + 1];
    const double divisor = divisor_of(t, words, x, n_cols, n_terms, is_mean);
    for (int64_t e = begin; divisor > 0 && e < end && words->col[e] < n_terms; e++) {
        double sum = 0;
        for (size_t f = 0; f < n_cols; f++) {
            sum += (double)x[(size_t)words->col[e] * n_cols + f] * slope[f];
        }
        t->amount[e - begin] += (float)((double)words->value[e] * sum / divisor);
    }
    base_free(slope);
    return REEL_OK;
}

/**
 * What the term at `i`, `k` words long, adds by all that it is read as; when counting, how
 * often it stands there is noted instead.
 */
static double occurrence(struct telling *t, const struct reel_csr *words, int32_t i,
                         int32_t k, bool is_counting)
{
    size_t n_bytes;
    const char *key = feat_words_term(&t->words, i, k, &n_bytes);
    const int32_t col = feat_find(t->features, FEAT_TEXT, key, n_bytes);
    const struct reel_csr bridge = feat_bridge(t->features);
    const int64_t begin = words->start[t->row];
    double amount = 0;
    if (col < 0) {
        return 0;
    }
    const bool is_read = k == 1 && bridge.start && col < bridge.n_rows &&
                         bridge.start[col] < bridge.start[col + 1];
    const int64_t first = is_read ? bridge.start[col] : 0;
    const int64_t last = is_read ? bridge.start[col + 1] : 1;
    for (int64_t b = first; b < last; b++) {
        const float w = is_read ? bridge.value[b] : 1;
        const int64_t e =
            base_csr_find(words, t->row, is_read ? bridge.col[b] : col) - begin;
        if (e < 0) {
            continue; // of no weight
        }
        if (is_counting) {
            t->raw[e] += w;
        } else if (t->raw[e] > 0) {
            amount += (double)t->amount[e] * w / t->raw[e];
        }
    }
    return amount;
}

static bool is_han(const char *word)
{
    return (unsigned char)word[0] >= 0xe3 && (unsigned char)word[0] <= 0xe9;
}

/** The term as the text spells it, into `words.name`. */
static const char *spelling(struct telling *t, int32_t i, int32_t k)
{
    const bool is_alike = feat_words_n(&t->spelt, k) == feat_words_n(&t->words, k);
    size_t n_bytes;
    const char *term = feat_words_term(is_alike ? &t->spelt : &t->words, i, k, &n_bytes);
    struct base_buffer *out = &t->words.name;
    bool is_whole = true;
    base_buffer_clear(out);
    for (size_t c = 0; c < n_bytes && is_whole; c++) {
        // No blank before a Chinese word.
        is_whole = (term[c] == ' ' && c + 1 < n_bytes && is_han(term + c + 1)) ||
                   base_buffer_add_char(out, term[c]);
    }
    return is_whole ? base_buffer_text(out) : NULL;
}

static enum reel_status visit(struct telling *t, const struct reel_csr *words,
                              const char *text, bool is_counting, struct reel_error *err)
{
    enum reel_status rc = feat_words_cut(&t->words, text, err);
    if (rc == REEL_OK && !is_counting) {
        rc = feat_words_spell(&t->spelt, text, err);
    }
    const int32_t n_gram = t->features->header->n_gram;
    for (int32_t k = 1; rc == REEL_OK && k <= n_gram; k++) {
        for (int32_t i = 0; rc == REEL_OK && i < feat_words_n(&t->words, k); i++) {
            const double amount = occurrence(t, words, i, k, is_counting);
            if (fabs(amount) > 0) {
                const char *name = spelling(t, i, k);
                rc = name ? add(t, feat_kind_name[FEAT_TEXT], name, amount, err)
                          : fail(err, REEL_ENOMEM, "reasons of a text");
            }
        }
    }
    return rc;
}

static enum reel_status tell_words(struct telling *t, struct reel_error *err)
{
    const struct feat_header *header = t->features->header;
    const struct reel_feature_block *block = block_of(t, feat_kind_name[FEAT_TEXT]);
    const struct reel_csr *words = block ? block->sparse : NULL;
    if (!words) {
        return REEL_OK;
    }
    const int64_t begin = words->start[t->row];
    const size_t n = (size_t)(words->start[t->row + 1] - begin);
    t->raw = base_alloc_zeroed(2 * n + 1, sizeof *t->raw);
    if (!t->raw) {
        return fail(err, REEL_ENOMEM, "reasons of a text of %zu terms", n);
    }
    t->amount = t->raw + n;
    for (int64_t p = 0; p < t->n_parts; p++) {
        const int64_t e = &t->rows->block[t->part[p].block] == block
                              ? base_csr_find(words, t->row, t->part[p].col) - begin
                              : -1;
        if (e >= 0) {
            t->amount[e] += t->part[p].value * t->part[p].slope;
        }
    }
    enum reel_status rc = add_latent(t, words, "lsa", FEAT_LSA, (size_t)header->n_lsa,
                                     header->n_terms[FEAT_TEXT], false, err);
    rc = rc ? rc
            : add_latent(t, words, "vector", FEAT_VECTORS, (size_t)header->n_vector,
                         header->n_words, true, err);
    for (int told = 0; rc == REEL_OK && told < 2; told++) {
        rc = visit(t, words, t->text->text, told == 0, err);
        rc = rc ? rc : visit(t, words, t->text->translation, told == 0, err);
    }
    return rc;
}

// ---- names, the year, the text as a whole ----

static double amount_of(const struct telling *t, const struct reel_feature_block *block,
                        int32_t col)
{
    double sum = 0;
    for (int64_t p = 0; p < t->n_parts; p++) {
        const struct reel_feature_part *part = &t->part[p];
        if (&t->rows->block[part->block] == block && (col < 0 || part->col == col)) {
            sum += (double)part->value * part->slope;
        }
    }
    return sum;
}

/** Two names that fold to one are told as the first of them. */
static enum reel_status tell_names(struct telling *t, enum feat_kind kind,
                                   const char *prefix, const char *const *name, int32_t n,
                                   struct reel_error *err)
{
    const struct reel_feature_block *block = block_of(t, feat_kind_name[kind]);
    enum reel_status rc = REEL_OK;
    int32_t *told = block && n > 0 ? base_alloc_array((size_t)n, sizeof *told) : NULL;
    if (block && n > 0 && !told) {
        return fail(err, REEL_ENOMEM, "reasons of %d names", n);
    }
    for (int32_t i = 0; rc == REEL_OK && told && i < n; i++) {
        const char *key;
        size_t n_bytes;
        rc = feat_words_name(&t->words, prefix, name[i], &key, &n_bytes, err);
        told[i] = rc ? -1 : feat_find(t->features, kind, key, n_bytes);
        bool is_first = told[i] >= 0;
        for (int32_t j = 0; j < i; j++) {
            is_first = is_first && told[j] != told[i];
        }
        if (rc == REEL_OK && is_first) {
            rc = add(t, feat_kind_name[kind], name[i], amount_of(t, block, told[i]), err);
        }
    }
    base_free(told);
    return rc;
}

static enum reel_status tell_rest(struct telling *t, struct reel_error *err)
{
    const struct reel_feature_text *text = t->text;
    enum reel_status rc =
        tell_names(t, FEAT_PEOPLE, "person:", text->people, text->n_people, err);
    rc =
        rc ? rc : tell_names(t, FEAT_GENRES, "genre:", text->genres, text->n_genres, err);
    rc = rc ? rc
            : tell_names(t, FEAT_KEYWORDS, "keyword:", text->keywords, text->n_keywords,
                         err);
    rc = rc ? rc : tell_names(t, FEAT_FACTS, "fact:", text->facts, text->n_facts, err);
    const struct reel_feature_block *year = block_of(t, feat_kind_name[FEAT_YEAR]);
    if (rc == REEL_OK && year && text->year > 0) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", text->year);
        rc = add(t, year->name, name, amount_of(t, year, -1), err);
    }
    const struct reel_feature_block *embedding = block_of(t, "embedding");
    if (rc == REEL_OK && embedding) {
        rc = add(t, embedding->name, NULL, amount_of(t, embedding, -1), err);
    }
    return rc;
}

// ---- what goes out ----

struct owned_reasons {
    struct reel_feature_reason *reason;
    char *names;
};

static int by_size(const void *a, const void *b)
{
    const struct reel_feature_reason *x = a, *y = b;
    const double p = fabs(x->amount), q = fabs(y->amount);
    if (p < q || p > q) {
        return p < q ? 1 : -1;
    }
    return strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

static enum reel_status give(struct telling *t, struct reel_feature_reasons *out,
                             struct reel_error *err)
{
    struct owned_reasons *owned = base_alloc_zeroed(1, sizeof *owned);
    const size_t n_bytes = t->names.n_bytes;
    if (owned) {
        out->owned = owned;
        owned->reason = base_alloc_array((size_t)t->n + 1, sizeof *owned->reason);
        owned->names = base_alloc_array(n_bytes + 1, 1);
    }
    if (!owned || !owned->reason || !owned->names) {
        return fail(err, REEL_ENOMEM, "%d reasons", t->n);
    }
    if (n_bytes > 0) {
        memcpy(owned->names, t->names.data, n_bytes);
    }
    for (int32_t i = 0; i < t->n; i++) {
        const struct found *found = &t->found[i];
        if (fabs(found->amount) > 0) {
            owned->reason[out->n++] = (struct reel_feature_reason){
                found->kind, found->name == SIZE_MAX ? NULL : owned->names + found->name,
                found->amount};
        }
    }
    out->reason = owned->reason;
    if (out->n > 1) {
        qsort(owned->reason, (size_t)out->n, sizeof *owned->reason, by_size);
    }
    return REEL_OK;
}

void reel_feature_reasons_release(struct reel_feature_reasons *reasons)
{
    struct owned_reasons *owned = reasons->owned;
    if (owned) {
        base_free(owned->reason);
        base_free(owned->names);
        base_free(owned);
    }
    *reasons = (struct reel_feature_reasons){0};
}

enum reel_status reel_features_reasons(const struct reel_features *features,
                                       const struct reel_feature_text *text,
                                       const struct reel_feature_rows *rows, int32_t row,
                                       const struct reel_feature_part *part,
                                       int64_t n_parts, struct reel_feature_reasons *out,
                                       struct reel_error *err)
{
    struct telling t = {.features = features,
                        .text = text,
                        .rows = rows,
                        .row = row,
                        .part = part,
                        .n_parts = n_parts};
    *out = (struct reel_feature_reasons){0};
    feat_words_init(&t.words);
    feat_words_init(&t.spelt);
    base_buffer_init(&t.names, NAMES_MAX_BYTES);
    base_buffer_init(&t.desk, NAMES_MAX_BYTES);
    enum reel_status rc = base_hash_create(&t.seen, err);
    rc = rc ? rc : tell_words(&t, err);
    rc = rc ? rc : tell_rest(&t, err);
    rc = rc ? rc : give(&t, out, err);
    if (rc) {
        reel_feature_reasons_release(out);
    }
    base_free(t.raw);
    base_free(t.found);
    base_hash_free(t.seen);
    base_buffer_release(&t.names);
    base_buffer_release(&t.desk);
    feat_words_release(&t.words);
    feat_words_release(&t.spelt);
    return rc;
}

int32_t reel_features_n_embedding(const struct reel_features *features)
{
    return features->header->n_embedding;
}
