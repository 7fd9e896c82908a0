/**
 * What an extractor is made of: one block of memory that is also the file.
 *
 *     block:  [ header | for each kind: keys, where they start, idf, slots | lsa | vectors ]
 *              4096 B    each section begins at a multiple of 64 bytes
 *
 * Everything that is looked up lies in the block as it is used, so opening maps the file
 * and is done. Terms of kind text are sorted by number of words, then by frequency: single
 * words are the first header->n_words of them, and only they have vectors and translations.
 */
#ifndef FEAT_CORE_H
#define FEAT_CORE_H

#include "base_block.h"
#include "base_file.h"

#include <forkreel/features.h>

enum feat_kind {
    FEAT_TEXT,
    FEAT_PEOPLE,
    FEAT_GENRES,
    FEAT_KEYWORDS,
    FEAT_YEAR,
    FEAT_FACTS,
    FEAT_N_KINDS
};

/** Written to files: never renumber. Four sections for each kind come first. */
enum feat_role {
    FEAT_KEYS = 0,      /* char: every key, ended by NUL */
    FEAT_KEY_START = 1, /* int64 (n_terms + 1): where keys begin */
    FEAT_IDF = 2,       /* float (n_terms) */
    FEAT_SLOTS = 3,     /* int32 (a power of two): term by hash of its key, -1 empty */
    FEAT_ROLES_PER_KIND = 4,
    FEAT_LSA = FEAT_N_KINDS * FEAT_ROLES_PER_KIND, /* float (n_terms of text, n_lsa) */
    FEAT_LSA_VALUES,                               /* float (n_lsa): singular values */
    FEAT_VECTORS,                                  /* float (n_words, n_vector) */
    FEAT_BRIDGE_START, /* int64 (n_words + 1): what a word of the other language means */
    FEAT_BRIDGE_COL,   /* int32 (entries): a word of the texts' language */
    FEAT_BRIDGE_VALUE, /* float (entries): how likely it is meant */
    FEAT_N_ROLES
};

struct feat_header {
    char magic[8];          /* "REELFEAT" */
    uint32_t version;       /* of the layout */
    uint32_t oldest_reader; /* versions from this one on can read it */
    int32_t n_gram, n_text_min, n_terms_max, n_lsa, n_vector, n_embedding, n_threads;
    int32_t n_texts; /* it was fitted on */
    uint64_t seed;
    int32_t n_terms[FEAT_N_KINDS];
    int32_t n_words;
    uint64_t n_block_bytes;
    struct base_section section[FEAT_N_ROLES];
    uint64_t check; /* base_header_sum */
};

struct reel_features {
    struct feat_header *header; /* the first bytes of the block */
    unsigned char *block;
    struct base_file_map map; /* when opened; otherwise the block is ours */
};

/** What `check` has to be. */
static inline uint64_t feat_header_sum(const struct feat_header *header)
{
    return base_header_sum(header, sizeof *header, offsetof(struct feat_header, check));
}

/** "text", "people", ...: names of the sparse blocks. */
extern const char *const feat_kind_name[FEAT_N_KINDS];

struct feat_section {
    int role; /* enum feat_role, or a role of a kind: feat_role_of */
    uint32_t item_bytes;
    uint64_t n_items;
};

static inline int feat_role_of(enum feat_kind kind, enum feat_role part)
{
    return (int)kind * FEAT_ROLES_PER_KIND + (int)part;
}

/** An extractor with cleared sections; sizes and options are those of `header`. */
enum reel_status feat_create(const struct feat_header *header,
                             const struct feat_section *section, int32_t n_sections,
                             struct reel_features **out,
                             struct reel_error *err) REEL_CHECKED;
/** FEAT_BRIDGE_*: n_words by n_words; start is NULL where no bridge was learned. */
struct reel_csr feat_bridge(const struct reel_features *features);
void *feat_section_at(const struct reel_features *features, int role);

/** Put every key of a kind into its slots; the keys are there. */
void feat_slots_fill(struct reel_features *features, enum feat_kind kind);
/** How many slots `n_terms` need. */
uint64_t feat_slots_n(int32_t n_terms);
/** Column of a key, -1 when it is not there. */
int32_t feat_find(const struct reel_features *features, enum feat_kind kind,
                  const char *key, size_t n_bytes);
const char *feat_key(const struct reel_features *features, enum feat_kind kind,
                     int32_t col);

#endif
