/** `forkreel evaluate`: the honest table. */
#include "cmd_evaluate.h"
#include "cli_commands.h"
#include "cli_session.h"
#include "cli_taste.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct evaluate_words {
    struct cli_names models;
    enum reel_split_kind split;
    int32_t cut[REEL_CUTS_MAX];
    int32_t n_cuts, n_trials;
    uint64_t seed;
    bool is_stories, is_policy, is_taste, is_languages;
    int32_t n_seeds;
    const char *pictures;
    int32_t n_films;
};

enum {
    KEY_SPLIT = 0x100,
    KEY_K,
    KEY_SEED,
    KEY_TRIALS,
    KEY_STORIES,
    KEY_FILMS,
    KEY_POLICY,
    KEY_TASTE,
    KEY_LANGUAGES,
    KEY_PICTURES,
    KEY_SEEDS
};

static const struct argp_option options[] = {
    {"model", 'm', "NAME,...", 0,
     "which models; default: als, ease, item-knn, user-knn, bpr, popularity", 0},
    {"models", 'm', NULL, OPTION_ALIAS, NULL, 0},
    {"split", KEY_SPLIT, "random|temporal", 0,
     "random: 80/10/10 of every viewer; temporal: the last film of each is the test", 0},
    {"k", KEY_K, "N,...", 0, "lengths of the lists; default 10,20", 0},
    {"seed", KEY_SEED, "N", 0, "of the split and all randomness; default 42", 0},
    {"trials", KEY_TRIALS, "N", 0, "first try N settings on the validation part", 0},
    {"stories", KEY_STORIES, NULL, 0,
     "measure stories instead, beside the plain way of asking; --model is then a "
     "language "
     "model",
     0},
    {"policy", KEY_POLICY, NULL, 0,
     "say instead, from what was shown and taken, what other ways would have brought", 0},
    {"taste", KEY_TASTE, NULL, 0,
     "measure instead how films are guessed of which only words are known", 0},
    {"seeds", KEY_SEEDS, "N", 0, "how many splits for --taste; default 5", 0},
    {"pictures", KEY_PICTURES, "FOLDER", 0, "draw what --taste measures, as SVG and PNG",
     0},
    {"languages", KEY_LANGUAGES, NULL, 0,
     "do a film's Chinese and English texts rank alike?", 0},
    {"films", KEY_FILMS, "N", 0, "how many films for --stories; default 30", 0},
    {0}};

static void set_cuts(struct evaluate_words *words, const char *arg,
                     struct argp_state *state)
{
    struct cli_names names = {0};
    cli_names_add(&names, arg);
    if (names.n < 1 || names.n > REEL_CUTS_MAX) {
        argp_error(state, tr("--k takes 1 to %d lengths"), REEL_CUTS_MAX);
    }
    for (int32_t i = 0; i < names.n; i++) {
        words->cut[i] = cli_arg_int(state, "--k", names.name[i], 1, 1000);
    }
    words->n_cuts = names.n;
    cli_names_release(&names);
}

static error_t option(int key, char *arg, struct argp_state *state)
{
    struct evaluate_words *words = state->input;
    switch (key) {
    case 'm':
        cli_names_add(&words->models, arg);
        return 0;
    case KEY_SPLIT:
        if (strcmp(arg, "random") && strcmp(arg, "temporal")) {
            argp_error(state, tr("--split is random or temporal, not '%s'"), arg);
        }
        words->split = arg[0] == 'r' ? REEL_SPLIT_RANDOM : REEL_SPLIT_TEMPORAL;
        return 0;
    case KEY_K:
        set_cuts(words, arg, state);
        return 0;
    case KEY_SEED:
        words->seed = (uint64_t)cli_arg_int(state, "--seed", arg, 0, INT32_MAX);
        return 0;
    case KEY_TRIALS:
        words->n_trials = cli_arg_int(state, "--trials", arg, 1, 100000);
        return 0;
    case KEY_STORIES:
        words->is_stories = true;
        return 0;
    case KEY_POLICY:
        words->is_policy = true;
        return 0;
    case KEY_TASTE:
        words->is_taste = true;
        return 0;
    case KEY_SEEDS:
        words->n_seeds = cli_arg_int(state, "--seeds", arg, 1, EVALUATE_TASTE_SEEDS_MAX);
        return 0;
    case KEY_PICTURES:
        words->pictures = arg;
        return 0;
    case KEY_LANGUAGES:
        words->is_languages = true;
        return 0;
    case KEY_FILMS:
        words->n_films = cli_arg_int(state, "--films", arg, 1, 10000);
        return 0;
    case ARGP_KEY_SUCCESS:
        if (words->pictures && !words->is_taste) {
            argp_error(state, "%s", tr("--pictures belongs to --taste"));
        }
        if (words->is_stories && words->models.n > 1) {
            argp_error(state, "%s", tr("--stories takes one language model"));
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/** One line of the table. */
struct result {
    struct reel_measures measures;
    char settings[512];
    int32_t n_trials; /* of which the settings are the best; 0: standard settings */
    double seconds;
};

struct evaluation {
    struct session *s;
    const struct evaluate_words *words;
    struct dataset data;
    struct reel_split split;
    char *measure;         /* what trials are judged on */
    struct result *result; /* (words->models.n) */
};

/* ---- the work ---- */

static enum reel_status choose_settings(struct evaluation *e, const char *name,
                                        struct reel_train_options *opt,
                                        struct result *result, struct reel_error *err)
{
    char settings[512];
    enum reel_status rc = REEL_OK;
    if (e->words->n_trials) {
        double score;
        struct trial_run trial = {.s = e->s,
                                  .model = name,
                                  .data = &e->data,
                                  .split = &e->split,
                                  .measure = e->measure,
                                  .n_trials = e->words->n_trials};
        rc = session_search(&trial, e->words->seed, opt, &score, err);
    }
    // Those of now and of earlier runs alike: they never saw this split's test part.
    if (rc == REEL_OK) {
        result->n_trials =
            session_settings_best_on(e->s, name, e->measure, settings, sizeof settings);
    }
    return result->n_trials ? reel_settings_parse(name, settings, opt, err) : rc;
}

/** Beside sequence stands what order must beat: popularity where a week counts half. */
static const char recent[] = "recent-popularity";

/** Settings that a row of the table has by its nature. */
static enum reel_status own_settings(const struct evaluation *e, const char *row,
                                     struct reel_train_options *opt,
                                     struct reel_error *err)
{
    if (strcmp(row, recent) == 0) {
        return reel_settings_parse("popularity", "half_life_days=7", opt, err);
    }
    if (strcmp(row, "hybrid") == 0 && e->words->split == REEL_SPLIT_TEMPORAL) {
        return reel_settings_parse("hybrid", "holdout=last", opt, err);
    }
    return REEL_OK;
}

static enum reel_status evaluate_one(struct evaluation *e, const char *row,
                                     struct result *result, struct reel_error *err)
{
    const bool is_recent = strcmp(row, recent) == 0;
    const char *name = is_recent ? "popularity" : row;
    struct cli *cli = e->s->cli;
    const struct evaluate_words *words = e->words;
    struct reel_train_options opt = reel_train_options_default();
    struct reel_model *model = NULL;
    enum reel_status rc = own_settings(e, row, &opt, err);
    rc = rc || is_recent ? rc : choose_settings(e, name, &opt, result, err);
    opt.n_threads = cli->n_threads;
    opt.seed = words->seed;
    opt.progress = cli_progress(cli);
    // By the time of the last film a viewer's last but one is known: settings are chosen on
    // it, then the model learns from it too. The random split's figure is of train alone.
    const struct reel_split *split = &e->split;
    const bool is_temporal = words->split == REEL_SPLIT_TEMPORAL;
    const struct reel_csr *learnt = is_temporal ? &split->known : &split->train;
    struct reel_training training = dataset_training(
        e->s, &e->data, learnt, is_temporal ? split->known_at_s : split->train_at_s);
    struct taste_data features = {0};
    if (rc == REEL_OK && taste_data_wanted(name)) {
        rc = taste_data_make(e->s, &e->data, split, learnt, opt.seed, &features, err);
        taste_data_add(&features, &training);
    }
    const double begin_s = cli_clock_s();
    rc = rc ? rc : reel_model_train(name, &training, &opt, &model, err);
    result->seconds = cli_clock_s() - begin_s;
    taste_data_release(&features);
    const struct reel_measure_options measure = {.cut = words->cut,
                                                 .n_cuts = words->n_cuts,
                                                 .n_bootstrap = 1000,
                                                 .n_threads = cli->n_threads,
                                                 .seed = words->seed,
                                                 .train_at_s = training.at_s};
    rc = rc ? rc
            : reel_measure(model, learnt, is_temporal ? NULL : &split->validation,
                           &split->test, &e->data.genres, &measure, &result->measures,
                           NULL, err);
    reel_progress_bar_clear(&cli->bar);
    if (rc == REEL_OK) {
        snprintf(result->settings, sizeof result->settings, "%s",
                 reel_model_settings(model));
        if (!cli->bar.is_terminal) {
            cli_say(cli, tr("%s trained in %.2f s"), row, result->seconds);
        }
    }
    reel_model_free(model);
    return rc;
}

static enum reel_status evaluate_all(struct evaluation *e, struct reel_error *err)
{
    const struct cli_names *models = &e->words->models;
    enum reel_status rc = dataset_make(e->s, &e->data, err);
    rc = rc ? rc
            : dataset_split(e->s, &e->data, e->words->split, e->words->seed, &e->split,
                            err);
    for (int32_t m = 0; m < models->n && rc == REEL_OK; m++) {
        rc = evaluate_one(e, models->name[m], &e->result[m], err);
    }
    return rc;
}

/* ---- the table ---- */

static const char *split_name(enum reel_split_kind kind)
{
    return kind == REEL_SPLIT_RANDOM ? "random" : "temporal";
}

static json_t *interval_json(const struct reel_interval *interval)
{
    return json_pack("{s:o, s:o, s:o}", "mean", cli_json_real(interval->mean), "low",
                     cli_json_real(interval->low), "high", cli_json_real(interval->high));
}

static json_t *measures_json(const struct reel_measures *m)
{
    json_t *list = json_array();
    for (int32_t c = 0; c < m->n_cuts; c++) {
        json_array_append_new(list,
                              json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "k",
                                        m->cut[c], "ndcg", interval_json(&m->ndcg[c]),
                                        "recall", interval_json(&m->recall[c]),
                                        "coverage", cli_json_real(m->coverage[c]),
                                        "novelty", cli_json_real(m->novelty[c]),
                                        "diversity", cli_json_real(m->diversity[c]),
                                        "calibration", cli_json_real(m->calibration[c])));
    }
    return list;
}

static json_t *evaluation_json(const struct evaluation *e)
{
    const struct cli_names *models = &e->words->models;
    json_t *list = json_array();
    for (int32_t m = 0; m < models->n; m++) {
        const struct result *r = &e->result[m];
        json_array_append_new(
            list,
            json_pack("{s:s, s:o, s:i, s:o, s:o}", "model", models->name[m], "settings",
                      cli_json_text(r->settings), "trials", r->n_trials, "train_seconds",
                      cli_json_real(r->seconds), "at", measures_json(&r->measures)));
    }
    const struct reel_csr *chosen = &e->data.chosen;
    return json_pack("{s:s, s:I, s:i, s:i, s:I, s:f, s:i, s:o}", "split",
                     split_name(e->words->split), "seed", (json_int_t)e->words->seed,
                     "viewers", e->data.n_viewers, "films", chosen->n_cols, "likes",
                     (json_int_t)chosen->start[chosen->n_rows], "min_stars",
                     SESSION_MIN_STARS, "viewers_tested", e->result[0].measures.n_viewers,
                     "models", list);
}

static void print_scores(const struct evaluation *e)
{
    const struct evaluate_words *words = e->words;
    char *name[REEL_CUTS_MAX + 1];
    struct cli_column column[REEL_CUTS_MAX + 8];
    int n = 0;
    name[0] = cli_format("NDCG@%d", words->cut[0]);
    column[n++] = (struct cli_column){"MODEL", CLI_LEFT};
    column[n++] = (struct cli_column){name[0], CLI_RIGHT};
    column[n++] = (struct cli_column){"95 % INTERVAL", CLI_LEFT};
    for (int32_t c = 0; c < words->n_cuts; c++) {
        name[c + 1] = cli_format("RECALL@%d", words->cut[c]);
        column[n++] = (struct cli_column){name[c + 1], CLI_RIGHT};
    }
    static const char *const rest[] = {"COVERAGE", "NOVELTY", "DIVERSITY", "CALIBRATION",
                                       "SECONDS"};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        column[n++] = (struct cli_column){rest[i], CLI_RIGHT};
    }
    struct cli_table table;
    cli_table_init(&table, column, n);
    for (int32_t m = 0; m < words->models.n; m++) {
        const struct result *r = &e->result[m];
        const struct reel_interval *ndcg = &r->measures.ndcg[0];
        cli_table_line(&table);
        cli_table_text(&table, words->models.name[m]);
        cli_table_cell(&table, "%.4f", ndcg->mean);
        cli_table_cell(&table, "%.4f .. %.4f", ndcg->low, ndcg->high);
        for (int32_t c = 0; c < words->n_cuts; c++) {
            cli_table_cell(&table, "%.4f", r->measures.recall[c].mean);
        }
        cli_table_cell(&table, "%.1f %%", 100 * r->measures.coverage[0]);
        cli_table_cell(&table, "%.2f", r->measures.novelty[0]);
        cli_table_real(&table, r->measures.diversity[0]);
        cli_table_real(&table, r->measures.calibration[0]);
        cli_table_cell(&table, "%.2f", r->seconds);
    }
    cli_table_show(&table);
    cli_table_release(&table);
    for (int32_t c = 0; c <= words->n_cuts; c++) {
        free(name[c]);
    }
}

/** Models whose settings were chosen alike stand in one line. */
static void print_settings(const struct evaluation *e)
{
    const struct cli_names *models = &e->words->models;
    struct cli_names standard = {0};
    for (int32_t m = 0; m < models->n; m++) {
        const struct result *r = &e->result[m];
        if (r->n_trials) {
            char *settings = session_settings_short(models->name[m], r->settings);
            cli_print(tr("Settings of %s: the best of %d trials on validation: %s."),
                      models->name[m], r->n_trials, settings);
            free(settings);
        } else if (strcmp(models->name[m], recent) == 0) {
            cli_print("%s", tr("recent-popularity: a choice a week old counts half."));
        } else {
            cli_names_add(&standard, models->name[m]);
        }
    }
    if (standard.n) {
        char *names = cli_names_join(&standard);
        cli_print(tr("Standard settings, nothing searched: %s."), names);
        free(names);
    }
    cli_names_release(&standard);
}

static void print_evaluation(const struct evaluation *e)
{
    const struct reel_csr *chosen = &e->data.chosen;
    print_scores(e);
    putchar('\n');
    cli_print(tr("%lld likes (4 stars and more, or a like) of %d viewers for %d films."),
              (long long)chosen->start[chosen->n_rows], e->data.n_viewers,
              chosen->n_cols);
    if (e->words->split == REEL_SPLIT_RANDOM) {
        cli_print(
            tr("Random split, seed %llu: of every viewer 80 %% train, 10 %% validate, "
               "10 %% test; %d viewers tested."),
            (unsigned long long)e->words->seed, e->result[0].measures.n_viewers);
    } else {
        cli_print(
            tr("Temporal split: a viewer's last film is the test; settings are chosen "
               "on the one before it, which is learnt from afterwards; ties are left "
               "out; %d viewers tested."),
            e->result[0].measures.n_viewers);
    }
    cli_print("%s",
              tr("Every film is ranked, those of training and validation are left out; "
                 "nothing is sampled."));
    print_settings(e);
    cli_print(tr("Coverage to calibration are those of lists of %d; a low calibration is "
                 "good."),
              e->words->cut[0]);
}

static enum cli_exit evaluate_session(struct session *s,
                                      const struct evaluate_words *words)
{
    struct reel_error err;
    struct evaluation e = {.s = s, .words = words};
    e.measure = session_measure_name(split_name(words->split), words->seed);
    e.result = cli_need(calloc((size_t)words->models.n, sizeof *e.result));
    enum cli_exit status = CLI_DONE;
    if (evaluate_all(&e, &err)) {
        status = cli_fail(s->cli, &err);
    } else if (s->cli->is_json) {
        status = cli_json_show(evaluation_json(&e));
    } else {
        print_evaluation(&e);
    }
    free(e.result);
    free(e.measure);
    reel_split_release(&e.split);
    dataset_release(&e.data);
    return status;
}

static void add_recent(struct evaluate_words *words)
{
    for (int32_t m = 0; words->split == REEL_SPLIT_TEMPORAL && m < words->models.n; m++) {
        if (strcmp(words->models.name[m], "sequence") == 0) {
            cli_names_add(&words->models, recent);
            return;
        }
    }
}

static enum cli_exit evaluate_run(struct cli *cli, int argc, char **argv)
{
    static const struct cli_args args = {options, option, 0, 0, NULL};
    struct evaluate_words words = {.cut = {10, 20},
                                   .n_cuts = 2,
                                   .seed = SESSION_SEED,
                                   .split = REEL_SPLIT_RANDOM,
                                   .n_films = 30,
                                   .n_seeds = 5};
    cli_args_parse(cli, &cmd_evaluate, &args, argc, argv, NULL, &words);
    if (words.is_languages) {
        cli_names_release(&words.models);
        return evaluate_languages(cli, words.seed);
    }
    if (words.is_policy) {
        cli_names_release(&words.models);
        return evaluate_policy(cli, words.seed);
    }
    if (words.is_taste) {
        const struct evaluate_taste_words taste = {words.n_seeds, words.seed,
                                                   words.pictures};
        cli_names_release(&words.models);
        return evaluate_taste(cli, &taste);
    }
    if (words.is_stories) {
        const struct evaluate_stories_words stories = {
            words.models.n ? words.models.name[0] : NULL, words.n_films, words.seed};
        const enum cli_exit status = evaluate_stories(cli, &stories);
        cli_names_release(&words.models);
        return status;
    }

    struct reel_error err;
    struct session s;
    enum cli_exit status = CLI_USAGE;
    if (session_models_check(cli, &words.models)) {
        add_recent(&words);
        enum reel_status rc = session_open(cli, &s, 0, &err);
        rc = rc ? rc : session_load(&s, 0, &err);
        status = rc ? cli_fail(cli, &err) : evaluate_session(&s, &words);
        session_close(&s);
    }
    cli_names_release(&words.models);
    return status;
}

const struct cli_command cmd_evaluate = {
    .name = "evaluate",
    .usage = "forkreel evaluate [OPTION...]\nforkreel evaluate --stories [OPTION...]",
    .summary = "compare models on ratings they have not seen",
    .run = evaluate_run,
};
