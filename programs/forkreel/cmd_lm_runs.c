/** `forkreel lm runs`: trainings of language models, their settings and their curves. */
#include "cli_plot.h"
#include "cmd_lm.h"

#include <forkreel/chart.h>
#include <forkreel/lm_runs.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SPARK_WIDTH = 24, N_SERIES_MAX = 8, LABEL_WIDTH = 12, TIME_BYTES = 32 };
#define LOSS "loss/train"
#define LOSS_VALID "loss/validation"

/** As JSON has it. */
static const char *state_word(enum reel_lm_run_state state)
{
    static const char *const words[] = {
        [REEL_LM_RUN_RUNNING] = "running",   [REEL_LM_RUN_DONE] = "done",
        [REEL_LM_RUN_STOPPED] = "stopped",   [REEL_LM_RUN_FAILED] = "failed",
        [REEL_LM_RUN_BROKEN] = "broken off",
    };
    return words[state];
}

/** The same for people. */
static const char *state_text(enum reel_lm_run_state state)
{
    return state == REEL_LM_RUN_RUNNING   ? tr("running")
           : state == REEL_LM_RUN_DONE    ? tr("done")
           : state == REEL_LM_RUN_STOPPED ? tr("stopped")
           : state == REEL_LM_RUN_FAILED  ? tr("failed")
                                          : tr("broken off");
}

/** Local time, as in "2026-11-24 17:05". */
static const char *time_text(int64_t at_s, char text[TIME_BYTES])
{
    struct tm tm;
    const time_t at = (time_t)at_s;
    text[0] = '\0';
    if (localtime_r(&at, &tm)) {
        (void)strftime(text, TIME_BYTES, "%Y-%m-%d %H:%M", &tm);
    }
    return text;
}

/** The curve of a run; false, with what is wrong said, when it cannot be read. */
static bool read_log(struct cli *cli, const char *folder, const char *name,
                     struct reel_lm_run_log *log)
{
    struct reel_error err;
    if (reel_lm_run_read(folder, name, log, &err) != REEL_OK) {
        cli_say(cli, "%s", err.text);
        return false;
    }
    return true;
}

// ---- as JSON ----

static json_t *run_json(const struct reel_lm_run *run)
{
    return cli_need(json_pack(
        "{s:o, s:o, s:o, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "run",
        cli_json_text(run->name), "what", cli_json_text(run->what), "model",
        cli_json_text(*run->model ? run->model : NULL), "state", state_word(run->state),
        "why", cli_json_text(*run->why ? run->why : NULL), "begun_s",
        (json_int_t)run->begun_s, "told_s", (json_int_t)run->told_s, "step",
        (json_int_t)run->step, "n_steps", (json_int_t)run->n_steps, "n_tokens",
        (json_int_t)run->n_tokens, "loss", cli_json_real(run->loss)));
}

static json_t *numbers_json(const double *x, int64_t n)
{
    json_t *array = cli_need(json_array());
    for (int64_t i = 0; i < n; i++) {
        json_array_append_new(array, cli_json_real(x[i]));
    }
    return array;
}

static json_t *log_json(const struct reel_lm_run_log *log)
{
    json_t *root = run_json(&log->run), *settings = cli_need(json_object()),
           *curves = cli_need(json_array()), *texts = cli_need(json_array()),
           *spreads = cli_need(json_array());
    for (int32_t i = 0; i < log->n_settings; i++) {
        json_object_set_new(settings, log->setting[i].name,
                            cli_json_text(log->setting[i].text));
    }
    for (int32_t i = 0; i < log->n_curves; i++) {
        const struct reel_lm_curve *c = &log->curve[i];
        json_array_append_new(curves,
                              cli_need(json_pack("{s:s, s:o, s:o}", "tag", c->tag, "step",
                                                 numbers_json(c->step, c->n), "value",
                                                 numbers_json(c->value, c->n))));
    }
    for (int32_t i = 0; i < log->n_texts; i++) {
        const struct reel_lm_run_text *t = &log->text[i];
        json_array_append_new(texts, cli_need(json_pack("{s:s, s:I, s:o}", "tag", t->tag,
                                                        "step", (json_int_t)t->step,
                                                        "text", cli_json_text(t->text))));
    }
    for (int32_t i = 0; i < log->n_spreads; i++) {
        const struct reel_lm_run_spread *s = &log->spread[i];
        json_array_append_new(
            spreads, cli_need(json_pack(
                         "{s:s, s:I, s:o, s:o, s:o}", "tag", s->tag, "step",
                         (json_int_t)s->step, "low", cli_json_real(s->low), "median",
                         cli_json_real(s->median), "high", cli_json_real(s->high))));
    }
    json_object_set_new(root, "settings", settings);
    json_object_set_new(root, "curves", curves);
    json_object_set_new(root, "texts", texts);
    json_object_set_new(root, "histograms", spreads);
    return root;
}

// ---- as a picture ----

struct picture {
    struct reel_chart_series series[N_SERIES_MAX]; /* borrow names and numbers */
    int32_t n;
};

static void add_series(struct picture *picture, const char *name,
                       enum reel_chart_mark mark, const struct reel_lm_curve *curve)
{
    if (curve && curve->n > 0 && picture->n < N_SERIES_MAX) {
        picture->series[picture->n++] = (struct reel_chart_series){.name = name,
                                                                   .mark = mark,
                                                                   .n = (int32_t)curve->n,
                                                                   .x = curve->step,
                                                                   .y = curve->value};
    }
}

static enum cli_exit write_picture(struct cli *cli, const struct picture *picture,
                                   const char *title, const char *path)
{
    struct reel_error err;
    enum cli_exit status = CLI_DONE;
    const struct reel_chart chart = {.title = title,
                                     .x = {.name = "step"},
                                     .y = {.name = "loss, nats per token"},
                                     .series = picture->series,
                                     .n_series = picture->n};
    if (picture->n == 0) {
        cli_say(cli, tr("there is no curve to draw"));
        status = CLI_BAD_INPUT;
    } else if (reel_chart_write(&chart, path, &err) != REEL_OK) {
        status = cli_fail(cli, &err);
        status = err.code == REEL_EINVAL ? CLI_USAGE : status;
    }
    return status;
}

// ---- one run ----

static void show_settings(const struct reel_lm_run_log *log)
{
    char *line = cli_format("%s", "");
    for (int32_t i = 0; i < log->n_settings; i++) {
        char *longer = cli_format("%s%s%s=%s", line, i > 0 ? "  " : "",
                                  log->setting[i].name, log->setting[i].text);
        free(line);
        line = longer;
    }
    cli_card(LABEL_WIDTH, tr("settings"), line);
    free(line);
}

static void show_head(const struct reel_lm_run_log *log)
{
    const struct reel_lm_run *run = &log->run;
    char begun[TIME_BYTES], told[TIME_BYTES];
    char *times = cli_format(tr("%s to %s"), time_text(run->begun_s, begun),
                             time_text(run->told_s, told));
    char *steps = run->n_steps > 0
                      ? cli_format(tr("%lld of %lld, %lld tokens"), (long long)run->step,
                                   (long long)run->n_steps, (long long)run->n_tokens)
                      : cli_format(tr("%lld, %lld tokens"), (long long)run->step,
                                   (long long)run->n_tokens);
    char *state =
        cli_format("%s%s%s", state_text(run->state), *run->why ? ": " : "", run->why);
    cli_print("%s", run->name);
    cli_card(LABEL_WIDTH, tr("what"), run->what);
    cli_card(LABEL_WIDTH, tr("state"), state);
    cli_card(LABEL_WIDTH, tr("time"), times);
    cli_card(LABEL_WIDTH, tr("steps"), steps);
    cli_card(LABEL_WIDTH, tr("model"), run->model);
    show_settings(log);
    free(times);
    free(steps);
    free(state);
}

static void show_curves(const struct reel_lm_run_log *log)
{
    static const struct cli_column columns[] = {
        {"curve", CLI_LEFT},  {"points", CLI_RIGHT}, {"first", CLI_RIGHT},
        {"least", CLI_RIGHT}, {"last", CLI_RIGHT},   {"shape", CLI_LEFT},
    };
    struct cli_table table;
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < log->n_curves; i++) {
        const struct reel_lm_curve *c = &log->curve[i];
        double least = c->value[0];
        for (int64_t k = 1; k < c->n; k++) {
            least = fmin(least, c->value[k]);
        }
        char *spark = cli_spark(c->value, c->n, SPARK_WIDTH);
        cli_table_line(&table);
        cli_table_text(&table, c->tag);
        cli_table_cell(&table, "%lld", (long long)c->n);
        cli_table_cell(&table, "%.4g", c->value[0]);
        cli_table_cell(&table, "%.4g", least);
        cli_table_cell(&table, "%.4g", c->value[c->n - 1]);
        cli_table_text(&table, spark);
        free(spark);
    }
    if (log->n_curves > 0) {
        cli_table_show(&table);
    }
    cli_table_release(&table);
}

static void show_log(const struct reel_lm_run_log *log)
{
    const struct reel_lm_curve *loss = reel_lm_run_curve(log, LOSS),
                               *valid = reel_lm_run_curve(log, LOSS_VALID);
    struct cli_curve curve[2];
    int n = 0;
    show_head(log);
    if (loss) {
        curve[n++] = (struct cli_curve){
            .name = LOSS, .n = loss->n, .x = loss->step, .y = loss->value};
    }
    if (valid) {
        curve[n++] = (struct cli_curve){.name = LOSS_VALID,
                                        .is_marked = true,
                                        .n = valid->n,
                                        .x = valid->step,
                                        .y = valid->value};
    }
    if (n > 0) {
        cli_print("%s", "");
        cli_plot(curve, n, tr("step"));
        cli_print("%s", "");
    }
    show_curves(log);
    if (log->n_texts > 0) {
        const struct reel_lm_run_text *text = &log->text[log->n_texts - 1];
        char *label = cli_format(tr("%s at step %lld"), text->tag, (long long)text->step);
        cli_print("%s", "");
        cli_print("%s:", label);
        cli_card(2, "", text->text);
        free(label);
    }
}

static enum cli_exit show_one(struct cli *cli, const char *folder,
                              const struct lm_words *words)
{
    struct reel_error err;
    struct reel_lm_run_log log;
    if (reel_lm_run_read(folder, words->word[1], &log, &err) != REEL_OK) {
        return cli_fail(cli, &err);
    }
    enum cli_exit status = CLI_DONE;
    if (words->svg) {
        struct picture picture = {0};
        char *title = cli_format("%s: %s", log.run.what, log.run.name);
        add_series(&picture, LOSS, REEL_MARK_LINE, reel_lm_run_curve(&log, LOSS));
        add_series(&picture, LOSS_VALID, REEL_MARK_LINE_POINTS,
                   reel_lm_run_curve(&log, LOSS_VALID));
        status = write_picture(cli, &picture, title, words->svg);
        free(title);
    }
    if (status == CLI_DONE && cli->is_json) {
        status = cli_json_show(log_json(&log));
    } else if (status == CLI_DONE) {
        show_log(&log);
    }
    reel_lm_run_log_release(&log);
    return status;
}

// ---- all runs ----

static void show_line(struct cli_table *table, const struct reel_lm_run *run,
                      const struct reel_lm_curve *loss, const struct reel_lm_curve *valid)
{
    char begun[TIME_BYTES];
    char *spark = loss ? cli_spark(loss->value, loss->n, SPARK_WIDTH) : NULL;
    cli_table_line(table);
    cli_table_text(table, run->name);
    cli_table_text(table, run->what);
    cli_table_text(table, state_text(run->state));
    cli_table_text(table, time_text(run->begun_s, begun));
    if (run->n_steps > 0) {
        cli_table_cell(table, "%lld/%lld", (long long)run->step, (long long)run->n_steps);
    } else {
        cli_table_cell(table, "%lld", (long long)run->step);
    }
    cli_table_cell(table, "%lld", (long long)run->n_tokens);
    cli_table_real(table, run->loss);
    if (valid) {
        cli_table_real(table, valid->value[valid->n - 1]);
    } else {
        cli_table_text(table, NULL);
    }
    cli_table_text(table, spark);
    free(spark);
}

static enum cli_exit show_all(struct cli *cli, const char *folder,
                              const struct lm_words *words,
                              const struct reel_lm_run_list *list)
{
    static const struct cli_column columns[] = {
        {"run", CLI_LEFT},   {"what", CLI_LEFT},        {"state", CLI_LEFT},
        {"begun", CLI_LEFT}, {"steps", CLI_RIGHT},      {"tokens", CLI_RIGHT},
        {"loss", CLI_RIGHT}, {"validation", CLI_RIGHT}, {"curve", CLI_LEFT},
    };
    struct cli_table table;
    struct picture picture = {0};
    json_t *rows = cli_need(json_array());
    struct reel_lm_run_log *log = cli_need(calloc((size_t)list->n_runs + 1, sizeof *log));
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (int32_t i = 0; i < list->n_runs; i++) {
        const bool is_read = read_log(cli, folder, list->run[i].name, &log[i]);
        const struct reel_lm_curve *loss =
            is_read ? reel_lm_run_curve(&log[i], LOSS) : NULL;
        json_array_append_new(rows, run_json(&list->run[i]));
        show_line(&table, &list->run[i], loss,
                  is_read ? reel_lm_run_curve(&log[i], LOSS_VALID) : NULL);
        add_series(&picture, list->run[i].name, REEL_MARK_LINE, loss);
    }
    enum cli_exit status =
        words->svg ? write_picture(cli, &picture, tr("runs"), words->svg) : CLI_DONE;
    if (status == CLI_DONE && cli->is_json) {
        status = cli_json_show(json_incref(rows));
    } else if (status == CLI_DONE && list->n_runs > 0) {
        cli_table_show(&table);
    } else if (status == CLI_DONE) {
        cli_say(cli, tr("there is no run in %s"), folder);
    }
    for (int32_t i = 0; i < list->n_runs; i++) {
        reel_lm_run_log_release(&log[i]);
    }
    free(log);
    json_decref(rows);
    cli_table_release(&table);
    return status;
}

enum cli_exit lm_runs(struct cli *cli, const struct lm_words *words)
{
    struct reel_error err;
    struct reel_lm_run_list list = {0};
    char *folder = cli_home_path(cli, "runs");
    enum cli_exit status;
    if (words->word[1]) {
        status = show_one(cli, folder, words);
    } else if (reel_lm_runs_list(folder, &list, &err) != REEL_OK) {
        status = cli_fail(cli, &err);
    } else {
        if (list.n_broken > 0) {
            cli_say(cli, tr("%d folders in %s are no runs"), list.n_broken, folder);
        }
        status = show_all(cli, folder, words, &list);
    }
    reel_lm_runs_release(&list);
    free(folder);
    return status;
}
