/**
 * `forkreel evaluate --languages`: does a film's Chinese text rank where its English text
 * ranks?
 *
 * The stories of the catalogue are cut into parts. The films of one part are then new: their
 * ratings, texts, and the translations of their sentences are left out of everything that is
 * learned. What is learned places the texts of all stories, in one language and in the other; for every
 * viewer each new film has a rank among the texts of either language. How the two ranks go
 * together is Spearman's correlation over the films, and the mean over the viewers is shown.
 */
#include "cli_features.h"
#include "cmd_evaluate.h"

#include <forkreel/taste.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_PARTS = 5, N_BOOTSTRAP = 200, N_LIKES_MIN = 5, N_WAYS = 2, N_SCORES = 2 };

struct measuring {
    struct session s;
    struct texts films, bridge, language[2]; /* stories in English, in Chinese */
    int32_t n;                               /* stories */
    int32_t *part;                           /* (n) of a story */
    bool *is_out;                            /* (films of the table) in this part */
    uint64_t seed;
    float *rank[N_SCORES][2]; /* (viewers, n) by what is scored and language */
};

struct correlation {
    double mean, low, high;
};

/* ---- what is left when films are left out ---- */

struct kept {
    struct reel_csr csr;
    int64_t *start;
    int32_t *col;
    float *value;
};

static void kept_make(const struct reel_csr *all, const bool *is_out, struct kept *out)
{
    const size_t n_entries = (size_t)all->start[all->n_rows] + 1;
    out->start = cli_need(calloc((size_t)all->n_rows + 1, sizeof *out->start));
    out->col = cli_need(malloc(n_entries * sizeof *out->col));
    out->value = all->value ? cli_need(malloc(n_entries * sizeof *out->value)) : NULL;
    int64_t n = 0;
    for (int32_t v = 0; v < all->n_rows; v++) {
        for (int64_t e = all->start[v]; e < all->start[v + 1]; e++) {
            if (is_out[all->col[e]]) {
                continue;
            }
            if (out->value) {
                out->value[n] = all->value[e];
            }
            out->col[n++] = all->col[e];
        }
        out->start[v + 1] = n;
    }
    out->csr =
        (struct reel_csr){all->n_rows, all->n_cols, out->start, out->col, out->value};
}

static void kept_release(struct kept *kept)
{
    free(kept->start);
    free(kept->col);
    free(kept->value);
}

/** Texts whose film stays; the strings are borrowed. Free `text` alone. */
static struct texts texts_kept(const struct texts *all, const bool *is_out,
                               bool keep_places)
{
    struct texts kept = {.text = cli_need(calloc((size_t)all->n + 1, sizeof *kept.text))};
    for (int32_t i = 0; i < all->n; i++) {
        const bool is_kept = all->film[i] < 0 || !is_out[all->film[i]];
        if (is_kept) {
            kept.text[kept.n++] = all->text[i];
        } else if (keep_places) {
            kept.n++; // a film of which nothing is known
        }
    }
    return kept;
}

/* ---- one part ---- */

/** What is learned without the films of a part. */
struct learned {
    struct reel_features *features;
    struct reel_model *taste;
    struct kept chosen, rated;
    float *place[2]; /* (n, n_place) by language */
};

static void learned_release(struct learned *l)
{
    reel_features_free(l->features);
    reel_model_free(l->taste);
    kept_release(&l->chosen);
    kept_release(&l->rated);
    free(l->place[0]);
    free(l->place[1]);
}

static enum reel_status place_stories(const struct measuring *m, struct learned *l,
                                      struct reel_error *err)
{
    const size_t n_place = (size_t)reel_taste_n_place(l->taste);
    enum reel_status rc = REEL_OK;
    for (int i = 0; rc == REEL_OK && i < 2; i++) {
        struct reel_feature_rows rows;
        l->place[i] = cli_need(malloc(((size_t)m->n * n_place + 1) * sizeof(float)));
        rc = features_rows(l->features, &m->language[i], NULL, m->n, &rows, err);
        if (rc == REEL_OK) {
            rc = reel_taste_place(l->taste, rows.block, rows.n_blocks, m->n, l->place[i],
                                  err);
            reel_feature_rows_release(&rows);
        }
    }
    return rc;
}

static enum reel_status learn(struct measuring *m, bool with_bridge, struct learned *l,
                              struct reel_error *err)
{
    struct session *s = &m->s;
    struct texts films = texts_kept(&m->films, m->is_out, true);
    struct texts bridge = texts_kept(&m->bridge, m->is_out, false);
    struct reel_feature_rows rows = {0};
    const struct reel_features_options opt =
        features_options(s->cli, with_bridge ? &bridge : NULL, m->seed);
    kept_make(&s->chosen.chosen, m->is_out, &l->chosen);
    kept_make(&s->history.seen, m->is_out, &l->rated);
    enum reel_status rc = reel_features_fit(films.text, films.n, &opt, &l->features, err);
    rc = rc ? rc : reel_features_rows(l->features, films.text, films.n, &rows, err);
    if (rc == REEL_OK) {
        struct reel_train_options train = reel_train_options_default();
        train.seed = m->seed;
        train.n_threads = s->cli->n_threads;
        train.progress = cli_progress(s->cli);
        const struct reel_training data = {.chosen = l->chosen.csr,
                                           .rated = &l->rated.csr,
                                           .feature = rows.block,
                                           .n_features = rows.n_blocks};
        rc = reel_model_train("taste", &data, &train, &l->taste, err);
    }
    rc = rc ? rc : place_stories(m, l, err);
    reel_feature_rows_release(&rows);
    free(films.text);
    free(bridge.text);
    return rc;
}

static int by_value(const void *a, const void *b)
{
    const float x = **(const float *const *)a, y = **(const float *const *)b;
    return x < y ? -1 : x > y;
}

/** 0 for the lowest; of equal values the earlier one is the lower. */
static void ranks_make(const float *value, int32_t n, const float **order, float *rank)
{
    for (int32_t i = 0; i < n; i++) {
        order[i] = &value[i];
    }
    qsort(order, (size_t)n, sizeof *order, by_value);
    for (int32_t i = 0; i < n; i++) {
        rank[order[i] - value] = (float)i;
    }
}

static struct reel_query query_of(const struct kept *kept, int32_t row)
{
    const int64_t begin = kept->start[row];
    return (struct reel_query){.film = kept->col + begin,
                               .value = kept->value ? kept->value + begin : NULL,
                               .n = (int32_t)(kept->start[row + 1] - begin)};
}

/** Ranks of the films of `part` for every viewer. */
static enum reel_status rank_part(struct measuring *m, const struct learned *l,
                                  int32_t part, struct reel_error *err)
{
    const size_t n = (size_t)m->n;
    float *viewer =
        cli_need(malloc((size_t)reel_taste_n_viewer(l->taste) * sizeof *viewer));
    struct reel_opinion *opinion = cli_need(malloc((n + 1) * sizeof *opinion));
    float *value = cli_need(malloc((2 * n + 1) * sizeof *value)), *rank = value + n;
    const float **order = cli_need(malloc((n + 1) * sizeof *order));
    enum reel_status rc = REEL_OK;
    for (int32_t v = 0; rc == REEL_OK && v < l->chosen.csr.n_rows; v++) {
        const struct reel_query chosen = query_of(&l->chosen, v);
        const struct reel_query rated = query_of(&l->rated, v);
        rc = reel_taste_viewer(l->taste, &chosen, &rated, viewer, err);
        for (int i = 0; rc == REEL_OK && i < 2; i++) {
            rc = reel_taste_score(l->taste, viewer, l->place[i], m->n, opinion, err);
            for (int what = 0; rc == REEL_OK && what < N_SCORES; what++) {
                for (int32_t f = 0; f < m->n; f++) {
                    value[f] = what ? opinion[f].p_like : opinion[f].score;
                }
                ranks_make(value, m->n, order, rank);
                for (int32_t f = 0; f < m->n; f++) {
                    if (m->part[f] == part) {
                        m->rank[what][i][(size_t)v * n + (size_t)f] = rank[f];
                    }
                }
            }
        }
    }
    free(viewer);
    free(opinion);
    free(value);
    free(order);
    return rc;
}

/* ---- Spearman ---- */

static double pearson(const float *x, const float *y, int32_t n)
{
    double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0;
    for (int32_t i = 0; i < n; i++) {
        sx += x[i];
        sy += y[i];
        xx += (double)x[i] * x[i];
        yy += (double)y[i] * y[i];
        xy += (double)x[i] * y[i];
    }
    const double vx = xx - sx * sx / n, vy = yy - sy * sy / n;
    return vx > 0 && vy > 0 ? (xy - sx * sy / n) / sqrt(vx * vy) : 0;
}

/** Mean over the viewers of the correlation over the films `pick` (n). */
static double mean_over_viewers(const struct measuring *m, int what, const int32_t *pick)
{
    const size_t n = (size_t)m->n;
    float *x = cli_need(malloc(4 * (n + 1) * sizeof *x)), *y = x + n;
    const float **order = cli_need(malloc((n + 1) * sizeof *order));
    double sum = 0;
    int32_t n_viewers = 0;
    const struct reel_csr *chosen = &m->s.chosen.chosen;
    for (int32_t v = 0; v < chosen->n_rows; v++) {
        if (chosen->start[v + 1] - chosen->start[v] < N_LIKES_MIN) {
            continue;
        }
        for (size_t f = 0; f < n; f++) {
            x[f] = m->rank[what][0][(size_t)v * n + (size_t)pick[f]];
            y[f] = m->rank[what][1][(size_t)v * n + (size_t)pick[f]];
        }
        ranks_make(x, m->n, order, x + 2 * n);
        ranks_make(y, m->n, order, x + 3 * n);
        sum += pearson(x + 2 * n, x + 3 * n, m->n);
        n_viewers++;
    }
    free(x);
    free(order);
    return n_viewers > 0 ? sum / n_viewers : NAN;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/** The films drawn anew give the interval. */
static struct correlation correlate(const struct measuring *m, int what)
{
    int32_t *pick = cli_need(malloc(((size_t)m->n + 1) * sizeof *pick));
    double drawn[N_BOOTSTRAP];
    uint64_t state = m->seed;
    for (int32_t f = 0; f < m->n; f++) {
        pick[f] = f;
    }
    struct correlation c = {.mean = mean_over_viewers(m, what, pick)};
    for (int b = 0; b < N_BOOTSTRAP; b++) {
        for (int32_t f = 0; f < m->n; f++) {
            pick[f] = (int32_t)(next_random(&state) % (uint64_t)m->n);
        }
        drawn[b] = mean_over_viewers(m, what, pick);
    }
    qsort(drawn, N_BOOTSTRAP, sizeof *drawn, by_size);
    c.low = drawn[N_BOOTSTRAP / 40];
    c.high = drawn[N_BOOTSTRAP - 1 - N_BOOTSTRAP / 40];
    free(pick);
    return c;
}

/* ---- all parts ---- */

static void parts_make(struct measuring *m)
{
    uint64_t state = m->seed;
    int32_t *order = cli_need(malloc(((size_t)m->n + 1) * sizeof *order));
    m->part = cli_need(malloc(((size_t)m->n + 1) * sizeof *m->part));
    for (int32_t i = 0; i < m->n; i++) {
        const int32_t j = (int32_t)(next_random(&state) % (uint64_t)(i + 1));
        order[i] = order[j];
        order[j] = i;
    }
    for (int32_t i = 0; i < m->n; i++) {
        m->part[order[i]] = i % N_PARTS;
    }
    free(order);
}

static enum reel_status measure_way(struct measuring *m, bool with_bridge,
                                    struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t part = 0; rc == REEL_OK && part < N_PARTS; part++) {
        struct learned learned = {0};
        memset(m->is_out, 0, (size_t)m->s.films->n_films * sizeof *m->is_out);
        for (int32_t f = 0; f < m->n; f++) {
            m->is_out[m->language[0].film[f]] |= m->part[f] == part;
        }
        rc = learn(m, with_bridge, &learned, err);
        rc = rc ? rc : rank_part(m, &learned, part, err);
        learned_release(&learned);
    }
    reel_progress_bar_clear(&m->s.cli->bar);
    return rc;
}

static enum reel_status prepare(struct measuring *m, struct reel_error *err)
{
    struct session *s = &m->s;
    enum reel_status rc = session_load(s, 0, err);
    rc = rc ? rc : texts_of_films(s, &m->films, err);
    rc = rc ? rc : texts_of_bridge(s, &m->bridge, err);
    rc = rc ? rc : texts_of_stories(s, "en", &m->language[0], err);
    rc = rc ? rc : texts_of_stories(s, "zh", &m->language[1], err);
    if (rc) {
        return rc;
    }
    m->n = m->language[0].n;
    if (m->n < 2 * N_PARTS) {
        return cli_error(err, REEL_EFAIL, "%s",
                         tr("too few films with a story; run 'forkreel import catalogue "
                            "data/catalogue'"));
    }
    const size_t n_ranks = (size_t)s->history.n_viewers * (size_t)m->n + 1;
    m->is_out = cli_need(calloc((size_t)s->films->n_films + 1, sizeof *m->is_out));
    for (int what = 0; what < N_SCORES; what++) {
        for (int i = 0; i < 2; i++) {
            m->rank[what][i] = cli_need(calloc(n_ranks, sizeof *m->rank[what][i]));
        }
    }
    parts_make(m);
    return REEL_OK;
}

static enum cli_exit measure_all(struct measuring *m)
{
    static const struct cli_column columns[] = {{"TEXTS JOINED", CLI_LEFT},
                                                {"SCORE", CLI_RIGHT},
                                                {"95 %", CLI_RIGHT},
                                                {"P(LIKE)", CLI_RIGHT},
                                                {"95 %", CLI_RIGHT}};
    struct cli *cli = m->s.cli;
    struct cli_table table;
    struct reel_error err;
    json_t *list = json_array();
    cli_table_init(&table, columns, sizeof columns / sizeof *columns);
    enum reel_status rc = prepare(m, &err);
    for (int way = 0; rc == REEL_OK && way < N_WAYS; way++) {
        rc = measure_way(m, way == 0, &err);
        struct correlation c[N_SCORES];
        for (int what = 0; rc == REEL_OK && what < N_SCORES; what++) {
            c[what] = correlate(m, what);
        }
        if (rc == REEL_OK) {
            cli_table_line(&table);
            cli_table_text(&table, way == 0
                                       ? tr("with translated sentences of other films")
                                       : tr("without translations"));
            for (int what = 0; what < N_SCORES; what++) {
                cli_table_cell(&table, "%.3f", c[what].mean);
                cli_table_cell(&table, "%.3f .. %.3f", c[what].low, c[what].high);
            }
            json_array_append_new(
                list,
                json_pack("{s:b, s:f, s:[f,f], s:f, s:[f,f]}", "translations", way == 0,
                          "score", c[0].mean, "score_interval", c[0].low, c[0].high,
                          "p_like", c[1].mean, "p_like_interval", c[1].low, c[1].high));
        }
    }
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status = cli_fail(cli, &err);
    } else if (cli->is_json) {
        status = cli_json_show(json_pack("{s:i, s:i, s:O}", "films", m->n, "viewers",
                                         m->s.history.n_viewers, "spearman", list));
    } else {
        cli_table_show(&table);
        cli_print(tr("Spearman over %d films that were left out, mean over the viewers: "
                     "rank of the Chinese text and of the English one."),
                  m->n);
    }
    json_decref(list);
    cli_table_release(&table);
    return status;
}

enum cli_exit evaluate_languages(struct cli *cli, uint64_t seed)
{
    struct measuring m = {.seed = seed};
    struct reel_error err;
    const enum reel_status rc = session_open(cli, &m.s, 0, &err);
    const enum cli_exit status = rc ? cli_fail(cli, &err) : measure_all(&m);
    texts_release(&m.films);
    texts_release(&m.bridge);
    for (int i = 0; i < 2; i++) {
        texts_release(&m.language[i]);
        for (int what = 0; what < N_SCORES; what++) {
            free(m.rank[what][i]);
        }
    }
    free(m.part);
    free(m.is_out);
    session_close(&m.s);
    return status;
}
