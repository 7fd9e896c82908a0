/** Terms of things: counted while an extractor is fitted, weighted when rows are made. */
#ifndef FEAT_TFIDF_H
#define FEAT_TFIDF_H

#include "base_buffer.h"
#include "base_csr.h"
#include "feat_core.h"
#include "feat_words.h"

/** How many texts hold each term of one kind. */
struct feat_count {
    struct base_hash *hash;  /* key -> number of the term */
    struct base_buffer keys; /* each ended by NUL */
    struct feat_count_term {
        size_t key;       /* offset in `keys` */
        int32_t n_texts;  /* that hold it */
        int32_t n_bridge; /* sentences of the bridge that do */
        int32_t last;     /* text that held it last: each counts once */
        int32_t n_words;
    } * term;
    int32_t n, room;
};

enum reel_status feat_count_init(struct feat_count *count,
                                 struct reel_error *err) REEL_CHECKED;
void feat_count_release(struct feat_count *count);
/** Forget terms of fewer than `n_min` texts (and sentences of the bridge) and all but the `n_max` most frequent ones;
 *  sort by number of words, frequency, and key. */
void feat_count_select(struct feat_count *count, int32_t n_min, int32_t n_max);

/** A term stands in text number `i` (of the bridge); a term of `n_words` words. */
enum reel_status feat_count_add(struct feat_count *count, const char *key, size_t n_bytes,
                                int32_t n_words, int32_t i, bool is_bridge,
                                struct reel_error *err) REEL_CHECKED;
/** Every term of text number `i`, of every kind; of the bridge only single words. */
enum reel_status feat_count_text(struct feat_count count[FEAT_N_KINDS],
                                 struct feat_words *words,
                                 const struct reel_feature_text *text, int32_t i,
                                 int32_t n_gram, bool is_bridge,
                                 struct reel_error *err) REEL_CHECKED;

/** Smoothed: log((1 + n) / (1 + n_texts_with_it)) + 1. */
float feat_idf(int32_t n_texts, int32_t n_texts_with_it);

/** Rows of one kind: sublinear counts times idf, length 1. Free with base_csr_release. */
enum reel_status feat_tfidf_rows(const struct reel_features *features,
                                 enum feat_kind kind,
                                 const struct reel_feature_text *text, int32_t n,
                                 struct feat_words *words, struct base_csr *out,
                                 struct reel_error *err) REEL_CHECKED;

#endif
