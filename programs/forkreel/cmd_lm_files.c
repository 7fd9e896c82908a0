/** `forkreel lm pull, tune, quantize, perplexity`: files of language models. */
#include "cli_lm.h"
#include "cmd_lm.h"

#include <forkreel/lm_files.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES_MAX = 64 << 20 };

// ---- pull ----

static bool is_here(const struct cli *cli, const struct reel_lm_source *source)
{
    char *home = cli_format("%s/models/%s", cli->home, source->file);
    char *folder = cli_lm_cache(), *cache = cli_format("%s/%s", folder, source->file);
    const bool is_here = access(home, R_OK) == 0 || access(cache, R_OK) == 0;
    free(home);
    free(folder);
    free(cache);
    return is_here;
}

static enum cli_exit pull_show_json(const struct cli *cli)
{
    int32_t n;
    const struct reel_lm_source *source = reel_lm_sources(&n);
    json_t *root = cli_need(json_array());
    for (int32_t i = 0; i < n; i++) {
        json_array_append_new(
            root, cli_need(json_pack(
                      "{s:s, s:s, s:s, s:s, s:I, s:s, s:s*, s:s*, s:b, s:b}", "name",
                      source[i].name, "file", source[i].file, "licence",
                      source[i].licence, "languages", source[i].languages, "bytes",
                      (json_int_t)source[i].n_bytes, "sha256", source[i].sha256, "url",
                      source[i].url, "package", source[i].package, "embeds",
                      (int)source[i].embeds, "here", (int)is_here(cli, &source[i]))));
    }
    return cli_json_show(root);
}

static enum cli_exit pull_show(const struct cli *cli)
{
    static const struct cli_column columns[] = {{"model", CLI_LEFT},
                                                {"file size", CLI_RIGHT},
                                                {"writes", CLI_LEFT},
                                                {"licence", CLI_LEFT},
                                                {"here", CLI_LEFT}};
    int32_t n;
    const struct reel_lm_source *source = reel_lm_sources(&n);
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < n; i++) {
        cli_table_line(&table);
        cli_table_text(&table, source[i].name);
        cli_table_cell(&table, "%.0f MB", (double)source[i].n_bytes / 1e6);
        cli_table_cell(&table, "%s%s%s", source[i].languages,
                       source[i].embeds ? " - " : "",
                       source[i].embeds ? tr("embeds") : "");
        cli_table_text(&table, source[i].licence);
        cli_table_text(&table, is_here(cli, &source[i]) ? tr("yes") : NULL);
    }
    cli_table_show(&table);
    cli_table_release(&table);
    return CLI_DONE;
}

static enum cli_exit pull_done(struct cli *cli, const struct reel_lm_pulled *pulled,
                               const struct lm_words *words)
{
    if (cli->is_json) {
        return cli_json_show(cli_need(json_pack(
            "{s:o, s:s, s:I, s:I, s:b}", "path", cli_json_text(pulled->path), "sha256",
            pulled->sha256, "bytes", (json_int_t)pulled->n_bytes, "bytes_resumed",
            (json_int_t)pulled->n_bytes_resumed, "was_there", (int)pulled->was_there)));
    }
    if (pulled->was_there) {
        cli_print(tr("%s is there already"), pulled->path);
    } else {
        cli_print(tr("%s: %.0f MB"), pulled->path, (double)pulled->n_bytes / 1e6);
    }
    if (words->is_unchecked && !words->sha256) {
        cli_print(tr("not checked; its sha256 is %s"), pulled->sha256);
    }
    return CLI_DONE;
}

enum cli_exit lm_pull(struct cli *cli, const struct lm_words *words)
{
    const char *what = words->word[1];
    if (!what) {
        return cli->is_json ? pull_show_json(cli) : pull_show(cli);
    }
    if (strstr(what, "://") && !words->sha256 && !words->is_unchecked) {
        cli_say(cli, tr("no checksum is known for an address; give --sha256, or "
                        "--no-checksum if you trust it"));
        return CLI_USAGE;
    }
    struct reel_lm_pull_options opt = reel_lm_pull_options_default();
    struct reel_lm_pulled pulled;
    struct reel_error err;
    opt.sha256 = words->sha256;
    opt.is_unchecked = words->is_unchecked;
    opt.max_bytes = (int64_t)(words->max_gb * 1e9);
    opt.progress = cli_progress(cli);
    char *folder = cli_home_path(cli, "models");
    const enum reel_status rc = reel_lm_pull(what, folder, &opt, &pulled, &err);
    free(folder);
    reel_progress_bar_clear(&cli->bar);
    if (rc == REEL_OK) {
        return pull_done(cli, &pulled, words);
    }
    const enum cli_exit status = cli_fail(cli, &err);
    if (rc == REEL_ECANCELLED) {
        cli_say(cli, tr("'forkreel lm pull %s' goes on from there"), what);
    } else if (rc == REEL_EINVAL && !strstr(what, "://")) {
        cli_say(cli, tr("'forkreel lm pull' lists the names"));
        return CLI_BAD_INPUT;
    }
    return status;
}

// ---- tune ----

static json_t *tune_row_json(const struct reel_lm_tune_row *row)
{
    return cli_need(
        json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:s}", "file_type",
                  row->type, "bytes", (json_int_t)row->file_bytes, "perplexity_en",
                  cli_json_real(row->perplexity_en), "perplexity_zh",
                  cli_json_real(row->perplexity_zh), "rise", cli_json_real(row->rise),
                  "read_per_s", cli_json_real(row->read_per_s), "written_per_s",
                  cli_json_real(row->written_per_s), "request_s",
                  cli_json_real(row->request_s), "original", (int)row->is_original,
                  "kept", (int)row->is_kept, "why_not", row->why_not));
}

static enum cli_exit tune_show_json(const struct reel_lm_tuned *tuned)
{
    json_t *rows = cli_need(json_array());
    for (int32_t i = 0; i < tuned->n_rows; i++) {
        json_array_append_new(rows, tune_row_json(&tuned->row[i]));
    }
    return cli_json_show(cli_need(
        json_pack("{s:o, s:o}", "path", cli_json_text(tuned->path), "rows", rows)));
}

/** A number, or nothing where it was not measured. */
static void tune_cell(struct cli_table *table, const char *format, double value)
{
    if (isfinite(value) && value != 0) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        cli_table_cell(table, format, value);
#pragma GCC diagnostic pop
    } else {
        cli_table_text(table, NULL);
    }
}

static void tune_line(struct cli_table *table, const struct reel_lm_tune_row *row,
                      double max_rise)
{
    cli_table_line(table);
    cli_table_text(table, row->type);
    tune_cell(table, "%.0f MB", (double)row->file_bytes / 1e6);
    tune_cell(table, "%.2f", row->perplexity_en);
    tune_cell(table, "%.2f", row->perplexity_zh);
    tune_cell(table, "%+.1f %%", row->is_original ? NAN : 100 * row->rise);
    tune_cell(table, "%.0f", row->read_per_s);
    tune_cell(table, "%.0f", row->written_per_s);
    tune_cell(table, "%.2f", row->request_s);
    cli_table_text(table, row->is_kept           ? tr("kept")
                          : row->is_original     ? tr("as it is")
                          : isnan(row->rise)     ? row->why_not
                          : row->rise > max_rise ? tr("writes worse")
                                                 : tr("not faster"));
}

static void tune_show(const struct reel_lm_tuned *tuned, double max_rise)
{
    static const struct cli_column columns[] = {
        {"weights", CLI_LEFT},  {"file size", CLI_RIGHT},  {"perplexity", CLI_RIGHT},
        {"Chinese", CLI_RIGHT}, {"rise", CLI_RIGHT},       {"tokens/s read", CLI_RIGHT},
        {"written", CLI_RIGHT}, {"request, s", CLI_RIGHT}, {"result", CLI_LEFT}};
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < tuned->n_rows; i++) {
        tune_line(&table, &tuned->row[i], max_rise);
    }
    cli_table_show(&table);
    cli_table_release(&table);
    cli_print(tr("From now on %s is opened."), tuned->path);
}

enum cli_exit lm_tune(struct cli *cli, const struct lm_words *words)
{
    struct reel_lm_tune_options opt = reel_lm_tune_options_default();
    struct reel_error err;
    char *path;
    enum reel_status rc = cli_lm_find(cli, words->word[1], &path, &err);
    if (rc || !path) {
        return cli_fail(cli, &err);
    }
    if (strstr(path, "://")) {
        cli_say(cli, tr("only a model on this machine can be tuned, not %s"), path);
        free(path);
        return CLI_USAGE;
    }
    struct reel_lm_tuned *tuned = cli_need(calloc(1, sizeof *tuned));
    opt.n_threads = cli->n_threads;
    opt.max_rise = words->max_rise;
    opt.progress = cli_progress(cli);
    if (words->types.n > 0) {
        opt.type = (const char *const *)words->types.name;
        opt.n_types = words->types.n;
    }
    rc = reel_lm_tune(path, cli->home, &opt, tuned, &err);
    reel_progress_bar_clear(&cli->bar);
    enum cli_exit status = CLI_DONE;
    if (rc == REEL_ECANCELLED) {
        cli_say(cli, tr("stopped; nothing was changed"));
        status = CLI_INTERRUPTED;
    } else if (rc) {
        status = cli_fail(cli, &err);
        status = rc == REEL_EINVAL ? CLI_USAGE : status;
    } else if (cli->is_json) {
        status = tune_show_json(tuned);
    } else {
        tune_show(tuned, words->max_rise);
    }
    free(tuned);
    free(path);
    return status;
}

// ---- quantize ----

/** HOME/models/NAME-TYPE.gguf; free it. */
static char *quantized_path(const struct cli *cli, const char *path, const char *type)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const size_t n = strlen(name);
    char *models = cli_home_path(cli, "models");
    char *out =
        cli_format("%s/%.*s-%s.gguf", models, (int)(n > 5 ? n - 5 : n), name, type);
    free(models);
    return out;
}

/** Perplexity on held prose, before and after. */
static enum cli_exit quantize_show(struct cli *cli, const char *from, const char *to)
{
    static const struct cli_column columns[] = {{"file", CLI_SHRINK},
                                                {"file size", CLI_RIGHT},
                                                {"perplexity", CLI_RIGHT},
                                                {"Chinese", CLI_RIGHT}};
    const char *const path[] = {from, to};
    struct reel_lm_file_judged judged[2];
    struct reel_error err;
    const struct reel_progress progress = cli_progress(cli);
    for (int i = 0; i < 2; i++) {
        const enum reel_status rc =
            reel_lm_judge_file(path[i], cli->n_threads, &progress, &judged[i], &err);
        reel_progress_bar_clear(&cli->bar);
        if (rc) {
            return rc == REEL_ECANCELLED ? CLI_INTERRUPTED : cli_fail(cli, &err);
        }
    }
    if (cli->is_json) {
        json_t *root = cli_need(json_pack("{s:o}", "path", cli_json_text(to)));
        for (int i = 0; i < 2; i++) {
            json_object_set_new(
                root, i ? "after" : "before",
                cli_need(json_pack(
                    "{s:I, s:o, s:o}", "file_bytes", (json_int_t)judged[i].file_bytes,
                    "perplexity_en", cli_json_real(judged[i].perplexity_en),
                    "perplexity_zh", cli_json_real(judged[i].perplexity_zh))));
        }
        return cli_json_show(root);
    }
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int i = 0; i < 2; i++) {
        cli_table_line(&table);
        cli_table_text(&table, path[i]);
        cli_table_cell(&table, "%.1f MB", (double)judged[i].file_bytes / 1e6);
        cli_table_real(&table, judged[i].perplexity_en);
        if (isnan(judged[i].perplexity_zh)) {
            cli_table_text(&table, NULL);
        } else {
            cli_table_real(&table, judged[i].perplexity_zh);
        }
    }
    cli_table_show(&table);
    cli_table_release(&table);
    return CLI_DONE;
}

/** "F32, F16, ..."; free it. */
static char *file_type_names(void)
{
    struct cli_names names = {0};
    const struct reel_lm_file_type *type;
    for (int32_t i = 0; (type = reel_lm_file_type(i)); i++) {
        if (!type->needs_matrix) {
            cli_names_add(&names, type->name);
        }
    }
    char *text = cli_names_join(&names);
    cli_names_release(&names);
    return text;
}

static bool is_file_type(const char *name)
{
    const struct reel_lm_file_type *type;
    for (int32_t i = 0; (type = reel_lm_file_type(i)); i++) {
        if (strcasecmp(type->name, name) == 0) {
            return true;
        }
    }
    return false;
}

enum cli_exit lm_quantize(struct cli *cli, const struct lm_words *words)
{
    struct reel_error err;
    char *from;
    if (!is_file_type(words->word[2])) {
        char *names = file_type_names();
        cli_say(cli, tr("there is no file type '%s'; there are %s"), words->word[2],
                names);
        free(names);
        return CLI_USAGE;
    }
    enum reel_status rc = cli_lm_find(cli, words->word[1], &from, &err);
    if (rc || !from) {
        return cli_fail(cli, &err);
    }
    char *to = words->word[3] ? cli_format("%s", words->word[3])
                              : quantized_path(cli, from, words->word[2]);
    rc = reel_lm_quantize(from, to, words->word[2], cli->n_threads, &err);
    enum cli_exit status = rc ? cli_fail(cli, &err) : quantize_show(cli, from, to);
    status = rc == REEL_EINVAL ? CLI_USAGE : status;
    free(from);
    free(to);
    return status;
}

// ---- perplexity ----

/** All of standard input; NULL when it is too long. Free it. */
static char *read_text(void)
{
    size_t n = 0, room = 1 << 16;
    char *text = cli_need(malloc(room));
    for (size_t n_got; (n_got = fread(text + n, 1, room - n - 1, stdin)) > 0;) {
        n += n_got;
        if (n + 1 == room) {
            room *= 2;
            text = cli_need(realloc(text, room));
        }
        if (n > TEXT_BYTES_MAX) {
            free(text);
            return NULL;
        }
    }
    text[n] = '\0';
    if (strlen(text) != n) { // a NUL would hide what follows it
        free(text);
        return NULL;
    }
    return text;
}

enum cli_exit lm_perplexity(struct cli *cli, const struct lm_words *words)
{
    struct reel_lm *lm;
    struct reel_error err;
    double perplexity = NAN;
    int32_t n_tokens = 0;
    char *text = read_text();
    if (!text || !*text) {
        cli_say(cli, tr("standard input holds no text, or more than 64 MB"));
        free(text);
        return CLI_BAD_INPUT;
    }
    enum reel_status rc = cli_lm_open(cli, words->model, words->key_file, &lm, &err);
    if (rc == REEL_OK) {
        const struct reel_progress progress = cli_progress(cli);
        rc = reel_lm_perplexity(lm, text, &progress, &perplexity, &n_tokens, &err);
        reel_progress_bar_clear(&cli->bar);
    }
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status = cli_fail(cli, &err);
    } else if (cli->is_json) {
        status = cli_json_show(
            cli_need(json_pack("{s:o, s:i, s:s}", "perplexity", cli_json_real(perplexity),
                               "tokens", n_tokens, "model", reel_lm_about(lm)->name)));
    } else {
        cli_print(tr("%s: perplexity %.3f over %d tokens"), reel_lm_about(lm)->name,
                  perplexity, n_tokens);
    }
    reel_lm_close(lm);
    free(text);
    return status;
}
