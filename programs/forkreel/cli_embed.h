/**
 * What texts are about, as a language model has it: their vectors, put where the features
 * look for them.
 *
 *     rc = texts_embed(cli, NULL, 0, &films, &n_dims, &err);
 *     opt.n_embedding = n_dims;      // 0 where there is no model: no such features
 *     rc = rc ? rc : reel_features_fit(films.text, films.n, &opt, &features, &err);
 */
#ifndef CLI_EMBED_H
#define CLI_EMBED_H

#include "cli_features.h"

#include <forkreel/lm.h>

/**
 * Set `embedding` of every text: the mean of the vectors of text and translation, of length 1;
 * NULL where nothing is known. Vectors are kept in the home, so only new texts are computed,
 * behind a bar. `model` as cli_lm_find_embedder takes it; `n_wanted` numbers in a vector (those
 * an extractor was fitted with), 0: as many as the model gives.
 *
 * *n_dims is 0, and nothing is set, where there is no model, or one of another length.
 */
enum reel_status texts_embed(struct cli *cli, const char *model, int32_t n_wanted,
                             struct texts *texts, int32_t *n_dims,
                             struct reel_error *err) REEL_CHECKED;

/**
 * The embedding model itself, for texts that are read once and not kept: branches. NULL, and no
 * error, where there is none or its vectors have not `n_wanted` numbers. Ends with
 * reel_lm_close.
 */
enum reel_status embedder_open(struct cli *cli, int32_t n_wanted, struct reel_lm **out,
                               struct reel_error *err) REEL_CHECKED;
/**
 * Set `embedding` of those of `text` (n) that have words and no vector yet, of their text
 * alone. The vectors lie in *room, which is the caller's: free it when the texts are done.
 */
enum reel_status embedder_texts(struct reel_lm *embedder, struct reel_feature_text *text,
                                int32_t n, float **room,
                                struct reel_error *err) REEL_CHECKED;

#endif
