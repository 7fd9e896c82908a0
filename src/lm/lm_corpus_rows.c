/** See lm_corpus_rows.h and lm_corpus.h. */
#include "lm_corpus_rows.h"
#include "base_alloc.h"
#include "base_error.h"

#include <string.h>

enum { VERSION = 1, OLDEST = 1, N_CONTEXT_MAX = 1 << 20, N_VOCABULARY_MAX = 1 << 24 };
static const uint64_t magic = 0x73776f726c656572; /* "reelrows" */
static const uint64_t fnv_basis = 0xcbf29ce484222325, fnv_prime = 0x100000001b3;

static size_t token_bytes(int32_t n_vocabulary)
{
    return n_vocabulary <= 1 << 16 ? sizeof(uint16_t) : sizeof(uint32_t);
}

/* ---- writing ---- */

enum reel_status lm_rows_create(struct lm_rows_writer *writer, const char *path,
                                int32_t n_context, int32_t n_vocabulary,
                                struct reel_error *err)
{
    *writer = (struct lm_rows_writer){.head = {.magic = magic,
                                               .version = VERSION,
                                               .oldest = OLDEST,
                                               .n_context = n_context,
                                               .n_vocabulary = n_vocabulary,
                                               .sum = fnv_basis}};
    const size_t n = (size_t)n_context + 1;
    writer->token = base_alloc_array(n, LM_ROWS_OPEN * sizeof *writer->token);
    if (!writer->token) {
        return fail(err, REEL_ENOMEM, "rows of %d tokens", n_context);
    }
    const enum reel_status rc = base_file_writer_open(&writer->file, path, err);
    if (rc != REEL_OK) {
        lm_rows_abort(writer);
        return rc;
    }
    (void)fwrite(&writer->head, sizeof writer->head, 1, writer->file.out);
    return REEL_OK;
}

static int32_t *open_row(const struct lm_rows_writer *writer, int32_t i)
{
    return writer->token + (size_t)i * ((size_t)writer->head.n_context + 1);
}

// token (n_context + 1)
static void write_row(struct lm_rows_writer *writer, const int32_t *token)
{
    struct lm_rows_head *head = &writer->head;
    const bool is_short = token_bytes(head->n_vocabulary) == sizeof(uint16_t);
    head->n_rows++;
    for (int32_t i = 0; i <= head->n_context; i++) {
        const uint16_t low = (uint16_t)token[i];
        const uint32_t all = (uint32_t)token[i];
        head->sum = (head->sum ^ all) * fnv_prime;
        head->n_tokens += i > 0 && (token[i - 1] != LM_BPE_END || token[i] != LM_BPE_END);
        (void)fwrite(is_short ? (const void *)&low : &all,
                     is_short ? sizeof low : sizeof all, 1, writer->file.out);
    }
}

// Fill up an open row and write it; the last one takes its place.
static void close_row(struct lm_rows_writer *writer, int32_t i)
{
    int32_t *row = open_row(writer, i);
    const size_t n = (size_t)writer->head.n_context + 1;
    for (size_t at = (size_t)writer->n_used[i]; at < n; at++) {
        row[at] = LM_BPE_END;
    }
    write_row(writer, row);
    const int32_t last = --writer->n_open;
    if (i != last) {
        memcpy(row, open_row(writer, last), n * sizeof *row);
        writer->n_used[i] = writer->n_used[last];
    }
}

// The open row that a piece of n tokens fills best; -1: there is no room.
static int32_t best_fit(const struct lm_rows_writer *writer, int32_t n)
{
    int32_t best = -1;
    for (int32_t i = 0; i < writer->n_open; i++) {
        if (writer->n_used[i] + n <= writer->head.n_context &&
            (best < 0 || writer->n_used[i] > writer->n_used[best])) {
            best = i;
        }
    }
    return best;
}

// An empty row, for which the fullest is closed when there are too many.
static int32_t new_row(struct lm_rows_writer *writer)
{
    if (writer->n_open == LM_ROWS_OPEN) {
        int32_t fullest = 0;
        for (int32_t i = 1; i < writer->n_open; i++) {
            fullest = writer->n_used[i] > writer->n_used[fullest] ? i : fullest;
        }
        close_row(writer, fullest);
    }
    writer->n_used[writer->n_open] = 0;
    return writer->n_open++;
}

void lm_rows_add(struct lm_rows_writer *writer, const int32_t *token, size_t n)
{
    const size_t n_context = (size_t)writer->head.n_context;
    const bool is_cut = n > n_context;
    for (; n > n_context; token += n_context, n -= n_context) {
        write_row(writer, token); // its last token begins the next row
    }
    // What is left of a long document begins a row, as nothing marks its begin.
    int32_t i = is_cut ? -1 : best_fit(writer, (int32_t)n);
    i = i < 0 ? new_row(writer) : i;
    memcpy(open_row(writer, i) + writer->n_used[i], token, n * sizeof *token);
    writer->n_used[i] += (int32_t)n;
    if ((size_t)writer->n_used[i] + 1 >= n_context) { // no document is that short
        close_row(writer, i);
    }
}

enum reel_status lm_rows_close(struct lm_rows_writer *writer, struct reel_error *err)
{
    while (writer->n_open > 0) {
        close_row(writer, 0);
    }
    if (fseeko(writer->file.out, 0, SEEK_SET) == 0) {
        (void)fwrite(&writer->head, sizeof writer->head, 1, writer->file.out);
    }
    const enum reel_status rc = base_file_writer_close(&writer->file, err);
    lm_rows_abort(writer);
    return rc;
}

void lm_rows_abort(struct lm_rows_writer *writer)
{
    base_file_writer_abort(&writer->file);
    base_free(writer->token);
    writer->token = NULL;
}

/* ---- reading ---- */

static const char *const part_name[] = {"train.rows", "valid.rows"};

struct lm_corpus {
    struct base_file_map map[LM_CORPUS_N_PARTS];
    const struct lm_rows_head *head[LM_CORPUS_N_PARTS];
};

static enum reel_status check(const struct base_file_map *map, const char *path,
                              struct reel_error *err)
{
    const struct lm_rows_head *head = (const void *)map->data;
    if (map->n_bytes < sizeof *head || head->magic != magic) {
        return fail(err, REEL_EFORMAT, "%s: no rows of tokens", path);
    }
    if (head->oldest > VERSION) {
        return fail(err, REEL_EVERSION, "%s: version %u, this program reads up to %d",
                    path, head->version, VERSION);
    }
    if (head->n_context < 1 || head->n_context > N_CONTEXT_MAX ||
        head->n_vocabulary < LM_BPE_N_LEAST || head->n_vocabulary > N_VOCABULARY_MAX) {
        return fail(err, REEL_EFORMAT, "%s: rows of %d tokens of %d", path,
                    head->n_context, head->n_vocabulary);
    }
    const uint64_t row_bytes =
        ((uint64_t)head->n_context + 1) * token_bytes(head->n_vocabulary);
    const uint64_t n_there = map->n_bytes - sizeof *head;
    if (head->n_rows < 1 || n_there % row_bytes != 0 ||
        n_there / row_bytes != (uint64_t)head->n_rows) {
        return fail(err, REEL_EFORMAT, "%s: %zu bytes are not %lld rows of %d tokens",
                    path, map->n_bytes, (long long)head->n_rows, head->n_context);
    }
    return REEL_OK;
}

static enum reel_status open_part(struct lm_corpus *corpus, const char *folder, int part,
                                  struct reel_error *err)
{
    const size_t room = strlen(folder) + 16;
    char *path = base_alloc(room);
    if (!path) {
        return fail(err, REEL_ENOMEM, "%s: out of memory", folder);
    }
    (void)snprintf(path, room, "%s/%s", folder, part_name[part]);
    enum reel_status rc = base_file_map_open(&corpus->map[part], path, err);
    rc = rc ? rc : check(&corpus->map[part], path, err);
    corpus->head[part] = rc ? NULL : (const void *)corpus->map[part].data;
    base_free(path);
    return rc;
}

enum reel_status lm_corpus_open(const char *folder, struct lm_corpus **out,
                                struct reel_error *err)
{
    *out = NULL;
    struct lm_corpus *corpus = base_alloc_zeroed(1, sizeof *corpus);
    if (!corpus) {
        return fail(err, REEL_ENOMEM, "%s: out of memory", folder);
    }
    enum reel_status rc = open_part(corpus, folder, LM_CORPUS_TRAIN, err);
    rc = rc ? rc : open_part(corpus, folder, LM_CORPUS_VALID, err);
    if (rc == REEL_OK &&
        (corpus->head[0]->n_context != corpus->head[1]->n_context ||
         corpus->head[0]->n_vocabulary != corpus->head[1]->n_vocabulary)) {
        rc = fail(err, REEL_EFORMAT,
                  "%s: train.rows and valid.rows are not of one corpus", folder);
    }
    if (rc != REEL_OK) {
        lm_corpus_close(corpus);
        return rc;
    }
    *out = corpus;
    return REEL_OK;
}

void lm_corpus_close(struct lm_corpus *corpus)
{
    if (corpus) {
        base_file_map_close(&corpus->map[LM_CORPUS_TRAIN]);
        base_file_map_close(&corpus->map[LM_CORPUS_VALID]);
        base_free(corpus);
    }
}

int32_t lm_corpus_n_context(const struct lm_corpus *corpus)
{
    return corpus->head[0]->n_context;
}

int32_t lm_corpus_n_vocabulary(const struct lm_corpus *corpus)
{
    return corpus->head[0]->n_vocabulary;
}

int64_t lm_corpus_n_rows(const struct lm_corpus *corpus, enum lm_corpus_part part)
{
    return corpus->head[part]->n_rows;
}

int64_t lm_corpus_n_tokens(const struct lm_corpus *corpus, enum lm_corpus_part part)
{
    return corpus->head[part]->n_tokens;
}

uint64_t lm_corpus_sum(const struct lm_corpus *corpus)
{
    const struct lm_rows_head *train = corpus->head[0], *valid = corpus->head[1];
    return (train->sum * fnv_prime ^ valid->sum) * fnv_prime ^ (uint64_t)train->n_rows;
}

static uint32_t token_at(const unsigned char *data, size_t i, size_t one)
{
    uint16_t low;
    uint32_t all;
    memcpy(&low, data + i * one, sizeof low);
    if (one == sizeof low) {
        return low;
    }
    memcpy(&all, data + i * one, sizeof all);
    return all;
}

enum reel_status lm_corpus_verify(const struct lm_corpus *corpus, const char *folder,
                                  struct reel_error *err)
{
    for (int part = 0; part < LM_CORPUS_N_PARTS; part++) {
        const struct lm_rows_head *head = corpus->head[part];
        const unsigned char *data = corpus->map[part].data + sizeof *head;
        const size_t one = token_bytes(head->n_vocabulary);
        const size_t n_row = (size_t)head->n_context + 1;
        const size_t n = (size_t)head->n_rows * n_row;
        uint64_t sum = fnv_basis;
        int64_t n_tokens = 0;
        bool is_sound = true;
        for (size_t i = 0; i < n; i++) {
            const uint32_t token = token_at(data, i, one);
            is_sound &= token < (uint32_t)head->n_vocabulary;
            sum = (sum ^ token) * fnv_prime;
            n_tokens += i % n_row > 0 &&
                        (token != LM_BPE_END || token_at(data, i - 1, one) != LM_BPE_END);
        }
        if (!is_sound || sum != head->sum || n_tokens != head->n_tokens) {
            return fail(err, REEL_EFORMAT, "%s/%s: damaged: its checksum is another",
                        folder, part_name[part]);
        }
    }
    return REEL_OK;
}

bool lm_corpus_row(const struct lm_corpus *corpus, enum lm_corpus_part part, int64_t i,
                   int32_t first, int32_t *token, int32_t *begin, int32_t *wanted)
{
    const struct lm_rows_head *head = corpus->head[part];
    const size_t n = (size_t)head->n_context, one = token_bytes(head->n_vocabulary);
    const unsigned char *at =
        corpus->map[part].data + sizeof *head + (size_t)i * (n + 1) * one;
    int32_t begins = first;
    for (size_t t = 0; t <= n; t++) {
        const uint32_t read = token_at(at, t, one);
        if (read >= (uint32_t)head->n_vocabulary) {
            return false;
        }
        const int32_t id = (int32_t)read;
        if (t > 0) {
            const bool is_padding = token[t - 1] == LM_BPE_END && id == LM_BPE_END;
            wanted[t - 1] = is_padding ? -1 : id;
        }
        if (t < n) {
            begins = id == LM_BPE_END ? first + (int32_t)t : begins;
            token[t] = id;
            begin[t] = begins;
        }
    }
    return true;
}
