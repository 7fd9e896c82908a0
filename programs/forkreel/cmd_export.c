/** `forkreel export`: a story in another format. */
#include "cli_commands.h"
#include "cli_story.h"

#include <stdlib.h>
#include <string.h>

struct export_words {
    const char *format, *out;
};

static const struct argp_option options[] = {
    {"format", 'f', "FORMAT", 0, "which format; default: told by the name of --out", 0},
    {"out", 'o', "FILE", 0, "write there; default, and -: standard output", 0},
    {0},
};

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct export_words *words = state->input;
    switch (key) {
    case 'f':
        words->format = arg;
        return 0;
    case 'o':
        words->out = strcmp(arg, "-") != 0 ? arg : NULL;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *formats_help(const struct cli *cli)
{
    char *text = cli_format("%s\n", tr("Formats:"));
    int32_t n;
    const struct reel_story_format *formats = reel_story_formats(&n);
    (void)cli;
    for (int32_t i = 0; i < n; i++) {
        char *longer =
            cli_format("%s  %-5s  %s\n", text, formats[i].name, tr(formats[i].summary));
        free(text);
        text = longer;
    }
    return text;
}

/** The format whose suffix `path` ends with; NULL none. */
static const char *format_of(const char *path)
{
    int32_t n;
    const struct reel_story_format *formats = reel_story_formats(&n);
    for (int32_t i = 0; path && i < n; i++) {
        const char *suffix = strrchr(formats[i].suffix, '.'); // ".json" of ".story.json"
        const size_t n_path = strlen(path), n_suffix = strlen(suffix);
        if (n_path > n_suffix && !strcmp(path + n_path - n_suffix, suffix)) {
            return formats[i].name;
        }
    }
    return NULL;
}

static bool is_format(const char *name)
{
    int32_t n;
    const struct reel_story_format *formats = reel_story_formats(&n);
    for (int32_t i = 0; i < n; i++) {
        if (!strcmp(formats[i].name, name)) {
            return true;
        }
    }
    return false;
}

static enum cli_exit export_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 1, 1, formats_help};
    struct export_words words = {0};
    const char *name;
    cli_args_parse(cli, &cmd_export, &args, argc, argv, &name, &words);
    const char *format = words.format ? words.format : format_of(words.out);
    if (!format) {
        cli_say(cli, "%s",
                tr("which format? Give --format F, or --out with a known end"));
        return CLI_USAGE;
    }
    if (!is_format(format)) {
        cli_say(cli, tr("there is no format '%s'; 'forkreel help export' lists them"),
                format);
        return CLI_USAGE;
    }
    struct reel_error err;
    struct reel_story *story;
    enum reel_status rc = story_open(cli, name, &story, &err);
    rc = rc          ? rc
         : words.out ? reel_story_export(story, format, words.out, &err)
                     : reel_story_write(story, format, stdout, &err);
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status = cli_fail(cli, &err);
    } else if (words.out && cli->is_json) {
        status = cli_json_show(json_pack("{s:s, s:s, s:s, s:i}", "story", story->id,
                                         "format", format, "file", words.out, "nodes",
                                         (int)story->n_nodes));
    } else if (words.out) {
        cli_say(cli, tr("%d scenes written to %s"), story->n_nodes, words.out);
    }
    reel_story_free(story);
    return status;
}

const struct cli_command cmd_export = {
    .name = "export",
    .usage = "forkreel export [OPTION...] STORY",
    .summary = "write a story in another format",
    .run = export_run,
};
