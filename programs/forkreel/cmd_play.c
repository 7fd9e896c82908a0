/**
 * `forkreel play`: a story in the terminal. It reads lines, so it can be played through a
 * pipe as well; where the player stands is kept when it ends, whatever ends it.
 */
#include "cli_commands.h"
#include "cli_feedback.h"
#include "cli_story.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KEY_BEST = 1, KEY_CHOICES, KEY_SAVE, KEY_EXPLORE, KEY_POLICY, KEY_CONTEXT };

struct play_words {
    const char *viewer, *choices, *save;
    bool is_best;
    struct reel_bandit_options bandit;
    struct reel_context context;
};

static const struct argp_option options[] = {
    {"viewer", 'v', "NAME", 0, "who plays; choices are remembered and learnt from", 0},
    {"best", KEY_BEST, NULL, 0, "do not ask: follow the best way", 0},
    {"choices", KEY_CHOICES, "N,N,...", 0, "do not ask: take these choices, from 1", 0},
    {"save", KEY_SAVE, "NAME", 0, "keep the place under a name of its own", 0},
    {"explore", KEY_EXPLORE, "X", 0,
     "how often another choice than the best may come first, 0 to 1; default 0.2", 0},
    {"policy", KEY_POLICY, "NAME", 0,
     "which then: thompson (default), or linucb: what might be best of all", 0},
    {"context", KEY_CONTEXT, "K=V,...", 0,
     "the situation: company=children,mood=calm,...", 0},
    {0},
};

static bool is_save_name(const char *name)
{
    return *name && strlen(name) <= 60 && name[0] != '.' && !strchr(name, '/');
}

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct play_words *words = state->input;
    switch (key) {
    case 'v':
        if (!*arg) {
            argp_error(state, "%s", tr("--viewer needs a name"));
        }
        words->viewer = arg;
        return 0;
    case KEY_BEST:
        words->is_best = true;
        return 0;
    case KEY_CHOICES:
        words->choices = arg;
        return 0;
    case KEY_SAVE:
        if (!is_save_name(arg)) {
            argp_error(state, tr("--save takes a short name without '/', not '%s'"), arg);
        }
        words->save = arg;
        return 0;
    case KEY_EXPLORE:
        words->bandit.exploration = cli_arg_real(state, "--explore", arg, 0, 1);
        return 0;
    case KEY_POLICY:
        if (strcmp(arg, "linucb") && strcmp(arg, "thompson")) {
            argp_error(state, tr("--policy is linucb or thompson, not '%s'"), arg);
        }
        words->bandit.policy = arg[0] == 'l' ? REEL_BANDIT_LINUCB : REEL_BANDIT_THOMPSON;
        return 0;
    case KEY_CONTEXT:
        feedback_context_arg(state, arg, &words->context);
        return 0;
    case ARGP_KEY_END:
        if (words->is_best && words->choices) {
            argp_error(state, "%s", tr("--best and --choices exclude each other"));
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

struct play {
    struct cli *cli;
    const struct play_words *words;
    const char *name; /* of the story, as it was asked for */
    const struct reel_story *story;
    struct reel_walk *walk;
    struct session session; /* open when somebody is named */
    struct player player;   /* likewise */
    bool is_recording, is_asking;
    struct siblings siblings; /* the choices of the scene where the walk stands */
    int32_t siblings_of;      /* that scene; -1 none yet */
    char context[REEL_CONTEXT_TEXT_BYTES];
    char *walk_path;
};

/* ---- what is shown ---- */

/** The choices here, made once for each visit; by the bandit when somebody is asked. */
static const struct siblings *choices_here(struct play *p)
{
    const int32_t node = reel_walk_node(p->walk);
    if (p->siblings_of != node) {
        siblings_release(&p->siblings);
        siblings_make(p->is_recording ? &p->player : NULL, p->story, node, p->is_asking,
                      p->context, &p->siblings);
        p->siblings_of = node;
    }
    return &p->siblings;
}

static void show_scene(const struct play *p, const int32_t *child, int32_t n)
{
    const struct reel_story_node *node = &p->story->node[reel_walk_node(p->walk)];
    putchar('\n');
    const char *text = node->text;
    while (*text) { // a paragraph for each line of the text
        const size_t n_line = strcspn(text, "\n");
        char *line = cli_format("%.*s", (int)n_line, text);
        cli_card(0, "", line);
        free(line);
        text += n_line + (text[n_line] == '\n');
    }
    putchar('\n');
    for (int32_t c = 0; c < n; c++) {
        char *number = cli_format("%3d", c + 1);
        cli_card(3, number, p->story->node[child[c]].choice);
        free(number);
    }
    if (node->is_ending) {
        cli_print("  -- %s --", story_ending_word(node->ending));
    } else if (n == 0) {
        cli_print("  -- %s --", tr("the story goes no further here"));
    }
}

static void show_map(const struct play *p)
{
    int32_t n;
    const int32_t *path = reel_walk_path(p->walk, &n);
    putchar('\n');
    for (int32_t i = 0; i < n; i++) {
        const char *choice = p->story->node[path[i]].choice;
        cli_print("%s %d  %s", i + 1 == n ? "->" : "  ", path[i],
                  choice ? choice : p->story->title);
    }
}

/** What the viewer's choices say of a sibling, and how likely it was to stand first. */
static void show_wish(const struct play *p, int32_t c)
{
    struct reel_error err;
    double mean;
    const struct siblings *s = &p->siblings;
    if (reel_bandit_value(p->player.bandit, s->x + (size_t)c * REEL_ARM_DIMS, 1, &mean,
                          NULL, &err) == REEL_OK) {
        char *first = story_percent(s->propensity[c]);
        cli_print(tr("  %d  your choices speak %+.2f for it; first in %s of cases"),
                  c + 1, mean, first);
        free(first);
    }
    if (p->player.situation) {
        cli_print(tr("  %d  the situation speaks %+.2f for it"), c + 1,
                  player_situation_of(&p->player, p->story->node[s->node[c]].event));
    }
}

/** Why this scene, and how much the viewer would like each of the next. */
static void show_why(const struct play *p, const int32_t *child, int32_t n)
{
    putchar('\n');
    story_print_why(p->cli, &p->story->node[reel_walk_node(p->walk)]);
    putchar('\n');
    for (int32_t c = 0; c < n; c++) {
        const struct reel_story_node *node = &p->story->node[child[c]];
        char *liked = story_percent(node->p_like);
        cli_print(tr("  %d  liked %s, score %.2f"), c + 1, liked, node->score);
        free(liked);
    }
    for (int32_t c = 0; p->is_recording && c < n && n > 1; c++) {
        show_wish(p, c);
    }
}

static void show_keys(void)
{
    puts(tr("a number: choose   b: back   r: from the beginning   m: the way so far\n"
            "w: why this for me   s: save   q: save and leave"));
}

/* ---- what is kept ---- */

static enum reel_status keep_place(const struct play *p, struct reel_error *err)
{
    const enum reel_status rc = story_folder_make(p->cli, "walks", err);
    return rc ? rc : reel_walk_save(p->walk, p->walk_path, err);
}

/** A viewer's pick among what was shown; what cannot be kept is told once. */
static void record(struct play *p, int32_t from, int32_t i_chosen)
{
    struct reel_error err;
    if (p->is_recording && player_choose(&p->player, p->story, from, &p->siblings,
                                         i_chosen, p->context, &err)) {
        cli_say(p->cli, "%s", err.text);
        p->is_recording = false;
    }
}

/** `i_chosen` among the choices here. */
static enum reel_status take(struct play *p, int32_t i_chosen, struct reel_error *err)
{
    const int32_t from = reel_walk_node(p->walk);
    const struct siblings *s = choices_here(p);
    const enum reel_status rc = reel_walk_choose(p->walk, s->node[i_chosen], err);
    if (rc == REEL_OK) {
        record(p, from, i_chosen);
    }
    return rc;
}

/* ---- playing ---- */

/** One line without its end; NULL at the end of input. Free it. */
static char *read_line(bool is_asked)
{
    char *line = NULL;
    size_t room = 0;
    if (is_asked) {
        fputs("\n> ", stdout);
    }
    fflush(stdout);
    ssize_t n = getline(&line, &room, stdin);
    if (n < 0 || cli_stop) {
        free(line);
        return NULL;
    }
    while (n > 0 && strchr(" \t\r\n", line[n - 1])) {
        line[--n] = 0;
    }
    return line;
}

/** Obey one line; false to leave. `*is_shown` is cleared when the scene changes. */
static bool obey(struct play *p, const char *line, bool *is_shown)
{
    struct reel_error err;
    const struct siblings *here = choices_here(p);
    const int32_t n = here->n;
    const char *word = line + strspn(line, " \t");
    char *end;
    const long number = strtol(word, &end, 10);
    *is_shown = true;
    if (end != word && !*end) {
        if (number < 1 || number > n) {
            cli_print(n ? tr("there is no choice %ld here")
                        : tr("no choice %ld: the story ends here"),
                      number);
        } else if (take(p, (int32_t)number - 1, &err)) {
            cli_say(p->cli, "%s", err.text);
        } else {
            *is_shown = false;
        }
    } else if (!strcmp(word, "q")) {
        return false;
    } else if (!strcmp(word, "b")) {
        *is_shown = !reel_walk_back(p->walk);
        if (*is_shown) {
            cli_print("%s", tr("this is the beginning"));
        }
    } else if (!strcmp(word, "r")) {
        while (reel_walk_back(p->walk)) {
        }
        *is_shown = false;
    } else if (!strcmp(word, "m")) {
        show_map(p);
    } else if (!strcmp(word, "w")) {
        show_why(p, here->node, n);
    } else if (!strcmp(word, "s")) {
        if (keep_place(p, &err)) {
            cli_say(p->cli, "%s", err.text);
        } else {
            cli_print("%s", tr("saved"));
        }
    } else {
        show_keys();
    }
    return true;
}

static enum reel_status play_asking(struct play *p, struct reel_error *err)
{
    const bool is_asked = isatty(STDIN_FILENO);
    bool is_shown = false, goes_on = true;
    if (is_asked) {
        show_keys();
    }
    while (goes_on) {
        if (!is_shown) {
            const struct siblings *here = choices_here(p);
            show_scene(p, here->node, here->n);
        }
        char *line = read_line(is_asked);
        goes_on = line && obey(p, line, &is_shown);
        free(line);
    }
    const enum reel_status rc = keep_place(p, err);
    if (rc == REEL_OK) {
        char *again = cli_format("%s%s%s", p->name, p->words->save ? " --save " : "",
                                 p->words->save ? p->words->save : "");
        cli_say(p->cli, tr("your place is kept; 'forkreel play %s' goes on"), again);
        free(again);
    }
    return rc;
}

/** Scene after scene, the choice taken after each; -1 is the end of it. */
static enum reel_status play_step(struct play *p, int32_t i_chosen,
                                  struct reel_error *err)
{
    const struct siblings *here = choices_here(p);
    if (!p->cli->is_json) {
        show_scene(p, here->node, here->n);
        if (i_chosen >= 0) {
            putchar('\n');
            cli_print("> %s", p->story->node[here->node[i_chosen]].choice);
        }
    }
    return i_chosen < 0 ? REEL_OK : take(p, i_chosen, err);
}

static enum reel_status play_best(struct play *p, struct reel_error *err)
{
    const int32_t n_nodes = p->story->n_nodes;
    int32_t *path = cli_need(malloc((size_t)n_nodes * sizeof *path));
    const int32_t n = reel_story_best_path(p->story, path, n_nodes);
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        const struct siblings *here = choices_here(p);
        int32_t chosen = i + 1 < n ? 0 : -1;
        while (chosen >= 0 && here->node[chosen] != path[i + 1]) {
            chosen++;
        }
        rc = play_step(p, chosen, err);
    }
    free(path);
    return rc;
}

static enum reel_status play_choices(struct play *p, struct reel_error *err)
{
    struct cli_names choices = {0};
    enum reel_status rc = REEL_OK;
    cli_names_add(&choices, p->words->choices);
    for (int32_t i = 0; rc == REEL_OK && i < choices.n; i++) {
        const int32_t n = choices_here(p)->n;
        char *end;
        const long number = strtol(choices.name[i], &end, 10);
        rc = *end || number < 1 || number > n
                 ? cli_error(err, REEL_ENOTFOUND,
                             tr("choice %d is '%s'; scene %d has %d choices"), i + 1,
                             choices.name[i], reel_walk_node(p->walk), n)
                 : play_step(p, (int32_t)number - 1, err);
    }
    rc = rc ? rc : play_step(p, -1, err);
    cli_names_release(&choices);
    return rc;
}

static json_t *transcript(const struct play *p)
{
    int32_t n;
    const int32_t *path = reel_walk_path(p->walk, &n);
    json_t *steps = cli_need(json_array());
    for (int32_t i = 0; i < n; i++) {
        json_array_append_new(steps, story_node_json(p->story, path[i]));
    }
    const struct reel_story_node *last = &p->story->node[path[n - 1]];
    return json_pack("{s:s, s:s, s:o, s:b, s:o}", "story", p->story->id, "title",
                     p->story->title, "path", steps, "is_ended", (int)last->is_ending,
                     "ending", cli_json_text(last->ending));
}

/** From where the player was; from the opening when it is played without asking. */
static enum reel_status walk_begin(struct play *p, bool is_asking, struct reel_error *err)
{
    if (!is_asking || access(p->walk_path, F_OK)) {
        return reel_walk_create(p->story, &p->walk, err);
    }
    if (!reel_walk_load(p->story, p->walk_path, &p->walk, err)) {
        cli_say(p->cli, "%s", tr("going on where you were; r begins anew"));
        return REEL_OK;
    }
    cli_say(p->cli, "%s", err->text); // the story may have changed: begin anew
    return reel_walk_create(p->story, &p->walk, err);
}

static enum reel_status play_all(struct play *p, struct reel_error *err)
{
    const bool is_asking = !p->words->is_best && !p->words->choices;
    p->is_asking = is_asking;
    p->walk_path = story_walk_path(p->cli, p->story->id, p->words->save);
    enum reel_status rc = walk_begin(p, is_asking, err);
    rc = rc || !p->words->viewer ? rc
                                 : reel_walk_set_viewer(p->walk, p->words->viewer, err);
    if (rc == REEL_OK && p->words->viewer &&
        !p->words->is_best) { // the best way is nobody's choice
        rc = session_open(p->cli, &p->session, REEL_STORE_CREATE, err);
        rc = rc ? rc
                : player_open(p->cli, p->session.store, p->words->viewer,
                              &p->words->bandit, &p->player, err);
        rc = rc || !*p->context ? rc
                                : player_situation(&p->player, &p->words->context, err);
        p->is_recording = rc == REEL_OK;
    }
    if (rc == REEL_OK && !p->cli->is_json) {
        cli_print("%s", p->story->title);
    }
    rc = rc                  ? rc
         : p->words->is_best ? play_best(p, err)
         : p->words->choices ? play_choices(p, err)
                             : play_asking(p, err);
    if (rc == REEL_OK && !is_asking && p->words->save) {
        rc = keep_place(p, err);
    }
    return rc;
}

static enum cli_exit play_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 1, 1, NULL};
    struct play_words words = {.bandit = reel_bandit_options_default(),
                               .context = reel_context_unknown()};
    const char *name;
    cli_args_parse(cli, &cmd_play, &args, argc, argv, &name, &words);
    if (cli->is_json && !words.is_best && !words.choices) {
        cli_say(cli, "%s", tr("--json needs --best or --choices: it cannot ask"));
        return CLI_USAGE;
    }
    struct reel_error err;
    struct reel_story *story;
    struct play p = {.cli = cli, .words = &words, .name = name, .siblings_of = -1};
    reel_context_print(&words.context, p.context);
    enum reel_status rc = story_open(cli, name, &story, &err);
    p.story = story;
    rc = rc ? rc : play_all(&p, &err);
    const enum cli_exit status = rc             ? cli_fail(cli, &err)
                                 : cli->is_json ? cli_json_show(transcript(&p))
                                                : CLI_DONE;
    siblings_release(&p.siblings);
    player_close(&p.player);
    if (words.viewer && p.session.store) {
        session_close(&p.session);
    }
    reel_walk_free(p.walk);
    free(p.walk_path);
    reel_story_free(story);
    return status;
}

const struct cli_command cmd_play = {
    .name = "play",
    .usage = "forkreel play [OPTION...] STORY",
    .summary = "walk through a story in the terminal",
    .run = play_run,
};
