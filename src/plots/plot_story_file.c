/**
 * Story files read back. What a file says is outside input: every member has the type it
 * should have, no member is unknown, every reference leads somewhere; only then is there a
 * story. Places in errors are those of the file: "FILE: node 4 parent 1: no node 17".
 */
#include "base_alloc.h"
#include "base_arena.h"
#include "base_clock.h"
#include "base_error.h"
#include "base_file.h"
#include "base_hash.h"
#include "plot_story.h"

#include <jansson.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 << 29 };

/** One file being read. After the first failure every call does nothing. */
struct reader {
    struct base_arena arena;  /* lists of one node, then of the next */
    struct base_hash *entity; /* id -> index */
    enum reel_status rc;
    struct reel_error *err;
    char place[96]; /* "node 4" */
};

static void complain(struct reader *r, const char *format, ...) REEL_PRINTF(2, 3);
static void complain(struct reader *r, const char *format, ...)
{
    char said[256];
    va_list args;
    if (r->rc) {
        return;
    }
    va_start(args, format);
    vsnprintf(said, sizeof said, format, args);
    va_end(args);
    r->rc = fail(r->err, REEL_EFORMAT, "%s: %s", r->place, said);
}

static void *room_for(struct reader *r, size_t n, size_t item_bytes)
{
    void *room = r->rc ? NULL : base_arena_alloc(&r->arena, n, item_bytes);
    if (!room && !r->rc) {
        r->rc = fail(r->err, REEL_ENOMEM, "%s: out of memory", r->place);
    }
    return room;
}

/* ---- members ---- */

/** The object has no members but those listed ("id kind name"). */
static void check_members(struct reader *r, json_t *object, const char *known)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) {
        complain(r, "not an object");
        return;
    }
    json_object_foreach(object, key, value)
    {
        const size_t n = strlen(key);
        bool is_known = false;
        for (const char *at = known; at && *at && !is_known;) {
            const size_t n_word = strcspn(at, " ");
            is_known = n == n_word && !memcmp(at, key, n);
            at += n_word + strspn(at + n_word, " ");
        }
        if (!is_known) {
            complain(r, "unknown member '%.60s'", key);
        }
    }
}

/** NULL for null and for a member that is not there. */
static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static const char *string_of(struct reader *r, const char *key, const json_t *value)
{
    if (!json_is_string(value)) {
        complain(r, "%s is not a text", key);
        return NULL;
    }
    return json_string_value(value);
}

static const char *text(struct reader *r, const json_t *object, const char *key)
{
    const json_t *value = member(object, key);
    return value ? string_of(r, key, value) : NULL;
}

static int64_t integer(struct reader *r, const json_t *object, const char *key,
                       int64_t low, int64_t high, int64_t otherwise)
{
    const json_t *value = member(object, key);
    if (!value) {
        return otherwise;
    }
    if (!json_is_integer(value)) {
        complain(r, "%s is not a whole number", key);
        return otherwise;
    }
    const int64_t n = json_integer_value(value);
    if (n < low || n > high) {
        complain(r, "%s is %" PRId64 ", not %" PRId64 " to %" PRId64, key, n, low, high);
        return otherwise;
    }
    return n;
}

static double real(struct reader *r, const json_t *object, const char *key,
                   double otherwise)
{
    const json_t *value = member(object, key);
    if (value && !json_is_number(value)) {
        complain(r, "%s is not a number", key);
    }
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

/** A list that may be missing; NULL then. */
static const json_t *list(struct reader *r, const json_t *object, const char *key)
{
    const json_t *value = member(object, key);
    if (value && !json_is_array(value)) {
        complain(r, "%s is not a list", key);
        return NULL;
    }
    return value;
}

static const char *const *texts(struct reader *r, const json_t *object, const char *key,
                                int32_t *n)
{
    const json_t *values = list(r, object, key);
    const size_t n_values = json_array_size(values);
    const char **out = n_values ? room_for(r, n_values, sizeof *out) : NULL;
    for (size_t i = 0; out && i < n_values; i++) {
        out[i] = string_of(r, key, json_array_get(values, i));
    }
    *n = out ? (int32_t)n_values : 0;
    return out;
}

static int32_t entity_of(struct reader *r, const char *what, const json_t *value)
{
    const char *id = string_of(r, what, value);
    int64_t index = -1;
    if (id && !base_hash_get(r->entity, id, strlen(id), &index)) {
        complain(r, "%s: there is no entity '%.60s'", what, id);
    }
    return (int32_t)index;
}

/* ---- head ---- */

static uint64_t seed_of(struct reader *r, const json_t *root)
{
    const json_t *value = member(root, "seed");
    if (!json_is_string(value)) {
        return (uint64_t)integer(r, root, "seed", 0, INT64_MAX, 0);
    }
    const char *digits = json_string_value(value);
    char *end;
    errno = 0;
    const uint64_t seed = strtoull(digits, &end, 10);
    if (errno || *end || *digits < '0' || *digits > '9') {
        complain(r, "seed is '%.40s', not a whole number", digits);
    }
    return seed;
}

/** "2026-11-24T05:57:00Z" as seconds since 1970. */
static int64_t time_of(struct reader *r, const json_t *root)
{
    const char *said = text(r, root, "created");
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    int part[6] = {0}; // year, month, day, hour, minute, second
    int64_t days = 0;
    size_t n = 0;
    if (!said) {
        return 0;
    }
    for (int p = 0; n < sizeof form - 1; n++) {
        const bool is_digit = said[n] >= '0' && said[n] <= '9';
        if (form[n] == 'd' ? !is_digit : said[n] != form[n]) {
            break;
        }
        part[p] = is_digit ? 10 * part[p] + said[n] - '0' : part[p];
        p += form[n] != 'd' && form[n] != 'Z';
    }
    if (n != sizeof form - 1 || said[n] ||
        !base_date_to_days(part[0], part[1], part[2], &days) || part[3] > 23 ||
        part[4] > 59 || part[5] > 60) {
        complain(r, "created is '%.40s', not as 2026-11-24T05:57:00Z", said);
        return 0;
    }
    return days * 86400 + part[3] * 3600 + part[4] * 60 + part[5];
}

static void read_entity(struct reader *r, json_t *from, int32_t i,
                        struct reel_entity *entity)
{
    snprintf(r->place, sizeof r->place, "entity %d", i);
    check_members(r, from, "id kind name aliases gender traits goal source");
    const char *kind = text(r, from, "kind"), *gender = text(r, from, "gender"),
               *source = text(r, from, "source");
    *entity = (struct reel_entity){
        .id = text(r, from, "id"),
        .kind = plot_entity_kind_find(kind),
        .name = text(r, from, "name"),
        .goal = text(r, from, "goal"),
        .gender = 'n',
        .source = source ? plot_source_find(source) : REEL_SOURCE_PERSON,
    };
    entity->alias = texts(r, from, "aliases", &entity->n_aliases);
    entity->trait = texts(r, from, "traits", &entity->n_traits);
    if (gender && gender[0] && !gender[1]) {
        entity->gender = gender[0];
    } else if (gender) {
        complain(r, "gender is '%.20s', none of m, f, n", gender);
    }
    if (!entity->kind) {
        complain(r, "there is no kind '%.40s'", kind ? kind : "");
    }
    bool is_new = true;
    if (!entity->id) {
        complain(r, "no id");
    } else if (!r->rc && !base_hash_get_or_add(r->entity, entity->id, strlen(entity->id),
                                               i, &is_new)) {
        r->rc = fail(r->err, REEL_ENOMEM, "%s: out of memory", r->place);
    } else if (!is_new) {
        complain(r, "there is another entity '%.60s'", entity->id);
    }
}

static const struct reel_fact *read_facts(struct reader *r, const json_t *object,
                                          const char *key, int32_t *n)
{
    const json_t *values = list(r, object, key);
    const size_t n_values = json_array_size(values);
    struct reel_fact *fact = n_values ? room_for(r, n_values, sizeof *fact) : NULL;
    for (size_t i = 0; fact && i < n_values; i++) {
        json_t *from = json_array_get(values, i);
        char before[sizeof r->place];
        memcpy(before, r->place, sizeof before);
        snprintf(r->place, sizeof r->place, "%.60s %s %zu", before, key, i);
        check_members(r, from, "subject is object source");
        const json_t *to = member(from, "object");
        const char *source = text(r, from, "source");
        fact[i] = (struct reel_fact){
            .subject = entity_of(r, "subject", json_object_get(from, "subject")),
            .object = to ? entity_of(r, "object", to) : -1,
            .relation = text(r, from, "is"),
            .source = source ? plot_source_find(source) : REEL_SOURCE_PERSON,
        };
        if (!r->rc) {
            memcpy(r->place, before, sizeof before);
        }
    }
    *n = fact ? (int32_t)n_values : 0;
    return fact;
}

static void read_head(struct reader *r, json_t *root, struct reel_story *head)
{
    snprintf(r->place, sizeof r->place, "story");
    check_members(r, root,
                  "forkreel_story id title viewer language genre tone method model "
                  "model_checksum prompt_version film_key seed created entities facts "
                  "nodes premise");
    *head = (struct reel_story){
        .id = text(r, root, "id"),
        .title = text(r, root, "title"),
        .viewer = text(r, root, "viewer"),
        .language = text(r, root, "language"),
        .genre = text(r, root, "genre"),
        .tone = text(r, root, "tone"),
        .method = text(r, root, "method"),
        .model = text(r, root, "model"),
        .model_checksum = text(r, root, "model_checksum"),
        .prompt_version = text(r, root, "prompt_version"),
        .film_key = integer(r, root, "film_key", 0, INT64_MAX, 0),
        .seed = seed_of(r, root),
        .created_s = time_of(r, root),
    };
    if (!head->id) {
        complain(r, "no id");
    }
    const json_t *entities = list(r, root, "entities");
    const size_t n = json_array_size(entities);
    struct reel_entity *entity = n ? room_for(r, n, sizeof *entity) : NULL;
    for (size_t i = 0; entity && i < n && !r->rc; i++) {
        read_entity(r, json_array_get(entities, i), (int32_t)i, &entity[i]);
    }
    head->entity = entity;
    head->n_entities = entity ? (int32_t)n : 0;
    snprintf(r->place, sizeof r->place, "story");
    head->fact = read_facts(r, root, "facts", &head->n_facts);
}

/* ---- nodes ---- */

static void read_parents(struct reader *r, const json_t *from, int32_t i, int32_t n_nodes,
                         struct reel_story_node *node)
{
    const json_t *values = list(r, from, "parents");
    const size_t n = json_array_size(values);
    int32_t *parent = n ? room_for(r, n, sizeof *parent) : NULL;
    for (size_t p = 0; parent && p < n && !r->rc; p++) {
        const json_t *value = json_array_get(values, p);
        const int64_t index = json_integer_value(value);
        if (!json_is_integer(value)) {
            complain(r, "parent %zu is not a whole number", p);
        } else if (index < 0 || index >= n_nodes) {
            r->rc = fail(r->err, REEL_EFORMAT, "node %d parent %zu: no node %" PRId64, i,
                         p, index);
        } else if (index >= i) {
            r->rc = fail(r->err, REEL_EFORMAT,
                         "node %d parent %zu: %" PRId64 " is out of order", i, p, index);
        }
        parent[p] = (int32_t)index;
    }
    node->parent = parent;
    node->n_parents = parent ? (int32_t)n : 0;
}

static void read_roles(struct reader *r, const json_t *from, struct reel_story_node *node)
{
    json_t *roles = json_object_get(from, "roles");
    const char *key;
    json_t *value;
    if (!roles || json_is_null(roles)) {
        return;
    }
    if (!json_is_object(roles)) {
        complain(r, "roles is not an object");
        return;
    }
    struct reel_role_filler *role =
        room_for(r, json_object_size(roles) + 1, sizeof *role);
    node->role = role;
    json_object_foreach(roles, key, value)
    {
        if (role) {
            role[node->n_roles++] =
                (struct reel_role_filler){key, entity_of(r, "role", value)};
        }
    }
}

static void read_parts(struct reader *r, const json_t *from, struct reel_story_node *node)
{
    const json_t *values = list(r, from, "p_like_parts");
    const size_t n = json_array_size(values);
    struct reel_score_part *part = n ? room_for(r, n, sizeof *part) : NULL;
    for (size_t i = 0; part && i < n; i++) {
        json_t *one = json_array_get(values, i);
        check_members(r, one, "name value");
        part[i] =
            (struct reel_score_part){text(r, one, "name"), real(r, one, "value", NAN)};
    }
    node->part = part;
    node->n_parts = part ? (int32_t)n : 0;
}

static void read_checks(struct reader *r, const json_t *from,
                        struct reel_story_node *node)
{
    const json_t *values = list(r, from, "checks");
    const size_t n = json_array_size(values);
    struct reel_check_result *check = n ? room_for(r, n, sizeof *check) : NULL;
    for (size_t i = 0; check && i < n; i++) {
        json_t *one = json_array_get(values, i);
        check_members(r, one, "name passed dropped");
        const json_t *passed = json_object_get(one, "passed");
        if (!json_is_boolean(passed)) {
            complain(r, "passed of check %zu is neither true nor false", i);
        }
        check[i] = (struct reel_check_result){
            text(r, one, "name"), json_is_true(passed),
            (int32_t)integer(r, one, "dropped", 0, INT32_MAX, 0)};
    }
    node->check = check;
    node->n_checks = check ? (int32_t)n : 0;
}

static void read_node(struct reader *r, json_t *from, int32_t i, int32_t n_nodes,
                      struct reel_story_node *node)
{
    snprintf(r->place, sizeof r->place, "node %d", i);
    check_members(r, from,
                  "index parents depth provenance ending choice event roles plan text "
                  "gained lost logp_per_token gain_per_token p_plan p_like p_like_parts "
                  "score diversity checks");
    const char *provenance = text(r, from, "provenance");
    *node = (struct reel_story_node){
        .depth = (int32_t)integer(r, from, "depth", 0, REEL_STORY_MAX_NODES, -1),
        .choice = text(r, from, "choice"),
        .event = text(r, from, "event"),
        .plan = text(r, from, "plan"),
        .text = text(r, from, "text"),
        .logp_per_token = real(r, from, "logp_per_token", NAN),
        .gain_per_token = real(r, from, "gain_per_token", NAN),
        .p_plan = real(r, from, "p_plan", NAN),
        .p_like = real(r, from, "p_like", NAN),
        .score = real(r, from, "score", 0),
        .diversity = real(r, from, "diversity", NAN),
        .provenance = provenance ? plot_provenance_find(provenance) : REEL_BY_PERSON,
        .ending = text(r, from, "ending"),
    };
    node->is_ending = node->ending != NULL;
    if (integer(r, from, "index", 0, INT32_MAX, i) != i) {
        complain(r, "its index is not %d", i);
    }
    read_parents(r, from, i, n_nodes, node);
    read_roles(r, from, node);
    read_parts(r, from, node);
    read_checks(r, from, node);
    node->gained = read_facts(r, from, "gained", &node->n_gained);
    node->lost = read_facts(r, from, "lost", &node->n_lost);
}

static void read_nodes(struct reader *r, const json_t *root,
                       struct plot_story_builder *builder)
{
    const json_t *nodes = list(r, root, "nodes");
    const size_t n = json_array_size(nodes);
    if (n < 1 || n > REEL_STORY_MAX_NODES) {
        complain(r, "%zu nodes, not 1 to %d", n, REEL_STORY_MAX_NODES);
    }
    for (size_t i = 0; i < n && !r->rc; i++) {
        struct reel_story_node node;
        base_arena_clear(&r->arena); // the builder has copies of what was before
        read_node(r, json_array_get(nodes, i), (int32_t)i, (int32_t)n, &node);
        const int32_t depth = node.depth;
        int32_t i_node = 0;
        r->rc = r->rc ? r->rc : plot_story_builder_add(builder, &node, &i_node, r->err);
        const int32_t right =
            r->rc ? depth : plot_story_builder_node(builder, i_node)->depth;
        if (node.n_parents > 0 && depth >= 0 && depth != right) {
            complain(r, "depth is %d, not %d", depth, right);
        }
    }
}

/* ---- the document ---- */

static enum reel_status check_version(const json_t *root, struct reel_error *err)
{
    const json_t *version = json_object_get(root, "forkreel_story");
    if (!json_is_integer(version)) {
        return fail(err, REEL_EFORMAT, "no story: it has no forkreel_story");
    }
    const int64_t n = json_integer_value(version);
    if (n > REEL_STORY_VERSION) {
        return fail(err, REEL_EVERSION, "a story of version %" PRId64 "; this reads %d",
                    n, REEL_STORY_VERSION);
    }
    return n < 1 ? fail(err, REEL_EFORMAT, "forkreel_story is %" PRId64, n) : REEL_OK;
}

static enum reel_status read_story(json_t *root, struct reel_story **out,
                                   struct reel_error *err)
{
    struct reader r = {.err = err, .place = "story"};
    struct reel_story head = {0};
    struct plot_story_builder *builder = NULL;
    char *premise = NULL;
    base_arena_init(&r.arena, FILE_BYTES_MAX);
    r.rc = check_version(root, err);
    r.rc = r.rc ? r.rc : base_hash_create(&r.entity, err);
    if (!r.rc) {
        read_head(&r, root, &head);
    }
    if (!r.rc && !json_is_object(json_object_get(root, "premise"))) {
        complain(&r, "the premise is not an object");
    }
    if (!r.rc) {
        premise = json_dumps(json_object_get(root, "premise"), JSON_COMPACT);
        head.premise = premise;
        r.rc = premise ? plot_story_builder_create(&head, &builder, err)
                       : fail(err, REEL_ENOMEM, "the premise of a story");
    }
    if (!r.rc) {
        read_nodes(&r, root, builder);
    }
    r.rc = r.rc ? r.rc : plot_story_builder_finish(&builder, out, err);
    plot_story_builder_free(builder);
    free(premise);
    base_hash_free(r.entity);
    base_arena_release(&r.arena);
    return r.rc;
}

enum reel_status reel_story_parse(const char *json, size_t n_bytes, const char *name,
                                  struct reel_story **out, struct reel_error *err)
{
    struct reel_error why = {0};
    json_error_t where;
    *out = NULL;
    if (n_bytes > FILE_BYTES_MAX) {
        return fail(err, REEL_EFORMAT, "%s: %zu bytes are more than %d", name, n_bytes,
                    FILE_BYTES_MAX);
    }
    json_t *root = json_loadb(json, n_bytes, JSON_REJECT_DUPLICATES, &where);
    if (!root) {
        return json_error_code(&where) == json_error_out_of_memory
                   ? fail(err, REEL_ENOMEM, "%s: out of memory", name)
                   : fail(err, REEL_EFORMAT, "%s:%d: %s", name, where.line, where.text);
    }
    const enum reel_status rc = read_story(root, out, &why);
    json_decref(root);
    return rc ? fail(err, rc, "%s: %s", name, why.text) : REEL_OK;
}

enum reel_status reel_story_load(const char *path, struct reel_story **out,
                                 struct reel_error *err)
{
    struct base_file_map map;
    *out = NULL;
    enum reel_status rc = base_file_map_open(&map, path, err);
    if (rc) {
        return rc;
    }
    rc = map.data ? reel_story_parse((const char *)map.data, map.n_bytes, path, out, err)
                  : fail(err, REEL_EFORMAT, "%s: empty", path);
    base_file_map_close(&map);
    return rc;
}
