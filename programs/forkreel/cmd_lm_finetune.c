/** `forkreel lm finetune`: adapt a model to texts, and go on with a run of it. */
#include "cli_lm.h"
#include "cmd_lm.h"
#include "cmd_lm_examples.h"

#include <forkreel/lm_finetune.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/** What is told while it runs. */
struct telling {
    struct cli *cli;
    double best;
};

static void say_step(const struct reel_lm_finetune_step *step, void *payload)
{
    struct telling *telling = payload;
    if (isnan(step->valid_loss)) {
        return;
    }
    reel_progress_bar_clear(&telling->cli->bar);
    cli_say(telling->cli, tr("step %d of %d: validation %.3f (perplexity %.1f)"),
            step->i_step, step->n_steps, step->valid_loss, exp(step->valid_loss));
}

// ---- what was made ----

static json_t *ranks_json(const struct reel_lm_finetuned *made)
{
    json_t *rows = cli_need(json_array());
    for (int32_t i = 0; i < made->n_ranks; i++) {
        json_array_append_new(
            rows, cli_need(json_pack("{s:s, s:i}", "matrix", made->rank[i].matrix, "rank",
                                     made->rank[i].rank)));
    }
    return rows;
}

static enum cli_exit show_json(const struct reel_lm_finetuned *made)
{
    return cli_json_show(cli_need(json_pack(
        "{s:o, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:I, s:o, s:o, s:o, s:o, "
        "s:o}",
        "path", cli_json_text(made->out), "method", reel_lm_method_name(made->method),
        "run", cli_json_text(made->run), "parameters", (json_int_t)made->n_learnt,
        "parameters_kept", (json_int_t)made->n_kept, "examples",
        (json_int_t)made->n_examples, "examples_valid", (json_int_t)made->n_valid,
        "targets", (json_int_t)made->n_targets, "targets_valid",
        (json_int_t)made->n_valid_targets, "steps", made->n_steps, "memory_bytes",
        (json_int_t)made->memory_bytes, "tokens_per_s", cli_json_real(made->tokens_per_s),
        "loss", cli_json_real(made->loss), "perplexity_before",
        cli_json_real(exp(made->valid_before)), "perplexity_after",
        cli_json_real(exp(made->valid_after)), "ranks", ranks_json(made))));
}

/** Ranks that AdaLoRA chose: a line for each layer, a column for each matrix. */
static void show_ranks(const struct reel_lm_finetuned *made)
{
    static const char *const names[] = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                        "ffn_gate", "ffn_up", "ffn_down"};
    enum { N_NAMES = sizeof names / sizeof *names };
    static const struct cli_column columns[] = {
        {"layer", CLI_RIGHT},  {"attn_q", CLI_RIGHT},      {"attn_k", CLI_RIGHT},
        {"attn_v", CLI_RIGHT}, {"attn_output", CLI_RIGHT}, {"ffn_gate", CLI_RIGHT},
        {"ffn_up", CLI_RIGHT}, {"ffn_down", CLI_RIGHT}};
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < made->n_ranks;) {
        const int layer = (int)strtol(made->rank[i].matrix + strlen("blk."), NULL, 10);
        int32_t rank[N_NAMES];
        for (int n = 0; n < N_NAMES; n++) {
            rank[n] = -1;
        }
        for (; i < made->n_ranks; i++) {
            const char *matrix = made->rank[i].matrix;
            if ((int)strtol(matrix + strlen("blk."), NULL, 10) != layer) {
                break;
            }
            for (int n = 0; n < N_NAMES; n++) {
                const char *dot = strrchr(matrix, '.');
                rank[n] =
                    dot && strcmp(dot + 1, names[n]) == 0 ? made->rank[i].rank : rank[n];
            }
        }
        cli_table_line(&table);
        cli_table_cell(&table, "%d", layer);
        for (int n = 0; n < N_NAMES; n++) {
            if (rank[n] >= 0) {
                cli_table_cell(&table, "%d", rank[n]);
            } else {
                cli_table_text(&table, "");
            }
        }
    }
    cli_table_show(&table);
    cli_table_release(&table);
}

static void show(const struct reel_lm_finetuned *made)
{
    cli_print(tr("%s: %s, %.2f million numbers learnt, %.2f million kept"), made->out,
              reel_lm_method_name(made->method), (double)made->n_learnt / 1e6,
              (double)made->n_kept / 1e6);
    cli_print(
        tr("%lld examples to learn from, %lld to judge on; %d steps, %.0f tokens/s"),
        (long long)made->n_examples, (long long)made->n_valid, made->n_steps,
        made->tokens_per_s);
    if (!isnan(made->valid_after)) {
        cli_print(tr("perplexity on what was set aside: %.2f before, %.2f after"),
                  exp(made->valid_before), exp(made->valid_after));
    }
    if (made->method == REEL_LM_METHOD_ADALORA) {
        show_ranks(made);
    }
    if (made->run[0]) {
        cli_print(tr("'forkreel lm runs %s' shows its curves"), made->run);
    }
}

static enum cli_exit end(struct cli *cli, enum reel_status rc,
                         struct reel_lm_finetuned *made, const struct reel_error *err)
{
    enum cli_exit status = CLI_DONE;
    reel_progress_bar_clear(&cli->bar);
    if (rc == REEL_OK && cli->is_json) {
        status = show_json(made);
    } else if (rc == REEL_OK) {
        show(made);
    } else if (rc == REEL_ECANCELLED) {
        status = CLI_INTERRUPTED;
        if (made->run[0]) {
            cli_say(cli,
                    tr("at step %d of %d; to go on: forkreel lm finetune --resume %s"),
                    made->n_steps, made->n_steps_all, made->run);
        } else {
            cli_say(cli, tr("stopped; nothing was written"));
        }
    } else {
        status = cli_fail(cli, err);
    }
    reel_lm_finetuned_release(made);
    return rc == REEL_EINVAL ? CLI_USAGE : status;
}

// ---- words ----

static void take_int(int32_t *to, int32_t given)
{
    *to = given >= 0 ? given : *to;
}

static void take_real(double *to, double given)
{
    *to = given >= 0 ? given : *to;
}

static struct reel_lm_finetune_options options_of(struct cli *cli,
                                                  const struct lm_words *words,
                                                  struct telling *telling)
{
    const struct lm_finetune_words *own = &words->finetune;
    const struct lm_net_words *net = &words->net;
    const struct lm_transformer_words *more = &words->transformer;
    struct reel_lm_finetune_options opt = reel_lm_finetune_options_default();
    opt.adapter = own->adapter;
    opt.targets = own->targets;
    opt.rank = own->rank;
    opt.alpha = own->alpha;
    opt.n_prefix = own->n_prefix;
    opt.prefix_hidden = net->n_hidden;
    take_int(&opt.n_context, net->n_context);
    take_int(&opt.n_epochs, net->n_epochs);
    take_int(&opt.n_batch, net->n_batch);
    take_int(&opt.patience, net->patience);
    take_real(&opt.rate, net->rate);
    take_real(&opt.valid_share, net->valid);
    opt.n_steps = more->n_steps;
    opt.judge_steps = more->judge_steps;
    take_real(&opt.warmup, more->warmup);
    take_real(&opt.decay, more->decay);
    take_real(&opt.clip, more->clip);
    take_real(&opt.checkpoint_s, more->checkpoint_s);
    opt.seed = words->seed;
    opt.name = net->run;
    opt.n_threads = cli->n_threads;
    opt.progress = cli_progress(cli);
    if (!cli->is_json) {
        opt.told = say_step;
        opt.payload = telling;
    }
    return opt;
}

static bool check_words(struct cli *cli, const struct lm_words *words,
                        enum reel_lm_method *method)
{
    const struct lm_finetune_words *own = &words->finetune;
    *method = reel_lm_method_of(own->method ? own->method : "lora");
    if (*method == 0) {
        cli_say(cli, tr("--method is full, lora, adalora, adapter or prefix, not '%s'"),
                own->method);
        return false;
    }
    if (!words->pretrain.out) {
        cli_say(cli, tr("finetune needs --out, the file to write"));
        return false;
    }
    if (!own->data == !own->from) {
        cli_say(cli, tr("finetune needs --data FILE or --from catalogue or viewer"));
        return false;
    }
    return true;
}

static enum cli_exit resume(struct cli *cli, const struct lm_words *words)
{
    struct telling telling = {.cli = cli};
    struct reel_lm_finetuned made;
    struct reel_error err;
    char *runs = cli_home_path(cli, "runs");
    struct reel_lm_finetune_options opt = options_of(cli, words, &telling);
    opt.runs = runs;
    opt.name = words->transformer.resume;
    const enum reel_status rc = reel_lm_finetune_resume(&opt, &made, &err);
    free(runs);
    return end(cli, rc, &made, &err);
}

enum cli_exit lm_finetune(struct cli *cli, const struct lm_words *words)
{
    if (words->transformer.resume) {
        return lm_check_options(cli, words, "resume checkpoint ", "finetune --resume")
                   ? resume(cli, words)
                   : CLI_USAGE;
    }
    enum reel_lm_method method;
    if (!check_words(cli, words, &method)) {
        return CLI_USAGE;
    }
    struct telling telling = {.cli = cli};
    struct reel_lm_examples examples = {0};
    struct reel_lm_finetuned made = {0};
    struct reel_error err;
    char *base = NULL, *runs = cli_home_path(cli, "runs");
    struct reel_lm_finetune_options opt = options_of(cli, words, &telling);
    enum reel_status rc = cli_lm_find(cli, words->finetune.base, &base, &err);
    rc = rc ? rc : cli_lm_examples(cli, words, &examples, &err);
    if (rc == REEL_OK) {
        opt.method = method;
        opt.base = base;
        opt.runs = runs;
        opt.example = examples.example;
        opt.n_examples = examples.n_examples;
        rc = reel_lm_finetune(words->pretrain.out, &opt, &made, &err);
    }
    const enum cli_exit status = end(cli, rc, &made, &err);
    reel_lm_examples_release(&examples);
    free(base);
    free(runs);
    return status;
}
