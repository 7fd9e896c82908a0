/**
 * Threads that wait for a loop to share; see base_pool.h.
 */
#include "base_pool.h"
#include "base_alloc.h"
#include "base_error.h"

#include <pthread.h>
#include <stdatomic.h>

struct worker {
    struct base_pool *pool;
    pthread_t thread;
    int32_t number;
};

struct base_pool {
    int32_t n_threads; /* the caller is worker 0 and has no entry in `worker` */
    pthread_mutex_t mutex;
    pthread_cond_t begun, ended;
    uint64_t round;
    int32_t n_working;
    bool is_closing;

    base_pool_job *job;
    void *payload;
    int64_t n_items, n_chunk;
    atomic_int_fast64_t next;

    struct worker worker[];
};

static void take_chunks(struct base_pool *pool, int32_t number)
{
    for (;;) {
        const int64_t begin = atomic_fetch_add(&pool->next, pool->n_chunk);
        if (begin >= pool->n_items) {
            return;
        }
        const int64_t end = begin + pool->n_chunk;
        pool->job(begin, end < pool->n_items ? end : pool->n_items, number,
                  pool->payload);
    }
}

static void *work(void *argument)
{
    struct worker *self = argument;
    struct base_pool *pool = self->pool;
    uint64_t round = 0;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (pool->round == round && !pool->is_closing) {
            pthread_cond_wait(&pool->begun, &pool->mutex);
        }
        if (pool->is_closing) {
            break;
        }
        round = pool->round;
        pthread_mutex_unlock(&pool->mutex);
        take_chunks(pool, self->number);
        pthread_mutex_lock(&pool->mutex);
        if (--pool->n_working == 0) {
            pthread_cond_signal(&pool->ended);
        }
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

enum reel_status base_pool_create(int32_t n_threads, struct base_pool **out,
                                  struct reel_error *err)
{
    *out = NULL;
    if (n_threads < 1 || n_threads > 1024) {
        return fail(err, REEL_EINVAL, "threads: %d is not in 1 .. 1024", n_threads);
    }
    struct base_pool *pool =
        base_alloc_zeroed(1, sizeof *pool + (size_t)n_threads * sizeof(struct worker));
    if (!pool) {
        return fail(err, REEL_ENOMEM, "pool of %d threads", n_threads);
    }
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->begun, NULL);
    pthread_cond_init(&pool->ended, NULL);
    pool->n_threads = 1;
    for (int32_t i = 1; i < n_threads; i++) {
        struct worker *worker = &pool->worker[i];
        *worker = (struct worker){.pool = pool, .number = i};
        if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
            base_pool_free(pool);
            return fail(err, REEL_EFAIL, "thread %d of %d cannot be started", i,
                        n_threads);
        }
        pool->n_threads++;
    }
    *out = pool;
    return REEL_OK;
}

void base_pool_free(struct base_pool *pool)
{
    if (!pool) {
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->is_closing = true;
    pthread_cond_broadcast(&pool->begun);
    pthread_mutex_unlock(&pool->mutex);
    for (int32_t i = 1; i < pool->n_threads; i++) {
        pthread_join(pool->worker[i].thread, NULL);
    }
    pthread_cond_destroy(&pool->ended);
    pthread_cond_destroy(&pool->begun);
    pthread_mutex_destroy(&pool->mutex);
    base_free(pool);
}

int32_t base_pool_n_threads(const struct base_pool *pool)
{
    return pool->n_threads;
}

void base_pool_run(struct base_pool *pool, int64_t n_items, int64_t n_chunk,
                   base_pool_job *job, void *payload)
{
    pthread_mutex_lock(&pool->mutex);
    pool->job = job;
    pool->payload = payload;
    pool->n_items = n_items;
    pool->n_chunk = n_chunk > 0 ? n_chunk : 1;
    atomic_store(&pool->next, 0);
    pool->n_working = pool->n_threads - 1;
    pool->round++;
    pthread_cond_broadcast(&pool->begun);
    pthread_mutex_unlock(&pool->mutex);
    take_chunks(pool, 0);
    pthread_mutex_lock(&pool->mutex);
    while (pool->n_working > 0) {
        pthread_cond_wait(&pool->ended, &pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
}
