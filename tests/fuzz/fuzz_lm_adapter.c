/** Any bytes as an adapter of a tiny model: laid over it and run, or refused. */
#include "fuzz_file.h"
#include "lm_bpe.h"
#include "lm_decoder_save.h"
#include "lm_graft.h"
#include "lm_guard.h"
#include "lm_log.h"

#include <gguf.h>
#include <llama.h>

static const char base[] = "/tmp/forkreel-fuzz-adapter-base.gguf";

/** The base that the seeds were made for: two layers, width 32. */
static void make_base(void)
{
    const struct lm_decoder_shape shape = {.architecture = "llama",
                                           .n_vocabulary = LM_BPE_N_LEAST,
                                           .n_context = 64,
                                           .n_width = 32,
                                           .n_layers = 2,
                                           .n_heads = 2,
                                           .n_groups = 1,
                                           .n_head_width = 16,
                                           .n_hidden = 48,
                                           .n_rotated = 16,
                                           .norm_epsilon = 1e-5,
                                           .rope_base = 10000,
                                           .rope_scale = 1,
                                           .embedding_scale = 1,
                                           .is_tied = true};
    struct reel_error err;
    struct lm_decoder *decoder;
    struct base_net *net;
    struct lm_bpe *bpe;
    struct gguf_context *meta = gguf_init_empty();
    if (lm_decoder_create(&shape, &decoder, &err) ||
        lm_decoder_learn(decoder, 7, &net, &err) ||
        lm_bpe_from_merges(NULL, 0, &bpe, &err)) {
        abort();
    }
    lm_decoder_save_shape(meta, &shape, "tiny");
    if (lm_bpe_to_gguf(bpe, meta, &err) ||
        lm_decoder_save(base, meta, decoder, net, &err)) {
        abort();
    }
    gguf_free(meta);
    lm_bpe_free(bpe);
    base_net_free(net);
    lm_decoder_free(decoder);
}

static void run(struct lm_graft *graft, struct llama_model *model)
{
    struct lm_guard guard;
    struct reel_error err;
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = 64;
    params.n_threads = params.n_threads_batch = 1;
    params.cb_eval = lm_graft_callback(graft);
    params.cb_eval_user_data = graft;
    struct llama_context *context = lm_guard_context(model, params, &guard);
    if (context && lm_graft_attach(graft, context, &err) == REEL_OK) {
        llama_token token[4] = {0, 70, 80, 90};
        (void)lm_guard_decode(context, llama_batch_get_one(token, 4), &guard);
    }
    if (context) {
        llama_free(context);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static bool is_made;
    struct reel_error err;
    struct lm_guard guard;
    struct lm_graft *graft;
    if (!is_made) {
        lm_log_take_over();
        make_base();
        is_made = true;
    }
    const struct fuzz_file file = fuzz_file_open(NULL, 0, data, n_bytes);
    // Anew each time: llama.cpp frees a LoRA with its model.
    struct llama_model *model = lm_guard_load(base, llama_model_default_params(), &guard);
    if (model && lm_graft_open(file.path, model, &graft, &err) == REEL_OK) {
        run(graft, model);
        lm_graft_close(graft);
    }
    fuzz_file_close(&file);
    if (model) {
        llama_model_free(model);
    }
    return 0;
}
