/**
 * A GGUF file of which every length was checked against the bytes that are there, mapped.
 * The implementation stands beside the checks, in lm_model.c.
 */
#ifndef LM_GGUF_H
#define LM_GGUF_H

#include "base_file.h"

#include <forkreel/status.h>

#include <gguf.h>

struct lm_gguf {
    struct base_file_map map;
    struct gguf_context *header;
};

/** Errors: REEL_ENOTFOUND, REEL_EIO, REEL_EFORMAT, REEL_ENOMEM; `*file` is then empty. */
enum reel_status lm_gguf_open(struct lm_gguf *file, const char *path,
                              struct reel_error *err) REEL_CHECKED;
/** Safe on an empty one. */
void lm_gguf_close(struct lm_gguf *file);

/** Text under `key` into `text`, printable; left alone where there is none. */
void lm_gguf_text(const struct lm_gguf *file, const char *key, char *text,
                  size_t n_text_bytes);
/** Whole number under `key`, whatever width it is stored in; -1 where there is none. */
int64_t lm_gguf_number(const struct lm_gguf *file, const char *key);
/** Number with a fraction under `key`. */
double lm_gguf_real(const struct lm_gguf *file, const char *key, double otherwise);
/** Bytes of tensor `id`: as many as its type and shape take, and all are in the file. */
const void *lm_gguf_data(const struct lm_gguf *file, int64_t id);

#endif
