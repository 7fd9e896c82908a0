/** From a viewer's history to what scores branches for them. */
#ifndef CLI_TASTE_H
#define CLI_TASTE_H

#include "cli_session.h"

/**
 * The plots of the catalogue, liked, disliked or neither, and how much more often than
 * others the viewer likes each genre. Free with reel_branch_taste_free.
 */
enum reel_status session_branch_taste(struct session *s, int64_t viewer_key,
                                      const char *language,
                                      struct reel_branch_taste **out,
                                      struct reel_error *err) REEL_CHECKED;

#endif
