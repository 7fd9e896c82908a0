/**
 * `forkreel evaluate --stories`: what the way of Forkreel adds to a model. The same films,
 * seeds, model and sampling for both columns; *mix* plans, checks and reranks, *plain* asks
 * once and takes what comes. Both are measured by reel_story_measure.
 */
#include "cmd_evaluate.h"

#include "cli_lm.h"
#include "cli_session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_WAYS = 2, N_BRANCHES = 3, DEPTH = 2 };

static const struct {
    const char *name;
    enum reel_method method;
} ways[N_WAYS] = {{"mix", REEL_METHOD_MIX}, {"plain", REEL_METHOD_PLAIN}};

struct story_evaluation {
    struct cli *cli;
    const struct evaluate_stories_words *words;
    struct reel_lm *lm;
    char **premise; /* (n_films) of the store, spread evenly over it */
    int64_t *film_key;
    int32_t n_films, n_in_store, room;
    struct reel_story **story; /* (n_films) of the way at hand */
    struct reel_story_measures measures[N_WAYS];
    double seconds[N_WAYS];
    int32_t n_done; /* stories grown so far, of both ways */
};

/* ---- films ---- */

static enum reel_status keep_premise(int64_t film_key, const char *premise, void *payload,
                                     struct reel_error *err)
{
    struct story_evaluation *e = payload;
    (void)err;
    if (e->n_in_store == e->room) {
        e->room = e->room ? 2 * e->room : 64;
        e->premise = cli_need(realloc(e->premise, (size_t)e->room * sizeof *e->premise));
        e->film_key =
            cli_need(realloc(e->film_key, (size_t)e->room * sizeof *e->film_key));
    }
    e->premise[e->n_in_store] = cli_need(strdup(premise));
    e->film_key[e->n_in_store++] = film_key;
    return REEL_OK;
}

/** Of all films with a story as many as were asked for, evenly spread; the same each time. */
static enum reel_status choose_films(struct story_evaluation *e, struct reel_error *err)
{
    struct session s;
    enum reel_status rc = session_open(e->cli, &s, 0, err);
    rc = rc ? rc : reel_store_stories_each(s.store, keep_premise, e, err);
    session_close(&s);
    if (rc == REEL_OK && e->n_in_store == 0) {
        return cli_error(err, REEL_EFAIL, "%s",
                         tr("no film has a story yet: forkreel import catalogue PATH"));
    }
    e->n_films = e->words->n_films < e->n_in_store ? e->words->n_films : e->n_in_store;
    for (int32_t i = 0; rc == REEL_OK && i < e->n_films; i++) {
        const int32_t from = (int32_t)((int64_t)i * e->n_in_store / e->n_films);
        char *premise = e->premise[i];
        e->premise[i] = e->premise[from];
        e->premise[from] = premise;
        const int64_t key = e->film_key[i];
        e->film_key[i] = e->film_key[from];
        e->film_key[from] = key;
    }
    return rc;
}

/* ---- growing ---- */

/** The nodes of one story, told as a part of all stories. */
static bool report(const char *stage, double done, double total, void *payload)
{
    (void)stage;
    const struct story_evaluation *e = payload;
    const struct reel_progress progress = cli_progress(e->cli);
    return progress.report(tr("stories"), e->n_done + (total > 0 ? done / total : 0),
                           (double)N_WAYS * e->n_films, progress.payload);
}

static enum reel_status grow_all(struct story_evaluation *e, int way,
                                 struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    const double begin_s = cli_clock_s();
    for (int32_t i = 0; rc == REEL_OK && i < e->n_films; i++) {
        struct reel_fork_options opt = reel_fork_options_default();
        opt.lm = e->lm;
        opt.language = e->cli->lang;
        opt.method = ways[way].method;
        opt.n_branches = N_BRANCHES;
        opt.depth = DEPTH;
        opt.film_key = e->film_key[i];
        opt.seed = e->words->seed + (uint64_t)i;
        opt.progress = (struct reel_progress){report, e};
        rc = reel_fork_film(e->premise[i], &opt, &e->story[i], err);
        e->n_done++;
    }
    e->seconds[way] = cli_clock_s() - begin_s;
    return rc;
}

static enum reel_status evaluate_way(struct story_evaluation *e, int way,
                                     struct reel_error *err)
{
    enum reel_status rc = grow_all(e, way, err);
    rc = rc ? rc
            : reel_story_measure((const struct reel_story *const *)e->story, e->n_films,
                                 e->lm, &e->measures[way], err);
    for (int32_t i = 0; i < e->n_films; i++) {
        reel_story_free(e->story[i]);
        e->story[i] = NULL;
    }
    return rc;
}

/* ---- showing ---- */

/** The measures in the order of the table; `is_share`: shown in percent. */
#define MEASURE(member) \
    .name = #member, .offset = offsetof(struct reel_story_measures, member)
static const struct measure_row {
    const char *name, *caption;
    size_t offset;
    bool is_share;
} rows[] = {
    {MEASURE(broken_off), .caption = "broken off or empty", .is_share = true},
    {MEASURE(copied), .caption = "copies the synopsis", .is_share = true},
    {MEASURE(unknown_names), .caption = "unknown names", .is_share = true},
    {MEASURE(contradictions), .caption = "contradicts the graph", .is_share = true},
    {MEASURE(wrong_language), .caption = "wrong language or script", .is_share = true},
    {MEASURE(repeated), .caption = "repeats itself or what was told", .is_share = true},
    {MEASURE(planned_only), .caption = "only the planned sentence", .is_share = true},
    {MEASURE(choices_differ), .caption = "choices that all differ", .is_share = true},
    {MEASURE(self_bleu4), .caption = "self-BLEU-4 of siblings"},
    {MEASURE(distinct2), .caption = "distinct pairs of words of siblings"},
    {MEASURE(gain_per_token), .caption = "gain from the story, nats per token"},
    {MEASURE(sound), .caption = "sound: passes every check", .is_share = true},
    {MEASURE(gain_sound), .caption = "gain of the sound ones"},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static double measure_at(const struct reel_story_measures *measures, int row)
{
    double value;
    memcpy(&value, (const char *)measures + rows[row].offset, sizeof value);
    return value;
}

static json_t *stories_json(const struct story_evaluation *e)
{
    json_t *list = json_array();
    for (int w = 0; w < N_WAYS; w++) {
        json_t *object =
            json_pack("{s:s, s:i, s:o}", "method", ways[w].name, "nodes",
                      e->measures[w].n_nodes, "seconds", cli_json_real(e->seconds[w]));
        for (int r = 0; r < N_ROWS; r++) {
            json_object_set_new(object, rows[r].name,
                                cli_json_real(measure_at(&e->measures[w], r)));
        }
        json_array_append_new(list, object);
    }
    return json_pack("{s:i, s:s, s:o, s:I, s:i, s:i, s:o}", "films", e->n_films,
                     "language", e->cli->lang, "model",
                     cli_json_text(reel_lm_about(e->lm)->name), "seed",
                     (json_int_t)e->words->seed, "branches", N_BRANCHES, "depth", DEPTH,
                     "methods", list);
}

static void print_stories(const struct story_evaluation *e)
{
    const struct cli_column column[] = {
        {"MEASURE", CLI_LEFT}, {"MIX", CLI_RIGHT}, {"PLAIN", CLI_RIGHT}};
    struct cli_table table;
    cli_table_init(&table, column, 1 + N_WAYS);
    for (int r = 0; r < N_ROWS; r++) {
        cli_table_line(&table);
        cli_table_text(&table, tr(rows[r].caption));
        for (int w = 0; w < N_WAYS; w++) {
            const double value = measure_at(&e->measures[w], r);
            if (rows[r].is_share) {
                cli_table_cell(&table, "%.1f %%", 100 * value);
            } else if (isnan(value)) {
                cli_table_text(&table, "-");
            } else {
                cli_table_cell(&table, "%.3f", value);
            }
        }
    }
    cli_table_line(&table);
    cli_table_text(&table, tr("nodes"));
    for (int w = 0; w < N_WAYS; w++) {
        cli_table_cell(&table, "%d", e->measures[w].n_nodes);
    }
    cli_table_line(&table);
    cli_table_text(&table, tr("seconds"));
    for (int w = 0; w < N_WAYS; w++) {
        cli_table_cell(&table, "%.1f", e->seconds[w]);
    }
    cli_table_show(&table);
    cli_table_release(&table);
    putchar('\n');
    cli_print(tr("%d films, %d branches to depth %d, seeds from %llu, model %s."),
              e->n_films, N_BRANCHES, DEPTH, (unsigned long long)e->words->seed,
              reel_lm_about(e->lm)->name);
    cli_print("%s", tr("Mix: planned, checked, reranked. Plain: one prompt, no plan, no "
                       "checks. Same model, same sampling."));
}

enum cli_exit evaluate_stories(struct cli *cli,
                               const struct evaluate_stories_words *words)
{
    struct reel_error err;
    struct story_evaluation e = {.cli = cli, .words = words};
    enum reel_status rc = choose_films(&e, &err);
    rc = rc ? rc : cli_lm_open(cli, words->model, NULL, &e.lm, &err);
    e.story = cli_need(calloc((size_t)e.n_films + 1, sizeof *e.story));
    for (int w = 0; rc == REEL_OK && w < N_WAYS; w++) {
        rc = evaluate_way(&e, w, &err);
    }
    reel_progress_bar_clear(&cli->bar);
    enum cli_exit status = CLI_DONE;
    if (rc) {
        status = cli_fail(cli, &err);
    } else if (cli->is_json) {
        status = cli_json_show(stories_json(&e));
    } else {
        print_stories(&e);
    }
    for (int32_t i = 0; i < e.n_in_store; i++) {
        free(e.premise[i]);
    }
    free(e.premise);
    free(e.film_key);
    free(e.story);
    reel_lm_close(e.lm);
    return status;
}
