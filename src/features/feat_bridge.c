/**
 * A dictionary from sentences and their translations; see feat_bridge.h.
 *
 *     z, e        a word of the translation, a word of the text
 *     p(e | z)    what is learned: how likely z brings about e
 *
 *     expected:   in each pair, each e was brought about by one z of it or by none (the empty
 *                 word), in proportion to p(e | z)
 *     maximal:    p(e | z) = how often z is expected to have brought about e, of all it did
 *
 * Departures from model 1: a word that a translation repeats counts once, the empty word
 * begins small, and what is left below P_MIN is noise and is dropped.
 */
#include "feat_bridge.h"
#include "base_alloc.h"
#include "base_error.h"

#include <stdlib.h>
#include <string.h>

enum { N_WORDS_MAX = 100, N_ROUNDS = 8 };

#define P_MIN 0.05
#define P_NONE_AT_FIRST 1e-4

/** Columns of the words of all pairs, side by side. */
struct sentences {
    int32_t *word;
    int64_t n, room;
    int64_t *end; /* (pairs) */
};

struct learning {
    const struct reel_features *features;
    int32_t n_pairs;
    struct sentences e, z;
    struct base_csr p;        /* candidates: z by e, value p(e | z) */
    double *expected;         /* (candidates) */
    double *total;            /* (n_words) by z */
    double *none, *none_seen; /* (n_words) p(e | no word), and expected */
};

static enum reel_status add_word(struct sentences *s, int32_t word,
                                 struct reel_error *err)
{
    if (s->n == s->room) {
        const int64_t room = s->room ? 2 * s->room : 4096;
        void *longer = base_realloc_array(s->word, (size_t)room, sizeof *s->word);
        if (!longer) {
            return fail(err, REEL_ENOMEM, "%lld translated words", (long long)room);
        }
        s->word = longer;
        s->room = room;
    }
    s->word[s->n++] = word;
    return REEL_OK;
}

static int by_word(const void *a, const void *b)
{
    return *(const int32_t *)a - *(const int32_t *)b;
}

/** The known words of one side, each once, ascending. */
static enum reel_status add_sentence(const struct learning *l, struct sentences *s,
                                     const char *text, struct feat_words *words,
                                     struct reel_error *err)
{
    const int64_t begin = s->n;
    enum reel_status rc = feat_words_cut(words, text, err);
    for (int32_t i = 0; rc == REEL_OK && i < words->single.n; i++) {
        size_t n_bytes;
        const char *key = feat_words_term(words, i, 1, &n_bytes);
        const int32_t word = feat_find(l->features, FEAT_TEXT, key, n_bytes);
        rc = word >= 0 ? add_word(s, word, err) : REEL_OK;
    }
    if (rc || s->n == begin) {
        return rc;
    }
    qsort(s->word + begin, (size_t)(s->n - begin), sizeof *s->word, by_word);
    int64_t n = begin;
    for (int64_t i = begin; i < s->n; i++) {
        if (n == begin || s->word[n - 1] != s->word[i]) {
            s->word[n++] = s->word[i];
        }
    }
    s->n = n;
    return REEL_OK;
}

static enum reel_status read_pairs(struct learning *l,
                                   const struct reel_feature_text *pair, int32_t n,
                                   struct feat_words *words, struct reel_error *err)
{
    l->e.end = base_alloc_array((size_t)n, sizeof *l->e.end);
    l->z.end = base_alloc_array((size_t)n, sizeof *l->z.end);
    if (!l->e.end || !l->z.end) {
        return fail(err, REEL_ENOMEM, "%d translated sentences", n);
    }
    for (int32_t i = 0; i < n; i++) {
        const int64_t e = l->e.n, z = l->z.n;
        enum reel_status rc = add_sentence(l, &l->e, pair[i].text, words, err);
        rc = rc ? rc : add_sentence(l, &l->z, pair[i].translation, words, err);
        if (rc) {
            return rc;
        }
        if (l->e.n == e || l->z.n == z || l->e.n - e > N_WORDS_MAX ||
            l->z.n - z > N_WORDS_MAX) {
            l->e.n = e;
            l->z.n = z;
            continue;
        }
        l->e.end[l->n_pairs] = l->e.n;
        l->z.end[l->n_pairs++] = l->z.n;
    }
    return REEL_OK;
}

/** Every z of a pair with every e of it: visits candidates, or collects them. */
static enum reel_status collect_candidates(struct learning *l, struct reel_error *err)
{
    const int32_t n_words = l->features->header->n_words;
    struct sentences row = {0}, col = {0};
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < l->n_pairs; i++) {
        for (int64_t z = i ? l->z.end[i - 1] : 0; z < l->z.end[i]; z++) {
            for (int64_t e = i ? l->e.end[i - 1] : 0; rc == REEL_OK && e < l->e.end[i];
                 e++) {
                rc = add_word(&row, l->z.word[z], err);
                rc = rc ? rc : add_word(&col, l->e.word[e], err);
            }
        }
    }
    float *one = rc ? NULL : base_alloc_array((size_t)row.n, sizeof *one);
    if (rc == REEL_OK && !one) {
        rc = fail(err, REEL_ENOMEM, "%lld translated words", (long long)row.n);
    }
    for (int64_t i = 0; rc == REEL_OK && i < row.n; i++) {
        one[i] = 1;
    }
    rc = rc ? rc
            : base_csr_from_triples(n_words, n_words, row.n, row.word, col.word, one,
                                    &l->p, err);
    base_free(one);
    base_free(row.word);
    base_free(col.word);
    return rc;
}

// One e of one pair: who brought it about?
static void expect(struct learning *l, int32_t e, const int32_t *z, int64_t n_z)
{
    int64_t at[N_WORDS_MAX];
    double sum = l->none[e];
    for (int64_t i = 0; i < n_z; i++) {
        at[i] = base_csr_find(&l->p.csr, z[i], e);
        sum += l->p.value[at[i]];
    }
    if (sum <= 0) {
        return;
    }
    for (int64_t i = 0; i < n_z; i++) {
        const double share = l->p.value[at[i]] / sum;
        l->expected[at[i]] += share;
        l->total[z[i]] += share;
    }
    l->none_seen[e] += l->none[e] / sum;
}

static void maximise(struct learning *l)
{
    const int32_t n_words = l->features->header->n_words;
    double none_total = 0;
    for (int32_t e = 0; e < n_words; e++) {
        none_total += l->none_seen[e];
    }
    for (int32_t w = 0; w < n_words; w++) {
        l->none[w] = none_total > 0 ? l->none_seen[w] / none_total : 0;
        for (int64_t c = l->p.start[w]; c < l->p.start[w + 1]; c++) {
            l->p.value[c] = l->total[w] > 0 ? (float)(l->expected[c] / l->total[w]) : 0;
            l->expected[c] = 0;
        }
        l->total[w] = l->none_seen[w] = 0;
    }
}

static enum reel_status learn(struct learning *l, struct reel_error *err)
{
    const size_t n_words = (size_t)l->features->header->n_words;
    l->expected = base_alloc_zeroed((size_t)l->p.start[n_words], sizeof *l->expected);
    l->total = base_alloc_zeroed(n_words, sizeof *l->total);
    l->none = base_alloc_zeroed(n_words, sizeof *l->none);
    l->none_seen = base_alloc_zeroed(n_words, sizeof *l->none_seen);
    if (!l->expected || !l->total || !l->none || !l->none_seen) {
        return fail(err, REEL_ENOMEM, "%zu translated words", n_words);
    }
    for (size_t e = 0; e < n_words; e++) {
        l->none[e] = P_NONE_AT_FIRST;
    }
    for (int round = 0; round < N_ROUNDS; round++) {
        for (int32_t i = 0; i < l->n_pairs; i++) {
            const int64_t z = i ? l->z.end[i - 1] : 0;
            for (int64_t e = i ? l->e.end[i - 1] : 0; e < l->e.end[i]; e++) {
                expect(l, l->e.word[e], l->z.word + z, l->z.end[i] - z);
            }
        }
        maximise(l);
    }
    return REEL_OK;
}

/** What is likely, and only of words that stand in translations rather than in texts. */
static enum reel_status keep_likely(struct learning *l, struct base_csr *out,
                                    struct reel_error *err)
{
    const int32_t n_words = l->features->header->n_words;
    int32_t *more_in_texts = base_alloc_zeroed((size_t)n_words, sizeof *more_in_texts);
    const int64_t n_candidates = l->p.start[n_words];
    int32_t *row = base_alloc_array((size_t)n_candidates, sizeof *row);
    if (!more_in_texts || !row) {
        base_free(more_in_texts);
        base_free(row);
        return fail(err, REEL_ENOMEM, "%d translated words", n_words);
    }
    for (int64_t i = 0; i < l->e.n; i++) {
        more_in_texts[l->e.word[i]]++;
    }
    for (int64_t i = 0; i < l->z.n; i++) {
        more_in_texts[l->z.word[i]]--;
    }
    int64_t n = 0;
    for (int32_t z = 0; z < n_words; z++) {
        for (int64_t c = l->p.start[z]; c < l->p.start[z + 1]; c++) {
            if (l->p.value[c] > P_MIN && more_in_texts[z] < 0) {
                row[n] = z;
                l->p.col[n] = l->p.col[c]; // n never overtakes c
                l->p.value[n++] = l->p.value[c];
            }
        }
    }
    const enum reel_status rc =
        base_csr_from_triples(n_words, n_words, n, row, l->p.col, l->p.value, out, err);
    base_free(more_in_texts);
    base_free(row);
    return rc;
}

enum reel_status feat_bridge_learn(const struct reel_features *features,
                                   const struct reel_feature_text *pair, int32_t n,
                                   struct feat_words *words, struct base_csr *out,
                                   struct reel_error *err)
{
    struct learning l = {.features = features};
    *out = (struct base_csr){0};
    enum reel_status rc = read_pairs(&l, pair, n, words, err);
    rc = rc ? rc : collect_candidates(&l, err);
    rc = rc ? rc : learn(&l, err);
    rc = rc ? rc : keep_likely(&l, out, err);
    base_free(l.e.word);
    base_free(l.e.end);
    base_free(l.z.word);
    base_free(l.z.end);
    base_csr_release(&l.p);
    base_free(l.expected);
    base_free(l.total);
    base_free(l.none);
    base_free(l.none_seen);
    return rc;
}
