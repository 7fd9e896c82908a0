/** The verbs of `forkreel lm` that make or judge files (cmd_lm_files.c), or embed texts. */
#ifndef CMD_LM_H
#define CMD_LM_H

#include "cli.h"

struct lm_words {
    const char *word[4]; /* verb first */
    const char *model, *key_file, *sha256;
    struct cli_names types;
    double max_rise; /* a share */
    double max_gb;
    bool is_unchecked;
    const char *used[8]; /* long names of the options that were given */
    int n_used;
};

enum cli_exit lm_pull(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_tune(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_quantize(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_embed(struct cli *cli, const struct lm_words *words);
enum cli_exit lm_perplexity(struct cli *cli, const struct lm_words *words);

#endif
