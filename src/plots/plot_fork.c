/**
 * A story grows level by level. For all nodes of a level: ask the planner for more steps
 * than are needed, keep some that differ, let each happen in a copy of its parent's graph;
 * steps that lead to the same graph by the same event become one node; then all texts of the
 * level are written together (plot_write.h), scored, and added.
 *
 * score = weight_plan log p_plan + weight_like log p_like + weight_gain gain, the last in
 * nats per token: three probabilities, each as a logarithm. A part that is
 * unknown is left out, for all siblings alike.
 */
#include "plot_write.h"

#include "base_alloc.h"
#include "base_error.h"
#include "plot_diverse.h"
#include "plot_story.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { GROWTH_BYTES_MAX = 1 << 30, STEPS_MAX = 64, MORE_STEPS = 3 };

/** A node that can grow; graph and arrays are in the growth. */
struct leaf {
    int32_t i_node;
    struct plot_graph graph;
    struct plot_step *path; /* (n_path) */
    const char **told;      /* (n_path + 1) texts, the opening first */
    int32_t n_path;
};

/** A child under way. */
struct sprout {
    int32_t i_leaf;
    struct plot_step step; /* event -1: free text */
    struct plot_graph after;
    const struct reel_fact *gained, *lost; /* what it changes; in the arena */
    int32_t n_gained, n_lost;
    int32_t same_as; /* an earlier sprout of the level that it meets; -1 */
    int32_t i_slot;
    int32_t i_node;
};

struct growth {
    const struct reel_fork_options *opt;
    const struct plot_schema *schema;
    struct plot_world *world;
    struct plot_planner *planner; /* NULL: free text */
    struct plot_writer *writer;
    struct plot_story_builder *builder;
    struct base_arena arena;
    struct leaf *leaf; /* (n_leaves) of the level above */
    struct sprout *sprout;
    struct plot_slot *slot;
    int32_t
        *n_told; /* (n_events) how often an event was picked in this tree; in the arena */
    int32_t n_leaves, n_sprouts, n_slots, depth;
    double n_expected; /* nodes, for progress */
    struct reel_error *err;
};

static enum reel_status no_memory(const struct growth *g)
{
    return fail(g->err, REEL_ENOMEM, "growing a story");
}

/* ---- options ---- */

struct reel_fork_options reel_fork_options_default(void)
{
    return (struct reel_fork_options){.language = "en",
                                      .n_branches = 3,
                                      .depth = 3,
                                      .n_candidates = 8,
                                      .n_words_max = 60,
                                      .max_age = -1,
                                      .weight_plan = 1,
                                      .weight_like = 1,
                                      .weight_gain = 1,
                                      .diversity = .4,
                                      .is_merging = true};
}

static const char *const method_names[] = {"mix", "data", "text", "graph", "plain"};

static bool is_free(const struct reel_fork_options *opt)
{
    return opt->method == REEL_METHOD_TEXT || opt->method == REEL_METHOD_PLAIN;
}

/** Nodes of a full tree, the opening not counted. */
static double full_tree(const struct reel_fork_options *opt)
{
    double sum = 0, level = 1;
    for (int32_t d = 0; d < opt->depth && sum < 1e9; d++) {
        level *= opt->n_branches;
        sum += level;
    }
    return sum;
}

static enum reel_status check_options(const struct reel_fork_options *opt,
                                      struct reel_error *err)
{
    const struct {
        const char *name;
        int32_t value, low, high;
    } ranges[] = {{"branches", opt->n_branches, 1, STEPS_MAX / 2},
                  {"depth", opt->depth, 1, 64},
                  {"candidates", opt->n_candidates, 1, 64},
                  {"words", opt->n_words_max, 10, 1000},
                  {"method", (int32_t)opt->method, 0, REEL_METHOD_PLAIN}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (ranges[i].value < ranges[i].low || ranges[i].value > ranges[i].high) {
            return fail(err, REEL_EINVAL, "%s is %d; it must be %d to %d", ranges[i].name,
                        ranges[i].value, ranges[i].low, ranges[i].high);
        }
    }
    if (!(opt->diversity >= 0 && opt->diversity <= 1)) {
        return fail(err, REEL_EINVAL, "diversity is %g; it must be 0 to 1",
                    opt->diversity);
    }
    if (full_tree(opt) > REEL_STORY_MAX_NODES) {
        return fail(err, REEL_EINVAL, "%d branches to depth %d are more than %d nodes",
                    opt->n_branches, opt->depth, REEL_STORY_MAX_NODES);
    }
    if (is_free(opt) && !opt->lm) {
        return fail(err, REEL_EINVAL, "method %s needs a language model",
                    method_names[opt->method]);
    }
    return REEL_OK;
}

/* ---- beginning ---- */

static enum reel_status add_opening(struct growth *g)
{
    const struct reel_story_node opening = {.text = g->world->opening,
                                            .logp_per_token = NAN,
                                            .gain_per_token = NAN,
                                            .p_plan = NAN,
                                            .p_like = NAN,
                                            .diversity = NAN,
                                            .provenance = REEL_BY_OPENING};
    enum reel_status rc = plot_story_builder_add(g->builder, &opening, NULL, g->err);
    g->leaf = base_alloc_zeroed(1, sizeof *g->leaf);
    if (rc == REEL_OK && !g->leaf) {
        rc = no_memory(g);
    }
    if (rc == REEL_OK) {
        g->n_leaves = 1;
        rc = plot_graph_init(&g->leaf->graph, g->world, g->err);
        g->leaf->told = base_arena_alloc(&g->arena, 1, sizeof *g->leaf->told);
        rc = rc || g->leaf->told ? rc : no_memory(g);
    }
    if (rc == REEL_OK) {
        g->leaf->told[0] = g->world->opening;
        if (g->opt->on_node) {
            g->opt->on_node(plot_story_builder_node(g->builder, 0), 0, g->opt->payload);
        }
    }
    return rc;
}

static enum reel_status begin(struct growth *g, const char *premise_json)
{
    const struct reel_fork_options *opt = g->opt;
    enum reel_status rc = plot_schema_get(&g->schema, g->err);
    rc = rc ? rc : plot_world_create(premise_json, opt->language, &g->world, g->err);
    if (rc == REEL_OK && !is_free(opt)) {
        const size_t n_events = (size_t)g->schema->n_events;
        g->n_told = base_arena_alloc(&g->arena, n_events, sizeof *g->n_told);
        if (!g->n_told) {
            return no_memory(g);
        }
        memset(g->n_told, 0, n_events * sizeof *g->n_told);
        rc = plot_planner_create(g->world, opt, &g->planner, g->err);
    }
    rc = rc ? rc : plot_writer_create(g->world, opt, &g->writer, g->err);
    if (rc) {
        return rc;
    }
    const bool has_model = plot_writer_has_model(g->writer);
    const struct reel_lm_facts *model = has_model ? reel_lm_about(opt->lm) : NULL;
    const struct reel_story head = {
        .title = g->world->title,
        .film_key = opt->film_key,
        .viewer = opt->viewer,
        .language = g->world->language,
        .genre = opt->genre && *opt->genre ? opt->genre
                 : *g->world->genre        ? g->world->genre
                                           : NULL,
        .tone = opt->tone,
        .method = method_names[opt->method],
        .model = model && *model->name ? model->name : NULL,
        .model_checksum = model && *model->checksum ? model->checksum : NULL,
        .prompt_version = plot_writer_prompt_version(g->writer),
        .seed = opt->seed,
        .created_s = (int64_t)time(NULL),
        .premise = g->world->premise,
        .entity = g->world->entity,
        .fact = g->world->fact,
        .n_entities = g->world->n_entities,
        .n_facts = g->world->n_facts,
    };
    rc = plot_story_builder_create(&head, &g->builder, g->err);
    return rc ? rc : add_opening(g);
}

/* ---- planning a level ---- */

static enum reel_status sprouts_reserve(struct growth *g)
{
    const size_t n = (size_t)g->n_leaves * (size_t)g->opt->n_branches;
    g->sprout = base_alloc_zeroed(n, sizeof *g->sprout);
    g->slot = base_alloc_zeroed(n, sizeof *g->slot);
    g->n_sprouts = g->n_slots = 0;
    return g->sprout && g->slot ? REEL_OK : no_memory(g);
}

/** Of the steps offered, some that are likely and differ, also from what cousins do; `picked` (n_branches). */
static enum reel_status pick_steps(struct growth *g, const struct plot_step *step,
                                   int32_t n, int32_t *picked, int32_t *n_picked)
{
    struct base_text *fold = plot_checker_fold(plot_writer_checker(g->writer));
    struct plot_branch branch[STEPS_MAX];
    int32_t n_cut = 0;
    double p_most = 0;
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; i < n; i++) {
        p_most = step[i].p > p_most ? step[i].p : p_most;
    }
    for (; rc == REEL_OK && n_cut < n; n_cut++) {
        branch[n_cut] = (struct plot_branch){
            .step = &step[n_cut],
            .relevance = (p_most > 0 ? step[n_cut].p / p_most : 1) /
                         pow(1 + g->n_told[step[n_cut].event], 2),
            .group = n_cut,
        };
        rc = plot_words_cut(fold, step[n_cut].sentence, &branch[n_cut].words, g->err);
    }
    rc = rc ? rc
            : plot_branches_pick(branch, n, g->opt->diversity, g->opt->n_branches, picked,
                                 n_picked, g->err);
    for (int32_t i = 0; i < n_cut; i++) {
        plot_words_release(&branch[i].words);
    }
    return rc;
}

static const struct reel_fact *keep_facts(struct growth *g, const struct reel_fact *fact,
                                          int32_t n)
{
    struct reel_fact *kept = base_arena_alloc(&g->arena, (size_t)n, sizeof *kept);
    if (kept && n) {
        memcpy(kept, fact, (size_t)n * sizeof *kept);
    }
    return kept;
}

static enum reel_status add_sprout(struct growth *g, int32_t i_leaf,
                                   const struct plot_step *step)
{
    struct sprout *s = &g->sprout[g->n_sprouts];
    struct reel_fact gained[PLOT_CHANGES_MAX], lost[PLOT_CHANGES_MAX];
    *s = (struct sprout){.i_leaf = i_leaf, .step = *step, .same_as = -1, .i_slot = -1};
    enum reel_status rc = plot_graph_copy(&s->after, &g->leaf[i_leaf].graph, g->err);
    g->n_sprouts += rc == REEL_OK;
    rc = rc ? rc
            : plot_graph_apply(&s->after, &g->schema->event[step->event], step->role,
                               gained, &s->n_gained, lost, &s->n_lost, g->err);
    if (rc) {
        return rc;
    }
    s->gained = keep_facts(g, gained, s->n_gained);
    s->lost = keep_facts(g, lost, s->n_lost);
    return s->gained && s->lost ? REEL_OK : no_memory(g);
}

static enum reel_status plan_leaf(struct growth *g, int32_t i_leaf)
{
    const struct leaf *leaf = &g->leaf[i_leaf];
    const int32_t n_wanted = g->opt->n_branches * MORE_STEPS;
    const int32_t n_max = n_wanted < STEPS_MAX ? n_wanted : STEPS_MAX;
    struct plot_step step[STEPS_MAX];
    int32_t n = 0, picked[STEPS_MAX], n_picked = 0;
    enum reel_status rc =
        plot_plan_next(g->planner, &leaf->graph, leaf->path, leaf->n_path,
                       g->opt->depth - g->depth, n_max, step, &n, g->err);
    if (rc == REEL_EFAIL && g->depth > 1) {
        return REEL_OK; // this way leads nowhere; others may
    }
    rc = rc ? rc : pick_steps(g, step, n, picked, &n_picked);
    for (int32_t i = 0; rc == REEL_OK && i < n_picked; i++) {
        g->n_told[step[picked[i]].event]++;
        rc = add_sprout(g, i_leaf, &step[picked[i]]);
    }
    return rc;
}

/** Same event and roles, same graph, told once: the later one goes to the earlier one. */
static void find_meetings(struct growth *g)
{
    for (int32_t i = 0; g->opt->is_merging && i < g->n_sprouts; i++) {
        struct sprout *s = &g->sprout[i];
        for (int32_t j = 0; s->same_as < 0 && j < i; j++) {
            const struct sprout *other = &g->sprout[j];
            if (other->same_as < 0 && other->i_leaf != s->i_leaf &&
                other->step.event == s->step.event &&
                other->step.is_ending == s->step.is_ending &&
                !memcmp(other->step.role, s->step.role, sizeof s->step.role) &&
                plot_graph_equal(&other->after, &s->after)) {
                s->same_as = j;
            }
        }
    }
}

static void add_slot(struct growth *g, int32_t i_leaf, const struct plot_graph *after,
                     const struct plot_step *step, int32_t n_wanted)
{
    const struct leaf *leaf = &g->leaf[i_leaf];
    g->slot[g->n_slots++] = (struct plot_slot){
        .scene = {.before = &leaf->graph,
                  .after = after,
                  .step = step,
                  .told = leaf->told,
                  .n_told = leaf->n_path + 1},
        .note_before = leaf->n_path ? leaf->path[leaf->n_path - 1].sentence : NULL,
        .i_parent = i_leaf,
        .n_wanted = n_wanted,
    };
}

static enum reel_status plan_level(struct growth *g)
{
    enum reel_status rc = sprouts_reserve(g);
    for (int32_t i = 0; rc == REEL_OK && i < g->n_leaves; i++) {
        if (is_free(g->opt)) {
            add_slot(g, i, &g->leaf[i].graph, NULL, g->opt->n_branches);
        } else {
            rc = plan_leaf(g, i);
        }
    }
    if (rc == REEL_OK) {
        find_meetings(g);
    }
    for (int32_t i = 0; rc == REEL_OK && i < g->n_sprouts; i++) {
        struct sprout *s = &g->sprout[i];
        if (s->same_as < 0) {
            s->i_slot = g->n_slots;
            add_slot(g, s->i_leaf, &s->after, &s->step, 1);
        }
    }
    return rc;
}

/** Free texts become sprouts that change nothing. */
static enum reel_status sprout_free_texts(struct growth *g)
{
    enum reel_status rc = REEL_OK;
    for (int32_t s = 0; rc == REEL_OK && s < g->n_slots; s++) {
        for (int32_t i = 0; rc == REEL_OK && i < g->slot[s].n_written; i++) {
            struct sprout *to = &g->sprout[g->n_sprouts];
            *to = (struct sprout){
                .i_leaf = s,
                .step = {.event = -1, .is_ending = g->depth == g->opt->depth},
                .same_as = -1,
                .i_slot = s,
                .i_node = i}; // which of the slot's texts, until it has a node
            rc = plot_graph_copy(&to->after, &g->leaf[s].graph, g->err);
            g->n_sprouts += rc == REEL_OK;
        }
    }
    return rc;
}

/* ---- scoring ---- */

static enum reel_status score_level(struct growth *g, struct reel_branch_score *score)
{
    const struct reel_branch_scorer *scorer = &g->opt->scorer;
    struct reel_branch *branch = base_alloc_zeroed((size_t)g->n_sprouts, sizeof *branch);
    char(*genres)[256] = base_alloc_zeroed((size_t)g->n_sprouts, sizeof *genres);
    int32_t n = 0;
    enum reel_status rc = branch && genres ? REEL_OK : no_memory(g);
    for (int32_t i = 0; rc == REEL_OK && i < g->n_sprouts; i++) {
        const struct sprout *s = &g->sprout[i];
        if (s->same_as >= 0) {
            continue;
        }
        const bool is_planned = s->step.event >= 0;
        const struct plot_event *event =
            is_planned ? &g->schema->event[s->step.event] : NULL;
        for (int32_t k = 0; event && k < g->schema->n_genres; k++) {
            const size_t at = strlen(genres[n]);
            if (event->genre_weight[k] > 1) {
                snprintf(genres[n] + at, sizeof genres[n] - at, "%s%s", at ? ", " : "",
                         g->schema->genre[k]);
            }
        }
        branch[n] = (struct reel_branch){
            .text = g->slot[s->i_slot].written[is_planned ? 0 : s->i_node].text,
            .choice = s->step.choice,
            .event = event ? event->name : NULL,
            .genre = g->opt->genre && *g->opt->genre ? g->opt->genre : g->world->genre,
            .event_genres = genres[n],
            .intensity = event ? event->intensity : 0,
            .language = g->world->language,
        };
        n++;
    }
    rc = rc || n == 0 ? rc : scorer->score(branch, n, score, scorer->payload, g->err);
    base_free(branch);
    base_free(genres);
    return rc;
}

static double score_of(const struct reel_fork_options *opt,
                       const struct reel_story_node *node)
{
    double score = 0;
    score += isnan(node->p_plan) ? 0 : opt->weight_plan * log(fmax(node->p_plan, 1e-9));
    score += isnan(node->p_like) ? 0 : opt->weight_like * log(fmax(node->p_like, 1e-9));
    score += isnan(node->gain_per_token) ? 0 : opt->weight_gain * node->gain_per_token;
    return score;
}

/* ---- adding a level ---- */

/** The first words of a free text: what a choice would be called. */
static char *choice_of(struct growth *g, const char *text)
{
    const bool is_zh = !strcmp(g->world->language, "zh");
    const char *at = text, *end = text;
    for (int32_t n = 0; n < (is_zh ? 12 : 7) && *at; n++) {
        if (is_zh) {
            plot_next_char(&at);
        } else {
            at += strcspn(at, " \n");
            at += strspn(at, " \n");
        }
        end = at;
    }
    while (end > text && (end[-1] == ' ' || end[-1] == ',' || end[-1] == '.')) {
        end--;
    }
    const size_t n = (size_t)(end - text);
    char *choice = base_arena_alloc(&g->arena, n + sizeof "…", 1);
    if (choice) {
        memcpy(choice, text, n);
        memcpy(choice + n, *at ? "…" : "", *at ? sizeof "…" : 1);
    }
    return choice;
}

/** Siblings are told apart: where two steps would be called the same, by what happens. */
static const char *choice_for(struct growth *g, int32_t i, const char *text)
{
    const struct sprout *s = &g->sprout[i];
    if (s->step.event < 0 || !s->step.choice || !*s->step.choice) {
        return choice_of(g, s->step.event < 0 ? text : s->step.sentence);
    }
    for (int32_t j = 0; j < g->n_sprouts; j++) {
        const struct sprout *other = &g->sprout[j];
        if (j != i && other->i_leaf == s->i_leaf && other->step.choice &&
            !strcmp(other->step.choice, s->step.choice)) {
            return s->step.sentence;
        }
    }
    return s->step.choice;
}

static int32_t fill_roles(const struct sprout *s, struct reel_role_filler *role)
{
    static const char *const names[] = {"a", "b", "c", "place", "object", "group"};
    int32_t n = 0;
    for (int r = 0; s->step.event >= 0 && r < PLOT_ROLES; r++) {
        if (s->step.role[r] >= 0) {
            role[n++] = (struct reel_role_filler){names[r], s->step.role[r]};
        }
    }
    return n;
}

static int32_t fill_checks(const struct plot_slot *slot, uint32_t failed,
                           struct reel_check_result *check)
{
    for (unsigned c = 0; c < PLOT_N_CHECKS; c++) {
        check[c] = (struct reel_check_result){plot_check_name((enum plot_check)c),
                                              !(failed >> c & 1), slot->n_failed[c]};
    }
    return PLOT_N_CHECKS;
}

static enum reel_status add_node(struct growth *g, int32_t i,
                                 const struct reel_branch_score *score)
{
    struct sprout *s = &g->sprout[i];
    const struct plot_slot *slot = &g->slot[s->i_slot];
    const bool is_planned = s->step.event >= 0;
    const struct plot_event *event = is_planned ? &g->schema->event[s->step.event] : NULL;
    const struct plot_written *w = &slot->written[is_planned ? 0 : s->i_node];
    struct reel_role_filler role[PLOT_ROLES];
    struct reel_check_result check[PLOT_N_CHECKS];
    struct reel_score_part part[REEL_BRANCH_PARTS_MAX];
    struct reel_story_node node = {
        .parent = &g->leaf[s->i_leaf].i_node,
        .n_parents = 1,
        .choice = choice_for(g, i, w->text),
        .event = event ? event->name : NULL,
        .role = role,
        .n_roles = fill_roles(s, role),
        .plan = s->step.sentence,
        .text = w->text,
        .gained = s->gained,
        .lost = s->lost,
        .n_gained = s->n_gained,
        .n_lost = s->n_lost,
        .logp_per_token = w->logp_per_token,
        .gain_per_token = w->gain_per_token,
        .p_plan = is_planned ? s->step.p : NAN,
        .p_like = score ? score->p_like : NAN,
        .part = part,
        .n_parts = score ? score->n_parts : 0,
        .diversity = w->diversity,
        .check = check,
        .n_checks =
            g->opt->method == REEL_METHOD_PLAIN ? 0 : fill_checks(slot, w->failed, check),
        .provenance = w->provenance,
        .is_ending = s->step.is_ending,
        .ending = !s->step.is_ending       ? NULL
                  : event && event->ending ? event->ending
                                           : "open",
    };
    for (int32_t p = 0; p < node.n_parts; p++) {
        part[p] = (struct reel_score_part){score->part[p].name, score->part[p].value};
    }
    node.score = score_of(g->opt, &node);
    enum reel_status rc =
        node.choice ? plot_story_builder_add(g->builder, &node, &s->i_node, g->err)
                    : no_memory(g);
    if (rc == REEL_OK && g->opt->on_node) {
        g->opt->on_node(plot_story_builder_node(g->builder, s->i_node), s->i_node,
                        g->opt->payload);
    }
    return rc;
}

static enum reel_status add_level(struct growth *g)
{
    struct reel_branch_score *score =
        g->opt->scorer.score ? base_alloc_zeroed((size_t)g->n_sprouts, sizeof *score)
                             : NULL;
    enum reel_status rc = g->opt->scorer.score && !score ? no_memory(g) : REEL_OK;
    rc = rc || !score ? rc : score_level(g, score);
    for (int32_t i = 0, n = 0; rc == REEL_OK && i < g->n_sprouts; i++) {
        struct sprout *s = &g->sprout[i];
        if (s->same_as >= 0) {
            s->i_node = g->sprout[s->same_as].i_node;
            rc = plot_story_builder_meet(g->builder, s->i_node, g->leaf[s->i_leaf].i_node,
                                         g->err);
        } else {
            rc = add_node(g, i, score ? &score[n++] : NULL);
        }
    }
    base_free(score);
    return rc;
}

/* ---- on to the next level ---- */

static enum reel_status grow_leaf(struct growth *g, const struct sprout *s,
                                  struct leaf *leaf)
{
    const struct leaf *from = &g->leaf[s->i_leaf];
    const size_t n = (size_t)from->n_path;
    leaf->i_node = s->i_node;
    leaf->n_path = from->n_path + 1;
    leaf->path = base_arena_alloc(&g->arena, n + 1, sizeof *leaf->path);
    leaf->told = base_arena_alloc(&g->arena, n + 2, sizeof *leaf->told);
    if (!leaf->path || !leaf->told) {
        return no_memory(g);
    }
    if (n) {
        memcpy(leaf->path, from->path, n * sizeof *leaf->path);
    }
    memcpy(leaf->told, from->told, (n + 1) * sizeof *leaf->told);
    leaf->path[n] = s->step;
    leaf->told[n + 1] = plot_story_builder_node(g->builder, s->i_node)->text;
    return plot_graph_copy(&leaf->graph, &s->after, g->err);
}

static void leaves_release(struct leaf *leaf, int32_t n)
{
    for (int32_t i = 0; leaf && i < n; i++) {
        plot_graph_release(&leaf[i].graph);
    }
    base_free(leaf);
}

static void level_release(struct growth *g)
{
    for (int32_t i = 0; i < g->n_sprouts; i++) {
        plot_graph_release(&g->sprout[i].after);
    }
    base_free(g->sprout);
    base_free(g->slot);
    g->sprout = NULL;
    g->slot = NULL;
    g->n_sprouts = g->n_slots = 0;
}

static enum reel_status next_leaves(struct growth *g)
{
    struct leaf *next = base_alloc_zeroed((size_t)g->n_sprouts, sizeof *next);
    int32_t n = 0;
    enum reel_status rc = next ? REEL_OK : no_memory(g);
    for (int32_t i = 0; rc == REEL_OK && i < g->n_sprouts; i++) {
        const struct sprout *s = &g->sprout[i];
        if (s->same_as < 0 && !s->step.is_ending) {
            rc = grow_leaf(g, s, &next[n++]);
        }
    }
    if (rc) {
        leaves_release(next, n);
        return rc;
    }
    leaves_release(g->leaf, g->n_leaves);
    g->leaf = next;
    g->n_leaves = n;
    return REEL_OK;
}

/** The engine's steps, told as nodes: "nodes 12 of 39". */
static bool report(const char *stage, double done, double total, void *payload)
{
    (void)stage;
    const struct growth *g = payload;
    const double part = total > 0 && done < total ? done / total : 0;
    const double n_nodes = plot_story_builder_n_nodes(g->builder) - 1 + part * g->n_slots;
    return base_progress_report(&g->opt->progress, "nodes", n_nodes, g->n_expected);
}

static enum reel_status grow_level(struct growth *g)
{
    const struct reel_progress progress = {report, g};
    enum reel_status rc = plan_level(g);
    if (rc == REEL_OK && !base_progress_report(&progress, "nodes", 0, 0)) {
        rc = fail(g->err, REEL_ECANCELLED, "stopped at depth %d", g->depth);
    }
    rc = rc ? rc
            : plot_write_level(g->writer, g->slot, g->n_slots, &g->arena, &progress,
                               g->err);
    if (rc == REEL_OK && is_free(g->opt)) {
        rc = sprout_free_texts(g);
    }
    rc = rc ? rc : add_level(g);
    rc = rc ? rc : next_leaves(g);
    level_release(g);
    return rc;
}

enum reel_status reel_fork_film(const char *premise_json,
                                const struct reel_fork_options *opt,
                                struct reel_story **out, struct reel_error *err)
{
    struct growth g = {.opt = opt, .err = err};
    *out = NULL;
    enum reel_status rc = check_options(opt, err);
    if (rc) {
        return rc;
    }
    base_arena_init(&g.arena, GROWTH_BYTES_MAX);
    g.n_expected = full_tree(opt);
    rc = begin(&g, premise_json);
    for (g.depth = 1; rc == REEL_OK && g.depth <= opt->depth && g.n_leaves > 0;
         g.depth++) {
        rc = grow_level(&g);
    }
    rc = rc ? rc : plot_story_builder_finish(&g.builder, out, err);
    plot_story_builder_free(g.builder);
    leaves_release(g.leaf, g.n_leaves);
    plot_writer_free(g.writer);
    plot_planner_free(g.planner);
    plot_world_free(g.world);
    base_arena_release(&g.arena);
    return rc;
}
