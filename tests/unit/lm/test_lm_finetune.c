/**
 * Adapting a tiny model by every method: it learns, and llama.cpp computes with the file what
 * the training computed.
 */
#include "base_alloc.h"
#include "base_file.h"
#include "lm_bpe.h"
#include "lm_decoder_save.h"

#include "unit.h"

#include <forkreel/lm.h>
#include <forkreel/lm_finetune.h>

#include <dirent.h>
#include <gguf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char home[64];

static const char *path_of(const char *name)
{
    static char path[4][160];
    static int i;
    char *out = path[i++ % 4];
    (void)snprintf(out, sizeof path[0], "%s/%s", home, name);
    return out;
}

static void remove_all(const char *path)
{
    char inner[512];
    DIR *dir = opendir(path);
    for (const struct dirent *file; dir && (file = readdir(dir));) {
        if (strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0) {
            (void)snprintf(inner, sizeof inner, "%s/%s", path, file->d_name);
            remove_all(inner);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
    (void)remove(path);
}

/** A random model of 257 tokens in a file. */
static const char *make_base(const char *family)
{
    struct lm_decoder_shape s = {.n_vocabulary = LM_BPE_N_LEAST,
                                 .n_context = 256,
                                 .n_width = 32,
                                 .n_layers = 2,
                                 .n_heads = 2,
                                 .n_groups = 1,
                                 .n_head_width = 16,
                                 .n_hidden = 48,
                                 .n_rotated = 16,
                                 .norm_epsilon = 1e-5,
                                 .rope_base = 10000,
                                 .rope_scale = 1,
                                 .embedding_scale = 1,
                                 .is_tied = true};
    struct reel_error err;
    struct lm_decoder *decoder;
    struct base_net *net;
    struct lm_bpe *bpe;
    static char path[160];
    (void)snprintf(path, sizeof path, "%s/%s.gguf", home, family);
    (void)snprintf(s.architecture, sizeof s.architecture, "%s", family);
    s.rope = strcmp(family, "llama") == 0 ? LM_ROPE_NORMAL : LM_ROPE_NEOX;
    s.has_bias = strcmp(family, "qwen2") == 0;
    if (strcmp(family, "gemma") == 0) {
        s.gate = LM_GATE_GELU;
        s.embedding_scale = sqrt(32);
    }
    assert_ok(lm_decoder_create(&s, &decoder, &err), err);
    assert_ok(lm_decoder_learn(decoder, 7, &net, &err), err);
    struct base_rng rng;
    base_rng_init(&rng, 8, 0);
    for (size_t i = 0; i < base_net_n_floats(net); i++) { // so that nothing vanishes
        base_net_values(net, 0)[i] += (float)(0.1 * base_rng_normal(&rng));
    }
    assert_ok(lm_bpe_from_merges(NULL, 0, &bpe, &err), err);
    struct gguf_context *meta = gguf_init_empty();
    lm_decoder_save_shape(meta, &s, "tiny");
    assert_ok(lm_bpe_to_gguf(bpe, meta, &err), err);
    assert_ok(lm_decoder_save(path, meta, decoder, net, &err), err);
    gguf_free(meta);
    lm_bpe_free(bpe);
    base_net_free(net);
    lm_decoder_free(decoder);
    return path;
}

static const char text[] = "The rain falls on the roof, and the cat sleeps.";

/** The same text again and again: what is judged on is known. */
static const struct reel_lm_example same[] = {
    {NULL, text}, {NULL, text}, {NULL, text}, {NULL, text}, {NULL, text}, {NULL, text},
};

static struct reel_lm_finetune_options quick(const char *base, enum reel_lm_method method)
{
    struct reel_lm_finetune_options opt = reel_lm_finetune_options_default();
    opt.base = base;
    opt.method = method;
    opt.example = same;
    opt.n_examples = COUNT_OF(same);
    opt.valid_share = 0.2;
    opt.n_context = 96;
    opt.n_batch = 2;
    opt.n_steps = 30;
    opt.judge_steps = 10;
    opt.rate = 1e-2;
    opt.rank = 4;
    opt.n_prefix = 3;
    opt.prefix_hidden = 8;
    return opt;
}

/** Nats a token of the text, by the engine. */
static double by_engine(const char *model, const char *adapter)
{
    struct reel_error err;
    struct reel_lm *lm;
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_lm_judged judged = {.context = "", .text = text};
    const struct reel_progress silent = {0};
    opt.adapter = adapter;
    assert_ok(reel_lm_open(model, &opt, &lm, &err), err);
    assert_ok(reel_lm_score(lm, &judged, 1, &silent, &err), err);
    reel_lm_close(lm);
    return -judged.logp / judged.n_tokens;
}

static void check_method(const char *family, enum reel_lm_method method)
{
    struct reel_error err;
    struct reel_lm_finetuned made;
    const char *base = make_base(family), *out = path_of("out.gguf");
    const struct reel_lm_finetune_options opt = quick(base, method);
    assert_ok(reel_lm_finetune(out, &opt, &made, &err), err);
    assert_int_equal(made.n_steps, 30);
    assert_true(made.valid_after < made.valid_before - 0.1);
    const double before = by_engine(base, NULL), after = method == REEL_LM_METHOD_FULL
                                                             ? by_engine(out, NULL)
                                                             : by_engine(base, out);
    if (fabs(before - made.valid_before) > 2e-3 ||
        fabs(after - made.valid_after) > 4e-3) {
        fail_msg("%s, %s: %.4f and %.4f in training, %.4f and %.4f in llama.cpp", family,
                 reel_lm_method_name(method), made.valid_before, made.valid_after, before,
                 after);
    }
    reel_lm_finetuned_release(&made);
}

static void every_method_learns_what_llama_cpp_computes(void **state)
{
    (void)state;
    const char *const families[] = {"llama", "qwen2", "gemma"};
    for (size_t f = 0; f < COUNT_OF(families); f++) {
        for (int m = REEL_LM_METHOD_FULL; m <= REEL_LM_METHOD_PREFIX; m++) {
            if (m !=
                REEL_LM_METHOD_ADALORA) { // its best may have more ranks than its file
                check_method(families[f], (enum reel_lm_method)m);
            }
        }
    }
}

static void adalora_keeps_its_budget(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_lm_finetuned made;
    const char *base = make_base("llama"), *out = path_of("out.gguf");
    struct reel_lm_finetune_options opt = quick(base, REEL_LM_METHOD_ADALORA);
    assert_ok(reel_lm_finetune(out, &opt, &made, &err), err);
    int32_t n = 0;
    bool differ = false;
    assert_int_equal(made.n_ranks, 14);
    for (int32_t i = 0; i < made.n_ranks; i++) {
        n += made.rank[i].rank;
        differ = differ || made.rank[i].rank != made.rank[0].rank;
    }
    assert_int_equal(n, 14 * 4); // of 6 each at the beginning
    assert_true(differ);
    assert_true(by_engine(base, out) < by_engine(base, NULL) - 0.1);
    reel_lm_finetuned_release(&made);
}

/* ---- stopping and going on ---- */

static bool stop_at(const char *stage, double done, double total, void *payload)
{
    return total != 30 || strncmp(stage, "step", 4) != 0 || done < *(int *)payload;
}

static void assert_same_file(const char *a, const char *b)
{
    struct base_file_map map[2];
    struct reel_error err;
    assert_ok(base_file_map_open(&map[0], a, &err), err);
    assert_ok(base_file_map_open(&map[1], b, &err), err);
    assert_int_equal(map[0].n_bytes, map[1].n_bytes);
    assert_memory_equal(map[0].data, map[1].data, map[0].n_bytes);
    base_file_map_close(&map[0]);
    base_file_map_close(&map[1]);
}

static void a_run_goes_on_as_if_it_had_not_stopped(void **state)
{
    (void)state;
    struct reel_error err;
    const char *base = make_base("llama");
    const enum reel_lm_method methods[] = {REEL_LM_METHOD_LORA, REEL_LM_METHOD_ADALORA,
                                           REEL_LM_METHOD_PREFIX, REEL_LM_METHOD_FULL};
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct reel_lm_finetuned made;
        struct reel_lm_finetune_options opt = quick(base, methods[i]);
        int at = 13;
        char run[32], runs[160];
        (void)snprintf(runs, sizeof runs, "%s", path_of("runs"));
        assert_ok(reel_lm_finetune(path_of("straight.gguf"), &opt, &made, &err), err);
        reel_lm_finetuned_release(&made);
        (void)snprintf(run, sizeof run, "run-%zu", i);
        opt.runs = runs;
        opt.name = run;
        opt.progress = (struct reel_progress){stop_at, &at};
        if (reel_lm_finetune(path_of("resumed.gguf"), &opt, &made, &err) !=
            REEL_ECANCELLED) {
            fail_msg("it was not stopped: %s", err.text);
        }
        assert_string_equal(made.run, run);
        assert_int_equal(access(path_of("resumed.gguf"), F_OK), -1);
        reel_lm_finetuned_release(&made);
        struct reel_lm_finetune_options rest = reel_lm_finetune_options_default();
        rest.runs = runs;
        rest.name = run;
        assert_ok(reel_lm_finetune_resume(&rest, &made, &err), err);
        reel_lm_finetuned_release(&made);
        assert_same_file(path_of("straight.gguf"), path_of("resumed.gguf"));
        assert_int_equal(reel_lm_finetune_resume(&rest, &made, &err), REEL_ENOTFOUND);
        (void)unlink(path_of("resumed.gguf"));
    }
}

/* ---- what is wrong ---- */

static void write_file(const char *name, const char *what)
{
    FILE *out = fopen(path_of(name), "w");
    assert_non_null(out);
    assert_true(fputs(what, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

static void examples_are_texts_or_pairs(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_lm_examples examples;
    write_file("a.txt", "one\nline\n\n\ntwo\n");
    assert_ok(reel_lm_examples_read(path_of("a.txt"), &examples, &err), err);
    assert_int_equal(examples.n_examples, 2);
    assert_string_equal(examples.example[0].answer, "one\nline");
    assert_null(examples.example[0].prompt);
    reel_lm_examples_release(&examples);
    write_file("a.jsonl",
               "{\"prompt\": \"q\", \"answer\": \"a\"}\n\n{\"text\": \"t\"}\n");
    assert_ok(reel_lm_examples_read(path_of("a.jsonl"), &examples, &err), err);
    assert_int_equal(examples.n_examples, 2);
    assert_string_equal(examples.example[0].prompt, "q");
    assert_string_equal(examples.example[1].answer, "t");
    reel_lm_examples_release(&examples);
    write_file("b.jsonl", "{\"text\": \"t\"}\n{\"prompt\": 3}\n");
    assert_int_equal(reel_lm_examples_read(path_of("b.jsonl"), &examples, &err),
                     REEL_EFORMAT);
    assert_non_null(strstr(err.text, "b.jsonl:2"));
    assert_int_equal(reel_lm_examples_read(path_of("none"), &examples, &err),
                     REEL_ENOTFOUND);
}

static void what_cannot_be_done_is_said_in_a_line(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_lm_finetuned made;
    const char *base = make_base("llama"), *out = path_of("out.gguf");
    struct reel_lm_finetune_options opt = quick(base, REEL_LM_METHOD_LORA);
    opt.n_examples = 1;
    assert_int_equal(reel_lm_finetune(out, &opt, &made, &err), REEL_EFORMAT);
    assert_non_null(strstr(err.text, "at least two"));
    opt = quick(base, REEL_LM_METHOD_LORA);
    opt.targets = "q,k,w";
    assert_int_equal(reel_lm_finetune(out, &opt, &made, &err), REEL_EINVAL);
    opt = quick(base, REEL_LM_METHOD_LORA);
    opt.rate = 3e38;
    opt.clip = 0;
    assert_int_equal(reel_lm_finetune(out, &opt, &made, &err), REEL_EFAIL);
    assert_non_null(strstr(err.text, "no number"));
    opt = quick(make_base("phi3"), REEL_LM_METHOD_LORA);
    assert_int_equal(reel_lm_finetune(out, &opt, &made, &err), REEL_EFORMAT);
    assert_non_null(strstr(err.text, "phi3"));
    write_file("no.gguf", "GGUF");
    opt.base = path_of("no.gguf");
    assert_int_equal(reel_lm_finetune(out, &opt, &made, &err), REEL_EFORMAT);
    opt = quick(make_base("llama"), REEL_LM_METHOD_LORA);
    opt.valid_share = 0;
    assert_ok(reel_lm_finetune(out, &opt, &made, &err), err); // to be laid over another
    assert_true(isnan(made.valid_after));
    reel_lm_finetuned_release(&made);
    struct reel_lm *lm;
    struct reel_lm_options open = reel_lm_options_default();
    open.adapter = out;
    assert_int_equal(reel_lm_open(make_base("qwen2"), &open, &lm, &err), REEL_EFORMAT);
    opt = quick(make_base("llama"), REEL_LM_METHOD_LORA);
    opt.adapter = out; // and to begin with
    opt.n_steps = 1;
    assert_ok(reel_lm_finetune(path_of("more.gguf"), &opt, &made, &err), err);
    assert_true(made.loss < made.valid_before - 0.1);
    reel_lm_finetuned_release(&made);
    opt.rank = 5;
    assert_int_equal(reel_lm_finetune(path_of("more.gguf"), &opt, &made, &err),
                     REEL_EFORMAT);
}

static void prompts_are_given_and_answers_learnt(void **state)
{
    (void)state;
    struct reel_error err;
    struct reel_lm_finetuned made;
    const struct reel_lm_example pairs[] = {{"a long question to be given: ", "yes"},
                                            {"another one, as long: ", "no"}};
    struct reel_lm_finetune_options opt = quick(make_base("llama"), REEL_LM_METHOD_LORA);
    opt.example = pairs;
    opt.n_examples = 2;
    opt.valid_share = 0;
    opt.n_steps = 2;
    assert_ok(reel_lm_finetune(path_of("out.gguf"), &opt, &made, &err), err);
    assert_int_equal(made.n_targets, 4 + 3); // their bytes and an end each
    reel_lm_finetuned_release(&made);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(home, sizeof home, "/tmp/forkreel-finetune-XXXXXX");
    return mkdtemp(home) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    remove_all(home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_learns_what_llama_cpp_computes),
        cmocka_unit_test(adalora_keeps_its_budget),
        cmocka_unit_test(a_run_goes_on_as_if_it_had_not_stopped),
        cmocka_unit_test(examples_are_texts_or_pairs),
        cmocka_unit_test(what_cannot_be_done_is_said_in_a_line),
        cmocka_unit_test(prompts_are_given_and_answers_learnt),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
