/** Reading and writing UTF-8 that is known to be well formed. */
#ifndef FEAT_UTF8_H
#define FEAT_UTF8_H

#include <stddef.h>
#include <stdint.h>

/** Bytes of the character that begins with byte `lead`. */
static inline size_t feat_utf8_length(unsigned char lead)
{
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** The character at `text`; `*i` moves behind it. */
static inline uint32_t feat_utf8_next(const char *text, size_t *i)
{
    const unsigned char *s = (const unsigned char *)text + *i;
    const size_t n = feat_utf8_length(s[0]);
    *i += n;
    switch (n) {
    case 1:
        return s[0];
    case 2:
        return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
    case 3:
        return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    default:
        return (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 |
               (s[3] & 0x3fu);
    }
}

/** Writes up to four bytes and gives what is behind them. */
static inline char *feat_utf8_put(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3f));
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    }
    return to;
}

#endif
