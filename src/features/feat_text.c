/**
 * Words of one text, and the language it is written in; see forkreel/text.h.
 */
#include "feat_stop.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_text.h"

#include <forkreel/text.h>

#include <libstemmer.h>
#include <pthread.h>
#include <string.h>

/** Dear to make: kept for the next call. */
struct tools {
    struct base_text *text;
    struct sb_stemmer *stemmer;
    struct base_buffer words;
    struct tools *next;
};

static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;
static struct tools *idle;

static void tools_free(struct tools *t)
{
    if (t) {
        base_text_free(t->text);
        if (t->stemmer) {
            sb_stemmer_delete(t->stemmer);
        }
        base_buffer_release(&t->words);
        base_free(t);
    }
}

static enum reel_status tools_make(struct tools **out, struct reel_error *err)
{
    struct tools *t = base_alloc_zeroed(1, sizeof *t);
    enum reel_status rc =
        t ? base_text_create(&t->text, err) : fail(err, REEL_ENOMEM, "text tools");
    if (rc == REEL_OK) {
        base_buffer_init(&t->words, (size_t)1 << 30);
        t->stemmer = sb_stemmer_new("english", "UTF_8");
        rc = t->stemmer ? REEL_OK : fail(err, REEL_ENOMEM, "stemmer");
    }
    if (rc != REEL_OK) {
        tools_free(t);
        return rc;
    }
    *out = t;
    return REEL_OK;
}

static enum reel_status tools_take(struct tools **out, struct reel_error *err)
{
    pthread_mutex_lock(&idle_lock);
    *out = idle;
    idle = idle ? idle->next : NULL;
    pthread_mutex_unlock(&idle_lock);
    return *out ? REEL_OK : tools_make(out, err);
}

static void tools_put(struct tools *t)
{
    base_buffer_clear(&t->words);
    pthread_mutex_lock(&idle_lock);
    t->next = idle;
    idle = t;
    pthread_mutex_unlock(&idle_lock);
}

struct reel_text_options reel_text_options_default(void)
{
    return (struct reel_text_options){.n_count_max = 1000000};
}

enum reel_status reel_text_words(const char *text, size_t n,
                                 const struct reel_text_options *opt,
                                 enum reel_status (*each)(const char *word, size_t n,
                                                          void *payload,
                                                          struct reel_error *err),
                                 void *payload, struct reel_error *err)
{
    struct tools *t = NULL;
    enum reel_status rc = tools_take(&t, err);
    if (rc != REEL_OK) {
        return rc;
    }
    rc = base_text_words(t->text, text, n, false, &t->words, err);
    const char *p = base_buffer_text(&t->words);
    while (rc == REEL_OK && *p) {
        size_t n_word = strcspn(p, " ");
        const char *next = p + n_word;
        if (!feat_stop_is(p, n_word, opt ? opt->language : NULL)) {
            if ((unsigned char)p[0] < 0x80) {
                p = (const char *)sb_stemmer_stem(t->stemmer, (const sb_symbol *)p,
                                                  (int)n_word);
                n_word = (size_t)sb_stemmer_length(t->stemmer);
            }
            rc = p ? each(p, n_word, payload, err) : fail(err, REEL_ENOMEM, "stem");
        }
        p = next + (*next == ' ');
    }
    tools_put(t);
    return rc;
}
