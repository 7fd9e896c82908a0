/** Numbers told by the words that made them: nothing is lost, and words are as they are spelt. */
#include "base_alloc.h"
#include "unit.h"

#include <forkreel/features.h>

#include <math.h>
#include <string.h>

static const char *const people[] = {"Al Pacino", "AL PACINO", "Sidney Lumet"};
static const char *const genres[] = {"Crime", "Drama"};
static const float vector[] = {0.6F, 0.8F};

static const struct reel_feature_text texts[] = {
    {.text = "Two robbers are robbing a bank. The bank robbery goes wrong.",
     .translation = "两个男人抢劫银行。",
     .people = people,
     .n_people = 3,
     .genres = genres,
     .n_genres = 2,
     .year = 1975,
     .embedding = vector},
    {.text = "A bank robbery, and what robbers say of robbing.",
     .people = people,
     .n_people = 3,
     .genres = genres,
     .n_genres = 1,
     .year = 1982,
     .embedding = vector},
    {.translation = "警察调查银行抢劫案，两个男人。"},
    {0},
};
static const struct reel_feature_text bridge[] = {
    {.text = "the bank", .translation = "银行"},
    {.text = "a bank robbery", .translation = "抢劫银行"},
    {.text = "the robbery", .translation = "抢劫"},
    {.text = "banks", .translation = "银行"},
};
enum { N_PARTS_MAX = 256 };

static struct reel_features *fitted(bool has_bridge)
{
    struct reel_features_options opt = reel_features_options_default();
    struct reel_error err;
    struct reel_features *features;
    opt.n_lsa = 2;
    opt.n_vector = 3;
    opt.n_embedding = 2;
    opt.bridge = has_bridge ? bridge : NULL;
    opt.n_bridge = has_bridge ? COUNT_OF(bridge) : 0;
    assert_ok(reel_features_fit(texts, COUNT_OF(texts), &opt, &features, &err), err);
    return features;
}

/** Every number of a row with some slope; gives what they add up to. */
static double make_parts(const struct reel_feature_rows *rows, int32_t row,
                         struct reel_feature_part *part, int64_t *n)
{
    double sum = 0;
    *n = 0;
    for (int32_t b = 0; b < rows->n_blocks; b++) {
        const struct reel_feature_block *block = &rows->block[b];
        const struct reel_csr *sparse = block->sparse;
        const int64_t n_here =
            sparse ? sparse->start[row + 1] - sparse->start[row] : block->n_cols;
        for (int64_t i = 0; i < n_here; i++) {
            const int64_t e = sparse ? sparse->start[row] + i : 0;
            const int32_t col = sparse ? sparse->col[e] : (int32_t)i;
            assert_true(*n < N_PARTS_MAX);
            part[*n] = (struct reel_feature_part){
                b, col,
                sparse ? sparse->value[e]
                       : block->dense[row * block->n_cols + (int32_t)i],
                0.25F * (float)((7 * col + 3 * b) % 11 - 4)};
            sum += (double)part[*n].value * part[*n].slope;
            (*n)++;
        }
    }
    return sum;
}

static const struct reel_feature_reason *find(const struct reel_feature_reasons *reasons,
                                              const char *kind, const char *name)
{
    for (int32_t i = 0; i < reasons->n; i++) {
        const struct reel_feature_reason *r = &reasons->reason[i];
        if (strcmp(r->kind, kind) == 0 &&
            (name ? r->name && strcmp(r->name, name) == 0 : !r->name)) {
            return r;
        }
    }
    return NULL;
}

static void amounts_add_up_in_either_language(void **state)
{
    (void)state;
    for (int has_bridge = 0; has_bridge < 2; has_bridge++) {
        struct reel_features *features = fitted(has_bridge);
        struct reel_feature_rows rows;
        struct reel_error err;
        assert_ok(reel_features_rows(features, texts, COUNT_OF(texts), &rows, &err), err);
        for (int32_t row = 0; row < (int32_t)COUNT_OF(texts); row++) {
            struct reel_feature_part part[N_PARTS_MAX];
            struct reel_feature_reasons reasons;
            int64_t n;
            const double truth = make_parts(&rows, row, part, &n);
            assert_ok(reel_features_reasons(features, &texts[row], &rows, row, part, n,
                                            &reasons, &err),
                      err);
            double sum = 0;
            for (int32_t i = 0; i < reasons.n; i++) {
                sum += reasons.reason[i].amount;
                assert_true(i == 0 || fabs(reasons.reason[i].amount) <=
                                          fabs(reasons.reason[i - 1].amount));
            }
            assert_true(fabs(sum - truth) < 1e-5);
            reel_feature_reasons_release(&reasons);
        }
        reel_feature_rows_release(&rows);
        reel_features_free(features);
    }
}

static void words_are_told_as_they_are_spelt(void **state)
{
    (void)state;
    struct reel_features *features = fitted(true);
    struct reel_feature_rows rows;
    struct reel_feature_part part[N_PARTS_MAX];
    struct reel_feature_reasons reasons;
    struct reel_error err;
    int64_t n;
    assert_int_equal(reel_features_n_embedding(features), 2);
    assert_ok(reel_features_rows(features, texts, COUNT_OF(texts), &rows, &err), err);
    (void)make_parts(&rows, 0, part, &n);
    assert_ok(
        reel_features_reasons(features, &texts[0], &rows, 0, part, n, &reasons, &err),
        err);
    static const char *const told[] = {"robbery", "robbing", "bank robbery", "银行"};
    for (size_t i = 0; i < COUNT_OF(told); i++) {
        assert_non_null(find(&reasons, "text", told[i]));
    }
    assert_null(find(&reasons, "text", "robberi"));
    assert_non_null(find(&reasons, "people", "Al Pacino"));
    assert_null(find(&reasons, "people", "AL PACINO"));
    assert_non_null(find(&reasons, "year", "1975"));
    assert_non_null(find(&reasons, "embedding", NULL));
    reel_feature_reasons_release(&reasons);
    reel_feature_rows_release(&rows);
    reel_features_free(features);
}

static void reasons_fail_cleanly_at_every_allocation(void **state)
{
    (void)state;
    struct reel_features *features = fitted(true);
    struct reel_feature_rows rows;
    struct reel_feature_part part[N_PARTS_MAX];
    struct reel_feature_reasons reasons;
    struct reel_error err;
    int64_t n;
    assert_ok(reel_features_rows(features, texts, COUNT_OF(texts), &rows, &err), err);
    (void)make_parts(&rows, 0, part, &n);
    enum reel_status rc = REEL_ENOMEM;
    for (long after = 0; rc != REEL_OK; after++) {
        base_alloc_fail_after(after);
        rc =
            reel_features_reasons(features, &texts[0], &rows, 0, part, n, &reasons, &err);
        base_alloc_fail_after(-1);
        assert_true(rc == REEL_OK || (rc == REEL_ENOMEM && !reasons.owned));
    }
    reel_feature_reasons_release(&reasons);
    reel_feature_rows_release(&rows);
    reel_features_free(features);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_add_up_in_either_language),
        cmocka_unit_test(words_are_told_as_they_are_spelt),
        cmocka_unit_test(reasons_fail_cleanly_at_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
