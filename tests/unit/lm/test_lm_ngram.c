/** n-gram models: as KenLM estimates them, through memory and disk, as files, ARPA and engine. */
#include "unit.h"

#include "../../parity/ngram_cases.h"
#include "base_alloc.h"
#include "base_file.h"
#include "base_rng.h"
#include "base_text.h"
#include "lm_ngram.h"
#include "lm_ngram_count.h"
#include "lm_ngram_cut.h"

#include <forkreel/lm_files.h>
#include <forkreel/lm_train.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64], text_path[96], model_path[96], arpa_path[96], other_path[96];

static void write_text(const char *path, const char *const *line, size_t n)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < n; i++) {
        (void)fprintf(file, "%s\n", line[i]);
    }
    assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/forkreel-ngram-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    (void)snprintf(text_path, sizeof text_path, "%s/text", folder);
    (void)snprintf(model_path, sizeof model_path, "%s/model.ngram", folder);
    (void)snprintf(other_path, sizeof other_path, "%s/other.ngram", folder);
    (void)snprintf(arpa_path, sizeof arpa_path, "%s/model.arpa", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static struct reel_lm_texts texts(void)
{
    static const char *path[1];
    path[0] = text_path;
    return (struct reel_lm_texts){path, 1};
}

static void train(int32_t order, int64_t max_bytes, const char *out,
                  struct reel_lm_ngram_made *made)
{
    struct reel_lm_ngram_options opt = reel_lm_ngram_options_default();
    struct reel_error err;
    const struct reel_lm_texts from = texts();
    opt.order = order;
    opt.cut = REEL_LM_CUT_BLANKS;
    opt.max_bytes = max_bytes;
    assert_ok(reel_lm_ngram_train(&from, out, &opt, made, &err), err);
}

/** log10 P of a line between blanks, its end counted. */
static double score(const struct lm_ngram *model, const char *line)
{
    const char *at = line, *end = line + strlen(line), *word;
    size_t n;
    uint32_t context = lm_ngram_begin(model);
    double sum = 0;
    while (lm_ngram_next_word(&at, end, &word, &n)) {
        sum += lm_ngram_step(model, &context, lm_words_find(&model->words, word, n));
    }
    return sum + lm_ngram_step(model, &context, LM_END);
}

static void lines_score_as_in_kenlm(void **state)
{
    (void)state;
    static const double *const wanted[] = {ngram_logp_2, ngram_logp_3, ngram_logp_4,
                                           ngram_logp_5, ngram_logp_6};
    static const int64_t *const counts[] = {
        ngram_counts_2, ngram_counts_3, ngram_counts_4, ngram_counts_5, ngram_counts_6};
    struct reel_lm_ngram_made made;
    struct reel_error err;
    struct lm_ngram model;
    write_text(text_path, ngram_train, COUNT_OF(ngram_train));
    for (int32_t order = 2; order <= 6; order++) {
        train(order, 1 << 30, model_path, &made);
        assert_ok(lm_ngram_map(&model, model_path, &err), err);
        for (int32_t n = 0; n < order; n++) {
            assert_int_equal(made.n_ngrams[n], counts[order - 2][n]);
        }
        for (size_t i = 0; i < COUNT_OF(ngram_test); i++) {
            const double logp = wanted[order - 2][i];
            assert_true(fabs(score(&model, ngram_test[i]) - logp) < 1e-5 * fabs(logp));
        }
        lm_ngram_unmap(&model);
    }
}

/** P of all words after some contexts, the unknown one too, is 1; <s> is never predicted. */
static void probabilities_add_up(void **state)
{
    (void)state;
    struct reel_lm_ngram_made made;
    struct reel_error err;
    struct lm_ngram model;
    write_text(text_path, ngram_train, COUNT_OF(ngram_train));
    for (int32_t order = 1; order <= 4; order++) {
        train(order, 1 << 30, model_path, &made);
        assert_ok(lm_ngram_map(&model, model_path, &err), err);
        uint32_t context = lm_ngram_begin(&model);
        for (uint32_t w = 3; w < 23; w++) {
            double sum = 0;
            for (uint32_t next = 0; next < model.words.n_words; next++) {
                uint32_t at = context;
                sum += next != LM_BEGIN ? pow(10, lm_ngram_step(&model, &at, next)) : 0;
            }
            assert_true(fabs(sum - 1) < 1e-4);
            (void)lm_ngram_step(&model, &context, w);
        }
        lm_ngram_unmap(&model);
    }
}

static void assert_same_files(const char *a, const char *b)
{
    struct base_file_map x, y;
    struct reel_error err;
    assert_ok(base_file_map_open(&x, a, &err), err);
    assert_ok(base_file_map_open(&y, b, &err), err);
    assert_int_equal(x.n_bytes, y.n_bytes);
    assert_memory_equal(x.data, y.data, x.n_bytes);
    base_file_map_close(&x);
    base_file_map_close(&y);
}

static void counts_on_disk_make_the_same_model(void **state)
{
    (void)state;
    struct reel_lm_ngram_made in_memory, on_disk;
    struct base_rng rng;
    base_rng_init(&rng, 7, 0);
    FILE *file = fopen(text_path, "w");
    for (int i = 0; file && i < 3000; i++) {
        for (uint32_t n = base_rng_below(&rng, 12); n > 0; n--) {
            const double x = base_rng_double(&rng);
            (void)fprintf(file, "w%d ", (int)(200 * x * x));
        }
        (void)fputc('\n', file);
    }
    assert_int_equal(fclose(file), 0);
    train(4, 1 << 30, model_path, &in_memory);
    train(4, 1, other_path, &on_disk);
    assert_int_equal(in_memory.n_runs, 0);
    assert_true(on_disk.n_runs > 2);
    assert_same_files(model_path, other_path);
}

static void arpa_there_and_back_is_the_same(void **state)
{
    (void)state;
    struct reel_lm_ngram_made made;
    struct reel_error err;
    write_text(text_path, ngram_train, COUNT_OF(ngram_train));
    for (int32_t order = 1; order <= 5; order += 2) {
        train(order, 1 << 30, model_path, &made);
        assert_ok(reel_lm_ngram_convert(model_path, arpa_path, NULL, &err), err);
        assert_ok(reel_lm_ngram_convert(arpa_path, other_path, NULL, &err), err);
        assert_same_files(model_path, other_path);
    }
}

static void write_arpa(const char *text)
{
    write_text(arpa_path, &text, 1);
}

static void pruned_arpa_backs_off(void **state)
{
    (void)state;
    struct reel_error err;
    struct lm_ngram model;
    // "a b" is not there, though "x a b" and "a b c" want it.
    write_arpa(
        "\\data\\\nngram 1=6\nngram 2=1\nngram 3=2\n\n\\1-grams:\n-1 "
        "<unk>\n-99\t<s>\t-.1\n"
        "-.5\ta\t-.2\n-.6\tb\t-.3\n-.7\tc\n-.8\tx\t-.4\n\n\\2-grams:\n-.25\tx a\t-.05\n"
        "\n\\3-grams:\n-.125\tx a b\n-.0625\ta b c\n\n\\end\\");
    assert_ok(reel_lm_ngram_convert(arpa_path, model_path, NULL, &err), err);
    assert_ok(lm_ngram_map(&model, model_path, &err), err);
    uint32_t at = 0;
    uint32_t word[4];
    for (int w = 0; w < 4; w++) {
        word[w] = lm_words_find(&model.words, (const char[]){"abcx"[w]}, 1);
    }
    assert_true(fabs(lm_ngram_step(&model, &at, word[3]) - -.8) < 1e-6);
    assert_true(fabs(lm_ngram_step(&model, &at, word[0]) - -.25) < 1e-6);
    assert_true(fabs(lm_ngram_step(&model, &at, word[1]) - -.125) < 1e-6);
    assert_true(fabs(lm_ngram_step(&model, &at, word[2]) - -.0625) < 1e-6);
    at = 0;
    (void)lm_ngram_step(&model, &at, word[0]);
    assert_true(fabs(lm_ngram_step(&model, &at, word[1]) - (-.2 + -.6)) < 1e-6);
    assert_true(fabs(lm_ngram_step(&model, &at, LM_UNKNOWN) - (-.3 + -1)) < 1e-6);
    lm_ngram_unmap(&model);
}

static void damaged_arpa_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"\\data\\\nngram 1=2\n\\1-grams:\n-1 a\n\\end\\", "the head says 2"},
        {"\\data\\\nngram 1=1\n\\1-grams:\nx a\n\\end\\", "arpa:4"},
        {"\\data\\\nngram 1=1\n\\1-grams:\n1 a\n\\end\\", "arpa:4"},
        {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a b c\n\\end\\", "arpa:4"},
        {"\\data\\\nngram 1=1\nngram 2=1\n\\1-grams:\n-1 a\n\\2-grams:\n-1 a b\n\\end\\",
         "no unigram 'b'"},
        {"\\data\\\nngram 1=1\nngram 2=2\n\\1-grams:\n-1 a\n\\2-grams:\n-1 a a\n-1 a "
         "a\n\\end\\",
         "twice"},
        {"\\data\\\nngram 1=1\n\\1-grams:\n-1 a", "\\end\\"},
        {"\\data\\\nngram 2=1\n", "arpa:2"},
        {"\\data\\\nngram 1=99999999999999\n", "arpa:2"},
        {"\\data\\", "ngram 1=COUNT"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reel_error err;
        write_arpa(cases[i].text);
        assert_int_equal(reel_lm_ngram_convert(arpa_path, other_path, NULL, &err),
                         REEL_EFORMAT);
        if (!strstr(err.text, cases[i].says)) {
            fail_msg("case %zu: %s", i, err.text);
        }
    }
}

static void damaged_model_is_refused(void **state)
{
    (void)state;
    struct reel_lm_ngram_made made;
    struct reel_error err;
    struct base_file_map map;
    struct lm_ngram model;
    write_text(text_path, ngram_train, 5);
    train(3, 1 << 30, model_path, &made);
    assert_ok(base_file_map_open(&map, model_path, &err), err);
    unsigned char *copy = malloc(map.n_bytes);
    for (size_t i = 0; i < sizeof(struct lm_ngram_header); i++) {
        memcpy(copy, map.data, map.n_bytes);
        copy[i] ^= 0x41;
        assert_int_not_equal(lm_ngram_view(&model, copy, map.n_bytes, &err), REEL_OK);
    }
    memcpy(copy, map.data, map.n_bytes);
    assert_int_equal(lm_ngram_view(&model, copy, map.n_bytes - 1, &err), REEL_EFORMAT);
    assert_int_equal(lm_ngram_view(&model, copy, 10, &err), REEL_EFORMAT);
    // Behind the header anything may stand: wrong answers, nothing worse.
    struct base_rng rng;
    base_rng_init(&rng, 3, 0);
    for (int round = 0; round < 200; round++) {
        for (int k = 0; k < 200; k++) {
            const size_t n = map.n_bytes - BASE_BLOCK_HEADER_BYTES;
            copy[BASE_BLOCK_HEADER_BYTES + base_rng_below(&rng, (uint32_t)n)] =
                (unsigned char)base_rng_below(&rng, 256);
        }
        if (lm_ngram_view(&model, copy, map.n_bytes, &err) == REEL_OK) {
            (void)score(&model, ngram_train[0]);
        }
    }
    free(copy);
    base_file_map_close(&map);
}

static void bad_text_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *line[3], *says;
    } cases[] = {
        {{"a b", "c <s> d", "e"}, "text:2: the word <s>"},
        {{"a b", "c", "\xff"}, "text:3: not UTF-8"},
        {{"", "", " "}, "no text"},
    };
    struct reel_lm_ngram_options opt = reel_lm_ngram_options_default();
    struct reel_lm_ngram_made made;
    const struct reel_lm_texts from = texts();
    opt.cut = REEL_LM_CUT_BLANKS;
    (void)unlink(other_path);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct reel_error err;
        write_text(text_path, cases[i].line, 3);
        assert_int_equal(reel_lm_ngram_train(&from, other_path, &opt, &made, &err),
                         REEL_EFORMAT);
        assert_non_null(strstr(err.text, cases[i].says));
        assert_int_not_equal(access(other_path, F_OK), 0);
    }
    opt.order = REEL_LM_NGRAM_ORDER_MAX + 1;
    assert_int_equal(reel_lm_ngram_train(&from, other_path, &opt, &made, NULL),
                     REEL_EINVAL);
}

static void one_line_of_one_word_is_a_model(void **state)
{
    (void)state;
    static const char *const line[] = {"rosebud"};
    struct reel_lm_ngram_made made;
    struct reel_error err;
    struct lm_ngram model;
    write_text(text_path, line, 1);
    train(REEL_LM_NGRAM_ORDER_MAX, 1 << 30, model_path, &made);
    assert_true(made.is_discount_default[0]);
    assert_ok(lm_ngram_map(&model, model_path, &err), err);
    assert_true(score(&model, "rosebud") > score(&model, "x"));
    lm_ngram_unmap(&model);
}

static bool stop_at_once(const char *stage, double done, double total, void *payload)
{
    (void)stage, (void)done, (void)total, (void)payload;
    return false;
}

static void stopping_leaves_the_old_model(void **state)
{
    (void)state;
    struct reel_lm_ngram_options opt = reel_lm_ngram_options_default();
    struct reel_lm_ngram_made made;
    struct reel_error err;
    const struct reel_lm_texts from = texts();
    write_text(text_path, ngram_train, COUNT_OF(ngram_train));
    train(2, 1 << 30, model_path, &made);
    train(2, 1 << 30, other_path, &made);
    opt.progress = (struct reel_progress){stop_at_once, NULL};
    assert_int_equal(reel_lm_ngram_train(&from, model_path, &opt, &made, &err),
                     REEL_ECANCELLED);
    assert_same_files(model_path, other_path);
}

static void no_memory_is_an_error_wherever_it_strikes(void **state)
{
    (void)state;
    struct reel_lm_ngram_options opt = reel_lm_ngram_options_default();
    struct reel_lm_ngram_made made;
    struct reel_error err;
    const struct reel_lm_texts from = texts();
    write_text(text_path, ngram_train, 3);
    opt.order = 3;
    opt.cut = REEL_LM_CUT_BLANKS;
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc =
            reel_lm_ngram_train(&from, model_path, &opt, &made, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            assert_true(n > 10);
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
    }
}

static void words_are_cut_as_icu_does(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Don't stop, 3.14 or 1,000 U.S. e.g. a.b. x_y 'quoted' \"so\" A&B 5% (no)",
         "Don't stop , 3.14 or 1,000 U.S . e.g . a.b . x_y ' quoted ' \" so \" A & B 5 % "
         "( no )"},
        {"她打开门，拿走了地图。", "她 打开 门 ， 拿走 了 地图 。"},
        {" \t ", ""},
    };
    struct base_text *text;
    struct reel_error err;
    struct base_buffer out, wide;
    assert_ok(base_text_create(&text, &err), err);
    base_buffer_init(&out, 1 << 20);
    base_buffer_init(&wide, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        base_buffer_clear(&out);
        assert_ok(base_text_tokens(text, cases[i][0], strlen(cases[i][0]), &out, &err),
                  err);
        assert_string_equal(base_buffer_text(&out), cases[i][1]);
    }
    // The short way of ASCII: the same line with a Chinese sign behind it goes through ICU.
    struct base_rng rng;
    base_rng_init(&rng, 5, 0);
    for (int round = 0; round < 2000; round++) {
        static const char signs[] = "ab1 2.,;'_-\"!X";
        char line[40];
        const size_t n = 1 + base_rng_below(&rng, 20);
        for (size_t k = 0; k < n; k++) {
            line[k] = signs[base_rng_below(&rng, sizeof signs - 1)];
        }
        memcpy(line + n, " \xe3\x80\x82", 5);
        base_buffer_clear(&out);
        base_buffer_clear(&wide);
        assert_ok(base_text_tokens(text, line, n, &out, &err), err);
        assert_ok(base_text_tokens(text, line, n + 4, &wide, &err), err);
        const size_t n_wide = wide.n_bytes - 3 - (out.n_bytes > 0);
        if (n_wide != out.n_bytes || (n_wide && memcmp(out.data, wide.data, n_wide))) {
            fail_msg("'%.*s': '%s' and '%s'", (int)n, line, base_buffer_text(&out),
                     base_buffer_text(&wide));
        }
    }
    base_buffer_release(&out);
    base_buffer_release(&wide);
    base_text_free(text);
}

static struct reel_lm *open_prose(void)
{
    static const char *const prose[] = {"The pilot opens the door, and the widow waits.",
                                        "The widow said \"no\" (twice).",
                                        "老船长打开门，拿走了地图。",
                                        "The pilot opens the letter."};
    struct reel_lm_ngram_options opt = reel_lm_ngram_options_default();
    struct reel_lm_options how = reel_lm_options_default();
    struct reel_lm_ngram_made made;
    struct reel_error err;
    struct reel_lm *lm;
    const struct reel_lm_texts from = texts();
    write_text(text_path, prose, COUNT_OF(prose));
    assert_ok(reel_lm_ngram_train(&from, model_path, &opt, &made, &err), err);
    assert_ok(reel_lm_open(model_path, &how, &lm, &err), err);
    return lm;
}

static void nothing_lies_over_words(void **state)
{
    (void)state;
    struct reel_lm_options how = reel_lm_options_default();
    struct reel_error err;
    struct reel_lm *lm = open_prose();
    reel_lm_close(lm);
    how.adapter = "beats.gguf";
    assert_int_equal(reel_lm_open(model_path, &how, &lm, &err), REEL_EINVAL);
    assert_null(lm);
    assert_int_equal(reel_lm_open("http://127.0.0.1:1/v1", &how, &lm, &err), REEL_EINVAL);
}

static void engine_writes_prose(void **state)
{
    (void)state;
    struct reel_lm *lm = open_prose();
    struct reel_error err;
    const struct reel_lm_prompt prompt[] = {{.text = "The pilot", .n_samples = 1},
                                            {.text = "The widow said", .n_samples = 1},
                                            {.text = "x\n老船长", .n_samples = 1}};
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_lm_reply reply;
    request.prompt = prompt;
    request.n_prompts = 3;
    request.temperature = 0;
    request.repeat_cost = request.ngram_cost = request.sibling_cost = 0;
    assert_ok(reel_lm_generate(lm, &request, &reply, &err), err);
    assert_string_equal(reply.sample[1].text, " \"no\" (twice).");
    assert_string_equal(reply.sample[2].text, "打开门，拿走了地图。");
    assert_int_equal(strncmp(reply.sample[0].text, " opens the ", 11), 0);
    assert_int_equal(reply.sample[1].end, REEL_LM_END_STOP);
    assert_true(reply.sample[1].logp < 0);
    reel_lm_reply_release(&reply);
    static const char *const stop[] = {" ("};
    request.stop = stop;
    request.n_stops = 1;
    assert_ok(reel_lm_generate(lm, &request, &reply, &err), err);
    assert_string_equal(reply.sample[1].text, " \"no\"");
    reel_lm_reply_release(&reply);
    assert_int_equal(strlen(reel_lm_about(lm)->checksum), 64);
    reel_lm_close(lm);
}

static void engine_judges_what_follows(void **state)
{
    (void)state;
    struct reel_lm *lm = open_prose();
    struct reel_error err;
    struct reel_lm_judged judged[] = {
        {.context = "", .text = "The pilot opens the door"},
        {.context = "The pilot opens", .text = " the door"},
        {.context = "", .text = "The pilot opens"},
        {.context = "The pilot opens", .text = ""},
    };
    int32_t n;
    double perplexity;
    assert_ok(reel_lm_score(lm, judged, 4, NULL, &err), err);
    assert_int_equal(judged[0].n_tokens, 5);
    assert_int_equal(judged[1].n_tokens, 2);
    assert_true(fabs(judged[0].logp - judged[1].logp - judged[2].logp) < 1e-9);
    assert_true(isnan(judged[3].logp));
    assert_ok(reel_lm_count(lm, "The pilot, too.\n", &n, &err), err);
    assert_int_equal(n, 6); // the end of the line as well
    assert_ok(reel_lm_perplexity(lm, "The pilot opens the door\nThe widow", NULL,
                                 &perplexity, &n, &err),
              err);
    assert_int_equal(n, 9);
    assert_true(perplexity > 1);
    reel_lm_close(lm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_score_as_in_kenlm),
        cmocka_unit_test(probabilities_add_up),
        cmocka_unit_test(counts_on_disk_make_the_same_model),
        cmocka_unit_test(arpa_there_and_back_is_the_same),
        cmocka_unit_test(pruned_arpa_backs_off),
        cmocka_unit_test(damaged_arpa_is_told_with_its_line),
        cmocka_unit_test(damaged_model_is_refused),
        cmocka_unit_test(bad_text_is_told_with_its_line),
        cmocka_unit_test(one_line_of_one_word_is_a_model),
        cmocka_unit_test(stopping_leaves_the_old_model),
        cmocka_unit_test(no_memory_is_an_error_wherever_it_strikes),
        cmocka_unit_test(words_are_cut_as_icu_does),
        cmocka_unit_test(nothing_lies_over_words),
        cmocka_unit_test(engine_writes_prose),
        cmocka_unit_test(engine_judges_what_follows),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
