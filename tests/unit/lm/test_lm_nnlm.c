/** Neural language models from text: what they learn, what they write, what is refused. */
#include "unit.h"

#include "base_alloc.h"
#include "base_file.h"
#include "base_rng.h"
#include "lm_nnlm_corpus.h"
#include "lm_nnlm_file.h"
#include "lm_nnlm_write.h"

#include <forkreel/lm_runs.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64], text_path[96], model_path[96], runs_path[96];

/** Sentences in which the last word depends on one long before it. */
static int make_folder(void **state)
{
    static const char *const who[] = {"The pilot", "The widow", "老船长", "The thief"};
    static const char *const does[] = {
        "opens the door and takes the", "waits for the rain and keeps the",
        "打开门，拿走了", "runs to the bridge and drops the"};
    static const char *const what[] = {"map.", "ring.", "地图。", "knife."};
    static const char *const how[] = {"quietly", "slowly", "still",  "always",
                                      "soon",    "once",   "gladly", "never"};
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/forkreel-nnlm-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    (void)snprintf(text_path, sizeof text_path, "%s/text", folder);
    (void)snprintf(model_path, sizeof model_path, "%s/model.nnlm", folder);
    (void)snprintf(runs_path, sizeof runs_path, "%s/runs", folder);
    FILE *file = fopen(text_path, "w");
    struct base_rng rng;
    base_rng_init(&rng, 1, 0);
    for (int i = 0; file && i < 160; i++) {
        const int k = i % 4; // `what` follows from `does`
        (void)fprintf(file, "%s %s and %s %s %s\n", who[base_rng_below(&rng, 4)],
                      how[base_rng_below(&rng, 8)], how[base_rng_below(&rng, 8)], does[k],
                      what[k]);
    }
    return file ? fclose(file) : -1;
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

static struct reel_lm_nnlm_options options(enum reel_lm_nnlm_kind kind)
{
    struct reel_lm_nnlm_options opt = reel_lm_nnlm_options_default(kind);
    opt.n_embedding = 12;
    opt.n_hidden = 24;
    opt.n_batch = kind == REEL_LM_NNLM_LSTM ? 8 : 64;
    opt.n_steps = 8;
    opt.n_epochs = 20;
    opt.rate = .01;
    opt.valid_share = .2;
    opt.dropout = 0;
    return opt;
}

static void check_learnt(enum reel_lm_nnlm_kind kind, double perplexity_max)
{
    struct reel_error err;
    struct reel_lm_nnlm_made made;
    const struct reel_lm_texts text = texts();
    struct reel_lm_nnlm_options opt = options(kind);
    opt.runs = runs_path;
    assert_ok(reel_lm_nnlm_train(&text, model_path, &opt, &made, &err), err);
    assert_int_equal(made.n_lines, 160);
    assert_true(made.n_lines_valid > 0 && made.n_lines_valid < 80);
    assert_int_equal(made.n_unknown, 0);
    assert_true(made.perplexity_valid < perplexity_max);
    struct lm_nnlm model;
    assert_ok(lm_nnlm_map(&model, model_path, &err), err);
    assert_int_equal(model.map.n_bytes, made.file_bytes);
    assert_true(fabs(exp(model.header.loss_valid) - made.perplexity_valid) < 1e-9);
    char line[512];
    lm_nnlm_sample(&model, 3, 30, line, sizeof line);
    assert_true(strlen(line) > 5);
    assert_null(strstr(line, "<unk>"));
    lm_nnlm_unmap(&model);

    struct reel_lm_run_log log;
    assert_ok(reel_lm_run_read(runs_path, made.run, &log, &err), err);
    assert_int_equal(log.run.state, REEL_LM_RUN_DONE);
    assert_string_equal(log.run.model, model_path);
    const struct reel_lm_curve *valid = reel_lm_run_curve(&log, "loss/validation");
    assert_non_null(valid);
    assert_int_equal(valid->n, made.n_epochs);
    assert_true(valid->value[0] > log.run.loss);
    assert_int_equal(log.n_texts, made.n_epochs);
    assert_true(log.n_spreads > 0);
    assert_non_null(reel_lm_run_curve(&log, "gradient/norm"));
    reel_lm_run_log_release(&log);
}

// Of about thirteen words of a line two are open to four and two to eight: 1024^(1/13) = 1.7.
static void feedforward_learns_what_depends_on_the_last_words(void **state)
{
    (void)state;
    check_learnt(REEL_LM_NNLM_FEEDFORWARD, 2);
}

static void lstm_learns_what_depends_on_words_long_ago(void **state)
{
    (void)state;
    check_learnt(REEL_LM_NNLM_LSTM, 2);
}

static void same_seed_gives_the_same_file(void **state)
{
    (void)state;
    struct reel_error err;
    struct base_file_map map[2];
    for (int i = 0; i < 2; i++) {
        struct reel_lm_nnlm_made made;
        const struct reel_lm_texts text = texts();
        struct reel_lm_nnlm_options opt = options(REEL_LM_NNLM_LSTM);
        char path[128];
        opt.n_epochs = 2;
        opt.dropout = .2;
        (void)snprintf(path, sizeof path, "%s/same-%d", folder, i);
        assert_ok(reel_lm_nnlm_train(&text, path, &opt, &made, &err), err);
        assert_ok(base_file_map_open(&map[i], path, &err), err);
    }
    assert_int_equal(map[0].n_bytes, map[1].n_bytes);
    assert_memory_equal(map[0].data, map[1].data, map[0].n_bytes);
    base_file_map_close(&map[0]);
    base_file_map_close(&map[1]);
}

static void rare_words_are_one(void **state)
{
    (void)state;
    struct reel_error err;
    struct lm_nnlm_corpus corpus;
    const struct reel_lm_texts text = texts();
    struct reel_lm_nnlm_options opt = options(REEL_LM_NNLM_LSTM);
    opt.n_words = 10;
    assert_ok(lm_nnlm_corpus_read(&text, &opt, folder, &corpus, &err), err);
    assert_int_equal(corpus.words.view.n_words, 10);
    assert_true(corpus.n_unknown > 0);
    double sum = 0;
    for (int i = 0; i < 10; i++) {
        sum += corpus.share[i];
        assert_true(i < 5 || corpus.share[i] <= corpus.share[i - 1] * 1.5);
    }
    assert_true(fabs(sum - 1) < 1e-9);
    for (int64_t l = 0; l < corpus.n_lines; l++) {
        assert_int_equal(corpus.word[corpus.line[l + 1] - 1], LM_END);
    }
    assert_int_equal(corpus.line[corpus.n_lines], corpus.n_tokens);
    lm_nnlm_corpus_release(&corpus);
}

static bool never(const char *stage, double done, double total, void *payload)
{
    (void)stage, (void)total;
    return done < *(double *)payload;
}

static void what_is_wrong_is_told(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_lm_nnlm_made made;
    struct reel_lm_texts text = texts();
    struct reel_lm_nnlm_options opt = options(REEL_LM_NNLM_FEEDFORWARD);
    opt.n_context = 0;
    assert_int_equal(reel_lm_nnlm_train(&text, model_path, &opt, &made, &err),
                     REEL_EINVAL);
    opt = options(REEL_LM_NNLM_FEEDFORWARD);
    opt.n_hidden = 1 << 16;
    opt.n_embedding = 1 << 16;
    opt.n_context = 64;
    assert_int_equal(reel_lm_nnlm_train(&text, model_path, &opt, &made, &err),
                     REEL_ENOMEM); // 1 TB is asked for before anything is begun
    opt = options(REEL_LM_NNLM_FEEDFORWARD);
    opt.rate = 1e30;
    opt.clip = 0;
    assert_int_equal(reel_lm_nnlm_train(&text, model_path, &opt, &made, &err),
                     REEL_EFAIL);
    assert_non_null(strstr(err.text, "no number"));
    opt = options(REEL_LM_NNLM_FEEDFORWARD);
    double stop_at = 3;
    opt.progress = (struct reel_progress){never, &stop_at};
    opt.max_bytes = 0; // the text goes to disk
    assert_int_equal(reel_lm_nnlm_train(&text, model_path, &opt, &made, &err),
                     REEL_ECANCELLED);
    opt = options(REEL_LM_NNLM_FEEDFORWARD);
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(reel_lm_nnlm_train(&text, "/dev/full", &opt, &made, &err),
                         REEL_EIO);
    }
    const char *none = "/dev/null";
    text.path = &none;
    assert_int_equal(reel_lm_nnlm_train(&text, model_path, &opt, &made, &err),
                     REEL_EFORMAT);
}

static void one_line_is_learnt_without_judging(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_lm_nnlm_made made;
    char path[128];
    const char *const paths[] = {path};
    const struct reel_lm_texts text = {paths, 1};
    struct reel_lm_nnlm_options opt = options(REEL_LM_NNLM_LSTM);
    (void)snprintf(path, sizeof path, "%s/one", folder);
    assert_ok(base_file_write(path, NULL, 0, "one line", 8, &err), err);
    assert_ok(reel_lm_nnlm_train(&text, model_path, &opt, &made, &err), err);
    assert_int_equal(made.n_lines_valid, 0);
    assert_true(isnan(made.perplexity_valid));
    struct lm_nnlm model;
    assert_ok(lm_nnlm_map(&model, model_path, &err), err);
    lm_nnlm_unmap(&model);
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_lm_nnlm_made made;
    struct lm_nnlm model;
    const struct reel_lm_texts text = texts();
    struct reel_lm_nnlm_options opt = options(REEL_LM_NNLM_FEEDFORWARD);
    opt.n_epochs = 1;
    assert_ok(reel_lm_nnlm_train(&text, model_path, &opt, &made, &err), err);
    struct base_file_map map;
    assert_ok(base_file_map_open(&map, model_path, &err), err);
    unsigned char *copy = aligned_alloc(64, map.n_bytes);
    memcpy(copy, map.data, map.n_bytes);
    assert_ok(lm_nnlm_view(&model, copy, map.n_bytes, &err), err);
    for (size_t n = 0; n < map.n_bytes; n += n < 5000 ? 7 : 991) {
        assert_int_equal(lm_nnlm_view(&model, copy, n, &err), REEL_EFORMAT);
        assert_null(model.weights.array[0]);
    }
    for (size_t i = 0; i < sizeof(struct lm_nnlm_header); i++) { // every byte counts
        copy[i] ^= 0x40;
        const enum reel_status rc = lm_nnlm_view(&model, copy, map.n_bytes, &err);
        assert_true(rc == REEL_EFORMAT || rc == REEL_EVERSION);
        copy[i] ^= 0x40;
    }
    free(copy);
    base_file_map_close(&map);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_lm_nnlm_made made;
    const struct reel_lm_texts text = texts();
    struct reel_lm_nnlm_options opt = options(REEL_LM_NNLM_FEEDFORWARD);
    opt.n_epochs = 1;
    opt.n_batch = 512;
    for (long n = 0;; n++) {
        base_alloc_fail_after(n);
        const enum reel_status rc =
            reel_lm_nnlm_train(&text, model_path, &opt, &made, &err);
        base_alloc_fail_after(-1);
        if (rc == REEL_OK) {
            break;
        }
        assert_int_equal(rc, REEL_ENOMEM);
        assert_true(n < 2000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feedforward_learns_what_depends_on_the_last_words),
        cmocka_unit_test(lstm_learns_what_depends_on_words_long_ago),
        cmocka_unit_test(same_seed_gives_the_same_file),
        cmocka_unit_test(rare_words_are_one),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(one_line_is_learnt_without_judging),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
