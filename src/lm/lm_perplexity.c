/** How well a model predicts a text, piece by piece; see lm_files.h. */
#include "base_alloc.h"
#include "base_error.h"
#include "lm_engine.h"

#include <forkreel/lm_files.h>

#include <math.h>
#include <string.h>

/* No token is shorter than a byte, so a piece that has no more bytes fits the context. */
enum {
    PIECE_BYTES_MAX = 1200,
    PIECE_BYTES_MIN = 16,
    N_EXTRA = 4 /* BOS, a first blank */
};

/** Where a piece that begins at `text` ends: after a sentence, else between characters. */
static size_t piece_end(const char *text, size_t n_left, size_t n_max)
{
    if (n_left <= n_max) {
        return n_left;
    }
    static const char *const ends[] = {"\n", ". ", "。", "！", "？", "! ", "? ", " "};
    for (size_t e = 0; e < sizeof ends / sizeof *ends; e++) {
        const size_t n_end = strlen(ends[e]);
        for (size_t at = n_max; at > n_max / 2; at--) {
            if (memcmp(text + at - n_end, ends[e], n_end) == 0) {
                return at;
            }
        }
    }
    size_t at = n_max;
    while (at > 1 && ((unsigned char)text[at] & 0xC0) == 0x80) {
        at--;
    }
    return at;
}

static size_t piece_max(const struct reel_lm *lm)
{
    const int32_t n = lm->facts.n_context > 0 ? lm->facts.n_context - N_EXTRA : 0;
    return n <= 0 || n > PIECE_BYTES_MAX ? PIECE_BYTES_MAX
           : n < PIECE_BYTES_MIN         ? PIECE_BYTES_MIN
                                         : (size_t)n;
}

/** An engine that reads lines gets them all at once, and the last one has an end, too. */
static int32_t cut(const struct reel_lm *lm, const char *text,
                   struct reel_lm_judged *judged, char *copy)
{
    const bool reads_lines = lm->facts.reads_lines;
    const size_t n_max = piece_max(lm);
    int32_t n = 0;
    for (size_t n_left = strlen(text); n_left > 0; n++) {
        const size_t n_bytes = reads_lines ? n_left : piece_end(text, n_left, n_max);
        if (judged) {
            memcpy(copy, text, n_bytes);
            copy[n_bytes] = '\0';
            if (reads_lines && text[n_bytes - 1] != '\n') {
                memcpy(copy + n_bytes, "\n", 2);
            }
            judged[n] = (struct reel_lm_judged){.context = "", .text = copy};
            copy += n_bytes + 1;
        }
        text += n_bytes;
        n_left -= n_bytes;
    }
    return n;
}

enum reel_status reel_lm_perplexity(struct reel_lm *lm, const char *text,
                                    const struct reel_progress *progress,
                                    double *perplexity, int32_t *n_tokens,
                                    struct reel_error *err)
{
    *perplexity = NAN;
    *n_tokens = 0;
    const int32_t n = cut(lm, text, NULL, NULL);
    if (n == 0) {
        return fail(err, REEL_EINVAL, "there is no text to judge");
    }
    struct reel_lm_judged *judged = base_alloc_array((size_t)n, sizeof *judged);
    char *copy = base_alloc(strlen(text) + (size_t)n + 1);
    enum reel_status rc =
        judged && copy ? REEL_OK : fail(err, REEL_ENOMEM, "%d pieces", n);
    if (rc == REEL_OK) {
        (void)cut(lm, text, judged, copy);
        rc = reel_lm_score(lm, judged, n, progress, err);
    }
    double sum = 0;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        sum += judged[i].n_tokens > 0 ? judged[i].logp : 0;
        *n_tokens += judged[i].n_tokens;
    }
    if (rc == REEL_OK && *n_tokens > 0) {
        *perplexity = exp(-sum / *n_tokens);
    }
    base_free(judged);
    base_free(copy);
    return rc;
}
