/**
 * Any bytes as a premise: as a document in both languages, and as a person's own text whose
 * premise must then be one that a world can be made of, and a first step planned in.
 */
#include "plot_plan.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void plan(const struct plot_world *world)
{
    struct reel_fork_options opt = {.max_age = -1, .seed = 1};
    struct reel_error err;
    struct plot_planner *planner;
    struct plot_graph graph;
    struct plot_step step[4];
    int32_t n;
    if (plot_planner_create(world, &opt, &planner, &err) != REEL_OK ||
        plot_graph_init(&graph, world, &err) != REEL_OK) {
        abort();
    }
    const enum reel_status rc =
        plot_plan_next(planner, &graph, NULL, 0, 2, 4, step, &n, &err);
    if (rc != REEL_OK && rc != REEL_EFAIL) {
        abort();
    }
    plot_graph_release(&graph);
    plot_planner_free(planner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static const char *const languages[] = {"en", "zh"};
    char *text = malloc(n_bytes + 1);
    memcpy(text, data, n_bytes);
    text[n_bytes] = '\0';
    for (int l = 0; l < 2; l++) {
        struct plot_world *world;
        struct reel_error err;
        enum reel_status rc = plot_world_create(text, languages[l], &world, &err);
        if (rc == REEL_OK) {
            plan(world);
        } else if (rc != REEL_EFORMAT || !err.text[0]) {
            abort();
        }
        plot_world_free(world);
        char *json;
        rc = reel_premise_from_text(text, languages[l], NULL, &json, &err);
        if (rc == REEL_OK) {
            if (plot_world_create(json, languages[l], &world, &err) != REEL_OK) {
                abort();
            }
            plan(world);
            plot_world_free(world);
        } else if (rc != REEL_EFORMAT || !err.text[0]) {
            abort();
        }
        reel_text_free(json);
    }
    free(text);
    return 0;
}
