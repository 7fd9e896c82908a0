/**
 * What ICU knows of characters, learned when one is first met and then read from a table.
 *
 * Tables span the basic plane; what lies beyond is rare and asked for each time. UTF-8 that
 * comes in is well formed.
 */
#ifndef FEAT_ICU_H
#define FEAT_ICU_H

#include "base_buffer.h"

#include <forkreel/status.h>

#include <stddef.h>
#include <stdint.h>

enum feat_class {
    FEAT_NOT_ASKED,
    FEAT_GAP,    /* punctuation, symbols, blanks: stands between words */
    FEAT_LETTER, /* of a script that puts blanks between words */
    FEAT_DIGIT,
    FEAT_MARK,  /* accents: belongs to the letter before */
    FEAT_HAN,   /* cut by the dictionary */
    FEAT_DENSE, /* kana, Thai, Lao, Khmer, Myanmar: cut by ICU itself */
    FEAT_EMOJI, /* a word by itself */
};

enum {
    FEAT_PLANE = 0x10000,
    FEAT_NFKC_SPAN = 1 /* in table nfkc: depends on the neighbours, or is several */
};

struct feat_icu_ask;
struct feat_icu {
    uint8_t class_of[FEAT_PLANE]; /* enum feat_class */
    uint16_t nfkc[FEAT_PLANE];    /* 0: not asked; the character or FEAT_NFKC_SPAN */
    uint16_t lower[FEAT_PLANE];   /* 0: not asked */
    uint16_t simple[FEAT_PLANE];  /* traditional to simplified; 0: not asked */
    const uint16_t *dictionary;   /* UCharsTrie of words with costs; NULL: none */
    struct feat_icu_ask *ask;
};

enum reel_status feat_icu_create(struct feat_icu **out,
                                 struct reel_error *err) REEL_CHECKED;
void feat_icu_free(struct feat_icu *icu);

/** These fill the tables; call them through the functions below. */
enum feat_class feat_icu_ask_class(struct feat_icu *icu, uint32_t c);
uint32_t feat_icu_ask_nfkc(struct feat_icu *icu, uint32_t c);
uint32_t feat_icu_ask_lower(struct feat_icu *icu, uint32_t c);
uint16_t feat_icu_ask_simple(struct feat_icu *icu, uint32_t c);

/** NFKC of a whole span, appended. False: out of memory. */
bool feat_icu_normalize(struct feat_icu *icu, const char *in, size_t n,
                        struct base_buffer *out) REEL_CHECKED;
/**
 * The first byte of every word of a text and its end, by ICU's own cutter:
 * cut (n_cuts) is borrowed until the next call. False: out of memory.
 */
bool feat_icu_cut(struct feat_icu *icu, const char *in, size_t n, const int32_t **cut,
                  int32_t *n_cuts) REEL_CHECKED;

static inline enum feat_class feat_class_of(struct feat_icu *icu, uint32_t c)
{
    return c < FEAT_PLANE && icu->class_of[c] ? (enum feat_class)icu->class_of[c]
                                              : feat_icu_ask_class(icu, c);
}

/** NFKC of one character whatever stands beside it, or FEAT_NFKC_SPAN. */
static inline uint32_t feat_nfkc_of(struct feat_icu *icu, uint32_t c)
{
    return c < FEAT_PLANE && icu->nfkc[c] ? icu->nfkc[c] : feat_icu_ask_nfkc(icu, c);
}

static inline uint32_t feat_lower_of(struct feat_icu *icu, uint32_t c)
{
    return c < FEAT_PLANE && icu->lower[c] ? icu->lower[c] : feat_icu_ask_lower(icu, c);
}

/** c is in the basic plane. */
static inline uint16_t feat_simple_of(struct feat_icu *icu, uint32_t c)
{
    return icu->simple[c] ? icu->simple[c] : feat_icu_ask_simple(icu, c);
}

#endif
