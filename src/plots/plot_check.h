/**
 * What must not stand in a story, whoever wrote it. Each check has a name, which stands in
 * story files, and looks at one text of one scene. The words they go by are data/checks.json.
 *
 *     rc = plot_checker_create(world, &opt, &checker, &err);
 *     rc = plot_check_text(checker, &scene, "Rick leaves.", &failed, &err);
 *     if (failed & 1u << PLOT_CHECK_UNFINISHED) ...
 */
#ifndef PLOT_CHECK_H
#define PLOT_CHECK_H

#include "plot_plan.h"
#include "plot_words.h"

// clang-format off
#define PLOT_CHECKS(X) \
    X(EMPTY, "empty") /* fewer than three words, six Chinese characters */ \
    X(UNFINISHED, "unfinished") /* no end of a sentence, an open quotation */ \
    X(TOO_LONG, "too-long") \
    X(COPIES_SYNOPSIS, "copies-synopsis") /* a run of 8 words, 12 characters */ \
    X(COPIES_ANCESTOR, "copies-ancestor") \
    X(COPIES_PROMPT, "copies-prompt") /* the worked pairs */ \
    X(REPEATS_ITSELF, "repeats-itself") \
    X(UNKNOWN_NAME, "unknown-name") \
    X(AS_ASSISTANT, "speaks-as-assistant") \
    X(FROM_OUTSIDE, "from-outside") /* the film, the camera, the audience */ \
    X(WRONG_LANGUAGE, "wrong-language") \
    X(MIXED_SCRIPT, "mixed-script") \
    X(DEAD_ACTS, "dead-acts") \
    X(WRONG_PLACE, "wrong-place") \
    X(WRONG_OWNER, "wrong-owner") \
    X(WRONG_RELATION, "wrong-relation") \
    X(WRONG_GENDER, "wrong-gender") /* "she", and only men are there */ \
    X(FORBIDDEN_EVENT, "forbidden-event") /* ruled out, or lasting and not planned */ \
    X(ABOVE_AGE, "above-age")
// clang-format on

enum plot_check {
#define X(id, name) PLOT_CHECK_##id,
    PLOT_CHECKS(X)
#undef X
        PLOT_N_CHECKS
};
const char *plot_check_name(enum plot_check check);

/** Bits of the checks that tell of the graph: a text that fails one contradicts it. */
#define PLOT_CHECKS_OF_GRAPH                                     \
    (1u << PLOT_CHECK_DEAD_ACTS | 1u << PLOT_CHECK_WRONG_PLACE | \
     1u << PLOT_CHECK_WRONG_OWNER | 1u << PLOT_CHECK_WRONG_RELATION)

struct plot_check_options {
    int32_t n_words_max;         /* of one text; of Chinese characters 5/3 as many */
    int32_t max_age;             /* -1 no limit */
    const char *const *must_not; /* (n_must_not) events by name */
    int32_t n_must_not;
    const char *prompt_scenes;      /* worked pairs; NULL none */
    const char *const *prompt_name; /* (n_prompt_names) who is in them */
    int32_t n_prompt_names;
};

/** What the scenes of one story share: its names and words. For one thread. */
struct plot_checker;
enum reel_status plot_checker_create(const struct plot_world *world,
                                     const struct plot_check_options *opt,
                                     struct plot_checker **out,
                                     struct reel_error *err) REEL_CHECKED;
void plot_checker_free(struct plot_checker *checker);
struct base_text *plot_checker_fold(struct plot_checker *checker);

/** Where a text stands. */
struct plot_scene {
    const struct plot_graph *before, *after; /* of the event; the same for free text */
    const struct plot_step *step;            /* NULL free text */
    const char *const *told; /* (n_told) texts of the path, opening first */
    int32_t n_told;
};

/** `*failed` receives a bit 1u << enum plot_check for each that failed. */
enum reel_status plot_check_text(struct plot_checker *checker,
                                 const struct plot_scene *scene, const char *text,
                                 uint32_t *failed, struct reel_error *err) REEL_CHECKED;

#endif
