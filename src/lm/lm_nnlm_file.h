/**
 * The file of a neural language model over words: mapped, checked, used as it lies.
 *
 *     [ header, 4096 B | begins of words | their bytes | table of words | C | H | d | U | b | W ]
 *
 * Arrays are float32 in the shapes of lm_nnlm_net.h, sections as in base_block.h, numbers of
 * this machine's byte order. Nothing of a file is believed before it was checked: afterwards a
 * damaged array gives wrong answers and nothing worse.
 */
#ifndef LM_NNLM_FILE_H
#define LM_NNLM_FILE_H

#include "base_block.h"
#include "base_file.h"
#include "lm_ngram_words.h"
#include "lm_nnlm_net.h"

#include <forkreel/lm_nnlm.h>

#define LM_NNLM_MAGIC "REELNNLM"

enum {
    LM_NNLM_SECTION_BEGIN,
    LM_NNLM_SECTION_BYTES,
    LM_NNLM_SECTION_SLOTS,
    LM_NNLM_SECTION_ARRAYS, /* the first of LM_NNLM_N_ARRAYS */
    LM_NNLM_N_SECTIONS = LM_NNLM_SECTION_ARRAYS + LM_NNLM_N_ARRAYS
};

/** On a page of its own at the beginning of the file. */
struct lm_nnlm_header {
    char magic[8];
    uint32_t version, oldest;
    uint64_t n_bytes, check; /* of the file; FNV-1a of this header with check 0 */
    uint32_t kind, is_direct, cut, n_words, n_embedding, n_hidden, n_context, reserved;
    uint64_t seed, n_tokens;       /* it was trained with */
    double loss_train, loss_valid; /* nats for each word; NAN: not known */
    struct base_section section[LM_NNLM_N_SECTIONS];
};

struct lm_nnlm {
    struct base_file_map map; /* empty: the bytes are not ours */
    struct lm_nnlm_header header;
    struct lm_nnlm_shape shape;
    struct lm_words_view words;
    struct lm_nnlm_weights weights;
};

/** Errors: REEL_EFORMAT not a whole model, REEL_EVERSION; `*model` is then empty. */
enum reel_status lm_nnlm_view(struct lm_nnlm *model, const void *data, size_t n_bytes,
                              struct reel_error *err) REEL_CHECKED;
enum reel_status lm_nnlm_map(struct lm_nnlm *model, const char *path,
                             struct reel_error *err) REEL_CHECKED;
void lm_nnlm_unmap(struct lm_nnlm *model);

/** Write shape, words, weights and the facts of `model->header`; whole or not at all. */
enum reel_status lm_nnlm_write(const struct lm_nnlm *model, const char *path,
                               int64_t *file_bytes, struct reel_error *err) REEL_CHECKED;

#endif
