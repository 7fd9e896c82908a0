/**
 * TF-IDF (Salton and Buckley 1988) over words and over facts, each kind by itself so that
 * a model can weigh kinds against each other.
 *
 * Text: weight (1 + log tf) * idf; terms of several words are of the text as it stands, single
 * words without stop words. People, genres, keywords, facts: idf. Year: a film lies between
 * the middles of two decades and belongs to both, the nearer one more; two films a year
 * apart then never look as different as two films of different decades.
 */
#include "feat_tfidf.h"
#include "base_alloc.h"
#include "base_error.h"
#include "base_hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { YEAR_MIN = 1870, YEAR_MAX = 2100 };

/* ---- counting ---- */

enum reel_status feat_count_init(struct feat_count *count, struct reel_error *err)
{
    *count = (struct feat_count){0};
    base_buffer_init(&count->keys, SIZE_MAX / 2);
    return base_hash_create(&count->hash, err);
}

void feat_count_release(struct feat_count *count)
{
    base_hash_free(count->hash);
    base_buffer_release(&count->keys);
    base_free(count->term);
    *count = (struct feat_count){0};
}

enum reel_status feat_count_add(struct feat_count *count, const char *key, size_t n_bytes,
                                int32_t n_words, int32_t i_text, bool is_bridge,
                                struct reel_error *err)
{
    bool is_new = false;
    if (count->n == count->room) {
        const int32_t room = count->room ? 2 * count->room : 1024;
        void *term = base_realloc_array(count->term, (size_t)room, sizeof *count->term);
        if (!term) {
            return fail(err, REEL_ENOMEM, "%d terms", count->n);
        }
        count->term = term;
        count->room = room;
    }
    const int64_t *i = base_hash_get_or_add(count->hash, key, n_bytes, count->n, &is_new);
    if (!i) {
        return fail(err, REEL_ENOMEM, "%d terms", count->n);
    }
    struct feat_count_term *term = &count->term[*i];
    if (is_new) {
        *term = (struct feat_count_term){
            .key = count->keys.n_bytes, .last = -1, .n_words = n_words};
        if (!base_buffer_add(&count->keys, key, n_bytes) ||
            !base_buffer_add_char(&count->keys, '\0')) {
            return fail(err, REEL_ENOMEM, "%d terms", count->n);
        }
        count->n++;
    }
    if (term->last != i_text) {
        term->n_texts += !is_bridge;
        term->n_bridge += is_bridge;
    }
    term->last = i_text;
    return REEL_OK;
}

static int by_frequency(const void *a, const void *b, void *keys)
{
    const struct feat_count_term *x = a, *y = b;
    const int32_t n_x = x->n_texts + x->n_bridge, n_y = y->n_texts + y->n_bridge;
    if (n_x != n_y) {
        return n_x < n_y ? 1 : -1;
    }
    return strcmp((const char *)keys + x->key, (const char *)keys + y->key);
}

static int by_words(const void *a, const void *b, void *keys)
{
    const struct feat_count_term *x = a, *y = b;
    return x->n_words != y->n_words ? x->n_words - y->n_words : by_frequency(a, b, keys);
}

void feat_count_select(struct feat_count *count, int32_t n_min, int32_t n_max)
{
    int32_t n = 0;
    for (int32_t i = 0; i < count->n; i++) {
        if (count->term[i].n_texts + count->term[i].n_bridge >= n_min) {
            count->term[n++] = count->term[i];
        }
    }
    if (n > 0) {
        qsort_r(count->term, (size_t)n, sizeof *count->term, by_frequency,
                count->keys.data);
        n = n < n_max ? n : n_max;
        qsort_r(count->term, (size_t)n, sizeof *count->term, by_words, count->keys.data);
    }
    count->n = n;
}

/* ---- terms of one thing ---- */

/** Receives each term; `weight` differs from 1 only for years. */
typedef enum reel_status term_sink(const char *key, size_t n_bytes, int32_t n_words,
                                   float weight, void *payload, struct reel_error *err);

static enum reel_status grams_each(const char *text, struct feat_words *words,
                                   int32_t n_gram, term_sink *sink, void *payload,
                                   struct reel_error *err)
{
    enum reel_status rc = feat_words_cut(words, text, err);
    for (int32_t k = 1; rc == REEL_OK && k <= n_gram; k++) {
        for (int32_t i = 0; rc == REEL_OK && i < feat_words_n(words, k); i++) {
            size_t n_bytes;
            const char *key = feat_words_term(words, i, k, &n_bytes);
            rc = sink(key, n_bytes, k, 1, payload, err);
        }
    }
    return rc;
}

static enum reel_status names_each(const char *prefix, const char *const *name, int32_t n,
                                   struct feat_words *words, term_sink *sink,
                                   void *payload, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        const char *key;
        size_t n_bytes;
        rc = feat_words_name(words, prefix, name[i], &key, &n_bytes, err);
        if (rc == REEL_OK && n_bytes > strlen(prefix)) {
            rc = sink(key, n_bytes, 1, 1, payload, err);
        }
    }
    return rc;
}

static enum reel_status decades_each(int32_t year, term_sink *sink, void *payload,
                                     struct reel_error *err)
{
    if (year < YEAR_MIN || year > YEAR_MAX) {
        return REEL_OK;
    }
    const int32_t below = (year - 5) / 10 * 10; // whose middle is not after the year
    const float share_above = (float)(year - 5 - below) / 10;
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < 2; i++) {
        char key[32];
        const float share = i ? share_above : 1 - share_above;
        const int n = snprintf(key, sizeof key, "decade:%d", below + 10 * i);
        if (share > 0) {
            rc = sink(key, (size_t)n, 1, share, payload, err);
        }
    }
    return rc;
}

static enum reel_status terms_each(const struct reel_feature_text *text,
                                   enum feat_kind kind, int32_t n_gram,
                                   struct feat_words *words, term_sink *sink,
                                   void *payload, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    switch (kind) {
    case FEAT_TEXT:
        rc = grams_each(text->text, words, n_gram, sink, payload, err);
        return rc ? rc : grams_each(text->translation, words, n_gram, sink, payload, err);
    case FEAT_PEOPLE:
        return names_each("person:", text->people, text->n_people, words, sink, payload,
                          err);
    case FEAT_GENRES:
        return names_each("genre:", text->genres, text->n_genres, words, sink, payload,
                          err);
    case FEAT_KEYWORDS:
        return names_each("keyword:", text->keywords, text->n_keywords, words, sink,
                          payload, err);
    case FEAT_YEAR:
        return decades_each(text->year, sink, payload, err);
    case FEAT_FACTS:
        return names_each("fact:", text->facts, text->n_facts, words, sink, payload, err);
    case FEAT_N_KINDS:
        break;
    }
    return rc;
}

struct counting {
    struct feat_count *count;
    int32_t i_text;
    bool is_bridge;
};

static enum reel_status count_term(const char *key, size_t n_bytes, int32_t n_words,
                                   float weight, void *payload, struct reel_error *err)
{
    const struct counting *c = payload;
    (void)weight;
    return feat_count_add(c->count, key, n_bytes, n_words, c->i_text, c->is_bridge, err);
}

enum reel_status feat_count_text(struct feat_count count[FEAT_N_KINDS],
                                 struct feat_words *words,
                                 const struct reel_feature_text *text, int32_t i,
                                 int32_t n_gram, bool is_bridge, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int kind = 0; rc == REEL_OK && kind < FEAT_N_KINDS; kind++) {
        struct counting c = {&count[kind], i, is_bridge};
        rc = terms_each(text, (enum feat_kind)kind, is_bridge ? 1 : n_gram, words,
                        count_term, &c, err);
    }
    return rc;
}

/* ---- rows ---- */

float feat_idf(int32_t n_texts, int32_t n_texts_with_it)
{
    return (float)(log((1.0 + n_texts) / (1.0 + n_texts_with_it)) + 1);
}

struct bag_entry {
    int32_t col;
    float weight; /* summed over occurrences */
};

/** The terms of one thing, and the rows so far. */
struct bag {
    const struct reel_features *features;
    enum feat_kind kind;
    const float *idf;
    struct reel_csr bridge;
    struct bag_entry *entry;
    int32_t n, room;
    int32_t *col;
    float *value;
    int64_t n_entries, room_entries;
};

static enum reel_status put(struct bag *bag, int32_t col, float weight,
                            struct reel_error *err)
{
    if (bag->n == bag->room) {
        const int32_t room = bag->room ? 2 * bag->room : 256;
        void *entry = base_realloc_array(bag->entry, (size_t)room, sizeof *bag->entry);
        if (!entry) {
            return fail(err, REEL_ENOMEM, "a text of %d terms", bag->n);
        }
        bag->entry = entry;
        bag->room = room;
    }
    bag->entry[bag->n++] = (struct bag_entry){col, weight};
    return REEL_OK;
}

/** A word whose translation is known counts as what it means, in parts that add up to 1. */
static enum reel_status put_term(const char *key, size_t n_bytes, int32_t n_words,
                                 float weight, void *payload, struct reel_error *err)
{
    struct bag *bag = payload;
    const int32_t col = feat_find(bag->features, bag->kind, key, n_bytes);
    if (col < 0 || bag->idf[col] <= 0) {
        return REEL_OK;
    }
    const struct reel_csr *bridge = &bag->bridge;
    if (bag->kind != FEAT_TEXT || n_words > 1 || !bridge->start ||
        bridge->start[col] == bridge->start[col + 1]) {
        return put(bag, col, weight, err);
    }
    enum reel_status rc = REEL_OK;
    for (int64_t e = bridge->start[col]; rc == REEL_OK && e < bridge->start[col + 1];
         e++) {
        rc = put(bag, bridge->col[e], weight * bridge->value[e], err);
    }
    return rc;
}

static int by_column(const void *a, const void *b)
{
    const struct bag_entry *x = a, *y = b;
    return x->col < y->col ? -1 : x->col > y->col;
}

// Equal terms become one entry; its weight is then how often the term stands in the text.
static void merge_equal(struct bag *bag)
{
    int32_t n = 0;
    if (bag->n > 0) {
        qsort(bag->entry, (size_t)bag->n, sizeof *bag->entry, by_column);
    }
    for (int32_t i = 0; i < bag->n; i++) {
        if (n > 0 && bag->entry[n - 1].col == bag->entry[i].col) {
            bag->entry[n - 1].weight += bag->entry[i].weight;
        } else {
            bag->entry[n++] = bag->entry[i];
        }
    }
    bag->n = n;
}

static float weigh(const struct bag *bag, const struct bag_entry *entry)
{
    const float *idf = feat_section_at(bag->features, feat_role_of(bag->kind, FEAT_IDF));
    switch (bag->kind) {
    case FEAT_TEXT:
        return (1 + logf(entry->weight)) * idf[entry->col];
    case FEAT_YEAR:
        return entry->weight;
    default:
        return idf[entry->col];
    }
}

static enum reel_status end_row(struct bag *bag, struct reel_error *err)
{
    merge_equal(bag);
    if (bag->n_entries + bag->n > bag->room_entries) {
        const int64_t room = 2 * (bag->n_entries + bag->n);
        void *col = base_realloc_array(bag->col, (size_t)room, sizeof *bag->col);
        bag->col = col ? col : bag->col;
        void *value = base_realloc_array(bag->value, (size_t)room, sizeof *bag->value);
        bag->value = value ? value : bag->value;
        if (!col || !value) {
            return fail(err, REEL_ENOMEM, "%lld terms", (long long)room);
        }
        bag->room_entries = room;
    }
    double square = 0;
    for (int32_t i = 0; i < bag->n; i++) {
        bag->entry[i].weight = weigh(bag, &bag->entry[i]);
        square += (double)bag->entry[i].weight * bag->entry[i].weight;
    }
    for (int32_t i = 0; i < bag->n; i++) {
        bag->col[bag->n_entries] = bag->entry[i].col;
        bag->value[bag->n_entries++] = (float)(bag->entry[i].weight / sqrt(square));
    }
    bag->n = 0;
    return REEL_OK;
}

enum reel_status feat_tfidf_rows(const struct reel_features *features,
                                 enum feat_kind kind,
                                 const struct reel_feature_text *text, int32_t n,
                                 struct feat_words *words, struct base_csr *out,
                                 struct reel_error *err)
{
    struct bag bag = {.features = features,
                      .kind = kind,
                      .idf = feat_section_at(features, feat_role_of(kind, FEAT_IDF)),
                      .bridge = feat_bridge(features)};
    *out = (struct base_csr){0};
    int64_t *start = base_alloc_zeroed((size_t)n + 1, sizeof *start);
    enum reel_status rc = start ? REEL_OK : fail(err, REEL_ENOMEM, "%d rows", n);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        rc = terms_each(&text[i], kind, features->header->n_gram, words, put_term, &bag,
                        err);
        rc = rc ? rc : end_row(&bag, err);
        if (rc == REEL_OK) {
            start[i + 1] = bag.n_entries;
        }
    }
    base_free(bag.entry);
    *out = (struct base_csr){
        .csr = {n, features->header->n_terms[kind], start, bag.col, bag.value},
        .start = start,
        .col = bag.col,
        .value = bag.value};
    if (rc) {
        base_csr_release(out);
    }
    return rc;
}
