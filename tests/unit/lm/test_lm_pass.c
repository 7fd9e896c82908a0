/** The gradient of every method against differences, on decoders of a few hundred numbers. */
#include "base_alloc.h"
#include "lm_adapter.h"
#include "lm_decoder.h"

#include "unit.h"

#include <math.h>
#include <stdlib.h>

enum { N_TOKENS = 11, N_WORDS = 13 };

/** Three documents; in the middle one only the end is wanted. */
static const int32_t token[N_TOKENS] = {1, 5, 3, 2, 12, 7, 0, 4, 9, 11, 6};
static const int32_t begin[N_TOKENS] = {0, 0, 0, 0, 4, 4, 4, 4, 4, 9, 9};
static const int32_t wanted[N_TOKENS] = {5, 3, 2, 8, -1, -1, 4, 9, 10, 6, 1};
static const struct lm_packed packed = {N_TOKENS, token, begin, wanted};

static struct lm_decoder_shape shape_of(const char *family)
{
    struct lm_decoder_shape s = {.n_vocabulary = N_WORDS,
                                 .n_context = 32,
                                 .n_width = 8,
                                 .n_layers = 2,
                                 .n_heads = 4,
                                 .n_groups = 2,
                                 .n_head_width = 4,
                                 .n_hidden = 10,
                                 .n_rotated = 4,
                                 .norm_epsilon = 1e-5,
                                 .rope_base = 100,
                                 .rope_scale = 1,
                                 .embedding_scale = 1};
    snprintf(s.architecture, sizeof s.architecture, "%s", family);
    if (strcmp(family, "qwen2") == 0) {
        s.rope = LM_ROPE_NEOX;
        s.has_bias = true;
        s.is_tied = true;
    } else if (strcmp(family, "gemma") == 0) {
        s.rope = LM_ROPE_NEOX;
        s.gate = LM_GATE_GELU;
        s.embedding_scale = sqrt(8);
        s.is_tied = true;
        s.n_head_width = 6; // heads wider than the stream
        s.n_rotated = 6;
    }
    return s;
}

/** Numbers large enough that nothing vanishes. */
static void stir(struct base_net *net, uint64_t seed)
{
    struct base_rng rng;
    base_rng_init(&rng, seed, 0);
    float *x = base_net_values(net, 0);
    for (size_t i = 0; i < base_net_n_floats(net); i++) {
        x[i] += (float)(0.4 * base_rng_normal(&rng));
    }
}

struct model {
    struct lm_decoder *decoder;
    struct base_net *base; /* of the decoder */
    struct lm_adapter adapter;
    struct base_net *net; /* that is learnt */
    struct lm_pass *pass;
    float *prefix, *dprefix, *scratch;
};

static bool fix_tensor(struct lm_tensor *t, void *payload)
{
    t->data = base_net_values(payload, t->i_param);
    t->i_param = -1;
    return true;
}

/** A random decoder; with a plan it is fixed, and what the plan adds is learnt. */
static void make(struct model *m, const char *family, const struct lm_adapter_plan *plan,
                 double dropout)
{
    struct reel_error err;
    const struct lm_decoder_shape shape = shape_of(family);
    *m = (struct model){0};
    assert_ok(lm_decoder_create(&shape, &m->decoder, &err), err);
    assert_ok(lm_decoder_learn(m->decoder, 3, &m->base, &err), err);
    stir(m->base, 4);
    m->net = m->base;
    m->decoder->dropout = dropout;
    if (plan) {
        (void)lm_decoder_visit(m->decoder, fix_tensor, m->base);
        assert_ok(lm_adapter_attach(m->decoder, plan, 5, &m->adapter, &err), err);
        m->net = m->adapter.net;
        stir(m->net, 6);
        m->prefix = calloc(lm_prefix_floats(&m->adapter) + 1, sizeof(float));
        m->dprefix = calloc(lm_prefix_floats(&m->adapter) + 1, sizeof(float));
        m->scratch = calloc(lm_prefix_scratch(&m->adapter) + 1, sizeof(float));
    }
    assert_ok(lm_pass_create(m->decoder, N_TOKENS, true, &m->pass, &err), err);
}

static void unmake(struct model *m)
{
    lm_pass_free(m->pass);
    lm_adapter_release(&m->adapter);
    base_net_free(m->base);
    lm_decoder_free(m->decoder);
    free(m->prefix);
    free(m->dprefix);
    free(m->scratch);
}

static double loss_of(struct model *m, float *gradient)
{
    const int32_t key_width = m->decoder->shape.n_groups * m->decoder->shape.n_head_width;
    double loss = 0, n = 0;
    struct base_rng rng;
    base_rng_init(&rng, 9, 0); // the same numbers are dropped each time
    if (m->decoder->n_prefix > 0) {
        memset(m->dprefix, 0, lm_prefix_floats(&m->adapter) * sizeof(float));
        lm_prefix_forward(&m->adapter, key_width, m->scratch, m->prefix);
        lm_pass_prefix(m->pass, m->prefix, gradient ? m->dprefix : NULL);
    }
    assert_true(lm_pass_loss(m->pass, m->net, &packed, gradient, &rng, &loss, &n));
    assert_int_equal((int)n, 9);
    if (m->decoder->n_prefix > 0 && gradient) {
        lm_prefix_backward(&m->adapter, key_width, m->dprefix, m->scratch, gradient);
    }
    return loss;
}

/** Along random directions, the slope is that of the gradient. */
static void check_gradient(struct model *m)
{
    const size_t n = base_net_n_floats(m->net);
    float *gradient = calloc(n, sizeof *gradient), *old = malloc(n * sizeof *old);
    float *unused = calloc(n, sizeof *unused), *x = base_net_values(m->net, 0);
    const bool is_dropping = m->decoder->dropout > 0;
    assert_true(gradient && old && unused);
    (void)loss_of(m, gradient);
    memcpy(old, x, n * sizeof *x);
    for (int trial = 0; trial < 24; trial++) {
        struct base_rng rng;
        double slope = 0, step = 1e-2;
        base_rng_init(&rng, 100, (uint64_t)trial);
        // Some directions are all numbers together, most a few of them.
        const uint32_t one_of = trial < 4 ? 1 : (uint32_t)n / 8 + 1;
        double found[2];
        for (int side = 0; side < 2; side++) {
            base_rng_init(&rng, 100, (uint64_t)trial);
            slope = 0;
            for (size_t i = 0; i < n; i++) {
                const double d =
                    base_rng_below(&rng, one_of) == 0 ? base_rng_normal(&rng) / 16 : 0;
                slope += d * (double)gradient[i];
                x[i] = old[i] + (float)((side ? -step : step) * d);
            }
            found[side] = loss_of(m, is_dropping ? unused : NULL);
        }
        memcpy(x, old, n * sizeof *x);
        const double measured = (found[0] - found[1]) / (2 * step);
        if (fabs(measured - slope) > 2e-2 * fabs(slope) + 4e-3) {
            fail_msg("direction %d: slope %g by differences, %g by the gradient", trial,
                     measured, slope);
        }
    }
    free(gradient);
    free(old);
    free(unused);
}

static void all_of_each_family_is_learnt(void **state)
{
    (void)state;
    const char *const families[] = {"llama", "qwen2", "gemma"};
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        struct model m;
        make(&m, families[i], NULL, 0);
        check_gradient(&m);
        unmake(&m);
    }
}

static void dropout_has_its_gradient(void **state)
{
    (void)state;
    struct model m;
    make(&m, "llama", NULL, 0.3);
    check_gradient(&m);
    unmake(&m);
}

static void low_rank_additions_have_theirs(void **state)
{
    (void)state;
    const struct lm_adapter_plan plans[] = {
        {.method = REEL_LM_METHOD_LORA,
         .rank = 2,
         .scale = 1.5,
         .is_target = {true, false, true}},
        {.method = REEL_LM_METHOD_LORA,
         .rank = 3,
         .scale = 0.5,
         .is_target = {true, true, true, true, true, true, true}},
        {.method = REEL_LM_METHOD_ADALORA,
         .rank = 3,
         .scale = 0.5,
         .is_target = {true, true, true, true, true, true, true}},
    };
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        struct model m;
        make(&m, i == 1 ? "qwen2" : "llama", &plans[i], 0);
        check_gradient(&m);
        unmake(&m);
    }
}

static void bottlenecks_have_theirs(void **state)
{
    (void)state;
    const struct lm_adapter_plan plan = {.method = REEL_LM_METHOD_ADAPTER, .rank = 5};
    struct model m;
    make(&m, "gemma", &plan, 0);
    check_gradient(&m);
    unmake(&m);
}

static void prefixes_have_theirs(void **state)
{
    (void)state;
    struct lm_adapter_plan plan = {
        .method = REEL_LM_METHOD_PREFIX, .n_prefix = 3, .n_hidden = 6};
    struct model m;
    make(&m, "llama", &plan, 0);
    check_gradient(&m);
    unmake(&m);
    plan.n_hidden = 0;
    make(&m, "qwen2", &plan, 0);
    check_gradient(&m);
    unmake(&m);
}

static void documents_do_not_see_each_other(void **state)
{
    (void)state;
    struct model m;
    double together, alone = 0;
    make(&m, "llama", NULL, 0);
    together = loss_of(&m, NULL);
    static const int32_t first[] = {0, 4, 9, N_TOKENS};
    for (int d = 0; d < 3; d++) {
        const int32_t zero[N_TOKENS] = {0};
        const struct lm_packed one = {first[d + 1] - first[d], token + first[d], zero,
                                      wanted + first[d]};
        double loss = 0, n = 0;
        assert_true(lm_pass_loss(m.pass, m.net, &one, NULL, NULL, &loss, &n));
        alone += loss;
    }
    assert_true(fabs(together - alone) < 1e-4);
    unmake(&m);
}

static void what_is_added_begins_as_nothing(void **state)
{
    (void)state;
    const struct lm_adapter_plan plans[] = {
        {.method = REEL_LM_METHOD_LORA, .rank = 2, .scale = 2, .is_target = {true}},
        {.method = REEL_LM_METHOD_ADALORA, .rank = 2, .scale = 2, .is_target = {true}},
        {.method = REEL_LM_METHOD_ADAPTER, .rank = 4},
    };
    struct model base;
    struct reel_error err;
    make(&base, "llama", NULL, 0);
    const double before = loss_of(&base, NULL);
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        struct model m;
        make(&m, "llama", &plans[i], 0);
        lm_adapter_release(&m.adapter); // without what `make` stirred in
        assert_ok(lm_adapter_attach(m.decoder, &plans[i], 5, &m.adapter, &err), err);
        m.net = m.adapter.net;
        assert_true(fabs(loss_of(&m, NULL) - before) < 1e-4);
        unmake(&m);
    }
    unmake(&base);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct model m;
    double loss = 0, n = 0;
    int32_t bad[N_TOKENS];
    make(&m, "llama", NULL, 0);
    memcpy(bad, token, sizeof bad);
    bad[3] = N_WORDS;
    assert_false(lm_pass_loss(m.pass, m.net,
                              &(struct lm_packed){N_TOKENS, bad, begin, wanted}, NULL,
                              NULL, &loss, &n));
    memcpy(bad, begin, sizeof bad);
    bad[5] = 3;
    assert_false(lm_pass_loss(m.pass, m.net,
                              &(struct lm_packed){N_TOKENS, token, bad, wanted}, NULL,
                              NULL, &loss, &n));
    struct lm_adapter_plan plan;
    struct reel_error err;
    assert_int_equal(lm_adapter_targets("q,vv", &plan, &err), REEL_EINVAL);
    assert_ok(lm_adapter_targets("q,down", &plan, &err), err);
    assert_true(plan.is_target[LM_MATRIX_DOWN] && !plan.is_target[LM_MATRIX_V]);
    unmake(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_each_family_is_learnt),
        cmocka_unit_test(dropout_has_its_gradient),
        cmocka_unit_test(low_rank_additions_have_theirs),
        cmocka_unit_test(bottlenecks_have_theirs),
        cmocka_unit_test(prefixes_have_theirs),
        cmocka_unit_test(documents_do_not_see_each_other),
        cmocka_unit_test(what_is_added_begins_as_nothing),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
