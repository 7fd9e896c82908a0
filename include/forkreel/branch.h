/**
 * @file branch.h
 * How much one viewer would like a text, until a taste model is there: by the words of what
 * they liked, and by the genres they come back to. And a short verdict on one film.
 *
 *     struct reel_branch_taste *taste;
 *     rc = reel_branch_taste_create(&viewer, "en", &taste, &err);
 *     opt.scorer = reel_branch_taste_scorer(taste);      // of struct reel_fork_options
 *     ...
 *     reel_branch_taste_free(taste);
 */
#ifndef FORKREEL_BRANCH_H
#define FORKREEL_BRANCH_H

#include <forkreel/catalog.h>
#include <forkreel/story.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A text that stands for a film or a part of one: a beat of its plot, say. */
struct reel_branch_document {
    const char *text; /* in the language of the branches */
    double liked;     /* 1 the viewer liked it, -1 disliked it, 0 not known */
};

struct reel_branch_viewer {
    const struct reel_branch_document *document;
    int32_t n_documents;
    const char *const *genre; /* (n_genres) "Crime" */
    const double
        *genre_lift; /* (n_genres) log of the share among the liked over the share
                                  among all; 0 neutral */
    int32_t n_genres;
};

/** Knows words and weights; copies what it needs. One thread at a time. */
struct reel_branch_taste;

/**
 * TF-IDF of all documents; the profile is the mean of the liked less half that of the
 * disliked. The similarity of a branch is measured in standard deviations of what the
 * documents themselves reach. Source: Rocchio 1971.
 *
 * Errors: REEL_EINVAL language; REEL_ENOMEM.
 */
enum reel_status reel_branch_taste_create(const struct reel_branch_viewer *viewer,
                                          const char *language,
                                          struct reel_branch_taste **out,
                                          struct reel_error *err) REEL_CHECKED;
void reel_branch_taste_free(struct reel_branch_taste *taste);

/**
 * p_like = logistic(words + genres), in parts that add up: where everybody begins, then what
 * each of them adds.
 */
enum reel_status reel_branch_taste_score(struct reel_branch_taste *taste,
                                         const struct reel_branch *branch, int32_t n,
                                         struct reel_branch_score *out,
                                         struct reel_error *err) REEL_CHECKED;
struct reel_branch_scorer reel_branch_taste_scorer(struct reel_branch_taste *taste);
/** From now on `scorer` judges instead; its payload ends with the taste. */
void reel_branch_taste_hand_over(struct reel_branch_taste *taste,
                                 const struct reel_branch_scorer *scorer,
                                 void (*free_payload)(void *payload));

/* ---- a verdict ---- */

enum reel_verdict_kind {
    REEL_VERDICT_NEIGHBOUR =
        1, /* a film the viewer rated, by whose raters this one is told */
    REEL_VERDICT_GENRE = 2,
    REEL_VERDICT_PERSON = 3,
    REEL_VERDICT_CROWD = 4,  /* what everybody thinks of it */
    REEL_VERDICT_LENGTH = 5, /* longer than what the viewer usually likes */
};

struct reel_verdict_reason {
    enum reel_verdict_kind kind;
    int32_t film;     /* row of the film table: the neighbour; -1 otherwise */
    const char *name; /* genre or person; NULL otherwise; borrowed from the film table */
    double
        stars; /* what the viewer gave the neighbour, or gives such films; the crowd's mean */
    double effect; /* what it adds to the prediction, in stars; below 0 it warns */
    int32_t n;     /* films or ratings behind it */
};

#define REEL_VERDICT_REASONS_MAX 12
struct reel_verdict {
    double stars; /* 0.5 .. 5 */
    double low,
        high; /* four of five of the viewer's ratings fell this near to such a prediction */
    double viewer_mean; /* NAN without ratings */
    double already;     /* what the viewer gave it; NAN not rated */
    struct reel_verdict_reason
        reason[REEL_VERDICT_REASONS_MAX]; /* largest effect first */
    int32_t n_reasons;
};

/**
 * Predicted stars of one viewer for one film: damped means of film and viewer, and the
 * nearest films the viewer rated by adjusted cosine over their common raters; genres and
 * people of the viewer's other ratings; reasons in stars.
 * Source: Koren 2010 (baselines), Sarwar et al. 2001 (adjusted cosine).
 *
 * Shapes:  seen: viewers x films of the table, stars or NAN; viewer a row, film a column.
 * Errors:  REEL_EINVAL out of range; REEL_ENOMEM; REEL_EFAIL nobody rated anything.
 * Cost:    the histories of all who rated the film.
 */
enum reel_status reel_verdict_make(const struct reel_csr *seen,
                                   const struct reel_film_table *films, int32_t viewer,
                                   int32_t film, struct reel_verdict *out,
                                   struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
