/**
 * Where a player stands. A walk is the way from the opening, kept apart from the story,
 * which stays as it is. Its file: {"forkreel_walk": 1, "story": "alien-...", "path": [0, 2]},
 * and "viewer" where it is known who walks.
 */
#include "base_alloc.h"
#include "base_error.h"
#include "base_file.h"
#include "plot_format.h"

#include <jansson.h>

#include <inttypes.h>
#include <string.h>

struct reel_walk {
    const struct reel_story *story; /* borrowed */
    int32_t *path;                  /* (n) the opening first */
    int32_t n, room;
    char *viewer; /* NULL not known */
};

enum reel_status reel_walk_create(const struct reel_story *story, struct reel_walk **out,
                                  struct reel_error *err)
{
    struct reel_walk *walk = base_alloc_zeroed(1, sizeof *walk);
    int32_t *path = walk ? base_alloc_array(16, sizeof *path) : NULL;
    *out = NULL;
    if (!path) {
        base_free(walk);
        return fail(err, REEL_ENOMEM, "a walk");
    }
    path[0] = 0;
    *walk = (struct reel_walk){.story = story, .path = path, .n = 1, .room = 16};
    *out = walk;
    return REEL_OK;
}

void reel_walk_free(struct reel_walk *walk)
{
    if (walk) {
        base_free(walk->path);
        base_free(walk->viewer);
        base_free(walk);
    }
}

enum reel_status reel_walk_set_viewer(struct reel_walk *walk, const char *viewer,
                                      struct reel_error *err)
{
    char *copy = base_strdup(viewer);
    if (!copy) {
        return fail(err, REEL_ENOMEM, "a walk");
    }
    base_free(walk->viewer);
    walk->viewer = copy;
    return REEL_OK;
}

const char *reel_walk_viewer(const struct reel_walk *walk)
{
    return walk->viewer;
}

int32_t reel_walk_node(const struct reel_walk *walk)
{
    return walk->path[walk->n - 1];
}

const int32_t *reel_walk_path(const struct reel_walk *walk, int32_t *n)
{
    *n = walk->n;
    return walk->path;
}

static bool is_child(const struct reel_story *story, int32_t parent, int32_t child)
{
    bool is_found = false;
    if (child > 0 && child < story->n_nodes) {
        const struct reel_story_node *node = &story->node[child];
        for (int32_t p = 0; p < node->n_parents; p++) {
            is_found = is_found || node->parent[p] == parent;
        }
    }
    return is_found;
}

enum reel_status reel_walk_choose(struct reel_walk *walk, int32_t child,
                                  struct reel_error *err)
{
    const int32_t node = reel_walk_node(walk);
    if (!is_child(walk->story, node, child)) {
        return fail(err, REEL_EINVAL, "node %d does not follow node %d", child, node);
    }
    if (walk->n == walk->room) {
        int32_t *path =
            base_realloc_array(walk->path, 2 * (size_t)walk->room, sizeof *path);
        if (!path) {
            return fail(err, REEL_ENOMEM, "a walk of %d steps", walk->n);
        }
        walk->path = path;
        walk->room *= 2;
    }
    walk->path[walk->n++] = child;
    return REEL_OK;
}

bool reel_walk_back(struct reel_walk *walk)
{
    if (walk->n == 1) {
        return false;
    }
    walk->n--;
    return true;
}

enum reel_status reel_walk_save(const struct reel_walk *walk, const char *path,
                                struct reel_error *err)
{
    struct base_file_writer file = {0};
    const enum reel_status rc = base_file_writer_open(&file, path, err);
    if (rc) {
        return rc;
    }
    fprintf(file.out, "{\"forkreel_walk\": 1, \"story\": ");
    plot_format_put_json(file.out, walk->story->id, false);
    fputs(", \"path\": [", file.out);
    for (int32_t i = 0; i < walk->n; i++) {
        fprintf(file.out, i ? ", %d" : "%d", walk->path[i]);
    }
    fputc(']', file.out);
    if (walk->viewer) {
        fputs(", \"viewer\": ", file.out);
        plot_format_put_json(file.out, walk->viewer, false);
    }
    fputs("}\n", file.out);
    return base_file_writer_close(&file, err);
}

static enum reel_status read_path(struct reel_walk *walk, json_t *root, const char *file,
                                  struct reel_error *err)
{
    json_t *version = json_object_get(root, "forkreel_walk"),
           *path = json_object_get(root, "path");
    const char *story = json_string_value(json_object_get(root, "story"));
    if (!json_is_integer(version) || !story || json_array_size(path) < 1) {
        return fail(err, REEL_EFORMAT, "%s: no walk through a story", file);
    }
    if (json_integer_value(version) != 1) {
        return fail(err, REEL_EVERSION, "%s: a walk of version %" PRId64 "; this reads 1",
                    file, (int64_t)json_integer_value(version));
    }
    if (strcmp(story, walk->story->id) != 0) {
        return fail(err, REEL_EFORMAT, "%s: a walk through '%.120s', not '%s'", file,
                    story, walk->story->id);
    }
    enum reel_status rc = REEL_OK;
    for (size_t i = 0; rc == REEL_OK && i < json_array_size(path); i++) {
        json_t *step = json_array_get(path, i);
        const int64_t node = json_is_integer(step) ? json_integer_value(step) : -1;
        if (i == 0) {
            rc = node == 0 ? REEL_OK
                           : fail(err, REEL_EFORMAT, "%s: does not begin at 0", file);
        } else if (node < 0 || node > INT32_MAX ||
                   !is_child(walk->story, reel_walk_node(walk), (int32_t)node)) {
            rc = fail(err, REEL_EFORMAT,
                      "%s: step %zu: node %" PRId64 " does not follow node %d", file, i,
                      node, reel_walk_node(walk));
        } else {
            rc = reel_walk_choose(walk, (int32_t)node, err);
        }
    }
    return rc;
}

enum reel_status reel_walk_load(const struct reel_story *story, const char *path,
                                struct reel_walk **out, struct reel_error *err)
{
    struct base_file_map map;
    struct reel_walk *walk = NULL;
    json_error_t where = {0};
    *out = NULL;
    enum reel_status rc = base_file_map_open(&map, path, err);
    if (rc) {
        return rc;
    }
    json_t *root = json_loadb(map.data ? (const char *)map.data : "", map.n_bytes,
                              JSON_REJECT_DUPLICATES, &where);
    if (!root) {
        rc = fail(err, REEL_EFORMAT, "%s:%d: %s", path, where.line, where.text);
    }
    rc = rc ? rc : reel_walk_create(story, &walk, err);
    rc = rc ? rc : read_path(walk, root, path, err);
    const char *viewer = json_string_value(json_object_get(root, "viewer"));
    rc = rc || !viewer ? rc : reel_walk_set_viewer(walk, viewer, err);
    json_decref(root);
    base_file_map_close(&map);
    if (rc) {
        reel_walk_free(walk);
        return rc;
    }
    *out = walk;
    return REEL_OK;
}
