/**
 * Folding and cutting of words with ICU; see base_text.h.
 *
 * ASCII, most of what comes, is folded without ICU and gives the same result.
 * The Unicode way: NFKC_Casefold, traditional to simplified where there are Han characters,
 * marks off their Latin, Greek or Cyrillic letters, everything but letters, digits and the
 * marks of other scripts to one blank.
 */
#include "base_text.h"
#include "base_alloc.h"
#include "base_error.h"

#include <stdint.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utrans.h>

struct base_text {
    const UNormalizer2 *fold, *decompose, *compose;
    UTransliterator *simplify;
    UBreakIterator *words;
};

bool base_utf8_check(const char *text, size_t n_bytes, size_t *bad)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t i = 0;
    while (i < n_bytes) {
        uint64_t word;
        if (i + 8 <= n_bytes) {
            memcpy(&word, s + i, 8);
            // Eight bytes at once: none has the high bit and none is 0.
            if (((word | ((word - 0x0101010101010101u) & ~word)) & 0x8080808080808080u) ==
                0) {
                i += 8;
                continue;
            }
        }
        const unsigned char c = s[i];
        size_t n = c == 0                  ? 0
                   : c < 0x80              ? 1
                   : c >= 0xc2 && c < 0xe0 ? 2
                   : c >= 0xe0 && c < 0xf0 ? 3
                   : c >= 0xf0 && c < 0xf5 ? 4
                                           : 0;
        if (n == 0 || i + n > n_bytes) {
            *bad = i;
            return false;
        }
        for (size_t j = 1; j < n; j++) {
            if ((s[i + j] & 0xc0) != 0x80) {
                n = 0;
                break;
            }
        }
        // Overlong forms, surrogates, and what lies beyond U+10FFFF.
        if (n == 0 || (c == 0xe0 && s[i + 1] < 0xa0) || (c == 0xed && s[i + 1] > 0x9f) ||
            (c == 0xf0 && s[i + 1] < 0x90) || (c == 0xf4 && s[i + 1] > 0x8f)) {
            *bad = i;
            return false;
        }
        i += n;
    }
    return true;
}

enum base_text_kind base_text_kind(uint32_t code_point)
{
    const uint32_t category = U_GET_GC_MASK((UChar32)code_point);
    return category & U_GC_L_MASK                 ? BASE_TEXT_LETTER
           : category & U_GC_N_MASK               ? BASE_TEXT_NUMBER
           : u_isUWhiteSpace((UChar32)code_point) ? BASE_TEXT_SPACE
                                                  : BASE_TEXT_OTHER;
}

enum reel_status base_text_create(struct base_text **out, struct reel_error *err)
{
    *out = NULL;
    struct base_text *text = base_alloc_zeroed(1, sizeof *text);
    if (!text) {
        return fail(err, REEL_ENOMEM, "text tools");
    }
    UErrorCode status = U_ZERO_ERROR;
    text->fold = unorm2_getNFKCCasefoldInstance(&status);
    text->decompose = unorm2_getNFDInstance(&status);
    text->compose = unorm2_getNFCInstance(&status);
    static const UChar id[] = u"Traditional-Simplified";
    text->simplify = utrans_openU(id, -1, UTRANS_FORWARD, NULL, 0, NULL, &status);
    text->words = ubrk_open(UBRK_WORD, "zh", NULL, 0, &status);
    if (U_FAILURE(status)) {
        base_text_free(text);
        return fail(err, REEL_EFAIL, "ICU lacks data: %s", u_errorName(status));
    }
    *out = text;
    return REEL_OK;
}

void base_text_free(struct base_text *text)
{
    if (text) {
        if (text->simplify) {
            utrans_close(text->simplify);
        }
        if (text->words) {
            ubrk_close(text->words);
        }
        base_free(text);
    }
}

static bool is_ascii(const char *in, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        if ((unsigned char)in[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static bool fold_ascii(const char *in, size_t n_bytes, struct base_buffer *out)
{
    const size_t begin = out->n_bytes;
    bool needs_blank = false;
    for (size_t i = 0; i < n_bytes; i++) {
        char c = in[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        const bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_word) {
            needs_blank |= c != '\'';
            continue;
        }
        if (needs_blank && out->n_bytes > begin && !base_buffer_add_char(out, ' ')) {
            return false;
        }
        needs_blank = false;
        if (!base_buffer_add_char(out, c)) {
            return false;
        }
    }
    return true;
}

/** A growing UTF-16 string for the steps between. */
struct wide {
    UChar *data;
    int32_t n, room;
};

static bool wide_reserve(struct wide *w, int64_t room)
{
    if (room > INT32_MAX / 4) {
        return false;
    }
    UChar *data = base_realloc_array(w->data, (size_t)room, sizeof *data);
    if (!data) {
        return false;
    }
    w->data = data;
    w->room = (int32_t)room;
    return true;
}

// `to` receives `from` normalised; NFKC can make one character eighteen.
static bool normalise(const UNormalizer2 *form, const struct wide *from, struct wide *to)
{
    for (int tries = 0; tries < 2; tries++) {
        UErrorCode status = U_ZERO_ERROR;
        to->n = unorm2_normalize(form, from->data, from->n, to->data, to->room, &status);
        if (U_SUCCESS(status)) {
            return true;
        }
        if (status != U_BUFFER_OVERFLOW_ERROR || !wide_reserve(to, (int64_t)to->n + 1)) {
            return false;
        }
    }
    return false;
}

static bool has_han(const struct wide *w)
{
    for (int32_t i = 0; i < w->n;) {
        UChar32 c;
        U16_NEXT(w->data, i, w->n, c);
        if (u_hasBinaryProperty(c, UCHAR_IDEOGRAPHIC)) {
            return true;
        }
    }
    return false;
}

static bool simplify(const struct base_text *text, struct wide *w)
{
    if (!has_han(w)) {
        return true;
    }
    // The rules never lengthen much; leave room for one half more.
    if (w->room < w->n + w->n / 2 + 16 &&
        !wide_reserve(w, (int64_t)w->n + w->n / 2 + 16)) {
        return false;
    }
    UErrorCode status = U_ZERO_ERROR;
    int32_t limit = w->n;
    utrans_transUChars(text->simplify, w->data, &w->n, w->room, 0, &limit, &status);
    return U_SUCCESS(status);
}

static bool takes_marks_off(UChar32 c)
{
    UErrorCode status = U_ZERO_ERROR;
    const UScriptCode script = uscript_getScript(c, &status);
    return script == USCRIPT_LATIN || script == USCRIPT_GREEK ||
           script == USCRIPT_CYRILLIC;
}

// Letters that Unicode does not take apart, as people type them.
static UChar32 plain_letter(UChar32 c)
{
    switch (c) {
    case 0x00f8: // o with stroke
        return 'o';
    case 0x0142: // l with stroke
        return 'l';
    case 0x0111: // d with stroke
        return 'd';
    case 0x0131: // dotless i
        return 'i';
    default:
        return c;
    }
}

static bool is_kept_mark(UChar32 c)
{
    const int8_t type = u_charType(c);
    return type == U_NON_SPACING_MARK || type == U_COMBINING_SPACING_MARK;
}

// In place: `w` is decomposed; letters stay, marks go, the rest becomes single blanks.
static void strip(struct wide *w)
{
    int32_t n = 0;
    bool is_plain = false, needs_blank = false;
    for (int32_t i = 0; i < w->n;) {
        UChar32 c;
        U16_NEXT(w->data, i, w->n, c);
        if (is_kept_mark(c)) {
            if (is_plain || n == 0) {
                continue;
            }
        } else if (c == '\'' || c == 0x2019 || c == 0x02bc) {
            continue;
        } else if (!u_isalnum(c)) {
            needs_blank = true;
            continue;
        } else {
            is_plain = takes_marks_off(c);
            c = plain_letter(c);
        }
        if (needs_blank && n > 0) {
            w->data[n++] = ' ';
        }
        needs_blank = false;
        U16_APPEND_UNSAFE(w->data, n, c);
    }
    w->n = n;
}

static bool to_utf8(const UChar *data, int32_t n, struct base_buffer *out)
{
    for (int32_t i = 0; i < n;) {
        UChar32 c;
        U16_NEXT(data, i, n, c);
        char bytes[U8_MAX_LENGTH];
        int32_t n_bytes = 0;
        U8_APPEND_UNSAFE(bytes, n_bytes, U_IS_SURROGATE(c) ? 0xfffd : c);
        if (!base_buffer_add(out, bytes, (size_t)n_bytes)) {
            return false;
        }
    }
    return true;
}

static bool fold_wide(const struct base_text *text, const char *in, size_t n_bytes,
                      struct wide *a, struct wide *b)
{
    if (n_bytes > INT32_MAX / 8 || !wide_reserve(a, (int64_t)n_bytes + 1) ||
        !wide_reserve(b, 2 * (int64_t)n_bytes + 16)) {
        return false;
    }
    UErrorCode status = U_ZERO_ERROR;
    // Broken UTF-8 becomes U+FFFD, which is no letter and goes away.
    u_strFromUTF8WithSub(a->data, a->room, &a->n, in, (int32_t)n_bytes, 0xfffd, NULL,
                         &status);
    if (U_FAILURE(status) || !normalise(text->fold, a, b) || !simplify(text, b) ||
        !normalise(text->decompose, b, a)) {
        return false;
    }
    strip(a);
    return normalise(text->compose, a, b);
}

enum reel_status base_text_fold(struct base_text *text, const char *in, size_t n_in_bytes,
                                struct base_buffer *out, struct reel_error *err)
{
    const size_t begin = out->n_bytes;
    bool is_done;
    if (is_ascii(in, n_in_bytes)) {
        is_done = fold_ascii(in, n_in_bytes, out);
    } else {
        struct wide a = {0}, b = {0};
        is_done = fold_wide(text, in, n_in_bytes, &a, &b) && to_utf8(b.data, b.n, out);
        base_free(a.data);
        base_free(b.data);
    }
    if (!is_done) {
        out->n_bytes = begin;
        return fail(err, REEL_ENOMEM, "folding %zu bytes of text", n_in_bytes);
    }
    return REEL_OK;
}

static bool add_word(const UChar *word, int32_t n, bool with_characters, size_t begin,
                     struct base_buffer *out)
{
    if (out->n_bytes > begin && !base_buffer_add_char(out, ' ')) {
        return false;
    }
    if (!to_utf8(word, n, out)) {
        return false;
    }
    if (!with_characters || u_countChar32(word, n) < 2) {
        return true;
    }
    for (int32_t i = 0; i < n;) {
        const int32_t from = i;
        UChar32 c;
        U16_NEXT(word, i, n, c);
        if (u_hasBinaryProperty(c, UCHAR_IDEOGRAPHIC) &&
            (!base_buffer_add_char(out, ' ') || !to_utf8(word + from, i - from, out))) {
            return false;
        }
    }
    return true;
}

static bool cut(struct base_text *text, const struct wide *w, bool with_characters,
                struct base_buffer *out)
{
    UErrorCode status = U_ZERO_ERROR;
    ubrk_setText(text->words, w->data, w->n, &status);
    if (U_FAILURE(status)) {
        return false;
    }
    const size_t begin = out->n_bytes;
    int32_t from = ubrk_first(text->words);
    for (int32_t to = ubrk_next(text->words); to != UBRK_DONE;
         from = to, to = ubrk_next(text->words)) {
        if (w->data[from] == ' ') {
            continue;
        }
        if (!add_word(w->data + from, to - from, with_characters, begin, out)) {
            return false;
        }
    }
    return true;
}

enum reel_status base_text_words(struct base_text *text, const char *in,
                                 size_t n_in_bytes, bool with_characters,
                                 struct base_buffer *out, struct reel_error *err)
{
    const size_t begin = out->n_bytes;
    bool is_done;
    if (is_ascii(in, n_in_bytes)) {
        // Folded ASCII is letters, digits and blanks: it is cut already.
        is_done = fold_ascii(in, n_in_bytes, out);
    } else {
        struct wide a = {0}, b = {0};
        is_done = fold_wide(text, in, n_in_bytes, &a, &b) &&
                  cut(text, &b, with_characters, out);
        base_free(a.data);
        base_free(b.data);
    }
    if (!is_done) {
        out->n_bytes = begin;
        return fail(err, REEL_ENOMEM, "cutting %zu bytes of text", n_in_bytes);
    }
    return REEL_OK;
}

static bool is_letter_ascii(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit_ascii(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_ascii(char c)
{
    return is_letter_ascii(c) || is_digit_ascii(c) || c == '_';
}

/** Does a word of ASCII go on with `c`, between `before` and `after` (UAX 29, WB5 to WB13)? */
static bool goes_on(char before, char c, char after)
{
    const bool is_letter = is_letter_ascii(before) && is_letter_ascii(after);
    const bool is_digit = is_digit_ascii(before) && is_digit_ascii(after);
    return is_word_ascii(c) || ((c == '.' || c == '\'') && (is_letter || is_digit)) ||
           ((c == ',' || c == ';') && is_digit);
}

static bool cut_ascii(const char *in, size_t n_bytes, struct base_buffer *out)
{
    const size_t begin = out->n_bytes;
    for (size_t i = 0; i < n_bytes;) {
        size_t end = i + 1;
        if (in[i] == ' ' || (in[i] >= '\t' && in[i] <= '\r')) {
            i++;
            continue;
        }
        while (is_word_ascii(in[i]) && end < n_bytes &&
               goes_on(in[end - 1], in[end], end + 1 < n_bytes ? in[end + 1] : ' ')) {
            end++;
        }
        if ((out->n_bytes > begin && !base_buffer_add_char(out, ' ')) ||
            !base_buffer_add(out, in + i, end - i)) {
            return false;
        }
        i = end;
    }
    return true;
}

/** Blanks inside a piece (there are some that ICU joins) end it. */
static bool add_piece(const UChar *piece, int32_t n, size_t begin,
                      struct base_buffer *out)
{
    for (int32_t i = 0; i < n;) {
        int32_t end = i;
        UChar32 c = 0;
        while (end < n) {
            int32_t next = end;
            U16_NEXT(piece, next, n, c);
            if (u_isUWhiteSpace(c) || u_iscntrl(c)) {
                break;
            }
            end = next;
        }
        if (end > i && ((out->n_bytes > begin && !base_buffer_add_char(out, ' ')) ||
                        !to_utf8(piece + i, end - i, out))) {
            return false;
        }
        i = end;
        if (i < n) {
            U16_FWD_1(piece, i, n);
        }
    }
    return true;
}

static bool cut_wide(struct base_text *text, const struct wide *w,
                     struct base_buffer *out)
{
    UErrorCode status = U_ZERO_ERROR;
    ubrk_setText(text->words, w->data, w->n, &status);
    if (U_FAILURE(status)) {
        return false;
    }
    const size_t begin = out->n_bytes;
    int32_t from = ubrk_first(text->words);
    for (int32_t to = ubrk_next(text->words); to != UBRK_DONE;
         from = to, to = ubrk_next(text->words)) {
        if (!add_piece(w->data + from, to - from, begin, out)) {
            return false;
        }
    }
    return true;
}

enum reel_status base_text_tokens(struct base_text *text, const char *in,
                                  size_t n_in_bytes, struct base_buffer *out,
                                  struct reel_error *err)
{
    const size_t begin = out->n_bytes;
    bool is_done;
    if (is_ascii(in, n_in_bytes)) {
        is_done = cut_ascii(in, n_in_bytes, out);
    } else {
        struct wide w = {0};
        UErrorCode status = U_ZERO_ERROR;
        is_done =
            n_in_bytes <= INT32_MAX / 8 && wide_reserve(&w, (int64_t)n_in_bytes + 1);
        if (is_done) {
            u_strFromUTF8WithSub(w.data, w.room, &w.n, in, (int32_t)n_in_bytes, 0xfffd,
                                 NULL, &status);
            is_done = U_SUCCESS(status) && cut_wide(text, &w, out);
        }
        base_free(w.data);
    }
    if (!is_done) {
        out->n_bytes = begin;
        return fail(err, REEL_ENOMEM, "cutting %zu bytes of text", n_in_bytes);
    }
    return REEL_OK;
}

// Articles of the languages whose film titles are filed under the next word.
static const char *const articles[] = {"the", "a",   "an",  "le",  "la",  "les", "l",
                                       "un",  "une", "der", "die", "das", "ein", "eine",
                                       "el",  "los", "las", "il",  "lo",  "gli", "una",
                                       "het", "een", "det", "ett"};

static bool is_article(const char *word, size_t n_bytes)
{
    for (size_t i = 0; i < sizeof articles / sizeof articles[0]; i++) {
        if (strlen(articles[i]) == n_bytes && memcmp(articles[i], word, n_bytes) == 0) {
            return true;
        }
    }
    return false;
}

// "matrix the" when the source wrote "Matrix, The": only then is a trailing article one.
static bool ends_with_comma_article(const char *title)
{
    const char *comma = strrchr(title, ',');
    if (!comma) {
        return false;
    }
    const char *word = comma + 1 + strspn(comma + 1, " ");
    char lower[8];
    size_t n = 0;
    for (; word[n] && word[n] != ' ' && word[n] != '\'' && n < sizeof lower; n++) {
        lower[n] =
            word[n] >= 'A' && word[n] <= 'Z' ? (char)(word[n] - 'A' + 'a') : word[n];
    }
    const char *rest = word + n;
    return n < sizeof lower && rest[strspn(rest, " '")] == '\0' && is_article(lower, n);
}

static enum reel_status fold_title(struct base_text *text, const char *title,
                                   struct base_buffer *folded, struct reel_error *err)
{
    // An ampersand is the word "and".
    struct base_buffer spelt;
    base_buffer_init(&spelt, 1 << 20);
    bool is_spelt = true;
    for (const char *p = title; *p && is_spelt; p++) {
        is_spelt = *p == '&' ? base_buffer_add_text(&spelt, " and ")
                             : base_buffer_add_char(&spelt, *p);
    }
    const enum reel_status rc =
        is_spelt
            ? base_text_fold(text, base_buffer_text(&spelt), spelt.n_bytes, folded, err)
            : fail(err, REEL_ENOMEM, "title of %zu bytes", strlen(title));
    base_buffer_release(&spelt);
    return rc;
}

enum reel_status base_text_title_key(struct base_text *text, const char *title,
                                     struct base_buffer *out, struct reel_error *err)
{
    struct base_buffer folded;
    base_buffer_init(&folded, 1 << 20);
    enum reel_status rc = fold_title(text, title, &folded, err);
    if (rc == REEL_OK) {
        const char *key = base_buffer_text(&folded);
        size_t n = folded.n_bytes;
        const char *blank = memchr(key, ' ', n);
        if (blank && is_article(key, (size_t)(blank - key))) {
            n -= (size_t)(blank + 1 - key);
            key = blank + 1;
        } else if (blank && ends_with_comma_article(title)) {
            while (key[n - 1] != ' ') {
                n--;
            }
            n--;
        }
        if (!base_buffer_add(out, key, n)) {
            rc = fail(err, REEL_ENOMEM, "title of %zu bytes", strlen(title));
        }
    }
    base_buffer_release(&folded);
    return rc;
}
