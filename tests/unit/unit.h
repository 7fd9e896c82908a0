/** What every unit test includes: cmocka, and a few words that make tests short. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail // cmocka's word is ours too (base_error.h)

#include <forkreel/status.h>

/** The call succeeds; if not, its own error line is what the test prints. */
#define assert_ok(call, err)                       \
    do {                                           \
        if ((call) != REEL_OK) {                   \
            fail_msg("%s: %s", #call, (err).text); \
        }                                          \
    } while (0)

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#endif
