/** ARPA files of n-gram models, read and written; see lm_ngram_arpa.h. */
#include "lm_ngram_arpa.h"
#include "lm_lines.h"
#include "lm_ngram_cut.h"

#include "base_alloc.h"
#include "base_error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOGP_MISSING (-100.F) /* as KenLM */

bool lm_is_arpa(const char *path)
{
    char begin[6] = "";
    FILE *in = fopen(path, "rbe");
    const bool is_arpa = in && fread(begin, 1, sizeof begin, in) == sizeof begin &&
                         memcmp(begin, "\\data\\", sizeof begin) == 0;
    if (in) {
        (void)fclose(in);
    }
    return is_arpa;
}

// ---- reading ----

/** Grams of one length as they are read, words last first as in suffix order. */
struct grams {
    int32_t n_words;
    int64_t n_told; /* what the head of the file says; -1 nothing */
    uint32_t n, room;
    uint32_t *word;        /* (n, n_words) */
    float *logp, *backoff; /* (n); logp NAN: to be found by backing off */
    uint32_t *sorted;      /* (n) in suffix order */
};

struct arpa {
    struct lm_lines *lines;
    struct lm_words *words;
    const char *at, *end; /* the line */
    int32_t order;
    struct grams grams[REEL_LM_NGRAM_ORDER_MAX];
    const struct reel_progress *progress;
    int64_t n_lines;
};

static void release_arpa(struct arpa *a)
{
    for (int32_t i = 0; i < REEL_LM_NGRAM_ORDER_MAX; i++) {
        base_free(a->grams[i].word);
        base_free(a->grams[i].logp);
        base_free(a->grams[i].backoff);
        base_free(a->grams[i].sorted);
    }
    lm_lines_close(a->lines);
}

/** The next line that is not blank; at the end of the file `at` is NULL. */
static enum reel_status next_line(struct arpa *a, struct reel_error *err)
{
    size_t n;
    do {
        const enum reel_status rc = lm_lines_next(a->lines, &a->at, &n, err);
        if (rc || !a->at) {
            return rc;
        }
        a->end = a->at + n;
        if (++a->n_lines % 4096 == 0 &&
            !base_progress_report(a->progress, "reading", lm_lines_done(a->lines),
                                  lm_lines_total(a->lines))) {
            return fail(err, REEL_ECANCELLED, "stopped after %lld lines",
                        (long long)a->n_lines);
        }
        while (a->end > a->at && (a->end[-1] == ' ' || a->end[-1] == '\t')) {
            a->end--;
        }
    } while (a->end == a->at);
    return REEL_OK;
}

static bool line_is(const struct arpa *a, const char *text)
{
    return a->at && (size_t)(a->end - a->at) == strlen(text) &&
           memcmp(a->at, text, strlen(text)) == 0;
}

/** The next field as a number; false when there is none or it is no finite number. */
static bool take_number(struct arpa *a, double *value)
{
    const char *word;
    size_t n;
    char copy[64], *stop;
    if (!lm_ngram_next_word(&a->at, a->end, &word, &n) || n >= sizeof copy) {
        return false;
    }
    memcpy(copy, word, n);
    copy[n] = '\0';
    *value = strtod(copy, &stop);
    return *stop == '\0' && isfinite(*value) && fabs(*value) < 1e30;
}

/** "ngram 2=1234" */
static enum reel_status take_count(struct arpa *a, struct reel_error *err)
{
    char copy[64], *stop;
    const size_t n = (size_t)(a->end - a->at);
    if (n < 8 || n >= sizeof copy || memcmp(a->at, "ngram ", 6) != 0) {
        return lm_lines_fail(a->lines, err, "'ngram N=COUNT' is expected");
    }
    memcpy(copy, a->at, n);
    copy[n] = '\0';
    const long order = strtol(copy + 6, &stop, 10);
    const long long count = *stop == '=' ? strtoll(stop + 1, &stop, 10) : -1;
    if (order != a->order + 1 || order > REEL_LM_NGRAM_ORDER_MAX) {
        return lm_lines_fail(a->lines, err,
                             "n-grams of %d words are expected, at most %d", a->order + 1,
                             REEL_LM_NGRAM_ORDER_MAX);
    }
    if (*stop || count < 0 || count >= UINT32_MAX) {
        return lm_lines_fail(a->lines, err, "a number of n-grams is expected");
    }
    a->grams[a->order].n_words = (int32_t)order;
    a->grams[a->order++].n_told = count;
    return REEL_OK;
}

static enum reel_status need_gram(struct grams *g, struct reel_error *err)
{
    if (g->n < g->room) {
        return REEL_OK;
    }
    const size_t room = (size_t)g->room + g->room / 2 + 1024;
    if (room >= UINT32_MAX) {
        return fail(err, REEL_EINVAL, "more than %u n-grams", g->n);
    }
    uint32_t *word = base_realloc_array(g->word, room, (size_t)g->n_words * sizeof *word);
    g->word = word ? word : g->word;
    float *logp = base_realloc_array(g->logp, room, sizeof *logp);
    g->logp = logp ? logp : g->logp;
    float *backoff = base_realloc_array(g->backoff, room, sizeof *backoff);
    g->backoff = backoff ? backoff : g->backoff;
    if (!word || !logp || !backoff) {
        return fail(err, REEL_ENOMEM, "%zu n-grams", room);
    }
    g->room = (uint32_t)room;
    return REEL_OK;
}

static enum reel_status take_word(struct arpa *a, bool is_unigram, uint32_t *number,
                                  struct reel_error *err)
{
    const char *word;
    size_t n;
    if (!lm_ngram_next_word(&a->at, a->end, &word, &n)) {
        return lm_lines_fail(a->lines, err, "too few words");
    }
    const bool is_unknown = n == 5 && memcmp(word, "<UNK>", 5) == 0;
    if (is_unigram && !is_unknown) {
        return lm_words_add(a->words, word, n, number, err);
    }
    *number = is_unknown ? LM_UNKNOWN : lm_words_find(&a->words->view, word, n);
    return *number != LM_UNKNOWN || is_unknown || (n == 5 && !memcmp(word, "<unk>", 5))
               ? REEL_OK
               : lm_lines_fail(a->lines, err, "no unigram '%.*s'", (int)(n < 80 ? n : 80),
                               word);
}

/** "-1.5 the film -0.3" */
static enum reel_status take_gram(struct arpa *a, struct grams *g, struct reel_error *err)
{
    double logp = 0, backoff = 0;
    enum reel_status rc = need_gram(g, err);
    if (rc == REEL_OK && (!take_number(a, &logp) || !(logp <= 0))) {
        rc = lm_lines_fail(a->lines, err, "a log10 of a probability is expected");
    }
    uint32_t *word = rc ? NULL : g->word + (size_t)g->n * (size_t)g->n_words;
    for (int32_t k = g->n_words; rc == REEL_OK && k-- > 0;) {
        rc = take_word(a, g->n_words == 1, &word[k], err);
    }
    if (rc == REEL_OK && a->at < a->end && !take_number(a, &backoff)) {
        rc = lm_lines_fail(a->lines, err, "a log10 of a backoff is expected");
    }
    if (rc == REEL_OK && a->at < a->end) {
        rc = lm_lines_fail(a->lines, err, "too many words");
    }
    if (rc == REEL_OK) {
        g->logp[g->n] = (float)logp;
        g->backoff[g->n++] = (float)backoff;
    }
    return rc;
}

static enum reel_status read_section(struct arpa *a, struct grams *g,
                                     struct reel_error *err)
{
    char title[32];
    (void)snprintf(title, sizeof title, "\\%d-grams:", g->n_words);
    if (!line_is(a, title)) {
        return lm_lines_fail(a->lines, err, "'%s' is expected", title);
    }
    enum reel_status rc = next_line(a, err);
    while (rc == REEL_OK && a->at && *a->at != '\\') {
        rc = take_gram(a, g, err);
        rc = rc ? rc : next_line(a, err);
    }
    if (rc == REEL_OK && g->n != g->n_told) {
        rc = lm_lines_fail(a->lines, err, "%u n-grams of %d words, the head says %lld",
                           g->n, g->n_words, (long long)g->n_told);
    }
    return rc;
}

static enum reel_status read_file(struct arpa *a, struct reel_error *err)
{
    enum reel_status rc = next_line(a, err);
    if (rc == REEL_OK && !line_is(a, "\\data\\")) {
        rc = lm_lines_fail(a->lines, err, "not an ARPA file");
    }
    rc = rc ? rc : next_line(a, err);
    while (rc == REEL_OK && a->at && *a->at != '\\') {
        rc = take_count(a, err);
        rc = rc ? rc : next_line(a, err);
    }
    if (rc == REEL_OK && a->order == 0) {
        rc = lm_lines_fail(a->lines, err, "'ngram 1=COUNT' is expected");
    }
    for (int32_t i = 0; rc == REEL_OK && i < a->order; i++) {
        rc = read_section(a, &a->grams[i], err);
    }
    return rc || line_is(a, "\\end\\")
               ? rc
               : lm_lines_fail(a->lines, err, "'\\end\\' is expected");
}

// ---- order ----

static int compare_words(const uint32_t *a, const uint32_t *b, int32_t n)
{
    for (int32_t k = 0; k < n; k++) {
        if (a[k] != b[k]) {
            return a[k] < b[k] ? -1 : 1;
        }
    }
    return 0;
}

static const uint32_t *gram_of(const struct grams *g, uint32_t i)
{
    return g->word + (size_t)i * (size_t)g->n_words;
}

/** What the file says stands before what was added. */
static int compare_grams(const void *a, const void *b, void *payload)
{
    const struct grams *g = payload;
    const uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    const int order = compare_words(gram_of(g, i), gram_of(g, k), g->n_words);
    return order ? order : (i > k) - (i < k);
}

/** A gram that the file has twice is a mistake; one that was added twice goes once. */
static enum reel_status sort_grams(struct grams *g, uint32_t n_of_file,
                                   struct reel_error *err)
{
    base_free(g->sorted);
    g->sorted = base_alloc_array((size_t)g->n + 1, sizeof *g->sorted);
    if (!g->sorted) {
        return fail(err, REEL_ENOMEM, "%u n-grams", g->n);
    }
    for (uint32_t i = 0; i < g->n; i++) {
        g->sorted[i] = i;
    }
    qsort_r(g->sorted, g->n, sizeof *g->sorted, compare_grams, g);
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n; i++) {
        const bool is_double =
            n > 0 && compare_words(gram_of(g, g->sorted[n - 1]), gram_of(g, g->sorted[i]),
                                   g->n_words) == 0;
        if (is_double && g->sorted[i] < n_of_file) {
            return fail(err, REEL_EFORMAT, "an n-gram of %d words stands there twice",
                        g->n_words);
        }
        if (!is_double) {
            g->sorted[n++] = g->sorted[i];
        }
    }
    g->n = n;
    return REEL_OK;
}

static bool has_gram(const struct grams *g, uint32_t n_sorted, const uint32_t *word)
{
    uint32_t low = 0, high = n_sorted;
    while (low < high) {
        const uint32_t mid = low + (high - low) / 2;
        const int order = compare_words(gram_of(g, g->sorted[mid]), word, g->n_words);
        if (order == 0) {
            return true;
        }
        *(order < 0 ? &low : &high) = order < 0 ? mid + 1 : mid;
    }
    return false;
}

static enum reel_status need_also(struct grams *g, uint32_t n_sorted,
                                  const uint32_t *word, struct reel_error *err)
{
    if (has_gram(g, n_sorted, word)) {
        return REEL_OK;
    }
    const enum reel_status rc = need_gram(g, err);
    if (rc == REEL_OK) {
        memcpy(g->word + (size_t)g->n * (size_t)g->n_words, word,
               (size_t)g->n_words * sizeof *word);
        g->logp[g->n] = NAN;
        g->backoff[g->n++] = 0;
    }
    return rc;
}

/** All in suffix order, each with its last words and its context. */
static enum reel_status complete(struct arpa *a, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = a->order - 1; rc == REEL_OK && i > 0; i--) {
        struct grams *g = &a->grams[i], *above = i + 1 < a->order ? g + 1 : NULL;
        const uint32_t n_of_file = g->n;
        rc = sort_grams(g, n_of_file, err);
        const uint32_t n_sorted = g->n;
        for (uint32_t e = 0; rc == REEL_OK && above && e < above->n; e++) {
            // gram_of: a growing g may move, above does not.
            const uint32_t *word = gram_of(above, above->sorted[e]);
            rc = need_also(g, n_sorted, word, err);
            rc = rc ? rc : need_also(g, n_sorted, word + 1, err);
        }
        if (rc == REEL_OK && g->n > n_sorted) {
            rc = sort_grams(g, n_of_file, err);
        }
    }
    return rc;
}

// ---- levels ----

/** Unigrams by their numbers. */
static enum reel_status put_words(const struct arpa *a, struct lm_levels *levels,
                                  struct reel_error *err)
{
    const struct grams *g = &a->grams[0];
    struct lm_level *l = &levels->level[0];
    const enum reel_status rc = lm_levels_words(levels, err);
    for (uint32_t w = 0; rc == REEL_OK && w < l->n; w++) {
        l->value[w] = LOGP_MISSING;
    }
    for (uint32_t i = 0; rc == REEL_OK && i < g->n; i++) {
        const uint32_t w = g->word[i];
        if (l->value[w] > LOGP_MISSING) {
            return fail(err, REEL_EFORMAT, "a word stands there twice");
        }
        l->value[w] = g->logp[i];
    }
    return rc;
}

/** Gram e of level i and those that end like it; `done` says how far each level is. */
static enum reel_status put_grams(const struct arpa *a, struct lm_levels *levels,
                                  int32_t i, const uint32_t *word, uint32_t *done,
                                  struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    if (i + 1 == a->order) {
        return REEL_OK;
    }
    const struct grams *g = &a->grams[i + 1];
    while (rc == REEL_OK && done[i + 1] < g->n) {
        const uint32_t e = g->sorted[done[i + 1]];
        const uint32_t *longer = gram_of(g, e);
        if (compare_words(longer, word, i + 1) != 0) {
            break;
        }
        done[i + 1]++;
        rc = lm_levels_append(levels, i + 1, longer[i + 1], lm_ngram_bits(g->logp[e]),
                              err);
        rc = rc ? rc : put_grams(a, levels, i + 1, longer, done, err);
    }
    return rc;
}

/** What is only needed by others has the probability that backing off gives. */
static void fill_gaps(const struct arpa *a, struct lm_levels *levels)
{
    for (uint32_t i = 0; a->order > 1 && i < a->grams[0].n; i++) {
        levels->level[0].backoff[a->grams[0].word[i]] = a->grams[0].backoff[i];
    }
    for (int32_t i = 1; i < a->order; i++) {
        struct lm_level *l = &levels->level[i], *below = &levels->level[i - 1];
        for (uint32_t e = 0; i < a->order - 1 && e < l->n; e++) {
            l->backoff[e] = a->grams[i].backoff[a->grams[i].sorted[e]];
        }
        for (uint32_t p = 0; p < below->n; p++) {
            for (uint32_t e = below->child[p]; e < below->child[p + 1]; e++) {
                if (isnan(l->value[e])) {
                    l->value[e] = below->value[p] + below->backoff[l->context[e]];
                }
            }
        }
    }
}

static enum reel_status put_levels(const struct arpa *a, struct lm_levels *levels,
                                   struct reel_error *err)
{
    uint32_t done[REEL_LM_NGRAM_ORDER_MAX] = {0};
    enum reel_status rc = put_words(a, levels, err);
    for (uint32_t w = 0; rc == REEL_OK && a->order > 1 && w < levels->level[0].n; w++) {
        levels->level[0].child[w] = levels->level[1].n;
        rc = put_grams(a, levels, 0, &w, done, err);
    }
    rc = rc ? rc : lm_levels_close(levels, err);
    rc = rc ? rc : lm_levels_link(levels, err);
    if (rc == REEL_OK) {
        fill_gaps(a, levels);
    }
    return rc;
}

enum reel_status lm_arpa_read(const char *path, struct lm_words *words,
                              struct lm_scratch *scratch,
                              const struct reel_progress *progress,
                              struct lm_levels *levels, struct reel_error *err)
{
    const struct reel_lm_texts texts = {&path, 1};
    struct arpa a = {.words = words, .progress = progress};
    *levels = (struct lm_levels){0};
    enum reel_status rc = lm_lines_open(&texts, &a.lines, err);
    rc = rc ? rc : read_file(&a, err);
    struct reel_error why;
    if (rc == REEL_OK) {
        lm_levels_init(levels, a.order, REEL_LM_CUT_BLANKS, &words->view, scratch,
                       progress);
        rc = complete(&a, &why);
        rc = rc ? rc : put_levels(&a, levels, &why);
        rc = rc ? fail(err, rc, "%s: %s", path, why.text) : rc;
    }
    release_arpa(&a);
    return rc;
}

// ---- writing ----

/** The shortest digits that are read back as the same float. */
static void put_float(FILE *out, float value)
{
    char text[32];
    for (int n_digits = 6; n_digits <= 9; n_digits++) {
        (void)snprintf(text, sizeof text, "%.*g", n_digits, (double)value);
        if (strtof(text, NULL) == value) {
            break;
        }
    }
    (void)fputs(text, out);
}

static void put_word(const struct lm_ngram *model, uint32_t word, char before, FILE *out)
{
    size_t n;
    const char *text = lm_words_text(&model->words, word, &n);
    (void)fputc(before, out);
    (void)fwrite(text, 1, n, out);
}

/** The words of a context, first to last, at the end of `word`; how many. */
static int32_t words_of(const struct lm_ngram *model, uint32_t at,
                        uint32_t word[REEL_LM_NGRAM_ORDER_MAX])
{
    struct lm_context c;
    int32_t n = 0;
    while (n < REEL_LM_NGRAM_ORDER_MAX && lm_ngram_context(model, at, &c)) {
        word[REEL_LM_NGRAM_ORDER_MAX - ++n] = c.last;
        at = c.prefix;
    }
    return n;
}

static void put_line(const struct lm_ngram *model, float logp, const uint32_t *word,
                     int32_t n_words, uint32_t last, uint32_t prefix, uint32_t next,
                     FILE *out)
{
    struct lm_context own;
    put_float(out, logp);
    for (int32_t k = 0; k < n_words; k++) {
        put_word(model, word[k], k > 0 ? ' ' : '\t', out);
    }
    put_word(model, last, n_words > 0 ? ' ' : '\t', out);
    if (lm_ngram_context(model, next, &own) && own.prefix == prefix && own.last == last) {
        (void)fputc('\t', out);
        put_float(out, own.backoff);
    }
    (void)fputc('\n', out);
}

/** All grams that begin with one context. */
static void put_context(const struct lm_ngram *model, uint32_t at,
                        const struct lm_context *c, const uint32_t *word, int32_t n_words,
                        FILE *out)
{
    for (uint32_t s = 0; s < c->n_slots; s++) {
        const uint32_t *slot = c->slot + (size_t)s * LM_SLOT_WORDS;
        if (slot[LM_SLOT_WORD] != LM_NO_WORD) {
            put_line(model, lm_ngram_float(slot[LM_SLOT_LOGP]), word, n_words,
                     slot[LM_SLOT_WORD], at, slot[LM_SLOT_NEXT], out);
        }
    }
}

static enum reel_status write_lines(const struct lm_ngram *model,
                                    const struct reel_progress *progress, FILE *out,
                                    struct reel_error *err)
{
    const int32_t order = (int32_t)model->header.order;
    struct lm_context c;
    int32_t n_section = 1, n_contexts = 0;
    (void)fputs("\\data\\\n", out);
    for (int32_t i = 0; i < order; i++) {
        (void)fprintf(out, "ngram %d=%llu\n", i + 1,
                      (unsigned long long)model->header.n_ngrams[i]);
    }
    (void)fputs("\n\\1-grams:\n", out);
    for (uint32_t w = 0; w < model->words.n_words; w++) {
        put_line(model, model->unigram[w].logp, NULL, 0, w, 0, model->unigram[w].next,
                 out);
    }
    // Contexts stand in the block in the order of their lengths.
    for (uint32_t at = 1; lm_ngram_context(model, at, &c);
         at += LM_CONTEXT_HEAD + c.n_slots * LM_SLOT_WORDS) {
        uint32_t word[REEL_LM_NGRAM_ORDER_MAX];
        const int32_t n = words_of(model, at, word);
        while (n_section < n + 1 && n_section < order) {
            (void)fprintf(out, "\n\\%d-grams:\n", ++n_section);
        }
        put_context(model, at, &c, word + REEL_LM_NGRAM_ORDER_MAX - n, n, out);
        if (++n_contexts % 4096 == 0 &&
            !base_progress_report(progress, "writing", at, model->n_block)) {
            return fail(err, REEL_ECANCELLED, "stopped while writing");
        }
    }
    while (n_section < order) {
        (void)fprintf(out, "\n\\%d-grams:\n", ++n_section);
    }
    (void)fputs("\n\\end\\\n", out);
    return REEL_OK;
}

enum reel_status lm_arpa_write(const struct lm_ngram *model, const char *path,
                               const struct reel_progress *progress,
                               struct reel_error *err)
{
    struct base_file_writer writer;
    enum reel_status rc = base_file_writer_open(&writer, path, err);
    if (rc) {
        return rc;
    }
    rc = write_lines(model, progress, writer.out, err);
    if (rc) {
        base_file_writer_abort(&writer);
        return rc;
    }
    return base_file_writer_close(&writer, err);
}

// ---- both ways ----

static enum reel_status from_arpa(const char *from, const char *to,
                                  const struct reel_progress *progress,
                                  struct reel_error *err)
{
    struct lm_scratch scratch = {.max_bytes = reel_lm_ngram_options_default().max_bytes};
    struct lm_levels levels = {0};
    struct lm_words words = {0};
    char *folder;
    int64_t file_bytes;
    enum reel_status rc = lm_scratch_folder(NULL, to, &folder, err);
    scratch.folder = folder;
    rc = rc ? rc : lm_words_init(&words, err);
    rc = rc ? rc : lm_arpa_read(from, &words, &scratch, progress, &levels, err);
    rc = rc ? rc : lm_levels_write(&levels, to, &file_bytes, err);
    lm_levels_release(&levels);
    lm_words_release(&words);
    base_free(folder);
    return rc;
}

enum reel_status reel_lm_ngram_convert(const char *from, const char *to,
                                       const struct reel_progress *progress,
                                       struct reel_error *err)
{
    static const struct reel_progress none;
    struct lm_ngram model;
    progress = progress ? progress : &none;
    if (lm_is_arpa(from)) {
        return from_arpa(from, to, progress, err);
    }
    enum reel_status rc = lm_ngram_map(&model, from, err);
    rc = rc ? rc : lm_arpa_write(&model, to, progress, err);
    lm_ngram_unmap(&model);
    return rc;
}
