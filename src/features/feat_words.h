/**
 * Words of one text after another, laid side by side: a term of k words is then a piece of
 * that text and needs no putting together.
 *
 * Single words are those without stop words. Terms of several words are of the text as it
 * stands, stop words included: "man of the house" has "man of", not "man house".
 *
 *     struct feat_words words;
 *     feat_words_init(&words);
 *     rc = feat_words_cut(&words, "Two men rob a bank", &err);
 *     const char *term = feat_words_term(&words, i, k, &n_bytes);
 *     feat_words_release(&words);
 */
#ifndef FEAT_WORDS_H
#define FEAT_WORDS_H

#include "base_text.h"

struct feat_run {
    struct base_buffer text; /* words, one blank behind each */
    size_t *start;           /* (n + 1) */
    int32_t n, room;
};

struct feat_words {
    struct base_text *fold; /* for names; made when the first one comes */
    struct feat_run single, all;
    struct base_buffer name;
};

void feat_words_init(struct feat_words *words);
void feat_words_release(struct feat_words *words);
/** Forget the text before and cut this one; NULL is a text without words. */
enum reel_status feat_words_cut(struct feat_words *words, const char *text,
                                struct reel_error *err) REEL_CHECKED;
/** The same words with their endings, as they are spelt: word i there is word i here. */
enum reel_status feat_words_spell(struct feat_words *words, const char *text,
                                  struct reel_error *err) REEL_CHECKED;
/** How many terms of `k` words there are. */
int32_t feat_words_n(const struct feat_words *words, int32_t k);
/** Term `i` of those of `k` words, one blank between words; not ended by NUL. */
const char *feat_words_term(const struct feat_words *words, int32_t i, int32_t k,
                            size_t *n_bytes);
/** "person:al pacino": a name folded, behind a prefix; valid until the next call. */
enum reel_status feat_words_name(struct feat_words *words, const char *prefix,
                                 const char *name, const char **out, size_t *n_bytes,
                                 struct reel_error *err) REEL_CHECKED;

#endif
