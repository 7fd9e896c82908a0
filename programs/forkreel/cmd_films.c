/**
 * `forkreel films [QUERY...]`: search by title, person or genre, in English and Chinese;
 * `--doubtful` lists pairs that may be one film, `--same` joins two.
 */
#include "cli_commands.h"
#include "cli_session.h"

#include <stdlib.h>
#include <string.h>

enum { N_WORDS = 32 };

struct films_words {
    int32_t n;
    bool is_doubtful, is_same;
};

enum { KEY_DOUBTFUL = 1000, KEY_SAME };

static const struct argp_option options[] = {
    {"number", 'n', "N", 0, "at most so many films; default 20", 0},
    {"doubtful", KEY_DOUBTFUL, NULL, 0, "list pairs that may be one film", 0},
    {"same", KEY_SAME, NULL, 0, "the two films named are one: join them", 0},
    {0}};

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct films_words *words = state->input;
    switch (key) {
    case 'n':
        words->n = cli_arg_int(state, "-n", arg, 1, 1000000);
        return 0;
    case KEY_DOUBTFUL:
        words->is_doubtful = true;
        return 0;
    case KEY_SAME:
        words->is_same = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static json_t *hits_json(const struct reel_film_hits *hits)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < hits->n; i++) {
        const struct reel_film_hit *hit = &hits->hit[i];
        json_array_append_new(
            list,
            json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:i}", "key", (json_int_t)hit->key,
                      "title", cli_json_text(hit->title), "title_zh",
                      cli_json_text(hit->title_zh), "year", cli_json_year(hit->year),
                      "genres", cli_json_text(hit->genres), "people",
                      cli_json_text(hit->people), "events", (int)hit->n_events));
    }
    return list;
}

/** The title of the run's language first, the other one beside it where it differs. */
static void print_titles(struct cli_table *table, const struct reel_film_hit *hit,
                         bool is_chinese)
{
    const char *zh =
        hit->title_zh && strcmp(hit->title_zh, hit->title) ? hit->title_zh : NULL;
    cli_table_text(table, is_chinese && zh ? zh : hit->title);
    cli_table_text(table, zh ? (is_chinese ? hit->title : zh) : NULL);
}

static void print_hits(const struct cli *cli, const struct reel_film_hits *hits)
{
    const bool is_chinese = cli->lang[0] == 'z';
    const struct cli_column columns[] = {
        {"KEY", CLI_RIGHT},
        {"TITLE", CLI_SHRINK},
        {is_chinese ? "OTHER TITLE" : "CHINESE TITLE", CLI_SHRINK},
        {"YEAR", CLI_RIGHT},
        {"GENRES", CLI_SHRINK},
        {"PEOPLE", CLI_SHRINK},
        {"EVENTS", CLI_RIGHT},
    };
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < hits->n; i++) {
        const struct reel_film_hit *hit = &hits->hit[i];
        cli_table_line(&table);
        cli_table_cell(&table, "%lld", (long long)hit->key);
        print_titles(&table, hit, is_chinese);
        cli_table_year(&table, hit->year);
        cli_table_text(&table, hit->genres);
        cli_table_text(&table, hit->people);
        cli_table_cell(&table, "%d", hit->n_events);
    }
    cli_table_show(&table);
    cli_table_release(&table);
}

static enum cli_exit search(struct session *s, const char *query, int32_t n)
{
    struct reel_error err;
    struct reel_film_hits hits = {0};
    enum cli_exit status = CLI_DONE;
    if (reel_store_films_search(s->store, query, n, &hits, &err)) {
        status = cli_fail(s->cli, &err);
    } else if (s->cli->is_json) {
        status = cli_json_show(hits_json(&hits));
    } else if (hits.n) {
        print_hits(s->cli, &hits);
    } else {
        cli_say(s->cli, tr("no film fits '%s'"), query);
    }
    reel_film_hits_release(&hits);
    return status;
}

/* ---- films that may be one ---- */

static void doubt_line(const struct reel_doubt *doubt, void *payload)
{
    struct cli_table *table = payload;
    cli_table_line(table);
    cli_table_cell(table, "%lld", (long long)doubt->other);
    cli_table_text(table, doubt->other_title);
    cli_table_year(table, doubt->other_year);
    cli_table_cell(table, "%lld", (long long)doubt->film);
    cli_table_text(table, doubt->film_title);
    cli_table_year(table, doubt->film_year);
}

static void doubt_json(const struct reel_doubt *doubt, void *payload)
{
    json_array_append_new(
        payload, json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "film",
                           (json_int_t)doubt->film, "other", (json_int_t)doubt->other,
                           "film_title", cli_json_text(doubt->film_title), "other_title",
                           cli_json_text(doubt->other_title), "film_year",
                           cli_json_year(doubt->film_year), "other_year",
                           cli_json_year(doubt->other_year), "reason",
                           cli_json_text(doubt->reason)));
}

static enum cli_exit list_doubts(struct session *s)
{
    static const struct cli_column columns[] = {
        {"KEY", CLI_RIGHT}, {"TITLE", CLI_SHRINK},           {"YEAR", CLI_RIGHT},
        {"KEY", CLI_RIGHT}, {"MAY BE ONE WITH", CLI_SHRINK}, {"YEAR", CLI_RIGHT},
    };
    struct reel_error err;
    enum cli_exit status = CLI_DONE;
    if (s->cli->is_json) {
        json_t *list = json_array();
        if (reel_store_doubts_each(s->store, doubt_json, list, &err)) {
            json_decref(list);
            return cli_fail(s->cli, &err);
        }
        return cli_json_show(list);
    }
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    if (reel_store_doubts_each(s->store, doubt_line, &table, &err)) {
        status = cli_fail(s->cli, &err);
    } else {
        cli_table_show(&table);
    }
    cli_table_release(&table);
    return status;
}

static enum cli_exit join(struct session *s, const char *film, const char *other)
{
    struct reel_error err;
    struct reel_import *import = NULL;
    struct reel_import_report report;
    const struct reel_import_options opt = {.label = "films --same"};
    int64_t key, key_other;
    enum reel_status rc = reel_store_film_find(s->store, film, &key, &err);
    rc = rc ? rc : reel_store_film_find(s->store, other, &key_other, &err);
    rc = rc ? rc : reel_store_import_begin(s->store, &opt, &import, &err);
    rc = rc ? rc : reel_store_import_same(import, key, key_other, &err);
    rc = rc ? rc : reel_store_import_commit(import, &report, &err);
    reel_store_import_free(import);
    if (rc) {
        return cli_fail(s->cli, &err);
    }
    const int64_t kept = key < key_other ? key : key_other;
    cli_say(s->cli, tr("they are one film now, key %lld; train again to count it once"),
            (long long)kept);
    return CLI_DONE;
}

static enum cli_exit films_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 0, N_WORDS, NULL};
    struct films_words words = {.n = 20};
    const char *word[N_WORDS];
    cli_args_parse(cli, &cmd_films, &args, argc, argv, word, &words);
    if (words.is_same && (!word[0] || !word[1] || word[2])) {
        cli_say(cli, "%s",
                tr("films --same takes two films, each in one word or quoted"));
        return CLI_USAGE;
    }
    struct reel_error err;
    struct session s;
    enum cli_exit status;
    if (session_open(cli, &s, 0, &err)) {
        status = cli_fail(cli, &err);
    } else if (words.is_same) {
        status = join(&s, word[0], word[1]);
    } else if (words.is_doubtful) {
        status = list_doubts(&s);
    } else {
        char *query = cli_words_join(word, N_WORDS);
        status = search(&s, query, words.n);
        free(query);
    }
    session_close(&s);
    return status;
}

const struct cli_command cmd_films = {
    .name = "films",
    .usage = "forkreel films [OPTION...] [QUERY...]",
    .summary = "search films by title, person or genre; without a query list all",
    .run = films_run,
};
