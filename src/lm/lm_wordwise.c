/** An engine over words; see lm_wordwise.h. */
#include "lm_wordwise.h"
#include "lm_local.h"
#include "lm_ngram_cut.h"
#include "lm_sampler.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_text.h"

#include <math.h>
#include <string.h>

struct wordwise {
    struct reel_lm lm;
    struct lm_wordwise model;
    struct lm_ngram_cutter cutter;
    struct lm_vocabulary vocabulary;
    uint8_t *is_free;              /* (n_words) */
    float *logp;                   /* (n_words) */
    void *state, *state_of_prompt; /* (model.state_bytes) */
    struct base_buffer piece;
    struct lm_sampler sampler;
    char *path;
};

static enum reel_status fail_memory(const struct wordwise *w, struct reel_error *err)
{
    return fail(err, REEL_ENOMEM, "%s: out of memory", w->lm.facts.name);
}

// ---- a text as words of lines ----

/** One word of a text, or the end of one of its lines. */
struct place {
    uint32_t word;
    size_t end;       /* in the text, behind it */
    const char *text; /* its bytes; NULL at an end of a line */
    size_t n_bytes;
};
typedef enum reel_status on_place(const struct place *place, void *payload,
                                  struct reel_error *err);

/** Where in [from, end) the bytes of a word stand again; blanks were left out when cutting. */
static const char *find_again(const char *from, const char *end, const char *word,
                              size_t n_bytes)
{
    const char *at = memmem(from, (size_t)(end - from), word, n_bytes);
    return at ? at : from; // broken UTF-8 was mended: no bytes like these
}

static enum reel_status walk_line(struct wordwise *w, const char *text, const char *line,
                                  const char *end, bool has_end, on_place *on,
                                  void *payload, struct reel_error *err)
{
    const char *at, *word;
    size_t n_bytes, n_word;
    bool is_empty = true;
    enum reel_status rc =
        lm_ngram_cut(&w->cutter, line, (size_t)(end - line), &at, &n_bytes, err);
    const char *at_end = at + n_bytes, *from = line;
    while (rc == REEL_OK && lm_ngram_next_word(&at, at_end, &word, &n_word)) {
        const char *again = find_again(from, end, word, n_word);
        from = (size_t)(end - again) >= n_word ? again + n_word : end;
        const struct place place = {lm_words_find(&w->model.words, word, n_word),
                                    (size_t)(from - text), word, n_word};
        rc = on(&place, payload, err);
        is_empty = false;
    }
    // As in training: in prose an empty line parts paragraphs and is no line.
    if (rc == REEL_OK && has_end && (!is_empty || w->model.cut == REEL_LM_CUT_BLANKS)) {
        const struct place place = {LM_END, (size_t)(end - text) + 1, NULL, 0};
        rc = on(&place, payload, err);
    }
    return rc;
}

/** Every word of a text and every end of a line, in order. */
static enum reel_status walk(struct wordwise *w, const char *text, size_t n_bytes,
                             on_place *on, void *payload, struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (const char *line = text, *end; rc == REEL_OK && line < text + n_bytes;
         line = end + 1) {
        const char *newline = memchr(line, '\n', (size_t)(text + n_bytes - line));
        end = newline ? newline : text + n_bytes;
        rc = walk_line(w, text, line, end, newline != NULL, on, payload, err);
    }
    return rc;
}

// ---- counting and judging ----

static enum reel_status count_place(const struct place *place, void *payload,
                                    struct reel_error *err)
{
    (void)place, (void)err;
    ++*(int32_t *)payload;
    return REEL_OK;
}

static enum reel_status wordwise_count(struct reel_lm *lm, const char *text,
                                       int32_t *n_tokens, struct reel_error *err)
{
    *n_tokens = 0;
    return walk((struct wordwise *)lm, text, strlen(text), count_place, n_tokens, err);
}

struct judging {
    struct wordwise *w;
    struct reel_lm_judged *judged;
    size_t n_context;
    const struct reel_progress *progress;
    double n_done, n_all; /* bytes */
    int64_t n_steps;
};

static enum reel_status judge_place(const struct place *place, void *payload,
                                    struct reel_error *err)
{
    struct judging *j = payload;
    struct wordwise *w = j->w;
    double logp = 0;
    if (!w->model.calls->step(w->model.self, w->state, place->word, &logp)) {
        return fail_memory(w, err);
    }
    if (place->end > j->n_context) {
        j->judged->logp += logp;
        j->judged->n_tokens++;
    }
    if (!place->text && !w->model.calls->begin(w->model.self, w->state)) {
        return fail_memory(w, err);
    }
    if (++j->n_steps % 1024 == 0 && j->progress &&
        !base_progress_report(j->progress, "judging", j->n_done + (double)place->end,
                              j->n_all)) {
        return fail(err, REEL_ECANCELLED, "stopped while judging");
    }
    return REEL_OK;
}

static enum reel_status judge(struct judging *j, struct reel_error *err)
{
    struct wordwise *w = j->w;
    struct reel_lm_judged *judged = j->judged;
    const size_t n_text = strlen(judged->text);
    j->n_context = strlen(judged->context);
    char *both = base_alloc(j->n_context + n_text + 1);
    if (!both) {
        return fail_memory(w, err);
    }
    memcpy(both, judged->context, j->n_context);
    memcpy(both + j->n_context, judged->text, n_text + 1);
    judged->logp = 0;
    enum reel_status rc = w->model.calls->begin(w->model.self, w->state)
                              ? walk(w, both, j->n_context + n_text, judge_place, j, err)
                              : fail_memory(w, err);
    if (judged->n_tokens == 0 || rc) {
        judged->logp = NAN;
    }
    base_free(both);
    return rc;
}

static enum reel_status wordwise_score(struct reel_lm *lm, struct reel_lm_judged *judged,
                                       int32_t n, const struct reel_progress *progress,
                                       struct reel_error *err)
{
    struct judging j = {.w = (struct wordwise *)lm, .progress = progress};
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; i < n; i++) {
        j.n_all += (double)(strlen(judged[i].context) + strlen(judged[i].text));
    }
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        j.judged = &judged[i];
        rc = judge(&j, err);
        j.n_done += (double)(strlen(judged[i].context) + strlen(judged[i].text));
    }
    return rc;
}

// ---- writing ----

/** A line as far as it is known. */
struct line {
    const char *before; /* (n_before) its last word */
    size_t n_before;
    bool is_quote_open, has_blank; /* has_blank: at its end, so none is to be added */
};

static void note_word(struct line *line, const char *word, size_t n_bytes)
{
    line->is_quote_open ^= n_bytes == 1 && *word == '"';
    line->before = word;
    line->n_before = n_bytes;
    line->has_blank = false;
}

/** A sample while it is written; w->state is where it stands. */
struct sample {
    struct wordwise *w;
    const struct reel_lm_request *request;
    struct reel_lm_reply *reply;
    int32_t i_sample;
    struct lm_group *group;
    struct line line;
    struct lm_text text;
    struct base_rng rng;
    int32_t *own;  /* (n_own) words written; room for n_tokens_max */
    float *logp;   /* (n_own) */
    size_t *begin; /* (n_own) where in the text each began */
    int32_t n_own;
};

struct reading {
    struct wordwise *w;
    struct line line;
};

static enum reel_status read_place(const struct place *place, void *payload,
                                   struct reel_error *err)
{
    struct reading *r = payload;
    struct wordwise *w = r->w;
    double logp;
    note_word(&r->line, place->text, place->n_bytes);
    return w->model.calls->step(w->model.self, w->state, place->word, &logp)
               ? REEL_OK
               : fail_memory(w, err);
}

/** Where a prompt ends, in w->state; only its last line matters. */
static enum reel_status read_prompt(struct wordwise *w,
                                    const struct reel_lm_prompt *prompt,
                                    struct line *line, struct reel_error *err)
{
    const char *text = prompt->text ? prompt->text : prompt->instruction,
               *newline = strrchr(text, '\n'), *last = newline ? newline + 1 : text;
    const size_t n = strlen(last);
    struct reading r = {.w = w};
    if (!w->model.calls->begin(w->model.self, w->state)) {
        return fail_memory(w, err);
    }
    const enum reel_status rc = walk(w, last, n, read_place, &r, err);
    *line = r.line;
    line->has_blank = n == 0 || last[n - 1] == ' ' || last[n - 1] == '\t';
    return rc;
}

/** Words that are not for texts have no chance. */
static enum reel_status choose(struct sample *s, struct lm_choice *choice,
                               struct reel_error *err)
{
    struct wordwise *w = s->w;
    const float never = -1e9F;
    if (!w->model.calls->predict(w->model.self, w->state, w->logp)) {
        return fail_memory(w, err);
    }
    w->logp[LM_UNKNOWN] = w->logp[LM_BEGIN] = never;
    if (s->n_own == 0 && s->line.n_before == 0) {
        w->logp[LM_END] = never; // an empty line says nothing
    }
    return lm_sampler_choose(&w->sampler, &w->vocabulary, s->request, w->logp, s->own,
                             s->n_own, s->group, &s->rng, choice, err);
}

/** A word with the blank that belongs before it; `*told` is what has become certain. */
static enum reel_status add_word(struct sample *s, uint32_t number, const char **told,
                                 bool *is_open, struct reel_error *err)
{
    struct wordwise *w = s->w;
    size_t n;
    const char *word = lm_words_text(&w->model.words, number, &n);
    const struct line *line = &s->line;
    base_buffer_clear(&w->piece);
    const bool has_blank =
        !line->has_blank &&
        lm_ngram_needs_blank(w->model.cut, line->before, line->n_before, word, n,
                             line->is_quote_open);
    if ((has_blank && !base_buffer_add_char(&w->piece, ' ')) ||
        !base_buffer_add(&w->piece, word, n)) {
        return fail_memory(w, err);
    }
    note_word(&s->line, word, n);
    *is_open = lm_text_add(&s->text, base_buffer_text(&w->piece), w->piece.n_bytes, told);
    return s->text.is_out_of_memory ? fail_memory(w, err) : REEL_OK;
}

/** One more word; *end receives why it is over, 0 while it goes on. */
static enum reel_status advance(struct sample *s, enum reel_lm_end *end,
                                struct reel_error *err)
{
    struct wordwise *w = s->w;
    const struct reel_lm_request *request = s->request;
    struct lm_choice choice;
    const char *told = "";
    bool is_open = true;
    double logp;
    enum reel_status rc = choose(s, &choice, err);
    *end = rc == REEL_OK && choice.token == LM_END ? REEL_LM_END_STOP : 0;
    if (rc || *end) {
        return rc;
    }
    s->begin[s->n_own] = s->text.n_bytes;
    s->logp[s->n_own] = (float)choice.logp;
    s->own[s->n_own++] = choice.token;
    rc = lm_group_add(s->group, s->own, s->n_own, err);
    rc = rc ? rc : add_word(s, (uint32_t)choice.token, &told, &is_open, err);
    if (rc == REEL_OK &&
        !w->model.calls->step(w->model.self, w->state, (uint32_t)choice.token, &logp)) {
        rc = fail_memory(w, err);
    }
    if (rc == REEL_OK && request->on_token &&
        !request->on_token(s->i_sample, told, choice.logp, request->payload)) {
        *end = REEL_LM_END_GIVEN_UP;
    } else if (!is_open) {
        *end = REEL_LM_END_STOP;
    } else if (s->n_own >= request->n_tokens_max) {
        *end = REEL_LM_END_LENGTH;
    }
    return rc;
}

/** Into the reply; words of a stop text are left out. */
static enum reel_status finish(struct sample *s, enum reel_lm_end end,
                               struct reel_error *err)
{
    struct reel_lm_sample *out = &s->reply->sample[s->i_sample];
    struct base_arena *arena = lm_reply_arena(s->reply);
    const char *rest = lm_text_finish(&s->text);
    if (*rest && s->request->on_token && end != REEL_LM_END_GIVEN_UP) {
        (void)s->request->on_token(s->i_sample, rest, NAN, s->request->payload);
    }
    s->reply->n_tokens_written += s->n_own;
    while (s->n_own > 0 && s->begin[s->n_own - 1] >= s->text.n_bytes) {
        s->n_own--;
    }
    const char *text = base_arena_strdup(arena, s->text.data ? s->text.data : "");
    float *logp = base_arena_alloc(arena, (size_t)s->n_own + 1, sizeof *logp);
    if (!text || !logp) {
        return fail_memory(s->w, err);
    }
    out->text = text;
    out->token_logp = logp;
    out->n_tokens = s->n_own;
    out->logp = 0;
    out->end = end;
    for (int32_t i = 0; i < s->n_own; i++) {
        logp[i] = s->logp[i];
        out->logp += (double)s->logp[i];
    }
    return REEL_OK;
}

static enum reel_status write_sample(struct sample *s, struct reel_error *err)
{
    const size_t n = (size_t)s->request->n_tokens_max;
    enum reel_lm_end end = 0;
    lm_text_init(&s->text, s->request->stop, s->request->n_stops);
    base_rng_init(&s->rng, s->request->seed, (uint64_t)s->i_sample);
    s->own = base_alloc_array(n, sizeof *s->own);
    s->logp = base_alloc_array(n, sizeof *s->logp);
    s->begin = base_alloc_array(n, sizeof *s->begin);
    enum reel_status rc =
        s->own && s->logp && s->begin ? REEL_OK : fail_memory(s->w, err);
    while (rc == REEL_OK && !end) {
        rc = base_progress_report(&s->request->progress, "writing", s->i_sample,
                                  s->reply->n_samples)
                 ? advance(s, &end, err)
                 : fail(err, REEL_ECANCELLED, "stopped after %d of %d samples",
                        s->i_sample, s->reply->n_samples);
    }
    rc = rc ? rc : finish(s, end, err);
    lm_text_release(&s->text);
    base_free(s->own);
    base_free(s->logp);
    base_free(s->begin);
    return rc;
}

/** Samples that shun each other's words, by the name of their group. */
struct groups {
    int32_t *name; /* (n) */
    struct lm_group **group;
    int32_t n;
};

static enum reel_status find_group(struct groups *groups, int32_t name,
                                   struct lm_group **out, struct reel_error *err)
{
    for (int32_t g = 0; g < groups->n; g++) {
        if (groups->name[g] == name) {
            *out = groups->group[g];
            return REEL_OK;
        }
    }
    const enum reel_status rc = lm_group_create(out, err);
    if (rc == REEL_OK) {
        groups->name[groups->n] = name;
        groups->group[groups->n++] = *out;
    }
    return rc;
}

static enum reel_status write_prompt(struct wordwise *w,
                                     const struct reel_lm_request *request, int32_t p,
                                     struct lm_group *group, struct reel_lm_reply *reply,
                                     int32_t *i_sample, struct reel_error *err)
{
    struct line line;
    const int32_t n = request->prompt[p].n_samples;
    enum reel_status rc = read_prompt(w, &request->prompt[p], &line, err);
    memcpy(w->state_of_prompt, w->state, w->model.state_bytes);
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        memcpy(w->state, w->state_of_prompt, w->model.state_bytes);
        struct sample s = {.w = w,
                           .request = request,
                           .reply = reply,
                           .i_sample = (*i_sample)++,
                           .group = group,
                           .line = line};
        rc = write_sample(&s, err);
    }
    return rc;
}

static enum reel_status wordwise_generate(struct reel_lm *lm,
                                          const struct reel_lm_request *request,
                                          struct reel_lm_reply *reply,
                                          struct reel_error *err)
{
    struct wordwise *w = (struct wordwise *)lm;
    const size_t n = (size_t)request->n_prompts + 1;
    struct groups groups = {.name = base_alloc_array(n, sizeof *groups.name),
                            .group = base_alloc_array(n, sizeof(struct lm_group *))};
    int32_t i_sample = 0;
    enum reel_status rc = groups.name && groups.group ? REEL_OK : fail_memory(w, err);
    for (int32_t p = 0; rc == REEL_OK && p < request->n_prompts; p++) {
        struct lm_group *group;
        rc = find_group(&groups, request->prompt[p].group, &group, err);
        rc = rc ? rc : write_prompt(w, request, p, group, reply, &i_sample, err);
    }
    for (int32_t g = 0; g < groups.n; g++) {
        lm_group_free(groups.group[g]);
    }
    base_free(groups.name);
    base_free((void *)groups.group);
    return rc;
}

// ---- the engine ----

/** Signs may come again and again. */
static bool is_sign(const char *word, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        const unsigned char c = (unsigned char)word[i];
        const bool is_ascii_word =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        // Signs of general punctuation (U+20xx), of Chinese (U+300x), of full width.
        const bool is_sign = n_bytes == 3 && i == 0 &&
                             ((c == 0xe2 && (unsigned char)word[1] == 0x80) ||
                              (c == 0xe3 && (unsigned char)word[1] == 0x80) ||
                              (c == 0xef && (unsigned char)word[1] == 0xbc));
        if (is_sign) {
            return true;
        }
        if (is_ascii_word || c >= 0x80) {
            return false;
        }
    }
    return true;
}

/** The sha256 is made when somebody asks: reading a large model takes longer than opening it. */
static void wordwise_settle(struct reel_lm *lm)
{
    const struct wordwise *w = (const struct wordwise *)lm;
    if (!lm->facts.checksum[0] && w->path) {
        (void)lm_file_checksum(w->path, lm->facts.checksum);
    }
}

static void wordwise_close(struct reel_lm *lm)
{
    struct wordwise *w = (struct wordwise *)lm;
    w->model.calls->close(w->model.self);
    lm_ngram_cutter_release(&w->cutter);
    lm_sampler_release(&w->sampler);
    base_buffer_release(&w->piece);
    base_free(w->is_free);
    base_free(w->logp);
    base_free(w->state);
    base_free(w->state_of_prompt);
    base_free(w->path);
    base_free(w);
}

static enum reel_status prepare(struct wordwise *w, const char *path,
                                struct reel_error *err)
{
    const uint32_t n = w->model.words.n_words;
    w->is_free = base_alloc_array(n, sizeof *w->is_free);
    w->logp = base_alloc_array(n, sizeof *w->logp);
    w->state = base_alloc(w->model.state_bytes);
    w->state_of_prompt = base_alloc(w->model.state_bytes);
    w->path = base_strdup(path);
    base_buffer_init(&w->piece, (size_t)1 << 28);
    if (!w->is_free || !w->logp || !w->state || !w->state_of_prompt || !w->path) {
        return fail_memory(w, err);
    }
    for (uint32_t i = 0; i < n; i++) {
        size_t n_bytes;
        const char *word = lm_words_text(&w->model.words, i, &n_bytes);
        w->is_free[i] = i <= LM_END || is_sign(word, n_bytes);
    }
    w->vocabulary = (struct lm_vocabulary){(int32_t)n, w->is_free};
    return lm_ngram_cutter_init(&w->cutter, w->model.cut, err);
}

enum reel_status lm_wordwise_open(const struct lm_wordwise *model, const char *path,
                                  const char *name, int64_t file_bytes,
                                  struct reel_lm **out, struct reel_error *err)
{
    static const struct lm_engine_calls calls = {.generate = wordwise_generate,
                                                 .score = wordwise_score,
                                                 .count = wordwise_count,
                                                 .settle = wordwise_settle,
                                                 .close = wordwise_close};
    *out = NULL;
    struct wordwise *w = base_alloc_zeroed(1, sizeof *w);
    if (!w) {
        model->calls->close(model->self);
        return fail(err, REEL_ENOMEM, "%s: out of memory", path);
    }
    w->lm.calls = &calls;
    w->lm.facts = (struct reel_lm_facts){.kind = REEL_LM_LOCAL,
                                         .can_score = true,
                                         .reads_lines = true,
                                         .n_context = 1 << 20,
                                         .n_vocabulary = (int32_t)model->words.n_words,
                                         .file_bytes = file_bytes};
    (void)snprintf(w->lm.facts.name, sizeof w->lm.facts.name, "%s", name);
    w->model = *model;
    const enum reel_status rc = prepare(w, path, err);
    if (rc) {
        wordwise_close(&w->lm);
        return rc;
    }
    *out = &w->lm;
    return REEL_OK;
}
