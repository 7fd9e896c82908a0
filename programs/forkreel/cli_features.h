/**
 * From the store to words, and from words to the numbers that models take.
 *
 *     struct texts texts;
 *     rc = texts_of_films(s, &texts, &err);
 *     rc = rc ? rc : features_fit(cli, &texts, seed, &features, &err);
 *     rc = rc ? rc : features_rows(features, &texts, data.film_row, n_films, &rows, &err);
 *     ...  rows.block, rows.n_blocks go into reel_training.feature
 *     texts_release(&texts);
 */
#ifndef CLI_FEATURES_H
#define CLI_FEATURES_H

#include "cli_session.h"

#include <forkreel/features.h>

/** What is known in words of many things, and where they belong. Free all of it at once. */
struct texts {
    struct reel_feature_text *text; /* (n) */
    int32_t *film;                  /* (n) row of the session's film table, -1 none */
    int32_t n;
    void **owned;
    int32_t n_owned, room_owned, room;
};
void texts_release(struct texts *texts);

/**
 * A text for every film of the session's table, row by row: titles, taglines, overview,
 * story, viewers' tags; people, genres, keywords, year, facts. Of a film that has a story in two
 * languages the second is the translation of the first.
 */
enum reel_status texts_of_films(const struct session *s, struct texts *out,
                                struct reel_error *err) REEL_CHECKED;
/**
 * The stories of the catalogue in one language alone: what a reader of that language reads
 * of the film, its title and people and keywords, and nothing else.
 */
enum reel_status texts_of_stories(const struct session *s, const char *language,
                                  struct texts *out, struct reel_error *err) REEL_CHECKED;
/** Every sentence of the stories, name, keyword and trait, with its translation. */
enum reel_status texts_of_bridge(const struct session *s, struct texts *out,
                                 struct reel_error *err) REEL_CHECKED;
/**
 * Stars of every entry of the session's history: as given; of a review without stars, those
 * that its words speak of, learned from all reviews that have some (reel_sentiment_fit);
 * NAN where neither is known.
 *
 * Shapes: stars (entries).
 */
enum reel_status texts_review_stars(const struct session *s, float *stars,
                                    struct reel_error *err) REEL_CHECKED;
/** One text more; the strings are copied. */
void texts_add(struct texts *texts, int32_t film, const char *text,
               const char *translation);

/** What the extractor of the home is fitted with; `bridge` may be NULL. */
struct reel_features_options features_options(struct cli *cli, const struct texts *bridge,
                                              uint64_t seed);
/** Fit on `films` with `bridge` (may be NULL) beside them, and save in the home. */
enum reel_status features_fit(struct cli *cli, const struct texts *films,
                              const struct texts *bridge, uint64_t seed,
                              struct reel_features **out,
                              struct reel_error *err) REEL_CHECKED;
/** The extractor of the home. REEL_EFAIL says how to train. */
enum reel_status features_open(const struct cli *cli, struct reel_features **out,
                               struct reel_error *err) REEL_CHECKED;
/** Rows of the texts `pick` (n) names; NULL: all of them. */
enum reel_status features_rows(const struct reel_features *features,
                               const struct texts *texts, const int32_t *pick, int32_t n,
                               struct reel_feature_rows *out,
                               struct reel_error *err) REEL_CHECKED;

#endif
