/** `forkreel fork`: grow a film's plot, or a premise of one's own, into a tree.
 */
#include "cli_commands.h"
#include "cli_feedback.h"
#include "cli_list.h"
#include "cli_story.h"
#include "cli_taste.h"

#include <forkreel/branch.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_WORDS = 16, N_EVENTS_MAX = 32, PREMISE_BYTES_MAX = 1 << 22 };

enum {
    KEY_BRANCHES = 1,
    KEY_DEPTH,
    KEY_GENRE,
    KEY_TONE,
    KEY_ENDING,
    KEY_MUST,
    KEY_MUST_NOT,
    KEY_METHOD,
    KEY_CANDIDATES,
    KEY_SEED,
    KEY_DIVERSITY,
    KEY_MAX_AGE,
    KEY_KEY_FILE,
    KEY_CONTEXT,
};

struct fork_words {
    struct reel_fork_options fork;
    struct cli_names must, must_not;
    const char *model, *key_file, *out;
    struct reel_context context;
};

static const char *const methods[] = {"mix", "data", "text", "graph", "plain", NULL};
static const char *const tones[] = {"dark", "light", "tense", "tender", "wry", NULL};
static const char *const endings[] = {"happy", "bittersweet", "tragic", "open", NULL};

static const struct argp_option options[] = {
    {"viewer", 'v', "NAME", 0, "for whom: branches are scored by their taste", 0},
    {"branches", KEY_BRANCHES, "N", 0, "choices after each scene; default 3", 0},
    {"depth", KEY_DEPTH, "N", 0, "scenes from the opening to the end; default 3", 0},
    {"genre", KEY_GENRE, "GENRE", 0, "another genre than the film's: Comedy, Horror, ...",
     0},
    {"tone", KEY_TONE, "TONE", 0, "dark, light, tense, tender or wry", 0},
    {"ending", KEY_ENDING, "KIND", 0, "happy, bittersweet, tragic or open", 0},
    {"must", KEY_MUST, "EVENT", 0, "an event that must happen; repeatable", 0},
    {"must-not", KEY_MUST_NOT, "EVENT", 0, "an event that must not happen; repeatable",
     0},
    {"method", KEY_METHOD, "METHOD", 0,
     "mix (default), data, text, graph, or plain to compare with", 0},
    {"candidates", KEY_CANDIDATES, "N", 0, "texts tried for each scene; default 8", 0},
    {"model", 'm', "MODEL", 0,
     "language model: a GGUF file, a server (http://...), or none", 0},
    {"key-file", KEY_KEY_FILE, "FILE", 0, "its first line is the API key of a server", 0},
    {"seed", KEY_SEED, "N", 0, "of all randomness; default 42", 0},
    {"diversity", KEY_DIVERSITY, "X", 0,
     "0: the best alone, to 1: choices as different as can be", 0},
    {"max-age", KEY_MAX_AGE, "N", 0, "only what suits a viewer of N years", 0},
    {"context", KEY_CONTEXT, "K=V,...", 0,
     "the situation: company=children,mood=calm,...", 0},
    {"out", 'o', "FILE", 0, "keep the story there instead of in the home", 0},
    {0},
};

/** The word itself if it is one of `known`, else wrong usage. */
static const char *one_of(struct argp_state *state, const char *what, const char *arg,
                          const char *const *known)
{
    for (int i = 0; known[i]; i++) {
        if (!strcmp(known[i], arg)) {
            return known[i];
        }
    }
    char *names = cli_format("%s", known[0]);
    for (int i = 1; known[i]; i++) {
        char *longer = cli_format("%s, %s", names, known[i]);
        free(names);
        names = longer;
    }
    argp_error(state, tr("%s is one of %s, not '%s'"), what, names, arg);
    return NULL; // argp_error does not come back
}

static enum reel_method method_of(struct argp_state *state, const char *arg)
{
    const char *name = one_of(state, "--method", arg, methods);
    enum reel_method method = REEL_METHOD_MIX;
    while (methods[method] != name) {
        method++;
    }
    return method;
}

static void add_event(struct argp_state *state, struct cli_names *names, const char *arg)
{
    cli_names_add(names, arg);
    if (names->n > N_EVENTS_MAX) {
        argp_error(state, tr("at most %d events"), N_EVENTS_MAX);
    }
}

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct fork_words *words = state->input;
    struct reel_fork_options *fork = &words->fork;
    switch (key) {
    case 'v':
        if (!*arg) {
            argp_error(state, "%s", tr("--viewer needs a name"));
        }
        fork->viewer = arg;
        return 0;
    case KEY_BRANCHES:
        fork->n_branches = cli_arg_int(state, "--branches", arg, 1, 12);
        return 0;
    case KEY_DEPTH:
        fork->depth = cli_arg_int(state, "--depth", arg, 1, 12);
        return 0;
    case KEY_GENRE:
        fork->genre = arg;
        return 0;
    case KEY_TONE:
        fork->tone = one_of(state, "--tone", arg, tones);
        return 0;
    case KEY_ENDING:
        fork->ending = one_of(state, "--ending", arg, endings);
        return 0;
    case KEY_MUST:
        add_event(state, &words->must, arg);
        return 0;
    case KEY_MUST_NOT:
        add_event(state, &words->must_not, arg);
        return 0;
    case KEY_METHOD:
        fork->method = method_of(state, arg);
        return 0;
    case KEY_CANDIDATES:
        fork->n_candidates = cli_arg_int(state, "--candidates", arg, 1, 64);
        return 0;
    case 'm':
        words->model = arg;
        return 0;
    case KEY_KEY_FILE:
        words->key_file = arg;
        return 0;
    case KEY_SEED:
        fork->seed = (uint64_t)cli_arg_int(state, "--seed", arg, 0, INT32_MAX);
        return 0;
    case KEY_DIVERSITY:
        fork->diversity = cli_arg_real(state, "--diversity", arg, 0, 1);
        return 0;
    case KEY_MAX_AGE:
        fork->max_age = cli_arg_int(state, "--max-age", arg, 0, 120);
        return 0;
    case KEY_CONTEXT:
        feedback_context_arg(state, arg, &words->context);
        return 0;
    case 'o':
        words->out = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/** "Events for --must: betrayal 背叛, ..." a line each three. */
static char *events_help(const struct cli *cli)
{
    char *text = NULL;
    size_t n_bytes;
    int32_t n;
    const struct reel_event_type *types = reel_event_types(&n);
    FILE *out = cli_need(open_memstream(&text, &n_bytes));
    fprintf(out, "%s\n", tr("Events for --must and --must-not:"));
    for (int32_t i = 0; i < n; i++) {
        const char *label = story_event_label(cli, types[i].name);
        fprintf(out, "  %-20s %s%*s%s", types[i].name, label,
                i % 2 ? 0 : 26 - cli_width(label), "", i % 2 || i + 1 == n ? "\n" : "");
    }
    fclose(out);
    return cli_need(text);
}

/* ---- what it grows from ---- */

static enum reel_status read_file(const char *path, char **text, struct reel_error *err)
{
    FILE *in = fopen(path, "re");
    if (!in) {
        return cli_error(err, errno == ENOENT ? REEL_ENOTFOUND : REEL_EIO, "%s: %s", path,
                         strerror(errno));
    }
    char *all = cli_need(malloc(PREMISE_BYTES_MAX + 1));
    const size_t n = fread(all, 1, PREMISE_BYTES_MAX + 1, in);
    const bool is_read = !ferror(in) && n <= PREMISE_BYTES_MAX;
    const int reason = ferror(in) ? errno : EFBIG;
    fclose(in);
    if (!is_read) {
        free(all);
        return cli_error(err, REEL_EIO, "%s: %s", path, strerror(reason));
    }
    all[n] = 0;
    if (strlen(all) != n) {
        free(all);
        return cli_error(err, REEL_EFORMAT, tr("%s: this is no text"), path);
    }
    *text = all;
    return REEL_OK;
}

/** A premise of one's own: a JSON document as it is, a text by way of the
 * library. */
static bool is_document(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '{';
}

static enum reel_status premise_of_text(const char *text, const char *language,
                                        struct reel_lm *lm, char **premise,
                                        struct reel_error *err)
{
    char *json = NULL;
    if (is_document(text)) {
        *premise = cli_need(strdup(text));
        return REEL_OK;
    }
    const enum reel_status rc = reel_premise_from_text(text, language, lm, &json, err);
    if (rc == REEL_OK) {
        *premise = cli_need(strdup(json));
        reel_text_free(json);
    }
    return rc;
}

/** One's own words are gone on with in their language, whatever the messages are in. */
static const char *language_of(const char *text, const char *of_messages)
{
    const char *own = is_document(text) ? "" : reel_text_language(text, strlen(text));
    return !strcmp(own, "zh") ? "zh" : !strcmp(own, "en") ? "en" : of_messages;
}

static enum reel_status premise_of_film(struct session *s, const char *film,
                                        int64_t *film_key, char **premise,
                                        struct reel_error *err)
{
    struct reel_film_card card = {0};
    enum reel_status rc = reel_store_film_find(s->store, film, film_key, err);
    rc = rc ? rc : reel_store_film_load(s->store, *film_key, &card, err);
    if (rc == REEL_OK && !card.film.story) {
        rc = cli_error(
            err, REEL_ENOTFOUND,
            tr("no plot of %s is known; 'forkreel import catalogue' brings some, "
               "and @FILE takes your own"),
            session_card_title(s->cli, &card.film));
    }
    if (rc == REEL_OK) {
        *premise = cli_need(strdup(card.film.story));
    }
    reel_film_card_release(&card);
    return rc;
}

/* ---- what was learnt ---- */

struct transitions {
    char **premise;
    int32_t n_premises;
    struct reel_transition *all;
    int32_t n;
};

static enum reel_status keep_premise(int64_t film_key, const char *story, void *payload,
                                     struct reel_error *err)
{
    struct transitions *t = payload;
    (void)film_key, (void)err;
    t->premise =
        cli_need(realloc(t->premise, (size_t)(t->n_premises + 1) * sizeof *t->premise));
    t->premise[t->n_premises++] = cli_need(strdup(story));
    return REEL_OK;
}

static void add_transition(struct transitions *t, const char *from, const char *to,
                           double weight)
{
    t->all = cli_need(realloc(t->all, (size_t)(t->n + 1) * sizeof *t->all));
    t->all[t->n++] =
        (struct reel_transition){cli_need(strdup(from)), cli_need(strdup(to)), weight};
}

static enum reel_status keep_choice(const struct reel_choice *choice, void *payload,
                                    struct reel_error *err)
{
    (void)err;
    add_transition(payload, choice->from, choice->to, 1);
    return REEL_OK;
}

/** From the beats of all films and from what was chosen while playing. */
static enum reel_status transitions_learn(struct session *s, struct transitions *t,
                                          struct reel_error *err)
{
    struct reel_transition *of_films = NULL;
    int32_t n = 0;
    enum reel_status rc = reel_store_stories_each(s->store, keep_premise, t, err);
    rc = rc ? rc
            : reel_transitions_learn((const char *const *)t->premise, t->n_premises,
                                     &of_films, &n, err);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        add_transition(t, of_films[i].from, of_films[i].to, of_films[i].weight);
    }
    reel_transitions_free(of_films, n);
    return rc ? rc : reel_store_choices_each(s->store, NULL, keep_choice, t, err);
}

static void transitions_release(struct transitions *t)
{
    for (int32_t i = 0; i < t->n_premises; i++) {
        free(t->premise[i]);
    }
    for (int32_t i = 0; i < t->n; i++) {
        free((char *)t->all[i].from);
        free((char *)t->all[i].to);
    }
    free(t->premise);
    free(t->all);
}

/* ---- growing ---- */

struct growing {
    struct cli *cli;
    struct fork_words *words;
    struct session session;
    bool has_store;
    struct transitions transitions;
    struct reel_branch_taste *taste;
    struct player player; /* open when somebody is named */
    struct player_scorer scorer;
    struct reel_edits edits; /* what the viewer said */
    struct said_scorer said;
    struct reel_lm *lm;
    char *text;           /* of one's own; NULL of a film */
    const char *language; /* of the story */
    char *premise;
    struct reel_story *story;
    char *path; /* where it was saved */
};

static bool is_in_context(const struct reel_context *context)
{
    char words[REEL_CONTEXT_TEXT_BYTES];
    reel_context_print(context, words);
    return *words;
}

/** Who is there decides what may happen, whether or not a viewer is named. */
static void limit_age(struct fork_words *words)
{
    const char *language[1];
    struct reel_filter filter = {0};
    reel_context_limit(&words->context, language, &filter);
    if (filter.age_max &&
        (words->fork.max_age < 0 || filter.age_max < words->fork.max_age)) {
        words->fork.max_age = filter.age_max;
    }
}

/** The store is there for a film; for a premise of one's own only if it exists
 * anyway. */
static enum reel_status growing_open(struct growing *g, const char *film,
                                     struct reel_error *err)
{
    struct reel_fork_options *fork = &g->words->fork;
    const bool is_own = film[0] == '@';
    enum reel_status rc = is_own ? read_file(film + 1, &g->text, err) : REEL_OK;
    if (rc) {
        return rc;
    }
    g->language = g->text ? language_of(g->text, g->cli->lang) : g->cli->lang;
    rc = session_open(g->cli, &g->session, 0, err);
    g->has_store = rc == REEL_OK;
    if (rc && is_own && !fork->viewer) {
        rc = REEL_OK;
    }
    if (g->has_store && fork->viewer) {
        int64_t viewer_key = 0;
        rc = session_viewer_find(&g->session, fork->viewer, &viewer_key, err);
        rc = rc ? rc
                : session_branch_taste(&g->session, viewer_key, g->language, &g->taste,
                                       err);
        rc =
            rc ? rc : reel_store_edits_load(g->session.store, viewer_key, &g->edits, err);
        rc = rc ? rc
                : player_open(g->cli, g->session.store, fork->viewer, NULL, &g->player,
                              err);
        if (rc == REEL_OK && is_in_context(&g->words->context)) {
            rc = player_situation(&g->player, &g->words->context, err);
        }
        if (rc == REEL_OK) {
            g->scorer =
                (struct player_scorer){.player = &g->player,
                                       .inner = reel_branch_taste_scorer(g->taste),
                                       .tone = fork->tone,
                                       .lang = g->cli->lang};
            g->said = (struct said_scorer){.inner = player_branch_scorer(&g->scorer),
                                           .edits = &g->edits};
            fork->scorer = said_branch_scorer(&g->said);
        }
    }
    rc = rc || !g->has_store ? rc : transitions_learn(&g->session, &g->transitions, err);
    if (rc == REEL_OK && !is_own) { // before a model is loaded for nothing
        rc = premise_of_film(&g->session, film, &fork->film_key, &g->premise, err);
    }
    rc = rc ? rc
            : story_model_open(g->cli, g->words->model, g->words->key_file, &g->lm, err);
    return rc || !is_own ? rc
                         : premise_of_text(g->text, g->language, g->lm, &g->premise, err);
}

static enum reel_status grow(struct growing *g, struct reel_error *err)
{
    struct reel_fork_options *fork = &g->words->fork;
    fork->lm = g->lm;
    fork->language = g->language;
    fork->must = (const char *const *)g->words->must.name;
    fork->n_must = g->words->must.n;
    fork->must_not = (const char *const *)g->words->must_not.name;
    fork->n_must_not = g->words->must_not.n;
    fork->transition = g->transitions.all;
    fork->n_transitions = g->transitions.n;
    fork->progress = cli_progress(g->cli);
    enum reel_status rc = reel_fork_film(g->premise, fork, &g->story, err);
    reel_progress_bar_clear(&g->cli->bar);
    if (rc == REEL_OK && !g->words->out) {
        rc = story_folder_make(g->cli, "stories", err);
    }
    if (rc == REEL_OK) {
        g->path = g->words->out ? cli_format("%s", g->words->out)
                                : story_path(g->cli, g->story->id);
        rc = reel_story_save(g->story, g->path, err);
    }
    return rc;
}

/** A model may not know the language, or write nothing that passes. */
static void tell_if_wordless(const struct growing *g)
{
    bool has_words = !g->lm;
    for (int32_t i = 0; i < g->story->n_nodes; i++) {
        has_words = has_words || g->story->node[i].provenance == REEL_BY_MODEL;
    }
    if (!has_words) {
        cli_say(g->cli,
                tr("%s wrote nothing that passed the checks, or does not know the "
                   "language; the planned sentences stand alone"),
                reel_lm_about(g->lm)->name);
    }
}

static enum cli_exit show_grown(const struct growing *g)
{
    const struct reel_story *story = g->story;
    tell_if_wordless(g);
    if (g->cli->is_json) {
        return cli_json_show(json_pack("{s:s, s:s, s:i, s:o}", "id", story->id, "file",
                                       g->path, "nodes", (int)story->n_nodes, "story",
                                       story_json(story)));
    }
    story_print_tree(g->cli, story);
    putchar('\n');
    cli_print(tr("* the best way: 'forkreel play %s --best'"),
              g->words->out ? g->path : story->id);
    cli_print(tr("saved as %s"), g->path);
    return CLI_DONE;
}

static enum cli_exit fork_failed(struct cli *cli, const struct reel_error *err)
{
    if (err->code == REEL_ECANCELLED) {
        reel_progress_bar_clear(&cli->bar);
        cli_say(cli, "%s", tr("stopped; no story was kept"));
        return CLI_INTERRUPTED;
    }
    const enum cli_exit status = cli_fail(cli, err);
    return err->code == REEL_EINVAL ? CLI_USAGE : status;
}

static enum cli_exit fork_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 1, N_WORDS, events_help};
    struct fork_words words = {.fork = reel_fork_options_default(),
                               .context = reel_context_unknown()};
    words.fork.seed = 42; // as every other command
    const char *word[N_WORDS];
    cli_args_parse(cli, &cmd_fork, &args, argc, argv, word, &words);
    limit_age(&words);
    char *film = cli_words_join(word, N_WORDS);
    struct growing g = {.cli = cli, .words = &words};
    struct reel_error err;
    enum reel_status rc = growing_open(&g, film, &err);
    rc = rc ? rc : grow(&g, &err);
    const enum cli_exit status = rc ? fork_failed(cli, &err) : show_grown(&g);
    reel_story_free(g.story);
    reel_lm_close(g.lm);
    player_close(&g.player);
    reel_branch_taste_free(g.taste);
    reel_edits_release(&g.edits);
    transitions_release(&g.transitions);
    if (g.has_store) {
        session_close(&g.session);
    }
    cli_names_release(&words.must);
    cli_names_release(&words.must_not);
    free(g.text);
    free(g.premise);
    free(g.path);
    free(film);
    return status;
}

const struct cli_command cmd_fork = {
    .name = "fork",
    .usage = "forkreel fork [OPTION...] FILM\nforkreel fork [OPTION...] @FILE",
    .summary = "grow a film's plot into branches",
    .run = fork_run,
};
