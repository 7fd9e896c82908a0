/**
 * Adapting a model: from examples to a file; see lm_finetune.h. Rows come from
 * lm_finetune_rows.c, what is learnt beside the base from lm_adapter.c, gradients from
 * lm_pass.c, steps from base_net.c; here they are joined, told of, kept and gone on with.
 */
#include "base_alloc.h"
#include "base_clock.h"
#include "base_error.h"
#include "base_file.h"
#include "lm_adalora.h"
#include "lm_checkpoint.h"
#include "lm_decoder_save.h"
#include "lm_finetune_rows.h"
#include "lm_gguf.h"
#include "lm_guard.h"
#include "lm_log.h"
#include "lm_run.h"

#include <math.h>
#include <string.h>

/** What a checkpoint keeps of the options; all that is chosen has been chosen. */
struct settings {
    char base[REEL_LM_PATH_BYTES], out[REEL_LM_PATH_BYTES];
    struct lm_adapter_plan plan;
    int32_t rank_end; /* of adalora: what is left of plan.rank on the mean */
    int32_t n_context, n_batch, n_epochs, n_steps, n_warmup, judge_steps, patience;
    int32_t n_rows, n_valid_rows, n_row, n_threads;
    int64_t n_examples, n_valid, n_targets, n_valid_targets;
    double rate, decay, clip, orthogonality, valid_before;
    uint64_t seed;
};

struct worker {
    struct lm_pass *pass;
    float *prefix, *dprefix, *scratch; /* NULL: no prefix */
};

struct tuning {
    const struct reel_lm_finetune_options *opt;
    struct reel_lm_finetuned *made;
    struct settings settings;
    struct lm_decoder *decoder;
    struct lm_adapter adapter; /* .net is empty with `full` */
    struct base_net *net;      /* borrowed from the adapter, or own with `full` */
    struct lm_rows rows;
    struct lm_adalora adalora;
    struct worker *worker; /* (n_threads) */
    struct lm_run *run;
    struct lm_checkpoint *checkpoint; /* NULL: a new run */
    enum reel_status rc_run;          /* of the log */
    struct reel_error why_run;
    double best_loss, seconds, n_tokens_done;
    int64_t kept_ns, told_ns;
};

struct reel_lm_finetune_options reel_lm_finetune_options_default(void)
{
    return (struct reel_lm_finetune_options){.method = REEL_LM_METHOD_LORA,
                                             .valid_share = 0.1,
                                             .n_context = 256,
                                             .n_batch = 8,
                                             .n_epochs = 3,
                                             .warmup = 0.03,
                                             .clip = 1,
                                             .orthogonality = 0.1,
                                             .patience = 3,
                                             .n_threads = 1,
                                             .seed = 1,
                                             .checkpoint_s = 60};
}

void reel_lm_finetuned_release(struct reel_lm_finetuned *made)
{
    base_free(made->rank);
    made->rank = NULL;
    made->n_ranks = 0;
}

/* ---- settings ---- */

static double usual_rate(enum reel_lm_method method)
{
    switch (method) {
    case REEL_LM_METHOD_FULL:
        return 2e-5;
    case REEL_LM_METHOD_LORA:
        return 2e-4;
    case REEL_LM_METHOD_PREFIX:
        return 5e-3;
    default:
        return 1e-3;
    }
}

static enum reel_status check_options(const struct reel_lm_finetune_options *opt,
                                      const char *out, struct reel_error *err)
{
    if (!reel_lm_method_name(opt->method)) {
        return fail(err, REEL_EINVAL, "no method of that number: %d", (int)opt->method);
    }
    if (opt->n_context < 2 || opt->n_batch < 1 || opt->n_epochs < 0 || opt->n_steps < 0 ||
        opt->n_threads < 1 || opt->rank < 0 || opt->rank > 4096 || opt->n_prefix < 0 ||
        opt->n_prefix > 4096 || opt->prefix_hidden > 65536 || !(opt->alpha >= 0) ||
        !(opt->rate >= 0) || !(opt->warmup >= 0 && opt->warmup <= 1) ||
        !(opt->valid_share >= 0 && opt->valid_share < 1) || opt->patience < 0 ||
        opt->judge_steps < 0 || !(opt->decay >= 0) || !(opt->clip >= 0)) {
        return fail(err, REEL_EINVAL,
                    "rank %d, prefix %d, context %d, batch %d, %d epochs, rate %g, %d "
                    "threads: out of range",
                    opt->rank, opt->n_prefix, opt->n_context, opt->n_batch, opt->n_epochs,
                    opt->rate, opt->n_threads);
    }
    if (strlen(opt->base) >= REEL_LM_PATH_BYTES || strlen(out) >= REEL_LM_PATH_BYTES) {
        return fail(err, REEL_EINVAL, "a path is too long");
    }
    if (opt->adapter && opt->method != REEL_LM_METHOD_LORA) {
        return fail(err, REEL_EINVAL, "only a LoRA can begin with another one");
    }
    return REEL_OK;
}

/** All that does not ask for the base or the examples. */
static enum reel_status choose(struct settings *s, const char *out,
                               const struct reel_lm_finetune_options *opt,
                               struct reel_error *err)
{
    struct lm_adapter_plan *plan = &s->plan;
    const bool is_svd = opt->method == REEL_LM_METHOD_ADALORA;
    enum reel_status rc = check_options(opt, out, err);
    if (rc != REEL_OK) {
        return rc;
    }
    memcpy(s->base, opt->base, strlen(opt->base) + 1);
    memcpy(s->out, out, strlen(out) + 1);
    plan->method = opt->method;
    plan->rank = opt->rank > 0                           ? opt->rank
                 : opt->method == REEL_LM_METHOD_ADAPTER ? 32
                                                         : 8;
    s->rank_end = plan->rank;
    plan->scale = opt->alpha > 0 ? opt->alpha / plan->rank : 2;
    if (is_svd) {
        plan->rank += (plan->rank + 1) / 2;
    }
    plan->n_prefix = opt->n_prefix > 0 ? opt->n_prefix : 16;
    plan->n_hidden = opt->prefix_hidden < 0   ? 0
                     : opt->prefix_hidden > 0 ? opt->prefix_hidden
                                              : 256;
    rc = lm_adapter_targets(opt->targets ? opt->targets
                            : is_svd     ? "all"
                                         : "q,v",
                            plan, err);
    s->n_context = opt->n_context;
    s->n_batch = opt->n_batch;
    s->patience = opt->patience;
    s->rate = opt->rate > 0 ? opt->rate : usual_rate(opt->method);
    s->decay = opt->decay;
    s->clip = opt->clip;
    s->orthogonality = opt->orthogonality;
    s->seed = opt->seed;
    s->n_threads = opt->n_threads;
    return rc;
}

/** Steps and epochs, once the rows are there. */
static void choose_steps(struct settings *s, const struct reel_lm_finetune_options *opt)
{
    const int32_t n_epoch = (s->n_rows + s->n_batch - 1) / s->n_batch;
    s->n_epochs = opt->n_epochs;
    if (opt->n_steps > 0) { // as many epochs as they take
        s->n_epochs = (opt->n_steps + n_epoch - 1) / n_epoch;
    }
    s->n_steps = opt->n_steps > 0 ? opt->n_steps : s->n_epochs * n_epoch;
    s->n_warmup = (int32_t)ceil(opt->warmup * s->n_steps);
    s->judge_steps = s->n_valid_rows == 0   ? 0
                     : opt->judge_steps > 0 ? opt->judge_steps
                                            : n_epoch;
}

/* ---- examples ---- */

static enum reel_status make_rows(struct tuning *t, struct reel_error *err)
{
    struct lm_guard guard;
    struct settings *s = &t->settings;
    struct llama_model_params params = llama_model_default_params();
    params.vocab_only = true;
    lm_log_take_over();
    struct llama_model *model = lm_guard_load(s->base, params, &guard);
    if (!model) {
        return fail(err, REEL_EFORMAT, "%s: its vocabulary cannot be read: %s", s->base,
                    guard.why);
    }
    const struct llama_vocab *vocab = llama_model_get_vocab(model);
    enum reel_status rc;
    if (llama_vocab_n_tokens(vocab) > t->decoder->shape.n_vocabulary) {
        rc = fail(err, REEL_EFORMAT, "%s: knows %d words and has rows for %d", s->base,
                  llama_vocab_n_tokens(vocab), t->decoder->shape.n_vocabulary);
    } else {
        rc = lm_rows_make(vocab, t->opt->example, t->opt->n_examples, t->opt->valid_share,
                          s->n_context, s->seed, &t->rows, err);
    }
    llama_model_free(model);
    s->n_rows = t->rows.n_rows;
    s->n_valid_rows = t->rows.n_valid_rows;
    s->n_row = t->rows.n_row;
    s->n_examples = t->rows.n_examples;
    s->n_valid = t->rows.n_valid;
    s->n_targets = t->rows.n_targets;
    s->n_valid_targets = t->rows.n_valid_targets;
    return rc;
}

/** The mean loss of the base on what is held out. */
static enum reel_status judge_base(struct tuning *t, struct reel_error *err)
{
    struct lm_pass *pass = NULL;
    double loss = 0, weight = 0;
    const int32_t n = t->rows.n_valid_rows;
    enum reel_status rc = lm_pass_create(t->decoder, t->rows.n_row, false, &pass, err);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        const struct lm_packed packed = lm_rows_get(&t->rows, t->rows.n_rows + i);
        if (!base_progress_report(&t->opt->progress, "base", i, n)) {
            rc = fail(err, REEL_ECANCELLED, "stopped before the training began");
        } else if (!lm_pass_loss(pass, NULL, &packed, NULL, NULL, &loss, &weight)) {
            rc = fail(err, REEL_EFORMAT, "row %d does not fit the base", i);
        }
    }
    lm_pass_free(pass);
    t->settings.valid_before = weight > 0 ? loss / weight : (double)NAN;
    return rc;
}

/* ---- what it takes ---- */

static bool add_size(struct lm_tensor *tensor, void *payload)
{
    *(int64_t *)payload += tensor->n_0 * tensor->n_1;
    return true;
}

static enum reel_status ask_memory(struct tuning *t, int64_t n_learnt,
                                   struct reel_error *err)
{
    const struct settings *s = &t->settings;
    const bool has_best = s->n_valid_rows > 0;
    const double bank = (double)n_learnt * sizeof(float);
    const double pass = (double)lm_pass_bytes(t->decoder, s->n_row, true);
    const double banks =
        3 + s->n_threads + has_best +
        (s->plan.method == REEL_LM_METHOD_ADALORA ? LM_ADALORA_BANKS : 0);
    const double need =
        banks * bank + s->n_threads * pass + (double)t->decoder->file.n_bytes;
    const double has = (double)base_memory_available();
    t->made->memory_bytes = (int64_t)fmin(need, 9e18);
    return has <= 0 || need <= 0.95 * has
               ? REEL_OK
               : fail(
                     err, REEL_ENOMEM,
                     "learning %.1f million numbers, %d rows of %d tokens at once, takes "
                     "about %.1f GB of memory, and %.1f GB are free",
                     (double)n_learnt / 1e6, s->n_threads, s->n_row, need / 1e9,
                     has / 1e9);
}

static enum reel_status make_net(struct tuning *t, struct reel_error *err)
{
    struct settings *s = &t->settings;
    if (s->plan.method == REEL_LM_METHOD_FULL) {
        int64_t n = 0;
        (void)lm_decoder_visit(t->decoder, add_size, &n);
        t->made->n_learnt = t->made->n_kept = n;
        enum reel_status rc = ask_memory(t, n, err);
        rc = rc ? rc : lm_decoder_learn(t->decoder, s->seed, &t->net, err);
        if (rc == REEL_OK && !t->decoder->rope_factor.data) {
            base_file_map_close(&t->decoder->file); // every number is in the net now
            t->decoder->file = (struct base_file_map){0};
        }
        return rc;
    }
    enum reel_status rc =
        lm_adapter_attach(t->decoder, &s->plan, s->seed, &t->adapter, err);
    if (rc != REEL_OK) {
        return rc;
    }
    t->net = t->adapter.net;
    t->made->n_learnt = lm_adapter_n_learnt(&t->adapter, t->decoder);
    t->made->n_kept = lm_adapter_n_kept(&t->adapter, t->decoder);
    rc = ask_memory(t, t->made->n_learnt, err);
    if (rc == REEL_OK && t->opt->adapter && !t->checkpoint) {
        rc = lm_adapter_load_lora(t->opt->adapter, &t->adapter, t->decoder, err);
    }
    if (rc == REEL_OK && s->plan.method == REEL_LM_METHOD_ADALORA) {
        rc = lm_adalora_init(&t->adalora, t->decoder, &t->adapter, s->rank_end,
                             s->n_steps, s->orthogonality, err);
    }
    return rc;
}

static enum reel_status make_workers(struct tuning *t, struct reel_error *err)
{
    const struct settings *s = &t->settings;
    const size_t n_prefix = lm_prefix_floats(&t->adapter);
    t->worker = base_alloc_zeroed((size_t)s->n_threads, sizeof *t->worker);
    enum reel_status rc = t->worker ? REEL_OK : fail(err, REEL_ENOMEM, "workers");
    for (int32_t i = 0; i < s->n_threads && rc == REEL_OK; i++) {
        struct worker *w = &t->worker[i];
        rc = lm_pass_create(t->decoder, s->n_row, true, &w->pass, err);
        if (rc == REEL_OK && n_prefix > 0) {
            w->prefix = base_alloc_array(n_prefix, sizeof *w->prefix);
            w->dprefix = base_alloc_array(n_prefix, sizeof *w->dprefix);
            w->scratch =
                base_alloc_array(lm_prefix_scratch(&t->adapter), sizeof *w->scratch);
            if (!w->prefix || !w->dprefix || !w->scratch) {
                rc = fail(err, REEL_ENOMEM, "a prefix of %zu numbers", n_prefix);
            }
        }
    }
    return rc;
}

/* ---- what the loop asks for ---- */

static bool loss_of(const struct base_net *net, const int32_t *item, int32_t n,
                    int32_t worker, struct base_rng *rng, float *gradient, double *loss,
                    double *weight, void *payload)
{
    struct tuning *t = payload;
    struct worker *w = &t->worker[worker];
    const struct lm_decoder_shape *shape = &t->decoder->shape;
    const int32_t key_width = shape->n_groups * shape->n_head_width;
    const size_t n_prefix = lm_prefix_floats(&t->adapter);
    if (n_prefix > 0) {
        memset(w->dprefix, 0, n_prefix * sizeof *w->dprefix);
        lm_prefix_forward(&t->adapter, key_width, w->scratch, w->prefix);
        lm_pass_prefix(w->pass, w->prefix, gradient ? w->dprefix : NULL);
    }
    for (int32_t i = 0; i < n; i++) {
        const struct lm_packed packed = lm_rows_get(&t->rows, item[i]);
        if (!lm_pass_loss(w->pass, net, &packed, gradient, rng, loss, weight)) {
            return false;
        }
    }
    if (n_prefix > 0 && gradient) {
        lm_prefix_backward(&t->adapter, key_width, w->dprefix, w->scratch, gradient);
    }
    return true;
}

static void before_step(struct base_net *net, float *gradient, int32_t i_step,
                        int32_t n_steps, void *payload)
{
    (void)n_steps;
    struct tuning *t = payload;
    if (t->adalora.n_matrices > 0) {
        lm_adalora_look(&t->adalora, gradient);
    }
    if (t->settings.judge_steps > 0 && (i_step + 1) % t->settings.judge_steps == 0) {
        lm_run_histogram(t->run, i_step, "gradient/learnt", gradient,
                         base_net_n_floats(net));
    }
}

static void after_step(struct base_net *net, int32_t i_step, int32_t n_steps,
                       void *payload)
{
    struct tuning *t = payload;
    if (t->adalora.n_matrices > 0) {
        lm_adalora_prune(&t->adalora, net, i_step, n_steps);
        lm_run_scalar(t->run, i_step, "adalora/values",
                      lm_adalora_budget(&t->adalora, i_step, n_steps));
    }
}

static void tell(const struct base_net_step *step, void *payload)
{
    struct tuning *t = payload;
    const struct settings *s = &t->settings;
    const double n_tokens = (double)t->rows.first[s->n_rows] / s->n_rows * s->n_batch;
    const int64_t now = base_clock_ns();
    const bool is_judged = !isnan(step->score);
    const int64_t i_step = step->i_step - 1; // the log counts from 0
    struct reel_lm_finetune_step told = {.i_step = step->i_step,
                                         .n_steps = step->n_steps,
                                         .loss = step->loss,
                                         .rate = step->rate,
                                         .gradient = step->gradient,
                                         .valid_loss =
                                             is_judged ? -step->score : (double)NAN};
    t->made->n_steps = step->i_step;
    t->made->n_steps_all = step->n_steps;
    if (is_judged) {
        t->best_loss = fmin(t->best_loss, -step->score);
        lm_run_scalar(t->run, i_step, "loss/validation", -step->score);
        lm_run_scalar(t->run, i_step, "perplexity/validation", exp(-step->score));
    } else {
        t->seconds += (double)(now - t->told_ns) / 1e9;
        t->n_tokens_done += n_tokens;
        lm_run_scalar(t->run, i_step, "rate", step->rate);
        lm_run_scalar(t->run, i_step, "gradient/norm", step->gradient);
        if (t->rc_run == REEL_OK) {
            t->rc_run =
                lm_run_step(t->run, i_step, step->loss, llround(n_tokens), &t->why_run);
        }
    }
    t->told_ns = now;
    t->made->tokens_per_s = t->seconds > 0 ? t->n_tokens_done / t->seconds : 0;
    told.tokens_per_s = t->made->tokens_per_s;
    if (t->opt->told) {
        t->opt->told(&told, t->opt->payload);
    }
}

static bool report(const char *stage, double done, double total, void *payload)
{
    (void)stage;
    const struct tuning *t = payload;
    return base_progress_report(&t->opt->progress, lm_run_stage(t->run), done, total);
}

/* ---- checkpoints ---- */

enum { N_OWN_PARTS = 7 };

static enum reel_status keep(const struct base_net_state *state, void *payload,
                             struct reel_error *err)
{
    struct tuning *t = payload;
    struct settings *s = &t->settings;
    struct lm_checkpoint_net numbers;
    struct lm_checkpoint_part part[LM_CHECKPOINT_NET_PARTS + N_OWN_PARTS];
    if (t->rc_run != REEL_OK) { // the log could not be written
        return fail(err, t->rc_run, "%s", t->why_run.text);
    }
    const double past_s = (double)(base_clock_ns() - t->kept_ns) / 1e9;
    if (*lm_run_folder(t->run) == '\0' ||
        (!state->is_last && t->kept_ns > 0 && past_s < t->opt->checkpoint_s)) {
        return REEL_OK;
    }
    const size_t n_rows = (size_t)s->n_rows + (size_t)s->n_valid_rows,
                 n_tokens = (size_t)t->rows.n_tokens,
                 n_bank = t->adalora.n_matrices > 0 ? state->n_floats * sizeof(float) : 0;
    const struct lm_checkpoint_part own[N_OWN_PARTS] = {
        {"finetune.settings", s, sizeof *s},
        {"rows.first", t->rows.first, (n_rows + 1) * sizeof *t->rows.first},
        {"rows.token", t->rows.token, n_tokens * sizeof *t->rows.token},
        {"rows.begin", t->rows.begin, n_tokens * sizeof *t->rows.begin},
        {"rows.wanted", t->rows.wanted, n_tokens * sizeof *t->rows.wanted},
        {"adalora.mean", t->adalora.bank[0], n_bank},
        {"adalora.spread", t->adalora.bank[1], n_bank},
    };
    lm_checkpoint_net_parts(state, &numbers, part);
    memcpy(part + LM_CHECKPOINT_NET_PARTS, own, sizeof own);
    const int32_t n_parts = LM_CHECKPOINT_NET_PARTS + N_OWN_PARTS - (n_bank > 0 ? 0 : 2);
    enum reel_status rc = lm_run_flush(t->run, err);
    rc = rc ? rc
            : lm_checkpoint_write(lm_run_folder(t->run), state->i_step, part, n_parts,
                                  err);
    t->kept_ns = base_clock_ns();
    return rc;
}

/** A part of the checkpoint that is an array of this many items, copied. */
static void *copy_part(const struct tuning *t, const char *name, size_t n,
                       size_t item_bytes, enum reel_status *rc, struct reel_error *err)
{
    void *to = *rc == REEL_OK ? base_alloc_array(n, item_bytes) : NULL;
    if (*rc == REEL_OK) {
        *rc = to ? lm_checkpoint_copy(t->checkpoint, name, to, n * item_bytes, err)
                 : fail(err, REEL_ENOMEM, "%zu items of %s", n, name);
    }
    return to;
}

/** Rows and settings that fit each other, whatever the file says. */
static bool are_sound(const struct settings *s, const struct lm_rows *rows,
                      int64_t n_tokens)
{
    const int32_t n = s->n_rows + s->n_valid_rows;
    bool is_sound = rows->first[0] == 0 && rows->first[n] == n_tokens;
    for (int32_t i = 0; is_sound && i < n; i++) {
        is_sound = rows->first[i] < rows->first[i + 1] &&
                   rows->first[i + 1] - rows->first[i] <= s->n_row;
    }
    return is_sound;
}

static bool are_in_range(const struct settings *s)
{
    return memchr(s->base, 0, sizeof s->base) && memchr(s->out, 0, sizeof s->out) &&
           reel_lm_method_name(s->plan.method) && s->plan.rank >= 1 &&
           s->plan.rank <= 8192 && s->rank_end >= 1 && s->rank_end <= s->plan.rank &&
           s->plan.n_prefix >= 1 && s->plan.n_prefix <= 4096 && s->plan.n_hidden >= 0 &&
           s->plan.n_hidden <= 65536 && s->n_rows >= 1 && s->n_valid_rows >= 0 &&
           s->n_rows < INT32_MAX / 2 && s->n_valid_rows < INT32_MAX / 2 &&
           s->n_row >= 1 && s->n_row <= s->n_context && s->n_batch >= 1 &&
           s->n_epochs >= 0 && s->n_steps >= 0 && s->n_threads >= 1 &&
           s->n_threads <= 1024 && s->n_warmup >= 0 && s->judge_steps >= 0 &&
           s->patience >= 0 && s->rate >= 0 && s->clip >= 0;
}

static enum reel_status take_up(struct tuning *t, struct reel_error *err)
{
    struct settings *s = &t->settings;
    char folder[REEL_LM_PATH_BYTES];
    size_t n_bytes = 0;
    if (!t->opt->runs || !t->opt->name || !*t->opt->name || strchr(t->opt->name, '/') ||
        *t->opt->name == '.' ||
        snprintf(folder, sizeof folder, "%s/%s", t->opt->runs, t->opt->name) >=
            (int)sizeof folder) {
        return fail(err, REEL_EINVAL, "that is no name of a run");
    }
    enum reel_status rc = lm_checkpoint_open(folder, &t->checkpoint, err);
    rc = rc ? rc
            : lm_checkpoint_copy(t->checkpoint, "finetune.settings", s, sizeof *s, err);
    if (rc != REEL_OK) {
        return rc;
    }
    const char *where = lm_checkpoint_path(t->checkpoint);
    if (!are_in_range(s)) {
        return fail(err, REEL_EFORMAT, "%s: settings that no training has", where);
    }
    (void)lm_checkpoint_get(t->checkpoint, "rows.token", &n_bytes);
    const size_t n_rows = (size_t)s->n_rows + (size_t)s->n_valid_rows,
                 n_tokens = n_bytes / 4;
    struct lm_rows *rows = &t->rows;
    rows->first = copy_part(t, "rows.first", n_rows + 1, sizeof *rows->first, &rc, err);
    rows->token = copy_part(t, "rows.token", n_tokens, sizeof *rows->token, &rc, err);
    rows->begin = copy_part(t, "rows.begin", n_tokens, sizeof *rows->begin, &rc, err);
    rows->wanted = copy_part(t, "rows.wanted", n_tokens, sizeof *rows->wanted, &rc, err);
    if (rc == REEL_OK && !are_sound(s, rows, (int64_t)n_tokens)) {
        rc = fail(err, REEL_EFORMAT, "%s: rows that do not fit", where);
    }
    rows->n_rows = s->n_rows;
    rows->n_valid_rows = s->n_valid_rows;
    rows->n_row = s->n_row;
    rows->n_tokens = (int64_t)n_tokens;
    (void)snprintf(t->made->run, sizeof t->made->run, "%s", t->opt->name);
    return rc;
}

static enum reel_status take_up_net(struct tuning *t, struct base_net_state *state,
                                    struct reel_error *err)
{
    const size_t n = base_net_n_floats(t->net);
    enum reel_status rc = lm_checkpoint_net_state(t->checkpoint, n, state, err);
    static const char *const name[] = {"adalora.mean", "adalora.spread"};
    for (int i = 0; rc == REEL_OK && t->adalora.n_matrices > 0 && i < LM_ADALORA_BANKS;
         i++) {
        rc = lm_checkpoint_copy(t->checkpoint, name[i], t->adalora.bank[i],
                                n * sizeof(float), err);
    }
    t->best_loss = rc == REEL_OK && state->best ? -state->best_score : t->best_loss;
    return rc;
}

/* ---- running ---- */

static enum reel_status begin_run(struct tuning *t, struct reel_error *err)
{
    const struct settings *s = &t->settings;
    char what[64];
    (void)snprintf(what, sizeof what, "finetune %s", reel_lm_method_name(s->plan.method));
    const struct lm_run_setting setting[] = {
        {"base", s->base, 0},
        {"rank", NULL, s->rank_end},
        {"scale", NULL, s->plan.scale},
        {"prefix", NULL, s->plan.method == REEL_LM_METHOD_PREFIX ? s->plan.n_prefix : 0},
        {"context", NULL, s->n_context},
        {"batch", NULL, s->n_batch},
        {"epochs", NULL, s->n_epochs},
        {"rate", NULL, s->rate},
        {"warmup_steps", NULL, s->n_warmup},
        {"decay", NULL, s->decay},
        {"clip", NULL, s->clip},
        {"patience", NULL, s->patience},
        {"seed", NULL, (double)s->seed},
        {"threads", NULL, s->n_threads},
        {"parameters", NULL, (double)t->made->n_learnt},
        {"rows", NULL, s->n_rows},
        {"targets", NULL, (double)s->n_targets},
    };
    const struct lm_run_options opt = {
        .folder = t->opt->runs,
        .name = t->opt->name,
        .what = what,
        .model = s->out,
        .setting = setting,
        .n_settings = sizeof setting / sizeof *setting,
        .n_steps = s->n_steps,
        .first_step = t->checkpoint ? lm_checkpoint_step(t->checkpoint) : 0,
    };
    const enum reel_status rc = lm_run_begin(&opt, &t->run, err);
    if (rc == REEL_OK) {
        (void)snprintf(t->made->run, sizeof t->made->run, "%s", lm_run_name(t->run));
    }
    return rc;
}

static enum reel_status learn(struct tuning *t, struct reel_error *err)
{
    const struct settings *s = &t->settings;
    struct base_net_options opt = base_net_options_default();
    struct base_net_state state;
    struct base_net_result result;
    const struct base_net_task task = {.direct = loss_of,
                                       .before_step = before_step,
                                       .after_step = after_step,
                                       .payload = t,
                                       .n_items = s->n_rows,
                                       .n_valid = s->n_valid_rows,
                                       .n_batch = s->n_batch,
                                       .n_part = 1};
    opt.n_epochs = s->n_epochs;
    opt.n_steps = s->n_steps;
    opt.rate = s->rate;
    opt.rate_end = 0;
    opt.n_warmup = s->n_warmup;
    opt.beta2 = 0.999;
    opt.decay = s->decay;
    opt.clip = s->clip;
    opt.judge_steps = s->judge_steps;
    opt.judge_epochs = s->judge_steps > 0 ? s->n_epochs : 0; // and at the end
    opt.patience = s->patience;
    opt.n_threads = s->n_threads;
    opt.seed = s->seed;
    opt.stage = "finetuning";
    opt.progress = (struct reel_progress){report, t};
    opt.told = tell;
    opt.keep = keep;
    opt.told_payload = opt.keep_payload = t;
    if (t->checkpoint) {
        const enum reel_status rc = take_up_net(t, &state, err);
        if (rc != REEL_OK) {
            return rc;
        }
        opt.resume = &state;
    }
    t->told_ns = base_clock_ns();
    const enum reel_status rc = base_net_train(t->net, &task, &opt, &result, err);
    t->made->loss = result.loss;
    t->made->valid_after = isinf(t->best_loss) ? (double)NAN : t->best_loss;
    return rc;
}

/** The base's own header, with all tensors in single precision. */
static enum reel_status save_full(struct tuning *t, struct reel_error *err)
{
    struct lm_gguf base;
    enum reel_status rc = lm_gguf_open(&base, t->settings.base, err);
    if (rc != REEL_OK) {
        return rc;
    }
    struct gguf_context *meta = gguf_init_empty();
    gguf_set_kv(meta, base.header);
    gguf_set_val_u32(meta, "general.file_type", 0);
    rc = lm_decoder_save(t->settings.out, meta, t->decoder, t->net, err);
    gguf_free(meta);
    lm_gguf_close(&base);
    return rc;
}

static enum reel_status save(struct tuning *t, struct reel_error *err)
{
    const struct settings *s = &t->settings;
    if (s->plan.method == REEL_LM_METHOD_FULL) {
        return save_full(t, err);
    }
    if (t->adalora.n_matrices > 0) { // the best may be of a time with more values
        lm_adalora_prune(&t->adalora, t->net, s->n_steps, s->n_steps);
    }
    return lm_adapter_save(s->out, &t->adapter, t->decoder, err);
}

/** What rank each matrix has in the end. */
static enum reel_status tell_ranks(struct tuning *t, struct reel_error *err)
{
    struct reel_lm_finetuned *made = t->made;
    const int32_t n_layers = t->decoder->shape.n_layers;
    made->rank = base_alloc_array((size_t)n_layers * LM_N_MATRICES, sizeof *made->rank);
    if (!made->rank) {
        return fail(err, REEL_ENOMEM, "ranks");
    }
    for (int32_t i = 0; i < n_layers; i++) {
        for (int m = 0; m < LM_N_MATRICES; m++) {
            const struct lm_low_rank *low = &t->decoder->layer[i].low_rank[m];
            if (low->a < 0) {
                continue;
            }
            struct reel_lm_rank *one = &made->rank[made->n_ranks++];
            (void)snprintf(one->matrix, sizeof one->matrix, "blk.%d.%s", i,
                           lm_matrix_name[m]);
            one->rank = low->rank;
            for (int32_t r = 0; low->value >= 0 && r < low->rank; r++) {
                one->rank -= base_net_values(t->net, low->value)[r] == 0;
            }
        }
    }
    return REEL_OK;
}

static void note(struct tuning *t)
{
    const struct settings *s = &t->settings;
    struct reel_lm_finetuned *made = t->made;
    made->method = s->plan.method;
    made->n_examples = s->n_examples;
    made->n_valid = s->n_valid;
    made->n_targets = s->n_targets;
    made->n_valid_targets = s->n_valid_targets;
    made->n_rows = s->n_rows;
    made->valid_before = s->valid_before;
    (void)snprintf(made->out, sizeof made->out, "%s", s->out);
}

static enum reel_status run(struct tuning *t, struct reel_error *err)
{
    struct reel_error why;
    note(t);
    enum reel_status rc = make_net(t, err);
    rc = rc ? rc : make_workers(t, err);
    rc = rc ? rc : begin_run(t, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = learn(t, err);
    rc = rc ? rc : save(t, err);
    rc = rc ? rc : tell_ranks(t, err);
    char folder[REEL_LM_PATH_BYTES];
    (void)snprintf(folder, sizeof folder, "%s", lm_run_folder(t->run));
    rc = lm_run_end(t->run, rc, err, rc ? &why : err);
    if (rc == REEL_OK && *folder) { // nothing to go on with any more
        lm_checkpoint_remove(folder);
    }
    if (t->kept_ns == 0) {
        t->made->run[0] = '\0'; // and nothing was kept
    }
    return rc;
}

static void release(struct tuning *t)
{
    for (int32_t i = 0; t->worker && i < t->settings.n_threads; i++) {
        lm_pass_free(t->worker[i].pass);
        base_free(t->worker[i].prefix);
        base_free(t->worker[i].dprefix);
        base_free(t->worker[i].scratch);
    }
    base_free(t->worker);
    lm_adalora_release(&t->adalora);
    if (t->net != t->adapter.net) {
        base_net_free(t->net);
    }
    lm_adapter_release(&t->adapter);
    lm_rows_release(&t->rows);
    lm_checkpoint_close(t->checkpoint);
    lm_decoder_free(t->decoder);
}

static struct tuning begin(const struct reel_lm_finetune_options *opt,
                           struct reel_lm_finetuned *made)
{
    const double none = (double)NAN;
    *made = (struct reel_lm_finetuned){
        .loss = none, .valid_before = none, .valid_after = none};
    return (struct tuning){.opt = opt, .made = made, .best_loss = (double)INFINITY};
}

enum reel_status reel_lm_finetune(const char *out,
                                  const struct reel_lm_finetune_options *opt,
                                  struct reel_lm_finetuned *made, struct reel_error *err)
{
    struct tuning t = begin(opt, made);
    enum reel_status rc = choose(&t.settings, out, opt, err);
    rc = rc ? rc : lm_decoder_open(t.settings.base, &t.decoder, err);
    rc = rc ? rc : make_rows(&t, err);
    if (rc == REEL_OK) {
        choose_steps(&t.settings, opt);
        rc = judge_base(&t, err);
    }
    rc = rc ? rc : run(&t, err);
    release(&t);
    return rc;
}

enum reel_status reel_lm_finetune_resume(const struct reel_lm_finetune_options *opt,
                                         struct reel_lm_finetuned *made,
                                         struct reel_error *err)
{
    struct tuning t = begin(opt, made);
    enum reel_status rc = take_up(&t, err);
    if (rc == REEL_OK) {
        t.settings.n_threads = opt->n_threads > 0 ? opt->n_threads : t.settings.n_threads;
        rc = lm_decoder_open(t.settings.base, &t.decoder, err);
    }
    rc = rc ? rc : run(&t, err);
    release(&t);
    return rc;
}
