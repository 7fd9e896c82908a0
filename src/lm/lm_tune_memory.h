/** What was tuned on which machine: HOME/models/tuned.json. */
#ifndef LM_TUNE_MEMORY_H
#define LM_TUNE_MEMORY_H

#include <forkreel/lm_files.h>

/** "HOME/models/tuned"; false when it does not fit. */
bool lm_tune_folder(const char *home, char folder[REEL_LM_PATH_BYTES]);

/**
 * Remember for this machine that `kept` (a path below lm_tune_folder, or `path` itself) is
 * the form of the model at `path` whose checksum is given. What was kept for it before is
 * removed from the disk when it is another file.
 */
enum reel_status lm_tune_remember(const char *home, const char *path,
                                  const char *checksum, const char *kept,
                                  const struct reel_lm_tuned *tuned,
                                  struct reel_error *err) REEL_CHECKED;

#endif
