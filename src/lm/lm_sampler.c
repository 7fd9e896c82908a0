/** See lm_sampler.h. The two passes over the vocabulary are what a step pays for. */
#include "lm_sampler.h"

#include "base_alloc.h"
#include "base_error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SPARE = 64, NGRAM_MAX = 16, N_BLOCK = 64 };
/** Without top_k, tokens this far below the best cannot matter: e^-20. */
#define FAR_BELOW 20.0F

// ---- groups ----

/** Counts under 64-bit keys, open addressing; key 0 marks an empty place. */
struct lm_group {
    uint64_t *key;
    int32_t *count;
    size_t n, room; /* room is a power of two */
};

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9U;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebU;
    return (x ^ x >> 31) | 1; // never 0
}

static uint64_t place_key(int32_t at, int32_t token)
{
    return mix((uint64_t)(uint32_t)at << 32 | (uint32_t)token);
}

static uint64_t ngram_key(int32_t a, int32_t b, int32_t c)
{
    return mix(mix(mix((uint64_t)(uint32_t)a + 0x9e3779b97f4a7c15U) + (uint32_t)b) +
               (uint32_t)c);
}

enum reel_status lm_group_create(struct lm_group **out, struct reel_error *err)
{
    struct lm_group *group = base_alloc_zeroed(1, sizeof *group);
    *out = NULL;
    if (group) {
        group->room = 1024;
        group->key = base_alloc_zeroed(group->room, sizeof *group->key);
        group->count = base_alloc_zeroed(group->room, sizeof *group->count);
    }
    if (!group || !group->key || !group->count) {
        lm_group_free(group);
        return fail(err, REEL_ENOMEM, "a group of samples");
    }
    *out = group;
    return REEL_OK;
}

void lm_group_free(struct lm_group *group)
{
    if (group) {
        base_free(group->key);
        base_free(group->count);
        base_free(group);
    }
}

static size_t slot_of(const struct lm_group *group, uint64_t key)
{
    size_t at = (size_t)key & (group->room - 1);
    while (group->key[at] && group->key[at] != key) {
        at = (at + 1) & (group->room - 1);
    }
    return at;
}

static int32_t count_of(const struct lm_group *group, uint64_t key)
{
    const size_t at = slot_of(group, key);
    return group->key[at] ? group->count[at] : 0;
}

static bool grow(struct lm_group *group)
{
    struct lm_group larger = {.room = 2 * group->room};
    larger.key = base_alloc_zeroed(larger.room, sizeof *larger.key);
    larger.count = base_alloc_zeroed(larger.room, sizeof *larger.count);
    if (!larger.key || !larger.count) {
        base_free(larger.key);
        base_free(larger.count);
        return false;
    }
    for (size_t i = 0; i < group->room; i++) {
        if (group->key[i]) {
            const size_t at = slot_of(&larger, group->key[i]);
            larger.key[at] = group->key[i];
            larger.count[at] = group->count[i];
        }
    }
    larger.n = group->n;
    base_free(group->key);
    base_free(group->count);
    *group = larger;
    return true;
}

static bool count_up(struct lm_group *group, uint64_t key)
{
    if (2 * group->n >= group->room && !grow(group)) {
        return false;
    }
    const size_t at = slot_of(group, key);
    group->n += group->key[at] == 0;
    group->key[at] = key;
    group->count[at]++;
    return true;
}

enum reel_status lm_group_add(struct lm_group *group, const int32_t *own, int32_t n_own,
                              struct reel_error *err)
{
    const int32_t last = own[n_own - 1];
    bool is_kept = count_up(group, place_key(n_own - 1, last));
    if (is_kept && n_own >= 3) {
        is_kept = count_up(group, ngram_key(own[n_own - 3], own[n_own - 2], last));
    }
    return is_kept ? REEL_OK : fail(err, REEL_ENOMEM, "a group of samples");
}

// ---- penalties ----

/** Length of the longest n-gram, ending with `token`, that the text has already. */
static int32_t repeat_length(const int32_t *own, int32_t n_own, int32_t from,
                             int32_t token)
{
    int32_t longest = 0;
    for (int32_t i = n_own - 1; i >= from; i--) {
        if (own[i] != token) {
            continue;
        }
        int32_t n = 1;
        while (n < NGRAM_MAX && i - n >= from && own[i - n] == own[n_own - n]) {
            n++;
        }
        longest = n > longest ? n : longest;
    }
    return longest;
}

double lm_penalty(const struct lm_vocabulary *vocabulary,
                  const struct reel_lm_request *request, const int32_t *own,
                  int32_t n_own, const struct lm_group *group, int32_t token)
{
    if (vocabulary->is_free[token]) {
        return 0;
    }
    const int32_t from =
        n_own > request->repeat_window ? n_own - request->repeat_window : 0;
    double cost = 0;
    for (int32_t i = from; i < n_own; i++) {
        cost += own[i] == token ? request->repeat_cost : 0;
    }
    const int32_t n = cost > 0 || request->repeat_cost == 0
                          ? repeat_length(own, n_own, from, token)
                          : 0;
    cost += n > 2 ? request->ngram_cost * (n - 2) : 0;
    if (group && request->sibling_cost > 0) {
        cost += request->sibling_cost * count_of(group, place_key(n_own, token));
        if (n_own >= 2) {
            cost += 2 * request->sibling_cost *
                    count_of(group, ngram_key(own[n_own - 2], own[n_own - 1], token));
        }
    }
    return cost;
}

// ---- passes over the vocabulary ----

double lm_log_sum_exp_naive(const float *x, int32_t n)
{
    double max = -INFINITY, sum = 0;
    for (int32_t i = 0; i < n; i++) {
        max = fmax(max, (double)x[i]);
    }
    for (int32_t i = 0; i < n && max > -INFINITY; i++) {
        sum += exp((double)x[i] - max);
    }
    return max > -INFINITY ? max + log(sum) : -INFINITY;
}

static float largest(const float *x, int32_t n)
{
    float lane[16], max = -INFINITY;
    int32_t i = 0;
    for (int k = 0; k < 16; k++) {
        lane[k] = -INFINITY;
    }
    for (; i + 16 <= n; i += 16) {
        for (int k = 0; k < 16; k++) {
            lane[k] = x[i + k] > lane[k] ? x[i + k] : lane[k];
        }
    }
    for (; i < n; i++) {
        max = x[i] > max ? x[i] : max;
    }
    for (int k = 0; k < 16; k++) {
        max = lane[k] > max ? lane[k] : max;
    }
    return max;
}

/**
 * exp for x <= 0, relative error below 3e-7: 2^k e^r with |r| <= ln 2 / 2, the power by the
 * exponent's bits, e^r by its series to the sixth power. Below -87 it is 0.
 */
static inline float exp_below(float x)
{
    const float y = x < -87 ? -87 : x;
    const float k = floorf(y * 1.44269504F + 0.5F);
    const float r = y - k * 0.693359375F + k * 2.12194440e-4F;
    const float e =
        1 +
        r * (1 + r * (0.5F + r * (1.0F / 6 + r * (1.0F / 24 +
                                                  r * (1.0F / 120 + r * (1.0F / 720))))));
    const int32_t bits = ((int32_t)k + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return x < -87 ? 0 : e * power;
}

double lm_log_sum_exp(const float *x, int32_t n)
{
    const float max = largest(x, n);
    if (!(max > -INFINITY)) {
        return -INFINITY;
    }
    double sum = 0;
    for (int32_t from = 0; from < n; from += 1024) {
        const int32_t n_here = n - from < 1024 ? n - from : 1024;
        float lane[16] = {0};
        int32_t i = 0;
        for (; i + 16 <= n_here; i += 16) {
            for (int k = 0; k < 16; k++) {
                lane[k] += exp_below(x[from + i + k] - max);
            }
        }
        for (; i < n_here; i++) {
            lane[0] += exp_below(x[from + i] - max);
        }
        for (int k = 0; k < 16; k++) {
            sum += (double)lane[k];
        }
    }
    return (double)max + log(sum);
}

static int by_logit(const void *a, const void *b)
{
    const struct lm_candidate *x = a, *y = b;
    return x->logit != y->logit ? (x->logit < y->logit) * 2 - 1
                                : (x->token > y->token) - (x->token < y->token);
}

int32_t lm_largest_naive(const float *x, int32_t n, int32_t k, struct lm_candidate *out)
{
    int32_t n_kept = 0;
    for (int32_t i = 0; i < n; i++) {
        if (n_kept == k && !(x[i] > out[k - 1].logit)) {
            continue;
        }
        int32_t at = n_kept < k ? n_kept++ : k - 1;
        for (; at > 0 && out[at - 1].logit < x[i]; at--) {
            out[at] = out[at - 1];
        }
        out[at] = (struct lm_candidate){i, x[i]};
    }
    return n_kept;
}

static void sift_down(struct lm_candidate *heap, int32_t n, int32_t at)
{
    const struct lm_candidate moved = heap[at];
    for (int32_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
        child += child + 1 < n && heap[child + 1].logit < heap[child].logit;
        if (heap[child].logit >= moved.logit) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

int32_t lm_largest(const float *x, int32_t n, int32_t k, struct lm_candidate *out)
{
    // A heap whose root is the smallest kept; a block whose largest is not above it is
    // passed over in one comparison.
    int32_t i = 0;
    for (; i < n && i < k; i++) {
        out[i] = (struct lm_candidate){i, x[i]};
    }
    const int32_t n_kept = i;
    for (int32_t at = n_kept / 2; at-- > 0;) {
        sift_down(out, n_kept, at);
    }
    while (i < n && k > 0) {
        const int32_t n_here = n - i < N_BLOCK ? n - i : N_BLOCK;
        if (largest(x + i, n_here) > out[0].logit) {
            for (int32_t j = i; j < i + n_here; j++) {
                if (x[j] > out[0].logit) {
                    out[0] = (struct lm_candidate){j, x[j]};
                    sift_down(out, n_kept, 0);
                }
            }
        }
        i += n_here;
    }
    return n_kept;
}

// ---- choosing ----

void lm_sampler_release(struct lm_sampler *sampler)
{
    base_free(sampler->candidate);
    *sampler = (struct lm_sampler){0};
}

static enum reel_status need_room(struct lm_sampler *sampler, int32_t n,
                                  struct reel_error *err)
{
    if (n > sampler->room) {
        struct lm_candidate *more =
            base_realloc_array(sampler->candidate, (size_t)n, sizeof *more);
        if (!more) {
            return fail(err, REEL_ENOMEM, "%d candidates", n);
        }
        sampler->candidate = more;
        sampler->room = n;
    }
    return REEL_OK;
}

/** All tokens that are not hopeless, for top_k 0. */
static int32_t all_near(const float *x, int32_t n, struct lm_candidate *out)
{
    const float low = largest(x, n) - FAR_BELOW;
    int32_t n_kept = 0;
    for (int32_t i = 0; i < n; i++) {
        if (x[i] >= low) {
            out[n_kept++] = (struct lm_candidate){i, x[i]};
        }
    }
    return n_kept;
}

/** Candidates in order of penalised logit, cut by top_k, top_p and min_p. */
static int32_t cut(struct lm_candidate *c, int32_t n,
                   const struct reel_lm_request *request)
{
    qsort(c, (size_t)n, sizeof *c, by_logit);
    if (request->top_k > 0 && n > request->top_k) {
        n = request->top_k;
    }
    double sum = 0, before = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += exp((double)c[i].logit - (double)c[0].logit);
    }
    int32_t n_kept = 0;
    while (n_kept < n) {
        const double p =
            exp((double)c[n_kept].logit - (double)c[0].logit); // over the best
        if (n_kept > 0 && (before >= request->top_p * sum || p < request->min_p)) {
            break;
        }
        before += p;
        n_kept++;
    }
    return n_kept;
}

static int32_t draw(const struct lm_candidate *c, int32_t n, double temperature,
                    struct base_rng *rng)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += exp(((double)c[i].logit - (double)c[0].logit) / temperature);
    }
    double left = base_rng_double(rng) * sum;
    for (int32_t i = 0; i < n; i++) {
        left -= exp(((double)c[i].logit - (double)c[0].logit) / temperature);
        if (left < 0) {
            return i;
        }
    }
    return n - 1;
}

enum reel_status lm_sampler_choose(struct lm_sampler *sampler,
                                   const struct lm_vocabulary *vocabulary,
                                   const struct reel_lm_request *request,
                                   const float *logits, const int32_t *own, int32_t n_own,
                                   struct lm_group *group, struct base_rng *rng,
                                   struct lm_choice *out, struct reel_error *err)
{
    const int32_t n_vocabulary = vocabulary->n_tokens;
    const int32_t wanted = request->top_k > 0 ? request->top_k + SPARE : n_vocabulary;
    const int32_t k = wanted < n_vocabulary ? wanted : n_vocabulary;
    enum reel_status rc = need_room(sampler, k, err);
    if (rc) {
        return rc;
    }
    struct lm_candidate *c = sampler->candidate;
    int32_t n = request->top_k > 0 ? lm_largest(logits, n_vocabulary, k, c)
                                   : all_near(logits, n_vocabulary, c);
    const double total = lm_log_sum_exp(logits, n_vocabulary);
    if (n == 0 || !isfinite(total)) {
        return fail(err, REEL_EFAIL, "the model gave no number for any token");
    }
    for (int32_t i = 0; i < n; i++) {
        c[i].logit -=
            (float)lm_penalty(vocabulary, request, own, n_own, group, c[i].token);
    }
    n = cut(c, n, request);
    const int32_t i =
        request->temperature > 0 ? draw(c, n, request->temperature, rng) : 0;
    *out = (struct lm_choice){c[i].token, (double)logits[c[i].token] - total};
    return REEL_OK;
}
