/** Words that say little: function words of English and Chinese. */
#ifndef FEAT_STOP_H
#define FEAT_STOP_H

#include <stdbool.h>
#include <stddef.h>

/** `word` is in lower case; `language` is "en", "zh", or NULL for both. */
bool feat_stop_is(const char *word, size_t n, const char *language);

#endif
