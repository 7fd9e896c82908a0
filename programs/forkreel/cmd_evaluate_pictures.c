/**
 * `forkreel evaluate --taste --pictures FOLDER`: regret, calibration, ROC, accuracy against
 * diversity and accuracy against the length of the history, each as SVG and as PNG.
 */
#include "cli_session.h"
#include "cmd_evaluate.h"

#include <forkreel/chart.h>
#include <forkreel/curve.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { N_LIST_VIEWERS = 300, N_BINS = 10, N_PARTS = 20, N_POINTS_MAX = 20 };

static enum reel_status write_both(const struct reel_chart *chart, const char *folder,
                                   const char *name, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    static const char *const ending[] = {"svg", "png"};
    for (int i = 0; rc == REEL_OK && i < 2; i++) {
        char *path = cli_format("%s/%s.%s", folder, name, ending[i]);
        rc = reel_chart_write(chart, path, err);
        free(path);
    }
    return rc;
}

/** The columns of some points, as a chart wants them. */
struct columns {
    double x[N_POINTS_MAX], y[N_POINTS_MAX], low[N_POINTS_MAX], high[N_POINTS_MAX];
};
static struct reel_chart_series series_of(const char *name,
                                          const struct reel_point *point, int32_t n,
                                          struct columns *c)
{
    for (int32_t i = 0; i < n; i++) {
        c->x[i] = point[i].x;
        c->y[i] = point[i].y;
        c->low[i] = point[i].low;
        c->high[i] = point[i].high;
    }
    return (struct reel_chart_series){.name = name,
                                      .mark = REEL_MARK_LINE_POINTS,
                                      .n = n,
                                      .x = c->x,
                                      .y = c->y,
                                      .low = c->low,
                                      .high = c->high};
}

/* ---- regret ---- */

static enum reel_status draw_regret(const struct evaluate_feedback *said,
                                    const char *folder, struct reel_error *err)
{
    double round[EVALUATE_FEEDBACK_ROUNDS];
    struct reel_chart_series series[EVALUATE_FEEDBACK_POLICIES];
    for (int t = 0; t < EVALUATE_FEEDBACK_ROUNDS; t++) {
        round[t] = t + 1;
    }
    for (int p = 0; p < EVALUATE_FEEDBACK_POLICIES; p++) {
        series[p] = (struct reel_chart_series){.name = said->policy[p],
                                               .mark = REEL_MARK_LINE,
                                               .n = EVALUATE_FEEDBACK_ROUNDS,
                                               .x = round,
                                               .y = said->regret[p]};
    }
    char *note =
        cli_format(tr("simulated viewers, mean of %d; taste turns around after %d "
                      "choices"),
                   EVALUATE_FEEDBACK_SEEDS, EVALUATE_FEEDBACK_ROUNDS / 2);
    const struct reel_chart chart = {
        .title = tr("Regret of a bandit"),
        .note = note,
        .x = {.name = tr("choices"), .low = 0, .high = EVALUATE_FEEDBACK_ROUNDS},
        .y = {.name = tr("regret, summed up")},
        .series = series,
        .n_series = EVALUATE_FEEDBACK_POLICIES};
    const enum reel_status rc = write_both(&chart, folder, "regret", err);
    free(note);
    return rc;
}

/* ---- calibration and ROC ---- */

static struct reel_chart_axis percent(const char *name)
{
    return (struct reel_chart_axis){
        .name = name, .low = 0, .high = 1, .is_percent = true};
}

static enum reel_status draw_calibration(const struct reel_outcomes *said,
                                         const char *folder, struct reel_error *err)
{
    struct reel_point bin[N_BINS], part[N_PARTS];
    struct columns bin_columns, part_columns;
    const int32_t n_bins = reel_reliability_curve(said, N_BINS, bin);
    int64_t n = 0;
    for (int32_t b = 0; b < n_bins; b++) {
        n += bin[b].n;
    }
    reel_outcome_shares(said, N_PARTS, part);
    char *bars = cli_format(tr("how often that was said, of %lld ratings"), (long long)n);
    struct reel_chart_series series[] = {
        series_of(bars, part, N_PARTS, &part_columns),
        series_of(tr("cold films that were rated"), bin, n_bins, &bin_columns)};
    series[0].mark = REEL_MARK_BARS;
    const struct reel_chart chart = {
        .title = tr("Calibration of the taste"),
        .note = tr("on the dotted line, what is said comes true; ten equal parts of the "
                   "ratings; bars: 95 %, Wilson"),
        .x = percent(tr("probability said")),
        .y = percent(tr("share that was liked")),
        .with_diagonal = true,
        .series = series,
        .n_series = 2};
    const enum reel_status rc = write_both(&chart, folder, "calibration", err);
    free(bars);
    return rc;
}

static enum reel_status draw_roc(const struct reel_outcomes *said, const char *folder,
                                 struct reel_error *err)
{
    double x[EVALUATE_TASTE_STEPS + 1], y[EVALUATE_TASTE_STEPS + 1], area;
    if (reel_roc(said, x, y, &area, NULL) != REEL_OK) {
        return REEL_OK; // nothing that could be told apart
    }
    char *name = cli_format(tr("taste of unseen text, area %.3f"), area);
    const struct reel_chart_series series = {
        .name = name, .mark = REEL_MARK_LINE, .n = said->n + 1, .x = x, .y = y};
    const struct reel_chart chart = {
        .title = tr("ROC of liked against not liked"),
        .note = tr("ratings of cold films, all viewers and seeds together"),
        .x = percent(tr("not liked, taken for liked")),
        .y = percent(tr("liked, taken for liked")),
        .with_diagonal = true,
        .series = &series,
        .n_series = 1};
    const enum reel_status rc = write_both(&chart, folder, "roc", err);
    free(name);
    return rc;
}

/* ---- accuracy ---- */

/** What both pictures of accuracy need: a split of the store's history. */
struct accuracy {
    struct session *s;
    struct dataset data;
    struct reel_split split;
    struct reel_training training;
    struct reel_train_options opt;
    const char *folder;
};

static enum reel_status draw_diversity(const struct accuracy *a, struct reel_error *err)
{
    static const char *const name[] = {"MMR", "DPP"};
    static const double knob[] = {0, .2, .4, .6, .8, 1};
    enum { N_KNOBS = sizeof knob / sizeof *knob, N_METHODS = 2 };
    struct reel_point point[N_METHODS][N_KNOBS];
    struct columns columns[N_METHODS];
    struct reel_chart_series series[N_METHODS];
    struct reel_model *model = NULL;
    struct reel_list_options opt = reel_list_options_default();
    enum reel_status rc = reel_model_train("als", &a->training, &a->opt, &model, err);
    for (int m = 0; rc == REEL_OK && m < N_METHODS; m++) {
        opt.method = m ? REEL_DIVERSITY_DPP : REEL_DIVERSITY_MMR;
        rc = reel_curve_by_diversity(model, a->s->films, a->data.film_row, &a->split,
                                     &opt, knob, N_KNOBS, N_LIST_VIEWERS, point[m], err);
        if (rc == REEL_OK) {
            series[m] = series_of(name[m], point[m], N_KNOBS, &columns[m]);
        }
    }
    reel_model_free(model);
    if (rc != REEL_OK) {
        return rc;
    }
    char *note =
        cli_format(tr("als, random split, %d viewers; the knob from 0 (left) to 1 in "
                      "steps of .2; bars: 95 %%"),
                   (int)point[0][0].n);
    const struct reel_chart chart = {
        .title = tr("Accuracy against diversity"),
        .note = note,
        .x = {.name = tr("diversity of ten films: 1 - Jaccard of genres, mean of pairs")},
        .y = {.name = "NDCG@10"},
        .series = series,
        .n_series = N_METHODS};
    rc = write_both(&chart, a->folder, "accuracy-diversity", err);
    free(note);
    return rc;
}

static enum reel_status draw_history(const struct accuracy *a, struct reel_error *err)
{
    static const char *const model_name[] = {"als", "ease", "item-knn", "popularity"};
    static const char *const bucket_name[] = {"1-5",   "6-10",   "11-20",
                                              "21-50", "51-100", "> 100"};
    static const int32_t length_max[] = {5, 10, 20, 50, 100, INT32_MAX};
    enum { N_MODELS = 4, N_BUCKETS = 6 };
    struct reel_point point[N_BUCKETS];
    struct columns columns[N_MODELS];
    struct reel_chart_series series[N_MODELS];
    const struct reel_csr *train = &a->split.train;
    float *ndcg = cli_need(malloc(((size_t)train->n_rows + 1) * sizeof *ndcg));
    struct reel_measure_options opt = reel_measure_options_default();
    struct reel_measures measures;
    enum reel_status rc = REEL_OK;
    opt.n_threads = a->s->cli->n_threads;
    opt.n_bootstrap = 1;
    for (int m = 0; rc == REEL_OK && m < N_MODELS; m++) {
        struct reel_model *model = NULL;
        rc = reel_model_train(model_name[m], &a->training, &a->opt, &model, err);
        rc = rc ? rc
                : reel_measure(model, train, &a->split.validation, &a->split.test, NULL,
                               &opt, &measures, ndcg, err);
        if (rc == REEL_OK) {
            reel_curve_by_length(train, ndcg, length_max, N_BUCKETS, point);
            series[m] = series_of(model_name[m], point, N_BUCKETS, &columns[m]);
        }
        reel_model_free(model);
    }
    free(ndcg);
    if (rc != REEL_OK) {
        return rc;
    }
    const struct reel_chart chart = {
        .title = tr("Accuracy against the length of the history"),
        .note =
            tr("random split, viewers by liked films in training; bars: 95 %, normal"),
        .x = {.name = tr("liked films known of the viewer"),
              .category = bucket_name,
              .n_categories = N_BUCKETS},
        .y = {.name = "NDCG@10"},
        .series = series,
        .n_series = N_MODELS};
    return write_both(&chart, a->folder, "accuracy-history", err);
}

/* ---- all of them ---- */

enum reel_status evaluate_pictures(struct session *s,
                                   const struct evaluate_taste_result *result,
                                   const struct evaluate_feedback *feedback,
                                   const char *folder, uint64_t seed,
                                   struct reel_error *err)
{
    struct accuracy a = {.s = s, .opt = reel_train_options_default(), .folder = folder};
    const struct reel_outcomes said = {result->n_true, result->n_false,
                                       EVALUATE_TASTE_STEPS};
    a.opt.seed = seed;
    a.opt.n_threads = s->cli->n_threads;
    if (mkdir(folder, 0777) && errno != EEXIST) {
        return cli_error(err, REEL_EIO, "%s: %s", folder, strerror(errno));
    }
    if (strcmp(s->cli->lang, "zh") == 0 && !reel_chart_writes_chinese()) {
        cli_say(s->cli, "%s",
                tr("this machine has no font for Chinese; the pictures are in English"));
        cli_text_language("en");
    }
    enum reel_status rc = draw_regret(feedback, folder, err);
    rc = rc ? rc : draw_calibration(&said, folder, err);
    rc = rc ? rc : draw_roc(&said, folder, err);
    rc = rc ? rc : dataset_make(s, &a.data, err);
    rc = rc ? rc : dataset_split(s, &a.data, REEL_SPLIT_RANDOM, seed, &a.split, err);
    if (rc == REEL_OK) {
        a.training = dataset_training(s, &a.data, &a.split.train, a.split.train_at_s);
        rc = draw_diversity(&a, err);
        rc = rc ? rc : draw_history(&a, err);
    }
    cli_text_language(s->cli->lang);
    reel_split_release(&a.split);
    dataset_release(&a.data);
    return rc;
}
