/** A small story for tests, written by hand: four scenes, two ways that meet, two endings. */
#ifndef PLOT_SAMPLE_H
#define PLOT_SAMPLE_H

#include "plot_story.h"

#include <math.h>

static const char *const sample_alias[] = {"Mara"};
static const char *const sample_trait[] = {"stubborn", "\"brave\" <sort of>"};
static const struct reel_entity sample_entity[] = {
    {.id = "mara",
     .kind = REEL_ENTITY_PERSON,
     .name = "Mara Lind",
     .alias = sample_alias,
     .n_aliases = 1,
     .trait = sample_trait,
     .n_traits = 2,
     .goal = "to leave the island",
     .gender = 'f',
     .source = REEL_SOURCE_CATALOGUE},
    {.id = "otto",
     .kind = REEL_ENTITY_PERSON,
     .name = "Otto",
     .gender = 'm',
     .source = REEL_SOURCE_RULE},
    {.id = "pier",
     .kind = REEL_ENTITY_PLACE,
     .name = "the pier",
     .gender = 'n',
     .source = REEL_SOURCE_MODEL},
};
static const struct reel_fact sample_fact[] = {
    {.subject = 0, .relation = "at", .object = 2, .source = REEL_SOURCE_CATALOGUE},
    {.subject = 1, .relation = "alive", .object = -1, .source = REEL_SOURCE_RULE},
};
static const struct reel_fact sample_gained[] = {
    {.subject = 0, .relation = "trusts", .object = 1, .source = REEL_SOURCE_EVENT}};
static const struct reel_fact sample_lost[] = {
    {.subject = 1, .relation = "alive", .object = -1, .source = REEL_SOURCE_EVENT}};
static const struct reel_role_filler sample_role[] = {{"a", 0}, {"b", 1}, {"place", 2}};
static const struct reel_score_part sample_part[] = {
    {"where everybody begins", .5}, {"words you like", .125}, {"genres you like", -.025}};
static const struct reel_check_result sample_check[] = {{"unfinished", true, 2},
                                                        {"copies-synopsis", true, 0}};
static const int32_t sample_parent[] = {0, 1, 2};

static const char sample_premise[] =
    "{\"forkreel_film\":1,\"title\":{\"en\":\"The Last Ferry\",\"zh\":\"末班渡轮\"},"
    "\"beats\":[]}";

static inline struct reel_story sample_head(void)
{
    return (struct reel_story){.title = "The Last Ferry",
                               .film_key = 7,
                               .viewer = "ann",
                               .language = "en",
                               .genre = "Drama, War",
                               .method = "mix",
                               .model = "Small Model",
                               .model_checksum = "ab12",
                               .prompt_version = "1",
                               .seed = 18446744073709551615u,
                               .created_s = 1795500000,
                               .premise = sample_premise,
                               .entity = sample_entity,
                               .n_entities = 3,
                               .fact = sample_fact,
                               .n_facts = 2};
}

/** Nodes 0 opening; 1, 2 after 0; 3 after 1 and 2; 4 after 2. 3 and 4 are endings. */
static inline struct reel_story_node sample_node(int32_t i)
{
    const double nothing = NAN;
    struct reel_story_node node = {.text =
                                       "The last ferry leaves at <eight> & not later.",
                                   .provenance = REEL_BY_OPENING,
                                   .logp_per_token = nothing,
                                   .gain_per_token = nothing,
                                   .p_plan = nothing,
                                   .p_like = nothing,
                                   .diversity = nothing};
    static const struct {
        const char *choice, *event, *text, *ending;
        int32_t first_parent, n_parents;
        double score;
    } rows[] = {
        {0},
        {"Trust Otto", "alliance", "Mara takes Otto's hand.\nThey run.", NULL, 0, 1, .25},
        {"Go [alone]", "parting", "Mara leaves \"him\" behind -> and ]] ::", NULL, 0, 1,
         .75},
        {"Jump aboard", "escape", "The ferry pulls away with her on it.", "happy", 1, 2,
         .1},
        {"Stay", NULL, "She stays.", "tragic", 2, 1, 1. / 3},
    };
    if (i == 0) {
        return node;
    }
    node.choice = rows[i].choice;
    node.event = rows[i].event;
    node.plan = rows[i].event ? "Mara and Otto decide." : NULL;
    node.text = rows[i].text;
    node.ending = rows[i].ending;
    node.is_ending = rows[i].ending != NULL;
    node.parent = sample_parent + rows[i].first_parent;
    node.n_parents = rows[i].n_parents;
    node.score = rows[i].score;
    node.provenance = i == 1 ? REEL_BY_TEMPLATE : i == 4 ? REEL_BY_PERSON : REEL_BY_MODEL;
    if (rows[i].event) {
        node.role = sample_role;
        node.n_roles = 3;
        node.gained = sample_gained;
        node.n_gained = 1;
        node.lost = sample_lost;
        node.n_lost = 1;
        node.logp_per_token = -2.3456789012345678;
        node.gain_per_token = .1;
        node.p_plan = 1e-17;
        node.p_like = .6;
        node.part = sample_part;
        node.n_parts = 3;
        node.diversity = .8;
        node.check = sample_check;
        node.n_checks = 2;
    }
    return node;
}

static inline enum reel_status sample_build(struct reel_story **out,
                                            struct reel_error *err)
{
    struct plot_story_builder *builder = NULL;
    const struct reel_story head = sample_head();
    *out = NULL;
    enum reel_status rc = plot_story_builder_create(&head, &builder, err);
    for (int32_t i = 0; rc == REEL_OK && i < 5; i++) {
        const struct reel_story_node node = sample_node(i);
        rc = plot_story_builder_add(builder, &node, NULL, err);
    }
    rc = rc ? rc : plot_story_builder_finish(&builder, out, err);
    plot_story_builder_free(builder);
    return rc;
}

#endif
