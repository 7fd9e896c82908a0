/**
 * A layered drawing of a graph whose nodes are sorted: two passes, no recursion.
 *
 * Every node stands beside one parent; so the graph becomes a tree whose subtrees take
 * disjoint bands of the paper. Backwards each band's height is summed, forwards each band
 * is given its place, children best first.
 */
#include "plot_format_layout.h"

#include "base_alloc.h"
#include "base_error.h"

static void columns_find(struct plot_layout *layout, const struct reel_story *story)
{
    layout->column[0] = 0;
    layout->beside[0] = -1;
    layout->n_columns = 1;
    for (int32_t i = 1; i < story->n_nodes; i++) {
        const struct reel_story_node *node = &story->node[i];
        int32_t beside = node->parent[0];
        for (int32_t p = 1; p < node->n_parents; p++) {
            if (layout->column[node->parent[p]] > layout->column[beside]) {
                beside = node->parent[p];
            }
        }
        layout->beside[i] = beside;
        layout->column[i] = layout->column[beside] + 1;
        if (layout->column[i] >= layout->n_columns) {
            layout->n_columns = layout->column[i] + 1;
        }
    }
}

/** Heights of the bands: `band` with all that stands beside, `below` the children alone. */
static void bands_find(const struct plot_layout *layout, const double *height, int32_t n,
                       double *band, double *below)
{
    for (int32_t i = n - 1; i >= 0; i--) {
        band[i] = below[i] > height[i] ? below[i] : height[i];
        if (i > 0) {
            below[layout->beside[i]] += band[i];
        }
    }
}

/** `layout->top` holds the top of the band until its node is placed in its middle. */
static void tops_find(struct plot_layout *layout, const struct reel_story *story,
                      const struct plot_story_links *links, const double *height,
                      const double *band, const double *below)
{
    layout->top[0] = 0;
    for (int32_t i = 0; i < story->n_nodes; i++) {
        double next = layout->top[i] + (band[i] - below[i]) / 2;
        for (int32_t c = links->start[i]; c < links->start[i + 1]; c++) {
            const int32_t child = links->child[c];
            if (layout->beside[child] == i) {
                layout->top[child] = next;
                next += band[child];
            }
        }
        layout->top[i] += (band[i] - height[i]) / 2;
    }
}

enum reel_status plot_layout_init(struct plot_layout *layout,
                                  const struct reel_story *story,
                                  const struct plot_story_links *links,
                                  const double *height, struct reel_error *err)
{
    const size_t n = (size_t)story->n_nodes;
    *layout = (struct plot_layout){.column = base_alloc_array(n, sizeof *layout->column),
                                   .beside = base_alloc_array(n, sizeof *layout->beside),
                                   .top = base_alloc_zeroed(n, sizeof *layout->top)};
    double *band = base_alloc_array(n, sizeof *band),
           *below = base_alloc_zeroed(n, sizeof *below);
    const bool is_enough =
        layout->column && layout->beside && layout->top && band && below;
    if (is_enough) {
        columns_find(layout, story);
        bands_find(layout, height, story->n_nodes, band, below);
        tops_find(layout, story, links, height, band, below);
        layout->height = band[0];
    }
    base_free(band);
    base_free(below);
    if (!is_enough) {
        plot_layout_release(layout);
        return fail(err, REEL_ENOMEM, "a drawing of %d nodes", story->n_nodes);
    }
    return REEL_OK;
}

void plot_layout_release(struct plot_layout *layout)
{
    base_free(layout->column);
    base_free(layout->beside);
    base_free(layout->top);
    *layout = (struct plot_layout){0};
}
