/**
 * Times of the taste model, for bench/compare.py.
 *
 *   bench_taste MATRIX TEXTS N_RUNS
 *
 * Films are the columns of MATRIX (as bench_models takes it), their texts the first lines of
 * TEXTS; the next 1,000 lines are texts that nobody has seen. Stars are made up. Prints one
 * JSON object.
 */
#include "base_alloc.h"
#include "base_clock.h"
#include "base_file.h"
#include "base_rng.h"
#include "bench_memory.h"

#include <forkreel/forkreel.h>

#include <stdlib.h>
#include <string.h>

enum { N_UNSEEN = 1000 };

static struct reel_error err;

static void need(enum reel_status rc)
{
    if (rc != REEL_OK) {
        (void)fprintf(stderr, "bench_taste: %s\n", err.text);
        exit(1);
    }
}

static void *room(size_t n, size_t item_bytes)
{
    void *memory = base_alloc_zeroed(n, item_bytes);
    if (!memory) {
        exit(1);
    }
    return memory;
}

static double ms_since(int64_t begin)
{
    return (double)(base_clock_ns() - begin) * 1e-6;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** The first n lines, each ended in place. */
static struct reel_feature_text *read_lines(char *data, int32_t n)
{
    struct reel_feature_text *text = room((size_t)n, sizeof *text);
    for (int32_t i = 0; i < n; i++) {
        char *end = strchr(data, '\n');
        if (!end) {
            (void)fprintf(stderr, "bench_taste: fewer than %d lines\n", n);
            exit(1);
        }
        *end = 0;
        text[i].text = data;
        data = end + 1;
    }
    return text;
}

static struct reel_model *train(const struct reel_csr *chosen,
                                const struct reel_feature_rows *rows)
{
    const int64_t n = chosen->start[chosen->n_rows];
    float *stars = room((size_t)n, sizeof *stars);
    struct base_rng rng;
    base_rng_init(&rng, 1, 0);
    for (int64_t i = 0; i < n; i++) {
        stars[i] = (float)(4 + .5 * (int)(base_rng_double(&rng) * 3));
    }
    struct reel_csr rated = *chosen;
    rated.value = stars;
    const struct reel_training data = {.chosen = *chosen,
                                       .rated = &rated,
                                       .feature = rows->block,
                                       .n_features = rows->n_blocks};
    const struct reel_train_options opt = reel_train_options_default();
    struct reel_model *model = NULL;
    need(reel_model_train("taste", &data, &opt, &model, &err));
    base_free(stars);
    return model;
}

int main(int argc, char **argv)
{
    struct base_file_map matrix, lines;
    if (argc < 4) {
        (void)fprintf(stderr, "bench_taste: see the head of its source\n");
        return 2;
    }
    need(base_file_map_open(&matrix, argv[1], &err));
    need(base_file_map_open(&lines, argv[2], &err));
    const int64_t *head = (const int64_t *)(const void *)matrix.data;
    const struct reel_csr chosen = {.n_rows = (int32_t)head[0],
                                    .n_cols = (int32_t)head[1],
                                    .start = head + 3,
                                    .col = (const int32_t *)(head + 3 + head[0] + 1)};
    char *data = room(lines.n_bytes + 1, 1);
    memcpy(data, lines.data, lines.n_bytes);
    struct reel_feature_text *text = read_lines(data, chosen.n_cols + N_UNSEEN);
    const struct reel_feature_text *unseen = text + chosen.n_cols;

    struct reel_features_options opt = reel_features_options_default();
    struct reel_features *features = NULL;
    struct reel_feature_rows rows, rows_unseen;
    int64_t begin = base_clock_ns();
    need(reel_features_fit(text, chosen.n_cols, &opt, &features, &err));
    need(reel_features_rows(features, text, chosen.n_cols, &rows, &err));
    const double fit_ms = ms_since(begin);
    begin = base_clock_ns();
    struct reel_model *taste = train(&chosen, &rows);
    const double train_ms = ms_since(begin);

    const int32_t n_place = reel_taste_n_place(taste);
    float *place = room((size_t)N_UNSEEN * (size_t)n_place, sizeof *place);
    float *viewer = room((size_t)reel_taste_n_viewer(taste), sizeof *viewer);
    struct reel_opinion *opinion = room(N_UNSEEN, sizeof *opinion);
    begin = base_clock_ns();
    need(reel_features_rows(features, unseen, N_UNSEEN, &rows_unseen, &err));
    const double rows_ms = ms_since(begin);
    begin = base_clock_ns();
    need(reel_taste_place(taste, rows_unseen.block, rows_unseen.n_blocks, N_UNSEEN, place,
                          &err));
    const double place_ms = ms_since(begin);

    const int32_t n_runs = (int32_t)strtol(argv[3], NULL, 10);
    double *score_ms = room((size_t)n_runs, sizeof *score_ms);
    double *viewer_ms = room((size_t)n_runs, sizeof *viewer_ms);
    for (int32_t r = 0; r < n_runs; r++) {
        const int32_t v = r % chosen.n_rows;
        const struct reel_query query = {
            .film = chosen.col + chosen.start[v],
            .n = (int32_t)(chosen.start[v + 1] - chosen.start[v])};
        begin = base_clock_ns();
        need(reel_taste_viewer(taste, &query, NULL, viewer, &err));
        viewer_ms[r] = ms_since(begin);
        begin = base_clock_ns();
        need(reel_taste_score(taste, viewer, place, N_UNSEEN, opinion, &err));
        score_ms[r] = ms_since(begin);
    }
    qsort(score_ms, (size_t)n_runs, sizeof *score_ms, by_value);
    qsort(viewer_ms, (size_t)n_runs, sizeof *viewer_ms, by_value);
    printf("{\"n_place\": %d, \"score_p50_ms\": %.4f, \"score_p99_ms\": %.4f, "
           "\"viewer_p50_ms\": %.4f, \"rows_ms\": %.2f, \"place_ms\": %.2f, "
           "\"fit_ms\": %.1f, \"train_ms\": %.1f, \"peak_mib\": %.1f}\n",
           n_place, score_ms[n_runs / 2], score_ms[n_runs * 99 / 100],
           viewer_ms[n_runs / 2], rows_ms, place_ms, fit_ms, train_ms, peak_mib());
    reel_feature_rows_release(&rows);
    reel_feature_rows_release(&rows_unseen);
    reel_features_free(features);
    reel_model_free(taste);
    base_free(place);
    base_free(viewer);
    base_free(opinion);
    base_free(score_ms);
    base_free(viewer_ms);
    base_free(text);
    base_free(data);
    base_file_map_close(&lines);
    base_file_map_close(&matrix);
    return 0;
}
