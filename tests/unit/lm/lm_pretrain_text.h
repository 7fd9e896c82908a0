/** A folder, a text with a rule in it, and a small transformer: for tests of pretraining. */
#ifndef LM_PRETRAIN_TEXT_H
#define LM_PRETRAIN_TEXT_H

#include "unit.h"

#include "base_file.h"
#include "base_rng.h"

#include <forkreel/lm_pretrain.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_STEPS = 20 };

static char home[64], text_path[80];

static const char *path_of(const char *name)
{
    static char path[4][128];
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

// Sentences with a rule in them: who is named first is named last.
static void write_text(void)
{
    static const char *const who[] = {"Anna", "Boris", "Chen", "王芳"};
    static const char *const what[] = {"looks for the letter", "hides in the station",
                                       "在灯塔里等着"};
    struct base_rng rng;
    base_rng_init(&rng, 3, 3);
    FILE *out = fopen(text_path, "w");
    assert_non_null(out);
    for (int i = 0; i < 400; i++) {
        const char *name = who[base_rng_below(&rng, 4)];
        const unsigned hour = base_rng_below(&rng, 300);
        fprintf(out, "%s %s until %u o'clock. So does nobody but %s.\n\n", name,
                what[base_rng_below(&rng, 3)], hour, name);
    }
    assert_int_equal(fclose(out), 0);
}

static int set_up(void **state)
{
    (void)state;
    struct reel_error err;
    (void)snprintf(home, sizeof home, "pretrain-%ld", (long)getpid());
    (void)snprintf(text_path, sizeof text_path, "%s/text", home);
    const enum reel_status rc = base_file_mkdirs(home, &err);
    if (rc == REEL_OK) {
        write_text();
    }
    return (int)rc;
}

static int tear_down(void **state)
{
    (void)state;
    remove_all(home);
    return 0;
}

static struct reel_lm_pretrain_options small_options(const char *runs)
{
    static const char *path[] = {text_path};
    struct reel_lm_pretrain_options opt = reel_lm_pretrain_options_default();
    opt.texts = (struct reel_lm_texts){path, 1};
    opt.n_vocabulary = 320;
    opt.n_layers = 2;
    opt.n_width = 32;
    opt.n_heads = 4;
    opt.n_groups = 2;
    opt.n_hidden = 64;
    opt.n_context = 48;
    opt.n_batch = 4;
    opt.n_part = 2;
    opt.n_epochs = 20;
    opt.n_steps = N_STEPS;
    opt.judge_steps = 5;
    opt.dropout = 0.1;
    opt.rate = 0.01;
    opt.prompt = "Anna";
    opt.checkpoint_s = 1000;
    opt.runs = runs;
    opt.name = "run";
    return opt;
}

#endif
