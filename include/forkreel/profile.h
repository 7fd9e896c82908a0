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

#ifdef __cplusplus
}
#endif
#endif
