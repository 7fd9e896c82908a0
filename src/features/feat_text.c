/**
 * The pipe: cuts a stream into blocks of whole lines and hands them from step to step; and the
 * words of one text by the same steps. See forkreel/text.h and feat_step.h.
 *
 * Every step has its own cutter in front, which looks at nothing but the bytes that came. So the
 * chain gives exactly what one process for each step would give, and how the stream was pushed
 * cannot be seen.
 */
#include "feat_icu.h"
#include "feat_step.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_text.h"

#include <pthread.h>
#include <string.h>

static const struct reel_text_step about[] = {
    {"extract", "plain text out of HTML, Markdown, reviews and posts",
     "从 HTML、Markdown、影评和帖子中取出纯文本"},
    {"clean", "control characters, repeated signs and boilerplate off",
     "去掉控制字符、重复的符号和套话"},
    {"language", "the language before each line and a tabulator; und: not told",
     "每行前加上语言和制表符；und 表示判断不出"},
    {"normalize", "one form of each character: NFKC, full width to half, quotes",
     "统一字符形式：NFKC、全角转半角、引号"},
    {"simplify", "traditional Chinese characters to simplified", "繁体字转为简体字"},
    {"segment", "words with a blank between; Chinese by dictionary",
     "分词，词间一个空格；中文按词典"},
    {"lower", "lower case", "转为小写"},
    {"stop", "without words that say little, English and Chinese", "去掉中英文停用词"},
    {"stem", "stems of words, by Snowball", "取词干（Snowball）"},
    {"count", "how often each word came, most frequent first", "统计词频，高的在前"},
};

// In the order of the table.
static const struct feat_step *const steps[] = {
    &feat_step_extract,  &feat_step_clean,   &feat_step_language, &feat_step_normalize,
    &feat_step_simplify, &feat_step_segment, &feat_step_lower,    &feat_step_stop,
    &feat_step_stem,     &feat_step_count,
};
enum {
    N_STEPS = sizeof steps / sizeof *steps,
    N_STAGES_MAX = 32,
    BUFFER_BYTES_MAX = 1 << 30,
};

struct stage {
    const struct feat_step *step;
    const char *name;
    void *state;
    struct base_buffer pending; /* the beginning of a line */
    struct base_buffer out;
};

struct reel_text_pipe {
    struct feat_env env;
    struct stage stage[N_STAGES_MAX];
    int32_t n_stages;
    struct base_buffer repaired; /* what came, with U+FFFD for what is no UTF-8 */
    reel_text_sink *sink;
    void *payload;
};

const struct reel_text_step *reel_text_steps(int32_t *n)
{
    *n = N_STEPS;
    return about;
}

struct reel_text_options reel_text_options_default(void)
{
    return (struct reel_text_options){.n_count_max = 1000000};
}

// ---------------------------------------------------------------- opening

/** Place in the tables; -1: none. */
static int find_step(const char *name)
{
    for (int i = 0; i < N_STEPS; i++) {
        if (strcmp(about[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static enum reel_status check(const char *const *step, int32_t n_steps,
                              const struct reel_text_options *opt, struct reel_error *err)
{
    if (n_steps < 1 || n_steps > N_STAGES_MAX) {
        return fail(err, REEL_EINVAL, "%d steps of text; from 1 to %d can be joined",
                    n_steps, N_STAGES_MAX);
    }
    for (int32_t i = 0; i < n_steps; i++) {
        if (find_step(step[i]) < 0) {
            return fail(err, REEL_EINVAL, "there is no step of text '%s'", step[i]);
        }
    }
    if (opt->language && feat_language_index(opt->language) == FEAT_NO_LANGUAGE) {
        return fail(err, REEL_EINVAL, "language '%s' is not known", opt->language);
    }
    if (opt->n_count_max < 1) {
        return fail(err, REEL_EINVAL, "%d words to be counted", opt->n_count_max);
    }
    return REEL_OK;
}

enum reel_status reel_text_pipe_open(const char *const *step, int32_t n_steps,
                                     const struct reel_text_options *opt,
                                     reel_text_sink *sink, void *payload,
                                     struct reel_text_pipe **out, struct reel_error *err)
{
    *out = NULL;
    const struct reel_text_options usual = reel_text_options_default();
    opt = opt ? opt : &usual;
    enum reel_status rc = check(step, n_steps, opt, err);
    if (rc != REEL_OK) {
        return rc;
    }
    struct reel_text_pipe *pipe = base_alloc_zeroed(1, sizeof *pipe);
    if (!pipe) {
        return fail(err, REEL_ENOMEM, "pipe of %d steps", n_steps);
    }
    pipe->sink = sink;
    pipe->payload = payload;
    pipe->env.language = feat_language_index(opt->language);
    pipe->env.n_count_max = opt->n_count_max;
    base_buffer_init(&pipe->repaired, BUFFER_BYTES_MAX);
    rc = feat_icu_create(&pipe->env.icu, err);
    for (int32_t i = 0; i < n_steps && rc == REEL_OK; i++) {
        struct stage *s = &pipe->stage[pipe->n_stages++];
        s->step = steps[find_step(step[i])];
        s->name = about[find_step(step[i])].name;
        base_buffer_init(&s->pending, FEAT_LINE_BYTES);
        base_buffer_init(&s->out, BUFFER_BYTES_MAX);
        s->state = base_alloc_zeroed(1, s->step->n_state_bytes);
        rc = s->state ? s->step->open(&pipe->env, s->state, err)
                      : fail(err, REEL_ENOMEM, "step %s", s->name);
    }
    if (rc != REEL_OK) {
        reel_text_pipe_close(pipe);
        return rc;
    }
    *out = pipe;
    return REEL_OK;
}

void reel_text_pipe_close(struct reel_text_pipe *pipe)
{
    if (!pipe) {
        return;
    }
    for (int32_t i = 0; i < pipe->n_stages; i++) {
        struct stage *s = &pipe->stage[i];
        if (s->state && s->step->close) {
            s->step->close(s->state);
        }
        base_free(s->state);
        base_buffer_release(&s->pending);
        base_buffer_release(&s->out);
    }
    base_buffer_release(&pipe->repaired);
    feat_icu_free(pipe->env.icu);
    base_free(pipe);
}

// ---------------------------------------------------------------- running

static bool repair(const char *in, size_t n, struct base_buffer *out)
{
    base_buffer_clear(out);
    size_t bad;
    while (!base_utf8_check(in, n, &bad)) {
        if (!base_buffer_add(out, in, bad) || !base_buffer_add(out, "\xef\xbf\xbd", 3)) {
            return false;
        }
        in += bad + 1;
        n -= bad + 1;
    }
    return base_buffer_add(out, in, n);
}

static enum reel_status push(struct reel_text_pipe *pipe, int32_t i, const char *in,
                             size_t n, struct reel_error *err);

static enum reel_status run(struct reel_text_pipe *pipe, int32_t i, const char *in,
                            size_t n, struct reel_error *err)
{
    struct stage *s = &pipe->stage[i];
    size_t bad;
    bool is_done = true;
    if (i == 0 && !base_utf8_check(in, n, &bad)) {
        is_done = repair(in, n, &pipe->repaired);
        in = base_buffer_text(&pipe->repaired);
        n = pipe->repaired.n_bytes;
    }
    base_buffer_clear(&s->out);
    if (!is_done || !s->step->run(s->state, in, n, &s->out)) {
        return fail(err, REEL_ENOMEM, "step %s with %zu bytes", s->name, n);
    }
    return push(pipe, i + 1, base_buffer_text(&s->out), s->out.n_bytes, err);
}

/** Bytes of the whole lines at the front, about a block; 0: the first is not whole or too long. */
static size_t whole_lines(const char *in, size_t n)
{
    size_t n_whole = 0;
    while (n_whole < n && n_whole < FEAT_BLOCK_BYTES) {
        const size_t n_left = n - n_whole;
        const char *feed = memchr(in + n_whole, '\n',
                                  n_left < FEAT_LINE_BYTES ? n_left : FEAT_LINE_BYTES);
        if (!feed) {
            break;
        }
        n_whole = (size_t)(feed - in) + 1;
    }
    return n_whole;
}

/** Where to part a line that is too long: behind a blank, a Chinese stop, or any character. */
static size_t cut_of_long_line(const char *line, size_t n)
{
    for (size_t i = n; i > n / 4 * 3; i--) {
        if (line[i - 1] == ' ') {
            return i;
        }
    }
    for (size_t i = n; i > n / 4 * 3; i--) {
        const char *p = line + i - 3;
        if (memcmp(p, "。", 3) == 0 || memcmp(p, "，", 3) == 0 ||
            memcmp(p, "！", 3) == 0 || memcmp(p, "？", 3) == 0 ||
            memcmp(p, "、", 3) == 0) {
            return i;
        }
    }
    size_t i = n - 1; // before the last character, which may lack bytes
    while (i > n - 4 && ((unsigned char)line[i] & 0xc0) == 0x80) {
        i--;
    }
    return i;
}

static enum reel_status run_pending(struct reel_text_pipe *pipe, int32_t i, size_t n,
                                    struct reel_error *err)
{
    struct base_buffer *pending = &pipe->stage[i].pending;
    const enum reel_status rc = run(pipe, i, pending->data, n, err);
    pending->n_bytes -= n;
    memmove(pending->data, pending->data + n, pending->n_bytes);
    return rc;
}

/** What comes into stage `i`, or out of the last. */
static enum reel_status push(struct reel_text_pipe *pipe, int32_t i, const char *in,
                             size_t n, struct reel_error *err)
{
    if (i == pipe->n_stages) {
        return n > 0 ? pipe->sink(in, n, pipe->payload, err) : REEL_OK;
    }
    struct base_buffer *pending = &pipe->stage[i].pending;
    enum reel_status rc = REEL_OK;
    while (n > 0 && rc == REEL_OK) {
        size_t n_taken = pending->n_bytes == 0 ? whole_lines(in, n) : 0;
        if (n_taken > 0) {
            rc = run(pipe, i, in, n_taken, err);
        } else {
            const size_t room = FEAT_LINE_BYTES - pending->n_bytes;
            const char *feed = memchr(in, '\n', n < room ? n : room);
            n_taken = feed ? (size_t)(feed - in) + 1 : n < room ? n : room;
            if (!base_buffer_add(pending, in, n_taken)) {
                return fail(err, REEL_ENOMEM, "a line of text");
            }
            if (feed) {
                rc = run_pending(pipe, i, pending->n_bytes, err);
            } else if (pending->n_bytes == FEAT_LINE_BYTES) {
                rc = run_pending(pipe, i,
                                 cut_of_long_line(pending->data, pending->n_bytes), err);
            }
        }
        in += n_taken;
        n -= n_taken;
    }
    return rc;
}

static void reset(struct reel_text_pipe *pipe)
{
    for (int32_t i = 0; i < pipe->n_stages; i++) {
        struct stage *s = &pipe->stage[i];
        base_buffer_clear(&s->pending);
        base_buffer_clear(&s->out);
        if (s->step->reset) {
            s->step->reset(s->state);
        }
    }
}

enum reel_status reel_text_pipe_push(struct reel_text_pipe *pipe, const char *bytes,
                                     size_t n, struct reel_error *err)
{
    return push(pipe, 0, bytes, n, err);
}

enum reel_status reel_text_pipe_end(struct reel_text_pipe *pipe, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; i < pipe->n_stages && rc == REEL_OK; i++) {
        struct stage *s = &pipe->stage[i];
        if (s->pending.n_bytes > 0) {
            rc = run_pending(pipe, i, s->pending.n_bytes, err);
        }
        if (rc == REEL_OK && s->step->end) {
            base_buffer_clear(&s->out);
            rc = s->step->end(s->state, &s->out)
                     ? push(pipe, i + 1, base_buffer_text(&s->out), s->out.n_bytes, err)
                     : fail(err, REEL_ENOMEM, "step %s at the end", s->name);
        }
    }
    reset(pipe);
    return rc;
}

// ---------------------------------------------------------------- words of one text

/** A pipe is dear to open; those not in use wait here for the next text. */
struct words {
    struct reel_text_pipe *pipe;
    enum reel_status (*each)(const char *word, size_t n, void *payload,
                             struct reel_error *err);
    void *payload;
    bool keeps_stop_words;
    struct words *next;
};

static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;
static struct words *idle[2]; /* without stop words, with them */

static enum reel_status hand_on(const char *bytes, size_t n, void *payload,
                                struct reel_error *err)
{
    struct words *w = payload;
    enum reel_status rc = REEL_OK;
    for (size_t i = 0; i < n && rc == REEL_OK;) {
        const size_t begin = i;
        while (i < n && bytes[i] != ' ' && bytes[i] != '\n') {
            i++;
        }
        if (i > begin) {
            rc = w->each(bytes + begin, i - begin, w->payload, err);
        }
        i++;
    }
    return rc;
}

static enum reel_status words_take(bool keeps_stop_words, struct words **out,
                                   struct reel_error *err)
{
    enum { N_CHAIN = 8 };
    static const char *const chain[2][N_CHAIN] = {
        {"extract", "clean", "normalize", "simplify", "segment", "lower", "stop", "stem"},
        {"extract", "clean", "normalize", "simplify", "segment", "lower", "stem"}};
    pthread_mutex_lock(&idle_lock);
    struct words *w = idle[keeps_stop_words];
    idle[keeps_stop_words] = w ? w->next : NULL;
    pthread_mutex_unlock(&idle_lock);
    enum reel_status rc = REEL_OK;
    if (!w) {
        w = base_alloc_zeroed(1, sizeof *w);
        rc = w ? reel_text_pipe_open(chain[keeps_stop_words], N_CHAIN - keeps_stop_words,
                                     NULL, hand_on, w, &w->pipe, err)
               : fail(err, REEL_ENOMEM, "words of a text");
        if (rc != REEL_OK) {
            base_free(w);
            return rc;
        }
    }
    w->keeps_stop_words = keeps_stop_words;
    *out = w;
    return rc;
}

static void words_put(struct words *w)
{
    reset(w->pipe);
    pthread_mutex_lock(&idle_lock);
    w->next = idle[w->keeps_stop_words];
    idle[w->keeps_stop_words] = w;
    pthread_mutex_unlock(&idle_lock);
}

enum reel_status reel_text_words(const char *text, size_t n,
                                 const struct reel_text_options *opt,
                                 enum reel_status (*each)(const char *word, size_t n,
                                                          void *payload,
                                                          struct reel_error *err),
                                 void *payload, struct reel_error *err)
{
    const char *language =
        opt && opt->language ? opt->language : reel_text_language(text, n);
    const int index = feat_language_index(language);
    if (opt && opt->language && index == FEAT_NO_LANGUAGE) {
        return fail(err, REEL_EINVAL, "language '%s' is not known", language);
    }
    struct words *w = NULL;
    enum reel_status rc = words_take(opt && opt->keeps_stop_words, &w, err);
    if (rc != REEL_OK) {
        return rc;
    }
    w->each = each;
    w->payload = payload;
    w->pipe->env.language = index;
    rc = reel_text_pipe_push(w->pipe, text, n, err);
    if (rc == REEL_OK) {
        rc = reel_text_pipe_end(w->pipe, err);
    }
    words_put(w);
    return rc;
}
