/** ARPA files of n-gram models, read and written. */
#include "lm_ngram_levels.h"

#include "base_error.h"

enum reel_status reel_lm_ngram_convert(const char *from, const char *to,
                                       const struct reel_progress *progress,
                                       struct reel_error *err)
{
    (void)to, (void)progress;
    return fail(err, REEL_EFAIL, "%s: ARPA files cannot be converted yet", from);
}
