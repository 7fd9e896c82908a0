/**
 * Any bytes as a text of documents (the first byte says of which kind), all the way into rows
 * and back; or as the rows of a corpus.
 */
#include "fuzz_file.h"

#include "lm_corpus.h"

enum { N_CONTEXT = 16 };

static char folder[64];

static void remove_folder(void)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/train.rows", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/valid.rows", folder);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void make_folder(void)
{
    if (!*folder) {
        (void)snprintf(folder, sizeof folder, "/tmp/fuzz-corpus-XXXXXX");
        if (!mkdtemp(folder)) {
            abort();
        }
        (void)atexit(remove_folder);
    }
}

static void read_rows(void)
{
    struct lm_corpus *corpus;
    struct reel_error err;
    if (lm_corpus_open(folder, &corpus, &err) != REEL_OK) {
        return;
    }
    const int32_t n = lm_corpus_n_context(corpus);
    int32_t *row = malloc(3 * (size_t)n * sizeof *row);
    const bool is_sound = lm_corpus_verify(corpus, folder, &err) == REEL_OK;
    for (int part = 0; row && part < LM_CORPUS_N_PARTS; part++) {
        const int64_t n_rows = lm_corpus_n_rows(corpus, (enum lm_corpus_part)part);
        for (int64_t i = 0; i < n_rows && i < 100; i++) {
            const bool is_read = lm_corpus_row(corpus, (enum lm_corpus_part)part, i, 0,
                                               row, row + n, row + 2 * n);
            if (is_sound && !is_read) {
                abort();
            }
            for (int32_t t = 0; is_read && t < n; t++) {
                if (row[n + t] < 0 || row[n + t] > t) {
                    abort();
                }
            }
        }
    }
    free(row);
    lm_corpus_close(corpus);
}

static void link_rows(const char *name, const char *to)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)unlink(path);
    if (symlink(to, path) != 0) {
        abort();
    }
}

static void make_rows(const char *path, enum reel_lm_documents kind)
{
    struct lm_corpus_options opt = lm_corpus_options_default();
    struct lm_corpus_made made;
    struct lm_bpe *bpe;
    struct reel_error err;
    opt.texts = (struct reel_lm_texts){&path, 1};
    opt.documents = kind;
    opt.n_context = N_CONTEXT;
    opt.n_vocabulary = 300;
    const enum reel_status rc = lm_corpus_make(folder, &opt, &bpe, &made, &err);
    if (rc == REEL_OK) {
        lm_bpe_free(bpe);
        read_rows();
    } else if (rc != REEL_EFORMAT || bpe || !err.text[0]) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (n_bytes == 0) {
        return 0;
    }
    make_folder();
    const struct fuzz_file file = fuzz_file_open("", 0, data + 1, n_bytes - 1);
    const int kind = data[0] % (REEL_LM_DOCUMENTS_FILE + 2);
    if (kind <= REEL_LM_DOCUMENTS_FILE) {
        make_rows(file.path, (enum reel_lm_documents)kind);
    } else {
        link_rows("train.rows", file.path);
        link_rows("valid.rows", file.path);
        read_rows();
    }
    fuzz_file_close(&file);
    return 0;
}
