/**
 * Skip-gram with negative sampling; see feat_skipgram.h.
 *
 *     v (in)      vector of a word, what is kept
 *     u (out)     vector of a word as somebody's neighbour
 *
 *     for each pair (word, neighbour), and for each word drawn against it (label 0):
 *         g = rate * (label - sigmoid(u . v));   v += g * u;   u += g * v
 *
 * Departures: no lock-free races between threads, whose result would differ from run to
 * run. Each worker walks its own part of the corpus on its own copy for N_ROUND tokens; then
 * the changes of each vector are averaged over the workers that touched it.
 */
#include "feat_skipgram.h"
#include "base_alloc.h"
#include "base_error.h"
#include "base_rng.h"

#include <math.h>
#include <string.h>

enum { N_ROUND = 20000, N_DRAWS = 1 << 20 };

struct feat_skipgram_options feat_skipgram_options_default(int64_t n_tokens)
{
    const int64_t n_epochs = n_tokens > 0 ? 300000 / n_tokens : 1;
    return (struct feat_skipgram_options){
        .n_vector = 100,
        .n_window = 5,
        .n_negative = 5,
        .n_epochs = n_epochs < 5    ? 5
                    : n_epochs > 20 ? 20
                                    : (int32_t)n_epochs,
        .rate = 0.05,
        .subsample = 1e-3,
        .seed = 1,
    };
}

/** One worker's copy: vectors, which of them it touched in this round, and its dice. */
struct copy {
    float *v, *u;           /* (n_words, n_vector) each, in one allocation */
    float *step;            /* (n_vector) */
    unsigned char *touched; /* (2 * n_words) */
    struct base_rng rng;
};

struct training {
    const struct feat_skipgram_options *opt;
    const int32_t *token;
    int64_t n_tokens;
    int32_t n_words, n_copies;
    size_t k;
    int32_t *draw;           /* (N_DRAWS) words, as often as they are to be drawn */
    float *keep;             /* (n_words) chance that an occurrence is used */
    float *v, *u;            /* what all agree on */
    struct copy *copy;       /* (n_copies) */
    int64_t round, n_rounds; /* in all epochs */
    int64_t n_part;          /* tokens of one worker's part */
    double rate;
};

// Frequencies to the power of 3/4 share out the table.
static void share_draws(struct training *t, const int64_t *n_times)
{
    double total = 0, sum = 0;
    for (int32_t w = 0; w < t->n_words; w++) {
        total += pow((double)n_times[w], 0.75);
    }
    int32_t at = 0;
    for (int32_t w = 0; w < t->n_words; w++) {
        sum += pow((double)n_times[w], 0.75);
        while (at < N_DRAWS && at < sum / total * N_DRAWS) {
            t->draw[at++] = w;
        }
    }
    while (at < N_DRAWS) {
        t->draw[at++] = t->n_words - 1;
    }
}

static enum reel_status count_words(struct training *t, struct reel_error *err)
{
    int64_t *n_times = base_alloc_zeroed((size_t)t->n_words, sizeof *n_times);
    if (!n_times) {
        return fail(err, REEL_ENOMEM, "%d words", t->n_words);
    }
    int64_t n = 0;
    for (int64_t i = 0; i < t->n_tokens; i++) {
        if (t->token[i] >= 0) {
            n_times[t->token[i]]++;
            n++;
        }
    }
    for (int32_t w = 0; w < t->n_words; w++) {
        const double share = n > 0 ? (double)n_times[w] / (double)n : 0;
        const double often = t->opt->subsample > 0 ? share / t->opt->subsample : 0;
        t->keep[w] = often > 1 ? (float)((sqrt(often) + 1) / often) : 1;
    }
    share_draws(t, n_times);
    base_free(n_times);
    return REEL_OK;
}

// In eight lanes, so that the compiler may take them at once.
static float dot(const float *a, const float *b, size_t n)
{
    float lane[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (size_t l = 0; l < 8; l++) {
            lane[l] += a[i + l] * b[i + l];
        }
    }
    for (; i < n; i++) {
        lane[0] += a[i] * b[i];
    }
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

/** One pair, with what is drawn against it. */
static void learn_pair(const struct training *t, struct copy *c, int32_t word,
                       int32_t neighbour)
{
    float *v = c->v + (size_t)word * t->k;
    memset(c->step, 0, t->k * sizeof *c->step);
    for (int32_t d = 0; d <= t->opt->n_negative; d++) {
        const int32_t other =
            d == 0 ? neighbour : t->draw[base_rng_below(&c->rng, N_DRAWS)];
        if (d > 0 && other == neighbour) {
            continue;
        }
        float *u = c->u + (size_t)other * t->k;
        const float sigmoid = 1 / (1 + expf(-dot(u, v, t->k)));
        const float g = (float)t->rate * ((d == 0 ? 1.0F : 0.0F) - sigmoid);
        for (size_t f = 0; f < t->k; f++) {
            c->step[f] += g * u[f];
            u[f] += g * v[f];
        }
        c->touched[t->n_words + other] = 1;
    }
    for (size_t f = 0; f < t->k; f++) {
        v[f] += c->step[f];
    }
    c->touched[word] = 1;
}

static void learn_around(const struct training *t, struct copy *c, int64_t at,
                         int64_t begin, int64_t end)
{
    const int32_t word = t->token[at];
    if (word < 0 || base_rng_double(&c->rng) >= t->keep[word]) {
        return;
    }
    const int64_t reach = 1 + base_rng_below(&c->rng, (uint32_t)t->opt->n_window);
    for (int side = -1; side <= 1; side += 2) {
        for (int64_t d = 1; d <= reach; d++) {
            const int64_t i = at + side * d;
            if (i < begin || i >= end || t->token[i] < 0) {
                break;
            }
            learn_pair(t, c, word, t->token[i]);
        }
    }
}

static void learn_part(int64_t begin, int64_t end, int32_t worker, void *payload)
{
    struct training *t = payload;
    (void)worker; // the part decides, not who works on it
    for (int64_t w = begin; w < end; w++) {
        struct copy *c = &t->copy[w];
        const size_t n_bytes = (size_t)t->n_words * t->k * sizeof *c->v;
        memcpy(c->v, t->v, n_bytes);
        memcpy(c->u, t->u, n_bytes);
        memset(c->touched, 0, 2 * (size_t)t->n_words);
        const int64_t part = w * t->n_part;
        const int64_t part_end =
            part + t->n_part < t->n_tokens ? part + t->n_part : t->n_tokens;
        const int64_t rounds = (t->n_part + N_ROUND - 1) / N_ROUND;
        const int64_t from = part + t->round % rounds * N_ROUND;
        for (int64_t i = from; i < from + N_ROUND && i < part_end; i++) {
            learn_around(t, c, i, part, part_end);
        }
    }
}

/** The changes of each vector, averaged over those who touched it. */
static void agree(struct training *t)
{
    for (size_t row = 0; row < 2 * (size_t)t->n_words; row++) {
        float *agreed = t->v + row * t->k; // u lies behind v, in the copies as well
        float n = 0;
        for (int32_t w = 0; w < t->n_copies; w++) {
            n += t->copy[w].touched[row];
        }
        for (size_t f = 0; n > 0 && f < t->k; f++) {
            float change = 0;
            for (int32_t w = 0; w < t->n_copies; w++) {
                if (t->copy[w].touched[row]) {
                    change += t->copy[w].v[row * t->k + f] - agreed[f];
                }
            }
            agreed[f] += change / n;
        }
    }
}

static enum reel_status make_room(struct training *t, struct reel_error *err)
{
    const size_t n_floats = 2 * (size_t)t->n_words * t->k;
    t->draw = base_alloc_array(N_DRAWS, sizeof *t->draw);
    t->keep = base_alloc_array((size_t)t->n_words, sizeof *t->keep);
    t->v = base_alloc_zeroed(n_floats, sizeof *t->v);
    t->copy = base_alloc_zeroed((size_t)t->n_copies, sizeof *t->copy);
    bool is_there = t->draw && t->keep && t->v && t->copy;
    for (int32_t w = 0; is_there && w < t->n_copies; w++) {
        struct copy *c = &t->copy[w];
        c->v = base_alloc_array(n_floats + t->k, sizeof *c->v);
        c->touched = base_alloc_array(2, (size_t)t->n_words);
        is_there = c->v && c->touched;
        c->u = c->v ? c->v + n_floats / 2 : NULL;
        c->step = c->v ? c->v + n_floats : NULL;
        base_rng_init(&c->rng, t->opt->seed, 0x5c1 + (uint64_t)w);
    }
    t->u = t->v ? t->v + n_floats / 2 : NULL;
    return is_there ? REEL_OK
                    : fail(err, REEL_ENOMEM, "%d word vectors for %d threads", t->n_words,
                           t->n_copies);
}

static void release_room(struct training *t)
{
    for (int32_t w = 0; t->copy && w < t->n_copies; w++) {
        base_free(t->copy[w].v);
        base_free(t->copy[w].touched);
    }
    base_free(t->copy);
    base_free(t->draw);
    base_free(t->keep);
    base_free(t->v);
}

static enum reel_status train(struct training *t, struct base_pool *pool,
                              const struct reel_progress *progress,
                              struct reel_error *err)
{
    struct base_rng rng;
    base_rng_init(&rng, t->opt->seed, 0x5c0);
    for (size_t i = 0; i < (size_t)t->n_words * t->k; i++) {
        t->v[i] = (float)((base_rng_double(&rng) - 0.5) / (double)t->k);
    }
    for (t->round = 0; t->round < t->n_rounds; t->round++) {
        if (!base_progress_report(progress, "word vectors", (double)t->round,
                                  (double)t->n_rounds)) {
            return fail(err, REEL_ECANCELLED, "stopped while learning word vectors");
        }
        const double left = 1 - (double)t->round / (double)t->n_rounds;
        t->rate = t->opt->rate * (left > 0.01 ? left : 0.01);
        base_pool_run(pool, t->n_copies, 1, learn_part, t);
        agree(t);
    }
    return REEL_OK;
}

enum reel_status feat_skipgram_fit(const int32_t *token, int64_t n_tokens,
                                   int32_t n_words,
                                   const struct feat_skipgram_options *opt,
                                   struct base_pool *pool,
                                   const struct reel_progress *progress, float *vectors,
                                   struct reel_error *err)
{
    struct training t = {.opt = opt,
                         .token = token,
                         .n_tokens = n_tokens,
                         .n_words = n_words,
                         .k = (size_t)opt->n_vector,
                         .n_copies = base_pool_n_threads(pool)};
    t.n_part = (n_tokens + t.n_copies - 1) / t.n_copies;
    t.n_rounds = (t.n_part + N_ROUND - 1) / N_ROUND * opt->n_epochs;
    enum reel_status rc = make_room(&t, err);
    rc = rc ? rc : count_words(&t, err);
    rc = rc ? rc : train(&t, pool, progress, err);
    if (rc == REEL_OK) {
        memcpy(vectors, t.v, (size_t)n_words * t.k * sizeof *vectors);
    }
    release_room(&t);
    return rc;
}

/* ---- in an extractor ---- */

struct corpus {
    int32_t *token;
    int64_t n, room;
};

static enum reel_status add_token(struct corpus *corpus, int32_t token,
                                  struct reel_error *err)
{
    if (corpus->n == corpus->room) {
        const int64_t room = corpus->room ? 2 * corpus->room : 4096;
        void *longer = base_realloc_array(corpus->token, (size_t)room, sizeof(int32_t));
        if (!longer) {
            return fail(err, REEL_ENOMEM, "%lld words", (long long)room);
        }
        corpus->token = longer;
        corpus->room = room;
    }
    corpus->token[corpus->n++] = token;
    return REEL_OK;
}

static enum reel_status add_tokens(const struct reel_features *features, const char *text,
                                   struct feat_words *words, struct corpus *corpus,
                                   struct reel_error *err)
{
    enum reel_status rc = feat_words_cut(words, text, err);
    for (int32_t i = 0; rc == REEL_OK && i < words->single.n; i++) {
        size_t n_bytes;
        const char *key = feat_words_term(words, i, 1, &n_bytes);
        const int32_t token = feat_find(features, FEAT_TEXT, key, n_bytes);
        if (token >= 0) { // rare words are skipped, not holes
            rc = add_token(corpus, token, err);
        }
    }
    return rc ? rc : add_token(corpus, -1, err);
}

enum reel_status feat_vectors_fit(struct reel_features *features,
                                  const struct reel_feature_text *text, int32_t n,
                                  struct feat_words *words, struct base_pool *pool,
                                  const struct reel_progress *progress,
                                  struct reel_error *err)
{
    struct corpus corpus = {0};
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        rc = add_tokens(features, text[i].text, words, &corpus, err);
        rc = rc ? rc : add_tokens(features, text[i].translation, words, &corpus, err);
    }
    if (rc == REEL_OK) {
        struct feat_skipgram_options opt = feat_skipgram_options_default(corpus.n);
        opt.n_vector = features->header->n_vector;
        opt.seed = features->header->seed;
        rc = feat_skipgram_fit(corpus.token, corpus.n, features->header->n_words, &opt,
                               pool, progress, feat_section_at(features, FEAT_VECTORS),
                               err);
    }
    base_free(corpus.token);
    return rc;
}

void feat_vectors_mean(const struct reel_features *features, const struct reel_csr *rows,
                       float *mean)
{
    const size_t k = (size_t)features->header->n_vector;
    const float *vectors = feat_section_at(features, FEAT_VECTORS);
    for (int32_t i = 0; i < rows->n_rows; i++) {
        float *to = mean + (size_t)i * k;
        float total = 0;
        memset(to, 0, k * sizeof *to);
        for (int64_t e = rows->start[i]; e < rows->start[i + 1]; e++) {
            const int32_t word = rows->col[e];
            if (word >= features->header->n_words) {
                break; // columns ascend: words of several come last
            }
            total += rows->value[e];
            for (size_t f = 0; f < k; f++) {
                to[f] += rows->value[e] * vectors[(size_t)word * k + f];
            }
        }
        for (size_t f = 0; total > 0 && f < k; f++) {
            to[f] /= total;
        }
    }
}
