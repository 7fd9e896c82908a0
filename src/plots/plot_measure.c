/**
 * What is wrong with stories, and how much their siblings differ, measured anew: every text
 * is checked again, every graph is replayed from the premise. What nodes say of themselves is
 * not believed, but for where a text came from.
 */
#include "plot_write.h"

#include "base_alloc.h"
#include "base_error.h"
#include "plot_prompt.h"
#include "plot_replay.h"
#include "plot_story.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/** Sums over nodes and over sibling sets, across stories. */
struct sums {
    int32_t n_nodes, n_sets, n_differ;
    int32_t n_broken, n_copied, n_unknown, n_contradict, n_language, n_repeated,
        n_planned;
    double self_bleu, distinct;
    double gain, gain_sound;
    int32_t n_gains, n_sound_gains, n_sound;
};

/** One story under measurement. */
struct measured {
    const struct reel_story *story;
    const struct plot_schema *schema;
    struct plot_world *world;
    struct plot_prompts *prompts;
    struct plot_checker *checker;
    struct plot_graph *graph; /* (n_nodes) after each node */
    struct plot_words *words; /* (n_nodes) of the texts */
    const char **told;        /* (n_nodes) scratch for a path */
    bool *is_sound;           /* (n_nodes) no check found anything */
    struct sums *sums;
    struct reel_error *err;
};

static enum reel_status no_memory(const struct measured *m)
{
    return fail(m->err, REEL_ENOMEM, "measuring %d nodes", m->story->n_nodes);
}

static enum reel_status begin(struct measured *m)
{
    const struct reel_story *story = m->story;
    const size_t n = (size_t)story->n_nodes;
    enum reel_status rc = plot_schema_get(&m->schema, m->err);
    rc = rc ? rc : plot_world_create(story->premise, story->language, &m->world, m->err);
    rc = rc ? rc : plot_prompts_create(story->language, &m->prompts, m->err);
    if (rc) {
        return rc;
    }
    struct plot_check_options checks = {.n_words_max = INT32_MAX / 5,
                                        .max_age = -1,
                                        .prompt_scenes = plot_prompts_scenes(m->prompts)};
    checks.prompt_name = plot_prompts_names(m->prompts, &checks.n_prompt_names);
    rc = plot_checker_create(m->world, &checks, &m->checker, m->err);
    m->graph = base_alloc_zeroed(n, sizeof *m->graph);
    m->words = base_alloc_zeroed(n, sizeof *m->words);
    m->told = base_alloc_array(n, sizeof *m->told);
    m->is_sound = base_alloc_zeroed(n, sizeof *m->is_sound);
    return rc || (m->graph && m->words && m->told && m->is_sound) ? rc : no_memory(m);
}

static void end(struct measured *m)
{
    for (int32_t i = 0; i < m->story->n_nodes; i++) {
        if (m->graph) {
            plot_graph_release(&m->graph[i]);
        }
        if (m->words) {
            plot_words_release(&m->words[i]);
        }
    }
    base_free(m->graph);
    base_free(m->words);
    base_free(m->told);
    base_free(m->is_sound);
    plot_checker_free(m->checker);
    plot_prompts_free(m->prompts);
    plot_world_free(m->world);
}

static enum reel_status check_node(struct measured *m, int32_t i)
{
    const struct reel_story_node *node = &m->story->node[i];
    const struct plot_graph *before = &m->graph[node->parent[0]];
    struct plot_step step;
    const bool is_planned = plot_step_of(m->schema, m->world, node, &step);
    bool is_allowed = true;
    enum reel_status rc = plot_graph_copy(&m->graph[i], before, m->err);
    if (rc == REEL_OK && is_planned) {
        is_allowed = plot_graph_allows(before, &m->schema->event[step.event], step.role);
        plot_graph_happen(&m->graph[i], &m->schema->event[step.event], step.role);
    }
    const struct plot_scene scene = {.before = before,
                                     .after = &m->graph[i],
                                     .step = is_planned ? &step : NULL,
                                     .told = m->told,
                                     .n_told = plot_story_told(m->story, i, m->told)};
    uint32_t failed = 0;
    rc = rc ? rc : plot_check_text(m->checker, &scene, node->text, &failed, m->err);
#define FAILED(id) (failed >> PLOT_CHECK_##id & 1)
    struct sums *s = m->sums;
    s->n_nodes++;
    s->n_broken += FAILED(UNFINISHED) || FAILED(EMPTY);
    s->n_copied += FAILED(COPIES_SYNOPSIS);
    s->n_unknown += FAILED(UNKNOWN_NAME);
    s->n_language += FAILED(WRONG_LANGUAGE) || FAILED(MIXED_SCRIPT);
    s->n_repeated += FAILED(REPEATS_ITSELF) || FAILED(COPIES_ANCESTOR);
    s->n_contradict += !is_allowed || (failed & PLOT_CHECKS_OF_GRAPH) != 0;
    s->n_planned += node->provenance == REEL_BY_TEMPLATE ||
                    (node->plan && !strcmp(node->plan, node->text));
#undef FAILED
    m->is_sound[i] = is_allowed && failed == 0;
    s->n_sound += m->is_sound[i];
    return rc;
}

/* ---- siblings ---- */

static int compare_units(const void *x, const void *y)
{
    const uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

/** Distinct bigrams over bigrams of a set of texts; 1 when there are none. */
static enum reel_status distinct_bigrams(const struct measured *m, const int32_t *child,
                                         int32_t n, double *share)
{
    size_t n_all = 0, n_distinct = 0, room = 1;
    for (int32_t i = 0; i < n; i++) {
        room += (size_t)m->words[child[i]].n;
    }
    uint64_t *pair = base_alloc_array(room, sizeof *pair);
    if (!pair) {
        return no_memory(m);
    }
    for (int32_t i = 0; i < n; i++) {
        const struct plot_words *w = &m->words[child[i]];
        for (int32_t k = 0; k + 1 < w->n; k++) {
            pair[n_all++] = w->unit[k] * 0x9e3779b97f4a7c15 ^ w->unit[k + 1];
        }
    }
    qsort(pair, n_all, sizeof *pair, compare_units);
    for (size_t i = 0; i < n_all; i++) {
        n_distinct += i == 0 || pair[i] != pair[i - 1];
    }
    *share = n_all ? (double)n_distinct / (double)n_all : 1;
    base_free(pair);
    return REEL_OK;
}

static bool choices_differ(const struct measured *m, const int32_t *child, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        for (int32_t j = 0; j < i; j++) {
            if (!strcmp(m->story->node[child[i]].choice,
                        m->story->node[child[j]].choice)) {
                return false;
            }
        }
    }
    return true;
}

static enum reel_status measure_set(struct measured *m, const int32_t *child, int32_t n)
{
    const struct plot_words **other = base_alloc_array((size_t)n, sizeof *other);
    double distinct = 0, bleu = 0;
    if (!other) {
        return no_memory(m);
    }
    for (int32_t i = 0; i < n; i++) {
        int32_t n_others = 0;
        for (int32_t j = 0; j < n; j++) {
            if (j != i) {
                other[n_others++] = &m->words[child[j]];
            }
        }
        bleu += plot_words_bleu4(&m->words[child[i]], other, n_others) / n;
    }
    base_free(other);
    const enum reel_status rc = distinct_bigrams(m, child, n, &distinct);
    m->sums->n_sets++;
    m->sums->n_differ += choices_differ(m, child, n);
    m->sums->self_bleu += bleu;
    m->sums->distinct += distinct;
    return rc;
}

static enum reel_status measure_siblings(struct measured *m)
{
    struct plot_story_links links;
    enum reel_status rc = plot_story_links_init(&links, m->story, m->err);
    for (int32_t i = 0; rc == REEL_OK && i < m->story->n_nodes; i++) {
        const int32_t n = links.start[i + 1] - links.start[i];
        if (n >= 2) {
            rc = measure_set(m, links.child + links.start[i], n);
        }
    }
    plot_story_links_release(&links);
    return rc;
}

/* ---- coherence ---- */

static char *join_path(struct measured *m, int32_t node, struct base_arena *arena)
{
    const int32_t n = plot_story_told(m->story, node, m->told);
    size_t n_bytes = 1;
    for (int32_t i = 0; i < n; i++) {
        n_bytes += strlen(m->told[i]) + 2;
    }
    char *joined = base_arena_alloc(arena, n_bytes, 1);
    char *at = joined;
    for (int32_t i = 0; joined && i < n; i++) {
        at += snprintf(at, n_bytes - (size_t)(at - joined), "%s%s", i ? "\n\n" : "",
                       m->told[i]);
    }
    return joined;
}

static void add_gain(struct measured *m, int32_t node, double gain)
{
    if (!isnan(gain)) {
        m->sums->gain += gain;
        m->sums->n_gains++;
        m->sums->gain_sound += m->is_sound[node] ? gain : 0;
        m->sums->n_sound_gains += m->is_sound[node];
    }
}

static enum reel_status judge(struct measured *m, struct reel_lm *lm)
{
    const int32_t n = m->story->n_nodes - 1;
    const size_t room = (size_t)n + 1;
    struct base_arena arena;
    base_arena_init(&arena, (size_t)1 << 30);
    struct plot_judged *judged = base_arena_alloc(&arena, room, sizeof *judged);
    enum reel_status rc = judged ? REEL_OK : no_memory(m);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        judged[i] = (struct plot_judged){join_path(m, i + 1, &arena), NULL,
                                         m->story->node[i + 1].text, NAN, NAN};
        rc = judged[i].story ? REEL_OK : no_memory(m);
    }
    const struct reel_progress silent = {0};
    rc = rc ? rc : plot_judge(lm, judged, n, &silent, m->err);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        add_gain(m, i + 1, judged[i].gain);
    }
    base_arena_release(&arena);
    return rc;
}

static void take_stored_gain(struct measured *m)
{
    for (int32_t i = 1; i < m->story->n_nodes; i++) {
        add_gain(m, i, m->story->node[i].gain_per_token);
    }
}

/* ---- all ---- */

static enum reel_status measure_story(struct measured *m, struct reel_lm *lm)
{
    struct base_text *fold = NULL;
    enum reel_status rc = begin(m);
    if (rc == REEL_OK) {
        fold = plot_checker_fold(m->checker);
        rc = plot_graph_init(&m->graph[0], m->world, m->err);
    }
    for (int32_t i = 1; rc == REEL_OK && i < m->story->n_nodes; i++) {
        rc = check_node(m, i);
        rc = rc ? rc : plot_words_cut(fold, m->story->node[i].text, &m->words[i], m->err);
    }
    rc = rc ? rc : measure_siblings(m);
    if (rc == REEL_OK && lm && reel_lm_about(lm)->can_score) {
        rc = judge(m, lm);
    } else if (rc == REEL_OK) {
        take_stored_gain(m);
    }
    end(m);
    return rc;
}

static double share(int32_t part, int32_t whole)
{
    return whole ? (double)part / whole : 0;
}

enum reel_status reel_story_measure(const struct reel_story *const *story, int32_t n,
                                    struct reel_lm *lm, struct reel_story_measures *out,
                                    struct reel_error *err)
{
    struct sums s = {0};
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        struct measured m = {.story = story[i], .sums = &s, .err = err};
        rc = measure_story(&m, lm);
    }
    *out = (struct reel_story_measures){
        .n_nodes = s.n_nodes,
        .broken_off = share(s.n_broken, s.n_nodes),
        .copied = share(s.n_copied, s.n_nodes),
        .unknown_names = share(s.n_unknown, s.n_nodes),
        .contradictions = share(s.n_contradict, s.n_nodes),
        .wrong_language = share(s.n_language, s.n_nodes),
        .repeated = share(s.n_repeated, s.n_nodes),
        .planned_only = share(s.n_planned, s.n_nodes),
        .choices_differ = share(s.n_differ, s.n_sets),
        .self_bleu4 = s.n_sets ? s.self_bleu / s.n_sets : 0,
        .distinct2 = s.n_sets ? s.distinct / s.n_sets : 0,
        .gain_per_token = s.n_gains ? s.gain / s.n_gains : NAN,
        .sound = share(s.n_sound, s.n_nodes),
        .gain_sound = s.n_sound_gains ? s.gain_sound / s.n_sound_gains : NAN,
    };
    return rc;
}
