/**
 * Several ranks learn as one does with the same batch. Ranks are threads here, whose sums meet in
 * memory; started by mpirun (tests/mpi), they are its processes.
 */
#include "unit.h"

#include "base_ranks.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

enum { N_ITEMS = 96, N_IN = 7, N_STEPS_MAX = 64, N_RANKS_MAX = 4 };

/** Least squares: y = w x, by hand, so that every number can be followed. */
struct problem {
    float x[N_ITEMS][N_IN], y[N_ITEMS];
    float gradient[N_STEPS_MAX][N_IN]; /* the mean that each step was taken with */
    int n_steps;
};

static void make_problem(struct problem *p)
{
    struct base_rng rng;
    memset(p, 0, sizeof *p);
    base_rng_init(&rng, 9, 0);
    for (int i = 0; i < N_ITEMS; i++) {
        for (int k = 0; k < N_IN; k++) {
            p->x[i][k] = (float)base_rng_normal(&rng);
            p->y[i] += p->x[i][k] * (float)(k - 3);
        }
    }
}

static bool direct(const struct base_net *net, const int32_t *item, int32_t n,
                   int32_t worker, struct base_rng *rng, float *gradient, double *loss,
                   double *weight, void *payload)
{
    const struct problem *p = payload;
    const float *w = base_net_values(net, 0);
    (void)worker, (void)rng;
    for (int32_t i = 0; i < n; i++) {
        const float *x = p->x[item[i]];
        float miss = -p->y[item[i]];
        for (int k = 0; k < N_IN; k++) {
            miss += w[k] * x[k];
        }
        for (int k = 0; gradient && k < N_IN; k++) {
            gradient[k] += 2 * miss * x[k];
        }
        *loss += (double)(miss * miss);
    }
    *weight += n;
    return true;
}

static void note_gradient(struct base_net *net, float *gradient, int32_t i_step,
                          int32_t n_steps, void *payload)
{
    struct problem *p = payload;
    (void)net, (void)n_steps;
    memcpy(p->gradient[i_step], gradient, sizeof p->gradient[i_step]);
    p->n_steps = i_step + 1;
}

/** Values after two epochs. */
static enum reel_status learn(struct problem *p, const struct base_net_ranks *ranks,
                              struct reel_progress progress, float *value,
                              struct reel_error *err)
{
    const struct base_net_param param = {.name = "w", .n_0 = N_IN, .n_1 = 1, .sd = .1};
    const struct base_net_task task = {.direct = direct,
                                       .payload = p,
                                       .n_items = N_ITEMS - 16,
                                       .n_valid = 16,
                                       .n_batch = 12,
                                       .n_part = 3,
                                       .before_step = note_gradient};
    struct base_net_options opt = base_net_options_default();
    struct base_net_result result;
    struct base_net *net;
    opt.n_epochs = 2;
    opt.judge_epochs = 1;
    opt.rate = .05;
    opt.ranks = ranks;
    opt.progress = progress;
    enum reel_status rc = base_net_create(&param, 1, 3, &net, err);
    rc = rc ? rc : base_net_train(net, &task, &opt, &result, err);
    if (rc == REEL_OK) {
        memcpy(value, base_net_values(net, 0), N_IN * sizeof *value);
    }
    base_net_free(net);
    return rc;
}

static const struct reel_progress silent;

static void check_same(const struct problem *one, const struct problem *many,
                       const float *value_one, const float *value_many)
{
    assert_int_equal(one->n_steps, many->n_steps);
    for (int s = 0; s < one->n_steps; s++) {
        for (int k = 0; k < N_IN; k++) {
            assert_true(fabs((double)(one->gradient[s][k] - many->gradient[s][k])) <
                        1e-4);
        }
    }
    for (int k = 0; k < N_IN; k++) {
        assert_true(fabs((double)(value_one[k] - value_many[k])) < 1e-5);
    }
}

// ---- ranks that are threads ----

struct meeting {
    pthread_barrier_t barrier;
    float *gradient[N_RANKS_MAX];
    double *sums[N_RANKS_MAX];
    int32_t n_ranks;
};

struct rank {
    struct meeting *meeting;
    struct base_net_ranks ranks;
    struct problem problem;
    float value[N_IN];
    int stop_at;
    enum reel_status rc;
    struct reel_error err;
};

static enum reel_status sum_in_memory(float *gradient, size_t n, double *sums,
                                      int32_t n_sums, void *payload,
                                      struct reel_error *err)
{
    struct rank *rank = payload;
    struct meeting *m = rank->meeting;
    (void)err;
    m->gradient[rank->ranks.i_rank] = gradient;
    m->sums[rank->ranks.i_rank] = sums;
    (void)pthread_barrier_wait(&m->barrier);
    if (rank->ranks.i_rank == 0) {
        for (int r = 1; r < m->n_ranks; r++) {
            for (size_t i = 0; i < n; i++) {
                gradient[i] += m->gradient[r][i];
            }
            for (int32_t i = 0; i < n_sums; i++) {
                sums[i] += m->sums[r][i];
            }
        }
        for (int r = 1; r < m->n_ranks; r++) {
            if (n > 0) {
                memcpy(m->gradient[r], gradient, n * sizeof *gradient);
            }
            memcpy(m->sums[r], sums, (size_t)n_sums * sizeof *sums);
        }
    }
    (void)pthread_barrier_wait(&m->barrier);
    return REEL_OK;
}

static bool stops(const char *stage, double done, double total, void *payload)
{
    const struct rank *rank = payload;
    (void)stage, (void)total;
    return rank->stop_at < 0 || done < rank->stop_at;
}

static void *run_rank(void *payload)
{
    struct rank *rank = payload;
    rank->rc = learn(&rank->problem, &rank->ranks, (struct reel_progress){stops, rank},
                     rank->value, &rank->err);
    return NULL;
}

/** `stop_at`: the step at which the last rank alone wants to stop; -1: never. */
static void run_ranks(struct rank *rank, int32_t n_ranks, int stop_at)
{
    pthread_t thread[N_RANKS_MAX];
    struct meeting meeting = {.n_ranks = n_ranks};
    assert_int_equal(pthread_barrier_init(&meeting.barrier, NULL, (unsigned)n_ranks), 0);
    for (int32_t r = 0; r < n_ranks; r++) {
        rank[r] = (struct rank){.meeting = &meeting,
                                .ranks = {.i_rank = r,
                                          .n_ranks = n_ranks,
                                          .sum_gradients = sum_in_memory,
                                          .payload = &rank[r]},
                                .stop_at = r == n_ranks - 1 ? stop_at : -1};
        make_problem(&rank[r].problem);
        assert_int_equal(pthread_create(&thread[r], NULL, run_rank, &rank[r]), 0);
    }
    for (int32_t r = 0; r < n_ranks; r++) {
        assert_int_equal(pthread_join(thread[r], NULL), 0);
    }
    (void)pthread_barrier_destroy(&meeting.barrier);
}

static void ranks_do_what_one_does_with_the_same_batch(void **state)
{
    (void)state;
    struct reel_error err;
    struct problem *one = malloc(sizeof *one);
    struct rank *rank = malloc(N_RANKS_MAX * sizeof *rank);
    float value[N_IN];
    make_problem(one);
    assert_ok(learn(one, NULL, silent, value, &err), err);
    for (int32_t n_ranks = 2; n_ranks <= N_RANKS_MAX; n_ranks++) {
        run_ranks(rank, n_ranks, -1);
        for (int32_t r = 0; r < n_ranks; r++) {
            assert_ok(rank[r].rc, rank[r].err);
            check_same(one, &rank[r].problem, value, rank[r].value);
            assert_memory_equal(rank[0].value, rank[r].value, sizeof value);
        }
    }
    free(rank);
    free(one);
}

static void ranks_stop_together(void **state)
{
    (void)state;
    struct rank *rank = malloc(2 * sizeof *rank);
    run_ranks(rank, 2, 5);
    for (int r = 0; r < 2; r++) {
        assert_int_equal(rank[r].rc, REEL_ECANCELLED);
        assert_int_equal(rank[r].problem.n_steps, 5);
    }
    free(rank);
}

static void process_alone_is_one_rank(void **state)
{
    (void)state;
    struct reel_error err;
    struct base_net_ranks ranks;
    assert_ok(base_ranks_join(&ranks, &err), err);
    assert_int_equal(ranks.n_ranks, 1);
    assert_ok(base_ranks_agree(&ranks, 7, "number", &err), err);
    base_ranks_leave(&ranks, REEL_OK);
}

// ---- ranks that are processes ----

static void processes_do_what_one_does_with_the_same_batch(void **state)
{
    struct reel_error err;
    const struct base_net_ranks *ranks = *state;
    struct problem *one = malloc(sizeof *one), *many = malloc(sizeof *many);
    float value[2][N_IN];
    make_problem(one);
    make_problem(many);
    assert_ok(learn(one, NULL, silent, value[0], &err), err);
    assert_ok(learn(many, ranks, silent, value[1], &err), err);
    check_same(one, many, value[0], value[1]);
    uint64_t bits = 0;
    for (int k = 0; k < N_IN; k++) {
        uint32_t word;
        memcpy(&word, &value[1][k], sizeof word);
        bits = bits * 0x100000001b3u + word;
    }
    assert_ok(base_ranks_agree(ranks, bits, "net", &err), err);
    assert_int_equal(base_ranks_agree(ranks, (uint64_t)ranks->i_rank, "number", &err),
                     REEL_EINVAL);
    free(many);
    free(one);
}

/** Under mpirun only its ranks are tested, and as many as it was asked for. */
static int test_processes(int n_wanted)
{
    struct reel_error err;
    struct base_net_ranks ranks;
    if (base_ranks_join(&ranks, &err) != REEL_OK || ranks.n_ranks != n_wanted) {
        print_error("%d ranks, not %d\n", ranks.n_ranks, n_wanted);
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(
        processes_do_what_one_does_with_the_same_batch, &ranks)};
    const int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    base_ranks_leave(&ranks, n_failed ? REEL_EFAIL : REEL_OK);
    return n_failed;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_do_what_one_does_with_the_same_batch),
        cmocka_unit_test(ranks_stop_together),
        cmocka_unit_test(process_alone_is_one_rank),
    };
    return argc > 1 ? test_processes((int)strtol(argv[1], NULL, 10))
                    : cmocka_run_group_tests(tests, NULL, NULL);
}
