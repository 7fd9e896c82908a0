/** `forkreel welcome VIEWER`: a few questions that teach the most, and a first list. */
#include "cli_commands.h"
#include "cli_list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { N_QUESTIONS_MAX = REEL_WELCOME_QUESTIONS_MAX };

struct welcome_words {
    int32_t n_questions, n_list;
};

static const struct argp_option options[] = {
    {"questions", 'q', "N", 0, "how many films to ask about, 1 to 8; default 8", 0},
    {"number", 'n', "N", 0, "length of the list at the end; default 10", 0},
    {0}};

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct welcome_words *words = state->input;
    switch (key) {
    case 'q':
        words->n_questions = cli_arg_int(state, "--questions", arg, 1, N_QUESTIONS_MAX);
        return 0;
    case 'n':
        words->n_list = cli_arg_int(state, "-n", arg, 1, 100000);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- what is answered ---- */

enum reply { REPLY_ANSWER, REPLY_UNKNOWN, REPLY_LEAVE, REPLY_WRONG };

static bool is_one_of(const char *line, const char *const *word)
{
    for (; *word; word++) {
        if (!strcasecmp(line, *word)) {
            return true;
        }
    }
    return false;
}

/** Stars or a word, in English or Chinese; fills kind and value of the event. */
static enum reply read_reply(const char *line, struct reel_event *event)
{
    static const char *const like[] = {"+", "l", "like", "liked", "喜欢", NULL};
    static const char *const dislike[] = {"-",        "d",      "dislike",
                                          "disliked", "不喜欢", NULL};
    static const char *const unknown[] = {"", "n", "no", "unseen", "没看过", NULL};
    static const char *const seen[] = {"s", "seen", "看过", NULL};
    static const char *const leave[] = {"q", "quit", "退出", NULL};
    if (is_one_of(line, leave)) {
        return REPLY_LEAVE;
    }
    if (is_one_of(line, unknown)) {
        return REPLY_UNKNOWN;
    }
    event->value = NAN;
    event->kind = is_one_of(line, like)      ? REEL_EVENT_LIKE
                  : is_one_of(line, dislike) ? REEL_EVENT_DISLIKE
                  : is_one_of(line, seen)    ? REEL_EVENT_WATCH
                                             : REEL_EVENT_RATE;
    if (event->kind != REEL_EVENT_RATE) {
        return REPLY_ANSWER;
    }
    char *end;
    event->value = strtod(line, &end);
    return end == line || *end || !(event->value >= 0.5 && event->value <= 5)
               ? REPLY_WRONG
               : REPLY_ANSWER;
}

static enum reel_answer_kind answer_of(const struct reel_event *event)
{
    return event->kind == REEL_EVENT_LIKE ||
                   (event->kind == REEL_EVENT_RATE && event->value >= SESSION_MIN_STARS)
               ? REEL_ANSWER_LIKED
               : REEL_ANSWER_SEEN;
}

/* ---- asking ---- */

struct interview {
    struct session *s;
    const char *name;
    const struct welcome_words *words;
    FILE *out;                 /* where questions go: with --json standard error */
    struct list_viewer viewer; /* with room for the questions */
    json_t *answers;
};

/** One line without its end; NULL at the end of the input. Free it. */
static char *read_line(void)
{
    char *line = NULL;
    size_t room = 0;
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

static void show_question(const struct interview *in, int32_t i_question, int32_t film)
{
    const struct reel_film_table *films = in->s->films;
    char *genres = list_genres(films, film);
    char *year = films->year[film] > 0 ? cli_format(" (%d)", films->year[film])
                                       : cli_format("%s", "");
    fprintf(in->out, "%d/%d  ", i_question + 1, in->words->n_questions);
    cli_put(in->out, session_title(in->s, film));
    fprintf(in->out, "%s%s", year, *genres ? " · " : "");
    cli_put(in->out, genres);
    fputs(isatty(STDIN_FILENO) ? "\n> " : "\n", in->out);
    fflush(in->out);
    free(year);
    free(genres);
}

/** Ask until the reply can be read; false: no more questions. */
static bool ask(const struct interview *in, int32_t i_question, int32_t film,
                struct reel_event *event, enum reply *reply)
{
    for (;;) {
        show_question(in, i_question, film);
        char *line = read_line();
        *reply = line ? read_reply(line, event) : REPLY_LEAVE;
        free(line);
        if (*reply != REPLY_WRONG) {
            return *reply != REPLY_LEAVE;
        }
        fprintf(in->out, "%s\n", tr("stars from 0.5 to 5, +, -, s, q, or nothing"));
    }
}

/** All films that are known not to be known, so that none is asked for twice. */
static enum reel_status keep_unknown(const struct interview *in, struct reel_error *err)
{
    const struct list_viewer *viewer = &in->viewer;
    int64_t *key = cli_need(malloc(((size_t)viewer->n_answers + 1) * sizeof *key));
    size_t n = 0;
    for (int32_t a = 0; a < viewer->n_answers; a++) {
        if (viewer->answer[a].kind == REEL_ANSWER_UNKNOWN) {
            key[n++] = in->s->films->key[viewer->answer[a].film];
        }
    }
    const enum reel_status rc =
        reel_store_state_put(in->s->store, in->name, LIST_UNKNOWN_STATE,
                             (const unsigned char *)key, n * sizeof *key, err);
    free(key);
    return rc;
}

/** On disk before the next question. */
static enum reel_status keep_answer(struct interview *in, int32_t film, enum reply reply,
                                    struct reel_event *event, struct reel_error *err)
{
    static const char *const word[] = {[REEL_ANSWER_UNKNOWN] = "not seen",
                                       [REEL_ANSWER_LIKED] = "liked",
                                       [REEL_ANSWER_SEEN] = "seen"};
    const enum reel_answer_kind kind =
        reply == REPLY_UNKNOWN ? REEL_ANSWER_UNKNOWN : answer_of(event);
    in->viewer.answer[in->viewer.n_answers++] = (struct reel_answer){film, kind};
    json_t *answer = list_film_json(in->s, film);
    json_object_set_new(answer, "answer", json_string(word[kind]));
    json_array_append_new(in->answers, answer);
    if (reply == REPLY_UNKNOWN) {
        return keep_unknown(in, err);
    }
    event->viewer = in->name;
    event->at_s = (int64_t)time(NULL);
    return reel_store_event_add(in->s->store, in->s->films->key[film], event, err);
}

static enum reel_status interview_run(struct interview *in,
                                      const struct reel_welcome *welcome,
                                      struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    struct list_viewer *viewer = &in->viewer;
    viewer->answer =
        cli_need(realloc(viewer->answer, ((size_t)viewer->n_answers + N_QUESTIONS_MAX) *
                                             sizeof *viewer->answer));
    for (int32_t q = 0; q < in->words->n_questions && rc == REEL_OK; q++) {
        int32_t film;
        enum reply reply;
        struct reel_event event = {.kind = REEL_EVENT_RATE};
        rc = reel_welcome_next(welcome, viewer->answer, viewer->n_answers, &film, err);
        if (rc || film < 0 || !ask(in, q, film, &event, &reply)) {
            break;
        }
        rc = keep_answer(in, film, reply, &event, err);
    }
    return rc;
}

/* ---- the command ---- */

/** Everybody's history, and where the viewer stands in it. */
static enum reel_status open_all(struct cli *cli, const char *name, struct session *s,
                                 struct list_viewer *viewer,
                                 struct reel_welcome **welcome, struct reel_error *err)
{
    int64_t key = 0;
    struct reel_error other;
    struct reel_welcome_options opt = reel_welcome_options_default();
    enum reel_status rc = session_open(cli, s, 0, err);
    rc = rc ? rc : session_load(s, 0, err);
    if (rc) {
        return rc;
    }
    if (reel_store_viewer_find(s->store, name, &key, &other)) {
        key = 0; // nobody yet
    }
    opt.left_out = session_index_of(s->history.viewer_key, s->history.n_viewers, key);
    list_viewer_make(s, opt.left_out, viewer);
    rc = list_viewer_add_unknown(s, name, viewer, err);
    return rc ? rc
              : reel_welcome_create(&s->history.seen, &s->chosen.chosen, s->mark, &opt,
                                    welcome, err);
}

/** The list as `recommend` gives it from now on. */
static enum cli_exit show_first_list(struct interview *in, struct reel_error *err)
{
    struct cli *cli = in->s->cli;
    struct reel_welcome *welcome = NULL;
    struct list_viewer viewer = {0};
    struct reel_list list = {0};
    struct reel_list_options opt = reel_list_options_default();
    opt.n = in->words->n_list;
    opt.lang = cli->lang;
    opt.with_reasons = true;
    session_close(in->s);
    enum reel_status rc = open_all(cli, in->name, in->s, &viewer, &welcome, err);
    rc = rc ? rc
            : reel_list_make_newcomer(welcome, viewer.answer, viewer.n_answers,
                                      in->s->films, &viewer.state, &opt, &list, err);
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status = cli_fail(cli, err);
    } else if (cli->is_json) {
        json_t *root = list_json(in->s, &list, in->name, "newcomer", true);
        json_object_set(root, "answers", in->answers);
        status = cli_json_show(root);
    } else {
        putchar('\n');
        status = list_show(in->s, &list, in->name, "newcomer", false);
    }
    reel_list_release(&list);
    reel_welcome_free(welcome);
    list_viewer_release(&viewer);
    return status;
}

static enum cli_exit welcome_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 1, 1, NULL};
    struct welcome_words words = {.n_questions = N_QUESTIONS_MAX, .n_list = 10};
    const char *name;
    cli_args_parse(cli, &cmd_welcome, &args, argc, argv, &name, &words);
    struct reel_error err;
    struct session s;
    struct reel_welcome *welcome = NULL;
    struct interview in = {.s = &s,
                           .name = name,
                           .words = &words,
                           .out = cli->is_json ? stderr : stdout,
                           .answers = cli_need(json_array())};
    enum reel_status rc = open_all(cli, name, &s, &in.viewer, &welcome, &err);
    if (rc == REEL_OK) {
        fprintf(in.out, "%s\n",
                tr("How were these films? Stars from 0.5 to 5, + liked, - not liked, "
                   "s seen;\nnothing: not seen; q ends the questions."));
        rc = interview_run(&in, welcome, &err);
    }
    reel_welcome_free(welcome);
    list_viewer_release(&in.viewer);
    const enum cli_exit status = rc ? cli_fail(cli, &err) : show_first_list(&in, &err);
    session_close(&s);
    json_decref(in.answers);
    return status;
}

const struct cli_command cmd_welcome = {
    .name = "welcome",
    .usage = "forkreel welcome [OPTION...] VIEWER",
    .summary = "a few questions for a new viewer, and a first list",
    .run = welcome_run,
};
