/**
 * @file profile.h
 * What the system believes about a viewer, and what the viewer says to that.
 *
 * Beliefs are counted from what the viewer did. Edits are the viewer's word: they add to the
 * scores of films and branches, as a part of its own. A forgotten film stays out of the
 * viewer's lists, as every seen film does, but its events tell nothing of their taste.
 *
 *     rc = reel_edit_parse("genre.horror=-1", &edit, &err);
 *     rc = rc ? rc : reel_store_edit_set(store, viewer_key, &edit, &err);
 *     rc = rc ? rc : reel_store_edits_load(store, viewer_key, &edits, &err);
 *     ... edits.edit[i] ...
 *     reel_edits_release(&edits);
 */
#ifndef FORKREEL_PROFILE_H
#define FORKREEL_PROFILE_H

#include <forkreel/catalog.h>

#ifdef __cplusplus
extern "C" {
#endif

struct reel_store;
struct reel_adjustment; /* rank.h */

/* ---- what the viewer says ---- */

/** Stored in the database: never renumber. */
enum reel_edit_kind {
    REEL_EDIT_GENRE = 1,
    REEL_EDIT_PERSON = 2,
    REEL_EDIT_EVENT = 3, /* of stories, by schema name: "betrayal" */
    REEL_EDIT_KEYWORD = 4,
    REEL_EDIT_LANGUAGE = 5, /* original language, ISO 639-1 */
    REEL_EDIT_DECADE = 6,   /* "1990" for 1990 .. 1999 */
};

#define REEL_EDIT_NAME_BYTES 200
#define REEL_EDIT_AMOUNT_MAX 3.0

/** 1 is worth the way from a viewer's hundredth film to the first; see rank.h. */
struct reel_edit {
    enum reel_edit_kind kind;
    char name[REEL_EDIT_NAME_BYTES];
    double amount; /* -3 .. 3, never 0 */
};

/** "genre", "person", "event", "keyword", "language", "decade". */
const char *reel_edit_kind_name(enum reel_edit_kind kind);

/**
 * Read `genre.horror=-1`, `person."Al Pacino"=1`, `decade.1990s=0.5`; without "=N" the
 * amount is 0, as --unset wants it. Blanks and quotes around a name go.
 * Errors: REEL_EINVAL says what is not known and what would be.
 */
enum reel_status reel_edit_parse(const char *text, struct reel_edit *out,
                                 struct reel_error *err) REEL_CHECKED;

struct reel_edits {
    int32_t n_edits, n_forgotten;
    const struct reel_edit *edit; /* (n_edits) by kind and name */
    const int64_t *forgotten;     /* (n_forgotten) film keys, ascending */
    void *owned;
};

/** Replaces an edit of the same kind and name (ASCII case does not matter). Durable. */
enum reel_status reel_store_edit_set(struct reel_store *store, int64_t viewer_key,
                                     const struct reel_edit *edit,
                                     struct reel_error *err) REEL_CHECKED;
/** Errors: REEL_ENOTFOUND there is no such edit. */
enum reel_status reel_store_edit_remove(struct reel_store *store, int64_t viewer_key,
                                        enum reel_edit_kind kind, const char *name,
                                        struct reel_error *err) REEL_CHECKED;
/**
 * Let the events of a film tell nothing from now on, or tell again what they told.
 * Errors: REEL_ENOTFOUND it is not so that it could be undone.
 */
enum reel_status reel_store_film_forget(struct reel_store *store, int64_t viewer_key,
                                        int64_t film_key, bool is_forgotten,
                                        struct reel_error *err) REEL_CHECKED;
/** No edits, nothing forgotten; the events themselves stay. */
enum reel_status reel_store_profile_reset(struct reel_store *store, int64_t viewer_key,
                                          struct reel_error *err) REEL_CHECKED;
/** Owns: `out`, to be released; all zero after an error. */
enum reel_status reel_store_edits_load(struct reel_store *store, int64_t viewer_key,
                                       struct reel_edits *out,
                                       struct reel_error *err) REEL_CHECKED;
void reel_edits_release(struct reel_edits *edits);
/** What is forgotten of one viewer, or of all (`viewer_key` 0), by viewer and film. */
enum reel_status reel_store_forgotten_each(struct reel_store *store, int64_t viewer_key,
                                           void (*each)(int64_t viewer_key,
                                                        int64_t film_key, void *payload),
                                           void *payload,
                                           struct reel_error *err) REEL_CHECKED;

/**
 * Edits as adjustments of a list (rank.h): one for each that any film answers to, `is_said`,
 * named as the film table spells it; amounts as the viewer gave them. Events have none here.
 *
 * Owns:    `out`, to be released; all zero after an error.
 * Errors:  REEL_ENOMEM.
 */
struct reel_said {
    struct reel_adjustment *adjustment; /* (n_adjustments) */
    int32_t n_adjustments;
    void *owned;
};
enum reel_status reel_edits_adjust(const struct reel_edit *edit, int32_t n_edits,
                                   const struct reel_film_table *films,
                                   struct reel_said *out,
                                   struct reel_error *err) REEL_CHECKED;
void reel_said_release(struct reel_said *said);
/** Does any film answer to the edit? Events are not asked for here. */
bool reel_edit_fits(const struct reel_edit *edit, const struct reel_film_table *films);

/* ---- what the system believes ---- */

/** One trait of films, counted. */
struct reel_belief {
    enum reel_edit_kind kind; /* never EVENT */
    const char *name;         /* borrowed from the film table, or from the profile */
    int32_t n_seen, n_liked;  /* films of the history; of these, liked */
    double stars;             /* mean of the rated ones; NAN without any */
    double lift; /* log of its share among the viewer's likes over that among all likes,
                    damped by 5 films of average mix; 0: as everybody */
    double said; /* the viewer's word; 0 none */
};

struct reel_profile {
    int32_t n_seen, n_rated, n_liked, n_forgotten;
    double mean_stars, sd_stars;      /* NAN without ratings */
    int64_t first_s, last_s;          /* REEL_TIME_UNKNOWN without times */
    const struct reel_belief *belief; /* (n_beliefs) by kind, largest lift first */
    int32_t n_beliefs;
    void *owned;
};

/**
 * Count a viewer's history. People and keywords of a single film are left out, unless the
 * viewer said something of them. Of names that a film has in two languages those of `lang`
 * ("en", "zh") count.
 *
 * Shapes:  seen, chosen: viewers x films of the table, seen with stars or NAN; at_s (entries
 *          of seen) or NULL; forgotten entries are NAN and not chosen.
 * Owns:    `out`, to be released; all zero after an error. Borrows from films and edits.
 * Errors:  REEL_EINVAL shapes; REEL_ENOMEM.
 */
enum reel_status reel_profile_make(const struct reel_csr *seen, const int64_t *at_s,
                                   const struct reel_csr *chosen, int32_t viewer,
                                   const struct reel_film_table *films,
                                   const struct reel_edits *edits, const char *lang,
                                   struct reel_profile *out,
                                   struct reel_error *err) REEL_CHECKED;
void reel_profile_release(struct reel_profile *profile);

#ifdef __cplusplus
}
#endif
#endif
