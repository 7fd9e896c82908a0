/**
 * From planned steps to texts, a whole level of the tree at a time: prompts for all, one
 * request to the engine, then tidying, checks, judging, and a choice among siblings that
 * suits the story and differs. Without an engine, or where nothing passes, the planned
 * sentence stands.
 *
 *     rc = plot_writer_create(world, &opt, &writer, &err);
 *     rc = plot_write_level(writer, slot, n_slots, &arena, &progress, &err);
 *     puts(slot[0].written[0].text);
 */
#ifndef PLOT_WRITE_H
#define PLOT_WRITE_H

#include "base_arena.h"
#include "plot_check.h"

struct plot_written {
    const char *text;
    double logp_per_token, gain_per_token; /* NAN unknown */
    double diversity;                      /* 1 - most alike sibling; NAN alone */
    uint32_t failed;                       /* bits of checks; 0 but for the plain way */
    enum reel_provenance provenance;
};

/** One step to be told, or one place where the model goes on freely. */
struct plot_slot {
    struct plot_scene scene;
    const char *note_before; /* planned sentence of the scene before; NULL none */
    int32_t i_parent;        /* siblings have the same, and stand side by side */
    int32_t n_wanted;        /* texts: 1 for a step */
    /* out, in the arena */
    struct plot_written *written;
    int32_t n_written;
    int32_t n_failed[PLOT_N_CHECKS]; /* candidates dropped for each check */
};

struct plot_writer;
enum reel_status plot_writer_create(const struct plot_world *world,
                                    const struct reel_fork_options *opt,
                                    struct plot_writer **out,
                                    struct reel_error *err) REEL_CHECKED;
void plot_writer_free(struct plot_writer *writer);
const char *plot_writer_prompt_version(const struct plot_writer *writer);
struct plot_checker *plot_writer_checker(struct plot_writer *writer);
/** False: without an engine, or one that does not know the story's language. */
bool plot_writer_has_model(const struct plot_writer *writer);

enum reel_status plot_write_level(struct plot_writer *writer, struct plot_slot *slot,
                                  int32_t n_slots, struct base_arena *arena,
                                  const struct reel_progress *progress,
                                  struct reel_error *err) REEL_CHECKED;

/**
 * What a model wrote, made fit for reading: labels and blanks off, one paragraph, Chinese
 * punctuation in Chinese. In the arena; NULL out of memory.
 */
char *plot_tidy(const char *text, bool is_zh, struct base_arena *arena);
/** The first n sentences of a text that was tidied; all when it has fewer. */
char *plot_sentences(const char *text, int32_t n, struct base_arena *arena);
int32_t plot_sentences_count(const char *text);

/** Can the model write this language? Asked by what it loses on ordinary sentences. */
enum reel_status plot_knows_language(struct reel_lm *lm, const char *language,
                                     bool *knows, struct reel_error *err) REEL_CHECKED;

/** A text to be judged as going on from a story. */
struct plot_judged {
    const char *story; /* all before, paragraphs apart */
    const char *lead;  /* what stands before it in its own paragraph; NULL nothing */
    const char *text;
    double gain;           /* out: log P(text | story, lead) - log P(text), per token */
    double logp_per_token; /* out: of the first; both NAN for an empty text */
};
enum reel_status plot_judge(struct reel_lm *lm, struct plot_judged *judged, int32_t n,
                            const struct reel_progress *progress,
                            struct reel_error *err) REEL_CHECKED;

#endif
