/** Texts as rows of units, and how much of one is in another. */
#include "plot_words.h"

#include "base_alloc.h"
#include "base_error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint32_t plot_next_char(const char **text)
{
    const unsigned char *t = (const unsigned char *)*text;
    if (!*t) {
        return 0;
    }
    const int n_more = *t < 0xc0 ? 0 : *t < 0xe0 ? 1 : *t < 0xf0 ? 2 : 3;
    uint32_t c = n_more ? *t & (0x3fu >> n_more) : *t;
    int i = 1;
    for (; i <= n_more && (t[i] & 0xc0) == 0x80; i++) {
        c = c << 6 | (t[i] & 0x3fu);
    }
    *text += i;
    return c;
}

bool plot_is_han(uint32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x20000 && c <= 0x3ffff);
}

bool plot_is_latin(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= 0xc0 && c <= 0x24f && c != 0xd7 && c != 0xf7) ||
           (c >= 0xff21 && c <= 0xff3a) || (c >= 0xff41 && c <= 0xff5a);
}

bool plot_is_sentence_end(uint32_t c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x3002 ||
           c == 0xff01 || c == 0xff1f;
}

/* ---- sentences ---- */

static bool is_closing(uint32_t c)
{
    return c == '"' || c == '\'' || c == ')' || c == 0x2019 || c == 0x201d ||
           c == 0x300d || c == 0x300f || c == 0xff09;
}

/** "Mr." and "St." end no sentence, nor does "J." */
static bool is_abbreviation(const char *begin, const char *stop)
{
    static const char *const known[] = {"Mr",   "Mrs", "Ms",  "Dr", "St", "Sgt", "Lt",
                                        "Capt", "Col", "Gen", "Jr", "Sr", "No"};
    const char *word = stop;
    while (word > begin && plot_is_latin((unsigned char)word[-1])) {
        word--;
    }
    const size_t n = (size_t)(stop - word);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strlen(known[i]) == n && !memcmp(known[i], word, n)) {
            return true;
        }
    }
    return n == 1 && *word >= 'A' && *word <= 'Z' && *word != 'I';
}

const char *plot_sentence_end(const char *text)
{
    const char *at = text;
    while (*at) {
        const char *begin = at;
        const uint32_t c = plot_next_char(&at);
        if (!plot_is_sentence_end(c) || (c == '.' && is_abbreviation(text, begin))) {
            continue;
        }
        for (const char *next = at; *at; at = next) {
            const uint32_t follows = plot_next_char(&next);
            if (!plot_is_sentence_end(follows) && !is_closing(follows)) {
                break;
            }
        }
        const bool goes_on =
            at[0] == ' ' && at[1] >= 'a' && at[1] <= 'z'; // "No!" he said
        if (!*at || (*at == ' ' && !goes_on) || *at == '\n' || c >= 0x2000) {
            return at;
        }
    }
    return at;
}

/* ---- cutting ---- */

#define FNV_BASIS 0xcbf29ce484222325
#define FNV_PRIME 0x100000001b3

/** Folding turned punctuation into single blanks, so units end at blanks and at Han. */
static int32_t cut_units(const char *text, uint64_t *unit)
{
    int32_t n = 0;
    uint64_t hash = FNV_BASIS;
    bool is_open = false;
    for (uint32_t c; (c = plot_next_char(&text)) != 0;) {
        const bool is_alone = plot_is_han(c);
        if ((is_alone || c == ' ') && is_open) {
            unit[n++] = hash;
            is_open = false;
        }
        if (is_alone) {
            unit[n++] = (FNV_BASIS ^ c) * FNV_PRIME;
        } else if (c != ' ') {
            hash = ((is_open ? hash : FNV_BASIS) ^ c) * FNV_PRIME;
            is_open = true;
        }
    }
    if (is_open) {
        unit[n++] = hash;
    }
    return n;
}

enum reel_status plot_words_cut(struct base_text *fold, const char *text,
                                struct plot_words *out, struct reel_error *err)
{
    struct base_buffer folded;
    base_buffer_init(&folded, 64 << 20);
    *out = (struct plot_words){0};
    enum reel_status rc = base_text_fold(fold, text, strlen(text), &folded, err);
    if (rc == REEL_OK) {
        out->unit = base_alloc_array(folded.n_bytes + 1, sizeof *out->unit);
        if (out->unit) {
            out->n = cut_units(base_buffer_text(&folded), out->unit);
        } else {
            rc = fail(err, REEL_ENOMEM, "words of a text of %zu bytes", folded.n_bytes);
        }
    }
    base_buffer_release(&folded);
    return rc;
}

void plot_words_release(struct plot_words *words)
{
    base_free(words->unit);
    *words = (struct plot_words){0};
}

/* ---- comparing ---- */

/** Units that agree from x[i] and y[j] on. */
static int32_t run_at(const struct plot_words *x, int32_t i, const struct plot_words *y,
                      int32_t j)
{
    int32_t n = 0;
    while (i + n < x->n && j + n < y->n && x->unit[i + n] == y->unit[j + n]) {
        n++;
    }
    return n;
}

int32_t plot_words_common_run(const struct plot_words *x, const struct plot_words *y)
{
    int32_t longest = 0;
    for (int32_t i = 0; i < x->n; i++) {
        for (int32_t j = 0; j < y->n; j++) {
            const int32_t n = run_at(x, i, y, j);
            longest = n > longest ? n : longest;
        }
    }
    return longest;
}

bool plot_words_repeats(const struct plot_words *words, int32_t n)
{
    for (int32_t i = 0; i < words->n; i++) {
        for (int32_t j = i + 1; j < words->n; j++) {
            if (run_at(words, i, words, j) >= n) {
                return true;
            }
        }
    }
    return false;
}

static bool has_unit(const struct plot_words *words, int32_t n, uint64_t unit)
{
    for (int32_t i = 0; i < n; i++) {
        if (words->unit[i] == unit) {
            return true;
        }
    }
    return false;
}

int32_t plot_words_new(const struct plot_words *x, const struct plot_words *y)
{
    int32_t n_new = 0;
    for (int32_t i = 0; i < x->n; i++) {
        n_new += !has_unit(y, y->n, x->unit[i]) && !has_unit(x, i, x->unit[i]);
    }
    return n_new;
}

/** The n-gram that begins at i as one number. */
static uint64_t gram(const struct plot_words *words, int32_t i, int32_t n)
{
    uint64_t hash = FNV_BASIS;
    for (int32_t k = 0; k < n; k++) {
        hash = (hash ^ words->unit[i + k]) * FNV_PRIME;
        hash ^= hash >> 29;
    }
    return hash;
}

static int32_t gram_count(const struct plot_words *words, int32_t n, uint64_t wanted)
{
    int32_t n_found = 0;
    for (int32_t i = 0; i + n <= words->n; i++) {
        n_found += gram(words, i, n) == wanted;
    }
    return n_found;
}

/** Sum over the distinct n-grams of x of count in x times count in y. */
static double gram_product(const struct plot_words *x, const struct plot_words *y,
                           int32_t n)
{
    double sum = 0;
    for (int32_t i = 0; i + n <= x->n; i++) {
        sum += gram_count(y, n, gram(x, i, n));
    }
    return sum;
}

double plot_words_alike(const struct plot_words *x, const struct plot_words *y)
{
    double xy = 0, xx = 0, yy = 0;
    for (int32_t n = 1; n <= 3; n++) {
        xy += gram_product(x, y, n);
        xx += gram_product(x, x, n);
        yy += gram_product(y, y, n);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/** n-grams of the text that others have, each no more often than the one with most. */
static int32_t clipped_matches(const struct plot_words *text, int32_t n,
                               const struct plot_words *const *other, int32_t n_others)
{
    int32_t n_matches = 0;
    for (int32_t i = 0; i + n <= text->n; i++) {
        const uint64_t wanted = gram(text, i, n);
        const struct plot_words so_far = {text->unit, i + n};
        const int32_t i_th = gram_count(&so_far, n, wanted);
        int32_t n_most = 0;
        for (int32_t o = 0; o < n_others && n_most < i_th; o++) {
            const int32_t n_there = gram_count(other[o], n, wanted);
            n_most = n_there > n_most ? n_there : n_most;
        }
        n_matches += i_th <= n_most;
    }
    return n_matches;
}

double plot_words_bleu4(const struct plot_words *text,
                        const struct plot_words *const *other, int32_t n_others)
{
    double log_mean = 0;
    for (int32_t n = 1; n <= 4; n++) {
        const int32_t n_grams = text->n - n + 1;
        const int32_t n_matches = clipped_matches(text, n, other, n_others);
        if (n == 1 && n_matches == 0) {
            return 0;
        }
        log_mean += log((n_matches ? n_matches : .1) / (n_grams > 0 ? n_grams : 1)) / 4;
    }
    int32_t nearest = 0;
    for (int32_t o = 0; o < n_others; o++) {
        if (!nearest || abs(other[o]->n - text->n) < abs(nearest - text->n)) {
            nearest = other[o]->n;
        }
    }
    const double brevity = text->n >= nearest ? 0 : 1 - (double)nearest / text->n;
    return exp(log_mean + brevity);
}
