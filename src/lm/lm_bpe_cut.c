/**
 * Text into words, as llama.cpp's pre-tokenizer "qwen2" does it:
 *
 *     (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}
 *     | ?[^\s\p{L}\p{N}]+[\r\n]* | \s*[\r\n]+ | \s+(?!\S) | \s+
 *
 * The first alternative that fits wins. Characters are told apart by ICU, there by a table of
 * some other version of Unicode: the newest letters may be cut differently, which costs
 * tokens and nothing else.
 */
#include "base_text.h"
#include "lm_bpe_core.h"

#include <string.h>

/** One character of the text; n_bytes = 0 behind the end. */
struct one {
    uint32_t code;
    size_t n_bytes;
    enum base_text_kind kind;
    bool is_break; /* \r or \n */
};

static bool is_tail(const unsigned char *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return false;
        }
    }
    return true;
}

// As lenient as llama.cpp: what is malformed is one byte that stands for U+FFFD.
static struct one one_at(const char *text, size_t n_bytes, size_t at)
{
    if (at >= n_bytes) {
        return (struct one){.n_bytes = 0};
    }
    const unsigned char *p = (const unsigned char *)text + at;
    const size_t n = *p < 0x80   ? 1
                     : *p < 0xc0 ? 0
                     : *p < 0xe0 ? 2
                     : *p < 0xf0 ? 3
                     : *p < 0xf8 ? 4
                                 : 0;
    struct one one = {.code = 0xfffd, .n_bytes = 1};
    if (n == 1) {
        one.code = *p;
    } else if (n > 1 && n <= n_bytes - at && is_tail(p, n)) {
        one.n_bytes = n;
        one.code = *p & (0x7fU >> n);
        for (size_t i = 1; i < n; i++) {
            one.code = one.code << 6 | (p[i] & 0x3fU);
        }
    }
    one.kind = base_text_kind(one.code);
    one.is_break = one.code == '\r' || one.code == '\n';
    return one;
}

// 's 't 'm 'd 're 've 'll; 0 when it is none. The quote is at text[0].
static size_t contraction(const char *text, size_t n_bytes)
{
    const char a = n_bytes > 1 ? (char)(text[1] | 0x20) : 0;
    const char b = n_bytes > 2 ? (char)(text[2] | 0x20) : 0;
    if (a && strchr("stmd", a)) {
        return 2;
    }
    return (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l') ? 3
                                                                                      : 0;
}

// The end of a run of characters of one kind from `at`.
static size_t run_end(const char *text, size_t n_bytes, size_t at,
                      enum base_text_kind kind)
{
    for (;;) {
        const struct one one = one_at(text, n_bytes, at);
        if (one.n_bytes == 0 || one.kind != kind) {
            return at;
        }
        at += one.n_bytes;
    }
}

static size_t cut_blanks(const char *text, size_t n_bytes)
{
    size_t at = 0, last = 0, break_end = 0;
    for (struct one one;
         (one = one_at(text, n_bytes, at)).n_bytes && one.kind == BASE_TEXT_SPACE;) {
        last = at;
        at += one.n_bytes;
        break_end = one.is_break ? at : break_end;
    }
    // The last blank before a word belongs to the word.
    return break_end ? break_end : last > 0 && at < n_bytes ? last : at;
}

size_t lm_bpe_cut(const char *text, size_t n_bytes)
{
    const struct one first = one_at(text, n_bytes, 0);
    const struct one second = one_at(text, n_bytes, first.n_bytes);
    const size_t n_contraction = first.code == '\'' ? contraction(text, n_bytes) : 0;
    if (n_contraction > 0) {
        return n_contraction;
    }
    if (first.kind == BASE_TEXT_NUMBER) {
        return first.n_bytes;
    }
    if (first.kind == BASE_TEXT_LETTER ||
        (second.kind == BASE_TEXT_LETTER && second.n_bytes > 0 && !first.is_break)) {
        return run_end(text, n_bytes, first.n_bytes, BASE_TEXT_LETTER);
    }
    const struct one sign = first.code == ' ' ? second : first;
    if (sign.n_bytes > 0 && sign.kind == BASE_TEXT_OTHER) {
        const size_t begin = first.code == ' ' ? first.n_bytes : 0;
        size_t at = run_end(text, n_bytes, begin, BASE_TEXT_OTHER);
        while (at < n_bytes && (text[at] == '\r' || text[at] == '\n')) {
            at++;
        }
        return at;
    }
    return cut_blanks(text, n_bytes);
}
