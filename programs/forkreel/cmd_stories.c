/** `forkreel stories`: what was grown so far, newest first. */
#include "cli_commands.h"
#include "cli_story.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/** "2026-11-24 11:00" in the time of the machine. */
static void time_print(int64_t at_s, char *text, size_t n_bytes)
{
    struct tm at;
    const time_t time = (time_t)at_s;
    if (!localtime_r(&time, &at) || !strftime(text, n_bytes, "%Y-%m-%d %H:%M", &at)) {
        text[0] = 0;
    }
}

static void list_story(struct cli_table *table, json_t *json, const char *path,
                       const struct reel_story *story)
{
    int32_t n_endings = 0;
    for (int32_t i = 0; i < story->n_nodes; i++) {
        n_endings += story->node[i].is_ending;
    }
    if (json) {
        json_array_append_new(
            json,
            cli_need(json_pack(
                "{s:s, s:s, s:o, s:s, s:i, s:i, s:o, s:o, s:I, s:I, s:s}", "id",
                story->id, "title", story->title, "viewer", cli_json_text(story->viewer),
                "language", story->language, "nodes", (int)story->n_nodes, "endings",
                (int)n_endings, "method", cli_json_text(story->method), "model",
                cli_json_text(story->model), "film_key", (json_int_t)story->film_key,
                "created_s", (json_int_t)story->created_s, "file", path)));
        return;
    }
    char at[32];
    time_print(story->created_s, at, sizeof at);
    cli_table_line(table);
    cli_table_text(table, story->id);
    cli_table_text(table, story->title);
    cli_table_text(table, story->viewer);
    cli_table_text(table, story->language);
    cli_table_cell(table, "%d", story->n_nodes);
    cli_table_cell(table, "%d", n_endings);
    cli_table_text(table, story->model);
    cli_table_text(table, at);
}

static enum cli_exit stories_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {0};
    static const struct cli_column columns[] = {
        {"STORY", CLI_LEFT},    {"FILM", CLI_SHRINK},  {"VIEWER", CLI_LEFT},
        {"LANGUAGE", CLI_LEFT}, {"SCENES", CLI_RIGHT}, {"ENDINGS", CLI_RIGHT},
        {"MODEL", CLI_SHRINK},  {"GROWN", CLI_LEFT},
    };
    const char *no_words[1];
    cli_args_parse(cli, &cmd_stories, &args, argc, argv, no_words, NULL);
    struct story_list list;
    struct cli_table table;
    json_t *json = cli->is_json ? cli_need(json_array()) : NULL;
    int32_t n_whole = 0;
    story_list_make(cli, &list);
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < list.n; i++) {
        struct reel_story *story;
        struct reel_error err;
        if (reel_story_load(list.path[i], &story, &err)) { // the others are still listed
            cli_say(cli, "%s", err.text);
            continue;
        }
        list_story(&table, json, list.path[i], story);
        reel_story_free(story);
        n_whole++;
    }
    enum cli_exit status = CLI_DONE;
    if (json) {
        status = cli_json_show(json);
    } else if (n_whole > 0) {
        cli_table_show(&table);
    } else {
        cli_say(cli, "%s", tr("there is no story yet; 'forkreel fork FILM' grows one"));
    }
    cli_table_release(&table);
    story_list_release(&list);
    return status;
}

const struct cli_command cmd_stories = {
    .name = "stories",
    .usage = "forkreel stories [OPTION...]",
    .summary = "list the stories grown so far, newest first",
    .run = stories_run,
};
