/**
 * xoshiro256** 1.0 (Blackman and Vigna 2021), our own words; see base_rng.h.
 */
#include "base_rng.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void base_rng_init(struct base_rng *rng, uint64_t seed, uint64_t stream)
{
    uint64_t stream_state = stream;
    uint64_t state = seed ^ splitmix64(&stream_state);
    for (int i = 0; i < 4; i++) {
        rng->s[i] = splitmix64(&state);
    }
}

static uint64_t rotate_left(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

uint64_t base_rng_u64(struct base_rng *rng)
{
    uint64_t *s = rng->s;
    const uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint32_t base_rng_below(struct base_rng *rng, uint32_t n)
{
    for (;;) {
        const uint64_t product = (base_rng_u64(rng) >> 32) * n;
        // The low half is uniform enough unless it falls in the short first stretch.
        if ((uint32_t)product >= n || (uint32_t)product >= -n % n) {
            return (uint32_t)(product >> 32);
        }
    }
}

double base_rng_double(struct base_rng *rng)
{
    return (double)(base_rng_u64(rng) >> 11) * 0x1p-53;
}

double base_rng_normal(struct base_rng *rng)
{
    for (;;) {
        const double x = 2 * base_rng_double(rng) - 1;
        const double y = 2 * base_rng_double(rng) - 1;
        const double r2 = x * x + y * y;
        if (r2 > 0 && r2 < 1) {
            return x * sqrt(-2 * log(r2) / r2);
        }
    }
}

void base_rng_shuffle(struct base_rng *rng, int32_t *item, int32_t n)
{
    for (int32_t i = n - 1; i > 0; i--) {
        const int32_t j = (int32_t)base_rng_below(rng, (uint32_t)i + 1);
        const int32_t kept = item[i];
        item[i] = item[j];
        item[j] = kept;
    }
}
