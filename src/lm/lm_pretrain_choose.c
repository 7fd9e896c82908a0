/**
 * Sizes and rates of a transformer by the size of its text. A machine with two cores learns
 * some thousand tokens a second, so a net is small enough to be gone through several times:
 * about as many parameters as tokens up to a million, fewer beyond.
 */
#include "base_alloc.h"
#include "base_error.h"
#include "lm_pretrain_core.h"

#include <math.h>
#include <string.h>

static const struct size {
    int64_t n_tokens; /* up to so many */
    int32_t n_layers, n_width, n_heads, n_groups;
} sizes[] = {
    {300000, 4, 128, 4, 2},      {3000000, 6, 192, 6, 2},     {30000000, 8, 256, 8, 4},
    {300000000, 12, 384, 12, 4}, {INT64_MAX, 12, 512, 16, 4},
};

static int32_t chosen(int32_t asked, int32_t otherwise)
{
    return asked > 0 ? asked : otherwise;
}

static int32_t between(double x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : (int32_t)x;
}

static void choose_shape(const struct reel_lm_pretrain_options *opt, int64_t n_tokens,
                         struct lm_pretrain_settings *s)
{
    const struct size *size = sizes;
    while (n_tokens > size->n_tokens) {
        size++;
    }
    s->n_layers = chosen(opt->n_layers, size->n_layers);
    s->n_width = chosen(opt->n_width, size->n_width);
    // Heads of 32 where another width was asked for.
    s->n_heads =
        chosen(opt->n_heads,
               opt->n_width > 0 ? between(opt->n_width / 32.0, 1, 64) : size->n_heads);
    const int32_t n_half = s->n_heads % 2 == 0 ? s->n_heads / 2 : s->n_heads;
    s->n_groups =
        chosen(opt->n_groups, s->n_heads == size->n_heads ? size->n_groups : n_half);
    // SwiGLU has three matrices: 8/3 of the width is as large as two of 4, in blocks of 32.
    s->n_hidden = chosen(opt->n_hidden, (s->n_width * 8 / 3 + 31) / 32 * 32);
}

static void choose_steps(const struct reel_lm_pretrain_options *opt,
                         struct lm_pretrain_settings *s)
{
    s->n_batch = chosen(opt->n_batch, between(sqrt(s->n_items) / 4, 4, 32));
    s->n_batch = s->n_batch > s->n_items ? s->n_items : s->n_batch;
    const int32_t n_share = (s->n_batch + s->n_threads - 1) / s->n_threads;
    s->n_part = chosen(opt->n_part, between(2048.0 / s->n_context, 1, n_share));
    s->n_part = s->n_part > s->n_batch ? s->n_batch : s->n_part;
    const double n_epoch = ceil((double)s->n_items / s->n_batch); // steps of an epoch
    s->n_epochs = chosen(opt->n_epochs, between(2000 / n_epoch, 1, 40));
    const double n_steps = fmin(n_epoch * s->n_epochs, INT32_MAX / 2);
    s->n_steps =
        opt->n_steps > 0 && opt->n_steps < n_steps ? opt->n_steps : (int32_t)n_steps;
    s->n_warmup = between(ceil(opt->warmup * s->n_steps), 0, s->n_steps - 1);
    s->judge_steps = chosen(opt->judge_steps, between(s->n_steps / 20.0, 1, 2000));
    s->patience = opt->patience;
    s->rate = opt->rate > 0 ? opt->rate : 0.384 / s->n_width;
    s->dropout = opt->dropout >= 0 ? opt->dropout : s->n_epochs > 4 ? 0.1 : 0;
}

enum reel_status lm_pretrain_choose(const struct reel_lm_pretrain_options *opt,
                                    const char *out, const struct lm_corpus *corpus,
                                    struct lm_pretrain_settings *settings,
                                    struct reel_error *err)
{
    enum { N_VALID_MAX = 256, N_ITEMS_MAX = INT32_MAX / 2 };
    struct lm_pretrain_settings *s = settings;
    const int64_t n_rows = lm_corpus_n_rows(corpus, LM_CORPUS_TRAIN);
    const int64_t n_valid = lm_corpus_n_rows(corpus, LM_CORPUS_VALID);
    memset(s, 0, sizeof *s); // its bytes go to the disk
    if (strlen(out) >= sizeof s->out ||
        (opt->prompt && strlen(opt->prompt) >= sizeof s->prompt)) {
        return fail(err, REEL_EINVAL, "a path or a prompt is too long");
    }
    (void)snprintf(s->out, sizeof s->out, "%s", out);
    (void)snprintf(s->prompt, sizeof s->prompt, "%s", opt->prompt ? opt->prompt : "");
    s->n_vocabulary = lm_corpus_n_vocabulary(corpus);
    s->n_context = lm_corpus_n_context(corpus);
    s->n_items = n_rows < N_ITEMS_MAX ? (int32_t)n_rows : N_ITEMS_MAX;
    s->n_valid = n_valid < N_VALID_MAX ? (int32_t)n_valid : N_VALID_MAX;
    s->n_threads = opt->n_threads;
    s->decay = opt->decay;
    s->clip = opt->clip;
    s->seed = opt->seed;
    s->corpus = lm_corpus_sum(corpus);
    choose_shape(opt, lm_corpus_n_tokens(corpus, LM_CORPUS_TRAIN), s);
    choose_steps(opt, s);
    return lm_pretrain_check(s, corpus, "options", err);
}

static bool is_in(int32_t x, int32_t low, int32_t high)
{
    return x >= low && x <= high;
}

static bool is_number(double x, double low, double high)
{
    return x >= low && x <= high; // and no NAN
}

enum reel_status lm_pretrain_check(const struct lm_pretrain_settings *settings,
                                   const struct lm_corpus *corpus, const char *where,
                                   struct reel_error *err)
{
    const struct lm_pretrain_settings *s = settings;
    const int64_t n_rows = lm_corpus_n_rows(corpus, LM_CORPUS_TRAIN);
    const int64_t n_valid = lm_corpus_n_rows(corpus, LM_CORPUS_VALID);
    if (!is_in(s->n_layers, 1, 1024) || !is_in(s->n_width, 1, 1 << 20) ||
        !is_in(s->n_heads, 1, s->n_width) || s->n_width % s->n_heads != 0 ||
        s->n_width / s->n_heads % 2 != 0 || !is_in(s->n_groups, 1, s->n_heads) ||
        s->n_heads % s->n_groups != 0 || !is_in(s->n_hidden, 1, 1 << 20)) {
        return fail(err, REEL_EINVAL,
                    "%s: width %d has no %d heads of an even width in %d groups, or %d "
                    "layers of %d hidden are too many",
                    where, s->n_width, s->n_heads, s->n_groups, s->n_layers, s->n_hidden);
    }
    if (!is_in(s->n_items, 1, INT32_MAX / 2) || s->n_items > n_rows ||
        !is_in(s->n_valid, 1, 1 << 20) || s->n_valid > n_valid ||
        !is_in(s->n_batch, 1, s->n_items) || !is_in(s->n_part, 1, s->n_batch) ||
        (int64_t)s->n_part * s->n_context > INT32_MAX / 4 ||
        !is_in(s->n_epochs, 1, 1 << 24) || !is_in(s->n_steps, 1, INT32_MAX / 2) ||
        !is_in(s->n_warmup, 0, s->n_steps) || !is_in(s->judge_steps, 1, INT32_MAX / 2) ||
        !is_in(s->patience, 0, INT32_MAX / 2) || !is_in(s->n_threads, 1, 1024)) {
        return fail(err, REEL_EINVAL,
                    "%s: %d rows a step of %d, %d at once, %d epochs, %d steps, judged "
                    "every %d, patience %d, %d threads",
                    where, s->n_batch, s->n_items, s->n_part, s->n_epochs, s->n_steps,
                    s->judge_steps, s->patience, s->n_threads);
    }
    if (!is_number(s->rate, 0, 100) || !is_number(s->decay, 0, 100) ||
        !is_number(s->clip, 0, 1e30) || !is_number(s->dropout, 0, 0.99)) {
        return fail(err, REEL_EINVAL, "%s: rate %g, decay %g, clip %g, dropout %g", where,
                    s->rate, s->decay, s->clip, s->dropout);
    }
    return REEL_OK;
}

struct lm_decoder_shape lm_pretrain_shape(const struct lm_pretrain_settings *settings)
{
    const int32_t n_head_width = settings->n_width / settings->n_heads;
    return (struct lm_decoder_shape){.architecture = "llama",
                                     .n_vocabulary = settings->n_vocabulary,
                                     .n_context = settings->n_context,
                                     .n_width = settings->n_width,
                                     .n_layers = settings->n_layers,
                                     .n_heads = settings->n_heads,
                                     .n_groups = settings->n_groups,
                                     .n_head_width = n_head_width,
                                     .n_hidden = settings->n_hidden,
                                     .n_rotated = n_head_width,
                                     .norm_epsilon = 1e-5,
                                     .rope_base = 10000,
                                     .rope_scale = 1,
                                     .embedding_scale = 1,
                                     .rope = LM_ROPE_NORMAL,
                                     .gate = LM_GATE_SILU,
                                     .is_tied = true};
}
