/** Films that a model does not know, judged by what is written about them. */
#ifndef CLI_STAND_IN_H
#define CLI_STAND_IN_H

#include "cli_taste.h"

#include <forkreel/rank.h>

/** Scores of the taste model, and why; what a list's options borrow. */
struct stand_ins;
/**
 * Put scores and reasons into `opt` for films that `model` does not know, where a taste model was
 * trained; `*out` is NULL, and `opt` as it was, where there are no such films or no such model.
 * Free it after the list.
 */
enum reel_status stand_ins_make(struct session *s, int64_t viewer_key,
                                const struct reel_model *model,
                                struct reel_list_options *opt, struct stand_ins **out,
                                struct reel_error *err) REEL_CHECKED;
void stand_ins_free(struct stand_ins *stand_ins);

#endif
