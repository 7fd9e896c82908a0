/**
 * Processes that learn one net together, over MPI: `mpirun -n 4 forkreel lm pretrain ...`.
 *
 * Built with -DFORKREEL_MPI=ON (Open MPI or another). Without it, and for a process that
 * mpirun has not started, there is one rank and nothing of MPI is called.
 *
 *     struct base_net_ranks ranks;
 *     rc = base_ranks_join(&ranks, &err);
 *     opt.ranks = ranks.n_ranks > 1 ? &ranks : NULL;
 *     ... rank 0 alone writes files and speaks ...
 *     base_ranks_leave(&ranks, rc);
 */
#ifndef BASE_RANKS_H
#define BASE_RANKS_H

#include "base_net.h"

/**
 * Errors: REEL_EINVAL mpirun started several, and this program was built without MPI: each would
 *         train alone; REEL_EFAIL MPI does not begin.
 */
enum reel_status base_ranks_join(struct base_net_ranks *ranks,
                                 struct reel_error *err) REEL_CHECKED;
/**
 * After a failure this process ends without waiting for the others, and mpirun ends them:
 * they might wait for it for ever.
 */
void base_ranks_leave(const struct base_net_ranks *ranks, enum reel_status rc);

/** Do all ranks have this number? Errors: REEL_EINVAL they differ, named by `what`. */
enum reel_status base_ranks_agree(const struct base_net_ranks *ranks, uint64_t number,
                                  const char *what, struct reel_error *err) REEL_CHECKED;

#endif
