/**
 * Training a neural language model: text, net, the one training loop, a run, a file.
 *
 * The file is written when an epoch was better than those before, not only at the end, so
 * whatever stops a long training costs an epoch at most.
 */
#include "lm_nnlm_corpus.h"
#include "lm_nnlm_file.h"
#include "lm_nnlm_write.h"
#include "lm_run.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_ranks.h"

#include <math.h>
#include <string.h>

enum {
    N_PART_WORDS = 256, /* feed-forward: words of which logits are in memory at once */
    N_PART_LINES = 16,
    N_HISTOGRAMS = 20, /* of each gradient, in a training */
    N_SAMPLE_WORDS = 24,
    N_SETTINGS = 16,
};

struct reel_lm_nnlm_options reel_lm_nnlm_options_default(enum reel_lm_nnlm_kind kind)
{
    const bool is_lstm = kind == REEL_LM_NNLM_LSTM;
    return (struct reel_lm_nnlm_options){
        .kind = kind,
        .cut = REEL_LM_CUT_WORDS,
        .n_words = 10000,
        .n_embedding = is_lstm ? 128 : 64,
        .n_hidden = is_lstm ? 256 : 128,
        .n_context = 4,
        .is_direct = !is_lstm,
        .n_steps = 35,
        .valid_share = .05,
        .n_epochs = 10,
        .n_batch = is_lstm ? 16 : 512,
        .rate = .002,
        .decay = .01,
        .clip = 1,
        .dropout = .2,
        .patience = 2,
        .max_bytes = (int64_t)1 << 30,
        .n_threads = 1,
        .seed = 42,
    };
}

struct training {
    const struct reel_lm_nnlm_options *opt;
    const char *out;
    struct lm_nnlm_corpus corpus;
    struct lm_nnlm model; /* shape, words, facts; weights point into the net */
    struct lm_nnlm_text text;
    struct lm_nnlm_task task;
    struct lm_nnlm_room *room; /* (n_threads) */
    struct base_net *net;
    struct base_net_ranks ranks; /* rank 0 alone writes and speaks */
    int32_t n_arrays;
    struct lm_run *run;
    struct reel_lm_nnlm_made *made;
    double best;              /* score of the file; NAN: none was written */
    enum reel_status rc_late; /* of what callbacks could not give back */
    struct reel_error err_late;
};

static enum reel_status check_options(const struct reel_lm_nnlm_options *o,
                                      struct reel_error *err)
{
    const bool is_lstm = o->kind == REEL_LM_NNLM_LSTM;
    if ((!is_lstm && o->kind != REEL_LM_NNLM_FEEDFORWARD) || o->n_words < 4 ||
        o->n_words >= 1 << 24 || o->n_embedding < 1 || o->n_embedding > 1 << 16 ||
        o->n_hidden < 1 || o->n_hidden > 1 << 16) {
        return fail(err, REEL_EINVAL,
                    "a net of %d words, %d numbers for each, %d hidden units", o->n_words,
                    o->n_embedding, o->n_hidden);
    }
    if (is_lstm ? o->n_steps < 1 || o->n_steps > 4096
                : o->n_context < 1 || o->n_context > 64) {
        return fail(err, REEL_EINVAL, "%d words back is not between 1 and %d",
                    is_lstm ? o->n_steps : o->n_context, is_lstm ? 4096 : 64);
    }
    if (!(o->valid_share >= 0 && o->valid_share < 1) ||
        !(o->dropout >= 0 && o->dropout < 1) || o->n_epochs < 1 || o->n_batch < 1 ||
        o->n_threads < 1 || !(o->rate > 0) || !(o->decay >= 0) || !(o->clip >= 0) ||
        o->patience < 0 || o->max_bytes < 0) {
        return fail(err, REEL_EINVAL,
                    "%d epochs, %d a batch, rate %g, decay %g, clip %g, dropout %g, "
                    "%g set aside",
                    o->n_epochs, o->n_batch, o->rate, o->decay, o->clip, o->dropout,
                    o->valid_share);
    }
    return REEL_OK;
}

// ---- the net ----

/** Where the arrays lie in a bank; all NULL for none. */
static void find_arrays(const struct training *t, float *bank,
                        float *array[LM_NNLM_N_ARRAYS])
{
    for (int32_t i = 0; i < LM_NNLM_N_ARRAYS; i++) {
        array[i] = bank && i < t->n_arrays ? bank + base_net_offset(t->net, i) : NULL;
    }
}

/** Values, gradients of a worker, two moments, the best: all of them float. */
static enum reel_status check_memory(const struct training *t, int64_t n_numbers,
                                     struct reel_error *err)
{
    const struct lm_nnlm_shape *s = &t->model.shape;
    const int64_t n_rows = N_PART_WORDS * (int64_t)t->opt->n_threads;
    const int64_t need =
        (int64_t)sizeof(float) *
        (n_numbers * (4 + t->opt->n_threads) +
         n_rows * ((int64_t)s->n_words + 16 * ((int64_t)s->n_hidden + s->n_embedding)));
    const int64_t has = base_memory_available();
    return need <= has
               ? REEL_OK
               : fail(err, REEL_ENOMEM,
                      "training %lld numbers takes %.1f GB of memory, %.1f GB "
                      "are free",
                      (long long)n_numbers, (double)need / 1e9, (double)has / 1e9);
}

static enum reel_status make_net(struct training *t, struct reel_error *err)
{
    struct base_net_param param[LM_NNLM_N_ARRAYS];
    const struct lm_nnlm_shape *s = &t->model.shape;
    const int32_t n = t->n_arrays = lm_nnlm_params(s, param);
    int64_t n_numbers = 0;
    for (int32_t i = 0; i < n; i++) {
        n_numbers += param[i].n_0 * param[i].n_1;
    }
    enum reel_status rc = check_memory(t, n_numbers, err);
    rc = rc ? rc : base_net_create(param, n, t->opt->seed, &t->net, err);
    if (rc) {
        return rc;
    }
    t->made->n_parameters = n_numbers;
    float *b = base_net_values(t->net, LM_NNLM_B);
    for (int32_t w = 0; w < s->n_words; w++) {
        b[w] = (float)log(t->corpus.share[w]);
    }
    float *d = base_net_values(t->net, LM_NNLM_D);
    for (int32_t k = 0; s->kind == LM_NNLM_LSTM && k < s->n_hidden; k++) {
        d[s->n_hidden + k] = 1; // gates of forgetting begin open
    }
    for (int32_t i = 0; i < n; i++) {
        t->model.weights.array[i] = base_net_values(t->net, i);
    }
    return REEL_OK;
}

static bool direct(const struct base_net *net, const int32_t *item, int32_t n,
                   int32_t worker, struct base_rng *rng, float *gradient, double *loss,
                   double *weight, void *payload)
{
    struct training *t = payload;
    float *array[LM_NNLM_N_ARRAYS];
    (void)net;
    find_arrays(t, gradient, array);
    return lm_nnlm_loss(&t->task, &t->model.weights, item, n, rng, array,
                        &t->room[worker], loss, weight);
}

// ---- what is told ----

static void keep_first(struct training *t, enum reel_status rc,
                       const struct reel_error *err)
{
    if (t->rc_late == REEL_OK && rc) {
        t->rc_late = rc;
        t->err_late = *err;
    }
}

static void before_step(struct base_net *net, float *gradient, int32_t i_step,
                        int32_t n_steps, void *payload)
{
    static const char *const tag[LM_NNLM_N_ARRAYS] = {"gradient/C", "gradient/H",
                                                      "gradient/d", "gradient/U",
                                                      "gradient/b", "gradient/W"};
    struct training *t = payload;
    const int32_t every = n_steps > N_HISTOGRAMS ? n_steps / N_HISTOGRAMS : 1;
    if (i_step % every != 0) {
        return;
    }
    float *array[LM_NNLM_N_ARRAYS];
    (void)net;
    find_arrays(t, gradient, array);
    for (int i = 0; i < LM_NNLM_N_ARRAYS; i++) {
        int64_t n_rows, n_columns;
        lm_nnlm_array_shape(&t->model.shape, (enum lm_nnlm_array)i, &n_rows, &n_columns);
        if (n_rows > 0) {
            lm_run_histogram(t->run, i_step, tag[i], array[i],
                             (size_t)(n_rows * n_columns));
        }
    }
}

static enum reel_status write_model(struct training *t, double loss, double loss_valid,
                                    struct reel_error *err)
{
    if (t->ranks.i_rank > 0) {
        return REEL_OK;
    }
    t->model.header.loss_train = loss;
    t->model.header.loss_valid = loss_valid;
    return lm_nnlm_write(&t->model, t->out, &t->made->file_bytes, err);
}

/** An epoch is over and was judged, or there is nothing to judge it on. */
static void end_epoch(struct training *t, int32_t i_step, int32_t i_epoch, double loss,
                      double score)
{
    struct reel_error err;
    char sample[1024];
    const double loss_valid = -score;
    lm_nnlm_sample(&t->model, t->opt->seed + (uint64_t)i_epoch, N_SAMPLE_WORDS, sample,
                   sizeof sample);
    lm_run_text(t->run, i_step, "sample", sample);
    if (!isnan(score)) {
        lm_run_scalar(t->run, i_step, "loss/validation", loss_valid);
        lm_run_scalar(t->run, i_step, "perplexity/validation", exp(loss_valid));
    }
    if (isnan(t->best) || isnan(score) || score > t->best) {
        t->best = score;
        const enum reel_status rc = write_model(t, loss, loss_valid, &err);
        keep_first(t, rc, &err);
    }
    if (t->opt->on_epoch && t->ranks.i_rank == 0) {
        t->opt->on_epoch(i_epoch, loss, loss_valid, sample, t->opt->payload);
    }
}

static void told(const struct base_net_step *step, void *payload)
{
    struct training *t = payload;
    struct reel_error err;
    if (!isnan(step->score)) {
        end_epoch(t, step->i_step, step->i_epoch, step->loss, step->score);
        return;
    }
    const int32_t i_step = step->i_step - 1; // told when it is done
    lm_run_scalar(t->run, i_step, "rate", step->rate);
    lm_run_scalar(t->run, i_step, "gradient/norm", step->gradient);
    const enum reel_status rc =
        lm_run_step(t->run, i_step, step->loss, (int64_t)step->weight, &err);
    keep_first(t, rc, &err);
}

static bool report(const char *stage, double done, double total, void *payload)
{
    struct training *t = payload;
    (void)stage; // the bar belongs to rank 0, but all are asked whether to stop
    return t->rc_late == REEL_OK &&
           base_progress_report(&t->opt->progress, lm_run_stage(t->run), done, total);
}

// ---- all of it ----

static enum reel_status begin_run(struct training *t, int32_t n_steps,
                                  struct reel_error *err)
{
    const struct reel_lm_nnlm_options *o = t->opt;
    const bool is_lstm = o->kind == REEL_LM_NNLM_LSTM;
    struct lm_run_setting setting[N_SETTINGS] = {
        {"kind", is_lstm ? "lstm" : "feedforward", 0},
        {"words", NULL, t->model.shape.n_words},
        {"embedding", NULL, o->n_embedding},
        {"hidden", NULL, o->n_hidden},
        {is_lstm ? "steps_back" : "context", NULL, is_lstm ? o->n_steps : o->n_context},
        {"batch", NULL, o->n_batch},
        {"epochs", NULL, o->n_epochs},
        {"rate", NULL, o->rate},
        {"dropout", NULL, o->dropout},
        {"seed", NULL, (double)o->seed},
        {"parameters", NULL, (double)t->made->n_parameters},
        {"ranks", NULL, t->ranks.n_ranks},
    };
    int32_t n = 12;
    if (!is_lstm) {
        setting[n++] = (struct lm_run_setting){"direct", NULL, o->is_direct};
    }
    const struct lm_run_options run = {.folder = t->ranks.i_rank == 0 ? o->runs : NULL,
                                       .name = o->name,
                                       .what = "pretrain nnlm",
                                       .model = t->out,
                                       .setting = setting,
                                       .n_settings = n,
                                       .n_steps = n_steps};
    const enum reel_status rc = lm_run_begin(&run, &t->run, err);
    if (rc == REEL_OK && o->runs && t->ranks.i_rank == 0) {
        (void)snprintf(t->made->run, sizeof t->made->run, "%s", lm_run_name(t->run));
    }
    return rc;
}

static void fill_shape(struct training *t)
{
    const struct reel_lm_nnlm_options *o = t->opt;
    const bool is_lstm = o->kind == REEL_LM_NNLM_LSTM;
    t->model.words = t->corpus.words.view;
    t->model.shape = (struct lm_nnlm_shape){
        .kind = is_lstm ? LM_NNLM_LSTM : LM_NNLM_FEEDFORWARD,
        .is_direct = !is_lstm && o->is_direct,
        .n_words = (int32_t)t->corpus.words.view.n_words,
        .n_embedding = o->n_embedding,
        .n_hidden = o->n_hidden,
        .n_context = is_lstm ? 0 : o->n_context,
    };
    t->model.header.cut = o->cut;
    t->model.header.seed = o->seed;
    t->model.header.n_tokens = (uint64_t)t->corpus.n_tokens;
    t->text = (struct lm_nnlm_text){t->corpus.word, t->corpus.line};
    t->task = (struct lm_nnlm_task){.shape = &t->model.shape,
                                    .text = &t->text,
                                    .n_steps = o->n_steps,
                                    .dropout = o->dropout};
    t->made->n_lines = t->corpus.n_lines;
    t->made->n_lines_valid = t->corpus.n_lines_valid;
    t->made->n_tokens = t->corpus.n_tokens;
    t->made->n_unknown = t->corpus.n_unknown;
    t->made->n_words = t->model.shape.n_words;
}

static enum reel_status learn(struct training *t, struct reel_error *err)
{
    const struct reel_lm_nnlm_options *o = t->opt;
    const bool is_lstm = o->kind == REEL_LM_NNLM_LSTM;
    const int64_t n_all = is_lstm ? t->corpus.n_lines : t->corpus.n_tokens,
                  n_valid = is_lstm ? t->corpus.n_lines_valid : t->corpus.n_tokens_valid;
    const struct base_net_task task = {.direct = direct,
                                       .payload = t,
                                       .n_items = (int32_t)(n_all - n_valid),
                                       .n_valid = (int32_t)n_valid,
                                       .n_batch = o->n_batch,
                                       .n_part = is_lstm ? N_PART_LINES : N_PART_WORDS,
                                       .before_step = before_step};
    struct base_net_options opt = base_net_options_default();
    struct base_net_result result = {.loss = (double)NAN, .best_score = (double)NAN};
    opt.n_epochs = o->n_epochs;
    opt.rate = o->rate;
    opt.beta2 = .99;
    opt.decay = o->decay;
    opt.clip = o->clip;
    opt.judge_epochs = n_valid > 0 ? 1 : 0;
    opt.patience = o->patience;
    opt.n_threads = o->n_threads;
    opt.seed = o->seed;
    opt.stage = "nnlm";
    opt.progress = (struct reel_progress){report, t};
    opt.told = told;
    opt.told_payload = t;
    const int32_t n_steps =
        o->n_epochs * ((task.n_items + task.n_batch - 1) / task.n_batch);
    opt.n_warmup = n_steps / 50;
    opt.ranks = t->ranks.n_ranks > 1 ? &t->ranks : NULL;
    enum reel_status rc = begin_run(t, n_steps, err);
    rc = rc ? rc : base_net_train(t->net, &task, &opt, &result, err);
    if (t->rc_late) {
        rc = fail(err, t->rc_late, "%s", t->err_late.text);
    }
    t->made->n_epochs = result.n_epochs;
    t->made->best_epoch = result.best_epoch;
    t->made->loss = result.loss;
    t->made->perplexity_valid = exp(-result.best_score);
    if (rc == REEL_OK && n_valid == 0) { // nothing was judged, so nothing was written
        rc = write_model(t, result.loss, (double)NAN, err);
    }
    return lm_run_end(t->run, rc, err, err);
}

/** The folder of a path: where the text goes when it has no room in memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = base_strdup(slash ? path : ".");
    if (folder && slash) {
        folder[slash == path ? 1 : slash - path] = '\0';
    }
    return folder;
}

enum reel_status reel_lm_nnlm_train(const struct reel_lm_texts *texts, const char *out,
                                    const struct reel_lm_nnlm_options *opt,
                                    struct reel_lm_nnlm_made *made,
                                    struct reel_error *err)
{
    struct reel_error own;
    err = err ? err : &own;
    *made =
        (struct reel_lm_nnlm_made){.loss = (double)NAN, .perplexity_valid = (double)NAN};
    struct training t = {.opt = opt, .out = out, .made = made, .best = (double)NAN};
    char *folder = folder_of(out);
    enum reel_status rc = folder ? check_options(opt, err)
                                 : fail(err, REEL_ENOMEM, "%s: out of memory", out);
    rc = rc ? rc : base_ranks_join(&t.ranks, err);
    made->i_rank = t.ranks.i_rank;
    rc = rc ? rc : lm_nnlm_corpus_read(texts, opt, folder, &t.corpus, err);
    rc = rc ? rc : base_ranks_agree(&t.ranks, t.corpus.sum, "text", err);
    if (rc == REEL_OK) {
        fill_shape(&t);
        t.room = base_alloc_zeroed((size_t)opt->n_threads, sizeof *t.room);
        rc = t.room ? make_net(&t, err)
                    : fail(err, REEL_ENOMEM, "%d threads", opt->n_threads);
        rc = rc ? rc : learn(&t, err);
    }
    for (int32_t i = 0; t.room && i < opt->n_threads; i++) {
        lm_nnlm_room_release(&t.room[i]);
    }
    base_free(t.room);
    base_net_free(t.net);
    lm_nnlm_corpus_release(&t.corpus);
    base_ranks_leave(&t.ranks, rc);
    base_free(folder);
    return rc;
}
