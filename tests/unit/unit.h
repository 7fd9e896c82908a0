/** What every unit test includes: cmocka, and a few words that make tests short. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
// cmocka takes the word that base_error.h uses; its fail_msg is kept, by another way.
#undef fail
#undef fail_msg
#define fail_msg(...)                       \
    do {                                    \
        print_error("ERROR: " __VA_ARGS__); \
        print_error("\n");                  \
        _fail(__FILE__, __LINE__);          \
    } while (0)

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
