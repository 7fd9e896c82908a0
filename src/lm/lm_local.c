/**
 * Opening a model on this machine, its facts, and its tokens. Generating is lm_generate.c,
 * judging lm_score.c.
 *
 * The file is checked (lm_model.c) and memory is asked for before llama.cpp sees it, because a
 * failure inside may end the process.
 */
#include "lm_local.h"

#include "base_alloc.h"
#include "base_clock.h"
#include "base_error.h"
#include "lm_backend.h"
#include "lm_kernel.h"
#include "lm_log.h"

#include <limits.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { N_IDLE = 64, N_STRANDS_MAX = 256, N_BATCH = 512, N_CELLS_MIN = 256 };
#define ASK_EVERY_NS 50000000

// ---- memory ----

/** Bytes that one token takes in the cells of all layers, keys and values in half precision. */
static int64_t cell_bytes(const struct llama_model *model)
{
    const int64_t n_head = llama_model_n_head(model);
    const int64_t n_width = n_head > 0 ? (int64_t)llama_model_n_embd(model) / n_head : 0;
    return 2 * 2 * (int64_t)llama_model_n_layer(model) * llama_model_n_head_kv(model) *
           n_width;
}

static int32_t choose_cells(const struct llama_model *model,
                            const struct reel_lm_options *opt)
{
    const int64_t bytes = cell_bytes(model);
    int64_t n = opt->n_cells;
    if (n == 0) {
        n = bytes > 0 ? opt->max_bytes / 3 / bytes : 4096; // the rest is working memory
        n = n > 4096 ? 4096 : n;
    }
    n = n < N_CELLS_MIN ? N_CELLS_MIN : n;
    return (int32_t)((n + 255) / 256 * 256);
}

static enum reel_status check_memory(const char *path, const struct reel_lm_info *info,
                                     const struct reel_lm_options *opt,
                                     struct reel_error *err)
{
    const int64_t need = info->file_bytes + opt->max_bytes, has = base_memory_available();
    return has == 0 || need <= has
               ? REEL_OK
               : fail(err, REEL_ENOMEM,
                      "%s: needs about %lld MB of memory, %lld MB are free", path,
                      (long long)(need >> 20), (long long)(has >> 20));
}

// ---- checksum ----

bool lm_file_checksum(const char *path, char checksum[LM_CHECKSUM_BYTES])
{
    crypto_hash_sha256_state state;
    unsigned char sum[crypto_hash_sha256_BYTES];
    unsigned char *block = malloc(1 << 20);
    FILE *in = fopen(path, "rb");
    crypto_hash_sha256_init(&state);
    for (size_t n = 1; in && block && n > 0;) {
        n = fread(block, 1, 1 << 20, in);
        crypto_hash_sha256_update(&state, block, n);
    }
    crypto_hash_sha256_final(&state, sum);
    const bool is_whole = in && block && !ferror(in);
    checksum[0] = '\0';
    if (is_whole) {
        sodium_bin2hex(checksum, LM_CHECKSUM_BYTES, sum, sizeof sum);
    }
    if (in) {
        fclose(in);
    }
    free(block);
    return is_whole;
}

/** Beside loading the file. */
static void *make_checksum(void *payload)
{
    struct lm_local *local = payload;
    (void)lm_file_checksum(local->path, local->lm.facts.checksum);
    return NULL;
}

static void local_settle(struct reel_lm *lm)
{
    struct lm_local *local = (struct lm_local *)lm;
    if (local->is_checksum_running) {
        pthread_join(local->checksum_thread, NULL);
        local->is_checksum_running = false;
    }
}

// ---- vocabulary ----

/** Signs that may be repeated at will: punctuation and blanks, Latin and Chinese. */
static bool is_sign(uint32_t c)
{
    const bool is_letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return c < 0x80 ? !is_letter
                    : (c >= 0xA0 && c <= 0xBF) || (c >= 0x2000 && c <= 0x206F) ||
                          (c >= 0x3000 && c <= 0x303F) || (c >= 0xFF01 && c <= 0xFF0F) ||
                          (c >= 0xFF1A && c <= 0xFF20) || (c >= 0xFF3B && c <= 0xFF40) ||
                          (c >= 0xFF5B && c <= 0xFF65);
}

/** The character at the beginning of a piece and its bytes; false for a part of one. */
static bool first_character(const char *piece, int32_t n, uint32_t *code,
                            int32_t *n_bytes)
{
    const unsigned char c = (unsigned char)piece[0];
    *n_bytes = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 0;
    if (*n_bytes == 0 || *n_bytes > n) {
        return false;
    }
    *code = *n_bytes == 1 ? c : c & (0x7FU >> *n_bytes);
    for (int32_t k = 1; k < *n_bytes; k++) {
        *code = *code << 6 | ((unsigned char)piece[k] & 0x3F);
    }
    return true;
}

/**
 * Signs may come again and again. So may what continues a word of letters: a name begun must
 * be ended as it was, so a repeat is paid for where its first piece is chosen.
 */
static bool is_free_piece(const char *piece, int32_t n)
{
    uint32_t code;
    int32_t n_bytes;
    if (n <= 0 || !first_character(piece, n, &code, &n_bytes)) {
        return false;
    }
    if (!is_sign(code)) {
        return code < 0x2000 && !(code >= '0' && code <= '9'); // no blank before it
    }
    for (int32_t i = n_bytes; i < n; i += n_bytes) {
        if (!first_character(piece + i, n - i, &code, &n_bytes) || !is_sign(code)) {
            return false;
        }
    }
    return true;
}

static enum reel_status learn_vocabulary(struct lm_local *local, struct reel_error *err)
{
    const int32_t n = llama_vocab_n_tokens(local->vocab);
    local->is_free = base_alloc_zeroed((size_t)n, 1);
    if (!local->is_free) {
        return fail(err, REEL_ENOMEM, "a vocabulary of %d tokens", n);
    }
    for (int32_t t = 0; t < n; t++) {
        char piece[256];
        const int32_t n_bytes =
            llama_token_to_piece(local->vocab, t, piece, sizeof piece, 0, false);
        local->is_free[t] = llama_vocab_is_control(local->vocab, t) ||
                            llama_vocab_is_eog(local->vocab, t) ||
                            is_free_piece(piece, n_bytes);
    }
    local->vocabulary = (struct lm_vocabulary){n, local->is_free};
    return REEL_OK;
}

// ---- tokens ----

static enum reel_status add_tokens(struct lm_local *local, const char *text,
                                   size_t n_bytes, bool add_special, bool parse_special,
                                   int32_t **token, int32_t *n, struct reel_error *err)
{
    struct lm_guard guard;
    if (n_bytes > (size_t)1 << 24) {
        return fail(err, REEL_EINVAL, "a text of %zu bytes is too long for a model",
                    n_bytes);
    }
    const int32_t n_max = (int32_t)n_bytes + 8; // a token is a byte at least
    int32_t *more = base_realloc_array(*token, (size_t)*n + (size_t)n_max, sizeof *more);
    if (!more) {
        return fail(err, REEL_ENOMEM, "%d tokens", *n + n_max);
    }
    *token = more;
    const int32_t n_new =
        lm_guard_tokenize(local->vocab, text, (int32_t)n_bytes, more + *n, n_max,
                          add_special, parse_special, &guard);
    if (n_new < 0) {
        return fail(err, REEL_EFAIL, "the text could not be cut into tokens%s%s",
                    guard.why[0] ? ": " : "", guard.why);
    }
    *n += n_new;
    if (add_special && llama_vocab_get_add_eos(local->vocab) && *n > 0 &&
        more[*n - 1] == llama_vocab_eos(local->vocab)) {
        --*n; // the text goes on
    }
    return REEL_OK;
}

/** Tokens that stand for a prefix: free of all penalties, and never read themselves. */
static enum reel_status add_prefix(const struct lm_local *local, int32_t **token,
                                   int32_t *n, struct reel_error *err)
{
    const int32_t n_prefix = lm_graft_n_prefix(local->graft);
    const int32_t eos = llama_vocab_eos(local->vocab);
    *token = n_prefix > 0 ? base_alloc_array((size_t)n_prefix, sizeof **token) : NULL;
    *n = n_prefix;
    if (n_prefix > 0 && !*token) {
        return fail(err, REEL_ENOMEM, "%d tokens", n_prefix);
    }
    for (int32_t i = 0; i < n_prefix; i++) {
        (*token)[i] = eos >= 0 ? eos : 0;
    }
    return REEL_OK;
}

enum reel_status lm_local_tokens(struct lm_local *local, const char *text,
                                 bool add_special, int32_t **token, int32_t *n,
                                 struct reel_error *err)
{
    *token = NULL;
    *n = 0;
    const enum reel_status rc = add_special ? add_prefix(local, token, n, err) : REEL_OK;
    return rc ? rc
              : add_tokens(local, text, strlen(text), add_special, false, token, n, err);
}

enum reel_status lm_local_chat(struct lm_local *local, const char *question,
                               int32_t **token, int32_t *n, struct reel_error *err)
{
    // The template is written around a mark, so that the question itself is never read for
    // special tokens: only what the template added may hold some.
    static const char mark[] = "forkreel-question-here";
    const struct llama_chat_message message = {"user", mark};
    const char *chat_template = llama_model_chat_template(local->model, NULL);
    struct lm_guard guard;
    char text[8192];
    *token = NULL;
    *n = 0;
    int32_t n_bytes = lm_guard_chat(chat_template ? chat_template : "chatml", &message, 1,
                                    true, text, sizeof text - 1, &guard);
    if (n_bytes < 0) { // a template that llama.cpp does not know by its look
        n_bytes =
            lm_guard_chat("chatml", &message, 1, true, text, sizeof text - 1, &guard);
    }
    if (n_bytes < 0 || n_bytes >= (int32_t)sizeof text) {
        return fail(err, REEL_EFAIL, "the model's chat template cannot be used");
    }
    text[n_bytes] = '\0';
    const char *at = strstr(text, mark);
    if (!at) {
        return fail(err, REEL_EFAIL, "the model's chat template leaves the question out");
    }
    const char *rest = at + sizeof mark - 1;
    enum reel_status rc = add_prefix(local, token, n, err);
    rc =
        rc ? rc : add_tokens(local, text, (size_t)(at - text), true, true, token, n, err);
    rc = rc ? rc
            : add_tokens(local, question, strlen(question), false, false, token, n, err);
    return rc ? rc : add_tokens(local, rest, strlen(rest), false, true, token, n, err);
}

static enum reel_status local_count(struct reel_lm *lm, const char *text,
                                    int32_t *n_tokens, struct reel_error *err)
{
    int32_t *token;
    const enum reel_status rc =
        lm_local_tokens((struct lm_local *)lm, text, false, &token, n_tokens, err);
    base_free(token);
    return rc;
}

// ---- stopping ----

bool lm_local_goes_on(struct lm_local *local, double done, double total)
{
    const int64_t now = base_clock_ns();
    if (!local->is_stopped && now - local->asked_ns >= ASK_EVERY_NS) {
        local->asked_ns = now;
        local->is_stopped = !base_progress_report(local->progress, "tokens", done, total);
    }
    return !local->is_stopped;
}

/** llama.cpp asks between the nodes of its graph; true stops it. */
static bool is_aborted(void *payload)
{
    struct lm_local *local = payload;
    return local->progress && local->progress->report && !lm_local_goes_on(local, 0, 0);
}

// ---- opening ----

static enum reel_status open_model(struct lm_local *local, const char *path, bool embeds,
                                   struct reel_error *err)
{
    struct llama_model_params params = llama_model_default_params();
    struct lm_guard guard;
    char reason[256];
    // ggml's own packing for the CPU would hide the weights from our backend.
    params.use_extra_bufts = !lm_kernel_is_here();
    params.n_gpu_layers = 999; // where there is a GPU; none here costs nothing
    lm_log_listen(reason, sizeof reason);
    local->model = lm_guard_load(path, params, &guard);
    lm_log_listen_no_more();
    if (!local->model) {
        const char *why = guard.why[0] ? guard.why : reason;
        return fail(err, REEL_EFORMAT, "%s: llama.cpp cannot load it%s%s", path,
                    why[0] ? ": " : "", why);
    }
    const bool is_encoder =
        llama_model_has_encoder(local->model) || !llama_model_has_decoder(local->model);
    if (!embeds && (is_encoder || llama_model_is_diffusion(local->model))) {
        return fail(err, REEL_EFORMAT, "%s: not a model that continues texts", path);
    }
    if (embeds && is_encoder && llama_model_has_decoder(local->model)) {
        return fail(err, REEL_EFORMAT, "%s: not a model that embeds texts", path);
    }
    local->vocab = llama_model_get_vocab(local->model);
    return llama_vocab_n_tokens(local->vocab) > 1
               ? REEL_OK
               : fail(err, REEL_EFORMAT, "%s: has no vocabulary", path);
}

static enum reel_status open_context(struct lm_local *local, const char *path,
                                     const struct reel_lm_options *opt,
                                     struct reel_error *err)
{
    struct llama_context_params params = llama_context_default_params();
    struct lm_guard guard;
    // A place for every live sample, for every prompt whose samples begin, and for what is
    // kept; llama.cpp wants room for as many outputs.
    const int32_t n_wanted = 2 * local->n_live_max + N_IDLE;
    const int32_t n_strands = n_wanted < N_STRANDS_MAX ? n_wanted : N_STRANDS_MAX;
    local->n_outputs_max = n_strands;
    params.n_ctx = (uint32_t)choose_cells(local->model, opt);
    params.n_batch = N_BATCH;
    params.n_ubatch = N_BATCH;
    params.n_seq_max = (uint32_t)n_strands;
    params.n_outputs_max = (uint32_t)local->n_outputs_max;
    // Threads of ggml that wait for work take time from ours, so only one pool has many.
    const int32_t n_threads = lm_backend_suits(local->model) ? 1 : opt->n_threads;
    lm_backend_set_threads(opt->n_threads);
    params.n_threads = params.n_threads_batch = n_threads;
    params.kv_unified = true;
    // By itself llama.cpp asks for it only where one device does all of a layer.
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
    params.no_perf = true;
    params.abort_callback = is_aborted;
    params.abort_callback_data = local;
    if (local->graft) {
        params.cb_eval = lm_graft_callback(local->graft);
        params.cb_eval_user_data = local->graft;
    }
    char reason[256];
    lm_log_listen(reason, sizeof reason);
    local->context = lm_guard_context(local->model, params, &guard);
    lm_log_listen_no_more();
    if (!local->context) {
        const char *why = guard.why[0] ? guard.why : reason;
        return fail(err, REEL_ENOMEM, "%s: llama.cpp gives no context of %u cells%s%s",
                    path, params.n_ctx, why[0] ? ": " : "", why);
    }
    const enum reel_status rc =
        local->graft ? lm_graft_attach(local->graft, local->context, err) : REEL_OK;
    if (rc != REEL_OK) {
        return rc;
    }
    return lm_strands_init(&local->strands, local->context, n_strands,
                           (int32_t)llama_n_batch(local->context), err);
}

static void fill_facts(struct lm_local *local, const struct reel_lm_info *info,
                       bool embeds)
{
    struct reel_lm_facts *facts = &local->lm.facts;
    const struct llama_model *model = local->model;
    facts->kind = REEL_LM_LOCAL;
    const char *slash = strrchr(local->path, '/');
    snprintf(facts->name, sizeof facts->name, "%s",
             info->name[0] ? info->name
             : slash       ? slash + 1
                           : local->path);
    facts->is_instruct = info->has_chat_template;
    facts->can_score = !embeds;
    facts->n_embedding = embeds ? llama_model_n_embd_out(model) : 0;
    facts->shares_cells = !llama_model_is_hybrid(model) &&
                          !llama_model_is_recurrent(model) &&
                          llama_model_n_swa(model) == 0;
    const int32_t n_cells = (int32_t)llama_n_ctx(local->context);
    const int32_t n_train = llama_model_n_ctx_train(model);
    facts->n_context = n_train > 0 && n_train < n_cells ? n_train : n_cells;
    facts->n_vocabulary = llama_vocab_n_tokens(local->vocab);
    facts->file_bytes = info->file_bytes;
}

static void local_close(struct reel_lm *lm)
{
    struct lm_local *local = (struct lm_local *)lm;
    local_settle(lm);
    lm_strands_release(&local->strands);
    lm_sampler_release(&local->sampler);
    lm_embedder_release(&local->embedder);
    if (local->context) {
        llama_free(local->context);
    }
    lm_graft_close(local->graft);
    if (local->model) {
        llama_model_free(local->model);
    }
    base_free(local->is_free);
    base_free(local->path);
    base_free(local);
}

enum reel_status lm_local_open(const char *path, const struct reel_lm_options *opt,
                               struct reel_lm **out, struct reel_error *err)
{
    static const struct lm_engine_calls calls = {
        .generate = lm_local_generate,
        .score = lm_local_score,
        .count = local_count,
        .settle = local_settle,
        .close = local_close,
    };
    static const struct lm_engine_calls calls_embedding = {
        .embed = lm_local_embed,
        .count = local_count,
        .settle = local_settle,
        .close = local_close,
    };
    struct reel_lm_info info;
    enum reel_status rc = reel_lm_info_read(path, &info, err);
    if (rc == REEL_OK && info.is_embedder && !opt->embeds) {
        return fail(err, REEL_EFORMAT, "%s: embeds texts and cannot continue them", path);
    }
    rc = rc ? rc : check_memory(path, &info, opt, err);
    if (rc) {
        return rc;
    }
    struct lm_local *local = base_alloc_zeroed(1, sizeof *local);
    if (!local || !(local->path = base_strdup(path)) || sodium_init() < 0) {
        base_free(local);
        return fail(err, REEL_ENOMEM, "%s", path);
    }
    lm_log_take_over();
    lm_backend_register();
    local->lm.calls = opt->embeds ? &calls_embedding : &calls;
    local->n_live_max = opt->n_live_max;
    local->is_checksum_running =
        pthread_create(&local->checksum_thread, NULL, make_checksum, local) == 0;
    rc = open_model(local, path, opt->embeds, err);
    if (rc == REEL_OK && opt->adapter) {
        rc = lm_graft_open(opt->adapter, local->model, &local->graft, err);
    }
    if (opt->embeds) {
        rc = rc ? rc : lm_embedder_init(local, opt, err);
    } else {
        rc = rc ? rc : open_context(local, path, opt, err);
        rc = rc ? rc : learn_vocabulary(local, err);
    }
    if (rc) {
        local_close(&local->lm);
        return rc;
    }
    fill_facts(local, &info, opt->embeds);
    *out = &local->lm;
    return REEL_OK;
}
