/**
 * Worker threads for loops over many independent pieces.
 *
 * base_pool_run hands out [0, n_items) in chunks to the workers and the caller, and returns
 * when all are done. A job sees its worker number, so it can use buffers of its own. Which
 * worker gets which chunk varies from run to run; results must depend on the item alone.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <forkreel/status.h>

struct base_pool;

/** `n_threads` >= 1, the calling thread included. */
enum reel_status base_pool_create(int32_t n_threads, struct base_pool **out,
                                  struct reel_error *err) REEL_CHECKED;
void base_pool_free(struct base_pool *pool);
int32_t base_pool_n_threads(const struct base_pool *pool);

/** Work on items [begin, end); `worker` in [0, n_threads). */
typedef void base_pool_job(int64_t begin, int64_t end, int32_t worker, void *payload);

void base_pool_run(struct base_pool *pool, int64_t n_items, int64_t n_chunk,
                   base_pool_job *job, void *payload);

#endif
