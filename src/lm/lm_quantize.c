/**
 * The same weights in another file type. Every type that llama.cpp writes is here; those that it
 * refuses to make without an importance matrix are named, so that whoever asks for one is told.
 */
#include "lm_quantize.h"
#include "lm_guard.h"
#include "lm_pull.h"

#include "base_error.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKENS_PER_HAN_MAX 1.3 /* more: the vocabulary has no Chinese */

/* Names are those of llama.cpp's own tool, bits those of the types of its blocks. NVFP4 is not
 * among them: llama.cpp reads such files and refuses to make them. */
static const struct {
    struct reel_lm_file_type type;
    enum llama_ftype ftype;
} types[] = {
    {{"F32", 32, false}, LLAMA_FTYPE_ALL_F32},
    {{"F16", 16, false}, LLAMA_FTYPE_MOSTLY_F16},
    {{"BF16", 16, false}, LLAMA_FTYPE_MOSTLY_BF16},
    {{"Q8_0", 8.5, false}, LLAMA_FTYPE_MOSTLY_Q8_0},
    {{"Q6_K", 6.6, false}, LLAMA_FTYPE_MOSTLY_Q6_K},
    {{"Q5_K_M", 5.7, false}, LLAMA_FTYPE_MOSTLY_Q5_K_M},
    {{"Q5_K_S", 5.5, false}, LLAMA_FTYPE_MOSTLY_Q5_K_S},
    {{"Q5_0", 5.5, false}, LLAMA_FTYPE_MOSTLY_Q5_0},
    {{"Q5_1", 6, false}, LLAMA_FTYPE_MOSTLY_Q5_1},
    {{"Q4_K_M", 4.9, false}, LLAMA_FTYPE_MOSTLY_Q4_K_M},
    {{"Q4_K_S", 4.6, false}, LLAMA_FTYPE_MOSTLY_Q4_K_S},
    {{"Q4_0", 4.6, false}, LLAMA_FTYPE_MOSTLY_Q4_0},
    {{"Q4_1", 5, false}, LLAMA_FTYPE_MOSTLY_Q4_1},
    {{"IQ4_NL", 4.6, false}, LLAMA_FTYPE_MOSTLY_IQ4_NL},
    {{"IQ4_XS", 4.3, false}, LLAMA_FTYPE_MOSTLY_IQ4_XS},
    {{"MXFP4_MOE", 4.5, false}, LLAMA_FTYPE_MOSTLY_MXFP4_MOE},
    {{"Q3_K_L", 4.3, false}, LLAMA_FTYPE_MOSTLY_Q3_K_L},
    {{"Q3_K_M", 3.9, false}, LLAMA_FTYPE_MOSTLY_Q3_K_M},
    {{"Q3_K_S", 3.5, false}, LLAMA_FTYPE_MOSTLY_Q3_K_S},
    {{"IQ3_M", 3.7, false}, LLAMA_FTYPE_MOSTLY_IQ3_M},
    {{"IQ3_S", 3.5, false}, LLAMA_FTYPE_MOSTLY_IQ3_S},
    {{"IQ3_XS", 3.3, true}, LLAMA_FTYPE_MOSTLY_IQ3_XS},
    {{"IQ3_XXS", 3.1, true}, LLAMA_FTYPE_MOSTLY_IQ3_XXS},
    {{"Q2_K", 3.2, false}, LLAMA_FTYPE_MOSTLY_Q2_K},
    {{"Q2_K_S", 3, true}, LLAMA_FTYPE_MOSTLY_Q2_K_S},
    {{"IQ2_M", 2.7, true}, LLAMA_FTYPE_MOSTLY_IQ2_M},
    {{"IQ2_S", 2.5, true}, LLAMA_FTYPE_MOSTLY_IQ2_S},
    {{"IQ2_XS", 2.3, true}, LLAMA_FTYPE_MOSTLY_IQ2_XS},
    {{"IQ2_XXS", 2.1, true}, LLAMA_FTYPE_MOSTLY_IQ2_XXS},
    {{"Q2_0", 2.2, false}, LLAMA_FTYPE_MOSTLY_Q2_0},
    {{"TQ2_0", 2.1, false}, LLAMA_FTYPE_MOSTLY_TQ2_0},
    {{"TQ1_0", 1.7, false}, LLAMA_FTYPE_MOSTLY_TQ1_0},
    {{"IQ1_M", 1.8, true}, LLAMA_FTYPE_MOSTLY_IQ1_M},
    {{"IQ1_S", 1.6, true}, LLAMA_FTYPE_MOSTLY_IQ1_S},
    {{"Q1_0", 1.2, false}, LLAMA_FTYPE_MOSTLY_Q1_0},
};
enum { N_TYPES = sizeof types / sizeof *types };

const struct reel_lm_file_type *lm_file_type(int i_type)
{
    return &types[i_type].type;
}

int lm_file_type_find(const char *name)
{
    for (int i = 0; i < N_TYPES; i++) {
        if (strcasecmp(types[i].type.name, name) == 0) {
            return i;
        }
    }
    return -1;
}

const struct reel_lm_file_type *reel_lm_file_type(int32_t i_type)
{
    return i_type >= 0 && i_type < N_TYPES ? &types[i_type].type : NULL;
}

enum reel_status lm_file_type_make(const char *from, const char *to, int i_type,
                                   int32_t n_threads, struct reel_error *err)
{
    const struct reel_lm_file_type *type = lm_file_type(i_type);
    char new[REEL_LM_PATH_BYTES];
    struct lm_guard guard;
    struct llama_model_quantize_params params = llama_model_quantize_default_params();
    params.nthread = n_threads;
    params.ftype = types[i_type].ftype;
    params.allow_requantize = true;
    const int n = snprintf(new, sizeof new, "%s.new-%ld", to, (long)getpid());
    if (n < 0 || n >= (int)sizeof new) {
        return fail(err, REEL_EINVAL, "%.200s: the path is too long", to);
    }
    if (type->needs_matrix) {
        return fail(err, REEL_EINVAL,
                    "%s needs an importance matrix of the model, which is not made here; "
                    "llama.cpp's llama-imatrix and llama-quantize do",
                    type->name);
    }
    struct reel_lm_info info;
    enum reel_status rc = REEL_OK;
    // llama.cpp does not look whether every byte was written, so the file is read again.
    if (lm_guard_quantize(from, new, &params, &guard) != 0) {
        rc = fail(err, REEL_EFAIL, "%s as %s: %s", from, type->name,
                  *guard.why ? guard.why : "llama.cpp cannot make it");
    } else if (reel_lm_info_read(new, &info, err) != REEL_OK) {
        rc = fail(err, REEL_EIO, "%s: not all of it could be written", to);
    } else if (rename(new, to) != 0) {
        rc = fail(err, REEL_EIO, "%s: cannot be written", to);
    }
    if (rc) {
        (void)unlink(new);
    }
    return rc;
}

enum reel_status lm_file_type_room(const struct reel_lm_info *info, int i_type,
                                   const char *to, struct reel_error *err)
{
    char folder[REEL_LM_PATH_BYTES];
    const char *slash = strrchr(to, '/');
    (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - to) : 1,
                   slash ? to : ".");
    const double n_bytes =
        (double)info->n_parameters * lm_file_type(i_type)->bits / 8 * 1.25;
    return lm_pull_room(*folder ? folder : "/", (int64_t)n_bytes + (1 << 20), err);
}

enum reel_status reel_lm_quantize(const char *from, const char *to, const char *type,
                                  int32_t n_threads, struct reel_error *err)
{
    struct reel_lm_info info;
    struct stat st_from, st_to;
    const int i_type = lm_file_type_find(type);
    if (i_type < 0) {
        return fail(err, REEL_EINVAL, "there is no file type '%.40s'", type);
    }
    enum reel_status rc = reel_lm_info_read(from, &info, err);
    if (rc) {
        return rc;
    }
    if (stat(from, &st_from) == 0 && stat(to, &st_to) == 0 &&
        st_from.st_ino == st_to.st_ino && st_from.st_dev == st_to.st_dev) {
        return fail(err, REEL_EINVAL, "%s: it cannot be written over itself", to);
    }
    rc = lm_file_type_room(&info, i_type, to, err);
    return rc ? rc : lm_file_type_make(from, to, i_type, n_threads, err);
}

// ---- what it costs ----

enum reel_status lm_knows_chinese(struct reel_lm *lm, bool *has_chinese,
                                  struct reel_error *err)
{
    int32_t n_tokens = 0;
    const char *text = reel_lm_held_text("zh");
    const enum reel_status rc = reel_lm_count(lm, text, &n_tokens, err);
    *has_chinese = n_tokens < TOKENS_PER_HAN_MAX * (double)strlen(text) / 3;
    return rc;
}

enum reel_status reel_lm_judge_file(const char *path, int32_t n_threads,
                                    const struct reel_progress *progress,
                                    struct reel_lm_file_judged *out,
                                    struct reel_error *err)
{
    struct reel_lm_options opt = reel_lm_options_default();
    struct reel_lm *lm;
    struct stat st;
    bool has_chinese = false;
    int32_t n_tokens;
    *out = (struct reel_lm_file_judged){.perplexity_en = NAN, .perplexity_zh = NAN};
    opt.n_threads = n_threads;
    enum reel_status rc = reel_lm_open(path, &opt, &lm, err);
    if (rc) {
        return rc;
    }
    out->file_bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
    rc = lm_knows_chinese(lm, &has_chinese, err);
    rc = rc ? rc
            : reel_lm_perplexity(lm, reel_lm_held_text("en"), progress,
                                 &out->perplexity_en, &n_tokens, err);
    if (rc == REEL_OK && has_chinese) {
        rc = reel_lm_perplexity(lm, reel_lm_held_text("zh"), progress,
                                &out->perplexity_zh, &n_tokens, err);
    }
    reel_lm_close(lm);
    return rc;
}
