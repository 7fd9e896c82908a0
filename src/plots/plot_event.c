/**
 * The event schema: read from data/events.json inside the program, checked to the last
 * member. What the words mean for a graph is in plot_graph.c, what a planner makes of
 * weights in plot_plan.c.
 */
#include "plot_event.h"

#include <forkreel/story.h>

#include "base_alloc.h"
#include "base_buffer.h"
#include "base_error.h"
#include "plot_data.h"
#include "plot_event_reader.h"

#include <pthread.h>
#include <string.h>

enum { SCHEMA_BYTES_MAX = 16 << 20, N_TONES_MAX = 8 };

static const char *const role_names[] = {"a", "b", "c", "place", "object", "group", NULL};
static const char *const languages[] = {"en", "zh", NULL};

static const struct {
    const char *name;
    int arity;
    bool is_symmetric;
} predicates[] = {
#define X(id, name, arity, symmetric) {name, arity, symmetric},
    PLOT_RELATIONS(X)
#undef X
#define X(id, name, arity) {name, arity, false},
        PLOT_DERIVED(X)
#undef X
};

const char *plot_relation_name(enum plot_relation relation)
{
    return predicates[relation].name;
}

int plot_relation_arity(enum plot_relation relation)
{
    return predicates[relation].arity;
}

bool plot_relation_is_symmetric(enum plot_relation relation)
{
    return predicates[relation].is_symmetric;
}

static int predicate_find(const char *name, size_t n_bytes, int n)
{
    for (int i = 0; i < n; i++) {
        if (strlen(predicates[i].name) == n_bytes &&
            memcmp(predicates[i].name, name, n_bytes) == 0) {
            return i;
        }
    }
    return -1;
}

int plot_relation_find(const char *name)
{
    return predicate_find(name, strlen(name), PLOT_N_RELATIONS);
}

/* ---- reading ---- */

/** What is being built; becomes the schema's own memory. */
struct schema_owned {
    struct plot_schema schema; /* first: the caller's pointer is this one's */
    struct base_arena arena;
    struct plot_event *event;
    struct plot_strategy *strategy;
};

static int32_t word_find(const char *const *word, int32_t n, const char *text)
{
    for (int32_t i = 0; i < n; i++) {
        if (strcmp(word[i], text) == 0) {
            return i;
        }
    }
    return -1;
}

static int role_find(const char *text, size_t n_bytes)
{
    for (int i = 0; role_names[i]; i++) {
        if (strlen(role_names[i]) == n_bytes && !memcmp(role_names[i], text, n_bytes)) {
            return i;
        }
    }
    return -1;
}

/** "not trusts b a": up to four words, one blank between. */
static void read_term(struct plot_reader *r, const char *text, uint8_t roles,
                      bool is_effect, struct plot_term *term)
{
    *term = (struct plot_term){.object = -1, .subject = -1};
    const char *at = text;
    if (strncmp(at, "not ", 4) == 0) {
        term->is_not = true;
        at += 4;
    }
    const size_t n_name = strcspn(at, " ");
    const int relation = predicate_find(at, n_name, PLOT_N_PREDICATES);
    if (relation < 0) {
        plot_reader_complain(r, NULL, "no relation '%.*s'", (int)n_name, at);
        return;
    }
    const bool may_be_effect =
        relation < PLOT_N_RELATIONS || (relation == PLOT_TOGETHER && !term->is_not);
    if (is_effect && !may_be_effect) {
        plot_reader_complain(r, NULL, "'%.*s' cannot be brought about", (int)n_name, at);
        return;
    }
    term->relation = (uint8_t)relation;
    at += n_name;
    for (int i = 0; i < predicates[relation].arity; i++) {
        at += *at == ' ';
        const size_t n = strcspn(at, " ");
        const int role = role_find(at, n);
        // A place may be filled in any event, so an effect may speak of it.
        if (role < 0 || !((roles | 1U << PLOT_PLACE) & 1U << role)) {
            plot_reader_complain(r, NULL, "no role '%.*s'", (int)n, at);
            return;
        }
        *(i == 0 ? &term->subject : &term->object) = (int8_t)role;
        at += n;
    }
    if (*at) {
        plot_reader_complain(r, NULL, "'%.60s' is too much", at);
    }
}

static int32_t read_terms(struct plot_reader *r, const json_t *event, const char *key,
                          uint8_t roles, struct plot_term *term)
{
    int32_t n = 0;
    const char *const *text = plot_reader_texts(r, event, key, false, &n);
    if (n > PLOT_TERMS_MAX) {
        plot_reader_complain(r, key, "more than %d", PLOT_TERMS_MAX);
        return 0;
    }
    for (int32_t i = 0; i < n && r->rc == REEL_OK; i++) {
        const size_t at = plot_reader_enter(r, "%s[%d]", key, i);
        read_term(r, text[i], roles, strcmp(key, "does") == 0, &term[i]);
        plot_reader_leave(r, at);
    }
    return n;
}

/** "{a.his}": a role the event has (a place always), then nothing or a form. */
static bool slot_is_known(const char *slot, size_t n_bytes, uint8_t roles)
{
    static const char *const forms[] = {".he", ".him", ".his", ".himself", "'s"};
    const size_t n_role = strcspn(slot, ".'}");
    const int role = role_find(slot, n_role);
    if (role < 0 || !((roles | 1U << PLOT_PLACE) & 1U << role)) {
        return false;
    }
    bool is_known = n_role == n_bytes;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        is_known |= strlen(forms[i]) == n_bytes - n_role &&
                    memcmp(forms[i], slot + n_role, n_bytes - n_role) == 0;
    }
    return is_known;
}

static void check_template(struct plot_reader *r, const char *text, uint8_t roles,
                           bool is_chinese)
{
    for (const char *at = text; *at;) {
        if (*at == '{') {
            const char *end = strchr(at, '}');
            if (!end || !slot_is_known(at + 1, (size_t)(end - at - 1), roles)) {
                plot_reader_complain(r, NULL, "no slot at '%.30s'", at);
                return;
            }
            at = end + 1;
            continue;
        }
        if (*at == '}' || (is_chinese && ((*at | 32) >= 'a' && (*at | 32) <= 'z'))) {
            plot_reader_complain(r, NULL, "'%.30s' cannot stand here", at);
            return;
        }
        at++;
    }
}

/** {"en": [...], "zh": [...]}: at least `n_least` templates in each. */
static void read_templates(struct plot_reader *r, const json_t *event, const char *key,
                           uint8_t roles, int32_t n_least, const char *const *out[2],
                           int32_t *n)
{
    const json_t *both = plot_reader_member(r, event, key, JSON_OBJECT, true);
    const size_t at = plot_reader_enter(r, "%s", key);
    for (int l = 0; l < 2 && plot_reader_object(r, both, languages); l++) {
        out[l] = plot_reader_texts(r, both, languages[l], true, &n[l]);
        if (n[l] < n_least) {
            plot_reader_complain(r, languages[l], "fewer than %d templates", n_least);
        }
        for (int32_t i = 0; r->rc == REEL_OK && i < n[l]; i++) {
            const size_t inner = plot_reader_enter(r, "%s[%d]", languages[l], i);
            check_template(r, out[l][i], roles, l == 1);
            plot_reader_leave(r, inner);
        }
    }
    plot_reader_leave(r, at);
}

/** Words of a fixed list as bits. */
static uint8_t read_bits(struct plot_reader *r, const json_t *object, const char *key,
                         bool is_needed, const char *const *word, int32_t n_words)
{
    uint8_t bits = 0;
    int32_t n = 0;
    const char *const *text = plot_reader_texts(r, object, key, is_needed, &n);
    for (int32_t i = 0; i < n; i++) {
        const int32_t found = word_find(word, n_words, text[i]);
        if (found < 0) {
            plot_reader_complain(r, key, "'%.60s' is none of them", text[i]);
            return 0;
        }
        bits |= (uint8_t)(1U << found);
    }
    return bits;
}

/** {"Crime": 2, ...} over `n` names; 1 where nothing stands. */
static void read_weights(struct plot_reader *r, const json_t *object, const char *key,
                         int32_t (*find)(const void *names, const char *name),
                         const void *names, float *weight, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        weight[i] = 1;
    }
    json_t *weights = plot_reader_member(r, object, key, JSON_OBJECT, false);
    const size_t at = plot_reader_enter(r, "%s", key);
    const char *name;
    json_t *value;
    json_object_foreach(weights, name, value)
    {
        const int32_t i = find(names, name);
        if (i < 0) {
            plot_reader_complain(r, NULL, "no '%.60s'", name);
        } else {
            weight[i] = (float)plot_reader_number(r, weights, name, 0, 10, 1);
        }
    }
    plot_reader_leave(r, at);
}

static int32_t genre_find(const void *schema, const char *name)
{
    const struct plot_schema *s = schema;
    return word_find(s->genre, s->n_genres, name);
}

static int32_t event_find(const void *schema, const char *name)
{
    return plot_schema_find(schema, name);
}

static enum plot_change read_change(struct plot_reader *r, const json_t *event)
{
    const char *change = plot_reader_text(r, event, "change", true);
    if (change && strcmp(change, "outer") == 0) {
        return PLOT_OUTER;
    }
    if (change && strcmp(change, "inner") == 0) {
        return PLOT_INNER;
    }
    if (change && strcmp(change, "both") != 0) {
        plot_reader_complain(r, "change", "'%.60s' is not outer, inner or both", change);
    }
    return (enum plot_change)(PLOT_OUTER | PLOT_INNER);
}

static void read_event(struct plot_reader *r, const json_t *item,
                       const struct plot_schema *schema, struct plot_event *event)
{
    static const char *const members[] = {
        "name",         "label",     "roles",     "needs",   "does",    "prefers",
        "genres",       "intensity", "change",    "tones",   "min_age", "ending",
        "ending_roles", "creature",  "sentences", "choices", NULL};
    static const char *const endings[] = {"happy", "bittersweet", "tragic", "open"};
    if (!plot_reader_object(r, item, members)) {
        return;
    }
    event->name = plot_reader_text(r, item, "name", true);
    if (r->rc == REEL_OK && plot_schema_find(schema, event->name) >= 0) {
        plot_reader_complain(r, "name", "'%s' stands twice", event->name);
    }
    const json_t *label = plot_reader_member(r, item, "label", JSON_OBJECT, true);
    const size_t at = plot_reader_enter(r, "label");
    for (int l = 0; l < 2 && plot_reader_object(r, label, languages); l++) {
        event->label[l] = plot_reader_text(r, label, languages[l], true);
    }
    plot_reader_leave(r, at);
    event->needs_role = read_bits(r, item, "roles", true, role_names, PLOT_ROLES);
    event->n_needs = read_terms(r, item, "needs", event->needs_role, event->need);
    event->n_effects = read_terms(r, item, "does", event->needs_role, event->effect);
    event->n_prefers = read_terms(r, item, "prefers", event->needs_role, event->prefer);
    read_weights(r, item, "genres", genre_find, schema, event->genre_weight,
                 schema->n_genres);
    event->intensity = plot_reader_number(r, item, "intensity", 0, 1, -1);
    event->min_age = (int32_t)plot_reader_number(r, item, "min_age", 0, 21, 0);
    event->change = read_change(r, item);
    event->tones = read_bits(r, item, "tones", true, schema->tone, schema->n_tones);
    const char *ending = plot_reader_text(r, item, "ending", false);
    if (ending) {
        const int32_t i = word_find(endings, 4, ending);
        event->ending = i < 0 ? NULL : endings[i];
        if (i < 0) {
            plot_reader_complain(r, "ending", "no ending '%.60s'", ending);
        }
    }
    event->ending_roles =
        read_bits(r, item, "ending_roles", false, role_names, PLOT_ROLES);
    if (event->ending_roles == 0) {
        event->ending_roles = 1U << PLOT_A | 1U << PLOT_B;
    }
    event->creature_roles = read_bits(r, item, "creature", false, role_names, PLOT_ROLES);
    if (event->intensity < 0) {
        plot_reader_complain(r, "intensity", "missing");
    }
    read_templates(r, item, "sentences", event->needs_role, 3, event->sentence,
                   event->n_sentences);
    read_templates(r, item, "choices", event->needs_role, 2, event->choice,
                   event->n_choices);
}

static void read_strategy(struct plot_reader *r, const json_t *item,
                          const struct plot_schema *schema,
                          struct plot_strategy *strategy)
{
    static const char *const members[] = {"genre",  "inner", "outer", "intensity",
                                          "events", "tones", NULL};
    if (!plot_reader_object(r, item, members)) {
        return;
    }
    const char *genre = plot_reader_text(r, item, "genre", true);
    const int32_t i = genre ? genre_find(schema, genre) : -1;
    if (i < 0 || strategy[i].genre) {
        plot_reader_complain(r, "genre", i < 0 ? "no '%.60s'" : "'%.60s' stands twice",
                             genre ? genre : "");
        return;
    }
    struct plot_strategy *s = &strategy[i];
    s->genre = schema->genre[i];
    s->inner = plot_reader_number(r, item, "inner", 0, 10, 1);
    s->outer = plot_reader_number(r, item, "outer", 0, 10, 1);
    const json_t *range = plot_reader_member(r, item, "intensity", JSON_ARRAY, true);
    const json_t *begin = json_array_get(range, 0), *end = json_array_get(range, 1);
    s->intensity_begin = json_number_value(begin);
    s->intensity_end = json_number_value(end);
    if (range &&
        (json_array_size(range) != 2 || !json_is_number(begin) || !json_is_number(end) ||
         s->intensity_begin < 0 || s->intensity_begin > 1 || s->intensity_end < 0 ||
         s->intensity_end > 1)) {
        plot_reader_complain(r, "intensity", "not two numbers in 0 .. 1");
    }
    s->tones = read_bits(r, item, "tones", false, schema->tone, schema->n_tones);
    float *weight = plot_reader_alloc(r, (size_t)schema->n_events, sizeof *weight);
    if (weight) {
        read_weights(r, item, "events", event_find, schema, weight, schema->n_events);
    }
    s->event_weight = weight;
}

static void read_events(struct plot_reader *r, const json_t *root,
                        struct schema_owned *own)
{
    struct plot_schema *schema = &own->schema;
    const json_t *events = plot_reader_member(r, root, "events", JSON_ARRAY, true);
    const size_t n = json_array_size(events);
    own->event = plot_reader_alloc(r, n, sizeof *own->event);
    schema->event = own->event;
    for (size_t i = 0; r->rc == REEL_OK && i < n; i++) {
        const size_t at = plot_reader_enter(r, "events[%zu]", i);
        read_event(r, json_array_get(events, i), schema, &own->event[i]);
        plot_reader_leave(r, at);
        schema->n_events++;
    }
    if (r->rc == REEL_OK && n == 0) {
        plot_reader_complain(r, "events", "empty");
    }
}

static void read_strategies(struct plot_reader *r, const json_t *root,
                            struct schema_owned *own)
{
    struct plot_schema *schema = &own->schema;
    const json_t *list = plot_reader_member(r, root, "strategies", JSON_ARRAY, true);
    own->strategy = plot_reader_alloc(r, (size_t)schema->n_genres, sizeof *own->strategy);
    schema->strategy = own->strategy;
    for (size_t i = 0; r->rc == REEL_OK && i < json_array_size(list); i++) {
        const size_t at = plot_reader_enter(r, "strategies[%zu]", i);
        read_strategy(r, json_array_get(list, i), schema, own->strategy);
        plot_reader_leave(r, at);
    }
    for (int32_t i = 0; r->rc == REEL_OK && i < schema->n_genres; i++) {
        if (!own->strategy[i].genre) {
            plot_reader_complain(r, "strategies", "none for %s", schema->genre[i]);
        }
    }
}

static void read_schema(struct plot_reader *r, const json_t *root,
                        struct schema_owned *own)
{
    static const char *const members[] = {"forkreel_events", "genres",     "tones",
                                          "events",          "strategies", NULL};
    if (!plot_reader_object(r, root, members)) {
        return;
    }
    struct plot_schema *schema = &own->schema;
    schema->genre = plot_reader_texts(r, root, "genres", true, &schema->n_genres);
    schema->tone = plot_reader_texts(r, root, "tones", true, &schema->n_tones);
    if (schema->n_genres > PLOT_GENRES_MAX || schema->n_tones > N_TONES_MAX) {
        plot_reader_complain(r, NULL, "more than %d genres or %d tones", PLOT_GENRES_MAX,
                             N_TONES_MAX);
    }
    if (plot_reader_number(r, root, "forkreel_events", 0, 1e6, 0) != 1) {
        plot_reader_complain(r, "forkreel_events", "not 1");
    }
    read_events(r, root, own);
    read_strategies(r, root, own);
}

enum reel_status plot_schema_parse(const char *json, size_t n_bytes,
                                   struct plot_schema **out, struct reel_error *err)
{
    *out = NULL;
    struct schema_owned *own = base_alloc_zeroed(1, sizeof *own);
    if (!own) {
        return fail(err, REEL_ENOMEM, "out of memory");
    }
    base_arena_init(&own->arena, SCHEMA_BYTES_MAX);
    struct plot_reader r;
    plot_reader_init(&r, &own->arena, "", err);
    json_t *root = plot_reader_parse(&r, json, n_bytes);
    if (root) {
        read_schema(&r, root, own);
    }
    json_decref(root);
    if (r.rc != REEL_OK) {
        plot_schema_free(&own->schema);
        return r.rc;
    }
    *out = &own->schema;
    return REEL_OK;
}

void plot_schema_free(struct plot_schema *schema)
{
    if (schema) {
        struct schema_owned *own = (struct schema_owned *)schema;
        base_arena_release(&own->arena);
        base_free(own);
    }
}

int32_t plot_schema_find(const struct plot_schema *schema, const char *name)
{
    for (int32_t i = 0; i < schema->n_events; i++) {
        if (strcmp(schema->event[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* ---- the one inside the program ---- */

static pthread_mutex_t built_in_lock = PTHREAD_MUTEX_INITIALIZER;
static struct plot_schema *built_in; /* under the lock until set, then never changed */

static enum reel_status built_in_load(struct reel_error *err)
{
    for (const struct plot_data_file *file = plot_data_files; file->name; file++) {
        if (strcmp(file->name, "events.json") == 0) {
            return plot_schema_parse(file->text, file->n_bytes, &built_in, err);
        }
    }
    return fail(err, REEL_EFAIL, "events.json is not inside the program");
}

enum reel_status plot_schema_get(const struct plot_schema **out, struct reel_error *err)
{
    // A lock and not pthread_once: a load that failed for want of memory may be repeated.
    pthread_mutex_lock(&built_in_lock);
    const enum reel_status rc = built_in ? REEL_OK : built_in_load(err);
    *out = built_in;
    pthread_mutex_unlock(&built_in_lock);
    return rc;
}

/* ---- the same for outsiders ---- */

static struct reel_event_type *event_types; /* as built_in, under the same lock */

/** Genres that an event suits better than others. */
static const char *genres_of(struct base_arena *arena, const struct plot_schema *schema,
                             const struct plot_event *event)
{
    struct base_buffer text;
    base_buffer_init(&text, 1 << 12);
    bool is_ok = true;
    for (int32_t g = 0; is_ok && g < schema->n_genres; g++) {
        is_ok =
            !(event->genre_weight[g] > 1) ||
            base_buffer_print(&text, "%s%s", text.n_bytes ? ", " : "", schema->genre[g]);
    }
    char *kept = is_ok ? base_arena_strdup(arena, base_buffer_text(&text)) : NULL;
    base_buffer_release(&text);
    return kept;
}

static struct reel_event_type *event_types_make(void)
{
    struct schema_owned *own = (struct schema_owned *)built_in;
    const struct plot_schema *schema = &own->schema;
    struct reel_event_type *type =
        base_arena_alloc(&own->arena, (size_t)schema->n_events, sizeof *type);
    for (int32_t i = 0; type && i < schema->n_events; i++) {
        const struct plot_event *event = &schema->event[i];
        type[i] = (struct reel_event_type){
            .name = event->name,
            .label_en = event->label[0],
            .label_zh = event->label[1],
            .genres = genres_of(&own->arena, schema, event),
            .intensity = event->intensity,
        };
        if (!type[i].genres) {
            return NULL;
        }
    }
    return type;
}

const struct reel_event_type *reel_event_types(int32_t *n)
{
    const struct plot_schema *schema = NULL;
    *n = 0;
    if (plot_schema_get(&schema, NULL) != REEL_OK) {
        return NULL;
    }
    pthread_mutex_lock(&built_in_lock);
    event_types = event_types ? event_types : event_types_make();
    const struct reel_event_type *types = event_types;
    pthread_mutex_unlock(&built_in_lock);
    *n = types ? schema->n_events : 0;
    return types;
}
