/**
 * Documents of texts, one after the other; see lm_corpus.h for what a document is.
 *
 *     rc = lm_documents_open(&texts, REEL_LM_DOCUMENTS_BLANK, &documents, &err);
 *     while ((rc = lm_documents_next(documents, &text, &n, &err)) == REEL_OK && text) { ... }
 *     lm_documents_close(documents);
 */
#ifndef LM_DOCUMENTS_H
#define LM_DOCUMENTS_H

#include <forkreel/lm_pretrain.h>

#include <stddef.h>

struct lm_documents;
/** Errors: as lm_lines_open. */
enum reel_status lm_documents_open(const struct reel_lm_texts *texts,
                                   enum reel_lm_documents kind, struct lm_documents **out,
                                   struct reel_error *err) REEL_CHECKED;
void lm_documents_close(struct lm_documents *documents);
/**
 * The next that is not blank, without blank lines around it, well-formed UTF-8 without NUL;
 * borrowed until the next call. `*text` is NULL after the last.
 *
 * Errors: REEL_EFORMAT no UTF-8, no JSON, or longer than 256 MiB, with the place; REEL_EIO; REEL_ENOMEM.
 */
enum reel_status lm_documents_next(struct lm_documents *documents, const char **text,
                                   size_t *n_bytes, struct reel_error *err) REEL_CHECKED;
/** Bytes read, and in all; 0 where that is unknown. */
double lm_documents_done(const struct lm_documents *documents);
double lm_documents_total(const struct lm_documents *documents);

#endif
