/** `forkreel dialogue`: what the persons of a scene say. */
#include "cli_commands.h"
#include "cli_story.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_SEED = 1, KEY_KEY_FILE };

struct dialogue_words {
    const char *model, *key_file;
    int32_t n_lines, seed;
};

static const struct argp_option options[] = {
    {"number", 'n', "N", 0, "how many lines; default 6", 0},
    {"model", 'm', "MODEL", 0,
     "language model: a GGUF file, a server (http://...), or none", 0},
    {"key-file", KEY_KEY_FILE, "FILE", 0, "its first line is the API key of a server", 0},
    {"seed", KEY_SEED, "N", 0, "of all randomness; default 42", 0},
    {0},
};

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct dialogue_words *words = state->input;
    switch (key) {
    case 'n':
        words->n_lines = cli_arg_int(state, "--number", arg, 1, 40);
        return 0;
    case 'm':
        words->model = arg;
        return 0;
    case KEY_KEY_FILE:
        words->key_file = arg;
        return 0;
    case KEY_SEED:
        words->seed = cli_arg_int(state, "--seed", arg, 0, INT32_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static enum cli_exit show_lines(struct cli *cli, const struct reel_story *story,
                                const struct reel_dialogue *dialogue)
{
    json_t *json = cli->is_json ? cli_need(json_array()) : NULL;
    int width = 0;
    for (int32_t i = 0; i < dialogue->n_lines; i++) {
        const int wide = cli_width(story->entity[dialogue->line[i].entity].name);
        width = wide > width ? wide : width;
    }
    for (int32_t i = 0; i < dialogue->n_lines; i++) {
        const struct reel_line *line = &dialogue->line[i];
        const char *who = story->entity[line->entity].name;
        if (json) {
            json_array_append_new(
                json, cli_need(json_pack(
                          "{s:s, s:s, s:s, s:s}", "id", story->entity[line->entity].id,
                          "who", who, "text", line->text, "words_by",
                          line->provenance == REEL_BY_MODEL      ? "model"
                          : line->provenance == REEL_BY_TEMPLATE ? "template"
                                                                 : "person")));
        } else {
            char *clean = cli_clean(who);
            cli_card(width, clean, line->text);
            free(clean);
        }
    }
    return json ? cli_json_show(json) : CLI_DONE;
}

static enum cli_exit dialogue_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 2, 2, NULL};
    struct dialogue_words words = {.n_lines = 6, .seed = 42};
    const char *word[2];
    cli_args_parse(cli, &cmd_dialogue, &args, argc, argv, word, &words);
    char *end;
    const long i_node = strtol(word[1], &end, 10);
    if (*end || end == word[1] || i_node < 0 || i_node >= REEL_STORY_MAX_NODES) {
        cli_say(cli, tr("NODE is the number of a scene, not '%s'"), word[1]);
        return CLI_USAGE;
    }
    struct reel_error err;
    struct reel_story *story = NULL;
    struct reel_lm *lm = NULL;
    struct reel_dialogue dialogue = {0};
    enum reel_status rc = story_open(cli, word[0], &story, &err);
    rc = rc ? rc : story_node_find(story, (int32_t)i_node, &err);
    rc = rc ? rc : story_model_open(cli, words.model, words.key_file, &lm, &err);
    rc = rc ? rc
            : reel_dialogue_make(story, (int32_t)i_node, lm, words.n_lines,
                                 (uint64_t)words.seed, &dialogue, &err);
    const enum cli_exit status =
        rc ? cli_fail(cli, &err) : show_lines(cli, story, &dialogue);
    reel_dialogue_release(&dialogue);
    reel_lm_close(lm);
    reel_story_free(story);
    return status;
}

const struct cli_command cmd_dialogue = {
    .name = "dialogue",
    .usage = "forkreel dialogue [OPTION...] STORY NODE",
    .summary = "lines for the persons of a scene",
    .run = dialogue_run,
};
