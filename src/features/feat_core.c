/**
 * The block of an extractor: laid out, saved, mapped, checked; and keys found in it.
 */
#include "feat_core.h"
#include "base_alloc.h"
#include "base_csr.h"
#include "base_error.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { FILE_VERSION = 1 };

static const char magic[8] = "REELFEAT";

static_assert(sizeof(struct feat_header) <= BASE_BLOCK_HEADER_BYTES, "has its page");

const char *const feat_kind_name[FEAT_N_KINDS] = {"text",     "people", "genres",
                                                  "keywords", "year",   "facts"};

static uint64_t fnv1a(const void *bytes, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) {
        h = (h ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    }
    return h;
}

static bool lay_out(struct feat_header *header, const struct feat_section *section,
                    int32_t n_sections)
{
    header->n_block_bytes = BASE_BLOCK_HEADER_BYTES;
    for (int32_t i = 0; i < n_sections; i++) {
        if (!base_section_place(&header->section[section[i].role], section[i].item_bytes,
                                section[i].n_items, &header->n_block_bytes)) {
            return false;
        }
    }
    return true;
}

enum reel_status feat_create(const struct feat_header *header,
                             const struct feat_section *section, int32_t n_sections,
                             struct reel_features **out, struct reel_error *err)
{
    struct feat_header full = *header;
    memcpy(full.magic, magic, sizeof magic);
    full.version = full.oldest_reader = FILE_VERSION;
    *out = NULL;
    struct reel_features *features = base_alloc_zeroed(1, sizeof *features);
    if (features && lay_out(&full, section, n_sections)) {
        features->block = base_alloc_aligned(full.n_block_bytes, 1);
    }
    if (!features || !features->block) {
        base_free(features);
        return fail(err, REEL_ENOMEM, "features of %d terms", full.n_terms[FEAT_TEXT]);
    }
    memset(features->block, 0, full.n_block_bytes);
    memcpy(features->block, &full, sizeof full);
    features->header = (struct feat_header *)features->block;
    *out = features;
    return REEL_OK;
}

void reel_features_free(struct reel_features *features)
{
    if (features) {
        if (features->map.data) {
            base_file_map_close(&features->map);
        } else {
            base_free(features->block);
        }
        base_free(features);
    }
}

void *feat_section_at(const struct reel_features *features, int role)
{
    return features->header->section[role].is_present
               ? features->block + features->header->section[role].offset
               : NULL;
}

struct reel_csr feat_bridge(const struct reel_features *features)
{
    return (struct reel_csr){
        .n_rows = features->header->n_words,
        .n_cols = features->header->n_words,
        .start = feat_section_at(features, FEAT_BRIDGE_START),
        .col = feat_section_at(features, FEAT_BRIDGE_COL),
        .value = feat_section_at(features, FEAT_BRIDGE_VALUE),
    };
}

/* ---- keys ---- */

uint64_t feat_slots_n(int32_t n_terms)
{
    uint64_t n = 8;
    while (n < 2 * (uint64_t)n_terms) {
        n *= 2;
    }
    return n;
}

const char *feat_key(const struct reel_features *features, enum feat_kind kind,
                     int32_t col)
{
    const int64_t *start = feat_section_at(features, feat_role_of(kind, FEAT_KEY_START));
    const char *keys = feat_section_at(features, feat_role_of(kind, FEAT_KEYS));
    return keys + start[col];
}

// Half of the slots are empty, so probing ends: on a file this is checked when it is opened.
static uint64_t slot_of(const struct reel_features *features, enum feat_kind kind,
                        const char *key, size_t n_bytes)
{
    const int role = feat_role_of(kind, FEAT_SLOTS);
    const int32_t *slot = feat_section_at(features, role);
    const int64_t *start = feat_section_at(features, feat_role_of(kind, FEAT_KEY_START));
    const uint64_t mask = features->header->section[role].n_items - 1;
    for (uint64_t at = fnv1a(key, n_bytes) & mask;; at = (at + 1) & mask) {
        const int32_t col = slot[at];
        if (col < 0 || (start[col + 1] - start[col] == (int64_t)n_bytes + 1 &&
                        memcmp(feat_key(features, kind, col), key, n_bytes) == 0)) {
            return at;
        }
    }
}

void feat_slots_fill(struct reel_features *features, enum feat_kind kind)
{
    const int role = feat_role_of(kind, FEAT_SLOTS);
    int32_t *slot = feat_section_at(features, role);
    for (uint64_t i = 0; i < features->header->section[role].n_items; i++) {
        slot[i] = -1;
    }
    for (int32_t col = 0; col < features->header->n_terms[kind]; col++) {
        const char *key = feat_key(features, kind, col);
        slot[slot_of(features, kind, key, strlen(key))] = col;
    }
}

int32_t feat_find(const struct reel_features *features, enum feat_kind kind,
                  const char *key, size_t n_bytes)
{
    const int32_t *slot = feat_section_at(features, feat_role_of(kind, FEAT_SLOTS));
    return slot[slot_of(features, kind, key, n_bytes)];
}

const char *reel_features_term(const struct reel_features *features, const char *name,
                               int32_t col)
{
    for (int kind = 0; kind < FEAT_N_KINDS; kind++) {
        if (strcmp(feat_kind_name[kind], name) == 0 && col >= 0 &&
            col < features->header->n_terms[kind]) {
            return feat_key(features, (enum feat_kind)kind, col);
        }
    }
    return NULL;
}

/* ---- the file ---- */

enum reel_status reel_features_save(const struct reel_features *features,
                                    const char *path, struct reel_error *err)
{
    struct feat_header header = *features->header;
    header.check = feat_header_sum(&header);
    return base_file_write(path, &header, sizeof header, features->block + sizeof header,
                           header.n_block_bytes - sizeof header, err);
}

static enum reel_status check_sizes(const struct feat_header *header,
                                    struct reel_error *err)
{
    if (header->n_gram < 1 || header->n_gram > 3 || header->n_texts < 1 ||
        header->n_lsa < 0 || header->n_lsa > 1 << 16 || header->n_vector < 0 ||
        header->n_vector > 1 << 16 || header->n_embedding < 0 ||
        header->n_embedding > 1 << 16) {
        return fail(err, REEL_EFORMAT, "%d words a term, %d + %d + %d columns",
                    header->n_gram, header->n_lsa, header->n_vector, header->n_embedding);
    }
    for (int kind = 0; kind < FEAT_N_KINDS; kind++) {
        if (header->n_terms[kind] < 0 || header->n_terms[kind] > 1 << 28) {
            return fail(err, REEL_EFORMAT, "%d terms of kind %s", header->n_terms[kind],
                        feat_kind_name[kind]);
        }
    }
    if (header->n_words < 0 || header->n_words > header->n_terms[FEAT_TEXT]) {
        return fail(err, REEL_EFORMAT, "%d words of %d terms", header->n_words,
                    header->n_terms[FEAT_TEXT]);
    }
    return REEL_OK;
}

static enum reel_status check_header(const struct feat_header *header,
                                     uint64_t n_file_bytes, struct reel_error *err)
{
    if (memcmp(header->magic, magic, sizeof magic) != 0) {
        return fail(err, REEL_EFORMAT, "not a file of features of forkreel");
    }
    if (header->oldest_reader > FILE_VERSION || header->version < 1) {
        return fail(err, REEL_EVERSION, "layout %u needs a newer forkreel",
                    header->version);
    }
    if (header->check != feat_header_sum(header)) {
        return fail(err, REEL_EFORMAT, "damaged header");
    }
    if (header->n_block_bytes != n_file_bytes) {
        return fail(err, REEL_EFORMAT, "%llu bytes where the header says %llu",
                    (unsigned long long)n_file_bytes,
                    (unsigned long long)header->n_block_bytes);
    }
    const enum reel_status rc =
        base_sections_check(header->section, FEAT_N_ROLES, n_file_bytes, err);
    return rc ? rc : check_sizes(header, err);
}

static enum reel_status check_floats(const struct reel_features *features, int role,
                                     uint64_t n_items, struct reel_error *err)
{
    const enum reel_status rc =
        base_section_expect(features->header->section, role, sizeof(float), n_items, err);
    const float *value = rc ? NULL : feat_section_at(features, role);
    for (uint64_t i = 0; rc == REEL_OK && i < n_items; i++) {
        if (!(fabsf(value[i]) <= 1e9F)) {
            return fail(err, REEL_EFORMAT, "section %d: %g at %llu", role, value[i],
                        (unsigned long long)i);
        }
    }
    return rc;
}

static enum reel_status check_keys(const struct reel_features *features,
                                   enum feat_kind kind, struct reel_error *err)
{
    const struct feat_header *header = features->header;
    const int32_t n = header->n_terms[kind];
    enum reel_status rc =
        base_section_expect(header->section, feat_role_of(kind, FEAT_KEY_START),
                            sizeof(int64_t), (uint64_t)n + 1, err);
    if (rc) {
        return rc;
    }
    const int64_t *start = feat_section_at(features, feat_role_of(kind, FEAT_KEY_START));
    for (int32_t i = 0; i < n; i++) {
        if (start[0] != 0 || start[i + 1] <= start[i]) {
            return fail(err, REEL_EFORMAT, "%s %d begins behind its end",
                        feat_kind_name[kind], i);
        }
    }
    rc = start[0] == 0
             ? base_section_expect(header->section, feat_role_of(kind, FEAT_KEYS), 1,
                                   (uint64_t)start[n], err)
             : fail(err, REEL_EFORMAT, "%s begin late", feat_kind_name[kind]);
    const char *keys = rc ? NULL : feat_section_at(features, feat_role_of(kind, 0));
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        if (memchr(keys + start[i], 0, (size_t)(start[i + 1] - start[i])) !=
            keys + start[i + 1] - 1) {
            rc = fail(err, REEL_EFORMAT, "%s %d is not ended", feat_kind_name[kind], i);
        }
    }
    return rc;
}

static enum reel_status check_slots(const struct reel_features *features,
                                    enum feat_kind kind, struct reel_error *err)
{
    const int32_t n = features->header->n_terms[kind];
    const int role = feat_role_of(kind, FEAT_SLOTS);
    const enum reel_status rc = base_section_expect(
        features->header->section, role, sizeof(int32_t), feat_slots_n(n), err);
    if (rc) {
        return rc;
    }
    const int32_t *slot = feat_section_at(features, role);
    uint64_t n_empty = 0;
    for (uint64_t i = 0; i < feat_slots_n(n); i++) {
        n_empty += slot[i] == -1;
        if (slot[i] < -1 || slot[i] >= n) {
            return fail(err, REEL_EFORMAT, "slot %llu holds %s %d of %d",
                        (unsigned long long)i, feat_kind_name[kind], slot[i], n);
        }
    }
    return n_empty > 0
               ? REEL_OK
               : fail(err, REEL_EFORMAT, "%s: no slot is empty", feat_kind_name[kind]);
}

static enum reel_status check_bridge(const struct reel_features *features,
                                     struct reel_error *err)
{
    const struct feat_header *header = features->header;
    const uint64_t n = (uint64_t)header->n_words;
    const struct reel_csr bridge = feat_bridge(features);
    enum reel_status rc = base_section_expect(header->section, FEAT_BRIDGE_START,
                                              sizeof(int64_t), n + 1, err);
    for (uint64_t i = 0; rc == REEL_OK && bridge.start && i < n; i++) {
        if (bridge.start[i + 1] < bridge.start[i]) {
            rc = fail(err, REEL_EFORMAT, "word %llu ends before it starts",
                      (unsigned long long)i);
        }
    }
    const uint64_t n_entries = rc || !bridge.start ? 0 : (uint64_t)bridge.start[n];
    rc = rc ? rc
            : base_section_expect(header->section, FEAT_BRIDGE_COL, sizeof(int32_t),
                                  n_entries, err);
    rc = rc ? rc : check_floats(features, FEAT_BRIDGE_VALUE, n_entries, err);
    if (rc == REEL_OK && base_csr_check(&bridge, err) != REEL_OK) {
        rc = REEL_EFORMAT;
    }
    for (uint64_t i = 0; rc == REEL_OK && bridge.value && i < n_entries; i++) {
        if (!(bridge.value[i] > 0)) {
            rc = fail(err, REEL_EFORMAT, "a translation of likelihood %g",
                      bridge.value[i]);
        }
    }
    return rc;
}

static enum reel_status check_sections(const struct reel_features *features,
                                       struct reel_error *err)
{
    const struct feat_header *header = features->header;
    enum reel_status rc = REEL_OK;
    for (int kind = 0; rc == REEL_OK && kind < FEAT_N_KINDS; kind++) {
        rc = check_keys(features, (enum feat_kind)kind, err);
        rc = rc ? rc : check_slots(features, (enum feat_kind)kind, err);
        rc = rc ? rc
                : check_floats(features, feat_role_of((enum feat_kind)kind, FEAT_IDF),
                               (uint64_t)header->n_terms[kind], err);
    }
    const uint64_t n_lsa = (uint64_t)header->n_lsa;
    if (rc == REEL_OK && n_lsa > 0) {
        rc = check_floats(features, FEAT_LSA,
                          (uint64_t)header->n_terms[FEAT_TEXT] * n_lsa, err);
        rc = rc ? rc : check_floats(features, FEAT_LSA_VALUES, n_lsa, err);
    }
    if (rc == REEL_OK && header->n_vector > 0) {
        rc = check_floats(features, FEAT_VECTORS,
                          (uint64_t)header->n_words * (uint64_t)header->n_vector, err);
    }
    if (rc == REEL_OK && header->section[FEAT_BRIDGE_START].is_present) {
        rc = check_bridge(features, err);
    }
    return rc;
}

enum reel_status reel_features_open(const char *path, struct reel_features **out,
                                    struct reel_error *err)
{
    *out = NULL;
    struct reel_features *features = base_alloc_zeroed(1, sizeof *features);
    if (!features) {
        return fail(err, REEL_ENOMEM, "%s: out of memory", path);
    }
    enum reel_status rc = base_file_map_open(&features->map, path, err);
    if (rc == REEL_OK) {
        struct reel_error inner = {0};
        features->block = (unsigned char *)(uintptr_t)features->map.data;
        features->header = (struct feat_header *)features->block;
        rc = features->map.n_bytes < BASE_BLOCK_HEADER_BYTES
                 ? fail(&inner, REEL_EFORMAT, "%zu bytes are too few",
                        features->map.n_bytes)
                 : check_header(features->header, features->map.n_bytes, &inner);
        rc = rc ? rc : check_sections(features, &inner);
        rc = rc ? fail(err, rc, "%s: %s", path, inner.text) : REEL_OK;
    }
    if (rc != REEL_OK) {
        reel_features_free(features);
        return rc;
    }
    *out = features;
    return REEL_OK;
}
