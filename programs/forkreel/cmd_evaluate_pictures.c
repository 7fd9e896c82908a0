/**
 * `forkreel evaluate --taste --pictures FOLDER`: regret, calibration, ROC, accuracy against
 * diversity and accuracy against the length of the history, each as SVG and as PNG.
 */
#include "cli_session.h"
#include "cmd_evaluate.h"

#include <forkreel/chart.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { N_LIST = 10, N_KNOBS = 6, N_BUCKETS = 6, N_MODELS = 4, N_LIST_VIEWERS = 300 };

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

/** Mean of what is a number, and the half width of its 95 % interval (normal). */
struct mean {
    double sum, square;
    int32_t n;
};
static void mean_add(struct mean *m, double value)
{
    if (!isnan(value)) {
        m->sum += value;
        m->square += value * value;
        m->n++;
    }
}
static double mean_of(const struct mean *m)
{
    return m->n ? m->sum / m->n : NAN;
}
static double half_of(const struct mean *m)
{
    const double mean = mean_of(m);
    return m->n > 1 ? 1.96 * sqrt(fmax(0, m->square / m->n - mean * mean) / m->n) : NAN;
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

static enum reel_status draw_calibration(const struct evaluate_taste_result *r,
                                         const char *folder, struct reel_error *err)
{
    const struct reel_chart_series series = {.name = tr("cold films that were rated"),
                                             .mark = REEL_MARK_LINE_POINTS,
                                             .n = EVALUATE_TASTE_BINS,
                                             .x = r->p,
                                             .y = r->share};
    const struct reel_chart chart = {
        .title = tr("Calibration of the taste"),
        .note =
            tr("bins of the probability of liking; on the line, what is said comes true"),
        .x = {.name = tr("probability said"), .low = 0, .high = 1, .is_percent = true},
        .y = {.name = tr("share that was liked"),
              .low = 0,
              .high = 1,
              .is_percent = true},
        .with_diagonal = true,
        .series = &series,
        .n_series = 1};
    return write_both(&chart, folder, "calibration", err);
}

static enum reel_status draw_roc(const struct evaluate_taste_result *r,
                                 const char *folder, struct reel_error *err)
{
    enum { N = EVALUATE_TASTE_STEPS + 1 };
    double x[N] = {0}, y[N] = {0}, n_true = 0, n_false = 0, area = 0;
    for (int i = 0; i < EVALUATE_TASTE_STEPS; i++) {
        n_true += (double)r->n_true[i];
        n_false += (double)r->n_false[i];
    }
    if (n_true == 0 || n_false == 0) {
        return REEL_OK; // nothing that could be told apart
    }
    for (int i = 1; i < N; i++) { // from the surest down
        const int step = EVALUATE_TASTE_STEPS - i;
        x[i] = x[i - 1] + (double)r->n_false[step] / n_false;
        y[i] = y[i - 1] + (double)r->n_true[step] / n_true;
        area += (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2;
    }
    char *name = cli_format(tr("taste of unseen text, area %.3f"), area);
    const struct reel_chart_series series = {
        .name = name, .mark = REEL_MARK_LINE, .n = N, .x = x, .y = y};
    const struct reel_chart chart = {
        .title = tr("ROC of liked against not liked"),
        .note = tr("ratings of cold films, all viewers and seeds together"),
        .x = {.name = tr("not liked, taken for liked"),
              .low = 0,
              .high = 1,
              .is_percent = true},
        .y = {.name = tr("liked, taken for liked"),
              .low = 0,
              .high = 1,
              .is_percent = true},
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

static bool is_in(const struct reel_csr *m, int32_t row, int32_t col)
{
    int64_t low = m->start[row], high = m->start[row + 1];
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (m->col[middle] < col) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < m->start[row + 1] && m->col[low] == col;
}

/** 1 - |shared| / |either| of the genres of two films; NAN where one has none. */
static double apart(const struct reel_csr *genres, int32_t x, int32_t y)
{
    const int64_t n_x = genres->start[x + 1] - genres->start[x];
    const int64_t n_y = genres->start[y + 1] - genres->start[y];
    int64_t n_shared = 0;
    for (int64_t i = genres->start[x]; i < genres->start[x + 1]; i++) {
        n_shared += is_in(genres, y, genres->col[i]);
    }
    return n_x && n_y ? 1 - (double)n_shared / (double)(n_x + n_y - n_shared) : NAN;
}

static int by_row(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/** Rows of the film table, ascending, behind the `n` that are there; gives how many. */
static int32_t add_rows(const struct accuracy *a, const struct reel_csr *part,
                        int32_t viewer, int32_t *film, int32_t n)
{
    for (int64_t e = part->start[viewer]; e < part->start[viewer + 1]; e++) {
        film[n++] = a->data.film_row[part->col[e]];
    }
    qsort(film, (size_t)n, sizeof *film, by_row);
    return n;
}

/** One viewer's list for one setting of the knob. */
static enum reel_status judge_list(const struct accuracy *a,
                                   const struct reel_model *model, int32_t viewer,
                                   const struct reel_list_options *opt, struct mean *ndcg,
                                   struct mean *diversity, struct reel_error *err)
{
    const struct reel_csr *test = &a->split.test;
    const int32_t n_test = (int32_t)(test->start[viewer + 1] - test->start[viewer]);
    int32_t *film = cli_need(malloc((size_t)test->n_cols * sizeof *film));
    int32_t *seen = cli_need(malloc((size_t)test->n_cols * sizeof *seen));
    const int32_t n = add_rows(a, &a->split.train, viewer, film, 0);
    const int32_t n_seen = add_rows(a, &a->split.known, viewer, seen, 0);
    const struct reel_viewer_state state = {
        .chosen = {.film = film, .n = n}, .seen = seen, .n_seen = n_seen};
    struct reel_list list = {0};
    const enum reel_status rc =
        reel_list_make(model, a->s->films, &state, opt, &list, err);
    double dcg = 0, ideal = 0, sum = 0;
    int32_t n_pairs = 0;
    for (int32_t i = 0; rc == REEL_OK && i < list.n; i++) {
        const int64_t key = a->s->films->key[list.item[i].film];
        const int32_t col = session_index_of(a->data.film_key, test->n_cols, key);
        dcg += col >= 0 && is_in(test, viewer, col) ? 1 / log2(i + 2) : 0;
        for (int32_t j = 0; j < i; j++) {
            const double one =
                apart(&a->s->films->genres, list.item[i].film, list.item[j].film);
            sum += isnan(one) ? 0 : one;
            n_pairs += !isnan(one);
        }
    }
    for (int32_t i = 0; i < n_test && i < N_LIST; i++) {
        ideal += 1 / log2(i + 2);
    }
    if (rc == REEL_OK && n_test > 0) {
        mean_add(ndcg, dcg / ideal);
        mean_add(diversity, n_pairs ? sum / n_pairs : NAN);
    }
    reel_list_release(&list);
    free(film);
    free(seen);
    return rc;
}

static enum reel_status draw_diversity(const struct accuracy *a, struct reel_error *err)
{
    static const char *const name[] = {"MMR", "DPP"};
    double x[2][N_KNOBS], y[2][N_KNOBS], low[2][N_KNOBS], high[2][N_KNOBS];
    int32_t n_judged = 0;
    struct reel_chart_series series[2];
    struct reel_model *model = NULL;
    enum reel_status rc = reel_model_train("als", &a->training, &a->opt, &model, err);
    const int32_t n_viewers = a->split.test.n_rows;
    const int32_t stride = n_viewers / N_LIST_VIEWERS + 1;
    for (int m = 0; rc == REEL_OK && m < 2; m++) {
        struct reel_list_options opt = reel_list_options_default();
        opt.n = N_LIST;
        opt.method = m ? REEL_DIVERSITY_DPP : REEL_DIVERSITY_MMR;
        for (int k = 0; rc == REEL_OK && k < N_KNOBS; k++) {
            struct mean ndcg = {0}, diversity = {0};
            opt.diversity = (double)k / (N_KNOBS - 1);
            for (int32_t v = 0; rc == REEL_OK && v < n_viewers; v += stride) {
                rc = judge_list(a, model, v, &opt, &ndcg, &diversity, err);
            }
            x[m][k] = mean_of(&diversity);
            y[m][k] = mean_of(&ndcg);
            low[m][k] = fmax(0, y[m][k] - half_of(&ndcg));
            n_judged = ndcg.n;
            high[m][k] = y[m][k] + half_of(&ndcg);
        }
        series[m] = (struct reel_chart_series){.name = name[m],
                                               .mark = REEL_MARK_LINE_POINTS,
                                               .n = N_KNOBS,
                                               .x = x[m],
                                               .y = y[m],
                                               .low = low[m],
                                               .high = high[m]};
    }
    reel_model_free(model);
    char *note =
        cli_format(tr("als, random split, %d viewers; the knob from 0 (left) to 1 in "
                      "steps of .2; bars: 95 %%"),
                   n_judged);
    const struct reel_chart chart = {
        .title = tr("Accuracy against diversity"),
        .note = note,
        .x = {.name = tr("diversity of ten films: 1 - Jaccard of genres, mean of pairs")},
        .y = {.name = "NDCG@10"},
        .series = series,
        .n_series = 2};
    rc = rc ? rc : write_both(&chart, a->folder, "accuracy-diversity", err);
    free(note);
    return rc;
}

static enum reel_status draw_history(const struct accuracy *a, struct reel_error *err)
{
    static const char *const model_name[N_MODELS] = {"als", "ease", "item-knn",
                                                     "popularity"};
    static const char *const bucket_name[N_BUCKETS] = {"1-5",   "6-10",   "11-20",
                                                       "21-50", "51-100", "over 100"};
    static const int32_t bucket_end[N_BUCKETS] = {5, 10, 20, 50, 100, INT32_MAX};
    double x[N_BUCKETS], y[N_MODELS][N_BUCKETS], low[N_MODELS][N_BUCKETS],
        high[N_MODELS][N_BUCKETS];
    struct reel_chart_series series[N_MODELS];
    const struct reel_csr *train = &a->split.train;
    float *ndcg = cli_need(malloc(((size_t)train->n_rows + 1) * sizeof *ndcg));
    enum reel_status rc = REEL_OK;
    for (int m = 0; rc == REEL_OK && m < N_MODELS; m++) {
        struct reel_model *model = NULL;
        struct reel_measure_options opt = reel_measure_options_default();
        struct reel_measures measures;
        struct mean mean[N_BUCKETS] = {{0, 0, 0}};
        opt.n_threads = a->s->cli->n_threads;
        opt.n_bootstrap = 1;
        rc = reel_model_train(model_name[m], &a->training, &a->opt, &model, err);
        rc = rc ? rc
                : reel_measure(model, train, &a->split.validation, &a->split.test, NULL,
                               &opt, &measures, ndcg, err);
        for (int32_t v = 0; rc == REEL_OK && v < train->n_rows; v++) {
            const int64_t n = train->start[v + 1] - train->start[v];
            int b = 0;
            while (n > bucket_end[b]) {
                b++;
            }
            mean_add(&mean[b], ndcg[v]);
        }
        for (int b = 0; b < N_BUCKETS; b++) {
            x[b] = b;
            y[m][b] = mean_of(&mean[b]);
            low[m][b] = fmax(0, y[m][b] - half_of(&mean[b]));
            high[m][b] = y[m][b] + half_of(&mean[b]);
        }
        series[m] = (struct reel_chart_series){.name = model_name[m],
                                               .mark = REEL_MARK_LINE_POINTS,
                                               .n = N_BUCKETS,
                                               .x = x,
                                               .y = y[m],
                                               .low = low[m],
                                               .high = high[m]};
        reel_model_free(model);
    }
    free(ndcg);
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
    return rc ? rc : write_both(&chart, a->folder, "accuracy-history", err);
}

/* ---- all of them ---- */

enum reel_status evaluate_pictures(struct session *s,
                                   const struct evaluate_taste_result *result,
                                   const struct evaluate_feedback *feedback,
                                   const char *folder, uint64_t seed,
                                   struct reel_error *err)
{
    struct accuracy a = {.s = s, .opt = reel_train_options_default(), .folder = folder};
    a.opt.seed = seed;
    a.opt.n_threads = s->cli->n_threads;
    if (mkdir(folder, 0777) && errno != EEXIST) {
        return cli_error(err, REEL_EIO, "%s: %s", folder, strerror(errno));
    }
    if (!reel_chart_writes_chinese()) {
        cli_text_language("en"); // no font for anything else
    }
    enum reel_status rc = draw_regret(feedback, folder, err);
    rc = rc ? rc : draw_calibration(result, folder, err);
    rc = rc ? rc : draw_roc(result, folder, err);
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
