/** Ranks over MPI; see base_ranks.h. The only file that sees MPI. */
#include "base_ranks.h"

#include "base_error.h"

#include <stdlib.h>

enum { N_AGREE_BITS = 32 }; /* doubles keep them whole in sums */

/** Processes that a launcher says it has started; 1 without one. */
static long n_started(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE",
                                        "MV2_COMM_WORLD_SIZE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = getenv(names[i]);
        if (text) {
            const long n = strtol(text, NULL, 10);
            return n > 1 ? n : 1;
        }
    }
    return 1;
}

#ifdef FORKREEL_MPI
#include <mpi.h>

enum { N_PART = 1 << 20 }; /* numbers of one message */

/** To rank 0 and back, in parts: so all have the same bits, whatever MPI's own way would be. */
static int sum_all(void *x, size_t n, MPI_Datatype type, size_t item_bytes, int i_rank)
{
    int rc = MPI_SUCCESS;
    for (size_t first = 0; rc == MPI_SUCCESS && first < n; first += N_PART) {
        const int n_part = (int)(n - first < N_PART ? n - first : N_PART);
        void *at = (char *)x + first * item_bytes;
        rc = MPI_Reduce(i_rank == 0 ? MPI_IN_PLACE : at, at, n_part, type, MPI_SUM, 0,
                        MPI_COMM_WORLD);
        rc = rc ? rc : MPI_Bcast(at, n_part, type, 0, MPI_COMM_WORLD);
    }
    return rc;
}

static enum reel_status sum_gradients(float *gradient, size_t n, double *sums,
                                      int32_t n_sums, void *payload,
                                      struct reel_error *err)
{
    int i_rank;
    (void)payload;
    if (MPI_Comm_rank(MPI_COMM_WORLD, &i_rank) != MPI_SUCCESS ||
        sum_all(sums, (size_t)n_sums, MPI_DOUBLE, sizeof *sums, i_rank) != MPI_SUCCESS ||
        sum_all(gradient, n, MPI_FLOAT, sizeof *gradient, i_rank) != MPI_SUCCESS) {
        return fail(err, REEL_EFAIL, "MPI cannot add %zu numbers up", n);
    }
    return REEL_OK;
}

/** MPI is one for each process, and so is this: a rank that failed leaves without good-bye. */
static bool is_failed;

/** mpirun ends the others when one exits so; who says good-bye would wait for them. */
static void finish(void)
{
    int is_over = 1;
    (void)MPI_Finalized(&is_over);
    if (!is_over && !is_failed) {
        (void)MPI_Finalize();
    }
}

static bool begin(void)
{
    int is_there = 0, level;
    if (MPI_Initialized(&is_there) == MPI_SUCCESS && is_there) {
        return true;
    }
    return MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) == MPI_SUCCESS &&
           level >= MPI_THREAD_FUNNELED && atexit(finish) == 0;
}

enum reel_status base_ranks_join(struct base_net_ranks *ranks, struct reel_error *err)
{
    *ranks = (struct base_net_ranks){.n_ranks = 1};
    if (n_started() == 1) {
        return REEL_OK;
    }
    int i_rank, n_ranks;
    if (!begin() || MPI_Comm_rank(MPI_COMM_WORLD, &i_rank) != MPI_SUCCESS ||
        MPI_Comm_size(MPI_COMM_WORLD, &n_ranks) != MPI_SUCCESS) {
        return fail(err, REEL_EFAIL, "MPI does not begin");
    }
    *ranks = (struct base_net_ranks){
        .i_rank = i_rank, .n_ranks = n_ranks, .sum_gradients = sum_gradients};
    return REEL_OK;
}

void base_ranks_leave(const struct base_net_ranks *ranks, enum reel_status rc)
{
    is_failed |= ranks->n_ranks > 1 && rc && rc != REEL_ECANCELLED;
}

#else

enum reel_status base_ranks_join(struct base_net_ranks *ranks, struct reel_error *err)
{
    *ranks = (struct base_net_ranks){.n_ranks = 1};
    const long n = n_started();
    return n == 1 ? REEL_OK
                  : fail(err, REEL_EINVAL,
                         "%ld processes would each train alone: this program was built "
                         "without MPI (cmake -DFORKREEL_MPI=ON)",
                         n);
}

void base_ranks_leave(const struct base_net_ranks *ranks, enum reel_status rc)
{
    (void)ranks, (void)rc;
}

#endif

enum reel_status base_ranks_agree(const struct base_net_ranks *ranks, uint64_t number,
                                  const char *what, struct reel_error *err)
{
    if (ranks->n_ranks < 2) {
        return REEL_OK;
    }
    const double low = (double)(number & UINT32_MAX),
                 high = (double)(number >> N_AGREE_BITS);
    double sums[2] = {low, high};
    const enum reel_status rc =
        ranks->sum_gradients(NULL, 0, sums, 2, ranks->payload, err);
    if (rc == REEL_OK &&
        (sums[0] != low * ranks->n_ranks || sums[1] != high * ranks->n_ranks)) {
        return fail(err, REEL_EINVAL, "rank %d of %d has another %s than the others",
                    ranks->i_rank, ranks->n_ranks, what);
    }
    return rc;
}
