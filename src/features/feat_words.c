/** Cutting for the extractor: what reel_text_words gives, side by side; see feat_words.h. */
#include "feat_words.h"
#include "base_alloc.h"
#include "base_error.h"

#include <forkreel/text.h>

#include <string.h>

enum { TEXT_MAX_BYTES = 1 << 30 };

void feat_words_init(struct feat_words *words)
{
    *words = (struct feat_words){0};
    base_buffer_init(&words->text, TEXT_MAX_BYTES);
    base_buffer_init(&words->name, 1 << 16);
}

void feat_words_release(struct feat_words *words)
{
    base_text_free(words->fold);
    base_buffer_release(&words->text);
    base_buffer_release(&words->name);
    base_free(words->start);
    *words = (struct feat_words){0};
}

static enum reel_status add_word(const char *word, size_t n_bytes, void *payload,
                                 struct reel_error *err)
{
    struct feat_words *words = payload;
    if (words->n + 1 >= words->room) {
        const int32_t room = words->room ? 2 * words->room : 256;
        size_t *start =
            base_realloc_array(words->start, (size_t)room, sizeof *words->start);
        if (!start) {
            return fail(err, REEL_ENOMEM, "a text of %d words", words->n);
        }
        words->start = start;
        words->room = room;
    }
    words->start[words->n] = words->text.n_bytes;
    if (!base_buffer_add(&words->text, word, n_bytes) ||
        !base_buffer_add_char(&words->text, ' ')) {
        return fail(err, REEL_ENOMEM, "a text of %d words", words->n);
    }
    words->start[++words->n] = words->text.n_bytes;
    return REEL_OK;
}

enum reel_status feat_words_cut(struct feat_words *words, const char *text,
                                struct reel_error *err)
{
    base_buffer_clear(&words->text);
    words->n = 0;
    return text ? reel_text_words(text, strlen(text), NULL, add_word, words, err)
                : REEL_OK;
}

/** A pipe's blocks of words, one blank or line between. */
static enum reel_status add_words(const char *bytes, size_t n, void *payload,
                                  struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (size_t i = 0; rc == REEL_OK && i < n;) {
        size_t end = i;
        while (end < n && bytes[end] != ' ' && bytes[end] != '\n') {
            end++;
        }
        rc = end > i ? add_word(bytes + i, end - i, payload, err) : REEL_OK;
        i = end + 1;
    }
    return rc;
}

enum reel_status feat_words_spell(struct feat_words *words, const char *text,
                                  struct reel_error *err)
{
    static const char *const chain[] = {"extract", "clean", "normalize",
                                        "segment", "lower", "stop"};
    const char *language = text ? reel_text_language(text, strlen(text)) : "";
    if (strcmp(language, "en") != 0) {
        return feat_words_cut(words, text, err); // only English words lose their endings
    }
    struct reel_text_options opt = reel_text_options_default();
    opt.language = language;
    struct reel_text_pipe *pipe;
    base_buffer_clear(&words->text);
    words->n = 0;
    enum reel_status rc = reel_text_pipe_open(chain, sizeof chain / sizeof *chain, &opt,
                                              add_words, words, &pipe, err);
    if (rc == REEL_OK) {
        rc = reel_text_pipe_push(pipe, text, strlen(text), err);
        rc = rc ? rc : reel_text_pipe_end(pipe, err);
        reel_text_pipe_close(pipe);
    }
    return rc;
}

const char *feat_words_term(const struct feat_words *words, int32_t i, int32_t k,
                            size_t *n_bytes)
{
    *n_bytes = words->start[i + k] - words->start[i] - 1;
    return words->text.data + words->start[i];
}

enum reel_status feat_words_name(struct feat_words *words, const char *prefix,
                                 const char *name, const char **out, size_t *n_bytes,
                                 struct reel_error *err)
{
    base_buffer_clear(&words->name);
    if (!base_buffer_add_text(&words->name, prefix)) {
        return fail(err, REEL_ENOMEM, "%s", name);
    }
    enum reel_status rc = words->fold ? REEL_OK : base_text_create(&words->fold, err);
    rc = rc ? rc : base_text_fold(words->fold, name, strlen(name), &words->name, err);
    *out = base_buffer_text(&words->name);
    *n_bytes = words->name.n_bytes;
    return rc;
}
