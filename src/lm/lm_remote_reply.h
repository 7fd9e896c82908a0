/**
 * What an OpenAI-compatible server sends back, read as it comes: a stream of server-sent
 * events with one JSON object each, or a single JSON document from a server that does not
 * stream. Servers differ, and all of these are understood:
 *
 *     who            text is in           log-probabilities are in       and besides
 *     llama-server   text; delta.content  logprobs.content[].logprob     usage in the last
 *     vLLM           text; delta.content  completions: token_logprobs[]  usage alone in a
 *                                         chat: content[].logprob        chunk without choices
 *     Ollama         text; delta.content  nowhere in a stream            usage in the last
 *     OpenAI         as vLLM              as vLLM                        comments to keep alive
 *
 * Nothing here trusts the server: lines, texts and counts have limits, what is no JSON or
 * has a wrong type is an error, and so is a stream that ends without saying so.
 */
#ifndef LM_REMOTE_REPLY_H
#define LM_REMOTE_REPLY_H

#include "base_buffer.h"

enum lm_remote_finish {
    LM_REMOTE_OPEN = 0,
    LM_REMOTE_STOP,   /* a stop text or the model's own end */
    LM_REMOTE_LENGTH, /* as many tokens as were asked for */
};

/** A piece of text and what it cost; logp (n_logp) of its tokens, none: not told. */
typedef bool lm_remote_on_piece(const char *piece, size_t n_bytes, const double *logp,
                                int32_t n_logp, void *payload);

struct lm_remote_reader {
    bool is_document; /* one JSON document instead of events; set before the first byte */
    lm_remote_on_piece *on_piece; /* false: enough */
    void *payload;
    /* what was read so far */
    enum lm_remote_finish finish;
    bool is_over;             /* "[DONE]", or on_piece had enough */
    int64_t n_text_bytes_max; /* of all pieces; more is an error */
    int64_t n_text_bytes;
    int32_t n_read, n_written; /* tokens of prompt and answer; -1: not told */
    int32_t n_shared;          /* tokens of the prompt that the server had read before */
    /* inside */
    struct base_buffer line, data;
    bool was_return; /* the last byte was a carriage return */
};

void lm_remote_reader_init(struct lm_remote_reader *reader, int64_t n_text_bytes_max,
                           lm_remote_on_piece *on_piece, void *payload);
/** Forget what was read; ready for the same answer once more. */
void lm_remote_reader_clear(struct lm_remote_reader *reader);
void lm_remote_reader_release(struct lm_remote_reader *reader);

/**
 * The next bytes of the body. Errors: REEL_EFORMAT says what is wrong; REEL_EIO the server
 * reports an error of its own inside the stream; REEL_ENOMEM.
 */
enum reel_status lm_remote_reader_add(struct lm_remote_reader *reader, const char *data,
                                      size_t n_bytes,
                                      struct reel_error *err) REEL_CHECKED;
/** The body has ended. Errors: REEL_EFORMAT before the answer did; else as above. */
enum reel_status lm_remote_reader_end(struct lm_remote_reader *reader,
                                      struct reel_error *err) REEL_CHECKED;

/** What an error document says ("error": {"message": ...}), else the text itself, cut. */
void lm_remote_read_complaint(const char *body, size_t n_bytes, char *text,
                              size_t n_text_bytes);

/* ---- documents ---- */

struct lm_remote_model {
    char id[128];
    int32_t n_context, n_vocabulary; /* 0: not told */
};
/**
 * The answer of /v1/models: `wanted`, or the first when that is NULL.
 * Errors: REEL_ENOTFOUND lists what there is; REEL_EFORMAT; REEL_ENOMEM.
 */
enum reel_status lm_remote_read_models(const char *body, size_t n_bytes,
                                       const char *wanted, struct lm_remote_model *out,
                                       struct reel_error *err) REEL_CHECKED;

/**
 * The answer to a completion with "echo": the prompt's own tokens with log-probabilities.
 * *n_tokens of the prompt; logp (n_tokens, NAN for the first), free with base_free.
 * Errors: REEL_EFORMAT, also when the server does not echo; REEL_ENOMEM.
 */
enum reel_status lm_remote_read_echo(const char *body, size_t n_bytes, double **logp,
                                     int32_t *n_tokens,
                                     struct reel_error *err) REEL_CHECKED;

/**
 * The answer of /v1/embeddings to `n_texts` texts, at most 64: vectors in the order of the texts,
 * whatever that of the answer is. `*n_dims` 0: not known yet, set to what the answer has;
 * `row` (n_texts, *n_dims) may be NULL only then. Errors: REEL_EFORMAT.
 */
enum reel_status lm_remote_read_vectors(const char *body, size_t n_bytes, int32_t n_texts,
                                        int32_t *n_dims, float *row,
                                        struct reel_error *err) REEL_CHECKED;

#endif
