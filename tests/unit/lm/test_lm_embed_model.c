/** Embedding with the default models, against the same computed in NumPy. Label `model`. */
#include "unit.h"

#include "../../parity/embed_cases.h"

#include <forkreel/lm.h>

#include <stdlib.h>
#include <unistd.h>

enum { N_TEXTS = COUNT_OF(embed_text), N_DIMS = COUNT_OF(embed_vector) / N_TEXTS };

/** NULL where the model is not; the test then shows nothing. */
static struct reel_lm *opened(const char *name)
{
    const char *cache = getenv("FORKREEL_CACHE");
    char path[4096];
    struct reel_lm *lm = NULL;
    (void)snprintf(path, sizeof path, "%s/models/%s", cache ? cache : "", name);
    if (cache && access(path, R_OK) == 0) {
        struct reel_lm_options opt = reel_lm_options_default();
        struct reel_error err = {0};
        opt.embeds = true;
        assert_ok(reel_lm_open(path, &opt, &lm, &err), err);
    } else {
        skip();
    }
    return lm;
}

static double product(const float *x, const float *y, int32_t n)
{
    double sum = 0;
    for (int32_t k = 0; k < n; k++) {
        sum += (double)x[k] * (double)y[k];
    }
    return sum;
}

static void vectors_are_those_of_the_published_weights(void **state)
{
    (void)state;
    struct reel_lm *lm = opened("all-MiniLM-L6-v2.Q8_0.gguf");
    struct reel_lm_embed_request request = {.text = embed_text, .n_texts = N_TEXTS};
    struct reel_error err = {0};
    float row[N_TEXTS][N_DIMS];
    assert_int_equal(reel_lm_about(lm)->n_embedding, N_DIMS);
    assert_ok(reel_lm_embed(lm, &request, row[0], &err), err);
    for (int32_t i = 0; i < N_TEXTS; i++) {
        const double cosine = product(row[i], embed_vector + (size_t)i * N_DIMS, N_DIMS);
        if (!(cosine > .999)) { // 8 bits a weight cost about 4e-4
            fail_msg("'%s': cosine %.5f", embed_text[i], cosine);
        }
    }
    // The letter in the tower is the letter in the lighthouse; the robbery is not.
    assert_true(product(row[0], row[1], N_DIMS) > product(row[0], row[2], N_DIMS) + .2);
    reel_lm_close(lm);
}

static void model_that_embeds_does_not_write(void **state)
{
    (void)state;
    const char *cache = getenv("FORKREEL_CACHE");
    char path[4096];
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_lm *lm;
    struct reel_error err = {0};
    reel_lm_close(opened("all-MiniLM-L6-v2.Q8_0.gguf"));
    (void)snprintf(path, sizeof path, "%s/models/all-MiniLM-L6-v2.Q8_0.gguf", cache);
    assert_int_equal(reel_lm_open(path, &opt, &lm, &err), REEL_EFORMAT);
    assert_non_null(strstr(err.text, "embeds texts"));
}

static void story_model_embeds_too(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "A submarine crew is trapped under the ice.",
        "Sailors are caught beneath the ice in their sunken boat.",
        "A wedding planner falls in love with the groom.",
    };
    struct reel_lm *lm = opened("SmolLM2-135M-Instruct.Q4_1.gguf");
    struct reel_lm_embed_request request = {.text = texts, .n_texts = COUNT_OF(texts)};
    struct reel_error err = {0};
    const int32_t n = reel_lm_about(lm)->n_embedding;
    float *row = calloc((size_t)n * COUNT_OF(texts), sizeof *row);
    assert_non_null(row);
    assert_ok(reel_lm_embed(lm, &request, row, &err), err);
    assert_true(product(row, row + n, n) > product(row, row + (size_t)2 * (size_t)n, n));
    free(row);
    reel_lm_close(lm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_those_of_the_published_weights),
        cmocka_unit_test(model_that_embeds_does_not_write),
        cmocka_unit_test(story_model_embeds_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
