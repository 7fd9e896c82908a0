/**
 * How likely texts are: log P(text given context), by the same cells that write.
 *
 * Context and text are cut into tokens together, as the model has seen texts; apart, some
 * vocabularies put a blank before each. The tokens that hold any byte of the text are judged;
 * one that lies across the border is judged as a whole, so let a context end where a word does.
 * "Nothing" is what the model was taught to see before a text: its BOS, else the token that
 * parts documents.
 *
 * A context is read once and kept; all texts that follow it fork from there. As many tokens
 * as the output buffer holds are judged in one batch.
 */
#include "lm_local.h"

#include "base_alloc.h"
#include "base_buffer.h"
#include "base_error.h"

#include <stdlib.h>
#include <string.h>

/** Tokens judged in one batch: enough for the matrices, little enough for their logits. */
enum { N_JUDGED = 64 };

struct item {
    int32_t *token;            /* context, then text */
    int32_t n_context, n_text; /* at least 1 each */
    int32_t i_judged, strand, n_done;
};

static int by_tokens(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    const int32_t n = x->n_context < y->n_context ? x->n_context : y->n_context;
    for (int32_t i = 0; i < n; i++) {
        if (x->token[i] != y->token[i]) {
            return x->token[i] < y->token[i] ? -1 : 1;
        }
    }
    return x->n_context != y->n_context
               ? (x->n_context > y->n_context) * 2 - 1
               : (x->i_judged > y->i_judged) - (x->i_judged < y->i_judged);
}

/** The token that stands before a text when nothing else does. */
static llama_token nothing_token(const struct llama_vocab *vocab)
{
    static const char part[] = "<|endoftext|>";
    struct lm_guard guard;
    llama_token token[4];
    if (llama_vocab_get_add_bos(vocab)) {
        return llama_vocab_bos(vocab);
    }
    if (lm_guard_tokenize(vocab, part, sizeof part - 1, token, 4, false, true, &guard) ==
        1) {
        return token[0];
    }
    const llama_token bos = llama_vocab_bos(vocab), eos = llama_vocab_eos(vocab);
    return bos >= 0 ? bos : eos >= 0 ? eos : 0;
}

/** How many tokens at the end hold the last `n_bytes` bytes, or a part of them. */
static int32_t n_tokens_of_end(const struct lm_local *local, const int32_t *token,
                               int32_t n, size_t n_bytes)
{
    int32_t n_end = 0;
    while (n_end < n && n_bytes > 0) {
        char piece[512];
        const int32_t n_piece = llama_token_to_piece(local->vocab, token[n - 1 - n_end],
                                                     piece, sizeof piece, 0, true);
        const size_t n_here = (size_t)(n_piece > 0 ? n_piece : 0);
        n_bytes -= n_here < n_bytes ? n_here : n_bytes;
        n_end++;
    }
    return n_end;
}

static enum reel_status prepare(struct lm_local *local,
                                const struct reel_lm_judged *judged, struct item *item,
                                struct reel_error *err)
{
    struct base_buffer both;
    int32_t n = 0;
    base_buffer_init(&both, (size_t)1 << 24);
    enum reel_status rc = base_buffer_add_text(&both, judged->context) &&
                                  base_buffer_add_text(&both, judged->text)
                              ? REEL_OK
                              : fail(err, REEL_ENOMEM, "text %d", item->i_judged);
    rc =
        rc ? rc
           : lm_local_tokens(local, base_buffer_text(&both), true, &item->token, &n, err);
    base_buffer_release(&both);
    if (rc) {
        return rc;
    }
    item->n_text = n_tokens_of_end(local, item->token, n, strlen(judged->text));
    item->n_context = n - item->n_text;
    if (item->n_context == lm_graft_n_prefix(local->graft)) {
        // Nothing stands before the text; lm_local_tokens leaves room for one more.
        int32_t *at = item->token + item->n_context;
        memmove(at + 1, at, (size_t)item->n_text * sizeof *at);
        *at = nothing_token(local->vocab);
        item->n_context++;
    }
    if (item->n_context + item->n_text > local->lm.facts.n_context) {
        return fail(err, REEL_EINVAL, "text %d: %d tokens with its context, at most %d",
                    item->i_judged, item->n_context + item->n_text,
                    local->lm.facts.n_context);
    }
    return REEL_OK;
}

/** The token at `at` of the item is judged by the logits after the one before it. */
static void add_logp(struct lm_local *local, const struct item *item, int32_t at,
                     int32_t i_batch, struct reel_lm_judged *judged)
{
    const float *logits = llama_get_logits_ith(local->context, i_batch);
    if (logits) {
        judged->logp += (double)logits[item->token[at]] -
                        lm_log_sum_exp(logits, local->vocabulary.n_tokens);
        judged->n_tokens++;
    }
}

struct judging {
    struct lm_local *local;
    struct reel_lm_judged *judged;
    struct item *item;
    int32_t n_items;
};

/** A strand that holds the context but its last token, which is judged with the text. */
static enum reel_status begin_item(struct judging *j, struct item *item,
                                   struct reel_error *err)
{
    struct lm_strands *strands = &j->local->strands;
    int32_t context;
    if (!j->local->lm.facts.shares_cells) {
        lm_strands_clear(strands);
    }
    enum reel_status rc =
        lm_strands_read(strands, item->token, item->n_context - 1, false, &context, err);
    if (rc == REEL_OK && j->local->lm.facts.shares_cells) {
        rc = lm_strands_fork(strands, context, item->n_context - 1, &item->strand, err);
        lm_strands_drop(strands, context, true);
    } else if (rc == REEL_OK) {
        item->strand = context;
    }
    if (rc == REEL_OK) {
        j->judged[item->i_judged].logp = 0;
        j->judged[item->i_judged].n_tokens = 0;
    }
    return rc;
}

static enum reel_status judge_batch(struct judging *j, int32_t first, int32_t end,
                                    const int32_t *n_before, struct reel_error *err)
{
    struct lm_strands *strands = &j->local->strands;
    const enum lm_decoded decoded = lm_strands_decode(strands);
    if (decoded != LM_DECODED) {
        return lm_strands_fail(strands, decoded, err);
    }
    int32_t i_batch = 0;
    enum reel_status rc = REEL_OK;
    for (int32_t k = first; rc == REEL_OK && k < end; k++) {
        struct item *item = &j->item[k];
        const int32_t from = item->n_context + n_before[k - first];
        if (item->n_done == n_before[k - first]) {
            continue; // an empty text, or no room in this batch
        }
        for (int32_t at = from; at < item->n_context + item->n_done; at++) {
            add_logp(j->local, item, at, i_batch++, &j->judged[item->i_judged]);
        }
        rc = lm_strands_append(strands, item->strand, item->token + from - 1,
                               item->n_done - n_before[k - first], err);
    }
    return rc;
}

/** Items [first, end) of which some text is left, as many tokens as one batch takes. */
static enum reel_status judge_some(struct judging *j, int32_t *first,
                                   struct reel_error *err)
{
    struct lm_strands *strands = &j->local->strands;
    const int32_t n_max =
        j->local->n_outputs_max < N_JUDGED ? j->local->n_outputs_max : N_JUDGED;
    const int32_t n_items_max =
        j->local->lm.facts.shares_cells ? j->local->n_live_max : 1;
    int32_t n_before[128], end = *first;
    enum reel_status rc = REEL_OK;
    // Contexts are read before the batch is filled: both use the same batch.
    int32_t n_planned = 0;
    while (rc == REEL_OK && end < j->n_items && end - *first < n_items_max &&
           n_planned < n_max) {
        struct item *item = &j->item[end];
        rc = item->strand < 0 && item->n_text > 0 ? begin_item(j, item, err) : REEL_OK;
        n_planned += item->n_text - item->n_done;
        end++;
    }
    lm_strands_batch_begin(strands);
    for (int32_t k = *first; rc == REEL_OK && k < end; k++) {
        struct item *item = &j->item[k];
        n_before[k - *first] = item->n_done;
        while (item->n_done < item->n_text && strands->batch.n_tokens < n_max) {
            const int32_t at = item->n_context + item->n_done - 1;
            lm_strands_batch_add(strands, item->strand, item->token[at], at, true);
            item->n_done++;
        }
    }
    if (rc == REEL_OK && strands->batch.n_tokens > 0) {
        rc = judge_batch(j, *first, end, n_before, err);
    }
    while (rc == REEL_OK && *first < end &&
           j->item[*first].n_done == j->item[*first].n_text) {
        if (j->item[*first].strand >= 0) {
            lm_strands_drop(strands, j->item[*first].strand, false);
            j->item[*first].strand = -1;
        }
        (*first)++;
    }
    return rc;
}

enum reel_status lm_local_score(struct reel_lm *lm, struct reel_lm_judged *judged,
                                int32_t n, const struct reel_progress *progress,
                                struct reel_error *err)
{
    struct lm_local *local = (struct lm_local *)lm;
    struct judging j = {.local = local, .judged = judged, .n_items = n};
    j.item = base_alloc_zeroed((size_t)n, sizeof *j.item);
    enum reel_status rc = j.item ? REEL_OK : fail(err, REEL_ENOMEM, "%d texts", n);
    local->progress = progress;
    local->is_stopped = false;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        j.item[i].i_judged = i;
        j.item[i].strand = -1;
        rc = prepare(local, &judged[i], &j.item[i], err);
    }
    if (rc == REEL_OK) {
        qsort(j.item, (size_t)n, sizeof *j.item, by_tokens);
    }
    for (int32_t first = 0; rc == REEL_OK && first < n;) {
        rc = lm_local_goes_on(local, first, n)
                 ? judge_some(&j, &first, err)
                 : fail(err, REEL_ECANCELLED, "stopped after %d of %d texts", first, n);
    }
    for (int32_t i = 0; j.item && i < n; i++) {
        if (rc && j.item[i].strand >= 0) {
            lm_strands_drop(&local->strands, j.item[i].strand, false);
        }
        base_free(j.item[i].token);
    }
    base_free(j.item);
    local->progress = NULL;
    return rc;
}
