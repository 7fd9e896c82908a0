/**
 * Step stem: what is left of a word without its endings, by Snowball's algorithm for the language
 * of the line; English where the language is not told or puts no endings to Latin letters.
 *
 * Words come again: the stems of those seen last are kept, one for each value of a hash.
 */
#include "feat_key.h"
#include "feat_line.h"
#include "feat_step.h"

#include <assert.h>
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

static enum reel_status stem_open(const struct feat_env *env, void *state,
                                  struct reel_error *err)
{
    (void)err;
    struct stem *x = state;
    x->env = env;
    return REEL_OK;
}

static void stem_close(void *state)
{
    struct stem *x = state;
    for (int l = 0; l < FEAT_N_LANGUAGES; l++) {
        if (x->stemmer[l]) {
            sb_stemmer_delete(x->stemmer[l]);
        }
    }
}

static void stem_reset(void *state)
{
    struct stem *x = state;
    x->line = (struct feat_line){0};
}

/** The language whose endings a word has; FEAT_NO_LANGUAGE: it is left as it is. */
static int language_of(const struct stem *x, const char *word)
{
    assert(word);
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

/** A word or its stem, and how many bytes may be looked at. */
struct piece {
    const char *text;
    size_t n, n_readable;
};

/** False: out of memory. */
static bool ask_stemmer(struct stem *x, int language, struct piece *word)
{
    if (!x->stemmer[language]) {
        x->stemmer[language] = sb_stemmer_new(feat_language_code(language), "UTF_8");
    }
    const sb_symbol *stem =
        x->stemmer[language]
            ? sb_stemmer_stem(x->stemmer[language], (const sb_symbol *)word->text,
                              (int)word->n)
            : NULL;
    if (!stem) {
        return false;
    }
    word->text = (const char *)stem;
    word->n = word->n_readable = (size_t)sb_stemmer_length(x->stemmer[language]);
    return true;
}

/** As ask_stemmer, from what is kept where possible. */
static bool stem_word(struct stem *x, int language, struct piece *word)
{
    if (word->n > FEAT_KEY_BYTES) {
        return word->n > WORD_BYTES_MAX || ask_stemmer(x, language, word);
    }
    const struct feat_key key = feat_key_of(word->text, word->n, word->n_readable);
    struct kept *k =
        &x->kept[(feat_key_hash(key, word->n) + (uint32_t)language) % N_KEPT];
    if (k->n_word != word->n || k->language != language || !feat_key_equal(k->key, key)) {
        const uint8_t n_word = (uint8_t)word->n;
        if (!ask_stemmer(x, language, word)) {
            return false;
        }
        if (word->n > sizeof k->stem) {
            return true;
        }
        memcpy(k->stem, word->text, word->n);
        k->key = key;
        k->n_word = n_word;
        k->n_stem = (uint8_t)word->n;
        k->language = (uint8_t)language;
    }
    *word = (struct piece){k->stem, k->n_stem, sizeof k->stem};
    return true;
}

static bool stem_run(void *state, const char *in, size_t n, struct base_buffer *out)
{
    enum {
        GROWTH = 2 /* Snowball may put an "e" back */
    };
    struct stem *x = state;
    char *const begin = base_buffer_reserve(out, GROWTH * n + 1 + FEAT_SLACK),
                *to = begin;
    if (!to) {
        return false;
    }
    for (size_t i = 0; i < n;) {
        const char *word;
        const size_t n_word = feat_line_next(&x->line, x->env, in, n, &i, &to, &word);
        if (n_word == 0) {
            if (word) {
                *to++ = '\n';
            }
            continue;
        }
        struct piece piece = {word, n_word, (size_t)(in + n - word)};
        const int language = language_of(x, word);
        if (language != FEAT_NO_LANGUAGE && !stem_word(x, language, &piece)) {
            return false;
        }
        assert(piece.n <= n_word + 1);
        if (piece.n > 0) {
            to = feat_line_put(&x->line, to, piece.text, piece.n, piece.n_readable);
        }
    }
    out->n_bytes += (size_t)(to - begin);
    return true;
}

const struct feat_step feat_step_stem = {
    .n_state_bytes = sizeof(struct stem),
    .open = stem_open,
    .run = stem_run,
    .reset = stem_reset,
    .close = stem_close,
};
