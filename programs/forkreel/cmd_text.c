/**
 * `forkreel text STEP[,STEP...]`: the text pipe as a filter from standard input to standard
 * output. Memory does not grow with the stream; a reader that goes away ends it, as usual.
 */
#include "cli_commands.h"

#include <forkreel/text.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct text_words {
    bool is_list;
    struct reel_text_options opt;
};

enum { KEY_LIST = 0x100, KEY_LANGUAGE, KEY_WORDS };

static const struct argp_option options[] = {
    {"list", KEY_LIST, NULL, 0, "list the steps", 0},
    {"language", KEY_LANGUAGE, "CODE", 0,
     "of the text: en, zh, ...; default: told from the text", 0},
    {"words", KEY_WORDS, "N", 0, "count: how many words are kept; default 1000000", 0},
    {0},
};

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct text_words *words = state->input;
    switch (key) {
    case KEY_LIST:
        words->is_list = true;
        return 0;
    case KEY_LANGUAGE:
        words->opt.language = arg;
        return 0;
    case KEY_WORDS:
        words->opt.n_count_max = cli_arg_int(state, "--words", arg, 1, 100000000);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char *summary_of(const struct cli *cli, const struct reel_text_step *step)
{
    return strcmp(cli->lang, "zh") == 0 ? step->summary_zh : step->summary;
}

static char *steps_help(const struct cli *cli)
{
    char *text =
        cli_format("%s\n", tr("Steps, in the order in which they make sense; 'all' is "
                              "all of them:"));
    int32_t n;
    const struct reel_text_step *step = reel_text_steps(&n);
    for (int32_t i = 0; i < n; i++) {
        char *longer =
            cli_format("%s  %-9s  %s\n", text, step[i].name, summary_of(cli, &step[i]));
        free(text);
        text = longer;
    }
    return text;
}

static enum cli_exit list_steps(const struct cli *cli)
{
    int32_t n;
    const struct reel_text_step *step = reel_text_steps(&n);
    json_t *json = cli->is_json ? cli_need(json_array()) : NULL;
    for (int32_t i = 0; i < n; i++) {
        if (json) {
            json_array_append_new(
                json, cli_need(json_pack("{s:s, s:s}", "name", step[i].name, "summary",
                                         summary_of(cli, &step[i]))));
        } else {
            printf("%-9s  %s\n", step[i].name, summary_of(cli, &step[i]));
        }
    }
    return json ? cli_json_show(json) : CLI_DONE;
}

// ---------------------------------------------------------------- what comes out

struct output {
    bool is_terminal, is_json, is_count;
    bool is_inside; /* the line has begun; only lines of more than 64 KiB come in parts */
};

/** "3 TAB word" of a count, "en TAB line" behind step language, a plain line. */
static json_t *line_to_json(const struct output *out, const char *line, size_t n)
{
    const char *tab = memchr(line, '\t', n);
    const size_t n_first = tab ? (size_t)(tab - line) : 0;
    if (tab && out->is_count) {
        return json_pack("{s:s%, s:I}", "word", tab + 1, n - n_first - 1, "count",
                         (json_int_t)strtoll(line, NULL, 10));
    }
    json_t *json = json_object();
    if (tab && !out->is_inside && n_first <= 3) {
        json_object_set_new(json, "language", json_stringn(line, n_first));
        line = tab + 1;
        n -= n_first + 1;
    }
    json_object_set_new(json, "text", cli_need(json_stringn(line, n)));
    return json;
}

static void put_line(const struct output *out, const char *line, size_t n, bool is_whole)
{
    if (out->is_json) {
        json_t *json = cli_need(line_to_json(out, line, n));
        if (out->is_inside) { // the part before came as a line of its own
            json_object_set_new(json, "continued", json_true());
        }
        json_dumpf(json, stdout, JSON_COMPACT);
        json_decref(json);
        putchar('\n');
        return;
    }
    char *copy = cli_need(strndup(line, n));
    for (char *part = copy, *tab; part; part = tab) { // cli_put would blank a tabulator
        tab = strchr(part, '\t');
        if (tab) {
            *tab++ = '\0';
        }
        cli_put(stdout, part);
        if (tab) {
            putchar('\t');
        }
    }
    free(copy);
    if (is_whole) {
        putchar('\n');
    }
}

static enum reel_status write_out(const char *bytes, size_t n, void *payload,
                                  struct reel_error *err)
{
    struct output *out = payload;
    if (!out->is_json && !out->is_terminal) {
        fwrite(bytes, 1, n, stdout);
    }
    while (n > 0 && (out->is_json || out->is_terminal)) {
        const char *feed = memchr(bytes, '\n', n);
        const size_t n_line = feed ? (size_t)(feed - bytes) : n;
        put_line(out, bytes, n_line, feed != NULL);
        out->is_inside = !feed;
        bytes += n_line + (feed != NULL);
        n -= n_line + (feed != NULL);
    }
    return ferror(stdout) ? cli_error(err, REEL_EIO, "%s",
                                      tr("standard output could not be written"))
                          : REEL_OK;
}

// ---------------------------------------------------------------- what comes in

static enum reel_status pass_on(struct reel_text_pipe *pipe, struct reel_error *err)
{
    static char bytes[1 << 16];
    for (;;) {
        const ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
        if (cli_stop) {
            return cli_error(err, REEL_ECANCELLED, "%s", tr("stopped"));
        }
        if (n < 0 && errno != EINTR) {
            return cli_error(err, REEL_EIO, tr("standard input: %s"), strerror(errno));
        }
        if (n == 0) {
            return reel_text_pipe_end(pipe, err);
        }
        const enum reel_status rc =
            n > 0 ? reel_text_pipe_push(pipe, bytes, (size_t)n, err) : REEL_OK;
        if (rc != REEL_OK) {
            return rc;
        }
        if (n < (ssize_t)sizeof bytes) {
            fflush(stdout); // who writes slowly wants to see what becomes of it
        }
    }
}

/** The steps of "all", of one name, of several with commas; false: said what is wrong. */
static bool steps_of(struct cli *cli, const char *word, struct cli_names *names)
{
    int32_t n;
    const struct reel_text_step *step = reel_text_steps(&n);
    if (!word) {
        cli_say(cli, "%s", tr("which step? 'forkreel text --list' lists them"));
        return false;
    }
    if (strcmp(word, "all") == 0) {
        for (int32_t i = 0; i < n; i++) {
            cli_names_add(names, step[i].name);
        }
        return true;
    }
    cli_names_add(names, word);
    for (int32_t i = 0; i < names->n; i++) {
        bool is_known = false;
        for (int32_t k = 0; k < n; k++) {
            is_known |= strcmp(names->name[i], step[k].name) == 0;
        }
        if (!is_known) {
            cli_say(cli, tr("there is no step '%s'; 'forkreel text --list' lists them"),
                    names->name[i]);
            return false;
        }
    }
    return names->n > 0;
}

static enum cli_exit filter(struct cli *cli, const struct cli_names *names,
                            const struct reel_text_options *opt)
{
    assert(names->n > 0);
    struct output out = {.is_terminal = isatty(STDOUT_FILENO) == 1,
                         .is_json = cli->is_json,
                         .is_count = strcmp(names->name[names->n - 1], "count") == 0};
    struct reel_error err = {0};
    struct reel_text_pipe *pipe;
    enum reel_status rc = reel_text_pipe_open((const char *const *)names->name, names->n,
                                              opt, write_out, &out, &pipe, &err);
    if (rc == REEL_EINVAL) { // the one setting that the words do not check
        cli_say(cli, "%s", err.text);
        return CLI_USAGE;
    }
    if (rc == REEL_OK) {
        rc = pass_on(pipe, &err);
        reel_text_pipe_close(pipe);
    }
    if (rc == REEL_EIO && ferror(stdout)) {
        return CLI_FAILED; // main says it
    }
    return rc == REEL_OK ? CLI_DONE : cli_fail(cli, &err);
}

static enum cli_exit text_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 0, 1, steps_help};
    struct text_words words = {.opt = reel_text_options_default()};
    const char *step;
    cli_args_parse(cli, &cmd_text, &args, argc, argv, &step, &words);
    if (words.is_list) {
        return list_steps(cli);
    }
    struct cli_names names = {0};
    const enum cli_exit status =
        steps_of(cli, step, &names) ? filter(cli, &names, &words.opt) : CLI_USAGE;
    cli_names_release(&names);
    return status;
}

const struct cli_command cmd_text = {
    .name = "text",
    .usage = "forkreel text [OPTION...] [STEP[,STEP...]]",
    .summary = "words out of text, a step at a time: a filter",
    .run = text_run,
};
