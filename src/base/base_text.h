/**
 * Words in any script. The only file that sees ICU: every room needs folding and cutting,
 * and features/ cannot be seen from db/ and catalog/.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base_buffer.h"

#include <forkreel/status.h>

#include <stddef.h>
#include <stdint.h>

/** Is it well-formed UTF-8 without NUL? `*bad` receives the offset of the first bad byte. */
bool base_utf8_check(const char *text, size_t n_bytes, size_t *bad);

/** What a code point is by its Unicode category; what is none of these is `other`. */
enum base_text_kind {
    BASE_TEXT_OTHER,
    BASE_TEXT_LETTER, /* L */
    BASE_TEXT_NUMBER, /* N */
    BASE_TEXT_SPACE,  /* White_Space */
};
enum base_text_kind base_text_kind(uint32_t code_point);

/** Transliterators and break iterators; costly to make, not to be shared by threads. */
struct base_text;
enum reel_status base_text_create(struct base_text **out,
                                  struct reel_error *err) REEL_CHECKED;
void base_text_free(struct base_text *text);

/**
 * For comparing: NFKC, case folded, traditional Chinese to simplified, diacritics of Latin,
 * Greek and Cyrillic off, full width to half, punctuation to one blank, blanks trimmed.
 * "Amélie, LE" -> "amelie le"; "臥虎藏龍" -> "卧虎藏龙". Appends to `out`.
 */
enum reel_status base_text_fold(struct base_text *text, const char *in, size_t n_in_bytes,
                                struct base_buffer *out,
                                struct reel_error *err) REEL_CHECKED;

/**
 * Fold, then cut into words with one blank between: ICU's dictionary cuts Chinese, and
 * every Chinese word of two or more characters is followed by its single characters when
 * `with_characters`, so that a search for a part finds it. Appends to `out`.
 */
enum reel_status base_text_words(struct base_text *text, const char *in,
                                 size_t n_in_bytes, bool with_characters,
                                 struct base_buffer *out,
                                 struct reel_error *err) REEL_CHECKED;

/**
 * Words and signs as they stand, with one blank between and none inside: "Don't stop, 卧虎藏龙!"
 * -> "Don't stop , 卧虎 藏龙 !". Nothing is folded and nothing left out but blanks; Chinese is
 * cut by ICU's dictionary, all else as UAX 29 says. Appends to `out`.
 */
enum reel_status base_text_tokens(struct base_text *text, const char *in,
                                  size_t n_in_bytes, struct base_buffer *out,
                                  struct reel_error *err) REEL_CHECKED;

/** Folded title without a leading or trailing article ("The Matrix", "Matrix, The"). */
enum reel_status base_text_title_key(struct base_text *text, const char *title,
                                     struct base_buffer *out,
                                     struct reel_error *err) REEL_CHECKED;

#endif
