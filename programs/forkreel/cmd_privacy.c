/**
 * `forkreel privacy`: what is kept of a viewer, given out whole or taken away whole.
 *
 * Of a viewer are kept: rows of the store (store.h, profile.h), stories grown for them, and
 * walks: those that name them and those through their stories. Models hold no names: what
 * they learnt stays until they are trained again, which is told.
 *
 * Erasing takes files first and the store last, so that what was interrupted can be said again.
 */
#include "cli_commands.h"
#include "cli_feedback.h"
#include "cli_story.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct privacy_words {
    const char *word[2];
    const char *out;
    bool is_sure;
};

/** Everything of one viewer: as a document, and the files that are theirs. */
struct kept {
    struct session *s;
    const char *viewer;
    int64_t key;
    json_t *root, *films; /* films by key: what the other parts speak of */
    struct cli_names story_path, walk_path;
};

/* ---- pieces of the document ---- */

/** "2026-11-24T17:05:00Z", null for a time that is not known. */
static json_t *time_json(int64_t at_s)
{
    char text[32];
    struct tm at;
    const time_t time = (time_t)at_s;
    if (at_s == REEL_TIME_UNKNOWN || !gmtime_r(&time, &at) ||
        !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &at)) {
        return json_null();
    }
    return json_string(text);
}

static const char *event_word(enum reel_event_kind kind)
{
    static const char *const word[] = {
        [REEL_EVENT_RATE] = "rate",     [REEL_EVENT_WATCH] = "watch",
        [REEL_EVENT_LIKE] = "like",     [REEL_EVENT_DISLIKE] = "dislike",
        [REEL_EVENT_WISH] = "wish",     [REEL_EVENT_TAG] = "tag",
        [REEL_EVENT_REVIEW] = "review", [REEL_EVENT_SKIP] = "skip",
        [REEL_EVENT_REPLAY] = "replay", [REEL_EVENT_CHOOSE] = "choose",
    };
    return (size_t)kind < sizeof word / sizeof *word && word[kind] ? word[kind] : "other";
}

/** The key; the film itself is told once, in "films". */
static json_t *film_json(struct kept *k, int64_t key)
{
    const struct reel_film_table *films = k->s->films;
    const int32_t row = session_index_of(films->key, films->n_films, key);
    char *name = cli_format("%lld", (long long)key);
    if (row >= 0 && !json_object_get(k->films, name)) {
        json_object_set_new(k->films, name,
                            json_pack("{s:o, s:o, s:o}", "title",
                                      cli_json_text(films->title[row]), "year",
                                      cli_json_year(films->year[row]), "id",
                                      cli_json_text(films->source_id[row])));
    }
    free(name);
    return key > 0 ? json_integer(key) : json_null();
}

/** RFC 4648. */
static json_t *bytes_json(const unsigned char *bytes, size_t n)
{
    static const char digit[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = cli_need(malloc((n + 2) / 3 * 4 + 1)), *to = text;
    for (size_t i = 0; i < n; i += 3) {
        const uint32_t b = i + 1 < n ? bytes[i + 1] : 0, c = i + 2 < n ? bytes[i + 2] : 0;
        const uint32_t three = (uint32_t)bytes[i] << 16 | b << 8 | c;
        *to++ = digit[three >> 18];
        *to++ = digit[three >> 12 & 63];
        *to++ = i + 1 < n ? digit[three >> 6 & 63] : '=';
        *to++ = i + 2 < n ? digit[three & 63] : '=';
    }
    *to = 0;
    json_t *json = cli_need(json_string(text));
    free(text);
    return json;
}

/** The list of that name in the document, made when it is not there. */
static json_t *list_of(struct kept *k, const char *name)
{
    json_t *list = json_object_get(k->root, name);
    if (!list) {
        list = cli_need(json_array());
        json_object_set_new(k->root, name, list);
    }
    return list;
}

static void append(struct kept *k, const char *name, json_t *one)
{
    json_array_append_new(list_of(k, name), cli_need(one));
}

/* ---- rows of the store ---- */

static enum reel_status add_event(const struct reel_kept_event *event, void *payload,
                                  struct reel_error *err)
{
    struct kept *k = payload;
    (void)err;
    append(k, "events",
           json_pack("{s:o, s:s, s:o, s:o}", "film", film_json(k, event->film), "kind",
                     event_word(event->kind), "value", cli_json_real(event->value), "at",
                     time_json(event->at_s)));
    return REEL_OK;
}

static enum reel_status add_note(const struct reel_note *note, void *payload,
                                 struct reel_error *err)
{
    struct kept *k = payload;
    (void)err;
    append(k, "notes",
           json_pack("{s:o, s:s, s:o, s:o}", "film", film_json(k, note->film), "kind",
                     event_word(note->kind), "at", time_json(note->at_s), "text",
                     cli_json_text(note->text)));
    return REEL_OK;
}

static enum reel_status add_situation(const struct reel_situation *situation,
                                      void *payload, struct reel_error *err)
{
    struct kept *k = payload;
    (void)err;
    append(k, "situations",
           json_pack("{s:o, s:s, s:o, s:o}", "film", film_json(k, situation->film),
                     "kind", event_word(situation->kind), "at",
                     time_json(situation->at_s), "context",
                     cli_json_text(situation->context)));
    return REEL_OK;
}

static enum reel_status add_choice(const struct reel_choice *choice, void *payload,
                                   struct reel_error *err)
{
    struct kept *k = payload;
    json_t *shown = cli_need(json_array());
    (void)err;
    for (int32_t i = 0; i < choice->n_shown; i++) {
        json_array_append_new(shown, cli_json_text(choice->shown[i]));
    }
    append(k, "choices",
           json_pack("{s:s, s:o, s:i, s:s, s:s, s:o, s:o}", "story", choice->story,
                     "film", film_json(k, choice->film_key), "node", (int)choice->node,
                     "from", choice->from, "to", choice->to, "shown", shown, "at",
                     time_json(choice->at_s)));
    return REEL_OK;
}

static enum reel_status add_shown(const struct reel_shown *shown, void *payload,
                                  struct reel_error *err)
{
    struct kept *k = payload;
    const bool is_films = shown->kind == REEL_SHOWN_FILMS;
    json_t *items = cli_need(json_array());
    (void)err;
    for (int32_t i = 0; i < shown->n_items; i++) {
        const struct reel_shown_item *item = &shown->item[i];
        json_array_append_new(items,
                              json_pack("{s:o, s:f, s:o}", is_films ? "film" : "node",
                                        is_films ? film_json(k, item->item)
                                                 : json_integer((json_int_t)item->item),
                                        "propensity", item->propensity, "about",
                                        cli_json_text(item->about)));
    }
    append(k, "shown",
           json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "kind",
                     is_films ? "films" : "branches", "policy", shown->policy, "story",
                     cli_json_text(shown->story), "context",
                     cli_json_text(shown->context), "at", time_json(shown->at_s), "items",
                     items, "taken",
                     shown->taken ? json_integer((json_int_t)shown->taken) : json_null(),
                     "reward", cli_json_real(shown->reward)));
    return REEL_OK;
}

static enum reel_status add_trait(const char *name, const char *value, void *payload,
                                  struct reel_error *err)
{
    struct kept *k = payload;
    (void)err;
    append(k, "traits",
           json_pack("{s:o, s:o}", "name", cli_json_text(name), "value",
                     cli_json_text(value)));
    return REEL_OK;
}

static enum reel_status add_state(const char *name, const unsigned char *bytes,
                                  size_t n_bytes, void *payload, struct reel_error *err)
{
    struct kept *k = payload;
    (void)err;
    append(k, "states",
           json_pack("{s:o, s:o}", "name", cli_json_text(name), "base64",
                     bytes_json(bytes, n_bytes)));
    return REEL_OK;
}

static enum reel_status add_profile(struct kept *k, struct reel_error *err)
{
    struct reel_edits edits;
    const enum reel_status rc = reel_store_edits_load(k->s->store, k->key, &edits, err);
    if (rc) {
        return rc;
    }
    for (int32_t e = 0; e < edits.n_edits; e++) {
        append(k, "edits",
               json_pack("{s:s, s:o, s:f}", "kind",
                         reel_edit_kind_name(edits.edit[e].kind), "name",
                         cli_json_text(edits.edit[e].name), "amount",
                         edits.edit[e].amount));
    }
    for (int32_t f = 0; f < edits.n_forgotten; f++) {
        append(k, "forgotten", film_json(k, edits.forgotten[f]));
    }
    reel_edits_release(&edits);
    return REEL_OK;
}

static enum reel_status add_rows(struct kept *k, struct reel_error *err)
{
    struct reel_store *store = k->s->store;
    enum reel_status rc = reel_store_traits_each(store, k->key, add_trait, k, err);
    rc = rc ? rc : reel_store_events_each(store, k->key, add_event, k, err);
    rc = rc ? rc : reel_store_notes_each(store, k->key, add_note, k, err);
    rc = rc ? rc : reel_store_situations_each(store, k->key, add_situation, k, err);
    rc = rc ? rc : reel_store_choices_each(store, k->viewer, add_choice, k, err);
    rc =
        rc ? rc
           : reel_store_shown_each(store, k->viewer, REEL_SHOWN_FILMS, add_shown, k, err);
    rc = rc ? rc
            : reel_store_shown_each(store, k->viewer, REEL_SHOWN_BRANCHES, add_shown, k,
                                    err);
    rc = rc ? rc : add_profile(k, err);
    return rc ? rc : reel_store_states_each(store, k->key, add_state, k, err);
}

/* ---- files of the home ---- */

/** What is no story any more may still be somebody's, so it is told. */
static void add_stories(struct kept *k)
{
    struct story_list list;
    story_list_make(k->s->cli, &list);
    for (int32_t i = 0; i < list.n; i++) {
        struct reel_error err;
        struct reel_story *story;
        if (reel_story_load(list.path[i], &story, &err) != REEL_OK) {
            cli_say(k->s->cli, "%s", err.text);
        } else if (story->viewer && !strcmp(story->viewer, k->viewer)) {
            append(k, "stories", story_json(story));
            k->story_path.name =
                cli_need(realloc(k->story_path.name, ((size_t)k->story_path.n + 1) *
                                                         sizeof *k->story_path.name));
            k->story_path.name[k->story_path.n++] = cli_format("%s", list.path[i]);
        }
        reel_story_free(story);
    }
    story_list_release(&list);
}

static bool is_of_their_story(struct kept *k, const char *id)
{
    json_t *list = list_of(k, "stories");
    for (size_t i = 0; id && i < json_array_size(list); i++) {
        const char *one =
            json_string_value(json_object_get(json_array_get(list, i), "id"));
        if (one && !strcmp(one, id)) {
            return true;
        }
    }
    return false;
}

static int is_json_file(const struct dirent *entry)
{
    const size_t n = strlen(entry->d_name);
    return n > 5 && !strcmp(entry->d_name + n - 5, ".json");
}

static void add_walks(struct kept *k)
{
    char *folder = cli_home_path(k->s->cli, "walks");
    struct dirent **entry = NULL;
    const int n = scandir(folder, &entry, is_json_file, alphasort); // -1: no such folder
    for (int i = 0; i < n; i++) {
        char *path = cli_format("%s/%s", folder, entry[i]->d_name);
        json_t *walk = json_load_file(path, 0, NULL);
        const char *viewer = json_string_value(json_object_get(walk, "viewer"));
        const char *story = json_string_value(json_object_get(walk, "story"));
        if ((viewer && !strcmp(viewer, k->viewer)) || is_of_their_story(k, story)) {
            append(k, "walks", json_incref(walk));
            k->walk_path.name =
                cli_need(realloc(k->walk_path.name, ((size_t)k->walk_path.n + 1) *
                                                        sizeof *k->walk_path.name));
            k->walk_path.name[k->walk_path.n++] = path;
            path = NULL;
        }
        json_decref(walk);
        free(path);
        free(entry[i]);
    }
    free(entry);
    free(folder);
}

static enum reel_status kept_make(struct session *s, const char *viewer, struct kept *k,
                                  struct reel_error *err)
{
    static const char *const list[] = {"traits",  "events",  "notes", "situations",
                                       "choices", "shown",   "edits", "forgotten",
                                       "states",  "stories", "walks"};
    *k = (struct kept){.s = s, .viewer = viewer};
    enum reel_status rc = session_viewer_find(s, viewer, &k->key, err);
    rc = rc ? rc : reel_store_film_table_load(s->store, &s->films, err);
    if (rc) {
        return rc;
    }
    k->films = cli_need(json_object());
    k->root = cli_need(json_pack("{s:i, s:o, s:o, s:o}", "forkreel_viewer", 1, "viewer",
                                 cli_json_text(viewer), "told", time_json(time(NULL)),
                                 "films", k->films));
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        (void)list_of(k, list[i]); // in this order, and empty where nothing is
    }
    rc = add_rows(k, err);
    if (rc == REEL_OK) {
        add_stories(k);
        add_walks(k);
    }
    return rc;
}

static void kept_release(struct kept *k)
{
    json_decref(k->root);
    cli_names_release(&k->story_path);
    cli_names_release(&k->walk_path);
}

static int count_of(struct kept *k, const char *name)
{
    return (int)json_array_size(list_of(k, name));
}

/* ---- export ---- */

/** For the owner's eyes: readable by nobody else, whole or not there. */
static enum reel_status write_document(const json_t *root, const char *path,
                                       struct reel_error *err)
{
    char *path_new = cli_format("%s.new", path);
    const int fd = open(path_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool is_done = fd >= 0 && json_dumpfd(root, fd, JSON_INDENT(2)) == 0 &&
                   write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    is_done = (fd < 0 || close(fd) == 0) && is_done && rename(path_new, path) == 0;
    const enum reel_status rc =
        is_done ? REEL_OK : cli_error(err, REEL_EIO, "%s: %s", path, strerror(errno));
    if (!is_done) {
        (void)unlink(path_new);
    }
    free(path_new);
    return rc;
}

static enum cli_exit privacy_export(struct session *s, const struct privacy_words *words,
                                    struct reel_error *err)
{
    struct kept k;
    enum cli_exit status = CLI_DONE;
    enum reel_status rc = kept_make(s, words->word[1], &k, err);
    if (rc == REEL_OK && !words->out) {
        status = cli_json_show(json_incref(k.root));
    } else if (rc == REEL_OK) {
        rc = write_document(k.root, words->out, err);
        if (rc == REEL_OK && s->cli->is_json) {
            status =
                cli_json_show(json_pack("{s:s, s:s, s:i}", "viewer", k.viewer, "file",
                                        words->out, "events", count_of(&k, "events")));
        } else if (rc == REEL_OK) {
            cli_say(s->cli, tr("everything of %s is in %s"), k.viewer, words->out);
        }
    }
    kept_release(&k);
    return rc ? cli_fail(s->cli, err) : status;
}

/* ---- erase ---- */

/** A file that is gone already is as good. */
static enum reel_status unlink_all(const struct cli_names *path, struct reel_error *err)
{
    for (int32_t i = 0; i < path->n; i++) {
        if (unlink(path->name[i]) && errno != ENOENT) {
            return cli_error(err, REEL_EIO, "%s: %s", path->name[i], strerror(errno));
        }
    }
    return REEL_OK;
}

/** What was unlinked stays so when the power goes. */
static void sync_folder(const struct cli *cli, const char *name)
{
    char *path = cli_home_path(cli, name);
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
    free(path);
}

static void tell_counts(struct kept *k)
{
    cli_print(tr("of %s are kept: %d events, %d words, %d situations, %d choices, %d "
                 "lists shown, %d edits, %d states"),
              k->viewer, count_of(k, "events"), count_of(k, "notes"),
              count_of(k, "situations"), count_of(k, "choices"), count_of(k, "shown"),
              count_of(k, "edits") + count_of(k, "forgotten"), count_of(k, "states"));
    cli_print(tr("and %d stories grown for them, %d walks through stories"),
              count_of(k, "stories"), count_of(k, "walks"));
}

static bool is_agreed(void)
{
    char *line = NULL;
    size_t room = 0;
    fprintf(stdout, "%s ", tr("erase all of it, for good? (y/n)"));
    fflush(stdout);
    const ssize_t n = getline(&line, &room, stdin);
    const bool is_yes = n > 0 && (line[0] == 'y' || line[0] == 'Y');
    putchar('\n');
    free(line);
    return is_yes;
}

static enum reel_status erase_all(struct kept *k, struct reel_error *err)
{
    const struct cli *cli = k->s->cli;
    enum reel_status rc = unlink_all(&k->walk_path, err);
    rc = rc ? rc : unlink_all(&k->story_path, err);
    if (rc) {
        return rc;
    }
    sync_folder(cli, "walks");
    sync_folder(cli, "stories");
    return reel_store_viewer_erase(k->s->store, k->key, err);
}

static enum cli_exit privacy_erase(struct session *s, const struct privacy_words *words,
                                   struct reel_error *err)
{
    struct kept k;
    struct cli *cli = s->cli;
    enum cli_exit status = CLI_DONE;
    enum reel_status rc = kept_make(s, words->word[1], &k, err);
    if (rc == REEL_OK && !words->is_sure) {
        tell_counts(&k);
        if (!is_agreed()) {
            cli_say(cli, "%s", tr("nothing was erased; --yes asks no questions"));
            kept_release(&k);
            return CLI_FAILED;
        }
    }
    rc = rc ? rc : erase_all(&k, err);
    if (rc == REEL_OK) {
        struct reel_error why;
        if (reel_store_compact(s->store, &why) != REEL_OK) {
            cli_say(cli, tr("%s; traces stay in the file until 'forkreel privacy decay'"),
                    why.text);
        }
        if (cli->is_json) {
            status = cli_json_show(json_pack("{s:s, s:i, s:i, s:i}", "erased", k.viewer,
                                             "events", count_of(&k, "events"), "stories",
                                             count_of(&k, "stories"), "walks",
                                             count_of(&k, "walks")));
        } else {
            cli_print(tr("%s is forgotten; models know no names, and what they learnt "
                         "goes with the next 'forkreel train'"),
                      k.viewer);
        }
    }
    kept_release(&k);
    return rc ? cli_fail(cli, err) : status;
}

/* ---- decay ---- */

static enum cli_exit privacy_decay(struct session *s, const struct privacy_words *words,
                                   struct reel_error *err)
{
    enum { DAY_S = 86400, DAYS_MAX = 100000 };
    struct cli *cli = s->cli;
    char *end;
    errno = 0;
    const long days = strtol(words->word[1], &end, 10);
    if (end == words->word[1] || *end || errno || days < 0 || days > DAYS_MAX) {
        cli_say(cli, tr("%s is a whole number from %d to %d, not '%s'"), "DAYS", 0,
                DAYS_MAX, words->word[1]);
        return CLI_USAGE;
    }
    int64_t n = 0;
    enum reel_status rc = reel_store_shown_decay(
        s->store, (int64_t)time(NULL) - (int64_t)days * DAY_S, &n, err);
    rc = rc ? rc : reel_store_compact(s->store, err);
    if (rc) {
        return cli_fail(cli, err);
    }
    if (cli->is_json) {
        return cli_json_show(json_pack("{s:I}", "dropped", (json_int_t)n));
    }
    cli_print(tr("%lld lists and choices shown before are dropped"), (long long)n);
    return CLI_DONE;
}

/* ---- the command ---- */

enum { KEY_YES = 0x100 };
static const struct argp_option options[] = {
    {"out", 'o', "FILE", 0, "export: write there; default, and -: standard output", 0},
    {"yes", KEY_YES, NULL, 0, "erase: ask no questions", 0},
    {0},
};

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct privacy_words *words = state->input;
    switch (key) {
    case 'o':
        words->out = strcmp(arg, "-") != 0 ? arg : NULL;
        return 0;
    case KEY_YES:
        words->is_sure = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct verb {
    const char *name;
    enum cli_exit (*run)(struct session *s, const struct privacy_words *words,
                         struct reel_error *err);
} verbs[] = {
    {"export", privacy_export}, {"erase", privacy_erase}, {"decay", privacy_decay}};

static enum cli_exit privacy_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 2, 2, NULL};
    struct privacy_words words = {0};
    cli_args_parse(cli, &cmd_privacy, &args, argc, argv, words.word, &words);
    const struct verb *verb = NULL;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        verb = strcmp(verbs[i].name, words.word[0]) ? verb : &verbs[i];
    }
    if (!verb) {
        cli_say(cli, tr("privacy has export, erase and decay, not '%s'"), words.word[0]);
        return CLI_USAGE;
    }
    if ((words.out && verb->run != privacy_export) ||
        (words.is_sure && verb->run != privacy_erase)) {
        cli_say(cli, tr("--%s is not for 'privacy %s'"), words.out ? "out" : "yes",
                verb->name);
        return CLI_USAGE;
    }
    if (cli->is_json && verb->run == privacy_erase && !words.is_sure) {
        cli_say(cli, "%s", tr("--json needs --yes here: it cannot ask"));
        return CLI_USAGE;
    }
    struct reel_error err;
    struct session s;
    const enum cli_exit status = session_open(cli, &s, 0, &err)
                                     ? cli_fail(cli, &err)
                                     : verb->run(&s, &words, &err);
    session_close(&s);
    return status;
}

const struct cli_command cmd_privacy = {
    .name = "privacy",
    .usage = "forkreel privacy [OPTION...] export VIEWER\n"
             "forkreel privacy [OPTION...] erase VIEWER\n"
             "forkreel privacy [OPTION...] decay DAYS",
    .summary = "everything of a viewer, given out or taken away",
    .run = privacy_run,
};
