/** `forkreel help [COMMAND]`. */
#include "cli_commands.h"

#include <string.h>

static enum cli_exit help_list(struct cli *cli)
{
    if (cli->is_json) {
        json_t *list = json_array();
        for (const struct cli_command *const *c = cli_commands; *c; c++) {
            json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", (*c)->name,
                                                  "usage", (*c)->usage, "summary",
                                                  tr((*c)->summary)));
        }
        return cli_json_show(list);
    }
    puts(tr(
        "Usage: forkreel [--home DIR] [--db FILE] [--lang en|zh] [--json] [--threads N] "
        "COMMAND ..."));
    putchar('\n');
    for (const struct cli_command *const *c = cli_commands; *c; c++) {
        printf("  %-11s %s\n", (*c)->name, tr((*c)->summary));
    }
    putchar('\n');
    puts(tr("'forkreel help COMMAND' explains one; 'man forkreel' tells everything."));
    return CLI_DONE;
}

static enum cli_exit help_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {.n_words_max = 1};
    const char *name;
    cli_args_parse(cli, &cmd_help, &args, argc, argv, &name, NULL);
    if (!name) {
        return help_list(cli);
    }
    const struct cli_command *command = cli_command_find(name);
    if (!command) {
        cli_say(cli, tr("there is no command '%s'; 'forkreel help' lists them"), name);
        return CLI_USAGE;
    }
    char *words[] = {"forkreel", "--help", NULL};
    return command->run(cli, 2, words);
}

const struct cli_command cmd_help = {
    .name = "help",
    .usage = "forkreel help [OPTION...] [COMMAND]",
    .summary = "list the commands, or explain one",
    .run = help_run,
};
