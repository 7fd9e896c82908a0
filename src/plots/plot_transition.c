/** What follows what in films: pairs of events in the beats of premise documents. */
#include <forkreel/story.h>

#include "base_alloc.h"
#include "base_error.h"
#include "plot_event.h"
#include "plot_world.h"

#include <string.h>

static void count_beats(const struct plot_world *world, int32_t n_events, double *seen)
{
    int32_t last = -1;
    for (int32_t i = 0; i < world->n_beats; i++) {
        const int32_t event = world->beat[i].event;
        if (event >= 0) {
            seen[(size_t)(last + 1) * (size_t)n_events + (size_t)event]++;
            last = event;
        }
    }
}

/** Rows and columns of a count become records; names are the schema's, which stays. */
static enum reel_status list_transitions(const struct plot_schema *schema,
                                         const double *seen, struct reel_transition **out,
                                         int32_t *n_out, struct reel_error *err)
{
    const size_t n_cells = (size_t)(schema->n_events + 1) * (size_t)schema->n_events;
    size_t n = 0;
    for (size_t i = 0; i < n_cells; i++) {
        n += seen[i] > 0;
    }
    struct reel_transition *list = base_alloc_array(n, sizeof *list);
    if (!list) {
        return fail(err, REEL_ENOMEM, "%zu transitions", n);
    }
    size_t at = 0;
    for (size_t i = 0; i < n_cells; i++) {
        if (seen[i] > 0) {
            const size_t from = i / (size_t)schema->n_events;
            const size_t to = i % (size_t)schema->n_events;
            list[at++] = (struct reel_transition){
                .from = from == 0 ? "" : schema->event[from - 1].name,
                .to = schema->event[to].name,
                .weight = seen[i]};
        }
    }
    *out = list;
    *n_out = (int32_t)n;
    return REEL_OK;
}

enum reel_status reel_transitions_learn(const char *const *premise, int32_t n,
                                        struct reel_transition **out, int32_t *n_out,
                                        struct reel_error *err)
{
    *out = NULL;
    *n_out = 0;
    const struct plot_schema *schema;
    enum reel_status rc = plot_schema_get(&schema, err);
    if (rc != REEL_OK) {
        return rc;
    }
    const size_t n_cells = (size_t)(schema->n_events + 1) * (size_t)schema->n_events;
    double *seen = base_alloc_zeroed(n_cells, sizeof *seen);
    if (!seen) {
        return fail(err, REEL_ENOMEM, "%zu counts", n_cells);
    }
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        struct plot_world *world = NULL;
        // Events are the same in both languages; a premise may have but one of them.
        rc = plot_world_create(premise[i], "en", &world, err);
        if (rc == REEL_EFORMAT) {
            rc = plot_world_create(premise[i], "zh", &world, err);
        }
        if (rc == REEL_OK) {
            count_beats(world, schema->n_events, seen);
        }
        plot_world_free(world);
    }
    rc = rc ? rc : list_transitions(schema, seen, out, n_out, err);
    base_free(seen);
    return rc;
}

void reel_transitions_free(struct reel_transition *transition, int32_t n)
{
    (void)n;
    base_free(transition);
}
