/**
 * `forkreel rate`, `watch`, `like`, `dislike`, `skip`, `replay`, `choose`: one event of a
 * viewer, kept at once.
 */
#include "cli_commands.h"
#include "cli_feedback.h"
#include "cli_story.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct event_words {
    const char *viewer, *text;
    double share;
    struct reel_context context;
};

enum { KEY_SHARE = 0x100, KEY_CONTEXT, KEY_TEXT };

static const struct argp_option options[] = {
    {"viewer", 'v', "NAME", 0, "who it was; a new name makes a new viewer", 0},
    {"context", KEY_CONTEXT, "K=V,...", 0,
     "the situation: company=children,mood=calm,...", 0},
    {"text", KEY_TEXT, "TEXT", 0, "what they say about it, kept as a review", 0},
    {0}};

static const struct argp_option share_options[] = {
    {"viewer", 'v', "NAME", 0, "who it was; a new name makes a new viewer", 0},
    {"share", KEY_SHARE, "X", 0, "how much was watched, 0 to 1", 0},
    {"context", KEY_CONTEXT, "K=V,...", 0,
     "the situation: company=children,mood=calm,...", 0},
    {"text", KEY_TEXT, "TEXT", 0, "what they say about it, kept as a review", 0},
    {0}};

static const struct argp_option choose_options[] = {
    {"viewer", 'v', "NAME", 0, "who it was; a new name makes a new viewer", 0},
    {"context", KEY_CONTEXT, "K=V,...", 0,
     "the situation: company=children,mood=calm,...", 0},
    {0}};

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct event_words *words = state->input;
    switch (key) {
    case 'v':
        if (!*arg) {
            argp_error(state, "%s", tr("--viewer needs a name"));
        }
        words->viewer = arg;
        return 0;
    case KEY_SHARE:
        words->share = cli_arg_real(state, "--share", arg, 0, 1);
        return 0;
    case KEY_CONTEXT:
        feedback_context_arg(state, arg, &words->context);
        return 0;
    case KEY_TEXT:
        if (!arg[strspn(arg, " \t\r\n")]) {
            argp_error(state, "%s", tr("--text needs words"));
        }
        words->text = arg;
        return 0;
    case ARGP_KEY_END:
        if (!words->viewer) {
            argp_error(state, "%s", tr("--viewer is needed"));
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char *const kind_names[] = {
    [REEL_EVENT_RATE] = "rate",     [REEL_EVENT_WATCH] = "watch",
    [REEL_EVENT_LIKE] = "like",     [REEL_EVENT_DISLIKE] = "dislike",
    [REEL_EVENT_SKIP] = "skip",     [REEL_EVENT_REPLAY] = "replay",
    [REEL_EVENT_CHOOSE] = "choose",
};

/** The sentence that confirms an event. */
static void print_event(const struct reel_event *event, const char *film)
{
    switch (event->kind) {
    case REEL_EVENT_RATE:
        cli_print(tr("%s gave %s %g stars"), event->viewer, film, event->value);
        return;
    case REEL_EVENT_WATCH:
        cli_print(tr("%s watched %s"), event->viewer, film);
        return;
    case REEL_EVENT_LIKE:
        cli_print(tr("%s likes %s"), event->viewer, film);
        return;
    case REEL_EVENT_SKIP:
        cli_print(tr("%s passed over %s"), event->viewer, film);
        return;
    case REEL_EVENT_REPLAY:
        cli_print(tr("%s watched %s again"), event->viewer, film);
        return;
    default:
        cli_print(tr("%s dislikes %s"), event->viewer, film);
    }
}

static enum cli_exit show_event(struct session *s, int64_t key,
                                const struct reel_event *event, const char *text,
                                struct reel_error *err)
{
    struct reel_film_card card;
    if (reel_store_film_load(s->store, key, &card, err)) {
        return cli_fail(s->cli, err);
    }
    const struct reel_film_ref *ref = &card.film.ref;
    enum cli_exit status = CLI_DONE;
    if (s->cli->is_json) {
        status = cli_json_show(
            json_pack("{s:o, s:s, s:I, s:o, s:o, s:o, s:I, s:o, s:o}", "viewer",
                      cli_json_text(event->viewer), "event", kind_names[event->kind],
                      "film", (json_int_t)key, "title", cli_json_text(ref->title), "year",
                      cli_json_year(ref->year), "value", cli_json_real(event->value),
                      "at", (json_int_t)event->at_s, "context",
                      cli_json_text(event->context), "text", cli_json_text(text)));
    } else {
        char *film = session_card_name(s->cli, &card.film);
        print_event(event, film);
        free(film);
    }
    reel_film_card_release(&card);
    return status;
}

/** What was liked after it stood on a list says that the list was good. */
static enum reel_status answer_list(struct session *s, int64_t key,
                                    const struct reel_event *event,
                                    struct reel_error *err)
{
    const double liked = feedback_liked(event->kind, event->value);
    return isnan(liked)
               ? REEL_OK
               : reel_store_shown_film(s->store, event->viewer, key,
                                       event->at_s - FEEDBACK_LIST_S, liked, err);
}

static enum cli_exit keep_event(struct cli *cli, const char *film,
                                struct reel_event *event, const struct event_words *words)
{
    struct reel_error err;
    struct session s;
    int64_t key;
    char context[REEL_CONTEXT_TEXT_BYTES];
    reel_context_print(&words->context, context);
    event->viewer = words->viewer;
    event->at_s = (int64_t)time(NULL);
    event->context = *context ? context : NULL;
    enum reel_status rc = session_open(cli, &s, 0, &err);
    rc = rc ? rc : reel_store_film_find(s.store, film, &key, &err);
    rc = rc ? rc : reel_store_event_add(s.store, key, event, &err);
    if (rc == REEL_OK && words->text) {
        const struct reel_event review = {.kind = REEL_EVENT_REVIEW,
                                          .viewer = words->viewer,
                                          .value = NAN,
                                          .at_s = event->at_s,
                                          .text = words->text};
        rc = reel_store_event_add(s.store, key, &review, &err);
    }
    rc = rc ? rc : answer_list(&s, key, event, &err);
    const enum cli_exit status =
        rc ? cli_fail(cli, &err) : show_event(&s, key, event, words->text, &err);
    event->context = NULL; // its words end here
    session_close(&s);
    return status;
}

static struct event_words words_init(void)
{
    return (struct event_words){.share = NAN, .context = reel_context_unknown()};
}

static enum cli_exit rate_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 2, 2, NULL};
    struct event_words words = words_init();
    const char *word[2];
    cli_args_parse(cli, &cmd_rate, &args, argc, argv, word, &words);
    char *end;
    const double stars = strtod(word[1], &end);
    if (end == word[1] || *end || !(stars >= 0.5 && stars <= 5)) {
        cli_say(cli, tr("STARS are a number from 0.5 to 5, not '%s'"), word[1]);
        return CLI_USAGE;
    }
    struct reel_event event = {.kind = REEL_EVENT_RATE, .value = stars};
    return keep_event(cli, word[0], &event, &words);
}

/** The events that have no word beside the film. */
static enum cli_exit event_run(struct cli *cli, const struct cli_command *command,
                               enum reel_event_kind kind, int argc, char **argv)
{
    const bool has_share = kind == REEL_EVENT_WATCH || kind == REEL_EVENT_SKIP;
    const struct cli_args args = {has_share ? share_options : options, option, 1, 1,
                                  NULL};
    struct event_words words = words_init();
    const char *film;
    cli_args_parse(cli, command, &args, argc, argv, &film, &words);
    struct reel_event event = {.kind = kind, .value = words.share};
    return keep_event(cli, film, &event, &words);
}

static enum cli_exit watch_run(struct cli *cli, int argc, char **argv)
{
    return event_run(cli, &cmd_watch, REEL_EVENT_WATCH, argc, argv);
}

static enum cli_exit like_run(struct cli *cli, int argc, char **argv)
{
    return event_run(cli, &cmd_like, REEL_EVENT_LIKE, argc, argv);
}

static enum cli_exit dislike_run(struct cli *cli, int argc, char **argv)
{
    return event_run(cli, &cmd_dislike, REEL_EVENT_DISLIKE, argc, argv);
}

static enum cli_exit skip_run(struct cli *cli, int argc, char **argv)
{
    return event_run(cli, &cmd_skip, REEL_EVENT_SKIP, argc, argv);
}

static enum cli_exit replay_run(struct cli *cli, int argc, char **argv)
{
    return event_run(cli, &cmd_replay, REEL_EVENT_REPLAY, argc, argv);
}

/* ---- a branch ---- */

/** A node's place among the children of its first parent, shown as `story` lists them. */
static enum reel_status choose(struct cli *cli, struct session *s,
                               const struct reel_story *story, int32_t node,
                               const struct event_words *words, struct reel_error *err)
{
    struct player player;
    struct siblings siblings;
    char context[REEL_CONTEXT_TEXT_BYTES];
    const int32_t from = story->node[node].parent[0];
    int32_t i = 0;
    enum reel_status rc = player_open(cli, s->store, words->viewer, NULL, &player, err);
    if (rc) {
        return rc;
    }
    reel_context_print(&words->context, context);
    siblings_make(&player, story, from, false, context, &siblings);
    while (siblings.node[i] != node) {
        i++;
    }
    rc = player_choose(&player, story, from, &siblings, i, context, err);
    siblings_release(&siblings);
    player_close(&player);
    return rc;
}

static enum cli_exit show_choice(struct cli *cli, const struct reel_story *story,
                                 int32_t node, const struct event_words *words)
{
    const struct reel_story_node *chosen = &story->node[node];
    if (cli->is_json) {
        return cli_json_show(json_pack(
            "{s:o, s:s, s:s, s:i, s:o, s:o}", "viewer", cli_json_text(words->viewer),
            "event", "choose", "story", story->id, "node", (int)node, "branch",
            cli_json_text(chosen->event), "choice", cli_json_text(chosen->choice)));
    }
    cli_print(tr("%s chose: %s"), words->viewer, chosen->choice);
    return CLI_DONE;
}

static enum cli_exit choose_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {choose_options, option, 2, 2, NULL};
    struct event_words words = words_init();
    const char *word[2];
    cli_args_parse(cli, &cmd_choose, &args, argc, argv, word, &words);
    char *end;
    const long node = strtol(word[1], &end, 10);
    if (end == word[1] || *end || node < 1 || node > REEL_STORY_MAX_NODES) {
        cli_say(cli, tr("NODE is the number of a scene after the opening, not '%s'"),
                word[1]);
        return CLI_USAGE;
    }
    struct reel_error err;
    struct session s = {0};
    struct reel_story *story = NULL;
    enum reel_status rc = story_open(cli, word[0], &story, &err);
    rc = rc ? rc : story_node_find(story, (int32_t)node, &err);
    rc = rc ? rc : session_open(cli, &s, REEL_STORE_CREATE, &err);
    rc = rc ? rc : choose(cli, &s, story, (int32_t)node, &words, &err);
    const enum cli_exit status =
        rc ? cli_fail(cli, &err) : show_choice(cli, story, (int32_t)node, &words);
    session_close(&s);
    reel_story_free(story);
    return status;
}

const struct cli_command cmd_rate = {
    .name = "rate",
    .usage = "forkreel rate [OPTION...] FILM STARS --viewer NAME",
    .summary = "a viewer gives a film stars, 0.5 to 5",
    .run = rate_run,
};
const struct cli_command cmd_watch = {
    .name = "watch",
    .usage = "forkreel watch [OPTION...] FILM --viewer NAME",
    .summary = "a viewer watched a film",
    .run = watch_run,
};
const struct cli_command cmd_like = {
    .name = "like",
    .usage = "forkreel like [OPTION...] FILM --viewer NAME",
    .summary = "a viewer likes a film",
    .run = like_run,
};
const struct cli_command cmd_dislike = {
    .name = "dislike",
    .usage = "forkreel dislike [OPTION...] FILM --viewer NAME",
    .summary = "a viewer dislikes a film",
    .run = dislike_run,
};
const struct cli_command cmd_skip = {
    .name = "skip",
    .usage = "forkreel skip [OPTION...] FILM --viewer NAME",
    .summary = "a viewer passed over a film, or gave it up",
    .run = skip_run,
};
const struct cli_command cmd_replay = {
    .name = "replay",
    .usage = "forkreel replay [OPTION...] FILM --viewer NAME",
    .summary = "a viewer watched a film again",
    .run = replay_run,
};
const struct cli_command cmd_choose = {
    .name = "choose",
    .usage = "forkreel choose [OPTION...] STORY NODE --viewer NAME",
    .summary = "a viewer chose a branch of a story",
    .run = choose_run,
};
