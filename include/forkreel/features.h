/**
 * @file features.h
 * Texts to numbers: counts, word vectors, what is latent in them, and what a review feels.
 *
 * An extractor is fitted on texts and then immutable; the same extractor turns a film's text,
 * a review and a branch into rows of the same columns. It is kept in a file beside the models.
 *
 *     rc = reel_features_fit(texts, n, &opt, &features, &err);
 *     rc = reel_features_rows(features, texts, n, &rows, &err);
 *     for (int32_t b = 0; b < rows.n_blocks; b++) { ... rows.block[b] ... }
 *     reel_feature_rows_release(&rows);
 */
#ifndef FORKREEL_FEATURES_H
#define FORKREEL_FEATURES_H

#include <forkreel/matrix.h>
#include <forkreel/status.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What is known of one thing in words. NULL or 0 where nothing is. */
struct reel_feature_text {
    const char *text;          /* plot, review, branch: any language */
    const char *translation;   /* the same in another language: what joins the two */
    const char *const *people; /* names */
    const char *const *genres;
    const char *const *keywords;
    const char *const *facts; /* of a knowledge graph: "film.actor m.02vxxgs" */
    int32_t n_people, n_genres, n_keywords, n_facts;
    int32_t year;           /* 0 unknown */
    const float *embedding; /* (options.n_embedding) of a language model, or NULL */
};

struct reel_features_options {
    int32_t n_gram;      /* words in a term: 1 .. 3; default 2 */
    int32_t n_text_min;  /* a term of fewer texts is left out; default 2 */
    int32_t n_terms_max; /* the most frequent are kept; default 200,000 */
    int32_t n_lsa;       /* columns of block "lsa"; 0: none; default 200 */
    int32_t n_vector;    /* columns of block "vector" (skip-gram); 0: none */
    int32_t n_embedding; /* columns of block "embedding"; 0: none */
    uint64_t seed;
    int32_t n_threads;
    /* Sentences with their translations: from them is learned which words of `text` a word
       of `translation` means, and wherever it stands it counts as those. So texts of both
       languages share their columns. Sentences have no row of their own. */
    const struct reel_feature_text *bridge;
    int32_t n_bridge;
    struct reel_progress progress;
};
struct reel_features_options reel_features_options_default(void);

struct reel_features;

/**
 * Learn vocabulary, weights, LSA and word vectors.
 * Errors: REEL_EINVAL options, no text with words; REEL_ENOMEM; REEL_ECANCELLED.
 * Threads: same seed and n_threads, same bits.
 */
enum reel_status reel_features_fit(const struct reel_feature_text *text, int32_t n,
                                   const struct reel_features_options *opt,
                                   struct reel_features **out,
                                   struct reel_error *err) REEL_CHECKED;
void reel_features_free(struct reel_features *features);
/** Written beside and renamed. */
enum reel_status reel_features_save(const struct reel_features *features,
                                    const char *path,
                                    struct reel_error *err) REEL_CHECKED;
/** Errors: REEL_EFORMAT, REEL_EVERSION, REEL_EIO, REEL_ENOTFOUND. */
enum reel_status reel_features_open(const char *path, struct reel_features **out,
                                    struct reel_error *err) REEL_CHECKED;

/**
 * Blocks of one set of texts, a row for each; as reel_training.feature wants them.
 *
 * Sparse: "text", "people", "genres", "keywords", "year", "facts". Dense: "lsa", "vector",
 * "embedding". A row has length 1 (year: two decades that share it; vector: the weighted
 * mean of its words' vectors; embedding: as given) or is all zero where nothing is known.
 * Blocks without columns are left out, so every set of rows of one extractor has the same.
 */
struct reel_feature_rows {
    const struct reel_feature_block *block;
    int32_t n_blocks;
    void *owned;
};
/** Any number of threads on one extractor. */
enum reel_status reel_features_rows(const struct reel_features *features,
                                    const struct reel_feature_text *text, int32_t n,
                                    struct reel_feature_rows *out,
                                    struct reel_error *err) REEL_CHECKED;
void reel_feature_rows_release(struct reel_feature_rows *rows);
/** What column `col` of block `name` counts ("heist", "person:al pacino"); NULL if latent. */
const char *reel_features_term(const struct reel_features *features, const char *name,
                               int32_t col);

/** Numbers in a vector of `embedding`; 0: it was fitted without. */
int32_t reel_features_n_embedding(const struct reel_features *features);

/** One thing that is known in words, and what it adds to a sum over all numbers of a row. */
struct reel_feature_reason {
    const char
        *kind; /* the block: "text", "people", "year", ...; "embedding" as a whole */
    const char
        *name; /* as the text has it: "robbing", "bank heist", "Al Pacino"; or NULL */
    double amount;
};
struct reel_feature_reasons {
    const struct reel_feature_reason
        *reason; /* (n) the largest amount, either way, first */
    int32_t n;
    void *owned;
};
/**
 * From numbers back to words. A word has what its terms, LSA and word vectors add, for those
 * are sums over words; a term that stands in the text in two spellings, or of which a word of
 * the other language is read as several, is divided among them as they made it.
 *
 * `rows`: of reel_features_rows; row `row` is that of `text`. `part` (n_parts) as a model gives
 * them. Amounts add up to the sum of value * slope, up to rounding.
 * Owns:   `out`, to be released; names live with it. All zero after an error.
 */
enum reel_status reel_features_reasons(const struct reel_features *features,
                                       const struct reel_feature_text *text,
                                       const struct reel_feature_rows *rows, int32_t row,
                                       const struct reel_feature_part *part,
                                       int64_t n_parts, struct reel_feature_reasons *out,
                                       struct reel_error *err) REEL_CHECKED;
void reel_feature_reasons_release(struct reel_feature_reasons *reasons);

/* ---- what a review feels ---- */

struct reel_sentiment;
/**
 * Logistic regression of words on stars of the viewer-rating pairs at hand.
 * Shapes: text, stars (n); stars 0.5 .. 5. Errors: REEL_EINVAL fewer than 20 pairs or one
 * side only.
 */
enum reel_status reel_sentiment_fit(const char *const *text, const float *stars,
                                    int32_t n, struct reel_sentiment **out,
                                    struct reel_error *err) REEL_CHECKED;
void reel_sentiment_free(struct reel_sentiment *sentiment);
/** Expected stars, and how sure: standard deviations of held-out pairs. */
enum reel_status reel_sentiment_stars(const struct reel_sentiment *sentiment,
                                      const char *text, double *stars, double *sd,
                                      struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
