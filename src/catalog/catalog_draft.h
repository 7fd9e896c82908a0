/**
 * A film being put together from a source that says much about it: its lists grow in the
 * reader's scratch arena, its strings are borrowed from the row at hand.
 *
 *     catalog_draft_begin(&draft, &r->row);
 *     draft.film.ref.title = title;
 *     catalog_draft_genre(&draft, "Drama");
 *     rc = catalog_draft_emit(&draft, r, err);    // an addition that failed shows here
 *
 * NULL or empty texts are not added.
 */
#ifndef CATALOG_DRAFT_H
#define CATALOG_DRAFT_H

#include "catalog_read.h"

struct catalog_draft {
    struct reel_film film; // its lists are set by emit
    struct base_arena *arena;
    bool is_out_of_memory;
    struct reel_title *titles;
    const char **genres, **keywords, **countries;
    struct reel_person *people;
    struct reel_link *links;
};

void catalog_draft_begin(struct catalog_draft *draft, struct base_arena *arena);
/** A further title; `language` NULL: guessed from its letters. */
void catalog_draft_title(struct catalog_draft *draft, const char *text,
                         const char *language);
void catalog_draft_genre(struct catalog_draft *draft, const char *text);
void catalog_draft_keyword(struct catalog_draft *draft, const char *text);
void catalog_draft_country(struct catalog_draft *draft, const char *text);
void catalog_draft_person(struct catalog_draft *draft, const char *name,
                          enum reel_role role, const char *character);
void catalog_draft_link(struct catalog_draft *draft, const char *site, const char *value);
/** Copy into the arena; NULL stays NULL. */
const char *catalog_draft_keep(struct catalog_draft *draft, const char *text);
enum reel_status catalog_draft_emit(struct catalog_draft *draft, struct catalog_reader *r,
                                    struct reel_error *err) REEL_CHECKED;

/** "zh", "ja" or "ko" by the letters of a title; NULL where letters do not tell. */
const char *catalog_title_language(const char *title);

#endif
