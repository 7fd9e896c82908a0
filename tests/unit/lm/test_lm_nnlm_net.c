/** Neural language models: losses and gradients against PyTorch and finite differences. */
#include "unit.h"

#include "../../parity/nnlm_cases.h"
#include "base_linalg.h"
#include "base_rng.h"
#include "lm_ngram_words.h"
#include "lm_nnlm_net.h"

#include <math.h>
#include <stdlib.h>

static const struct lm_nnlm_text text = {nnlm_word, nnlm_line};
static const int32_t n_lines = COUNT_OF(nnlm_line) - 1, n_words = COUNT_OF(nnlm_word);

static struct lm_nnlm_shape shape_of(enum lm_nnlm_kind kind, bool is_direct)
{
    return (struct lm_nnlm_shape){.kind = kind,
                                  .is_direct = is_direct,
                                  .n_words = NNLM_WORDS,
                                  .n_embedding = NNLM_EMBEDDING,
                                  .n_hidden = NNLM_HIDDEN,
                                  .n_context = kind == LM_NNLM_LSTM ? 0 : NNLM_CONTEXT};
}

/** Weights as nnlm_cases.py makes them, and a gradient of zeros. */
struct net {
    struct lm_nnlm_shape shape;
    struct lm_nnlm_weights weights;
    float *value[LM_NNLM_N_ARRAYS], *gradient[LM_NNLM_N_ARRAYS];
    size_t n[LM_NNLM_N_ARRAYS];
    struct lm_nnlm_room room;
};

static struct net make_net(enum lm_nnlm_kind kind, bool is_direct)
{
    struct net net = {.shape = shape_of(kind, is_direct)};
    for (int i = 0; i < LM_NNLM_N_ARRAYS; i++) {
        int64_t n_rows, n_columns;
        lm_nnlm_array_shape(&net.shape, (enum lm_nnlm_array)i, &n_rows, &n_columns);
        net.n[i] = (size_t)(n_rows * n_columns);
        if (net.n[i] == 0) {
            continue;
        }
        net.value[i] = calloc(net.n[i], sizeof(float));
        net.gradient[i] = calloc(net.n[i], sizeof(float));
        for (size_t k = 0; k < net.n[i]; k++) {
            net.value[i][k] = (float)(.4 * sin(.7 * (double)k + 1.3 * i + .2));
        }
        net.weights.array[i] = net.value[i];
    }
    return net;
}

static void free_net(struct net *net)
{
    for (int i = 0; i < LM_NNLM_N_ARRAYS; i++) {
        free(net->value[i]);
        free(net->gradient[i]);
    }
    lm_nnlm_room_release(&net->room);
}

/** Of all words of the cases. */
static double loss_of(struct net *net, int32_t n_steps, double dropout,
                      struct base_rng *rng, bool with_gradient)
{
    float *const none[LM_NNLM_N_ARRAYS] = {0};
    int32_t item[COUNT_OF(nnlm_word)];
    const struct lm_nnlm_task task = {
        .shape = &net->shape, .text = &text, .n_steps = n_steps, .dropout = dropout};
    const int32_t n = net->shape.kind == LM_NNLM_LSTM ? n_lines : n_words;
    double loss, n_targets;
    for (int32_t i = 0; i < n; i++) {
        item[i] = i;
    }
    assert_true(lm_nnlm_loss(&task, &net->weights, item, n, rng,
                             with_gradient ? net->gradient : none, &net->room, &loss,
                             &n_targets));
    assert_true(n_targets == n_words);
    return loss;
}

static void check_case(enum lm_nnlm_kind kind, bool is_direct, int32_t n_steps,
                       const double *loss, const float *gradient, size_t n_gradient)
{
    struct net net = make_net(kind, is_direct);
    assert_true(fabs(loss_of(&net, n_steps, 0, NULL, true) - *loss) < 1e-4);
    size_t at = 0;
    for (int i = 0; i < LM_NNLM_N_ARRAYS; i++) {
        for (size_t k = 0; k < net.n[i]; k++, at++) {
            assert_true(fabs((double)(net.gradient[i][k] - gradient[at])) < 2e-5);
        }
    }
    assert_int_equal(at, n_gradient);
    free_net(&net);
}

static void losses_and_gradients_are_those_of_pytorch(void **state)
{
    (void)state;
    check_case(LM_NNLM_FEEDFORWARD, false, 0, feedforward_loss, feedforward_gradient,
               COUNT_OF(feedforward_gradient));
    check_case(LM_NNLM_FEEDFORWARD, true, 0, direct_loss, direct_gradient,
               COUNT_OF(direct_gradient));
    check_case(LM_NNLM_LSTM, false, 100, lstm_loss, lstm_gradient,
               COUNT_OF(lstm_gradient));
    check_case(LM_NNLM_LSTM, false, 3, lstm_cut_loss, lstm_cut_gradient,
               COUNT_OF(lstm_cut_gradient));
    assert_true(fabs(lstm_loss[0] - lstm_cut_loss[0]) < 1e-6); // only gradients are cut
}

/** With the same numbers drawn each time, dropout is a part of the function. */
static void check_differences(enum lm_nnlm_kind kind, bool is_direct, double dropout)
{
    struct net net = make_net(kind, is_direct);
    struct base_rng rng;
    const float step = 4e-3F;
    base_rng_init(&rng, 5, 0);
    (void)loss_of(&net, 100, dropout, &rng, true);
    for (int i = 0; i < LM_NNLM_N_ARRAYS; i++) {
        for (size_t k = 0; k < net.n[i]; k += 3) {
            const float kept = net.value[i][k];
            double loss[2];
            for (int side = 0; side < 2; side++) {
                net.value[i][k] = kept + (side ? step : -step);
                base_rng_init(&rng, 5, 0);
                loss[side] = loss_of(&net, 100, dropout, &rng, false);
            }
            net.value[i][k] = kept;
            const double slope = (loss[1] - loss[0]) / (2 * (double)step);
            assert_true(fabs(slope - (double)net.gradient[i][k]) < 3e-3);
        }
    }
    free_net(&net);
}

static void gradients_are_finite_differences(void **state)
{
    (void)state;
    for (int with_dropout = 0; with_dropout < 2; with_dropout++) {
        check_differences(LM_NNLM_FEEDFORWARD, false, .3 * with_dropout);
        check_differences(LM_NNLM_FEEDFORWARD, true, .3 * with_dropout);
        check_differences(LM_NNLM_LSTM, false, .3 * with_dropout);
    }
}

static void walking_word_by_word_gives_the_same_loss(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct net net = make_net(i == 2 ? LM_NNLM_LSTM : LM_NNLM_FEEDFORWARD, i == 1);
        const double loss = loss_of(&net, 4, 0, NULL, false);
        float where[2 * NNLM_HIDDEN], logp[NNLM_WORDS];
        assert_true(lm_nnlm_state_size(&net.shape) <= COUNT_OF(where));
        double sum = 0;
        for (int32_t line = 0; line < n_lines; line++) {
            assert_true(lm_nnlm_begin(&net.shape, &net.weights, where, &net.room));
            for (int64_t k = nnlm_line[line]; k < nnlm_line[line + 1]; k++) {
                double all = 0;
                assert_true(
                    lm_nnlm_predict(&net.shape, &net.weights, where, 1, &net.room, logp));
                for (int w = 0; w < NNLM_WORDS; w++) {
                    all += exp((double)logp[w]);
                }
                assert_true(fabs(all - 1) < 1e-5);
                sum -= (double)logp[nnlm_word[k]];
                assert_true(lm_nnlm_advance(&net.shape, &net.weights, nnlm_word[k], where,
                                            &net.room));
            }
        }
        assert_true(fabs(sum - loss) < 1e-4);
        free_net(&net);
    }
}

static void items_may_come_in_any_parts(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct net net = make_net(i ? LM_NNLM_LSTM : LM_NNLM_FEEDFORWARD, false);
        float *const none[LM_NNLM_N_ARRAYS] = {0};
        const struct lm_nnlm_task task = {
            .shape = &net.shape, .text = &text, .n_steps = 2};
        const double whole = loss_of(&net, 2, 0, NULL, false);
        double sum = 0, loss, n_targets;
        for (int32_t item = 0; item < (i ? n_lines : n_words); item++) {
            assert_true(lm_nnlm_loss(&task, &net.weights, &item, 1, NULL, none, &net.room,
                                     &loss, &n_targets));
            sum += loss;
        }
        assert_true(fabs(sum - whole) < 1e-4);
        assert_true(lm_nnlm_loss(&task, &net.weights, NULL, 0, NULL, none, &net.room,
                                 &loss, &n_targets));
        assert_true(loss == 0 && n_targets == 0);
        free_net(&net);
    }
}

static void products_equal_their_naive_twins(void **state)
{
    (void)state;
    enum { M = 3, N = 5, K = 4 };
    float a[M * K], b[K * N], turned[K * M], c[M * N], d[M * N];
    for (int i = 0; i < M; i++) {
        for (int k = 0; k < K; k++) {
            a[i * K + k] = turned[k * M + i] = (float)(i - 2 * k + 1);
        }
    }
    for (int i = 0; i < K * N; i++) {
        b[i] = (float)(i % 7) - 2;
    }
    base_gemm_nn(c, a, b, M, N, K, N, K, N, 1, 0);
    base_gemm_tn(d, turned, b, M, N, K, N, M, N, 1, 0);
    for (int i = 0; i < M; i++) {
        for (int j = 0; j < N; j++) {
            float sum = 0;
            for (int k = 0; k < K; k++) {
                sum += a[i * K + k] * b[k * N + j];
            }
            assert_true(c[i * N + j] == sum && d[i * N + j] == sum);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_gradients_are_those_of_pytorch),
        cmocka_unit_test(gradients_are_finite_differences),
        cmocka_unit_test(walking_word_by_word_gives_the_same_loss),
        cmocka_unit_test(items_may_come_in_any_parts),
        cmocka_unit_test(products_equal_their_naive_twins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
