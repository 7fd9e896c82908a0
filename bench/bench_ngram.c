/**
 * Questions to an n-gram model, as KenLM's `query` is asked: a line at a time, words cut at blanks.
 *
 *     bench_ngram MODEL TEST      one JSON object: seconds (fastest of three), perplexity
 */
#include "base_file.h"
#include "lm_ngram.h"
#include "lm_ngram_cut.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double score(const struct lm_ngram *model, const char *at, const char *end,
                    long *n_words)
{
    const char *word;
    size_t n;
    uint32_t context = lm_ngram_begin(model);
    double sum = 0;
    while (lm_ngram_next_word(&at, end, &word, &n)) {
        sum += lm_ngram_step(model, &context, lm_words_find(&model->words, word, n));
        ++*n_words;
    }
    ++*n_words;
    return sum + lm_ngram_step(model, &context, LM_END);
}

int main(int argc, char **argv)
{
    struct lm_ngram model;
    struct base_file_map text;
    struct reel_error err;
    if (argc != 3 || lm_ngram_map(&model, argv[1], &err) ||
        base_file_map_open(&text, argv[2], &err)) {
        (void)fprintf(stderr, "%s\n", argc != 3 ? "bench_ngram MODEL TEST" : err.text);
        return EXIT_FAILURE;
    }
    double best_s = INFINITY, sum = 0;
    long n_words = 0;
    for (int round = 0; round < 3; round++) {
        const char *at = (const char *)text.data, *end = at + text.n_bytes;
        const clock_t begin =
            clock(); // of the processor: a busy machine disturbs it less
        sum = 0;
        n_words = 0;
        while (at < end) {
            const char *newline = memchr(at, '\n', (size_t)(end - at));
            sum += score(&model, at, newline ? newline : end, &n_words);
            at = newline ? newline + 1 : end;
        }
        best_s = fmin(best_s, (double)(clock() - begin) / CLOCKS_PER_SEC);
    }
    printf("{\"seconds\": %.6f, \"tokens\": %ld, \"perplexity\": %.6f}\n", best_s,
           n_words, pow(10, -sum / (double)n_words));
    base_file_map_close(&text);
    lm_ngram_unmap(&model);
    return EXIT_SUCCESS;
}
