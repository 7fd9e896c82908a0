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
    base_buffer_init(&words->single.text, TEXT_MAX_BYTES);
    base_buffer_init(&words->all.text, TEXT_MAX_BYTES);
    base_buffer_init(&words->name, 1 << 16);
}

static void run_release(struct feat_run *run)
{
    base_buffer_release(&run->text);
    base_free(run->start);
}

void feat_words_release(struct feat_words *words)
{
    base_text_free(words->fold);
    run_release(&words->single);
    run_release(&words->all);
    base_buffer_release(&words->name);
    *words = (struct feat_words){0};
}

static void run_clear(struct feat_run *run)
{
    base_buffer_clear(&run->text);
    run->n = 0;
}

static enum reel_status add_word(const char *word, size_t n_bytes, void *payload,
                                 struct reel_error *err)
{
    struct feat_run *run = payload;
    if (run->n + 1 >= run->room) {
        const int32_t room = run->room ? 2 * run->room : 256;
        size_t *start = base_realloc_array(run->start, (size_t)room, sizeof *run->start);
        if (!start) {
            return fail(err, REEL_ENOMEM, "a text of %d words", run->n);
        }
        run->start = start;
        run->room = room;
    }
    run->start[run->n] = run->text.n_bytes;
    if (!base_buffer_add(&run->text, word, n_bytes) ||
        !base_buffer_add_char(&run->text, ' ')) {
        return fail(err, REEL_ENOMEM, "a text of %d words", run->n);
    }
    run->start[++run->n] = run->text.n_bytes;
    return REEL_OK;
}

enum reel_status feat_words_cut(struct feat_words *words, const char *text,
                                struct reel_error *err)
{
    struct reel_text_options opt = reel_text_options_default();
    run_clear(&words->single);
    run_clear(&words->all);
    if (!text) {
        return REEL_OK;
    }
    const size_t n = strlen(text);
    enum reel_status rc = reel_text_words(text, n, &opt, add_word, &words->single, err);
    opt.keeps_stop_words = true;
    return rc ? rc : reel_text_words(text, n, &opt, add_word, &words->all, err);
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

static enum reel_status spell(struct feat_run *run, const char *const *chain,
                              int32_t n_steps, const char *text, struct reel_error *err)
{
    struct reel_text_options opt = reel_text_options_default();
    struct reel_text_pipe *pipe;
    run_clear(run);
    opt.language = "en";
    enum reel_status rc =
        reel_text_pipe_open(chain, n_steps, &opt, add_words, run, &pipe, err);
    if (rc == REEL_OK) {
        rc = reel_text_pipe_push(pipe, text, strlen(text), err);
        rc = rc ? rc : reel_text_pipe_end(pipe, err);
        reel_text_pipe_close(pipe);
    }
    return rc;
}

enum reel_status feat_words_spell(struct feat_words *words, const char *text,
                                  struct reel_error *err)
{
    enum { N_STEPS = 6 };
    static const char *const chain[N_STEPS] = {"extract", "clean", "normalize",
                                               "segment", "lower", "stop"};
    if (!text || strcmp(reel_text_language(text, strlen(text)), "en") != 0) {
        return feat_words_cut(words, text, err); // only English words lose their endings
    }
    const enum reel_status rc = spell(&words->single, chain, N_STEPS, text, err);
    return rc ? rc : spell(&words->all, chain, N_STEPS - 1, text, err);
}

int32_t feat_words_n(const struct feat_words *words, int32_t k)
{
    const int32_t n = k == 1 ? words->single.n : words->all.n - k + 1;
    return n > 0 ? n : 0;
}

const char *feat_words_term(const struct feat_words *words, int32_t i, int32_t k,
                            size_t *n_bytes)
{
    const struct feat_run *run = k == 1 ? &words->single : &words->all;
    *n_bytes = run->start[i + k] - run->start[i] - 1;
    return run->text.data + run->start[i];
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
