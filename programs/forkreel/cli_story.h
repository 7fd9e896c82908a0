/** What the commands about stories share: where stories are, and how they look. */
#ifndef CLI_STORY_H
#define CLI_STORY_H

#include "cli_lm.h"
#include "cli_session.h"

#include <forkreel/story.h>

/** HOME/stories/ID.json and HOME/walks/ID.json (ID.NAME.json); free them. */
char *story_path(const struct cli *cli, const char *id);
char *story_walk_path(const struct cli *cli, const char *id, const char *name);
/** HOME/NAME, made when it is not there. */
enum reel_status story_folder_make(const struct cli *cli, const char *name,
                                   struct reel_error *err);

/**
 * Paths of all stories of the home, newest first; free with story_list_release.
 */
struct story_list {
    char **path;
    int32_t n;
};
void story_list_make(const struct cli *cli, struct story_list *list);
void story_list_release(struct story_list *list);

/**
 * The story that a word names: a file, "last" for the newest, an id or how one begins.
 * Errors: REEL_ENOTFOUND; REEL_EAMBIGUOUS with the candidates; those of reel_story_load.
 */
enum reel_status story_open(const struct cli *cli, const char *name,
                            struct reel_story **out, struct reel_error *err);

/** A node by the number that --node and NODE take. Errors: REEL_ENOTFOUND. */
enum reel_status story_node_find(const struct reel_story *story, int32_t i_node,
                                 struct reel_error *err);

/**
 * The engine that a word means (cli_lm.h); `*out` is NULL for "none", and for NULL where
 * there is no model at all, which is told.
 */
enum reel_status story_model_open(struct cli *cli, const char *word, const char *key_file,
                                  struct reel_lm **out, struct reel_error *err);

/** The event in the language of the run: "betrayal", "背叛"; "" for free text. */
const char *story_event_label(const struct cli *cli, const char *event);
/** "model", "plan", "person": who wrote a node's words. */
const char *story_provenance_word(enum reel_provenance provenance);
/** "happy ending" in the language of the run. */
const char *story_ending_word(const char *ending);
/** "62 %", or a dash for what is not known; free it. */
char *story_percent(double share);

/** The tree with its scores on standard output, best first; the best way is marked. */
void story_print_tree(const struct cli *cli, const struct reel_story *story);
/** Why a node stands where it does: the parts of p_like, plan, gain. */
void story_print_why(const struct cli *cli, const struct reel_story_node *node);

/** The story file, or one node of it, as a JSON value. */
json_t *story_json(const struct reel_story *story);
json_t *story_node_json(const struct reel_story *story, int32_t i_node);

/** Where data/catalogue is: beside the program's folder, installed or built; NULL nowhere.
 *  Free it. */
char *cli_data_folder(void);

#endif
