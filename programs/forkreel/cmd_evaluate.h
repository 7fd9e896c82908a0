/** What `forkreel evaluate` hands to the file that measures stories. */
#ifndef CMD_EVALUATE_H
#define CMD_EVALUATE_H

#include "cli.h"

struct evaluate_stories_words {
    const char *model; /* as cli_lm_open takes it; NULL the default */
    int32_t n_films;
    uint64_t seed;
};

/** `evaluate --stories`: method mix beside the plain way, same model, same sampling. */
enum cli_exit evaluate_stories(struct cli *cli,
                               const struct evaluate_stories_words *words);

/** `evaluate --policy`: what the store's own logs say of ways to order and to list. */
enum cli_exit evaluate_policy(struct cli *cli, uint64_t seed);

#endif
