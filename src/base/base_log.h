/** A sentence and then key=value pairs, to the sink of reel_log_set; silent without one. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <forkreel/status.h>

void base_log(enum reel_log_level level, const char *format, ...) REEL_PRINTF(2, 3);

#endif
