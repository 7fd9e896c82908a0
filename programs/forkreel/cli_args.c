/**
 * Words of the command line, by GNU argp: the options that stand anywhere, one parser per
 * command, help in both languages.
 *
 * Every parser is a root without options of its own and two children: the command's options
 * and the options that stand anywhere.
 */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_HOME = 0x1000, KEY_DB, KEY_LANG, KEY_JSON, KEY_THREADS, KEY_USAGE };

static const struct argp_option global_options[] = {
    {NULL, 0, NULL, 0, "Everywhere:", 10},
    {"home", KEY_HOME, "DIR", 0, "where the database and the models are", 10},
    {"db", KEY_DB, "FILE", 0, "the database, instead of forkreel.db in the home", 10},
    {"lang", KEY_LANG, "en|zh", 0, "language of messages and titles", 10},
    {"json", KEY_JSON, NULL, 0, "print one JSON document", 10},
    {"threads", KEY_THREADS, "N", 0, "threads; default: one per processor", 10},
    {"help", 'h', NULL, 0, "explain and stop", 10},
    {"usage", KEY_USAGE, NULL, 0, "show how it is called and stop", 10},
    {0},
};

static void set_text(char **place, const char *text)
{
    free(*place);
    *place = cli_need(strdup(text));
}

static void set_lang(struct cli *cli, const char *lang, struct argp_state *state)
{
    if (strcmp(lang, "en") && strcmp(lang, "zh")) {
        argp_error(state, tr("--lang is en or zh, not '%s'"), lang);
    }
    cli->lang = lang[0] == 'z' ? "zh" : "en";
    cli_text_language(cli->lang);
}

/** argp wraps by bytes, which tears Chinese apart: what closes the help goes past it. */
static void show_help(const struct cli *cli, struct argp_state *state)
{
    argp_state_help(state, stdout, ARGP_HELP_STD_HELP & ~ARGP_HELP_EXIT_OK);
    if (cli->help_more) {
        char *text = cli->help_more(cli);
        printf("\n%s", text);
        free(text);
    }
}

static error_t global_option(int key, char *arg, struct argp_state *state)
{
    struct cli *cli = state->input;
    switch (key) {
    case KEY_HOME:
        set_text(&cli->home, arg);
        return 0;
    case KEY_DB:
        if (strstr(arg, "://")) {
            argp_error(state, tr("--db takes a file; '%s' is not one"), arg);
        }
        set_text(&cli->db, arg);
        return 0;
    case KEY_LANG:
        set_lang(cli, arg, state);
        return 0;
    case KEY_JSON:
        cli->is_json = true;
        return 0;
    case KEY_THREADS:
        cli->n_threads = cli_arg_int(state, "--threads", arg, 1, 1024);
        return 0;
    case 'h':
        show_help(cli, state);
        exit(CLI_DONE);
    case KEY_USAGE:
        argp_state_help(state, stdout, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/** Texts of help are message keys. */
static char *help_text(int key, const char *text, void *input)
{
    (void)key, (void)input;
    const char *said = text ? tr(text) : NULL;
    return said == text ? (char *)text : cli_need(strdup(said)); // argp frees what is new
}

static const struct argp global_argp = {
    .options = global_options, .parser = global_option, .help_filter = help_text};

/* ---- before the command ---- */

static error_t first_word(int key, char *arg, struct argp_state *state)
{
    struct cli *cli = state->input;
    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = cli;
        return 0;
    case 'V':
        printf("forkreel %s\n", FORKREEL_VERSION);
        exit(CLI_DONE);
    case ARGP_KEY_ARG: // the rest belongs to the command
        cli->i_command = state->next - 1;
        state->next = state->argc;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void cli_args_parse_global(struct cli *cli, int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"version", 'V', NULL, 0, "print the version and stop", 10}, {0}};
    static const struct argp_child children[] = {{&global_argp, 0, NULL, 0}, {0}};
    const struct argp argp = {.options = options,
                              .parser = first_word,
                              .args_doc = "COMMAND ...",
                              .doc = "Films recommended from what each viewer liked.\v"
                                     "'forkreel help' lists the commands, "
                                     "'forkreel help COMMAND' explains one.",
                              .children = children,
                              .help_filter = help_text};
    argp_err_exit_status = CLI_USAGE;
    argp_parse(&argp, argc, argv, ARGP_IN_ORDER | ARGP_NO_HELP, NULL, cli);
}

/* ---- after the command ---- */

struct call {
    struct cli *cli;
    const struct cli_command *command;
    const struct cli_args *args;
    const char **word;
    int n_words;
    void *input;
};

static error_t command_word(int key, char *arg, struct argp_state *state)
{
    struct call *call = state->input;
    const struct cli_args *args = call->args;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = call->cli;
        if (args->options) { // else there is no second child, and no place
            state->child_inputs[1] = call->input;
        }
        return 0;
    case ARGP_KEY_ARG:
        if (call->n_words == args->n_words_max) {
            argp_error(state, tr("there is no place for '%s'"), arg);
        }
        call->word[call->n_words++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (call->n_words < args->n_words_min) {
            argp_error(state, "%s", tr("too few words"));
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/** What follows the command in its usage lines, as argp wants it; free it. */
static char *args_doc(const struct cli_command *command)
{
    const char *usage = command->usage;
    char *doc = cli_need(calloc(1, strlen(usage) + 1)), *at = doc;
    while (*usage) {
        const size_t n_line = strcspn(usage, "\n");
        const char *words = memmem(usage, n_line, "[OPTION...]", strlen("[OPTION...]"));
        const size_t n_skip =
            words ? (size_t)(words - usage) + strlen("[OPTION...]") : n_line;
        const char *from = usage + n_skip + (usage[n_skip] == ' ');
        const size_t n = (size_t)(usage + n_line - from);
        if (at != doc) {
            *at++ = '\n';
        }
        memcpy(at, from, n);
        at += n;
        usage += n_line + (usage[n_line] == '\n');
    }
    return doc;
}

void cli_args_parse(struct cli *cli, const struct cli_command *command,
                    const struct cli_args *args, int argc, char **argv, const char **word,
                    void *input)
{
    const struct argp own = {
        .options = args->options, .parser = args->option, .help_filter = help_text};
    struct argp_child children[3] = {{&global_argp, 0, NULL, 10}, {0}};
    if (args->options) {
        children[1] = (struct argp_child){&own, 0, NULL, 0};
    }
    char *words = args_doc(command);
    const struct argp argp = {.parser = command_word,
                              .args_doc = words,
                              .doc = command->summary,
                              .children = children,
                              .help_filter = help_text};
    struct call call = {cli, command, args, word, 0, input};
    for (int w = 0; w < args->n_words_max; w++) {
        word[w] = NULL;
    }
    cli->help_more = args->more;
    char *name = cli_format("forkreel %s", command->name);
    argv[0] = name;
    argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, &call);
    argv[0] = "forkreel";
    free(name);
    free(words);
}

/* ---- values ---- */

char *cli_words_join(const char *const *word, int n_words)
{
    char *text = cli_format("%s", "");
    for (int w = 0; w < n_words && word[w]; w++) {
        char *longer = cli_format("%s%s%s", text, w ? " " : "", word[w]);
        free(text);
        text = longer;
    }
    return text;
}

double cli_arg_real(struct argp_state *state, const char *what, const char *arg,
                    double low, double high)
{
    char *end;
    const double value = strtod(arg, &end);
    if (end == arg || *end || !(value >= low && value <= high)) {
        argp_error(state, tr("%s is a number from %g to %g, not '%s'"), what, low, high,
                   arg);
    }
    return value;
}

int32_t cli_arg_int(struct argp_state *state, const char *what, const char *arg,
                    int32_t low, int32_t high)
{
    char *end;
    errno = 0;
    const long value = strtol(arg, &end, 10);
    if (end == arg || *end || errno || value < low || value > high) {
        argp_error(state, tr("%s is a whole number from %d to %d, not '%s'"), what, low,
                   high, arg);
    }
    return (int32_t)value;
}

void cli_names_add(struct cli_names *names, const char *arg)
{
    while (*arg) {
        size_t n = strcspn(arg, ",");
        const char *next = arg + n + (arg[n] == ',');
        while (n && *arg == ' ') {
            arg++, n--;
        }
        while (n && arg[n - 1] == ' ') {
            n--;
        }
        if (n) {
            names->name = cli_need(
                reallocarray(names->name, (size_t)names->n + 1, sizeof *names->name));
            names->name[names->n++] = cli_need(strndup(arg, n));
        }
        arg = next;
    }
}

char *cli_names_join(const struct cli_names *names)
{
    char *text = cli_format("%s", "");
    for (int32_t i = 0; i < names->n; i++) {
        char *longer = cli_format("%s%s%s", text, i ? ", " : "", names->name[i]);
        free(text);
        text = longer;
    }
    return text;
}

void cli_names_release(struct cli_names *names)
{
    for (int32_t i = 0; i < names->n; i++) {
        free(names->name[i]);
    }
    free(names->name);
    *names = (struct cli_names){0};
}
