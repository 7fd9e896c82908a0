/** `forkreel lm list`: language models on this machine, what each is. */
#include "cli_commands.h"

#include <forkreel/lm.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

struct lm_list {
    struct cli *cli;
    struct cli_table table; /* when not JSON */
    json_t *json;           /* when JSON */
    int n_models;
};

/** Where scripts/setup keeps what it fetched; free it. */
static char *lm_cache_folder(void)
{
    const char *own = getenv("FORKREEL_CACHE"), *xdg = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    if (own && *own) {
        return cli_format("%s/models", own);
    }
    if (xdg && *xdg) {
        return cli_format("%s/forkreel/models", xdg);
    }
    return cli_format("%s/.cache/forkreel/models", home && *home ? home : ".");
}

static int is_gguf(const struct dirent *entry)
{
    const size_t n = strlen(entry->d_name);
    return n > 5 && strcasecmp(entry->d_name + n - 5, ".gguf") == 0;
}

static void lm_show_json(struct lm_list *list, const char *path,
                         const struct reel_lm_info *info)
{
    json_array_append_new(
        list->json,
        cli_need(json_pack("{s:o, s:o, s:o, s:o, s:I, s:i, s:i, s:i, s:i, s:b, s:I}",
                           "path", cli_json_text(path), "name", cli_json_text(info->name),
                           "architecture", cli_json_text(info->architecture), "file_type",
                           cli_json_text(info->file_type), "n_parameters",
                           (json_int_t)info->n_parameters, "n_context", info->n_context,
                           "n_vocabulary", info->n_vocabulary, "n_embedding",
                           info->n_embedding, "n_layers", info->n_layers,
                           "has_chat_template", (int)info->has_chat_template,
                           "file_bytes", (json_int_t)info->file_bytes)));
}

static void lm_show_line(struct lm_list *list, const char *path,
                         const struct reel_lm_info *info)
{
    struct cli_table *table = &list->table;
    cli_table_line(table);
    cli_table_text(table, info->name[0] ? info->name : strrchr(path, '/') + 1);
    cli_table_text(table, info->architecture);
    cli_table_cell(table, "%.0f M", (double)info->n_parameters / 1e6);
    cli_table_text(table, info->file_type);
    cli_table_cell(table, "%d", info->n_context);
    cli_table_cell(table, "%d", info->n_vocabulary);
    cli_table_cell(table, "%.0f MB", (double)info->file_bytes / 1e6);
    cli_table_text(table, path);
}

/** A damaged file is told on standard error; the others are still listed. */
static void lm_list_file(struct lm_list *list, const char *path)
{
    struct reel_lm_info info;
    struct reel_error err;
    if (reel_lm_info_read(path, &info, &err) != REEL_OK) {
        cli_say(list->cli, "%s", err.text);
        return;
    }
    list->n_models++;
    if (list->cli->is_json) {
        lm_show_json(list, path, &info);
    } else {
        lm_show_line(list, path, &info);
    }
}

static void lm_list_folder(struct lm_list *list, const char *folder)
{
    struct dirent **entry = NULL;
    const int n = scandir(folder, &entry, is_gguf, alphasort); // -1: no such folder
    for (int i = 0; i < n; i++) {
        char *path = cli_format("%s/%s", folder, entry[i]->d_name);
        lm_list_file(list, path);
        free(path);
        free(entry[i]);
    }
    free(entry);
}

static enum cli_exit lm_list_all(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"model", CLI_SHRINK},    {"architecture", CLI_LEFT}, {"parameters", CLI_RIGHT},
        {"weights", CLI_LEFT},    {"context", CLI_RIGHT},     {"vocabulary", CLI_RIGHT},
        {"file size", CLI_RIGHT}, {"file", CLI_SHRINK},
    };
    struct lm_list list = {.cli = cli};
    char *home = cli_home_path(cli, "models"), *cache = lm_cache_folder();
    if (cli->is_json) {
        list.json = cli_need(json_array());
    } else {
        cli_table_init(&list.table, columns, sizeof columns / sizeof *columns);
    }
    lm_list_folder(&list, home);
    if (strcmp(home, cache) != 0) {
        lm_list_folder(&list, cache);
    }
    enum cli_exit status = CLI_DONE;
    if (cli->is_json) {
        status = cli_json_show(list.json);
    } else {
        if (list.n_models > 0) {
            cli_table_show(&list.table);
        } else {
            cli_say(cli, tr("there is no GGUF file in %s or %s"), home, cache);
        }
        cli_table_release(&list.table);
    }
    free(home);
    free(cache);
    return status;
}

static enum cli_exit lm_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {.n_words_min = 1, .n_words_max = 1};
    const char *verb;
    cli_args_parse(cli, &cmd_lm, &args, argc, argv, &verb, NULL);
    if (strcmp(verb, "list") != 0) {
        cli_say(cli, tr("lm knows only 'list', not '%s'"), verb);
        return CLI_USAGE;
    }
    return lm_list_all(cli);
}

const struct cli_command cmd_lm = {
    .name = "lm",
    .usage = "forkreel lm [OPTION...] list",
    .summary = "list the language models on this machine",
    .run = lm_run,
};
