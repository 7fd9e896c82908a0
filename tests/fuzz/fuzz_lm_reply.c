/**
 * Any bytes as a server's answer: as events and as a document, in one piece and in small
 * ones. However they are cut, the same must be read.
 */
#include "lm_remote_reply.h"

#include "base_alloc.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

enum { TEXT_BYTES_MAX = 4096 };

struct heard {
    char text[TEXT_BYTES_MAX];
    size_t n_bytes;
    int64_t n_logp;
};

static bool hear(const char *piece, size_t n_bytes, const double *logp, int32_t n_logp,
                 void *payload)
{
    struct heard *h = payload;
    if (h->n_bytes + n_bytes > sizeof h->text) {
        abort(); // the reader promised less
    }
    memcpy(h->text + h->n_bytes, piece, n_bytes);
    h->n_bytes += n_bytes;
    h->n_logp += n_logp;
    for (int32_t i = 0; i < n_logp; i++) {
        if (!(logp[i] <= 0)) {
            abort();
        }
    }
    return true;
}

static enum reel_status read_in(const char *data, size_t n_bytes, size_t n_at_once,
                                bool is_document, struct heard *heard)
{
    struct lm_remote_reader reader;
    struct reel_error err = {0};
    heard->n_bytes = 0;
    heard->n_logp = 0;
    lm_remote_reader_init(&reader, TEXT_BYTES_MAX, hear, heard);
    reader.is_document = is_document;
    enum reel_status rc = REEL_OK;
    for (size_t at = 0; rc == REEL_OK && at < n_bytes; at += n_at_once) {
        const size_t n = n_bytes - at < n_at_once ? n_bytes - at : n_at_once;
        rc = lm_remote_reader_add(&reader, data + at, n, &err);
    }
    rc = rc ? rc : lm_remote_reader_end(&reader, &err);
    if (rc != REEL_OK && (rc == REEL_ENOMEM || !err.text[0])) {
        abort();
    }
    if (reader.n_read < -1 || reader.n_written < -1) {
        abort();
    }
    lm_remote_reader_release(&reader);
    return rc;
}

static void read_documents(const char *data, size_t n_bytes)
{
    struct lm_remote_model model;
    double *logp;
    int32_t n;
    char said[200];
    (void)!lm_remote_read_models(data, n_bytes, NULL, &model, NULL);
    if (lm_remote_read_echo(data, n_bytes, &logp, &n, NULL) == REEL_OK) {
        base_free(logp);
    }
    n = 0;
    if (lm_remote_read_vectors(data, n_bytes, 2, &n, NULL, NULL) == REEL_OK) {
        float *row = calloc(2 * (size_t)n, sizeof *row);
        if (row && lm_remote_read_vectors(data, n_bytes, 2, &n, row, NULL) != REEL_OK) {
            abort();
        }
        free(row);
    }
    lm_remote_read_complaint(data, n_bytes, said, sizeof said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    static struct heard whole, cut; // too large for the stack of a fuzzer
    const size_t n_at_once = n_bytes > 0 ? 1 + data[0] % 5 : 1;
    const char *text = (const char *)data;
    for (int is_document = 0; is_document < 2; is_document++) {
        const enum reel_status rc =
            read_in(text, n_bytes, SIZE_MAX / 2, is_document, &whole);
        if (read_in(text, n_bytes, n_at_once, is_document, &cut) != rc ||
            whole.n_bytes != cut.n_bytes || whole.n_logp != cut.n_logp ||
            memcmp(whole.text, cut.text, whole.n_bytes) != 0) {
            abort();
        }
    }
    read_documents(text, n_bytes);
    return 0;
}
