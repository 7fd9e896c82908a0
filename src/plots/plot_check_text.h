/** Inside the checks: what a checker knows, and a text that is laid out for them. */
#ifndef PLOT_CHECK_TEXT_H
#define PLOT_CHECK_TEXT_H

#include "base_arena.h"
#include "plot_check.h"

enum {
    PLOT_SENTENCES_MAX = 32,
    PLOT_KIN_MAX = 32,
    PLOT_CUES_MAX = 48,
    PLOT_AGES_MAX = 8
};

/** Folded words or phrases; in English with a blank at either end. */
struct plot_list {
    const char **item; /* (n) */
    int32_t n;
};

struct plot_name {
    const char *text;  /* as in a plot_list */
    const char *owner; /* the same in the possessive: " coras ", "科拉的" */
    const char *raw;   /* unfolded */
    int32_t entity;
};

struct plot_kin {
    const char *word;
    int32_t relation[6], n_relations; /* any of these makes it true */
};

struct plot_cue {
    const char *event;
    struct plot_list phrase;
    bool is_death, is_forbidden;
};

struct plot_age {
    int32_t age;
    struct plot_list words;
};

struct plot_checker {
    const struct plot_world *world;
    const struct plot_schema
        *schema; /* NULL: unknown, then no event is the planned one */
    struct base_text *fold;
    struct base_arena arena;
    bool is_zh;
    int32_t n_words_max, max_age;
    struct plot_list assistant, outside, memory, lifeless, at, hold, function, she, he,
        woman, man;
    struct plot_list word;     /* sorted: words that may begin a sentence */
    struct plot_list capital;  /* sorted: words that may have a capital anywhere */
    struct plot_list ordinary; /* Chinese words that look like names */
    const char *surnames, *surnames_plain, *after_name, *transliteration;
    struct plot_list prompt_name; /* unfolded */
    struct plot_name *name;       /* (n_names) longest first */
    struct plot_kin kin[PLOT_KIN_MAX];
    struct plot_cue cue[PLOT_CUES_MAX];
    struct plot_age age[PLOT_AGES_MAX];
    int32_t n_names, n_kin, n_cues, n_ages;
    const char *known, *known_folded; /* all that the premise says */
    struct plot_words synopsis, scenes;
};

struct plot_text {
    const char *raw;
    const struct plot_scene *scene;
    struct plot_words words;
    struct plot_words *told; /* (n_told) of the scene */
    int32_t n_told;
    const char
        *own; /* raw behind the planned sentence, which is ours and trusted in form */
    struct plot_words own_words;
    const char *own_folded;
    const char *folded;      /* blanks at both ends */
    const char *told_folded; /* the path and the planned sentence */
    const char *last_told; /* its last text, with the planned sentence; in told_folded */
    const char *sentence[PLOT_SENTENCES_MAX]; /* folded, blanks at both ends */
    int32_t n_sentences;
    int32_t
        i_own; /* first sentence behind the planned one; n_sentences: none, or no plan */
    struct base_buffer buffer;
};

enum reel_status plot_text_init(struct plot_text *text, struct plot_checker *checker,
                                const struct plot_scene *scene, const char *raw,
                                struct reel_error *err) REEL_CHECKED;
void plot_text_release(struct plot_text *text);

/** Append " folded " . */
enum reel_status plot_fold_padded(struct base_text *fold, const char *text,
                                  size_t n_bytes, struct base_buffer *out,
                                  struct reel_error *err) REEL_CHECKED;
bool plot_text_names(const struct plot_checker *checker, const char *folded,
                     int32_t entity);
bool plot_text_has_unknown_name(const struct plot_checker *checker,
                                const struct plot_text *text);
bool plot_list_has(const struct plot_list *sorted, const char *word);

#endif
