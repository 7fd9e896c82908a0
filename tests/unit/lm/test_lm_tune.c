/** Perplexity, other file types, and which one is kept. */
#include "unit.h"

#include <forkreel/lm_files.h>

#include <dirent.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/** A home of its own, and the default model. */
struct world {
    char home[64], model[4096];
    struct reel_lm_tuned tuned;
    struct reel_error err;
};

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    const char *cache = getenv("FORKREEL_CACHE");
    assert_non_null(cache);
    (void)snprintf(w->model, sizeof w->model, "%s/models/SmolLM2-135M-Instruct.Q4_1.gguf",
                   cache);
    (void)snprintf(w->home, sizeof w->home, "/tmp/forkreel-tune-XXXXXX");
    assert_non_null(mkdtemp(w->home));
    *state = w;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static int end(void **state)
{
    struct world *w = *state;
    (void)nftw(w->home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

static int count_files(const struct world *w)
{
    char folder[256];
    int n = 0;
    (void)snprintf(folder, sizeof folder, "%s/models/tuned", w->home);
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        n += entry->d_name[0] != '.';
    }
    if (dir) {
        (void)closedir(dir);
    }
    return n;
}

// ---- perplexity, with an engine that recites ----

static const char *recite(const char *prompt, int32_t i_sample, uint64_t seed,
                          void *payload)
{
    (void)prompt, (void)i_sample, (void)seed, (void)payload;
    return "";
}

static void perplexity_is_exp_of_the_mean_surprise(void **state)
{
    (void)state;
    struct reel_lm *lm;
    struct reel_error err;
    double perplexity;
    int32_t n_tokens;
    assert_ok(reel_lm_open_scripted(recite, NULL, &lm, &err), err);
    for (int i = 0; i < 2; i++) { // every byte is a token of -1, every piece is read anew
        const char *text = reel_lm_held_text(i == 0 ? "en" : "zh");
        assert_ok(reel_lm_perplexity(lm, text, NULL, &perplexity, &n_tokens, &err), err);
        assert_int_equal(n_tokens, strlen(text));
        assert_true(fabs(perplexity - exp(1)) < 1e-9);
        assert_in_range(strlen(text), 2900, 4500);
    }
    assert_int_equal(reel_lm_perplexity(lm, "", NULL, &perplexity, &n_tokens, &err),
                     REEL_EINVAL);
    reel_lm_close(lm);
}

// ---- other types ----

static void a_model_is_written_in_another_type(void **state)
{
    struct world *w = *state;
    char to[128];
    struct reel_lm_info info;
    (void)snprintf(to, sizeof to, "%s/small.gguf", w->home);
    assert_ok(reel_lm_quantize(w->model, to, "q8_0", 2, &w->err), w->err);
    assert_ok(reel_lm_info_read(to, &info, &w->err), w->err);
    assert_string_equal(info.file_type, "Q8_0");
    assert_int_equal(reel_lm_quantize(w->model, to, "Q9", 2, &w->err), REEL_EINVAL);
    assert_int_equal(reel_lm_quantize(to, to, "Q4_0", 2, &w->err), REEL_EINVAL);
    assert_int_equal(reel_lm_quantize("/nowhere.gguf", to, "Q4_0", 2, &w->err),
                     REEL_ENOTFOUND);
    assert_int_equal(truncate(to, 1 << 20), 0);
    char other[128];
    (void)snprintf(other, sizeof other, "%s/other.gguf", w->home);
    assert_int_equal(reel_lm_quantize(to, other, "Q4_0", 2, &w->err), REEL_EFORMAT);
    assert_int_equal(access(other, F_OK), -1);
}

static void nothing_is_written_where_nothing_can_be(void **state)
{
    struct world *w = *state;
    assert_int_not_equal(
        reel_lm_quantize(w->model, "/nowhere/at/all.gguf", "Q8_0", 2, &w->err), REEL_OK);
    assert_true(w->err.text[0] != '\0');
}

// ---- tuning ----

static void check_rows(const struct world *w)
{
    int n_kept = 0;
    assert_int_equal(w->tuned.n_rows, 3);
    for (int i = 0; i < 3; i++) {
        const struct reel_lm_tune_row *row = &w->tuned.row[i];
        assert_true(row->perplexity_en > 5 && row->perplexity_en < 100);
        assert_true(isnan(row->perplexity_zh)); // its vocabulary has no Chinese
        assert_true(row->read_per_s > 1 && row->written_per_s > 1);
        assert_true(row->file_bytes > 50000000);
        assert_int_equal(row->is_original, i == 0);
        assert_true(!row->is_kept || !(row->rise > .02));
        assert_int_equal(row->is_kept || i == 0, row->why_not[0] == '\0');
        n_kept += row->is_kept;
    }
    assert_int_equal(n_kept, 1);
}

static void the_fastest_good_type_is_kept_and_remembered(void **state)
{
    struct world *w = *state;
    static const char *const types[] = {"Q4_0", "Q8_0"};
    struct reel_lm_tune_options opt = reel_lm_tune_options_default();
    char path[REEL_LM_PATH_BYTES];
    opt.n_threads = 2;
    opt.n_rounds = 1;
    opt.type = types;
    opt.n_types = 2;
    assert_ok(reel_lm_tuned_path(w->home, w->model, path, &w->err), w->err);
    assert_string_equal(path, w->model);
    assert_ok(reel_lm_tune(w->model, w->home, &opt, &w->tuned, &w->err), w->err);
    check_rows(w);
    const bool is_new = strcmp(w->tuned.path, w->model) != 0;
    assert_int_equal(count_files(w), is_new);
    assert_ok(reel_lm_tuned_path(w->home, w->model, path, &w->err), w->err);
    assert_string_equal(path, w->tuned.path);
    // The same file under another name is still known, by its sum.
    char link_path[128];
    (void)snprintf(link_path, sizeof link_path, "%s/copy.gguf", w->home);
    if (link(w->model, link_path) == 0) {
        assert_ok(reel_lm_tuned_path(w->home, link_path, path, &w->err), w->err);
        assert_string_equal(path, is_new ? w->tuned.path : link_path);
    }
    // A tuned file that was changed is not trusted.
    if (is_new) {
        assert_int_equal(truncate(w->tuned.path, 100), 0);
        assert_ok(reel_lm_tuned_path(w->home, w->model, path, &w->err), w->err);
        assert_string_equal(path, w->model);
    }
}

static bool stop_at_the_second(const char *stage, double done, double total,
                               void *payload)
{
    (void)stage, (void)total, (void)payload;
    return done < 3.5;
}

static void stopping_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct reel_lm_tune_options opt = reel_lm_tune_options_default();
    opt.n_threads = 2;
    opt.n_rounds = 1;
    opt.progress.report = stop_at_the_second;
    assert_int_equal(reel_lm_tune(w->model, w->home, &opt, &w->tuned, &w->err),
                     REEL_ECANCELLED);
    assert_int_equal(count_files(w), 0);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/models/tuned.json", w->home);
    assert_int_equal(access(path, F_OK), -1);
}

static void wrong_wishes_are_told(void **state)
{
    struct world *w = *state;
    static const char *const types[] = {"Q77"};
    struct reel_lm_tune_options opt = reel_lm_tune_options_default();
    opt.type = types;
    opt.n_types = 1;
    assert_int_equal(reel_lm_tune(w->model, w->home, &opt, &w->tuned, &w->err),
                     REEL_EINVAL);
    opt = reel_lm_tune_options_default();
    assert_int_equal(reel_lm_tune("/nowhere.gguf", w->home, &opt, &w->tuned, &w->err),
                     REEL_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, end)
        cmocka_unit_test(perplexity_is_exp_of_the_mean_surprise),
        WITH_WORLD(a_model_is_written_in_another_type),
        WITH_WORLD(nothing_is_written_where_nothing_can_be),
        WITH_WORLD(the_fastest_good_type_is_kept_and_remembered),
        WITH_WORLD(stopping_leaves_nothing),
        WITH_WORLD(wrong_wishes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
