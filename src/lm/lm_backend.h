/**
 * A backend of ggml that multiplies and attends with lm_kernel.c, beside its own for the CPU.
 *
 * It takes what it does faster and leaves the rest: products of Q4_1 and Q8_0 weights with any
 * number of columns, attention of up to 128 tokens. Weights are packed anew when first used, into
 * memory of the context that uses them.
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

#endif
