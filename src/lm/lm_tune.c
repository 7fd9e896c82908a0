/**
 * Which form of a model is fastest here without being worse. The same weights in another
 * file type run up to twice as fast or half as fast, depending on the processor, and some
 * types ruin the text; so each is made, judged on held prose, and timed at what Forkreel
 * asks for most: eight siblings over one trunk.
 */
#include "lm_pull.h"
#include "lm_quantize.h"
#include "lm_tune_memory.h"

#include "base_alloc.h"
#include "base_clock.h"
#include "base_error.h"
#include "base_file.h"

#include <dirent.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    N_SIBLINGS = 8,
    N_WRITTEN = 32, /* tokens of each */
    N_READ = 256,   /* tokens of the trunk, about */
    TRUNK_BYTES = 1100,
    N_STEPS = 2, /* of progress besides the rounds: make, judge */
};
#define WORTH_A_FILE .97 /* of the original's time, or the file is not worth its room */

// ---- forms of a model ----

/** Is the file of this type already? It says "Q4_K - Medium" for Q4_K_M. */
static bool is_type(const struct reel_lm_info *info, int i_type)
{
    const char *name = lm_file_type(i_type)->name, *tail = strstr(info->file_type, " - ");
    const size_t n = tail ? (size_t)(tail - info->file_type) : strlen(info->file_type);
    return strncmp(name, info->file_type, n) == 0 &&
           (tail ? name[n] == '_' && name[n + 1] == tail[3] : name[n] == '\0');
}

// ---- measuring a form ----

struct tuning {
    const struct reel_lm_tune_options *opt;
    const char *path;
    struct reel_lm_info info;
    char folder[REEL_LM_PATH_BYTES], best[REEL_LM_PATH_BYTES], checksum[72];
    struct reel_lm_tuned *out;
    int32_t n_forms, i_form, i_step, i_best;
    bool has_chinese;
    char stage[64];
};

/** Progress of one step, as a part of the whole. */
static bool report(const char *stage, double done, double total, void *payload)
{
    (void)stage;
    const struct tuning *t = payload;
    const int32_t n_steps = N_STEPS + t->opt->n_rounds;
    const double part = total > 0 ? fmin(done / total, 1) : 0;
    return base_progress_report(&t->opt->progress, t->stage,
                                t->i_form * n_steps + t->i_step + part,
                                t->n_forms * n_steps);
}

/** A trunk of the held prose, told apart by its first word so that nothing is kept of it. */
static void make_trunk(int round, char *trunk, size_t n_trunk_bytes)
{
    static const char *const first[] = {"Draft", "Again", "Outline", "Note"};
    (void)snprintf(trunk, n_trunk_bytes, "%s. %.*s", first[round % 4], TRUNK_BYTES,
                   reel_lm_held_text("en"));
}

static enum reel_status time_round(struct reel_lm *lm, struct tuning *t, int round,
                                   struct reel_lm_tune_row *row, struct reel_error *err)
{
    char trunk[TRUNK_BYTES + 64];
    make_trunk(round, trunk, sizeof trunk);
    const struct reel_lm_prompt prompt = {.text = trunk, .n_samples = N_SIBLINGS};
    struct reel_lm_request request = reel_lm_request_default();
    struct reel_lm_reply reply;
    request.prompt = &prompt;
    request.n_prompts = 1;
    request.progress = (struct reel_progress){.report = report, .payload = t};
    request.n_tokens_max = 1;
    int64_t begin_ns = base_clock_ns();
    enum reel_status rc = reel_lm_generate(lm, &request, &reply, err);
    if (rc) {
        return rc;
    }
    const double read_s = (double)(base_clock_ns() - begin_ns) * 1e-9;
    row->read_per_s = fmax(row->read_per_s, reply.n_tokens_read / read_s);
    reel_lm_reply_release(&reply);
    request.n_tokens_max = N_WRITTEN; // the trunk is in the cells now
    begin_ns = base_clock_ns();
    rc = reel_lm_generate(lm, &request, &reply, err);
    if (rc) {
        return rc;
    }
    const double written_s = (double)(base_clock_ns() - begin_ns) * 1e-9;
    row->written_per_s = fmax(row->written_per_s, reply.n_tokens_written / written_s);
    reel_lm_reply_release(&reply);
    return REEL_OK;
}

static enum reel_status judge_language(struct reel_lm *lm, struct tuning *t,
                                       const char *language, double *perplexity,
                                       struct reel_error *err)
{
    const struct reel_progress progress = {.report = report, .payload = t};
    int32_t n_tokens;
    return reel_lm_perplexity(lm, reel_lm_held_text(language), &progress, perplexity,
                              &n_tokens, err);
}

/** Judge and time the model in a file; *row has its type already. */
static enum reel_status measure(struct tuning *t, const char *file,
                                struct reel_lm_tune_row *row, struct reel_error *err)
{
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_lm *lm;
    struct stat st;
    opt.n_threads = t->opt->n_threads;
    opt.n_live_max = N_SIBLINGS;
    row->file_bytes = stat(file, &st) == 0 ? (int64_t)st.st_size : 0;
    enum reel_status rc = reel_lm_open(file, &opt, &lm, err);
    if (rc) {
        return rc;
    }
    if (row->is_original) {
        (void)snprintf(t->checksum, sizeof t->checksum, "%s",
                       reel_lm_about(lm)->checksum);
        rc = lm_knows_chinese(lm, &t->has_chinese, err);
    }
    t->i_step = 1;
    rc = rc ? rc : judge_language(lm, t, "en", &row->perplexity_en, err);
    if (rc == REEL_OK && t->has_chinese) {
        rc = judge_language(lm, t, "zh", &row->perplexity_zh, err);
    }
    for (int round = 0; rc == REEL_OK && round < t->opt->n_rounds; round++) {
        t->i_step = 2 + round;
        rc = time_round(lm, t, round, row, err);
    }
    row->request_s =
        N_READ / row->read_per_s + N_SIBLINGS * N_WRITTEN / row->written_per_s;
    reel_lm_close(lm);
    return rc;
}

// ---- choosing ----

/** How much worse than the original, in the language that suffers more. */
static void compare(const struct tuning *t, struct reel_lm_tune_row *row)
{
    const struct reel_lm_tune_row *original = &t->out->row[0];
    row->rise = row->perplexity_en / original->perplexity_en - 1;
    if (t->has_chinese) {
        row->rise = fmax(row->rise, row->perplexity_zh / original->perplexity_zh - 1);
    }
    const struct reel_lm_tune_row *best = &t->out->row[t->i_best];
    if (!(row->rise <= t->opt->max_rise)) {
        (void)snprintf(row->why_not, sizeof row->why_not, "perplexity rises by %.1f %%",
                       100 * row->rise);
    } else if (row->request_s >= (t->i_best == 0 ? WORTH_A_FILE : 1) * best->request_s) {
        (void)snprintf(row->why_not, sizeof row->why_not, "not faster");
    }
}

/** A row is done: it is shown, and its file kept or removed. */
static void end_row(struct tuning *t, const char *file)
{
    struct reel_lm_tune_row *row = &t->out->row[t->out->n_rows];
    const bool is_best = row->is_original || !row->why_not[0];
    if (is_best) {
        if (t->i_best > 0) {
            struct reel_lm_tune_row *former = &t->out->row[t->i_best];
            (void)snprintf(former->why_not, sizeof former->why_not, "not faster");
            (void)unlink(t->best);
        }
        t->i_best = t->out->n_rows;
        (void)snprintf(t->best, sizeof t->best, "%s", file);
    } else {
        (void)unlink(file);
    }
    t->out->n_rows++;
    if (t->opt->on_row) {
        t->opt->on_row(row, t->opt->payload);
    }
}

/** A form that cannot be made or run here is a line of the table, no failure. */
static enum reel_status try_type(struct tuning *t, int i_type, struct reel_error *err)
{
    struct reel_lm_tune_row *row = &t->out->row[t->out->n_rows];
    char file[REEL_LM_PATH_BYTES];
    struct reel_error why = {0};
    *row = (struct reel_lm_tune_row){
        .perplexity_en = NAN, .perplexity_zh = NAN, .rise = NAN};
    (void)snprintf(row->type, sizeof row->type, "%s", lm_file_type(i_type)->name);
    (void)snprintf(t->stage, sizeof t->stage, "trying %s", row->type);
    const char *slash = strrchr(t->path, '/');
    const char *name = slash ? slash + 1 : t->path;
    const size_t n_name = strlen(name) > 5 ? strlen(name) - 5 : strlen(name);
    const int n =
        snprintf(file, sizeof file, "%s/%.*s-%s.gguf.new-%ld", t->folder,
                 (int)(n_name < 150 ? n_name : 150), name, row->type, (long)getpid());
    if (n < 0 || n >= (int)sizeof file) {
        return fail(err, REEL_EINVAL, "%.200s: the path is too long", t->folder);
    }
    t->i_step = 0;
    if (!report("", 0, 0, t)) {
        return fail(err, REEL_ECANCELLED, "stopped");
    }
    enum reel_status rc = lm_file_type_room(&t->info, i_type, file, &why);
    rc = rc ? rc : lm_file_type_make(t->path, file, i_type, t->opt->n_threads, &why);
    rc = rc ? rc : measure(t, file, row, &why);
    if (rc == REEL_ECANCELLED) {
        (void)unlink(file);
        return fail(err, rc, "stopped");
    }
    if (rc) {
        (void)snprintf(row->why_not, sizeof row->why_not, "%.*s",
                       (int)sizeof row->why_not - 1, why.text);
    } else {
        compare(t, row);
    }
    end_row(t, file);
    return REEL_OK;
}

static enum reel_status try_original(struct tuning *t, struct reel_error *err)
{
    struct reel_lm_tune_row *row = &t->out->row[0];
    *row = (struct reel_lm_tune_row){.perplexity_zh = NAN, .is_original = true};
    (void)snprintf(row->type, sizeof row->type, "%s", t->info.file_type);
    (void)snprintf(t->stage, sizeof t->stage, "as it is");
    const enum reel_status rc = measure(t, t->path, row, err);
    if (rc == REEL_OK) {
        end_row(t, t->path);
    }
    return rc;
}

/** What a tuning left that was killed: its files carry ".new-" in their names. */
static void sweep(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        const char *mark = strstr(entry->d_name, ".gguf.new-");
        char path[REEL_LM_PATH_BYTES + 300];
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        struct stat st;
        // An hour old: no other tuning that runs now is hurt.
        if (mark && stat(path, &st) == 0 &&
            st.st_mtim.tv_sec + 3600 < base_clock_now_s()) {
            (void)unlink(path);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
}

/** The best form gets its name and is remembered. */
static enum reel_status keep_best(struct tuning *t, const char *home,
                                  struct reel_error *err)
{
    struct reel_lm_tuned *out = t->out;
    out->row[t->i_best].is_kept = true;
    (void)snprintf(out->path, sizeof out->path, "%s", t->best);
    if (t->i_best > 0) {
        *strrchr(out->path, '.') = '\0'; // ".new-1234"
        if (rename(t->best, out->path) != 0) {
            return fail(err, REEL_EIO, "%s: cannot be written", out->path);
        }
    }
    return lm_tune_remember(home, t->path, t->checksum, out->path, out, err);
}

struct reel_lm_tune_options reel_lm_tune_options_default(void)
{
    static const char *const usual[] = {"Q8_0",   "Q6_K", "Q5_K_M",
                                        "Q4_K_M", "Q4_0", "F16"};
    return (struct reel_lm_tune_options){.n_threads = 1,
                                         .max_rise = .02,
                                         .type = usual,
                                         .n_types = sizeof usual / sizeof *usual,
                                         // another program may run during one
                                         .n_rounds = 2};
}

static enum reel_status check_tune(const char *path,
                                   const struct reel_lm_tune_options *opt,
                                   struct reel_error *err)
{
    if (opt->n_types < 0 || opt->n_types >= REEL_LM_TUNE_ROWS_MAX ||
        !(opt->max_rise >= 0) || opt->n_rounds < 1) {
        return fail(err, REEL_EINVAL, "%d file types, a rise of %g, %d rounds",
                    opt->n_types, opt->max_rise, opt->n_rounds);
    }
    for (int32_t i = 0; i < opt->n_types; i++) {
        if (lm_file_type_find(opt->type[i]) < 0) {
            return fail(err, REEL_EINVAL, "there is no file type '%.40s'", opt->type[i]);
        }
    }
    return strlen(path) < REEL_LM_PATH_BYTES
               ? REEL_OK
               : fail(err, REEL_EINVAL, "%.200s: the path is too long", path);
}

enum reel_status reel_lm_tune(const char *path, const char *home,
                              const struct reel_lm_tune_options *opt,
                              struct reel_lm_tuned *out, struct reel_error *err)
{
    *out = (struct reel_lm_tuned){0};
    struct tuning *t = base_alloc_zeroed(1, sizeof *t);
    if (!t) {
        return fail(err, REEL_ENOMEM, "%s", path);
    }
    t->opt = opt;
    t->path = path;
    t->out = out;
    t->n_forms = 1 + opt->n_types;
    enum reel_status rc = check_tune(path, opt, err);
    rc = rc ? rc : reel_lm_info_read(path, &t->info, err);
    if (rc == REEL_OK && !lm_tune_folder(home, t->folder)) {
        rc = fail(err, REEL_EINVAL, "%.200s: the path is too long", home);
    }
    rc = rc ? rc : base_file_mkdirs(t->folder, err);
    if (rc == REEL_OK) {
        sweep(t->folder);
        rc = try_original(t, err);
    }
    for (int32_t i = 0; rc == REEL_OK && i < opt->n_types; i++) {
        t->i_form = 1 + i;
        const int i_type = lm_file_type_find(opt->type[i]);
        rc = is_type(&t->info, i_type) ? REEL_OK : try_type(t, i_type, err);
    }
    rc = rc ? rc : keep_best(t, home, err);
    if (rc && t->i_best > 0) {
        (void)unlink(t->best);
    }
    base_free(t);
    return rc;
}
