/**
 * What a story promises, and how one is put together. Files are read and written in
 * plot_story_file.c and plot_format_json.c.
 */
#include "plot_story.h"

#include "base_alloc.h"
#include "base_arena.h"
#include "base_clock.h"
#include "base_error.h"
#include "base_text.h"
#include "plot_event.h"

#include <jansson.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ID_BYTES_MAX = 120, STORY_BYTES_MAX = 1 << 30 };

/** Becomes the story's `owned`: one lifetime for all that was copied. */
struct plot_story_builder {
    struct reel_story story;
    struct base_arena arena;
    struct reel_story_node *node; /* story.node, writable */
    int32_t room;
};

/* ---- names ---- */

static const char *const kind_names[] = {"", "person", "place", "object", "group"};
static const char *const source_names[] = {"",      "catalogue", "rule",
                                           "model", "event",     "person"};
static const char *const provenance_names[] = {"", "opening", "model", "template",
                                               "person"};
static const char *const ending_names[] = {"", "happy", "bittersweet", "tragic", "open"};
static const char *const role_names[] = {"", "a", "b", "c", "place", "object", "group"};

#define N_NAMES(names) (sizeof(names) / sizeof *(names))

static size_t name_find(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 1; name && i < n; i++) {
        if (!strcmp(names[i], name)) {
            return i;
        }
    }
    return 0;
}

const char *plot_entity_kind_name(enum reel_entity_kind kind)
{
    return (size_t)kind < N_NAMES(kind_names) ? kind_names[kind] : "";
}

enum reel_entity_kind plot_entity_kind_find(const char *name)
{
    return (enum reel_entity_kind)name_find(kind_names, N_NAMES(kind_names), name);
}

const char *plot_source_name(enum reel_source source)
{
    return (size_t)source < N_NAMES(source_names) ? source_names[source] : "";
}

enum reel_source plot_source_find(const char *name)
{
    return (enum reel_source)name_find(source_names, N_NAMES(source_names), name);
}

const char *plot_provenance_name(enum reel_provenance provenance)
{
    return (size_t)provenance < N_NAMES(provenance_names) ? provenance_names[provenance]
                                                          : "";
}

enum reel_provenance plot_provenance_find(const char *name)
{
    return (enum reel_provenance)name_find(provenance_names, N_NAMES(provenance_names),
                                           name);
}

/** 1 a state, 2 between two, 0 no such relation. */
static int relation_arity(const char *name)
{
    static const struct {
        const char *name;
        int arity;
    } relations[] = {
#define X(id, name, arity, symmetric) {name, arity},
        PLOT_RELATIONS(X)
#undef X
    };
    for (size_t i = 0; i < N_NAMES(relations); i++) {
        if (!strcmp(relations[i].name, name)) {
            return relations[i].arity;
        }
    }
    return 0;
}

/* ---- checking ---- */

/** One or more of [a-z0-9] and `others`. */
static bool is_word(const char *text, const char *others)
{
    size_t n = 0;
    for (; text && text[n]; n++) {
        const char c = text[n];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !strchr(others, c)) {
            return false;
        }
    }
    return n > 0 && n <= ID_BYTES_MAX;
}

/** Where in a story something was found, "node 4", to begin the error with. */
struct place {
    const char *what;
    int32_t i; /* -1 leave out */
    struct reel_error *err;
};

static enum reel_status wrong(const struct place *at, const char *text)
{
    return at->i < 0 ? fail(at->err, REEL_EFORMAT, "%s%s", at->what, text)
                     : fail(at->err, REEL_EFORMAT, "%s %d%s", at->what, at->i, text);
}

/** Well-formed UTF-8; NULL only where `may_lack`, "" never. */
static enum reel_status check_text(const struct place *at, const char *name,
                                   const char *text, bool may_lack)
{
    char said[128];
    if (!text && may_lack) {
        return REEL_OK;
    }
    if (!text || !*text) {
        snprintf(said, sizeof said, ": no %s", name);
        return wrong(at, said);
    }
    size_t bad = 0;
    if (!base_utf8_check(text, strlen(text), &bad)) {
        snprintf(said, sizeof said, ": %s is not UTF-8 at byte %zu", name, bad);
        return wrong(at, said);
    }
    return REEL_OK;
}

static enum reel_status check_number(const struct place *at, const char *name,
                                     double value, double low, double high,
                                     bool may_be_nan)
{
    char said[128];
    if (may_be_nan ? isnan(value) : false) {
        return REEL_OK;
    }
    if (!isfinite(value) || value < low || value > high) {
        snprintf(said, sizeof said, ": %s is %g", name, value);
        return wrong(at, said);
    }
    return REEL_OK;
}

static enum reel_status check_head(const struct reel_story *story, struct reel_error *err)
{
    const struct place at = {"story", -1, err};
    enum reel_status rc = REEL_OK;
    if (!is_word(story->id, "-")) {
        return wrong(&at, ": the id is not of [a-z0-9-]");
    }
    rc = check_text(&at, "title", story->title, false);
    if (rc == REEL_OK && (!story->language || (strcmp(story->language, "en") != 0 &&
                                               strcmp(story->language, "zh") != 0))) {
        return wrong(&at, ": the language is neither en nor zh");
    }
    const struct {
        const char *name, *text;
    } optional[] = {{"viewer", story->viewer},
                    {"genre", story->genre},
                    {"tone", story->tone},
                    {"method", story->method},
                    {"model", story->model},
                    {"model_checksum", story->model_checksum},
                    {"prompt_version", story->prompt_version}};
    for (size_t i = 0; rc == REEL_OK && i < N_NAMES(optional); i++) {
        rc = check_text(&at, optional[i].name, optional[i].text, true);
    }
    if (rc == REEL_OK && (story->created_s < 0 || story->created_s > 253402300799)) {
        return wrong(&at, ": the time it was made is outside 1970 to 9999");
    }
    if (rc == REEL_OK && story->film_key < 0) {
        return wrong(&at, ": film_key is below 0");
    }
    return rc ? rc : check_text(&at, "premise", story->premise, false);
}

static enum reel_status check_premise(const struct reel_story *story,
                                      struct reel_error *err)
{
    json_error_t why;
    json_t *premise = json_loads(story->premise, JSON_REJECT_DUPLICATES, &why);
    const bool is_object = json_is_object(premise);
    json_decref(premise);
    if (premise && is_object) {
        return REEL_OK;
    }
    if (!premise && json_error_code(&why) == json_error_out_of_memory) {
        return fail(err, REEL_ENOMEM, "premise: out of memory");
    }
    return fail(err, REEL_EFORMAT, "story: the premise is not one JSON object%s%s",
                premise ? "" : ": ", premise ? "" : why.text);
}

static int compare_texts(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static enum reel_status check_ids_differ(const struct reel_story *story,
                                         struct reel_error *err)
{
    const char **id = base_alloc_array((size_t)story->n_entities, sizeof *id);
    if (!id) {
        return fail(err, REEL_ENOMEM, "checking %d entities", story->n_entities);
    }
    for (int32_t e = 0; e < story->n_entities; e++) {
        id[e] = story->entity[e].id;
    }
    qsort(id, (size_t)story->n_entities, sizeof *id, compare_texts);
    enum reel_status rc = REEL_OK;
    for (int32_t e = 1; rc == REEL_OK && e < story->n_entities; e++) {
        if (!strcmp(id[e - 1], id[e])) {
            rc = fail(err, REEL_EFORMAT, "entities: two have the id '%s'", id[e]);
        }
    }
    base_free(id);
    return rc;
}

static enum reel_status check_entity(const struct reel_entity *entity,
                                     const struct place *at)
{
    if (!is_word(entity->id, "_")) {
        return wrong(at, ": the id is not of [a-z0-9_]");
    }
    if (!*plot_entity_kind_name(entity->kind)) {
        return wrong(at, ": no such kind");
    }
    if (!*plot_source_name(entity->source)) {
        return wrong(at, ": no such source");
    }
    if (!entity->gender || !strchr("mfn", entity->gender)) {
        return wrong(at, ": gender is none of m, f, n");
    }
    enum reel_status rc = check_text(at, "name", entity->name, false);
    rc = rc ? rc : check_text(at, "goal", entity->goal, true);
    for (int32_t i = 0; rc == REEL_OK && i < entity->n_aliases; i++) {
        rc = check_text(at, "alias", entity->alias[i], false);
    }
    for (int32_t i = 0; rc == REEL_OK && i < entity->n_traits; i++) {
        rc = check_text(at, "trait", entity->trait[i], false);
    }
    return rc;
}

static enum reel_status check_fact(const struct reel_story *story,
                                   const struct reel_fact *fact, const char *list,
                                   int32_t i, const struct place *at)
{
    char said[160];
    const int arity = fact->relation ? relation_arity(fact->relation) : 0;
    said[0] = 0;
    if (arity == 0) {
        snprintf(said, sizeof said, "there is no relation '%.40s'",
                 fact->relation ? fact->relation : "");
    } else if (fact->subject < 0 || fact->subject >= story->n_entities) {
        snprintf(said, sizeof said, "no entity %d", fact->subject);
    } else if (arity == 1 ? fact->object != -1
                          : fact->object < 0 || fact->object >= story->n_entities) {
        snprintf(said, sizeof said, "'%s' with object %d", fact->relation, fact->object);
    } else if (!*plot_source_name(fact->source)) {
        snprintf(said, sizeof said, "no such source");
    }
    if (!said[0]) {
        return REEL_OK;
    }
    char all[240];
    snprintf(all, sizeof all, "%s%s %d: %s", *at->what ? " " : "", list, i, said);
    return wrong(at, all);
}

static enum reel_status check_parents(const struct reel_story *story, int32_t i,
                                      struct reel_error *err)
{
    const struct reel_story_node *node = &story->node[i];
    int32_t depth = 0;
    if ((i == 0) != (node->n_parents == 0)) {
        return fail(err, REEL_EFORMAT, "node %d: %s", i,
                    i ? "no parent" : "the opening has a parent");
    }
    for (int32_t p = 0; p < node->n_parents; p++) {
        const int32_t parent = node->parent[p];
        if (parent < 0 || parent >= story->n_nodes) {
            return fail(err, REEL_EFORMAT, "node %d parent %d: no node %d", i, p, parent);
        }
        if (parent >= i || (p > 0 && parent <= node->parent[p - 1])) {
            return fail(err, REEL_EFORMAT, "node %d parent %d: %d is out of order", i, p,
                        parent);
        }
        if (story->node[parent].is_ending) {
            return fail(err, REEL_EFORMAT, "node %d parent %d: node %d is an ending", i,
                        p, parent);
        }
        const int32_t through = story->node[parent].depth + 1;
        depth = p == 0 || through < depth ? through : depth;
    }
    if (node->depth != depth) {
        return fail(err, REEL_EFORMAT, "node %d: depth is %d, not %d", i, node->depth,
                    depth);
    }
    return REEL_OK;
}

static enum reel_status check_numbers(const struct reel_story_node *node,
                                      const struct place *at)
{
    const double far = 1e300;
    enum reel_status rc =
        check_number(at, "logp_per_token", node->logp_per_token, -far, far, true);
    rc = rc ? rc
            : check_number(at, "gain_per_token", node->gain_per_token, -far, far, true);
    rc = rc ? rc : check_number(at, "p_plan", node->p_plan, 0, 1, true);
    rc = rc ? rc : check_number(at, "p_like", node->p_like, 0, 1, true);
    rc = rc ? rc : check_number(at, "score", node->score, -far, far, false);
    rc = rc ? rc : check_number(at, "diversity", node->diversity, -far, far, true);
    double sum = 0;
    for (int32_t p = 0; rc == REEL_OK && p < node->n_parts; p++) {
        rc = check_text(at, "name of a part", node->part[p].name, false);
        rc = rc ? rc
                : check_number(at, "a part of p_like", node->part[p].value, -far, far,
                               false);
        sum += node->part[p].value;
    }
    if (rc == REEL_OK && node->n_parts > 0 && !(fabs(sum - node->p_like) < 1e-4)) {
        char said[128];
        snprintf(said, sizeof said, ": parts add up to %g, p_like is %g", sum,
                 node->p_like);
        return wrong(at, said);
    }
    return rc;
}

static enum reel_status check_plan(const struct reel_story *story,
                                   const struct reel_story_node *node,
                                   const struct place *at)
{
    char said[128];
    if (node->event && !is_word(node->event, "_")) {
        return wrong(at, ": the event is not of [a-z0-9_]");
    }
    for (int32_t r = 0; r < node->n_roles; r++) {
        const struct reel_role_filler *role = &node->role[r];
        if (!name_find(role_names, N_NAMES(role_names), role->role)) {
            snprintf(said, sizeof said, ": there is no role '%.40s'",
                     role->role ? role->role : "");
            return wrong(at, said);
        }
        if (role->entity < 0 || role->entity >= story->n_entities) {
            snprintf(said, sizeof said, " role '%s': no entity %d", role->role,
                     role->entity);
            return wrong(at, said);
        }
        for (int32_t other = 0; other < r; other++) {
            if (!strcmp(node->role[other].role, role->role)) {
                snprintf(said, sizeof said, ": role '%s' is filled twice", role->role);
                return wrong(at, said);
            }
        }
    }
    enum reel_status rc = check_text(at, "plan", node->plan, true);
    for (int32_t f = 0; rc == REEL_OK && f < node->n_gained; f++) {
        rc = check_fact(story, &node->gained[f], "gained", f, at);
    }
    for (int32_t f = 0; rc == REEL_OK && f < node->n_lost; f++) {
        rc = check_fact(story, &node->lost[f], "lost", f, at);
    }
    return rc;
}

static enum reel_status check_node(const struct reel_story *story, int32_t i,
                                   struct reel_error *err)
{
    const struct reel_story_node *node = &story->node[i];
    const struct place at = {"node", i, err};
    enum reel_status rc = check_parents(story, i, err);
    rc = rc ? rc : check_text(&at, "text", node->text, false);
    if (rc == REEL_OK && i == 0 && node->choice) {
        return wrong(&at, ": the opening has a choice");
    }
    rc = rc ? rc : check_text(&at, "choice", node->choice, i == 0);
    if (rc == REEL_OK && !*plot_provenance_name(node->provenance)) {
        return wrong(&at, ": no such provenance");
    }
    if (rc == REEL_OK && node->is_ending != (node->ending != NULL)) {
        return wrong(&at, node->ending ? ": has an ending but is none"
                                       : ": is an ending of no kind");
    }
    if (rc == REEL_OK && node->ending &&
        !name_find(ending_names, N_NAMES(ending_names), node->ending)) {
        return wrong(&at, ": there is no such ending");
    }
    rc = rc ? rc : check_plan(story, node, &at);
    rc = rc ? rc : check_numbers(node, &at);
    for (int32_t c = 0; rc == REEL_OK && c < node->n_checks; c++) {
        rc = check_text(&at, "name of a check", node->check[c].name, false);
        if (rc == REEL_OK && node->check[c].n_failed_candidates < 0) {
            return wrong(&at, ": fewer than 0 candidates failed a check");
        }
    }
    return rc;
}

enum reel_status reel_story_check(const struct reel_story *story, struct reel_error *err)
{
    enum reel_status rc = check_head(story, err);
    rc = rc ? rc : check_premise(story, err);
    if (rc == REEL_OK && (story->n_nodes < 1 || story->n_nodes > REEL_STORY_MAX_NODES)) {
        return fail(err, REEL_EFORMAT, "story: %d nodes, not 1 to %d", story->n_nodes,
                    REEL_STORY_MAX_NODES);
    }
    for (int32_t e = 0; rc == REEL_OK && e < story->n_entities; e++) {
        rc = check_entity(&story->entity[e], &(struct place){"entity", e, err});
    }
    rc = rc ? rc : check_ids_differ(story, err);
    for (int32_t f = 0; rc == REEL_OK && f < story->n_facts; f++) {
        rc = check_fact(story, &story->fact[f], "fact", f, &(struct place){"", -1, err});
    }
    for (int32_t i = 0; rc == REEL_OK && i < story->n_nodes; i++) {
        rc = check_node(story, i, err);
    }
    return rc;
}

/* ---- copying ---- */

const char *plot_story_builder_text(struct plot_story_builder *builder, const char *text)
{
    return text ? base_arena_strdup(&builder->arena, text) : NULL;
}

/** Copy a text into the arena; `*is_short` when there was no room. */
static const char *keep(struct base_arena *arena, const char *text, bool *is_short)
{
    const char *copy = text ? base_arena_strdup(arena, text) : NULL;
    *is_short = *is_short || (text && !copy);
    return copy;
}

static void *keep_array(struct base_arena *arena, const void *from, int32_t n,
                        size_t item_bytes, bool *is_short)
{
    void *copy = n > 0 ? base_arena_alloc(arena, (size_t)n, item_bytes) : NULL;
    if (copy) {
        memcpy(copy, from, (size_t)n * item_bytes);
    }
    *is_short = *is_short || (n > 0 && !copy);
    return copy;
}

static const char *const *keep_texts(struct base_arena *arena, const char *const *text,
                                     int32_t n, bool *is_short)
{
    const char **copy = keep_array(arena, text, n, sizeof *copy, is_short);
    for (int32_t i = 0; copy && i < n; i++) {
        copy[i] = keep(arena, text[i], is_short);
    }
    return copy;
}

static const struct reel_fact *keep_facts(struct base_arena *arena,
                                          const struct reel_fact *fact, int32_t n,
                                          bool *is_short)
{
    struct reel_fact *copy = keep_array(arena, fact, n, sizeof *copy, is_short);
    for (int32_t i = 0; copy && i < n; i++) {
        copy[i].relation = keep(arena, fact[i].relation, is_short);
    }
    return copy;
}

static bool keep_head(struct plot_story_builder *b, const struct reel_story *head)
{
    struct base_arena *arena = &b->arena;
    struct reel_story *s = &b->story;
    bool is_short = false;
    *s = *head;
    s->owned = b;
    s->node = NULL;
    s->n_nodes = 0;
    const char **texts[] = {&s->id,       &s->title,         &s->viewer,
                            &s->language, &s->genre,         &s->tone,
                            &s->method,   &s->model,         &s->model_checksum,
                            &s->premise,  &s->prompt_version};
    for (size_t i = 0; i < N_NAMES(texts); i++) {
        *texts[i] = keep(arena, *texts[i], &is_short);
    }
    struct reel_entity *entity =
        keep_array(arena, head->entity, head->n_entities, sizeof *entity, &is_short);
    for (int32_t e = 0; entity && e < head->n_entities; e++) {
        entity[e].id = keep(arena, entity[e].id, &is_short);
        entity[e].name = keep(arena, entity[e].name, &is_short);
        entity[e].goal = keep(arena, entity[e].goal, &is_short);
        entity[e].alias =
            keep_texts(arena, entity[e].alias, entity[e].n_aliases, &is_short);
        entity[e].trait =
            keep_texts(arena, entity[e].trait, entity[e].n_traits, &is_short);
    }
    s->entity = entity;
    s->fact = keep_facts(arena, head->fact, head->n_facts, &is_short);
    return !is_short;
}

static bool keep_node(struct base_arena *arena, const struct reel_story_node *node,
                      struct reel_story_node *copy)
{
    bool is_short = false;
    *copy = *node;
    copy->parent =
        keep_array(arena, node->parent, node->n_parents, sizeof *copy->parent, &is_short);
    const char **texts[] = {&copy->choice, &copy->event, &copy->plan, &copy->text,
                            &copy->ending};
    for (size_t i = 0; i < N_NAMES(texts); i++) {
        *texts[i] = keep(arena, *texts[i], &is_short);
    }
    struct reel_role_filler *role =
        keep_array(arena, node->role, node->n_roles, sizeof *role, &is_short);
    for (int32_t i = 0; role && i < node->n_roles; i++) {
        role[i].role = keep(arena, role[i].role, &is_short);
    }
    struct reel_score_part *part =
        keep_array(arena, node->part, node->n_parts, sizeof *part, &is_short);
    for (int32_t i = 0; part && i < node->n_parts; i++) {
        part[i].name = keep(arena, part[i].name, &is_short);
    }
    struct reel_check_result *check =
        keep_array(arena, node->check, node->n_checks, sizeof *check, &is_short);
    for (int32_t i = 0; check && i < node->n_checks; i++) {
        check[i].name = keep(arena, check[i].name, &is_short);
    }
    copy->role = role;
    copy->part = part;
    copy->check = check;
    copy->gained = keep_facts(arena, node->gained, node->n_gained, &is_short);
    copy->lost = keep_facts(arena, node->lost, node->n_lost, &is_short);
    return !is_short;
}

/* ---- an id ---- */

/** Letters and digits of an ASCII title, single dashes between; "" of a Chinese one. */
static void slug_make(const char *title, char *slug, size_t n_bytes)
{
    size_t n = 0;
    for (; *title && n + 2 < n_bytes; title++) {
        const char c = *title, small = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        if ((small >= 'a' && small <= 'z') || (small >= '0' && small <= '9')) {
            slug[n++] = small;
        } else if (n && slug[n - 1] != '-' && c != '\'') {
            slug[n++] = '-';
        }
    }
    slug[n && slug[n - 1] == '-' ? n - 1 : n] = 0;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    for (; text && *text; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3; // FNV-1a
    }
    return hash * 0x100000001b3;
}

/** "casablanca-20261124-0557-3fa2": told by the film, the time, and what is in it. */
static const char *id_make(struct plot_story_builder *b)
{
    const struct reel_story *s = &b->story;
    char slug[64] = "", id[ID_BYTES_MAX];
    json_t *premise = s->premise ? json_loads(s->premise, 0, NULL) : NULL;
    const char *title =
        json_string_value(json_object_get(json_object_get(premise, "title"), "en"));
    slug_make(title ? title : s->title ? s->title : "", slug, sizeof slug);
    json_decref(premise);
    struct tm at;
    const time_t created = (time_t)s->created_s;
    if (!gmtime_r(&created, &at)) {
        at = (struct tm){0};
    }
    uint64_t hash = mix_text(0xcbf29ce484222325, s->premise);
    hash = mix_text(mix_text(mix_text(hash, s->viewer), s->method), s->model);
    for (int32_t i = 0; i < s->n_nodes; i++) { // what it became tells what was asked for
        hash = mix_text(mix_text(hash, s->node[i].choice), s->node[i].text);
    }
    hash = (hash ^ (s->seed + (uint64_t)s->created_s)) * 0x9e3779b97f4a7c15;
    snprintf(id, sizeof id, "%s-%04d%02d%02d-%02d%02d-%04x", *slug ? slug : "story",
             (at.tm_year + 1900) % 10000, at.tm_mon + 1, at.tm_mday, at.tm_hour,
             at.tm_min, (unsigned)(hash >> 48));
    return base_arena_strdup(&b->arena, id);
}

/* ---- building ---- */

enum reel_status plot_story_builder_create(const struct reel_story *head,
                                           struct plot_story_builder **out,
                                           struct reel_error *err)
{
    *out = NULL;
    struct plot_story_builder *b = base_alloc_zeroed(1, sizeof *b);
    if (!b) {
        return fail(err, REEL_ENOMEM, "a story");
    }
    base_arena_init(&b->arena, STORY_BYTES_MAX);
    if (!keep_head(b, head)) {
        plot_story_builder_free(b);
        return fail(err, REEL_ENOMEM, "a story of %d entities", head->n_entities);
    }
    *out = b;
    return REEL_OK;
}

void plot_story_builder_free(struct plot_story_builder *builder)
{
    if (builder) {
        base_arena_release(&builder->arena);
        base_free(builder->node);
        base_free(builder);
    }
}

static bool make_room(struct plot_story_builder *b)
{
    if (b->story.n_nodes < b->room) {
        return true;
    }
    const int32_t room = b->room ? 2 * b->room : 64;
    struct reel_story_node *node =
        base_realloc_array(b->node, (size_t)room, sizeof *node);
    if (node) {
        b->node = node;
        b->room = room;
        b->story.node = node;
    }
    return node != NULL;
}

static int32_t depth_of(const struct plot_story_builder *b,
                        const struct reel_story_node *node)
{
    int32_t depth = 0;
    for (int32_t p = 0; p < node->n_parents; p++) {
        const int32_t through = b->node[node->parent[p]].depth + 1;
        depth = p == 0 || through < depth ? through : depth;
    }
    return depth;
}

enum reel_status plot_story_builder_add(struct plot_story_builder *builder,
                                        const struct reel_story_node *node,
                                        int32_t *i_node, struct reel_error *err)
{
    const int32_t i = builder->story.n_nodes;
    if (i == REEL_STORY_MAX_NODES) {
        return fail(err, REEL_EINVAL, "a story has at most %d nodes",
                    REEL_STORY_MAX_NODES);
    }
    for (int32_t p = 0; p < node->n_parents; p++) {
        if (node->parent[p] < 0 || node->parent[p] >= i) {
            return fail(err, REEL_EINVAL, "node %d parent %d: no node %d", i, p,
                        node->parent[p]);
        }
    }
    if (!make_room(builder) || !keep_node(&builder->arena, node, &builder->node[i])) {
        return fail(err, REEL_ENOMEM, "node %d of a story", i);
    }
    builder->node[i].depth = depth_of(builder, &builder->node[i]);
    builder->story.n_nodes++;
    if (i_node) {
        *i_node = i;
    }
    return REEL_OK;
}

enum reel_status plot_story_builder_meet(struct plot_story_builder *builder, int32_t node,
                                         int32_t parent, struct reel_error *err)
{
    if (node < 1 || node >= builder->story.n_nodes || parent < 0 || parent >= node) {
        return fail(err, REEL_EINVAL, "node %d cannot follow node %d", node, parent);
    }
    struct reel_story_node *to = &builder->node[node];
    int32_t *all =
        base_arena_alloc(&builder->arena, (size_t)to->n_parents + 1, sizeof *all);
    if (!all) {
        return fail(err, REEL_ENOMEM, "parents of node %d", node);
    }
    int32_t n = 0, p = 0;
    for (; p < to->n_parents && to->parent[p] < parent; p++) {
        all[n++] = to->parent[p];
    }
    if (p < to->n_parents && to->parent[p] == parent) {
        return REEL_OK; // it is there
    }
    all[n++] = parent;
    for (; p < to->n_parents; p++) {
        all[n++] = to->parent[p];
    }
    to->parent = all;
    to->n_parents = n;
    return REEL_OK;
}

struct reel_story_node *plot_story_builder_node(struct plot_story_builder *builder,
                                                int32_t i_node)
{
    return &builder->node[i_node];
}

int32_t plot_story_builder_n_nodes(const struct plot_story_builder *builder)
{
    return builder->story.n_nodes;
}

enum reel_status plot_story_builder_finish(struct plot_story_builder **builder,
                                           struct reel_story **out,
                                           struct reel_error *err)
{
    struct plot_story_builder *b = *builder;
    *out = NULL;
    for (int32_t i = 0; i < b->story.n_nodes; i++) {
        b->node[i].depth = depth_of(b, &b->node[i]); // a meeting may have shortened it
    }
    b->story.id = b->story.id ? b->story.id : id_make(b);
    if (!b->story.id) {
        return fail(err, REEL_ENOMEM, "the id of a story");
    }
    const enum reel_status rc = reel_story_check(&b->story, err);
    if (rc == REEL_OK) {
        *out = &b->story;
        *builder = NULL;
    }
    return rc;
}

void reel_story_free(struct reel_story *story)
{
    if (story) {
        plot_story_builder_free(story->owned);
    }
}

/* ---- children and paths ---- */

static bool is_better(const struct reel_story *story, int32_t x, int32_t y)
{
    const double score_x = story->node[x].score, score_y = story->node[y].score;
    return score_x > score_y || (!(score_x < score_y) && x < y);
}

/** Put `node` into a list of the best so far, best first. */
static void insert_best(const struct reel_story *story, int32_t node, int32_t *list,
                        int32_t n, int32_t n_max)
{
    int32_t at = n < n_max ? n : n_max;
    while (at > 0 && is_better(story, node, list[at - 1])) {
        if (at < n_max) {
            list[at] = list[at - 1];
        }
        at--;
    }
    if (at < n_max) {
        list[at] = node;
    }
}

int32_t reel_story_children(const struct reel_story *story, int32_t node, int32_t *child,
                            int32_t n_max)
{
    int32_t n = 0;
    for (int32_t i = node + 1; i < story->n_nodes; i++) {
        for (int32_t p = 0; p < story->node[i].n_parents; p++) {
            if (story->node[i].parent[p] == node) {
                insert_best(story, i, child, n++, n_max);
            }
        }
    }
    return n;
}

static int compare_nodes(const void *x, const void *y, void *story)
{
    const int32_t node_x = *(const int32_t *)x, node_y = *(const int32_t *)y;
    return is_better(story, node_x, node_y) ? -1 : node_x != node_y;
}

enum reel_status plot_story_links_init(struct plot_story_links *links,
                                       const struct reel_story *story,
                                       struct reel_error *err)
{
    const int32_t n = story->n_nodes;
    links->child = NULL;
    links->start = base_alloc_zeroed((size_t)n + 1, sizeof *links->start);
    size_t n_links = 0;
    for (int32_t i = 0; i < n; i++) {
        n_links += (size_t)story->node[i].n_parents;
    }
    links->child =
        n_links < INT32_MAX ? base_alloc_array(n_links, sizeof *links->child) : NULL;
    int32_t *n_so_far = base_alloc_zeroed((size_t)n, sizeof *n_so_far);
    if (!links->start || !links->child || !n_so_far) {
        base_free(n_so_far);
        plot_story_links_release(links);
        return fail(err, REEL_ENOMEM, "links of %d nodes", n);
    }
    for (int32_t i = 0; i < n; i++) {
        for (int32_t p = 0; p < story->node[i].n_parents; p++) {
            links->start[story->node[i].parent[p] + 1]++;
        }
    }
    for (int32_t i = 0; i < n; i++) {
        links->start[i + 1] += links->start[i];
    }
    for (int32_t i = 0; i < n; i++) {
        for (int32_t p = 0; p < story->node[i].n_parents; p++) {
            const int32_t parent = story->node[i].parent[p];
            links->child[links->start[parent] + n_so_far[parent]++] = i;
        }
    }
    for (int32_t i = 0; i < n; i++) {
        qsort_r(links->child + links->start[i],
                (size_t)(links->start[i + 1] - links->start[i]), sizeof *links->child,
                compare_nodes, (void *)story);
    }
    base_free(n_so_far);
    return REEL_OK;
}

void plot_story_links_release(struct plot_story_links *links)
{
    base_free(links->start);
    base_free(links->child);
    *links = (struct plot_story_links){0};
}

/** For each node the best way there, where a step is worth its score less `price`. */
struct way {
    double worth;
    int32_t from, n_steps; /* from -1 at the opening */
    double score;          /* sum along the way */
    bool has_child;
};

static void ways_find(const struct reel_story *story, double price, struct way *way)
{
    way[0] = (struct way){.from = -1};
    for (int32_t i = 1; i < story->n_nodes; i++) {
        const struct reel_story_node *node = &story->node[i];
        const struct way *best = &way[node->parent[0]];
        for (int32_t p = 0; p < node->n_parents; p++) {
            struct way *through = &way[node->parent[p]];
            through->has_child = true;
            best = through->worth > best->worth ? through : best;
        }
        way[i] = (struct way){.worth = best->worth + node->score - price,
                              .from = (int32_t)(best - way),
                              .n_steps = best->n_steps + 1,
                              .score = best->score + node->score};
    }
}

/** The leaf whose way is worth most; of endings, where there are any. */
static int32_t best_leaf(const struct reel_story *story, const struct way *way)
{
    int32_t best = 0;
    for (int32_t i = 1; i < story->n_nodes; i++) {
        const bool ends = story->node[i].is_ending,
                   best_ends = story->node[best].is_ending;
        if (!way[i].has_child &&
            (best == 0 || ends > best_ends ||
             (ends == best_ends && way[i].worth > way[best].worth))) {
            best = i;
        }
    }
    return best;
}

/** The largest mean of a sum over paths, by Dinkelbach's method: raise the price of a step
 *  to the mean reached until no path is worth more. */
int32_t reel_story_best_path(const struct reel_story *story, int32_t *path, int32_t n_max)
{
    struct way *way = base_alloc_array((size_t)story->n_nodes, sizeof *way);
    if (!way) {
        return 0;
    }
    double price = 0;
    int32_t leaf = 0;
    for (int round = 0; round < 50; round++) {
        ways_find(story, price, way);
        leaf = best_leaf(story, way);
        const double mean = leaf ? way[leaf].score / way[leaf].n_steps : 0;
        if (round > 0 && mean <= price) {
            break;
        }
        price = mean;
    }
    const int32_t n = way[leaf].n_steps + 1;
    for (int32_t at = leaf, i = n - 1; i >= 0; i--, at = way[at].from) {
        if (i < n_max) {
            path[i] = at;
        }
    }
    base_free(way);
    return n;
}
