/**
 * llama.cpp's log, which is one for the whole process: led to base_log, silent by default.
 * A failure inside is explained nowhere else, so a thread can ask for the first error's words.
 */
#ifndef LM_LOG_H
#define LM_LOG_H

#include <stddef.h>

/** Before any other call into llama.cpp; any number of times, from any thread. */
void lm_log_take_over(void);
/** Keep the next error of this thread in `reason`, which becomes "" now. */
void lm_log_listen(char *reason, size_t n_bytes);
void lm_log_listen_no_more(void);

#endif
