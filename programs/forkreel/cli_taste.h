/** From a viewer's history to what scores branches for them. */
#ifndef CLI_TASTE_H
#define CLI_TASTE_H

#include "cli_features.h"
#include "cli_session.h"
#include "cli_words.h"

#include <forkreel/taste.h>

/**
 * The plots of the catalogue, liked, disliked or neither, and how much more often than
 * others the viewer likes each genre. Free with reel_branch_taste_free.
 */
enum reel_status session_branch_taste(struct session *s, int64_t viewer_key,
                                      const char *language,
                                      struct reel_branch_taste **out,
                                      struct reel_error *err) REEL_CHECKED;

/* ---- models that learn from features: taste, content, hybrid ---- */

/** What such a model is given beside choices. Release it after training. */
struct taste_data {
    struct texts texts, bridge;
    struct reel_features *features; /* saved in the home, too */
    struct reel_feature_rows rows;  /* of the dataset's films, or of all */
    struct reel_csr rated;
    struct written written;
    int64_t *start;
    int32_t *col;
    float *value;
};
bool taste_data_wanted(const char *model);
/**
 * Fit an extractor and save it in the home; `films` get the vectors of the embedding model
 * where there is one (cli_embed.h).
 */
enum reel_status taste_features_fit(struct cli *cli, struct texts *films,
                                    const struct texts *bridge, uint64_t seed,
                                    struct reel_features **out,
                                    struct reel_error *err) REEL_CHECKED;
/**
 * `data` NULL: all films of the store. `split` NULL: nothing is hidden; otherwise stars of
 * its validation and test parts are not told, as far as they are not in `known`.
 */
enum reel_status taste_data_make(struct session *s, const struct dataset *data,
                                 const struct reel_split *split,
                                 const struct reel_csr *known, uint64_t seed,
                                 struct taste_data *out,
                                 struct reel_error *err) REEL_CHECKED;
void taste_data_release(struct taste_data *data);
/** Stars, features and what viewers wrote into `training`. */
void taste_data_add(const struct taste_data *data, struct reel_training *training);
/** Choices of all films of the store, also of those that nobody chose. */
struct reel_training taste_training(const struct session *s);

/* ---- one viewer's taste by the trained model ---- */

struct taste_reader;
/**
 * The taste model of the home for one viewer; `*out` is NULL, and that is no error, when
 * none was trained. The session holds the viewer's history (session_load).
 */
enum reel_status taste_reader_open(struct session *s, int64_t viewer_key,
                                   struct taste_reader **out,
                                   struct reel_error *err) REEL_CHECKED;
void taste_reader_close(struct taste_reader *reader);
/** As a payload. */
void taste_reader_close_payload(void *payload);
/**
 * Texts of which no vector is known are embedded where the model learned from such vectors and
 * the one that makes them is there: about 10 ms each, kept nowhere.
 */
enum reel_status taste_reader_texts(struct taste_reader *reader,
                                    const struct reel_feature_text *text, int32_t n,
                                    struct reel_opinion *out,
                                    struct reel_error *err) REEL_CHECKED;
/** Numbers in the vectors that the extractor was fitted with. */
int32_t taste_reader_n_embedding(const struct taste_reader *reader);

/** Why a text matches: what its words and names add; `rest` of them. Release the reasons. */
struct taste_reasons {
    struct reel_feature_reasons list;
    double rest;
};
void taste_reasons_release(struct taste_reasons *reasons);
/** As taste_reader_texts, and reasons (n) for one of the answers. */
enum reel_status taste_reader_reasons(struct taste_reader *reader,
                                      const struct reel_feature_text *text, int32_t n,
                                      enum reel_taste_answer answer,
                                      struct reel_opinion *out,
                                      struct taste_reasons *reasons,
                                      struct reel_error *err) REEL_CHECKED;
/** Branches judged by this reader, with words in `language`; lives as long as the reader. */
struct reel_branch_scorer taste_reader_scorer(struct taste_reader *reader,
                                              const char *language);
/** One film of the store; REEL_ENOTFOUND when the model does not know it. */
enum reel_status taste_reader_film(struct taste_reader *reader, int64_t film_key,
                                   struct reel_opinion *out,
                                   struct reel_error *err) REEL_CHECKED;

#endif
