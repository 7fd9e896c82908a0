/**
 * @file lm.h
 * Language models: what a GGUF file is, and engines that continue, judge and embed text.
 *
 * A file from anywhere may be damaged, cut short or made to harm. Every length in it is
 * checked against the file before llama.cpp sees a byte of it, so a bad file costs one
 * line of text and never the process.
 *
 * An engine is a model at hand: *local* (a GGUF file, run by llama.cpp) or *remote* (an
 * OpenAI-compatible server). One request may ask for many continuations of many prompts.
 * Prompts are plain text; what they share at their beginning is found token by token,
 * decoded once, and kept for the next request while there is room. All continuations
 * advance together, one batch per step.
 *
 *     struct reel_lm *lm;
 *     struct reel_lm_options opt = reel_lm_options_default();
 *     rc = reel_lm_open("smollm2.gguf", &opt, &lm, &err);
 *     struct reel_lm_prompt prompt = {.text = "Once upon a time", .n_samples = 8};
 *     struct reel_lm_request request = reel_lm_request_default();
 *     request.prompt = &prompt;
 *     request.n_prompts = 1;
 *     struct reel_lm_reply reply;
 *     rc = reel_lm_generate(lm, &request, &reply, &err);
 *     puts(reply.sample[0].text);
 *     reel_lm_reply_release(&reply);
 *     reel_lm_close(lm);
 */
#ifndef FORKREEL_LM_H
#define FORKREEL_LM_H

#include <forkreel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Texts end with NUL and are cut to fit; "" and 0 where the file does not say. */
struct reel_lm_info {
    char architecture[32]; /* "llama", "qwen2" */
    char name[128];        /* the model's own name */
    char file_type[64];    /* how the weights are stored: "Q4_1", "Q4_K - Medium" */
    int64_t n_parameters;  /* over all tensors */
    int64_t file_bytes;
    int32_t n_context;    /* tokens it was trained to look back on */
    int32_t n_vocabulary; /* tokens it knows */
    int32_t n_embedding;  /* width of its hidden state */
    int32_t n_layers;
    bool has_chat_template;
    bool is_embedder; /* made to turn texts into vectors: reads both ways, or pools */
};

/**
 * Read what a GGUF file says of itself; no weights are loaded.
 *
 * Errors:  REEL_ENOTFOUND, REEL_EIO; REEL_EFORMAT for everything that is not a whole GGUF
 *          file of version 2 or 3 with an architecture; REEL_ENOMEM. `*info` is then all 0.
 * Threads: any number.
 * Cost:    the header only, a few MB whatever the model's size.
 */
enum reel_status reel_lm_info_read(const char *path, struct reel_lm_info *info,
                                   struct reel_error *err) REEL_CHECKED;

/* ---- engines ---- */

struct reel_lm;

enum reel_lm_kind { REEL_LM_LOCAL = 1, REEL_LM_REMOTE = 2, REEL_LM_SCRIPTED = 3 };

struct reel_lm_options {
    int32_t n_threads; /* for decoding; default 1 */
    int32_t
        n_cells; /* tokens that can be kept in memory at once; 0: chosen from the model
                            and max_bytes */
    int64_t
        max_bytes; /* of cells and working memory, beside the weights; default 300 MB */
    int32_t n_live_max;  /* continuations that advance together; default 32 */
    const char *adapter; /* file of lm_finetune.h laid over a local model; NULL: none */
    bool embeds;         /* opened for reel_lm_embed and nothing else; default false */
    /* remote only */
    const char *model; /* name that the server knows; NULL: the first it lists */
    const char *key;   /* API key; NULL: from key_file, else FORKREEL_LM_KEY, else none */
    const char *key_file; /* its first line is the key; may be NULL */
    int32_t timeout_ms;   /* without any byte from the server; default 60000 */
    int32_t n_retries; /* after a refusal or a break before the first token; default 3 */
    struct reel_progress progress; /* of loading */
};
struct reel_lm_options reel_lm_options_default(void);

/** What is known of an engine once it is open. */
struct reel_lm_facts {
    enum reel_lm_kind kind;
    char name[128];      /* "SmolLM2 135M Instruct" */
    char checksum[72];   /* sha256 of the file in hex; of a remote one "" */
    bool is_instruct;    /* has a chat template */
    bool can_score;      /* reel_lm_score works */
    bool reads_lines;    /* each line stands alone: what was before it tells it nothing */
    int32_t n_embedding; /* numbers for each text of reel_lm_embed; 0: it does not work */
    bool
        shares_cells; /* false: hybrid, recurrent or sliding window, read anew each time */
    int32_t n_context; /* longest prompt and answer together, in tokens */
    int32_t n_vocabulary;
    int64_t file_bytes;
};

/**
 * Open what `where` names: a GGUF file, or "http://host:port/v1" (also https).
 *
 * Errors:  REEL_ENOTFOUND, REEL_EIO; REEL_EFORMAT not a whole GGUF model, or one that
 *          llama.cpp cannot run; REEL_ENOMEM it would not fit into memory (asked before it
 *          is loaded); REEL_EINVAL options. `*out` is then NULL.
 * Threads: one at a time for each engine.
 */
enum reel_status reel_lm_open(const char *where, const struct reel_lm_options *opt,
                              struct reel_lm **out, struct reel_error *err) REEL_CHECKED;
void reel_lm_close(struct reel_lm *lm);
/** Waits for the checksum, which is made beside loading. Lives as long as `lm`. */
const struct reel_lm_facts *reel_lm_about(struct reel_lm *lm);

/* ---- continuing ---- */

struct reel_lm_prompt {
    const char *text;  /* exactly what the model reads; BOS is added where it belongs;
                         never read for special tokens. NULL: `instruction` is asked */
    int32_t n_samples; /* continuations wanted; 0: only read, for later requests */
    int32_t group; /* samples of one group shun each other's words; see sibling_cost */
    const char
        *instruction; /* asked through the chat template: of a remote chat model always,
                         of a local one when `text` is NULL; may be NULL */
};

/**
 * One token of one sample has been chosen; false gives this sample up (its cells go). `piece`
 * is the text that has become certain by it: whole characters that no stop text can swallow
 * any more, often "". What an end sets free comes once more, with `logp` NAN.
 */
typedef bool reel_lm_on_token(int32_t i_sample, const char *piece, double logp,
                              void *payload);

struct reel_lm_request {
    const struct reel_lm_prompt *prompt;
    int32_t n_prompts;
    int32_t n_tokens_max;    /* of each sample; default 64 */
    const char *const *stop; /* a sample ends before any of these texts */
    int32_t n_stops;
    /* sampling, in this order: penalties, top_k, top_p, min_p, temperature */
    double temperature;    /* default 0.8; 0: greedy */
    int32_t top_k;         /* default 40; 0: all */
    double top_p, min_p;   /* default 0.95, 0.05 */
    double repeat_cost;    /* nats taken from a token for each use in the last
                                   repeat_window tokens; punctuation, Chinese too, and spaces
                                   are free; default 0.3 */
    int32_t repeat_window; /* default 128 */
    double ngram_cost;     /* nats, times the length of the repeat beyond 2; default 1 */
    double sibling_cost;   /* nats taken for each sample of the group that used the
                                   token (and more for an n-gram) before; default 0.5 */
    uint64_t seed;
    reel_lm_on_token *on_token; /* may be NULL */
    void *payload;
    struct reel_progress progress; /* asked between steps; stops with REEL_ECANCELLED */
};
struct reel_lm_request reel_lm_request_default(void);

enum reel_lm_end {
    REEL_LM_END_STOP = 1,     /* a stop text, or the model's own end */
    REEL_LM_END_LENGTH = 2,   /* n_tokens_max */
    REEL_LM_END_GIVEN_UP = 3, /* on_token said so */
    REEL_LM_END_NO_ROOM = 4,  /* pruned, because the cells ran out */
};

struct reel_lm_sample {
    const char *text; /* UTF-8, never cut inside a character; without the stop text */
    int32_t n_tokens;
    double logp; /* sum over its tokens, before penalties and temperature; NAN unknown */
    const float *token_logp; /* (n_tokens); NULL unknown */
    int32_t i_prompt;
    enum reel_lm_end end;
};

struct reel_lm_reply {
    struct reel_lm_sample *sample; /* prompt by prompt */
    int32_t n_samples;
    /* what it took */
    int32_t n_tokens_read, n_tokens_shared, n_tokens_written, n_steps;
    void *owned;
};

/**
 * Errors:  REEL_EINVAL prompt too long for the context, with its length; REEL_ECANCELLED;
 *          REEL_EIO the server failed (with what it said); REEL_ENOMEM. `*reply` is then empty.
 */
enum reel_status reel_lm_generate(struct reel_lm *lm,
                                  const struct reel_lm_request *request,
                                  struct reel_lm_reply *reply,
                                  struct reel_error *err) REEL_CHECKED;
void reel_lm_reply_release(struct reel_lm_reply *reply);

/* ---- judging ---- */

struct reel_lm_judged {
    const char *context; /* "" for nothing but BOS */
    const char *text;
    double logp;      /* out: log P(text given context), natural logarithm; NAN no text */
    int32_t n_tokens; /* out: tokens of `text` */
};

/**
 * The tokens that hold a byte of the text are judged; one across the border, such as a blank
 * of the context with the text's first word, as a whole.
 *
 * Errors: REEL_EINVAL the engine cannot score, or too long; else as reel_lm_generate.
 */
enum reel_status reel_lm_score(struct reel_lm *lm, struct reel_lm_judged *judged,
                               int32_t n, const struct reel_progress *progress,
                               struct reel_error *err) REEL_CHECKED;

/** Tokens of a text, BOS not counted; an estimate for a remote engine. */
enum reel_status reel_lm_count(struct reel_lm *lm, const char *text, int32_t *n_tokens,
                               struct reel_error *err) REEL_CHECKED;

/* ---- embedding ---- */

struct reel_lm_embed_request {
    const char *const *text; /* (n_texts) */
    int32_t n_texts;
    const char *prefix; /* put before every text; NULL: what the model's family wants,
                           such as "query: " for E5 */
    struct reel_progress progress; /* in texts; stops with REEL_ECANCELLED */
};

/**
 * A vector for each text, so that texts about the same lie close: their product is the cosine.
 *
 * The last hidden layer is pooled as the model says (mean, first or last token); a model that
 * only continues texts gets the mean without the first token, on which such models park what
 * they do not need. A text of more than 256 tokens (or than the model can read) is cut into
 * even parts, whose vectors are averaged by length.
 *
 * Shapes:  out (n_texts, facts.n_embedding) float32, rows of length 1; all 0 for a text of
 *          which the model can say nothing, because it is empty or most of its words are
 *          unknown (Chinese to an English model); all 0 everywhere after a failure.
 * Errors:  REEL_EINVAL the engine was not opened with `embeds`; REEL_ECANCELLED;
 *          REEL_EFAIL, REEL_EIO the model or the server failed; REEL_ENOMEM.
 */
enum reel_status reel_lm_embed(struct reel_lm *lm,
                               const struct reel_lm_embed_request *request, float *out,
                               struct reel_error *err) REEL_CHECKED;

/** Vectors of many texts, most of which were asked for before. */
struct reel_lm_vectors {
    float *row; /* (request.n_texts, n_dims) as reel_lm_embed gives them */
    int32_t n_dims;
    int32_t n_computed; /* texts that were not kept from an earlier call */
    char model[128];    /* its name */
};

/**
 * The same through a file that keeps them: `folder`/SUM.vectors, SUM from the checksum of the
 * model's file. Where all are kept the model is not even opened. A damaged file counts as
 * none and is replaced; of a server nothing is kept. `folder` is made when it is missing.
 *
 * Owns:    row is the caller's: reel_lm_vectors_release.
 * Errors:  those of reel_lm_open and reel_lm_embed; REEL_EIO the file cannot be written.
 *          `*out` is then empty.
 * Threads: any number of processes on one folder; what one of two keeps may be lost.
 */
enum reel_status reel_lm_vectors_get(const char *where, const struct reel_lm_options *opt,
                                     const struct reel_lm_embed_request *request,
                                     const char *folder, struct reel_lm_vectors *out,
                                     struct reel_error *err) REEL_CHECKED;
void reel_lm_vectors_release(struct reel_lm_vectors *vectors);

/* ---- an engine that recites, for tests ---- */

/**
 * It embeds as well: words are hashed into 64 columns, so texts that share words lie close.
 *
 * What to answer to one sample of one prompt; NULL: an empty answer. The text lives until
 * the next call. logp of every byte is taken as -1, and of a byte already in the context -.1.
 */
typedef const char *reel_lm_reciter(const char *prompt, int32_t i_sample, uint64_t seed,
                                    void *payload);
enum reel_status reel_lm_open_scripted(reel_lm_reciter *reciter, void *payload,
                                       struct reel_lm **out,
                                       struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
