/** Ways through a whole story at once: the children of all nodes, and how likely each is reached. */
#include "base_alloc.h"
#include "base_error.h"
#include "plot_story.h"

#include <math.h>

enum reel_status reel_story_links_make(const struct reel_story *story,
                                       struct reel_story_links *out,
                                       struct reel_error *err)
{
    *out = (struct reel_story_links){0};
    struct plot_story_links *links = base_alloc_zeroed(1, sizeof *links);
    const enum reel_status rc = links ? plot_story_links_init(links, story, err)
                                      : fail(err, REEL_ENOMEM, "links of a story");
    if (rc != REEL_OK) {
        base_free(links);
        return rc;
    }
    *out = (struct reel_story_links){links->start, links->child, links};
    return REEL_OK;
}

void reel_story_links_release(struct reel_story_links *links)
{
    struct plot_story_links *owned = links->owned;
    if (owned) {
        plot_story_links_release(owned);
        base_free(owned);
    }
    *links = (struct reel_story_links){0};
}

/** P(child given node); siblings nobody planned are equally likely. */
static double p_step(const struct reel_story *story, const struct reel_story_links *links,
                     int32_t node, int32_t child)
{
    const int32_t begin = links->start[node], end = links->start[node + 1];
    double sum = 0;
    for (int32_t c = begin; c < end; c++) {
        sum += fmax(0, story->node[links->child[c]].p_plan); // fmax passes NAN over
    }
    const double p = story->node[child].p_plan;
    return p > 0 ? p / fmax(1, sum) : 1.0 / (end - begin);
}

void reel_story_probabilities(const struct reel_story *story,
                              const struct reel_story_links *links, double *p)
{
    p[0] = 1;
    for (int32_t i = 1; i < story->n_nodes; i++) {
        p[i] = 0;
    }
    for (int32_t i = 0; i < story->n_nodes; i++) { // parents come before their children
        for (int32_t c = links->start[i]; c < links->start[i + 1]; c++) {
            const int32_t child = links->child[c];
            p[child] = fmin(1, p[child] + p[i] * p_step(story, links, i, child));
        }
    }
}
