/** `forkreel viewers`: who is known, and how much of each. */
#include "cli_commands.h"
#include "cli_session.h"

#include <math.h>
#include <time.h>

struct viewer_counts {
    int32_t n_seen, n_rated, n_liked;
    int64_t last_s;
};

static struct viewer_counts count(const struct session *s, int32_t v)
{
    const struct reel_csr *seen = &s->history.seen;
    struct viewer_counts counts = {.last_s = REEL_TIME_UNKNOWN};
    for (int64_t e = seen->start[v]; e < seen->start[v + 1]; e++) {
        counts.n_seen += session_is_seen(s, e);
        counts.n_rated += !isnan(seen->value[e]);
        if (s->history.at_s[e] > counts.last_s) {
            counts.last_s = s->history.at_s[e];
        }
    }
    const int64_t *start = s->chosen.chosen.start;
    counts.n_liked = (int32_t)(start[v + 1] - start[v]);
    return counts;
}

/** "1997-12-04", or "" for a time that is not known. */
static void print_day(int64_t at_s, char *text, size_t n_bytes)
{
    struct tm day;
    const time_t at = (time_t)at_s;
    text[0] = 0;
    if (at_s != REEL_TIME_UNKNOWN && gmtime_r(&at, &day)) {
        strftime(text, n_bytes, "%Y-%m-%d", &day);
    }
}

static json_t *viewers_json(const struct session *s)
{
    json_t *list = json_array();
    for (int32_t v = 0; v < s->history.n_viewers; v++) {
        const struct viewer_counts counts = count(s, v);
        char day[32];
        print_day(counts.last_s, day, sizeof day);
        json_array_append_new(list,
                              json_pack("{s:o, s:i, s:i, s:i, s:o}", "viewer",
                                        cli_json_text(s->history.viewer_name[v]), "seen",
                                        counts.n_seen, "rated", counts.n_rated, "liked",
                                        counts.n_liked, "last_event",
                                        cli_json_text(day[0] ? day : NULL)));
    }
    return list;
}

static void print_viewers(const struct session *s)
{
    static const struct cli_column columns[] = {{"VIEWER", CLI_SHRINK},
                                                {"FILMS SEEN", CLI_RIGHT},
                                                {"RATED", CLI_RIGHT},
                                                {"LIKED", CLI_RIGHT},
                                                {"LAST EVENT", CLI_LEFT}};
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t v = 0; v < s->history.n_viewers; v++) {
        const struct viewer_counts counts = count(s, v);
        char day[32];
        print_day(counts.last_s, day, sizeof day);
        cli_table_line(&table);
        cli_table_text(&table, s->history.viewer_name[v]);
        cli_table_cell(&table, "%d", counts.n_seen);
        cli_table_cell(&table, "%d", counts.n_rated);
        cli_table_cell(&table, "%d", counts.n_liked);
        cli_table_text(&table, day);
    }
    cli_table_show(&table);
    cli_table_release(&table);
}

static enum cli_exit viewers_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {0};
    cli_args_parse(cli, &cmd_viewers, &args, argc, argv, NULL, NULL);

    struct reel_error err;
    struct session s;
    enum reel_status rc = session_open(cli, &s, 0, &err);
    rc = rc ? rc : session_load(&s, 0, &err);
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status = cli_fail(cli, &err);
    } else if (cli->is_json) {
        status = cli_json_show(viewers_json(&s));
    } else if (s.history.n_viewers) {
        print_viewers(&s);
    } else {
        cli_say(cli, "%s", tr("there is no viewer yet"));
    }
    session_close(&s);
    return status;
}

const struct cli_command cmd_viewers = {
    .name = "viewers",
    .usage = "forkreel viewers [OPTION...]",
    .summary = "who is known, and how much of each",
    .run = viewers_run,
};
