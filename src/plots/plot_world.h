/**
 * What a story is made of before anything happens: persons, places, objects, groups, the
 * facts at the opening and the film's beats, read from a premise document
 * (docs/catalogue.md). Checked once, then immutable; strings live as long as the world.
 */
#ifndef PLOT_WORLD_H
#define PLOT_WORLD_H

#include "plot_event.h"

#include <forkreel/story.h>

struct plot_beat {
    const char *text;         /* in the language of the world */
    int32_t event;            /* index into the schema; -1 untold */
    int32_t role[PLOT_ROLES]; /* entities; -1 not filled */
};

#define PLOT_ENTITIES_MAX 64 /* of all kinds together */

struct plot_world {
    const char *language;                       /* "en", "zh" */
    const char *title, *genre, *setting, *time; /* setting, time: "" unknown */
    const struct reel_entity *entity;
    const char *const *role_in_story; /* (n_entities) "protagonist", ...; "" unknown */
    const struct reel_fact *fact; /* at the opening: said, implied (everybody is alive,
                                         friends trust each other), told by its beats */
    const uint16_t *relation;     /* (n_facts) enum plot_relation of each fact */
    const struct plot_beat *beat;
    const char
        *opening; /* text of node 0: setting and the first beats, or the person's words */
    const char *synopsis; /* all beats, one blank between */
    const char *premise;  /* the document itself */
    int32_t n_entities, n_facts, n_beats;
    int32_t n_opening_beats; /* the first beats, which the opening tells */
    int32_t lead;            /* entity: the protagonist, else the first person */
    int32_t max_age;         /* of the film's own age rating; -1 unknown */
    void *owned;
};

/**
 * Errors: REEL_EFORMAT "premise: characters[2].name.zh: missing"; REEL_EINVAL language.
 * A text missing in one language is taken from the other one only for names. Members that
 * docs/catalogue.md does not know are refused.
 */
enum reel_status plot_world_create(const char *premise_json, const char *language,
                                   struct plot_world **out,
                                   struct reel_error *err) REEL_CHECKED;
void plot_world_free(struct plot_world *world);

#endif
