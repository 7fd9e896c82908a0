/**
 * A backend of ggml that multiplies and attends with lm_kernel.c, beside its own for the CPU.
 *
 * It takes what it does faster and leaves the rest: products of weights of 4 to 8 bits with any
 * number of columns, attention of up to 512 tokens. Weights are packed anew when first used, into
 * memory of the context that uses them: 4 bits as they are, 5 and 6 bits rounded to 8.
 */
#ifndef LM_BACKEND_H
#define LM_BACKEND_H

#include <llama.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * Let every context that is made from now on use it, before BLAS, unless the processor lacks
 * what it needs; and let llama.cpp give BLAS one thread, however many ggml has. Any number of
 * times, from any thread.
 */
void lm_backend_register(void);
/** Threads of contexts that this thread makes from now on. */
void lm_backend_set_threads(int32_t n_threads);
/** Would most of the work of such a model be done here? */
bool lm_backend_suits(const struct llama_model *model);

/** Is there a way to pack weights of this type? */
bool lm_backend_takes(enum ggml_type type);
/** Rows of such a type as tiles (lm_kernel.h), freed by the caller; NULL out of memory. */
void *lm_backend_pack(enum ggml_type type, const void *rows, int64_t n_rows,
                      int64_t n_cols);

#endif
