/**
 * Pretraining a transformer: from texts to a GGUF file; see lm_pretrain.h. The corpus comes
 * from lm_corpus.c, the net and its gradient from lm_pass.c, the steps from base_net.c; here
 * they are joined, told of, kept and gone on with.
 */
#include "base_alloc.h"
#include "base_clock.h"
#include "base_error.h"
#include "base_file.h"
#include "lm_decoder_save.h"
#include "lm_pretrain_core.h"

#include <errno.h>
#include <gguf.h>
#include <math.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct reel_lm_pretrain_options reel_lm_pretrain_options_default(void)
{
    return (struct reel_lm_pretrain_options){.valid_share = 0.05,
                                             .warmup = 0.03,
                                             .decay = 0.1,
                                             .clip = 1,
                                             .dropout = -1,
                                             .patience = 5,
                                             .checkpoint_s = 60,
                                             .seed = 1,
                                             .n_threads = 1};
}

/* ---- where it writes ---- */

// Can the file be written at all? Better asked now than after hours. From the root, as a run
// may be gone on with from elsewhere.
static enum reel_status look_at_out(const char *out, char path[REEL_LM_PATH_BYTES],
                                    struct reel_error *err)
{
    struct base_file_writer file;
    char here[REEL_LM_PATH_BYTES] = "";
    if (*out != '/' && !getcwd(here, sizeof here)) {
        return fail(err, REEL_EIO, "%s: the working folder has no path", out);
    }
    const int n =
        snprintf(path, REEL_LM_PATH_BYTES, "%s%s%s", here, *here ? "/" : "", out);
    if (n < 0 || n >= REEL_LM_PATH_BYTES) {
        return fail(err, REEL_EINVAL, "the path of %.100s is too long", out);
    }
    const enum reel_status rc = base_file_writer_open(&file, path, err);
    if (rc == REEL_OK) {
        base_file_writer_abort(&file);
    }
    return rc;
}

static bool path_in(const struct lm_pretrain *t, const char *name,
                    char path[REEL_LM_PATH_BYTES])
{
    return snprintf(path, REEL_LM_PATH_BYTES, "%s/%s", t->folder, name) <
           REEL_LM_PATH_BYTES;
}

static void remove_in(const struct lm_pretrain *t, const char *name)
{
    char path[REEL_LM_PATH_BYTES];
    if (path_in(t, name, path)) {
        (void)unlink(path);
    }
}

static enum reel_status set_folder(struct lm_pretrain *t, struct reel_error *err)
{
    const char *name = t->made->run;
    if (!*name || strchr(name, '/') || *name == '.') {
        return fail(err, REEL_EINVAL, "'%.100s' is no name of a run", name);
    }
    const int n = snprintf(t->folder, sizeof t->folder, "%s/%s", t->opt->runs, name);
    return n > 0 && (size_t)n + 64 < sizeof t->folder
               ? REEL_OK
               : fail(err, REEL_EINVAL, "the path of run %s is too long", name);
}

// A name that no run has: that of the options, or one made of the time.
static enum reel_status name_run(struct lm_pretrain *t, struct reel_error *err)
{
    const char *asked = t->opt->name;
    char path[REEL_LM_PATH_BYTES], at[32];
    base_time_print(base_clock_now_s(), at, sizeof at); // "2026-11-24 05:57"
    at[10] = '-';
    at[13] = at[14];
    at[14] = at[15];
    at[15] = 0;
    for (int i = 1; i < 10000; i++) {
        char *run = t->made->run;
        (void)snprintf(run, sizeof t->made->run,
                       i > 1 ? "transformer-%s-%d" : "transformer-%s", at, i);
        if (asked) {
            (void)snprintf(run, sizeof t->made->run, "%s", asked);
        }
        const enum reel_status rc = set_folder(t, err);
        if (rc != REEL_OK) {
            return rc;
        }
        if (!path_in(t, "run.json", path) || access(path, F_OK) != 0) {
            return REEL_OK;
        }
        if (asked) {
            break;
        }
    }
    return fail(err, REEL_EINVAL, "there is a run named %s already", t->made->run);
}

/* ---- what it takes ---- */

static bool add_size(struct lm_tensor *tensor, void *payload)
{
    *(int64_t *)payload += tensor->n_0 * tensor->n_1;
    return true;
}

static void note_sizes(struct lm_pretrain *t)
{
    const struct lm_pretrain_settings *s = &t->settings;
    struct reel_lm_pretrained *made = t->made;
    made->n_vocabulary = s->n_vocabulary;
    made->n_layers = s->n_layers;
    made->n_width = s->n_width;
    made->n_heads = s->n_heads;
    made->n_groups = s->n_groups;
    made->n_hidden = s->n_hidden;
    made->n_context = s->n_context;
    made->n_steps = s->n_steps;
    made->n_epochs = s->n_epochs;
    made->n_batch = s->n_batch;
    made->n_tokens = lm_corpus_n_tokens(t->corpus, LM_CORPUS_TRAIN);
    made->n_valid_tokens = lm_corpus_n_tokens(t->corpus, LM_CORPUS_VALID);
    memcpy(made->out, s->out, sizeof made->out);
}

/** Values, two moments, the best values, a gradient for each worker; and their passes. */
static enum reel_status ask_memory(struct lm_pretrain *t, struct reel_error *err)
{
    const struct lm_pretrain_settings *s = &t->settings;
    t->made->n_parameters = 0;
    (void)lm_decoder_visit(t->decoder, add_size, &t->made->n_parameters);
    const double bank = (double)t->made->n_parameters * sizeof(float);
    const double pass = (double)lm_pass_bytes(t->decoder, s->n_part * s->n_context, true);
    const double need = (4 + s->n_threads) * bank + s->n_threads * pass;
    const double has = (double)base_memory_available();
    t->made->memory_bytes = (int64_t)fmin(need, 9e18);
    if (has > 0 && need > 0.95 * has) {
        return fail(
            err, REEL_ENOMEM,
            "training %.1f million parameters, %d rows of %d tokens at once, takes "
            "about %.1f GB of memory, and %.1f GB are free",
            (double)t->made->n_parameters / 1e6, s->n_part * s->n_threads, s->n_context,
            need / 1e9, has / 1e9);
    }
    struct statvfs disk;
    if (statvfs(t->folder, &disk) != 0) {
        return REEL_OK;
    }
    const double room = (double)disk.f_bavail * (double)disk.f_frsize;
    const double files = (LM_CHECKPOINT_KEPT + 1) * 4 * bank;
    return files <= room ? REEL_OK
                         : fail(err, REEL_EIO,
                                "%s: checkpoints take about %.1f GB, and the disk has "
                                "%.1f GB left",
                                t->folder, files / 1e9, room / 1e9);
}

static enum reel_status make_workers(struct lm_pretrain *t, struct reel_error *err)
{
    const struct lm_pretrain_settings *s = &t->settings;
    const size_t n = (size_t)s->n_part * (size_t)s->n_context;
    t->worker = base_alloc_zeroed((size_t)s->n_threads, sizeof *t->worker);
    enum reel_status rc = t->worker ? REEL_OK : fail(err, REEL_ENOMEM, "workers");
    for (int32_t i = 0; i < s->n_threads && rc == REEL_OK; i++) {
        struct lm_pretrain_worker *w = &t->worker[i];
        w->token = base_alloc_array(n, sizeof *w->token);
        w->begin = base_alloc_array(n, sizeof *w->begin);
        w->wanted = base_alloc_array(n, sizeof *w->wanted);
        rc = w->token && w->begin && w->wanted
                 ? lm_pass_create(t->decoder, (int32_t)n, true, &w->pass, err)
                 : fail(err, REEL_ENOMEM, "%zu tokens at once", n);
    }
    return rc;
}

static enum reel_status make_net(struct lm_pretrain *t, struct reel_error *err)
{
    const struct lm_decoder_shape shape = lm_pretrain_shape(&t->settings);
    enum reel_status rc = lm_decoder_create(&shape, &t->decoder, err);
    if (rc == REEL_OK) {
        t->decoder->dropout = t->settings.dropout;
        rc = ask_memory(t, err);
    }
    rc = rc ? rc : lm_decoder_learn(t->decoder, t->settings.seed, &t->net, err);
    return rc ? rc : make_workers(t, err);
}

/* ---- what the loop asks for ---- */

static bool loss_of(const struct base_net *net, const int32_t *item, int32_t n,
                    int32_t worker, struct base_rng *rng, float *gradient, double *loss,
                    double *weight, void *payload)
{
    struct lm_pretrain *t = payload;
    const struct lm_pretrain_settings *s = &t->settings;
    const struct lm_pretrain_worker *w = &t->worker[worker];
    const int64_t n_valid_rows = lm_corpus_n_rows(t->corpus, LM_CORPUS_VALID);
    for (int32_t i = 0; i < n; i++) {
        const bool is_valid = item[i] >= s->n_items;
        // Rows for validation are taken evenly from all there are.
        const int64_t row =
            is_valid ? (item[i] - s->n_items) * n_valid_rows / s->n_valid : item[i];
        const int32_t first = i * s->n_context;
        if (!lm_corpus_row(t->corpus, is_valid ? LM_CORPUS_VALID : LM_CORPUS_TRAIN, row,
                           first, w->token + first, w->begin + first,
                           w->wanted + first)) {
            return false;
        }
    }
    const struct lm_packed packed = {n * s->n_context, w->token, w->begin, w->wanted};
    return lm_pass_loss(w->pass, net, &packed, gradient, rng, loss, weight);
}

struct spread {
    struct lm_pretrain *t;
    const float *gradient;
    int32_t i_step;
};

static bool add_spread(struct lm_tensor *tensor, void *payload)
{
    const struct spread *spread = payload;
    char tag[80];
    (void)snprintf(tag, sizeof tag, "gradient/%s", tensor->name);
    if (tensor->i_param >= 0) {
        lm_run_histogram(spread->t->run, spread->i_step, tag,
                         spread->gradient +
                             base_net_offset(spread->t->net, tensor->i_param),
                         (size_t)(tensor->n_0 * tensor->n_1));
    }
    return true;
}

// The gradients' histograms go to the log as often as the net is judged.
static void see_gradient(struct base_net *net, float *gradient, int32_t i_step,
                         int32_t n_steps, void *payload)
{
    (void)net, (void)n_steps;
    struct lm_pretrain *t = payload;
    if ((i_step + 1) % t->settings.judge_steps == 0) {
        struct spread spread = {t, gradient, i_step};
        (void)lm_decoder_visit(t->decoder, add_spread, &spread);
    }
}

// The log counts steps from 0, the loop tells how many are done.
static void tell_judged(struct lm_pretrain *t, const struct base_net_step *step)
{
    const double loss = -step->score;
    t->best_loss = fmin(t->best_loss, loss);
    t->made->valid_loss = t->best_loss;
    lm_run_scalar(t->run, step->i_step - 1, "loss/validation", loss);
    lm_run_scalar(t->run, step->i_step - 1, "perplexity/validation", exp(loss));
    char *sample = lm_pretrain_sample(t, step->i_step);
    lm_run_text(t->run, step->i_step - 1, "sample", sample ? sample : "");
    if (t->opt->on_judged) {
        t->opt->on_judged(step->i_step, loss, sample ? sample : "", t->opt->payload);
    }
    base_free(sample);
}

static void tell(const struct base_net_step *step, void *payload)
{
    struct lm_pretrain *t = payload;
    t->made->i_step = step->i_step;
    if (!isnan(step->score)) {
        tell_judged(t, step);
        return;
    }
    lm_run_scalar(t->run, step->i_step - 1, "rate", step->rate);
    lm_run_scalar(t->run, step->i_step - 1, "gradient/norm", step->gradient);
    if (t->rc_run == REEL_OK) {
        t->rc_run = lm_run_step(t->run, step->i_step - 1, step->loss,
                                llround(step->weight), &t->why_run);
    }
}

static bool report(const char *stage, double done, double total, void *payload)
{
    (void)stage;
    const struct lm_pretrain *t = payload;
    return base_progress_report(&t->opt->progress, lm_run_stage(t->run), done, total);
}

/* ---- checkpoints ---- */

static enum reel_status keep(const struct base_net_state *state, void *payload,
                             struct reel_error *err)
{
    struct lm_pretrain *t = payload;
    struct lm_checkpoint_net numbers;
    struct lm_checkpoint_part part[LM_CHECKPOINT_NET_PARTS + 2];
    int32_t n_merges;
    if (t->rc_run != REEL_OK) { // the log could not be written
        return fail(err, t->rc_run, "%s", t->why_run.text);
    }
    const double past_s = (double)(base_clock_ns() - t->kept_ns) / 1e9;
    if (!state->is_last && t->kept_ns > 0 && past_s < t->opt->checkpoint_s) {
        return REEL_OK;
    }
    const int32_t *merge = lm_bpe_merges(t->bpe, &n_merges);
    lm_checkpoint_net_parts(state, &numbers, part);
    part[LM_CHECKPOINT_NET_PARTS] = (struct lm_checkpoint_part){
        "pretrain.settings", &t->settings, sizeof t->settings};
    part[LM_CHECKPOINT_NET_PARTS + 1] = (struct lm_checkpoint_part){
        "bpe.merges", merge, 2 * (size_t)n_merges * sizeof *merge};
    enum reel_status rc = lm_run_flush(t->run, err);
    rc = rc ? rc
            : lm_checkpoint_write(t->folder, state->i_step, part,
                                  (int32_t)(sizeof part / sizeof *part), err);
    t->kept_ns = base_clock_ns();
    t->made->can_go_on |= rc == REEL_OK;
    return rc;
}

// Settings, vocabulary, corpus and where it stands, of the run that made->run names.
static enum reel_status take_up(struct lm_pretrain *t, struct reel_error *err)
{
    size_t n_bytes = 0;
    enum reel_status rc = lm_checkpoint_open(t->folder, &t->checkpoint, err);
    rc = rc ? rc
            : lm_checkpoint_copy(t->checkpoint, "pretrain.settings", &t->settings,
                                 sizeof t->settings, err);
    rc = rc ? rc : lm_corpus_open(t->folder, &t->corpus, err);
    if (rc != REEL_OK) {
        return rc;
    }
    const char *where = lm_checkpoint_path(t->checkpoint);
    struct lm_pretrain_settings *s = &t->settings;
    const void *merge = lm_checkpoint_get(t->checkpoint, "bpe.merges", &n_bytes);
    if (!merge || n_bytes / 8 > INT32_MAX / 2 || !memchr(s->out, 0, sizeof s->out) ||
        !memchr(s->prompt, 0, sizeof s->prompt) ||
        s->corpus != lm_corpus_sum(t->corpus) ||
        s->n_vocabulary != lm_corpus_n_vocabulary(t->corpus) ||
        s->n_context != lm_corpus_n_context(t->corpus)) {
        return fail(err, REEL_EFORMAT, "%s: does not belong to the rows beside it",
                    where);
    }
    rc = lm_pretrain_check(s, t->corpus, where, err);
    rc = rc ? rc : lm_corpus_verify(t->corpus, t->folder, err);
    rc = rc ? rc : lm_bpe_from_merges(merge, (int32_t)(n_bytes / 8), &t->bpe, err);
    return rc != REEL_OK || lm_bpe_n_tokens(t->bpe) == s->n_vocabulary
               ? rc
               : fail(err, REEL_EFORMAT,
                      "%s: a vocabulary of %d tokens where %d are used", where,
                      lm_bpe_n_tokens(t->bpe), s->n_vocabulary);
}

/* ---- running ---- */

static enum reel_status begin_run(struct lm_pretrain *t, struct reel_error *err)
{
    const struct lm_pretrain_settings *s = &t->settings;
    const struct lm_run_setting setting[] = {
        {"vocabulary", NULL, s->n_vocabulary},
        {"context", NULL, s->n_context},
        {"layers", NULL, s->n_layers},
        {"width", NULL, s->n_width},
        {"heads", NULL, s->n_heads},
        {"kv_heads", NULL, s->n_groups},
        {"hidden", NULL, s->n_hidden},
        {"epochs", NULL, s->n_epochs},
        {"batch", NULL, s->n_batch},
        {"part", NULL, s->n_part},
        {"rate", NULL, s->rate},
        {"warmup_steps", NULL, s->n_warmup},
        {"decay", NULL, s->decay},
        {"clip", NULL, s->clip},
        {"dropout", NULL, s->dropout},
        {"patience", NULL, s->patience},
        {"seed", NULL, (double)s->seed},
        {"threads", NULL, s->n_threads},
        {"parameters", NULL, (double)t->made->n_parameters},
        {"tokens", NULL, (double)t->made->n_tokens},
        {"tokens_valid", NULL, (double)t->made->n_valid_tokens},
    };
    const struct lm_run_options opt = {
        .folder = t->opt->runs,
        .name = t->made->run,
        .what = "pretrain transformer",
        .model = s->out,
        .setting = setting,
        .n_settings = sizeof setting / sizeof *setting,
        .n_steps = s->n_steps,
        .first_step = t->checkpoint ? lm_checkpoint_step(t->checkpoint) : 0,
    };
    return lm_run_begin(&opt, &t->run, err);
}

static enum reel_status learn(struct lm_pretrain *t, struct reel_error *err)
{
    const struct lm_pretrain_settings *s = &t->settings;
    struct base_net_options opt = base_net_options_default();
    struct base_net_state state;
    struct base_net_result result;
    const struct base_net_task task = {.direct = loss_of,
                                       .before_step = see_gradient,
                                       .payload = t,
                                       .n_items = s->n_items,
                                       .n_valid = s->n_valid,
                                       .n_batch = s->n_batch,
                                       .n_part = s->n_part};
    opt.n_epochs = s->n_epochs;
    opt.n_steps = s->n_steps;
    opt.rate = s->rate;
    opt.n_warmup = s->n_warmup;
    opt.beta2 = 0.95;
    opt.decay = s->decay;
    opt.clip = s->clip;
    opt.judge_steps = s->judge_steps;
    opt.patience = s->patience;
    opt.n_threads = s->n_threads;
    opt.seed = s->seed;
    opt.stage = "pretraining";
    opt.progress = (struct reel_progress){report, t};
    opt.told = tell;
    opt.keep = keep;
    opt.told_payload = opt.keep_payload = t;
    if (t->checkpoint) {
        const enum reel_status rc = lm_checkpoint_net_state(
            t->checkpoint, base_net_n_floats(t->net), &state, err);
        if (rc != REEL_OK) {
            return rc;
        }
        opt.resume = &state;
        t->made->can_go_on = true;
        t->best_loss = state.best ? -state.best_score : t->best_loss;
        t->made->i_step = state.i_step;
        t->made->valid_loss = t->best_loss;
    }
    const enum reel_status rc = base_net_train(t->net, &task, &opt, &result, err);
    t->made->loss = result.loss;
    return rc;
}

static enum reel_status save(struct lm_pretrain *t, struct reel_error *err)
{
    const char *slash = strrchr(t->settings.out, '/');
    struct gguf_context *meta = gguf_init_empty();
    lm_decoder_save_shape(meta, &t->decoder->shape, slash ? slash + 1 : t->settings.out);
    enum reel_status rc = lm_bpe_to_gguf(t->bpe, meta, err);
    rc = rc ? rc : lm_decoder_save(t->settings.out, meta, t->decoder, t->net, err);
    gguf_free(meta);
    return rc;
}

// From what is chosen or read to the file; the run's log says how it ended.
static enum reel_status run(struct lm_pretrain *t, struct reel_error *err)
{
    struct reel_error why;
    note_sizes(t);
    enum reel_status rc = make_net(t, err);
    rc = rc ? rc : begin_run(t, err);
    if (rc != REEL_OK) {
        return rc;
    }
    if (t->opt->on_begin) {
        t->opt->on_begin(t->made, t->opt->payload);
    }
    rc = learn(t, err);
    rc = rc ? rc : save(t, err);
    rc = lm_run_end(t->run, rc, err, rc ? &why : err);
    t->run = NULL;
    if (rc == REEL_OK) { // nothing to go on with any more
        lm_checkpoint_remove(t->folder);
        remove_in(t, "train.rows");
        remove_in(t, "valid.rows");
    }
    return rc;
}

static void release(struct lm_pretrain *t)
{
    for (int32_t i = 0; t->worker && i < t->settings.n_threads; i++) {
        lm_pass_free(t->worker[i].pass);
        base_free(t->worker[i].token);
        base_free(t->worker[i].begin);
        base_free(t->worker[i].wanted);
    }
    base_free(t->worker);
    lm_checkpoint_close(t->checkpoint);
    lm_corpus_close(t->corpus);
    lm_bpe_free(t->bpe);
    base_net_free(t->net);
    lm_decoder_free(t->decoder);
}

static enum reel_status make_corpus(struct lm_pretrain *t, struct reel_error *err)
{
    struct lm_corpus_options opt = lm_corpus_options_default();
    struct lm_corpus_made made;
    opt.texts = t->opt->texts;
    opt.documents = t->opt->documents;
    opt.valid_share = t->opt->valid_share;
    opt.n_vocabulary = t->opt->n_vocabulary;
    opt.n_context = t->opt->n_context > 0 ? t->opt->n_context : opt.n_context;
    opt.progress = t->opt->progress;
    const enum reel_status rc = lm_corpus_make(t->folder, &opt, &t->bpe, &made, err);
    t->made->n_documents = made.n_documents;
    t->made->n_duplicates = made.n_duplicates;
    t->made->n_valid_documents = made.n_documents_of[LM_CORPUS_VALID];
    t->made->n_bytes = made.n_bytes;
    return rc;
}

enum reel_status reel_lm_pretrain(const char *out,
                                  const struct reel_lm_pretrain_options *opt,
                                  struct reel_lm_pretrained *made, struct reel_error *err)
{
    *made = (struct reel_lm_pretrained){.loss = (double)NAN, .valid_loss = (double)NAN};
    if (opt->n_threads < 1 || !(opt->warmup >= 0 && opt->warmup <= 1)) {
        return fail(err, REEL_EINVAL, "%d threads, %g of the steps to warm up",
                    opt->n_threads, opt->warmup);
    }
    struct lm_pretrain t = {.opt = opt, .made = made, .best_loss = (double)INFINITY};
    enum reel_status rc = look_at_out(out, made->out, err);
    rc = rc ? rc : name_run(&t, err);
    rc = rc ? rc : make_corpus(&t, err);
    rc = rc ? rc : lm_corpus_open(t.folder, &t.corpus, err);
    rc = rc ? rc : lm_pretrain_choose(opt, made->out, t.corpus, &t.settings, err);
    rc = rc ? rc : run(&t, err);
    if (rc != REEL_OK && t.kept_ns == 0) { // nothing to go on with
        remove_in(&t, "train.rows");
        remove_in(&t, "valid.rows");
        (void)rmdir(t.folder);
    }
    release(&t);
    return rc;
}

enum reel_status reel_lm_pretrain_resume(const struct reel_lm_pretrain_options *opt,
                                         struct reel_lm_pretrained *made,
                                         struct reel_error *err)
{
    *made = (struct reel_lm_pretrained){.loss = (double)NAN, .valid_loss = (double)NAN};
    struct lm_pretrain t = {.opt = opt, .made = made, .best_loss = (double)INFINITY};
    (void)snprintf(made->run, sizeof made->run, "%s", opt->name ? opt->name : "");
    enum reel_status rc = set_folder(&t, err);
    rc = rc ? rc : take_up(&t, err);
    rc = rc ? rc : run(&t, err);
    release(&t);
    return rc;
}
