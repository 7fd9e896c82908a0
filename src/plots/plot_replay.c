/** Steps and graphs of a story that was loaded or made: its events happen once more. */
#include "plot_replay.h"

#include "base_alloc.h"
#include "base_error.h"

#include <string.h>

bool plot_step_of(const struct plot_schema *schema, const struct plot_world *world,
                  const struct reel_story_node *node, struct plot_step *step)
{
    static const char *const names[] = {"a", "b", "c", "place", "object", "group"};
    *step = (struct plot_step){.event = -1, .sentence = node->plan};
    for (int r = 0; r < PLOT_ROLES; r++) {
        step->role[r] = -1;
        for (int32_t i = 0; i < node->n_roles; i++) {
            if (!strcmp(names[r], node->role[i].role) &&
                node->role[i].entity < world->n_entities) {
                step->role[r] = node->role[i].entity;
            }
        }
    }
    step->event = node->event ? plot_schema_find(schema, node->event) : -1;
    return step->event >= 0;
}

/** Nodes above: the way by first parents, which need not be the shortest. */
static int32_t count_above(const struct reel_story *story, int32_t node)
{
    int32_t n = 0;
    for (; node > 0; n++) {
        node = story->node[node].parent[0];
    }
    return n;
}

int32_t plot_story_told(const struct reel_story *story, int32_t node, const char **told)
{
    const int32_t n = count_above(story, node);
    for (int32_t i = n - 1; i >= 0; i--) {
        node = story->node[node].parent[0];
        told[i] = story->node[node].text;
    }
    return n;
}

enum reel_status plot_replay(const struct plot_schema *schema,
                             const struct plot_world *world,
                             const struct reel_story *story, int32_t node,
                             struct plot_graph *graph, struct reel_error *err)
{
    const int32_t n = count_above(story, node);
    int32_t *way = base_alloc_array((size_t)n, sizeof *way);
    if (!way) {
        return fail(err, REEL_ENOMEM, "the way to node %d", node);
    }
    for (int32_t i = n - 1; i >= 0; i--, node = story->node[node].parent[0]) {
        way[i] = node;
    }
    enum reel_status rc = plot_graph_init(graph, world, err);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        struct plot_step step;
        if (plot_step_of(schema, world, &story->node[way[i]], &step)) {
            plot_graph_happen(graph, &schema->event[step.event], step.role);
        }
    }
    base_free(way);
    return rc;
}
