/** Any text as a situation: refused, or printed so that it reads the same again. */
#include <forkreel/feedback.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    struct reel_error err;
    struct reel_context context = reel_context_unknown(), again = reel_context_unknown();
    char printed[REEL_CONTEXT_TEXT_BYTES];
    char *text = malloc(n_bytes + 1);
    if (!text) {
        return 0;
    }
    memcpy(text, data, n_bytes);
    text[n_bytes] = '\0';
    if (reel_context_parse(text, &context, &err) == REEL_OK) {
        reel_context_print(&context, printed);
        if (reel_context_parse(printed, &again, &err) != REEL_OK ||
            memcmp(context.value, again.value, sizeof again.value) != 0 ||
            context.minutes != again.minutes || context.age != again.age ||
            strcmp(context.language, again.language) != 0) {
            abort();
        }
    }
    free(text);
    return 0;
}
