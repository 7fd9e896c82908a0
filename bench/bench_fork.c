/**
 * Times of the engine that writes branches, for bench/fork.py.
 *
 *   bench_fork MODEL request TEXT N_SIBLINGS N_TOKENS SEED
 *   bench_fork MODEL tree TEXT N_BRANCHES DEPTH N_TOKENS SEED
 *   bench_fork MODEL perplexity CONTEXT TEXT [CONTEXT TEXT...]
 *
 * TEXT and CONTEXT are files. Prints one JSON object; memory is the peak of the whole process.
 */
#include "base_alloc.h"
#include "base_clock.h"
#include "base_file.h"
#include "bench_memory.h"

#include <forkreel/lm.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct reel_error err;

static void check(enum reel_status rc)
{
    if (rc != REEL_OK) {
        (void)fprintf(stderr, "bench_fork: %s\n", err.text);
        exit(1);
    }
}

static double seconds_since(int64_t begin)
{
    return (double)(base_clock_ns() - begin) * 1e-9;
}

static char *read_text(const char *path)
{
    struct base_file_map map;
    check(base_file_map_open(&map, path, &err));
    char *text = base_alloc_zeroed(map.n_bytes + 1, 1);
    if (text) {
        memcpy(text, map.data, map.n_bytes);
    }
    base_file_map_close(&map);
    return text;
}

static struct reel_lm_request request_of(const struct reel_lm_prompt *prompt, int32_t n,
                                         int32_t n_tokens, uint64_t seed)
{
    struct reel_lm_request request = reel_lm_request_default();
    request.prompt = prompt;
    request.n_prompts = n;
    request.n_tokens_max = n_tokens;
    request.seed = seed;
    return request;
}

/** A few tokens, so that weights are in memory and packed; a server does the same. */
static void warm_up(struct reel_lm *lm)
{
    const struct reel_lm_prompt prompt = {.text = "Once", .n_samples = 2};
    const struct reel_lm_request request = request_of(&prompt, 1, 2, 0);
    struct reel_lm_reply reply;
    check(reel_lm_generate(lm, &request, &reply, &err));
    reel_lm_reply_release(&reply);
}

static void bench_request(struct reel_lm *lm, const char *text, int32_t n_siblings,
                          int32_t n_tokens, uint64_t seed)
{
    const struct reel_lm_prompt prompt = {.text = text, .n_samples = n_siblings};
    const struct reel_lm_request request = request_of(&prompt, 1, n_tokens, seed);
    struct reel_lm_reply whole, again;
    int64_t begin = base_clock_ns();
    check(reel_lm_generate(lm, &request, &whole, &err));
    const double whole_seconds = seconds_since(begin);
    begin = base_clock_ns(); // what was read is kept: this time it is only written
    check(reel_lm_generate(lm, &request, &again, &err));
    const double written_seconds = seconds_since(begin);
    printf("{\"seconds\": %.4f, \"n_wanted\": %d, \"n_read\": %d, \"n_written\": %d, "
           "\"write_seconds\": %.4f, \"n_written_again\": %d, \"peak_mib\": %.1f}\n",
           whole_seconds, n_siblings * n_tokens, whole.n_tokens_read,
           whole.n_tokens_written, written_seconds, again.n_tokens_written, peak_mib());
    reel_lm_reply_release(&whole);
    reel_lm_reply_release(&again);
}

static char *joined(const char *a, const char *b)
{
    const size_t n_a = strlen(a), n_b = strlen(b);
    char *both = base_alloc_array(n_a + n_b + 1, 1);
    if (!both) {
        exit(1);
    }
    memcpy(both, a, n_a);
    memcpy(both + n_a, b, n_b + 1);
    return both;
}

/** Level by level: every node is a continuation of the text of all its ancestors. */
static void bench_tree(struct reel_lm *lm, const char *text, int32_t n_branches,
                       int32_t depth, int32_t n_tokens, uint64_t seed)
{
    int32_t n_paths = 1, n_nodes = 0, n_written = 0, n_read = 0, n_shared = 0;
    char **path = base_alloc_array(1, sizeof *path);
    path[0] = joined(text, "");
    const int64_t begin = base_clock_ns();
    for (int32_t level = 0; level < depth; level++) {
        struct reel_lm_prompt *prompt =
            base_alloc_zeroed((size_t)n_paths, sizeof *prompt);
        for (int32_t p = 0; p < n_paths; p++) {
            prompt[p] = (struct reel_lm_prompt){
                .text = path[p], .n_samples = n_branches, .group = p};
        }
        const struct reel_lm_request request =
            request_of(prompt, n_paths, n_tokens, seed);
        struct reel_lm_reply reply;
        check(reel_lm_generate(lm, &request, &reply, &err));
        char **longer = base_alloc_array((size_t)reply.n_samples, sizeof *longer);
        for (int32_t s = 0; s < reply.n_samples; s++) {
            longer[s] = joined(path[reply.sample[s].i_prompt], reply.sample[s].text);
        }
        for (int32_t p = 0; p < n_paths; p++) {
            base_free(path[p]);
        }
        base_free(path);
        base_free(prompt);
        path = longer;
        n_paths = reply.n_samples;
        n_nodes += reply.n_samples;
        n_written += reply.n_tokens_written;
        n_read += reply.n_tokens_read;
        n_shared += reply.n_tokens_shared;
        reel_lm_reply_release(&reply);
    }
    printf("{\"seconds\": %.4f, \"n_nodes\": %d, \"n_wanted\": %d, \"n_written\": %d, "
           "\"n_read\": %d, \"n_shared\": %d, \"peak_mib\": %.1f}\n",
           seconds_since(begin), n_nodes, n_nodes * n_tokens * 98 / 100, n_written,
           n_read, n_shared, peak_mib());
    for (int32_t p = 0; p < n_paths; p++) {
        base_free(path[p]);
    }
    base_free(path);
}

/** Of texts, each after its context: pairs of files. */
static void bench_perplexity(struct reel_lm *lm, char **path, int32_t n_pairs)
{
    double logp = 0;
    int32_t n_tokens = 0;
    for (int32_t i = 0; i < n_pairs; i++) {
        char *context = read_text(path[2 * i]), *text = read_text(path[2 * i + 1]);
        struct reel_lm_judged judged = {.context = context, .text = text};
        check(reel_lm_score(lm, &judged, 1, NULL, &err));
        logp += judged.logp;
        n_tokens += judged.n_tokens;
        base_free(context);
        base_free(text);
    }
    printf("{\"perplexity\": %.5f, \"n_tokens\": %d}\n", exp(-logp / n_tokens), n_tokens);
}

static int32_t number(char **argv, int i)
{
    return (int32_t)strtol(argv[i], NULL, 10);
}

int main(int argc, char **argv)
{
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_lm *lm;
    if (argc < 4) {
        (void)fprintf(stderr, "bench_fork: see the head of its source\n");
        return 2;
    }
    check(reel_lm_open(argv[1], &opt, &lm, &err));
    char *text = read_text(argv[3]);
    warm_up(lm);
    if (strcmp(argv[2], "request") == 0 && argc == 7) {
        bench_request(lm, text, number(argv, 4), number(argv, 5),
                      (uint64_t)number(argv, 6));
    } else if (strcmp(argv[2], "tree") == 0 && argc == 8) {
        bench_tree(lm, text, number(argv, 4), number(argv, 5), number(argv, 6),
                   (uint64_t)number(argv, 7));
    } else if (strcmp(argv[2], "perplexity") == 0) {
        bench_perplexity(lm, argv + 3, (argc - 3) / 2);
    }
    base_free(text);
    reel_lm_close(lm);
    return 0;
}
