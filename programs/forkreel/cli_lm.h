/**
 * Which language model a command means, and opening it.
 *
 *     rc = cli_lm_open(cli, words.model, words.key_file, &lm, &err);
 */
#ifndef CLI_LM_H
#define CLI_LM_H

#include "cli.h"

#include <forkreel/lm.h>

/** Where scripts/setup keeps what it fetched; free it. */
char *cli_lm_cache(void);

/**
 * The GGUF file or the address that a word means, free it: an http or https address, a path,
 * a name that `lm pull` knows, a file in HOME/models or the cache (".gguf" may be left out).
 * NULL: what $FORKREEL_LM says, else the default model, else the only one there is.
 * Errors: REEL_ENOTFOUND says where was looked; *where is then NULL.
 */
enum reel_status cli_lm_find(const struct cli *cli, const char *word, char **where,
                             struct reel_error *err) REEL_CHECKED;

/**
 * The same, opened with --threads; a file in the form that `lm tune` found best. "MODEL+FILE"
 * lays what `lm finetune` learnt over it; "+FILE" over the usual model.
 */
enum reel_status cli_lm_open(struct cli *cli, const char *word, const char *key_file,
                             struct reel_lm **lm, struct reel_error *err) REEL_CHECKED;

/**
 * The model that embeds texts, in the same way: a word, $FORKREEL_EMBEDDER, all-MiniLM-L6-v2
 * as scripts/setup makes it, else the only GGUF file in HOME/models or the cache that was made to
 * embed. Without a word *where is NULL when there is none, and that is no error.
 */
enum reel_status cli_lm_find_embedder(const struct cli *cli, const char *word,
                                      char **where, struct reel_error *err) REEL_CHECKED;

/** Vectors of texts with the model at `where`, kept in HOME/embeddings; with a bar. */
enum reel_status cli_lm_vectors(struct cli *cli, const char *where, const char *key_file,
                                const char *const *text, int32_t n_texts,
                                struct reel_lm_vectors *out,
                                struct reel_error *err) REEL_CHECKED;

#endif
