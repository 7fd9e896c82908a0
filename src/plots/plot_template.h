/**
 * Filling sentence and choice templates of data/events.json with a world's names.
 *
 *     "{a} lets {b} walk into {place}, and {b.he} never looks round."
 *
 * {a} a name, {a's} with possessive, {a.he} {a.him} {a.his} {a.himself} by gender ('n': it;
 * Chinese 他, 她, 它, 自己). A person is called by the full name when first mentioned, by the
 * first alias later. What begins a sentence begins with a large letter.
 */
#ifndef PLOT_TEMPLATE_H
#define PLOT_TEMPLATE_H

#include "base_buffer.h"
#include "plot_world.h"

/** Is every role filled that the template names? */
bool plot_template_fits(const char *text, const int32_t *role);
bool plot_template_mentions(const char *text, enum plot_role role);
/**
 * Append to `out`. `seen`: bits of entities that the reader knows already, who go by alias.
 * Errors: REEL_ENOMEM, also beyond the buffer's limit; `out` may then hold a part.
 */
enum reel_status plot_template_fill(const char *text, const struct plot_world *world,
                                    const int32_t *role, uint64_t seen,
                                    struct base_buffer *out,
                                    struct reel_error *err) REEL_CHECKED;

/** What a person who is known already is called; borrowed from `entity`. */
const char *plot_template_short_name(const struct reel_entity *entity);
/** Append a place's English name after "at ", which becomes "in " where that is said. */
bool plot_template_place(struct base_buffer *out, const char *place) REEL_CHECKED;

#endif
