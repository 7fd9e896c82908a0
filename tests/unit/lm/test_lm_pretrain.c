/** Pretraining: it learns, goes on to the last bit, dies without loss, and llama.cpp reads it. */
#include "lm_pretrain_text.h"
#include "unit.h"

#include <forkreel/lm.h>
#include <forkreel/lm_pretrain.h>

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

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

static int count_files(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *file; dir && (file = readdir(dir));) {
        n += file->d_name[0] != '.';
    }
    if (dir) {
        (void)closedir(dir);
    }
    return n;
}

/** What was told of a training: losses of validation. */
struct told {
    double loss[N_STEPS];
    char sample[N_STEPS][200];
    int n;
};

static void note(int32_t i_step, double loss, const char *sample, void *payload)
{
    (void)i_step;
    struct told *told = payload;
    told->loss[told->n] = loss;
    (void)snprintf(told->sample[told->n++], sizeof told->sample[0], "%s", sample);
}

/** Stops a training when it is at a step. */
static bool stop_at(const char *stage, double done, double total, void *payload)
{
    return total != N_STEPS || strncmp(stage, "step", 4) != 0 || done < *(int *)payload;
}

static void train_straight(struct told *told, struct reel_lm_pretrained *made)
{
    struct reel_error err;
    struct reel_lm_pretrain_options opt = small_options(path_of("straight"));
    opt.on_judged = note;
    opt.payload = told;
    assert_ok(base_file_mkdirs(path_of("s"), &err), err);
    assert_ok(reel_lm_pretrain(path_of("s/model.gguf"), &opt, made, &err), err);
}

static void pretraining_learns_and_leaves_a_model_alone(void **state)
{
    (void)state;
    struct told told = {.n = 0};
    struct reel_lm_pretrained made;
    struct reel_lm_info info;
    struct reel_error err;
    train_straight(&told, &made);
    assert_int_equal(told.n, N_STEPS / 5);
    assert_true(told.loss[0] < log(320) && told.loss[told.n - 1] < told.loss[0] - 0.5);
    assert_true(fabs(made.valid_loss - told.loss[told.n - 1]) < 1e-12);
    assert_memory_equal(told.sample[0], "Anna", 4);
    assert_int_equal(made.i_step, N_STEPS);
    assert_ok(reel_lm_info_read(path_of("s/model.gguf"), &info, &err), err);
    assert_int_equal(info.n_vocabulary, made.n_vocabulary);
    assert_int_equal(info.n_parameters, made.n_parameters);
    assert_int_equal(info.n_layers, 2);
    // Of the run only its log stays.
    assert_int_equal(count_files(path_of("straight/run")), 2);
}

static void pretraining_goes_on_to_the_last_bit(void **state)
{
    (void)state;
    static const int stops[] = {10, 1, 7, 20}; // of one run each; 20: before it is saved
    struct told straight = {.n = 0};
    struct reel_lm_pretrained made;
    struct reel_error err;
    assert_ok(base_file_mkdirs(path_of("r"), &err), err);
    remove_all(path_of("straight"));
    train_straight(&straight, &made);
    for (size_t i = 0; i < COUNT_OF(stops); i++) {
        char runs[128];
        (void)snprintf(runs, sizeof runs, "%s/runs-%zu", home, i);
        struct told told = {.n = 0};
        struct reel_lm_pretrain_options opt = small_options(runs);
        opt.on_judged = note;
        opt.payload = &told;
        int stop = stops[i];
        opt.progress = (struct reel_progress){stop_at, &stop};
        if (stop < N_STEPS) {
            assert_int_equal(reel_lm_pretrain(path_of("r/model.gguf"), &opt, &made, &err),
                             REEL_ECANCELLED);
            assert_int_equal(made.i_step, stop);
            opt.progress = (struct reel_progress){0};
            assert_ok(reel_lm_pretrain_resume(&opt, &made, &err), err);
        } else { // twice interrupted
            for (stop = 4; stop < N_STEPS; stop += 9) {
                const enum reel_status rc =
                    stop == 4
                        ? reel_lm_pretrain(path_of("r/model.gguf"), &opt, &made, &err)
                        : reel_lm_pretrain_resume(&opt, &made, &err);
                assert_int_equal(rc, REEL_ECANCELLED);
            }
            opt.progress = (struct reel_progress){0};
            assert_ok(reel_lm_pretrain_resume(&opt, &made, &err), err);
        }
        assert_int_equal(told.n, straight.n);
        assert_memory_equal(told.loss, straight.loss, sizeof told.loss);
        assert_same_file(path_of("r/model.gguf"), path_of("s/model.gguf"));
        assert_int_equal(reel_lm_pretrain_resume(&opt, &made, &err), REEL_ENOTFOUND);
    }
}

static void pretraining_survives_kill_9(void **state)
{
    (void)state;
    struct reel_lm_pretrained made;
    struct reel_error err;
    struct reel_lm_pretrain_options opt = small_options(path_of("killed"));
    opt.checkpoint_s = 0; // after each step
    assert_ok(base_file_mkdirs(path_of("k"), &err), err);
    int n_killed = 0;
    enum reel_status rc = REEL_EFAIL;
    for (int round = 0; round < 200 && rc != REEL_OK; round++) {
        const pid_t child = fork();
        if (child == 0) {
            const char *out = path_of("k/model.gguf");
            rc = reel_lm_pretrain_resume(&opt, &made, &err);
            if (rc == REEL_ENOTFOUND) { // died before the first step, or nothing yet
                remove_all(path_of("killed"));
                rc = reel_lm_pretrain(out, &opt, &made, &err);
            }
            _exit(rc == REEL_OK ? 0 : 1);
        }
        int status;
        (void)usleep((useconds_t)(60000 + 5000 * round));
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        n_killed += WIFSIGNALED(status);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        rc = WIFSIGNALED(status) ? REEL_EFAIL : REEL_OK;
    }
    assert_int_equal(rc, REEL_OK);
    assert_true(n_killed > 0);
    assert_same_file(path_of("k/model.gguf"), path_of("s/model.gguf"));
}

static void pretraining_makes_what_llama_cpp_scores_alike(void **state)
{
    (void)state;
    struct told told = {.n = 0};
    struct reel_lm_pretrained made;
    struct reel_lm_pretrain_options opt = small_options(path_of("llama"));
    struct reel_lm_options lm_opt = reel_lm_options_default();
    struct reel_lm *lm;
    struct reel_error err;
    opt.n_steps = 200;
    opt.judge_steps = 40;
    opt.on_judged = note;
    opt.payload = &told;
    assert_ok(reel_lm_pretrain(path_of("model.gguf"), &opt, &made, &err), err);
    lm_opt.n_cells = 256;
    assert_ok(reel_lm_open(path_of("model.gguf"), &lm_opt, &lm, &err), err);
    struct reel_lm_judged judged[] = {
        {.context = "",
         .text = "Anna looks for the letter until 7 o'clock. So does nobody "
                 "but Anna."},
        {.context = "",
         .text = "Nobody o'clock 7 Anna. Looks the but does Anna for letter "
                 "until so."}};
    assert_ok(reel_lm_score(lm, judged, 2, NULL, &err), err);
    // What a sentence is was learnt, and one costs what validation says.
    assert_true(judged[0].logp > judged[1].logp + 10);
    assert_true(fabs(-judged[0].logp / judged[0].n_tokens - made.valid_loss) < 0.5);
    reel_lm_close(lm);
}

static void pretraining_refuses_in_one_line(void **state)
{
    (void)state;
    struct reel_lm_pretrained made;
    struct reel_error err;
    char out[128];
    (void)snprintf(out, sizeof out, "%s/none.gguf", home);
    struct reel_lm_pretrain_options opt = small_options(path_of("refused"));
    opt.n_heads = 5;
    assert_int_equal(reel_lm_pretrain(out, &opt, &made, &err), REEL_EINVAL);
    assert_non_null(strstr(err.text, "width 32 has no 5 heads"));
    opt = small_options(path_of("refused"));
    opt.n_width = 1 << 18;
    opt.n_heads = 8;
    opt.n_layers = 1000;
    assert_int_equal(reel_lm_pretrain(out, &opt, &made, &err), REEL_ENOMEM);
    assert_non_null(strstr(err.text, "GB of memory"));
    opt = small_options(path_of("refused"));
    opt.rate = 100;
    opt.clip = 0;
    opt.decay = 100;
    opt.n_steps = 0;
    assert_int_equal(reel_lm_pretrain(out, &opt, &made, &err), REEL_EFAIL);
    assert_non_null(strstr(err.text, "no number"));
    opt = small_options(path_of("refused"));
    assert_int_equal(reel_lm_pretrain(out, &opt, &made, &err), REEL_EINVAL);
    assert_non_null(strstr(err.text, "a run named run already"));
    opt.name = "../x";
    assert_int_equal(reel_lm_pretrain(out, &opt, &made, &err), REEL_EINVAL);
    assert_int_not_equal(access(out, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pretraining_learns_and_leaves_a_model_alone),
        cmocka_unit_test(pretraining_goes_on_to_the_last_bit),
        cmocka_unit_test(pretraining_survives_kill_9),
        cmocka_unit_test(pretraining_makes_what_llama_cpp_scores_alike),
        cmocka_unit_test(pretraining_refuses_in_one_line),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
