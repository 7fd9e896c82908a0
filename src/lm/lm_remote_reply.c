/** Reading a server's answers; see lm_remote_reply.h. */
#include "lm_remote_reply.h"

#include "base_alloc.h"
#include "base_error.h"

#include <jansson.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_BYTES_MAX = 1 << 20,
    DOCUMENT_BYTES_MAX = 16 << 20,
    TOKENS_MAX = 100000000,
    PIECE_TOKENS_MAX = 4096,
    DIMENSIONS_MAX = 65536,
};

void lm_remote_reader_init(struct lm_remote_reader *reader, int64_t n_text_bytes_max,
                           lm_remote_on_piece *on_piece, void *payload)
{
    *reader = (struct lm_remote_reader){.on_piece = on_piece,
                                        .payload = payload,
                                        .n_text_bytes_max = n_text_bytes_max,
                                        .n_read = -1,
                                        .n_written = -1};
    base_buffer_init(&reader->line, LINE_BYTES_MAX);
    base_buffer_init(&reader->data, DOCUMENT_BYTES_MAX);
}

void lm_remote_reader_clear(struct lm_remote_reader *reader)
{
    base_buffer_clear(&reader->line);
    base_buffer_clear(&reader->data);
    reader->finish = LM_REMOTE_OPEN;
    reader->is_over = reader->was_return = reader->is_document = false;
    reader->n_text_bytes = reader->n_shared = 0;
    reader->n_read = reader->n_written = -1;
}

void lm_remote_reader_release(struct lm_remote_reader *reader)
{
    base_buffer_release(&reader->line);
    base_buffer_release(&reader->data);
}

// ---- what a chunk says ----

static bool is_absent(const json_t *value)
{
    return !value || json_is_null(value);
}

/** A number of tokens; *n stays where there is none. */
static enum reel_status read_count(const json_t *object, const char *key, int32_t *n,
                                   struct reel_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (is_absent(value)) {
        return REEL_OK;
    }
    const json_int_t told = json_integer_value(value);
    if (!json_is_integer(value) || told < 0 || told > TOKENS_MAX) {
        return fail(err, REEL_EFORMAT, "the server counts %.40g %s",
                    json_number_value(value), key);
    }
    *n = (int32_t)told;
    return REEL_OK;
}

static enum reel_status read_usage(struct lm_remote_reader *reader, const json_t *usage,
                                   struct reel_error *err)
{
    if (is_absent(usage)) {
        return REEL_OK;
    }
    enum reel_status rc = read_count(usage, "prompt_tokens", &reader->n_read, err);
    rc = rc ? rc : read_count(usage, "completion_tokens", &reader->n_written, err);
    return rc ? rc
              : read_count(json_object_get(usage, "prompt_tokens_details"),
                           "cached_tokens", &reader->n_shared, err);
}

/** Log-probabilities in either shape; a shape that is neither tells none. */
static int32_t read_logps(const json_t *logprobs, double *logp)
{
    const json_t *content = json_object_get(logprobs, "content");
    const json_t *list = content ? content : json_object_get(logprobs, "token_logprobs");
    const size_t n = json_array_size(list);
    if (n > PIECE_TOKENS_MAX) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);
        const json_t *value = content ? json_object_get(item, "logprob") : item;
        // A probability of 0 is told as a large negative number; a positive one is a lie.
        if (!json_is_number(value) || !(json_number_value(value) <= 1e-3)) {
            return 0;
        }
        logp[i] = fmin(json_number_value(value), 0);
    }
    return (int32_t)n;
}

static enum reel_status read_finish(struct lm_remote_reader *reader, const json_t *reason,
                                    struct reel_error *err)
{
    if (is_absent(reason)) {
        return REEL_OK;
    }
    const char *word = json_string_value(reason);
    if (!word) {
        return fail(err, REEL_EFORMAT, "the server's finish_reason is no text");
    }
    if (strcmp(word, "abort") == 0 || strcmp(word, "error") == 0) {
        return fail(err, REEL_EIO, "the server gave up in the middle of the answer");
    }
    reader->finish = strcmp(word, "length") == 0 ? LM_REMOTE_LENGTH : LM_REMOTE_STOP;
    return REEL_OK;
}

static enum reel_status tell_piece(struct lm_remote_reader *reader, const json_t *text,
                                   const json_t *logprobs, struct reel_error *err)
{
    if (is_absent(text)) {
        return REEL_OK;
    }
    if (!json_is_string(text)) {
        return fail(err, REEL_EFORMAT, "the server's text is no text");
    }
    const size_t n_bytes = json_string_length(text);
    double *logp = base_alloc_array(PIECE_TOKENS_MAX, sizeof *logp);
    if (!logp) {
        return fail(err, REEL_ENOMEM, "a piece of an answer");
    }
    const int32_t n_logp = is_absent(logprobs) ? 0 : read_logps(logprobs, logp);
    reader->n_text_bytes += (int64_t)n_bytes;
    enum reel_status rc = REEL_OK;
    if (reader->n_text_bytes > reader->n_text_bytes_max) {
        rc = fail(err, REEL_EFORMAT, "the server writes more than it was asked for");
    } else if (n_bytes > 0 || n_logp > 0) {
        reader->is_over = !reader->on_piece(json_string_value(text), n_bytes, logp,
                                            n_logp, reader->payload);
    }
    base_free(logp);
    return rc;
}

static enum reel_status read_choice(struct lm_remote_reader *reader, const json_t *choice,
                                    struct reel_error *err)
{
    const json_t *index = json_object_get(choice, "index");
    if (!json_is_object(choice) ||
        (!is_absent(index) && json_integer_value(index) != 0)) {
        return fail(err, REEL_EFORMAT, "the server answers what was not asked");
    }
    const json_t *message = json_object_get(choice, "delta");
    message = message ? message : json_object_get(choice, "message");
    const json_t *text =
        message ? json_object_get(message, "content") : json_object_get(choice, "text");
    enum reel_status rc =
        tell_piece(reader, text, json_object_get(choice, "logprobs"), err);
    return rc ? rc : read_finish(reader, json_object_get(choice, "finish_reason"), err);
}

static void describe_error(const json_t *error, char *text, size_t n_text_bytes)
{
    const json_t *message =
        json_is_object(error) ? json_object_get(error, "message") : error;
    const char *word = json_string_value(message);
    (void)snprintf(text, n_text_bytes, "%.200s", word ? word : "an error without words");
}

/** One JSON object: a chunk of a stream, or the whole answer. */
static enum reel_status read_object(struct lm_remote_reader *reader, const char *data,
                                    size_t n_bytes, struct reel_error *err)
{
    json_error_t where;
    json_t *root =
        json_loadb(data, n_bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
    if (!root) {
        return fail(err, REEL_EFORMAT, "the server's answer is no JSON: %s", where.text);
    }
    const json_t *error = json_object_get(root, "error");
    const json_t *choices = json_object_get(root, "choices");
    enum reel_status rc = REEL_OK;
    if (!is_absent(error)) {
        char said[256];
        describe_error(error, said, sizeof said);
        rc = fail(err, REEL_EIO, "the server broke off: %s", said);
    } else if (!json_is_array(choices)) {
        rc = fail(err, REEL_EFORMAT, "the server's answer has no choices");
    } else if (json_array_size(choices) > 1) {
        rc = fail(err, REEL_EFORMAT, "the server answers what was not asked");
    } else if (json_array_size(choices) == 1) {
        rc = read_choice(reader, json_array_get(choices, 0), err);
    }
    rc = rc ? rc : read_usage(reader, json_object_get(root, "usage"), err);
    json_decref(root);
    return rc;
}

// ---- events ----

/** A blank line: what was gathered is an event. */
static enum reel_status end_event(struct lm_remote_reader *reader, struct reel_error *err)
{
    const char *data = base_buffer_text(&reader->data);
    enum reel_status rc = REEL_OK;
    if (strcmp(data, "[DONE]") == 0) {
        reader->is_over = true;
    } else if (reader->data.n_bytes > 0) {
        rc = read_object(reader, data, reader->data.n_bytes, err);
    }
    base_buffer_clear(&reader->data);
    return rc;
}

/** "data: ..." is kept, "error: ..." is an event of some servers, the rest is skipped. */
static enum reel_status end_line(struct lm_remote_reader *reader, struct reel_error *err)
{
    const char *line = base_buffer_text(&reader->line);
    if (reader->line.n_bytes == 0) {
        return end_event(reader, err);
    }
    const bool is_data = strncmp(line, "data:", 5) == 0;
    if (strncmp(line, "error:", 6) == 0) {
        char said[256];
        lm_remote_read_complaint(line + 6, reader->line.n_bytes - 6, said, sizeof said);
        return fail(err, REEL_EIO, "the server broke off: %s", said);
    }
    if (!is_data && line[0] != ':' && strncmp(line, "event:", 6) != 0 &&
        strncmp(line, "id:", 3) != 0 && strncmp(line, "retry:", 6) != 0) {
        return fail(err, REEL_EFORMAT, "the server sends no events but '%.40s'", line);
    }
    if (is_data) {
        const char *value = line + 5 + (line[5] == ' ');
        const size_t n = reader->line.n_bytes - (size_t)(value - line);
        if ((reader->data.n_bytes > 0 && !base_buffer_add_char(&reader->data, '\n')) ||
            !base_buffer_add(&reader->data, value, n)) {
            return fail(err, REEL_EFORMAT, "an event of the server has no end");
        }
    }
    base_buffer_clear(&reader->line);
    return REEL_OK;
}

static enum reel_status add_to_line(struct lm_remote_reader *reader, const char *data,
                                    size_t n_bytes, struct reel_error *err)
{
    if (reader->line.n_bytes + n_bytes > LINE_BYTES_MAX) {
        return fail(err, REEL_EFORMAT, "a line of the server has no end");
    }
    return n_bytes == 0 || base_buffer_add(&reader->line, data, n_bytes)
               ? REEL_OK
               : fail(err, REEL_ENOMEM, "an answer");
}

enum reel_status lm_remote_reader_add(struct lm_remote_reader *reader, const char *data,
                                      size_t n_bytes, struct reel_error *err)
{
    if (reader->is_document) {
        return base_buffer_add(&reader->data, data, n_bytes)
                   ? REEL_OK
                   : fail(err, REEL_EFORMAT, "the server's answer has no end");
    }
    enum reel_status rc = REEL_OK;
    const char *const end = data + n_bytes;
    while (rc == REEL_OK && data < end && !reader->is_over) {
        if (reader->was_return && *data == '\n') { // the second half of \r\n
            reader->was_return = false;
            data++;
            continue;
        }
        reader->was_return = false;
        size_t n = 0;
        while (data + n < end && data[n] != '\n' && data[n] != '\r') {
            n++;
        }
        rc = add_to_line(reader, data, n, err);
        data += n;
        if (rc == REEL_OK && data < end) {
            reader->was_return = *data == '\r';
            data++;
            rc = end_line(reader, err);
        }
    }
    return rc;
}

enum reel_status lm_remote_reader_end(struct lm_remote_reader *reader,
                                      struct reel_error *err)
{
    enum reel_status rc = REEL_OK;
    if (reader->is_document) {
        rc = read_object(reader, base_buffer_text(&reader->data), reader->data.n_bytes,
                         err);
        if (rc == REEL_OK && reader->finish == LM_REMOTE_OPEN) {
            reader->finish = LM_REMOTE_STOP; // a whole document is a whole answer
        }
        return rc;
    }
    if (!reader->is_over && reader->line.n_bytes > 0) { // the last line may lack its end
        rc = end_line(reader, err);
    }
    if (rc == REEL_OK && !reader->is_over && reader->data.n_bytes > 0) {
        rc = end_event(reader, err);
    }
    if (rc == REEL_OK && !reader->is_over && reader->finish == LM_REMOTE_OPEN) {
        rc = fail(err, REEL_EFORMAT, "the server's answer ended in its middle");
    }
    return rc;
}

// ---- documents ----

void lm_remote_read_complaint(const char *body, size_t n_bytes, char *text,
                              size_t n_text_bytes)
{
    json_t *root = json_loadb(body, n_bytes, JSON_ALLOW_NUL, NULL);
    const json_t *error = json_object_get(root, "error");
    const json_t *own = json_object_get(root, "message"),
                 *detail = json_object_get(root, "detail");
    if (json_is_object(root)) {
        describe_error(error    ? error
                       : own    ? own
                       : detail ? detail
                                : root,
                       text, n_text_bytes);
    } else {
        // Of a page or a plain line the beginning says enough.
        (void)snprintf(text, n_text_bytes, "%.*s", (int)(n_bytes < 120 ? n_bytes : 120),
                       body);
    }
    json_decref(root);
}

static void list_models(const json_t *data, char *text, size_t n_text_bytes)
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(data) && i < 5 && at < n_text_bytes; i++) {
        const char *id =
            json_string_value(json_object_get(json_array_get(data, i), "id"));
        at += (size_t)snprintf(text + at, n_text_bytes - at, "%s%.60s", i ? ", " : "",
                               id ? id : "?");
    }
}

/** A size of the model in any of the places where servers put it. */
static int32_t read_size(const json_t *model, const char *const *key)
{
    const json_t *meta = json_object_get(model, "meta");
    for (; *key; key++) {
        const json_t *value = json_object_get(model, *key);
        value = value ? value : json_object_get(meta, *key);
        const json_int_t n = json_integer_value(value);
        if (n > 0 && n <= TOKENS_MAX) {
            return (int32_t)n;
        }
    }
    return 0;
}

enum reel_status lm_remote_read_models(const char *body, size_t n_bytes,
                                       const char *wanted, struct lm_remote_model *out,
                                       struct reel_error *err)
{
    static const char *const context[] = {"n_ctx", "max_model_len", "context_length",
                                          "n_ctx_train", NULL};
    static const char *const vocabulary[] = {"n_vocab", NULL};
    *out = (struct lm_remote_model){0};
    json_error_t where;
    json_t *root = json_loadb(body, n_bytes, JSON_ALLOW_NUL, &where);
    if (!root) {
        return fail(err, REEL_EFORMAT, "the list of models is no JSON: %s", where.text);
    }
    const json_t *data = json_object_get(root, "data");
    enum reel_status rc = REEL_ENOTFOUND;
    for (size_t i = 0; rc && i < json_array_size(data); i++) {
        const json_t *model = json_array_get(data, i);
        const char *id = json_string_value(json_object_get(model, "id"));
        if (id && *id && strlen(id) < sizeof out->id &&
            (!wanted || strcmp(id, wanted) == 0)) {
            (void)snprintf(out->id, sizeof out->id, "%s", id);
            out->n_context = read_size(model, context);
            out->n_vocabulary = read_size(model, vocabulary);
            rc = REEL_OK;
        }
    }
    if (!json_is_array(data)) {
        rc = fail(err, REEL_EFORMAT, "the list of models is none");
    } else if (rc) {
        char names[320];
        list_models(data, names, sizeof names);
        rc = fail(err, REEL_ENOTFOUND, "the server has no model '%.60s', but %s",
                  wanted ? wanted : "", *names ? names : "none at all");
    }
    json_decref(root);
    return rc;
}

static enum reel_status copy_echo(const json_t *list, int32_t n, double **logp,
                                  struct reel_error *err)
{
    *logp = base_alloc_array((size_t)n, sizeof **logp);
    if (!*logp) {
        return fail(err, REEL_ENOMEM, "%d tokens", n);
    }
    for (int32_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(list, (size_t)i);
        const bool is_number = json_is_number(value);
        if (!is_number && i > 0) {
            base_free(*logp);
            *logp = NULL;
            return fail(err, REEL_EFORMAT, "token %d of the echo has no log-probability",
                        i);
        }
        (*logp)[i] = is_number ? fmin(json_number_value(value), 0) : NAN;
    }
    return REEL_OK;
}

enum reel_status lm_remote_read_echo(const char *body, size_t n_bytes, double **logp,
                                     int32_t *n_tokens, struct reel_error *err)
{
    *logp = NULL;
    *n_tokens = 0;
    json_error_t where;
    json_t *root = json_loadb(body, n_bytes, JSON_ALLOW_NUL, &where);
    if (!root) {
        return fail(err, REEL_EFORMAT, "the server's answer is no JSON: %s", where.text);
    }
    const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
    const json_t *list =
        json_object_get(json_object_get(choice, "logprobs"), "token_logprobs");
    const size_t n = json_array_size(list);
    int32_t n_prompt = -1;
    enum reel_status rc =
        read_count(json_object_get(root, "usage"), "prompt_tokens", &n_prompt, err);
    // One token is written behind the echo, because some servers want to write something.
    n_prompt = n_prompt >= 0 ? n_prompt : (int32_t)(n < TOKENS_MAX ? n : 1) - 1;
    if (rc == REEL_OK && (n_prompt < 1 || (size_t)n_prompt > n)) {
        rc = fail(err, REEL_EFORMAT, "the server echoes %zu tokens of %d", n, n_prompt);
    }
    rc = rc ? rc : copy_echo(list, n_prompt, logp, err);
    *n_tokens = rc ? 0 : n_prompt;
    json_decref(root);
    return rc;
}

/** One vector of the answer into its row; every number is one. */
static bool copy_vector(const json_t *list, int32_t n_dims, float *row)
{
    for (int32_t k = 0; k < n_dims; k++) {
        const json_t *value = json_array_get(list, (size_t)k);
        const double x = json_number_value(value);
        if (!json_is_number(value) || !(fabs(x) < 1e9)) {
            return false;
        }
        if (row) {
            row[k] = (float)x;
        }
    }
    return true;
}

static enum reel_status copy_vectors(const json_t *data, int32_t n_texts, int32_t *n_dims,
                                     float *row, struct reel_error *err)
{
    if (json_array_size(data) != (size_t)n_texts) {
        return fail(err, REEL_EFORMAT, "the server gives %zu vectors for %d texts",
                    json_array_size(data), n_texts);
    }
    uint64_t seen = 0;
    for (int32_t i = 0; i < n_texts; i++) {
        const json_t *item = json_array_get(data, (size_t)i);
        const json_t *place = json_object_get(item, "index");
        const json_t *list = json_object_get(item, "embedding");
        const json_int_t at = place ? json_integer_value(place) : i;
        const size_t n = json_array_size(list);
        *n_dims = *n_dims == 0 && n <= DIMENSIONS_MAX ? (int32_t)n : *n_dims;
        if (at < 0 || at >= n_texts || seen >> at & 1) {
            return fail(err, REEL_EFORMAT, "vector %d of the answer belongs to no text",
                        i);
        }
        seen |= (uint64_t)1 << at;
        if (n == 0 || n != (size_t)*n_dims) {
            return fail(err, REEL_EFORMAT,
                        "vector %d of the answer has %zu numbers of %d", i, n, *n_dims);
        }
        if (!copy_vector(list, *n_dims,
                         row ? row + (size_t)at * (size_t)*n_dims : NULL)) {
            return fail(err, REEL_EFORMAT, "vector %d of the answer is no vector", i);
        }
    }
    return REEL_OK;
}

enum reel_status lm_remote_read_vectors(const char *body, size_t n_bytes, int32_t n_texts,
                                        int32_t *n_dims, float *row,
                                        struct reel_error *err)
{
    json_error_t where;
    json_t *root = json_loadb(body, n_bytes, JSON_ALLOW_NUL, &where);
    if (!root) {
        return fail(err, REEL_EFORMAT, "the server's answer is no JSON: %s", where.text);
    }
    const enum reel_status rc =
        copy_vectors(json_object_get(root, "data"), n_texts, n_dims, row, err);
    json_decref(root);
    return rc;
}
