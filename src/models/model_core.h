/**
 * What every model is made of: one block of memory that is also the file.
 *
 *     block:  [ header | film keys | viewer keys | sections of the class ... ]
 *              4096 B    each section begins at a multiple of 64 bytes
 *
 * A class lays out its sections with model_create, fills them, and is done: saving writes
 * the block, opening maps it. So a model costs one allocation, one read, one free.
 */
#ifndef MODEL_CORE_H
#define MODEL_CORE_H

#include "base_block.h"
#include "base_file.h"
#include "base_pool.h"

#include <forkreel/model.h>

/** Written to files: never renumber. */
enum model_role {
    MODEL_FILM_KEYS = 0,      /* int64 (n_films) */
    MODEL_VIEWER_KEYS = 1,    /* int64 (n_viewers) */
    MODEL_FILM_VALUES = 2,    /* float (n_films) */
    MODEL_FILM_VECTORS = 3,   /* float (n_films, n_factors) */
    MODEL_VIEWER_VECTORS = 4, /* float (n_viewers, n_factors) */
    MODEL_GRAM = 5,           /* float (n_factors, n_factors) */
    MODEL_SORTED_FILMS =
        6, /* int32 (n_films): films by length of vector, longest first */
    MODEL_SORTED_VECTORS = 7, /* float (n_films, n_factors) in that order */
    MODEL_SORTED_LENGTHS = 8, /* float (n_films) in that order */
    MODEL_START = 9,          /* int64 (rows + 1) of a sparse matrix */
    MODEL_COL = 10,           /* int32 (entries) */
    MODEL_VALUE = 11,         /* float (entries) */
    MODEL_TURNED_START = 12,  /* the same matrix turned */
    MODEL_TURNED_COL = 13,
    MODEL_TURNED_VALUE = 14,
    MODEL_WEIGHTS = 15,     /* float (n_rows, n_rows), dense */
    MODEL_ROW_OF_FILM = 16, /* int32 (n_films): row of WEIGHTS, -1 none */
    MODEL_NET = 24,         /* float: the parameters of a network, one after the other */
    MODEL_TIMES = 25,       /* int64 (entries): when, in the order of START's rows */
    MODEL_RECENT = 26,      /* float (entries, half-lives): decayed counts up to then */
    MODEL_MEMBER =
        27, /* bytes: blocks of other models; MODEL_MEMBERS_MAX roles from here */
    MODEL_MEMBER_WEIGHTS = 39, /* float (members, 2) */
    MODEL_TASTE_BLOCKS = 40,   /* struct model_block (n_blocks) */
    MODEL_TASTE_CENTRE = 41,   /* float (n_centre) */
    MODEL_TASTE_MAP = 42,      /* float (n_cols, k + 2), then their means */
    MODEL_TASTE_NUMBERS = 43,  /* struct taste_numbers (1) */
    MODEL_TASTE_MAPPED = 44,   /* float (n_films, k + 2): by the map, held out */
    MODEL_TASTE_PLACES = 45,   /* float (n_films, 2 k + 7) */
    MODEL_TASTE_QUALITY = 46, /* float (n_films): mean of stars beyond the viewers' own */
    MODEL_CONTENT_COLS = 47,  /* int32 (2): sparse and dense columns */
    MODEL_TASTE_COORDS = 48,  /* float (n_cols, coordinates of the nets) */
    MODEL_CONTENT_WROTE = 49, /* float (1): weight of what viewers wrote */
    MODEL_N_ROLES = 64,       /* places in a file; new roles take the next free number */
};

#define MODEL_MEMBERS_MAX 12

struct model_header {
    char magic[8];          /* "REELMODL" */
    uint32_t version;       /* of the layout */
    uint32_t oldest_reader; /* versions from this one on can read it */
    char class_name[32];
    int32_t n_viewers, n_films, n_factors, n_threads;
    uint64_t seed;
    int64_t data_version;
    double setting[REEL_SETTINGS_MAX];
    uint64_t n_block_bytes;
    struct base_section section[MODEL_N_ROLES];
    uint64_t check; /* base_header_sum */
};

/** What `check` has to be. */
static inline uint64_t model_header_sum(const struct model_header *header)
{
    return base_header_sum(header, sizeof *header, offsetof(struct model_header, check));
}

struct model_class;

struct reel_model {
    const struct model_class *class_;
    struct model_header *header; /* the first bytes of the block */
    unsigned char *block;
    struct base_file_map map; /* when opened; otherwise the block is ours */
    bool is_member;           /* the block is a section of another model */
    struct reel_model *member[MODEL_MEMBERS_MAX];
    int32_t n_members;
    char settings[512];
};

struct model_class {
    struct reel_model_class_info info;
    /** Makes the model with model_create and fills it. Settings are complete and checked. */
    enum reel_status (*train)(const struct model_class *class_,
                              const struct reel_training *data,
                              const struct reel_train_options *opt,
                              struct base_pool *pool, struct reel_model **out,
                              struct reel_error *err);
    /** Are the sections there, in sizes that fit, with indices in range? */
    enum reel_status (*check)(const struct reel_model *model, struct reel_error *err);
    enum reel_status (*score)(const struct reel_model *model,
                              const struct reel_query *query, float *score,
                              struct reel_error *err);
    /** part[e] receives what query->film[e] adds to the score of `film`; n = query->n. */
    enum reel_status (*explain)(const struct reel_model *model,
                                const struct reel_query *query, int32_t film,
                                struct reel_part *part, float *rest,
                                struct reel_error *err);
    /** Vector of a viewer for factor models (n_factors floats); NULL for the others. */
    enum reel_status (*viewer_vector)(const struct reel_model *model,
                                      const struct reel_query *query, float *vector,
                                      struct reel_error *err);
};

extern const struct model_class model_popularity, model_user_knn, model_item_knn,
    model_als, model_ease, model_bpr, model_sequence, model_taste, model_content,
    model_hybrid;

struct model_section {
    enum model_role role;
    uint32_t item_bytes;
    uint64_t n_items;
};

/** A model with cleared sections; keys are filled in from `data`. */
enum reel_status model_create(const struct model_class *class_,
                              const struct reel_training *data,
                              const struct reel_train_options *opt, int32_t n_factors,
                              const struct model_section *section, int32_t n_sections,
                              struct reel_model **out,
                              struct reel_error *err) REEL_CHECKED;

float *model_floats(const struct reel_model *model, enum model_role role);
int32_t *model_ints(const struct reel_model *model, enum model_role role);
int64_t *model_longs(const struct reel_model *model, enum model_role role);

/** Bytes of a model's block, as model_section wants them for a member. */
uint64_t model_block_bytes(const struct reel_model *model);
/** Copy `member` into the section MODEL_MEMBER + i, which has its size. */
void model_embed(struct reel_model *model, int32_t i, const struct reel_model *member);
/** Check the blocks of all members, and make them models that may be asked. */
enum reel_status model_attach_members(struct reel_model *model,
                                      struct reel_error *err) REEL_CHECKED;

/** REEL_EFORMAT unless the section is there with this shape. */
enum reel_status model_check_section(const struct reel_model *model, enum model_role role,
                                     uint32_t item_bytes, uint64_t n_items,
                                     struct reel_error *err) REEL_CHECKED;
/** The sparse matrix at START, COL and VALUE (or the turned one): every promise of matrix.h. */
enum reel_status model_check_csr(const struct reel_model *model,
                                 enum model_role start_role, int32_t n_rows,
                                 int32_t n_cols, struct reel_error *err) REEL_CHECKED;
struct reel_csr model_csr(const struct reel_model *model, enum model_role start_role,
                          int32_t n_rows, int32_t n_cols);

/** Value of a setting by name; the name must exist. */
double model_setting(const struct model_class *class_, const double *setting,
                     const char *name);

/** REEL_EINVAL unless the films ascend, are there, and weights are positive. */
enum reel_status model_check_query(const struct reel_model *model,
                                   const struct reel_query *query,
                                   struct reel_error *err) REEL_CHECKED;

/** Fill the SORTED sections from FILM_VECTORS (model_top.c). */
enum reel_status model_sort_films(struct reel_model *model,
                                  struct reel_error *err) REEL_CHECKED;
/** Sections that model_sort_films fills, for model_create. */
#define MODEL_SORTED_SECTIONS(n_films, n_factors)                       \
    {MODEL_SORTED_FILMS, sizeof(int32_t), (n_films)},                   \
        {MODEL_SORTED_VECTORS, sizeof(float), (n_films) * (n_factors)}, \
    {                                                                   \
        MODEL_SORTED_LENGTHS, sizeof(float), (n_films)                  \
    }
/** The `score` of factor models: the viewer's vector times every film's (model_top.c). */
enum reel_status model_score_by_vector(const struct reel_model *model,
                                       const struct reel_query *query, float *score,
                                       struct reel_error *err) REEL_CHECKED;
/** model_check_section for what a factor model needs. */
enum reel_status model_check_factors(const struct reel_model *model,
                                     struct reel_error *err) REEL_CHECKED;

#endif
