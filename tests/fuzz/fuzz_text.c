/**
 * Any bytes through the text pipe. However they are cut, the same comes out, it is UTF-8, and a
 * chain gives what its steps give one after the other. Some inputs are repeated, so that lines
 * grow longer than a block.
 */
#include "base_alloc.h"
#include "base_buffer.h"
#include "base_text.h"

#include <forkreel/text.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

enum { LONG_BYTES = 150000, N_STEPS_MAX = 16 };

static void check(bool is_so)
{
    if (!is_so) {
        abort();
    }
}

static enum reel_status gather(const char *bytes, size_t n, void *payload,
                               struct reel_error *err)
{
    (void)err;
    check(base_buffer_add(payload, bytes, n));
    return REEL_OK;
}

/** All of `in`, in pieces of `n_piece`. */
static void run(struct reel_text_pipe *pipe, const char *in, size_t n, size_t n_piece)
{
    struct reel_error err;
    for (size_t i = 0; i < n; i += n_piece) {
        const size_t n_left = n - i;
        check(reel_text_pipe_push(pipe, in + i, n_left < n_piece ? n_left : n_piece,
                                  &err) == REEL_OK);
    }
    check(reel_text_pipe_end(pipe, &err) == REEL_OK);
}

/** Pipes are dear: opened once, used for every input. */
static struct reel_text_pipe *open_pipe(const char *const *step, int32_t n,
                                        struct base_buffer *out)
{
    struct reel_text_pipe *pipe;
    struct reel_error err;
    struct reel_text_options opt = reel_text_options_default();
    opt.n_count_max = 20;
    base_buffer_init(out, SIZE_MAX / 4);
    check(reel_text_pipe_open(step, n, &opt, gather, out, &pipe, &err) == REEL_OK);
    return pipe;
}

static void check_all(const char *in, size_t n, size_t n_piece)
{
    static struct reel_text_pipe *chain, *alone[N_STEPS_MAX];
    static struct base_buffer whole, between[N_STEPS_MAX];
    static const char *name[N_STEPS_MAX];
    static int32_t n_steps;
    if (!chain) {
        const struct reel_text_step *step = reel_text_steps(&n_steps);
        for (int32_t i = 0; i < n_steps; i++) {
            name[i] = step[i].name;
            alone[i] = open_pipe(&name[i], 1, &between[i]);
        }
        chain = open_pipe(name, n_steps, &whole);
    }
    base_buffer_clear(&whole);
    run(chain, in, n, n);
    for (int32_t i = 0; i < n_steps; i++) {
        size_t bad;
        base_buffer_clear(&between[i]);
        run(alone[i], in, n, n_piece);
        in = base_buffer_text(&between[i]);
        n = between[i].n_bytes;
        check(base_utf8_check(in, n, &bad));
    }
    check(n == whole.n_bytes && memcmp(in, base_buffer_text(&whole), n) == 0);
}

static enum reel_status hear(const char *word, size_t n, void *payload,
                             struct reel_error *err)
{
    (void)payload, (void)err;
    check(n > 0 && !memchr(word, ' ', n) && !memchr(word, '\n', n));
    return REEL_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (n_bytes < 2) {
        return 0;
    }
    const size_t n_piece = data[0] < 128 ? 1 + data[0] % 32u : (size_t)data[0] * 517;
    const bool is_long = data[1] == 'L';
    const char *text = (const char *)data + 1 + is_long;
    size_t n = n_bytes - 1 - is_long;
    char *repeated = NULL;
    if (is_long && n > 0) {
        repeated = base_alloc(LONG_BYTES);
        for (size_t i = 0; i < LONG_BYTES; i++) {
            repeated[i] = text[i % n];
        }
        text = repeated;
        n = LONG_BYTES;
    }
    struct reel_error err;
    check_all(text, n, n_piece);
    check(reel_text_words(text, n, NULL, hear, NULL, &err) == REEL_OK);
    base_free(repeated);
    return 0;
}
