/**
 * Writing a decoder as a GGUF file that llama.cpp reads.
 *
 *     struct gguf_context *meta = gguf_init_empty();
 *     lm_decoder_save_shape(meta, &decoder->shape, "plots");      // LLAMA.context_length and so on
 *     rc = lm_bpe_to_gguf(bpe, meta, &err);
 *     rc = lm_decoder_save("plots.gguf", meta, decoder, net, &err);
 *     gguf_free(meta);
 */
#ifndef LM_DECODER_SAVE_H
#define LM_DECODER_SAVE_H

#include "lm_decoder.h"

struct gguf_context;

/** What the shape says, and general.name. */
void lm_decoder_save_shape(struct gguf_context *meta,
                           const struct lm_decoder_shape *shape, const char *name);
/**
 * All tensors of the decoder in single precision, behind `meta`, which gets to know them. The
 * file is whole or not there.
 * Errors: REEL_EIO; REEL_ENOMEM.
 */
enum reel_status lm_decoder_save(const char *path, struct gguf_context *meta,
                                 struct lm_decoder *decoder, const struct base_net *net,
                                 struct reel_error *err) REEL_CHECKED;

#endif
