/**
 * @file rank.h
 * From scores to a list that a person would like to see, with reasons; and how good it was.
 *
 *     struct reel_list_options opt = reel_list_options_default();
 *     opt.n = 10;
 *     opt.diversity = 0.3;
 *     rc = reel_list_make(model, films, &viewer, &opt, &list, &err);
 *     for (int32_t i = 0; i < list.n; i++) { ... list.item[i].film ... }
 *     reel_list_release(&list);
 */
#ifndef FORKREEL_RANK_H
#define FORKREEL_RANK_H

#include <forkreel/catalog.h>
#include <forkreel/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- scores taken apart ---- */

/** What a part of a score comes from. */
enum reel_reason_kind {
    REEL_REASON_FILM,        /* films of the viewer's history */
    REEL_REASON_GENRE,       /* of this film */
    REEL_REASON_PERSON,      /* in this film */
    REEL_REASON_EVENT,       /* of a story */
    REEL_REASON_TEXT,        /* words of the plot, keywords */
    REEL_REASON_CONTEXT,     /* the situation */
    REEL_REASON_POPULARITY,  /* what everybody thinks */
    REEL_REASON_EXPLORATION, /* to learn something */
    REEL_REASON_ANSWER,      /* films asked about and not liked, or not seen */
    REEL_REASON_OTHER,       /* what the model says without a reason */
    REEL_N_REASON_KINDS
};

struct reel_reason {
    enum reel_reason_kind kind;
    bool is_said;     /* the viewer's own word (profile.h), not learned */
    int32_t film;     /* FILM: row of the film table; -1: n films together */
    int32_t n;        /* films behind it; 0 where that says nothing */
    const char *name; /* of the genre, person, ...; NULL: the kind says it all */
    double amount;
};

/** "film", "genre", ... in the language asked for: "en" or "zh". */
const char *reel_reason_kind_name(enum reel_reason_kind kind, const char *lang);

/**
 * Round amounts and their sum to n_decimals, 0 .. 12, together, so that as printed they add
 * up; each is off by less than 1 of the last digit. What they do not add up to is the last
 * one's.
 * Returns: the sum, rounded.
 */
double reel_reasons_round(struct reel_reason *reason, int32_t n, double sum,
                          int32_t n_decimals);

/* ---- a list for one viewer ---- */

/**
 * Which films may stand in a list; zero or NULL members do not restrict. A film of which
 * the asked thing is not known is left out. Names are compared without regard to the case
 * of ASCII letters.
 */
struct reel_filter {
    int32_t year_min, year_max;
    int32_t runtime_max_min;
    int32_t age_max;               /* only films known to be fit for this age; 0: any */
    const char *const *genres;     /* any of these */
    const char *const *not_genres; /* none of these */
    const char *const *languages;  /* any of these */
    const char *const *people;     /* any of these */
    const int64_t *not_films;      /* store keys; unknown ones do not matter */
    int32_t n_genres, n_not_genres, n_languages, n_people, n_not_films;
};

/**
 * MMR: relevance against the nearest film above (Carbonell and Goldstein 1998).
 * DPP: relevance against the volume of all films above (Chen, Zhang, Zhou 2018, greedy MAP).
 * Both order the best max(10 n, 100) candidates, by scores brought to 0 .. 1 and cosines of
 * the model's film vectors, or of genres, keywords and people where it has none.
 */
enum reel_diversity_method { REEL_DIVERSITY_MMR, REEL_DIVERSITY_DPP };

/**
 * What stands beside the model and adds to its scores, in units: 1 is worth the way from
 * the viewer's hundredth film to the first (the last one, of fewer films).
 */
struct reel_adjustment {
    enum reel_reason_kind kind;
    bool is_said;
    const char *name;
    const float *amount; /* (films of the table) in units, finite */
};

struct reel_list_options {
    int32_t n;
    double diversity; /* 0: by score alone .. 1: as different as can be */
    enum reel_diversity_method method;
    bool with_reasons;
    int32_t n_reasons; /* history films named per item; default 3 */
    const char *lang;  /* words of the reasons: "en" or "zh" */
    /* For reasons where the history says nothing: "chosen by 312 of 943 viewers". Where
       NULL, the scores and viewers of a popularity model without half-life serve. */
    const int32_t *n_chosen; /* (films) viewers who chose each; NULL unknown */
    int32_t n_viewers;
    struct reel_filter filter;
    const struct reel_adjustment *adjustment; /* (n_adjustments) */
    int32_t n_adjustments;
    /* For films that the model does not know (imported since): scores of another kind, NAN
       where unknown, brought to the model's by regression over the films that both know.
       NULL: such films are not listed. */
    const float *stand_in; /* (films) */
    /* What a stand-in is made of: at most n_max reasons in its own unit, the most telling
       first; names live until the next call. NULL: it is told as one. */
    enum reel_status (*explain_stand_in)(int32_t film, struct reel_reason *out,
                                         int32_t n_max, int32_t *n, void *payload,
                                         struct reel_error *err);
    void *stand_in_payload;
    /* 0: the best, to 1: films are drawn one after the other with probabilities that fall
       by a factor of 100 over one unit of score; between, over X units. */
    double exploration;
    uint64_t seed; /* of exploration */
};

/** Ten films by score, without reasons, three films named, English, no filter. */
struct reel_list_options reel_list_options_default(void);

struct reel_list_item {
    int32_t film;      /* row of the film table */
    float score;       /* the model's and all adjustments; what the list is ordered by */
    float similarity;  /* cosine to the nearest item above it; 0 for the first */
    double propensity; /* with which it was drawn at its place; 1 without exploration, and
                          not to be relied on where diversity moves films */
    /* Films of the history (rows of the film table), largest amount first; score = rest +
       sum of all parts + adjustments. Without reasons there are none and rest is 0. */
    const struct reel_part *part; /* (n_parts) */
    int32_t n_parts;
    float rest;
    /* The whole score, to be shown: the films named; the other films together, by the people,
       keywords or genres (at most four) that they share with this one; what the model adds
       without them; every adjustment that is not 0. Adds up to score. */
    struct reel_reason *why; /* (n_why) */
    int32_t n_why;
    const char *reason; /* a sentence in options.lang; NULL without reasons */
};

struct reel_list {
    int32_t n;
    const struct reel_list_item *item; /* best first */
    void *owned;
};

/** The viewer, in rows of the film table. */
struct reel_viewer_state {
    struct reel_query chosen; /* what counts as liked; never listed */
    const int32_t *seen;      /* (n_seen) ascending; never listed */
    int32_t n_seen;
};

/**
 * Candidates by the model, filters inside the selection, then diversity, then reasons.
 *
 * Films are matched between model and table by key. A film that the model does not know
 * (imported since) has no score and is not listed, unless options.stand_in has one; in the
 * history it adds nothing.
 * Fewer than n items when fewer films are left. Equal scores are ordered by row.
 *
 * Owns:    `out`, to be released; all zero after an error.
 * Errors:  REEL_EINVAL options or a viewer out of range; REEL_ENOTFOUND a genre, language or
 *          person asked for that no film has; REEL_ENOMEM.
 * Threads: any number on the same model and table.
 * Cost:    one scoring of all films; diversity as in rank_diversity.h.
 */
enum reel_status reel_list_make(const struct reel_model *model,
                                const struct reel_film_table *films,
                                const struct reel_viewer_state *viewer,
                                const struct reel_list_options *opt,
                                struct reel_list *out,
                                struct reel_error *err) REEL_CHECKED;
void reel_list_release(struct reel_list *list);

/* ---- a new viewer ---- */

/** What somebody says when asked about a film. */
enum reel_answer_kind {
    REEL_ANSWER_UNKNOWN, /* not seen */
    REEL_ANSWER_LIKED,
    REEL_ANSWER_SEEN, /* and not liked */
};
struct reel_answer {
    int32_t film; /* column of the matrices */
    enum reel_answer_kind kind;
};

struct reel_welcome_options {
    int32_t n_pool;        /* films asked about: the best known ones; default 100 */
    int32_t n_viewers_max; /* of more, evenly many are looked at; default 20,000 */
    int32_t left_out;      /* this row is not looked at; -1: all are */
    double ridge;          /* added to the variance of an answer; default .05 */
    double match; /* weight of a viewer who would have answered otherwise; default .3 */
};
struct reel_welcome_options reel_welcome_options_default(void);

/** Knows what other viewers saw and liked; borrows the matrices. Immutable. */
struct reel_welcome;

/**
 * Shapes:  seen, chosen: viewers x films, chosen within seen; mark (entries of seen) bits of
 *          struct reel_history, or NULL: every entry was seen.
 * Errors:  REEL_EINVAL shapes, options, or nobody chose anything; REEL_ENOMEM.
 */
enum reel_status reel_welcome_create(const struct reel_csr *seen,
                                     const struct reel_csr *chosen, const uint8_t *mark,
                                     const struct reel_welcome_options *opt,
                                     struct reel_welcome **out,
                                     struct reel_error *err) REEL_CHECKED;
void reel_welcome_free(struct reel_welcome *welcome);

/**
 * The film whose answer is expected to tell most of what this viewer likes, after what they
 * answered so far: the largest fall of the summed variance of all likes. A film that few
 * know tells little, because its answer is nearly certain. Formulas: rank_welcome.c.
 *
 * `*film` is -1 when all are asked. Nothing is kept between calls.
 * Cost: one pass over the viewers' likes for each film of the pool that they saw.
 */
enum reel_status reel_welcome_next(const struct reel_welcome *welcome,
                                   const struct reel_answer *answer, int32_t n_answers,
                                   int32_t *film, struct reel_error *err) REEL_CHECKED;

/**
 * How likely each film is to be liked, by regression on the answers; without answers it is
 * the share of viewers who liked it.
 * Shapes:  score (n_films), fully written.
 */
enum reel_status reel_welcome_score(const struct reel_welcome *welcome,
                                    const struct reel_answer *answer, int32_t n_answers,
                                    float *score, struct reel_error *err) REEL_CHECKED;

/**
 * A list by these scores, as reel_list_make. Rows of the film table are the columns of the
 * matrices. Reasons: the films liked, what the other answers add, popularity.
 */
enum reel_status reel_list_make_newcomer(
    const struct reel_welcome *welcome, const struct reel_answer *answer,
    int32_t n_answers, const struct reel_film_table *films,
    const struct reel_viewer_state *viewer, const struct reel_list_options *opt,
    struct reel_list *out, struct reel_error *err) REEL_CHECKED;

#define REEL_WELCOME_QUESTIONS_MAX 8

struct reel_welcome_measure_options {
    double share_held;    /* of viewers; default .2 */
    const char *model;    /* that is given the full history; default "als" */
    const char *settings; /* its settings; NULL: standard */
    int32_t n_threads;
    uint64_t seed;
    struct reel_welcome_options welcome;
};
struct reel_welcome_measure_options reel_welcome_measure_options_default(void);

/** NDCG@10, means over held viewers; [q] after q questions, every answer counting. */
struct reel_welcome_measures {
    int32_t n_viewers;
    double full; /* the model, given everything but the test films */
    double chosen[REEL_WELCOME_QUESTIONS_MAX + 1];  /* questions as above */
    double popular[REEL_WELCOME_QUESTIONS_MAX + 1]; /* the most liked films */
    double random[REEL_WELCOME_QUESTIONS_MAX + 1];  /* any films */
    double known[3]; /* share of questions that were known: chosen, popular, random */
};

/**
 * Simulate newcomers: a share of the viewers is held out, a fifth of what each liked is the
 * test, the rest answers; a test film asked for is answered "not seen".
 * Errors:  those of reel_model_train; REEL_EFAIL nobody liked enough.
 */
enum reel_status reel_welcome_measure(const struct reel_csr *seen,
                                      const struct reel_csr *chosen, const uint8_t *mark,
                                      const struct reel_welcome_measure_options *opt,
                                      struct reel_welcome_measures *out,
                                      struct reel_error *err) REEL_CHECKED;

/* ---- films and branches in one list ---- */

/**
 * Scores of all films for one viewer, adjustments included, in the rows of the table; also
 * of those that were seen; -INFINITY where there is none. `*unit` is what 1 of an adjustment
 * is worth. `welcome` (with answers) or `model`; the other is NULL.
 * Shapes:  score (films).
 */
enum reel_status reel_scores_make(const struct reel_model *model,
                                  const struct reel_welcome *welcome,
                                  const struct reel_answer *answer, int32_t n_answers,
                                  const struct reel_film_table *films,
                                  const struct reel_viewer_state *viewer,
                                  const struct reel_list_options *opt, float *score,
                                  double *unit, struct reel_error *err) REEL_CHECKED;

/** How much the logs of the three probabilities count; default 1 each. */
struct reel_joint_weights {
    double film, plot, taste;
};

/** What may be listed: a film as it is, or one way its story may go. */
struct reel_joint_candidate {
    int32_t film;   /* row of the table; -1: of no film that is known */
    int32_t branch; /* the caller's number; -1: the film as it is */
    double p_plot;  /* P(S given M) in (0, 1]; 1 for a film as it is */
    double p_like;  /* P(R given U, S) in (0, 1) */
};

struct reel_joint_item {
    int32_t candidate;             /* index */
    double film, plot, taste, sum; /* weighted logs; sum = film + plot + taste */
};

/**
 * The best by w1 log P(M given U) + w2 log P(S given M) + w3 log P(R given U, S).
 *
 * P(M given U) is the softmax of the scores over the films that are candidates themselves or
 * by a branch, a hundred times as large for the first film as for the hundredth (one unit
 * below). A film without a score, or none at all, counts as the last of them.
 *
 * Shapes:  score (n_films) as of reel_scores_make; out (n_top); returns how many in *n_out.
 * Errors:  REEL_EINVAL probabilities, weights or rows out of range; REEL_ENOMEM.
 */
enum reel_status reel_joint_rank(const struct reel_joint_candidate *candidate, int32_t n,
                                 const float *score, int32_t n_films, double unit,
                                 const struct reel_joint_weights *weights, int32_t n_top,
                                 struct reel_joint_item *out, int32_t *n_out,
                                 struct reel_error *err) REEL_CHECKED;

/**
 * P(like) of every film for one viewer where nothing better is known: log odds of the
 * viewer's share of liked films, and of the film's share against all, both damped.
 * Shapes:  seen, chosen: viewers x films; mark as elsewhere; p_like (films).
 */
enum reel_status reel_joint_like(const struct reel_csr *seen,
                                 const struct reel_csr *chosen, const uint8_t *mark,
                                 int32_t viewer, float *p_like,
                                 struct reel_error *err) REEL_CHECKED;

/* ---- splits ---- */

enum reel_split_kind { REEL_SPLIT_RANDOM, REEL_SPLIT_TEMPORAL };

/** Matrices of one shape; train, validation and test share no entry. */
struct reel_split {
    struct reel_csr train, validation, test;
    struct reel_csr known;     /* train and validation together */
    const int64_t *train_at_s; /* (entries of train) NULL when the input had no times */
    const int64_t *known_at_s; /* (entries of known) likewise */
    void *owned;
};

/**
 * Hold back a part of what viewers chose.
 *
 * Random: of n films of a viewer max(1, n / 10 rounded) are for the test, as many for
 * validation; a viewer's part depends on `seed` and the row alone. Temporal: the last is
 * for the test, the one before it for validation; viewers whose last two carry the same
 * time, or an unknown one, stay in train. Viewers with fewer than 3 films stay in train.
 *
 * Owns:    `out`, to be released; all zero after an error.
 * Errors:  REEL_EINVAL a malformed matrix, or a temporal split without times; REEL_ENOMEM.
 */
enum reel_status reel_split_make(const struct reel_csr *chosen, const int64_t *at_s,
                                 enum reel_split_kind kind, uint64_t seed,
                                 struct reel_split *out,
                                 struct reel_error *err) REEL_CHECKED;
void reel_split_release(struct reel_split *split);

/** What counts as liked, every entry 1 until it is weighed. */
struct reel_chosen {
    struct reel_csr chosen;
    const int64_t *at_s; /* (entries) NULL when the input had no times */
    void *owned;
};
/**
 * Keep an entry of `seen` when its stars are min_stars or more, or, where it has none (NAN,
 * or no values at all), when it is marked as liked and not as disliked.
 *
 * Shapes:  at_s, mark (entries of seen) as in struct reel_history; each may be NULL.
 * Owns:    `out`, to be released; all zero after an error.
 * Errors:  REEL_EINVAL a malformed matrix; REEL_ENOMEM.
 */
enum reel_status reel_chosen_make(const struct reel_csr *seen, const int64_t *at_s,
                                  const uint8_t *mark, double min_stars,
                                  struct reel_chosen *out,
                                  struct reel_error *err) REEL_CHECKED;
/**
 * Give entries of what was chosen from `seen` a weight by what else the viewer did, as
 * chosen.value; where everything weighs 1 it stays NULL.
 *
 * A replay 1.5, a story played 1.2, a skip .5 times the usual; watched in part as much as
 * was watched, at least .3, unless it was rated; all between .1 and 2.
 *
 * Shapes:  kinds, share (entries of seen) as in struct reel_history.
 */
enum reel_status reel_chosen_weigh(const struct reel_csr *seen, const uint16_t *kinds,
                                   const float *share, struct reel_chosen *chosen,
                                   struct reel_error *err) REEL_CHECKED;
void reel_chosen_release(struct reel_chosen *chosen);

/* ---- measures ---- */

#define REEL_CUTS_MAX 4

struct reel_interval {
    double mean, low, high; /* 95 % bootstrap over viewers */
};

struct reel_measures {
    int32_t n_viewers; /* with at least one test film; means are NAN without any */
    int32_t n_cuts;
    int32_t cut[REEL_CUTS_MAX];
    struct reel_interval recall[REEL_CUTS_MAX], ndcg[REEL_CUTS_MAX];
    double coverage[REEL_CUTS_MAX]; /* share of films listed for anybody */
    double novelty[REEL_CUTS_MAX];  /* mean -log2 of the share of viewers who chose it */
    double
        diversity[REEL_CUTS_MAX]; /* mean pairwise 1 - Jaccard of genres; NAN without */
    double
        calibration[REEL_CUTS_MAX]; /* KL of genre shares, history to list; NAN without */
};

struct reel_measure_options {
    const int32_t *cut; /* (n_cuts) list lengths, such as 10 and 20 */
    int32_t n_cuts;
    int32_t n_bootstrap; /* default 1000 */
    int32_t n_threads;
    uint64_t seed; /* of the bootstrap */
    const int64_t
        *train_at_s; /* (entries of train) handed on to the model; NULL unknown */
};

/** Cuts 10 and 20, 1000 resamples, one thread, seed 1. */
struct reel_measure_options reel_measure_options_default(void);

/**
 * Full ranking of all films for every viewer with test films; films of `train` and of
 * `also_seen` (may be NULL) left out. Formulas: rank_measure.c.
 *
 * Shapes:  train, also_seen, test: viewers x films of the model; genres: films x genres, or
 *          NULL. ndcg_by_viewer (viewers) or NULL: at the first cut; NAN without test films.
 * Errors:  REEL_EINVAL shapes or options out of range; REEL_ENOMEM; whatever scoring
 *          returns. `*out` is then not to be read.
 * Threads: uses opt->n_threads; the figures do not depend on how many.
 */
enum reel_status reel_measure(const struct reel_model *model,
                              const struct reel_csr *train,
                              const struct reel_csr *also_seen,
                              const struct reel_csr *test, const struct reel_csr *genres,
                              const struct reel_measure_options *opt,
                              struct reel_measures *out, float *ndcg_by_viewer,
                              struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
