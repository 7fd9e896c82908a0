/** `forkreel train`: models on everything that is known, optionally after a search. */
#include "cli_commands.h"
#include "cli_session.h"
#include "cli_taste.h"

#include <stdlib.h>
#include <string.h>

struct train_words {
    struct cli_names models;
    char *settings; /* "a=1,b=2": what --set gave */
    int32_t n_trials;
    uint64_t seed;
};

enum { KEY_SET = 0x100, KEY_TRIALS, KEY_SEED };

static const struct argp_option options[] = {
    {"model", 'm', "NAME,...", 0,
     "which models; default: als, ease, item-knn, user-knn, bpr, popularity", 0},
    {"models", 'm', NULL, OPTION_ALIAS, NULL, 0},
    {"set", KEY_SET, "NAME=VALUE", 0,
     "a setting of the one model that is trained; repeatable", 0},
    {"trials", KEY_TRIALS, "N", 0, "first try N settings on a validation part", 0},
    {"seed", KEY_SEED, "N", 0, "of all randomness; default 42", 0},
    {0}};

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct train_words *words = state->input;
    switch (key) {
    case 'm':
        cli_names_add(&words->models, arg);
        return 0;
    case KEY_SET: {
        char *longer = cli_format("%s%s%s", words->settings ? words->settings : "",
                                  words->settings ? "," : "", arg);
        free(words->settings);
        words->settings = longer;
        return 0;
    }
    case KEY_TRIALS:
        words->n_trials = cli_arg_int(state, "--trials", arg, 1, 100000);
        return 0;
    case KEY_SEED:
        words->seed = (uint64_t)cli_arg_int(state, "--seed", arg, 0, INT32_MAX);
        return 0;
    case ARGP_KEY_END:
        if (words->settings && words->models.n != 1) {
            argp_error(state, "%s", tr("--set needs exactly one --model"));
        }
        if (words->settings && words->n_trials) {
            argp_error(state, "%s", tr("--set and --trials exclude each other"));
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/** What is known while models are trained one after the other. */
struct trainer {
    struct session *s;
    const struct train_words *words;
    struct dataset data;
    struct reel_split split;  /* only for trials */
    struct cli_table *trials; /* may be NULL */
    struct cli_table *models;
    json_t *json_trials, *json_models;
    char *measure;
};

/** Settings by the words, by trials now, by trials of earlier, or as they come. */
static enum reel_status choose_settings(struct trainer *run, const char *name,
                                        struct reel_train_options *opt,
                                        const char **chosen, struct reel_error *err)
{
    const struct train_words *words = run->words;
    char settings[512];
    if (words->settings) {
        *chosen = tr("given");
        return reel_settings_parse(name, words->settings, opt, err);
    }
    if (words->n_trials) {
        double score;
        struct trial_run trial = {.s = run->s,
                                  .model = name,
                                  .data = &run->data,
                                  .split = &run->split,
                                  .measure = run->measure,
                                  .n_trials = words->n_trials,
                                  .table = run->trials,
                                  .json = run->json_trials};
        *chosen = tr("best trial");
        return session_search(&trial, words->seed, opt, &score, err);
    }
    if (session_settings_best(run->s, name, settings, sizeof settings)) {
        *chosen = tr("best trial so far");
        return reel_settings_parse(name, settings, opt, err);
    }
    *chosen = NULL;
    return REEL_OK;
}

static void show_model(struct trainer *run, const struct reel_model *model,
                       const char *chosen, double seconds)
{
    struct cli *cli = run->s->cli;
    const char *name = reel_model_name(model);
    char *path = session_model_path(cli, name);
    cli_table_line(run->models);
    cli_table_text(run->models, name);
    cli_table_cell(run->models, "%.2f", seconds);
    char *settings = session_settings_short(name, reel_model_settings(model));
    cli_table_text(run->models, path);
    cli_table_text(run->models, chosen);
    cli_table_text(run->models, settings);
    free(settings);
    chosen = chosen ? chosen : tr("standard");
    json_array_append_new(run->json_models,
                          json_pack("{s:s, s:o, s:o, s:s, s:o}", "model", name, "seconds",
                                    cli_json_real(seconds), "settings",
                                    cli_json_text(reel_model_settings(model)), "chosen",
                                    chosen, "file", cli_json_text(path)));
    free(path);
}

static enum reel_status train_one(struct trainer *run, const char *name,
                                  struct reel_error *err)
{
    struct cli *cli = run->s->cli;
    struct reel_train_options opt = reel_train_options_default();
    const char *chosen = NULL;
    struct reel_model *model = NULL;
    opt.seed = run->words->seed;
    opt.n_threads = cli->n_threads;
    enum reel_status rc = choose_settings(run, name, &opt, &chosen, err);
    opt.n_threads = cli->n_threads;
    opt.seed = run->words->seed;
    opt.progress = cli_progress(cli);
    const double begin_s = cli_clock_s();
    struct reel_training training =
        dataset_training(run->s, &run->data, &run->data.chosen, run->s->chosen.at_s);
    struct taste_data features = {0};
    if (rc == REEL_OK && taste_data_wanted(name)) {
        // Taste places films that nobody chose, too.
        const bool is_all = strcmp(name, "taste") == 0;
        training = is_all ? taste_training(run->s) : training;
        rc = taste_data_make(run->s, is_all ? NULL : &run->data, NULL, NULL, opt.seed,
                             &features, err);
        taste_data_add(&features, &training);
    }
    rc = rc ? rc : reel_model_train(name, &training, &opt, &model, err);
    taste_data_release(&features);
    const double seconds = cli_clock_s() - begin_s;
    rc = rc ? rc : session_model_save(cli, model, err);
    reel_progress_bar_clear(&cli->bar);
    if (rc == REEL_OK) {
        show_model(run, model, chosen, seconds);
        if (!cli->bar.is_terminal) {
            cli_say(cli, tr("%s trained in %.2f s"), name, seconds);
        }
    }
    reel_model_free(model);
    return rc;
}

static enum cli_exit train_failed(struct cli *cli, const char *name,
                                  const struct reel_error *err)
{
    if (err->code == REEL_ECANCELLED) {
        cli_say(cli, tr("stopped; %s keeps the model it had before"), name);
        return CLI_INTERRUPTED;
    }
    cli_fail(cli, err);
    return err->code == REEL_EINVAL ? CLI_USAGE : CLI_FAILED;
}

static enum cli_exit show_run(struct trainer *run)
{
    struct cli *cli = run->s->cli;
    if (cli->is_json) {
        return cli_json_show(
            json_pack("{s:i, s:i, s:I, s:O, s:O}", "viewers", run->data.n_viewers,
                      "films", run->data.chosen.n_cols, "likes",
                      (json_int_t)run->data.chosen.start[run->data.chosen.n_rows],
                      "models", run->json_models, "trials", run->json_trials));
    }
    if (run->words->n_trials) {
        cli_table_show(run->trials);
        putchar('\n');
    }
    cli_table_show(run->models);
    cli_print(tr("Trained on %lld likes of %d viewers for %d films."),
              (long long)run->data.chosen.start[run->data.chosen.n_rows],
              run->data.n_viewers, run->data.chosen.n_cols);
    return CLI_DONE;
}

static enum cli_exit train_all(struct trainer *run)
{
    struct reel_error err;
    struct session *s = run->s;
    enum reel_status rc = dataset_make(s, &run->data, &err);
    if (rc == REEL_OK && run->words->n_trials) {
        rc = dataset_split(s, &run->data, REEL_SPLIT_RANDOM, run->words->seed,
                           &run->split, &err);
    }
    if (rc) {
        return cli_fail(s->cli, &err);
    }
    const struct cli_names *models = &run->words->models;
    for (int32_t m = 0; m < models->n; m++) {
        if (train_one(run, models->name[m], &err)) {
            return train_failed(s->cli, models->name[m], &err);
        }
    }
    return show_run(run);
}

static enum cli_exit train_session(struct session *s, const struct train_words *words)
{
    // Settings stand last: a long line then wraps at its end and not inside the table.
    static const struct cli_column trial_columns[] = {{"MODEL", CLI_LEFT},
                                                      {"TRIAL", CLI_RIGHT},
                                                      {"NDCG@10", CLI_RIGHT},
                                                      {"SECONDS", CLI_RIGHT},
                                                      {"SETTINGS", CLI_LEFT}};
    static const struct cli_column model_columns[] = {{"MODEL", CLI_LEFT},
                                                      {"SECONDS", CLI_RIGHT},
                                                      {"FILE", CLI_LEFT},
                                                      {"CHOSEN", CLI_LEFT},
                                                      {"SETTINGS", CLI_LEFT}};
    struct cli_table trials, models;
    cli_table_init(&trials, trial_columns, sizeof trial_columns / sizeof *trial_columns);
    cli_table_init(&models, model_columns, sizeof model_columns / sizeof *model_columns);
    struct trainer run = {.s = s,
                          .words = words,
                          .trials = &trials,
                          .models = &models,
                          .json_trials = json_array(),
                          .json_models = json_array(),
                          .measure = session_measure_name("random", words->seed)};
    const enum cli_exit status = train_all(&run);
    free(run.measure);
    json_decref(run.json_models);
    json_decref(run.json_trials);
    cli_table_release(&models);
    cli_table_release(&trials);
    reel_split_release(&run.split);
    dataset_release(&run.data);
    return status;
}

static enum cli_exit train_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 0, 0, session_models_help};
    struct train_words words = {.seed = SESSION_SEED};
    cli_args_parse(cli, &cmd_train, &args, argc, argv, NULL, &words);

    struct reel_error err;
    struct session s;
    enum cli_exit status = CLI_USAGE;
    if (session_models_check(cli, &words.models)) {
        enum reel_status rc = session_open(cli, &s, 0, &err);
        rc = rc ? rc : session_load(&s, 0, &err);
        status = rc ? cli_fail(cli, &err) : train_session(&s, &words);
        session_close(&s);
    }
    cli_names_release(&words.models);
    free(words.settings);
    return status;
}

const struct cli_command cmd_train = {
    .name = "train",
    .usage = "forkreel train [OPTION...]",
    .summary = "learn models from what all viewers liked",
    .run = train_run,
};
