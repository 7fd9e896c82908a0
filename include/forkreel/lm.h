/**
 * @file lm.h
 * Language models in GGUF files: what one is, before any of it is loaded.
 *
 * A file from anywhere may be damaged, cut short or made to harm. Every length in it is
 * checked against the file before llama.cpp sees a byte of it, so a bad file costs one
 * line of text and never the process.
 *
 *     struct reel_lm_info info;
 *     rc = reel_lm_info_read("smollm2.gguf", &info, &err);
 *     printf("%s: %s, %" PRId64 " parameters\n", info.name, info.file_type,
 *            info.n_parameters);
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

#ifdef __cplusplus
}
#endif
#endif
