/**
 * What the commands that list films share: a viewer as ranking sees one, what stands beside
 * the model (edits, situation), and how a list looks.
 */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli_session.h"

#include <forkreel/feedback.h>
#include <forkreel/story.h>

/** Who saw at most so many films is served from answers (rank.h), not by a model. */
enum { LIST_NEWCOMER_SEEN_MAX = 10 };

/** A viewer in rows of the film table. */
struct list_viewer {
    struct reel_viewer_state state;
    struct reel_answer *answer; /* (n_answers) what the history would have answered */
    int32_t n_answers;
    int32_t *seen;
};
/** `row` of the session's history; -1: nobody, who saw nothing. */
void list_viewer_make(const struct session *s, int32_t row, struct list_viewer *out);

/** The state (store.h) in which films are kept that a viewer said not to have seen. */
#define LIST_UNKNOWN_STATE "welcome"
/** Add these as answers; `name` NULL: nobody's. */
enum reel_status list_viewer_add_unknown(const struct session *s, const char *name,
                                         struct list_viewer *viewer,
                                         struct reel_error *err) REEL_CHECKED;
void list_viewer_release(struct list_viewer *viewer);

/** What is added to the scores of films, for reel_list_options. */
struct list_beside {
    struct reel_edits edits;
    struct reel_said said;
    struct reel_adjustment *adjustment; /* (n_adjustments) */
    int32_t n_adjustments;
    float *amount; /* of those that are not edits */
};
/**
 * Edits of the viewer (`viewer_key` 0: nobody), and what the situation is worth; `context`
 * may be NULL.
 */
enum reel_status list_beside_make(struct session *s, int64_t viewer_key,
                                  const struct reel_context *context,
                                  struct list_beside *out,
                                  struct reel_error *err) REEL_CHECKED;
void list_beside_release(struct list_beside *beside);

/** Adds what the viewer said of events and genres to the log odds of another scorer. */
struct said_scorer {
    struct reel_branch_scorer inner;
    const struct reel_edits *edits;
};
struct reel_branch_scorer said_branch_scorer(struct said_scorer *scorer);

/** "Heat (1995)" as a JSON object: key, id, titles, year. */
json_t *list_film_json(const struct session *s, int32_t row);
/** Genres of a film, "Crime, Drama"; free it. */
char *list_genres(const struct reel_film_table *films, int32_t row);

/** The parts of a score that was rounded with them, as a table or as JSON. */
void list_print_why(const struct session *s, const struct reel_reason *why, int32_t n_why,
                    double score, int32_t n_decimals);
json_t *list_why_json(const struct session *s, const struct reel_reason *why,
                      int32_t n_why);

json_t *list_json(const struct session *s, const struct reel_list *list,
                  const char *viewer, const char *model, bool with_reasons);
/** On standard output, as JSON when asked for; amounts of the list are rounded in place. */
enum cli_exit list_show(const struct session *s, const struct reel_list *list,
                        const char *viewer, const char *model, bool with_reasons);

#endif
