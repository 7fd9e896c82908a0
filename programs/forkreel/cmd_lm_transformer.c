/** `forkreel lm pretrain --arch transformer`, and going on with a run. */
#include "cmd_lm.h"

#include <forkreel/lm_pretrain.h>

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

static void say_begin(const struct reel_lm_pretrained *made, void *payload)
{
    struct cli *cli = payload;
    if (made->n_documents > 0) { // not when it goes on
        cli_say(cli,
                tr("%lld documents (%lld duplicates left out), %lld to judge on; %lld "
                   "tokens"),
                (long long)made->n_documents, (long long)made->n_duplicates,
                (long long)made->n_valid_documents, (long long)made->n_tokens);
    }
    cli_say(cli,
            tr("%.2f million parameters: %d layers, width %d, %d heads in %d groups, "
               "vocabulary %d, context %d"),
            (double)made->n_parameters / 1e6, made->n_layers, made->n_width,
            made->n_heads, made->n_groups, made->n_vocabulary, made->n_context);
    cli_say(cli, tr("run %s: %d steps of %d rows, about %.0f MB of memory"), made->run,
            made->n_steps, made->n_batch, (double)made->memory_bytes / 1e6);
}

static void say_judged(int32_t i_step, double loss, const char *sample, void *payload)
{
    struct cli *cli = payload;
    reel_progress_bar_clear(&cli->bar);
    cli_say(cli, tr("step %d: validation %.3f (perplexity %.1f): %s"), i_step, loss,
            exp(loss), sample);
}

static bool take_documents(struct cli *cli, const char *name,
                           enum reel_lm_documents *documents)
{
    static const char *const names[] = {
        [REEL_LM_DOCUMENTS_AUTO] = "auto", [REEL_LM_DOCUMENTS_BLANK] = "blank",
        [REEL_LM_DOCUMENTS_LINE] = "line", [REEL_LM_DOCUMENTS_JSON] = "json",
        [REEL_LM_DOCUMENTS_FILE] = "file",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            *documents = (enum reel_lm_documents)i;
            return true;
        }
    }
    cli_say(cli, tr("--documents is auto, blank, line, json or file, not '%s'"), name);
    return false;
}

static void take_words(const struct lm_words *words, struct reel_lm_pretrain_options *opt)
{
    const struct lm_net_words *net = &words->net;
    const struct lm_transformer_words *own = &words->transformer;
    take_int(&opt->n_context, net->n_context);
    take_int(&opt->n_hidden, net->n_hidden);
    take_int(&opt->n_epochs, net->n_epochs);
    take_int(&opt->n_batch, net->n_batch);
    take_int(&opt->patience, net->patience);
    take_real(&opt->rate, net->rate);
    take_real(&opt->dropout, net->dropout);
    take_real(&opt->valid_share, net->valid);
    opt->n_vocabulary = own->n_vocabulary;
    opt->n_layers = own->n_layers;
    opt->n_width = own->n_width;
    opt->n_heads = own->n_heads;
    opt->n_groups = own->n_groups;
    opt->n_part = own->n_part;
    opt->n_steps = own->n_steps;
    opt->judge_steps = own->judge_steps;
    take_real(&opt->warmup, own->warmup);
    take_real(&opt->decay, own->decay);
    take_real(&opt->clip, own->clip);
    opt->prompt = own->prompt;
    opt->seed = words->seed;
}

static enum cli_exit show(struct cli *cli, const struct reel_lm_pretrained *made)
{
    if (cli->is_json) {
        return cli_json_show(cli_need(json_pack(
            "{s:o, s:s, s:o, s:I, s:I, s:I, s:I, s:i, s:I, s:i, s:i, s:i, s:i, s:i, s:o, "
            "s:o}",
            "path", cli_json_text(made->out), "arch", "transformer", "run",
            cli_json_text(made->run), "documents", (json_int_t)made->n_documents,
            "duplicates", (json_int_t)made->n_duplicates, "tokens",
            (json_int_t)made->n_tokens, "tokens_valid", (json_int_t)made->n_valid_tokens,
            "vocabulary", made->n_vocabulary, "parameters",
            (json_int_t)made->n_parameters, "layers", made->n_layers, "width",
            made->n_width, "heads", made->n_heads, "kv_heads", made->n_groups, "steps",
            made->i_step, "loss", cli_json_real(made->loss), "perplexity_valid",
            cli_json_real(exp(made->valid_loss)))));
    }
    cli_print(tr("%s: %.2f million parameters, vocabulary %d"), made->out,
              (double)made->n_parameters / 1e6, made->n_vocabulary);
    cli_print(
        tr("loss %.3f, on documents set aside %.3f (perplexity %.1f), after %d steps"),
        made->loss, made->valid_loss, exp(made->valid_loss), made->i_step);
    cli_print(tr("'forkreel lm runs %s' shows its curves"), made->run);
    return CLI_DONE;
}

static enum cli_exit end(struct cli *cli, enum reel_status rc,
                         const struct reel_lm_pretrained *made,
                         const struct reel_error *err)
{
    reel_progress_bar_clear(&cli->bar);
    if (rc == REEL_OK) {
        return show(cli, made);
    }
    enum cli_exit status = CLI_INTERRUPTED;
    if (rc != REEL_ECANCELLED) {
        status = cli_fail(cli, err);
    } else if (!made->can_go_on) {
        cli_say(cli, tr("stopped; nothing was written"));
    }
    if (made->can_go_on && (rc == REEL_ECANCELLED || rc == REEL_EIO)) {
        cli_say(cli, tr("at step %d of %d; to go on: forkreel lm pretrain --resume %s"),
                made->i_step, made->n_steps, made->run);
    }
    return rc == REEL_EINVAL ? CLI_USAGE : status;
}

static struct reel_lm_pretrain_options options_of(struct cli *cli,
                                                  const struct lm_words *words)
{
    struct reel_lm_pretrain_options opt = reel_lm_pretrain_options_default();
    take_real(&opt.checkpoint_s, words->transformer.checkpoint_s);
    opt.n_threads = cli->n_threads;
    opt.progress = cli_progress(cli);
    if (!cli->is_json) {
        opt.on_begin = say_begin;
        opt.on_judged = say_judged;
        opt.payload = cli;
    }
    return opt;
}

enum cli_exit lm_pretrain_transformer(struct cli *cli, const struct lm_words *words,
                                      const struct reel_lm_texts *texts)
{
    struct reel_lm_pretrain_options opt = options_of(cli, words);
    struct reel_lm_pretrained made;
    struct reel_error err;
    const char *documents = words->transformer.documents;
    if (documents && !take_documents(cli, documents, &opt.documents)) {
        return CLI_USAGE;
    }
    take_words(words, &opt);
    char *runs = cli_home_path(cli, "runs");
    opt.texts = *texts;
    opt.runs = runs;
    opt.name = words->net.run;
    const enum reel_status rc = reel_lm_pretrain(words->pretrain.out, &opt, &made, &err);
    free(runs);
    return end(cli, rc, &made, &err);
}

enum cli_exit lm_pretrain_resume(struct cli *cli, const struct lm_words *words)
{
    struct reel_lm_pretrain_options opt = options_of(cli, words);
    struct reel_lm_pretrained made;
    struct reel_error err;
    char *runs = cli_home_path(cli, "runs");
    opt.runs = runs;
    opt.name = words->transformer.resume;
    const enum reel_status rc = reel_lm_pretrain_resume(&opt, &made, &err);
    free(runs);
    return end(cli, rc, &made, &err);
}
