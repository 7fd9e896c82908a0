/** Embedding and keeping vectors, with models made on the spot. No weights. */
#include "lm_bert.h"
#include "lm_tiny.h"

#include "base_alloc.h"
#include "lm_engine.h"
#include "lm_vectors.h"

#include <math.h>
#include <sys/stat.h>

static char folder[] = "/tmp/lm_embed_XXXXXX";
static char tiny_path[64], bert_path[64], kept_path[64];

static const char *const texts[] = {"the fork the fork", "a b c d e", "zebra zebra zebra",
                                    "the fork the road", ""};
enum { N_TEXTS = COUNT_OF(texts) };

static int make_models(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(tiny_path, sizeof tiny_path, "%s/tiny.gguf", folder);
    (void)snprintf(bert_path, sizeof bert_path, "%s/bert.gguf", folder);
    (void)snprintf(kept_path, sizeof kept_path, "%s/kept", folder);
    tiny_write(tiny_path, 0);
    bert_write(bert_path, &(struct bert_changes){0});
    return 0;
}

static int remove_models(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static struct reel_lm *opened(const char *path)
{
    struct reel_lm *lm;
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_error err = {0};
    opt.embeds = true;
    assert_ok(reel_lm_open(path, &opt, &lm, &err), err);
    return lm;
}

static float *embedded(struct reel_lm *lm, const char *const *text, int32_t n)
{
    struct reel_lm_embed_request request = {.text = text, .n_texts = n};
    struct reel_error err = {0};
    float *row =
        calloc((size_t)n * (size_t)reel_lm_about(lm)->n_embedding + 1, sizeof *row);
    assert_non_null(row);
    assert_ok(reel_lm_embed(lm, &request, row, &err), err);
    return row;
}

static double product(const float *x, const float *y, int32_t n)
{
    double sum = 0;
    for (int32_t k = 0; k < n; k++) {
        sum += (double)x[k] * (double)y[k];
    }
    return sum;
}

static void check_rows(struct reel_lm *lm)
{
    const int32_t n = reel_lm_about(lm)->n_embedding;
    float *row = embedded(lm, texts, N_TEXTS);
    for (int32_t i = 0; i < N_TEXTS; i++) {
        const float *r = row + (size_t)i * (size_t)n;
        assert_true(fabs(product(r, r, n) - (texts[i][0] ? 1 : 0)) < 1e-5);
        float *alone = embedded(lm, &texts[i], 1);
        assert_true(!texts[i][0] || product(r, alone, n) > .9999);
        free(alone);
    }
    assert_true(product(row, row + (size_t)3 * (size_t)n, n) >
                product(row, row + (size_t)2 * (size_t)n, n));
    free(row);
}

static void rows_have_length_one_and_stand_alone(void **state)
{
    (void)state;
    static const char *const paths[] = {tiny_path, bert_path};
    for (size_t p = 0; p < COUNT_OF(paths); p++) {
        struct reel_lm *lm = opened(paths[p]);
        assert_int_equal(reel_lm_about(lm)->n_embedding, TINY_N_EMBD);
        check_rows(lm);
        reel_lm_close(lm);
    }
    struct reel_lm *lm;
    struct reel_error err = {0};
    assert_ok(reel_lm_open_scripted(NULL, NULL, &lm, &err), err);
    check_rows(lm);
    reel_lm_close(lm);
}

static void unknown_words_are_not_embedded(void **state)
{
    (void)state;
    static const char *const some[] = {"\xe5\x8f\x89 \xe8\xb7\xaf a",
                                       "\xe5\x8f\x89 road"};
    struct reel_lm *lm = opened(bert_path);
    float *row = embedded(lm, some, 2);
    assert_true(product(row, row, TINY_N_EMBD) == 0);
    assert_true(product(row + TINY_N_EMBD, row + TINY_N_EMBD, TINY_N_EMBD) > .99);
    free(row);
    reel_lm_close(lm);
}

static void long_texts_are_averaged(void **state)
{
    (void)state;
    // A text of many equal parts lies where one part lies; nothing aborts at any length.
    char *text = calloc(1, 8001);
    const char *const both[] = {text, "abcdefgh"};
    assert_non_null(text);
    struct reel_lm *lm = opened(bert_path);
    for (int n = 1; n <= 1000; n += 37) {
        memset(text, 0, 8001);
        for (int i = 0; i < n; i++) {
            memcpy(text + strlen(text), i % 8 ? "a b c d " : "abcdefgh", 8);
        }
        float *row = embedded(lm, both, 2);
        assert_true(fabs(product(row, row, TINY_N_EMBD) - 1) < 1e-5);
        free(row);
    }
    reel_lm_close(lm);
    free(text);
}

static bool stops(const char *stage, double done, double total, void *payload)
{
    (void)done, (void)total;
    assert_string_equal(stage, "texts");
    return --*(int *)payload > 0;
}

static void embedding_can_be_stopped(void **state)
{
    (void)state;
    enum { N_MANY = 4000 };
    static const char *many[N_MANY];
    static float row[N_MANY * TINY_N_EMBD];
    for (int32_t i = 0; i < N_MANY; i++) {
        many[i] = "a text that is as long as a short one is, again and again and again";
    }
    int n_left = 1;
    struct reel_lm_embed_request request = {
        .text = many, .n_texts = N_MANY, .progress = {stops, &n_left}};
    struct reel_error err = {0};
    struct reel_lm *lm = opened(bert_path);
    row[0] = 1;
    assert_int_equal(reel_lm_embed(lm, &request, row, &err), REEL_ECANCELLED);
    assert_true(row[0] == 0);
    request.progress = (struct reel_progress){0};
    request.n_texts = 3;
    assert_ok(reel_lm_embed(lm, &request, row, &err), err); // and goes on
    assert_true(row[0] != 0);
    reel_lm_close(lm);
}

static void engine_does_what_it_was_opened_for(void **state)
{
    (void)state;
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_lm_prompt prompt = {.text = "the", .n_samples = 1};
    struct reel_lm_request ask = reel_lm_request_default();
    struct reel_lm_reply reply;
    struct reel_lm_judged judged = {.context = "", .text = "the"};
    struct reel_error err = {0};
    struct reel_lm *lm = opened(tiny_path);
    ask.prompt = &prompt;
    ask.n_prompts = 1;
    assert_int_equal(reel_lm_generate(lm, &ask, &reply, &err), REEL_EINVAL);
    assert_int_equal(reel_lm_score(lm, &judged, 1, NULL, &err), REEL_EINVAL);
    reel_lm_close(lm);
    float row[TINY_N_EMBD];
    struct reel_lm_embed_request request = {.text = texts, .n_texts = 1};
    assert_ok(reel_lm_open(tiny_path, &opt, &lm, &err), err);
    assert_int_equal(reel_lm_embed(lm, &request, row, &err), REEL_EINVAL);
    reel_lm_close(lm);
    assert_int_equal(reel_lm_open(bert_path, &opt, &lm, &err), REEL_EFORMAT);
    assert_null(lm);
}

static void headers_that_would_end_the_process_are_refused(void **state)
{
    (void)state;
    static const struct bert_changes cases[] = {
        {.pooling = 9}, {.pooling = 4},    {.n_heads = 3},
        {.n_key = 8},   {.doubles = true}, {.n_context = 2},
    };
    char path[64];
    struct reel_lm_options opt = reel_lm_options_default();
    opt.embeds = true;
    (void)snprintf(path, sizeof path, "%s/bad.gguf", folder);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reel_lm *lm;
        struct reel_error err = {0};
        bert_write(path, &cases[i]);
        const enum reel_status rc = reel_lm_open(path, &opt, &lm, &err);
        if (rc != REEL_EFORMAT || lm || !strstr(err.text, path)) {
            fail_msg("case %zu: %d %s", i, rc, err.text);
        }
    }
    // Ends that are not in the vocabulary are left out.
    bert_write(path, &(struct bert_changes){.sep = 5000});
    struct reel_lm *lm = opened(path);
    check_rows(lm);
    reel_lm_close(lm);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_lm_embed_request request = {.text = texts, .n_texts = N_TEXTS};
    opt.embeds = true;
    for (int n = 0;; n++) {
        struct reel_lm_vectors vectors;
        struct reel_error err = {0};
        char path[96];
        (void)snprintf(path, sizeof path, "%s/alloc", folder);
        base_alloc_fail_after(n);
        const enum reel_status rc =
            reel_lm_vectors_get(bert_path, &opt, &request, path, &vectors, &err);
        base_alloc_fail_after(-1);
        reel_lm_vectors_release(&vectors);
        if (rc == REEL_OK) {
            assert_true(n > 5);
            return;
        }
        if (rc != REEL_ENOMEM) {
            fail_msg("allocation %d: %d %s", n, rc, err.text);
        }
    }
}

// ---- keeping ----

static struct reel_lm_vectors got(const char *const *text, int32_t n)
{
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_lm_embed_request request = {.text = text, .n_texts = n};
    struct reel_lm_vectors vectors;
    struct reel_error err = {0};
    assert_ok(reel_lm_vectors_get(bert_path, &opt, &request, kept_path, &vectors, &err),
              err);
    assert_int_equal(vectors.n_dims, TINY_N_EMBD);
    return vectors;
}

static void find_file(char path[128])
{
    FILE *list;
    (void)snprintf(path, 128, "ls %s/*.vectors", kept_path);
    list = popen(path, "r");
    assert_non_null(list);
    assert_non_null(fgets(path, 128, list));
    path[strcspn(path, "\n")] = '\0';
    assert_int_equal(pclose(list), 0);
}

static void only_new_texts_are_computed(void **state)
{
    (void)state;
    static const char *const more[] = {"zebra zebra zebra", "new", "a b c d e", "new"};
    struct reel_lm_vectors first = got(texts, N_TEXTS), again = got(texts, N_TEXTS),
                           other = got(more, 4), all = got(more, 4);
    const size_t n_row_bytes = TINY_N_EMBD * sizeof *first.row;
    assert_int_equal(first.n_computed, N_TEXTS);
    assert_int_equal(again.n_computed, 0);
    assert_int_equal(other.n_computed, 1);
    assert_int_equal(all.n_computed, 0);
    assert_string_equal(again.model, "Tiny BERT");
    assert_memory_equal(first.row, again.row, N_TEXTS * n_row_bytes);
    assert_memory_equal(other.row, all.row, 4 * n_row_bytes);
    assert_memory_equal(other.row, first.row + 2 * (size_t)TINY_N_EMBD, n_row_bytes);
    assert_memory_equal(other.row + 2 * (size_t)TINY_N_EMBD, first.row + TINY_N_EMBD,
                        n_row_bytes);
    assert_memory_equal(other.row + TINY_N_EMBD, other.row + 3 * (size_t)TINY_N_EMBD,
                        n_row_bytes);
    reel_lm_vectors_release(&first);
    reel_lm_vectors_release(&again);
    reel_lm_vectors_release(&other);
    reel_lm_vectors_release(&all);
}

static void damaged_file_is_made_anew(void **state)
{
    (void)state;
    char path[128];
    struct reel_lm_vectors before = got(texts, N_TEXTS);
    reel_lm_vectors_release(&before);
    find_file(path);
    struct stat whole;
    assert_int_equal(stat(path, &whole), 0);
    for (int64_t n = 0; n < whole.st_size; n += 97) {
        assert_int_equal(truncate(path, n), 0);
        struct reel_lm_vectors v = got(texts, N_TEXTS);
        assert_int_equal(v.n_computed, N_TEXTS);
        reel_lm_vectors_release(&v);
    }
    FILE *file = fopen(path, "r+b"); // a number in a row that is none
    assert_non_null(file);
    const float bad = NAN;
    assert_int_equal(fseek(file, -(long)sizeof bad, SEEK_END), 0);
    assert_int_equal(fwrite(&bad, sizeof bad, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    struct reel_lm_vectors v = got(texts, N_TEXTS);
    assert_int_equal(v.n_computed, 1);
    assert_true(isfinite(v.row[0]));
    reel_lm_vectors_release(&v);
    v = got(texts, N_TEXTS);
    assert_int_equal(v.n_computed, 0);
    reel_lm_vectors_release(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_have_length_one_and_stand_alone),
        cmocka_unit_test(unknown_words_are_not_embedded),
        cmocka_unit_test(long_texts_are_averaged),
        cmocka_unit_test(embedding_can_be_stopped),
        cmocka_unit_test(engine_does_what_it_was_opened_for),
        cmocka_unit_test(headers_that_would_end_the_process_are_refused),
        cmocka_unit_test(every_failed_allocation_is_told),
        cmocka_unit_test(only_new_texts_are_computed),
        cmocka_unit_test(damaged_file_is_made_anew),
    };
    return cmocka_run_group_tests(tests, make_models, remove_models);
}
