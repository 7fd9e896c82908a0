/**
 * What a model is shown before it writes: data/prompts/LANGUAGE.json. Worked pairs (a beginning and
 * what follows) in the genre's voice, the film, then what belongs to one node alone, so that all
 * siblings share a long beginning:
 *
 *     intro, pairs, film | what holds now, the scene before | the note
 *
 * Prompts are versioned: a text that was written by one belongs to it.
 */
#ifndef PLOT_PROMPT_H
#define PLOT_PROMPT_H

#include "base_buffer.h"
#include "plot_world.h"

struct plot_prompts;

enum reel_status plot_prompts_create(const char *language, struct plot_prompts **out,
                                     struct reel_error *err) REEL_CHECKED;
void plot_prompts_free(struct plot_prompts *prompts);
const char *plot_prompts_version(const struct plot_prompts *prompts);
/** The scenes of all worked pairs, one blank between: what must not be copied. */
const char *plot_prompts_scenes(const struct plot_prompts *prompts);
/** Who is in the worked pairs; (*n) names that live as long as the prompts. */
const char *const *plot_prompts_names(const struct plot_prompts *prompts, int32_t *n);
/** "Note:" and "Scene:" of the language: labels that a model may repeat. */
const char *plot_prompts_label(const struct plot_prompts *prompts, int which);

/** What one prompt is made of; texts may be NULL or "" where there is nothing to say. */
struct plot_prompt {
    const struct plot_world *world;
    const char *genre;       /* "Drama, War"; the first counts most */
    const char *tone;        /* NULL the genre's own */
    const char *facts;       /* what holds now */
    const char *note_before; /* plan of the scene before; NULL the opening or free text */
    const char *before;      /* the scene before */
    const char *note;        /* what is to be written; NULL go on freely */
    const char *story;       /* all so far, for the plain way */
};

/** Append what a model that continues is shown; ends with the label of the scene. */
bool plot_prompt_add(const struct plot_prompts *prompts, const struct plot_prompt *prompt,
                     struct base_buffer *out) REEL_CHECKED;
/** Append what a model that answers is told. */
bool plot_prompt_add_instruction(const struct plot_prompts *prompts,
                                 const struct plot_prompt *prompt,
                                 struct base_buffer *out) REEL_CHECKED;
/** Append the plain way of asking: one prompt, no plan, no worked pairs. */
bool plot_prompt_add_plain(const struct plot_prompts *prompts,
                           const struct plot_prompt *prompt,
                           struct base_buffer *out) REEL_CHECKED;

/** The record of a file inside the program; NULL there is none. */
struct plot_data_file;
const struct plot_data_file *plot_data_find(const char *name);

#endif
