/** What `lm finetune` learns from: a file, what a viewer liked, or the catalogue's beats. */
#ifndef CMD_LM_EXAMPLES_H
#define CMD_LM_EXAMPLES_H

#include "cmd_lm.h"

#include <forkreel/lm_finetune.h>

/**
 * The examples that --data or --from name: `reel_lm_examples_release`.
 * Errors: REEL_EINVAL --from is neither catalogue nor viewer; REEL_ENOTFOUND no such viewer; as
 *         reel_lm_examples_read and the store.
 */
enum reel_status cli_lm_examples(struct cli *cli, const struct lm_words *words,
                                 struct reel_lm_examples *out,
                                 struct reel_error *err) REEL_CHECKED;

#endif
