/**
 * Times of models on a matrix of choices, for bench/compare_models.py.
 *
 *   bench_models MATRIX train NAME SETTINGS THREADS
 *   bench_models MATRIX top SETTINGS N_VIEWERS N_TOP THREADS [OUT]
 *   bench_models MATRIX fold SETTINGS N_EVENTS N_RUNS
 *
 * MATRIX: int64 n_rows, n_cols, n_entries; int64 start (n_rows + 1); int32 col (n_entries).
 * Prints one JSON object: seconds by part, the loss of als, and the peak of memory.
 */
#include "base_alloc.h"
#include "base_clock.h"
#include "base_file.h"
#include "base_rng.h"
#include "bench_memory.h"
#include "model_als.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct times {
    int64_t ns[4096];
    int32_t n;
};

static bool note_time(const char *stage, double done, double total, void *payload)
{
    (void)stage, (void)done, (void)total;
    struct times *times = payload;
    if (times->n < 4096) {
        times->ns[times->n++] = base_clock_ns();
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct reel_csr view(const struct base_file_map *map)
{
    const int64_t *head = (const int64_t *)(const void *)map->data;
    return (struct reel_csr){
        .n_rows = (int32_t)head[0],
        .n_cols = (int32_t)head[1],
        .start = head + 3,
        .col = (const int32_t *)(head + 3 + head[0] + 1),
    };
}

static struct reel_model *train(const struct reel_csr *chosen, const char *name,
                                const char *settings, int32_t n_threads,
                                struct times *times)
{
    struct reel_error err = {0};
    struct reel_train_options opt = reel_train_options_default();
    const struct reel_training data = {.chosen = *chosen};
    struct reel_model *model = NULL;
    opt.n_threads = n_threads;
    opt.progress = (struct reel_progress){note_time, times};
    if (reel_settings_parse(name, settings, &opt, &err) != REEL_OK ||
        reel_model_train(name, &data, &opt, &model, &err) != REEL_OK) {
        (void)fprintf(stderr, "bench_models: %s\n", err.text);
        exit(1);
    }
    return model;
}

static void bench_train(const struct reel_csr *chosen, const char *name,
                        const char *settings, int32_t n_threads)
{
    static struct times times;
    const int64_t begin = base_clock_ns();
    struct reel_model *model = train(chosen, name, settings, n_threads, &times);
    const int64_t end = base_clock_ns();
    const double memory = peak_mib();
    // als reports twice an iteration; the first iteration warms the caches.
    const double first = times.n > 2 ? (double)(times.ns[2] - times.ns[0]) * 1e-9 : NAN;
    double half[4096], mean = NAN;
    if (times.n > 4) {
        int32_t n = 0;
        for (int32_t i = 0; i + 2 < times.n; i += 2) {
            half[n++] = (double)(times.ns[i + 2] - times.ns[i]) * 1e-9;
        }
        qsort(half, (size_t)n, sizeof *half, by_value);
        mean = half[n / 2];
    }
    printf("{\"model\": \"%s\", \"seconds\": %.4f, \"first_iteration\": %.4f, "
           "\"median_iteration\": %.4f, \"peak_mib\": %.1f",
           name, (double)(end - begin) * 1e-9, isnan(first) ? 0 : first,
           isnan(mean) ? 0 : mean, memory);
    if (strcmp(name, "als") == 0) {
        printf(", \"loss\": %.8g", als_loss(model, chosen));
    }
    printf("}\n");
    reel_model_free(model);
}

static void bench_top(const struct reel_csr *chosen, const char *settings,
                      int32_t n_viewers, int32_t n_top, int32_t n_threads)
{
    static struct times times;
    struct reel_error err = {0};
    struct reel_model *model = train(chosen, "als", settings, 2, &times);
    int32_t *viewer = base_alloc_array((size_t)n_viewers, sizeof *viewer);
    int32_t *film = base_alloc_array((size_t)n_viewers * (size_t)n_top, sizeof *film);
    float *score = base_alloc_array((size_t)n_viewers * (size_t)n_top, sizeof *score);
    double *single = base_alloc_array((size_t)n_viewers, sizeof *single);
    if (!viewer || !film || !score || !single) {
        exit(1);
    }
    for (int32_t i = 0; i < n_viewers; i++) {
        viewer[i] = i;
    }
    const struct reel_csr seen = {n_viewers, chosen->n_cols, chosen->start, chosen->col,
                                  NULL};
    double together = INFINITY;
    enum reel_status rc = REEL_OK;
    for (int repeat = 0; repeat < 5; repeat++) {
        const int64_t begin = base_clock_ns();
        rc = rc ? rc
                : reel_model_top_trained(model, viewer, n_viewers, &seen, n_top,
                                         n_threads, film, score, &err);
        const double s = (double)(base_clock_ns() - begin) * 1e-9;
        together = s < together ? s : together;
    }
    double sum = 0;
    for (int64_t i = 0; i < (int64_t)n_viewers * n_top; i++) {
        sum += score[i];
    }
    for (int32_t i = 0; rc == REEL_OK && i < n_viewers; i++) {
        int64_t start[2] = {0, chosen->start[i + 1] - chosen->start[i]};
        const struct reel_csr one = {1, chosen->n_cols, start,
                                     chosen->col + chosen->start[i], NULL};
        const int64_t begin = base_clock_ns();
        rc = reel_model_top_trained(model, viewer + i, 1, &one, n_top, 1, film, score,
                                    &err);
        single[i] = (double)(base_clock_ns() - begin) * 1e-6;
    }
    if (rc != REEL_OK) {
        (void)fprintf(stderr, "bench_models: %s\n", err.text);
        exit(1);
    }
    qsort(single, (size_t)n_viewers, sizeof *single, by_value);
    printf(
        "{\"together_seconds\": %.5f, \"single_p50_ms\": %.4f, \"single_p99_ms\": %.4f, "
        "\"mean_score\": %.6f}\n",
        together, single[n_viewers / 2], single[n_viewers * 99 / 100],
        sum / ((double)n_viewers * n_top));
    base_free(viewer);
    base_free(film);
    base_free(score);
    base_free(single);
    reel_model_free(model);
}

static int by_index(const void *a, const void *b)
{
    return *(const int32_t *)a - *(const int32_t *)b;
}

/** A viewer of n_events different films is solved anew, as after each event; other films
 *  each time. Then the same with all films scored, as the next list needs. */
static void bench_fold(const struct reel_csr *chosen, const char *settings,
                       int32_t n_events, int32_t n_runs)
{
    static struct times times;
    struct reel_error err = {0};
    struct reel_model *model = train(chosen, "als", settings, 2, &times);
    const int32_t n_films = chosen->n_cols;
    int32_t *film = base_alloc_array((size_t)n_films, sizeof *film);
    double *fold = base_alloc_array((size_t)n_runs, sizeof *fold);
    double *list = base_alloc_array((size_t)n_runs, sizeof *list);
    float *score = base_alloc_array((size_t)n_films, sizeof *score);
    float *vector = base_alloc_array((size_t)model->header->n_factors, sizeof *vector);
    struct base_rng rng;
    if (!film || !fold || !list || !score || !vector || n_events > n_films) {
        exit(1);
    }
    base_rng_init(&rng, 1, 0);
    for (int32_t i = 0; i < n_films; i++) {
        film[i] = i;
    }
    enum reel_status rc = REEL_OK;
    for (int32_t r = 0; rc == REEL_OK && r < n_runs; r++) {
        base_rng_shuffle(&rng, film, n_films);
        qsort(film, (size_t)n_events, sizeof *film, by_index);
        const struct reel_query query = {.film = film, .n = n_events};
        int64_t begin = base_clock_ns();
        rc = model->class_->viewer_vector(model, &query, vector, &err);
        fold[r] = (double)(base_clock_ns() - begin) * 1e-6;
        begin = base_clock_ns();
        rc = rc ? rc : reel_model_score(model, &query, score, &err);
        list[r] = (double)(base_clock_ns() - begin) * 1e-6;
    }
    if (rc != REEL_OK) {
        (void)fprintf(stderr, "bench_models: %s\n", err.text);
        exit(1);
    }
    qsort(fold, (size_t)n_runs, sizeof *fold, by_value);
    qsort(list, (size_t)n_runs, sizeof *list, by_value);
    printf("{\"p50_ms\": %.4f, \"p99_ms\": %.4f, \"list_p50_ms\": %.4f, "
           "\"list_p99_ms\": %.4f}\n",
           fold[n_runs / 2], fold[n_runs * 99 / 100], list[n_runs / 2],
           list[n_runs * 99 / 100]);
    base_free(film);
    base_free(fold);
    base_free(list);
    base_free(score);
    base_free(vector);
    reel_model_free(model);
}

int main(int argc, char **argv)
{
    struct reel_error err = {0};
    struct base_file_map map;
    if (argc < 6 || base_file_map_open(&map, argv[1], &err) != REEL_OK) {
        (void)fprintf(stderr, "bench_models: %s\n",
                      argc < 6 ? "see the head of its source" : err.text);
        return 2;
    }
    const struct reel_csr chosen = view(&map);
    if (strcmp(argv[2], "train") == 0) {
        bench_train(&chosen, argv[3], argv[4], (int32_t)strtol(argv[5], NULL, 10));
    } else if (strcmp(argv[2], "fold") == 0) {
        bench_fold(&chosen, argv[3], (int32_t)strtol(argv[4], NULL, 10),
                   (int32_t)strtol(argv[5], NULL, 10));
    } else if (argc >= 7) {
        bench_top(&chosen, argv[3], (int32_t)strtol(argv[4], NULL, 10),
                  (int32_t)strtol(argv[5], NULL, 10), (int32_t)strtol(argv[6], NULL, 10));
    }
    base_file_map_close(&map);
    return 0;
}
