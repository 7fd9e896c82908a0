/**
 * What viewers wrote, as models take it: a row of features for each review, post and tag, and
 * whether it speaks of what they like.
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "cli_features.h"

#include <forkreel/model.h>

/** Which films are columns of a model, and what is not to be told. */
struct words_scope {
    const int32_t *column; /* (films of the table) -1: none; NULL: the rows themselves */
    const struct reel_csr *const *hidden; /* (n_hidden) viewers x columns */
    int32_t n_hidden;
    int32_t only;                 /* this row of the history; -1: everybody */
    const struct reel_csr *shown; /* viewers x columns, though hidden; or NULL */
};

/** Release it after the model that was trained on it, or the query that holds it. */
struct written {
    struct reel_words words; /* n 0: nobody of the session wrote anything */
    struct texts texts;
    struct reel_feature_rows rows;
    float *weight;
    int32_t *viewer, *film;
};
/**
 * Of the viewers of the session's history, by row. A text about a film they like (or of which
 * nothing is known, by half) counts for its words, one about a film they do not like against
 * them, by half. What is forgotten (profile.h) or hidden is left out. Reviews without stars tell
 * how they are meant themselves, where that could be learned.
 */
enum reel_status written_make(const struct session *s,
                              const struct reel_features *features,
                              const struct words_scope *scope, struct written *out,
                              struct reel_error *err) REEL_CHECKED;
/** Of one viewer, for a query. */
enum reel_status written_of(const struct session *s, const struct reel_features *features,
                            int32_t row, struct written *out,
                            struct reel_error *err) REEL_CHECKED;
void written_release(struct written *written);

/** A word of what was written; the weights of its texts, by how much of each it is. */
struct written_word {
    char *name;
    double amount;
};
/** The n words that are most of what is written, at most; free them with written_words_free. */
enum reel_status written_tell(const struct written *written,
                              const struct reel_features *features, int32_t n_max,
                              struct written_word **out, int32_t *n,
                              struct reel_error *err) REEL_CHECKED;
void written_words_free(struct written_word *word, int32_t n);

#endif
