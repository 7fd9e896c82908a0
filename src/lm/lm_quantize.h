/** File types of GGUF models: their names, and making one from another. */
#ifndef LM_QUANTIZE_H
#define LM_QUANTIZE_H

#include <forkreel/lm_files.h>

/** By number; in range. */
const struct reel_lm_file_type *lm_file_type(int i_type);
/** -1: there is no such type; letters may be small. */
int lm_file_type_find(const char *name);

/**
 * Write `to` in this type; whole or not there. Errors: REEL_EINVAL the type needs an importance
 * matrix; REEL_EFAIL llama.cpp cannot, with its reason; REEL_EIO.
 */
enum reel_status lm_file_type_make(const char *from, const char *to, int i_type,
                                   int32_t n_threads,
                                   struct reel_error *err) REEL_CHECKED;
/** Room on disk for a form of this model at `to`. Errors: REEL_EIO. */
enum reel_status lm_file_type_room(const struct reel_lm_info *info, int i_type,
                                   const char *to, struct reel_error *err) REEL_CHECKED;

/** Does the vocabulary know Chinese, or only its bytes? */
enum reel_status lm_knows_chinese(struct reel_lm *lm, bool *has_chinese,
                                  struct reel_error *err) REEL_CHECKED;

#endif
