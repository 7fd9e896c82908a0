/**
 * A text as a row of units that compare equal whatever their case, width or accents: words,
 * and in Chinese single characters. Punctuation is gone. What copies, repeats and differs
 * is told by these rows.
 */
#ifndef PLOT_WORDS_H
#define PLOT_WORDS_H

#include "base_text.h"

#include <stdint.h>

struct plot_words {
    uint64_t *unit; /* (n) hashes of folded units */
    int32_t n;
};

enum reel_status plot_words_cut(struct base_text *fold, const char *text,
                                struct plot_words *out,
                                struct reel_error *err) REEL_CHECKED;
void plot_words_release(struct plot_words *words);

/** Units of the longest run that both have. */
int32_t plot_words_common_run(const struct plot_words *x, const struct plot_words *y);
/** Is a run of n units there twice? Runs that overlap count. */
bool plot_words_repeats(const struct plot_words *words, int32_t n);
/** Different units of x that y does not have. */
int32_t plot_words_new(const struct plot_words *x, const struct plot_words *y);
/** Cosine of counts of single units, pairs and threes, 0 .. 1; 0 when either is empty. */
double plot_words_alike(const struct plot_words *x, const struct plot_words *y);

/**
 * BLEU of one text against others: geometric mean of the clipped precisions of 1- to
 * 4-grams, no match counting as a tenth of one, with the brevity penalty to the nearest
 * length. Source: Papineni et al. 2002; smoothing 1 of Chen and Cherry 2014, which is
 * what self-BLEU is usually computed with (Zhu et al. 2018, Texygen).
 */
double plot_words_bleu4(const struct plot_words *text,
                        const struct plot_words *const *other, int32_t n_others);

/** Next code point of UTF-8 that was checked; 0 at the end. Moves `*text` behind it. */
uint32_t plot_next_char(const char **text);
bool plot_is_han(uint32_t c);
/** Letters of Latin script, accents too. */
bool plot_is_latin(uint32_t c);
/** ". ! ?" and the ellipsis, their full-width kin. */
bool plot_is_sentence_end(uint32_t c);

/** Where the sentence at `text` ends, quotation marks behind it included. */
const char *plot_sentence_end(const char *text);

#endif
