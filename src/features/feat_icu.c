/** The one file of the text steps that sees ICU; see feat_icu.h. */
#include "feat_icu.h"

#include "base_alloc.h"
#include "base_error.h"

#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/udata.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utrans.h>

struct feat_icu_ask {
    const UNormalizer2 *nfkc;
    UTransliterator
        *simplify; /* NULL until a Han character is met: opening takes 60 ms */
    UBreakIterator *words;
    UDataMemory *dictionary;
    UChar *in, *out; /* (room_in), (room_out) */
    int32_t *cut;    /* (room_in) */
    int32_t room_in, room_out;
};

/** ICU's dictionary for Chinese and Japanese: a UCharsTrie with values, little or big end. */
static UBool is_usable(void *context, const char *type, const char *name,
                       const UDataInfo *info)
{
    (void)context, (void)type, (void)name;
    static const uint8_t format[4] = "Dict";
    return info->sizeofUChar == 2 && info->isBigEndian == U_IS_BIG_ENDIAN &&
           memcmp(info->dataFormat, format, sizeof format) == 0 &&
           info->formatVersion[0] == 1;
}

/** Eight offsets, then the trie; the fifth word says its type (dictionarydata.h of ICU). */
static void open_dictionary(struct feat_icu *icu)
{
    enum { TYPE_UCHARS_WITH_VALUES = 9, I_TYPE = 4, N_OFFSETS = 8 };
    UErrorCode status = U_ZERO_ERROR;
    struct feat_icu_ask *ask = icu->ask;
    ask->dictionary = udata_openChoice(U_ICUDATA_NAME "-brkitr", "dict", "cjdict",
                                       is_usable, NULL, &status);
    if (U_FAILURE(status)) {
        ask->dictionary = NULL;
        return;
    }
    const char *data = udata_getMemory(ask->dictionary);
    int32_t offset[N_OFFSETS];
    memcpy(offset, data, sizeof offset);
    if (offset[I_TYPE] == TYPE_UCHARS_WITH_VALUES && offset[0] == (int)sizeof offset) {
        icu->dictionary = (const uint16_t *)(const void *)(data + offset[0]);
    }
}

enum reel_status feat_icu_create(struct feat_icu **out, struct reel_error *err)
{
    *out = NULL;
    struct feat_icu *icu = base_alloc_zeroed(1, sizeof *icu);
    if (!icu || !(icu->ask = base_alloc_zeroed(1, sizeof *icu->ask))) {
        base_free(icu);
        return fail(err, REEL_ENOMEM, "tables of characters");
    }
    UErrorCode status = U_ZERO_ERROR;
    icu->ask->nfkc = unorm2_getNFKCInstance(&status);
    icu->ask->words = ubrk_open(UBRK_WORD, "zh", NULL, 0, &status);
    if (U_FAILURE(status)) {
        feat_icu_free(icu);
        return fail(err, REEL_EFAIL, "ICU lacks data: %s", u_errorName(status));
    }
    open_dictionary(icu);
    *out = icu;
    return REEL_OK;
}

void feat_icu_free(struct feat_icu *icu)
{
    if (!icu) {
        return;
    }
    if (icu->ask->simplify) {
        utrans_close(icu->ask->simplify);
    }
    if (icu->ask->words) {
        ubrk_close(icu->ask->words);
    }
    if (icu->ask->dictionary) {
        udata_close(icu->ask->dictionary);
    }
    base_free(icu->ask->in);
    base_free(icu->ask->out);
    base_free(icu->ask->cut);
    base_free(icu->ask);
    base_free(icu);
}

static bool is_dense(UScriptCode script)
{
    return script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA ||
           script == USCRIPT_THAI || script == USCRIPT_LAO || script == USCRIPT_KHMER ||
           script == USCRIPT_MYANMAR;
}

static enum feat_class tell_class(UChar32 c)
{
    UErrorCode status = U_ZERO_ERROR;
    const UScriptCode script = uscript_getScript(c, &status);
    const int8_t type = u_charType(c);
    if (script == USCRIPT_HAN) {
        // Radicals and the like are symbols: ICU leaves them alone, and so do we.
        return u_isalnum(c) || c == 0x3005 ? FEAT_HAN : FEAT_GAP;
    }
    if (c == 0x30fc || (u_isalnum(c) && is_dense(script)) ||
        (is_dense(script) && u_hasBinaryProperty(c, UCHAR_DIACRITIC))) {
        return FEAT_DENSE; // 30fc: the long vowel of kana
    }
    if (type == U_NON_SPACING_MARK || type == U_COMBINING_SPACING_MARK) {
        return c >= 0xfe00 && c <= 0xfe0f ? FEAT_GAP
               : is_dense(script)         ? FEAT_DENSE
                                          : FEAT_MARK;
    }
    if (type == U_DECIMAL_DIGIT_NUMBER) {
        return FEAT_DIGIT;
    }
    if (u_isalpha(c)) {
        return FEAT_LETTER;
    }
    return c >= 0x2190 && u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC) ? FEAT_EMOJI
                                                                              : FEAT_GAP;
}

enum feat_class feat_icu_ask_class(struct feat_icu *icu, uint32_t c)
{
    const enum feat_class class = tell_class((UChar32)c);
    if (c < FEAT_PLANE) {
        icu->class_of[c] = (uint8_t) class;
    }
    return class;
}

/** As people type them: one form of quotes and dashes. 0: the character is none of them. */
static uint32_t plain_sign(uint32_t c)
{
    switch (c) {
    case 0x2018:
    case 0x2019:
    case 0x201a:
    case 0x201b:
    case 0x02bc:
    case 0x2039:
    case 0x203a:
    case 0x2032:
    case 0xb4:
        return '\'';
    case 0x201c:
    case 0x201d:
    case 0x201e:
    case 0x201f:
    case 0xab:
    case 0xbb:
    case 0x300c:
    case 0x300d:
    case 0x300e:
    case 0x300f:
    case 0x301d:
    case 0x301e:
        return '"';
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015:
    case 0x2212:
        return '-';
    default:
        return 0;
    }
}

static uint32_t tell_nfkc(const UNormalizer2 *nfkc, UChar32 c)
{
    const uint32_t sign = plain_sign((uint32_t)c);
    if (sign) {
        return sign;
    }
    if (c == 0 || U_IS_SURROGATE(c) || !unorm2_hasBoundaryBefore(nfkc, c)) {
        return FEAT_NFKC_SPAN;
    }
    UChar in[2], out[40];
    int32_t n = 0, i = 0;
    U16_APPEND_UNSAFE(in, n, c);
    UErrorCode status = U_ZERO_ERROR;
    n = unorm2_normalize(nfkc, in, n, out, 40, &status);
    UChar32 one;
    if (U_FAILURE(status) || n == 0) {
        return FEAT_NFKC_SPAN;
    }
    U16_NEXT(out, i, n, one);
    return i == n && unorm2_hasBoundaryBefore(nfkc, one) ? (uint32_t)one : FEAT_NFKC_SPAN;
}

uint32_t feat_icu_ask_nfkc(struct feat_icu *icu, uint32_t c)
{
    const uint32_t to = tell_nfkc(icu->ask->nfkc, (UChar32)c);
    if (c < FEAT_PLANE && to < FEAT_PLANE) {
        icu->nfkc[c] = (uint16_t)to;
    }
    return to;
}

uint32_t feat_icu_ask_lower(struct feat_icu *icu, uint32_t c)
{
    const uint32_t to = (uint32_t)u_tolower((UChar32)c);
    if (c < FEAT_PLANE && to < FEAT_PLANE) {
        icu->lower[c] = (uint16_t)to;
    }
    return to;
}

uint16_t feat_icu_ask_simple(struct feat_icu *icu, uint32_t c)
{
    UErrorCode status = U_ZERO_ERROR;
    struct feat_icu_ask *ask = icu->ask;
    icu->simple[c] = (uint16_t)c;
    if (!ask->simplify) {
        static const UChar id[] = u"Traditional-Simplified";
        ask->simplify = utrans_openU(id, -1, UTRANS_FORWARD, NULL, 0, NULL, &status);
    }
    UChar text[8] = {(UChar)c};
    int32_t n = 1, limit = 1;
    if (U_SUCCESS(status)) {
        utrans_transUChars(ask->simplify, text, &n, 8, 0, &limit, &status);
    }
    if (U_SUCCESS(status) && n == 1 && text[0] > 0x7ff) {
        icu->simple[c] = text[0];
    }
    return icu->simple[c];
}

static bool make_room(struct feat_icu_ask *ask, size_t n_in, size_t n_out)
{
    if (n_out > INT32_MAX / 4 || n_in > INT32_MAX / 4) {
        return false;
    }
    if ((int32_t)n_in > ask->room_in) {
        UChar *in = base_realloc_array(ask->in, n_in, sizeof *in);
        ask->in = in ? in : ask->in;
        int32_t *cut = base_realloc_array(ask->cut, n_in, sizeof *cut);
        ask->cut = cut ? cut : ask->cut;
        if (!in || !cut) {
            return false;
        }
        ask->room_in = (int32_t)n_in;
    }
    if ((int32_t)n_out > ask->room_out) {
        UChar *out = base_realloc_array(ask->out, n_out, sizeof *out);
        if (!out) {
            return false;
        }
        ask->out = out;
        ask->room_out = (int32_t)n_out;
    }
    return true;
}

bool feat_icu_normalize(struct feat_icu *icu, const char *in, size_t n,
                        struct base_buffer *out)
{
    enum { GROWTH = 18 /* of NFKC, in units of UTF-16 */ };
    struct feat_icu_ask *ask = icu->ask;
    char *to = base_buffer_reserve(out, 3 * GROWTH * n);
    if (!to || !make_room(ask, n + 1, GROWTH * n + 1)) {
        return false;
    }
    UErrorCode status = U_ZERO_ERROR;
    int32_t n_wide = 0, n_out = 0;
    u_strFromUTF8(ask->in, ask->room_in, &n_wide, in, (int32_t)n, &status);
    n_wide =
        unorm2_normalize(ask->nfkc, ask->in, n_wide, ask->out, ask->room_out, &status);
    u_strToUTF8(to, (int32_t)(3 * GROWTH * n + 1), &n_out, ask->out, n_wide, &status);
    if (U_FAILURE(status)) {
        return false;
    }
    out->n_bytes += (size_t)n_out;
    return true;
}

bool feat_icu_cut(struct feat_icu *icu, const char *in, size_t n, const int32_t **cut,
                  int32_t *n_cuts)
{
    struct feat_icu_ask *ask = icu->ask;
    if (!make_room(ask, n + 1, 0)) {
        return false;
    }
    UErrorCode status = U_ZERO_ERROR;
    int32_t n_wide = 0, at_wide = 0, n_bytes = 0;
    u_strFromUTF8(ask->in, ask->room_in, &n_wide, in, (int32_t)n, &status);
    ubrk_setText(ask->words, ask->in, n_wide, &status);
    if (U_FAILURE(status)) {
        return false;
    }
    *n_cuts = 0;
    for (int32_t to = ubrk_first(ask->words); to != UBRK_DONE;
         to = ubrk_next(ask->words)) {
        while (at_wide < to) {
            UChar32 c;
            U16_NEXT(ask->in, at_wide, n_wide, c);
            n_bytes += U8_LENGTH(c);
        }
        ask->cut[(*n_cuts)++] = n_bytes;
    }
    *cut = ask->cut;
    return true;
}
