/** The one door to all engines: picks one, checks what it is asked, keeps what it answers. */
#include "lm_engine.h"

#include "base_alloc.h"
#include "base_error.h"
#include "base_text.h"

#include <math.h>
#include <string.h>

#define REPLY_BYTES_MAX ((size_t)256 << 20)
enum { N_SAMPLES_MAX = 65536, N_LIVE_MAX = 128 };

struct reel_lm_options reel_lm_options_default(void)
{
    return (struct reel_lm_options){
        .n_threads = 1,
        .max_bytes = (int64_t)300 << 20,
        .n_live_max = 32,
        .timeout_ms = 60000,
        .n_retries = 3,
    };
}

struct reel_lm_request reel_lm_request_default(void)
{
    return (struct reel_lm_request){
        .n_tokens_max = 64,
        .temperature = 0.8,
        .top_k = 40,
        .top_p = 0.95,
        .min_p = 0.05,
        .repeat_cost = 0.3,
        .repeat_window = 128,
        .ngram_cost = 1,
        .sibling_cost = 0.5,
    };
}

bool lm_is_address(const char *where)
{
    return strncmp(where, "http://", 7) == 0 || strncmp(where, "https://", 8) == 0;
}

/** Which engine runs a file, by how it begins; another is a further line. */
static const struct lm_engine_kind {
    const char *magic;
    enum reel_status (*open)(const char *path, const struct reel_lm_options *opt,
                             struct reel_lm **out, struct reel_error *err);
} kinds[] = {
    {"REELNGRM", lm_ngram_open},
    {"\\data\\", lm_ngram_open}, // ARPA
    {"REELNNLM", lm_nnlm_open},
};

/** A file that is not there, or of no kind that is known, is told by the usual engine. */
static enum reel_status open_file(const char *path, const struct reel_lm_options *opt,
                                  struct reel_lm **out, struct reel_error *err)
{
    char begin[16] = "";
    FILE *in = fopen(path, "rbe");
    if (in) {
        begin[fread(begin, 1, sizeof begin - 1, in)] = '\0';
        (void)fclose(in);
    }
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (strncmp(begin, kinds[k].magic, strlen(kinds[k].magic)) == 0) {
            if (opt->adapter) {
                return fail(err, REEL_EINVAL, "%s: %s lies over GGUF models only", path,
                            opt->adapter);
            }
            return kinds[k].open(path, opt, out, err);
        }
    }
    return lm_local_open(path, opt, out, err);
}

enum reel_status reel_lm_open(const char *where, const struct reel_lm_options *opt,
                              struct reel_lm **out, struct reel_error *err)
{
    *out = NULL;
    if (opt->n_threads < 1 || opt->n_threads > 1024) {
        return fail(err, REEL_EINVAL, "n_threads is 1 to 1024, not %d", opt->n_threads);
    }
    if (opt->n_live_max < 1 || opt->n_live_max > N_LIVE_MAX) {
        return fail(err, REEL_EINVAL, "n_live_max is 1 to %d, not %d", N_LIVE_MAX,
                    opt->n_live_max);
    }
    if (opt->n_cells < 0 || opt->max_bytes < 0 || opt->n_retries < 0 ||
        opt->timeout_ms < 1) {
        return fail(err, REEL_EINVAL, "a negative number among the engine's options");
    }
    if (opt->adapter && lm_is_address(where)) {
        return fail(err, REEL_EINVAL, "%s: a server has its own adapters", where);
    }
    return lm_is_address(where) ? lm_remote_open(where, opt, out, err)
                                : open_file(where, opt, out, err);
}

void reel_lm_close(struct reel_lm *lm)
{
    if (lm) {
        lm->calls->close(lm);
    }
}

const struct reel_lm_facts *reel_lm_about(struct reel_lm *lm)
{
    if (lm->calls->settle) {
        lm->calls->settle(lm);
    }
    return &lm->facts;
}

// ---- asking ----

static bool is_share(double x)
{
    return x >= 0 && x <= 1;
}

static enum reel_status check_request(const struct reel_lm_request *r,
                                      struct reel_error *err)
{
    int64_t n = 0;
    for (int32_t p = 0; p < r->n_prompts; p++) {
        const struct reel_lm_prompt *prompt = &r->prompt[p];
        if ((!prompt->text && !prompt->instruction) || prompt->n_samples < 0) {
            return fail(err, REEL_EINVAL, "prompt %d: no text, or %d samples", p,
                        prompt->n_samples);
        }
        n += prompt->n_samples;
    }
    if (n > N_SAMPLES_MAX) {
        return fail(err, REEL_EINVAL, "%lld samples in one request, more than %d",
                    (long long)n, N_SAMPLES_MAX);
    }
    if (r->n_tokens_max < 1 || r->n_tokens_max > 65536) {
        return fail(err, REEL_EINVAL, "n_tokens_max is 1 to 65536, not %d",
                    r->n_tokens_max);
    }
    for (int32_t s = 0; s < r->n_stops; s++) {
        if (!r->stop[s] || !r->stop[s][0]) {
            return fail(err, REEL_EINVAL, "stop text %d is empty", s);
        }
    }
    if (!(r->temperature >= 0 && r->temperature <= 10) || r->top_k < 0 ||
        !is_share(r->top_p) || !is_share(r->min_p) || !(r->repeat_cost >= 0) ||
        r->repeat_window < 0 || !(r->ngram_cost >= 0) || !(r->sibling_cost >= 0)) {
        return fail(err, REEL_EINVAL,
                    "sampling out of range: temperature %g, top_k %d, top_p %g, min_p "
                    "%g, costs %g %g %g",
                    r->temperature, r->top_k, r->top_p, r->min_p, r->repeat_cost,
                    r->ngram_cost, r->sibling_cost);
    }
    return REEL_OK;
}

enum reel_status reel_lm_generate(struct reel_lm *lm,
                                  const struct reel_lm_request *request,
                                  struct reel_lm_reply *reply, struct reel_error *err)
{
    *reply = (struct reel_lm_reply){0};
    if (!lm->calls->generate) {
        return fail(err, REEL_EINVAL, "%s was opened to embed texts, not to write",
                    lm->facts.name);
    }
    enum reel_status rc = check_request(request, err);
    rc = rc ? rc : lm_reply_init(reply, request, err);
    rc = rc ? rc : lm->calls->generate(lm, request, reply, err);
    if (rc) {
        reel_lm_reply_release(reply);
    }
    return rc;
}

enum reel_status reel_lm_score(struct reel_lm *lm, struct reel_lm_judged *judged,
                               int32_t n, const struct reel_progress *progress,
                               struct reel_error *err)
{
    if (!lm->calls->score || !lm->facts.can_score) {
        return fail(err, REEL_EINVAL, "%s cannot tell how likely a text is",
                    lm->facts.name);
    }
    for (int32_t i = 0; i < n; i++) {
        judged[i].logp = NAN;
        judged[i].n_tokens = 0;
    }
    return n > 0 ? lm->calls->score(lm, judged, n, progress, err) : REEL_OK;
}

const char *lm_embed_prefix(const char *name)
{
    static const struct {
        const char *in_name, *prefix;
    } families[] = {{"e5-", "query: "},
                    {"nomic-embed", "clustering: "},
                    {"embeddinggemma", "task: clustering | query: "}};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (strcasestr(name, families[i].in_name)) {
            return families[i].prefix;
        }
    }
    return "";
}

enum reel_status reel_lm_embed(struct reel_lm *lm,
                               const struct reel_lm_embed_request *request, float *out,
                               struct reel_error *err)
{
    if (!lm->calls->embed || lm->facts.n_embedding < 1) {
        return fail(err, REEL_EINVAL, "%s was not opened to embed texts", lm->facts.name);
    }
    struct reel_lm_embed_request whole = *request;
    const size_t n_out_bytes =
        (size_t)request->n_texts * (size_t)lm->facts.n_embedding * sizeof *out;
    whole.prefix = request->prefix ? request->prefix : lm_embed_prefix(lm->facts.name);
    memset(out, 0, n_out_bytes);
    const enum reel_status rc =
        request->n_texts > 0 ? lm->calls->embed(lm, &whole, out, err) : REEL_OK;
    if (rc) {
        memset(out, 0, n_out_bytes);
    }
    return rc;
}

void lm_unit_length(float *row, int32_t n)
{
    double sum = 0;
    for (int32_t k = 0; k < n; k++) {
        sum += (double)row[k] * (double)row[k];
    }
    const bool is_number = isfinite(sum) && sum > 0;
    for (int32_t k = 0; k < n; k++) {
        row[k] = is_number ? (float)((double)row[k] / sqrt(sum)) : 0;
    }
}

enum reel_status reel_lm_count(struct reel_lm *lm, const char *text, int32_t *n_tokens,
                               struct reel_error *err)
{
    return lm->calls->count(lm, text, n_tokens, err);
}

// ---- replies ----

enum reel_status lm_reply_init(struct reel_lm_reply *reply,
                               const struct reel_lm_request *request,
                               struct reel_error *err)
{
    int32_t n = 0;
    for (int32_t p = 0; p < request->n_prompts; p++) {
        n += request->prompt[p].n_samples;
    }
    struct base_arena *arena = base_alloc_zeroed(1, sizeof *arena);
    if (!arena) {
        return fail(err, REEL_ENOMEM, "%d samples", n);
    }
    base_arena_init(arena, REPLY_BYTES_MAX);
    reply->owned = arena;
    reply->sample = base_arena_alloc(arena, (size_t)n + 1, sizeof *reply->sample);
    if (!reply->sample) {
        return fail(err, REEL_ENOMEM, "%d samples", n);
    }
    for (int32_t p = 0; p < request->n_prompts; p++) {
        for (int32_t i = 0; i < request->prompt[p].n_samples; i++) {
            reply->sample[reply->n_samples++] = (struct reel_lm_sample){
                .text = "", .logp = NAN, .i_prompt = p, .end = REEL_LM_END_GIVEN_UP};
        }
    }
    return REEL_OK;
}

struct base_arena *lm_reply_arena(struct reel_lm_reply *reply)
{
    return reply->owned;
}

void reel_lm_reply_release(struct reel_lm_reply *reply)
{
    if (reply->owned) {
        base_arena_release(reply->owned);
        base_free(reply->owned);
    }
    *reply = (struct reel_lm_reply){0};
}

// ---- texts that grow ----

void lm_text_init(struct lm_text *text, const char *const *stop, int32_t n_stops)
{
    *text = (struct lm_text){.stop = stop, .n_stops = n_stops};
}

void lm_text_release(struct lm_text *text)
{
    base_free(text->data);
    base_free(text->told);
    *text = (struct lm_text){0};
}

static bool need_room(struct lm_text *text, size_t n_bytes)
{
    if (text->n_bytes + n_bytes < text->room) {
        return true;
    }
    const size_t room = 2 * (text->n_bytes + n_bytes) + 64;
    char *data = base_realloc_array(text->data, room, 1);
    text->data = data ? data : text->data;
    char *told = base_realloc_array(text->told, room, 1);
    text->told = told ? told : text->told;
    if (!data || !told) {
        text->is_out_of_memory = true;
        return false;
    }
    text->room = room;
    return true;
}

/** Bytes of the character that begins so; 0 when none does. */
static int32_t n_character_bytes(unsigned char lead)
{
    return lead == 0      ? 0 // NUL would hide what follows it
           : lead < 0x80  ? 1
           : lead < 0xC2  ? 0
           : lead < 0xE0  ? 2
           : lead < 0xF0  ? 3
           : lead <= 0xF4 ? 4
                          : 0;
}

/** One more byte; what it makes whole goes into `data`, what can become nothing is dropped. */
static void add_byte(struct lm_text *text, char c)
{
    text->cut[text->n_cut++] = c;
    while (text->n_cut > 0) {
        const int32_t need = n_character_bytes((unsigned char)text->cut[0]);
        bool is_hopeful = need > 0;
        for (int32_t i = 1; i < text->n_cut; i++) {
            is_hopeful = is_hopeful && ((unsigned char)text->cut[i] & 0xC0) == 0x80;
        }
        if (is_hopeful && text->n_cut < need) {
            return;
        }
        size_t bad;
        if (is_hopeful && base_utf8_check(text->cut, (size_t)need, &bad)) {
            memcpy(text->data + text->n_bytes, text->cut, (size_t)need);
            text->n_bytes += (size_t)need;
            text->n_cut = 0;
        } else {
            text->n_cut--;
            memmove(text->cut, text->cut + 1, (size_t)text->n_cut);
        }
    }
}

/** Where the first stop text begins, looking only where new bytes can complete one. */
static size_t find_stop(const struct lm_text *text, size_t n_old)
{
    size_t first = text->n_bytes;
    for (int32_t s = 0; s < text->n_stops; s++) {
        const size_t n_stop = strlen(text->stop[s]);
        const size_t from = n_old >= n_stop ? n_old - n_stop + 1 : 0;
        const char *at = strstr(text->data + from, text->stop[s]);
        if (at && (size_t)(at - text->data) < first) {
            first = (size_t)(at - text->data);
        }
    }
    return first;
}

/** Where the longest end of the text begins that could still become a stop text. */
static size_t find_half_stop(const struct lm_text *text)
{
    size_t n_held = 0;
    for (int32_t s = 0; s < text->n_stops; s++) {
        const size_t n_stop = strlen(text->stop[s]);
        size_t n = n_stop - 1 < text->n_bytes ? n_stop - 1 : text->n_bytes;
        while (n > n_held &&
               memcmp(text->data + text->n_bytes - n, text->stop[s], n) != 0) {
            n--;
        }
        n_held = n > n_held ? n : n_held;
    }
    return text->n_bytes - n_held;
}

/** A copy of what is told up to `end` and was not before. */
static const char *tell(struct lm_text *text, size_t end)
{
    if (end <= text->n_told) {
        return "";
    }
    const size_t n = end - text->n_told;
    memcpy(text->told, text->data + text->n_told, n);
    text->told[n] = '\0';
    text->n_told = end;
    return text->told;
}

bool lm_text_add(struct lm_text *text, const char *piece, size_t n_bytes,
                 const char **told)
{
    *told = "";
    if (!need_room(text, n_bytes + sizeof text->cut)) {
        return false;
    }
    const size_t n_old = text->n_bytes;
    for (size_t i = 0; i < n_bytes; i++) {
        add_byte(text, piece[i]);
    }
    text->data[text->n_bytes] = '\0';
    const size_t stop = find_stop(text, n_old);
    const bool is_open = stop == text->n_bytes;
    if (!is_open) {
        text->n_bytes = stop;
        text->data[stop] = '\0';
        text->n_cut = 0;
    }
    *told = tell(text, is_open ? find_half_stop(text) : stop);
    return is_open;
}

const char *lm_text_finish(struct lm_text *text)
{
    text->n_cut = 0;
    return tell(text, text->n_bytes);
}
