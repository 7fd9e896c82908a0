/**
 * Vectors of texts, kept in a file between runs: films have the same texts tomorrow, and a
 * model takes a minute for a thousand of them.
 *
 * Layout (native byte order, as all our files): header of 160 bytes; n_rows keys of 16 bytes, in
 * order; n_rows x n_dims float32. A key is BLAKE2b of prefix, NUL and text.
 */
#include "lm_vectors.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_file.h"
#include "lm_local.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "REELVECT"
#define FILE_BYTES_MAX ((uint64_t)512 << 20) /* beyond, only what is asked for is kept */
enum { VERSION = 1, OLDEST = 1, N_DIMS_MAX = 65536 };

struct header {
    char magic[8];
    uint32_t version, oldest;
    uint64_t n_rows;
    uint32_t n_dims, reserved;
    char model[128];
};

struct key {
    unsigned char byte[16];
};

// ---- the file ----

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct key));
}

bool lm_vectors_view(const void *data, size_t n_bytes, struct lm_vectors_view *view)
{
    struct header h;
    *view = (struct lm_vectors_view){0};
    if (n_bytes < sizeof h) {
        return false;
    }
    memcpy(&h, data, sizeof h);
    if (memcmp(h.magic, MAGIC, sizeof h.magic) != 0 || h.oldest > VERSION ||
        h.version < OLDEST || h.n_dims < 1 || h.n_dims > N_DIMS_MAX ||
        !memchr(h.model, '\0', sizeof h.model)) {
        return false;
    }
    const uint64_t row_bytes = sizeof(struct key) + h.n_dims * sizeof(float);
    const uint64_t n_left = n_bytes - sizeof h;
    if (h.n_rows != n_left / row_bytes || n_left % row_bytes != 0 ||
        h.n_rows > INT32_MAX) {
        return false;
    }
    const struct key *key = (const struct key *)((const char *)data + sizeof h);
    for (uint64_t i = 1; i < h.n_rows; i++) {
        if (compare_keys(&key[i - 1], &key[i]) >= 0) {
            return false;
        }
    }
    view->n_rows = (int32_t)h.n_rows;
    view->n_dims = (int32_t)h.n_dims;
    view->key = key;
    view->row = (const char *)(key + h.n_rows);
    view->model = (const char *)data + offsetof(struct header, model);
    return true;
}

bool lm_vectors_row(const struct lm_vectors_view *view, int32_t i, float *row)
{
    const size_t n_bytes = (size_t)view->n_dims * sizeof *row;
    memcpy(row, view->row + (size_t)i * n_bytes, n_bytes);
    double sum = 0;
    for (int32_t k = 0; k < view->n_dims; k++) {
        sum += (double)row[k] * (double)row[k];
    }
    return sum == 0 || fabs(sum - 1) < 1e-3; // false for what is not finite, too
}

static int32_t find_row(const struct lm_vectors_view *view, const struct key *key)
{
    const struct key *found =
        view->n_rows > 0
            ? bsearch(key, view->key, (size_t)view->n_rows, sizeof *key, compare_keys)
            : NULL;
    return found ? (int32_t)(found - (const struct key *)view->key) : -1;
}

// ---- one request ----

struct job {
    const struct reel_lm_embed_request *request;
    struct reel_lm_vectors *out;
    const char *prefix;
    struct key *key;    /* (n_texts) */
    int32_t *i_missing; /* (n_missing) texts that are not kept, each key once */
    int32_t n_missing;
    struct base_file_map map;
    struct lm_vectors_view view;
};

static enum reel_status init_job(struct job *job, struct reel_error *err)
{
    const struct reel_lm_embed_request *request = job->request;
    const size_t n = (size_t)request->n_texts + 1;
    job->key = base_alloc_array(n, sizeof *job->key);
    job->i_missing = base_alloc_array(n, sizeof *job->i_missing);
    if (!job->key || !job->i_missing || sodium_init() < 0) {
        return fail(err, REEL_ENOMEM, "%d texts", request->n_texts);
    }
    for (int32_t i = 0; i < request->n_texts; i++) {
        crypto_generichash_state state;
        const char *text = request->text[i];
        crypto_generichash_init(&state, NULL, 0, sizeof job->key[i].byte);
        crypto_generichash_update(&state, (const unsigned char *)job->prefix,
                                  strlen(job->prefix) + 1);
        crypto_generichash_update(&state, (const unsigned char *)text, strlen(text));
        crypto_generichash_final(&state, job->key[i].byte, sizeof job->key[i].byte);
    }
    return REEL_OK;
}

static enum reel_status alloc_rows(struct job *job, int32_t n_dims,
                                   struct reel_error *err)
{
    const size_t n = (size_t)job->request->n_texts;
    base_free(job->out->row);
    job->out->n_dims = n_dims;
    job->out->row = base_alloc_zeroed(n * (size_t)n_dims + 1, sizeof *job->out->row);
    return job->out->row ? REEL_OK
                         : fail(err, REEL_ENOMEM, "%zu vectors of %d", n, n_dims);
}

/** Indices of texts in the order of their keys. */
static int compare_texts(const void *a, const void *b, void *payload)
{
    const struct key *key = payload;
    return compare_keys(&key[*(const int32_t *)a], &key[*(const int32_t *)b]);
}

/** Rows that are kept go to their places; the others are listed, by key. */
static enum reel_status take_kept(struct job *job, struct reel_error *err)
{
    const struct lm_vectors_view *view = &job->view;
    const int32_t n = job->request->n_texts;
    int32_t n_missing = 0;
    enum reel_status rc = view->n_dims > 0 ? alloc_rows(job, view->n_dims, err) : REEL_OK;
    for (int32_t i = 0; rc == REEL_OK && i < n; i++) {
        const int32_t at = find_row(view, &job->key[i]);
        if (at < 0 ||
            !lm_vectors_row(view, at, job->out->row + (size_t)i * (size_t)view->n_dims)) {
            job->i_missing[n_missing++] = i;
        }
    }
    qsort_r(job->i_missing, (size_t)n_missing, sizeof *job->i_missing, compare_texts,
            job->key);
    job->n_missing = 0;
    for (int32_t m = 0; m < n_missing; m++) {
        const int32_t i = job->i_missing[m];
        if (job->n_missing == 0 ||
            compare_keys(&job->key[job->i_missing[job->n_missing - 1]], &job->key[i])) {
            job->i_missing[job->n_missing++] = i;
        }
    }
    return rc;
}

/** Every text that is missing, and its doubles, from the vectors of the missing. */
static void spread(struct job *job, const float *vector)
{
    const size_t n_dims = (size_t)job->out->n_dims;
    for (int32_t i = 0; i < job->request->n_texts; i++) {
        int32_t low = 0, high = job->n_missing;
        while (low < high) {
            const int32_t mid = low + (high - low) / 2;
            if (compare_keys(&job->key[job->i_missing[mid]], &job->key[i]) < 0) {
                low = mid + 1;
            } else {
                high = mid;
            }
        }
        if (low < job->n_missing &&
            compare_keys(&job->key[job->i_missing[low]], &job->key[i]) == 0) {
            memcpy(job->out->row + (size_t)i * n_dims, vector + (size_t)low * n_dims,
                   n_dims * sizeof *vector);
        }
    }
}

static enum reel_status compute(struct job *job, const char *where,
                                const struct reel_lm_options *opt, float **vector,
                                struct reel_error *err)
{
    struct reel_lm *lm = NULL;
    struct reel_lm_options own = *opt;
    struct reel_lm_embed_request missing = *job->request;
    const char **text = base_alloc_array((size_t)job->n_missing + 1, sizeof *text);
    own.embeds = true;
    for (int32_t m = 0; text && m < job->n_missing; m++) {
        text[m] = job->request->text[job->i_missing[m]];
    }
    enum reel_status rc =
        text ? REEL_OK : fail(err, REEL_ENOMEM, "%d texts", job->n_missing);
    rc = rc ? rc : reel_lm_open(where, &own, &lm, err);
    if (rc == REEL_OK) {
        const struct reel_lm_facts *facts = reel_lm_about(lm);
        const int32_t n_dims = facts->n_embedding;
        (void)snprintf(job->out->model, sizeof job->out->model, "%s", facts->name);
        if (n_dims != job->out->n_dims) {
            rc = alloc_rows(job, n_dims, err);
        }
        *vector = base_alloc_array((size_t)job->n_missing * (size_t)n_dims + 1,
                                   sizeof **vector);
        rc = rc        ? rc
             : *vector ? REEL_OK
                       : fail(err, REEL_ENOMEM, "%d vectors", job->n_missing);
        missing.text = text;
        missing.n_texts = job->n_missing;
        missing.prefix = job->prefix;
        rc = rc ? rc : reel_lm_embed(lm, &missing, *vector, err);
    }
    reel_lm_close(lm);
    base_free((void *)text);
    return rc;
}

/** Old and new rows, merged by key, into a new file. */
static enum reel_status keep(const struct job *job, const char *path, const float *vector,
                             struct reel_error *err)
{
    const struct lm_vectors_view *view = &job->view;
    const int32_t n_dims = job->out->n_dims;
    const size_t row_bytes = (size_t)n_dims * sizeof(float);
    const uint64_t bytes = (uint64_t)(view->n_rows + (int64_t)job->n_missing) *
                           (sizeof(struct key) + row_bytes);
    const int32_t n_old =
        view->n_dims == n_dims && bytes <= FILE_BYTES_MAX ? view->n_rows : 0;
    struct header h = {
        .magic = MAGIC, .version = VERSION, .oldest = OLDEST, .n_dims = (uint32_t)n_dims};
    struct base_file_writer writer;
    const struct key *old = view->key;
    memcpy(h.model, job->out->model, sizeof h.model);
    for (int32_t pass = 0; pass < 3; pass++) { // count, keys, rows
        if (pass == 1) {
            const enum reel_status rc = base_file_writer_open(&writer, path, err);
            if (rc) {
                return rc;
            }
            (void)fwrite(&h, sizeof h, 1, writer.out);
        }
        for (int32_t i = 0, m = 0; i < n_old || m < job->n_missing;) {
            const struct key *new_key =
                m < job->n_missing ? &job->key[job->i_missing[m]] : NULL;
            const int order = i >= n_old ? 1
                              : !new_key ? -1
                                         : compare_keys(&old[i], new_key);
            const bool is_old = order < 0; // of the same key the new row: the old is bad
            if (pass == 0) {
                h.n_rows++;
            } else if (pass == 1) {
                (void)fwrite(is_old ? &old[i] : new_key, sizeof *old, 1, writer.out);
            } else {
                (void)fwrite(is_old ? view->row + (size_t)i * row_bytes
                                    : (const char *)vector + (size_t)m * row_bytes,
                             row_bytes, 1, writer.out);
            }
            i += order <= 0;
            m += order >= 0;
        }
    }
    return base_file_writer_close(&writer, err);
}

static enum reel_status get(struct job *job, const char *where,
                            const struct reel_lm_options *opt, const char *path,
                            struct reel_error *err)
{
    float *vector = NULL;
    enum reel_status rc = init_job(job, err);
    if (rc == REEL_OK && path && base_file_map_open(&job->map, path, NULL) == REEL_OK &&
        lm_vectors_view(job->map.data, job->map.n_bytes, &job->view)) {
        (void)snprintf(job->out->model, sizeof job->out->model, "%s", job->view.model);
    }
    rc = rc ? rc : take_kept(job, err);
    if (rc == REEL_OK && (job->n_missing > 0 || job->out->n_dims == 0)) {
        rc = compute(job, where, opt, &vector, err);
        if (rc == REEL_OK) {
            spread(job, vector);
            job->out->n_computed = job->n_missing;
            rc = path ? keep(job, path, vector, err) : REEL_OK;
        }
    }
    base_free(vector);
    return rc;
}

/** FOLDER/SUM.vectors, the folder made; NULL for a server. Freed by the caller. */
static enum reel_status make_path(const char *where, const char *folder, char **path,
                                  char *name, struct reel_error *err)
{
    char checksum[LM_CHECKSUM_BYTES];
    struct reel_lm_info info;
    *path = NULL;
    name[0] = '\0';
    if (lm_is_address(where)) {
        return REEL_OK;
    }
    enum reel_status rc = reel_lm_info_read(where, &info, err);
    if (rc == REEL_OK && !lm_file_checksum(where, checksum)) {
        rc = fail(err, REEL_EIO, "%s: cannot be read", where);
    }
    rc = rc ? rc : base_file_mkdirs(folder, err);
    if (rc) {
        return rc;
    }
    const size_t n = strlen(folder) + 32;
    *path = base_alloc_array(n, 1);
    if (!*path) {
        return fail(err, REEL_ENOMEM, "%s", folder);
    }
    (void)snprintf(*path, n, "%s/%.16s.vectors", folder, checksum);
    const char *slash = strrchr(where, '/'); // the name that reel_lm_open would give it
    (void)snprintf(name, sizeof info.name, "%s",
                   info.name[0] ? info.name
                   : slash      ? slash + 1
                                : where);
    return REEL_OK;
}

enum reel_status reel_lm_vectors_get(const char *where, const struct reel_lm_options *opt,
                                     const struct reel_lm_embed_request *request,
                                     const char *folder, struct reel_lm_vectors *out,
                                     struct reel_error *err)
{
    struct job job = {.request = request, .out = out};
    char *path, name[sizeof out->model];
    *out = (struct reel_lm_vectors){0};
    enum reel_status rc = make_path(where, folder, &path, name, err);
    job.prefix = request->prefix ? request->prefix : lm_embed_prefix(name);
    rc = rc ? rc : get(&job, where, opt, path, err);
    base_file_map_close(&job.map);
    base_free(job.key);
    base_free(job.i_missing);
    base_free(path);
    if (rc) {
        reel_lm_vectors_release(out);
    }
    return rc;
}

void reel_lm_vectors_release(struct reel_lm_vectors *vectors)
{
    base_free(vectors->row);
    *vectors = (struct reel_lm_vectors){0};
}
