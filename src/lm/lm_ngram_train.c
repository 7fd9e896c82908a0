/**
 * An n-gram model from text: words, sorted grams, adjusted counts, estimates, file.
 */
#include "lm_lines.h"
#include "lm_ngram_count.h"
#include "lm_ngram_cut.h"
#include "lm_ngram_levels.h"

#include "base_alloc.h"
#include "base_error.h"

#include <string.h>

struct reel_lm_ngram_options reel_lm_ngram_options_default(void)
{
    return (struct reel_lm_ngram_options){
        .order = 5, .cut = REEL_LM_CUT_WORDS, .max_bytes = (int64_t)1 << 30};
}

// ---- words of lines ----

struct reading {
    struct lm_lines *lines;
    struct lm_ngram_cutter cutter;
    struct lm_words words;
    uint32_t *number; /* of the words of one line */
    size_t room;
};

static bool need_numbers(struct reading *r, size_t n)
{
    if (n > r->room) {
        const size_t room = 2 * n;
        uint32_t *number = base_realloc_array(r->number, room, sizeof *number);
        if (!number) {
            return false;
        }
        r->number = number;
        r->room = room;
    }
    return true;
}

/** Numbers of the words of a line. */
static enum reel_status number_words(struct reading *r, const char *line, size_t n_bytes,
                                     size_t *n_words, struct reel_error *err)
{
    const char *at, *word;
    size_t n_word;
    enum reel_status rc = lm_ngram_cut(&r->cutter, line, n_bytes, &at, &n_bytes, err);
    const char *end = at + n_bytes;
    *n_words = 0;
    if (rc == REEL_OK && !need_numbers(r, n_bytes / 2 + 1)) {
        rc = fail(err, REEL_ENOMEM, "a line of %zu bytes", n_bytes);
    }
    while (rc == REEL_OK && lm_ngram_next_word(&at, end, &word, &n_word)) {
        uint32_t *number = &r->number[*n_words];
        rc = lm_words_add(&r->words, word, n_word, number, err);
        if (rc == REEL_OK && *number <= LM_END) {
            rc = lm_lines_fail(r->lines, err, "the word %.*s is not for texts",
                               (int)n_word, word);
        }
        ++*n_words;
    }
    return rc;
}

static enum reel_status read_all(struct reading *r, struct lm_count *count,
                                 const struct reel_lm_ngram_options *opt,
                                 struct reel_lm_ngram_made *made, struct reel_error *err)
{
    const char *line;
    size_t n_bytes, n_words;
    enum reel_status rc;
    while ((rc = lm_lines_next(r->lines, &line, &n_bytes, err)) == REEL_OK && line) {
        rc = number_words(r, line, n_bytes, &n_words, err);
        // In prose an empty line parts paragraphs; between blanks it is a line like others.
        if (rc == REEL_OK && (n_words > 0 || opt->cut == REEL_LM_CUT_BLANKS)) {
            rc = lm_count_line(count, r->number, n_words, err);
            made->n_lines++;
            made->n_tokens += (int64_t)n_words;
        }
        if (rc == REEL_OK && made->n_lines % 256 == 0 &&
            !base_progress_report(&opt->progress, "reading", lm_lines_done(r->lines),
                                  lm_lines_total(r->lines))) {
            rc = fail(err, REEL_ECANCELLED, "stopped after %lld lines",
                      (long long)made->n_lines);
        }
        if (rc) {
            return rc;
        }
    }
    if (rc == REEL_OK && made->n_tokens == 0) {
        rc = fail(err, REEL_EFORMAT, "there is no text to learn from");
    }
    return rc;
}

// ---- adjusted counts ----

static uint32_t saturated(uint64_t count)
{
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

/**
 * One gram of the sorted stream: what it does not share with the gram before is new. `n_words` is
 * how many words up to the first <s>, `n_same` how many are as before.
 */
static enum reel_status add_gram(struct lm_levels *levels, const uint32_t *gram,
                                 int32_t n_same, int32_t n_words, uint64_t n,
                                 struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = n_same; rc == REEL_OK && i < n_words; i++) {
        const bool is_counted = i == levels->order - 1 || gram[i] == LM_BEGIN;
        if (i == 0) {
            levels->level[0].count[gram[0]] = is_counted ? saturated(n) : 0;
            continue;
        }
        const struct lm_level *below = &levels->level[i - 1];
        below->count[i == 1 ? gram[0] : below->n - 1]++; // one more word before it
        rc = lm_levels_append(levels, i, gram[i], is_counted ? saturated(n) : 0, err);
    }
    return rc;
}

/** Where the children of words begin: words were met in order, some not at all. */
static void open_words(struct lm_levels *levels, uint32_t *w, uint32_t up_to)
{
    const uint32_t n = levels->order > 1 ? levels->level[1].n : 0;
    while (levels->level[0].child && *w < up_to) {
        levels->level[0].child[++*w] = n;
    }
}

static enum reel_status adjust(struct lm_levels *levels, struct lm_count *count,
                               uint64_t n_all, struct reel_error *err)
{
    const int32_t order = levels->order;
    uint32_t before[REEL_LM_NGRAM_ORDER_MAX] = {LM_NO_WORD}, w = 0;
    const uint32_t *gram = NULL;
    uint64_t n = 0, n_done = 0, n_grams = 0;
    enum reel_status rc = lm_levels_words(levels, err);
    while (rc == REEL_OK && (rc = lm_count_next(count, &gram, &n, err)) == REEL_OK &&
           gram) {
        int32_t n_same = 0, n_words = 1;
        while (n_same < order && gram[n_same] == before[n_same]) {
            n_same++;
        }
        while (n_words < order && gram[n_words - 1] != LM_BEGIN) {
            n_words++;
        }
        open_words(levels, &w, gram[0]);
        rc = add_gram(levels, gram, n_same, n_words, n, err);
        memcpy(before, gram, (size_t)order * sizeof *before);
        n_done += n;
        if (rc == REEL_OK && ++n_grams % 65536 == 0 &&
            !base_progress_report(&levels->progress, "counting", (double)n_done,
                                  (double)n_all)) {
            rc = fail(err, REEL_ECANCELLED, "stopped while counting");
        }
    }
    open_words(levels, &w, levels->words->n_words);
    return rc ? rc : lm_levels_close(levels, err);
}

// ---- the whole ----

static enum reel_status check_options(const struct reel_lm_ngram_options *opt,
                                      struct reel_error *err)
{
    if (opt->order < 1 || opt->order > REEL_LM_NGRAM_ORDER_MAX) {
        return fail(err, REEL_EINVAL, "the order is 1 to %d, not %d",
                    REEL_LM_NGRAM_ORDER_MAX, opt->order);
    }
    if (opt->max_bytes < 1 ||
        (opt->cut != REEL_LM_CUT_WORDS && opt->cut != REEL_LM_CUT_BLANKS)) {
        return fail(err, REEL_EINVAL, "max_bytes %lld, cut %d", (long long)opt->max_bytes,
                    (int)opt->cut);
    }
    return REEL_OK;
}

static enum reel_status make(struct reading *r, const char *out,
                             const struct reel_lm_ngram_options *opt,
                             struct lm_scratch *scratch, struct reel_lm_ngram_made *made,
                             struct reel_error *err)
{
    struct lm_count count;
    struct lm_levels levels;
    lm_count_init(&count, opt->order, scratch, opt->max_bytes / 2);
    enum reel_status rc = read_all(r, &count, opt, made, err);
    rc = rc ? rc : lm_count_finish(&count, err);
    made->n_words = (int32_t)r->words.view.n_words;
    made->n_runs = count.n_runs;
    lm_levels_init(&levels, opt->order, opt->cut, &r->words.view, scratch,
                   &opt->progress);
    rc = rc ? rc
            : adjust(&levels, &count, (uint64_t)(made->n_tokens + made->n_lines), err);
    lm_count_release(&count);
    rc = rc ? rc : lm_levels_link(&levels, err);
    rc = rc ? rc : lm_levels_estimate(&levels, made, err);
    rc = rc ? rc : lm_levels_write(&levels, out, &made->file_bytes, err);
    lm_levels_release(&levels);
    return rc;
}

enum reel_status reel_lm_ngram_train(const struct reel_lm_texts *texts, const char *out,
                                     const struct reel_lm_ngram_options *opt,
                                     struct reel_lm_ngram_made *made,
                                     struct reel_error *err)
{
    struct reading r = {0};
    *made = (struct reel_lm_ngram_made){0};
    struct lm_scratch scratch = {.max_bytes = opt->max_bytes};
    char *folder = NULL;
    enum reel_status rc = check_options(opt, err);
    if (rc == REEL_OK) {
        rc = lm_scratch_folder(opt->scratch, out, &folder, err);
        scratch.folder = folder;
    }
    rc = rc ? rc : lm_lines_open(texts, &r.lines, err);
    rc = rc ? rc : lm_ngram_cutter_init(&r.cutter, opt->cut, err);
    rc = rc ? rc : lm_words_init(&r.words, err);
    rc = rc ? rc : make(&r, out, opt, &scratch, made, err);
    lm_words_release(&r.words);
    lm_ngram_cutter_release(&r.cutter);
    lm_lines_close(r.lines);
    base_free(r.number);
    base_free(folder);
    if (rc) {
        *made = (struct reel_lm_ngram_made){0};
    }
    return rc;
}
