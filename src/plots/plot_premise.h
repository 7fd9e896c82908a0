/**
 * A premise under construction from a person's own text: who, where and what was found,
 * each with its source. plot_premise_rules.c finds by rule, plot_premise.c asks the model
 * and writes the document.
 */
#ifndef PLOT_PREMISE_H
#define PLOT_PREMISE_H

#include "base_arena.h"

#include <forkreel/story.h>

enum { PREMISE_FOUND_MAX = 40 };

struct premise_found {
    enum reel_entity_kind kind;
    enum reel_source source;
    const char *name;
    const char *alias;        /* "Rick" of "Rick Blaine"; NULL none */
    const char *trait, *goal; /* from the model; NULL none */
    int32_t n_seen, n_m, n_f; /* mentions; pronouns that follow them */
    int32_t place;            /* where the text puts a person, -1 nowhere */
    size_t first;             /* offset of the first mention */
};

struct premise_relation {
    int32_t from, to; /* found */
    const char *is;
};

struct premise_draft {
    const char *text, *language;
    struct base_arena *arena;
    struct premise_found found[PREMISE_FOUND_MAX];
    struct premise_relation relation[PREMISE_FOUND_MAX];
    int32_t n_found, n_relations;
    bool is_out_of_memory;
};

/** Add or count one; -1 when there is no room (the text names more than a story can use). */
int32_t plot_premise_add(struct premise_draft *draft, enum reel_entity_kind kind,
                         enum reel_source source, const char *name, size_t n_bytes,
                         size_t at);
int32_t plot_premise_find(const struct premise_draft *draft, const char *name,
                          size_t n_bytes);

void plot_premise_rules_en(struct premise_draft *draft);
void plot_premise_rules_zh(struct premise_draft *draft);

#endif
