/**
 * llama.cpp behind a wall: no C++ exception leaves these calls. Each says in `why` what was
 * thrown and gives NULL, a negative number or false; nothing else differs from llama.h.
 */
#ifndef LM_GUARD_H
#define LM_GUARD_H

#include <llama.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lm_guard {
    char why[256]; /* "" while nothing was thrown */
};

struct llama_model *lm_guard_load(const char *path, struct llama_model_params params,
                                  struct lm_guard *guard);
struct llama_context *lm_guard_context(struct llama_model *model,
                                       struct llama_context_params params,
                                       struct lm_guard *guard);
/** As llama_decode; -100 when something was thrown. */
int32_t lm_guard_decode(struct llama_context *context, struct llama_batch batch,
                        struct lm_guard *guard);
/** As llama_encode; -100 when something was thrown. */
int32_t lm_guard_encode(struct llama_context *context, struct llama_batch batch,
                        struct lm_guard *guard);
/** As llama_tokenize; INT32_MIN when something was thrown. */
int32_t lm_guard_tokenize(const struct llama_vocab *vocab, const char *text,
                          int32_t n_bytes, llama_token *token, int32_t n_max,
                          bool add_special, bool parse_special, struct lm_guard *guard);
/** As llama_chat_apply_template; -1 also when something was thrown. */
int32_t lm_guard_chat(const char *chat_template, const struct llama_chat_message *message,
                      size_t n_messages, bool add_assistant, char *text, int32_t n_bytes,
                      struct lm_guard *guard);
/** As llama_model_quantize: 0 done. */
uint32_t lm_guard_quantize(const char *from, const char *to,
                           const struct llama_model_quantize_params *params,
                           struct lm_guard *guard);

#ifdef __cplusplus
}
#endif
#endif
