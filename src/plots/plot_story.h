/**
 * A story under construction. Everything handed in is copied, so callers may keep their
 * texts wherever they like; the story that comes out is checked and immutable.
 *
 *     struct plot_story_builder *builder;
 *     struct reel_story head = {.title = "Alien", .language = "en", .premise = json, ...};
 *     rc = plot_story_builder_create(&head, &builder, &err);
 *     rc = rc ? rc : plot_story_builder_add(builder, &opening, &i_node, &err);
 *     ...
 *     plot_story_builder_node(builder, i_node)->score = .7;   // numbers may change later
 *     rc = rc ? rc : plot_story_builder_finish(&builder, &story, &err);
 *     plot_story_builder_free(builder);                       // NULL after finish
 */
#ifndef PLOT_STORY_H
#define PLOT_STORY_H

#include <forkreel/story.h>

struct plot_story_builder;

/**
 * Head, entities and facts of a story, without nodes. `head->id` NULL: made at the end from
 * title, time, seed, what it grew from and what it became. head->node is not looked at.
 *
 * Errors: REEL_ENOMEM.
 */
enum reel_status plot_story_builder_create(const struct reel_story *head,
                                           struct plot_story_builder **out,
                                           struct reel_error *err) REEL_CHECKED;
void plot_story_builder_free(struct plot_story_builder *builder);

/**
 * Append a node; `*i_node` (may be NULL) receives its index. Its depth is worked out from
 * its parents: one more than the least deep of them.
 *
 * Errors: REEL_ENOMEM; REEL_EINVAL more than REEL_STORY_MAX_NODES, or a parent that is not
 *         there yet.
 */
enum reel_status plot_story_builder_add(struct plot_story_builder *builder,
                                        const struct reel_story_node *node,
                                        int32_t *i_node,
                                        struct reel_error *err) REEL_CHECKED;

/** Branches meet: `node` is reached from `parent` too (lower index than node). */
enum reel_status plot_story_builder_meet(struct plot_story_builder *builder, int32_t node,
                                         int32_t parent,
                                         struct reel_error *err) REEL_CHECKED;

/**
 * A node that was added, to change its numbers and flags; valid until the next addition.
 * A text that is put in must come from plot_story_builder_text.
 */
struct reel_story_node *plot_story_builder_node(struct plot_story_builder *builder,
                                                int32_t i_node);
int32_t plot_story_builder_n_nodes(const struct plot_story_builder *builder);
/** A copy that lives as long as the story; NULL: out of memory, or `text` is NULL. */
const char *plot_story_builder_text(struct plot_story_builder *builder, const char *text);

/**
 * Check and hand over: `*builder` is NULL after success, untouched after failure.
 * Errors: those of reel_story_check.
 */
enum reel_status plot_story_builder_finish(struct plot_story_builder **builder,
                                           struct reel_story **out,
                                           struct reel_error *err) REEL_CHECKED;

/* ---- words of story files ---- */

/** Names of enum values, "" for none; and back, 0 when there is none of that name. */
const char *plot_entity_kind_name(enum reel_entity_kind kind);
enum reel_entity_kind plot_entity_kind_find(const char *name);
const char *plot_source_name(enum reel_source source);
enum reel_source plot_source_find(const char *name);
const char *plot_provenance_name(enum reel_provenance provenance);
enum reel_provenance plot_provenance_find(const char *name);

/* ---- children of all nodes at once ---- */

/** Children of node i: child[start[i] .. start[i + 1] - 1], best score first. */
struct plot_story_links {
    int32_t *start; /* (n_nodes + 1) */
    int32_t *child; /* (start[n_nodes]) */
};
/** Errors: REEL_ENOMEM. */
enum reel_status plot_story_links_init(struct plot_story_links *links,
                                       const struct reel_story *story,
                                       struct reel_error *err) REEL_CHECKED;
void plot_story_links_release(struct plot_story_links *links);

#endif
