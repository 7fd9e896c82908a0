#include "base_alloc.h"
#include "base_net.h"

#include "unit.h"

#include <math.h>
#include <stdlib.h>

enum { N_IN = 3, N_HIDDEN = 8, N_ITEMS = 40 };

/** y = |x_0 - x_1| + x_2: a layer of eight is enough, none is not. */
struct sample {
    float x[N_ITEMS][N_IN], y[N_ITEMS];
    double dropout;
    bool is_broken;
};

static void sample_fill(struct sample *s)
{
    struct base_rng rng;
    base_rng_init(&rng, 3, 0);
    memset(s, 0, sizeof *s);
    for (int i = 0; i < N_ITEMS; i++) {
        for (int c = 0; c < N_IN; c++) {
            s->x[i][c] = (float)(2 * base_rng_double(&rng) - 1);
        }
        s->y[i] = fabsf(s->x[i][0] - s->x[i][1]) + s->x[i][2];
    }
}

static const struct base_net_param params[] = {
    {"w1", N_IN, N_HIDDEN, 0, 0.7, true, false, 0},
    {"b1", N_HIDDEN, 1, 0, 0.1, false, false, 0},
    {"w2", N_HIDDEN, 1, 0, 0.7, true, false, 0},
};

static struct ggml_tensor *forward(struct base_net_graph *g, struct ggml_tensor *x,
                                   double dropout)
{
    struct ggml_tensor *h = base_net_add(g, base_net_product(g, base_net_param(g, 0), x),
                                         base_net_param(g, 1));
    h = base_net_dropout(g, base_net_relu(g, h), dropout);
    return base_net_product(g, base_net_param(g, 2), h);
}

static struct ggml_tensor *loss(struct base_net_graph *g, const int32_t *item, int32_t n,
                                double *weight, void *payload)
{
    struct sample *s = payload;
    if (s->is_broken) {
        return NULL;
    }
    float *x = base_net_memory(g, (size_t)n * N_IN, sizeof *x);
    float *y = base_net_memory(g, (size_t)n, sizeof *y);
    for (int32_t i = 0; x && y && i < n; i++) {
        memcpy(x + (size_t)i * N_IN, s->x[item[i]], sizeof s->x[0]);
        y[i] = s->y[item[i]];
    }
    *weight = n;
    return x && y
               ? base_net_square_error(
                     g, forward(g, base_net_floats(g, N_IN, n, x), s->dropout), y, NULL)
               : NULL;
}

static struct base_net_task task_of(struct sample *s)
{
    return (struct base_net_task){.loss = loss,
                                  .payload = s,
                                  .n_items = N_ITEMS - 8,
                                  .n_valid = 8,
                                  .n_batch = 8,
                                  .n_part = 4};
}

static struct base_net_options quick(int32_t n_epochs)
{
    struct base_net_options opt = base_net_options_default();
    opt.n_epochs = n_epochs;
    opt.rate = 0.02;
    return opt;
}

static void a_small_net_learns_a_bent_function(void **state)
{
    (void)state;
    struct sample s;
    struct base_net *net;
    struct base_net_result result;
    struct reel_error err;
    sample_fill(&s);
    assert_ok(base_net_create(params, COUNT_OF(params), 1, &net, &err), err);
    const struct base_net_task task = task_of(&s);
    const struct base_net_options opt = quick(150);
    assert_ok(base_net_train(net, &task, &opt, &result, &err), err);
    assert_int_equal(result.n_epochs, 150);
    assert_true(result.loss < 0.02);
    base_net_free(net);
}

static void train_copy(const struct base_net_task *task,
                       const struct base_net_options *opt, struct base_net **net)
{
    struct base_net_result result;
    struct reel_error err;
    assert_ok(base_net_create(params, COUNT_OF(params), 5, net, &err), err);
    assert_ok(base_net_train(*net, task, opt, &result, &err), err);
}

static double distance(const struct base_net *a, const struct base_net *b)
{
    double sum = 0;
    for (int32_t p = 0; p < (int32_t)COUNT_OF(params); p++) {
        for (int64_t i = 0; i < params[p].n_0 * params[p].n_1; i++) {
            sum +=
                fabs((double)base_net_values(a, p)[i] - (double)base_net_values(b, p)[i]);
        }
    }
    return sum;
}

static void same_seed_and_threads_give_the_same_bits(void **state)
{
    (void)state;
    struct sample s;
    sample_fill(&s);
    s.dropout = 0.2;
    struct base_net *net[3];
    const struct base_net_task task = task_of(&s);
    struct base_net_options opt = quick(3);
    opt.n_threads = 2;
    train_copy(&task, &opt, &net[0]);
    train_copy(&task, &opt, &net[1]);
    opt.seed = 2;
    train_copy(&task, &opt, &net[2]);
    assert_true(distance(net[0], net[1]) == 0);
    assert_true(distance(net[0], net[2]) > 0);
    for (int i = 0; i < 3; i++) {
        base_net_free(net[i]);
    }
}

static void gradients_of_parts_add_up_to_those_of_the_batch(void **state)
{
    (void)state;
    struct sample s;
    sample_fill(&s);
    struct base_net *whole, *parts;
    struct base_net_task task = task_of(&s);
    struct base_net_options opt = quick(2);
    task.n_part = task.n_batch;
    train_copy(&task, &opt, &whole);
    task.n_part = 3;
    opt.n_threads = 2;
    train_copy(&task, &opt, &parts);
    assert_true(distance(whole, parts) < 1e-4);
    base_net_free(whole);
    base_net_free(parts);
}

struct watch {
    int n_steps, n_judged;
    double gradient, first_rate, last_rate;
};

static void watch_step(const struct base_net_step *step, void *payload)
{
    struct watch *w = payload;
    if (!isnan(step->score)) {
        w->n_judged++;
        return;
    }
    if (w->n_steps++ == 0) {
        w->gradient = step->gradient;
        w->first_rate = step->rate;
    }
    w->last_rate = step->rate;
}

static double loss_now(const struct base_net *net, struct sample *s)
{
    double sum = 0;
    for (int i = 0; i < N_ITEMS - 8; i++) {
        double y = 0;
        for (int h = 0; h < N_HIDDEN; h++) {
            double a = (double)base_net_values(net, 1)[h];
            for (int c = 0; c < N_IN; c++) {
                a += (double)base_net_values(net, 0)[h * N_IN + c] * (double)s->x[i][c];
            }
            y += a > 0 ? a * (double)base_net_values(net, 2)[h] : 0;
        }
        sum += (y - (double)s->y[i]) * (y - (double)s->y[i]);
    }
    return sum / (N_ITEMS - 8);
}

static void the_gradient_is_that_of_differences(void **state)
{
    (void)state;
    struct sample s;
    sample_fill(&s);
    struct base_net *net;
    struct base_net_result result;
    struct reel_error err;
    struct watch watch = {0};
    assert_ok(base_net_create(params, COUNT_OF(params), 9, &net, &err), err);
    double square = 0;
    for (int32_t p = 0; p < (int32_t)COUNT_OF(params); p++) {
        for (int64_t i = 0; i < params[p].n_0 * params[p].n_1; i++) {
            float *x = &base_net_values(net, p)[i];
            const float old = *x;
            *x = old + 1e-3F;
            const double above = loss_now(net, &s);
            *x = old - 1e-3F;
            const double below = loss_now(net, &s);
            *x = old;
            square += (above - below) / 2e-3 * (above - below) / 2e-3;
        }
    }
    struct base_net_task task = task_of(&s);
    task.n_batch = task.n_items;
    task.n_part = 7;
    struct base_net_options opt = quick(1);
    opt.rate = 0;
    opt.told = watch_step;
    opt.told_payload = &watch;
    assert_ok(base_net_train(net, &task, &opt, &result, &err), err);
    assert_true(fabs(result.loss - loss_now(net, &s)) < 1e-4);
    assert_true(fabs(watch.gradient - sqrt(square)) < 5e-3 * sqrt(square));
    base_net_free(net);
}

static void the_rate_warms_up_and_falls(void **state)
{
    (void)state;
    struct sample s;
    sample_fill(&s);
    struct base_net *net;
    struct watch watch = {0};
    const struct base_net_task task = task_of(&s);
    struct base_net_options opt = quick(5);
    opt.n_warmup = 4;
    opt.told = watch_step;
    opt.told_payload = &watch;
    train_copy(&task, &opt, &net);
    assert_int_equal(watch.n_steps, 20);
    assert_true(fabs(watch.first_rate - opt.rate / 4) < 1e-9);
    assert_true(watch.last_rate < 0.2 * opt.rate);
    assert_true(watch.last_rate > opt.rate_end * opt.rate);
    base_net_free(net);
}

static enum reel_status worse_each_time(const struct base_net *net, double *score,
                                        void *payload, struct reel_error *err)
{
    (void)net, (void)err, (void)payload;
    static _Thread_local double next;
    *score = next--;
    return REEL_OK;
}

static void it_stops_when_nothing_gets_better_and_keeps_the_best(void **state)
{
    (void)state;
    struct sample s;
    sample_fill(&s);
    struct base_net *net, *first;
    struct base_net_result result;
    struct reel_error err;
    struct base_net_task task = task_of(&s);
    task.measure = worse_each_time;
    struct base_net_options opt = quick(50);
    opt.judge_epochs = 1;
    opt.patience = 3;
    assert_ok(base_net_create(params, COUNT_OF(params), 5, &net, &err), err);
    assert_ok(base_net_train(net, &task, &opt, &result, &err), err);
    assert_int_equal(result.n_epochs, 4);
    assert_int_equal(result.best_epoch, 1);
    // The same schedule, one epoch of it, judged on the loss of the last eight.
    struct watch watch = {0};
    task.measure = NULL;
    opt.patience = 0;
    opt.n_epochs = 2;
    opt.rate_end = 1;
    opt.told = watch_step;
    opt.told_payload = &watch;
    train_copy(&task, &opt, &first);
    assert_int_equal(watch.n_judged, 2);
    base_net_free(net);
    base_net_free(first);
}

static bool stop_after_three(const char *stage, double done, double total, void *payload)
{
    (void)stage, (void)done, (void)total;
    return ++*(int *)payload <= 3;
}

static void it_can_be_stopped_and_refuses_nonsense(void **state)
{
    (void)state;
    struct sample s;
    sample_fill(&s);
    struct base_net *net;
    struct base_net_result result;
    struct reel_error err;
    int n_calls = 0;
    struct base_net_task task = task_of(&s);
    struct base_net_options opt = quick(50);
    assert_ok(base_net_create(params, COUNT_OF(params), 5, &net, &err), err);
    opt.progress = (struct reel_progress){stop_after_three, &n_calls};
    assert_int_equal(base_net_train(net, &task, &opt, &result, &err), REEL_ECANCELLED);
    assert_int_equal(n_calls, 4);
    opt = quick(1);
    task.n_part = 0;
    assert_int_equal(base_net_train(net, &task, &opt, &result, &err), REEL_EINVAL);
    task = task_of(&s);
    s.is_broken = true;
    assert_int_equal(base_net_train(net, &task, &opt, &result, &err), REEL_ENOMEM);
    base_net_free(net);
    const struct base_net_param bad = {"none", 0, 3, 0, 0, false, false, 0};
    assert_int_equal(base_net_create(&bad, 1, 1, &net, &err), REEL_EINVAL);
    assert_null(net);
}

/* ---- states ---- */

struct kept {
    struct base_net_state state;
    int32_t at;
};

static float *copy_of(const float *bank, size_t n)
{
    float *copy = bank ? malloc(n * sizeof *copy) : NULL;
    if (copy) {
        memcpy(copy, bank, n * sizeof *copy);
    }
    return copy;
}

static enum reel_status keep_one(const struct base_net_state *state, void *payload,
                                 struct reel_error *err)
{
    (void)err;
    struct kept *kept = payload;
    if (state->i_step == kept->at && !kept->state.value) {
        kept->state = *state;
        kept->state.value = copy_of(state->value, state->n_floats);
        kept->state.best = copy_of(state->best, state->n_floats);
        for (int i = 0; i < 2; i++) {
            kept->state.moment[i] = copy_of(state->moment[i], state->n_floats);
        }
    }
    return REEL_OK;
}

static void a_training_goes_on_as_if_it_had_never_ended(void **state)
{
    (void)state;
    struct sample s;
    sample_fill(&s);
    s.dropout = 0.2;
    for (int32_t at = 1; at <= 11; at += 5) { // inside an epoch, between two, inside
        struct base_net *whole, *resumed;
        struct kept kept = {.at = at};
        const struct base_net_task task = task_of(&s);
        struct base_net_options opt = quick(4);
        opt.n_steps = 14;
        opt.judge_steps = 3;
        opt.keep = keep_one;
        opt.keep_payload = &kept;
        train_copy(&task, &opt, &whole);
        assert_non_null(kept.state.value);
        opt.keep = NULL;
        opt.resume = &kept.state;
        train_copy(&task, &opt, &resumed);
        assert_true(distance(whole, resumed) == 0);
        kept.state.n_floats--;
        struct base_net_result result;
        struct reel_error err;
        assert_int_equal(base_net_train(resumed, &task, &opt, &result, &err),
                         REEL_EINVAL);
        base_net_free(whole);
        base_net_free(resumed);
        free(kept.state.value);
        free(kept.state.best);
        free(kept.state.moment[0]);
        free(kept.state.moment[1]);
    }
}

/* ---- gradients without a graph ---- */

// The same net by hand: y = w2 . relu(w1 x + b1).
static bool by_hand(const struct base_net *net, const int32_t *item, int32_t n,
                    int32_t worker, struct base_rng *rng, float *gradient, double *loss,
                    double *weight, void *payload)
{
    (void)worker, (void)rng;
    const struct sample *s = payload;
    const float *w1 = base_net_values(net, 0), *b1 = base_net_values(net, 1),
                *w2 = base_net_values(net, 2);
    for (int32_t i = 0; i < n; i++) {
        const float *x = s->x[item[i]];
        float a[N_HIDDEN], miss = -s->y[item[i]];
        for (int h = 0; h < N_HIDDEN; h++) {
            a[h] = b1[h];
            for (int c = 0; c < N_IN; c++) {
                a[h] += w1[h * N_IN + c] * x[c];
            }
            miss += a[h] > 0 ? w2[h] * a[h] : 0;
        }
        *loss += (double)(miss * miss);
        *weight += 1;
        for (int h = 0; gradient && h < N_HIDDEN; h++) {
            const float da = a[h] > 0 ? 2 * miss * w2[h] : 0;
            gradient[base_net_offset(net, 2) + (size_t)h] +=
                a[h] > 0 ? 2 * miss * a[h] : 0;
            gradient[base_net_offset(net, 1) + (size_t)h] += da;
            for (int c = 0; c < N_IN; c++) {
                gradient[base_net_offset(net, 0) + (size_t)(h * N_IN + c)] += da * x[c];
            }
        }
    }
    return true;
}

static void pull_to_one(struct base_net *net, float *gradient, int32_t i_step,
                        int32_t n_steps, void *payload)
{
    (void)payload;
    assert_true(i_step < n_steps);
    gradient[base_net_offset(net, 1)] += base_net_values(net, 1)[0] - 1;
}

static void a_net_may_find_its_gradient_itself(void **state)
{
    (void)state;
    struct sample s;
    sample_fill(&s);
    struct base_net *graph, *hand;
    struct base_net_task task = task_of(&s);
    struct base_net_options opt = quick(5);
    opt.n_threads = 2;
    train_copy(&task, &opt, &graph);
    task.direct = by_hand;
    train_copy(&task, &opt, &hand);
    assert_true(distance(graph, hand) < 1e-3);
    base_net_free(hand);
    task.before_step = pull_to_one;
    train_copy(&task, &opt, &hand);
    assert_true(distance(graph, hand) > 1e-3);
    base_net_free(graph);
    base_net_free(hand);
}

static void a_group_of_parameters_has_its_own_rate(void **state)
{
    (void)state;
    struct sample s;
    sample_fill(&s);
    struct base_net_param slow[COUNT_OF(params)];
    memcpy(slow, params, sizeof slow);
    slow[0].rate_factor = 1e-6;
    struct base_net *before, *after;
    struct base_net_result result;
    struct reel_error err;
    const struct base_net_task task = task_of(&s);
    const struct base_net_options opt = quick(3);
    assert_ok(base_net_create(slow, COUNT_OF(slow), 5, &before, &err), err);
    assert_ok(base_net_create(slow, COUNT_OF(slow), 5, &after, &err), err);
    assert_ok(base_net_train(after, &task, &opt, &result, &err), err);
    const double moved[] = {fabs((double)base_net_values(before, 0)[0] -
                                 (double)base_net_values(after, 0)[0]),
                            fabs((double)base_net_values(before, 2)[0] -
                                 (double)base_net_values(after, 2)[0])};
    assert_true(moved[0] < 1e-5 && moved[1] > 1e-3);
    base_net_free(before);
    base_net_free(after);
}

/* ---- attention, norm and cross entropy against loops ---- */

enum { WIDTH = 6, HEADS = 2, TOKENS = 5, SEQUENCES = 3, ROWS = TOKENS * SEQUENCES };

static struct ggml_tensor *build_attention(struct base_net_graph *g, void *payload)
{
    (void)payload;
    return base_net_attention(g, base_net_param(g, 0), base_net_param(g, 1),
                              base_net_param(g, 2), HEADS, SEQUENCES, 0);
}

// The formula: out_t = sum over s <= t of softmax(q_t k_s / sqrt(width)) v_s, by head.
static void attention_naive(const float *q, const float *k, const float *v, float *out)
{
    const int width = WIDTH / HEADS;
    for (int row = 0; row < ROWS; row++) {
        const int first = row / TOKENS * TOKENS;
        for (int h = 0; h < HEADS; h++) {
            double e[TOKENS], sum = 0;
            for (int s = first; s <= row; s++) {
                double dot = 0;
                for (int c = h * width; c < (h + 1) * width; c++) {
                    dot += (double)q[row * WIDTH + c] * (double)k[s * WIDTH + c];
                }
                sum += e[s - first] = exp(dot / sqrt(width));
            }
            for (int c = h * width; c < (h + 1) * width; c++) {
                double mix = 0;
                for (int s = first; s <= row; s++) {
                    mix += e[s - first] / sum * (double)v[s * WIDTH + c];
                }
                out[row * WIDTH + c] = (float)mix;
            }
        }
    }
}

static void attention_looks_back_only_and_by_sequence(void **state)
{
    (void)state;
    const struct base_net_param qkv[] = {{"q", WIDTH, ROWS, 0, 1, false, false, 0},
                                         {"k", WIDTH, ROWS, 0, 1, false, false, 0},
                                         {"v", WIDTH, ROWS, 0, 1, false, false, 0}};
    struct base_net *net;
    struct reel_error err;
    float out[ROWS * WIDTH], wanted[ROWS * WIDTH];
    assert_ok(base_net_create(qkv, 3, 4, &net, &err), err);
    assert_ok(base_net_run(net, build_attention, NULL, out, ROWS * WIDTH, &err), err);
    attention_naive(base_net_values(net, 0), base_net_values(net, 1),
                    base_net_values(net, 2), wanted);
    for (int i = 0; i < ROWS * WIDTH; i++) {
        assert_true(fabsf(out[i] - wanted[i]) < 1e-5F);
    }
    assert_int_equal(base_net_run(net, build_attention, NULL, out, 7, &err), REEL_EINVAL);
    base_net_free(net);
}

static const int32_t wanted_class[] = {2, 0};

static struct ggml_tensor *build_entropy(struct base_net_graph *g, void *payload)
{
    static const int32_t row[] = {1, 0};
    (void)payload;
    struct ggml_tensor *x = base_net_rows(g, base_net_param(g, 0), row, 2);
    x = base_net_silu(g, base_net_norm(g, x, base_net_param(g, 1)));
    return base_net_cross_entropy(g, base_net_times(g, x, x), wanted_class);
}

static void entropy_of_normed_rows_is_what_the_formula_says(void **state)
{
    (void)state;
    const struct base_net_param p[] = {{"x", 4, 2, 0, 1, false, false, 0},
                                       {"gain", 4, 1, 1, 0.1, false, false, 0}};
    struct base_net *net;
    struct reel_error err;
    float out;
    double wanted = 0;
    assert_ok(base_net_create(p, 2, 4, &net, &err), err);
    assert_ok(base_net_run(net, build_entropy, NULL, &out, 1, &err), err);
    for (int m = 0; m < 2; m++) {
        const float *x = base_net_values(net, 0) + (m == 0 ? 4 : 0);
        double square = 1e-5, sum = 0, logit[4];
        for (int c = 0; c < 4; c++) {
            square += (double)x[c] * (double)x[c] / 4;
        }
        for (int c = 0; c < 4; c++) {
            const double y =
                (double)x[c] / sqrt(square) * (double)base_net_values(net, 1)[c];
            logit[c] = y / (1 + exp(-y)) * y / (1 + exp(-y));
            sum += exp(logit[c]);
        }
        wanted += (log(sum) - logit[wanted_class[m]]) / 2;
    }
    assert_true(fabs((double)out - wanted) < 1e-5);
    base_net_free(net);
}

static const float wanted_share[] = {0.5F, 0.3F, 0.15F, 0.05F};

static struct ggml_tensor *share_loss(struct base_net_graph *g, const int32_t *item,
                                      int32_t n, double *weight, void *payload)
{
    (void)item;
    (void)payload;
    *weight = n;
    return base_net_cross_entropy_shares(g, base_net_param(g, 0), wanted_share);
}

// Entropy is least, and the gradient 0, where the softmax is what is wanted.
static void a_wanted_distribution_is_learnt(void **state)
{
    (void)state;
    const struct base_net_param p = {"x", 4, 1, 0, 1, false, false, 0};
    const struct base_net_task task = {
        .loss = share_loss, .n_items = 1, .n_batch = 1, .n_part = 1};
    const struct base_net_options opt = quick(2000);
    struct base_net *net;
    struct base_net_result result;
    struct reel_error err;
    assert_ok(base_net_create(&p, 1, 4, &net, &err), err);
    assert_ok(base_net_train(net, &task, &opt, &result, &err), err);
    double sum = 0, entropy = 0;
    for (int c = 0; c < 4; c++) {
        sum += exp((double)base_net_values(net, 0)[c]);
        entropy -= (double)wanted_share[c] * log((double)wanted_share[c]);
    }
    for (int c = 0; c < 4; c++) {
        const double share = exp((double)base_net_values(net, 0)[c]) / sum;
        assert_true(fabs(share - (double)wanted_share[c]) < 0.01);
    }
    assert_true(fabs(result.loss - entropy) < 1e-3);
    base_net_free(net);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct sample s;
    sample_fill(&s);
    struct reel_error err;
    for (long n = 0;; n++) {
        struct base_net *net = NULL;
        struct base_net_result result;
        const struct base_net_task task = task_of(&s);
        struct base_net_options opt = quick(1);
        opt.judge_epochs = 1;
        base_alloc_fail_after(n);
        enum reel_status rc = base_net_create(params, COUNT_OF(params), 1, &net, &err);
        rc = rc ? rc : base_net_train(net, &task, &opt, &result, &err);
        base_alloc_fail_after(-1);
        base_net_free(net);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_net_learns_a_bent_function),
        cmocka_unit_test(same_seed_and_threads_give_the_same_bits),
        cmocka_unit_test(gradients_of_parts_add_up_to_those_of_the_batch),
        cmocka_unit_test(the_gradient_is_that_of_differences),
        cmocka_unit_test(the_rate_warms_up_and_falls),
        cmocka_unit_test(it_stops_when_nothing_gets_better_and_keeps_the_best),
        cmocka_unit_test(it_can_be_stopped_and_refuses_nonsense),
        cmocka_unit_test(a_training_goes_on_as_if_it_had_never_ended),
        cmocka_unit_test(a_net_may_find_its_gradient_itself),
        cmocka_unit_test(a_group_of_parameters_has_its_own_rate),
        cmocka_unit_test(attention_looks_back_only_and_by_sequence),
        cmocka_unit_test(entropy_of_normed_rows_is_what_the_formula_says),
        cmocka_unit_test(a_wanted_distribution_is_learnt),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
