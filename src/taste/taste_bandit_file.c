/**
 * A bandit as bytes, little-endian:
 *
 *     "REELBAND" | u32 version | u32 n_dims | u32 policy | u32 0
 *     f64 exploration, ridge, drift | i64 n_learned, n_seen, test.n, test.n_since_lowest
 *     f64 test.mean, test.sum, test.lowest
 *     f64 A^-1, lower triangle by rows | f64 b (n_dims)
 *     f32 kept (N_KEPT, n_dims) | f32 kept_surplus (N_KEPT)
 *
 * What comes back is checked: size against n_dims before anything is allocated, every number
 * finite, A^-1 with a positive diagonal that no entry beside it exceeds.
 */
#include "base_alloc.h"
#include "base_error.h"
#include "taste_bandit.h"

#include <endian.h>
#include <math.h>
#include <string.h>

enum { VERSION = 1, HEAD_BYTES = 8 + 4 * 4 + 10 * 8 };
static const char magic[8] = {'R', 'E', 'E', 'L', 'B', 'A', 'N', 'D'};

static size_t size_of(int32_t n_dims)
{
    const size_t d = (size_t)n_dims;
    return HEAD_BYTES + 8 * (d * (d + 1) / 2 + d) +
           4 * (TASTE_BANDIT_N_KEPT * d + TASTE_BANDIT_N_KEPT);
}

// ---- writing ----

static unsigned char *put_u32(unsigned char *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, 4);
    return at + 4;
}

static unsigned char *put_u64(unsigned char *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, 8);
    return at + 8;
}

static unsigned char *put_f32(unsigned char *at, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return put_u32(at, bits);
}

static unsigned char *put_f64(unsigned char *at, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return put_u64(at, bits);
}

enum reel_status reel_bandit_save(const struct reel_bandit *bandit, unsigned char **out,
                                  size_t *n_bytes, struct reel_error *err)
{
    const size_t d = (size_t)bandit->n_dims;
    *n_bytes = size_of(bandit->n_dims);
    *out = base_alloc(*n_bytes);
    if (!*out) {
        *n_bytes = 0;
        return fail(err, REEL_ENOMEM, "a bandit of %d dimensions", bandit->n_dims);
    }
    unsigned char *at = *out;
    memcpy(at, magic, sizeof magic);
    at = put_u32(at + sizeof magic, VERSION);
    at = put_u32(at, (uint32_t)bandit->n_dims);
    at = put_u32(at, (uint32_t)bandit->opt.policy);
    at = put_u32(at, 0);
    at = put_f64(at, bandit->opt.exploration);
    at = put_f64(at, bandit->opt.ridge);
    at = put_f64(at, bandit->opt.drift);
    at = put_u64(at, (uint64_t)bandit->n_learned);
    at = put_u64(at, (uint64_t)bandit->n_seen);
    at = put_u64(at, (uint64_t)bandit->test.n);
    at = put_u64(at, (uint64_t)bandit->test.n_since_lowest);
    at = put_f64(at, bandit->test.mean);
    at = put_f64(at, bandit->test.sum);
    at = put_f64(at, bandit->test.lowest);
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j <= i; j++) {
            at = put_f64(at, bandit->inverse[i * d + j]);
        }
    }
    for (size_t i = 0; i < d; i++) {
        at = put_f64(at, bandit->b[i]);
    }
    for (size_t i = 0; i < TASTE_BANDIT_N_KEPT * d; i++) {
        at = put_f32(at, bandit->kept[i]);
    }
    for (size_t i = 0; i < TASTE_BANDIT_N_KEPT; i++) {
        at = put_f32(at, bandit->kept_surplus[i]);
    }
    return REEL_OK;
}

void reel_bandit_bytes_free(unsigned char *bytes)
{
    base_free(bytes);
}

// ---- reading ----

static uint32_t get_u32(const unsigned char **at)
{
    uint32_t value;
    memcpy(&value, *at, 4);
    *at += 4;
    return le32toh(value);
}

static uint64_t get_u64(const unsigned char **at)
{
    uint64_t value;
    memcpy(&value, *at, 8);
    *at += 8;
    return le64toh(value);
}

static float get_f32(const unsigned char **at)
{
    const uint32_t bits = get_u32(at);
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static double get_f64(const unsigned char **at)
{
    const uint64_t bits = get_u64(at);
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

static enum reel_status read_numbers(struct reel_bandit *bandit, const unsigned char *at,
                                     struct reel_error *err)
{
    const size_t d = (size_t)bandit->n_dims;
    bool is_sound = true;
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j <= i; j++) {
            const double value = get_f64(&at);
            bandit->inverse[i * d + j] = value;
            bandit->inverse[j * d + i] = value;
        }
    }
    for (size_t i = 0; i < d; i++) {
        const double variance = bandit->inverse[i * d + i];
        is_sound = is_sound && variance > 0 && variance <= 1 / bandit->opt.ridge * 1.001;
        for (size_t j = 0; j < i; j++) { // as a covariance's entries are bound
            const double bound = variance * bandit->inverse[j * d + j] * 1.001;
            const double value = bandit->inverse[i * d + j];
            is_sound = is_sound && value * value <= bound;
        }
        bandit->b[i] = get_f64(&at);
        is_sound = is_sound && isfinite(bandit->b[i]) && fabs(bandit->b[i]) <= 1e12;
    }
    for (size_t i = 0; i < TASTE_BANDIT_N_KEPT * d; i++) {
        bandit->kept[i] = get_f32(&at);
        is_sound = is_sound && fabsf(bandit->kept[i]) <= 1e6F;
    }
    for (size_t i = 0; i < TASTE_BANDIT_N_KEPT; i++) {
        bandit->kept_surplus[i] = get_f32(&at);
        is_sound =
            is_sound && bandit->kept_surplus[i] >= -1 && bandit->kept_surplus[i] <= 1;
    }
    return is_sound ? REEL_OK : fail(err, REEL_EFORMAT, "bandit: a number out of range");
}

enum reel_status reel_bandit_load(const unsigned char *bytes, size_t n_bytes,
                                  struct reel_bandit **out, struct reel_error *err)
{
    *out = NULL;
    if (n_bytes < HEAD_BYTES || memcmp(bytes, magic, sizeof magic) != 0) {
        return fail(err, REEL_EFORMAT, "these %zu bytes are no bandit", n_bytes);
    }
    const unsigned char *at = bytes + sizeof magic;
    const uint32_t version = get_u32(&at), n_dims = get_u32(&at), policy = get_u32(&at);
    const uint32_t zero = get_u32(&at);
    if (version != VERSION) {
        return fail(err, REEL_EVERSION, "bandit of version %u, this forkreel knows %d",
                    version, VERSION);
    }
    if (n_dims < 1 || n_dims > REEL_BANDIT_MAX_DIMS ||
        n_bytes != size_of((int32_t)n_dims) || policy > REEL_BANDIT_THOMPSON || zero) {
        return fail(err, REEL_EFORMAT, "bandit: %u dimensions in %zu bytes, policy %u",
                    n_dims, n_bytes, policy);
    }
    struct reel_bandit_options opt = {.policy = (enum reel_bandit_policy)policy};
    opt.exploration = get_f64(&at);
    opt.ridge = get_f64(&at);
    opt.drift = get_f64(&at);
    struct reel_bandit *bandit = NULL;
    enum reel_status rc = reel_bandit_create((int32_t)n_dims, &opt, &bandit, err);
    if (rc) {
        return rc == REEL_EINVAL ? fail(err, REEL_EFORMAT, "bandit: options out of range")
                                 : rc;
    }
    bandit->n_learned = (int64_t)get_u64(&at);
    bandit->n_seen = (int64_t)get_u64(&at);
    bandit->test.n = (int64_t)get_u64(&at);
    bandit->test.n_since_lowest = (int64_t)get_u64(&at);
    bandit->test.mean = get_f64(&at);
    bandit->test.sum = get_f64(&at);
    bandit->test.lowest = get_f64(&at);
    const int64_t n_max = INT64_C(1) << 60;
    if (bandit->n_learned < 0 || bandit->n_seen < 0 || bandit->n_seen > n_max ||
        bandit->n_learned > bandit->n_seen || bandit->test.n < 0 ||
        bandit->test.n > bandit->n_seen || bandit->test.n_since_lowest < 0 ||
        bandit->test.n_since_lowest > bandit->test.n || !(fabs(bandit->test.mean) <= 1) ||
        !(fabs(bandit->test.sum) <= 1e12) || !(bandit->test.lowest <= bandit->test.sum) ||
        !isfinite(bandit->test.lowest)) {
        rc = fail(err, REEL_EFORMAT, "bandit: a count out of range");
    }
    rc = rc ? rc : read_numbers(bandit, at, err);
    if (rc == REEL_OK) {
        taste_bandit_solve(bandit);
        *out = bandit;
        bandit = NULL;
    }
    reel_bandit_free(bandit);
    return rc;
}
