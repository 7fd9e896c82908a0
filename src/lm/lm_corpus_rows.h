/** Packing documents into rows, and files of rows; see lm_corpus.h. */
#ifndef LM_CORPUS_ROWS_H
#define LM_CORPUS_ROWS_H

#include "base_file.h"
#include "lm_corpus.h"

struct lm_rows_head {
    uint64_t magic;
    uint32_t version, oldest;
    int32_t n_context, n_vocabulary;
    int64_t n_rows, n_tokens;
    uint64_t sum; /* of all tokens in order, FNV-1a */
    uint64_t room[2];
};

enum { LM_ROWS_OPEN = 64 };

struct lm_rows_writer {
    struct base_file_writer file;
    struct lm_rows_head head;
    int32_t *token; /* (LM_ROWS_OPEN, n_context + 1) rows that still have room */
    int32_t n_open, n_used[LM_ROWS_OPEN];
};

enum reel_status lm_rows_create(struct lm_rows_writer *writer, const char *path,
                                int32_t n_context, int32_t n_vocabulary,
                                struct reel_error *err) REEL_CHECKED;
/** token (n), n >= 2: LM_BPE_END and then the document. Failures come out at closing. */
void lm_rows_add(struct lm_rows_writer *writer, const int32_t *token, size_t n);
enum reel_status lm_rows_close(struct lm_rows_writer *writer,
                               struct reel_error *err) REEL_CHECKED;
void lm_rows_abort(struct lm_rows_writer *writer);

#endif
