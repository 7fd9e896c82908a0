/**
 * Making a corpus; see lm_corpus.h. The texts are read once, for they may be a stream: what
 * is new goes to a file without a name in the folder, from which the vocabulary is counted
 * and then the rows are made.
 */
#include "lm_corpus.h"
#include "base_alloc.h"
#include "base_buffer.h"
#include "base_error.h"
#include "base_hash.h"
#include "lm_corpus_rows.h"
#include "lm_documents.h"
#include "lm_scratch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct entry {
    uint64_t hash, n_bytes; /* before each document of the spool */
};

struct maker {
    const struct lm_corpus_options *opt;
    const char *folder;
    FILE *spool;
    struct base_hash *seen;
    uint64_t *hash; /* (made->n_documents) */
    size_t room;
    uint64_t bar; /* documents with hashes up to here are for validation */
    struct lm_bpe_count *count;
    struct lm_bpe *bpe;
    struct lm_bpe_tokens tokens;
    struct lm_rows_writer writer[LM_CORPUS_N_PARTS];
    struct lm_corpus_made *made;
};

struct lm_corpus_options lm_corpus_options_default(void)
{
    return (struct lm_corpus_options){.n_context = 256, .valid_share = 0.05};
}

/* ---- reading ---- */

// FNV-1a, runs of blanks as one, then mixed so that its size says nothing of the text.
static uint64_t hash_text(const char *text, size_t n_bytes)
{
    uint64_t h = 0xcbf29ce484222325;
    bool was_blank = false;
    for (size_t i = 0; i < n_bytes; i++) {
        const bool is_blank = strchr(" \t\r\n\f\v", text[i]) != NULL;
        if (!is_blank || !was_blank) {
            h = (h ^ (is_blank ? ' ' : (unsigned char)text[i])) * 0x100000001b3;
        }
        was_blank = is_blank;
    }
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
    h = (h ^ h >> 27) * 0x94d049bb133111eb;
    return h ^ h >> 31;
}

static enum reel_status fail_spool(const struct maker *m, struct reel_error *err)
{
    return fail(err, REEL_EIO, "%s: no room for the text on disk: %s", m->folder,
                strerror(errno));
}

static enum reel_status keep(struct maker *m, const char *text, size_t n_bytes,
                             struct reel_error *err)
{
    const struct entry entry = {hash_text(text, n_bytes), n_bytes};
    struct lm_corpus_made *made = m->made;
    bool is_new;
    const size_t n = (size_t)made->n_documents;
    if (n == m->room) {
        const size_t room = m->room ? 2 * m->room : 1024;
        void *more = base_realloc_array(m->hash, room, sizeof *m->hash);
        if (!more) {
            return fail(err, REEL_ENOMEM, "%zu documents", n);
        }
        m->hash = more;
        m->room = room;
    }
    if (!base_hash_get_or_add(m->seen, (const char *)&entry.hash, sizeof entry.hash, 0,
                              &is_new)) {
        return fail(err, REEL_ENOMEM, "%zu documents", n);
    }
    if (!is_new) {
        made->n_duplicates++;
        return REEL_OK;
    }
    m->hash[made->n_documents++] = entry.hash;
    made->n_bytes += (int64_t)n_bytes;
    return fwrite(&entry, sizeof entry, 1, m->spool) == 1 &&
                   fwrite(text, 1, n_bytes, m->spool) == n_bytes
               ? REEL_OK
               : fail_spool(m, err);
}

static enum reel_status open_spool(struct maker *m, struct reel_error *err)
{
    const struct lm_scratch scratch = {.folder = m->folder};
    int fd;
    const enum reel_status rc = lm_scratch_file(&scratch, &fd, err);
    if (rc != REEL_OK) {
        return rc;
    }
    m->spool = fdopen(fd, "w+b");
    if (!m->spool) {
        (void)close(fd);
        return fail(err, REEL_ENOMEM, "%s: a file for the text", m->folder);
    }
    return base_hash_create(&m->seen, err);
}

static enum reel_status read_texts(struct maker *m, struct reel_error *err)
{
    struct lm_documents *documents;
    const char *text;
    size_t n_bytes;
    enum reel_status rc = open_spool(m, err);
    rc = rc ? rc : lm_documents_open(&m->opt->texts, m->opt->documents, &documents, err);
    if (rc != REEL_OK) {
        return rc;
    }
    while ((rc = lm_documents_next(documents, &text, &n_bytes, err)) == REEL_OK && text) {
        rc = keep(m, text, n_bytes, err);
        if (rc == REEL_OK &&
            !base_progress_report(&m->opt->progress, "text", lm_documents_done(documents),
                                  lm_documents_total(documents))) {
            rc = fail(err, REEL_ECANCELLED, "stopped while reading the text");
        }
        if (rc != REEL_OK) {
            break;
        }
    }
    lm_documents_close(documents);
    base_hash_free(m->seen);
    m->seen = NULL;
    if (rc == REEL_OK && fflush(m->spool) != 0) {
        rc = fail_spool(m, err);
    }
    if (rc == REEL_OK && m->made->n_documents < 2) {
        rc = fail(err, REEL_EFORMAT,
                  "the text has %lld document%s; two are needed, one to judge on",
                  (long long)m->made->n_documents, m->made->n_documents == 1 ? "" : "s");
    }
    return rc;
}

/* ---- splitting ---- */

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// The documents with the least hashes: in effect at random, and the same ones whatever the order.
static void split(struct maker *m)
{
    const int64_t n = m->made->n_documents;
    int64_t n_valid = llround(m->opt->valid_share * (double)n);
    n_valid = n_valid < 1 ? 1 : n_valid > n - 1 ? n - 1 : n_valid;
    qsort(m->hash, (size_t)n, sizeof *m->hash, compare_hashes);
    m->bar = m->hash[n_valid - 1];
    base_free(m->hash);
    m->hash = NULL;
}

/* ---- going through what was kept ---- */

static enum reel_status each(struct maker *m, const char *stage,
                             enum reel_status (*one)(struct maker *m, int part,
                                                     const char *text, size_t n_bytes,
                                                     struct reel_error *err),
                             struct reel_error *err)
{
    struct base_buffer text;
    struct entry entry;
    base_buffer_init(&text, SIZE_MAX / 2);
    rewind(m->spool);
    enum reel_status rc = REEL_OK;
    double done = 0;
    for (int64_t i = 0; i < m->made->n_documents && rc == REEL_OK; i++) {
        if (fread(&entry, sizeof entry, 1, m->spool) != 1) {
            rc = fail(err, REEL_EIO, "%s: the text cannot be read again", m->folder);
            break;
        }
        base_buffer_clear(&text);
        char *to = base_buffer_reserve(&text, entry.n_bytes);
        if (!to || fread(to, 1, entry.n_bytes, m->spool) != entry.n_bytes) {
            rc = fail(err, to ? REEL_EIO : REEL_ENOMEM,
                      "%s: a document of %llu bytes cannot be read again", m->folder,
                      (unsigned long long)entry.n_bytes);
            break;
        }
        rc = one(m, entry.hash <= m->bar ? LM_CORPUS_VALID : LM_CORPUS_TRAIN, to,
                 entry.n_bytes, err);
        done += (double)entry.n_bytes;
        if (rc == REEL_OK && !base_progress_report(&m->opt->progress, stage, done,
                                                   (double)m->made->n_bytes)) {
            rc = fail(err, REEL_ECANCELLED, "stopped while making the corpus");
        }
    }
    base_buffer_release(&text);
    return rc;
}

static enum reel_status count_words(struct maker *m, int part, const char *text,
                                    size_t n_bytes, struct reel_error *err)
{
    m->made->n_documents_of[part]++;
    m->made->n_bytes_of[part] += (int64_t)n_bytes;
    return part == LM_CORPUS_TRAIN ? lm_bpe_count_add(m->count, text, n_bytes, err)
                                   : REEL_OK;
}

// 32,000 tokens for a gigabyte, 3,200 for a megabyte.
static int32_t vocabulary_for(int64_t n_bytes)
{
    const double n = 32000 * cbrt((double)n_bytes / 1e9);
    return n < 512 ? 512 : n > 64000 ? 64000 : (int32_t)n;
}

static enum reel_status train_vocabulary(struct maker *m, struct reel_error *err)
{
    const int32_t n_tokens = m->opt->n_vocabulary > 0 ? m->opt->n_vocabulary
                                                      : vocabulary_for(m->made->n_bytes);
    enum reel_status rc = lm_bpe_count_create(&m->count, err);
    rc = rc ? rc : each(m, "words", count_words, err);
    rc = rc ? rc : lm_bpe_train(m->count, n_tokens, 2, &m->opt->progress, &m->bpe, err);
    lm_bpe_count_free(m->count);
    m->count = NULL;
    return rc;
}

static enum reel_status add_rows(struct maker *m, int part, const char *text,
                                 size_t n_bytes, struct reel_error *err)
{
    m->tokens.n = 0;
    enum reel_status rc = lm_bpe_tokens_add(&m->tokens, LM_BPE_END, err);
    rc = rc ? rc : lm_bpe_encode(m->bpe, text, n_bytes, &m->tokens, err);
    if (rc == REEL_OK) {
        lm_rows_add(&m->writer[part], m->tokens.token, m->tokens.n);
    }
    return rc;
}

static enum reel_status write_rows(struct maker *m, struct reel_error *err)
{
    static const char *const name[] = {"train.rows", "valid.rows"};
    const size_t room = strlen(m->folder) + 16;
    char *path = base_alloc(room);
    enum reel_status rc = path ? REEL_OK : fail(err, REEL_ENOMEM, "%s", m->folder);
    for (int part = 0; part < LM_CORPUS_N_PARTS && rc == REEL_OK; part++) {
        (void)snprintf(path, room, "%s/%s", m->folder, name[part]);
        rc = lm_rows_create(&m->writer[part], path, m->opt->n_context,
                            lm_bpe_n_tokens(m->bpe), err);
    }
    base_free(path);
    rc = rc ? rc : each(m, "tokens", add_rows, err);
    for (int part = 0; part < LM_CORPUS_N_PARTS && rc == REEL_OK; part++) {
        rc = lm_rows_close(&m->writer[part], err);
        m->made->n_tokens[part] = m->writer[part].head.n_tokens;
        m->made->n_rows[part] = m->writer[part].head.n_rows;
    }
    return rc;
}

static void maker_release(struct maker *m)
{
    for (int part = 0; part < LM_CORPUS_N_PARTS; part++) {
        lm_rows_abort(&m->writer[part]);
    }
    if (m->spool) {
        (void)fclose(m->spool);
    }
    base_hash_free(m->seen);
    base_free(m->hash);
    lm_bpe_count_free(m->count);
    lm_bpe_tokens_release(&m->tokens);
    lm_bpe_free(m->bpe);
}

enum reel_status lm_corpus_make(const char *folder, const struct lm_corpus_options *opt,
                                struct lm_bpe **bpe, struct lm_corpus_made *made,
                                struct reel_error *err)
{
    *bpe = NULL;
    *made = (struct lm_corpus_made){0};
    if (opt->n_context < 8 || !(opt->valid_share >= 0 && opt->valid_share < 1) ||
        (opt->n_vocabulary != 0 && opt->n_vocabulary < LM_BPE_N_LEAST)) {
        return fail(err, REEL_EINVAL,
                    "a context of %d, a vocabulary of %d, %g of it for validation",
                    opt->n_context, opt->n_vocabulary, opt->valid_share);
    }
    struct maker m = {.opt = opt, .folder = folder, .made = made};
    enum reel_status rc = base_file_mkdirs(folder, err);
    rc = rc ? rc : read_texts(&m, err);
    if (rc == REEL_OK) {
        split(&m);
        rc = train_vocabulary(&m, err);
    }
    rc = rc ? rc : write_rows(&m, err);
    if (rc == REEL_OK) {
        *bpe = m.bpe;
        m.bpe = NULL;
    }
    maker_release(&m);
    return rc;
}
