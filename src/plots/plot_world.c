/**
 * A premise document becomes a world. Read in three passes over the document: who and what
 * there is, what is said of them, what the beats tell; then what follows is worked out on a
 * graph (friends have met, everybody is alive, the opening's beats have happened).
 */
#include "plot_world.h"

#include "base_alloc.h"
#include "base_buffer.h"
#include "base_error.h"
#include "plot_event_reader.h"
#include "plot_graph.h"

#include <string.h>

enum { WORLD_BYTES_MAX = 8 << 20, ID_BYTES_MAX = 60, FACTS_MAX = 4096 };

static const char *const role_names[PLOT_ROLES] = {"a",     "b",      "c",
                                                   "place", "object", "group"};

struct world_owned {
    struct plot_world world; /* first: the caller's pointer is this one's */
    struct base_arena arena;
    struct reel_entity entity[PLOT_ENTITIES_MAX];
    const char *role_in_story[PLOT_ENTITIES_MAX];
    struct reel_fact *fact; /* (FACTS_MAX) while reading */
    uint16_t *relation;
};

struct world_reader {
    struct plot_reader r;
    struct world_owned *own;
    const struct plot_schema *schema;
    const json_t *root;
    const char *other;       /* the language that is not the world's */
    enum reel_source source; /* where nothing else is said */
};

/* ---- texts in a language ---- */

static const char *const both_languages[] = {"en", "zh", NULL};

/** Of {"en": ..., "zh": ...}: the world's language, for names else the other one. */
static const char *in_language(struct world_reader *w, const json_t *both, bool is_name)
{
    if (!both || w->r.rc != REEL_OK) {
        return NULL;
    }
    const char *language = w->own->world.language;
    const bool is_here = json_object_get(both, language) != NULL;
    return plot_reader_text(&w->r, both, is_here || !is_name ? language : w->other, true);
}

static const char *named_text(struct world_reader *w, const json_t *object,
                              const char *key, bool is_needed, bool is_name)
{
    static const char *const title_languages[] = {"en", "zh", "original", NULL};
    const json_t *both = plot_reader_member(&w->r, object, key, JSON_OBJECT, is_needed);
    if (!both) {
        return NULL;
    }
    const size_t at = plot_reader_enter(&w->r, "%s", key);
    plot_reader_object(&w->r, both,
                       strcmp(key, "title") ? both_languages : title_languages);
    const char *text = in_language(w, both, is_name);
    plot_reader_leave(&w->r, at);
    return text;
}

static const char *const *text_list(struct world_reader *w, const json_t *object,
                                    const char *key, int32_t *n)
{
    *n = 0;
    const json_t *both = plot_reader_member(&w->r, object, key, JSON_OBJECT, false);
    if (!both) {
        return NULL;
    }
    const size_t at = plot_reader_enter(&w->r, "%s", key);
    const char *const *list = NULL;
    if (plot_reader_object(&w->r, both, both_languages)) {
        list = plot_reader_texts(&w->r, both, w->own->world.language, false, n);
    }
    plot_reader_leave(&w->r, at);
    return list;
}

static enum reel_source read_source(struct world_reader *w, const json_t *object)
{
    static const char *const names[] = {"",      "catalogue", "rule",
                                        "model", "event",     "person"};
    const char *name = plot_reader_text(&w->r, object, "source", false);
    for (int i = 1; name && i <= REEL_SOURCE_PERSON; i++) {
        if (strcmp(names[i], name) == 0) {
            return (enum reel_source)i;
        }
    }
    if (name) {
        plot_reader_complain(&w->r, "source", "no source '%.60s'", name);
    }
    return w->source;
}

/* ---- entities ---- */

static int32_t entity_find(const struct plot_world *world, const char *id)
{
    for (int32_t i = 0; i < world->n_entities; i++) {
        if (world->entity[i].id && strcmp(world->entity[i].id, id) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *read_id(struct world_reader *w, const json_t *item)
{
    const char *id = plot_reader_text(&w->r, item, "id", true);
    if (!id) {
        return NULL;
    }
    if (strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(id) ||
        strlen(id) > ID_BYTES_MAX) {
        plot_reader_complain(&w->r, "id", "'%.80s' is not [a-z0-9_]+", id);
    } else if (entity_find(&w->own->world, id) >= 0) {
        plot_reader_complain(&w->r, "id", "'%s' stands twice", id);
    }
    return id;
}

static struct reel_entity *add_entity(struct world_reader *w, const json_t *item,
                                      enum reel_entity_kind kind)
{
    struct plot_world *world = &w->own->world;
    if (world->n_entities == PLOT_ENTITIES_MAX) {
        plot_reader_complain(&w->r, NULL, "more than %d persons and things",
                             PLOT_ENTITIES_MAX);
        return NULL;
    }
    const char *id = read_id(w, item);
    struct reel_entity *entity = &w->own->entity[world->n_entities];
    w->own->role_in_story[world->n_entities++] = "";
    *entity = (struct reel_entity){.id = id, .kind = kind, .name = "", .gender = 'n'};
    entity->source = read_source(w, item);
    return entity;
}

static void read_person(struct world_reader *w, const json_t *item)
{
    static const char *const members[] = {"id",    "name",      "alias",  "gender",
                                          "role",  "traits",    "goal",   "at",
                                          "group", "relations", "source", NULL};
    static const char *const roles[] = {"protagonist", "antagonist", "love",   "ally",
                                        "mentor",      "rival",      "family", "victim",
                                        "creature",    "other"};
    struct reel_entity *person = plot_reader_object(&w->r, item, members)
                                     ? add_entity(w, item, REEL_ENTITY_PERSON)
                                     : NULL;
    if (!person) {
        return;
    }
    person->name = named_text(w, item, "name", true, true);
    person->alias = text_list(w, item, "alias", &person->n_aliases);
    person->trait = text_list(w, item, "traits", &person->n_traits);
    person->goal = named_text(w, item, "goal", false, false);
    const char *gender = plot_reader_text(&w->r, item, "gender", false);
    if (gender && (strlen(gender) != 1 || !strchr("mfn", gender[0]))) {
        plot_reader_complain(&w->r, "gender", "'%.60s' is not m, f or n", gender);
    }
    person->gender = gender ? gender[0] : 'n';
    const char *role = plot_reader_text(&w->r, item, "role", false);
    for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(roles[i], role) == 0) {
            w->own->role_in_story[w->own->world.n_entities - 1] = roles[i];
            return;
        }
    }
    if (role) {
        plot_reader_complain(&w->r, "role", "no role '%.60s'", role);
    }
}

/** A place, object or group: {"id", "en", "zh"}. */
static void read_thing(struct world_reader *w, const json_t *item,
                       enum reel_entity_kind kind)
{
    static const char *const members[] = {"id",    "en", "zh", "source",
                                          "owner", "at", NULL};
    static const char *const place_members[] = {"id", "en", "zh", "source", NULL};
    struct reel_entity *thing =
        plot_reader_object(&w->r, item,
                           kind == REEL_ENTITY_OBJECT ? members : place_members)
            ? add_entity(w, item, kind)
            : NULL;
    if (thing) {
        thing->name = in_language(w, item, true);
    }
}

static const struct {
    const char *key;
    enum reel_entity_kind kind;
} entity_lists[] = {{"characters", REEL_ENTITY_PERSON},
                    {"places", REEL_ENTITY_PLACE},
                    {"objects", REEL_ENTITY_OBJECT},
                    {"groups", REEL_ENTITY_GROUP}};

static void read_entities(struct world_reader *w)
{
    for (size_t l = 0; l < sizeof entity_lists / sizeof *entity_lists; l++) {
        const enum reel_entity_kind kind = entity_lists[l].kind;
        const char *key = entity_lists[l].key;
        const json_t *list = plot_reader_member(&w->r, w->root, key, JSON_ARRAY,
                                                kind == REEL_ENTITY_PERSON);
        for (size_t i = 0; w->r.rc == REEL_OK && i < json_array_size(list); i++) {
            const size_t at = plot_reader_enter(&w->r, "%s[%zu]", key, i);
            const json_t *item = json_array_get(list, i);
            if (kind == REEL_ENTITY_PERSON) {
                read_person(w, item);
            } else {
                read_thing(w, item, kind);
            }
            plot_reader_leave(&w->r, at);
        }
        if (w->r.rc == REEL_OK && list && kind == REEL_ENTITY_PERSON &&
            json_array_size(list) == 0) {
            plot_reader_complain(&w->r, key, "empty");
        }
    }
}

/* ---- facts ---- */

static void add_fact(struct world_reader *w, int32_t subject, int relation,
                     int32_t object, enum reel_source source)
{
    struct plot_world *world = &w->own->world;
    if (subject < 0 || w->r.rc != REEL_OK) {
        return;
    }
    if (world->n_facts == FACTS_MAX) {
        plot_reader_complain(&w->r, NULL, "more than %d facts", FACTS_MAX);
        return;
    }
    w->own->fact[world->n_facts] = (struct reel_fact){
        .subject = subject,
        .object = object,
        .relation = plot_relation_name((enum plot_relation)relation),
        .source = source,
    };
    w->own->relation[world->n_facts++] = (uint16_t)relation;
}

/** The entity that a member names; -1 absent or a complaint. */
static int32_t read_entity(struct world_reader *w, const json_t *object, const char *key,
                           bool is_needed, enum reel_entity_kind kind)
{
    const char *id = plot_reader_text(&w->r, object, key, is_needed);
    if (!id) {
        return -1;
    }
    const int32_t found = entity_find(&w->own->world, id);
    if (found < 0) {
        plot_reader_complain(&w->r, key, "there is no '%.60s'", id);
    } else if (kind && w->own->entity[found].kind != kind) {
        static const char *const kinds[] = {"", "person", "place", "object", "group"};
        plot_reader_complain(&w->r, key, "'%.60s' is no %s", id, kinds[kind]);
        return -1;
    }
    return found;
}

static void read_relation(struct world_reader *w, const json_t *item, int32_t subject)
{
    static const char *const members[] = {"is", "to", "source", NULL};
    static const uint8_t allowed[] = {
        PLOT_FRIEND,  PLOT_ALLY,      PLOT_ENEMY,  PLOT_RIVAL,    PLOT_SIBLING,
        PLOT_MARRIED, PLOT_LOVERS,    PLOT_LOVES,  PLOT_TRUSTS,   PLOT_HATES,
        PLOT_FEARS,   PLOT_OWES,      PLOT_HUNTS,  PLOT_WANTS,    PLOT_SUSPECTS,
        PLOT_MENTOR,  PLOT_COLLEAGUE, PLOT_PARENT, PLOT_DECEIVES, PLOT_BOSS};
    if (!plot_reader_object(&w->r, item, members)) {
        return;
    }
    const char *is = plot_reader_text(&w->r, item, "is", true);
    const int relation = is ? plot_relation_find(is) : -1;
    bool is_allowed = false;
    for (size_t i = 0; i < sizeof allowed; i++) {
        is_allowed |= allowed[i] == relation;
    }
    if (is && !is_allowed) {
        plot_reader_complain(&w->r, "is", "no relation '%.60s'", is);
    }
    const int32_t to =
        read_entity(w, item, "to", true, relation == PLOT_WANTS ? 0 : REEL_ENTITY_PERSON);
    if (to == subject && w->r.rc == REEL_OK) {
        plot_reader_complain(&w->r, "to", "nobody stands in a relation to oneself");
    }
    const enum reel_source source = read_source(w, item);
    if (to >= 0) {
        add_fact(w, subject, relation, to, source);
    }
}

static void read_person_facts(struct world_reader *w, const json_t *item, int32_t i)
{
    const enum reel_source source = w->own->entity[i].source;
    const int32_t at_place = read_entity(w, item, "at", false, REEL_ENTITY_PLACE);
    if (at_place >= 0) {
        add_fact(w, i, PLOT_AT, at_place, source);
    }
    const int32_t group = read_entity(w, item, "group", false, REEL_ENTITY_GROUP);
    if (group >= 0) {
        add_fact(w, i, PLOT_MEMBER, group, source);
    }
    const json_t *list = plot_reader_member(&w->r, item, "relations", JSON_ARRAY, false);
    for (size_t k = 0; w->r.rc == REEL_OK && k < json_array_size(list); k++) {
        const size_t at = plot_reader_enter(&w->r, "relations[%zu]", k);
        read_relation(w, json_array_get(list, k), i);
        plot_reader_leave(&w->r, at);
    }
}

static void read_facts(struct world_reader *w)
{
    const json_t *persons = json_object_get(w->root, "characters");
    for (size_t i = 0; w->r.rc == REEL_OK && i < json_array_size(persons); i++) {
        const size_t at = plot_reader_enter(&w->r, "characters[%zu]", i);
        read_person_facts(w, json_array_get(persons, i), (int32_t)i);
        plot_reader_leave(&w->r, at);
    }
    const json_t *objects = json_object_get(w->root, "objects");
    const int32_t first = (int32_t)(json_array_size(persons) +
                                    json_array_size(json_object_get(w->root, "places")));
    for (size_t i = 0; w->r.rc == REEL_OK && i < json_array_size(objects); i++) {
        const size_t at = plot_reader_enter(&w->r, "objects[%zu]", i);
        const json_t *item = json_array_get(objects, i);
        const int32_t self = first + (int32_t)i;
        const enum reel_source source = w->own->entity[self].source;
        const int32_t owner = read_entity(w, item, "owner", false, REEL_ENTITY_PERSON);
        const int32_t place = read_entity(w, item, "at", false, REEL_ENTITY_PLACE);
        if (owner >= 0) {
            add_fact(w, owner, PLOT_HAS, self, source);
        } else if (place >= 0) {
            add_fact(w, self, PLOT_AT, place, source);
        }
        plot_reader_leave(&w->r, at);
    }
}

/* ---- beats ---- */

static void read_beat(struct world_reader *w, const json_t *item, struct plot_beat *beat)
{
    static const char *const members[] = {
        "event", "a", "b", "c", "place", "object", "group", "en", "zh", "source", NULL};
    static const enum reel_entity_kind kinds[PLOT_ROLES] = {
        REEL_ENTITY_PERSON, REEL_ENTITY_PERSON, REEL_ENTITY_PERSON,
        REEL_ENTITY_PLACE,  REEL_ENTITY_OBJECT, REEL_ENTITY_GROUP};
    if (!plot_reader_object(&w->r, item, members)) {
        return;
    }
    const char *event = plot_reader_text(&w->r, item, "event", false);
    beat->event = event ? plot_schema_find(w->schema, event) : -1;
    if (event && beat->event < 0) {
        plot_reader_complain(&w->r, "event", "there is no event '%.60s'", event);
    }
    for (int i = 0; i < PLOT_ROLES; i++) {
        beat->role[i] = read_entity(w, item, role_names[i], false, kinds[i]);
    }
    beat->text = in_language(w, item, false);
}

static void read_beats(struct world_reader *w)
{
    struct plot_world *world = &w->own->world;
    const json_t *list = plot_reader_member(&w->r, w->root, "beats", JSON_ARRAY, false);
    const size_t n = json_array_size(list);
    struct plot_beat *beat = plot_reader_alloc(&w->r, n, sizeof *beat);
    for (size_t i = 0; w->r.rc == REEL_OK && i < n; i++) {
        const size_t at = plot_reader_enter(&w->r, "beats[%zu]", i);
        read_beat(w, json_array_get(list, i), &beat[i]);
        plot_reader_leave(&w->r, at);
    }
    world->beat = beat;
    world->n_beats = w->r.rc == REEL_OK ? (int32_t)n : 0;
}

/* ---- what follows ---- */

static void imply_trust(struct plot_graph *g, int32_t a, int32_t b)
{
    static const uint8_t trusting[] = {PLOT_FRIEND,  PLOT_ALLY,    PLOT_LOVERS,
                                       PLOT_SIBLING, PLOT_MARRIED, PLOT_MENTOR,
                                       PLOT_PARENT};
    static const uint8_t wary[] = {PLOT_HATES, PLOT_SUSPECTS, PLOT_FEARS, PLOT_HUNTS,
                                   PLOT_ENEMY};
    bool is_trusting = false, is_wary = false;
    for (size_t i = 0; i < sizeof trusting; i++) {
        is_trusting |= plot_graph_holds(g, a, trusting[i], b) ||
                       plot_graph_holds(g, b, trusting[i], a);
    }
    for (size_t i = 0; i < sizeof wary; i++) {
        is_wary |= plot_graph_holds(g, a, wary[i], b);
    }
    if (is_trusting && !is_wary) {
        plot_graph_set(g, a, PLOT_TRUSTS, b, true);
    }
}

/** What a reader takes for granted: alive, free, acquainted, trusting. */
static void imply(const struct world_reader *w, struct plot_graph *g)
{
    const struct plot_world *world = &w->own->world;
    for (int32_t i = 0; i < world->n_entities; i++) {
        if (world->entity[i].kind == REEL_ENTITY_PERSON) {
            plot_graph_set(g, i, PLOT_ALIVE, -1, true);
            plot_graph_set(g, i, PLOT_FREE, -1, true);
        }
    }
    for (int32_t i = 0; i < world->n_facts; i++) { // what each stated fact brings along
        const struct reel_fact *fact = &world->fact[i];
        if (fact->object >= 0 && world->relation[i] != PLOT_AT) {
            plot_graph_set(g, fact->subject, world->relation[i], fact->object, true);
        }
    }
    for (int32_t a = 0; a < world->n_entities; a++) {
        for (int32_t b = 0; b < world->n_entities; b++) {
            if (a != b && world->entity[a].kind == REEL_ENTITY_PERSON &&
                world->entity[b].kind == REEL_ENTITY_PERSON) {
                imply_trust(g, a, b);
            }
        }
    }
}

static enum reel_source source_of(const struct world_reader *w,
                                  const struct reel_fact *said, int32_t n_said,
                                  const struct plot_graph *implied,
                                  const struct reel_fact *fact)
{
    const int relation = plot_relation_find(fact->relation);
    for (int32_t i = 0; i < n_said; i++) {
        const bool is_same =
            said[i].subject == fact->subject && said[i].object == fact->object;
        const bool is_turned = plot_relation_is_symmetric(relation) &&
                               said[i].subject == fact->object &&
                               said[i].object == fact->subject;
        if (w->own->relation[i] == relation && (is_same || is_turned)) {
            return said[i].source;
        }
    }
    return plot_graph_holds(implied, fact->subject, relation, fact->object)
               ? REEL_SOURCE_RULE
               : REEL_SOURCE_EVENT;
}

/** The world's facts become those at the opening: stated, implied, told by its beats. */
static enum reel_status close_facts(struct world_reader *w, struct reel_error *err)
{
    struct plot_world *world = &w->own->world;
    struct plot_graph g = {0}, implied = {0};
    struct reel_fact *all = NULL;
    enum reel_status rc = plot_graph_init(&g, world, err);
    if (rc == REEL_OK) {
        imply(w, &g);
        rc = plot_graph_copy(&implied, &g, err);
    }
    for (int32_t i = 0; rc == REEL_OK && i < world->n_opening_beats; i++) {
        if (world->beat[i].event >= 0) {
            plot_graph_happen(&g, &w->schema->event[world->beat[i].event],
                              world->beat[i].role);
        }
    }
    const int32_t n = rc == REEL_OK ? plot_graph_facts(&g, NULL, 0) : 0;
    all = plot_reader_alloc(&w->r, (size_t)n, sizeof *all);
    uint16_t *relation = plot_reader_alloc(&w->r, (size_t)n, sizeof *relation);
    rc = rc ? rc : w->r.rc;
    if (rc == REEL_OK) {
        plot_graph_facts(&g, all, n);
        for (int32_t i = 0; i < n; i++) {
            all[i].source = source_of(w, w->own->fact, world->n_facts, &implied, &all[i]);
            relation[i] = (uint16_t)plot_relation_find(all[i].relation);
        }
        world->fact = all;
        world->relation = relation;
        world->n_facts = n;
    }
    plot_graph_release(&g);
    plot_graph_release(&implied);
    return rc;
}

/* ---- texts of the whole ---- */

static bool add_sentence(struct base_buffer *out, const char *text, bool is_chinese)
{
    return (out->n_bytes == 0 || is_chinese || base_buffer_add_char(out, ' ')) &&
           base_buffer_add_text(out, text);
}

/** A setting is a phrase; a sentence begins large and ends with a full stop. */
static bool add_setting(struct base_buffer *out, const char *setting, bool is_chinese)
{
    const size_t at = out->n_bytes;
    if (!base_buffer_add_text(out, setting)) {
        return false;
    }
    if (out->data[at] >= 'a' && out->data[at] <= 'z') {
        out->data[at] = (char)(out->data[at] - 'a' + 'A');
    }
    const char *end = is_chinese ? "\u3002" : ".";
    const size_t n_end = strlen(end);
    const bool is_ended = out->n_bytes - at >= n_end &&
                          !memcmp(out->data + out->n_bytes - n_end, end, n_end);
    return is_ended || base_buffer_add_text(out, end);
}

static void write_texts(struct world_reader *w)
{
    struct plot_world *world = &w->own->world;
    const bool is_chinese = world->language[0] == 'z';
    struct base_buffer opening, synopsis;
    base_buffer_init(&opening, 1 << 20);
    base_buffer_init(&synopsis, 1 << 20);
    bool is_ok =
        world->setting[0] == '\0' || add_setting(&opening, world->setting, is_chinese);
    for (int32_t i = 0; is_ok && i < world->n_beats; i++) {
        is_ok = (i >= world->n_opening_beats ||
                 add_sentence(&opening, world->beat[i].text, is_chinese)) &&
                (i == 0 || base_buffer_add_char(&synopsis, ' ')) &&
                base_buffer_add_text(&synopsis, world->beat[i].text);
    }
    if (!is_ok) {
        plot_reader_no_memory(&w->r);
    }
    if (!world->opening) {
        world->opening = plot_reader_keep(&w->r, base_buffer_text(&opening));
    }
    world->synopsis = plot_reader_keep(&w->r, base_buffer_text(&synopsis));
    base_buffer_release(&opening);
    base_buffer_release(&synopsis);
}

static void read_head(struct world_reader *w)
{
    static const struct {
        const char *rating;
        int32_t age;
    } ages[] = {{"G", 0}, {"PG", 7}, {"PG-13", 13}, {"R", 17}, {"NC-17", 18}};
    struct plot_world *world = &w->own->world;
    world->title = named_text(w, w->root, "title", true, true);
    const char *setting = named_text(w, w->root, "setting", false, false);
    const char *time = named_text(w, w->root, "time", false, false);
    world->setting = setting ? setting : "";
    world->time = time ? time : "";
    world->opening = named_text(w, w->root, "opening", false, false);
    const char *rating = plot_reader_text(&w->r, w->root, "age_rating", false);
    world->max_age = -1;
    for (size_t i = 0; rating && i < sizeof ages / sizeof *ages; i++) {
        if (strcmp(ages[i].rating, rating) == 0) {
            world->max_age = ages[i].age;
        }
    }
    int32_t n = 0;
    const char *const *genre = plot_reader_texts(&w->r, w->root, "genres", false, &n);
    struct base_buffer genres;
    base_buffer_init(&genres, 4096);
    for (int32_t i = 0; i < n; i++) {
        if (!base_buffer_print(&genres, "%s%s", i ? ", " : "", genre[i])) {
            plot_reader_no_memory(&w->r);
        }
    }
    world->genre = plot_reader_keep(&w->r, base_buffer_text(&genres));
    base_buffer_release(&genres);
}

static int32_t find_lead(const struct world_owned *own)
{
    for (int32_t i = 0; i < own->world.n_entities; i++) {
        if (strcmp(own->role_in_story[i], "protagonist") == 0) {
            return i;
        }
    }
    return 0;
}

static enum reel_status read_world(struct world_reader *w, struct reel_error *err)
{
    static const char *const members[] = {"forkreel_film", "forkreel_premise",
                                          "title",         "year",
                                          "ids",           "countries",
                                          "language",      "cast",
                                          "directors",     "genres",
                                          "keywords",      "age_rating",
                                          "places",        "runtime_min",
                                          "setting",       "time",
                                          "objects",       "groups",
                                          "characters",    "beats",
                                          "opening",       NULL};
    struct plot_world *world = &w->own->world;
    if (!plot_reader_object(&w->r, w->root, members)) {
        return w->r.rc;
    }
    w->source = json_object_get(w->root, "forkreel_film") ? REEL_SOURCE_CATALOGUE
                                                          : REEL_SOURCE_PERSON;
    w->own->fact = plot_reader_alloc(&w->r, FACTS_MAX, sizeof *w->own->fact);
    w->own->relation = plot_reader_alloc(&w->r, FACTS_MAX, sizeof *w->own->relation);
    world->fact = w->own->fact;
    world->relation = w->own->relation;
    read_head(w);
    read_entities(w);
    read_facts(w);
    read_beats(w);
    if (w->r.rc == REEL_OK && world->n_beats == 0 && !world->opening) {
        plot_reader_complain(&w->r, NULL, "neither beats nor an opening");
    }
    world->n_opening_beats = world->opening ? 0 : world->n_beats >= 6 ? 2 : 1;
    write_texts(w);
    world->lead = find_lead(w->own);
    return w->r.rc != REEL_OK ? w->r.rc : close_facts(w, err);
}

enum reel_status plot_world_create(const char *premise_json, const char *language,
                                   struct plot_world **out, struct reel_error *err)
{
    *out = NULL;
    const bool is_chinese = strcmp(language, "zh") == 0;
    if (!is_chinese && strcmp(language, "en") != 0) {
        return fail(err, REEL_EINVAL, "language '%.20s' is not en or zh", language);
    }
    struct world_owned *own = base_alloc_zeroed(1, sizeof *own);
    if (!own) {
        return fail(err, REEL_ENOMEM, "out of memory");
    }
    struct world_reader w = {.own = own, .other = is_chinese ? "en" : "zh"};
    base_arena_init(&own->arena, WORLD_BYTES_MAX);
    plot_reader_init(&w.r, &own->arena, "premise", err);
    own->world.language = is_chinese ? "zh" : "en";
    own->world.entity = own->entity;
    own->world.role_in_story = own->role_in_story;
    own->world.premise = plot_reader_keep(&w.r, premise_json);
    enum reel_status rc = w.r.rc ? w.r.rc : plot_schema_get(&w.schema, err);
    json_t *root = NULL;
    if (rc == REEL_OK) {
        root = plot_reader_parse(&w.r, premise_json, strlen(premise_json));
        w.root = root;
        rc = root ? read_world(&w, err) : w.r.rc;
    }
    json_decref(root);
    if (rc != REEL_OK) {
        plot_world_free(&own->world);
        return rc;
    }
    *out = &own->world;
    return REEL_OK;
}

void plot_world_free(struct plot_world *world)
{
    if (world) {
        struct world_owned *own = (struct world_owned *)world;
        base_arena_release(&own->arena);
        base_free(own);
    }
}
