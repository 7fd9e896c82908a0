// See lm_guard.h: the one C++ file, because only C++ can catch.
#include "lm_guard.h"

#include <climits>
#include <cstdio>
#include <exception>

namespace
{

template <typename Result, typename Call>
Result guarded(struct lm_guard *guard, Result otherwise, Call call)
{
    guard->why[0] = '\0';
    try {
        return call();
    } catch (const std::exception &thrown) {
        std::snprintf(guard->why, sizeof guard->why, "%s", thrown.what());
    } catch (...) {
        std::snprintf(guard->why, sizeof guard->why, "llama.cpp failed");
    }
    return otherwise;
}

} // namespace

struct llama_model *lm_guard_load(const char *path, struct llama_model_params params,
                                  struct lm_guard *guard)
{
    return guarded<llama_model *>(
        guard, nullptr, [&] { return llama_model_load_from_file(path, params); });
}

struct llama_context *lm_guard_context(struct llama_model *model,
                                       struct llama_context_params params,
                                       struct lm_guard *guard)
{
    return guarded<llama_context *>(guard, nullptr,
                                    [&] { return llama_init_from_model(model, params); });
}

int32_t lm_guard_decode(struct llama_context *context, struct llama_batch batch,
                        struct lm_guard *guard)
{
    return guarded<int32_t>(guard, -100, [&] { return llama_decode(context, batch); });
}

int32_t lm_guard_encode(struct llama_context *context, struct llama_batch batch,
                        struct lm_guard *guard)
{
    return guarded<int32_t>(guard, -100, [&] { return llama_encode(context, batch); });
}

int32_t lm_guard_tokenize(const struct llama_vocab *vocab, const char *text,
                          int32_t n_bytes, llama_token *token, int32_t n_max,
                          bool add_special, bool parse_special, struct lm_guard *guard)
{
    return guarded<int32_t>(guard, INT_MIN, [&] {
        return llama_tokenize(vocab, text, n_bytes, token, n_max, add_special,
                              parse_special);
    });
}

int32_t lm_guard_chat(const char *chat_template, const struct llama_chat_message *message,
                      size_t n_messages, bool add_assistant, char *text, int32_t n_bytes,
                      struct lm_guard *guard)
{
    return guarded<int32_t>(guard, -1, [&] {
        return llama_chat_apply_template(chat_template, message, n_messages,
                                         add_assistant, text, n_bytes);
    });
}

uint32_t lm_guard_quantize(const char *from, const char *to,
                           const struct llama_model_quantize_params *params,
                           struct lm_guard *guard)
{
    return guarded<uint32_t>(guard, 1,
                             [&] { return llama_model_quantize(from, to, params); });
}
