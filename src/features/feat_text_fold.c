/**
 * Steps normalize, simplify and lower: one character in, its plain form out.
 *
 * normalize  NFKC, which also folds full width to half and puts accents together; quotes of all
 *            kinds become ' and ", dashes become -
 * simplify   traditional Chinese to simplified, by ICU's transliterator, of which a table is
 *            learned character by character: it works on single characters, only slowly
 * lower      lower case, one character for one
 *
 * ASCII and what is known to stay as it is takes short ways.
 */
#include "feat_icu.h"
#include "feat_step.h"
#include "feat_utf8.h"

#include <string.h>

// What these three keep is in the tables of ICU, which belong to the pipe.
struct fold {
    struct feat_icu *icu;
};

static enum reel_status fold_open(const struct feat_env *env, void *state,
                                  struct reel_error *err)
{
    (void)err;
    *(struct fold *)state = (struct fold){env->icu};
    return REEL_OK;
}

/** Bytes of ASCII at the front. */
static size_t ascii_run(const char *in, size_t n)
{
    size_t i = 0;
    for (uint64_t word; i + 8 <= n; i += 8) {
        memcpy(&word, in + i, 8);
        if (word & 0x8080808080808080u) {
            break;
        }
    }
    while (i < n && (unsigned char)in[i] < 0x80) {
        i++;
    }
    return i;
}

// ---------------------------------------------------------------- normalize

/** Where the span that depends on its neighbours ends: before the next that does not. */
static size_t span_end(struct feat_icu *icu, const char *in, size_t i, size_t n)
{
    while (i < n && (unsigned char)in[i] >= 0x80) {
        size_t next = i;
        if (feat_nfkc_of(icu, feat_utf8_next(in, &next)) != FEAT_NFKC_SPAN) {
            break;
        }
        i = next;
    }
    return i;
}

static bool normalize_run(void *state, const char *in, size_t n, struct base_buffer *out)
{
    struct feat_icu *icu = ((const struct fold *)state)->icu;
    size_t i = 0, begin_in = 0; // the last character that a mark may join
    size_t begin_out = out->n_bytes;
    while (i < n) {
        char *to = base_buffer_reserve(out, 2 * (n - i) + 4);
        if (!to) {
            return false;
        }
        const size_t n_ascii = ascii_run(in + i, n - i);
        if (n_ascii > 0) {
            memcpy(to, in + i, n_ascii);
            out->n_bytes += n_ascii;
            i += n_ascii;
            begin_in = i - 1;
            begin_out = out->n_bytes - 1;
        }
        to = out->data + out->n_bytes;
        while (i < n && (unsigned char)in[i] >= 0x80) {
            size_t next = i;
            uint32_t c;
            if ((unsigned char)in[i] >= 0xe4 && (unsigned char)in[i] <= 0xe9) {
                memcpy(to, in + i, 3); // Han: as it is
                begin_in = i;
                begin_out = (size_t)(to - out->data);
                to += 3;
                i += 3;
                continue;
            }
            c = feat_nfkc_of(icu, feat_utf8_next(in, &next));
            if (c == FEAT_NFKC_SPAN) {
                break;
            }
            begin_in = i;
            begin_out = (size_t)(to - out->data);
            to = feat_utf8_put(to, c);
            i = next;
        }
        out->n_bytes = (size_t)(to - out->data);
        if (i < n && (unsigned char)in[i] >= 0x80) {
            const size_t end = span_end(icu, in, i, n);
            out->n_bytes = begin_out;
            if (!feat_icu_normalize(icu, in + begin_in, end - begin_in, out)) {
                return false;
            }
            begin_in = i = end;
            begin_out = out->n_bytes;
        }
    }
    return true;
}

// ---------------------------------------------------------------- simplify

static bool simplify_run(void *state, const char *in, size_t n, struct base_buffer *out)
{
    struct feat_icu *icu = ((const struct fold *)state)->icu;
    char *const begin = base_buffer_reserve(out, n), *to = begin;
    if (!to) {
        return false;
    }
    for (size_t i = 0; i < n;) {
        const size_t n_ascii = ascii_run(in + i, n - i);
        memcpy(to, in + i, n_ascii);
        to += n_ascii;
        i += n_ascii;
        while (i < n && (unsigned char)in[i] >= 0x80) {
            const unsigned char lead = (unsigned char)in[i];
            const size_t length = feat_utf8_length(lead);
            if (lead >= 0xe3 && lead <= 0xe9) {
                size_t next = i;
                const uint32_t c = feat_utf8_next(in, &next);
                to = feat_utf8_put(to, c >= 0x3400 ? feat_simple_of(icu, c) : c);
            } else {
                memcpy(to, in + i, length);
                to += length;
            }
            i += length;
        }
    }
    out->n_bytes += (size_t)(to - begin);
    return true;
}

// ---------------------------------------------------------------- lower

static bool lower_run(void *state, const char *in, size_t n, struct base_buffer *out)
{
    enum { GROWTH = 2 /* of a few letters, two bytes to three */ };
    struct feat_icu *icu = ((const struct fold *)state)->icu;
    char *const begin = base_buffer_reserve(out, GROWTH * n + 4), *to = begin;
    if (!to) {
        return false;
    }
    for (size_t i = 0; i < n;) {
        const size_t n_ascii = ascii_run(in + i, n - i);
        for (size_t k = 0; k < n_ascii; k++) {
            const unsigned char c = (unsigned char)in[i + k];
            to[k] = (char)(c + ((unsigned char)(c - 'A') < 26) * 32);
        }
        to += n_ascii;
        i += n_ascii;
        while (i < n && (unsigned char)in[i] >= 0x80) {
            const unsigned char lead = (unsigned char)in[i];
            if (lead >= 0xe3 && lead <= 0xe9) { // scripts without case
                memcpy(to, in + i, 3);
                to += 3;
                i += 3;
            } else {
                to = feat_utf8_put(to, feat_lower_of(icu, feat_utf8_next(in, &i)));
            }
        }
    }
    out->n_bytes += (size_t)(to - begin);
    return true;
}

const struct feat_step feat_step_normalize = {
    .n_state_bytes = sizeof(struct fold), .open = fold_open, .run = normalize_run};
const struct feat_step feat_step_simplify = {
    .n_state_bytes = sizeof(struct fold), .open = fold_open, .run = simplify_run};
const struct feat_step feat_step_lower = {
    .n_state_bytes = sizeof(struct fold), .open = fold_open, .run = lower_run};
