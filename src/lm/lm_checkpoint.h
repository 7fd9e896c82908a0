/**
 * What a training needs to go on as if it had never stopped: named parts in one file.
 *
 * A checkpoint is written beside, synced and renamed, so a death at any moment leaves the one
 * before. Of a folder the two newest are kept; if the newest is damaged the other is read.
 *
 *     const struct lm_checkpoint_part part[] = {{"parameters", value, n_bytes}, ...};
 *     rc = lm_checkpoint_write(folder, step, part, COUNT, &err);
 *     ...
 *     rc = lm_checkpoint_open(folder, &checkpoint, &err);
 *     rc = lm_checkpoint_copy(checkpoint, "parameters", value, n_bytes, &err);
 *     lm_checkpoint_close(checkpoint);
 *
 * File FOLDER/step-N.checkpoint: 64 bytes of head (magic, version, oldest version that can
 * read it, step, parts, length), a table (name, offset, length), the parts on 64 bytes each,
 * and BLAKE2b of all that. Numbers are of this machine's byte order, which the magic tells.
 */
#ifndef LM_CHECKPOINT_H
#define LM_CHECKPOINT_H

#include "base_net.h"

#include <stddef.h>

enum {
    LM_CHECKPOINT_PARTS_MAX = 64,
    LM_CHECKPOINT_NAME_BYTES = 32,
    LM_CHECKPOINT_KEPT = 2
};

struct lm_checkpoint_part {
    const char *name; /* shorter than LM_CHECKPOINT_NAME_BYTES */
    const void *data;
    size_t n_bytes;
};

/**
 * Errors: REEL_EIO the disk is full or so: the checkpoint before is untouched; REEL_ENOMEM.
 */
enum reel_status lm_checkpoint_write(const char *folder, int64_t step,
                                     const struct lm_checkpoint_part *part,
                                     int32_t n_parts,
                                     struct reel_error *err) REEL_CHECKED;

/** All of a folder, when they have become useless. */
void lm_checkpoint_remove(const char *folder);

struct lm_checkpoint;
/**
 * The newest of a folder that is whole, or a file itself.
 * Errors: REEL_ENOTFOUND no such folder, or none in it; REEL_EFORMAT all are damaged (of the
 *         newest); REEL_EVERSION; REEL_EIO; REEL_ENOMEM. `*out` is then NULL.
 */
enum reel_status lm_checkpoint_open(const char *path, struct lm_checkpoint **out,
                                    struct reel_error *err) REEL_CHECKED;
void lm_checkpoint_close(struct lm_checkpoint *checkpoint);
int64_t lm_checkpoint_step(const struct lm_checkpoint *checkpoint);
const char *lm_checkpoint_path(const struct lm_checkpoint *checkpoint);
/** Aligned to 64 bytes, borrowed; NULL: there is no such part. */
const void *lm_checkpoint_get(const struct lm_checkpoint *checkpoint, const char *name,
                              size_t *n_bytes);
/** Errors: REEL_EFORMAT the part is missing or has another length; `to` is then untouched. */
enum reel_status lm_checkpoint_copy(const struct lm_checkpoint *checkpoint,
                                    const char *name, void *to, size_t n_bytes,
                                    struct reel_error *err) REEL_CHECKED;

/* ---- of the one training loop ---- */

/** A base_net_state as parts; the numbers live here while the parts are used. */
struct lm_checkpoint_net {
    int32_t i_step, i_epoch, i_item, n_worse, best_epoch, unused;
    uint64_t round;
    double sum_loss, sum_weight, loss, best_score;
};
enum { LM_CHECKPOINT_NET_PARTS = 5 };
/** Fills part (LM_CHECKPOINT_NET_PARTS); call this from base_net_options.keep. */
void lm_checkpoint_net_parts(const struct base_net_state *state,
                             struct lm_checkpoint_net *numbers,
                             struct lm_checkpoint_part *part);
/**
 * For base_net_options.resume; banks are lent by the checkpoint.
 * Errors: REEL_EFORMAT a part is missing, or not of n_floats numbers.
 */
enum reel_status lm_checkpoint_net_state(const struct lm_checkpoint *checkpoint,
                                         size_t n_floats, struct base_net_state *state,
                                         struct reel_error *err) REEL_CHECKED;

#endif
