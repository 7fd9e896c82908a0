/**
 * See cmd_lm_examples.h. A film is one example: where it plays is given, what happens is
 * learnt, beat by beat, each given those before it; so a film is held out as a whole.
 */
#include "cmd_lm_examples.h"
#include "cli_story.h"

#include <stdlib.h>
#include <string.h>

/** What is gathered, and for whom. */
struct gathering {
    struct cli *cli;
    struct reel_lm_examples *out;
    const int64_t *liked; /* (n_liked) ascending keys of films; NULL: all films */
    int32_t n_liked;
    const char *viewer;
};

static const char *text_of(const json_t *object, const char *key, const char *language)
{
    const json_t *both = key ? json_object_get(object, key) : object;
    const char *text = json_string_value(json_object_get(both, language));
    return text ? text : json_string_value(json_object_get(both, "en"));
}

/** "Title (year). Setting." and the beats, a paragraph each. */
static enum reel_status add_film(struct gathering *g, const char *premise,
                                 struct reel_error *err)
{
    const char *language = g->cli->lang;
    json_t *film = json_loads(premise, 0, NULL);
    const char *setting = text_of(film, "setting", language),
               *title = text_of(film, "title", language);
    char *given = cli_format("%s%s%s\n\n", title ? title : "",
                             title && setting ? ": " : "", setting ? setting : "");
    char *told = cli_format("%s", "");
    const json_t *beats = json_object_get(film, "beats");
    for (size_t i = 0; i < json_array_size(beats); i++) {
        const char *text = text_of(json_array_get(beats, i), NULL, language);
        if (text) {
            char *longer = cli_format("%s%s%s", told, told[0] ? "\n\n" : "", text);
            free(told);
            told = longer;
        }
    }
    const enum reel_status rc =
        told[0] ? reel_lm_examples_add(g->out, given, told, err) : REEL_OK;
    free(given);
    free(told);
    json_decref(film);
    return rc;
}

static enum reel_status each_film(int64_t film_key, const char *premise, void *payload,
                                  struct reel_error *err)
{
    struct gathering *g = payload;
    return !g->liked || session_index_of(g->liked, g->n_liked, film_key) >= 0
               ? add_film(g, premise, err)
               : REEL_OK;
}

// ---- what a viewer wrote and chose ----

static enum reel_status each_note(const struct reel_note *note, void *payload,
                                  struct reel_error *err)
{
    struct gathering *g = payload;
    return note->kind == REEL_EVENT_REVIEW && note->text[0]
               ? reel_lm_examples_add(g->out, NULL, note->text, err)
               : REEL_OK;
}

/** The chosen node, given the one before it. A story that is gone teaches nothing. */
static enum reel_status each_choice(const struct reel_choice *choice, void *payload,
                                    struct reel_error *err)
{
    struct gathering *g = payload;
    struct reel_story *story = NULL;
    char *path = story_path(g->cli, choice->story);
    enum reel_status rc = REEL_OK;
    if (reel_story_load(path, &story, NULL) == REEL_OK && choice->node > 0 &&
        choice->node < story->n_nodes) {
        const struct reel_story_node *node = &story->node[choice->node];
        char *given = cli_format("%s\n\n", story->node[node->parent[0]].text);
        rc = reel_lm_examples_add(g->out, given, node->text, err);
        free(given);
    }
    reel_story_free(story);
    free(path);
    return rc;
}

static enum reel_status add_viewer(struct gathering *g, struct session *s,
                                   struct reel_error *err)
{
    int64_t viewer_key;
    enum reel_status rc = session_viewer_find(s, g->viewer, &viewer_key, err);
    rc = rc ? rc : session_load(s, viewer_key, err);
    if (rc != REEL_OK) {
        return rc;
    }
    const struct reel_csr *chosen = &s->chosen.chosen;
    int64_t *liked = cli_need(malloc(((size_t)chosen->n_cols + 1) * sizeof *liked));
    for (int64_t i = 0; chosen->n_rows > 0 && i < chosen->start[1]; i++) {
        liked[g->n_liked++] = s->history.film_key[chosen->col[i]];
    }
    g->liked = liked;
    rc = reel_store_stories_each(s->store, each_film, g, err);
    rc = rc ? rc : reel_store_notes_each(s->store, viewer_key, each_note, g, err);
    rc = rc ? rc : reel_store_choices_each(s->store, g->viewer, each_choice, g, err);
    free(liked);
    return rc;
}

enum reel_status cli_lm_examples(struct cli *cli, const struct lm_words *words,
                                 struct reel_lm_examples *out, struct reel_error *err)
{
    const struct lm_finetune_words *own = &words->finetune;
    struct gathering g = {.cli = cli, .out = out, .viewer = words->word[1]};
    struct session s;
    if (own->data) {
        return reel_lm_examples_read(own->data, out, err);
    }
    const bool is_viewer = strcmp(own->from, "viewer") == 0;
    if (!is_viewer && strcmp(own->from, "catalogue") != 0) {
        return cli_error(err, REEL_EINVAL, tr("--from is catalogue or viewer, not '%s'"),
                         own->from);
    }
    if (is_viewer && !g.viewer) {
        return cli_error(err, REEL_EINVAL, "%s",
                         tr("--from viewer needs a viewer's name"));
    }
    enum reel_status rc = session_open(cli, &s, 0, err);
    if (rc == REEL_OK) {
        rc = is_viewer ? add_viewer(&g, &s, err)
                       : reel_store_stories_each(s.store, each_film, &g, err);
    }
    session_close(&s);
    if (rc == REEL_OK && out->n_examples < 2) {
        rc = is_viewer
                 ? cli_error(err, REEL_EFAIL,
                             tr("%s liked, reviewed and chose too little to learn from"),
                             g.viewer)
                 : cli_error(err, REEL_EFAIL, "%s",
                             tr("no film has a story yet: forkreel import catalogue "
                                "PATH"));
    }
    return rc;
}
