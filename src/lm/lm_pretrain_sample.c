/** What the net writes while it is learnt; see lm_pretrain_core.h. */
#include "base_alloc.h"
#include "base_buffer.h"
#include "base_text.h"
#include "lm_pretrain_core.h"

#include <math.h>
#include <string.h>

enum { N_WRITTEN = 48, N_BEST = 40 };

/** The best N_BEST logits, best first, into `best`; gives how many there are. */
static int32_t find_best(const float *logit, int32_t n, int32_t *best)
{
    int32_t n_best = 0;
    for (int32_t i = 0; i < n; i++) {
        if (n_best == N_BEST && logit[i] <= logit[best[N_BEST - 1]]) {
            continue;
        }
        n_best += n_best < N_BEST;
        int32_t at = n_best - 1;
        for (; at > 0 && logit[best[at - 1]] < logit[i]; at--) {
            best[at] = best[at - 1];
        }
        best[at] = i;
    }
    return n_best;
}

static int32_t draw(const float *logit, int32_t n, struct base_rng *rng)
{
    int32_t best[N_BEST] = {0};
    double p[N_BEST], sum = 0;
    const int32_t n_best = find_best(logit, n, best);
    for (int32_t i = 0; i < n_best; i++) {
        sum += p[i] = exp(((double)logit[best[i]] - (double)logit[best[0]]) / 0.8);
    }
    double left = base_rng_double(rng) * sum;
    for (int32_t i = 0; i < n_best; i++) {
        left -= p[i];
        if (left < 0) {
            return best[i];
        }
    }
    return best[0];
}

// Bytes of tokens as text: what is no character yet is left out.
static char *spell(const struct lm_bpe *bpe, const int32_t *token, size_t n)
{
    struct base_buffer text;
    size_t n_bytes, bad;
    base_buffer_init(&text, 1 << 20);
    bool is_whole = true;
    for (size_t i = 0; i < n; i++) {
        const char *bytes = lm_bpe_bytes(bpe, token[i], &n_bytes);
        is_whole &= base_buffer_add(&text, bytes, n_bytes);
    }
    char *out = is_whole ? base_alloc(text.n_bytes + 1) : NULL;
    size_t n_out = 0;
    for (size_t at = 0; out && at < text.n_bytes; at++) {
        n_bytes = text.n_bytes - at;
        const bool is_rest = base_utf8_check(text.data + at, n_bytes, &bad);
        const size_t n_good = is_rest ? n_bytes : bad;
        memcpy(out + n_out, text.data + at, n_good);
        n_out += n_good;
        at += n_good;
    }
    if (out) {
        out[n_out] = 0;
    }
    base_buffer_release(&text);
    return out;
}

char *lm_pretrain_sample(struct lm_pretrain *t, int32_t i_step)
{
    const struct lm_pretrain_settings *s = &t->settings;
    struct lm_pretrain_worker *w = t->worker;
    struct lm_bpe_tokens tokens = {0};
    struct base_rng rng;
    float *logit = base_alloc_array((size_t)s->n_vocabulary, sizeof *logit);
    bool is_fine =
        logit && lm_bpe_tokens_add(&tokens, LM_BPE_END, NULL) == REEL_OK &&
        lm_bpe_encode(t->bpe, s->prompt, strlen(s->prompt), &tokens, NULL) == REEL_OK;
    base_rng_init(&rng, s->seed, (uint64_t)i_step);
    memset(w->begin, 0, (size_t)s->n_context * sizeof *w->begin);
    for (int32_t i = 0; i < s->n_context; i++) {
        w->wanted[i] = -1;
    }
    for (int32_t i = 0; i < N_WRITTEN && is_fine && tokens.n < (size_t)s->n_context;
         i++) {
        const struct lm_packed packed = {(int32_t)tokens.n, tokens.token, w->begin,
                                         w->wanted};
        double loss = 0, n_wanted = 0;
        is_fine = lm_pass_loss(w->pass, t->net, &packed, NULL, NULL, &loss, &n_wanted);
        if (is_fine) {
            lm_pass_logits(w->pass, t->net, (int32_t)tokens.n - 1, logit);
            const int32_t next = draw(logit, s->n_vocabulary, &rng);
            if (next == LM_BPE_END && i > 0) {
                break;
            }
            is_fine = lm_bpe_tokens_add(&tokens, next, NULL) == REEL_OK;
        }
    }
    char *text = is_fine ? spell(t->bpe, tokens.token, tokens.n) : NULL;
    lm_bpe_tokens_release(&tokens);
    base_free(logit);
    return text;
}
