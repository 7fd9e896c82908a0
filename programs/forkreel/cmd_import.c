/** `forkreel import FORMAT PATH`: one source into the store, as one transaction. */
#include "cli_commands.h"
#include "cli_session.h"
#include "cli_story.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_NOTES_SHOWN = 20 };
enum { KEY_DRY_RUN = 0x100, KEY_STRICT, KEY_SOURCE, KEY_MAP };

struct import_words {
    struct reel_read_options read;
    struct reel_column_map *map; /* (read.n_map) */
    bool is_dry_run, is_strict;
};

static const struct argp_option options[] = {
    {"viewer", 'v', "NAME", 0, "whose export it is, where the source does not say", 0},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "show what would happen; keep nothing", 0},
    {"strict", KEY_STRICT, NULL, 0, "refuse the whole source when one row is refused", 0},
    {"source", KEY_SOURCE, "NAME", 0, "csv, jsonl: whose film ids these are", 0},
    {"map", KEY_MAP, "COLUMN=FIELD", 0, "csv, jsonl: the column of a field; repeatable",
     0},
    {0}};

static void add_map(struct import_words *words, char *arg, struct argp_state *state)
{
    char *equals = strrchr(arg, '=');
    if (!equals || equals == arg || !equals[1]) {
        argp_error(state, tr("--map is COLUMN=FIELD, not '%s'"), arg);
        return;
    }
    words->map = cli_need(
        reallocarray(words->map, (size_t)words->read.n_map + 1, sizeof *words->map));
    *equals = 0;
    words->map[words->read.n_map++] = (struct reel_column_map){arg, equals + 1};
}

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct import_words *words = state->input;
    switch (key) {
    case 'v':
        words->read.viewer = arg;
        return 0;
    case KEY_DRY_RUN:
        words->is_dry_run = true;
        return 0;
    case KEY_STRICT:
        words->is_strict = true;
        return 0;
    case KEY_SOURCE:
        words->read.source = arg;
        return 0;
    case KEY_MAP:
        add_map(words, arg, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static char *formats_help(const struct cli *cli)
{
    char *text = NULL;
    size_t n_bytes;
    int32_t n;
    (void)cli;
    const struct reel_format *format = reel_catalog_formats(&n);
    FILE *out = cli_need(open_memstream(&text, &n_bytes));
    fprintf(out, "%s\n", tr("Formats:"));
    for (int32_t i = 0; i < n; i++) {
        fprintf(out, "  %-13s %s%s\n", format[i].name, tr(format[i].summary),
                format[i].needs_viewer ? tr(" (needs --viewer)") : "");
    }
    fprintf(
        out, "\n%s\n",
        tr("Fields of csv and jsonl: viewer, film, title, year, rating, timestamp, "
           "watched,\n"
           "liked, tag, review, text, imdb, tmdb, genres, cast, director, keywords."));
    fclose(out);
    return cli_need(text);
}

static const struct reel_format *format_find(const char *name)
{
    int32_t n;
    const struct reel_format *format = reel_catalog_formats(&n);
    for (int32_t i = 0; i < n; i++) {
        if (!strcmp(format[i].name, name)) {
            return &format[i];
        }
    }
    return NULL;
}

/* ---- the report ---- */

static json_t *notes_json(const struct reel_import_note *note, int32_t n)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < n; i++) {
        json_array_append_new(list, json_pack("{s:o, s:I, s:o}", "file",
                                              cli_json_text(note[i].file), "line",
                                              (json_int_t)note[i].line, "text",
                                              cli_json_text(note[i].text)));
    }
    return list;
}

static json_t *report_json(const struct reel_import_report *r, bool is_dry_run)
{
    return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "dry_run",
                     is_dry_run, "accepted", (json_int_t)r->n_accepted, "already_there",
                     (json_int_t)r->n_already_there, "refused", (json_int_t)r->n_refused,
                     "films_new", (json_int_t)r->n_films_new, "films_joined",
                     (json_int_t)r->n_films_joined, "viewers_new",
                     (json_int_t)r->n_viewers_new, "events_new",
                     (json_int_t)r->n_events_new, "doubtful", (json_int_t)r->n_doubtful,
                     "refused_rows", notes_json(r->refused, r->n_refused_kept),
                     "doubtful_joins", notes_json(r->doubtful, r->n_doubtful_kept));
}

static void print_notes(const struct reel_import_note *note, int32_t n_kept, int64_t n)
{
    const int32_t n_shown = n_kept < N_NOTES_SHOWN ? n_kept : N_NOTES_SHOWN;
    for (int32_t i = 0; i < n_shown; i++) {
        if (note[i].line > 0) {
            cli_print("    %s:%lld: %s", note[i].file ? note[i].file : "?",
                      (long long)note[i].line, note[i].text);
        } else {
            cli_print("    %s: %s", note[i].file ? note[i].file : "?", note[i].text);
        }
    }
    if (n > n_shown) {
        cli_print(tr("    and %lld more"), (long long)(n - n_shown));
    }
}

static void print_report(const struct reel_import_report *r, const char *label,
                         bool is_dry_run)
{
    if (is_dry_run) {
        cli_print(tr("%s would bring (nothing was kept):"), label);
    } else {
        cli_print(tr("%s brought:"), label);
    }
    cli_print(tr("  %lld records accepted, %lld already there"), (long long)r->n_accepted,
              (long long)r->n_already_there);
    cli_print(tr("  %lld new films, %lld joined with known ones"),
              (long long)r->n_films_new, (long long)r->n_films_joined);
    cli_print(tr("  %lld new viewers, %lld new events"), (long long)r->n_viewers_new,
              (long long)r->n_events_new);
    if (r->n_refused) {
        cli_print(tr("  %lld refused:"), (long long)r->n_refused);
        print_notes(r->refused, r->n_refused_kept, r->n_refused);
    }
    if (r->n_doubtful) {
        cli_print(tr("  %lld films may be the same as others (kept apart):"),
                  (long long)r->n_doubtful);
        print_notes(r->doubtful, r->n_doubtful_kept, r->n_doubtful);
    }
}

static enum cli_exit show_report(struct cli *cli, const struct reel_import_report *report,
                                 const char *label, bool is_dry_run)
{
    enum cli_exit status = CLI_DONE;
    if (cli->is_json) {
        status = cli_json_show(report_json(report, is_dry_run));
    } else {
        print_report(report, label, is_dry_run);
    }
    if (report->n_refused && report->n_accepted + report->n_already_there == 0) {
        cli_say(cli, "%s", tr("every row was refused"));
        return CLI_BAD_INPUT;
    }
    return status;
}

/* ---- the work ---- */

static enum cli_exit import_into(struct session *s, const char *format, const char *path,
                                 const struct import_words *words)
{
    struct cli *cli = s->cli;
    struct reel_error err;
    struct reel_import *import = NULL;
    struct reel_import_report report;
    char *label = cli_format("%s %s", format, path);
    const struct reel_import_options opt = {
        .label = label, .is_dry_run = words->is_dry_run, .is_strict = words->is_strict};
    enum cli_exit status;
    enum reel_status rc = reel_store_import_begin(s->store, &opt, &import, &err);
    if (rc == REEL_OK) {
        const struct reel_sink sink = reel_store_import_sink(import);
        rc = reel_catalog_read(format, path, &words->read, &sink, &err);
    }
    rc = rc ? rc : reel_store_import_commit(import, &report, &err);
    reel_progress_bar_clear(&cli->bar);
    if (rc == REEL_OK) {
        status = show_report(cli, &report, label, words->is_dry_run);
    } else if (rc == REEL_ECANCELLED) {
        cli_say(cli, "%s", tr("stopped; nothing of this source was kept"));
        status = CLI_INTERRUPTED;
    } else {
        status = cli_fail(cli, &err);
        cli_say(cli, "%s", tr("nothing of this source was kept"));
    }
    reel_store_import_free(import);
    free(label);
    return status;
}

/** The catalogue that came with the program, where a path may be left out; free it. */
static char *own_catalogue(const char *format)
{
    char *folder = strcmp(format, "catalogue") ? NULL : cli_data_folder();
    char *path = folder ? cli_format("%s/catalogue", folder) : NULL;
    free(folder);
    return path;
}

static enum cli_exit import_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 1, 2, formats_help};
    struct import_words words = {.read = reel_read_options_default()};
    const char *word[2];
    cli_args_parse(cli, &cmd_import, &args, argc, argv, word, &words);
    words.read.map = words.map;
    words.read.progress = cli_progress(cli);

    const struct reel_format *format = format_find(word[0]);
    char *own = word[1] ? NULL : own_catalogue(word[0]);
    const char *path = word[1] ? word[1] : own;
    enum cli_exit status = CLI_USAGE;
    if (!format) {
        cli_say(cli, tr("there is no format '%s'; 'forkreel help import' lists them"),
                word[0]);
    } else if (format->needs_viewer && !words.read.viewer) {
        cli_say(cli, tr("%s does not say whose export it is; add --viewer NAME"),
                word[0]);
    } else if (!path) {
        cli_say(cli, tr("import %s needs a path"), word[0]);
    } else if (access(path, R_OK)) {
        cli_say(cli, "%s: %s", path, strerror(errno));
        status = CLI_BAD_INPUT;
    } else {
        struct reel_error err;
        struct session s;
        status = session_open(cli, &s, REEL_STORE_CREATE, &err)
                     ? cli_fail(cli, &err)
                     : import_into(&s, word[0], path, &words);
        session_close(&s);
    }
    free(own);
    free(words.map);
    return status;
}

const struct cli_command cmd_import = {
    .name = "import",
    .usage =
        "forkreel import [OPTION...] FORMAT PATH\nforkreel import [OPTION...] catalogue",
    .summary = "take films and events from a file, a folder or a zip",
    .run = import_run,
};
