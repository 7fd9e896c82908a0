/**
 * `forkreel lm pretrain`: a language model from text; `convert`: n-grams into ARPA and back.
 *
 * A further kind of model is a line in `archs`.
 */
#include "cmd_lm.h"

#include <forkreel/lm_train.h>

#include <stdlib.h>
#include <string.h>

// ---- n-grams ----

static enum cli_exit ngram_show_json(const char *path,
                                     const struct reel_lm_ngram_made *made, int32_t order)
{
    json_t *rows = cli_need(json_array());
    for (int32_t n = 0; n < order; n++) {
        const double *d = made->discount[n];
        json_array_append_new(
            rows, cli_need(json_pack("{s:i, s:I, s:[f,f,f], s:b}", "words", n + 1,
                                     "ngrams", (json_int_t)made->n_ngrams[n], "discounts",
                                     d[0], d[1], d[2], "discounts_default",
                                     (int)made->is_discount_default[n])));
    }
    return cli_json_show(cli_need(json_pack(
        "{s:o, s:s, s:I, s:I, s:i, s:I, s:i, s:o}", "path", cli_json_text(path), "arch",
        "ngram", "lines", (json_int_t)made->n_lines, "tokens", (json_int_t)made->n_tokens,
        "vocabulary", made->n_words, "bytes", (json_int_t)made->file_bytes,
        "runs_on_disk", made->n_runs, "orders", rows)));
}

static void ngram_show(const char *path, const struct reel_lm_ngram_made *made,
                       int32_t order)
{
    static const struct cli_column columns[] = {
        {"words", CLI_RIGHT}, {"n-grams", CLI_RIGHT}, {"discounts", CLI_LEFT}};
    struct cli_table table;
    cli_print(tr("%s: %lld words in %lld lines, %d different ones"), path,
              (long long)made->n_tokens, (long long)made->n_lines, made->n_words);
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t n = 0; n < order; n++) {
        cli_table_line(&table);
        cli_table_cell(&table, "%d", n + 1);
        cli_table_cell(&table, "%lld", (long long)made->n_ngrams[n]);
        cli_table_cell(
            &table, "%.3f %.3f %.3f%s%s", made->discount[n][0], made->discount[n][1],
            made->discount[n][2], made->is_discount_default[n] ? " - " : "",
            made->is_discount_default[n] ? tr("usual ones: too few counts") : "");
    }
    cli_table_show(&table);
    cli_table_release(&table);
}

static enum cli_exit pretrain_ngram(struct cli *cli, const struct lm_words *words,
                                    const struct reel_lm_texts *texts)
{
    const struct lm_pretrain_words *own = &words->pretrain;
    struct reel_lm_ngram_options opt = reel_lm_ngram_options_default();
    struct reel_lm_ngram_made made;
    struct reel_error err;
    opt.order = own->order > 0 ? own->order : opt.order;
    opt.cut = own->cuts_at_blanks ? REEL_LM_CUT_BLANKS : opt.cut;
    opt.max_bytes =
        own->memory_mb > 0 ? (int64_t)(own->memory_mb * 1048576) : opt.max_bytes;
    opt.progress = cli_progress(cli);
    const enum reel_status rc = reel_lm_ngram_train(texts, own->out, &opt, &made, &err);
    reel_progress_bar_clear(&cli->bar);
    if (rc == REEL_ECANCELLED) {
        cli_say(cli, tr("stopped; nothing was written"));
        return CLI_INTERRUPTED;
    }
    if (rc) {
        return cli_fail(cli, &err);
    }
    if (cli->is_json) {
        return ngram_show_json(own->out, &made, opt.order);
    }
    ngram_show(own->out, &made, opt.order);
    return CLI_DONE;
}

// ---- kinds ----

static const struct lm_arch {
    const char *name;
    const char *options; /* that this kind takes, of those of `lm pretrain` */
    enum cli_exit (*run)(struct cli *cli, const struct lm_words *words,
                         const struct reel_lm_texts *texts);
} archs[] = {
    {"ngram", "arch text out order blanks memory ", pretrain_ngram},
    {"nnlm",
     "arch text out blanks memory kind words embedding hidden context no-direct epochs "
     "batch rate dropout valid patience run seed ",
     lm_pretrain_nnlm},
    {"transformer",
     "arch text out documents vocabulary layers width heads kv-heads hidden context "
     "epochs steps batch part rate warmup decay clip dropout valid judge-steps patience "
     "checkpoint prompt run seed ",
     lm_pretrain_transformer},
};
enum { N_ARCHS = sizeof archs / sizeof *archs };

static const struct lm_arch *find_arch(const char *name)
{
    for (int i = 0; i < N_ARCHS; i++) {
        if (strcmp(archs[i].name, name) == 0) {
            return &archs[i];
        }
    }
    return NULL;
}

/** "ngram, nnlm, transformer"; free it. */
static char *arch_names(void)
{
    char *names = cli_format("%s", archs[0].name);
    for (int i = 1; i < N_ARCHS; i++) {
        char *longer = cli_format("%s, %s", names, archs[i].name);
        free(names);
        names = longer;
    }
    return names;
}

/** Files may also stand behind the verb, as a shell writes them for *.txt. */
static struct reel_lm_texts texts_of(const struct lm_words *words,
                                     const char *path[2 * LM_WORDS_MAX])
{
    int32_t n = 0;
    for (int i = 0; i < words->pretrain.n_texts; i++) {
        path[n++] = words->pretrain.text[i];
    }
    for (int i = 1; i < LM_WORDS_MAX && words->word[i]; i++) {
        path[n++] = words->word[i];
    }
    return (struct reel_lm_texts){path, n};
}

enum cli_exit lm_pretrain(struct cli *cli, const struct lm_words *words)
{
    if (words->transformer.resume) {
        return lm_check_options(cli, words, "resume checkpoint ", "pretrain --resume")
                   ? lm_pretrain_resume(cli, words)
                   : CLI_USAGE;
    }
    const char *path[2 * LM_WORDS_MAX],
        *name = words->pretrain.arch ? words->pretrain.arch : archs[0].name;
    const struct reel_lm_texts texts = texts_of(words, path);
    const struct lm_arch *arch = find_arch(name);
    if (!arch) {
        char *names = arch_names();
        cli_say(cli, tr("--arch is %s, not '%s'"), names, name);
        free(names);
        return CLI_USAGE;
    }
    char *what = cli_format("pretrain --arch %s", name);
    const bool is_right = lm_check_options(cli, words, arch->options, what);
    free(what);
    if (!is_right) {
        return CLI_USAGE;
    }
    if (!words->pretrain.out || texts.n_paths == 0) {
        cli_say(cli, !words->pretrain.out
                         ? tr("pretrain needs --out, the file to write")
                         : tr("pretrain needs --text, what to learn from"));
        return CLI_USAGE;
    }
    return arch->run(cli, words, &texts);
}

// ---- convert ----

enum cli_exit lm_convert(struct cli *cli, const struct lm_words *words)
{
    struct reel_error err;
    const struct reel_progress progress = cli_progress(cli);
    const enum reel_status rc =
        reel_lm_ngram_convert(words->word[1], words->word[2], &progress, &err);
    reel_progress_bar_clear(&cli->bar);
    if (rc == REEL_ECANCELLED) {
        cli_say(cli, tr("stopped; nothing was written"));
        return CLI_INTERRUPTED;
    }
    if (rc) {
        return cli_fail(cli, &err);
    }
    if (cli->is_json) {
        return cli_json_show(
            cli_need(json_pack("{s:o}", "path", cli_json_text(words->word[2]))));
    }
    cli_print("%s", words->word[2]);
    return CLI_DONE;
}
