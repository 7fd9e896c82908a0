/**
 * How much a viewer would like a text: TF-IDF against what they liked, and genres.
 *
 * A branch speaks of what any film speaks of, so its cosine to a profile is small and differs
 * from viewer to viewer for reasons of length alone. It is therefore told in standard
 * deviations of the cosines that documents of unknown liking reach with the same profile.
 *
 *   w(d, t) = (1 + log tf) log((1 + N) / (1 + df)), rows brought to length 1
 *   profile = mean of the liked - 1/2 mean of the disliked             (Rocchio 1971)
 *   x = A clip((cos - mean) / sd) + B mean of the event's genre lifts;  p = 1 / (1 + e^-x)
 */
#include "base_alloc.h"
#include "base_error.h"
#include "base_hash.h"
#include "base_text.h"

#include <forkreel/branch.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WEIGHT_WORDS 0.5
#define WEIGHT_GENRES 0.6
#define Z_MAX 2.5
#define LIFT_MAX 1.5
#define N_SPREAD_MIN 10 /* documents needed to tell a spread */
#define TEXT_BYTES_MAX ((size_t)64 << 20)

struct entry {
    int32_t word;
    float weight; /* count, then TF-IDF */
};

struct reel_branch_taste {
    char language[8];
    struct base_text *text;
    struct base_hash *word; /* to its index */
    struct base_buffer scratch;
    float *idf, *profile; /* (n_words) */
    int32_t n_words;
    double mean, sd; /* of the documents' cosines; sd 0: words say nothing */
    char **genre;
    double *lift;
    int32_t n_genres;
    struct reel_branch_scorer better; /* .score NULL: none */
    void (*free_better)(void *payload);
};

struct documents {
    struct entry *entry; /* of all documents */
    int64_t *start;      /* (n + 1) */
    int64_t n_entries, room;
};

// ---- words of a text ----

static int by_word(const void *a, const void *b)
{
    const int32_t x = ((const struct entry *)a)->word,
                  y = ((const struct entry *)b)->word;
    return (x > y) - (x < y);
}

static bool push(struct documents *docs, int32_t word)
{
    if (docs->n_entries == docs->room) {
        const int64_t room = docs->room ? 2 * docs->room : 1024;
        struct entry *entry =
            base_realloc_array(docs->entry, (size_t)room, sizeof *entry);
        if (!entry) {
            return false;
        }
        docs->entry = entry;
        docs->room = room;
    }
    docs->entry[docs->n_entries++] = (struct entry){word, 1};
    return true;
}

/** Sort what was pushed from `begin` on and add up equal words. */
static void fold_counts(struct documents *docs, int64_t begin)
{
    struct entry *entry = docs->entry + begin;
    const int64_t n = docs->n_entries - begin;
    int64_t n_kept = 0;
    if (n > 1) {
        qsort(entry, (size_t)n, sizeof *entry, by_word);
    }
    for (int64_t i = 0; i < n; i++) {
        if (n_kept > 0 && entry[n_kept - 1].word == entry[i].word) {
            entry[n_kept - 1].weight += 1;
        } else {
            entry[n_kept++] = entry[i];
        }
    }
    docs->n_entries = begin + n_kept;
}

/** Append the counted words of a text; new words are learned when `learns`. */
static enum reel_status count_words(struct reel_branch_taste *taste, const char *text,
                                    bool learns, struct documents *docs,
                                    struct reel_error *err)
{
    const int64_t begin = docs->n_entries;
    base_buffer_clear(&taste->scratch);
    enum reel_status rc =
        base_text_words(taste->text, text, strlen(text), false, &taste->scratch, err);
    const char *at = base_buffer_text(&taste->scratch);
    while (rc == REEL_OK && *at) {
        const size_t n = strcspn(at, " ");
        int64_t index = -1, *slot = NULL;
        bool is_new = false;
        if (n > 1 && learns) {
            slot = base_hash_get_or_add(taste->word, at, n, taste->n_words, &is_new);
            index = slot ? *slot : -1;
            taste->n_words += is_new;
        } else if (n > 1) {
            (void)base_hash_get(taste->word, at, n, &index);
        }
        if ((n > 1 && learns && !slot) || (index >= 0 && !push(docs, (int32_t)index))) {
            rc = fail(err, REEL_ENOMEM, "words of %d documents", taste->n_words);
        }
        at += n + (at[n] == ' ');
    }
    fold_counts(docs, begin);
    return rc;
}

/** Counts of one document to a vector of length 1 (or 0). */
static void weigh(const struct reel_branch_taste *taste, struct entry *entry, int64_t n)
{
    double square = 0;
    for (int64_t i = 0; i < n; i++) {
        entry[i].weight = (1 + logf(entry[i].weight)) * taste->idf[entry[i].word];
        square += (double)entry[i].weight * entry[i].weight;
    }
    for (int64_t i = 0; i < n && square > 0; i++) {
        entry[i].weight = (float)(entry[i].weight / sqrt(square));
    }
}

static double dot_profile(const struct reel_branch_taste *taste,
                          const struct entry *entry, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += (double)entry[i].weight * taste->profile[entry[i].word];
    }
    return sum;
}

// ---- learning ----

static enum reel_status read_documents(struct reel_branch_taste *taste,
                                       const struct reel_branch_viewer *viewer,
                                       struct documents *docs, struct reel_error *err)
{
    const int32_t n = viewer->n_documents;
    enum reel_status rc = REEL_OK;
    for (int32_t d = 0; rc == REEL_OK && d < n; d++) {
        docs->start[d] = docs->n_entries;
        rc = count_words(taste, viewer->document[d].text, true, docs, err);
    }
    docs->start[n] = docs->n_entries;
    if (rc) {
        return rc;
    }
    taste->idf = base_alloc_zeroed((size_t)taste->n_words + 1, sizeof *taste->idf);
    taste->profile =
        base_alloc_zeroed((size_t)taste->n_words + 1, sizeof *taste->profile);
    if (!taste->idf || !taste->profile) {
        return fail(err, REEL_ENOMEM, "%d words", taste->n_words);
    }
    for (int64_t e = 0; e < docs->n_entries; e++) {
        taste->idf[docs->entry[e].word] += 1; // documents, each word once in each
    }
    for (int32_t w = 0; w < taste->n_words; w++) {
        taste->idf[w] = logf((1 + (float)n) / (1 + taste->idf[w]));
    }
    for (int32_t d = 0; d < n; d++) {
        weigh(taste, docs->entry + docs->start[d], docs->start[d + 1] - docs->start[d]);
    }
    return REEL_OK;
}

static void make_profile(struct reel_branch_taste *taste,
                         const struct reel_branch_viewer *viewer,
                         const struct documents *docs)
{
    double n_liked = 0, n_disliked = 0;
    for (int32_t d = 0; d < viewer->n_documents; d++) {
        n_liked += viewer->document[d].liked > 0;
        n_disliked += viewer->document[d].liked < 0;
    }
    for (int32_t d = 0; d < viewer->n_documents; d++) {
        const double liked = viewer->document[d].liked;
        const double share = liked > 0   ? liked / n_liked
                             : liked < 0 ? liked / n_disliked / 2
                                         : 0;
        for (int64_t e = docs->start[d]; share != 0 && e < docs->start[d + 1]; e++) {
            taste->profile[docs->entry[e].word] += (float)(share * docs->entry[e].weight);
        }
    }
}

/** Mean and spread of what documents of unknown liking (all, when few) reach. */
static void measure_spread(struct reel_branch_taste *taste,
                           const struct reel_branch_viewer *viewer,
                           const struct documents *docs)
{
    int32_t n_unknown = 0;
    double n = 0, sum = 0, square = 0;
    for (int32_t d = 0; d < viewer->n_documents; d++) {
        n_unknown += viewer->document[d].liked == 0;
    }
    for (int32_t d = 0; d < viewer->n_documents; d++) {
        if (n_unknown < N_SPREAD_MIN || viewer->document[d].liked == 0) {
            const double x = dot_profile(taste, docs->entry + docs->start[d],
                                         docs->start[d + 1] - docs->start[d]);
            n += 1;
            sum += x;
            square += x * x;
        }
    }
    if (n >= N_SPREAD_MIN) {
        taste->mean = sum / n;
        taste->sd = sqrt(fmax(0, square / n - taste->mean * taste->mean));
    }
}

static enum reel_status copy_genres(struct reel_branch_taste *taste,
                                    const struct reel_branch_viewer *viewer,
                                    struct reel_error *err)
{
    const size_t n = (size_t)viewer->n_genres;
    taste->genre = base_alloc_zeroed(n + 1, sizeof *taste->genre);
    taste->lift = base_alloc_zeroed(n + 1, sizeof *taste->lift);
    bool is_whole = taste->genre && taste->lift;
    for (int32_t g = 0; is_whole && g < viewer->n_genres; g++) {
        taste->lift[g] = fmax(-LIFT_MAX, fmin(LIFT_MAX, viewer->genre_lift[g]));
        taste->genre[g] = base_strdup(viewer->genre[g]);
        taste->n_genres = g + 1;
        is_whole = taste->genre[g] != NULL;
    }
    return is_whole ? REEL_OK : fail(err, REEL_ENOMEM, "%d genres", viewer->n_genres);
}

enum reel_status reel_branch_taste_create(const struct reel_branch_viewer *viewer,
                                          const char *language,
                                          struct reel_branch_taste **out,
                                          struct reel_error *err)
{
    *out = NULL;
    if (strcmp(language, "en") != 0 && strcmp(language, "zh") != 0) {
        return fail(err, REEL_EINVAL, "language is en or zh, not %.20s", language);
    }
    struct documents docs = {0};
    struct reel_branch_taste *taste = base_alloc_zeroed(1, sizeof *taste);
    docs.start = base_alloc_zeroed((size_t)viewer->n_documents + 1, sizeof *docs.start);
    enum reel_status rc =
        taste && docs.start
            ? REEL_OK
            : fail(err, REEL_ENOMEM, "taste of %d documents", viewer->n_documents);
    if (rc == REEL_OK) {
        memcpy(taste->language, language, 3);
        base_buffer_init(&taste->scratch, TEXT_BYTES_MAX);
        rc = base_text_create(&taste->text, err);
    }
    rc = rc ? rc : base_hash_create(&taste->word, err);
    rc = rc ? rc : copy_genres(taste, viewer, err);
    rc = rc ? rc : read_documents(taste, viewer, &docs, err);
    if (rc == REEL_OK) {
        make_profile(taste, viewer, &docs);
        measure_spread(taste, viewer, &docs);
        *out = taste;
        taste = NULL;
    }
    base_free(docs.entry);
    base_free(docs.start);
    reel_branch_taste_free(taste);
    return rc;
}

void reel_branch_taste_free(struct reel_branch_taste *taste)
{
    if (!taste) {
        return;
    }
    for (int32_t g = 0; g < taste->n_genres; g++) {
        base_free(taste->genre[g]);
    }
    base_free(taste->genre);
    base_free(taste->lift);
    base_free(taste->idf);
    base_free(taste->profile);
    base_hash_free(taste->word);
    base_text_free(taste->text);
    base_buffer_release(&taste->scratch);
    if (taste->free_better) {
        taste->free_better(taste->better.payload);
    }
    base_free(taste);
}

// ---- scoring ----

/** Mean lift over "Crime, Thriller"; 0 where none is known. */
static double genres_lift(const struct reel_branch_taste *taste, const char *genres)
{
    double sum = 0, n = 0;
    for (const char *at = genres; at && *at;) {
        const size_t n_bytes = strcspn(at, ",");
        for (int32_t g = 0; g < taste->n_genres; g++) {
            if (strlen(taste->genre[g]) == n_bytes &&
                strncasecmp(taste->genre[g], at, n_bytes) == 0) {
                sum += taste->lift[g];
                n += 1;
            }
        }
        at += n_bytes;
        at += strspn(at, ", ");
    }
    return n > 0 ? sum / n : 0;
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

static void add_part(struct reel_branch_score *score, const char *name, double value)
{
    snprintf(score->part[score->n_parts].name, sizeof score->part[0].name, "%s", name);
    score->part[score->n_parts++].value = value;
    score->p_like += value;
}

enum reel_status reel_branch_taste_score(struct reel_branch_taste *taste,
                                         const struct reel_branch *branch, int32_t n,
                                         struct reel_branch_score *out,
                                         struct reel_error *err)
{
    if (taste->better.score) {
        return taste->better.score(branch, n, out, taste->better.payload, err);
    }
    const bool is_zh = strcmp(taste->language, "zh") == 0;
    struct documents docs = {0};
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        docs.n_entries = 0;
        rc = count_words(taste, branch[i].text, false, &docs, err);
        if (rc) {
            break;
        }
        double z = 0;
        if (taste->sd > 0) {
            weigh(taste, docs.entry, docs.n_entries);
            z = (dot_profile(taste, docs.entry, docs.n_entries) - taste->mean) /
                taste->sd;
        }
        const double words = WEIGHT_WORDS * fmax(-Z_MAX, fmin(Z_MAX, z));
        const double genres = WEIGHT_GENRES * genres_lift(taste, branch[i].event_genres);
        out[i] = (struct reel_branch_score){0};
        add_part(&out[i], is_zh ? "起点" : "start", logistic(0));
        add_part(&out[i], is_zh ? "用词像喜欢的影片" : "words of films you liked",
                 logistic(words) - logistic(0));
        add_part(&out[i], is_zh ? "常看的类型" : "genres you return to",
                 logistic(words + genres) - logistic(words));
    }
    base_free(docs.entry);
    return rc;
}

static enum reel_status score_payload(const struct reel_branch *branch, int32_t n,
                                      struct reel_branch_score *out, void *payload,
                                      struct reel_error *err)
{
    return reel_branch_taste_score(payload, branch, n, out, err);
}

struct reel_branch_scorer reel_branch_taste_scorer(struct reel_branch_taste *taste)
{
    return (struct reel_branch_scorer){.score = score_payload, .payload = taste};
}

void reel_branch_taste_hand_over(struct reel_branch_taste *taste,
                                 const struct reel_branch_scorer *scorer,
                                 void (*free_payload)(void *payload))
{
    taste->better = *scorer;
    taste->free_better = free_payload;
}
