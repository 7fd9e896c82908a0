/** See lm_log.h. */
#include "lm_log.h"

#include "base_log.h"

#include <llama.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char *reason_place;
static _Thread_local size_t n_reason_bytes;

static void take(enum ggml_log_level level, const char *text, void *payload)
{
    (void)payload;
    const int n = (int)strcspn(text, "\n");
    if (level == GGML_LOG_LEVEL_CONT || n <= 1) { // the dots of a progress bar
        return;
    }
    if (level == GGML_LOG_LEVEL_ERROR && reason_place && reason_place[0] == '\0') {
        const char *after_function = strstr(text, ": ");
        const char *words = after_function ? after_function + 2 : text;
        snprintf(reason_place, n_reason_bytes, "%s", words);
        reason_place[strcspn(reason_place, "\n")] = '\0';
    }
    base_log(level == GGML_LOG_LEVEL_ERROR ? REEL_LOG_WARN : REEL_LOG_DEBUG,
             "llama.cpp: %.*s", n < 400 ? n : 400, text);
}

static void take_over(void)
{
    llama_log_set(take, NULL);
    llama_backend_init();
}

void lm_log_take_over(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, take_over);
}

void lm_log_listen(char *reason, size_t n_bytes)
{
    reason[0] = '\0';
    reason_place = reason;
    n_reason_bytes = n_bytes;
}

void lm_log_listen_no_more(void)
{
    reason_place = NULL;
}
