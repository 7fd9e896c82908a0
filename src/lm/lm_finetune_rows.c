/** See lm_finetune_rows.h; and reading examples from files. */
#include "lm_finetune_rows.h"
#include "base_alloc.h"
#include "base_arena.h"
#include "base_error.h"
#include "base_rng.h"
#include "lm_documents.h"
#include "lm_guard.h"
#include "lm_lines.h"

#include <jansson.h>
#include <string.h>

/* ---- tokens ---- */

/** Tokens of a text, added to `*token` behind `n`; a negative number when it failed. */
static int32_t cut_text(const struct llama_vocab *vocab, const char *text,
                        int32_t **token)
{
    struct lm_guard guard;
    const size_t n_bytes = strlen(text);
    if (n_bytes > INT32_MAX / 2) {
        return -1;
    }
    const int32_t n_max = (int32_t)n_bytes + 2;
    *token = base_alloc_array((size_t)n_max, sizeof **token);
    return *token ? lm_guard_tokenize(vocab, text, (int32_t)n_bytes, *token, n_max, true,
                                      false, &guard)
                  : -1;
}

struct document {
    int32_t *token;
    int32_t n, n_given; /* tokens before the first that is learnt */
};

static enum reel_status cut_example(const struct llama_vocab *vocab,
                                    const struct reel_lm_example *example,
                                    struct document *doc, struct reel_error *err)
{
    const bool has_prompt = example->prompt && example->prompt[0];
    const size_t n_prompt = has_prompt ? strlen(example->prompt) : 0,
                 n_answer = strlen(example->answer);
    char *whole = base_alloc(n_prompt + n_answer + 1);
    int32_t *given = NULL, *token = NULL, n = -1, n_given = 0;
    if (whole) {
        memcpy(whole, has_prompt ? example->prompt : "", n_prompt);
        memcpy(whole + n_prompt, example->answer, n_answer + 1);
        n = cut_text(vocab, whole, &token);
        n_given = has_prompt ? cut_text(vocab, example->prompt, &given) : 1;
    }
    base_free(whole);
    const enum reel_status rc =
        n < 0 || n_given < 0 ? fail(err, REEL_ENOMEM, "%zu bytes of an example", n_answer)
                             : REEL_OK;
    if (rc == REEL_OK) {
        int32_t n_alike = 0; // a token across the border is the answer's
        while (has_prompt && n_alike < n && n_alike < n_given &&
               token[n_alike] == given[n_alike]) {
            n_alike++;
        }
        if (has_prompt && llama_vocab_eos(vocab) >= 0) {
            token[n++] = llama_vocab_eos(vocab); // cut_text leaves room
        }
        *doc = (struct document){token, n, has_prompt ? n_alike : 1};
        token = NULL;
    }
    base_free(given);
    base_free(token);
    return rc;
}

/* ---- rows ---- */

struct growing {
    struct lm_rows *rows;
    int64_t room, n_first_room;
    int32_t n_context;
    int64_t *n_targets;
};

static bool grow(struct growing *g, int64_t n_more)
{
    struct lm_rows *rows = g->rows;
    if (rows->n_tokens + n_more <= g->room) {
        return true;
    }
    const int64_t room = 2 * (rows->n_tokens + n_more);
    int32_t **const array[] = {&rows->token, &rows->begin, &rows->wanted};
    for (int i = 0; i < 3; i++) {
        int32_t *more = base_realloc_array(*array[i], (size_t)room, sizeof *more);
        if (!more) {
            return false;
        }
        *array[i] = more;
    }
    g->room = room;
    return true;
}

/** A row begins where the tokens end now. */
static bool begin_row(struct growing *g)
{
    struct lm_rows *rows = g->rows;
    const int64_t n = rows->n_rows + rows->n_valid_rows;
    if (n + 2 > g->n_first_room) {
        int64_t *more =
            base_realloc_array(rows->first, (size_t)(2 * n + 16), sizeof *more);
        if (!more) {
            return false;
        }
        rows->first = more;
        g->n_first_room = 2 * n + 16;
    }
    rows->first[n] = rows->n_tokens;
    return true;
}

/** Pieces of a document into rows; `*n_rows` counts them. */
static bool add_document(struct growing *g, const struct document *doc, int32_t *n_rows)
{
    struct lm_rows *rows = g->rows;
    if (!grow(g, doc->n)) {
        return false;
    }
    // The last token is only wanted, never read.
    for (int32_t at = 0; at + 1 < doc->n;) {
        const int32_t n_all = rows->n_rows + rows->n_valid_rows;
        int64_t n_used = *n_rows > 0 ? rows->n_tokens - rows->first[n_all - 1] : 0;
        const int32_t n_left = doc->n - 1 - at;
        // What fits a whole row is not cut at the end of one.
        if (*n_rows == 0 || n_used == g->n_context ||
            (n_used + n_left > g->n_context && n_left <= g->n_context)) {
            if (!begin_row(g)) {
                return false;
            }
            ++*n_rows;
            n_used = 0;
        }
        const int32_t n =
            n_used + n_left > g->n_context ? g->n_context - (int32_t)n_used : n_left;
        for (int32_t i = 0; i < n; i++, rows->n_tokens++) {
            const int32_t next = at + i + 1;
            const bool is_wanted = next >= doc->n_given;
            rows->token[rows->n_tokens] = doc->token[at + i];
            rows->begin[rows->n_tokens] = (int32_t)n_used;
            rows->wanted[rows->n_tokens] = is_wanted ? doc->token[next] : -1;
            *g->n_targets += is_wanted;
        }
        const int32_t n_now = rows->n_rows + rows->n_valid_rows;
        rows->first[n_now] = rows->n_tokens;
        rows->n_row = n_used + n > rows->n_row ? (int32_t)n_used + n : rows->n_row;
        at += n;
    }
    return true;
}

static enum reel_status add_part(struct growing *g, const struct llama_vocab *vocab,
                                 const struct reel_lm_example *example,
                                 const int32_t *order, int32_t n, int32_t *n_rows,
                                 struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        struct document doc = {0};
        rc = cut_example(vocab, &example[order[i]], &doc, err);
        if (rc == REEL_OK && !add_document(g, &doc, n_rows)) {
            rc = fail(err, REEL_ENOMEM, "%lld tokens", (long long)g->rows->n_tokens);
        }
        base_free(doc.token);
    }
    return rc;
}

enum reel_status lm_rows_make(const struct llama_vocab *vocab,
                              const struct reel_lm_example *example, int32_t n_examples,
                              double valid_share, int32_t n_context, uint64_t seed,
                              struct lm_rows *rows, struct reel_error *err)
{
    *rows = (struct lm_rows){0};
    if (n_examples < 2) {
        return fail(
            err, REEL_EFORMAT,
            "%d example%s: at least two are needed, one to learn and one to judge on",
            n_examples, n_examples == 1 ? "" : "s");
    }
    struct base_rng rng;
    int32_t *order = base_alloc_array((size_t)n_examples, sizeof *order);
    if (!order) {
        return fail(err, REEL_ENOMEM, "%d examples", n_examples);
    }
    for (int32_t i = 0; i < n_examples; i++) {
        order[i] = i;
    }
    base_rng_init(&rng, seed, 77);
    base_rng_shuffle(&rng, order, n_examples);
    int32_t n_valid = (int32_t)(valid_share * n_examples + 0.5);
    n_valid = valid_share > 0 && n_valid < 1 ? 1 : n_valid;
    n_valid = n_valid < n_examples ? n_valid : n_examples - 1;
    rows->n_valid = n_valid;
    rows->n_examples = n_examples - n_valid;
    struct growing g = {
        .rows = rows, .n_context = n_context, .n_targets = &rows->n_targets};
    enum reel_status rc =
        begin_row(&g) ? REEL_OK : fail(err, REEL_ENOMEM, "rows of tokens");
    rc = rc ? rc
            : add_part(&g, vocab, example, order + n_valid, n_examples - n_valid,
                       &rows->n_rows, err);
    g.n_targets = &rows->n_valid_targets;
    rc = rc ? rc : add_part(&g, vocab, example, order, n_valid, &rows->n_valid_rows, err);
    base_free(order);
    if (rc == REEL_OK && rows->n_targets == 0) {
        rc = fail(err, REEL_EFORMAT, "%d examples hold nothing to learn", n_examples);
    }
    if (rc != REEL_OK) {
        lm_rows_release(rows);
    }
    return rc;
}

void lm_rows_release(struct lm_rows *rows)
{
    base_free(rows->first);
    base_free(rows->token);
    base_free(rows->begin);
    base_free(rows->wanted);
    *rows = (struct lm_rows){0};
}

struct lm_packed lm_rows_get(const struct lm_rows *rows, int32_t i)
{
    const int64_t first = rows->first[i];
    return (struct lm_packed){.n_tokens = (int32_t)(rows->first[i + 1] - first),
                              .token = rows->token + first,
                              .begin = rows->begin + first,
                              .wanted = rows->wanted + first};
}

/* ---- examples from files ---- */

/** What reel_lm_examples.owned is: an array that grows, and its texts. */
struct owned {
    struct base_arena arena;
    struct reel_lm_example *example;
    int32_t n, room;
};

static enum reel_status add_example(struct owned *o, const char *prompt, size_t n_prompt,
                                    const char *answer, size_t n_answer,
                                    struct reel_error *err)
{
    if (o->n == o->room) {
        const int32_t room = o->room > 0 ? 2 * o->room : 64;
        struct reel_lm_example *more =
            base_realloc_array(o->example, (size_t)room, sizeof *more);
        if (!more) {
            return fail(err, REEL_ENOMEM, "%d examples", room);
        }
        o->example = more;
        o->room = room;
    }
    char *p = prompt ? base_arena_strndup(&o->arena, prompt, n_prompt) : NULL;
    char *a = base_arena_strndup(&o->arena, answer, n_answer);
    if (!a || (prompt && !p)) {
        return fail(err, REEL_ENOMEM, "%d examples", o->n + 1);
    }
    o->example[o->n++] = (struct reel_lm_example){p, a};
    return REEL_OK;
}

static struct owned *owned_create(struct reel_error *err)
{
    struct owned *o = base_alloc_zeroed(1, sizeof *o);
    if (!o) {
        (void)fail(err, REEL_ENOMEM, "examples");
        return NULL;
    }
    base_arena_init(&o->arena, SIZE_MAX);
    return o;
}

static enum reel_status read_pair(struct owned *r, const struct lm_lines *lines,
                                  const char *line, size_t n_bytes,
                                  struct reel_error *err)
{
    json_error_t why;
    json_t *object = json_loadb(line, n_bytes, 0, &why);
    if (!json_is_object(object)) {
        json_decref(object);
        return lm_lines_fail(lines, err, "no JSON object: %s", object ? "" : why.text);
    }
    const json_t *text = json_object_get(object, "text");
    const json_t *prompt = json_object_get(object, "prompt");
    const json_t *answer = text ? text : json_object_get(object, "answer");
    enum reel_status rc;
    if (!json_is_string(answer) || (prompt && !json_is_string(prompt))) {
        rc = lm_lines_fail(lines, err,
                           "wants \"text\", or \"prompt\" and \"answer\", as strings");
    } else {
        rc = add_example(r, text ? NULL : json_string_value(prompt),
                         json_string_length(prompt), json_string_value(answer),
                         json_string_length(answer), err);
    }
    json_decref(object);
    return rc;
}

static enum reel_status read_pairs(struct owned *r, const struct reel_lm_texts *texts,
                                   struct reel_error *err)
{
    struct lm_lines *lines = NULL;
    const char *line;
    size_t n_bytes;
    enum reel_status rc = lm_lines_open(texts, &lines, err);
    while (rc == REEL_OK) {
        rc = lm_lines_next(lines, &line, &n_bytes, err);
        if (rc != REEL_OK || !line) {
            break;
        }
        size_t at = 0;
        while (at < n_bytes && strchr(" \t\r", line[at])) {
            at++;
        }
        rc = at < n_bytes ? read_pair(r, lines, line, n_bytes, err) : REEL_OK;
    }
    lm_lines_close(lines);
    return rc;
}

static enum reel_status read_texts(struct owned *r, const struct reel_lm_texts *texts,
                                   struct reel_error *err)
{
    struct lm_documents *documents = NULL;
    const char *text;
    size_t n_bytes;
    enum reel_status rc =
        lm_documents_open(texts, REEL_LM_DOCUMENTS_BLANK, &documents, err);
    while (rc == REEL_OK) {
        rc = lm_documents_next(documents, &text, &n_bytes, err);
        if (rc != REEL_OK || !text) {
            break;
        }
        rc = add_example(r, NULL, 0, text, n_bytes, err);
    }
    lm_documents_close(documents);
    return rc;
}

static bool begins_with_brace(const char *path)
{
    FILE *in = fopen(path, "re");
    int c = in ? fgetc(in) : EOF;
    while (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
        c = fgetc(in);
    }
    if (in) {
        (void)fclose(in);
    }
    return c == '{';
}

enum reel_status reel_lm_examples_read(const char *path, struct reel_lm_examples *out,
                                       struct reel_error *err)
{
    const struct reel_lm_texts texts = {&path, 1};
    struct owned *o = owned_create(err);
    *out = (struct reel_lm_examples){0};
    if (!o) {
        return REEL_ENOMEM;
    }
    const enum reel_status rc =
        begins_with_brace(path) ? read_pairs(o, &texts, err) : read_texts(o, &texts, err);
    *out = (struct reel_lm_examples){o->example, o->n, o};
    if (rc != REEL_OK) {
        reel_lm_examples_release(out);
    }
    return rc;
}

enum reel_status reel_lm_examples_add(struct reel_lm_examples *examples,
                                      const char *prompt, const char *answer,
                                      struct reel_error *err)
{
    struct owned *o = examples->owned ? examples->owned : owned_create(err);
    if (!o) {
        return REEL_ENOMEM;
    }
    const enum reel_status rc =
        add_example(o, prompt, prompt ? strlen(prompt) : 0, answer, strlen(answer), err);
    *examples = (struct reel_lm_examples){o->example, o->n, o};
    return rc;
}

void reel_lm_examples_release(struct reel_lm_examples *examples)
{
    struct owned *owned = examples->owned;
    if (owned) {
        base_arena_release(&owned->arena);
        base_free(owned->example);
        base_free(owned);
    }
    *examples = (struct reel_lm_examples){0};
}
