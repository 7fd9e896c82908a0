/**
 * Step stem: what is left of a word without its endings, by Snowball's algorithm for the language
 * of the line; English where the language is not told or puts no endings to Latin letters.
 *
 * Words come again: the stems of those seen last are kept, one for each value of a hash.
 */
#include "feat_key.h"
#include "feat_line.h"
#include "feat_step.h"

#include "base_alloc.h"
#include "base_error.h"

#include <libstemmer.h>

enum { N_KEPT = 1 << 14, WORD_BYTES_MAX = 1 << 8 /* of a word with a stem */ };

struct kept {
    struct feat_key key;
    char stem[FEAT_KEY_BYTES];
    uint8_t n_word, n_stem; /* n_word 0: free */
    uint8_t language;
};

struct stem {
    const struct feat_env *env;
    struct feat_line line;
    struct sb_stemmer *stemmer[FEAT_N_LANGUAGES]; /* opened when needed */
    struct kept kept[N_KEPT];
};

static enum reel_status stem_open(const struct feat_env *env, void **state,
                                  struct reel_error *err)
{
    struct stem *x = base_alloc_zeroed(1, sizeof *x);
    if (!x) {
        return fail(err, REEL_ENOMEM, "step stem");
    }
    x->env = env;
    *state = x;
    return REEL_OK;
}

static void stem_close(void *state)
{
    struct stem *x = state;
    for (int l = 0; x && l < FEAT_N_LANGUAGES; l++) {
        if (x->stemmer[l]) {
            sb_stemmer_delete(x->stemmer[l]);
        }
    }
    base_free(x);
}

static void stem_reset(void *state)
{
    struct stem *x = state;
    x->line = (struct feat_line){0};
}

/** The language whose endings a word has; FEAT_NO_LANGUAGE: it is left as it is. */
static int language_of(const struct stem *x, const char *word)
{
    const unsigned char lead = (unsigned char)word[0];
    const bool is_latin = lead >= 'a' && lead <= 'z';
    const bool is_letter =
        is_latin || (lead >= 0xc3 && lead <= 0xd1); // Latin to Cyrillic
    const int l = x->line.language;
    if (l < FEAT_N_LATIN || l == FEAT_RU) {
        return is_letter ? l : FEAT_NO_LANGUAGE;
    }
    return is_latin ? FEAT_EN : FEAT_NO_LANGUAGE;
}

static const char *stem_of(struct stem *x, int language, const char *word, size_t *n)
{
    if (!x->stemmer[language]) {
        x->stemmer[language] = sb_stemmer_new(feat_language_code(language), "UTF_8");
        if (!x->stemmer[language]) {
            return NULL;
        }
    }
    const sb_symbol *s =
        sb_stemmer_stem(x->stemmer[language], (const sb_symbol *)word, (int)*n);
    *n = s ? (size_t)sb_stemmer_length(x->stemmer[language]) : 0;
    return (const char *)s;
}

/** As stem_of, from what is kept where possible. */
static const char *stem_of_word(struct stem *x, int language, const char *word, size_t *n)
{
    if (*n > FEAT_KEY_BYTES) {
        return *n <= WORD_BYTES_MAX ? stem_of(x, language, word, n) : word;
    }
    const struct feat_key key = feat_key_of(word, *n);
    struct kept *k = &x->kept[(feat_key_hash(key, *n) + (uint32_t)language) % N_KEPT];
    if (k->n_word != *n || k->language != language || !feat_key_equal(k->key, key)) {
        const size_t n_word = *n;
        const char *stem = stem_of(x, language, word, n);
        if (!stem || *n > FEAT_KEY_BYTES) {
            return stem;
        }
        memcpy(k->stem, stem, *n);
        k->key = key;
        k->n_word = (uint8_t)n_word;
        k->n_stem = (uint8_t)*n;
        k->language = (uint8_t)language;
    }
    *n = k->n_stem;
    return k->stem;
}

static bool stem_run(void *state, const char *in, size_t n, struct base_buffer *out)
{
    enum {
        GROWTH = 2 /* Snowball may put an "e" back */
    };
    struct stem *x = state;
    char *const begin = base_buffer_reserve(out, GROWTH * n + 1), *to = begin;
    if (!to) {
        return false;
    }
    for (size_t i = 0; i < n;) {
        const char *word;
        size_t n_word = feat_line_next(&x->line, x->env, in, n, &i, &to, &word);
        if (n_word == 0) {
            if (word) {
                *to++ = '\n';
            }
            continue;
        }
        const int language = language_of(x, word);
        if (language != FEAT_NO_LANGUAGE) {
            const size_t n_max = n_word + 1;
            word = stem_of_word(x, language, word, &n_word);
            if (!word || n_word > n_max) {
                return false;
            }
        }
        to = n_word > 0 ? feat_line_put(&x->line, to, word, n_word) : to;
    }
    out->n_bytes += (size_t)(to - begin);
    return true;
}

const struct feat_step feat_step_stem = {
    .open = stem_open,
    .run = stem_run,
    .reset = stem_reset,
    .close = stem_close,
};
