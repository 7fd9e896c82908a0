/** `forkreel rate`, `watch`, `like`, `dislike`: one event of a viewer, kept at once. */
#include "cli_commands.h"
#include "cli_session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct event_words {
    const char *viewer;
    double share;
};

enum { KEY_SHARE = 0x100 };

static const struct argp_option options[] = {
    {"viewer", 'v', "NAME", 0, "who it was; a new name makes a new viewer", 0}, {0}};

static const struct argp_option watch_options[] = {
    {"viewer", 'v', "NAME", 0, "who it was; a new name makes a new viewer", 0},
    {"share", KEY_SHARE, "X", 0, "how much was watched, 0 to 1", 0},
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
    [REEL_EVENT_RATE] = "rate",
    [REEL_EVENT_WATCH] = "watch",
    [REEL_EVENT_LIKE] = "like",
    [REEL_EVENT_DISLIKE] = "dislike",
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
    default:
        cli_print(tr("%s dislikes %s"), event->viewer, film);
    }
}

static enum cli_exit show_event(struct session *s, int64_t key,
                                const struct reel_event *event, struct reel_error *err)
{
    struct reel_film_card card;
    if (reel_store_film_load(s->store, key, &card, err)) {
        return cli_fail(s->cli, err);
    }
    const struct reel_film_ref *ref = &card.film.ref;
    enum cli_exit status = CLI_DONE;
    if (s->cli->is_json) {
        status = cli_json_show(json_pack(
            "{s:o, s:s, s:I, s:o, s:o, s:o, s:I}", "viewer", cli_json_text(event->viewer),
            "event", kind_names[event->kind], "film", (json_int_t)key, "title",
            cli_json_text(ref->title), "year", cli_json_year(ref->year), "value",
            cli_json_real(event->value), "at", (json_int_t)event->at_s));
    } else {
        char *film = session_card_name(s->cli, &card.film);
        print_event(event, film);
        free(film);
    }
    reel_film_card_release(&card);
    return status;
}

static enum cli_exit keep_event(struct cli *cli, const char *film,
                                struct reel_event *event)
{
    struct reel_error err;
    struct session s;
    int64_t key;
    event->at_s = (int64_t)time(NULL);
    enum reel_status rc = session_open(cli, &s, 0, &err);
    rc = rc ? rc : reel_store_film_find(s.store, film, &key, &err);
    rc = rc ? rc : reel_store_event_add(s.store, key, event, &err);
    const enum cli_exit status =
        rc ? cli_fail(cli, &err) : show_event(&s, key, event, &err);
    session_close(&s);
    return status;
}

static enum cli_exit rate_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 2, 2, NULL};
    struct event_words words = {0};
    const char *word[2];
    cli_args_parse(cli, &cmd_rate, &args, argc, argv, word, &words);
    char *end;
    const double stars = strtod(word[1], &end);
    if (end == word[1] || *end || !(stars >= 0.5 && stars <= 5)) {
        cli_say(cli, tr("STARS are a number from 0.5 to 5, not '%s'"), word[1]);
        return CLI_USAGE;
    }
    struct reel_event event = {
        .kind = REEL_EVENT_RATE, .viewer = words.viewer, .value = stars};
    return keep_event(cli, word[0], &event);
}

/** The three events that have no number beside the film. */
static enum cli_exit event_run(struct cli *cli, const struct cli_command *command,
                               enum reel_event_kind kind, int argc, char **argv)
{
    const struct cli_args args = {kind == REEL_EVENT_WATCH ? watch_options : options,
                                  option, 1, 1, NULL};
    struct event_words words = {.share = NAN};
    const char *film;
    cli_args_parse(cli, command, &args, argc, argv, &film, &words);
    struct reel_event event = {
        .kind = kind, .viewer = words.viewer, .value = words.share};
    return keep_event(cli, film, &event);
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
