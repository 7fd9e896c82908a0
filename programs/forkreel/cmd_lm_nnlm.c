/** `forkreel lm pretrain --arch nnlm`: neural language models over words. */
#include "cmd_lm.h"

#include <forkreel/lm_nnlm.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void take_int(int32_t *to, int32_t given)
{
    *to = given >= 0 ? given : *to;
}

static void take_real(double *to, double given)
{
    *to = given >= 0 ? given : *to;
}

/** On standard error: what one wants to see while it learns. */
static void say_epoch(int32_t i_epoch, double loss, double loss_valid, const char *sample,
                      void *payload)
{
    struct cli *cli = payload;
    if (isnan(loss_valid)) {
        cli_say(cli, tr("epoch %d: loss %.3f"), i_epoch + 1, loss);
    } else {
        cli_say(cli, tr("epoch %d: loss %.3f, validation %.3f (perplexity %.1f): %s"),
                i_epoch + 1, loss, loss_valid, exp(loss_valid), sample);
    }
}

static struct reel_lm_nnlm_options options_of(struct cli *cli,
                                              const struct lm_words *words, bool is_lstm)
{
    const struct lm_net_words *net = &words->net;
    struct reel_lm_nnlm_options opt = reel_lm_nnlm_options_default(
        is_lstm ? REEL_LM_NNLM_LSTM : REEL_LM_NNLM_FEEDFORWARD);
    opt.cut = words->pretrain.cuts_at_blanks ? REEL_LM_CUT_BLANKS : opt.cut;
    if (words->pretrain.memory_mb > 0) {
        opt.max_bytes = (int64_t)(words->pretrain.memory_mb * 1048576);
    }
    take_int(&opt.n_words, net->n_words);
    take_int(&opt.n_embedding, net->n_embedding);
    take_int(&opt.n_hidden, net->n_hidden);
    take_int(is_lstm ? &opt.n_steps : &opt.n_context, net->n_context);
    take_int(&opt.n_epochs, net->n_epochs);
    take_int(&opt.n_batch, net->n_batch);
    take_int(&opt.patience, net->patience);
    take_real(&opt.rate, net->rate);
    take_real(&opt.dropout, net->dropout);
    take_real(&opt.valid_share, net->valid);
    opt.is_direct = !is_lstm && !net->is_indirect;
    opt.n_threads = cli->n_threads;
    opt.seed = words->seed;
    opt.name = net->run;
    opt.progress = cli_progress(cli);
    opt.on_epoch = cli->is_json ? NULL : say_epoch;
    opt.payload = cli;
    return opt;
}

static enum cli_exit show_json(const char *path, const struct reel_lm_nnlm_made *made)
{
    return cli_json_show(cli_need(json_pack(
        "{s:o, s:s, s:I, s:I, s:I, s:I, s:i, s:I, s:I, s:i, s:i, s:o, s:o, s:o}", "path",
        cli_json_text(path), "arch", "nnlm", "lines", (json_int_t)made->n_lines,
        "lines_valid", (json_int_t)made->n_lines_valid, "tokens",
        (json_int_t)made->n_tokens, "unknown", (json_int_t)made->n_unknown, "vocabulary",
        made->n_words, "parameters", (json_int_t)made->n_parameters, "bytes",
        (json_int_t)made->file_bytes, "epochs", made->n_epochs, "best_epoch",
        made->best_epoch, "loss", cli_json_real(made->loss), "perplexity_valid",
        cli_json_real(made->perplexity_valid), "run", cli_json_text(made->run))));
}

static void show(const char *path, const struct reel_lm_nnlm_made *made)
{
    cli_print(tr("%s: %d words (%.1f %% of the text unknown), %lld numbers"), path,
              made->n_words, 100. * (double)made->n_unknown / (double)made->n_tokens,
              (long long)made->n_parameters);
    if (isnan(made->perplexity_valid)) {
        cli_print(tr("loss %.3f after %d epochs; nothing was set aside to judge it on"),
                  made->loss, made->n_epochs);
    } else {
        cli_print(tr("perplexity %.1f on %lld lines set aside, epoch %d of %d"),
                  made->perplexity_valid, (long long)made->n_lines_valid,
                  made->best_epoch, made->n_epochs);
    }
    cli_print(tr("'forkreel lm runs %s' shows its curves"), made->run);
}

enum cli_exit lm_pretrain_nnlm(struct cli *cli, const struct lm_words *words,
                               const struct reel_lm_texts *texts)
{
    const char *kind = words->net.kind ? words->net.kind : "feedforward";
    const bool is_lstm = strcmp(kind, "lstm") == 0;
    if (!is_lstm && strcmp(kind, "feedforward") != 0) {
        cli_say(cli, tr("--kind is feedforward or lstm, not '%s'"), kind);
        return CLI_USAGE;
    }
    struct reel_error err;
    struct reel_lm_nnlm_made made;
    char *runs = cli_home_path(cli, "runs");
    struct reel_lm_nnlm_options opt = options_of(cli, words, is_lstm);
    opt.runs = runs;
    const enum reel_status rc =
        reel_lm_nnlm_train(texts, words->pretrain.out, &opt, &made, &err);
    reel_progress_bar_clear(&cli->bar);
    free(runs);
    if (rc == REEL_ECANCELLED) {
        cli_say(cli,
                made.file_bytes > 0 ? tr("stopped; %s has the best epoch so far")
                                    : tr("stopped; nothing was written"),
                words->pretrain.out);
        return CLI_INTERRUPTED;
    }
    if (rc) {
        const enum cli_exit status = cli_fail(cli, &err);
        return rc == REEL_EINVAL ? CLI_USAGE : status;
    }
    if (made.i_rank > 0) { // of several processes the first speaks
        return CLI_DONE;
    }
    if (cli->is_json) {
        return show_json(words->pretrain.out, &made);
    }
    show(words->pretrain.out, &made);
    return CLI_DONE;
}
