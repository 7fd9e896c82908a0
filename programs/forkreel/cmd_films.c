/** `forkreel films [QUERY...]`: search by title, person or genre, in English and Chinese. */
#include "cli_commands.h"
#include "cli_session.h"

#include <stdlib.h>
#include <string.h>

enum { N_WORDS = 32 };

static const struct argp_option options[] = {
    {"number", 'n', "N", 0, "at most so many films; default 20", 0}, {0}};

static error_t option(int key, char *arg, struct argp_state *state)
{
    int32_t *n = state->input;
    if (key == 'n') {
        *n = cli_arg_int(state, "-n", arg, 1, 1000000);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
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

static enum cli_exit films_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 0, N_WORDS, NULL};
    int32_t n = 20;
    const char *word[N_WORDS];
    cli_args_parse(cli, &cmd_films, &args, argc, argv, word, &n);
    char *query = cli_words_join(word, N_WORDS);

    struct reel_error err;
    struct session s;
    struct reel_film_hits hits = {0};
    enum reel_status rc = session_open(cli, &s, 0, &err);
    rc = rc ? rc : reel_store_films_search(s.store, query, n, &hits, &err);
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status = cli_fail(cli, &err);
    } else if (cli->is_json) {
        status = cli_json_show(hits_json(&hits));
    } else if (hits.n) {
        print_hits(cli, &hits);
    } else {
        cli_say(cli, tr("no film fits '%s'"), query);
    }
    free(query);
    reel_film_hits_release(&hits);
    session_close(&s);
    return status;
}

const struct cli_command cmd_films = {
    .name = "films",
    .usage = "forkreel films [OPTION...] [QUERY...]",
    .summary = "search films by title, person or genre; without a query list all",
    .run = films_run,
};
