/** See lm_documents.h. */
#include "lm_documents.h"
#include "base_alloc.h"
#include "base_buffer.h"
#include "base_error.h"
#include "lm_lines.h"

#include <jansson.h>
#include <string.h>

enum { DOCUMENT_BYTES_MAX = 256 << 20 };

struct lm_documents {
    struct lm_lines *lines;
    enum reel_lm_documents asked, kind; /* kind: of the file at hand */
    int32_t i_path;                     /* of the line at hand */
    struct base_buffer text;
    const char *line; /* read ahead; NULL: none is */
    size_t n_line_bytes;
    bool is_ended;
};

enum reel_status lm_documents_open(const struct reel_lm_texts *texts,
                                   enum reel_lm_documents kind, struct lm_documents **out,
                                   struct reel_error *err)
{
    *out = NULL;
    struct lm_documents *d = base_alloc_zeroed(1, sizeof *d);
    if (!d) {
        return fail(err, REEL_ENOMEM, "reading documents");
    }
    d->asked = kind;
    d->i_path = -1;
    base_buffer_init(&d->text, DOCUMENT_BYTES_MAX);
    const enum reel_status rc = lm_lines_open(texts, &d->lines, err);
    if (rc != REEL_OK) {
        base_free(d);
        return rc;
    }
    *out = d;
    return REEL_OK;
}

void lm_documents_close(struct lm_documents *documents)
{
    if (documents) {
        lm_lines_close(documents->lines);
        base_buffer_release(&documents->text);
        base_free(documents);
    }
}

double lm_documents_done(const struct lm_documents *documents)
{
    return lm_lines_done(documents->lines);
}

double lm_documents_total(const struct lm_documents *documents)
{
    return lm_lines_total(documents->lines);
}

static bool is_blank(const char *line, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        if (!strchr(" \t\r\f\v", line[i])) {
            return false;
        }
    }
    return true;
}

// Read a line ahead; `*is_other_file`: it is the first of its file.
static enum reel_status look_ahead(struct lm_documents *d, bool *is_other_file,
                                   struct reel_error *err)
{
    *is_other_file = false;
    if (d->line || d->is_ended) {
        return REEL_OK;
    }
    const enum reel_status rc = lm_lines_next(d->lines, &d->line, &d->n_line_bytes, err);
    if (rc != REEL_OK || !d->line) {
        d->is_ended = true;
        return rc;
    }
    *is_other_file = lm_lines_i_path(d->lines) != d->i_path;
    d->i_path = lm_lines_i_path(d->lines);
    if (*is_other_file) {
        d->kind = d->asked                                 ? d->asked
                  : d->n_line_bytes > 0 && *d->line == '{' ? REEL_LM_DOCUMENTS_JSON
                                                           : REEL_LM_DOCUMENTS_BLANK;
    }
    return REEL_OK;
}

static enum reel_status add_line(struct lm_documents *d, struct reel_error *err)
{
    const bool is_first = d->text.n_bytes == 0;
    if ((!is_first && !base_buffer_add_char(&d->text, '\n')) ||
        !base_buffer_add(&d->text, d->line, d->n_line_bytes)) {
        return d->text.n_bytes + d->n_line_bytes + 2 > DOCUMENT_BYTES_MAX
                   ? lm_lines_fail(d->lines, err, "a document of more than %d MiB",
                                   DOCUMENT_BYTES_MAX >> 20)
                   : fail(err, REEL_ENOMEM, "a document of %zu bytes", d->text.n_bytes);
    }
    return REEL_OK;
}

static enum reel_status add_json(struct lm_documents *d, struct reel_error *err)
{
    json_error_t why;
    json_t *object = json_loadb(d->line, d->n_line_bytes, JSON_REJECT_DUPLICATES, &why);
    const json_t *text = json_object_get(object, "text");
    enum reel_status rc = REEL_OK;
    if (!object) {
        rc = lm_lines_fail(d->lines, err, "no JSON object: %s", why.text);
    } else if (!json_is_string(text)) {
        rc = lm_lines_fail(d->lines, err, "no \"text\" in this object");
    } else if (!base_buffer_add(&d->text, json_string_value(text),
                                json_string_length(text))) {
        rc = fail(err, REEL_ENOMEM, "a document of %zu bytes", json_string_length(text));
    }
    json_decref(object);
    return rc;
}

// Does this line belong to no document, or begin another one?
static enum reel_status gather(struct lm_documents *d, struct reel_error *err)
{
    for (;;) {
        bool is_other_file;
        enum reel_status rc = look_ahead(d, &is_other_file, err);
        if (rc != REEL_OK || !d->line) {
            return rc;
        }
        if (is_other_file && d->text.n_bytes > 0) {
            return REEL_OK; // the line stays for the next document
        }
        const bool is_single =
            d->kind == REEL_LM_DOCUMENTS_LINE || d->kind == REEL_LM_DOCUMENTS_JSON;
        const bool is_gap = is_blank(d->line, d->n_line_bytes);
        if (!is_gap || (d->kind == REEL_LM_DOCUMENTS_FILE && d->text.n_bytes > 0)) {
            rc = d->kind == REEL_LM_DOCUMENTS_JSON ? add_json(d, err) : add_line(d, err);
        }
        d->line = NULL;
        if (rc != REEL_OK) {
            return rc;
        }
        if (d->text.n_bytes > 0 &&
            (is_single || (is_gap && d->kind == REEL_LM_DOCUMENTS_BLANK))) {
            return REEL_OK;
        }
    }
}

enum reel_status lm_documents_next(struct lm_documents *documents, const char **text,
                                   size_t *n_bytes, struct reel_error *err)
{
    struct base_buffer *gathered = &documents->text;
    *text = NULL;
    do {
        base_buffer_clear(gathered);
        const enum reel_status rc = gather(documents, err);
        if (rc != REEL_OK || gathered->n_bytes == 0) {
            return rc;
        }
        *n_bytes = gathered->n_bytes;
        while (*n_bytes > 0 && strchr(" \t\r\n\f\v", gathered->data[*n_bytes - 1])) {
            --*n_bytes;
        }
    } while (*n_bytes == 0);
    *text = gathered->data;
    return REEL_OK;
}
