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

/** The same, opened with --threads; a file in the form that `lm tune` found best. */
enum reel_status cli_lm_open(struct cli *cli, const char *word, const char *key_file,
                             struct reel_lm **lm, struct reel_error *err) REEL_CHECKED;

#endif
